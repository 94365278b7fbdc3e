/* ops.h: the rules of all ops by name, declared from the list, and what the families share. */
#ifndef CN__OPS_H
#define CN__OPS_H
#include "graph/build.h"
#include "graph/shape.h"

/* Each op's cn__shape_x, cn__grad_x, cn__decomp_x, cn__ref_x; those called none do not exist. */
#define CN_OP(id, name, attr, min, max, nout, flags, shape, grad, decomp, ref, formula) \
    cn__shape_fn  cn__shape_##shape;                                                     \
    cn__grad_fn   cn__grad_##grad;                                                       \
    cn__decomp_fn cn__decomp_##decomp;                                                   \
    cn__ref_fn    cn__ref_##ref;
#include "graph/ops.def"
#undef CN_OP

/* "matmul: float32[3,4] by float32[5,6]: " and the message; always false. in: as a shape rule gets it. */
bool cn__misfit(cn_graph *, const cn__inst *, const cn__type *const *in, cn_status, const char *format, ...)
    CN__PRINTF(5, 6);
/* Rules that several families share: refuse what is not of a floating type; not an integer type. */
bool cn__want_float(cn_graph *, const cn__inst *, const cn__type *const *in, int k);
bool cn__want_index(cn_graph *, const cn__inst *, const cn__type *const *in, int k);
/* Is attribute axis one of the rank axes? */
bool cn__want_axis(cn_graph *, const cn__inst *, const cn__type *const *in, int64_t axis, int rank);

#endif
