/* graph_ops.c: cn_op_x: keras.ops.x on nodes. Lists say which op of the graph each is; operands of different types meet
   in the wider one. */
#include "model/model.h"
#include <string.h>

typedef struct args { cn_graph *g; cn_node *bad; } args; /* bad: what to return at once */

/* The graph of the operands, or the node that says what is wrong; NULL where there is none to say it. */
static bool begin(args *a, const cn_node *const *x, int n)
{
    *a = (args){ NULL, NULL };
    for (int i = 0; i < n && !a->g; i++)
        if (x[i] && !cn__bad(x[i])) a->g = x[i]->g;
    for (int i = 0; i < n; i++) {
        if (!x[i] && !a->g) return false;
        if (!x[i]) {
            cn__graph_fail(a->g, CN_E_VALUE, "operand %d is NULL: it was not made", i);
            return a->bad = cn__node(a->g, 0), false;
        }
        if (cn__bad(x[i])) return a->bad = cn__node_bad(a->g, x[i]), false;
        if (x[i]->g == a->g) continue;
        cn__graph_fail(a->g, CN_E_VALUE, "the operands are of different graphs");
        return a->bad = cn__node(a->g, 0), false;
    }
    return true;
}
#define BEGIN(n, ...)                                                           \
    args a_;                                                                    \
    if (!begin(&a_, (const cn_node *const[]){ __VA_ARGS__ }, n)) return a_.bad; \
    cn_graph *g = a_.g

/* ---- Types ------------------------------------------------------------------------------------------------------- */
static cn__val real(cn_graph *g, cn__val v)              /* integers and bool as float32 */
{
    return cn__is_float((cn_dtype)cn__type_of(g, v)->dtype) ? v : cn__cast(g, v, CN_FLOAT32);
}

static cn_dtype wider(cn_dtype a, cn_dtype b)
{
    cn__dtype_class x = cn__dtype_class_of(a), y = cn__dtype_class_of(b);
    size_t m = cn__dtype_size(a), n = cn__dtype_size(b);
    if (a == b) return a;
    if (x != y) {
        if (x == CN__CLASS_F || y == CN__CLASS_F) return x == CN__CLASS_F ? a : b;
        if (x == CN__CLASS_B || y == CN__CLASS_B) return x == CN__CLASS_B ? b : a;
        return CN__MAX(m, n) >= 4 ? CN_INT64 : CN_INT32; /* signed and unsigned */
    }
    if (m == n) return CN_FLOAT32;                       /* the two halves */
    return m > n ? a : b;
}

static void meet(cn_graph *g, cn__val *a, cn__val *b)
{
    cn_dtype common = wider((cn_dtype)cn__type_of(g, *a)->dtype, (cn_dtype)cn__type_of(g, *b)->dtype);
    *a = cn__cast(g, *a, common), *b = cn__cast(g, *b, common);
}

enum { AS_IT_IS, REAL, LOGICAL };
static cn__val as(cn_graph *g, cn__val v, int kind)
{
    return kind == REAL ? real(g, v) : kind == LOGICAL ? cn__cast(g, v, CN_BOOL) : v;
}

/* ---- Element by element ------------------------------------------------------------------------------------------ */
#define UNARY(name, op, kind)                                                                             \
    cn_node *cn_op_##name(cn_node *x)                                                                     \
    {                                                                                                     \
        BEGIN(1, x);                                                                                      \
        return cn__node(g, cn__b1(g, CN__OP_##op, as(g, x->v, kind)));                                    \
    }
UNARY(negative, NEG, AS_IT_IS)         UNARY(abs, ABS, AS_IT_IS)              UNARY(sign, SIGN, AS_IT_IS)
UNARY(exp, EXP, REAL)                  UNARY(expm1, EXPM1, REAL)              UNARY(log, LOG, REAL)
UNARY(log1p, LOG1P, REAL)              UNARY(sqrt, SQRT, REAL)                UNARY(rsqrt, RSQRT, REAL)
UNARY(square, SQUARE, AS_IT_IS)        UNARY(reciprocal, RECIPROCAL, REAL)    UNARY(sin, SIN, REAL)
UNARY(cos, COS, REAL)                  UNARY(tanh, TANH, REAL)                UNARY(sigmoid, SIGMOID, REAL)
UNARY(softplus, SOFTPLUS, REAL)        UNARY(erf, ERF, REAL)                  UNARY(relu, RELU, AS_IT_IS)
UNARY(floor, FLOOR, AS_IT_IS)          UNARY(ceil, CEIL, AS_IT_IS)            UNARY(round, ROUND, AS_IT_IS)
UNARY(logical_not, NOT, LOGICAL)       UNARY(isfinite, IS_FINITE, REAL)       UNARY(isnan, IS_NAN, REAL)
UNARY(stop_gradient, STOP_GRADIENT, AS_IT_IS)

#define BINARY(name, op, kind)                                                                            \
    cn_node *cn_op_##name(cn_node *x, cn_node *y)                                                         \
    {                                                                                                     \
        BEGIN(2, x, y);                                                                                   \
        cn__val a = as(g, x->v, kind), b = as(g, y->v, kind);                                             \
        meet(g, &a, &b);                                                                                  \
        return cn__node(g, cn__b2(g, CN__OP_##op, a, b));                                                 \
    }
BINARY(add, ADD, AS_IT_IS)             BINARY(subtract, SUB, AS_IT_IS)        BINARY(multiply, MUL, AS_IT_IS)
BINARY(divide, DIV, REAL)              BINARY(power, POW, AS_IT_IS)           BINARY(minimum, MIN, AS_IT_IS)
BINARY(maximum, MAX, AS_IT_IS)         BINARY(mod, MOD, AS_IT_IS)             BINARY(equal, EQ, AS_IT_IS)
BINARY(not_equal, NE, AS_IT_IS)        BINARY(less, LT, AS_IT_IS)             BINARY(less_equal, LE, AS_IT_IS)
BINARY(greater, GT, AS_IT_IS)          BINARY(greater_equal, GE, AS_IT_IS)    BINARY(logical_and, AND, LOGICAL)
BINARY(logical_or, OR, LOGICAL)        BINARY(logical_xor, XOR, LOGICAL)

cn_node *cn_op_matmul(cn_node *x, cn_node *y)
{
    BEGIN(2, x, y);
    cn__val a = x->v, b = y->v;
    meet(g, &a, &b);
    return cn__node(g, cn__matmul(g, a, b, false, false));
}

cn_node *cn_op_affine(cn_node *x, double scale, double offset)
{
    BEGIN(1, x);
    return cn__node(g, cn__affine(g, real(g, x->v), scale, offset));
}

cn_node *cn_op_where(cn_node *condition, cn_node *x, cn_node *y)
{
    BEGIN(3, condition, x, y);
    cn__val a = x->v, b = y->v;
    meet(g, &a, &b);
    return cn__node(g, cn__where(g, cn__cast(g, condition->v, CN_BOOL), a, b));
}

cn_node *cn_op_clip(cn_node *x, double least, double most)
{
    BEGIN(1, x);
    return cn__node(g, cn__clip(g, x->v, cn__like(g, x->v, least), cn__like(g, x->v, most)));
}

cn_node *cn_op_cast(cn_node *x, cn_dtype dtype)
{
    BEGIN(1, x);
    return cn__node(g, cn__cast(g, x->v, dtype));
}

/* ---- Reductions -------------------------------------------------------------------------------------------------- */
/* Axes as bits; none given: all. false: the graph has the error. */
static bool axes_of(cn_graph *g, const cn_node *x, const cn_dims given, const char *name, uint32_t *axes)
{
    *axes = (1u << x->head.rank) - 1;
    if (!given[0] || cn__axes_mask(given, x->head.rank, axes)) return true;
    cn__graph_fail(g, CN_E_SHAPE, "cn_op_%s: .axes names an axis that a value of rank %d does not have", name,
                   x->head.rank);
    return false;
}

#define REDUCE(name, op, kind)                                                                            \
    cn_node *(cn_op_##name)(cn_op_##name##_args *given)                                                   \
    {                                                                                                     \
        CN__ARGS(cn_op_##name##_args, o, given);                                                          \
        uint32_t axes;                                                                                    \
        BEGIN(1, o.on);                                                                                   \
        if (!axes_of(g, o.on, o.axes, #name, &axes)) return cn__node(g, 0);                               \
        return cn__node(g, cn__reduce(g, CN__OP_##op, as(g, o.on->v, kind), axes, o.keepdims == CN_YES)); \
    }
REDUCE(mean, MEAN, REAL)          REDUCE(prod, PROD, AS_IT_IS)     REDUCE(max, REDUCE_MAX, AS_IT_IS)
REDUCE(min, REDUCE_MIN, AS_IT_IS) REDUCE(any, ANY, LOGICAL)        REDUCE(all, ALL, LOGICAL)
REDUCE(logsumexp, LOGSUMEXP, REAL)

cn_node *(cn_op_sum)(cn_op_sum_args *given)              /* of bool: how many */
{
    CN__ARGS(cn_op_sum_args, o, given);
    uint32_t axes;
    BEGIN(1, o.on);
    if (!axes_of(g, o.on, o.axes, "sum", &axes)) return cn__node(g, 0);
    cn__val x = o.on->head.dtype == CN_BOOL ? cn__cast(g, o.on->v, CN_INT32) : o.on->v;
    return cn__node(g, cn__reduce(g, CN__OP_SUM, x, axes, o.keepdims == CN_YES));
}

/* ---- Along an axis ----------------------------------------------------------------------------------------------- */
/* 0 ... rank - 1 (and rank, for a new axis). false: the graph has the error. */
static bool axis_of(cn_graph *g, const cn_node *x, int *axis, int more, const char *name)
{
    int rank = x->head.rank + more;
    if (*axis >= -rank && *axis < rank) return *axis += *axis < 0 ? rank : 0, true;
    cn__graph_fail(g, CN_E_SHAPE, "cn_op_%s: axis %d of a value of rank %d", name, *axis, x->head.rank);
    return false;
}

#define ALONG(name, more, expression)                                                                     \
    cn_node *cn_op_##name(cn_node *x, int axis)                                                           \
    {                                                                                                     \
        BEGIN(1, x);                                                                                      \
        if (!axis_of(g, x, &axis, more, #name)) return cn__node(g, 0);                                    \
        return cn__node(g, expression);                                                                   \
    }
static cn__val argmin(cn_graph *g, const cn_node *x, int axis)
{
    cn__a_axis a;
    memset(&a, 0, sizeof a);
    a.axis = axis;
    return cn__emit(g, CN__OP_ARGMIN, &a, sizeof a, 1, &x->v, 1, NULL);
}
static cn__val flip(cn_graph *g, const cn_node *x, int axis)
{
    cn__a_axes a = { .axes = 1u << axis };
    return cn__emit(g, CN__OP_REVERSE, &a, sizeof a, 1, &x->v, 1, NULL);
}
ALONG(softmax, 0, cn__softmax(g, real(g, x->v), axis))
ALONG(log_softmax, 0, cn__log_softmax(g, real(g, x->v), axis))
ALONG(argmax, 0, cn__argmax(g, x->v, axis))
ALONG(argmin, 0, argmin(g, x, axis))
ALONG(cumsum, 0, cn__cumsum(g, x->v, axis, false, false))
ALONG(sort, 0, cn__sort(g, x->v, axis, false, NULL))
ALONG(flip, 0, flip(g, x, axis))
ALONG(expand_dims, 1, cn__expand(g, x->v, axis))
ALONG(squeeze, 0, cn__squeeze(g, x->v, axis))

cn_node *cn_op_slice(cn_node *x, int axis, int64_t first, int64_t count)
{
    BEGIN(1, x);
    if (!axis_of(g, x, &axis, 0, "slice")) return cn__node(g, 0);
    int64_t size = x->head.dim[axis];
    if (count == CN_ANY) count = size - first;
    if (first < 0 || count < 0 || first > size || count > size - first) {
        cn__graph_fail(g, CN_E_SHAPE, "cn_op_slice: %lld from %lld on, of %lld", (long long)count, (long long)first,
                       (long long)size);
        return cn__node(g, 0);
    }
    return cn__node(g, cn__slice_axis(g, x->v, axis, first, count));
}

cn_node *cn_op_top_k(cn_node *x, int64_t k, cn_node **indices)
{
    cn__val index = 0;
    BEGIN(1, x);
    if (indices) *indices = NULL;
    if (k < 1 || k > INT32_MAX || !x->head.rank || k > x->head.dim[x->head.rank - 1]) {
        cn__graph_fail(g, CN_E_SHAPE, "cn_op_top_k: the %lld largest of %lld", (long long)k,
                       x->head.rank ? (long long)x->head.dim[x->head.rank - 1] : 1);
        return cn__node(g, 0);
    }
    cn__val y = cn__topk(g, x->v, (int)k, &index);
    if (indices) *indices = cn__node(g, index);
    return cn__node(g, y);
}

cn_node *cn_op_one_hot(cn_node *x, int64_t classes)
{
    BEGIN(1, x);
    return cn__node(g, cn__one_hot(g, x->v, classes, CN_FLOAT32));
}

cn_node *cn_op_take(cn_node *x, cn_node *indices, int axis)
{
    BEGIN(2, x, indices);
    if (!axis_of(g, x, &axis, 0, "take")) return cn__node(g, 0);
    return cn__node(g, cn__gather(g, x->v, indices->v, axis));
}

cn_node *cn_op_take_along_axis(cn_node *x, cn_node *indices, int axis)
{
    BEGIN(2, x, indices);
    if (!axis_of(g, x, &axis, 0, "take_along_axis")) return cn__node(g, 0);
    return cn__node(g, cn__gather_along(g, x->v, indices->v, axis));
}

cn_node *(cn_op_concatenate)(cn_op_concatenate_args *given)
{
    CN__ARGS(cn_op_concatenate_args, o, given);
    cn__val v[CN_MAX_IO];
    args    a;
    int     n = 0, axis;
    while (n < CN_MAX_IO && o.on[n]) n++;
    if (!n || !begin(&a, (const cn_node *const *)o.on, n)) return n ? a.bad : NULL;
    cn_dtype common = o.on[0]->head.dtype;
    for (int i = 1; i < n; i++) common = wider(common, o.on[i]->head.dtype);
    for (int i = 0; i < n; i++) v[i] = cn__cast(a.g, o.on[i]->v, common);
    axis = o.axis == CN_AXIS0 ? 0 : o.axis ? (int)CN__MAX(CN__MIN(o.axis, 99), -99) : -1;
    return cn__node(a.g, axis_of(a.g, o.on[0], &axis, 0, "concatenate") ? cn__concat(a.g, axis, n, v) : 0);
}

cn_node *cn_op_einsum(const char *subscripts, cn_node *x, cn_node *y)
{
    args a;
    if (!subscripts || !begin(&a, (const cn_node *const[]){ x, y }, y ? 2 : 1)) return subscripts ? a.bad : NULL;
    cn__val in[2] = { x->v, y ? y->v : 0 };
    if (y) meet(a.g, &in[0], &in[1]);
    return cn__node(a.g, cn__einsum(a.g, subscripts, y ? 2 : 1, in));
}

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */
static bool rank_fits(cn_graph *g, int rank, const int64_t *list, int wanted, const char *name)
{
    if (rank >= 0 && rank <= CN_MAX_RANK && list && (wanted < 0 || rank == wanted)) return true;
    cn__graph_fail(g, CN_E_SHAPE, "cn_op_%s: %d numbers were given, it takes %d", name, rank,
                   wanted < 0 ? CN_MAX_RANK : wanted);
    return false;
}

cn_node *(cn_op_reshape)(cn_node *x, int rank, const int64_t *shape)
{
    BEGIN(1, x);
    return cn__node(g, rank_fits(g, rank, shape, -1, "reshape") ? cn__reshape(g, x->v, rank, shape) : 0);
}

cn_node *(cn_op_broadcast_to)(cn_node *x, int rank, const int64_t *shape)
{
    BEGIN(1, x);
    return cn__node(g, rank_fits(g, rank, shape, -1, "broadcast_to") ? cn__broadcast(g, x->v, rank, shape) : 0);
}

cn_node *(cn_op_transpose)(cn_node *x, int rank, const int64_t *axes)
{
    int32_t perm[CN_MAX_RANK] = { 0 };
    BEGIN(1, x);
    if (!rank_fits(g, rank, axes, x->head.rank, "transpose")) return cn__node(g, 0);
    for (int i = 0; i < rank; i++) perm[i] = (int32_t)(axes[i] < 0 ? axes[i] + rank : axes[i]);
    return cn__node(g, cn__transpose(g, x->v, perm));
}

cn_node *(cn_op_tile)(cn_node *x, int rank, const int64_t *repeats)
{
    BEGIN(1, x);
    return cn__node(g, rank_fits(g, rank, repeats, x->head.rank, "tile") ? cn__tile(g, x->v, repeats) : 0);
}

/* ---- Random numbers ---------------------------------------------------------------------------------------------- */
static cn_node *draw(cn_graph *g, cn__op op, int rank, const int64_t *shape, const char *name)
{
    if (!g) return NULL;
    if (cn__bad(g)) return cn__node_bad(g, g);
    if (!rank_fits(g, rank, shape, -1, name)) return cn__node(g, 0);
    cn__val state = cn__graph_rng(g);
    return cn__node(g, cn__random(g, op, state, g->next_stream++, CN_FLOAT32, rank, shape, 0, 1));
}

cn_node *(cn_op_random_normal)(cn_graph *g, int rank, const int64_t *shape)
{
    return draw(g, CN__OP_RANDOM_NORMAL, rank, shape, "random_normal");
}
cn_node *(cn_op_random_uniform)(cn_graph *g, int rank, const int64_t *shape)
{
    return draw(g, CN__OP_RANDOM_UNIFORM, rank, shape, "random_uniform");
}
