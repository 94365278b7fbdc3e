/* profile.c: what a model's step consists of, call by call: which kernel each part got, what it has to do, what it
   took, and why better kernels declined. The clock stands beside the run loop, not in it (exec.h: cn__timer). */
#include "model/model.h"
#include <stdio.h>

typedef struct row {
    const char *layer, *op, *kernel;
    char        type[96];
    double      flops, bytes, seconds;
    uint32_t    tasks;
} row;
typedef struct table { cn__arena mem; row *row; size_t n; double seconds; bool timed; } table;

/* ---- What a call has to do --------------------------------------------------------------------------------------- */
static double moved(const cn_graph *g, const cn__inst *i)  /* bytes read and written, each operand once */
{
    double bytes = 0;
    const cn__val *in = cn__in(g, i);
    for (int k = 0; k < i->nin; k++)
        if (in[k]) bytes += (double)cn__type_bytes(cn__type_of(g, in[k]));
    for (int k = 0; k < i->nout; k++) bytes += (double)cn__type_bytes(cn__type_of(g, i->out + (cn__val)k));
    return bytes;
}

/* Of products 2 m n k; of all else an operation for each number that comes out. */
static double operations(const cn_graph *g, const cn__inst *i)
{
    const cn__type *out = i->out ? cn__type_of(g, i->out) : NULL;
    if (!out) return 0;
    double n = (double)cn__type_count(out);
    const cn__val  *in = cn__in(g, i);
    const cn__type *a = i->nin && in[0] ? cn__type_of(g, in[0]) : NULL;
    bool product = i->op == CN__OP_MATMUL || i->op == CN__OP_PRODUCT || i->op == CN__OP_DENSE;
    int32_t turned = i->op == CN__OP_DENSE || !i->attr ? 0 : *(const int32_t *)i->attr;
    if (product && a && a->rank >= 2) return 2 * n * (double)a->dim[turned ? a->rank - 2 : a->rank - 1];
    return i->op == CN__OP_DENSE_GRAD && a ? 4 * (double)cn__type_count(a) * (double)cn__type_of(g, in[1])->dim[1] : n;
}

static bool make_table(cn_ctx *ctx, const cn__plan *plan, const cn__timer *timer, table *t)
{
    const cn_graph *g = plan->graph;
    size_t n = plan->ncompute + plan->ncommit;
    *t = (table){ .mem.ctx = ctx, .timed = timer != NULL };
    if (!(t->row = cn__arena_alloc(&t->mem, (n + 1) * sizeof *t->row))) return cn__nomem(ctx), false;
    for (size_t k = 0; k < n; k++) {
        const cn__call *c = &plan->call[k];
        const cn__inst *i = &g->insts.at[c->inst];
        row *r = &t->row[t->n++];
        *r = (row){ .layer = i->origin ? g->origins.at[i->origin] : "", .op = cn__ops[i->op].name,
                    .kernel = plan->kernel[k], .flops = operations(g, i), .bytes = moved(g, i),
                    .tasks = c->nrep * c->ntask };
        if (i->out) cn__type_text(cn__type_of(g, i->out), r->type, sizeof r->type);
        if (timer) t->seconds += r->seconds = timer->seconds[k] / (double)CN__MAX(timer->steps, 1);
    }
    return true;
}

/* ---- As text ----------------------------------------------------------------------------------------------------- */
static void print_row(cn__text *text, const table *t, const row *r)
{
    cn__text_add(text, "%-24.24s %-24.24s %-20.20s %5u", r->layer, r->kernel, r->type, r->tasks);
    if (!t->timed) cn__text_add(text, " %10.3f %10.1f\n", r->flops * 1e-6, r->bytes / 1024);
    else
        cn__text_add(text, " %10.2f %5.1f %% %9.1f %9.1f\n", r->seconds * 1e6, 100 * r->seconds / t->seconds,
                     r->flops / r->seconds * 1e-9, r->bytes / r->seconds * 1e-9);
}

/* The same by layer, in the order of their first calls. */
static void print_layers(cn__text *text, const table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        double seconds = 0;
        bool   first = true;
        for (size_t k = 0; k < i && first; k++) first = strcmp(t->row[k].layer, t->row[i].layer) != 0;
        for (size_t k = i; first && k < t->n; k++)
            if (!strcmp(t->row[k].layer, t->row[i].layer)) seconds += t->row[k].seconds;
        if (!first) continue;
        int bar = (int)(40 * seconds / t->seconds + 0.5);
        cn__text_add(text, "%-24.24s %10.2f us %5.1f %% ", t->row[i].layer, seconds * 1e6, 100 * seconds / t->seconds);
        for (int k = 0; k < bar; k++) cn__text_add(text, "█");
        cn__text_add(text, "\n");
    }
}

static void print_plan(cn__text *text, const cn__program *p, const table *t)
{
    static const char *const modes[] = {
        [CN__TRAIN] = "training",
        [CN__EVAL] = "evaluation",
        [CN__PREDICT] = "prediction",
    };
    cn__text_add(text, "%s, batch %lld, backend %s, %.1f KiB of intermediate values\n", modes[p->sig.mode],
                 (long long)p->sig.batch, p->plan->backend->name, (double)p->plan->arena / 1024);
    cn__text_add(text, "%-24s %-24s %-20s %5s %s\n", "layer", "kernel", "result", "tasks",
                 t->timed ? "        us   share    GFLOP/s      GB/s" : "    MFLOP        KiB");
    for (size_t i = 0; i < t->n; i++) print_row(text, t, &t->row[i]);
    if (t->timed) {
        cn__text_add(text, "%-24s %54.2f us a step\n\n", "all", t->seconds * 1e6);
        print_layers(text, t);
    } else if (p->plan->declined && *p->plan->declined)
        cn__text_add(text, "expanded, and why:\n%s", p->plan->declined);
    cn__text_add(text, "\n");
}

static cn_array *text_array(cn_array *a, cn__text *text)
{
    const char *all = text->nomem ? NULL : cn__text_get(text);
    if (!all) cn__poison(a, NULL, CN_E_NOMEM, "out of memory for a table");
    else cn__array_strings(a, NULL, 0, NULL, &all);
    return a;
}

static bool tell(cn_model *m, const cn__program *p, const cn__timer *timer, cn__text *text)
{
    table t;
    bool  ok = make_table(m->obj.ctx, p->plan, timer, &t);
    if (ok) print_plan(text, p, &t);
    cn__arena_free(&t.mem);
    return ok;
}

/* ---- cn_explain: every plan that the model has so far ------------------------------------------------------------ */
static bool predict_zeros(cn_model *m)                   /* so that there is one */
{
    CN_ARGS(cn_prepare, a);
    a.on = m;
    cn_runner *r = (cn_prepare)(&a);
    bool ok = !cn__bad(r) && !cn_run(r);
    if (cn__bad(r)) cn__fail_with(r);
    return cn_free(r), ok;
}

cn_array *cn_explain(cn_model *m)
{
    if (!m) return NULL;
    cn_array *a = cn__array_blank(m->obj.ctx);
    cn__text  text = { .ctx = m->obj.ctx };
    if (cn__bad(m)) return cn__inherit(a, m);
    bool ok = m->programs.n || predict_zeros(m);
    for (size_t i = 0; ok && i < m->programs.n; i++) ok = tell(m, m->programs.at[i], NULL, &text);
    a = ok ? text_array(a, &text) : cn__poison_recorded(a);
    cn__text_free(&text);
    return a;
}

/* ---- cn_profile -------------------------------------------------------------------------------------------------- */
static cn_status run_steps(cn_model *m, const cn_profile_args *p, int64_t steps)
{
    CN_ARGS(cn_fit, f);
    f.head.site = p->head.site, f.on = m, f.x = p->x, f.y = p->y;
    f.batch_size = p->batch_size, f.steps_per_epoch = steps, f.epochs = 1;
    return (cn_fit)(&f);
}

static const cn__program *training_program(const cn_model *m)            /* of the largest batch */
{
    const cn__program *found = NULL;
    for (size_t i = 0; i < m->programs.n; i++) {
        const cn__program *p = m->programs.at[i];
        if (p->sig.mode == CN__TRAIN && (!found || p->sig.batch > found->sig.batch)) found = p;
    }
    return found;
}

cn_array *(cn_profile)(cn_profile_args *given)
{
    CN__ARGS(cn_profile_args, a, given);
    CN__FILL(cn_profile_args, CN_PROFILE_FIELDS);
    cn_model *m = a.on;
    if (!m) return NULL;
    cn_ctx   *ctx = m->obj.ctx;
    cn_array *out = cn__array_blank(ctx);
    cn__text  text = { .ctx = ctx };
    if (cn__bad(m)) return cn__inherit(out, m);
    if (run_steps(m, &a, 2)) return cn__poison_recorded(out);            /* plans are made, caches are warm */
    const cn__program *p = training_program(m);
    size_t    bytes = (p->plan->ncompute + p->plan->ncommit) * sizeof(double);
    cn__timer timer = { p->plan, 0, cn__alloc0(ctx, bytes) };
    if (!timer.seconds) return cn__nomem(ctx), cn__poison_recorded(out);
    cn__plan_ref(p->plan);
    m->exec.timer = &timer;
    bool ok = !run_steps(m, &a, a.steps);
    m->exec.timer = NULL;
    if (ok) ok = tell(m, p, &timer, &text);
    cn__plan_unref((cn__plan *)(uintptr_t)timer.plan);
    cn__free(ctx, timer.seconds, bytes);
    out = ok ? text_array(out, &text) : cn__poison_recorded(out);
    cn__text_free(&text);
    return out;
}
