/* compare.h: the same graph planned and run on the processor's backend and on the reference, its numbers compared. */
#ifndef COMPARE_H
#define COMPARE_H
#include "check.h"
#include "exec/exec.h"
#include "graph/build.h"

typedef cn__val graph_fn(cn_graph *, const cn__val *in, const void *how);    /* what is compared; 0: roots were added */
enum { MOST_IN = 6, MOST_OUT = 4 };
typedef struct { cn__type type; bool variable; double lo, hi; bool whole; } operand;

static cn_ctx  *ctx;
static uint64_t steps = 1;                               /* that run() takes */

static cn__type type_of(cn_dtype d, int rank, int64_t a, int64_t b, int64_t c)
{
    return (cn__type){ .dtype = (uint8_t)d, .rank = (uint8_t)rank, .dim = { a, b, c } };
}

static double number(const operand *o, uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    double v = o->lo + (o->hi - o->lo) * (double)(*state >> 8) * 0x1p-24;
    return o->whole ? floor(v) : v;
}

static void fill(void *at, const operand *o, uint32_t seed)
{
    for (int64_t i = 0; i < cn__type_count(&o->type); i++)
        cn__store((cn_dtype)o->type.dtype, at, (size_t)i, number(o, &seed));
}

/* Runs the graph on a backend; the roots' numbers go to out, as doubles. Gives how many; -1: it failed. */
static int64_t run(const char *backend, graph_fn *f, const void *how, const operand *o, int n, double *out,
                   int64_t room)
{
    cn__exec  e;
    cn__arena names = { .ctx = ctx };
    cn_graph *g = cn__graph_new(ctx);
    cn__var  *var[MOST_IN] = { NULL };
    cn__val   in[MOST_IN];
    int64_t   count = 0;
    for (int k = 0; k < n; k++) {
        if (o[k].variable) {
            var[k] = cn__var_new(ctx, &names, "v", &o[k].type, CN__WEIGHT, CN__SCOPE_MODEL, true);
            fill(var[k]->master, &o[k], (uint32_t)k + 1);
        }
        in[k] = var[k] ? cn__variable(g, var[k]) : cn__input(g, &o[k].type, "x");
    }
    cn__val y = f(g, in, how);
    if (y) cn__root(g, y);
    cn__exec_open(&e, ctx, cn__ctx_team(ctx));
    cn__plan   *plan = cn__graph_status(g, NULL) ? NULL : cn__plan_make(ctx, cn__backend_find(backend), g);
    cn__linked *l = plan && cn__exec_reserve(&e, plan) ? cn__link(&e, plan) : NULL;
    if (l) {
        uint32_t input = 0;
        for (int k = 0; k < n; k++)
            if (!var[k]) fill(cn__linked_input(&e, l, input++), &o[k], (uint32_t)k + 1);
        cn__leg  leg = { l, steps, 0 };
        uint64_t done = 0;
        if (cn__run_legs(&e, &leg, 1, &done, UINT64_MAX, 0) != CN__RUN_DONE) count = -1;
        for (uint32_t r = 0; count >= 0 && r < plan->graph->roots.n; r++) {
            const cn__type *t = cn__type_of(plan->graph, plan->graph->roots.at[r]);
            for (int64_t i = 0; i < cn__type_count(t) && count < room; i++)
                out[count++] = cn__load((cn_dtype)t->dtype, cn__linked_root(&e, l, r), (size_t)i);
        }
        for (size_t a = 0; count >= 0 && a < g->assigns.n; a++)      /* what an update wrote */
            for (int64_t i = 0; i < cn__type_count(&g->assigns.at[a].var->type) && count < room; i++)
                out[count++] =
                    cn__load((cn_dtype)g->assigns.at[a].var->type.dtype, g->assigns.at[a].var->master, (size_t)i);
        cn__unlink(&e, l);
    } else count = -1;
    cn__plan_unref(plan);
    cn__exec_close(&e);
    cn__unref(g);
    for (int k = 0; k < n; k++) cn__var_free(var[k]);
    cn__arena_free(&names);
    return count;
}

static bool same(double a, double b, double ulps, double floor)
{
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    if (isinf(a) || isinf(b)) return a == b;
    return fabs(a - b) <= ulps * 0x1p-23 * (fabs(b) > floor ? fabs(b) : floor);
}

/* Both backends agree within so many units in the last place (of numbers at least `floor` large). */
static void compare(const char *what, graph_fn *f, const void *how, const operand *o, int n, double ulps, double floor)
{
    enum { ROOM = 300000 };
    static double cpu[ROOM], ref[ROOM];
    int64_t a = run("cpu", f, how, o, n, cpu, ROOM), b = run("ref", f, how, o, n, ref, ROOM);
    if (a != b || a < 0) {
        CHECK_FAIL("%s: %lld numbers, the reference has %lld: %s", what, (long long)a, (long long)b,
                   cn_error_message(ctx));
        return;
    }
    for (int64_t i = 0; i < a; i++)
        if (!same(cpu[i], ref[i], ulps, floor)) {
            CHECK_FAIL("%s, number %lld of %lld: %.9g, the reference has %.9g", what, (long long)i, (long long)a,
                       cpu[i], ref[i]);
            return;
        }
}

static void open(void) { ctx = cn_open(.threads = 2, .memory_limit = 4000000000); }
static void close(void)
{
    CHECK_INT(cn_error(ctx), CN_OK);
    cn_close(ctx);
}
#endif
