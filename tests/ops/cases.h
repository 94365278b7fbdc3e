/* cases.h: one table of cases: every op of ops.def stands in it, or the tests fail. Builders work in every floating
   type. */
#ifndef CASES_H
#define CASES_H
#include "eval.h"

/* dtype 0: the floating type under test */
typedef struct case_input { cn_dtype dtype; double lo, hi; int rank; int64_t dim[4]; } case_input;
typedef struct op_case {
    cn__op     op;
    /* derivatives to be checked: 2, 1; 0: its gradient is zero; -1: it has none; -2: no kernel either */
    int        order;
    cn__val  (*build)(cn_graph *, const cn__val *x);
    int        nin;
    case_input in[8];
} op_case;

#define BUILD(name, expression) \
    static cn__val build_##name(cn_graph *g, const cn__val *x) { return (void)x, (expression); }
#define REDUCE(op, axes, keep) cn__reduce(g, CN__OP_##op, x[0], (axes), (keep))

/* Several results, one behind the other. */
static cn__val joined(cn_graph *g, int n, const cn__val *y)
{
    cn__val flat[8];
    for (int k = 0; k < n; k++) flat[k] = cn__reshape(g, y[k], 1, (const int64_t[]){ -1 });
    return cn__concat(g, 0, n, flat);
}

static cn__val emit(cn_graph *g, cn__op op, const void *attr, size_t size, int nin, const cn__val *x, int nout)
{
    cn__val out[8];
    cn__emit(g, op, attr, size, nin, x, nout, out);
    return joined(g, nout, out);
}

static cn__val sorted(cn_graph *g, cn__val x, int axis, bool down)
{
    cn__val index, v = cn__sort(g, x, axis, down, &index);
    return cn__add(g, v, cn__scale(g, cn__cast(g, index, (cn_dtype)cn__type_of(g, x)->dtype), 0.25));
}

static cn__val random_state(cn_graph *g) { return eval_const(g, CN_INT64, DIMS(2), (const double[]){ 7, 3 }); }

#define UNARY(id, name) BUILD(name, cn__b1(g, CN__OP_##id, x[0]))
#define BINARY(id, name) BUILD(name, cn__b2(g, CN__OP_##id, x[0], x[1]))
UNARY(NEG, neg) UNARY(ABS, abs) UNARY(SIGN, sign) UNARY(EXP, exp) UNARY(EXPM1, expm1) UNARY(LOG, log) UNARY(LOG1P,
        log1p) UNARY(SQRT, sqrt)
UNARY(RSQRT, rsqrt) UNARY(SQUARE, square) UNARY(RECIPROCAL, reciprocal) UNARY(SIN, sin) UNARY(COS, cos) UNARY(TAN, tan)
UNARY(TANH, tanh) UNARY(SIGMOID, sigmoid)
UNARY(SOFTPLUS, softplus) UNARY(ERF, erf) UNARY(RELU, relu) UNARY(FLOOR, floor) UNARY(CEIL, ceil) UNARY(ROUND,
        round) UNARY(NOT, not)
UNARY(IS_FINITE, is_finite) UNARY(IS_NAN, is_nan) UNARY(STOP_GRADIENT, stop_gradient)
BINARY(ADD, add) BINARY(SUB, sub) BINARY(MUL, mul) BINARY(DIV, div) BINARY(POW, pow) BINARY(MIN, min) BINARY(MAX,
        max) BINARY(MOD, mod)
BINARY(EQ, eq) BINARY(NE, ne) BINARY(LT, lt) BINARY(LE, le) BINARY(GT, gt) BINARY(GE, ge) BINARY(AND, and) BINARY(OR,
        or) BINARY(XOR, xor)
BUILD(cast, cn__cast(g, cn__cast(g, x[0], CN_FLOAT64), (cn_dtype)cn__type_of(g, x[0])->dtype))
BUILD(where, cn__where(g, x[0], x[1], x[2]))
BUILD(clip, cn__clip(g, x[0], x[1], x[2]))
BUILD(sum, REDUCE(SUM, 5, false))
BUILD(prod, REDUCE(PROD, 5, false))
BUILD(reduce_max, REDUCE(REDUCE_MAX, 2, true))
BUILD(reduce_min, REDUCE(REDUCE_MIN, 6, false))
BUILD(any, REDUCE(ANY, 1, false))
BUILD(all, REDUCE(ALL, 2, false))
BUILD(argmax, cn__argmax(g, x[0], -1))
BUILD(argmin, cn__emit(g, CN__OP_ARGMIN, &(cn__a_axis){ .axis = 0, .keepdims = 1 }, sizeof(cn__a_axis), 1, x, 1, NULL))
BUILD(mean, REDUCE(MEAN, 3, true))
BUILD(logsumexp, REDUCE(LOGSUMEXP, 2, false))
BUILD(matmul, cn__matmul(g, x[0], x[1], false, false))
BUILD(matmul_ta, cn__matmul(g, x[0], x[1], true, false))
BUILD(matmul_tb, cn__matmul(g, x[0], x[1], false, true))
BUILD(matmul_tt, cn__matmul(g, x[0], x[1], true, true))
BUILD(dense, cn__dense(g, x[0], x[1], x[2], CN__ACT_TANH))
BUILD(dense_relu, cn__dense(g, x[0], x[1], x[2], CN__ACT_RELU))
BUILD(dense_plain, cn__dense(g, x[0], x[1], 0, CN__ACT_SIGMOID))
BUILD(dense_grad, emit(g, CN__OP_DENSE_GRAD, &(cn__a_dense){ CN__ACT_TANH, 0 }, sizeof(cn__a_dense), 5,
                       (const cn__val[]){ x[0], x[1], cn__dense(g, x[0], x[1], x[2], CN__ACT_TANH), x[3], x[2] }, 3))
BUILD(reshape, cn__mul(g, cn__reshape(g, x[0], DIMS(5, -1)), x[1]))
BUILD(transpose, cn__transpose(g, x[0], (const int32_t[]){ 2, 0, 1 }))
BUILD(broadcast, cn__b1(g, CN__OP_EXP, cn__broadcast(g, x[0], DIMS(2, 3, 4))))
BUILD(slice, cn__slice(g, x[0], (const int64_t[]){ 2, 0 }, (const int64_t[]){ -2, 3 }, (const int64_t[]){ 2, 2 }))
BUILD(concat, cn__concat(g, -1, 3, x))
BUILD(pad, cn__pad(g, x[0], (const int64_t[]){ 1, 0 }, (const int64_t[]){ 0, 2 }, (const int64_t[]){ 2, 0 }, 0.5))
BUILD(reverse, cn__reverse(g, x[0], 2))
BUILD(tile, cn__tile(g, x[0], (const int64_t[]){ 2, 1, 3 }))
BUILD(pack, cn__pack(g, x[0], CN__PANEL))
BUILD(gather, cn__gather(g, x[0], x[1], 1))
BUILD(scatter_add, cn__scatter_add(g, x[0], x[1], 1, 4))
BUILD(gather_along, cn__gather_along(g, x[0], x[1], 1))
BUILD(scatter_along, cn__scatter_along(g, x[0], x[1], 1, 6))
BUILD(one_hot, cn__one_hot(g, x[0], 4, CN_FLOAT32))
BUILD(search_sorted, cn__search_sorted(g, x[0], x[1]))
BUILD(cumsum, cn__cumsum(g, x[0], 1, true, true))
BUILD(sort, sorted(g, x[0], 1, false))
BUILD(sort_down, sorted(g, x[0], 0, true))
BUILD(topk, cn__topk(g, x[0], 2, NULL))
BUILD(uniform, cn__random(g, CN__OP_RANDOM_UNIFORM, random_state(g), 5, CN_FLOAT32, DIMS(3, 5), -1, 2))
BUILD(normal, cn__random(g, CN__OP_RANDOM_NORMAL, random_state(g), 5, CN_FLOAT64, DIMS(15), 1, 2))
BUILD(truncated, cn__random(g, CN__OP_RANDOM_TRUNCATED, random_state(g), 5, CN_FLOAT32, DIMS(15), 1, 2))
BUILD(bernoulli, cn__random(g, CN__OP_RANDOM_BERNOULLI, random_state(g), 5, CN_BOOL, DIMS(15), 0.3, 0))
BUILD(shuffle, cn__random(g, CN__OP_RANDOM_SHUFFLE, random_state(g), 5, CN_INT32, DIMS(15), 0, 0))
BUILD(softmax, cn__softmax(g, x[0], 1))
BUILD(log_softmax, cn__log_softmax(g, x[0], -1))
BUILD(sparse_ce, cn__sparse_ce(g, x[0], x[1], true))
BUILD(sparse_ce_p, cn__emit(g, CN__OP_SPARSE_CE, &(cn__a_ce){ 0, 0, 0.1, 2 }, sizeof(cn__a_ce), 2, x, 1, NULL))
BUILD(sparse_ceg, cn__emit(g, CN__OP_SPARSE_CE_GRAD, &(cn__a_ce){ 1, 0, 0, INT64_MIN }, sizeof(cn__a_ce), 3, x, 1,
                           NULL))
BUILD(binary_ce, cn__binary_ce(g, x[0], x[1], true))
BUILD(binary_ce_p, cn__binary_ce(g, x[0], x[1], false))
BUILD(sgd, emit(g, CN__OP_SGD, &(cn__a_sgd){ 0.9, 0.01, 1, 0 }, sizeof(cn__a_sgd), 4, x, 2))
BUILD(rmsprop, emit(g, CN__OP_RMSPROP, &(cn__a_rmsprop){ 0.9, 0.5, 1e-7, 0.01, 1, 0 }, sizeof(cn__a_rmsprop), 6, x, 4))
BUILD(adam, emit(g, CN__OP_ADAM, &(cn__a_adam){ 0.9, 0.999, 1e-7, 0.01, 1, 0 }, sizeof(cn__a_adam), 7, x, 4))
BUILD(accumulate, cn__emit(g, CN__OP_ACCUMULATE, NULL, 0, 3, x, 1, NULL))
BUILD(batch, cn__feed_batch(g, 0, &(cn__type){ .dtype = CN_FLOAT32, .rank = 2, .dim = { 4, 3 } }))

/* relu(a b + c): a chain, and the same behind a product. */
static cn__val fused(cn_graph *g, const cn__val *x, bool product)
{
    enum { INSTS = 3 };
    union { cn__a_fused head; char bytes[sizeof(cn__a_fused) + INSTS * sizeof(cn__tile_inst)]; } u;
    memset(&u, 0, sizeof u);
    u.head = (cn__a_fused){ .rows = 3, .cols = 4, .nin = product ? 4 : 3, .nout = 1, .ninst = INSTS, .nreg = 6,
                              .cls = { CN__TILE_FULL, CN__TILE_ROW, CN__TILE_COL }, .store = { 5 } };
    cn__tile_inst inst[INSTS] = { { .op = CN__OP_MUL, .dst = 3, .a = 0, .b = 1 },
                                  { .op = CN__OP_ADD, .dst = 4, .a = 3, .b = 2 },
                              { .op = CN__OP_MAX, .dst = 5, .a = 4, .b = CN__TILE_IMM, .imm = -0.25 } };
    memcpy(u.bytes + sizeof(cn__a_fused), inst, sizeof inst);
    return cn__emit(g, product ? CN__OP_PRODUCT : CN__OP_FUSED, &u, sizeof(cn__a_fused) + sizeof inst, product ? 4 : 3,
                    x, 1, NULL);
}
BUILD(fused, fused(g, x, false))
BUILD(product, fused(g, x, true))

#define X(lo, hi, ...)  { 0, lo, hi, DIMS_OF(__VA_ARGS__) }
#define I(hi, ...)      { CN_INT32, 0, hi, DIMS_OF(__VA_ARGS__) }
#define D(d, lo, hi, ...) { d, lo, hi, DIMS_OF(__VA_ARGS__) }
#define DIMS_OF(...)    (int)(sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), { __VA_ARGS__ }
#define SCALAR(d, v)    { d, v, v, 0, { 0 } }
#define U1(op, order, name, lo, hi) { CN__OP_##op, order, build_##name, 1, { X(lo, hi, 3, 5) } }
#define B2(op, order, name, lo, hi) { CN__OP_##op, order, build_##name, 2, { X(lo, hi, 3, 1, 5), X(lo, hi, 4, 1) } }

static const op_case cases[] = {
    U1(NEG, 2, neg, -2, 2), U1(ABS, 2, abs, -2, 2), U1(SIGN, 0, sign, -2, 2), U1(EXP, 2, exp, -2, 2),
    U1(EXPM1, 2, expm1, -2, 2),
    U1(LOG, 2, log, 0.3, 4), U1(LOG1P, 2, log1p, -0.5, 3), U1(SQRT, 2, sqrt, 0.3, 4), U1(RSQRT, 2, rsqrt, 0.3, 4),
    U1(SQUARE, 2, square, -2, 2),
    U1(RECIPROCAL, 2, reciprocal, 0.5, 3), U1(SIN, 2, sin, -3, 3), U1(COS, 2, cos, -3, 3), U1(TAN, 2, tan, -1, 1),
    U1(TANH, 2, tanh, -2, 2),
    U1(SIGMOID, 2, sigmoid, -4, 4), U1(SOFTPLUS, 2, softplus, -4, 4), U1(ERF, 2, erf, -2, 2), U1(RELU, 2, relu, -2, 2),
    U1(FLOOR, 0, floor, -4, 4), U1(CEIL, 0, ceil, -4, 4), U1(ROUND, 0, round, -4, 4), U1(NOT, 0, not, -1, 1),
    U1(IS_FINITE, 0, is_finite, -1, 1), U1(IS_NAN, 0, is_nan, -1, 1), U1(CAST, 2, cast, -2, 2),
    U1(STOP_GRADIENT, 0, stop_gradient, -1, 1),
    B2(ADD, 2, add, -2, 2), B2(SUB, 2, sub, -2, 2), B2(MUL, 2, mul, -2, 2), B2(DIV, 2, div, 0.5, 3),
    B2(POW, 2, pow, 0.5, 2.5),
    B2(MIN, 2, min, -2, 2), B2(MAX, 2, max, -2, 2),
    { CN__OP_MOD, 2, build_mod, 2, { X(10.2, 10.7, 3, 5), X(2.1, 2.3, 5) } },
    B2(EQ, 0, eq, 0, 3), B2(NE, 0, ne, 0, 3), B2(LT, 0, lt, -2, 2), B2(LE, 0, le, -2, 2), B2(GT, 0, gt, -2, 2),
    B2(GE, 0, ge, -2, 2),
    B2(AND, 0, and, -1, 1), B2(OR, 0, or, -1, 1), B2(XOR, 0, xor, -1, 1),
    { CN__OP_WHERE, 2, build_where, 3, { D(CN_BOOL, 0, 2, 3, 5), X(-2, 2, 5), X(-2, 2, 3, 1) } },
    { CN__OP_CLIP, 2, build_clip, 3, { X(-3, 3, 3, 5), X(-1.2, -0.8, 5), X(0.8, 1.2, 3, 1) } },
    { CN__OP_SUM, 2, build_sum, 1, { X(-2, 2, 3, 4, 2) } }, { CN__OP_PROD, 2, build_prod, 1, { X(-2, 2, 3, 2, 3) } },
    { CN__OP_REDUCE_MAX, 2, build_reduce_max, 1, { X(-2, 2, 3, 5) } },
    { CN__OP_REDUCE_MIN, 2, build_reduce_min, 1, { X(-2, 2, 2, 3, 4) } },
    U1(ANY, 0, any, -1, 1), U1(ALL, 0, all, -1, 1), U1(ARGMAX, 0, argmax, -2, 2), U1(ARGMIN, 0, argmin, -2, 2),
    { CN__OP_MEAN, 2, build_mean, 1, { X(-2, 2, 3, 4, 2) } }, U1(LOGSUMEXP, 2, logsumexp, -3, 3),
    { CN__OP_MATMUL, 2, build_matmul, 2, { X(-2, 2, 3, 5), X(-2, 2, 5, 4) } },
    { CN__OP_MATMUL, 2, build_matmul, 2, { X(-2, 2, 2, 1, 3, 2), X(-2, 2, 3, 2, 2) } },
    { CN__OP_MATMUL, 2, build_matmul, 2, { X(-2, 2, 2, 3, 4), X(-2, 2, 4, 2) } },
    { CN__OP_MATMUL, 2, build_matmul, 2, { X(-2, 2, 4), X(-2, 2, 4, 2) } },
    { CN__OP_MATMUL, 2, build_matmul, 2, { X(-2, 2, 3, 4), X(-2, 2, 4) } },
    { CN__OP_MATMUL, 2, build_matmul, 2, { X(-2, 2, 4), X(-2, 2, 4) } },
    { CN__OP_MATMUL, 2, build_matmul_ta, 2, { X(-2, 2, 5, 3), X(-2, 2, 5, 4) } },
    { CN__OP_MATMUL, 2, build_matmul_tb, 2, { X(-2, 2, 2, 3, 5), X(-2, 2, 4, 5) } },
    { CN__OP_MATMUL, 2, build_matmul_tt, 2, { X(-2, 2, 2, 5, 3), X(-2, 2, 1, 4, 5) } },
    { CN__OP_DENSE, 2, build_dense, 3, { X(-1, 1, 4, 3), X(-1, 1, 3, 2), X(-1, 1, 2) } },
    { CN__OP_DENSE, 2, build_dense_relu, 3, { X(-1, 1, 2, 2, 3), X(-1, 1, 3, 2), X(-1, 1, 2) } },
    { CN__OP_DENSE, 2, build_dense_plain, 2, { X(-1, 1, 4, 3), X(-1, 1, 3, 2) } },
    { CN__OP_DENSE_GRAD, 2, build_dense_grad, 4, { X(-1, 1, 4, 3), X(-1, 1, 3, 2), X(-1, 1, 2), X(-1, 1, 4, 2) } },
    { CN__OP_RESHAPE, 2, build_reshape, 2, { X(-2, 2, 3, 5), X(-2, 2, 3) } },
    { CN__OP_TRANSPOSE, 2, build_transpose, 1, { X(-2, 2, 2, 3, 4) } },
    { CN__OP_BROADCAST, 2, build_broadcast, 1, { X(-1, 1, 3, 1) } },
    { CN__OP_SLICE, 2, build_slice, 1, { X(-2, 2, 3, 5) } },
    { CN__OP_CONCAT, 2, build_concat, 3, { X(-2, 2, 2, 3), X(-2, 2, 2, 1), X(-2, 2, 2, 2) } }, U1(PAD, 2, pad, -2, 2),
    U1(REVERSE, 2, reverse, -2, 2), { CN__OP_TILE, 2, build_tile, 1, { X(-2, 2, 2, 3, 2) } }, U1(PACK, 2, pack, -2, 2),
    { CN__OP_GATHER, 2, build_gather, 2, { X(-2, 2, 2, 4, 3), I(4, 2, 3) } },
    { CN__OP_SCATTER_ADD, 2, build_scatter_add, 2, { I(4, 5), X(-2, 2, 2, 5, 3) } },
    { CN__OP_GATHER_ALONG, 2, build_gather_along, 2, { X(-2, 2, 3, 5), I(5, 3, 4) } },
    { CN__OP_SCATTER_ALONG, 2, build_scatter_along, 2, { I(6, 3, 4), X(-2, 2, 3, 4) } },
    { CN__OP_ONE_HOT, 0, build_one_hot, 1, { I(4, 3, 2) } },
    { CN__OP_SEARCH_SORTED, 0, build_search_sorted, 2, { X(1, 1, 4), X(-2, 2, 3, 5) } },
    U1(CUMSUM, 2, cumsum, -2, 2), U1(SORT, 2, sort, -2, 2),
    U1(SORT, 2, sort_down, -2, 2),
    U1(TOPK, 2, topk, -2, 2), { CN__OP_RANDOM_UNIFORM, 0, build_uniform, 0, { { 0 } } },
    { CN__OP_RANDOM_NORMAL, 0, build_normal, 0, { { 0 } } },
    { CN__OP_RANDOM_TRUNCATED, 0, build_truncated, 0, { { 0 } } },
    { CN__OP_RANDOM_BERNOULLI, 0, build_bernoulli, 0, { { 0 } } },
    { CN__OP_RANDOM_SHUFFLE, 0, build_shuffle, 0, { { 0 } } }, U1(SOFTMAX, 2, softmax, -3, 3),
    U1(LOG_SOFTMAX, 2, log_softmax, -3, 3),
    { CN__OP_SPARSE_CE, 2, build_sparse_ce, 2, { I(3, 4), X(-2, 2, 4, 3) } },
    { CN__OP_SPARSE_CE, 2, build_sparse_ce_p, 2, { I(3, 4), X(0.1, 1, 4, 3) } },
    { CN__OP_SPARSE_CE_GRAD, 2, build_sparse_ceg, 3, { I(3, 4), X(-2, 2, 4, 3), X(-2, 2, 4) } },
    { CN__OP_BINARY_CE, 2, build_binary_ce, 2, { X(0.1, 0.9, 4, 3), X(-2, 2, 4, 3) } },
    { CN__OP_BINARY_CE, 2, build_binary_ce_p, 2, { X(0.1, 0.9, 4, 3), X(0.1, 0.9, 4, 3) } },
    { CN__OP_SGD, -1, build_sgd, 4, { X(-2, 2, 5), X(-2, 2, 5), X(-2, 2, 5), SCALAR(CN_FLOAT32, 0.1) } },
    { CN__OP_RMSPROP, -1, build_rmsprop, 6, { X(-2, 2, 5), X(1, 2, 5), X(-2, 2, 5), X(-0.1, 0.1, 5), X(-2, 2, 5),
                                              SCALAR(CN_FLOAT32, 0.1) } },
    { CN__OP_ADAM, -1, build_adam, 7, { X(-2, 2, 5), X(-2, 2, 5), X(1, 2, 5), X(1, 2, 5), X(-2, 2, 5),
                                        SCALAR(CN_FLOAT32, 0.1), SCALAR(CN_INT64, 3) } },
    { CN__OP_ACCUMULATE, -1, build_accumulate, 3, { D(CN_FLOAT64, -2, 2, 5), D(CN_FLOAT32, -2, 2, 5),
                                                    SCALAR(CN_FLOAT32, 0.5) } },
    { CN__OP_BATCH, -2, build_batch, 0, { { 0 } } },
    { CN__OP_FUSED, -1, build_fused, 3, { D(CN_FLOAT32, -2, 2, 3, 4), D(CN_FLOAT32, -2, 2, 4),
                                          D(CN_FLOAT32, -2, 2, 3, 1) } },
    { CN__OP_PRODUCT, -1, build_product, 4, { D(CN_FLOAT32, -1, 1, 3, 5), D(CN_FLOAT32, -1, 1, 5, 4),
                                              D(CN_FLOAT32, -2, 2, 4), D(CN_FLOAT32, -2, 2, 3, 1) } },
};
enum { CASES = sizeof cases / sizeof *cases };

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */
/* The same each time, in [0, 1): a Weyl sequence, so that no two are close to each other. */
static inline double number(unsigned i)
{
    double v = 0.37 + 0.6180339887498949 * (i + 1);
    return v - floor(v);
}

static inline double case_number(const case_input *in, unsigned k, size_t i)
{
    double v = in->lo + (in->hi - in->lo) * number(101 * k + (unsigned)i);
    if (in->dtype && !cn__is_float(in->dtype)) return floor(v);
    return in->lo < 0 && in->hi > 0 && fabs(v) < 0.05 * in->hi ? v + 0.1 * in->hi : v;    /* no kink at 0 nearby */
}

static inline cn__type case_type(const case_input *in, cn_dtype real)
{
    return cn__type_make(in->dtype ? in->dtype : real, in->rank, in->dim);
}

typedef struct case_data { void *at[8]; cn__type type[8]; int n; } case_data;
static inline case_data case_make(const op_case *c, cn_dtype real)
{
    case_data d = { .n = c->nin };
    for (int k = 0; k < c->nin; k++) {
        d.type[k] = case_type(&c->in[k], real);
        size_t n = (size_t)cn__type_count(&d.type[k]);
        d.at[k] = malloc(cn__type_bytes(&d.type[k]) + 1);
        for (size_t i = 0; i < n; i++)
            cn__store((cn_dtype)d.type[k].dtype, d.at[k], i, case_number(&c->in[k], (unsigned)k, i));
    }
    return d;
}

static inline void case_free(case_data *d)
{
    for (int k = 0; k < d->n; k++) free(d->at[k]);
}

static inline int case_inputs(cn_graph *g, const case_data *d, cn__val *x)
{
    for (int k = 0; k < d->n; k++) x[k] = cn__input(g, &d->type[k], NULL);
    return d->n;
}
#endif
