/* memory.c: making layers, losses, metrics and optimizers and lowering them to a graph while the n-th allocation fails,
   for every n: an error each time, nothing lost, no crash. */
#include "golden.h"
#include "../fail/alloc.h"

/* A training step of one layer with all that may stand around it. false: something said no. */
static bool step(cn_ctx *c, cn_layer *l, cn__optimizer *o)
{
    cn__spec loss;
    cn__metric auc;
    cn__type t = { .dtype = CN_FLOAT32, .rank = 2, .dim = { 4, 6 } },
             one = { .dtype = CN_FLOAT32, .rank = 2, .dim = { 4, 1 } };
    cn_graph *g = cn__graph_new(c);
    if (cn__bad(g)) return false;
    cn__val x = cn__input(g, &t, "x"), y = cn__input(g, &one, "y"), out[1] = { 0 }, out_mask = 0, none = 0, w[2],
            dw[2] = { 0 };
    cn__lowering k = { .ctx = c,
                       .g = g,
                       .layer = l,
                       .mode = CN__TRAIN,
                       .training = true,
                       .in = &x,
                       .mask = &none,
                       .nin = 1,
                       .out = out,
                       .nout = 1,
                       .out_mask = &out_mask };
    bool ok = l->ops->call(&k) &&
              cn__loss_make(c, cn__ctx_arena(c), NULL, cn_loss_binary_crossentropy(.label_smoothing = 0.1).name, &one,
                            &one, &loss) &&
              cn__metric_make(c, cn__ctx_arena(c), NULL, cn_metric_auc(.thresholds = CN_NUMBERS(0.2, 0.4)).name, &loss,
                              &one, &one, &auc);
    for (int i = 0; ok && i < 2; i++) w[i] = cn__variable(g, l->weights.at[i]->var);
    ok = ok && cn__metric_sums(g, &auc, y, out[0], 0) &&
         cn__gradient(g, cn__loss(g, &loss, y, out[0], k.logits, k.logits_of), 0, 2, w, dw) &&
         cn__optimizer_apply(o, g, l->weights.at, dw, 2) && cn__graph_ok(g);
    if (!ok) cn__graph_status(g, NULL);                  /* to the context's record, unless it has another */
    cn__unref(g);
    return ok;
}

static bool work(cn_ctx *c)
{
    cn__optimizer o = { 0 };
    cn_layer *l = cn_dense(c, 1, .activation = CN_SIGMOID, .kernel_initializer = cn_init_orthogonal(.gain = 2),
                           .kernel_regularizer = cn_l2(0.1), .kernel_constraint = cn_max_norm(1), .name = "neuron");
    if (cn__bad(l)) return false;
    l->nin = 1, l->in_type[0] = (cn__type){ .dtype = CN_FLOAT32, .rank = 2, .dim = { -1, 6 } };
    bool ok = !l->ops->build(l, NULL);
    for (size_t i = 0; ok && i < l->weights.n; i++) ok = !cn__weight_initialize(l->weights.at[i], 1);
    ok = ok &&
         cn__optimizer_make(&o, c, NULL,
                            cn_adam(.schedule = cn_piecewise_constant_decay(CN_NUMBERS(3), CN_NUMBERS(1, 0.1)),
                                    .use_ema = CN_YES, .gradient_accumulation_steps = 2, .global_clipnorm = 1)
                                .name) &&
         cn__optimizer_build(&o, l->weights.at, (int)l->weights.n) && step(c, l, &o);
    if (o.ctx) cn__optimizer_free(&o);
    for (size_t i = 0; i < l->weights.n; i++) cn__var_free(l->weights.at[i]->var);
    cn__vec_free(c, &l->weights);
    return ok;
}

static void every_n(bool for_good)
{
    long n = 1;
    for (;; n++) {
        fail_alloc a = { .at = n, .for_good = for_good };
        cn_ctx *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1);
        bool ok = c && work(c);
        CHECK(ok == !a.failed);
        CHECK(ok || !c || cn_error(c) == CN_E_NOMEM);
        cn_close(c);
        CHECK_INT(a.blocks, 0);
        CHECK_INT(a.bytes, 0);
        if (!a.failed || check_bad) break;
    }
    CHECK(n > 20);
}

TEST(the_nth_allocation_fails)            { every_n(false); }
TEST(the_nth_and_all_after_it_fail)       { every_n(true); }

TEST(nothing_to_stand_on)
{
    CHECK(cn__bad((cn_dense)(NULL)));
    CHECK(cn__bad((cn_add)(NULL)));
    CHECK(!(cn_adam)(NULL).name && !(cn_l2)(NULL).name && !(cn_act_relu)(NULL).name);
    CHECK(cn__bad((cn_dense)(&(cn_dense_args){ .head = CN_HEAD(cn_dense_args), .units = 3 })));
}

CHECK_MAIN
