/* legacy.c: the .h5 layout of Keras 1 and 2, which Keras 3 still reads and writes: a group for each layer under the
   layer's own name, its data sets named in the attribute weight_names, the layers in layer_names. Whole models have all
   this in model_weights, their structure in the attributes model_config and training_config, and optimizer_weights.
   (keras.src.legacy.saving.legacy_h5_format.) */
#include "formats/formats.h"
#include <stdio.h>

/* Attributes above the 64 KiB of an object header come in pieces: name0, name1 ... */
static bool add_names(cn__fitting *f, const cn__h5_object *o, const char *attribute, cn__names *out)
{
    cn__h5_data d;
    if (!cn__h5_attr(f->file, o, attribute, &d)) return false;
    if (!d.n || d.empty) return true;
    const char **text = d.dtype == CN_STRING ? cn__h5_attr_strings(f->file, o, attribute, f->mem) : NULL;
    for (int64_t i = 0; text && i < d.n; i++)
        if (!cn__push(f->ctx, out, text[i])) return cn__nomem(f->ctx), false;
    if (!text && !cn__h5_failed(f->file))
        cn__fail(f->ctx, f->site, CN_E_FORMAT, "%s: %s: the attribute %s is no list of names.", f->what,
                 cn__h5_path(o), attribute);
    return text != NULL;
}

bool cn__legacy_names(cn__fitting *f, const cn__h5_object *o, const char *attribute, cn__names *out)
{
    char piece[64];
    if (add_names(f, o, attribute, out)) return true;
    for (int i = 0;; i++) {
        snprintf(piece, sizeof piece, "%s%d", attribute, i);
        if (!add_names(f, o, piece, out)) return i > 0 && !cn__h5_failed(f->file);
    }
}

bool cn__legacy_is(cn__h5 *file)
{
    cn__h5_data d;
    const cn__h5_object *root = cn__h5_root(file);
    return root && (cn__h5_find(file, NULL, "model_weights") || cn__h5_attr(file, root, "layer_names", &d) ||
                    cn__h5_attr(file, root, "layer_names0", &d));
}

/* ---- A layer's weights: those that learn, then the others -------------------------------------------------------- */
typedef struct held { cn__weight *weight; const char *path; } held;
typedef CN__VEC(held) helds;

static bool gather(cn__arena *mem, const cn_layer *l, const char *prefix, bool learning, helds *out)
{
    cn_ctx *ctx = mem->ctx;
    const char *own = cn__arena_printf(mem, "%s%s%s", prefix, *prefix ? "/" : "", l->name);
    if (!own) return cn__nomem(ctx), false;
    for (size_t i = 0; l->model && i < l->model->layers.n; i++)
        if (!gather(mem, l->model->layers.at[i], own, learning, out)) return false;
    for (size_t i = 0; i < l->weights.n; i++) {
        cn__weight *w = l->weights.at[i];
        if ((w->trainable && l->trainable) != learning) continue;
        const char *path = cn__arena_printf(mem, "%s/%s", own, w->name);
        if (!path || !cn__push(ctx, out, (held){ w, path })) return cn__nomem(ctx), false;
    }
    return true;
}

static bool weights_of(cn__arena *mem, const cn_layer *l, helds *out)
{
    out->n = 0;
    return gather(mem, l, "", true, out) && gather(mem, l, "", false, out);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */
typedef struct group { const char *layer, *path; cn__names weights; } group;
typedef struct reading {
    cn__fitting *f;
    cn_model    *m;
    CN__VEC(group) groups;                               /* those that have weights */
} reading;

static const char *root_of(const cn__fitting *f)
{
    return cn__h5_find(f->file, NULL, "model_weights") ? "model_weights/" : "";
}

static cn_status list_groups(reading *r)
{
    cn__fitting *f = r->f;
    cn_ctx *ctx = f->ctx;
    const char *root = root_of(f);
    const cn__h5_object *top = *root ? cn__h5_find(f->file, NULL, "model_weights") : cn__h5_root(f->file);
    cn__names layers = { 0 };
    bool  ok = top && cn__legacy_names(f, top, "layer_names", &layers);
    if (!ok && !cn__h5_failed(f->file))
        cn__fail(ctx, f->site, CN_E_FORMAT, "%s: there is no attribute layer_names: this is no file of Keras weights.",
                 f->what);
    for (size_t i = 0; ok && i < layers.n; i++) {
        group g = { .layer = layers.at[i], .path = cn__arena_printf(f->mem, "%s%s", root, layers.at[i]) };
        const cn__h5_object *o = g.path ? cn__h5_find(f->file, NULL, g.path) : NULL;
        ok = o && cn__h5_is_group(o) && cn__legacy_names(f, o, "weight_names", &g.weights);
        if (!ok && g.path && !cn__h5_failed(f->file))
            cn__fail(ctx, f->site, CN_E_FORMAT, "%s: layer \"%s\" has no group with the attribute weight_names.",
                     f->what, g.layer);
        if (ok && g.weights.n) ok = cn__push(ctx, &r->groups, g) || (cn__nomem(ctx), false);
        if (!ok || !g.weights.n) cn__vec_free(ctx, &g.weights);
    }
    cn__vec_free(ctx, &layers);
    return ok ? CN_OK : (cn_error)(ctx);
}

static void drop_groups(reading *r)
{
    for (size_t i = 0; i < r->groups.n; i++) cn__vec_free(r->f->ctx, &r->groups.at[i].weights);
    cn__vec_free(r->f->ctx, &r->groups);
}

static cn_status read_layer(reading *r, const group *g, const helds *to)
{
    cn__fitting *f = r->f;
    char who[256];
    if (g->weights.n != to->n)
        return cn__fail(f->ctx, f->site, CN_E_SHAPE, "%s: layer \"%s\" has %zu weights in the file, %zu in the model.",
                        f->what, g->layer, g->weights.n, to->n);
    for (size_t i = 0; i < to->n; i++) {
        snprintf(who, sizeof who, "layer \"%s\": %s", g->layer, to->at[i].path);
        const char *path = cn__arena_printf(f->mem, "%s/%s", g->path, g->weights.at[i]);
        if (!path) return cn__nomem(f->ctx);
        cn_status failed = cn__variable_read(f, who, path, to->at[i].weight->var);
        if (failed) return failed;
    }
    return CN_OK;
}

static const group *group_named(const reading *r, const char *name)
{
    for (size_t i = 0; i < r->groups.n; i++)
        if (!strcmp(r->groups.at[i].layer, name)) return &r->groups.at[i];
    return NULL;
}

/* One layer; with skip_mismatch what does not fit is left alone. */
static cn_status place_layer(reading *r, const group *g, const helds *to, bool commit)
{
    cn__fitting *f = r->f;
    f->commit = false;
    cn_status failed = commit && !f->skip_mismatch ? CN_OK : read_layer(r, g, to);
    if (failed && f->skip_mismatch && !cn__h5_failed(f->file)) {
        if (!commit) f->skipped++, cn__log(f->ctx, CN_LOG_WARNING, "left alone: %s", (cn_error_message)(f->ctx));
        return cn_clear_error(f->ctx), CN_OK;
    }
    if (failed || !commit) return failed;
    f->commit = true;
    return read_layer(r, g, to);
}

static cn_status pass(reading *r, bool commit)
{
    cn__fitting *f = r->f;
    cn_model    *m = r->m;
    size_t       k = 0, wanted = 0;
    helds        to = { 0 };
    cn_status    failed = CN_OK;
    for (size_t i = 0; !failed && i < m->layers.n; i++) {
        cn_layer *l = m->layers.at[i];
        if (!weights_of(f->mem, l, &to)) failed = (cn_error)(f->ctx);
        if (failed || !to.n) continue;
        const group *g = f->by_name ? group_named(r, l->name) : k < r->groups.n ? &r->groups.at[k] : NULL;
        k++, wanted++;
        if (!g && f->by_name) f->skipped += !commit;
        if (g) f->layers += !commit, failed = place_layer(r, g, &to, commit);
    }
    cn__vec_free(f->ctx, &to);
    if (!failed && !f->by_name && wanted != r->groups.n)
        failed = cn__fail(f->ctx, f->site, CN_E_SHAPE,
                          "%s: %zu layers have weights in the file, %zu in the model. Load by name "
                          "(.by_name = CN_YES) what the two have in common.", f->what, r->groups.n, wanted);
    return failed;
}

cn_status cn__legacy_read(cn__fitting *f, cn_model *m)
{
    reading   r = { .f = f, .m = m };
    cn_status failed = list_groups(&r);
    if (!failed) failed = pass(&r, false);
    if (!failed) failed = pass(&r, true);
    drop_groups(&r);
    return failed;
}

cn_status cn__legacy_learning(cn__fitting *f, cn_model *m, cn__names *out)
{
    reading   r = { .f = f, .m = m };
    helds     all = { 0 }, learning = { 0 };
    size_t    k = 0;
    cn_status failed = list_groups(&r);
    for (size_t i = 0; !failed && i < m->layers.n; i++) {
        learning.n = 0;
        if (!weights_of(f->mem, m->layers.at[i], &all) || !gather(f->mem, m->layers.at[i], "", true, &learning))
            failed = (cn_error)(f->ctx);
        if (failed || !all.n) continue;
        const group *g = k < r.groups.n ? &r.groups.at[k++] : NULL;
        for (size_t n = 0; !failed && g && n < learning.n && n < g->weights.n; n++)
            if (!cn__push(f->ctx, out, g->weights.at[n])) failed = cn__nomem(f->ctx);
    }
    cn__vec_free(f->ctx, &all);
    cn__vec_free(f->ctx, &learning);
    drop_groups(&r);
    return failed;
}

/* ---- Writing: as Keras 3 writes .h5 ------------------------------------------------------------------------------ */
static void write_variable(cn__h5_out *out, cn__h5_node *at, const char *path, cn__var *v)
{
    const char *slash = strrchr(path, '/');
    char folder[1024] = "";
    if (slash) snprintf(folder, sizeof folder, "%.*s", (int)CN__MIN(slash - path, (ptrdiff_t)sizeof folder - 1), path);
    if (slash) at = cn__h5_group(out, at, folder), path = slash + 1;
    cn__h5_dataset(out, at, path, (cn_dtype)v->type.dtype, v->type.rank, v->type.dim, cn__var_master(v));
}

static bool write_layer(cn__h5_out *out, cn__h5_node *at, cn__arena *mem, const cn_layer *l)
{
    helds        list = { 0 };
    const char **word = NULL;
    cn_ctx      *ctx = mem->ctx;
    cn__h5_node *own = cn__h5_group(out, at, l->name);
    bool         ok = weights_of(mem, l, &list) &&
              ((word = cn__arena_alloc(mem, (list.n + 1) * sizeof *word)) || (cn__nomem(ctx), false));
    for (size_t i = 0; ok && i < list.n; i++) {
        word[i] = list.at[i].path;
        write_variable(out, own, word[i], list.at[i].weight->var);
    }
    if (ok) cn__h5_set_names(out, own, "weight_names", word, list.n);
    cn__vec_free(ctx, &list);
    return ok;
}

static bool write_optimizer(cn__h5_out *out, cn__h5_node *root, cn__arena *mem, cn_model *m)
{
    if (cn__training_optimizer(m)) return false;
    const cn__optimizer *o = &m->training->optimizer;
    const char **word = cn__arena_alloc(mem, (o->vars.n + 1) * sizeof *word);
    cn__h5_node *at = cn__h5_group(out, root, "optimizer_weights");
    if (!word) return cn__nomem(mem->ctx), false;
    for (size_t i = 0; i < o->vars.n; i++) {
        word[i] = o->vars.at[i]->path;
        write_variable(out, at, word[i], o->vars.at[i]);
    }
    cn__h5_set_names(out, at, "weight_names", word, o->vars.n);
    return true;
}

static bool set_json(cn__h5_out *out, cn__h5_node *root, const char *name, const cn__json *json)
{
    cn_ctx  *ctx = cn__h5_ctx(out);
    cn__text text = { .ctx = ctx };
    if (json) cn__json_print(&text, json, 0);
    bool ok = json && !text.nomem;
    if (ok) cn__h5_set_text(out, root, name, cn__text_get(&text));
    else if (!(cn_error)(ctx)) cn__nomem(ctx);
    cn__text_free(&text);
    return ok;
}

/* Short names of losses in full: in these files Keras 3 takes "mse" for the metric and refuses it. */
static void write_out(cn_ctx *ctx, cn__json *loss)
{
    const cn__class *known = loss->type == CN__JSON_STRING ? cn__class_find(ctx, CN__FAM_LOSS, loss->text) : NULL;
    if (known && known->module) loss->text = known->snake, loss->n = strlen(known->snake);
    bool several = loss->type == CN__JSON_OBJECT || loss->type == CN__JSON_ARRAY;
    for (cn__json *j = several ? loss->first : NULL; j; j = j->next)
        if (j->type != CN__JSON_OBJECT) write_out(ctx, j);
}

/* Keras 3 calls the optimizer by another key in these files. */
static cn__json *training_config(cn__arena *mem, cn_model *m)
{
    cn__json *config = cn__config_compile(mem, m);
    for (cn__json *j = config ? config->first : NULL; j; j = j->next)
        if (!strcmp(j->key, "optimizer")) j->key = "optimizer_config";
        else if (!strcmp(j->key, "loss")) write_out(mem->ctx, j);
    return config;
}

/* Vocabularies that were learnt have no place in these files: Keras drops them in silence, here nothing is lost. */
static bool no_assets(cn__arena *mem, cn_model *m)
{
    cn__assets assets = { 0 };
    bool       ok = cn__assets_of(mem, m, &assets);
    if (ok && assets.n)
        cn__fail(mem->ctx, NULL, CN_E_UNSUPPORTED,
                 "model \"%s\" has learnt a vocabulary (%s), for which a .h5 file has no place. Save it as .keras.",
                 m->layer->name, assets.at[0].path);
    ok = ok && !assets.n;
    cn__vec_free(mem->ctx, &assets);
    return ok;
}

static bool write_structure(cn__h5_out *out, cn__h5_node *root, cn__arena *mem, cn_model *m)
{
    return no_assets(mem, m) && set_json(out, root, "model_config", cn__config_model(mem, m)) &&
           (!m->training || (set_json(out, root, "training_config", training_config(mem, m)) &&
                             write_optimizer(out, root, mem, m)));
}

bool cn__legacy_write(cn__h5_out *out, cn__h5_node *root, cn_model *m, bool whole)
{
    cn__arena    mem = { .ctx = m->obj.ctx };
    cn__h5_node *at = whole ? cn__h5_group(out, root, "model_weights") : root;
    const char **layer = cn__arena_alloc(&mem, (m->layers.n + 1) * sizeof *layer);
    bool         ok = layer || (cn__nomem(mem.ctx), false);
    for (size_t i = 0; ok && i < m->layers.n; i++) {
        layer[i] = m->layers.at[i]->name;
        ok = write_layer(out, at, &mem, m->layers.at[i]);
    }
    if (ok) {
        cn__h5_set_names(out, at, "layer_names", layer, m->layers.n);
        cn__h5_set_text(out, at, "backend", "tensorflow");
        cn__h5_set_text(out, at, "keras_version", CN__KERAS_VERSION);
        cn__h5_set_names(out, cn__h5_group(out, at, "top_level_model_weights"), "weight_names", NULL, 0);
    }
    if (ok && whole) {
        cn__h5_set_text(out, root, "backend", "tensorflow");
        cn__h5_set_text(out, root, "keras_version", CN__KERAS_VERSION);
        ok = write_structure(out, root, &mem, m);
    }
    cn__arena_free(&mem);
    return ok;
}
