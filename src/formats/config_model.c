/* config_model.c: models as Keras 3's configuration: which layers, and how calls connect them. What options layers have
   is config.c's.

   In a functional model a call is a "node": node n of a layer is the n-th of its calls that belong to the model, and a
   tensor is [layer, node, output]. Functional models that are called count from 0 as inputs of others and from 1 at the
   model's own ends: Keras once had a node for the model as such. */
#include "formats/config_model.h"
#include <stdio.h>

typedef struct writing {
    cn__arena   *mem;
    const cn_model *m;
    const char *input[CN_MAX_IO]; /* names of inputs that begin within others' layers; else NULL */
    uint64_t     walk;                                   /* marks the calls that belong to the model */
} writing;

/* ---- Classes whose objects differ from what is usual ------------------------------------------------------------- */
enum { AT_ONCE = 1, TRAINING = 2, MASK = 4 };           /* no shapes to be built for; arguments that each call has */
static const struct { const char *class; int is; } unusual[] = {
    { "Activation", AT_ONCE },
    { "ActivityRegularization", AT_ONCE },
    { "AlphaDropout", AT_ONCE | TRAINING },
    { "Dropout", AT_ONCE | TRAINING },
    { "ELU", AT_ONCE },
    { "GaussianDropout", AT_ONCE | TRAINING },
    { "GaussianNoise", AT_ONCE | TRAINING },
    { "Identity", AT_ONCE },
    { "LeakyReLU", AT_ONCE },
    { "Log1p", AT_ONCE },
    { "NanToNum", AT_ONCE },
    { "ReLU", AT_ONCE },
    { "Reshape", AT_ONCE },
    { "Softmax", AT_ONCE | MASK },
    { "UnitNormalization", AT_ONCE },
};

static int unusual_of(const cn_layer *l)
{
    for (size_t i = 0; i < CN__COUNT(unusual); i++)
        if (!strcmp(unusual[i].class, l->cls->name)) return unusual[i].is;
    return l->model ? MASK : 0;
}

bool cn__call_has_training(const cn_layer *l) { return unusual_of(l) & TRAINING; }

/* ---- Small parts ------------------------------------------------------------------------------------------------- */
static cn__json *null(cn__arena *mem) { return cn__json_new(mem, CN__JSON_NULL); }
static cn__json *list(cn__arena *mem) { return cn__json_new(mem, CN__JSON_ARRAY); }
static cn__json *object(cn__arena *mem) { return cn__json_new(mem, CN__JSON_OBJECT); }

/* Gives a key another value, which stays as short as it was: a policy or its name. */
static cn__json *renew(cn__json *o, const char *key, const cn__json *value)
{
    cn__json *old = (cn__json *)(uintptr_t)cn__json_get(o, key), *next = old ? old->next : NULL;
    if (!old || !value) return value ? o : NULL;
    if (old->type == CN__JSON_STRING && value->type == CN__JSON_OBJECT)
        value = cn__json_get(cn__json_get(value, "config"), "name");
    key = old->key;
    *old = *value;
    old->key = key, old->next = next;
    return o;
}

static cn__json *shape(cn__arena *mem, int rank, const int64_t *dim)
{
    cn__json *s = list(mem);
    for (int i = 0; i < rank; i++) s = cn__json_push(s, dim[i] < 0 ? null(mem) : cn__json_int(mem, dim[i]));
    return s;
}

static cn__json *tensor_shape(cn__arena *mem, const cn_tensor *t) { return shape(mem, t->head.rank, t->head.dim); }

static cn__json *thing(cn__arena *mem, const char *module, const char *class, cn__json *config, const char *registered)
{
    cn__json *o = cn__json_set(mem, object(mem), "module", cn__json_string(mem, module));
    o = cn__json_set(mem, o, "class_name", cn__json_string(mem, class));
    o = cn__json_set(mem, o, "config", config);
    return cn__json_set(mem, o, "registered_name", cn__json_string(mem, registered));
}

/* Half precision computes with float32's weights here, which Keras calls mixed. */
static cn__json *policy(cn__arena *mem, cn_dtype dtype)
{
    bool mixed = dtype == CN_FLOAT16 || dtype == CN_BFLOAT16;
    const char *name = cn__arena_printf(mem, "%s%s", mixed ? "mixed_" : "", cn__dtype_name(dtype));
    cn__json *config = name ? cn__json_set(mem, object(mem), "name", cn__json_string(mem, name)) : NULL;
    return thing(mem, "keras", "DTypePolicy", config, NULL);
}

static cn__json *built_for(cn__arena *mem, cn__json *o, cn__json *input_shape)
{
    return cn__json_set(mem, o, "build_config", cn__json_set(mem, object(mem), "input_shape", input_shape));
}

/* ---- Layers ------------------------------------------------------------------------------------------------------ */
static cn__json *input_layer(cn__arena *mem, const char *name, const cn_tensor *t)
{
    cn__json *c = cn__json_set(mem, object(mem), "batch_shape", tensor_shape(mem, t));
    c = cn__json_set(mem, c, "dtype", cn__json_string(mem, cn__dtype_name(t->head.dtype)));
    c = cn__json_set(mem, c, "sparse", cn__json_bool(mem, false));
    c = cn__json_set(mem, c, "ragged", cn__json_bool(mem, false));
    c = cn__json_set(mem, c, "name", cn__json_string(mem, name));
    c = cn__json_set(mem, c, "optional", cn__json_bool(mem, false));
    return thing(mem, "keras.layers", "InputLayer", c, NULL);
}

/* What a registered layer has beside its own options. */
static cn__json *common(cn__arena *mem, const cn_layer *l, cn__json *c)
{
    static const char *const keys[] = { "name", "trainable", "dtype" };
    const cn__option *activity = cn__option_find(l->cls, "activity_regularizer");
    for (size_t i = 0; i < CN__COUNT(keys); i++)
        if (!cn__json_get(c, keys[i])) c = cn__json_set(mem, c, keys[i], null(mem));
    if (!l->activity_regularizer.cls) return c;
    return cn__json_set(mem, c, activity->name, cn__config_choice(mem, l->cls, activity, &l->activity_regularizer));
}

/* What the layer has learnt that stands in its config: a whole number, or a list of numbers. */
static cn__json *learnt(cn__arena *mem, cn__json *config, const cn_layer *l)
{
    cn__layer_state s;
    for (int i = 0; l->ops && l->ops->state && l->ops->state(l, i, &s); i++) {
        if (s.kind != CN__STATE_CONFIG) continue;
        bool      one = s.values.dtype == CN_INT64;
        cn__json *value = one ? cn__json_int(mem, *(const int64_t *)s.values.data) : list(mem);
        for (size_t k = 0; !one && k < s.values.count; k++)
            value = cn__json_push(value, cn__json_real(mem, cn__load(s.values.dtype, s.values.data, k)));
        config = renew(config, s.name, value);
    }
    return config;
}

static cn__json *config_of(cn__arena *mem, const cn_layer *l)
{
    const cn_custom_args *own = l->args;
    const cn__class *class = l->cls->user ? cn__custom_options(l->cls) : NULL;
    cn__json *c = !l->cls->user ? cn__config_write(mem, l->cls, l->args)
                  : common(mem, l, class ? cn__config_write(mem, class, own->options) : object(mem));
    c = learnt(mem, renew(c, "name", cn__json_string(mem, l->name)), l);
    c = renew(c, "trainable", cn__json_bool(mem, l->trainable));
    return renew(c, "dtype", policy(mem, cn__layer_policy(l)));
}

static cn__json *write_layer(cn__arena *mem, const cn_layer *l)
{
    if (cn__is_input(l)) return input_layer(mem, l->name, cn__side(l)->first->out[0]);
    if (l->model) {
        cn__json *o = cn__config_model(mem, l->model);
        return cn__json_set(mem, o, "compile_config", object(mem));
    }
    cn__json *o = cn__config_object(mem, l->cls, config_of(mem, l)), *shapes = list(mem);
    if (!l->built || unusual_of(l) & AT_ONCE) return o;
    for (int i = 0; i < l->nin; i++) shapes = cn__json_push(shapes, shape(mem, l->in_type[i].rank, l->in_type[i].dim));
    return built_for(mem, o, l->nin == 1 && shapes ? shapes->first : shapes);
}

/* ---- Sequential -------------------------------------------------------------------------------------------------- */
static cn__json *sequential(cn__arena *mem, const cn_model *m)
{
    cn__json *layers = list(mem), *c = object(mem);
    const cn_tensor *in = m->built ? m->inputs.at[0] : NULL;
    if (in) layers = cn__json_push(layers, input_layer(mem, in->from->layer->name, in));
    for (size_t i = 0; i < m->layers.n; i++) layers = cn__json_push(layers, write_layer(mem, m->layers.at[i]));
    c = cn__json_set(mem, c, "name", cn__json_string(mem, m->layer->name));
    c = cn__json_set(mem, c, "trainable", cn__json_bool(mem, m->layer->trainable));
    c = cn__json_set(mem, c, "dtype", policy(mem, cn__layer_policy(m->layer)));
    c = cn__json_set(mem, c, "layers", layers);
    if (!in) return thing(mem, "keras", "Sequential", c, NULL);
    c = cn__json_set(mem, c, "build_input_shape", tensor_shape(mem, in));
    return built_for(mem, thing(mem, "keras", "Sequential", c, NULL), tensor_shape(mem, in));
}

/* ---- Functional: nodes ------------------------------------------------------------------------------------------- */
/* Which of the model's inputs it is that no InputLayer of its own stands for; -1: none. */
static int cut_at(const writing *w, const cn_tensor *t)
{
    for (size_t i = 0; i < w->m->inputs.n; i++)
        if (w->input[i] && w->m->inputs.at[i]->from == t->from && w->m->inputs.at[i]->index == t->index) return (int)i;
    return -1;
}

static bool belongs(const writing *w, const cn_tensor *t) { return t->from->walk == w->walk || cut_at(w, t) >= 0; }

/* [layer, node, output]; at_end: among the model's own inputs and outputs. */
static cn__json *history(const writing *w, const cn_tensor *t, bool at_end)
{
    const cn_layer *l = t->from->layer;
    int     cut = cut_at(w, t);
    int64_t before = at_end && l->model && !l->model->sequential;
    cn__json *h = cn__json_push(list(w->mem), cn__json_string(w->mem, cut < 0 ? l->name : w->input[cut]));
    h = cn__json_push(h, cn__json_int(w->mem, cut < 0 ? t->from->depth + before : 0));
    return cn__json_push(h, cn__json_int(w->mem, cut < 0 ? t->index : 0));
}

static cn__json *keras_tensor(const writing *w, const cn_tensor *t)
{
    cn__arena *mem = w->mem;
    cn__json  *c = cn__json_set(mem, object(mem), "shape", tensor_shape(mem, t));
    c = cn__json_set(mem, c, "dtype", cn__json_string(mem, cn__dtype_name(t->head.dtype)));
    c = cn__json_set(mem, c, "keras_history", history(w, t, false));
    cn__json *o = cn__json_set(mem, object(mem), "class_name", cn__json_string(mem, "__keras_tensor__"));
    return cn__json_set(mem, o, "config", c);
}

static cn__json *mask_of(const writing *w, const cn_tensor *t)
{
    return t->mask && belongs(w, t->mask) ? keras_tensor(w, t->mask) : null(w->mem);
}

static cn__json *arguments(const writing *w, const cn__symcall *k)
{
    cn__arena *mem = w->mem;
    cn__json  *all = list(mem), *masks = list(mem), *named = object(mem);
    int        is = unusual_of(k->layer);
    bool       masked = is & MASK && !k->inference;      /* said even where there is none; but not beside "training" */
    for (int i = 0; i < k->nin; i++) {
        all = cn__json_push(all, keras_tensor(w, k->in[i]));
        masks = cn__json_push(masks, mask_of(w, k->in[i]));
        masked = masked || ((is & MASK || k->layer->cls->user) && k->in[i]->mask);
    }
    if (k->nin != 1) all = cn__json_push(list(mem), all);
    if (k->inference || is & TRAINING) named = cn__json_set(mem, named, "training", cn__json_bool(mem, false));
    if (masked)
        named = cn__json_set(mem, named, "mask", k->nin == 1 && masks ? masks->first : masks);
    return cn__json_set(mem, cn__json_set(mem, object(mem), "args", all), "kwargs", named);
}

/* ---- Functional -------------------------------------------------------------------------------------------------- */
/* Numbers the calls of each layer that are the model's, in call->depth. */
static bool number_calls(writing *w)
{
    const cn_model *m = w->m;
    int64_t walk = cn__unique(m->obj.ctx, CN__WALKS);
    if (walk < 0) return false;
    w->walk = (uint64_t)walk + 1;
    for (size_t i = 0; i < m->steps.n; i++) m->steps.at[i].call->walk = w->walk;
    for (size_t i = 0; i < m->inputs.n; i++)
        if (!w->input[i]) m->inputs.at[i]->from->walk = w->walk;
    for (size_t i = 0; i < m->layers.n; i++) {
        int64_t n = 0;
        for (cn__symcall *k = cn__side(m->layers.at[i])->first; k; k = k->next)
            if (k->walk == w->walk) k->depth = n++;
    }
    return true;
}

/* A name for an input that is another layer's output. */
static const char *free_name(const writing *w, size_t i)
{
    const char *of = w->m->inputs.at[i]->from->layer->name, *name = cn__arena_printf(w->mem, "%s_input", of);
    for (int n = 1; name; n++) {
        bool taken = cn__find_layer(w->m, name);
        for (size_t k = 0; k < i && !taken; k++) taken = w->input[k] && !strcmp(w->input[k], name);
        if (!taken) return name;
        name = cn__arena_printf(w->mem, "%s_input_%d", of, n);
    }
    return NULL;
}

static cn__json *entry(cn__arena *mem, cn__json *o, const char *name, cn__json *nodes)
{
    return cn__json_set(mem, cn__json_set(mem, o, "name", cn__json_string(mem, name)), "inbound_nodes", nodes);
}

static cn__json *inputs_within(writing *w)
{
    const cn_model *m = w->m;
    cn__json *layers = list(w->mem);
    for (size_t i = 0; i < m->inputs.n; i++) {
        const cn_tensor *t = m->inputs.at[i];
        if (cn__is_input(t->from->layer)) continue;
        if (!(w->input[i] = free_name(w, i))) return NULL;
        cn__json *o = input_layer(w->mem, w->input[i], t);
        layers = cn__json_push(layers, entry(w->mem, o, w->input[i], list(w->mem)));
    }
    return layers;
}

static cn__json *ends(const writing *w, cn_tensor *const *t, size_t n)
{
    cn__json *all = list(w->mem);
    if (n == 1) return history(w, t[0], true);
    for (size_t i = 0; i < n; i++) all = cn__json_push(all, history(w, t[i], true));
    return all;
}

static cn__json *functional(cn__arena *mem, const cn_model *m)
{
    writing   w = { .mem = mem, .m = m };
    cn__json *layers = inputs_within(&w), *c = object(mem);
    cn__json **made = cn__arena_alloc(mem, (m->layers.n + 1) * sizeof *made);
    if (!layers || !made) return NULL;
    for (size_t i = 0; i < m->layers.n; i++) made[i] = write_layer(mem, m->layers.at[i]);
    if (!number_calls(&w)) return NULL;                  /* behind the models within, which number theirs */
    for (size_t i = 0; i < m->layers.n; i++) {
        const cn_layer *l = m->layers.at[i];
        cn__json *nodes = list(mem);
        for (cn__symcall *k = cn__side(l)->first; k; k = k->next)
            if (k->walk == w.walk && k->nin) nodes = cn__json_push(nodes, arguments(&w, k));
        layers = cn__json_push(layers, entry(mem, made[i], l->name, nodes));
    }
    c = cn__json_set(mem, c, "name", cn__json_string(mem, m->layer->name));
    c = cn__json_set(mem, c, "trainable", cn__json_bool(mem, m->layer->trainable));
    c = cn__json_set(mem, c, "layers", layers);
    c = cn__json_set(mem, c, "input_layers", ends(&w, m->inputs.at, m->inputs.n));
    c = cn__json_set(mem, c, "output_layers", ends(&w, m->outputs.at, m->outputs.n));
    cn__json *o = thing(mem, "keras.src.models.functional", "Functional", c, "Functional");
    return built_for(mem, o, null(mem));
}

cn__json *cn__config_model(cn__arena *mem, cn_model *m)
{
    cn__json *o = m->sequential ? sequential(mem, m) : functional(mem, m);
    if (!o) cn__nomem(m->obj.ctx);
    return o;
}

const char *cn_to_json(cn_model *m)
{
    if (cn__bad(m) || cn__model_check(m, NULL)) return m ? (void)cn__fail_with(m), NULL : NULL;
    cn__arena mem = { .ctx = m->obj.ctx };
    cn__json *o = cn__config_model(&mem, m);
    if (o) o = cn__json_set(&mem, o, "compile_config", m->training ? cn__config_compile(&mem, m) : object(&mem));
    cn__text_clear(&m->json);
    if (o) cn__json_print(&m->json, o, 0);
    cn__arena_free(&mem);
    if (o && !m->json.nomem) return cn__text_get(&m->json);
    cn__nomem(m->obj.ctx);
    return NULL;
}
