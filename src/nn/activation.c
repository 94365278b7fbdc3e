/* activation.c: the activations as nodes. Where a formula has a corner or an overflow, the form is Keras's (jax.nn), so
   that value and slope agree at that very point: the branch that is not taken is fed a harmless number, for 0 * inf in
   a gradient is NaN. */
#include "nn/options.h"

#define ARGS(T, spec) const cn_act_##T##_args *o = (spec)->args
#define OP(op, ...)   CN__CAT(cn__b, CN__ARITY(__VA_ARGS__))(g, CN__OP_##op, __VA_ARGS__)
#define CN__CAT2(a, b) a##b
#define CN__CAT(a, b)  CN__CAT2(a, b)
#define CN__ARITY2(a, b, n, ...) n
#define CN__ARITY(...) CN__ARITY2(__VA_ARGS__, 2, 1, 0)

static cn__val act_linear(cn_graph *g, const cn__spec *s, cn__val z) { return (void)g, (void)s, z; }
static cn__val act_sigmoid(cn_graph *g, const cn__spec *s, cn__val z) { return (void)s, OP(SIGMOID, z); }
static cn__val act_tanh(cn_graph *g, const cn__spec *s, cn__val z) { return (void)s, OP(TANH, z); }
static cn__val act_exponential(cn_graph *g, const cn__spec *s, cn__val z) { return (void)s, OP(EXP, z); }
static cn__val act_softplus(cn_graph *g, const cn__spec *s, cn__val z) { return (void)s, OP(SOFTPLUS, z); }

/* ---- Piecewise linear -------------------------------------------------------------------------------------------- */
static cn__val band(cn_graph *g, cn__val z, double low, double high)
{
    return cn__clip(g, z, cn__like(g, z, low), cn__like(g, z, high));
}

static cn__val leaky(cn_graph *g, cn__val z, double slope)
{
    return cn__where(g, OP(GE, z, cn__like(g, z, 0)), z, cn__scale(g, z, slope));
}

static cn__val act_relu(cn_graph *g, const cn__spec *s, cn__val z)
{
    ARGS(relu, s);
    if (o->negative_slope != 0 && o->max_value == 0 && o->threshold == 0) return leaky(g, z, o->negative_slope);
    cn__val y = OP(RELU, z);
    if (o->threshold != 0) y = cn__where(g, OP(GT, z, cn__like(g, z, o->threshold)), z, cn__like(g, z, 0));
    if (o->max_value != 0) y = band(g, y, 0, o->max_value);
    if (o->negative_slope == 0) return y;
    return cn__sub(g, y, cn__scale(g, OP(RELU, cn__affine(g, z, -1, o->threshold)), o->negative_slope));
}

static cn__val act_leaky_relu(cn_graph *g, const cn__spec *s, cn__val z)
{
    ARGS(leaky_relu, s);
    return leaky(g, z, o->negative_slope);
}

static cn__val act_relu6(cn_graph *g, const cn__spec *s, cn__val z) { return (void)s, band(g, z, 0, 6); }
static cn__val act_hard_tanh(cn_graph *g, const cn__spec *s, cn__val z) { return (void)s, band(g, z, -1, 1); }

static cn__val act_hard_sigmoid(cn_graph *g, const cn__spec *s, cn__val z)
{
    (void)s;
    return cn__scale(g, band(g, cn__affine(g, z, 1, 3), 0, 6), 1.0 / 6);
}

static cn__val act_hard_silu(cn_graph *g, const cn__spec *s, cn__val z)
{
    return cn__mul(g, z, act_hard_sigmoid(g, s, z));
}

static cn__val act_sparse_sigmoid(cn_graph *g, const cn__spec *s, cn__val z)
{
    (void)s;
    return cn__scale(g, band(g, cn__affine(g, z, 1, 1), 0, 2), 0.5);
}

static cn__val act_soft_shrink(cn_graph *g, const cn__spec *s, cn__val z)
{
    ARGS(soft_shrink, s);
    cn__val low = OP(LT, z, cn__like(g, z, -o->threshold));
    cn__val below = cn__where(g, low, cn__affine(g, z, 1, o->threshold), cn__like(g, z, 0));
    return cn__where(g, OP(GT, z, cn__like(g, z, o->threshold)), cn__affine(g, z, 1, -o->threshold), below);
}

static cn__val act_hard_shrink(cn_graph *g, const cn__spec *s, cn__val z)
{
    ARGS(hard_shrink, s);
    return cn__where(g, OP(GT, OP(ABS, z), cn__like(g, z, o->threshold)), z, cn__like(g, z, 0));
}

static cn__val act_threshold(cn_graph *g, const cn__spec *s, cn__val z)
{
    ARGS(threshold, s);
    return cn__where(g, OP(GT, z, cn__like(g, z, o->threshold)), z, cn__like(g, z, o->default_value));
}

static cn__val act_step(cn_graph *g, const cn__spec *s, cn__val z)
{
    (void)s;
    return cn__where(g, OP(GE, z, cn__like(g, z, 0)), cn__like(g, z, 1), cn__like(g, z, 0));
}

/* ---- Smooth ------------------------------------------------------------------------------------------------------ */
static cn__val exponential_below(cn_graph *g, cn__val z, double scale, double alpha, double width)
{
    cn__val zero = cn__like(g, z, 0), positive = OP(GT, z, zero), low = cn__where(g, positive, zero, z);
    cn__val curve = cn__scale(g, OP(EXPM1, cn__scale(g, low, 1 / width)), scale * alpha);
    return cn__where(g, positive, cn__scale(g, z, scale), curve);
}

static cn__val act_elu(cn_graph *g, const cn__spec *s, cn__val z)
{
    ARGS(elu, s);
    return exponential_below(g, z, 1, o->alpha, 1);
}

static cn__val act_celu(cn_graph *g, const cn__spec *s, cn__val z)
{
    ARGS(celu, s);
    return exponential_below(g, z, 1, o->alpha, o->alpha);
}

static cn__val act_selu(cn_graph *g, const cn__spec *s, cn__val z)
{
    (void)s; /* Klambauer et al. 2017, equation 14: fixed point of mean 0, variance 1 */
    return exponential_below(g, z, 1.0507009873554804934193349852946, 1.6732632423543772848170429916717, 1);
}

static cn__val act_gelu(cn_graph *g, const cn__spec *s, cn__val z)
{
    ARGS(gelu, s);
    cn__val bend;
    if (o->approximate == CN_YES) {                      /* Hendrycks and Gimpel 2016, section 2 */
        cn__val cube = cn__mul(g, OP(SQUARE, z), z);
        bend = OP(TANH, cn__scale(g, cn__add(g, z, cn__scale(g, cube, 0.044715)), 0.79788456080286535588));
    } else {
        bend = OP(ERF, cn__scale(g, z, 0.70710678118654752440));
    }
    return cn__mul(g, z, cn__affine(g, bend, 0.5, 0.5));
}

static cn__val act_silu(cn_graph *g, const cn__spec *s, cn__val z) { return (void)s, cn__mul(g, z, OP(SIGMOID, z)); }
static cn__val act_mish(cn_graph *g, const cn__spec *s, cn__val z)
{
    return (void)s, cn__mul(g, z, OP(TANH, OP(SOFTPLUS, z)));
}
static cn__val act_log_sigmoid(cn_graph *g, const cn__spec *s, cn__val z)
{
    return (void)s, OP(NEG, OP(SOFTPLUS, OP(NEG, z)));
}
static cn__val act_tanh_shrink(cn_graph *g, const cn__spec *s, cn__val z)
{
    return (void)s, cn__sub(g, z, OP(TANH, z));
}

static cn__val act_softsign(cn_graph *g, const cn__spec *s, cn__val z)
{
    (void)s;
    return cn__div(g, z, cn__affine(g, OP(ABS, z), 1, 1));
}

static cn__val act_squareplus(cn_graph *g, const cn__spec *s, cn__val z)
{
    ARGS(squareplus, s);
    return cn__scale(g, cn__add(g, z, OP(SQRT, cn__affine(g, OP(SQUARE, z), 1, o->b))), 0.5);
}

static cn__val act_sparse_plus(cn_graph *g, const cn__spec *s, cn__val z)
{
    (void)s;
    cn__val curve = cn__scale(g, OP(SQUARE, cn__affine(g, z, 1, 1)), 0.25);
    cn__val above = cn__where(g, OP(GE, z, cn__like(g, z, 1)), z, curve);
    return cn__where(g, OP(LE, z, cn__like(g, z, -1)), cn__like(g, z, 0), above);
}

/* ---- Over an axis ------------------------------------------------------------------------------------------------ */
static bool axis_of(cn_graph *g, cn__val z, int64_t axis, const char *who, int *place)
{
    if (!z) return false;
    int rank = cn__type_of(g, z)->rank;
    if (axis < -rank || axis >= rank)
        return cn__graph_fail(g, CN_E_VALUE, "%s: there is no axis %lld in a value with %d axes", who, (long long)axis,
                              rank);
    *place = (int)(axis < 0 ? axis + rank : axis);
    return true;
}

static cn__val act_softmax(cn_graph *g, const cn__spec *s, cn__val z)
{
    ARGS(softmax, s);
    int axis = 0;
    return axis_of(g, z, o->axis, "softmax", &axis) ? cn__softmax(g, z, axis) : 0;
}

static cn__val act_log_softmax(cn_graph *g, const cn__spec *s, cn__val z)
{
    ARGS(log_softmax, s);
    int axis = 0;
    return axis_of(g, z, o->axis, "log_softmax", &axis) ? cn__log_softmax(g, z, axis) : 0;
}

/* Martins and Astudillo 2016, algorithm 1, with the threshold that Keras computes: it adds up all partial sums of the
   support where the algorithm takes the last one. With one number in the support they agree; with more, the result sums
   to less than 1. Models trained in Keras expect Keras's numbers. */
static cn__val act_sparsemax(cn_graph *g, const cn__spec *s, cn__val z)
{
    ARGS(sparsemax, s);
    int axis = 0;
    if (!axis_of(g, z, o->axis, "sparsemax", &axis)) return 0;
    const cn__type *t = cn__type_of(g, z);
    cn__type shape = { .dtype = t->dtype, .rank = t->rank };
    for (int i = 0; i < t->rank; i++) shape.dim[i] = i == axis ? t->dim[i] : 1;
    cn__val places = cn__fill(g, (cn_dtype)t->dtype, shape.rank, shape.dim, 1), order;
    cn__val place = cn__cumsum(g, places, axis, false, false);                   /* 1, 2, 3 ... */
    cn__val sorted = cn__sort(g, z, axis, true, &order), sums = cn__cumsum(g, sorted, axis, false, false);
    cn__val mean = cn__div(g, cn__affine(g, sums, 1, -1), place);
    cn__val support = OP(GT, cn__sub(g, sorted, mean), cn__like(g, z, 0));
    cn__val one = cn__like(g, z, 1), zero = cn__like(g, z, 0);
    cn__val count = cn__reduce(g, CN__OP_SUM, cn__where(g, support, one, zero), 1u << axis, true);
    cn__val total = cn__reduce(g, CN__OP_SUM, cn__where(g, support, sums, zero), 1u << axis, true);
    return OP(RELU, cn__sub(g, z, cn__div(g, cn__affine(g, total, 1, -1), count)));
}

static cn__val act_glu(cn_graph *g, const cn__spec *s, cn__val z)
{
    ARGS(glu, s);
    int axis = 0;
    if (!axis_of(g, z, o->axis, "glu", &axis)) return 0;
    int64_t size = cn__type_of(g, z)->dim[axis];
    if (size % 2)
        return cn__graph_fail(g, CN_E_SHAPE, "glu: axis %d has size %lld; it takes an even one, to be halved", axis,
                              (long long)size);
    cn__val gate = cn__slice_axis(g, z, axis, size / 2, size / 2);
    return cn__mul(g, cn__slice_axis(g, z, axis, 0, size / 2), OP(SIGMOID, gate));
}

/* ---- The list ---------------------------------------------------------------------------------------------------- */
#define CN_ACT(id, aliases, formula)                                                                                  \
    static const cn__act_ops ops_##id = { act_##id };                                                                 \
    CN__PLAIN_CLASS(class_##id, #id, #id, "keras.activations", aliases, formula, CN__FAM_ACT, &ops_##id)
#define CN_ACT_OPTIONS(id, REQUIRED, FIELDS, aliases, formula)                                                        \
    static const cn__act_ops ops_##id = { act_##id };                                                                 \
    CN__CLASS(class_##id, cn_act_##id##_args, REQUIRED, CN_NO_FIELDS, FIELDS, #id, #id, "keras.activations",          \
              aliases, formula, CN__FAM_ACT, NULL, &ops_##id)                                                         \
    cn_act (cn_act_##id)(cn_act_##id##_args *args) { return CN__CHOOSE(cn_act, args, #id); }
#include "nn/activations.def"
#undef CN_ACT
#undef CN_ACT_OPTIONS
static const cn__act_ops ops_step = { act_step };
CN__PLAIN_CLASS(class_step, "cornu>step", "step", NULL, "", "1 for z >= 0, else 0", CN__FAM_ACT, &ops_step)

cn__class_fn *const cn__act_classes[] = {
#define CN_ACT(id, aliases, formula)                           class_##id,
#define CN_ACT_OPTIONS(id, REQUIRED, FIELDS, aliases, formula) class_##id,
#include "nn/activations.def"
#undef CN_ACT
#undef CN_ACT_OPTIONS
    class_step, NULL
};

static bool is(const cn__spec *spec, cn__val (*apply)(cn_graph *, const cn__spec *, cn__val))
{
    return ((const cn__act_ops *)spec->cls->ops)->apply == apply;
}

cn__val cn__activate(cn__lowering *l, const cn__spec *spec, cn__val z)
{
    if (!spec->cls || !z) return z;
    cn_graph *g = l->g;
    cn__val y = ((const cn__act_ops *)spec->cls->ops)->apply(g, spec, z);
    if (!y) return 0;
    int rank = cn__type_of(g, z)->rank;
    const cn_act_softmax_args *o = spec->args;
    if (is(spec, act_sigmoid)) l->logits = z, l->logits_of = CN__LOGITS_SIGMOID;
    if (is(spec, act_softmax) && (o->axis == -1 || o->axis == rank - 1))
        l->logits = z, l->logits_of = CN__LOGITS_SOFTMAX;
    if (is(spec, act_step) && l->straight_through)
        y = cn__add(g, y, cn__sub(g, z, OP(STOP_GRADIENT, z))); /* + 0, with slope 1 */
    return y;
}

bool cn__activation_code(const cn__spec *spec, cn__actcode *code)
{
    const cn_act_relu_args *o = spec->args;
    if (!spec->cls || is(spec, act_linear)) return *code = CN__ACT_LINEAR, true;
    if (is(spec, act_tanh)) return *code = CN__ACT_TANH, true;
    if (is(spec, act_sigmoid)) return *code = CN__ACT_SIGMOID, true;
    if (is(spec, act_relu) && o->negative_slope == 0 && o->max_value == 0 && o->threshold == 0)
        return *code = CN__ACT_RELU, true;
    return false;
}
