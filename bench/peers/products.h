/* products.h: one core's products C = A B on the peers, B packed before where the peer can; "product MxNxK TYPE", the
   shapes of bench/products.c. A peer gives what prepares and what computes; here are the operands and the check. */
#ifndef PRODUCTS_H
#define PRODUCTS_H
#include <stdbool.h>
#include "turns.h"

typedef struct { int64_t m, n, k; bool bf16; float *a, *b, *c; uint16_t *a16, *b16; } product;
static product now;

static const char *product_make(void);                   /* the peer's: of `now`; NULL, or why not */
static bool        product_run(void);

/* Small integers over 16: exact in bfloat16, and so are their sums in float32. */
static float value(int64_t i) { return (float)(i * 7 % 31 - 15) / 16; }

static void fill(float **wide, uint16_t **narrow, int64_t count)
{
    free(*wide), free(*narrow);
    *wide = aligned_alloc(64, ((size_t)count * sizeof(float) + 63) / 64 * 64);
    *narrow = aligned_alloc(64, ((size_t)count * sizeof(uint16_t) + 63) / 64 * 64);
    for (int64_t i = 0; *wide && *narrow && i < count; i++) {
        uint32_t bits;
        (*wide)[i] = value(i);
        memcpy(&bits, *wide + i, sizeof bits);
        (*narrow)[i] = (uint16_t)(bits >> 16);
    }
}

static int64_t product_check(double *numbers, int64_t most)
{
    int64_t places[][2] = { { 0, 0 }, { now.m / 2, now.n / 3 }, { now.m - 1, now.n - 1 } }, n = 0;
    if (!product_run()) return 0;
    for (; n < 3 && n < most; n++) {
        double sum = 0;
        for (int64_t k = 0; k < now.k; k++)
            sum += (double)value(places[n][0] * now.k + k) * (double)value(k * now.n + places[n][1]);
        numbers[n] = (double)now.c[places[n][0] * now.n + places[n][1]] - sum;
    }
    return n;
}

static int64_t product_times(int64_t times)
{
    for (int64_t i = 0; i < times; i++)
        if (!product_run()) return 0;
    return times;
}

static const char *product_begin(const char *folder, const char *name)
{
    static uint16_t *none;
    char             type[16];
    (void)folder;
    if (sscanf(name, "product %ldx%ldx%ld %15s", &now.m, &now.n, &now.k, type) != 4) return "products are measured";
    now.bf16 = !strcmp(type, "bfloat16");
    fill(&now.a, &now.a16, now.m * now.k);
    fill(&now.b, &now.b16, now.k * now.n);
    fill(&now.c, &none, now.m * now.n);
    return now.a && now.a16 && now.b && now.b16 && now.c ? product_make() : "no memory";
}

static int take_products(const char *version)
{
    static const participant self = { product_begin, product_check, product_times };
    return take_turns(version, &self);
}
#endif
