/* philox.c: Philox4x32-10 and what is made of its bits. Counter-based: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E.
   Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11, section 3.3 and table 2. */
#include "base/philox.h"
#include "base/base.h"
#include "base/cpu.h"
#include <math.h>

cn__philox cn__philox4x32(uint64_t key, uint64_t counter_hi, uint64_t counter_lo)
{
    cn__philox r = { { (uint32_t)counter_lo, (uint32_t)(counter_lo >> 32),
                       (uint32_t)counter_hi, (uint32_t)(counter_hi >> 32) } };
    uint32_t   k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++, k0 += 0x9e3779b9u, k1 += 0xbb67ae85u) {
        uint64_t a = (uint64_t)r.v[0] * 0xd2511f53u, b = (uint64_t)r.v[2] * 0xcd9e8d57u;
        r = (cn__philox){ { (uint32_t)(b >> 32) ^ r.v[1] ^ k0, (uint32_t)b,
                            (uint32_t)(a >> 32) ^ r.v[3] ^ k1, (uint32_t)a } };
    }
    return r;
}

static uint64_t key_of(uint64_t seed, uint64_t stream) { return cn__hash(seed, stream); }

uint32_t cn__random_bits(uint64_t seed, uint64_t stream, uint64_t step, uint64_t i)
{
    return cn__philox4x32(key_of(seed, stream), step, i / 4).v[i % 4];
}

/* As many blocks as there is vector code for; the caller does the rest. */
static size_t vector_blocks(uint64_t key, uint64_t hi, uint64_t lo, uint32_t *out, size_t blocks)
{
#if defined __x86_64__
    cn__isa isa = cn__cpu_info()->isa;
    if (isa == CN__AVX512) return cn__philox_blocks_avx512(key, hi, lo, out, blocks);
    if (isa == CN__AVX2) return cn__philox_blocks_avx2(key, hi, lo, out, blocks);
#endif
    (void)key, (void)hi, (void)lo, (void)out, (void)blocks;
    return 0;
}

void cn__random_fill(uint64_t seed, uint64_t stream, uint64_t step, uint64_t first, uint32_t *out, uint64_t n)
{
    uint64_t key = key_of(seed, stream), end = first + n;
    while (first < end && first % 4) *out++ = cn__random_bits(seed, stream, step, first++);
    if (first == end) return;
    size_t done = vector_blocks(key, step, first / 4, out, (end - first) / 4);
    for (out += 4 * done, first += 4 * done; end - first >= 4; out += 4, first += 4) {
        cn__philox block = cn__philox4x32(key, step, first / 4);
        memcpy(out, block.v, sizeof block.v);
    }
    while (first < end) *out++ = cn__random_bits(seed, stream, step, first++);
}

/* The normal distribution's inverse: M. J. Wichura, "Algorithm AS 241: the percentage points of the normal
   distribution", Applied Statistics 37 (1988) 477-484, routine PPND16: a relative error of about 1e-16. */
const cn__ratio cn__normal_middle = {
    { 3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
      4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3 },
    { 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
      3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3 }
};
const cn__ratio cn__normal_sides = {
    { 1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
      1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4 },
    { 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
      1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9 }
};
static const cn__ratio tails = {
    { 6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
      2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7 },
    { 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
      1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15 }
};

static double ratio(const cn__ratio *of, double r)
{
    double above = of->above[7], below = of->below[6];
    for (int i = 6; i >= 0; i--) above = above * r + of->above[i];
    for (int i = 5; i >= 0; i--) below = below * r + of->below[i];
    return above / (below * r + 1);
}

static double inverse_normal(double p)
{
    double q = p - 0.5;
    if (fabs(q) <= 0.425) return q * ratio(&cn__normal_middle, 0.180625 - q * q);
    double r = sqrt(-log(q < 0 ? p : 1 - p));
    double x = r <= 5 ? ratio(&cn__normal_sides, r - 1.6) : ratio(&tails, r - 5);
    return q < 0 ? -x : x;
}

double cn__normal_of(uint32_t bits) { return inverse_normal(cn__unit(bits)); }

double cn__truncated_normal_of(uint32_t bits)
{
    const double below = 0.022750131948179207200;        /* the normal distribution at -2 */
    return inverse_normal(below + cn__unit(bits) * (1 - 2 * below));
}

/* Fisher and Yates, as in D. E. Knuth, TAOCP 2, 3.4.2 P. A place below i + 1 is the upper half of a product with 64
   random bits (bits 2i and 2i + 1): its bias is below n / 2^64. */
void cn__permute(uint64_t seed, uint64_t stream, uint64_t step, uint32_t *order, uint32_t n)
{
    enum { AT_ONCE = 512 };
    uint32_t bits[2 * AT_ONCE];
    for (uint32_t i = 0; i < n; i++) order[i] = i;
    for (uint32_t end = n; end > 1;) {
        uint32_t begin = (end - 1) / AT_ONCE * AT_ONCE;
        cn__random_fill(seed, stream, step, 2 * (uint64_t)begin, bits, 2 * (uint64_t)(end - begin));
        for (uint32_t i = end; i-- > begin;) {
            uint64_t draw = (uint64_t)bits[2 * (i - begin) + 1] << 32 | bits[2 * (i - begin)], most = (uint64_t)i + 1;
            /* the upper 64 of 96 bits and more */
            uint64_t low = (draw & UINT32_MAX) * most, high = (draw >> 32) * most;
            uint32_t j = (uint32_t)((high + (low >> 32)) >> 32), other = order[j];
            order[j] = order[i];
            order[i] = other;
        }
        end = begin;
    }
}
