/* pack.c: where a kernel wants an operand in another physical layout, a PACK node stands in between; that of a variable becomes
   the variable's mirror. */
#include "passes/passes.h"
#include "backends/backend.h"

static bool emit_packed(cn__rewrite *r, const cn__inst *i, const cn__backend *b)
{
    cn__val in[256], out[CN_MAX_IO];
    int n = i->nin < CN__COUNT(in) ? i->nin : (int)CN__COUNT(in);
    for (int k = 0; k < n; k++) {
        cn__layout layout = b->wants(r->from, i, k);
        in[k] = cn__rewrite_val(r, cn__in(r->from, i)[k]);
        if (layout != CN__ROWS) in[k] = cn__pack(r->to, in[k], layout);
    }
    uint32_t former = r->to->origin;
    r->to->origin = i->origin;
    bool ok = cn__emit(r->to, (cn__op)i->op, i->attr, i->attr_size, n, in, i->nout, out);
    if (ok) r->to->origin = former;
    for (int k = 0; ok && k < i->nout; k++) r->map[i->out + (cn__val)k] = out[k];
    return ok;
}

static bool wants_any(const cn_graph *g, const cn__inst *i, const cn__backend *b)
{
    for (int k = 0; k < i->nin; k++)
        if (cn__in(g, i)[k] && b->wants(g, i, k) != CN__ROWS) return true;
    return false;
}

cn_graph *cn__pack_operands(const cn_graph *g, const cn__backend *b)
{
    cn__rewrite r;
    if (!cn__rewrite_begin(&r, g)) return NULL;
    for (size_t k = 1; k < g->insts.n; k++) {
        const cn__inst *i = &g->insts.at[k];
        if (!(wants_any(g, i, b) ? emit_packed(&r, i, b) : cn__rewrite_inst(&r, i))) break;
    }
    return cn__rewrite_end(&r);
}
