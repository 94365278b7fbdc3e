/* runner.c: prediction in real time and in many threads. A runner has a plan, an arena and an error of its own; after
   it was made, running it allocates nothing and locks nothing. */
#include "model/model.h"
#include <string.h>

static void destroy(void *self)
{
    cn_runner *r = self;
    r->obj.err = r->obj.err == &r->error ? NULL : r->obj.err;                /* its own is part of it */
    for (int i = 0; i < CN_MAX_IO; i++) {
        cn__unref(r->in[i]);
        cn__unref(r->out[i]);
    }
    if (r->linked) cn__unlink(&r->exec, r->linked);
    if (r->open) cn__exec_close(&r->exec);
    cn__plan_unref(r->plan);
    cn__unref(r->of);
}

/* What fails while it runs: on its own record, and on that of the context, which takes notes of any thread. It can be
 * run again. */
static cn_status fail(const cn_runner *given, cn_status status, const char *format, ...) CN__PRINTF(3, 4);
static cn_status fail(const cn_runner *given, cn_status status, const char *format, ...)
{
    cn_runner *r = (cn_runner *)(uintptr_t)given;
    va_list args;
    va_start(args, format);
    cn__error_set(&r->error, NULL, status, format, args);
    va_end(args);
    r->obj.err = &r->error;
    return cn__fail(r->obj.ctx, NULL, status, "%s", r->error.text);
}

/* Could it be made? */
static bool sound(const cn_runner *r) { return r && (!r->obj.err || r->obj.err == &r->error) && r->open; }
static cn_status unsound(const cn_runner *r) { return r ? cn__fail_with(r) : CN_E_NOMEM; }

cn_runner *cn__runner_new(cn_ctx *ctx, void *of, bool team)
{
    cn_runner *r = cn__new(ctx, CN__RUNNER, sizeof *r, destroy);
    if (!r || cn__bad(r)) return r;
    if (cn__bad(of)) return cn__inherit(r, of);
    cn__ref(r->of = of);
    r->open = cn__exec_open(&r->exec, ctx, team && cn__threads(ctx) > 1 ? cn__ctx_team(ctx) : NULL);
    return r->open ? r : cn__poison_recorded(r);
}

static cn_array *window(cn_runner *r, const char *site, const cn__type *t, void *at, bool input)
{
    cn_array *a = cn__array_view(r->obj.ctx, site, (cn_dtype)t->dtype, t->rank, t->dim, at, NULL);
    if (cn__bad(a)) return a;
    a->writable = input;
    a->head.obj.user = false;                            /* it is the runner's to give back */
    return a;
}

static size_t numbers(const cn_array *a) { return (size_t)cn__array_count(a); }
static size_t bytes(const cn_array *a) { return numbers(a) * cn__dtype_size(a->head.dtype); }

cn_runner *cn__runner_open(cn_runner *r, cn__plan *plan, const cn__type *in, int nin, const cn__type *out, int nout,
                           const char *site)
{
    uint64_t done = 0;
    r->plan = plan, r->nin = nin, r->nout = nout;
    if (!plan || !cn__exec_reserve(&r->exec, plan) || !(r->linked = cn__link(&r->exec, plan)))
        return cn__poison_recorded(r);
    for (int i = 0; i < nin; i++)
        if (cn__bad(r->in[i] = window(r, site, &in[i], cn__linked_input(&r->exec, r->linked, (uint32_t)i), true)))
            return cn__inherit(r, r->in[i]);
    for (int i = 0; i < nout; i++)
        if (cn__bad(r->out[i] = window(r, site, &out[i], cn__linked_root(&r->exec, r->linked, (uint32_t)i), false)))
            return cn__inherit(r, r->out[i]);
    if (nin) r->x.n = numbers(r->in[0]), r->x.bytes = bytes(r->in[0]);
    if (nout) r->y.n = numbers(r->out[0]), r->y.bytes = bytes(r->out[0]);
    if (plan->ncommit) return r;
    cn__leg leg = { r->linked, 1, 0 }; /* warm up: packs what is to be packed; of a plan that writes nothing */
    cn__run_legs(&r->exec, &leg, 1, &done, 1, 0);
    return r;
}

/* ---- cn_prepare -------------------------------------------------------------------------------------------------- */
static cn_status input_types(cn_model *m, const cn_prepare_args *a, cn__signature *sig, bool *strings)
{
    cn_ctx *ctx = m->obj.ctx;
    const char *site = a->head.site;
    char wanted[CN__SHAPE_TEXT], given[CN__SHAPE_TEXT];
    if (!m->built && m->sequential && a->shapes[0][0]) {
        cn__type type = { .dtype = m->input.dtype ? m->input.dtype : (uint8_t)CN_FLOAT32 };
        type.rank = (uint8_t)cn__dims_rank(a->shapes[0], type.dim);
        type.dim[0] = CN_ANY;
        cn_status status = cn__model_build_for(m, &type, site);
        if (status) return status;
    }
    if (!m->built)
        return cn__fail(ctx, site, CN_E_STATE,
                        "cn_prepare: the shape of model \"%s\" is not known yet. Use .shapes = {{1, 28, 28}}.",
                        m->layer->name);
    sig->nx = (int)m->inputs.n;
    for (int i = 0; i < sig->nx; i++) {
        const cn_tensor *in = m->inputs.at[i];
        cn__type *t = &sig->x[i];
        int64_t dim[CN_MAX_RANK];
        int rank = cn__dims_rank(a->shapes[i], dim);
        cn__tensor_type(in, t);
        strings[i] = in->head.dtype == CN_STRING;
        bool fits = !rank || rank == t->rank;
        for (int k = 0; fits && k < t->rank; k++) {
            int64_t size = rank ? dim[k] : k || t->dim[0] > 0 ? t->dim[k] : 1;
            fits = size >= 0 && (t->dim[k] < 0 || t->dim[k] == size);
            t->dim[k] = size;
        }
        if (!fits)
            return cn__fail(
                ctx, site, CN_E_SHAPE,
                "cn_prepare: input %d of model \"%s\" takes %s, .shapes has %s. Give all sizes, the batch first.", i,
                m->layer->name, cn__shape_text(in->head.rank, in->head.dim, wanted),
                rank ? cn__shape_text(rank, dim, given) : "nothing");
    }
    sig->batch = sig->x[0].rank ? sig->x[0].dim[0] : 1;
    return CN_OK;
}

cn_runner *(cn_prepare)(cn_prepare_args *given)
{
    CN__ARGS(cn_prepare_args, a, given);
    cn_model *m = a.on;
    cn_ctx   *ctx = (cn_ctx_of)(m);
    CN__FILL(cn_prepare_args, CN_PREPARE_FIELDS);
    cn_runner *r = cn__runner_new(ctx, m, a.threads > 1);
    if (!r || cn__bad(r)) return r;
    cn__arena  mem = { .ctx = ctx };
    cn__signature *sig = cn__arena_alloc(&mem, sizeof *sig);
    cn__shown *roots = NULL;
    cn__type   out[CN_MAX_LIST];
    uint32_t   nroots = 0;
    if (!sig) return cn__poison(r, a.head.site, CN_E_NOMEM, "out of memory for a runner");
    sig->mode = CN__PREDICT;
    cn_status status = a.threads < 1
                           ? cn__fail(ctx, a.head.site, CN_E_VALUE,
                                      "cn_prepare: threads is %lld, it must be at least 1.", (long long)a.threads)
                           : cn__model_check(m, a.head.site);
    if (!status) status = input_types(m, &a, sig, r->strings);
    if (!status) status = cn__model_weights_ready(m, a.head.site);
    cn__plan *plan = status ? NULL : cn__model_plan(m, sig, a.head.site, &mem, &roots, &nroots);
    for (uint32_t i = 0; i < nroots && i < CN_MAX_LIST; i++) out[i] = roots[i].type;
    if (!plan) cn__poison_recorded(r);
    else cn__runner_open(r, plan, sig->x, sig->nx, out, (int)nroots, a.head.site);
    cn__arena_free(&mem);
    return r;
}

/* ---- Running ----------------------------------------------------------------------------------------------------- */
cn_status cn_run(cn_runner *r)
{
    uint64_t done = 0;
    if (!sound(r)) return unsound(r);
    cn__leg leg = { r->linked, 1, 0 };
    switch (cn__run_legs(&r->exec, &leg, 1, &done, 1, 0)) {
    case CN__RUN_DONE:      break;
    case CN__RUN_STOPPED:   return fail(r, CN_E_STOPPED, "cn_run: stopped");
    case CN__RUN_FAULT:     return fail(r, CN_E_VALUE, "cn_run: an index is out of range; nothing was written.");
    case CN__RUN_NONFINITE: return fail(r, CN_E_NUMERIC, "cn_run: the loss is not finite; nothing was written.");
    }
    r->obj.err = NULL;
    return CN_OK;
}

cn_status cn_predict_into(cn_runner *r, const void *x, size_t x_count, void *y, size_t y_count)
{
    if (!sound(r)) return unsound(r);
    if (r->nin != 1 || r->nout != 1)
        return fail(r, CN_E_VALUE,
                    "cn_predict_into: there are %d inputs and %d outputs; write to cn_runner_input, cn_run, read "
                    "cn_runner_output.",
                    r->nin, r->nout);
    if (!x || !y) return fail(r, CN_E_VALUE, "cn_predict_into: a place is NULL.");
    if (r->strings[0]) return fail(r, CN_E_DTYPE, "cn_predict_into: the input takes strings; use cn_feed and cn_run.");
    if (x_count != r->x.n || y_count != r->y.n)
        return fail(r, CN_E_SHAPE,
                    "cn_predict_into: %zu numbers in and %zu out were given, it takes %zu and gives %zu.", x_count,
                    y_count, r->x.n, r->y.n);
    memcpy(r->in[0]->data, x, r->x.bytes);
    cn_status status = cn_run(r);
    if (!status) memcpy(y, r->out[0]->data, r->y.bytes);
    return status;
}

static cn_array *end_of(const cn_runner *r, bool input, int i)
{
    if (!r) return NULL;
    int n = input ? r->nin : r->nout;
    if (sound(r) && i >= 0 && i < n) return input ? r->in[i] : r->out[i];
    cn_array *a = cn__array_blank(r->obj.ctx);
    if (!sound(r))
        return cn__poison(a, NULL, r->obj.err ? r->obj.err->status : CN_E_STATE, "%s", (cn_error_message)(r));
    return cn__poison(a, NULL, CN_E_NAME, "the runner has %d %s, there is no number %d.", n,
                      input ? "inputs" : "outputs", i);
}

cn_array       *cn_runner_input (cn_runner *r, int i)       { return end_of(r, true, i); }
const cn_array *cn_runner_output(const cn_runner *r, int i) { return end_of(r, false, i); }

/* ---- Filling inputs ---------------------------------------------------------------------------------------------- */
cn_status cn_feed(cn_runner *r, int i, const cn_array *a)
{
    if (!sound(r)) return unsound(r);
    if (cn__bad(a)) return cn__fail_with(a);
    if (i < 0 || i >= r->nin)
        return fail(r, CN_E_NAME, "cn_feed: the runner has %d inputs, there is no number %d.", r->nin, i);
    if ((a->head.dtype == CN_STRING) != r->strings[i])
        return fail(r, CN_E_DTYPE, "cn_feed: input %d takes %s, the array holds %s.", i,
                    r->strings[i] ? "strings" : "numbers", r->strings[i] ? "numbers" : "strings");
    if (numbers(a) != numbers(r->in[i]))
        return fail(r, CN_E_SHAPE, "cn_feed: input %d takes %zu numbers, the array has %zu.", i, numbers(r->in[i]),
                    numbers(a));
    if (r->strings[i]) cn__fingerprints(a->data, r->in[i]->data, numbers(a));
    else cn__convert(r->in[i]->head.dtype, r->in[i]->data, a->head.dtype, a->data, numbers(a));
    return CN_OK;
}

cn_status cn_pass(cn_runner *to, int input, cn_runner *from, int output)
{
    if (!sound(to)) return unsound(to);
    if (!sound(from)) return unsound(from);
    if (output < 0 || output >= from->nout)
        return fail(to, CN_E_NAME, "cn_pass: the runner has %d outputs, there is no number %d.", from->nout, output);
    return cn_feed(to, input, from->out[output]);
}

/* Rows of a part into an input, the rest zeros. */
static cn_status fill(cn_runner *r, int i, const cn__part *p, const cn__source *s, const char *staged, int64_t first,
                      int64_t n)
{
    const cn_array *in = r->in[i];
    size_t count = p->row / cn__dtype_size(p->dtype), row = cn__array_row(in);
    if ((p->dtype == CN_STRING) != r->strings[i])
        return fail(r, CN_E_DTYPE, "cn_feed_from: input %d takes %s, part %d of the data is %s.", i,
                    r->strings[i] ? "strings" : "numbers", i, r->strings[i] ? "numbers" : "strings");
    if (count * cn__dtype_size(in->head.dtype) != row)
        return fail(r, CN_E_SHAPE, "cn_feed_from: input %d takes %zu numbers a sample, the data have %zu.", i,
                    row / cn__dtype_size(in->head.dtype), count);
    memset(in->data, 0, bytes(in));
    for (int64_t k = 0; k < n; k++) {
        size_t at = staged ? (size_t)k : s->order ? s->order[first + k] : (size_t)(first + k);
        const char *from = staged ? staged + at * p->row : p->base + at * p->pitch;
        char       *to = (char *)in->data + (size_t)k * row;
        if (r->strings[i]) cn__fingerprints(from, to, count);
        else cn__convert(in->head.dtype, to, p->dtype, from, count);
    }
    return CN_OK;
}

/* What is not in memory passes through buffers; reading begins at sample 0 and goes on from where it was. */
static int64_t fetch(cn_runner *r, cn_dataset *ds, const cn__source *s, int64_t first, int64_t batch)
{
    cn_ctx *ctx = r->obj.ctx;
    cn__arena mem = { .ctx = ctx };
    cn__batch into;
    int64_t n = CN_E_NOMEM;
    memset(&into, 0, sizeof into);
    bool ok = !s->weighted || (into.weight = cn__arena_alloc(&mem, (size_t)batch * s->weight.row));
    for (int i = 0; ok && i < s->nx; i++) ok = (into.x[i] = cn__arena_alloc(&mem, (size_t)batch * s->x[i].row));
    for (int i = 0; ok && i < s->ny; i++) ok = (into.y[i] = cn__arena_alloc(&mem, (size_t)batch * s->y[i].row));
    cn_status status = !ok ? cn__nomem(ctx) : first ? CN_OK : cn__dataset_begin(ds, ctx, 0, batch, NULL, 0);
    if (!status) n = cn__dataset_fetch(ds, ctx, first, batch, &into);
    for (int i = 0; !status && n >= 0 && i < CN__MIN(r->nin, s->nx + s->ny); i++)
        status =
            fill(r, i, i < s->nx ? &s->x[i] : &s->y[i - s->nx], s, i < s->nx ? into.x[i] : into.y[i - s->nx], 0, n);
    if (n >= 0 && n < batch) cn__dataset_stop(ds);
    cn__arena_free(&mem);
    return status ? status : n;
}

int64_t cn_feed_from(cn_runner *r, cn_dataset *ds, int64_t first)
{
    if (!sound(r)) return unsound(r);
    if (cn__bad(ds)) return cn__fail_with(ds);
    const cn__source *s = cn__dataset_source(ds);
    if (first < 0) return fail(r, CN_E_VALUE, "cn_feed_from: there is no sample %lld.", (long long)first);
    if (!r->nin || !r->in[0]->head.rank)
        return fail(r, CN_E_SHAPE, "cn_feed_from: the runner has no input with samples.");
    if (r->nin > s->nx + s->ny)
        return fail(r, CN_E_SHAPE, "cn_feed_from: the runner has %d inputs, the data have %d parts.", r->nin,
                    s->nx + s->ny);
    int64_t batch = r->in[0]->head.dim[0];
    if (!s->direct) return fetch(r, ds, s, first, batch);
    int64_t n = CN__MAX(CN__MIN(batch, s->samples - first), 0);
    cn_status status = CN_OK;
    for (int i = 0; !status && i < r->nin; i++)
        status = fill(r, i, i < s->nx ? &s->x[i] : &s->y[i - s->nx], s, NULL, first, n);
    return status ? status : n;
}
