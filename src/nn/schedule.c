/* schedule.c: learning rates that follow the step. Each formula stands here once: on numbers it gives the rate of a
   step, on values it builds nodes, so that what a callback prints and what the training uses cannot differ. Both
   compute in double. */
#include "nn/options.h"
#include <math.h>

#define PI 3.14159265358979323846

/* A number, or, with a graph, a float64 scalar of it. */
typedef struct num { cn_graph *g; cn__val v; double x; } num;
typedef struct schedule_ops { num (*rate)(const void *args, num step); } schedule_ops;

static num lit(num like, double x) { return (num){ like.g, like.g ? cn__scalar(like.g, CN_FLOAT64, x) : 0, x }; }
static num affine(num a, double scale, double offset)
{
    return (num){ a.g, a.g ? cn__affine(a.g, a.v, scale, offset) : 0, a.x * scale + offset };
}
#define UNARY(name, op, function) \
    static num name(num a) { return (num){ a.g, a.g ? cn__b1(a.g, CN__OP_##op, a.v) : 0, function(a.x) }; }
#define BINARY(name, op, result) \
    static num name(num a, num b) { return (num){ a.g, a.g ? cn__b2(a.g, CN__OP_##op, a.v, b.v) : 0, result }; }
UNARY(whole, FLOOR, floor)
UNARY(ceiling, CEIL, ceil)
UNARY(cosine, COS, cos)
UNARY(logarithm, LOG, log)
BINARY(add, ADD, a.x + b.x)
BINARY(times, MUL, a.x * b.x)
BINARY(over, DIV, a.x / b.x)
BINARY(power, POW, pow(a.x, b.x))
BINARY(least, MIN, fmin(a.x, b.x))

static num when_less(num a, double b, num then, num otherwise)
{
    if (!a.g) return a.x < b ? then : otherwise;
    return (num){ a.g, cn__where(a.g, cn__b2(a.g, CN__OP_LT, a.v, cn__scalar(a.g, CN_FLOAT64, b)), then.v, otherwise.v),
                  0 };
}

/* ---- The formulas, as in keras.optimizers.schedules -------------------------------------------------------------- */
static num rate_exponential_decay(const void *args, num step)
{
    const cn_exponential_decay_args *o = args;
    num s = affine(step, 1 / (double)o->decay_steps, 0);
    if (o->staircase == CN_YES) s = whole(over(step, lit(step, (double)o->decay_steps)));
    return affine(power(lit(s, o->decay_rate), s), o->initial_learning_rate, 0);
}

static num rate_inverse_time_decay(const void *args, num step)
{
    const cn_inverse_time_decay_args *o = args;
    num s = over(step, lit(step, (double)o->decay_steps));
    if (o->staircase == CN_YES) s = whole(s);
    return over(lit(s, o->initial_learning_rate), affine(s, o->decay_rate, 1));
}

static num rate_polynomial_decay(const void *args, num step)
{
    const cn_polynomial_decay_args *o = args;
    double steps = (double)o->decay_steps, range = o->initial_learning_rate - o->end_learning_rate;
    num length = lit(step, steps);
    if (o->cycle == CN_YES) length = affine(when_less(step, 1, lit(step, 1), ceiling(over(step, length))), steps, 0);
    else step = least(step, length);
    return affine(power(affine(over(step, length), -1, 1), lit(step, o->power)), range, o->end_learning_rate);
}

static num half_wave(num share, double high, double alpha)   /* high at 0, alpha high at 1 */
{
    return affine(cosine(affine(share, PI, 0)), high * (1 - alpha) / 2, high * (1 - alpha) / 2 + high * alpha);
}

static num rate_cosine_decay(const void *args, num step)
{
    const cn_cosine_decay_args *o = args;
    double steps = (double)o->decay_steps, warm = (double)o->warmup_steps, start = o->initial_learning_rate;
    if (o->warmup_target == 0) return half_wave(affine(least(step, lit(step, steps)), 1 / steps, 0), start, o->alpha);
    step = least(step, lit(step, steps + warm));
    num decay = half_wave(affine(step, 1 / steps, -warm / steps), o->warmup_target, o->alpha);
    return when_less(step, warm, affine(step, warm > 0 ? (o->warmup_target - start) / warm : 0, start), decay);
}

/* Loshchilov and Hutter 2017. Period i starts at (t_mul^i - 1) / (t_mul - 1) first periods. */
static num rate_cosine_decay_restarts(const void *args, num step)
{
    const cn_cosine_decay_restarts_args *o = args;
    num share = over(step, lit(step, (double)o->first_decay_steps)), period;
    if (o->t_mul == 1) {
        period = whole(share);
        share = add(share, affine(period, -1, 0));
    } else {
        num exact = over(logarithm(affine(share, o->t_mul - 1, 1)), lit(step, log(o->t_mul)));
        /* log 243 / log 3 is 4.999...: the very step of a restart is not to be rounded down */
        period = whole(affine(exact, 1, 1e-9));
        num length = power(lit(step, o->t_mul), period);
        num start = affine(length, 1 / (o->t_mul - 1), -1 / (o->t_mul - 1));
        share = over(add(share, affine(start, -1, 0)), length);
    }
    num wave = times(half_wave(share, 1, 0), power(lit(step, o->m_mul), period));
    return affine(wave, o->initial_learning_rate * (1 - o->alpha), o->initial_learning_rate * o->alpha);
}

static num rate_piecewise_constant_decay(const void *args, num step)
{
    const cn_piecewise_constant_decay_args *o = args;
    num rate = lit(step, cn__load(o->values->dtype, o->values->data, o->boundaries->count));
    for (size_t i = o->boundaries->count; i-- > 0;) {
        double boundary = cn__load(o->boundaries->dtype, o->boundaries->data, i);
        rate = when_less(step, floor(boundary) + 1, lit(step, cn__load(o->values->dtype, o->values->data, i)), rate);
    }
    return rate;
}

/* ---- Checks ------------------------------------------------------------------------------------------------------ */
static cn_status finish_cosine(cn_ctx *ctx, const char *site, void *args)
{
    const cn_cosine_decay_args *o = args;
    if (o->warmup_steps == 0 || o->warmup_target != 0) return CN_OK;
    return cn__fail(ctx, site, CN_E_VALUE,
                    "cosine_decay: warmup_steps is %lld but there is no warmup_target to rise to.",
                    (long long)o->warmup_steps);
}

static cn_status finish_piecewise(cn_ctx *ctx, const char *site, void *args)
{
    const cn_piecewise_constant_decay_args *o = args;
    if (!o->boundaries || !o->values || o->values->count != o->boundaries->count + 1)
        return cn__fail(ctx, site, CN_E_VALUE,
                        "piecewise_constant_decay: there are %zu boundaries and %zu values; it takes one value more "
                        "than boundaries.",
                        o->boundaries ? o->boundaries->count : 0, o->values ? o->values->count : 0);
    for (size_t i = 1; i < o->boundaries->count; i++)
        if (cn__load(o->boundaries->dtype, o->boundaries->data, i) <=
            cn__load(o->boundaries->dtype, o->boundaries->data, i - 1))
            return cn__fail(ctx, site, CN_E_VALUE,
                            "piecewise_constant_decay: boundary %zu is not above the one before it.", i);
    return CN_OK;
}

/* ---- The list ---------------------------------------------------------------------------------------------------- */
#define CN_SCHEDULE(class, id, REQUIRED, FIELDS, finish, formula)                                                     \
    static const schedule_ops ops_##id = { rate_##id };                                                               \
    CN__CLASS(class_##id, cn_##id##_args, REQUIRED, CN_NO_FIELDS, FIELDS, #class, #id,                                \
              "keras.optimizers.schedules", "", formula, CN__FAM_SCHEDULE, finish, &ops_##id)                         \
    cn_schedule (cn_##id)(cn_##id##_args *args) { return CN__CHOOSE(cn_schedule, args, #class); }
#include "nn/schedules.def"
#undef CN_SCHEDULE

cn__class_fn *const cn__schedule_classes[] = {
#define CN_SCHEDULE(class, id, REQUIRED, FIELDS, finish, formula) class_##id,
#include "nn/schedules.def"
#undef CN_SCHEDULE
    NULL
};

cn__val cn__schedule_val(cn_graph *g, const cn__spec *spec, cn__val iteration)
{
    num step = { g, cn__cast(g, iteration, CN_FLOAT64), 0 };
    return cn__cast(g, ((const schedule_ops *)spec->cls->ops)->rate(spec->args, step).v, CN_FLOAT32);
}

double cn__schedule_at(const cn__spec *spec, int64_t step)
{
    return ((const schedule_ops *)spec->cls->ops)->rate(spec->args, (num){ NULL, 0, (double)step }).x;
}
