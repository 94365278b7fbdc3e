/* advice.c: the sizing advice on the examples of the notes (lessons.md, S8), and what is wrong with data. */
#include "check.h"
#include "../data/files.h"

#define NAMED(choice, text) CHECK(!strcmp((choice).name, text))

TEST(house_prices)
{
    cn_ctx   *c = cn_open();
    cn_array *x = cn_array_from(c, {3, 4}, CN_NUMBERS(2, 1, 1200, 2000, 3, 1, 1500, 3500, 4, 2, 2300, 5000));
    cn_array *y = cn_array_from(c, {3}, CN_NUMBERS(229, 319, 599));
    cn_advice a;
    CHECK(!cn_advise(c, &a, .x = x, .y = y));
    CHECK_INT(a.task, CN_REGRESSION);
    CHECK_INT(a.inputs, 4);
    CHECK_INT(a.outputs, 1);
    NAMED(a.output_activation, "linear");
    NAMED(a.loss, "mse");
    NAMED(a.metric, "mae");
    CHECK_STR(a.why, "Regression");
    CHECK_INT(a.parameters, (4 + 1) * a.hidden[0] + a.hidden[0] + 1);
    cn_close(c);
}

TEST(loans)
{
    cn_ctx   *c = cn_open();
    cn_array *x = cn_array_from(c, {3, 3}, CN_NUMBERS(40000, 620, 0, 80000, 750, 100000, 100000, 800, 50000));
    cn_advice a;
    CHECK(!cn_advise(c, &a, .x = x, .y = cn_array_from(c, {3}, CN_NUMBERS(0, 1, 1))));
    CHECK_INT(a.task, CN_BINARY_CLASSES);
    CHECK_INT(a.inputs, 3);
    CHECK_INT(a.outputs, 1);
    NAMED(a.output_activation, "sigmoid");
    NAMED(a.loss, "binary_crossentropy");
    cn_close(c);
}

TEST(digits_index_tickets)
{
    cn_ctx   *c = cn_open();
    cn_advice a;
    CHECK(!cn_advise(c, &a, .inputs = 784, .classes = 10, .samples = 60000));
    CHECK_INT(a.task, CN_MANY_CLASSES);
    CHECK_INT(a.outputs, 10);
    NAMED(a.output_activation, "softmax");
    NAMED(a.loss, "sparse_categorical_crossentropy");
    CHECK(!cn_advise(c, &a, .inputs = 30));              /* tomorrow's stock index */
    CHECK_INT(a.task, CN_REGRESSION);
    CHECK_INT(a.inputs, 30);
    CHECK_INT(a.outputs, 1);
    CHECK(!cn_advise(c, &a, .inputs = 10, .classes = 3));                /* tickets: 10 of 25 features, 3 priorities */
    CHECK_INT(a.task, CN_MANY_CLASSES);
    CHECK_INT(a.outputs, 3);
    cn_close(c);
}

static cn_task task_of(cn_ctx *c, cn_array *y)
{
    cn_advice a;
    return cn_advise(c, &a, .inputs = 2, .y = y) ? (cn_task)0 : a.task;
}

TEST(which_of_the_three)
{
    cn_ctx *c = cn_open();
    double  counted[60], scores[60], two[60];
    for (int i = 0; i < 60; i++) counted[i] = 1 + i % 3, scores[i] = 3 + i % 6, two[i] = i % 2 ? 2 : 7;
    CHECK_INT(task_of(c, cn_array_from(c, {60}, CN_BUFFER(counted, 60))), CN_MANY_CLASSES);
    CHECK_INT(task_of(c, cn_array_from(c, {60}, CN_BUFFER(scores, 60))), CN_REGRESSION);     /* wine: 3 to 8 */
    CHECK_INT(task_of(c, cn_array_from(c, {60}, CN_BUFFER(two, 60))), CN_BINARY_CLASSES);
    CHECK_INT(task_of(c, cn_array_from(c, {60, 1}, CN_BUFFER(counted, 60))), CN_MANY_CLASSES);
    CHECK_INT(task_of(c, cn_array_from(c, {3}, CN_STRINGS("b", "a", "c"))), CN_MANY_CLASSES);
    CHECK_INT(task_of(c, cn_array_from(c, {3}, CN_STRINGS("b", "a", "b"))), CN_BINARY_CLASSES);
    CHECK_INT(task_of(c, cn_array_from(c, {2, 3}, CN_NUMBERS(0, 1, 0, 1, 0, 0))), CN_MANY_CLASSES);
    CHECK_INT(task_of(c, cn_array_from(c, {2, 3}, CN_NUMBERS(0, 1, 1, 1, 0, 0))), CN_REGRESSION);
    CHECK_INT(task_of(c, cn_array_from(c, {4}, CN_NUMBERS(0.5, 1, 1.5, 2))), CN_REGRESSION);
    cn_advice a;
    CHECK(!cn_advise(c, &a, .inputs = 2, .y = cn_array_from(c, {60}, CN_BUFFER(counted, 60)), .task = CN_REGRESSION));
    CHECK_INT(a.task, CN_REGRESSION);
    CHECK_INT(a.classes, 0);
    cn_close(c);
}

#define FAILS(part, ...)                                                   \
    do {                                                                   \
        CHECK(cn_advise(c, &a, __VA_ARGS__));                              \
        CHECK_STR(cn_error_message(c), part);                              \
    } while (0)

TEST(wrong_data)
{
    cn_ctx   *c = cn_open();
    cn_advice a;
    cn_array *y = cn_array_from(c, {3}, CN_NUMBERS(1, 2, 4));
    FAILS("all 3 targets are the same", .inputs = 1, .y = cn_array_from(c, {3}, CN_NUMBERS(5, 5, 5)));
    FAILS("target 1 is not a finite number", .inputs = 1, .y = cn_array_from(c, {2}, CN_NUMBERS(5, NAN)));
    FAILS("how many inputs", .y = y);
    FAILS("2 samples, 3 targets", .x = cn_array_from(c, {2, 4}, NULL), .y = y);
    FAILS("one class", .inputs = 1, .classes = 1);
    FAILS("targets are text", .inputs = 1, .y = cn_array_from(c, {2}, CN_STRINGS("a", "b")), .task = CN_REGRESSION);
    FAILS("have 3 different values", .inputs = 1, .y = y, .task = CN_BINARY_CLASSES);
    cn_model *m = cn_sequential(c, {4});
    CHECK_INT(cn_add_advised(m, &(cn_advice){ .inputs = 4 }), CN_E_VALUE);
    cn_close(c);
}

TEST(sizes_that_no_layer_has)
{
    cn_ctx   *c = cn_open();
    cn_advice a;
    CHECK_INT(cn_advise(c, &a, .inputs = INT64_MAX), CN_E_VALUE);
    CHECK_STR(cn_error_message(c), "at most 1073741824");
    CHECK_INT(cn_advise(c, &a, .inputs = 4, .classes = INT64_MAX), CN_E_VALUE);
    CHECK_INT(cn_advise(c, &a, .inputs = 4, .outputs = INT64_MAX), CN_E_VALUE);
    CHECK_INT(cn_advise(c, &a, .inputs = 4, .samples = -1), CN_E_VALUE);
    CHECK_INT(cn_advise(c, &a, .inputs = 1 << 30, .classes = 1 << 30, .samples = INT64_MAX), CN_OK);
    CHECK(a.parameters > 0);
    cn_close(c);
}

TEST(advised_layers_train)
{
    cn_ctx   *c = cn_open();
    double    at[200], y[200];
    cn_advice a;
    for (int i = 0; i < 200; i++) at[i] = i / 100.0 - 1, y[i] = at[i] * at[i];
    cn_array *x = cn_array_from(c, {200, 1}, CN_BUFFER(at, 200)), *t = cn_array_from(c, {200, 1}, CN_BUFFER(y, 200));
    CHECK(!cn_advise(c, &a, .x = x, .y = t));
    cn_model *m = cn_sequential(c, {1});
    CHECK(!cn_add_advised(m, &a));
    CHECK_INT(cn_count_params(m), a.parameters);
    CHECK(!cn_compile(m, .optimizer = CN_ADAM, .loss = a.loss, .metrics = { a.metric }) &&
          !cn_fit(m, x, t, .epochs = 100, .batch_size = a.batch_size) && !cn_evaluate(m, x, t));
    CHECK(cn_result(m, "mae") < 0.1);
    cn_close(c);
}

CHECK_MAIN
