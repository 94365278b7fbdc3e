/* schedule.c: the order of calls: compute, which writes the arena only, then commit, which writes variables. */
#include "passes/passes.h"

static bool is_update(const cn__inst *i) { return (cn__ops[i->op].flags & CN__F_UPDATE) != 0; }

/* Every output of the instruction is wanted by nothing but an unguarded assign to the variable that it replaces. */
static bool in_place(const cn_graph *g, const cn__inst *i, const uint32_t *readers)
{
    for (int k = 0; k < i->nout; k++) {
        const cn__value *old = cn__value_of(g, cn__in(g, i)[k]);
        uint32_t assigned = 0;
        for (size_t a = 0; a < g->assigns.n; a++) {
            const cn__assign *w = &g->assigns.at[a];
            if (w->val != i->out + (cn__val)k) continue;
            if (w->guard || old->kind != CN__V_VAR || g->vars.at[old->ref] != w->var) return false;
            assigned++;
        }
        if (assigned != 1 || readers[i->out + (cn__val)k]) return false;
    }
    return true;
}

bool cn__schedule_make(const cn_graph *g, cn__schedule *s)
{
    cn_ctx   *ctx = g->obj.ctx;
    uint32_t *readers = cn__alloc0(ctx, g->values.n * sizeof *readers);
    *s = (cn__schedule){ .order = cn__alloc(ctx, g->insts.n * sizeof *s->order), .room = g->insts.n };
    if (!readers || !s->order) {
        cn__free(ctx, readers, g->values.n * sizeof *readers);
        cn__schedule_free(ctx, s);
        cn__nomem(ctx);
        return false;
    }
    for (size_t k = 1; k < g->insts.n; k++)
        for (int j = 0; j < g->insts.at[k].nin; j++) readers[cn__in(g, &g->insts.at[k])[j]]++;
    for (size_t k = 0; k < g->roots.n; k++) readers[g->roots.at[k]]++;
    for (int commit = 0; commit < 2; commit++)
        for (uint32_t k = 1; k < g->insts.n; k++) {
            bool late = is_update(&g->insts.at[k]) && in_place(g, &g->insts.at[k], readers);
            if (late != (commit == 1)) continue;
            s->order[s->ncompute + s->ncommit] = k;
            *(commit ? &s->ncommit : &s->ncompute) += 1;
        }
    cn__free(ctx, readers, g->values.n * sizeof *readers);
    return true;
}

void cn__schedule_free(cn_ctx *ctx, cn__schedule *s)
{
    cn__free(ctx, s->order, s->room * sizeof *s->order);
    s->order = NULL;
}
