/* graph.c: values, interning, folding, identities, variables, dead code. */
#include "../ops/eval.h"

static cn_ctx *ctx;
static cn_graph *fresh(void)
{
    if (!ctx) ctx = cn_open(.threads = 1);
    return cn__graph_new(ctx);
}

static cn__val input(cn_graph *g, int rank, const int64_t *dim)
{
    cn__type t = cn__type_make(CN_FLOAT32, rank, dim);
    return cn__input(g, &t, "x");
}

TEST(equal_instructions_are_one)
{
    cn_graph *g = fresh();
    cn__val x = input(g, DIMS(2, 3)), y = input(g, DIMS(2, 3));
    CHECK_INT(cn__add(g, x, y), cn__add(g, x, y));
    CHECK_INT(cn__add(g, x, y), cn__add(g, y, x));       /* it commutes */
    CHECK(cn__sub(g, x, y) != cn__sub(g, y, x));
    CHECK(cn__reduce(g, CN__OP_SUM, x, 1, false) != cn__reduce(g, CN__OP_SUM, x, 2, false));
    CHECK_INT(cn__reduce(g, CN__OP_SUM, x, 3, true), cn__reduce(g, CN__OP_SUM, x, 3, true));
    CHECK_INT(cn__scalar(g, CN_FLOAT32, 2), cn__scalar(g, CN_FLOAT32, 2));
    CHECK(cn__scalar(g, CN_FLOAT32, 2) != cn__scalar(g, CN_FLOAT64, 2));
    CHECK(cn__scalar(g, CN_FLOAT32, 0) != cn__scalar(g, CN_FLOAT32, -0.0));
    cn__unref(g);
}

TEST(many_instructions)
{
    cn_graph *g = fresh();
    cn__val x = input(g, DIMS(2)), v = x, w = x;
    const cn__type *t = cn__type_of(g, x);               /* stays good while the lists grow */
    for (int k = 0; k < 5000; k++) v = cn__affine(g, v, 1, k + 1);
    for (int k = 0; k < 5000; k++) w = cn__affine(g, w, 1, k + 1);
    CHECK_INT(v, w);
    CHECK_INT(t->dim[0], 2);
    CHECK_INT(g->insts.n, 5001);
    cn__error why;
    CHECK(cn__verify(g, &why));
    cn__unref(g);
}

TEST(random_ops)
{
    cn_graph *g = fresh();
    cn__type t = cn__type_make(CN_INT64, DIMS(2));
    cn__val s = cn__input(g, &t, "state");
    cn__val a = cn__random(g, CN__OP_RANDOM_NORMAL, s, 1, CN_FLOAT32, DIMS(4), 0, 1);
    CHECK_INT(a, cn__random(g, CN__OP_RANDOM_NORMAL, s, 1, CN_FLOAT32, DIMS(4), 0, 1));
    CHECK(a != cn__random(g, CN__OP_RANDOM_NORMAL, s, 2, CN_FLOAT32, DIMS(4), 0, 1));
    cn__type rows = cn__type_make(CN_FLOAT32, DIMS(4, 3));
    CHECK(cn__feed_batch(g, 0, &rows) != cn__feed_batch(g, 0, &rows));      /* never merged */
    cn__unref(g);
}

TEST(constants_fold)
{
    cn_graph *g = fresh();
    double value;
    cn__val a = eval_const(g, CN_FLOAT32, DIMS(3), (const double[]){ 1, 2, 3 });
    cn__val s = cn__reduce_all(g, CN__OP_SUM, cn__b1(g, CN__OP_SQUARE, a));
    CHECK(cn__is_scalar_const(g, s, &value));
    CHECK_NEAR(value, 14, 0);
    CHECK_INT(g->insts.n, 1);
    cn__val m = cn__reduce_all(g, CN__OP_MEAN, a);       /* a composite */
    CHECK(cn__is_scalar_const(g, m, &value));
    CHECK_NEAR(value, 2, 0);
    cn__val f = cn__fill(g, CN_FLOAT32, DIMS(3), 5);     /* repeated: stays small, but folds with others */
    CHECK(!cn__const_of(g, f));
    CHECK(cn__is_scalar_const(g, f, &value) && value == 5);
    CHECK(cn__const_of(g, cn__add(g, a, f)));
    cn__val big = cn__fill(g, CN_FLOAT32, DIMS(1 << 20), 5);
    CHECK(!cn__const_of(g, cn__b1(g, CN__OP_EXP, big)));
    CHECK(cn__graph_ok(g));
    cn__val bad = cn__gather(g, a, cn__scalar(g, CN_INT32, 3), 0);
    CHECK_INT(bad, 0);
    CHECK_STR(g->error.text, "out of range");
    cn__unref(g);
}

TEST(identities)
{
    cn_graph *g = fresh();
    cn__val x = input(g, DIMS(2, 3));
    const int32_t same[] = { 0, 1 }, turned[] = { 1, 0 };
    CHECK_INT(cn__reshape(g, x, DIMS(2, 3)), x);
    CHECK_INT(cn__reshape(g, cn__reshape(g, x, DIMS(6)), DIMS(2, 3)), x);
    CHECK_INT(cn__transpose(g, x, same), x);
    CHECK_INT(cn__transpose(g, cn__transpose(g, x, turned), turned), x);
    CHECK_INT(cn__cast(g, x, CN_FLOAT32), x);
    CHECK_INT(cn__mul(g, x, cn__scalar(g, CN_FLOAT32, 1)), x);
    CHECK_INT(cn__mul(g, cn__fill(g, CN_FLOAT32, DIMS(2, 3), 1), x), x);
    CHECK_INT(cn__sub(g, x, cn__scalar(g, CN_FLOAT32, 0)), x);
    CHECK(cn__add(g, x, cn__scalar(g, CN_FLOAT32, 0)) != x);      /* -0 + 0 is 0 */
    CHECK(cn__sub(g, x, cn__scalar(g, CN_FLOAT32, -0.0)) != x);
    CHECK(cn__mul(g, x, cn__fill(g, CN_FLOAT32, DIMS(4, 2, 3), 1)) != x);
    CHECK_INT(cn__concat(g, 0, 1, &x), x);
    CHECK_INT(cn__slice(g, x, (const int64_t[]){ 0, 0 }, NULL, (const int64_t[]){ 2, 3 }), x);
    CHECK(cn__slice(g, x, (const int64_t[]){ 1, 0 }, (const int64_t[]){ -1, 1 }, (const int64_t[]){ 2, 3 }) != x);
    CHECK_INT(cn__reduce(g, CN__OP_SUM, x, 0, false), x);
    cn__val wide = cn__broadcast(g, cn__reduce_all(g, CN__OP_SUM, x), DIMS(2, 3)), y = cn__mul(g, x, wide);
    CHECK(cn__in(g, cn__inst_of(g, y))[1] != wide);      /* reads what was repeated */
    CHECK_INT(cn__type_of(g, y)->rank, 2);
    cn__unref(g);
}

TEST(variables_are_threaded)
{
    cn_graph *g = fresh();
    cn__arena names = { .ctx = ctx };
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(2));
    cn__var *v = cn__var_new(ctx, &names, "v", &t, CN__STAT, CN__SCOPE_MODEL, false);
    cn__val  was = cn__variable(g, v), next = cn__affine(g, was, 0.5, 0);
    CHECK_INT(cn__variable(g, v), was);
    cn__assign_var(g, v, next, 0);
    CHECK_INT(cn__variable(g, v), next);                 /* the second reader sees the first one's value */
    cn__val last = cn__affine(g, cn__variable(g, v), 0.5, 0);
    cn__assign_var(g, v, last, 0);
    CHECK_INT(g->assigns.n, 1);                          /* only the last is committed */
    CHECK_INT(g->assigns.at[0].val, last);
    cn__val guard = cn__input(g, &(cn__type){ .dtype = CN_INT32 }, "guard");
    cn__assign_var(g, v, was, guard);
    CHECK_INT(g->assigns.n, 2);
    CHECK(cn__inst_of(g, cn__variable(g, v))->op == CN__OP_WHERE);
    cn__error why;
    CHECK(cn__verify(g, &why));
    cn__assign_var(g, v, cn__scalar(g, CN_FLOAT32, 1), 0);
    CHECK_STR(g->error.text, "variable \"v\" is float32[2] and cannot become float32[]");
    cn__unref(g);
    cn__var_free(v);
    cn__arena_free(&names);
}

TEST(what_nobody_reaches_is_dropped)
{
    cn_graph *g = fresh();
    cn__val x = input(g, DIMS(4)), y = input(g, DIMS(4)), used = cn__b1(g, CN__OP_EXP, x);
    cn__b1(g, CN__OP_LOG, used);
    cn__b1(g, CN__OP_SIN, y);
    cn__val sorted = cn__sort(g, used, 0, false, NULL);
    cn__root(g, sorted);
    cn__rewrite r;
    CHECK(cn__rewrite_begin(&r, g));
    for (size_t k = 1; k < g->insts.n; k++) CHECK(cn__rewrite_inst(&r, &g->insts.at[k]));
    cn_graph *h = cn__rewrite_end(&r);
    CHECK_INT(h->insts.n, 3);
    CHECK_INT(h->inputs.n, 2);                           /* inputs stay, in their order */
    CHECK_INT(h->roots.n, 1);
    cn__error why = { 0 };
    CHECK(cn__verify(h, &why));
    /* still merged after it */
    CHECK_INT(cn__b1(h, CN__OP_EXP, h->inputs.at[0]), cn__inst_of(h, h->roots.at[0])[-1].out);
    cn__unref(h);
    cn__unref(g);
}

TEST(many_operands)
{
    enum { MANY = 300 };
    cn_graph *g = fresh();
    cn__val x[MANY], d[MANY];
    for (int k = 0; k < MANY; k++) x[k] = input(g, DIMS(k % 3, 2));
    cn__val y = cn__concat(g, 0, MANY, x);
    CHECK(cn__gradient(g, y, 0, MANY, x, d));
    for (int k = 0; k < MANY; k++) CHECK(cn__type_equal(cn__type_of(g, d[k]), cn__type_of(g, x[k])));
    cn__root(g, y);
    cn__rewrite r;
    CHECK(cn__rewrite_begin(&r, g));
    for (size_t k = 1; k < g->insts.n; k++) CHECK(cn__rewrite_inst(&r, &g->insts.at[k]));
    cn_graph *h = cn__rewrite_end(&r);
    cn__error why = { 0 };
    CHECK(cn__verify(h, &why));
    CHECK_INT(h->insts.n, 2);
    CHECK_INT(h->inputs.n, MANY);
    x[7] = 0;
    CHECK_INT(cn__concat(g, 0, MANY, x), 0);
    CHECK_STR(g->error.text, "concatenate: operand 7 is absent");
    cn__unref(h);
    cn__unref(g);
}

TEST(errors_stick_and_say_where)
{
    cn_graph *g = fresh();
    cn__val a = input(g, DIMS(3, 4)), b = input(g, DIMS(5, 6));
    cn__origin(g, "model/dense_1");
    CHECK_INT(cn__matmul(g, a, b, false, false), 0);
    CHECK_STR(g->error.text, "model/dense_1: matmul: float32[3,4] by float32[5,6]: inner sizes 4 and 5 differ");
    CHECK_INT(cn__add(g, a, a), 0);
    CHECK_INT(cn__graph_status(g, "here"), CN_E_SHAPE);
    CHECK_STR((cn_error_message)(ctx), "inner sizes 4 and 5 differ");
    cn_clear_error(ctx);
    cn__unref(g);
}

TEST(misuse_is_told)
{
    static const struct { const char *part; int which; } cases[] = {
        { "operand 1 is absent", 0 }, { "the element types differ", 1 }, { "do not broadcast", 2 },
            { "is defined for floating types", 3 },
        { "axis 2 of float32[2,3]", 4 }, { "6 elements do not fill float32[7]", 5 },
            { "does not divide into rows of 4", 6 },
        { "axis 0: 3 elements from 0 by 1 are not within its 2", 7 }, { "differs in more than axis 0", 8 },
            { "must be of an integer type", 9 },
        { "there is nothing along axis", 10 }, { "there are no 4 largest", 11 }, { "one label for each row of 3", 12 },
        { "label i is 2 and 3", 13 }, { "there can be 8", 14 }, { "cannot be repeated to float32[2,4]", 15 },
            { "a sum of bool", 16 },
        { "each be named once", 17 }, { "too large", 18 },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        cn_graph *g = fresh();
        cn__val x = input(g, DIMS(2, 3)), y = input(g, DIMS(3, 2)), i = cn__cast(g, x, CN_INT32),
            e = input(g, DIMS(0, 3));
        const int64_t size[] = { 3, 3 }, none[] = { 0, 0 };
        switch (cases[k].which) {
        case 0: cn__b2(g, CN__OP_ADD, x, 0); break;
        case 1: cn__add(g, x, i); break;
        case 2: cn__add(g, x, y); break;
        case 3: cn__b1(g, CN__OP_EXP, i); break;
        case 4: cn__argmax(g, x, 2); break;
        case 5: cn__reshape(g, x, DIMS(7)); break;
        case 6: cn__reshape(g, x, DIMS(4, -1)); break;
        case 7: cn__slice(g, x, none, NULL, size); break;
        case 8: cn__concat(g, 0, 2, (const cn__val[]){ x, y }); break;
        case 9: cn__gather(g, x, y, 0); break;
        case 10: cn__argmax(g, e, 0); break;
        case 11: cn__topk(g, x, 4, NULL); break;
        case 12: cn__sparse_ce(g, cn__argmax(g, y, 1), x, true); break;
        case 13: cn__einsum(g, "ij,ij->ij", 2, (const cn__val[]){ x, y }); break;
        case 14: cn__fill(g, CN_FLOAT32, 9, (const int64_t[9]){ 1 }, 0); break;
        case 15: cn__broadcast(g, x, DIMS(2, 4)); break;
        case 16: cn__reduce_all(g, CN__OP_SUM, cn__b2(g, CN__OP_GT, x, x)); break;
        case 17: cn__transpose(g, x, (const int32_t[]){ 1, 1 }); break;
        default: cn__tile(g, x, (const int64_t[]){ INT64_MAX / 4, INT64_MAX / 4 }); break;
        }
        CHECK_STR(g->error.text, cases[k].part);
        cn__unref(g);
    }
    cn_close(ctx), ctx = NULL;
}

CHECK_MAIN
