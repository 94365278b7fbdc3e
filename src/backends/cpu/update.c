/* update.c: the optimizers' steps, in the variables' own memory, and the sums of metrics. */
#include "backends/cpu/cpu.h"
#include <math.h>
#include <string.h>

enum { TASKS = 64 };
static const double GRAIN = 16384;                       /* weights of a task */

typedef struct scalar { const void *at; int32_t dtype, pad; } scalar;
static double read(const scalar *s) { return cn__load((cn_dtype)s->dtype, s->at, 0); }

/* One variable of a call: its weights and slots before and after (the same memory where the update is in place). */
typedef struct segment {
    const float *old[4], *g;
    float  *w[4];
    scalar  rate, t;
    int64_t n;
} segment;

typedef struct update_args {
    const cn__kernels *kernels;
    cn__a_adam adam;
    cn__a_sgd  sgd;
    int64_t total, tasks;
    int32_t slots, segments;
    segment segment[];
} update_args;

/* The float32 arithmetic of the decompositions (ops/update.c): beta^t by powf. */
static void adam_segment(const update_args *a, const segment *s, int64_t first, int64_t n, float *const w[4])
{
    float rate = (float)read(&s->rate), t = (float)read(&s->t);
    float alpha = rate * sqrtf(1.0f - powf((float)a->adam.beta_2, t)) / (1.0f - powf((float)a->adam.beta_1, t));
    a->kernels->adam(&a->adam, alpha, (float)a->adam.weight_decay * rate, w[0], w[1], w[2], w[3], s->g + first, n);
}

static void sgd_segment(const update_args *a, const segment *s, int64_t first, int64_t n, float *const w[4])
{
    a->kernels->sgd(&a->sgd, (float)read(&s->rate), w[0], w[1], s->g + first, n);
}

/* A task is a stretch of all the numbers, one variable behind the other. */
static void each_segment(const update_args *a, uint32_t task,
                         void (*update)(const update_args *, const segment *, int64_t, int64_t, float *const[4]))
{
    int64_t from = a->total * task / a->tasks, to = a->total * (task + 1) / a->tasks, begin = 0;
    for (int k = 0; k < a->segments && begin < to; begin += a->segment[k++].n) {
        const segment *s = &a->segment[k];
        int64_t first = CN__MAX(from - begin, 0), n = CN__MIN(to - begin, s->n) - first;
        if (n <= 0) continue;
        float *w[4] = { NULL };
        for (int i = 0; i < a->slots; i++) {
            w[i] = s->w[i] + first;
            if (s->w[i] != s->old[i]) memcpy(w[i], s->old[i] + first, (size_t)n * sizeof **w);
        }
        update(a, s, first, n, w);
    }
}

static void adam_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    (void)rep, (void)lane;
    each_segment(args, task, adam_segment);
}

static void sgd_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    (void)rep, (void)lane;
    each_segment(args, task, sgd_segment);
}

const char *cn__takes_update(const cn_graph *g, const cn__inst *i)
{
    return cn__is_f32(g, cn__in(g, i)[0]) ? NULL : "not float32";
}

static void scalar_operand(cn__prep *p, const cn_graph *g, scalar *s, cn__val v)
{
    s->dtype = cn__type_of(g, v)->dtype;
    cn__prep_ptr(p, &s->at, v);
}

static void fill_segment(cn__prep *p, const cn_graph *g, const cn__inst *i, segment *s)
{
    const cn__val *in = cn__in(g, i);
    s->n = cn__type_count(cn__type_of(g, in[0]));
    for (int k = 0; k < i->nout; k++) {
        cn__prep_ptr(p, &s->old[k], in[k]);
        cn__prep_ptr(p, &s->w[k], i->out + (cn__val)k);
    }
    cn__prep_ptr(p, &s->g, in[i->nout]);
    scalar_operand(p, g, &s->rate, in[i->nout + 1]);
    if (i->op == CN__OP_ADAM) scalar_operand(p, g, &s->t, in[i->nout + 2]);
}

bool cn__prepare_updates(cn__prep *p, const cn_graph *g, const cn__inst *const *inst, int n)
{
    bool    adam = inst[0]->op == CN__OP_ADAM, ok = true;
    int64_t total = 0;
    for (int k = 0; k < n; k++) total += cn__type_count(cn__type_of(g, cn__in(g, inst[k])[0]));
    uint32_t tasks = cn__tasks((double)total, GRAIN, TASKS);
    update_args *a = cn__prep_call(p, adam ? adam_task : sgd_task, adam ? "adam" : "sgd",
                                   sizeof *a + (size_t)n * sizeof *a->segment, 1, tasks);
    if (!a) return false;
    a->kernels = cn__cpu_kernels(), a->total = total, a->tasks = tasks, a->slots = inst[0]->nout, a->segments = n;
    if (adam) a->adam = *(const cn__a_adam *)inst[0]->attr;
    else a->sgd = *(const cn__a_sgd *)inst[0]->attr;
    for (int k = 0; k < n; k++) fill_segment(p, g, inst[k], &a->segment[k]);
    for (int k = 0; ok && k < n; k++)
        if (cn__prep_in_place(p, inst[k]->out))
            ok = cn__prepare_mirrors(p, g->vars.at[cn__value_of(g, cn__in(g, inst[k])[0])->ref]);
    return ok;
}

bool cn__prepare_update(cn__prep *p, const cn_graph *g, const cn__inst *i) { return cn__prepare_updates(p, g, &i, 1); }

/* ---- Sums of metrics and counters: few numbers ------------------------------------------------------------------- */
typedef struct sum_item {
    const void *old, *x, *scale;
    void       *sum;
    int64_t     n;
    int32_t     type, x_type, scale_type;
    bool        x_one, scale_one;                        /* one number for all sums */
} sum_item;
typedef struct sums_args { int64_t n; sum_item item[]; } sums_args;

static void add_up(const sum_item *a)
{
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

static void sums_task(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const sums_args *a = args;
    (void)rep, (void)task, (void)lane;
    for (int64_t k = 0; k < a->n; k++) add_up(&a->item[k]);
}

const char *cn__takes_accumulate(const cn_graph *g, const cn__inst *i)
{
    int64_t n = cn__type_count(cn__type_of(g, i->out));
    for (int k = 1; k < i->nin; k++) {
        cn__val v = cn__in(g, i)[k];
        if (v && cn__type_count(cn__type_of(g, v)) != 1 && cn__type_count(cn__type_of(g, v)) != n)
            return "broadcast in the middle";
    }
    return NULL;
}

static void fill_item(cn__prep *p, const cn_graph *g, const cn__inst *i, sum_item *a)
{
    const cn__val *in = cn__in(g, i);
    cn__val scale = i->nin > 2 ? in[2] : 0;
    a->n = cn__type_count(cn__type_of(g, i->out)), a->type = cn__type_of(g, i->out)->dtype;
    a->x_type = cn__type_of(g, in[1])->dtype, a->x_one = cn__type_count(cn__type_of(g, in[1])) == 1;
    if (scale) a->scale_type = cn__type_of(g, scale)->dtype, a->scale_one = cn__type_count(cn__type_of(g, scale)) == 1;
    cn__prep_ptr(p, &a->old, in[0]);
    cn__prep_ptr(p, &a->x, in[1]);
    cn__prep_ptr(p, &a->scale, scale);
    cn__prep_ptr(p, &a->sum, i->out);
}

bool cn__prepare_sums(cn__prep *p, const cn_graph *g, const cn__inst *const *inst, int n)
{
    sums_args *a = cn__prep_call(p, sums_task, "accumulate", sizeof *a + (size_t)n * sizeof *a->item, 1, 1);
    if (!a) return false;
    a->n = n;
    for (int k = 0; k < n; k++) fill_item(p, g, inst[k], &a->item[k]);
    return true;
}

bool cn__prepare_accumulate(cn__prep *p, const cn_graph *g, const cn__inst *i) { return cn__prepare_sums(p, g, &i, 1); }
