/* backend.c: a backend of the test's own: what prepare() is given, reps and tasks, where stop is looked at, and the
   backends that are built in. */
#include "rig.h"

enum { REPS = 4, TASKS = 3 };
typedef struct probe { void *a, *b, *c, *unwanted; atomic_int *stop; int *ran; } probe;
static int ran, commit_ran;
static atomic_int *stop_at_once;

static void work(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    const probe *p = args;
    CHECK(rep < REPS && task < TASKS && lane->scratch && lane->scratch_size >= 1000);
    CHECK(p->a && p->b && p->a == p->c && !p->unwanted);
    CHECK((char *)p->a + 100 <= (char *)p->b || (char *)p->b + 100 <= (char *)p->a);
    ++*p->ran;
    if (stop_at_once) atomic_store(stop_at_once, 1);
}

static const char *supports(const cn_graph *g, const cn__inst *i) { return (void)g, (void)i, NULL; }

static bool prepare(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    if (i->op == CN__OP_SORT) {
        cn__prep_fail(p, CN_E_UNSUPPORTED, "no %s today", cn__ops[i->op].name);
        return false;
    }
    probe *a = cn__prep_call(p, work, "probe", sizeof *a, REPS, TASKS);
    if (!a) return false;
    a->ran = cn__prep_in_place(p, i->out) ? &commit_ran : &ran;
    cn__prep_temp(p, &a->a, 40, 0), cn__prep_temp(p, &a->b, 100, 1), cn__prep_temp(p, &a->c, 100, 0);
    if (i->op == CN__OP_DENSE_GRAD) {
        CHECK(!cn__prep_wanted(p, i->out) && cn__prep_wanted(p, i->out + 1));
        cn__prep_ptr(p, &a->unwanted, i->out);
    }
    cn__prep_lane(p, 1000);
    cn__prep_name(p, "as it happens");
    return (void)g, true;
}
static const cn__backend own = { .name = "own", .supports = supports, .prepare = prepare };

static rig begin(int threads)
{
    rig r = rig_open("ref", threads);
    r.backend = &own, ran = commit_ran = 0, stop_at_once = NULL;
    return r;
}

static void graph(rig *r)
{
    static const float w0[] = { 1, 1 }, rate[] = { 1 };
    cn__val w = cn__variable(r->g, rig_var(r, "w", CN_FLOAT32, DIMS(1, 2), w0)), out;
    cn__val lr = cn__variable(r->g, rig_var(r, "rate", CN_FLOAT32, 0, NULL, rate));
    cn__val x = cn__reshape(r->g, w, DIMS(2, 1)), y = cn__dense(r->g, x, w, 0, CN__ACT_TANH);
    cn__val in[] = { x, w, y, y }, grad[3];
    cn__a_dense a = { .act = CN__ACT_TANH };
    cn__emit(r->g, CN__OP_DENSE_GRAD, &a, sizeof a, 4, in, 3, grad);
    cn__a_sgd s = { 0 };
    cn__emit(r->g, CN__OP_SGD, &s, sizeof s, 3, (const cn__val[]){ w, grad[1], lr }, 1, &out);
    cn__assign_var(r->g, r->var[0], out, 0);
}

static void reps(int threads)
{
    rig r = begin(threads);
    graph(&r);
    RIG_LINK(l, r)
    CHECK_INT(rig_run(&r, l, 1, 0), CN__RUN_DONE);
    CHECK_INT(ran, 2 * REPS * TASKS);                    /* DENSE and its gradient; the reshape is no call */
    CHECK_INT(commit_ran, REPS * TASKS);
    cn__text t = { .ctx = r.ctx };
    cn__explain(l->plan, &t);
    CHECK_STR(cn__text_get(&t), "probe                    4 x 3 float32[2,2] as it happens\n");
    cn__text_free(&t);
    rig_close(&r);
}
TEST(reps_and_tasks) { reps(0), reps(1); }

static void stops(int threads)
{
    rig r = begin(threads);
    graph(&r);
    RIG_LINK(l, r)
    stop_at_once = &r.e.stop;
    CHECK_INT(rig_run(&r, l, 1, 0), CN__RUN_STOPPED);
    CHECK_INT(ran, TASKS);                               /* the rep that was under way, and no more */
    CHECK_INT(commit_ran, 0);
    rig_close(&r);
}
TEST(stop_between_reps) { stops(0), stops(1); }

static cn__exec *committing;
static void stop_in_commit(const void *args, uint32_t rep, uint32_t task, cn__lane *lane)
{
    (void)args, (void)rep, (void)task, (void)lane;
    commit_ran++;
    atomic_store(&committing->stop, 1);
}
static bool prepare_stop(cn__prep *p, const cn_graph *g, const cn__inst *i)
{
    return (void)g, (void)i,
           cn__prep_call(p, stop_in_commit, "stop", 1, cn__prep_in_place(p, i->out) ? REPS : 0, TASKS);
}

/* What has begun to be written is written whole. */
TEST(stop_in_commit_comes_after_it)
{
    static const cn__backend late = { .name = "late", .supports = supports, .prepare = prepare_stop };
    for (int threads = 0; threads < 2; threads++) {
        rig r = begin(threads);
        r.backend = &late, committing = &r.e;
        graph(&r);
        RIG_LINK(l, r)
        CHECK_INT(rig_run(&r, l, 2, 0), CN__RUN_STOPPED);
        CHECK_INT(commit_ran, REPS * TASKS);
        rig_close(&r);
    }
}

static int merged[8], nmerged;
static bool prepare_merged(cn__prep *p, const cn_graph *g, const cn__inst *const *inst, int n)
{
    CHECK(inst[0]->op == inst[n - 1]->op);
    merged[nmerged++] = n;
    return (void)g, cn__prep_call(p, work, "merged", sizeof(probe), 0, 0) != NULL;
}

TEST(updates_of_one_kind_are_merged)
{
    static const cn__backend merging = { .name = "merging", .supports = supports, .prepare = prepare,
                                         .prepare_updates = prepare_merged };
    static const float w0[] = { 1, 1 }, rate[] = { 1 };
    rig r = begin(0);
    r.backend = &merging, nmerged = 0;
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(2));
    cn__val lr = cn__variable(r.g, rig_var(&r, "rate", CN_FLOAT32, 0, NULL, rate)), d = cn__input(r.g, &t, "d"), out;
    for (int k = 0; k < 5; k++) {
        cn__var *w = rig_var(&r, "w", CN_FLOAT32, DIMS(2), w0);
        cn__a_sgd a = { .weight_decay = k == 3 ? 0.1 : 0 };
        cn__val  v = cn__variable(r.g, w);
        cn__emit(r.g, CN__OP_SGD, &a, sizeof a, 3, (const cn__val[]){ v, d, lr }, 1, &out);
        cn__assign_var(r.g, w, out, 0);
    }
    RIG_LINK(l, r)
    CHECK_INT(l->plan->ncompute + l->plan->ncommit, nmerged);
    CHECK(nmerged == 2 && merged[0] == 4 && merged[1] == 1);
    rig_close(&r);
}

TEST(a_backend_that_fails)
{
    rig r = begin(0);
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(3));
    cn__val places;
    cn__root(r.g, cn__sort(r.g, cn__input(r.g, &t, "x"), 0, false, &places));
    CHECK(!rig_link(&r));
    CHECK_STR(cn_error_message(r.ctx), "no sort today");
    CHECK_INT(cn_error(r.ctx), CN_E_UNSUPPORTED);
    rig_close(&r);
}

TEST(a_graph_that_failed)
{
    rig r = begin(0);
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(3)), u = cn__type_make(CN_FLOAT32, DIMS(4));
    cn__root(r.g, cn__add(r.g, cn__input(r.g, &t, "x"), cn__input(r.g, &u, "y")));
    CHECK(!cn__plan_make(r.ctx, &own, r.g));
    CHECK_STR(cn_error_message(r.ctx), "add");
    rig_close(&r);
}

TEST(built_in)
{
    CHECK(cn__backend_at(0) == cn__backend_find("cpu"));
    CHECK(cn__backend_find("ref") && cn__backend_find("null") && !cn__backend_find("cuda"));
    int n = 0;
    while (cn__backend_at(n)) n++;
    CHECK_INT(n, 3);
    CHECK(!cn__backend_at(-1));
}

/* null: all of the way, and nothing in it. */
TEST(null)
{
    rig r = rig_open("null", 0);
    graph(&r);
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(2));
    cn__root(r.g, cn__feed_batch(r.g, 1, &t));
    RIG_LINK(l, r)
    CHECK_INT(r.e.nfeeds, 2);
    CHECK_INT(rig_run(&r, l, 1, 2), CN__RUN_DONE);
    CHECK_INT(r.e.feeds[1].cursor, 2);
    CHECK_NEAR(((float *)r.var[0]->master)[0], 1, 0);
    rig_close(&r);
}

CHECK_MAIN
