/* workloads.h: the networks that steps.c, calls.c, predict.c and peers/ours.c measure; workloads.def lists them. */
#ifndef WORKLOADS_H
#define WORKLOADS_H
#include <cornu.h>
#include <stdlib.h>
#include <string.h>

/* Of a prediction: batch, rows, epochs 0. */
typedef struct { const char *name; int64_t size[6]; int64_t batch, rows, epochs; bool adam, tiny, mixed; } workload;
enum { IS_sgd, IS_adam, IS_classes = 0, IS_squares, IS_float32 = 0, IS_bfloat16 };
#define LIST(...) __VA_ARGS__
#define WORKLOAD(name, sizes, batch, rows, epochs, task, rule, precision)                                              \
    { name, { LIST sizes }, batch, rows, epochs, IS_##rule, IS_##task, IS_##precision },
#define PREDICTION(name, sizes, task)
static const workload workloads[] = {
#include "workloads.def"
};
#undef WORKLOAD
#undef PREDICTION
#define WORKLOAD(name, sizes, batch, rows, epochs, task, rule, precision)
#define PREDICTION(name, sizes, task) { name, { LIST sizes }, .tiny = IS_##task },
static const workload predictions[] = {
#include "workloads.def"
};
#undef WORKLOAD
#undef PREDICTION

static inline const workload *find_workload(const char *name)
{
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
        if (!strcmp(workloads[i].name, name)) return &workloads[i];
    for (size_t i = 0; i < sizeof predictions / sizeof *predictions; i++)
        if (!strcmp(predictions[i].name, name)) return &predictions[i];
    return NULL;
}

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

/* Compiled for the workload's loss, optimizer and precision; with Adam as fit is mostly run, the accuracy counted. */
static inline cn_status prepare(cn_model *m, const workload *w)
{
    cn_loss   loss = w->tiny ? CN_MSE : CN_SPARSE_CATEGORICAL_CROSSENTROPY;
    cn_metric accuracy = w->adam ? CN_ACCURACY : (cn_metric){ 0 };
    return cn_compile(m, .optimizer = w->adam ? CN_ADAM : CN_SGD, .loss = loss, .metrics = { accuracy },
                      .precision = w->mixed ? CN_MIXED_BFLOAT16 : 0);
}
#endif
