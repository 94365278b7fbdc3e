/* loss.c: cross-entropies, of logits where that is asked for (the stable form), else of probabilities as Keras does
   it: clipped to [1e-7, 1 - 1e-7]. smoothing s: targets become (1 - s) y + s / K (binary: s / 2). ignore: this label's
   rows count nothing. */
#include "ops/ops.h"

static const double EPSILON = 1e-7;                      /* keras.config.epsilon() */

static bool attributes(cn_graph *g, const cn__inst *i, const cn__type *const *in)
{
    const cn__a_ce *a = i->attr;
    return (a->smoothing >= 0 && a->smoothing <= 1) ||
           cn__misfit(g, i, in, CN_E_VALUE, "label smoothing %g is not within 0 and 1", a->smoothing);
}

static cn__val clipped(cn_graph *g, cn__val p)
{
    return cn__clip(g, p, cn__like(g, p, EPSILON), cn__like(g, p, 1 - EPSILON));
}

/* ---- Sparse: labels are class numbers ---------------------------------------------------------------------------- */
bool cn__shape_sparse_ce(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__type *labels = in[0], *z = in[1];
    if (!attributes(g, i, in) || !cn__want_index(g, i, in, 0) || !cn__want_float(g, i, in, 1)) return false;
    if (z->rank < 1 || z->dim[z->rank - 1] < 1)
        return cn__misfit(g, i, in, CN_E_SHAPE, "the scores need a last axis, of classes");
    cn__type rows = cn__reduced(z, 1u << (z->rank - 1), false);
    if (!cn__same_shape(&rows, labels))
        return cn__misfit(g, i, in, CN_E_SHAPE, "one label for each row of %lld scores",
                          (long long)z->dim[z->rank - 1]);
    out[0] = rows;
    return true;
}

static cn__val log_probabilities(cn_graph *g, const cn__a_ce *a, cn__val z)
{
    if (a->from_logits) return cn__log_softmax(g, z, -1);
    uint32_t last = 1u << (cn__type_of(g, z)->rank - 1);
    return cn__b1(g, CN__OP_LOG, clipped(g, cn__div(g, z, cn__reduce(g, CN__OP_SUM, z, last, true))));
}

bool cn__decomp_sparse_ce(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    const cn__a_ce *a = i->attr;
    cn__type t = *cn__type_of(g, in[1]);
    cn__val  label = in[0], lp = log_probabilities(g, a, in[1]);
    cn__val  counts = a->ignore == INT64_MIN ? 0 : cn__b2(g, CN__OP_NE, label, cn__like(g, label, (double)a->ignore));
    if (counts) label = cn__where(g, counts, label, cn__like(g, label, 0));
    cn__a_index at = { .axis = t.rank - 1, .depth = CN__FAULT_LABEL };
    cn__val  index = cn__expand(g, label, -1), one;
    one = cn__emit(g, CN__OP_GATHER_ALONG, &at, sizeof at, 2, (const cn__val[]){ lp, index }, 1, NULL);
    cn__val  loss = cn__b1(g, CN__OP_NEG, cn__squeeze(g, one, -1));
    if (a->smoothing > 0) {
        cn__val all = cn__b1(g, CN__OP_NEG, cn__reduce(g, CN__OP_MEAN, lp, 1u << (t.rank - 1), false));
        loss = cn__add(g, cn__scale(g, loss, 1 - a->smoothing), cn__scale(g, all, a->smoothing));
    }
    if (counts) loss = cn__where(g, counts, loss, cn__like(g, loss, 0));
    return (out[0] = loss) != 0;
}

bool cn__grad_sparse_ce(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    cn__val in[3] = { cn__in(g, i)[0], cn__in(g, i)[1], dy[0] };
    if (want[1]) dx[1] = cn__emit(g, CN__OP_SPARSE_CE_GRAD, i->attr, i->attr_size, 3, in, 1, NULL);
    return cn__graph_ok(g);
}

bool cn__shape_sparse_ceg(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    cn__type y;
    if (!cn__shape_sparse_ce(g, i, in, &y)) return false;
    out[0] = *in[1];
    return cn__type_equal(&y, in[2]) || cn__misfit(g, i, in, CN_E_SHAPE, "dy must be as the losses");
}

bool cn__decomp_sparse_ceg(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    const bool want[2] = { false, true };
    cn__val dx[2];
    bool ok = cn__adjoint(g, CN__OP_SPARSE_CE, i->attr, i->attr_size, 2, in, 1, &in[2], want, dx);
    out[0] = dx[1];
    return ok;
}

/* ---- Binary: element-wise ---------------------------------------------------------------------------------------- */
bool cn__shape_binary_ce(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    if (((const cn__a_ce *)i->attr)->ignore != INT64_MIN)
        return cn__misfit(g, i, in, CN_E_UNSUPPORTED, "no label can be ignored");
    return attributes(g, i, in) && cn__want_float(g, i, in, 0) && cn__shape_broadcast(g, i, in, out);
}

/* Logits: max(z, 0) - z y + ln(1 + e^-|z|), written with softplus so that its derivative is sigmoid(z) - y
   everywhere, 0 included. */
bool cn__decomp_binary_ce(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    const cn__a_ce *a = i->attr;
    cn__val z = in[1], y = cn__affine(g, in[0], 1 - a->smoothing, a->smoothing / 2);
    if (a->from_logits) return (out[0] = cn__sub(g, cn__b1(g, CN__OP_SOFTPLUS, z), cn__mul(g, z, y))) != 0;
    cn__val one = cn__like(g, z, 1), p = clipped(g, z);
    cn__val yes = cn__mul(g, y, cn__b1(g, CN__OP_LOG, p));
    cn__val no = cn__mul(g, cn__sub(g, one, y), cn__b1(g, CN__OP_LOG, cn__sub(g, one, p)));
    return (out[0] = cn__b1(g, CN__OP_NEG, cn__add(g, yes, no))) != 0;
}
