/* functions.c: the elementary functions of the vector kernels against the C library in double: units in the last place
   over all exponents, special values, and the same bits wherever a number stands. CN_TEST_FULL=1 in the environment
   goes through every float. */
#include "check.h"
#include "backends/cpu/kernels.h"
#include "base/cpu.h"
#include "graph/graph.h"

static double sigmoid(double x)  { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

typedef struct { cn__op op; double (*exact)(double), ulps, most; } function;     /* most: of |f|; 0: no bound */
static const function functions[] = {
    { CN__OP_EXP, exp, 1.5, 0 },         { CN__OP_EXPM1, expm1, 2.5, 0 }, { CN__OP_LOG, log, 1.5, 0 },
    { CN__OP_LOG1P, log1p, 2.5, 0 },     { CN__OP_TANH, tanh, 6, 1 },     { CN__OP_SIGMOID, sigmoid, 3, 1 },
    { CN__OP_SOFTPLUS, softplus, 3, 0 }, { CN__OP_ERF, erf, 2.5, 1 },     { CN__OP_SIN, sin, 1.75, 1 },
    { CN__OP_COS, cos, 1.75, 1 },        { CN__OP_SQRT, sqrt, 0.5, 0 },   { CN__OP_FLOOR, floor, 0, 0 },
    { CN__OP_CEIL, ceil, 0, 0 },         { CN__OP_ROUND, rint, 0, 0 },
};

static const cn__kernels *table(int i)           /* those that this machine can run; NULL: it cannot */
{
#if defined __x86_64__
    if (i == 2) return cn__cpu_info()->isa >= CN__AVX512 ? &cn__kernels_avx512 : NULL;
    if (i == 1) return cn__cpu_info()->isa >= CN__AVX2 ? &cn__kernels_avx2 : NULL;
#endif
    return i ? NULL : &cn__kernels_portable;
}

static void apply(const cn__kernels *k, cn__op op, const float *x, const float *y, float *to, int64_t n)
{
    static float regs[CN__TILE_REGS * CN__TILE];
    static union { cn__a_fused f; char room[sizeof(cn__a_fused) + sizeof(cn__tile_inst)]; } one;
    cn__operand in[2] = { { x, 0, 1 }, { y, 0, 1 } }, out = { to, 0, 1 };
    int nin = y ? 2 : 1;
    memset(&one, 0, sizeof one);
    one.f.nin = (uint16_t)nin, one.f.nout = 1, one.f.ninst = 1, one.f.store[0] = (uint16_t)nin;
    one.f.inst[0] = (cn__tile_inst){ .op = (uint16_t)op, .dst = (uint16_t)nin, .b = (uint16_t)(nin - 1) };
    k->chain(&one.f, in, nin, &out, 1, n, regs);
}

static float of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* How far y is from the exact value, in units of the last place of a float there. */
static double error_of(float y, double exact)
{
    float nearest = (float)exact;
    if (isnan(exact)) return isnan(y) ? 0 : INFINITY;
    if (fabs(exact) < 0x1p-126) return fabsf(y) <= 0x1p-126f ? 0 : INFINITY;     /* a run flushes what is smaller */
    if (isinf(nearest) || isinf(y)) return y == nearest || fabs(exact) > 3.4028e38 ? 0 : INFINITY;
    int e;
    frexp(exact, &e);
    return fabs((double)y - exact) / ldexp(1, (e < -125 ? -125 : e) - 24);
}

enum { LOT = 4096 };

static void measure(const cn__kernels *k, const function *f, uint64_t step)
{
    static float x[LOT], y[LOT];
    double worst = 0;
    float  at = 0;
    for (uint64_t bits = 0; bits < (uint64_t)1 << 32;) {
        int n = 0;
        for (; n < LOT && bits < (uint64_t)1 << 32; bits += step) {
            x[n] = of_bits((uint32_t)bits);
            if (x[n] == 0 || fabsf(x[n]) >= 0x1p-126f) n++;      /* a run flushes smaller ones */
        }
        apply(k, f->op, x, NULL, y, n);
        for (int i = 0; i < n; i++) {
            bool   beyond = f->most > 0 && fabs((double)y[i]) > f->most;
            double e = beyond ? INFINITY : error_of(y[i], f->exact((double)x[i]));
            if (e > worst) worst = e, at = x[i];
        }
    }
    if (!(worst <= f->ulps)) {
        apply(k, f->op, &at, NULL, y, 1);
        CHECK_FAIL("%s, %s: %.2f units in the last place at %.9g (%a): %.9g, not %.9g", k->name, cn__ops[f->op].name,
                   worst, (double)at, (double)at, (double)y[0], f->exact((double)at));
    }
    if (getenv("CN_TEST_FULL")) printf("%-10s %-10s %.3f at %.9g\n", k->name, cn__ops[f->op].name, worst, (double)at);
}

TEST(units_in_the_last_place)
{
    for (int i = 0; i < 3; i++)
        for (size_t k = 0; table(i) && k < CN__COUNT(functions); k++)
            measure(table(i), &functions[k], getenv("CN_TEST_FULL") ? 1 : 10007);
}

static const float specials[] = { 0.0f, -0.0f, 1, -1, 0.5f, -0.5f, 2, -2, 3, -3, 1e30f, -1e30f, INFINITY, -INFINITY,
                                  NAN, 0x1p-126f, -0x1p-126f, 88.7f, 89, -104, 104, 16777215, 16777216, 8388607.5f };

static bool same_bits(float a, float b) { return (isnan(a) && isnan(b)) || !memcmp(&a, &b, sizeof a); }

/* Zeros keep their sign, infinities and NaN are as in the C library. */
TEST(special_values)
{
    for (int i = 0; i < 3 && table(i); i++)
        for (size_t k = 0; k < CN__COUNT(functions); k++)
            for (size_t s = 0; s < CN__COUNT(specials); s++) {
                float  y, x = specials[s];
                double exact = functions[k].exact((double)x);
                apply(table(i), functions[k].op, &x, NULL, &y, 1);
                bool ok = error_of(y, exact) <= functions[k].ulps && (exact != 0 || !signbit(y) == !signbit(exact));
                if (!ok) CHECK_FAIL("%s, %s of %g is %g, not %g", table(i)->name, cn__ops[functions[k].op].name,
                                    (double)x, (double)y, exact);
            }
}

TEST(power)
{
    for (int i = 0; i < 3 && table(i); i++) {
        for (size_t a = 0; a < CN__COUNT(specials); a++)
            for (size_t b = 0; b < CN__COUNT(specials); b++) {
                float  x = specials[a], y = specials[b], z;
                double exact = pow((double)x, (double)y);
                apply(table(i), CN__OP_POW, &x, &y, &z, 1);
                if (!(error_of(z, exact) <= 1) || (!isnan(exact) && !signbit(z) != !signbit(exact)))
                    CHECK_FAIL("%s: %.9g to the power of %.9g is %g, not %g", table(i)->name, (double)x, (double)y,
                               (double)z, exact);
            }
        uint32_t state = 1;
        for (int n = 0; n < 200000; n++) {
            float x = of_bits((state = state * 1664525u + 1013904223u) & 0x7fffffff), z, y;
            y = (float)((double)(int32_t)(state = state * 1664525u + 1013904223u) * 0x1p-24);
            if (!(x >= 0x1p-126f)) continue;
            double exact = pow((double)x, (double)y);
            if (exact < 0x1p-126) continue;
            apply(table(i), CN__OP_POW, &x, &y, &z, 1);
            if (!(error_of(z, exact) <= 1.5))
                CHECK_FAIL("%s: %.9g to the power of %.9g is %g, not %g", table(i)->name, (double)x, (double)y,
                           (double)z, exact);
        }
    }
}

/* Alone, in the middle, at the end of a row, in a long one: the same bits. */
TEST(the_same_bits_in_every_place)
{
    static float x[700], y[700], alone[700];
    for (int i = 0; i < 700; i++) x[i] = (float)(i - 350) * 0.037f;
    x[17] = 1e7f, x[18] = NAN, x[19] = -INFINITY;        /* sines of what is large go another way */
    for (int i = 0; i < 3 && table(i); i++)
        for (size_t k = 0; k < CN__COUNT(functions); k++) {
            for (int n = 0; n < 700; n++) apply(table(i), functions[k].op, x + n, NULL, alone + n, 1);
            for (int n = 1; n <= 700; n += n < 40 ? 1 : 10007) {
                memset(y, 0, sizeof y);
                apply(table(i), functions[k].op, x, NULL, y, n);
                for (int j = 0; j < 700; j++)
                    if (j < n ? !same_bits(y[j], alone[j]) : y[j] != 0) {
                        CHECK_FAIL("%s, %s: number %d of %d is %.9g, alone %.9g", table(i)->name,
                                   cn__ops[functions[k].op].name, j, n, (double)y[j], (double)alone[j]);
                        break;
                    }
            }
        }
}

CHECK_MAIN
