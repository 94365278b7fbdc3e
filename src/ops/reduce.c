/* reduce.c: reductions over any axes, in index order. Floating sums and products are accumulated in double and
   rounded once; integers wrap around. Over no elements: 0, 1, the least, the largest, false, true. */
#include "ops/kernel.h"
#include "ops/ops.h"
#include <math.h>

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */
bool cn__shape_reduce(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_reduce *a = i->attr;
    if (a->rank != in[0]->rank || a->axes >> in[0]->rank)
        return cn__misfit(g, i, in, CN_E_SHAPE, "axes 0x%x are not among its %d", (unsigned)a->axes, in[0]->rank);
    out[0] = cn__reduced(in[0], a->axes, a->keepdims);
    return true;
}

bool cn__shape_sum(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    if (in[0]->dtype == CN_BOOL)
        return cn__misfit(g, i, in, CN_E_DTYPE, "a sum of bool is no bool; cast it to int32 first");
    return cn__shape_reduce(g, i, in, out);
}

bool cn__shape_reduce_float(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    return cn__want_float(g, i, in, 0) && cn__shape_reduce(g, i, in, out);
}

bool cn__shape_reduce_bool(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    bool ok = cn__shape_reduce(g, i, in, out);
    out[0].dtype = CN_BOOL;
    return ok;
}

bool cn__shape_arg(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_axis *a = i->attr;
    if (!cn__want_axis(g, i, in, a->axis, in[0]->rank)) return false;
    if (in[0]->dim[a->axis] == 0)
        return cn__misfit(g, i, in, CN_E_SHAPE, "there is nothing along axis %d", (int)a->axis);
    out[0] = cn__reduced(in[0], 1u << a->axis, a->keepdims);
    out[0].dtype = CN_INT32;
    return true;
}

/* ---- Kernels ----------------------------------------------------------------------------------------------------- */
typedef double  real_step(double sum, double x);
typedef int64_t whole_step(int64_t sum, int64_t x);

/* The axes of x that are (or are not) reduced, as a walk. */
static cn__walk walk_axes(const cn__type *x, uint32_t axes, bool reduced)
{
    cn__walk w = { 0 };
    int64_t  stride[CN_MAX_RANK];
    cn__strides(x, stride);
    for (int k = 0; k < x->rank; k++) {
        if ((axes >> k & 1) != reduced) continue;
        w.dim[w.rank] = x->dim[k];
        w.stride[0][w.rank++] = stride[k];
    }
    return w;
}

/* first, whole_first: where each result starts from. */
static void reduce(const cn__ref_call *c, double first, real_step *real, int64_t whole_first, whole_step *whole)
{
    const cn__a_reduce *a = c->attr;
    const cn__tensor_view *x = c->in, *y = c->out;
    cn__walk kept = walk_axes(&x->type, a->axes, false), start = walk_axes(&x->type, a->axes, true);
    int64_t  n = cn__walk_count(&kept), m = cn__walk_count(&start);
    for (int64_t i = 0; i < n; i++, cn__walk_next(&kept)) {
        cn__walk w = start;
        double   sum = first;
        int64_t  whole_sum = whole_first;
        for (int64_t k = 0; k < m; k++, cn__walk_next(&w)) {
            int64_t at = kept.off[0] + w.off[0];
            if (cn__real(x)) sum = real(sum, cn__get(x, at));
            else whole_sum = whole(whole_sum, cn__get_whole(x, at));
        }
        if (cn__real(y)) cn__put(y, i, sum);
        else cn__put_whole(y, i, cn__real(x) ? (int64_t)sum : whole_sum);
    }
}

#define U64(x) ((uint64_t)(x))
#define REDUCTION(name, first, formula, whole_first, integers)                        \
    static double  real_##name(double s, double x)    { return formula; }             \
    static int64_t whole_##name(int64_t s, int64_t x) { return integers; }            \
    void cn__ref_##name(const cn__ref_call *c)                                        \
    {                                                                                 \
        reduce(c, (first), real_##name, (whole_first), whole_##name);                 \
    }
REDUCTION(sum,  0, s + x,            0, (int64_t)(U64(s) + U64(x)))
REDUCTION(prod, 1, s * x,            1, (int64_t)(U64(s) * U64(x)))
REDUCTION(any,  0, s != 0 || x != 0, 0, s || x)
REDUCTION(all,  1, s != 0 && x != 0, 1, s && x)

/* The range of an integer type, for the extremes of nothing. */
static int64_t least(cn_dtype d)
{
    double lo, hi;
    return d == CN_INT64 || !cn__dtype_range(d, &lo, &hi) ? INT64_MIN : (int64_t)lo;
}

static int64_t most(cn_dtype d)
{
    double lo, hi;
    return d == CN_INT64 || !cn__dtype_range(d, &lo, &hi) ? INT64_MAX : (int64_t)hi;
}

REDUCTION(reduce_max, -INFINITY, x > s || isnan(x) ? x : s, least(cn__dtype_of(c->in)), x > s ? x : s)
REDUCTION(reduce_min, INFINITY,  x < s || isnan(x) ? x : s, most(cn__dtype_of(c->in)),  x < s ? x : s)

/* The first place of the largest (sign 1) or smallest (-1); NaN counts as both. */
static void arg(const cn__ref_call *c, int sign)
{
    const cn__a_axis *a = c->attr;
    const cn__tensor_view *x = c->in;
    cn__lanes l = cn__lanes_of(&x->type, a->axis);
    for (int64_t p = 0; p < l.pre; p++)
        for (int64_t q = 0; q < l.post; q++) {
            int64_t base = p * l.n * l.post + q, best = 0;
            for (int64_t k = 1; k < l.n; k++) {
                int64_t at = base + k * l.post, to = base + best * l.post;
                bool better;
                if (cn__real(x)) {
                    double v = cn__get(x, at), b = cn__get(x, to);
                    better = !isnan(b) && (isnan(v) || (sign > 0 ? v > b : v < b));
                } else {
                    int64_t v = cn__get_whole(x, at), b = cn__get_whole(x, to);
                    better = sign > 0 ? v > b : v < b;
                }
                if (better) best = k;
            }
            cn__put_whole(c->out, p * l.post + q, best);
        }
}

void cn__ref_argmax(const cn__ref_call *c) { arg(c, 1); }
void cn__ref_argmin(const cn__ref_call *c) { arg(c, -1); }

/* ---- Composites -------------------------------------------------------------------------------------------------- */
bool cn__decomp_mean(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    const cn__a_reduce *a = i->attr;
    double n = 1;
    for (int k = 0; k < a->rank; k++)
        if (a->axes >> k & 1) n *= (double)cn__type_of(g, in[0])->dim[k];
    cn__val sum = cn__reduce(g, CN__OP_SUM, in[0], a->axes, a->keepdims);
    out[0] = cn__div(g, sum, cn__like(g, sum, n));
    return out[0];
}

/* m = max x where that is finite, else 0: no inf - inf. As a constant: it cancels in the derivative. */
bool cn__decomp_logsumexp(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    const cn__a_reduce *a = i->attr;
    cn__val m = cn__reduce(g, CN__OP_REDUCE_MAX, in[0], a->axes, true);
    m = cn__where(g, cn__b1(g, CN__OP_IS_FINITE, m), m, cn__like(g, m, 0));
    m = cn__b1(g, CN__OP_STOP_GRADIENT, m);
    cn__val e = cn__b1(g, CN__OP_EXP, cn__sub(g, in[0], m));
    cn__val y = cn__add(g, cn__b1(g, CN__OP_LOG, cn__reduce(g, CN__OP_SUM, e, a->axes, true)), m);
    if (!cn__graph_ok(g)) return false;
    cn__type t = cn__reduced(cn__type_of(g, in[0]), a->axes, a->keepdims);
    out[0] = cn__reshape(g, y, t.rank, t.dim);
    return out[0];
}

/* ---- Derivatives ------------------------------------------------------------------------------------------------- */
/* A result (or its gradient) with the reduced axes put back, of size 1. */
static cn__val with_axes(cn_graph *g, const cn__inst *i, cn__val v)
{
    const cn__a_reduce *a = i->attr;
    cn__type t = cn__reduced(cn__type_of(g, cn__in(g, i)[0]), a->axes, true);
    return cn__reshape(g, v, t.rank, t.dim);
}

bool cn__grad_sum(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    cn__type t = *cn__type_of(g, cn__in(g, i)[0]);
    (void)want;
    return (dx[0] = cn__broadcast(g, with_axes(g, i, dy[0]), t.rank, t.dim)) != 0;
}

/* To the largest; where several are equal, each gets its share. */
bool cn__grad_extreme(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    const cn__a_reduce *a = i->attr;
    cn__val x = cn__in(g, i)[0];
    (void)want;
    cn__val here = cn__cast(g, cn__b2(g, CN__OP_EQ, x, with_axes(g, i, i->out)), (cn_dtype)cn__type_of(g, x)->dtype);
    cn__val n = cn__reduce(g, CN__OP_SUM, here, a->axes, true);
    return (dx[0] = cn__mul(g, here, cn__div(g, with_axes(g, i, dy[0]), n))) != 0;
}

/* x (rows, n) moved along its rows by so many places, 1 where it came from. */
static cn__val shifted(cn_graph *g, cn__val x, int64_t rows, int64_t n, int64_t by)
{
    const int64_t none[2] = { 0, 0 }, lo[2] = { 0, by }, size[2] = { rows, n - by };
    return cn__pad(g, cn__slice(g, x, none, NULL, size), lo, none, NULL, 1);
}

/* The product of all before each, by doubling steps (Hillis and Steele 1986): right where some are 0, and
   differentiable. */
static cn__val products_before(cn_graph *g, cn__val x, int64_t rows, int64_t n)
{
    if (n) x = shifted(g, x, rows, n, 1);
    for (int64_t by = 1; by < n; by *= 2) x = cn__mul(g, x, shifted(g, x, rows, n, by));
    return x;
}

bool cn__grad_prod(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    const cn__a_reduce *a = i->attr;
    cn__val  x = cn__in(g, i)[0];
    cn__type t = *cn__type_of(g, x), moved = t;
    int32_t  perm[CN_MAX_RANK], back[CN_MAX_RANK];
    int64_t  flat[2] = { 1, 1 };
    int      k = 0;
    (void)want;
    for (int last = 0; last < 2; last++)                 /* the reduced axes go last */
        for (int32_t d = 0; d < t.rank; d++)
            if ((a->axes >> d & 1) == (uint32_t)last)
                back[d] = k, perm[k] = d, moved.dim[k++] = t.dim[d], flat[last] *= t.dim[d];
    cn__val r = cn__reshape(g, cn__transpose(g, x, perm), 2, flat);
    cn__val before = products_before(g, r, flat[0], flat[1]);
    cn__val behind = cn__reverse(g, products_before(g, cn__reverse(g, r, 2), flat[0], flat[1]), 2);
    cn__val d = cn__reshape(g, dy[0], 2, (const int64_t[]){ flat[0], 1 });
    d = cn__mul(g, cn__mul(g, before, behind), d);
    return (dx[0] = cn__transpose(g, cn__reshape(g, d, t.rank, moved.dim), back)) != 0;
}
