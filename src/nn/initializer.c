/* initializer.c: the first numbers of a weight. Random ones are counter-based (philox.h): element i of a weight depends
   on seed, stream and i only, so the same model has the same weights whatever was made before it and on any number of
   threads. */
#include "nn/options.h"
#include "base/philox.h"
#include <math.h>

#define PI 3.14159265358979323846
#define ARGS(id, d) const cn_init_##id##_args *o = (d)->spec->args

static bool constant(const cn__draw *d, double value)
{
    for (int64_t i = 0; i < d->n; i++) d->out[i] = (float)value;
    return true;
}

static bool fill_zeros(cn_ctx *ctx, const cn__draw *d) { return (void)ctx, constant(d, 0); }
static bool fill_ones(cn_ctx *ctx, const cn__draw *d) { return (void)ctx, constant(d, 1); }

static bool fill_constant(cn_ctx *ctx, const cn__draw *d)
{
    ARGS(constant, d);
    return (void)ctx, constant(d, o->value);
}

static bool fill_identity(cn_ctx *ctx, const cn__draw *d)
{
    ARGS(identity, d);
    if (d->rank != 2)
        return cn__fail(ctx, d->site, CN_E_SHAPE, "identity: it makes matrices, not weights with %d axes.", d->rank),
               false;
    constant(d, 0);
    for (int64_t i = 0; i < d->dim[0] && i < d->dim[1]; i++) d->out[i * d->dim[1] + i] = (float)o->gain;
    return true;
}

/* ---- Distributions ----------------------------------------------------------------------------------------------- */
typedef enum distribution { UNIFORM, NORMAL, TRUNCATED } distribution;

/* mean + spread * a number of the distribution: of [-1, 1), of deviation 1, of deviation 1 before it was cut at 2. */
static bool draw(const cn__draw *d, distribution kind, double mean, double spread)
{
    enum { CHUNK = 256 };
    uint32_t bits[CHUNK];
    for (int64_t first = 0; first < d->n; first += CHUNK) {
        int64_t n = CN__MIN(d->n - first, CHUNK);
        cn__random_fill(d->seed, d->stream, 0, (uint64_t)first, bits, (uint64_t)n);
        for (int64_t i = 0; i < n; i++) {
            double x = 2 * cn__unit(bits[i]) - 1;
            if (kind == NORMAL) x = cn__normal_of(bits[i]);
            if (kind == TRUNCATED) x = cn__truncated_normal_of(bits[i]);
            d->out[first + i] = (float)(mean + spread * x);
        }
    }
    return true;
}

static bool fill_random_normal(cn_ctx *ctx, const cn__draw *d)
{
    ARGS(random_normal, d);
    return (void)ctx, draw(d, NORMAL, o->mean, o->stddev);
}

static bool fill_truncated_normal(cn_ctx *ctx, const cn__draw *d)
{
    ARGS(truncated_normal, d);
    return (void)ctx, draw(d, TRUNCATED, o->mean, o->stddev);
}

static bool fill_random_uniform(cn_ctx *ctx, const cn__draw *d)
{
    ARGS(random_uniform, d);
    return (void)ctx, draw(d, UNIFORM, (o->minval + o->maxval) / 2, (o->maxval - o->minval) / 2);
}

/* ---- By the fans ------------------------------------------------------------------------------------------------- */
static bool product(cn_ctx *ctx, const cn__draw *d, const int64_t *axes, double *fan)
{
    uint32_t mask;
    if (!cn__axes_mask(axes, d->rank, &mask))
        return cn__fail(ctx, d->site, CN_E_VALUE,
                        "%s: an axis of input_axes or output_axes is outside a weight with %d axes.",
                        d->spec->cls->snake, d->rank), false;
    *fan = 1;
    for (int i = 0; i < d->rank; i++)
        if (mask & 1u << i) *fan *= (double)d->dim[i];
    return true;
}

/* Keras's compute_fans: the last two axes are in and out, all before them the receptive field. */
static bool fans(cn_ctx *ctx, const cn__draw *d, const int64_t *input_axes, const int64_t *output_axes, double *in,
                 double *out)
{
    if (input_axes[0] && output_axes[0]) return product(ctx, d, input_axes, in) && product(ctx, d, output_axes, out);
    *in = *out = 1;
    for (int i = 0; i < d->rank; i++) {
        if (i != d->rank - 1 || d->rank == 1) *in *= (double)d->dim[i];
        if (i != d->rank - 2) *out *= (double)d->dim[i];
    }
    return true;
}

typedef enum fan_mode { FAN_IN, FAN_OUT, FAN_AVG } fan_mode;

static bool scaled(cn_ctx *ctx, const cn__draw *d, double scale, fan_mode mode, distribution kind,
                   const int64_t *input_axes, const int64_t *output_axes)
{
    double in, out;
    if (!fans(ctx, d, input_axes, output_axes, &in, &out)) return false;
    double variance = scale / fmax(1, mode == FAN_IN ? in : mode == FAN_OUT ? out : (in + out) / 2);
    if (kind == UNIFORM) return draw(d, UNIFORM, 0, sqrt(3 * variance));
    /* the deviation of a normal distribution cut at two deviations is 0.8796 of what it was */
    return draw(d, kind, 0, kind == TRUNCATED ? sqrt(variance) / 0.87962566103423978 : sqrt(variance));
}

static bool fill_variance_scaling(cn_ctx *ctx, const cn__draw *d)
{
    ARGS(variance_scaling, d);
    fan_mode mode = !strcmp(o->mode, "fan_in") ? FAN_IN : !strcmp(o->mode, "fan_out") ? FAN_OUT : FAN_AVG;
    distribution kind = TRUNCATED;                       /* "normal", too, as in Keras */
    if (!strcmp(o->distribution, "uniform")) kind = UNIFORM;
    if (!strcmp(o->distribution, "untruncated_normal")) kind = NORMAL;
    return scaled(ctx, d, o->scale, mode, kind, o->input_axes, o->output_axes);
}

#define SCALED(id, scale, mode, kind)                                                                                 \
    static bool fill_##id(cn_ctx *ctx, const cn__draw *d)                                                             \
    {                                                                                                                 \
        ARGS(id, d);                                                                                                  \
        return scaled(ctx, d, scale, mode, kind, o->input_axes, o->output_axes);                                      \
    }
SCALED(glorot_uniform, 1, FAN_AVG, UNIFORM)
SCALED(glorot_normal,  1, FAN_AVG, TRUNCATED)
SCALED(he_uniform,     2, FAN_IN,  UNIFORM)
SCALED(he_normal,      2, FAN_IN,  TRUNCATED)
SCALED(lecun_uniform,  1, FAN_IN,  UNIFORM)
SCALED(lecun_normal,   1, FAN_IN,  TRUNCATED)

/* ---- Orthogonal -------------------------------------------------------------------------------------------------- */
static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void reflect(const double *v, double *x, int64_t n)                 /* x -= 2 v (v x), |v| = 1 */
{
    double twice = 2 * dot(v, x, n);
    for (int64_t i = 0; i < n; i++) x[i] -= twice * v[i];
}

/* Householder's QR (Golub and Van Loan, Matrix Computations, 5.2.1) of tall a, m rows, n columns, each column in one
   piece. a becomes the reflections' vectors, q the first n columns of Q, with signs such that R's diagonal is positive:
   then Q is uniformly distributed over the orthogonal matrices (Mezzadri 2007). */
static void orthogonalize(double *a, double *q, int64_t m, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        double *v = a + k * m + k, norm = sqrt(dot(v, v, m - k)), sign = v[0] < 0 ? -1 : 1;
        memset(q + k * m, 0, (size_t)m * sizeof *q);
        q[k * m + k] = -sign;                            /* R's diagonal is -sign norm */
        v[0] += sign * norm;
        double length = sqrt(dot(v, v, m - k));
        for (int64_t i = 0; i < m - k && length > 0; i++) v[i] /= length;
        for (int64_t j = k + 1; j < n; j++) reflect(v, a + j * m + k, m - k);
    }
    for (int64_t k = n - 1; k >= 0; k--)
        for (int64_t j = k; j < n; j++) reflect(a + k * m + k, q + j * m + k, m - k);
}

static bool fill_orthogonal(cn_ctx *ctx, const cn__draw *d)
{
    ARGS(orthogonal, d);
    if (d->rank < 2)
        return cn__fail(ctx, d->site, CN_E_SHAPE, "orthogonal: the weight has %d axes, it takes at least 2.",
                        d->rank), false;
    int64_t cols = d->dim[d->rank - 1], rows = cols ? d->n / cols : 0, m = CN__MAX(rows, cols), n = CN__MIN(rows, cols);
    size_t bytes = 2 * (size_t)(m * n) * sizeof(double);
    double *a = cn__alloc(ctx, bytes), *q = a ? a + m * n : NULL;
    if (!a) return cn__nomem(ctx), false;
    draw(d, NORMAL, 0, 1);
    for (int64_t i = 0; i < m * n; i++) a[(i % n) * m + i / n] = d->out[i];
    orthogonalize(a, q, m, n);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            d->out[i * cols + j] = (float)(o->gain * (rows >= cols ? q[j * m + i] : q[i * m + j]));
    cn__free(ctx, a, bytes);
    return true;
}

/* ---- The short-time Fourier transform as a kernel (frame, 1, frequencies) ---------------------------------------- */
static double window_at(const char *name, int64_t i, int64_t n, bool periodic)
{
    int64_t last = periodic ? n : n - 1;
    double turn = last > 0 ? 2 * PI * (double)i / (double)last : 0;
    if (n == 1 || !strcmp(name, "boxcar") || !strcmp(name, "none")) return 1;
    if (!strcmp(name, "hann")) return 0.5 - 0.5 * cos(turn);
    if (!strcmp(name, "hamming")) return 0.54 - 0.46 * cos(turn);
    if (!strcmp(name, "blackman")) return 0.42 - 0.5 * cos(turn) + 0.08 * cos(2 * turn);
    return 1 - fabs(2 * (double)i / (double)last - 1);   /* bartlett */
}

static bool fill_stft(cn_ctx *ctx, const cn__draw *d)
{
    ARGS(stft, d);
    if (d->rank != 3 || d->dim[1] != 1)
        return cn__fail(ctx, d->site, CN_E_SHAPE,
                        "stft: the weight must have the shape (frame length, 1, frequencies)."), false;
    int64_t frame = d->dim[0], bins = d->dim[2];
    double squares = 0, sum = 0, scale = 1;
    for (int64_t t = 0; t < frame; t++) {
        double w = window_at(o->window, t, frame, o->periodic == CN_YES);
        squares += w * w, sum += fabs(w);
    }
    if (strcmp(o->window, "none"))
        scale = !strcmp(o->scaling, "density") ? sqrt(squares) : !strcmp(o->scaling, "spectrum") ? sum : 1;
    for (int64_t t = 0; t < frame; t++)
        for (int64_t k = 0; k < bins; k++) {
            double turn = bins > 1 ? -2 * PI * (double)t * (double)k / (double)(2 * (bins - 1)) : 0;
            double w = window_at(o->window, t, frame, o->periodic == CN_YES) / scale;
            d->out[t * bins + k] = (float)(w * (*o->side == 'r' ? cos(turn) : sin(turn)));
        }
    return true;
}

/* ---- The list ---------------------------------------------------------------------------------------------------- */
#define CN_INIT_PLAIN(class, id, aliases, formula)                                                                    \
    static const cn__initializer_ops ops_##id = { fill_##id };                                                        \
    CN__PLAIN_CLASS(class_##id, #class, #id, "keras.initializers", aliases, formula, CN__FAM_INITIALIZER, &ops_##id)
#define CN_INIT(class, id, FIELDS, aliases, formula)                                                                  \
    static const cn__initializer_ops ops_##id = { fill_##id };                                                        \
    CN__CLASS(class_##id, cn_init_##id##_args, CN_NO_FIELDS, CN_NO_FIELDS, FIELDS, #class, #id,                       \
              "keras.initializers", aliases, formula, CN__FAM_INITIALIZER, NULL, &ops_##id)                           \
    cn_initializer (cn_init_##id)(cn_init_##id##_args *args) { return CN__CHOOSE(cn_initializer, args, #class); }
#include "nn/initializers.def"
#undef CN_INIT_PLAIN
#undef CN_INIT

cn__class_fn *const cn__initializer_classes[] = {
#define CN_INIT_PLAIN(class, id, aliases, formula)    class_##id,
#define CN_INIT(class, id, FIELDS, aliases, formula)  class_##id,
#include "nn/initializers.def"
#undef CN_INIT_PLAIN
#undef CN_INIT
    NULL
};

cn_status cn__initialize(cn_ctx *ctx, const cn__spec *spec, int rank, const int64_t *dim, uint64_t seed,
                         uint64_t stream, float *out)
{
    cn__draw d = { .spec = spec, .rank = rank, .dim = dim, .n = 1, .seed = seed, .stream = stream, .out = out };
    for (int i = 0; i < rank; i++) d.n *= dim[i];
    const cn__option *option = cn__option_find(spec->cls, "seed");
    int64_t own = 0;
    if (option) memcpy(&own, (const char *)spec->args + option->offset, sizeof own);
    if (own) d.seed = (uint64_t)own, d.stream = 0;       /* as in Keras: the same seed and shape, the same numbers */
    if (!spec->cls) return constant(&d, 0), CN_OK;
    return ((const cn__initializer_ops *)spec->cls->ops)->fill(ctx, &d) ? CN_OK : cn_error(ctx);
}
