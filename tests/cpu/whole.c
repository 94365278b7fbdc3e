/* whole.c: element-wise ops of whole numbers and flags on the processor's backend and on the reference. */
#include "compare.h"

typedef struct { cn__op op; cn_dtype dtype; int single; } whole_how;
static const cn_dtype types[] = { CN_INT64, CN_INT32, CN_BOOL, CN_UINT16 };

static cn__val combined(cn_graph *g, const cn__val *in, const void *how)
{
    const whole_how *h = how;
    return h->op == CN__OP_WHERE ? cn__where(g, in[2], in[0], in[1]) : cn__b2(g, h->op, in[0], in[1]);
}

/* Each operand in turn may be one for all. Large ones leave the range of int32. */
static void compare_all(cn__op op, double most)
{
    static const int64_t counts[] = { 0, 1, 2, 255, 256, 257, 50000 };
    for (size_t d = 0; d < CN__COUNT(types); d++)
        for (size_t k = 0; k < CN__COUNT(counts); k++)
            for (int single = 0; single < 7; single++) {
                bool    flags = types[d] == CN_BOOL || op == CN__OP_AND || op == CN__OP_OR;
                operand x[3];
                for (int j = 0; j < 3; j++) {
                    bool one = single >> j & 1, flag = j == 2 || flags;
                    cn__type t = type_of(flag ? CN_BOOL : types[d], one ? 0 : 1, one ? 0 : counts[k], 0, 0);
                    x[j] = (operand){ t, j == 1, flag ? 0 : -most, flag ? 1.999 : most, true };
                }
                compare(cn__ops[op].name, combined, &(whole_how){ op, types[d], single }, x, 3, 0, 0);
            }
}

TEST(every_op)
{
    static const cn__op ops[] = { CN__OP_ADD, CN__OP_SUB, CN__OP_MIN, CN__OP_MAX, CN__OP_EQ, CN__OP_WHERE, CN__OP_AND,
                                  CN__OP_OR };
    open();
    for (size_t o = 0; o < CN__COUNT(ops); o++) {
        compare_all(ops[o], 9);
        compare_all(ops[o], 2147483000);
    }
    close();
}

CHECK_MAIN
