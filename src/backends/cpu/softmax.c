/* softmax.c: softmax over the last axis, and its cross-entropy with class numbers, forward and backward, in one pass
   over a row. */
#include "backends/cpu/cpu.h"
#include <math.h>

enum { TASKS = 64 };
static const double GRAIN = 8192;                        /* exponentials of a task */

typedef struct softmax_args {
    const cn__kernels *kernels;
    const float *z, *dy;
    const void  *label;
    float       *y;
    atomic_uint *fault;
    int64_t rows, classes, tasks;
    int32_t label_type, logs;
    cn__a_ce ce;
} softmax_args;

static int64_t first_row(const softmax_args *a, uint32_t task) { return a->rows * task / a->tasks; }

static void softmax_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const softmax_args *a = args;
    (void)rep, (void)lane;
    for (int64_t r = first_row(a, task); r < first_row(a, task + 1); r++)
        a->kernels->softmax(a->z + r * a->classes, a->classes, a->y + r * a->classes, a->logs != 0);
}

/* The label of a row, clamped to the classes; false: it counts for nothing. */
static bool label_of(const softmax_args *a, int64_t row, int64_t *label)
{
    *label = cn__load_int((cn_dtype)a->label_type, a->label, (size_t)row);
    if (a->ce.ignore != INT64_MIN && *label == a->ce.ignore) return false;
    if (*label < 0 || *label >= a->classes) {
        atomic_fetch_or_explicit(a->fault, CN__FAULT_LABEL, memory_order_relaxed);
        *label = *label < 0 ? 0 : a->classes - 1;
    }
    return true;
}

static void loss_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const softmax_args *a = args;
    (void)rep, (void)lane;
    for (int64_t r = first_row(a, task), label; r < first_row(a, task + 1); r++) {
        const float *z = a->z + r * a->classes;
        a->y[r] = 0;
        if (!label_of(a, r, &label)) continue;
        float most = a->kernels->max(z, a->classes);
        a->y[r] = most + logf(a->kernels->exp_sum(z, a->classes, most)) - z[label];
    }
}

static void gradient_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const softmax_args *a = args;
    (void)rep, (void)lane;
    for (int64_t r = first_row(a, task), label; r < first_row(a, task + 1); r++) {
        const float *z = a->z + r * a->classes;
        float *y = a->y + r * a->classes, dy = a->dy[r];
        bool  counts = label_of(a, r, &label);
        float most = a->kernels->max(z, a->classes), total = a->kernels->exp_sum(z, a->classes, most);
        a->kernels->exp_scaled(z, a->classes, most, counts ? dy / total : 0.0f, y);
        if (counts) y[label] -= dy;
    }
}

static bool last_axis(const cn_graph *g, const cn__inst *i, cn__val z)
{
    int rank = cn__type_of(g, z)->rank, axis = ((const cn__a_axis *)i->attr)->axis;
    return rank && (axis == rank - 1 || axis == -1) && cn__type_of(g, z)->dim[rank - 1] > 0;
}

const char *cn__takes_softmax(const cn_graph *g, const cn__inst *i)
{
    cn__val x = cn__in(g, i)[0];
    if (!cn__is_f32(g, x)) return "not float32";
    return last_axis(g, i, x) ? NULL : "another axis than the last";
}

const char *cn__takes_sparse_ce(const cn_graph *g, const cn__inst *i)
{
    const cn__a_ce *a = i->attr;
    if (!cn__is_f32(g, cn__in(g, i)[1])) return "not float32";
    return a->from_logits && a->smoothing == 0 ? NULL : "probabilities or smoothing";
}

static softmax_args *emit(cn__prep *p, const cn_graph *g, cn__fn fn, const char *name, cn__val z)
{
    const cn__type *t = cn__type_of(g, z);
    int64_t n = cn__type_count(t), classes = t->dim[t->rank - 1], rows = n / classes;
    uint32_t tasks = (uint32_t)CN__MAX(1, CN__MIN(rows, cn__tasks((double)n, GRAIN, TASKS)));
    softmax_args *a = cn__prep_call(p, fn, name, sizeof *a, 1, tasks);
    if (!a) return NULL;
    a->kernels = cn__cpu_kernels(), a->rows = rows, a->classes = classes, a->tasks = tasks;
    cn__prep_ptr(p, &a->z, z);
    return a;
}

bool cn__prepare_softmax(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    softmax_args *a = emit(p, g, softmax_task, "softmax", cn__in(g, i)[0]);
    if (!a) return false;
    a->logs = i->op == CN__OP_LOG_SOFTMAX;
    cn__prep_ptr(p, &a->y, i->out);
    return true;
}

bool cn__prepare_sparse_ce(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    bool backward = i->op == CN__OP_SPARSE_CE_GRAD;
    const cn__val *in = cn__in(g, i);
    softmax_args *a =
        emit(p, g, backward ? gradient_task : loss_task, backward ? "cross-entropy gradient" : "cross-entropy", in[1]);
    if (!a) return false;
    a->ce = *(const cn__a_ce *)i->attr, a->label_type = cn__type_of(g, in[0])->dtype;
    cn__prep_ptr(p, &a->label, in[0]);
    if (backward) cn__prep_ptr(p, &a->dy, in[2]);
    cn__prep_ptr(p, &a->y, i->out);
    cn__prep_fault(p, &a->fault);
    return true;
}
