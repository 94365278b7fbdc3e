/* philox_avx2.c: Philox blocks, eight at a time. */
#include "base/philox.h"
#include <immintrin.h>

#define W          4
#define VEC        __m256i
#define SET1(x)    _mm256_set1_epi64x((int64_t)(x))
#define MUL(a, b)  _mm256_mul_epu32(a, b)
#define ADD(a, b)  _mm256_add_epi64(a, b)
#define XOR(a, b)  _mm256_xor_si256(a, b)
#define AND(a, b)  _mm256_and_si256(a, b)
#define OR(a, b)   _mm256_or_si256(a, b)
#define UP(a)      _mm256_slli_epi64(a, 32)
#define DOWN(a)    _mm256_srli_epi64(a, 32)
#define LOW(a, b)  _mm256_unpacklo_epi64(a, b)
#define HIGH(a, b) _mm256_unpackhi_epi64(a, b)
#define OFFSETS    _mm256_setr_epi64x(0, 2, 1, 3)
#define STORE(p, a) _mm256_storeu_si256((__m256i *)(void *)(p), a)
#include "base/philox_blocks.h"

size_t cn__philox_blocks_avx2(uint64_t key, uint64_t hi, uint64_t lo, uint32_t *out, size_t blocks)
{
    return blocks_of(key, hi, lo, out, blocks);
}
