/* dtype.h: what is known of the element types, all from dtypes.def: sizes, names, reading and writing one number. */
#ifndef CN__DTYPE_H
#define CN__DTYPE_H
#include "base.h"
#include <string.h>

typedef enum cn__dtype_class { CN__CLASS_NONE, CN__CLASS_B, CN__CLASS_U, CN__CLASS_I, CN__CLASS_F } cn__dtype_class;

size_t          cn__dtype_size (cn_dtype);       /* bytes of an element; that of a pointer for CN_STRING; 0: no dtype */
const char     *cn__dtype_name (cn_dtype);               /* "float32", "string"; "?": no dtype */
const char     *cn__dtype_npy  (cn_dtype);               /* "<f4"; NULL if NumPy has none */
cn__dtype_class cn__dtype_class_of(cn_dtype);            /* CN__CLASS_NONE for strings */
cn_dtype        cn__dtype_named(const char *name);       /* 0: none */
bool            cn__dtype_range(cn_dtype, double *least, double *most);      /* of integers and bool; else false */
static inline bool cn__is_float(cn_dtype d) { return cn__dtype_class_of(d) == CN__CLASS_F; }

/* Element i of the row-major numbers at p, whatever their type; NaN for strings. Stores round to nearest even; to
   integers they truncate towards zero and stop at the ends of the range, NaN gives 0 (so the result never depends on
   the machine); to bool all but 0 is 1. An int64_t beyond 2^53 loses its last bits on its way through a double: use the
   int pair for it. */
double  cn__load     (cn_dtype, const void *p, size_t i);
void    cn__store    (cn_dtype, void *p, size_t i, double value);
int64_t cn__load_int (cn_dtype, const void *p, size_t i);
void    cn__store_int(cn_dtype, void *p, size_t i, int64_t value);
void    cn__convert  (cn_dtype to, void *out, cn_dtype from, const void *in, size_t n);      /* n numbers, as above */

/* IEEE 754 half and bfloat16 (the upper half of a float). Round to nearest, ties to even; NaN stays NaN. */
static inline float cn__bits_f32(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}
static inline uint32_t cn__f32_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}
static inline float cn__bf16_to_f32(uint16_t h) { return cn__bits_f32((uint32_t)h << 16); }
static inline uint16_t cn__f32_to_bf16(float f)
{
    uint32_t b = cn__f32_bits(f);
    if ((b & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(b >> 16 | 0x40u);  /* quiet, and never rounded to infinity */
    return (uint16_t)((b + 0x7fffu + (b >> 16 & 1u)) >> 16);
}
float    cn__f16_to_f32(uint16_t);
uint16_t cn__f32_to_f16(float);
uint16_t cn__f64_to_f16(double);                         /* one rounding, not two */
uint16_t cn__f64_to_bf16(double);

#endif
