/* binary.c: element-wise, two or three operands, broadcast by NumPy's rules. Integers: a division by 0 gives 0,
   quotients are rounded down (so that a = b (a / b) + a mod b), the least number by -1 wraps around. Minimum and
   maximum: NaN wins; where both are equal each gets half of the gradient, as in JAX. */
#include "ops/kernel.h"
#include "ops/ops.h"
#include <math.h>

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */
static bool broadcast(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    out[0] = *in[0];
    for (int k = 1; k < i->nin; k++)
        if (!cn__broadcast_shapes(out, in[k], out))
            return cn__misfit(g, i, in, CN_E_SHAPE,
                              "the shapes do not broadcast: sizes, from the last, must be equal or 1");
    return true;
}

static bool alike(cn_graph *g, const cn__inst *i, const cn__type *const *in, int first)
{
    for (int k = first + 1; k < i->nin; k++)
        if (in[k]->dtype != in[first]->dtype)
            return cn__misfit(g, i, in, CN_E_DTYPE, "the element types differ; cast one");
    return true;
}

bool cn__shape_broadcast(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    return alike(g, i, in, 0) && broadcast(g, i, in, out);
}

bool cn__shape_broadcast3(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    return cn__shape_broadcast(g, i, in, out);
}

bool cn__shape_compare(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    bool ok = cn__shape_broadcast(g, i, in, out);
    out[0].dtype = CN_BOOL;
    return ok;
}

bool cn__shape_logic(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    bool ok = broadcast(g, i, in, out);
    out[0].dtype = CN_BOOL;
    return ok;
}

bool cn__shape_where(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    bool ok = alike(g, i, in, 1) && broadcast(g, i, in, out);
    out[0].dtype = in[1]->dtype;
    return ok;
}

/* ---- Formulas: floating, integer --------------------------------------------------------------------------------- */
static int64_t floor_div(int64_t a, int64_t b)
{
    if (b == 0) return 0;
    if (b == -1) return (int64_t)(0 - (uint64_t)a);
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static int64_t floor_mod(int64_t a, int64_t b)
{
    if (b == 0 || b == -1) return 0;
    int64_t r = a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static double real_floor_mod(double a, double b)
{
    double r = fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static int64_t whole_power(int64_t a, int64_t b)         /* a negative power of an integer is 0, but for 1 and -1 */
{
    if (b < 0) return a == 1 ? 1 : a == -1 ? (b & 1 ? -1 : 1) : 0;
    uint64_t p = 1, f = (uint64_t)a;
    for (; b; b >>= 1, f *= f)
        if (b & 1) p *= f;
    return (int64_t)p;
}

#define U64(x) ((uint64_t)(x))
#define OPS(F)                                                                                    \
    F(add, a + b,                          (int64_t)(U64(a) + U64(b)))                            \
    F(sub, a - b,                          (int64_t)(U64(a) - U64(b)))                            \
    F(mul, a * b,                          (int64_t)(U64(a) * U64(b)))                            \
    F(div, a / b,                          floor_div(a, b))                                       \
    F(pow, pow(a, b),                      whole_power(a, b))                                     \
    F(min, a < b || isnan(a) ? a : b,      a < b ? a : b)                                         \
    F(max, a > b || isnan(a) ? a : b,      a > b ? a : b)                                         \
    F(mod, real_floor_mod(a, b),           floor_mod(a, b))                                       \
    F(eq,  a == b, a == b) F(ne, a != b, a != b)                                                  \
    F(lt,  a < b,  a < b)  F(le, a <= b, a <= b) F(gt, a > b, a > b) F(ge, a >= b, a >= b)

static void map(const cn__ref_call *c, double (*real)(double, double), int64_t (*whole)(int64_t, int64_t))
{
    const cn__tensor_view *a = &c->in[0], *b = &c->in[1], *y = c->out;
    cn__walk w = cn__walk_over(&y->type, 2, c->in);
    int64_t  n = cn__type_count(&y->type);
    bool     from_real = cn__real(a), to_real = cn__real(y);
    for (int64_t i = 0; i < n; i++, cn__walk_next(&w)) {
        if (!from_real) cn__put_whole(y, i, whole(cn__get_whole(a, w.off[0]), cn__get_whole(b, w.off[1])));
        else if (to_real) cn__put(y, i, real(cn__get(a, w.off[0]), cn__get(b, w.off[1])));
        else cn__put_whole(y, i, (int64_t)real(cn__get(a, w.off[0]), cn__get(b, w.off[1])));
    }
}

#define KERNEL(name, formula, integers)                                      \
    static double  real_##name(double a, double b)    { return formula; }    \
    static int64_t whole_##name(int64_t a, int64_t b) { return integers; }   \
    void cn__ref_##name(const cn__ref_call *c) { map(c, real_##name, whole_##name); }
OPS(KERNEL)

#define LOGIC(name, formula)                                                                  \
    void cn__ref_##name(const cn__ref_call *c)                                                \
    {                                                                                         \
        cn__walk w = cn__walk_over(&c->out->type, 2, c->in);                                  \
        int64_t  n = cn__type_count(&c->out->type);                                           \
        for (int64_t i = 0; i < n; i++, cn__walk_next(&w)) {                                  \
            bool a = cn__truth(&c->in[0], w.off[0]), b = cn__truth(&c->in[1], w.off[1]);      \
            cn__put_whole(c->out, i, formula);                                                \
        }                                                                                     \
    }
LOGIC(and, a && b)
LOGIC(or,  a || b)
LOGIC(xor, a != b)

void cn__ref_where(const cn__ref_call *c)
{
    cn__walk w = cn__walk_over(&c->out->type, 3, c->in);
    int64_t  n = cn__type_count(&c->out->type);
    for (int64_t i = 0; i < n; i++, cn__walk_next(&w)) {
        int k = cn__truth(&c->in[0], w.off[0]) ? 1 : 2;
        cn__copy_one(c->out, i, &c->in[k], w.off[k]);
    }
}

bool cn__decomp_clip(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    (void)i;
    out[0] = cn__b2(g, CN__OP_MIN, cn__b2(g, CN__OP_MAX, in[0], in[1]), in[2]);
    return out[0];
}

/* ---- Derivatives: by a and by b; then summed over what was repeated ---------------------------------------------- */
static void give(cn_graph *g, const cn__inst *i, int k, cn__val d, cn__val *dx)
{
    cn__type t = *cn__type_of(g, cn__in(g, i)[k]);
    dx[k] = cn__sum_to(g, d, &t);
}

#define GRADIENT(name, by_a, by_b)                                                                          \
    bool cn__grad_##name(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)  \
    {                                                                                                       \
        cn__val a = cn__in(g, i)[0], b = cn__in(g, i)[1], y = i->out, d = dy[0];                            \
        (void)a, (void)b, (void)y;                                                                          \
        if (want[0]) give(g, i, 0, (by_a), dx);                                                             \
        if (want[1]) give(g, i, 1, (by_b), dx);                                                             \
        return cn__graph_ok(g);                                                                             \
    }

/* d where p holds strictly of x and z, half of it where they are equal. */
static cn__val share(cn_graph *g, cn__op strictly, cn__val x, cn__val z, cn__val d)
{
    cn__val half = cn__where(g, cn__b2(g, CN__OP_EQ, x, z), cn__scale(g, d, 0.5), cn__like(g, d, 0));
    return cn__where(g, cn__b2(g, strictly, x, z), d, half);
}

/* b a^(b-1), which is 0 for b = 0 even where a^(b-1) is infinite. */
static cn__val power_by_base(cn_graph *g, cn__val a, cn__val b)
{
    cn__val p = cn__mul(g, b, cn__b2(g, CN__OP_POW, a, cn__affine(g, b, 1, -1)));
    return cn__where(g, cn__b2(g, CN__OP_EQ, b, cn__like(g, b, 0)), cn__like(g, b, 0), p);
}

/* a^b ln a, taken as 0 where a is not positive. */
static cn__val power_by_exponent(cn_graph *g, cn__val a, cn__val y)
{
    cn__val positive = cn__b2(g, CN__OP_GT, a, cn__like(g, a, 0));
    return cn__mul(g, y, cn__b1(g, CN__OP_LOG, cn__where(g, positive, a, cn__like(g, a, 1))));
}

#define NEG(x)    cn__b1(g, CN__OP_NEG, (x))
#define MUL(x, z) cn__mul(g, (x), (z))
GRADIENT(add, d, d)
GRADIENT(sub, d, NEG(d))
GRADIENT(mul, MUL(d, b), MUL(d, a))
GRADIENT(div, cn__div(g, d, b), NEG(cn__div(g, MUL(d, y), b)))
GRADIENT(pow, MUL(d, power_by_base(g, a, b)), MUL(d, power_by_exponent(g, a, y)))
GRADIENT(min, share(g, CN__OP_LT, a, b, d), share(g, CN__OP_LT, b, a, d))
GRADIENT(max, share(g, CN__OP_GT, a, b, d), share(g, CN__OP_GT, b, a, d))
GRADIENT(mod, d, NEG(MUL(d, cn__b1(g, CN__OP_FLOOR, cn__div(g, a, b)))))

bool cn__grad_where(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    cn__val c = cn__in(g, i)[0], zero = cn__like(g, dy[0], 0);
    if (want[1]) give(g, i, 1, cn__where(g, c, dy[0], zero), dx);
    if (want[2]) give(g, i, 2, cn__where(g, c, zero, dy[0]), dx);
    return cn__graph_ok(g);
}
