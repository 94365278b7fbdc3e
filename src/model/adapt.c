/* adapt.c: layers that learn from data without gradients see all of x once, in order; those of a model behind the
   layers before them. Also a layer on an array, at once. Both are predictions of the model up to there. */
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

/* Values of any type, row after row, in float32 for the layer. */
static cn_status show(cn_layer *l, const char *site, const cn_array *a)
{
    enum { CHUNK = 4096 };
    cn_ctx   *ctx = l->obj.ctx;
    int64_t   n = a->head.rank ? a->head.dim[0] : 1, width = n ? cn__array_count(a) / n : 0;
    size_t    size = cn__dtype_size(a->head.dtype), row = (size_t)width * size;
    int64_t   step = width ? CN__MAX(1, CHUNK / width) : 1;
    size_t    bytes = (size_t)(step * width + 1) * sizeof(float);
    float    *rows = cn__alloc(ctx, bytes);
    cn_status status = rows ? CN_OK : cn__nomem(ctx);
    for (int64_t i = 0; !status && i < n; i += step) {
        int64_t k = CN__MIN(step, n - i);
        cn__convert(CN_FLOAT32, rows, a->head.dtype, (const char *)a->data + (size_t)i * row, (size_t)(k * width));
        status = l->ops->adapt(l, site, rows, k, width, 1);
    }
    cn__free(ctx, rows, bytes);
    return status;
}

/* What reaches the layer is x itself where it stands first, or what the layers before give. */
static cn_status adapt_with(cn_layer *l, cn_model *before, cn_dataset *ds)
{
    cn_array *p = NULL;
    cn_status status = l->ops->adapt(l, NULL, NULL, 0, 0, 0);
    if (!status) {
        cn_predict_args a = { .head = CN_HEAD(cn_predict_args), .on = before, .x = ds, .y = { &p }, .batch_size = 256 };
        status = (cn_predict)(&a);
    }
    if (!status) status = show(l, NULL, p);
    if (!status) status = l->ops->adapt(l, NULL, NULL, 0, 0, 2);
    cn__unref(p);
    for (size_t i = 0; i < l->weights.n; i++) cn__var_touch(l->weights.at[i]->var);
    return status;
}

static cn_status adapt_model(cn_model *m, cn_dataset *ds)
{
    cn_status status = cn__model_build(m, cn__dataset_source(ds), NULL);
    int n = 0;
    for (size_t i = 0; !status && i < m->steps.n; i++) {
        cn__symcall *k = m->steps.at[i].call;
        if (k->layer->model && k->number == 0)
            for (size_t j = 0; j < k->layer->model->layers.n; j++) {
                const cn__layer_ops *ops = k->layer->model->layers.at[j]->ops;
                if (ops && ops->adapted && !ops->adapted(k->layer->model->layers.at[j]))
                    return cn__fail(m->obj.ctx, NULL, CN_E_UNSUPPORTED,
                                    "cn_adapt: \"%s\" stands in the nested model \"%s\"; adapt that one by itself.",
                                    k->layer->model->layers.at[j]->name, k->layer->name);
            }
        if (k->layer->model || !k->layer->ops->adapt) continue;
        cn_model *before = up_to(m, k->in[0]);
        status = cn__bad(before) ? cn__fail_with(before) : adapt_with(k->layer, before, ds);
        (cn_free)(before);
        n++;
    }
    return !status && !n ? cn__fail(m->obj.ctx, NULL, CN_E_VALUE, "cn_adapt: no layer of \"%s\" learns in this way.",
                                    m->layer->name)
                         : status;
}

/* An input like the samples of an array. */
static cn_tensor *input_like(cn_ctx *ctx, const cn__part *p)
{
    cn__type type = { .dtype = (uint8_t)CN_FLOAT32,
                      .rank = (uint8_t)CN__MIN(p->rank + 1, CN_MAX_RANK),
                      .dim = { CN_ANY } };
    for (int i = 1; i < type.rank; i++) type.dim[i] = p->dim[i - 1];
    return cn__input_tensor(ctx, &type, "x");
}

static cn_status adapt_layer(cn_layer *l, cn_dataset *ds)
{
    const cn__source *s = cn__dataset_source(ds);
    cn_ctx *ctx = l->obj.ctx;
    if (!l->ops || !l->ops->adapt)
        return cn__fail(ctx, NULL, CN_E_VALUE, "cn_adapt: %s \"%s\" has nothing to learn in this way.", l->cls->snake,
                        l->name);
    if (s->nx != 1)
        return cn__fail(ctx, NULL, CN_E_SHAPE, "cn_adapt: \"%s\" takes one input, the data have %d.", l->name, s->nx);
    cn_tensor *in = input_like(ctx, &s->x[0]);
    if (cn__bad(in)) return cn__fail_with(in);
    cn_status status = cn__layer_build(l, &in, 1, NULL);
    cn_functional_args a = { .head = CN_HEAD(cn_functional_args), .inputs = { in }, .outputs = { in }, .name = "data" };
    cn_model *before = status ? NULL : (cn_functional)(&a);
    if (!status) status = cn__bad(before) ? cn__fail_with(before) : adapt_with(l, before, ds);
    (cn_free)(before);
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
