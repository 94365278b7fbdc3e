/* layer_normalization.c: layers that bring what flows through them to one scale. */
#include "nn/layer.h"

/* x / |x|, as keras.ops.normalize: a vector shorter than 1e-12 is only multiplied by 1e12. */
static bool unit_normalization_call(cn__lowering *l)
{
    const cn_unit_normalization_args *o = l->layer->args;
    cn_graph *g = l->g;
    cn__val   x = cn__layer_cast(l, l->in[0]);
    uint32_t  axes;
    if (!x) return false;
    int rank = cn__type_of(g, x)->rank;
    if (!cn__axes_mask(o->axis, rank, &axes))
        return cn__graph_fail(g, CN_E_VALUE, "axis is outside an input with %d axes", rank), false;
    cn__val square = cn__reduce(g, CN__OP_SUM, cn__b1(g, CN__OP_SQUARE, x), axes, true);
    cn__val by = cn__b2(g, CN__OP_MIN, cn__b1(g, CN__OP_RSQRT, square), cn__like(g, x, 1e12));
    return (l->out[0] = cn__mul(g, x, by)) != 0;
}

const cn__layer_ops cn__layer_unit_normalization = { .call = unit_normalization_call, .supports_masking = true };
