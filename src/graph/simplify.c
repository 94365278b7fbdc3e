/* simplify.c: identities that change no bits, applied as instructions are emitted. Nothing here may be undone by a
   rounding: x + 0 is not among them (-0 + 0 is 0), x 1 and x - 0 are. */
#include "graph/build.h"
#include "graph/core.h"
#include <math.h>

static bool is_number(const cn_graph *g, cn__val v, double wanted)
{
    double value;
    return cn__is_scalar_const(g, v, &value) && value == wanted && !signbit(value);
}

static bool identity_perm(const cn__a_perm *a)
{
    for (int i = 0; i < a->rank; i++)
        if (a->perm[i] != i) return false;
    return true;
}

/* Is the result operand 0 itself, given that it has the same type? */
static bool keeps_first(const cn_graph *g, const cn__inst *i)
{
    const cn__val *in = cn__in(g, i);
    const cn__type *x = cn__type_of(g, in[0]);
    switch (i->op) {
    case CN__OP_RESHAPE: case CN__OP_BROADCAST: case CN__OP_CAST: case CN__OP_PAD: case CN__OP_TILE: return true;
    case CN__OP_CONCAT:    return i->nin == 1;
    case CN__OP_TRANSPOSE: return identity_perm(i->attr);
    case CN__OP_REVERSE:   return !((const cn__a_axes *)i->attr)->axes;
    case CN__OP_SUM: case CN__OP_PROD: case CN__OP_REDUCE_MAX: case CN__OP_REDUCE_MIN: case CN__OP_MEAN:
        return !((const cn__a_reduce *)i->attr)->axes;
    case CN__OP_SLICE:                                   /* of the same size: only a negative step could differ */
        for (int k = 0; k < x->rank; k++)
            if (((const cn__a_slice *)i->attr)->step[k] < 0 && x->dim[k] > 1) return false;
        return true;
    case CN__OP_MUL: case CN__OP_DIV: case CN__OP_POW: return is_number(g, in[1], 1);
    case CN__OP_SUB: return is_number(g, in[1], 0);
    default: return false;
    }
}

cn__val cn__identity(cn_graph *g, const cn__inst *i, const cn__type *out)
{
    const cn__val *in = cn__in(g, i);
    if (i->nout != 1 || !i->nin || !in[0]) return 0;
    if (cn__type_equal(cn__type_of(g, in[0]), out) && keeps_first(g, i)) return in[0];
    if (i->op == CN__OP_MUL && cn__type_equal(cn__type_of(g, in[1]), out) && is_number(g, in[0], 1)) return in[1];

    const cn__inst *before = cn__inst_of(g, in[0]);      /* two of a kind are one */
    if (!before || before->op != i->op) return 0;
    cn__val x = cn__in(g, before)[0];
    if (i->op == CN__OP_RESHAPE || i->op == CN__OP_BROADCAST)
        return cn__emit(g, (cn__op)i->op, i->attr, i->attr_size, 1, &x, 1, NULL);
    if (i->op == CN__OP_TRANSPOSE) {
        const cn__a_perm *p = i->attr, *q = before->attr;
        cn__a_perm both = { .rank = p->rank };
        for (int k = 0; k < p->rank; k++) both.perm[k] = q->perm[p->perm[k]];
        return cn__emit(g, CN__OP_TRANSPOSE, &both, sizeof both, 1, &x, 1, NULL);
    }
    return 0;
}

/* f(broadcast x, y) is f(x, y), broadcast to the same result if that is smaller. */
cn__val cn__sink_broadcasts(cn_graph *g, const cn__inst *i, const cn__type *out)
{
    enum { MOST = 3 };                                   /* operands of element-wise ops */
    cn__val in[MOST];
    bool    some = false;
    if (i->nin > MOST) return 0;
    for (int k = 0; k < i->nin; k++) {
        const cn__inst *b = cn__inst_of(g, cn__in(g, i)[k]);
        bool repeated = b && b->op == CN__OP_BROADCAST;
        in[k] = repeated ? cn__in(g, b)[0] : cn__in(g, i)[k];
        some |= repeated;
    }
    if (!some) return 0;
    cn__val y = cn__emit(g, (cn__op)i->op, i->attr, i->attr_size, i->nin, in, 1, NULL);
    return cn__broadcast(g, y, out->rank, out->dim);
}
