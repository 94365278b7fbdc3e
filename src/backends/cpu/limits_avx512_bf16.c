/* limits_avx512_bf16.c: dots of bfloat16 pairs: two products and two sums a number. */
#define ISA_AVX512
#define LIMITS cn__limits_avx512_bf16
#define STEP(sum, a, b) _mm512_dpbf16_ps(sum, (__m512bh)(a), (__m512bh)(b))
enum { OPERATIONS = 4 };
#include "backends/cpu/limits.inc"
