/* features.c: from columns to the inputs of a network, as a model of its own, made of Keras's layers: one named input
   for each column that is used. It makes the numbers that the network is trained on, once for all rows; and it stands
   in front of the network that is saved, which so takes raw rows, here and in Python.

   Numbers: what is not known (NaN) becomes the median; ln (1 + x) of skewed ones; an input more says where the unknown
   ones were. Text: one input for each of its categories and one for all others, "" among them. */
#include "columns.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Names of inputs --------------------------------------------------------------------------------------------- */
/* Layers that are named after their class: no input may be called so. */
static bool reserved(const char *name)
{
    static const char *const words[] = { "concatenate", "dense", "discretization", "dropout", "log1p", "nan_to_num",
                                         "network", "normalization", "re_lu", "rescaling", "string_lookup" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (!strncmp(name, words[i], n) && (!name[n] || name[n] == '_')) return true;
    }
    return false;
}

/* A column's name as a layer can have it: without / * and , and of its own. */
static const char *input_name(const column *at, int i)
{
    char *name = print_to("%s", at[i].name);
    for (char *p = name; *p; p++)
        if (strchr("/*,", *p)) *p = '_';
    if (!*name) name = print_to("column_%d", i);
    if (reserved(name)) name = print_to("%s.", name);
    for (int k = 0; k < i; k++)
        if (at[k].plan != LEFT_OUT && !strcmp(at[k].input, name)) name = print_to("%s_", name), k = -1;
    return name;
}

/* ---- The model --------------------------------------------------------------------------------------------------- */
static cn_tensor *joined(cn_tensor *const *all, int n)
{
    CN_ARGS(cn_concatenate, g);
    for (int i = 0; i < n; i++) g.on[i] = all[i];
    return n == 1 ? all[0] : (cn_concatenate)(&g);
}

static cn_tensor *number_features(const column *k, cn_tensor *x)
{
    cn_tensor *v = cn_nan_to_num(x, .nan = k->middle);
    if (k->logarithm) v = cn_log1p(cn_relu(v));
    if (!k->tells_missing) return v;
    /* NaN stands above every boundary */
    cn_tensor *missing = cn_rescaling(cn_discretization(x, .bin_boundaries = CN_NUMBERS(FLT_MAX)), 1.0);
    return cn_concatenate(v, missing);
}

static cn_tensor *text_features(const column *k, cn_tensor *x)
{
    const char *unknown = "[UNK]";                       /* a token that is none of the categories */
    for (int64_t i = 0; i < k->different; i++)
        if (!strcmp(k->names[i], unknown)) unknown = print_to("%s?", unknown), i = -1;
    return cn_string_lookup(x, .vocabulary = &(cn_values){ CN_STRING, (size_t)k->different, k->names },
                            .oov_token = unknown, .output_mode = CN_ONE_HOT);
}

/* Many numbers by one input: each less its median, and what is not known 0. */
static cn_tensor *crowd_features(cn_tensor *x, const column *at, int n, int64_t numbers)
{
    double *median = need((size_t)numbers, sizeof *median), *one = need((size_t)numbers, sizeof *one);
    int64_t m = 0;
    for (int i = 0; i < n; i++)
        if (at[i].plan == AS_NUMBER) median[m] = at[i].middle, one[m++] = 1;
    cn_tensor *v = cn_nan_to_num(cn_normalization(x, .mean = CN_BUFFER(median, (size_t)m),
                                                  .variance = CN_BUFFER(one, (size_t)m)));
    drop(median), drop(one);
    return v;
}

static int count(const column *at, int n, column_plan plan)
{
    int k = 0;
    for (int i = 0; i < n; i++) k += at[i].plan == plan;
    return k;
}

cn_model *features_model(cn_ctx *c, column *at, int n, bool crowded, int *made)
{
    CN_ARGS(cn_functional, g);
    cn_tensor *all[CN_MAX_IO];
    int inputs = 0, numbers = crowded ? count(at, n, AS_NUMBER) : 0;
    if (numbers) {
        g.inputs[0] = cn_input(c, {numbers}, .name = "numbers");
        all[inputs++] = crowd_features(g.inputs[0], at, n, numbers);
    }
    for (int i = 0; i < n && inputs < CN_MAX_IO; i++) {
        bool text = at[i].plan == AS_TEXT;
        if (at[i].plan == LEFT_OUT) continue;
        at[i].input = input_name(at, i);
        if (numbers && !text) continue;
        cn_tensor *x = g.inputs[inputs] = cn_input(c, {1}, .name = at[i].input, .dtype = text ? CN_STRING : CN_FLOAT32);
        all[inputs++] = text ? text_features(&at[i], x) : number_features(&at[i], x);
    }
    g.outputs[0] = joined(all, inputs);
    *made = inputs;
    return (cn_functional)(&g);
}

/* ---- Rows through it --------------------------------------------------------------------------------------------- */
static cn_array *text_of(cn_ctx *c, const column *k, const int64_t *rows, int64_t n)
{
    const char **s = need((size_t)n, sizeof *s);
    for (int64_t i = 0; i < n; i++) s[i] = k->s[rows[i]];
    cn_array *a = cn_array_from(c, { CN_ANY, 1 }, &(cn_values){ CN_STRING, (size_t)n, s });
    drop(s);
    return a;
}

/* Numbers of the columns from `first` up to `end`, side by side. */
static cn_array *numbers_of(cn_ctx *c, const column *plan, const column *cells, int first, int end, const int64_t *rows,
                            int64_t n)
{
    int64_t width = count(plan + first, end - first, AS_NUMBER), at = 0;
    float  *v = need((size_t)(n * width), sizeof *v);
    for (int k = first; k < end; k++) {
        if (plan[k].plan != AS_NUMBER) continue;
        for (int64_t i = 0; i < n; i++) v[i * width + at] = (float)cells[k].v[rows[i]];
        at++;
    }
    cn_array *a = cn_array_from(c, { CN_ANY, width }, CN_BUFFER(v, (size_t)(n * width)));
    drop(v);
    return a;
}

cn_array *features_of(cn_model *m, const column *plan, const column *cells, int n, bool crowded, const int64_t *rows,
                      int64_t count_of_rows)
{
    CN_ARGS(cn_dataset_from, g);
    cn_ctx   *c = cn_ctx_of(m);
    cn_array *out = NULL;
    int       inputs = 0;
    bool      together = crowded && count(plan, n, AS_NUMBER);
    if (together) g.x[inputs++] = numbers_of(c, plan, cells, 0, n, rows, count_of_rows);
    for (int k = 0; k < n && inputs < CN_MAX_IO; k++)
        if (plan[k].plan == AS_TEXT) g.x[inputs++] = text_of(c, &cells[k], rows, count_of_rows);
        else if (plan[k].plan == AS_NUMBER && !together)
            g.x[inputs++] = numbers_of(c, plan, cells, k, k + 1, rows, count_of_rows);
    g.on = c;
    cn_dataset *ds = (cn_dataset_from)(&g);
    cn_status   failed = cn_predict(m, ds, &out, .batch_size = 1024);
    cn_free(ds);
    for (int i = 0; i < inputs; i++) cn_free(g.x[i]);
    return failed ? NULL : out;
}
