/* verify.c: is a graph what the builder would make? Run between passes in debug builds. */
#include "graph/core.h"

static bool wrong(cn__error *why, const char *format, ...) CN__PRINTF(2, 3);
static bool wrong(cn__error *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cn__error_set(why, "verify", CN_E_STATE, format, args);
    va_end(args);
    return false;
}

static bool leaf_ok(const cn_graph *g, cn__val v, cn__error *why)
{
    const cn__value *x = &g->values.at[v];
    switch (x->kind) {
    case CN__V_INPUT:
        return (x->ref < g->inputs.n && g->inputs.at[x->ref] == v) || wrong(why, "value %u is not input %u", v, x->ref);
    case CN__V_CONST:
        return (x->ref < g->consts.n && g->consts.at[x->ref].data) || wrong(why, "constant %u has no data", v);
    case CN__V_VAR:
        if (x->ref >= g->vars.n || !g->vars.at[x->ref]) return wrong(why, "value %u reads no variable", v);
        return cn__type_equal(&x->type, &g->vars.at[x->ref]->type) ||
               wrong(why, "value %u is not of its variable's type", v);
    case CN__V_INST:  return (x->ref > 0 && x->ref < g->insts.n) || wrong(why, "value %u is of no instruction", v);
    default:          return wrong(why, "value %u is of no kind", v);
    }
}

/* The shape rule again, on a shallow copy that may carry its own error. */
static bool types_ok(const cn_graph *g, const cn__inst *i, uint32_t k, cn__error *why)
{
    const cn__type *few[64] = { NULL }, **in = few;
    cn__type out[CN__MOST_OUT] = { { 0 } };
    size_t   bytes = i->nin * sizeof *in;
    cn_graph copy = *g;
    char     is[128], wanted[128];
    if (i->nin > CN__COUNT(few) && !(in = cn__alloc(g->obj.ctx, bytes))) return wrong(why, "out of memory");
    for (int j = 0; j < i->nin; j++) in[j] = cn__in(g, i)[j] ? cn__type_of(g, cn__in(g, i)[j]) : NULL;
    bool ok = cn__ops[i->op].shape(&copy, i, in, out);
    if (in != few) cn__free(g->obj.ctx, in, bytes);
    if (!ok) return wrong(why, "instruction %u: %s", k, copy.error.text);
    for (int j = 0; j < i->nout; j++)
        if (!cn__type_equal(&out[j], cn__type_of(g, i->out + (cn__val)j)))
            return wrong(why, "instruction %u (%s): result %d is %s, its shape rule says %s", k, cn__ops[i->op].name, j,
                         cn__type_text(cn__type_of(g, i->out + (cn__val)j), is, sizeof is),
                         cn__type_text(&out[j], wanted, sizeof wanted));
    return true;
}

static bool inst_ok(const cn_graph *g, uint32_t k, cn__error *why)
{
    const cn__inst *i = &g->insts.at[k];
    if (i->op <= CN__OP_NONE || i->op >= CN__OPS) return wrong(why, "instruction %u has no operation", k);
    const cn__op_info *info = &cn__ops[i->op];
    if (!i->out || (size_t)i->out + i->nout > g->values.n || (size_t)i->in + i->nin > g->edges.n)
        return wrong(why, "instruction %u (%s): its operands or results are out of range", k, info->name);
    if (info->attr_size > i->attr_size || (i->attr_size && !i->attr))
        return wrong(why, "instruction %u (%s): no attributes", k, info->name);
    if (i->origin >= g->origins.n)
        return wrong(why, "instruction %u (%s): origin %u does not exist", k, info->name, i->origin);
    for (int j = 0; j < i->nout; j++) {
        const cn__value *v = &g->values.at[i->out + (cn__val)j];
        if (v->kind != CN__V_INST || v->ref != k || v->out != j)
            return wrong(why, "instruction %u (%s): result %d is another's", k, info->name, j);
    }
    for (int j = 0; j < i->nin; j++) {
        cn__val v = cn__in(g, i)[j];
        if (v >= i->out)
            return wrong(why, "instruction %u (%s): operand %d is used before it is made", k, info->name, j);
        if (!v && j < info->min_in) return wrong(why, "instruction %u (%s): operand %d is absent", k, info->name, j);
    }
    return types_ok(g, i, k, why);
}

bool cn__verify(const cn_graph *g, cn__error *why)
{
    if (cn__bad(g)) return wrong(why, "there is no graph");
    if (!cn__graph_ok(g)) return *why = g->error, false;
    for (cn__val v = 1; v < g->values.n; v++)
        if (!leaf_ok(g, v, why)) return false;
    for (uint32_t k = 1; k < g->insts.n; k++)
        if (!inst_ok(g, k, why)) return false;
    for (size_t k = 0; k < g->roots.n; k++)
        if (!cn__graph_has(g, g->roots.at[k])) return wrong(why, "output %zu does not exist", k);
    for (size_t k = 0; k < g->checks.n; k++)
        if (!cn__graph_has(g, g->checks.at[k]) || cn__type_of(g, g->checks.at[k])->rank)
            return wrong(why, "check %zu is no number", k);
    for (size_t k = 0; k < g->assigns.n; k++) {
        const cn__assign *a = &g->assigns.at[k];
        if (!a->var || !cn__graph_has(g, a->val) || !cn__type_equal(cn__type_of(g, a->val), &a->var->type))
            return wrong(why, "assignment %zu does not fit its variable", k);
        if (a->guard && (!cn__graph_has(g, a->guard) || cn__type_of(g, a->guard)->rank))
            return wrong(why, "the guard of assignment %zu is no number", k);
    }
    return true;
}
