/* summary.c: cn_summary against what Keras printed for the same models (summary.golden), and pictures. */
#include "check.h"
#include <cornu.h>

static char golden[1 << 15];

/* Keras's text under that name, without its last end of line; NULL: none. */
static const char *keras(const char *name)
{
    static char text[1 << 14];
    char mark[64];
    FILE *f = fopen(CN_SOURCE_DIR "/tests/model/summary.golden", "rb");
    if (!f) return NULL;
    golden[fread(golden, 1, sizeof golden - 1, f)] = 0;
    fclose(f);
    snprintf(mark, sizeof mark, "== %s\n", name);
    const char *at = strstr(golden, mark), *end;
    if (!at) return NULL;
    at += strlen(mark);
    end = strstr(at, "\n== ");
    snprintf(text, sizeof text, "%.*s", (int)(end ? end - at : (long)strlen(at) - 1), at);
    return text;
}

static void check_summary(cn_model *m, const char *name)
{
    const char *wanted = keras(name), *got = cn_summary(m);
    CHECK(wanted != NULL);
    if (wanted && strcmp(got, wanted)) CHECK_FAIL("got\n%s\nnot\n%s", got, wanted);
}

TEST(chain_before_and_after_training)
{
    cn_ctx   *c = cn_open();
    cn_model *m = cn_sequential(c, {28, 28}, .name = "digits");
    cn_rescaling(m, 1.0 / 255);
    cn_flatten(m);
    cn_dense(m, 128, .activation = CN_RELU, .name = "a_rather_long_name_that_does_not_fit_on_one_line");
    cn_dropout(m, 0.2);
    cn_dense(m, 10);
    check_summary(m, "chain");
    CHECK(!cn_set_trainable(m, "a_rather*", CN_NO));
    CHECK(!cn_compile(m, .optimizer = CN_ADAM, .loss = CN_MSE));
    CHECK(!cn_fit(m, cn_array_from(c, {4, 28, 28}, NULL), cn_array_from(c, {4, 10}, NULL)));
    check_summary(m, "trained");
    CHECK_INT(cn_close(c), 0);
}

TEST(not_built)
{
    cn_ctx            *c = cn_open();
    cn_sequential_args a = { .head = CN_HEAD(cn_sequential_args), .on = c, .name = "unbuilt" };
    cn_model          *m = (cn_sequential)(&a);
    cn_dense(m, 3);
    cn_flatten(m);
    check_summary(m, "unbuilt");
    CHECK_INT(cn_close(c), 0);
}

static cn_model *siamese(cn_ctx *c)
{
    cn_model *tower = cn_sequential(c, {8}, .name = "tower");
    cn_dense(tower, 4, .activation = CN_RELU);
    cn_tensor *a = cn_input(c, {8}), *b = cn_input(c, {8}), *d = cn_input(c, {3});
    cn_tensor *x = cn_call(tower, a), *y = cn_call(tower, b);
    cn_tensor *joined = cn_concatenate(x, y, cn_dense(d, 2));
    return cn_functional({a, b, d}, {cn_dense(joined, 1, .name = "out"), cn_subtract(x, y)}, .name = "siamese");
}

TEST(nested_and_shared)
{
    cn_ctx *c = cn_open();
    check_summary(siamese(c), "siamese");
    CHECK_INT(cn_close(c), 0);
}

TEST(functional_chain_needs_no_connections)
{
    cn_ctx    *c = cn_open();
    cn_tensor *i = cn_input(c, {5});
    check_summary(cn_functional({i}, {cn_dense(i, 3)}), "functional");
    CHECK_INT(cn_close(c), 0);
}

static bool file_has(const char *path, const char *words)
{
    static char text[1 << 16];
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return strstr(text, words) != NULL;
}

TEST(pictures)
{
    cn_ctx   *c = cn_open();
    cn_model *m = siamese(c);
    CHECK(!cn_plot_model(m, "model_test.dot"));
    CHECK(file_has("model_test.dot", "label=\"out (Dense)\\n(None, 1) float32\""));
    CHECK(file_has("model_test.dot", "n0 -> n3;"));
    CHECK(!cn_plot_model(m, "model_test.svg"));
    CHECK(file_has("model_test.svg", ">concatenate (Concatenate)</text>"));
    CHECK_INT(cn_plot_model(m, "model_test.gif"), CN_E_VALUE);
    CHECK_STR(cn_error_message(c), "ends neither in .svg nor in .dot");
    remove("model_test.dot"), remove("model_test.svg");
    cn_close(c);
}

CHECK_MAIN
