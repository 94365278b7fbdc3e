/* costs.c: what the nodes of a plan have to do. A primitive's operations are counted by its shape, a composite's by
   those of its decomposition, which is its specification; bytes are what it reads and writes, each operand once. */
#include "model/costs.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Operations -------------------------------------------------------------------------------------------------- */
static double numbers(const cn_graph *g, cn__val v) { return v ? (double)cn__type_count(cn__type_of(g, v)) : 0; }

static double primitive(const cn_graph *g, const cn__inst *i)
{
    cn__val a = i->nin ? cn__in(g, i)[0] : 0;
    const cn__type *t = a ? cn__type_of(g, a) : NULL;
    switch (i->op) {
    case CN__OP_MATMUL:                                  /* a product and a sum for each number and step of the depth */
        return 2 * numbers(g, i->out) *
               (double)t->dim[((const cn__a_matmul *)i->attr)->ta ? t->rank - 2 : t->rank - 1];
    case CN__OP_SUM: case CN__OP_PROD: case CN__OP_REDUCE_MAX: case CN__OP_REDUCE_MIN: case CN__OP_ANY: case CN__OP_ALL:
    case CN__OP_ARGMAX: case CN__OP_ARGMIN: case CN__OP_CUMSUM: case CN__OP_SORT:
        return numbers(g, a);
    case CN__OP_SCATTER_ADD: case CN__OP_SCATTER_ALONG:
        return numbers(g, cn__in(g, i)[1]);
    default: return cn__ops[i->op].flags & (CN__F_ELEMENTWISE | CN__F_RANDOM) ? numbers(g, i->out) : 0;
    }
}

static double operations(const cn_graph *, const cn__inst *, const bool *wanted);

/* The decomposition on inputs like these, as far as the wanted results need it; false: no memory for it. */
static bool decompose(cn_graph *d, const cn_graph *g, const cn__inst *i, const bool *wanted)
{
    cn__val in[CN_MAX_IO], out[CN_MAX_IO];
    if (i->nin > CN_MAX_IO || i->nout > CN_MAX_IO) return true;
    for (int k = 0; k < i->nin; k++) {
        cn__val v = cn__in(g, i)[k];
        in[k] = v ? cn__input(d, cn__type_of(g, v), NULL) : 0;
    }
    if (!cn__graph_ok(d) || !cn__decompose(d, i, in, out)) return false;
    for (int k = 0; k < i->nout; k++)
        if (!wanted || wanted[i->out + (cn__val)k]) cn__root(d, out[k]);
    return cn__graph_ok(d) && cn__graph_compact(d);
}

/* NaN: out of memory. */
static double composite(const cn_graph *g, const cn__inst *i, const bool *wanted)
{
    cn_graph *d = cn__graph_new(g->obj.ctx);
    double    sum = 0;
    if (cn__bad(d)) return NAN;
    if (!decompose(d, g, i, wanted)) sum = NAN;
    for (size_t k = 1; k < d->insts.n && !isnan(sum); k++) sum += operations(d, &d->insts.at[k], NULL);
    cn__unref(d);
    return sum;
}

static double operations(const cn_graph *g, const cn__inst *i, const bool *wanted)
{
    return cn__ops[i->op].decomp ? composite(g, i, wanted) : primitive(g, i);
}

static bool bfloat16(const cn__inst *i)
{
    switch (i->op) {
    case CN__OP_MATMUL:  return ((const cn__a_matmul *)i->attr)->bf16;
    case CN__OP_PRODUCT: return ((const cn__a_fused *)i->attr)->bf16;
    case CN__OP_DENSE: case CN__OP_DENSE_GRAD: return ((const cn__a_dense *)i->attr)->bf16;
    default: return false;
    }
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */
static double bytes_of(const cn_graph *g, cn__val v) { return v ? (double)cn__type_bytes(cn__type_of(g, v)) : 0; }

/* Packed copies of weights that an update writes beside them; one in which a variable resides stands for it. */
static double mirrors(const cn__plan *p, const cn__inst *i)
{
    const cn_graph *g = p->graph;
    double bytes = 0;
    for (size_t k = 0; k < g->assigns.n; k++) {
        const cn__assign *a = &g->assigns.at[k];
        if (a->val < i->out || a->val >= i->out + i->nout) continue;
        cn__place at = p->place[a->val];
        for (int j = 0; j < a->var->mirrors; j++)
            if (at.space != CN__MIRRORS || p->use[at.slot].resides != j + 1) bytes += (double)a->var->mirror[j].bytes;
    }
    return bytes;
}

static double moved(const cn_graph *g, const cn__inst *i, const bool *wanted, const cn__exec *e)
{
    double bytes = 0;
    for (int k = 0; k < i->nin; k++) bytes += bytes_of(g, cn__in(g, i)[k]);
    for (int k = 0; k < i->nout; k++)
        if (wanted[i->out + (cn__val)k]) bytes += bytes_of(g, i->out + (cn__val)k);
    if (i->op != CN__OP_BATCH) return bytes;
    const cn__a_batch *b = i->attr;                      /* rows of the data: as they lie there, once there are any */
    size_t row = (uint32_t)b->feed < e->nfeeds ? e->feeds[b->feed].row_bytes : 0;
    return bytes + (row ? (double)row * (double)b->dim[0] : bytes);
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */
static bool mark_wanted(const cn_graph *g, bool *wanted)
{
    if (!wanted) return cn__nomem(g->obj.ctx), false;
    for (size_t k = 1; k < g->insts.n; k++)
        for (int j = 0; j < g->insts.at[k].nin; j++) wanted[cn__in(g, &g->insts.at[k])[j]] = true;
    for (size_t k = 0; k < g->roots.n; k++) wanted[g->roots.at[k]] = true;
    for (size_t k = 0; k < g->checks.n; k++) wanted[g->checks.at[k]] = true;
    for (size_t k = 0; k < g->assigns.n; k++) wanted[g->assigns.at[k].val] = wanted[g->assigns.at[k].guard] = true;
    return true;
}

static bool in_place(const cn__plan *p, const cn__inst *i)
{
    uint8_t space = p->place[i->out].space;
    return cn__ops[i->op].flags & CN__F_UPDATE && (space == CN__VARS || space == CN__MIRRORS);
}

static void add_work(cn__cost *c, const cn__plan *p, const cn__inst *i, const bool *wanted, const cn__exec *e)
{
    c->operations += operations(p->graph, i, wanted);
    c->bytes += moved(p->graph, i, wanted, e) + mirrors(p, i);
    c->bf16 = bfloat16(i);
}

/* An update in place stands for all that are one call with it; other calls of the commit are copies. */
static void work_of(cn__cost *c, const cn__plan *p, const bool *wanted, const cn__exec *e)
{
    const cn_graph *g = p->graph;
    const cn__inst *i = &g->insts.at[p->call[c->first].inst];
    if (!i->op) return;
    if (c->first < p->ncompute) add_work(c, p, i, wanted, e);
    else if (!in_place(p, i)) c->bytes = 2 * bytes_of(g, i->out) * c->calls;
    else for (size_t k = 1; k < g->insts.n; k++) {
        const cn__inst *other = &g->insts.at[k];
        bool rides = p->backend->prepare_updates ? in_place(p, other) && cn__one_update(i, other) : other == i;
        if (rides) add_work(c, p, other, wanted, e);
    }
}

static void name_kernel(cn__cost *c, const cn__plan *p, uint32_t k)
{
    size_t n = strlen(c->kernel);
    c->tasks = CN__MAX(c->tasks, p->call[k].nrep * p->call[k].ntask);
    if (p->detail[k]) c->detail = p->detail[k];
    if (!n || !strstr(c->kernel, p->kernel[k]))
        snprintf(c->kernel + n, sizeof c->kernel - n, "%s%s", n ? " + " : "", p->kernel[k]);
}

static bool make_nodes(cn__costs *c, const bool *wanted)
{
    const cn__plan *p = c->program->plan;
    const cn_graph *g = p->graph;
    for (uint32_t k = 0; k < p->ncompute + p->ncommit; k++) {
        cn__cost *last = c->n ? &c->at[c->n - 1] : NULL;
        bool on = last && p->call[k].inst && p->call[last->first].inst == p->call[k].inst && k != p->ncompute;
        if (!on) {
            const cn__inst *i = &g->insts.at[p->call[k].inst];
            last = &c->at[c->n++];
            *last = (cn__cost){ .layer = i->op ? g->origins.at[i->origin] : "", .first = k,
                                .op = i->op ? cn__ops[i->op].name : "" };
            if (i->op) cn__type_text(cn__type_of(g, i->out), last->result, sizeof last->result);
        }
        last->calls++;
        name_kernel(last, p, k);
    }
    for (size_t k = 0; k < c->n; k++) {
        work_of(&c->at[k], p, wanted, &c->m->exec);
        if (isnan(c->at[k].operations)) return cn__nomem(c->m->obj.ctx), false;
    }
    return true;
}

/* ---- Time -------------------------------------------------------------------------------------------------------- */
/* What a look at the clock takes: each interval between two has one in it. */
static double clock_cost(void)
{
    double least = 1;
    for (int i = 0; i < 100; i++) {
        double start = cn__now(), took = cn__now() - start;
        if (took < least) least = took;
    }
    return least;
}

static double row_sum(const double *row, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += row[k];
    return sum;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void add_row(cn__costs *c, const double *row, double clock)
{
    for (size_t k = 0; k < c->n; k++)
        for (uint32_t j = 0; j < c->at[k].calls; j++)
            c->at[k].seconds += CN__MAX(row[1 + c->at[k].first + j] - clock, 0);
}

/* Means over the faster half of the steps: what disturbs a step only makes it slower. What stands between two is known
   where both were under the clock. */
static cn_status take_times(cn__costs *c, const cn__timer *t)
{
    const cn__plan *p = c->program->plan;
    size_t   width = 1 + p->ncompute + p->ncommit, n = (size_t)t->steps, kept = 0, pairs = 0;
    double  *sum = cn__alloc(c->m->obj.ctx, n * sizeof *sum), clock = clock_cost();
    if (!sum) return cn__nomem(c->m->obj.ctx);
    for (size_t s = 0; s < n; s++) sum[s] = row_sum(t->took + s * width, width);
    qsort(sum, n, sizeof *sum, by_size);
    for (size_t s = 0; s < n; s++) {
        const double *row = t->took + s * width;
        if (row_sum(row, width) > sum[(n - 1) / 2]) continue;
        add_row(c, row, clock), kept++;
        if (row[0] > 0) c->between += CN__MAX(row[0] - clock, 0), pairs++;
    }
    c->steps = n, c->between /= (double)CN__MAX(pairs, (size_t)1);
    for (size_t k = 0; k < c->n; k++) c->at[k].seconds /= (double)kept;
    cn__free(c->m->obj.ctx, sum, n * sizeof *sum);
    return CN_OK;
}

static void add_up(cn__cost *sum, const cn__cost *c)
{
    sum->operations += c->operations, sum->bytes += c->bytes;
    sum->best += c->best, sum->seconds += c->seconds;
    sum->calls += c->calls;
}

static cn_status take_limits(cn__costs *c)
{
    double most = 0;
    for (size_t k = 0; k < c->n; k++) most = CN__MAX(most, c->at[k].bytes);
    cn_status status = cn__limits_measure(c->m->obj.ctx, c->program->plan->backend, most, &c->limits);
    for (size_t k = 0; !status && k < c->n; k++) {
        cn__cost *at = &c->at[k];
        double computes = cn__limits_compute(&c->limits, at->operations, at->bf16);
        at->best = CN__MAX(computes, cn__limits_move(&c->limits, at->bytes));
    }
    return status;
}

/* ---- Layers ------------------------------------------------------------------------------------------------------ */
static bool sum_layers(cn__costs *c)
{
    if (!(c->layer = cn__arena_alloc(&c->mem, (c->n + 1) * sizeof *c->layer))) return false;
    for (size_t k = 0; k < c->n; k++) {
        size_t i = 0;
        while (i < c->layers && strcmp(c->layer[i].layer, c->at[k].layer)) i++;
        if (i == c->layers) c->layer[c->layers++] = (cn__cost){ .layer = c->at[k].layer };
        add_up(&c->layer[i], &c->at[k]);
        add_up(&c->all, &c->at[k]);
    }
    return true;
}

static bool list_idle(cn__costs *c, const cn_model *m, const char *prefix)
{
    for (size_t k = 0; k < m->layers.n; k++) {
        const cn_layer *l = m->layers.at[k];
        char   path[256];
        size_t i = 0;
        if (cn__is_input(l)) continue;
        snprintf(path, sizeof path, "%s%s%s", prefix, l->name, l->model ? "/" : "");
        if (l->model) {
            if (!list_idle(c, l->model, path)) return false;
            continue;
        }
        while (i < c->layers && strcmp(c->layer[i].layer, path)) i++;
        if (i < c->layers) continue;
        const char *kept = cn__arena_text(&c->mem, path);
        if (!kept || !cn__push(c->m->obj.ctx, &c->idle, kept)) return false;
    }
    return true;
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */
cn_status cn__costs_open(cn__costs *c, cn_model *m, const cn__program *program, const cn__timer *timer)
{
    cn_ctx *ctx = m->obj.ctx;
    const cn__plan *p = program->plan;
    size_t n = p->ncompute + p->ncommit, values = p->graph->values.n;
    *c = (cn__costs){ .m = m, .program = program, .mem.ctx = ctx };
    if (!(c->at = cn__arena_alloc(&c->mem, (n + 1) * sizeof *c->at))) return cn__nomem(ctx);
    bool *wanted = cn__alloc0(ctx, values);
    bool  ok = mark_wanted(p->graph, wanted) && make_nodes(c, wanted);
    cn__free(ctx, wanted, values);
    cn_status status = ok ? take_limits(c) : CN_E_NOMEM;
    if (!status && timer) status = take_times(c, timer);
    if (!status && !(sum_layers(c) && list_idle(c, m, ""))) status = cn__nomem(ctx);
    return status;
}

void cn__costs_close(cn__costs *c)
{
    cn__vec_free(c->m->obj.ctx, &c->idle);
    cn__arena_free(&c->mem);
}
