/* print.c: a graph as text for people, as DOT for drawings, as JSON for tools. Stable: tests compare it word for
   word. */
#include "graph/core.h"

/* ---- Attributes: one function for each struct of attrs.h, chosen by the list of ops ------------------------------ */
typedef void attr_fn(cn__text *, cn__op, const void *);
typedef long long ll;

static void numbers(cn__text *t, const char *name, int n, const int64_t *v)
{
    cn__text_add(t, "%s=[", name);
    for (int i = 0; i < n; i++) cn__text_add(t, i ? ",%lld" : "%lld", (ll)v[i]);
    cn__text_add(t, "]");
}

static void axes(cn__text *t, uint32_t mask)
{
    int64_t list[32];
    int n = 0;
    for (int i = 0; i < 32; i++)
        if (mask >> i & 1) list[n++] = i;
    numbers(t, "axes", n, list);
}

#define ATTR(name, var)                                              \
    static void text_##name(cn__text *t, cn__op op, const void *attr) \
    {                                                                 \
        const cn__a_##name *var = attr;                               \
        (void)op;
ATTR(cast, a)
    cn__text_add(t, "%s", cn__dtype_name((cn_dtype)a->dtype));
}
ATTR(reduce, a)
    axes(t, a->axes);
    if (a->keepdims) cn__text_add(t, " keepdims");
}
ATTR(axis, a)
    const char *first = op == CN__OP_SORT ? " descending" : op == CN__OP_CUMSUM ? " exclusive" : " keepdims";
    cn__text_add(t, "axis=%d%s%s", (int)a->axis, a->keepdims ? first : "", a->dtype ? " reverse" : "");
}
ATTR(matmul, a)
    cn__text_add(t, "ta=%d tb=%d%s", (int)a->ta, (int)a->tb, a->bf16 ? " bf16" : "");
}
ATTR(shape, a)
    numbers(t, "shape", a->rank, a->dim);
}
ATTR(perm, a)
    int64_t p[CN_MAX_RANK] = { 0 };
    for (int i = 0; i < a->rank; i++) p[i] = a->perm[i];
    numbers(t, "axes", a->rank, p);
}
ATTR(axes, a)
    axes(t, a->axes);
}
ATTR(index, a)
    cn__text_add(t, "axis=%lld depth=%lld", (ll)a->axis, (ll)a->depth);
}
ATTR(topk, a)
    cn__text_add(t, "k=%d", (int)a->k);
}
ATTR(random, a)
    cn__text_add(t, "stream=%u a=%.9g b=%.9g", (unsigned)a->stream, a->a, a->b);
}
ATTR(pack, a)
    cn__text_add(t, "layout=%d", (int)a->layout);
}
ATTR(batch, a)
    cn__text_add(t, "feed=%d", (int)a->feed);
}
ATTR(dense, a)
    cn__text_add(t, "act=%d", (int)a->act);
}
ATTR(ce, a)
    cn__text_add(t, "%s smoothing=%.9g", a->from_logits ? "logits" : "probabilities", a->smoothing);
    if (a->ignore != INT64_MIN) cn__text_add(t, " ignore=%lld", (ll)a->ignore);
}
ATTR(sgd, a)
    cn__text_add(t, "momentum=%.9g decay=%.9g%s", a->momentum, a->weight_decay, a->nesterov ? " nesterov" : "");
}
ATTR(rmsprop, a)
    cn__text_add(t, "rho=%.9g momentum=%.9g epsilon=%.9g decay=%.9g%s", a->rho, a->momentum, a->epsilon,
                 a->weight_decay, a->centered ? " centered" : "");
}
ATTR(adam, a)
    cn__text_add(t, "beta_1=%.9g beta_2=%.9g epsilon=%.9g decay=%.9g%s", a->beta_1, a->beta_2, a->epsilon,
                 a->weight_decay, a->amsgrad ? " amsgrad" : "");
}
ATTR(slice, a)
    numbers(t, "start", CN_MAX_RANK, a->start);
    numbers(t, " step", CN_MAX_RANK, a->step);
}
ATTR(pad, a)
    numbers(t, "lo", CN_MAX_RANK, a->lo);
    numbers(t, " hi", CN_MAX_RANK, a->hi);
    numbers(t, " inner", CN_MAX_RANK, a->inner);
    cn__text_add(t, " value=%.9g", a->value);
}
ATTR(tile, a)
    numbers(t, "times", CN_MAX_RANK, a->times);
}
ATTR(fused, a)
    cn__text_add(t, "%lldx%lld:", (ll)a->rows, (ll)a->cols);
    for (int k = 0; k < a->ninst; k++) cn__text_add(t, " r%u=%s", a->inst[k].dst, cn__ops[a->inst[k].op].name);
}
#define text_none NULL

static attr_fn *const attr_text[CN__OPS] = {
#define CN_OP(id, name, attr, ...) [CN__OP_##id] = text_##attr,
#include "graph/ops.def"
#undef CN_OP
};

/* ---- Pieces ------------------------------------------------------------------------------------------------------ */
static void add_type(const cn_graph *g, cn__val v, cn__text *t)
{
    char text[128];
    cn__text_add(t, "%s", cn__type_text(cn__type_of(g, v), text, sizeof text));
}

/* In JSON's spelling, which DOT reads as well. */
static void escaped(cn__text *t, const char *s)
{
    for (; s && *s; s++) {
        if (*s == '"' || *s == '\\') cn__text_add(t, "\\%c", *s);
        else if ((unsigned char)*s < 0x20) cn__text_add(t, "\\u%04x", (unsigned)(unsigned char)*s);
        else cn__text_bytes(t, s, 1);
    }
}

static void quoted(cn__text *t, const char *s)
{
    cn__text_add(t, "\"");
    escaped(t, s);
    cn__text_add(t, "\"");
}

/* These are plain words and numbers: nothing to escape. */
static void attributes(cn__text *t, const cn__inst *i, const char *open, const char *close)
{
    if (!attr_text[i->op]) return;
    cn__text_add(t, "%s", open);
    attr_text[i->op](t, (cn__op)i->op, i->attr);
    cn__text_add(t, "%s", close);
}

static void first_numbers(const cn_graph *g, cn__val v, cn__text *t)
{
    enum { SHOWN = 4 };
    const cn__type *x = cn__type_of(g, v);
    int64_t n = cn__type_count(x);
    for (int64_t i = 0; i < CN__MIN(n, SHOWN); i++)
        cn__text_add(t, i ? ", %.9g" : "%.9g", cn__load((cn_dtype)x->dtype, cn__const_of(g, v), (size_t)i));
    if (n > SHOWN) cn__text_add(t, ", ...");
}

static void list(cn__text *t, const char *mark, const cn__val *v, int n)
{
    for (int k = 0; k < n; k++) cn__text_add(t, "%s%s%u", k ? ", " : "", mark, v[k]);
}

static void results(cn__text *t, const char *mark, const cn__inst *i)
{
    for (int k = 0; k < i->nout; k++) cn__text_add(t, "%s%s%u", k ? ", " : "", mark, i->out + (cn__val)k);
}

static const char *origin(const cn_graph *g, const cn__inst *i) { return g->origins.at[i->origin]; }

/* ---- Text -------------------------------------------------------------------------------------------------------- */
static void leaf_as_text(const cn_graph *g, cn__val v, cn__text *t)
{
    const cn__value *x = cn__value_of(g, v);
    cn__text_add(t, "  %%%u = ", v);
    if (x->kind == CN__V_INPUT) cn__text_add(t, "input %u ", x->ref), quoted(t, g->names.at[x->ref]);
    if (x->kind == CN__V_VAR) cn__text_add(t, "variable "), quoted(t, g->vars.at[x->ref]->path);
    if (x->kind == CN__V_CONST) cn__text_add(t, "constant "), first_numbers(g, v, t);
    cn__text_add(t, ": ");
    add_type(g, v, t);
    cn__text_add(t, "\n");
}

static void inst_as_text(const cn_graph *g, const cn__inst *i, cn__text *t)
{
    cn__text_add(t, "  ");
    results(t, "%", i);
    cn__text_add(t, " = %s(", cn__ops[i->op].name);
    list(t, "%", cn__in(g, i), i->nin);
    cn__text_add(t, ")");
    attributes(t, i, " {", "}");
    for (int k = 0; k < i->nout; k++) cn__text_add(t, k ? ", " : ": "), add_type(g, i->out + (cn__val)k, t);
    cn__text_add(t, *origin(g, i) ? "    # %s\n" : "\n", origin(g, i));
}

static void as_text(const cn_graph *g, cn__text *t)
{
    for (cn__val v = 1; v < g->values.n; v++) {
        const cn__value *x = cn__value_of(g, v);
        if (x->kind != CN__V_INST) leaf_as_text(g, v, t);
        else if (!x->out) inst_as_text(g, &g->insts.at[x->ref], t);
    }
    for (size_t k = 0; k < g->roots.n; k++) cn__text_add(t, "  output %%%u\n", g->roots.at[k]);
    for (size_t k = 0; k < g->checks.n; k++) cn__text_add(t, "  finite %%%u\n", g->checks.at[k]);
    for (size_t k = 0; k < g->assigns.n; k++) {
        const cn__assign *a = &g->assigns.at[k];
        cn__text_add(t, "  assign "), quoted(t, a->var->path);
        cn__text_add(t, a->guard ? " = %%%u if %%%u\n" : " = %%%u\n", a->val, a->guard);
    }
}

/* ---- DOT --------------------------------------------------------------------------------------------------------- */
static void label(const cn_graph *g, cn__val v, cn__text *t, const char *name, const char *shape)
{
    cn__text_add(t, "  v%u [shape=%s, label=\"", v, shape);
    escaped(t, name);
    cn__text_add(t, " ");
    add_type(g, v, t);
    cn__text_add(t, "\"]\n");
}

static void as_dot(const cn_graph *g, cn__text *t)
{
    cn__text_add(t, "digraph cornu {\n");
    for (cn__val v = 1; v < g->values.n; v++) {
        const cn__value *x = cn__value_of(g, v);
        if (x->kind == CN__V_INPUT) label(g, v, t, g->names.at[x->ref], "ellipse");
        if (x->kind == CN__V_VAR) label(g, v, t, g->vars.at[x->ref]->path, "cylinder");
        if (x->kind == CN__V_CONST) label(g, v, t, "constant", "plain");
        if (x->kind != CN__V_INST || x->out) continue;
        const cn__inst *i = &g->insts.at[x->ref];
        label(g, v, t, cn__ops[i->op].name, "box");
        for (int k = 0; k < i->nin; k++) {
            cn__val in = cn__in(g, i)[k];
            const cn__inst *from = cn__inst_of(g, in);
            if (in) cn__text_add(t, "  v%u -> v%u\n", from ? from->out : in, v);
        }
    }
    cn__text_add(t, "}\n");
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */
static void json_key(cn__text *t, const char *key, const char *value)
{
    cn__text_add(t, ", \"%s\": ", key);
    quoted(t, value);
}

static void value_as_json(const cn_graph *g, cn__val v, cn__text *t)
{
    static const char *const kinds[] = { "absent", "input", "constant", "variable", "instruction" };
    const cn__value *x = cn__value_of(g, v);
    cn__text_add(t, "%s\n  {\"id\": %u, \"kind\": \"%s\", \"dtype\": \"%s\", ", v > 1 ? "," : "", v, kinds[x->kind],
                 cn__dtype_name((cn_dtype)x->type.dtype));
    cn__text_add(t, "\"shape\": [");
    for (int k = 0; k < x->type.rank; k++) cn__text_add(t, k ? ", %lld" : "%lld", (ll)x->type.dim[k]);
    cn__text_add(t, "]");
    if (x->kind == CN__V_INPUT) json_key(t, "name", g->names.at[x->ref]);
    if (x->kind == CN__V_VAR) json_key(t, "path", g->vars.at[x->ref]->path);
    cn__text_add(t, "}");
}

static void inst_as_json(const cn_graph *g, const cn__inst *i, cn__text *t)
{
    cn__text_add(t, "\n  {\"op\": \"%s\", \"in\": [", cn__ops[i->op].name);
    list(t, "", cn__in(g, i), i->nin);
    cn__text_add(t, "], \"out\": [");
    results(t, "", i);
    cn__text_add(t, "]");
    attributes(t, i, ", \"attr\": \"", "\"");
    if (*origin(g, i)) json_key(t, "origin", origin(g, i));
    cn__text_add(t, "}");
}

static void as_json(const cn_graph *g, cn__text *t)
{
    cn__text_add(t, "{\"values\": [");
    for (cn__val v = 1; v < g->values.n; v++) value_as_json(g, v, t);
    cn__text_add(t, "],\n\"instructions\": [");
    for (size_t k = 1; k < g->insts.n; k++) cn__text_add(t, k > 1 ? "," : ""), inst_as_json(g, &g->insts.at[k], t);
    cn__text_add(t, "],\n\"outputs\": [");
    list(t, "", g->roots.at, (int)g->roots.n);
    cn__text_add(t, "],\n\"finite\": [");
    list(t, "", g->checks.at, (int)g->checks.n);
    cn__text_add(t, "],\n\"assigns\": [");
    for (size_t k = 0; k < g->assigns.n; k++) {
        const cn__assign *a = &g->assigns.at[k];
        cn__text_add(t, "%s\n  {\"value\": %u, \"guard\": %u", k ? "," : "", a->val, a->guard);
        json_key(t, "path", a->var->path);
        cn__text_add(t, "}");
    }
    cn__text_add(t, "]}\n");
}

void cn__print(const cn_graph *g, cn__print_form form, cn__text *t)
{
    if (!cn__graph_ok(g)) {
        cn__text_add(t, "error: %s\n", cn__bad(g) ? "out of memory" : g->error.text);
        return;
    }
    if (form == CN__PRINT_DOT) as_dot(g, t);
    else if (form == CN__PRINT_JSON) as_json(g, t);
    else as_text(g, t);
}
