/* rig.h: a context, a graph, variables, a plan on a backend, one runner: what tests of the run loop stand on. */
#ifndef RIG_H
#define RIG_H
#include "../check.h"
#include "exec/exec.h"
#include "graph/build.h"
#include "graph/shape.h"

enum { RIG_VARS = 16, RIG_PLANS = 4 };
typedef struct rig {
    cn_ctx    *ctx;
    cn_graph  *g;
    cn__arena  names;
    cn__var   *var[RIG_VARS];
    int        nvars;
    cn__team  *team;
    cn__exec   e;
    cn__linked *l[RIG_PLANS];
    int        nplans;
    const cn__backend *backend;
} rig;

#define DIMS(...) (int)(sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), (const int64_t[]){ __VA_ARGS__ }

static inline rig rig_open(const char *backend, int threads)
{
    rig r = { .ctx = cn_open(.threads = 1), .backend = cn__backend_find(backend) };
    r.g = cn__graph_new(r.ctx);
    r.names.ctx = r.ctx;
    if (threads) r.team = cn__team_open(r.ctx, threads);
    cn__exec_open(&r.e, r.ctx, r.team);
    r.e.arena_bytes = 1 << 20;                           /* so that it does not move when more plans are linked */
    r.e.arena = cn__alloc0(r.ctx, r.e.arena_bytes);
    return r;
}

static inline void rig_close(rig *r)
{
    for (int k = 0; k < r->nplans; k++) cn__unlink(&r->e, r->l[k]);
    cn__exec_close(&r->e);
    if (r->team) cn__team_close(r->team);
    cn__unref(r->g);
    for (int k = 0; k < r->nvars; k++) cn__var_free(r->var[k]);
    cn__arena_free(&r->names);
    cn_close(r->ctx);
}

static inline cn__var *rig_var(rig *r, const char *path, cn_dtype d, int rank, const int64_t *dim, const void *data)
{
    cn__type t = cn__type_make(d, rank, dim);
    cn__var *v = cn__var_new(r->ctx, &r->names, path, &t, CN__WEIGHT, CN__SCOPE_MODEL, true);
    if (!v) return NULL;
    v->index = (uint32_t)r->nvars;
    if (data) memcpy(v->master, data, cn__type_bytes(&t));
    return r->var[r->nvars++] = v;
}

/* Makes a plan of the graph and links it; the next graph begins. NULL: recorded. */
static inline cn__linked *rig_link(rig *r)
{
    cn__graph_compact(r->g);
    cn__plan *p = cn__plan_make(r->ctx, r->backend, r->g);
    cn__linked *l = p && cn__exec_reserve(&r->e, p) ? cn__link(&r->e, p) : NULL;
    cn__plan_unref(p);
    cn__unref(r->g);
    r->g = cn__graph_new(r->ctx);
    if (l) r->l[r->nplans++] = l;
    return l;
}

static inline cn__run_end rig_run(rig *r, cn__linked *l, uint64_t steps, uint64_t rows)
{
    cn__leg leg = { l, steps, rows };
    uint64_t done = 0;
    return cn__run_legs(&r->e, &leg, 1, &done, UINT64_MAX, 0);
}

static inline const float *rig_root(rig *r, cn__linked *l, uint32_t k) { return cn__linked_root(&r->e, l, k); }
#define RIG_LINK(l, r)                                                                                        \
    cn__linked *l = rig_link(&(r));                                                                           \
    if (!l) {                                                                                                 \
        CHECK_FAIL("no plan: %s", cn_error_message((r).ctx));                                                 \
        rig_close(&(r));                                                                                      \
        return;                                                                                               \
    }
#endif
