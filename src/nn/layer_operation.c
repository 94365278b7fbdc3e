/* layer_operation.c: operations of keras.ops as nodes of a functional model: what Keras writes for keras.ops.log1p(x)
   on a tensor. They are layers without weights and without the options that all layers have. */
#include "nn/layer.h"
#include <float.h>

/* As numpy.nan_to_num: infinities become the type's largest numbers. */
static bool nan_to_num_call(cn__lowering *l)
{
    const cn_nan_to_num_args *o = l->layer->args;
    cn_graph *g = l->g;
    cn__val   x = cn__layer_cast(l, l->in[0]);
    double    most = l->layer->dtype == CN_FLOAT64 ? DBL_MAX : FLT_MAX;
    if (!x) return false;
    cn__val finite = cn__clip(g, x, cn__like(g, x, -most), cn__like(g, x, most));
    return (l->out[0] = cn__where(g, cn__b1(g, CN__OP_IS_NAN, x), cn__like(g, x, o->nan), finite)) != 0;
}

static bool log1p_call(cn__lowering *l)
{
    return (l->out[0] = cn__b1(l->g, CN__OP_LOG1P, cn__layer_cast(l, l->in[0]))) != 0;
}

const cn__layer_ops cn__layer_nan_to_num = { .call = nan_to_num_call };
const cn__layer_ops cn__layer_log1p      = { .call = log1p_call };
