/* falling.h: a model whose weight falls by the learning rate each step, and what is said while it learns. */
#ifndef FALLING_H
#define FALLING_H
#include "check.h"
#include <cornu.h>

static char heard[1 << 16];
static void listen(cn_level level, const char *text, void *user)
{
    (void)user;
    if (level == CN_LOG_PROGRESS || level == CN_LOG_WARNING)
        snprintf(heard + strlen(heard), sizeof heard - strlen(heard), "%s%s", text,
                 level == CN_LOG_WARNING ? "\n" : "");
}

typedef struct { cn_ctx *c; cn_model *m; cn_array *x, *y; } setting;
/* y = 0, p = w: with SGD and MAE w falls by the learning rate each step: 1, 0.5, 0, -0.5 ... */
static setting begin(double rate)
{
    setting s;
    *heard = 0;
    s.c = cn_open(.log = { listen, NULL });
    s.m = cn_sequential(s.c, {1});
    cn_dense(s.m, 1, .use_bias = CN_NO, .kernel_initializer = CN_ONES, .name = "d");
    s.x = cn_array_from(s.c, {2, 1}, CN_NUMBERS(1, 1)), s.y = cn_array_from(s.c, {2, 1}, NULL);
    CHECK(!cn_compile(s.m, .optimizer = cn_sgd(.learning_rate = rate), .loss = CN_MAE, .metrics = { CN_METRIC_MSE }));
    return s;
}
#endif
