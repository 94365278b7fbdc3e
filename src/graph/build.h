/* build.h: the constructors, one for each thing that gradients, layers, losses and importers say. All take and give
   values of one graph; 0 in gives 0 out once the graph has failed. Axes may be negative. Operands of different dtypes
   are not converted: cast. */
#ifndef CN__BUILD_H
#define CN__BUILD_H
#include "graph/graph.h"

/* element-wise, one operand: cn__b1(g, CN__OP_EXP, x) */
cn__val cn__b1(cn_graph *, cn__op, cn__val x);
cn__val cn__b2(cn_graph *, cn__op, cn__val a, cn__val b);            /* two operands, broadcasting */
cn__val cn__where(cn_graph *, cn__val c, cn__val a, cn__val b);
cn__val cn__clip(cn_graph *, cn__val x, cn__val lo, cn__val hi);
cn__val cn__cast(cn_graph *, cn__val x, cn_dtype);                   /* x itself if it has that type */
cn__val cn__like(cn_graph *, cn__val x, double value);               /* a scalar of x's dtype */
cn__val cn__scale(cn_graph *, cn__val x, double scale);              /* x itself for 1 */
cn__val cn__affine(cn_graph *, cn__val x, double scale, double offset);
static inline cn__val cn__add(cn_graph *g, cn__val a, cn__val b) { return cn__b2(g, CN__OP_ADD, a, b); }
static inline cn__val cn__sub(cn_graph *g, cn__val a, cn__val b) { return cn__b2(g, CN__OP_SUB, a, b); }
static inline cn__val cn__mul(cn_graph *g, cn__val a, cn__val b) { return cn__b2(g, CN__OP_MUL, a, b); }
static inline cn__val cn__div(cn_graph *g, cn__val a, cn__val b) { return cn__b2(g, CN__OP_DIV, a, b); }

/* SUM, MEAN, REDUCE_MAX ...; axes: bit mask */
cn__val cn__reduce(cn_graph *, cn__op, cn__val x, uint32_t axes, bool keepdims);
cn__val cn__reduce_all(cn_graph *, cn__op, cn__val x);
cn__val cn__argmax(cn_graph *, cn__val x, int axis);                 /* int32 */
cn__val cn__matmul(cn_graph *, cn__val a, cn__val b, bool ta, bool tb);   /* leading axes broadcast */
/* one or two operands; "...": any; lowered to transpose, reshape, matmul, sum */
cn__val cn__einsum(cn_graph *, const char *equation, int nin, const cn__val *in);
cn__val cn__dense(cn_graph *, cn__val x, cn__val w, cn__val b /* or 0 */, cn__actcode);

cn__val cn__reshape(cn_graph *, cn__val x, int rank, const int64_t *dim);          /* one of them may be -1 */
cn__val cn__expand(cn_graph *, cn__val x, int axis);                 /* a new axis of size 1 */
cn__val cn__squeeze(cn_graph *, cn__val x, int axis);
cn__val cn__transpose(cn_graph *, cn__val x, const int32_t *perm);
cn__val cn__broadcast(cn_graph *, cn__val x, int rank, const int64_t *dim);
cn__val cn__sum_to(cn_graph *, cn__val x, const cn__type *);         /* the adjoint of broadcasting */
cn__val cn__slice(cn_graph *, cn__val x, const int64_t *start, const int64_t *step /* NULL: 1 */, const int64_t *size);
cn__val cn__slice_axis(cn_graph *, cn__val x, int axis, int64_t start, int64_t size);
cn__val cn__concat(cn_graph *, int axis, int n, const cn__val *x);
cn__val cn__pad(cn_graph *, cn__val x, const int64_t *lo, const int64_t *hi, const int64_t *inner, double value);
cn__val cn__reverse(cn_graph *, cn__val x, uint32_t axes);
cn__val cn__tile(cn_graph *, cn__val x, const int64_t *times);
cn__val cn__fill(cn_graph *, cn_dtype, int rank, const int64_t *dim, double value);

cn__val cn__gather(cn_graph *, cn__val x, cn__val index, int axis);
cn__val cn__scatter_add(cn_graph *, cn__val index, cn__val rows, int axis, int64_t depth);
cn__val cn__gather_along(cn_graph *, cn__val x, cn__val index, int axis);
cn__val cn__one_hot(cn_graph *, cn__val index, int64_t depth, cn_dtype);
/* how many numbers of a table, which rise, are at most x: int32, in x's shape */
cn__val cn__search_sorted(cn_graph *, cn__val table, cn__val x);
cn__val cn__cumsum(cn_graph *, cn__val x, int axis, bool exclusive, bool reverse);
cn__val cn__sort(cn_graph *, cn__val x, int axis, bool descending, cn__val *index);
cn__val cn__topk(cn_graph *, cn__val x, int k, cn__val *index);
cn__val cn__softmax(cn_graph *, cn__val x, int axis);
cn__val cn__log_softmax(cn_graph *, cn__val x, int axis);
cn__val cn__sparse_ce(cn_graph *, cn__val labels, cn__val z, bool from_logits);      /* (B..), (B.., K) -> (B..) */
cn__val cn__binary_ce(cn_graph *, cn__val y, cn__val z, bool from_logits);           /* element-wise */
cn__val cn__random(cn_graph *, cn__op, cn__val state, uint32_t stream, cn_dtype, int rank, const int64_t *dim, double a,
                   double b);
cn__val cn__feed_batch(cn_graph *, int feed, const cn__type *);
cn__val cn__pack(cn_graph *, cn__val x, cn__layout);

cn__val cn__zeros_like(cn_graph *, cn__val x);
cn__val cn__scatter_along(cn_graph *, cn__val index, cn__val rows, int axis, int64_t depth);

/* Gradients (passes/grad.c): d (sum of y) / d x[i] as nodes of the same graph, 0 where y does not depend on x[i].
   seed: dy, or 0 for ones. */
bool cn__gradient(cn_graph *, cn__val y, cn__val seed, int n, const cn__val *x, cn__val *dx);
#endif
