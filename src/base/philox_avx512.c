/* philox_avx512.c: Philox blocks, sixteen at a time. */
#include "base/philox.h"
#include <immintrin.h>

#define W          8
#define VEC        __m512i
#define SET1(x)    _mm512_set1_epi64((int64_t)(x))
#define MUL(a, b)  _mm512_mul_epu32(a, b)
#define ADD(a, b)  _mm512_add_epi64(a, b)
#define XOR(a, b)  _mm512_xor_si512(a, b)
#define AND(a, b)  _mm512_and_si512(a, b)
#define OR(a, b)   _mm512_or_si512(a, b)
#define UP(a)      _mm512_slli_epi64(a, 32)
#define DOWN(a)    _mm512_srli_epi64(a, 32)
#define LOW(a, b)  _mm512_unpacklo_epi64(a, b)
#define HIGH(a, b) _mm512_unpackhi_epi64(a, b)
#define OFFSETS    _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7)
#define STORE(p, a) _mm512_storeu_si512(p, a)
#include "base/philox_blocks.h"

size_t cn__philox_blocks_avx512(uint64_t key, uint64_t hi, uint64_t lo, uint32_t *out, size_t blocks)
{
    return blocks_of(key, hi, lo, out, blocks);
}
