/* reduce.c: sums down columns of every width, the place of the largest number, softmax and cross-entropy of few and of
   many classes, on the processor's backend and the reference. */
#include "compare.h"

static const int64_t widths[] = { 1, 2, 7, 15, 16, 17, 32, 33, 63, 127, 128, 129, 300, 512, 1000 };

static cn__val columns(cn_graph *g, const cn__val *in, const void *how)
{
    (void)how;
    return cn__reduce(g, CN__OP_SUM, in[0], 1, false);
}

TEST(sums_of_columns)
{
    open();
    for (size_t k = 0; k < CN__COUNT(widths); k++)
        for (int64_t rows = 1; rows <= 200; rows = rows * 5 + 1) {
            operand o = { type_of(CN_FLOAT32, 2, rows, widths[k], 0), false, -9, 9, true };
            compare("columns", columns, NULL, &o, 1, 0, 0);
        }
    close();
}

/* Square roots: those of numbers below zero are NaN, which is larger than all. Whole numbers: many are equal. */
static cn__val largest(cn_graph *g, const cn__val *in, const void *how)
{
    cn__root(g, cn__argmax(g, in[0], -1));
    cn__root(g, cn__argmax(g, in[0], 0));
    return cn__argmax(g, cn__b1(g, CN__OP_SQRT, in[0]), *(const int *)how);
}

TEST(places_of_the_largest)
{
    open();
    for (size_t k = 0; k < CN__COUNT(widths); k++)
        for (int axis = -1; axis < 2; axis++) {
            operand o = { type_of(CN_FLOAT32, 2, 150, widths[k], 0), false, axis ? -2 : 0, 20, true };
            compare("argmax", largest, &axis, &o, 1, 0, 0);
        }
    close();
}

typedef struct { int64_t ignore; } losses_how;
static cn__val losses(cn_graph *g, const cn__val *in, const void *how)
{
    cn__a_ce attr = { .from_logits = 1, .ignore = ((const losses_how *)how)->ignore };
    cn__val  loss = cn__emit(g, CN__OP_SPARSE_CE, &attr, sizeof attr, 2, in, 1, NULL), dz = 0;
    cn__root(g, loss);
    cn__root(g, cn__softmax(g, in[1], -1));
    cn__gradient(g, loss, in[2], 1, &in[1], &dz);
    return dz;
}

TEST(cross_entropies)
{
    static const losses_how hows[] = { { INT64_MIN }, { 0 } };
    open();
    for (size_t k = 0; k < CN__COUNT(widths); k++)
        for (int64_t rows = 1; rows <= 130; rows = rows * 2 + 1)
            for (size_t h = 0; h < CN__COUNT(hows); h++) {
                operand o[] = { { type_of(rows % 3 ? CN_INT32 : CN_INT64, 1, rows, 0, 0), false, 0,
                                  (double)widths[k] - 0.01, true },
                                { type_of(CN_FLOAT32, 2, rows, widths[k], 0), false, -15, 15, false },
                                { type_of(CN_FLOAT32, 1, rows, 0, 0), false, 0.5, 1, false } };
                compare("cross-entropy", losses, &hows[h], o, 3, 8, 1);
            }
    close();
}

CHECK_MAIN
