/* shapes.c: shapes of size 0, 1 and odd, ranks 0 to 8: each op's rule, kernel, gradient and decomposition agree on
   them. */
#include "cases.h"

static cn_ctx *ctx;
typedef struct dims { int rank; int64_t dim[CN_MAX_RANK]; } dims;
static const dims grid[] = {
    { 0, { 0 } }, { 1, { 0 } }, { 1, { 1 } }, { 1, { 7 } }, { 2, { 3, 5 } }, { 2, { 1, 7 } }, { 2, { 0, 4 } },
        { 3, { 2, 0, 3 } },
    { 3, { 2, 3, 1 } }, { 8, { 1, 2, 1, 1, 3, 1, 1, 2 } },
};
enum { GRID = sizeof grid / sizeof *grid };

/* Roots are y and its gradients; runs it all on ones (twos where the op wants room) and looks at the types. */
static void run(cn_graph *g, cn__op op, cn__val y, int n, const cn__val *x)
{
    const char *name = cn__ops[op].name;
    cn__val  d[8] = { 0 };
    cn__error why = { 0 };
    void    *data[8];
    if (!y) {
        CHECK_FAIL("%s: %s", name, g->error.text);
        return;
    }
    cn__root(g, y);
    if (cn__is_float((cn_dtype)cn__type_of(g, y)->dtype) &&
        !cn__gradient(g, y, 0, n, x, d)) CHECK_FAIL("gradient of %s: %s", name, g->error.text);
    for (int k = 0; k < n; k++)
        if (d[k]) CHECK(cn__type_equal(cn__type_of(g, d[k]), cn__type_of(g, x[k]))), cn__root(g, d[k]);
    if (!cn__verify(g, &why)) CHECK_FAIL("%s: %s", name, why.text);
    cn__type wanted = *cn__type_of(g, y);
    for (int k = 0; k < n; k++) {
        const cn__type *t = cn__type_of(g, x[k]);
        data[k] = malloc(cn__type_bytes(t) + 1);
        for (int64_t i = 0; i < cn__type_count(t); i++) cn__store((cn_dtype)t->dtype, data[k], (size_t)i, 0.5);
    }
    cn__ref(g);
    eval e = eval_run(g, (const void *const *)data);
    CHECK(e.g);
    if (e.g) CHECK(cn__type_equal(eval_type(&e, 0), &wanted));   /* the decomposition keeps to the shape rule */
    eval_free(&e);
    for (int k = 0; k < n; k++) free(data[k]);
}

static cn__val input(cn_graph *g, const dims *s)
{
    cn__type t = cn__type_make(CN_FLOAT32, s->rank, s->dim);
    return cn__input(g, &t, NULL);
}

TEST(element_wise)
{
    ctx = cn_open(.threads = 1);
    for (int op = CN__OP_NONE + 1; op < CN__OPS; op++) {
        const cn__op_info *info = &cn__ops[op];
        if (!(info->flags & CN__F_ELEMENTWISE) || info->attr_size) continue;
        for (int a = 0; a < GRID; a++)
            for (int b = 0; b < GRID; b++) {
                cn_graph *g = cn__graph_new(ctx);
                cn__type all = { .dtype = CN_FLOAT32 };
                cn__val  x[3] = { input(g, &grid[a]), input(g, &grid[b]), 0 };
                x[2] = x[0];
                bool fits = cn__broadcast_shapes(cn__type_of(g, x[0]), cn__type_of(g, x[1]), &all);
                cn__val y = cn__emit(g, (cn__op)op, NULL, 0, info->min_in, x, 1, NULL);
                if (info->min_in == 1 || fits) run(g, (cn__op)op, y, info->min_in == 1 ? 1 : 2, x);
                else CHECK(!y), CHECK(strstr(g->error.text, "do not broadcast"));
                cn__unref(g);
                if (info->min_in == 1) break;
            }
    }
    cn_close(ctx);
}

TEST(reductions)
{
    static const cn__op ops[] = { CN__OP_SUM, CN__OP_PROD, CN__OP_REDUCE_MAX, CN__OP_REDUCE_MIN, CN__OP_ANY, CN__OP_ALL,
                                  CN__OP_MEAN, CN__OP_LOGSUMEXP };
    ctx = cn_open(.threads = 1);
    for (size_t o = 0; o < sizeof ops / sizeof *ops; o++)
        for (int s = 0; s < GRID; s++)
            for (uint32_t axes = 0; axes < 1u << grid[s].rank; axes += 1 + axes / 8)
                for (int keep = 0; keep < 2; keep++) {
                    cn_graph *g = cn__graph_new(ctx);
                    cn__val x = input(g, &grid[s]), y = cn__reduce(g, ops[o], x, axes, keep);
                    cn__type t = cn__reduced(cn__type_of(g, x), axes, keep);
                    if (y) CHECK(cn__same_shape(cn__type_of(g, y), &t));
                    run(g, ops[o], y, 1, &x);
                    cn__unref(g);
                }
    cn_close(ctx);
}

TEST(along_an_axis)
{
    ctx = cn_open(.threads = 1);
    for (int s = 1; s < GRID; s++)
        for (int axis = 0; axis < grid[s].rank; axis++)
            for (int which = 0; which < 8; which++) {
                static const cn__op op[] = { CN__OP_SOFTMAX, CN__OP_LOG_SOFTMAX, CN__OP_CUMSUM, CN__OP_SORT,
                                             CN__OP_REVERSE, CN__OP_CONCAT,
                                             CN__OP_SLICE, CN__OP_ARGMAX };
                cn_graph *g = cn__graph_new(ctx);
                cn__val x = input(g, &grid[s]), y = 0;
                switch (op[which]) {
                case CN__OP_SOFTMAX:     y = cn__softmax(g, x, axis); break;
                case CN__OP_LOG_SOFTMAX: y = cn__log_softmax(g, x, axis - grid[s].rank); break;
                case CN__OP_CUMSUM:      y = cn__cumsum(g, x, axis, false, true); break;
                case CN__OP_SORT:        y = cn__sort(g, x, axis, false, NULL); break;
                case CN__OP_REVERSE:     y = cn__reverse(g, x, 1u << axis); break;
                case CN__OP_CONCAT:      y = cn__concat(g, axis, 3,
                                                        (const cn__val[]){ x, cn__b1(g, CN__OP_EXP, x), x }); break;
                case CN__OP_SLICE:       y = cn__slice_axis(g, x, axis, 0, grid[s].dim[axis] / 2); break;
                default:
                    y = grid[s].dim[axis] ? cn__argmax(g, x, axis) : x;
                }
                run(g, op[which], y, 1, &x);
                cn__unref(g);
            }
    cn_close(ctx);
}

TEST(products)
{
    static const int64_t sizes[] = { 0, 1, 3 };
    ctx = cn_open(.threads = 1);
    for (int k = 0; k < 81; k++) {
        int64_t b = sizes[k % 3], m = sizes[k / 3 % 3], n = sizes[k / 9 % 3], p = sizes[k / 27];
        cn_graph *g = cn__graph_new(ctx);
        cn__val x[3] = { input(g, &(dims){ 3, { b, m, n } }), input(g, &(dims){ 2, { n, p } }) };
        run(g, CN__OP_MATMUL, cn__matmul(g, x[0], x[1], false, false), 2, x);
        cn__unref(g);
        g = cn__graph_new(ctx);
        x[0] = input(g, &(dims){ 3, { b, m, n } }), x[1] = input(g, &(dims){ 2, { n, p } });
        x[2] = k % 2 ? input(g, &(dims){ 1, { p } }) : 0;
        run(g, CN__OP_DENSE, cn__dense(g, x[0], x[1], x[2], CN__ACT_TANH), 2 + k % 2, x);
        cn__unref(g);
        g = cn__graph_new(ctx);
        x[0] = input(g, &(dims){ 3, { b, n, m } }), x[1] = input(g, &(dims){ 3, { 1, p, n } });
        run(g, CN__OP_MATMUL, cn__matmul(g, x[0], x[1], true, true), 2, x);
        cn__unref(g);
    }
    cn_close(ctx);
}

CHECK_MAIN
