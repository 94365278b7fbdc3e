/* model.c: what sequential and functional models have in common: their steps, what they hold, the table of their
 * weights. */
#include "model/model.h"
#include "model/snapshot.h"
#include <string.h>

static void destroy(void *self)
{
    cn_model *m = self;
    cn_ctx   *ctx = m->obj.ctx;
    cn__watches_drop(m);
    cn__programs_drop(m);
    if (m->exec_open) cn__exec_close(&m->exec);
    cn__training_free(m);
    cn__course_drop(m);
    for (size_t i = 0; i < m->optimizers.n; i++) {
        cn__optimizer_free(m->optimizers.at[i]);
        cn__free(ctx, m->optimizers.at[i], sizeof(cn__optimizer));
    }
    cn__vec_free(ctx, &m->optimizers);
    cn__history_clear(m);
    cn__vec_free(ctx, &m->results);
    cn__vec_free(ctx, &m->names);
    for (size_t i = 0; i < m->held.n; i++) cn__layer_release(m->held.at[i]);
    cn__vec_free(ctx, &m->held);
    cn__vec_free(ctx, &m->layers);
    cn__vec_free(ctx, &m->inputs);
    cn__vec_free(ctx, &m->outputs);
    cn__vec_free(ctx, &m->slots);
    cn__vec_free(ctx, &m->steps);
    cn__vec_free(ctx, &m->table);
    cn__var_free(m->rng);
    cn__text_free(&m->text);
    cn__text_free(&m->json);
    cn__arena_free(&m->table_mem);
    cn__arena_free(&m->mem);
    if (m->layer) m->layer->model = NULL;
}

cn_model *cn__model_new(cn_ctx *ctx, const cn__class *class, const char *name, const char *site)
{
    cn_model *m = cn__new(ctx, CN__MODEL, sizeof *m, destroy);
    if (cn__bad(m)) return m;
    m->mem.ctx = m->table_mem.ctx = m->text.ctx = m->json.ctx = ctx;
    m->layer = cn__layer_bare(ctx, class, name);
    if (cn__bad(m->layer)) {
        cn_layer *bad = m->layer;
        m->layer = NULL;
        return cn__inherit(m, bad);
    }
    if (name && (!*name || strchr(name, '/')))
        return cn__poison(m, site, CN_E_VALUE, "\"%s\" is no name for a model: it is empty or has a / in it.", name);
    m->layer->model = m;
    m->structure = 1;
    return m;
}

static bool slot_of(const cn_model *m, const cn_tensor *t, uint32_t *slot)
{
    for (size_t i = m->slots.n; i-- > 0;)                /* a tensor with another mask is the same value */
        if (m->slots.at[i]->from == t->from && m->slots.at[i]->index == t->index) {
            *slot = (uint32_t)i;
            return true;
        }
    return false;
}

static bool holds(const cn_model *m, const cn_layer *l)
{
    for (size_t i = 0; i < m->held.n; i++)
        if (m->held.at[i] == l) return true;
    return false;
}

bool cn__model_add(cn_model *m, cn__symcall *k)
{
    cn_ctx  *ctx = m->obj.ctx;
    cn__step step = { .call = k };
    uint32_t *slots = cn__arena_alloc(&m->mem, (size_t)(k->nin + k->nout + 1) * sizeof *slots);
    if (!slots) goto nomem;
    step.in = slots, step.out = slots + k->nin;
    for (int i = 0; i < k->nin; i++)
        if (!slot_of(m, k->in[i], &step.in[i])) {
            cn__fail(ctx, NULL, CN_E_VALUE, "%s: input %d of \"%s\" does not come from the model's inputs.",
                     m->layer->name, i, k->layer->name);
            return false;
        }
    for (int i = 0; i < k->nout; i++) {
        step.out[i] = (uint32_t)m->slots.n;
        if (!cn__push(ctx, &m->slots, k->out[i])) goto nomem;
    }
    if (!cn__push(ctx, &m->steps, step)) goto nomem;
    if (!holds(m, k->layer)) {
        if (!cn__push(ctx, &m->held, k->layer)) goto nomem;
        cn__layer_hold(k->layer);
    }
    return true;
nomem:
    cn__nomem(ctx);
    return false;
}

cn_status cn__model_check(const cn_model *m, const char *site)
{
    if (cn__bad(m)) return cn__fail_with(m);
    if (!cn__is(m, CN__MODEL)) return cn__fail(m->obj.ctx, site, CN_E_VALUE, "this is not a model.");
    for (size_t i = 0; i < m->layers.n; i++)
        if (cn__bad(m->layers.at[i])) return cn__fail_with(m->layers.at[i]);
    if (m->sequential && !m->layers.n)
        return cn__fail(m->obj.ctx, site, CN_E_STATE, "model \"%s\" has no layers yet. Add some: cn_dense(m, 1).",
                        m->layer->name);
    return CN_OK;
}

uint64_t cn__model_structure(const cn_model *m)
{
    uint64_t h = cn__hash(m->structure, m->layer->trainable);
    for (size_t i = 0; i < m->layers.n; i++) {
        const cn_layer *l = m->layers.at[i];
        h = cn__hash(h, l->model ? cn__model_structure(l->model)
                                 : (uint64_t)l->revision << 2 | (uint64_t)l->bf16 << 1 | l->trainable);
    }
    return h ? h : 1;
}

/* ---- The table of weights ---------------------------------------------------------------------------------------- */
static bool listed(const cn_model *m, const cn__weight *w)
{
    for (size_t i = 0; i < m->table.n; i++)
        if (m->table.at[i].weight == w) return true;
    return false;
}

static bool list_layer(cn_model *m, cn_layer *l, const char *prefix, bool trainable);

static bool list_model(cn_model *m, const cn_model *of, const char *prefix, bool trainable)
{
    for (size_t i = 0; i < of->layers.n; i++)
        if (!list_layer(m, of->layers.at[i], prefix, trainable)) return false;
    return true;
}

static bool list_layer(cn_model *m, cn_layer *l, const char *prefix, bool trainable)
{
    trainable = trainable && l->trainable;
    const char *path = cn__arena_printf(&m->table_mem, "%s%s/", prefix, l->name);
    if (!path) return false;
    if (l->model) return list_model(m, l->model, path, trainable);
    for (size_t i = 0; i < l->weights.n; i++) {
        cn__weight *w = l->weights.at[i];
        if (listed(m, w)) continue;
        cn__entry e = { w, cn__arena_printf(&m->table_mem, "%s%s", path, w->name), trainable && w->trainable };
        if (!e.path || !cn__push(m->obj.ctx, &m->table, e)) return false;
    }
    for (size_t i = 0; i < l->inner.n; i++)
        if (!list_layer(m, l->inner.at[i], path, trainable)) return false;
    return true;
}

bool cn__model_table(cn_model *m)
{
    uint64_t now = cn__model_structure(m);
    if (m->table_of == now) return true;
    m->table.n = 0, m->table_of = 0;
    cn__arena_free(&m->table_mem);
    m->table_mem.ctx = m->obj.ctx;
    if (!list_model(m, m, "", m->layer->trainable)) return cn__nomem(m->obj.ctx), false;
    m->table_of = now;
    return true;
}

static cn_status layers_ready(const cn_model *m, const char *site)
{
    for (size_t i = 0; i < m->layers.n; i++) {
        cn_layer *l = m->layers.at[i];
        cn_status status = l->model ? layers_ready(l->model, site) : CN_OK;
        if (status) return status;
        if (!l->model && l->ops && l->ops->adapted && !l->ops->adapted(l))
            return cn__fail(m->obj.ctx, site, CN_E_STATE,
                            "%s \"%s\" has not seen data yet. Call cn_adapt(m, x) before.", l->cls->snake, l->name);
    }
    return CN_OK;
}

/* Layers whose last model was freed gave their weights back; in a new model they begin anew. */
static cn_status rebuild(const cn_model *m, const char *site)
{
    cn_status status = CN_OK;
    for (size_t i = 0; !status && i < m->steps.n; i++) {
        cn__symcall *k = m->steps.at[i].call;
        if (!k->layer->built) status = cn__layer_build(k->layer, k->in, k->nin, site);
    }
    return status;
}

cn_status cn__model_weights_ready(cn_model *m, const char *site)
{
    cn_status status = rebuild(m, site);
    return status ? status : layers_ready(m, site);
}

bool cn__model_rng(cn_model *m)
{
    static const cn__type type = { .dtype = CN_INT64, .rank = 1, .dim = { 2 } };
    if (m->rng) return true;
    if (!(m->rng = cn__var_new(m->obj.ctx, &m->mem, "random_state", &type, CN__RNG, CN__SCOPE_MODEL, false)))
        return cn__nomem(m->obj.ctx), false;
    ((int64_t *)cn__var_master(m->rng))[0] = (int64_t)cn__seed(m->obj.ctx);
    return true;
}
