/* metric.c: metrics as sums over an epoch. Most are means: of a loss, or of being right. Each batch adds its sums to
   float64 variables; the result is worked out on the host when somebody asks. */
#include "nn/layer.h"
#include "nn/metric.h"
#include "nn/options.h"
#include <math.h>
#include <stdio.h>
#include <strings.h>

/* ---- Being right ------------------------------------------------------------------------------------------------- */
static cn__val equal(cn_graph *g, cn__val a, cn__val b) { return cn__cast(g, cn__b2(g, CN__OP_EQ, a, b), CN_FLOAT32); }

static cn__val like_p(cn_graph *g, cn__val y, cn__val p)
{
    return y && p ? cn__cast(g, y, (cn_dtype)cn__type_of(g, p)->dtype) : 0;
}

static cn__val values_accuracy(cn_graph *g, const cn__metric *m, cn__val y, cn__val p)
{
    (void)m;
    y = like_p(g, y, p);
    cn__same_rank(g, &y, &p);
    return equal(g, y, p);
}

static cn__val values_binary_accuracy(cn_graph *g, const cn__metric *m, cn__val y, cn__val p)
{
    const cn_metric_binary_accuracy_args *o = m->spec.args;
    y = like_p(g, y, p);
    cn__same_rank(g, &y, &p);
    return equal(g, y, like_p(g, cn__b2(g, CN__OP_GT, p, cn__like(g, p, o->threshold)), p));
}

static cn__val values_categorical_accuracy(cn_graph *g, const cn__metric *m, cn__val y, cn__val p)
{
    (void)m;
    return equal(g, cn__argmax(g, y, -1), cn__argmax(g, p, -1));
}

/* Class numbers, (B ..) or (B .., 1), beside predictions (B .., K). */
static cn__val numbers(cn_graph *g, cn__val y, cn__val p)
{
    if (!y || !p) return 0;
    return cn__type_of(g, y)->rank == cn__type_of(g, p)->rank ? cn__squeeze(g, y, -1) : y;
}

static cn__val values_sparse_categorical_accuracy(cn_graph *g, const cn__metric *m, cn__val y, cn__val p)
{
    (void)m;
    return equal(g, like_p(g, numbers(g, y, p), p),
                 like_p(g, cn__argmax(g, p, -1), p));    /* 2.5 is no class: not rounded */
}

/* Fewer than k of the others are larger; what is not a number is not large. */
static cn__val in_top_k(cn_graph *g, cn__val label, cn__val p, int64_t k)
{
    cn__val at = cn__gather_along(g, p, cn__expand(g, cn__cast(g, label, CN_INT32), -1), -1);
    at = cn__where(g, cn__b1(g, CN__OP_IS_NAN, at), cn__like(g, at, -HUGE_VAL), at);
    if (!at) return 0;
    cn__val larger = cn__cast(g, cn__b2(g, CN__OP_GT, p, at), CN_FLOAT32);
    cn__val count = cn__reduce(g, CN__OP_SUM, larger, 1u << (cn__type_of(g, p)->rank - 1), false);
    return cn__cast(g, cn__b2(g, CN__OP_LT, count, cn__like(g, count, (double)k)), CN_FLOAT32);
}

static cn__val values_top_k_categorical_accuracy(cn_graph *g, const cn__metric *m, cn__val y, cn__val p)
{
    return in_top_k(g, cn__argmax(g, y, -1), p, ((const cn_metric_top_k_categorical_accuracy_args *)m->spec.args)->k);
}

static cn__val values_sparse_top_k_categorical_accuracy(cn_graph *g, const cn__metric *m, cn__val y, cn__val p)
{
    const cn_metric_sparse_top_k_categorical_accuracy_args *o = m->spec.args;
    y = numbers(g, y, p);
    if (!y || o->from_sorted_ids != CN_YES) return in_top_k(g, y, p, o->k);
    int last = cn__type_of(g, p)->rank - 1;
    cn__val ids = cn__slice_axis(g, p, last, 0, CN__MIN(o->k, cn__type_of(g, p)->dim[last]));
    cn__val found = cn__b2(g, CN__OP_EQ, cn__expand(g, like_p(g, y, p), -1), ids);
    return cn__cast(g, cn__reduce(g, CN__OP_ANY, found, 1u << last, false), CN_FLOAT32);
}

/* ---- Of losses --------------------------------------------------------------------------------------------------- */
/* The loss called name with those of the metric's options that it has. */
static cn__val loss_called(cn_graph *g, const cn__metric *m, const char *name, cn__val y, cn__val p)
{
    cn__spec loss = { cn__class_find(NULL, CN__FAM_LOSS, name), NULL };
    if (loss.cls->size) {
        if (!(loss.args = cn__arena_alloc(&g->mem, loss.cls->size)))
            return cn__graph_fail(g, CN_E_NOMEM, "out of memory");
        loss.cls->presets(loss.args);
    }
    for (int i = 0; i < loss.cls->options; i++) {
        const cn__option *to = &loss.cls->option[i], *from = cn__option_find(m->spec.cls, to->name);
        if (from) memcpy((char *)loss.args + to->offset, (const char *)m->spec.args + from->offset, to->size);
    }
    return cn__loss(g, &loss, y, p, 0, 0);
}

static cn__val values_of_loss(cn_graph *g, const cn__metric *m, cn__val y, cn__val p)
{
    return loss_called(g, m, m->spec.cls->name, y, p);
}
static cn__val values_log_cosh_error(cn_graph *g, const cn__metric *m, cn__val y, cn__val p)
{
    return loss_called(g, m, "LogCosh", y, p);
}

static cn__val values_cosine_similarity(cn_graph *g, const cn__metric *m, cn__val y, cn__val p)
{
    return cn__b1(g, CN__OP_NEG, loss_called(g, m, "CosineSimilarity", y, p));
}

static cn__val values_root_mean_squared_error(cn_graph *g, const cn__metric *m, cn__val y, cn__val p)
{
    return loss_called(g, m, "MeanSquaredError", y, p);
}

/* ---- Means: sums are the weighed sum and the weight -------------------------------------------------------------- */
cn__val cn__metric_vector(cn_graph *g, int n, const cn__val *parts)
{
    cn__val flat[8];
    for (int i = 0; i < n; i++) {
        if (!parts[i]) return 0;
        flat[i] = cn__reshape(g, cn__cast(g, parts[i], CN_FLOAT64), 1,
                              (const int64_t[]){ cn__type_count(cn__type_of(g, parts[i])) });
    }
    return cn__concat(g, 0, n, flat);
}

cn__val cn__metric_weights(cn_graph *g, cn__val weight, cn__val like)
{
    if (!like) return 0;
    cn__type t = *cn__type_of(g, like);
    int64_t dim[CN_MAX_RANK];
    if (!weight) return cn__fill(g, (cn_dtype)t.dtype, t.rank, t.dim, 1);
    const cn__type *w = cn__type_of(g, weight);
    for (int i = 0; i < t.rank; i++) dim[i] = i < w->rank ? w->dim[i] : 1;
    if (w->rank < t.rank) weight = cn__reshape(g, weight, t.rank, dim);
    return cn__broadcast(g, cn__cast(g, weight, (cn_dtype)t.dtype), t.rank, t.dim);
}

/* The mean over all axes from `keep` on. */
static cn__val narrowed(cn_graph *g, cn__val x, int keep)
{
    int rank = cn__type_of(g, x)->rank;
    return rank > keep ? cn__reduce(g, CN__OP_MEAN, x, ((1u << rank) - 1) & ~((1u << keep) - 1), false) : x;
}

static cn__val mean_sums(cn_graph *g, cn__val values, cn__val weight)
{
    if (!values) return 0;
    if (!weight) {
        values = narrowed(g, values, 1);
        double n = (double)cn__type_count(cn__type_of(g, values));
        return cn__metric_vector(g, 2, (cn__val[]){ cn__reduce_all(g, CN__OP_SUM, values), cn__like(g, values, n) });
    }
    int keep = CN__MIN(cn__type_of(g, weight)->rank, cn__type_of(g, values)->rank);
    values = narrowed(g, values, keep),
    weight = narrowed(g, cn__cast(g, weight, (cn_dtype)cn__type_of(g, values)->dtype), keep);
    cn__val nothing = cn__b2(g, CN__OP_EQ, weight, cn__like(g, weight, 0)); /* a weight of 0 silences infinities, too */
    cn__val weighed = cn__where(g, nothing, cn__like(g, values, 0), cn__mul(g, values, weight));
    return cn__metric_vector(g, 2,
                             (cn__val[]){ cn__reduce_all(g, CN__OP_SUM, weighed),
                                          cn__reduce_all(g, CN__OP_SUM, weight) });
}

static double mean_result(const cn__metric *m, const double *sums)
{
    return (void)m, sums[1] == 0 ? 0 : sums[0] / sums[1];
}
static double root_mean_result(const cn__metric *m, const double *sums) { return sqrt(mean_result(m, sums)); }

/* ---- R2: for each output the sums of y, y^2, (y - p)^2 and of the weights; then the number of targets ------------ */
static int r2_outputs(const cn__metric *m) { return m->p.rank > 1 ? (int)m->p.dim[m->p.rank - 1] : 1; }
static int count_r2_score(const cn__metric *m) { return 4 * r2_outputs(m) + 1; }

static cn__val sums_r2_score(cn_graph *g, const cn__metric *m, cn__val y, cn__val p, cn__val weight)
{
    (void)m;
    y = like_p(g, y, p);
    cn__same_rank(g, &y, &p);
    if (!y || !p) return 0;
    if (cn__type_of(g, p)->rank == 1) y = cn__expand(g, y, -1), p = cn__expand(g, p, -1);
    if (cn__type_of(g, p)->rank != 2)
        return cn__graph_fail(g, CN_E_SHAPE, "r2_score: it takes predictions (batch, outputs), not %d axes",
                              cn__type_of(g, p)->rank);
    y = cn__cast(g, y, CN_FLOAT64), p = cn__cast(g, p, CN_FLOAT64);              /* sum y^2 - (sum y)^2 / n cancels */
    cn__val w = cn__metric_weights(g, weight, y), wy = cn__mul(g, w, y),
            error = cn__b1(g, CN__OP_SQUARE, cn__sub(g, y, p));
    cn__val parts[5] = { wy, cn__mul(g, wy, y), cn__mul(g, error, w), w };
    for (int i = 0; i < 4; i++) parts[i] = cn__reduce(g, CN__OP_SUM, parts[i], 1, false);
    parts[4] = cn__like(g, y, (double)cn__type_count(cn__type_of(g, y)));
    return cn__metric_vector(g, 5, parts);
}

static double result_r2_score(const cn__metric *m, const double *sums)
{
    const cn_metric_r2_score_args *o = m->spec.args;
    int n = r2_outputs(m);
    double plain = 0, weighed = 0, all = 0, samples = sums[4 * n];
    for (int k = 0; k < n; k++) {
        double total = sums[n + k] - sums[k] * (sums[k] / sums[3 * n + k]), score = 1 - sums[2 * n + k] / total;
        if (isinf(score)) score = 0;
        plain += score / n, weighed += total * score, all += total;
    }
    double r2 = *o->class_aggregation == 'u' ? plain : weighed / all, regressors = (double)o->num_regressors;
    if (regressors == 0 || regressors >= samples - 1) return r2; /* too few samples to adjust: Keras falls back, too */
    return 1 - (1 - r2) * (samples - 1) / (samples - regressors - 1);
}

/* ---- The list ---------------------------------------------------------------------------------------------------- */
static const cn__metric_ops ops_of_loss = { .values = values_of_loss };
#define MEAN(id, y_shape) static const cn__metric_ops cn__metric_##id = { .values = values_##id, .shape = y_shape };
MEAN(accuracy,                          CN__ALIKE)
MEAN(binary_accuracy,                   CN__ALIKE)
MEAN(categorical_accuracy,              CN__ALIKE)
MEAN(top_k_categorical_accuracy,        CN__ALIKE)
MEAN(cosine_similarity,                 CN__ALIKE)
MEAN(sparse_categorical_accuracy,       CN__NUMBERS)
MEAN(sparse_top_k_categorical_accuracy, CN__NUMBERS)
static const cn__metric_ops cn__metric_log_cosh_error = { .values = values_log_cosh_error,
                                                          .name = "logcosh",
                                                          .shape = CN__ALIKE };
static const cn__metric_ops cn__metric_root_mean_squared_error = { .values = values_root_mean_squared_error,
                                                                   .result = root_mean_result,
                                                                   .shape = CN__ALIKE };
static const cn__metric_ops cn__metric_r2_score = {
    .count = count_r2_score, .sums = sums_r2_score, .result = result_r2_score, .shape = CN__ALIKE
};

#define METRIC_CLASS(class, id, FIELDS, aliases, formula, ops)                                                        \
    CN__CLASS(class_##id, cn_metric_##id##_args, CN_NO_FIELDS, CN_NO_FIELDS, FIELDS, #class, #id,                     \
              "keras.metrics", aliases, formula, CN__FAM_METRIC, NULL, ops)                                           \
    cn_metric (cn_metric_##id)(cn_metric_##id##_args *args) { return CN__CHOOSE(cn_metric, args, #class); }
#define CN_METRIC(class, id, FIELDS, aliases, formula) \
    METRIC_CLASS(class, id, FIELDS, aliases, formula, &cn__metric_##id)
#define CN_METRIC_OF_LOSS(class, id, FIELDS, aliases, formula) \
    METRIC_CLASS(class, id, FIELDS, aliases, formula, &ops_of_loss)
#include "nn/metrics.def"
#undef CN_METRIC
#undef CN_METRIC_OF_LOSS

cn__class_fn *const cn__metric_classes[] = {
#define CN_METRIC(class, id, FIELDS, aliases, formula)          class_##id,
#define CN_METRIC_OF_LOSS(class, id, FIELDS, aliases, formula)  class_##id,
#include "nn/metrics.def"
#undef CN_METRIC
#undef CN_METRIC_OF_LOSS
    NULL
};

/* ---- Making one, and asking it ----------------------------------------------------------------------------------- */
static const cn__metric_ops *ops_of(const cn__metric *m)
{
    return m->spec.cls->family == CN__FAM_LOSS ? &ops_of_loss : m->spec.cls->ops;
}

/* In results: what was written, without a package; of one with options its own name, or the class's. */
static const char *result_name(cn__arena *mem, const char *written, const cn__metric *m)
{
    const cn__option *o = cn__option_find(m->spec.cls, "name");
    const char *own = NULL, *package = strchr(written, '>');
    if (cn__choice_is_name(written)) return cn__arena_text(mem, package ? package + 1 : written);
    if (o) memcpy(&own, (const char *)m->spec.args + o->offset, sizeof own);
    return own ? own : ops_of(m)->name ? ops_of(m)->name : m->spec.cls->snake;
}

static bool shapes_fit(cn_ctx *ctx, const char *site, const cn__metric *m, const cn__type *y, const cn__type *p)
{
    const cn__metric_ops *ops = ops_of(m);
    const cn__class *loss = ops == &ops_of_loss ? cn__class_find(ctx, CN__FAM_LOSS, m->spec.cls->name) : NULL;
    char ty[80], tp[80];
    bool numbers = loss ? ((const cn__loss_ops *)loss->ops)->sparse : ops->shape == CN__NUMBERS;
    int64_t axis = -1;
    const cn__option *o = cn__option_find(m->spec.cls, "axis");
    if (loss ? ((const cn__loss_ops *)loss->ops)->any_shape : ops->shape == CN__ANY_SHAPE) return true;
    if (o) memcpy(&axis, (const char *)m->spec.args + o->offset, sizeof axis);
    if (cn__shapes_fit(numbers, axis, y, p)) return true;
    cn__fail(ctx, site, CN_E_SHAPE, "metric \"%s\": targets have the shape %s, predictions %s. %s", m->name,
             cn__layer_shape_text(y, ty, sizeof ty), cn__layer_shape_text(p, tp, sizeof tp),
             numbers ? "Targets are class numbers, one for each prediction." : "They must have the same shape.");
    return false;
}

bool cn__metric_make(cn_ctx *ctx, cn__arena *mem, const char *site, const char *choice, const cn__spec *loss,
                     const cn__type *y, const cn__type *p, cn__metric *out)
{
    char name[64];
    const char *chosen = choice;
    (void)loss;                                          /* the shapes tell: Keras looks at no more */
    memset(out, 0, sizeof *out);
    bool accuracy = !strcasecmp(choice, "accuracy") || !strcasecmp(choice, "acc");
    if (accuracy || !strcasecmp(choice, "crossentropy") || !strcasecmp(choice, "ce")) {
        snprintf(name, sizeof name, "%s_%s", cn__crossentropy_for(y, p), accuracy ? "accuracy" : "crossentropy");
        chosen = name;
    }
    if (!cn__spec_make(ctx, mem, site, CN__FAM_METRIC, chosen, &out->spec)) return false;
    out->p = *p;
    out->sums = ops_of(out)->count ? ops_of(out)->count(out) : 2;
    if (!(out->name = result_name(mem, choice, out))) return cn__nomem(ctx), false;
    if (!shapes_fit(ctx, site, out, y, p)) return false;
    if (ops_of(out)->count != count_r2_score || p->rank < 3) return true;
    cn__fail(ctx, site, CN_E_SHAPE,
             "metric \"%s\": it takes predictions of the shape (batch, outputs), these have %d axes.", out->name,
             p->rank);
    return false;
}

static bool is_loss(const cn__metric *m)
{
    return ops_of(m) == &ops_of_loss && m->spec.cls->family == CN__FAM_LOSS;
}

bool cn__metric_is_mean(const cn__metric *m) { return is_loss(m) || ops_of(m)->values; }

cn__val cn__metric_sums(cn_graph *g, const cn__metric *m, cn__val y, cn__val p, cn__val weight)
{
    const cn__metric_ops *ops = ops_of(m);
    if (is_loss(m)) return mean_sums(g, cn__loss(g, &m->spec, y, p, 0, 0), weight);
    return ops->values ? mean_sums(g, ops->values(g, m, y, p), weight) : ops->sums(g, m, y, p, weight);
}

double cn__metric_result(const cn__metric *m, const double *sums)
{
    return ops_of(m)->result ? ops_of(m)->result(m, sums) : mean_result(m, sums);
}
