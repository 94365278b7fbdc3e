/* products.c: products of one thread by the processor's kernels, float32 and bfloat16: GFLOP/s and share of the limit
   measured in the same run. B is a weight and lies in its panels; A is row-major float32, as activations are: what
   rounds or packs it is reported apart. usage: products [PART-OF-A-FORM] [PART-OF-A-SHAPE]; CN_CPU chooses the path */
#include "limits.h"
#include "exec/exec.h"
#include "graph/build.h"

typedef struct { const char *name; bool ta, tb, weight; } form;
static const form forms[] = {
    { "x w", false, false, true },
    { "dy w'", false, true, true },
    { "x' dy", true, false, false },
};
static const int64_t shapes[][3] = {                     /* M, N, K of performance.md, tables 1.1 and 1.2 */
    { 64, 512, 128 },   { 128, 128, 768 },    { 256, 768, 768 },    { 256, 3072, 768 },
    { 256, 768, 3072 }, { 1024, 1024, 1024 }, { 2048, 2048, 2048 }, { 1, 784, 512 },
};

typedef struct { cn_graph *graph; cn__var *weight; cn__exec exec; cn__plan *plan; cn__linked *linked; } job;

static cn__type matrix(int64_t rows, int64_t cols)
{
    return (cn__type){ .dtype = CN_FLOAT32, .rank = 2, .dim = { rows, cols } };
}

static void fill(void *at, const cn__type *t)
{
    for (int64_t i = 0; i < cn__type_count(t); i++) ((float *)at)[i] = (float)(i * 7 % 31 - 15) / 16;
}

static bool prepare(cn_ctx *ctx, cn__arena *names, const form *f, const int64_t *shape, bool bf16, job *j)
{
    int64_t  m = shape[0], n = shape[1], k = shape[2];
    cn__type a = f->ta ? matrix(k, m) : matrix(m, k), b = f->tb ? matrix(n, k) : matrix(k, n);
    j->graph = cn__graph_new(ctx);
    j->weight = cn__var_new(ctx, names, "w", &b, CN__WEIGHT, CN__SCOPE_MODEL, true);
    cn__bf16_set(j->graph, bf16);
    cn__val x = cn__input(j->graph, &a, "x"), w = f->weight ? cn__variable(j->graph, j->weight)
                                                            : cn__input(j->graph, &b, "dy");
    cn__root(j->graph, cn__matmul(j->graph, x, w, f->ta, f->tb));
    if (!cn__exec_open(&j->exec, ctx, NULL)) return false;
    j->plan = cn__plan_make(ctx, cn__backend_find("cpu"), j->graph);
    j->linked = j->plan && cn__exec_reserve(&j->exec, j->plan) ? cn__link(&j->exec, j->plan) : NULL;
    if (!j->linked) return false;
    fill(j->weight->master, &b);
    fill(cn__linked_input(&j->exec, j->linked, 0), &a);
    if (!f->weight) fill(cn__linked_input(&j->exec, j->linked, 1), &b);
    cn__leg  leg = { j->linked, 1, 0 };                  /* packs the mirror */
    uint64_t done = 0;
    return cn__run_legs(&j->exec, &leg, 1, &done, UINT64_MAX, 0) == CN__RUN_DONE;
}

static void finish(job *j)
{
    if (j->linked) cn__unlink(&j->exec, j->linked);
    cn__plan_unref(j->plan);
    cn__exec_close(&j->exec);
    cn__unref(j->graph);
    cn__var_free(j->weight);
}

/* The least time of each task, over rounds through all calls: what disturbs a round seldom disturbs them all. The
   product comes last. */
static void measure(const job *j, double *product, double *before)
{
    enum { TASKS = 256, LEAST = 20 };
    static double best[TASKS];
    double   begin = limits_now();
    uint32_t n = j->plan->ncompute, at;
    cn__lane lane = j->exec.lane0;
    for (int r = 0; r < LEAST || limits_now() - begin < 0.5; r++) {
        at = 0;
        for (uint32_t k = 0; k < n; k++)
            for (uint32_t t = 0; t < j->linked->call[k].ntask; t++, at++) {
                double start = limits_now();
                j->linked->call[k].fn(j->linked->call[k].args, 0, t, &lane);
                double took = limits_now() - start;
                if (!r || took < best[at]) best[at] = took;
            }
    }
    *product = *before = 0, at = 0;
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t t = 0; t < j->linked->call[k].ntask; t++, at++) *(k + 1 < n ? before : product) += best[at];
}

static void report(const form *f, const int64_t *shape, bool bf16, double limit)
{
    cn_ctx   *ctx = cn_open(.threads = 1);
    cn__arena names = { .ctx = ctx };
    job       j = { 0 };
    double    product, before, flop = 2.0 * (double)shape[0] * (double)shape[1] * (double)shape[2];
    if (prepare(ctx, &names, f, shape, bf16, &j)) {
        measure(&j, &product, &before);
        printf("%-6s %-8s %5dx%4dx%4d %9.1f us %7.1f GFLOP/s %5.1f %% of the limit; %5.1f %% with %.1f us before it\n",
               f->name, bf16 ? "bfloat16" : "float32", (int)shape[0], (int)shape[1], (int)shape[2], product * 1e6,
               flop / product * 1e-9, 100 * flop / product / limit, 100 * flop / (product + before) / limit,
               before * 1e6);
        fflush(stdout);
    } else fprintf(stderr, "%s\n", cn_error_message(ctx));
    finish(&j);
    cn__arena_free(&names);
    cn_close(ctx);
}

int main(int argc, char **argv)
{
    double floats = limit_flops(CN_FLOAT32, 1), pairs = limit_flops(CN_BFLOAT16, 1);
    printf("%s; limits of one core: float32 %.0f GFLOP/s, bfloat16 %.0f\n", cn__cpu_info()->name, floats * 1e-9,
           pairs * 1e-9);
    for (size_t f = 0; f < CN__COUNT(forms); f++)
        for (size_t s = 0; s < CN__COUNT(shapes); s++) {
            char name[64];
            snprintf(name, sizeof name, "%dx%dx%d", (int)shapes[s][0], (int)shapes[s][1], (int)shapes[s][2]);
            if ((argc > 1 && !strstr(forms[f].name, argv[1])) || (argc > 2 && !strstr(name, argv[2]))) continue;
            report(&forms[f], shapes[s], false, floats);
            report(&forms[f], shapes[s], true, pairs);
        }
    return 0;
}
