/* keras.c: ten training steps of three models agree with real Keras (tests/golden/make_training.py wrote the figures):
   the running mean of the loss after each step, the weights afterwards, what the trained model predicts. */
#include "check.h"
#include <cornu.h>

enum { MAX_NAME = 64, MAX_ARRAYS = 128 };
typedef struct { char name[MAX_NAME]; int64_t dim[4]; int rank; int64_t count; float *value; } golden;
static golden arrays[MAX_ARRAYS];
static int    count;

static bool load(void)
{
    if (count) return true;
    FILE *f = fopen(CN_SOURCE_DIR "/tests/golden/training.golden", "r");
    if (!f || fscanf(f, "#%*[^\n]") < 0) return false;
    while (count < MAX_ARRAYS) {
        golden *a = &arrays[count];
        if (fscanf(f, "%63s %d", a->name, &a->rank) != 2) break;
        a->count = 1;
        for (int k = 0; k < a->rank; k++) {
            long long d = 0;
            if (fscanf(f, "%lld", &d) != 1) return false;
            a->count *= a->dim[k] = d;
        }
        a->value = malloc((size_t)a->count * sizeof(float) + 1);
        for (int64_t i = 0; i < a->count; i++)
            if (!a->value || fscanf(f, "%f", &a->value[i]) != 1) return false;
        count++;
    }
    fclose(f);
    return count > 0;
}

static const golden *find(const char *model, const char *what, int i)
{
    char name[MAX_NAME];
    snprintf(name, sizeof name, i < 0 ? "%s.%s" : "%s.%s.%d", model, what, i);
    for (int k = 0; k < count; k++)
        if (!strcmp(arrays[k].name, name)) return &arrays[k];
    return NULL;
}

static cn_array *array(cn_ctx *c, const char *model, const char *what, int i)
{
    const golden *a = find(model, what, i);
    if (!a) return NULL;
    cn_array_from_args args = { .head = CN_HEAD(cn_array_from_args),
                                .on = c,
                                .values = CN_BUFFER(a->value, (size_t)a->count) };
    for (int k = 0; k < a->rank; k++) args.shape[k] = a->dim[k];
    return (cn_array_from)(&args);
}

static double losses[10];
static cn_status note(const cn_event *e, void *user)
{
    (void)user;
    if (e->batch < 10) losses[e->batch] = cn_result(e->model, "loss");
    return CN_OK;
}

static void near(const char *what, int i, const float *got, const golden *wanted)
{
    CHECK(got != NULL && wanted != NULL);
    if (!got || !wanted) return;
    for (int64_t k = 0; k < wanted->count; k++) {
        double w = (double)wanted->value[k], tolerance = 1e-5 * (fabs(w) > 1 ? fabs(w) : 1);
        if (!(fabs((double)got[k] - w) <= tolerance)) {
            CHECK_FAIL("%s %d, number %lld: %.8g, Keras has %.8g", what, i, (long long)k, (double)got[k], w);
            return;
        }
    }
}

static void train(cn_ctx *c, cn_model *m, const char *name, int inputs, int outputs)
{
    cn_dataset_from_args ds = { .head = CN_HEAD(cn_dataset_from_args), .on = c };
    for (int i = 0; i < inputs; i++) ds.x[i] = array(c, name, "x", i);
    for (int i = 0; i < outputs; i++) ds.y[i] = array(c, name, "y", i);
    cn_dataset *data = (cn_dataset_from)(&ds);
    for (int i = 0; cn_weight_path(m, i); i++) {
        const golden *w = find(name, "before", i);
        CHECK(w && !cn_set_weight(m, cn_weight_path(m, i), CN_BUFFER(w->value, (size_t)w->count)));
    }
    CHECK(!cn_fit(m, data, .batch_size = 8, .shuffle = CN_NO,
                  .callbacks = { cn_lambda_callback(.on_train_batch_end = note) }));
    for (int i = 0; i < 10; i++) CHECK_NEAR(losses[i], (double)find(name, "loss", -1)->value[i], 1e-5 * losses[i]);
    for (int i = 0; cn_weight_path(m, i); i++)
        near(cn_weight_path(m, i), i, cn_float32(cn_get_weight(m, cn_weight_path(m, i))), find(name, "after", i));
    cn_array *p[2] = { NULL, NULL };
    cn_predict_args q = { .head = CN_HEAD(cn_predict_args), .on = m, .x = data };
    for (int i = 0; i < outputs; i++) q.y[i] = &p[i];
    CHECK(!(cn_predict)(&q));
    for (int i = 0; i < outputs; i++) near("prediction", i, cn_float32(p[i]), find(name, "p", i));
    CHECK_STR(cn_error(c) ? cn_error_message(c) : "sound", "sound");
}

TEST(classes_sgd_nesterov)
{
    CHECK(load());
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {12});
    cn_dense(m, 16, .activation = CN_RELU);
    cn_dense(m, 8, .activation = CN_TANH);
    cn_dense(m, 3, .activation = CN_SOFTMAX);
    CHECK(!cn_compile(m, .optimizer = cn_sgd(.learning_rate = 0.1, .momentum = 0.9, .nesterov = CN_YES),
                      .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY, .metrics = { CN_ACCURACY }));
    train(c, m, "classes", 1, 1);
    cn_close(c);
}

TEST(numbers_adam_clipnorm_l2)
{
    CHECK(load());
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {5});
    cn_dense(m, 10, .activation = { "elu" }, .kernel_regularizer = cn_l2(1e-3));
    cn_dense(m, 1);
    CHECK(!cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.01, .clipnorm = 1), .loss = CN_MSE,
                      .metrics = { CN_METRIC_MAE }));
    train(c, m, "numbers", 1, 1);
    cn_close(c);
}

TEST(two_inputs_two_outputs_rmsprop)
{
    CHECK(load());
    cn_ctx    *c = cn_open();
    cn_tensor *a = cn_input(c, {4}), *b = cn_input(c, {3});
    cn_layer  *shared = cn_dense(c, 6, .activation = CN_GELU);
    cn_tensor *u = cn_call(shared, a), *v = cn_call(shared, cn_dense(b, 4, .activation = CN_SILU));
    cn_tensor *joined = cn_concatenate(cn_add(u, v), cn_multiply(u, v), b);
    cn_tensor *yes = cn_dense(joined, 1, .activation = CN_SIGMOID, .name = "yes");
    cn_tensor *much = cn_dense(joined, 2, .name = "much", .bias_regularizer = cn_l1(1e-2));
    cn_model  *m = cn_functional({a, b}, {yes, much});
    CHECK(!cn_compile(m, .optimizer = cn_rmsprop(.learning_rate = 0.01, .rho = 0.8, .momentum = 0.5, .centered = CN_YES,
                                                 .weight_decay = 1e-3, .global_clipnorm = 2),
                      .outputs = { cn_output(.loss = cn_loss_binary_crossentropy(.label_smoothing = 0.1)),
                                   cn_output(.loss = cn_loss_huber(.delta = 0.7), .loss_weight = 0.3) }));
    train(c, m, "both", 2, 2);
    cn_close(c);
}

CHECK_MAIN
