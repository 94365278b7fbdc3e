/* loss.c: losses as nodes, from targets and predictions to one number for each sample (or step). The edges are Keras's:
   what logarithms and quotients see is kept 1e-7 away from 0, in the arithmetic of the predictions' type. */
#include "nn/layer.h"
#include "nn/options.h"
#include <stdio.h>

#define EPSILON 1e-7                                     /* keras.config.epsilon() */

static cn__val mean_last(cn_graph *g, cn__val x)
{
    return x ? cn__reduce(g, CN__OP_MEAN, x, 1u << (cn__type_of(g, x)->rank - 1), false) : 0;
}
static cn__val sum_last(cn_graph *g, cn__val x)
{
    return x ? cn__reduce(g, CN__OP_SUM, x, 1u << (cn__type_of(g, x)->rank - 1), false) : 0;
}
static cn__val clip(cn_graph *g, cn__val x, double low, double high)
{
    return cn__clip(g, x, cn__like(g, x, low), cn__like(g, x, high));
}
static cn__val at_least(cn_graph *g, cn__val x, double low) { return cn__b2(g, CN__OP_MAX, x, cn__like(g, x, low)); }

cn__val cn__normalize(cn_graph *g, cn__val x, uint32_t axes)
{
    cn__val square = cn__reduce(g, CN__OP_SUM, cn__b1(g, CN__OP_SQUARE, x), axes, true);
    return cn__mul(g, x, cn__b1(g, CN__OP_RSQRT, at_least(g, square, EPSILON * EPSILON)));
}

/* ---- Errors ------------------------------------------------------------------------------------------------------ */
static cn__val values_mean_squared_error(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    return (void)s, mean_last(g, cn__b1(g, CN__OP_SQUARE, cn__sub(g, y, p)));
}

static cn__val values_mean_absolute_error(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    return (void)s, mean_last(g, cn__b1(g, CN__OP_ABS, cn__sub(g, y, p)));
}

static cn__val values_mean_absolute_percentage_error(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    (void)s;
    cn__val share = cn__div(g, cn__sub(g, y, p), at_least(g, cn__b1(g, CN__OP_ABS, y), EPSILON));
    return cn__scale(g, mean_last(g, cn__b1(g, CN__OP_ABS, share)), 100);
}

static cn__val values_mean_squared_logarithmic_error(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    cn__val ly = cn__b1(g, CN__OP_LOG1P, at_least(g, y, EPSILON)),
            lp = cn__b1(g, CN__OP_LOG1P, at_least(g, p, EPSILON));
    return values_mean_squared_error(g, s, ly, lp);
}

static cn__val values_huber(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    double delta = ((const cn_loss_huber_args *)s->args)->delta;
    cn__val e = cn__sub(g, p, y), size = cn__b1(g, CN__OP_ABS, e);
    cn__val near = cn__scale(g, cn__b1(g, CN__OP_SQUARE, e), 0.5),
            far = cn__affine(g, size, delta, -0.5 * delta * delta);
    return mean_last(g, cn__where(g, cn__b2(g, CN__OP_LE, size, cn__like(g, size, delta)), near, far));
}

static cn__val values_log_cosh(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    (void)s; /* ln cosh e = e + ln(1 + e^-2e) - ln 2, which does not overflow */
    cn__val e = cn__sub(g, p, y), tail = cn__b1(g, CN__OP_SOFTPLUS, cn__scale(g, e, -2));
    return mean_last(g, cn__affine(g, cn__add(g, e, tail), 1, -0.69314718055994530942));
}

/* ---- Margins: labels 0 and 1 are taken as -1 and 1, if there are no others in the batch -------------------------- */
static cn__val signs(cn_graph *g, cn__val y)
{
    cn__val zero = cn__b2(g, CN__OP_EQ, y, cn__like(g, y, 0)), one = cn__b2(g, CN__OP_EQ, y, cn__like(g, y, 1));
    cn__val binary = cn__reduce_all(g, CN__OP_ALL, cn__b2(g, CN__OP_OR, zero, one));
    return cn__where(g, binary, cn__affine(g, y, 2, -1), y);
}

static cn__val margin(cn_graph *g, cn__val y, cn__val p)
{
    return at_least(g, cn__affine(g, cn__mul(g, signs(g, y), p), -1, 1), 0);
}

static cn__val values_hinge(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    return (void)s, mean_last(g, margin(g, y, p));
}

static cn__val values_squared_hinge(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    return (void)s, mean_last(g, cn__b1(g, CN__OP_SQUARE, margin(g, y, p)));
}

static cn__val values_categorical_hinge(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    (void)s;
    if (!p) return 0;
    uint32_t last = 1u << (cn__type_of(g, p)->rank - 1);
    cn__val right = sum_last(g, cn__mul(g, y, p));
    cn__val wrong = cn__reduce(g, CN__OP_REDUCE_MAX, cn__mul(g, cn__affine(g, y, -1, 1), p), last, false);
    return at_least(g, cn__affine(g, cn__sub(g, wrong, right), 1, 1), 0);
}

/* ---- Distributions ----------------------------------------------------------------------------------------------- */
static cn__val values_poisson(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    (void)s;
    return mean_last(g, cn__sub(g, p, cn__mul(g, y, cn__b1(g, CN__OP_LOG, cn__affine(g, p, 1, EPSILON)))));
}

static cn__val values_kl_divergence(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    (void)s;
    y = clip(g, y, EPSILON, 1), p = clip(g, p, EPSILON, 1);
    return sum_last(g, cn__mul(g, y, cn__b1(g, CN__OP_LOG, cn__div(g, y, p))));
}

static cn__val values_cosine_similarity(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    const cn_loss_cosine_similarity_args *o = s->args;
    uint32_t mask;
    if (!p) return 0;
    if (!cn__axes_mask((const int64_t[CN_MAX_RANK]){ o->axis ? o->axis : CN_AXIS0 }, cn__type_of(g, p)->rank, &mask))
        return cn__graph_fail(g, CN_E_VALUE, "cosine_similarity: there is no axis %lld", (long long)o->axis);
    cn__val product = cn__mul(g, cn__normalize(g, y, mask), cn__normalize(g, p, mask));
    return cn__b1(g, CN__OP_NEG, cn__reduce(g, CN__OP_SUM, product, mask, false));
}

/* ---- Cross-entropies --------------------------------------------------------------------------------------------- */
static const cn__a_ce of_logits = { .from_logits = 1, .ignore = INT64_MIN };

/* The axis of the classes, made the last one. */
static cn__val classes_last(cn_graph *g, cn__val x, int64_t axis)
{
    if (!x) return 0;
    int32_t rank = cn__type_of(g, x)->rank, at = (int32_t)(axis < 0 ? axis + rank : axis), perm[CN_MAX_RANK];
    if (at < 0 || at >= rank)
        return cn__graph_fail(g, CN_E_VALUE, "crossentropy: there is no axis %lld", (long long)axis);
    if (at == rank - 1) return x;
    for (int32_t i = 0; i < rank; i++) perm[i] = i == rank - 1 ? at : i < at ? i : i + 1;
    return cn__transpose(g, x, perm);
}

static cn__val binary_y(cn_graph *g, const cn__spec *s, cn__val y)
{
    double smoothing = ((const cn_loss_binary_crossentropy_args *)s->args)->label_smoothing;
    return smoothing == 0 ? y : cn__affine(g, y, 1 - smoothing, 0.5 * smoothing);
}

static cn__val binary_mean(cn_graph *g, const cn__spec *s, cn__val x)
{
    return mean_last(g, classes_last(g, x, ((const cn_loss_binary_crossentropy_args *)s->args)->axis));
}

static cn__val logits_binary_crossentropy(cn_graph *g, const cn__spec *s, cn__val y, cn__val z)
{
    return binary_mean(g, s,
                       cn__emit(g, CN__OP_BINARY_CE, &of_logits, sizeof of_logits, 2,
                                (cn__val[]){ binary_y(g, s, y), z }, 1, NULL));
}

static cn__val values_binary_crossentropy(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    if (((const cn_loss_binary_crossentropy_args *)s->args)->from_logits == CN_YES)
        return logits_binary_crossentropy(g, s, y, p);
    y = binary_y(g, s, y), p = clip(g, p, EPSILON, 1 - EPSILON);
    cn__val yes = cn__mul(g, y, cn__b1(g, CN__OP_LOG, p));
    cn__val no = cn__mul(g, cn__affine(g, y, -1, 1), cn__b1(g, CN__OP_LOG, cn__affine(g, p, -1, 1)));
    return binary_mean(g, s, cn__b1(g, CN__OP_NEG, cn__add(g, yes, no)));
}

static cn__val log_of_probabilities(cn_graph *g, cn__val p)
{
    if (!p) return 0;
    cn__val sum = cn__reduce(g, CN__OP_SUM, p, 1u << (cn__type_of(g, p)->rank - 1), true);
    return cn__b1(g, CN__OP_LOG, clip(g, cn__div(g, p, sum), EPSILON, 1 - EPSILON));
}

static cn__val categorical(cn_graph *g, const cn__spec *s, cn__val y, cn__val p, bool logits)
{
    const cn_loss_categorical_crossentropy_args *o = s->args;
    if (!y || !p) return 0;
    double smoothing = o->label_smoothing, classes = (double)cn__type_of(g, y)->dim[cn__type_of(g, y)->rank - 1];
    if (smoothing != 0) y = cn__affine(g, y, 1 - smoothing, smoothing / classes);
    y = classes_last(g, y, o->axis), p = classes_last(g, p, o->axis);
    return cn__b1(g, CN__OP_NEG,
                  sum_last(g, cn__mul(g, y, logits ? cn__log_softmax(g, p, -1) : log_of_probabilities(g, p))));
}

static cn__val logits_categorical_crossentropy(cn_graph *g, const cn__spec *s, cn__val y, cn__val z)
{
    return categorical(g, s, y, z, true);
}

static cn__val values_categorical_crossentropy(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    return categorical(g, s, y, p, ((const cn_loss_categorical_crossentropy_args *)s->args)->from_logits == CN_YES);
}

/* Where targets count: 0 where the loss ignores no class. y as it came. */
cn__val cn__loss_valid(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    const cn_loss_sparse_categorical_crossentropy_args *o = s->args;
    if (!s->cls || strcmp(s->cls->name, "SparseCategoricalCrossentropy") || s->cls->family != CN__FAM_LOSS ||
        o->ignore_class == CN_NO_CLASS || !y || !p)
        return 0;
    if (cn__type_of(g, y)->rank == cn__type_of(g, p)->rank) y = cn__squeeze(g, y, (int)o->axis);
    return cn__b2(g, CN__OP_NE, y, cn__like(g, y, (double)o->ignore_class));
}

static cn__val sparse(cn_graph *g, const cn__spec *s, cn__val y, cn__val p, bool logits)
{
    const cn_loss_sparse_categorical_crossentropy_args *o = s->args;
    if (!y || !p) return 0;
    cn__val valid = cn__loss_valid(g, s, y, p), loss;
    if (cn__type_of(g, y)->rank == cn__type_of(g, p)->rank) y = cn__squeeze(g, y, (int)o->axis);
    y = cn__cast(g, y, CN_INT32), p = classes_last(g, p, o->axis);
    if (valid) {                                         /* what does not count shall not spoil the rest, NaN or not */
        y = cn__where(g, valid, y, cn__like(g, y, 0));
        p = cn__where(g, cn__expand(g, valid, -1), p, cn__like(g, p, logits ? 0 : 1));
    }
    if (logits) loss = cn__emit(g, CN__OP_SPARSE_CE, &of_logits, sizeof of_logits, 2, (cn__val[]){ y, p }, 1, NULL);
    else
        loss = cn__b1(g, CN__OP_NEG,
                      cn__squeeze(g, cn__gather_along(g, log_of_probabilities(g, p), cn__expand(g, y, -1), -1), -1));
    return valid ? cn__where(g, valid, loss, cn__like(g, loss, 0)) : loss;
}

static cn__val logits_sparse_categorical_crossentropy(cn_graph *g, const cn__spec *s, cn__val y, cn__val z)
{
    return sparse(g, s, y, z, true);
}

static cn__val values_sparse_categorical_crossentropy(cn_graph *g, const cn__spec *s, cn__val y, cn__val p)
{
    return sparse(g, s, y, p, ((const cn_loss_sparse_categorical_crossentropy_args *)s->args)->from_logits == CN_YES);
}

/* ---- The list ---------------------------------------------------------------------------------------------------- */
#define CN_LOSS(class, id, aliases, formula)                                                                          \
    static const cn__loss_ops ops_##id = { values_##id, NULL, 0, false, false };                                      \
    CN__PLAIN_CLASS(class_##id, #class, #id, "keras.losses", aliases, formula, CN__FAM_LOSS, &ops_##id)
#define LOSS_CLASS(class, id, FIELDS, aliases, formula)                                                               \
    CN__CLASS(class_##id, cn_loss_##id##_args, CN_NO_FIELDS, CN_NO_FIELDS, FIELDS, #class, #id, "keras.losses",       \
              aliases, formula, CN__FAM_LOSS, NULL, &ops_##id)                                                        \
    cn_loss (cn_loss_##id)(cn_loss_##id##_args *args) { return CN__CHOOSE(cn_loss, args, #class); }
#define CN_LOSS_OPTIONS(class, id, FIELDS, aliases, formula)                                                          \
    static const cn__loss_ops ops_##id = { values_##id, NULL, 0, false, false };                                      \
    LOSS_CLASS(class, id, FIELDS, aliases, formula)
#define CN_CROSSENTROPY(class, id, FIELDS, undoes, numbers, aliases, formula)                                         \
    static const cn__loss_ops ops_##id = { values_##id, logits_##id, undoes, numbers, false };                        \
    LOSS_CLASS(class, id, FIELDS, aliases, formula)
#include "nn/losses.def"
#undef CN_LOSS
#undef CN_LOSS_OPTIONS
#undef CN_CROSSENTROPY

cn__class_fn *const cn__loss_classes[] = {
#define CN_LOSS(class, id, aliases, formula)                                   class_##id,
#define CN_LOSS_OPTIONS(class, id, FIELDS, aliases, formula)                   class_##id,
#define CN_CROSSENTROPY(class, id, FIELDS, undoes, numbers, aliases, formula)  class_##id,
#include "nn/losses.def"
#undef CN_LOSS
#undef CN_LOSS_OPTIONS
#undef CN_CROSSENTROPY
    NULL
};

/* ---- Targets and predictions brought together -------------------------------------------------------------------- */
void cn__same_rank(cn_graph *g, cn__val *y, cn__val *p)
{
    if (!*y || !*p) return;
    const cn__type *ty = cn__type_of(g, *y), *tp = cn__type_of(g, *p);
    int ry = ty->rank, rp = tp->rank;
    if (ry == rp + 1 && ty->dim[ry - 1] == 1) {
        if (rp == 1) *p = cn__expand(g, *p, -1); else *y = cn__squeeze(g, *y, -1);
    } else if (rp == ry + 1 && tp->dim[rp - 1] == 1) {
        if (ry == 1) *y = cn__expand(g, *y, -1); else *p = cn__squeeze(g, *p, -1);
    }
}

cn__val cn__loss(cn_graph *g, const cn__spec *spec, cn__val y, cn__val p, cn__val logits, int logits_of)
{
    const cn__loss_ops *ops = spec->cls->ops;
    bool before = logits && ops->from_logits && ops->logits == logits_of;
    if (before) p = logits;
    if (!y || !p) return 0;
    if (!ops->sparse && !ops->any_shape) {
        y = cn__cast(g, y, (cn_dtype)cn__type_of(g, p)->dtype);
        cn__same_rank(g, &y, &p);
        if (y && p && cn__type_of(g, p)->rank == 1)
            y = cn__expand(g, y, -1), p = cn__expand(g, p, -1); /* one number a sample */
    }
    return before ? ops->from_logits(g, spec, y, p) : ops->values(g, spec, y, p);
}

static bool alike(const cn__type *a, const cn__type *b, int rank)
{
    for (int i = 1; i < rank; i++)
        if (a->dim[i] >= 0 && b->dim[i] >= 0 && a->dim[i] != b->dim[i]) return false;
    return true;
}

bool cn__shapes_fit(bool numbers, int64_t axis, const cn__type *y, const cn__type *p)
{
    const cn__type *more = y->rank > p->rank ? y : p, *less = y->rank > p->rank ? p : y;
    if (!numbers && y->rank == p->rank) return alike(y, p, y->rank);
    if (!numbers) return more->rank == less->rank + 1 && more->dim[less->rank] == 1 && alike(more, less, less->rank);
    int at = (int)(axis < 0 ? axis + p->rank : axis);
    cn__type rest = *p;
    if (at < 1 || at >= p->rank) return false;
    if (y->rank == p->rank) return rest.dim[at] = 1, alike(y, &rest, y->rank);
    rest.rank--;
    for (int i = at; i < rest.rank; i++) rest.dim[i] = p->dim[i + 1];
    return y->rank == rest.rank && alike(y, &rest, rest.rank);
}

static bool fits(const cn__loss_ops *ops, const cn__spec *spec, const cn__type *y, const cn__type *p)
{
    const cn_loss_sparse_categorical_crossentropy_args *o = spec->args;
    return ops->any_shape || cn__shapes_fit(ops->sparse, ops->sparse ? o->axis : -1, y, p);
}

bool cn__loss_check(cn_ctx *ctx, const char *site, const cn__spec *spec, const cn__type *y, const cn__type *p,
                    int logits_of)
{
    const cn__loss_ops *ops = spec->cls->ops;
    char ty[80], tp[80];
    const char *hint = "Targets and predictions must have the same shape.";
    int64_t classes = p->rank ? p->dim[p->rank - 1] : 1;
    if (logits_of == CN__LOGITS_SOFTMAX && classes == 1) {
        cn__fail(ctx, site, CN_E_VALUE,
                 "loss \"%s\": a softmax over one unit is always 1, so that nothing can be learnt. "
                 "For two classes use 1 unit with CN_SIGMOID and CN_BINARY_CROSSENTROPY, or 2 units.",
                 spec->cls->snake);
        return false;
    }
    if (classes == 1 && ops->logits == CN__LOGITS_SOFTMAX) {
        cn__fail(ctx, site, CN_E_VALUE,
                 "loss \"%s\": the predictions have one class only. Use CN_BINARY_CROSSENTROPY for two classes, "
                 "or as many units as there are classes.",
                 spec->cls->snake);
        return false;
    }
    if (fits(ops, spec, y, p)) return true;
    if (ops->sparse) {
        bool one_hot = y->rank == p->rank && alike(y, p, y->rank);
        hint = one_hot ? "These targets look one-hot: use CN_CATEGORICAL_CROSSENTROPY, or give the class numbers."
                       : "Targets are class numbers, one for each prediction.";
    } else if (ops->logits == CN__LOGITS_SOFTMAX) {
        hint = "If the targets are class numbers, use CN_SPARSE_CATEGORICAL_CROSSENTROPY.";
    }
    cn__fail(ctx, site, CN_E_SHAPE, "loss \"%s\": targets have the shape %s, predictions %s. %s", spec->cls->snake,
             cn__layer_shape_text(y, ty, sizeof ty), cn__layer_shape_text(p, tp, sizeof tp), hint);
    return false;
}

const char *cn__crossentropy_for(const cn__type *y, const cn__type *p)
{
    int64_t classes = p->rank ? p->dim[p->rank - 1] : 1;
    if (classes == 1) return "binary";
    return y->rank < p->rank || y->dim[y->rank - 1] == 1 ? "sparse_categorical" : "categorical";
}

bool cn__loss_make(cn_ctx *ctx, cn__arena *mem, const char *site, const char *choice, const cn__type *y,
                   const cn__type *p, cn__spec *out)
{
    char name[64];
    if (choice && (!strcmp(choice, "crossentropy") || !strcmp(choice, "ce"))) {
        snprintf(name, sizeof name, "%s_crossentropy", cn__crossentropy_for(y, p));
        choice = name;
    }
    return cn__spec_make(ctx, mem, site, CN__FAM_LOSS, choice, out);
}
