/* values.c: what each op gives, by hand or by NumPy, JAX and Keras; integers, edges of the number line, faults. */
#include "cases.h"
#include <stdint.h>

static cn_ctx *ctx;
static bool seen[CN__OPS];

/* Evaluates y (float or integer) and compares. */
static void expect(cn_graph *g, cn__op op, cn__val y, int n, const double *wanted, double tolerance)
{
    const char *name = cn__ops[op].name;
    seen[op] = true;
    if (!y) {
        CHECK_FAIL("%s: %s", name, g->error.text);
        cn__unref(g);
        return;
    }
    cn__root(g, y);
    eval e = eval_run(g, NULL);
    CHECK(e.g && e.fault == 0);
    if (e.g && cn__type_count(eval_type(&e, 0)) != n) CHECK_FAIL("%s: %lld elements, not %d", name,
                                                                 (long long)cn__type_count(eval_type(&e, 0)), n);
    else for (int i = 0; e.g && i < n; i++) {
        double got = eval_at(&e, 0, (size_t)i);
        if (isnan(wanted[i]) ? !isnan(got) : got != wanted[i] &&
            !(fabs(got - wanted[i]) <= tolerance * fmax(1, fabs(wanted[i]))))
            CHECK_FAIL("%s: element %d is %.9g, not %.9g", name, i, got, wanted[i]);
    }
    eval_free(&e);
}

#define LIST(...)   (const double[]){ __VA_ARGS__ }
#define COUNT(...)  (int)(sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double))
#define NUMBERS(d, ...) eval_const(g, (d), 1, (const int64_t[]){ COUNT(__VA_ARGS__) }, LIST(__VA_ARGS__))
#define EXPECT(op, tolerance, value, ...)                                                           \
    do {                                                                                            \
        cn_graph *g = cn__graph_new(ctx);                                                           \
        cn__val y_ = (value);                                                                       \
        expect(g, CN__OP_##op, y_, COUNT(__VA_ARGS__), LIST(__VA_ARGS__), (tolerance));             \
    } while (0)
#define MATRIX(r, c, ...) eval_const(g, CN_FLOAT32, DIMS(r, c), LIST(__VA_ARGS__))
#define ONE(op, d, x)   cn__b1(g, CN__OP_##op, NUMBERS(d, x))
#define TWO(op, d, a, b) cn__b2(g, CN__OP_##op, NUMBERS(d, a), NUMBERS(d, b))

TEST(unary)
{
    ctx = cn_open(.threads = 1);
    const double inf = INFINITY, nan = NAN;
#define U(op, ...) cn__b1(g, CN__OP_##op, NUMBERS(CN_FLOAT32, __VA_ARGS__))
    EXPECT(NEG, 0, U(NEG, 1, -2, 0), -1, 2, 0);
    EXPECT(ABS, 0, U(ABS, 1, -2, -inf), 1, 2, inf);
    EXPECT(SIGN, 0, U(SIGN, 3, -2, 0, nan), 1, -1, 0, nan);
    EXPECT(EXP, 1e-7, U(EXP, 0, 1, -inf, 200), 1, 2.718281828, 0, inf);
    EXPECT(EXPM1, 1e-7, U(EXPM1, 0, 1e-5, 1), 0, 1.000005e-5, 1.718281828);
    EXPECT(LOG, 1e-7, U(LOG, 1, 10, 0, -1), 0, 2.302585093, -inf, nan);
    EXPECT(LOG1P, 1e-7, U(LOG1P, 0, 1, -1), 0, 0.6931471806, -inf);
    EXPECT(SQRT, 1e-7, U(SQRT, 4, 2, -1), 2, 1.414213562, nan);
    EXPECT(RSQRT, 1e-7, U(RSQRT, 4, 2, 0), 0.5, 0.7071067812, inf);
    EXPECT(SQUARE, 0, U(SQUARE, 3, -2), 9, 4);
    EXPECT(RECIPROCAL, 0, U(RECIPROCAL, 4, -2, 0), 0.25, -0.5, inf);
    EXPECT(SIN, 1e-7, U(SIN, 0, 1), 0, 0.8414709848);
    EXPECT(COS, 1e-7, U(COS, 0, 1), 1, 0.5403023059);
    EXPECT(TAN, 1e-7, U(TAN, 0, 1), 0, 1.5574077247);
    EXPECT(TANH, 1e-7, U(TANH, 0, 1, -50), 0, 0.761594156, -1);
    EXPECT(SIGMOID, 1e-7, U(SIGMOID, 0, 1, -200, 200), 0.5, 0.7310585786, 0, 1);
    EXPECT(SOFTPLUS, 1e-7, U(SOFTPLUS, 0, 1, -200, 200), 0.6931471806, 1.313261688, 0, 200);
    EXPECT(ERF, 1e-7, U(ERF, 0, 1, -9), 0, 0.8427007929, -1);
    EXPECT(RELU, 0, U(RELU, 2, -2, nan), 2, 0, nan);
    EXPECT(FLOOR, 0, U(FLOOR, 1.5, -1.5), 1, -2);
    EXPECT(CEIL, 0, U(CEIL, 1.5, -1.5), 2, -1);
    EXPECT(ROUND, 0, U(ROUND, 0.5, 1.5, 2.5, -0.5, -1.6), 0, 2, 2, 0, -2);
    EXPECT(NOT, 0, U(NOT, 0, 2, -1), 1, 0, 0);
    EXPECT(IS_FINITE, 0, U(IS_FINITE, 1, inf, nan), 1, 0, 0);
    EXPECT(IS_NAN, 0, U(IS_NAN, 1, inf, nan), 0, 0, 1);
    EXPECT(STOP_GRADIENT, 0, U(STOP_GRADIENT, 1, 2), 1, 2);
    cn_close(ctx);
}

TEST(casts_saturate)
{
    ctx = cn_open(.threads = 1);
#define CASTED(from, to, ...) cn__cast(g, NUMBERS(from, __VA_ARGS__), to)
    EXPECT(CAST, 0, CASTED(CN_FLOAT32, CN_UINT8, 1.9, -1, 300, NAN), 1, 0, 255, 0);
    EXPECT(CAST, 0, CASTED(CN_FLOAT32, CN_INT8, 1.9, -1.9, 300, -300), 1, -1, 127, -128);
    EXPECT(CAST, 0, CASTED(CN_INT32, CN_BOOL, 0, 7, -1), 0, 1, 1);
    EXPECT(CAST, 0, CASTED(CN_BOOL, CN_FLOAT16, 0, 1), 0, 1);
    EXPECT(CAST, 0, CASTED(CN_FLOAT32, CN_FLOAT16, 2049, 65520, 1e-8), 2048, INFINITY, 0);
    EXPECT(CAST, 0, CASTED(CN_FLOAT32, CN_BFLOAT16, 257, 259), 256, 260);
    cn_close(ctx);
}

TEST(binary)
{
    ctx = cn_open(.threads = 1);
    const double nan = NAN;
#define B(op, d, a0, a1, b0, b1) cn__b2(g, CN__OP_##op, NUMBERS(d, a0, a1), NUMBERS(d, b0, b1))
    EXPECT(ADD, 0, B(ADD, CN_FLOAT32, 1, 2, 3, -5), 4, -3);
    EXPECT(SUB, 0, B(SUB, CN_FLOAT32, 1, 2, 3, -5), -2, 7);
    EXPECT(MUL, 0, B(MUL, CN_FLOAT32, 1, 2, 3, -5), 3, -10);
    EXPECT(DIV, 0, B(DIV, CN_FLOAT32, 1, 3, 0, -2), INFINITY, -1.5);
    EXPECT(POW, 0, B(POW, CN_FLOAT32, 2, -2, -1, 3), 0.5, -8);
    EXPECT(MIN, 0, B(MIN, CN_FLOAT32, 1, nan, 3, 1), 1, nan);
    EXPECT(MIN, 0, B(MIN, CN_FLOAT32, 5, 1, 3, nan), 3, nan);
    EXPECT(MAX, 0, B(MAX, CN_FLOAT32, 1, nan, 3, 1), 3, nan);
    EXPECT(MOD, 0, B(MOD, CN_FLOAT32, 5.5, -5.5, 2, 2), 1.5, 0.5);
    EXPECT(EQ, 0, B(EQ, CN_FLOAT32, 1, nan, 1, nan), 1, 0);
    EXPECT(NE, 0, B(NE, CN_FLOAT32, 1, nan, 1, nan), 0, 1);
    EXPECT(LT, 0, B(LT, CN_FLOAT32, 1, 2, 2, 2), 1, 0);
    EXPECT(LE, 0, B(LE, CN_FLOAT32, 3, 2, 2, 2), 0, 1);
    EXPECT(GT, 0, B(GT, CN_INT32, 3, 2, 2, 2), 1, 0);
    EXPECT(GE, 0, B(GE, CN_INT32, 1, 2, 2, 2), 0, 1);
    EXPECT(AND, 0, B(AND, CN_FLOAT32, 2, 0, 1, 1), 1, 0);
    EXPECT(OR, 0, B(OR, CN_FLOAT32, 0, 0, 3, 0), 1, 0);
    EXPECT(XOR, 0, B(XOR, CN_FLOAT32, 2, 0, 3, -1), 0, 1);
    EXPECT(WHERE, 0, cn__where(g, NUMBERS(CN_BOOL, 1, 0), NUMBERS(CN_INT64, 5, 6), NUMBERS(CN_INT64, 7, 8)), 5, 8);
    EXPECT(CLIP, 0, cn__clip(g, NUMBERS(CN_INT32, -5, 0, 9), cn__scalar(g, CN_INT32, -1), cn__scalar(g, CN_INT32, 3)),
           -1, 0, 3);
    cn_close(ctx);
}

TEST(integers)
{
    ctx = cn_open(.threads = 1);
    EXPECT(ADD, 0, B(ADD, CN_UINT8, 250, 1, 10, 2), 4, 3);
    EXPECT(MUL, 0, B(MUL, CN_INT8, 100, -128, 2, -1), -56, -128);
    EXPECT(NEG, 0, cn__b1(g, CN__OP_NEG, NUMBERS(CN_INT8, -128, 5)), -128, -5);
    EXPECT(ABS, 0, cn__b1(g, CN__OP_ABS, NUMBERS(CN_INT16, -32768, -5)), -32768, 5);
    EXPECT(DIV, 0, B(DIV, CN_INT32, 7, -7, 2, 2), 3, -4);                /* rounded down */
    EXPECT(DIV, 0, B(DIV, CN_INT32, 7, INT32_MIN, 0, -1), 0, INT32_MIN); /* by 0: 0 */
    EXPECT(DIV, 0, B(DIV, CN_INT64, -0x1p63, 1, -1, 0), -0x1p63, 0);
    EXPECT(MOD, 0, B(MOD, CN_INT32, -7, 7, 3, -3), 2, -2);
    EXPECT(MOD, 0, B(MOD, CN_INT64, -0x1p63, 1, -1, 0), 0, 0);
    EXPECT(POW, 0, B(POW, CN_INT32, 3, 2, 4, -1), 81, 0);
    EXPECT(POW, 0, B(POW, CN_UINT8, 2, 3, 8, 5), 0, 243);
    EXPECT(ADD, 0, B(ADD, CN_BOOL, 1, 0, 1, 0), 1, 0);
    EXPECT(SUM, 0, cn__reduce_all(g, CN__OP_SUM, NUMBERS(CN_UINT8, 200, 100)), 44);
    EXPECT(SIGN, 0, cn__b1(g, CN__OP_SIGN, NUMBERS(CN_INT8, -128, 0, 3)), -1, 0, 1);
    cn_close(ctx);
}

TEST(reductions)
{
    ctx = cn_open(.threads = 1);
#define M MATRIX(2, 3, 1, -2, 3, 4, 5, -6)
#define R(op, axes, keep) cn__reduce(g, CN__OP_##op, M, (axes), (keep))
    EXPECT(SUM, 0, R(SUM, 1, false), 5, 3, -3);
    EXPECT(SUM, 0, R(SUM, 2, true), 2, 3);
    EXPECT(PROD, 0, R(PROD, 3, false), 720);
    EXPECT(MEAN, 1e-7, R(MEAN, 2, false), 0.6666666667, 1);
    EXPECT(REDUCE_MAX, 0, R(REDUCE_MAX, 1, false), 4, 5, 3);
    EXPECT(REDUCE_MIN, 0, R(REDUCE_MIN, 2, false), -2, -6);
    EXPECT(ANY, 0, cn__reduce(g, CN__OP_ANY, MATRIX(2, 2, 0, 0, 0, 1), 2, false), 0, 1);
    EXPECT(ALL, 0, cn__reduce(g, CN__OP_ALL, MATRIX(2, 2, 1, 2, 0, 1), 2, false), 1, 0);
    EXPECT(ARGMAX, 0, cn__argmax(g, MATRIX(2, 3, 1, 7, 7, 0, NAN, 9), 1), 1, 1);
    EXPECT(ARGMIN, 0, cn__emit(g, CN__OP_ARGMIN, &(cn__a_axis){ .axis = 0 }, sizeof(cn__a_axis), 1,
                               (const cn__val[]){ M }, 1, NULL), 0, 0, 1);
    EXPECT(LOGSUMEXP, 1e-6, cn__reduce(g, CN__OP_LOGSUMEXP, MATRIX(2, 2, 1000, 1000, -INFINITY, -INFINITY), 2, false),
           1000.693147, -INFINITY);
    EXPECT(LOGSUMEXP, 0, cn__reduce_all(g, CN__OP_LOGSUMEXP, NUMBERS(CN_FLOAT32, 1, INFINITY)), INFINITY);
    /* A float32 sum in double: 1 + 2^24 ones would stop at 2^24 otherwise. */
    EXPECT(SUM, 0, cn__reduce_all(g, CN__OP_SUM, NUMBERS(CN_FLOAT32, 16777216, 1, 1, 1, 1)), 16777220);
    /* Of nothing. */
#define NOTHING cn__fill(g, CN_FLOAT32, DIMS(0), 1)
    EXPECT(SUM, 0, cn__reduce_all(g, CN__OP_SUM, NOTHING), 0);
    EXPECT(PROD, 0, cn__reduce_all(g, CN__OP_PROD, NOTHING), 1);
    EXPECT(REDUCE_MAX, 0, cn__reduce_all(g, CN__OP_REDUCE_MAX, NOTHING), -INFINITY);
    EXPECT(REDUCE_MIN, 0, cn__reduce_all(g, CN__OP_REDUCE_MIN, cn__cast(g, NOTHING, CN_INT8)), 127);
    EXPECT(MEAN, 0, cn__reduce_all(g, CN__OP_MEAN, NOTHING), NAN);
    EXPECT(ALL, 0, cn__reduce_all(g, CN__OP_ALL, NOTHING), 1);
    cn_close(ctx);
}

TEST(products)
{
    ctx = cn_open(.threads = 1);
#define AB(ta, tb) cn__matmul(g, M, (tb) ? MATRIX(2, 3, 1, 0, 2, -1, 3, 1) : MATRIX(3, 2, 1, -1, 0, 3, 2, 1), ta, tb)
    EXPECT(MATMUL, 0, AB(false, false), 7, -4, -8, 5);
    EXPECT(MATMUL, 0, AB(false, true), 7, -4, -8, 5);
    EXPECT(MATMUL, 0, cn__matmul(g, M, NUMBERS(CN_FLOAT32, 1, 2), true, false), 9, 8, -9);
    EXPECT(MATMUL, 0, cn__matmul(g, NUMBERS(CN_INT8, 100, 2), NUMBERS(CN_INT8, 2, 3), false, false), -50);
    EXPECT(DENSE, 1e-7, cn__dense(g, M, MATRIX(3, 1, 1, 1, 1), NUMBERS(CN_FLOAT32, -2.5), CN__ACT_RELU), 0, 0.5);
    EXPECT(DENSE, 1e-7, cn__dense(g, M, MATRIX(3, 1, 1, 1, 1), 0, CN__ACT_SIGMOID), 0.8807970779, 0.9525741268);
    EXPECT(DENSE_GRAD, 1e-7, emit(g, CN__OP_DENSE_GRAD, &(cn__a_dense){ 0, 0 }, sizeof(cn__a_dense), 4,
                                  (const cn__val[]){ M, MATRIX(3, 1, 1, 2, 3), MATRIX(2, 1, 6, -4),
                                                     MATRIX(2, 1, 1, 2) }, 3),
           1, 2, 3, 2, 4, 6, 9, 8, -9, 3);
    EXPECT(PRODUCT, 1e-6, fused(g, (const cn__val[]){ cn__fill(g, CN_FLOAT32, DIMS(3, 2), 1),
                                                      cn__fill(g, CN_FLOAT32, DIMS(2, 4), 0.5),
                                                      NUMBERS(CN_FLOAT32, 1, 2, 3, -4),
                                                          cn__fill(g, CN_FLOAT32, DIMS(3, 1), 0.5) }, true),
           1.5, 2.5, 3.5, -0.25, 1.5, 2.5, 3.5, -0.25, 1.5, 2.5, 3.5, -0.25);
    EXPECT(FUSED, 1e-6, fused(g, (const cn__val[]){ cn__fill(g, CN_FLOAT32, DIMS(3, 4), 1),
                                                    NUMBERS(CN_FLOAT32, 1, 2, 3, -4),
                                                    eval_const(g, CN_FLOAT32, DIMS(3, 1), LIST(0, 1, 2)) }, false),
           1, 2, 3, -0.25, 2, 3, 4, -0.25, 3, 4, 5, -0.25);
    cn_close(ctx);
}

TEST(movement)
{
    ctx = cn_open(.threads = 1);
    EXPECT(RESHAPE, 0, cn__reshape(g, M, DIMS(3, -1)), 1, -2, 3, 4, 5, -6);
    EXPECT(TRANSPOSE, 0, cn__transpose(g, M, (const int32_t[]){ 1, 0 }), 1, 4, -2, 5, 3, -6);
    EXPECT(BROADCAST, 0, cn__broadcast(g, NUMBERS(CN_INT16, 1, 2), DIMS(2, 2)), 1, 2, 1, 2);
    EXPECT(SLICE, 0, cn__slice(g, M, (const int64_t[]){ 1, 2 }, (const int64_t[]){ -1, -2 }, (const int64_t[]){ 2, 2 }),
           -6, 4, 3, 1);
    EXPECT(CONCAT, 0, cn__concat(g, 1, 2, (const cn__val[]){ M, MATRIX(2, 1, 8, 9) }), 1, -2, 3, 8, 4, 5, -6, 9);
    EXPECT(PAD, 0, cn__pad(g, NUMBERS(CN_FLOAT32, 1, 2), (const int64_t[]){ 1 }, (const int64_t[]){ 2 },
                           (const int64_t[]){ 1 }, 7), 7, 1, 7, 2, 7, 7);
    EXPECT(REVERSE, 0, cn__reverse(g, M, 3), -6, 5, 4, 3, -2, 1);
    EXPECT(TILE, 0, cn__tile(g, MATRIX(1, 2, 1, 2), (const int64_t[]){ 2, 2 }), 1, 2, 1, 2, 1, 2, 1, 2);
    EXPECT(PACK, 0, cn__pack(g, M, CN__PANEL), 1, -2, 3, 4, 5, -6);
    EXPECT(GATHER, 0, cn__gather(g, M, NUMBERS(CN_INT32, 2, 0), 1), 3, 1, -6, 4);
    EXPECT(SCATTER_ADD, 0, cn__scatter_add(g, NUMBERS(CN_UINT8, 2, 2), MATRIX(2, 2, 1, 2, 3, 4), 0, 3), 0, 0, 0, 0, 4,
           6);
    EXPECT(GATHER_ALONG, 0, cn__gather_along(g, M, eval_const(g, CN_INT64, DIMS(2, 2), LIST(2, 1, 0, 0)), 1), 3, -2, 4,
           4);
    EXPECT(SCATTER_ALONG, 0, cn__scatter_along(g, eval_const(g, CN_INT32, DIMS(2, 2), LIST(1, 1, 0, 2)),
                                               MATRIX(2, 2, 1, 2, 3, 4), 1, 3), 0, 3, 0, 3, 0, 4);
    EXPECT(ONE_HOT, 0, cn__one_hot(g, NUMBERS(CN_INT32, 1, -1, 3), 3, CN_FLOAT32), 0, 1, 0, 0, 0, 0, 0, 0, 0);
    EXPECT(SEARCH_SORTED, 0, cn__search_sorted(g, NUMBERS(CN_FLOAT32, -1, 3, 3, 4), M), 1, 0, 3, 4, 4, 0);
    EXPECT(SEARCH_SORTED, 0, cn__search_sorted(g, NUMBERS(CN_FLOAT32, 1, 2), NUMBERS(CN_FLOAT32, NAN, 0)), 2, 0);
    EXPECT(SEARCH_SORTED, 0, cn__search_sorted(g, NUMBERS(CN_INT64, 0), NUMBERS(CN_INT64, -1, 0, 1)), 0, 1, 1);
    EXPECT(CUMSUM, 0, cn__cumsum(g, M, 1, false, false), 1, -1, 2, 4, 9, 3);
    EXPECT(CUMSUM, 0, cn__cumsum(g, M, 1, true, true), 1, 3, 0, -1, -6, 0);
    cn_close(ctx);
}

TEST(order)
{
    ctx = cn_open(.threads = 1);
    cn__val index;
#define S NUMBERS(CN_FLOAT32, 3, 1, NAN, 1, -0.0, 2, 0)
    EXPECT(SORT, 0, cn__sort(g, S, 0, false, NULL), 0, 0, 1, 1, 2, 3, NAN);
    EXPECT(SORT, 0, (cn__sort(g, S, 0, false, &index), index), 4, 6, 1, 3, 5, 0, 2);
    EXPECT(SORT, 0, (cn__sort(g, S, 0, true, &index), index), 0, 5, 1, 3, 6, 4, 2);
    EXPECT(SORT, 0, cn__sort(g, MATRIX(3, 2, 3, 1, 2, 9, 1, 5), 0, false, NULL), 1, 1, 2, 5, 3, 9);
    EXPECT(SORT, 0, cn__sort(g, NUMBERS(CN_INT64, 3, -4, 0), -1, true, NULL), 3, 0, -4);
    EXPECT(TOPK, 0, cn__topk(g, M, 2, NULL), 3, 1, 5, 4);
    EXPECT(TOPK, 0, (cn__topk(g, M, 2, &index), index), 2, 0, 1, 0);
    /* Without the places: the same values. */
    float x[5] = { 2, -1, 5, -1, 0 }, y[5];
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(5));
    cn__a_axis a = { 0 };
    cn__tensor_view in = { x, t }, out[2] = { { y, t }, { NULL, t } };
    cn__ops[CN__OP_SORT].ref(&(cn__ref_call){ &a, 1, 2, &in, out, NULL });
    CHECK(y[0] == -1 && y[1] == -1 && y[2] == 0 && y[3] == 2 && y[4] == 5);
    cn_close(ctx);
}

TEST(random)
{
    static const struct { cn__op op; cn__val (*build)(cn_graph *, const cn__val *); int n; double lo, hi; } rows[] = {
        { CN__OP_RANDOM_UNIFORM, build_uniform, 15, -1, 2 }, { CN__OP_RANDOM_NORMAL, build_normal, 15, -9, 11 },
        { CN__OP_RANDOM_TRUNCATED, build_truncated, 15, -3, 5 }, { CN__OP_RANDOM_BERNOULLI, build_bernoulli, 15, 0, 1 },
        { CN__OP_RANDOM_SHUFFLE, build_shuffle, 15, 0, 14 },
    };
    ctx = cn_open(.threads = 1);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        cn_graph *g = cn__graph_new(ctx);
        cn__root(g, rows[r].build(g, NULL));
        eval e = eval_run(g, NULL);
        double sum = 0;
        bool differ = false;
        seen[rows[r].op] = true;
        for (int i = 0; i < rows[r].n; i++) {
            double v = eval_at(&e, 0, (size_t)i);
            CHECK(v >= rows[r].lo && v <= rows[r].hi);
            differ |= v != eval_at(&e, 0, 0);
            sum += v;
        }
        CHECK(differ);
        if (rows[r].op == CN__OP_RANDOM_SHUFFLE) CHECK_INT(sum, 105);
        eval_free(&e);
    }
    cn_close(ctx);
}

TEST(moments_of_random)
{
    ctx = cn_open(.threads = 1);
    enum { N = 20000 };
#define DRAW(id, a, b)          cn__random(g, CN__OP_##id, random_state(g), 9, CN_FLOAT64, DIMS(N), a, b)
#define MOMENT(id, a, b, power) \
    cn__reduce_all(g, CN__OP_MEAN, cn__b2(g, CN__OP_POW, DRAW(id, a, b), cn__scalar(g, CN_FLOAT64, power)))
    EXPECT(RANDOM_UNIFORM, 0.02, MOMENT(RANDOM_UNIFORM, 0, 1, 1), 0.5);
    EXPECT(RANDOM_NORMAL, 0.03, MOMENT(RANDOM_NORMAL, 0, 1, 1), 0);
    EXPECT(RANDOM_NORMAL, 0.03, MOMENT(RANDOM_NORMAL, 0, 1, 2), 1);
    EXPECT(RANDOM_TRUNCATED, 0.03, MOMENT(RANDOM_TRUNCATED, 0, 1, 2), 0.7737);
    EXPECT(RANDOM_BERNOULLI, 0.02, MOMENT(RANDOM_BERNOULLI, 0.3, 0, 1), 0.3);
    cn_close(ctx);
}

TEST(losses)
{
    ctx = cn_open(.threads = 1);
#define Z MATRIX(2, 3, 1, 2, 3, 0, 0, 100)
    EXPECT(SOFTMAX, 1e-7, cn__softmax(g, Z, 1), 0.09003057317, 0.2447284711, 0.6652409558, 0, 0, 1);
    EXPECT(LOG_SOFTMAX, 1e-6, cn__log_softmax(g, Z, 1), -2.407605964, -1.407605964, -0.4076059644, -100, -100, 0);
    EXPECT(SPARSE_CE, 1e-6, cn__sparse_ce(g, NUMBERS(CN_INT32, 1, 2), Z, true), 1.407605964, 0);
    EXPECT(SPARSE_CE, 1e-6, cn__sparse_ce(g, NUMBERS(CN_UINT8, 1, 0), MATRIX(2, 2, 1, 3, 0, 1), false), 0.2876820724,
           16.11809565);
    EXPECT(SPARSE_CE_GRAD, 1e-6, cn__emit(g, CN__OP_SPARSE_CE_GRAD, &(cn__a_ce){ 1, 0, 0, 2 }, sizeof(cn__a_ce), 3,
                                          (const cn__val[]){ NUMBERS(CN_INT32, 1, 2), Z, NUMBERS(CN_FLOAT32, 2, 2) }, 1,
                                              NULL),
           0.1800611463, -1.510543058, 1.330481912, 0, 0, 0);
    EXPECT(BINARY_CE, 1e-6, cn__binary_ce(g, NUMBERS(CN_FLOAT32, 1, 0, 0), NUMBERS(CN_FLOAT32, 0, 2, -300), true),
           0.6931471806, 2.126928011, 0);
    EXPECT(BINARY_CE, 1e-6, cn__binary_ce(g, NUMBERS(CN_FLOAT32, 1, 0), NUMBERS(CN_FLOAT32, 0.25, 1), false),
           1.386294361, 15.94238505);
    cn_close(ctx);
}

/* Three steps of real Keras 3 (JAX) from w = 1, -2, 3, 0.5. */
static void steps(cn__op op, const void *attr, size_t size, int slots, bool t, const double *wanted)
{
    static const double grad[3][4] = { { 0.1, -0.2, 0.3, 1 }, { 0.5, 0.1, -0.4, -1 }, { -0.3, 0.2, 0.1, 0.25 } };
    cn_graph *g = cn__graph_new(ctx);
    cn__val w[4] = { eval_const(g, CN_FLOAT32, DIMS(4), LIST(1, -2, 3, 0.5)) }, in[8];
    for (int k = 1; k < slots; k++) w[k] = eval_const(g, CN_FLOAT32, DIMS(4), LIST(0, 0, 0, 0));
    for (int s = 0; s < 3; s++) {
        memcpy(in, w, sizeof w);
        in[slots] = eval_const(g, CN_FLOAT32, DIMS(4), grad[s]);
        in[slots + 1] = cn__scalar(g, CN_FLOAT32, 0.1);
        in[slots + 2] = cn__scalar(g, CN_INT64, s + 1);
        CHECK(cn__emit(g, op, attr, size, slots + 2 + t, in, slots, w));
    }
    expect(g, op, w[0], 4, wanted, 2e-7);
}

TEST(updates_are_those_of_keras)
{
    ctx = cn_open(.threads = 1);
#define STEPS(op, struct, slots, t, attr, ...) \
    steps(CN__OP_##op, &(struct)attr, sizeof(struct), slots, t, LIST(__VA_ARGS__))
#define A(...) { __VA_ARGS__ }
    STEPS(SGD, cn__a_sgd, 1, false, A(0, 0, 0, 0), 0.970000029, -2.00999999, 3, 0.474999994);
    STEPS(SGD, cn__a_sgd, 1, false, A(0, 0.05, 0, 0), 0.955424666, -1.98029923, 2.9553237, 0.468034953);
    STEPS(SGD, cn__a_sgd, 2, false, A(0.9, 0, 0, 0), 0.907899976, -1.98479998, 2.98469996, 0.394000024);
    STEPS(SGD, cn__a_sgd, 2, false, A(0.9, 0.05, 1, 0), 0.872889876, -1.96683478, 2.94176459, 0.373487711);
    STEPS(RMSPROP, cn__a_rmsprop, 2, false, A(0.9, 0, 1e-7, 0, 0, 0), 0.540002167, -2.05289078, 2.87504935,
          0.353807151);
    STEPS(RMSPROP, cn__a_rmsprop, 4, false, A(0.8, 0.5, 1e-3, 0, 1, 0), 0.401013583, -1.91346729, 2.80561328,
          0.268515021);
    STEPS(ADAM, cn__a_adam, 3, true, A(0.9, 0.999, 1e-7, 0, 0, 0), 0.78894794, -1.90063846, 2.92148376, 0.39814195);
    STEPS(ADAM, cn__a_adam, 4, true, A(0.8, 0.9, 1e-7, 0, 1, 0), 0.79326117, -1.91452134, 2.92880654, 0.406706005);
    STEPS(ADAM, cn__a_adam, 3, true, A(0.9, 0.999, 1e-7, 0.05, 0, 0), 0.775450826, -1.87191892, 2.87760901,
          0.391650558);
    EXPECT(ACCUMULATE, 0, cn__emit(g, CN__OP_ACCUMULATE, NULL, 0, 3,
                                   (const cn__val[]){ NUMBERS(CN_FLOAT64, 1, 2), NUMBERS(CN_INT32, 3, 4),
                                                      cn__scalar(g, CN_FLOAT32, 0.5) }, 1, NULL), 2.5, 4);
    cn_close(ctx);
}

TEST(faults)
{
    ctx = cn_open(.threads = 1);
    static const struct { int which; unsigned fault; double first; } rows[] = {
        { 0, CN__FAULT_INDEX, 3 }, { 1, CN__FAULT_INDEX, 0 }, { 2, CN__FAULT_INDEX, 3 }, { 3, CN__FAULT_LABEL, 0 },
            { 4, 0, 0 },
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        cn_graph *g = cn__graph_new(ctx);
        cn__type t = cn__type_make(CN_INT32, DIMS(1));
        cn__val  i = cn__input(g, &t, "i"), x = NUMBERS(CN_FLOAT32, 1, 2, 3), y = 0;
        int32_t  index = rows[r].which == 1 ? -1 : 3;
        if (rows[r].which == 0) y = cn__gather(g, x, i, 0);
        if (rows[r].which == 1) y = cn__scatter_add(g, i, NUMBERS(CN_FLOAT32, 0), 0, 2);
        if (rows[r].which == 2) y = cn__gather_along(g, x, i, 0);
        if (rows[r].which == 3) y = cn__sparse_ce(g, i, cn__fill(g, CN_FLOAT32, DIMS(1, 1), 0), true);
        if (rows[r].which == 4) y = cn__one_hot(g, i, 2, CN_FLOAT32);
        cn__root(g, y);
        eval e = eval_run(g, (const void *const[]){ &index });
        CHECK_INT(e.fault, rows[r].fault);
        CHECK_NEAR(eval_at(&e, 0, 0), rows[r].first, 0);     /* clamped */
        eval_free(&e);
    }
    cn_close(ctx);
}

TEST(every_op_has_a_value)
{
    seen[CN__OP_BATCH] = true;                           /* the run loop's */
    for (int op = CN__OP_NONE + 1; op < CN__OPS; op++)
        if (!seen[op]) CHECK_FAIL("%s is not in values.c", cn__ops[op].name);
}

CHECK_MAIN
