/* bits.c: the same seed gives the same bits: twice, on 1 and 2 and 4 threads, and for two threads that predict with one
   model. */
#include "check.h"
#include <cornu.h>
#include <pthread.h>

enum { ROWS = 1000, IN = 70, CLASSES = 10, FLOATS = 100 * CLASSES };

static void data(cn_ctx *c, cn_array **x, cn_array **y)
{
    static float   pixels[ROWS * IN];
    static int32_t label[ROWS];
    uint32_t       state = 7;
    for (int i = 0; i < ROWS; i++) {
        label[i] = i % CLASSES;
        for (int k = 0; k < IN; k++) {
            state = state * 1664525u + 1013904223u;
            pixels[i * IN + k] = (float)(state >> 8) * 0x1p-24f + (k % CLASSES == label[i] ? 0.5f : 0.0f);
        }
    }
    *x = cn_array_from(c, {ROWS, IN}, CN_BUFFER(pixels, ROWS * IN));
    *y = cn_array_from(c, {ROWS}, CN_BUFFER(label, ROWS));
}

static cn_model *network(cn_ctx *c)
{
    cn_model *m = cn_sequential(c, {IN});
    cn_dense(m, 130, .activation = CN_RELU);
    cn_dropout(m, 0.3);
    cn_dense(m, 67, .activation = CN_TANH);
    cn_dense(m, CLASSES, .activation = CN_SOFTMAX);
    return m;
}

/* Trains and gives the bytes of the first layer's kernel and of the loss. */
static bool train(int64_t threads, int64_t seed, float *kernel, double *loss)
{
    cn_ctx   *c = cn_open(.threads = threads, .seed = seed);
    cn_array *x, *y;
    data(c, &x, &y);
    cn_model *m = network(c);
    bool ok =
        !cn_compile(m, .optimizer = CN_ADAM, .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY, .metrics = { CN_ACCURACY }) &&
        !cn_fit(m, x, y, .epochs = 3, .batch_size = 64, .validation_split = 0.1);
    if (!ok) printf("%s\n", cn_error_message(c));
    const float *w = ok ? cn_float32(cn_get_weight(m, "dense/kernel")) : NULL;
    if (w) memcpy(kernel, w, IN * 130 * sizeof *w);
    *loss = cn_result(m, "loss");
    cn_close(c);
    return w != NULL;
}

TEST(twice_and_on_any_number_of_threads)
{
    static float a[IN * 130], b[IN * 130];
    double       la, lb;
    CHECK(train(1, 5, a, &la));
    for (int64_t threads = 1; threads <= 4; threads++) {
        CHECK(train(threads, 5, b, &lb));
        CHECK(!memcmp(a, b, sizeof a) && !memcmp(&la, &lb, sizeof la));
    }
    CHECK(train(1, 6, b, &lb));
    CHECK(memcmp(a, b, sizeof a) != 0);                  /* another seed, other numbers */
}

typedef struct { cn_runner *run; const float *x; float out[FLOATS]; bool ok; } job;
static void *work(void *arg)
{
    job *j = arg;
    j->ok = true;
    for (int i = 0; i < 100; i++)
        if (cn_predict_into(j->run, j->x + i * IN, IN, j->out + i * CLASSES, CLASSES)) j->ok = false;
    return NULL;
}

TEST(two_threads_one_model)
{
    cn_ctx   *c = cn_open(.threads = 1);
    cn_array *x, *y;
    data(c, &x, &y);
    cn_model   *m = network(c);
    static job  jobs[3];
    pthread_t   thread[2];
    for (int i = 0; i < 3; i++) jobs[i] = (job){ .run = cn_prepare(m), .x = cn_float32(x) };
    work(&jobs[2]);
    for (int i = 0; i < 2; i++) CHECK(!pthread_create(&thread[i], NULL, work, &jobs[i]));
    for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < 3; i++) CHECK(jobs[i].ok);
    for (int i = 0; i < 2; i++) CHECK(!memcmp(jobs[i].out, jobs[2].out, sizeof jobs[i].out));
    CHECK(!cn_error(c));
    cn_close(c);
}

CHECK_MAIN
