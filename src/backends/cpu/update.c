/* update.c: the optimizers' steps, in the variables' own memory, and the sums of metrics. */
#include "backends/cpu/cpu.h"
#include <math.h>
#include <string.h>

enum { TASKS = 64 };
static const double GRAIN = 16384;                       /* weights of a task */

typedef struct scalar { const void *at; int32_t dtype, pad; } scalar;
static double read(const scalar *s) { return cn__load((cn_dtype)s->dtype, s->at, 0); }

typedef struct update_args {
    const cn__kernels *kernels;
    const float *old[4], *g;                             /* w, slots before; the gradient */
    float *w[4];                                         /* and after: the same memory where the update is in place */
    scalar  rate, t;
    int64_t n, tasks;
    int32_t slots, pad;
    cn__a_adam adam;
    cn__a_sgd  sgd;
} update_args;

/* The part of a task; what is not in place is copied first. */
static int64_t part(const update_args *a, uint32_t task, float *w[4], int64_t *n)
{
    int64_t first = a->n * task / a->tasks;
    *n = a->n * (task + 1) / a->tasks - first;
    for (int k = 0; k < a->slots; k++) {
        w[k] = a->w[k] + first;
        if (a->w[k] != a->old[k]) memcpy(w[k], a->old[k] + first, (size_t)*n * sizeof **w);
    }
    return first;
}

/* The float32 arithmetic of the decomposition (ops/update.c): beta^t by powf. */
static void adam_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const update_args *a = args;
    (void)rep, (void)lane;
    float   rate = (float)read(&a->rate), t = (float)read(&a->t), *w[4] = { NULL };
    float   alpha = rate * sqrtf(1.0f - powf((float)a->adam.beta_2, t)) / (1.0f - powf((float)a->adam.beta_1, t));
    int64_t n, first = part(a, task, w, &n);
    a->kernels->adam(&a->adam, alpha, (float)a->adam.weight_decay * rate, w[0], w[1], w[2], w[3], a->g + first, n);
}

static void sgd_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const update_args *a = args;
    (void)rep, (void)lane;
    float  *w[4] = { NULL };
    int64_t n, first = part(a, task, w, &n);
    a->kernels->sgd(&a->sgd, (float)read(&a->rate), w[0], w[1], a->g + first, n);
}

const char *cn__takes_update(const cn_graph *g, const cn__inst *i) { return cn__is_f32(g, cn__in(g, i)[0]) ? NULL : "not float32"; }

static void scalar_operand(cn__prep *p, const cn_graph *g, scalar *s, cn__val v)
{
    s->dtype = cn__type_of(g, v)->dtype;
    cn__prep_ptr(p, &s->at, v);
}

bool cn__prepare_update(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const cn__val *in = cn__in(g, i);
    bool    adam = i->op == CN__OP_ADAM;
    int64_t n = cn__type_count(cn__type_of(g, in[0]));
    uint32_t tasks = cn__tasks((double)n, GRAIN, TASKS);
    update_args *a = cn__prep_call(p, adam ? adam_task : sgd_task, adam ? "adam" : "sgd", sizeof *a, 1, tasks);
    if (!a) return false;
    a->kernels = cn__cpu_kernels(), a->n = n, a->tasks = tasks, a->slots = i->nout;
    if (adam) a->adam = *(const cn__a_adam *)i->attr;
    else a->sgd = *(const cn__a_sgd *)i->attr;
    for (int k = 0; k < i->nout; k++) {
        cn__prep_ptr(p, &a->old[k], in[k]);
        cn__prep_ptr(p, &a->w[k], i->out + (cn__val)k);
    }
    cn__prep_ptr(p, &a->g, in[i->nout]);
    scalar_operand(p, g, &a->rate, in[i->nout + 1]);
    if (adam) scalar_operand(p, g, &a->t, in[i->nout + 2]);
    return cn__prep_in_place(p, i->out) ? cn__prepare_mirrors(p, g->vars.at[cn__value_of(g, in[0])->ref]) : true;
}

/* ---- Sums of metrics and counters: few numbers ------------------------------------------------------------------------------------- */
typedef struct sums_args { const void *old, *x, *scale; void *sum; int64_t n; int32_t type, x_type, scale_type; bool x_one, scale_one; } sums_args;

static void sums_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const sums_args *a = args;
    (void)rep, (void)task, (void)lane;
    for (size_t k = 0; k < (size_t)a->n; k++) {
        size_t x = a->x_one ? 0 : k, s = a->scale_one ? 0 : k;
        if (a->type == CN_INT64) {
            int64_t v = cn__load_int((cn_dtype)a->x_type, a->x, x);
            if (a->scale) v *= cn__load_int((cn_dtype)a->scale_type, a->scale, s);
            ((int64_t *)a->sum)[k] = ((const int64_t *)a->old)[k] + v;
        } else {
            double v = cn__load((cn_dtype)a->x_type, a->x, x);
            if (a->scale) v *= cn__load((cn_dtype)a->scale_type, a->scale, s);
            ((double *)a->sum)[k] = ((const double *)a->old)[k] + v;
        }
    }
}

const char *cn__takes_accumulate(const cn_graph *g, const cn__inst *i)
{
    int64_t n = cn__type_count(cn__type_of(g, i->out));
    for (int k = 1; k < i->nin; k++) {
        cn__val v = cn__in(g, i)[k];
        if (v && cn__type_count(cn__type_of(g, v)) != 1 && cn__type_count(cn__type_of(g, v)) != n) return "broadcast in the middle";
    }
    return NULL;
}

bool cn__prepare_accumulate(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    const cn__val *in = cn__in(g, i);
    cn__val scale = i->nin > 2 ? in[2] : 0;
    sums_args *a = cn__prep_call(p, sums_task, "accumulate", sizeof *a, 1, 1);
    if (!a) return false;
    a->n = cn__type_count(cn__type_of(g, i->out)), a->type = cn__type_of(g, i->out)->dtype;
    a->x_type = cn__type_of(g, in[1])->dtype, a->x_one = cn__type_count(cn__type_of(g, in[1])) == 1;
    if (scale) a->scale_type = cn__type_of(g, scale)->dtype, a->scale_one = cn__type_count(cn__type_of(g, scale)) == 1;
    cn__prep_ptr(p, &a->old, in[0]);
    cn__prep_ptr(p, &a->x, in[1]);
    cn__prep_ptr(p, &a->scale, scale);
    cn__prep_ptr(p, &a->sum, i->out);
    return true;
}
