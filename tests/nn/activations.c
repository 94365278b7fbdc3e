/* activations.c: every activation against Keras, value and slope. */
#include "golden.h"

static cn_ctx *ctx;

static void one(const golden_case *c)
{
    golden_args args;
    cn__spec spec;
    void *data[1];
    const char *choice = golden_choice(c, cn__class_find(ctx, CN__FAM_ACT, c->class), NULL, &args);
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_ACT, choice, &spec));
    if (!spec.cls) { CHECK_FAIL("%s", cn_error_message(ctx)); return; }
    cn_graph *g = cn__graph_new(ctx);
    cn__lowering l = { .ctx = ctx, .g = g };
    cn__val x = golden_input(g, golden_find(c, "x"), data), y = cn__activate(&l, &spec, x), dx = 0;
    CHECK(cn__gradient(g, y, golden_value(g, golden_find(c, "c"), CN_FLOAT32), 1, &x, &dx));
    dx = cn__mul(g, dx, golden_value(g, golden_find(c, "smooth"), CN_FLOAT32));
    golden_roots(g, 2, (cn__val[]){ y, dx });
    eval e = eval_run(g, (const void *const *)data);
    golden_root("y", &e, 0, golden_find(c, "y"), 2e-6);
    golden_root("dx", &e, 1, golden_find(c, "dx"), 5e-6);
    eval_free(&e), free(data[0]);
}

TEST(as_in_keras)
{
    ctx = cn_open();
    CHECK(golden_each("activations", "activation", one) > 40);
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
    golden_each("activations", "activation", note);
    for (int i = 0; cn__class_at(CN__FAM_ACT, i); i++) {
        const cn__class *class = cn__class_at(CN__FAM_ACT, i);
        snprintf(name, sizeof name, " %s ", class->name);
        if (class->module) CHECK_STR(covered, name);     /* not in Keras: step, tested below */
    }
}

static void step(bool straight_through, double *y, double *dx)
{
    cn__spec spec;
    static const float data[3] = { -0.5f, 0, 2 };
    cn_graph *g = cn__graph_new(ctx);
    cn__lowering l = { .ctx = ctx, .g = g, .straight_through = straight_through };
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_ACT, CN_STEP.name, &spec));
    cn__type t = { .dtype = CN_FLOAT32, .rank = 1, .dim = { 3 } };
    cn__val x = cn__input(g, &t, "x"), v = cn__activate(&l, &spec, x), d = 0;
    CHECK(cn__gradient(g, v, 0, 1, &x, &d));
    if (!d) d = cn__fill(g, CN_FLOAT32, 1, t.dim, 0);
    golden_roots(g, 2, (cn__val[]){ v, d });
    eval e = eval_run(g, (const void *const[]){ data });
    for (size_t i = 0; i < 3; i++) y[i] = eval_at(&e, 0, i), dx[i] = eval_at(&e, 1, i);
    eval_free(&e);
}

TEST(step_is_1_from_0_on_and_has_slope_1_only_for_the_perceptron_rule)
{
    double y[3], dx[3];
    ctx = cn_open();
    for (int through = 0; through < 2; through++) {
        step(through, y, dx);
        CHECK_NEAR(y[0], 0, 0);
        CHECK_NEAR(y[1], 1, 0);
        CHECK_NEAR(y[2], 1, 0);
        for (int i = 0; i < 3; i++) CHECK_NEAR(dx[i], through, 0);
    }
    CHECK_INT(cn_close(ctx), 0);
}

TEST(glu_wants_an_even_size_and_axes_must_be_there)
{
    cn__spec spec;
    ctx = cn_open();
    cn__type t = { .dtype = CN_FLOAT32, .rank = 2, .dim = { 2, 3 } };
    const cn_act act[] = { CN_GLU, cn_act_softmax(.axis = 2) };
    const char *const says[] = { "size 3", "no axis 2" };
    for (int i = 0; i < 2; i++) {
        cn_graph *g = cn__graph_new(ctx);
        cn__lowering l = { .ctx = ctx, .g = g };
        CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_ACT, act[i].name, &spec));
        CHECK_INT(cn__activate(&l, &spec, cn__input(g, &t, "x")), 0);
        CHECK_STR(g->error.text, says[i]);
        cn__unref(g);
    }
    cn_close(ctx);
}

TEST(a_product_can_apply_plain_ones_itself)
{
    cn__spec spec;
    cn__actcode code;
    ctx = cn_open();
    const struct { cn_act act; bool can; cn__actcode code;
    } table[] = { { CN_LINEAR, true, CN__ACT_LINEAR },
                  { CN_RELU, true, CN__ACT_RELU },
                  { CN_TANH, true, CN__ACT_TANH },
                  { CN_SIGMOID, true, CN__ACT_SIGMOID },
                  { cn_act_relu(.max_value = 6), false, CN__ACT_LINEAR },
                  { CN_ELU, false, CN__ACT_LINEAR } };
    for (size_t i = 0; i < CN__COUNT(table); i++) {
        CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_ACT, table[i].act.name, &spec));
        CHECK_INT(cn__activation_code(&spec, &code), table[i].can);
        if (table[i].can) CHECK_INT(code, table[i].code);
    }
    CHECK_INT(cn_close(ctx), 0);
}

CHECK_MAIN
