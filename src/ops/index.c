/* index.c: elements by their places. Places come from data: what is out of range is clamped and told by the fault
   word; one_hot alone takes it as "none" and gives zeros. Sums are added in index order. */
#include "ops/kernel.h"
#include "ops/ops.h"

/* ---- Along an axis, by rows: gather and its adjoint -------------------------------------------------------------- */
static cn__type replaced(const cn__type *x, int axis, int gone, int n, const int64_t *dim)
{
    cn__type t = { .dtype = x->dtype };
    for (int k = 0; k < axis; k++) t.dim[t.rank++] = x->dim[k];
    for (int k = 0; k < n; k++) t.dim[t.rank++] = dim[k];
    for (int k = axis + gone; k < x->rank; k++) t.dim[t.rank++] = x->dim[k];
    return t;
}

bool cn__shape_gather(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_index *a = i->attr;
    if (!cn__want_axis(g, i, in, a->axis, in[0]->rank) || !cn__want_index(g, i, in, 1)) return false;
    if (in[0]->rank - 1 + in[1]->rank > CN_MAX_RANK)
        return cn__misfit(g, i, in, CN_E_SHAPE, "its result has more than %d axes", CN_MAX_RANK);
    out[0] = replaced(in[0], (int)a->axis, 1, in[1]->rank, in[1]->dim);
    if (in[0]->dim[a->axis] || !cn__type_count(&out[0])) return true;
    return cn__misfit(g, i, in, CN_E_SHAPE, "there is nothing along axis %lld to take", (long long)a->axis);
}

void cn__ref_gather(const cn__ref_call *c)
{
    const cn__a_index *a = c->attr;
    const cn__tensor_view *x = &c->in[0], *index = &c->in[1];
    cn__lanes l = cn__lanes_of(&x->type, (int)a->axis);
    int64_t   m = cn__type_count(&index->type);
    for (int64_t p = 0; p < l.pre; p++)
        for (int64_t k = 0; k < m; k++) {
            int64_t from = cn__index(c, cn__get_whole(index, k), l.n, CN__FAULT_INDEX);
            for (int64_t q = 0; q < l.post; q++)
                cn__copy_one(c->out, (p * m + k) * l.post + q, x, (p * l.n + from) * l.post + q);
        }
}

bool cn__grad_gather(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    const cn__a_index *a = i->attr;
    int64_t depth = cn__type_of(g, cn__in(g, i)[0])->dim[a->axis];
    if (want[0]) dx[0] = cn__scatter_add(g, cn__in(g, i)[1], dy[0], (int)a->axis, depth);
    return cn__graph_ok(g);
}

bool cn__shape_scatter_add(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_index *a = i->attr;
    const cn__type *index = in[0], *rows = in[1];
    if (!cn__want_index(g, i, in, 0) || !cn__want_axis(g, i, in, a->axis, rows->rank - index->rank + 1)) return false;
    for (int k = 0; k < index->rank; k++)
        if (rows->dim[a->axis + k] != index->dim[k])
            return cn__misfit(g, i, in, CN_E_SHAPE, "from axis %lld on the rows must have the places' shape",
                              (long long)a->axis);
    if (rows->rank - index->rank + 1 > CN_MAX_RANK || a->depth < 0)
        return cn__misfit(g, i, in, CN_E_SHAPE, "%lld rows, or too many axes", (long long)a->depth);
    out[0] = replaced(rows, (int)a->axis, index->rank, 1, &a->depth);
    if (a->depth || !cn__type_count(rows)) return true;
    return cn__misfit(g, i, in, CN_E_SHAPE, "0 rows cannot take any");
}

static void add_to(const cn__tensor_view *y, int64_t to, const cn__tensor_view *x, int64_t from)
{
    if (cn__real(y)) cn__put(y, to, cn__get(y, to) + cn__get(x, from));
    else cn__put_whole(y, to, (int64_t)((uint64_t)cn__get_whole(y, to) + (uint64_t)cn__get_whole(x, from)));
}

void cn__ref_scatter_add(const cn__ref_call *c)
{
    const cn__a_index *a = c->attr;
    const cn__tensor_view *index = &c->in[0], *rows = &c->in[1];
    cn__lanes l = cn__lanes_of(&c->out->type, (int)a->axis);
    int64_t   m = cn__type_count(&index->type);
    memset(c->out->at, 0, cn__type_bytes(&c->out->type));
    for (int64_t p = 0; p < l.pre; p++)
        for (int64_t k = 0; k < m; k++) {
            int64_t to = cn__index(c, cn__get_whole(index, k), l.n, CN__FAULT_INDEX);
            for (int64_t q = 0; q < l.post; q++)
                add_to(c->out, (p * l.n + to) * l.post + q, rows, (p * m + k) * l.post + q);
        }
}

bool cn__grad_scatter_add(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    const cn__a_index *a = i->attr;
    if (want[1]) dx[1] = cn__gather(g, dy[0], cn__in(g, i)[0], (int)a->axis);
    return cn__graph_ok(g);
}

/* ---- Along an axis, one by one (NumPy's take_along_axis) and its adjoint ----------------------------------------- */
static bool along(cn_graph *g, const cn__inst *i, const cn__type *const *in, int64_t axis, const cn__type *x,
                  const cn__type *index)
{
    if (!cn__want_axis(g, i, in, axis, x->rank)) return false;
    cn__type same = *x;
    if (index->rank == x->rank) same.dim[axis] = index->dim[axis];
    return cn__same_shape(&same, index) ||
           cn__misfit(g, i, in, CN_E_SHAPE, "the places must have its shape, but along axis %lld", (long long)axis);
}

bool cn__shape_gather_along(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_index *a = i->attr;
    if (!cn__want_index(g, i, in, 1) || !along(g, i, in, a->axis, in[0], in[1])) return false;
    out[0] = *in[1];
    out[0].dtype = in[0]->dtype;
    if (in[0]->dim[a->axis] || !cn__type_count(&out[0])) return true;
    return cn__misfit(g, i, in, CN_E_SHAPE, "there is nothing along axis %lld to take", (long long)a->axis);
}

void cn__ref_gather_along(const cn__ref_call *c)
{
    const cn__a_index *a = c->attr;
    const cn__tensor_view *x = &c->in[0], *index = &c->in[1];
    cn__lanes l = cn__lanes_of(&index->type, (int)a->axis);
    int64_t   n = x->type.dim[a->axis];
    unsigned  fault = a->depth ? (unsigned)a->depth : CN__FAULT_INDEX;
    for (int64_t p = 0; p < l.pre; p++)
        for (int64_t k = 0; k < l.n; k++)
            for (int64_t q = 0; q < l.post; q++) {
                int64_t at = (p * l.n + k) * l.post + q;
                int64_t from = cn__index(c, cn__get_whole(index, at), n, fault);
                cn__copy_one(c->out, at, x, (p * n + from) * l.post + q);
            }
}

bool cn__grad_gather_along(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    const cn__a_index *a = i->attr;
    int64_t depth = cn__type_of(g, cn__in(g, i)[0])->dim[a->axis];
    if (want[0]) dx[0] = cn__scatter_along(g, cn__in(g, i)[1], dy[0], (int)a->axis, depth);
    return cn__graph_ok(g);
}

bool cn__shape_scatter_along(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_index *a = i->attr;
    if (!cn__want_index(g, i, in, 0) || !along(g, i, in, a->axis, in[1], in[0])) return false;
    if (!cn__same_shape(in[0], in[1])) return cn__misfit(g, i, in, CN_E_SHAPE, "places and rows must have one shape");
    out[0] = *in[1];
    out[0].dim[a->axis] = a->depth;
    if (a->depth > 0 || (!a->depth && !cn__type_count(in[1]))) return true;
    return cn__misfit(g, i, in, CN_E_SHAPE, "%lld rows cannot take any", (long long)a->depth);
}

void cn__ref_scatter_along(const cn__ref_call *c)
{
    const cn__a_index *a = c->attr;
    const cn__tensor_view *index = &c->in[0], *rows = &c->in[1];
    cn__lanes l = cn__lanes_of(&index->type, (int)a->axis);
    memset(c->out->at, 0, cn__type_bytes(&c->out->type));
    for (int64_t p = 0; p < l.pre; p++)
        for (int64_t k = 0; k < l.n; k++)
            for (int64_t q = 0; q < l.post; q++) {
                int64_t at = (p * l.n + k) * l.post + q;
                int64_t to = cn__index(c, cn__get_whole(index, at), a->depth, CN__FAULT_INDEX);
                add_to(c->out, (p * a->depth + to) * l.post + q, rows, at);
            }
}

bool cn__grad_scatter_along(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    const cn__a_index *a = i->attr;
    if (want[1]) dx[1] = cn__gather_along(g, dy[0], cn__in(g, i)[0], (int)a->axis);
    return cn__graph_ok(g);
}

/* ---- One-hot ----------------------------------------------------------------------------------------------------- */
bool cn__shape_one_hot(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    const cn__a_index *a = i->attr;
    if (!cn__want_index(g, i, in, 0)) return false;
    if (in[0]->rank == CN_MAX_RANK || a->depth < 0)
        return cn__misfit(g, i, in, CN_E_SHAPE, "no further axis of size %lld", (long long)a->depth);
    out[0] = *in[0];
    out[0].dtype = CN_FLOAT32;
    out[0].dim[out[0].rank++] = a->depth;
    return true;
}

void cn__ref_one_hot(const cn__ref_call *c)
{
    const cn__a_index *a = c->attr;
    int64_t n = cn__type_count(&c->in->type);
    for (int64_t i = 0; i < n; i++) {
        int64_t hot = cn__get_whole(c->in, i);
        for (int64_t k = 0; k < a->depth; k++) cn__put(c->out, i * a->depth + k, k == hot);
    }
}

/* ---- Search ------------------------------------------------------------------------------------------------------ */
bool cn__shape_search(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    if (in[0]->rank != 1) return cn__misfit(g, i, in, CN_E_SHAPE, "the table must have one axis");
    if (in[0]->dtype != in[1]->dtype) return cn__misfit(g, i, in, CN_E_DTYPE, "table and x must have one type");
    out[0] = *in[1];
    out[0].dtype = CN_INT32;
    return true;
}

/* Bisection: the table's first `low` numbers are at most x, from `high` on they are more. */
void cn__ref_search_sorted(const cn__ref_call *c)
{
    const cn__tensor_view *table = &c->in[0], *x = &c->in[1];
    int64_t n = cn__type_count(&x->type), size = table->type.dim[0];
    bool    real = cn__real(x);
    for (int64_t i = 0; i < n; i++) {
        int64_t low = 0, high = size;
        while (low < high) {
            int64_t at = low + (high - low) / 2;
            bool    more = real ? cn__get(table, at) > cn__get(x, i) : cn__get_whole(table, at) > cn__get_whole(x, i);
            if (more) high = at;
            else low = at + 1;
        }
        cn__put_whole(c->out, i, low);
    }
}

/* ---- Cumulative sum ---------------------------------------------------------------------------------------------- */
bool cn__shape_along(cn_graph *g, const cn__inst *i, const cn__type *const *in, cn__type *out)
{
    out[0] = *in[0];
    return cn__want_axis(g, i, in, ((const cn__a_axis *)i->attr)->axis, in[0]->rank);
}

/* keepdims: exclusive; dtype: from the end. Floating sums are kept in double, each result rounded once. */
void cn__ref_cumsum(const cn__ref_call *c)
{
    const cn__a_axis *a = c->attr;
    const cn__tensor_view *x = c->in, *y = c->out;
    cn__lanes l = cn__lanes_of(&x->type, a->axis);
    bool real = cn__real(x), exclusive = a->keepdims;
    for (int64_t p = 0; p < l.pre; p++)
        for (int64_t q = 0; q < l.post; q++) {
            double   sum = 0;
            uint64_t whole = 0;
            for (int64_t k = 0; k < l.n; k++) {
                int64_t at = (p * l.n + (a->dtype ? l.n - 1 - k : k)) * l.post + q;
                double   before = sum;
                uint64_t whole_before = whole;
                if (real) sum += cn__get(x, at);
                else whole += (uint64_t)cn__get_whole(x, at);
                if (real) cn__put(y, at, exclusive ? before : sum);
                else cn__put_whole(y, at, (int64_t)(exclusive ? whole_before : whole));
            }
        }
}

bool cn__grad_cumsum(cn_graph *g, const cn__inst *i, const cn__val *dy, const bool *want, cn__val *dx)
{
    const cn__a_axis *a = i->attr;
    (void)want;
    return (dx[0] = cn__cumsum(g, dy[0], a->axis, a->keepdims, !a->dtype)) != 0;
}
