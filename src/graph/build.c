/* build.c: the constructors: from what gradients, layers and importers say to instructions with their attributes. */
#include "graph/build.h"
#include "graph/core.h"

#define EMIT1(g, op, a, x)    cn__emit((g), (op), &(a), sizeof(a), 1, (const cn__val[]){ (x) }, 1, NULL)
#define EMIT2(g, op, a, x, y) cn__emit((g), (op), &(a), sizeof(a), 2, (const cn__val[]){ (x), (y) }, 1, NULL)

/* Its type; of what is absent or failed: a scalar without a dtype. */
static cn__type type_of(const cn_graph *g, cn__val v)
{
    return cn__graph_ok(g) && cn__graph_has(g, v) ? *cn__type_of(g, v) : (cn__type){ 0 };
}

static int axis_of(cn_graph *g, cn__val x, int64_t axis, int rank, const char *what)
{
    int a = cn__axis(axis, rank);
    char text[128];
    cn__type t = type_of(g, x);
    if (a < 0 && cn__graph_has(g, x))
        cn__graph_fail(g, CN_E_SHAPE, "%s: axis %lld of %s: there are %d axes", what, (long long)axis,
                       cn__type_text(&t, text, sizeof text), rank);
    return a;
}

/* ---- Element-wise ------------------------------------------------------------------------------------------------ */
cn__val cn__b1(cn_graph *g, cn__op op, cn__val x) { return cn__emit(g, op, NULL, 0, 1, &x, 1, NULL); }

cn__val cn__b2(cn_graph *g, cn__op op, cn__val a, cn__val b)
{
    return cn__emit(g, op, NULL, 0, 2, (const cn__val[]){ a, b }, 1, NULL);
}

cn__val cn__where(cn_graph *g, cn__val c, cn__val a, cn__val b)
{
    return cn__emit(g, CN__OP_WHERE, NULL, 0, 3, (const cn__val[]){ c, a, b }, 1, NULL);
}

cn__val cn__clip(cn_graph *g, cn__val x, cn__val lo, cn__val hi)
{
    return cn__emit(g, CN__OP_CLIP, NULL, 0, 3, (const cn__val[]){ x, lo, hi }, 1, NULL);
}

cn__val cn__cast(cn_graph *g, cn__val x, cn_dtype dtype)
{
    cn__a_cast a = { .dtype = (int32_t)dtype };
    return EMIT1(g, CN__OP_CAST, a, x);
}

cn__val cn__like(cn_graph *g, cn__val x, double value)
{
    return cn__graph_ok(g) && cn__graph_has(g, x) ? cn__scalar(g, (cn_dtype)cn__type_of(g, x)->dtype, value) : 0;
}

cn__val cn__scale(cn_graph *g, cn__val x, double scale)
{
    return scale == 1 ? x : cn__mul(g, x, cn__like(g, x, scale));
}

cn__val cn__affine(cn_graph *g, cn__val x, double scale, double offset)
{
    cn__val y = cn__scale(g, x, scale);
    return offset == 0 ? y : cn__add(g, y, cn__like(g, x, offset));
}

cn__val cn__fill(cn_graph *g, cn_dtype dtype, int rank, const int64_t *dim, double value)
{
    return cn__broadcast(g, cn__scalar(g, dtype, value), rank, dim);
}

cn__val cn__zeros_like(cn_graph *g, cn__val x)
{
    cn__type t = type_of(g, x);
    return x ? cn__fill(g, (cn_dtype)t.dtype, t.rank, t.dim, 0) : 0;
}

/* ---- Reductions and products ------------------------------------------------------------------------------------- */
cn__val cn__reduce(cn_graph *g, cn__op op, cn__val x, uint32_t axes, bool keepdims)
{
    cn__a_reduce a = { .rank = type_of(g, x).rank, .keepdims = keepdims, .axes = axes };
    return EMIT1(g, op, a, x);
}

cn__val cn__reduce_all(cn_graph *g, cn__op op, cn__val x)
{
    return cn__reduce(g, op, x, (1u << type_of(g, x).rank) - 1, false);
}

cn__val cn__argmax(cn_graph *g, cn__val x, int axis)
{
    cn__a_axis a = { .axis = axis_of(g, x, axis, type_of(g, x).rank, "argmax") };
    return EMIT1(g, CN__OP_ARGMAX, a, x);
}

/* (.., k) by (k, n): one product of many rows, whose gradient is one product as well. */
static cn__val matmul_rows(cn_graph *g, cn__val a, cn__val b, bool tb)
{
    cn__type ta = type_of(g, a), t = type_of(g, b);
    int64_t k = ta.dim[ta.rank - 1], rows = 1, flat[2];
    for (int i = 0; i < ta.rank - 1; i++) rows *= ta.dim[i];
    flat[0] = rows, flat[1] = k;
    cn__val y = cn__matmul(g, cn__reshape(g, a, 2, flat), b, false, tb);
    ta.dim[ta.rank - 1] = t.dim[tb ? 0 : 1];
    return cn__reshape(g, y, ta.rank, ta.dim);
}

cn__val cn__matmul(cn_graph *g, cn__val a, cn__val b, bool ta, bool tb)
{
    cn__type x = type_of(g, a), y = type_of(g, b);
    cn__a_matmul attr = { .ta = ta, .tb = tb, .bf16 = g->bf16 && x.dtype == CN_FLOAT32 };
    /* a vector is a row on the left, a column on the right, as in NumPy */
    if (x.rank == 1 && y.rank)
        return cn__squeeze(g, cn__matmul(g, cn__expand(g, a, 0), b, false, tb), y.rank == 1 ? 0 : -2);
    if (y.rank == 1 && x.rank) return cn__squeeze(g, cn__matmul(g, a, cn__expand(g, b, 1), ta, false), -1);
    if (x.rank > 2 && y.rank == 2 && !ta && x.dim[x.rank - 1] == y.dim[tb ? 1 : 0]) return matmul_rows(g, a, b, tb);
    return EMIT2(g, CN__OP_MATMUL, attr, a, b);
}

cn__val cn__dense(cn_graph *g, cn__val x, cn__val w, cn__val b, cn__actcode act)
{
    cn__a_dense a = { .act = (int32_t)act, .bf16 = g->bf16 && type_of(g, x).dtype == CN_FLOAT32 };
    return cn__emit(g, CN__OP_DENSE, &a, sizeof a, 3, (const cn__val[]){ x, w, b }, 1, NULL);
}

/* ---- Movement ---------------------------------------------------------------------------------------------------- */
cn__val cn__reshape(cn_graph *g, cn__val x, int rank, const int64_t *dim)
{
    cn__a_shape a = { .rank = rank };
    cn__type t = type_of(g, x);
    int64_t known = 1;
    int     open = -1;
    char    text[128];
    if (rank < 0 || rank > CN_MAX_RANK)
        return cn__graph_fail(g, CN_E_SHAPE, "reshape: %d axes, there can be %d", rank, CN_MAX_RANK);
    for (int i = 0; i < rank; i++) {
        a.dim[i] = dim[i];
        if (dim[i] != -1) known = dim[i] > 0 && known < INT64_MAX / CN__MAX(dim[i], 1) ? known * dim[i] : 0;
        else if (open < 0) open = i;
        else return cn__graph_fail(g, CN_E_SHAPE, "reshape: only one size may be left open");
    }
    if (open >= 0) {
        int64_t n = cn__type_count(&t);
        if (!known || n % known)
            return cn__graph_fail(g, CN_E_SHAPE, "reshape: %s does not divide into rows of %lld",
                                  cn__type_text(&t, text, sizeof text), (long long)known);
        a.dim[open] = n / known;
    }
    return EMIT1(g, CN__OP_RESHAPE, a, x);
}

cn__val cn__expand(cn_graph *g, cn__val x, int axis)
{
    cn__type t = type_of(g, x);
    int at = axis_of(g, x, axis, t.rank + 1, "expand_dims");
    int64_t dim[CN_MAX_RANK + 1];
    if (at < 0) return 0;
    for (int i = 0, k = 0; i <= t.rank; i++) dim[i] = i == at ? 1 : t.dim[k++];
    return cn__reshape(g, x, t.rank + 1, dim);
}

cn__val cn__squeeze(cn_graph *g, cn__val x, int axis)
{
    cn__type t = type_of(g, x);
    char text[128];
    int  at = axis_of(g, x, axis, t.rank, "squeeze");
    if (at < 0) return 0;
    if (t.dim[at] != 1)
        return cn__graph_fail(g, CN_E_SHAPE, "squeeze: axis %d of %s is not of size 1", axis,
                              cn__type_text(&t, text, sizeof text));
    for (int i = at; i + 1 < t.rank; i++) t.dim[i] = t.dim[i + 1];
    return cn__reshape(g, x, t.rank - 1, t.dim);
}

cn__val cn__transpose(cn_graph *g, cn__val x, const int32_t *perm)
{
    cn__a_perm a = { .rank = type_of(g, x).rank };
    for (int i = 0; i < a.rank; i++) a.perm[i] = perm[i];
    return EMIT1(g, CN__OP_TRANSPOSE, a, x);
}

cn__val cn__broadcast(cn_graph *g, cn__val x, int rank, const int64_t *dim)
{
    cn__a_shape a = { .rank = rank };
    if (rank < 0 || rank > CN_MAX_RANK)
        return cn__graph_fail(g, CN_E_SHAPE, "broadcast_to: %d axes, there can be %d", rank, CN_MAX_RANK);
    for (int i = 0; i < rank; i++) a.dim[i] = dim[i];
    return EMIT1(g, CN__OP_BROADCAST, a, x);
}

cn__val cn__sum_to(cn_graph *g, cn__val x, const cn__type *to)
{
    cn__type t = type_of(g, x), wanted = *to;
    int shift = t.rank - wanted.rank;
    uint32_t axes = 0;
    for (int i = 0; i < t.rank; i++)
        if (i < shift || (wanted.dim[i - shift] == 1 && t.dim[i] != 1)) axes |= 1u << i;
    return cn__reshape(g, axes ? cn__reduce(g, CN__OP_SUM, x, axes, true) : x, wanted.rank, wanted.dim);
}

cn__val cn__slice(cn_graph *g, cn__val x, const int64_t *start, const int64_t *step, const int64_t *size)
{
    cn__a_slice a = { .start = { 0 } };
    int rank = type_of(g, x).rank;
    for (int i = 0; i < rank; i++) a.start[i] = start[i], a.step[i] = step ? step[i] : 1, a.size[i] = size[i];
    return EMIT1(g, CN__OP_SLICE, a, x);
}

cn__val cn__slice_axis(cn_graph *g, cn__val x, int axis, int64_t start, int64_t size)
{
    cn__type t = type_of(g, x);
    int64_t  first[CN_MAX_RANK] = { 0 };
    int at = axis_of(g, x, axis, t.rank, "slice");
    if (at < 0) return 0;
    first[at] = start, t.dim[at] = size;
    return cn__slice(g, x, first, NULL, t.dim);
}

cn__val cn__concat(cn_graph *g, int axis, int n, const cn__val *x)
{
    cn__a_axis a = { .axis = n > 0 ? axis_of(g, x[0], axis, type_of(g, x[0]).rank, "concatenate") : 0 };
    return cn__emit(g, CN__OP_CONCAT, &a, sizeof a, n, x, 1, NULL);
}

cn__val cn__pad(cn_graph *g, cn__val x, const int64_t *lo, const int64_t *hi, const int64_t *inner, double value)
{
    cn__a_pad a = { .value = value };
    int rank = type_of(g, x).rank;
    for (int i = 0; i < rank; i++) a.lo[i] = lo[i], a.hi[i] = hi[i], a.inner[i] = inner ? inner[i] : 0;
    return EMIT1(g, CN__OP_PAD, a, x);
}

cn__val cn__reverse(cn_graph *g, cn__val x, uint32_t axes)
{
    cn__a_axes a = { .axes = axes };
    return EMIT1(g, CN__OP_REVERSE, a, x);
}

cn__val cn__tile(cn_graph *g, cn__val x, const int64_t *times)
{
    cn__a_tile a = { .times = { 0 } };
    int rank = type_of(g, x).rank;
    for (int i = 0; i < rank; i++) a.times[i] = times[i];
    return EMIT1(g, CN__OP_TILE, a, x);
}

cn__val cn__pack(cn_graph *g, cn__val x, cn__layout layout)
{
    cn__a_pack a = { .layout = (int32_t)layout, .dtype = type_of(g, x).dtype };
    return EMIT1(g, CN__OP_PACK, a, x);
}

/* ---- Indices, order ---------------------------------------------------------------------------------------------- */
cn__val cn__gather(cn_graph *g, cn__val x, cn__val index, int axis)
{
    cn__a_index a = { .axis = axis_of(g, x, axis, type_of(g, x).rank, "take") };
    return EMIT2(g, CN__OP_GATHER, a, x, index);
}

cn__val cn__scatter_add(cn_graph *g, cn__val index, cn__val rows, int axis, int64_t depth)
{
    int rank = type_of(g, rows).rank - type_of(g, index).rank + 1;
    cn__a_index a = { .axis = axis_of(g, rows, axis, rank, "scatter_add"), .depth = depth };
    return EMIT2(g, CN__OP_SCATTER_ADD, a, index, rows);
}

cn__val cn__gather_along(cn_graph *g, cn__val x, cn__val index, int axis)
{
    cn__a_index a = { .axis = axis_of(g, x, axis, type_of(g, x).rank, "take_along_axis") };
    return EMIT2(g, CN__OP_GATHER_ALONG, a, x, index);
}

cn__val cn__scatter_along(cn_graph *g, cn__val index, cn__val rows, int axis, int64_t depth)
{
    cn__a_index a = { .axis = axis_of(g, rows, axis, type_of(g, rows).rank, "scatter_along"), .depth = depth };
    return EMIT2(g, CN__OP_SCATTER_ALONG, a, index, rows);
}

cn__val cn__one_hot(cn_graph *g, cn__val index, int64_t depth, cn_dtype dtype)
{
    cn__a_index a = { .depth = depth };
    return cn__cast(g, EMIT1(g, CN__OP_ONE_HOT, a, index), dtype);
}

cn__val cn__search_sorted(cn_graph *g, cn__val table, cn__val x)
{
    return cn__b2(g, CN__OP_SEARCH_SORTED, table, x);
}

cn__val cn__cumsum(cn_graph *g, cn__val x, int axis, bool exclusive, bool reverse)
{
    cn__a_axis a = { .axis = axis_of(g, x, axis, type_of(g, x).rank, "cumsum"), .keepdims = exclusive,
                     .dtype = reverse };
    return EMIT1(g, CN__OP_CUMSUM, a, x);
}

cn__val cn__sort(cn_graph *g, cn__val x, int axis, bool descending, cn__val *index)
{
    cn__a_axis a = { .axis = axis_of(g, x, axis, type_of(g, x).rank, "sort"), .keepdims = descending };
    cn__val out[2];
    cn__emit(g, CN__OP_SORT, &a, sizeof a, 1, &x, 2, out);
    if (index) *index = out[1];
    return out[0];
}

cn__val cn__topk(cn_graph *g, cn__val x, int k, cn__val *index)
{
    cn__a_topk a = { .k = k };
    cn__val out[2];
    cn__emit(g, CN__OP_TOPK, &a, sizeof a, 1, &x, 2, out);
    if (index) *index = out[1];
    return out[0];
}

/* ---- The network's ----------------------------------------------------------------------------------------------- */
cn__val cn__softmax(cn_graph *g, cn__val x, int axis)
{
    cn__a_axis a = { .axis = axis_of(g, x, axis, type_of(g, x).rank, "softmax") };
    return EMIT1(g, CN__OP_SOFTMAX, a, x);
}

cn__val cn__log_softmax(cn_graph *g, cn__val x, int axis)
{
    cn__a_axis a = { .axis = axis_of(g, x, axis, type_of(g, x).rank, "log_softmax") };
    return EMIT1(g, CN__OP_LOG_SOFTMAX, a, x);
}

cn__val cn__sparse_ce(cn_graph *g, cn__val labels, cn__val z, bool from_logits)
{
    cn__a_ce a = { .from_logits = from_logits, .ignore = INT64_MIN };
    return EMIT2(g, CN__OP_SPARSE_CE, a, labels, z);
}

cn__val cn__binary_ce(cn_graph *g, cn__val y, cn__val z, bool from_logits)
{
    cn__a_ce a = { .from_logits = from_logits, .ignore = INT64_MIN };
    return EMIT2(g, CN__OP_BINARY_CE, a, y, z);
}

cn__val cn__random(cn_graph *g, cn__op op, cn__val state, uint32_t stream, cn_dtype dtype, int rank, const int64_t *dim,
                   double low, double high)
{
    cn__a_random a = { .dtype = (int32_t)dtype, .rank = rank, .stream = stream, .a = low, .b = high };
    if (rank < 0 || rank > CN_MAX_RANK)
        return cn__graph_fail(g, CN_E_SHAPE, "random: %d axes, there can be %d", rank, CN_MAX_RANK);
    for (int i = 0; i < rank; i++) a.dim[i] = dim[i];
    return EMIT1(g, op, a, state);
}

cn__val cn__feed_batch(cn_graph *g, int feed, const cn__type *t)
{
    cn__a_batch a = { .feed = feed, .dtype = t->dtype, .rank = t->rank };
    for (int i = 0; i < t->rank; i++) a.dim[i] = t->dim[i];
    return cn__emit(g, CN__OP_BATCH, &a, sizeof a, 0, NULL, 1, NULL);
}
