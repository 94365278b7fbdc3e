/* matmul.c: products over the last two axes; leading axes broadcast. The reference is one chain in k: float32 by
   fused multiply-adds in float32 (so that a kernel which keeps the order of k gives the same bits), float64 by those in
   double, the 16-bit types in double with one rounding at the end, integers wrap around. */
#include "ops/kernel.h"
#include "ops/ops.h"
#include "base/dtype.h"
#include <math.h>

static cn__type leading(const cn__type *t)
{
    return cn__type_make((cn_dtype)t->dtype, t->rank - 2, t->dim);
}

bool cn__shape_matmul(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_matmul *m = i->attr;
    const cn__type *a = in[0], *b = in[1];
    if (m->bf16 && a->dtype != CN_FLOAT32)
        return cn__misfit(g, i, in, CN_E_DTYPE, "operands are rounded to bfloat16 from float32 only");
    if (a->dtype != b->dtype) return cn__misfit(g, i, in, CN_E_DTYPE, "the element types differ; cast one");
    if (a->rank < 2 || b->rank < 2) return cn__misfit(g, i, in, CN_E_SHAPE, "both need two axes at least");
    int64_t rows = a->dim[a->rank - (m->ta ? 1 : 2)], k = a->dim[a->rank - (m->ta ? 2 : 1)];
    int64_t inner = b->dim[b->rank - (m->tb ? 1 : 2)], cols = b->dim[b->rank - (m->tb ? 2 : 1)];
    if (k != inner)
        return cn__misfit(g, i, in, CN_E_SHAPE, "inner sizes %lld and %lld differ", (long long)k, (long long)inner);
    cn__type la = leading(a), lb = leading(b);
    out[0] = la;
    if (!cn__broadcast_shapes(&la, &lb, &out[0]))
        return cn__misfit(g, i, in, CN_E_SHAPE, "their leading axes do not broadcast");
    out[0].dim[out[0].rank++] = rows;
    out[0].dim[out[0].rank++] = cols;
    return true;
}

/* One sum over k: a, b at their first elements, with steps. */
typedef struct chain { const cn__tensor_view *a, *b; int64_t at_a, at_b, step_a, step_b, n; bool bf16; } chain;

static float rounded(float x) { return cn__bf16_to_f32(cn__f32_to_bf16(x)); }

static float chain_float(const chain *s, const float *a, const float *b)
{
    float sum = 0;
    for (int64_t k = 0; k < s->n; k++) {
        float x = a[k * s->step_a], y = b[k * s->step_b];
        if (s->bf16) x = rounded(x), y = rounded(y);
        sum = fmaf(x, y, sum);
    }
    return sum;
}

static void sum_chain(const chain *s, const cn__tensor_view *y, int64_t at)
{
    if (!cn__real(y)) {
        uint64_t sum = 0;
        for (int64_t k = 0; k < s->n; k++)
            sum += (uint64_t)cn__get_whole(s->a, s->at_a + k * s->step_a) *
                   (uint64_t)cn__get_whole(s->b, s->at_b + k * s->step_b);
        cn__put_whole(y, at, (int64_t)sum);
    } else if (y->type.dtype == CN_FLOAT32) {
        ((float *)y->at)[at] = chain_float(s, (const float *)s->a->at + s->at_a, (const float *)s->b->at + s->at_b);
    } else {
        double sum = 0;
        for (int64_t k = 0; k < s->n; k++)
            sum = fma(cn__get(s->a, s->at_a + k * s->step_a), cn__get(s->b, s->at_b + k * s->step_b), sum);
        cn__put(y, at, sum);
    }
}

void cn__ref_matmul(const cn__ref_call *c)
{
    const cn__a_matmul *m = c->attr;
    const cn__tensor_view *a = &c->in[0], *b = &c->in[1], *y = c->out;
    const cn__type *ta = &a->type, *tb = &b->type, *ty = &y->type;
    int64_t rows = ty->dim[ty->rank - 2], cols = ty->dim[ty->rank - 1], n = ta->dim[ta->rank - (m->ta ? 2 : 1)];
    cn__type over = leading(ty);
    cn__tensor_view lead[2] = { { a->at, leading(ta) }, { b->at, leading(tb) } };
    cn__walk w = cn__walk_over(&over, 2, lead);
    int64_t  batches = cn__type_count(&over);
    for (int64_t p = 0; p < batches; p++, cn__walk_next(&w))
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++) {
                chain s = { a, b, w.off[0] * rows * n + (m->ta ? i : i * n), w.off[1] * n * cols + (m->tb ? j * n : j),
                            m->ta ? rows : 1, m->tb ? 1 : cols, n, m->bf16 };
                sum_chain(&s, y, (p * rows + i) * cols + j);
            }
}

/* With A = op(a), B = op(b), D = dy: dA = D B', dB = A' D; transposed once more where op transposes. In the same
   precision. */
bool cn__grad_matmul(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    const cn__a_matmul *m = i->attr;
    cn__val  a = cn__in(g, i)[0], b = cn__in(g, i)[1], d = dy[0];
    cn__type ta = *cn__type_of(g, a), tb = *cn__type_of(g, b);
    bool     former = cn__bf16_set(g, m->bf16);
    if (want[0])
        dx[0] = cn__sum_to(g, m->ta ? cn__matmul(g, b, d, m->tb, true) : cn__matmul(g, d, b, false, !m->tb), &ta);
    if (want[1])
        dx[1] = cn__sum_to(g, m->tb ? cn__matmul(g, d, a, true, m->ta) : cn__matmul(g, a, d, !m->ta, false), &tb);
    cn__bf16_set(g, former);
    return cn__graph_ok(g);
}
