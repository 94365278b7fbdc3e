/* dense.c: a layer of units, y = f(x W + b), and its gradient as one op, which a backend may do in one kernel. */
#include "ops/ops.h"

static const cn__op activations[CN__ACTS] = { CN__OP_NONE, CN__OP_RELU, CN__OP_SIGMOID, CN__OP_TANH };

static bool layer(cn_graph *g, const cn__inst *i, const cn__type *const *in, const cn__type *b, cn__type *y)
{
    const cn__a_dense *a = i->attr;
    const cn__type *x = in[0], *w = in[1];
    if (a->act < 0 || a->act >= CN__ACTS)
        return cn__misfit(g, i, in, CN_E_VALUE, "there is no activation %d", (int)a->act);
    if (!cn__want_float(g, i, in, 0)) return false;
    if (x->dtype != w->dtype || (b && b->dtype != w->dtype))
        return cn__misfit(g, i, in, CN_E_DTYPE, "the element types differ; cast one");
    if (x->rank < 1 || w->rank != 2) return cn__misfit(g, i, in, CN_E_SHAPE, "it takes rows by a matrix");
    if (x->dim[x->rank - 1] != w->dim[0])
        return cn__misfit(g, i, in, CN_E_SHAPE, "inner sizes %lld and %lld differ", (long long)x->dim[x->rank - 1],
                          (long long)w->dim[0]);
    if (b && (b->rank != 1 || b->dim[0] != w->dim[1]))
        return cn__misfit(g, i, in, CN_E_SHAPE, "one bias for each of %lld units", (long long)w->dim[1]);
    *y = *x;
    y->dim[y->rank - 1] = w->dim[1];
    return true;
}

bool cn__shape_dense(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    return layer(g, i, in, i->nin > 2 ? in[2] : NULL, out);
}

bool cn__decomp_dense(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    cn__op f = activations[((const cn__a_dense *)i->attr)->act];
    bool former = cn__bf16_set(g, ((const cn__a_dense *)i->attr)->bf16);
    cn__val z = cn__matmul(g, in[0], in[1], false, false);
    cn__bf16_set(g, former);
    if (i->nin > 2 && in[2]) z = cn__add(g, z, in[2]);
    return (out[0] = f ? cn__b1(g, f, z) : z) != 0;
}

bool cn__grad_dense(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    cn__val d[3], in[5] = { cn__in(g, i)[0], cn__in(g, i)[1], i->out, dy[0], i->nin > 2 ? cn__in(g, i)[2] : 0 };
    cn__emit(g, CN__OP_DENSE_GRAD, i->attr, i->attr_size, 5, in, 3, d);
    for (int k = 0; k < i->nin; k++)
        if (want[k]) dx[k] = d[k];
    return cn__graph_ok(g);
}

bool cn__shape_dense_grad(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    cn__type y;
    if (!layer(g, i, in, i->nin > 4 ? in[4] : NULL, &y)) return false;
    if (!cn__type_equal(in[2], &y) || !cn__type_equal(in[3], &y))
        return cn__misfit(g, i, in, CN_E_SHAPE, "y and dy must both be the layer's result");
    out[0] = *in[0], out[1] = *in[1];
    out[2] = cn__type_make((cn_dtype)y.dtype, 1, &in[1]->dim[1]);
    return true;
}

/* The adjoint of DENSE; without a bias, db is that of a bias of zeros. */
bool cn__decomp_dense_grad(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    cn__type w = *cn__type_of(g, in[1]);
    cn__val  b = i->nin > 4 && in[4] ? in[4] : cn__fill(g, (cn_dtype)w.dtype, 1, &w.dim[1], 0);
    const cn__val x[3] = { in[0], in[1], b };
    const bool all[3] = { true, true, true };
    return cn__adjoint(g, CN__OP_DENSE, i->attr, i->attr_size, 3, x, 1, &in[3], all, out);
}
