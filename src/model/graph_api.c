/* graph_api.c: the storey below, made public: graphs of the user's, models called on nodes, gradients, steps of his
 * own. */
#include "model/model.h"
#include <string.h>

/* ---- Graphs ------------------------------------------------------------------------------------------------------ */
static void free_side(cn_graph *g, void *owner)
{
    cn__graph_side *side = owner;
    cn_ctx *ctx = g->obj.ctx;
    for (size_t i = 0; i < side->models.n; i++) cn__unref(side->models.at[i]);
    cn__vec_free(ctx, &side->models);
    cn__var_free(side->rng);
    cn__text_free(&side->text);
    cn__free(ctx, side, sizeof *side);
}

static cn__graph_side *side_of(const cn_graph *g) { return g->owner_free ? g->owner : NULL; }

cn_graph *cn_graph_new(cn_ctx *ctx)
{
    static const cn__type state = { .dtype = CN_INT64, .rank = 1, .dim = { 2 } };
    cn_graph *g = cn__graph_new(ctx);
    if (!g || cn__bad(g)) return g;
    g->obj.user = true;
    cn__graph_side *side = cn__alloc0(ctx, sizeof *side);
    if (!side) return cn__poison(g, NULL, CN_E_NOMEM, "out of memory for a graph");
    side->text.ctx = ctx;
    g->owner = side, g->owner_free = free_side;
    side->rng = cn__var_new(ctx, &g->mem, "random_state", &state, CN__RNG, CN__SCOPE_MODEL, false);
    if (!side->rng) return cn__poison(g, NULL, CN_E_NOMEM, "out of memory for a graph");
    ((int64_t *)cn__var_master(side->rng))[0] = (int64_t)cn__seed(ctx);
    return g;
}

cn__val cn__graph_rng(cn_graph *g)
{
    cn__graph_side *side = side_of(g);
    if (!side)
        return g->owner ? ((cn__lower *)g->owner)->rng : cn__graph_fail(g, CN_E_STATE, "there is no random state here");
    if (!side->now) side->now = cn__variable(g, side->rng);
    return side->now;
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */
static cn_node *blank(cn_graph *g)
{
    if (!g->owner_free) {                                /* goes with the graph */
        cn_node *n = cn__arena_alloc(&g->mem, sizeof *n);
        if (n) {
            cn__obj *h = &n->head.obj;
            h->magic = CN__MAGIC, h->kind = CN__NODE, h->small = true, h->refs = 1, h->size = sizeof *n,
            h->ctx = g->obj.ctx;
            n->g = g;
            return n;
        }
        cn__graph_fail(g, CN_E_NOMEM, "out of memory for a node");
    }
    cn_node *n = cn__new_small(g->obj.ctx, CN__NODE, sizeof *n);
    if (!cn__bad(n)) n->g = g;
    return n;
}

cn_node *cn__node(cn_graph *g, cn__val v)
{
    cn_node *n = blank(g);
    if (cn__bad(n)) return n;
    if (v && !g->error.status) {
        const cn__type *t = cn__type_of(g, v);
        n->v = v, n->head.dtype = (cn_dtype)t->dtype, n->head.rank = t->rank;
        memcpy(n->head.dim, t->dim, sizeof n->head.dim);
        return n;
    }
    cn__poison(n, NULL, g->error.status ? g->error.status : CN_E_VALUE, "%s",
               g->error.status ? g->error.text : "there is no such value");
    if (g->owner_free && g->error.status != CN_E_NOMEM)
        memset(&g->error, 0, sizeof g->error); /* what does not hang on it goes on */
    return n;
}

cn_node *cn__node_bad(cn_graph *g, const void *from)
{
    cn_node *n = cn__bad(g) ? cn__new_small((cn_ctx_of)(from), CN__NODE, sizeof *n) : blank(g);
    return cn__inherit(n, from);
}

cn_node *(cn_graph_input)(cn_graph_input_args *given)
{
    CN__ARGS(cn_graph_input_args, a, given);
    if (cn__bad(a.on)) return a.on ? cn__node_bad(a.on, a.on) : NULL;
    CN__FILL(cn_graph_input_args, CN_GRAPH_INPUT_FIELDS);
    cn__type t = { .dtype = (uint8_t)a.dtype };
    t.rank = (uint8_t)cn__dims_rank(a.shape, t.dim);
    for (int i = 0; i < t.rank; i++)
        if (t.dim[i] < 0)
            return cn__poison(blank(a.on), a.head.site, CN_E_SHAPE,
                              "cn_graph_input: in a graph all sizes are known, the batch too; size %d is not.", i);
    return cn__node(a.on, cn__input(a.on, &t, a.name));
}

cn_node *(cn_graph_constant)(cn_graph_constant_args *given)
{
    CN__ARGS(cn_graph_constant_args, a, given);
    if (cn__bad(a.on)) return a.on ? cn__node_bad(a.on, a.on) : NULL;
    cn_graph *g = a.on;
    cn__type  t = { .dtype = (uint8_t)CN_FLOAT32 };
    t.rank = (uint8_t)cn__dims_rank(a.shape, t.dim);
    if (!a.values || !cn__dtype_class_of(a.values->dtype))
        return cn__poison(blank(g), a.head.site, CN_E_VALUE, "cn_graph_constant: there are no numbers.");
    if (a.values->dtype != CN_FLOAT64) t.dtype = (uint8_t)a.values->dtype; /* as cn_array_from: literals are float32 */
    if (cn__type_count(&t) != (int64_t)a.values->count)
        return cn__poison(blank(g), a.head.site, CN_E_SHAPE, "cn_graph_constant: %zu numbers for a shape of %lld.",
                          a.values->count, (long long)cn__type_count(&t));
    void *data = cn__arena_alloc(&g->mem, cn__type_bytes(&t) + 1);
    if (!data) return cn__poison(blank(g), a.head.site, CN_E_NOMEM, "out of memory for a constant");
    cn__convert((cn_dtype)t.dtype, data, a.values->dtype, a.values->data, a.values->count);
    return cn__node(g, cn__constant(g, &t, data));
}

/* ---- Models in graphs -------------------------------------------------------------------------------------------- */
static bool keep_model(cn_graph *g, cn_model *m)
{
    cn__graph_side *side = side_of(g);
    if (!side) return true;                              /* within a layer of a model that has it */
    for (size_t i = 0; i < side->models.n; i++)
        if (side->models.at[i] == m) return true;
    if (!cn__push(g->obj.ctx, &side->models, m))
        return cn__graph_fail(g, CN_E_NOMEM, "out of memory for a model"), false;
    cn__ref(m);
    return true;
}

cn_node *cn_graph_weight(cn_graph *g, cn_model *m, const char *path)
{
    if (cn__bad(g)) return g ? cn__node_bad(g, g) : NULL;
    if (cn__bad(m)) return cn__node_bad(g, m);
    if (!cn__model_table(m) || !keep_model(g, m)) return cn__node(g, 0);
    for (size_t i = 0; path && i < m->table.n; i++)
        if (!strcmp(m->table.at[i].path, path)) return cn__node(g, cn__variable(g, m->table.at[i].weight->var));
    return cn__poison(blank(g), NULL, CN_E_NAME, "cn_graph_weight: model \"%s\" has no weight \"%s\".", m->layer->name,
                      path ? path : "(null)");
}

/* The model's input from a node: of its type, of its shape but for what is not known. */
static bool take_input(const cn_model *m, int i, const cn_node *n, cn__flow *in, const char *site)
{
    const cn_tensor *t = m->inputs.at[i];
    char wanted[CN__SHAPE_TEXT], given[CN__SHAPE_TEXT];
    bool fits = t->head.rank == n->head.rank;
    if (t->head.dtype == CN_STRING) {
        cn__graph_fail(n->g, CN_E_DTYPE,
                       "%s%scn_graph_call: input %d of model \"%s\" takes strings, nodes hold numbers.",
                       site ? site : "", site ? ": " : "", i, m->layer->name);
        return false;
    }
    for (int k = 0; fits && k < t->head.rank; k++) fits = t->head.dim[k] < 0 || t->head.dim[k] == n->head.dim[k];
    if (!fits) {
        cn__graph_fail(
            n->g, CN_E_SHAPE, "%s%scn_graph_call: input %d of model \"%s\" takes the shape %s, the node has %s.",
            site ? site : "", site ? ": " : "", i, m->layer->name, cn__shape_text(t->head.rank, t->head.dim, wanted),
            cn__shape_text(n->head.rank, n->head.dim, given));
        return false;
    }
    *in = (cn__flow){ .val = cn__cast(n->g, n->v, t->head.dtype) };
    return true;
}

static cn_status ready(cn_model *m, const cn_node *first, const char *site)
{
    cn__type type = { .dtype = (uint8_t)first->head.dtype, .rank = (uint8_t)first->head.rank };
    cn_status status = cn__model_check(m, site);
    memcpy(type.dim, first->head.dim, sizeof type.dim);
    type.dim[0] = CN_ANY;
    if (!status && m->sequential && !m->built) status = cn__model_build_for(m, &type, site);
    return status ? status : cn__model_weights_ready(m, site);
}

cn_node *(cn_graph_call)(cn_graph_call_args *given)
{
    CN__ARGS(cn_graph_call_args, a, given);
    cn_node *first = a.inputs[0];
    int n = 0;
    if (!first) return NULL;
    CN__FILL(cn_graph_call_args, CN_GRAPH_CALL_FIELDS);
    cn_graph *g = first->g;
    for (int i = 0; i < CN_MAX_IO && a.inputs[i]; i++, n++)
        if (cn__bad(a.inputs[i])) return cn__node_bad(g, a.inputs[i]);
    if (cn__bad(a.model))
        return a.model ? cn__node_bad(g, a.model)
                       : cn__poison(blank(g), a.head.site, CN_E_VALUE, "cn_graph_call: there is no model.");
    cn_model *m = a.model;
    cn__flow in[CN_MAX_IO], out[CN_MAX_LIST];
    memset(out, 0, sizeof out);
    if (ready(m, first, a.head.site)) return cn__poison_recorded(blank(g));
    if ((size_t)n != m->inputs.n)
        return cn__poison(blank(g), a.head.site, CN_E_VALUE,
                          "cn_graph_call: model \"%s\" has %zu inputs, %d nodes were given.", m->layer->name,
                          m->inputs.n, n);
    for (int i = 0; i < n; i++) {
        if (a.inputs[i]->g != g)
            return cn__poison(blank(g), a.head.site, CN_E_VALUE, "cn_graph_call: the nodes are of different graphs.");
        if (!take_input(m, i, a.inputs[i], &in[i], a.head.site)) return cn__node(g, 0);
    }
    bool training = a.training == CN_YES;
    cn__lower w = { .ctx = g->obj.ctx, .g = g, .mode = training ? CN__TRAIN : CN__PREDICT, .rng = cn__graph_rng(g) };
    uint32_t origin = cn__origin(g, "%s", m->layer->name);
    bool ok = keep_model(g, m) && cn__lower_model(&w, m, training, in, out);
    cn__origin_set(g, origin);
    cn_node *y = cn__node(g, ok ? out[0].val : 0);
    for (int i = 0; i < CN_MAX_LIST && a.outputs[i]; i++)
        *a.outputs[i] = cn__bad(y) ? y
                        : (size_t)i < m->outputs.n
                            ? cn__node(g, out[i].val)
                            : cn__poison(blank(g), a.head.site, CN_E_VALUE,
                                         "cn_graph_call: model \"%s\" has %zu outputs.", m->layer->name, m->outputs.n);
    return y;
}

/* ---- Gradients and steps ----------------------------------------------------------------------------------------- */
cn_node *cn_grad(cn_node *y, cn_node *x)
{
    cn__val dx = 0;
    if (!y || !x) return NULL;
    cn_graph *g = cn__bad(y) ? NULL : y->g;
    if (cn__bad(y)) return cn__node_bad(cn__bad(x) ? NULL : x->g, y);
    if (cn__bad(x)) return cn__node_bad(g, x);
    if (x->g != g) return cn__poison(blank(g), NULL, CN_E_VALUE, "cn_grad: the nodes are of different graphs.");
    if (!cn__is_float(x->head.dtype) || !cn__is_float(y->head.dtype))
        return cn__poison(blank(g), NULL, CN_E_DTYPE,
                          "cn_grad: gradients are of numbers with a fraction, not of %s by %s.",
                          cn__dtype_name(y->head.dtype), cn__dtype_name(x->head.dtype));
    if (!cn__gradient(g, y->v, 0, 1, &x->v, &dx)) return cn__node(g, 0);
    return cn__node(g, dx ? dx : cn__fill(g, x->head.dtype, x->head.rank, x->head.dim, 0));
}

/* The optimizer that was asked for, or that of cn_compile; NULL: recorded. */
static cn__optimizer *optimizer_of(cn_model *m, const char *choice, cn__weight *const *weights, int n, const char *site)
{
    cn_ctx *ctx = m->obj.ctx;
    if (!choice) {
        if (m->training) return cn__training_optimizer(m) ? NULL : &m->training->optimizer;
        cn__fail(ctx, site, CN_E_STATE,
                 "cn_minimize: model \"%s\" is not compiled: say which optimizer: .optimizer = CN_ADAM.",
                 m->layer->name);
        return NULL;
    }
    cn__optimizer *o = cn__alloc0(ctx, sizeof *o);
    if (!o) return cn__nomem(ctx), NULL;
    bool made = cn__optimizer_make(o, ctx, site, choice), ok = made && cn__optimizer_build(o, weights, n);
    if (ok && cn__push(ctx, &m->optimizers, o)) return o;
    if (ok) cn__nomem(ctx);
    if (made) cn__optimizer_free(o);
    cn__free(ctx, o, sizeof *o);
    return NULL;
}

static bool minimize(cn_graph *g, cn__val loss, cn_model *m, const char *choice, const char *site)
{
    cn_ctx *ctx = m->obj.ctx;
    int     n = 0;
    if (!cn__model_table(m)) return false;
    cn__arena mem = { .ctx = ctx };
    cn__weight **weights = cn__arena_alloc(&mem, (m->table.n + 1) * sizeof *weights);
    cn__val     *x = cn__arena_alloc(&mem, 2 * (m->table.n + 1) * sizeof *x), *dx = x + m->table.n + 1;
    bool ok = weights && x;
    if (!ok) cn__nomem(ctx);
    for (size_t i = 0; ok && i < m->table.n; i++)
        if (m->table.at[i].trainable) {
            weights[n] = m->table.at[i].weight;
            x[n] = cn__variable(g, weights[n]->var), n++;
        }
    if (ok && !n)
        ok = cn__fail(ctx, site, CN_E_STATE, "cn_minimize: no weight of model \"%s\" learns.", m->layer->name) == CN_OK;
    cn__optimizer *o = ok ? optimizer_of(m, choice, weights, n, site) : NULL;
    uint32_t origin = cn__origin(g, "optimizer");
    ok = o && cn__gradient(g, loss, 0, n, x, dx) && cn__optimizer_apply(o, g, weights, dx, n);
    cn__origin_set(g, origin);
    cn__arena_free(&mem);
    return ok;
}

cn_node *(cn_minimize)(cn_minimize_args *given)
{
    CN__ARGS(cn_minimize_args, a, given);
    cn_node *loss = a.loss;
    if (!loss) return NULL;
    if (cn__bad(loss)) return cn__node_bad(NULL, loss);
    cn_graph *g = loss->g;
    if (cn__bad(a.model))
        return a.model ? cn__node_bad(g, a.model)
                       : cn__poison(blank(g), a.head.site, CN_E_VALUE, "cn_minimize: there is no model.");
    if (cn__type_count(cn__type_of(g, loss->v)) != 1 || !cn__is_float(loss->head.dtype))
        return cn__poison(blank(g), a.head.site, CN_E_SHAPE,
                          "cn_minimize: a loss is one number with a fraction. Take cn_op_mean of it.");
    if (!side_of(g)) return cn__poison(blank(g), a.head.site, CN_E_STATE, "cn_minimize: not within a layer.");
    if (cn__model_check(a.model, a.head.site) || cn__model_weights_ready(a.model, a.head.site))
        return cn__poison_recorded(blank(g));
    cn__val scalar = cn__reshape(g, loss->v, 0, NULL);
    if (!keep_model(g, a.model) || !minimize(g, scalar, a.model, a.optimizer.name, a.head.site))
        return g->error.status ? cn__node(g, 0) : cn__poison_recorded(blank(g));
    cn__check_finite(g, scalar);
    return cn__node(g, loss->v);
}

/* ---- Runners of graphs ------------------------------------------------------------------------------------------- */
static cn_status set_roots(cn_graph *g, const cn_nodes outputs, int *n, const char *site)
{
    cn_ctx *ctx = g->obj.ctx;
    g->roots.n = 0;
    for (*n = 0; *n < CN_MAX_IO && outputs[*n]; ++*n) {
        const cn_node *o = outputs[*n];
        if (cn__bad(o)) return cn__fail_with(o);
        if (o->g != g) return cn__fail(ctx, site, CN_E_VALUE, "cn_prepare_graph: output %d is of another graph.", *n);
        cn__root(g, o->v);
    }
    return *n ? cn__graph_status(g, site)
              : cn__fail(ctx, site, CN_E_VALUE, "cn_prepare_graph: say what is wanted: cn_prepare_graph(g, {y}).");
}

cn_runner *(cn_prepare_graph)(cn_prepare_graph_args *given)
{
    CN__ARGS(cn_prepare_graph_args, a, given);
    cn_graph *g = a.on;
    cn_ctx   *ctx = (cn_ctx_of)(g);
    int       nout = 0;
    cn_runner *r = cn__runner_new(ctx, g, a.threads != 1);
    if (!r || cn__bad(r)) return r;
    const cn__backend *backend = cn__model_backend(ctx);
    cn_status status = !backend ? (cn_error)(ctx) : set_roots(g, a.outputs, &nout, a.head.site);
    if (!status && a.threads < 0)
        status = cn__fail(ctx, a.head.site, CN_E_VALUE, "cn_prepare_graph: threads is %lld, it must be 0 or more.",
                          (long long)a.threads);
    if (!status && g->inputs.n > CN_MAX_IO)
        status = cn__fail(ctx, a.head.site, CN_E_LIMIT, "cn_prepare_graph: %zu inputs, at most %d are possible.",
                          g->inputs.n, CN_MAX_IO);
    cn__graph_side *side = side_of(g);
    if (!status && !side->advanced && cn__graph_random(g)) {
        cn__advance_rng(g, side->rng, cn__graph_rng(g));
        side->advanced = true;
        status = cn__graph_status(g, a.head.site);
    }
    cn__plan *plan = status ? NULL : cn__plan_make(ctx, backend, g);
    if (!plan) return cn__poison_recorded(r);
    cn__type in[CN_MAX_IO], out[CN_MAX_IO];
    for (size_t i = 0; i < g->inputs.n; i++) in[i] = *cn__type_of(g, g->inputs.at[i]);
    for (int i = 0; i < nout; i++) out[i] = *cn__type_of(g, a.outputs[i]->v);
    return cn__runner_open(r, plan, in, (int)g->inputs.n, out, nout, a.head.site);
}

const char *cn_print_graph(cn_graph *g)
{
    if (cn__bad(g) || !side_of(g)) return g ? (cn_error_message)(g) : "";
    cn__text *t = &side_of(g)->text;
    cn__text_clear(t);
    cn__print(g, CN__PRINT_TEXT, t);
    return cn__text_get(t);
}
