#define ISA_AVX2
#define LIMITS ISA(cn__limits)
#include "backends/cpu/limits.inc"
