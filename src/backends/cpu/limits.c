/* limits.c: how fast one thread multiplies and adds, and moves memory of a size. The best of some short runs each: what
   disturbs a run only makes it slower. */
#include "backends/cpu/limits.h"
#include "base/cpu.h"
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const cn__limit_loops *loops(void)
{
#if defined __x86_64__
    switch (cn__cpu_info()->isa) {
    case CN__AVX512: return &cn__limits_avx512;
    case CN__AVX2:   return &cn__limits_avx2;
    default:         break;
    }
#endif
    return &cn__limits_portable;
}

/* Without instructions for pairs, products of bfloat16 are products of float32. */
static const cn__limit_loops *loops_of(cn_dtype dtype)
{
#if defined __x86_64__
    if (dtype == CN_BFLOAT16 && cn__cpu_info()->tiles) return &cn__limits_amx;
    if (dtype == CN_BFLOAT16 && cn__cpu_info()->pairs) return &cn__limits_avx512_bf16;
#endif
    return (void)dtype, loops();
}

double cn__cpu_operations(cn_dtype dtype)
{
    enum { RUNS = 12, ROUNDS = 20000 };
    const cn__limit_loops *l = loops_of(dtype);
    double best = 0;
    float  sum;
    for (int i = 0; i < RUNS; i++) {
        double start = now(), done = l->multiply_adds(ROUNDS, &sum), rate = done / (now() - start);
        best = CN__MAX(best, rate);
    }
    return best;
}

double cn__cpu_bytes(void *at, size_t bytes)
{
    enum { RUNS = 8, LEAST = 1 << 20, WORDS = 4 };       /* three are read, one is written */
    int64_t n = (int64_t)(bytes / 3 / 64 * 16), times = 1 + LEAST / (int64_t)bytes;
    float  *a = at, *b = a + n, *c = b + n;
    double  best = 0;
    memset(at, 0, bytes);
    for (int i = 0; i < RUNS; i++) {
        double start = now();
        for (int64_t k = 0; k < times; k++) loops()->stream(a, b, c, n);
        double rate = WORDS * sizeof(float) * (double)n * (double)times / (now() - start);
        best = CN__MAX(best, rate);
    }
    return best;
}
