/* limits.c: what the machine reaches at best, measured when somebody asks: each thread runs the backend's loops at the
   same time as the others, as the calls of a plan do. */
#include "model/costs.h"
#include "base/cpu.h"

typedef struct probe {
    const cn__backend *backend;
    cn_dtype dtype;
    char    *memory; size_t bytes;                       /* of each thread; NULL: operations are asked for */
    double  *rate;                                       /* by task */
} probe;

static void measure(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const probe *p = args;
    (void)rep, (void)lane;
    p->rate[task] = p->memory ? p->backend->bytes(p->memory + task * p->bytes, p->bytes)
                              : p->backend->operations(p->dtype);
}

static double sum_of(cn_ctx *ctx, const probe *p, int threads)
{
    cn__team *team = threads > 1 ? cn__ctx_team(ctx) : NULL;
    cn__lane  lane = { 0 };
    double    sum = 0;
    if (team) cn__team_run(team, measure, p, 1, (uint32_t)threads, NULL);
    else for (int i = 0; i < threads; i++) measure(p, 0, (uint32_t)i, &lane);
    for (int i = 0; i < threads; i++) sum += p->rate[i];
    return sum;
}

/* Caches of one core, that of the chip, and what is larger than all of them: half of each is used, so that it fits. */
static cn_status measure_memory(cn_ctx *ctx, probe *p, double bytes, cn__limits *l)
{
    enum { MOST = 32 << 20 };
    const cn__cpu *cpu = cn__cpu_info();
    size_t threads = (size_t)l->threads;
    const size_t holds[CN__LIMIT_LEVELS] = { cpu->l1d * threads, cpu->l2 * threads, cpu->l3, SIZE_MAX };
    for (int i = 0; i < CN__LIMIT_LEVELS; i++) {
        size_t below = l->levels ? l->level[l->levels - 1].most : 0;
        if (holds[i] <= below) continue;
        if (below && bytes <= (double)below) break;
        size_t all = holds[i] < SIZE_MAX ? CN__MIN(holds[i] / 2, (size_t)MOST) : 2 * CN__MAX(below, (size_t)MOST / 2);
        p->bytes = CN__MAX(all / threads / 4096 * 4096, (size_t)4096);
        if (!(p->memory = cn__alloc(ctx, p->bytes * threads))) return cn__nomem(ctx);
        l->level[l->levels].most = holds[i];
        l->level[l->levels++].bytes = sum_of(ctx, p, l->threads);
        cn__free(ctx, p->memory, p->bytes * threads);
    }
    return CN_OK;
}

cn_status cn__limits_measure(cn_ctx *ctx, const cn__backend *backend, double bytes, cn__limits *l)
{
    *l = (cn__limits){ .threads = CN__MAX(cn__threads(ctx), 1) };
    probe p = { .backend = backend, .dtype = CN_FLOAT32 };
    if (!backend->operations || !backend->bytes) return CN_OK;
    size_t room = (size_t)l->threads * sizeof *p.rate;
    if (!(p.rate = cn__alloc0(ctx, room))) return cn__nomem(ctx);
    l->operations = sum_of(ctx, &p, l->threads);
    p.dtype = CN_BFLOAT16;
    l->operations_bf16 = sum_of(ctx, &p, l->threads);
    cn_status status = measure_memory(ctx, &p, bytes, l);
    cn__free(ctx, p.rate, room);
    return status;
}

double cn__limits_compute(const cn__limits *l, double operations, bool bf16)
{
    double rate = bf16 ? l->operations_bf16 : l->operations;
    return rate > 0 ? operations / rate : 0;
}

double cn__limits_move(const cn__limits *l, double bytes)
{
    for (int i = 0; i < l->levels; i++)
        if (bytes <= (double)l->level[i].most || i == l->levels - 1) return bytes / l->level[i].bytes;
    return 0;
}
