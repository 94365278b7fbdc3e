/* layer_noise.c: layers that are there for training: Dropout and its kin, and ActivityRegularization. In prediction all
   pass x through.

   Numbers are drawn by the graph, from seed, step and a stream of the layer's own: the same for any number of threads.
 */
#include "nn/layer.h"
#include <math.h>
#include <string.h>

static cn__val passed(const cn__lowering *l) { return cn__layer_cast(l, l->in[0]); }

static uint32_t stream(const cn__lowering *l, int64_t seed)
{
    return seed ? (uint32_t)cn__hash((uint64_t)seed, l->call) : cn__stream(l, 0);
}

static cn__val normal(const cn__lowering *l, cn__val like, int64_t seed, double mean, double stddev)
{
    const cn__type *t = cn__type_of(l->g, like);
    return cn__random(l->g, CN__OP_RANDOM_NORMAL, l->rng, stream(l, seed), (cn_dtype)t->dtype, t->rank, t->dim, mean,
                      stddev);
}

/* 1 with probability 1 - rate, else 0, in the shape that noise_shape makes of x's. */
static cn__val kept(const cn__lowering *l, cn__val x, double rate, const int64_t *noise_shape, int64_t seed)
{
    cn__type t = *cn__type_of(l->g, x);
    int n = cn__dims_count(noise_shape);
    if (n && n != t.rank)
        return cn__graph_fail(l->g, CN_E_SHAPE, "noise_shape has %d sizes, the input has %d axes with the batch", n,
                              t.rank);
    for (int i = 0; i < n; i++) {
        if (noise_shape[i] > 0 && noise_shape[i] != 1 && noise_shape[i] != t.dim[i])
            return cn__graph_fail(l->g, CN_E_SHAPE,
                                  "noise_shape has %lld where the input has %lld; it may be 1, CN_ANY or the same",
                                  (long long)noise_shape[i], (long long)t.dim[i]);
        if (noise_shape[i] > 0) t.dim[i] = noise_shape[i];
    }
    return cn__random(l->g, CN__OP_RANDOM_BERNOULLI, l->rng, stream(l, seed), (cn_dtype)t.dtype, t.rank, t.dim,
                      1 - rate, 0);
}

static bool dropout_call(cn__lowering *l)
{
    const cn_dropout_args *o = l->layer->args;
    cn__val x = passed(l);
    if (x && l->training && o->rate >= 1)
        x = cn__fill(l->g, l->layer->dtype, cn__type_of(l->g, x)->rank, cn__type_of(l->g, x)->dim, 0);
    else if (x && l->training && o->rate > 0)
        x = cn__mul(l->g, x, cn__scale(l->g, kept(l, x, o->rate, o->noise_shape, o->seed), 1 / (1 - o->rate)));
    return (l->out[0] = x) != 0;
}

/* Klambauer et al. 2017, section 3: what is dropped becomes selu's lower limit alpha', and a, b restore mean 0 and
 * variance 1. */
static bool alpha_dropout_call(cn__lowering *l)
{
    const cn_alpha_dropout_args *o = l->layer->args;
    const double low = -1.6732632423543772 * 1.0507009873554805, q = 1 - o->rate;
    cn__val x = passed(l);
    if (x && l->training && o->rate > 0) {
        double a = 1 / sqrt(q * (1 + o->rate * low * low)), b = -a * low * o->rate;
        cn__val m = kept(l, x, o->rate, o->noise_shape, o->seed);
        x = cn__affine(l->g, cn__add(l->g, cn__mul(l->g, x, m), cn__affine(l->g, m, -low, low)), a, b);
    }
    return (l->out[0] = x) != 0;
}

static cn_status alpha_dropout_build(cn_layer *l, const char *site)
{
    if (((const cn_alpha_dropout_args *)l->args)->rate < 1) return CN_OK;
    return cn__layer_error(l, site, CN_E_VALUE,
                           "rate is 1, it must be less: nothing would be left to restore mean and variance from.");
}

static bool gaussian_dropout_call(cn__lowering *l)
{
    const cn_gaussian_dropout_args *o = l->layer->args;
    cn__val x = passed(l);
    if (x && l->training && o->rate > 0) x = cn__mul(l->g, x, normal(l, x, o->seed, 1, sqrt(o->rate / (1 - o->rate))));
    return (l->out[0] = x) != 0;
}

static bool gaussian_noise_call(cn__lowering *l)
{
    const cn_gaussian_noise_args *o = l->layer->args;
    cn__val x = passed(l);
    if (x && l->training && o->stddev > 0) x = cn__add(l->g, x, normal(l, x, o->seed, 0, o->stddev));
    return (l->out[0] = x) != 0;
}

/* The penalty is the layer's activity regularizer, as in Keras. */
static cn_status activity_build(cn_layer *l, const char *site)
{
    const cn_activity_regularization_args *o = l->args;
    cn_l1_l2_args both = { .head = CN_HEAD(cn_l1_l2_args), .l1 = o->l1, .l2 = o->l2 };
    return cn__spec_make(l->obj.ctx, cn__ctx_arena(l->obj.ctx), site, CN__FAM_REGULARIZER, (cn_l1_l2)(&both).name,
                         &l->activity_regularizer)
               ? CN_OK
               : (cn_error)(l->obj.ctx);
}

static bool activity_call(cn__lowering *l) { return (l->out[0] = passed(l)) != 0; }

const cn__layer_ops cn__layer_dropout          = { .call = dropout_call,          .supports_masking = true };
const cn__layer_ops cn__layer_alpha_dropout = { .build = alpha_dropout_build,
                                                .call = alpha_dropout_call,
                                                .supports_masking = true };
const cn__layer_ops cn__layer_gaussian_dropout = { .call = gaussian_dropout_call, .supports_masking = true };
const cn__layer_ops cn__layer_gaussian_noise   = { .call = gaussian_noise_call,   .supports_masking = true };
const cn__layer_ops cn__layer_activity_regularization = { .build = activity_build,
                                                          .call = activity_call,
                                                          .supports_masking = true };
