/* Random numbers: the published vectors of Philox4x32-10, the same bits however they are asked for, the distributions.
   */
#include "base/philox.h"
#include "base/base.h"
#include "base/cpu.h"
#include "check.h"

/* Random123 1.14, tests/kat_vectors, "philox4x32 10": counter, key, result. */
TEST(known_answers)
{
    static const uint32_t kat[3][10] = {
        { 0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 },
        { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
          0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd },
        { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0,
          0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 },
    };
    for (size_t i = 0; i < CN__COUNT(kat); i++) {
        const uint32_t *k = kat[i];
        uint64_t key = (uint64_t)k[5] << 32 | k[4], hi = (uint64_t)k[3] << 32 | k[2], lo = (uint64_t)k[1] << 32 | k[0];
        cn__philox r = cn__philox4x32(key, hi, lo);
        for (int j = 0; j < 4; j++) CHECK_INT(r.v[j], k[6 + j]);
    }
}

/* Every way of the vector code, if the processor has it: CN_CPU runs the others. */
TEST(fill_is_element_by_element)
{
    uint32_t bits[300];
    for (uint64_t first = 0; first < 9; first++)
        for (uint64_t n = 0; n < 290; n += n < 20 ? 1 : 27) {
            uint64_t from = first + (first == 8 ? (1ull << 34) - 70 : 0);    /* the counter's first word overflows */
            memset(bits, 0xee, sizeof bits);
            cn__random_fill(11, 22, 33, from, bits, n);
            for (uint64_t i = 0; i < n; i++) CHECK_INT(bits[i], cn__random_bits(11, 22, 33, from + i));
            CHECK_INT(bits[n], 0xeeeeeeee);
        }
}

TEST(instruction_sets_agree)
{
    uint32_t a[64 * 4];
    const cn__cpu *cpu = cn__cpu_info();
    size_t (*vector[2])(uint64_t, uint64_t, uint64_t, uint32_t *, size_t) = { NULL, NULL };
#if defined __x86_64__
    if (cpu->avx2) vector[0] = cn__philox_blocks_avx2;
    if (cpu->avx512f && cpu->avx512dq && cpu->avx512bw && cpu->avx512vl) vector[1] = cn__philox_blocks_avx512;
#endif
    if (!vector[0] && !vector[1]) SKIP("no vector code for this processor: %s", cpu->name);
    for (int k = 0; k < 2; k++) {
        if (!vector[k]) continue;
        uint64_t key = 0x299f31d0a4093822u, hi = UINT64_MAX - 1, lo = UINT32_MAX - 20u;
        CHECK_INT(vector[k](key, hi, lo, a, 63), k ? 48 : 56);
        for (size_t i = 0; i < 48; i++)
            CHECK(!memcmp(a + 4 * i, cn__philox4x32(key, hi, lo + i).v, 16));
    }
}

TEST(streams_differ)
{
    CHECK(cn__random_bits(1, 0, 0, 0) != cn__random_bits(2, 0, 0, 0));
    CHECK(cn__random_bits(1, 0, 0, 0) != cn__random_bits(1, 1, 0, 0));
    CHECK(cn__random_bits(1, 0, 0, 0) != cn__random_bits(1, 0, 1, 0));
    CHECK(cn__random_bits(1, 0, 0, 0) != cn__random_bits(1, 0, 0, 1));
    CHECK(cn__random_bits(0, 1, 0, 0) != cn__random_bits(1, 0, 0, 0));
}

TEST(uniform)
{
    CHECK_NEAR(cn__unit(0), 0x1p-33, 0);
    CHECK(cn__unit(UINT32_MAX) < 1);
    CHECK(cn__unit_f32(0) == 0 && cn__unit_f32(UINT32_MAX) < 1);
    double sum = 0;
    for (uint64_t i = 0; i < 100000; i++) sum += cn__unit(cn__random_bits(5, 0, 0, i));
    CHECK_NEAR(sum / 100000, 0.5, 5 / sqrt(12 * 100000.0));  /* five standard deviations */
}

/* Against the distribution itself: erfc of libm is good to the last places. */
static double distribution(double x) { return 0.5 * erfc(-x / sqrt(2)); }

TEST(normal_is_the_inverse)
{
    for (uint64_t i = 0; i < 200000; i++) {
        uint32_t bits = cn__random_bits(9, 9, 9, i);
        if (i < 10000) bits = i < 5000 ? (uint32_t)i : UINT32_MAX - (uint32_t)(i - 5000);    /* both ends */
        double p = cn__unit(bits), x = cn__normal_of(bits);
        double density = exp(-x * x / 2) / sqrt(2 * acos(-1.0));
        double error = x < 0 ? distribution(x) - p : (1 - p) - distribution(-x);
        if (!(fabs(error / density) <= 1e-9 * fmax(1, fabs(x)))) CHECK_FAIL("bits %u: %.17g", bits, x);
    }
    CHECK_NEAR(cn__normal_of(0x80000000u), 0, 1e-9);
    CHECK_NEAR(cn__normal_of(UINT32_MAX), 6.337957755, 1e-8);        /* 1 - 2^-33 */
}

TEST(moments)
{
    double n1 = 0, n2 = 0, t1 = 0, t2 = 0, most = 0;
    enum { N = 200000 };
    for (uint64_t i = 0; i < N; i++) {
        double x = cn__normal_of(cn__random_bits(3, 1, 4, i)), t = cn__truncated_normal_of(cn__random_bits(3, 1, 5, i));
        n1 += x, n2 += x * x, t1 += t, t2 += t * t;
        most = fmax(most, fabs(t));
    }
    CHECK_NEAR(n1 / N, 0, 5 / sqrt(N));
    CHECK_NEAR(n2 / N, 1, 5 * sqrt(2.0 / N));
    CHECK_NEAR(t1 / N, 0, 5 / sqrt(N));
    CHECK_NEAR(t2 / N, 0.7737413, 0.01);                 /* 1 - 4 phi(2) / (2 Phi(2) - 1) */
    CHECK(most < 2 && most > 1.99);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

TEST(permutations)
{
    static uint32_t order[100003], again[100003];
    uint32_t sizes[] = { 0, 1, 2, 511, 512, 513, 1024, 100003 };
    for (size_t k = 0; k < CN__COUNT(sizes); k++) {
        uint32_t n = sizes[k], fixed = 0;
        cn__permute(1, 2, 3, order, n);
        cn__permute(1, 2, 3, again, n);
        CHECK(!n || !memcmp(order, again, n * sizeof *order));
        for (uint32_t i = 0; i < n; i++) fixed += order[i] == i;
        CHECK(n < 500 || fixed < 10);                    /* 1 is expected */
        qsort(order, n, sizeof *order, by_size);
        for (uint32_t i = 0; i < n; i++) CHECK_INT(order[i], i);
    }
}

TEST(permutations_are_fair)                              /* the six orders of three, over steps */
{
    int count[27] = { 0 };
    enum { N = 60000 };
    for (uint64_t step = 0; step < N; step++) {
        uint32_t o[3];
        cn__permute(1, 2, step, o, 3);
        count[9 * o[0] + 3 * o[1] + o[2]]++;
    }
    for (int i = 0; i < 27; i++)
        if (count[i]) CHECK_NEAR(count[i], N / 6.0, 5 * sqrt(N / 6.0));
}

CHECK_MAIN
