/* load.c: a model of 100 MB saved and loaded: time, and memory beyond the file's own bytes (peers/load.py: Keras on the
   same file). usage: load [FILE.keras]   the file stays where one is named */
#include "limits.h"
#include <cornu.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { LOADS = 7 };

static cn_model *large(cn_ctx *c)
{
    cn_model *m = cn_sequential(c, {4096});
    cn_dense(m, 4096, .activation = CN_RELU);
    cn_dense(m, 2048, .activation = CN_RELU);
    cn_dense(m, 10, .activation = CN_SOFTMAX);
    return m;
}

static int say(cn_ctx *c)
{
    fprintf(stderr, "%s\n", cn_error_message(c));
    return cn_close(c);
}

static double once(const char *path, double *beyond)     /* seconds; < 0: it failed */
{
    struct stat s;
    cn_ctx   *c = cn_open(.threads = 1);
    double    start = limits_now();
    cn_model *m = cn_load(c, path);
    double    took = limits_now() - start, weights = 4.0 * (double)cn_count_params(m);
    if (cn_error(m) || stat(path, &s)) return say(c), -1;
    *beyond = ((double)cn_memory(c, true) - (double)s.st_size) / weights;
    cn_close(c);
    return took;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "bench-load.keras";
    cn_ctx     *c = cn_open();
    cn_model   *m = large(c);
    double      start = limits_now(), best = 1e9, beyond = 0;
    if (cn_save(m, path)) return say(c);
    printf("%-28s %8.1f ms\n", "save 100 MB .keras", (limits_now() - start) * 1e3);
    if (cn_close(c)) return 1;
    for (int i = 0; i < LOADS; i++) {
        double t = once(path, &beyond);
        if (t < 0) return 1;
        if (t < best) best = t;
    }
    printf("%-28s %8.1f ms, memory beyond the file %.2f times the weights\n", "load 100 MB .keras", best * 1e3, beyond);
    if (argc < 2) remove(path);
    return 0;
}
