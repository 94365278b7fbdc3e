/* calls.c: where a step's time goes: each call of a training step's plan alone, again and again, while its data are in
   the caches. The step itself is steps.c's business. usage: calls [PART-OF-A-NAME] [THREADS] */
#include "limits.h"
#include "workloads.h"
#include "model/model.h"

enum { TIMES = 9 };
static const double LONG = 2e-3;                         /* seconds of a measurement */

static double run_once(cn__exec *e, const cn__call *c, int times)
{
    double start = limits_now();
    for (int i = 0; i < times; i++) {
        if (e->team && c->nrep * c->ntask > 1) cn__team_run(e->team, c->fn, c->args, c->nrep, c->ntask, NULL);
        else
            for (uint32_t rep = 0; rep < c->nrep; rep++)
                for (uint32_t task = 0; task < c->ntask; task++) c->fn(c->args, rep, task, &e->lane0);
    }
    return (limits_now() - start) / times;
}

static double least(cn__exec *e, const cn__call *c)
{
    double best = run_once(e, c, 10);
    int    times = 1 + (int)(LONG / (best + 1e-9));
    for (int i = 0; i < TIMES; i++) {
        double t = run_once(e, c, times);
        if (t < best) best = t;
    }
    return best;
}

static void show(cn_model *m)
{
    const cn__program *p = NULL;
    for (size_t i = 0; i < m->programs.n; i++)
        if (m->programs.at[i]->linked && m->programs.at[i]->plan->ncommit) p = m->programs.at[i];
    if (!p) return;
    cn__exec *e = &m->exec;
    double    total = 0;
    for (uint32_t k = 0; k < e->nfeeds; k++) e->feeds[k].order = NULL, e->feeds[k].cursor = 0;
    uint32_t denormals = cn__denormals_off();
    for (uint32_t k = 0; k < p->plan->ncompute + p->plan->ncommit; k++) {
        const cn__call *c = &p->linked->call[k];
        const cn__inst *i = &p->plan->graph->insts.at[c->inst];
        char type[128] = "";
        if (i->out) cn__type_text(cn__type_of(p->plan->graph, i->out), type, sizeof type);
        double t = least(e, c);
        total += t;
        printf("  %-24s %3u tasks %10.0f ns  %-20s %s\n", p->plan->kernel[k], c->ntask * c->nrep, t * 1e9, type,
               i->origin ? p->plan->graph->origins.at[i->origin] : "");
    }
    cn__denormals_restore(denormals);
    printf("  %-34s %10.0f ns\n", "all", total * 1e9);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        const workload *w = &workloads[i];
        if (argc > 1 && !strstr(w->name, argv[1])) continue;
        cn_ctx   *c = cn_open(.threads = argc > 2 ? atoi(argv[2]) : 1);
        cn_model *m = network(c, w);
        printf("%s\n", w->name);
        if (prepare(m, w) || cn_fit(m, inputs(c, w), targets(c, w), .batch_size = w->batch))
            printf("%s\n", cn_error_message(c));
        else show(m);
        if (cn_close(c)) return 1;
    }
    return 0;
}
