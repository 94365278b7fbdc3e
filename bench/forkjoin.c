/* forkjoin.c: what it costs to hand work to the team and to wait for it: tasks that do nothing, again and again, as the
   calls of a plan do. usage: forkjoin [THREADS] */
#include "limits.h"
#include "base/base.h"
#include "base/team.h"

enum { TIMES = 50, CALLS = 2000 };

static void nothing(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    (void)args, (void)rep, (void)task, (void)lane;
}

/* Seconds a fork and join: the least of many means, and the mean of all. */
static void measure(cn__team *team, uint32_t tasks)
{
    double least = 1, total = 0;
    for (int i = 0; i < TIMES; i++) {
        double start = limits_now();
        for (int k = 0; k < CALLS; k++) cn__team_run(team, nothing, NULL, 1, tasks, NULL);
        double t = (limits_now() - start) / CALLS;
        least = t < least ? t : least, total += t;
    }
    printf("%3d threads, %3u tasks %8.0f ns min %8.0f ns mean\n", cn__team_size(team), tasks, least * 1e9,
           total / TIMES * 1e9);
}

int main(int argc, char **argv)
{
    int     most = argc > 1 ? atoi(argv[1]) : cn__cpu_info()->processors;
    cn_ctx *c = cn_open();
    for (int threads = 1; threads <= most; threads++) {
        cn__team *team = cn__team_open(c, threads);
        if (!team) break;
        for (int tasks = threads; tasks <= 4 * threads; tasks *= 2) measure(team, (uint32_t)tasks);
        cn__team_close(team);
    }
    return cn_close(c) != CN_OK;
}
