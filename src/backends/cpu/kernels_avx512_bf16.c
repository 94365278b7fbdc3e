/* kernels_avx512_bf16.c: products of bfloat16 pairs by one instruction; everything else is kernels_avx512.c's. Where
   tiles multiply (kernels_amx.c), words are made here too. */
#define ISA_AVX512
#include "backends/cpu/kernels.h"
#include "backends/cpu/vec.h"

static inline vf v_dot(vf a, vf b, vf sum) { return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b); }

#define PAIRS_TABLE cn__products_avx512_bf16
#define PAIRS_NAME  "avx512_bf16"
#include "backends/cpu/product.inc"
#include "backends/cpu/product_bf16.inc"

/* Of the depth so many words that 32 rows of A stay in a first cache of 48 KiB, while panels of B go past. */
const cn__products cn__products_amx = {
    .name = "amx", .rows = 32, .words = 192, .in_rows = true, .product = cn__product_amx,
    .product_row = cn__product_amx, .along = pairs_along, .across = pairs_across,
};
