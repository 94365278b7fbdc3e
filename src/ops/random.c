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

#define EACH(name, formula)                                                                            \
    void cn__ref_##name(const cn__ref_call *c)                                                         \
    {                                                                                                  \
        const cn__a_random *a = c->attr;                                                               \
        int64_t n = cn__type_count(&c->out->type);                                                     \
        for (int64_t i = 0; i < n; i++) {                                                              \
            uint32_t bits = cn__random_bits(state(c, 0), a->stream, state(c, 1), (uint64_t)i);         \
            cn__store(cn__dtype_of(c->out), c->out->at, (size_t)i, formula);                           \
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
