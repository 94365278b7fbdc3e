/* link.c: a runner's copy of a plan's argument blocks, with absolute pointers over the runner's own arena. */
#include "exec/exec.h"

bool cn__exec_open(cn__exec *e, cn_ctx *ctx, cn__team *team)
{
    *e = (cn__exec){ .ctx = ctx, .team = team };
    return true;
}

void cn__exec_close(cn__exec *e)
{
    cn__free(e->ctx, e->arena, e->arena_bytes);
    cn__free(e->ctx, e->feeds, e->nfeeds * sizeof *e->feeds);
    cn__free(e->ctx, e->lane0.scratch, e->lane0.scratch_size);
    for (uint32_t k = 0; k < e->nrunner_vars; k++) cn__free(e->ctx, e->runner_vars[k].at, e->runner_vars[k].bytes);
    cn__free(e->ctx, e->runner_vars, e->nrunner_vars * sizeof *e->runner_vars);
    *e = (cn__exec){ .ctx = e->ctx };
}

static bool room(cn__exec *e, size_t bytes)
{
    if (e->arena && bytes <= e->arena_bytes) return true;
    char *arena = cn__alloc0(e->ctx, CN__MAX(bytes, 64));
    if (!arena) return false;
    cn__free(e->ctx, e->arena, e->arena_bytes);
    e->arena = arena, e->arena_bytes = CN__MAX(bytes, 64);
    return true;
}

static bool feeds(cn__exec *e, uint32_t n)
{
    if (n <= e->nfeeds) return true;
    cn__feed *more = cn__alloc0(e->ctx, n * sizeof *more);
    if (!more) return false;
    if (e->nfeeds) memcpy(more, e->feeds, e->nfeeds * sizeof *more);
    cn__free(e->ctx, e->feeds, e->nfeeds * sizeof *e->feeds);
    e->feeds = more, e->nfeeds = n;
    return true;
}

static bool scratch(cn__exec *e, size_t bytes)
{
    if (e->team && !cn__team_scratch(e->team, bytes)) return false;
    if (bytes <= e->lane0.scratch_size) return true;
    void *more = cn__alloc(e->ctx, bytes);
    if (!more) return false;
    cn__free(e->ctx, e->lane0.scratch, e->lane0.scratch_size);
    e->lane0.scratch = more, e->lane0.scratch_size = bytes;
    return true;
}

/* A variable with the runner's scope begins as the model has it. */
static bool own_var(cn__exec *e, const cn__var *var)
{
    if (var->scope != CN__SCOPE_RUNNER) return true;
    if (var->index >= e->nrunner_vars) {
        size_t n = var->index + 1;
        cn__own *more = cn__alloc0(e->ctx, n * sizeof *more);
        if (!more) return false;
        if (e->nrunner_vars) memcpy(more, e->runner_vars, e->nrunner_vars * sizeof *more);
        cn__free(e->ctx, e->runner_vars, e->nrunner_vars * sizeof *more);
        e->runner_vars = more, e->nrunner_vars = (uint32_t)n;
    }
    cn__own *own = &e->runner_vars[var->index];
    if (own->at) return true;
    own->bytes = cn__type_bytes(&var->type);
    if (!(own->at = cn__alloc(e->ctx, own->bytes))) return false;
    memcpy(own->at, var->master, own->bytes);
    return true;
}

bool cn__exec_reserve(cn__exec *e, const cn__plan *plan)
{
    bool ok = room(e, plan->arena) && feeds(e, plan->nfeeds) && scratch(e, plan->lane_scratch);
    for (uint32_t k = 0; ok && k < plan->nvars; k++) ok = own_var(e, plan->var[k]);
    if (!ok) cn__nomem(e->ctx);
    return ok;
}

static void *address(cn__exec *e, const cn__plan *plan, cn__reloc r)
{
    switch (r.space) {
    case CN__ARENA:   return e->arena + r.off;
    case CN__VARS: {
        const cn__var *var = plan->var[r.slot];
        return var->scope == CN__SCOPE_RUNNER ? e->runner_vars[var->index].at : var->master;
    }
    case CN__MIRRORS: return plan->var[r.slot]->mirror[r.mirror].at;
    case CN__FEEDS:   return &e->feeds[r.slot];
    case CN__CONSTS:  return (void *)(uintptr_t)plan->graph->consts.at[r.slot].data;
    case CN__FAULTS:  return &e->fault;
    default:          return NULL;
    }
}

static void *address_of(cn__exec *e, const cn__plan *plan, cn__val v)
{
    cn__place at = plan->place[v];
    cn__reloc r = { .space = at.space, .slot = at.slot, .off = at.off };
    return address(e, plan, r);
}

static size_t calls_bytes(const cn__plan *plan)  { return (plan->ncompute + plan->ncommit) * sizeof(cn__call) + 1; }
static size_t checks_bytes(const cn__plan *plan) { return plan->graph->checks.n * sizeof(cn__checked) + 1; }

cn__linked *cn__link(cn__exec *e, cn__plan *plan)
{
    if (!cn__exec_reserve(e, plan)) return NULL;
    cn__linked *l = cn__alloc0(e->ctx, sizeof *l);
    if (!l) return cn__nomem(e->ctx), NULL;
    *l = (cn__linked){ .plan = plan };
    l->call = cn__alloc(e->ctx, calls_bytes(plan));
    l->args = cn__alloc(e->ctx, plan->args_bytes + 1);
    l->check = cn__alloc(e->ctx, checks_bytes(plan));
    cn__plan_ref(plan);
    if (!l->call || !l->args || !l->check) {
        cn__nomem(e->ctx);
        cn__unlink(e, l);
        return NULL;
    }
    memcpy(l->args, plan->args, plan->args_bytes);
    for (uint32_t k = 0; k < plan->nreloc; k++) {
        void *to = address(e, plan, plan->reloc[k]);
        memcpy(l->args + plan->reloc[k].at, &to, sizeof to);
    }
    for (uint32_t k = 0; k < plan->ncompute + plan->ncommit; k++) {
        l->call[k] = plan->call[k];
        l->call[k].args = l->args + (uintptr_t)plan->call[k].args;
    }
    for (; l->nchecks < plan->graph->checks.n; l->nchecks++) {
        cn__val v = plan->graph->checks.at[l->nchecks];
        bool wide = cn__type_of(plan->graph, v)->dtype == CN_FLOAT64;
        l->check[l->nchecks] = (cn__checked){ address_of(e, plan, v), wide, v };
    }
    return l;
}

void cn__unlink(cn__exec *e, cn__linked *l)
{
    if (!l) return;
    cn__plan *plan = l->plan;
    cn__free(e->ctx, l->call, calls_bytes(plan));
    cn__free(e->ctx, l->args, plan->args_bytes + 1);
    cn__free(e->ctx, l->check, checks_bytes(plan));
    cn__free(e->ctx, l, sizeof *l);
    cn__plan_unref(plan);
}

void *cn__linked_at(cn__exec *e, const cn__linked *l, cn__val v) { return address_of(e, l->plan, v); }

void *cn__linked_root(cn__exec *e, const cn__linked *l, uint32_t k)
{
    return address_of(e, l->plan, l->plan->graph->roots.at[k]);
}

void *cn__linked_input(cn__exec *e, const cn__linked *l, uint32_t k)
{
    return address_of(e, l->plan, l->plan->graph->inputs.at[k]);
}
