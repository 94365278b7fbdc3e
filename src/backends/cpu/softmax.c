/* softmax.c: softmax over the last axis, and its cross-entropy with class numbers, forward and backward, in one pass
   over a row. */
#include "backends/cpu/cpu.h"
#include <math.h>

enum { TASKS = 64, ROWS = 64 };
static const double GRAIN = 512;                         /* exponentials of a task */

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
    int64_t n = a->classes, first = first_row(a, task), end = first_row(a, task + 1);
    (void)rep, (void)lane;
    if (!a->logs && n <= CN__SOFTMAX_FEW)
        a->kernels->softmax_few(a->z + first * n, end - first, (int)n, NULL, a->y + first * n, NULL);
    else
        for (int64_t r = first; r < end; r++) a->kernels->softmax(a->z + r * n, n, a->y + r * n, a->logs != 0);
}

/* The label of a row, clamped to the classes; false: it counts for nothing. */
static bool label_of(const softmax_args *a, int64_t row, int64_t *label)
{
    *label = a->label_type == CN_INT32 ? ((const int32_t *)a->label)[row]
                                       : cn__load_int((cn_dtype)a->label_type, a->label, (size_t)row);
    if (a->ce.ignore != INT64_MIN && *label == a->ce.ignore) return false;
    if (*label < 0 || *label >= a->classes) {
        atomic_fetch_or_explicit(a->fault, CN__FAULT_LABEL, memory_order_relaxed);
        *label = *label < 0 ? 0 : a->classes - 1;
    }
    return true;
}

static float log_sum(const softmax_args *a, const float *z)
{
    float most = a->kernels->max(z, a->classes);
    return most + logf(a->kernels->exp_sum(z, a->classes, most));
}

/* y holds the logarithm of the sum first, then the loss. */
static void loss_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const softmax_args *a = args;
    int64_t first = first_row(a, task), end = first_row(a, task + 1);
    (void)rep, (void)lane;
    if (a->classes <= CN__SOFTMAX_FEW)
        a->kernels->softmax_few(a->z + first * a->classes, end - first, (int)a->classes, NULL, NULL, a->y + first);
    else
        for (int64_t r = first; r < end; r++) a->y[r] = log_sum(a, a->z + r * a->classes);
    for (int64_t r = first, label; r < end; r++)
        a->y[r] = label_of(a, r, &label) ? a->y[r] - a->z[r * a->classes + label] : 0;
}

static void scaled_softmax(const softmax_args *a, int64_t first, int64_t end, const float *scale)
{
    for (int64_t r = first; r < end; r++) {
        const float *z = a->z + r * a->classes;
        float most = a->kernels->max(z, a->classes), total = a->kernels->exp_sum(z, a->classes, most);
        a->kernels->exp_scaled(z, a->classes, most, scale[r - first] / total, a->y + r * a->classes);
    }
}

/* dz = dy (softmax z - 1 at the label), some rows at a time: those that count for nothing have a dy of 0. */
static void gradient_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const softmax_args *a = args;
    int64_t end = first_row(a, task + 1), label[ROWS];
    float   scale[ROWS];
    (void)rep, (void)lane;
    for (int64_t r = first_row(a, task), n; r < end; r += n) {
        n = CN__MIN(end - r, ROWS);
        for (int64_t i = 0; i < n; i++) scale[i] = label_of(a, r + i, &label[i]) ? a->dy[r + i] : (label[i] = 0, 0.0f);
        if (a->classes <= CN__SOFTMAX_FEW)
            a->kernels->softmax_few(a->z + r * a->classes, n, (int)a->classes, scale, a->y + r * a->classes, NULL);
        else scaled_softmax(a, r, r + n, scale);
        for (int64_t i = 0; i < n; i++) a->y[(r + i) * a->classes + label[i]] -= scale[i];
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
