/* update.c: one step of an optimizer for one variable, exactly as Keras 3 writes it (keras/src/optimizers). w: the
   weights, g: their gradient, lr: the learning rate. Weight decay comes first, decoupled: w - w wd lr (Loshchilov and
   Hutter 2019, arXiv:1711.05101). */
#include "ops/ops.h"

/* ---- Shapes: the first n results replace the first n operands, which all are like w; then g like w, then scalars - */
static bool update(cn_graph *g, const cn__inst *i, const cn__type *const *in, int slots, int scalars, cn__type *out)
{
    if (i->nin != slots + 1 + scalars || i->nout != slots)
        return cn__misfit(g, i, in, CN_E_VALUE,
                          "takes w, %d slots, the gradient, %d numbers, gives %d results; got %d operands, %d results",
                          slots - 1, scalars, slots, i->nin, i->nout);
    if (!cn__want_float(g, i, in, 0)) return false;
    for (int k = 0; k <= slots; k++) {
        if (!in[k] || !cn__type_equal(in[k], in[0]))
            return cn__misfit(g, i, in, CN_E_SHAPE, "operand %d must be like the weights", k);
        if (k < slots) out[k] = *in[0];
    }
    for (int k = slots + 1; k < i->nin; k++)
        if (!in[k] || in[k]->rank) return cn__misfit(g, i, in, CN_E_SHAPE, "operand %d must be one number", k);
    return true;
}

bool cn__shape_update_sgd(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    return update(g, i, in, i->nin > 3 ? 2 : 1, 1, out);
}

bool cn__shape_update_rms(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_rmsprop *a = i->attr;
    return update(g, i, in, 2 + (a->momentum > 0) + (a->centered != 0), 1, out);
}

bool cn__shape_update_adam(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_adam *a = i->attr;
    return update(g, i, in, a->amsgrad ? 4 : 3, 2, out);
}

bool cn__shape_accumulate(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    cn__type both = *in[0];
    out[0] = *in[0];
    if (in[0]->dtype != CN_FLOAT64 && in[0]->dtype != CN_INT64)
        return cn__misfit(g, i, in, CN_E_DTYPE, "sums are float64 or int64");
    for (int k = 1; k < i->nin; k++)
        if (in[k] && (!cn__broadcast_shapes(&both, in[k], &both) || !cn__same_shape(&both, in[0])))
            return cn__misfit(g, i, in, CN_E_SHAPE, "operand %d does not broadcast to the sums", k);
    return true;
}

/* ---- Formulas ---------------------------------------------------------------------------------------------------- */
#define ADD(a, b) cn__add(g, (a), (b))
#define SUB(a, b) cn__sub(g, (a), (b))
#define MUL(a, b) cn__mul(g, (a), (b))
#define DIV(a, b) cn__div(g, (a), (b))
#define U(op, x)  cn__b1(g, CN__OP_##op, (x))
#define K(x, k)   cn__scale(g, (x), (k))

static cn__val rate(cn_graph *g, cn__val w, cn__val lr) { return cn__cast(g, lr, (cn_dtype)cn__type_of(g, w)->dtype); }

static cn__val decayed(cn_graph *g, cn__val w, double decay, cn__val lr)
{
    return decay != 0 ? SUB(w, MUL(K(w, decay), lr)) : w;
}

/* v' = momentum v - lr g; w' = w + v', or with Nesterov's step (Sutskever et al. 2013) w + momentum v' - lr g. */
bool cn__decomp_sgd(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    const cn__a_sgd *a = i->attr;
    bool    moving = i->nin > 3;
    cn__val grad = in[moving ? 2 : 1], lr = rate(g, in[0], in[moving ? 3 : 2]);
    cn__val w = decayed(g, in[0], a->weight_decay, lr), step = MUL(grad, lr);
    if (!moving) return (out[0] = SUB(w, step)) != 0;
    out[1] = SUB(K(in[1], a->momentum), step);
    out[0] = ADD(w, a->nesterov ? SUB(K(out[1], a->momentum), step) : out[1]);
    return cn__graph_ok(g);
}

/* s' = rho s + (1 - rho) g^2; centred (Graves 2013, arXiv:1308.0850, eq. 38-45): m' = rho m + (1 - rho) g, and s' -
   m'^2 in place of s'; step = lr g / sqrt(s' + epsilon); with momentum v' = momentum v + step, w' = w - v'. */
bool cn__decomp_rmsprop(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    const cn__a_rmsprop *a = i->attr;
    bool    moving = a->momentum > 0, centred = a->centered != 0;
    int     at_m = moving ? 3 : 2, slots = at_m + centred;
    cn__val grad = in[slots], lr = rate(g, in[0], in[slots + 1]), w = decayed(g, in[0], a->weight_decay, lr);
    cn__val spread = out[1] = ADD(K(in[1], a->rho), K(U(SQUARE, grad), 1 - a->rho));
    if (centred) {
        out[at_m] = ADD(K(in[at_m], a->rho), K(grad, 1 - a->rho));
        spread = SUB(spread, U(SQUARE, out[at_m]));
    }
    cn__val step = DIV(MUL(lr, grad), U(SQRT, cn__affine(g, spread, 1, a->epsilon)));
    if (moving) step = out[2] = ADD(K(in[2], a->momentum), step);
    out[0] = SUB(w, step);
    return cn__graph_ok(g);
}

/* Kingma and Ba 2015 (arXiv:1412.6980), the form before section 2.1: alpha = lr sqrt(1 - beta_2^t) / (1 - beta_1^t);
   m' = m + (g - m)(1 - beta_1), v' = v + (g^2 - v)(1 - beta_2); AMSGrad (Reddi et al. 2018): v^' = max(v^, v') in place
   of v'; w' = w - m' alpha / (sqrt(v') + epsilon). */
bool cn__decomp_adam(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    const cn__a_adam *a = i->attr;
    int     slots = a->amsgrad ? 4 : 3;
    cn__val grad = in[slots], lr = rate(g, in[0], in[slots + 1]), t = rate(g, in[0], in[slots + 2]),
        one = cn__like(g, t, 1);
    cn__val c1 = SUB(one, cn__b2(g, CN__OP_POW, cn__like(g, t, a->beta_1), t));
    cn__val c2 = SUB(one, cn__b2(g, CN__OP_POW, cn__like(g, t, a->beta_2), t));
    cn__val alpha = DIV(MUL(lr, U(SQRT, c2)), c1), w = decayed(g, in[0], a->weight_decay, lr);
    out[1] = ADD(in[1], K(SUB(grad, in[1]), 1 - a->beta_1));
    out[2] = ADD(in[2], K(SUB(U(SQUARE, grad), in[2]), 1 - a->beta_2));
    if (a->amsgrad) out[3] = cn__b2(g, CN__OP_MAX, in[3], out[2]);
    out[0] = SUB(w, DIV(MUL(out[1], alpha), cn__affine(g, U(SQRT, out[a->amsgrad ? 3 : 2]), 1, a->epsilon)));
    return cn__graph_ok(g);
}

bool cn__decomp_accumulate(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    cn_dtype d = (cn_dtype)cn__type_of(g, in[0])->dtype;
    cn__val  x = cn__cast(g, in[1], d);
    if (i->nin > 2 && in[2]) x = MUL(x, cn__cast(g, in[2], d));
    return (out[0] = ADD(in[0], x)) != 0;
}
