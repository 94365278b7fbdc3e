/* places.c: where each value of a plan lives, and for how long. Inputs and results lie in the arena; a reshape is the
   same memory; a PACK of a variable is its mirror; what an update replaces in place lies in the variable. */
#include "exec/plan.h"

static bool new_life(cn__prep *p, cn__val v, uint32_t first, uint32_t last, cn__reloc *home)
{
    const cn__type *t = cn__type_of(p->plan->graph, v);
    size_t   bytes = p->layout[v] ? p->plan->backend->pack_bytes((cn__layout)p->layout[v], t) : cn__type_bytes(t);
    cn__life life = { first, last, bytes, 0 };
    *home = (cn__reloc){ .space = CN__ARENA, .slot = (uint32_t)p->lives.n };
    return (cn__push(p->plan->ctx, &p->lives, life) && cn__push(p->plan->ctx, &p->ids, -1)) || cn__prep_nomem(p);
}

static void lasts(cn__prep *p, cn__val v, uint32_t until)
{
    if (!v || p->home[v].space != CN__ARENA) return;
    cn__life *life = &p->lives.at[p->home[v].slot];
    life->last = CN__MAX(life->last, until);
}

/* ---- Leaves ------------------------------------------------------------------------------------------------------ */
static void note_late(cn__prep *p, const cn__schedule *s)
{
    const cn_graph *g = p->plan->graph;
    for (uint32_t k = s->ncompute; k < s->ncompute + s->ncommit; k++)
        for (int j = 0; j < g->insts.at[s->order[k]].nin; j++)
            p->late[cn__in(g, &g->insts.at[s->order[k]])[j]] |= CN__LATE_READ;
    for (size_t k = 0; k < g->roots.n; k++) p->late[g->roots.at[k]] |= CN__LATE_KEPT;
    for (size_t k = 0; k < g->assigns.n; k++) {
        p->late[g->assigns.at[k].val] |= CN__LATE_KEPT;
        p->late[g->assigns.at[k].guard] |= CN__LATE_KEPT;
    }
}

/* A variable that the step writes and that is an output, is assigned to another one or is a guard, is saved first. */
static bool place_leaves(cn__prep *p, const cn__schedule *s, uint32_t end)
{
    const cn_graph *g = p->plan->graph;
    bool ok = true;
    for (cn__val v = 1; ok && v < g->values.n; v++) {
        const cn__value *x = cn__value_of(g, v);
        if (x->kind == CN__V_INPUT) ok = new_life(p, v, 0, end, &p->home[v]);
        if (x->kind == CN__V_CONST) p->home[v] = (cn__reloc){ .space = CN__CONSTS, .slot = x->ref };
        if (x->kind != CN__V_VAR) continue;
        cn__var *var = g->vars.at[x->ref];
        p->home[v] = (cn__reloc){ .space = CN__VARS, .slot = cn__prep_var_slot(p, var) };
        if (p->late[v] & CN__LATE_KEPT && cn__plan_assigned(g, var))
            ok = new_life(p, v, s->ncompute + 1, end, &p->saved[v]);
    }
    return ok && !p->status;
}

/* ---- Results ----------------------------------------------------------------------------------------------------- */
/* A reshape lies where its operand lies, unless that is a variable which may have changed by the time it is read. */
static bool alias(cn__prep *p, const cn__inst *i)
{
    if (i->op != CN__OP_RESHAPE) return false;
    const cn_graph *g = p->plan->graph;
    cn__reloc from = p->home[cn__in(g, i)[0]];
    if (from.space == CN__VARS && p->late[i->out] && cn__plan_assigned(g, p->vars.at[from.slot])) return false;
    p->home[i->out] = from;
    return true;
}

static bool mirrored(const cn_graph *g, const cn__inst *i)
{
    if (i->op != CN__OP_PACK) return false;
    const cn__value *x = cn__value_of(g, cn__in(g, i)[0]);
    return x->kind == CN__V_VAR && g->vars.at[x->ref]->scope != CN__SCOPE_RUNNER;
}

static bool mirror(cn__prep *p, const cn__inst *i)
{
    const cn_graph *g = p->plan->graph;
    cn__var *var = g->vars.at[cn__value_of(g, cn__in(g, i)[0])->ref];
    int k = cn__mirror_of(p, var, (cn__layout)((const cn__a_pack *)i->attr)->layout);
    if (k < 0) return false;
    p->home[i->out] = (cn__reloc){ .space = CN__MIRRORS, .slot = cn__prep_var_slot(p, var), .mirror = (uint8_t)k };
    return true;
}

/* Results that nobody wants have no place. */
static bool place_results(cn__prep *p, const cn__inst *i, uint32_t position)
{
    for (int j = 0; j < i->nout; j++) {
        cn__val v = i->out + (cn__val)j;
        if (p->readers[v] && !new_life(p, v, position, position, &p->home[v])) return false;
    }
    return true;
}

bool cn__plan_places(cn__prep *p, const cn__schedule *s)
{
    const cn_graph *g = p->plan->graph;
    uint32_t n = s->ncompute + s->ncommit, end = n + 2;
    note_late(p, s);
    if (!place_leaves(p, s, end) || !cn__plan_reside(p, s)) return false;
    for (uint32_t k = 0; k < n; k++) {
        const cn__inst *i = &g->insts.at[s->order[k]];
        bool late = k >= s->ncompute;                    /* behind what saves variables */
        for (int j = 0; j < i->nin; j++) lasts(p, cn__in(g, i)[j], k + 1 + late);
        for (int j = 0; late && j < i->nout; j++) p->home[i->out + (cn__val)j] = p->home[cn__in(g, i)[j]];
        if (late || alias(p, i)) continue;
        if (!(mirrored(g, i) ? mirror(p, i) : place_results(p, i, k + 1))) return false;
    }
    for (cn__val v = 1; v < g->values.n; v++)
        if (p->late[v] & CN__LATE_KEPT) lasts(p, v, end);
    for (size_t k = 0; k < g->checks.n; k++) lasts(p, g->checks.at[k], s->ncompute + 1);
    return true;
}

bool cn__plan_silent(const cn__prep *p, const cn__inst *i)
{
    const cn_graph *g = p->plan->graph;
    if (i->op == CN__OP_PACK) return p->home[i->out].space == CN__MIRRORS;
    if (i->op != CN__OP_RESHAPE) return false;
    cn__reloc from = p->home[cn__in(g, i)[0]], to = p->home[i->out];
    return from.space == to.space && from.slot == to.slot;
}
