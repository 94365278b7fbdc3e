/* startup.c: how long `cornu info` takes, from the call that starts it to its end, beside what a process that does
   nothing takes. usage: startup [RUNS [COMMAND]] */
#include "process.h"

enum { MOST = 999 };

static int measure(const char *what, char **words, int runs)
{
    static double wall[MOST], work[MOST];
    struct rusage used;
    for (int i = 0; i < runs; i++) {
        wall[i] = process_run(words, -1, &used), work[i] = process_work(&used);
        if (wall[i] < 0) return fprintf(stderr, "startup: %s failed\n", words[0]), 1;
    }
    char line[64];
    process_say(what, wall, runs);
    snprintf(line, sizeof line, "%s, work", what);
    process_say(line, work, runs);
    return 0;
}

int main(int argc, char **argv)
{
    char  beside[4096], *slash = strrchr(argv[0], '/'), info[] = "info", nothing[] = "/bin/true";
    int   runs = argc > 1 ? atoi(argv[1]) : 201;
    if (runs < 1 || runs > MOST) return fprintf(stderr, "startup: 1 to %d runs\n", MOST), 2;
    snprintf(beside, sizeof beside, "%.*s../cornu", slash ? (int)(slash - argv[0]) + 1 : 0, argv[0]);
    char *command = argc > 2 ? argv[2] : beside;
    int   failed = measure("cornu info", (char *[]){ command, info, NULL }, runs);
    return failed ? failed : measure("a process that does nothing", (char *[]){ nothing, NULL }, runs);
}
