/* lower.c: layers and models as nodes. A layer's call is pure: it may be lowered any number of times, for a shape, for
   a training step, into a graph of the user's. */
#include "model/model.h"
#include <stdio.h>
#include <string.h>

static void add_extra(cn__lower *w, cn__val loss)
{
    w->extra = w->extra ? cn__add(w->g, w->extra, loss) : loss;
}

static void on_loss(cn__lowering *k, cn__val loss) { add_extra(k->model_side, loss); }

/* Somebody wants to see the value at path: the first call's. */
static void tap(cn__lower *w, const char *layer, const char *what, cn__val v)
{
    char path[320];
    if (!w->ntaps) return;
    snprintf(path, sizeof path, "%s%s/%s", w->prefix, layer, what);
    for (int i = 0; i < w->ntaps; i++)
        if (!w->taps[i].val && !strcmp(w->taps[i].path, path)) w->taps[i].val = v;
}

/* Keras casts numbers with a fraction to a layer's own type. */
static cn__val to_type(cn_graph *g, cn__val v, cn_dtype dtype)
{
    cn_dtype now = (cn_dtype)cn__type_of(g, v)->dtype;
    return v && now != dtype && cn__is_float(now) && cn__is_float(dtype) ? cn__cast(g, v, dtype) : v;
}

/* Keras divides the penalty on an output by the batch. */
static void penalize(cn__lower *w, cn_layer *l, const cn__flow *out, int nout)
{
    for (int i = 0; i < nout && l->activity_regularizer.cls; i++) {
        const cn__type *t = cn__type_of(w->g, out[i].val);
        cn__val sum = cn__regularize(w->g, &l->activity_regularizer, out[i].val);
        if (t->rank && t->dim[0] > 0) sum = cn__scale(w->g, sum, 1.0 / (double)t->dim[0]);
        add_extra(w, sum);
    }
}

static bool lower_inner(cn__lower *w, cn_layer *l, bool training, const cn__flow *in, cn__flow *out)
{
    size_t n = strlen(w->prefix);
    if ((size_t)snprintf(w->prefix + n, sizeof w->prefix - n, "%s/", l->name) >= sizeof w->prefix - n)
        return cn__graph_fail(w->g, CN_E_LIMIT, "models are nested too deeply for their names"), false;
    bool ok = cn__lower_model(w, l->model, training, in, out);
    w->prefix[n] = 0;
    return ok;
}

bool cn__lower_layer(cn__lower *w, cn_layer *l, bool training, uint32_t call, const cn__flow *in, int nin,
                     cn__flow *out, int nout)
{
    cn__val from[CN_MAX_IO], masks[CN_MAX_IO], to[CN_MAX_LIST] = { 0 }, out_mask = 0;
    if (l->model) return lower_inner(w, l, training, in, out);
    if (!w->g->owner_free) w->g->owner = w;              /* so that functions of the user's find the random state */
    uint32_t outer = cn__origin(w->g, "%s%s", w->prefix, l->name);
    for (int i = 0; i < nin; i++) {
        from[i] = to_type(w->g, in[i].val, l->dtype);
        masks[i] = in[i].mask;
    }
    if (nin) tap(w, l->name, "input", from[0]);
    cn__lowering k = { .ctx = w->ctx,
                       .g = w->g,
                       .layer = l,
                       .prefix = w->prefix,
                       .mode = w->mode,
                       .training = training,
                       .straight_through = w->straight_through,
                       .in = from,
                       .mask = masks,
                       .nin = nin,
                       .out = to,
                       .nout = nout,
                       .out_mask = &out_mask,
                       .rng = w->rng,
                       .call = call,
                       .model_side = w,
                       .add_loss = on_loss };
    bool former = cn__bf16_set(w->g, l->bf16);
    bool ok = l->ops->call(&k) && !w->g->error.status;
    cn__bf16_set(w->g, former);
    for (int i = 0; ok && i < nout; i++) {
        if (!to[i]) ok = cn__graph_fail(w->g, CN_E_USER, "output %d was not set", i);
        bool passes = l->ops->supports_masking && nin;
        out[i] = (cn__flow){ .val = to[i], .mask = out_mask ? out_mask : passes ? masks[0] : 0 };
    }
    if (ok && nout == 1) out[0].logits = k.logits, out[0].logits_of = k.logits_of;
    if (ok) penalize(w, l, out, nout);
    if (ok && nout) tap(w, l->name, "output", to[0]);
    for (size_t i = 0; ok && w->ntaps && i < l->weights.n; i++)
        tap(w, l->name, l->weights.at[i]->name, cn__variable(w->g, l->weights.at[i]->var));
    cn__origin_set(w->g, outer);
    return ok && !w->g->error.status;
}

bool cn__lower_model(cn__lower *w, const cn_model *m, bool training, const cn__flow *in, cn__flow *out)
{
    size_t    bytes = (m->slots.n + 1) * sizeof(cn__flow);
    cn__flow *at = cn__alloc0(w->ctx, bytes), from[CN_MAX_IO], to[CN_MAX_LIST];
    bool      ok = at;
    if (!at) cn__graph_fail(w->g, CN_E_NOMEM, "out of memory for %zu values", m->slots.n);
    for (size_t i = 0; ok && i < m->inputs.n; i++) at[i] = in[i];
    for (size_t i = 0; ok && i < m->steps.n; i++) {
        const cn__step *s = &m->steps.at[i];
        cn__symcall *k = s->call;
        for (int j = 0; j < k->nin; j++) {
            from[j] = at[s->in[j]];
            cn_tensor *mask = cn__mask_given(k->in[j]);  /* with cn_call(.mask =): a value of the model's */
            for (size_t p = 0; mask && p < m->slots.n; p++)
                if (m->slots.at[p] == mask) from[j].mask = at[p].val;
        }
        memset(to, 0, sizeof to);
        ok = cn__lower_layer(w, k->layer, training && !k->inference, k->number, from, k->nin, to, k->nout);
        for (int j = 0; j < k->nout; j++) at[s->out[j]] = to[j];
    }
    for (size_t i = 0; ok && i < m->outputs.n; i++)
        for (size_t p = m->slots.n; p-- > 0;)
            if (m->slots.at[p] == m->outputs.at[i]) {
                out[i] = at[p];
                break;
            }
    cn__free(w->ctx, at, bytes);
    return ok;
}

/* ---- The random state: {seed, step}; a step that draws numbers raises it ----------------------------------------- */
bool cn__graph_random(const cn_graph *g)
{
    for (size_t i = 1; i < g->insts.n; i++)
        if (cn__ops[g->insts.at[i].op].flags & CN__F_RANDOM) return true;
    return false;
}

void cn__advance_rng(cn_graph *g, cn__var *rng, cn__val now)
{
    static const int64_t step[2] = { 0, 1 };
    cn__val in[2] = { now, cn__constant(g, &rng->type, step) };
    cn__assign_var(g, rng, cn__emit(g, CN__OP_ACCUMULATE, NULL, 0, 2, in, 1, NULL), 0);
}
