/* plan.c: from a graph to a flat list of calls. The passes run, each value gets a place, the backend turns each
   instruction into calls whose argument blocks carry relocations instead of addresses; the whole is immutable then. */
#include "exec/plan.h"

/* ---- Passes ------------------------------------------------------------------------------------------------------ */
static cn_graph *checked(cn_graph *g, const char *pass)
{
#ifndef NDEBUG
    cn__error why;
    if (g && !cn__verify(g, &why)) {
        cn__fail(g->obj.ctx, NULL, CN_E_STATE, "after %s the graph is not sound: %s", pass, why.text);
        cn__unref(g);
        return NULL;
    }
#else
    (void)pass;
#endif
    return g;
}

static cn_graph *lower(const cn_graph *g, const cn__backend *b, cn__text *declined)
{
    cn_graph *now = checked(cn__legalise(g, b, declined), "legalise"), *next;
    if (now && b->fuses) next = checked(cn__fuse(now, b), "fuse"), cn__unref(now), now = next;
    if (now && b->wants) next = checked(cn__pack_operands(now, b), "pack"), cn__unref(now), now = next;
    return now;
}

/* ---- Making a plan ----------------------------------------------------------------------------------------------- */
static bool begin(cn__prep *p, const cn_graph *g)
{
    cn_ctx *ctx = p->plan->ctx;
    p->readers = cn__alloc0(ctx, g->values.n * sizeof *p->readers);
    p->late = cn__alloc0(ctx, g->values.n * sizeof *p->late);
    p->home = cn__alloc0(ctx, g->values.n * sizeof *p->home);
    p->saved = cn__alloc0(ctx, g->values.n * sizeof *p->saved);
    p->layout = cn__alloc0(ctx, g->values.n);
    if (!p->readers || !p->late || !p->home || !p->saved || !p->layout) return cn__prep_nomem(p);
    for (size_t k = 1; k < g->insts.n; k++)
        for (int j = 0; j < g->insts.at[k].nin; j++) p->readers[cn__in(g, &g->insts.at[k])[j]]++;
    for (size_t k = 0; k < g->roots.n; k++) p->readers[g->roots.at[k]]++;
    for (size_t k = 0; k < g->checks.n; k++) p->readers[g->checks.at[k]]++;
    for (size_t k = 0; k < g->assigns.n; k++) p->readers[g->assigns.at[k].val]++, p->readers[g->assigns.at[k].guard]++;
    return true;
}

static void forget(cn__prep *p, size_t values)
{
    cn_ctx *ctx = p->plan->ctx;
    cn__free(ctx, p->readers, values * sizeof *p->readers);
    cn__free(ctx, p->late, values * sizeof *p->late);
    cn__free(ctx, p->home, values * sizeof *p->home);
    cn__free(ctx, p->saved, values * sizeof *p->saved);
    cn__free(ctx, p->layout, values);
    cn__vec_free(ctx, &p->args);
    cn__vec_free(ctx, &p->calls);
    cn__vec_free(ctx, &p->relocs);
    cn__vec_free(ctx, &p->kernels);
    cn__vec_free(ctx, &p->details);
    cn__vec_free(ctx, &p->lives);
    cn__vec_free(ctx, &p->ids);
    cn__vec_free(ctx, &p->vars);
}

static bool compute(cn__prep *p, const cn__schedule *s)
{
    for (uint32_t k = 0; k < s->ncompute; k++) {
        const cn__inst *i = &p->plan->graph->insts.at[s->order[k]];
        if (cn__plan_silent(p, i)) continue;
        p->inst = s->order[k], p->position = k + 1, p->temps = p->lives.n;
        if (!p->plan->backend->prepare(p, p->plan->graph, i) || p->status) return false;
    }
    p->inst = 0;
    return cn__plan_save(p);
}

/* ---- Publishing: offsets are known, lists move into the plan ----------------------------------------------------- */
static cn__place place_of(const cn__prep *p, cn__val v)
{
    cn__reloc r = p->saved[v].space ? p->saved[v] : p->home[v];
    return (cn__place){ r.space, r.slot, r.space == CN__ARENA ? p->lives.at[r.slot].off : 0 };
}

static bool settle(cn__prep *p)
{
    cn__plan *plan = p->plan;
    bool ok;
    plan->arena = cn__plan_memory(plan->ctx, p->lives.at, p->lives.n, &ok);
    plan->place = ok ? cn__arena_alloc(&plan->mem, plan->graph->values.n * sizeof *plan->place) : NULL;
    if (!plan->place) return cn__prep_nomem(p);
    for (size_t k = 0; k < p->relocs.n; k++) {
        cn__reloc *r = &p->relocs.at[k];
        if (r->space == CN__ARENA) r->off = p->lives.at[r->slot].off;
    }
    for (cn__val v = 1; v < plan->graph->values.n; v++) plan->place[v] = place_of(p, v);
    return true;
}

static bool keep_uses(cn__prep *p)
{
    cn__plan *plan = p->plan;
    plan->use = cn__arena_alloc(&plan->mem, (p->vars.n + 1) * sizeof *plan->use);
    if (!plan->use) return false;
    for (uint32_t k = 0; k < p->vars.n; k++) {
        plan->use[k].mirrors = (uint8_t)p->vars.at[k]->mirrors;
        plan->use[k].written = cn__plan_assigned(plan->graph, p->vars.at[k]);
    }
    for (cn__val v = 1; v < plan->graph->values.n; v++) {
        cn__use *use = plan->use + p->home[v].slot;
        if (p->home[v].space == CN__VARS) use->master = true;
        if (p->home[v].space != CN__MIRRORS) continue;
        use->reads |= (uint8_t)(1u << p->home[v].mirror);
        plan->reads_mirrors = true;
        if (cn__value_of(plan->graph, v)->kind == CN__V_VAR) use->resides = p->home[v].mirror + 1;
    }
    for (size_t k = 0; k < p->relocs.n; k++)
        if (p->relocs.at[k].space == CN__VARS) plan->use[p->relocs.at[k].slot].master = true;
    return true;
}

static void *keep(cn__plan *plan, const void *from, size_t bytes)
{
    void *to = cn__arena_alloc(&plan->mem, bytes + 1);
    if (to && bytes) memcpy(to, from, bytes);
    return to;
}

static bool publish(cn__prep *p, uint32_t ncompute)
{
    cn__plan *plan = p->plan;
    plan->ncompute = ncompute, plan->ncommit = (uint32_t)p->calls.n - ncompute;
    plan->nreloc = (uint32_t)p->relocs.n, plan->args_bytes = p->args.n, plan->nvars = (uint32_t)p->vars.n;
    return ((plan->call = keep(plan, p->calls.at, p->calls.n * sizeof *plan->call)) &&
            (plan->args = keep(plan, p->args.at, p->args.n)) &&
            (plan->reloc = keep(plan, p->relocs.at, p->relocs.n * sizeof *plan->reloc)) &&
            (plan->kernel = keep(plan, p->kernels.at, p->kernels.n * sizeof *plan->kernel)) &&
            (plan->detail = keep(plan, p->details.at, p->details.n * sizeof *plan->detail)) &&
            (plan->var = keep(plan, p->vars.at, p->vars.n * sizeof *plan->var)) && keep_uses(p)) || cn__prep_nomem(p);
}

static bool make(cn__prep *p)
{
    cn__schedule s;
    if (!cn__schedule_make(p->plan->graph, &s)) return false;
    cn__mirrors_lock(p->plan->ctx);
    bool ok = begin(p, p->plan->graph) && cn__plan_places(p, &s) && compute(p, &s);
    uint32_t ncompute = (uint32_t)p->calls.n;
    ok = ok && cn__plan_commit(p, &s) && !p->status && settle(p) && publish(p, ncompute);
    cn__mirrors_unlock(p->plan->ctx);
    cn__schedule_free(p->plan->ctx, &s);
    return ok;
}

static bool plan(cn__plan *into, const cn_graph *g)
{
    cn__text declined = { .ctx = into->ctx };
    into->graph = lower(g, into->backend, &declined);
    into->declined = into->graph ? cn__arena_text(&into->mem, cn__text_get(&declined)) : NULL;
    bool nomem = into->graph && (declined.nomem || !into->declined);
    cn__text_free(&declined);
    if (nomem) cn__nomem(into->ctx);
    if (!into->graph || nomem) return false;
    cn__prep p = { .plan = into };
    bool ok = make(&p);
    forget(&p, into->graph->values.n);
    return ok;
}

cn__plan *cn__plan_make(cn_ctx *ctx, const cn__backend *backend, const cn_graph *g)
{
    if (cn__graph_status(g, NULL) || !cn__mirrors_open(ctx)) return NULL;
    cn__plan *made = cn__alloc0(ctx, sizeof *made);
    if (!made) return cn__nomem(ctx), NULL;
    made->ctx = ctx, made->backend = backend, made->mem.ctx = ctx, made->refs = 1;
    if (plan(made, g)) return made;
    cn__plan_unref(made);
    return NULL;
}

void cn__plan_ref(cn__plan *p) { p->refs++; }

void cn__plan_unref(cn__plan *p)
{
    if (!p || --p->refs) return;
    cn__unref(p->graph);
    cn__arena_free(&p->mem);
    cn__free(p->ctx, p, sizeof *p);
}

int64_t cn__plan_roots(const cn__plan *p) { return (int64_t)p->graph->roots.n; }
