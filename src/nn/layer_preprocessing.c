/* layer_preprocessing.c: Rescaling, and Normalization, which learns mean and variance from data before the training. */
#include "nn/layer.h"
#include <math.h>
#include <string.h>

static bool rescaling_call(cn__lowering *l)
{
    const cn_rescaling_args *o = l->layer->args;
    return (l->out[0] = cn__affine(l->g, cn__layer_cast(l, l->in[0]), o->scale, o->offset)) != 0;
}

/* ---- Normalization: the axes kept have a mean and a variance for each place, the others are averaged over -------- */
typedef struct statistics {
    uint32_t kept;                                       /* bit mask of axes */
    int64_t  places;                                     /* numbers of mean */
    double *mean, *square, *seen; /* of what adapt saw: means, sums of squared deviations, how many numbers */
    bool     adapted;
} statistics;

static cn_status kept_axes(const cn_layer *l, const char *site, uint32_t *kept)
{
    const cn_normalization_args *o = l->args;
    const cn__type *in = &l->in_type[0];
    *kept = 0;
    if (o->axis[0] == CN_NO_AXIS) return CN_OK;
    if (!cn__axes_mask(o->axis, in->rank, kept) || *kept & 1)
        return cn__layer_error(l, site, CN_E_VALUE,
                               "axis is outside the input, whose axes are 1 to %d, or 0, which is the batch.",
                               in->rank - 1);
    for (int i = 1; i < in->rank; i++)
        if (*kept & 1u << i && in->dim[i] < 0)
            return cn__layer_error(l, site, CN_E_SHAPE,
                                   "axis %d has an unknown size, so there is no telling how many means there are.", i);
    return CN_OK;
}

static cn_status normalization_build(cn_layer *l, const char *site)
{
    const cn_normalization_args *o = l->args;
    cn__arena *mem = cn__ctx_arena(l->obj.ctx);
    statistics *s = cn__arena_alloc(mem, sizeof *s);
    cn__spec zeros, ones, none = { 0 };
    int64_t dim[CN_MAX_RANK];
    int rank = 0;
    if (!s) return cn__nomem(l->obj.ctx);
    cn_status status = kept_axes(l, site, &s->kept);
    if (status) return status;
    for (int i = 1; i < l->in_type[0].rank; i++)
        if (s->kept & 1u << i) dim[rank++] = l->in_type[0].dim[i];
    s->places = 1;
    for (int i = 0; i < rank; i++) s->places *= dim[i];
    l->state = s;
    if (!o->mean != !o->variance)
        return cn__layer_error(l, site, CN_E_VALUE, "mean and variance are given together or not at all.");
    if (o->mean) {
        size_t n = o->mean->count;
        if (n != o->variance->count || (n != 1 && n != (size_t)s->places))
            return cn__layer_error(l, site, CN_E_SHAPE, "mean has %zu numbers, variance %zu; it takes 1 or %lld.", n,
                                   o->variance->count, (long long)s->places);
        s->adapted = true;
        return CN_OK;
    }
    if (!cn__spec_make(l->obj.ctx, mem, site, CN__FAM_INITIALIZER, "zeros", &zeros) ||
        !cn__spec_make(l->obj.ctx, mem, site, CN__FAM_INITIALIZER, "ones", &ones) ||
        !cn__layer_weight(l, site, "mean", rank, dim, zeros, none, none, false) ||
        !cn__layer_weight(l, site, "variance", rank, dim, ones, none, none, false) ||
        !cn__layer_weight_of(l, CN_INT64, site, "count", 0, dim, zeros, none, none, false))
        return (cn_error)(l->obj.ctx);
    return CN_OK;
}

/* Given numbers as a constant of n places, or of one. */
static cn__val given(const cn__lowering *l, const cn_values *v)
{
    cn__type t = { .dtype = CN_FLOAT64, .rank = 1, .dim = { (int64_t)v->count } };
    double *at = cn__alloc(l->ctx, v->count * sizeof *at);
    if (!at) return cn__graph_fail(l->g, CN_E_NOMEM, "out of memory");
    cn__convert(CN_FLOAT64, at, v->dtype, v->data, v->count);
    cn__val constant = cn__constant(l->g, &t, at);
    cn__free(l->ctx, at, v->count * sizeof *at);
    return cn__layer_cast(l, constant);
}

static bool normalization_call(cn__lowering *l)
{
    const cn_normalization_args *o = l->layer->args;
    const statistics *s = l->layer->state;
    cn_graph *g = l->g;
    cn__val x = cn__layer_cast(l, l->in[0]), mean = o->mean ? given(l, o->mean) : cn__weight_val(l, 0),
            variance = o->mean ? given(l, o->variance) : cn__weight_val(l, 1);
    if (!x || !mean || !variance) return false;
    cn__type t = *cn__type_of(g, x);
    if (cn__type_count(cn__type_of(g, mean)) == 1) t.rank = 0;
    for (int i = 0; i < t.rank; i++)
        if (!(s->kept & 1u << i)) t.dim[i] = 1;
    mean = cn__reshape(g, mean, t.rank, t.dim), variance = cn__reshape(g, variance, t.rank, t.dim);
    cn__val deviation = cn__b2(g, CN__OP_MAX, cn__b1(g, CN__OP_SQRT, variance), cn__like(g, variance, 1e-7));
    if (o->invert == CN_YES) l->out[0] = cn__add(g, mean, cn__mul(g, x, deviation));
    else l->out[0] = cn__div(g, cn__sub(g, x, mean), deviation);
    return l->out[0] != 0;
}

/* The place of element k of a sample. */
static int64_t place_of(const cn__type *in, uint32_t kept, int64_t k)
{
    int64_t place = 0, stride = 1;
    for (int i = in->rank - 1; i > 0; i--) {
        int64_t at = k % in->dim[i];
        k /= in->dim[i];
        if (kept & 1u << i) place += at * stride, stride *= in->dim[i];
    }
    return place;
}

/* Welford's update, one row at a time, in double: no second pass over the data and no cancellation (Welford 1962). */
static void see(statistics *s, const cn__type *in, const float *row, int64_t width)
{
    for (int64_t k = 0; k < width; k++) {
        int64_t p = place_of(in, s->kept, k);
        double d = row[k] - s->mean[p];
        s->mean[p] += d / ++s->seen[p];
        s->square[p] += d * (row[k] - s->mean[p]);
    }
}

static cn_status normalization_adapt(cn_layer *l, const char *site, const void *rows, int64_t n, int64_t width,
                                     cn__adapt_phase phase)
{
    statistics *s = l->state;
    cn_ctx *ctx = l->obj.ctx;
    size_t count = (size_t)s->places;
    if (phase == CN__ADAPT_DROP) return CN_OK;
    if (phase == CN__ADAPT_BEGIN) {
        if (!s->mean && !(s->mean = cn__arena_alloc(cn__ctx_arena(ctx), 3 * count * sizeof *s->mean)))
            return cn__nomem(ctx);
        memset(s->mean, 0, 3 * count * sizeof *s->mean);
        s->square = s->mean + count, s->seen = s->square + count;
        return CN_OK;
    }
    if (phase == CN__ADAPT_ROWS) {
        cn__type in = l->in_type[0]; /* one axis may have been unknown: then it is what is left of width */
        int64_t known = 1;
        for (int i = 1; i < in.rank; i++) known *= in.dim[i] < 0 ? 1 : in.dim[i];
        for (int i = 1; i < in.rank; i++)
            if (in.dim[i] < 0) in.dim[i] = width / CN__MAX(known, 1), known = width;
        for (int64_t i = 0; i < n; i++) see(s, &in, (const float *)rows + i * width, width);
        return CN_OK;
    }
    if (s->seen[0] == 0) return cn__layer_error(l, site, CN_E_VALUE, "there were no data to adapt to.");
    cn__var *mean = l->weights.at[0]->var, *variance = l->weights.at[1]->var;
    for (size_t p = 0; p < count; p++) {
        cn__store((cn_dtype)mean->type.dtype, cn__var_master(mean), p, s->mean[p]);
        cn__store((cn_dtype)variance->type.dtype, cn__var_master(variance), p, s->square[p] / s->seen[p]);
    }
    cn__var_touch(mean);
    cn__var_touch(variance);
    s->adapted = true;
    return CN_OK;
}

static bool normalization_adapts(const cn_layer *l)
{
    const cn_normalization_args *o = l->args;
    return !o->mean;
}

static double number_of(const cn_layer *l, int weight, size_t at)
{
    cn__var *v = l->weights.at[weight]->var;
    return cn__load((cn_dtype)v->type.dtype, cn__var_master(v), at);
}

/* Adapted, or its weights were set or loaded: they are no longer the 0 and 1 of the beginning. */
static bool normalization_adapted(const cn_layer *l)
{
    const statistics *s = l->state;
    if (s->adapted) return true;
    for (size_t p = 0; p < (size_t)s->places; p++)
        if (number_of(l, 0, p) != 0 || number_of(l, 1, p) != 1) return true;
    return false;
}

const cn__layer_ops cn__layer_rescaling     = { .call = rescaling_call, .supports_masking = true };
const cn__layer_ops cn__layer_normalization = { .build = normalization_build,
                                                .call = normalization_call,
                                                .supports_masking = true,
                                                .adapt = normalization_adapt,
                                                .adapts = normalization_adapts,
                                                .adapted = normalization_adapted };
