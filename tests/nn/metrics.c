/* metrics.c: every metric against Keras over two batches, with and without weights; names; weights of 0. */
#include "golden.h"

static cn_ctx *ctx;

static double run(cn_ctx *c, const cn__metric *m, double *sums, const golden_array *y, const golden_array *p,
                  const golden_array *w)
{
    cn_graph *g = cn__graph_new(c);
    cn__val v = cn__metric_sums(g, m, golden_value(g, y, CN_FLOAT32), golden_value(g, p, CN_FLOAT32),
                                golden_value(g, w, CN_FLOAT32));
    golden_roots(g, 1, &v);
    eval e = eval_run(g, NULL);
    if (e.g && e.g->roots.n) {
        CHECK_INT(cn__type_count(eval_type(&e, 0)), m->sums);
        CHECK_INT(eval_type(&e, 0)->dtype, CN_FLOAT64);
        for (int i = 0; i < m->sums; i++) sums[i] += eval_at(&e, 0, (size_t)i);
    }
    eval_free(&e);
    return cn__metric_result(m, sums);
}

static cn__type type_of(const golden_array *a)
{
    cn__type t = { .dtype = CN_FLOAT32, .rank = (uint8_t)a->rank };
    for (int i = 0; i < a->rank; i++) t.dim[i] = i ? a->dim[i] : -1;
    return t;
}

static void one(const golden_case *c)
{
    static double sums[1000];
    golden_args args;
    cn__metric m;
    cn__type y = type_of(golden_find(c, "y0")), p = type_of(golden_find(c, "p0"));
    const char *choice = golden_choice(c, cn__class_find(ctx, CN__FAM_METRIC, c->class), NULL, &args);
    if (!cn__metric_make(ctx, cn__ctx_arena(ctx), NULL, choice, NULL, &y, &p, &m)) {
        CHECK_FAIL("%s", cn_error_message(ctx));
        return;
    }
    memset(sums, 0, sizeof sums);
    CHECK(m.sums <= 1000);
    double result = 0;
    for (int k = 0; k < 2; k++)
        result = run(ctx, &m, sums, golden_numbered(c, "y", k), golden_numbered(c, "p", k), golden_numbered(c, "w", k));
    golden_near("result", &result, golden_find(c, "result"), 1e-5);
}

TEST(as_in_keras)
{
    ctx = cn_open();
    CHECK(golden_each("metrics", "metric", one) > 100);
    CHECK_INT(cn_close(ctx), 0);
}

static char covered[16000];
static void note(const golden_case *c)
{
    snprintf(covered + strlen(covered), sizeof covered - strlen(covered), " %s ", c->class);
}

TEST(each_has_a_golden_case)
{
    char name[80];
    *covered = 0;
    golden_each("metrics", "metric", note);
    for (int i = 0; cn__class_at(CN__FAM_METRIC, i); i++) {
        snprintf(name, sizeof name, " %s ", cn__class_at(CN__FAM_METRIC, i)->name);
        CHECK_STR(covered, name);
    }
}

static cn__type of(int rank, int64_t a)
{
    return (cn__type){ .dtype = CN_FLOAT32, .rank = (uint8_t)rank, .dim = { -1, a } };
}

static const char *name_of(cn_metric metric, cn__type y, cn__type p, const char **class)
{
    cn__metric m;
    if (!cn__metric_make(ctx, cn__ctx_arena(ctx), NULL, metric.name, NULL, &y, &p, &m)) return cn_error_message(ctx);
    *class = m.spec.cls->name;
    return m.name;
}

TEST(names_are_those_written_and_accuracy_is_the_right_one)
{
    const char *class = "";
    ctx = cn_open();
    CHECK_STR(name_of(CN_ACCURACY, of(2, 1), of(2, 1), &class), "accuracy");
    CHECK_STR(class, "BinaryAccuracy");
    CHECK_STR(name_of((cn_metric){ "acc" }, of(2, 10), of(2, 10), &class), "acc");
    CHECK_STR(class, "CategoricalAccuracy");
    name_of(CN_ACCURACY, of(1, 0), of(2, 10), &class);
    CHECK_STR(class, "SparseCategoricalAccuracy");
    name_of((cn_metric){ "Accuracy" }, of(2, 1), of(2, 10), &class);
    CHECK_STR(class, "SparseCategoricalAccuracy");
    CHECK_STR(name_of((cn_metric){ "mse" }, of(2, 1), of(2, 1), &class), "mse");
    CHECK_STR(name_of((cn_metric){ "huber" }, of(2, 1), of(2, 1), &class), "huber");
    CHECK_STR(name_of((cn_metric){ "ce" }, of(2, 4), of(2, 4), &class), "ce");
    CHECK_STR(class, "CategoricalCrossentropy");
    CHECK_STR(name_of(cn_metric_auc(), of(2, 1), of(2, 1), &class), "auc");
    CHECK_STR(name_of(cn_metric_auc(.name = "area"), of(2, 1), of(2, 1), &class), "area");
    CHECK_STR(name_of(cn_metric_accuracy(), of(2, 3), of(2, 3), &class), "accuracy");
    CHECK_STR(class, "Accuracy");
    CHECK_STR(name_of(cn_metric_log_cosh_error(), of(2, 1), of(2, 1), &class), "logcosh");
    CHECK_INT(cn_close(ctx), 0);
}

TEST(wrong_use_is_explained)
{
    const char *class;
    ctx = cn_open();
    CHECK_STR(name_of((cn_metric){ "acuracy" }, of(2, 1), of(2, 1), &class), "did you mean \"accuracy\"");
    CHECK_STR(name_of(CN_PRECISION, of(2, 1), of(2, 10), &class),
              "metric \"precision\": targets have the shape (batch, 1), predictions (batch, 10)");
    CHECK_STR(name_of(cn_metric_auc(.curve = "ROK"), of(2, 1), of(2, 1), &class),
              "curve is \"ROK\", it must be one of: ROC");
    CHECK_STR(name_of(cn_metric_auc(.num_thresholds = 1), of(2, 1), of(2, 1), &class),
              "num_thresholds is 1, it must be at least 2");
    CHECK_STR(name_of(cn_metric_binary_crossentropy(.label_smoothing = 2), of(2, 1), of(2, 1), &class),
              "label_smoothing is 2");
    cn_close(ctx);
}

TEST(weight_0_silences_what_is_not_finite)
{
    double sums[2] = { 0 }, y[2] = { 1, 1 }, p[2] = { INFINITY, 3 }, w[2] = { 0, 2 };
    golden_array ay = { .rank = 2, .dim = { 2, 1 }, .n = 2, .at = y }, ap = ay,
                 aw = { .rank = 1, .dim = { 2 }, .n = 2, .at = w };
    cn__metric m;
    cn__type t = of(2, 1);
    ctx = cn_open();
    ap.at = p;
    CHECK(cn__metric_make(ctx, cn__ctx_arena(ctx), NULL, "mse", NULL, &t, &t, &m));
    CHECK_NEAR(run(ctx, &m, sums, &ay, &ap, &aw), 4, 1e-6);
    CHECK_NEAR(cn__metric_result(&m, (const double[]){ 0, 0 }), 0, 0);
    CHECK_INT(cn_close(ctx), 0);
}

CHECK_MAIN
