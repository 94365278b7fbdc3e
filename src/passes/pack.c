/* pack.c: where a kernel wants an operand in another physical layout, a PACK node stands in between; that of a variable
   becomes the variable's mirror when places are given (exec/places.c). */
#include "passes/passes.h"
#include "backends/backend.h"

enum { MOST = CN__TILE_REGS + 2 };                       /* operands of a product with a chain: these read layouts */

static cn__layout wanted(const cn_graph *g, const cn__inst *i, const cn__backend *b, int k)
{
    return cn__in(g, i)[k] ? b->wants(g, i, k) : CN__ROWS;
}

static bool wants_any(const cn_graph *g, const cn__inst *i, const cn__backend *b)
{
    for (int k = 0; i->nin <= MOST && k < i->nin; k++)
        if (wanted(g, i, b, k) != CN__ROWS) return true;
    return false;
}

static bool emit_packed(cn__rewrite *r, const cn__inst *i, const cn__backend *b)
{
    cn__val in[MOST], out[CN_MAX_IO];
    uint32_t former = r->to->origin;
    cn__origin_set(r->to, i->origin);
    for (int k = 0; k < i->nin; k++) {
        cn__layout layout = wanted(r->from, i, b, k);
        in[k] = cn__rewrite_val(r, cn__in(r->from, i)[k]);
        if (layout != CN__ROWS) in[k] = cn__pack(r->to, in[k], layout);
    }
    if (!cn__emit(r->to, (cn__op)i->op, i->attr, i->attr_size, i->nin, in, i->nout, out)) return false;
    cn__origin_set(r->to, former);
    for (int k = 0; k < i->nout; k++) r->map[i->out + (cn__val)k] = out[k];
    return true;
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
