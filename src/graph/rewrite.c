/* rewrite.c: from graph to graph. A pass re-emits what it reads through the builder; at the end what nothing needs
   is dropped. */
#include "graph/core.h"

/* ---- Re-emitting ------------------------------------------------------------------------------------------------- */
static bool map_new(cn__rewrite *r, const cn_graph *from, cn_graph *to)
{
    *r = (cn__rewrite){ from, to, NULL };
    if (!cn__graph_ok(to)) return false;
    r->map = cn__alloc0(to->obj.ctx, from->values.n * sizeof *r->map);
    return r->map || cn__graph_nomem(to);
}

static void map_free(cn__rewrite *r)
{
    if (r->map) cn__free(r->from->obj.ctx, r->map, r->from->values.n * sizeof *r->map);
    r->map = NULL;
}

void cn__rewrite_drop(cn__rewrite *r)
{
    map_free(r);
    cn__unref(r->to);
    r->to = NULL;
}

bool cn__rewrite_begin(cn__rewrite *r, const cn_graph *from)
{
    *r = (cn__rewrite){ .from = from };
    if (cn__graph_status(from, NULL)) return false;
    bool ok = map_new(r, from, cn__graph_new(from->obj.ctx));
    for (size_t k = 1; ok && k < from->origins.n; k++) {         /* in the same places */
        const char *text = cn__arena_text(&r->to->mem, from->origins.at[k]);
        ok = text ? cn__append(r->to, &r->to->origins, text) : (bool)cn__graph_nomem(r->to);
    }
    for (size_t k = 0; ok && k < from->inputs.n; k++) {
        cn__val old = from->inputs.at[k];
        ok = (r->map[old] = cn__input(r->to, cn__type_of(from, old), from->names.at[k]));
    }
    if (ok) {
        r->to->next_stream = from->next_stream;
        return true;
    }
    cn__graph_status(r->to, NULL);
    cn__rewrite_drop(r);
    return false;
}

cn__val cn__rewrite_val(cn__rewrite *r, cn__val old)
{
    if (!old || r->map[old] || !cn__graph_ok(r->to)) return r->map[old];
    const cn__value *v = cn__value_of(r->from, old);
    switch (v->kind) {
    case CN__V_CONST: return r->map[old] = cn__constant(r->to, &v->type, cn__const_of(r->from, old));
    case CN__V_VAR:   return r->map[old] = cn__read_var(r->to, r->from->vars.at[v->ref]);
    default:
        return cn__graph_fail(r->to, CN_E_STATE, "value %u is used before the pass has given it a new one", old);
    }
}

static bool map_operands(cn__rewrite *r, const cn__inst *old, cn__val *in)
{
    for (int k = 0; k < old->nin; k++) in[k] = cn__rewrite_val(r, cn__in(r->from, old)[k]);
    return cn__graph_ok(r->to);
}

bool cn__rewrite_inst(cn__rewrite *r, const cn__inst *old)
{
    cn__val few[16], *in = few, out[CN__MOST_OUT];
    size_t bytes = old->nin * sizeof *in;
    cn_graph *g = r->to;
    if (old->nin > CN__COUNT(few) && !(in = cn__alloc(g->obj.ctx, bytes))) return cn__graph_nomem(g);
    uint32_t former = g->origin;
    g->origin = old->origin < g->origins.n ? old->origin : former;
    bool ok = map_operands(r, old, in) &&
              cn__emit(g, (cn__op)old->op, old->attr, old->attr_size, old->nin, in, old->nout, out);
    for (int k = 0; ok && k < old->nout; k++) r->map[old->out + (cn__val)k] = out[k];
    if (cn__graph_ok(g)) g->origin = former;
    if (in != few) cn__free(g->obj.ctx, in, bytes);
    return ok;
}

cn_graph *cn__rewrite_end(cn__rewrite *r)
{
    const cn_graph *from = r->from;
    cn_graph *to = r->to;
    for (size_t k = 0; k < from->roots.n; k++) cn__root(to, cn__rewrite_val(r, from->roots.at[k]));
    for (size_t k = 0; k < from->checks.n; k++) cn__check_finite(to, cn__rewrite_val(r, from->checks.at[k]));
    for (size_t k = 0; k < from->assigns.n; k++) {
        const cn__assign *a = &from->assigns.at[k];
        cn__assign_var(to, a->var, cn__rewrite_val(r, a->val), a->guard ? cn__rewrite_val(r, a->guard) : 0);
    }
    map_free(r);
    if (cn__graph_compact(to)) return to;
    cn__graph_status(to, NULL);
    cn__unref(to);
    return r->to = NULL;
}

/* ---- What is reached --------------------------------------------------------------------------------------------- */
static void mark(bool *live, cn__val v)
{
    if (v) live[v] = true;
}

/* Backwards over the instructions: operands stand before results. */
static void spread(const cn_graph *g, bool *live)
{
    for (size_t k = g->insts.n; k-- > 1;) {
        const cn__inst *i = &g->insts.at[k];
        bool used = false;
        for (int j = 0; j < i->nout; j++) used |= live[i->out + (cn__val)j];
        for (int j = 0; j < i->nout; j++) live[i->out + (cn__val)j] = used;
        for (int j = 0; used && j < i->nin; j++) mark(live, cn__in(g, i)[j]);
    }
}

bool cn__inline(cn_graph *to, const cn_graph *from, const cn__val *in, int n, const cn__val *want, cn__val *out)
{
    cn__rewrite r;
    if (!cn__graph_ok(to)) return false;
    if (!cn__graph_ok(from)) {
        if (cn__bad(from)) return cn__graph_nomem(to);
        return cn__graph_fail(to, from->error.status, "%s", from->error.text);
    }
    bool *live = cn__alloc0(to->obj.ctx, from->values.n * sizeof *live);
    bool  ok = map_new(&r, from, to) && (live || cn__graph_nomem(to));
    for (int k = 0; ok && k < n; k++) mark(live, want[k]);
    if (ok) spread(from, live);
    for (size_t k = 0; ok && k < from->inputs.n; k++) r.map[from->inputs.at[k]] = in[k];
    uint32_t former = to->origin;
    for (size_t k = 1; ok && k < from->insts.n; k++) {
        cn__inst i = from->insts.at[k];
        i.origin = former;
        if (live[i.out]) ok = cn__rewrite_inst(&r, &i);
    }
    for (int k = 0; k < n; k++) out[k] = ok ? cn__rewrite_val(&r, want[k]) : 0;
    map_free(&r);
    cn__free(to->obj.ctx, live, from->values.n * sizeof *live);
    return ok && cn__graph_ok(to);
}

/* ---- Dropping ---------------------------------------------------------------------------------------------------- */
static cn__val moved(const cn__val *map, cn__val v) { return v ? map[v] : 0; }

static void keep_values(cn_graph *g, const bool *live, cn__val *map)
{
    size_t n = 1, consts = 0, vars = 0;
    for (size_t v = 1; v < g->values.n; v++) {
        cn__value x = g->values.at[v];
        if (!live[v]) continue;
        if (x.kind == CN__V_CONST) g->consts.at[consts] = g->consts.at[x.ref], x.ref = (uint32_t)consts++;
        if (x.kind == CN__V_VAR)   g->vars.at[vars] = g->vars.at[x.ref], x.ref = (uint32_t)vars++;
        map[v] = (cn__val)n;
        g->values.at[n++] = x;
    }
    g->values.n = n, g->consts.n = consts, g->vars.n = vars;
}

static void keep_insts(cn_graph *g, const bool *live, const cn__val *map)
{
    size_t n = 1, edges = 0;
    for (size_t k = 1; k < g->insts.n; k++) {
        cn__inst i = g->insts.at[k];
        if (!live[i.out]) continue;
        for (int j = 0; j < i.nin; j++) g->edges.at[edges + (size_t)j] = moved(map, g->edges.at[i.in + (uint32_t)j]);
        i.in = (uint32_t)edges, i.out = map[i.out];
        edges += i.nin;
        for (int j = 0; j < i.nout; j++) g->values.at[i.out + (cn__val)j].ref = (uint32_t)n;
        g->insts.at[n++] = i;
    }
    g->insts.n = n, g->edges.n = edges;
}

bool cn__graph_compact(cn_graph *g)
{
    if (!cn__graph_ok(g)) return false;
    size_t   n = g->values.n;
    bool    *live = cn__alloc0(g->obj.ctx, n * sizeof *live);
    cn__val *map = cn__alloc0(g->obj.ctx, n * sizeof *map);
    bool     ok = (live && map) || cn__graph_nomem(g);
    if (ok) {
        for (size_t k = 0; k < g->inputs.n; k++) mark(live, g->inputs.at[k]);
        for (size_t k = 0; k < g->roots.n; k++)  mark(live, g->roots.at[k]);
        for (size_t k = 0; k < g->checks.n; k++) mark(live, g->checks.at[k]);
        for (size_t k = 0; k < g->assigns.n; k++) {
            const cn__assign *a = &g->assigns.at[k];
            mark(live, a->val), mark(live, a->guard), mark(live, cn__intern_var(g, a->var));
        }
        spread(g, live);
        keep_values(g, live, map);
        keep_insts(g, live, map);
        for (size_t k = 0; k < g->inputs.n; k++) g->inputs.at[k] = map[g->inputs.at[k]];
        for (size_t k = 0; k < g->roots.n; k++)  g->roots.at[k] = map[g->roots.at[k]];
        for (size_t k = 0; k < g->checks.n; k++) g->checks.at[k] = map[g->checks.at[k]];
        for (size_t k = 0; k < g->assigns.n; k++) {
            cn__assign *a = &g->assigns.at[k];
            a->val = map[a->val], a->guard = moved(map, a->guard);
        }
        ok = cn__intern_again(g);
    }
    cn__free(g->obj.ctx, live, n * sizeof *live);
    cn__free(g->obj.ctx, map, n * sizeof *map);
    return ok;
}
