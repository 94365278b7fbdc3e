/* limits.h: what one thread reaches at best, which is what explain and profile hold calls against. */
#ifndef CN__CPU_LIMITS_H
#define CN__CPU_LIMITS_H
#include "backends/backend.h"

typedef struct cn__limit_loops {
    double (*multiply_adds)(int64_t rounds, float *sum);                 /* gives the operations that it did */
    /* a = b + c a, as an optimizer does; loops of float32 only */
    void   (*stream)(float *a, const float *b, const float *c, int64_t n);
} cn__limit_loops;
extern const cn__limit_loops cn__limits_avx512, cn__limits_avx2, cn__limits_portable, cn__limits_avx512_bf16,
    cn__limits_amx;

double cn__cpu_operations(cn_dtype);                     /* a second, of products of this type */
double cn__cpu_bytes(void *at, size_t bytes);            /* a second, read and written, in memory of this size */
#endif
