/* files.c: which file it is. What is read tells itself by its first bytes, whatever its name; what is written goes by
   the ending of its name. */
#include "formats/formats.h"
#include "base/file.h"
#include <stdio.h>

/* ---- The formats: by ending, with what they hold ----------------------------------------------------------------- */
typedef cn_status save_fn(cn_model *, const char *site, const char *path);
static save_fn save_weights_h5, save_h5, save_json, save_npz;
static const struct { const char *ending; save_fn *save; } writers[] = {
    { ".keras", cn__keras_save }, { ".weights.h5", save_weights_h5 }, { ".h5", save_h5 },
    { ".hdf5", save_h5 },         { ".json", save_json },             { ".npz", save_npz },
};

static bool ends(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n > k && !strcmp(text + n - k, end);
}

/* ---- Saving ------------------------------------------------------------------------------------------------------ */
typedef bool tree_fn(cn__h5_out *, cn__h5_node *root, cn_model *);

static cn_status save_tree(cn_model *m, const char *site, const char *path, tree_fn *build)
{
    cn_ctx     *ctx = m->obj.ctx;
    cn__h5_out *tree = cn__h5_new(ctx);
    cn__save   *file = tree && build(tree, cn__h5_new_root(tree), m) ? cn__save_begin(ctx, site, path) : NULL;
    cn__sink    sink = { cn__save_put, file };
    cn_status   failed = file ? CN_OK : (cn_error)(ctx);
    if (file && cn__h5_emit(tree, &sink, NULL)) failed = cn__save_end(file);
    else if (file) failed = (cn_error)(ctx), cn__save_abandon(file);
    cn__h5_drop(tree);
    return failed;
}

static bool weights_tree(cn__h5_out *out, cn__h5_node *root, cn_model *m)
{
    return cn__weights_write(out, root, m, true);
}

static bool whole_tree(cn__h5_out *out, cn__h5_node *root, cn_model *m) { return cn__legacy_write(out, root, m, true); }

static cn_status save_weights_h5(cn_model *m, const char *site, const char *path)
{
    return save_tree(m, site, path, weights_tree);
}

static cn_status save_h5(cn_model *m, const char *site, const char *path)
{
    return save_tree(m, site, path, whole_tree);
}

static cn_status save_json(cn_model *m, const char *site, const char *path)
{
    const char *text = cn_to_json(m);
    return text ? cn__write_file(m->obj.ctx, site, path, text, strlen(text)) : (cn_error)(m->obj.ctx);
}

/* All weights in the order of Keras's model.weights, as w000, w001 ... */
static cn_status save_npz(cn_model *m, const char *site, const char *path)
{
    cn_ctx    *ctx = m->obj.ctx;
    cn__arena  mem = { .ctx = ctx };
    size_t     n = m->table.n;
    cn__npz_item *item = cn__arena_alloc(&mem, (n + 1) * sizeof *item);
    cn_status  failed = item ? CN_OK : cn__nomem(ctx);
    for (size_t i = 0; item && i < n; i++) {
        cn__var *v = m->table.at[i].weight->var;
        item[i] = (cn__npz_item){ cn__arena_printf(&mem, "w%03zu", i), (cn_dtype)v->type.dtype, v->type.rank,
                                  v->type.dim, cn__var_master(v) };
        if (!item[i].name) failed = cn__nomem(ctx);
    }
    if (!failed) failed = cn__npz_save(ctx, site, path, item, n);
    cn__arena_free(&mem);
    return failed;
}

cn_status cn_save(cn_model *m, const char *path)
{
    if (cn__bad(m)) return m ? cn__fail_with(m) : CN_E_NOMEM;
    cn_ctx   *ctx = m->obj.ctx;
    cn_status failed = cn__model_check(m, NULL);
    if (failed) return failed;
    if (!path || !*path) return cn__fail(ctx, NULL, CN_E_VALUE, "cn_save: there is no path.");
    if (!m->built)
        return cn__fail(ctx, NULL, CN_E_STATE,
                        "cn_save: model \"%s\" has no weights yet, its input's shape is not known. Use "
                        "cn_sequential(c, {28, 28}), or train it first.", m->layer->name);
    if (!cn__model_table(m)) return (cn_error)(ctx);
    for (size_t i = 0; i < CN__COUNT(writers); i++)
        if (ends(path, writers[i].ending)) return writers[i].save(m, NULL, path);
    return cn__fail(ctx, NULL, CN_E_VALUE,
                    "cn_save: the ending of \"%s\" names no format. Use .keras for the whole model; .weights.h5 or "
                    ".npz for its weights; .h5 as Keras 2 had it; .json for its structure.", path);
}

/* ---- Loading ----------------------------------------------------------------------------------------------------- */
cn_model *cn__json_load(cn__loading *l)
{
    cn__json   *json = cn__json_parse(&l->mem, l->site, l->path, (const char *)l->at, l->n);
    cn__reading r = { .ctx = l->ctx, .mem = &l->mem, .site = l->site, .what = l->path, .keras = 3 };
    cn_model   *m = json ? cn__config_read_model(&r, json) : NULL;
    if (!cn__bad(m)) return m;
    if (m) cn__fail_with(m), cn_free(m);
    return NULL;
}

cn_model *cn__weights_alone(const cn__loading *l)
{
    cn__fail(l->ctx, l->site, CN_E_FORMAT,
             "%s holds weights, no model. Build the model, then cn_load_weights(m, \"%s\").", l->path, l->path);
    return NULL;
}

/* An attribute of the root that holds JSON. false: recorded. *json NULL: it is not there. */
static bool json_attribute(cn__loading *l, cn__h5 *file, const char *name, const cn__json **json)
{
    cn__h5_data d;
    *json = NULL;
    if (!cn__h5_attr(file, cn__h5_root(file), name, &d)) return !cn__h5_failed(file);
    const char **text = cn__h5_attr_strings(file, cn__h5_root(file), name, &l->mem);
    const char  *what = text ? cn__arena_printf(&l->mem, "%s: %s", l->path, name) : NULL;
    if (text && !what) cn__nomem(l->ctx);
    return what && (*json = cn__json_parse(&l->mem, l->site, what, text[0], strlen(text[0])));
}

static int version_of(cn__loading *l, cn__h5 *file)
{
    cn__h5_data d;
    const char **text = cn__h5_attr(file, cn__h5_root(file), "keras_version", &d) && d.dtype == CN_STRING
                            ? cn__h5_attr_strings(file, cn__h5_root(file), "keras_version", &l->mem) : NULL;
    return text && **text >= '1' && **text <= '9' ? **text - '0' : 1;       /* Keras 1.0 did not say it */
}

static cn_model *model_of_h5(cn__loading *l, cn__h5 *file)
{
    const cn__json *config, *training = NULL;
    if (!json_attribute(l, file, "model_config", &config) || !json_attribute(l, file, "training_config", &training))
        return NULL;
    if (!config) return cn__weights_alone(l);
    cn__reading r = { .ctx = l->ctx, .mem = &l->mem, .site = l->site, .what = l->path, .keras = version_of(l, file) };
    cn__fitting f = { .ctx = l->ctx, .mem = &l->mem, .site = l->site, .what = l->path, .file = file, .keras = r.keras };
    cn_model   *m = cn__config_read_model(&r, config);
    cn_status   failed = cn__bad(m) ? cn__fail_with(m) : CN_OK;
    if (!failed && m->built) failed = cn__legacy_read(&f, m);
    if (!failed && l->compile && training) {
        failed = cn__config_read_compile(&r, m, training);
        if (!failed) failed = cn__legacy_optimizer_read(&f, m);
    }
    if (!failed) return m;
    cn_free(m);
    return NULL;
}

cn_model *cn__h5_load(cn__loading *l)
{
    cn__h5   *file = cn__h5_open(l->ctx, l->site, l->path, l->at, l->n);
    cn_model *m = file ? model_of_h5(l, file) : NULL;
    cn__h5_close(file);
    return m;
}

static bool is_zip(const unsigned char *at, size_t n) { return n >= 4 && !memcmp(at, "PK", 2) && at[2] < 9; }

static bool is_json(const unsigned char *at, size_t n)
{
    size_t i = 0;
    while (i < n && (at[i] == ' ' || at[i] == '\n' || at[i] == '\r' || at[i] == '\t')) i++;
    return i < n && (at[i] == '{' || at[i] == '"');
}

static cn_model *load_bytes(cn__loading *l)
{
    if (is_zip(l->at, l->n)) return cn__keras_load(l);
    if (cn__h5_is(l->at, l->n)) return cn__h5_load(l);
    if (is_json(l->at, l->n)) return cn__json_load(l);
    cn__fail(l->ctx, l->site, CN_E_FORMAT,
             "%s: this is no model: %s. A model is a .keras file, HDF5 (.h5) or Keras's JSON.", l->path,
             l->n ? "it begins neither as a zip nor as HDF5 nor as JSON" : "the file is empty");
    return NULL;
}

/* The file's bytes: the caller's, or read. */
typedef struct source { const unsigned char *at; size_t n; unsigned char *own; } source;

static bool open_source(cn_ctx *ctx, const char *site, const char *path, const cn_values *bytes, source *s)
{
    *s = (source){ NULL, 0, NULL };
    if (bytes && (!bytes->data || cn__dtype_size(bytes->dtype) != 1)) {
        cn__fail(ctx, site, CN_E_VALUE, "cn_load: .bytes are the file's bytes: CN_BUFFER(p, n) of uint8_t *p.");
        return false;
    }
    if (bytes) s->at = bytes->data, s->n = bytes->count;
    else if (!path || !*path) cn__fail(ctx, site, CN_E_VALUE, "there is no path.");
    else s->at = s->own = cn__read_file(ctx, site, path, false, 0, &s->n);
    return s->at != NULL;
}

static void close_source(cn_ctx *ctx, source *s)
{
    if (s->own) cn__free(ctx, s->own, s->n + 1);
}

cn_model *(cn_load)(cn_load_args *given)
{
    CN__ARGS(cn_load_args, a, given);
    CN__FILL(cn_load_args, CN_LOAD_FIELDS);
    cn_ctx *ctx = a.on;
    if (!ctx) return NULL;
    if (cn__bad(ctx)) return cn__new(ctx, CN__MODEL, sizeof(cn_model), NULL);
    size_t      before = cn__memory_bound(ctx, a.memory_limit > 0 ? (size_t)a.memory_limit : SIZE_MAX);
    cn__loading l = { .ctx = ctx, .mem.ctx = ctx, .site = a.head.site, .path = a.path ? a.path : "(bytes)",
                      .compile = a.compile != CN_NO };
    source      s;
    cn_model   *m = open_source(ctx, l.site, a.path, a.bytes, &s) ? (l.at = s.at, l.n = s.n, load_bytes(&l)) : NULL;
    close_source(ctx, &s);
    cn__arena_free(&l.mem);
    cn__memory_unbound(ctx, before);
    return m ? m : cn__poison_recorded(cn__new(ctx, CN__MODEL, sizeof *m, NULL));
}

/* ---- Weights alone ----------------------------------------------------------------------------------------------- */
static cn_status weights_of_h5(cn__fitting *f, cn_model *m, const source *s)
{
    f->file = cn__h5_open(f->ctx, f->site, f->what, s->at, s->n);
    cn_status failed = f->file ? CN_OK : (cn_error)(f->ctx);
    if (!failed) failed = cn__legacy_is(f->file) ? cn__legacy_read(f, m) : cn__weights_read(f, m);
    cn__h5_close(f->file);
    return failed;
}

cn_status (cn_load_weights)(cn_load_weights_args *given)
{
    CN__ARGS(cn_load_weights_args, a, given);
    CN__FILL(cn_load_weights_args, CN_LOAD_WEIGHTS_FIELDS);
    cn_model *m = a.on;
    if (cn__bad(m)) return m ? cn__fail_with(m) : CN_E_NOMEM;
    cn_ctx     *ctx = m->obj.ctx;
    cn__arena   mem = { .ctx = ctx };
    cn__fitting f = { .ctx = ctx, .mem = &mem, .site = a.head.site, .what = a.path, .by_name = a.by_name == CN_YES,
                      .skip_mismatch = a.skip_mismatch == CN_YES };
    source      s = { NULL, 0, NULL };
    cn_status   failed = cn__model_check(m, f.site);
    if (!failed && !m->built)
        failed = cn__fail(ctx, f.site, CN_E_STATE,
                          "cn_load_weights: model \"%s\" has no weights yet, its input's shape is not known. Use "
                          "cn_sequential(c, {28, 28}).", m->layer->name);
    if (!failed && !open_source(ctx, f.site, a.path, NULL, &s)) failed = (cn_error)(ctx);
    if (!failed && cn__h5_is(s.at, s.n)) failed = weights_of_h5(&f, m, &s);
    else if (!failed && is_zip(s.at, s.n)) failed = cn__archive_weights(&f, m, s.at, s.n);
    else if (!failed)
        failed = cn__fail(ctx, f.site, CN_E_FORMAT, "%s: these are no weights: neither HDF5 nor a zip.", a.path);
    if (!failed && f.skipped)
        cn__log(ctx, CN_LOG_INFO, "%s: %lld layers loaded, %lld left alone.", a.path,
                (long long)(f.layers - (f.by_name ? 0 : f.skipped)), (long long)f.skipped);
    close_source(ctx, &s);
    cn__arena_free(&mem);
    return failed;
}
