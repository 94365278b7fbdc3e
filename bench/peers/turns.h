/* turns.h: a program that bench/compare calls upon in turn with others, so that all of them see the same machine at the
   same time (turns.py says the same in Python). It says who it is, then answers lines:

     prepare FOLDER NAME   a workload; FOLDER: x.npy, y.npy and the weights w000.npy ...   "ready", or "declined WHY"
     check                 the losses of the first 100 steps, or a prediction              "numbers N N ..."
     turn SECONDS          works for so long, and says the least time of a step            "took SECONDS" */
#ifndef TURNS_H
#define TURNS_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
    const char *(*prepare)(const char *folder, const char *name);        /* NULL, or why not */
    int64_t (*check)(double *numbers, int64_t most);                     /* how many */
    int64_t (*run)(int64_t times);                                       /* how many steps these were; 0: it failed */
} participant;

static double turns_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* In pieces of a twentieth of the time, so that some of them are not disturbed. */
static double turns_least(const participant *p, double seconds)
{
    double  least = 1e9, start = turns_now(), now = start;
    int64_t times = 1;
    while (now < start + seconds) {
        int64_t steps = p->run(times);
        double  took = turns_now() - now;
        if (!steps) return -1;
        if (took / (double)steps < least) least = took / (double)steps;
        if (took < seconds / 40) times *= 2;
        now += took;
    }
    return least;
}

static int take_turns(const char *version, const participant *p)
{
    enum { MOST = 128 };
    char        line[4096];
    double      numbers[MOST];
    const char *declined = "nothing was prepared";
    printf("%s\n", version);
    for (fflush(stdout); fgets(line, sizeof line, stdin); fflush(stdout)) {
        char folder[2048], name[256];
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "prepare %2047s %255[^\n]", folder, name) == 2) declined = p->prepare(folder, name);
        if (declined) {
            printf("declined %s\n", declined);
        } else if (!strncmp(line, "turn ", 5)) {
            printf("took %.9g\n", turns_least(p, atof(line + 5)));
        } else if (!strcmp(line, "check")) {
            int64_t n = p->check(numbers, MOST);
            printf("numbers");
            for (int64_t i = 0; i < n; i++) printf(" %.9g", numbers[i]);
            printf("\n");
        } else {
            printf("ready\n");
        }
    }
    return 0;
}
#endif
