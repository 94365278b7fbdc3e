/* passes.h: functions from graph to graph, one file each. Each gives a new graph (the caller unrefs the old one), or
   NULL: recorded. */
#ifndef CN__PASSES_H
#define CN__PASSES_H
#include "graph/build.h"

struct cn__backend;
/* Expands what the backend has no kernel for; declined (may be NULL) gets a line for each: what, and why not. */
cn_graph *cn__legalise(const cn_graph *, const struct cn__backend *, cn__text *declined);
/* Element-wise chains -> FUSED, chains behind products -> PRODUCT. */
cn_graph *cn__fuse(const cn_graph *, const struct cn__backend *);
/* PACK nodes where a kernel wants a layout. */
cn_graph *cn__pack_operands(const cn_graph *, const struct cn__backend *);

/* The order of calls: compute, then commit. order[k]: index into insts. Commit holds the updates that are done in
   place: every output is assigned, unguarded, to the variable that it replaces, nothing else reads it, and no operand
   is a variable that another update replaces. */
typedef struct cn__schedule { uint32_t *order; uint32_t ncompute, ncommit; size_t room; } cn__schedule;
bool cn__schedule_make(const cn_graph *, cn__schedule *);
void cn__schedule_free(cn_ctx *, cn__schedule *);

/* Offsets in one arena by lifetime: the largest first, best fit (Pisarchyk and Lee 2020, arXiv:2001.03288, "greedy by
   size for offset calculation"). Fills off (multiples of 64); gives the arena's size. */
typedef struct cn__life { uint32_t first, last; size_t bytes; size_t off; } cn__life;
size_t cn__plan_memory(cn_ctx *, cn__life *, size_t n, bool *ok);
#endif
