/* limits.h: what the machine can do, measured in the same run as what is held against it: by the loops that explain and
   profile use. */
#ifndef LIMITS_H
#define LIMITS_H
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "backends/cpu/limits.h"
#include "base/cpu.h"

enum { TRIES = 100 };                                    /* short ones: some of many are not disturbed */

static inline double limits_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct limit_rate { cn_dtype dtype; double best; } limit_rate;
static void *limits_operations(void *with)
{
    limit_rate *r = with;
    for (int i = 0; i < TRIES; i++) {
        double rate = cn__cpu_operations(r->dtype);
        if (rate > r->best) r->best = rate;
    }
    return NULL;
}

/* Operations a second of so many threads together, multiply-adds in registers; a multiply-add is two. */
static inline double limit_flops(cn_dtype dtype, int threads)
{
    pthread_t  thread[64];
    limit_rate rate[64] = { { dtype, 0 } };
    double     all = 0;
    for (int i = 1; i < threads; i++) {
        rate[i] = rate[0];
        if (pthread_create(&thread[i], NULL, limits_operations, &rate[i])) threads = i;
    }
    limits_operations(&rate[0]);
    for (int i = 0; i < threads; i++) {
        if (i) pthread_join(thread[i], NULL);
        all += rate[i].best;
    }
    return all;
}

/* Bytes a second of one thread that reads and writes `bytes` again and again, as an optimizer does. */
static inline double limit_bytes(size_t bytes)
{
    void  *at = aligned_alloc(64, bytes);
    double best = at ? cn__cpu_bytes(at, bytes) : 0;
    free(at);
    return best;
}
#endif
