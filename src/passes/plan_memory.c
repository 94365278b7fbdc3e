/* plan_memory.c: offsets in one arena by lifetime: the largest first, each into the smallest gap that fits among those
   alive at the same time (Pisarchyk and Lee 2020, arXiv:2001.03288, "greedy by size for offset calculation"). */
#include "passes/passes.h"
#include <stdlib.h>

enum { ALIGN = 64 };

static int by_size(const void *a, const void *b)
{
    const cn__life *x = *(const cn__life *const *)a, *y = *(const cn__life *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : x > y;                           /* the same plan each time */
}

static size_t rounded(size_t bytes) { return (CN__MAX(bytes, 1) + ALIGN - 1) / ALIGN * ALIGN; }

/* placed: by offset. */
static size_t best_gap(cn__life *const *placed, size_t n, const cn__life *life)
{
    size_t bytes = rounded(life->bytes), end = 0, best = SIZE_MAX, least = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        const cn__life *p = placed[i];
        if (p->first > life->last || life->first > p->last) continue;
        if (p->off >= end && p->off - end >= bytes && p->off - end < least) best = end, least = p->off - end;
        end = CN__MAX(end, p->off + rounded(p->bytes));
    }
    return best == SIZE_MAX ? end : best;
}

static void place(cn__life **placed, size_t n, cn__life *life)
{
    size_t k = n;
    while (k && placed[k - 1]->off > life->off) k--;
    memmove(placed + k + 1, placed + k, (n - k) * sizeof *placed);
    placed[k] = life;
}

size_t cn__plan_memory(cn_ctx *ctx, cn__life *lives, size_t n, bool *ok)
{
    cn__life **order = cn__alloc(ctx, (2 * n + 1) * sizeof *order), **placed = order + n;
    size_t size = 0;
    if (!(*ok = order != NULL)) return 0;
    for (size_t i = 0; i < n; i++) order[i] = &lives[i];
    qsort(order, n, sizeof *order, by_size);
    for (size_t i = 0; i < n; i++) {
        order[i]->off = best_gap(placed, i, order[i]);
        place(placed, i, order[i]);
        size = CN__MAX(size, order[i]->off + rounded(order[i]->bytes));
    }
    cn__free(ctx, order, (2 * n + 1) * sizeof *order);
    return size;
}
