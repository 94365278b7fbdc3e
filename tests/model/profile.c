/* profile.c: cn_explain and cn_profile: what nodes have to do is counted right, what they took adds up, kernels, layers
   and reasons are named; steps under the clock are the steps that fit does, to the bit; mistakes are told. */
#include "../fail/alloc.h"
#include "../report/svg_check.h"
#include "check.h"
#include <cornu.h>

static const char *const backends[] = { "ref", "cpu" };
#define EACH_BACKEND(b) for (int b = 0; b < 2; b++)

/* ---- Reading the second string ----------------------------------------------------------------------------------- */
static const char *json(const cn_array *a) { return cn_error(a) ? "" : cn_string(a, 1); }

static double number_in(const char *text, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(text, key);
    return at ? strtod(at + strlen(key), NULL) : NAN;
}

/* The object of a list, such as nodes, that has the text; "": there is none. */
static const char *object_with(const char *text, const char *list, const char *part)
{
    static char object[2048];
    char key[64];
    snprintf(key, sizeof key, "\"%s\": [", list);
    const char *at = strstr(text, key), *end = at ? strstr(at, "],\n") : NULL;
    while (at && (at = strstr(at, "\n  {")) && at < end) {
        snprintf(object, sizeof object, "%.*s", (int)strcspn(at + 3, "}"), at + 3);
        if (strstr(object, part)) return object;
        at += 3;
    }
    return "";
}

static double sum_of(const char *text, const char *list, const char *name)
{
    char key[64];
    double sum = 0;
    snprintf(key, sizeof key, "\"%s\": [", list);
    const char *at = strstr(text, key), *end = at ? strstr(at, "],\n") : NULL;
    while (at && (at = strstr(at, "\n  {")) && at < end) sum += number_in(at += 3, name);
    return at || end ? sum : NAN;
}

/* ---- Models and data --------------------------------------------------------------------------------------------- */
static cn_array *some(cn_ctx *c, int64_t n, int64_t width)
{
    cn_array *a = cn_array_from(c, { n, width }, NULL);
    float    *v = cn_mutable(a);
    uint32_t  seed = 7;
    for (int64_t i = 0; v && i < n * width; i++) v[i] = (float)((seed = seed * 1664525u + 1013904223u) >> 8) * 0x1p-24f;
    return a;
}

static cn_array *classes(cn_ctx *c, int64_t n, int32_t count)
{
    int32_t k[512];
    for (int32_t i = 0; i < n; i++) k[i] = i * 7 % count;
    return cn_array_from(c, { CN_ANY }, CN_BUFFER(k, (size_t)n));
}

static cn_model *net(cn_ctx *c)
{
    cn_model *m = cn_sequential(c, {4}, .name = "net");
    cn_flatten(m);
    cn_dense(m, 8, .activation = CN_RELU, .name = "hidden");
    cn_dropout(m, 0.25, .name = "leave_out");
    cn_dense(m, 3, .activation = CN_SOFTMAX, .name = "out");
    return m;
}

static cn_model *compiled(cn_ctx *c)
{
    cn_model *m = net(c);
    CHECK(!cn_compile(m, .optimizer = CN_ADAM, .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY, .metrics = { CN_ACCURACY }));
    return m;
}

static bool same_weights(cn_model *a, cn_model *b)
{
    for (int i = 0; cn_weight_path(a, i); i++) {
        cn_array *v = cn_get_weight(a, cn_weight_path(a, i)), *w = cn_get_weight(b, cn_weight_path(b, i));
        const cn_values *x = cn_values_of(v), *y = cn_values_of(w);
        if (!x || !y || x->count != y->count || memcmp(x->data, y->data, x->count * sizeof(float))) return false;
    }
    return true;
}

/* ---- Explain ----------------------------------------------------------------------------------------------------- */
TEST(operations_are_counted)
{
    cn_ctx   *c = cn_open(.backend = "ref", .threads = 1);
    cn_model *m = cn_sequential(c, {5}, .name = "count");
    cn_dense(m, 7, .name = "d");
    cn_array   *a = cn_explain(m, .batch_size = 11);
    const char *node = object_with(json(a), "nodes", "\"op\": \"matmul\"");
    CHECK_INT(cn_error(a), CN_OK);
    CHECK_NEAR(number_in(node, "operations"), 2 * 11 * 5 * 7, 0);
    CHECK_NEAR(number_in(node, "bytes"), 4 * (11 * 5 + 5 * 7 + 11 * 7), 0);
    node = object_with(json(a), "nodes", "\"op\": \"add\"");
    CHECK_NEAR(number_in(node, "operations"), 11 * 7, 0);
    CHECK_NEAR(number_in(json(a), "operations"), 2 * 11 * 5 * 7 + 11 * 7, 0);
    CHECK_NEAR(number_in(json(a), "batch"), 11, 0);
    CHECK_STR(json(a), "\"mode\": \"prediction\"");
    CHECK(!strstr(json(a), "\"limits\""));               /* the reference is held against nothing */
    CHECK_STR(json(a), "dense expanded: composite");
    CHECK_STR(cn_string(a, 0), "dense expanded: composite");
    CHECK(!cn_close(c));
}

/* The same work whatever the kernels make of it: on cpu the product, its bias and activation are one call. */
TEST(composites_cost_what_they_stand_for)
{
    double operations[2];
    EACH_BACKEND(b)
    {
        cn_ctx   *c = cn_open(.backend = backends[b], .threads = 1);
        cn_model *m = cn_sequential(c, {100}, .name = "wide");
        cn_dense(m, 80, .activation = CN_RELU, .name = "d");
        cn_array *a = cn_explain(m, .batch_size = 64);
        operations[b] = sum_of(json(a), "nodes", "operations");
        CHECK_NEAR(operations[b], number_in(json(a), "operations"), 0);
        CHECK(!cn_close(c));
    }
    CHECK_NEAR(operations[0], 64 * 80 * (2 * 100 + 2), 0);
    CHECK_NEAR(operations[1], operations[0], 0);
}

TEST(an_update_is_all_its_variables)
{
    cn_ctx   *c = cn_open(.threads = 1);
    cn_model *m = cn_sequential(c, {100});
    cn_dense(m, 80);
    CHECK(!cn_compile(m, .optimizer = CN_ADAM, .loss = CN_MSE));
    cn_array   *a = cn_explain(m);
    const char *node = object_with(json(a), "nodes", "\"op\": \"adam\"");
    CHECK(number_in(node, "bytes") >= 7 * 4 * 8080);     /* w, m, v read and written, g read; mirrors on top */
    CHECK(number_in(node, "operations") >= 10 * 8080);
    CHECK(!strstr(strstr(json(a), "\"op\": \"adam\"") + 5, "\"op\": \"adam\""));
    CHECK(!cn_close(c));
}

TEST(kernels_layers_and_reasons_are_named)
{
    cn_ctx   *c = cn_open(.threads = 1);
    cn_tensor *x = cn_input(c, {6}), *in = cn_input(c, {6});
    cn_tensor *h = cn_dense(in, 100, .activation = CN_RELU, .name = "d");
    cn_model  *inner = cn_functional({ in }, { h }, .name = "tower");
    cn_model  *m = cn_functional({ x }, { cn_dense(cn_call(inner, x), 3, .activation = CN_SOFTMAX, .name = "out") });
    CHECK(!cn_compile(m, .optimizer = CN_SGD, .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY, .metrics = { CN_ACCURACY }));
    cn_array *a = cn_explain(m, .batch_size = 16);
    CHECK_INT(cn_error(a), CN_OK);
    CHECK_STR(cn_string(a, 0), "A training step");
    CHECK_STR(cn_string(a, 0), "tower/d ");
    CHECK_STR(cn_string(a, 0), "product");
    CHECK_STR(cn_string(a, 0), "At best, measured now");
    CHECK_STR(cn_string(a, 0), "expanded: more than 64");
    CHECK_STR(cn_string(a, 0), "by reference: not float32");
    CHECK_STR(object_with(json(a), "layers", "\"tower/d\""), "operations");
    CHECK_STR(object_with(json(a), "nodes", "\"op\": \"sgd\""), "\"layer\": \"optimizer\"");
    CHECK(number_in(object_with(json(a), "layers", "\"tower/d\""), "best") > 0);
    CHECK(!strstr(json(a), "\"seconds\""));
    a = cn_explain(m, .training = CN_NO);
    CHECK_STR(json(a), "\"mode\": \"prediction\"");
    CHECK(!strstr(json(a), "optimizer"));
    CHECK(!cn_close(c));
}

TEST(layers_without_calls)
{
    cn_ctx   *c = cn_open(.threads = 1);
    cn_array *a = cn_explain(net(c));
    CHECK_STR(cn_string(a, 0), "without calls of their own");
    CHECK_STR(strstr(json(a), "\"idle\""), "\"leave_out\"");
    CHECK(!strstr(strstr(json(a), "\"idle\""), "hidden"));
    CHECK(!cn_close(c));
}

/* A plan that nobody ran leaves no trace in the training. */
TEST(explain_changes_nothing)
{
    EACH_BACKEND(b)
    {
        cn_ctx   *c = cn_open(.backend = backends[b], .seed = 5, .threads = 1);
        cn_ctx   *d = cn_open(.backend = backends[b], .seed = 5, .threads = 1);
        cn_model *m = compiled(c), *n = compiled(d);
        CHECK_INT(cn_error(cn_explain(m)), CN_OK);
        CHECK(!cn_fit(m, some(c, 40, 4), classes(c, 40, 3), .epochs = 3));
        CHECK(!cn_fit(n, some(d, 40, 4), classes(d, 40, 3), .epochs = 3));
        CHECK(same_weights(m, n));
        CHECK_INT(cn_error(cn_explain(m)), CN_OK);
        CHECK(!cn_close(c)), CHECK(!cn_close(d));
    }
}

TEST(targets_of_losses)                                  /* are guessed as their data would be */
{
    const cn_loss losses[] = { CN_MSE, CN_BINARY_CROSSENTROPY, CN_CATEGORICAL_CROSSENTROPY,
                               CN_SPARSE_CATEGORICAL_CROSSENTROPY };
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        cn_ctx   *c = cn_open(.threads = 1);
        cn_model *m = net(c);
        CHECK(!cn_compile(m, .optimizer = CN_ADAM, .loss = losses[i], .metrics = { CN_ACCURACY }));
        cn_array *a = cn_explain(m);
        CHECK_INT(cn_error(a), CN_OK);
        CHECK_STR(object_with(json(a), "nodes", "\"layer\": \"y\""), i == 3 ? "int32[32]" : "float32[32,3]");
        CHECK(!cn_close(c));
    }
}

/* ---- Profile ----------------------------------------------------------------------------------------------------- */
TEST(times_add_up)
{
    EACH_BACKEND(b)
    for (int threads = 1; threads <= 2; threads++) {
        cn_ctx   *c = cn_open(.backend = backends[b], .threads = threads);
        cn_array *a = cn_profile(compiled(c), some(c, 100, 4), classes(c, 100, 3), .batch_size = 16, .steps = 20);
        const char *text = json(a);
        double step = number_in(text, "step"), between = number_in(text, "between"), all = number_in(text, "seconds");
        CHECK_INT(cn_error(a), CN_OK);
        CHECK(all > 0 && between >= 0);
        CHECK_NEAR(all + between, step, 1e-9 * step);
        CHECK_NEAR(sum_of(text, "nodes", "seconds"), all, 1e-9 * all);
        CHECK_NEAR(sum_of(text, "layers", "seconds"), all, 1e-9 * all);
        CHECK_NEAR(sum_of(text, "layers", "operations"), number_in(text, "operations"), 0);
        CHECK_NEAR(number_in(text, "batch"), 16, 0);     /* not that of the last batch, which is smaller */
        CHECK_NEAR(number_in(text, "steps"), 20, 0);
        CHECK_STR(object_with(text, "layers", "\"hidden\""), "seconds");
        CHECK_STR(object_with(text, "layers", "\"out\""), "seconds");
        CHECK_STR(cn_string(a, 0), b ? "softmax" : "reference: ");
        CHECK_STR(cn_string(a, 0), "between the calls");
        CHECK_STR(cn_string(a, 0), "a step");
        CHECK(!cn_close(c));
    }
}

/* Two steps warm up, then whole passes over six batches until fifty steps are done. */
TEST(profiled_steps_are_the_steps_of_fit)
{
    EACH_BACKEND(b)
    {
        cn_ctx   *c = cn_open(.backend = backends[b], .seed = 5, .threads = 1);
        cn_ctx   *d = cn_open(.backend = backends[b], .seed = 5, .threads = 1);
        cn_model *m = compiled(c), *n = compiled(d);
        cn_array *x = some(c, 96, 4), *y = classes(c, 96, 3), *v = some(d, 96, 4), *w = classes(d, 96, 3);
        CHECK_INT(cn_error(cn_profile(m, x, y, .batch_size = 16)), CN_OK);
        CHECK(!cn_fit(n, v, w, .batch_size = 16, .steps_per_epoch = 2));
        CHECK(!cn_fit(n, v, w, .batch_size = 16, .epochs = 9));
        CHECK(same_weights(m, n));
        CHECK(!cn_fit(m, x, y, .epochs = 2) && !cn_fit(n, v, w, .epochs = 2));
        CHECK(same_weights(m, n));
        CHECK(!cn_close(c)), CHECK(!cn_close(d));
    }
}

TEST(predictions)
{
    cn_ctx   *c = cn_open(.seed = 5), *d = cn_open(.seed = 5);
    cn_model *m = net(c), *n = net(d);
    cn_array *a = cn_profile(m, some(c, 50, 4), NULL, .batch_size = 8, .steps = 9);
    CHECK_INT(cn_error(a), CN_OK);
    CHECK_STR(json(a), "\"mode\": \"prediction\"");
    CHECK_NEAR(number_in(json(a), "batch"), 8, 0);
    CHECK_NEAR(number_in(json(a), "steps"), 8, 0);       /* the seventh of nine was the last batch, of two */
    CHECK(same_weights(m, n));
    a = cn_profile(m, some(c, 3, 4), NULL, .steps = 1);  /* fewer samples than a batch: that is the batch */
    CHECK_NEAR(number_in(json(a), "batch"), 3, 0);
    m = compiled(c);
    a = cn_profile(m, cn_dataset_from(c, .x = { some(c, 50, 4) }), .training = CN_NO);
    CHECK_STR(json(a), "\"mode\": \"prediction\"");
    a = cn_profile(m, cn_dataset_from(c, .x = { some(c, 50, 4) }, .y = { classes(c, 50, 3) }));
    CHECK_STR(json(a), "\"mode\": \"training\"");
    CHECK(!cn_close(c)), CHECK(!cn_close(d));
}

TEST(chart)
{
    static char svg[1 << 16];
    cn_ctx   *c = cn_open();
    cn_array *a = cn_profile(compiled(c), some(c, 64, 4), classes(c, 64, 3), .svg = file_path("p.svg"));
    FILE     *f = fopen(file_path("p.svg"), "rb");
    CHECK_INT(cn_error(a), CN_OK);
    CHECK(f != NULL);
    if (f) svg[fread(svg, 1, sizeof svg - 1, f)] = 0, fclose(f);
    const char *wrong = svg_wrong(svg);
    if (wrong) CHECK_FAIL("%s", wrong);
    CHECK_STR(svg, ">hidden<");
    CHECK_STR(svg, ">between the calls<");
    CHECK_STR(svg, ">out: softmax<");
    CHECK_STR(svg, "A training step of net");
    CHECK(!cn_close(c));
}

/* ---- Mistakes ---------------------------------------------------------------------------------------------------- */
#define CHECK_ERROR(call, status, part)                                                                   \
    do {                                                                                                  \
        cn_array *e_ = (call);                                                                            \
        CHECK_INT(cn_error(e_), status);                                                                  \
        CHECK_STR(cn_error_message(e_), part);                                                            \
        cn_clear_error(c);                                                                                \
    } while (0)

TEST(mistakes)
{
    cn_ctx   *c = cn_open(.threads = 1);
    cn_model *m = compiled(c), *plain = net(c);
    cn_array *x = some(c, 32, 4), *y = classes(c, 32, 3);
    CHECK(cn_explain(NULL) == NULL);
    CHECK_ERROR(cn_profile(m, x, NULL), CN_E_VALUE, "there are no targets");
    CHECK_ERROR(cn_profile(m, some(c, 32, 5), y), CN_E_SHAPE, "takes the shape");
    CHECK_ERROR(cn_profile(m, x, y, .batch_size = -1), CN_E_VALUE, "batch_size is -1");
    CHECK_ERROR(cn_profile(m, x, y, .steps = -5), CN_E_VALUE, "steps is -5");
    CHECK_ERROR(cn_profile(m, x, y, .svg = "no/such/folder/p.svg"), CN_E_IO, "p.svg");
    CHECK_ERROR(cn_profile(plain, x, y, .training = CN_YES), CN_E_STATE, "is not compiled");
    CHECK_ERROR(cn_explain(plain, .training = CN_YES), CN_E_STATE, "is not compiled");
    CHECK_ERROR(cn_explain(plain, .batch_size = -2), CN_E_VALUE, "batch_size is -2");
    CHECK_ERROR(cn_explain(cn_sequential(c)), CN_E_STATE, "has no layers");
    cn_model *open_ended = cn_sequential(c);
    cn_dense(open_ended, 3);
    CHECK_ERROR(cn_explain(open_ended), CN_E_STATE, "is not known yet");
    cn_tensor *steps = cn_input(c, {CN_ANY, 2});
    CHECK_ERROR(cn_explain(cn_functional({ steps }, { cn_dense(steps, 1) })), CN_E_SHAPE, "its data decide");
    CHECK(!cn_fit(m, x, y));                             /* nothing of all this stays */
    CHECK(!cn_close(c));
}

static cn_status at_work(const cn_event *e, void *user)
{
    cn_ctx *c = e->ctx;
    CHECK_ERROR(cn_explain(e->model), CN_E_STATE, "is at work");
    *(int *)user = 1;
    return CN_OK;
}

TEST(not_while_it_is_at_work)
{
    cn_ctx   *c = cn_open(.threads = 1);
    cn_model *m = compiled(c);
    int       ran = 0;
    CHECK(!cn_fit(m, some(c, 8, 4), classes(c, 8, 3),
                  .callbacks = { cn_lambda_callback(.on_epoch_end = at_work, .user = &ran) }));
    CHECK(ran);
    CHECK(!cn_close(c));
}

/* A step under the clock is looked at as any other: where a NaN arises, nothing is written. */
TEST(not_a_number_under_the_clock)
{
    cn_ctx   *c = cn_open(.seed = 1, .threads = 1);
    cn_model *m = cn_sequential(c, {1}, .name = "m");
    cn_dense(m, 1, .name = "d");
    CHECK(!cn_compile(m, .optimizer = CN_SGD, .loss = CN_MSE));
    cn_array *x = some(c, 400, 1), *y = some(c, 400, 1);
    ((float *)cn_mutable(x))[300] = NAN;
    cn_array *a = cn_profile(m, x, y, .batch_size = 1, .steps = 500);
    CHECK_INT(cn_error(a), CN_E_NUMERIC);
    CHECK_STR(cn_error_message(a), "row 300");
    cn_clear_error(c);
    const float *w = cn_data(cn_get_weight(m, "d/kernel"));
    CHECK(w && isfinite(w[0]) && w[0] != 0);
    ((float *)cn_mutable(x))[300] = 0;
    CHECK_INT(cn_error(cn_profile(m, x, y)), CN_OK);
    CHECK(!cn_close(c));
}

/* The n-th allocation fails, for every n: it is said, nothing is left behind, and the model trains on. */
static void nobody(cn_level level, const char *text, void *user) { (void)level, (void)text, (void)user; }

TEST(without_memory)
{
    for (long n = 1;; n++) {
        fail_alloc a = { .at = 0 };
        cn_ctx   *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1, .log = { nobody, NULL });
        cn_model *m = compiled(c);
        cn_array *x = some(c, 20, 4), *y = classes(c, 20, 3);
        a.at = a.calls + n;
        cn_array *e = cn_explain(m), *p = cn_profile(m, x, y, .batch_size = 8, .steps = 4, .svg = file_path("n.svg"));
        bool failed = a.failed > 0;
        a.at = 0;
        if (!failed && (cn_error(e) || cn_error(p))) CHECK_FAIL("nothing failed, but: %s", cn_error_message(c));
        if (failed && cn_error(c) != CN_E_NOMEM) CHECK_FAIL("allocation %ld failed and nobody said so", n);
        cn_clear_error(c);
        if (cn_fit(m, x, y)) CHECK_FAIL("after allocation %ld: %s", n, cn_error_message(c));
        cn_close(c);
        CHECK_INT(a.blocks, 0);
        if (!failed || check_bad > 20) break;
    }
}

CHECK_MAIN
