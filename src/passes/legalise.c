/* legalise.c: what the backend has no kernel for is expanded by its decomposition, until nothing is left to expand. */
#include "passes/passes.h"
#include "backends/backend.h"

enum { ROUNDS = 16 };

static bool expands(const cn_graph *g, const cn__inst *i, const cn__backend *b)
{
    return cn__ops[i->op].decomp && b->supports(g, i) != NULL;
}

static bool expand(cn__rewrite *r, const cn__inst *i)
{
    cn__val in[CN_MAX_IO], out[CN_MAX_IO] = { 0 };
    for (int k = 0; k < i->nin; k++) in[k] = cn__rewrite_val(r, cn__in(r->from, i)[k]);
    uint32_t former = r->to->origin;
    r->to->origin = i->origin;
    bool ok = cn__graph_ok(r->to) && cn__ops[i->op].decomp(r->to, i, in, out);
    if (ok) r->to->origin = former;
    for (int k = 0; ok && k < i->nout; k++) r->map[i->out + (cn__val)k] = out[k];
    return ok;
}

static cn_graph *expand_once(const cn_graph *g, const cn__backend *b, bool *changed)
{
    cn__rewrite r;
    if (!cn__rewrite_begin(&r, g)) return NULL;
    *changed = false;
    for (size_t k = 1; k < g->insts.n; k++) {
        const cn__inst *i = &g->insts.at[k];
        bool wide = expands(g, i, b);
        *changed |= wide;
        if (!(wide ? expand(&r, i) : cn__rewrite_inst(&r, i))) break;
    }
    return cn__rewrite_end(&r);
}

cn_graph *cn__legalise(const cn_graph *g, const cn__backend *b)
{
    cn_graph *now = NULL;
    bool changed = true;
    for (int round = 0; changed && round < ROUNDS; round++) {
        cn_graph *next = expand_once(now ? now : g, b, &changed);
        cn__unref(now);
        if (!next) return NULL;
        now = next;
    }
    for (size_t k = 1; k < now->insts.n; k++) {
        const cn__inst *i = &now->insts.at[k];
        const char *why = b->supports(now, i);
        if (!why) continue;
        cn__fail(now->obj.ctx, NULL, CN_E_UNSUPPORTED, "backend \"%s\" has no kernel for %s (%s): %s", b->name, cn__ops[i->op].name,
                 now->origins.at[i->origin], why);
        cn__unref(now);
        return NULL;
    }
    return now;
}
