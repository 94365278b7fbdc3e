/* graph.c: the storey below as the user sees it: nodes and their errors, gradients, models in graphs, steps of one's
   own, runners; parts of one's own; watches. */
#include "check.h"
#include <cornu.h>
#include <pthread.h>

static const float six[] = { 1, -2, 3, -4, 5, -6 };
static double number(cn_graph *g, cn_node *n, int i)
{
    cn_runner *r = cn_prepare_graph(g, {n});
    float     *x = cn_mutable(cn_runner_input(r, 0));
    for (int k = 0; x && k < 6; k++) x[k] = six[k];
    CHECK(!cn_run(r));
    const cn_array *a = cn_runner_output(r, 0);
    return cn_rank_of(a) ? cn_at(a, i / (int)cn_size_of(a, -1), i % (int)cn_size_of(a, -1)) : cn_at(a, 0);
}

TEST(operations)
{
    cn_ctx   *c = cn_open();
    cn_graph *g = cn_graph_new(c);
    cn_node  *x = cn_graph_input(g, {2, 3}), *idx = NULL;
    CHECK_NEAR(number(g, cn_op_sum(x), 0), -3, 0);
    CHECK_NEAR(number(g, cn_op_sum(x, .axes = {1}, .keepdims = CN_YES), 1), -5, 0);
    CHECK_NEAR(number(g, cn_op_mean(cn_op_less(x, cn_op_affine(x, 0, 0))), 0), 0.5, 0);
    CHECK_NEAR(number(g, cn_op_sum(cn_op_greater(x, cn_op_negative(x))), 0), 3, 0);
    CHECK_NEAR(number(g, cn_op_max(cn_op_abs(x), .axes = {CN_AXIS0}, .keepdims = CN_YES), 2), 6, 0);
    CHECK_NEAR(number(g, cn_op_matmul(x, cn_op_transpose(x, 1, 0)), 1), -32, 0);
    CHECK_NEAR(number(g, cn_op_reshape(x, 3, CN_ANY), 1), -2, 0);
    CHECK_NEAR(number(g, cn_op_clip(x, -1, 2), 3), -1, 0);
    CHECK_NEAR(number(g, cn_op_where(cn_op_less(x, cn_op_relu(x)), cn_op_square(x), x), 1), 4, 0);
    CHECK_NEAR(number(g, cn_op_slice(x, 1, 1, CN_ANY), 2), 5, 0);
    CHECK_NEAR(number(g, cn_op_concatenate({x, cn_op_cast(x, CN_INT32)}, .axis = 1), 4), -2, 0);
    CHECK_NEAR(number(g, cn_op_cumsum(x, 1), 2), 2, 0);
    CHECK_NEAR(number(g, cn_op_sort(x, -1), 0), -2, 0);
    CHECK_NEAR(number(g, cn_op_flip(x, 0), 0), -4, 0);
    CHECK_NEAR(number(g, cn_op_top_k(x, 2, &idx), 0), 3, 0);
    CHECK_NEAR(number(g, idx, 0), 2, 0);
    CHECK_NEAR(number(g, cn_op_one_hot(cn_op_argmax(x, 1), 3), 2), 1, 0);
    CHECK_NEAR(number(g, cn_op_take(x, cn_op_argmin(x, 0), 0), 0), -4, 0);
    CHECK_NEAR(number(g, cn_op_tile(x, 1, 2), 5), 3, 0);
    CHECK_NEAR(number(g, cn_op_broadcast_to(cn_op_slice(x, 0, 1, 1), 4, 3), 10), 5, 0);
    CHECK_NEAR(number(g, cn_op_einsum("ij,ij->i", x, x), 0), 14, 0);
    CHECK_NEAR(number(g, cn_op_softmax(x, 1), 2), 0.8756, 1e-4);
    CHECK_NEAR(number(g, cn_op_logsumexp(x), 0), 5.1438, 1e-4);
    CHECK_NEAR(number(g, cn_op_logical_and(cn_op_any(x), cn_op_isfinite(cn_op_sum(x))), 0), 1, 0);
    CHECK_STR(cn_print_graph(g), "softmax");
    CHECK_INT(cn_close(c), 0);
}

TEST(errors_stick_to_nodes)
{
    cn_ctx   *c = cn_open();
    cn_graph *g = cn_graph_new(c), *h = cn_graph_new(c);
    cn_node  *x = cn_graph_input(g, {2, 3}), *y = cn_graph_input(g, {4, 5}), *bad = cn_op_add(x, y);
    CHECK_INT(cn_error(bad), CN_E_SHAPE);
    CHECK_INT(cn_error(cn_op_exp(bad)), CN_E_SHAPE);
    CHECK_INT(cn_error(cn_grad(bad, x)), CN_E_SHAPE);
    CHECK_INT(cn_error(cn_prepare_graph(g, {bad})), CN_E_SHAPE);
    CHECK_STR(cn_error_message(cn_op_add(x, cn_graph_input(h, {2, 3}))), "different graphs");
    CHECK_STR(cn_error_message(cn_op_sum(x, .axes = {7})), "an axis that a value of rank 2 does not have");
    CHECK_STR(cn_error_message(cn_graph_input(g, {CN_ANY, 2})), "all sizes are known");
    CHECK_STR(cn_error_message(cn_graph_constant(g, {3}, CN_NUMBERS(1, 2))), "2 numbers for a shape of 3");
    cn_clear_error(c);
    cn_runner *r = cn_prepare_graph(g, {cn_op_exp(x)});  /* what does not hang on it goes on */
    CHECK(!cn_run(r));
    CHECK_NEAR(cn_at(cn_runner_output(r, 0), 1, 2), 1, 0);
    CHECK_INT(cn_close(c), 0);
}

TEST(gradients_of_gradients)
{
    cn_ctx   *c = cn_open();
    cn_graph *g = cn_graph_new(c);
    cn_node  *x = cn_graph_input(g, {3}), *y = cn_op_sum(cn_op_multiply(x, cn_op_square(x)));
    cn_node  *dy = cn_grad(y, x), *ddy = cn_grad(dy, x), *none = cn_grad(y, cn_graph_input(g, {2}));
    cn_runner *r = cn_prepare_graph(g, {dy, ddy, none});
    float *in = cn_mutable(cn_runner_input(r, 0));
    for (int i = 0; i < 3; i++) in[i] = (float)(i + 1);
    CHECK(!cn_run(r));
    for (int i = 0; i < 3; i++) {
        CHECK_NEAR(cn_at(cn_runner_output(r, 0), i), 3 * (i + 1) * (i + 1), 1e-5);
        CHECK_NEAR(cn_at(cn_runner_output(r, 1), i), 6 * (i + 1), 1e-5);
    }
    CHECK_NEAR(cn_at(cn_runner_output(r, 2), 1), 0, 0);
    CHECK_INT(cn_close(c), 0);
}

TEST(a_step_of_ones_own_is_that_of_fit)
{
    double after[2];
    for (int k = 0; k < 2; k++) {
        cn_ctx   *c = cn_open(.seed = 5);
        cn_model *m = cn_sequential(c, {2});
        cn_dense(m, 4, .activation = CN_TANH);
        cn_dense(m, 1, .name = "d");
        cn_array *x = cn_array_from(c, { 4, 2 }, CN_NUMBERS(0, 0, 0, 1, 1, 0, 1, 1)),
                 *y = cn_array_from(c, { 4, 1 }, CN_NUMBERS(0, 1, 1, 0));
        if (k) {
            cn_graph *g = cn_graph_new(c);
            cn_node  *in = cn_graph_input(g, {4, 2}), *want = cn_graph_input(g, {4, 1});
            cn_node  *loss = cn_op_mean(cn_op_square(cn_op_subtract(cn_graph_call(m, in), want)));
            cn_runner *r = cn_prepare_graph(g, {cn_minimize(loss, m, .optimizer = cn_adam(.learning_rate = 0.01))});
            CHECK(!cn_feed(r, 0, x) && !cn_feed(r, 1, y));
            for (int i = 0; i < 20; i++) CHECK(!cn_run(r));
            cn_free(m);                                  /* the graph keeps it */
            CHECK(!cn_run(r) && cn_at(cn_runner_output(r, 0), 0) > 0);
        } else {
            CHECK(!cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.01), .loss = CN_MSE));
            CHECK(!cn_fit(m, x, y, .epochs = 21, .shuffle = CN_NO));
        }
        after[k] = cn_at(cn_get_weight(m, "d/kernel"), 0, 0);
        CHECK_INT(cn_close(c), 0);
    }
    CHECK_NEAR(after[0], after[1], 1e-6);
}

TEST(random_numbers_anew_in_each_run)
{
    cn_ctx   *c = cn_open(.seed = 9);
    cn_graph *g = cn_graph_new(c);
    cn_node  *a = cn_op_random_uniform(g, 1000), *b = cn_op_random_normal(g, 1000);
    cn_runner *r = cn_prepare_graph(g, {a, b, cn_op_mean(a), cn_op_mean(cn_op_square(b))});
    CHECK(!cn_run(r));
    double first = cn_at(cn_runner_output(r, 0), 0);
    CHECK(first >= 0 && first < 1);
    CHECK_NEAR(cn_at(cn_runner_output(r, 2), 0), 0.5, 0.05);
    CHECK_NEAR(cn_at(cn_runner_output(r, 3), 0), 1, 0.15);
    CHECK(!cn_run(r) && cn_at(cn_runner_output(r, 0), 0) != first);
    CHECK_INT(cn_close(c), 0);
}

/* ---- Runners of models ------------------------------------------------------------------------------------------- */
static cn_model *net(cn_ctx *c)
{
    cn_model *m = cn_sequential(c, {3});
    cn_dense(m, 50, .activation = CN_RELU);
    cn_dense(m, 2, .activation = CN_SOFTMAX);
    return m;
}

typedef struct { cn_runner *r; float out[400]; } job;
static void *work(void *arg)
{
    job *j = arg;
    for (int i = 0; i < 200; i++) {
        float in[3] = { (float)i, (float)(i % 7), -1 };
        if (cn_predict_into(j->r, in, 3, j->out + 2 * i, 2)) break;
    }
    return NULL;
}

TEST(runners)
{
    cn_ctx    *c = cn_open();
    cn_model  *m = net(c);
    cn_array  *x = cn_array_from(c, {200, 3}, NULL), *p = NULL;
    for (int i = 0; i < 200; i++) {
        float *row = (float *)cn_mutable(x) + 3 * i;
        row[0] = (float)i, row[1] = (float)(i % 7), row[2] = -1;
    }
    CHECK(!cn_predict(m, x, &p));
    static job jobs[3];
    pthread_t  thread[3];
    for (int i = 0; i < 3; i++) jobs[i].r = cn_prepare(m);
    for (int i = 0; i < 3; i++) CHECK(!pthread_create(&thread[i], NULL, work, &jobs[i]));
    for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 400; k++)
            if (!(fabs((double)jobs[i].out[k] - cn_at(p, k / 2, k % 2)) <= 1e-6) || jobs[i].out[k] != jobs[0].out[k]) {
                CHECK_FAIL("thread %d, number %d", i, k);
                break;
            }
    cn_runner *r = cn_prepare(m, .shapes = {{64, 3}});
    cn_dataset *ds = cn_dataset_from(c, .x = { x });
    CHECK_INT(cn_feed_from(r, ds, 192), 8);
    CHECK(!cn_run(r));
    CHECK_NEAR(cn_at(cn_runner_output(r, 0), 7, 1), cn_at(p, 199, 1), 1e-6);
    cn_runner *second = cn_prepare(m, .shapes = {{64, 3}});
    CHECK_INT(cn_pass(second, 0, second, 0), CN_E_SHAPE);         /* 128 numbers are not 192 */
    CHECK_STR(cn_error_message(second), "takes 192 numbers");
    CHECK(!cn_run(second) && !cn_error(second));         /* it can be run again */
    float in[3] = { 0 }, out[2];
    CHECK_INT(cn_predict_into(jobs[0].r, in, 4, out, 2), CN_E_SHAPE);
    CHECK_INT(cn_error(cn_prepare(m, .shapes = {{1, 4}})), CN_E_SHAPE);
    CHECK_INT(cn_error(cn_runner_input(r, 1)), CN_E_NAME);
    cn_clear_error(c);
    CHECK(!cn_set_weight(m, "dense_1/bias", CN_NUMBERS(100, 0)) && !cn_run(r));
    CHECK_NEAR(cn_at(cn_runner_output(r, 0), 0, 0), 1, 1e-6);                /* the next run sees the new weights */
    CHECK_INT(cn_close(c), 0);
}

/* ---- Parts of one's own ------------------------------------------------------------------------------------------ */
#define SQUASH_OPTIONS(F)                               \
    F(double, start, 1.0, "the gains at the beginning") \
    F(cn_text, word, 0, "unused") F(cn_flag, flip, CN_NO, "negative")
CN_OPTIONS(squash, SQUASH_OPTIONS);
static cn_status squash_build(const cn_build *b)
{
    const squash_options *o = b->options;
    return cn_add_weight(b->layer, "gain", { cn_size_of(b->in[0], -1) },
                         .initializer = cn_init_constant(.value = o->start));
}
static cn_node *squash_call(const cn_layer_call *k)
{
    const squash_options *o = k->options;
    cn_node *y = cn_op_tanh(cn_op_multiply(k->in[0], k->weight[0]));
    if (k->out) k->out[1] = cn_op_negative(y);
    return o->flip == CN_YES ? cn_op_negative(y) : y;
}
static cn_node *pinball(cn_node *y, cn_node *p, void *user)
{
    const double *q = user;
    cn_node *e = cn_op_subtract(y, p);
    return cn_op_mean(cn_op_maximum(cn_op_affine(e, *q, 0), cn_op_affine(e, *q - 1, 0)), .axes = {-1});
}
static cn_node *spread(cn_node *y, cn_node *p, void *user)                   /* sums of e and e^2, and how many */
{
    (void)user;
    cn_node *e = cn_op_subtract(y, p);
    return cn_op_concatenate({e, cn_op_square(e), cn_op_affine(e, 0, 1)}, .axis = 1);
}
static double deviation(const double *s, void *user)
{
    return (void)user, sqrt(s[1] / s[2] - s[0] / s[2] * (s[0] / s[2]));
}
static cn_node *cube(cn_node *z, void *user) { return (void)user, cn_op_multiply(z, cn_op_square(z)); }
static cn_node *wrong(cn_node *y, cn_node *p, void *user) { return (void)user, cn_op_add(y, cn_op_reshape(p, 7, 7)); }

TEST(parts_of_ones_own)
{
    cn_ctx *c = cn_open();
    double  q = 0.9;
    CHECK(!cn_register_layer(c, "acme>Squash", .build = squash_build, .call = squash_call, .options = &squash_table,
                             .outputs = 2));
    CHECK(!cn_register_loss(c, "acme>pinball", pinball, .user = &q));
    CHECK(!cn_register_metric(c, "acme>spread", spread, .sums = 3, .result = deviation));
    CHECK(!cn_register_activation(c, "acme>cube", cube));
    CHECK(!cn_register_loss(c, "acme>wrong", wrong));
    cn_tensor *x = cn_input(c, {2}), *second = NULL;
    cn_layer *own = cn_custom(c, "acme>Squash", .options = CN_SET(squash, .start = 0.5, .flip = CN_YES), .name = "own");
    cn_tensor *y = cn_call(own, x, .outputs = { NULL });
    cn_call(own, x, .outputs = { &y, &second });
    cn_model  *m = cn_functional({x}, {y, second});
    cn_array  *in = cn_array_from(c, {1, 2}, CN_NUMBERS(1, 2)), *a = NULL, *b = NULL;
    CHECK(!cn_predict(m, in, &a, &b));
    CHECK_NEAR(cn_at(a, 0, 1), -tanh(1), 1e-6);
    CHECK_NEAR(cn_at(b, 0, 0), -tanh(0.5), 1e-6);
    CHECK(!strcmp(cn_weight_path(m, 0), "own/gain"));
    CHECK_STR(cn_summary(m), "own (Squash)");
    cn_model *copy = cn_clone_model(m);
    CHECK_NEAR(cn_at(cn_get_weight(copy, "own/gain"), 1), 0.5, 0);

    cn_model *n = cn_sequential(c, {1});
    cn_dense(n, 1, .use_bias = CN_NO, .kernel_initializer = CN_ONES, .activation = { "acme>cube" }, .name = "d");
    CHECK(!cn_compile(n, .optimizer = cn_sgd(.learning_rate = CN_ZERO), .loss = { "acme>pinball" },
                      .metrics = { { "acme>spread" } }));
    CHECK(!cn_fit(n, cn_array_from(c, { 2, 1 }, CN_NUMBERS(1, 2)),
                  cn_array_from(c, { 2, 1 }, CN_NUMBERS(2, 5)))); /* e = 1, -3 */
    CHECK_NEAR(cn_result(n, "loss"), (0.9 * 1 + 0.1 * 3) / 2, 1e-6);
    CHECK_NEAR(cn_result(n, "spread"), 2, 1e-6);
    CHECK_INT(cn_close(c), 0);
}

TEST(parts_of_ones_own_misused)
{
    cn_ctx *c = cn_open();
    CHECK_INT(cn_register_loss(c, "pinball", pinball), CN_E_VALUE);
    CHECK_STR(cn_error_message(c), "Give your package, > and a name");
    CHECK_INT(cn_register_layer(c, "acme>None"), CN_E_VALUE);
    CHECK_INT(cn_register_metric(c, "acme>m", spread, .sums = 3), CN_E_VALUE);
    CHECK(!cn_register_loss(c, "acme>wrong", wrong));
    cn_model *m = cn_sequential(c, {1});
    cn_layer *l = cn_dense(m, 1);
    CHECK_INT(cn_add_weight(l, "w", {3}), CN_E_STATE);
    CHECK(!cn_compile(m, .loss = { "acme>wrong" }));
    CHECK_INT(cn_fit(m, cn_array_from(c, {2, 1}, NULL), cn_array_from(c, {2, 1}, NULL)), CN_E_SHAPE);
    CHECK_STR(cn_error_message(c), "loss of dense: reshape");
    CHECK_INT(cn_error(cn_custom(c, "acme>Nothing")), CN_E_NAME);
    cn_close(c);
}

/* ---- Watches ----------------------------------------------------------------------------------------------------- */
static double watched;
static cn_status look(const cn_event *e, void *user)
{
    if (e->batch == 0) watched = cn_at(cn_watch_value(user), 0);
    return CN_OK;
}

TEST(watches)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 2, .kernel_initializer = CN_ONES, .name = "h");
    cn_dense(m, 1, .use_bias = CN_NO, .kernel_initializer = CN_ONES, .name = "d");
    CHECK(!cn_compile(m, .optimizer = cn_sgd(.learning_rate = CN_ZERO), .loss = CN_MSE));
    cn_array *x = cn_array_from(c, {2, 2}, CN_NUMBERS(1, 2, 3, 4)), *y = cn_array_from(c, {2, 1}, NULL), *p = NULL;
    cn_watch *out = cn_watch_on(m, "h/output"), *gradient = cn_watch_on(m, "h/output", .gradient = CN_YES),
             *norm = cn_watch_on(m, "d/kernel", .gradient = CN_YES, .reduce = CN_NORM),
             *rows = cn_watch_on(m, "h/input", .reduce = CN_SUM, .keep_axes = { CN_AXIS0 });
    CHECK(cn_watch_value(out) == NULL);
    cn_clear_error(c);
    CHECK(!cn_fit(m, x, y, .shuffle = CN_NO,
                  .callbacks = { cn_lambda_callback(.on_train_batch_end = look, .user = norm) }));
    CHECK_NEAR(cn_at(cn_watch_value(out), 1, 0), 7, 0);                      /* p = 6, 14; dp = 6, 14 */
    CHECK_NEAR(cn_at(cn_watch_value(gradient), 1, 1), 14, 1e-5);
    CHECK_NEAR(watched, sqrt(2) * (6 * 3 + 14 * 7), 1e-3);
    CHECK_NEAR(cn_at(cn_watch_value(rows), 1), 7, 0);
    CHECK(!cn_predict(m, cn_slice(x, 0, 0, 1), &p));
    CHECK_NEAR(cn_at(cn_watch_value(out), 0, 0), 3, 0);
    CHECK_INT(cn_size_of(cn_watch_value(out), 0), 1);
    cn_free(out);
    CHECK(!cn_evaluate(m, x, y));
    CHECK_INT(cn_error(cn_watch_on(m, "h/gate")), CN_E_NAME);
    CHECK_STR(cn_error_message(c), "has no value \"h/gate\"");
    CHECK_INT(cn_error(cn_watch_on(m, "h/output", .reduce = CN_SAME)), CN_E_VALUE);
    cn_close(c);
}

/* A watched plan has the same bits. */
TEST(watching_changes_no_bits)
{
    double after[2];
    for (int k = 0; k < 2; k++) {
        cn_ctx   *c = cn_open(.seed = 2);
        cn_model *m = net(c);
        cn_array *x = cn_array_from(c, {64, 3}, NULL), *y = cn_array_from(c, {64}, NULL, .dtype = CN_INT32);
        for (int i = 0; i < 192; i++) ((float *)cn_mutable(x))[i] = sinf((float)(i * i));
        for (int i = 0; i < 64; i++) ((int32_t *)cn_mutable(y))[i] = i % 3 == 0;
        CHECK(!cn_compile(m, .optimizer = CN_ADAM, .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY));
        if (k)
            CHECK(!cn_error(cn_watch_on(m, "dense/output")) &&
                  !cn_error(cn_watch_on(m, "dense/output", .gradient = CN_YES)));
        CHECK(!cn_fit(m, x, y, .epochs = 3, .batch_size = 20));
        after[k] = cn_at(cn_get_weight(m, "dense_1/kernel"), 7, 1);
        CHECK_INT(cn_close(c), 0);
    }
    CHECK(after[0] == after[1]);
}

TEST(an_operand_that_was_not_made)
{
    cn_ctx   *c = cn_open();
    cn_graph *g = cn_graph_new(c);
    cn_node  *x = cn_graph_input(g, {2}), *none = NULL;
    CHECK(cn_error(cn_op_add(x, none)) == CN_E_VALUE);
    CHECK_STR(cn_error_message(c), "operand 1 is NULL");
    CHECK(cn_op_add(none, none) == NULL);
    cn_clear_error(c);
    CHECK_INT(cn_close(c), 0);
}

CHECK_MAIN
