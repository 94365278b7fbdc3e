/* evaluate.c: how good is it, and what does it say: cn_evaluate and cn_predict. */
#include "model/model.h"

static cn_status check_batch(cn_ctx *ctx, const char *site, const char *verb, int64_t batch)
{
    return batch > 0 ? CN_OK
                     : cn__fail(ctx, site, CN_E_VALUE, "%s: batch_size is %lld, it must be at least 1.", verb,
                                (long long)batch);
}

static cn_status evaluate(cn_model *m, const cn_evaluate_args *a, cn__reader *r, cn__callbacks *callbacks,
                          const char *site)
{
    cn__bar   bar;
    cn__pass p = {
        .reader = r, .mode = CN__EVAL, .epoch = -1, .callbacks = callbacks, .bar = a->verbose ? &bar : NULL
    };
    cn_status status = cn__callbacks_open(callbacks, m, a->callbacks, site);
    m->stamp++;
    cn__bar_open(&bar, m, a->verbose, cn__reader_steps(r), 1);
    if (!status) status = cn__reader_begin(r, 0);
    if (!status) status = cn__pass_run(&p);
    if (!status && !p.done)
        status = cn__fail(m->obj.ctx, site, CN_E_VALUE, "the data are empty: there is not one sample.");
    if (!status && !cn__gauges_read(m, true, p.samples, "", false)) status = CN_E_NOMEM;
    if (!status && a->verbose) {
        if (bar.target == CN_ANY) bar.target = p.done;
        if (!cn__bar_update(&bar, p.done, true)) status = CN_E_NOMEM;
    }
    cn__callbacks_close(callbacks);
    return status;
}

cn_status (cn_evaluate)(cn_evaluate_args *given)
{
    CN__ARGS(cn_evaluate_args, a, given);
    cn_model *m = a.on;
    const char *site = a.head.site;
    cn_status status = cn__model_check(m, site);
    if (status) return status;
    cn_ctx     *ctx = m->obj.ctx;
    cn_dataset *ds = NULL;
    cn__callbacks callbacks;
    CN__FILL(cn_evaluate_args, CN_EVALUATE_FIELDS);
    if (!m->training)
        return cn__fail(ctx, site, CN_E_STATE,
                        "cn_evaluate: model \"%s\" is not compiled. Call cn_compile(m, .loss = CN_MSE) before.",
                        m->layer->name);
    if (a.verbose < 0 || a.verbose > 2)
        return cn__fail(ctx, site, CN_E_VALUE, "cn_evaluate: verbose is %lld, it must be 0, 1 or 2.",
                        (long long)a.verbose);
    cn__reader *r = cn__alloc0(ctx, sizeof *r);
    if (!r) return cn__nomem(ctx);
    bool before = m->running;
    m->running = true;
    status = check_batch(ctx, site, "cn_evaluate", a.batch_size);
    if (!status) status = cn__data_of(m, a.x, a.y, a.sample_weight, true, site, &ds);
    if (!status) status = cn__reader_open(r, m, ds, CN__EVAL, a.batch_size, site);
    if (!status) status = cn__training_ready(m, r->s, site);
    if (!status) status = cn__reader_ready(r);
    if (!status) status = evaluate(m, &a, r, &callbacks, site);
    m->running = before;
    cn__reader_close(r);
    cn__free(ctx, r, sizeof *r);
    cn__unref(ds);
    return status;
}

/* ---- cn_predict -------------------------------------------------------------------------------------------------- */
static cn_status make_array(cn_model *m, cn__collect *c, int64_t samples, const char *site, cn_array **out)
{
    cn_array *a = cn__array_blank(m->obj.ctx);
    int64_t   dim[CN_MAX_RANK];
    for (int i = 0; i < c->type.rank; i++) dim[i] = c->type.dim[i];
    if (c->type.rank) dim[0] = samples;
    if (cn__bad(a) || !cn__array_shape(a, site, (cn_dtype)c->type.dtype, c->type.rank, dim, false)) {
        cn_status status = cn__fail_with(a);
        cn__unref(a);
        return status;
    }
    cn__array_take(a, c->at, c->cap);
    c->at = NULL, c->cap = 0;
    *out = a;
    return CN_OK;
}

static cn_status predict(cn_model *m, const cn_predict_args *a, cn__reader *r, const char *site)
{
    cn__collect   c[CN_MAX_LIST] = { { .at = NULL } };
    cn__pass  p = { .reader = r, .mode = CN__PREDICT, .epoch = -1, .collect = c };
    cn_status status = cn__reader_begin(r, 0);
    if (!status) status = cn__pass_run(&p);
    if (!status && !p.done)
        status = cn__fail(m->obj.ctx, site, CN_E_VALUE, "the data are empty: there is not one sample.");
    for (int i = 0; !status && i < CN_MAX_LIST && a->y[i]; i++) status = make_array(m, &c[i], p.samples, site, a->y[i]);
    for (int i = 0; i < CN_MAX_LIST; i++) cn__free(m->obj.ctx, c[i].at, c[i].cap);
    for (int i = 0; status && i < CN_MAX_LIST && a->y[i]; i++) {
        cn__unref(*a->y[i]);
        *a->y[i] = NULL;
    }
    return status;
}

cn_status (cn_predict)(cn_predict_args *given)
{
    CN__ARGS(cn_predict_args, a, given);
    cn_model *m = a.on;
    const char *site = a.head.site;
    for (int i = 0; i < CN_MAX_LIST && a.y[i]; i++) *a.y[i] = NULL;
    cn_status status = cn__model_check(m, site);
    if (status) return status;
    cn_ctx     *ctx = m->obj.ctx;
    cn_dataset *ds = NULL;
    int         n = 0;
    CN__FILL(cn_predict_args, CN_PREDICT_FIELDS);
    while (n < CN_MAX_LIST && a.y[n]) n++;
    cn__reader *r = cn__alloc0(ctx, sizeof *r);
    if (!r) return cn__nomem(ctx);
    bool before = m->running;
    m->running = true;
    status = check_batch(ctx, site, "cn_predict", a.batch_size);
    if (!status && !n)
        status = cn__fail(ctx, site, CN_E_VALUE, "cn_predict: say where the prediction goes: cn_predict(m, x, &p).");
    if (!status) status = cn__data_of(m, a.x, NULL, NULL, false, site, &ds);
    if (!status) status = cn__reader_open(r, m, ds, CN__PREDICT, a.batch_size, site);
    if (!status && (size_t)n > m->outputs.n)
        status = cn__fail(ctx, site, CN_E_VALUE, "cn_predict: model \"%s\" has %zu outputs, %d places were given.",
                          m->layer->name, m->outputs.n, n);
    if (!status) status = cn__model_weights_ready(m, site);
    if (!status) status = cn__reader_ready(r);
    if (!status) status = predict(m, &a, r, site);
    m->running = before;
    cn__reader_close(r);
    cn__free(ctx, r, sizeof *r);
    cn__unref(ds);
    return status;
}
