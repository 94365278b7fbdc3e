/* metric_confusion.c: metrics that count true and false, positive and negative predictions: at one threshold, or along
 * a curve. */
#include "nn/metric.h"
#include <math.h>
#include <string.h>

/* y as 0 and 1, p, and weights, all in p's shape. */
typedef struct marks { cn__val y, p, w; } marks;

static bool look(cn_graph *g, cn__val y, cn__val p, cn__val weight, marks *m)
{
    if (!y || !p) return false;
    cn_dtype dtype = (cn_dtype)cn__type_of(g, p)->dtype;
    y = cn__cast(g, y, dtype);
    cn__same_rank(g, &p, &y);
    *m = (marks){ cn__cast(g, cn__b2(g, CN__OP_NE, y, cn__like(g, y, 0)), dtype), p, cn__metric_weights(g, weight, p) };
    return m->y && m->p && m->w;
}

/* ---- At one threshold: each sum is that of the weights where target and prediction are as wanted ----------------- */
static cn__val count(cn_graph *g, const marks *m, double threshold, bool positive, bool target)
{
    cn__val above = cn__b2(g, CN__OP_GT, m->p, cn__like(g, m->p, threshold));
    above = cn__cast(g, above, (cn_dtype)cn__type_of(g, m->p)->dtype);
    cn__val is = positive ? above : cn__affine(g, above, -1, 1), was = target ? m->y : cn__affine(g, m->y, -1, 1);
    return cn__reduce_all(g, CN__OP_SUM, cn__mul(g, cn__mul(g, is, was), m->w));
}

static int count_one(const cn__metric *m) { return (void)m, 1; }
static double result_one(const cn__metric *m, const double *sums) { return (void)m, sums[0]; }

#define COUNT(id, positive, target)                                                                    \
    static cn__val sums_##id(cn_graph *g, const cn__metric *m, cn__val y, cn__val p, cn__val weight)   \
    {                                                                                                  \
        marks k;                                                                                       \
        double threshold = ((const cn_metric_true_positives_args *)m->spec.args)->thresholds;          \
        return look(g, y, p, weight, &k)                                                               \
                   ? cn__metric_vector(g, 1, (cn__val[]){ count(g, &k, threshold, positive, target) }) \
                   : 0;                                                                                \
    }                                                                                                  \
    const cn__metric_ops cn__metric_##id = {                                                           \
        .count = count_one, .sums = sums_##id, .result = result_one, .shape = CN__ALIKE                \
    };
COUNT(true_positives,  true,  true)
COUNT(true_negatives,  false, false)
COUNT(false_positives, true,  false)
COUNT(false_negatives, false, true)

/* ---- Precision and recall ---------------------------------------------------------------------------------------- */
#define NOT_LARGE (-1e10)                                /* keras: NEG_INF */

/* All but the k largest of the last axis become very small; of equal ones the first count. */
static cn__val only_top(cn_graph *g, cn__val p, int64_t k)
{
    cn__val place;
    int last = cn__type_of(g, p)->rank - 1;
    int64_t depth = cn__type_of(g, p)->dim[last];
    if (!cn__topk(g, p, (int)CN__MIN(k, depth), &place)) return 0;
    cn__val among = cn__reduce(g, CN__OP_SUM, cn__one_hot(g, place, depth, CN_FLOAT32), 1u << last, false);
    return cn__where(g, cn__b2(g, CN__OP_GT, among, cn__like(g, among, 0)), p, cn__like(g, p, NOT_LARGE));
}

static cn__val hits_and_misses(cn_graph *g, const cn__metric *m, cn__val y, cn__val p, cn__val weight, bool positive,
                               bool target)
{
    const cn_metric_precision_args *o = m->spec.args;
    double threshold = o->thresholds >= 0 ? o->thresholds : o->top_k ? NOT_LARGE : 0.5;
    marks k;
    if (!y || !p) return 0;
    cn__same_rank(g, &p, &y);
    if (p && o->top_k) p = only_top(g, p, o->top_k);
    if (!y || !p) return 0;
    if (o->class_id != CN_NO_CLASS) {
        int last = cn__type_of(g, p)->rank - 1;
        if (last < 1 || o->class_id >= cn__type_of(g, p)->dim[last])
            return cn__graph_fail(g, CN_E_VALUE, "%s: class_id is %lld, which the predictions do not have", m->name,
                                  (long long)o->class_id);
        y = cn__slice_axis(g, y, last, o->class_id, 1), p = cn__slice_axis(g, p, last, o->class_id, 1);
    }
    if (!look(g, y, p, weight, &k)) return 0;
    return cn__metric_vector(g, 2,
                             (cn__val[]){ count(g, &k, threshold, true, true),
                                          count(g, &k, threshold, positive, target) });
}

static cn__val sums_precision(cn_graph *g, const cn__metric *m, cn__val y, cn__val p, cn__val weight)
{
    return hits_and_misses(g, m, y, p, weight, true, false);
}

static cn__val sums_recall(cn_graph *g, const cn__metric *m, cn__val y, cn__val p, cn__val weight)
{
    return hits_and_misses(g, m, y, p, weight, false, true);
}

static int count_pair(const cn__metric *m) { return (void)m, 2; }
static double share(double a, double of) { return of == 0 ? 0 : a / of; }
static double result_pair(const cn__metric *m, const double *sums)
{
    return (void)m, share(sums[0], sums[0] + sums[1]);
}

const cn__metric_ops cn__metric_precision = {
    .count = count_pair, .sums = sums_precision, .result = result_pair, .shape = CN__ALIKE
};
const cn__metric_ops cn__metric_recall = {
    .count = count_pair, .sums = sums_recall, .result = result_pair, .shape = CN__ALIKE
};

/* ---- AUC: true and false positives and negatives at each of T thresholds from below 0 to above 1 ----------------- */
static int points(const cn__metric *m)
{
    const cn_metric_auc_args *o = m->spec.args;
    return o->thresholds ? (int)o->thresholds->count + 2 : (int)o->num_thresholds;
}

static int count_auc(const cn__metric *m) { return 4 * points(m); }

/* Thresholds given: in order, between -1e-7 and 1 + 1e-7. */
static void given_thresholds(const cn__metric *m, float *t)
{
    const cn_values *v = ((const cn_metric_auc_args *)m->spec.args)->thresholds;
    int n = points(m);
    t[0] = -1e-7f, t[n - 1] = (float)(1 + 1e-7);
    for (int i = 1; i < n - 1; i++) {
        float x = (float)cn__load(v->dtype, v->data, (size_t)(i - 1));
        int k = i;
        for (; k > 1 && t[k - 1] > x; k--) t[k] = t[k - 1];
        t[k] = x;
    }
}

static bool even(const float *t, int n)
{
    if (n < 3) return false;
    for (int i = 1; i < n - 1; i++)
        if (fabs(t[i] - (double)i / (n - 1)) > 1e-7 + 1e-5 * i / (n - 1)) return false;
    return true;
}

static cn__val flat(cn_graph *g, cn__val x)
{
    return x ? cn__reshape(g, x, 1, (const int64_t[]){ cn__type_count(cn__type_of(g, x)) }) : 0;
}

/* Even thresholds: p falls into a bucket, and is above all thresholds up to it. One pass, whatever their number. */
static cn__val above_even(cn_graph *g, cn__val p, cn__val w, int n)
{
    cn__val at = cn__b1(g, CN__OP_CEIL, cn__scale(g, cn__clip(g, p, cn__like(g, p, 0), cn__like(g, p, 1)), n - 1));
    cn__val bucket = cn__cast(g, cn__b1(g, CN__OP_RELU, cn__affine(g, at, 1, -1)), CN_INT32);
    return cn__cumsum(g, cn__scatter_add(g, bucket, w, 0, n), 0, false, true);
}

static cn__val above_given(cn_graph *g, cn__val p, cn__val w, const float *t, int n)
{
    cn__type type = { .dtype = CN_FLOAT32, .rank = 2, .dim = { n, 1 } };
    cn__val threshold = cn__cast(g, cn__constant(g, &type, t), (cn_dtype)cn__type_of(g, p)->dtype);
    cn__val above = cn__b2(g, CN__OP_GT, cn__expand(g, p, 0), threshold);
    return cn__reduce(g, CN__OP_SUM, cn__where(g, above, cn__expand(g, w, 0), cn__like(g, w, 0)), 2, false);
}

static cn__val sums_auc(cn_graph *g, const cn__metric *m, cn__val y, cn__val p, cn__val weight)
{
    const cn_metric_auc_args *o = m->spec.args;
    int n = points(m);
    float *t = NULL;
    marks k;
    if (o->from_logits == CN_YES) p = cn__b1(g, CN__OP_SIGMOID, p);
    if (!look(g, y, p, weight, &k)) return 0;
    if (o->thresholds) {
        if (!(t = cn__arena_alloc(&g->mem, (size_t)n * sizeof *t)))
            return cn__graph_fail(g, CN_E_NOMEM, "out of memory");
        given_thresholds(m, t);
        if (even(t, n)) t = NULL;
    }
    cn__val at = flat(g, k.p), yes = flat(g, cn__mul(g, k.y, k.w)),
            no = flat(g, cn__mul(g, cn__affine(g, k.y, -1, 1), k.w));
    if (!at || !yes || !no) return 0;
    cn__val tp = t ? above_given(g, at, yes, t, n) : above_even(g, at, yes, n),
            fp = t ? above_given(g, at, no, t, n) : above_even(g, at, no, n);
    cn__val tn = cn__sub(g, cn__reduce_all(g, CN__OP_SUM, no), fp),
            fn = cn__sub(g, cn__reduce_all(g, CN__OP_SUM, yes), tp);
    return cn__metric_vector(g, 4, (cn__val[]){ tp, fp, tn, fn });
}

/* Davis and Goadrich 2006: between two points of the PR curve precision is not a straight line; as
 * keras.metrics.AUC.interpolate_pr_auc. */
static double interpolated_pr(const double *tp, const double *fp, const double *fn, int n)
{
    double area = 0;
    for (int i = 0; i + 1 < n; i++) {
        double dtp = tp[i] - tp[i + 1], p = tp[i] + fp[i], next = tp[i + 1] + fp[i + 1];
        double slope = share(dtp, fmax(p - next, 0)), intercept = tp[i + 1] - slope * next;
        double ratio = p > 0 && next > 0 ? p / next : 1;
        area += share(slope * (dtp + intercept * log(ratio)), fmax(tp[i + 1] + fn[i + 1], 0));
    }
    return area;
}

typedef struct point { double x, y; } point;

static point curve_at(char curve, double tp, double fp, double tn, double fn)
{
    if (curve == 'R') return (point){ share(fp, fp + tn), share(tp, tp + fn) };
    if (curve == 'P') return (point){ share(tp, tp + fn), share(tp, tp + fp) };
    if (tp == 0) return (point){ 0, 1 };                 /* gains: Flach and Kull 2015 */
    double scale = share(tp + fn, tn + fp);
    return (point){ fmax(1 - scale * fn / tp, 0), 1 - scale * fp / tp };
}

static double result_auc(const cn__metric *m, const double *sums)
{
    const cn_metric_auc_args *o = m->spec.args;
    int n = points(m);
    const double *tp = sums, *fp = sums + n, *tn = sums + 2 * n, *fn = sums + 3 * n;
    char curve = !strcmp(o->curve, "PRGAIN") || !strcmp(o->curve, "prgain") ? 'G'
                 : *o->curve == 'R' || *o->curve == 'r'                     ? 'R'
                                                                            : 'P';
    bool interpolate = !strcmp(o->summation_method, "interpolation"),
         majoring = !strcmp(o->summation_method, "majoring");
    double area = 0;
    if (curve == 'P' && interpolate) return interpolated_pr(tp, fp, fn, n);
    for (int i = 0; i + 1 < n; i++) {
        point a = curve_at(curve, tp[i], fp[i], tn[i], fn[i]),
              b = curve_at(curve, tp[i + 1], fp[i + 1], tn[i + 1], fn[i + 1]);
        double height = interpolate ? (a.y + b.y) / 2 : majoring ? fmax(a.y, b.y) : fmin(a.y, b.y);
        area += (a.x - b.x) * height;
    }
    return area;
}

const cn__metric_ops cn__metric_auc = {
    .count = count_auc, .sums = sums_auc, .result = result_auc, .shape = CN__ALIKE
};
