/* drawers.c: the kernels that make numbers of random bits against the formulas of base/philox.h, where each formula
   ends and the next begins: bits that no stream would bring soon. */
#include "backends/cpu/kernels.h"
#include "base/base.h"
#include "base/philox.h"
#include "check.h"
#include <math.h>

static uint32_t bits[CN__DRAWN];
static float    y[CN__DRAWN];

static void fill(void)
{
    static const uint32_t near[] = { 0, 0x13333333, 0x80000000, 0xecccccccu, 0xffffffff };   /* p = 0.075, 0.925 */
    for (int k = 0; k < CN__DRAWN; k++) bits[k] = near[k % 5] + (uint32_t)(k / 5) - 50;
}

TEST(normal_numbers)
{
    cn__draw d = { 0.25, 3, 0, 1 };
    fill();
    cn__cpu_kernels()->normal(bits, CN__DRAWN, &d, y);
    for (int k = 0; k < CN__DRAWN; k++) CHECK(y[k] == (float)(0.25 + 3 * cn__normal_of(bits[k])));
}

TEST(uniform_numbers)
{
    cn__draw d = { -2, 5, 0, 1 };
    fill();
    cn__cpu_kernels()->uniform(bits, CN__DRAWN, &d, y);
    for (int k = 0; k < CN__DRAWN; k++) CHECK(y[k] == (float)(-2 + 7 * (double)cn__unit_f32(bits[k])));
}

/* Each number as the chance: 0 for itself and those above it. */
TEST(chances)
{
    fill();
    for (int c = 0; c < CN__DRAWN; c++) {
        cn__draw d = { (double)cn__unit_f32(bits[c]), 0, 0, 1 };
        cn__cpu_kernels()->bernoulli(bits, CN__DRAWN, &d, y);
        for (int k = 0; k < CN__DRAWN; k++) CHECK(y[k] == (float)(cn__unit_f32(bits[k]) < cn__unit_f32(bits[c])));
    }
}

CHECK_MAIN
