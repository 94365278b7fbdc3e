/* graph.c: a graph's life, its leaves (inputs, constants, variables) and what is wanted of it. Instructions: emit.c. */
#include "graph/core.h"
#include <stdio.h>

/* ---- Life -------------------------------------------------------------------------------------------------------- */
static void destroy(void *self)
{
    cn_graph *g = self;
    if (g->owner_free) g->owner_free(g, g->owner);
    cn__free(g->obj.ctx, g->table, g->table_size * sizeof *g->table);
    g->table = NULL, g->table_size = 0;
    cn__arena_free(&g->mem);
}

cn_graph *cn__graph_new(cn_ctx *ctx)
{
    cn_graph *g = cn__new(ctx, CN__GRAPH, sizeof *g, destroy);
    if (cn__bad(g)) return g;
    g->obj.user = false;                                 /* the caller's, until it is given to a user */
    g->mem.ctx = ctx;
    cn__append(g, &g->insts, (cn__inst){ 0 });
    cn__append(g, &g->values, (cn__value){ 0 });
    cn__append(g, &g->origins, "");
    return g;
}

bool cn__graph_room(cn_graph *g, void **at, size_t *cap, size_t n, size_t item)
{
    if (n < *cap) return true;
    size_t more = *cap ? *cap * 2 : 16, bytes;
    void  *new = more < UINT32_MAX && cn__mul_size(more, item, &bytes) ? cn__arena_alloc(&g->mem, bytes) : NULL;
    if (!new) return cn__graph_nomem(g);
    if (n) memcpy(new, *at, n * item);
    *at = new, *cap = more;
    return true;
}

/* ---- Errors ------------------------------------------------------------------------------------------------------ */
bool cn__graph_ok(const cn_graph *g) { return !cn__bad(g) && g->error.status == CN_OK; }

cn__val cn__graph_fail(cn_graph *g, cn_status status, const char *format, ...)
{
    if (!cn__graph_ok(g)) return 0;
    const char *origin = g->origin < g->origins.n ? g->origins.at[g->origin] : "";
    va_list args;
    va_start(args, format);
    cn__error_set(&g->error, *origin ? origin : NULL, status, format, args);
    va_end(args);
    return 0;
}

cn__val cn__graph_nomem(cn_graph *g)
{
    return cn__graph_fail(g, CN_E_NOMEM, "out of memory in a graph of %zu instructions", g->insts.n);
}

cn_status cn__graph_status(const cn_graph *g, const char *site)
{
    if (cn__graph_ok(g)) return CN_OK;
    if (cn__bad(g)) return cn__fail_with(g);
    if (g->error.status == CN_E_NOMEM) return cn__nomem(g->obj.ctx);
    return cn__fail(g->obj.ctx, site, g->error.status, "%s", g->error.text);
}

/* ---- Origins ----------------------------------------------------------------------------------------------------- */
uint32_t cn__origin(cn_graph *g, const char *format, ...)
{
    char text[256];
    va_list args;
    if (!cn__graph_ok(g)) return 0;
    uint32_t former = g->origin;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (size_t i = 0; i < g->origins.n; i++)
        if (!strcmp(g->origins.at[i], text)) return g->origin = (uint32_t)i, former;
    const char *kept = cn__arena_text(&g->mem, text);
    if (!kept) cn__graph_nomem(g);
    else if (cn__append(g, &g->origins, kept)) g->origin = (uint32_t)g->origins.n - 1;
    return former;
}

bool cn__bf16_set(cn_graph *g, bool bf16)
{
    bool former = g && g->bf16;
    if (g) g->bf16 = bf16;
    return former;
}

void cn__origin_set(cn_graph *g, uint32_t origin)
{
    if (!cn__bad(g)) g->origin = origin;
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */
bool cn__graph_has(const cn_graph *g, cn__val v) { return v > 0 && v < g->values.n; }

cn__val cn__value_add(cn_graph *g, const cn__type *t, cn__vkind kind, uint32_t ref, uint8_t out)
{
    cn__value v = { .type = *t, .kind = (uint8_t)kind, .out = out, .ref = ref };
    return cn__append(g, &g->values, v) ? (cn__val)(g->values.n - 1) : 0;
}

static bool sound(cn_graph *g, const cn__type *t, const char *what)
{
    char text[128];
    if (!cn__graph_ok(g)) return false;
    if (cn__type_valid(t)) return true;
    return cn__graph_fail(g, CN_E_SHAPE, "%s %s: element types are numbers, sizes 0 or more, their product countable",
                          what, cn__type_text(t, text, sizeof text));
}

cn__val cn__input(cn_graph *g, const cn__type *t, const char *name)
{
    if (!sound(g, t, "input")) return 0;
    const char *kept = cn__arena_text(&g->mem, name);
    if (name && !kept) return cn__graph_nomem(g);
    cn__val v = cn__value_add(g, t, CN__V_INPUT, (uint32_t)g->inputs.n, 0);
    return v && cn__append(g, &g->inputs, v) && cn__append(g, &g->names, kept) ? v : 0;
}

cn__val cn__constant(cn_graph *g, const cn__type *t, const void *data)
{
    if (!sound(g, t, "constant")) return 0;
    size_t  bytes = cn__type_bytes(t);
    cn__val v = cn__intern_const(g, t, data);
    if (v) return v;
    void *kept = cn__arena_alloc(&g->mem, bytes);
    if (!kept) return cn__graph_nomem(g);
    if (bytes) memcpy(kept, data, bytes);
    v = cn__value_add(g, t, CN__V_CONST, (uint32_t)g->consts.n, 0);
    return v && cn__append(g, &g->consts, (cn__const){ kept }) && cn__intern_add(g, v) ? v : 0;
}

cn__val cn__scalar(cn_graph *g, cn_dtype dtype, double value)
{
    int64_t  number = 0;                                 /* room for one of any type */
    cn__type t = { .dtype = (uint8_t)dtype };
    if (!sound(g, &t, "scalar")) return 0;
    cn__store(dtype, &number, 0, value);
    return cn__constant(g, &t, &number);
}

cn__val cn__read_var(cn_graph *g, cn__var *var)
{
    if (!cn__graph_ok(g)) return 0;
    if (!var) return cn__graph_fail(g, CN_E_STATE, "a variable that does not exist yet is read: build the layer first");
    cn__val v = cn__intern_var(g, var);
    if (v) return v;
    v = cn__value_add(g, &var->type, CN__V_VAR, (uint32_t)g->vars.n, 0);
    return v && cn__append(g, &g->vars, var) && cn__intern_add(g, v) ? v : 0;
}

/* Where the last write may not happen (its guard), both are possible. */
cn__val cn__variable(cn_graph *g, cn__var *var)
{
    cn__val v = cn__read_var(g, var);
    for (size_t i = 0; v && i < g->assigns.n; i++) {
        const cn__assign *a = &g->assigns.at[i];
        if (a->var != var) continue;
        cn__val choice[3] = { a->guard, a->val, v };
        v = a->guard ? cn__emit(g, CN__OP_WHERE, NULL, 0, 3, choice, 1, NULL) : a->val;
    }
    return v;
}

void cn__assign_var(cn_graph *g, cn__var *var, cn__val val, cn__val guard)
{
    char is[96], was[96];
    if (!cn__read_var(g, var)) return;                   /* so that it is among the graph's variables */
    if (!cn__graph_has(g, val) || !cn__type_equal(cn__type_of(g, val), &var->type)) {
        cn__graph_fail(g, CN_E_SHAPE, "variable \"%s\" is %s and cannot become %s", var->path,
                       cn__type_text(&var->type, was, sizeof was),
                       cn__graph_has(g, val) ? cn__type_text(cn__type_of(g, val), is, sizeof is) : "nothing");
        return;
    }
    if (guard && (!cn__graph_has(g, guard) || cn__type_of(g, guard)->rank)) {
        cn__graph_fail(g, CN_E_SHAPE, "the guard of variable \"%s\" must be one number", var->path);
        return;
    }
    if (!guard) {                                        /* nothing can be seen of earlier writes */
        size_t kept = 0;
        for (size_t i = 0; i < g->assigns.n; i++)
            if (g->assigns.at[i].var != var) g->assigns.at[kept++] = g->assigns.at[i];
        g->assigns.n = kept;
    }
    cn__append(g, &g->assigns, (cn__assign){ var, val, guard });
}

void cn__root(cn_graph *g, cn__val v)
{
    if (!cn__graph_ok(g)) return;
    if (!cn__graph_has(g, v)) cn__graph_fail(g, CN_E_VALUE, "an absent value cannot be an output");
    else cn__append(g, &g->roots, v);
}

void cn__check_finite(cn_graph *g, cn__val v)
{
    if (!cn__graph_ok(g)) return;
    const cn__type *t = cn__graph_has(g, v) ? cn__type_of(g, v) : NULL;
    if (!t || t->rank || (t->dtype != CN_FLOAT32 && t->dtype != CN_FLOAT64))
        cn__graph_fail(g, CN_E_VALUE, "what must be finite is a scalar, float32 or float64");
    else cn__append(g, &g->checks, v);
}

/* ---- Looking at values ------------------------------------------------------------------------------------------- */
const cn__inst *cn__inst_of(const cn_graph *g, cn__val v)
{
    return cn__graph_has(g, v) && g->values.at[v].kind == CN__V_INST ? &g->insts.at[g->values.at[v].ref] : NULL;
}

const void *cn__const_of(const cn_graph *g, cn__val v)
{
    return cn__graph_has(g, v) && g->values.at[v].kind == CN__V_CONST ? g->consts.at[g->values.at[v].ref].data : NULL;
}

bool cn__is_scalar_const(const cn_graph *g, cn__val v, double *value)
{
    const cn__inst *i = cn__inst_of(g, v);
    while (i && (i->op == CN__OP_BROADCAST || i->op == CN__OP_RESHAPE) && cn__type_count(cn__type_of(g, v)))
        v = cn__in(g, i)[0], i = cn__inst_of(g, v);
    const void *data = cn__const_of(g, v);
    int64_t n = data ? cn__type_count(cn__type_of(g, v)) : 0;
    if (!n) return false;
    cn_dtype d = (cn_dtype)cn__type_of(g, v)->dtype;
    size_t size = cn__dtype_size(d);
    for (int64_t k = 1; k < n; k++)
        if (memcmp((const char *)data + (size_t)k * size, data, size)) return false;
    *value = cn__load(d, data, 0);
    return true;
}
