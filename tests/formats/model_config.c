/* model_config.c: models as Keras's JSON. Those that real Keras made (tests/golden/make_models.py) are read and written
   again, those made here go there and back; all versions' forms; what must be refused. */
#include "check.h"
#include "data/files.h"
#include "fail/alloc.h"
#include "base/file.h"
#include "formats/config.h"
#include "model/model.h"
#include <cornu.h>

typedef struct room { cn_ctx *c; cn__arena mem; cn__reading r; } room;

static room enter(int keras)
{
    room in = { .c = cn_open() };
    in.mem.ctx = in.c;
    in.r = (cn__reading){ .ctx = in.c, .what = "model.json", .keras = keras, .quiet = true };
    return in;
}

#define ENTER(name, keras) room name = enter(keras); name.r.mem = &name.mem

static void leave(room *in)
{
    cn__arena_free(&in->mem);
    cn_clear_error(in->c);
    cn_close(in->c);
}

static cn__json *parse(room *in, const char *text)
{
    cn__json *j = cn__json_parse(&in->mem, NULL, "text", text ? text : "", text ? strlen(text) : 0);
    if (!j) CHECK_FAIL("%s", cn_error_message(in->c));
    return j;
}

static cn_model *read_text(room *in, const char *text)
{
    return cn__config_parse_model(&in->r, text, strlen(text));
}

static const char *golden(room *in, const char *name)
{
    size_t n;
    const char *path = cn__arena_printf(&in->mem, CN_SOURCE_DIR "/tests/golden/models/%s.json", name), *text;
    unsigned char *bytes = cn__read_file(in->c, NULL, path, false, 0, &n);
    if (!bytes) return CHECK_FAIL("%s", cn_error_message(in->c)), "null";
    text = cn__arena_printf(&in->mem, "%.*s", (int)n, (const char *)bytes);
    cn__free(in->c, bytes, n + 1);
    return text;
}

/* ---- Equal key by key -------------------------------------------------------------------------------------------- */
static bool same_value(const cn__json *a, const cn__json *b)
{
    bool numbers =
        (a->type == CN__JSON_INT || a->type == CN__JSON_REAL) && (b->type == CN__JSON_INT || b->type == CN__JSON_REAL);
    if (numbers) return a->d == b->d;
    return a->type == b->type && (a->type != CN__JSON_STRING || !strcmp(a->text, b->text));
}

static void differs(const char *path, const cn__json *got, const cn__json *wanted)
{
    cn__text text = { .ctx = NULL };
    cn_ctx  *c = cn_open();
    text.ctx = c;
    cn__text_add(&text, "%s: ", path);
    if (got) cn__json_print(&text, got, 0); else cn__text_add(&text, "(nothing)");
    cn__text_add(&text, ", not ");
    if (wanted) cn__json_print(&text, wanted, 0); else cn__text_add(&text, "(nothing)");
    CHECK_FAIL("%.400s", cn__text_get(&text));
    cn__text_free(&text);
    cn_close(c);
}

static void compare(const char *path, const cn__json *got, const cn__json *wanted)
{
    char inner[512];
    size_t i = 0;
    if (!got || !wanted || !same_value(got, wanted)) { differs(path, got, wanted); return; }
    if (got->type == CN__JSON_OBJECT) {
        for (const cn__json *w = wanted->first; w; w = w->next) {
            snprintf(inner, sizeof inner, "%s.%s", path, w->key);
            compare(inner, cn__json_get(got, w->key), w);
        }
        for (const cn__json *g = got->first; g; g = g->next) {
            snprintf(inner, sizeof inner, "%s.%s", path, g->key);
            if (!cn__json_get(wanted, g->key)) differs(inner, g, NULL);
        }
    }
    if (got->type == CN__JSON_ARRAY && got->n != wanted->n) { differs(path, got, wanted); return; }
    for (const cn__json *g = got->type == CN__JSON_ARRAY ? got->first : NULL, *w = wanted->first; g;
         g = g->next, w = w->next) {
        snprintf(inner, sizeof inner, "%s[%zu]", path, i++);
        compare(inner, g, w);
    }
}

/* Read, compiled as it says, and written: the same. Value: the model. */
static cn_model *there_and_back(room *in, const char *name, const char *text)
{
    cn__json *wanted = parse(in, text);
    cn_model *m = cn__config_read_model(&in->r, wanted);
    if (cn__bad(m)) return CHECK_FAIL("%s: %s", name, cn_error_message(m)), m;
    if (cn__config_read_compile(&in->r, m, cn__json_get(wanted, "compile_config")))
        CHECK_FAIL("%s: %s", name, cn_error_message(in->c));
    const char *again = cn_to_json(m);
    if (again) compare(name, parse(in, again), wanted);
    else CHECK_FAIL("%s: %s", name, cn_error_message(in->c));
    return m;
}

TEST(models_of_keras_come_back_key_by_key)
{
    static const char *const names[] = { "sequential",
                                         "sequential_unbuilt",
                                         "sequential_shapes",
                                         "functional_two",
                                         "shared",
                                         "cut",
                                         "middle",
                                         "nested",
                                         "deep",
                                         "inputs_of_model",
                                         "residual",
                                         "kinds",
                                         "inference",
                                         "masked",
                                         "compiled_words",
                                         "compiled_plain",
                                         "compiled_objects",
                                         "compiled_named",
                                         "compiled_lists",
                                         "compiled_part" };
    for (size_t i = 0; i < CN__COUNT(names); i++) {
        ENTER(in, 3);
        cn_free(there_and_back(&in, names[i], golden(&in, names[i])));
        leave(&in);
    }
}

/* What Keras calls by the keys of a dictionary has its order here: that of the keys. */
TEST(dictionaries_become_lists)
{
    ENTER(in, 3);
    cn_model *m = read_text(&in, golden(&in, "dictionary"));
    CHECK_INT(cn_error(m), CN_OK);
    CHECK_STR(cn__output_name(m, 0), "y");
    CHECK_STR(cn__output_name(m, 1), "z");
    CHECK_STR(m->inputs.at[0]->from->layer->name, "a");
    CHECK_STR(m->inputs.at[1]->from->layer->name, "b");
    cn_free(m);
    leave(&in);
}

/* ---- What the graph computes ------------------------------------------------------------------------------------- */
static void set_scale(cn_model *m, const char *kernel, double scale, double shift)
{
    cn_array *k = cn_get_weight(m, kernel);
    CHECK_INT(cn_error(k), CN_OK);
    int64_t  n = cn_size_of(k, 0), columns = cn_size_of(k, 1);
    double  *v = calloc((size_t)(n * columns), sizeof *v);
    for (int64_t i = 0; i < n && i < columns; i++) v[i * columns + i] = scale;
    CHECK_INT(cn_set_weight(m, kernel, CN_BUFFER(v, (size_t)(n * columns))), CN_OK);
    char bias[80];
    snprintf(bias, sizeof bias, "%.*sbias", (int)(strlen(kernel) - 6), kernel);
    for (int64_t i = 0; i < columns; i++) v[i] = shift;
    CHECK_INT(cn_set_weight(m, bias, CN_BUFFER(v, (size_t)columns)), CN_OK);
    free(v);
    cn_free(k);
}

/* a(b(a(b(x)))) - a(w), with a(x) = 2 x + 1 and b(x) = 3 x */
TEST(calls_of_shared_layers_are_the_right_ones)
{
    ENTER(in, 3);
    cn_model *m = read_text(&in, golden(&in, "shared"));
    set_scale(m, "a/kernel", 2, 1);
    set_scale(m, "b/kernel", 3, 0);
    cn_array *x = cn_array_from(in.c, { 1, 4 }, CN_NUMBERS(1, 2, 3, 4)),
             *w = cn_array_from(in.c, { 1, 4 }, CN_NUMBERS(5, 5, 5, 7));
    cn_dataset *d = cn_dataset_from(in.c, .x = { x, w });
    cn_array *y = NULL;
    CHECK_INT(cn_predict(m, d, &y), CN_OK);
    for (int i = 0; y && i < 4; i++) {
        double was = cn_at(x, 0, i), b = 3 * (2 * 3 * was + 1);
        CHECK_NEAR(cn_at(y, 0, i), 2 * b + 1 - (2 * cn_at(w, 0, i) + 1), 1e-4);
    }
    cn_free(y), cn_free(d), cn_free(x), cn_free(w), cn_free(m);
    leave(&in);
}

/* ---- Models made here -------------------------------------------------------------------------------------------- */
static cn_node *scale_call(const cn_layer_call *k) { return cn_op_multiply(k->in[0], k->weight[0]); }

#define SCALE_OPTIONS(F)                                                       \
    F(double,  start,  1.0,    "the factors at the beginning")                 \
    F(int64_t, times,  2,      "how often")                                    \
    F(cn_flag, loud,   CN_YES, "or not")                                       \
    F(cn_text, label,  0,      "of it")
CN_OPTIONS(scale, SCALE_OPTIONS);

static cn_status scale_build(const cn_build *b)
{
    return cn_add_weight(b->layer, "factors", { cn_size_of(b->in[0], -1) }, .initializer = CN_ONES);
}

static void register_scale(cn_ctx *c)
{
    CHECK_INT(cn_register_layer(c, "acme>Scale", .build = scale_build, .call = scale_call, .options = &scale_table),
              CN_OK);
}

TEST(models_made_here_come_back)
{
    ENTER(in, 3);
    register_scale(in.c);
    cn_model *tower = cn_sequential(in.c, {4}, .name = "tower");
    cn_dense(tower, 3, .activation = CN_RELU);
    cn_dropout(tower, 0.5);
    cn_tensor *x = cn_input(in.c, {4}), *w = cn_input(in.c, {4}, .dtype = CN_FLOAT64);
    cn_tensor *y = cn_call(tower, x), *z = cn_call(tower, w, .training = CN_NO);
    cn_layer *scale =
        cn_custom(in.c, "acme>Scale", .options = CN_SET(scale, .start = 2.5, .loud = CN_NO, .label = "l"));
    y = cn_call(scale, y);
    z = cn_call(scale, z);
    cn_tensor *sum = cn_add(y, z, y), *both = cn_concatenate(sum, z, .axis = 1);
    cn_model  *m = cn_functional({ w, x }, { both, sum, z }, .name = "outer");
    if (cn_error(m)) CHECK_FAIL("%s", cn_error_message(m));
    CHECK_INT(cn_set_trainable(m, "tower/dense*", CN_NO), CN_OK);
    CHECK_INT(cn_compile(m, .optimizer = cn_adam(.schedule = cn_cosine_decay(0.1, 50)),
                         .outputs = { cn_output(.loss = CN_MSE, .metrics = { CN_METRIC_MAE }),
                                      cn_output(.loss = CN_MAE, .loss_weight = 0.5),
                                      cn_output(.weighted_metrics = { CN_METRIC_MAE }) }),
              CN_OK);
    const char *text = cn_to_json(m);
    CHECK_STR(text, "\"registered_name\": \"acme>Scale\"");
    CHECK_STR(text, "\"start\": 2.5, \"times\": 2, \"loud\": false, \"label\": \"l\"");
    ENTER(other, 3);
    register_scale(other.c);
    cn_model *back = there_and_back(&other, "outer", text);
    CHECK_INT(cn_count_params(back), cn_count_params(m));
    CHECK_STR(cn_summary(back), "outer");
    cn_free(back);
    leave(&other);
    cn_free(m), cn_free(tower);
    leave(&in);
}

/* An input that is another layer's output is one of the model's own in the file. */
TEST(models_from_within_get_an_input)
{
    ENTER(in, 3);
    cn_tensor *x = cn_input(in.c, {4}), *h = cn_dense(x, 3, .name = "h"), *y = cn_dense(h, 2, .name = "y");
    cn_model  *m = cn_functional({ h }, { cn_add(y, cn_dense(h, 2, .name = "h_input")) });
    cn_model  *back = read_text(&in, cn_to_json(m));
    CHECK_INT(cn_error(back), CN_OK);
    CHECK_STR(back->inputs.at[0]->from->layer->name, "h_input_1");
    CHECK_INT(cn_count_params(back), 2 * (3 * 2 + 2));
    cn_free(back), cn_free(m);
    leave(&in);
}

TEST(models_without_a_shape_come_back)
{
    ENTER(in, 3);
    cn_model *m = cn_sequential(in.c, .name = "open");
    cn_dense(m, 3, .name = "first", .dtype = CN_BFLOAT16);
    const char *text = cn_to_json(m);
    CHECK_STR(text, "\"mixed_bfloat16\"");
    CHECK_STR(text, "\"compile_config\": {}");
    cn_model *back = there_and_back(&in, "open", text);
    CHECK(!back->built);
    cn_free(back), cn_free(m);
    leave(&in);
}

TEST(text_of_a_model_that_failed)
{
    ENTER(in, 3);
    cn_model *m = cn_sequential(in.c, {4}, .name = "bad");
    cn_dense(m, -1);
    CHECK(!cn_to_json(m));
    CHECK_STR(cn_error_message(in.c), "units is -1");
    CHECK(!cn_to_json(NULL));
    cn_free(m);
    leave(&in);
}

/* ---- Keras 1 and 2 ----------------------------------------------------------------------------------------------- */
#define K1_DENSE(name, in, out, more)                                                                         \
    "{\"class_name\": \"Dense\", \"config\": {" more                                                          \
    "\"W_constraint\": null, \"b_constraint\": null, \"name\": \"" name                                       \
    "\", \"activity_regularizer\": null, \"trainable\": true, \"init\": \"glorot_uniform\", \"bias\": true, " \
    "\"input_dim\": " in                                                                                      \
    ", \"b_regularizer\": null, \"W_regularizer\": null, \"activation\": \"relu\", \"output_dim\": " out "}"
#define K2_DENSE(name, units)                                                                                    \
    "{\"class_name\": \"Dense\", \"name\": \"" name "\", \"config\": {\"name\": \"" name "\", \"units\": " units \
    ", \"dtype\": \"float32\"}, "
#define K2_INPUT(name, size)                                                      \
    "{\"class_name\": \"InputLayer\", \"name\": \"" name                          \
    "\", \"inbound_nodes\": [], \"config\": {\"batch_input_shape\": [null, " size \
    "], \"dtype\": \"float32\", \"sparse\": false, \"name\": \"" name "\"}}, "
#define K2_MODEL(layers, in, out)                                                                                    \
    "{\"class_name\": \"Model\", \"keras_version\": \"2.3.1\", \"backend\": \"tensorflow\", \"config\": {\"name\": " \
    "\"m\", \"layers\": [" layers "], \"input_layers\": [" in "], \"output_layers\": [" out "]}}"

TEST(keras_1_sequential)
{
    ENTER(in, 3);
    cn_model *m = read_text(
        &in, "{\"class_name\": \"Sequential\", \"keras_version\": \"1.2.2\", \"config\": [" K1_DENSE(
                 "dense_1", "784", "512",
                 "\"batch_input_shape\": [null, 784], \"input_dtype\": \"float32\", ") "}, "
                                                                                       "{\"class_name\": \"Dropout\", "
                                                                                       "\"config\": {\"p\": 0.2, "
                                                                                       "\"trainable\": true, \"name\": "
                                                                                       "\"dropout_1\"}}, " K1_DENSE(
                                                                                           "dense_2", "512", "10",
                                                                                           "") "}]}");
    if (cn_error(m)) CHECK_FAIL("%s", cn_error_message(m));
    CHECK_INT(cn_count_params(m), 784 * 512 + 512 + 512 * 10 + 10);
    CHECK_STR(m->layers.at[1]->name, "dropout_1");
    CHECK_NEAR(((const cn_dropout_args *)m->layers.at[1]->args)->rate, 0.2, 1e-12);
    cn_free(m);
    leave(&in);
}

TEST(keras_1_functional)
{
    ENTER(in, 3);
    cn_model *m = read_text(
        &in,
        "{\"class_name\": \"Model\", \"keras_version\": \"1.2.2\", \"config\": {\"name\": \"model_1\", \"layers\": ["
        "{\"class_name\": \"InputLayer\", \"config\": {\"batch_input_shape\": [null, 5], \"input_dtype\": \"float32\","
        " \"sparse\": false, \"name\": \"input_1\"}, \"name\": \"input_1\", \"inbound_nodes\": []}, " K1_DENSE(
            "d", "null", "5",
            "") ", \"name\": \"d\", \"inbound_nodes\": [[[\"input_1\", 0, 0]], [[\"d\", 0, 0]]]}, "
                "{\"class_name\": \"Merge\", \"config\": {\"name\": \"merge_1\", \"mode\": \"sum\", \"mode_type\": "
                "\"raw\","
                " \"concat_axis\": -1, \"dot_axes\": -1, \"output_shape\": null, \"output_shape_type\": \"raw\","
                " \"output_mask\": null, \"output_mask_type\": \"raw\", \"arguments\": {}}, \"name\": \"merge_1\","
                " \"inbound_nodes\": [[[\"d\", 0, 0], [\"d\", 1, 0]]]}],"
                " \"input_layers\": [[\"input_1\", 0, 0]], \"output_layers\": [[\"merge_1\", 0, 0]]}}");
    if (cn_error(m)) CHECK_FAIL("%s", cn_error_message(m));
    CHECK_INT(cn_count_params(m), 30);
    CHECK_INT(m->steps.n, 3);
    cn_free(m);
    leave(&in);
}

/* Calls of a model within count from 1 there: its node 0 was its own. */
TEST(keras_2_functional)
{
    static const char text[] = K2_MODEL(
        K2_INPUT("a", "4") K2_INPUT(
            "b", "4") "{\"class_name\": \"Sequential\", \"name\": \"tower\", \"config\": {\"name\": \"tower\", "
                      "\"layers\": [{\"class_name\": \"Dense\", "
                      "\"config\": {\"name\": \"inner\", \"units\": 3, \"batch_input_shape\": [null, 4], "
                      "\"trainable\": false}}]}, "
                      "\"inbound_nodes\": [[[\"a\", 0, 0, {}]], [[\"b\", 0, 0, {\"training\": false}]]]}, " K2_DENSE(
                          "last", "2") "\"inbound_nodes\": [[[\"tower\", 2, 0, {}]]]}, "
                                       "{\"class_name\": \"Subtract\", \"name\": \"minus\", \"config\": {\"name\": "
                                       "\"minus\"}, \"inbound_nodes\": [[[\"tower\", 2, 0, {}], "
                                       "[\"tower\", 1, 0, {}]]]}",
        "[\"a\", 0, 0], [\"b\", 0, 0]", "[\"last\", 0, 0], [\"minus\", 0, 0], [\"tower\", 1, 0]");
    ENTER(in, 3);
    cn_model *m = read_text(&in, text);
    if (cn_error(m)) CHECK_FAIL("%s", cn_error_message(m));
    CHECK_INT(cn_count_params(m), 4 * 3 + 3 + 3 * 2 + 2);
    CHECK_STR(cn_to_json(m), "\"output_layers\": [[\"last\", 0, 0], [\"minus\", 0, 0], [\"tower\", 0, 0]]");
    CHECK_STR(cn_to_json(m), "\"kwargs\": {\"training\": false}");
    CHECK_INT(m->layers.n, 5);
    cn_free(m);
    leave(&in);
}

TEST(files_of_others)
{
    ENTER(in, 3);
    const char *folder = shared_data();
    if (!folder) SKIP("no ../shared/data");
    size_t n;
    unsigned char *text = cn__read_file(
        in.c, NULL, cn__arena_printf(&in.mem, "%s/models/keras-h5/hls-3layer.json", folder), false, 0, &n);
    cn_model *m = cn__config_parse_model(&in.r, (const char *)text, n);
    if (cn_error(m)) CHECK_FAIL("%s", cn_error_message(m));
    CHECK_INT(cn_count_params(m), 16 * 64 + 64 + 64 * 32 + 32 + 32 * 32 + 32 + 32 * 5 + 5);
    cn_free(m);
    cn__free(in.c, text, n + 1);
    leave(&in);
}

/* ---- What is refused --------------------------------------------------------------------------------------------- */
#define SEQUENTIAL(layers) "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": [" layers "]}}"
#define MINUS(nodes)                                                                                             \
    "{\"class_name\": \"Subtract\", \"name\": \"minus\", \"config\": {\"name\": \"minus\"}, \"inbound_nodes\": " \
    "[" nodes "]}"
#define A      K2_INPUT("a", "4")
#define X3                                                                                              \
    "\"class_name\": \"__keras_tensor__\", \"config\": {\"shape\": [null, 4], \"dtype\": \"float32\", " \
    "\"keras_history\": "
#define D(n)   K2_DENSE("d", "2") "\"inbound_nodes\": [" n "]}"
#define IN_A   "[\"a\", 0, 0]"
#define OUT_D  "[\"d\", 0, 0]"

static const struct { const char *text; cn_status status; const char *part;
} bad[] = {
    { "[]", CN_E_FORMAT, "model.json: this is no model: its class_name is \"(none)\"" },
    { "{\"class_name\": \"Dense\", \"config\": {}}", CN_E_FORMAT,
      "its class_name is \"Dense\", it should be Sequential" },
    { "{\"module\": \"torch.nn\", \"class_name\": \"Sequential\", \"config\": {}}", CN_E_FORMAT, "this is no model" },
    { "{\"class_name\": \"Sequential\"}", CN_E_FORMAT, "with a config" },
    { "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\"}}", CN_E_FORMAT,
      "sequential \"s\" has no list of layers" },
    { "{\"class_name\": \"Model\", \"config\": {\"name\": \"s\"}}", CN_E_FORMAT, "model \"s\" has no list of layers" },
    { "{\"class_name\": 7, \"config\": {\"name\": \"s\"}}", CN_E_FORMAT, "this is no model" },
    { SEQUENTIAL("{}"), CN_E_FORMAT, "a layer without a class_name" },
    { SEQUENTIAL("7"), CN_E_FORMAT, "a layer without a class_name" },
    { SEQUENTIAL("{\"class_name\": \"Dense\"}"), CN_E_FORMAT, "layer \"Dense\" has no config" },
    { SEQUENTIAL("{\"class_name\": \"Conv9D\", \"config\": {\"name\": \"c\"}}"), CN_E_UNSUPPORTED,
      "layer \"c\": the layer \"Conv9D\"" },
    { SEQUENTIAL("{\"class_name\": \"Lambda\", \"config\": {\"name\": \"c\", \"function\": []}}"), CN_E_UNSUPPORTED,
      "layer \"c\"" },
    { SEQUENTIAL("{\"class_name\": \"Dense\", \"config\": {\"name\": \"c\", \"units\": -1}}"), CN_E_VALUE,
      "layer \"c\": " },
    { SEQUENTIAL("{\"class_name\": \"Dense\", \"config\": {\"name\": \"a/b\", \"units\": 1}}"), CN_E_FORMAT,
      "\"a/b\" is no name" },
    { SEQUENTIAL("{\"class_name\": \"Dense\", \"config\": {\"name\": \"..\", \"units\": 1}}"), CN_E_FORMAT,
      "\"..\" is no name" },
    { SEQUENTIAL("{\"class_name\": \"Dense\", \"config\": {\"name\": \"\", \"units\": 1}}"), CN_E_FORMAT,
      "\"\" is no name" },
    { SEQUENTIAL("{\"class_name\": \"ReLU\", \"config\": {\"name\": \"r\"}}, {\"class_name\": \"ReLU\", \"config\": "
                 "{\"name\": \"r\"}}"),
      CN_E_VALUE, "two layers of \"s\" are called \"r\"" },
    { SEQUENTIAL("{\"class_name\": \"ReLU\", \"config\": {\"name\": \"r\"}}, {\"class_name\": \"InputLayer\", "
                 "\"config\": {}}"),
      CN_E_FORMAT, "an InputLayer that is not the first" },
    { SEQUENTIAL("{\"class_name\": \"InputLayer\", \"config\": {\"name\": \"i\", \"batch_shape\": []}}"), CN_E_FORMAT,
      "layer \"i\": its input's shape" },
    { SEQUENTIAL("{\"class_name\": \"InputLayer\", \"config\": {\"name\": \"i\", \"batch_shape\": [null, 0]}}"),
      CN_E_FORMAT, "size 1 of its" },
    { SEQUENTIAL("{\"class_name\": \"InputLayer\", \"config\": {\"name\": \"i\", \"batch_shape\": [null, \"4\"]}}"),
      CN_E_FORMAT, "size 1 of its" },
    { SEQUENTIAL("{\"class_name\": \"InputLayer\", \"config\": {\"name\": \"i\", \"batch_shape\": [1, 2, 3, 4, 5, 6, "
                 "7, 8, 9]}}"),
      CN_E_FORMAT, "no list of 1 to 8" },
    { SEQUENTIAL("{\"class_name\": \"InputLayer\", \"config\": {\"name\": \"i\", \"batch_shape\": [null, 4], "
                 "\"dtype\": \"float7\"}}"),
      CN_E_DTYPE, "layer \"i\": dtype \"float7\" is not known" },
    { SEQUENTIAL("{\"class_name\": \"InputLayer\", \"config\": {\"name\": \"i\", \"batch_shape\": [null, 4], "
                 "\"sparse\": true}}"),
      CN_E_UNSUPPORTED, "inputs are dense" },
    { SEQUENTIAL("{\"module\": \"keras.src.ops.numpy\", \"class_name\": \"Absolute\", \"config\": {\"name\": "
                 "\"absolute_1\"}}"),
      CN_E_UNSUPPORTED, "\"absolute_1\" is no layer but the operation keras.src.ops.numpy.Absolute" },
    { K2_MODEL(A D("[[\"b\", 0, 0, {}]]"), IN_A, OUT_D), CN_E_FORMAT,
      "layer \"d\" comes from layer \"b\", which is not in the model" },
    { K2_MODEL(A D("[[\"a\", 1, 0, {}]]"), IN_A, OUT_D), CN_E_FORMAT,
      "comes from node 1 of \"a\", which has 1, the first is 0" },
    { K2_MODEL(A D("[[\"a\", -1, 0, {}]]"), IN_A, OUT_D), CN_E_FORMAT, "comes from node -1 of \"a\"" },
    { K2_MODEL(A D("[[\"a\", 0, 1, {}]]"), IN_A, OUT_D), CN_E_FORMAT, "\"d\" takes output 1 of \"a\", which has 1" },
    { K2_MODEL(A D("[[\"a\", 0, -1, {}]]"), IN_A, OUT_D), CN_E_FORMAT, "takes output -1" },
    { K2_MODEL(A D("[[\"a\", 0, 9223372036854775807, {}]]"), IN_A, OUT_D), CN_E_FORMAT,
      "takes output 9223372036854775807" },
    { K2_MODEL(A D("[[\"a\", 9223372036854775807, 0, {}]]"), IN_A, OUT_D), CN_E_FORMAT, "node 9223372036854775807" },
    { K2_MODEL(A D("[[\"a\", -9223372036854775808, 0, {}]]"), IN_A, OUT_D), CN_E_FORMAT, "node -9223372036854775808" },
    { K2_MODEL(A D("[[\"a\", \"0\", 0, {}]]"), IN_A, OUT_D), CN_E_FORMAT, "a tensor is [layer, node, output]" },
    { K2_MODEL(A D("[7]"), IN_A, OUT_D), CN_E_FORMAT, "a tensor is [layer, node, output]" },
    { K2_MODEL(A D("[]"), IN_A, OUT_D), CN_E_FORMAT, "layer \"d\" is called on nothing" },
    { K2_MODEL(A D(""), IN_A, OUT_D), CN_E_FORMAT, "comes from node 0 of \"d\", which has 0" },
    { K2_MODEL(A D("[[\"a\", 0, 0, {\"training\": true}]]"), IN_A, OUT_D), CN_E_UNSUPPORTED,
      "layer \"d\" is called with training=True" },
    { K2_MODEL(A D("[[\"a\", 0, 0, {\"initial_state\": [1]}]]"), IN_A, OUT_D), CN_E_UNSUPPORTED,
      "is called with \"initial_state\"" },
    { K2_MODEL(A D("[[\"d\", 0, 0, {}]]"), IN_A, OUT_D), CN_E_FORMAT, "layers \"d\" and \"d\" wait for each other" },
    { K2_MODEL(A D("[[\"minus\", 0, 0, {}]]") ", " MINUS("[[\"a\", 0, 0, {}], [\"d\", 0, 0, {}]]"), IN_A, OUT_D),
      CN_E_FORMAT, "\"minus\" and \"d\" wait for each other" },
    { K2_MODEL(A D("[[\"a\", 0, 0, {}]]") ", " D("[[\"a\", 0, 0, {}]]"), IN_A, OUT_D), CN_E_FORMAT,
      "two layers are called \"d\"" },
    { K2_MODEL(A D("[[\"a\", 0, 0, {}]]"), IN_A, "[\"d\", 1, 0]"), CN_E_FORMAT, "output comes from node 1 of \"d\"" },
    { K2_MODEL(A D("[[\"a\", 0, 0, {}]]"), IN_A, "7"), CN_E_FORMAT, "output: a tensor is" },
    { K2_MODEL(A D("[[\"a\", 0, 0, {}]]"), "", OUT_D), CN_E_FORMAT, "has 0 inputs and 1 outputs" },
    { K2_MODEL(A K2_INPUT("b", "4") D("[[\"a\", 0, 0, {}]]"), "[\"b\", 0, 0]", OUT_D), CN_E_VALUE,
      "\"a\" leads to the outputs but is not among" },
    { K2_MODEL(A D("[[\"a\", 0, 0, {}]]"), IN_A ", " IN_A, OUT_D), CN_E_VALUE, "input 1 stands twice" },
    { K2_MODEL(A D("{\"args\": [{" X3 "[\"a\", 0, 1]}}], \"kwargs\": {}}"), IN_A, OUT_D), CN_E_FORMAT,
      "takes output 1 of \"a\"" },
    { K2_MODEL(A D("{\"args\": [{" X3 "null}}], \"kwargs\": {}}"), IN_A, OUT_D), CN_E_FORMAT,
      "a tensor is [layer, node, output]" },
    { K2_MODEL(A D("{\"args\": [2.5], \"kwargs\": {}}"), IN_A, OUT_D), CN_E_UNSUPPORTED,
      "called on something that is no tensor" },
    { K2_MODEL(A D("{\"args\": [], \"kwargs\": {}}"), IN_A, OUT_D), CN_E_FORMAT, "layer \"d\" is called on nothing" },
    { K2_MODEL(A D("{\"args\": [{" X3 "[\"a\", 0, 0]}}], \"kwargs\": {\"training\": true}}"), IN_A, OUT_D),
      CN_E_UNSUPPORTED, "training=True" },
    { K2_MODEL(A D("{\"args\": [{" X3 "[\"a\", 0, 0]}}], \"kwargs\": {\"mask\": {" X3 "[\"q\", 0, 0]}}}}"), IN_A,
               OUT_D),
      CN_E_FORMAT, "comes from layer \"q\"" },
    { K2_MODEL(A "{\"class_name\": \"Dense\", \"config\": {\"units\": 2}, \"inbound_nodes\": []}", IN_A, IN_A),
      CN_E_FORMAT, "a layer without a name" },
    { K2_MODEL(A K2_DENSE("d", "2") "\"inbound_nodes\": 7}", IN_A, OUT_D), CN_E_FORMAT,
      "inbound_nodes of \"d\" is no list" },
    { K2_MODEL(A MINUS("[[\"a\", 0, 0, {}], [\"a\", 0, 0, {}], [\"a\", 0, 0, {}]]"), IN_A, "[\"minus\", 0, 0]"),
      CN_E_VALUE, "layer \"minus\": subtract \"minus\": it joins 2 tensors, not 3" },
};

TEST(bad_configurations_are_refused)
{
    for (size_t i = 0; i < CN__COUNT(bad); i++) {
        ENTER(in, 3);
        cn_model *m = read_text(&in, bad[i].text);
        if (cn_error(m) != bad[i].status || !strstr(cn_error_message(m), bad[i].part))
            CHECK_FAIL("number %zu: %d, \"%s\"; wanted %d, \"%s\"", i, cn_error(m), cn_error_message(m), bad[i].status,
                       bad[i].part);
        cn_free(m);
        leave(&in);
    }
}

TEST(names_have_a_limit)
{
    ENTER(in, 3);
    cn__text t = { .ctx = in.c };
    cn__text_add(&t, "{\"class_name\": \"Sequential\", \"config\": "
                     "[{\"class_name\": \"ReLU\", \"config\": {\"name\": \"");
    for (int i = 0; i < 1 << 16; i++) cn__text_add(&t, "long and longer ");
    cn__text_add(&t, "\"}}]}");
    cn_model *m = read_text(&in, cn__text_get(&t));
    CHECK_FAILS(m, CN_E_LIMIT, "a layer's name has 1048576 bytes, at most 1024 are possible: \"long and longer ");
    cn__text_free(&t);
    cn_free(m);
    leave(&in);
}

TEST(names_may_look_like_formats)
{
    ENTER(in, 3);
    cn_model *m =
        read_text(&in, SEQUENTIAL("{\"class_name\": \"Dense\", \"config\": {\"name\": \"%s%n\", \"units\": 1}}"));
    CHECK_INT(cn_error(m), CN_OK);
    CHECK_STR(cn_to_json(m), "\"name\": \"%s%n\"");
    cn_free(m);
    leave(&in);
}

/* ---- Limits ------------------------------------------------------------------------------------------------------ */
static cn_model *read_grown(room *in, cn__text *t)
{
    cn_model *m = read_text(in, cn__text_get(t));
    cn__text_free(t);
    return m;
}

static cn_model *read_nested(room *in, int depth)
{
    cn__text t = { .ctx = in->c };
    for (int i = 0; i <= depth; i++)
        cn__text_add(&t, "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s%d\", \"layers\": [", i);
    cn__text_add(&t, "{\"class_name\": \"ReLU\", \"config\": {\"name\": \"r\"}}");
    for (int i = 0; i <= depth; i++) cn__text_add(&t, "]}}");
    return read_grown(in, &t);
}

TEST(models_in_models_have_a_limit)
{
    ENTER(in, 3);
    cn_model *m = read_nested(&in, 32), *deeper = read_nested(&in, 33);
    CHECK_INT(cn_error(m), CN_OK);
    CHECK_FAILS(deeper, CN_E_LIMIT, "models are nested more than 32 deep, at \"s1/s2/");
    cn_free(m), cn_free(deeper);
    leave(&in);
}

/* Each model calls the one within it twice. */
TEST(small_files_do_not_become_large_graphs)
{
    ENTER(in, 3);
    cn__text t = { .ctx = in.c };
    for (int i = 0; i < 30; i++)
        cn__text_add(
            &t, "{\"class_name\": \"Model\", \"name\": \"m%d\", \"config\": {\"name\": \"m%d\", \"layers\": [" A, i, i);
    cn__text_add(&t, "%s", D("[[\"a\", 0, 0, {}]]"));
    for (int i = 30; i-- > 0;)
        cn__text_add(&t, "], \"input_layers\": [" IN_A "], \"output_layers\": [[\"%s%s\", %d, 0]]}%s}",
                     i == 29 ? "d" : "m", i == 29 ? "" : cn__arena_printf(&in.mem, "%d", i + 1), i == 29 ? 0 : 2,
                     i ? cn__arena_printf(&in.mem,
                                          ", \"inbound_nodes\": [[" IN_A "], ["
                                          "[\"%s\", %d, 0]"
                                          "]]",
                                          "a", 0)
                       : "");
    cn_model *m = read_grown(&in, &t);
    CHECK_FAILS(m, CN_E_LIMIT, "calls of layers or more, at most 65536");
    cn_free(m);
    leave(&in);
}

/* A chain that is told from its end, as long as allowed; then one longer. */
TEST(long_chains)
{
    for (int n = 3000; n < 10010; n += 7008) {
        ENTER(in, 3);
        cn__text t = { .ctx = in.c };
        cn__text_add(&t, "{\"class_name\": \"Model\", \"config\": {\"name\": \"m\", \"layers\": [" A);
        for (int i = n; i-- > 0;)
            cn__text_add(&t,
                         "{\"class_name\": \"ReLU\", \"name\": \"r%d\", \"config\": {\"name\": \"r%d\"}, "
                         "\"inbound_nodes\": [[[\"%s\", 0, 0, {}]]]}%s",
                         i, i, i ? cn__arena_printf(&in.mem, "r%d", i - 1) : "a", i ? ", " : "");
        cn__text_add(&t, "], \"input_layers\": [" IN_A "], \"output_layers\": [[\"r%d\", 0, 0]]}}", n - 1);
        cn_model *m = read_grown(&in, &t);
        if (n > 10000) CHECK_FAILS(m, CN_E_LIMIT, "at most 10000 are possible");
        else if (cn_error(m)) CHECK_FAIL("%s", cn_error_message(m));
        cn_free(m);
        leave(&in);
    }
}

/* ---- What is not there ------------------------------------------------------------------------------------------- */
static void note(void *user, const char *layer, const char *class)
{
    cn__text_add(user, "%s: %s; ", layer, class);
}

TEST(all_unknown_classes_are_told)
{
    ENTER(in, 3);
    cn__text found = { .ctx = in.c };
    cn__json *o = parse(
        &in,
        "{\"class_name\": \"Functional\", \"config\": {\"layers\": [{\"class_name\": \"InputLayer\", \"config\": {}}, "
        "{\"class_name\": \"ConvNext\", \"name\": \"c\", \"config\": {\"name\": \"c\"}}, " SEQUENTIAL(
            "{\"class_name\": \"acme>Fold\", \"config\": {\"name\": \"f\"}}, {\"class_name\": \"ReLU\", \"config\": "
            "{}}") ", "
                   "{\"class_name\": \"Wrapped\", \"config\": {\"name\": \"w\", \"layer\": {\"class_name\": \"Inner\", "
                   "\"config\": {\"name\": \"i\"}}}}, "
                   "{\"module\": \"keras.src.ops.numpy\", \"class_name\": \"Absolute\", \"config\": {\"name\": "
                   "\"o\"}}]}}");
    CHECK(cn__config_unknown(&in.r, o, note, &found));
    CHECK_STR(cn__text_get(&found), "c: ConvNext; f: acme>Fold; w: Wrapped; i: Inner; o: Absolute; ");
    CHECK_INT(cn_error(in.c), CN_OK);
    CHECK(!cn__config_unknown(&in.r, parse(&in, "{\"class_name\": \"Dense\"}"), note, &found));
    CHECK_STR(cn_error_message(in.c), "model.json: this is no model's configuration");
    cn__text_free(&found);
    leave(&in);
}

/* ---- Compilations ------------------------------------------------------------------------------------------------ */
static cn_status compile_text(room *in, cn_model *m, const char *text)
{
    return cn__config_read_compile(&in->r, m, parse(in, text));
}

TEST(forms_of_losses_and_metrics)
{
    ENTER(in, 3);
    cn_model *m = read_text(&in, golden(&in, "functional_two"));
    CHECK_INT(compile_text(
                  &in, m,
                  "{\"optimizer\": \"sgd\", \"loss\": [\"mse\", null], \"loss_weights\": {\"kind\": 0}, \"metrics\": "
                  "{\"kind\": \"acc\"}, \"weighted_metrics\": [\"mae\", [\"mse\", \"mae\"]]}"),
              CN_OK);
    const cn__training *t = m->training;
    CHECK_STR(t->optimizer.spec.cls->name, "SGD");
    CHECK_STR(t->target[0].loss_choice, "mse");
    CHECK(!t->target[1].loss_choice);
    CHECK_NEAR(t->target[0].weight, 1, 0);
    CHECK_NEAR(t->target[1].weight, 0, 0);
    CHECK_INT(t->target[0].metrics[0], 0);
    CHECK_STR(t->target[1].metric[0][0], "acc");
    CHECK_INT(t->target[0].metrics[1], 1);
    CHECK_INT(t->target[1].metrics[1], 2);
    CHECK_INT(
        compile_text(&in, m, "{\"optimizer\": null, \"loss\": \"mse\", \"metrics\": [\"mae\", \"mse\", \"acc\"]}"),
        CN_OK);
    CHECK_STR(m->training->optimizer.spec.cls->name, "RMSprop");
    CHECK_INT(m->training->target[1].metrics[0], 3);     /* as Keras 2 took a list: for each output */
    CHECK_INT(compile_text(&in, m, "{}"), CN_OK);
    CHECK_INT(m->training->target[1].metrics[0], 3);
    CHECK(cn__json_is(cn__config_compile(&in.mem, read_text(&in, golden(&in, "sequential"))), CN__JSON_NULL));
    cn_free(m);
    leave(&in);
}

TEST(training_config_of_keras_2)
{
    ENTER(in, 2);
    cn_model *m = read_text(&in, golden(&in, "sequential"));
    CHECK_INT(
        compile_text(
            &in, m,
            "{\"optimizer_config\": {\"class_name\": \"Adam\", \"config\": {\"name\": \"Adam\", \"learning_rate\": "
            "0.5, "
            "\"decay\": 0.0, \"beta_1\": 0.8999999761581421, \"beta_2\": 0.9990000128746033, \"epsilon\": 1e-07, "
            "\"amsgrad\": false}}, \"loss\": {\"class_name\": \"BinaryCrossentropy\", \"config\": {\"reduction\": "
            "\"auto\", "
            "\"name\": \"binary_crossentropy\", \"from_logits\": false, \"label_smoothing\": 0.25}}, \"metrics\": "
            "[[{\"class_name\": \"MeanMetricWrapper\", \"config\": {\"name\": \"accuracy\", \"dtype\": \"float32\", "
            "\"fn\": \"binary_accuracy\"}}]], \"weighted_metrics\": null, \"loss_weights\": null, "
            "\"sample_weight_mode\": null}"),
        CN_OK);
    if (cn_error(in.c)) CHECK_FAIL("%s", cn_error_message(in.c));
    CHECK_NEAR(cn_learning_rate(m), 0.5, 0);
    CHECK_INT(m->training->target[0].metrics[0], 1);
    const char *text = cn_to_json(m);                    /* as Keras 3 has it, not as it came */
    CHECK_STR(text, "\"label_smoothing\": 0.25");
    CHECK(text && !strstr(text, "MeanMetricWrapper"));
    cn_free(m);
    leave(&in);
}

TEST(the_learning_rate_is_written_as_it_is)
{
    ENTER(in, 3);
    cn_model *m = read_text(&in, golden(&in, "compiled_plain"));
    CHECK_INT(
        cn__config_read_compile(&in.r, m, cn__json_get(parse(&in, golden(&in, "compiled_plain")), "compile_config")),
        CN_OK);
    CHECK_INT(cn_set_learning_rate(m, 0.25), CN_OK);
    CHECK_STR(cn_to_json(m), "\"learning_rate\": 0.25");
    CHECK_STR(cn_to_json(m), "\"jit_compile\": true");
    CHECK_INT(cn_compile(m, .loss = CN_MSE), CN_OK);     /* what the file said is over */
    CHECK_STR(cn_to_json(m), "\"jit_compile\": \"auto\"");
    cn_free(m);
    leave(&in);
}

TEST(bad_compilations_are_refused)
{
    static const struct { const char *text; cn_status status; const char *part;
    } forms[] = {
        { "7", CN_E_FORMAT, "model.json: compile_config: it: this is no object" },
        { "{\"optimizer\": \"sgf\"}", CN_E_UNSUPPORTED, "sgf" },
        { "{\"optimizer\": \"sgd\", \"loss\": {\"prize\": \"mse\"}}", CN_E_FORMAT,
          "loss: the model has no output \"prize\"" },
        { "{\"optimizer\": \"sgd\", \"metrics\": {\"prize\": [\"mse\"]}}", CN_E_FORMAT,
          "metrics: the model has no output \"prize\"" },
        { "{\"optimizer\": \"sgd\", \"loss_weights\": [\"x\"]}", CN_E_FORMAT, "loss_weights: this is no number" },
        { "{\"optimizer\": \"sgd\", \"loss_weights\": [NaN]}", CN_E_VALUE, "compile_config: " },
        { "{\"optimizer\": \"sgd\", \"weighted_metrics\": 7}", CN_E_FORMAT, "weighted_metrics: these are no metrics" },
        { "{\"optimizer\": \"sgd\", \"metrics\": [\"no_such\"]}", CN_E_UNSUPPORTED, "no_such" },
        { "{\"optimizer\": {\"class_name\": \"SGD\", \"config\": {\"learning_rate\": -1}}}", CN_E_VALUE,
          "learning_rate" },
    };
    for (size_t i = 0; i < CN__COUNT(forms); i++) {
        ENTER(in, 3);
        cn_model *m = read_text(&in, golden(&in, "functional_two"));
        CHECK_INT(compile_text(&in, m, forms[i].text), forms[i].status);
        CHECK_STR(cn_error_message(in.c), forms[i].part);
        CHECK(!m->training);
        cn_free(m);
        leave(&in);
    }
}

/* ---- Without memory ---------------------------------------------------------------------------------------------- */
TEST(out_of_memory_at_any_point)
{
    ENTER(whole, 3);
    const char *text = golden(&whole, "nested");
    for (long n = 1, failed = 1; failed; n += 1 + n / 50) {
        fail_alloc a = { .at = n };
        room in = { .c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1) };
        if (in.c) {
            in.mem.ctx = in.c;
            in.r = (cn__reading){ .ctx = in.c, .mem = &in.mem, .what = "model.json", .keras = 3, .quiet = true };
            cn_model *m = read_text(&in, text);
            const char *again = cn_error(m) ? NULL : cn_to_json(m);
            if (a.failed) CHECK_INT(cn_error(in.c), CN_E_NOMEM);
            else CHECK(again && strlen(again) > 1000);
            cn_free(m);
            leave(&in);
        }
        CHECK_INT(a.blocks, 0);
        failed = a.failed;
    }
    leave(&whole);
}

CHECK_MAIN
