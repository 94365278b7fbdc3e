/* panels.h: operands of products in the form that the kernels read (panels.c). */
#ifndef CN__PANELS_H
#define CN__PANELS_H
#include "backends/cpu/cpu.h"

static inline int64_t cn__panels(int64_t cols) { return (cols + CN__PANEL_COLS - 1) / CN__PANEL_COLS; }
static inline int64_t cn__words(int64_t depth, bool bf16) { return bf16 ? (depth + 1) / 2 : depth; }

const cn__products *cn__products_of(bool bf16);
cn__pack cn__pack_of(cn__layout, const cn__type *);      /* W (K, N) as the layout says: itself, or its transpose */
/* A call that packs B into the temporary. */
bool cn__prepare_pack(cn__prep *, const cn__pack *how, cn__val b, int temp);
/* A call that copies A (rows x depth; ta: depth x rows) into the temporary, line by line, as words of bfloat16 pairs if
   so: rows of words; ta: for each word of the depth those of all rows, or rows of words where such products want them
   (in_rows). The lines lie no multiple of 4 KiB apart, where they would fight for the same places of the cache. Gives
   how many words apart; 0: no memory. */
int64_t cn__prepare_lines(cn__prep *, cn__val a, int64_t rows, int64_t depth, bool ta, bool bf16, int temp);
#endif
