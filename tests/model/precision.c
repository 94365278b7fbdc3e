/* precision.c: mixed bfloat16: products of rounded operands in all passes, everything else in float32; the policy in
   the model, in its file, and what it costs in accuracy. */
#include "check.h"
#include "base/dtype.h"
#include <cornu.h>
#include "graph/build.h"
#include "graph/shape.h"
#include "model/model.h"
#include <math.h>
#include <stdlib.h>

static float rounded(float x) { return cn__bf16_to_f32(cn__f32_to_bf16(x)); }

static cn_array *ramp(cn_ctx *c, int64_t rows, int64_t cols, float step)
{
    cn_array *a = cn_array_from(c, {rows, cols}, NULL);
    float    *p = cn_mutable(a);
    for (int64_t i = 0; p && i < rows * cols; i++) p[i] = step * (float)((i * 7919) % 1009 - 504);
    return a;
}

TEST(operands_are_rounded_sums_are_not)
{
    cn_ctx   *c = cn_open(.threads = 1);
    cn_model *m = cn_sequential(c, {37}, .name = "m");
    cn_dense(m, 5, .name = "d", .dtype = CN_BFLOAT16);
    cn_array *x = ramp(c, 3, 37, 0.0123f), *w = ramp(c, 37, 5, 0.0071f), *y;
    const float *numbers = cn_data(w);
    CHECK(!cn_set_weight(m, "d/kernel", CN_BUFFER(numbers, 37 * 5)));
    CHECK(!cn_predict(m, x, &y));
    for (int64_t i = 0; i < 3; i++)
        for (int64_t j = 0; j < 5; j++) {
            double sum = 0, plain = 0;
            for (int64_t k = 0; k < 37; k++) {
                double a = cn_at(x, i, k), b = cn_at(w, k, j);
                sum += (double)rounded((float)a) * (double)rounded((float)b), plain += a * b;
            }
            CHECK_NEAR(cn_at(y, i, j), sum, 2e-5 * (1 + fabs(sum)));
            CHECK(fabs(cn_at(y, i, j) - plain) > 1e-4 * fabs(plain));    /* it is not float32's product */
        }
    CHECK_INT(cn_close(c), 0);
}

/* Forward, the inputs' and the weights' gradient: each product of the graph. */
TEST(gradients_take_the_same_operands)
{
    cn_ctx   *c = cn_open(.threads = 1);
    cn_graph *g = cn__graph_new(c);
    const cn__type type = cn__type_make(CN_FLOAT32, 2, (const int64_t[]){ 6, 6 });
    cn__val x = cn__input(g, &type, "x"), w = cn__input(g, &type, "w"), d[2];
    CHECK(!cn__bf16_set(g, true));
    cn__val y = cn__dense(g, x, w, 0, CN__ACT_TANH);
    CHECK(cn__bf16_set(g, false));
    y = cn__reduce_all(g, CN__OP_SUM, cn__matmul(g, y, x, false, true));
    CHECK(cn__gradient(g, y, 0, 2, (const cn__val[]){ x, w }, d));
    int rounded_ones = 0, plain_ones = 0;
    for (size_t k = 1; k < g->insts.n; k++) {
        const cn__inst *i = &g->insts.at[k];
        if (i->op == CN__OP_DENSE || i->op == CN__OP_DENSE_GRAD) {
            CHECK(((const cn__a_dense *)i->attr)->bf16);
            rounded_ones++;
        }
        if (i->op == CN__OP_MATMUL) CHECK(!((const cn__a_matmul *)i->attr)->bf16), plain_ones++;
    }
    CHECK_INT(rounded_ones, 2);
    CHECK(plain_ones >= 2);
    cn__unref(g);
    CHECK_INT(cn_close(c), 0);
}

static cn_model *network(cn_ctx *c)
{
    cn_model *m = cn_sequential(c, {20}, .name = "net");
    cn_dense(m, 70, .activation = CN_RELU, .name = "hidden");
    cn_dropout(m, 0.1, .name = "drop");
    cn_dense(m, 3, .activation = CN_SOFTMAX, .name = "out");
    return m;
}

static double trained(cn_word precision, int64_t threads, double *first)
{
    cn_ctx   *c = cn_open(.threads = threads);
    cn_model *m = network(c);
    cn_array *x = ramp(c, 300, 20, 0.004f), *y = cn_array_from(c, {300, 1}, NULL, .dtype = CN_INT32);
    int32_t  *p = cn_mutable(y);
    for (int i = 0; i < 300; i++) p[i] = (int)(3 * (cn_at(x, i, 0) + 2.1) / 4.2) % 3;
    CHECK(!cn_compile(m, .optimizer = CN_ADAM, .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY, .precision = precision));
    CHECK(!cn_fit(m, x, y, .batch_size = 32));
    *first = cn_result(m, "loss");
    CHECK(!cn_fit(m, x, y, .epochs = 60, .batch_size = 32));
    double loss = cn_result(m, "loss");
    CHECK_INT(cn_close(c), 0);
    return loss;
}

TEST(training_ends_within_the_noise_of_float32)
{
    double first, first_bf16, again, end = trained(0, 1, &first), end_bf16 = trained(CN_MIXED_BFLOAT16, 1, &first_bf16);
    CHECK_NEAR(first_bf16, first, 0.01 * first);
    CHECK(first_bf16 != first);
    CHECK(end < 0.5 * first);
    CHECK_NEAR(end_bf16, end, 0.1 * end);
    CHECK(trained(CN_MIXED_BFLOAT16, 2, &again) == end_bf16);    /* the same bits on two threads */
    CHECK(again == first_bf16);
}

TEST(the_policy_goes_into_the_file_and_comes_back)
{
    cn_ctx   *c = cn_open();
    cn_model *m = network(c);
    cn_dense(m, 2, .name = "exact", .dtype = CN_FLOAT64);
    CHECK(!strstr(cn_to_json(m), "mixed_bfloat16"));
    CHECK(!cn_compile(m, .loss = CN_MSE, .precision = CN_MIXED_BFLOAT16));
    const char *text = cn_to_json(m);
    CHECK_STR(text, "{\"name\": \"mixed_bfloat16\"}");
    CHECK_STR(text, "{\"name\": \"float64\"}");
    char path[] = "/tmp/cornu-precision-XXXXXX.json";
    CHECK(mkstemps(path, 5) >= 0);
    CHECK(!cn_save(m, path));
    cn_model *back = cn_load(c, path);
    CHECK(!cn_error(back));
    remove(path);
    for (size_t i = 0; i < back->layers.n; i++)
        CHECK_INT(cn__layer_policy(back->layers.at[i]), i + 1 < back->layers.n ? CN_BFLOAT16 : CN_FLOAT64);
    cn_free(back);
    CHECK_INT(cn_close(c), 0);
}

TEST(models_within_models_are_mixed_too)
{
    cn_ctx    *c = cn_open();
    cn_tensor *x = cn_input(c, {20}, .name = "x");
    cn_model  *inner = network(c), *m = cn_functional({ x }, { cn_dense(cn_call(inner, x), 1) });
    CHECK(!cn_compile(m, .loss = CN_MSE, .precision = CN_MIXED_BFLOAT16));
    for (size_t i = 0; i < inner->layers.n; i++) CHECK(inner->layers.at[i]->bf16);
    CHECK_INT(cn_close(c), 0);
}

TEST(other_words_are_refused)
{
    cn_ctx   *c = cn_open();
    cn_model *m = network(c);
    CHECK_INT(cn_compile(m, .loss = CN_MSE, .precision = CN_SUM), CN_E_VALUE);
    CHECK_STR(cn_error_message(c), "precision can be CN_MIXED_BFLOAT16");
    cn_clear_error(c);
    CHECK(!m->training);
    CHECK_INT(cn_close(c), 0);
}

CHECK_MAIN
