/* shape.c: types as values: sizes, names, broadcasting, strides. */
#include "graph/shape.h"
#include <stdio.h>

cn__type cn__type_make(cn_dtype dtype, int rank, const int64_t *dim)
{
    cn__type t = { .dtype = (uint8_t)dtype, .rank = (uint8_t)rank };
    for (int i = 0; i < rank; i++) t.dim[i] = dim[i];
    return t;
}

bool cn__type_valid(const cn__type *t)
{
    int64_t n = 1;
    if (cn__dtype_class_of((cn_dtype)t->dtype) == CN__CLASS_NONE || t->rank > CN_MAX_RANK) return false;
    /* a size of 0 must not hide that the others cannot be counted */
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] < 0 || !cn__mul_i64(n, CN__MAX(t->dim[i], 1), &n)) return false;
    return cn__mul_i64(n, (int64_t)cn__dtype_size((cn_dtype)t->dtype), &n) && (uint64_t)n <= SIZE_MAX / 2;
}

int64_t cn__type_count(const cn__type *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->rank; i++) n *= t->dim[i];
    return n;
}

size_t cn__type_bytes(const cn__type *t)
{
    return (size_t)cn__type_count(t) * cn__dtype_size((cn_dtype)t->dtype);
}

bool cn__same_shape(const cn__type *a, const cn__type *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

bool cn__type_equal(const cn__type *a, const cn__type *b)
{
    return a->dtype == b->dtype && cn__same_shape(a, b);
}

const char *cn__type_text(const cn__type *t, char *buffer, size_t size)
{
    size_t at = 0;
    if (!size) return "";
    for (int i = -1; i <= t->rank && at < size; i++) {
        int n = i < 0          ? snprintf(buffer + at, size - at, "%s[", cn__dtype_name((cn_dtype)t->dtype))
              : i == t->rank   ? snprintf(buffer + at, size - at, "]")
                               : snprintf(buffer + at, size - at, i ? ",%lld" : "%lld", (long long)t->dim[i]);
        at += n > 0 ? (size_t)n : 0;
    }
    return buffer;
}

int cn__axis(int64_t axis, int rank)
{
    if (axis < 0) axis += rank;
    return axis >= 0 && axis < rank ? (int)axis : -1;
}

/* Axis i counted from the last; 1 where there is none. */
static int64_t from_end(const cn__type *t, int i) { return i < t->rank ? t->dim[t->rank - 1 - i] : 1; }

bool cn__broadcast_shapes(const cn__type *a, const cn__type *b, cn__type *out)
{
    cn__type t = { .dtype = out->dtype, .rank = (uint8_t)CN__MAX(a->rank, b->rank) };
    for (int i = 0; i < t.rank; i++) {
        int64_t x = from_end(a, i), y = from_end(b, i);
        if (x != y && x != 1 && y != 1) return false;
        t.dim[t.rank - 1 - i] = x == 1 ? y : x;
    }
    *out = t;
    return true;
}

bool cn__broadcasts_to(const cn__type *from, const cn__type *to)
{
    cn__type t = { 0 };
    return cn__broadcast_shapes(from, to, &t) && cn__same_shape(&t, to);
}

cn__type cn__reduced(const cn__type *x, uint32_t axes, bool keepdims)
{
    cn__type t = { .dtype = x->dtype };
    for (int i = 0; i < x->rank; i++) {
        bool gone = axes >> i & 1;
        if (!gone || keepdims) t.dim[t.rank++] = gone ? 1 : x->dim[i];
    }
    return t;
}

void cn__strides(const cn__type *t, int64_t *stride)
{
    int64_t n = 1;
    for (int i = t->rank - 1; i >= 0; i--) stride[i] = n, n *= t->dim[i];
}

void cn__broadcast_strides(const cn__type *from, const cn__type *to, int64_t *stride)
{
    int64_t own[CN_MAX_RANK] = { 0 };
    int shift = to->rank - from->rank;
    cn__strides(from, own);
    for (int i = 0; i < to->rank; i++) stride[i] = i < shift || from->dim[i - shift] == 1 ? 0 : own[i - shift];
}

uint8_t cn__tile_class_of(const cn__type *t, const cn__type *out)
{
    int64_t n = cn__type_count(t), all = cn__type_count(out), cols = out->rank ? out->dim[out->rank - 1] : 1;
    if (n == 1) return CN__TILE_SCALAR;
    if (n == all) return CN__TILE_FULL;
    if (n == cols && t->dim[t->rank - 1] == cols) return CN__TILE_ROW;
    return t->rank == out->rank && t->dim[t->rank - 1] == 1 && n * cols == all ? CN__TILE_COL : 0;
}
