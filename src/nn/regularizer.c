/* regularizer.c: penalties on weights, which are added to the loss, and constraints, which act after each step. */
#include "nn/options.h"

#define EPSILON 1e-7                                     /* keras.config.epsilon() */

/* ---- Regularizers ------------------------------------------------------------------------------------------------ */
static cn__val sum_abs(cn_graph *g, cn__val w) { return cn__reduce_all(g, CN__OP_SUM, cn__b1(g, CN__OP_ABS, w)); }
static cn__val sum_square(cn_graph *g, cn__val w) { return cn__reduce_all(g, CN__OP_SUM, cn__b1(g, CN__OP_SQUARE, w)); }

static cn__val penalty_l1(cn_graph *g, const cn__spec *s, cn__val w)
{
    return cn__scale(g, sum_abs(g, w), ((const cn_l1_args *)s->args)->l1);
}

static cn__val penalty_l2(cn_graph *g, const cn__spec *s, cn__val w)
{
    return cn__scale(g, sum_square(g, w), ((const cn_l2_args *)s->args)->l2);
}

static cn__val penalty_l1_l2(cn_graph *g, const cn__spec *s, cn__val w)
{
    const cn_l1_l2_args *o = s->args;
    if (o->l1 == 0) return cn__scale(g, sum_square(g, w), o->l2);
    if (o->l2 == 0) return cn__scale(g, sum_abs(g, w), o->l1);
    return cn__add(g, cn__scale(g, sum_abs(g, w), o->l1), cn__scale(g, sum_square(g, w), o->l2));
}

/* The mean |cosine| of all pairs of rows (or columns). Rows of zeros count as they are. */
static cn__val penalty_orthogonal_regularizer(cn_graph *g, const cn__spec *s, cn__val w)
{
    const cn_orthogonal_regularizer_args *o = s->args;
    if (!w) return 0;
    cn__type t = *cn__type_of(g, w);
    if (t.rank != 2)
        return cn__graph_fail(g, CN_E_SHAPE, "orthogonal_regularizer: it takes a matrix, not a value with %d axes",
                              t.rank);
    bool rows = *o->mode == 'r';
    int64_t n = t.dim[rows ? 0 : 1];
    cn__val unit = cn__normalize(g, w, rows ? 2 : 1);
    cn__val cosine = cn__matmul(g, unit, unit, !rows, rows);
    cn__val place = cn__cumsum(g, cn__fill(g, CN_INT32, 1, &n, 1), 0, true, false);
    cn__val other = cn__b1(g, CN__OP_NOT, cn__cast(g, cn__one_hot(g, place, n, CN_FLOAT32), CN_BOOL));
    cn__val pairs = cn__where(g, other, cn__b1(g, CN__OP_ABS, cosine), cn__like(g, cosine, 0));
    return cn__scale(g, cn__reduce_all(g, CN__OP_SUM, pairs), o->factor / ((double)n * ((double)n - 1)));
}

/* ---- Constraints ------------------------------------------------------------------------------------------------- */
static cn__val norms(cn_graph *g, const cn__spec *s, const int64_t *axes, cn__val w)
{
    uint32_t mask;
    if (!w) return 0;
    int rank = cn__type_of(g, w)->rank;
    if (!cn__axes_mask(axes, rank, &mask))
        return cn__graph_fail(g, CN_E_VALUE, "%s: its axis is outside a weight with %d axes", s->cls->snake, rank);
    return cn__b1(g, CN__OP_SQRT, cn__reduce(g, CN__OP_SUM, cn__b1(g, CN__OP_SQUARE, w), mask, true));
}

static cn__val rescale(cn_graph *g, cn__val w, cn__val from, cn__val to)
{
    return cn__mul(g, w, cn__div(g, to, cn__affine(g, from, 1, EPSILON)));
}

static cn__val project_max_norm(cn_graph *g, const cn__spec *s, cn__val w)
{
    const cn_max_norm_args *o = s->args;
    cn__val norm = norms(g, s, o->axis, w);
    return rescale(g, w, norm, cn__clip(g, norm, cn__like(g, norm, 0), cn__like(g, norm, o->max_value)));
}

static cn__val project_min_max_norm(cn_graph *g, const cn__spec *s, cn__val w)
{
    const cn_min_max_norm_args *o = s->args;
    cn__val norm = norms(g, s, o->axis, w),
            inside = cn__clip(g, norm, cn__like(g, norm, o->min_value), cn__like(g, norm, o->max_value));
    if (o->rate == 1) return rescale(g, w, norm, inside);
    return rescale(g, w, norm, cn__add(g, cn__scale(g, inside, o->rate), cn__scale(g, norm, 1 - o->rate)));
}

static cn__val project_unit_norm(cn_graph *g, const cn__spec *s, cn__val w)
{
    const cn_unit_norm_args *o = s->args;
    return cn__div(g, w, cn__affine(g, norms(g, s, o->axis, w), 1, EPSILON));
}

static cn__val project_non_neg(cn_graph *g, const cn__spec *s, cn__val w) { return (void)s, cn__b1(g, CN__OP_RELU, w); }

/* ---- The lists --------------------------------------------------------------------------------------------------- */
#define CN_REGULARIZER(class, id, snake, REQUIRED, FIELDS, aliases, formula)                                          \
    static const cn__regularizer_ops ops_##id = { penalty_##id };                                                     \
    CN__CLASS(class_##id, cn_##id##_args, REQUIRED, CN_NO_FIELDS, FIELDS, #class, snake, "keras.regularizers",        \
              aliases, formula, CN__FAM_REGULARIZER, NULL, &ops_##id)                                                 \
    cn_regularizer (cn_##id)(cn_##id##_args *args) { return CN__CHOOSE(cn_regularizer, args, #class); }
#define CN_CONSTRAINT(class, id, REQUIRED, FIELDS, formula)                                                           \
    static const cn__constraint_ops ops_##id = { project_##id };                                                      \
    CN__CLASS(class_##id, cn_##id##_args, REQUIRED, CN_NO_FIELDS, FIELDS, #class, #id, "keras.constraints", "",       \
              formula, CN__FAM_CONSTRAINT, NULL, &ops_##id)                                                           \
    cn_constraint (cn_##id)(cn_##id##_args *args) { return CN__CHOOSE(cn_constraint, args, #class); }
#define CN_CONSTRAINT_PLAIN(class, id, formula)                                                                       \
    static const cn__constraint_ops ops_##id = { project_##id };                                                      \
    CN__PLAIN_CLASS(class_##id, #class, #id, "keras.constraints", "", formula, CN__FAM_CONSTRAINT, &ops_##id)
#include "nn/regularizers.def"
#include "nn/constraints.def"
#undef CN_REGULARIZER
#undef CN_CONSTRAINT
#undef CN_CONSTRAINT_PLAIN

cn__class_fn *const cn__regularizer_classes[] = {
#define CN_REGULARIZER(class, id, snake, REQUIRED, FIELDS, aliases, formula) class_##id,
#include "nn/regularizers.def"
    NULL
};
cn__class_fn *const cn__constraint_classes[] = {
#define CN_CONSTRAINT(class, id, REQUIRED, FIELDS, formula) class_##id,
#define CN_CONSTRAINT_PLAIN(class, id, formula)             class_##id,
#include "nn/constraints.def"
    NULL
};

cn__val cn__regularize(cn_graph *g, const cn__spec *spec, cn__val w)
{
    return spec->cls ? ((const cn__regularizer_ops *)spec->cls->ops)->penalty(g, spec, w) : 0;
}

cn__val cn__constrain(cn_graph *g, const cn__spec *spec, cn__val w)
{
    return spec->cls ? ((const cn__constraint_ops *)spec->cls->ops)->project(g, spec, w) : w;
}
