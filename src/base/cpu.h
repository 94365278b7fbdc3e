/* cpu.h: what the processor can do, by CPUID bits and its maker, never by model numbers; filled once. */
#ifndef CN__CPU_H
#define CN__CPU_H
#include <stddef.h>
#include <stdbool.h>

typedef enum cn__level_isa { CN__PORTABLE = 1, CN__AVX2, CN__AVX512 } cn__isa;
typedef struct cn__cpu {
    bool avx2, fma, f16c, avx512f, avx512bw, avx512vl, avx512dq, avx512_bf16, avx512_vnni, amx_bf16;
    bool intel;                                          /* made by Intel */
    bool tiles;                        /* products of bfloat16 are dots of tiles, by AMX: see choose_tiles */
    bool pairs;                        /* products of bfloat16 are dots of pairs, by AVX512-BF16: see choose_pairs */
    size_t l1d, l2, l3;                                  /* bytes; of one core, one core, the chip */
    int    processors;                                   /* that this process may use */
    cn__isa isa;                       /* the best, or what CN_CPU=avx512|avx2|portable forces (never above the best) */
    char   name[64];
} cn__cpu;
const cn__cpu *cn__cpu_info(void);
size_t cn__machine_memory(void);                         /* bytes; less where a container has less */
#endif
