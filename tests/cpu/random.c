/* random.c: random numbers of the processor's backend against the reference: bit for bit, for every distribution, count
   and way to cut. */
#include "compare.h"

static const int64_t counts[] = { 0, 1, 3, 4, 15, 16, 17, 511, 512, 513, 5000, 40000, 100003 };

/* Numbers of one kind in this type; operand 0 is the state. */
typedef struct { cn__op op; double a, b; cn_dtype dtype; int64_t count; } draw_how;

static cn__val draw(cn_graph *g, const cn__val *in, const void *how)
{
    const draw_how *h = how;
    return cn__random(g, h->op, in[0], 7, h->dtype, 1, &h->count, h->a, h->b);
}

static void compare_draws(draw_how h)
{
    operand state = { type_of(CN_INT64, 1, 2, 0, 0), false, 3, 1e9, true };
    compare(cn__ops[h.op].name, draw, &h, &state, 1, 0, 0);
}

TEST(every_distribution)
{
    static const draw_how hows[] = {
        { CN__OP_RANDOM_UNIFORM, 0, 1, CN_FLOAT32, 0 },     { CN__OP_RANDOM_UNIFORM, -0.3, 0.7, CN_FLOAT32, 0 },
        { CN__OP_RANDOM_NORMAL, 0, 1, CN_FLOAT32, 0 },      { CN__OP_RANDOM_NORMAL, 1, 0.5, CN_FLOAT32, 0 },
        { CN__OP_RANDOM_TRUNCATED, 0, 1, CN_FLOAT32, 0 },   { CN__OP_RANDOM_TRUNCATED, -2, 0.05, CN_FLOAT32, 0 },
        { CN__OP_RANDOM_UNIFORM, 0, 1, CN_FLOAT64, 0 },     { CN__OP_RANDOM_NORMAL, 0, 1, CN_BFLOAT16, 0 },
        { CN__OP_RANDOM_BERNOULLI, 0.8, 0, CN_FLOAT32, 0 }, { CN__OP_RANDOM_BERNOULLI, 0.5, 0, CN_INT32, 0 },
    };
    open();
    for (size_t h = 0; h < CN__COUNT(hows); h++)
        for (size_t k = 0; k < CN__COUNT(counts); k++) {
            draw_how how = hows[h];
            how.count = counts[k];
            compare_draws(how);
        }
    close();
}

/* Next to multiples of 2^-24, where the comparison turns. */
TEST(every_chance)
{
    static const double chances[] = { -1, 0, 0x1p-60, 0x1p-25, 0x1p-24, 0x1.8p-24, 0.1, 0x1p-1, 0x1.000001p-1,
                                      0x1.0000000000001p-1, 0.9, 0x1.fffffep-1, 0x1.ffffffffffffp-1, 1, 2 };
    open();
    for (size_t k = 0; k < CN__COUNT(chances); k++)
        compare_draws((draw_how){ CN__OP_RANDOM_BERNOULLI, chances[k], 0, CN_FLOAT32, 70000 });
    close();
}

CHECK_MAIN
