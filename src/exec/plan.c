/* plan.c: from a graph to a flat list of calls. The passes run, each value gets a place, the backend turns each instruction into
   calls whose argument blocks carry relocations instead of addresses. */
#include "exec/plan.h"
#include "passes/passes.h"
#include <stdio.h>
#include <string.h>

enum { BLOCK = 64 };

static bool nomem(cn__prep *p)
{
    if (!p->status) p->status = cn__nomem(p->plan->ctx);
    return false;
}

/* ---- What prepare() writes to --------------------------------------------------------------------------------------------- */
void *cn__prep_call(cn__prep *p, cn__fn fn, const char *kernel, size_t args_size, uint32_t nrep, uint32_t ntask)
{
    cn_ctx *ctx = p->plan->ctx;
    size_t  at = (p->args.n + BLOCK - 1) / BLOCK * BLOCK;
    cn__call call = { fn, (const void *)(uintptr_t)at, nrep, ntask, p->inst };
    while (p->args.n < at + args_size)
        if (!cn__push(ctx, &p->args, 0)) return nomem(p), NULL;
    if (!cn__push(ctx, &p->calls, call) || !cn__push(ctx, &p->kernels, kernel) || !cn__push(ctx, &p->details, NULL)) return nomem(p), NULL;
    p->block = at;
    return p->args.at + at;
}

static void relocate(cn__prep *p, const void *field, cn__reloc r)
{
    if (p->status) return;
    r.at = (uint32_t)((const char *)field - p->args.at);
    if (!cn__push(p->plan->ctx, &p->relocs, r)) nomem(p);
}

static uint32_t var_slot(cn__prep *p, cn__var *var)
{
    for (uint32_t k = 0; k < p->vars.n; k++)
        if (p->vars.at[k] == var) return k;
    if (!cn__push(p->plan->ctx, &p->vars, var)) nomem(p);
    return (uint32_t)p->vars.n - 1;
}

/* The place of a value as a relocation; values in the arena are known by the number of their life until memory is planned. */
static cn__reloc reloc_of(cn__prep *p, cn__val v)
{
    const cn__value *value = cn__value_of(p->plan->graph, v);
    switch (value->kind) {
    case CN__V_VAR:   return (cn__reloc){ .space = CN__VARS, .slot = var_slot(p, p->plan->graph->vars.at[value->ref]) };
    case CN__V_CONST: return (cn__reloc){ .space = CN__CONSTS, .slot = value->ref };
    default:          return p->home[v];
    }
}

bool cn__prep_wanted(const cn__prep *p, cn__val v) { return v && p->readers[v]; }

void cn__prep_ptr(cn__prep *p, void *field, cn__val v)
{
    if (!v || !p->readers[v]) return;                    /* absent, or nobody wants it: stays NULL */
    relocate(p, field, reloc_of(p, v));
}

void cn__prep_var(cn__prep *p, void *field, cn__var *var) { relocate(p, field, (cn__reloc){ .space = CN__VARS, .slot = var_slot(p, var) }); }

void cn__prep_mirror(cn__prep *p, void *field, cn__var *var, int slot)
{
    relocate(p, field, (cn__reloc){ .space = CN__MIRRORS, .slot = var_slot(p, var), .mirror = (uint8_t)slot });
}

void cn__prep_temp(cn__prep *p, void *field, size_t bytes, int id)
{
    for (size_t k = p->temps; k < p->lives.n; k++)
        if (p->ids.at[k] == id) {
            p->lives.at[k].bytes = CN__MAX(p->lives.at[k].bytes, bytes);
            relocate(p, field, (cn__reloc){ .space = CN__ARENA, .slot = (uint32_t)k });
            return;
        }
    cn__life life = { p->position, p->position, bytes, 0 };
    if (!cn__push(p->plan->ctx, &p->lives, life) || !cn__push(p->plan->ctx, &p->ids, id)) { nomem(p); return; }
    relocate(p, field, (cn__reloc){ .space = CN__ARENA, .slot = (uint32_t)p->lives.n - 1 });
}

void cn__prep_feed(cn__prep *p, void *field, int feed)
{
    p->plan->nfeeds = CN__MAX(p->plan->nfeeds, (uint32_t)feed + 1);
    relocate(p, field, (cn__reloc){ .space = CN__FEEDS, .slot = (uint32_t)feed });
}

void cn__prep_fault(cn__prep *p, void *field) { relocate(p, field, (cn__reloc){ .space = CN__FAULTS }); }
void cn__prep_lane(cn__prep *p, size_t bytes) { p->plan->lane_scratch = CN__MAX(p->plan->lane_scratch, bytes); }
int  cn__prep_mirrors(const cn__prep *p, const cn__var *var) { (void)p; return var->mirrors; }

void *cn__prep_keep(cn__prep *p, size_t bytes)
{
    void *at = cn__arena_alloc(&p->plan->mem, bytes);
    if (!at) nomem(p);
    return at;
}

bool cn__prep_in_place(const cn__prep *p, cn__val v) { return p->home[v].space == CN__VARS; }

void cn__prep_name(cn__prep *p, const char *detail)
{
    char *kept = cn__arena_text(&p->plan->mem, detail);
    if (!kept) nomem(p);
    else if (p->details.n) p->details.at[p->details.n - 1] = kept;
}

cn_status cn__prep_fail(cn__prep *p, cn_status status, const char *format, ...)
{
    char    text[256];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (!p->status) p->status = cn__fail(p->plan->ctx, NULL, status, "%s", text);
    return p->status;
}

/* ---- Passes --------------------------------------------------------------------------------------------------------------- */
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

static cn_graph *lower(const cn_graph *g, const cn__backend *b)
{
    cn_graph *now = checked(cn__legalise(g, b, NULL), "legalise"), *next;
    if (now && b->fuses) next = checked(cn__fuse(now, b), "fuse"), cn__unref(now), now = next;
    if (now && b->wants) next = checked(cn__pack_operands(now, b), "pack"), cn__unref(now), now = next;
    return now;
}

/* ---- Making a plan ---------------------------------------------------------------------------------------------------------- */
static bool begin(cn__prep *p, const cn_graph *g)
{
    cn_ctx *ctx = p->plan->ctx;
    p->readers = cn__alloc0(ctx, g->values.n * sizeof *p->readers);
    p->home = cn__alloc0(ctx, g->values.n * sizeof *p->home);
    if (!p->readers || !p->home) return nomem(p);
    for (size_t k = 1; k < g->insts.n; k++)
        for (int j = 0; j < g->insts.at[k].nin; j++) p->readers[cn__in(g, &g->insts.at[k])[j]]++;
    for (size_t k = 0; k < g->roots.n; k++) p->readers[g->roots.at[k]]++;
    for (size_t k = 0; k < g->checks.n; k++) p->readers[g->checks.at[k]]++;
    for (size_t k = 0; k < g->assigns.n; k++) p->readers[g->assigns.at[k].val]++, p->readers[g->assigns.at[k].guard]++;
    p->readers[0] = 0;
    return true;
}

static bool silent(const cn__prep *p, const cn__inst *i)      /* its result lies somewhere already */
{
    const cn_graph *g = p->plan->graph;
    if (i->op == CN__OP_PACK) return p->home[i->out].space == CN__MIRRORS;
    if (i->op != CN__OP_RESHAPE && i->op != CN__OP_STOP_GRADIENT) return false;
    cn__val from = cn__in(g, i)[0];
    return cn__value_of(g, from)->kind == CN__V_INST && p->home[from].space == CN__ARENA && p->home[i->out].slot == p->home[from].slot;
}

static bool prepare_compute(cn__prep *p, const cn__schedule *s)
{
    for (uint32_t k = 0; k < s->ncompute; k++) {
        const cn__inst *i = &p->plan->graph->insts.at[s->order[k]];
        if (silent(p, i)) continue;
        p->inst = s->order[k], p->position = k + 1, p->temps = p->lives.n;
        if (!p->plan->backend->prepare(p, p->plan->graph, i) || p->status) return false;
    }
    return true;
}

/* Updates of one op that stand together are one call. */
static bool prepare_commit(cn__prep *p, const cn__schedule *s)
{
    const cn_graph *g = p->plan->graph;
    const cn__backend *b = p->plan->backend;
    const cn__inst **run = cn__alloc(p->plan->ctx, (s->ncommit + 1) * sizeof *run);
    bool ok = run || nomem(p);
    bool *taken = ok ? cn__alloc0(p->plan->ctx, s->ncommit + 1) : NULL;
    if (ok && !taken) ok = nomem(p);
    for (uint32_t k = 0; ok && k < s->ncommit; k++) {
        int n = 0;
        if (taken[k]) continue;
        p->inst = s->order[s->ncompute + k], p->position = s->ncompute + k + 1, p->temps = p->lives.n;
        for (uint32_t j = k; j < s->ncommit; j++) {
            const cn__inst *i = &g->insts.at[s->order[s->ncompute + j]];
            if (taken[j] || i->op != g->insts.at[p->inst].op || (n && !b->prepare_updates)) continue;
            run[n++] = i, taken[j] = true;
        }
        ok = (b->prepare_updates ? b->prepare_updates(p, g, run, n) : b->prepare(p, g, run[0])) && !p->status;
    }
    cn__free(p->plan->ctx, taken, s->ncommit + 1);
    cn__free(p->plan->ctx, run, (s->ncommit + 1) * sizeof *run);
    return ok;
}

/* Constants move into the plan; values of the arena get their offsets. */
static bool settle(cn__prep *p)
{
    cn__plan *plan = p->plan;
    bool ok;
    plan->arena = cn__plan_memory(plan->ctx, p->lives.at, p->lives.n, &ok);
    if (!ok) return nomem(p);
    for (size_t k = 0; k < p->relocs.n; k++) {
        cn__reloc *r = &p->relocs.at[k];
        if (r->space == CN__ARENA) r->off = p->lives.at[r->slot].off;
    }
    plan->place = cn__arena_alloc(&plan->mem, plan->graph->values.n * sizeof *plan->place);
    if (!plan->place) return nomem(p);
    for (cn__val v = 1; v < plan->graph->values.n; v++) {
        const cn__value *value = cn__value_of(plan->graph, v);
        cn__reloc r = value->kind == CN__V_CONST ? (cn__reloc){ .space = CN__CONSTS, .slot = value->ref } : p->home[v];
        if (value->kind == CN__V_VAR)
            for (uint32_t s = 0; s < p->vars.n; s++)
                if (p->vars.at[s] == plan->graph->vars.at[value->ref]) r = (cn__reloc){ .space = CN__VARS, .slot = s };
        plan->place[v] = (cn__place){ r.space, r.slot, r.space == CN__ARENA ? p->lives.at[r.slot].off : 0 };
    }
    return true;
}

static void *keep(cn__plan *plan, const void *from, size_t bytes)
{
    void *to = cn__arena_alloc(&plan->mem, bytes + BLOCK);
    if (!to) return NULL;
    to = (char *)to + (BLOCK - (uintptr_t)to % BLOCK) % BLOCK;
    if (bytes) memcpy(to, from, bytes);
    return to;
}

static bool keep_mirrors(cn__prep *p)
{
    uint8_t *n = cn__arena_alloc(&p->plan->mem, p->vars.n + 1);
    if (!n) return false;
    for (size_t k = 0; k < p->vars.n; k++) n[k] = (uint8_t)p->vars.at[k]->mirrors;
    p->plan->mirrors = n;
    return true;
}

static bool publish(cn__prep *p, uint32_t ncompute)
{
    cn__plan *plan = p->plan;
    plan->ncompute = ncompute, plan->ncommit = (uint32_t)p->calls.n - ncompute;
    plan->nreloc = (uint32_t)p->relocs.n, plan->args_bytes = p->args.n, plan->nvars = (uint32_t)p->vars.n;
    return (plan->call = keep(plan, p->calls.at, p->calls.n * sizeof *plan->call)) &&
           (plan->args = keep(plan, p->args.at, p->args.n)) && (plan->reloc = keep(plan, p->relocs.at, p->relocs.n * sizeof *plan->reloc)) &&
           (plan->kernel = keep(plan, p->kernels.at, p->kernels.n * sizeof *plan->kernel)) &&
           (plan->detail = keep(plan, p->details.at, p->details.n * sizeof *plan->detail)) &&
           (plan->var = keep(plan, p->vars.at, p->vars.n * sizeof *plan->var)) && keep_mirrors(p) ? true : nomem(p);
}

static bool make(cn__prep *p)
{
    cn__schedule s;
    if (!cn__schedule_make(p->plan->graph, &s)) return false;
    bool ok = begin(p, p->plan->graph) && (cn__plan_places(p, &s) || nomem(p)) && prepare_compute(p, &s);
    uint32_t ncompute = (uint32_t)p->calls.n;
    for (size_t k = 0; ok && k < p->plan->graph->roots.n; k++) {           /* variables that only roots read are known as well */
        const cn__value *v = cn__value_of(p->plan->graph, p->plan->graph->roots.at[k]);
        if (v->kind == CN__V_VAR) var_slot(p, p->plan->graph->vars.at[v->ref]);
    }
    ok = ok && prepare_commit(p, &s) && cn__plan_commit(p) && settle(p) && publish(p, ncompute);
    cn__schedule_free(p->plan->ctx, &s);
    return ok && !p->status;
}

static void forget(cn__prep *p, size_t values)
{
    cn_ctx *ctx = p->plan->ctx;
    cn__free(ctx, p->readers, values * sizeof *p->readers);
    cn__free(ctx, p->home, values * sizeof *p->home);
    cn__vec_free(ctx, &p->args);
    cn__vec_free(ctx, &p->calls);
    cn__vec_free(ctx, &p->relocs);
    cn__vec_free(ctx, &p->kernels);
    cn__vec_free(ctx, &p->details);
    cn__vec_free(ctx, &p->lives);
    cn__vec_free(ctx, &p->ids);
    cn__vec_free(ctx, &p->vars);
}

cn__plan *cn__plan_make(cn_ctx *ctx, const cn__backend *backend, const cn_graph *g)
{
    if (cn__graph_status(g, NULL)) return NULL;
    cn__plan *plan = cn__alloc0(ctx, sizeof *plan);
    if (!plan) {
        cn__nomem(ctx);
        return NULL;
    }
    *plan = (cn__plan){ .ctx = ctx, .backend = backend, .refs = 1, .mem = { .ctx = ctx }, .graph = lower(g, backend) };
    cn__prep p = { .plan = plan };
    bool ok = plan->graph && make(&p);
    if (plan->graph) forget(&p, plan->graph->values.n);
    if (ok) return plan;
    cn__plan_unref(plan);
    return NULL;
}

void cn__plan_ref(cn__plan *plan) { plan->refs++; }

void cn__plan_unref(cn__plan *plan)
{
    if (!plan || --plan->refs) return;
    cn__unref(plan->graph);
    cn__arena_free(&plan->mem);
    cn__free(plan->ctx, plan, sizeof *plan);
}

int64_t cn__plan_roots(const cn__plan *plan) { return (int64_t)plan->graph->roots.n; }
