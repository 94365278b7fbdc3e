/* pass.c: one pass over data: an epoch of training, an evaluation, a prediction. Data in memory run in long legs, with
   a return to the host only for what asked for it; all else goes batch by batch. Also whole epochs in one call, for
   data of few rows. */
#include "model/model.h"
#include <string.h>

static bool eval(const cn__pass *p) { return p->mode == CN__EVAL; }
static const char *prefix(const cn__pass *p) { return eval(p) && p->epoch >= 0 ? "val_" : ""; }

static bool step_by_step(const cn__pass *p)
{
    const cn__callbacks *c = p->callbacks;
    bool hooks = c && (p->mode == CN__TRAIN ? c->train_batches : eval(p) ? c->test_batches : false);
    return hooks || p->collect || p->reader->m->watches;
}

static cn_status run_hook(const cn__pass *p, cn__hook_kind hook, int64_t batch)
{
    return p->callbacks ? cn__callbacks_run(p->callbacks, hook, CN__MAX(p->epoch, 0), batch, p->before + batch) : CN_OK;
}

/* The outputs of a step, behind those of the steps before. */
static cn_status gather(cn__pass *p, const cn__program *program)
{
    cn_model *m = p->reader->m;
    for (size_t i = 0; p->collect && i < m->outputs.n; i++) {
        cn__collect *c = &p->collect[i];
        size_t bytes = cn__type_bytes(&program->roots[i].type);
        c->type = program->roots[i].type;
        if (c->bytes + bytes > c->cap) {
            size_t cap = CN__MAX(c->bytes + bytes, c->cap * 2);
            char  *at = cn__realloc(m->obj.ctx, c->at, c->cap, cap);
            if (!at) return cn__nomem(m->obj.ctx);
            c->at = at, c->cap = cap;
        }
        memcpy(c->at + c->bytes, cn__linked_root(&m->exec, program->linked, (uint32_t)i), bytes);
        c->bytes += bytes;
    }
    return CN_OK;
}

/* After some steps of a program: results, watches, outputs, callbacks, the bar. */
static cn_status after(cn__pass *p, const cn__program *program, bool one)
{
    cn_model *m = p->reader->m;
    int64_t   batch = p->done - 1;
    cn_status status = CN_OK;
    if (p->place) p->place->batches = p->done, p->place->samples = p->samples;
    if (p->mode != CN__PREDICT && (one || p->bar) && !cn__gauges_read(m, eval(p), p->samples, prefix(p), false))
        return CN_E_NOMEM;
    if (one) {
        if (m->watches) status = cn__watches_take(m, program, p->before + batch);
        if (!status) status = gather(p, program);
        if (!status && p->mode != CN__PREDICT)
            status = run_hook(p, eval(p) ? CN__ON_TEST_BATCH_END : CN__ON_TRAIN_BATCH_END, batch);
    }
    if (!status && p->bar && !cn__bar_update(p->bar, p->done, false)) status = CN_E_NOMEM;
    return status;
}

/* What came of a call of the run loop; p->done and p->samples are up to date. */
static cn_status judge(cn__pass *p, const cn__program *program, cn__run_end end, int64_t position, int64_t rows)
{
    cn_model *m = p->reader->m;
    cn__spot  at = { position, rows, p->epoch, p->done };
    switch (end) {
    case CN__RUN_DONE:    break;
    case CN__RUN_STOPPED: p->stopped = true; break;
    case CN__RUN_FAULT:   return cn__fault(p->reader, program, at);
    case CN__RUN_NONFINITE:
        if (p->mode == CN__TRAIN && p->callbacks && !cn__callbacks_invalid(p->callbacks, p->done)) {
            cn_stop_training(m);
            p->stopped = true;
            return CN_OK;
        }
        return cn__nonfinite(p->reader, program, at);
    }
    if (p->mode == CN__TRAIN && atomic_load(&m->stop)) p->stopped = true;
    return CN_OK;
}

typedef struct legs { cn__program *program[2]; int64_t steps[2]; int n; } legs;

static const cn__program *program_of(const legs *l, int64_t step)
{
    return l->program[step < l->steps[0] ? 0 : l->n - 1];
}

/* Full batches, then the ragged last. */
static bool make_legs(cn__reader *r, int64_t rows, legs *l)
{
    int64_t parts[2] = { rows / r->batch, rows % r->batch ? 1 : 0 };
    memset(l, 0, sizeof *l);
    for (int i = 0; i < 2; i++) {
        if (!parts[i]) continue;
        l->steps[l->n] = parts[i];
        if (!(l->program[l->n] = cn__reader_program(r, i ? rows % r->batch : r->batch))) return false;
        l->n++;
    }
    return true;
}

static void drop_legs(legs *l)
{
    for (int i = 0; i < 2; i++) cn__program_unpin(l->program[i]);
}

static int link_legs(cn_model *m, const legs *l, cn__leg *leg)
{
    if (!cn__programs_link(m, l->program, l->n)) return 0;
    for (int i = 0; i < l->n; i++)
        leg[i] = (cn__leg){ l->program[i]->linked, (uint64_t)l->steps[i], (uint64_t)l->program[i]->sig.batch };
    return l->n;
}

static cn_status run_direct(cn__pass *p)
{
    cn__reader *r = p->reader;
    cn_model   *m = r->m;
    r->at -= p->samples;                                 /* where the pass began that goes on */
    int64_t rows = r->count - r->at;
    if (p->steps && p->steps * r->batch < rows) rows = p->steps * r->batch;
    int64_t steps = (rows + r->batch - 1) / r->batch;
    bool    one = step_by_step(p);
    legs    l;
    cn__leg leg[2];
    cn_status status = make_legs(r, rows, &l) ? CN_OK : (cn_error)(m->obj.ctx);
    uint64_t done = (uint64_t)p->done;
    while (!status && p->done < steps && !p->stopped) {
        int n = link_legs(m, &l, leg);                   /* anew: a callback may have used the runner */
        if (!n) { status = (cn_error)(m->obj.ctx); break; }
        if (one && p->mode == CN__TRAIN && (status = run_hook(p, CN__ON_TRAIN_BATCH_BEGIN, p->done))) break;
        cn__reader_feeds(r, &m->exec, r->at + p->done * r->batch);
        cn__run_end end =
            cn__run_legs(&m->exec, leg, n, &done, one ? 1 : (uint64_t)steps, p->bar ? cn__now() + 0.05 : 0);
        bool advanced = (int64_t)done > p->done;
        p->done = (int64_t)done, p->samples = CN__MIN(rows, p->done * r->batch);
        status =
            judge(p, program_of(&l, p->done), end, p->done * r->batch, CN__MIN(r->batch, rows - p->done * r->batch));
        if (!status && advanced) status = after(p, program_of(&l, p->done - 1), one);
        if (!status && p->mode == CN__TRAIN && atomic_load(&m->stop)) p->stopped = true;
    }
    drop_legs(&l);
    r->at += p->samples;
    p->ended = r->at >= r->count;
    return status;
}

static cn_status run_fetched(cn__pass *p)
{
    cn__reader *r = p->reader;
    cn_model   *m = r->m;
    cn_status   status = CN_OK;
    p->ended = r->count != CN_ANY && r->at >= r->count;
    while (!status && !p->stopped && !p->ended && (!p->steps || p->done < p->steps)) {
        if (p->mode == CN__TRAIN && (status = run_hook(p, CN__ON_TRAIN_BATCH_BEGIN, p->done))) break;
        int64_t  rows = cn__reader_fetch(r);
        uint64_t done = 0;
        if (rows < 0) return (cn_status)rows;
        if (!rows) { p->ended = true; break; }
        cn__program *program = cn__reader_program(r, rows);
        if (!program) return (cn_error)(m->obj.ctx);
        if (!cn__programs_link(m, &program, 1)) status = (cn_error)(m->obj.ctx);
        if (!status) {
            cn__leg leg = { program->linked, 1, (uint64_t)rows };
            cn__reader_feeds(r, &m->exec, 0);
            cn__run_end end = cn__run_legs(&m->exec, &leg, 1, &done, 1, 0);
            status = judge(p, program, end, 0, rows);
        }
        if (!status && done) {
            p->done++, p->samples += rows, r->at += rows;
            status = after(p, program, true);
        }
        cn__program_unpin(program);
        if (!status && p->mode == CN__TRAIN && atomic_load(&m->stop)) p->stopped = true;
        if (r->count != CN_ANY && r->at >= r->count) p->ended = true;
    }
    return status;
}

cn_status cn__pass_run(cn__pass *p)
{
    cn_model *m = p->reader->m;
    p->done = p->place ? p->place->batches : 0;
    p->samples = p->place ? p->place->samples : 0;
    p->stopped = p->done && atomic_load(&m->stop);
    p->ended = false;
    if (!cn__model_exec(m)) return (cn_error)(m->obj.ctx);
    atomic_store(&m->exec.stop, 0);
    if (p->mode != CN__PREDICT && !p->done) cn__gauges_reset(m, eval(p));
    return p->reader->s->direct ? run_direct(p) : run_fetched(p);
}

/* ---- Many epochs in one call ------------------------------------------------------------------------------------- */
typedef struct tail {
    cn__reader *r;
    int64_t first;
    int n;
    const cn__gauge *gauge[CN__TAIL_GAUGES];
    size_t bytes[CN__TAIL_GAUGES];                       /* of its sums */
    cn__result *result[CN__TAIL_GAUGES];
    bool nomem;
} tail;

static int at_end_of_epoch(void *user, uint64_t epoch)
{
    tail     *t = user;
    cn_model *m = t->r->m;
    for (int i = 0; i < t->n; i++) {
        double v = cn__gauge_value(t->gauge[i], false, t->r->count);
        t->result[i]->value = v, t->result[i]->stamp = m->stamp;
        if (!cn__push(m->obj.ctx, &t->result[i]->history, v)) return t->nomem = true;
        memset(cn__var_master(t->gauge[i]->sum[0]), 0, t->bytes[i]);
    }
    cn__reader_begin(t->r, t->first + (int64_t)epoch + 1);
    return atomic_load_explicit(&m->stop, memory_order_relaxed);
}

cn_status cn__pass_epochs(cn__reader *r, int64_t first, int64_t epochs)
{
    cn_model *m = r->m;
    cn_ctx   *ctx = m->obj.ctx;
    tail      t = { .r = r, .first = first };
    uint64_t  done = 0;
    legs      l = { { NULL }, { 0 }, 0 };
    cn__leg   leg[2];
    size_t    gauges = m->training->gauges.n;
    if (!cn__model_exec(m)) return (cn_error)(ctx);
    for (size_t i = 0; i < gauges; i++)
        if (!cn__result_make(m, "", m->training->gauges.at[i].name)) return CN_E_NOMEM;
    for (size_t i = 0; i < gauges; i++) {
        t.gauge[t.n] = &m->training->gauges.at[i];
        t.bytes[t.n] = cn__type_bytes(&t.gauge[t.n]->sum[0]->type);
        t.result[t.n] = cn__result_find(m, t.gauge[t.n]->name);
        if (!cn__history_reserve(m, t.result[t.n++], epochs)) return CN_E_NOMEM;
    }
    atomic_store(&m->exec.stop, 0);
    cn__gauges_reset(m, false);
    cn_status status = cn__reader_begin(r, first);
    if (!status && !make_legs(r, r->count, &l)) status = (cn_error)(ctx);
    else if (!status) {
        int n = link_legs(m, &l, leg);
        if (!n) status = (cn_error)(ctx);
        else {
            cn__reader_feeds(r, &m->exec, 0);
            cn__run_end end = cn__run_epochs(&m->exec, leg, n, (uint64_t)epochs, at_end_of_epoch, &t, &done, 0);
            int64_t  at = (int64_t)m->exec.feeds[0].cursor;                  /* where it stands, if it did not finish */
            cn__pass p = { .reader = r, .mode = CN__TRAIN, .epoch = first + (int64_t)done, .done = at / r->batch };
            status = judge(&p, program_of(&l, p.done), end, at, CN__MIN(r->batch, r->count - at));
        }
    }
    drop_legs(&l);
    return t.nomem ? cn__nomem(ctx) : status;
}
