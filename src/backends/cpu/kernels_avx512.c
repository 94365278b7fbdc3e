#define ISA_AVX512
#include "backends/cpu/kernels.inc"
