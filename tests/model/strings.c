/* strings.c: models that take strings: one named input for each column, lookups behind them; through cn_fit,
   cn_evaluate, cn_predict, data sets of every kind, runners; lookups that learn; strings where numbers belong. */
#include "cornu.h"
#include "../check.h"

static cn_ctx *c;
enum { N = 60 };
static const char *const kinds[4] = { "ant", "bee", "cat", "a name that is much longer than the others are" };
static const char *text[N], *other[N];
static float number[N], target[N];

static void make_data(void)
{
    for (int i = 0; i < N; i++) {
        text[i] = kinds[(i * 7 + i / 5) % 4], other[i] = i % 3 ? "yes" : "no";
        number[i] = (float)(i % 11);
        target[i] = (float)((i * 7 + i / 5) % 4) + 2 * (float)(i % 3 != 0) + 0.1f * number[i];
    }
}

static cn_array *words(const char *const *at)
{
    return cn_array_from(c, { CN_ANY, 1 }, (&(cn_values){ CN_STRING, N, at }));
}
static cn_array *numbers(float *at) { return cn_array_from(c, { CN_ANY, 1 }, CN_BUFFER(at, N)); }

static cn_model *mixed(bool given)
{
    cn_tensor *kind = cn_input(c, {1}, .name = "kind", .dtype = CN_STRING),
              *flag = cn_input(c, {1}, .name = "flag", .dtype = CN_STRING), *x = cn_input(c, {1}, .name = "x");
    cn_layer *lookup = given ? cn_string_lookup(c, .output_mode = CN_ONE_HOT, .name = "kinds",
                                                .vocabulary = &(cn_values){ CN_STRING, 4, kinds })
                             : cn_string_lookup(c, .output_mode = CN_ONE_HOT, .name = "kinds");
    if (!given) CHECK_INT(cn_adapt(lookup, words(text)), CN_OK);
    cn_tensor *flags = cn_category_encoding(cn_string_lookup(flag, .name = "flags"), 3, .output_mode = CN_ONE_HOT);
    cn_tensor *all = cn_concatenate(cn_call(lookup, kind), flags, cn_normalization(x, .name = "scale"));
    return cn_functional({kind, flag, x}, {cn_dense(all, 1)});
}

static cn_dataset *mixed_data(void)
{
    return cn_dataset_from(c, .x = { words(text), words(other), numbers(number) }, .y = { numbers(target) });
}

static double at(const cn_array *a, int64_t i) { return cn_at(a, i, 0); }

static bool alike(cn_array *a, cn_array *b)
{
    bool same = cn_size_of(a, 0) == N && cn_size_of(b, 0) == N;
    for (int64_t i = 0; same && i < N; i++) same = fabs(at(a, i) - at(b, i)) < 1e-5;
    return same;
}

TEST(columns_of_strings_and_numbers_are_learnt_from)
{
    cn_array *p = NULL, *q = NULL;
    make_data();
    c = cn_open(.threads = 2);
    cn_model *m = mixed(false);
    cn_dataset *ds = mixed_data();
    CHECK_INT(cn_error(m), CN_OK);
    CHECK_INT(cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.05), .loss = CN_MSE), CN_OK);
    CHECK_INT(cn_fit(m, ds, .epochs = 1), CN_E_STATE);
    CHECK_STR(cn_error_message(c), "has not seen data yet");
    cn_clear_error(c);
    CHECK_INT(cn_adapt(m, ds), CN_OK);
    CHECK_INT(cn_fit(m, ds, .epochs = 200, .batch_size = 7, .validation_split = 0.2), CN_OK);
    CHECK(cn_result(m, "loss") < 0.02);
    CHECK_INT(cn_evaluate(m, ds), CN_OK);
    CHECK(cn_result(m, "loss") < 0.02);
    CHECK_INT(cn_predict(m, ds, &p), CN_OK);
    for (int i = 0; i < N; i++) CHECK_NEAR(at(p, i), target[i], 0.5);
    cn_dataset *fetched = cn_prefetch(ds, 2), *part = cn_take(cn_shuffle(ds, 1), 3, 20);
    CHECK_INT(cn_predict(m, fetched, &q, .batch_size = 7), CN_OK);
    CHECK(alike(p, q));
    CHECK_INT(cn_evaluate(m, part, .batch_size = 8), CN_OK);
    CHECK(cn_result(m, "loss") < 0.05);
    CHECK_INT(cn_fit(m, fetched, .epochs = 2), CN_OK);
    if (cn_error(c)) printf("%s\n", cn_error_message(c));
    CHECK_INT(cn_close(c), 0);
}

TEST(what_is_learnt_anew_counts_at_once)
{
    cn_array *p = NULL;
    make_data();
    c = cn_open(.threads = 1);
    cn_tensor *in = cn_input(c, {1}, .dtype = CN_STRING);
    cn_layer *lookup = cn_string_lookup(c);
    cn_model *m = cn_functional({in}, {cn_call(lookup, in)});
    cn_array *x = cn_array_from(c, { 3, 1 }, CN_STRINGS("a", "b", "a")),
             *y = cn_array_from(c, { 2, 1 }, CN_STRINGS("b", "c"));
    for (int i = 0; i < 3; i++) {
        CHECK_INT(cn_adapt(m, i == 1 ? y : x), CN_OK);
        CHECK_INT(cn_predict(m, x, &p), CN_OK);
        CHECK_INT(cn_dtype_of(p), CN_INT64);
        CHECK_NEAR(at(p, 0), i == 1 ? 0 : 1, 0);
        CHECK_NEAR(at(p, 1), 2, 0);
        cn_free(p);
    }
    cn_array *known = cn_vocabulary(lookup);
    CHECK_INT(cn_size_of(known, 0), 3);
    CHECK_STR(cn_string(known, 1), "a");
    CHECK_INT(cn_close(c), 0);
}

TEST(a_sequential_model_takes_its_type_from_the_data_and_another_model_can_hold_it)
{
    cn_array *p = NULL, *q = NULL;
    c = cn_open(.threads = 1);
    cn_array *x = cn_array_from(c, { 3 }, CN_STRINGS("b", "q", "c"));
    cn_model *m = cn_sequential(c, {0});
    cn_string_lookup(m, .vocabulary = CN_STRINGS("a", "b", "c"), .output_mode = CN_MULTI_HOT);
    CHECK_INT(cn_predict(m, x, &p), CN_OK);
    for (int i = 0; i < 12; i++) CHECK_NEAR(cn_at(p, i / 4, i % 4), i == 2 || i == 4 || i == 11, 0);
    cn_tensor *in = cn_input(c, {1}, .dtype = CN_STRING);
    cn_model *outer = cn_functional({in}, {cn_call(m, in)}), *twin = cn_clone_model(outer);
    CHECK_INT(cn_predict(outer, x, &q), CN_OK);
    CHECK(cn_error(q) == CN_OK && !memcmp(cn_data(p), cn_data(q), 12 * sizeof(float)));
    CHECK_INT(cn_predict(twin, x, &q), CN_OK);
    CHECK(cn_error(q) == CN_OK && !memcmp(cn_data(p), cn_data(q), 12 * sizeof(float)));
    CHECK_STR(cn_error_message(cn_call(m, cn_input(c, {1}))), "takes strings, its input is of numbers");
    CHECK_STR(cn_error_message(cn_functional({in}, {in})), "output 0 is of strings");
    CHECK_INT(cn_close(c), 1);                           /* of what was refused just now */
}

TEST(a_runner_takes_strings_by_cn_feed)
{
    cn_array *p = NULL;
    make_data();
    c = cn_open(.threads = 1);
    cn_model *m = mixed(true);
    cn_dataset *ds = mixed_data();
    CHECK_INT(cn_adapt(m, ds), CN_OK);
    CHECK_INT(cn_predict(m, ds, &p), CN_OK);
    cn_runner *r = cn_prepare(m, .shapes = { { 4, 1 }, { 4, 1 }, { 4, 1 } });
    CHECK_INT(cn_feed_from(r, ds, 8), 4);
    CHECK_INT(cn_run(r), CN_OK);
    for (int i = 0; i < 4; i++) CHECK_NEAR(cn_at(cn_runner_output(r, 0), i, 0), at(p, 8 + i), 1e-6);
    CHECK_INT(cn_feed(r, 0, cn_slice(words(text), 0, 20, 4)), CN_OK);
    CHECK_INT(cn_feed(r, 1, cn_slice(words(other), 0, 20, 4)), CN_OK);
    CHECK_INT(cn_feed(r, 2, cn_slice(numbers(number), 0, 20, 4)), CN_OK);
    CHECK_INT(cn_run(r), CN_OK);
    for (int i = 0; i < 4; i++) CHECK_NEAR(cn_at(cn_runner_output(r, 0), i, 0), at(p, 20 + i), 1e-6);
    CHECK_INT(cn_feed(r, 0, cn_slice(numbers(number), 0, 0, 4)), CN_E_DTYPE);
    CHECK_STR(cn_error_message(r), "input 0 takes strings, the array holds numbers");
    CHECK_INT(cn_feed(r, 2, cn_slice(words(text), 0, 0, 4)), CN_E_DTYPE);
    cn_clear_error(c);
    CHECK_INT(cn_close(c), 0);
}

TEST(strings_where_numbers_belong)
{
    cn_array *p = NULL;
    make_data();
    c = cn_open(.threads = 1);
    cn_model *m = cn_sequential(c, {1});
    cn_dense(m, 1);
    CHECK_INT(cn_predict(m, words(text), &p), CN_E_DTYPE);
    CHECK_STR(cn_error_message(c), "takes float32, the data are strings");
    cn_clear_error(c);
    m = cn_sequential(c, {0});
    cn_dense(m, 1);
    CHECK_INT(cn_predict(m, words(text), &p), CN_E_DTYPE);
    CHECK_STR(cn_error_message(c), "Put cn_string_lookup before it");
    cn_clear_error(c);
    cn_tensor *in = cn_input(c, {1}, .dtype = CN_STRING);
    m = cn_functional({ in },
                      { cn_string_lookup(in, .vocabulary = CN_STRINGS("ant", "bee"), .num_oov_indices = CN_AXIS0) });
    CHECK_INT(cn_predict(m, numbers(number), &p), CN_E_DTYPE);
    CHECK_STR(cn_error_message(c), "takes string, the data are numbers");
    cn_clear_error(c);
    CHECK_INT(cn_predict(m, words(text), &p), CN_E_VALUE);
    CHECK_STR(cn_error_message(c), "string_lookup");
    CHECK_STR(cn_error_message(c), "a value is not in the vocabulary, batch 1");
    cn_clear_error(c);
    CHECK_INT(cn_close(c), 0);
}

CHECK_MAIN
