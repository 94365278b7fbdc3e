/* program.c: a model planned for one mode, batch and kind of data. Programs are kept with the model and found again by
   their signature; the least recently used go when there are too many. */
#include "model/model.h"
#include <stdio.h>
#include <string.h>

enum { MOST_PROGRAMS = 32 };

const cn__backend *cn__model_backend(cn_ctx *ctx)
{
    const char *names = cn__backend_names(ctx), *comma = strchr(names, ',');
    char first[32] = "";
    for (; *names; names = comma ? comma + 1 : names + strlen(names), comma = strchr(names, ',')) {
        size_t n = comma ? (size_t)(comma - names) : strlen(names);
        if (n >= sizeof first) continue;
        memcpy(first, names, n);
        first[n] = 0;
        const cn__backend *b = cn__backend_find(first);
        if (b) return b;
    }
    cn__fail(ctx, NULL, CN_E_UNSUPPORTED, "no backend of \"%s\" is in this build. Use cn_open(.backend = \"cpu\").",
             cn__backend_names(ctx));
    return NULL;
}

/* ---- From a signature to a plan ---------------------------------------------------------------------------------- */
cn__val cn__data_value(cn_graph *g, const cn__signature *sig, int feed, const cn__type *type, const char *name)
{
    cn__origin(g, "%s", name);
    return sig->feeds ? cn__feed_batch(g, feed, type) : cn__input(g, type, name);
}

bool cn__show(cn_graph *g, cn__arena *mem, cn__val v, cn__shown **roots, uint32_t *nroots, cn_watch *watch)
{
    uint32_t n = *nroots;
    if (!v) return true;
    if (!(n & (n - 1))) {                                /* full at the powers of two */
        cn__shown *more = cn__arena_alloc(mem, 2 * ((size_t)n + 1) * sizeof *more);
        if (!more) return cn__graph_fail(g, CN_E_NOMEM, "out of memory for what is to be seen"), false;
        if (n) memcpy(more, *roots, n * sizeof *more);
        *roots = more;
    }
    const cn__inst *inst = cn__inst_of(g, v);
    (*roots)[n] = (cn__shown){ .type = *cn__type_of(g, v), .watch = watch, .op = inst ? cn__ops[inst->op].name : "data",
                               .origin = cn__arena_text(mem, inst ? g->origins.at[inst->origin] : "") };
    *nroots = n + 1;
    cn__root(g, v);
    return true;
}

/* Every value with a fraction, in the order in which they arise: for the search where a NaN was born. */
static bool show_all(cn_graph *g, cn__arena *mem, cn__shown **roots, uint32_t *nroots)
{
    for (size_t i = 1, n = g->insts.n; i < n; i++) {
        const cn__inst *inst = &g->insts.at[i];
        if (cn__ops[inst->op].flags & CN__F_UPDATE) continue;
        cn__val out = inst->out;
        for (int k = 0; k < inst->nout; k++)
            if (cn__is_float((cn_dtype)cn__type_of(g, out + (cn__val)k)->dtype) &&
                !cn__show(g, mem, out + (cn__val)k, roots, nroots, NULL))
                return false;
    }
    return true;
}

static bool lower(cn_model *m, cn_graph *g, const cn__signature *sig, cn__arena *mem, cn__shown **roots,
                  uint32_t *nroots)
{
    cn__flow in[CN_MAX_IO], out[CN_MAX_LIST];
    cn__val  y[CN_MAX_LIST] = { 0 }, weight = 0, loss = 0;
    char     name[64];
    memset(in, 0, sizeof in);
    memset(out, 0, sizeof out);
    cn__lower w = { .ctx = m->obj.ctx, .g = g, .mode = sig->mode, .rng = cn__variable(g, m->rng) };
    w.straight_through = sig->mode == CN__TRAIN && cn__optimizer_straight_through(&m->training->optimizer);
    if (sig->feeds && !cn__watches_taps(m, &w, mem)) return false;          /* runners are not watched */
    int feed = 0;
    for (int i = 0; i < sig->nx; i++) {
        snprintf(name, sizeof name, sig->nx > 1 ? "x[%d]" : "x", i);
        in[i].val = cn__data_value(g, sig, feed++, &sig->x[i], name);
    }
    for (int i = 0; i < sig->ny; i++) {
        snprintf(name, sizeof name, sig->ny > 1 ? "y[%d]" : "y", i);
        y[i] = cn__data_value(g, sig, feed++, &sig->y[i], name);
    }
    if (sig->weight.rank) weight = cn__data_value(g, sig, feed++, &sig->weight, "sample_weight");
    if (!cn__lower_model(&w, m, sig->mode == CN__TRAIN, in, out)) return false;
    if (sig->mode == CN__PREDICT)
        for (size_t i = 0; i < m->outputs.n; i++)
            if (!cn__show(g, mem, out[i].val, roots, nroots, NULL)) return false;
    if (sig->mode != CN__PREDICT && !cn__objective(&w, m, sig, out, y, weight, &loss)) return false;
    if (w.ntaps && !cn__watches_show(m, &w, sig->mode, loss, mem, roots, nroots)) return false;
    if (sig->diagnose && !show_all(g, mem, roots, nroots)) return false;
    if (sig->mode == CN__TRAIN && cn__graph_random(g)) cn__advance_rng(g, m->rng, w.rng);
    return !g->error.status;
}

cn__plan *cn__model_plan(cn_model *m, const cn__signature *sig, const char *site, cn__arena *mem, cn__shown **roots,
                         uint32_t *nroots)
{
    cn_ctx   *ctx = m->obj.ctx;
    cn__plan *plan = NULL;
    const cn__backend *backend = cn__model_backend(ctx);
    if (!backend || !cn__model_rng(m)) return NULL;
    cn_graph *g = cn__graph_new(ctx);
    *roots = NULL, *nroots = 0;
    if (cn__bad(g)) return cn__fail_with(g), NULL;
    bool ok = lower(m, g, sig, mem, roots, nroots);
    g->owner = NULL;
    if (!cn__graph_status(g, site) && ok) plan = cn__plan_make(ctx, backend, g);
    cn__unref(g);
    return plan;
}

/* ---- The programs of a model ------------------------------------------------------------------------------------- */
static bool same_types(const cn__type *a, const cn__type *b, int n)
{
    for (int i = 0; i < n; i++)
        if (!cn__type_equal(&a[i], &b[i])) return false;
    return true;
}

static bool same(const cn__signature *a, const cn__signature *b)
{
    return a->mode == b->mode && a->batch == b->batch && a->feeds == b->feeds && a->diagnose == b->diagnose &&
           a->structure == b->structure && a->compiled == b->compiled && a->watches == b->watches && a->nx == b->nx &&
           a->ny == b->ny && same_types(a->x, b->x, a->nx) && same_types(a->y, b->y, a->ny) &&
           same_types(&a->weight, &b->weight, 1);
}

static void drop(cn_model *m, size_t i)
{
    cn_ctx      *ctx = m->obj.ctx;
    cn__program *p = m->programs.at[i];
    if (p->linked) cn__unlink(&m->exec, p->linked);
    cn__plan_unref(p->plan);
    cn__arena_free(&p->mem);
    cn__free(ctx, p, sizeof *p);
    m->programs.at[i] = m->programs.at[--m->programs.n];
}

void cn__programs_drop(cn_model *m)
{
    while (m->programs.n) drop(m, m->programs.n - 1);
    cn__vec_free(m->obj.ctx, &m->programs);
}

static void make_room(cn_model *m)
{
    while (m->programs.n >= MOST_PROGRAMS) {
        size_t oldest = m->programs.n;
        for (size_t i = 0; i < m->programs.n; i++)
            if (!m->programs.at[i]->pins &&
                (oldest == m->programs.n || m->programs.at[i]->used < m->programs.at[oldest]->used))
                oldest = i;
        if (oldest == m->programs.n) return;
        drop(m, oldest);
    }
}

cn__program *cn__program_get(cn_model *m, const cn__signature *sig, const char *site)
{
    cn_ctx *ctx = m->obj.ctx;
    for (size_t i = 0; i < m->programs.n; i++) {
        cn__program *p = m->programs.at[i];
        if (!same(&p->sig, sig)) continue;
        p->used = ++m->clock, p->pins++;
        return p;
    }
    make_room(m);
    cn__program *p = cn__alloc0(ctx, sizeof *p);
    if (!p) return cn__nomem(ctx), NULL;
    p->sig = *sig, p->mem.ctx = ctx;
    p->plan = cn__model_plan(m, sig, site, &p->mem, &p->roots, &p->nroots);
    if (!p->plan || !cn__push(ctx, &m->programs, p)) {
        if (p->plan) cn__nomem(ctx);
        cn__plan_unref(p->plan);
        cn__arena_free(&p->mem);
        cn__free(ctx, p, sizeof *p);
        return NULL;
    }
    p->used = ++m->clock, p->pins = 1;
    return p;
}

void cn__program_unpin(cn__program *p)
{
    if (p) p->pins--;
}

bool cn__model_exec(cn_model *m)
{
    cn_ctx *ctx = m->obj.ctx;
    if (!m->exec_open) m->exec_open = cn__exec_open(&m->exec, ctx, cn__threads(ctx) > 1 ? cn__ctx_team(ctx) : NULL);
    return m->exec_open;
}

bool cn__programs_link(cn_model *m, cn__program *const *p, int n)
{
    if (!cn__model_exec(m)) return false;
    const char *arena = m->exec.arena;
    const cn__feed *feeds = m->exec.feeds;
    for (int i = 0; i < n; i++)
        if (!p[i]->linked && !cn__exec_reserve(&m->exec, p[i]->plan)) return false;
    if (arena != m->exec.arena || feeds != m->exec.feeds) /* moved: nothing that was linked is valid */
        for (size_t i = 0; i < m->programs.n; i++) {
            if (m->programs.at[i]->linked) cn__unlink(&m->exec, m->programs.at[i]->linked);
            m->programs.at[i]->linked = NULL;
        }
    for (int i = 0; i < n; i++)
        if (!p[i]->linked && !(p[i]->linked = cn__link(&m->exec, p[i]->plan))) return false;
    return true;
}
