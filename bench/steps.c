/* steps.c: what a step of training costs through the public interface, and its share of the machine's limit (the time
   that the multiply-adds need at the rate measured for their precision, and the optimizer's bytes at the rate measured
   for the memory level they lie in): of the best step and of the median. usage: steps [PART-OF-A-NAME] [THREADS] */
#include "limits.h"
#include "workloads.h"

static double weights(const workload *w)
{
    double n = 0;
    for (int i = 1; w->size[i]; i++) n += (double)(w->size[i - 1] + 1) * (double)w->size[i];
    return n;
}

/* Forward and the weights' gradient for all layers, the inputs' gradient for all but the first. */
static double operations(const workload *w)
{
    double f = 0;
    for (int i = 1; w->size[i]; i++)
        f += (i == 1 ? 4.0 : 6.0) * (double)w->batch * (double)w->size[i - 1] * (double)w->size[i];
    return f;
}

enum { MOST = 301 };

static void measure(const workload *w, int64_t threads, double flops, double bytes)
{
    cn_ctx   *c = cn_open(.threads = threads);
    cn_array *x = inputs(c, w), *y = targets(c, w);
    cn_model *m = network(c, w);
    int64_t   steps = w->rows / w->batch * w->epochs;
    double    took[MOST];
    int       times = w->tiny ? MOST : 15;               /* short ones: some of many are not disturbed */
    if (prepare(m, w) || cn_fit(m, x, y, .batch_size = w->batch)) {
        printf("%s\n", cn_error_message(c));
        cn_close(c);
        return;
    }
    for (int r = 0; r < times; r++) {
        double start = limits_now();
        if (cn_fit(m, x, y, .epochs = w->epochs, .batch_size = w->batch)) printf("%s\n", cn_error_message(c));
        double t = (limits_now() - start) / (double)steps;
        int    k = r;
        for (; k > 0 && took[k - 1] > t; k--) took[k] = took[k - 1];
        took[k] = t;
    }
    double limit = operations(w) / flops + weights(w) * (w->adam ? 28 : 12) / bytes;
    double median = took[times / 2];
    printf("%-28s %2d threads %12.0f ns min %12.0f ns median", w->name, (int)threads, took[0] * 1e9, median * 1e9);
    if (!w->tiny)
        printf("   limit %10.0f ns, share %5.1f %% min %5.1f %% median", limit * 1e9, 100 * limit / took[0],
               100 * limit / median);
    printf("\n");
    cn_close(c);
}

int main(int argc, char **argv)
{
    int threads = argc > 2 ? atoi(argv[2]) : cn__cpu_info()->processors;
    const double bytes = limit_bytes(8 << 20);
    const size_t levels[] = { cn__cpu_info()->l1d, cn__cpu_info()->l2, cn__cpu_info()->l3 / 2, (size_t)256 << 20 };
    printf("%s, %s\n", cn__cpu_info()->name,
           cn__cpu_info()->isa == CN__AVX512 ? "avx512"
           : cn__cpu_info()->isa == CN__AVX2 ? "avx2"
                                             : "portable");
    /* by whether it is mixed */
    const double one[] = { limit_flops(CN_FLOAT32, 1), limit_flops(CN_BFLOAT16, 1) };
    const double all[] = { limit_flops(CN_FLOAT32, threads), limit_flops(CN_BFLOAT16, threads) };
    printf("limits: %.0f GFLOP/s on one thread (bfloat16 %.0f), %.0f (%.0f) on %d; %.1f GB/s within 8 MiB\n",
           one[0] * 1e-9, one[1] * 1e-9, all[0] * 1e-9, all[1] * 1e-9, threads, bytes * 1e-9);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        printf("%s%.0f GB/s within %zu KiB", i ? ", " : "one thread: ", limit_bytes(levels[i] / 64 * 64) * 1e-9,
               levels[i] >> 10);
    printf("\n");
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        if (argc > 1 && !strstr(workloads[i].name, argv[1])) continue;
        measure(&workloads[i], 1, one[workloads[i].mixed], bytes);
        if (threads > 1 && !workloads[i].tiny) measure(&workloads[i], threads, all[workloads[i].mixed], bytes);
    }
    return 0;
}
