/* kernel.h: how reference kernels read, write and walk. Floating types go through double and are rounded once;
   integers through int64_t and wrap around; bool is 0 or 1. */
#ifndef CN__KERNEL_H
#define CN__KERNEL_H
#include "graph/shape.h"

static inline cn_dtype cn__dtype_of(const cn__tensor_view *x) { return (cn_dtype)x->type.dtype; }
static inline bool     cn__real(const cn__tensor_view *x)     { return cn__is_float(cn__dtype_of(x)); }

static inline double cn__get(const cn__tensor_view *x, int64_t i)
{
    if (x->type.dtype == CN_FLOAT32) return ((const float *)x->at)[i];
    if (x->type.dtype == CN_FLOAT64) return ((const double *)x->at)[i];
    return cn__load(cn__dtype_of(x), x->at, (size_t)i);
}

static inline void cn__put(const cn__tensor_view *y, int64_t i, double v)
{
    if (y->type.dtype == CN_FLOAT32) ((float *)y->at)[i] = (float)v;
    else if (y->type.dtype == CN_FLOAT64) ((double *)y->at)[i] = v;
    else cn__store(cn__dtype_of(y), y->at, (size_t)i, v);
}

#define CN__WHOLE_B(id, T, step) case CN_##id: step(T)
#define CN__WHOLE_U(id, T, step) case CN_##id: step(T)
#define CN__WHOLE_I(id, T, step) case CN_##id: step(T)
#define CN__WHOLE_F(id, T, step)
static inline int64_t cn__get_whole(const cn__tensor_view *x, int64_t i)
{
    switch (x->type.dtype) {
#define CN__READ(T) return (int64_t)((const T *)x->at)[i];
#define CN_DTYPE(id, T, bytes, class, name, npy) CN__WHOLE_##class(id, T, CN__READ)
#include "base/dtypes.def"
#undef CN_DTYPE
#undef CN__READ
    default: return (int64_t)cn__get(x, i);
    }
}

static inline void cn__put_whole(const cn__tensor_view *y, int64_t i, int64_t v)
{
    if (y->type.dtype == CN_BOOL) v = v != 0;
    switch (y->type.dtype) {
#define CN__WRITE(T) ((T *)y->at)[i] = (T)v; break;
#define CN_DTYPE(id, T, bytes, class, name, npy) CN__WHOLE_##class(id, T, CN__WRITE)
#include "base/dtypes.def"
#undef CN_DTYPE
#undef CN__WRITE
    default: cn__put(y, i, (double)v);
    }
}

static inline bool cn__truth(const cn__tensor_view *x, int64_t i)
{
    return cn__real(x) ? cn__get(x, i) != 0 : cn__get_whole(x, i) != 0;
}

static inline void cn__copy_one(const cn__tensor_view *y, int64_t to, const cn__tensor_view *x, int64_t from)
{
    size_t size = cn__dtype_size(cn__dtype_of(x));
    memcpy((char *)y->at + (size_t)to * size, (const char *)x->at + (size_t)from * size, size);
}

/* A walk over some axes in row-major order, with the places of up to three arrays. */
enum { CN__WALKS = 3 };
typedef struct cn__walk {
    int     rank;
    int64_t dim[CN_MAX_RANK], at[CN_MAX_RANK], stride[CN__WALKS][CN_MAX_RANK], off[CN__WALKS];
} cn__walk;

/* Over all of `over`, with broadcast operands. */
static inline cn__walk cn__walk_over(const cn__type *over, int n, const cn__tensor_view *x)
{
    cn__walk w = { .rank = over->rank };
    memcpy(w.dim, over->dim, sizeof w.dim);
    for (int k = 0; k < n; k++) cn__broadcast_strides(&x[k].type, over, w.stride[k]);
    return w;
}

static inline void cn__walk_next(cn__walk *w)
{
    for (int d = w->rank - 1; d >= 0; d--) {
        bool carry = ++w->at[d] == w->dim[d];
        for (int k = 0; k < CN__WALKS; k++) w->off[k] += w->stride[k][d] * (carry ? 1 - w->dim[d] : 1);
        if (!carry) return;
        w->at[d] = 0;
    }
}

static inline int64_t cn__walk_count(const cn__walk *w)
{
    int64_t n = 1;
    for (int d = 0; d < w->rank; d++) n *= w->dim[d];
    return n;
}

/* One axis between those before and behind it: pre x n x post elements. */
typedef struct cn__lanes { int64_t pre, n, post; } cn__lanes;
static inline cn__lanes cn__lanes_of(const cn__type *t, int axis)
{
    cn__lanes l = { 1, t->dim[axis], 1 };
    for (int i = 0; i < axis; i++) l.pre *= t->dim[i];
    for (int i = axis + 1; i < t->rank; i++) l.post *= t->dim[i];
    return l;
}

/* An index from data: clamped; what was out of range is told. */
static inline int64_t cn__index(const cn__ref_call *c, int64_t i, int64_t n, unsigned fault)
{
    if (i >= 0 && i < n) return i;
    if (c->fault) atomic_fetch_or(c->fault, fault);
    return i < 0 || !n ? 0 : n - 1;
}

#endif
