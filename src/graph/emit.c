/* emit.c: instructions: checked, sorted, simplified, folded, merged, appended. */
#include "graph/core.h"

enum { FEW = 16, ANY_NUMBER = 255 };

/* The operands go behind the last edge, where they stay if a new instruction comes of them. */
static bool stage(cn_graph *g, cn__inst *i, const cn__val *in)
{
    const cn__op_info *info = &cn__ops[i->op];
    bool any = info->max_in == ANY_NUMBER;
    while (!any && i->nin > info->min_in && !in[i->nin - 1]) i->nin--;
    if (i->nin < info->min_in || (!any && i->nin > info->max_in))
        return cn__graph_fail(g, CN_E_VALUE, "%s: takes %d to %d operands, got %d", info->name, info->min_in,
                              info->max_in, i->nin);
    i->in = (uint32_t)g->edges.n;
    for (int k = 0; k < i->nin; k++) {
        if (in[k] ? !cn__graph_has(g, in[k]) : any || k < info->min_in)
            return cn__graph_fail(g, CN_E_VALUE, "%s: operand %d is absent", info->name, k);
        if (!cn__append(g, &g->edges, in[k])) return false;
    }
    if (info->flags & CN__F_COMMUTES) {
        cn__val *at = g->edges.at + i->in, first = at[0], second = at[1];
        if (first > second) at[0] = second, at[1] = first;
    }
    return true;
}

static bool infer(cn_graph *g, const cn__inst *i, cn__type *out)
{
    const cn__type *few[FEW], **types = few;
    size_t bytes = i->nin * sizeof *types;
    if (i->nin > FEW && !(types = cn__alloc(g->obj.ctx, bytes))) return cn__graph_nomem(g);
    for (int k = 0; k < i->nin; k++) {
        cn__val v = cn__in(g, i)[k];
        types[k] = v ? cn__type_of(g, v) : NULL;
    }
    bool ok = cn__ops[i->op].shape(g, i, types, out);
    if (types != few) cn__free(g->obj.ctx, types, bytes);
    char text[128];
    for (int k = 0; ok && k < i->nout; k++)
        if (!cn__type_valid(&out[k]))
            ok = cn__graph_fail(g, CN_E_SHAPE, "%s: its result %s is too large", cn__ops[i->op].name,
                                cn__type_text(&out[k], text, sizeof text));
    return ok && cn__graph_ok(g);
}

cn__val cn__append_inst(cn_graph *g, const cn__inst *inst, const cn__type *out)
{
    cn__inst i = *inst;
    if (i.attr_size) {
        void *kept = cn__arena_alloc(&g->mem, i.attr_size);
        if (!kept) return cn__graph_nomem(g);
        i.attr = memcpy(kept, i.attr, i.attr_size);
    }
    i.out = (cn__val)g->values.n;
    for (int k = 0; k < i.nout; k++)
        if (!cn__value_add(g, &out[k], CN__V_INST, (uint32_t)g->insts.n, (uint8_t)k)) return 0;
    return cn__append(g, &g->insts, i) && cn__intern_add(g, i.out) ? i.out : 0;
}

static bool may_fold(const cn_graph *g, const cn__inst *i, const cn__type *out)
{
    const cn__op_info *info = &cn__ops[i->op];
    if (!i->nin || i->op == CN__OP_BROADCAST) return false;      /* a repeated number is cheaper to read as it is */
    if (info->flags & (CN__F_NO_FOLD | CN__F_STATE | CN__F_UPDATE | CN__F_RANDOM | CN__F_LAYOUT)) return false;
    for (int k = 0; k < i->nout; k++)
        if (cn__type_bytes(&out[k]) > CN__FOLD_BYTES) return false;
    for (int k = 0; k < i->nin; k++)
        if (cn__in(g, i)[k] && !cn__foldable(g, cn__in(g, i)[k])) return false;
    return true;
}

/* The whole way of one instruction; gives its first output and, in val, all. */
static cn__val emit(cn_graph *g, cn__inst *i, const cn__val *in, cn__val *val)
{
    cn__type out[CN__MOST_OUT] = { { 0 } };
    if (!stage(g, i, in) || !infer(g, i, out)) return 0;
    const cn__op_info *info = &cn__ops[i->op];
    if (info->flags & CN__F_ELEMENTWISE && (val[0] = cn__sink_broadcasts(g, i, out))) return val[0];
    val[0] = cn__identity(g, i, out);
    if (val[0] || (may_fold(g, i, out) && cn__fold(g, i, out, val))) return val[0];
    if (!cn__graph_ok(g)) return 0;
    cn__val first = info->flags & (CN__F_NO_FOLD | CN__F_STATE) ? 0 : cn__intern_inst(g, i);
    /* else folding tried its decomposition: others stand behind the operands */
    bool last = i->in + i->nin == g->edges.n;
    if (first && last) g->edges.n = i->in;
    if (!first) {
        if (!last) {
            uint32_t from = i->in;
            i->in = (uint32_t)g->edges.n;
            for (uint32_t k = 0; k < i->nin; k++)
                if (!cn__append(g, &g->edges, g->edges.at[from + k])) return 0;
        }
        first = cn__append_inst(g, i, out);
    }
    for (int k = 0; first && k < i->nout; k++) val[k] = first + (cn__val)k;
    return first;
}

cn__val cn__emit(cn_graph *g, cn__op op, const void *attr, size_t attr_size, int nin, const cn__val *in, int nout,
                 cn__val *out)
{
    cn__val val[CN__MOST_OUT] = { 0 }, first = 0;
    if (cn__graph_ok(g)) {
        const cn__op_info *info = &cn__ops[op > CN__OP_NONE && op < CN__OPS ? op : CN__OP_NONE];
        int n = nout ? nout : info->nout;
        bool given = info->attr_size ? attr && attr_size >= info->attr_size : !attr_size;
        if (op <= CN__OP_NONE || op >= CN__OPS)
            cn__graph_fail(g, CN_E_UNSUPPORTED, "there is no operation %d", (int)op);
        else if (!given)
            cn__graph_fail(g, CN_E_VALUE, "%s: its attributes are %zu bytes, got %zu", info->name, info->attr_size,
                           attr_size);
        else if (n < 1 || n > CN__MOST_OUT || nin > UINT16_MAX || (info->nout && n != info->nout))
            cn__graph_fail(g, CN_E_VALUE, "%s: has %d results, not %d", info->name, info->nout, n);
        else {
            cn__inst i = { .op = (uint16_t)op, .nin = (uint16_t)nin, .nout = (uint16_t)n, .origin = g->origin,
                           .attr = attr_size ? attr : NULL, .attr_size = attr_size };
            first = emit(g, &i, in, val);
        }
    }
    for (int k = 0; out && k < nout; k++) out[k] = first ? val[k] : 0;
    return first;
}
