/* train.c: whole training steps by hand-built graphs: XOR on every backend, the same bits however many threads there
   are, in whatever order the tasks come, and for a plan that shows everything; mirrors; every allocation failing. */
#include "rig.h"
#include "fail/alloc.h"
#include "base/philox.h"
#include <pthread.h>

static const float xor_x[] = { 0, 0, 0, 1, 1, 0, 1, 1 }, xor_y[] = { 0, 1, 1, 0 };

static void start(float *w, size_t n, uint64_t stream)
{
    for (size_t i = 0; i < n; i++) w[i] = (float)cn__normal_of(cn__random_bits(3, stream, 0, i)) * 0.6f;
}

static cn__var *weights(rig *r, const char *path, int rank, const int64_t *dim)
{
    cn__var *v = rig_var(r, path, CN_FLOAT32, rank, dim, NULL);
    if (v) start(v->master, cn__type_bytes(&v->type) / sizeof(float), (uint64_t)r->nvars);
    return v;
}

static void sgd(rig *r, int n, cn__val loss, cn__var *const *var)
{
    cn__val x[8], d[8], out, rate = cn__variable(r->g, r->var[0]);
    cn__a_sgd a = { 0 };
    for (int k = 0; k < n; k++) x[k] = cn__variable(r->g, var[k]);
    cn__gradient(r->g, loss, 0, n, x, d);
    for (int k = 0; k < n; k++) {
        cn__val in[] = { x[k], d[k], rate };
        cn__emit(r->g, CN__OP_SGD, &a, sizeof a, 3, in, 1, &out);
        cn__assign_var(r->g, var[k], out, 0);
    }
}

/* inputs-hidden-outputs, tanh and sigmoid, mean squared error, SGD; batches from feeds 0 and 1; loss is the first root.
   everything: all values are roots as well. The variables: rate, W1, b1, W2, b2. */
typedef struct net { int64_t in, hidden, out, batch; float rate; bool everything; } net;

static void make_vars(rig *r, const net *m)
{
    rig_var(r, "rate", CN_FLOAT32, 0, NULL, &m->rate);
    weights(r, "W1", DIMS(m->in, m->hidden)), weights(r, "b1", DIMS(m->hidden));
    weights(r, "W2", DIMS(m->hidden, m->out)), weights(r, "b2", DIMS(m->out));
}

static cn__linked *make_step(rig *r, const net *m)
{
    cn_graph *g = r->g;
    cn__type tx = cn__type_make(CN_FLOAT32, DIMS(m->batch, m->in)),
             ty = cn__type_make(CN_FLOAT32, DIMS(m->batch, m->out));
    if (r->nvars < 5) return NULL;
    cn__val x = cn__feed_batch(g, 0, &tx), y = cn__feed_batch(g, 1, &ty);
    cn__val h = cn__dense(g, x, cn__variable(g, r->var[1]), cn__variable(g, r->var[2]), CN__ACT_TANH);
    cn__val p = cn__dense(g, h, cn__variable(g, r->var[3]), cn__variable(g, r->var[4]), CN__ACT_SIGMOID);
    cn__val loss = cn__reduce_all(g, CN__OP_MEAN, cn__b1(g, CN__OP_SQUARE, cn__sub(g, p, y)));
    cn__root(g, loss), cn__check_finite(g, loss);
    sgd(r, 4, loss, r->var + 1);
    for (size_t k = 1, n = g->insts.n; m->everything && k < n; k++)
        for (int j = 0; j < g->insts.at[k].nout; j++) cn__root(g, g->insts.at[k].out + (cn__val)j);
    return rig_link(r);
}

static void give(rig *r, const float *x, const float *y, const net *m)
{
    r->e.feeds[0] =
        (cn__feed){ .base = x, .row_bytes = (size_t)m->in * 4, .dtype = CN_FLOAT32, .rows = (uint64_t)m->batch };
    r->e.feeds[1] =
        (cn__feed){ .base = y, .row_bytes = (size_t)m->out * 4, .dtype = CN_FLOAT32, .rows = (uint64_t)m->batch };
}

static int go_on(void *user, uint64_t epoch) { return (void)user, (void)epoch, 0; }

static void learn_xor(const char *backend)
{
    const net m = { 2, 8, 1, 4, 2, false };
    rig r = rig_open(backend, 0);
    make_vars(&r, &m);
    cn__linked *l = make_step(&r, &m);
    if (!l) {
        CHECK_FAIL("%s: %s", backend, cn_error_message(r.ctx));
        rig_close(&r);
        return;
    }
    give(&r, xor_x, xor_y, &m);
    uint64_t epochs = 0;
    cn__leg  leg = { l, 1, 4 };
    CHECK_INT(rig_run(&r, l, 1, 0), CN__RUN_DONE);
    float first = rig_root(&r, l, 0)[0];
    CHECK_INT(cn__run_epochs(&r.e, &leg, 1, 4000, go_on, NULL, &epochs, 0), CN__RUN_DONE);
    CHECK_INT(epochs, 4000);
    CHECK(first > 0.1f && rig_root(&r, l, 0)[0] < 0.01f);
    rig_close(&r);
}
TEST(xor) { learn_xor("ref"), learn_xor("cpu"); }

/* ---- The same bits ----------------------------------------------------------------------------------------------- */
typedef struct bits { float loss, w1[70 * 96], w2[96 * 40]; } bits;
static bits *train(const char *backend, int threads, bool everything, bits *b)
{
    const net m = { 70, 96, 40, 66, 0.3f, everything };
    static float x[66 * 70], y[66 * 40];
    rig r = rig_open(backend, threads);
    start(x, CN__COUNT(x), 91), start(y, CN__COUNT(y), 92);
    make_vars(&r, &m);
    cn__linked *l = make_step(&r, &m);
    memset(b, 0, sizeof *b);
    if (l) {
        give(&r, x, y, &m);
        CHECK_INT(rig_run(&r, l, 6, 0), CN__RUN_DONE);
        b->loss = rig_root(&r, l, 0)[0];
        memcpy(b->w1, cn__var_master(r.var[1]), sizeof b->w1), memcpy(b->w2, cn__var_master(r.var[3]), sizeof b->w2);
    } else CHECK_FAIL("%s", cn_error_message(r.ctx));
    rig_close(&r);
    return b;
}

static bits one, other;
TEST(threads)
{
    train("cpu", 0, false, &one);
    CHECK(one.loss > 0);
    for (int n = 1; n <= 4; n++) CHECK(!memcmp(&one, train("cpu", n, false, &other), sizeof one));
}

TEST(tasks_in_other_orders)
{
    train("cpu", 2, false, &one);
    for (int k = 0; k < 2; k++) {
        setenv("CN_TASKS", k ? "random" : "reverse", 1);
        CHECK(!memcmp(&one, train("cpu", 2, false, &other), sizeof one));
    }
    unsetenv("CN_TASKS");
}

TEST(a_plan_that_shows_everything)
{
    CHECK(!memcmp(train("cpu", 0, false, &one), train("cpu", 2, true, &other), sizeof one));
    CHECK(!memcmp(train("ref", 0, false, &one), train("ref", 0, true, &other), sizeof one));
}

TEST(the_processor_s_kernels_and_the_reference)
{
    train("ref", 0, false, &one), train("cpu", 0, false, &other);
    CHECK_NEAR(one.loss, other.loss, 1e-5);
    for (size_t i = 0; i < CN__COUNT(one.w1); i++) CHECK_NEAR(one.w1[i], other.w1[i], 1e-4);
}

/* ---- Mirrors ----------------------------------------------------------------------------------------------------- */
/* y = x W for a W of 40 x 70, large enough for packed panels; x: a row of ones, then zeros. */
static cn__linked *make_predict(rig *r, cn__var *w)
{
    float x[5 * 40] = { 0 };
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(5, 40));
    for (int i = 0; i < 40; i++) x[i] = 1;
    cn__root(r->g, cn__matmul(r->g, cn__constant(r->g, &t, x), cn__variable(r->g, w), false, false));
    return rig_link(r);
}

static cn__linked *make_double(rig *r, cn__var *w)
{
    cn__assign_var(r->g, w, cn__scale(r->g, cn__variable(r->g, w), 2), 0);
    return rig_link(r);
}

static float sum_of_column(const cn__var *w)
{
    float sum = 0;
    for (int k = 0; k < 40; k++) sum += ((const float *)w->master)[k * 70 + 69];
    return sum;
}

TEST(mirrors_follow)
{
    rig r = rig_open("cpu", 0);
    cn__var *w = weights(&r, "w", DIMS(40, 70));
    cn__linked *early = make_double(&r, w);              /* made when there is no mirror yet: does not write it */
    cn__linked *predict = make_predict(&r, w), *late = make_double(&r, w);
    CHECK(early && predict && late && w->mirrors == 1);
    const cn__leg legs[] = { { early, 1, 0 }, { predict, 1, 0 }, { late, 2, 0 }, { predict, 1, 0 } };
    for (int k = 0; k < 4; k++) {
        uint64_t done = 0;
        CHECK_INT(cn__run_legs(&r.e, legs, 4, &done, UINT64_MAX, 0), CN__RUN_DONE);
        CHECK_NEAR(rig_root(&r, predict, 0)[69] / sum_of_column(w), 1, 1e-4);
        ((float *)w->master)[69] += 1000;
        cn__var_touch(w);
        rig_run(&r, predict, 1, 0);
        CHECK_NEAR(rig_root(&r, predict, 0)[69] / sum_of_column(w), 1, 1e-4);
        CHECK_NEAR(rig_root(&r, predict, 0)[70], 0, 0);
    }
    rig_close(&r);
}

/* A step that is not committed leaves version and mirrors as they are. */
TEST(mirrors_stay)
{
    rig r = rig_open("cpu", 0);
    cn__var *w = weights(&r, "w", DIMS(40, 70));
    cn__linked *predict = make_predict(&r, w), *twice = make_double(&r, w);
    rig_run(&r, predict, 1, 0);
    uint64_t version = w->version;
    atomic_store(&r.e.stop, 1);
    CHECK_INT(rig_run(&r, twice, 1, 0), CN__RUN_STOPPED);
    CHECK_INT(w->version, version);
    atomic_store(&r.e.stop, 0);
    rig_run(&r, twice, 1, 0);
    CHECK(w->version > version && w->mirror[0].version == w->version);
    rig_close(&r);
}

/* Threads that predict with one plan, each with its runner, bring a stale mirror up to date together. */
typedef struct reader { cn__exec e; cn__linked *l; float last; } reader;
static void *read_often(void *with)
{
    reader *t = with;
    uint64_t done = 0;
    cn__run_legs(&t->e, &(cn__leg){ t->l, 100, 0 }, 1, &done, UINT64_MAX, 0);
    t->last = ((const float *)cn__linked_root(&t->e, t->l, 0))[69];
    return NULL;
}

TEST(two_runners)
{
    rig r = rig_open("cpu", 0);
    cn__var *w = weights(&r, "w", DIMS(40, 70));
    cn__linked *predict = make_predict(&r, w);
    reader    t[2];
    pthread_t thread[2];
    for (int k = 0; k < 2; k++) {
        cn__exec_open(&t[k].e, r.ctx, NULL);
        CHECK((t[k].l = cn__link(&t[k].e, predict->plan)) != NULL);
    }
    for (int round = 0; round < 3; round++) {
        ((float *)w->master)[69] += 1;
        cn__var_touch(w);
        for (int k = 0; k < 2; k++) CHECK(!pthread_create(&thread[k], NULL, read_often, &t[k]));
        for (int k = 0; k < 2; k++) pthread_join(thread[k], NULL);
        CHECK(!memcmp(&t[0].last, &t[1].last, sizeof t->last));
        CHECK_NEAR(t[0].last / sum_of_column(w), 1, 1e-4);
    }
    for (int k = 0; k < 2; k++) cn__unlink(&t[k].e, t[k].l), cn__exec_close(&t[k].e);
    rig_close(&r);
}

/* ---- Explain ----------------------------------------------------------------------------------------------------- */
TEST(explain)
{
    const net m = { 2, 8, 1, 4, 2, false };
    rig r = rig_open("ref", 0);
    make_vars(&r, &m);
    cn__origin(r.g, "first");
    cn__linked *l = make_step(&r, &m);
    cn__text t = { .ctx = r.ctx };
    cn__explain(l->plan, &t);
    CHECK_STR(cn__text_get(&t), "backend ref, arena ");
    CHECK_STR(cn__text_get(&t), "matmul           reference                float32[4,8] [first]\n");
    CHECK_STR(cn__text_get(&t), "commit\n");
    CHECK_STR(cn__text_get(&t), "subtract         assign ");
    CHECK_STR(cn__text_get(&t), "dense expanded: composite [first]\n");
    cn__text_free(&t);
    rig_close(&r);
}

/* ---- Without memory ---------------------------------------------------------------------------------------------- */
static void without_memory(const char *backend, bool for_good)
{
    const net m = { 2, 8, 1, 4, 2, true };
    for (long n = 1;; n++) {
        fail_alloc a = { .at = n, .for_good = for_good };
        rig r = { .ctx = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1), .backend = cn__backend_find(backend) };
        cn__linked *l = NULL;
        if (r.ctx && !cn_error(r.ctx)) {
            r.g = cn__graph_new(r.ctx), r.names.ctx = r.ctx;
            cn__exec_open(&r.e, r.ctx, NULL);
            make_vars(&r, &m);
            if (!cn__bad(r.g)) l = make_step(&r, &m);
            if (l) {
                give(&r, xor_x, xor_y, &m);
                CHECK_INT(rig_run(&r, l, 2, 0), CN__RUN_DONE);
            } else CHECK(a.failed && (r.nvars < 5 || cn_error(r.ctx) == CN_E_NOMEM));
            rig_close(&r);
        } else CHECK(cn_close(r.ctx) || !r.ctx);
        if (a.blocks || a.bytes) CHECK_FAIL("call %ld: %ld blocks, %zu bytes left", n, a.blocks, a.bytes);
        if (!a.failed) {
            CHECK(l != NULL);
            break;
        }
    }
}
TEST(every_allocation_fails)
{
    without_memory("ref", false), without_memory("cpu", false), without_memory("cpu", true);
}

CHECK_MAIN
