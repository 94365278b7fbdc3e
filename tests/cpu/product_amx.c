/* product_amx.c: products by tiles. The kernel is compiled a second time, with a model of the instructions (every use
   of a tile is checked), and held against a plain loop with the order of sums that the manual gives, bit for bit. Then
   the library's own kernel, whose instructions the model runs where the processor has none: on a machine with tiles the
   same checks judge the hardware, and the model. plans_amx.c does so with whole plans. */
#include "check.h"
#include "base/cpu.h"
#include "tile_model.h"
#include <sys/mman.h>
#include <unistd.h>

#define TILES_CONFIGURE(palette)   tiles_configure(palette)
#define TILES_RELEASE()            tiles_release()
#define TILE_ZERO(t)               tile_zero(t)
#define TILE_LOAD(t, from, apart)  tile_load(t, from, apart)
#define TILE_STORE(t, to, apart)   tile_store(t, to, apart)
#define TILE_DOT(c, a, b)          tile_dot(c, a, b)
#define cn__product_amx modelled
#include "backends/cpu/kernels_amx.c"
#include "backends/cpu/limits.h"

typedef void product_fn(const cn__block *, int64_t apart);

/* ---- Memory that ends where it must not be touched --------------------------------------------------------------- */
typedef struct guarded { char *base; size_t whole; uint32_t *at; size_t words; } guarded;

static guarded guard(size_t words)
{
    size_t  page = (size_t)sysconf(_SC_PAGESIZE), bytes = (words * 4 + page - 1) / page * page;
    guarded g = { .whole = bytes + 2 * page, .words = words };
    g.base = mmap(NULL, g.whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.base == MAP_FAILED || (bytes && mprotect(g.base + page, bytes, PROT_READ | PROT_WRITE))) exit(2);
    g.at = (uint32_t *)(void *)(g.base + page + bytes - words * 4);
    return g;
}

static void release(guarded *g) { munmap(g->base, g->whole); }

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static uint32_t state = 1;
static uint32_t drawn(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* A bfloat16 number: a whole one; or one below 1, one in 32 denormal. */
static uint32_t number_drawn(bool whole)
{
    float x = whole ? (float)((int)(drawn() % 19) - 9) : (float)drawn() * 0x1p-23f - 1;
    if (!whole && drawn() % 32 == 0) x *= 0x1p-127f;
    return bits_of(x) >> 16;
}

static void fill_words(guarded *g, bool whole)
{
    for (size_t i = 0; i < g->words; i++) g->at[i] = number_drawn(whole), g->at[i] |= number_drawn(whole) << 16;
}

/* ---- The plain loop ---------------------------------------------------------------------------------------------- */
static float plain(const cn__block *k, int64_t apart, int row, int col, float sum)
{
    const float *b = k->b + col / CN__PANEL_COLS * apart + col % CN__PANEL_COLS;
    for (int64_t first = 0; first < k->depth; first += 16) {
        float former = 0, latter = 0;
        for (int64_t w = first; w < k->depth && w < first + 16; w++) {
            uint32_t x = bits_of(k->a[row * k->ars + w]), y = bits_of(b[w * CN__PANEL_COLS]);
            former = flushed(fmaf(former_of(x), former_of(y), former));
            latter = flushed(fmaf(latter_of(x), latter_of(y), latter));
        }
        sum = flushed(sum + flushed(former + latter));
    }
    return sum;
}

/* What the kernel's variables will lie in: NaN, which nothing may be multiplied by. */
__attribute__((noinline)) static void spoil_stack(void)
{
    char at[1 << 15];
    memset(at, 0xff, sizeof at);
    __asm__ volatile("" ::"r"(at) : "memory");
}

typedef struct sizes_of { int rows, cols; int64_t depth; bool add, whole; } sizes_of;

/* Operands end at guards; C has columns behind the last one, which stay. */
static bool agrees(product_fn *f, sizes_of s)
{
    enum { BEHIND = 5, UNTOUCHED = 0x7fc12345 };
    int64_t panels = (s.cols + CN__PANEL_COLS - 1) / CN__PANEL_COLS, ars = s.depth + (s.rows > 1 ? s.depth % 3 : 0);
    int64_t apart = s.depth * CN__PANEL_COLS, ldc = s.cols + BEHIND;
    guarded a = guard((size_t)((s.rows - 1) * ars + s.depth)), b = guard((size_t)(panels * apart));
    guarded c = guard((size_t)((s.rows - 1) * ldc + s.cols));
    int     bad = 0;
    cn__block k = { .a = (float *)(void *)a.at, .b = (float *)(void *)b.at, .c = (float *)(void *)c.at, .ars = ars,
                    .aks = 1, .ldc = ldc, .depth = s.depth, .rows = s.rows, .cols = s.cols, .add = s.add };
    fill_words(&a, s.whole);
    fill_words(&b, s.whole);
    float *before = calloc(c.words, sizeof *before);
    if (!before) exit(2);
    for (size_t i = 0; i < c.words; i++) {
        bool inside = (int64_t)i % ldc < s.cols;
        before[i] = (float)(int)(drawn() % 19) - 9;
        c.at[i] = inside && s.add ? bits_of(before[i]) : UNTOUCHED;
    }
    spoil_stack();
    f(&k, apart);
    for (size_t i = 0; i < c.words; i++) {
        int      row = (int)((int64_t)i / ldc), col = (int)((int64_t)i % ldc);
        uint32_t should = UNTOUCHED;
        if (col < s.cols) should = bits_of(plain(&k, apart, row, col, s.add ? before[i] : 0));
        bad += c.at[i] != should;
    }
    if (bad)
        CHECK_FAIL("%dx%dx%lld words%s: %d of %zu are wrong", s.rows, s.cols, (long long)s.depth,
                   s.add ? ", added" : "", bad, c.words);
    free(before);
    release(&a), release(&b), release(&c);
    return !bad;
}

/* Every number of rows, columns around every edge, depths around every step; of all that, one in so many. */
static void all_sizes(product_fn *f, bool whole, int one_in)
{
    static const int     cols[] = { 1, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 96, 100, 129 };
    static const int64_t depths[] = { 0, 1, 2, 15, 16, 17, 32, 33, 50 };
    int n = 0;
    state = 1;
    for (int rows = 1; rows <= 32; rows++)
        for (size_t c = 0; c < CN__COUNT(cols); c++)
            for (size_t d = 0; d < CN__COUNT(depths); d++, n++) {
                sizes_of s = { rows, cols[c], depths[d], n / one_in % 2, whole };
                if (n % one_in == 0 && !agrees(f, s)) return;
            }
    CHECK_INT(tile_faults, 0);
}

TEST(whole_numbers_are_exact) { all_sizes(modelled, true, 2); }
TEST(sums_have_the_order_of_the_instruction) { all_sizes(modelled, false, 1); }

TEST(misuse_of_tiles_is_seen)
{
    static float x[16][16];
    cn__palette p = { .id = 1 };
    int         seen = tile_faults;
    for (int t = 0; t < 8; t++) p.bytes[t] = 64, p.rows[t] = t == 3 ? 0 : t == 5 ? 15 : 16;
    p.rows[2] = 17;
    tiles_configure(&p), seen++;                         /* 17 rows, and then: bytes without rows */
    CHECK_INT(tile_faults, seen + 1);
    tile_load(2, x, 64);                                 /* not configured */
    tile_dot(0, 1, 1);                                   /* twice the same */
    tile_dot(0, 5, 1);                                   /* 16 rows of C, 15 of A */
    tile_dot(0, 1, 5);                                   /* 16 words of A, 15 rows of B */
    CHECK_INT(tile_faults, seen + 5);
    tiles_release();
    tile_zero(0);                                        /* not any more */
    CHECK_INT(tile_faults, seen + 6);
    tile_faults = 0;
}

#if defined __x86_64__
/* ---- The instructions -------------------------------------------------------------------------------------------- */
TEST(instructions_do_the_same)
{
    if (cn__cpu_info()->isa < CN__AVX512) SKIP("the kernel's file is for processors with AVX-512");
    model_missing_instructions();
    all_sizes(cn__products_amx.product, true, cn__cpu_info()->amx_bf16 ? 1 : 61);
    all_sizes(cn__products_amx.product, false, cn__cpu_info()->amx_bf16 ? 1 : 37);
}

TEST(the_limit_counts_what_it_does)
{
    float sum = 1;
    if (cn__cpu_info()->isa < CN__AVX512) SKIP("the loop's file is for processors with AVX-512");
    model_missing_instructions();
    CHECK_NEAR(cn__limits_amx.multiply_adds(3, &sum), 3 * 4 * (16. * 16 * 32) * 2, 0);
    CHECK_NEAR(sum, 0, 0);
    CHECK_INT(tile_faults, 0);
}
#endif

CHECK_MAIN
