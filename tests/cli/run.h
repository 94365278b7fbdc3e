/* run.h: the command as a test runs it: its exit code, and what it said in out and err. */
#ifndef TEST_RUN_H
#define TEST_RUN_H
#include "../data/files.h"
#include <sys/wait.h>

static char out[1 << 18], err[1 << 16];

static size_t slurp(const char *path, char *to, size_t size)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(to, 1, size - 1, f) : 0;
    to[n] = 0;
    if (f) fclose(f);
    return n;
}

/* Runs the command with these arguments; value: its exit code. out and err have what it said. */
static int run(const char *arguments)
{
    const char *program = getenv("CORNU") ? getenv("CORNU") : "../cornu";
    char command[4096], o[256], e[256];
    snprintf(o, sizeof o, "%s", file_path("out"));
    snprintf(e, sizeof e, "%s", file_path("err"));
    snprintf(command, sizeof command, "%s %s > '%s' 2> '%s'", program, arguments, o, e);
    int status = system(command);
    slurp(o, out, sizeof out), slurp(e, err, sizeof err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int runf(const char *format, const char *a, const char *b)
{
    char arguments[2048];
    snprintf(arguments, sizeof arguments, format, a, b);
    return run(arguments);
}
#endif
