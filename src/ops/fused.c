/* fused.c: what passes make of chains of element-wise ops, alone or behind a product: a straight-line program over
   registers. Its decomposition undoes the fusion, so the oracle of every fused kernel is the chain itself. And BATCH,
   which only the run loop can do. */
#include "ops/ops.h"

/* ---- Shapes: results are like the first operand of class FULL (else rows x cols), or like the product ------------ */
static bool results(cn_graph *g, const cn__inst *i, const cn__type *const *in, const cn__type *y, cn__type *out)
{
    const cn__a_fused *a = i->attr;
    if (i->attr_size < sizeof *a + a->ninst * sizeof *a->inst || a->nreg > CN__TILE_REGS || a->nout != i->nout ||
        a->nin != i->nin)
        return cn__misfit(g, i, in, CN_E_VALUE, "its program does not fit it: %d operands, %d results, %d registers",
                          a->nin, a->nout, a->nreg);
    if (y->dtype != CN_FLOAT32 || cn__type_count(y) != a->rows * a->cols)
        return cn__misfit(g, i, in, CN_E_SHAPE, "its domain is %lld x %lld, float32", (long long)a->rows,
                          (long long)a->cols);
    for (int k = 0; k < i->nout; k++) out[k] = *y;
    return true;
}

bool cn__shape_fused(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_fused *a = i->attr;
    cn__type y = cn__type_make(CN_FLOAT32, 2, (const int64_t[]){ a->rows, a->cols });
    for (int k = i->nin - 1; k >= 0; k--)
        if (k < CN__TILE_REGS && a->cls[k] == CN__TILE_FULL) y = *in[k];
    return results(g, i, in, &y, out);
}

bool cn__shape_product(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_fused *a = i->attr;
    cn__a_matmul m = { .ta = a->ta, .tb = a->tb, .bf16 = a->bf16 };
    cn__inst product = { .op = CN__OP_MATMUL, .nin = 2, .nout = 1, .attr = &m, .attr_size = sizeof m };
    cn__type y;
    return cn__ops[CN__OP_MATMUL].shape(g, &product, in, &y) && results(g, i, in, &y, out);
}

/* ---- Back to the chain ------------------------------------------------------------------------------------------- */
static cn__val operand(cn_graph *g, const cn__a_fused *a, cn__val x, int cls)
{
    const int64_t dim[][2] = { { a->rows, a->cols }, { 1, a->cols }, { a->rows, 1 }, { 1, 1 } };
    if (cls < CN__TILE_FULL || cls > CN__TILE_SCALAR)
        return cn__graph_fail(g, CN_E_VALUE, "fused: there is no operand class %d", cls);
    return cn__reshape(g, x, 2, dim[cls - 1]);
}

static bool run(cn_graph *g, const cn__inst *i, cn__val *reg, const cn__type *y, cn__val *out)
{
    const cn__a_fused *a = i->attr;
    const cn__a_cast to_register = { CN_FLOAT32 };
    for (int k = 0; k < a->ninst; k++) {
        const cn__tile_inst *t = &a->inst[k];
        bool cast = t->op == CN__OP_CAST;
        const uint16_t from[3] = { t->a, t->b, t->c };
        cn__val in[3];
        int nin = cn__ops[t->op].min_in;
        for (int j = 0; j < nin; j++)
            in[j] = from[j] == CN__TILE_IMM ? cn__scalar(g, CN_FLOAT32, t->imm) : reg[from[j]];
        reg[t->dst] = cn__emit(g, (cn__op)t->op, cast ? &to_register : NULL, cast ? sizeof to_register : 0, nin, in, 1,
                               NULL);
    }
    for (int k = 0; k < i->nout; k++) {
        cn__val v = cn__broadcast(g, reg[a->store[k]], 2, (const int64_t[]){ a->rows, a->cols });
        out[k] = cn__reshape(g, v, y->rank, y->dim);
    }
    return cn__graph_ok(g);
}

bool cn__decomp_fused(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    const cn__a_fused *a = i->attr;
    cn__val  reg[CN__TILE_REGS] = { 0 };
    cn__type y = cn__type_make(CN_FLOAT32, 2, (const int64_t[]){ a->rows, a->cols });
    for (int k = i->nin - 1; k >= 0; k--) {
        if (a->cls[k] == CN__TILE_FULL) y = *cn__type_of(g, in[k]);
        reg[k] = operand(g, a, in[k], a->cls[k]);
    }
    return run(g, i, reg, &y, out);
}

bool cn__decomp_product(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    const cn__a_fused *a = i->attr;
    bool     former = cn__bf16_set(g, a->bf16);
    cn__val  reg[CN__TILE_REGS] = { 0 }, z = cn__matmul(g, in[0], in[1], a->ta, a->tb);
    cn__bf16_set(g, former);
    if (!z) return false;
    cn__type y = *cn__type_of(g, z);
    reg[0] = operand(g, a, z, CN__TILE_FULL);
    for (int k = 2; k < i->nin; k++) reg[k - 1] = operand(g, a, in[k], a->cls[k - 1]);
    return run(g, i, reg, &y, out);
}

/* ---- The next rows of a feed ------------------------------------------------------------------------------------- */
bool cn__shape_batch(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_batch *a = i->attr;
    out[0] = cn__type_make((cn_dtype)a->dtype, CN__MIN(CN__MAX(a->rank, 0), CN_MAX_RANK), a->dim);
    return (a->feed >= 0 && a->rank >= 1 && a->rank <= CN_MAX_RANK && cn__type_valid(&out[0])) ||
           cn__misfit(g, i, in, CN_E_SHAPE, "feed %d of %d axes: rows need a shape and an element type", (int)a->feed,
                      (int)a->rank);
}
