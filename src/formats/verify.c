/* verify.c: reads all of a model's file and says what is in it, and what would not load and why. It goes on after the
   first thing that does not fit: whoever has a file of classes that are not there yet wants to know all of them. */
#include "formats/forms.h"
#include "formats/formats.h"
#include "base/file.h"
#include "base/zip.h"
#include <math.h>

enum { DEEPEST = 64 };

typedef struct checking {
    cn_ctx   *ctx;
    cn__arena mem;
    const char *path;
    const unsigned char *at; size_t n;
    cn__text  report;
    cn__h5   *weights;
    int       unknown, code;                             /* layers of classes that are not there; that carry code */
    int64_t   sets, numbers, odd;                        /* of all data sets */
} checking;

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */
typedef bool data_visit(checking *, const cn__h5_object *);

/* Calls f with each data set below the group. false: damaged, or f said so; recorded. */
static bool walk(checking *c, const cn__h5_object *group, int depth, data_visit *f)
{
    size_t n = 0;
    const cn__h5_link *link = cn__h5_links(c->weights, group, &n);
    if (cn__h5_failed(c->weights)) return false;
    if (depth > DEEPEST) return cn__fail(c->ctx, NULL, CN_E_LIMIT, "%s: groups in groups, more than %d deep.", c->path,
                                         DEEPEST), false;
    for (size_t i = 0; i < n; i++) {
        if (link[i].soft) continue;                      /* where it leads is met on its own way, or it leads upwards */
        const cn__h5_object *o = cn__h5_find(c->weights, group, link[i].name);
        if (!o) return !cn__h5_failed(c->weights);
        if (cn__h5_is_group(o) ? !walk(c, o, depth + 1, f) : !f(c, o)) return false;
    }
    return true;
}

static bool read_set(checking *c, const cn__h5_object *o)
{
    cn__h5_data d;
    size_t      bytes;
    if (!cn__h5_data_of(c->weights, o, &d)) return false;
    c->sets++, c->numbers += d.n;
    if (d.dtype == CN_STRING) return cn__h5_read_strings(c->weights, o, &c->mem) != NULL;
    if (!cn__mul_size((size_t)d.n, cn__dtype_size(d.dtype), &bytes)) return cn__nomem(c->ctx), false;
    void *at = cn__alloc(c->ctx, bytes);
    bool  ok = at ? cn__h5_read(c->weights, o, at, bytes) : (cn__nomem(c->ctx), false);
    for (int64_t i = 0; ok && i < d.n && cn__dtype_class_of(d.dtype); i++)
        c->odd += !isfinite(cn__load(d.dtype, at, (size_t)i));
    cn__free(c->ctx, at, bytes);
    return ok;
}

static bool tell_shape(checking *c, const cn__h5_object *o)
{
    cn__h5_data d;
    char        text[CN__SHAPE_TEXT];
    if (!cn__h5_data_of(c->weights, o, &d)) return false;
    cn__text_add(&c->report, " %s", cn__shape_text(d.rank, d.dim, text));
    return true;
}

/* The group that holds a layer's numbers: Keras 3 writes the layer's name beside them, before it was the group's. */
static const cn__h5_object *group_of(checking *c, const cn__h5_object *in, const char *layer, int depth)
{
    size_t n = 0;
    const cn__h5_link *link = cn__h5_links(c->weights, in, &n);
    for (size_t i = 0; i < n && depth < DEEPEST; i++) {
        const cn__h5_object *o = link[i].soft ? NULL : cn__h5_find(c->weights, in, link[i].name), *found = NULL;
        cn__h5_data d;
        if (!o || !cn__h5_is_group(o)) continue;
        if (cn__h5_attr(c->weights, o, "name", &d) && d.dtype == CN_STRING && d.n == 1) {
            const char **name = cn__h5_attr_strings(c->weights, o, "name", &c->mem);
            if (name && !strcmp(*name, layer)) return in;
        } else if (!strcmp(link[i].name, layer) && cn__h5_attr(c->weights, o, "weight_names", &d)) return o;
        if ((found = group_of(c, o, layer, depth + 1))) return found;
    }
    return NULL;
}

static void tell_weights(checking *c, const char *layer)
{
    const cn__h5_object *o = c->weights ? group_of(c, cn__h5_root(c->weights), layer, 0) : NULL;
    size_t before = c->report.n, words;
    if (!o) return;
    cn__text_add(&c->report, "; its weights:");
    words = c->report.n;
    if (!walk(c, o, 0, tell_shape)) cn_clear_error(c->ctx);
    if (c->report.n == words) c->report.n = before;      /* it has none */
}

static void tell_unknown(void *user, const char *layer, const char *class)
{
    checking   *c = user;
    const char *code = cn__code_class(class);
    cn__text_add(&c->report, "  layer \"%s\": ", layer);
    if (code) c->code++, cn__text_add(&c->report, "%s, and code is never loaded from a file", code);
    else c->unknown++, cn__text_add(&c->report, "the class %s is not there", class), tell_weights(c, layer);
    cn__text_add(&c->report, "\n");
}

static bool check_numbers(checking *c)
{
    if (!c->weights || !walk(c, cn__h5_root(c->weights), 0, read_set)) return false;
    cn__text_add(&c->report, "weights: %lld data sets, %lld numbers", (long long)c->sets, (long long)c->numbers);
    if (c->odd) cn__text_add(&c->report, ", %lld of them infinite or not numbers", (long long)c->odd);
    cn__text_add(&c->report, "\n");
    return true;
}

/* ---- Structure --------------------------------------------------------------------------------------------------- */
static bool check_structure(checking *c, const char *what, const cn__json *config)
{
    cn__reading r = { .ctx = c->ctx, .mem = &c->mem, .what = what, .keras = 3, .quiet = true };
    const char *class = cn__json_text(cn__json_get(config, "class_name"));
    cn__text_add(&c->report, "structure: %s\n", class ? class : "no class_name");
    return cn__config_unknown(&r, config, tell_unknown, c);
}

static const cn__json *attribute(checking *c, const char *name)
{
    cn__h5_data  d;
    const char **text = cn__h5_attr(c->weights, cn__h5_root(c->weights), name, &d)
                            ? cn__h5_attr_strings(c->weights, cn__h5_root(c->weights), name, &c->mem) : NULL;
    return text ? cn__json_parse(&c->mem, NULL, c->path, text[0], strlen(text[0])) : NULL;
}

static bool check_h5(checking *c, const void *at, size_t n)
{
    if (!(c->weights = cn__h5_open(c->ctx, NULL, c->path, at, n))) return false;
    const cn__json *config = attribute(c, "model_config");
    bool ok = !cn__h5_failed(c->weights) && (!config || check_structure(c, c->path, config)) && check_numbers(c);
    if (ok && !config) cn__text_add(&c->report, "weights alone, no structure\n");
    cn__h5_close(c->weights);
    return ok;
}

static bool check_zip(checking *c)
{
    cn__zip zip;
    bool    ok = !cn__zip_open(&zip, c->ctx, c->path, c->at, c->n);
    const cn__json *config = NULL;
    unsigned char  *weights = NULL;
    size_t          n = 0;
    if (!ok) return false;
    cn__text_add(&c->report, "zip: %zu members\n", zip.count);
    for (size_t i = 0; ok && i < zip.count; i++) {       /* each is unpacked: its checksum is part of the answer */
        const cn__zip_member *m = &zip.members[i];
        unsigned char *bytes = cn__zip_read(&zip, m, 0);
        if (!(ok = bytes != NULL)) break;
        if (!strcmp(m->name, "config.json"))
            ok = (config = cn__json_parse(&c->mem, NULL, m->name, (const char *)bytes, (size_t)m->size)) != NULL;
        if (!strcmp(m->name, "model.weights.h5")) weights = bytes, n = (size_t)m->size;
        else cn__free(c->ctx, bytes, (size_t)m->size + 1);
    }
    if (ok && weights) ok = (c->weights = cn__h5_open(c->ctx, NULL, "model.weights.h5", weights, n)) != NULL;
    if (ok && config) ok = check_structure(c, "config.json", config);
    if (ok && c->weights) ok = check_numbers(c);
    cn__h5_close(c->weights);
    if (weights) cn__free(c->ctx, weights, n + 1);
    cn__zip_close(&zip);
    return ok;
}

static bool check(checking *c)
{
    if (cn__h5_is(c->at, c->n)) return check_h5(c, c->at, c->n);
    if (c->n > 1 && !memcmp(c->at, "PK", 2)) return check_zip(c);
    const cn__json *config = cn__json_parse(&c->mem, NULL, c->path, (const char *)c->at, c->n);
    return config && check_structure(c, c->path, config);
}

/* ---- The verdict ------------------------------------------------------------------------------------------------- */
static bool loads(checking *c, cn_flag compile)
{
    CN_ARGS(cn_load, load);
    load.on = c->ctx, load.path = c->path, load.compile = compile;
    load.head.site = NULL;                               /* the message is of the file, not of a line here */
    cn_model *m = (cn_load)(&load);
    bool      ok = m && !cn_error(m);
    cn_free(m);
    return ok;
}

static void tell_layers(cn__text *t, int n, const char *what)
{
    if (n) cn__text_add(t, " %d layer%s%s.", n, n > 1 ? "s are" : " is", what);
}

static void judge(checking *c, bool whole)
{
    cn__text *t = &c->report;
    if (whole && !c->unknown && !c->code && loads(c, CN_YES)) {
        cn__text_add(t, "loads");
        return;
    }
    cn__text_add(t, "does not load:");
    if (!whole || (!c->unknown && !c->code)) cn__text_add(t, " %s", cn_error_message(c->ctx));
    cn_clear_error(c->ctx);
    tell_layers(t, c->unknown, " of a class that is not there; register those that are yours (cn_register_layer)");
    tell_layers(t, c->code, " code");
    if (whole && !c->unknown && !c->code && loads(c, CN_NO))
        cn__text_add(t, " Without its compilation it loads: cn_load(c, \"%s\", .compile = CN_NO).", c->path);
}

cn_array *cn_verify(cn_ctx *ctx, const char *path)
{
    cn_array *a = cn__array_blank(ctx);
    checking  c = { .ctx = ctx, .mem.ctx = ctx, .path = path, .report.ctx = ctx };
    unsigned char *own = NULL;
    if (cn__bad(a)) return a;
    if (!path) return cn__poison(a, NULL, CN_E_VALUE, "cn_verify: there is no path.");
    if (!(c.at = own = cn__read_file(ctx, NULL, path, false, 0, &c.n))) return cn__poison_recorded(a);
    cn__text_add(&c.report, "%s: %zu bytes\n", path, c.n);
    cn_clear_error(ctx);
    judge(&c, check(&c));
    cn_clear_error(ctx);
    const char *text = c.report.nomem ? NULL : cn__text_get(&c.report);
    if (text) cn__array_strings(a, NULL, 0, NULL, &text);
    else cn__poison(a, NULL, CN_E_NOMEM, "out of memory for the report on %s", path);
    cn__text_free(&c.report);
    cn__arena_free(&c.mem);
    cn__free(ctx, own, c.n + 1);
    return a;
}
