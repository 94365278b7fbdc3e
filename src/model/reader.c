/* reader.c: the data of a run. What lies in memory is read in place by op BATCH, by an order; all else is fetched into
   buffers, a batch at a time. */
#include "model/model.h"
#include <math.h>
#include <string.h>

cn_status cn__reader_open(cn__reader *r, cn_model *m, cn_dataset *ds, cn__mode mode, int64_t batch, const char *site)
{
    memset(r, 0, sizeof *r);
    if (cn__bad(ds)) return cn__fail_with(ds);
    cn__ref(ds);
    r->m = m, r->ds = ds, r->site = site, r->mode = mode, r->batch = batch;
    r->s = cn__dataset_source(ds);
    r->count = r->s->samples;
    r->seed = cn__seed(m->obj.ctx);
    if (batch < 1)
        return cn__fail(m->obj.ctx, site, CN_E_VALUE, "batch_size is %lld, it must be at least 1.", (long long)batch);
    return cn__model_build(m, r->s, site);
}

void cn__reader_stop(cn__reader *r)
{
    if (r->open) cn__dataset_stop(r->ds);
    r->open = false;
}

void cn__reader_close(cn__reader *r)
{
    if (!r->ds) return;
    cn_ctx *ctx = r->m->obj.ctx;
    cn__reader_stop(r);
    cn__free(ctx, r->order, r->norder * sizeof *r->order);
    cn__free(ctx, r->weights, r->nweights * sizeof *r->weights);
    for (int i = 0; i < CN_MAX_IO; i++) cn__free(ctx, r->words[i].at, r->words[i].n * sizeof(int64_t));
    cn__free(ctx, r->staged, r->staged_bytes);
    cn__unref(r->ds);
    r->ds = NULL;
}

/* ---- Do the data fit? -------------------------------------------------------------------------------------------- */
/* An input's type with the data's sizes where its own are not known; a last axis of 1 may be missing or too many, as in
 * Keras. */
static bool input_fits(const cn_tensor *in, const cn__part *p, cn__type *type)
{
    cn__tensor_type(in, type);
    int rank = type->rank - 1, n = CN__MIN(rank, p->rank);
    for (int i = 0; i < n; i++) {
        if (type->dim[i + 1] < 0) type->dim[i + 1] = p->dim[i];
        if (type->dim[i + 1] != p->dim[i]) return false;
    }
    if (rank == p->rank + 1) {
        if (type->dim[rank] < 0) type->dim[rank] = 1;
        return type->dim[rank] == 1;
    }
    return rank == p->rank || (p->rank == rank + 1 && p->dim[rank] == 1);
}

static const char *part_shape(const cn__part *p, char text[CN__SHAPE_TEXT])
{
    int64_t dim[CN_MAX_RANK] = { CN_ANY };
    memcpy(dim + 1, p->dim, (size_t)CN__MIN(p->rank, CN_MAX_RANK - 1) * sizeof *dim);
    return cn__shape_text(CN__MIN(p->rank + 1, CN_MAX_RANK), dim, text);
}

static cn_status check_inputs(cn__reader *r)
{
    cn_model *m = r->m;
    cn_ctx   *ctx = m->obj.ctx;
    char wanted[CN__SHAPE_TEXT], given[CN__SHAPE_TEXT];
    if ((size_t)r->s->nx != m->inputs.n)
        return cn__fail(
            ctx, r->site, CN_E_SHAPE,
            "model \"%s\" has %zu inputs, the data have %d. Use cn_dataset_from(c, .x = { a, b }, .y = { t }).",
            m->layer->name, m->inputs.n, r->s->nx);
    for (int i = 0; i < r->s->nx; i++) {
        const cn_tensor *in = m->inputs.at[i];
        if ((r->s->x[i].dtype == CN_STRING) != (in->head.dtype == CN_STRING))
            return cn__fail(ctx, r->site, CN_E_DTYPE, "x: input %d of model \"%s\" takes %s, the data are %s.", i,
                            m->layer->name, cn__dtype_name(in->head.dtype),
                            r->s->x[i].dtype == CN_STRING ? "strings" : "numbers");
        if (!input_fits(in, &r->s->x[i], &r->sig.x[i]))
            return cn__fail(ctx, r->site, CN_E_SHAPE,
                            "x: input %d of model \"%s\" takes the shape %s, the data have %s.", i, m->layer->name,
                            cn__shape_text(in->head.rank, in->head.dim, wanted), part_shape(&r->s->x[i], given));
    }
    r->sig.nx = r->s->nx;
    return CN_OK;
}

static cn_status check_targets(cn__reader *r)
{
    cn_model *m = r->m;
    cn_ctx   *ctx = m->obj.ctx;
    if (!r->s->ny) return cn__fail(ctx, r->site, CN_E_VALUE, "there are no targets. Give y, or a data set with .y.");
    if ((size_t)r->s->ny != m->outputs.n)
        return cn__fail(ctx, r->site, CN_E_SHAPE, "model \"%s\" has %zu outputs, the data have %d targets.",
                        m->layer->name, m->outputs.n, r->s->ny);
    cn_status status = CN_OK;
    for (int i = 0; !status && i < r->s->ny; i++) status = cn__target_type(m, i, &r->s->y[i], r->site, &r->sig.y[i]);
    r->sig.ny = r->s->ny;
    return status;
}

/* ---- Weights ----------------------------------------------------------------------------------------------------- */
static int64_t class_of(const cn__part *y, const char *sample)
{
    size_t n = y->row / cn__dtype_size(y->dtype), best = 0;
    if (n <= 1) return n ? (int64_t)nearbyint(cn__load(y->dtype, sample, 0)) : 0;
    for (size_t k = 1; k < n; k++)
        if (cn__load(y->dtype, sample, k) > cn__load(y->dtype, sample, best)) best = k;
    return (int64_t)best;
}

static float class_factor(const cn__reader *r, const char *sample)
{
    int64_t k = class_of(&r->s->y[0], sample);
    return k >= 0 && (size_t)k < r->class_weight->count
               ? (float)cn__load(r->class_weight->dtype, r->class_weight->data, (size_t)k)
               : 1.0f;
}

static cn_status check_class_weights(const cn__reader *r)
{
    cn_ctx *ctx = r->m->obj.ctx;
    const cn_values *v = r->class_weight;
    if (r->s->ny != 1)
        return cn__fail(ctx, r->site, CN_E_VALUE, "class_weight is for models with one output. Use sample weights.");
    if (!v->data || !v->count || !cn__dtype_class_of(v->dtype))
        return cn__fail(ctx, r->site, CN_E_VALUE, "class_weight has no numbers. Use CN_NUMBERS(1, 5).");
    for (size_t i = 0; i < v->count; i++) {
        double w = cn__load(v->dtype, v->data, i);
        if (!isfinite(w) || w < 0)
            return cn__fail(ctx, r->site, CN_E_VALUE,
                            "class_weight: the weight of class %zu is %g, it must be 0 or more.", i, w);
    }
    return CN_OK;
}

/* Rows of the data that samples may lie in. */
static size_t rows_of(const cn__reader *r)
{
    size_t rows = 0;
    if (!r->s->order) return (size_t)(r->first + r->count);
    for (int64_t i = 0; i < r->count; i++) rows = CN__MAX(rows, (size_t)r->s->order[r->first + i] + 1);
    return rows;
}

static int64_t weight_steps(const cn__part *w) { return w->rank ? w->dim[0] : 1; }

/* Direct data: the weights of each row, made once. */
static cn_status make_weights(cn__reader *r)
{
    cn_ctx  *ctx = r->m->obj.ctx;
    const cn__source *s = r->s;
    cn__part own = s->weighted ? s->weight : (cn__part){ .dtype = CN_FLOAT32, .row = sizeof(float) };
    size_t   steps = (size_t)weight_steps(&own);
    if (!cn__mul_size(rows_of(r), steps, &r->nweights) || r->nweights > SIZE_MAX / sizeof *r->weights ||
        !(r->weights = cn__alloc0(ctx, r->nweights * sizeof *r->weights)))
        return cn__nomem(ctx);
    for (int64_t i = 0; i < r->count; i++) {
        size_t row = s->order ? s->order[r->first + i] : (size_t)(r->first + i);
        float  factor = class_factor(r, s->y[0].base + row * s->y[0].pitch);
        for (size_t k = 0; k < steps; k++)
            r->weights[row * steps + k] =
                factor * (s->weighted ? (float)cn__load(own.dtype, own.base + row * own.pitch, k) : 1.0f);
    }
    r->weight = own;
    r->weight.base = (const char *)r->weights, r->weight.pitch = own.row;
    return CN_OK;
}

static cn_status check_weights(cn__reader *r)
{
    cn_ctx *ctx = r->m->obj.ctx;
    cn_status status = CN_OK;
    r->weighted = r->s->weighted || r->class_weight;
    r->weight = r->s->weight;
    if (r->class_weight) {
        status = check_class_weights(r);
        if (!status && r->s->direct) status = make_weights(r);
        else if (!r->s->weighted) r->weight = (cn__part){ .dtype = CN_FLOAT32, .row = sizeof(float) };
    }
    if (!r->weighted || status) return status;
    if (r->weight.rank > 1)
        return cn__fail(ctx, r->site, CN_E_SHAPE, "sample weights have the shape (samples) or (samples, steps).");
    r->sig.weight = (cn__type){ .dtype = (uint8_t)CN_FLOAT32, .rank = (uint8_t)(r->weight.rank + 1) };
    if (r->weight.rank) r->sig.weight.dim[1] = r->weight.dim[0];
    return CN_OK;
}

/* ---- Strings: as the int64 that stand for them in graphs, once a run --------------------------------------------- */
void cn__fingerprints(const void *strings, void *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *text;
        memcpy(&text, (const char *)strings + i * sizeof text, sizeof text);
        int64_t print = (int64_t)cn__fingerprint(text ? text : "", text ? strlen(text) : 0);
        memcpy((char *)out + i * sizeof print, &print, sizeof print);
    }
}
_Static_assert(sizeof(int64_t) == sizeof(const char *), "strings are turned into numbers where they lie");

static cn_status make_words(cn__reader *r)
{
    for (int i = 0; i < r->s->nx; i++) {
        const cn__part *p = &r->s->x[i];
        if (p->dtype != CN_STRING) continue;
        size_t n = ((rows_of(r) - 1) * p->pitch + p->row) / sizeof(int64_t);
        if (!(r->words[i].at = cn__alloc(r->m->obj.ctx, n * sizeof(int64_t)))) return cn__nomem(r->m->obj.ctx);
        r->words[i].n = n;
        cn__fingerprints(p->base, r->words[i].at, n);
    }
    return CN_OK;
}

/* ---- Buffers ----------------------------------------------------------------------------------------------------- */
static size_t room(const cn__reader *r, const cn__part *p) { return ((size_t)r->batch * p->row + 63) / 64 * 64; }

static cn_status make_buffers(cn__reader *r)
{
    cn_ctx *ctx = r->m->obj.ctx;
    const cn__source *s = r->s;
    bool    weights = r->weighted || s->weighted;        /* fetching writes them, wanted or not */
    const cn__part *w = r->weighted ? &r->weight : &s->weight;
    size_t  bytes = weights ? room(r, w) : 0;
    for (int i = 0; i < s->nx; i++) bytes += room(r, &s->x[i]);
    for (int i = 0; i < s->ny; i++) bytes += room(r, &s->y[i]);
    char *at = r->staged = cn__alloc0(ctx, bytes);
    if (!at) return cn__nomem(ctx);
    r->staged_bytes = bytes;
    for (int i = 0; i < s->nx; i++) r->stage.x[i] = at, at += room(r, &s->x[i]);
    for (int i = 0; i < s->ny; i++) r->stage.y[i] = at, at += room(r, &s->y[i]);
    if (weights) r->stage.weight = (float *)(void *)at;
    return CN_OK;
}

cn_status cn__reader_ready(cn__reader *r)
{
    cn_ctx   *ctx = r->m->obj.ctx;
    bool      part = r->s->samples != CN_ANY && r->count != r->s->samples;
    if (r->count == 0) return cn__fail(ctx, r->site, CN_E_VALUE, "the data are empty: there is not one sample.");
    cn_status status = check_inputs(r);
    if (!status && r->mode != CN__PREDICT) status = check_targets(r);
    if (!status && r->mode != CN__PREDICT) status = check_weights(r);
    if (!status) status = r->s->direct ? make_words(r) : make_buffers(r);
    if (status) return status;
    r->sig.mode = r->mode, r->sig.feeds = true;
    r->shuffle = r->shuffle && r->s->by_index && r->count > 1;
    if (!r->shuffle && !(part && !r->s->direct)) return CN_OK;
    if (r->count > UINT32_MAX)
        return cn__fail(ctx, r->site, CN_E_LIMIT, "%lld samples are too many to be shuffled. Use .shuffle = CN_NO.",
                        (long long)r->count);
    if (!(r->order = cn__alloc(ctx, (size_t)r->count * sizeof *r->order))) return cn__nomem(ctx);
    r->norder = (size_t)r->count;
    return CN_OK;
}

/* ---- Passes ------------------------------------------------------------------------------------------------------ */
/* 0 ... n - 1 in an order that seed and epoch decide (Fisher and Yates; the draws are SplitMix64's, Steele et al.
   2014). With a data set of four rows an epoch is one step of 100 ns: nothing dearer will do. */
static void shuffle(uint64_t seed, uint64_t epoch, uint32_t *order, uint32_t n)
{
    uint64_t state = cn__hash(seed, epoch);
    for (uint32_t i = 0; i < n; i++) {
        state += 0x9e3779b97f4a7c15u;
        uint64_t draw = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
        draw = (draw ^ (draw >> 27)) * 0x94d049bb133111ebu;
        uint32_t j = (uint32_t)((draw >> 32) * ((uint64_t)i + 1) >> 32);
        order[i] = order[j];                             /* j may be i: then the next line is all */
        order[j] = i;
    }
}

static void make_order(cn__reader *r, int64_t epoch)
{
    uint32_t n = (uint32_t)r->norder, first = (uint32_t)r->first;
    const uint32_t *rows = r->s->direct ? r->s->order : NULL;
    if (r->shuffle) shuffle(r->seed, (uint64_t)epoch, r->order, n);
    else for (uint32_t i = 0; i < n; i++) r->order[i] = i;
    if (!rows && !first) return;
    for (uint32_t i = 0; i < n; i++) r->order[i] = rows ? rows[first + r->order[i]] : first + r->order[i];
}

cn_status cn__reader_begin(cn__reader *r, int64_t epoch)
{
    r->at = 0;
    if (r->order) make_order(r, epoch);
    if (r->s->direct) return CN_OK;
    cn__reader_stop(r);
    cn_status status = cn__dataset_begin(r->ds, r->m->obj.ctx, epoch, r->batch, r->order, (int64_t)r->norder);
    r->open = !status;
    return status;
}

int64_t cn__reader_fetch(cn__reader *r)
{
    int64_t n = r->batch;
    if (r->count != CN_ANY) n = CN__MIN(n, r->count - r->at);
    if (r->weighted && !r->s->weighted)
        for (int64_t i = 0; i < r->batch; i++) r->stage.weight[i] = 1.0f;
    if (n > 0) n = cn__dataset_fetch(r->ds, r->m->obj.ctx, r->at, n, &r->stage);
    for (int i = 0; i < r->s->nx && n > 0; i++)
        if (r->s->x[i].dtype == CN_STRING)
            cn__fingerprints(r->stage.x[i], r->stage.x[i], (size_t)n * (r->s->x[i].row / sizeof(int64_t)));
    int64_t steps = weight_steps(&r->weight);
    for (int64_t i = 0; r->class_weight && i < n; i++) {
        float factor = class_factor(r, (const char *)r->stage.y[0] + (size_t)i * r->s->y[0].row);
        for (int64_t k = 0; k < steps; k++) r->stage.weight[i * steps + k] *= factor;
    }
    r->staged_rows = CN__MAX(n, 0);
    return n;
}

cn_status cn__reader_skip(cn__reader *r, int64_t samples)
{
    cn_ctx *ctx = r->m->obj.ctx;
    int64_t n = 1;
    if (r->s->direct) return r->at = samples, CN_OK;
    while (r->at < samples && n > 0) {                   /* read all the same: a stream goes one way only */
        n = cn__reader_fetch(r);
        r->at += CN__MAX(n, 0);
    }
    if (n < 0) return (cn_status)n;
    return r->at == samples ? CN_OK
                            : cn__fail(ctx, r->site, CN_E_VALUE,
                                       "the data are not those of the training that is to go on: it stands after %lld "
                                       "samples, they give %lld.", (long long)samples, (long long)r->at);
}

static void feed(const cn__reader *r, cn__feed *f, const cn__part *p, const void *staged, int64_t position)
{
    cn_dtype dtype = p->dtype == CN_STRING ? CN_INT64 : p->dtype;
    const uint32_t *order = r->order ? r->order : r->s->order ? r->s->order + r->first : NULL;
    if (r->s->direct)
        *f = (cn__feed){ .base = p->base + (order ? 0 : (size_t)r->first * p->pitch),
                         .row_bytes = p->pitch,
                         .dtype = (uint32_t)dtype,
                         .order = order,
                         .cursor = (uint64_t)position,
                         .rows = (uint64_t)r->count };
    else
        *f = (cn__feed){ .base = staged, .row_bytes = p->row, .dtype = (uint32_t)dtype, .rows = (uint64_t)r->batch };
}

/* Feeds behind the last one that the linked programs read are not there: an output need not depend on every input. */
void cn__reader_feeds(cn__reader *r, cn__exec *e, int64_t position)
{
    uint32_t n = 0;
    for (int i = 0; i < r->sig.nx && n < e->nfeeds; i++) {
        cn__part x = r->s->x[i];
        if (r->words[i].at) x.base = (const char *)r->words[i].at;
        feed(r, &e->feeds[n++], &x, r->stage.x[i], position);
    }
    for (int i = 0; i < r->sig.ny && n < e->nfeeds; i++)
        feed(r, &e->feeds[n++], &r->s->y[i], r->stage.y[i], position);
    if (r->sig.weight.rank && n < e->nfeeds) feed(r, &e->feeds[n], &r->weight, r->stage.weight, position);
}

cn__program *cn__reader_program(cn__reader *r, int64_t rows)
{
    r->sig.batch = rows;
    r->sig.structure = cn__model_structure(r->m);
    r->sig.compiled = r->mode != CN__PREDICT ? r->m->training->number : 0;
    r->sig.watches = cn__watches_key(r->m);
    for (int i = 0; i < r->sig.nx; i++) r->sig.x[i].dim[0] = rows;
    for (int i = 0; i < r->sig.ny; i++) r->sig.y[i].dim[0] = rows;
    if (r->sig.weight.rank) r->sig.weight.dim[0] = rows;
    return cn__program_get(r->m, &r->sig, r->site);
}

int64_t cn__reader_steps(const cn__reader *r)
{
    return r->count == CN_ANY ? CN_ANY : r->count / r->batch + (r->count % r->batch != 0);
}

static int64_t row_of(const cn__reader *r, int64_t position)
{
    if (r->order) return r->order[position];
    return r->s->direct && r->s->order ? r->s->order[r->first + position] : r->first + position;
}

int64_t cn__reader_row(const cn__reader *r, int64_t position) { return row_of(r, position); }

const char *cn__reader_sample(const cn__reader *r, const cn__part *p, const void *staged, int64_t i)
{
    return r->s->direct ? p->base + (size_t)row_of(r, r->at + i) * p->pitch : (const char *)staged + (size_t)i * p->row;
}
