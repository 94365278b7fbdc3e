/* against_ref.c: every kernel of the processor's backend against the reference kernels: the same graph is planned and
   run on both. Products of whole numbers must be equal to the last bit, sums and functions within a few units in the
   last place. The build runs this file once for each instruction set (CN_CPU) and with tasks in other orders
   (CN_TASKS). */
#include "compare.h"

/* ---- Products ---------------------------------------------------------------------------------------------------- */
typedef struct { bool ta, tb; int behind; } product_how;
static cn__val product(cn_graph *g, const cn__val *in, const void *how)
{
    const product_how *h = how;
    cn__val y = cn__matmul(g, in[0], in[1], h->ta, h->tb);
    if (h->behind) y = cn__b1(g, CN__OP_RELU, cn__add(g, y, in[2]));
    return h->behind == 2 ? cn__add(g, cn__mul(g, y, in[3]), in[3]) : y;
}

TEST(products_of_whole_numbers_are_exact)
{
    static const int64_t size[][3] = { { 1, 1, 1 },      { 0, 5, 3 },       { 4, 0, 3 },      { 4, 5, 0 },
                                       { 1, 33, 7 },     { 2, 10, 784 },    { 13, 31, 64 },   { 14, 32, 17 },
                                       { 15, 65, 100 },  { 29, 128, 1024 }, { 128, 10, 128 }, { 100, 200, 1025 },
                                       { 130, 70, 512 }, { 257, 96, 33 },   { 1, 128, 40 },   { 1, 300, 1100 } };
    open();
    for (size_t s = 0; s < CN__COUNT(size); s++)
        for (int form = 0; form < 24; form++) {
            product_how h = { form & 1, form >> 1 & 1, form / 8 };
            int64_t m = size[s][0], n = size[s][1], k = size[s][2];
            operand o[] = { { type_of(CN_FLOAT32, 2, h.ta ? k : m, h.ta ? m : k, 0), false, -9, 9, true },
                            { type_of(CN_FLOAT32, 2, h.tb ? n : k, h.tb ? k : n, 0), form >> 2 & 1, -9, 9, true },
                            { type_of(CN_FLOAT32, 1, n, 0, 0), true, -50, 50, true },
                            { type_of(CN_FLOAT32, 2, m, n, 0), false, -3, 3, true } };
            char what[96];
            snprintf(what, sizeof what, "%lldx%lldx%lld, form %d", (long long)m, (long long)n, (long long)k, form);
            compare(what, product, &h, o, 2 + h.behind, 0, 0);
        }
    close();
}

/* ---- Element-wise ops, alone and in chains ----------------------------------------------------------------------- */
static cn__val one_op(cn_graph *g, const cn__val *in, const void *how)
{
    cn__op op = *(const cn__op *)how;
    if (op == CN__OP_CAST) return cn__cast(g, cn__b2(g, CN__OP_LT, in[0], in[1]), CN_FLOAT32);
    if (op == CN__OP_WHERE) return cn__where(g, cn__b2(g, CN__OP_GT, in[0], in[1]), in[0], in[1]);
    return cn__ops[op].min_in == 1 ? cn__b1(g, op, in[0]) : cn__b2(g, op, in[0], in[1]);
}

TEST(every_tile_function)
{
    static const cn__op ops[] = {
#define OP(id) CN__OP_##id,
        CN__TILE_OPS(OP)
#undef OP
    };
    static const int64_t rows[][2] = { { 1, 1 }, { 1, 3 },   { 1, 15 },  { 1, 16 },    { 1, 17 },
                                       { 3, 5 }, { 1, 257 }, { 7, 300 }, { 100, 1000 } };
    open();
    for (size_t k = 0; k < CN__COUNT(ops); k++)
        for (size_t s = 0; s < CN__COUNT(rows); s++) {
            if (ops[k] == CN__OP_NOT) continue;          /* of bool: in chains only */
            bool positive =
                ops[k] == CN__OP_LOG || ops[k] == CN__OP_SQRT || ops[k] == CN__OP_RSQRT || ops[k] == CN__OP_POW;
            operand o[] = { { type_of(CN_FLOAT32, 2, rows[s][0], rows[s][1], 0), false, positive ? 0.01 : -20, 20,
                              false },
                            { type_of(CN_FLOAT32, 2, rows[s][0], rows[s][1], 0), false, -3, 3, false } };
            compare(cn__ops[ops[k]].name, one_op, &ops[k], o, 2, 4, ops[k] == CN__OP_MOD ? 4 : 1e-30);
        }
    close();
}

/* gelu's shape: a long chain with operands of every class, two of its values wanted. */
static cn__val chain(cn_graph *g, const cn__val *in, const void *how)
{
    (void)how;
    cn__val z = cn__add(g, cn__mul(g, in[0], in[1]), in[2]);
    cn__val t = cn__b1(g, CN__OP_TANH, cn__affine(g, z, 0.7, 0.1));
    cn__val p = cn__where(g, cn__b2(g, CN__OP_GT, z, in[3]), t, cn__sub(g, z, in[1]));
    cn__root(g, t);
    return cn__mul(g, p, cn__b1(g, CN__OP_SIGMOID, z));
}

TEST(chains_with_operands_of_every_class)
{
    static const int64_t size[][2] = { { 1, 1 }, { 1, 40 }, { 4, 8 }, { 5, 1 }, { 33, 10 }, { 17, 257 }, { 300, 300 } };
    open();
    for (size_t s = 0; s < CN__COUNT(size); s++) {
        int64_t r = size[s][0], c = size[s][1];
        operand o[] = { { type_of(CN_FLOAT32, 2, r, c, 0), false, -3, 3, false },
                        { type_of(CN_FLOAT32, 1, c, 0, 0), true, -2, 2, false },
                        { type_of(CN_FLOAT32, 2, r, 1, 0), false, -1, 1, false },
                        { type_of(CN_FLOAT32, 0, 0, 0, 0), true, 0.2, 0.3, false } };
        compare("chain", chain, NULL, o, 4, 16, 0.1);
    }
    close();
}

/* ---- Sums, softmax, cross-entropy -------------------------------------------------------------------------------- */
static cn__val sum(cn_graph *g, const cn__val *in, const void *how)
{
    return cn__reduce(g, CN__OP_SUM, in[0], *(const uint32_t *)how, false);
}

TEST(sums_over_any_axes)
{
    static const int64_t size[][3] = { { 1, 1, 1 },   { 3, 0, 2 },    { 5, 7, 9 },
                                       { 1, 300, 1 }, { 64, 3, 100 }, { 100, 100, 10 } };
    open();
    for (size_t s = 0; s < CN__COUNT(size); s++)
        for (uint32_t axes = 1; axes < 8; axes++) {
            operand o = { type_of(CN_FLOAT32, 3, size[s][0], size[s][1], size[s][2]), false, -9, 9, true };
            compare("sum", sum, &axes, &o, 1, 0, 0);
        }
    close();
}

static cn__val mean(cn_graph *g, const cn__val *in, const void *how)
{
    return cn__reduce(g, CN__OP_MEAN, in[0], *(const uint32_t *)how, false);
}

TEST(means_of_all_and_over_some_axes)
{
    static const int64_t size[][3] = { { 1, 1, 1 }, { 5, 7, 9 }, { 4, 1, 1 }, { 0, 3, 1 }, { 700, 20, 30 } };
    open();
    for (size_t s = 0; s < CN__COUNT(size); s++)
        for (uint32_t axes = 1; axes < 8; axes++) {
            operand o = { type_of(CN_FLOAT32, 3, size[s][0], size[s][1], size[s][2]), false, -9, 9, true };
            compare("mean", mean, &axes, &o, 1, 1, 0);
        }
    close();
}

static cn__val losses(cn_graph *g, const cn__val *in, const void *how)
{
    (void)how;
    cn__val loss = cn__sparse_ce(g, in[0], in[1], true), dz = 0;
    cn__root(g, loss);
    cn__root(g, cn__softmax(g, in[1], -1));
    cn__root(g, cn__log_softmax(g, in[1], -1));
    cn__gradient(g, loss, in[2], 1, &in[1], &dz);
    return dz;
}

TEST(softmax_and_cross_entropy)
{
    static const int64_t size[][2] = { { 1, 1 }, { 1, 10 }, { 33, 10 }, { 7, 16 }, { 200, 17 }, { 64, 1000 } };
    open();
    for (size_t s = 0; s < CN__COUNT(size); s++) {
        int64_t b = size[s][0], k = size[s][1];
        operand o[] = { { type_of(CN_INT32, 1, b, 0, 0), false, 0, (double)k - 0.01, true },
                        { type_of(CN_FLOAT32, 2, b, k, 0), false, -15, 15, false },
                        { type_of(CN_FLOAT32, 1, b, 0, 0), false, 0.5, 1, false } };
        compare("cross-entropy", losses, NULL, o, 3, 8, 1);
    }
    close();
}

/* ---- Few units, updates ------------------------------------------------------------------------------------------ */
static cn__val units(cn_graph *g, const cn__val *in, const void *how)
{
    cn__val y = cn__dense(g, in[0], in[1], in[2], *(const cn__actcode *)how), d[3];
    cn__root(g, y);
    cn__gradient(g, y, in[3], 3, in, d);
    for (int k = 0; k < 3; k++) cn__root(g, d[k]);
    return 0;
}

TEST(few_units_forward_and_backward)
{
    static const int64_t size[][3] = { { 1, 1, 1 },   { 4, 2, 8 },    { 4, 8, 1 },   { 5, 3, 16 },
                                       { 6, 17, 33 }, { 64, 64, 64 }, { 65, 20, 10 }, { 32, 8, 8 }, { 7, 5, 1 },
                                       { 9, 6, 4 },   { 3, 4, 2 },    { 6, 33, 1 } };
    open();
    for (size_t s = 0; s < CN__COUNT(size); s++)
        for (cn__actcode act = CN__ACT_LINEAR; act < CN__ACTS; act++) {
            int64_t b = size[s][0], in = size[s][1], out = size[s][2];
            operand o[] = { { type_of(CN_FLOAT32, 2, b, in, 0), false, -1, 1, false },
                            { type_of(CN_FLOAT32, 2, in, out, 0), true, -1, 1, false },
                            { type_of(CN_FLOAT32, 1, out, 0, 0), true, -1, 1, false },
                            { type_of(CN_FLOAT32, 2, b, out, 0), false, -1, 1, false } };
            compare("dense", units, &act, o, 4, 64, 1);
        }
    close();
}

/* An optimizer's update: how many slots, which options. */
typedef struct { cn__op op; int slots; double momentum, weight_decay; bool option; } update_how;

static cn__val update(cn_graph *g, const cn__val *in, const void *how)
{
    const update_how *h = how;
    cn__a_adam    adam = { .beta_1 = 0.9, .beta_2 = 0.999, .epsilon = 1e-7, .weight_decay = h->weight_decay,
                           .amsgrad = h->option };
    cn__a_rmsprop rms = { .rho = 0.9, .momentum = h->momentum, .epsilon = 1e-7, .weight_decay = h->weight_decay,
                          .centered = h->option };
    cn__a_sgd     sgd = { .momentum = h->momentum, .weight_decay = h->weight_decay, .nesterov = h->option };
    const void   *attr = h->op == CN__OP_ADAM ? (void *)&adam : h->op == CN__OP_RMSPROP ? (void *)&rms : (void *)&sgd;
    size_t        size = h->op == CN__OP_ADAM ? sizeof adam : h->op == CN__OP_RMSPROP ? sizeof rms : sizeof sgd;
    cn__val out[4], all[7];
    int     n = 0;
    for (; n < h->slots; n++) all[n] = in[n];
    all[n++] = in[4];                                    /* the gradient */
    all[n++] = cn__scalar(g, CN_FLOAT32, 0.01);
    if (h->op == CN__OP_ADAM) all[n++] = cn__scalar(g, CN_INT64, 3);
    cn__emit(g, h->op, attr, size, n, all, h->slots, out);
    for (int k = 0; k < h->slots; k++) cn__assign_var(g, g->vars.at[cn__value_of(g, in[k])->ref], out[k], 0);
    return cn__matmul(g, in[5], in[0], false, false);    /* so that the weights have a mirror */
}

TEST(updates_write_weights_slots_and_mirrors)
{
    static const update_how hows[] = {
        { CN__OP_SGD, 1, 0, 0, false },      { CN__OP_SGD, 2, 0.9, 0.01, true },      { CN__OP_SGD, 2, 0.9, 0, false },
        { CN__OP_RMSPROP, 2, 0, 0, false },  { CN__OP_RMSPROP, 3, 0.9, 0.01, false }, { CN__OP_RMSPROP, 3, 0, 0, true },
        { CN__OP_RMSPROP, 4, 0.9, 0, true }, { CN__OP_ADAM, 3, 0, 0.004, false },     { CN__OP_ADAM, 4, 0, 0, true },
    };
    open();
    for (size_t h = 0; h < CN__COUNT(hows); h++)
        for (int64_t k = 1; k <= 300; k = k * 7 + 3) {
            cn__type t = type_of(CN_FLOAT32, 2, k, 2 * k + 1, 0);
            operand o[] = { { t, true, -1, 1, false },    { t, true, 0.1, 0.2, false }, { t, true, 0.1, 0.2, false },
                            { t, true, 0.01, 0.02, false }, { t, false, -1, 1, false },
                            { type_of(CN_FLOAT32, 2, 4, k, 0), false, -1, 1, false } };
            compare(cn__ops[hows[h].op].name, update, &hows[h], o, 6, 64, 1);
        }
    close();
}

CHECK_MAIN
