/* options.c: tables to descriptors, presets and checks; look-up by name; copies that outlive what was given; classes of
 * one's own. */
#include "golden.h"

static cn_ctx *ctx;

static const cn__option *option(cn__family family, const char *class, const char *name)
{
    const cn__option *o = cn__option_find(cn__class_find(ctx, family, class), name);
    if (!o) CHECK_FAIL("%s has no %s", class, name);
    return o;
}

TEST(descriptors_say_what_the_table_says)
{
    ctx = cn_open();
    const cn__option *units = option(CN__FAM_LAYER, "Dense", "units"),
                     *activation = option(CN__FAM_LAYER, "Dense", "activation"),
                     *shape = option(CN__FAM_LAYER, "Reshape", "target_shape"),
                     *axes = option(CN__FAM_LAYER, "Dot", "axes"),
                     *mean = option(CN__FAM_LAYER, "Normalization", "mean"),
                     *bias = option(CN__FAM_LAYER, "Dense", "use_bias"),
                     *rate = option(CN__FAM_OPTIMIZER, "SGD", "learning_rate"),
                     *schedule = option(CN__FAM_OPTIMIZER, "Adam", "schedule"),
                     *mode = option(CN__FAM_INITIALIZER, "VarianceScaling", "mode"),
                     *dtype = option(CN__FAM_LAYER, "Dense", "dtype");
    CHECK(units->type == CN__O_int64_t && units->required && units->offset == offsetof(cn_dense_args, units) &&
          units->size == sizeof(int64_t));
    CHECK(activation->type == CN__O_choice && activation->family == CN__FAM_ACT && !activation->required);
    CHECK_STR(activation->preset, "CN_LINEAR");
    CHECK_STR(activation->help, "of the output");
    CHECK(shape->type == CN__O_cn_dims && axes->type == CN__O_cn_size2 && mean->type == CN__O_values &&
          bias->type == CN__O_cn_flag);
    CHECK(rate->type == CN__O_double && schedule->type == CN__O_choice && schedule->family == CN__FAM_SCHEDULE);
    CHECK(mode->type == CN__O_cn_text && dtype->type == CN__O_cn_dtype);
    CHECK_STR(rate->preset, "0.01");
    CHECK_STR(option(CN__FAM_OPTIMIZER, "AdamW", "weight_decay")->preset, "0.004");
    CHECK_INT(cn_close(ctx), 0);
}

TEST(every_class_resolves_from_nothing_but_its_required_options)
{
    cn__spec spec;
    int n = 0;
    ctx = cn_open();
    for (cn__family f = CN__FAM_LAYER; f < CN__FAM_CALLBACK; f++)
        for (int i = 0; cn__class_at(f, i); i++, n++) {
            const cn__class *class = cn__class_at(f, i);
            CHECK(class->family == f && *class->name && *class->snake && *class->formula && class->ops);
            CHECK(cn__class_find(ctx, f, class->name) == class && cn__class_find(ctx, f, class->snake) == class);
            bool required = class->options && class->option[0].required;
            if (required || f == CN__FAM_LAYER) continue;
            if (!cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, f, class->name, &spec))
                CHECK_FAIL("%s: %s", class->name, cn_error_message(ctx));
            CHECK(!class->size == !spec.args);
        }
    CHECK(n > 130);
    CHECK(!cn__class_at(CN__FAM_CALLBACK, 0) && !cn__class_at(CN__FAM_ACT, 1000) && !cn__class_at(CN__FAM_ACT, -1));
    CHECK_INT(cn_close(ctx), 0);
}

TEST(names_are_unique_within_a_family)
{
    ctx = cn_open();
    for (cn__family f = CN__FAM_LAYER; f < CN__FAM_CALLBACK; f++)
        for (int i = 0; cn__class_at(f, i); i++) {
            char words[200], *at = words;
            snprintf(words, sizeof words, "%s", cn__class_at(f, i)->aliases);
            while (*at) {
                const char *word = golden_word(&at);
                if (*word && cn__class_find(ctx, f, word) != cn__class_at(f, i))
                    CHECK_FAIL("%s is another's name", word);
            }
        }
    CHECK_INT(cn_close(ctx), 0);
}

TEST(keras_spellings)
{
    ctx = cn_open();
    CHECK(cn__class_find(ctx, CN__FAM_OPTIMIZER, "ADAM") && cn__class_find(ctx, CN__FAM_OPTIMIZER, "RMSprop") &&
          cn__class_find(ctx, CN__FAM_OPTIMIZER, "rmsprop"));
    CHECK(!cn__class_find(ctx, CN__FAM_ACT, "ReLU") && cn__class_find(ctx, CN__FAM_ACT, "swish") &&
          cn__class_find(ctx, CN__FAM_ACT, "hard_swish"));
    CHECK(cn__class_find(ctx, CN__FAM_LOSS, "MSE") && cn__class_find(ctx, CN__FAM_LOSS, "bce") &&
          !cn__class_find(ctx, CN__FAM_LOSS, "Mse"));
    CHECK(cn__class_find(ctx, CN__FAM_INITIALIZER, "zero") && cn__class_find(ctx, CN__FAM_INITIALIZER, "normal") &&
          cn__class_find(ctx, CN__FAM_INITIALIZER, "uniform"));
    CHECK(cn__class_find(ctx, CN__FAM_REGULARIZER, "l1l2") && cn__class_find(ctx, CN__FAM_REGULARIZER, "l1_l2"));
    CHECK_STR(cn__class_find(ctx, CN__FAM_METRIC, "huber")->name, "Huber");      /* every loss is a metric */
    CHECK_STR(cn__class_find(ctx, CN__FAM_METRIC, "mse")->module, "keras.metrics");
    CHECK(!cn__class_find(ctx, CN__FAM_LOSS, NULL));
    CHECK_INT(cn_close(ctx), 0);
}

/* ---- Zero is the default, CN_ZERO is zero ------------------------------------------------------------------------ */
TEST(zeros_are_presets_and_cn_zero_is_zero)
{
    cn__spec spec;
    ctx = cn_open();
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_OPTIMIZER,
                        cn_adamw(.weight_decay = CN_ZERO, .beta_1 = 0.5).name, &spec));
    const cn_adamw_args *o = spec.args;
    CHECK_NEAR(o->weight_decay, 0, 0);
    CHECK_NEAR(o->beta_1, 0.5, 0);
    CHECK_NEAR(o->beta_2, 0.999, 0);
    CHECK_INT(o->gradient_accumulation_steps, 1);
    CHECK_INT(o->use_ema, CN_NO);
    CHECK(!o->schedule.name && !o->name);
    cn__spec again;                                      /* what is resolved stays: its 0 is not taken for a default */
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_OPTIMIZER, spec.args, &again) &&
          again.args == spec.args && again.cls == spec.cls);
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_LOSS,
                        cn_loss_sparse_categorical_crossentropy(.ignore_class = CN_AXIS0).name, &spec));
    CHECK_INT(((const cn_loss_sparse_categorical_crossentropy_args *)spec.args)->ignore_class, 0);
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_LOSS, "sparse_categorical_crossentropy", &spec));
    CHECK(((const cn_loss_sparse_categorical_crossentropy_args *)spec.args)->ignore_class == CN_NO_CLASS);
    CHECK(
        cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_REGULARIZER, "l2", &spec)); /* by its name: Keras's 0.01 */
    CHECK_NEAR(((const cn_l2_args *)spec.args)->l2, 0.01, 0);
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_REGULARIZER, cn_l2(0).name,
                        &spec)); /* by place: as it stands */
    CHECK_NEAR(((const cn_l2_args *)spec.args)->l2, 0, 0);
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_REGULARIZER, NULL, &spec) && !spec.cls);      /* none */
    CHECK_INT(cn_close(ctx), 0);
}

TEST(lists_of_axes)
{
    uint32_t mask;
    ctx = cn_open();
    CHECK_INT(cn__dims_count((const int64_t[CN_MAX_RANK]){ 3, CN_AXIS0, -1 }), 3);
    CHECK_INT(cn__dims_count((const int64_t[CN_MAX_RANK]){ 1, 1, 1, 1, 1, 1, 1, 1 }), CN_MAX_RANK);
    CHECK_INT(cn__dims_at((const int64_t[CN_MAX_RANK]){ CN_AXIS0, 2 }, 0), 0);
    CHECK(cn__axes_mask((const int64_t[CN_MAX_RANK]){ CN_AXIS0, -1 }, 4, &mask));
    CHECK_INT(mask, 9);
    CHECK(!cn__axes_mask((const int64_t[CN_MAX_RANK]){ 4 }, 4, &mask) &&
          !cn__axes_mask((const int64_t[CN_MAX_RANK]){ -5 }, 4, &mask));
    cn_layer *dot = cn__layer_new(ctx, NULL, cn__class_find(ctx, CN__FAM_LAYER, "Dot"),
                                  &(cn_dot_args){ .head = CN_HEAD(cn_dot_args), .axes = { 2 } });
    const cn_dot_args *o = dot->args;
    CHECK(o->axes[0] == 2 && o->axes[1] == 2);           /* a list that says less repeats its last number */
    CHECK_INT(cn_close(ctx), 0);
}

/* ---- Copies ------------------------------------------------------------------------------------------------------ */
static cn_layer *from_this_block(void)
{
    char name[16] = "first";
    double mean[2] = { 1, 2 }, variance[2] = { 3, 4 };
    cn_layer *l = cn_normalization(ctx, .name = name, .mean = CN_BUFFER(mean, 2), .variance = CN_BUFFER(variance, 2),
                                   .activity_regularizer = cn_l1_l2(0.5, 0.25));
    memset(name, 'x', 5), mean[0] = 100;
    return l;
}

static int overwritten(void)                             /* the stack where the literals were */
{
    volatile char junk[2048];
    for (size_t i = 0; i < sizeof junk; i++) junk[i] = 0x55;
    return junk[7];
}

TEST(what_was_given_may_go_away)
{
    ctx = cn_open();
    cn_layer *l = from_this_block();
    CHECK_INT(overwritten(), 0x55);
    const cn_normalization_args *o = l->args;
    CHECK_STR(l->name, "first");
    CHECK_NEAR(cn__load(o->mean->dtype, o->mean->data, 0), 1, 0);
    CHECK_NEAR(cn__load(o->variance->dtype, o->variance->data, 1), 4, 0);
    CHECK_STR(l->activity_regularizer.cls->name, "L1L2");
    CHECK_NEAR(((const cn_l1_l2_args *)l->activity_regularizer.args)->l2, 0.25, 0);
    CHECK_INT(cn_close(ctx), 0);
}

/* ---- Older and newer callers ------------------------------------------------------------------------------------- */
TEST(a_caller_with_fewer_options_gets_presets_for_the_rest)
{
    cn__spec spec;
    cn_sgd_args args = { .head = CN_HEAD(cn_sgd_args), .learning_rate = 0.5, .momentum = 0.9 };
    ctx = cn_open();
    args.head.size = (uint32_t)offsetof(cn_sgd_args, momentum);      /* as if momentum were newer than the program */
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_OPTIMIZER, (cn_sgd)(&args).name, &spec));
    CHECK_NEAR(((const cn_sgd_args *)spec.args)->learning_rate, 0.5, 0);
    CHECK_NEAR(((const cn_sgd_args *)spec.args)->momentum, 0, 0);
    args.head.size = 0;
    CHECK(!cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_OPTIMIZER, (cn_sgd)(&args).name, &spec));
    CHECK_STR(cn_error_message(ctx), "CN_HEAD");
    cn_close(ctx);
}

/* ---- Messages ---------------------------------------------------------------------------------------------------- */
static const char *unknown(cn__family family, const char *name)
{
    cn__class_unknown(ctx, "train.c:14", family, name);
    CHECK_INT(cn_error(ctx), CN_E_NAME);
    return cn_error_message(ctx);
}

TEST(did_you_mean)
{
    ctx = cn_open();
    CHECK_STR(unknown(CN__FAM_ACT, "sofmax"),
              "train.c:14: there is no activation \"sofmax\"; did you mean \"softmax\"");
    CHECK_STR(unknown(CN__FAM_LAYER, "Dens"), "did you mean \"Dense\"");
    CHECK_STR(unknown(CN__FAM_LOSS, "binary_crossentropi"), "\"binary_crossentropy\"");
    CHECK_STR(unknown(CN__FAM_METRIC, "acme>recal"), "there is no metric");
    CHECK_STR(unknown(CN__FAM_OPTIMIZER, "xyzxyzxyz"), "a name of your own has to be registered first");
    cn_close(ctx);
}

static cn_status wrong_flag(void)
{
    cn__spec spec;
    cn_adam_args args = { .head = CN_HEAD(cn_adam_args), .amsgrad = (cn_flag)7 };
    CHECK(!cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_OPTIMIZER, (cn_adam)(&args).name, &spec));
    return cn_error(ctx);
}

TEST(what_is_no_flag_or_number)
{
    ctx = cn_open();
    CHECK_INT(wrong_flag(), CN_E_VALUE);
    CHECK_STR(cn_error_message(ctx), "amsgrad is 7, which is not CN_YES or CN_NO");
    cn_close(ctx);
}

/* ---- Classes of one's own ---------------------------------------------------------------------------------------- */
static cn__val twice(cn_graph *g, const cn__spec *s, cn__val z)
{
    return cn__scale(g, z, *(const double *)s->cls->user);
}

TEST(a_registered_activation_is_found_and_used)
{
    static const double two = 2;
    static const cn__act_ops ops = { twice };
    const cn__class row = { .name = "acme>twice",
                            .snake = "twice",
                            .aliases = "",
                            .formula = "2 z",
                            .family = CN__FAM_ACT,
                            .ops = &ops,
                            .user = &two };
    cn__spec spec;
    double x = 3;
    ctx = cn_open();
    CHECK(!cn__class_find(ctx, CN__FAM_ACT, "acme>twice"));
    CHECK(cn__class_register(ctx, &row));
    CHECK(cn__spec_make(ctx, cn__ctx_arena(ctx), NULL, CN__FAM_ACT, "acme>twice", &spec));
    CHECK_STR(spec.cls->snake, "twice");
    cn_graph *g = cn__graph_new(ctx);
    cn__lowering l = { .ctx = ctx, .g = g };
    cn__val y = cn__activate(&l, &spec, eval_const(g, CN_FLOAT32, 0, NULL, &x));
    golden_roots(g, 1, &y);
    eval e = eval_run(g, NULL);
    CHECK_NEAR(eval_at(&e, 0, 0), 6, 0);
    eval_free(&e);
    CHECK_STR(unknown(CN__FAM_ACT, "acme>twise"), "did you mean \"acme>twice\"");
    cn_close(ctx);
    ctx = cn_open();                                     /* of that context alone */
    CHECK(!cn__class_find(ctx, CN__FAM_ACT, "acme>twice"));
    CHECK_INT(cn_close(ctx), 0);
}

CHECK_MAIN
