/* fingerprint.c: 64 bits that stand for a string: FarmHash64 (Pike and Alakuijala 2014, "na" form, whose values are
   fixed for good). It is the hash that Keras's lookups spread unknown strings with, so the same 64 bits serve to find a
   string in a vocabulary and to choose its place among several for unknown ones. */
#include "base/base.h"
#include <string.h>

static const uint64_t k0 = 0xc3a5c85c97cb3127u, k1 = 0xb492b66fbe98f273u, k2 = 0x9ae16a3b2f90404fu;
typedef struct pair { uint64_t a, b; } pair;

static uint64_t word(const unsigned char *p)             /* little-endian on every machine */
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

static uint64_t half(const unsigned char *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static uint64_t turn(uint64_t v, int n)  { return v >> n | v << (64 - n); }
static uint64_t shift(uint64_t v)        { return v ^ v >> 47; }

static uint64_t mix(uint64_t u, uint64_t v, uint64_t by)
{
    return shift((v ^ shift((u ^ v) * by)) * by) * by;
}

static uint64_t upto16(const unsigned char *s, size_t n)
{
    uint64_t by = k2 + n * 2;
    if (n >= 8) {
        uint64_t a = word(s) + k2, b = word(s + n - 8);
        return mix(turn(b, 37) * by + a, (turn(a, 25) + b) * by, by);
    }
    if (n >= 4) return mix(n + (half(s) << 3), half(s + n - 4), by);
    if (n == 0) return k2;
    uint64_t y = s[0] + ((uint64_t)s[n / 2] << 8), z = n + ((uint64_t)s[n - 1] << 2);
    return shift(y * k2 ^ z * k0) * k2;
}

static uint64_t upto32(const unsigned char *s, size_t n)
{
    uint64_t by = k2 + n * 2, a = word(s) * k1, b = word(s + 8), c = word(s + n - 8) * by, d = word(s + n - 16) * k2;
    return mix(turn(a + b, 43) + turn(c, 30) + d, a + turn(b + k2, 18) + c, by);
}

static uint64_t upto64(const unsigned char *s, size_t n)
{
    uint64_t by = k2 + n * 2, a = word(s) * k2, b = word(s + 8), c = word(s + n - 8) * by, d = word(s + n - 16) * k2;
    uint64_t y = turn(a + b, 43) + turn(c, 30) + d, z = mix(y, a + turn(b + k2, 18) + c, by);
    uint64_t e = word(s + 16) * by, f = word(s + 24), g = (y + word(s + n - 32)) * by, h = (z + word(s + n - 24)) * by;
    return mix(turn(e + f, 43) + turn(g, 30) + h, e + turn(f + a, 18) + g, by);
}

/* 32 bytes into a pair of seeds. */
static pair weak(const unsigned char *s, uint64_t a, uint64_t b)
{
    uint64_t z = word(s + 24), c = a += word(s);
    b = turn(b + a + z, 21);
    a += word(s + 8) + word(s + 16);
    return (pair){ a + z, b + turn(a, 44) + c };
}

typedef struct farm { uint64_t x, y, z; pair v, w; } farm;

/* 64 bytes more. The last ones have another factor and weights of 9. */
static void block(farm *f, const unsigned char *s, uint64_t by, uint64_t nine)
{
    f->x = turn(f->x + f->y + f->v.a + word(s + 8), 37) * by;
    f->y = turn(f->y + f->v.b + word(s + 48), 42) * by;
    f->x ^= f->w.b * nine;
    f->y += f->v.a * nine + word(s + 40);
    f->z = turn(f->z + f->w.a, 33) * by;
    f->v = weak(s, f->v.b * by, f->x + f->w.a);
    f->w = weak(s + 32, f->z + f->w.b, f->y + word(s + 16));
    uint64_t x = f->x;
    f->x = f->z, f->z = x;
}

static uint64_t longer(const unsigned char *s, size_t n)
{
    uint64_t seed = 81, y = seed * k1 + 113;
    farm     f = { .x = seed * k2 + word(s), .y = y, .z = shift(y * k2 + 113) * k2 };
    size_t   whole = (n - 1) / 64 * 64, rest = (n - 1) % 64;
    for (size_t i = 0; i < whole; i += 64) block(&f, s + i, k1, 1);
    uint64_t by = k1 + ((f.z & 0xff) << 1);
    f.w.a += rest, f.v.a += f.w.a, f.w.a += f.v.a;
    block(&f, s + n - 64, by, 9);
    return mix(mix(f.v.a, f.w.a, by) + shift(f.y) * k0 + f.z, mix(f.v.b, f.w.b, by) + f.x, by);
}

uint64_t cn__fingerprint(const void *bytes, size_t n)
{
    return n <= 16 ? upto16(bytes, n) : n <= 32 ? upto32(bytes, n) : n <= 64 ? upto64(bytes, n) : longer(bytes, n);
}
