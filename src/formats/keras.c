/* keras.c: Keras 3's .keras: a zip, its members stored, of metadata.json (who wrote it), config.json (structure and
   compilation), model.weights.h5 (all numbers) and assets/ (what some layers keep in files). */
#include "formats/formats.h"
#include "base/deflate.h"
#include "base/file.h"
#include "base/zip.h"
#include "base/zip_write.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RNG_PATH "seed_generator/vars"                   /* ours: seed and step of the model's random numbers */

/* ---- Reading ----------------------------------------------------------------------------------------------------- */
typedef struct archive { cn__loading *l; cn__zip zip; } archive;
typedef struct member { const unsigned char *at; size_t n; unsigned char *own; } member;

/* A member's bytes, checked: where they lie, or unpacked. */
static bool open_member(archive *a, const char *name, member *out)
{
    cn__loading *l = a->l;
    const cn__zip_member *m = cn__zip_find(&a->zip, name);
    *out = (member){ NULL, 0, NULL };
    if (!m) {
        cn__fail(l->ctx, l->site, CN_E_FORMAT, "%s: this zip has no member \"%s\": it is no Keras model.", l->path,
                 name);
        return false;
    }
    out->n = (size_t)m->size;
    if (m->deflated) return (out->at = out->own = cn__zip_read(&a->zip, m, 0)) != NULL;
    out->at = l->at + m->offset;
    if (cn__crc32(0, out->at, out->n) == m->crc) return true;
    cn__fail(l->ctx, l->site, CN_E_FORMAT, "%s: member \"%s\" at offset %llu is damaged: its CRC-32 is not %08x.",
             l->path, name, (unsigned long long)m->offset, m->crc);
    return false;
}

static void close_member(archive *a, member *m)
{
    if (m->own) cn__free(a->l->ctx, m->own, m->n + 1);
}

static cn__json *parse_member(archive *a, const char *name)
{
    cn__loading *l = a->l;
    member       m;
    const char  *what = cn__arena_printf(&l->mem, "%s: %s", l->path, name);
    cn__json    *json = what && open_member(a, name, &m)
                            ? cn__json_parse(&l->mem, l->site, what, (const char *)m.at, m.n) : NULL;
    if (!what) cn__nomem(l->ctx);
    else close_member(a, &m);
    return json;
}

/* The group of a layer's object within a model's: cn__layers_walk's of the model that is yet to be made. */
static bool find_group(const cn__json *model, const cn__json *wanted, const char *prefix, char *out, size_t size)
{
    const cn__json *layers = cn__json_get(cn__json_get(model, "config"), "layers");
    for (const cn__json *l = layers ? layers->first : NULL; l; l = l->next) {
        const char *name = cn__json_text(cn__json_get(l, "class_name"));
        const cn__class *class = name ? cn__class_find(NULL, CN__FAM_LAYER, name) : NULL;
        char path[512];
        int  before = 0;
        if (!name || (l != wanted && !cn__json_get(cn__json_get(l, "config"), "layers"))) continue;
        for (const cn__json *k = layers->first; k != l; k = k->next) {
            const char *other = cn__json_text(cn__json_get(k, "class_name"));
            before += other && !strcmp(other, name);
        }
        const char *word = class ? class->snake : !strcmp(name, "Sequential") ? "sequential" : "functional";
        int n = before ? snprintf(path, sizeof path, "%slayers/%s_%d", prefix, word, before)
                       : snprintf(path, sizeof path, "%slayers/%s", prefix, word);
        if (n + 1 >= (int)sizeof path) return false;
        if (l == wanted) return snprintf(out, size, "%s", path) < (int)size;
        path[n] = '/', path[n + 1] = 0;
        if (find_group(l, wanted, path, out, size)) return true;
    }
    return false;
}

/* What a layer keeps in assets/GROUP/: before it is called, for the width of its output may hang on it. */
typedef struct dressing { archive *a; const cn__json *config; } dressing;

static cn_status read_assets(void *user, const cn__json *object, cn_layer *l)
{
    dressing    *d = user;
    cn__loading *of = d->a->l;
    cn__fitting  f = { .ctx = of->ctx, .mem = &of->mem, .site = of->site, .what = of->path };
    char         group[600], folder[640];
    cn_status    failed = CN_OK;
    if (!l->ops || !l->ops->set_state || !find_group(d->config, object, "", group, sizeof group)) return CN_OK;
    int n = snprintf(folder, sizeof folder, "assets/%s/", group);
    for (size_t i = 0; i < d->a->zip.count && !failed; i++) {
        const char *name = d->a->zip.members[i].name;
        member      text;
        if (strncmp(name, folder, (size_t)n) || strchr(name + n, '/')) continue;
        if (!l->state && l->ops->build && (failed = l->ops->build(l, of->site))) break;
        if (!open_member(d->a, name, &text)) return (cn_error)(of->ctx);
        failed = cn__asset_read(&f, l, name + n, (const char *)text.at, text.n);
        close_member(d->a, &text);
    }
    return failed;
}

static cn_status read_rng(cn__fitting *f, cn_model *m)
{
    const cn__h5_object *o = cn__h5_find(f->file, NULL, RNG_PATH "/0");
    cn__h5_data d;
    if (!o) return cn__h5_failed(f->file) ? (cn_error)(f->ctx) : CN_OK;
    if (!cn__h5_data_of(f->file, o, &d) || !cn__model_rng(m)) return (cn_error)(f->ctx);
    f->commit = true;
    return cn__variable_read(f, "the random state", RNG_PATH "/0", m->rng);
}

static cn_status read_numbers(archive *a, cn_model *m, const cn__json *config, int keras)
{
    cn__loading *l = a->l;
    member       bytes;
    if (!open_member(a, "model.weights.h5", &bytes)) return (cn_error)(l->ctx);
    const char  *what = cn__arena_printf(&l->mem, "%s: model.weights.h5", l->path);
    cn__fitting  f = { .ctx = l->ctx, .mem = &l->mem, .site = l->site, .what = what, .keras = keras };
    cn_status    failed = what ? CN_OK : cn__nomem(l->ctx);
    f.file = what ? cn__h5_open(l->ctx, l->site, what, bytes.at, bytes.n) : NULL;
    if (!f.file) failed = (cn_error)(l->ctx);
    if (!failed && m->built) failed = cn__weights_read(&f, m);           /* else its input's shape is not known yet */
    if (!failed) failed = read_rng(&f, m);
    const cn__json *compiled = cn__json_get(config, "compile_config");
    if (!failed && l->compile && cn__json_some(compiled)) {
        const char *where = cn__arena_printf(&l->mem, "%s: config.json", l->path);
        cn__reading r = { .ctx = l->ctx, .mem = &l->mem, .site = l->site, .what = where, .keras = keras };
        failed = where ? cn__config_read_compile(&r, m, compiled) : cn__nomem(l->ctx);
        if (!failed) failed = cn__optimizer_read(&f, m);
    }
    if (!failed && f.not_finite)
        cn__log(l->ctx, CN_LOG_WARNING, "%s: %lld of its numbers are infinite or not numbers.", what,
                (long long)f.not_finite);
    cn__h5_close(f.file);
    close_member(a, &bytes);
    return failed;
}

static int major_version(const cn__json *metadata)
{
    const char *version = cn__json_text(cn__json_get(metadata, "keras_version"));
    return version && *version >= '0' && *version <= '9' ? atoi(version) : 3;
}

static cn_model *read_archive(archive *a)
{
    cn__loading    *l = a->l;
    const cn__json *metadata = parse_member(a, "metadata.json");
    const cn__json *config = metadata ? parse_member(a, "config.json") : NULL;
    const char     *what = cn__arena_printf(&l->mem, "%s: config.json", l->path);
    if (!config || !what) return what ? NULL : (cn__nomem(l->ctx), NULL);
    dressing    d = { a, config };
    cn__reading r = { .ctx = l->ctx, .mem = &l->mem, .site = l->site, .what = what, .keras = major_version(metadata),
                      .made = read_assets, .user = &d };
    cn_model   *m = cn__config_read_model(&r, config);
    cn_status   failed = cn__bad(m) ? cn__fail_with(m) : CN_OK;
    if (!failed) failed = read_numbers(a, m, config, r.keras);
    if (!failed) return m;
    cn_free(m);
    return NULL;
}

cn_model *cn__keras_load(cn__loading *l)
{
    archive a = { .l = l };
    if (cn__zip_open(&a.zip, l->ctx, l->path, l->at, l->n)) return NULL;
    bool      npz = !cn__zip_find(&a.zip, "metadata.json") && cn__zip_find(&a.zip, "w000.npy");
    cn_model *m = npz ? cn__weights_alone(l) : read_archive(&a);
    cn__zip_close(&a.zip);
    return m;
}

/* ---- Weights alone: those of a model's file, or the arrays w000, w001 ... of an .npz ----------------------------- */
static cn_status weights_of_model(cn__fitting *f, cn_model *m, archive *a)
{
    member bytes;
    if (!open_member(a, "model.weights.h5", &bytes)) return (cn_error)(f->ctx);
    f->file = cn__h5_open(f->ctx, f->site, f->what, bytes.at, bytes.n);
    cn_status failed = f->file ? cn__weights_read(f, m) : (cn_error)(f->ctx);
    cn__h5_close(f->file);
    close_member(a, &bytes);
    return failed;
}

/* The i-th weight's array. NULL: recorded. */
static cn_array *npz_weight(archive *a, const cn_model *m, size_t i)
{
    cn__loading *l = a->l;
    char         name[32], here[CN__SHAPE_TEXT], there[CN__SHAPE_TEXT];
    const cn__var *v = m->table.at[i].weight->var;
    snprintf(name, sizeof name, "w%03zu.npy", i);
    const cn__zip_member *found = cn__zip_find(&a->zip, name);
    if (!found) {
        cn__fail(l->ctx, l->site, CN_E_FORMAT, "%s: there is no array w%03zu, for %s. It holds %zu, the model has %zu.",
                 l->path, i, m->table.at[i].path, a->zip.count, m->table.n);
        return NULL;
    }
    unsigned char *bytes = cn__zip_read(&a->zip, found, 0);
    cn_array      *w = bytes ? cn__npy_array(cn__array_blank(l->ctx), l->path, bytes, (size_t)found->size) : NULL;
    if (!w || cn__bad(w)) return cn_free(w), NULL;
    bool alike = w->head.rank == v->type.rank;
    for (int k = 0; alike && k < v->type.rank; k++) alike = w->head.dim[k] == v->type.dim[k];
    if (alike) return w;
    cn__fail(l->ctx, l->site, CN_E_SHAPE, "%s: %s has the shape %s in the model, %s in the file (w%03zu).", l->path,
             m->table.at[i].path, cn__shape_text(v->type.rank, v->type.dim, here),
             cn__shape_text(w->head.rank, w->head.dim, there), i);
    return cn_free(w), NULL;
}

static cn_status weights_of_npz(archive *a, cn_model *m)
{
    cn_ctx *ctx = a->l->ctx;
    if (!cn__model_table(m)) return (cn_error)(ctx);
    if (a->zip.count > m->table.n)
        return cn__fail(ctx, a->l->site, CN_E_SHAPE, "%s: %zu arrays, the model has %zu weights.", a->l->path,
                        a->zip.count, m->table.n);
    for (int commit = 0; commit < 2; commit++)
        for (size_t i = 0; i < m->table.n; i++) {
            cn__var  *v = m->table.at[i].weight->var;
            cn_array *w = npz_weight(a, m, i);
            if (!w) return (cn_error)(ctx);
            if (commit) {
                cn__convert((cn_dtype)v->type.dtype, cn__var_master(v), w->head.dtype, w->data,
                            (size_t)cn__array_count(w));
                cn__var_touch(v);
            }
            cn_free(w);
        }
    return CN_OK;
}

cn_status cn__archive_weights(cn__fitting *f, cn_model *m, const void *at, size_t n)
{
    cn__loading l = { .ctx = f->ctx, .mem.ctx = f->ctx, .site = f->site, .path = f->what, .at = at, .n = n };
    archive     a = { .l = &l };
    if (cn__zip_open(&a.zip, l.ctx, l.path, l.at, l.n)) return (cn_error)(l.ctx);
    bool      npz = a.zip.count && !cn__zip_find(&a.zip, "model.weights.h5") && cn__zip_find(&a.zip, "w000.npy");
    cn_status failed = npz ? weights_of_npz(&a, m) : weights_of_model(f, m, &a);
    cn__zip_close(&a.zip);
    return failed;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */
static bool emit_tree(void *tree, cn__sink *sink, uint64_t *size) { return cn__h5_emit(tree, sink, size); }

static bool emit_text(void *text, cn__sink *sink, uint64_t *size)
{
    const cn__text *t = text;
    *size = t->n;
    return !sink || sink->put(sink->user, t->at, t->n);
}

static bool emit_asset(void *asset, cn__sink *sink, uint64_t *size)
{
    const cn__asset *s = asset;
    *size = s->n;
    return !sink || sink->put(sink->user, s->text, s->n);
}

static bool print_metadata(cn__text *t)
{
    char      date[40];
    time_t    now = time(NULL);
    struct tm tm;
    if (!gmtime_r(&now, &tm) || !strftime(date, sizeof date, "%Y-%m-%d@%H:%M:%S", &tm)) *date = 0;
    cn__text_add(t, "{\"keras_version\": \"" CN__KERAS_VERSION "\", \"date_saved\": \"%s\"}", date);
    return !t->nomem || (cn__nomem(t->ctx), false);
}

static bool print_config(cn__text *t, cn_model *m)
{
    cn__arena mem = { .ctx = m->obj.ctx };
    cn__json *config = cn__config_model(&mem, m);
    if (config && m->training) config = cn__json_set(&mem, config, "compile_config", cn__config_compile(&mem, m));
    if (config) cn__json_print(t, config, 0);
    cn__arena_free(&mem);
    return config && (!t->nomem || (cn__nomem(t->ctx), false));
}

static bool build_tree(cn__h5_out *tree, cn_model *m)
{
    cn__h5_node *root = cn__h5_new_root(tree);
    if (!cn__weights_write(tree, root, m, true)) return false;
    if (m->rng)
        cn__h5_dataset(tree, cn__h5_group(tree, root, RNG_PATH), "0", CN_INT64, 1, m->rng->type.dim,
                       cn__var_master(m->rng));
    return true;
}

cn_status cn__keras_save(cn_model *m, const char *site, const char *path)
{
    cn_ctx     *ctx = m->obj.ctx;
    cn__text    metadata = { .ctx = ctx }, config = { .ctx = ctx };
    cn__h5_out *tree = cn__h5_new(ctx);
    cn_status   failed = CN_OK;
    if (!tree || !print_metadata(&metadata) || !print_config(&config, m) || !build_tree(tree, m))
        failed = (cn_error)(ctx);
    cn__arena      mem = { .ctx = ctx };
    cn__assets     assets = { 0 };
    cn__zip_entry *entry = NULL;
    if (!failed && !cn__assets_of(&mem, m, &assets)) failed = (cn_error)(ctx);
    if (!failed && !(entry = cn__arena_alloc(&mem, (3 + assets.n) * sizeof *entry))) failed = cn__nomem(ctx);
    if (!failed) {
        entry[0] = (cn__zip_entry){ "metadata.json", emit_text, &metadata };
        entry[1] = (cn__zip_entry){ "config.json", emit_text, &config };
        entry[2] = (cn__zip_entry){ "model.weights.h5", emit_tree, tree };
        for (size_t i = 0; i < assets.n; i++)
            entry[3 + i] = (cn__zip_entry){ assets.at[i].path, emit_asset, &assets.at[i] };
        failed = cn__zip_save(ctx, site, path, entry, 3 + assets.n);
    }
    cn__vec_free(ctx, &assets);
    cn__arena_free(&mem);
    cn__h5_drop(tree);
    cn__text_free(&metadata), cn__text_free(&config);
    return failed;
}
