/* intern.c: equal instructions, constants and variables are one value. Open addressing over value numbers, linear
   probing, at most half full. */
#include "graph/core.h"

static uint64_t hash_inst(const cn_graph *g, const cn__inst *i)
{
    uint64_t h = cn__hash(i->op, (uint64_t)i->nin << 16 | i->nout);
    for (int k = 0; k < i->nin; k++) h = cn__hash(h, cn__in(g, i)[k]);
    return i->attr_size ? cn__hash(h, cn__hash_bytes(i->attr, i->attr_size)) : h;
}

static uint64_t hash_const(const cn__type *t, const void *data)
{
    uint64_t h = cn__hash(t->dtype, t->rank);
    for (int k = 0; k < t->rank; k++) h = cn__hash(h, (uint64_t)t->dim[k]);
    return cn__hash(h, cn__hash_bytes(data, cn__type_bytes(t)));
}

static uint64_t hash_var(const cn__var *v) { return cn__hash(CN__V_VAR, (uintptr_t)v); }

static uint64_t hash_value(const cn_graph *g, cn__val v)
{
    const cn__value *x = &g->values.at[v];
    if (x->kind == CN__V_VAR)   return hash_var(g->vars.at[x->ref]);
    if (x->kind == CN__V_CONST) return hash_const(&x->type, g->consts.at[x->ref].data);
    return hash_inst(g, &g->insts.at[x->ref]);
}

static bool equal_insts(const cn_graph *g, const cn__inst *a, const cn__inst *b)
{
    return a->op == b->op && a->nin == b->nin && a->nout == b->nout && a->attr_size == b->attr_size &&
           (!a->nin || !memcmp(cn__in(g, a), cn__in(g, b), a->nin * sizeof(cn__val))) &&
           (!a->attr_size || !memcmp(a->attr, b->attr, a->attr_size));
}

/* The places where something with this hash may stand, up to the first free one. */
#define EACH(g, h, v)                                                                        \
    for (size_t mask_ = (g)->table_size - 1, at_ = (size_t)(h) & mask_;                      \
         (g)->table_size && ((v) = (g)->table[at_]); at_ = (at_ + 1) & mask_)

cn__val cn__intern_inst(const cn_graph *g, const cn__inst *i)
{
    cn__val v = 0;
    EACH(g, hash_inst(g, i), v)
        if (g->values.at[v].kind == CN__V_INST && equal_insts(g, &g->insts.at[g->values.at[v].ref], i)) return v;
    return 0;
}

cn__val cn__intern_const(const cn_graph *g, const cn__type *t, const void *data)
{
    cn__val v = 0;
    size_t bytes = cn__type_bytes(t);
    if (bytes > CN__FOLD_BYTES) return 0;
    EACH(g, hash_const(t, data), v)
        if (g->values.at[v].kind == CN__V_CONST && cn__type_equal(&g->values.at[v].type, t) &&
            (!bytes || !memcmp(g->consts.at[g->values.at[v].ref].data, data, bytes))) return v;
    return 0;
}

cn__val cn__intern_var(const cn_graph *g, const cn__var *var)
{
    cn__val v = 0;
    EACH(g, hash_var(var), v)
        if (g->values.at[v].kind == CN__V_VAR && g->vars.at[g->values.at[v].ref] == var) return v;
    return 0;
}

static void put(cn_graph *g, cn__val v)
{
    size_t mask = g->table_size - 1, at = (size_t)hash_value(g, v) & mask;
    while (g->table[at]) at = (at + 1) & mask;
    g->table[at] = v;
    g->table_used++;
}

static bool grow(cn_graph *g, size_t size)
{
    uint32_t *old = g->table;
    size_t old_size = g->table_size;
    uint32_t *new = cn__alloc0(g->obj.ctx, size * sizeof *new);
    if (!new) return cn__graph_nomem(g);
    g->table = new, g->table_size = size, g->table_used = 0;
    for (size_t i = 0; i < old_size; i++)
        if (old[i]) put(g, old[i]);
    cn__free(g->obj.ctx, old, old_size * sizeof *old);
    return true;
}

/* Never merged: what reads a feed or keeps state. Large constants are not compared. */
static bool interned(const cn_graph *g, cn__val v)
{
    const cn__value *x = &g->values.at[v];
    if (x->kind == CN__V_CONST) return cn__type_bytes(&x->type) <= CN__FOLD_BYTES;
    if (x->kind == CN__V_INST)
        return !x->out && !(cn__ops[g->insts.at[x->ref].op].flags & (CN__F_NO_FOLD | CN__F_STATE));
    return x->kind == CN__V_VAR;
}

bool cn__intern_add(cn_graph *g, cn__val v)
{
    if (!interned(g, v)) return true;
    if (2 * (g->table_used + 1) > g->table_size && !grow(g, g->table_size ? g->table_size * 2 : 64)) return false;
    put(g, v);
    return true;
}

bool cn__intern_again(cn_graph *g)
{
    if (g->table) memset(g->table, 0, g->table_size * sizeof *g->table);
    g->table_used = 0;
    for (cn__val v = 1; v < g->values.n; v++)
        if (!cn__intern_add(g, v)) return false;
    return true;
}
