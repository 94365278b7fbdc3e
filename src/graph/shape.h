/* shape.h: one copy of each formula about shapes, for builders, shape rules, kernels and the verifier. */
#ifndef CN__SHAPE_H
#define CN__SHAPE_H
#include "graph/graph.h"

cn__type cn__type_make(cn_dtype, int rank, const int64_t *dim);
/* a dtype of numbers, sizes not negative, bytes that can be counted */
bool     cn__type_valid(const cn__type *);
bool     cn__same_shape(const cn__type *, const cn__type *);
int      cn__axis(int64_t axis, int rank);               /* negative ones counted from the end; -1: out of range */
/* NumPy's rule; keeps out->dtype */
bool     cn__broadcast_shapes(const cn__type *a, const cn__type *b, cn__type *out);
bool     cn__broadcasts_to(const cn__type *from, const cn__type *to);
cn__type cn__reduced(const cn__type *x, uint32_t axes, bool keepdims);
void     cn__strides(const cn__type *, int64_t *stride); /* in elements, row-major */
/* of from, read over to's axes: 0 where it repeats */
void     cn__broadcast_strides(const cn__type *from, const cn__type *to, int64_t *stride);

#endif
