/* gradient.c: every op's gradient, in float64, against central finite differences within 1e-6; then the second
   derivatives. */
#include "cases.h"

static cn_ctx *ctx;

static cn__val weighted(cn_graph *g, cn__val y, unsigned salt)       /* sum of y by fixed numbers */
{
    cn__type t = *cn__type_of(g, y);
    double w[256];
    for (int64_t i = 0; i < cn__type_count(&t) && i < 256; i++) w[i] = number(17 * salt + (unsigned)i) + 0.5;
    return cn__reduce_all(g, CN__OP_SUM, cn__mul(g, y, eval_const(g, CN_FLOAT64, t.rank, t.dim, w)));
}

/* order 1: the weighted sum of the result; 2: that of its gradients. */
static cn__val objective(cn_graph *g, const op_case *c, const cn__val *x, int order)
{
    cn__val y = weighted(g, cn__cast(g, c->build(g, x), CN_FLOAT64), 1), sum = 0, d[8];
    if (order == 1) return y;
    if (!cn__gradient(g, y, 0, c->nin, x, d)) return 0;
    for (int k = 0; k < c->nin; k++)
        if (d[k]) {
            cn__val part = weighted(g, d[k], 5 + (unsigned)k);
            sum = sum ? cn__add(g, sum, part) : part;
        }
    return sum;
}

static void check(const op_case *c, int order)
{
    const char *name = cn__ops[c->op].name;
    case_data data = case_make(c, CN_FLOAT64);
    cn_graph *g = cn__graph_new(ctx);
    cn__val x[8], d[8] = { 0 };
    int root[8] = { 0 };
    case_inputs(g, &data, x);
    cn__val f = objective(g, c, x, order);
    if (f) cn__root(g, f), cn__gradient(g, f, 0, c->nin, x, d);
    for (int k = 0; k < c->nin; k++)
        if (d[k]) root[k] = (int)g->roots.n, cn__root(g, d[k]);
    if (!cn__graph_ok(g)) CHECK_FAIL("%s: %s", name, g->error.text);
    else if (order == 1 || f) {
        eval e = eval_open(g);
        CHECK(e.g);
        for (int k = 0; e.g && k < c->nin; k++) {
            if (data.type[k].dtype != CN_FLOAT64) continue;
            double *at = data.at[k];
            for (size_t i = 0; i < (size_t)cn__type_count(&data.type[k]); i++) {
                const double h = 1e-5, was = at[i];
                at[i] = was + h, eval_step(&e, (const void *const *)data.at);
                double up = eval_at(&e, 0, 0);
                at[i] = was - h, eval_step(&e, (const void *const *)data.at);
                double down = eval_at(&e, 0, 0), numeric = (up - down) / (2 * h);
                at[i] = was, eval_step(&e, (const void *const *)data.at);
                double exact = root[k] ? eval_at(&e, (size_t)root[k], i) : 0;
                if (!(fabs(numeric - exact) <= 1e-6 * fmax(1, fabs(exact))))
                    CHECK_FAIL("%s (case %d): derivative %d by operand %d, element %zu: %.10g, by differences %.10g",
                               name, (int)(c - cases), order, k, i, exact, numeric);
            }
        }
        eval_free(&e);
        g = NULL;
    }
    cn__unref(g);
    case_free(&data);
}

TEST(every_op_has_a_case)
{
    for (int op = CN__OP_NONE + 1; op < CN__OPS; op++) {
        bool found = false;
        for (int k = 0; k < CASES; k++) found |= cases[k].op == (cn__op)op;
        if (!found) CHECK_FAIL("%s has no case in cases.h", cn__ops[op].name);
    }
}

TEST(first_derivatives)
{
    ctx = cn_open(.threads = 1);
    for (int k = 0; k < CASES; k++)
        if (cases[k].order > 0) check(&cases[k], 1);
    cn_close(ctx);
}

TEST(second_derivatives)
{
    ctx = cn_open(.threads = 1);
    for (int k = 0; k < CASES; k++)
        if (cases[k].order > 1) check(&cases[k], 2);
    cn_close(ctx);
}

TEST(zero_or_none)
{
    ctx = cn_open(.threads = 1);
    for (int k = 0; k < CASES; k++) {
        const op_case *c = &cases[k];
        if (c->order > 0 || !c->nin) continue;
        case_data data = case_make(c, CN_FLOAT64);
        cn_graph *g = cn__graph_new(ctx);
        cn__val x[8], d[8];
        case_inputs(g, &data, x);
        cn__val y = c->build(g, x);
        CHECK(y);
        if (cn__is_float((cn_dtype)cn__type_of(g, y)->dtype)) {
            bool ok = cn__gradient(g, y, 0, c->nin, x, d);
            if (c->order == 0) CHECK(ok && !d[0]);
            else {
                CHECK(!ok);
                CHECK_STR(g->error.text, "has no gradient");
                CHECK_STR(g->error.text, cn__ops[c->op].name);
            }
        }
        cn__unref(g);
        case_free(&data);
    }
    cn_close(ctx);
}

TEST(several_uses_add)
{
    ctx = cn_open(.threads = 1);
    cn_graph *g = cn__graph_new(ctx);
    cn__type t = { .dtype = CN_FLOAT64 };
    /* x^4 + x^3 */
    cn__val x = cn__input(g, &t, "x"), u = cn__mul(g, x, x), y = cn__mul(g, u, cn__add(g, u, x)), d[2];
    CHECK(cn__gradient(g, y, 0, 2, (const cn__val[]){ x, u }, d));
    cn__root(g, d[0]), cn__root(g, d[1]);
    double v = 1.5;
    eval e = eval_run(g, (const void *const[]){ &v });
    CHECK_NEAR(eval_at(&e, 0, 0), 4 * v * v * v + 3 * v * v, 1e-12);
    CHECK_NEAR(eval_at(&e, 1, 0), 2 * v * v + v, 1e-12);         /* by u, with x held */
    eval_free(&e);
    cn_close(ctx);
}

TEST(what_does_not_depend_has_none)
{
    ctx = cn_open(.threads = 1);
    cn_graph *g = cn__graph_new(ctx);
    cn__type t = { .dtype = CN_FLOAT32 };
    cn__val x = cn__input(g, &t, "x"), z = cn__input(g, &t, "z"), d[2];
    CHECK(cn__gradient(g, cn__b1(g, CN__OP_EXP, x), 0, 2, (const cn__val[]){ x, z }, d));
    CHECK(d[0] && !d[1]);
    CHECK(!cn__gradient(g, cn__cast(g, x, CN_INT32), 0, 1, &x, d));
    CHECK_STR(g->error.text, "not of a floating type");
    cn__unref(g);
    cn_close(ctx);
}

/* Ties: half of the gradient each, whatever their order. */
TEST(ties_are_shared)
{
    ctx = cn_open(.threads = 1);
    cn_graph *g = cn__graph_new(ctx);
    cn__type t = { .dtype = CN_FLOAT64 };
    cn__val x = cn__input(g, &t, "x"), z = cn__input(g, &t, "z"), d[2];
    cn__gradient(g, cn__b2(g, CN__OP_MAX, z, x), 0, 2, (const cn__val[]){ x, z }, d);
    cn__root(g, d[0]), cn__root(g, d[1]);
    double one = 1;
    eval e = eval_run(g, (const void *const[]){ &one, &one });
    CHECK_NEAR(eval_at(&e, 0, 0), 0.5, 0);
    CHECK_NEAR(eval_at(&e, 1, 0), 0.5, 0);
    eval_free(&e);
    cn_close(ctx);
}

CHECK_MAIN
