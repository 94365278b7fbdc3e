/* oversubscribed.c: what it costs to have more threads than processors: a step on one thread, on one for each processor
   and on twice as many; and the same beside another library's pool of threads, which waits for work in a loop that
   yields, as BLAS libraries do, or computes all the time: then a step should take as much longer as there are more
   threads than processors. Rounds of all of them alternate; ratios are of medians.
   usage: oversubscribed [PART-OF-A-NAME] */
#include "limits.h"
#include "workloads.h"
#include <sched.h>
#include <stdatomic.h>

enum { TEAMS = 3, BESIDE = 3, ROUNDS_OF_ALL = 15, POOL = 2 };
typedef enum pool_mode { ASLEEP, YIELDS, COMPUTES, ENDS } pool_mode;
static const char *const beside[BESIDE] = { "alone", "a pool that yields", "a pool that computes" };
static atomic_int mode;

/* A thread of the other library. */
static void *other(void *unused)
{
    volatile float sum = 0;
    for (;;) {
        switch (atomic_load_explicit(&mode, memory_order_relaxed)) {
        case ASLEEP:   nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL); break;
        case YIELDS:   sched_yield(); break;
        case COMPUTES: for (int i = 0; i < 1000; i++) sum = sum * 0.5f + 1; break;
        default:       return unused;
        }
    }
}

typedef struct { cn_ctx *ctx; cn_model *model; cn_array *x, *y; int threads; } team;

static double step_of(const team *t, const workload *w)
{
    double start = limits_now();
    if (cn_fit(t->model, t->x, t->y, .batch_size = w->batch)) printf("%s\n", cn_error_message(t->ctx));
    return (limits_now() - start) / (double)(w->rows / w->batch);
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Threads to a processor, the pool's and so many of a team, of which no more work than there are processors. */
static double crowd(int threads)
{
    double n = cn__cpu_info()->processors, all = POOL + (threads < n ? threads : n);
    return all > n ? all / n : 1;
}

static void measure(const workload *w)
{
    static double took[TEAMS][BESIDE][ROUNDS_OF_ALL];
    team teams[TEAMS];
    for (int i = 0; i < TEAMS; i++) {
        team *t = &teams[i];
        t->threads = i == 0 ? 1 : i * cn__cpu_info()->processors;
        t->ctx = cn_open(.threads = t->threads);
        t->x = inputs(t->ctx, w), t->y = targets(t->ctx, w), t->model = network(t->ctx, w);
        if (prepare(t->model, w)) printf("%s\n", cn_error_message(t->ctx));
        step_of(t, w);
    }
    for (int r = 0; r < ROUNDS_OF_ALL; r++)
        for (int b = 0; b < BESIDE; b++) {
            atomic_store(&mode, b);
            for (int i = 0; i < TEAMS; i++) took[i][b][r] = step_of(&teams[i], w);
        }
    atomic_store(&mode, ASLEEP);
    printf("%s\n", w->name);
    for (int i = 0; i < TEAMS; i++)
        for (int b = 0; b < BESIDE; b++) {
            double *t = took[i][b];
            qsort(t, ROUNDS_OF_ALL, sizeof *t, by_time);
            double median = t[ROUNDS_OF_ALL / 2], one = took[0][0][ROUNDS_OF_ALL / 2];
            double fair = took[i][0][ROUNDS_OF_ALL / 2] * (b == COMPUTES ? crowd(teams[i].threads) : 1);
            printf("  %2d threads, %-20s %10.0f ns min %10.0f ns median", teams[i].threads, beside[b], t[0] * 1e9,
                   median * 1e9);
            printf("   x %.2f of one thread, x %.2f of the fair share\n", median / one, median / fair);
        }
    for (int i = 0; i < TEAMS; i++)
        if (cn_close(teams[i].ctx)) return;
}

int main(int argc, char **argv)
{
    pthread_t pool[POOL];
    int       started = 0;
    while (started < POOL && !pthread_create(&pool[started], NULL, other, NULL)) started++;
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
        if (argc > 1 ? strstr(workloads[i].name, argv[1]) != NULL : !strcmp(workloads[i].name, "784-128-10 sgd b128"))
            measure(&workloads[i]);
    atomic_store(&mode, ENDS);
    while (started) pthread_join(pool[--started], NULL);
    return 0;
}
