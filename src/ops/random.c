/* random.c: random numbers as pure functions of (seed, stream, step, element): operand 0 is {seed, step}, the stream
   is the op's own (Philox4x32-10, base/philox.h). */
#include "base/philox.h"
#include "ops/kernel.h"
#include "ops/ops.h"

bool cn__shape_random(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_random *a = i->attr;
    if (in[0]->dtype != CN_INT64 || in[0]->rank != 1 || in[0]->dim[0] != 2)
        return cn__misfit(g, i, in, CN_E_SHAPE, "the random state is int64[2]: seed and step");
    out[0] = cn__type_make((cn_dtype)a->dtype, a->rank, a->dim);
    if (!cn__type_valid(&out[0]))
        return cn__misfit(g, i, in, CN_E_SHAPE, "its result has no sound shape or element type");
    if (i->op != CN__OP_RANDOM_SHUFFLE) return true;
    return (out[0].dtype == CN_INT32 && out[0].rank == 1 && out[0].dim[0] <= INT32_MAX) ||
           cn__misfit(g, i, in, CN_E_SHAPE, "a shuffle is int32 along one axis");
}

static uint64_t state(const cn__ref_call *c, int k) { return (uint64_t)cn__get_whole(&c->in[0], k); }

/* In pieces: bits come many at a time, and so do the numbers made of them. */
#define EACH(name, formula)                                                                            \
    void cn__ref_##name(const cn__ref_call *c)                                                         \
    {                                                                                                  \
        enum { PIECE = 256 };                                                                          \
        const cn__a_random *a = c->attr;                                                               \
        const uint64_t seed = state(c, 0), step = state(c, 1);                                         \
        const cn_dtype dtype = cn__dtype_of(c->out);                                                   \
        const size_t   count = (size_t)cn__type_count(&c->out->type), item = cn__dtype_size(dtype);    \
        uint32_t all[PIECE];                                                                           \
        double   value[PIECE];                                                                         \
        for (size_t i = 0, n; i < count; i += n) {                                                     \
            n = CN__MIN(count - i, PIECE);                                                             \
            cn__random_fill(seed, a->stream, step, i, all, n);                                         \
            for (size_t k = 0; k < n; k++) {                                                           \
                const uint32_t bits = all[k];                                                          \
                value[k] = formula;                                                                    \
            }                                                                                          \
            cn__convert(dtype, (char *)c->out->at + i * item, CN_FLOAT64, value, n);                   \
        }                                                                                              \
    }
EACH(random_uniform,   a->a + (a->b - a->a) * (double)cn__unit_f32(bits))
EACH(random_normal,    a->a + a->b * cn__normal_of(bits))
EACH(random_truncated, a->a + a->b * cn__truncated_normal_of(bits))
EACH(random_bernoulli, (double)cn__unit_f32(bits) < a->a)

void cn__ref_shuffle(const cn__ref_call *c)
{
    const cn__a_random *a = c->attr;
    cn__permute(state(c, 0), a->stream, state(c, 1), c->out->at, (uint32_t)c->out->type.dim[0]);
}
