/* optimizers.c: five steps of every optimizer against Keras, with its options, and the variables they leave behind; the
   schedules; wrong options. */
#include "golden.h"

static cn_ctx *ctx;

/* ---- Five steps -------------------------------------------------------------------------------------------------- */
static cn__weight *weight(const golden_array *a, const char *path)
{
    cn__weight *w = cn__arena_alloc(cn__ctx_arena(ctx), sizeof *w);
    cn__type t = { .dtype = CN_FLOAT32, .rank = (uint8_t)a->rank };
    for (int i = 0; i < a->rank; i++) t.dim[i] = a->dim[i];
    *w = (cn__weight){ .name = path,
                       .trainable = true,
                       .var = cn__var_new(ctx, cn__ctx_arena(ctx), path, &t, CN__WEIGHT, CN__SCOPE_MODEL, true) };
    for (int64_t i = 0; i < a->n; i++) cn__store(CN_FLOAT32, w->var->master, (size_t)i, a->at[i]);
    return w;
}

/* Evaluates one step and commits it: all results are computed before a variable changes. */
static void commit(cn_graph *g)
{
    size_t n = g->assigns.n;
    cn__var *var[32];
    CHECK(n <= 32);
    for (size_t i = 0; i < n; i++) {
        CHECK_INT(g->assigns.at[i].guard, 0);
        var[i] = g->assigns.at[i].var;
        cn__root(g, g->assigns.at[i].val);
    }
    if (!cn__graph_ok(g)) CHECK_FAIL("graph: %s", g->error.text);
    eval e = eval_run(g, NULL);
    for (size_t i = 0; e.g && i < n; i++)
        for (size_t k = 0; k < (size_t)cn__type_count(&var[i]->type); k++)
            cn__store((cn_dtype)var[i]->type.dtype, var[i]->master, k, eval_at(&e, i, k));
    eval_free(&e);
}

static void compare(const char *what, const cn__var *v, const golden_array *wanted)
{
    double got[64];
    for (int64_t i = 0; i < cn__type_count(&v->type); i++)
        got[i] = cn__load((cn_dtype)v->type.dtype, v->master, (size_t)i);
    golden_near(what, got, wanted, 2e-6);
}

/* Keras's variables have the same names (behind the optimizer's) in the same order; its schedule has no learning_rate
 * either. */
static void variables(const cn__optimizer *o, const golden_case *c)
{
    const golden_array *names = golden_find(c, "names"), *values = golden_find(c, "values");
    int64_t at = 0;
    CHECK_INT(o->vars.n, names->n);
    for (size_t i = 0; i < o->vars.n && (int64_t)i < names->n; i++) {
        const cn__var *v = o->vars.at[i];
        if (strcmp(strchr(v->path, '/') + 1, names->text[i])) CHECK_FAIL("%s is not %s", v->path, names->text[i]);
        golden_array part = { .n = cn__type_count(&v->type), .at = values->at + at };
        compare(names->text[i], v, &part);
        at += part.n;
    }
}

static void one(const golden_case *c)
{
    golden_args args;
    cn__optimizer o;
    cn__weight *w[2] = { weight(golden_find(c, "w"), "kernel"), weight(golden_find(c, "b"), "bias") };
    const char *choice =
        golden_choice(c, cn__class_find(ctx, CN__FAM_OPTIMIZER, c->class), "constraint schedule", &args);
    if (strstr(c->options, "constraint="))
        CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_CONSTRAINT, cn_max_norm(1).name, &w[0]->constraint));
    cn_schedule schedule = cn_exponential_decay(0.1, 2, 0.5);
    if (strstr(c->options, "schedule=")) memcpy(args.at + offsetof(cn_sgd_args, schedule), &schedule, sizeof schedule);
    if (!cn__optimizer_make(&o, ctx, NULL, choice) || !cn__optimizer_build(&o, w, 2)) {
        CHECK_FAIL("%s", cn_error_message(ctx));
        return;
    }
    for (int step = 0; step < 5; step++) {
        cn_graph *g = cn__graph_new(ctx);
        cn__val grads[2] = { golden_value(g, golden_numbered(c, "gw", step), CN_FLOAT32),
                             golden_value(g, golden_numbered(c, "gb", step), CN_FLOAT32) };
        CHECK(cn__optimizer_apply(&o, g, w, grads, 2));
        commit(g);
        compare("kernel", w[0]->var, golden_numbered(c, "w", step));
        compare("bias", w[1]->var, golden_numbered(c, "b", step));
    }
    variables(&o, c);
    cn__optimizer_free(&o);
    for (int i = 0; i < 2; i++) cn__var_free(w[i]->var);
}

TEST(as_in_keras)
{
    ctx = cn_open();
    CHECK(golden_each("optimizers", "optimizer", one) >= 24);
    CHECK_INT(cn_close(ctx), 0);
}

static char covered[4000];
static void note(const golden_case *c)
{
    snprintf(covered + strlen(covered), sizeof covered - strlen(covered), " %s ", c->class);
}

TEST(each_has_a_golden_case)
{
    char name[80];
    *covered = 0;
    golden_each("optimizers", "optimizer", note);
    golden_each("schedules", "schedule", note);
    for (cn__family f = CN__FAM_OPTIMIZER; f <= CN__FAM_SCHEDULE; f++)
        for (int i = 0; cn__class_at(f, i); i++) {
            snprintf(name, sizeof name, " %s ", cn__class_at(f, i)->name);
            if (cn__class_at(f, i)->module)
                CHECK_STR(covered, name); /* not in Keras: the perceptron rule, tested below */
        }
}

TEST(finalize_sets_weights_to_their_averages)
{
    double start[2] = { 1, 2 }, slope[2] = { 1, 1 };
    golden_array a = { .rank = 1, .dim = { 2 }, .n = 2, .at = start }, d = a;
    cn__optimizer o;
    ctx = cn_open();
    d.at = slope;
    cn__weight *w = weight(&a, "w");
    CHECK(
        cn__optimizer_make(&o, ctx, NULL, cn_sgd(.learning_rate = 0.5, .use_ema = CN_YES, .ema_momentum = 0.5).name) &&
        cn__optimizer_build(&o, &w, 1));
    for (int step = 0; step < 2; step++) {               /* w: 0.5, 0; averages: 0.5, 0.25 */
        cn_graph *g = cn__graph_new(ctx);
        cn__val grad = golden_value(g, &d, CN_FLOAT32);
        CHECK(cn__optimizer_apply(&o, g, &w, &grad, 1));
        commit(g);
    }
    CHECK_NEAR(cn__load(CN_FLOAT32, w->var->master, 0), 0, 1e-7);
    CHECK(cn__optimizer_finalize(&o, &w, 1));
    CHECK_NEAR(cn__load(CN_FLOAT32, w->var->master, 0), 0.25, 1e-7);
    CHECK_NEAR(cn__load(CN_FLOAT32, w->var->master, 1), 1.25, 1e-7);
    cn__optimizer_free(&o);
    cn__var_free(w->var);
    CHECK_INT(cn_close(ctx), 0);
}

TEST(a_weight_without_gradient_stays_and_an_unknown_one_is_refused)
{
    double start[2] = { 1, 2 };
    golden_array a = { .rank = 1, .dim = { 2 }, .n = 2, .at = start };
    cn__optimizer o;
    ctx = cn_open();
    cn__weight *w[2] = { weight(&a, "w"), weight(&a, "late") };
    CHECK(cn__optimizer_make(&o, ctx, NULL, CN_ADAM.name) && cn__optimizer_build(&o, w, 1));
    cn_graph *g = cn__graph_new(ctx);
    cn__val none[2] = { 0, 0 };
    CHECK(cn__optimizer_apply(&o, g, w, none, 1));
    CHECK_INT(g->assigns.n, 1);                          /* the iteration alone */
    cn__unref(g);
    g = cn__graph_new(ctx);
    CHECK(!cn__optimizer_apply(&o, g, w, none, 2));
    CHECK_STR(g->error.text, "weight late was not there");
    cn__unref(g);
    cn__optimizer_free(&o);
    cn__var_free(w[0]->var), cn__var_free(w[1]->var);
    cn_close(ctx);
}

/* ---- The perceptron rule: w += a (y - p) x, by the mean absolute error and the slope that passes through the step  */
static double rule(double w, double x, double y)
{
    cn__optimizer o;
    cn__spec mae, step;
    golden_array a = { .rank = 2, .dim = { 1, 1 }, .n = 1, .at = &w };
    cn__weight *weights = weight(&a, "w");
    CHECK(cn__optimizer_make(&o, ctx, NULL, CN_PERCEPTRON.name) && cn__optimizer_build(&o, &weights, 1) &&
          cn__optimizer_straight_through(&o));
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_LOSS, CN_MAE.name, &mae) &&
          cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_ACT, CN_STEP.name, &step));
    cn_graph *g = cn__graph_new(ctx);
    cn__lowering l = { .ctx = ctx, .g = g, .straight_through = true };
    cn__val wv = cn__variable(g, weights->var), dw = 0;
    cn__val p = cn__activate(&l, &step, cn__matmul(g, eval_const(g, CN_FLOAT32, DIMS(1, 1), &x), wv, false, false));
    CHECK(cn__gradient(g, cn__loss(g, &mae, eval_const(g, CN_FLOAT32, DIMS(1, 1), &y), p, 0, 0), 0, 1, &wv, &dw));
    CHECK(cn__optimizer_apply(&o, g, &weights, &dw, 1));
    commit(g);
    double next = cn__load(CN_FLOAT32, weights->var->master, 0);
    cn__optimizer_free(&o);
    cn__var_free(weights->var);
    return next;
}

TEST(the_perceptron_rule)
{
    ctx = cn_open();
    CHECK_NEAR(rule(0.25, 3, 0), 0.25 - 3, 1e-6);        /* said 1, should be 0: w -= x */
    CHECK_NEAR(rule(-0.25, 3, 1), -0.25 + 3, 1e-6);      /* said 0, should be 1: w += x */
    CHECK_NEAR(rule(0.25, 3, 1), 0.25, 0);               /* right: stays */
    CHECK_NEAR(rule(-0.25, 3, 0), -0.25, 0);
    CHECK_INT(cn_close(ctx), 0);
}

/* ---- Schedules --------------------------------------------------------------------------------------------------- */
static void rates(const golden_case *c)
{
    golden_args args;
    cn__spec spec;
    const golden_array *steps = golden_find(c, "steps"), *wanted = golden_find(c, "rates");
    const char *choice = golden_choice(c, cn__class_find(ctx, CN__FAM_SCHEDULE, c->class), NULL, &args);
    if (!cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_SCHEDULE, choice, &spec)) {
        CHECK_FAIL("%s", cn_error_message(ctx));
        return;
    }
    for (int64_t i = 0; i < steps->n; i++) {
        double host = cn__schedule_at(&spec, (int64_t)steps->at[i]);
        cn_graph *g = cn__graph_new(ctx);
        cn__val v = cn__schedule_val(g, &spec, eval_const(g, CN_INT64, 0, NULL, &steps->at[i]));
        golden_roots(g, 1, &v);
        eval e = eval_run(g, NULL);
        CHECK_NEAR(eval_at(&e, 0, 0), host, 1e-7);
        CHECK_NEAR(host, wanted->at[i], 2e-6);
        eval_free(&e);
    }
}

TEST(schedules_as_in_keras)
{
    ctx = cn_open();
    CHECK(golden_each("schedules", "schedule", rates) >= 15);
    CHECK_INT(cn_close(ctx), 0);
}

/* ---- Wrong options ----------------------------------------------------------------------------------------------- */
static const char *refused(cn_optimizer choice)
{
    cn__optimizer o;
    CHECK(!cn__optimizer_make(&o, ctx, "train.c:14", choice.name));
    return cn_error_message(ctx);
}

TEST(wrong_options_are_explained)
{
    ctx = cn_open();
    CHECK_STR(refused(cn_adam(.learning_rate = -1)), "learning_rate is -1, it must be at least 0");
    CHECK_STR(refused(cn_adam(.learning_rate = NAN)), "not a finite number");
    CHECK_STR(refused(cn_adam(.beta_1 = 1)), "beta_1 is 1, it must be at least 0 and less than 1");
    CHECK_STR(refused(cn_sgd(.clipnorm = 1, .clipvalue = 2)), "only one of them can be set");
    CHECK_STR(refused(cn_sgd(.gradient_accumulation_steps = -2)), "gradient_accumulation_steps is -2");
    CHECK_STR(refused((cn_optimizer){ "adamm" }),
              "train.c:14: there is no optimizer \"adamm\"; did you mean \"adam\" or \"adamw\"?");
    CHECK_STR(refused(cn_sgd(.schedule = cn_exponential_decay(0.1, 0, 0.5))),
              "decay_steps is 0, it must be at least 1");
    CHECK_STR(refused(cn_sgd(.schedule = cn_piecewise_constant_decay(CN_NUMBERS(1, 2), CN_NUMBERS(1, 2)))),
              "one value more");
    CHECK_STR(refused(cn_sgd(.schedule = cn_cosine_decay(0.1, 10, .warmup_steps = 3))), "no warmup_target");
    cn_close(ctx);
}

CHECK_MAIN
