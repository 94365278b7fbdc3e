/* legalise.c: what the backend has no kernel for is expanded by its decomposition, until nothing is left to expand.
   Gradients are nodes by now, so STOP_GRADIENT has done its work and goes. A sum of one number each is that number; for
   kernels, not for the oracle: a sum begins with 0, and 0 + -0 is 0. */
#include "passes/passes.h"
#include "backends/backend.h"

enum { ROUNDS = 16, LISTED = 8 };

/* Why the instruction is to be expanded; NULL: it stays. An element-wise composite fuses better as primitives. */
static const char *why_expand(const cn_graph *g, const cn__inst *i, const cn__backend *b)
{
    const cn__op_info *info = &cn__ops[i->op];
    if (!info->decomp) return NULL;
    return info->flags & CN__F_ELEMENTWISE && b->fuses ? "fused as primitives" : b->supports(g, i);
}

static bool expand(cn__rewrite *r, const cn__inst *i)
{
    cn__val in[CN_MAX_IO], out[CN_MAX_IO];
    if (i->nin > CN_MAX_IO || i->nout > CN_MAX_IO) {
        cn__graph_fail(r->to, CN_E_LIMIT, "%s: more than %d operands or results", cn__ops[i->op].name, CN_MAX_IO);
        return false;
    }
    for (int k = 0; k < i->nin; k++) in[k] = cn__rewrite_val(r, cn__in(r->from, i)[k]);
    uint32_t former = r->to->origin;
    cn__origin_set(r->to, i->origin);
    if (!cn__graph_ok(r->to) || !cn__decompose(r->to, i, in, out)) return false;
    cn__origin_set(r->to, former);
    for (int k = 0; k < i->nout; k++) r->map[i->out + (cn__val)k] = out[k];
    return true;
}

static void note(cn__text *declined, const cn_graph *g, const cn__inst *i, const char *why)
{
    if (!declined) return;
    cn__text_add(declined, "%s expanded: %s", cn__ops[i->op].name, why);
    if (i->origin) cn__text_add(declined, " [%s]", g->origins.at[i->origin]);
    cn__text_add(declined, "\n");
}

/* Every axis that is reduced has one element. */
static bool sums_nothing(const cn_graph *g, const cn__inst *i)
{
    if (i->op != CN__OP_SUM) return false;
    const cn__type *x = cn__type_of(g, cn__in(g, i)[0]);
    uint32_t axes = ((const cn__a_reduce *)i->attr)->axes;
    for (int k = 0; k < x->rank; k++)
        if (axes >> k & 1 && x->dim[k] != 1) return false;
    return true;
}

static bool reshape(cn__rewrite *r, const cn__inst *i)
{
    const cn__type *y = cn__type_of(r->from, i->out);
    return (r->map[i->out] = cn__reshape(r->to, cn__rewrite_val(r, cn__in(r->from, i)[0]), y->rank, y->dim)) != 0;
}

static bool rewrite_one(cn__rewrite *r, const cn__inst *i, const cn__backend *b, cn__text *declined, bool *changed)
{
    if (i->op == CN__OP_STOP_GRADIENT) return (r->map[i->out] = cn__rewrite_val(r, cn__in(r->from, i)[0])) != 0;
    if (b->fuses && sums_nothing(r->from, i)) return reshape(r, i);
    const char *why = why_expand(r->from, i, b);
    if (!why) return cn__rewrite_inst(r, i);
    *changed = true;
    note(declined, r->from, i, why);
    return expand(r, i);
}

static cn_graph *expand_once(const cn_graph *g, const cn__backend *b, cn__text *declined, bool *changed)
{
    cn__rewrite r;
    *changed = false;
    if (!cn__rewrite_begin(&r, g)) return NULL;
    for (size_t k = 1; k < g->insts.n; k++)
        if (!rewrite_one(&r, &g->insts.at[k], b, declined, changed)) break;
    return cn__rewrite_end(&r);
}

/* All that is left without a kernel, in one message. */
static bool has_kernels(const cn_graph *g, const cn__backend *b)
{
    cn__text t = { .ctx = g->obj.ctx };
    char     type[128];
    int      missing = 0;
    for (size_t k = 1; k < g->insts.n; k++) {
        const cn__inst *i = &g->insts.at[k];
        const char *why = b->supports(g, i);
        if (!why || ++missing > LISTED) continue;
        cn__text_add(&t, "%s%s -> %s (%s)", missing > 1 ? "; " : "", cn__ops[i->op].name,
                     cn__type_text(cn__type_of(g, i->out), type, sizeof type), why);
        if (i->origin) cn__text_add(&t, " of %s", g->origins.at[i->origin]);
    }
    if (missing > LISTED) cn__text_add(&t, "; and %d more", missing - LISTED);
    if (missing)
        cn__fail(g->obj.ctx, NULL, CN_E_UNSUPPORTED,
                 "backend \"%s\" has no kernel for %s. Use cn_open(.backend = \"cpu\").", b->name, cn__text_get(&t));
    cn__text_free(&t);
    return !missing;
}

cn_graph *cn__legalise(const cn_graph *g, const cn__backend *b, cn__text *declined)
{
    cn_graph *now = NULL;
    bool changed = true;
    for (int round = 0; changed && round < ROUNDS; round++) {
        cn_graph *next = expand_once(now ? now : g, b, declined, &changed);
        cn__unref(now);
        if (!next) return NULL;
        now = next;
    }
    if (has_kernels(now, b)) return now;
    cn__unref(now);
    return NULL;
}
