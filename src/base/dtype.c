/* dtype.c: the element types, all from dtypes.def. */
#include "base/dtype.h"
#include <math.h>

/* ---- Half precision ---------------------------------------------------------------------------------------------- */
float cn__f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 0x1fu, fraction = h & 0x3ffu;
    if (exponent == 0) {                                 /* zero, or a subnormal: fraction * 2^-24, exact in a float */
        float f = (float)fraction * 0x1p-24f;
        return sign ? -f : f;
    }
    if (exponent == 31) return cn__bits_f32(sign | 0x7f800000u | fraction << 13);
    return cn__bits_f32(sign | (exponent + 112) << 23 | fraction << 13);
}

/* Rounds |v| to a multiple of the spacing that a format with so many fraction bits has there: 2^(e - fraction), where e
   is the exponent of |v|, at least that of the smallest normal number. nearbyint rounds ties to even; the scaling is
   exact. */
static double round_to(double v, int fraction, int least_exponent)
{
    int e;
    frexp(v, &e);
    e = CN__MAX(e - 1, least_exponent) - fraction;
    return ldexp(nearbyint(ldexp(v, -e)), e);
}

uint16_t cn__f64_to_f16(double value)
{
    uint16_t sign = signbit(value) ? 0x8000u : 0;
    double   v = fabs(value);
    if (isnan(v)) return sign | 0x7e00u;
    if (v >= 65520) return sign | 0x7c00u;               /* halfway from the largest number to the next: infinity */
    v = round_to(v, 10, -14);
    if (v < 0x1p-14) return (uint16_t)(sign | (uint16_t)(v * 0x1p24));
    int e;
    double m = frexp(v, &e);                             /* v = m * 2^e, 0.5 <= m < 1 */
    return (uint16_t)(sign | (unsigned)(e + 14) << 10 | ((unsigned)(m * 0x1p11) & 0x3ffu));
}

uint16_t cn__f32_to_f16(float f)
{
    uint32_t b = cn__f32_bits(f), sign = b >> 16 & 0x8000u, v = b & 0x7fffffffu;
    if (v > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
    if (v >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);                      /* 65520 and above */
    if (v < 0x38800000u) {               /* below 2^-14: adding 0.5 aligns the last bit to 2^-24, rounding as it goes */
        uint32_t r = cn__f32_bits(cn__bits_f32(v) + 0.5f) - cn__f32_bits(0.5f);
        return (uint16_t)(sign | r);
    }
    v += 0xc8000fffu + (v >> 13 & 1u);                   /* exponent bias 127 -> 15, and half of the last bit */
    return (uint16_t)(sign | v >> 13);
}

uint16_t cn__f64_to_bf16(double value)
{
    if (isnan(value) || isinf(value) || value == 0) return cn__f32_to_bf16((float)value);
    double v = round_to(value, 7, -126);
    if (fabs(v) > 0x1.fep127) return cn__f32_to_bf16((float)copysign(INFINITY, v));
    return cn__f32_to_bf16((float)v);                    /* exact: eight bits fit a float */
}

/* ---- Loops through double: one pair for each type ---------------------------------------------------------------- */
typedef void read_fn (const void *from, size_t n, double *to);
typedef void write_fn(const double *from, size_t n, void *to);

static int64_t truncated(double v, double least, double most)
{
    if (isnan(v)) return 0;
    if (v <= least) return (int64_t)least;
    if (v >= most) return most >= 0x1p63 ? INT64_MAX : (int64_t)most;
    return (int64_t)v;
}

#define LOOPS(id, T, VALUE, BITS)                                                                                  \
    static void read_##id(const void *from, size_t n, double *to)                                                  \
    {                                                                                                              \
        const T *p = from;                                                                                         \
        for (size_t i = 0; i < n; i++) to[i] = VALUE(p[i]);                                                        \
    }                                                                                                              \
    static void write_##id(const double *from, size_t n, void *to)                                                 \
    {                                                                                                              \
        T *p = to;                                                                                                 \
        for (size_t i = 0; i < n; i++) p[i] = (T)BITS(from[i]);                                                    \
    }
#define IS_SET(v)           ((v) != 0)
#define AS_DOUBLE(v)        ((double)(v))
#define FLOAT16_VALUE(v)    ((double)cn__f16_to_f32(v))
#define BFLOAT16_VALUE(v)   ((double)cn__bf16_to_f32(v))
#define FLOAT32_VALUE       AS_DOUBLE
#define FLOAT64_VALUE       AS_DOUBLE
#define FLOAT16_BITS        cn__f64_to_f16
#define BFLOAT16_BITS       cn__f64_to_bf16
#define FLOAT32_BITS(v)     (v)
#define FLOAT64_BITS(v)     (v)
#define INT8_BITS(v)        truncated(v, INT8_MIN, INT8_MAX)
#define INT16_BITS(v)       truncated(v, INT16_MIN, INT16_MAX)
#define INT32_BITS(v)       truncated(v, INT32_MIN, INT32_MAX)
#define INT64_BITS(v)       truncated(v, -0x1p63, 0x1p63)
#define UINT8_BITS(v)       truncated(v, 0, UINT8_MAX)
#define UINT16_BITS(v)      truncated(v, 0, UINT16_MAX)
#define UINT32_BITS(v)      truncated(v, 0, UINT32_MAX)
#define LOOPS_B(id, T)      LOOPS(id, T, IS_SET, IS_SET)
#define LOOPS_U(id, T)      LOOPS(id, T, AS_DOUBLE, id##_BITS)
#define LOOPS_I(id, T)      LOOPS(id, T, AS_DOUBLE, id##_BITS)
#define LOOPS_F(id, T)      LOOPS(id, T, id##_VALUE, id##_BITS)
#define CN_DTYPE(id, T, bytes, class, name, npy) LOOPS_##class(id, T)
#include "base/dtypes.def"
#undef CN_DTYPE

/* ---- The table --------------------------------------------------------------------------------------------------- */
typedef struct entry {
    const char *name, *npy;
    size_t size;
    cn__dtype_class class;
    read_fn *read;
    write_fn *write;
} entry;
static const entry entries[] = {
#define CN_DTYPE(id, T, bytes, class, name, npy)                                                                       \
    [CN_##id] = { name, npy, bytes, CN__CLASS_##class, read_##id, write_##id },
#include "base/dtypes.def"
#undef CN_DTYPE
    [CN_STRING] = { "string", NULL, sizeof(const char *), CN__CLASS_NONE, NULL, NULL },
};

static const entry *entry_of(cn_dtype d)
{
    static const entry none = { "?", NULL, 0, CN__CLASS_NONE, NULL, NULL };
    return (unsigned)d < CN__COUNT(entries) && entries[d].name ? &entries[d] : &none;
}

size_t          cn__dtype_size(cn_dtype d)     { return entry_of(d)->size; }
const char     *cn__dtype_name(cn_dtype d)     { return entry_of(d)->name; }
cn__dtype_class cn__dtype_class_of(cn_dtype d) { return entry_of(d)->class; }

const char *cn__dtype_npy(cn_dtype d)
{
    return d == CN_BFLOAT16 ? NULL : entry_of(d)->npy;   /* NumPy has none: its bytes would come back as integers */
}

cn_dtype cn__dtype_named(const char *name)
{
    for (unsigned d = 1; name && d < CN__COUNT(entries); d++)
        if (!strcmp(entries[d].name, name)) return (cn_dtype)d;
    return (cn_dtype)0;
}

bool cn__dtype_range(cn_dtype d, double *least, double *most)
{
    const entry *e = entry_of(d);
    if (e->class == CN__CLASS_B) return *least = 0, *most = 1, true;
    if (e->class == CN__CLASS_U) return *least = 0, *most = ldexp(1, 8 * (int)e->size) - 1, true;
    if (e->class == CN__CLASS_I)
        return *most = ldexp(1, 8 * (int)e->size - 1) - 1, *least = -ldexp(1, 8 * (int)e->size - 1), true;
    return false;
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */
double cn__load(cn_dtype d, const void *p, size_t i)
{
    const entry *e = entry_of(d);
    double v = NAN;
    if (e->read) e->read((const char *)p + i * e->size, 1, &v);
    return v;
}

void cn__store(cn_dtype d, void *p, size_t i, double value)
{
    const entry *e = entry_of(d);
    if (e->write) e->write(&value, 1, (char *)p + i * e->size);
}

int64_t cn__load_int(cn_dtype d, const void *p, size_t i)
{
    return d == CN_INT64 ? ((const int64_t *)p)[i] : truncated(cn__load(d, p, i), -0x1p63, 0x1p63);
}

void cn__store_int(cn_dtype d, void *p, size_t i, int64_t value)
{
    if (d == CN_INT64) ((int64_t *)p)[i] = value;
    else cn__store(d, p, i, (double)value);
}

void cn__convert(cn_dtype to, void *out, cn_dtype from, const void *in, size_t n)
{
    const entry *source = entry_of(from), *target = entry_of(to);
    double some[256];
    if (to == from && to != CN_BOOL) {
        if (n) memcpy(out, in, n * source->size);
        return;
    }
    if (!source->read || !target->write) return;
    for (size_t i = 0; i < n; i += CN__COUNT(some)) {
        size_t k = CN__MIN(n - i, CN__COUNT(some));
        source->read((const char *)in + i * source->size, k, some);
        target->write(some, k, (char *)out + i * target->size);
    }
}
