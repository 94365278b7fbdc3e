/* print.c: the three forms, word for word. */
#include "../ops/eval.h"

static cn_graph *sample(cn_ctx *c, cn__arena *names, cn__var **w)
{
    cn_graph *g = cn__graph_new(c);
    cn__type tx = cn__type_make(CN_FLOAT32, DIMS(4, 2)), tw = cn__type_make(CN_FLOAT32, DIMS(2, 3));
    *w = cn__var_new(c, names, "dense/kernel", &tw, CN__WEIGHT, CN__SCOPE_MODEL, true);
    cn__val x = cn__input(g, &tx, "x");
    cn__origin(g, "dense");
    cn__val y = cn__dense(g, x, cn__variable(g, *w), 0, CN__ACT_RELU);
    cn__origin(g, "loss");
    cn__val loss = cn__reduce_all(g, CN__OP_MEAN, cn__scale(g, y, 0.5)), d;
    cn__val places, order = cn__sort(g, y, 1, true, &places);
    cn__origin(g, "%s", "");
    cn__gradient(g, loss, 0, 1, (const cn__val[]){ cn__variable(g, *w) }, &d);
    cn__assign_var(g, *w, cn__sub(g, cn__variable(g, *w), d), 0);
    cn__root(g, loss), cn__root(g, order), cn__check_finite(g, loss);
    cn__graph_compact(g);
    return g;
}

static void check(cn__print_form form, const char *wanted)
{
    cn_ctx *c = cn_open(.threads = 1);
    cn__arena names = { .ctx = c };
    cn__var  *w;
    cn_graph *g = sample(c, &names, &w);
    cn__text t = { .ctx = c };
    cn__print(g, form, &t);
    if (strcmp(cn__text_get(&t), wanted)) CHECK_FAIL("printed\n%s", cn__text_get(&t));
    cn__text_free(&t);
    cn__unref(g);
    cn__var_free(w);
    cn__arena_free(&names);
    cn_close(c);
}

TEST(text)
{
    check(CN__PRINT_TEXT,
          "  %1 = input 0 \"x\": float32[4,2]\n"
          "  %2 = variable \"dense/kernel\": float32[2,3]\n"
          "  %3 = dense(%1, %2) {act=1}: float32[4,3]    # dense\n"
          "  %4 = constant 0.5: float32[]\n"
          "  %5 = multiply(%3, %4): float32[4,3]    # loss\n"
          "  %6 = mean(%5) {axes=[0,1]}: float32[]    # loss\n"
          "  %7, %8 = sort(%3) {axis=1 descending}: float32[4,3], int32[4,3]    # loss\n"
          "  %9 = constant 0.0416666679: float32[1,1]\n"
          "  %10 = broadcast_to(%9) {shape=[4,3]}: float32[4,3]    # loss\n"
          "  %11, %12, %13 = dense_grad(%1, %2, %3, %10) {act=1}: float32[4,2], float32[2,3], float32[3]    # dense\n"
          "  %14 = subtract(%2, %12): float32[2,3]\n"
          "  output %6\n"
          "  output %7\n"
          "  finite %6\n"
          "  assign \"dense/kernel\" = %14\n");
}

TEST(dot)
{
    check(CN__PRINT_DOT,
          "digraph cornu {\n"
          "  v1 [shape=ellipse, label=\"x float32[4,2]\"]\n"
          "  v2 [shape=cylinder, label=\"dense/kernel float32[2,3]\"]\n"
          "  v3 [shape=box, label=\"dense float32[4,3]\"]\n"
          "  v1 -> v3\n"
          "  v2 -> v3\n"
          "  v4 [shape=plain, label=\"constant float32[]\"]\n"
          "  v5 [shape=box, label=\"multiply float32[4,3]\"]\n"
          "  v3 -> v5\n"
          "  v4 -> v5\n"
          "  v6 [shape=box, label=\"mean float32[]\"]\n"
          "  v5 -> v6\n"
          "  v7 [shape=box, label=\"sort float32[4,3]\"]\n"
          "  v3 -> v7\n"
          "  v9 [shape=plain, label=\"constant float32[1,1]\"]\n"
          "  v10 [shape=box, label=\"broadcast_to float32[4,3]\"]\n"
          "  v9 -> v10\n"
          "  v11 [shape=box, label=\"dense_grad float32[4,2]\"]\n"
          "  v1 -> v11\n"
          "  v2 -> v11\n"
          "  v3 -> v11\n"
          "  v10 -> v11\n"
          "  v14 [shape=box, label=\"subtract float32[2,3]\"]\n"
          "  v2 -> v14\n"
          "  v11 -> v14\n"
          "}\n");
}

TEST(json)
{
    check(CN__PRINT_JSON,
          "{\"values\": [\n"
          "  {\"id\": 1, \"kind\": \"input\", \"dtype\": \"float32\", \"shape\": [4, 2], \"name\": \"x\"},\n"
          "  {\"id\": 2, \"kind\": \"variable\", \"dtype\": \"float32\", \"shape\": [2, 3],"
          " \"path\": \"dense/kernel\"},\n"
          "  {\"id\": 3, \"kind\": \"instruction\", \"dtype\": \"float32\", \"shape\": [4, 3]},\n"
          "  {\"id\": 4, \"kind\": \"constant\", \"dtype\": \"float32\", \"shape\": []},\n"
          "  {\"id\": 5, \"kind\": \"instruction\", \"dtype\": \"float32\", \"shape\": [4, 3]},\n"
          "  {\"id\": 6, \"kind\": \"instruction\", \"dtype\": \"float32\", \"shape\": []},\n"
          "  {\"id\": 7, \"kind\": \"instruction\", \"dtype\": \"float32\", \"shape\": [4, 3]},\n"
          "  {\"id\": 8, \"kind\": \"instruction\", \"dtype\": \"int32\", \"shape\": [4, 3]},\n"
          "  {\"id\": 9, \"kind\": \"constant\", \"dtype\": \"float32\", \"shape\": [1, 1]},\n"
          "  {\"id\": 10, \"kind\": \"instruction\", \"dtype\": \"float32\", \"shape\": [4, 3]},\n"
          "  {\"id\": 11, \"kind\": \"instruction\", \"dtype\": \"float32\", \"shape\": [4, 2]},\n"
          "  {\"id\": 12, \"kind\": \"instruction\", \"dtype\": \"float32\", \"shape\": [2, 3]},\n"
          "  {\"id\": 13, \"kind\": \"instruction\", \"dtype\": \"float32\", \"shape\": [3]},\n"
          "  {\"id\": 14, \"kind\": \"instruction\", \"dtype\": \"float32\", \"shape\": [2, 3]}],\n"
          "\"instructions\": [\n"
          "  {\"op\": \"dense\", \"in\": [1, 2], \"out\": [3], \"attr\": \"act=1\", \"origin\": \"dense\"},\n"
          "  {\"op\": \"multiply\", \"in\": [3, 4], \"out\": [5], \"origin\": \"loss\"},\n"
          "  {\"op\": \"mean\", \"in\": [5], \"out\": [6], \"attr\": \"axes=[0,1]\", \"origin\": \"loss\"},\n"
          "  {\"op\": \"sort\", \"in\": [3], \"out\": [7, 8], \"attr\": \"axis=1 descending\", \"origin\": \"loss\"},\n"
          "  {\"op\": \"broadcast_to\", \"in\": [9], \"out\": [10], \"attr\": \"shape=[4,3]\", \"origin\": \"loss\"},\n"
          "  {\"op\": \"dense_grad\", \"in\": [1, 2, 3, 10], \"out\": [11, 12, 13],"
          " \"attr\": \"act=1\", \"origin\": \"dense\"},\n"
          "  {\"op\": \"subtract\", \"in\": [2, 12], \"out\": [14]}],\n"
          "\"outputs\": [6, 7],\n"
          "\"finite\": [6],\n"
          "\"assigns\": [\n"
          "  {\"value\": 14, \"guard\": 0, \"path\": \"dense/kernel\"}]}\n");
}


TEST(of_a_failed_graph)
{
    cn_ctx *c = cn_open(.threads = 1);
    cn_graph *g = cn__graph_new(c);
    cn__text t = { .ctx = c };
    cn__graph_fail(g, CN_E_VALUE, "no %s", "good");
    cn__print(g, CN__PRINT_TEXT, &t);
    CHECK_STR(cn__text_get(&t), "error: no good");
    cn__text_free(&t);
    cn__unref(g);
    cn_close(c);
}

CHECK_MAIN
