/* lower.c: legalise, pack, schedule, memory plan: before and after. */
#include "../ops/eval.h"
#include "passes/passes.h"
#include "backends/backend.h"
#include "base/philox.h"

static cn_ctx *ctx;

static const char *primitives(const cn_graph *g, const cn__inst *i)
{
    return (void)g, cn__ops[i->op].ref ? NULL : "composite";
}
static const char *no_products(const cn_graph *g, const cn__inst *i)
{
    if (i->op == CN__OP_MATMUL) return "no products here";
    return i->op == CN__OP_DENSE && cn__type_of(g, i->out)->dim[0] <= 2 ? NULL : primitives(g, i);
}
static cn__layout panels(const cn_graph *g, const cn__inst *i, int k)
{
    return (void)g, i->op == CN__OP_MATMUL && k == 1 ? CN__PANEL : CN__ROWS;
}
static const cn__backend plain = { .name = "plain", .supports = primitives };
static const cn__backend small = { .name = "small", .supports = no_products, .wants = panels };

static cn_graph *begin(void)
{
    ctx = cn_open(.threads = 1);
    return cn__graph_new(ctx);
}

static cn__val input(cn_graph *g, int rank, const int64_t *dim)
{
    cn__type t = cn__type_make(CN_FLOAT32, rank, dim);
    return cn__input(g, &t, "x");
}

static void end(cn_graph *g)
{
    cn__unref(g);
    cn_close(ctx);
}

static void printed(const cn_graph *g, const char *wanted)
{
    cn__text t = { .ctx = ctx };
    cn__print(g, CN__PRINT_TEXT, &t);
    if (strcmp(cn__text_get(&t), wanted)) CHECK_FAIL("printed\n%s", cn__text_get(&t));
    cn__text_free(&t);
}

/* ---- Legalise ---------------------------------------------------------------------------------------------------- */
TEST(composites_are_expanded)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(4, 2)), w = input(g, DIMS(2, 3)), b = input(g, DIMS(3));
    cn__origin(g, "hidden");
    cn__root(g, cn__dense(g, x, w, b, CN__ACT_TANH));
    cn__text declined = { .ctx = ctx };
    cn_graph *l = cn__legalise(g, &plain, &declined);
    CHECK_STR(cn__text_get(&declined), "dense expanded: composite [hidden]");
    printed(l, "  %1 = input 0 \"x\": float32[4,2]\n"
               "  %2 = input 1 \"x\": float32[2,3]\n"
               "  %3 = input 2 \"x\": float32[3]\n"
               "  %4 = matmul(%1, %2) {ta=0 tb=0}: float32[4,3]    # hidden\n"
               "  %5 = add(%3, %4): float32[4,3]    # hidden\n"
               "  %6 = tanh(%5): float32[4,3]    # hidden\n"
               "  output %6\n");
    cn__text_free(&declined);
    cn__unref(g);
    end(l);
}

TEST(what_has_a_kernel_stays)
{
    cn_graph *g = begin();
    cn__root(g, cn__dense(g, input(g, DIMS(2, 2)), input(g, DIMS(2, 3)), 0, CN__ACT_LINEAR));
    cn_graph *l = cn__legalise(g, &small, NULL);
    CHECK(l && l->insts.n == 2 && l->insts.at[1].op == CN__OP_DENSE);
    cn__unref(g);
    end(l);
}

TEST(stop_gradient_goes)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(2));
    cn__root(g, cn__b1(g, CN__OP_STOP_GRADIENT, x));
    cn_graph *l = cn__legalise(g, &plain, NULL);
    CHECK(l && l->insts.n == 1 && l->roots.at[0] == l->inputs.at[0]);
    cn__unref(g);
    end(l);
}

TEST(sums_of_one_number)
{
    static const cn__backend fusing = { .name = "fusing", .supports = primitives, .fuses = true };
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(4, 1, 2));
    cn__root(g, cn__reduce(g, CN__OP_SUM, x, 2, false)), cn__root(g, cn__reduce(g, CN__OP_SUM, x, 6, false));
    cn_graph *l = cn__legalise(g, &fusing, NULL);
    printed(l, "  %1 = input 0 \"x\": float32[4,1,2]\n"
               "  %2 = reshape(%1) {shape=[4,2]}: float32[4,2]\n"
               "  %3 = sum(%1) {axes=[1,2]}: float32[4]\n"
               "  output %2\n"
               "  output %3\n");
    cn__unref(l);
    l = cn__legalise(g, &plain, NULL);
    CHECK(l && l->insts.at[1].op == CN__OP_SUM);
    cn__unref(g);
    end(l);
}

TEST(no_kernel_at_all)
{
    cn_graph *g = begin();
    cn__origin(g, "hidden");
    cn__val x = input(g, DIMS(4, 2)), w = input(g, DIMS(2, 3));
    cn__root(g, cn__dense(g, x, w, 0, CN__ACT_TANH));
    cn__root(g, cn__matmul(g, w, x, true, true));
    CHECK(!cn__legalise(g, &small, NULL));
    const char *text = cn_error_message(ctx);
    CHECK_STR(text, "backend \"small\" has no kernel for matmul -> float32[4,3] (no products here) of hidden; "
                    "matmul -> float32[3,4] (no products here)");
    CHECK_INT(cn_error(ctx), CN_E_UNSUPPORTED);
    end(g);
}

/* ---- Pack -------------------------------------------------------------------------------------------------------- */
TEST(pack)
{
    cn_graph *g = begin();
    cn__val x = input(g, DIMS(2, 2));
    cn__root(g, cn__matmul(g, x, x, true, false));
    cn__root(g, cn__matmul(g, cn__b1(g, CN__OP_EXP, x), x, false, false));
    cn_graph *p = cn__pack_operands(g, &small);
    printed(p, "  %1 = input 0 \"x\": float32[2,2]\n"
               "  %2 = pack(%1) {layout=1}: float32[2,2]\n"
               "  %3 = matmul(%1, %2) {ta=1 tb=0}: float32[2,2]\n"
               "  %4 = exp(%1): float32[2,2]\n"
               "  %5 = matmul(%4, %2) {ta=0 tb=0}: float32[2,2]\n"
               "  output %3\n"
               "  output %5\n");
    cn__unref(g);
    end(p);
}

/* ---- Schedule ---------------------------------------------------------------------------------------------------- */
typedef struct step { cn_graph *g; cn__arena names; cn__var *w, *v, *rate; cn__val grad; } step;

static step step_open(void)
{
    step s = { .g = begin() };
    s.names.ctx = ctx;
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(3)), one = cn__type_make(CN_FLOAT32, 0, NULL);
    s.w = cn__var_new(ctx, &s.names, "w", &t, CN__WEIGHT, CN__SCOPE_MODEL, true);
    s.v = cn__var_new(ctx, &s.names, "v", &t, CN__SLOT, CN__SCOPE_MODEL, false);
    s.rate = cn__var_new(ctx, &s.names, "rate", &one, CN__SLOT, CN__SCOPE_MODEL, false);
    s.grad = cn__scale(s.g, input(s.g, DIMS(3)), 2);
    return s;
}

static void sgd(step *s, cn__var *w, cn__var *v, cn__val grad, cn__val guard, cn__val *out)
{
    cn__a_sgd a = { .momentum = v ? 0.5 : 0 };
    cn__val in[4] = { cn__variable(s->g, w) };
    int n = 1;
    if (v) in[n++] = cn__variable(s->g, v);
    in[n++] = grad, in[n++] = cn__variable(s->g, s->rate);
    cn__emit(s->g, CN__OP_SGD, &a, sizeof a, n, in, v ? 2 : 1, out);
    cn__assign_var(s->g, w, out[0], guard);
    if (v) cn__assign_var(s->g, v, out[1], guard);
}

static void commits(step *s, uint32_t wanted)
{
    cn__schedule order;
    CHECK(cn__schedule_make(s->g, &order));
    CHECK_INT(order.ncommit, wanted);
    CHECK_INT(order.ncompute + order.ncommit, s->g->insts.n - 1);
    for (uint32_t k = order.ncompute; k < order.ncompute + order.ncommit; k++)
        CHECK_INT(s->g->insts.at[order.order[k]].op, CN__OP_SGD);
    cn__schedule_free(ctx, &order);
    cn__var_free(s->w), cn__var_free(s->v), cn__var_free(s->rate);
    cn__arena_free(&s->names);
    end(s->g);
}

TEST(updates_are_committed)
{
    step s = step_open();
    cn__val out[2];
    sgd(&s, s.w, s.v, s.grad, 0, out);
    cn__root(s.g, s.grad);
    commits(&s, 1);
}

TEST(an_update_that_is_read_is_computed)
{
    step s = step_open();
    cn__val out[2];
    sgd(&s, s.w, s.v, s.grad, 0, out);
    cn__root(s.g, out[1]);
    commits(&s, 0);
}

TEST(an_update_under_a_guard_is_computed)
{
    step s = step_open();
    cn__val out[2],
        guard = cn__b2(s.g, CN__OP_LT, cn__reduce_all(s.g, CN__OP_SUM, s.grad), cn__scalar(s.g, CN_FLOAT32, 1));
    sgd(&s, s.w, s.v, s.grad, guard, out);
    commits(&s, 0);
}

TEST(an_update_of_another_variable_is_computed)
{
    step s = step_open();
    cn__val out[2];
    sgd(&s, s.w, NULL, s.grad, 0, out);
    cn__assign_var(s.g, s.v, out[0], 0);
    commits(&s, 0);
}

/* w's gradient is v, and v is replaced: the order of the two would matter. */
TEST(an_update_that_reads_what_another_replaces_is_computed)
{
    step s = step_open();
    cn__val out[2], v = cn__variable(s.g, s.v);
    sgd(&s, s.v, NULL, s.grad, 0, out);
    sgd(&s, s.w, NULL, v, 0, out);
    commits(&s, 1);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */
static bool disjoint(const cn__life *a, const cn__life *b)
{
    return a->last < b->first || b->last < a->first || a->off + a->bytes <= b->off || b->off + b->bytes <= a->off;
}

TEST(nothing_overlaps)
{
    enum { N = 200 };
    static cn__life life[N];
    bool   ok;
    size_t all = 0, most = 0;
    ctx = cn_open(.threads = 1);
    for (uint32_t k = 0; k < N; k++) {
        life[k].first = k / 2, life[k].last = k / 2 + cn__random_bits(1, 0, 0, k) % 6;
        life[k].bytes = cn__random_bits(2, 0, 0, k) % 5000;
        all += life[k].bytes + 63;
    }
    size_t size = cn__plan_memory(ctx, life, N, &ok);
    CHECK(ok);
    for (int i = 0; i < N; i++) {
        CHECK(life[i].off % 64 == 0 && life[i].off + life[i].bytes <= size);
        for (int j = 0; j < i; j++) CHECK(disjoint(&life[i], &life[j]));
    }
    for (uint32_t at = 0; at < N; at++) {
        size_t now = 0;
        for (int k = 0; k < N; k++)
            now += life[k].first <= at && at <= life[k].last ? (life[k].bytes + 63) / 64 * 64 : 0;
        most = CN__MAX(most, now);
    }
    CHECK(size >= most && size <= most + most / 4 && size < all / 4);
    cn_close(ctx);
}

TEST(no_lives)
{
    bool ok;
    ctx = cn_open(.threads = 1);
    CHECK_INT(cn__plan_memory(ctx, NULL, 0, &ok), 0);
    CHECK(ok);
    cn_close(ctx);
}

CHECK_MAIN
