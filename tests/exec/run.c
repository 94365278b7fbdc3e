/* run.c: plans and the run loop on the reference backend, against figures by hand: what a step gives and writes, and
   when it writes nothing. */
#include "rig.h"
#include <math.h>

/* ---- Values ------------------------------------------------------------------------------------------------------ */
TEST(a_layer)
{
    static const float w[] = { 1, 2, 3, 4, 5, 6 }, b[] = { 0.5f, -100, 1 }, x[] = { 1, 1, 2, -1 };
    rig r = rig_open("ref", 0);
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(2, 2));
    cn__val in = cn__input(r.g, &t, "x");
    cn__val wv = cn__variable(r.g, rig_var(&r, "w", CN_FLOAT32, DIMS(2, 3), w));
    cn__val bv = cn__variable(r.g, rig_var(&r, "b", CN_FLOAT32, DIMS(3), b));
    cn__root(r.g, cn__dense(r.g, in, wv, bv, CN__ACT_RELU));
    RIG_LINK(l, r)
    memcpy(cn__linked_input(&r.e, l, 0), x, sizeof x);
    CHECK_INT(rig_run(&r, l, 1, 0), CN__RUN_DONE);
    static const float y[] = { 5.5f, 0, 10, 0, 0, 1 };
    for (int i = 0; i < 6; i++) CHECK_NEAR(rig_root(&r, l, 0)[i], y[i], 0);
    CHECK_INT(cn__plan_roots(l->plan), 1);
    rig_close(&r);
}

TEST(outputs_of_every_kind)
{
    static const float w[] = { 1, 2 }, k[] = { 7, 8 };
    rig r = rig_open("ref", 0);
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(2));
    cn__val x = cn__input(r.g, &t, "x"), c = cn__constant(r.g, &t, k);
    cn__var *wv = rig_var(&r, "w", CN_FLOAT32, DIMS(2), w);
    cn__val v = cn__variable(r.g, wv), y = cn__add(r.g, x, v);
    cn__root(r.g, c), cn__root(r.g, v), cn__root(r.g, x), cn__root(r.g, y), cn__root(r.g, y);
    cn__root(r.g, cn__reshape(r.g, c, DIMS(2, 1))), cn__root(r.g, cn__reshape(r.g, v, DIMS(1, 2)));
    cn__root(r.g, cn__reshape(r.g, y, DIMS(1, 2, 1)));
    cn__assign_var(r.g, wv, y, 0);
    RIG_LINK(l, r)
    ((float *)cn__linked_input(&r.e, l, 0))[0] = 10, ((float *)cn__linked_input(&r.e, l, 0))[1] = 20;
    for (int step = 1; step <= 2; step++) {
        CHECK_INT(rig_run(&r, l, 1, 0), CN__RUN_DONE);
        float before = step == 1 ? 2 : 22;
        const float wanted[] = { 8, before, 20, before + 20, before + 20, 8, before, before + 20 };
        for (uint32_t i = 0; i < CN__COUNT(wanted); i++) CHECK_NEAR(rig_root(&r, l, i)[1], wanted[i], 0);
        CHECK_NEAR(((float *)wv->master)[1], before + 20, 0);
    }
    rig_close(&r);
}

TEST(empty_tensors)
{
    rig r = rig_open("ref", 0);
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(0, 3));
    cn__val x = cn__input(r.g, &t, "x");
    cn__root(r.g, cn__b1(r.g, CN__OP_EXP, x)), cn__root(r.g, cn__reduce_all(r.g, CN__OP_SUM, x));
    RIG_LINK(l, r)
    CHECK_INT(rig_run(&r, l, 1, 0), CN__RUN_DONE);
    CHECK_NEAR(rig_root(&r, l, 1)[0], 0, 0);
    rig_close(&r);
}

TEST(nothing_at_all)
{
    rig r = rig_open("ref", 0);
    RIG_LINK(l, r)
    CHECK_INT(rig_run(&r, l, 3, 0), CN__RUN_DONE);
    CHECK_INT(cn__run_legs(&r.e, NULL, 0, &(uint64_t){ 0 }, 1, 0), CN__RUN_DONE);
    rig_close(&r);
}

/* ---- Writes ------------------------------------------------------------------------------------------------------ */
TEST(variables_change_places)
{
    static const float a[] = { 1 }, b[] = { 2 };
    rig r = rig_open("ref", 0);
    cn__var *va = rig_var(&r, "a", CN_FLOAT32, DIMS(1), a), *vb = rig_var(&r, "b", CN_FLOAT32, DIMS(1), b);
    cn__val x = cn__variable(r.g, va), y = cn__variable(r.g, vb);
    cn__assign_var(r.g, va, y, 0), cn__assign_var(r.g, vb, x, 0);
    RIG_LINK(l, r)
    CHECK_INT(rig_run(&r, l, 3, 0), CN__RUN_DONE);
    CHECK_NEAR(*(float *)va->master, 2, 0);
    CHECK_NEAR(*(float *)vb->master, 1, 0);
    rig_close(&r);
}

static void guarded(cn_dtype d)
{
    static const int32_t zero[2];
    rig r = rig_open("ref", 0);
    cn__var *n = rig_var(&r, "n", CN_INT32, 0, NULL, zero), *w = rig_var(&r, "w", CN_FLOAT32, DIMS(1), zero);
    cn__val now = cn__variable(r.g, n), three = cn__scalar(r.g, CN_INT32, 3);
    cn__val next = cn__add(r.g, now, cn__scalar(r.g, CN_INT32, 1));
    cn__val every = cn__b2(r.g, CN__OP_EQ, cn__b2(r.g, CN__OP_MOD, next, three), cn__scalar(r.g, CN_INT32, 0));
    cn__assign_var(r.g, w, cn__affine(r.g, cn__variable(r.g, w), 1, 1), cn__cast(r.g, every, d));
    cn__assign_var(r.g, n, next, 0);
    RIG_LINK(l, r)
    CHECK_INT(rig_run(&r, l, 8, 0), CN__RUN_DONE);
    CHECK_INT(*(int32_t *)n->master, 8);
    CHECK_NEAR(*(float *)w->master, 2, 0);               /* at steps 3 and 6 */
    rig_close(&r);
}
TEST(guards) { guarded(CN_BOOL), guarded(CN_INT32); }

/* A guard that is itself a variable, written in the same step: what it was before counts. */
TEST(a_guard_that_is_written)
{
    static const int32_t on[] = { 1 };
    static const float   zero[] = { 0 };
    rig r = rig_open("ref", 0);
    cn__var *open = rig_var(&r, "open", CN_INT32, 0, NULL, on), *w = rig_var(&r, "w", CN_FLOAT32, DIMS(1), zero);
    cn__val guard = cn__variable(r.g, open);
    cn__assign_var(r.g, open, cn__scalar(r.g, CN_INT32, 0), 0);
    cn__assign_var(r.g, w, cn__affine(r.g, cn__variable(r.g, w), 1, 1), guard);
    RIG_LINK(l, r)
    rig_run(&r, l, 5, 0);
    CHECK_NEAR(*(float *)w->master, 1, 0);
    rig_close(&r);
}

/* SGD in place on w and v, while a copy of the old w goes elsewhere. */
static void momentum(const char *backend)
{
    static const float w0[] = { 1, 2 }, zero[] = { 0, 0 }, rate[] = { 0.5f };
    rig r = rig_open(backend, 0);
    cn__var *w = rig_var(&r, "w", CN_FLOAT32, DIMS(2), w0), *v = rig_var(&r, "v", CN_FLOAT32, DIMS(2), zero),
            *lr = rig_var(&r, "rate", CN_FLOAT32, 0, NULL, rate), *old = rig_var(&r, "old", CN_FLOAT32, DIMS(2), zero);
    cn__val wv = cn__variable(r.g, w), out[2], in[] = { wv, cn__variable(r.g, v), wv, cn__variable(r.g, lr) };
    cn__a_sgd a = { .momentum = 0.5 };
    in[2] = cn__scale(r.g, wv, 2);                       /* the gradient of w^2 */
    cn__emit(r.g, CN__OP_SGD, &a, sizeof a, 4, in, 2, out);
    cn__assign_var(r.g, w, out[0], 0), cn__assign_var(r.g, v, out[1], 0), cn__assign_var(r.g, old, wv, 0);
    RIG_LINK(l, r)
    rig_run(&r, l, 2, 0);                                /* v: -1, -0.5 - 0; w: 0, -0.5 */
    CHECK_NEAR(((float *)w->master)[0], -0.5, 1e-6);
    CHECK_NEAR(((float *)v->master)[0], -0.5, 1e-6);
    CHECK_NEAR(((float *)old->master)[0], 0, 1e-6);
    CHECK_NEAR(((float *)w->master)[1], -1, 1e-6);
    rig_close(&r);
}
TEST(an_update_in_place) { momentum("ref"), momentum("cpu"); }

TEST(the_runner_s_own_variables)
{
    static const float zero[] = { 5 };
    rig r = rig_open("ref", 0);
    cn__var *s = rig_var(&r, "state", CN_FLOAT32, DIMS(1), zero);
    s->scope = CN__SCOPE_RUNNER;
    cn__val next = cn__affine(r.g, cn__variable(r.g, s), 1, 1);
    cn__assign_var(r.g, s, next, 0), cn__root(r.g, next);
    RIG_LINK(l, r)
    cn__exec other;
    cn__exec_open(&other, r.ctx, NULL);
    cn__linked *m = cn__link(&other, l->plan);
    rig_run(&r, l, 3, 0);
    cn__run_legs(&other, &(cn__leg){ m, 1, 0 }, 1, &(uint64_t){ 0 }, 9, 0);
    CHECK_NEAR(rig_root(&r, l, 0)[0], 8, 0);
    CHECK_NEAR(*(float *)cn__linked_root(&other, m, 0), 6, 0);
    CHECK_NEAR(*(float *)s->master, 5, 0);
    CHECK_INT(s->version, 1);
    cn__unlink(&other, m);
    cn__exec_close(&other);
    rig_close(&r);
}

/* ---- A step that did not happen ---------------------------------------------------------------------------------- */
static cn__linked *counting(rig *r, cn__var **n, cn__val (*loss)(cn_graph *, cn__val x))
{
    static const float zero[] = { 0 };
    *n = rig_var(r, "n", CN_FLOAT32, 0, NULL, zero);
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(2));
    cn__val x = cn__feed_batch(r->g, 0, &t);
    cn__check_finite(r->g, loss(r->g, x));
    cn__assign_var(r->g, *n, cn__affine(r->g, cn__variable(r->g, *n), 1, 1), 0);
    return rig_link(r);
}

static cn__val log_sum(cn_graph *g, cn__val x)
{
    cn__origin(g, "loss");
    return cn__reduce_all(g, CN__OP_SUM, cn__b1(g, CN__OP_LOG, x));
}

static cn__val taken(cn_graph *g, cn__val x)
{
    static const float table[] = { 1, 2, 3 };
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(3));
    return cn__reduce_all(g, CN__OP_SUM, cn__gather(g, cn__constant(g, &t, table), cn__cast(g, x, CN_INT32), 0));
}

TEST(not_finite)
{
    static const float rows[] = { 1, 2, 3, 0, 1, 2 };
    rig r = rig_open("ref", 0);
    cn__var *n;
    cn__linked *l = counting(&r, &n, log_sum);
    r.e.feeds[0] = (cn__feed){ .base = rows, .row_bytes = 4, .dtype = CN_FLOAT32, .rows = 6 };
    CHECK_INT(rig_run(&r, l, 3, 2), CN__RUN_NONFINITE);
    CHECK_NEAR(*(float *)n->master, 1, 0);               /* the first step happened, the second did not */
    CHECK_INT(r.e.feeds[0].cursor, 2);
    CHECK_INT(l->plan->graph->insts.at[r.e.fault_inst].op, CN__OP_SUM);
    r.e.feeds[0].cursor = 4;
    CHECK_INT(rig_run(&r, l, 1, 2), CN__RUN_DONE);
    CHECK_NEAR(*(float *)n->master, 2, 0);
    rig_close(&r);
}

TEST(fault)
{
    static const float rows[] = { 1, 2, 0, 3 };
    rig r = rig_open("ref", 0);
    cn__var *n;
    cn__linked *l = counting(&r, &n, taken);
    r.e.feeds[0] = (cn__feed){ .base = rows, .row_bytes = 4, .dtype = CN_FLOAT32, .rows = 4 };
    CHECK_INT(rig_run(&r, l, 2, 2), CN__RUN_FAULT);
    CHECK_INT(l->plan->graph->insts.at[r.e.fault_inst].op, CN__OP_GATHER);
    CHECK_INT(atomic_load(&r.e.fault), CN__FAULT_INDEX);
    CHECK_NEAR(*(float *)n->master, 1, 0);
    CHECK_INT(r.e.feeds[0].cursor, 2);
    r.e.feeds[0].cursor = 0;
    CHECK_INT(rig_run(&r, l, 1, 2), CN__RUN_DONE);       /* the next run begins without it */
    rig_close(&r);
}

TEST(stop)
{
    static const float rows[] = { 1, 2, 3, 4 };
    rig r = rig_open("ref", 0);
    cn__var *n;
    cn__linked *l = counting(&r, &n, taken);
    r.e.feeds[0] = (cn__feed){ .base = rows, .row_bytes = 4, .dtype = CN_FLOAT32, .rows = 4 };
    atomic_store(&r.e.stop, 1);
    CHECK_INT(rig_run(&r, l, 2, 2), CN__RUN_STOPPED);
    CHECK_NEAR(*(float *)n->master, 0, 0);
    CHECK_INT(r.e.feeds[0].cursor, 0);
    atomic_store(&r.e.stop, 0);
    CHECK_INT(rig_run(&r, l, 1, 2), CN__RUN_DONE);
    rig_close(&r);
}

/* ---- Denormals --------------------------------------------------------------------------------------------------- */
/* Products of numbers near the end of the range: 1 where one of them is not zero. In more tasks than threads. */
static bool leaves_denormals(rig *r, cn__linked *l)
{
    const float *y = rig_root(r, l, 0);
    for (int64_t i = 0; i < cn__type_count(cn__type_of(l->plan->graph, l->plan->graph->roots.at[0])); i++)
        if (y[i] != 0) return true;
    return false;
}

static bool keeps_denormals(void)
{
    volatile float tiny = 1e-38f;
    tiny = tiny * 0.01f;
    return tiny != 0;
}

TEST(denormals)
{
#if defined __x86_64__ || defined __aarch64__
    for (int threads = 0; threads <= 3; threads++) {
        rig r = rig_open("cpu", threads);
        cn__type t = cn__type_make(CN_FLOAT32, DIMS(1 << 18));
        cn__root(r.g, cn__scale(r.g, cn__input(r.g, &t, "x"), 0.01));
        r.e.arena_bytes = 0;
        cn__free(r.ctx, r.e.arena, 1 << 20), r.e.arena = NULL;
        RIG_LINK(l, r)
        CHECK(l->call[0].ntask > 3);
        for (int flushed = 0; flushed < 2; flushed++) {  /* in whatever mode the caller is, it stays so */
            uint32_t mode = flushed ? cn__denormals_off() : 0;
            for (int stopped = 0; stopped < 2; stopped++) {
                float *x = cn__linked_input(&r.e, l, 0);
                for (int64_t i = 0; i < 1 << 18; i++) x[i] = 1.2e-38f;
                atomic_store(&r.e.stop, stopped);
                CHECK_INT(rig_run(&r, l, 1, 0), stopped ? CN__RUN_STOPPED : CN__RUN_DONE);
                CHECK(keeps_denormals() == !flushed);
                if (!stopped) CHECK(!leaves_denormals(&r, l));
            }
            if (flushed) cn__denormals_restore(mode);
        }
        CHECK(keeps_denormals());
        rig_close(&r);
    }
#endif
}

/* ---- Legs and epochs --------------------------------------------------------------------------------------------- */
static cn__linked *summing(rig *r, cn__var *sum, int64_t batch)
{
    cn__type t = cn__type_make(CN_FLOAT64, DIMS(batch));
    cn__val rows = cn__feed_batch(r->g, 0, &t), s = cn__variable(r->g, sum);
    cn__assign_var(r->g, sum, cn__add(r->g, s, cn__reduce_all(r->g, CN__OP_SUM, rows)), 0);
    return rig_link(r);
}

typedef struct tail { cn__var *sum; double seen[4]; uint64_t last; rig *r; } tail;
static int at_tail(void *user, uint64_t epoch)
{
    tail *t = user;
    t->seen[epoch] = *(double *)t->sum->master;
    *(double *)t->sum->master = 0;
    return epoch == t->last;
}

TEST(legs)
{
    static const uint8_t  rows[] = { 1, 2, 4, 8, 16 };
    static const uint32_t order[] = { 4, 3, 2, 1, 0 };
    static const double   zero[1];
    rig r = rig_open("ref", 0);
    cn__var *sum = rig_var(&r, "sum", CN_FLOAT64, 0, NULL, zero);
    cn__linked *two = summing(&r, sum, 2), *one = summing(&r, sum, 1);
    cn__leg leg[] = { { two, 2, 2 }, { one, 1, 1 } };
    r.e.feeds[0] = (cn__feed){ .base = rows, .row_bytes = 1, .dtype = CN_UINT8, .order = order, .rows = 5 };
    uint64_t done = 0;
    CHECK_INT(cn__run_legs(&r.e, leg, 2, &done, 1, 0), CN__RUN_DONE);
    CHECK_INT(done, 1);
    CHECK_NEAR(*(double *)sum->master, 24, 0);
    CHECK_INT(cn__run_legs(&r.e, leg, 2, &done, 1, 0), CN__RUN_DONE);
    CHECK_NEAR(*(double *)sum->master, 30, 0);
    CHECK_INT(cn__run_legs(&r.e, leg, 2, &done, UINT64_MAX, 0), CN__RUN_DONE);
    CHECK_INT(done, 3);
    CHECK_INT(r.e.feeds[0].cursor, 5);
    CHECK_NEAR(*(double *)sum->master, 31, 0);

    *(double *)sum->master = 0;
    tail t = { .sum = sum, .last = 2 };
    uint64_t epochs = 0;
    CHECK_INT(cn__run_epochs(&r.e, leg, 2, 4, at_tail, &t, &epochs, 0), CN__RUN_DONE);
    CHECK_INT(epochs, 3);                                /* the tail of the third said so */
    for (int k = 0; k < 3; k++) CHECK_NEAR(t.seen[k], 31, 0);
    rig_close(&r);
}

TEST(a_deadline_is_looked_at)
{
    static const double zero[1];
    static const float  rows[64];
    rig r = rig_open("ref", 0);
    cn__var *sum = rig_var(&r, "sum", CN_FLOAT64, 0, NULL, zero);
    cn__leg leg = { summing(&r, sum, 1), UINT64_MAX, 0 };
    r.e.feeds[0] = (cn__feed){ .base = rows, .row_bytes = 4, .dtype = CN_FLOAT32, .rows = 64 };
    uint64_t done = 0;
    CHECK_INT(cn__run_legs(&r.e, &leg, 1, &done, UINT64_MAX, cn__now()), CN__RUN_DONE);
    CHECK(done > 0 && done < 1000);
    rig_close(&r);
}

CHECK_MAIN
