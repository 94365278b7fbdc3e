/* verify.c: each kind of damage is found. */
#include "../ops/eval.h"

static cn_ctx *ctx;
static cn_graph *sample(void)
{
    ctx = cn_open(.threads = 1);
    cn_graph *g = cn__graph_new(ctx);
    cn__type t = cn__type_make(CN_FLOAT32, DIMS(2, 3));
    cn__val x = cn__input(g, &t, "x"), y = cn__matmul(g, x, x, false, true);
    cn__val s = cn__reduce_all(g, CN__OP_SUM, cn__mul(g, y, cn__scalar(g, CN_FLOAT32, 2)));
    cn__root(g, s);
    cn__check_finite(g, s);
    return g;
}

static void damaged(cn_graph *g, const char *part)
{
    cn__error why = { 0 };
    CHECK(!cn__verify(g, &why));
    CHECK_STR(why.text, part);
    g->edges.n = 0;                                      /* nothing of it is walked again */
    cn__unref(g);
    cn_close(ctx);
}

TEST(sound)
{
    cn_graph *g = sample();
    cn__error why = { 0 };
    CHECK(cn__verify(g, &why));
    CHECK_STR("", why.text);
    cn__unref(g);
    cn_close(ctx);
}

TEST(a_wrong_shape)
{
    cn_graph *g = sample();
    g->values.at[g->insts.at[1].out].type.dim[0] = 7;
    damaged(g, "instruction 1 (matmul): result 0 is float32[7,2], its shape rule says float32[2,2]");
}

TEST(operands_that_do_not_fit)
{
    cn_graph *g = sample();
    g->values.at[1].type.dim[1] = 0, g->values.at[1].type.rank = 1;
    damaged(g, "both need two axes");
}

TEST(used_before_it_is_made)
{
    cn_graph *g = sample();
    g->edges.at[g->insts.at[1].in] = g->insts.at[2].out;
    damaged(g, "operand 0 is used before it is made");
}

TEST(an_absent_operand)
{
    cn_graph *g = sample();
    g->edges.at[g->insts.at[1].in] = 0;
    damaged(g, "operand 0 is absent");
}

TEST(no_operation)
{
    cn_graph *g = sample();
    g->insts.at[2].op = CN__OPS;
    damaged(g, "instruction 2 has no operation");
}

TEST(no_attributes)
{
    cn_graph *g = sample();
    g->insts.at[1].attr_size = 0;
    damaged(g, "instruction 1 (matmul): no attributes");
}

TEST(a_constant_without_data)
{
    cn_graph *g = sample();
    g->consts.at[0].data = NULL;
    damaged(g, "has no data");
}

TEST(a_result_of_nobody)
{
    cn_graph *g = sample();
    g->values.at[g->insts.at[2].out].ref = 1;
    damaged(g, "result 0 is another's");
}

TEST(an_output_that_does_not_exist)
{
    cn_graph *g = sample();
    g->roots.at[0] = 99;
    damaged(g, "output 0 does not exist");
}

TEST(an_error)
{
    cn_graph *g = sample();
    cn__graph_fail(g, CN_E_VALUE, "something is wrong");
    damaged(g, "something is wrong");
}

CHECK_MAIN
