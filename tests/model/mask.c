/* mask.c: steps that do not count: masks go with tensors through the layers to the loss and the metrics. The numbers are
   Keras's own (3.15), with its Masking layer. */
#include "check.h"
#include <cornu.h>

typedef struct { cn_ctx *c; cn_model *m; cn_dataset *ds; cn_tensor *out; } setting;
static const double kept[] = { 1, 1, 0, 1, 0, 0 };

static setting begin(cn_array *(*weights)(cn_ctx *))
{
    setting s = { .c = cn_open() };
    cn_tensor *x = cn_input(s.c, {3, 1}), *mask = cn_input(s.c, {3}, .dtype = CN_BOOL);
    cn_tensor *h = cn_call(cn_activation(s.c, CN_RELU), x, .mask = mask);
    CHECK(cn_mask(x) == NULL && cn_mask(h) == mask);
    s.out = cn_dense(h, 1, .kernel_initializer = CN_ONES, .bias_initializer = CN_ONES, .name = "d");
    CHECK(cn_mask(s.out) == mask);                       /* it goes on */
    s.m = cn_functional({ x, mask }, { s.out });
    CHECK(!cn_compile(s.m, .optimizer = cn_sgd(.learning_rate = 0.1), .loss = CN_MSE, .metrics = { CN_METRIC_MAE },
                      .weighted_metrics = { CN_METRIC_MAE }));
    s.ds = cn_dataset_from(s.c,
                           .x = { cn_array_from(s.c, {2, 3, 1}, CN_NUMBERS(1, 2, 0, 3, 0, 0)),
                                  cn_array_from(s.c, {2, 3}, &(cn_values){ CN_FLOAT64, 6, kept }, .dtype = CN_BOOL) },
                           .y = { cn_array_from(s.c, {2, 3, 1}, CN_NUMBERS(1, 1, 5, 2, 7, 9)) },
                           .sample_weight = weights ? weights(s.c) : NULL);
    return s;
}
static double at(setting s, const char *path) { return cn_at(cn_get_weight(s.m, path), 0, 0); }
static cn_array *of_samples(cn_ctx *c) { return cn_array_from(c, {2}, CN_NUMBERS(1, 3)); }
static cn_array *of_steps(cn_ctx *c) { return cn_array_from(c, {2, 3}, CN_NUMBERS(1, 2, 3, 4, 5, 6)); }

CHECK_MAIN
