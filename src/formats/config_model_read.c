/* config_model_read.c: models from Keras's configuration, all versions of it: sequential ones, their layers, inputs;
   and which classes a file has that are not there. config_model_nodes.c connects the layers of functional ones.

   Keras 3 wraps each layer as {"module", "class_name", "config", "registered_name", "build_config"}; before it was
   {"class_name", "config"}, and the first layer of a sequential model had the shape of its input. */
#include "formats/config_model.h"
#include <stdio.h>

/* ---- Errors ------------------------------------------------------------------------------------------------------ */
bool cn__making_wrong(const cn__making *k, cn_status status, const char *format, ...)
{
    char    text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cn__fail(k->r->ctx, k->r->site, status, "%s: %s", k->r->what, text);
    return false;
}

bool cn__making_failed(const cn__making *k, const char *name)
{
    cn_ctx *ctx = k->r->ctx;
    cn__fail(ctx, k->r->site, (cn_error)(ctx), "%s: layer \"%s%s\": %s", k->r->what, k->path, name,
             (cn_error_message)(ctx));
    return false;
}

/* Models that call models that call models: each one twice, and a small file becomes a large graph. */
bool cn__making_called(cn__making *k, int64_t calls)
{
    if ((k->calls += calls) <= CN__CALLS_MOST) return true;
    return cn__making_wrong(k, CN_E_LIMIT, "there are %lld calls of layers or more, at most %d are possible.",
                            (long long)k->calls, CN__CALLS_MOST);
}

/* ---- Names, classes ---------------------------------------------------------------------------------------------- */
/* Names become parts of paths, here and in files of weights. */
static bool check_name(const cn__making *k, const char *name)
{
    if (strlen(name) > CN__NAME_MOST)
        return cn__making_wrong(k, CN_E_LIMIT, "a layer's name has %zu bytes, at most %d are possible: \"%.40s...\".",
                                strlen(name), CN__NAME_MOST, name);
    if (*name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..")) return true;
    return cn__making_wrong(k, CN_E_FORMAT, "\"%s%s\" is no name for a layer: it is empty, a dot, or has a / in it.",
                            k->path, name);
}

static const char *class_of(const cn__json *o) { return cn__json_text(cn__json_get(o, "class_name")); }

const char *cn__object_name(const cn__json *o)
{
    const char *name = cn__json_text(cn__json_get(o, "name"));
    return name ? name : cn__json_text(cn__json_get(cn__json_get(o, "config"), "name"));
}

static bool in_module(const cn__json *o, const char *module)
{
    const char *text = cn__json_text(cn__json_get(o, "module"));
    return text && !strncmp(text, module, strlen(module));
}

/* A node of keras.ops, and none of those that are classes here. */
static bool is_operation(const cn__reading *r, const cn__json *o)
{
    if (!in_module(o, "keras.src.ops") && !in_module(o, "keras.ops")) return false;
    const cn__class *class = class_of(o) ? cn__class_find(r->ctx, CN__FAM_LAYER, class_of(o)) : NULL;
    return !class || !class->module || strncmp(class->module, "keras.src.ops", 13);
}

static bool one_of(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; word && i < n; i++)
        if (!strcmp(word, words[i])) return true;
    return false;
}

/* Sequential, Functional; "Model" before TensorFlow 2.4. In modules of others these are others' classes. */
static bool is_model(const cn__json *o)
{
    static const char *const words[] = { "Sequential", "Functional", "Model" };
    bool elsewhere = cn__json_some(cn__json_get(o, "module")) && !in_module(o, "keras") && !in_module(o, "tf_keras");
    return !elsewhere && one_of(class_of(o), words, CN__COUNT(words));
}

bool cn__is_input_class(const cn__json *o)
{
    const char *class = class_of(o);
    return class && !strcmp(class, "InputLayer");
}

/* ---- Types ------------------------------------------------------------------------------------------------------- */
/* "float32", or a policy {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}. */
static bool read_dtype(const cn__making *k, const char *layer, const cn__json *j, cn_dtype *dtype)
{
    const char *name =
        cn__json_text(j) ? cn__json_text(j) : cn__json_text(cn__json_get(cn__json_get(j, "config"), "name"));
    if (!cn__json_some(j)) return true;
    if (name && !strncmp(name, "mixed_", 6)) name += 6;
    if (name && (*dtype = cn__dtype_named(name))) return true;
    return cn__making_wrong(k, CN_E_DTYPE,
                            "layer \"%s%s\": dtype \"%s\" is not known; there are float32, float64, float16, "
                            "bfloat16, their mixed policies, and for inputs integers and bool.",
                            k->path, layer, name ? name : "(no text)");
}

/* A shape with the batch in front. */
static bool read_shape(const cn__making *k, const char *layer, const cn__json *j, cn__type *type)
{
    int rank = 0;
    if (!cn__json_is(j, CN__JSON_ARRAY) || !j->n || j->n > CN_MAX_RANK)
        return cn__making_wrong(k, CN_E_FORMAT, "layer \"%s%s\": its input's shape is no list of 1 to %d sizes.",
                                k->path, layer, CN_MAX_RANK);
    for (const cn__json *d = j->first; d; d = d->next, rank++) {
        bool any = d->type == CN__JSON_NULL;
        if (!any && (d->type != CN__JSON_INT || d->i < 1))
            return cn__making_wrong(k, CN_E_FORMAT,
                                    "layer \"%s%s\": size %d of its input's shape is no whole number of at "
                                    "least 1, nor null.",
                                    k->path, layer, rank);
        type->dim[rank] = any ? CN_ANY : d->i;
    }
    type->rank = (uint8_t)rank;
    return true;
}

static bool read_input(const cn__making *k, const cn__json *o, const char **name, cn__type *type)
{
    const cn__json *c = cn__json_get(o, "config"), *dims = cn__json_get(c, "batch_shape");
    cn_dtype dtype = CN_FLOAT32;
    *name = cn__object_name(o);
    const char *shown = *name ? *name : "InputLayer";
    if (*name && !check_name(k, *name)) return false;
    if (cn__json_is(cn__json_get(c, "sparse"), CN__JSON_TRUE) || cn__json_is(cn__json_get(c, "ragged"), CN__JSON_TRUE))
        return cn__making_wrong(k, CN_E_UNSUPPORTED,
                                "layer \"%s%s\": inputs are dense; sparse and ragged ones are not there.", k->path,
                                shown);
    memset(type, 0, sizeof *type);
    if (!read_dtype(k, shown, cn__json_get(c, "dtype"), &dtype) ||
        !read_dtype(k, shown, cn__json_get(c, "input_dtype"), &dtype)) return false;         /* of Keras 1 */
    type->dtype = (uint8_t)dtype;
    return read_shape(k, shown, dims ? dims : cn__json_get(c, "batch_input_shape"), type);
}

static bool count_layer(const cn__making *k)
{
    if (++*k->layers <= CN__LAYERS_MOST) return true;
    return cn__making_wrong(k, CN_E_LIMIT, "there are more than %d layers.", CN__LAYERS_MOST);
}

cn_tensor *cn__making_input(const cn__making *k, const cn__json *o)
{
    const char *name;
    cn__type    type;
    CN_ARGS(cn_input, a);
    if (!count_layer(k) || !read_input(k, o, &name, &type)) return NULL;
    a.head.site = NULL, a.on = k->r->ctx, a.name = name ? cn__arena_text(cn__ctx_arena(k->r->ctx), name) : NULL;
    a.dtype = (cn_dtype)type.dtype, a.batch_size = type.dim[0] > 0 ? type.dim[0] : 0;
    memcpy(a.shape, type.dim + 1, (size_t)(type.rank - 1) * sizeof *type.dim);
    cn_tensor *t = (cn_input)(&a);
    if (!cn__bad(t)) return t;
    cn__fail_with(t);
    cn__making_failed(k, name ? name : "InputLayer");
    return NULL;
}

/* ---- Layers ------------------------------------------------------------------------------------------------------ */
/* A registered layer's own options, and what every layer has, stand side by side; some keys of the config. */
static cn__json *keys_of(const cn__reading *r, const cn__class *class, const cn__json *config, const cn__class *but)
{
    cn__json *o = cn__json_new(r->mem, CN__JSON_OBJECT);
    for (const cn__json *c = config ? config->first : NULL; c && o; c = c->next)
        if (but ? !cn__option_find(but, c->key) : cn__option_find(class, c->key) != NULL)
            o = cn__json_set(r->mem, o, c->key, cn__json_copy(r->mem, c));
    if (!o) cn__nomem(r->ctx);
    return o;
}

static cn_layer *custom_layer(const cn__making *k, const cn__class *class, const char *where, const cn__json *config)
{
    const cn__reading *r = k->r;
    const cn__class   *own = cn__custom_options(class);
    cn__json *other = own ? keys_of(r, class, config, own) : cn__json_copy(r->mem, config), *mine = NULL;
    if (own && !(mine = keys_of(r, own, config, NULL))) return NULL;
    cn_custom_args *a = other ? cn__config_read(r, class, where, other) : NULL;
    if (!a || (own && !(a->options = cn__config_read(r, own, where, mine)))) return NULL;
    return cn__custom_new(r->ctx, NULL, class, a);
}

/* What every layer has though its class's table has it not. */
static bool common_options(const cn__making *k, const cn__json *config, cn_layer *l)
{
    if (cn__json_is(cn__json_get(config, "trainable"), CN__JSON_FALSE)) l->trainable = false;
    cn_dtype dtype = cn__layer_policy(l);
    if (cn__option_find(l->cls, "dtype")) return true;
    if (!read_dtype(k, l->name, cn__json_get(config, "dtype"), &dtype)) return false;
    cn__layer_computes(l, dtype);
    return true;
}

/* Mixed precision is how half precision computes here: with float32's weights. */
static const cn__json *plain_policy(const cn__reading *r, const cn__json *config)
{
    const char *name = cn__json_text(cn__json_get(cn__json_get(cn__json_get(config, "dtype"), "config"), "name"));
    if (!name) name = cn__json_text(cn__json_get(config, "dtype"));
    if (!name || strncmp(name, "mixed_", 6)) return config;
    cn__json *o = cn__json_copy(r->mem, config), *plain = cn__json_string(r->mem, name + 6);
    for (cn__json *c = o && plain ? o->first : NULL; c; c = c->next)
        if (!strcmp(c->key, "dtype")) c->type = CN__JSON_STRING, c->text = plain->text, c->n = plain->n;
    if (!o || !plain) cn__nomem(r->ctx);
    return plain ? o : NULL;
}

static cn_layer *new_layer(const cn__making *k, const cn__json *o, const char *name)
{
    const cn__reading *r = k->r;
    const cn__json    *config = cn__json_get(o, "config");
    const char *where = cn__arena_printf(r->mem, "layer \"%s%s\"", k->path, name ? name : class_of(o));
    if (!where) return cn__nomem(r->ctx), NULL;
    if (!cn__json_is(config, CN__JSON_OBJECT))
        return cn__making_wrong(k, CN_E_FORMAT, "%s has no config.", where), NULL;
    if (!(config = plain_policy(r, config))) return NULL;
    const cn__class *class = cn__config_class(r, CN__FAM_LAYER, where, o);
    if (!class) return NULL;
    if (class->user) return custom_layer(k, class, where, config);
    char *args = cn__config_read(r, class, where, config);
    const cn__option *named = args && name ? cn__option_find(class, "name") : NULL;
    if (named) memcpy(args + named->offset, &name, sizeof name);
    return args ? cn__layer_new(r->ctx, NULL, class, args) : NULL;
}

static bool plain_layer(const cn__making *k, const cn__json *o, cn__made *made)
{
    const char *name = cn__object_name(o);
    cn_layer   *l = new_layer(k, o, name);
    if (!l) return false;
    if (cn__bad(l)) return cn__fail_with(l), cn__making_failed(k, name ? name : class_of(o));
    if (!cn__layer_enter(l)) return false;
    *made = (cn__made){ .layer = l, .calls = 1 };
    return common_options(k, cn__json_get(o, "config"), l) && (!k->r->made || !k->r->made(k->r->user, o, l));
}

static cn_model *read_model(cn__making *, const cn__json *object);

static bool inner_model(const cn__making *k, const cn__json *o, cn__made *made)
{
    const char *name = cn__object_name(o);
    const char *path = cn__arena_printf(k->r->mem, "%s%s/", k->path, name ? name : class_of(o));
    cn__making  inner = { k->r, path, k->depth + 1, k->layers, 0 };
    if (!path) return cn__nomem(k->r->ctx), false;
    cn_model *m = read_model(&inner, o);
    if (m) *made = (cn__made){ m->layer, m, CN__MAX(inner.calls, 1) };
    return m != NULL;
}

bool cn__making_layer(cn__making *k, const cn__json *o, cn__made *made)
{
    const char *class = class_of(o), *name = cn__object_name(o);
    if (!class)
        return cn__making_wrong(k, CN_E_FORMAT, "model \"%s\": a layer without a class_name.",
                                *k->path ? k->path : "/");
    if (name && !check_name(k, name)) return false;
    if (!count_layer(k)) return false;
    if (is_operation(k->r, o))
        return cn__making_wrong(k, CN_E_UNSUPPORTED,
                                "\"%s%s\" is no layer but the operation %s.%s, which is not there. Build "
                                "the model with a layer instead, or a registered one.",
                                k->path, name ? name : class, cn__json_text(cn__json_get(o, "module")), class);
    return is_model(o) ? inner_model(k, o, made) : plain_layer(k, o, made);
}

/* ---- Sequential -------------------------------------------------------------------------------------------------- */
/* Where the shape of the input stands: an InputLayer, the first layer (Keras 1 and 2), the model (Keras 3). false:
   recorded; m->has_input. */
static bool sequential_input(const cn__making *k, cn_model *m, const cn__json *first, const cn__json *config)
{
    const cn__json *c = cn__json_get(first, "config"), *built = cn__json_get(config, "build_input_shape");
    const char *name = NULL;
    if (cn__is_input_class(first) || cn__json_some(cn__json_get(c, "batch_input_shape"))) {
        if (!read_input(k, first, &name, &m->input)) return false;
        if (!cn__is_input_class(first)) name = NULL;
        if (name && !(m->input_name = cn__arena_text(cn__ctx_arena(k->r->ctx), name)))
            return cn__nomem(k->r->ctx), false;
        return m->has_input = true;
    }
    if (!cn__json_some(built)) return true;
    m->input.dtype = (uint8_t)CN_FLOAT32;
    return m->has_input = read_shape(k, m->layer->name, built, &m->input);
}

static bool append_layer(cn__making *k, cn_model *m, const cn__json *o)
{
    cn__made made;
    if (cn__is_input_class(o))
        return cn__making_wrong(k, CN_E_FORMAT, "sequential \"%s\": an InputLayer that is not the first one.",
                                m->layer->name);
    if (!cn__making_layer(k, o, &made)) return false;
    if (!cn__making_called(k, made.calls)) return false;
    if (made.model && made.model->built && !m->built && !m->layers.n) {  /* a model knows its input itself */
        if (made.model->inputs.n == 1) cn__tensor_type(made.model->inputs.at[0], &m->input);
        m->has_input = made.model->inputs.n == 1;
        if (m->has_input && cn__model_build_for(m, &m->input, NULL)) return cn__making_failed(k, made.layer->name);
    }
    cn__sequential_append(m, made.layer, NULL);
    if (!cn__bad(m)) return true;
    return cn__fail_with(m), cn__making_failed(k, made.layer->name);
}

static cn_model *sequential(cn__making *k, const cn__json *config, const char *name)
{
    cn_ctx   *ctx = k->r->ctx;
    const cn__json *layers = cn__json_is(config, CN__JSON_ARRAY) ? config : cn__json_get(config, "layers"), *l;
    cn_model *m = cn__json_is(layers, CN__JSON_ARRAY) ? cn__model_new(ctx, &cn__class_sequential, name, NULL) : NULL;
    if (!m) return cn__making_wrong(k, CN_E_FORMAT, "sequential \"%s\" has no list of layers.", name ? name : ""), NULL;
    bool ok = !cn__bad(m) || (cn__fail_with(m), cn__making_failed(k, name ? name : "sequential"));
    ok = ok && (m->sequential = true) && sequential_input(k, m, layers->first, config);
    if (ok && m->has_input && cn__model_build_for(m, &m->input, NULL)) ok = cn__making_failed(k, m->layer->name);
    for (l = layers->first; l && ok; l = l->next)
        if (l != layers->first || !cn__is_input_class(l)) ok = append_layer(k, m, l);
    if (ok) return m;
    cn_free(m);
    return NULL;
}

/* ---- Whole models ------------------------------------------------------------------------------------------------ */
static cn_model *read_model(cn__making *k, const cn__json *o)
{
    const char     *class = class_of(o), *name = cn__object_name(o);
    const cn__json *config = cn__json_get(o, "config");
    if (!class || !is_model(o) || !config)
        return cn__making_wrong(k, CN_E_FORMAT,
                                "this is no model: its class_name is \"%s\", it should be Sequential or "
                                "Functional, with a config.",
                                class ? class : "(none)"),
               NULL;
    if (k->depth > CN__NESTED_MOST)
        return cn__making_wrong(k, CN_E_LIMIT, "models are nested more than %d deep, at \"%.80s\".", CN__NESTED_MOST,
                                k->path), NULL;
    if (name && !check_name(k, name)) return NULL;
    cn_model *m = strcmp(class, "Sequential") ? cn__making_functional(k, config, name) : sequential(k, config, name);
    if (m && cn__json_is(cn__json_get(config, "trainable"), CN__JSON_FALSE)) m->layer->trainable = false;
    return m;
}

/* JSON of Keras 1 and 2 says its version itself. */
static int version_of(const cn__reading *r, const cn__json *o)
{
    const char *text = cn__json_text(cn__json_get(o, "keras_version"));
    return text && *text >= '1' && *text <= '3' ? *text - '0' : r->keras;
}

cn_model *cn__config_read_model(const cn__reading *given, const cn__json *o)
{
    cn__reading r = *given;
    int64_t     layers = 0;
    cn__making  k = { &r, "", 0, &layers, 0 };
    r.keras = version_of(given, o);
    cn_model   *m = read_model(&k, o);
    return m ? m : cn__poison_recorded(cn__new(r.ctx, CN__MODEL, sizeof *m, NULL));
}

cn_model *cn__config_parse_model(const cn__reading *r, const char *text, size_t n)
{
    const cn__json *o = cn__json_parse(r->mem, r->site, r->what, text, n);
    return o ? cn__config_read_model(r, o) : cn__poison_recorded(cn__new(r->ctx, CN__MODEL, sizeof(cn_model), NULL));
}

/* ---- What is not there ------------------------------------------------------------------------------------------- */
typedef struct search { const cn__reading *r; void (*f)(void *, const char *, const char *); void *user; } search;

static bool known(const search *s, const cn__json *o)
{
    if (is_operation(s->r, o)) return false;
    if (is_model(o) || cn__is_input_class(o)) return true;
    if (cn__config_class(s->r, CN__FAM_LAYER, "", o)) return true;
    (cn_clear_error)(s->r->ctx);
    return false;
}

static const char *full_name(const cn__json *o)         /* "acme>Squash", of what is registered under such a name */
{
    const char *own = cn__json_text(cn__json_get(o, "registered_name"));
    return own && strchr(own, '>') ? own : class_of(o);
}

static void look(const search *s, const cn__json *o)
{
    static const char *const within[] = { "layer", "forward_layer", "backward_layer", "cell" };     /* of wrappers */
    const cn__json *config = cn__json_get(o, "config"), *layers = cn__json_get(config, "layers"), *l;
    if (!class_of(o)) return;
    if (!known(s, o)) s->f(s->user, cn__object_name(o) ? cn__object_name(o) : "", full_name(o));
    if (is_model(o) && cn__json_is(config, CN__JSON_ARRAY)) layers = config;
    for (l = is_model(o) && layers ? layers->first : NULL; l; l = l->next) look(s, l);
    for (size_t i = 0; i < CN__COUNT(within) && !is_model(o); i++) look(s, cn__json_get(config, within[i]));
}

bool cn__config_unknown(const cn__reading *given, const cn__json *o,
                        void (*f)(void *user, const char *layer, const char *class), void *user)
{
    cn__reading r = *given;
    search      s = { &r, f, user };
    if (!is_model(o)) {
        cn__fail(r.ctx, r.site, CN_E_FORMAT, "%s: this is no model's configuration.", r.what);
        return false;
    }
    r.keras = version_of(given, o);
    look(&s, o);
    return true;
}
