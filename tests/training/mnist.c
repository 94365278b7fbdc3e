/* mnist.c: scores on real digits, against the shared data's reference scores. Skips where the data are absent. */
#include "check.h"
#include <cornu.h>

static const char *path(const char *name)
{
    static char   at[4][512];
    static int    turn;
    const char   *folder = getenv("CN_DATA");
    char         *to = at[turn++ % 4];
    snprintf(to, sizeof at[0], "%s/mnist/%s", folder ? folder : CN_SOURCE_DIR "/../shared/data", name);
    return to;
}

static bool absent(void)
{
    FILE *f = fopen(path("train-images-idx3-ubyte.gz"), "rb");
    if (f) fclose(f);
    return !f;
}

/* 784-128-10, Adam, batches of 128: the test accuracy. */
static double score(int64_t seed, int64_t epochs)
{
    cn_ctx   *c  = cn_open(.seed = seed);
    cn_array *x  = cn_array_from_idx(c, path("train-images-idx3-ubyte.gz"));
    cn_array *y  = cn_array_from_idx(c, path("train-labels-idx1-ubyte.gz"));
    cn_array *xt = cn_array_from_idx(c, path("t10k-images-idx3-ubyte.gz"));
    cn_array *yt = cn_array_from_idx(c, path("t10k-labels-idx1-ubyte.gz"));
    cn_model *m  = cn_sequential(c, {28, 28});
    cn_rescaling(m, 1.0 / 255);
    cn_flatten(m);
    cn_dense(m, 128, .activation = CN_RELU);
    cn_dense(m, 10, .activation = CN_SOFTMAX);
    double accuracy = 0;
    if (cn_compile(m, .optimizer = CN_ADAM, .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY, .metrics = { CN_ACCURACY }) ||
        cn_fit(m, x, y, .epochs = epochs, .batch_size = 128) || cn_evaluate(m, xt, yt))
        printf("%s\n", cn_error_message(c));
    else
        accuracy = cn_result(m, "accuracy");
    cn_close(c);
    return accuracy;
}

TEST(five_epochs_as_keras)
{
    if (absent()) SKIP("no MNIST in the data folder");
    double mean = 0;
    for (int seed = 1; seed <= 5; seed++) {
        double a = score(seed, 5);
        printf("seed %d: %.4f\n", seed, a);
        mean += a / 5;
    }
    CHECK(mean > 0.9735 - 0.0015 && mean < 0.9735 + 0.0035);     /* Keras: 97.3 to 97.4 % */
}

TEST(fifteen_epochs)
{
    if (absent()) SKIP("no MNIST in the data folder");
    double a = score(1, 15);
    printf("15 epochs: %.4f\n", a);
    CHECK(a >= 0.978);
}

CHECK_MAIN
