/* profile.c: where the time goes: cn_explain says what the calls of a step have to do, cn_profile what they took. The
   clock stands beside the run loop, not in it (exec.h: cn__timer). */
#include "base/file.h"
#include "model/costs.h"

static cn_status not_compiled(const cn_model *m, const char *site, const char *verb)
{
    return cn__fail(m->obj.ctx, site, CN_E_STATE,
                    "%s: model \"%s\" is not compiled. Call cn_compile(m, .loss = CN_MSE) before, or look at its "
                    "predictions: .training = CN_NO.", verb, m->layer->name);
}

/* .training: as it is said, else what the model can do. */
static cn_status choose_mode(const cn_model *m, cn_flag training, const char *site, const char *verb, cn__mode *mode)
{
    *mode = training == CN_YES || (!training && m->training) ? CN__TRAIN : CN__PREDICT;
    if (m->running) return cn__fail(m->obj.ctx, site, CN_E_STATE, "%s: model \"%s\" is at work.", verb, m->layer->name);
    return *mode == CN__TRAIN && !m->training ? not_compiled(m, site, verb) : CN_OK;
}

static cn_status at_least_1(cn_ctx *ctx, const char *site, const char *verb, const char *what, int64_t n)
{
    return n > 0 ? CN_OK
                 : cn__fail(ctx, site, CN_E_VALUE, "%s: %s is %lld, it must be at least 1.", verb, what, (long long)n);
}

/* ---- cn_explain: the plan for data that are not there yet -------------------------------------------------------- */
static cn_status input_types(const cn_model *m, int64_t batch, const char *site, cn__signature *sig)
{
    if (!m->built)
        return cn__fail(m->obj.ctx, site, CN_E_STATE,
                        "cn_explain: the shape of model \"%s\" is not known yet. Use cn_sequential(c, {28, 28}).",
                        m->layer->name);
    sig->batch = batch, sig->nx = (int)m->inputs.n;
    for (int i = 0; i < sig->nx; i++) {
        const cn_tensor *in = m->inputs.at[i];
        char shape[CN__SHAPE_TEXT];
        cn__tensor_type(in, &sig->x[i]);
        if (in->head.dim[0] > 0) sig->batch = in->head.dim[0];
        for (int k = 1; k < sig->x[i].rank; k++)
            if (sig->x[i].dim[k] < 0)
                return cn__fail(m->obj.ctx, site, CN_E_SHAPE,
                                "cn_explain: input %d of model \"%s\" takes the shape %s, so that its data decide what "
                                "there is to do. Use cn_profile.", i, m->layer->name,
                                cn__shape_text(in->head.rank, in->head.dim, shape));
    }
    for (int i = 0; i < sig->nx; i++) sig->x[i].dim[0] = sig->batch;
    return CN_OK;
}

/* Targets as most data have them: class numbers for a sparse loss, else numbers in the output's shape. */
static void guess_target(const cn_model *m, int k, cn__part *p)
{
    const cn__target *t = &m->training->target[k];
    bool     sparse = t->loss.cls ? cn__target_sparse(t) : t->loss_choice && !strncmp(t->loss_choice, "sparse", 6);
    cn__type type;
    cn__tensor_type(m->outputs.at[k], &type);
    p->dtype = sparse ? CN_INT32 : (cn_dtype)type.dtype;
    p->rank = type.rank - 1 - (sparse && type.rank > 1);
    for (int i = 0; i < p->rank; i++) p->dim[i] = type.dim[i + 1];
}

static cn_status target_types(cn_model *m, const char *site, cn__signature *sig)
{
    cn__source *s = cn__alloc0(m->obj.ctx, sizeof *s);
    if (!s) return cn__nomem(m->obj.ctx);
    s->samples = sig->batch, s->ny = sig->ny = m->training->targets;
    for (int k = 0; k < sig->ny && (size_t)k < m->outputs.n; k++) guess_target(m, k, &s->y[k]);
    cn_status status = cn__training_ready(m, s, site);
    for (int k = 0; !status && k < sig->ny; k++) {
        status = cn__target_type(m, k, &s->y[k], site, &sig->y[k]);
        sig->y[k].dim[0] = sig->batch;
    }
    cn__free(m->obj.ctx, s, sizeof *s);
    return status;
}

static cn__program *explained(cn_model *m, const cn_explain_args *a)
{
    const char   *site = a->head.site;
    cn__signature sig;
    memset(&sig, 0, sizeof sig);
    if (cn__model_check(m, site) || choose_mode(m, a->training, site, "cn_explain", &sig.mode) ||
        at_least_1(m->obj.ctx, site, "cn_explain", "batch_size", a->batch_size) ||
        input_types(m, a->batch_size, site, &sig) || cn__model_weights_ready(m, site) ||
        (sig.mode == CN__TRAIN && target_types(m, site, &sig)))
        return NULL;
    sig.feeds = true, sig.structure = cn__model_structure(m), sig.watches = cn__watches_key(m);
    sig.compiled = sig.mode == CN__TRAIN ? m->training->number : 0;
    return cn__program_get(m, &sig, site);
}

cn_array *(cn_explain)(cn_explain_args *given)
{
    CN__ARGS(cn_explain_args, a, given);
    CN__FILL(cn_explain_args, CN_EXPLAIN_FIELDS);
    cn_model *m = a.on;
    if (!m) return NULL;
    if (cn__bad(m)) return cn__inherit(cn__array_blank(m->obj.ctx), m);
    cn_array    *out = NULL;
    cn__program *p = explained(m, &a);
    if (p) {
        cn__costs c;
        if (!cn__costs_open(&c, m, p, NULL)) out = cn__costs_told(&c, a.head.site);
        cn__costs_close(&c);
        cn__program_unpin(p);
    }
    return out ? out : cn__poison_recorded(cn__array_blank(m->obj.ctx));
}

/* ---- cn_profile: steps under the clock --------------------------------------------------------------------------- */
typedef struct profiling {
    cn_model   *m;
    const char *site;
    cn__mode    mode;
    cn_dataset *ds;
    int64_t     batch;
} profiling;

/* Data of few batches are gone through again and again. */
static cn_status run_training(const profiling *p, int64_t steps)
{
    int64_t samples = cn__dataset_source(p->ds)->samples, whole = CN__MAX(samples / p->batch, 1);
    CN_ARGS(cn_fit, f);
    f.head.site = p->site, f.on = p->m, f.x = p->ds, f.batch_size = p->batch, f.epochs = 1;
    if (samples == CN_ANY || steps < whole) f.steps_per_epoch = steps;
    else f.epochs = (steps + whole - 1) / whole;
    return (cn_fit)(&f);
}

static cn_status run_passes(const profiling *p, cn__reader *r, int64_t steps)
{
    cn_status status = cn__reader_open(r, p->m, p->ds, CN__PREDICT, p->batch, p->site);
    if (!status) status = cn__model_weights_ready(p->m, p->site);
    if (!status) status = cn__reader_ready(r);
    for (int64_t done = 0; !status && done < steps;) {
        cn__pass pass = { .reader = r, .mode = CN__PREDICT, .epoch = -1, .steps = steps - done };
        status = cn__reader_begin(r, 0);
        if (!status) status = cn__pass_run(&pass);
        if (!status && !pass.done)
            status = cn__fail(p->m->obj.ctx, p->site, CN_E_VALUE, "the data are empty: there is not one sample.");
        done += pass.done;
    }
    return status;
}

static cn_status run_prediction(const profiling *p, int64_t steps)
{
    cn_ctx     *ctx = p->m->obj.ctx;
    cn__reader *r = cn__alloc0(ctx, sizeof *r);
    if (!r) return cn__nomem(ctx);
    p->m->running = true;
    cn_status status = run_passes(p, r, steps);
    p->m->running = false;
    cn__reader_close(r);
    cn__free(ctx, r, sizeof *r);
    return status;
}

static cn_status run_steps(const profiling *p, int64_t steps)
{
    return p->mode == CN__TRAIN ? run_training(p, steps) : run_prediction(p, steps);
}

/* Of the programs that ran since then, the one of the largest batch: a ragged last one is another. */
static cn__program *program_since(const profiling *p, uint64_t clock)
{
    cn__program *found = NULL;
    for (size_t i = 0; i < p->m->programs.n; i++) {
        cn__program *at = p->m->programs.at[i];
        if (at->used > clock && at->sig.mode == p->mode && (!found || at->sig.batch > found->sig.batch)) found = at;
    }
    return found;
}

static cn_status time_steps(const profiling *p, cn__program *program, int64_t steps, cn__costs *c)
{
    cn_ctx   *ctx = p->m->obj.ctx;
    cn__timer t = { .plan = program->plan, .room = (uint64_t)steps };
    size_t    row = (1 + program->plan->ncompute + program->plan->ncommit) * sizeof *t.took, bytes;
    if (!cn__mul_size((size_t)steps, row, &bytes) || !(t.took = cn__alloc(ctx, bytes))) return cn__nomem(ctx);
    p->m->exec.timer = &t;
    cn_status status = run_steps(p, steps);
    p->m->exec.timer = NULL;
    if (!status && !t.steps)
        status = cn__fail(ctx, p->site, CN_E_STATE, "cn_profile: not one step of batch %lld came to its end.",
                          (long long)program->sig.batch);
    if (!status) status = cn__costs_open(c, p->m, program, &t);
    cn__free(ctx, t.took, bytes);
    return status;
}

static cn_status write_chart(const cn__costs *c, const char *path, const char *site)
{
    cn_array *chart = cn__costs_chart(c, site);
    cn_status status = cn__bad(chart) ? cn__fail_with(chart) : CN_OK;
    const char *svg = status ? "" : cn_string(chart, 0);
    if (!status) status = cn__write_file(c->m->obj.ctx, site, path, svg, strlen(svg));
    cn__unref(chart);
    return status;
}

static cn_status profile(profiling *p, const cn_profile_args *a, cn_array **out)
{
    cn_ctx   *ctx = p->m->obj.ctx;
    uint64_t  clock = p->m->clock;
    cn__costs c = { .m = p->m };
    cn_status status = cn__data_of(p->m, a->x, a->y, NULL, p->mode == CN__TRAIN, p->site, &p->ds);
    if (!status) status = run_steps(p, 2);               /* plans are made, caches are warm */
    cn__program *program = status ? NULL : program_since(p, clock);
    if (!program) return status ? status : cn__fail(ctx, p->site, CN_E_STATE, "cn_profile: no step was run.");
    program->pins++;
    status = time_steps(p, program, a->steps, &c);
    if (!status && a->svg) status = write_chart(&c, a->svg, p->site);
    if (!status) *out = cn__costs_told(&c, p->site);
    cn__costs_close(&c);
    cn__program_unpin(program);
    return status;
}

cn_array *(cn_profile)(cn_profile_args *given)
{
    CN__ARGS(cn_profile_args, a, given);
    CN__FILL(cn_profile_args, CN_PROFILE_FIELDS);
    cn_model *m = a.on;
    if (!m) return NULL;
    cn_ctx   *ctx = m->obj.ctx;
    cn_array *out = NULL;
    if (cn__bad(m)) return cn__inherit(cn__array_blank(ctx), m);
    profiling p = { .m = m, .site = a.head.site, .batch = a.batch_size };
    cn_status status = choose_mode(m, a.training, p.site, "cn_profile", &p.mode);
    if (!status) status = at_least_1(ctx, p.site, "cn_profile", "batch_size", a.batch_size);
    if (!status) status = at_least_1(ctx, p.site, "cn_profile", "steps", a.steps);
    if (!status) status = profile(&p, &a, &out);
    cn__unref(p.ds);
    return out ? out : cn__poison_recorded(cn__array_blank(ctx));
}
