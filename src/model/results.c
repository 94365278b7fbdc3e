/* results.c: the numbers that came out: they stay with the model. A few names: looked for one after the other. */
#include "model/model.h"
#include <math.h>
#include <string.h>

cn__result *cn__result_find(const cn_model *m, const char *name)
{
    for (size_t i = 0; i < m->results.n; i++)
        if (!strcmp(m->results.at[i].name, name)) return &m->results.at[i];
    return NULL;
}

static bool is_named(const char *all, const char *prefix, const char *name)
{
    size_t skip = strlen(prefix);
    return !strncmp(all, prefix, skip) && !strcmp(all + skip, name);
}

/* Names stay when results go, so that a thousand fits take no more memory than one. */
static const char *name_of(cn_model *m, const char *prefix, const char *name)
{
    for (size_t i = 0; i < m->names.n; i++)
        if (is_named(m->names.at[i], prefix, name)) return m->names.at[i];
    const char *all = cn__arena_printf(&m->mem, "%s%s", prefix, name);
    return all && cn__push(m->obj.ctx, &m->names, all) ? all : NULL;
}

cn__result *cn__result_make(cn_model *m, const char *prefix, const char *name)
{
    for (size_t i = 0; i < m->results.n; i++)
        if (is_named(m->results.at[i].name, prefix, name)) return &m->results.at[i];
    cn__result r = { .name = name_of(m, prefix, name), .value = NAN };
    if (!r.name || !cn__push(m->obj.ctx, &m->results, r)) return cn__nomem(m->obj.ctx), NULL;
    return &m->results.at[m->results.n - 1];
}

bool cn__result_set(cn_model *m, const char *prefix, const char *name, double value, bool history)
{
    cn__result *r = cn__result_make(m, prefix, name);
    if (!r) return false;
    r->value = value, r->stamp = m->stamp;
    if (history && !cn__push(m->obj.ctx, &r->history, value)) return cn__nomem(m->obj.ctx), false;
    return true;
}

bool cn__history_reserve(cn_model *m, cn__result *r, int64_t epochs)
{
    enum { MOST = 1 << 20 };                             /* more than that grows as it comes */
    cn_ctx *ctx = m->obj.ctx;
    size_t  wanted = (size_t)CN__MIN(epochs, MOST), size = sizeof *r->history.at;
    if (r->history.cap >= wanted) return true;
    double *at = cn__realloc(ctx, r->history.at, r->history.cap * size, wanted * size);
    if (!at) return cn__nomem(ctx), false;
    r->history.at = at, r->history.cap = wanted;
    return true;
}

void cn__history_clear(cn_model *m)
{
    for (size_t i = 0; i < m->results.n; i++) cn__vec_free(m->obj.ctx, &m->results.at[i].history);
    m->results.n = 0;
}

/* ---- What a pass measured ---------------------------------------------------------------------------------------- */
double cn__gauge_value(const cn__gauge *q, bool eval, int64_t samples)
{
    const double *sums = cn__var_master(q->sum[eval]);
    return q->kind == CN__GAUGE_METRIC ? cn__metric_result(&q->metric, sums)
           : samples                   ? sums[0] / (double)samples
                                       : NAN;
}

bool cn__gauges_read(cn_model *m, bool eval, int64_t samples, const char *prefix, bool history)
{
    const cn__training *t = m->training;
    for (size_t i = 0; i < t->gauges.n; i++)
        if (!cn__result_set(m, prefix, t->gauges.at[i].name, cn__gauge_value(&t->gauges.at[i], eval, samples), history))
            return false;
    return true;
}

void cn__gauges_reset(cn_model *m, bool eval)
{
    for (size_t i = 0; i < m->training->gauges.n; i++) {
        cn__var *v = m->training->gauges.at[i].sum[eval];
        memset(cn__var_master(v), 0, cn__type_bytes(&v->type));
    }
}

/* ---- Asked for --------------------------------------------------------------------------------------------------- */
static const cn__result *look(const cn_model *m, const char *name)
{
    if (cn__bad(m)) return NULL;
    const cn__result *r = name ? cn__result_find(m, name) : NULL;
    if (r) return r;
    cn__text known = { .ctx = m->obj.ctx };
    for (size_t i = 0; i < m->results.n; i++) cn__text_add(&known, "%s%s", i ? ", " : "", m->results.at[i].name);
    cn__fail(m->obj.ctx, NULL, CN_E_NAME, "model \"%s\" has no result \"%s\". It has: %s.", m->layer->name,
             name ? name : "(null)",
             m->results.n ? cn__text_get(&known) : "none, for nothing was trained or evaluated");
    cn__text_free(&known);
    return NULL;
}

double cn_result(const cn_model *m, const char *name)
{
    const cn__result *r = look(m, name);
    return r ? r->value : NAN;
}

const char *cn_result_name(const cn_model *m, int i)
{
    return cn__bad(m) || i < 0 || (size_t)i >= m->results.n ? NULL : m->results.at[i].name;
}

const double *cn_history(const cn_model *m, const char *name, int64_t *epochs)
{
    const cn__result *r = look(m, name);
    if (epochs) *epochs = r ? (int64_t)r->history.n : 0;
    return r && r->history.n ? r->history.at : NULL;
}
