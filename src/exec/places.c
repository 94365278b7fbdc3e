/* places.c: where each value of a plan lives, and for how long; the writes to variables at the end of a step. */
#include "exec/plan.h"
#include <string.h>

static bool new_life(cn__prep *p, cn__val v, uint32_t first, uint32_t last)
{
    cn__life life = { first, last, cn__type_bytes(cn__type_of(p->plan->graph, v)), 0 };
    p->home[v] = (cn__reloc){ .space = CN__ARENA, .slot = (uint32_t)p->lives.n };
    return cn__push(p->plan->ctx, &p->lives, life) && cn__push(p->plan->ctx, &p->ids, -1);
}

static void lasts(cn__prep *p, cn__val v, uint32_t until)
{
    if (!v || cn__value_of(p->plan->graph, v)->kind == CN__V_VAR || cn__value_of(p->plan->graph, v)->kind == CN__V_CONST) return;
    if (p->home[v].space != CN__ARENA) return;
    cn__life *life = &p->lives.at[p->home[v].slot];
    life->last = CN__MAX(life->last, until);
}

/* The variable that the update's k-th output replaces: it is computed in the variable's own memory. */
static cn__var *replaced(const cn_graph *g, const cn__inst *i, int k)
{
    return g->vars.at[cn__value_of(g, cn__in(g, i)[k])->ref];
}

static uint32_t slot_of(cn__prep *p, cn__var *var)
{
    for (uint32_t k = 0; k < p->vars.n; k++)
        if (p->vars.at[k] == var) return k;
    return cn__push(p->plan->ctx, &p->vars, var) ? (uint32_t)p->vars.n - 1 : 0;
}

/* A packed copy of a variable: the mirror that exists in this layout, or a new one. */
static bool mirror(cn__prep *p, const cn__inst *i, cn__var *var)
{
    const cn__a_pack *a = i->attr;
    int k = 0;
    while (k < var->mirrors && var->mirror[k].layout != a->layout) k++;
    if (k == var->mirrors) {
        if (k == (int)CN__COUNT(var->mirror)) return cn__prep_fail(p, CN_E_LIMIT, "variable %s has too many layouts", var->path), false;
        size_t bytes = p->plan->backend->pack_bytes((cn__layout)a->layout, &var->type);
        void  *at = cn__alloc(var->ctx, bytes);
        if (!at) return false;
        var->mirror[k] = (cn__mirror){ (uint8_t)a->layout, at, bytes, 0 };
        var->mirrors++;
    }
    p->home[i->out] = (cn__reloc){ .space = CN__MIRRORS, .slot = slot_of(p, var), .mirror = (uint8_t)k };
    return true;
}

/* A reshape of what lies in the arena is the same memory. */
static bool alias(cn__prep *p, const cn__inst *i)
{
    const cn_graph *g = p->plan->graph;
    if (i->op != CN__OP_RESHAPE && i->op != CN__OP_STOP_GRADIENT) return false;
    cn__val from = cn__in(g, i)[0];
    if (cn__value_of(g, from)->kind != CN__V_INST || p->home[from].space != CN__ARENA) return false;
    p->home[i->out] = p->home[from];
    return true;
}

bool cn__plan_places(cn__prep *p, const cn__schedule *s)
{
    const cn_graph *g = p->plan->graph;
    uint32_t n = s->ncompute + s->ncommit, end = n + 1;
    for (size_t k = 0; k < g->inputs.n; k++)
        if (!new_life(p, g->inputs.at[k], 0, end)) return false;
    for (uint32_t k = 0; k < n; k++) {
        const cn__inst *i = &g->insts.at[s->order[k]];
        const cn__value *first = i->nin ? cn__value_of(g, cn__in(g, i)[0]) : NULL;
        for (int j = 0; j < i->nin; j++) lasts(p, cn__in(g, i)[j], k + 1);
        if (k >= s->ncompute) {
            for (int j = 0; j < i->nout; j++)
                p->home[i->out + (cn__val)j] = (cn__reloc){ .space = CN__VARS, .slot = slot_of(p, replaced(g, i, j)) };
        } else if (i->op == CN__OP_PACK && first->kind == CN__V_VAR) {
            if (!mirror(p, i, g->vars.at[first->ref])) return false;
        } else if (!alias(p, i)) {
            for (int j = 0; j < i->nout; j++)
                if (!new_life(p, i->out + (cn__val)j, k + 1, k + 1)) return false;
        }
    }
    for (size_t k = 0; k < g->roots.n; k++) lasts(p, g->roots.at[k], end);
    for (size_t k = 0; k < g->checks.n; k++) lasts(p, g->checks.at[k], end);
    for (size_t k = 0; k < g->assigns.n; k++) lasts(p, g->assigns.at[k].val, end), lasts(p, g->assigns.at[k].guard, end);
    return true;
}

/* ---- Commit ------------------------------------------------------------------------------------------------------------------ */
typedef struct copy_args { void *to; const void *from; const void *guard; size_t bytes; int32_t guard_bytes, pad; } copy_args;
static bool open_guard(const void *guard, int32_t bytes)
{
    return !guard || (bytes == 1 ? *(const uint8_t *)guard != 0 : *(const int32_t *)guard != 0);
}

static void copy(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const copy_args *a = args;
    (void)rep, (void)task, (void)lane;
    if (open_guard(a->guard, a->guard_bytes)) memcpy(a->to, a->from, a->bytes);
}

typedef struct pack_args { const void *master; void *at; void (*pack)(cn__layout, const cn__type *, const void *, void *); cn__type type; cn__layout layout; } pack_args;
static void pack(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const pack_args *a = args;
    (void)rep, (void)task, (void)lane;
    a->pack(a->layout, &a->type, a->master, a->at);
}

static bool done_in_place(const cn__prep *p, const cn__assign *w)
{
    const cn__value *v = cn__value_of(p->plan->graph, w->val);
    return v->kind == CN__V_INST && p->home[w->val].space == CN__VARS;
}

static bool commit(cn__prep *p, const cn__assign *w)
{
    copy_args *a = cn__prep_call(p, copy, "assign", sizeof *a, 1, 1);
    if (!a) return false;
    a->bytes = cn__type_bytes(&w->var->type);
    a->guard_bytes = w->guard ? (int32_t)cn__dtype_size((cn_dtype)cn__type_of(p->plan->graph, w->guard)->dtype) : 0;
    cn__prep_var(p, &a->to, w->var);
    cn__prep_ptr(p, &a->from, w->val);
    cn__prep_ptr(p, &a->guard, w->guard);
    for (int k = 0; k < w->var->mirrors; k++) {
        pack_args *m = cn__prep_call(p, pack, "pack", sizeof *m, 1, 1);
        if (!m) return false;
        m->pack = p->plan->backend->pack, m->type = w->var->type, m->layout = (cn__layout)w->var->mirror[k].layout;
        cn__prep_var(p, &m->master, w->var);
        cn__prep_mirror(p, &m->at, w->var, k);
    }
    return !p->status;
}

bool cn__plan_commit(cn__prep *p)
{
    const cn_graph *g = p->plan->graph;
    for (size_t k = 0; k < g->assigns.n; k++)
        if (!done_in_place(p, &g->assigns.at[k]) && !commit(p, &g->assigns.at[k])) return false;
    return true;
}
