/* Options as Keras's JSON and back: against what real Keras wrote (tests/golden/config.json), key by key; and configs
   of Keras 1 and 2. */
#include "check.h"
#include "cornu.h"
#include "base/file.h"
#include "formats/config.h"
#include "nn/options.h"
#include "fail/alloc.h"

/* ---- Helpers ----------------------------------------------------------------------------------------------------- */
static cn_ctx *c;
static cn__arena mem;
static char logged[4000];

static void keep_log(cn_level level, const char *text, void *user)
{
    size_t n = strlen(logged);
    (void)level, (void)user;
    snprintf(logged + n, sizeof logged - n, "%s\n", text);
}

static void begin(void)
{
    c = cn_open(.threads = 1, .log = { keep_log, NULL });
    mem = (cn__arena){ .ctx = c };
    *logged = 0;
}

static void end(void)
{
    cn__arena_free(&mem);
    cn_close(c);
}

static const cn__json *parse(const char *text)           /* ' for ", to be read more easily */
{
    char *json = cn__arena_text(&mem, text);
    for (char *p = json; (p = strchr(p, '\'')) != NULL;) *p = '"';
    const cn__json *j = cn__json_parse(&mem, NULL, "test", json, strlen(json));
    if (!j) CHECK_FAIL("%s: %s", text, cn_error_message(c));
    return j;
}

static const char *text_of(const cn__json *j)
{
    cn__text t = { .ctx = c };
    cn__json_print(&t, j, 0);
    const char *copy = cn__arena_text(&mem, cn__text_get(&t));
    cn__text_free(&t);
    return copy;
}

static bool number(const cn__json *j) { return j->type == CN__JSON_INT || j->type == CN__JSON_REAL; }

static bool equal(const cn__json *a, const cn__json *b)  /* the order of keys is free, 1 is 1.0 */
{
    if (!a || !b) return false;
    if (number(a) && number(b)) return !(a->d < b->d) && !(a->d > b->d);
    if (a->type != b->type || a->n != b->n) return false;
    if (a->type == CN__JSON_STRING) return !strcmp(a->text, b->text);
    const cn__json *y = b->first;
    for (const cn__json *x = a->first; x; x = x->next, y = y->next)
        if (!equal(x, x->key ? cn__json_get(b, x->key) : y)) return false;
    return true;
}

static cn__reading reading(int keras)
{
    return (cn__reading){ .ctx = c, .mem = &mem, .site = "test.c:1", .what = "m.keras: config.json", .keras = keras };
}

/* A layer's or another object read, resolved, and written again as of today; NULL: an error. */
static const cn__json *again(int keras, cn__family family, const char *text)
{
    cn__reading r = reading(keras);
    const cn__json *object = parse(text), *config = cn__json_get(object, "config");
    const cn__class *class = object ? cn__config_class(&r, family, "x", object) : NULL;
    if (!class) return NULL;
    void *args = class->size ? cn__config_read(&r, class, "x", config) : NULL;
    if (class->size && (!args || !(args = cn__args_resolve(c, &mem, NULL, class, args)))) return NULL;
    if (!class->size && !cn__config_read(&r, class, "x", config)) return NULL;
    return cn__config_object(&mem, class, cn__config_write(&mem, class, args));
}

/* The same of a choice. */
static const cn__json *choice_again(int keras, cn__family family, const char *text)
{
    cn__reading r = reading(keras);
    const char *choice;
    cn__spec spec;
    if (!cn__config_read_choice(&r, family, "x", parse(text), &choice)) return NULL;
    if (!cn__spec_make(c, &mem, NULL, family, choice, &spec)) return NULL;
    return cn__config_choice(&mem, NULL, NULL, &spec);
}

static void refused(const cn__json *got, cn_status status, const char *part)
{
    if (got) CHECK_FAIL("accepted: %s", text_of(got));
    CHECK_INT(cn_error(c), status);
    CHECK_STR(cn_error_message(c), part);
    cn_clear_error(c);
}

static void same(const cn__json *got, const char *wanted)
{
    if (!got) CHECK_FAIL("%s", cn_error_message(c));
    else if (!equal(got, parse(wanted))) CHECK_FAIL("%s\nwanted %s", text_of(got), wanted);
    cn_clear_error(c);
}

static void has(const cn__json *object, const char *key, const char *value)
{
    const cn__json *got = cn__json_get(cn__json_get(object, "config"), key);
    if (!object) CHECK_FAIL("%s: %s", key, cn_error_message(c));
    else if (!got) CHECK_FAIL("%s is not there", key);
    else if (!equal(got, parse(value))) CHECK_FAIL("%s is %s, not %s", key, text_of(got), value);
    cn_clear_error(c);
}

/* ---- Against real Keras ------------------------------------------------------------------------------------------ */
static cn__family family_of(const char *name)
{
    static const char *const names[CN__FAMILIES] = {
        [CN__FAM_LAYER] = "layer", [CN__FAM_INITIALIZER] = "initializer", [CN__FAM_REGULARIZER] = "regularizer",
        [CN__FAM_CONSTRAINT] = "constraint", [CN__FAM_LOSS] = "loss", [CN__FAM_METRIC] = "metric",
        [CN__FAM_OPTIMIZER] = "optimizer", [CN__FAM_SCHEDULE] = "schedule"
    };
    for (int f = 1; f < CN__FAMILIES; f++)
        if (names[f] && !strcmp(names[f], name)) return (cn__family)f;
    return 0;
}

static const cn__json *golden(void)
{
    size_t n;
    unsigned char *text = cn__read_file(c, NULL, CN_SOURCE_DIR "/tests/golden/config.json", false, 0, &n);
    const cn__json *rows = text ? cn__json_parse(&mem, NULL, "config.json", (const char *)text, n) : NULL;
    if (!rows) CHECK_FAIL("%s", cn_error_message(c));
    cn__free(c, text, n + 1);
    return rows;
}

TEST(what_keras_wrote_comes_out_as_it_went_in)
{
    begin();
    const cn__json *rows = golden();
    int n = 0;
    for (const cn__json *row = rows ? rows->first : NULL; row; row = row->next, n++) {
        const cn__json *object = cn__json_get(row, "object");
        same(again(3, family_of(cn__json_text(cn__json_get(row, "family"))), text_of(object)), text_of(object));
    }
    CHECK(n > 150);
    CHECK_STR("", logged);                               /* no key was unknown */
    end();
}

/* A class's required options have no default: Keras's are taken. */
static const void *presets_with(const cn__class *class, const cn__json *config)
{
    cn__reading r = reading(3);
    cn__json *only = cn__json_new(&mem, CN__JSON_OBJECT);
    for (int i = 0; i < class->options; i++)
        if (class->option[i].required)
            cn__json_set(&mem, only, class->option[i].name,
                         cn__json_copy(&mem, cn__json_get(config, class->option[i].name)));
    void *args = cn__config_read(&r, class, "x", only);
    return args ? cn__args_resolve(c, &mem, NULL, class, args) : NULL;
}

TEST(every_class_s_presets_are_keras_s)
{
    begin();
    const cn__json *rows = golden();
    for (int family = 1; family < CN__FAM_CALLBACK; family++)
        for (int i = 0; cn__class_at((cn__family)family, i); i++) {
            const cn__class *class = cn__class_at((cn__family)family, i);
            const cn__json *row = rows ? rows->first : NULL;
            if (!class->module || family == CN__FAM_ACT) continue;
            for (; row; row = row->next)
                if (family_of(cn__json_text(cn__json_get(row, "family"))) == (cn__family)family &&
                    !strcmp(cn__json_text(cn__json_get(cn__json_get(row, "object"), "class_name")), class->name)) break;
            if (!row) CHECK_FAIL("%s is not in the golden", class->name);
            if (!cn__json_is(cn__json_get(row, "default"), CN__JSON_TRUE)) continue;     /* it has no defaults */
            const cn__json *object = cn__json_get(row, "object");
            const void *args = class->size ? presets_with(class, cn__json_get(object, "config")) : NULL;
            same(cn__config_object(&mem, class, cn__config_write(&mem, class, args)), text_of(object));
        }
    end();
}

TEST(activations_are_names)
{
    begin();
    for (int i = 0; cn__class_at(CN__FAM_ACT, i); i++) {
        const cn__class *class = cn__class_at(CN__FAM_ACT, i);
        char name[80];
        snprintf(name, sizeof name, "'%s'", class->name);
        bool plain = class->module && strcmp(class->name, "threshold");      /* that one needs its options */
        if (plain) same(choice_again(3, CN__FAM_ACT, name), name);
    }
    static const char function[] =
        "{'module': 'builtins', 'class_name': 'function', 'config': 'silu', 'registered_name': 'function'}";
    same(choice_again(3, CN__FAM_ACT, function), "'silu'");
    same(choice_again(3, CN__FAM_ACT, "'swish'"), "'silu'");
    same(choice_again(3, CN__FAM_ACT, "null"), "null");
    end();
}

TEST(activations_with_options_are_layers_or_ours)
{
    begin();
    static const char celu[] = "{'module': null, 'class_name': 'celu', 'config': {'alpha': 0.5}, "
                               "'registered_name': 'cornu>celu'}";
    static const char step[] = "{'module': 'builtins', 'class_name': 'function', 'config': 'cornu>step', "
                               "'registered_name': 'function'}";
    same(choice_again(3, CN__FAM_ACT, celu), celu);
    same(choice_again(3, CN__FAM_ACT, step), step);
    same(choice_again(3, CN__FAM_ACT, "'cornu>step'"), step);
    has(choice_again(2, CN__FAM_ACT, "{'class_name': 'LeakyReLU', 'config': {'alpha': 0.30000001192092896, "
                                     "'name': 'l', 'trainable': true, 'dtype': 'float32'}}"),
        "negative_slope", "0.30000001192092896");
    refused(choice_again(3, CN__FAM_ACT, "{'module': 'keras.layers', 'class_name': 'PReLU', 'config': {}, "
                                         "'registered_name': null}"), CN_E_UNSUPPORTED, "activation \"PReLU\"");
    end();
}

TEST(what_keras_forgets_is_kept)
{
    begin();
    has(again(3, CN__FAM_LOSS, "{'class_name': 'Huber', 'config': {'delta': 2.5}}"), "delta", "2.5");
    has(again(3, CN__FAM_LOSS, "{'class_name': 'CosineSimilarity', 'config': {'axis': 1}}"), "axis", "1");
    has(again(3, CN__FAM_INITIALIZER, "{'class_name': 'Identity', 'config': {'gain': 3}}"), "gain", "3");
    has(again(3, CN__FAM_METRIC,
              "{'class_name': 'SparseTopKCategoricalAccuracy', 'config': {'from_sorted_ids': true}}"),
        "from_sorted_ids", "true");
    end();
}

TEST(losses_and_metrics_by_name)
{
    begin();
    same(choice_again(3, CN__FAM_LOSS, "'mse'"), "'mean_squared_error'");
    same(choice_again(3, CN__FAM_LOSS, "{'module': 'keras.losses', 'class_name': 'Hinge', 'config': {'name': "
                                       "'hinge', 'reduction': 'sum_over_batch_size'}, 'registered_name': null}"),
         "'hinge'");
    same(choice_again(2, CN__FAM_LOSS, "'kullback_leibler_divergence'"), "'kl_divergence'");
    same(choice_again(2, CN__FAM_METRIC, "{'class_name': 'MeanMetricWrapper', 'config': {'name': 'acc', "
                                         "'dtype': 'float32', 'fn': 'categorical_accuracy'}}"),
         "{'module': 'keras.metrics', 'class_name': 'CategoricalAccuracy', 'config': {'name': 'acc', "
         "'dtype': 'float32'}, 'registered_name': null}");
    cn__reading r = reading(3);
    const char *choice;
    CHECK(cn__config_read_choice(&r, CN__FAM_METRIC, "x", parse("'acc'"), &choice) && !strcmp(choice, "acc"));
    CHECK(cn__config_read_choice(&r, CN__FAM_METRIC, "x", parse("'mse'"), &choice) && !strcmp(choice, "mse"));
    refused(again(3, CN__FAM_LOSS, "{'class_name': 'Hinge', 'config': {'reduction': 'sum'}}"), CN_E_UNSUPPORTED,
            "\"reduction\" is \"sum\"");
    CHECK(again(2, CN__FAM_LOSS, "{'class_name': 'Hinge', 'config': {'reduction': 'auto', 'name': 'h'}}"));
    refused(choice_again(3, CN__FAM_LOSS, "'msee'"), CN_E_UNSUPPORTED, "cn_register_loss");
    end();
}

/* ---- Keras 2 and 1 ----------------------------------------------------------------------------------------------- */
TEST(keras_2_layers)
{
    begin();
    const cn__json *d = again(2, CN__FAM_LAYER,
        "{'class_name': 'Dense', 'config': {'name': 'dense_1', 'trainable': true, 'batch_input_shape': [null, 4], "
        "'dtype': 'float32', 'units': 3, 'activation': 'relu', 'use_bias': true, 'kernel_initializer': "
        "{'class_name': 'VarianceScaling', 'config': {'scale': 1.0, 'mode': 'fan_avg', 'distribution': "
        "'uniform', 'seed': null}}, 'bias_initializer': {'class_name': 'Zeros', 'config': {'dtype': "
        "'float32'}}, 'kernel_regularizer': {'class_name': 'L1L2', 'config': {'l1': 0.0, 'l2': "
        "0.009999999776482582}}, 'bias_regularizer': null, 'activity_regularizer': null, 'kernel_constraint': "
        "{'class_name': 'MaxNorm', 'config': {'max_value': 2, 'axis': 0}}, 'bias_constraint': null}}");
    has(d, "units", "3"), has(d, "name", "'dense_1'");
    has(d, "kernel_regularizer", "{'module': 'keras.regularizers', 'class_name': 'L1L2', 'config': {'l1': 0, "
                                 "'l2': 0.009999999776482582}, 'registered_name': null}");
    has(d, "kernel_initializer", "{'module': 'keras.initializers', 'class_name': 'VarianceScaling', 'config': "
                                 "{'seed': null, 'scale': 1.0, 'mode': 'fan_avg', 'distribution': 'uniform', "
                                 "'input_axes': null, 'output_axes': null}, 'registered_name': null}");
    has(again(2, CN__FAM_LAYER, "{'class_name': 'ThresholdedReLU', 'config': {'theta': 0.5}}"), "threshold", "0.5");
    has(again(2, CN__FAM_LAYER, "{'class_name': 'Reshape', 'config': {'target_shape': {'class_name': "
                                "'__tuple__', 'items': [2, -1]}}}"), "target_shape", "[2, -1]");
    has(again(2, CN__FAM_LAYER, "{'class_name': 'Dense', 'config': {'units': 3, 'dtype': {'class_name': "
                                "'Policy', 'config': {'name': 'float64'}}}}"), "dtype",
        "{'module': 'keras', 'class_name': 'DTypePolicy', 'config': {'name': 'float64'}, "
        "'registered_name': null}");
    CHECK_STR("", logged);
    end();
}

TEST(keras_2_optimizers)
{
    begin();
    const cn__json *a = again(2, CN__FAM_OPTIMIZER,
        "{'class_name': 'Adam', 'config': {'lr': 0.0010000000474974513, 'beta_1': 0.8999999761581421, 'beta_2': "
        "0.9990000128746033, 'decay': 0.0, 'epsilon': null, 'amsgrad': false}}");
    has(a, "learning_rate", "0.0010000000474974513"), has(a, "epsilon", "1e-07");
    has(again(2, CN__FAM_OPTIMIZER, "{'class_name': 'SGD', 'config': {'learning_rate': 0.1, 'decay': 0.01}}"),
        "learning_rate", "{'module': 'keras.optimizers.schedules', 'class_name': 'InverseTimeDecay', 'config': "
        "{'name': 'InverseTimeDecay', 'initial_learning_rate': 0.1, 'decay_steps': 1, 'decay_rate': 0.01, "
        "'staircase': false}, 'registered_name': null}");
    has(again(2, CN__FAM_OPTIMIZER, "{'class_name': 'Custom>RMSprop', 'config': {'learning_rate': 0.1, "
                                    "'jit_compile': true, 'is_legacy_optimizer': false, 'weight_decay': null}}"),
        "weight_decay", "null");
    refused(again(2, CN__FAM_OPTIMIZER, "{'class_name': 'SGD', 'config': {'decay': 'x'}}"), CN_E_FORMAT, "decay");
    CHECK_STR("", logged);
    end();
}

TEST(keras_1)
{
    begin();
    const cn__json *d = again(1, CN__FAM_LAYER,
        "{'class_name': 'Dense', 'config': {'name': 'dense_1', 'trainable': true, 'batch_input_shape': [null, 4], "
        "'input_dtype': 'float32', 'output_dim': 3, 'init': 'uniform', 'activation': 'linear', "
        "'W_regularizer': {'name': 'L1L2Regularizer', 'l1': 0.0, 'l2': 0.01}, 'b_regularizer': null, "
        "'activity_regularizer': null, 'W_constraint': {'name': 'MaxNorm', 'm': 3, 'axis': 0}, "
        "'b_constraint': null, 'bias': false, 'input_dim': 4}}");
    has(d, "units", "3"), has(d, "use_bias", "false");
    has(d, "kernel_constraint", "{'module': 'keras.constraints', 'class_name': 'MaxNorm', 'config': "
                                "{'max_value': 3, 'axis': 0}, 'registered_name': null}");
    has(d, "kernel_regularizer", "{'module': 'keras.regularizers', 'class_name': 'L1L2', 'config': {'l1': 0, "
                                 "'l2': 0.01}, 'registered_name': null}");
    has(again(1, CN__FAM_LAYER, "{'class_name': 'Dropout', 'config': {'p': 0.25}}"), "rate", "0.25");
    has(again(1, CN__FAM_LAYER, "{'class_name': 'Merge', 'config': {'mode': 'concat', 'concat_axis': 1, "
                                "'mode_type': 'raw', 'dot_axes': -1, 'arguments': {}, 'output_shape': null}}"),
        "axis", "1");
    CHECK_STR("", logged);
    refused(again(1, CN__FAM_LAYER, "{'class_name': 'Merge', 'config': {'mode': 'cos'}}"), CN_E_UNSUPPORTED,
            "Merge with \"mode\": \"cos\"");
    same(choice_again(1, CN__FAM_ACT, "'hard_sigmoid'"), "'hard_sigmoid'");
    CHECK_STR(logged, "before Keras 3 it was");
    end();
}

/* ---- What is refused, and what is said --------------------------------------------------------------------------- */
TEST(unknown_keys_are_reported_null_ones_not)
{
    begin();
    CHECK(again(3, CN__FAM_LAYER, "{'class_name': 'Dense', 'config': {'units': 3, 'later': {'a': 1}, 'b': null}}"));
    CHECK_STR(logged, "m.keras: config.json: x: \"later\" is not known and was passed over; it is {\"a\": 1}.");
    CHECK(!strstr(logged, "\"b\""));
    end();
}

TEST(wrong_types)
{
    static const struct { const char *config, *message; } cases[] = {
        { "{'units': '3'}", "\"units\" is \"3\"; it must be a whole number" },
        { "{'units': 3.5}", "\"units\" is 3.5; it must be a whole number" },
        { "{'units': NaN}", "\"units\" is NaN; it must be a whole number" },
        { "{'units': {}}", "\"units\" is {}; it must be a whole number" },
        { "{'units': 9223372036854775807}", "it must be a whole number" },
        { "{'units': 3, 'use_bias': 'yes'}", "\"use_bias\" is \"yes\"; it must be true or false" },
        { "{'units': 3, 'name': 5}", "\"name\" is 5; it must be a text" },
        { "{'units': 3, 'kernel_initializer': [1]}", "it must be a name or an object" },
        { "{'units': 3, 'kernel_initializer': {'config': {}}}", "an object with \"class_name\"" },
        { "{'units': 3, 'dtype': []}", "the name of an element type" },
        { "[]", "\"config\" is []; it must be an object" },
    };
    begin();
    for (size_t i = 0; i < CN__COUNT(cases); i++) {
        char text[300];
        snprintf(text, sizeof text, "{'class_name': 'Dense', 'config': %s}", cases[i].config);
        refused(again(3, CN__FAM_LAYER, text), CN_E_FORMAT, cases[i].message);
    }
    refused(again(3, CN__FAM_LAYER, "{'class_name': 'Dense', 'config': {'units': 3, 'dtype': 'float33'}}"),
            CN_E_DTYPE, "float33");
    refused(again(3, CN__FAM_LAYER, "{'class_name': 'Dense', 'config': {'units': 3, 'dtype': {'config': "
                                    "{'name': 'int8_from_float32'}}}}"), CN_E_UNSUPPORTED, "quantized");
    refused(again(3, CN__FAM_LAYER, "{'class_name': 'Softmax', 'config': {'axis': [1,2,3,4,5,6,7,8,9]}}"), CN_E_FORMAT,
            "at most 8");
    refused(again(3, CN__FAM_LAYER, "{'class_name': 'Dot', 'config': {'axes': [1,2,3]}}"), CN_E_FORMAT, "list of two");
    refused(again(3, CN__FAM_LAYER, "{'class_name': 'Normalization', 'config': {'mean': [1, 'a']}}"), CN_E_FORMAT,
            "a list of numbers or of texts");
    refused(again(3, CN__FAM_LAYER, "{'config': {}}"), CN_E_FORMAT, "class_name");
    refused(again(3, CN__FAM_LAYER, "{'class_name': 'Dense', 'config': {'units': 0}}"), CN_E_VALUE, "units");
    refused(again(3, CN__FAM_LAYER, "{'class_name': 'Flatten', 'config': {'data_format': 'channels_first'}}"),
            CN_E_UNSUPPORTED, "channels_last");
    refused(again(3, CN__FAM_LAYER, "{'class_name': 'Dense', 'config': {'units': 3, 'lora_rank': 4}}"),
            CN_E_UNSUPPORTED, "LoRA");
    end();
}

TEST(code_stays_out)
{
    static const char *const classes[] = { "Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "TFOpLambda" };
    begin();
    for (size_t i = 0; i < CN__COUNT(classes); i++) {
        char text[200];
        snprintf(text, sizeof text, "{'class_name': '%s', 'config': {'name': 'f'}}", classes[i]);
        refused(again(3, CN__FAM_LAYER, text), CN_E_UNSUPPORTED, classes[i]);
    }
    static const char lambda[] = "{'class_name': '__lambda__', 'config': {'value': '4wEAAA=='}}";
    char text[400];
    snprintf(text, sizeof text, "{'class_name': 'Dense', 'config': {'units': 1, 'activation': %s}}", lambda);
    refused(again(3, CN__FAM_LAYER, text), CN_E_UNSUPPORTED, "Python byte code");
    snprintf(text, sizeof text, "{'class_name': 'Dense', 'config': {'units': 1, 'new': [{'a': %s}]}}", lambda);
    refused(again(3, CN__FAM_LAYER, text), CN_E_UNSUPPORTED, "Python byte code");
    static const char *const modules[] = { "os", "keras.utils", "keras.src.ops.numpy", "kerasx.layers",
                                           "keras.layersx", "" };
    for (size_t i = 0; i < CN__COUNT(modules); i++) {
        snprintf(text, sizeof text, "{'module': '%s', 'class_name': 'Add', 'config': {}, 'registered_name': null}",
                 modules[i]);
        refused(again(3, CN__FAM_LAYER, text), CN_E_UNSUPPORTED, "the layer \"Add\"");
    }
    refused(again(3, CN__FAM_LAYER, "{'module': 'keras.layers', 'class_name': 'Dense', 'config': {'units': 1}, "
                                    "'registered_name': 'evil>Dense'}"), CN_E_UNSUPPORTED, "evil>Dense");
    refused(choice_again(3, CN__FAM_ACT, "{'module': 'subprocess', 'class_name': 'function', 'config': 'relu', "
                                         "'registered_name': 'relu'}"), CN_E_UNSUPPORTED, "of subprocess");
    refused(again(3, CN__FAM_LAYER, "{'class_name': 'Dense', 'config': {'units': 1, 'safe_mode': false}}"),
            CN_E_UNSUPPORTED, "safe_mode");
    CHECK(again(3, CN__FAM_LAYER, "{'module': 'keras.src.layers.core.dense', 'class_name': 'Dense', 'config': "
                                  "{'units': 1, 'name': '%s%n'}, 'registered_name': null}"));
    end();
}

static cn_node *twice(cn_node *z, void *user) { return (void)user, z; }
static cn_node *nothing(const cn_layer_call *k) { return k->in[0]; }

TEST(classes_of_one_s_own)
{
    begin();
    static const char own[] = "{'module': 'acme.layers', 'class_name': 'Scale', 'config': {'name': 's'}, "
                              "'registered_name': 'acme>Scale'}";
    static const char f[] = "{'module': 'builtins', 'class_name': 'function', 'config': 'acme>twice', "
                            "'registered_name': 'function'}";
    static const char older[] = "{'module': 'acme', 'class_name': 'function', 'config': 'twice', "
                                "'registered_name': 'acme>twice'}";
    refused(again(3, CN__FAM_LAYER, own), CN_E_UNSUPPORTED, "cn_register_layer(c, \"acme>Scale\", ...)");
    refused(choice_again(3, CN__FAM_ACT, f), CN_E_UNSUPPORTED, "cn_register_activation(c, \"acme>twice\", ...)");
    refused(again(3, CN__FAM_LAYER, "{'module': '__main__', 'class_name': 'Mine', 'config': {}, "
                                    "'registered_name': 'Mine'}"), CN_E_UNSUPPORTED,
            "cn_register_layer(c, \"Custom>Mine\", ...)");
    CHECK_INT(cn_register_activation(c, "acme>twice", twice), CN_OK);
    CHECK_INT(cn_register_layer(c, "acme>Scale", .call = nothing), CN_OK);
    same(choice_again(3, CN__FAM_ACT, f), f);
    same(choice_again(3, CN__FAM_ACT, older), f);
    has(again(3, CN__FAM_LAYER, own), "name", "'s'");
    end();
}

TEST(an_optimizer_of_ours)
{
    begin();
    cn__spec spec;
    CHECK(cn__spec_make(c, &mem, NULL, CN__FAM_OPTIMIZER, "cornu>perceptron", &spec));
    const char *text = text_of(cn__config_choice(&mem, NULL, NULL, &spec));
    CHECK_STR(text, "\"registered_name\": \"cornu>perceptron\"");
    same(choice_again(3, CN__FAM_OPTIMIZER, text), text);
    end();
}

TEST(without_memory)
{
    static const char text[] =
        "{\"class_name\": \"Dense\", \"config\": {\"name\": \"d\", \"units\": 3, \"activation\": {\"class_name\": "
        "\"ReLU\", \"config\": {\"max_value\": 6.0}}, \"kernel_initializer\": {\"class_name\": \"HeNormal\", "
        "\"config\": {\"seed\": 3}}, "
        "\"kernel_constraint\": {\"class_name\": \"MaxNorm\", \"config\": {\"axis\": [0, 1]}}}}";
    for (long n = 1;; n++) {
        fail_alloc a = { .at = n };
        const cn__json *object, *got = NULL;
        c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1);
        mem = (cn__arena){ .ctx = c };
        cn__reading r = reading(3);
        object = !c ? NULL : cn__json_parse(&mem, NULL, "test", text, strlen(text));
        const cn__class *class = object ? cn__config_class(&r, CN__FAM_LAYER, "x", object) : NULL;
        void *args = class ? cn__config_read(&r, class, "x", cn__json_get(object, "config")) : NULL;
        if (args && (args = cn__args_resolve(c, &mem, NULL, class, args)))
            got = cn__config_object(&mem, class, cn__config_write(&mem, class, args));
        CHECK(got || a.failed);
        CHECK(got || !c || args || cn_error(c) == CN_E_NOMEM);           /* said; while writing NULL says it */
        end();
        CHECK_INT(a.blocks, 0);
        if (!a.failed) break;
    }
}

CHECK_MAIN
