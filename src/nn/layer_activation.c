/* layer_activation.c: activations as layers. */
#include "nn/layer.h"

/* A layer's options become those of the activation that does the work. */
#define ACTIVATE(l, act, ...) \
    activate(l, (cn_act_##act)(&(cn_act_##act##_args){ .head = CN_HEAD(cn_act_##act##_args), __VA_ARGS__ }))
#define OR_ZERO(x) ((x) == 0 ? CN_ZERO : (x))

static bool activate(cn__lowering *l, cn_act act)
{
    cn__spec spec;
    if (!cn__spec_make(l->ctx, cn__ctx_arena(l->ctx), NULL, CN__FAM_ACT, act.name, &spec)) return false;
    l->out[0] = cn__activate(l, &spec, cn__layer_cast(l, l->in[0]));
    return l->out[0] != 0;
}

static bool activation_call(cn__lowering *l)
{
    return activate(l, ((const cn_activation_args *)l->layer->args)->activation);
}

static bool relu_call(cn__lowering *l)
{
    const cn_relu_args *o = l->layer->args;
    return ACTIVATE(l, relu, .negative_slope = o->negative_slope, .max_value = o->max_value, .threshold = o->threshold);
}

static bool leaky_relu_call(cn__lowering *l)
{
    return ACTIVATE(l, leaky_relu,
                    .negative_slope = OR_ZERO(((const cn_leaky_relu_args *)l->layer->args)->negative_slope));
}

static bool elu_call(cn__lowering *l)
{
    return ACTIVATE(l, elu, .alpha = OR_ZERO(((const cn_elu_args *)l->layer->args)->alpha));
}

/* ---- PReLU ------------------------------------------------------------------------------------------------------- */
static cn_status prelu_build(cn_layer *l, const char *site)
{
    const cn_prelu_args *o = l->args;
    const cn__type *in = &l->in_type[0];
    int64_t dim[CN_MAX_RANK];
    for (int i = 1; i < in->rank; i++) dim[i - 1] = in->dim[i];
    for (int i = 0, n = cn__dims_count(o->shared_axes); i < n; i++) {
        int64_t axis = cn__dims_at(o->shared_axes, i);
        if (axis < 1 || axis >= in->rank)
            return cn__layer_error(l, site, CN_E_VALUE,
                                   "shared_axes has %lld; the input's axes are 1 to %d (0 is the batch).",
                                   (long long)axis, in->rank - 1);
        dim[axis - 1] = 1;
    }
    return cn__layer_chosen(l, site, "alpha", in->rank - 1, dim, o->alpha_initializer, o->alpha_regularizer,
                            o->alpha_constraint);
}

static bool prelu_call(cn__lowering *l)
{
    cn_graph *g = l->g;
    cn__val x = cn__layer_cast(l, l->in[0]), below = cn__b1(g, CN__OP_RELU, cn__b1(g, CN__OP_NEG, x));
    l->out[0] = cn__sub(g, cn__b1(g, CN__OP_RELU, x), cn__mul(g, cn__weight_val(l, 0), below));
    return l->out[0] != 0;
}

/* ---- Softmax ----------------------------------------------------------------------------------------------------- */
static bool softmax_call(cn__lowering *l)
{
    const cn_softmax_args *o = l->layer->args;
    cn_graph *g = l->g;
    cn__val x = cn__layer_cast(l, l->in[0]), mask = l->mask ? l->mask[0] : 0, y;
    uint32_t axes;
    if (!x) return false;
    int rank = cn__type_of(g, x)->rank;
    if (!cn__axes_mask(o->axis, rank, &axes))
        return cn__graph_fail(g, CN_E_VALUE, "axis is outside an input with %d axes", rank), false;
    if (mask) x = cn__where(g, mask, x, cn__like(g, x, l->layer->dtype == CN_FLOAT16 ? -3e4 : -1e9));
    if (cn__dims_count(o->axis) == 1) {
        y = cn__softmax(g, x, (int)cn__dims_at(o->axis, 0));
        if (!mask && axes == 1u << (rank - 1)) l->logits = x, l->logits_of = CN__LOGITS_SOFTMAX;
    } else {
        y = cn__b1(g, CN__OP_EXP, cn__sub(g, x, cn__reduce(g, CN__OP_LOGSUMEXP, x, axes, true)));
    }
    l->out[0] = mask ? cn__where(g, mask, y, cn__like(g, y, 0)) : y;
    return l->out[0] != 0;
}

static bool identity_call(cn__lowering *l) { return (l->out[0] = l->in[0]) != 0; }

const cn__layer_ops cn__layer_identity   = { .call = identity_call,   .supports_masking = true };
const cn__layer_ops cn__layer_activation = { .call = activation_call, .supports_masking = true };
const cn__layer_ops cn__layer_relu       = { .call = relu_call,       .supports_masking = true };
const cn__layer_ops cn__layer_leaky_relu = { .call = leaky_relu_call, .supports_masking = true };
const cn__layer_ops cn__layer_elu        = { .call = elu_call,        .supports_masking = true };
const cn__layer_ops cn__layer_prelu      = { .build = prelu_build, .call = prelu_call, .supports_masking = true };
const cn__layer_ops cn__layer_softmax    = { .call = softmax_call,    .supports_masking = true };
