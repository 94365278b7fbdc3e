/* optimizer.c: how weights follow their gradients. The update of one weight is an op of the graph, written in place;
   what Keras has around it is nodes: clipping and the learning rate before, accumulation, moving averages and
   constraints after. */
#include "nn/options.h"
#include <stdio.h>

enum { SLOTS = 3 };
typedef struct cn__slots {
    const cn__weight *weight;
    cn__var *average, *accumulator, *slot[SLOTS];        /* NULL: the optimizer has none */
} cn__slots;

/* names: of the slots that the options ask for, in Keras's order; the first `together` of them stand side by side for
   each weight, the others are each made for all weights. */
typedef struct optimizer_ops {
    int  (*names)(const void *args, const char **names, int *together);
    /* From w, its slots and gradient, learning rate and t (int64, from 1): the op, its attribute and its operands
     * behind the slots. */
    bool (*update)(cn_graph *, const void *args, bool in_place, int nslots, const cn__val *w, cn__val grad,
                   cn__val rate, cn__val t, cn__val *out);
    bool straight_through;
} optimizer_ops;

typedef cn_perceptron_args common;                       /* what all begin with: CN_OPTIMIZER_FIELDS */
static const common *common_of(const cn__optimizer *o) { return o->spec.args; }
static const optimizer_ops *ops_of(const cn__optimizer *o) { return o->spec.cls->ops; }

/* The op where its results are the variables' next values at once; its formula as nodes where something comes after it,
   for the op overwrites what that still wants to read. */
static bool emit(cn_graph *g, cn__op op, const void *attr, size_t size, bool in_place, int nslots, const cn__val *w,
                 int nmore, const cn__val *more, cn__val *out)
{
    cn__val in[1 + SLOTS + 3];
    int n = 0;
    for (int i = 0; i <= nslots; i++) in[n++] = w[i];
    for (int i = 0; i < nmore; i++) in[n++] = more[i];
    if (in_place) return cn__emit(g, op, attr, size, n, in, nslots + 1, out) != 0;
    cn__inst inst = {
        .op = (uint16_t)op, .nin = (uint16_t)n, .nout = (uint16_t)(nslots + 1), .attr = attr, .attr_size = size
    };
    return cn__ops[op].decomp(g, &inst, in, out);
}

/* ---- SGD, and the perceptron rule -------------------------------------------------------------------------------- */
static int names_sgd(const void *args, const char **names, int *together)
{
    names[0] = "momentum", *together = 1;
    return ((const cn_sgd_args *)args)->momentum != 0;
}

static bool update_sgd(cn_graph *g, const void *args, bool in_place, int nslots, const cn__val *w, cn__val grad,
                       cn__val rate, cn__val t, cn__val *out)
{
    const cn_sgd_args *o = args;
    cn__a_sgd attr;
    memset(&attr, 0, sizeof attr);
    attr.momentum = o->momentum, attr.weight_decay = o->weight_decay, attr.nesterov = o->nesterov == CN_YES;
    (void)t;
    return emit(g, CN__OP_SGD, &attr, sizeof attr, in_place, nslots, w, 2, (cn__val[]){ grad, rate }, out);
}

static int names_perceptron(const void *args, const char **names, int *together)
{
    return (void)args, (void)names, *together = 1, 0;
}

static bool update_perceptron(cn_graph *g, const void *args, bool in_place, int nslots, const cn__val *w, cn__val grad,
                              cn__val rate, cn__val t, cn__val *out)
{
    cn__a_sgd attr;
    memset(&attr, 0, sizeof attr);
    attr.weight_decay = ((const cn_perceptron_args *)args)->weight_decay;
    (void)t;
    return emit(g, CN__OP_SGD, &attr, sizeof attr, in_place, nslots, w, 2, (cn__val[]){ grad, rate }, out);
}

/* ---- RMSprop ----------------------------------------------------------------------------------------------------- */
static int names_rmsprop(const void *args, const char **names, int *together)
{
    const cn_rmsprop_args *o = args;
    int n = 0;
    names[n++] = "velocity", *together = 1;
    if (o->momentum > 0) names[n++] = "momentum";
    if (o->centered == CN_YES) names[n++] = "average_gradient";
    return n;
}

static bool update_rmsprop(cn_graph *g, const void *args, bool in_place, int nslots, const cn__val *w, cn__val grad,
                           cn__val rate, cn__val t, cn__val *out)
{
    const cn_rmsprop_args *o = args;
    cn__a_rmsprop attr;
    memset(&attr, 0, sizeof attr);
    attr.rho = o->rho, attr.momentum = o->momentum, attr.epsilon = o->epsilon, attr.weight_decay = o->weight_decay;
    attr.centered = o->centered == CN_YES;
    (void)t;
    return emit(g, CN__OP_RMSPROP, &attr, sizeof attr, in_place, nslots, w, 2, (cn__val[]){ grad, rate }, out);
}

/* ---- Adam, AdamW: the same but for the preset of weight_decay ---------------------------------------------------- */
static int names_adam(const void *args, const char **names, int *together)
{
    names[0] = "momentum", names[1] = "velocity", names[2] = "velocity_hat", *together = 2;
    return ((const cn_adam_args *)args)->amsgrad == CN_YES ? 3 : 2;
}

static bool update_adam(cn_graph *g, const void *args, bool in_place, int nslots, const cn__val *w, cn__val grad,
                        cn__val rate, cn__val t, cn__val *out)
{
    const cn_adam_args *o = args;
    cn__a_adam attr;
    memset(&attr, 0, sizeof attr);
    attr.beta_1 = o->beta_1, attr.beta_2 = o->beta_2, attr.epsilon = o->epsilon, attr.weight_decay = o->weight_decay;
    attr.amsgrad = o->amsgrad == CN_YES;
    return emit(g, CN__OP_ADAM, &attr, sizeof attr, in_place, nslots, w, 3, (cn__val[]){ grad, rate, t }, out);
}

/* ---- The list ---------------------------------------------------------------------------------------------------- */
static cn_status finish(cn_ctx *ctx, const char *site, void *args)
{
    const common *o = args;
    if ((o->clipnorm != 0) + (o->clipvalue != 0) + (o->global_clipnorm != 0) > 1)
        return cn__fail(ctx, site, CN_E_VALUE,
                        "%s: clipnorm is %g, clipvalue %g, global_clipnorm %g; only one of them can be set.",
                        o->head.kind, o->clipnorm, o->clipvalue, o->global_clipnorm);
    return CN_OK;
}

static const optimizer_ops ops_sgd = { names_sgd, update_sgd, false },
                           ops_rmsprop = { names_rmsprop, update_rmsprop, false },
                           ops_adam = { names_adam, update_adam, false },
                           ops_adamw = { names_adam, update_adam, false },
                           ops_perceptron = { names_perceptron, update_perceptron, true };
#define CN_OPTIMIZER(class, snake, id, FIELDS, module, formula)                                                       \
    CN__CLASS(class_##id, cn_##id##_args, CN_NO_FIELDS, CN_NO_FIELDS, FIELDS, #class, snake, module, "",              \
              formula, CN__FAM_OPTIMIZER, finish, &ops_##id)                                                          \
    cn_optimizer (cn_##id)(cn_##id##_args *args) { return CN__CHOOSE(cn_optimizer, args, #class); }
#include "nn/optimizers.def"
#undef CN_OPTIMIZER

cn__class_fn *const cn__optimizer_classes[] = {
#define CN_OPTIMIZER(class, snake, id, FIELDS, module, formula) class_##id,
#include "nn/optimizers.def"
#undef CN_OPTIMIZER
    NULL
};

/* ---- Variables --------------------------------------------------------------------------------------------------- */
static const char *own_name(const cn__optimizer *o)
{
    return common_of(o)->name ? common_of(o)->name : o->spec.cls->snake;
}

static cn__var *add_var(cn__optimizer *o, const cn__type *type, cn__role role, const char *name)
{
    const char *path = cn__arena_printf(&o->mem, "%s/%s", own_name(o), name);
    cn__var *v = path ? cn__var_new(o->ctx, &o->mem, path, type, role, CN__SCOPE_MODEL, false) : NULL;
    if (v) v->index = (uint32_t)o->vars.n;
    if (v && cn__push(o->ctx, &o->vars, v)) return v;
    cn__var_free(v);
    return cn__nomem(o->ctx), NULL;
}

bool cn__optimizer_make(cn__optimizer *o, cn_ctx *ctx, const char *site, const char *choice)
{
    cn__type count = { .dtype = CN_INT64 }, rate = { .dtype = CN_FLOAT32 };
    memset(o, 0, sizeof *o);
    o->ctx = ctx, o->mem.ctx = ctx;
    if (!cn__spec_make(ctx, &o->mem, site, CN__FAM_OPTIMIZER, choice, &o->spec)) return cn__optimizer_free(o), false;
    if (!cn__spec_make(ctx, &o->mem, site, CN__FAM_SCHEDULE, common_of(o)->schedule.name, &o->schedule) ||
        !(o->iteration = add_var(o, &count, CN__COUNTER, "iteration")) ||
        (!o->schedule.cls && !(o->learning_rate = add_var(o, &rate, CN__SLOT, "learning_rate"))))
        return cn__optimizer_free(o), false;
    if (o->learning_rate) {
        cn__store(CN_FLOAT32, cn__var_master(o->learning_rate), 0, common_of(o)->learning_rate);
        cn__var_touch(o->learning_rate);
    }
    return true;
}

/* A variable like a weight, called as Keras calls it: dense_kernel_momentum. */
static cn__var *add_slot(cn__optimizer *o, const cn__weight *w, const char *what)
{
    char *name = cn__arena_printf(&o->mem, "%s_%s", w->var->path, what);
    if (!name) return cn__nomem(o->ctx), NULL;
    for (char *c = name; *c; c++)
        if (*c == '/') *c = '_';
    return add_var(o, &w->var->type, CN__SLOT, name);
}

bool cn__optimizer_build(cn__optimizer *o, cn__weight *const *weights, int n)
{
    const char *names[SLOTS];
    int together, count = ops_of(o)->names(o->spec.args, names, &together);
    const common *c = common_of(o);
    bool ok = true;
    o->slots = cn__arena_alloc(&o->mem, ((size_t)n + 1) * sizeof *o->slots), o->nslots = n;
    if (!o->slots) return cn__nomem(o->ctx), false;
    for (int i = 0; i < n; i++) o->slots[i].weight = weights[i];
    for (int i = 0; ok && i < n && c->use_ema == CN_YES; i++)
        ok = (o->slots[i].average = add_slot(o, weights[i], "average")) != NULL;
    for (int i = 0; ok && i < n && c->gradient_accumulation_steps > 1; i++)
        ok = (o->slots[i].accumulator = add_slot(o, weights[i], "gradient_accumulator")) != NULL;
    for (int i = 0; i < n; i++)
        for (int k = 0; ok && k < together && k < count; k++)
            ok = (o->slots[i].slot[k] = add_slot(o, weights[i], names[k])) != NULL;
    for (int k = together; k < count; k++)
        for (int i = 0; ok && i < n; i++) ok = (o->slots[i].slot[k] = add_slot(o, weights[i], names[k])) != NULL;
    return ok;
}

void cn__optimizer_free(cn__optimizer *o)
{
    for (size_t i = 0; i < o->vars.n; i++) cn__var_free(o->vars.at[i]);
    cn__vec_free(o->ctx, &o->vars);
    cn__arena_free(&o->mem);
    memset(o, 0, sizeof *o);
}

bool cn__optimizer_straight_through(const cn__optimizer *o) { return o->spec.cls && ops_of(o)->straight_through; }

/* ---- The step ---------------------------------------------------------------------------------------------------- */
typedef struct stepping {
    cn__optimizer *o;
    cn_graph *g;
    cn__val iteration, rate, t;                          /* steps taken, learning rate, number of this update from 1 */
    cn__val due;                  /* with accumulation: is this batch the last of an update? else 0 */
    cn__val averaging, overwrite; /* with use_ema: its momentum now; is it time to overwrite the weights? else 0 */
} stepping;

static cn__val squares(cn_graph *g, cn__val x)
{
    return cn__cast(g, cn__reduce_all(g, CN__OP_SUM, cn__b1(g, CN__OP_SQUARE, x)), CN_FLOAT32);
}

/* limit / max(|g|, limit): 1 while the norm is within the limit. */
static cn__val shrink(cn_graph *g, cn__val square, double limit)
{
    cn__val norm = cn__b1(g, CN__OP_SQRT, square), bound = cn__like(g, norm, limit);
    return cn__div(g, bound, cn__b2(g, CN__OP_MAX, norm, bound));
}

static cn__val scaled_by(cn_graph *g, cn__val x, cn__val factor)
{
    return x && factor ? cn__mul(g, x, cn__cast(g, factor, (cn_dtype)cn__type_of(g, x)->dtype)) : 0;
}

/* Pascanu et al. 2013, algorithm 1: for each gradient, or for all as one vector. */
static void clip(const cn__optimizer *o, cn_graph *g, cn__val *grads, int n)
{
    const common *c = common_of(o);
    cn__val total = 0;
    for (int i = 0; i < n; i++) {
        if (!grads[i]) continue;
        cn__val x = grads[i];
        if (c->clipnorm > 0) grads[i] = scaled_by(g, x, shrink(g, squares(g, x), c->clipnorm));
        else if (c->clipvalue > 0)
            grads[i] = cn__clip(g, x, cn__like(g, x, -c->clipvalue), cn__like(g, x, c->clipvalue));
        else if (c->global_clipnorm > 0) total = total ? cn__add(g, total, squares(g, x)) : squares(g, x);
    }
    if (!total) return;
    cn__val factor = shrink(g, total, c->global_clipnorm);
    for (int i = 0; i < n; i++)
        if (grads[i]) grads[i] = scaled_by(g, grads[i], factor);
}

static cn__val every(cn_graph *g, cn__val count, int64_t n)              /* is count + 1 a multiple of n? */
{
    cn__val rest = cn__b2(g, CN__OP_MOD, cn__affine(g, count, 1, 1), cn__scalar(g, CN_INT64, (double)n));
    return cn__b2(g, CN__OP_EQ, rest, cn__scalar(g, CN_INT64, 0));
}

static bool begin(stepping *s, cn__optimizer *o, cn_graph *g)
{
    const common *c = common_of(o);
    int64_t batches = c->gradient_accumulation_steps;
    *s = (stepping){ .o = o, .g = g, .iteration = cn__variable(g, o->iteration) };
    s->rate = o->schedule.cls ? cn__schedule_val(g, &o->schedule, s->iteration) : cn__variable(g, o->learning_rate);
    cn__val updates = s->iteration;
    if (batches > 1) {
        cn__val whole = cn__sub(g, updates, cn__b2(g, CN__OP_MOD, updates, cn__scalar(g, CN_INT64, (double)batches)));
        updates = cn__cast(g, cn__scale(g, cn__cast(g, whole, CN_FLOAT64), 1 / (double)batches), CN_INT64);
        s->due = every(g, s->iteration, batches);
    }
    s->t = cn__affine(g, updates, 1, 1);
    if (c->use_ema == CN_YES) {                          /* the first average is the weight itself */
        cn__val first = cn__b2(g, CN__OP_EQ, updates, cn__scalar(g, CN_INT64, 0));
        s->averaging = cn__where(g, first, cn__scalar(g, CN_FLOAT32, 0), cn__scalar(g, CN_FLOAT32, c->ema_momentum));
        if (c->ema_overwrite_frequency > 0) s->overwrite = every(g, updates, c->ema_overwrite_frequency);
    }
    return s->rate && s->t;
}

/* Gathers gradients: what this update goes by, and what is kept for the next batch. */
static cn__val accumulate(const stepping *s, const cn__slots *of, cn__val grad)
{
    cn_graph *g = s->g;
    cn__val sum = cn__add(g, grad, cn__variable(g, of->accumulator));
    cn__assign_var(g, of->accumulator, cn__where(g, s->due, cn__like(g, sum, 0), sum), 0);
    return cn__scale(g, sum, 1 / (double)common_of(s->o)->gradient_accumulation_steps);
}

static cn__val keep_average(const stepping *s, const cn__slots *of, cn__val w)
{
    cn_graph *g = s->g;
    cn__val average = cn__variable(g, of->average),
            share = cn__cast(g, s->averaging, (cn_dtype)cn__type_of(g, w)->dtype);
    average = cn__add(g, cn__mul(g, share, average), cn__mul(g, cn__affine(g, share, -1, 1), w));
    cn__assign_var(g, of->average, average, 0);
    return s->overwrite ? cn__where(g, s->overwrite, average, w) : w;
}

static bool step_one(const stepping *s, const cn__slots *of, cn__val grad)
{
    cn_graph *g = s->g;
    const common *c = common_of(s->o);
    const cn__weight *weight = of->weight;
    bool plain = !s->due && c->use_ema != CN_YES && !weight->constraint.cls;
    cn__val old[1 + SLOTS], now[1 + SLOTS] = { 0 };
    int n = 0;
    old[0] = cn__variable(g, weight->var);
    while (n < SLOTS && of->slot[n]) n++, old[n] = cn__variable(g, of->slot[n - 1]);
    cn__val rate = cn__cast(g, s->rate, (cn_dtype)weight->var->type.dtype);
    if (!ops_of(s->o)->update(g, s->o->spec.args, plain, n, old, grad, rate, s->t, now)) return false;
    for (int k = 0; k <= n && s->due; k++) now[k] = cn__where(g, s->due, now[k], old[k]);
    if (c->use_ema == CN_YES) now[0] = keep_average(s, of, now[0]);
    now[0] = cn__constrain(g, &weight->constraint, now[0]);
    cn__assign_var(g, weight->var, now[0], 0);
    for (int k = 1; k <= n; k++) cn__assign_var(g, of->slot[k - 1], now[k], 0);
    return true;
}

static const cn__slots *slots_of(const cn__optimizer *o, const cn__weight *w)
{
    for (int i = 0; i < o->nslots; i++)
        if (o->slots[i].weight == w) return &o->slots[i];
    return NULL;
}

bool cn__optimizer_apply(cn__optimizer *o, cn_graph *g, cn__weight *const *weights, const cn__val *grads, int n)
{
    stepping s;
    size_t bytes = ((size_t)n + 1) * sizeof(cn__val);
    cn__val *grad = cn__arena_alloc(&g->mem, bytes);
    if (!grad) return cn__graph_fail(g, CN_E_NOMEM, "out of memory for %d gradients", n), false;
    if (!begin(&s, o, g)) return false;
    for (int i = 0; i < n; i++) {
        const cn__slots *of = slots_of(o, weights[i]);
        if (!of)
            return cn__graph_fail(g, CN_E_STATE, "weight %s was not there when the optimizer was built; compile again",
                                  weights[i]->var->path),
                   false;
        grad[i] = grads[i] && s.due ? accumulate(&s, of, grads[i]) : grads[i]; /* 0: the loss does not depend on it */
    }
    clip(o, g, grad, n);
    for (int i = 0; i < n; i++)
        if (grads[i] && !step_one(&s, slots_of(o, weights[i]), grad[i])) return false;
    cn__val count[2] = { s.iteration, cn__scalar(g, CN_INT64, 1) };
    cn__assign_var(g, o->iteration, cn__emit(g, CN__OP_ACCUMULATE, NULL, 0, 2, count, 1, NULL), 0);
    return cn__graph_ok(g);
}

bool cn__optimizer_finalize(cn__optimizer *o, cn__weight *const *weights, int n)
{
    for (int i = 0; i < n; i++) {
        const cn__slots *of = slots_of(o, weights[i]);
        if (!of || !of->average) continue;
        memcpy(cn__var_master(weights[i]->var), cn__var_master(of->average), cn__type_bytes(&of->average->type));
        cn__var_touch(weights[i]->var);
    }
    return true;
}
