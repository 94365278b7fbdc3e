/* update.c: the optimizers' steps, in the variables' own memory, and the sums of metrics. */
#include "backends/cpu/panels.h"
#include "base/cpu.h"
#include <string.h>

enum { TASKS = 64 };
static const double GRAIN = 16384;                       /* weights of a task */

const char *cn__takes_update(const cn_graph *g, const cn__inst *i)
{
    return cn__is_f32(g, cn__in(g, i)[0]) ? NULL : "not float32";
}

static void scalar_operand(cn__prep *p, const cn_graph *g, cn__number *s, cn__val v)
{
    s->dtype = cn__type_of(g, v)->dtype;
    cn__prep_ptr(p, &s->at, v);
}

/* Panels of float32: if the gradient comes in such from a product without a chain, the weight is read by products as it
   lies, and what belongs to it stays in the second cache. Not for columns that would fill panels badly. */
cn__layout cn__update_resides(const cn_graph *g, const cn__inst *i)
{
    const cn__type *t = cn__type_of(g, cn__in(g, i)[0]);
    const cn__inst *from = cn__inst_of(g, cn__in(g, i)[i->nout]);
    if (cn__takes_update(g, i) || t->rank != 2 || t->dim[0] < 2) return CN__ROWS;
    bool product = (from->op == CN__OP_MATMUL && !cn__takes_product(g, from)) ||
                   (from->op == CN__OP_PRODUCT && !((const cn__a_fused *)from->attr)->ninst);
    size_t bytes = cn__panel_bytes(CN__PANEL, t), full = cn__type_bytes(t);
    return product && bytes <= cn__cpu_info()->l2 && bytes <= full + full / 4 ? CN__PANEL : CN__ROWS;
}

/* What products read of the variable is written with it: from its master, or from the panels in which it resides. */
static void fill_mirrors(cn__prep *p, cn__var *var, cn__segment *s)
{
    int panels = -1;
    s->rows = var->type.dim[0], s->cols = var->type.dim[1];
    for (int k = 0; s->panels && k < var->mirrors; k++)
        if (var->mirror[k].layout == CN__PANEL) panels = k;
    for (int k = 0; k < cn__prep_mirrors(p, var); k++) {
        if (k == panels) continue;
        cn__pack *m = &s->mirror[s->mirrors++];
        *m = cn__pack_of((cn__layout)var->mirror[k].layout, &var->type);
        if (s->panels) m->rs = m->transposed ? 1 : CN__PANEL_COLS, m->cs = m->transposed ? CN__PANEL_COLS : 1;
        if (s->panels) cn__prep_mirror(p, &m->b, var, panels);
        else cn__prep_var(p, &m->b, var);
        cn__prep_mirror(p, &m->to, var, k);
    }
}

static void fill_segment(cn__prep *p, const cn_graph *g, const cn__inst *i, cn__segment *s)
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
    if (!cn__prep_in_place(p, i->out)) return;
    if (cn__prep_layout(p, in[0]) == CN__PANEL)
        s->panels = true, s->n = (int64_t)(cn__panel_bytes(CN__PANEL, cn__type_of(g, in[0])) / sizeof(float));
    if (cn__type_of(g, in[0])->rank == 2) fill_mirrors(p, g->vars.at[cn__value_of(g, in[0])->ref], s);
}

bool cn__prepare_updates(cn__prep *p, const cn_graph *g, const cn__inst *const *inst, int n)
{
    const cn__kernels *k = cn__cpu_kernels();
    const cn__op op = (cn__op)inst[0]->op;
    int64_t total = 0;
    for (int i = 0; i < n; i++) total += cn__type_count(cn__type_of(g, cn__in(g, inst[i])[0]));
    uint32_t tasks = cn__tasks((double)total, GRAIN, TASKS);
    cn__fn   fn = op == CN__OP_ADAM ? k->adam : op == CN__OP_RMSPROP ? k->rmsprop : k->sgd;
    cn__update *a = cn__prep_call(p, fn, cn__ops[op].name, sizeof *a + (size_t)n * sizeof *a->segment, 1, tasks);
    if (!a) return false;
    a->tasks = tasks, a->slots = inst[0]->nout, a->segments = n;
    a->in_place = cn__prep_in_place(p, inst[0]->out);
    memcpy(&a->how, inst[0]->attr, inst[0]->attr_size);
    for (int i = 0; i < n; a->total += a->segment[i++].n) fill_segment(p, g, inst[i], &a->segment[i]);
    return true;
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

/* What is common without a call. */
static inline double number(int32_t dtype, const void *at, size_t k)
{
    return dtype == CN_FLOAT32   ? (double)((const float *)at)[k]
           : dtype == CN_FLOAT64 ? ((const double *)at)[k]
                                 : cn__load((cn_dtype)dtype, at, k);
}

static inline int64_t whole(int32_t dtype, const void *at, size_t k)
{
    return dtype == CN_INT64 ? ((const int64_t *)at)[k] : cn__load_int((cn_dtype)dtype, at, k);
}

static void add_up(const sum_item *a)
{
    for (size_t k = 0; k < (size_t)a->n; k++) {
        size_t x = a->x_one ? 0 : k, s = a->scale_one ? 0 : k;
        if (a->type == CN_INT64) {
            int64_t v = whole(a->x_type, a->x, x);
            if (a->scale) v *= whole(a->scale_type, a->scale, s);
            ((int64_t *)a->sum)[k] = ((const int64_t *)a->old)[k] + v;
        } else {
            double v = number(a->x_type, a->x, x);
            if (a->scale) v *= number(a->scale_type, a->scale, s);
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
