/* fann.c: FANN on the tiny networks. It has no batches smaller than its data: each batch is a set of data of its own,
   and an epoch goes through them in the same order. usage: fann   (see turns.h) */
#include <fann.h>
#include "../workloads.h"
#include "turns.h"

enum { BATCHES = 8, CHECKED = 4 };
static const workload         *work;
static struct fann            *net;
static struct fann_train_data *batch[BATCHES];
static int64_t                 nbatch;
static float                  *given;                    /* what a prediction is for */

/* The floats of a .npy file, as ours.c writes it: a header of so many bytes as bytes 8 and 9 say, then the numbers. */
static float *numbers_of(const char *folder, const char *name, size_t n)
{
    char   path[4096];
    unsigned char head[10];
    float *p = malloc(n * sizeof *p);
    snprintf(path, sizeof path, "%s/%s.npy", folder, name);
    FILE *f = fopen(path, "rb");
    bool  good = f && p && fread(head, 1, 10, f) == 10 && !fseek(f, head[8] + 256 * head[9], SEEK_CUR) &&
                fread(p, sizeof *p, n, f) == n;
    if (f) fclose(f);
    if (good) return p;
    free(p);
    return NULL;
}

/* Neurons are counted through all layers, each with a bias behind its units. */
static bool set_layer(const char *folder, int layer, unsigned first)
{
    char     name[16];
    unsigned from = (unsigned)work->size[layer], to = (unsigned)work->size[layer + 1];
    snprintf(name, sizeof name, "w%03d", 2 * layer);
    float *kernel = numbers_of(folder, name, (size_t)from * to);
    snprintf(name, sizeof name, "w%03d", 2 * layer + 1);
    float *bias = numbers_of(folder, name, to);
    for (unsigned j = 0; kernel && bias && j < to; j++) {
        for (unsigned i = 0; i < from; i++) fann_set_weight(net, first + i, first + from + 1 + j, kernel[i * to + j]);
        fann_set_weight(net, first + from, first + from + 1 + j, bias[j]);
    }
    bool good = kernel && bias;
    free(kernel);
    free(bias);
    return good;
}

static void end(void)
{
    if (net) fann_destroy(net);
    for (int64_t b = 0; b < nbatch; b++) fann_destroy_train(batch[b]);
    free(given);
    net = NULL, given = NULL, nbatch = 0;
}

static bool set_data(const char *folder)
{
    unsigned rows = work->batch ? (unsigned)work->rows : 1, in = (unsigned)work->size[0];
    given = numbers_of(folder, "x", (size_t)rows * in);
    if (!work->batch) return given;
    float *y = numbers_of(folder, "y", rows);
    for (; given && y && nbatch < work->rows / work->batch && nbatch < BATCHES; nbatch++) {
        struct fann_train_data *data = batch[nbatch] = fann_create_train((unsigned)work->batch, in, 1);
        for (int64_t i = 0; data && i < work->batch; i++) {
            memcpy(data->input[i], given + (nbatch * work->batch + i) * in, in * sizeof *given);
            data->output[i][0] = y[nbatch * work->batch + i];
        }
        if (!data) break;
    }
    free(y);
    return nbatch == work->rows / work->batch;
}

static const char *begin(const char *folder, const char *name)
{
    unsigned sizes[6], layers = 0, first = 0;
    end();
    work = find_workload(name);
    if (!work || !work->tiny) return "the tiny networks only";
    for (; work->size[layers]; layers++) sizes[layers] = (unsigned)work->size[layers];
    net = fann_create_standard_array(layers, sizes);
    if (!net) return "fann_create_standard_array failed";
    fann_set_training_algorithm(net, FANN_TRAIN_BATCH);
    fann_set_train_error_function(net, FANN_ERRORFUNC_LINEAR);
    fann_set_activation_function_hidden(net, FANN_SIGMOID_SYMMETRIC);
    fann_set_activation_steepness_hidden(net, 1);        /* tanh */
    fann_set_activation_function_output(net, FANN_SIGMOID);
    fann_set_activation_steepness_output(net, 0.5f);     /* 1 / (1 + exp(-x)) */
    fann_set_learning_rate(net, 2 * 0.01f);              /* its error is half of the square */
    for (unsigned l = 0; l + 1 < layers; first += sizes[l++] + 1)
        if (!set_layer(folder, (int)l, first)) return "no weights";
    return set_data(folder) ? NULL : "no data";
}

static int64_t run(int64_t times)
{
    for (int64_t t = 0; t < times; t++) {
        if (!work->batch) fann_run(net, given);
        for (int64_t b = 0; b < nbatch; b++) fann_train_epoch(net, batch[b]);
    }
    return work->batch ? times * nbatch : times;
}

static int64_t check(double *numbers, int64_t most)
{
    int64_t n = nbatch < CHECKED ? nbatch : CHECKED, epochs = n ? 100 / n : 1;
    if (!work->batch) return numbers[0] = (double)fann_run(net, given)[0], 1;
    for (int64_t e = 0; e < epochs && e < most; e++) {
        numbers[e] = 0;
        for (int64_t b = 0; b < n; b++) numbers[e] += (double)fann_train_epoch(net, batch[b]) / (double)n;
    }
    return epochs;
}

int main(void)
{
    static const participant self = { begin, check, run };
    take_turns("FANN 2.2", &self);
    end();
    return 0;
}
