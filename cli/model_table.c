/* model_table.c: rows of a table for a model from a file: columns go to the inputs of their names, or all of them in
   their order to the one input. */
#include "model_data.h"
#include <math.h>
#include <string.h>

/* ---- Inputs ------------------------------------------------------------------------------------------------------ */
static cn_table *read_table(const model_facts *f, const char *path)
{
    bool tabs = ends(path, ".tsv") || ends(path, ".tsv.gz");
    return cn_read_csv(f->ctx, path, .guess_header = CN_YES, .separator = tabs ? "\t" : NULL);
}

static const char *title(const cn_table *t, int column)  /* that stands for this column alone */
{
    const char *name = cn_table_name(t, column);
    return cn_table_column(t, name) == column ? name : print_to("%d", column);
}

/* A column for an input of strings: numbers as they are written at their shortest. */
static cn_array *words_of(const model_facts *f, cn_table *t, int column)
{
    const char *name = title(t, column);
    if (cn_table_dtype(t, column) == CN_STRING) return cn_columns(t, name);
    cn_array    *a = cn_columns(t, name, .dtype = CN_FLOAT64);
    int64_t      n = cn_table_rows(t);
    const char **words = need((size_t)n, sizeof *words);
    for (int64_t i = 0; i < n; i++) words[i] = isnan(cn_at(a, i, 0)) ? "" : number_text(cn_at(a, i, 0));
    cn_array *w = cn_array_from(f->ctx, { CN_ANY }, &(cn_values){ CN_STRING, (size_t)n, words });
    drop(words), cn_free(a);
    return w;
}

/* Is the input called after this column? Names of layers are without / * and , and may have marks behind them. */
static bool called_after(const char *input, const char *column, int i)
{
    const char *name = *column ? column : print_to("column_%d", i);
    for (; *name && (*name == *input || (*input == '_' && strchr("/*,", *name))); name++) input++;
    return !*name && !input[strspn(input, "._")];
}

static int column_of(const cn_table *t, const char *input)
{
    const char *name;
    int column = cn_table_column(t, input);
    for (int i = 0; column < 0 && (name = cn_table_name(t, i)); i++)
        if (called_after(input, name, i)) column = i;
    return column;
}

/* Does the table have a column for each input? One input alone may take all columns. */
static bool by_columns(const model_facts *f, const cn_table *t)
{
    return f->inputs > 1 || (column_of(t, f->input[0]) >= 0 && width_of(cn_model_input(f->m, 0)) == 1);
}

/* An input of many numbers: all columns of numbers that no other input is called after, nor the target. */
static cn_array *take_rest(const model_facts *f, cn_table *t, int input, const char *target)
{
    int64_t   rows = cn_table_rows(t), width = width_of(cn_model_input(f->m, input)), n = 0;
    cn_array *a = cn_array_from(f->ctx, { rows, width }, NULL);
    float    *to = cn_mutable(a);
    for (int k = 0; to && cn_table_name(t, k); k++) {
        bool taken = cn_table_dtype(t, k) == CN_STRING || (target && k == cn_table_column(t, target));
        for (int i = 0; i < f->inputs; i++) taken = taken || k == column_of(t, f->input[i]);
        if (taken || n++ >= width) continue;
        cn_array    *one = cn_columns(t, title(t, k));
        const float *v = cn_float32(one);
        for (int64_t r = 0; v && r < rows; r++) to[r * width + n - 1] = v[r];
        cn_free(one);
    }
    if (n == width || cn_error(a)) return a;
    (void)cn_fail(f->ctx, CN_E_SHAPE,
                  print_to("input %s of the model takes %lld numbers; %lld columns of numbers are left for it.",
                           f->input[input], (long long)width, (long long)n));
    return NULL;
}

static cn_status take_columns(samples *d, const model_facts *f, cn_table *t, const char *target)
{
    for (int i = 0; i < f->inputs; i++) {
        cn_tensor *in = cn_model_input(f->m, i);
        int        column = column_of(t, f->input[i]);
        cn_array  *a = column < 0 && width_of(in) > 1 ? take_rest(f, t, i, target)
                     : column < 0 ? cn_columns(t, f->input[i])               /* says that there is none */
                     : cn_dtype_of(in) == CN_STRING ? words_of(f, t, column) : cn_columns(t, title(t, column));
        d->x[i] = !a || cn_error(a) ? a : shaped(f, i, a, d->n, print_to("column %s", f->input[i]));
        if (!d->x[i] || cn_error(d->x[i])) return cn_error(f->ctx);
    }
    return CN_OK;
}

static cn_status take_rows(samples *d, const model_facts *f, cn_table *t, const char *target, const char *path)
{
    int64_t columns = 0, width = width_of(cn_model_input(f->m, 0));
    while (cn_table_name(t, (int)columns)) columns++;
    columns -= target != NULL;
    if (width >= 0 && columns != width)
        return cn_fail(f->ctx, CN_E_SHAPE,
                       print_to("%s: %lld columns%s; the model takes %lld numbers.%s", path, (long long)columns,
                                target ? print_to(" without %s", target) : "", (long long)width,
                                target ? "" : " --target COLUMN leaves out the one that was to be predicted."));
    cn_array *a = target ? cn_columns(t, "*", .except = { target }) : cn_columns(t, "*");
    d->x[0] = cn_error(a) ? a : shaped(f, 0, a, d->n, path);
    return d->x[0] ? cn_error(d->x[0]) : cn_error(f->ctx);
}

static cn_status take_table(samples *d, const model_facts *f, cn_table *t, const char *target, const char *path)
{
    if (cn_error(t)) return cn_error(t);
    d->n = cn_table_rows(t);
    if (!d->n) return cn_fail(f->ctx, CN_E_VALUE, print_to("%s: it has no rows.", path));
    return by_columns(f, t) ? take_columns(d, f, t, target) : take_rows(d, f, t, target, path);
}

cn_status read_rows(samples *d, const model_facts *f, const settings *s)
{
    return take_table(d, f, read_table(f, s->data), s->target, s->data);
}

/* ---- Targets ----------------------------------------------------------------------------------------------------- */
static cn_status target_classes(samples *d, const model_facts *f, const settings *s, cn_table *t, const char *target)
{
    int64_t wanted = classes_of(f);
    d->class_names = s->classes ? given_classes(f->ctx, s) : cn_class_names(t, target);
    if (cn_error(d->class_names)) return cn_error(d->class_names);
    if (cn_size_of(d->class_names, 0) != wanted)
        return cn_fail(f->ctx, CN_E_VALUE,
                       print_to("column %s has %lld different values, the model tells %lld classes apart. Name all of "
                                "them, in its order: --classes A,B,C.", target,
                                (long long)cn_size_of(d->class_names, 0), (long long)wanted));
    d->y[0] = as_targets(f, cn_classes_as(t, target, d->class_names));
    return cn_error(d->y[0]);
}

static cn_status take_target(samples *d, const model_facts *f, const settings *s, cn_table *t, const char *target)
{
    int column = cn_table_column(t, target);
    if (f->outputs != 1)
        return cn_fail(f->ctx, CN_E_SHAPE, "the model has several outputs; give inputs and targets by --x and --y.");
    for (int i = 0; i < f->inputs; i++)
        if (by_columns(f, t) && column_of(t, f->input[i]) == column)
            return cn_fail(f->ctx, CN_E_NAME, print_to("column %s is an input of the model; say which is to be "
                                                       "predicted: --target COLUMN.", target));
    if (column >= 0 && cn_table_missing(t, column))
        return cn_fail(f->ctx, CN_E_VALUE,
                       print_to("column %s: %lld cells are not known; leave these rows out.", target,
                                (long long)cn_table_missing(t, column)));
    bool classes = f->means[0] != A_NUMBER || (f->loss && strstr(f->loss, "crossentropy")) ||
                   cn_table_dtype(t, column) == CN_STRING;
    if (column >= 0 && classes) return target_classes(d, f, s, t, target);
    d->y[0] = cn_columns(t, target);
    return cn_error(d->y[0]);
}

cn_status read_row_pairs(samples *d, const model_facts *f, const settings *s)
{
    cn_table   *t = read_table(f, s->data);
    const char *target = s->target;
    int         last = 0;
    if (cn_error(t)) return cn_error(t);
    while (cn_table_name(t, last + 1)) last++;
    if (!target) target = cn_table_name(t, last);
    cn_status failed = take_target(d, f, s, t, target);
    return failed ? failed : take_table(d, f, t, target, s->data);
}
