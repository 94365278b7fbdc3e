/* functional.c: models cut out of tensors: what leads from the inputs to the outputs. Also copies of models.

   The order of layers is Keras's (keras.src.ops.function.map_graph): by their distance from the outputs, then by the
   order in which a search backwards from the outputs meets them. */
#include "model/model.h"
#include <stdlib.h>
#include <string.h>

typedef struct search {
    cn_model *m;
    const char *site;
    uint64_t  number;                                    /* of this search */
    int64_t   layers;                                    /* met so far */
    cn_tensor *const *in; int nin;
    CN__VEC(cn__symcall *) calls;                        /* each behind what it needs; inputs too */
} search;

static bool is_cut(const search *s, const cn_tensor *t)
{
    for (int i = 0; i < s->nin; i++)                     /* a tensor with another mask is the same value */
        if (s->in[i]->from == t->from && s->in[i]->index == t->index) return true;
    return false;
}

static bool visit(search *s, cn_tensor *t)
{
    cn__symcall *k = t->from;
    cn_ctx *ctx = s->m->obj.ctx;
    if (k->walk == s->number) return true;
    bool cut = is_cut(s, t), input = cn__is_input(k->layer);
    if (cut && !input) return true;
    if (input && !cut) {
        cn__fail(
            ctx, s->site, CN_E_VALUE,
            "functional: \"%s\" leads to the outputs but is not among the inputs. Use cn_functional({..., x}, ...).",
            k->layer->name);
        return false;
    }
    cn__layer_side *side = cn__side(k->layer);
    k->walk = s->number, k->depth = 0;
    if (side->walk != s->number) side->walk = s->number, side->place = s->layers++, side->depth = 0;
    for (int i = 0; i < k->nin; i++) {
        cn_tensor *mask = cn__mask_given(k->in[i]);
        if (!visit(s, k->in[i]) || (mask && !visit(s, mask))) return false;
    }
    return cn__push(ctx, &s->calls, k) ? true : (cn__nomem(ctx), false);
}

static void lead_to(const search *s, cn_tensor *t, int64_t depth)
{
    if (t && t->from->walk == s->number) t->from->depth = CN__MAX(t->from->depth, depth);
}

static void measure(search *s)
{
    for (size_t i = s->calls.n; i-- > 0;) {
        cn__symcall    *k = s->calls.at[i];
        cn__layer_side *side = cn__side(k->layer);
        k->depth = side->depth = CN__MAX(k->depth, side->depth);
        for (int j = 0; j < k->nin; j++) {
            lead_to(s, k->in[j], k->depth + 1);
            lead_to(s, cn__mask_given(k->in[j]), k->depth + 1);
        }
    }
}

static int by_depth(const void *a, const void *b)
{
    const cn__layer_side *x = cn__side(*(cn_layer *const *)a), *y = cn__side(*(cn_layer *const *)b);
    if (x->depth != y->depth) return x->depth > y->depth ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static bool list_layers(search *s)
{
    cn_model *m = s->m;
    for (size_t i = 0; i < s->calls.n; i++) {
        cn_layer *l = s->calls.at[i]->layer;
        bool there = false;
        for (size_t k = 0; k < m->layers.n && !there; k++) there = m->layers.at[k] == l;
        if (there) continue;
        for (size_t k = 0; k < m->layers.n; k++)
            if (!strcmp(m->layers.at[k]->name, l->name)) {
                cn__fail(m->obj.ctx, s->site, CN_E_VALUE,
                         "functional: two layers are called \"%s\". Names in a model must differ.", l->name);
                return false;
            }
        if (!cn__push(m->obj.ctx, &m->layers, l)) return cn__nomem(m->obj.ctx), false;
    }
    if (m->layers.n) qsort(m->layers.at, m->layers.n, sizeof *m->layers.at, by_depth);
    return true;
}

static bool connect(search *s, cn_tensor *const *out, int nout)
{
    cn_model *m = s->m;
    cn_ctx   *ctx = m->obj.ctx;
    for (int i = 0; i < s->nin; i++) {
        if (!cn__push(ctx, &m->inputs, s->in[i]) || !cn__push(ctx, &m->slots, s->in[i])) return cn__nomem(ctx), false;
        cn__symcall *k = s->in[i]->from;                 /* an input that leads nowhere is an input all the same */
        if (cn__is_input(k->layer) && k->walk != s->number) {
            cn__layer_side *side = cn__side(k->layer);
            k->walk = side->walk = s->number, k->depth = side->depth = 0, side->place = -1;
            if (!cn__push(ctx, &s->calls, k)) return cn__nomem(ctx), false;
        }
    }
    measure(s);
    for (size_t i = 0; i < s->calls.n; i++)
        if (!cn__is_input(s->calls.at[i]->layer) && !cn__model_add(m, s->calls.at[i])) return false;
    for (int i = 0; i < nout; i++)
        if (!cn__push(ctx, &m->outputs, out[i])) return cn__nomem(ctx), false;
    return list_layers(s);
}

static int count(cn_tensor *const *list)
{
    int n = 0;
    while (n < CN_MAX_IO && list[n]) n++;
    return n;
}

static cn_model *functional(cn_ctx *ctx, cn_tensor *const *in, cn_tensor *const *out, const char *name,
                            const char *site)
{
    cn_model *m = cn__model_new(ctx, &cn__class_functional, name, site);
    int nin = count(in), nout = count(out);
    if (cn__bad(m)) return m;
    if (!nin || !nout)
        return cn__poison(m, site, CN_E_VALUE,
                          "functional: a model has inputs and outputs: cn_functional({in}, {out}).");
    if (nout > CN_MAX_LIST)
        return cn__poison(m, site, CN_E_UNSUPPORTED, "functional: %d outputs, at most %d are possible.", nout,
                          CN_MAX_LIST);
    for (int i = 0; i < nin + nout; i++) {
        cn_tensor *t = i < nin ? in[i] : out[i - nin];
        if (cn__bad(t)) return cn__inherit(m, t);
        if (i >= nin && t->head.dtype == CN_STRING)
            return cn__poison(m, site, CN_E_DTYPE, "functional: output %d is of strings; models give numbers.",
                              i - nin);
        if (t->head.obj.ctx != ctx) return cn__poison(m, site, CN_E_VALUE, "functional: tensors of two contexts.");
    }
    for (int i = 0; i < nin; i++)
        for (int k = 0; k < i; k++)
            if (in[i] == in[k])
                return cn__poison(m, site, CN_E_VALUE, "functional: input %d stands twice in the list.", i);
    int64_t walk = cn__unique(ctx, CN__WALKS);
    search  s = { .m = m, .site = site, .number = (uint64_t)walk + 1, .in = in, .nin = nin };
    bool    ok = walk >= 0 || cn__nomem(ctx) == CN_OK;
    for (int i = 0; ok && i < nout; i++) ok = visit(&s, out[i]);
    ok = ok && connect(&s, out, nout);
    cn__vec_free(ctx, &s.calls);
    if (!ok) return cn__poison_recorded(m);
    m->built = true;
    return m;
}

cn_model *(cn_functional)(cn_functional_args *given)
{
    CN__ARGS(cn_functional_args, a, given);
    cn_ctx *ctx = (cn_ctx_of)(a.inputs[0] ? a.inputs[0] : a.outputs[0]);
    return ctx ? functional(ctx, a.inputs, a.outputs, a.name, a.head.site) : NULL;
}

/* ---- Copies: the same layers, made anew -------------------------------------------------------------------------- */
typedef struct pair { const cn_layer *of; cn_layer *copy; } pair;
typedef struct copies { cn_ctx *ctx; CN__VEC(pair) made; } copies;

static cn_layer *copy_layer(copies *c, cn_layer *of)
{
    for (size_t i = 0; i < c->made.n; i++)
        if (c->made.at[i].of == of) return c->made.at[i].copy;
    cn_layer *l;
    if (of->model) {
        cn_model *m = cn_clone_model(of->model);
        l = m && m->layer ? m->layer : NULL;
        if (cn__bad(m)) return l ? cn__inherit(l, m) : NULL;
    } else {
        l = cn__layer_new(c->ctx, NULL, of->cls, of->args);
        if (!cn__bad(l) && !cn__layer_enter(l)) cn__poison_recorded(l);
        if (!cn__bad(l)) l->name = of->name, l->trainable = of->trainable;
    }
    if (!cn__push(c->ctx, &c->made, (pair){ of, l }))
        cn__poison(l, NULL, CN_E_NOMEM, "out of memory for a copy of %s", of->name);
    return l;
}

/* The copy of an input of a call: now[i] stands where slot i of the model was. */
static cn_tensor *copy_input(const cn_model *m, cn_tensor *const *now, const cn_tensor *t, uint32_t slot)
{
    const cn_tensor *mask = cn__mask_given(t);
    for (size_t i = 0; mask && i < m->slots.n; i++)
        if (m->slots.at[i] == mask && !cn__bad(now[slot])) return cn__tensor_masked(now[slot], now[i]);
    return now[slot];
}

static cn_model *clone_functional(cn_model *m)
{
    cn_ctx     *ctx = m->obj.ctx;
    copies      c = { .ctx = ctx };
    cn_tensor **now = cn__alloc0(ctx, m->slots.n * sizeof *now);
    cn_tensor  *in[CN_MAX_IO + 1] = { NULL }, *out[CN_MAX_IO + 1] = { NULL }, *args[CN_MAX_IO];
    cn_model   *made = NULL;
    cn__type    type;
    for (size_t i = 0; now && i < m->inputs.n; i++) {
        cn__tensor_declared(m->inputs.at[i], &type);
        in[i] = now[i] = cn__input_tensor(
            ctx, &type, cn__is_input(m->inputs.at[i]->from->layer) ? m->inputs.at[i]->from->layer->name : NULL);
    }
    for (size_t i = 0; now && i < m->steps.n; i++) {
        const cn__step *s = &m->steps.at[i];
        cn_layer *l = copy_layer(&c, s->call->layer);
        if (!l) break;
        for (int k = 0; k < s->call->nin; k++) args[k] = copy_input(m, now, s->call->in[k], s->in[k]);
        cn_tensor *first = cn__layer_call(l, args, s->call->nin, NULL, s->call->inference, NULL);
        for (int k = 0; k < s->call->nout; k++) now[s->out[k]] = cn__bad(first) ? first : first->from->out[k];
    }
    for (size_t i = 0; now && i < m->outputs.n; i++)
        for (size_t k = 0; k < m->slots.n; k++)
            if (m->slots.at[k] == m->outputs.at[i]) out[i] = now[k];
    if (now && out[0]) made = functional(ctx, in, out, m->layer->name, NULL);
    cn__free(ctx, now, m->slots.n * sizeof *now);
    cn__vec_free(ctx, &c.made);
    return made ? made
                : cn__poison(cn__new(ctx, CN__MODEL, sizeof *made, NULL), NULL, CN_E_NOMEM,
                             "out of memory for a copy of %s", m->layer->name);
}

static cn_model *clone_sequential(cn_model *m)
{
    cn_ctx   *ctx = m->obj.ctx;
    cn_model *made = cn__model_new(ctx, &cn__class_sequential, m->layer->name, NULL);
    copies    c = { .ctx = ctx };
    if (cn__bad(made)) return made;
    made->sequential = true, made->input = m->input, made->has_input = m->has_input;
    made->input_name = m->input_name;
    if (m->has_input && cn__model_build_for(made, &m->input, NULL)) return cn__poison_recorded(made);
    for (size_t i = 0; i < m->layers.n; i++) {
        cn_layer *l = copy_layer(&c, m->layers.at[i]);
        if (cn__bad(l)) cn__inherit(made, l);
        else cn__sequential_append(made, l, NULL);
    }
    cn__vec_free(ctx, &c.made);
    return made;
}

cn_model *cn_clone_model(cn_model *m)
{
    if (!m) return NULL;
    if (cn__bad(m)) return cn__inherit(cn__new(m->obj.ctx, CN__MODEL, sizeof *m, NULL), m);
    return m->sequential ? clone_sequential(m) : clone_functional(m);
}
