#define ISA_AVX512
#define LIMITS ISA(cn__limits)
#include "backends/cpu/limits.inc"
