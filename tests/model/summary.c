/* summary.c: cn_summary against what Keras 3.15 printed for the same models (COLUMNS=200), and pictures of models. */
#include "check.h"
#include <cornu.h>

static const char chain[] =
    "Model: \"digits\"\n"
    "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓\n"
    "┃ Layer (type)                         ┃ Output Shape                ┃         Param # ┃\n"
    "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩\n"
    "│ rescaling (Rescaling)                │ (None, 28, 28)              │               0 │\n"
    "├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤\n"
    "│ flatten (Flatten)                    │ (None, 784)                 │               0 │\n"
    "├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤\n"
    "│ a_rather_long_name_that_does_not_fi… │ (None, 128)                 │         100,480 │\n"
    "│ (Dense)                              │                             │                 │\n"
    "├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤\n"
    "│ dropout (Dropout)                    │ (None, 128)                 │               0 │\n"
    "├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤\n"
    "│ dense (Dense)                        │ (None, 10)                  │           1,290 │\n"
    "└──────────────────────────────────────┴─────────────────────────────┴─────────────────┘\n";
static const char before[] =
    " Total params: 101,770 (397.54 KB)\n"
    " Trainable params: 101,770 (397.54 KB)\n"
    " Non-trainable params: 0 (0.00 B)";
static const char after[] =
    " Total params: 104,352 (407.62 KB)\n"
    " Trainable params: 1,290 (5.04 KB)\n"
    " Non-trainable params: 100,480 (392.50 KB)\n"
    " Optimizer params: 2,582 (10.09 KB)";

static void check_text(const char *got, const char *first, const char *second)
{
    size_t n = strlen(first);
    if (strncmp(got, first, n) || strcmp(got + n, second)) CHECK_FAIL("got\n%s\nnot\n%s%s", got, first, second);
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
    check_text(cn_summary(m), chain, before);
    CHECK(!cn_set_trainable(m, "a_rather*", CN_NO));
    CHECK(!cn_compile(m, .optimizer = CN_ADAM, .loss = CN_MSE));
    CHECK(!cn_fit(m, cn_array_from(c, {4, 28, 28}, NULL), cn_array_from(c, {4, 10}, NULL)));
    check_text(cn_summary(m), chain, after);
    CHECK_INT(cn_close(c), 0);
}

TEST(not_built)
{
    static const char table[] =
        "Model: \"unbuilt\"\n"
        "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓\n"
        "┃ Layer (type)                         ┃ Output Shape                ┃         Param # ┃\n"
        "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩\n"
        "│ dense (Dense)                        │ ?                           │     0 (unbuilt) │\n"
        "├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤\n"
        "│ flatten (Flatten)                    │ ?                           │     0 (unbuilt) │\n"
        "└──────────────────────────────────────┴─────────────────────────────┴─────────────────┘\n";
    cn_ctx   *c = cn_open();
    cn_model *m =
        (cn_sequential)(&(cn_sequential_args){ .head = CN_HEAD(cn_sequential_args), .on = c, .name = "unbuilt" });
    cn_dense(m, 3);
    cn_flatten(m);
    check_text(cn_summary(m), table,
               " Total params: 0 (0.00 B)\n Trainable params: 0 (0.00 B)\n Non-trainable params: 0 (0.00 B)");
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
    static const char table[] =
        "Model: \"siamese\"\n"
        "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓\n"
        "┃ Layer (type)                  ┃ Output Shape              ┃         Param # ┃ Connected to               ┃\n"
        "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩\n"
        "│ input_layer_1 (InputLayer)    │ (None, 8)                 │               0 │ -                          │\n"
        "├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤\n"
        "│ input_layer_2 (InputLayer)    │ (None, 8)                 │               0 │ -                          │\n"
        "├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤\n"
        "│ input_layer_3 (InputLayer)    │ (None, 3)                 │               0 │ -                          │\n"
        "├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤\n"
        "│ tower (Sequential)            │ (None, 4)                 │              36 │ input_layer_1[0][0],       │\n"
        "│                               │                           │                 │ input_layer_2[0][0]        │\n"
        "├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤\n"
        "│ dense_1 (Dense)               │ (None, 2)                 │               8 │ input_layer_3[0][0]        │\n"
        "├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤\n"
        "│ concatenate (Concatenate)     │ (None, 10)                │               0 │ tower[0][0], tower[1][0],  │\n"
        "│                               │                           │                 │ dense_1[0][0]              │\n"
        "├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤\n"
        "│ out (Dense)                   │ (None, 1)                 │              11 │ concatenate[0][0]          │\n"
        "├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤\n"
        "│ subtract (Subtract)           │ (None, 4)                 │               0 │ tower[0][0], tower[1][0]   │\n"
        "└───────────────────────────────┴───────────────────────────┴─────────────────┴────────────────────────────┘"
        "\n";
    cn_ctx   *c = cn_open();
    check_text(cn_summary(siamese(c)), table,
               " Total params: 55 (220.00 B)\n Trainable params: 55 (220.00 B)\n Non-trainable params: 0 (0.00 B)");
    CHECK_INT(cn_close(c), 0);
}

TEST(functional_chain_needs_no_connections)
{
    cn_ctx    *c = cn_open();
    cn_tensor *i = cn_input(c, {5});
    cn_model  *m = cn_functional({i}, {cn_dense(i, 3)});
    CHECK_STR(cn_summary(m),
              "│ input_layer (InputLayer)             │ (None, 5)                   │               0 │\n");
    CHECK(!strstr(cn_summary(m), "Connected to"));
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
