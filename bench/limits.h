/* limits.h: what the machine can do, measured in the same run as what is held against it. */
#ifndef LIMITS_H
#define LIMITS_H
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/cpu.h"

static double limits_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { ROUNDS = 200000, TRIES = 200 };       /* short ones: some of many are not disturbed */

/* Multiply-adds in independent chains of vectors that never leave the registers: floating-point operations a
   second. */
#define CHAINS_12(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define CHAINS_24(X) CHAINS_12(X) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23)
#define BEGIN(i) v a##i = (v){ 0 } + (float)i;
#define GO_ON(i) FMA(a##i, m, c);
#define ADD_UP(i) sum += a##i;
#define FMA_LOOP(name, for_isa, bytes, n)                                                                             \
    for_isa __attribute__((noinline)) static double name(void)                                                        \
    {                                                                                                                 \
        typedef float v __attribute__((vector_size(bytes)));                                                          \
        v m = (v){ 0 } + 0.999f, c = (v){ 0 } + 1e-3f, sum = (v){ 0 };                                                \
        CHAINS_##n(BEGIN)                                                                                             \
        double start = limits_now();                                                                                  \
        for (int r = 0; r < ROUNDS; r++) { CHAINS_##n(GO_ON) }                                                        \
        double took = limits_now() - start;                                                                           \
        CHAINS_##n(ADD_UP)                                                                                            \
        volatile float keep = sum[0];                                                                                 \
        (void)keep;                                                                                                   \
        return 2.0 * n * ROUNDS * (double)(bytes / 4) / took;                                                         \
    }
#if defined __x86_64__
#define FMA(a, m, c) __asm__("vfmadd213ps %2, %1, %0" : "+v"(a) : "v"(m), "v"(c))
FMA_LOOP(fma_avx512, __attribute__((target("avx512f"))), 64, 12)
FMA_LOOP(fma_avx2, __attribute__((target("avx2,fma"))), 32, 12)
#undef FMA
#define FMA(a, m, c) __asm__("vdpbf16ps %2, %1, %0" : "+v"(a) : "v"(m), "v"(c))
FMA_LOOP(dot_avx512_bf16, __attribute__((target("avx512f"))), 64, 24)
#undef FMA
#endif
#define FMA(a, m, c) ((a) = (a) * (m) + (c))
FMA_LOOP(fma_portable, , 16, 12)
#undef FMA

static void *limits_fma(void *result)
{
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        double rate;
#if defined __x86_64__
        rate = cn__cpu_info()->isa == CN__AVX512 ? fma_avx512()
               : cn__cpu_info()->isa == CN__AVX2 ? fma_avx2()
                                                 : fma_portable();
#else
        rate = fma_portable();
#endif
        if (rate > best) best = rate;
    }
    *(double *)result = best;
    return NULL;
}

/* float32 operations a second of so many threads together. */
static inline double limit_flops(int threads)
{
    pthread_t thread[64];
    double    rate[64], all = 0;
    for (int i = 1; i < threads; i++)
        if (pthread_create(&thread[i], NULL, limits_fma, &rate[i])) threads = i;
    limits_fma(&rate[0]);
    for (int i = 0; i < threads; i++) {
        if (i) pthread_join(thread[i], NULL);
        all += rate[i];
    }
    return all;
}

/* Operations a second of one thread on bfloat16 pairs; 0: its products are float32's (base/cpu.h). */
static inline double limit_pairs(void)
{
    double best = 0;
#if defined __x86_64__
    for (int i = 0; i < TRIES && cn__cpu_info()->pairs; i++) {
        double rate = 2 * dot_avx512_bf16();             /* two multiply-adds where float32 has one */
        if (rate > best) best = rate;
    }
#endif
    return best;
}

/* Bytes a second of one thread that reads and writes `bytes` again and again: a = b + c a, as an optimizer does. */
static inline double limit_bytes(size_t bytes)
{
    size_t n = bytes / 3 / sizeof(float);
    float *a = malloc(3 * n * sizeof *a), *b = a + n, *c = b + n;
    double best = 0;
    if (!a) return 0;
    for (size_t i = 0; i < 3 * n; i++) a[i] = 1;
    for (int r = 0; r < 12; r++) {
        double start = limits_now();
        for (size_t i = 0; i < n; i++) a[i] = b[i] + c[i] * a[i];
        double rate = 4.0 * (double)n * sizeof(float) / (limits_now() - start);
        if (rate > best) best = rate;
    }
    volatile float keep = a[n / 2];
    (void)keep;
    free(a);
    return best;
}
#endif
