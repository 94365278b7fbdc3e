/* config.c: options as Keras 3 writes them, from the table of the class; keras.def says where Keras departs from it. */
#include "formats/forms.h"
#include "base/dtype.h"
#include "nn/options.h"

/* ---- One option -------------------------------------------------------------------------------------------------- */
static const char *const word_texts[CN_WORD_COUNT] = {
#define WORD(name, text) [CN_##name] = text,
    CN_WORD_MAP(WORD)
#undef WORD
};

static cn__json *policy(cn__arena *mem, cn_dtype dtype)
{
    cn__json *config = cn__json_set(mem, cn__json_new(mem, CN__JSON_OBJECT), "name",
                                    cn__json_string(mem, cn__dtype_name(dtype ? dtype : CN_FLOAT32)));
    cn__json *o = cn__json_new(mem, CN__JSON_OBJECT);
    o = cn__json_set(mem, o, "module", cn__json_string(mem, "keras"));
    o = cn__json_set(mem, o, "class_name", cn__json_string(mem, "DTypePolicy"));
    o = cn__json_set(mem, o, "config", config);
    return cn__json_set(mem, o, "registered_name", cn__json_new(mem, CN__JSON_NULL));
}

static cn__json *dims_json(cn__arena *mem, const cn__option *o, cn__form form, const int64_t *dims)
{
    int n = cn__dims_count(dims);
    bool all = form == CN__FORM_ALL_AXES && n == 1 && dims[0] == CN_NO_AXIS;
    if (!n && !o->required) return cn__json_new(mem, CN__JSON_NULL);
    if (n == 1 && form == CN__FORM_SHORT) return cn__json_int(mem, cn__dims_at(dims, 0));
    cn__json *list = cn__json_new(mem, CN__JSON_ARRAY);
    for (int i = 0; i < n && !all; i++)
        list = cn__json_push(list, form == CN__FORM_ANY_NULL && dims[i] == CN_ANY
                                       ? cn__json_new(mem, CN__JSON_NULL) : cn__json_int(mem, cn__dims_at(dims, i)));
    return list;
}

static cn__json *pair_json(cn__arena *mem, cn__form form, const int64_t *pair)
{
    if (form == CN__FORM_SHORT && pair[0] == pair[1]) return cn__json_int(mem, pair[0]);
    cn__json *list = cn__json_new(mem, CN__JSON_ARRAY);
    return cn__json_push(cn__json_push(list, cn__json_int(mem, pair[0])), cn__json_int(mem, pair[1]));
}

static cn__json *value_json(cn__arena *mem, const cn_values *v, size_t i)
{
    if (v->dtype == CN_STRING) return cn__json_string(mem, ((const cn_text *)v->data)[i]);
    if (cn__is_float(v->dtype)) return cn__json_real(mem, cn__load(v->dtype, v->data, i));
    return cn__json_int(mem, cn__load_int(v->dtype, v->data, i));
}

static cn__json *values_json(cn__arena *mem, cn__form form, const cn_values *v)
{
    if (!v) return cn__json_new(mem, CN__JSON_NULL);
    if (form == CN__FORM_SHORT && v->count == 1) return value_json(mem, v, 0);
    cn__json *list = cn__json_new(mem, CN__JSON_ARRAY);
    for (size_t i = 0; i < v->count; i++) list = cn__json_push(list, value_json(mem, v, i));
    return list;
}

static cn__json *choice_json(cn__arena *mem, const cn__class *class, const cn__option *o, const char *choice)
{
    cn__spec spec;
    return cn__spec_make(mem->ctx, mem, NULL, (cn__family)o->family, choice, &spec)
               ? cn__config_choice(mem, class, o, &spec) : NULL;
}

#define VALUE(T, name) T name; memcpy(&name, at, sizeof name)
static cn__json *option_json(cn__arena *mem, const cn__class *class, const cn__option *o, cn__form form, const char *at)
{
    switch (o->type) {
    case CN__O_double: {
        VALUE(double, v);
        return cn__json_real(mem, form == CN__FORM_FLOAT32 ? (double)(float)v : v);
    }
    case CN__O_int64_t:  { VALUE(int64_t, v); return cn__json_int(mem, v); }
    case CN__O_cn_flag:  { VALUE(cn_flag, v); return cn__json_bool(mem, v == CN_YES); }
    case CN__O_cn_word:  { VALUE(cn_word, v); return cn__json_string(mem, word_texts[v]); }
    case CN__O_cn_text: {
        VALUE(cn_text, v);
        if (!v && !strcmp(o->name, "name")) v = cn__name_of(class);
        return cn__json_string(mem, form == CN__FORM_WORD_NONE && v && !strcmp(v, "none") ? NULL : v);
    }
    case CN__O_cn_dtype: {
        VALUE(cn_dtype, v);
        return form == CN__FORM_TYPE_NAME ? cn__json_string(mem, cn__dtype_name(v ? v : CN_FLOAT32)) : policy(mem, v);
    }
    case CN__O_cn_dims:  { VALUE(cn_dims, v); return dims_json(mem, o, form, v); }
    case CN__O_cn_size2: { VALUE(cn_size2, v); return pair_json(mem, form, v); }
    case CN__O_choice:   { VALUE(const char *, v); return choice_json(mem, class, o, v); }
    case CN__O_values:   { VALUE(const cn_values *, v); return values_json(mem, form, v); }
    default:             return cn__json_new(mem, CN__JSON_NULL);
    }
}

/* ---- A config ---------------------------------------------------------------------------------------------------- */
static bool at_preset(const cn__option *o, const char *args, const char *presets)
{
    if (o->type != CN__O_cn_text) return !memcmp(args + o->offset, presets + o->offset, o->size);
    cn_text v, preset;
    memcpy(&v, args + o->offset, sizeof v);
    memcpy(&preset, presets + o->offset, sizeof preset);
    return v == preset || (v && preset && !strcmp(v, preset));
}

static cn__json *fixed_json(cn__arena *mem, const cn__fixed *c)
{
    return c->text ? cn__json_string(mem, c->text) : cn__json_new(mem, c->type);
}

/* Keys that Keras has and the table has not. */
static cn__json *write_rest(cn__arena *mem, const cn__class *class, cn__json *config)
{
    bool named = class->family == CN__FAM_LOSS || class->family == CN__FAM_SCHEDULE;
    if (named && class->module && !cn__option_find(class, "name"))
        config = cn__json_set(mem, config, "name", cn__json_string(mem, cn__name_of(class)));
    bool layer = class->module && !strcmp(class->module, "keras.layers");
    if (layer && !cn__option_find(class, "trainable")) {
        config = cn__json_set(mem, config, "trainable", cn__json_bool(mem, true));
        config = cn__json_set(mem, config, "dtype", policy(mem, CN_FLOAT32));
    }
    const cn__fixed *c;
    for (int i = 0; class->module && (c = cn__fixed_of(class, i)); i++)
        config = cn__json_set(mem, config, c->key, fixed_json(mem, c));
    return config;
}

static cn__json *write_option(cn__arena *mem, const cn__class *class, const cn__option *o, const char *args,
                              const char *presets, cn__json *config)
{
    cn__form form = cn__form_of(class, o->name);
    bool preset = at_preset(o, args, presets);
    if (o->type == CN__O_other || form == CN__FORM_ABSENT || (form == CN__FORM_SAID && preset)) return config;
    const cn_values *given = NULL;
    if (form == CN__FORM_COUNTED) memcpy(&given, args + cn__option_find(class, "thresholds")->offset, sizeof given);
    cn__json *value = given ? cn__json_int(mem, (int64_t)given->count + 2)
                      : form == CN__FORM_NULL_PRESET && preset
                          ? cn__json_new(mem, CN__JSON_NULL)
                          : option_json(mem, class, o, form, args + o->offset);
    return cn__json_set(mem, config, o->name, value);
}

/* A schedule stands in the place of the learning rate. */
static cn__json *write_rate(cn__arena *mem, const cn__class *class, const char *args, cn__json *config)
{
    const cn__option *o = cn__option_find(class, "schedule");
    const char *schedule;
    memcpy(&schedule, args + o->offset, sizeof schedule);
    if (!schedule) o = cn__option_find(class, "learning_rate");
    return cn__json_set(mem, config, "learning_rate",
                        option_json(mem, class, o, schedule ? CN__FORM_PLAIN : CN__FORM_FLOAT32, args + o->offset));
}

cn__json *cn__config_write(cn__arena *mem, const cn__class *class, const void *args)
{
    cn__json *config = cn__json_new(mem, CN__JSON_OBJECT);
    char *presets = class->size ? cn__arena_alloc(mem, class->size) : NULL;
    if (class->size && !presets) return NULL;
    if (presets) class->presets(presets);
    for (int i = 0; i < class->options; i++) {
        const cn__option *o = &class->option[i];
        bool rate = class->family == CN__FAM_OPTIMIZER && !strcmp(o->name, "learning_rate");
        if (rate) config = write_rate(mem, class, args, config);
        else if (o->family != CN__FAM_SCHEDULE) config = write_option(mem, class, o, args, presets, config);
    }
    return write_rest(mem, class, config);
}

/* ---- Objects ----------------------------------------------------------------------------------------------------- */
cn__json *cn__config_object(cn__arena *mem, const cn__class *class, cn__json *config)
{
    const char *own = strchr(class->name, '>');
    cn__json *o = cn__json_new(mem, CN__JSON_OBJECT);
    o = cn__json_set(mem, o, "module", cn__json_string(mem, class->module));
    o = cn__json_set(mem, o, "class_name", cn__json_string(mem, own ? own + 1 : class->name));
    o = cn__json_set(mem, o, "config", config);
    bool named = own || (class->module && !strncmp(class->module, "keras.src.", 10));    /* operations have one */
    return cn__json_set(mem, o, "registered_name", cn__json_string(mem, named ? class->name : NULL));
}

/* A function of the caller's, or of ours that Keras has not: if one is registered under that name, Keras finds it. */
static cn__json *function_json(cn__arena *mem, const cn__class *class)
{
    cn__json *o = cn__json_new(mem, CN__JSON_OBJECT);
    o = cn__json_set(mem, o, "module", cn__json_string(mem, "builtins"));
    o = cn__json_set(mem, o, "class_name", cn__json_string(mem, "function"));
    o = cn__json_set(mem, o, "config", cn__json_string(mem, class->name));
    return cn__json_set(mem, o, "registered_name", cn__json_string(mem, "function"));
}

static bool all_preset(cn__arena *mem, const cn__spec *spec, bool *is)
{
    char *presets = cn__arena_alloc(mem, spec->cls->size + 1);
    *is = true;
    if (!presets) return false;
    if (spec->cls->size) spec->cls->presets(presets);
    for (int i = 0; i < spec->cls->options; i++)
        if (!at_preset(&spec->cls->option[i], spec->args, presets)) *is = false;
    return true;
}

/* An activation with options: Keras writes the layer of that name, where there is one. Else it is an object that Keras
   has not, under a name of ours. */
static cn__json *act_json(cn__arena *mem, const cn__spec *act)
{
    const char *name = cn__layer_of_act(act->cls->name);
    const cn__class *layer = name ? cn__class_find(mem->ctx, CN__FAM_LAYER, name) : NULL;
    if (!layer) {
        cn__class ours = *act->cls;
        if (ours.module && !(ours.name = cn__arena_printf(mem, "cornu>%s", act->cls->name))) return NULL;
        ours.module = NULL;
        return cn__config_object(mem, &ours, cn__config_write(mem, act->cls, act->args));
    }
    char *args = cn__arena_alloc(mem, layer->size);
    if (!args) return NULL;
    layer->presets(args);
    for (int i = 0; i < act->cls->options; i++) {
        const cn__option *from = &act->cls->option[i], *to = cn__option_find(layer, from->name);
        memcpy(args + to->offset, (const char *)act->args + from->offset, from->size);
    }
    return cn__config_object(mem, layer, cn__config_write(mem, layer, args));
}

cn__json *cn__config_choice(cn__arena *mem, const cn__class *owner, const cn__option *option, const cn__spec *spec)
{
    const cn__class *class = spec->cls;
    bool preset;
    (void)owner, (void)option;                           /* no class of today writes a choice otherwise than another */
    if (!class) return cn__json_new(mem, CN__JSON_NULL);
    if (!all_preset(mem, spec, &preset)) return NULL;
    bool act = class->family == CN__FAM_ACT;
    bool function = act || class->family == CN__FAM_LOSS || class->family == CN__FAM_METRIC;
    if (function && preset && !strchr(class->name, '>')) return cn__json_string(mem, class->snake);
    if (function && !class->size) return function_json(mem, class);
    if (act) return act_json(mem, spec);
    return cn__config_object(mem, class, cn__config_write(mem, class, spec->args));
}
