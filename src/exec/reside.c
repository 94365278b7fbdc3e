/* reside.c: variables that stay in another layout from step to step. Where an update and the products around it are the
   only ones to touch a weight, its slots and its gradient, all of them may lie as the products want them: nothing is
   packed, and a thread finds in its cache what it wrote there. The masters are then behind the mirrors; whoever asks
   for them (cn__var_master, a plan that reads rows) has them written first (mirrors.c). The numbers are the same. */
#include "exec/plan.h"

static bool kept(const cn__prep *p, cn__val v) { return p->late[v] & CN__LATE_KEPT; }

/* How many read it otherwise than through a mirror. */
static uint32_t plain_readers(const cn__prep *p, cn__val v)
{
    const cn_graph *g = p->plan->graph;
    uint32_t n = p->readers[v];
    for (size_t k = 1; k < g->insts.n; k++) n -= g->insts.at[k].op == CN__OP_PACK && cn__in(g, &g->insts.at[k])[0] == v;
    return n;
}

/* Nobody but this update, and its results are nobody's but the variables'. */
static bool alone(const cn__prep *p, const cn__inst *i)
{
    const cn_graph *g = p->plan->graph;
    const cn__val  *in = cn__in(g, i), gradient = in[i->nout];
    for (int j = 0; j < i->nout; j++) {
        const cn__value *x = cn__value_of(g, in[j]);
        if (x->kind != CN__V_VAR || g->vars.at[x->ref]->scope == CN__SCOPE_RUNNER || kept(p, in[j]) ||
            plain_readers(p, in[j]) != 1 || p->readers[i->out + (cn__val)j] != 1) return false;
    }
    return cn__inst_of(g, gradient) && p->readers[gradient] == 1 && !kept(p, gradient);
}

static bool move(cn__prep *p, const cn__inst *i, cn__layout layout)
{
    const cn_graph *g = p->plan->graph;
    for (int j = 0; j < i->nout; j++) {
        cn__val  v = cn__in(g, i)[j];
        cn__var *var = g->vars.at[cn__value_of(g, v)->ref];
        int k = cn__mirror_of(p, var, layout);
        if (k < 0) return false;
        p->home[v] = (cn__reloc){ .space = CN__MIRRORS, .slot = cn__prep_var_slot(p, var), .mirror = (uint8_t)k };
        p->layout[v] = (uint8_t)layout;
    }
    p->layout[cn__in(g, i)[i->nout]] = (uint8_t)layout;
    cn__mirrors_reside(p->plan->ctx);
    return !p->status;
}

bool cn__plan_reside(cn__prep *p, const cn__schedule *s)
{
    const cn_graph    *g = p->plan->graph;
    const cn__backend *b = p->plan->backend;
    for (uint32_t k = 0; b->resides && k < s->ncommit; k++) {
        const cn__inst *i = &g->insts.at[s->order[s->ncompute + k]];
        cn__layout layout = i->nin > i->nout && alone(p, i) ? b->resides(g, i) : CN__ROWS;
        if (layout != CN__ROWS && !move(p, i, layout)) return false;
    }
    return true;
}
