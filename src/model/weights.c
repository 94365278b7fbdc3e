/* weights.c: the numbers that a model has learnt, by path. */
#include "model/model.h"
#include <math.h>
#include <string.h>

static bool table(const cn_model *m) /* the table is a cache: bringing it up to date changes nothing */
{
    return cn__model_table((cn_model *)(uintptr_t)m);
}

int64_t cn_count_params(const cn_model *m)
{
    int64_t n = 0;
    if (cn__bad(m) || !table(m)) return 0;
    for (size_t i = 0; i < m->table.n; i++) n += cn__type_count(&m->table.at[i].weight->var->type);
    return n;
}

const char *cn_weight_path(const cn_model *m, int i)
{
    if (cn__bad(m) || i < 0 || !table(m) || (size_t)i >= m->table.n) return NULL;
    return m->table.at[i].path;
}

static cn__var *find(cn_model *m, const char *verb, const char *path)
{
    cn_ctx *ctx = m->obj.ctx;
    if (!table(m)) return NULL;
    for (size_t i = 0; path && i < m->table.n; i++)
        if (!strcmp(m->table.at[i].path, path)) return m->table.at[i].weight->var;
    if (!m->built) {
        cn__fail(ctx, NULL, CN_E_STATE,
                 "%s: model \"%s\" has no weights yet, its input's shape is not known. Use cn_sequential(c, {28, 28}).",
                 verb, m->layer->name);
        return NULL;
    }
    cn__text near = { .ctx = ctx };
    const char **names = cn__alloc(ctx, (m->table.n + 1) * sizeof *names);
    for (size_t i = 0; names && i < m->table.n; i++) names[i] = m->table.at[i].path;
    cn__fail(ctx, NULL, CN_E_NAME, "%s: model \"%s\" has no weight \"%s\". The nearest: %s.", verb, m->layer->name,
             path ? path : "(null)",
             names && path && m->table.n ? cn__nearest(&near, path, names, m->table.n) : "none");
    cn__free(ctx, names, (m->table.n + 1) * sizeof *names);
    cn__text_free(&near);
    return NULL;
}

cn_array *cn_get_weight(cn_model *m, const char *path)
{
    if (!m) return NULL;
    cn_ctx *ctx = m->obj.ctx;
    if (cn__bad(m)) return cn__inherit(cn__array_blank(ctx), m);
    cn__var *v = cn__model_weights_ready(m, NULL) == CN_E_NOMEM ? NULL : find(m, "cn_get_weight", path);
    if (!v) return cn__poison_recorded(cn__array_blank(ctx));
    cn_array *a = cn__array_new(ctx, NULL, (cn_dtype)v->type.dtype, v->type.rank, v->type.dim);
    if (!cn__bad(a)) memcpy(a->data, cn__var_master(v), cn__type_bytes(&v->type));
    return a;
}

cn_status cn_set_weight(cn_model *m, const char *path, const cn_values *values)
{
    if (cn__bad(m)) return cn__fail_with(m);
    cn_ctx  *ctx = m->obj.ctx;
    cn__var *v = find(m, "cn_set_weight", path);
    char     text[CN__SHAPE_TEXT];
    if (!v) return (cn_error)(ctx);
    int64_t n = cn__type_count(&v->type);
    if (!values || !values->data)
        return cn__fail(ctx, NULL, CN_E_VALUE, "cn_set_weight: \"%s\": there are no numbers.", path);
    if (!cn__dtype_class_of(values->dtype))
        return cn__fail(ctx, NULL, CN_E_DTYPE, "cn_set_weight: \"%s\" takes numbers, not strings.", path);
    if (values->count != (size_t)n)
        return cn__fail(ctx, NULL, CN_E_SHAPE,
                        "cn_set_weight: \"%s\" has the shape %s, which is %lld numbers; %zu were given.", path,
                        cn__shape_text(v->type.rank, v->type.dim, text), (long long)n, values->count);
    for (size_t i = 0; i < values->count; i++)
        if (!isfinite(cn__load(values->dtype, values->data, i)))
            return cn__fail(ctx, NULL, CN_E_NUMERIC, "cn_set_weight: number %zu for \"%s\" is %g.", i, path,
                            cn__load(values->dtype, values->data, i));
    cn__convert((cn_dtype)v->type.dtype, cn__var_master(v), values->dtype, values->data, values->count);
    cn__var_touch(v);
    return CN_OK;
}
