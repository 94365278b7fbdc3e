/* cornu/array.h: numbers and strings in a shape. Row-major; the first axis counts samples wherever a model is concerned. */
#ifndef CN_ARRAY_H
#define CN_ARRAY_H
#include "base.h"

/* cn_array_from(c, {4, 2}, CN_NUMBERS(0,0, 0,1, 1,0, 1,1))          float32, as Keras's floatx
   cn_array_from(c, {3}, CN_NUMBERS(0, 2, 1), .dtype = CN_INT32)
   cn_array_from(c, {2}, CN_STRINGS("so good", "so bad"))
   cn_array_from(c, {CN_ANY, 3}, CN_BUFFER(p, n))                    one size may follow from the count
   cn_array_from(c, {4, 2}, NULL)                                    zeros
   Copies, unless .borrow. CN_E_SHAPE if the count does not fit the shape, CN_E_VALUE if a number does not fit the type. */
#define CN_ARRAY_FROM_FIELDS(F)                                                                                 \
    F(cn_dtype, dtype,  CN_FLOAT32, "of the array; default: that of the values, float32 for doubles to be copied") \
    F(cn_flag,  borrow, CN_NO,      "use the caller's memory, which must outlive the array; same dtype only")
CN_DECLARE(cn_array *, cn_array_from, cn_ctx *on; cn_dims shape; const cn_values *values;, CN_ARRAY_FROM_FIELDS);

/* From files; gz is unpacked on the way. */
CN_API cn_array *cn_array_from_idx  (cn_ctx *, const char *path);            /* MNIST's format; uint8 stays uint8        */
CN_API cn_array *cn_array_from_npy  (cn_ctx *, const char *path);
CN_API cn_array *cn_array_from_npz  (cn_ctx *, const char *path, const char *name);  /* name NULL: the only one in it    */
CN_API cn_array *cn_array_from_text (cn_ctx *, const char *path);            /* a string for each line                   */
CN_API cn_array *cn_array_from_image(cn_ctx *, const char *path);            /* (height, width, channels) uint8; PGM, PPM */

/* By the ending: .npy any numbers; .csv numbers or strings in rows, no header (a string that a spreadsheet would take for a
   formula gets a ' in front); .png (height, width) or (height, width, 1 or 3) uint8. */
CN_API CN_MUST_CHECK cn_status cn_array_save(const cn_array *, const char *path);

/* Shape and type; of tensors and nodes as well. Negative axes count from the end. A size not known yet is CN_ANY. */
CN_API int      cn_rank_of (const void *handle);
CN_API int64_t  cn_size_of (const void *handle, int axis);
CN_API cn_dtype cn_dtype_of(const void *handle);

/* cn_at(a, i, j): one number, whatever its type; NaN if a carries an error, holds strings or the index is outside. Indices left
   out are 0; the one number of a scalar is cn_at(a, 0). */
CN_API double      cn_at    (const cn_array *, int rank, const int64_t *index);
CN_API const char *cn_string(const cn_array *, int64_t i);                   /* the i-th string; "" if there is none     */
CN_API int64_t     cn_argmax(const cn_array *, int64_t row);                 /* place of the largest; a row: the last axis; -1 */

/* All numbers, row after row, as long as the array lives; NULL if the type is another or the array carries an error. */
CN_API const void      *cn_data   (const cn_array *);
CN_API const float     *cn_float32(const cn_array *);
CN_API const int32_t   *cn_int32  (const cn_array *);
CN_API void            *cn_mutable(cn_array *);                              /* to write to; NULL for borrowed memory    */
CN_API const cn_values *cn_values_of(const cn_array *);                      /* for what takes CN_NUMBERS(...)           */

/* New arrays of old ones. A slice along the first axis looks into the same memory, which stays as long as it does. */
CN_API cn_array *cn_slice  (const cn_array *, int axis, int64_t first, int64_t count);       /* count CN_ANY: the rest   */
CN_API cn_array *cn_cast   (const cn_array *, cn_dtype);     /* to integers: towards zero, kept within the type's range  */
CN_API cn_array *cn_one_hot(const cn_array *, int64_t classes);              /* Keras's to_categorical: (..., classes) float32 */

#if !defined __cplusplus && !defined CN_NO_MACROS
#define CN_INDEX(...)         (int)(sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), \
                              (const int64_t[]){ __VA_ARGS__ }
#define cn_array_from(...)    CN_CALL(cn_array_from, __VA_ARGS__)
#define cn_at(a, ...)         (cn_at)((a), CN_INDEX(__VA_ARGS__))
#define cn_rank_of(h)         (cn_rank_of)(CN_HANDLE(h))
#define cn_size_of(h, axis)   (cn_size_of)(CN_HANDLE(h), (axis))
#define cn_dtype_of(h)        (cn_dtype_of)(CN_HANDLE(h))
#endif
#endif
