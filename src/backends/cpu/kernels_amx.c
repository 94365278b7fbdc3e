/* kernels_amx.c: products of bfloat16 pairs by tiles; everything else is kernels_avx512.c's. Of C there are four tiles
   of 16 x 16 at a time: 32 rows and columns, or, where the rows are few, 64 columns. A comes in rows of words; a panel
   of B is two tiles side by side as it lies.

   TILE_DOT(c, a, b) is TDPBF16PS (Intel, Software Developer's Manual, volume 2): for each element of C one chain of
   multiply-adds over the former numbers of 16 words, another over the latter ones, their sum, and that added to C;
   rounded to nearest even, denormals zeros, MXCSR neither asked nor written, no exceptions. So an element depends on
   where the depth is cut into 16 words, and on nothing else: every block begins such a step (docs/design.md, decision
   9), and a last one of fewer words is filled up with zeros beside the operands. */
#include "backends/cpu/kernels.h"
#include "backends/cpu/tiles.h"
#include <string.h>

enum { SIDE = 16, STEP = CN__DOT_WORDS, PANEL_ROW = CN__PANEL_COLS * sizeof(float), STEP_OF_B = STEP * CN__PANEL_COLS };

/* Last words of the rows of A and of two panels, columns of C that are no whole block. */
typedef struct ends {
    _Alignas(64) float a[2 * SIDE][STEP], b[2][STEP_OF_B], c[2 * SIDE * CN__PANEL_COLS];
} ends;

/* Tall blocks, of more than 16 rows: C's upper tiles are 0 and 1, its lower ones 2 and 3; A's are 4 and 5, B's 6 and 7.
   Wide ones: C's are 0 to 3, A's 4, B's 5 to 7. */
static void configure(int rows)
{
    const bool     tall = rows > SIDE;
    const unsigned fewer = tall ? 1 << 2 | 1 << 3 | 1 << 5 : 0x1f;
    cn__palette p = { .id = 1 };
    for (int t = 0; t < 8; t++) {
        p.bytes[t] = STEP * sizeof(float);
        p.rows[t] = (uint8_t)(!(fewer >> t & 1) ? SIDE : tall ? rows - SIDE : rows);
    }
    TILES_CONFIGURE(&p);
}

static inline void tall_steps(const float *a, const float *below, int64_t apart, const float *b, int64_t n)
{
    for (; n > 0; n--, a += STEP, below += STEP, b += STEP_OF_B) {
        TILE_LOAD(6, b, PANEL_ROW);
        TILE_LOAD(4, a, apart);
        TILE_DOT(0, 4, 6);
        TILE_LOAD(7, b + SIDE, PANEL_ROW);
        TILE_DOT(1, 4, 7);
        TILE_LOAD(5, below, apart);
        TILE_DOT(2, 5, 6);
        TILE_DOT(3, 5, 7);
    }
}

static inline void wide_steps(const float *a, int64_t apart, const float *b, const float *next, int64_t n)
{
    for (; n > 0; n--, a += STEP, b += STEP_OF_B, next += STEP_OF_B) {
        TILE_LOAD(4, a, apart);
        TILE_LOAD(5, b, PANEL_ROW);
        TILE_DOT(0, 4, 5);
        TILE_LOAD(6, b + SIDE, PANEL_ROW);
        TILE_DOT(1, 4, 6);
        TILE_LOAD(7, next, PANEL_ROW);
        TILE_DOT(2, 4, 7);
        TILE_LOAD(5, next + SIDE, PANEL_ROW);
        TILE_DOT(3, 4, 5);
    }
}

/* All steps of a block: of both panels where it is wide, of the first one where it is tall. */
static void sum_up(const cn__block *k, ends *e, const float *b, const float *next)
{
    const bool    tall = k->rows > SIDE;
    const int64_t n = k->depth / STEP, apart = k->ars * (int64_t)sizeof(float);
    const size_t  last = (size_t)(k->depth % STEP) * PANEL_ROW;
    memcpy(e->b[0], b + n * STEP_OF_B, last);
    if (!tall) memcpy(e->b[1], next + n * STEP_OF_B, last);
    if (tall) {
        tall_steps(k->a, k->a + SIDE * k->ars, apart, b, n);
        tall_steps(e->a[0], e->a[SIDE], sizeof e->a[0], e->b[0], last > 0);
    } else {
        wide_steps(k->a, apart, b, next, n);
        wide_steps(e->a[0], sizeof e->a[0], e->b[0], e->b[1], last > 0);
    }
}

/* A block whose tiles of C lie at c and d; lines: bytes from row to row. */
static void multiply(const cn__block *k, ends *e, const float *b, const float *next, float *c, float *d, int64_t lines)
{
    if (k->add) {
        TILE_LOAD(0, c, lines);
        TILE_LOAD(1, c + SIDE, lines);
        TILE_LOAD(2, d, lines);
        TILE_LOAD(3, d + SIDE, lines);
    } else {
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
        TILE_ZERO(3);
    }
    sum_up(k, e, b, next);
    TILE_STORE(0, c, lines);
    TILE_STORE(1, c + SIDE, lines);
    TILE_STORE(2, d, lines);
    TILE_STORE(3, d + SIDE, lines);
}

/* Where a block has fewer columns its sums lie beside C; a wide one that has a single panel takes that twice. */
static void columns(const cn__block *k, ends *e, int64_t apart, int first, int width)
{
    const int     cols = CN__MIN(k->cols - first, width);
    const bool    whole = cols == width;
    const size_t  bytes = (size_t)cols * sizeof(float);
    const int64_t ldc = whole ? k->ldc : width;
    const float  *b = k->b + first / CN__PANEL_COLS * apart;
    float *at = k->c + first, *c = whole ? at : e->c;
    if (!whole && k->add) {
        memset(e->c, 0, sizeof e->c);
        for (int i = 0; i < k->rows; i++) memcpy(c + i * ldc, at + i * k->ldc, bytes);
    }
    multiply(k, e, b, cols > CN__PANEL_COLS ? b + apart : b, c, c + (k->rows > SIDE ? SIDE * ldc : CN__PANEL_COLS),
             ldc * (int64_t)sizeof(float));
    for (int i = 0; !whole && i < k->rows; i++) memcpy(at + i * k->ldc, c + i * ldc, bytes);
}

/* The tiles are configured once for all columns, which takes as long as some steps, and given back: a thread whose
   tiles are in use is dearer to switch. */
void cn__product_amx(const cn__block *k, int64_t apart)
{
    const int    width = k->rows > SIDE ? CN__PANEL_COLS : 2 * CN__PANEL_COLS;
    const size_t last = (size_t)(k->depth % STEP) * sizeof(float);
    ends e;
    if (last) {
        memset(e.a, 0, sizeof e.a);
        memset(e.b, 0, sizeof e.b);
        for (int i = 0; i < k->rows; i++) memcpy(e.a[i], k->a + i * k->ars + k->depth / STEP * STEP, last);
    }
    configure(k->rows);
    for (int j = 0; j < k->cols; j += width) columns(k, &e, apart, j, width);
    TILES_RELEASE();
}
