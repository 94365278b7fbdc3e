/* run.c: the run loop. A step computes, is looked at, and commits: it happened or it did not. */
#include "exec/exec.h"
#include <math.h>
#include <time.h>

enum { LOOK_AT_CLOCK = 16 };                             /* steps between two looks */

double cn__now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void run_calls(cn__exec *e, const cn__call *c, const cn__call *end)
{
    for (; c < end; c++) {
        if (c->nrep == 1 && c->ntask == 1) c->fn(c->args, 0, 0, &e->lane0);
        else if (e->team) cn__team_run(e->team, c->fn, c->args, c->nrep, c->ntask, &e->stop);
        else
            for (uint32_t rep = 0; rep < c->nrep; rep++)
                for (uint32_t task = 0; task < c->ntask; task++) c->fn(c->args, rep, task, &e->lane0);
    }
}

static bool finite_checks(cn__exec *e, const cn__linked *l)
{
    for (size_t k = 0; k < l->plan->graph->checks.n; k++) {
        const cn__checked *c = &l->check[k];
        if (isfinite(c->wide ? *(const double *)c->at : (double)*(const float *)c->at)) continue;
        e->fault_inst = cn__value_of(l->plan->graph, c->val)->ref;
        return false;
    }
    return true;
}

static cn__run_end step(cn__exec *e, const cn__linked *l, uint64_t rows)
{
    const cn__call *commit = l->call + l->plan->ncompute;
    run_calls(e, l->call, commit);
    if (atomic_load_explicit(&e->stop, memory_order_relaxed)) return CN__RUN_STOPPED;
    if (atomic_load_explicit(&e->fault, memory_order_relaxed)) return CN__RUN_FAULT;
    if (!finite_checks(e, l)) return CN__RUN_NONFINITE;
    run_calls(e, commit, commit + l->plan->ncommit);
    for (uint32_t k = 0; k < e->nfeeds; k++) e->feeds[k].cursor += rows;
    return CN__RUN_DONE;
}

/* ---- Mirrors: packed again at entry where the master is newer; at exit those that updates wrote are as new as it --------- */
static bool writes(const cn__plan *plan, const cn__var *var)
{
    for (size_t k = 0; k < plan->graph->assigns.n; k++)
        if (plan->graph->assigns.at[k].var == var) return true;
    return false;
}

static void refresh_mirrors(const cn__plan *plan)
{
    for (uint32_t k = 0; k < plan->nvars; k++) {
        cn__var *var = plan->var[k];
        for (int m = 0; m < var->mirrors; m++) {
            if (var->mirror[m].version == var->version) continue;
            plan->backend->pack((cn__layout)var->mirror[m].layout, &var->type, var->master, var->mirror[m].at);
            var->mirror[m].version = var->version;
        }
    }
}

/* A plan that was made before a mirror came does not write it. */
static void raise_versions(const cn__plan *plan)
{
    for (uint32_t k = 0; k < plan->nvars; k++) {
        cn__var *var = plan->var[k];
        if (!writes(plan, var)) continue;
        var->version++;
        for (int m = 0; m < plan->mirrors[k]; m++) var->mirror[m].version = var->version;
    }
}

typedef struct ends { uint32_t denormals; } ends;
static ends enter(cn__exec *e, const cn__leg *legs, int n)
{
    for (int k = 0; k < n; k++) refresh_mirrors(legs[k].linked->plan);
    atomic_store(&e->fault, 0);
    return (ends){ cn__denormals_off() };
}

static void leave(ends at, const cn__leg *legs, int n)
{
    cn__denormals_restore(at.denormals);
    for (int k = 0; k < n; k++) raise_versions(legs[k].linked->plan);
}

/* ---- The loop ---------------------------------------------------------------------------------------------------------------- */
static cn__run_end run_epoch(cn__exec *e, const cn__leg *legs, int n, uint64_t *done, uint64_t most, double deadline)
{
    uint64_t first = 0, ran = 0;
    for (int k = 0; k < n; first += legs[k++].steps)
        for (uint64_t s = *done > first ? *done - first : 0; s < legs[k].steps; s++) {
            if (ran == most || (deadline > 0 && ran && ran % LOOK_AT_CLOCK == 0 && cn__now() >= deadline)) return CN__RUN_DONE;
            cn__run_end end = step(e, legs[k].linked, legs[k].rows);
            if (end != CN__RUN_DONE) return end;
            ++*done, ran++;
        }
    return CN__RUN_DONE;
}

cn__run_end cn__run_legs(cn__exec *e, const cn__leg *legs, int n, uint64_t *done, uint64_t most, double deadline)
{
    ends        at = enter(e, legs, n);
    cn__run_end end = run_epoch(e, legs, n, done, most, deadline);
    leave(at, legs, n);
    return end;
}

cn__run_end cn__run_epochs(cn__exec *e, const cn__leg *legs, int n, uint64_t epochs, int (*tail)(void *, uint64_t), void *user,
                           uint64_t *epochs_done, double deadline)
{
    ends        at = enter(e, legs, n);
    cn__run_end end = CN__RUN_DONE;
    while (*epochs_done < epochs) {
        uint64_t done = 0;
        for (uint32_t k = 0; k < e->nfeeds; k++) e->feeds[k].cursor = 0;
        end = run_epoch(e, legs, n, &done, UINT64_MAX, 0);
        if (end != CN__RUN_DONE) break;
        int stop = tail(user, (*epochs_done)++);
        if (stop || (deadline > 0 && *epochs_done % LOOK_AT_CLOCK == 0 && cn__now() >= deadline)) break;
    }
    leave(at, legs, n);
    return end;
}
