/* grad.c: gradients, by reverse accumulation (Griewank and Walther 2008, ch. 3) over the instructions between x and
   y. Rules append nodes to the same graph, so that second derivatives, fusion and every backend are served by the same
   lines. */
#include "graph/build.h"
#include "graph/shape.h"

/* ---- The sweep --------------------------------------------------------------------------------------------------- */
typedef struct sweep {
    cn_graph *g;
    size_t    values, insts;                             /* those there were: rules append more */
    bool     *needs;                                     /* depends on some x */
    cn__val  *grad;                                      /* of y by each value so far; 0: none */
} sweep;

static bool differentiable(const cn_graph *g, cn__val v) { return cn__is_float((cn_dtype)cn__type_of(g, v)->dtype); }

static void find_dependents(sweep *s, int n, const cn__val *x)
{
    const cn_graph *g = s->g;
    for (int k = 0; k < n; k++)
        if (x[k]) s->needs[x[k]] = true;
    for (size_t k = 1; k < s->insts; k++) {
        const cn__inst *i = &g->insts.at[k];
        bool needs = false;
        for (int j = 0; j < i->nin; j++) needs |= s->needs[cn__in(g, i)[j]];
        for (int j = 0; needs && j < i->nout; j++)
            s->needs[i->out + (cn__val)j] = differentiable(g, i->out + (cn__val)j);
    }
}

static bool accumulate(sweep *s, const cn__inst *i, int k, cn__val d)
{
    cn_graph *g = s->g;
    cn__val   x = cn__in(g, i)[k];
    char      is[128], wanted[128];
    if (!d) return true;
    if (!cn__type_equal(cn__type_of(g, d), cn__type_of(g, x)))
        return cn__graph_fail(g, CN_E_SHAPE, "gradient of %s by operand %d: its rule gave %s for %s, a mistake",
                              cn__ops[i->op].name, k, cn__type_text(cn__type_of(g, d), is, sizeof is),
                                  cn__type_text(cn__type_of(g, x), wanted, sizeof wanted));
    s->grad[x] = s->grad[x] ? cn__add(g, s->grad[x], d) : d;
    return s->grad[x];
}

/* Through one instruction, if some result has a gradient and some operand wants one. */
static bool through(sweep *s, const cn__inst *i, cn__val *dx, bool *want)
{
    cn_graph *g = s->g;
    const cn__val *dy = &s->grad[i->out];
    bool some = false, wanted = false;
    for (int k = 0; k < i->nout; k++) some |= dy[k] != 0;
    for (int k = 0; k < i->nin; k++) {
        cn__val v = cn__in(g, i)[k];
        want[k] = v && s->needs[v], dx[k] = 0;
        wanted |= want[k];
    }
    if (!some || !wanted) return true;
    const cn__op_info *info = &cn__ops[i->op];
    if (!info->grad)
        return cn__graph_fail(g, CN_E_UNSUPPORTED, "%s has no gradient: cut it off with stop_gradient", info->name);
    if (!info->grad(g, i, dy, want, dx) || !cn__graph_ok(g)) return false;
    for (int k = 0; k < i->nin; k++)
        if (want[k] && !accumulate(s, i, k, dx[k])) return false;
    return true;
}

static bool backwards(sweep *s, cn__val *dx, bool *want)
{
    cn_graph *g = s->g;
    uint32_t former = g->origin;
    bool ok = true;
    for (size_t k = s->insts; ok && k-- > 1;) {
        cn__inst i = g->insts.at[k];
        g->origin = i.origin;
        ok = through(s, &i, dx, want);
    }
    if (ok) g->origin = former;
    return ok;
}

static size_t most_operands(const cn_graph *g)
{
    size_t n = 1;
    for (size_t k = 1; k < g->insts.n; k++) n = CN__MAX(n, g->insts.at[k].nin);
    return n;
}

static bool ready(cn_graph *g, cn__val y, cn__val *seed, int n, const cn__val *x, cn__val *dx)
{
    for (int k = 0; k < n; k++) dx[k] = 0;
    if (!cn__graph_ok(g)) return false;
    bool known = y && y < g->values.n && *seed < g->values.n;
    for (int k = 0; k < n; k++) known = known && x[k] < g->values.n;
    if (!known) return cn__graph_fail(g, CN_E_VALUE, "gradient: of or by a value that is not in the graph");
    cn__type t = *cn__type_of(g, y);
    if (!differentiable(g, y))
        return cn__graph_fail(g, CN_E_DTYPE, "gradient: of %s, which is not of a floating type",
                              cn__dtype_name((cn_dtype)t.dtype));
    if (!*seed) *seed = cn__fill(g, (cn_dtype)t.dtype, t.rank, t.dim, 1);
    if (!*seed) return false;
    return cn__type_equal(cn__type_of(g, *seed), &t) ||
        cn__graph_fail(g, CN_E_SHAPE, "gradient: the seed is not like what is differentiated");
}

bool cn__gradient(cn_graph *g, cn__val y, cn__val seed, int n, const cn__val *x, cn__val *dx)
{
    if (!ready(g, y, &seed, n, x, dx)) return false;
    cn_ctx *ctx = g->obj.ctx;
    size_t  wide = most_operands(g), values = g->values.n;
    sweep   s = { .g = g, .values = values, .insts = g->insts.n };
    cn__val *part = cn__alloc(ctx, wide * sizeof *part);
    bool    *want = cn__alloc(ctx, wide * sizeof *want);
    s.needs = cn__alloc0(ctx, values * sizeof *s.needs);
    s.grad = cn__alloc0(ctx, values * sizeof *s.grad);
    bool ok = (part && want && s.needs && s.grad) || cn__graph_fail(g, CN_E_NOMEM, "out of memory for a gradient");
    if (ok) {
        find_dependents(&s, n, x);
        if (s.needs[y]) s.grad[y] = seed;
        ok = backwards(&s, part, want);
    }
    for (int k = 0; ok && k < n; k++) dx[k] = x[k] ? s.grad[x[k]] : 0;
    cn__free(ctx, part, wide * sizeof *part);
    cn__free(ctx, want, wide * sizeof *want);
    cn__free(ctx, s.needs, values * sizeof *s.needs);
    cn__free(ctx, s.grad, values * sizeof *s.grad);
    return ok;
}

/* ---- Of a composite, by its decomposition ------------------------------------------------------------------------ */
enum { FEW = 32 };

/* In a graph of its own, where stand-ins take the operands' places: so they are independent of each other, and
   nothing that the decomposition does to them is merged with what made them. */
static bool adjoint_aside(cn_graph *side, const cn_graph *g, cn__inst *i, const cn__val *in, const cn__val *dy,
                          cn__val *real, cn__val *dx)
{
    cn__val x[FEW] = { 0 }, y[FEW] = { 0 };
    int inputs = 0;
    for (int k = 0; k < i->nin; k++)
        if (in[k]) x[k] = cn__input(side, cn__type_of(g, in[k]), NULL), real[inputs++] = in[k];
    if (!cn__graph_ok(side) || !cn__decompose(side, i, x, y)) return false;
    for (int k = 0; k < i->nout; k++) {
        cn__val d[FEW], seed;
        if (!dy[k] || !y[k]) continue;
        seed = cn__input(side, cn__type_of(g, dy[k]), NULL), real[inputs++] = dy[k];
        if (!cn__gradient(side, y[k], seed, i->nin, x, d)) return false;
        for (int j = 0; j < i->nin; j++)
            if (d[j]) dx[j] = dx[j] ? cn__add(side, dx[j], d[j]) : d[j];
    }
    return cn__graph_ok(side);
}

static bool adjoint(cn_graph *g, cn__inst *i, const cn__val *in, const cn__val *dy, const bool *want, cn__val *dx)
{
    cn__val   real[2 * FEW], part[FEW] = { 0 };
    if (i->nin > FEW || i->nout > FEW)
        return cn__graph_fail(g, CN_E_UNSUPPORTED, "gradient of %s: more than %d operands", cn__ops[i->op].name, FEW);
    cn_graph *side = cn__graph_new(g->obj.ctx);
    adjoint_aside(side, g, i, in, dy, real, part);
    for (int k = 0; k < i->nin; k++) part[k] = want[k] ? part[k] : 0;
    bool ok = cn__inline(g, side, real, i->nin, part, dx);
    cn__unref(side);
    return ok;
}

bool cn__grad_auto(cn_graph *g, const cn__inst *inst, const cn__val *dy, const bool *want, cn__val *dx)
{
    cn__inst i = *inst;
    return adjoint(g, &i, cn__in(g, inst), dy, want, dx);
}

bool cn__adjoint(cn_graph *g, cn__op op, const void *attr, size_t attr_size, int nin, const cn__val *in, int nout,
                 const cn__val *dy,
                 const bool *want, cn__val *dx)
{
    cn__inst i = { .op = (uint16_t)op, .nin = (uint16_t)nin, .nout = (uint16_t)nout, .origin = g->origin, .attr = attr,
                   .attr_size = attr_size };
    if (!adjoint(g, &i, in, dy, want, dx)) return false;
    for (int k = 0; k < nin; k++)
        if (want[k] && !dx[k]) dx[k] = cn__zeros_like(g, in[k]);
    return cn__graph_ok(g);
}
