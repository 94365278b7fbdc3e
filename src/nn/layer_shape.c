/* layer_shape.c: layers that move numbers and change none: Flatten, Reshape, Permute, RepeatVector. */
#include "nn/layer.h"

static bool flatten_call(cn__lowering *l)
{
    const cn__type *t = cn__type_of(l->g, l->in[0]);
    int64_t dim[2] = { t->dim[0], 1 };
    for (int i = 1; i < t->rank; i++) dim[1] *= t->dim[i];
    return (l->out[0] = cn__reshape(l->g, l->in[0], 2, dim)) != 0;
}

/* ---- Reshape ----------------------------------------------------------------------------------------------------- */
static cn_status reshape_build(cn_layer *l, const char *site)
{
    const cn_reshape_args *o = l->args;
    const cn__type *in = &l->in_type[0];
    int64_t have = 1, want = 1;
    int open = 0, n = cn__dims_count(o->target_shape);
    char text[80];
    for (int i = 1; i < in->rank; i++) have = have < 0 || in->dim[i] < 0 ? -1 : have * in->dim[i];
    for (int i = 0; i < n; i++)
        if (o->target_shape[i] < 0) open++; else want *= o->target_shape[i];
    if (n >= CN_MAX_RANK)
        return cn__layer_error(l, site, CN_E_LIMIT,
                               "target_shape has %d sizes; with the batch a value has at most %d axes.", n,
                               CN_MAX_RANK);
    if (open > 1)
        return cn__layer_error(l, site, CN_E_VALUE, "target_shape has %d times CN_ANY, it takes one.", open);
    if (have >= 0 && (open ? have % CN__MAX(want, 1) : have != want))
        return cn__layer_error(l, site, CN_E_SHAPE, "the input %s has %lld numbers a sample, target_shape %s%lld.",
                               cn__layer_shape_text(in, text, sizeof text), (long long)have,
                               open ? "a multiple of " : "", (long long)want);
    return CN_OK;
}

static bool reshape_call(cn__lowering *l)
{
    const cn_reshape_args *o = l->layer->args;
    const cn__type *t = cn__type_of(l->g, l->in[0]);
    int64_t dim[CN_MAX_RANK] = { t->dim[0] };
    int n = cn__dims_count(o->target_shape);
    for (int i = 0; i < n; i++) dim[i + 1] = o->target_shape[i];
    return (l->out[0] = cn__reshape(l->g, l->in[0], n + 1, dim)) != 0;
}

/* ---- Permute ----------------------------------------------------------------------------------------------------- */
static cn_status permute_build(cn_layer *l, const char *site)
{
    const cn_permute_args *o = l->args;
    int n = cn__dims_count(o->dims), rank = l->in_type[0].rank;
    uint32_t seen = 0;
    for (int i = 0; i < n; i++)
        if (o->dims[i] >= 1 && o->dims[i] <= n) seen |= 1u << o->dims[i];
    if (n == rank - 1 && seen == (1u << rank) - 2) return CN_OK;
    return cn__layer_error(l, site, CN_E_VALUE,
                           "dims must have each of 1 to %d once, for the input has that many axes behind the batch.",
                           rank - 1);
}

static bool permute_call(cn__lowering *l)
{
    const cn_permute_args *o = l->layer->args;
    int32_t perm[CN_MAX_RANK] = { 0 };
    for (int i = 0, n = cn__dims_count(o->dims); i < n; i++) perm[i + 1] = (int32_t)o->dims[i];
    return (l->out[0] = cn__transpose(l->g, l->in[0], perm)) != 0;
}

/* ---- RepeatVector ------------------------------------------------------------------------------------------------ */
static cn_status repeat_build(cn_layer *l, const char *site)
{
    char text[80];
    if (l->in_type[0].rank == 2) return CN_OK;
    return cn__layer_error(l, site, CN_E_SHAPE, "the input has the shape %s, it takes (batch, d).",
                           cn__layer_shape_text(&l->in_type[0], text, sizeof text));
}

static bool repeat_call(cn__lowering *l)
{
    const cn__type *t = cn__type_of(l->g, l->in[0]);
    int64_t dim[3] = { t->dim[0], ((const cn_repeat_vector_args *)l->layer->args)->n, t->dim[1] };
    return (l->out[0] = cn__broadcast(l->g, cn__expand(l->g, l->in[0], 1), 3, dim)) != 0;
}

const cn__layer_ops cn__layer_flatten       = { .call = flatten_call };
const cn__layer_ops cn__layer_reshape       = { .build = reshape_build, .call = reshape_call };
const cn__layer_ops cn__layer_permute       = { .build = permute_build, .call = permute_call };
const cn__layer_ops cn__layer_repeat_vector = { .build = repeat_build,  .call = repeat_call };
