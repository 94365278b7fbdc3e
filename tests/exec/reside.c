/* reside.c: weights, slots and gradients that stay in the layout of the products: the same bits as in rows, whoever
   asks for the masters in between; and only where nobody else wants rows. */
#include "rig.h"
#include "base/philox.h"
#include <math.h>
#include <pthread.h>

enum { SLOTS = 3, STEPS = 3 };
typedef union { cn__a_sgd sgd; cn__a_rmsprop rmsprop; cn__a_adam adam; } how;
typedef struct rule { cn__op op; size_t bytes; int slots; how how; } rule;
static const rule rules[] = {
    { CN__OP_SGD, sizeof(cn__a_sgd), 0, { .sgd = { 0 } } },
    { CN__OP_SGD, sizeof(cn__a_sgd), 1, { .sgd = { .momentum = 0.9, .weight_decay = 0.01, .nesterov = 1 } } },
    { CN__OP_RMSPROP, sizeof(cn__a_rmsprop), 1, { .rmsprop = { .rho = 0.9, .epsilon = 1e-7 } } },
    { CN__OP_RMSPROP, sizeof(cn__a_rmsprop), 3, { .rmsprop = { 0.9, 0.5, 1e-7, 0.01, .centered = 1 } } },
    { CN__OP_ADAM, sizeof(cn__a_adam), 2, { .adam = { 0.9, 0.999, 1e-7, 0, 0, 0 } } },
    { CN__OP_ADAM, sizeof(cn__a_adam), 3, { .adam = { 0.9, 0.999, 1e-7, 0.01, .amsgrad = 1 } } },
};

typedef struct net { int64_t in, hidden, out, batch; bool bf16; } net;
static const net nets[] = {
    { 70, 96, 40, 66, false },  { 37, 120, 65, 5, false }, { 2, 64, 127, 3, false },  { 33, 65, 96, 70, false },
    { 70, 96, 250, 66, true },  { 37, 120, 65, 5, true },  { 784, 128, 10, 32, false },
};

/* Rate, step; then W1, W2 and their slots. */
static cn__var *make_vars(rig *r, const net *n, const rule *u)
{
    static const float rate = 0.01f, step = 3;
    rig_var(r, "rate", CN_FLOAT32, 0, NULL, &rate), rig_var(r, "step", CN_FLOAT32, 0, NULL, &step);
    for (int layer = 0; layer < 2; layer++)
        for (int slot = 0; slot <= u->slots; slot++) {
            int64_t  rows = layer ? n->hidden : n->in, cols = layer ? n->out : n->hidden;
            cn__var *v = rig_var(r, layer ? "W2" : "W1", CN_FLOAT32, DIMS(rows, cols), NULL);
            for (int64_t i = 0; v && !slot && i < rows * cols; i++)
                ((float *)v->master)[i] =
                    (float)cn__normal_of(cn__random_bits(3, (uint64_t)layer, 0, (uint64_t)i)) / sqrtf((float)rows);
        }
    return r->nvars == 2 + 2 * (u->slots + 1) ? r->var[2] : NULL;
}

static void update(cn_graph *g, const rule *u, cn__var *const *var, cn__val gradient, cn__val rate, cn__val step)
{
    cn__val in[8], out[4];
    int n = 0;
    for (int k = 0; k <= u->slots; k++) in[n++] = cn__variable(g, var[k]);
    in[n++] = gradient, in[n++] = rate;
    if (u->op == CN__OP_ADAM) in[n++] = step;
    cn__emit(g, u->op, &u->how, u->bytes, n, in, u->slots + 1, out);
    for (int k = 0; k <= u->slots; k++) cn__assign_var(g, var[k], out[k], 0);
}

/* in-hidden-out without biases, mean squared error; root 0: the loss; gradients: roots as well. */
static cn__linked *make_step(rig *r, const net *n, const rule *u, bool gradients)
{
    cn_graph *g = r->g;
    cn__type  tx = cn__type_make(CN_FLOAT32, DIMS(n->batch, n->in));
    cn__type  ty = cn__type_make(CN_FLOAT32, DIMS(n->batch, n->out));
    cn__val   x = cn__feed_batch(g, 0, &tx), y = cn__feed_batch(g, 1, &ty), d[2];
    cn__val   w[2] = { cn__variable(g, r->var[2]), cn__variable(g, r->var[3 + u->slots]) };
    CHECK(!cn__bf16_set(g, n->bf16));
    cn__val h = cn__b1(g, CN__OP_TANH, cn__matmul(g, x, w[0], false, false));
    cn__val off = cn__sub(g, cn__matmul(g, h, w[1], false, false), y);
    cn__val loss = cn__reduce_all(g, CN__OP_MEAN, cn__b1(g, CN__OP_SQUARE, off));
    cn__root(g, loss), cn__check_finite(g, loss);
    cn__gradient(g, loss, 0, 2, w, d);
    for (int k = 0; k < 2; k++) {
        update(g, u, r->var + 2 + k * (u->slots + 1), d[k], cn__variable(g, r->var[0]), cn__variable(g, r->var[1]));
        if (gradients) cn__root(g, d[k]);
    }
    return rig_link(r);
}

static cn__linked *make_double(rig *r)                   /* a plan that reads and writes W1 in rows */
{
    cn__assign_var(r->g, r->var[2], cn__scale(r->g, cn__variable(r->g, r->var[2]), 2), 0);
    return rig_link(r);
}

typedef enum looks { NEVER, EACH_STEP } looks;
typedef struct end { float loss; size_t n; float at[4 * 784 * 128 + 8 * 250 * 130]; } end;

/* Some steps, W1 doubled by another plan, some more. */
static void train(const cn__backend *b, int threads, const net *n, const rule *u, bool gradients, looks look, end *e)
{
    static float x[66 * 784], y[66 * 784];
    rig r = rig_open("cpu", threads);
    r.backend = b;
    for (size_t i = 0; i < CN__COUNT(x); i++)
        x[i] = (float)(i * 7919 % 1009) * 1e-3f, y[i] = (float)(i * 31 % 97) * 1e-2f;
    cn__linked *l = make_vars(&r, n, u) ? make_step(&r, n, u, gradients) : NULL, *twice = l ? make_double(&r) : NULL;
    if (!twice) CHECK_FAIL("%s", cn_error_message(r.ctx));
    else {
        r.e.feeds[0] = (cn__feed){ .base = x, .row_bytes = (size_t)n->in * 4, .dtype = CN_FLOAT32, .rows = 1u << 20 };
        r.e.feeds[1] = (cn__feed){ .base = y, .row_bytes = (size_t)n->out * 4, .dtype = CN_FLOAT32, .rows = 1u << 20 };
        for (int turn = 0; turn < 2; turn++) {
            for (int s = 0; s < STEPS; s++) {
                CHECK_INT(rig_run(&r, l, 1, 0), CN__RUN_DONE);
                for (int k = 2; look == EACH_STEP && k < r.nvars; k++)
                    CHECK(cn__var_master(r.var[k]) && !r.var[k]->ahead);
            }
            if (!turn) CHECK_INT(rig_run(&r, twice, 1, 0), CN__RUN_DONE);
        }
        e->loss = rig_root(&r, l, 0)[0], e->n = 0;
        for (int k = 2; k < r.nvars; k++) {
            size_t count = (size_t)cn__type_count(&r.var[k]->type);
            CHECK(e->n + count <= CN__COUNT(e->at));
            memcpy(e->at + e->n, cn__var_master(r.var[k]), count * sizeof(float)), e->n += count;
        }
    }
    rig_close(&r);
}

static end rows, other;
static bool same(void)
{
    return rows.n == other.n && rows.loss == other.loss && !memcmp(rows.at, other.at, rows.n * sizeof(float));
}

TEST(the_bits_of_rows)
{
    const cn__backend *cpu = cn__backend_find("cpu");
    cn__backend in_rows = *cpu;
    in_rows.resides = NULL;
    for (size_t n = 0; n < CN__COUNT(nets); n++)
        for (size_t u = 0; u < CN__COUNT(rules); u++) {
            train(&in_rows, 0, &nets[n], &rules[u], false, NEVER, &rows);
            CHECK(rows.n > 0 && rows.loss > 0);
            for (int form = 0; form < 4; form++) {
                train(cpu, form == 2 ? 2 : 0, &nets[n], &rules[u], form == 3, form == 1 ? EACH_STEP : NEVER, &other);
                if (!same()) CHECK_FAIL("net %d, rule %d, form %d", (int)n, (int)u, form);
            }
        }
}

/* A weight of many columns resides; one whose gradient is asked for, or which fills panels badly, does not. */
TEST(who_resides)
{
    for (int gradients = 0; gradients < 2; gradients++) {
        rig r = rig_open("cpu", 0);
        CHECK(make_vars(&r, &nets[6], &rules[4]) != NULL);
        static float x[32 * 784], y[32 * 10];
        cn__linked *l = make_step(&r, &nets[6], &rules[4], gradients);
        CHECK(l != NULL);
        r.e.feeds[0] = (cn__feed){ .base = x, .row_bytes = 784 * 4, .dtype = CN_FLOAT32, .rows = 32 };
        r.e.feeds[1] = (cn__feed){ .base = y, .row_bytes = 10 * 4, .dtype = CN_FLOAT32, .rows = 32 };
        CHECK_INT(rig_run(&r, l, 1, 0), CN__RUN_DONE);
        for (int k = 2; k < r.nvars; k++) CHECK_INT(r.var[k]->ahead != 0, !gradients && k < 5);
        for (int k = 2; k < r.nvars; k++) cn__var_master(r.var[k]);
        for (int k = 2; k < r.nvars; k++) CHECK_INT(r.var[k]->ahead, 0);
        rig_close(&r);
    }
}

/* Runners that read rows come together after a step that left the masters behind. */
typedef struct reader { cn__exec e; cn__linked *l; float sum; } reader;
static void *read_rows(void *with)
{
    reader  *t = with;
    uint64_t done = 0;
    cn__run_legs(&t->e, &(cn__leg){ t->l, 1, 0 }, 1, &done, UINT64_MAX, 0);
    t->sum = ((const float *)cn__linked_root(&t->e, t->l, 0))[0];
    return NULL;
}

TEST(readers_meet)
{
    static float x[66 * 70], y[66 * 40];
    rig r = rig_open("cpu", 0);
    CHECK(make_vars(&r, &nets[0], &rules[0]) != NULL);
    for (size_t i = 0; i < CN__COUNT(x); i++) x[i] = (float)(i % 13) * 0.1f;
    cn__linked *l = make_step(&r, &nets[0], &rules[0], false);
    cn__root(r.g, cn__reduce_all(r.g, CN__OP_SUM, cn__variable(r.g, r.var[2])));
    cn__linked *sum = rig_link(&r);
    reader    t[2];
    pthread_t thread[2];
    CHECK(l && sum);
    r.e.feeds[0] = (cn__feed){ .base = x, .row_bytes = 70 * 4, .dtype = CN_FLOAT32, .rows = 1u << 20 };
    r.e.feeds[1] = (cn__feed){ .base = y, .row_bytes = 40 * 4, .dtype = CN_FLOAT32, .rows = 1u << 20 };
    for (int k = 0; k < 2; k++) {
        cn__exec_open(&t[k].e, r.ctx, NULL);
        CHECK((t[k].l = cn__link(&t[k].e, sum->plan)) != NULL);
    }
    float before = 0;
    for (int round = 0; round < 20; round++) {
        CHECK_INT(rig_run(&r, l, 1, 0), CN__RUN_DONE);
        CHECK(r.var[2]->ahead);
        for (int k = 0; k < 2; k++) CHECK(!pthread_create(&thread[k], NULL, read_rows, &t[k]));
        for (int k = 0; k < 2; k++) pthread_join(thread[k], NULL);
        CHECK(t[0].sum == t[1].sum && t[0].sum != before);
        CHECK(!r.var[2]->ahead);
        before = t[0].sum;
    }
    for (int k = 0; k < 2; k++) cn__unlink(&t[k].e, t[k].l), cn__exec_close(&t[k].e);
    rig_close(&r);
}

CHECK_MAIN
