/* idx.c: the IDX format of the MNIST files: two zero bytes, a type code, the rank, the sizes (32 bits, big-endian), the
   numbers (big-endian). Format: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits". */
#include "base/file.h"
#include "data/data.h"

#define IDX_TYPES(X)                                                                                                   \
    X(0x08, CN_UINT8) X(0x09, CN_INT8) X(0x0B, CN_INT16) X(0x0C, CN_INT32) X(0x0D, CN_FLOAT32) X(0x0E, CN_FLOAT64)

static cn_dtype type_of(unsigned code)
{
    switch (code) {
#define IDX_CASE(number, dtype) case number: return dtype;
    IDX_TYPES(IDX_CASE)
#undef IDX_CASE
    default: return (cn_dtype)0;
    }
}

void cn__swap_bytes(void *numbers, size_t size, size_t n)
{
    unsigned char *p = numbers;
    for (; size > 1 && n; n--, p += size)
        for (size_t i = 0; i < size / 2; i++) {
            unsigned char b = p[i];
            p[i] = p[size - 1 - i];
            p[size - 1 - i] = b;
        }
}

/* Reads the head and checks it against the bytes that are there: nothing is allocated from what the file only says. */
static bool read_head(cn_array *a, const char *path, const unsigned char *p, size_t n, cn_dtype *dtype, int *rank,
                      int64_t *dim)
{
    char    text[CN__SHAPE_TEXT];
    int64_t count;
    size_t  bytes;
    if (n < 4)
        return cn__poison(a, NULL, CN_E_FORMAT, "%s: is cut short: %zu bytes, an IDX file begins with 4", path, n),
               false;
    if (p[0] || p[1])
        return cn__poison(a, NULL, CN_E_FORMAT, "%s: is no IDX file: it begins with %02x %02x instead of 00 00", path,
                          p[0], p[1]),
               false;
    *dtype = type_of(p[2]), *rank = p[3];
    if (!*dtype)
        return cn__poison(a, NULL, CN_E_FORMAT, "%s: offset 2: unknown IDX type code 0x%02x (known: 08 09 0B 0C 0D 0E)",
                          path, p[2]),
               false;
    if (*rank < 1 || *rank > CN_MAX_RANK)
        return cn__poison(a, NULL, CN_E_FORMAT, "%s: offset 3: %d dimensions; 1 to %d can be read", path, *rank,
                          CN_MAX_RANK),
               false;
    size_t head = 4 + 4 * (size_t)*rank;
    if (n < head)
        return cn__poison(a, NULL, CN_E_FORMAT, "%s: is cut short: %zu bytes, its head alone has %zu", path, n, head),
               false;
    for (int i = 0; i < *rank; i++) {
        const unsigned char *d = p + 4 + 4 * i;
        dim[i] = (int64_t)((uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3]);
    }
    cn__shape_text(*rank, dim, text);
    if (!cn__shape_count(*rank, dim, &count) || !cn__mul_size((size_t)count, cn__dtype_size(*dtype), &bytes))
        return cn__poison(a, NULL, CN_E_LIMIT, "%s: offset 4: the shape %s is too large", path, text), false;
    if (bytes != n - head)
        return cn__poison(a, NULL, CN_E_FORMAT, "%s: %s: the shape %s of %s has %zu bytes, %zu follow the head", path,
                          bytes > n - head ? "is cut short" : "has bytes left over", text, cn__dtype_name(*dtype),
                          bytes, n - head),
               false;
    return true;
}

cn_array *cn_array_from_idx(cn_ctx *ctx, const char *path)
{
    cn_array *a = cn__array_blank(ctx);
    cn_dtype  dtype;
    int64_t   dim[CN_MAX_RANK];
    int       rank;
    size_t    n;
    if (cn__bad(a)) return a;
    unsigned char *p = cn__read_file(ctx, NULL, path, true, 0, &n);
    if (!p) return cn__poison_recorded(a);
    if (!read_head(a, path, p, n, &dtype, &rank, dim) || !cn__array_shape(a, NULL, dtype, rank, dim, false)) {
        cn__free(ctx, p, n + 1);
        return a;
    }
    size_t head = 4 + 4 * (size_t)rank, item = cn__dtype_size(dtype);
    cn__array_take(a, p, n + 1);                         /* the file's block becomes the array's: no second copy */
    if (head % item) memmove(p, p + head, n - head);
    else a->values.data = a->data = p + head;
    cn__swap_bytes(a->data, item, a->values.count);
    return a;
}
