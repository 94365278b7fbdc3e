/* philox.h: counter-based random numbers, Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
   SC11). Any element of any stream is computed directly, so the bits never depend on threads or on the order of work.
   */
#ifndef CN__PHILOX_H
#define CN__PHILOX_H
#include <stddef.h>
#include <stdint.h>

typedef struct cn__philox { uint32_t v[4]; } cn__philox;
cn__philox cn__philox4x32(uint64_t key, uint64_t counter_hi, uint64_t counter_lo);

/* Element i of (seed, stream, step): key = seed mixed with stream, counter = (step, i / 4), lane i % 4. */
uint32_t cn__random_bits(uint64_t seed, uint64_t stream, uint64_t step, uint64_t i);
/* the same bits */
void     cn__random_fill(uint64_t seed, uint64_t stream, uint64_t step, uint64_t first, uint32_t *out, uint64_t n);
static inline double cn__unit(uint32_t bits) { return ((double)bits + 0.5) * 0x1p-32; }     /* (0, 1), for logarithms */
static inline float  cn__unit_f32(uint32_t bits) { return (float)(bits >> 8) * 0x1p-24f; }      /* [0, 1) */
/* The ratios of polynomials that cn__normal_of is made of, for vectors: near the middle q = p - 1/2 times a ratio in
   0.425^2 - q^2, else one in sqrt(-ln s) - 1.6, s the smaller of p and 1 - p. Below e^-25 there is a third one, but no
   cn__unit is below 2^-33. */
typedef struct cn__ratio { double above[8], below[7]; } cn__ratio;   /* below begins with 1 */
extern const cn__ratio cn__normal_middle, cn__normal_sides;
double   cn__normal_of(uint32_t bits);                   /* the inverse of the normal distribution at cn__unit(bits) */
double   cn__truncated_normal_of(uint32_t bits);         /* within two standard deviations */
/* 0..n-1 shuffled: Fisher-Yates */
void     cn__permute(uint64_t seed, uint64_t stream, uint64_t step, uint32_t *order, uint32_t n);

/* Blocks of four words for counters lo, lo + 1 ...: the instruction sets' own; whole groups only, gives how many were
   done. */
size_t cn__philox_blocks_avx2  (uint64_t key, uint64_t counter_hi, uint64_t counter_lo, uint32_t *out, size_t blocks);
size_t cn__philox_blocks_avx512(uint64_t key, uint64_t counter_hi, uint64_t counter_lo, uint32_t *out, size_t blocks);
#endif
