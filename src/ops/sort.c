/* sort.c: order along an axis. Stable; NaN comes last in both directions, and -0 counts as less than 0, so that
   equal numbers have equal bits and the result is the same whether the places are wanted or not. Heapsort: no memory, n
   log n; stable by comparing places. */
#include "ops/kernel.h"
#include "ops/ops.h"
#include <math.h>

bool cn__shape_sort(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_axis *a = i->attr;
    out[0] = out[1] = *in[0];
    out[1].dtype = CN_INT32;
    if (!cn__want_axis(g, i, in, a->axis, in[0]->rank)) return false;
    return in[0]->dim[a->axis] <= INT32_MAX || cn__misfit(g, i, in, CN_E_SHAPE, "its places do not fit int32");
}

/* One lane being sorted: values where no places are wanted, else the places of x. */
typedef struct lane { const cn__tensor_view *x, *values; int32_t *place; int64_t base, step; bool descending; } lane;

/* of elements i and j of v: -1, 0, 1 */
static int compare(const lane *l, const cn__tensor_view *v, int64_t i, int64_t j)
{
    i = l->base + i * l->step, j = l->base + j * l->step;
    int order;
    if (cn__real(v)) {
        double a = cn__get(v, i), b = cn__get(v, j);
        if (isnan(a) || isnan(b)) return (isnan(a) != 0) - (isnan(b) != 0);
        order = (a > b) - (a < b);
        if (!order && a == 0) order = (signbit(b) != 0) - (signbit(a) != 0);
    } else {
        int64_t a = cn__get_whole(v, i), b = cn__get_whole(v, j);
        order = (a > b) - (a < b);
    }
    return l->descending ? -order : order;
}

static bool before(const lane *l, int64_t i, int64_t j)
{
    if (!l->place) return compare(l, l->values, i, j) < 0;
    int32_t a = l->place[l->base + i * l->step], b = l->place[l->base + j * l->step];
    int order = compare(l, l->x, a, b);
    return order ? order < 0 : a < b;
}

static void swap(const lane *l, int64_t i, int64_t j)
{
    i = l->base + i * l->step, j = l->base + j * l->step;
    if (l->place) {
        int32_t p = l->place[i];
        l->place[i] = l->place[j], l->place[j] = p;
        return;
    }
    int64_t one = 0;
    cn__tensor_view spare = { &one, l->values->type };
    cn__copy_one(&spare, 0, l->values, i);
    cn__copy_one(l->values, i, l->values, j);
    cn__copy_one(l->values, j, &spare, 0);
}

static void sift(const lane *l, int64_t root, int64_t n)
{
    for (int64_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && before(l, child, child + 1)) child++;
        if (!before(l, root, child)) return;
        swap(l, root, child);
    }
}

void cn__ref_sort(const cn__ref_call *c)
{
    const cn__a_axis *a = c->attr;
    const cn__tensor_view *x = &c->in[0], *values = &c->out[0];
    lane l = { .x = x, .values = values, .place = c->out[1].at, .descending = a->keepdims };
    cn__lanes all = cn__lanes_of(&x->type, a->axis);
    l.step = all.post;
    if (!l.place && x->at != values->at)
        cn__convert(cn__dtype_of(x), values->at, cn__dtype_of(x), x->at, (size_t)cn__type_count(&x->type));
    for (int64_t p = 0; p < all.pre; p++)
        for (int64_t q = 0; q < all.post; q++) {
            l.base = p * all.n * all.post + q;
            for (int64_t k = 0; k < all.n && l.place; k++) l.place[l.base + k * l.step] = (int32_t)k;
            for (int64_t k = all.n / 2; k-- > 0;) sift(&l, k, all.n);
            for (int64_t k = all.n; k-- > 1;) swap(&l, 0, k), sift(&l, 0, k);
            for (int64_t k = 0; k < all.n && l.place && values->at; k++)
                cn__copy_one(values, l.base + k * l.step, x, l.base + l.place[l.base + k * l.step] * l.step);
        }
}

bool cn__grad_sort(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    const cn__a_axis *a = i->attr;
    int64_t n = cn__type_of(g, cn__in(g, i)[0])->dim[a->axis];
    (void)want;
    if (dy[0]) dx[0] = cn__scatter_along(g, i->out + 1, dy[0], a->axis, n);
    return cn__graph_ok(g);
}

bool cn__shape_topk(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_topk *a = i->attr;
    int last = in[0]->rank - 1;
    if (last < 0 || a->k < 0 || a->k > in[0]->dim[last])
        return cn__misfit(g, i, in, CN_E_SHAPE, "there are no %d largest of its last axis", (int)a->k);
    out[0] = *in[0];
    out[0].dim[last] = a->k;
    out[1] = out[0];
    out[1].dtype = CN_INT32;
    return true;
}

bool cn__decomp_topk(cn_graph *g, const cn__inst *i, const cn__val *in, cn__val *out)
{
    const cn__a_topk *a = i->attr;
    cn__val index, values = cn__sort(g, in[0], -1, true, &index);
    out[0] = cn__slice_axis(g, values, -1, 0, a->k);
    out[1] = cn__slice_axis(g, index, -1, 0, a->k);
    return cn__graph_ok(g);
}
