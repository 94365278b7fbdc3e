/* memory.c: building, differentiating, rewriting and printing a graph while the n-th request for memory fails, for
   every n. */
#include "../ops/eval.h"
#include "../fail/alloc.h"

static bool work(cn_ctx *c)
{
    cn__arena names = { .ctx = c };
    cn__type tx = cn__type_make(CN_FLOAT32, DIMS(4, 3)), tw = cn__type_make(CN_FLOAT32, DIMS(3, 5)),
        tl = cn__type_make(CN_INT32, DIMS(4));
    cn__text text = { .ctx = c };
    bool     ok = false;
    cn__var *w = cn__var_new(c, &names, "w", &tw, CN__WEIGHT, CN__SCOPE_MODEL, true);
    cn_graph *g = w ? cn__graph_new(c) : NULL;
    if (cn__graph_ok(g)) {
        cn__val x = cn__input(g, &tx, "x"), l = cn__input(g, &tl, "labels"), d;
        cn__val z = cn__dense(g, x, cn__variable(g, w), eval_const(g, CN_FLOAT32, DIMS(5), (const double[5]){ 1, 2 }),
                              CN__ACT_TANH);
        for (int k = 0; k < 20; k++) z = cn__affine(g, z, 0.5, k + 1);   /* so that the lists and the table grow */
        cn__val loss = cn__reduce_all(g, CN__OP_MEAN, cn__sparse_ce(g, l, z, true));
        cn__gradient(g, loss, 0, 1, (const cn__val[]){ cn__variable(g, w) }, &d);
        cn__a_sgd a = { 0 };
        cn__assign_var(g, w, cn__emit(g, CN__OP_SGD, &a, sizeof a, 3,
                                      (const cn__val[]){ cn__variable(g, w), d, cn__scalar(g, CN_FLOAT32, 1) }, 1,
                                          NULL), 0);
        cn__root(g, loss);
        bool built = cn__graph_status(g, NULL) == CN_OK;
        if (built) g = eval_expand(g);
        cn__print(g, CN__PRINT_JSON, &text);
        ok = built && g && !text.nomem;
    }
    cn__text_free(&text);
    cn__unref(g);
    cn__var_free(w);
    cn__arena_free(&names);
    return ok;
}

TEST(every_allocation_may_fail)
{
    long n = 1;
    for (;; n++) {
        fail_alloc a = { .at = n };
        cn_ctx *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1);
        bool ok = c && work(c);
        if (a.failed && ok) CHECK_FAIL("request %ld of %ld failed, and nobody noticed", n, a.calls);
        if (!a.failed && !ok) CHECK_FAIL("%s", (cn_error_message)(c));
        cn_close(c);
        CHECK_INT(a.blocks, 0);
        CHECK_INT(a.bytes, 0);
        if (!a.failed || check_bad) break;
    }
    CHECK(n > 80);
}

CHECK_MAIN
