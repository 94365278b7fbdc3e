/* real.c: model files that others made with Keras 2.0 to 3.14 (the shared data sets' models): those of layers that are
   there give their figures; of the rest all is read, and each class that is missing is named. */
#include "data/files.h"

static const char *model_path(const char *name)
{
    static char path[8192];
    snprintf(path, sizeof path, "%s/models/%s", shared_data(), name);
    return path;
}

/* ---- Scores ------------------------------------------------------------------------------------------------------ */
static void score(const char *name, int64_t rank, double wanted)
{
    static float x[10000 * 784];
    char     path[512];
    cn_ctx  *c = cn_open();
    snprintf(path, sizeof path, "%s/mnist/t10k-images-idx3-ubyte.gz", shared_data());
    const cn_array *images = cn_array_from_idx(c, path);
    snprintf(path, sizeof path, "%s/mnist/t10k-labels-idx1-ubyte.gz", shared_data());
    const cn_array *labels = cn_array_from_idx(c, path);
    const uint8_t  *pixel = cn_data(images);
    for (size_t i = 0; pixel && i < 10000 * 784; i++) x[i] = (float)pixel[i] / 255;
    cn_array *in = rank == 1 ? cn_array_from(c, {10000, 784}, CN_BUFFER(x, 7840000))
                             : cn_array_from(c, {10000, 28, 28}, CN_BUFFER(x, 7840000));
    cn_model *m = cn_load(c, model_path(name));
    if (cn_evaluate(m, in, labels)) CHECK_FAIL("%s: %s", name, cn_error_message(c));
    else CHECK_NEAR(100 * cn_result(m, "accuracy"), wanted, 0.02);
    cn_close(c);
}

TEST(mnist_scores)
{
    if (!shared_data()) SKIP("no shared data sets");
    score("keras/mnist-mlp-128.keras", 1, 97.78);
    score("keras/mnist-softmax.keras", 2, 92.83);
}

/* ---- The same outputs as real Keras (tests/golden/make_real.py) -------------------------------------------------- */
static cn_array *outputs(cn_ctx *c, cn_model *m, int64_t width)
{
    float     x[2 * 784];
    cn_array *p = NULL;
    for (int64_t i = 0; i < 2 * width; i++) x[i] = (float)((double)(7 * i % 23) / 11 - 1);
    return cn_predict(m, cn_array_from(c, {2, width}, CN_BUFFER(x, (size_t)(2 * width))), &p) ? NULL : p;
}

static void compare(const char *name, cn_array *p, char *numbers)
{
    const float *got = cn_data(p);
    int64_t n = 0;
    for (char *at = strtok(numbers, " \n"); at; at = strtok(NULL, " \n"), n++) {
        double wanted = atof(at), is = got && n < (int64_t)cn_values_of(p)->count ? (double)got[n] : NAN;
        if (!(fabs(is - wanted) <= 1e-6 * fmax(1, fabs(wanted))))
            CHECK_FAIL("%s: output %d is %.9g, not %s", name, (int)n, is, at);
    }
    CHECK(got && n == (int64_t)cn_values_of(p)->count);
}

TEST(outputs_of_keras)
{
    char line[4096];
    if (!shared_data()) SKIP("no shared data sets");
    FILE *f = fopen(CN_SOURCE_DIR "/tests/golden/real.golden", "r");
    int   models = 0;
    for (; f && fgets(line, sizeof line, f); models++) {
        cn_ctx   *c = cn_open();
        char     *numbers = strchr(line, ' ');
        *numbers++ = 0;
        cn_model *m = cn_load(c, model_path(line));
        cn_array *p = cn_error(m) ? NULL : outputs(c, m, cn_size_of(cn_model_input(m, 0), 1));
        if (p) compare(line, p, numbers);
        else CHECK_FAIL("%s: %s", line, cn_error_message(c));
        cn_close(c);
    }
    CHECK(f && models == 4 && !fclose(f));
}

/* The structure as JSON with its weights beside it is the whole file's model. */
TEST(structure_and_weights_apart)
{
    if (!shared_data()) SKIP("no shared data sets");
    cn_ctx   *c = cn_open();
    cn_model *whole = cn_load(c, model_path("keras-h5/hls-3layer.h5"));
    cn_model *m = cn_load(c, model_path("keras-h5/hls-3layer.json"));
    CHECK_INT(cn_load_weights(m, model_path("keras-h5/hls-3layer-weights.h5")), CN_OK);
    cn_array *a = outputs(c, whole, 16), *b = outputs(c, m, 16);
    CHECK(a && b && !memcmp(cn_data(a), cn_data(b), 10 * sizeof(float)));
    if (cn_error(c)) CHECK_FAIL("%s", cn_error_message(c));
    cn_close(c);
}

/* A compiled model of tf.keras 2 goes on training, with its optimizer's state. */
TEST(training_goes_on)
{
    if (!shared_data()) SKIP("no shared data sets");
    cn_ctx   *c = cn_open();
    cn_model *m = cn_load(c, model_path("keras-h5/tdt-dense.h5"));
    float     x[64 * 28], y[64];
    for (int i = 0; i < 64 * 28; i++) x[i] = (float)(i * 7 % 23) / 23;
    for (int i = 0; i < 64; i++) y[i] = (float)(i % 5) / 5;
    if (cn_fit(m, cn_array_from(c, {64, 28}, CN_BUFFER(x, 64 * 28)), cn_array_from(c, {64, 1}, CN_BUFFER(y, 64))))
        CHECK_FAIL("%s", cn_error_message(c));
    CHECK(isfinite(cn_result(m, "loss")));
    cn_close(c);
}

/* ---- What is not there yet --------------------------------------------------------------------------------------- */
static const struct { const char *file, *says[3]; } waits[] = {
    { "keras/mnist-cnn-bn.keras", { "\"conv2d_1\": the class Conv2D is not there; its weights: (3, 3, 8, 32) (32,)",
                                    "BatchNormalization", "weights: 50 data sets, 229440 numbers" } },
    { "keras/temp-gru.keras", { "the class GRU is not there; its weights: (10, 96) (32, 96) (2, 96)", "Functional" } },
    { "keras/temp-cnn1d.keras", { "the class Conv1D", "GlobalAveragePooling1D" } },
    { "keras-h5/circuit-lstm.h5", { "the class LSTM", "\"lstm_2\"" } },
    { "keras-h5/hls-3layer-bn.h5", { "BatchNormalization" } },
    { "keras-h5/hls-conv1d-small.h5", { "the class Conv1D" } },
    { "keras-h5/hls-conv2d.h5", { "the class Conv2D" } },
    { "keras-h5/tdt-simplernn.h5", { "the class SimpleRNN is not there; its weights: (234,) (4, 234) (234, 234)" } },
};

TEST(what_is_missing_is_named)
{
    if (!shared_data()) SKIP("no shared data sets");
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        cn_ctx   *c = cn_open();
        cn_array *report = cn_verify(c, model_path(waits[i].file));
        for (int k = 0; k < 3 && waits[i].says[k]; k++) CHECK_STR(cn_string(report, 0), waits[i].says[k]);
        CHECK_STR(cn_string(report, 0), "does not load: ");
        CHECK_INT(cn_error(c), CN_OK);
        cn_model *m = cn_load(c, model_path(waits[i].file));
        CHECK_INT(cn_error(m), CN_E_UNSUPPORTED);
        CHECK_STR(cn_error_message(m), "cn_register_layer");
        cn_close(c);
    }
}

CHECK_MAIN
