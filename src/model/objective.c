/* objective.c: what a step is about: losses, weights and masks, regularization, the metrics' sums, gradients, the
   optimizer. All of it is nodes. */
#include "model/model.h"

/* A weight for each sample, (B), or step, (B, T), beside a value with more axes. */
static cn__val beside(cn_graph *g, cn__val w, cn__val v)
{
    int64_t dim[CN_MAX_RANK];
    const cn__type *tw = cn__type_of(g, w), *tv = cn__type_of(g, v);
    if (!w || tw->rank >= tv->rank) return w;
    for (int i = 0; i < tv->rank; i++) dim[i] = i < tw->rank ? tw->dim[i] : 1;
    return cn__reshape(g, w, tv->rank, dim);
}

/* What has weight 0 counts for nothing, be it not a number: it is 0 before anything is done with it. */
static cn__val silence(cn_graph *g, cn__val y, cn__val w)
{
    if (!w) return y;
    cn__val none = cn__b2(g, CN__OP_EQ, beside(g, w, y), cn__like(g, w, 0));
    return cn__where(g, none, cn__like(g, y, 0), y);
}

/* Metrics without weights count it all the same, as Keras does, but where it is not a number. */
static cn__val silence_nan(cn_graph *g, cn__val y, cn__val silent)
{
    if (y == silent || !cn__is_float((cn_dtype)cn__type_of(g, y)->dtype)) return y;
    return cn__where(g, cn__b1(g, CN__OP_IS_NAN, y), silent, y);
}

/* The weight of what a mask lets through; either may be 0: none. */
static cn__val let_through(cn_graph *g, cn__val mask, cn__val w)
{
    if (!mask) return w;
    cn__val m = cn__cast(g, mask, CN_FLOAT32);
    return w ? cn__mul(g, m, beside(g, w, m)) : m;
}

/* Keras: masked steps leave the mean, so valid ones count total / valid. */
static cn__val masked(cn_graph *g, cn__val mask, cn__val w)
{
    cn__val m = cn__cast(g, mask, CN_FLOAT32);
    cn__val valid = cn__reduce_all(g, CN__OP_SUM, m);
    double  total = (double)cn__type_count(cn__type_of(g, m));
    m = cn__mul(g, m, cn__div(g, cn__like(g, valid, total), cn__b2(g, CN__OP_MAX, valid, cn__like(g, valid, 1))));
    return w ? cn__mul(g, m, beside(g, w, m)) : m;
}

/* sum + x scale, at commit. */
static void accumulate(cn_graph *g, cn__var *sum, cn__val x, double scale)
{
    cn__val in[3] = { cn__variable(g, sum), x, scale == 1 ? 0 : cn__like(g, x, scale) };
    cn__assign_var(g, sum, cn__emit(g, CN__OP_ACCUMULATE, NULL, 0, scale == 1 ? 2 : 3, in, 1, NULL), 0);
}

static cn__val as_float32(cn_graph *g, cn__val v) { return cn__cast(g, v, CN_FLOAT32); }

typedef struct parts {                                   /* by output; bare: targets for what takes no weights */
    cn__val loss[CN_MAX_LIST], y[CN_MAX_LIST], bare[CN_MAX_LIST], p[CN_MAX_LIST], mask[CN_MAX_LIST];
    cn__val weight;
} parts;

static cn__val add_up(cn__lower *w, const cn__training *t, const cn__flow *out, const cn__val *y, cn__val weight,
                      parts *of)
{
    cn_graph *g = w->g;
    cn__val   total = 0;
    of->weight = weight;
    for (int i = 0; i < t->targets; i++) {
        const cn__target *target = &t->target[i];
        cn__origin(g, "loss of %s", target->name);
        of->y[i] = silence(g, y[i], weight), of->p[i] = out[i].val;
        of->bare[i] = silence_nan(g, y[i], of->y[i]);
        of->mask[i] = out[i].mask, of->loss[i] = 0;
        if (!target->loss.cls) continue;
        cn__val valid = cn__loss_valid(g, &target->loss, of->y[i], out[i].val);
        cn__val l = cn__loss(g, &target->loss, of->y[i], out[i].val, out[i].logits, out[i].logits_of);
        cn__val counts = out[i].mask ? masked(g, out[i].mask, weight) : weight;
        if (counts) l = cn__mul(g, l, cn__cast(g, beside(g, counts, l), (cn_dtype)cn__type_of(g, l)->dtype));
        if (valid) l = cn__mul(g, l, cn__cast(g, masked(g, valid, 0), (cn_dtype)cn__type_of(g, l)->dtype));
        l = as_float32(g, cn__reduce_all(g, CN__OP_MEAN, l));
        of->loss[i] = l;
        l = cn__scale(g, l, target->weight);
        total = total ? cn__add(g, total, l) : l;
    }
    return total;
}

static cn__val penalties(cn__lower *w, cn_model *m, cn__val total)
{
    cn_graph *g = w->g;
    for (size_t i = 0; i < m->table.n; i++) {
        const cn__entry *e = &m->table.at[i];
        if (!e->trainable || !e->weight->regularizer.cls) continue;
        cn__origin(g, "regularizer of %s", e->path);
        cn__val l = as_float32(g, cn__regularize(g, &e->weight->regularizer, cn__variable(g, e->weight->var)));
        total = total ? cn__add(g, total, l) : l;
    }
    if (w->extra) total = total ? cn__add(g, total, as_float32(g, w->extra)) : as_float32(g, w->extra);
    return total;
}

static void measure(cn__lower *w, const cn__training *t, const cn__signature *sig, const parts *of, cn__val total)
{
    cn_graph *g = w->g;
    for (size_t i = 0; i < t->gauges.n; i++) {
        const cn__gauge *q = &t->gauges.at[i];
        cn__var *sum = q->sum[sig->mode == CN__EVAL];
        cn__origin(g, "%s", q->name);
        if (q->kind == CN__GAUGE_LOSS) accumulate(g, sum, total, (double)sig->batch);
        else if (q->kind == CN__GAUGE_TARGET) accumulate(g, sum, of->loss[q->target], (double)sig->batch);
        else {
            cn__val weight = q->weighted ? of->weight : 0;
            if (cn__metric_is_mean(&q->metric)) weight = let_through(g, of->mask[q->target], weight);
            cn__val y = q->weighted ? of->y[q->target] : of->bare[q->target];
            accumulate(g, sum, cn__metric_sums(g, &q->metric, y, of->p[q->target], weight), 1);
        }
    }
}

/* Gradients of the weights, and of what is watched. */
static bool learn(cn__lower *w, cn__training *t, cn__val total)
{
    cn_graph *g = w->g;
    cn_ctx   *ctx = w->ctx;
    int       n = (int)t->weights.n;
    size_t    bytes = 2 * ((size_t)n + 1) * sizeof(cn__val);
    cn__val  *x = cn__alloc0(ctx, bytes), *dx = x + n + 1;
    if (!x) return cn__graph_fail(g, CN_E_NOMEM, "out of memory for %d gradients", n), false;
    for (int i = 0; i < n; i++) x[i] = cn__variable(g, t->weights.at[i]->var);
    bool ok = !n ||
              (cn__gradient(g, total, 0, n, x, dx) && cn__optimizer_apply(&t->optimizer, g, t->weights.at, dx, n));
    cn__free(ctx, x, bytes);
    return ok;
}

bool cn__objective(cn__lower *w, cn_model *m, const cn__signature *sig, const cn__flow *out, const cn__val *y,
                   cn__val weight, cn__val *loss)
{
    cn__training *t = m->training;
    parts of;
    cn__val total = penalties(w, m, add_up(w, t, out, y, weight, &of));
    *loss = total;
    if (!total)
        return cn__graph_fail(w->g, CN_E_STATE, "no output has a loss. Give one to cn_compile: .loss = CN_MSE"), false;
    cn__check_finite(w->g, total);
    measure(w, t, sig, &of, total);
    cn__origin(w->g, "optimizer");
    bool ok = sig->mode != CN__TRAIN || learn(w, t, total);
    cn__origin_set(w->g, 0);
    return ok && !w->g->error.status;
}
