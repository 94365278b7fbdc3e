/* model_facts.c: a model from a file, and what its configuration says about inputs and outputs. */
#include "json.h"
#include "model_data.h"
#include <string.h>

/* ---- Layers in Keras's configuration ----------------------------------------------------------------------------- */
static const char *config_of(const char *thing) { return json_member(thing, "config"); }

static const char *class_of(const char *thing)
{
    const char *name = json_text(json_member(thing, "class_name"));
    return name ? name : "";
}

static bool is_model(const char *layer) { return json_member(config_of(layer), "layers") != NULL; }

/* Of a model's layers, the one of this name; NULL: the last. */
static const char *find_layer(const char *model, const char *name)
{
    const char *list = json_member(config_of(model), "layers"), *layer, *found = NULL;
    for (int i = 0; (layer = json_item(list, i)); i++) {
        const char *own = json_text(json_member(config_of(layer), "name"));
        if (!name || (own && !strcmp(own, name))) found = layer;
    }
    return found;
}

/* "input_layers", "output_layers": ["name", 0, 0], or a list or an object of such; a sequential model has none. */
static const char *end_name(const char *model, const char *ends, int i)
{
    const char *list = json_member(config_of(model), ends), *first = json_text(json_item(list, 0));
    return first ? (i ? NULL : first) : json_text(json_item(json_item(list, i), 0));
}

static const char *input_name(const char *model, int i)
{
    const char *name = end_name(model, "input_layers", i);
    if (name || i || json_member(config_of(model), "input_layers")) return name;
    name = json_text(json_member(config_of(json_item(json_member(config_of(model), "layers"), 0)), "name"));
    return name ? name : "input";
}

static const char *output_name(const char *model, int i)
{
    const char *name = end_name(model, "output_layers", i);
    if (name || i || json_member(config_of(model), "output_layers")) return name;
    name = json_text(json_member(config_of(find_layer(model, NULL)), "name"));
    return name ? name : "output";
}

/* A name, or a thing with a name: "softmax", {"class_name": "CategoricalCrossentropy", "config": {"name": ...}}. */
static const char *named(const char *value)
{
    const char *text = json_text(value), *config = config_of(value);
    if (!text) text = json_text(json_member(config, "name"));
    if (!text) text = json_text(config);
    return text ? text : json_text(json_member(value, "class_name"));
}

/* What the numbers mean that the model's i-th output gives: by the last activation. */
static meaning meaning_of(const char *model, int i)
{
    const char *layer = find_layer(model, end_name(model, "output_layers", i));
    if (is_model(layer)) return meaning_of(layer, 0);
    const char *activation = named(json_member(config_of(layer), "activation"));
    if (!strcmp(class_of(layer), "Softmax")) return CHANCES;
    return !activation ? A_NUMBER : !strcmp(activation, "softmax") ? CHANCES
                                : !strcmp(activation, "sigmoid")  ? A_CHANCE : A_NUMBER;
}

static bool brings_to_scale(const char *model)
{
    const char *list = json_member(config_of(model), "layers"), *layer;
    for (int i = 0; (layer = json_item(list, i)); i++) {
        const char *class = class_of(layer);
        if (is_model(layer)) return brings_to_scale(layer);
        if (strcmp(class, "InputLayer")) return !strcmp(class, "Rescaling") || !strcmp(class, "Normalization");
    }
    return false;
}

static cn_status study(model_facts *f)
{
    const char *model = cn_to_json(f->m);
    if (!model || cn_error(cn_model_input(f->m, 0))) return cn_error(f->ctx);
    while (f->inputs < CN_MAX_IO && (f->input[f->inputs] = input_name(model, f->inputs))) f->inputs++;
    for (; f->outputs < CN_MAX_LIST && (f->output[f->outputs] = output_name(model, f->outputs)); f->outputs++)
        f->means[f->outputs] = meaning_of(model, f->outputs);
    const char *compiled = json_member(model, "compile_config"), *loss = json_member(compiled, "loss");
    f->compiled = json_item(compiled, 0) != NULL;
    f->loss = f->compiled && f->outputs == 1 ? named(loss && *loss == '[' ? json_item(loss, 0) : loss) : NULL;
    f->scales = brings_to_scale(model);
    return CN_OK;
}

/* ---- The file ---------------------------------------------------------------------------------------------------- */
cn_status open_model(cn_model **m, cn_ctx *c, const settings *s, cn_flag compile)
{
    *m = cn_load(c, s->model, .compile = compile);
    cn_status failed = cn_error(*m);
    return failed || !s->weights ? failed : cn_load_weights(*m, s->weights);
}

cn_status open_model_or_bare(cn_model **m, cn_ctx *c, const settings *s)
{
    cn_status failed = open_model(m, c, s, CN_YES);
    if (!failed) return CN_OK;
    const char *why = print_to("%s", cn_error_message(c));
    cn_clear_error(c);
    if ((failed = open_model(m, c, s, CN_NO))) return failed;
    fprintf(stderr, "cornu: %s The model is taken without what it was compiled with.\n", why);
    return CN_OK;
}

cn_status load_model(model_facts *f, cn_ctx *c, const settings *s, cn_flag compile)
{
    *f = (model_facts){ .ctx = c };
    cn_status failed = open_model(&f->m, c, s, compile);
    return failed ? failed : study(f);
}

bool is_vector(const model_facts *f, int output) { return cn_rank_of(cn_model_output(f->m, output)) == 2; }

int64_t width_of(cn_tensor *t)
{
    int64_t width = 1;
    for (int i = 1; i < cn_rank_of(t); i++) {
        if (cn_size_of(t, i) < 0) return CN_ANY;
        width *= cn_size_of(t, i);
    }
    return width;
}

int64_t batch_of(const model_facts *f, const settings *s, int64_t preset)
{
    int64_t fixed = cn_size_of(cn_model_input(f->m, 0), 0);
    return fixed > 0 ? fixed : s->batch_size ? s->batch_size : preset;
}

bool can_be_saved(const char *path, bool weights)
{
    static const char *const endings[] = { ".weights.h5", ".npz", ".keras", ".h5", ".hdf5", ".json" };
    for (size_t i = 0; i < (weights ? 2 : sizeof endings / sizeof *endings); i++)
        if (ends(path, endings[i])) return true;
    return false;
}
