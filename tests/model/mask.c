/* mask.c: steps that do not count: masks go with tensors through the layers to the loss and to metrics that are means.
   The numbers are Keras's own (3.15 on torch), with its Masking layer. Also weights for steps and classes at once. */
#include "check.h"
#include <cornu.h>

typedef struct { cn_ctx *c; cn_model *m; cn_dataset *ds; cn_tensor *out; } setting;
static const double kept[] = { 1, 1, 0, 1, 0, 0 };

static setting begin(cn_array *(*weights)(cn_ctx *))
{
    setting s = { .c = cn_open() };
    cn_tensor *x = cn_input(s.c, {3, 1}), *mask = cn_input(s.c, {3}, .dtype = CN_BOOL);
    cn_tensor *h = cn_call(cn_activation(s.c, CN_RELU), x, .mask = mask);
    CHECK(cn_mask(x) == NULL && cn_mask(h) == mask);
    s.out = cn_dense(h, 1, .kernel_initializer = CN_ONES, .bias_initializer = CN_ONES, .name = "d");
    CHECK(cn_mask(s.out) == mask);                       /* it goes on */
    s.m = cn_functional({ x, mask }, { s.out });
    CHECK(!cn_compile(s.m, .optimizer = cn_sgd(.learning_rate = 0.1), .loss = CN_MSE, .metrics = { CN_METRIC_MAE },
                      .weighted_metrics = { CN_METRIC_MAE }));
    s.ds = cn_dataset_from(s.c,
                           .x = { cn_array_from(s.c, {2, 3, 1}, CN_NUMBERS(1, 2, 0, 3, 0, 0)),
                                  cn_array_from(s.c, {2, 3}, &(cn_values){ CN_FLOAT64, 6, kept }, .dtype = CN_BOOL) },
                           .y = { cn_array_from(s.c, {2, 3, 1}, CN_NUMBERS(1, 1, 5, 2, 7, 9)) },
                           .sample_weight = weights ? weights(s.c) : NULL);
    return s;
}
static double at(setting s, const char *path) { return cn_at(cn_get_weight(s.m, path), 0, 0); }
static cn_array *of_steps(cn_ctx *c) { return cn_array_from(c, {2, 3}, CN_NUMBERS(1, 2, 3, 4, 5, 6)); }

static cn_status as_it_is(const cn_rows *r, void *user)
{
    (void)r, (void)user;
    return CN_OK;
}

TEST(masked_steps)
{
    setting s = begin(NULL);
    CHECK(!cn_fit(s.m, s.ds, .shuffle = CN_NO));
    CHECK_NEAR(cn_result(s.m, "loss"), 3, 1e-6);         /* (1 + 4 + 4) / 3 */
    CHECK_NEAR(cn_result(s.m, "mae"), 1.6666667461395264, 1e-6);
    CHECK_NEAR(cn_result(s.m, "weighted_mae"), 1.6666667461395264, 1e-6);
    CHECK_NEAR(at(s, "d/kernel"), 0.2666666507720947, 1e-6);
    CHECK_NEAR(at(s, "d/bias"), 0.6666666269302368, 1e-6);
    CHECK_INT(cn_close(s.c), 0);
}

TEST(masked_and_weighted_steps)
{
    setting s = begin(of_steps);
    CHECK(!cn_fit(s.m, s.ds, .shuffle = CN_NO));
    CHECK_NEAR(cn_result(s.m, "loss"), 8.333333969116211, 1e-6);
    CHECK_NEAR(cn_result(s.m, "mae"), 1.6666667461395264, 1e-6);
    CHECK_NEAR(cn_result(s.m, "weighted_mae"), 1.8571428060531616, 1e-6);
    CHECK_NEAR(at(s, "d/kernel"), -1.2000000476837158, 1e-6);
    CHECK_NEAR(at(s, "d/bias"), 0.13333329558372498, 1e-6);
    CHECK_INT(cn_close(s.c), 0);
}

/* A layer that does not know masks lets go of them; a mask that is none is refused; NULL has none. */
TEST(where_masks_end)
{
    setting s = begin(NULL);
    CHECK(cn_mask(cn_flatten(s.out)) == NULL && cn_mask(NULL) == NULL);
    cn_tensor *x = cn_input(s.c, {3, 1}), *mask = cn_input(s.c, {3}, .dtype = CN_BOOL);
    cn_model  *m = cn_functional({ x }, { cn_call(cn_dense(s.c, 1), x, .mask = mask) });
    CHECK_STR(cn_error_message(m), "leads to the outputs but is not among the inputs");
    cn_clear_error(s.c);
    CHECK_INT(cn_close(s.c), 0);
}

/* A mask that is computed, of an input itself; in a copy of the model and in a model within another. */
TEST(computed_masks)
{
    cn_ctx    *c = cn_open();
    cn_tensor *x = cn_input(c, {3, 1}), *z = cn_input(c, {3, 1});
    cn_tensor *h = cn_call(cn_activation(c, CN_RELU), x, .mask = cn_reshape(cn_rescaling(x, 1), {3}));
    cn_model  *m = cn_functional({ x }, { cn_dense(h, 1, .kernel_initializer = CN_ONES) });
    cn_model  *outer = cn_functional({ z }, { cn_call(m, z) }), *of[] = { m, outer, cn_clone_model(outer) };
    cn_array  *v = cn_array_from(c, {2, 3, 1}, CN_NUMBERS(1, 1, 0, 1, 0, 0)), *y = cn_array_from(c, {2, 3, 1}, NULL);
    for (int i = 0; i < 3; i++) {
        CHECK(!cn_compile(of[i], .loss = CN_MSE) && !cn_evaluate(of[i], v, y));
        CHECK_NEAR(cn_result(of[i], "loss"), 1, 1e-6);   /* 0.5 if all steps counted */
    }
    CHECK_STR(cn_summary(m), "reshape");                 /* it belongs to the model */
    CHECK_INT(cn_close(c), 0);
}

/* The class weights multiply each step's. The class of several numbers is the place of the largest, as in Keras. */
TEST(class_weights_of_steps)
{
    static double y[] = { 1, 0, 0, 1, 0, 1, 1, 0 }, w[] = { 1, 2, 3, 4, 5, 6, 7, 8 },
                  both[] = { 1, 2, 15, 20, 25, 30, 7, 8 };
    double loss[4];
    for (int k = 0; k < 4; k++) {                        /* in memory, and loaded batch by batch */
        cn_ctx   *c = cn_open();
        cn_model *m = cn_sequential(c, {2, 1});
        cn_dense(m, 1, .kernel_initializer = CN_ONES);
        CHECK(!cn_compile(m, .optimizer = cn_sgd(.learning_rate = 0.001), .loss = CN_MSE));
        cn_dataset *ds = cn_dataset_from(c, .x = { cn_array_from(c, {4, 2, 1}, CN_NUMBERS(1, 2, 3, 4, 5, 6, 7, 8)) },
                                         .y = { cn_array_from(c, {4, 2, 1}, CN_BUFFER(y, 8)) },
                                         .sample_weight = cn_array_from(c, {4, 2}, CN_BUFFER(k & 1 ? both : w, 8)));
        if (k & 2) ds = cn_map(ds, as_it_is, NULL);
        CHECK(!cn_fit(m, ds, .batch_size = 3, .epochs = 2, .class_weight = k & 1 ? NULL : CN_NUMBERS(1, 5)));
        loss[k] = cn_result(m, "loss");
        CHECK_INT(cn_close(c), 0);
    }
    CHECK(loss[0] > 1 && loss[0] == loss[1] && loss[0] == loss[2] && loss[0] == loss[3]);
}

CHECK_MAIN
