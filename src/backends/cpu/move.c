/* move.c: numbers that only change places or types: broadcast_to, transpose, slice, reverse, pad, concatenate, cast,
   one_hot. */
#include "backends/cpu/cpu.h"
#include "graph/shape.h"
#include <string.h>

enum { TASKS = 64, TILE = 16 };
static const double GRAIN = 16384;                       /* elements of a task */

static cn_dtype dtype_of(const cn_graph *g, cn__val v) { return (cn_dtype)cn__type_of(g, v)->dtype; }

/* ---- Copies between strides -------------------------------------------------------------------------------------- */
typedef struct axis { int64_t n, to, from; } axis;       /* how many, and the bytes from one to the next */

/* Rows are those of the last axis. A transposition goes in tiles: so many rows at a time (group), each piece by piece;
   else the piece is the whole row, and the group all those along the axis before. */
typedef struct move_args {
    char *y;
    const char *x;
    int64_t to, from, rows, row_tasks, col_tasks, group, piece;
    int64_t rank, size;
    axis    axis[CN_MAX_RANK];
} move_args;

static void run(char *restrict y, const char *restrict x, axis a, size_t size)
{
    int64_t dense = (int64_t)size;
    if (a.to == dense && a.from == dense) memcpy(y, x, (size_t)a.n * size);
    else if (size == 4 && a.to == 4 && !a.from) for (int64_t k = 0; k < a.n; k++) memcpy(y + 4 * k, x, 4);
    else if (size == 4) for (int64_t k = 0; k < a.n; k++, y += a.to, x += a.from) memcpy(y, x, 4);
    else for (int64_t k = 0; k < a.n; k++, y += a.to, x += a.from) memcpy(y, x, size);
}

static void move_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const move_args *m = args;
    axis    last = m->axis[m->rank - 1], former = m->axis[m->rank > 1 ? m->rank - 2 : 0];
    int64_t ti = task / m->col_tasks, tj = task % m->col_tasks, end = cn__cut(m->rows, m->row_tasks, ti + 1), group;
    int64_t first = cn__cut(last.n, m->col_tasks, tj), stop = cn__cut(last.n, m->col_tasks, tj + 1);
    (void)rep, (void)lane;
    for (int64_t row = cn__cut(m->rows, m->row_tasks, ti); row < end; row += group) {
        const char *x = m->x + m->from;
        char   *y = m->y + m->to;
        int64_t rest = row;
        group = CN__MIN(m->group, end - row);
        for (int64_t d = m->rank - 2; d >= 0; d--) {
            int64_t n = m->axis[d].n, at = d ? rest % n : rest;
            y += at * m->axis[d].to, x += at * m->axis[d].from;
            if (d) rest /= n;
            if (d == m->rank - 2) group = CN__MIN(group, n - at);
        }
        for (int64_t j = first; j < stop; j += m->piece) {
            axis piece = { CN__MIN(m->piece, stop - j), last.to, last.from };
            for (int64_t k = 0; k < group; k++)
                run(y + k * former.to + j * last.to, x + k * former.from + j * last.from, piece, (size_t)m->size);
        }
    }
}

/* Without axes of one place, those together that go on where the next one ends; gives how many are left. */
static CN__SMALL int merged(axis *a, int64_t rank, int64_t size)
{
    int n = 0;
    for (int k = 0; k < rank; k++) {
        bool joins = n && a[n - 1].to == a[k].to * a[k].n && a[n - 1].from == a[k].from * a[k].n;
        if (a[k].n == 1) continue;
        if (joins) a[n - 1] = (axis){ a[n - 1].n * a[k].n, a[k].to, a[k].from };
        else a[n++] = a[k];
    }
    if (!n) a[n++] = (axis){ 1, size, size };
    return n;
}

/* Of so many elements between these strides; x and y are to be set. */
static CN__SMALL move_args *emit(cn__prep *p, const char *name, move_args *m)
{
    int64_t count = 1;
    m->rank = merged(m->axis, m->rank, m->size);
    for (int k = 0; k < m->rank; k++) count *= m->axis[k].n;
    axis *last = &m->axis[m->rank - 1];
    m->group = INT64_MAX, m->piece = CN__MAX(last->n, 1), m->rows = count ? count / last->n : 0;
    for (int k = 0; k < m->rank - 1 && last->from && last->from != m->size; k++) {
        axis dense = m->axis[k];
        if (dense.from != m->size) continue;
        memmove(&m->axis[k], &m->axis[k + 1], (size_t)(m->rank - 2 - k) * sizeof dense);
        m->axis[m->rank - 2] = dense, m->group = m->piece = TILE;
        break;
    }
    uint32_t tasks = cn__tasks((double)count, GRAIN, TASKS);
    m->row_tasks = m->rows > 1 ? CN__MIN(m->rows, tasks) : 1, m->col_tasks = m->rows > 1 ? 1 : tasks;
    move_args *a = cn__prep_call(p, move_task, name, sizeof *a, 1, (uint32_t)(m->row_tasks * m->col_tasks));
    if (a) *a = *m;
    return a;
}

/* A walk over the elements of y, where they lie in x; of a padded x over those of x, where they lie in y. */
CN__SMALL bool cn__prepare_move(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const cn__type *x = cn__type_of(g, cn__in(g, i)[0]), *y = cn__type_of(g, i->out);
    const cn__a_slice *slice = i->attr;
    const cn__a_pad   *pad = i->attr;
    int64_t size = (int64_t)cn__dtype_size((cn_dtype)y->dtype), from[CN_MAX_RANK], to[CN_MAX_RANK];
    move_args m = { .rank = i->op == CN__OP_PAD ? x->rank : y->rank, .size = size };
    if (i->op == CN__OP_BROADCAST) cn__broadcast_strides(x, y, from);
    else cn__strides(x, from);
    cn__strides(y, to);
    for (int k = 0; k < m.rank; k++) {
        axis a = { y->dim[k], to[k] * size, from[k] * size };
        switch (i->op) {
        case CN__OP_TRANSPOSE: a.from = from[((const cn__a_perm *)i->attr)->perm[k]] * size; break;
        case CN__OP_SLICE:     m.from += a.from * slice->start[k], a.from *= slice->step[k]; break;
        case CN__OP_PAD:       m.to += a.to * pad->lo[k], a.to *= pad->inner[k] + 1, a.n = x->dim[k]; break;
        case CN__OP_REVERSE:
            if (((const cn__a_axes *)i->attr)->axes >> k & 1) m.from += (a.n - 1) * a.from, a.from = -a.from;
            break;
        default: break;
        }
        m.axis[k] = a;
    }
    move_args *a = emit(p, cn__ops[i->op].name, &m);
    if (!a) return false;
    cn__prep_ptr(p, &a->x, cn__in(g, i)[0]);
    cn__prep_ptr(p, &a->y, i->out);
    return true;
}

/* First the value everywhere, then x in its places. */
CN__SMALL bool cn__prepare_pad(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const cn__type *y = cn__type_of(g, i->out);
    int64_t size = (int64_t)cn__dtype_size((cn_dtype)y->dtype);
    void   *value = cn__prep_keep(p, sizeof(int64_t));
    if (!value) return false;
    cn__store((cn_dtype)y->dtype, value, 0, ((const cn__a_pad *)i->attr)->value);
    move_args m = { .rank = 1, .size = size, .axis = { { cn__type_count(y), size, 0 } } }, *a = emit(p, "fill", &m);
    if (!a) return false;
    a->x = value;
    cn__prep_ptr(p, &a->y, i->out);
    return cn__prepare_move(p, g, i);
}

/* A copy for each operand. The reference copies runs as well, in one task: other types are left to it. */
CN__SMALL const char *cn__takes_concat(const cn_graph *g, const cn__inst *i)
{
    return cn__is_f32(g, i->out) ? NULL : "not float32";
}

CN__SMALL bool cn__prepare_concat(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const cn__type *y = cn__type_of(g, i->out);
    int along = ((const cn__a_axis *)i->attr)->axis;
    int64_t size = sizeof(float), from[CN_MAX_RANK], to[CN_MAX_RANK], first = 0;
    cn__strides(y, to);
    for (int k = 0; k < i->nin; k++) {
        const cn__type *x = cn__type_of(g, cn__in(g, i)[k]);
        move_args m = { .rank = y->rank, .size = size, .to = first * to[along] * size };
        cn__strides(x, from);
        for (int d = 0; d < y->rank; d++) m.axis[d] = (axis){ x->dim[d], to[d] * size, from[d] * size };
        move_args *a = emit(p, "concatenate", &m);
        if (!a) return false;
        cn__prep_ptr(p, &a->x, cn__in(g, i)[k]);
        cn__prep_ptr(p, &a->y, i->out);
        first += x->dim[along];
    }
    return true;
}

/* ---- Cast, one-hot ----------------------------------------------------------------------------------------------- */
typedef struct flat_args {
    const cn__kernels *kernels;
    char *y;
    const char *x;
    int64_t n, tasks, depth;
    cn_dtype to, from;
} flat_args;

static void cast_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const flat_args *a = args;
    int64_t first = cn__cut(a->n, a->tasks, task), n = cn__cut(a->n, a->tasks, task + 1) - first;
    void   *y = a->y + first * (int64_t)cn__dtype_size(a->to);
    const void *x = a->x + first * (int64_t)cn__dtype_size(a->from);
    (void)rep, (void)lane;
    if (a->to != CN_FLOAT32 || !a->kernels->widen(y, (uint32_t)a->from, x, n))
        cn__convert(a->to, y, a->from, x, (size_t)n);
}

static void one_hot_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const flat_args *a = args;
    int64_t first = cn__cut(a->n, a->tasks, task), end = cn__cut(a->n, a->tasks, task + 1);
    float  *y = (float *)(void *)a->y + first * a->depth;
    (void)rep, (void)lane;
    if (first < end) memset(y, 0, (size_t)((end - first) * a->depth) * sizeof *y);
    for (int64_t k = first; k < end; k++, y += a->depth) {
        int64_t hot = cn__load_int(a->from, a->x, (size_t)k);
        if (hot >= 0 && hot < a->depth) y[hot] = 1;
    }
}

static CN__SMALL flat_args *emit_flat(cn__prep *p, const cn_graph *g, const cn__inst *i, cn__fn fn, int64_t n,
                                     int64_t depth)
{
    uint32_t tasks = (uint32_t)CN__MAX(1, CN__MIN(n, cn__tasks((double)n * (double)depth, GRAIN, TASKS)));
    flat_args *a = cn__prep_call(p, fn, cn__ops[i->op].name, sizeof *a, 1, tasks);
    if (!a) return NULL;
    a->kernels = cn__cpu_kernels(), a->n = n, a->tasks = tasks, a->depth = depth;
    a->to = dtype_of(g, i->out), a->from = dtype_of(g, cn__in(g, i)[0]);
    cn__prep_ptr(p, &a->x, cn__in(g, i)[0]);
    cn__prep_ptr(p, &a->y, i->out);
    return a;
}

CN__SMALL bool cn__prepare_cast(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    return emit_flat(p, g, i, cast_task, cn__type_count(cn__type_of(g, i->out)), 1);
}

CN__SMALL bool cn__prepare_one_hot(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    int64_t n = cn__type_count(cn__type_of(g, cn__in(g, i)[0]));
    return emit_flat(p, g, i, one_hot_task, n, ((const cn__a_index *)i->attr)->depth);
}
