/* layer_discretization.c: Discretization: numbers to the bins they lie in, between boundaries that are given or learnt.

   Learning follows Keras to the bit: the sorted numbers are thinned to about 1 / epsilon of equal weight (summarize),
   then interpolated at equal shares of the weight (compress_summary), in float32 and double where Keras has them. */
#include "nn/layer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct bins {
    float  *boundary; int64_t n;                         /* rising */
    bool    known;
    int64_t depth;                                       /* that the outputs were made with; 0: none were */
    float  *seen; size_t count, room;                    /* while it adapts: all numbers */
} bins;

static int64_t depth_of(const cn_discretization_args *o, const bins *b) { return b->known ? b->n + 1 : o->num_bins; }

static cn_status take_boundaries(cn_layer *l, const char *site, const cn_values *v)
{
    bins  *b = l->state;
    float *at = cn__arena_alloc(cn__ctx_arena(l->obj.ctx), (v->count + 1) * sizeof *at);
    if (!at) return cn__nomem(l->obj.ctx);
    cn__convert(CN_FLOAT32, at, v->dtype, v->data, v->count);
    for (size_t i = 0; i < v->count; i++)
        if (isnan(at[i]) || (i && at[i] < at[i - 1]))
            return cn__layer_error(l, site, CN_E_VALUE,
                                   "bin_boundaries[%zu] is %g behind %g; boundaries rise from one to the next.", i,
                                   (double)at[i], i ? (double)at[i - 1] : 0);
    b->boundary = at, b->n = (int64_t)v->count, b->known = true;
    return CN_OK;
}

static cn_status discretization_build(cn_layer *l, const char *site)
{
    const cn_discretization_args *o = l->args;
    if (l->state) return CN_OK;                          /* what was learnt stays when a model is made anew */
    bins *b = cn__arena_alloc(cn__ctx_arena(l->obj.ctx), sizeof *b);
    if (!b) return cn__nomem(l->obj.ctx);
    cn_status status = cn__encoding_check(l, site, o->output_mode, CN__ENCODE_INT | CN__ENCODE_ONE_HOT |
                                                                       CN__ENCODE_MULTI_HOT | CN__ENCODE_COUNT);
    if (!status && !o->num_bins && !o->bin_boundaries)
        return cn__layer_error(l, site, CN_E_VALUE, "give bin_boundaries = CN_NUMBERS(...), or num_bins and cn_adapt.");
    if (status) return status;
    l->state = b;
    if (o->bin_boundaries) status = take_boundaries(l, site, o->bin_boundaries);
    if (status) l->state = NULL;
    return status;
}

static bool discretization_call(cn__lowering *l)
{
    const cn_discretization_args *o = l->layer->args;
    bins     *b = l->layer->state;
    cn_graph *g = l->g;
    cn__val   x = cn__layer_cast(l, l->in[0]), index;
    if (!x) return false;
    cn__type  table = { .dtype = CN_FLOAT32, .rank = 1, .dim = { b->n } };
    if (b->known && b->n) index = cn__search_sorted(g, cn__layer_cast(l, cn__constant(g, &table, b->boundary)), x);
    else index = cn__fill(g, CN_INT32, cn__type_of(g, x)->rank, cn__type_of(g, x)->dim, 0);    /* one bin, or no data */
    if (o->output_mode != CN_INT) b->depth = depth_of(o, b);
    return (l->out[0] = cn__encode(l, index, o->output_mode, depth_of(o, b))) != 0;
}

/* ---- Learning ---------------------------------------------------------------------------------------------------- */
/* numpy.interp: the line through (x[i], y[i]), level at both ends. */
static double interpolate(double at, const float *x, const float *y, size_t n)
{
    size_t low = 0, high = n;
    while (low < high) {                                 /* the first x above `at` */
        size_t middle = low + (high - low) / 2;
        if ((double)x[middle] > at) high = middle;
        else low = middle + 1;
    }
    if (low == 0) return y[0];
    if (low == n || (double)x[low - 1] == at) return y[low - 1];
    double slope = ((double)y[low] - (double)y[low - 1]) / ((double)x[low] - (double)x[low - 1]);
    return slope * (at - (double)x[low - 1]) + (double)y[low - 1];
}

typedef struct summary { float *value, *weight, *share, *sum; size_t n; } summary;

/* compress_summary: to ceil(1 / epsilon) values at equal shares of the weight. Into `to`, which has room for them. */
static size_t compress(summary *s, double epsilon, float *value, float *weight)
{
    if ((double)s->n * epsilon < 1) {
        memcpy(value, s->value, s->n * sizeof *value), memcpy(weight, s->weight, s->n * sizeof *weight);
        return s->n;
    }
    float  total = 0;
    size_t n = (size_t)ceil(1.0 / epsilon);
    for (size_t i = 0; i < s->n; i++) s->sum[i] = total = i ? total + s->weight[i] : s->weight[0];
    for (size_t i = 0; i < s->n; i++) s->share[i] = s->sum[i] / total;
    double before = 0;
    for (size_t i = 0; i < n; i++) {
        double at = epsilon + (double)i * epsilon, so_far = interpolate(at, s->share, s->sum, s->n);
        value[i] = (float)interpolate(at, s->share, s->value, s->n);
        weight[i] = (float)(so_far - before);
        before = so_far;
    }
    return n;
}

static int rising(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* summarize, merge_summaries with nothing before, get_bin_boundaries. */
static cn_status learn(cn_layer *l, const char *site)
{
    cn_discretization_args *o = l->args;
    bins   *b = l->state;
    cn_ctx *ctx = l->obj.ctx;
    if (!b->count) return cn__layer_error(l, site, CN_E_VALUE, "there were no data to adapt to.");
    qsort(b->seen, b->count, sizeof *b->seen, rising);
    double  step = CN__MAX((double)b->count / (1.0 / o->epsilon), 1.0);
    size_t  n = 0, most = CN__MAX(b->count, CN__MAX((size_t)ceil(1.0 / o->epsilon), (size_t)o->num_bins)) + 1;
    size_t  bytes = 6 * most * sizeof(float);
    float  *mem = cn__alloc(ctx, bytes), *value = mem + 4 * most, *weight = mem + 5 * most;
    if (!mem) return cn__nomem(ctx);
    summary s = { mem, mem + most, mem + 2 * most, mem + 3 * most, 0 };
    for (size_t i = (size_t)(step - 1); i < b->count; i += (size_t)step, s.n++)
        s.value[s.n] = b->seen[i], s.weight[s.n] = (float)step;
    s.n = compress(&s, o->epsilon, value, weight);
    memcpy(s.value, value, s.n * sizeof *value), memcpy(s.weight, weight, s.n * sizeof *weight);
    n = compress(&s, 1.0 / (double)o->num_bins, value, weight) - 1;
    double *kept = cn__arena_alloc(cn__ctx_arena(ctx), (n + 1) * sizeof *kept);
    cn_values *own = cn__arena_alloc(cn__ctx_arena(ctx), sizeof *own);
    cn_status status = kept && own ? CN_OK : cn__nomem(ctx);
    if (!status) {
        cn__convert(CN_FLOAT64, kept, CN_FLOAT32, value, n);
        *own = (cn_values){ CN_FLOAT64, n, kept };
        if (b->depth && b->depth != (int64_t)n + 1)
            status = cn__layer_error(l, site, CN_E_VALUE,
                                     "the data give %zu bins, but the outputs have %lld; adapt the layer before it is "
                                     "called on a tensor, with as many numbers as there are bins.", n + 1,
                                     (long long)b->depth);
        else if (!(status = take_boundaries(l, site, own))) o->bin_boundaries = own;     /* as Keras saves them */
    }
    cn__free(ctx, mem, bytes);
    return status;
}

static cn_status see(cn_layer *l, const char *site, const float *rows, size_t n)
{
    bins *b = l->state;
    for (size_t i = 0; i < n; i++)
        if (isnan(rows[i]))
            return cn__layer_error(l, site, CN_E_VALUE, "the data have NaN, which lies in no bin; fill it in.");
    if (b->count + n > b->room) {
        size_t room = CN__MAX(b->count + n, 2 * b->room);
        float *at = cn__realloc(l->obj.ctx, b->seen, b->room * sizeof *at, room * sizeof *at);
        if (!at) return cn__nomem(l->obj.ctx);
        b->seen = at, b->room = room;
    }
    memcpy(b->seen + b->count, rows, n * sizeof *rows);
    b->count += n;
    return CN_OK;
}

static cn_status discretization_adapt(cn_layer *l, const char *site, const void *rows, int64_t n, int64_t width,
                                      cn__adapt_phase phase)
{
    bins *b = l->state;
    cn_status status = phase == CN__ADAPT_ROWS  ? see(l, site, rows, (size_t)(n * width))
                       : phase == CN__ADAPT_END ? learn(l, site)
                                                : CN_OK;
    if (phase == CN__ADAPT_ROWS) return status;
    cn__free(l->obj.ctx, b->seen, b->room * sizeof *b->seen);
    b->seen = NULL, b->count = b->room = 0;
    return status;
}

static bool discretization_adapts(const cn_layer *l)
{
    const cn_discretization_args *o = l->args;
    return o->num_bins > 0;
}

static bool discretization_adapted(const cn_layer *l)
{
    const bins *b = l->state;
    return b->known;
}

const cn__layer_ops cn__layer_discretization = { .build = discretization_build,
                                                 .call = discretization_call,
                                                 .adapt = discretization_adapt,
                                                 .adapts = discretization_adapts,
                                                 .adapted = discretization_adapted };
