/* run.c: the run loop. A step computes, is looked at, and commits: it happened or it did not. */
#include "exec/plan.h"
#include <math.h>
#include <time.h>

enum { LOOK_AT_CLOCK = 16 };                             /* steps between two looks */

double cn__now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- One step ---------------------------------------------------------------------------------------------------- */
/* stop NULL: runs to its end, as the commit part does. */
static void run_alone(cn__exec *e, const cn__call *c, const atomic_int *stop)
{
    for (uint32_t rep = 0; rep < c->nrep && !(stop && atomic_load_explicit(stop, memory_order_relaxed)); rep++)
        for (uint32_t task = 0; task < c->ntask; task++) c->fn(c->args, rep, task, &e->lane0);
}

static inline void run_calls(cn__exec *e, const cn__call *c, const cn__call *end, const atomic_int *stop)
{
    for (; c < end; c++) {
        if (c->nrep == 1 && c->ntask == 1) c->fn(c->args, 0, 0, &e->lane0);
        else if (e->team) cn__team_run(e->team, c->fn, c->args, c->nrep, c->ntask, stop);
        else run_alone(e, c, stop);
    }
}

static bool all_finite(cn__exec *e, const cn__linked *l)
{
    for (const cn__checked *c = l->check; c < l->check + l->nchecks; c++) {
        if (isfinite(c->wide ? *(const double *)c->at : (double)*(const float *)c->at)) continue;
        e->fault_inst = cn__value_of(l->plan->graph, c->val)->ref;
        return false;
    }
    return true;
}

/* Which instruction it was: nothing was written, so the step can be computed again, with a look after each call. */
static void find_fault(cn__exec *e, const cn__linked *l)
{
    unsigned fault = atomic_load(&e->fault), found = 0;
    atomic_store(&e->fault, 0);
    for (const cn__call *c = l->call; !found && c < l->call + l->plan->ncompute; c++) {
        run_calls(e, c, c + 1, NULL);
        found = atomic_load(&e->fault);
        e->fault_inst = c->inst;
    }
    atomic_store(&e->fault, found ? found : fault);
}

static inline void finish(cn__exec *e, cn__linked *l, uint64_t rows)
{
    l->committed = true;
    for (uint32_t k = 0; k < e->nfeeds; k++) e->feeds[k].cursor += rows;
}

static inline cn__run_end step(cn__exec *e, cn__linked *l, uint64_t rows)
{
    const cn__call *commit = l->call + l->plan->ncompute;
    run_calls(e, l->call, commit, &e->stop);
    if (atomic_load_explicit(&e->stop, memory_order_relaxed)) return CN__RUN_STOPPED;
    if (atomic_load_explicit(&e->fault, memory_order_relaxed)) return find_fault(e, l), CN__RUN_FAULT;
    if (!all_finite(e, l)) return CN__RUN_NONFINITE;
    run_calls(e, commit, commit + l->plan->ncommit, NULL);
    finish(e, l, rows);
    return CN__RUN_DONE;
}

static double timed_calls(cn__exec *e, const cn__call *c, uint32_t n, double since, double *took)
{
    for (uint32_t k = 0; k < n; k++) {
        run_calls(e, c + k, c + k + 1, NULL);
        double now = cn__now();
        took[k] = now - since, since = now;
    }
    return since;
}

/* The same step with a look at the clock after each call. One that does not come to its end is computed again without,
   which says why. */
static cn__run_end timed_step(cn__exec *e, cn__linked *l, uint64_t rows)
{
    cn__timer *t = e->timer;
    uint32_t   n = l->plan->ncompute, most = n + l->plan->ncommit;
    if (t->steps == t->room) return step(e, l, rows);
    double *took = t->took + t->steps * (1 + (uint64_t)most), now = cn__now();
    took[0] = t->last > 0 ? now - t->last : 0;
    now = timed_calls(e, l->call, n, now, took + 1);
    if (atomic_load(&e->stop) || atomic_load(&e->fault) || !all_finite(e, l)) return step(e, l, rows);
    t->last = timed_calls(e, l->call + n, l->plan->ncommit, now, took + 1 + n);
    t->steps++;
    finish(e, l, rows);
    return CN__RUN_DONE;
}

/* ---- Legs -------------------------------------------------------------------------------------------------------- */
/* Where one plan's steps end and another's begin, mirrors are brought up to date: plans need not write the same. */
typedef struct run { cn__exec *e; cn__linked *now; uint32_t denormals; } run;

static void turn_to(run *r, cn__linked *next)
{
    if (r->now == next) return;
    cn__timer *t = r->e->timer;
    if (r->now && r->now->committed) cn__mirrors_written(r->now->plan);
    if (r->now && t && t->plan != r->now->plan) t->last = 0;             /* a step of another plan stands between */
    if (next) {
        next->committed = false;
        cn__mirrors_refresh(next->plan);
    }
    r->now = next;
}

static run enter(cn__exec *e)
{
    atomic_store(&e->fault, 0);
    return (run){ e, NULL, cn__denormals_off() };
}

static void leave(run *r)
{
    turn_to(r, NULL);
    cn__denormals_restore(r->denormals);
}

static cn__run_end run_epoch(run *r, const cn__leg *legs, int n, uint64_t *done, uint64_t most, double deadline)
{
    uint64_t first = 0, ran = 0;
    for (int k = 0; k < n; first += legs[k++].steps) {
        bool timed = r->e->timer && r->e->timer->plan == legs[k].linked->plan;
        for (uint64_t s = *done > first ? *done - first : 0; s < legs[k].steps; s++) {
            if (ran == most || (deadline > 0 && ran && ran % LOOK_AT_CLOCK == 0 && cn__now() >= deadline))
                return CN__RUN_DONE;
            turn_to(r, legs[k].linked);
            cn__run_end end = timed ? timed_step(r->e, legs[k].linked, legs[k].rows)
                                    : step(r->e, legs[k].linked, legs[k].rows);
            if (end != CN__RUN_DONE) return end;
            ++*done, ran++;
        }
    }
    return CN__RUN_DONE;
}

cn__run_end cn__run_legs(cn__exec *e, const cn__leg *legs, int n, uint64_t *done, uint64_t most, double deadline)
{
    run         r = enter(e);
    cn__run_end end = run_epoch(&r, legs, n, done, most, deadline);
    leave(&r);
    return end;
}

cn__run_end cn__run_epochs(cn__exec *e, const cn__leg *legs, int n, uint64_t epochs, int (*tail)(void *, uint64_t),
                           void *user, uint64_t *epochs_done, double deadline)
{
    run         r = enter(e);
    cn__run_end end = CN__RUN_DONE;
    while (*epochs_done < epochs) {
        uint64_t done = 0;
        for (uint32_t k = 0; k < e->nfeeds; k++) e->feeds[k].cursor = 0;
        end = run_epoch(&r, legs, n, &done, UINT64_MAX, 0);
        if (end != CN__RUN_DONE) break;
        int stop = tail(user, (*epochs_done)++);
        if (stop || (deadline > 0 && *epochs_done % LOOK_AT_CLOCK == 0 && cn__now() >= deadline)) break;
    }
    leave(&r);
    return end;
}
