/* preprocessing.c: lookups, encodings and bins against Keras: what they make of what, and what they learn; then their
   state as files have it, and wrong use. */
#include "data/data.h"
#include "golden.h"

static cn_ctx *ctx;

/* ---- As in Keras ------------------------------------------------------------------------------------------------- */
static const char *decoded(const char *text)             /* percent-encoded; "%" alone is empty */
{
    static char out[400];
    char *to = out;
    for (const char *p = strcmp(text, "%") ? text : ""; *p; p++) {
        unsigned code;
        if (*p == '%' && sscanf(p + 1, "%2x", &code) == 1) *to++ = (char)code, p += 2;
        else *to++ = *p;
    }
    *to = 0;
    return out;
}

typedef struct list { cn_values v; char *text[64]; } list;

static const cn_values *list_of(const golden_array *a, list *l)
{
    size_t n = (size_t)a->n;
    l->v = (cn_values){ a->text ? CN_STRING : CN_FLOAT64, n, a->text ? (const void *)l->text : a->at };
    for (size_t i = 0; a->text && i < n; i++) l->text[i] = strdup(decoded(a->text[i]));
    return &l->v;
}

static cn_array *array_of(const golden_array *a, cn_dtype dtype)
{
    cn_array *made = cn__array_new(ctx, NULL, dtype, a->rank, a->dim);
    const char **text = malloc(((size_t)a->n + 1) * sizeof *text);
    for (int64_t i = 0; i < a->n; i++)
        if (a->text) text[i] = strdup(decoded(a->text[i]));
        else cn__store(dtype, made->data, (size_t)i, a->at[i]);
    if (a->text) {
        cn_free(made);
        made = cn__array_blank(ctx);
        cn__array_strings(made, NULL, a->rank, a->dim, text);
        for (int64_t i = 0; i < a->n; i++) free((char *)(uintptr_t)text[i]);
    }
    free(text);
    return made;
}

static bool fractions(const golden_array *a)
{
    for (int64_t i = 0; !a->text && i < a->n; i++)
        if (a->at[i] != floor(a->at[i]) || isnan(a->at[i])) return true;
    return false;
}

static cn_array *data_of(const golden_case *c, const golden_array *a)
{
    bool lookup = strstr(c->class, "Lookup") || !strcmp(c->class, "CategoryEncoding");
    bool real = !lookup || (!a->text && fractions(a));
    return array_of(a, real ? CN_FLOAT32 : CN_INT64);
}

static void same_words(cn_layer *l, const golden_array *wanted)
{
    if (!strcmp(l->cls->name, "Discretization")) {
        const cn_values *v = ((const cn_discretization_args *)l->args)->bin_boundaries;
        CHECK_INT(v->count, wanted->n);
        for (int64_t i = 0; i < wanted->n && (size_t)i < v->count; i++)
            CHECK_NEAR((float)cn__load(v->dtype, v->data, (size_t)i), (float)wanted->at[i], 0);
        return;
    }
    cn_array *got = cn_vocabulary(l);
    if (cn_error(got)) { CHECK_FAIL("%s", cn_error_message(got)); return; }
    CHECK_INT(cn_size_of(got, 0), wanted->n);
    for (int64_t i = 0; i < wanted->n && i < cn_size_of(got, 0); i++)
        if (wanted->text) CHECK(!strcmp(cn_string(got, i), decoded(wanted->text[i])));
        else CHECK_INT(((const int64_t *)cn_data(got))[i], (int64_t)wanted->at[i]);
    cn_free(got);
}

static void one(const golden_case *c)
{
    static const char *const lists[] = { "vocabulary", "idf_weights", "bin_boundaries" };
    golden_args args;
    list        lists_of[3];
    const golden_array *data = golden_find(c, "data"), *y = golden_find(c, "y");
    const cn__class *class = cn__class_find(ctx, CN__FAM_LAYER, c->class);
    char *given = (char *)(uintptr_t)golden_choice(c, class, NULL, &args);
    for (int i = 0; i < 3; i++) {
        const golden_array *a = golden_find(c, lists[i]);
        const cn_values *v = a ? list_of(a, &lists_of[i]) : NULL;
        if (a) memcpy(given + cn__option_find(class, lists[i])->offset, &v, sizeof v);
    }
    cn_layer *l = cn__layer_place(cn__layer_new(ctx, NULL, class, given), ctx, NULL);    /* with copies of the lists */
    for (int i = 0; i < 3; i++) {
        const golden_array *a = golden_find(c, lists[i]);
        for (int64_t k = 0; a && a->text && k < a->n; k++) free(lists_of[i].text[k]);
    }
    if (cn_error(l)) { CHECK_FAIL("%s", cn_error_message(l)); return; }
    for (int twice = 0; data && twice < 2; twice++) {    /* the second time from the beginning */
        cn_array *seen = data_of(c, data);
        CHECK_INT(cn_adapt(l, seen), CN_OK);
        cn_free(seen);
        if (cn_error(ctx)) { CHECK_FAIL("%s", cn_error_message(ctx)); return; }
        same_words(l, golden_find(c, "words"));
    }
    cn_array *x = data_of(c, golden_find(c, "x")), *got = cn_apply(l, x);
    if (cn_error(got)) { CHECK_FAIL("%s", cn_error_message(got)); cn_clear_error(ctx); return; }
    double *at = malloc(((size_t)y->n + 1) * sizeof *at);
    CHECK_INT(cn_rank_of(got), y->rank);
    for (int i = 0; i < y->rank; i++) CHECK_INT(cn_size_of(got, i), y->dim[i]);
    for (int64_t i = 0; i < y->n; i++) at[i] = cn__load(got->head.dtype, got->data, (size_t)i);
    golden_near("y", at, y, 1e-6);
    bool whole = !strstr(c->options, "output_mode=") ? strstr(c->class, "Lookup") || !strcmp(c->class, "Discretization")
                                                     : strstr(c->options, "output_mode=int") != NULL;
    CHECK_INT(cn_dtype_of(got), !whole ? CN_FLOAT32 : strcmp(c->class, "Discretization") ? CN_INT64 : CN_INT32);
    free(at);
    cn_free(x), cn_free(got);
}

TEST(as_in_keras)
{
    ctx = cn_open();
    CHECK(golden_each("preprocessing", "preprocessing", one) > 80);
    CHECK_INT(cn_close(ctx), 0);
}

/* ---- State, as files have it ------------------------------------------------------------------------------------- */
static const cn_values *piece(const cn_layer *l, cn__state_kind kind, const char *name, cn__layer_state *out)
{
    for (int i = 0; l->ops->state(l, i, out); i++)
        if (out->kind == kind && !strcmp(out->name, name)) return &out->values;
    return NULL;
}

TEST(what_was_learnt_goes_out_and_in)
{
    cn__layer_state vocabulary, idf, size;
    ctx = cn_open();
    cn_layer *a = cn_string_lookup(ctx, .output_mode = CN_TF_IDF), *b = cn_string_lookup(ctx, .output_mode = CN_TF_IDF);
    cn_array *x = cn_array_from(ctx, { 4, 2 }, CN_STRINGS("a", "b", "b", "c", "b", "a", "d", "b"));
    CHECK_INT(cn_adapt(a, x), CN_OK);
    CHECK(piece(a, CN__STATE_ASSET, "vocabulary.txt", &vocabulary) != NULL);
    CHECK(piece(a, CN__STATE_WEIGHT, "idf_weights", &idf) != NULL);
    CHECK(piece(a, CN__STATE_CONFIG, "vocabulary_size", &size) != NULL);
    CHECK_INT(*(const int64_t *)size.values.data, 5);
    CHECK_STR(((const cn_text *)vocabulary.values.data)[0], "[UNK]");
    CHECK_STR(((const cn_text *)vocabulary.values.data)[1], "b");
    cn__type in = { .dtype = CN_STRING, .rank = 2, .dim = { -1, 2 } };
    b->nin = 1, b->in_type[0] = in;
    CHECK_INT(b->ops->build(b, NULL), CN_OK);
    b->built = true;
    CHECK_INT(b->ops->set_state(b, NULL, "idf_weights", &idf.values), CN_OK);
    CHECK_INT(b->ops->set_state(b, NULL, "vocabulary.txt", &vocabulary.values), CN_OK);
    cn_array *of_a = cn_apply(a, x), *of_b = cn_apply(b, x);
    CHECK(cn_error(of_b) == CN_OK && !memcmp(cn_data(of_a), cn_data(of_b), 4 * 5 * sizeof(float)));
    CHECK_INT(b->ops->set_state(b, NULL, "other", &idf.values), CN_E_NAME);
    cn_clear_error(ctx);
    cn_layer *given = cn_string_lookup(ctx, .vocabulary = CN_STRINGS("a"));
    given->nin = 1, given->in_type[0] = in;
    CHECK_INT(given->ops->build(given, NULL), CN_OK);
    CHECK(!piece(given, CN__STATE_ASSET, "vocabulary.txt", &vocabulary));    /* it stands in the config */
    CHECK_INT(cn_close(ctx), 0);
}

/* ---- Wrong use --------------------------------------------------------------------------------------------------- */
static void refused(cn_layer *l, const char *why)
{
    cn_array *x = cn_array_from(ctx, { 2, 1 }, CN_STRINGS("a", "b")), *y = cn_apply(l, x);
    CHECK_STR(cn_error_message(y), why);
    cn_clear_error(ctx);
    cn_free(x), cn_free(y);
}

TEST(what_does_not_fit_is_said)
{
    ctx = cn_open();
    refused(cn_string_lookup(ctx, .vocabulary = CN_STRINGS("a", "b", "a")), "\"a\" stands in it twice");
    refused(cn_string_lookup(ctx, .vocabulary = CN_STRINGS("a", ""), .mask_token = ""), "the mask_token \"\" stands");
    refused(cn_string_lookup(ctx, .vocabulary = CN_NUMBERS(1, 2)), "must be of strings");
    refused(cn_string_lookup(ctx, .vocabulary = CN_STRINGS("a", "b"), .max_tokens = 2), "max_tokens is 2");
    refused(cn_string_lookup(ctx, .max_tokens = 1), "1 places stand before the first word");
    refused(cn_string_lookup(ctx, .pad_to_max_tokens = CN_YES), "needs max_tokens");
    refused(cn_string_lookup(ctx, .vocabulary = CN_STRINGS("a"), .output_mode = CN_TF_IDF), "together");
    refused(cn_string_lookup(ctx, .vocabulary = CN_STRINGS("a"), .idf_weights = CN_NUMBERS(1)), "CN_TF_IDF");
    refused(cn_string_lookup(ctx, .vocabulary = CN_STRINGS("a"), .output_mode = CN_TF_IDF,
                             .idf_weights = CN_NUMBERS(1, 2, 3)), "has 3 numbers, the vocabulary 1");
    refused(cn_string_lookup(ctx, .output_mode = CN_MAX), "one of CN_INT, CN_ONE_HOT");
    refused(cn_string_lookup(ctx, .output_mode = CN_ONE_HOT), "no vocabulary yet");
    refused(cn_string_lookup(ctx), "has not seen data yet");
    refused(cn_string_lookup(ctx, .num_oov_indices = -2), "num_oov_indices is -2");
    refused(cn_string_lookup(ctx, .vocabulary = CN_STRINGS("a"), .num_oov_indices = CN_AXIS0),
            "a value is not in the vocabulary");
    refused(cn_integer_lookup(ctx, .vocabulary = CN_NUMBERS(1)), "takes numbers, its input is of strings");
    refused(cn_dense(ctx, 3), "Put cn_string_lookup before it");
    cn_array *n = cn_array_from(ctx, { 3 }, CN_NUMBERS(1, 2, 3));
    cn_array *y = cn_apply(cn_string_lookup(ctx, .vocabulary = CN_STRINGS("a")), n);
    CHECK_STR(cn_error_message(y), "takes strings, its input is of numbers");
    y = cn_apply(cn_category_encoding(ctx, 3), n);
    CHECK_STR(cn_error_message(y), "the shape {1}");
    y = cn_apply(cn_category_encoding(ctx, 0), n);
    CHECK_STR(cn_error_message(y), "num_tokens is 0");
    y = cn_apply(cn_discretization(ctx), n);
    CHECK_STR(cn_error_message(y), "num_bins and cn_adapt");
    y = cn_apply(cn_discretization(ctx, .bin_boundaries = CN_NUMBERS(1, 0)), n);
    CHECK_STR(cn_error_message(y), "bin_boundaries[1] is 0 behind 1");
    CHECK_INT(cn_adapt(cn_discretization(ctx, .bin_boundaries = CN_NUMBERS(1)), n), CN_E_VALUE);
    CHECK_STR(cn_error_message(ctx), "what it would learn was given");
    CHECK_INT(cn_adapt(cn_string_lookup(ctx), n), CN_E_DTYPE);
    CHECK_STR(cn_error_message(ctx), "learns from strings");
    CHECK_INT(cn_adapt(cn_discretization(ctx, .num_bins = 3), cn_array_from(ctx, { 1 }, CN_NUMBERS(NAN))), CN_E_VALUE);
    CHECK_STR(cn_error_message(ctx), "NaN");
    cn_clear_error(ctx);
    CHECK_STR(cn_error_message(cn_vocabulary(cn_dense(ctx, 1))), "has none");
    CHECK_STR(cn_error_message(cn_vocabulary(cn_string_lookup(ctx))), "none yet");
    cn_clear_error(ctx);
    CHECK_INT(cn_close(ctx), 0);
}

CHECK_MAIN
