/* workloads.h: the networks whose steps are measured (steps.c, calls.c; the same ones on the peers: peers/steps.py). */
#ifndef WORKLOADS_H
#define WORKLOADS_H
#include <cornu.h>
#include <stdlib.h>
#include <string.h>

typedef struct { const char *name; int64_t size[6]; int64_t batch, rows, epochs; bool adam, tiny; } workload;
static const workload workloads[] = {
    { "xor 2-8-1 sgd b4",             { 2, 8, 1 },             4,   4,    10000, false, true },
    { "2-8-8-1 sgd b32",              { 2, 8, 8, 1 },          32,  256,  250,   false, true },
    { "784-128-10 sgd b32",           { 784, 128, 10 },        32,  8192, 4,      false, false },
    { "784-128-10 sgd b128",          { 784, 128, 10 },        128, 8192, 6,      false, false },
    { "784-128-10 adam b32",          { 784, 128, 10 },        32,  8192, 4,      true,  false },
    { "784-128-10 adam b128",         { 784, 128, 10 },        128, 8192, 6,      true,  false },
    { "784-512-512-10 sgd b128",      { 784, 512, 512, 10 },   128, 8192, 4,      false, false },
    { "784-512-512-10 adam b32",      { 784, 512, 512, 10 },   32,  8192, 2,      true,  false },
    { "784-512-512-10 adam b128",     { 784, 512, 512, 10 },   128, 8192, 4,      true,  false },
};

static inline cn_model *network(cn_ctx *c, const workload *w)
{
    cn_model *m = cn_sequential(c, {w->size[0]});
    for (int i = 1; w->size[i]; i++) {
        bool last = !w->size[i + 1];
        if (w->tiny) cn_dense(m, w->size[i], .activation = last ? CN_SIGMOID : CN_TANH);
        else cn_dense(m, w->size[i], .activation = last ? CN_SOFTMAX : CN_RELU);
    }
    return m;
}

static inline cn_array *inputs(cn_ctx *c, const workload *w)
{
    int64_t n = w->rows * w->size[0];
    if (w->rows == 4) return cn_array_from(c, {4, 2}, CN_NUMBERS(0,0, 0,1, 1,0, 1,1));
    cn_array *x = cn_array_from(c, {w->rows, w->size[0]}, NULL);
    float    *p = cn_mutable(x);
    uint32_t  state = 1;
    for (int64_t i = 0; p && i < n; i++) p[i] = (float)((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-24f;
    return x;
}

static inline cn_array *targets(cn_ctx *c, const workload *w)
{
    if (w->rows == 4) return cn_array_from(c, {4, 1}, CN_NUMBERS(0, 1, 1, 0));
    cn_array *y = cn_array_from(c, {w->rows, 1}, NULL, .dtype = w->tiny ? CN_FLOAT32 : CN_INT32);
    void     *p = cn_mutable(y);
    for (int64_t i = 0; p && i < w->rows; i++)
        if (w->tiny) ((float *)p)[i] = (float)(i * 7 % 10) * 0.1f;
        else ((int32_t *)p)[i] = (int32_t)(i * 7 % 10);
    return y;
}

/* Compiled for the workload's loss and optimizer. */
static inline cn_status prepare(cn_model *m, const workload *w)
{
    cn_loss loss = w->tiny ? CN_MSE : CN_SPARSE_CATEGORICAL_CROSSENTROPY;
    return cn_compile(m, .optimizer = w->adam ? CN_ADAM : CN_SGD, .loss = loss);
}
#endif
