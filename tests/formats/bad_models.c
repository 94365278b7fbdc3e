/* bad_models.c: configurations that no honest Keras writes, rows J and H35, H36 of the catalogue of bad inputs: each is
   refused with its status and a message that says where, within 2 x its size + 64 MiB of memory and a second of the
   processor's time, and no model is made. */
#include "data/files.h"
#include "base/file.h"
#include "formats/hdf5.h"
#include <time.h>

/* With ' for ", as one reads it more easily. */
static char *quoted(const char *text)
{
    static char out[1 << 16];
    snprintf(out, sizeof out, "%s", text);
    for (char *p = out; *p; p++)
        if (*p == '\'') *p = '"';
    return out;
}

static void try(const char *id, const char *bytes, size_t n, cn_status status, const char *part)
{
    clock_t   begun = clock();
    cn_ctx   *c = cn_open(.threads = 1, .memory_limit = (int64_t)(2 * n) + (64 << 20));
    cn_model *m = cn_load(c, "bad", .bytes = CN_BUFFER((const uint8_t *)bytes, n));
    double    took = (double)(clock() - begun) / CLOCKS_PER_SEC;
    if (cn_error(m) != status || (status && !strstr(cn_error_message(m), part)))
        CHECK_FAIL("%s: %s, \"%s\"; wanted %s, \"%s\"", id, cn_status_text(cn_error(m)), cn_error_message(m),
                   cn_status_text(status), part);
    if (took > 1) CHECK_FAIL("%s: it took %.1f s", id, took);
    CHECK(status == CN_OK || cn_error(cn_model_output(m, 0)));
    cn_close(c);
}

static void try_text(const char *id, const char *text, cn_status status, const char *part)
{
    const char *json = quoted(text);
    try(id, json, strlen(json), status, part);
}

/* ---- One layer of a sequential model ----------------------------------------------------------------------------- */
#define HEAD     "{'class_name': 'Sequential', 'config': {'name': 's', 'layers': ["                    \
                 "{'class_name': 'InputLayer', 'config': {'batch_shape': [null, 2, 3], 'name': 'i'}}, "
#define K3       "'module': 'keras.layers', 'registered_name': null, "
#define DENSE(u) "{" K3 "'class_name': 'Dense', 'config': {'name': 'd', 'units': " u "}}"
#define LAYER(name, options) "{" K3 "'class_name': '" name "', 'config': {'name': 'x', " options "}}"

static const struct { const char *id, *layer; cn_status status; const char *part; } layers[] = {
    { "J05 bytes", LAYER("ReLU", "'a': '\xc3\x28'"), CN_E_FORMAT, "these bytes are not UTF-8" },
    { "J05 overlong", LAYER("ReLU", "'a': '\xc0\xaf'"), CN_E_FORMAT, "these bytes are not UTF-8" },
    { "J05 half", LAYER("ReLU", "'a': '\\ud800'"), CN_E_FORMAT, "offset" },
    { "J06", LAYER("Dense", "'units': 1, 'units': 2"), CN_E_FORMAT, "a key stands here for the second time" },
    { "J07 real", DENSE("1e400"), CN_E_FORMAT, "this number is too large" },
    { "J07 whole", DENSE("9223372036854775808"), CN_E_FORMAT, "this number is too large" },
    { "J08", DENSE("NaN"), CN_E_FORMAT, "layer \"d\": \"units\" is NaN; it must be a whole number" },
    { "J08", DENSE("-Infinity"), CN_E_FORMAT, "\"units\" is -Infinity; it must be a whole number" },
    { "J09 text", DENSE("'3'"), CN_E_FORMAT, "\"units\" is \"3\"; it must be a whole number" },
    { "J09 object", DENSE("{'a': 1}"), CN_E_FORMAT, "it must be a whole number" },
    { "J09 list", LAYER("Reshape", "'target_shape': {'a': 1}"), CN_E_FORMAT, "\"target_shape\"" },
    { "J10", LAYER("Lambda", "'function': 'f'"), CN_E_UNSUPPORTED, "layer \"x\": \"Lambda\": a Lambda layer is" },
    { "J11", LAYER("Dense", "'units': 1, 'activation': {'class_name': '__lambda__', 'config': {'value': '4wE='}}"),
      CN_E_UNSUPPORTED, "this is Python byte code" },
    { "J11 deep", LAYER("ReLU", "'a': [[{'b': {'class_name': '__lambda__'}}]]"), CN_E_UNSUPPORTED, "byte code" },
    { "J12", "{'module': 'os', 'class_name': 'system', 'config': {'name': 'x'}, 'registered_name': 'system'}",
      CN_E_UNSUPPORTED, "layer \"x\": the layer \"system\" (of os)" },
    { "J13", "{'module': 'keras.utils', 'class_name': 'get_file', 'config': {'name': 'x', 'origin': 'http://a.b/c'}}",
      CN_E_UNSUPPORTED, "\"get_file\" (of keras.utils)" },
    { "J13", "{'module': 'keras.models', 'class_name': 'load_model', 'config': {'name': 'x', 'filepath': '/a'}}",
      CN_E_UNSUPPORTED, "\"load_model\" (of keras.models)" },
    { "J14", LAYER("Dense", "'units': 1, 'safe_mode': false"), CN_E_UNSUPPORTED, "no file may switch a check off" },
    { "J15", LAYER("TorchModuleWrapper", "'module': 'UEsDBA=='"), CN_E_UNSUPPORTED, "a pickled PyTorch module" },
    { "J15", LAYER("TFSMLayer", "'filepath': '/tmp/a'"), CN_E_UNSUPPORTED, "a TensorFlow SavedModel" },
    { "J15", LAYER("JaxLayer", "'call_fn': 'f'"), CN_E_UNSUPPORTED, "a function of JAX" },
    { "J16 path", LAYER("StringLookup", "'vocabulary': '/etc/passwd'"), CN_E_UNSUPPORTED,
      "layer \"x\": \"vocabulary\" is \"/etc/passwd\": what another file holds is not read" },
    { "J16 address", LAYER("IntegerLookup", "'vocabulary': 'https://a.b/c'"), CN_E_UNSUPPORTED, "is not read" },
    { "J17", "{'module': 'keras.layers', 'class_name': 'Dense', 'config': {'name': 'x', 'units': 1}, "
             "'registered_name': 'evil>Dense'}", CN_E_UNSUPPORTED, "the layer \"evil>Dense\"" },
    { "J18", LAYER("Levitate", "'height': 2"), CN_E_UNSUPPORTED, "layer \"x\": the layer \"Levitate\"" },
    { "J23 none", DENSE("0"), CN_E_VALUE, "units" },
    { "J23 less", DENSE("-1"), CN_E_VALUE, "units" },
    { "J24 units", DENSE("1099511627776"), CN_E_VALUE, "units is 1.099511628e+12, it must be at least 1 and at most" },
    { "J24 memory", DENSE("1073741824"), CN_E_LIMIT, "12884901888 bytes" },
    { "J25", LAYER("RepeatVector", "'n': 0"), CN_E_VALUE, "\"x\"" },
    { "J28 two", LAYER("Reshape", "'target_shape': [-1, -1]"), CN_E_VALUE, "layer \"x\"" },
    { "J28 product", LAYER("Reshape", "'target_shape': [7]"), CN_E_SHAPE, "layer \"x\"" },
    { "J29 above", LAYER("Softmax", "'axis': 3"), CN_E_VALUE, "axis is outside an input with 3 axes" },
    { "J29 below", LAYER("UnitNormalization", "'axis': -4"), CN_E_VALUE, "axis is outside an input with 3 axes" },
    { "J29 twice", LAYER("Permute", "'dims': [1, 1]"), CN_E_VALUE, "layer \"x\"" },
    { "J30 rate", LAYER("Dropout", "'rate': 1.5"), CN_E_VALUE, "rate" },
    { "J30 rate", LAYER("GaussianDropout", "'rate': NaN"), CN_E_VALUE, "rate" },
    { "J31", LAYER("Dense", "'units': 1, 'dtype': 'float33'"), CN_E_DTYPE, "\"float33\"" },
    { "J31", LAYER("Dense", "'units': 1, 'dtype': {'class_name': 'DTypePolicy', 'config': "
                            "{'name': 'int4_from_float32'}}"), CN_E_UNSUPPORTED, "\"int4_from_float32\"" },
    { "J32 slash", "{" K3 "'class_name': 'ReLU', 'config': {'name': 'a/b'}}", CN_E_FORMAT, "is no name for a layer" },
    { "J32 dots", "{" K3 "'class_name': 'ReLU', 'config': {'name': '..'}}", CN_E_FORMAT, "is no name for a layer" },
    { "J32 NUL", "{" K3 "'class_name': 'ReLU', 'config': {'name': 'a\\u0000'}}", CN_E_FORMAT, "character NUL" },
    { "J33", "{" K3 "'class_name': 'ReLU', 'config': {'name': '%s%n'}}", CN_OK, "" },
};

TEST(layers_that_are_wrong)
{
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        char text[2048];
        snprintf(text, sizeof text, "%s%s]}}", HEAD, layers[i].layer);
        try_text(layers[i].id, text, layers[i].status, layers[i].part);
    }
}

/* ---- Graphs ------------------------------------------------------------------------------------------------------ */
#define NET      "{'class_name': 'Functional', 'module': 'keras', 'config': {'name': 'm', 'layers': ["              \
                 "{'class_name': 'InputLayer', 'name': 'i', 'config': {'batch_shape': [null, 4], 'name': 'i'}, "    \
                 "'inbound_nodes': []}, "
#define NODE(name, from) "{" K3 "'class_name': 'ReLU', 'name': '" name "', 'config': {'name': '" name "'}, "        \
                         "'inbound_nodes': [{'args': [{'class_name': '__keras_tensor__', 'config': {'shape': "      \
                         "[null, 4], 'dtype': 'float32', 'keras_history': " from "}}], 'kwargs': {}}]}"
#define ENDS     "], 'input_layers': [['i', 0, 0]], 'output_layers': [['a', 0, 0]]}}"

static const struct { const char *id, *text; cn_status status; const char *part; } graphs[] = {
    { "J09 layers", "{'class_name': 'Sequential', 'config': {'name': 's', 'layers': {'a': 1}}}", CN_E_FORMAT,
      "no list of layers" },
    { "J19 layer", NET NODE("a", "['q', 0, 0]") ENDS, CN_E_FORMAT, "comes from layer \"q\", which is not in" },
    { "J19 node", NET NODE("a", "['i', 3, 0]") ENDS, CN_E_FORMAT, "comes from node 3 of \"i\"" },
    { "J19 output", NET NODE("a", "['i', 0, 5]") ENDS, CN_E_FORMAT, "takes output 5 of \"i\", which has 1" },
    { "J20 itself", NET NODE("a", "['a', 0, 0]") ENDS, CN_E_FORMAT, "\"a\"" },
    { "J20 two", NET NODE("a", "['b', 0, 0]") ", " NODE("b", "['a', 0, 0]") ENDS, CN_E_FORMAT, "\"a\"" },
    /* who shares an object says so by a number, which nothing here follows */
    { "J22", NET "{" K3 "'class_name': 'ReLU', 'name': 'a', 'shared_object_id': 7, 'config': {'name': 'a', 'dtype': "
             "{'class_name': 'DTypePolicy', 'config': {'name': 'float32', 'shared_object_id': 7}, "
             "'shared_object_id': 7}}, 'inbound_nodes': [[['i', 0, 0, {}]]]}" ENDS, CN_OK, "" },
    { "J19 no end", NET NODE("a", "['i', 0, 0]") "], 'input_layers': [['i', 0, 0]], 'output_layers': []}}", CN_E_FORMAT,
      "model \"m\"" },
};

TEST(graphs_that_are_wrong)
{
    for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++)
        try_text(graphs[i].id, graphs[i].text, graphs[i].status, graphs[i].part);
}

/* ---- Whole HDF5 files -------------------------------------------------------------------------------------------- */
static cn_model *dense(cn_ctx *c, int64_t units, cn_flag use_bias, int count)
{
    cn_model *m = cn_sequential(c, {4});
    for (int i = 0; i < count; i++) cn_dense(m, units, .use_bias = use_bias, .name = i ? "e" : "d");
    return m;
}

/* The file's model and the one that takes its weights differ. */
static const struct {
    const char *id;
    cn_flag     bias;
    int64_t     units;
    int         layers;
    cn_status   status;
    const char *keras, *old;                             /* what is said of a .weights.h5, of a .h5 */
} others[] = {
    { "H35 shape", CN_YES, 3, 1, CN_E_SHAPE, "kernel has the shape (4, 3) in the model, (4, 2) in the file",
      "kernel has the shape (4, 3) in the model, (4, 2) in the file" },
    { "H35 missing", CN_YES, 2, 2, 0, "layer \"e\": kernel: the file has no numbers for it: no data set layers/dense_1",
      "1 layers have weights in the file, 2 in the model" },
    { "H35 extra", CN_NO, 2, 1, CN_E_SHAPE, "layer \"d\" has 1 weights, the file has more",
      "layer \"d\" has 2 weights in the file, 1 in the model" },
};

TEST(weights_of_another_model)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        for (int old = 0; old < 2; old++) {
            cn_ctx     *c = cn_open(.threads = 1, .memory_limit = 64 << 20);
            const char *path = file_path(old ? "other.h5" : "other.weights.h5");
            cn_model   *m = dense(c, others[i].units, others[i].bias, others[i].layers);
            cn_array   *before = cn_get_weight(m, "d/kernel");
            CHECK(!cn_save(dense(c, 2, CN_YES, 1), path));
            cn_status status = cn_load_weights(m, path);
            if (!status || (others[i].status && status != others[i].status))
                CHECK_FAIL("%s: %s", others[i].id, cn_status_text(status));
            CHECK_STR(cn_error_message(c), old ? others[i].old : others[i].keras);
            const cn_array *now = cn_get_weight(m, "d/kernel");          /* untouched */
            size_t n = cn_values_of(now)->count;
            CHECK(n == cn_values_of(before)->count && !memcmp(cn_data(before), cn_data(now), n * sizeof(float)));
            cn_close(c);
        }
}

typedef struct bytes { char at[1 << 15]; size_t n; } bytes;

static bool take(void *user, const void *more, size_t n)
{
    bytes *b = user;
    if (n > sizeof b->at - b->n) return false;
    memcpy(b->at + b->n, more, n), b->n += n;
    return true;
}

/* A whole model of Keras 2 whose configuration this is. */
static void try_h5(const char *id, const char *config, cn_status status, const char *part)
{
    cn_ctx      *c = cn_open();
    cn__h5_out  *tree = cn__h5_new(c);
    cn__h5_node *root = cn__h5_new_root(tree);
    bytes        file = { .n = 0 };
    cn__sink     sink = { take, &file };
    cn__h5_set_text(tree, root, "keras_version", "2.15.0");
    cn__h5_set_text(tree, root, "model_config", quoted(config));
    cn__h5_set_names(tree, cn__h5_group(tree, root, "model_weights"), "layer_names", NULL, 0);
    CHECK(cn__h5_emit(tree, &sink, NULL));
    cn__h5_drop(tree);
    try(id, file.at, file.n, status, part);
    cn_close(c);
}

TEST(configurations_in_hdf5)
{
    try_h5("H36", HEAD "{'class_name': 'Lambda', 'config': {'name': 'x', 'function_type': 'lambda', 'function': "
           "['4wEAAAA=', null, null]}}]}}", CN_E_UNSUPPORTED, "layer \"x\": \"Lambda\": a Lambda layer is Python code");
    try_h5("H36 within", HEAD "{'class_name': 'Sequential', 'config': {'name': 't', 'layers': ["
           "{'class_name': 'Lambda', 'config': {'name': 'x'}}]}}]}}", CN_E_UNSUPPORTED, "layer \"t/x\"");
    try_h5("H36 operation", HEAD "{'class_name': 'TFOpLambda', 'config': {'name': 'x', 'function': 'math.add'}}]}}",
           CN_E_UNSUPPORTED, "layer \"x\"");
    try_h5("fine", HEAD "{'class_name': 'ReLU', 'config': {'name': 'x'}}]}}", CN_OK, "");
}

CHECK_MAIN
