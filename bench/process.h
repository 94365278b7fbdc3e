/* process.h: a process measured from outside, from the call that starts it to its end. */
#ifndef PROCESS_H
#define PROCESS_H
#include "limits.h"
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Seconds; < 0: it could not be started or failed. Its output goes to `out`, -1: nowhere; what it used is in *used. */
static inline double process_run(char *const *words, int out, struct rusage *used)
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    int   how = 1;
    posix_spawn_file_actions_init(&actions);
    if (out >= 0) posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    else posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    double start = limits_now();
    if (!posix_spawn(&child, words[0], &actions, NULL, words, environ)) wait4(child, &how, 0, used);
    double took = limits_now() - start;
    posix_spawn_file_actions_destroy(&actions);
    return how ? -1 : took;
}

/* Seconds that the processors worked for it. */
static inline double process_work(const struct rusage *u)
{
    return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
           1e-6 * (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec);
}

static int process_by_size(const void *a, const void *b)
{
    double d = *(const double *)a - *(const double *)b;
    return (d > 0) - (d < 0);
}

/* A line of a table; the times are sorted. */
static inline void process_say(const char *what, double *took, int n)
{
    qsort(took, (size_t)n, sizeof *took, process_by_size);
    printf("%-28s %10.2f ms min %10.2f ms median\n", what, took[0] * 1e3, took[n / 2] * 1e3);
}
#endif
