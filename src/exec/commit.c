/* commit.c: the end of a step: what is read late of variables is saved, then variables are written. Updates in place
   first, all of one kind as one call; then the other assignments, copies under their guards, in their order. */
#include "exec/plan.h"

bool cn__plan_assigned(const cn_graph *g, const cn__var *var)
{
    for (size_t k = 0; k < g->assigns.n; k++)
        if (g->assigns.at[k].var == var) return true;
    return false;
}

/* ---- Kernels ----------------------------------------------------------------------------------------------------- */
typedef struct copy_args { void *to; const void *from, *guard; size_t bytes, guard_bytes; } copy_args;
static void copy(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    static const char zero[8] = { 0 };
    const copy_args *a = args;
    (void)rep, (void)task, (void)lane;
    if (!a->guard || memcmp(a->guard, zero, a->guard_bytes)) memcpy(a->to, a->from, a->bytes);
}

typedef struct pack_args {
    const void *master;
    void       *at;
    void      (*pack)(cn__layout, const cn__type *, const void *, void *);
    cn__type    type;
    cn__layout  layout;
} pack_args;
static void pack(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const pack_args *a = args;
    (void)rep, (void)task, (void)lane;
    a->pack(a->layout, &a->type, a->master, a->at);
}

/* ---- Saving ------------------------------------------------------------------------------------------------------ */
bool cn__plan_save(cn__prep *p)
{
    const cn_graph *g = p->plan->graph;
    for (cn__val v = 1; v < g->values.n; v++) {
        if (!p->saved[v].space) continue;
        copy_args *a = cn__prep_call(p, copy, "save", sizeof *a, 1, 1);
        if (!a) return false;
        a->bytes = cn__type_bytes(cn__type_of(g, v));
        cn__prep_ptr(p, &a->from, v);
        p->committing = true;                            /* from now on v lies where it is saved */
        cn__prep_ptr(p, &a->to, v);
        p->committing = false;
    }
    return !p->status;
}

/* ---- Updates in place -------------------------------------------------------------------------------------------- */
/* ACCUMULATE may have a scale or not; else results tell how many operands there are. */
bool cn__one_update(const cn__inst *a, const cn__inst *b)
{
    return a->op == b->op && a->nout == b->nout && a->attr_size == b->attr_size &&
           (!a->attr_size || !memcmp(a->attr, b->attr, a->attr_size));
}

/* Their order is free: none reads what another replaces (passes/schedule.c). */
static bool prepare_updates(cn__prep *p, const cn__schedule *s, const cn__inst **run, bool *taken)
{
    const cn_graph *g = p->plan->graph;
    const cn__backend *b = p->plan->backend;
    const uint32_t *order = s->order + s->ncompute;
    for (uint32_t k = 0; k < s->ncommit; k++) {
        const cn__inst *i = &g->insts.at[order[k]];
        int n = 0;
        if (taken[k]) continue;
        for (uint32_t j = k; j < (b->prepare_updates ? s->ncommit : k + 1); j++)
            if (!taken[j] && cn__one_update(i, &g->insts.at[order[j]]))
                run[n++] = &g->insts.at[order[j]], taken[j] = true;
        p->inst = order[k], p->position = s->ncompute + k + 2, p->temps = p->lives.n;
        if (!(b->prepare_updates ? b->prepare_updates(p, g, run, n) : b->prepare(p, g, i)) || p->status) return false;
    }
    return true;
}

/* ---- Other assignments ------------------------------------------------------------------------------------------- */
static bool in_place(const cn__prep *p, cn__val v)
{
    const cn__inst *i = cn__inst_of(p->plan->graph, v);
    return i && cn__ops[i->op].flags & CN__F_UPDATE && cn__prep_in_place(p, v);
}

static bool assign(cn__prep *p, const cn__assign *w)
{
    const cn__value *v = cn__value_of(p->plan->graph, w->val);
    p->inst = v->kind == CN__V_INST ? v->ref : 0;
    copy_args *a = cn__prep_call(p, copy, "assign", sizeof *a, 1, 1);
    if (!a) return false;
    a->bytes = cn__type_bytes(&w->var->type);
    a->guard_bytes = w->guard ? cn__type_bytes(cn__type_of(p->plan->graph, w->guard)) : 0;
    cn__prep_var(p, &a->to, w->var);
    cn__prep_ptr(p, &a->from, w->val);
    cn__prep_ptr(p, &a->guard, w->guard);
    for (int k = 0; k < cn__prep_mirrors(p, w->var); k++) {
        pack_args *m = cn__prep_call(p, pack, "mirror", sizeof *m, 1, 1);
        if (!m) return false;
        m->pack = p->plan->backend->pack, m->type = w->var->type, m->layout = (cn__layout)w->var->mirror[k].layout;
        cn__prep_var(p, &m->master, w->var);
        cn__prep_mirror(p, &m->at, w->var, k);
    }
    return !p->status;
}

bool cn__plan_commit(cn__prep *p, const cn__schedule *s)
{
    const cn_graph  *g = p->plan->graph;
    const cn__inst **run = cn__alloc(p->plan->ctx, (s->ncommit + 1) * sizeof *run);
    bool *taken = cn__alloc0(p->plan->ctx, s->ncommit + 1);
    p->committing = true;
    bool ok = run && taken ? prepare_updates(p, s, run, taken) : cn__prep_nomem(p);
    cn__free(p->plan->ctx, run, (s->ncommit + 1) * sizeof *run);
    cn__free(p->plan->ctx, taken, s->ncommit + 1);
    for (size_t k = 0; ok && k < g->assigns.n; k++)
        ok = in_place(p, g->assigns.at[k].val) || assign(p, &g->assigns.at[k]);
    p->committing = false;
    return ok;
}
