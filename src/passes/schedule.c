/* schedule.c: the order of calls: compute, which writes the arena only, then commit, which writes variables in place.
   Within each part it is the order of the graph: forward, then backward, as the lifetimes want it. */
#include "passes/passes.h"

typedef struct sorter {
    const cn_graph *g;
    uint32_t *readers;                                   /* by value: instructions and outputs that read it */
    uint32_t *assigned;                                  /* by value: which assignment commits it, from 1; 0: none */
    bool     *spoilt;                                    /* by value: committed twice, under a guard, or as a guard */
    bool     *replaced;                                  /* by variable of the graph: an update replaces it */
} sorter;

static bool is_update(const cn__inst *i) { return (cn__ops[i->op].flags & CN__F_UPDATE) != 0; }

/* The variable in g->vars that operand k reads; -1: it reads none. */
static int64_t var_of(const cn_graph *g, const cn__inst *i, int k)
{
    const cn__value *v = cn__value_of(g, cn__in(g, i)[k]);
    return v->kind == CN__V_VAR ? (int64_t)v->ref : -1;
}

/* Output k is assigned to the variable that operand k reads. */
static bool replaces(const sorter *s, const cn__inst *i, int k)
{
    uint32_t a = s->assigned[i->out + (cn__val)k];
    int64_t  var = var_of(s->g, i, k);
    return a && var >= 0 && s->g->assigns.at[a - 1].var == s->g->vars.at[var];
}

static void survey(sorter *s)
{
    const cn_graph *g = s->g;
    for (size_t k = 1; k < g->insts.n; k++)
        for (int j = 0; j < g->insts.at[k].nin; j++) s->readers[cn__in(g, &g->insts.at[k])[j]]++;
    for (size_t k = 0; k < g->roots.n; k++) s->readers[g->roots.at[k]]++;
    for (size_t k = 0; k < g->checks.n; k++) s->readers[g->checks.at[k]]++;
    for (size_t k = 0; k < g->assigns.n; k++) {
        const cn__assign *a = &g->assigns.at[k];
        s->spoilt[a->val] |= a->guard || s->assigned[a->val];
        s->spoilt[a->guard] = true;
        s->assigned[a->val] = (uint32_t)k + 1;
    }
    for (size_t k = 1; k < g->insts.n; k++)
        for (int j = 0; is_update(&g->insts.at[k]) && j < g->insts.at[k].nout && j < g->insts.at[k].nin; j++)
            if (replaces(s, &g->insts.at[k], j)) s->replaced[var_of(g, &g->insts.at[k], j)] = true;
}

static bool in_place(const sorter *s, const cn__inst *i)
{
    for (int k = 0; k < i->nout; k++) {
        cn__val v = i->out + (cn__val)k;
        if (s->readers[v] || s->spoilt[v] || !replaces(s, i, k)) return false;
    }
    for (int k = i->nout; k < i->nin; k++) {             /* the order of updates must not matter */
        int64_t var = var_of(s->g, i, k);
        if (var >= 0 && s->replaced[var]) return false;
    }
    return true;
}

bool cn__schedule_make(const cn_graph *g, cn__schedule *out)
{
    cn__arena mem = { .ctx = g->obj.ctx };
    size_t    values = g->values.n, n = g->insts.n;
    uint32_t *counts = cn__arena_alloc(&mem, 2 * values * sizeof *counts);
    bool     *flags = cn__arena_alloc(&mem, values + g->vars.n);
    *out = (cn__schedule){ .order = cn__alloc(g->obj.ctx, n * sizeof *out->order), .room = n };
    bool ok = counts && flags && out->order;
    if (ok) {
        sorter s = { g, counts, counts + values, flags, flags + values };
        survey(&s);
        for (int commit = 0; commit < 2; commit++)
            for (uint32_t k = 1; k < n; k++) {
                if ((is_update(&g->insts.at[k]) && in_place(&s, &g->insts.at[k])) != commit) continue;
                out->order[out->ncompute + out->ncommit] = k;
                *(commit ? &out->ncommit : &out->ncompute) += 1;
            }
    } else {
        cn__schedule_free(g->obj.ctx, out);
        cn__nomem(g->obj.ctx);
    }
    cn__arena_free(&mem);
    return ok;
}

void cn__schedule_free(cn_ctx *ctx, cn__schedule *s)
{
    cn__free(ctx, s->order, s->room * sizeof *s->order);
    *s = (cn__schedule){ 0 };
}
