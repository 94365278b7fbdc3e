/* callbacks.c: what may happen between steps and epochs: Keras's callbacks, in its words. Each is a row of
   callbacks.def and a table of hooks; the user's own are LambdaCallback. */
#include "base/file.h"
#include "model/callbacks.h"
#include "nn/options.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- A result that is watched ------------------------------------------------------------------------------------ */
static void add_available(const cn_model *m, cn__text *list)
{
    for (size_t i = 0; i < m->results.n; i++)
        if (m->results.at[i].stamp == m->stamp) cn__text_add(list, "%s%s", list->n ? "," : "", m->results.at[i].name);
}

/* Keras's mode "auto": the loss falls, a metric goes its own way, else somebody has to say. */
cn_status cn__monitor_direct(cn__callback *c, cn__monitor *w, const char *name, cn_word mode)
{
    const char *own = !strncmp(name, "val_", 4) ? name + 4 : name;
    const cn__training *t = c->m->training;
    if (w->direction) return CN_OK;
    if (mode == CN_MIN || mode == CN_MAX) return w->direction = mode == CN_MAX ? 1 : -1, CN_OK;
    if (mode) return cn__fail(c->m->obj.ctx, c->site, CN_E_VALUE, "%s: .mode is CN_MIN or CN_MAX.", c->cls->name);
    for (size_t i = 0; i < t->gauges.n; i++)
        if (!strcmp(t->gauges.at[i].name, own)) w->direction = t->gauges.at[i].up;
    return w->direction ? CN_OK
                        : cn__fail(c->m->obj.ctx, c->site, CN_E_VALUE,
                                   "%s callback received monitor=%s, but it is not known whether that result should be "
                                   "maximized or minimized. "
                                   "Use .mode = CN_MAX or .mode = CN_MIN.",
                                   c->cls->name, name);
}

static bool value_of(cn__callback *c, const char *name, double *value, const char *who)
{
    const cn__result *r = cn__result_find(c->m, name);
    if (r && r->stamp == c->m->stamp) return *value = r->value, true;
    cn__text list = { .ctx = c->m->obj.ctx };
    add_available(c->m, &list);
    cn__log(c->m->obj.ctx, CN_LOG_WARNING,
            "%s conditioned on metric `%s` which is not available. Available metrics are: %s", who, name,
            cn__text_get(&list));
    cn__text_free(&list);
    return false;
}

bool cn__monitor_improves(const cn__monitor *w, double value, double than, double min_delta)
{
    return w->direction > 0 ? value - fabs(min_delta) > than : value + fabs(min_delta) < than;
}

bool cn__monitor_best(cn__monitor *w, double value, double min_delta)
{
    if (w->any && !cn__monitor_improves(w, value, w->best, min_delta)) return false;
    w->any = true, w->best = value;
    return true;
}

void cn__monitor_snap(cn__monitor *w, cn__snap *s)
{
    w->direction = (int)cn__snap_number(s, w->direction);
    w->any = cn__snap_number(s, w->any) != 0;
    w->best = cn__snap_real(s, w->best);
}

/* Results that callbacks add: once an epoch. */
static cn_status log_learning_rate(cn__callback *c)
{
    cn__result *r = cn__result_make(c->m, "", "learning_rate");
    if (!r) return CN_E_NOMEM;
    bool first = r->stamp != c->m->stamp || !r->history.n;
    return cn__result_set(c->m, "", "learning_rate", cn_learning_rate(c->m), first) ? CN_OK : CN_E_NOMEM;
}

/* ---- EarlyStopping ----------------------------------------------------------------------------------------------- */
typedef struct early { cn__monitor w; int64_t wait, stopped, best_epoch; char *weights; size_t bytes; } early;

static cn_status patient(const cn__callback *c, const char *who, int64_t patience)
{
    if (patience >= 0) return CN_OK;
    return cn__fail(c->m->obj.ctx, c->site, CN_E_VALUE, "%s: .patience is %lld, it must be at least 0.", who,
                    (long long)patience);
}

static cn_status early_open(cn__callback *c)
{
    return patient(c, "EarlyStopping", ((const cn_early_stopping_args *)c->args)->patience);
}

static cn_status make_room(cn_model *m, early *s)
{
    if (s->weights) return CN_OK;
    if (!cn__model_table(m)) return CN_E_NOMEM;
    for (size_t i = 0; i < m->table.n; i++) s->bytes += cn__type_bytes(&m->table.at[i].weight->var->type);
    return (s->weights = cn__alloc(m->obj.ctx, s->bytes)) ? CN_OK : cn__nomem(m->obj.ctx);
}

static cn_status keep_weights(cn__callback *c, early *s)
{
    cn_model *m = c->m;
    size_t    at = 0;
    cn_status status = make_room(m, s);
    if (status) return status;
    for (size_t i = 0; i < m->table.n; i++) {
        cn__var *v = m->table.at[i].weight->var;
        memcpy(s->weights + at, cn__var_master(v), cn__type_bytes(&v->type));
        at += cn__type_bytes(&v->type);
    }
    return CN_OK;
}

static void early_snap(cn__callback *c, cn__snap *snap)
{
    early *s = c->state;
    cn__monitor_snap(&s->w, snap);
    s->wait = cn__snap_number(snap, s->wait);
    s->stopped = cn__snap_number(snap, s->stopped);
    s->best_epoch = cn__snap_number(snap, s->best_epoch);
    if (!cn__snap_number(snap, s->weights != NULL) || snap->bad) return;
    if (make_room(c->m, s)) cn__snap_bad(snap, "there is no memory for the best weights");
    else cn__snap_bytes(snap, s->weights, s->bytes);
}

static void give_weights_back(cn_model *m, const early *s)
{
    size_t at = 0;
    for (size_t i = 0; i < m->table.n; i++) {
        cn__var *v = m->table.at[i].weight->var;
        memcpy(cn__var_master(v), s->weights + at, cn__type_bytes(&v->type));
        cn__var_touch(v);
        at += cn__type_bytes(&v->type);
    }
}

static cn_status early_epoch(cn__callback *c, const cn_event *e)
{
    const cn_early_stopping_args *a = c->args;
    early *s = c->state;
    double value;
    bool   restore = a->restore_best_weights == CN_YES;
    cn_status status = cn__monitor_direct(c, &s->w, a->monitor, a->mode);
    if (status || !value_of(c, a->monitor, &value, "Early stopping") || e->epoch < a->start_from_epoch) return status;
    if (restore && !s->weights) {
        if ((status = keep_weights(c, s))) return status;
        s->best_epoch = e->epoch;
    }
    s->wait++;
    if (cn__monitor_best(&s->w, value, a->min_delta)) {
        s->best_epoch = e->epoch;
        if (restore && (status = keep_weights(c, s))) return status;
        if (a->baseline == 0 || cn__monitor_improves(&s->w, value, a->baseline, a->min_delta)) s->wait = 0;
        return CN_OK;
    }
    if (s->wait >= a->patience && e->epoch > 0) {
        s->stopped = e->epoch;
        cn_stop_training(c->m);
    }
    return CN_OK;
}

static cn_status early_end(cn__callback *c, const cn_event *e)
{
    const cn_early_stopping_args *a = c->args;
    const early *s = c->state;
    (void)e;
    if (s->stopped > 0 && a->verbose > 0) cn__say(c->m, "Epoch %lld: early stopping", (long long)s->stopped + 1);
    if (!s->weights) return CN_OK;
    if (a->verbose > 0)
        cn__say(c->m, "Restoring model weights from the end of the best epoch: %lld.", (long long)s->best_epoch + 1);
    give_weights_back(c->m, s);
    return CN_OK;
}

static void early_close(cn__callback *c)
{
    early *s = c->state;
    cn__free(c->m->obj.ctx, s->weights, s->bytes);
}
const cn__callback_ops cn__callback_early_stopping = {
    .on = { [CN__ON_EPOCH_END] = early_epoch, [CN__ON_TRAIN_END] = early_end },
    .open = early_open,
    .state = sizeof(early),
    .snap = early_snap,
    .close = early_close
};

/* ---- ReduceLROnPlateau, LearningRateScheduler -------------------------------------------------------------------- */
typedef struct plateau { cn__monitor w; int64_t wait, cooldown; } plateau;

static cn_status plateau_open(cn__callback *c)
{
    const cn_reduce_lr_on_plateau_args *a = c->args;
    if (a->factor > 0 && a->factor < 1) return patient(c, "ReduceLROnPlateau", a->patience);
    return cn__fail(c->m->obj.ctx, c->site, CN_E_VALUE, "ReduceLROnPlateau: .factor is %g, it must be between 0 and 1.",
                    a->factor);
}

static void plateau_snap(cn__callback *c, cn__snap *snap)
{
    plateau *s = c->state;
    cn__monitor_snap(&s->w, snap);
    s->wait = cn__snap_number(snap, s->wait);
    s->cooldown = cn__snap_number(snap, s->cooldown);
}

static cn_status plateau_reduce(cn__callback *c, plateau *s, int64_t epoch)
{
    const cn_reduce_lr_on_plateau_args *a = c->args;
    char   text[32];
    double now = cn_learning_rate(c->m), next = CN__MAX(now * a->factor, a->min_lr);
    if (!(now > (double)(float)a->min_lr)) return CN_OK;
    cn_status status = cn_set_learning_rate(c->m, next);
    if (status) return status;
    if (a->verbose > 0)
        cn__say(c->m, "\nEpoch %lld: ReduceLROnPlateau reducing learning rate to %s.", (long long)epoch + 1,
                cn__repr(next, text));
    s->cooldown = a->cooldown, s->wait = 0;
    return CN_OK;
}

static cn_status plateau_epoch(cn__callback *c, const cn_event *e)
{
    const cn_reduce_lr_on_plateau_args *a = c->args;
    plateau *s = c->state;
    double value;
    cn_status status = cn__monitor_direct(c, &s->w, a->monitor, a->mode);
    if (!status) status = log_learning_rate(c);
    if (status || !value_of(c, a->monitor, &value, "Learning rate reduction is")) return status;
    if (s->cooldown > 0) s->cooldown--, s->wait = 0;
    if (cn__monitor_best(&s->w, value, a->min_delta)) s->wait = 0;
    else if (s->cooldown == 0 && ++s->wait >= a->patience) status = plateau_reduce(c, s, e->epoch);
    return status;
}
const cn__callback_ops cn__callback_reduce_lr_on_plateau = { .on = { [CN__ON_EPOCH_END] = plateau_epoch },
                                                       .state = sizeof(plateau),
                                                       .snap = plateau_snap,
                                                       .open = plateau_open };

static cn_status scheduler_open(cn__callback *c)
{
    const cn_learning_rate_scheduler_args *a = c->args;
    return a->schedule ? CN_OK
                       : cn__fail(c->m->obj.ctx, c->site, CN_E_VALUE, "LearningRateScheduler: there is no function.");
}

static cn_status scheduler_begin(cn__callback *c, const cn_event *e)
{
    const cn_learning_rate_scheduler_args *a = c->args;
    char      text[32];
    double    rate = a->schedule(e->epoch, cn_learning_rate(c->m), a->user);
    cn_status status = cn_set_learning_rate(c->m, rate);
    if (!status && a->verbose > 0)
        cn__say(c->m, "\nEpoch %lld: LearningRateScheduler setting learning rate to %s.", (long long)e->epoch + 1,
                cn__repr(rate, text));
    return status;
}

static cn_status scheduler_end(cn__callback *c, const cn_event *e) { return (void)e, log_learning_rate(c); }
const cn__callback_ops cn__callback_learning_rate_scheduler = {
    .on = { [CN__ON_EPOCH_BEGIN] = scheduler_begin, [CN__ON_EPOCH_END] = scheduler_end }, .open = scheduler_open
};

/* ---- TerminateOnNaN: the loss is looked at before anything is written, in any case ------------------------------- */
static cn_status terminate_invalid(cn__callback *c, int64_t batch)
{
    const cn_terminate_on_nan_args *a = c->args;
    cn__say(c->m, "Batch %lld: Invalid loss, terminating training", (long long)batch);
    return a->raise_error == CN_NO ? CN_OK : CN_E_NUMERIC;
}
const cn__callback_ops cn__callback_terminate_on_nan = { .invalid = terminate_invalid };

/* ---- LambdaCallback ---------------------------------------------------------------------------------------------- */
static cn_status call_user(cn__callback *c, cn_hook f, const cn_event *e)
{
    cn_ctx   *ctx = c->m->obj.ctx;
    cn_status status = f ? f(e, ((cn_lambda_callback_args *)c->args)->user) : CN_OK;
    if (status > 0) status = CN_E_USER;
    return !status || (cn_error)(ctx) == status
               ? status
               : cn__fail(ctx, c->site, status, "a callback ended the training in epoch %lld, batch %lld.",
                          (long long)e->epoch + 1, (long long)e->batch + 1);
}

static cn_status lambda_open(cn__callback *c)
{
    const cn_lambda_callback_args *a = c->args;
    c->train_batches = a->on_train_batch_begin || a->on_train_batch_end;
    c->test_batches = a->on_test_batch_end != NULL;
    return CN_OK;
}

#define LAMBDA_HOOKS(X)                                                                                   \
    X(TRAIN_BEGIN, on_train_begin)             X(TRAIN_END, on_train_end)                                 \
    X(EPOCH_BEGIN, on_epoch_begin)             X(EPOCH_END, on_epoch_end)                                 \
    X(TRAIN_BATCH_BEGIN, on_train_batch_begin) X(TRAIN_BATCH_END, on_train_batch_end)                     \
    X(TEST_BATCH_END, on_test_batch_end)
#define LAMBDA(kind, member)                                                                              \
    static cn_status lambda_##member(cn__callback *c, const cn_event *e)                                  \
    {                                                                                                     \
        return call_user(c, ((cn_lambda_callback_args *)c->args)->member, e);                             \
    }
LAMBDA_HOOKS(LAMBDA)
#define LAMBDA_ENTRY(kind, member)  [CN__ON_##kind] = lambda_##member,
const cn__callback_ops cn__callback_lambda_callback = { .on = { LAMBDA_HOOKS(LAMBDA_ENTRY) }, .open = lambda_open };

/* ---- The list ---------------------------------------------------------------------------------------------------- */
#define CN_CALLBACK(class, snake, id, REQUIRED, FIELDS, help)                                                         \
    CN__CLASS(class_##id, cn_##id##_args, REQUIRED, CN_NO_FIELDS, FIELDS, #class, snake, "keras.callbacks", "", help, \
              CN__FAM_CALLBACK, NULL, &cn__callback_##id)                                                             \
    cn_callback(cn_##id)(cn_##id##_args * args) { return CN__CHOOSE(cn_callback, args, #class); }
#include "model/callbacks.def"
#undef CN_CALLBACK

static cn__class_fn *const classes[] = {
#define CN_CALLBACK(class, snake, id, REQUIRED, FIELDS, help) class_##id,
#include "model/callbacks.def"
#undef CN_CALLBACK
};

static const cn__class *find_class(const char *name)
{
    for (size_t i = 0; i < CN__COUNT(classes); i++)
        if (!strcmp(classes[i]()->name, name) || !strcmp(classes[i]()->snake, name)) return classes[i]();
    return NULL;
}

static cn_status unknown(cn__callbacks *l, const char *name)
{
    const char *names[CN__COUNT(classes)];
    cn__text near = { .ctx = l->m->obj.ctx };
    for (size_t i = 0; i < CN__COUNT(classes); i++) names[i] = classes[i]()->snake;
    cn_status status = cn__fail(l->m->obj.ctx, l->site, CN_E_NAME, "there is no callback \"%s\". The nearest: %s.",
                                name, cn__nearest(&near, name, names, CN__COUNT(names)));
    cn__text_free(&near);
    return status;
}

static cn_status open_one(cn__callbacks *l, const char *choice)
{
    cn_ctx *ctx = l->m->obj.ctx;
    const cn_head *head = (const void *)choice;
    bool options = head->mark == CN__MARK;
    const cn__class *cls = find_class(options ? head->kind : choice);
    cn__callback *c = cn__arena_alloc(&l->mem, sizeof *c);
    if (!cls) return unknown(l, options ? head->kind : choice);
    if (!c) return cn__nomem(ctx);
    cn_head none = { .size = sizeof none };
    c->ops = cls->ops, c->cls = cls, c->m = l->m, c->mem = &l->mem;
    c->site = options && head->site ? head->site : l->site;
    c->args = cn__args_resolve(ctx, &l->mem, c->site, cls, options ? (const void *)choice : &none);
    if (!c->args) return (cn_error)(ctx);
    if (c->ops->state && !(c->state = cn__arena_alloc(&l->mem, c->ops->state))) return cn__nomem(ctx);
    l->at[l->n++] = c;                                   /* from here on it is closed */
    cn_status status = c->ops->open ? c->ops->open(c) : CN_OK;
    l->train_batches = l->train_batches || c->train_batches;
    l->test_batches = l->test_batches || c->test_batches;
    return status;
}

cn_status cn__callbacks_open(cn__callbacks *l, cn_model *m, const cn_callback *list, const char *site)
{
    cn_status status = CN_OK;
    *l = (cn__callbacks){ .m = m, .site = site, .mem = { .ctx = m->obj.ctx } };
    for (int i = 0; !status && i < CN_MAX_LIST && list[i].name; i++) status = open_one(l, list[i].name);
    return status;
}

/* One that asks for a stop does not keep the others from their part: what went on later would lack it. */
cn_status cn__callbacks_run(cn__callbacks *l, cn__hook_kind kind, int64_t epoch, int64_t batch, int64_t step)
{
    cn_event e = {
        .size = sizeof e, .ctx = l->m->obj.ctx, .model = l->m, .epoch = epoch, .batch = batch, .step = step
    };
    cn_status status = CN_OK;
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < l->n; i++) {
            cn__callback *c = l->at[i];
            if (status && (status != CN_E_STOPPED || kind == CN__ON_TRAIN_END)) return status;
            if (c->ops->last != last || !c->ops->on[kind]) continue;
            cn_status failed = c->ops->on[kind](c, &e);
            if (failed) status = failed;
        }
    return status;
}

cn_status cn__callbacks_stopped(cn__callbacks *l, cn_status status)
{
    for (int i = 0; i < l->n; i++) {
        cn_status failed = l->at[i]->ops->stopped ? l->at[i]->ops->stopped(l->at[i]) : CN_OK;
        if (failed) status = failed;
    }
    return status;
}

void cn__callbacks_snap(cn__callbacks *l, cn__snap *s)
{
    for (int i = 0; i < l->n && !s->bad; i++) {
        cn__callback *c = l->at[i];
        if (!c->ops->snap) continue;
        if (strcmp(cn__snap_text(s, c->cls->name), c->cls->name) != 0) cn__snap_bad(s, "it had other callbacks");
        if (!s->bad) c->ops->snap(c, s);
    }
}

cn_status cn__callbacks_invalid(cn__callbacks *l, int64_t batch)
{
    cn_status status = CN_E_NUMERIC;
    for (int i = 0; i < l->n; i++)
        if (l->at[i]->ops->invalid && !l->at[i]->ops->invalid(l->at[i], batch)) status = CN_OK;
    return status;
}

void cn__callbacks_close(cn__callbacks *l)
{
    for (int i = l->n; i-- > 0;)
        if (l->at[i]->ops->close) l->at[i]->ops->close(l->at[i]);
    cn__arena_free(&l->mem);
    l->n = 0;
}
