/* misuse.c: wrong use, and what is said of it. Each leaves its handles usable. */
#include "check.h"
#include <cornu.h>

#define REFUSED(status, call, words)                                                                      \
    do {                                                                                                  \
        CHECK_INT((call), status);                                                                        \
        CHECK_STR(cn_error_message(c), words);                                                            \
        CHECK_INT(cn_error(c), status);                                                                   \
        cn_clear_error(c);                                                                                \
    } while (0)

typedef struct { cn_ctx *c; cn_model *m; cn_array *x, *y; } setting;
static setting begin(void)
{
    setting s = { cn_open(), NULL, NULL, NULL };
    s.m = cn_sequential(s.c, {2});
    cn_dense(s.m, 1);
    s.x = cn_array_from(s.c, {4, 2}, NULL), s.y = cn_array_from(s.c, {4, 1}, NULL);
    return s;
}
static void end(setting s)                               /* after all that, it trains */
{
    CHECK(!cn_compile(s.m, .loss = CN_MSE) && !cn_fit(s.m, s.x, s.y));
    CHECK_INT(cn_close(s.c), 0);
}

TEST(not_compiled)
{
    setting s = begin();
    cn_ctx *c = s.c;
    REFUSED(CN_E_STATE, cn_fit(s.m, s.x, s.y), "misuse.c:");
    REFUSED(CN_E_STATE, cn_fit(s.m, s.x, s.y), "is not compiled. Call cn_compile");
    REFUSED(CN_E_STATE, cn_evaluate(s.m, s.x, s.y), "is not compiled");
    REFUSED(CN_E_STATE, cn_train_on_batch(s.m, s.x, s.y), "is not compiled");
    CHECK(isnan(cn_learning_rate(s.m)));
    REFUSED(CN_E_STATE, cn_set_learning_rate(s.m, 1), "is not compiled");
    CHECK(!cn_compile(s.m, .optimizer = CN_SGD));
    REFUSED(CN_E_STATE, cn_fit(s.m, s.x, s.y), "without a loss");
    end(s);
}

TEST(unknown_words)
{
    setting s = begin();
    cn_ctx *c = s.c;
    REFUSED(CN_E_NAME, cn_compile(s.m, .loss = { "mean_sqared_error" }), "did you mean \"mean_squared_error\"");
    REFUSED(CN_E_NAME, cn_compile(s.m, .optimizer = { "adma" }, .loss = CN_MSE), "adam");
    REFUSED(CN_E_NAME, cn_compile(s.m, .loss = CN_MSE, .metrics = { { "acuracy" } }), "acuracy");
    REFUSED(CN_E_NAME, cn_compile(s.m, .outputs = { cn_output(.loss = CN_MSE, .name = "price") }),
            "has no output \"price\". It has \"dense\"");
    REFUSED(CN_E_VALUE, cn_compile(s.m, .loss = CN_MSE, .outputs = { cn_output(.loss = CN_MSE) }), "stands instead of");
    REFUSED(CN_E_VALUE, cn_compile(s.m, .outputs = { cn_output(.loss = CN_MSE), cn_output(.loss = CN_MSE) }),
            "output number 1");
    CHECK(!cn_compile(s.m, .loss = CN_MSE));
    REFUSED(CN_E_NAME, cn_fit(s.m, s.x, s.y, .callbacks = { { "early_stoping" } }), "The nearest: \"early_stopping\"");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .callbacks = { cn_early_stopping(.patience = -1) }), ".patience is -1");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .callbacks = { cn_reduce_lr_on_plateau(.patience = -2) }), "is -2");
    end(s);
}

TEST(data_that_do_not_fit)
{
    setting s = begin();
    cn_ctx *c = s.c;
    CHECK(!cn_compile(s.m, .loss = CN_MSE));
    REFUSED(CN_E_SHAPE, cn_fit(s.m, cn_array_from(c, { 4, 3 }, NULL), s.y),
            "takes the shape (None, 2), the data have (None, 3)");
    REFUSED(CN_E_SHAPE, cn_fit(s.m, cn_array_from(c, {4}, NULL), s.y), "takes the shape (None, 2)");
    REFUSED(CN_E_SHAPE, cn_fit(s.m, s.x, cn_array_from(c, {4, 2}, NULL)), "targets have the shape");
    REFUSED(CN_E_SHAPE, cn_fit(s.m, s.x, cn_array_from(c, {3, 1}, NULL)), "3");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, NULL), "y is NULL");
    REFUSED(CN_E_VALUE, cn_fit(s.m, (cn_array *)NULL, s.y), "x is NULL");
    REFUSED(CN_E_VALUE, cn_fit(s.m, cn_array_from(c, { CN_AXIS0, 2 }, NULL), cn_array_from(c, { CN_AXIS0, 1 }, NULL)),
            "empty");
    cn_dataset *ds = cn_dataset_from(c, .x = { s.x, s.x }, .y = { s.y });
    REFUSED(CN_E_SHAPE, cn_fit(s.m, ds), "has 1 inputs, the data have 2");
    REFUSED(CN_E_VALUE, cn_fit(s.m, cn_dataset_from(c, .x = { s.x })), "no targets");
    REFUSED(CN_E_VALUE, cn_fit(s.m, cn_dataset_from(c, .x = { s.x }, .y = { s.y }), s.y), "leave y");
    REFUSED(CN_E_DTYPE, cn_fit(s.m, s.x, cn_array_from(c, {4}, CN_STRINGS("a", "b", "c", "d"))), "cn_classes");
    cn_array *p = NULL;
    REFUSED(CN_E_SHAPE, cn_predict(s.m, cn_array_from(c, {4, 3}, NULL), &p), "takes the shape (None, 2)");
    REFUSED(CN_E_DTYPE, cn_predict(s.m, cn_array_from(c, {2}, CN_STRINGS("a", "b")), &p), "strings");
    cn_array *q = s.x;
    REFUSED(CN_E_VALUE, cn_predict(s.m, s.x, &p, &q), "has 1 outputs, 2 places");
    CHECK(!p && !q);
    REFUSED(CN_E_SHAPE, cn_fit(s.m, s.x, s.y, .sample_weight = cn_array_from(c, {3}, NULL)), "3");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .class_weight = CN_NUMBERS(1, -1)), "the weight of class 1 is -1");
    end(s);
}

TEST(numbers_out_of_range)
{
    setting s = begin();
    cn_ctx *c = s.c;
    CHECK(!cn_compile(s.m, .loss = CN_MSE));
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .epochs = -1), "epochs is -1, it must be at least 1");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .batch_size = -4), "batch_size is -4");
    REFUSED(CN_E_VALUE, cn_evaluate(s.m, s.x, s.y, .batch_size = -4), "batch_size is -4");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .validation_split = 1), "validation_split is 1");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .validation_split = -0.5), "validation_split is -0.5");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .validation_split = NAN), "validation_split is nan");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .validation_split = 0.9), "one part would be empty");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .validation_split = 0.5, .validation_x = s.x, .validation_y = s.y),
            "give one of");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .validation_x = s.x), "belong together");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .verbose = 3), "verbose is 3");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .initial_epoch = -2), "initial_epoch is -2");
    REFUSED(CN_E_VALUE, cn_set_learning_rate(s.m, NAN), "no learning rate");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .callbacks = { cn_reduce_lr_on_plateau(.factor = 2) }), "factor");
    REFUSED(CN_E_VALUE, cn_fit(s.m, s.x, s.y, .callbacks = { cn_learning_rate_scheduler(NULL) }), "no function");
    CHECK(cn_error(cn_input(c, {-3})) == CN_E_VALUE);
    cn_clear_error(c);
    end(s);
}

TEST(losses_that_cannot_work)
{
    setting s = begin();
    cn_ctx *c = s.c;
    cn_model *one = cn_sequential(c, {2});
    cn_dense(one, 1, .activation = CN_SOFTMAX);
    CHECK(!cn_compile(one, .loss = CN_BINARY_CROSSENTROPY));
    REFUSED(CN_E_VALUE, cn_fit(one, s.x, s.y), "a softmax over one unit is always 1");
    cn_model *ten = cn_sequential(c, {2});
    cn_dense(ten, 10, .activation = CN_SOFTMAX);
    CHECK(!cn_compile(ten, .loss = CN_CATEGORICAL_CROSSENTROPY));
    REFUSED(CN_E_SHAPE, cn_fit(ten, s.x, s.y), "CN_SPARSE_CATEGORICAL_CROSSENTROPY");
    CHECK(!cn_compile(ten, .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY));
    REFUSED(CN_E_SHAPE, cn_fit(ten, s.x, cn_array_from(c, {4, 10}, NULL)), "look one-hot");
    end(s);
}

TEST(nothing_to_work_with)
{
    setting s = begin();
    cn_ctx *c = s.c;
    cn_model *empty = cn_sequential(c, {2});
    REFUSED(CN_E_STATE, cn_compile(empty, .loss = CN_MSE), "has no layers yet");
    CHECK_INT((cn_fit)(&(cn_fit_args){ .head = CN_HEAD(cn_fit_args) }),
              CN_E_NOMEM); /* a NULL model is one that could not be made */
    CHECK_INT(cn_pop(NULL), CN_E_NOMEM);
    CHECK(cn_get_layer(NULL, "x") == NULL && cn_layer_at(NULL, 0) == NULL && cn_clone_model(NULL) == NULL);
    CHECK(!strcmp(cn_summary(NULL), "") && cn_count_params(NULL) == 0 && cn_weight_path(NULL, 0) == NULL);
    CHECK(isnan(cn_result(NULL, "loss")) && cn_result_name(NULL, 0) == NULL && cn_history(NULL, "loss", NULL) == NULL);
    cn_stop_training(NULL);
    cn_tensor *t = cn_call(cn_dense(c, 1), s.m ? (cn_tensor *)NULL : NULL);
    CHECK_STR(cn_error_message(t), "called on nothing");
    cn_clear_error(c);
    end(s);
}

static cn_status fit_within(const cn_event *e, void *user)
{
    setting *s = user;
    CHECK_INT(cn_fit(s->m, s->x, s->y), CN_E_STATE);
    CHECK_INT(cn_compile(s->m, .loss = CN_MSE), CN_E_STATE);
    CHECK_INT(cn_pop(s->m), CN_E_STATE);
    cn_array *p = NULL;
    CHECK(!cn_predict(s->m, s->x, &p));                  /* looking is allowed */
    CHECK(!cn_evaluate(s->m, s->x, s->y, .batch_size = 3));
    cn_clear_error(e->ctx);
    return CN_OK;
}

TEST(within_a_callback)
{
    setting s = begin();
    CHECK(!cn_compile(s.m, .loss = CN_MSE));
    CHECK(!cn_fit(s.m, s.x, s.y, .epochs = 2, .batch_size = 2,
                  .callbacks = { cn_lambda_callback(.on_train_batch_end = fit_within, .user = &s) }));
    end(s);
}

CHECK_MAIN
