/* build.c: how models are put together: tensors, names, shapes, sharing, nesting; parts and weights by name; errors
 * that stick. */
#include "check.h"
#include <cornu.h>

static bool has_shape(const cn_tensor *t, int rank, const int64_t *dim)
{
    if (cn_error((cn_tensor *)(uintptr_t)t) || (cn_rank_of)(t) != rank) return false;
    for (int i = 0; i < rank; i++)
        if ((cn_size_of)(t, i) != dim[i]) return false;
    return true;
}
#define SHAPE(t, ...) \
    CHECK(has_shape(t, (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), (const int64_t[]){ __VA_ARGS__ }))

TEST(shapes_come_from_the_lowering)
{
    cn_ctx    *c = cn_open();
    cn_tensor *x = cn_input(c, {CN_ANY, 6});
    SHAPE(x, CN_ANY, CN_ANY, 6);
    SHAPE(cn_dense(x, 4), CN_ANY, CN_ANY, 4);
    SHAPE(cn_flatten(cn_input(c, {5, 6})), CN_ANY, 30);
    SHAPE(cn_concatenate(x, cn_dense(x, 4)), CN_ANY, CN_ANY, 10);
    SHAPE(cn_reshape(cn_input(c, {12}), {3, CN_ANY}), CN_ANY, 3, 4);
    SHAPE(cn_input(c, {3}, .batch_size = 7), 7, 3);
    CHECK_INT(cn_dtype_of(cn_input(c, {3}, .dtype = CN_INT32)), CN_INT32);
    CHECK_INT(cn_close(c), 0);
}

TEST(names_as_keras_gives_them)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {3}), *n = cn_sequential(c, {3});
    CHECK(!strcmp(cn_layer_name(cn_dense(m, 2)), "dense"));
    CHECK(!strcmp(cn_layer_name(cn_dense(m, 2)), "dense_1"));
    CHECK(!strcmp(cn_layer_name(cn_dense(n, 2)), "dense_2"));
    CHECK(!strcmp(cn_layer_name(cn_dense(n, 2, .name = "mine")), "mine"));
    CHECK(!strcmp(cn_weight_path(n, 2), "mine/kernel"));
    CHECK(!cn_weight_path(n, 4));
    CHECK_STR(cn_summary(n), "Model: \"sequential_1\"");
    CHECK_INT(cn_close(c), 0);
}

/* A tower used twice has its weights once, and learns from both uses. */
TEST(shared_tower)
{
    cn_ctx   *c = cn_open();
    cn_model *tower = cn_sequential(c, {3}, .name = "tower");
    cn_dense(tower, 2, .name = "d");
    cn_tensor *a = cn_input(c, {3}), *b = cn_input(c, {3});
    cn_tensor *u = cn_call(tower, a), *v = cn_call(tower, b);
    cn_model  *m = cn_functional({a, b}, {cn_subtract(u, v)}), *half = cn_functional({a}, {u});
    CHECK_INT(cn_count_params(m), 8);
    CHECK(!strcmp(cn_weight_path(m, 0), "tower/d/kernel"));
    CHECK(!cn_set_weight(m, "tower/d/kernel", CN_NUMBERS(1, 0, 0, 1, 0, 0)));
    cn_array *x = cn_array_from(c, { 1, 3 }, CN_NUMBERS(5, 7, 9)), *y = cn_array_from(c, { 1, 3 }, CN_NUMBERS(1, 2, 3)),
             *p = NULL, *q = NULL;
    CHECK(!cn_predict(m, cn_dataset_from(c, .x = { x, y }), &p));
    CHECK_NEAR(cn_at(p, 0, 0), 4, 0);
    CHECK_NEAR(cn_at(p, 0, 1), 5, 0);
    CHECK(!cn_predict(half, x, &q));
    CHECK_NEAR(cn_at(q, 0, 1), 7, 0);
    cn_free(tower), cn_free(m);                          /* the tensors still need the tower */
    CHECK(!cn_predict(half, y, &q));
    CHECK_NEAR(cn_at(q, 0, 0), 1, 0);
    CHECK_INT(cn_close(c), 0);
}

TEST(several_outputs)
{
    cn_ctx    *c = cn_open();
    cn_tensor *x = cn_input(c, {2}), *h = cn_dense(x, 3, .name = "h");
    cn_model  *m = cn_functional({x}, {cn_dense(h, 1, .name = "a"), h, cn_activation(h, CN_RELU)});
    cn_array  *p = NULL, *q = NULL, *r = NULL;
    CHECK(!cn_predict(m, cn_array_from(c, {5, 2}, NULL), &p, &q, &r, .batch_size = 2));
    CHECK(cn_size_of(p, 0) == 5 && cn_size_of(p, 1) == 1 && cn_size_of(q, 1) == 3 && cn_size_of(r, 0) == 5);
    SHAPE(cn_model_output(m, 1), CN_ANY, 3);
    SHAPE(cn_model_input(m, 0), CN_ANY, 2);
    CHECK_INT(cn_close(c), 0);
}

TEST(a_model_of_an_inner_piece)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 3, .kernel_initializer = CN_ONES, .name = "first");
    cn_dense(m, 1, .name = "second");
    cn_tensor *inner = cn_layer_output(cn_get_layer(m, "first"));
    cn_model *head = cn_functional({ inner }, { cn_model_output(m, 0) }),
             *front = cn_functional({ cn_model_input(m, 0) }, { inner });
    CHECK_INT(cn_count_params(head), 4);
    CHECK_INT(cn_count_params(front), 9);
    cn_array *p = NULL, *q = NULL, *all = NULL, *x = cn_array_from(c, {1, 2}, CN_NUMBERS(1, 2));
    CHECK(!cn_predict(front, x, &p));
    CHECK_NEAR(cn_at(p, 0, 2), 3, 0);
    CHECK(!cn_predict(head, p, &q) && !cn_predict(m, x, &all));
    CHECK_NEAR(cn_at(q, 0, 0), cn_at(all, 0, 0), 0);
    CHECK_INT(cn_close(c), 0);
}

TEST(without_a_shape_it_waits_for_data)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c);
    cn_flatten(m);
    cn_dense(m, 3);
    CHECK_INT(cn_count_params(m), 0);
    CHECK_INT(cn_error(cn_model_input(m, 0)), CN_E_STATE);
    cn_clear_error(c);
    cn_array *p = NULL;
    CHECK(!cn_predict(m, cn_array_from(c, {4, 2, 2}, NULL), &p));
    CHECK_INT(cn_count_params(m), 15);
    CHECK_INT(cn_close(c), 0);
}

TEST(clone_pop_and_freeze)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {2}, .name = "m");
    cn_dense(m, 3, .name = "a");
    cn_dense(m, 1, .name = "b");
    cn_model *n = cn_clone_model(m);
    CHECK_INT(cn_count_params(n), 13);
    CHECK(!cn_set_weight(n, "a/bias", CN_NUMBERS(7, 7, 7)));
    CHECK_NEAR(cn_at(cn_get_weight(m, "a/bias"), 0), 0, 0);
    CHECK(!cn_pop(n));
    CHECK_INT(cn_count_params(n), 9);
    CHECK(!strcmp(cn_layer_name(cn_layer_at(n, -1)), "a"));
    cn_dense(n, 5, .name = "c");
    cn_array *p = NULL;
    CHECK(!cn_predict(n, cn_array_from(c, {1, 2}, NULL), &p));
    CHECK_INT(cn_size_of(p, 1), 5);
    CHECK(!cn_set_trainable(n, "a,x*", CN_NO));
    CHECK_STR(cn_summary(n), " Trainable params: 20 (80.00 B)\n Non-trainable params: 9 (36.00 B)");
    CHECK_INT(cn_set_trainable(n, "z*", CN_NO), CN_E_NAME);

    cn_tensor *x = cn_input(c, {2}), *h = cn_call(m, x);
    cn_model  *f = cn_functional({x}, {cn_add(h, cn_dense(x, 1, .name = "direct"))}), *g = cn_clone_model(f);
    CHECK_INT(cn_count_params(g), cn_count_params(f));
    CHECK(!cn_set_weight(g, "m/a/bias", CN_NUMBERS(1, 2, 3)));
    CHECK_NEAR(cn_at(cn_get_weight(f, "m/a/bias"), 1), 0, 0);
    cn_close(c);
}

TEST(weights_by_name)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 2, .name = "neuron");
    CHECK_INT(cn_set_weight(m, "neuron/kernle", CN_NUMBERS(1)), CN_E_NAME);
    CHECK_STR(cn_error_message(c), "The nearest: \"neuron/kernel\"");
    CHECK_INT(cn_set_weight(m, "neuron/kernel", CN_NUMBERS(1, 2, 3)), CN_E_SHAPE);
    CHECK_STR(cn_error_message(c), "has the shape (2, 2), which is 4 numbers; 3 were given");
    CHECK_INT(cn_set_weight(m, "neuron/bias", CN_NUMBERS(1, NAN)), CN_E_NUMERIC);
    CHECK_INT(cn_error(cn_get_weight(m, "nothing")), CN_E_NAME);
    CHECK_INT(cn_error(cn_get_layer(m, "neuro")), CN_E_NAME);
    CHECK_STR(cn_error_message(c), "nothing");
    CHECK_INT(cn_error(cn_layer_at(m, 5)), CN_E_NAME);
    CHECK(cn_error(cn_get_layer(m, "neuron")) == CN_OK);
    cn_close(c);
}

TEST(errors_stick_to_what_is_built)
{
    cn_ctx    *c = cn_open();
    cn_tensor *a = cn_input(c, {3}), *b = cn_input(c, {4});
    cn_tensor *sum = cn_add(a, b), *y = cn_dense(sum, 1);
    cn_model  *m = cn_functional({a, b}, {y});
    CHECK(cn_error(sum) && cn_error(y) == cn_error(sum) && cn_error(m) == cn_error(sum));
    CHECK_STR(cn_error_message(m), "build.c:");          /* the line of cn_add */
    CHECK_STR(cn_error_message(m), "add");
    cn_array *p = NULL;
    CHECK_INT(cn_predict(m, cn_array_from(c, {1, 3}, NULL), &p), cn_error(sum));
    CHECK(p == NULL);

    cn_model *s = cn_sequential(c, {3});                 /* a bad layer spoils the model it was made on, and no other */
    cn_dense(s, -1);
    CHECK_INT(cn_error(s), CN_E_VALUE);
    CHECK_STR(cn_error_message(s), "units");
    cn_clear_error(c);
    cn_model *good = cn_sequential(c, {3});
    cn_dense(good, 1);
    CHECK(!cn_predict(good, cn_array_from(c, {1, 3}, NULL), &p));
    CHECK_INT(cn_close(c), 0);
}

TEST(what_cannot_be_connected)
{
    cn_ctx    *c = cn_open();
    cn_tensor *a = cn_input(c, {3}), *b = cn_input(c, {3});
    cn_tensor *y = cn_dense(cn_add(a, b), 1);
    CHECK_STR(cn_error_message(cn_functional({a}, {y})), "is not among the inputs");
    CHECK_STR(cn_error_message(cn_functional({a, a, b}, {y})), "stands twice");
    cn_tensor *p = cn_dense(a, 1, .name = "same"), *q = cn_dense(a, 1, .name = "same");
    CHECK_STR(cn_error_message(cn_functional({a}, {p, q})), "two layers are called \"same\"");
    cn_layer *alone = cn_dense(c, 2);
    CHECK_INT(cn_error(cn_layer_output(alone)), CN_E_STATE);
    cn_model *f = cn_functional({a}, {p});
    cn_layer *l = cn_dense(f, 2);                        /* not a sequential one */
    CHECK_STR(cn_error_message(l), "is not sequential");
    cn_ctx *other = cn_open();
    CHECK_STR(cn_error_message(cn_add(a, cn_input(other, {3}))), "another context");
    cn_close(other);
    cn_close(c);
}

/* Weights go with the last model that has them; a layer used again begins anew. */
TEST(weights_go_with_the_last_model)
{
    cn_ctx    *c = cn_open();
    cn_layer  *l = cn_dense(c, 1000);
    cn_tensor *x = cn_input(c, {1000}), *y = cn_call(l, x);
    cn_model  *m = cn_functional({x}, {y}), *n = cn_functional({x}, {y});
    int64_t    with = cn_memory(c, false);
    cn_free(m);
    CHECK(cn_memory(c, false) > with - 1000000);
    cn_free(n);
    CHECK(cn_memory(c, false) < with - 3900000);
    cn_array *p = NULL;
    CHECK(!cn_predict(cn_functional({x}, {y}), cn_array_from(c, {2, 1000}, NULL), &p));
    CHECK_INT(cn_close(c), 0);
}

TEST(adapt_and_apply)
{
    cn_ctx   *c = cn_open();
    cn_array *x = cn_array_from(c, {4, 2}, CN_NUMBERS(1, 10, 2, 20, 3, 30, 4, 40)), *p = NULL;
    cn_model *m = cn_sequential(c, {2});
    cn_rescaling(m, 2);
    cn_normalization(m);
    CHECK_INT(cn_predict(m, x, &p), CN_E_STATE);
    CHECK_STR(cn_error_message(c), "has not seen data yet");
    CHECK(!cn_adapt(m, x) && !cn_predict(m, x, &p));
    for (int k = 0; k < 2; k++) CHECK_NEAR(cn_at(p, 0, k), -1.3416408, 1e-5);
    cn_layer *alone = cn_normalization(c);
    CHECK(!cn_adapt(alone, x));
    cn_array *q = cn_apply(alone, x);
    CHECK_NEAR(cn_at(q, 3, 1), 1.3416408, 1e-5);
    q = cn_apply(alone, x);                              /* its weights are still there */
    CHECK_NEAR(cn_at(q, 3, 1), 1.3416408, 1e-5);
    cn_model *plain = cn_sequential(c, {2});
    cn_dense(plain, 1);
    CHECK_INT(cn_adapt(plain, x), CN_E_VALUE);
    cn_close(c);
}

/* Within a model within a model: it learns from what reaches it. */
TEST(adapt_nested)
{
    cn_ctx   *c = cn_open();
    cn_array *x = cn_array_from(c, {4, 2}, CN_NUMBERS(1, 10, 2, 20, 3, 30, 4, 40)), *p = NULL;
    cn_model *inner = cn_sequential(c, {2});
    cn_normalization(inner, .name = "n");
    cn_tensor *within = cn_input(c, {2}), *in = cn_input(c, {2});
    cn_model  *middle = cn_functional({ within }, { cn_call(inner, cn_rescaling(within, 10)) });
    cn_tensor *first = cn_call(middle, in), *second = cn_call(middle, cn_rescaling(in, 2));
    cn_model  *m = cn_functional({ in }, { cn_concatenate(first, second) });
    CHECK(!cn_adapt(m, x) && !cn_predict(m, x, &p));
    CHECK_NEAR(cn_at(cn_get_weight(inner, "n/mean"), 0, 0), 25, 1e-5);       /* its first call, on x itself */
    CHECK_NEAR(cn_at(cn_get_weight(inner, "n/mean"), 1, 0), 250, 1e-4);
    CHECK_INT(cn_close(c), 0);
}

CHECK_MAIN
