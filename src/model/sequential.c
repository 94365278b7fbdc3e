/* sequential.c: one layer behind the other. With an input shape each layer is called as it is appended; without one the
   chain is kept and called when the first data tell the shape. */
#include "model/model.h"
#include <string.h>

/* Calls the layer on what the last one gave. */
static cn_status chain(cn_model *m, cn_layer *l, const char *site)
{
    cn_ctx    *ctx = m->obj.ctx;
    cn_tensor *in = m->outputs.at[0], *out = cn__layer_call(l, &in, 1, NULL, false, site);
    if (cn__bad(out)) return cn__fail_with(out);
    if (out->from->nout != 1)
        return cn__fail(ctx, site, CN_E_VALUE,
                        "\"%s\" has %d outputs: only a layer with one fits into a sequential model.", l->name,
                        out->from->nout);
    if (!cn__model_add(m, out->from)) return cn_error(ctx);
    m->outputs.at[0] = out;
    return CN_OK;
}

cn_status cn__model_build_for(cn_model *m, const cn__type *input, const char *site)
{
    cn_ctx    *ctx = m->obj.ctx;
    cn_tensor *in = cn__input_tensor(ctx, input, m->input_name);
    cn_status  status = CN_OK;
    if (cn__bad(in)) return cn__fail_with(in);
    if (!cn__push(ctx, &m->inputs, in) || !cn__push(ctx, &m->outputs, in) || !cn__push(ctx, &m->slots, in))
        return cn__nomem(ctx);
    m->built = true;
    for (size_t i = 0; !status && i < m->layers.n; i++) status = chain(m, m->layers.at[i], site);
    if (status) {                                        /* as if nothing had been tried */
        m->built = false;
        m->inputs.n = m->outputs.n = m->slots.n = m->steps.n = 0;
    }
    m->structure++;
    return status;
}

cn_model *cn__sequential_append(cn_model *m, cn_layer *l, const char *site)
{
    cn_ctx *ctx = m->obj.ctx;
    if (!m->sequential)
        return cn__poison(m, site, CN_E_VALUE,
                          "\"%s\": model \"%s\" is not sequential; call the layer on a tensor: cn_call(layer, x).",
                          l->name, m->layer->name);
    if (m->running) return cn__poison(m, site, CN_E_STATE, "\"%s\": the model is at work.", l->name);
    for (size_t i = 0; i < m->layers.n; i++)
        if (!strcmp(m->layers.at[i]->name, l->name))
            return cn__poison(m, site, CN_E_VALUE,
                              "two layers of \"%s\" are called \"%s\". Names in a model must differ.", m->layer->name,
                              l->name);
    if (m->built && chain(m, l, site)) return cn__poison_recorded(m);
    if (!cn__push(ctx, &m->layers, l))
        return cn__poison(m, site, CN_E_NOMEM, "out of memory for layer \"%s\"", l->name);
    m->structure++;
    return m;
}

cn_status cn__model_build(cn_model *m, const cn__source *s, const char *site)
{
    cn__type type = { .dtype = m->sequential && m->input.dtype ? m->input.dtype : (uint8_t)CN_FLOAT32 };
    cn_status status = cn__model_check(m, site);
    if (status || m->built) return status;
    if (s->nx != 1)
        return cn__fail(m->obj.ctx, site, CN_E_SHAPE, "%s: a sequential model has one input, the data have %d.",
                        m->layer->name, s->nx);
    if (s->x[0].dtype == CN_STRING) type.dtype = CN_STRING;
    type.rank = (uint8_t)(s->x[0].rank + 1);
    type.dim[0] = CN_ANY;
    memcpy(type.dim + 1, s->x[0].dim, (size_t)s->x[0].rank * sizeof *type.dim);
    if (type.rank == 1) type.rank = 2, type.dim[1] = 1;  /* numbers: one each */
    return cn__model_build_for(m, &type, site);
}

cn_status cn_pop(cn_model *m)
{
    cn_status status = cn__bad(m) ? cn__fail_with(m) : CN_OK;
    if (status) return status;
    if (!m->sequential)
        return cn__fail(m->obj.ctx, NULL, CN_E_VALUE, "cn_pop: model \"%s\" is not sequential.", m->layer->name);
    if (m->running) return cn__fail(m->obj.ctx, NULL, CN_E_STATE, "cn_pop: model \"%s\" is at work.", m->layer->name);
    if (!m->layers.n)
        return cn__fail(m->obj.ctx, NULL, CN_E_STATE, "cn_pop: model \"%s\" has no layers.", m->layer->name);
    m->layers.n--;                                       /* its weights stay held: a runner may be using them */
    if (m->built) {
        m->steps.n--, m->slots.n--;
        m->outputs.at[0] = m->slots.at[m->slots.n - 1];
    }
    m->structure++;
    return CN_OK;
}
