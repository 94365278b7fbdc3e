/* product_bf16.c: products whose operands are rounded to bfloat16, against the reference kernel, which is one float32
   chain. Where pairs are widened to float32 the bits must be the reference's; dots of pairs or tiles add in another
   order. The build runs this file once for each kind (CN_CPU) and with tasks in other orders (CN_TASKS). */
#include "compare.h"
#include "base/cpu.h"

typedef struct { bool ta, tb; int behind; } product_how;
static cn__val product(cn_graph *g, const cn__val *in, const void *how)
{
    const product_how *h = how;
    cn__bf16_set(g, true);
    cn__val y = cn__matmul(g, in[0], in[1], h->ta, h->tb);
    if (h->behind) y = cn__b1(g, CN__OP_RELU, cn__add(g, y, in[2]));
    return h->behind == 2 ? cn__add(g, cn__mul(g, y, in[3]), in[3]) : y;
}

static const int64_t sizes[][3] = {
    { 1, 1, 1 },       { 0, 5, 3 },      { 4, 0, 3 },      { 4, 5, 0 },       { 1, 33, 7 },    { 2, 10, 784 },
    { 31, 31, 31 },    { 33, 33, 33 },   { 13, 31, 64 },   { 14, 32, 17 },    { 15, 65, 100 }, { 29, 128, 1024 },
    { 128, 10, 128 },  { 100, 200, 1025 }, { 130, 70, 512 }, { 257, 96, 33 }, { 1, 128, 40 },  { 1, 300, 1101 },
    { 40, 150, 4099 }, { 64, 512, 128 },
};

/* All forms of one size: transposed operands, B an input or a variable (then a mirror), what follows. */
static void all_forms(const int64_t *size, double most, bool whole, double ulps, double floor)
{
    int64_t m = size[0], n = size[1], k = size[2];
    for (int form = 0; form < 24; form++) {
        product_how h = { form & 1, form >> 1 & 1, form / 8 };
        operand o[] = { { type_of(CN_FLOAT32, 2, h.ta ? k : m, h.ta ? m : k, 0), false, -most, most, whole },
                        { type_of(CN_FLOAT32, 2, h.tb ? n : k, h.tb ? k : n, 0), form >> 2 & 1, -most, most, whole },
                        { type_of(CN_FLOAT32, 1, n, 0, 0), true, -most, most, whole },
                        { type_of(CN_FLOAT32, 2, m, n, 0), false, -3, 3, whole } };
        char what[96];
        snprintf(what, sizeof what, "%lldx%lldx%lld, form %d", (long long)m, (long long)n, (long long)k, form);
        compare(what, product, &h, o, 2 + h.behind, ulps, floor);
    }
}

TEST(whole_numbers_are_exact)
{
    open();
    for (size_t s = 0; s < CN__COUNT(sizes); s++) all_forms(sizes[s], 9, true, 0, 0);
    close();
}

/* One product has no order; longer sums of n numbers below 1 are off by a few roundings of a random walk. */
TEST(numbers_are_rounded_and_sums_are_float32)
{
    static const int64_t single[][3] = { { 40, 70, 1 }, { 1, 64, 1 } };
    double ulps = cn__cpu_info()->tiles ? 8 : cn__cpu_info()->pairs ? 4 : 0;
    open();
    for (size_t s = 0; s < CN__COUNT(single); s++) all_forms(single[s], 1, false, 0, 0);
    for (size_t s = 0; s < CN__COUNT(sizes); s++)
        all_forms(sizes[s], 1, false, ulps, 1 + (double)sizes[s][2] / 8);
    close();
}

static cn__val of_quotients(cn_graph *g, const cn__val *in, const void *how)
{
    (void)how;
    cn__val a = cn__div(g, in[0], in[1]);                /* numbers, infinities, NaN */
    cn__root(g, cn__cast(g, cn__b1(g, CN__OP_IS_NAN, a), CN_FLOAT32));
    cn__bf16_set(g, true);
    return cn__matmul(g, a, in[2], false, false);
}

TEST(infinities_and_nan_go_through)
{
    static const int64_t size[][3] = { { 1, 40, 1 }, { 1, 40, 3 }, { 20, 33, 1 }, { 20, 33, 2 }, { 40, 70, 5 } };
    open();
    for (size_t s = 0; s < CN__COUNT(size); s++) {
        int64_t m = size[s][0], n = size[s][1], k = size[s][2];
        operand o[] = { { type_of(CN_FLOAT32, 2, m, k, 0), false, -2, 3, true },
                        { type_of(CN_FLOAT32, 2, m, k, 0), false, -1, 2, true },
                        { type_of(CN_FLOAT32, 2, k, n, 0), true, -2, 3, true } };
        compare("quotients", of_quotients, NULL, o, 3, 0, 0);
        operand huge[] = { { type_of(CN_FLOAT32, 2, m, 1, 0), false, 3.35e38, 3.4028e38, false },     /* half of them */
                           { type_of(CN_FLOAT32, 2, 1, n, 0), true, 0.25, 0.5, false } };
        product_how plain = { false, false, 0 };
        compare("rounded to infinity", product, &plain, huge, 2, 0, 0);
    }
    close();
}

/* The update writes the panels that the next step reads. */
static cn__val trained(cn_graph *g, const cn__val *in, const void *how)
{
    (void)how;
    cn__a_sgd sgd = { 0 };
    cn__val   all[] = { in[1], in[2], cn__scalar(g, CN_FLOAT32, 1) }, w;
    cn__bf16_set(g, true);
    cn__root(g, cn__matmul(g, in[0], in[1], false, false));
    cn__emit(g, CN__OP_SGD, &sgd, sizeof sgd, 3, all, 1, &w);
    cn__assign_var(g, g->vars.at[cn__value_of(g, in[1])->ref], w, 0);
    return cn__matmul(g, in[3], in[1], false, true);
}

TEST(updates_write_mirrors)
{
    static const int64_t size[][3] = { { 1, 1, 1 }, { 5, 33, 31 }, { 17, 70, 66 }, { 3, 32, 64 } };
    open();
    steps = 3;
    for (size_t s = 0; s < CN__COUNT(size); s++) {
        int64_t m = size[s][0], n = size[s][1], k = size[s][2];
        operand o[] = { { type_of(CN_FLOAT32, 2, m, k, 0), false, -9, 9, true },
                        { type_of(CN_FLOAT32, 2, k, n, 0), true, -9, 9, true },
                        { type_of(CN_FLOAT32, 2, k, n, 0), false, -9, 9, true },
                        { type_of(CN_FLOAT32, 2, m, n, 0), false, -9, 9, true } };
        compare("trained", trained, NULL, o, 4, 0, 0);
    }
    steps = 1;
    close();
}

TEST(threads_change_no_bits)
{
    enum { M = 150, N = 330, K = 1100 };
    static double one[M * N], more[M * N];
    for (int form = 0; form < 4; form++) {
        product_how h = { form & 1, form >> 1, 0 };
        operand o[] = { { type_of(CN_FLOAT32, 2, h.ta ? K : M, h.ta ? M : K, 0), false, -1, 1, false },
                        { type_of(CN_FLOAT32, 2, h.tb ? N : K, h.tb ? K : N, 0), true, -1, 1, false } };
        for (int threads = 1; threads <= 4; threads++) {
            ctx = cn_open(.threads = threads);
            CHECK_INT(run("cpu", product, &h, o, 2, threads == 1 ? one : more, M * N), M * N);
            CHECK(threads == 1 || !memcmp(one, more, sizeof one));
            close();
        }
    }
}

CHECK_MAIN
