/* A prepared runner predicts without memory, locks or system calls: traps are set for all three, and each is sprung
   once to show that it works. */
#include "check.h"
#include "fail/alloc.h"
#include <cornu.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#if defined __linux__
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

enum { TIMES = 100, MOST = 784 * 40 };
static float x[MOST], before[MOST], y[MOST];

/* ---- Locks: all of this program and of the library linked into it come here first -------------------------------- */
static atomic_long locks;

int pthread_mutex_lock(pthread_mutex_t *m)
{
    static int (*_Atomic real)(pthread_mutex_t *);
    if (!real) {
        void *found = dlsym(RTLD_NEXT, "pthread_mutex_lock");
        int (*f)(pthread_mutex_t *);
        memcpy(&f, &found, sizeof f);
        real = f;
    }
    locks++;
    return real(m);
}

/* ---- Models ------------------------------------------------------------------------------------------------------ */
static cn_model *dense_model(cn_ctx *c)                  /* products with packed weights */
{
    cn_model *m = cn_sequential(c, {784});
    cn_dense(m, 128, .activation = CN_RELU);
    cn_dense(m, 10, .activation = CN_SOFTMAX);
    return m;
}

static cn_model *few_units(cn_ctx *c)                    /* kernels of their own */
{
    cn_model *m = cn_sequential(c, {2});
    cn_dense(m, 8, .activation = CN_TANH);
    cn_dense(m, 1, .activation = CN_SIGMOID);
    return m;
}

static cn_model *many_layers(cn_ctx *c)                  /* chains, moves, reductions, the reference's kernels */
{
    static const float bins[] = { -0.5f, 0, 0.5f };
    cn_tensor *in = cn_input(c, {6, 4});
    cn_tensor *a = cn_permute(in, {2, 1});
    cn_tensor *b = cn_flatten(cn_discretization(in, .bin_boundaries = CN_BUFFER(bins, 3)));
    cn_tensor *d = cn_dropout(cn_dense(cn_flatten(a), 24, .activation = CN_GELU), 0.5);
    cn_tensor *e = cn_concatenate(cn_rescaling(cn_category_encoding(b, 4), 0.5), cn_unit_normalization(d));
    return cn_functional({in}, {cn_dense(e, 5, .activation = CN_LOG_SOFTMAX)});
}

static const struct { const char *name; cn_model *(*make)(cn_ctx *); int64_t in, out, shape[2]; } models[] = {
    { "dense_model", dense_model, 784, 10, { 784 } },
    { "few_units", few_units, 2, 1, { 2 } },
    { "many_layers", many_layers, 24, 5, { 6, 4 } },
};
enum { MODELS = sizeof models / sizeof *models };

__attribute__((constructor)) static void fill(void)
{
    uint32_t state = 3;
    for (int i = 0; i < MOST; i++) x[i] = (float)((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-23f - 1;
}

static cn_runner *prepare(cn_ctx *c, int k, int64_t rows, int64_t threads)
{
    return cn_prepare(models[k].make(c), .shapes = {{ rows, models[k].shape[0], models[k].shape[1] }},
                      .threads = threads);
}

static bool predict(cn_runner *r, int k, int64_t rows)
{
    return !cn_predict_into(r, x, (size_t)(rows * models[k].in), y, (size_t)(rows * models[k].out));
}

static bool same(int k, int64_t rows)
{
    return !memcmp(before, y, (size_t)(rows * models[k].out) * sizeof *y);
}

/* ---- Memory and locks -------------------------------------------------------------------------------------------- */
static void trapped(int k, int64_t rows, int64_t threads)
{
    fail_alloc a = { .at = 0 };
    cn_ctx    *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = threads);
    cn_runner *r = prepare(c, k, rows, threads);
    CHECK(predict(r, k, rows));
    memcpy(before, y, sizeof y);
    long calls = a.calls, blocks = a.blocks, locked = locks, bad = 0;
    a.at = calls + 1, a.for_good = true;
    for (int i = 0; i < TIMES; i++) bad += !predict(r, k, rows) || !same(k, rows);
    CHECK_INT(bad, 0);
    if (a.calls != calls || a.blocks != blocks || (threads == 1 && locks != locked))
        CHECK_FAIL("%s, %d rows, %d threads: %ld requests for memory, %ld locks", models[k].name, (int)rows,
                   (int)threads, a.calls - calls, locks - locked);
    a.at = 0;
    CHECK(cn_memory(c, false) > 0 && locks > locked);    /* this one locks */
    cn_close(c);
    CHECK_INT(a.blocks, 0);
}

TEST(no_memory_no_locks)
{
    for (int k = 0; k < MODELS; k++)
        for (int64_t rows = 1; rows <= 33; rows += 16) trapped(k, rows, 1);
}

/* The workers that help are woken, by a lock and a system call, where they sleep; memory is not needed for that. */
TEST(no_memory_with_two_threads)
{
    for (int k = 0; k < MODELS; k++)
        for (int64_t rows = 1; rows <= 33; rows += 16) trapped(k, rows, 2);
}

TEST(two_threads_give_the_bits_of_one)
{
    for (int k = 0; k < MODELS; k++)
        for (int64_t rows = 1; rows <= 33; rows += 8) {
            for (int64_t threads = 1; threads <= 2; threads++) {
                cn_ctx *c = cn_open(.threads = threads);
                CHECK(predict(prepare(c, k, rows, threads), k, rows));
                if (threads == 1) memcpy(before, y, sizeof y);
                cn_close(c);
            }
            CHECK(same(k, rows));
        }
}

/* Weights that changed are packed again, under a lock, by the first that comes: in memory that is there. */
TEST(after_a_training)
{
    fail_alloc a = { .at = 0 };
    cn_ctx    *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1);
    cn_model  *m = dense_model(c);
    cn_array  *in = cn_array_from(c, {33, 784}, CN_BUFFER(x, 33 * 784)), *p;
    cn_array  *t = cn_array_from(c, {33, 10}, NULL);
    cn_runner *r = cn_prepare(m, .shapes = {{33, 784}});
    CHECK(predict(r, 0, 33));
    memcpy(before, y, sizeof y);
    CHECK(!cn_compile(m, .optimizer = CN_SGD, .loss = CN_MSE) && !cn_fit(m, in, t));
    CHECK(!cn_predict(m, in, &p));
    long calls = a.calls;
    CHECK(predict(r, 0, 33));
    CHECK_INT(a.calls, calls);
    CHECK(!same(0, 33) && !memcmp(cn_float32(p), y, 33 * 10 * sizeof *y));
    long locked = locks;
    CHECK(predict(r, 0, 33));
    CHECK_INT(locks, locked);
    cn_close(c);
}

/* ---- System calls ------------------------------------------------------------------------------------------------ */
#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#if defined __linux__ && !defined __SANITIZE_THREAD__    /* whose own thread goes on when the caged one is ended */
enum { SPRUNG = 1000 };

/* Its exit code, or SPRUNG and more where a signal ended it: after this the system lets it write and exit, no more. */
static int in_a_cage(bool (*work)(cn_runner *, int, int64_t), cn_runner *r, int k, int64_t rows)
{
    pid_t child = fork();
    if (!child) {
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) _exit(77);
        bool good = true;
        for (int i = 0; i < TIMES; i++) good = work(r, k, rows) && good;
        syscall(SYS_exit, good ? 0 : 1);
    }
    int how = 0;
    if (child < 0 || waitpid(child, &how, 0) != child) return -1;
    return WIFEXITED(how) ? WEXITSTATUS(how) : SPRUNG + WTERMSIG(how);
}

static bool calls_the_system(cn_runner *r, int k, int64_t rows)
{
    (void)r, (void)k, (void)rows;
    return syscall(SYS_getppid) > 0;
}

TEST(no_system_calls)
{
    int sprung = in_a_cage(calls_the_system, NULL, 0, 0);
    if (sprung == 77) SKIP("this system has no seccomp");
    CHECK(sprung > SPRUNG);
    for (int k = 0; k < MODELS; k++)
        for (int64_t rows = 1; rows <= 33; rows += 16) {
            cn_ctx    *c = cn_open(.threads = 1);
            cn_runner *r = prepare(c, k, rows, 1);
            CHECK(predict(r, k, rows));
            CHECK_INT(in_a_cage(predict, r, k, rows), 0);
            cn_close(c);
        }
}
#else
TEST(no_system_calls) { SKIP("only Linux has seccomp, and no thread but the caged one may be there"); }
#endif

CHECK_MAIN
