/* tile_model.h: what the instructions on tiles do (AMX; Intel, Software Developer's Manual, volume 2), in plain C, for
   machines that lack them. Each thread has its tiles. What an instruction would refuse is counted as a fault. */
#ifndef TILE_MODEL_H
#define TILE_MODEL_H
#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { TILE_COUNT = 8, TILE_MOST_ROWS = 16, TILE_MOST_BYTES = 64, TILE_MOST_WORDS = TILE_MOST_BYTES / 4 };
typedef struct tile { int rows, bytes; uint32_t word[TILE_MOST_ROWS][TILE_MOST_WORDS]; } tile;
static _Thread_local tile tiles[TILE_COUNT];
static atomic_int tile_faults;

static bool allowed(bool condition)
{
    if (!condition) atomic_fetch_add(&tile_faults, 1);
    return condition;
}

static bool usable(int t) { return allowed(t >= 0 && t < TILE_COUNT && tiles[t].rows && tiles[t].bytes % 4 == 0); }

static void tiles_release(void) { memset(tiles, 0, sizeof tiles); }

/* 64 bytes: palette, row to begin with, 14 of nothing; bytes of the rows of 16 tiles; rows of 16 tiles. */
static void tiles_configure(const void *from)
{
    uint8_t  byte[64];
    uint16_t bytes[16];
    memcpy(byte, from, sizeof byte);
    memcpy(bytes, byte + 16, sizeof bytes);
    tiles_release();
    allowed(byte[0] == 1);
    for (int i = 1; i < 16; i++) allowed(byte[i] == 0);
    for (int t = 0; t < 16; t++) {
        int  rows = byte[48 + t];
        bool good = t < TILE_COUNT ? rows <= TILE_MOST_ROWS && bytes[t] <= TILE_MOST_BYTES && !rows == !bytes[t]
                                   : !rows && !bytes[t];
        if (allowed(good) && t < TILE_COUNT) tiles[t].rows = rows, tiles[t].bytes = bytes[t];
    }
}

static void tile_zero(int t)
{
    if (usable(t)) memset(tiles[t].word, 0, sizeof tiles[t].word);
}

static void tile_load(int t, const void *from, int64_t apart)
{
    if (!usable(t)) return;
    memset(tiles[t].word, 0, sizeof tiles[t].word);
    for (int i = 0; i < tiles[t].rows; i++)
        memcpy(tiles[t].word[i], (const char *)from + i * apart, (size_t)tiles[t].bytes);
}

static void tile_store(int t, void *to, int64_t apart)
{
    for (int i = 0; usable(t) && i < tiles[t].rows; i++)
        memcpy((char *)to + i * apart, tiles[t].word[i], (size_t)tiles[t].bytes);
}

static inline float flushed(float x) { return fabsf(x) < FLT_MIN ? copysignf(0, x) : x; }
static inline float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return flushed(x);
}
static inline float former_of(uint32_t word) { return float_of(word << 16); }
static inline float latter_of(uint32_t word) { return float_of(word & 0xffff0000u); }

/* The product of two numbers of 8 bits is exact in float64, and a sum with a float32 that is then rounded to float32 is
   rounded as if once: if it was not exact, the lesser number is too small to matter. */
static inline float multiply_added(float a, float b, float sum) { return flushed((float)((double)a * b + sum)); }

/* TDPBF16PS */
static void tile_dot(int c, int a, int b)
{
    const tile *x = &tiles[a], *y = &tiles[b];
    if (!usable(a) || !usable(b) || !usable(c) || !allowed(a != b && b != c && a != c)) return;
    tile *z = &tiles[c];
    if (!allowed(z->rows == x->rows && z->bytes == y->bytes && x->bytes / 4 == y->rows)) return;
    for (int i = 0; i < z->rows; i++) {
        float former[TILE_MOST_WORDS] = { 0 }, latter[TILE_MOST_WORDS] = { 0 };
        for (int k = 0; k < y->rows; k++)
            for (int j = 0; j < TILE_MOST_WORDS; j++) {
                former[j] = multiply_added(former_of(x->word[i][k]), former_of(y->word[k][j]), former[j]);
                latter[j] = multiply_added(latter_of(x->word[i][k]), latter_of(y->word[k][j]), latter[j]);
            }
        for (int j = 0; j < z->bytes / 4; j++) {
            float sum = flushed(float_of(z->word[i][j]) + flushed(former[j] + latter[j]));
            memcpy(&z->word[i][j], &sum, sizeof sum);
        }
    }
}

/* ---- Where a processor lacks them, its instructions are run by the model ----------------------------------------- */
#if defined __x86_64__
#include <signal.h>
#include <ucontext.h>

static const int tile_regs[] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                 REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };

/* The address of a memory operand and, as the index of its SIB byte, the bytes from row to row. p: the ModRM byte.
   Gives what follows the operand. */
static const uint8_t *memory_of(const greg_t *regs, const uint8_t *p, int x, int b, char **at, int64_t *apart)
{
    int     mod = *p >> 6, rm = *p & 7;
    bool    relative = false, wide = mod == 2;
    greg_t  address = 0;
    int32_t more = 0;
    p++;
    *apart = 0;
    if (rm == 4) {                                       /* SIB */
        int index = (*p >> 3 & 7) | x << 3, base = *p & 7;
        if (index != 4) *apart = regs[tile_regs[index]] * (1 << (*p >> 6));
        if (mod == 0 && base == 5) wide = true;
        else address = regs[tile_regs[base | b << 3]];
        p++;
    } else if (mod == 0 && rm == 5) relative = wide = true;
    else address = regs[tile_regs[rm | b << 3]];
    if (wide) memcpy(&more, p, 4), p += 4;
    else if (mod == 1) more = (int8_t)*p++;
    if (relative) address = (greg_t)(uintptr_t)p;        /* the next instruction's */
    *at = (char *)(uintptr_t)(address + more);
    return p;
}

/* Runs one instruction on tiles; false: it is none. VEX.128, map 0f38, W 0: c4 RXBmmmmm WvvvvLpp opcode ModRM. */
static bool run_tile_instruction(greg_t *regs)
{
    const uint8_t *p = (const uint8_t *)(uintptr_t)regs[REG_RIP];
    if (p[0] != 0xc4 || (p[1] & 0x1f) != 2 || p[2] & 0x84) return false;
    int     x = !(p[1] & 0x40), b = !(p[1] & 0x20), v = ~p[2] >> 3 & 15, pp = p[2] & 3, reg = p[4] >> 3 & 7;
    bool    registers = p[4] >> 6 == 3;
    int64_t apart;
    char   *at;
    const uint8_t *next = p + 5;
    if (p[3] == 0x5c && pp == 2 && registers) tile_dot(reg, p[4] & 7, v);
    else if (p[3] == 0x49 && pp == 0 && p[4] == 0xc0) tiles_release();
    else if (p[3] == 0x49 && pp == 3 && registers) tile_zero(reg);
    else if (registers || (p[3] != 0x4b && p[3] != 0x49)) return false;
    else {
        next = memory_of(regs, p + 4, x, b, &at, &apart);
        if (p[3] == 0x49 && pp == 0 && !reg) tiles_configure(at);
        else if (p[3] == 0x4b && pp == 3) tile_load(reg, at, apart);
        else if (p[3] == 0x4b && pp == 2) tile_store(reg, at, apart);
        else return false;
    }
    regs[REG_RIP] = (greg_t)(uintptr_t)next;
    return true;
}

/* What is no instruction on tiles ends the program as it would have without us. */
static void run_tile_instructions(int number, siginfo_t *info, void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    bool    any = false;
    (void)info;
    while (run_tile_instruction(regs)) any = true;
    if (!any) signal(number, SIG_DFL);
}

static void model_missing_instructions(void)
{
    struct sigaction how = { .sa_sigaction = run_tile_instructions, .sa_flags = SA_SIGINFO };
    sigaction(SIGILL, &how, NULL);
}
#endif
#endif
