/* shaped.h: the common beginning of every handle that has a shape: array, tensor, node. cn_rank_of, cn_size_of and
   cn_dtype_of (src/data/array.c) read it without knowing more of the handle. */
#ifndef CN__SHAPED_H
#define CN__SHAPED_H
#include "base.h"

typedef struct cn__shaped {
    cn__obj  obj;
    cn_dtype dtype;
    int      rank;                                       /* 0: a scalar */
    int64_t  dim[CN_MAX_RANK];                       /* as the user counts them, samples first; CN_ANY: not known yet */
} cn__shaped;

#endif
