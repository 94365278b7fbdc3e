/* layers.c: every layer against Keras: output, slopes by inputs and weights; noise by its distribution; adapt; wrong
 * options and shapes. */
#include "golden.h"

static cn_ctx *ctx;
static const char *said;                                 /* the message of what failed last */

/* A layer of a class, built for these inputs; NULL: `said` says why. Kept clear of models: build and call are functions
 * of a layer. */
static cn_layer *built(const cn__class *class, const void *args, int nin, const cn__type *in)
{
    cn_layer *l = cn__layer_new(ctx, "train.c:14", class, args);
    if (cn__bad(l)) return said = cn_error_message(l), NULL;
    l->nin = nin;
    for (int i = 0; i < nin; i++) l->in_type[i] = in[i];
    if (l->ops->build && l->ops->build(l, "train.c:14")) return said = cn_error_message(ctx), NULL;
    for (size_t i = 0; i < l->weights.n; i++) CHECK_INT(cn__weight_initialize(l->weights.at[i], 1), CN_OK);
    return l;
}

static void drop(cn_layer *l)
{
    for (size_t i = 0; i < l->weights.n; i++) cn__var_free(l->weights.at[i]->var);
    cn__vec_free(ctx, &l->weights);
}

static cn__val state(cn_graph *g)
{
    cn__type t = { .dtype = CN_INT64, .rank = 1, .dim = { 2 } };
    return cn__constant(g, &t, (const int64_t[]){ 3, 0 });
}

static cn__val call(cn_graph *g, cn_layer *l, const cn__val *in, const cn__val *mask, bool training, cn__lowering *seen)
{
    static cn__val out[1], out_mask;
    out[0] = out_mask = 0;
    *seen = (cn__lowering){ .ctx = ctx,
                            .g = g,
                            .layer = l,
                            .prefix = "",
                            .mode = training ? CN__TRAIN : CN__PREDICT,
                            .training = training,
                            .in = in,
                            .mask = mask,
                            .nin = l->nin,
                            .out = out,
                            .nout = 1,
                            .out_mask = &out_mask,
                            .rng = state(g) };
    return l->ops->call(seen) ? out[0] : 0;
}

/* ---- As in Keras ------------------------------------------------------------------------------------------------- */
static int inputs_of(const golden_case *c)
{
    int n = 0;
    while (golden_numbered(c, "x", n)) n++;
    return n;
}

static void set_weights(cn_layer *l, const golden_case *c)
{
    for (size_t i = 0; i < l->weights.n; i++) {
        const golden_array *w = golden_numbered(c, "w", (int)i);
        cn__var *v = l->weights.at[i]->var;
        if (!w || cn__type_count(&v->type) != w->n || v->type.rank != w->rank) {
            CHECK_FAIL("weight %s has another shape", v->path);
            continue;
        }
        for (int64_t k = 0; k < w->n; k++) cn__store((cn_dtype)v->type.dtype, v->master, (size_t)k, w->at[k]);
        cn__var_touch(v);
    }
}

static void one(const golden_case *c)
{
    golden_args args;
    void *data[3];
    cn__val x[6], dx[6] = { 0 }, none[3] = { 0 }, roots[8];
    cn__type in[3];
    cn__lowering seen;
    int nin = inputs_of(c), n = 0;
    const cn__class *class = cn__class_find(ctx, CN__FAM_LAYER, c->class);
    const char *given = golden_choice(c, class, NULL, &args);
    cn_graph *g = cn__graph_new(ctx);
    for (int i = 0; i < nin; i++) {
        x[n++] = golden_input(g, golden_numbered(c, "x", i), &data[i]);
        in[i] = *cn__type_of(g, x[i]);
        in[i].dim[0] = -1;
    }
    cn_layer *l = built(class, given, nin, in);
    if (!l) { CHECK_FAIL("%s", said); return; }
    CHECK(!golden_numbered(c, "w", (int)l->weights.n));
    set_weights(l, c);
    cn__val y = call(g, l, x, none, false, &seen);
    for (size_t i = 0; i < l->weights.n; i++)
        if (l->weights.at[i]->trainable) x[n++] = cn__variable(g, l->weights.at[i]->var);
    CHECK(cn__gradient(g, y, golden_value(g, golden_find(c, "c"), CN_FLOAT32), n, x, dx));
    roots[0] = y;
    for (int i = 0; i < n; i++) roots[i + 1] = dx[i];
    golden_roots(g, n + 1, roots);
    eval e = eval_run(g, (const void *const *)data);
    golden_root("y", &e, 0, golden_find(c, "y"), 3e-6);
    for (int i = 0; i < nin; i++) golden_root("dx", &e, (size_t)i + 1, golden_numbered(c, "dx", i), 1e-5);
    for (int i = nin; i < n; i++) golden_root("dw", &e, (size_t)i + 1, golden_numbered(c, "dw", i - nin), 1e-5);
    const cn__type *t = e.g ? eval_type(&e, 0) : NULL;
    const golden_array *wanted = golden_find(c, "y");
    for (int i = 0; t && i < t->rank; i++) CHECK_INT(t->dim[i], wanted->dim[i]);
    eval_free(&e);
    for (int i = 0; i < nin; i++) free(data[i]);
    drop(l);
}

static void adapted(const golden_case *c)
{
    golden_args args;
    const golden_array *x = golden_find(c, "x");
    int64_t width = x->n / x->dim[0];
    cn__type in = { .dtype = CN_FLOAT32, .rank = (uint8_t)x->rank, .dim = { -1, x->dim[1], x->dim[2] } };
    const cn__class *class = cn__class_find(ctx, CN__FAM_LAYER, c->class);
    const char *given = golden_choice(c, class, NULL, &args);
    cn_layer *l = built(class, given, 1, &in);
    float *rows = malloc((size_t)x->n * sizeof *rows);
    double got[64];
    if (!l) { CHECK_FAIL("%s", said); return; }
    for (int64_t i = 0; i < x->n; i++) rows[i] = (float)x->at[i];
    CHECK(!l->ops->adapted(l));
    for (int twice = 0; twice < 2; twice++) {            /* the second time from the beginning; in pieces of 7 rows */
        CHECK_INT(l->ops->adapt(l, NULL, NULL, 0, 0, 0), CN_OK);
        for (int64_t i = 0; i < x->dim[0]; i += 7)
            CHECK_INT(l->ops->adapt(l, NULL, rows + i * width, CN__MIN(7, x->dim[0] - i), width, 1), CN_OK);
        CHECK_INT(l->ops->adapt(l, NULL, NULL, 0, 0, 2), CN_OK);
    }
    CHECK(l->ops->adapted(l));
    for (int k = 0; k < 2; k++) {
        const cn__var *v = l->weights.at[k]->var;
        for (int64_t i = 0; i < cn__type_count(&v->type); i++) got[i] = cn__load(CN_FLOAT32, v->master, (size_t)i);
        golden_near(k ? "variance" : "mean", got, golden_find(c, k ? "variance" : "mean"), 1e-5);
    }
    free(rows);
    drop(l);
}

TEST(as_in_keras)
{
    ctx = cn_open();
    CHECK(golden_each("layers", "layer", one) > 60);
    CHECK(golden_each("layers", "adapt", adapted) >= 3);
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
    golden_each("layers", "layer", note);
    golden_each("preprocessing", "preprocessing", note);
    for (int i = 0; cn__class_at(CN__FAM_LAYER, i); i++) {
        snprintf(name, sizeof name, " %s ", cn__class_at(CN__FAM_LAYER, i)->name);
        CHECK_STR(covered, name);
    }
}

/* ---- Noise: what training does, by its distribution -------------------------------------------------------------- */
enum { ROWS = 200, COLUMNS = 100 };
typedef struct moments { double mean, variance, zeros, low; bool rows_alike; } moments;

static moments noise(cn_layer *(*make)(void), double x, bool training)
{
    static float data[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) data[i] = (float)x;
    cn__type t = { .dtype = CN_FLOAT32, .rank = 2, .dim = { ROWS, COLUMNS } };
    cn__lowering seen;
    moments m = { .rows_alike = true, .low = HUGE_VAL };
    cn_layer *l = make();
    l->nin = 1, l->in_type[0] = t;
    if (l->ops->build) CHECK_INT(l->ops->build(l, NULL), CN_OK);
    cn_graph *g = cn__graph_new(ctx);
    cn__val in = cn__input(g, &t, "x"), mask = 0, y = call(g, l, &in, &mask, training, &seen);
    golden_roots(g, 1, &y);
    eval e = eval_run(g, (const void *const[]){ data });
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        double v = eval_at(&e, 0, i);
        m.mean += v / (ROWS * COLUMNS), m.variance += v * v / (ROWS * COLUMNS),
            m.zeros += (v == 0) / (double)(ROWS * COLUMNS);
        m.low = fmin(m.low, v);
        if (v != eval_at(&e, 0, i % COLUMNS)) m.rows_alike = false;
    }
    m.variance -= m.mean * m.mean;
    eval_free(&e);
    return m;
}

static cn_layer *dropout(void)     { return cn_dropout(ctx, 0.3); }
static cn_layer *dropout_all(void) { return cn_dropout(ctx, 1); }
static cn_layer *dropout_rows(void) { return cn_dropout(ctx, 0.3, .noise_shape = { 1, CN_ANY }, .seed = 5); }
static cn_layer *alpha(void)       { return cn_alpha_dropout(ctx, 0.3); }
static cn_layer *gaussian(void)    { return cn_gaussian_dropout(ctx, 0.2); }
static cn_layer *additive(void)    { return cn_gaussian_noise(ctx, 0.5); }

TEST(noise_in_training_and_none_in_prediction)
{
    ctx = cn_open();
    moments m = noise(dropout, 2, true);
    CHECK_NEAR(m.zeros, 0.3, 0.015);
    CHECK_NEAR(m.mean, 2, 0.03);
    CHECK_NEAR(m.variance, 4 * 0.3 / 0.7, 0.06);
    m = noise(dropout, 2, false);
    CHECK_NEAR(m.mean, 2, 1e-5);
    CHECK_NEAR(m.variance, 0, 1e-5);
    CHECK_NEAR(noise(dropout_all, 2, true).zeros, 1, 1e-9);
    CHECK(noise(dropout_rows, 2, true).rows_alike);
    CHECK(!noise(dropout, 2, true).rows_alike);
    m = noise(alpha, 0, true);                           /* mean 0 becomes mean 0; a (low + b/a) where dropped */
    CHECK_NEAR(m.mean, 0, 0.02);
    CHECK_NEAR(m.variance, 0.3 * 0.7 * 3.0906 / (0.7 * (1 + 0.3 * 3.0906)), 0.02);
    m = noise(gaussian, 3, true);
    CHECK_NEAR(m.mean, 3, 0.05);
    CHECK_NEAR(m.variance, 9 * 0.25, 0.1);
    m = noise(additive, 3, true);
    CHECK_NEAR(m.mean, 3, 0.02);
    CHECK_NEAR(m.variance, 0.25, 0.01);
    CHECK_INT(cn_close(ctx), 0);
}

TEST(activity_regularization_is_a_penalty_on_the_output)
{
    cn__type t = { .dtype = CN_FLOAT32, .rank = 2, .dim = { -1, 2 } };
    ctx = cn_open();
    cn_layer *l = cn_activity_regularization(ctx, .l1 = 0.5, .l2 = 0.25);
    l->nin = 1, l->in_type[0] = t;
    CHECK_INT(l->ops->build(l, NULL), CN_OK);
    cn_graph *g = cn__graph_new(ctx);
    cn__val sum =
        cn__regularize(g, &l->activity_regularizer, eval_const(g, CN_FLOAT32, DIMS(1, 2), (const double[]){ 2, -4 }));
    golden_roots(g, 1, &sum);
    eval e = eval_run(g, NULL);
    CHECK_NEAR(eval_at(&e, 0, 0), 0.5 * 6 + 0.25 * 20, 1e-6);
    eval_free(&e);
    CHECK_INT(cn_close(ctx), 0);
}

/* ---- What layers tell their callers ------------------------------------------------------------------------------ */
TEST(a_last_sigmoid_or_softmax_hands_out_its_logits)
{
    cn__type t = { .dtype = CN_FLOAT32, .rank = 2, .dim = { 4, 3 } };
    cn__lowering seen;
    ctx = cn_open();
    const struct { cn_layer *l; int logits_of;
    } table[] = { { cn_dense(ctx, 1, .activation = CN_SIGMOID), CN__LOGITS_SIGMOID },
                  { cn_dense(ctx, 5, .activation = CN_SOFTMAX), CN__LOGITS_SOFTMAX },
                  { cn_dense(ctx, 5, .activation = CN_RELU), 0 },
                  { cn_softmax(ctx), CN__LOGITS_SOFTMAX },
                  { cn_activation(ctx, CN_SIGMOID), CN__LOGITS_SIGMOID },
                  { cn_softmax(ctx, .axis = { CN_AXIS0 }), 0 } };
    for (size_t i = 0; i < CN__COUNT(table); i++) {
        cn_layer *l = table[i].l;
        l->nin = 1, l->in_type[0] = t;
        if (l->ops->build) CHECK_INT(l->ops->build(l, NULL), CN_OK);
        cn_graph *g = cn__graph_new(ctx);
        cn__val in = cn__input(g, &t, "x"), mask = 0;
        CHECK(call(g, l, &in, &mask, false, &seen));
        CHECK_INT(seen.logits_of, table[i].logits_of);
        CHECK_INT(seen.logits != 0, table[i].logits_of != 0);
        cn__unref(g);
        drop(l);
    }
    CHECK_INT(cn_close(ctx), 0);
}

TEST(softmax_gives_0_to_what_is_masked)
{
    static const float x[4] = { 1, 1, 1, 5 };
    static const uint8_t keep[4] = { 1, 1, 0, 0 };
    cn__type t = { .dtype = CN_FLOAT32, .rank = 2, .dim = { 1, 4 } },
             b = { .dtype = CN_BOOL, .rank = 2, .dim = { 1, 4 } };
    cn__lowering seen;
    ctx = cn_open();
    cn_layer *l = cn_softmax(ctx);
    l->nin = 1, l->in_type[0] = t;
    cn_graph *g = cn__graph_new(ctx);
    cn__val in = cn__input(g, &t, "x"), mask = cn__constant(g, &b, keep), y = call(g, l, &in, &mask, false, &seen);
    CHECK_INT(seen.logits, 0);
    golden_roots(g, 1, &y);
    eval e = eval_run(g, (const void *const[]){ x });
    for (size_t i = 0; i < 4; i++) CHECK_NEAR(eval_at(&e, 0, i), i < 2 ? 0.5 : 0, 1e-7);
    eval_free(&e);
    CHECK_INT(cn_close(ctx), 0);
}

TEST(names_fields_and_weights)
{
    cn__type t = { .dtype = CN_FLOAT32, .rank = 2, .dim = { -1, 3 } };
    ctx = cn_open();
    cn_layer *a = cn_dense(ctx, 4), *b = cn_dense(ctx, 4), *c = cn_leaky_relu(ctx),
             *d = cn_dense(ctx, 2, .name = "out", .trainable = CN_NO, .dtype = CN_FLOAT64);
    CHECK_STR(a->name, "dense");
    CHECK_STR(b->name, "dense_1");
    CHECK_STR(c->name, "leaky_re_lu");
    CHECK_STR(d->name, "out");
    CHECK(a->trainable && !d->trainable);
    CHECK_INT(a->dtype, CN_FLOAT32);
    d->nin = a->nin = b->nin = 1, d->in_type[0] = a->in_type[0] = b->in_type[0] = t;
    CHECK(!a->ops->build(a, NULL) && !b->ops->build(b, NULL) && !d->ops->build(d, NULL));
    CHECK_STR(d->weights.at[0]->var->path, "out/kernel");
    CHECK_STR(d->weights.at[1]->var->path, "out/bias");
    CHECK_INT(d->weights.at[0]->var->type.dtype, CN_FLOAT64);
    CHECK(a->weights.at[0]->stream != b->weights.at[0]->stream && a->weights.at[0]->stream != a->weights.at[1]->stream);
    cn__weight_initialize(a->weights.at[0], 1), cn__weight_initialize(b->weights.at[0], 1),
        cn__weight_initialize(d->weights.at[0], 1);
    CHECK(memcmp(a->weights.at[0]->var->master, b->weights.at[0]->var->master, 12 * sizeof(float)));
    CHECK(cn__load(CN_FLOAT64, d->weights.at[0]->var->master, 0) != 0);
    drop(a), drop(b), drop(d);
    CHECK_INT(cn_close(ctx), 0);
}

/* ---- Wrong use --------------------------------------------------------------------------------------------------- */
static const char *refused(cn_layer *l, int nin, const cn__type *in)
{
    if (cn__bad(l)) return cn_error_message(l);
    l->nin = nin;
    for (int i = 0; i < nin; i++) l->in_type[i] = in[i];
    if (l->ops->build && l->ops->build(l, "train.c:14")) return cn_error_message(ctx);
    return "nothing";
}

TEST(wrong_options_and_shapes_are_explained)
{
    const cn__type f1 = { .dtype = CN_FLOAT32, .rank = 1, .dim = { -1 } },
                   f2 = { .dtype = CN_FLOAT32, .rank = 2, .dim = { -1, 6 } },
                   f3 = { .dtype = CN_FLOAT32, .rank = 3, .dim = { -1, 5, 6 } },
                   any = { .dtype = CN_FLOAT32, .rank = 2, .dim = { -1, -1 } };
    ctx = cn_open();
    CHECK_STR(refused(cn_dense(ctx, 0), 1, &f2), "dense \"dense\": units is 0, it must be at least 1");
    CHECK_STR(refused(cn_dense(ctx, 3, .activation = { "rlu" }), 1, &f2),
              "there is no activation \"rlu\"; did you mean \"relu\"");
    CHECK_STR(refused(cn_dense(ctx, 3, .name = "a/b"), 1, &f2), "must not contain /");
    CHECK_STR(refused(cn_dense(ctx, 3, .dtype = CN_INT32), 1, &f2), "dtype is int32");
    CHECK_STR(refused(cn_dense(ctx, 3), 1, &f1), "the input has the shape (batch)");
    CHECK_STR(refused(cn_dense(ctx, 3, .name = "d"), 1, &any),
              "d: the size of axis 0 of its kernel depends on an unknown size");
    CHECK_STR(refused(cn_dropout(ctx, 1.5), 1, &f2), "rate is 1.5, it must be at least 0 and at most 1");
    CHECK_STR(refused(cn_alpha_dropout(ctx, 1), 1, &f2), "rate is 1, it must be less");
    CHECK_STR(refused(cn_gaussian_dropout(ctx, 1), 1, &f2), "less than 1");
    CHECK_STR(refused(cn_reshape(ctx, {4, 2}), 1, &f2), "the input (batch, 6) has 6 numbers a sample, target_shape 8");
    CHECK_STR(refused(cn_reshape(ctx, {CN_ANY, CN_ANY}), 1, &f2), "2 times CN_ANY");
    CHECK_STR(refused(cn_permute(ctx, {1, 1}), 1, &f3), "each of 1 to 2 once");
    CHECK_STR(refused(cn_repeat_vector(ctx, 3), 1, &f3), "it takes (batch, d)");
    CHECK_STR(refused(cn_prelu(ctx, .shared_axes = {4}), 1, &f3), "shared_axes has 4");
    CHECK_STR(refused(cn_einsum_dense(ctx, "ab,bc", {3}), 1, &f2), "it must look like \"ab,bc->ac\"");
    CHECK_STR(refused(cn_einsum_dense(ctx, "ab,bc->ac", { 3, 4 }), 1, &f2),
              "output_shape has 2 sizes, equation \"ab,bc->ac\" wants 1");
    CHECK_STR(refused(cn_einsum_dense(ctx, "ab,bc->ac", {3}), 1, &f3), "has 2 letters for it");
    CHECK_STR(refused(cn_einsum_dense(ctx, "ab,bc->ac", {3}, .bias_axes = "x"), 1, &f2), "'x' of bias_axes");
    CHECK_STR(refused(cn_einsum_dense(ctx, "abc,cd->abd", { 4, 2 }), 1, &f3),
              "axis 'b' has size 5 in the input and 4 in output_shape");
    CHECK_STR(refused(cn_normalization(ctx, .axis = { 3 }), 1, &f2), "axis is outside");
    CHECK_STR(refused(cn_normalization(ctx, .mean = CN_NUMBERS(1, 2)), 1, &f2), "together or not at all");
    CHECK_STR(refused(cn_normalization(ctx, .mean = CN_NUMBERS(1, 2), .variance = CN_NUMBERS(1, 2)), 1, &f2),
              "it takes 1 or 6");
    CHECK_STR(refused(cn_normalization(ctx), 1, &any), "unknown size");
    const cn__class *add = cn__class_find(ctx, CN__FAM_LAYER, "Add"), *dot = cn__class_find(ctx, CN__FAM_LAYER, "Dot"),
                    *join = cn__class_find(ctx, CN__FAM_LAYER, "Concatenate");
    CHECK_STR(refused(cn__layer_new(ctx, NULL, add, NULL), 2, (const cn__type[]){ f2, f3 }), "nothing");
    CHECK_STR(refused(cn__layer_new(ctx, NULL, add, NULL), 2,
                      (const cn__type[]){ f2, { .dtype = CN_FLOAT32, .rank = 2, .dim = { -1, 5 } } }),
              "(batch, 6) and (batch, 5), which do not fit");
    CHECK_STR(refused(cn__layer_new(ctx, NULL, join, NULL), 2, (const cn__type[]){ f2, f3 }),
              "all but axis 1 must be the same");
    CHECK_STR(refused(cn__layer_new(ctx, NULL, dot, NULL), 2,
                      (const cn__type[]){ f2, { .dtype = CN_FLOAT32, .rank = 2, .dim = { -1, 5 } } }),
              "has size 6");
    CHECK_STR(refused(cn__layer_new(ctx, NULL, dot, NULL), 1, &f2), "it joins 2 tensors, not 1");
    CHECK_STR(refused(cn__layer_new(ctx, NULL, cn__class_find(ctx, CN__FAM_LAYER, "Subtract"), NULL), 1, &f2),
              "it joins 2 tensors");
    cn_close(ctx);
}

CHECK_MAIN
