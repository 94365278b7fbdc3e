/* fit.c: training: Keras's fit, argument for argument. */
#include "model/model.h"
#include "model/snapshot.h"
#include <math.h>

typedef struct fitting {                                 /* all that a fit holds */
    cn_model      *m;
    const char    *site;
    cn_fit_args    a;
    cn_dataset    *ds, *validation_ds;                   /* referenced */
    cn__reader     train, validation;
    bool           validates;
    cn__callbacks  callbacks;
    cn__bar        bar;
    cn__course     course;                               /* how far it has come */
    bool           stopped;                              /* on request: there is no further epoch */
} fitting;

/* ---- Is what was asked for possible? ----------------------------------------------------------------------------- */
static cn_status check_numbers(const fitting *f)
{
    const cn_fit_args *a = &f->a;
    cn_ctx *ctx = f->m->obj.ctx;
    const struct { const char *name; int64_t value, least;
    } n[] = { { "epochs", a->epochs, 1 },
              { "batch_size", a->batch_size, 1 },
              { "initial_epoch", a->initial_epoch, 0 },
              { "steps_per_epoch", a->steps_per_epoch, 0 },
              { "validation_steps", a->validation_steps, 0 },
              { "validation_freq", a->validation_freq, 1 },
              { "verbose", a->verbose, 0 } };
    for (size_t i = 0; i < CN__COUNT(n); i++)
        if (n[i].value < n[i].least)
            return cn__fail(ctx, f->site, CN_E_VALUE, "cn_fit: %s is %lld, it must be at least %lld.", n[i].name,
                            (long long)n[i].value, (long long)n[i].least);
    if (a->verbose > 2)
        return cn__fail(ctx, f->site, CN_E_VALUE, "cn_fit: verbose is %lld, it must be 0, 1 or 2.",
                        (long long)a->verbose);
    if (!(a->validation_split >= 0 && a->validation_split < 1))
        return cn__fail(ctx, f->site, CN_E_VALUE,
                        "cn_fit: validation_split is %g, it must be at least 0 and less than 1.", a->validation_split);
    int ways = (a->validation_split > 0) + (a->validation_data != NULL) + (a->validation_x != NULL);
    if (ways > 1)
        return cn__fail(ctx, f->site, CN_E_VALUE,
                        "cn_fit: give one of validation_split, validation_data and validation_x.");
    if (!a->validation_x != !a->validation_y)
        return cn__fail(ctx, f->site, CN_E_VALUE, "cn_fit: validation_x and validation_y belong together.");
    return CN_OK;
}

/* ---- Data -------------------------------------------------------------------------------------------------------- */
cn_status cn__data_of(cn_model *m, const void *x, const cn_array *y, const cn_array *weight, bool targets,
                      const char *site, cn_dataset **out)
{
    cn_ctx   *ctx = m->obj.ctx;
    cn_array *ax = (cn_array *)(uintptr_t)x, *ay = (cn_array *)(uintptr_t)y, *aw = (cn_array *)(uintptr_t)weight;
    *out = NULL;
    if (!x) return cn__fail(ctx, site, CN_E_VALUE, "there are no data: x is NULL.");
    const void *given[] = { x, y, weight };
    for (int i = 0; i < 3; i++)
        if (given[i] && cn__bad(given[i])) return cn__fail_with(given[i]);
    if (cn__is(x, CN__DATASET)) {
        if (y || weight)
            return cn__fail(ctx, site, CN_E_VALUE,
                            "a data set has its own targets and weights: leave y and sample_weight out.");
        cn__ref(*out = (cn_dataset *)(uintptr_t)x);
        return CN_OK;
    }
    if (!cn__is(x, CN__ARRAY)) return cn__fail(ctx, site, CN_E_VALUE, "x is neither an array nor a data set.");
    if (targets && !y) return cn__fail(ctx, site, CN_E_VALUE, "there are no targets: y is NULL.");
    *out = cn__dataset_of_arrays(ctx, site, &ax, 1, &ay, y ? 1 : 0, aw);
    return cn__bad(*out) ? cn__fail_with(*out) : CN_OK;
}

/* The last share, before shuffling: split at floor(n (1 - share)), as Keras. */
static cn_status split(fitting *f)
{
    cn_ctx *ctx = f->m->obj.ctx;
    int64_t n = f->train.count, at;
    if (!f->train.s->by_index || n == CN_ANY)
        return cn__fail(
            ctx, f->site, CN_E_VALUE,
            "cn_fit: validation_split needs data whose samples can be taken by number. Use validation_data.");
    at = (int64_t)floor((double)n * (1 - f->a.validation_split));
    if (at < 1 || at >= n)
        return cn__fail(ctx, f->site, CN_E_VALUE,
                        "cn_fit: %lld samples cannot be split by validation_split %g: one part would be empty.",
                        (long long)n, f->a.validation_split);
    f->validation.first = at, f->validation.count = n - at;
    f->train.count = at;
    return CN_OK;
}

static cn_status open_data(fitting *f, const cn_fit_args *a)
{
    cn_model *m = f->m;
    bool      arrays = a->validation_x != NULL, whole = a->validation_data != NULL;
    cn_status status = cn__data_of(m, a->x, a->y, a->sample_weight, true, f->site, &f->ds);
    f->validates = a->validation_split > 0 || whole || arrays;
    if (!status && whole) status = cn__data_of(m, a->validation_data, NULL, NULL, true, f->site, &f->validation_ds);
    else if (!status && arrays)
        status = cn__data_of(m, a->validation_x, a->validation_y, NULL, true, f->site, &f->validation_ds);
    else if (!status && f->validates) cn__ref(f->validation_ds = f->ds);
    if (!status) status = cn__reader_open(&f->train, m, f->ds, CN__TRAIN, a->batch_size, f->site);
    if (!status && f->validates)
        status = cn__reader_open(&f->validation, m, f->validation_ds, CN__EVAL, a->batch_size, f->site);
    if (!status) status = cn__training_ready(m, f->train.s, f->site);
    if (!status && f->validation_ds && f->validation_ds != f->ds)
        status = cn__training_ready(m, f->validation.s, f->site);
    f->train.shuffle = a->shuffle != CN_NO;
    f->train.class_weight = a->class_weight;
    if (!status && a->validation_split > 0) status = split(f);
    if (!status) status = cn__reader_ready(&f->train);
    if (!status && f->validates) status = cn__reader_ready(&f->validation);
    return status;
}

/* ---- Epochs ------------------------------------------------------------------------------------------------------ */
static cn_status validate(fitting *f, int64_t epoch)
{
    cn_model *m = f->m;
    if (f->validation_ds == f->ds) cn__reader_stop(&f->train);
    cn_status status = cn__reader_begin(&f->validation, epoch);
    cn__pass p = { .reader = &f->validation,
                   .mode = CN__EVAL,
                   .epoch = epoch,
                   .steps = f->a.validation_steps,
                   .callbacks = &f->callbacks };
    if (!status) status = cn__pass_run(&p);
    cn__reader_stop(&f->validation);
    if (!status && p.samples && !cn__gauges_read(m, true, p.samples, "val_", true)) status = CN_E_NOMEM;
    return status;
}

/* With steps_per_epoch the data go on where the last epoch left them, until they end. */
static bool begins_anew(const fitting *f, int64_t epoch)
{
    bool shared = f->validation_ds == f->ds && f->validates && !f->train.s->direct;
    return f->course.place.ended || epoch == f->a.initial_epoch || !f->a.steps_per_epoch || shared;
}

static cn_status begin_epoch(fitting *f)
{
    cn__milestone *at = &f->course.place;
    bool       anew = begins_anew(f, at->epoch);
    f->m->stamp++;
    at->stage = CN__IN_BATCHES;                          /* who stops it from here on has seen it begin */
    at->start = anew ? 0 : f->train.at;
    if (anew) at->begun = at->epoch;
    cn_status status = cn__callbacks_run(&f->callbacks, CN__ON_EPOCH_BEGIN, at->epoch, 0, at->steps);
    return status || !anew ? status : cn__reader_begin(&f->train, at->epoch);
}

static cn_status train(fitting *f)
{
    cn_model  *m = f->m;
    cn__milestone *at = &f->course.place;
    int64_t    wanted = f->a.steps_per_epoch;
    cn__pass p = { .reader = &f->train,
                   .mode = CN__TRAIN,
                   .epoch = at->epoch,
                   .steps = wanted,
                   .before = at->steps,
                   .callbacks = &f->callbacks,
                   .place = at,
                   .bar = f->a.verbose ? &f->bar : NULL };
    cn_status status = cn__pass_run(&p);
    if (status) return status;
    at->batches = p.done, at->samples = p.samples;
    at->ended = p.ended;
    if (wanted && p.done < wanted && !p.stopped)
        cn__log(m->obj.ctx, CN_LOG_WARNING, "cn_fit: the data ended after %lld of %lld steps of epoch %lld.",
                (long long)p.done, (long long)wanted, (long long)at->epoch + 1);
    if (!p.done && !p.stopped)
        return cn__fail(m->obj.ctx, f->site, CN_E_VALUE, "the data are empty: there is not one sample.");
    if (p.done && !cn__gauges_read(m, false, p.samples, "", true)) return CN_E_NOMEM;
    at->stage = CN__IN_VALIDATION;
    return CN_OK;
}

static cn_status end_epoch(fitting *f)
{
    cn__milestone *at = &f->course.place;
    int64_t    done = at->batches, epoch = at->epoch;
    at->stage = CN__AFTER_EPOCH;
    cn_status status = cn__callbacks_run(&f->callbacks, CN__ON_EPOCH_END, epoch, done ? done - 1 : 0, at->steps + done);
    if (f->a.verbose && !status) {
        if (f->bar.target == CN_ANY) f->bar.target = done;
        if (!cn__bar_update(&f->bar, done, true)) status = CN_E_NOMEM;
    }
    return status;
}

static void next_epoch(cn__milestone *at)
{
    at->epoch++, at->stage = CN__BEFORE_EPOCH;
    at->steps += at->batches, at->start += at->samples;
    at->batches = at->samples = 0;
}

/* An epoch, or what is left of it. */
static cn_status one_epoch(fitting *f)
{
    cn__milestone *at = &f->course.place;
    cn_status  status = at->stage == CN__BEFORE_EPOCH ? begin_epoch(f) : CN_OK;
    if (status) return status;
    if (f->a.verbose) cn__bar_epoch(&f->bar, at->epoch);
    if (at->stage == CN__IN_BATCHES) status = train(f);
    if (!status && f->validates && (at->epoch + 1) % f->a.validation_freq == 0) status = validate(f, at->epoch);
    if (!status) status = end_epoch(f);
    if (status) return status;
    next_epoch(at);
    f->stopped = atomic_load(&f->m->stop);
    return CN_OK;
}

/* Goes on where a snapshot says. */
static cn_status resume(fitting *f, bool *resumed)
{
    cn__milestone *at = &f->course.place;
    cn_status  status = cn__course_resume(f->m, &f->course, f->site, resumed);
    if (status || !*resumed) return status;
    if (at->stage == CN__AFTER_EPOCH) next_epoch(at);
    f->train.seed = (uint64_t)at->seed;
    f->validation.seed = (uint64_t)at->seed;
    if (at->stopped) cn_stop_training(f->m);
    f->stopped = at->stopped && at->stage == CN__BEFORE_EPOCH;
    int64_t next = at->epoch + (at->stage == CN__IN_VALIDATION);
    if (at->stage != CN__IN_BATCHES && begins_anew(f, next)) return CN_OK;
    status = cn__reader_begin(&f->train, at->begun);
    return status ? status : cn__reader_skip(&f->train, at->start + at->samples);
}

static cn_status run_epochs(fitting *f, bool resumed)
{
    cn_model  *m = f->m;
    cn__milestone *at = &f->course.place;
    int64_t    last = f->a.epochs;
    cn_status  status = CN_OK;
    if (!resumed && !f->callbacks.n && !f->a.verbose && !f->validates && !m->watches && !f->a.steps_per_epoch &&
        f->train.s->direct &&
        m->training->gauges.n <= CN__TAIL_GAUGES && at->epoch < last) {
        m->stamp++;
        return cn__pass_epochs(&f->train, at->epoch, last - at->epoch);
    }
    while (!status && !f->stopped && at->epoch < last) status = one_epoch(f);
    return status == CN_E_STOPPED ? cn__callbacks_stopped(&f->callbacks, status) : status;
}

static cn_status run(fitting *f)
{
    cn_model *m = f->m;
    cn__training *t = m->training;
    bool      resumed = false;
    cn_status status = cn__callbacks_open(&f->callbacks, m, f->a.callbacks, f->site);
    f->course = (cn__course){ .callbacks = &f->callbacks,
                              .place = { .epoch = f->a.initial_epoch,
                                         .seed = (int64_t)f->train.seed,
                                         .batch_size = f->a.batch_size,
                                         .count = f->train.count,
                                         .steps_per_epoch = f->a.steps_per_epoch,
                                         .shuffle = f->train.shuffle } };
    if (!m->waiting) cn__history_clear(m);
    int64_t steps = cn__reader_steps(&f->train);
    cn__bar_open(&f->bar, m, f->a.verbose, f->a.steps_per_epoch ? f->a.steps_per_epoch : steps, f->a.epochs);
    if (!status) status = cn__callbacks_run(&f->callbacks, CN__ON_TRAIN_BEGIN, f->a.initial_epoch, 0, 0);
    if (!status) status = resume(f, &resumed);
    m->course = &f->course;
    if (!status) status = run_epochs(f, resumed);
    if (!status)
        status = cn__callbacks_run(&f->callbacks, CN__ON_TRAIN_END, f->a.epochs - 1, 0, f->course.place.steps);
    m->course = NULL;
    if (!status && !cn__optimizer_finalize(&t->optimizer, t->weights.at, (int)t->weights.n))
        status = (cn_error)(m->obj.ctx);
    return status;
}

cn_status (cn_fit)(cn_fit_args *given)
{
    CN__ARGS(cn_fit_args, a, given);
    cn_model *m = a.on;
    cn_status status = cn__model_check(m, a.head.site);
    if (status) return status;
    cn_ctx *ctx = m->obj.ctx;
    CN__FILL(cn_fit_args, CN_FIT_FIELDS);
    if (m->running) return cn__fail(ctx, a.head.site, CN_E_STATE, "cn_fit: model \"%s\" is at work.", m->layer->name);
    if (!m->training)
        return cn__fail(ctx, a.head.site, CN_E_STATE,
                        "cn_fit: model \"%s\" is not compiled. Call cn_compile(m, .loss = CN_MSE) before.",
                        m->layer->name);
    fitting *f = cn__alloc0(ctx, sizeof *f);
    if (!f) return cn__nomem(ctx);
    f->m = m, f->site = a.head.site, f->a = a;
    m->running = true;
    atomic_store(&m->stop, 0);
    status = check_numbers(f);
    if (!status) status = open_data(f, &a);
    if (!status) status = run(f);
    if (f->callbacks.m) cn__callbacks_close(&f->callbacks);
    cn__reader_close(&f->train);
    cn__reader_close(&f->validation);
    cn__unref(f->validation_ds);
    cn__unref(f->ds);
    cn__free(ctx, f, sizeof *f);
    m->running = false;
    return status;
}

void cn_stop_training(cn_model *m)
{
    if (cn__bad(m)) return;
    atomic_store(&m->stop, 1);
    atomic_store(&m->exec.stop, 1);
}

/* ---- One step ---------------------------------------------------------------------------------------------------- */
static cn_status on_batch(cn_model *m, const cn_array *x, const cn_array *y, cn__mode mode)
{
    cn__reader  r = { .ds = NULL };
    cn_dataset *ds = NULL;
    cn_status   status = cn__model_check(m, NULL);
    if (status) return status;
    if (!m->training)
        return cn__fail(m->obj.ctx, NULL, CN_E_STATE,
                        "model \"%s\" is not compiled. Call cn_compile(m, .loss = CN_MSE) before.", m->layer->name);
    if (m->running && mode == CN__TRAIN)
        return cn__fail(m->obj.ctx, NULL, CN_E_STATE, "cn_train_on_batch: model \"%s\" is at work.", m->layer->name);
    status = cn__data_of(m, x, y, NULL, true, NULL, &ds);
    if (!status) status = cn__reader_open(&r, m, ds, mode, CN__MAX(cn__dataset_source(ds)->samples, 1), NULL);
    if (!status) status = cn__training_ready(m, r.s, NULL);
    if (!status) status = cn__reader_ready(&r);
    if (!status) status = cn__reader_begin(&r, 0);
    if (!status) {
        cn__pass p = { .reader = &r, .mode = mode, .epoch = -1 };
        m->stamp++;
        atomic_store(&m->stop, 0);
        status = cn__pass_run(&p);
        if (!status && !cn__gauges_read(m, mode == CN__EVAL, p.samples, "", false)) status = CN_E_NOMEM;
    }
    cn__reader_close(&r);
    cn__unref(ds);
    return status;
}

cn_status cn_train_on_batch(cn_model *m, const cn_array *x, const cn_array *y) { return on_batch(m, x, y, CN__TRAIN); }
cn_status cn_test_on_batch(cn_model *m, const cn_array *x, const cn_array *y) { return on_batch(m, x, y, CN__EVAL); }
