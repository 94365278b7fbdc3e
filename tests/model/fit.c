/* fit.c: training does what Keras's does: splits, weights, classes, epochs, steps, several outputs; the same bits twice
   and with any number of threads; nothing is written when the loss is not finite. On the reference backend, then on the
   cpu's. */
#include "check.h"
#include <cornu.h>

static const char *const backends[] = { "ref", "cpu" };
#define EACH_BACKEND(b) for (int b = 0; b < 2; b++)

static cn_array *xor_x(cn_ctx *c) { return cn_array_from(c, {4, 2}, CN_NUMBERS(0,0, 0,1, 1,0, 1,1)); }
static cn_array *xor_y(cn_ctx *c) { return cn_array_from(c, {4, 1}, CN_NUMBERS(0, 1, 1, 0)); }

static cn_model *xor_net(cn_ctx *c)
{
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 8, .activation = CN_TANH);
    cn_dense(m, 1, .activation = CN_SIGMOID);
    CHECK(!cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.05), .loss = CN_BINARY_CROSSENTROPY,
                      .metrics = { CN_ACCURACY }));
    return m;
}

/* y = w x with one weight and no bias: every number can be worked out by hand. */
static cn_model *line(cn_ctx *c, double w)
{
    cn_model *m = cn_sequential(c, {1});
    cn_dense(m, 1, .use_bias = CN_NO, .name = "d");
    CHECK(!cn_set_weight(m, "d/kernel", CN_NUMBERS(w)));
    return m;
}
static double weight(cn_model *m) { return cn_at(cn_get_weight(m, "d/kernel"), 0, 0); }

TEST(xor_learns)
{
    EACH_BACKEND(b) {
        cn_ctx   *c = cn_open(.backend = backends[b], .seed = 3);
        cn_model *m = xor_net(c);
        cn_array *p = NULL;
        CHECK(!cn_fit(m, xor_x(c), xor_y(c), .epochs = 300));
        CHECK(!cn_predict(m, xor_x(c), &p));
        for (int i = 0; i < 4; i++) CHECK_NEAR(cn_at(p, i, 0), i == 1 || i == 2, 0.1);
        int64_t n = 0;
        const double *loss = cn_history(m, "loss", &n);
        CHECK_INT(n, 300);
        CHECK(loss && loss[299] < loss[0] && loss[299] == cn_result(m, "loss"));
        CHECK(!cn_evaluate(m, xor_x(c), xor_y(c)));
        CHECK_NEAR(cn_result(m, "accuracy"), 1, 0);
        CHECK_INT(cn_close(c), 0);
    }
}

TEST(metrics_with_options_have_their_own_names)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 1, .activation = CN_SIGMOID);
    CHECK(!cn_compile(m, .loss = CN_BINARY_CROSSENTROPY,
                      .metrics = { cn_metric_auc(.num_thresholds = 50), cn_metric_precision(.name = "exact") },
                      .weighted_metrics = { cn_metric_recall(.thresholds = 0.4) }));
    CHECK(!cn_fit(m, xor_x(c), xor_y(c)));
    CHECK(!isnan(cn_result(m, "auc")) && !isnan(cn_result(m, "exact")) && !isnan(cn_result(m, "recall")));
    CHECK_INT(cn_error(c), CN_OK);
    CHECK_INT(cn_close(c), 0);
}

TEST(one_step_by_hand)
{
    EACH_BACKEND(b) {
        cn_ctx   *c = cn_open(.backend = backends[b]);
        cn_model *m = line(c, 1);
        CHECK(!cn_compile(m, .optimizer = cn_sgd(.learning_rate = 0.1), .loss = CN_MSE));
        cn_array *x = cn_array_from(c, {2, 1}, CN_NUMBERS(1, 2)), *y = cn_array_from(c, {2, 1}, CN_NUMBERS(3, 4));
        CHECK(!cn_train_on_batch(m, x, y));              /* p = 1, 2; loss (4 + 4) / 2; dw = -2 (1*2 + 2*2) / 2 */
        CHECK_NEAR(cn_result(m, "loss"), 4, 1e-6);
        CHECK_NEAR(weight(m), 1.6, 1e-6);
        CHECK(!cn_test_on_batch(m, x, y));               /* p = 1.6, 3.2 */
        CHECK_NEAR(cn_result(m, "loss"), (1.96 + 0.64) / 2, 1e-5);
        CHECK_NEAR(weight(m), 1.6, 1e-6);
        CHECK_INT(cn_close(c), 0);
    }
}

/* The mean over an epoch weighs samples: batches of 2 and 1. */
TEST(ragged_last_batch)
{
    EACH_BACKEND(b) {
        cn_ctx   *c = cn_open(.backend = backends[b]);
        cn_model *m = line(c, 0);
        CHECK(!cn_compile(m, .optimizer = cn_sgd(.learning_rate = CN_ZERO), .loss = CN_MAE,
                          .metrics = { CN_METRIC_MSE }));
        cn_array *x = cn_array_from(c, {3, 1}, CN_NUMBERS(1, 1, 1)), *y = cn_array_from(c, {3, 1}, CN_NUMBERS(1, 2, 6));
        CHECK(!cn_fit(m, x, y, .batch_size = 2, .shuffle = CN_NO));
        CHECK_NEAR(cn_result(m, "loss"), 3, 1e-6);
        CHECK_NEAR(cn_result(m, "mse"), 41.0 / 3, 1e-5);
        CHECK(!cn_evaluate(m, x, y, .batch_size = 2));
        CHECK_NEAR(cn_result(m, "loss"), 3, 1e-6);
        CHECK_INT(cn_close(c), 0);
    }
}

TEST(validation_takes_the_last_share)
{
    cn_ctx   *c = cn_open();
    cn_model *m = line(c, 0);
    CHECK(!cn_compile(m, .optimizer = cn_sgd(.learning_rate = CN_ZERO), .loss = CN_MAE));
    cn_array *x = cn_array_from(c, { 10, 1 }, NULL),
             *y = cn_array_from(c, { 10, 1 }, CN_NUMBERS(1, 1, 1, 1, 1, 1, 1, 5, 5, 8));
    CHECK(!cn_fit(m, x, y, .validation_split = 0.3, .epochs = 4, .validation_freq = 2));
    CHECK_NEAR(cn_result(m, "loss"), 1, 1e-6);
    CHECK_NEAR(cn_result(m, "val_loss"), 6, 1e-6);
    int64_t n = 0, k = 0;
    CHECK(cn_history(m, "loss", &n) && cn_history(m, "val_loss", &k));
    CHECK(n == 4 && k == 2);
    CHECK(!cn_fit(m, x, y, .validation_x = cn_slice(x, 0, 0, 2), .validation_y = cn_slice(y, 0, 8, 2)));
    CHECK_NEAR(cn_result(m, "val_loss"), 6.5, 1e-6);
    CHECK(!cn_fit(m, x, y, .validation_data = cn_dataset_from(c, .x = { x }, .y = { y }), .validation_steps = 1,
                  .batch_size = 7));
    CHECK_NEAR(cn_result(m, "val_loss"), 1, 1e-6);
    CHECK_STR(cn_result_name(m, 0), "loss");
    CHECK_STR(cn_result_name(m, 1), "val_loss");
    CHECK(!cn_result_name(m, 2));
    CHECK(isnan(cn_result(m, "lost")));
    CHECK_STR(cn_error_message(c), "has no result \"lost\". It has: loss, val_loss.");
    cn_close(c);
}

/* Class weights are sample weights; the mean divides by the samples, as Keras. */
TEST(weights_of_classes_and_samples)
{
    EACH_BACKEND(b) {
        cn_ctx   *c = cn_open(.backend = backends[b]);
        cn_array *x = cn_array_from(c, { 4, 1 }, CN_NUMBERS(1, 2, 3, 4)),
                 *y = cn_array_from(c, { 4, 1 }, CN_NUMBERS(0, 1, 1, 0));
        cn_array *w = cn_array_from(c, {4}, CN_NUMBERS(1, 5, 5, 1));
        double loss[2], after[2];
        for (int k = 0; k < 2; k++) {
            cn_model *m = line(c, 0.5);
            CHECK(!cn_compile(m, .optimizer = cn_sgd(.learning_rate = 0.01), .loss = CN_MSE,
                              .metrics = { CN_METRIC_MAE }, .weighted_metrics = { CN_METRIC_MAE }));
            CHECK(!(k ? cn_fit(m, x, y, .sample_weight = w) : cn_fit(m, x, y, .class_weight = CN_NUMBERS(1, 5))));
            loss[k] = cn_result(m, "loss"), after[k] = weight(m);
            CHECK_NEAR(cn_result(m, "mae"), (0.5 + 0 + 0.5 + 2) / 4, 1e-6);
            CHECK_NEAR(cn_result(m, "weighted_mae"), (0.5 + 0 + 2.5 + 2) / 12, 1e-6);
        }
        CHECK_NEAR(loss[0], (0.25 + 0 + 1.25 + 4) / 4, 1e-6);
        CHECK(loss[0] == loss[1] && after[0] == after[1]);
        CHECK_INT(cn_close(c), 0);
    }
}

TEST(weight_0_counts_for_nothing)
{
    EACH_BACKEND(b) {
        cn_ctx   *c = cn_open(.backend = backends[b]);
        cn_model *m = line(c, 1);
        CHECK(!cn_compile(m, .optimizer = cn_sgd(.learning_rate = 0.1), .loss = CN_MSE,
                          .weighted_metrics = { CN_METRIC_MAE }));
        cn_array *x = cn_array_from(c, {2, 1}, CN_NUMBERS(1, 2)), *y = cn_array_from(c, {2, 1}, CN_NUMBERS(3, NAN));
        cn_array *w = cn_array_from(c, {2}, CN_NUMBERS(1, 0));
        CHECK(!cn_fit(m, x, y, .sample_weight = w));
        CHECK_NEAR(cn_result(m, "loss"), 2, 1e-6);
        CHECK_NEAR(cn_result(m, "mae"), 2, 1e-6);
        CHECK_NEAR(weight(m), 1 + 0.1 * 2, 1e-6);
        CHECK_INT(cn_close(c), 0);
    }
}

TEST(several_outputs_by_place_and_by_name)
{
    cn_ctx    *c = cn_open();
    cn_tensor *x = cn_input(c, {1}), *a = cn_dense(x, 1, .use_bias = CN_NO, .kernel_initializer = CN_ONES, .name = "a"),
              *b = cn_dense(x, 3, .activation = CN_SOFTMAX, .kernel_initializer = CN_ZEROS, .name = "b");
    cn_model  *m = cn_functional({x}, {a, b});
    cn_dataset *ds = cn_dataset_from(c, .x = { cn_array_from(c, { 2, 1 }, CN_NUMBERS(1, 2)) },
                                     .y = { cn_array_from(c, { 2 }, CN_NUMBERS(3, 3)),
                                            cn_array_from(c, { 2 }, CN_NUMBERS(0, 2), .dtype = CN_INT32) });
    CHECK(!cn_compile(m, .optimizer = cn_sgd(.learning_rate = CN_ZERO),
                      .outputs = { cn_output(.name = "b", .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY,
                                             .loss_weight = 0.5, .metrics = { CN_ACCURACY }),
                                   cn_output(.name = "a", .loss = CN_MSE) }));
    CHECK(!cn_fit(m, ds));
    CHECK_NEAR(cn_result(m, "a_loss"), 2.5, 1e-6);
    CHECK_NEAR(cn_result(m, "b_loss"), log(3), 1e-6);
    CHECK_NEAR(cn_result(m, "loss"), 2.5 + 0.5 * log(3), 1e-6);
    CHECK_NEAR(cn_result(m, "b_accuracy"), 0.5, 0);
    static const char *const names[] = { "loss", "a_loss", "b_loss", "b_accuracy" };
    for (int i = 0; i < 4; i++) CHECK(!strcmp(cn_result_name(m, i), names[i]));
    CHECK_INT(cn_compile(m, .loss = CN_MSE), CN_E_VALUE);
    CHECK_STR(cn_error_message(c), "has 2 outputs: give each its loss");
    cn_close(c);
}

TEST(regularizers_are_part_of_the_loss)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {1});
    cn_dense(m, 1, .kernel_regularizer = cn_l2(0.5), .kernel_initializer = CN_ONES, .name = "d");
    cn_activity_regularization(m, .l1 = 0.25);
    CHECK(!cn_compile(m, .optimizer = cn_sgd(.learning_rate = 0.1), .loss = CN_MSE));
    cn_array *x = cn_array_from(c, {2, 1}, CN_NUMBERS(1, 3));
    CHECK(!cn_train_on_batch(m, x, x));                  /* p = y; 0.5 w^2 + 0.25 (1 + 3) / 2 */
    CHECK_NEAR(cn_result(m, "loss"), 0.5 + 0.5, 1e-6);
    CHECK_NEAR(weight(m), 1 - 0.1 * (1 + 0.25 * 4 / 2), 1e-6);
    CHECK_INT(cn_close(c), 0);
}

TEST(frozen_layers_do_not_learn)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 2, .trainable = CN_NO, .kernel_initializer = CN_ONES, .name = "frozen");
    cn_dense(m, 1, .kernel_initializer = CN_ONES, .name = "d");
    CHECK(!cn_compile(m, .optimizer = CN_SGD, .loss = CN_MSE));
    CHECK(!cn_fit(m, xor_x(c), xor_y(c), .epochs = 3));
    CHECK_NEAR(cn_at(cn_get_weight(m, "frozen/kernel"), 1, 1), 1, 0);
    CHECK(weight(m) != 1);
    CHECK_INT(cn_close(c), 0);
}

/* ---- Epochs and steps -------------------------------------------------------------------------------------------- */
typedef struct { int64_t epochs, batches, first_epoch, last_step; } seen;
static cn_status on_epoch(const cn_event *e, void *user)
{
    seen *s = user;
    if (!s->epochs++) s->first_epoch = e->epoch;
    return CN_OK;
}
static cn_status on_batch(const cn_event *e, void *user)
{
    seen *s = user;
    s->batches++, s->last_step = e->step;
    return CN_OK;
}

TEST(epochs_and_steps)
{
    cn_ctx   *c = cn_open();
    cn_model *m = line(c, 0);
    cn_array *x = cn_array_from(c, {10, 1}, NULL);
    CHECK(!cn_compile(m, .optimizer = CN_SGD, .loss = CN_MSE));
    seen s = { 0, 0, 0, 0 };
#define WATCH .callbacks = { cn_lambda_callback(.on_epoch_end = on_epoch, .on_train_batch_end = on_batch, .user = &s) }
    CHECK(!cn_fit(m, x, x, .epochs = 5, .initial_epoch = 2, .batch_size = 4, WATCH));
    CHECK(s.epochs == 3 && s.first_epoch == 2 && s.batches == 9 && s.last_step == 8);
    s = (seen){ 0, 0, 0, 0 };
    CHECK(
        !cn_fit(m, x, x, .epochs = 4, .steps_per_epoch = 2, .batch_size = 3, WATCH)); /* 4 batches a pass: 2, 2, 2, 2 */
    CHECK(s.epochs == 4 && s.batches == 8);
    CHECK(!cn_fit(m, x, x, .epochs = 2, .initial_epoch = 2));
    int64_t n = 1;
    CHECK(!cn_history(m, "loss", &n) || n == 0);
    cn_close(c);
}

static int64_t count_up(const cn_rows *r, void *user)    /* 10 samples: x = y = their number */
{
    int64_t n = r->count < 10 - r->first ? r->count : 10 - r->first;
    ++*(int *)user;
    for (int64_t i = 0; i < n; i++) ((float *)r->x[0])[i] = ((float *)r->y[0])[i] = (float)(r->first + i);
    return n < 0 ? 0 : n;
}

TEST(from_a_generator_as_from_memory)
{
    EACH_BACKEND(b) {
        cn_ctx *c = cn_open(.backend = backends[b]);
        cn_array *x = cn_array_from(c, {10, 1}, CN_NUMBERS(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)), *p = NULL;
        int calls = 0;
        cn_dataset *ds = cn_dataset_from_generator(c, { count_up, &calls }, .x = { { .shape = { 1 } } },
                                                   .y = { { .shape = { 1 } } });
        double got[2], loss[2];
        for (int k = 0; k < 2; k++) {
            cn_model *m = line(c, 0.5);
            CHECK(!cn_compile(m, .optimizer = cn_sgd(.learning_rate = 0.001), .loss = CN_MSE));
            CHECK(!(k ? cn_fit(m, cn_prefetch(ds, 2), .epochs = 3, .batch_size = 4)
                      : cn_fit(m, x, x, .epochs = 3, .batch_size = 4, .shuffle = CN_NO)));
            got[k] = weight(m), loss[k] = cn_result(m, "loss");
            CHECK(!(k ? cn_predict(m, ds, &p, .batch_size = 3) : cn_predict(m, x, &p, .batch_size = 3)));
            CHECK(cn_size_of(p, 0) == 10);
            CHECK_NEAR(cn_at(p, 9, 0), 9 * got[k], 1e-6);
        }
        CHECK(got[0] == got[1] && loss[0] == loss[1] && calls >= 9);
        CHECK_INT(cn_close(c), 0);
    }
}

static cn_status stop_at_3(const cn_event *e, void *user)
{
    (void)user;
    if (e->epoch == 3) cn_stop_training(e->model);
    return CN_OK;
}

TEST(stopping)
{
    cn_ctx   *c = cn_open();
    cn_model *m = xor_net(c);
    int64_t   n = 0;
    CHECK(
        !cn_fit(m, xor_x(c), xor_y(c), .epochs = 100, .callbacks = { cn_lambda_callback(.on_epoch_end = stop_at_3) }));
    CHECK(cn_history(m, "loss", &n) && n == 4);
    CHECK(!cn_fit(m, xor_x(c), xor_y(c), .epochs = 2));
    CHECK(cn_history(m, "loss", &n) && n == 2);
    CHECK_INT(cn_close(c), 0);
}

/* ---- The same bits ----------------------------------------------------------------------------------------------- */
static void train_to_bits(const char *backend, int threads, float *out, int n, bool callbacks)
{
    cn_ctx   *c = cn_open(.backend = backend, .threads = threads, .seed = 11);
    cn_model *m = cn_sequential(c, {20});
    cn_dense(m, 70, .activation = CN_RELU);
    cn_dropout(m, 0.3);
    cn_dense(m, 1, .name = "d");
    cn_array *x = cn_array_from(c, {50, 20}, NULL), *y = cn_array_from(c, {50, 1}, NULL);
    for (int i = 0; i < 1000; i++) ((float *)cn_mutable(x))[i] = sinf((float)i);
    for (int i = 0; i < 50; i++) ((float *)cn_mutable(y))[i] = cosf((float)i);
    seen s = { 0, 0, 0, 0 };
    CHECK(!cn_compile(m, .optimizer = CN_ADAM, .loss = CN_MSE));
    CHECK(!(callbacks ? cn_fit(m, x, y, .epochs = 3, .batch_size = 16, WATCH)
                      : cn_fit(m, x, y, .epochs = 3, .batch_size = 16)));
    cn_array *w = cn_get_weight(m, "d/kernel");
    for (int i = 0; i < n; i++) out[i] = cn_float32(w)[i];
    CHECK_INT(cn_close(c), 0);
}

TEST(same_seed_same_bits)
{
    EACH_BACKEND(b) {
        float one[70], two[70];
        train_to_bits(backends[b], 1, one, 70, false);
        train_to_bits(backends[b], 1, two, 70, false);
        CHECK(!memcmp(one, two, sizeof one));
        train_to_bits(backends[b], 2, two, 70, false);
        CHECK(!memcmp(one, two, sizeof one));
        train_to_bits(backends[b], 1, two, 70, true);    /* step by step */
        CHECK(!memcmp(one, two, sizeof one));
    }
}

/* ---- Not finite -------------------------------------------------------------------------------------------------- */
TEST(nothing_is_written_when_the_loss_is_not_finite)
{
    EACH_BACKEND(b) {
        cn_ctx   *c = cn_open(.backend = backends[b]);
        cn_model *m = cn_sequential(c, {1});
        cn_activation(m, { "exponential" }, .name = "blows_up");
        cn_dense(m, 1, .use_bias = CN_NO, .kernel_initializer = CN_ONES, .name = "d");
        CHECK(!cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.5), .loss = CN_MSE));
        cn_array *x = cn_array_from(c, { 4, 1 }, CN_NUMBERS(0, 0, 1000, 0)),
                 *y = cn_array_from(c, { 4, 1 }, CN_NUMBERS(2, 2, 2, 2));
        CHECK_INT(cn_fit(m, x, y, .batch_size = 2, .shuffle = CN_NO, .epochs = 5), CN_E_NUMERIC);
        CHECK_STR(cn_error_message(c), "fit.c:");
        CHECK_STR(cn_error_message(c), "blows_up");
        CHECK_STR(cn_error_message(c), "epoch 1, batch 2");
        double w = weight(m);
        CHECK_NEAR(w, 1.5, 1e-3);                        /* one step of Adam, and no other */
        cn_clear_error(c);
        CHECK(!cn_fit(m, cn_slice(x, 0, 0, 2), cn_slice(y, 0, 0, 2)));
        CHECK_NEAR(weight(m), 2, 0.1);                   /* its state was not touched either */

        cn_model *n = line(c, 1);
        CHECK(!cn_compile(n, .optimizer = CN_SGD, .loss = CN_MSE));
        cn_array *bad = cn_array_from(c, {5, 1}, CN_NUMBERS(1, 1, 1, NAN, 1));
        CHECK_INT(cn_fit(n, bad, bad, .batch_size = 2, .shuffle = CN_NO), CN_E_NUMERIC);
        CHECK_STR(cn_error_message(c), "x has nan in row 3, place 0 (epoch 1, batch 2)");
        CHECK_NEAR(weight(n), 1, 0);
        CHECK_INT(cn_fit(n, bad, bad, .batch_size = 5), CN_E_NUMERIC);       /* shuffled: still the row of the data */
        CHECK_STR(cn_error_message(c), "row 3");
        cn_close(c);
    }
}

TEST(labels_outside_the_classes)
{
    EACH_BACKEND(b) {
        cn_ctx   *c = cn_open(.backend = backends[b]);
        cn_model *m = cn_sequential(c, {1});
        cn_dense(m, 10, .activation = CN_SOFTMAX, .name = "d");
        CHECK(!cn_compile(m, .optimizer = CN_SGD, .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY,
                          .metrics = { CN_ACCURACY }));
        cn_array *x = cn_array_from(c, { 6, 1 }, NULL),
                 *y = cn_array_from(c, { 6 }, CN_NUMBERS(0, 1, 9, 3, 10, 2), .dtype = CN_UINT8),
                 *before = cn_get_weight(m, "d/bias");
        CHECK_INT(cn_fit(m, x, y, .batch_size = 6), CN_E_VALUE);
        CHECK_STR(cn_error_message(c), "label 10 in row 4, the output has 10 classes (0..9)");
        CHECK(!memcmp(cn_float32(before), cn_float32(cn_get_weight(m, "d/bias")), 10 * sizeof(float)));
        CHECK_INT(cn_evaluate(m, x, cn_array_from(c, {6, 1}, CN_NUMBERS(0, -1, 0, 0, 0, 0))), CN_E_VALUE);
        CHECK_STR(cn_error_message(c), "label -1 in row 1");
        CHECK_INT(cn_fit(m, x, cn_array_from(c, {6, 1}, CN_NUMBERS(0, 0.5, 0, 0, 0, 0))), CN_E_VALUE);
        CHECK_STR(cn_error_message(c), "label 0.5 in row 1 is no class number");
        cn_close(c);
    }
}

CHECK_MAIN
