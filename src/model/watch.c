/* watch.c: windows on values inside a model. A watch makes another plan with the value among its roots; the plan's
   other values have the same bits. */
#include "model/model.h"
#include <string.h>

uint64_t cn__watches_key(const cn_model *m)
{
    uint64_t h = 0;
    for (const cn_watch *w = m->watches; w; w = w->next) h = cn__hash(h, w->number);
    return h;
}

bool cn__watches_taps(cn_model *m, cn__lower *w, cn__arena *mem)
{
    int n = 0;
    for (cn_watch *v = m->watches; v; v = v->next) n++;
    if (!n) return true;
    if (!(w->taps = cn__arena_alloc(mem, (size_t)n * sizeof *w->taps)))
        return cn__graph_fail(w->g, CN_E_NOMEM, "out of memory for the watches"), false;
    for (cn_watch *v = m->watches; v; v = v->next) w->taps[w->ntaps++].path = v->path;
    return true;
}

static cn__val reduced(cn_graph *g, const cn_watch *v, cn__val x)
{
    uint32_t axes = 0;
    for (int i = 0; i < cn__type_of(g, x)->rank; i++)
        if (!(v->keep >> i & 1)) axes |= 1u << i;
    switch (v->reduce) {
    case CN_NORM: return cn__b1(g, CN__OP_SQRT, cn__reduce(g, CN__OP_SUM, cn__b1(g, CN__OP_SQUARE, x), axes, false));
    case CN_MIN:  return cn__reduce(g, CN__OP_REDUCE_MIN, x, axes, false);
    case CN_MAX:  return cn__reduce(g, CN__OP_REDUCE_MAX, x, axes, false);
    case CN_AVE:  return cn__reduce(g, CN__OP_MEAN, x, axes, false);
    case CN_SUM:  return cn__reduce(g, CN__OP_SUM, x, axes, false);
    default:      return x;
    }
}

bool cn__watches_show(cn_model *m, cn__lower *w, cn__mode mode, cn__val loss, cn__arena *mem, cn__shown **roots,
                      uint32_t *nroots)
{
    cn_graph *g = w->g;
    int i = 0;
    for (cn_watch *v = m->watches; v; v = v->next, i++) {
        cn__val x = w->taps[i].val, dx = 0;
        if (!x)
            return cn__graph_fail(g, CN_E_NAME, "watch: nothing is called \"%s\" while the model runs", v->path), false;
        if (v->gradient) {
            if (mode != CN__TRAIN) continue;
            if (!cn__gradient(g, loss, 0, 1, &x, &dx)) return false;
            if (!dx)
                dx =
                    cn__fill(g, (cn_dtype)cn__type_of(g, x)->dtype, cn__type_of(g, x)->rank, cn__type_of(g, x)->dim, 0);
            x = dx;
        }
        if (!cn__show(g, mem, reduced(g, v, x), roots, nroots, v)) return false;
    }
    return true;
}

/* After a step: copies what was asked for. */
cn_status cn__watches_take(cn_model *m, const cn__program *p, int64_t step)
{
    for (uint32_t k = 0; k < p->nroots; k++) {
        cn_watch *v = p->roots[k].watch;
        const cn__type *t = &p->roots[k].type;
        if (!v || step % v->every) continue;
        cn_array *a = v->value;
        bool fits = a && !cn__bad(a) && (uint8_t)a->head.dtype == t->dtype && a->head.rank == t->rank &&
                    !memcmp(a->head.dim, t->dim, t->rank * sizeof *t->dim);
        if (!fits) {
            a = cn__array_new(m->obj.ctx, NULL, (cn_dtype)t->dtype, t->rank, t->dim);
            if (cn__bad(a)) return cn__fail_with(a);
            cn__unref(v->value);
            v->value = a;
            a->head.obj.user = false;                    /* the watch gives it back */
        }
        memcpy(a->data, cn__linked_root(&m->exec, p->linked, k), cn__type_bytes(t));
    }
    return CN_OK;
}

static void destroy(void *self)
{
    cn_watch *v = self;
    if (v->model)
        for (cn_watch **at = &v->model->watches; *at; at = &(*at)->next)
            if (*at == v) {
                *at = v->next;
                break;
            }
    cn__unref(v->value);
    if (v->path) cn__free(v->obj.ctx, v->path, strlen(v->path) + 1);
}

void cn__watches_drop(cn_model *m)
{
    for (cn_watch *v = m->watches; v; v = v->next) v->model = NULL;
    m->watches = NULL;
}

/* "dense/output": is there a layer, and has it such a value? */
static bool known(cn_model *m, const char *path)
{
    const char *slash = strrchr(path, '/');
    char layer[256];
    if (!slash || (size_t)(slash - path) >= sizeof layer) return false;
    memcpy(layer, path, (size_t)(slash - path));
    layer[slash - path] = 0;
    cn_layer *l = cn__find_layer(m, layer);
    if (!l || cn__is_input(l)) return false;
    if (!strcmp(slash + 1, "output") || !strcmp(slash + 1, "input")) return !l->model;
    for (size_t i = 0; i < l->weights.n; i++)
        if (!strcmp(l->weights.at[i]->name, slash + 1)) return true;
    return !l->model && !l->built;                       /* its weights are not known yet */
}

cn_watch *(cn_watch_on)(cn_watch_on_args *given)
{
    CN__ARGS(cn_watch_on_args, a, given);
    cn_ctx   *ctx = (cn_ctx_of)(a.on);
    cn_watch *v = cn__new(ctx, CN__WATCH, sizeof *v, destroy);
    if (!v || cn__bad(v)) return v;
    if (cn__bad(a.on)) return cn__inherit(v, a.on);
    CN__FILL(cn_watch_on_args, CN_WATCH_FIELDS);
    const char *site = a.head.site;
    if (!a.path || !known(a.on, a.path))
        return cn__poison(v, site, CN_E_NAME,
                          "cn_watch_on: model \"%s\" has no value \"%s\". A layer has \"input\", \"output\" and its "
                          "weights: \"dense/output\".",
                          a.on->layer->name, a.path ? a.path : "");
    if (a.every < 1)
        return cn__poison(v, site, CN_E_VALUE, "cn_watch_on: .every is %lld, it must be at least 1.",
                          (long long)a.every);
    if (a.reduce && a.reduce != CN_NORM && a.reduce != CN_MIN && a.reduce != CN_MAX && a.reduce != CN_AVE &&
        a.reduce != CN_SUM)
        return cn__poison(v, site, CN_E_VALUE, "cn_watch_on: .reduce is CN_NORM, CN_MIN, CN_MAX, CN_AVE or CN_SUM.");
    if (!cn__axes_mask(a.keep_axes, CN_MAX_RANK, &v->keep) || (v->keep && !a.reduce))
        return cn__poison(v, site, CN_E_VALUE, "cn_watch_on: .keep_axes names axes 0 .. %d that .reduce leaves.",
                          CN_MAX_RANK - 1);
    size_t n = strlen(a.path) + 1;
    if (!(v->path = cn__alloc(ctx, n))) return cn__poison(v, site, CN_E_NOMEM, "out of memory for a watch");
    memcpy(v->path, a.path, n);
    v->model = a.on, v->gradient = a.gradient == CN_YES, v->reduce = a.reduce, v->every = a.every;
    v->number = ++a.on->watch_number;
    cn_watch **end = &a.on->watches;
    while (*end) end = &(*end)->next;
    *end = v;
    return v;
}

const cn_array *cn_watch_value(const cn_watch *v)
{
    if (!v || cn__bad(v)) return NULL;
    if (v->value) return v->value;
    cn__fail(v->obj.ctx, NULL, CN_E_STATE, "cn_watch_value: \"%s\" has not been seen yet: no step was made.", v->path);
    return NULL;
}
