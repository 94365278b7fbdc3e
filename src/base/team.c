/* team.c: a team of threads. All that is shared by a rep are counters of tasks that nobody has taken yet, and one of
   tasks that are finished.

   The tasks of a rep are cut into shares, one for each thread, the same from call to call: what a thread wrote it finds
   in its own cache, if the tasks of two calls that touch the same data have the same place among their fellows. Who has
   done its share helps with the others'.

   A thread takes a task by lowering `left`. What it then reads of the job (fn, args, rep) cannot change under it, for
   the caller publishes the next rep only when all tasks are finished, this one too. So there is no barrier to join: a
   thread that the system has not woken yet, or has taken the processor from, is not waited for while it has no task.
   Threads look for tasks, for a short while in a loop, then asleep. There are never more of them than processors:
   those would only take turns with the others, and be waited for. */
#include "base/team.h"
#include "base/cpu.h"
#include "base/philox.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <time.h>

enum { LINE = 64, SHARES = 8, SPIN_NS = 40000, CALLER_SPINS = 2000, ALONE = 10 };

typedef enum task_order { FROM_COUNTER, REVERSE, RANDOM } task_order;

typedef struct worker {
    alignas(LINE) cn__lane lane;
    cn__team *team;
    pthread_t thread;
} worker;

struct cn__team {
    alignas(LINE) atomic_uint left[SHARES];     /* tasks of this rep that nobody has taken, and, in the same line ... */
    uint32_t    rep, ntask, mode, shares;                /* ... the job: who takes a task has it at hand */
    cn__fn      fn;
    const void *args;
    alignas(LINE) atomic_uint finished;
    atomic_bool caller_sleeps;                           /* until the last task is finished */
    alignas(LINE) atomic_int sleepers;
    pthread_mutex_t lock;
    pthread_cond_t  bell, done;
    bool        quit;                                    /* with the lock held */
    atomic_int  caller_at;                               /* the processor on which the caller was when it rang */
    alignas(LINE) cn_ctx *ctx;
    bool        running;                                 /* a call that comes while it is set comes from a task */
    int64_t     alone_until;                             /* by now_ns; 0: the team works */
    task_order  order;
    uint64_t    draws;                                   /* of task_order RANDOM */
    int         size, threads, started;                  /* lanes; threads that work on tasks, of these are there */
    worker     *workers;                                 /* size of them; the first one is the caller */
};

static _Thread_local worker *self;                       /* NULL in threads that are no worker */

/* ---- Denormals --------------------------------------------------------------------------------------------------- */
#if defined __x86_64__
#include <xmmintrin.h>
enum { FLUSH = 0x8040 };                                 /* FTZ and DAZ */
static uint32_t get_mode(void)          { return _mm_getcsr(); }
static void     set_mode(uint32_t mode) { _mm_setcsr(mode); }
#elif defined __aarch64__
enum { FLUSH = 1 << 24 };                                /* FPCR.FZ */
static uint32_t get_mode(void)
{
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return (uint32_t)mode;
}
static void set_mode(uint32_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)mode)); }
#else
enum { FLUSH = 0 };
static uint32_t get_mode(void)          { return 0; }
static void     set_mode(uint32_t mode) { (void)mode; }
#endif

uint32_t cn__denormals_off(void)
{
    uint32_t mode = get_mode();
    set_mode(mode | FLUSH);
    return mode;
}

void cn__denormals_restore(uint32_t mode) { set_mode(mode); }

/* ---- Taking tasks ------------------------------------------------------------------------------------------------ */
static void relax(void)
{
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

static void ring(cn__team *t, pthread_cond_t *bell)
{
    pthread_mutex_lock(&t->lock);
    pthread_cond_broadcast(bell);
    pthread_mutex_unlock(&t->lock);
}

static uint32_t first_of(const cn__team *t, uint32_t share)
{
    return (uint32_t)((uint64_t)t->ntask * share / t->shares);
}

/* Does the tasks of a share that nobody has taken. Many small ones are taken a few at a time, fewer towards the end: a
   taking costs some 100 ns where threads meet. */
static uint32_t work_on(cn__team *t, uint32_t share, cn__lane *lane)
{
    enum { PART = 4 };
    uint32_t done = 0, left = atomic_load_explicit(&t->left[share], memory_order_acquire);
    while (left) {
        uint32_t n = CN__MAX(left / PART, 1);
        if (!atomic_compare_exchange_weak_explicit(&t->left[share], &left, left - n, memory_order_acquire,
                                                   memory_order_acquire)) continue;
        if (lane->index) set_mode(t->mode);              /* the caller's rounding and denormals */
        for (uint32_t first = first_of(t, share + 1) - left, i = 0; i < n; i++) t->fn(t->args, t->rep, first + i, lane);
        done += n;
        left = atomic_load_explicit(&t->left[share], memory_order_acquire);
    }
    return done;
}

/* Its own share first. */
static void work(cn__team *t, cn__lane *lane)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < SHARES; i++) done += work_on(t, (lane->index + i) % SHARES, lane);
    if (!done) return;
    atomic_fetch_add(&t->finished, done);
    if (atomic_load(&t->caller_sleeps)) ring(t, &t->done);
}

static bool tasks_left(const cn__team *t, memory_order order)
{
    for (int i = 0; i < SHARES; i++)
        if (atomic_load_explicit(&t->left[i], order)) return true;
    return false;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* For a short while. */
static bool await_task(cn__team *t)
{
    int64_t end = now_ns() + SPIN_NS;
    do {
        for (int i = 0; i < 64; i++) {
            if (tasks_left(t, memory_order_relaxed)) return true;
            relax();
        }
    } while (now_ns() < end);
    return false;
}

/* Until there is a task; false: the team is closed. The caller raises `left` and then looks for sleepers, a worker says
   that it sleeps and then looks at `left`; in one order for all (sequentially consistent), so one of them sees the
   other. */
static bool sleep_for_task(cn__team *t)
{
    pthread_mutex_lock(&t->lock);
    atomic_fetch_add(&t->sleepers, 1);
    while (!t->quit && !tasks_left(t, memory_order_seq_cst)) pthread_cond_wait(&t->bell, &t->lock);
    atomic_fetch_sub(&t->sleepers, 1);
    bool quit = t->quit;
    pthread_mutex_unlock(&t->lock);
    return !quit;
}

/* Who is woken by a neighbour may find itself on that one's processor, where the two take turns for as long as the
   system thinks nothing of it: there are other processors, for the team is no larger than their number. */
static void leave_the_caller(cn__team *t)
{
    cpu_set_t all, others;
    int at = atomic_load_explicit(&t->caller_at, memory_order_relaxed);
    if (at != sched_getcpu() || sched_getaffinity(0, sizeof all, &all)) return;
    others = all;
    CPU_CLR((size_t)at, &others);
    if (!sched_setaffinity(0, sizeof others, &others)) sched_setaffinity(0, sizeof all, &all);
}

static void *work_until_closed(void *with)
{
    worker *w = self = with;
    do {
        work(w->team, &w->lane);
    } while (await_task(w->team) || (sleep_for_task(w->team) && (leave_the_caller(w->team), true)));
    return NULL;
}

/* Somebody is in the midst of a task. Where that takes long, the system may have taken the processor from it: asleep we
   leave it ours, which a loop of sched_yield does not. The same order as in sleep_for_task. */
static void sleep_until_done(cn__team *t, uint32_t ntask)
{
    pthread_mutex_lock(&t->lock);
    atomic_store(&t->caller_sleeps, true);
    while (atomic_load(&t->finished) != ntask) pthread_cond_wait(&t->done, &t->lock);
    atomic_store(&t->caller_sleeps, false);
    pthread_mutex_unlock(&t->lock);
}

/* A wait far longer than what this thread did itself: others have the processors. What was lost is made up for by
   working alone for ten times as long, so a crowd costs a tenth at most. */
static void wait_asleep(cn__team *t, uint32_t ntask, int64_t begin)
{
    int64_t from = now_ns();
    sleep_until_done(t, ntask);
    int64_t end = now_ns();
    if (end - from > 2 * (from - begin)) t->alone_until = end + ALONE * (end - from);
}

static bool alone(cn__team *t)
{
    if (t->alone_until && now_ns() >= t->alone_until) t->alone_until = 0;
    return t->alone_until != 0;
}

static void call_sleepers(cn__team *t)
{
    atomic_store_explicit(&t->caller_at, sched_getcpu(), memory_order_relaxed);
    ring(t, &t->bell);
}

static void run_rep(cn__team *t, uint32_t ntask)
{
    const int64_t begin = now_ns();
    atomic_store_explicit(&t->finished, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < t->shares; i++) atomic_store(&t->left[i], first_of(t, i + 1) - first_of(t, i));
    if (atomic_load(&t->sleepers)) call_sleepers(t);
    work(t, &t->workers[0].lane);
    for (int spins = 0; atomic_load_explicit(&t->finished, memory_order_acquire) != ntask; spins++) {
        if (spins == CALLER_SPINS) wait_asleep(t, ntask, begin);
        else relax();
    }
}

/* ---- On the calling thread, in other orders: whatever depends on the order shows itself -------------------------- */
static uint32_t greatest_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t r = a % b;
        a = b, b = r;
    }
    return a;
}

static void run_disordered(cn__team *t, cn__fn fn, const void *args, uint32_t rep, uint32_t ntask, cn__lane *lane)
{
    uint32_t first = ntask - 1, step = ntask - 1;        /* modulo ntask: backwards */
    if (t->order == RANDOM) {                 /* a step that has no divisor in common with ntask meets each task once */
        first = cn__random_bits(0, 0, 0, t->draws++) % ntask;
        do step = cn__random_bits(0, 0, 0, t->draws++) % ntask;
        while (greatest_divisor(step, ntask) != 1);
    }
    uint64_t task = first;
    for (uint32_t i = 0; i < ntask; i++, task = (task + step) % ntask) fn(args, rep, (uint32_t)task, lane);
}

/* ---- The team ---------------------------------------------------------------------------------------------------- */
static bool stopped(const atomic_int *stop) { return stop && atomic_load_explicit(stop, memory_order_relaxed); }

void cn__team_run(cn__team *t, cn__fn fn, const void *args, uint32_t nrep, uint32_t ntask, const atomic_int *stop)
{
    bool nested = t->running || !ntask;
    bool disordered = t->order != FROM_COUNTER && ntask > 1;
    if (nested || disordered || ntask == 1 || t->threads == 1 || alone(t)) {
        cn__lane *lane = self && self->team == t ? &self->lane : &t->workers[0].lane;
        for (uint32_t rep = 0; rep < nrep && !stopped(stop); rep++) {
            if (disordered) run_disordered(t, fn, args, rep, ntask, lane);
            else for (uint32_t task = 0; task < ntask; task++) fn(args, rep, task, lane);
        }
        return;
    }
    t->running = true;
    t->fn = fn, t->args = args, t->ntask = ntask, t->mode = get_mode();
    t->shares = (uint32_t)CN__MIN(t->threads, SHARES);
    for (t->rep = 0; t->rep < nrep && !stopped(stop); t->rep++) run_rep(t, ntask);
    t->running = false;
}

static bool start(worker *w)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
    sigset_t theirs, before;                             /* signals are the program's threads' business, faults ours */
    sigfillset(&theirs);
    for (size_t i = 0; i < CN__COUNT(faults); i++) sigdelset(&theirs, faults[i]);
    pthread_sigmask(SIG_SETMASK, &theirs, &before);
    bool started = pthread_create(&w->thread, NULL, work_until_closed, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

cn__team *cn__team_open(cn_ctx *ctx, int threads)
{
    cn__team *t = cn__alloc0(ctx, sizeof *t + (size_t)threads * sizeof(worker));
    if (!t) return NULL;
    const char *order = getenv("CN_TASKS");
    t->ctx = ctx, t->size = threads, t->workers = (worker *)(t + 1);
    if (order && !strcmp(order, "reverse")) t->order = REVERSE;
    if (order && !strcmp(order, "random")) t->order = RANDOM;
    t->threads = CN__MIN(threads, cn__cpu_info()->processors);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->bell, NULL);
    pthread_cond_init(&t->done, NULL);
    for (int i = 0; i < threads; i++) t->workers[i].lane.index = (uint32_t)i, t->workers[i].team = t;
    for (t->started = 1; t->started < t->threads; t->started++) {
        if (start(&t->workers[t->started])) continue;
        cn__team_close(t);
        return NULL;
    }
    return t;
}

void cn__team_close(cn__team *t)
{
    if (!t) return;
    pthread_mutex_lock(&t->lock);
    t->quit = true;
    pthread_cond_broadcast(&t->bell);
    pthread_mutex_unlock(&t->lock);
    for (int i = 1; i < t->started; i++) pthread_join(t->workers[i].thread, NULL);
    for (int i = 0; i < t->size; i++) cn__free(t->ctx, t->workers[i].lane.scratch, t->workers[i].lane.scratch_size);
    pthread_cond_destroy(&t->bell);
    pthread_cond_destroy(&t->done);
    pthread_mutex_destroy(&t->lock);
    cn__free(t->ctx, t, sizeof *t + (size_t)t->size * sizeof(worker));
}

int       cn__team_size(const cn__team *t)        { return t->size; }
cn__lane *cn__team_lane(cn__team *t, int i)       { return &t->workers[i].lane; }

bool cn__team_scratch(cn__team *t, size_t bytes)
{
    for (int i = 0; i < t->size; i++) {
        cn__lane *lane = &t->workers[i].lane;
        if (lane->scratch_size >= bytes) continue;
        void *more = cn__alloc(t->ctx, bytes);
        if (!more) return false;
        cn__free(t->ctx, lane->scratch, lane->scratch_size);
        lane->scratch = more, lane->scratch_size = bytes;
    }
    return true;
}
