/* cpu.c: what the processor can do, by CPUID bits; a feature counts only where the system saves its registers. */
#include "base/cpu.h"
#include "base/base.h"
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined __x86_64__
#include <cpuid.h>
#include <sys/syscall.h>

typedef struct regs { unsigned a, b, c, d; } regs;

static regs cpuid(unsigned leaf, unsigned sub)           /* zeros where there is no such leaf */
{
    regs r = { 0, 0, 0, 0 };
    __get_cpuid_count(leaf, sub, &r.a, &r.b, &r.c, &r.d);
    return r;
}

static uint64_t saved_registers(void)                    /* XCR0 */
{
    unsigned low, high;
    if (!(cpuid(1, 0).c & bit_OSXSAVE)) return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* Linux saves the registers of tiles, 8 KiB a thread, for a process that has asked (5.16, Documentation/x86/xstate). */
static bool tiles_granted(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
}

static void find_features(cn__cpu *c)
{
    const uint64_t ymm = 0x6, zmm = 0xe6, tiles = 0x60000;
    regs maker = cpuid(0, 0);
    c->intel = maker.b == signature_INTEL_ebx && maker.c == signature_INTEL_ecx && maker.d == signature_INTEL_edx;
    uint64_t saved = saved_registers();
    regs one = cpuid(1, 0), seven = cpuid(7, 0), more = cpuid(7, 1);
    if ((saved & ymm) == ymm) {
        c->fma  = one.c & bit_FMA;
        c->f16c = one.c & bit_F16C;
        c->avx2 = seven.b & bit_AVX2;
    }
    if ((saved & zmm) == zmm) {
        c->avx512f  = seven.b & bit_AVX512F;
        c->avx512dq = seven.b & bit_AVX512DQ;
        c->avx512bw = seven.b & bit_AVX512BW;
        c->avx512vl = seven.b & bit_AVX512VL;
        c->avx512_vnni = seven.c & 1u << 11;
        c->avx512_bf16 = more.a & 1u << 5;
    }
    if ((saved & tiles) == tiles && seven.d & 1u << 24) c->amx_bf16 = seven.d & 1u << 22 && tiles_granted();
}

/* The deterministic cache parameters: leaf 4 at Intel, 0x8000001d at AMD, in one form. */
static void find_caches(cn__cpu *c)
{
    unsigned leaf = cpuid(4, 0).a & 31 ? 4 : 0x8000001du;
    for (unsigned i = 0; i < 16; i++) {
        regs r = cpuid(leaf, i);
        unsigned kind = r.a & 31, level = r.a >> 5 & 7;
        size_t bytes = (size_t)((r.b >> 22) + 1) * ((r.b >> 12 & 1023) + 1) * ((r.b & 4095) + 1) * ((size_t)r.c + 1);
        if (kind == 0) break;
        if (kind == 2) continue;                         /* of instructions */
        *(level == 1 ? &c->l1d : level == 2 ? &c->l2 : &c->l3) = bytes;
    }
}

static void find_name(cn__cpu *c)
{
    if (cpuid(0x80000000u, 0).a < 0x80000004u) return;
    for (unsigned i = 0; i < 3; i++) {
        regs r = cpuid(0x80000002u + i, 0);
        memcpy(c->name + 16 * i, &r, 16);
    }
    c->name[48] = 0;
}
#else
static void find_features(cn__cpu *c) { (void)c; }
static void find_caches  (cn__cpu *c) { (void)c; }
static void find_name    (cn__cpu *c) { (void)c; }
#endif

static int count_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CN__MAX(CPU_COUNT(&set), 1);
    return (int)CN__MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
}

static cn__isa choose_isa(const cn__cpu *c)
{
    cn__isa best = CN__PORTABLE;
    if (c->avx2 && c->fma && c->f16c) best = CN__AVX2;
    if (best == CN__AVX2 && c->avx512f && c->avx512bw && c->avx512vl && c->avx512dq) best = CN__AVX512;
    const char *forced = getenv("CN_CPU");
    if (forced && !strcmp(forced, "portable")) return CN__PORTABLE;
    if (forced && !strcmp(forced, "avx2")) return CN__MIN(best, CN__AVX2);
    return best;
}

/* A dot of pairs runs at twice the rate of float32 on AMD's cores and at half of it on Intel's, where the float32 chain
   of the same numbers is faster. CN_CPU=avx512 is AVX-512 as all processors have it. */
static bool choose_pairs(const cn__cpu *c)
{
    return c->isa == CN__AVX512 && c->avx512_bf16 && !c->intel && !getenv("CN_CPU");
}

/* Dots of tiles run at some 14 times the rate of float32; words of pairs are made by AVX512-BF16. */
static bool choose_tiles(const cn__cpu *c)
{
    return c->isa == CN__AVX512 && c->avx512_bf16 && c->amx_bf16 && !getenv("CN_CPU");
}

static cn__cpu info;
static void find(void)
{
    find_features(&info);
    find_caches(&info);
    find_name(&info);
    if (!info.name[0]) snprintf(info.name, sizeof info.name, "an unknown processor");
    if (!info.l1d) info.l1d = 32u << 10;                 /* what nearly all have at least, where it cannot be asked */
    if (!info.l2) info.l2 = 256u << 10;
    if (!info.l3) info.l3 = 4u << 20;
    info.processors = count_processors();
    info.isa = choose_isa(&info);
    info.pairs = choose_pairs(&info);
    info.tiles = choose_tiles(&info);
}

const cn__cpu *cn__cpu_info(void)
{
    static pthread_once_t found = PTHREAD_ONCE_INIT;
    pthread_once(&found, find);
    return &info;
}

size_t cn__machine_memory(void)
{
    long   pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t bytes = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX;
    unsigned long long container;                        /* control groups, version 2: a number, or "max" */
    FILE  *f = fopen("/sys/fs/cgroup/memory.max", "re");
    if (f) {
        if (fscanf(f, "%llu", &container) == 1 && container < bytes) bytes = (size_t)container;
        fclose(f);
    }
    return bytes;
}
