/* attrs.h: the attributes of ops, one small struct each. They are compared byte for byte: make them with = {0}
   semantics (cn__emit copies; builders memset), no padding that matters. */
#ifndef CN__ATTRS_H
#define CN__ATTRS_H
#include "cornu/base.h"

typedef uint8_t cn__a_none;                                                            /* of ops that have none */
typedef struct { int32_t dtype; } cn__a_cast;
typedef struct { int32_t rank, keepdims; uint32_t axes; int32_t pad; } cn__a_reduce;    /* axes: bit i reduces axis i */
/* argmax, cumsum (keepdims: exclusive; dtype: reverse), sort (keepdims: descending), softmax */
typedef struct { int32_t axis, keepdims, dtype, pad; } cn__a_axis;
/* ta, tb: the last two axes of a, b transposed. bf16: both operands are rounded to bfloat16 (to nearest, ties to even)
   on their way in, products are exact, sums float32; of float32 operands only. */
typedef struct { int32_t ta, tb, bf16, pad; } cn__a_matmul;
/* reshape, broadcast, zeros-like shapes */
typedef struct { int32_t rank, pad; int64_t dim[CN_MAX_RANK]; } cn__a_shape;
typedef struct { int32_t rank; int32_t perm[CN_MAX_RANK]; } cn__a_perm;
/* step may be negative, never 0; size: of the result */
typedef struct { int64_t start[CN_MAX_RANK], step[CN_MAX_RANK], size[CN_MAX_RANK]; } cn__a_slice;
/* inner: between elements; lo, hi >= 0 */
typedef struct { int64_t lo[CN_MAX_RANK], hi[CN_MAX_RANK], inner[CN_MAX_RANK]; double value; } cn__a_pad;
typedef struct { uint32_t axes, pad; } cn__a_axes;                                     /* reverse: bit mask */
typedef struct { int64_t times[CN_MAX_RANK]; } cn__a_tile;
/* gather: axis; scatter_add: axis, size of that axis; one_hot: depth, at the end; gather_along: depth is the fault that
   it sets, 0: CN__FAULT_INDEX */
typedef struct { int64_t axis, depth; } cn__a_index;
typedef struct { int32_t k, pad; } cn__a_topk;
/* uniform [a,b), normal(mean a, stddev b), Bernoulli(p = a) */
typedef struct { int32_t dtype, rank; int64_t dim[CN_MAX_RANK]; uint32_t stream, pad; double a, b; } cn__a_random;
typedef struct { int32_t layout, dtype; } cn__a_pack;

/* BATCH: rows of feed `feed` chosen by the run loop's order and cursor, converted to dtype. dim[0] is the batch. */
typedef struct { int32_t feed, dtype, rank, pad; int64_t dim[CN_MAX_RANK]; } cn__a_batch;

/* Activations that a product can apply itself; the others are nodes behind it. Order is part of DENSE's attr only,
   never of a file. */
typedef enum cn__actcode { CN__ACT_LINEAR = 0, CN__ACT_RELU, CN__ACT_SIGMOID, CN__ACT_TANH, CN__ACTS } cn__actcode;
/* DENSE(x, W, [b]) and DENSE_GRAD(x, W, y, dy, -> dx, dW, db): outputs nobody wants have no buffer */
typedef struct { int32_t act, bf16; } cn__a_dense;       /* bf16: its products' */

/* cross-entropies; ignore: INT64_MIN none */
typedef struct { int32_t from_logits, pad; double smoothing; int64_t ignore; } cn__a_ce;

/* Optimizer updates, one variable each; a pass merges them into one multi-tensor call. Formulas in ops/update.c. */
typedef struct { double momentum, weight_decay; int32_t nesterov, pad; } cn__a_sgd;
typedef struct { double rho, momentum, epsilon, weight_decay; int32_t centered, pad; } cn__a_rmsprop;
typedef struct { double beta_1, beta_2, epsilon, weight_decay; int32_t amsgrad, pad; } cn__a_adam;

/* FUSED: a straight-line program over tiles. Registers are float32 tiles; instruction k: reg[dst] = f(reg[a],
   reg[b], reg[c]). Operands come in first: reg i holds input i (i < nin), broadcast as its class says. PRODUCT has the
   same program behind its product: reg 0 is the product's tile, the operands from input 2 on follow as reg 1, 2 ... */
typedef enum cn__tile_class {
    CN__TILE_FULL = 1,
    CN__TILE_ROW,                                        /* (cols): one for each column, as a bias */
    CN__TILE_COL,                                        /* (rows, 1) */
    CN__TILE_SCALAR
} cn__tile_class;
typedef struct cn__tile_inst {
    uint16_t op, dst, a, b, c;                           /* the primitive; a, b, c: register, or CN__TILE_IMM */
    uint16_t pad[3];
    double   imm;
} cn__tile_inst;
#define CN__TILE_IMM  0xffffu                            /* this operand is imm (one an instruction) */
#define CN__TILE_REGS 16
typedef struct cn__a_fused {
    /* PRODUCT only; b may be a PACK: then its layout says how it is read */
    int32_t ta, tb, bf16, pad;
    int64_t rows, cols;                                  /* the domain: elements = rows x cols */
    uint16_t nin, nout, ninst, nreg;
    uint8_t  cls[CN__TILE_REGS];                         /* class of each operand (register) */
    uint16_t store[CN__TILE_REGS];                       /* output k is register store[k] */
    cn__tile_inst inst[];
} cn__a_fused;
#endif
