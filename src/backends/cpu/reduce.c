/* reduce.c: sums of float32 over all axes, over the last ones, over the first ones; the mean of all; the place of the
   largest number of each row. */
#include "backends/cpu/cpu.h"

enum { PARTS = 64 };
static const double GRAIN = 32768;

/* x as (outer, middle, inner): the middle is summed. */
typedef struct extent { int64_t outer, middle, inner; } extent;

static bool extent_of(const cn_graph *g, const cn__inst *i, extent *e)
{
    const cn__type *x = cn__type_of(g, cn__in(g, i)[0]);
    const cn__a_reduce *a = i->attr;
    int phase = 0;                                       /* before, within, behind the axes that are summed */
    *e = (extent){ 1, 1, 1 };
    for (int k = 0; k < x->rank; k++) {
        bool summed = a->axes >> k & 1 && x->dim[k] != 1, kept = !(a->axes >> k & 1) && x->dim[k] != 1;
        if (summed && phase == 2) return false;
        if (summed) phase = 1, e->middle *= x->dim[k];
        else if (kept && phase) phase = 2, e->inner *= x->dim[k];
        else if (kept) e->outer *= x->dim[k];
    }
    return true;
}

typedef struct sum_args {
    const float *x;
    float *y;
    const cn__kernels *kernels;
    extent  e;
    int64_t tasks;
    float   divisor;                                     /* of a mean; 1: a sum */
} sum_args;

static void rows_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)     /* inner is 1 */
{
    const sum_args *a = args;
    (void)rep, (void)lane;
    for (int64_t r = cn__cut(a->e.outer, a->tasks, task); r < cn__cut(a->e.outer, a->tasks, task + 1); r++) {
        float sum = a->kernels->sum(a->x + r * a->e.middle, a->e.middle);
        a->y[r] = a->divisor == 1 ? sum : sum / a->divisor;
    }
}

static void cols_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const sum_args *a = args;
    (void)rep, (void)lane;
    int64_t first = cn__cut(a->e.inner, a->tasks, task), n = cn__cut(a->e.inner, a->tasks, task + 1) - first;
    for (int64_t o = 0; o < a->e.outer; o++)
        a->kernels->sum_rows(a->x + o * a->e.middle * a->e.inner, a->e.middle, a->e.inner, first, n,
                             a->y + o * a->e.inner);
}

/* One long sum: partial sums of fixed pieces, then their sum. */
static void part_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const sum_args *a = args;
    (void)rep, (void)lane;
    int64_t first = a->e.middle * task / PARTS, n = a->e.middle * (task + 1) / PARTS - first;
    a->y[task] = a->kernels->sum(a->x + first, n);
}

const char *cn__takes_sum(const cn_graph *g, const cn__inst *i)
{
    extent e;
    if (!cn__is_f32(g, cn__in(g, i)[0])) return "not float32";
    return extent_of(g, i, &e) ? NULL : "axes that do not lie together";
}

/* With more of them the division is better off in the chain behind it. */
const char *cn__takes_mean(const cn_graph *g, const cn__inst *i)
{
    return cn__type_count(cn__type_of(g, i->out)) == 1 ? cn__takes_sum(g, i) : "more than one mean";
}

static sum_args *emit(cn__prep *p, cn__fn fn, const char *name, extent e, int64_t tasks)
{
    sum_args *a = cn__prep_call(p, fn, name, sizeof *a, 1, (uint32_t)tasks);
    if (a) a->kernels = cn__cpu_kernels(), a->e = e, a->tasks = tasks, a->divisor = 1;
    return a;
}

bool cn__prepare_sum(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    extent e;
    sum_args *a;
    if (!extent_of(g, i, &e)) return false;
    double work = (double)e.outer * (double)e.middle * (double)e.inner;
    float  divisor = i->op == CN__OP_MEAN ? (float)work : 1.0f;
    if (e.inner == 1 && e.outer == 1 && e.middle >= 8 * (int64_t)GRAIN) {
        if (!(a = emit(p, part_task, "sum of parts", e, PARTS))) return false;
        cn__prep_ptr(p, &a->x, cn__in(g, i)[0]);
        cn__prep_temp(p, &a->y, PARTS * sizeof(float), 0);
        e.middle = PARTS;
        if (!(a = emit(p, rows_task, "sum", e, 1))) return false;
        a->divisor = divisor;
        cn__prep_temp(p, &a->x, 0, 0);
        cn__prep_ptr(p, &a->y, i->out);
        return true;
    }
    bool    rows = e.inner == 1;
    int64_t most = CN__MAX(1, CN__MIN(rows ? e.outer : e.inner / 64, PARTS));
    a = emit(p, rows ? rows_task : cols_task, divisor != 1 ? "mean" : rows ? "sum of rows" : "sum of columns", e,
             cn__tasks(work, GRAIN, (uint32_t)most));
    if (!a) return false;
    a->divisor = divisor;
    cn__prep_ptr(p, &a->x, cn__in(g, i)[0]);
    cn__prep_ptr(p, &a->y, i->out);
    return true;
}

/* ---- The place of the largest number ----------------------------------------------------------------------------- */
typedef struct argmax_args { const float *x; void *y; int64_t rows, cols, tasks; int32_t type, pad; } argmax_args;

/* The first one; NaN is larger than all. Without branches: the numbers are not to be foreseen. */
static int64_t place_of_largest(const float *x, int64_t n)
{
    int64_t place = 0;
    float   most = n ? x[0] : 0;
    for (int64_t k = 1; k < n; k++) {
        bool larger = !(x[k] <= most) & (most == most);
        place = larger ? k : place;
        most = larger ? x[k] : most;
    }
    return place;
}

static void argmax_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const argmax_args *a = args;
    (void)rep, (void)lane;
    for (int64_t r = cn__cut(a->rows, a->tasks, task); r < cn__cut(a->rows, a->tasks, task + 1); r++)
        cn__store_int((cn_dtype)a->type, a->y, (size_t)r, place_of_largest(a->x + r * a->cols, a->cols));
}

const char *cn__takes_argmax(const cn_graph *g, const cn__inst *i)
{
    cn__val x = cn__in(g, i)[0];
    int rank = cn__type_of(g, x)->rank, axis = ((const cn__a_axis *)i->attr)->axis;
    if (!cn__is_f32(g, x)) return "not float32";
    return rank && (axis == rank - 1 || axis == -1) ? NULL : "another axis than the last";
}

bool cn__prepare_argmax(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const cn__type *t = cn__type_of(g, cn__in(g, i)[0]);
    int64_t rows = cn__type_count(cn__type_of(g, i->out)), cols = t->dim[t->rank - 1];
    uint32_t tasks = cn__tasks((double)rows * (double)cols, GRAIN, PARTS);
    argmax_args *a = cn__prep_call(p, argmax_task, "argmax", sizeof *a, 1, tasks);
    if (!a) return false;
    a->rows = rows, a->cols = cols, a->tasks = tasks, a->type = cn__type_of(g, i->out)->dtype;
    cn__prep_ptr(p, &a->x, cn__in(g, i)[0]);
    cn__prep_ptr(p, &a->y, i->out);
    return true;
}
