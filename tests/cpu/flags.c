/* flags.c: comparisons, choices and questions whose flags lie in memory, on the processor's backend and on the
   reference: bit for bit. */
#include "compare.h"

static const int64_t counts[] = { 0, 1, 15, 16, 17, 1023, 1024, 1025, 100000 };

/* Square roots: those of numbers below zero are NaN. Whole numbers: many are equal. */
static cn__val asked(cn_graph *g, const cn__val *in, const void *how)
{
    cn__op  op = *(const cn__op *)how;
    cn__val x = cn__b1(g, CN__OP_SQRT, in[0]);
    return cn__ops[op].min_in == 1 ? cn__b1(g, op, x) : cn__b2(g, op, x, in[1]);
}

TEST(comparisons_and_questions)
{
    static const cn__op ops[] = { CN__OP_EQ, CN__OP_NE, CN__OP_LT, CN__OP_LE, CN__OP_GT, CN__OP_GE, CN__OP_IS_NAN,
                                  CN__OP_IS_FINITE };
    open();
    for (size_t o = 0; o < CN__COUNT(ops); o++)
        for (size_t k = 0; k < CN__COUNT(counts); k++)
            for (int single = 0; single < 2; single++) {
                operand x[] = { { type_of(CN_FLOAT32, 2, counts[k], 1, 0), false, -2, 9, true },
                                { type_of(CN_FLOAT32, single ? 0 : 2, counts[k], 1, 0), true, 0, 3, true } };
                if (single) x[1].type.dim[0] = x[1].type.dim[1] = 0;
                compare(cn__ops[ops[o]].name, asked, &ops[o], x, 2, 0, 0);
            }
    close();
}

static cn__val chosen(cn_graph *g, const cn__val *in, const void *how)
{
    cn__val no = cn__b1(g, CN__OP_NOT, in[0]);
    cn__root(g, no);
    cn__root(g, cn__where(g, no, in[2], in[1]));
    return (void)how, cn__where(g, in[0], in[1], in[2]);
}

/* Of every type; each operand in turn may be one for all. */
TEST(choices)
{
    static const cn_dtype types[] = { CN_FLOAT32, CN_INT32, CN_FLOAT64, CN_UINT8 };
    open();
    for (size_t d = 0; d < CN__COUNT(types); d++)
        for (size_t k = 0; k < CN__COUNT(counts); k++)
            for (int single = 0; single < 7; single++) {
                operand x[3];
                for (int j = 0; j < 3; j++) {
                    bool one = single >> j & 1;
                    x[j] = (operand){ type_of(j ? types[d] : CN_BOOL, one ? 0 : 1, one ? 0 : counts[k], 0, 0), j == 1,
                                      0, j ? 200 : 1.999, true };
                }
                compare("where", chosen, NULL, x, 3, 0, 0);
            }
    close();
}

/* What ELU and its gradient do: one comparison read by several chains. */
static cn__val bent(cn_graph *g, const cn__val *in, const void *how)
{
    cn__val x = in[0], zero = cn__scalar(g, CN_FLOAT32, 0), dx = 0;
    cn__val y = cn__where(g, cn__b2(g, CN__OP_GT, x, zero), x, cn__b1(g, CN__OP_EXPM1, x));
    cn__root(g, cn__matmul(g, y, in[1], false, false));
    cn__gradient(g, y, in[2], 1, &x, &dx);
    return (void)how, dx;
}

TEST(flags_between_chains)
{
    open();
    for (int64_t n = 1; n < 400; n = n * 5 + 2) {
        operand x[] = { { type_of(CN_FLOAT32, 2, n, 64, 0), false, -3, 3, false },
                        { type_of(CN_FLOAT32, 2, 64, 8, 0), true, -1, 1, false },
                        { type_of(CN_FLOAT32, 2, n, 64, 0), false, -1, 1, false } };
        compare("elu", bent, NULL, x, 3, 64, 1);
    }
    close();
}

CHECK_MAIN
