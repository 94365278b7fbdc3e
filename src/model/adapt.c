/* adapt.c: layers that learn from data without gradients see all of x once, in order; those of a model behind the
   layers before them, by a prediction of the model up to there. Also a layer on an array, at once, and what a lookup
   has learnt. */
#include "model/model.h"
#include <string.h>

/* The model from m's inputs to the tensor: made of the same layers. */
static cn_model *up_to(cn_model *m, cn_tensor *t)
{
    cn_functional_args a = { .head = CN_HEAD(cn_functional_args), .outputs = { t } };
    for (size_t i = 0; i < m->inputs.n; i++) a.inputs[i] = m->inputs.at[i];
    a.name = m->layer->name;
    return (cn_functional)(&a);
}

/* Values of any type, row after row, in the type that the layer learns from. */
static cn_status show(cn_layer *l, const cn_array *a)
{
    enum { CHUNK = 4096 };
    cn_ctx   *ctx = l->obj.ctx;
    cn_dtype  dtype = l->ops->adapt_dtype ? l->ops->adapt_dtype : CN_FLOAT32;
    int64_t   n = a->head.rank ? a->head.dim[0] : 1, width = n ? cn__array_count(a) / n : 0;
    if (dtype == CN_STRING) return l->ops->adapt(l, NULL, a->data, n, width, CN__ADAPT_ROWS);
    size_t    size = cn__dtype_size(a->head.dtype), row = (size_t)width * size;
    int64_t   step = width ? CN__MAX(1, CHUNK / width) : 1;
    size_t    bytes = (size_t)(step * width + 1) * cn__dtype_size(dtype);
    void     *rows = cn__alloc(ctx, bytes);
    cn_status status = rows ? CN_OK : cn__nomem(ctx);
    for (int64_t i = 0; !status && i < n; i += step) {
        int64_t k = CN__MIN(step, n - i);
        cn__convert(dtype, rows, a->head.dtype, (const char *)a->data + (size_t)i * row, (size_t)(k * width));
        status = l->ops->adapt(l, NULL, rows, k, width, CN__ADAPT_ROWS);
    }
    cn__free(ctx, rows, bytes);
    return status;
}

static cn_status learn(cn_layer *l, const cn_array *a)
{
    if (cn__bad(a)) return cn__fail_with(a);
    if ((a->head.dtype == CN_STRING) != l->ops->strings)
        return cn__fail(l->obj.ctx, NULL, CN_E_DTYPE, "cn_adapt: %s \"%s\" learns from %s, the data are %s.",
                        l->cls->snake, l->name, l->ops->strings ? "strings" : "numbers",
                        l->ops->strings ? "numbers" : "strings");
    cn_status status = l->ops->adapt(l, NULL, NULL, 0, 0, CN__ADAPT_BEGIN);
    if (!status) status = show(l, a);
    cn_status end = l->ops->adapt(l, NULL, NULL, 0, 0, status ? CN__ADAPT_DROP : CN__ADAPT_END);
    for (size_t i = 0; i < l->weights.n; i++) cn__var_touch(l->weights.at[i]->var);
    l->revision++;                                       /* plans made before hold what it was then */
    return status ? status : end;
}

/* What reaches a tensor of the model: the data's i-th input itself if it is one of strings, which always are inputs,
   else what the layers before give. */
static cn_status reaching(cn_model *m, cn_tensor *t, cn_dataset *ds, cn_array **out)
{
    size_t i = 0;
    while (i < m->inputs.n && m->inputs.at[i] != t) i++;
    if (t->head.dtype == CN_STRING && i < m->inputs.n && (int)i < cn__dataset_source(ds)->nx) {
        *out = cn_inputs(ds, (int)i);
        return cn__bad(*out) ? cn__fail_with(*out) : CN_OK;
    }
    cn_model *before = up_to(m, t);
    cn_predict_args a = { .head = CN_HEAD(cn_predict_args), .on = before, .x = ds, .y = { out }, .batch_size = 256 };
    cn_status status = cn__bad(before) ? cn__fail_with(before) : (cn_predict)(&a);
    (cn_free)(before);
    return status;
}

static bool learns(const cn_layer *l)
{
    return l->ops && l->ops->adapt && (!l->ops->adapts || l->ops->adapts(l));
}

/* It or, if it is a model, a layer of it. */
static bool learns_within(const cn_layer *l)
{
    if (!l->model) return learns(l);
    for (size_t i = 0; i < l->model->layers.n; i++)
        if (learns_within(l->model->layers.at[i])) return true;
    return false;
}

/* Counts the layers that have learnt. A nested model learns from what reaches its first call. */
static cn_status adapt_steps(cn_model *m, cn_dataset *ds, int *n)
{
    cn_ctx   *ctx = m->obj.ctx;
    cn_status status = CN_OK;
    for (size_t i = 0; !status && i < m->steps.n; i++) {
        cn__symcall *k = m->steps.at[i].call;
        cn_array    *in[CN_MAX_IO] = { NULL };
        if (!learns_within(k->layer) || (k->layer->model && k->number)) continue;
        for (int j = 0; !status && j < k->nin; j++) status = reaching(m, k->in[j], ds, &in[j]);
        if (!status && k->layer->model) {
            cn_dataset *inner = cn__dataset_of_arrays(ctx, NULL, in, k->nin, NULL, 0, NULL);
            status = cn__bad(inner) ? cn__fail_with(inner) : adapt_steps(k->layer->model, inner, n);
            cn__unref(inner);
        } else if (!status) status = learn(k->layer, in[0]), ++*n;
        for (int j = 0; j < k->nin; j++) (cn_free)(in[j]);
    }
    return status;
}

static cn_status adapt_model(cn_model *m, cn_dataset *ds)
{
    int n = 0;
    cn_status status = cn__model_build(m, cn__dataset_source(ds), NULL);
    if (!status) status = adapt_steps(m, ds, &n);
    return !status && !n ? cn__fail(m->obj.ctx, NULL, CN_E_VALUE, "cn_adapt: no layer of \"%s\" learns in this way.",
                                    m->layer->name)
                         : status;
}

/* An input like the samples of an array. */
static cn_tensor *input_like(cn_ctx *ctx, const cn__part *p)
{
    cn__type type = { .dtype = (uint8_t)(cn__is_float(p->dtype) ? CN_FLOAT32 : p->dtype),
                      .rank = (uint8_t)CN__MIN(p->rank + 1, CN_MAX_RANK),
                      .dim = { CN_ANY } };
    for (int i = 1; i < type.rank; i++) type.dim[i] = p->dim[i - 1];
    return cn__input_tensor(ctx, &type, "x");
}

static cn_status adapt_layer(cn_layer *l, cn_dataset *ds)
{
    const cn__source *s = cn__dataset_source(ds);
    cn_ctx *ctx = l->obj.ctx;
    if (!learns(l))
        return cn__fail(ctx, NULL, CN_E_VALUE, "cn_adapt: %s \"%s\" has nothing to learn in this way%s.", l->cls->snake,
                        l->name, l->ops && l->ops->adapt ? ": what it would learn was given" : "");
    if (s->nx != 1)
        return cn__fail(ctx, NULL, CN_E_SHAPE, "cn_adapt: \"%s\" takes one input, the data have %d.", l->name, s->nx);
    cn_tensor *in = input_like(ctx, &s->x[0]);
    if (cn__bad(in)) return cn__fail_with(in);
    cn_status status = cn__layer_build(l, &in, 1, NULL);
    cn_array *x = status ? NULL : cn_inputs(ds, 0);
    if (!status) status = learn(l, x);
    (cn_free)(x);
    return status;
}

cn_status (cn_adapt)(void *on, const void *x)
{
    if (cn__bad(on)) return on ? cn__fail_with(on) : CN_E_NOMEM;
    cn_ctx *ctx = (cn_ctx_of)(on);
    if (cn__bad(x)) return cn__fail_with(x);
    cn_array   *array = (cn_array *)(uintptr_t)x;
    cn_dataset *ds = cn__is(x, CN__DATASET) ? (cn_dataset *)(uintptr_t)x
                                            : cn__dataset_of_arrays(ctx, NULL, &array, 1, NULL, 0, NULL);
    cn_status status = cn__bad(ds)             ? cn__fail_with(ds)
                       : cn__is(on, CN__MODEL) ? adapt_model(on, ds)
                                               : adapt_layer(on, ds);
    if ((void *)ds != (void *)array) cn__unref(ds);
    return status;
}

cn_array *cn_apply(cn_layer *l, const cn_array *x)
{
    cn_ctx *ctx = (cn_ctx_of)(l);
    if (!l) return NULL;
    if (cn__bad(l)) return cn__inherit(cn__array_blank(ctx), l);
    if (cn__bad(x)) return cn__inherit(cn__array_blank(ctx), x);
    cn_array   *array = (cn_array *)(uintptr_t)x, *out = NULL;
    cn_dataset *ds = cn__dataset_of_arrays(ctx, NULL, &array, 1, NULL, 0, NULL);
    cn_status   status = cn__bad(ds) ? cn__fail_with(ds) : CN_OK;
    cn_model   *m = NULL;
    if (!status) {
        cn_tensor *in = input_like(ctx, &cn__dataset_source(ds)->x[0]),
                  *y = cn__bad(in) ? in : cn__layer_call(l, &in, 1, NULL, true, NULL);
        cn_functional_args f = {
            .head = CN_HEAD(cn_functional_args), .inputs = { in }, .outputs = { y }, .name = "apply"
        };
        m = (cn_functional)(&f);
        cn_predict_args a = { .head = CN_HEAD(cn_predict_args), .on = m, .x = ds, .y = { &out } };
        status = (cn_predict)(&a);
    }
    cn__unref(ds);
    if (!cn__bad(m)) cn__layer_hold(l);                  /* the layer keeps its weights when this model goes */
    (cn_free)(m);
    return status ? cn__poison_recorded(cn__array_blank(ctx)) : out;
}

cn_array *cn_vocabulary(const cn_layer *l)
{
    cn_ctx *ctx = (cn_ctx_of)(l);
    cn_values v;
    if (!l) return NULL;
    cn_array *a = cn__array_blank(ctx);
    if (cn__bad(a)) return a;
    if (cn__bad(l)) return cn__inherit(a, l);
    if (!l->ops || !l->ops->vocabulary)
        return cn__poison(a, NULL, CN_E_VALUE, "cn_vocabulary: %s \"%s\" has none.", l->cls->snake, l->name);
    if (!l->built || !l->ops->adapted(l))
        return cn__poison(a, NULL, CN_E_STATE, "cn_vocabulary: %s \"%s\" has none yet; see cn_adapt.",
                          l->cls->snake, l->name);
    if (!l->ops->vocabulary(l, &v)) return cn__poison_recorded(a);
    int64_t n = (int64_t)v.count;
    if (v.dtype == CN_STRING) cn__array_strings(a, NULL, 1, &n, v.data);
    else if (cn__array_shape(a, NULL, v.dtype, 1, &n, true)) memcpy(a->data, v.data, v.count * sizeof(int64_t));
    return a;
}
