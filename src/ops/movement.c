/* movement.c: the same elements elsewhere: reshape, transpose, broadcast, slice, concatenate, pad, reverse, tile,
   pack. */
#include "ops/kernel.h"
#include "ops/ops.h"

static bool of_rank(cn_graph *g, const cn__inst *i, const cn__type *const *in, int rank)
{
    return in[0]->rank == rank || cn__misfit(g, i, in, CN_E_SHAPE, "its attributes are for %d axes", rank);
}

/* ---- Reshape, pack ----------------------------------------------------------------------------------------------- */
bool cn__shape_reshape(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_shape *a = i->attr;
    char text[128];
    out[0] = cn__type_make((cn_dtype)in[0]->dtype, a->rank, a->dim);
    if (cn__type_valid(&out[0]) && cn__type_count(&out[0]) == cn__type_count(in[0])) return true;
    return cn__misfit(g, i, in, CN_E_SHAPE, "%lld elements do not fill %s", (long long)cn__type_count(in[0]),
                      cn__type_text(&out[0], text, sizeof text));
}

void cn__ref_copy(const cn__ref_call *c)
{
    cn__convert(cn__dtype_of(c->out), c->out->at, cn__dtype_of(c->in), c->in->at,
                (size_t)cn__type_count(&c->out->type));
}

bool cn__grad_reshape(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    cn__type t = *cn__type_of(g, cn__in(g, i)[0]);
    (void)want;
    return (dx[0] = cn__reshape(g, dy[0], t.rank, t.dim)) != 0;
}

bool cn__shape_pack(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_pack *a = i->attr;
    out[0] = *in[0];
    if (a->dtype) out[0].dtype = (uint8_t)a->dtype;
    if (a->layout < 0 || a->layout >= CN__LAYOUTS)
        return cn__misfit(g, i, in, CN_E_VALUE, "there is no layout %d", (int)a->layout);
    return true;
}

bool cn__grad_pack(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    (void)want;
    return (dx[0] = cn__cast(g, dy[0], (cn_dtype)cn__type_of(g, cn__in(g, i)[0])->dtype)) != 0;
}

/* ---- Transpose --------------------------------------------------------------------------------------------------- */
bool cn__shape_transpose(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_perm *a = i->attr;
    uint32_t seen = 0;
    if (!of_rank(g, i, in, a->rank)) return false;
    out[0] = *in[0];
    for (int k = 0; k < a->rank; k++) {
        if (a->perm[k] < 0 || a->perm[k] >= a->rank || seen >> a->perm[k] & 1)
            return cn__misfit(g, i, in, CN_E_SHAPE, "its axes must each be named once; axis %d in place %d is not",
                              (int)a->perm[k], k);
        seen |= 1u << a->perm[k];
        out[0].dim[k] = in[0]->dim[a->perm[k]];
    }
    return true;
}

/* Copies y from x by a walk over y with these strides in x. */
static void pick(const cn__ref_call *c, const int64_t *stride, int64_t first)
{
    cn__walk w = cn__walk_over(&c->out->type, 0, NULL);
    int64_t  n = cn__type_count(&c->out->type);
    memcpy(w.stride[0], stride, (size_t)w.rank * sizeof *stride);
    for (int64_t i = 0; i < n; i++, cn__walk_next(&w)) cn__copy_one(c->out, i, c->in, first + w.off[0]);
}

void cn__ref_transpose(const cn__ref_call *c)
{
    const cn__a_perm *a = c->attr;
    int64_t own[CN_MAX_RANK], stride[CN_MAX_RANK] = { 0 };
    cn__strides(&c->in->type, own);
    for (int k = 0; k < a->rank; k++) stride[k] = own[a->perm[k]];
    pick(c, stride, 0);
}

bool cn__grad_transpose(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    const cn__a_perm *a = i->attr;
    int32_t back[CN_MAX_RANK] = { 0 };
    (void)want;
    for (int32_t k = 0; k < a->rank; k++) back[a->perm[k]] = k;
    return (dx[0] = cn__transpose(g, dy[0], back)) != 0;
}

/* ---- Broadcast --------------------------------------------------------------------------------------------------- */
bool cn__shape_broadcast_to(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_shape *a = i->attr;
    char text[128];
    out[0] = cn__type_make((cn_dtype)in[0]->dtype, a->rank, a->dim);
    if (cn__type_valid(&out[0]) && cn__broadcasts_to(in[0], &out[0])) return true;
    return cn__misfit(g, i, in, CN_E_SHAPE, "cannot be repeated to %s: sizes, from the last, must be equal or 1",
                      cn__type_text(&out[0], text, sizeof text));
}

void cn__ref_broadcast_to(const cn__ref_call *c)
{
    int64_t stride[CN_MAX_RANK] = { 0 };
    cn__broadcast_strides(&c->in->type, &c->out->type, stride);
    pick(c, stride, 0);
}

bool cn__grad_broadcast_to(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    cn__type t = *cn__type_of(g, cn__in(g, i)[0]);
    (void)want;
    return (dx[0] = cn__sum_to(g, dy[0], &t)) != 0;
}

/* ---- Slice, reverse ---------------------------------------------------------------------------------------------- */
bool cn__shape_slice(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_slice *a = i->attr;
    out[0] = *in[0];
    for (int k = 0; k < in[0]->rank; k++) {
        int64_t reach, last, n = in[0]->dim[k];
        if (a->step[k] == 0 || a->size[k] < 0)
            return cn__misfit(g, i, in, CN_E_VALUE, "axis %d: a step of 0 or a size below 0", k);
        bool fits = a->size[k] == 0 || (a->start[k] >= 0 && a->start[k] < n &&
                                        cn__mul_i64(a->size[k] - 1, a->step[k], &reach) &&
                                        cn__add_i64(a->start[k], reach, &last) && last >= 0 && last < n);
        if (!fits)
            return cn__misfit(g, i, in, CN_E_SHAPE, "axis %d: %lld elements from %lld by %lld are not within its %lld",
                              k, (long long)a->size[k], (long long)a->start[k], (long long)a->step[k], (long long)n);
        out[0].dim[k] = a->size[k];
    }
    return true;
}

void cn__ref_slice(const cn__ref_call *c)
{
    const cn__a_slice *a = c->attr;
    int64_t stride[CN_MAX_RANK] = { 0 }, first = 0;
    cn__strides(&c->in->type, stride);
    for (int k = 0; k < c->in->type.rank; k++) first += a->start[k] * stride[k], stride[k] *= a->step[k];
    pick(c, stride, first);
}

/* Its places get dy, all others 0: turned round where the step was negative, then spread and padded. */
bool cn__grad_slice(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    const cn__a_slice *a = i->attr;
    cn__val  x = cn__in(g, i)[0];
    cn__type t = *cn__type_of(g, x);
    int64_t  lo[CN_MAX_RANK] = { 0 }, hi[CN_MAX_RANK] = { 0 }, inner[CN_MAX_RANK] = { 0 };
    uint32_t backwards = 0;
    (void)want;
    for (int k = 0; k < t.rank; k++) {
        if (a->size[k] == 0) return (dx[0] = cn__zeros_like(g, x)) != 0;
        int64_t reach = (a->size[k] - 1) * a->step[k];
        if (a->step[k] < 0) backwards |= 1u << k;
        lo[k] = a->start[k] + CN__MIN(reach, 0);
        hi[k] = t.dim[k] - 1 - (a->start[k] + CN__MAX(reach, 0));
        inner[k] = a->size[k] > 1 ? (a->step[k] < 0 ? -a->step[k] : a->step[k]) - 1 : 0;
    }
    return (dx[0] = cn__pad(g, cn__reverse(g, dy[0], backwards), lo, hi, inner, 0)) != 0;
}

void cn__ref_reverse(const cn__ref_call *c)
{
    const cn__a_axes *a = c->attr;
    const cn__type *t = &c->in->type;
    int64_t stride[CN_MAX_RANK] = { 0 }, first = 0;
    cn__strides(t, stride);
    for (int k = 0; k < t->rank; k++)
        if (a->axes >> k & 1) first += (t->dim[k] - 1) * stride[k], stride[k] = -stride[k];
    pick(c, stride, first);
}

bool cn__grad_reverse(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    (void)want;
    return (dx[0] = cn__reverse(g, dy[0], ((const cn__a_axes *)i->attr)->axes)) != 0;
}

/* ---- Pad --------------------------------------------------------------------------------------------------------- */
bool cn__shape_pad(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_pad *a = i->attr;
    out[0] = *in[0];
    for (int k = 0; k < in[0]->rank; k++) {
        int64_t n = in[0]->dim[k], size = 0;
        if (a->lo[k] < 0 || a->hi[k] < 0 || a->inner[k] < 0)
            return cn__misfit(g, i, in, CN_E_VALUE, "axis %d: padding below 0", k);
        bool fits = cn__mul_i64(n > 1 ? n - 1 : 0, a->inner[k], &size) && cn__add_i64(size, n, &size) &&
                    cn__add_i64(size, a->lo[k], &size) && cn__add_i64(size, a->hi[k], &size);
        if (!fits) return cn__misfit(g, i, in, CN_E_SHAPE, "axis %d becomes too long", k);
        out[0].dim[k] = size;
    }
    return true;
}

void cn__ref_pad(const cn__ref_call *c)
{
    const cn__a_pad *a = c->attr;
    cn__walk w = cn__walk_over(&c->in->type, 0, NULL);
    int64_t  first = 0, n = cn__type_count(&c->out->type), m = cn__type_count(&c->in->type);
    cn__strides(&c->out->type, w.stride[0]);
    for (int k = 0; k < w.rank; k++) first += a->lo[k] * w.stride[0][k], w.stride[0][k] *= a->inner[k] + 1;
    for (int64_t i = 0; i < n; i++) cn__store(cn__dtype_of(c->out), c->out->at, (size_t)i, a->value);
    for (int64_t i = 0; i < m; i++, cn__walk_next(&w)) cn__copy_one(c->out, first + w.off[0], c->in, i);
}

bool cn__grad_pad(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    const cn__a_pad *a = i->attr;
    cn__type t = *cn__type_of(g, cn__in(g, i)[0]);
    int64_t  step[CN_MAX_RANK] = { 0 };
    (void)want;
    for (int k = 0; k < t.rank; k++) step[k] = a->inner[k] + 1;
    return (dx[0] = cn__slice(g, dy[0], a->lo, step, t.dim)) != 0;
}

/* ---- Concatenate ------------------------------------------------------------------------------------------------- */
bool cn__shape_concat(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_axis *a = i->attr;
    if (!cn__want_axis(g, i, in, a->axis, in[0]->rank)) return false;
    out[0] = *in[0];
    for (int k = 1; k < i->nin; k++) {
        cn__type others = *in[k];
        if (in[k] && in[k]->dtype == out[0].dtype && in[k]->rank == out[0].rank)
            others.dim[a->axis] = out[0].dim[a->axis];
        if (!cn__type_equal(&others, &out[0]))
            return cn__misfit(g, i, in, CN_E_SHAPE, "operand %d differs in more than axis %d", k, (int)a->axis);
        if (!cn__add_i64(out[0].dim[a->axis], in[k]->dim[a->axis], &out[0].dim[a->axis]))
            return cn__misfit(g, i, in, CN_E_SHAPE, "axis %d becomes too long", (int)a->axis);
    }
    return true;
}

void cn__ref_concat(const cn__ref_call *c)
{
    const cn__a_axis *a = c->attr;
    cn__lanes y = cn__lanes_of(&c->out->type, a->axis);
    size_t  size = cn__dtype_size(cn__dtype_of(c->out)), row = (size_t)(y.n * y.post) * size;
    char   *at = c->out->at;
    for (int k = 0; k < c->nin; k++) {
        size_t part = (size_t)(cn__lanes_of(&c->in[k].type, a->axis).n * y.post) * size;
        for (int64_t p = 0; p < y.pre && part; p++)
            memcpy(at + (size_t)p * row, (const char *)c->in[k].at + (size_t)p * part, part);
        at += part;
    }
}

bool cn__grad_concat(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    const cn__a_axis *a = i->attr;
    int64_t start = 0;
    for (int k = 0; k < i->nin; k++) {
        int64_t n = cn__type_of(g, cn__in(g, i)[k])->dim[a->axis];
        if (want[k]) dx[k] = cn__slice_axis(g, dy[0], a->axis, start, n);
        start += n;
    }
    return cn__graph_ok(g);
}

/* ---- Tile -------------------------------------------------------------------------------------------------------- */
bool cn__shape_tile(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_tile *a = i->attr;
    out[0] = *in[0];
    for (int k = 0; k < in[0]->rank; k++)
        if (a->times[k] < 0 || !cn__mul_i64(in[0]->dim[k], a->times[k], &out[0].dim[k]))
            return cn__misfit(g, i, in, CN_E_VALUE, "axis %d: %lld times", k, (long long)a->times[k]);
    return true;
}

/* Axis by axis: a new axis before it, repeated, and both made one. */
bool cn__decomp_tile(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    const cn__a_tile *a = i->attr;
    cn__type t = *cn__type_of(g, in[0]);
    cn__val  x = in[0];
    for (int k = 0; k < t.rank; k++) {
        if (a->times[k] == 1) continue;
        cn__lanes l = cn__lanes_of(&t, k);
        x = cn__reshape(g, x, 4, (const int64_t[]){ l.pre, 1, l.n, l.post });
        x = cn__broadcast(g, x, 4, (const int64_t[]){ l.pre, a->times[k], l.n, l.post });
        t.dim[k] *= a->times[k];
        x = cn__reshape(g, x, t.rank, t.dim);
    }
    return (out[0] = x) != 0;
}
