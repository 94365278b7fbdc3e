/* plan_memory.c: offsets in one arena by lifetime: the largest first, each into the smallest gap that fits among those alive at
   the same time (Pisarchyk and Lee 2020, arXiv:2001.03288, "greedy by size for offset calculation"). */
#include "passes/passes.h"
#include <stdlib.h>

enum { ALIGN = 64 };

static int by_size(const void *a, const void *b)
{
    const cn__life *x = *(const cn__life *const *)a, *y = *(const cn__life *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y;                           /* the same plan each time */
}

static int by_offset(const void *a, const void *b)
{
    const cn__life *x = *(const cn__life *const *)a, *y = *(const cn__life *const *)b;
    if (x->off != y->off) return x->off < y->off ? -1 : 1;
    return x < y ? -1 : x > y;
}

static size_t rounded(size_t bytes) { return (CN__MAX(bytes, 1) + ALIGN - 1) / ALIGN * ALIGN; }

/* Those that were placed before and live at the same time as life, by offset; gives how many. */
static size_t neighbours(cn__life *const *done, size_t n, const cn__life *life, cn__life **near)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (done[i]->first <= life->last && life->first <= done[i]->last) near[k++] = done[i];
    qsort(near, k, sizeof *near, by_offset);
    return k;
}

static size_t best_gap(cn__life *const *near, size_t n, size_t bytes)
{
    size_t end = 0, best = SIZE_MAX, slack = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        if (near[i]->off >= end && near[i]->off - end >= bytes && near[i]->off - end - bytes < slack)
            best = end, slack = near[i]->off - end - bytes;
        end = CN__MAX(end, near[i]->off + rounded(near[i]->bytes));
    }
    return best == SIZE_MAX ? end : best;
}

size_t cn__plan_memory(cn_ctx *ctx, cn__life *lives, size_t n, bool *ok)
{
    cn__life **order = cn__alloc(ctx, (2 * n + 1) * sizeof *order), **near = order + n;
    size_t size = 0;
    if (!(*ok = order != NULL)) return 0;
    for (size_t i = 0; i < n; i++) order[i] = &lives[i];
    qsort(order, n, sizeof *order, by_size);
    for (size_t i = 0; i < n; i++) {
        cn__life *life = order[i];
        size_t    bytes = rounded(life->bytes);
        life->off = best_gap(near, neighbours(order, i, life, near), bytes);
        size = CN__MAX(size, life->off + bytes);
    }
    cn__free(ctx, order, (2 * n + 1) * sizeof *order);
    return size;
}
