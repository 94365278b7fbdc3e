#define ISA_AVX2
#include "backends/cpu/kernels.inc"
