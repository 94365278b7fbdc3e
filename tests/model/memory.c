/* memory.c: the n-th allocation fails, for every n: an error each time, no leak, no crash; and what was there before
 * still works. */
#include "../fail/alloc.h"
#include "check.h"
#include <cornu.h>

/* Small programs; each gives the status of its first act that failed. */
typedef cn_status program(cn_ctx *);

static cn_array *numbers(cn_ctx *c, int64_t rows, int64_t columns)
{
    cn_array *a = cn_array_from(c, {rows, columns}, NULL);
    float    *p = cn_mutable(a);
    for (int64_t i = 0; p && i < rows * columns; i++) p[i] = (float)(i % 7) / 7;
    return a;
}

static cn_status xor_program(cn_ctx *c)
{
    cn_array *x = cn_array_from(c, { 4, 2 }, CN_NUMBERS(0, 0, 0, 1, 1, 0, 1, 1)),
             *y = cn_array_from(c, { 4, 1 }, CN_NUMBERS(0, 1, 1, 0)), *p = NULL;
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 4, .activation = CN_TANH);
    cn_dense(m, 1, .activation = CN_SIGMOID);
    cn_status status = cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.1), .loss = CN_BINARY_CROSSENTROPY);
    if (!status) status = cn_fit(m, x, y, .epochs = 5);
    if (!status) status = cn_predict(m, x, &p);
    if (!status && !(cn_at(p, 0, 0) >= 0)) CHECK_FAIL("no prediction");
    return status;
}

static cn_status fit_program(cn_ctx *c) /* two inputs and outputs, sharing, dropout, metrics, validation, callbacks */
{
    cn_tensor *a = cn_input(c, {3}), *b = cn_input(c, {3});
    cn_layer  *shared = cn_dense(c, 4, .activation = CN_RELU);
    cn_tensor *u = cn_call(shared, a), *v = cn_call(shared, b);
    cn_tensor *h = cn_dropout(cn_concatenate(u, v), 0.5);
    cn_model *m = cn_functional(
        { a, b }, { cn_dense(h, 1, .name = "one"), cn_dense(h, 3, .activation = CN_SOFTMAX, .name = "two") });
    cn_array *labels = cn_array_from(c, { 10 }, CN_NUMBERS(0, 1, 2, 0, 1, 2, 0, 1, 2, 0), .dtype = CN_UINT8), *p = NULL,
             *q = NULL;
    cn_dataset *ds =
        cn_dataset_from(c, .x = { numbers(c, 10, 3), numbers(c, 10, 3) }, .y = { numbers(c, 10, 1), labels });
    cn_status status =
        cn_compile(m, .optimizer = CN_RMSPROP,
                   .outputs = { cn_output(.loss = CN_MSE, .metrics = { CN_METRIC_MAE }),
                                cn_output(.loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY, .metrics = { CN_ACCURACY }) });
    if (!status && !strstr(cn_summary(m), "Total params")) status = cn_error(c);
    if (!status)
        status = cn_fit(m, ds, .epochs = 2, .batch_size = 4, .validation_split = 0.3, .verbose = 2,
                        .callbacks = { cn_early_stopping(.restore_best_weights = CN_YES), cn_reduce_lr_on_plateau(),
                                       cn_csv_logger("/dev/null") });
    if (!status) status = cn_evaluate(m, ds);
    if (!status) status = cn_predict(m, ds, &p, &q);
    return status;
}

static int64_t count_up(const cn_rows *r, void *user)
{
    (void)user;
    for (int64_t i = 0; i < r->count; i++) ((float *)r->x[0])[i] = ((float *)r->y[0])[i] = 1;
    return r->first < 8 ? r->count : 0;
}

static cn_status other_program(cn_ctx *c)                /* a generator, watches, runners, a graph, a clone, adapting */
{
    cn_model *m = cn_sequential(c, {1});
    cn_normalization(m);
    cn_dense(m, 2, .name = "d");
    cn_dense(m, 1);
    cn_dataset *ds = cn_dataset_from_generator(c, { count_up, NULL }, .x = {{ .shape = {1} }}, .y = {{ .shape = {1} }});
    cn_status status = cn_adapt(m, numbers(c, 8, 1));
    if (!status) status = cn_compile(m, .optimizer = CN_SGD, .loss = CN_HUBER);
    cn_watch *w = cn_watch_on(m, "d/kernel", .gradient = CN_YES, .reduce = CN_NORM);
    if (!status) status = cn_fit(m, ds, .batch_size = 4);
    if (!status && cn_watch_value(w) == NULL) status = cn_error(c);
    cn_runner *r = cn_prepare(m),
              *two = cn_prepare(cn_functional({ cn_model_input(m, 0) }, { cn_layer_output(cn_get_layer(m, "d")) }));
    if (!status) status = cn_run(r);
    if (!status) status = cn_run(two);
    if (!status) status = cn_error(cn_clone_model(m));
    cn_graph *g = cn_graph_new(c);
    cn_node  *x = cn_graph_input(g, {4, 1}), *loss = cn_op_mean(cn_op_square(cn_graph_call(m, x)));
    cn_runner *step = cn_prepare_graph(
        g, { cn_minimize(loss, m, .optimizer = CN_ADAM), cn_grad(loss, x), cn_op_random_normal(g, 3) });
    if (!status) status = cn_run(step);
    return status;
}

static cn_status resume_program(cn_ctx *c)               /* snapshots, backups, checkpoints' memory */
{
    char dir[64];
    snprintf(dir, sizeof dir, "/tmp/cornu-memory-%ld", (long)getpid());
    cn_array *x = numbers(c, 10, 2), *y = numbers(c, 10, 1);
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 3);
    cn_dense(m, 1);
    cn_status status = cn_compile(m, .optimizer = CN_ADAM, .loss = CN_MSE);
    for (int again = 0; !status && again < 2; again++) {
        status = cn_fit(m, x, y, .epochs = again ? 3 : 2, .batch_size = 4,
                        .callbacks = { cn_backup_and_restore(dir, .save_freq = 2, .double_checkpoint = CN_YES,
                                                             .delete_checkpoint = again ? CN_YES : CN_NO),
                                       cn_early_stopping(.monitor = "loss", .restore_best_weights = CN_YES) });
        cn_array *s = status ? NULL : cn_snapshot(m);
        if (!status) status = cn_restore(m, s);
    }
    return status;
}

static void nobody(cn_level level, const char *text, void *user) { (void)level, (void)text, (void)user; }

static void every_n(program *f)
{
    for (long n = 1;; n++) {
        fail_alloc a = { .at = n };
        cn_ctx *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1, .log = { nobody, NULL });
        cn_status status = c ? f(c) : CN_E_NOMEM;
        if (a.failed && c && !status && !cn_error(c)) CHECK_FAIL("allocation %ld failed and nobody said so", n);
        if (!a.failed && status) CHECK_FAIL("nothing failed, but: %s", cn_error_message(c));
        if (a.failed && status && status != CN_E_NOMEM)
            CHECK_FAIL("allocation %ld: status %d: %s", n, (int)status, cn_error_message(c));
        cn_close(c);
        if (a.blocks || a.bytes) CHECK_FAIL("allocation %ld: %ld blocks, %zu bytes are left", n, a.blocks, a.bytes);
        if (!a.failed) break;
        if (check_bad > 20) break;
    }
}

TEST(resume_without_memory)
{
    char command[80];
    every_n(resume_program);
    snprintf(command, sizeof command, "rm -rf /tmp/cornu-memory-%ld", (long)getpid());
    CHECK_INT(system(command), 0);
}
TEST(xor_without_memory)   { every_n(xor_program); }
TEST(fit_without_memory)   { every_n(fit_program); }
TEST(other_without_memory) { every_n(other_program); }

/* A fit that ran out of memory can be repeated. */
TEST(after_a_failure)
{
    for (long n = 0;; n++) {
        fail_alloc a = { .at = 0 };
        cn_ctx   *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1);
        cn_model *m = cn_sequential(c, {3});
        cn_dense(m, 2);
        cn_array *x = numbers(c, 6, 3), *y = numbers(c, 6, 2);
        CHECK(!cn_compile(m, .loss = CN_MSE, .metrics = { CN_METRIC_MAE }));
        a.at = a.calls + 1 + n;
        cn_status first = cn_fit(m, x, y, .batch_size = 4);
        a.at = 0;
        if (first) CHECK_INT(first, CN_E_NOMEM);
        cn_status second = cn_fit(m, x, y, .batch_size = 4);
        if (second) CHECK_FAIL("after allocation %ld: %s", n, cn_error_message(c));
        CHECK(isfinite(cn_result(m, "mae")));
        cn_close(c);
        CHECK_INT(a.blocks, 0);
        if (!first) break;
    }
}

CHECK_MAIN
