/* layer.c: a layer's place: appended to a sequential model, called on tensors, or alone; its weights; the shapes that
   come out.

   No shape rule is written here: a call is lowered for two batch sizes (83 and 89, as Keras does), and what differs is
   unknown. */
#include "model/model.h"
#include <string.h>

int cn__layer_outputs(const cn_layer *l)
{
    if (l->model) return (int)l->model->outputs.n;
    return l->ops && l->ops->outputs ? l->ops->outputs(l) : 1;
}

/* ---- Weights ----------------------------------------------------------------------------------------------------- */
static void drop_weights(cn_layer *l)
{
    for (size_t i = 0; i < l->weights.n; i++) {
        cn__var_free(l->weights.at[i]->var);
        l->weights.at[i]->var = NULL;
    }
    l->weights.n = 0;
    l->built = false;
}

cn_status cn__layer_build(cn_layer *l, cn_tensor *const *in, int nin, const char *site)
{
    cn_ctx   *ctx = l->obj.ctx;
    cn_status status = CN_OK;
    if (l->model || l->built) return CN_OK;
    l->nin = nin;
    for (int i = 0; i < nin; i++) cn__tensor_declared(in[i], &l->in_type[i]);
    if (l->ops->build) status = l->ops->build(l, site);
    for (size_t i = 0; !status && i < l->weights.n; i++)
        status = cn__weight_initialize(l->weights.at[i], cn__seed(ctx));
    if (status) drop_weights(l);
    else l->built = true;
    return status;
}

void cn__layer_hold(cn_layer *l) { cn__side(l)->users++; }

void cn__layer_release(cn_layer *l)
{
    if (!--cn__side(l)->users && !l->model && !cn__is_input(l)) drop_weights(l);
}

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */
enum { FILLERS = 2 };
static const int64_t filler[FILLERS] = { 83, 89 };

static cn_status trace(cn_layer *l, cn_tensor *const *in, int nin, int64_t unknown, int nout, cn__type *out,
                       const char *site)
{
    cn_ctx   *ctx = l->obj.ctx;
    cn_graph *g = cn__graph_new(ctx);
    cn__flow  from[CN_MAX_IO], to[CN_MAX_LIST];
    cn__type  state = { .dtype = CN_INT64, .rank = 1, .dim = { 2 } }, type;
    if (cn__bad(g)) return cn__fail_with(g);
    memset(from, 0, sizeof from);
    memset(to, 0, sizeof to);
    cn__lower w = { .ctx = ctx, .g = g, .mode = CN__PREDICT, .rng = cn__input(g, &state, "random state") };
    for (int i = 0; i < nin; i++) {
        cn__tensor_type(in[i], &type);
        for (int k = 0; k < type.rank; k++)
            if (type.dim[k] < 0) type.dim[k] = unknown;
        from[i].val = cn__input(g, &type, in[i]->from->layer->name);
        if (!in[i]->mask) continue;
        cn__tensor_type(in[i]->mask, &type);
        for (int k = 0; k < type.rank; k++)
            if (type.dim[k] < 0) type.dim[k] = unknown;
        from[i].mask = cn__input(g, &type, "mask");
    }
    cn__lower_layer(&w, l, false, 0, from, nin, to, nout);
    cn_status status = cn__graph_status(g, site);
    for (int i = 0; !status && i < nout; i++) out[i] = *cn__type_of(g, to[i].val);
    cn__unref(g);
    return status;
}

static cn_status output_types(cn_layer *l, cn_tensor *const *in, int nin, int nout, cn__type *out, const char *site)
{
    cn__type other[CN_MAX_LIST];
    cn_status status = trace(l, in, nin, filler[0], nout, out, site);
    if (!status) status = trace(l, in, nin, filler[1], nout, other, site);
    for (int i = 0; !status && i < nout; i++)
        for (int k = 0; k < out[i].rank; k++)
            if (out[i].dim[k] != other[i].dim[k]) out[i].dim[k] = CN_ANY;
    return status;
}

/* Strings go where strings are taken, numbers where they are not. */
static bool takes(const cn_layer *l, int i, const cn_tensor *in, const char *site)
{
    bool wants = l->model ? (size_t)i < l->model->inputs.n && l->model->inputs.at[i]->head.dtype == CN_STRING
                          : l->ops && l->ops->strings;
    bool has = in->head.dtype == CN_STRING;
    if (wants == has) return true;
    cn__fail(l->obj.ctx, site, CN_E_DTYPE,
             has ? "%s \"%s\" takes numbers, its input is of strings. Put cn_string_lookup before it."
                 : "%s \"%s\" takes strings, its input is of numbers. Use cn_input(c, {1}, .dtype = CN_STRING).",
             l->cls->snake, l->name);
    return false;
}

/* ---- Calls ------------------------------------------------------------------------------------------------------- */
static cn_tensor *failed(cn_ctx *ctx)
{
    return cn__poison_recorded(cn__new_small(ctx, CN__TENSOR, sizeof(cn_tensor)));
}

cn_tensor *cn__layer_call(cn_layer *l, cn_tensor *const *in, int nin, cn_tensor *mask, bool inference, const char *site)
{
    cn_ctx *ctx = l->obj.ctx;
    cn__type type[CN_MAX_LIST];
    if (cn__bad(l)) return cn__tensor_bad(ctx, l);
    for (int i = 0; i < nin; i++) {
        if (cn__bad(in[i])) return cn__tensor_bad(ctx, in[i]);
        if (in[i]->head.obj.ctx == ctx) continue;
        cn__fail(ctx, site, CN_E_VALUE, "%s: input %d belongs to another context.", l->name, i);
        return failed(ctx);
    }
    if (l->model && l->model->sequential && !l->model->built) {
        cn__tensor_declared(in[0], &type[0]);
        if (cn__model_build_for(l->model, &type[0], site)) return failed(ctx);
    }
    for (int i = 0; i < nin; i++)
        if (!takes(l, i, in[i], site)) return failed(ctx);
    int nout = cn__layer_outputs(l);
    if (nout > CN_MAX_LIST) {
        cn__fail(ctx, site, CN_E_UNSUPPORTED, "%s has %d outputs, a call takes at most %d.", l->name, nout,
                 CN_MAX_LIST);
        return failed(ctx);
    }
    if (cn__layer_build(l, in, nin, site) || output_types(l, in, nin, nout, type, site)) return failed(ctx);

    cn__symcall *k = cn__symcall_new(ctx, l, nin, nout);
    if (!k) return failed(ctx);
    cn_tensor *passed = mask ? mask : nin ? in[0]->mask : NULL;
    bool passes = l->ops && l->ops->supports_masking;
    k->inference = inference;
    for (int i = 0; i < nin; i++) k->in[i] = in[i];
    for (int i = 0; i < nout; i++) {
        k->out[i] = cn__tensor_new(ctx, &type[i], k, i);
        if (cn__bad(k->out[i])) return k->out[i];
        k->out[i]->mask = passes ? passed : NULL;
    }
    return k->out[0];
}

cn_layer *cn__layer_place(cn_layer *l, void *on, const char *site)
{
    if (!l) return NULL;
    bool model = cn__is(on, CN__MODEL), bad = cn__bad(l);
    if (model && bad) cn__inherit(on, l);
    if (bad) return l;
    if (!cn__layer_enter(l)) return cn__poison_recorded(l);
    if (cn__bad(on)) return cn__inherit(l, on);
    if (model) return cn__inherit(l, cn__sequential_append(on, l, site));
    if (cn__is(on, CN__TENSOR)) {
        cn_tensor *in = on;
        return cn__inherit(l, cn__layer_call(l, &in, 1, NULL, false, site));
    }
    l->on_its_own = true;
    return cn__is(on, CN__CTX)
               ? l
               : cn__poison(l, site, CN_E_VALUE, "%s: a layer is made on a sequential model, a tensor or a context.",
                            l->name);
}

cn_tensor *cn__layer_join(cn_layer *l, cn_tensor *const *tensors, const char *site)
{
    int n = 0;
    if (!l) return NULL;
    while (n < CN_MAX_IO && tensors[n]) n++;
    if (cn__bad(l)) return cn__tensor_bad(l->obj.ctx, l);
    if (!cn__layer_enter(l)) return failed(l->obj.ctx);
    return cn__layer_call(l, tensors, n, NULL, false, site);
}

cn_tensor *(cn_layer_output)(cn_layer *l)
{
    if (!l) return NULL;
    if (cn__bad(l)) return cn__tensor_bad(l->obj.ctx, l);
    cn__symcall *last = cn__side(l) ? cn__side(l)->last : NULL;
    if (last && last->out[0]) return last->out[0];
    return cn__poison(cn__new_small(l->obj.ctx, CN__TENSOR, sizeof(cn_tensor)), NULL, CN_E_STATE,
                      "layer \"%s\" has no output: it was not called yet. Use cn_call(layer, tensor).", l->name);
}

/* ---- cn_call: a layer or a model on tensors ---------------------------------------------------------------------- */
cn_tensor *(cn_call)(cn_call_args *given)
{
    CN__ARGS(cn_call_args, a, given);
    cn_ctx *ctx = (cn_ctx_of)(a.layer ? a.layer : a.inputs[0]);
    cn_tensor *t, *in[CN_MAX_IO];
    int n = 0;
    if (!ctx) return NULL;
    t = cn__new_small(ctx, CN__TENSOR, sizeof *t);
    if (!a.layer) return cn__poison(t, a.head.site, CN_E_VALUE, "cn_call: there is no layer.");
    if (cn__bad(a.layer)) return cn__inherit(t, a.layer);
    cn_model *m = cn__is(a.layer, CN__MODEL) ? a.layer : NULL;
    if (!m && !cn__is(a.layer, CN__LAYER))
        return cn__poison(t, a.head.site, CN_E_VALUE, "cn_call: only layers and models can be called.");
    cn_layer *l = m ? m->layer : a.layer;
    while (n < CN_MAX_IO && a.inputs[n]) in[n] = a.inputs[n], n++;
    if (!n) return cn__poison(t, a.head.site, CN_E_VALUE, "%s: called on nothing. Give a tensor.", l->name);
    if (m && m->built && (size_t)n != m->inputs.n)
        return cn__poison(t, a.head.site, CN_E_VALUE, "%s: the model has %zu inputs, it was called on %d.", l->name,
                          m->inputs.n, n);
    if (cn__bad(a.mask) && a.mask) return cn__inherit(t, a.mask);
    if (a.mask && !cn__bad(in[0])) in[0] = cn__tensor_masked(in[0], a.mask);
    cn_tensor *first = cn__layer_call(l, in, n, a.mask, a.training == CN_NO, a.head.site);
    if (m && !cn__bad(first)) cn__ref(m);                /* the tensors need it, and they stay */
    for (int i = 0; i < CN_MAX_LIST && a.outputs[i]; i++) {
        bool there = !cn__bad(first) && i < first->from->nout;
        *a.outputs[i] = there ? first->from->out[i]
                      : cn__bad(first) ? first
                      : cn__poison(cn__new_small(ctx, CN__TENSOR, sizeof *t), a.head.site, CN_E_VALUE,
                                   "%s has %d outputs, there is no number %d.", l->name, first->from->nout, i);
    }
    return first;
}
