/* unary.c: element-wise, one operand. Each line of the first list is an op's formula for floating types and for
   integers; each of the second its derivative, as nodes. */
#include "ops/kernel.h"
#include "ops/ops.h"
#include <math.h>

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */
bool cn__shape_same(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    (void)g, (void)i;
    out[0] = *in[0];
    return true;
}

bool cn__shape_floating(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    out[0] = *in[0];
    return cn__want_float(g, i, in, 0);
}

bool cn__shape_boolean(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    (void)g, (void)i;
    out[0] = *in[0];
    out[0].dtype = CN_BOOL;
    return true;
}

bool cn__shape_cast(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_cast *a = i->attr;
    (void)g;
    out[0] = *in[0];
    out[0].dtype = (uint8_t)a->dtype;
    if (cn__dtype_class_of((cn_dtype)a->dtype) != CN__CLASS_NONE) return true;
    return cn__misfit(g, i, in, CN_E_DTYPE, "there is no element type %d of numbers", (int)a->dtype);
}

/* ---- Formulas: floating, integer --------------------------------------------------------------------------------- */
#define WRAP(expression) ((int64_t)(expression))
#define UNSIGNED(x)      ((uint64_t)(x))
#define ANY(F)           /* defined for all types */                             \
    F(neg,       -x,                               WRAP(0 - UNSIGNED(x)))        \
    F(abs,       fabs(x),                          x < 0 ? WRAP(0 - UNSIGNED(x)) : x) \
    F(sign,      isnan(x) ? x : (x > 0) - (x < 0), (x > 0) - (x < 0))            \
    F(square,    x * x,                            WRAP(UNSIGNED(x) * UNSIGNED(x))) \
    F(relu,      x > 0 || isnan(x) ? x : 0,        x > 0 ? x : 0)                \
    F(floor,     floor(x),                         x)                            \
    F(ceil,      ceil(x),                          x)                            \
    F(round,     nearbyint(x),                     x)                            \
    F(stop_gradient, x,                            x)                            \
    F(not,       x == 0,                           x == 0)                       \
    F(is_finite, isfinite(x),                      x - x + 1)                     \
    F(is_nan,    isnan(x),                         x - x)
#define FLOATING(F)                                                              \
    F(exp,        exp(x))                                                        \
    F(expm1,      expm1(x))                                                      \
    F(log,        log(x))                                                        \
    F(log1p,      log1p(x))                                                      \
    F(sqrt,       sqrt(x))                                                       \
    F(rsqrt,      1 / sqrt(x))                                                   \
    F(reciprocal, 1 / x)                                                         \
    F(sin,        sin(x))                                                        \
    F(cos,        cos(x))                                                        \
    F(tan,        tan(x))                                                        \
    F(tanh,       tanh(x))                                                       \
    F(sigmoid,    1 / (1 + exp(-x)))                                             \
    F(softplus,   fmax(x, 0) + log1p(exp(-fabs(x))))                             \
    F(erf,        erf(x))

static void map(const cn__ref_call *c, double (*real)(double), int64_t (*whole)(int64_t))
{
    const cn__tensor_view *x = c->in, *y = c->out;
    int64_t n = cn__type_count(&y->type);
    if (!cn__real(x)) for (int64_t i = 0; i < n; i++) cn__put_whole(y, i, whole(cn__get_whole(x, i)));
    else if (cn__real(y)) for (int64_t i = 0; i < n; i++) cn__put(y, i, real(cn__get(x, i)));
    else for (int64_t i = 0; i < n; i++) cn__put_whole(y, i, (int64_t)real(cn__get(x, i)));
}

#define KERNEL(name, formula, integers)                                  \
    static double  real_##name(double x)   { return formula; }           \
    static int64_t whole_##name(int64_t x) { return integers; }          \
    void cn__ref_##name(const cn__ref_call *c) { map(c, real_##name, whole_##name); }
#define REAL_KERNEL(name, formula)                                       \
    static double  real_##name(double x)   { return formula; }           \
    void cn__ref_##name(const cn__ref_call *c) { map(c, real_##name, NULL); }
ANY(KERNEL)
FLOATING(REAL_KERNEL)

void cn__ref_cast(const cn__ref_call *c)                 /* saturates, truncates towards zero (base/dtype.h) */
{
    cn__convert(cn__dtype_of(c->out), c->out->at, cn__dtype_of(c->in), c->in->at,
                (size_t)cn__type_count(&c->out->type));
}

/* ---- Derivatives: x the operand, y the result, d the gradient by y ----------------------------------------------- */
#define U(op, x)      cn__b1(g, CN__OP_##op, (x))
#define MUL(a, b)     cn__mul(g, (a), (b))
#define SCALE(x, k)   cn__scale(g, (x), (k))
#define ONE_PLUS(x)   cn__affine(g, (x), 1, 1)
#define ONE_MINUS(x)  cn__sub(g, cn__like(g, (x), 1), (x))
#define TWO_BY_SQRT_PI 1.12837916709551257390
#define GRADIENT(name, expression)                                                                                     \
    bool cn__grad_##name(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)             \
    {                                                                                                                  \
        cn__val x = cn__in(g, i)[0], y = i->out, d = dy[0];                                                            \
        (void)x, (void)y, (void)want;                                                                                  \
        return (dx[0] = (expression)) != 0;                                                                            \
    }
GRADIENT(neg,        U(NEG, d))
GRADIENT(abs,        MUL(d, U(SIGN, x)))
GRADIENT(exp,        MUL(d, y))
GRADIENT(expm1,      MUL(d, ONE_PLUS(y)))
GRADIENT(log,        cn__div(g, d, x))
GRADIENT(log1p,      cn__div(g, d, ONE_PLUS(x)))
GRADIENT(sqrt,       cn__div(g, SCALE(d, 0.5), y))
GRADIENT(rsqrt,      MUL(d, SCALE(MUL(MUL(y, y), y), -0.5)))
GRADIENT(square,     MUL(d, SCALE(x, 2)))
GRADIENT(reciprocal, U(NEG, MUL(d, MUL(y, y))))
GRADIENT(sin,        MUL(d, U(COS, x)))
GRADIENT(cos,        U(NEG, MUL(d, U(SIN, x))))
GRADIENT(tan,        cn__add(g, d, MUL(d, MUL(y, y))))
GRADIENT(tanh,       MUL(d, ONE_MINUS(MUL(y, y))))
GRADIENT(sigmoid,    MUL(d, MUL(y, ONE_MINUS(y))))
GRADIENT(softplus,   MUL(d, U(SIGMOID, x)))
GRADIENT(erf,        MUL(d, SCALE(U(EXP, U(NEG, MUL(x, x))), TWO_BY_SQRT_PI)))
/* by y: x need not be kept */
GRADIENT(relu,       cn__where(g, cn__b2(g, CN__OP_GT, y, cn__like(g, y, 0)), d, cn__like(g, d, 0)))
GRADIENT(cast,       cn__cast(g, d, (cn_dtype)cn__type_of(g, x)->dtype))

/* Constant almost everywhere, or cut on purpose. */
bool cn__grad_zero(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    (void)g, (void)i, (void)dy, (void)want, (void)dx;
    return true;
}
