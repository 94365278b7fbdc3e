/* kernels.h: the table of vector kernels, one for each instruction set; which one runs is chosen once, by CPUID bits or
   CN_CPU. */
#ifndef CN__KERNELS_H
#define CN__KERNELS_H
#include "backends/backend.h"

enum {
    CN__PANEL_COLS = 32,
    CN__DOT_WORDS = 16,                                  /* of the depth, that one instruction may sum */
    CN__TILE = 256,                                      /* numbers of a register of a chain */
    CN__SOFTMAX_FEW = 32,                                /* numbers of a row that shares its vectors with other rows */
    CN__DRAWN = 512, CN__DRAWN_STEP = 16,                /* random numbers at a time, and a multiple of so many */
    CN__LAYER_MOST = 64,                                 /* rows, inputs, units of a layer of few */
    CN__LAYER_SCRATCH = 2 * CN__LAYER_MOST * CN__LAYER_MOST      /* numbers */
};

/* C (rows x cols, row-major, ldc) = or += A B. A: element (i, k) at a[i ars + k aks]. B: panels of 32 columns,
   [depth][32], zero padded, the first one at b. A and B consist of words, depth counts words: float32 numbers, or pairs
   of bfloat16 numbers that follow each other along the depth, the former in the lower half. */
typedef struct cn__block {
    const float *a, *b;
    float *c;
    int64_t ars, aks, ldc, depth;
    int rows, cols;
    bool add;
} cn__block;

/* Products of one kind of words. */
typedef struct cn__products {
    const char *name;
    int rows, words;                                     /* of the largest block; a multiple of CN__DOT_WORDS */
    bool in_rows;                                        /* A comes in rows of words: aks = 1 */
    void (*product)(const cn__block *, int64_t apart);   /* panels of B so far apart */
    void (*product_row)(const cn__block *, int64_t apart);   /* one row */
    /* Of bfloat16 pairs only. Words of n numbers in a row; of n numbers and those of the next row (NULL: zeros). */
    void (*along)(const float *x, int64_t n, float *to);
    void (*across)(const float *x, const float *after, int64_t n, float *to);
} cn__products;

/* Operands of a chain: element (r, c) at p[r rs + c cs]. */
typedef struct cn__operand { const float *p; int64_t rs, cs; } cn__operand;

/* A layer of few units: y = f(x w + b); backward dx, dw, db, where they are wanted. */
typedef struct cn__layer_args {
    const float *x, *w, *b, *dy;
    float *y, *dx, *dw, *db;
    int batch, in, out, act;
} cn__layer_args;

/* B (depth x cols), element (k, c) at b[k rs + c cs], and where its panels go. transposed: B is a transposed weight. */
typedef struct cn__pack { const float *b; float *to; int64_t rs, cs, depth, cols; bool bf16, transposed; } cn__pack;
/* Panels j0 .. j1, of them the rows k0 .. k1; k0 is a multiple of 32 (panels.c). */
void cn__pack_rows(const cn__pack *, int64_t j0, int64_t j1, int64_t k0, int64_t k1);

/* One variable of an update: weights and slots before and after. */
typedef struct cn__number { const void *at; int32_t dtype, pad; } cn__number;
typedef struct cn__segment {
    const float *old[4], *g;
    float  *w[4];
    cn__number rate, t;
    int64_t n, rows, cols;                               /* rows, cols: of a matrix with mirrors */
    int32_t mirrors;
    bool    panels;                                      /* all of it lies in panels, [cols / 32][rows][32] */
    cn__pack mirror[4];                                  /* written with it */
} cn__segment;
typedef struct cn__update {
    union { cn__a_sgd sgd; cn__a_rmsprop rmsprop; cn__a_adam adam; } how;
    int64_t total, tasks;                                /* numbers of all segments */
    int32_t slots, segments;
    bool    in_place;
    cn__segment segment[];
} cn__update;

/* Random numbers from bits: a and b are the op's; normal ones are the inverse of the distribution at least + share u,
   0 < u < 1. */
typedef struct cn__draw { double a, b, least, share; } cn__draw;
typedef void cn__drawer(const uint32_t *bits, int n, const cn__draw *, float *y);

/* Where the k-th of so many equal parts of n begins. A division costs as much as a small network's call. */
static inline int64_t cn__cut(int64_t n, int64_t parts, int64_t k) { return parts == 1 ? n * k : n * k / parts; }

typedef struct cn__kernels {
    const char *name;
    cn__products products;                               /* of float32 */
    /* Runs the program over rows x cols; in: its first nin registers; outputs as operands; reg: CN__TILE_REGS x
       CN__TILE numbers. */
    void (*chain)(const cn__a_fused *, const cn__operand *in, int nin, const cn__operand *out, int64_t rows,
                  int64_t cols, float *reg);
    /* columns first .. first + n: sums down */
    void (*sum_rows)(const float *x, int64_t rows, int64_t cols, int64_t first, int64_t n, float *out);
    float (*sum)(const float *x, int64_t n);
    float (*max)(const float *x, int64_t n);
    void (*softmax)(const float *x, int64_t n, float *y, bool logs);     /* y = softmax x, or its logarithm */
    /* of at most CN__SOFTMAX_FEW numbers a row: y = scale softmax x, log_sum = ln sum e^x; NULL: not wanted, scale 1 */
    void (*softmax_few)(const float *x, int64_t rows, int n, const float *scale, float *y, float *log_sum);
    float (*exp_sum)(const float *x, int64_t n, float max);              /* sum e^(x - max) */
    void (*exp_scaled)(const float *x, int64_t n, float max, float scale, float *y);
    void (*transpose)(const float *b, int64_t cs, float *to);  /* 16 rows of a panel, [16][32]: (k, c) at b[k + c cs] */
    cn__fn dense, dense_grad;                            /* calls with cn__layer_args; scratch: CN__LAYER_SCRATCH */
    /* numbers of this type as float32; false: no kernel for the type */
    bool (*widen)(float *restrict to, uint32_t dtype, const void *restrict from, int64_t n);
    cn__drawer *bernoulli, *uniform, *normal;
    cn__fn sgd, rmsprop, adam;                           /* calls with cn__update */
} cn__kernels;

extern const cn__kernels cn__kernels_avx512, cn__kernels_avx2, cn__kernels_portable;
extern const cn__products cn__products_bf16_avx512, cn__products_bf16_avx2, cn__products_bf16_portable,
    cn__products_avx512_bf16, cn__products_amx;
void cn__product_amx(const cn__block *, int64_t apart);
const cn__kernels *cn__cpu_kernels(void);
#endif
