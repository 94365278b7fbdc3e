/* softmax.c: softmax and its logarithm, shifted by the largest element (which cancels), so that no exponential
   overflows. */
#include "ops/ops.h"

bool cn__shape_softmax(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    out[0] = *in[0];
    return cn__want_float(g, i, in, 0) && cn__want_axis(g, i, in, ((const cn__a_axis *)i->attr)->axis, in[0]->rank);
}

static uint32_t axis_mask(const cn__inst *i) { return 1u << ((const cn__a_axis *)i->attr)->axis; }

static cn__val shifted(cn_graph *g, const cn__inst *i, cn__val x)
{
    cn__val m = cn__b1(g, CN__OP_STOP_GRADIENT, cn__reduce(g, CN__OP_REDUCE_MAX, x, axis_mask(i), true));
    return cn__sub(g, x, m);
}

bool cn__decomp_softmax(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    cn__val e = cn__b1(g, CN__OP_EXP, shifted(g, i, in[0]));
    return (out[0] = cn__div(g, e, cn__reduce(g, CN__OP_SUM, e, axis_mask(i), true))) != 0;
}

/* dx = y (dy - sum y dy) */
bool cn__grad_softmax(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    cn__val y = i->out, s = cn__reduce(g, CN__OP_SUM, cn__mul(g, dy[0], y), axis_mask(i), true);
    (void)want;
    return (dx[0] = cn__mul(g, y, cn__sub(g, dy[0], s))) != 0;
}

bool cn__decomp_log_softmax(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    cn__val z = shifted(g, i, in[0]);
    cn__val sum = cn__reduce(g, CN__OP_SUM, cn__b1(g, CN__OP_EXP, z), axis_mask(i), true);
    return (out[0] = cn__sub(g, z, cn__b1(g, CN__OP_LOG, sum))) != 0;
}

/* dx = dy - e^y sum dy */
bool cn__grad_log_softmax(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    cn__val s = cn__reduce(g, CN__OP_SUM, dy[0], axis_mask(i), true);
    (void)want;
    return (dx[0] = cn__sub(g, dy[0], cn__mul(g, cn__b1(g, CN__OP_EXP, i->out), s))) != 0;
}
