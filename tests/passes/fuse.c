/* fuse.c: what becomes a chain, what stays as it is, and that a chain is its ops. */
#include "../ops/eval.h"
#include "passes/passes.h"
#include "backends/backend.h"

static const char *runs_all(const cn_graph *g, const cn__inst *i) { return (void)g, (void)i, NULL; }
static const cn__backend fusing = { .name = "fusing", .supports = runs_all, .fuses = true };

static cn_ctx *ctx;
static cn_graph *begin(void)
{
    ctx = cn_open(.threads = 1);
    return cn__graph_new(ctx);
}

static cn__val input(cn_graph *g, int rank, const int64_t *dim)
{
    cn__type t = cn__type_make(CN_FLOAT32, rank, dim);
    return cn__input(g, &t, NULL);
}

static int count(const cn_graph *g, cn__op op)
{
    int n = 0;
    for (size_t k = 1; k < g->insts.n; k++) n += g->insts.at[k].op == op;
    return n;
}

static const cn__a_fused *program_of(const cn_graph *g, cn__op op)
{
    for (size_t k = 1; k < g->insts.n; k++)
        if (g->insts.at[k].op == op) return g->insts.at[k].attr;
    return NULL;
}

/* The fused graph, sound, and of the same bits as g when its chains are expanded again. Takes over g. */
static cn_graph *fused(cn_graph *g)
{
    cn__error why;
    CHECK(cn__graph_compact(g));
    cn_graph *f = cn__fuse(g, &fusing);
    if (!f) CHECK_FAIL("fuse: %s", cn_error_message(ctx));
    if (f && !cn__verify(f, &why)) CHECK_FAIL("fused: %s", why.text);
    if (!f) return g;
    float *data[8] = { 0 };
    for (size_t k = 0; k < g->inputs.n; k++) {
        int64_t n = cn__type_count(cn__type_of(g, g->inputs.at[k]));
        data[k] = malloc((size_t)n * sizeof(float) + 1);
        for (int64_t i = 0; i < n; i++) data[k][i] = (float)((i * 7 + (int64_t)k * 3) % 11) * 0.37f - 1.5f;
    }
    cn__ref(f);
    eval a = eval_run(g, (const void *const *)data), b = eval_run(f, (const void *const *)data);
    if (!b.g) CHECK_FAIL("expanded again: %s", cn_error_message(ctx));
    for (size_t r = 0; a.g && b.g && r < a.g->roots.n; r++) {
        const cn__type *t = eval_type(&a, r);
        CHECK(cn__type_equal(t, eval_type(&b, r)));
        if (memcmp(a.at[a.g->roots.at[r]], b.at[b.g->roots.at[r]], cn__type_bytes(t)))
            CHECK_FAIL("root %zu differs", r);
    }
    eval_free(&a), eval_free(&b);
    for (size_t k = 0; k < CN__COUNT(data); k++) free(data[k]);
    return f;
}

static void end(cn_graph *g)
{
    cn__unref(g);
    cn_close(ctx);
}

static void printed(const cn_graph *g, const char *wanted)
{
    cn__text t = { .ctx = ctx };
    cn__print(g, CN__PRINT_TEXT, &t);
    if (strcmp(cn__text_get(&t), wanted)) CHECK_FAIL("printed\n%s", cn__text_get(&t));
    cn__text_free(&t);
}

TEST(a_chain)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(3, 5)), b = input(g, DIMS(5)), s = input(g, DIMS(3, 1));
    cn__root(g, cn__b1(g, CN__OP_TANH, cn__mul(g, cn__affine(g, cn__add(g, x, b), 0.5, 1), s)));
    g = fused(g);
    printed(g, "  %1 = input 0 \"\": float32[3,5]\n"
               "  %2 = input 1 \"\": float32[5]\n"
               "  %3 = input 2 \"\": float32[3,1]\n"
               "  %4 = fused(%1, %2, %3) {3x5: r0=add r0=multiply r0=add r0=multiply r0=tanh}: float32[3,5]\n"
               "  output %4\n");
    const cn__a_fused *a = program_of(g, CN__OP_FUSED);
    CHECK(a && a->cls[0] == CN__TILE_FULL && a->cls[1] == CN__TILE_ROW && a->cls[2] == CN__TILE_COL && a->nreg == 3);
    end(g);
}

TEST(behind_a_product)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(4, 3)), w = input(g, DIMS(3, 6)), b = input(g, DIMS(6));
    cn__val z = cn__add(g, cn__matmul(g, x, w, false, false), b), y = cn__b1(g, CN__OP_RELU, z);
    cn__root(g, y);
    cn__root(g, cn__matmul(g, y, w, false, true));
    g = fused(g);
    printed(g, "  %1 = input 0 \"\": float32[4,3]\n"
               "  %2 = input 1 \"\": float32[3,6]\n"
               "  %3 = input 2 \"\": float32[6]\n"
               "  %4 = product(%1, %2, %3) {4x6: r0=add r0=relu}: float32[4,6]\n"
               "  %5 = matmul(%4, %2) {ta=0 tb=1}: float32[4,3]\n"
               "  output %4\n"
               "  output %5\n");
    end(g);
}

TEST(what_others_read_is_stored)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(4, 3)), w = input(g, DIMS(3, 6)), b = input(g, DIMS(6));
    cn__val m = cn__matmul(g, x, w, false, false), z = cn__add(g, m, b);
    cn__root(g, cn__mul(g, z, cn__b1(g, CN__OP_SIGMOID, z)));
    cn__root(g, cn__reduce_all(g, CN__OP_SUM, z));
    cn__root(g, m);
    g = fused(g);
    const cn__a_fused *a = program_of(g, CN__OP_PRODUCT);
    CHECK_INT(count(g, CN__OP_PRODUCT), 1);
    CHECK_INT(count(g, CN__OP_MATMUL), 0);
    CHECK(a && a->nout == 3 && a->store[0] == 0);        /* the product itself comes first */
    end(g);
}

/* z = f(x); y = sum z; z * y: the sum stands between, so the first chain ends before it. */
TEST(no_cycle)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(4, 3));
    cn__val z = cn__b1(g, CN__OP_EXP, cn__scale(g, x, 0.5));
    cn__root(g, cn__b1(g, CN__OP_SQRT, cn__div(g, z, cn__reduce(g, CN__OP_SUM, z, 2, true))));
    g = fused(g);
    CHECK_INT(count(g, CN__OP_FUSED), 2);
    CHECK_INT(count(g, CN__OP_SUM), 1);
    end(g);
}

TEST(an_operand_of_the_product_is_no_member)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(3, 3)), a = cn__b1(g, CN__OP_EXP, cn__b1(g, CN__OP_NEG, x));
    cn__root(g, cn__b1(g, CN__OP_TANH, cn__add(g, a, cn__matmul(g, a, x, false, false))));
    g = fused(g);
    CHECK_INT(count(g, CN__OP_PRODUCT), 1);
    CHECK_INT(count(g, CN__OP_FUSED), 1);
    end(g);
}

TEST(flags)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(4, 3)), d = input(g, DIMS(4, 3)), zero = cn__scalar(g, CN_FLOAT32, 0);
    cn__val c = cn__b2(g, CN__OP_GT, x, zero);
    cn__root(g, cn__where(g, cn__b1(g, CN__OP_NOT, c), d, zero));
    cn__root(g, cn__mul(g, d, cn__cast(g, cn__b1(g, CN__OP_IS_NAN, x), CN_FLOAT32)));
    g = fused(g);
    CHECK_INT(count(g, CN__OP_FUSED), 1);                /* both read x and d: one chain with two results */
    CHECK_INT(count(g, CN__OP_WHERE) + count(g, CN__OP_CAST) + count(g, CN__OP_GT), 0);
    end(g);
}

/* A flag that is an output, or read by two chains, lies in memory: its readers stay alone. */
TEST(flags_in_memory)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(4, 3)), y = input(g, DIMS(4, 3)), zero = cn__scalar(g, CN_FLOAT32, 0);
    cn__val c = cn__b2(g, CN__OP_GT, x, zero), e = cn__b2(g, CN__OP_LT, y, x);
    cn__root(g, cn__scale(g, cn__where(g, c, y, zero), 2));
    cn__root(g, c);
    cn__root(g, cn__b1(g, CN__OP_EXP, cn__scale(g, cn__where(g, e, y, zero), 3)));
    cn__root(g, cn__reduce_all(g, CN__OP_SUM, cn__where(g, e, x, y)));
    g = fused(g);
    CHECK_INT(count(g, CN__OP_WHERE), 3);
    CHECK_INT(count(g, CN__OP_FUSED), 1);
    end(g);
}

TEST(what_is_not_float32_stays)
{
    cn_graph *g = begin();
    cn__type t = cn__type_make(CN_FLOAT64, DIMS(4, 3)), m = cn__type_make(CN_UINT8, DIMS(4, 3));
    cn__val x = cn__input(g, &t, NULL), u = cn__input(g, &m, NULL);
    cn__root(g, cn__b1(g, CN__OP_EXP, cn__scale(g, x, 2)));
    cn__root(g, cn__cast(g, u, CN_FLOAT32));
    cn__graph_compact(g);
    cn_graph *f = cn__fuse(g, &fusing);
    CHECK_INT(f->insts.n, g->insts.n);
    CHECK_INT(count(f, CN__OP_FUSED), 0);
    cn__unref(g);
    end(f);
}

TEST(other_shapes_and_broadcasts_in_the_middle)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(2, 3, 4)), a = input(g, DIMS(2, 1, 4)), b = input(g, DIMS(3, 4)), c = input(g, DIMS(4));
    cn__val y = cn__add(g, cn__add(g, x, a), b);         /* neither operand lies along rows or columns */
    cn__root(g, cn__b1(g, CN__OP_EXP, cn__add(g, y, cn__b1(g, CN__OP_SQUARE, c))));
    g = fused(g);
    const cn__a_fused *p = program_of(g, CN__OP_FUSED);
    CHECK_INT(count(g, CN__OP_ADD), 2);
    CHECK_INT(count(g, CN__OP_SQUARE), 1);               /* of 4 numbers: it would be done over and over */
    CHECK(p && p->rows == 6 && p->cols == 4 && p->ninst == 2);
    end(g);
}

TEST(nothing_of_the_result_s_shape)
{
    cn_graph *g = begin();
    cn__val a = input(g, DIMS(2, 3, 1)), b = input(g, DIMS(4)), one = input(g, 0, NULL);
    cn__root(g, cn__b1(g, CN__OP_TANH, cn__add(g, a, b)));
    cn__root(g, cn__b1(g, CN__OP_EXP, cn__scale(g, one, 2)));
    g = fused(g);
    CHECK_INT(count(g, CN__OP_FUSED), 2);
    end(g);
}

/* The loss and its gradient: both from the same difference, with a sum in between that neither waits for. */
TEST(chains_that_share_are_one)
{
    cn_graph *g = begin();
    cn__val p = input(g, DIMS(4, 3)), y = input(g, DIMS(4, 3)), d = cn__sub(g, p, y);
    cn__root(g, cn__reduce_all(g, CN__OP_SUM, cn__b1(g, CN__OP_SQUARE, d)));
    cn__root(g, cn__scale(g, cn__scale(g, d, 2), 0.25));
    cn__root(g, cn__b1(g, CN__OP_EXP, cn__scale(g, y, 3)));
    cn__val other = input(g, DIMS(4, 3));                /* shares nothing */
    cn__root(g, cn__b1(g, CN__OP_EXP, cn__scale(g, other, 3)));
    g = fused(g);
    printed(g, "  %1 = input 0 \"\": float32[4,3]\n"
               "  %2 = input 1 \"\": float32[4,3]\n"
               "  %3 = input 2 \"\": float32[4,3]\n"
               "  %4, %5, %6 = fused(%1, %2) {4x3: r0=subtract r2=square r0=multiply r0=multiply r1=multiply r1=exp}: "
               "float32[4,3], float32[4,3], float32[4,3]\n"
               "  %7 = sum(%4) {axes=[0,1]}: float32[]\n"
               "  %8 = fused(%3) {4x3: r0=multiply r0=exp}: float32[4,3]\n"
               "  output %7\n"
               "  output %5\n"
               "  output %6\n"
               "  output %8\n");
    end(g);
}

TEST(too_many_operands_make_two_chains)
{
    cn_graph *g = begin();
    cn__val y = input(g, DIMS(2, 2));
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(2, 2));
    for (int k = 0; k < 24; k++) {
        float one[4] = { (float)k, 1, 2, (float)-k };
        y = cn__add(g, y, cn__b1(g, CN__OP_SQUARE, cn__constant(g, &t, one)));
        y = cn__mul(g, y, cn__constant(g, &t, one));
    }
    cn__root(g, y);
    g = fused(g);
    CHECK(count(g, CN__OP_FUSED) >= 2);
    for (size_t k = 1; k < g->insts.n; k++) CHECK(g->insts.at[k].nin <= CN__TILE_REGS);
    end(g);
}

TEST(long_chains_reuse_registers)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(3, 2)), y = x;
    for (int k = 0; k < 40; k++) y = cn__mul(g, cn__b1(g, CN__OP_TANH, y), k % 3 ? x : y);
    cn__root(g, y);
    g = fused(g);
    int all = 0;
    for (size_t k = 1; k < g->insts.n; k++) {
        const cn__a_fused *p = g->insts.at[k].attr;
        CHECK(p->nreg <= 4 && p->ninst <= 64);
        all += p->ninst;
    }
    CHECK_INT(all, 80);
    end(g);
}

TEST(two_numbers_in_one_instruction)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(3, 2)), one = cn__scalar(g, CN_FLOAT32, 1), two = cn__scalar(g, CN_FLOAT32, 2);
    cn__root(g, cn__where(g, cn__b2(g, CN__OP_LT, x, one), one, two));
    cn__root(g, cn__where(g, cn__b2(g, CN__OP_LT, x, two), two, two));
    g = fused(g);
    CHECK_INT(count(g, CN__OP_FUSED), 1);
    end(g);
}

TEST(a_training_step_of_a_dense_layer)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(8, 3)), w = input(g, DIMS(3, 5)), b = input(g, DIMS(5)), w2 = input(g, DIMS(5, 2)), d[4];
    cn__val h = cn__b1(g, CN__OP_RELU, cn__add(g, cn__matmul(g, x, w, false, false), b));
    cn__val loss = cn__reduce_all(g, CN__OP_SUM, cn__b1(g, CN__OP_SQUARE, cn__matmul(g, h, w2, false, false)));
    cn__gradient(g, loss, 0, 4, (const cn__val[]){ w, b, w2, x }, d);
    cn__root(g, loss);
    for (int k = 0; k < 4; k++) cn__root(g, d[k]);
    g = fused(g);
    CHECK(count(g, CN__OP_PRODUCT) >= 3);                /* x W + b with relu, h W2 squared, dh with relu's mask */
    CHECK_INT(count(g, CN__OP_WHERE) + count(g, CN__OP_GT) + count(g, CN__OP_RELU), 0);
    end(g);
}

CHECK_MAIN
