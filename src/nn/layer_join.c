/* layer_join.c: layers that join tensors. */
#include "nn/layer.h"

/* ---- Element by element ------------------------------------------------------------------------------------------ */
static int most_axes(const cn_layer *l)
{
    int rank = 0;
    for (int i = 0; i < l->nin; i++) rank = CN__MAX(rank, l->in_type[i].rank);
    return rank;
}

/* The size of axis k of input i, once all have rank axes: new ones of size 1 come behind the batch, as in Keras. */
static int64_t size_at(const cn__type *t, int k, int rank)
{
    int behind = k - (rank - t->rank);
    return k == 0 ? t->dim[0] : behind > 0 ? t->dim[behind] : 1;
}

static cn_status elementwise_build(cn_layer *l, const char *site)
{
    int rank = most_axes(l);
    char a[80], b[80];
    for (int k = 1; k < rank; k++) {
        int first = -1;
        for (int i = 0; i < l->nin; i++) {
            int64_t n = size_at(&l->in_type[i], k, rank);
            if (n == 1 || n < 0) continue;
            if (first >= 0 && size_at(&l->in_type[first], k, rank) != n)
                return cn__layer_error(l, site, CN_E_SHAPE,
                                       "inputs %d and %d have the shapes %s and %s, which do not fit.", first, i,
                                       cn__layer_shape_text(&l->in_type[first], a, sizeof a),
                                       cn__layer_shape_text(&l->in_type[i], b, sizeof b));
            first = i;
        }
    }
    return CN_OK;
}

static cn_status pair_build(cn_layer *l, const char *site)
{
    if (l->nin == 2) return elementwise_build(l, site);
    return cn__layer_error(l, site, CN_E_VALUE, "it joins 2 tensors, not %d.", l->nin);
}

/* Input i in the common type; tensors of different types meet in the layer's. */
static cn__val taken(const cn__lowering *l, int i)
{
    for (int k = 1; k < l->nin; k++)
        if (cn__type_of(l->g, l->in[k])->dtype != cn__type_of(l->g, l->in[0])->dtype)
            return cn__layer_cast(l, l->in[i]);
    return l->in[i];
}

static cn__val taken_to_rank(const cn__lowering *l, int i)
{
    cn__val x = taken(l, i);
    for (int n = cn__type_of(l->g, l->in[i])->rank; x && n < most_axes(l->layer); n++) x = cn__expand(l->g, x, 1);
    return x;
}

/* A step counts where it counts in all, if all say so. */
static void common_mask(cn__lowering *l, cn__op op)
{
    cn__val mask = l->mask ? l->mask[0] : 0;
    for (int i = 1; mask && i < l->nin; i++) mask = l->mask[i] ? cn__b2(l->g, op, mask, l->mask[i]) : 0;
    *l->out_mask = mask;
}

static bool fold(cn__lowering *l, cn__op op)
{
    cn__val y = taken_to_rank(l, 0);
    for (int i = 1; i < l->nin; i++) y = cn__b2(l->g, op, y, taken_to_rank(l, i));
    common_mask(l, CN__OP_AND);
    return (l->out[0] = y) != 0;
}

static bool add_call(cn__lowering *l)      { return fold(l, CN__OP_ADD); }
static bool subtract_call(cn__lowering *l) { return fold(l, CN__OP_SUB); }
static bool multiply_call(cn__lowering *l) { return fold(l, CN__OP_MUL); }
static bool maximum_call(cn__lowering *l)  { return fold(l, CN__OP_MAX); }
static bool minimum_call(cn__lowering *l)  { return fold(l, CN__OP_MIN); }
static bool average_call(cn__lowering *l)
{
    return fold(l, CN__OP_ADD) && (l->out[0] = cn__scale(l->g, cn__layer_cast(l, l->out[0]), 1.0 / l->nin)) != 0;
}

/* ---- Concatenate ------------------------------------------------------------------------------------------------- */
static int concatenation_axis(const cn_layer *l)
{
    int64_t axis = ((const cn_concatenate_args *)l->args)->axis, rank = l->in_type[0].rank;
    return axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : -1;
}

static cn_status concatenate_build(cn_layer *l, const char *site)
{
    int axis = concatenation_axis(l);
    char a[80], b[80];
    if (axis < 1)
        return cn__layer_error(l, site, CN_E_VALUE,
                               "axis is %lld; the tensors' axes are 1 to %d, or -1 for the last (0 is the batch).",
                               (long long)((const cn_concatenate_args *)l->args)->axis, l->in_type[0].rank - 1);
    for (int i = 1; i < l->nin; i++) {
        const cn__type *x = &l->in_type[0], *y = &l->in_type[i];
        bool fits = x->rank == y->rank;
        for (int k = 1; fits && k < x->rank; k++)
            fits = k == axis || x->dim[k] < 0 || y->dim[k] < 0 || x->dim[k] == y->dim[k];
        if (!fits)
            return cn__layer_error(l, site, CN_E_SHAPE,
                                   "inputs 0 and %d have the shapes %s and %s; all but axis %d must be the same.", i,
                                   cn__layer_shape_text(x, a, sizeof a), cn__layer_shape_text(y, b, sizeof b), axis);
    }
    return CN_OK;
}

static bool concatenate_call(cn__lowering *l)
{
    cn__val x[CN_MAX_IO], mask[CN_MAX_IO];
    int axis = concatenation_axis(l->layer), masks = 0;
    for (int i = 0; i < l->nin; i++) {
        x[i] = taken(l, i);
        mask[i] = l->mask ? l->mask[i] : 0;
        masks += mask[i] != 0;
    }
    if (masks == l->nin) { /* along time the masks are joined as well; beside each other a step counts in any */
        if (axis < cn__type_of(l->g, mask[0])->rank) *l->out_mask = cn__concat(l->g, axis, l->nin, mask);
        else common_mask(l, CN__OP_OR);
    }
    return (l->out[0] = cn__concat(l->g, axis, l->nin, x)) != 0;
}

/* ---- Dot --------------------------------------------------------------------------------------------------------- */
static int dot_axis(const cn_layer *l, int i)
{
    int64_t axis = ((const cn_dot_args *)l->args)->axes[i], rank = l->in_type[i].rank;
    return axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : -1;
}

static cn_status dot_build(cn_layer *l, const char *site)
{
    char a[80], b[80];
    if (l->nin != 2) return cn__layer_error(l, site, CN_E_VALUE, "it joins 2 tensors, not %d.", l->nin);
    int ax = dot_axis(l, 0), bx = dot_axis(l, 1);
    const cn__type *x = &l->in_type[0], *y = &l->in_type[1];
    if (ax < 1 || bx < 1)
        return cn__layer_error(l, site, CN_E_VALUE, "axes are outside the tensors, or 0, which is the batch.");
    if (x->dim[ax] >= 0 && y->dim[bx] >= 0 && x->dim[ax] != y->dim[bx])
        return cn__layer_error(l, site, CN_E_SHAPE, "axis %d of %s has size %lld, axis %d of %s has %lld.", ax,
                               cn__layer_shape_text(x, a, sizeof a), (long long)x->dim[ax], bx,
                               cn__layer_shape_text(y, b, sizeof b), (long long)y->dim[bx]);
    return CN_OK;
}

static bool dot_call(cn__lowering *l)
{
    const cn_dot_args *o = l->layer->args;
    cn__val x[2];
    char equation[64], out[2 * CN_MAX_RANK + 1], *e = equation;
    int n = 0;
    out[n++] = 'a'; /* a the batch, z what is summed over; letters of its own for every other axis */
    for (int i = 0; i < 2; i++) {
        int axis = dot_axis(l->layer, i), rank = cn__type_of(l->g, l->in[i])->rank;
        x[i] = taken(l, i);
        if (o->normalize == CN_YES) x[i] = cn__normalize(l->g, x[i], 1u << axis);
        if (i) *e++ = ',';
        for (int k = 0; k < rank; k++) {
            char letter = (char)(k == 0 ? 'a' : k == axis ? 'z' : (i ? 'm' : 'b') + k - 1);
            *e++ = letter;
            if (k && k != axis) out[n++] = letter;
        }
    }
    out[n] = 0;
    *e++ = '-', *e++ = '>';
    for (int k = 0; k <= n; k++) *e++ = out[k];
    cn__val y = cn__einsum(l->g, equation, 2, x);
    return (l->out[0] = n == 1 ? cn__expand(l->g, y, -1) : y) != 0;
}

const cn__layer_ops cn__layer_add         = { .build = elementwise_build, .call = add_call };
const cn__layer_ops cn__layer_subtract    = { .build = pair_build,        .call = subtract_call };
const cn__layer_ops cn__layer_multiply    = { .build = elementwise_build, .call = multiply_call };
const cn__layer_ops cn__layer_average     = { .build = elementwise_build, .call = average_call };
const cn__layer_ops cn__layer_maximum     = { .build = elementwise_build, .call = maximum_call };
const cn__layer_ops cn__layer_minimum     = { .build = elementwise_build, .call = minimum_call };
const cn__layer_ops cn__layer_concatenate = { .build = concatenate_build, .call = concatenate_call };
const cn__layer_ops cn__layer_dot         = { .build = dot_build,         .call = dot_call };
