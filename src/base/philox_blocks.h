/* philox_blocks.h: the ten rounds of Philox4x32-10 for many counters side by side, for philox_ISA.c. Such a file says
   what a vector of W 64-bit lanes is: VEC, W; MUL(a, b), the product of the lower halves of each lane; SET1(x); ADD,
   XOR, AND, OR; UP(a) and DOWN(a) by 32 bits; LOW(a, b) and HIGH(a, b), which interleave the lanes within 128 bits;
   OFFSETS; STORE(p, a). Each lane holds a word in its lower half; what is in the upper half is of no account, for MUL
   does not see it. */
#include <stddef.h>
#include <stdint.h>

/* Two vectors of counters at a time: a product takes longer than all the rest, so they fill each other's gaps. */
static inline void rounds(uint64_t key, VEC a[4], VEC b[4])
{
    const VEC m0 = SET1(0xd2511f53), m1 = SET1(0xcd9e8d57);          /* the paper's table 2 */
    uint32_t  k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);        /* go up by the golden ratio and by sqrt(3) - 1 */
    for (int round = 0; round < 10; round++, k0 += 0x9e3779b9u, k1 += 0xbb67ae85u) {
        VEC v0 = SET1(k0), v1 = SET1(k1);
        VEC a0 = MUL(a[0], m0), a2 = MUL(a[2], m1), b0 = MUL(b[0], m0), b2 = MUL(b[2], m1);
        a[0] = XOR(XOR(DOWN(a2), a[1]), v0), a[1] = a2, a[2] = XOR(XOR(DOWN(a0), a[3]), v1), a[3] = a0;
        b[0] = XOR(XOR(DOWN(b2), b[1]), v0), b[1] = b2, b[2] = XOR(XOR(DOWN(b0), b[3]), v1), b[3] = b0;
    }
}

/* Lane 2j counts j, lane 2j + 1 counts W/2 + j (OFFSETS): so the interleaved halves are the blocks in their order. */
static inline void store(uint32_t *out, const VEC a[4])
{
    const VEC lower = SET1(UINT32_MAX);
    VEC first = OR(AND(a[0], lower), UP(a[1])), second = OR(AND(a[2], lower), UP(a[3]));
    STORE(out, LOW(first, second));
    STORE(out + 2 * W, HIGH(first, second));
}

/* Whole groups of 2 W blocks; gives how many blocks were done. */
static inline size_t blocks_of(uint64_t key, uint64_t hi, uint64_t lo, uint32_t *out, size_t blocks)
{
    size_t done = 0;
    for (; blocks - done >= 2 * W; done += 2 * W, out += 8 * W) {
        VEC a = ADD(SET1((int64_t)(lo + done)), OFFSETS), b = ADD(a, SET1(W)), c = SET1((int64_t)hi);
        VEC x[4] = { a, DOWN(a), c, DOWN(c) }, y[4] = { b, DOWN(b), c, DOWN(c) };
        rounds(key, x, y);
        store(out, x);
        store(out + 4 * W, y);
    }
    return done;
}
