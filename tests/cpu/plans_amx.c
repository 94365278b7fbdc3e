/* plans_amx.c: the tests of product_bf16.c as if the machine had tiles: plans choose them, and where the processor
   lacks the instructions a model runs them. */
#if defined __x86_64__
#include "tile_model.h"
#endif
#define close close_context                              /* signal.h brings the system's */
#include "compare.h"
#undef CHECK_MAIN
#define CHECK_MAIN
#include "product_bf16.c"

/* However many rows a product has: the same bits. */
TEST(rows_change_no_bits)
{
    enum { M = 70, N = 100, K = 901 };
    static double one[N], all[M * N];
    open();
    for (int form = 0; form < 4; form++) {
        product_how h = { false, form & 1, 0 };
        operand o[] = { { type_of(CN_FLOAT32, 2, 1, K, 0), false, -1, 1, false },
                        { type_of(CN_FLOAT32, 2, h.tb ? N : K, h.tb ? K : N, 0), form >> 1, -1, 1, false } };
        CHECK_INT(run("cpu", product, &h, o, 2, one, N), N);
        o[0].type.dim[0] = M;
        CHECK_INT(run("cpu", product, &h, o, 2, all, M * N), M * N);
        CHECK(!memcmp(one, all, sizeof one));
    }
    close();
}

#if defined __x86_64__
TEST(no_tile_was_misused) { CHECK_INT(tile_faults, 0); }

/* What the process chooses by is changed under it. */
static bool as_if_with_tiles(void)
{
    cn__cpu *cpu = (cn__cpu *)cn__cpu_info();
    cpu->tiles = cpu->isa == CN__AVX512 && cpu->avx512_bf16;
    model_missing_instructions();
    return cpu->tiles;
}
#else
static bool as_if_with_tiles(void) { return false; }
#endif

int main(int argc, char **argv)
{
    if (!as_if_with_tiles()) return puts("skipped: tiles need AVX512-BF16 beside them"), 77;
    return check_main(argc, argv);
}
