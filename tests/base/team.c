/* The team: every task once, reps one after another, the same on any number of threads; asleep, nested, stopped,
   crowded. */
#include "base/team.h"
#include "base/cpu.h"
#include "check.h"
#include <time.h>
#include <unistd.h>

enum { MOST = 4096 };
typedef struct job { int *hits; uint64_t *sum; uint32_t ntask; cn__team *team; atomic_int *stop; uint32_t *seen; } job;

static void count(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const job *j = args;
    (void)rep, (void)lane;
    j->hits[task]++;
}

static void every_task(int threads)
{
    static int hits[MOST];
    cn_ctx *c = cn_open(.threads = threads);
    cn__team *t = cn__ctx_team(c);
    CHECK_INT(cn__team_size(t), threads);
    uint32_t sizes[] = { 0, 1, 2, 3, 7, 64, 1000, MOST };
    for (size_t k = 0; k < CN__COUNT(sizes); k++)
        for (uint32_t nrep = 0; nrep < 20; nrep += 6) {
            memset(hits, 0, sizeof hits);
            job j = { .hits = hits };
            cn__team_run(t, count, &j, nrep, sizes[k], NULL);
            for (uint32_t i = 0; i < MOST; i++) CHECK_INT(hits[i], i < sizes[k] ? (int)nrep : 0);
        }
    CHECK_INT(cn_close(c), 0);
}

TEST(every_task_once_1) { every_task(1); }
TEST(every_task_once_2) { every_task(2); }
TEST(every_task_once_3) { every_task(3); }
TEST(every_task_once_16) { every_task(16); }             /* more than there are processors, on most machines */

static void look(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const job *j = args;
    (void)rep;
    j->seen[task] = lane->index;
    usleep(200);                                         /* so that all who can take one do */
}

TEST(threads_without_a_processor_stay_away)
{
    uint32_t seen[64];
    job j = { .seen = seen };
    cn_ctx *c = cn_open(.threads = 16);
    cn__team_run(cn__ctx_team(c), look, &j, 1, 64, NULL);
    for (int i = 0; i < 64; i++) CHECK(seen[i] < (uint32_t)cn__cpu_info()->processors);
    CHECK_INT(cn_close(c), 0);
}

TEST(orders_for_tests)
{
    setenv("CN_TASKS", "reverse", 1);
    every_task(2);
    setenv("CN_TASKS", "random", 1);
    every_task(2);
    every_task(1);
    unsetenv("CN_TASKS");
}

static void note(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const job *j = args;
    (void)rep, (void)lane;
    j->seen[(*j->sum)++] = task;
}

TEST(orders_are_other_orders)
{
    uint32_t seen[64];
    uint64_t n = 0;
    job j = { .sum = &n, .seen = seen };
    setenv("CN_TASKS", "reverse", 1);
    cn_ctx *c = cn_open(.threads = 2);
    cn__team_run(cn__ctx_team(c), note, &j, 1, 64, NULL);
    for (uint32_t i = 0; i < 64; i++) CHECK_INT(seen[i], 63 - i);
    CHECK_INT(cn_close(c), 0);
    setenv("CN_TASKS", "random", 1);
    c = cn_open(.threads = 2);
    n = 0;
    cn__team_run(cn__ctx_team(c), note, &j, 1, 64, NULL);
    uint32_t in_place = 0;
    for (uint32_t i = 0; i < 64; i++) in_place += seen[i] == i;
    CHECK(in_place < 32);
    CHECK_INT(cn_close(c), 0);
    unsetenv("CN_TASKS");
}

/* Each rep reads what all tasks of the one before wrote: a barrier that leaks would show, above all to TSan. */
static void diffuse(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const job *j = args;
    (void)lane;
    const uint64_t *from = j->sum + (rep & 1) * j->ntask;
    uint64_t *to = j->sum + (~rep & 1) * j->ntask;
    to[task] = from[task] * 3 + from[(task + 1) % j->ntask] + from[(task + j->ntask - 1) % j->ntask];
}

TEST(reps_are_barriers)
{
    enum { N = 48, REPS = 400 };
    static uint64_t one[2 * N], many[2 * N];
    for (uint64_t i = 0; i < N; i++) one[i] = many[i] = i;
    cn_ctx *c = cn_open(.threads = 1), *d = cn_open(.threads = 4);
    job j = { .sum = one, .ntask = N }, k = { .sum = many, .ntask = N };
    cn__team_run(cn__ctx_team(c), diffuse, &j, REPS, N, NULL);
    cn__team_run(cn__ctx_team(d), diffuse, &k, REPS, N, NULL);
    CHECK(!memcmp(one, many, sizeof one));
    CHECK_INT(cn_close(c) + cn_close(d), 0);
}

TEST(calls_follow_each_other)                   /* jobs of different sizes, at once and after the workers fell asleep */
{
    static int hits[8];
    cn_ctx *c = cn_open(.threads = 3);
    cn__team *t = cn__ctx_team(c);
    int wanted[8] = { 0 };
    for (uint32_t k = 0; k < 3000; k++) {
        job j = { .hits = hits };
        cn__team_run(t, count, &j, 1 + k % 2, 1 + k % 8, NULL);
        for (uint32_t i = 0; i < 1 + k % 8; i++) wanted[i] += (int)(1 + k % 2);
        if (k % 500 == 0) usleep(2000);
    }
    CHECK(!memcmp(hits, wanted, sizeof hits));
    CHECK_INT(cn_close(c), 0);
}

static void inner(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const job *j = args;
    (void)rep, (void)task;
    j->seen[lane->index]++;
}

static void outer(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const job *j = args;
    (void)rep;
    uint32_t before = j->seen[lane->index];
    cn__team_run(j->team, inner, j, 2, 5, NULL);         /* on this thread, with its lane */
    j->hits[task] = (int)(j->seen[lane->index] - before);
}

TEST(nested_calls_run_inline)
{
    static int hits[40];
    uint32_t seen[4] = { 0 };
    cn_ctx *c = cn_open(.threads = 4);
    job j = { .hits = hits, .team = cn__ctx_team(c), .seen = seen };
    cn__team_run(j.team, outer, &j, 1, 40, NULL);
    for (int i = 0; i < 40; i++) CHECK_INT(hits[i], 10);
    CHECK_INT(seen[0] + seen[1] + seen[2] + seen[3], 400);
    CHECK_INT(cn_close(c), 0);
}

static void stop_at_third(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const job *j = args;
    count(args, rep, task, lane);
    if (rep == 2) atomic_store(j->stop, 1);
}

TEST(stops_between_reps)
{
    for (int threads = 1; threads <= 2; threads++) {
        int hits[5] = { 0 };
        atomic_int stop = 0;
        cn_ctx *c = cn_open(.threads = threads);
        job j = { .hits = hits, .stop = &stop };
        cn__team_run(cn__ctx_team(c), stop_at_third, &j, 100, 5, &stop);
        for (int i = 0; i < 5; i++) CHECK_INT(hits[i], 3);
        CHECK_INT(cn_close(c), 0);
    }
}

TEST(scratch)
{
    cn_ctx *c = cn_open(.threads = 3, .memory_limit = 1 << 20);
    cn__team *t = cn__ctx_team(c);
    CHECK(cn__team_scratch(t, 1000) && cn__team_scratch(t, 500));
    for (int i = 0; i < 3; i++) {
        cn__lane *lane = cn__team_lane(t, i);
        CHECK(lane->index == (uint32_t)i && lane->scratch_size >= 1000 && (uintptr_t)lane->scratch % 64 == 0);
        memset(lane->scratch, i, 1000);
    }
    CHECK(!cn__team_scratch(t, 1 << 20));
    CHECK(cn__team_lane(t, 0)->scratch_size >= 1000);
    CHECK_INT(cn_close(c), 0);
}

static void smallest(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const job *j = args;
    (void)rep, (void)lane;
    volatile float tiny = 1e-38f;
    tiny = tiny * 0.01f;                                 /* 0 where denormals are flushed */
    j->hits[task] = tiny != 0;
    if (task < 2) usleep(1000);                          /* so that others work as well */
}

TEST(denormals_are_the_callers)                          /* whatever thread a task runs on */
{
    enum { N = 16 };
    int hits[N];
    cn_ctx *c = cn_open(.threads = 4);
    job j = { .hits = hits };
    int sum = 0;
    cn__team_run(cn__ctx_team(c), smallest, &j, 1, N, NULL);
    for (int i = 0; i < N; i++) sum += hits[i];
    CHECK_INT(sum, N);
    uint32_t mode = cn__denormals_off();
    cn__team_run(cn__ctx_team(c), smallest, &j, 1, N, NULL);
    cn__denormals_restore(mode);
    sum = 0;
    for (int i = 0; i < N; i++) sum += hits[i];
#if defined __x86_64__ || defined __aarch64__
    CHECK_INT(sum, 0);
#endif
    cn__team_run(cn__ctx_team(c), smallest, &j, 1, N, NULL);
    sum = 0;
    for (int i = 0; i < N; i++) sum += hits[i];
    CHECK_INT(sum, N);
    CHECK_INT(cn_close(c), 0);
}

TEST(no_memory_for_a_team)
{
    cn_ctx *c = cn_open(.threads = 1000, .memory_limit = 60000);
    CHECK(!cn__ctx_team(c));
    CHECK_INT(cn_close(c), 0);
}

TEST(processor)
{
    const cn__cpu *cpu = cn__cpu_info();
    CHECK(cpu->processors >= 1 && cpu->name[0]);
    CHECK(cpu->l1d >= 4096 && cpu->l2 >= cpu->l1d && cpu->l1d < 1 << 20);
    CHECK(cpu->isa >= CN__PORTABLE && cpu->isa <= CN__AVX512);
    CHECK(cpu->isa < CN__AVX2 || (cpu->avx2 && cpu->fma));
    CHECK(cpu->isa < CN__AVX512 || cpu->avx512f);
    CHECK(cn__machine_memory() > 64 << 20);
    printf("%s: %d processors, L1 %zu, L2 %zu, L3 %zu KiB, level %d\n", cpu->name, cpu->processors, cpu->l1d >> 10,
           cpu->l2 >> 10, cpu->l3 >> 10, (int)cpu->isa);
}

CHECK_MAIN
