/* state.c: what layers learn from data outside their weights, in Keras 3's files: texts of one value a line under
   assets/ (the vocabulary of StringLookup), data sets with a name of their own beside the numbered ones (idf_weights).
   What stands in the configuration is config.c's. (keras.src.layers.preprocessing.index_lookup: save_assets,
   save_own_variables.) */
#include "formats/formats.h"
#include <stdio.h>

/* ---- Writing ----------------------------------------------------------------------------------------------------- */
typedef struct writing { cn__arena *mem; cn__assets *assets; } writing;

static bool print_value(cn__text *t, const cn_values *v, size_t i)
{
    if (v->dtype != CN_STRING) return cn__text_add(t, "%lld", (long long)((const int64_t *)v->data)[i]), true;
    const char *word = ((const cn_text *)v->data)[i];
    cn__text_bytes(t, word, strlen(word));
    return !strchr(word, '\n');
}

/* Values one a line, the last one without a line's end. */
static bool add_asset(writing *w, const cn_layer *l, const char *group, const cn__layer_state *s)
{
    cn_ctx  *ctx = w->mem->ctx;
    cn__text t = { .ctx = ctx };
    for (size_t i = 0; i < s->values.count; i++) {
        if (i) cn__text_add(&t, "\n");
        if (print_value(&t, &s->values, i)) continue;
        cn__text_free(&t);
        cn__fail(ctx, NULL, CN_E_VALUE,
                 "layer \"%s\": word %zu of its vocabulary holds a line's end: it cannot stand in %s.", l->name, i,
                 s->name);
        return false;
    }
    const char *path = cn__arena_printf(w->mem, "assets/%s/%s", group, s->name);
    char *copy = t.nomem ? NULL : cn__arena_alloc(w->mem, t.n + 1);
    if (copy && t.n) memcpy(copy, t.at, t.n);
    bool ok = path && copy && cn__push(ctx, w->assets, (cn__asset){ path, copy, t.n });
    cn__text_free(&t);
    return ok || (cn__nomem(ctx), false);
}

static bool add_layer(void *user, const char *group, cn_layer *l)
{
    writing        *w = user;
    cn__layer_state s;
    for (int i = 0; l->ops && l->ops->state && l->ops->state(l, i, &s); i++)
        if (s.kind == CN__STATE_ASSET && !add_asset(w, l, group, &s)) return false;
    return true;
}

bool cn__assets_of(cn__arena *mem, cn_model *m, cn__assets *out)
{
    writing w = { mem, out };
    return cn__layers_walk(mem, m, add_layer, &w);
}

void cn__state_write(cn__h5_out *out, cn__h5_node *vars, cn_layer *l)
{
    cn__layer_state s;
    for (int i = 0; l->ops && l->ops->state && l->ops->state(l, i, &s); i++)
        if (s.kind == CN__STATE_WEIGHT)
            cn__h5_dataset(out, vars, s.name, s.values.dtype, 1, (int64_t[]){ (int64_t)s.values.count }, s.values.data);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */
/* The lines as the layer takes them: strings, or numbers. */
static bool parse_lines(cn__fitting *f, const cn_layer *l, const char *name, const char *text, size_t n, cn_values *out)
{
    size_t lines = n > 0;
    for (size_t i = 0; i < n; i++) lines += text[i] == '\n';
    bool     numbers = l->ops->adapt_dtype == CN_INT64;
    int64_t *number = numbers ? cn__arena_alloc(f->mem, (lines + 1) * sizeof *number) : NULL;
    cn_text *word = cn__arena_alloc(f->mem, (lines + 1) * sizeof *word);
    if (!word || (numbers && !number)) return cn__nomem(f->ctx), false;
    size_t at = 0;
    for (size_t i = 0; i < lines; i++) {
        size_t end = at;
        while (end < n && text[end] != '\n') end++;
        size_t length = end - at - (end > at && text[end - 1] == '\r');
        char  *copy = cn__arena_alloc(f->mem, length + 1);
        if (!copy) return cn__nomem(f->ctx), false;
        word[i] = memcpy(copy, text + at, length);
        at = end + 1;
        if (!numbers || cn__parse_int(copy, &number[i])) continue;
        cn__fail(f->ctx, f->site, CN_E_FORMAT,
                 "%s: layer \"%s\": line %zu of %s is \"%.40s\", a whole number was expected.", f->what, l->name, i + 1,
                 name, copy);
        return false;
    }
    *out = (cn_values){ numbers ? CN_INT64 : CN_STRING, lines, numbers ? (const void *)number : (const void *)word };
    return true;
}

cn_status cn__asset_read(cn__fitting *f, cn_layer *l, const char *name, const char *text, size_t n)
{
    cn_values v;
    if (!l->ops->set_state) return CN_OK;
    if (cn__utf8_valid(text, n) != n || memchr(text, 0, n))
        return cn__fail(f->ctx, f->site, CN_E_FORMAT, "%s: layer \"%s\": %s is no UTF-8 text.", f->what, l->name, name);
    return parse_lines(f, l, name, text, n, &v) ? l->ops->set_state(l, f->site, name, &v) : (cn_error)(f->ctx);
}

/* The data sets beside the numbered ones. */
cn_status cn__state_read(cn__fitting *f, const char *vars, cn_layer *l)
{
    const cn__h5_object *group = l->ops && l->ops->set_state ? cn__h5_find(f->file, NULL, vars) : NULL;
    size_t n = 0;
    const cn__h5_link *link = group && cn__h5_is_group(group) ? cn__h5_links(f->file, group, &n) : NULL;
    for (size_t i = 0; link && i < n; i++) {
        const cn__h5_object *o = cn__h5_find(f->file, group, link[i].name);
        cn__h5_data d;
        if ((link[i].name[0] >= '0' && link[i].name[0] <= '9') || !o || cn__h5_is_group(o)) continue;
        if (!cn__h5_data_of(f->file, o, &d)) return (cn_error)(f->ctx);
        size_t    bytes = (size_t)d.n * cn__dtype_size(d.dtype);         /* at most what the file can hold */
        void     *at = cn__dtype_class_of(d.dtype) ? cn__arena_alloc(f->mem, bytes + 1) : NULL;
        cn_values v = { d.dtype, (size_t)d.n, at };
        if (!cn__dtype_class_of(d.dtype)) continue;
        if (!at) return cn__nomem(f->ctx);
        if (!cn__h5_read(f->file, o, at, bytes)) return (cn_error)(f->ctx);
        cn_status failed = f->commit ? l->ops->set_state(l, f->site, link[i].name, &v) : CN_OK;
        if (failed) return failed;
    }
    return cn__h5_failed(f->file) ? (cn_error)(f->ctx) : CN_OK;
}
