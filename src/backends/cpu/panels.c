/* panels.c: operands of products in the form that the kernels read. B lies in panels of 32 columns, [panel][depth][32],
   zeros behind the last column; in words of two bfloat16 numbers where the product takes such, A then as well. Panels
   of weights stay from step to step as mirrors: an update writes them with the master. */
#include "backends/cpu/panels.h"
#include "base/cpu.h"
#include <string.h>

enum { BLOCK = 16, STRIP = 2 * BLOCK, TOGETHER = 4, TASKS = 64 };

/* Which sums bfloat16 products have is the machine's matter alone: its features and its maker, by this table. Dots of
   pairs are twice as fast as float32 on AMD's processors and half as fast on Intel's, which have tiles instead. */
const cn__products *cn__products_of(bool bf16)
{
    if (!bf16) return &cn__cpu_kernels()->products;
#if defined __x86_64__
    if (cn__cpu_info()->tiles) return &cn__products_amx;
    if (cn__cpu_info()->pairs) return &cn__products_avx512_bf16;
    switch (cn__cpu_info()->isa) {
    case CN__AVX512: return &cn__products_bf16_avx512;
    case CN__AVX2:   return &cn__products_bf16_avx2;
    default:         break;
    }
#endif
    return &cn__products_bf16_portable;
}

/* ---- Panels of B ------------------------------------------------------------------------------------------------- */
/* Rows k .. end of one panel: n columns of B from b on, element (k, c) at b[k rs + c cs]; k is a multiple of STRIP, to
   is where row k goes. */
static void pack_floats(const cn__pack *p, const float *b, int64_t k, int64_t end, int64_t n, float *to)
{
    if (p->rs == 1 && n == CN__PANEL_COLS)
        for (; k + BLOCK <= end; k += BLOCK, to += BLOCK * CN__PANEL_COLS)
            cn__cpu_kernels()->transpose(b + k, p->cs, to);
    for (; k < end; k++, to += CN__PANEL_COLS) {
        if (p->cs == 1 && n == CN__PANEL_COLS) memcpy(to, b + k * p->rs, CN__PANEL_COLS * sizeof *to);
        else
            for (int64_t c = 0; c < CN__PANEL_COLS; c++) to[c] = c < n ? b[k * p->rs + c * p->cs] : 0;
    }
}

static void pack_pairs(const cn__pack *p, const float *b, int64_t k, int64_t end, int64_t n, float *to)
{
    const cn__products *products = cn__products_of(true);
    float block[CN__PANEL_COLS][BLOCK] = { { 0 } };      /* words of each column */
    if (p->cs == 1) {
        for (; k < end; k += 2, to += CN__PANEL_COLS) {
            products->across(b + k * p->rs, k + 1 < end ? b + (k + 1) * p->rs : NULL, n, to);
            memset(to + n, 0, (size_t)(CN__PANEL_COLS - n) * sizeof *to);
        }
        return;
    }
    for (int64_t c = 0; c < n; c++) products->along(b + c * p->cs + k, end - k, block[c]);
    if (end - k == STRIP) cn__cpu_kernels()->transpose(block[0], BLOCK, to);
    else
        for (int64_t w = 0; w < (end - k + 1) / 2; w++)
            for (int64_t c = 0; c < CN__PANEL_COLS; c++) to[w * CN__PANEL_COLS + c] = block[c][w];
}

/* Side by side, some rows after others: they lie together in B. */
void cn__pack_rows(const cn__pack *p, int64_t j0, int64_t j1, int64_t k0, int64_t k1)
{
    for (int64_t k = k0; k < k1; k += STRIP)
        for (int64_t j = j0; j < j1; j++) {
            int64_t first = j * CN__PANEL_COLS, n = CN__MIN(p->cols - first, CN__PANEL_COLS);
            float  *to = p->to + (j * cn__words(p->depth, p->bf16) + cn__words(k, p->bf16)) * CN__PANEL_COLS;
            (p->bf16 ? pack_pairs : pack_floats)(p, p->b + first * p->cs, k, CN__MIN(k + STRIP, k1), n, to);
        }
}

cn__pack cn__pack_of(cn__layout layout, const cn__type *t)
{
    int64_t  k = t->dim[0], n = t->dim[1];
    cn__pack p = { .rs = n, .cs = 1, .depth = k, .cols = n };
    if (layout == CN__PANEL_T || layout == CN__PANEL_BF16_T)
        p = (cn__pack){ .rs = 1, .cs = n, .depth = n, .cols = k, .transposed = true };
    p.bf16 = layout == CN__PANEL_BF16 || layout == CN__PANEL_BF16_T;
    return p;
}

static size_t bytes_of(const cn__pack *p)
{
    return (size_t)(cn__panels(p->cols) * cn__words(p->depth, p->bf16)) * CN__PANEL_COLS * sizeof(float);
}

size_t cn__panel_bytes(cn__layout layout, const cn__type *t)
{
    cn__pack p = cn__pack_of(layout, t);
    return bytes_of(&p);
}

void cn__pack_panels(cn__layout layout, const cn__type *t, const void *master, void *at)
{
    cn__pack p = cn__pack_of(layout, t);
    p.b = master, p.to = at;
    cn__pack_rows(&p, 0, cn__panels(p.cols), 0, p.depth);
}

/* CN__PANEL alone: the layout in which variables reside. */
void cn__unpack_panels(cn__layout layout, const cn__type *t, const void *at, void *master)
{
    const float *from = at;
    float   *to = master;
    int64_t  rows = t->dim[0], cols = t->dim[1];
    (void)layout;
    for (int64_t j = 0; j < cols; j += CN__PANEL_COLS)
        for (int64_t k = 0; k < rows; k++, from += CN__PANEL_COLS)
            memcpy(to + k * cols + j, from, (size_t)CN__MIN(cols - j, CN__PANEL_COLS) * sizeof *to);
}

/* ---- Calls ------------------------------------------------------------------------------------------------------- */
static void pack_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const cn__pack *p = args;
    (void)rep, (void)lane;
    cn__pack_rows(p, (int64_t)task * TOGETHER, CN__MIN(cn__panels(p->cols), ((int64_t)task + 1) * TOGETHER), 0,
                  p->depth);
}

bool cn__prepare_pack(cn__prep *p, const cn__pack *how, cn__val b, int temp)
{
    cn__pack *a = cn__prep_call(p, pack_task, "pack", sizeof *a, 1,
                                (uint32_t)CN__MAX(1, (cn__panels(how->cols) + TOGETHER - 1) / TOGETHER));
    if (!a) return false;
    *a = *how;
    cn__prep_ptr(p, &a->b, b);
    cn__prep_temp(p, &a->to, bytes_of(how) + 64, temp);
    return true;
}

/* ---- Lines of A -------------------------------------------------------------------------------------------------- */
typedef struct lines_args {
    const float *a;
    float  *to;
    int64_t rows, depth, lines, pitch, tasks;
    bool    ta, bf16, turned;
} lines_args;

/* Rows r0 .. r1 of A', each row's words one after another: those of many rows side by side are turned in blocks. */
static void turn_lines(const lines_args *l, int64_t r0, int64_t r1)
{
    enum { MANY = 8 * BLOCK };
    const cn__products *products = cn__products_of(true);
    const int64_t words = cn__words(l->depth, true);
    float across[CN__PANEL_COLS][MANY] = { { 0 } }, rows[BLOCK][CN__PANEL_COLS];
    for (int64_t r = r0, n; r < r1; r += n) {
        n = CN__MIN(r1 - r, MANY);
        for (int64_t w = 0, some; w < words; w += some) {
            some = CN__MIN(words - w, CN__PANEL_COLS);
            for (int64_t k = w; k < w + some; k++) {
                const float *a = l->a + 2 * k * l->rows + r;
                products->across(a, 2 * k + 1 < l->depth ? a + l->rows : NULL, n, across[k - w]);
            }
            for (int64_t i = 0; i < n; i++) {
                float *to = l->to + (r + i) * l->pitch + w;
                if (i % BLOCK == 0) cn__cpu_kernels()->transpose(across[0] + i, MANY, rows[0]);
                if (some == CN__PANEL_COLS) memcpy(to, rows[i % BLOCK], sizeof rows[0]);
                else memcpy(to, rows[i % BLOCK], (size_t)some * sizeof *to);
            }
        }
    }
}

/* Of A (rows x depth): a row's words one after another. Of A' (A: depth x rows): a word of each row, then the next. */
static void lines_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const lines_args   *l = args;
    const cn__products *products = cn__products_of(true);
    int64_t n = l->ta ? l->rows : l->depth;
    int64_t first = cn__cut(l->lines, l->tasks, task), end = cn__cut(l->lines, l->tasks, task + 1);
    (void)rep, (void)lane;
    if (l->turned) turn_lines(l, first, end);
    for (int64_t i = first; i < end && !l->turned; i++) {
        float *to = l->to + i * l->pitch;
        if (!l->bf16) memcpy(to, l->a + i * n, (size_t)n * sizeof *to);
        else if (!l->ta) products->along(l->a + i * n, n, to);
        else products->across(l->a + 2 * i * n, 2 * i + 1 < l->depth ? l->a + (2 * i + 1) * n : NULL, n, to);
    }
}

int64_t cn__prepare_lines(cn__prep *p, cn__val a, int64_t rows, int64_t depth, bool ta, bool bf16, int temp)
{
    const double GRAIN = 65536;
    bool    turned = ta && bf16 && cn__products_of(true)->in_rows;
    int64_t words = cn__words(depth, bf16), line = ta && !turned ? rows : words, lines = ta && !turned ? words : rows;
    int64_t pitch = (line + BLOCK - 1) / BLOCK * BLOCK;
    if (pitch % 128 == 0) pitch += BLOCK;
    uint32_t tasks = cn__tasks((double)rows * (double)depth, GRAIN, TASKS);
    lines_args *l = cn__prep_call(p, lines_task, bf16 ? "round" : "spread", sizeof *l, 1, tasks);
    if (!l) return 0;
    *l = (lines_args){ .rows = rows, .depth = depth, .lines = lines, .pitch = pitch, .tasks = tasks, .ta = ta,
                       .bf16 = bf16, .turned = turned };
    cn__prep_ptr(p, &l->a, a);
    cn__prep_temp(p, &l->to, (size_t)(lines * pitch) * sizeof(float) + 64, temp);
    return pitch;
}
