/* dtypes.c: every case in every floating type, against float64 of the same (rounded) operands: primitives are
   rounded once. */
#include "cases.h"

static cn_ctx *ctx;

static eval evaluate(const op_case *c, const case_data *d)
{
    cn_graph *g = cn__graph_new(ctx);
    cn__val x[8];
    case_inputs(g, d, x);
    cn__val y = c->build(g, x);
    if (!y) CHECK_FAIL("%s: %s", cn__ops[c->op].name, g->error.text);
    cn__root(g, y);
    return eval_run(g, (const void *const *)d->at);
}

static void check(const op_case *c, cn_dtype d, double unit)
{
    case_data narrow = case_make(c, d), wide = case_make(c, CN_FLOAT64);
    for (int k = 0; k < c->nin; k++)
        if (!c->in[k].dtype)
            cn__convert(CN_FLOAT64, wide.at[k], d, narrow.at[k], (size_t)cn__type_count(&wide.type[k]));
    eval got = evaluate(c, &narrow), wanted = evaluate(c, &wide);
    bool primitive = cn__ops[c->op].ref != NULL;
    for (int64_t i = 0; got.g && wanted.g && i < cn__type_count(eval_type(&got, 0)); i++) {
        double a = eval_at(&got, 0, (size_t)i), b = eval_at(&wanted, 0, (size_t)i);
        if (!(fabs(a - b) <= (primitive ? 4 : 100) * unit * fmax(1, fabs(b))))
            CHECK_FAIL("%s in %s: element %lld is %.9g, not %.9g", cn__ops[c->op].name, cn__dtype_name(d), (long long)i,
                       a, b);
    }
    if (got.g && wanted.g) CHECK(cn__same_shape(eval_type(&got, 0), eval_type(&wanted, 0)));
    eval_free(&got), eval_free(&wanted);
    case_free(&narrow), case_free(&wide);
}

static void all(cn_dtype d, double unit)
{
    ctx = cn_open(.threads = 1);
    for (int k = 0; k < CASES; k++)
        if (cases[k].order > -2 && cases[k].nin) check(&cases[k], d, unit);
    cn_close(ctx);
}

TEST(float32)  { all(CN_FLOAT32, 0x1p-24); }
TEST(float16)  { all(CN_FLOAT16, 0x1p-11); }
TEST(bfloat16) { all(CN_BFLOAT16, 0x1p-8); }

/* What is no case of its own: a 16-bit sum or product is rounded once at its end. */
TEST(sixteen_bit_sums_are_rounded_once)
{
    ctx = cn_open(.threads = 1);
    cn_graph *g = cn__graph_new(ctx);
    cn__val x = cn__fill(g, CN_BFLOAT16, DIMS(1, 1000), 1);
    double v[2];
    CHECK(cn__is_scalar_const(g, cn__reduce_all(g, CN__OP_SUM, x), &v[0]));
    CHECK(cn__is_scalar_const(g, cn__matmul(g, x, x, false, true), &v[1]));
    CHECK_NEAR(v[0], 1000, 0);                           /* 256 if each step were rounded */
    CHECK_NEAR(v[1], 1000, 0);
    cn__unref(g);
    cn_close(ctx);
}

CHECK_MAIN
