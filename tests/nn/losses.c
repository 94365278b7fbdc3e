/* losses.c: every loss against Keras, value and slope; logits instead of probabilities; what does not fit. */
#include "golden.h"

static cn_ctx *ctx;

static bool make(const golden_case *c, cn__spec *spec, golden_args *args)
{
    const char *choice = golden_choice(c, cn__class_find(ctx, CN__FAM_LOSS, c->class), NULL, args);
    if (cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_LOSS, choice, spec)) return true;
    return CHECK_FAIL("%s", cn_error_message(ctx)), false;
}

static void one(const golden_case *c)
{
    golden_args args;
    cn__spec spec;
    void *data[1];
    if (!make(c, &spec, &args)) return;
    cn_graph *g = cn__graph_new(ctx);
    cn__val y = golden_value(g, golden_find(c, "y"), CN_FLOAT32), p = golden_input(g, golden_find(c, "p"), data),
            dp = 0;
    CHECK(cn__loss_check(ctx, NULL, &spec, cn__type_of(g, y), cn__type_of(g, p), 0));
    cn__val out = cn__loss(g, &spec, y, p, 0, 0);
    CHECK(cn__gradient(g, out, golden_value(g, golden_find(c, "c"), CN_FLOAT32), 1, &p, &dp));
    dp = cn__where(g, cn__cast(g, golden_value(g, golden_find(c, "smooth"), CN_FLOAT32), CN_BOOL), dp,
                   cn__like(g, dp, 0));
    golden_roots(g, 2, (cn__val[]){ out, dp });
    eval e = eval_run(g, (const void *const *)data);
    golden_root("loss", &e, 0, golden_find(c, "out"), 3e-6);
    golden_root("dp", &e, 1, golden_find(c, "dp"), 1e-5);
    eval_free(&e), free(data[0]);
}

TEST(as_in_keras)
{
    ctx = cn_open();
    CHECK(golden_each("losses", "loss", one) > 70);
    CHECK_INT(cn_close(ctx), 0);
}

static char covered[8000];
static void note(const golden_case *c)
{
    snprintf(covered + strlen(covered), sizeof covered - strlen(covered), " %s ", c->class);
}

TEST(each_has_a_golden_case)
{
    char name[80];
    *covered = 0;
    golden_each("losses", "loss", note);
    for (int i = 0; cn__class_at(CN__FAM_LOSS, i); i++) {
        snprintf(name, sizeof name, " %s ", cn__class_at(CN__FAM_LOSS, i)->name);
        CHECK_STR(covered, name);
    }
}

/* ---- With the logits known the cross-entropies keep their digits, and their slope, where probabilities have become 0
 * or 1  */
typedef struct known { double with, without, slope; } known;

static known of_logits(cn_loss loss, int logits_of, int n, const float *z, const double *y, int ny)
{
    cn__spec spec;
    int64_t dim[2] = { 1, n };
    cn_graph *g = cn__graph_new(ctx);
    cn__type t = { .dtype = CN_FLOAT32, .rank = 2, .dim = { 1, n } };
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_LOSS, loss.name, &spec));
    cn__val x = cn__input(g, &t, "z"),
            p = logits_of == CN__LOGITS_SIGMOID ? cn__b1(g, CN__OP_SIGMOID, x) : cn__softmax(g, x, -1), dx = 0;
    dim[1] = ny;
    cn__val target = eval_const(g, CN_FLOAT32, 2, dim, y), with = cn__loss(g, &spec, target, p, x, logits_of);
    CHECK(cn__gradient(g, with, 0, 1, &x, &dx));
    golden_roots(g, 3, (cn__val[]){ with, cn__loss(g, &spec, target, p, 0, 0), dx });
    eval e = eval_run(g, (const void *const[]){ z });
    known k = { eval_at(&e, 0, 0), eval_at(&e, 1, 0), eval_at(&e, 2, 0) };
    eval_free(&e);
    return k;
}

TEST(known_logits_are_used)
{
    ctx = cn_open();
    known k = of_logits(CN_BINARY_CROSSENTROPY, CN__LOGITS_SIGMOID, 1, (const float[]){ 40 }, (const double[]){ 0 }, 1);
    CHECK_NEAR(k.with, 40, 1e-5);
    CHECK_NEAR(k.without, 15.942385, 1e-4);
    CHECK_NEAR(k.slope, 1, 1e-6);
    k = of_logits(CN_CATEGORICAL_CROSSENTROPY, CN__LOGITS_SOFTMAX, 2, (const float[]){ 50, 0 },
                  (const double[]){ 0, 1 }, 2);
    CHECK_NEAR(k.with, 50, 1e-5);
    CHECK_NEAR(k.without, 16.118095, 1e-4);
    k = of_logits(CN_SPARSE_CATEGORICAL_CROSSENTROPY, CN__LOGITS_SOFTMAX, 2, (const float[]){ 50, 0 },
                  (const double[]){ 1 }, 1);
    CHECK_NEAR(k.with, 50, 1e-5);
    CHECK_NEAR(k.without, 16.118095, 1e-4);
    CHECK_NEAR(k.slope, 1, 1e-6);
    /* a softmax's logits are not a sigmoid's */
    k = of_logits(CN_BINARY_CROSSENTROPY, CN__LOGITS_SOFTMAX, 2, (const float[]){ 50, 0 }, (const double[]){ 0, 1 }, 2);
    CHECK_NEAR(k.with, k.without, 0);
    CHECK_INT(cn_close(ctx), 0);
}

TEST(ignored_class_may_hold_anything)
{
    cn__spec spec;
    static const float z[6] = { NAN, INFINITY, 0, 1, 2, 3 };
    ctx = cn_open();
    cn_graph *g = cn__graph_new(ctx);
    cn__type t = { .dtype = CN_FLOAT32, .rank = 2, .dim = { 2, 3 } };
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_LOSS,
                        cn_loss_sparse_categorical_crossentropy(.from_logits = CN_YES, .ignore_class = CN_AXIS0).name,
                        &spec));
    cn__val p = cn__input(g, &t, "z"), y = eval_const(g, CN_FLOAT32, DIMS(2), (const double[]){ 0, 2 }), dp = 0;
    cn__val loss = cn__loss(g, &spec, y, p, 0, 0), valid = cn__loss_valid(g, &spec, y, p);
    CHECK(cn__gradient(g, loss, 0, 1, &p, &dp));
    golden_roots(g, 3, (cn__val[]){ loss, valid, dp });
    eval e = eval_run(g, (const void *const[]){ z });
    CHECK_NEAR(eval_at(&e, 0, 0), 0, 0);
    CHECK_NEAR(eval_at(&e, 0, 1), 0.40760596, 1e-6);
    CHECK_NEAR(eval_at(&e, 1, 0), 0, 0);
    CHECK_NEAR(eval_at(&e, 1, 1), 1, 0);
    for (size_t i = 0; i < 3; i++) CHECK_NEAR(eval_at(&e, 2, i), 0, 0);
    eval_free(&e);
    CHECK_INT(cn_close(ctx), 0);
}

/* ---- What does not fit ------------------------------------------------------------------------------------------- */
static const char *refused(cn_loss loss, cn__type y, cn__type p, int logits_of)
{
    cn__spec spec;
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_LOSS, loss.name, &spec));
    CHECK(!cn__loss_check(ctx, "train.c:14", &spec, &y, &p, logits_of));
    return cn_error_message(ctx);
}

static cn__type of(int rank, int64_t a, int64_t b)
{
    return (cn__type){ .dtype = CN_FLOAT32, .rank = (uint8_t)rank, .dim = { -1, a, b } };
}

TEST(misfits_are_explained)
{
    ctx = cn_open();
    CHECK_STR(refused(CN_MSE, of(2, 3, 0), of(2, 10, 0), 0),
              "train.c:14: loss \"mean_squared_error\": targets have the shape (batch, 3), predictions (batch, 10)");
    CHECK_STR(refused(CN_SPARSE_CATEGORICAL_CROSSENTROPY, of(2, 10, 0), of(2, 10, 0), 0), "one-hot");
    CHECK_STR(refused(CN_CATEGORICAL_CROSSENTROPY, of(1, 0, 0), of(2, 10, 0), 0), "CN_SPARSE_CATEGORICAL_CROSSENTROPY");
    CHECK_STR(refused(CN_BINARY_CROSSENTROPY, of(2, 1, 0), of(2, 1, 0), CN__LOGITS_SOFTMAX),
              "a softmax over one unit is always 1");
    CHECK_STR(refused(CN_CATEGORICAL_CROSSENTROPY, of(2, 1, 0), of(2, 1, 0), 0), "one class only");
    CHECK_STR(refused(CN_MSE, of(3, 5, 4), of(3, 5, 6), 0), "(batch, 5, 4)");
    cn_close(ctx);
}

TEST(crossentropy_becomes_the_right_one)
{
    cn__spec spec;
    cn__type one = of(2, 1, 0), ten = of(2, 10, 0), numbers = of(1, 0, 0);
    ctx = cn_open();
    CHECK(cn__loss_make(ctx, cn__ctx_arena(ctx), NULL, "crossentropy", &one, &one, &spec));
    CHECK_STR(spec.cls->name, "BinaryCrossentropy");
    CHECK(cn__loss_make(ctx, cn__ctx_arena(ctx), NULL, "ce", &ten, &ten, &spec));
    CHECK_STR(spec.cls->snake, "categorical_crossentropy");
    CHECK(cn__loss_make(ctx, cn__ctx_arena(ctx), NULL, "ce", &numbers, &ten, &spec));
    CHECK_STR(spec.cls->name, "SparseCategoricalCrossentropy");
    CHECK_INT(cn_close(ctx), 0);
}

CHECK_MAIN
