/* fuse.c: chains of element-wise ops become FUSED, products with a chain behind them PRODUCT. A register is a float32, and every
   op rounds: fusion changes no bit (docs/design.md, decision 9). */
#include "passes/passes.h"
#include "backends/backend.h"

cn_graph *cn__fuse(const cn_graph *g, const cn__backend *b)
{
    (void)b;
    cn__rewrite r;
    if (!cn__rewrite_begin(&r, g)) return NULL;
    for (size_t k = 1; k < g->insts.n; k++)
        if (!cn__rewrite_inst(&r, &g->insts.at[k])) break;
    return cn__rewrite_end(&r);
}
