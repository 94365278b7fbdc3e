/* table.c: from a CSV file to inputs and targets: which columns tell something, how unknown cells are filled, which
   rows are for training. Whatever is decided here is said. */
#include "columns.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_ROWS = 10, MOST_CATEGORIES = 50, ID_ROWS = 50 };

typedef struct tables {
    problem     *p;
    const char  *path;
    column      *at, *test;                              /* all columns; the same of the test table */
    int          n, target;
    int64_t      rows, test_rows;                        /* as read; some may have no target */
    int64_t     *row, known;                             /* those that have one */
    int32_t     *classes;                                /* of each row; NULL for numbers */
    bool         crowded;                                /* more columns than a model has inputs */
} tables;

static cn_table *read(cn_ctx *c, const char *path)
{
    const char *dot = strstr(path, ".tsv");
    bool tabs = dot && (!dot[4] || !strcmp(dot + 4, ".gz"));
    return cn_read_csv(c, path, .guess_header = CN_YES, .separator = tabs ? "\t" : NULL);
}

static cn_status load_columns(tables *t, cn_table *from, column **at, int64_t *rows)
{
    *at = need((size_t)t->n, sizeof **at);
    *rows = cn_table_rows(from);
    for (int i = 0; i < t->n; i++) {
        cn_status failed = column_load(from, i, &(*at)[i]);
        if (failed) return failed;
    }
    return CN_OK;
}

static int count_columns(const cn_table *t)
{
    int n = 0;
    while (cn_table_name(t, n)) n++;
    return n;
}

/* ---- Which columns are left out ---------------------------------------------------------------------------------- */
static bool ends_like_id(const char *name)
{
    static const char *const words[] = { "id", "index", "idx",      "key",  "no",        "number",
                                         "nr", "row",   "rownames", "uuid", "unnamed: 0" };
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t k = strlen(words[i]);
        if (n < k || strcasecmp(name + n - k, words[i])) continue;
        /* id, user_id, PassengerId */
        if (n == k || strchr("_- .", name[n - k - 1]) || (k == 2 && name[n - 2] == 'I')) return true;
    }
    return false;
}

/* Whole numbers, all different: a label of the row if they go up by one, are called so, or stand first without a name.
   */
static bool is_label(const tables *t, int i)
{
    const column *k = &t->at[i];
    if (!k->numeric || k->missing || k->different != k->rows || k->rows < ID_ROWS) return false;
    bool up = true;
    for (int64_t r = 0; r < k->rows; r++) {
        if (k->v[r] != floor(k->v[r])) return false;
        up &= !r || k->v[r] == k->v[r - 1] + 1;
    }
    return up || ends_like_id(k->name) || (i == 0 && !strcmp(k->name, "0")) || !*k->name;
}

/* Each of its values goes with one class and each class with one of its values: the answer in other words. */
static bool says_the_class(const tables *t, const column *k)
{
    const column *target = &t->at[t->target];
    if (k->different != target->different || t->known < 2 * LEAST_ROWS) return false;
    int32_t *with = need((size_t)k->different, sizeof *with);
    bool     same = true;
    for (int64_t i = 0; same && i < t->known; i++) {
        int32_t value = k->code[t->row[i]], class = target->code[t->row[i]];
        if (value < 0 || (with[value] && with[value] != class + 1)) same = false;
        else with[value] = class + 1;
    }
    for (int64_t i = 0; same && i < k->different; i++)
        for (int64_t j = 0; j < i; j++) same &= with[i] != with[j];
    drop(with);
    return same;
}

/* target = a v + b on all rows. */
static bool says_the_number(const tables *t, const column *k)
{
    const double *y = t->at[t->target].v, *v = k->v;
    if (!k->numeric || k->missing || k->different < 3) return false;
    int64_t first = t->row[0], other = first;
    for (int64_t i = 0; i < t->known; i++) if (v[t->row[i]] != v[first]) other = t->row[i];
    if (other == first || v[other] == v[first]) return false;
    double a = (y[other] - y[first]) / (v[other] - v[first]), size = fabs(y[first]) + fabs(y[other]);
    for (int64_t i = 0; i < t->known; i++) {
        int64_t r = t->row[i];
        if (!(fabs(y[first] + a * (v[r] - v[first]) - y[r]) <= 1e-9 * (size + fabs(y[r])))) return false;
    }
    return a != 0;
}

static void plan_column(tables *t, int i)
{
    column *k = &t->at[i];
    lines  *said = &t->p->said;
    if (i == t->target) return;
    if (k->different <= 1)
        add_line(said, "Column %s is left out: it is the same everywhere.", k->name);
    else if (t->classes ? says_the_class(t, k) : says_the_number(t, k))
        add_line(said, "Column %s is left out: it gives the answer away, being %s in other words.", k->name,
                 t->at[t->target].name);
    else if (is_label(t, i))
        add_line(said, "Column %s is left out: it numbers the rows.", k->name);
    else if (!k->numeric && (k->different > MOST_CATEGORIES || (k->different > 10 && 5 * k->different > k->rows)))
        add_line(said, "Column %s is left out: it has %lld different texts in %lld rows, as names have.", k->name,
                 (long long)k->different, (long long)k->rows);
    else k->plan = k->numeric ? AS_NUMBER : AS_TEXT;
    if (!k->missing || k->plan == LEFT_OUT) return;
    k->tells_missing = k->plan == AS_NUMBER && !t->crowded && 50 * k->missing >= k->rows;
    add_line(said, "Column %s: %lld of %lld cells are not known; %s%s.", k->name, (long long)k->missing,
             (long long)k->rows,
             k->plan == AS_NUMBER ? "they get the median" : "that is a category of its own",
             k->tells_missing ? ", and an input says where" : "");
}

static void say_categories(tables *t)
{
    for (int i = 0; i < t->n; i++)
        if (t->at[i].plan == AS_TEXT)
            add_line(&t->p->said, "Column %s becomes %d inputs, one for each of its categories and one for others.",
                     t->at[i].name, column_inputs(&t->at[i]));
}

/* ---- What the training part says about numbers ------------------------------------------------------------------- */
static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median; and whether the numbers reach so far up that their logarithms tell more: none below 0, the largest far
   above. */
static void study_numbers(tables *t, column *k, const int64_t *train, int64_t n)
{
    double *v = need((size_t)n, sizeof *v), mean = 0, second = 0, third = 0;
    int64_t m = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(k->v[train[i]])) v[m++] = k->v[train[i]];
    qsort(v, (size_t)m, sizeof *v, by_value);
    if (m) k->middle = m % 2 ? v[m / 2] : (v[m / 2 - 1] + v[m / 2]) / 2;
    for (int64_t i = 0; i < m; i++) mean += v[i] / (double)m;
    for (int64_t i = 0; i < m; i++) {
        double e = v[i] - mean;
        second += e * e / (double)m, third += e * e * e / (double)m;
    }
    k->logarithm = !t->crowded && m > 2 && v[0] >= 0 && second > 0 && v[m - 1] > 10 && third / pow(second, 1.5) > 2;
    if (k->logarithm)
        add_line(&t->p->said, "Column %s has a few very large numbers: ln(1 + x) of it goes in.", k->name);
    drop(v);
}

/* ---- Arrays ------------------------------------------------------------------------------------------------------ */
static part make_part(tables *t, const column *cells, const int64_t *rows, int64_t n)
{
    const column *target = &cells[t->target];
    cn_ctx       *c = t->p->ctx;
    part          out = { .x = features_of(t->p->features, t->at, cells, t->n, t->crowded, rows, n), .n = n };
    if (t->classes) {
        int32_t *y = need((size_t)n, sizeof *y);
        for (int64_t i = 0; i < n; i++) y[i] = target->code[rows[i]];
        out.y = cn_array_from(c, {CN_ANY}, CN_BUFFER(y, (size_t)n), .dtype = CN_INT32);
        drop(y);
    } else {
        double *y = need((size_t)n, sizeof *y);
        for (int64_t i = 0; i < n; i++) y[i] = target->v[rows[i]];
        out.y = cn_array_from(c, {CN_ANY, 1}, CN_BUFFER(y, (size_t)n));
        drop(y);
    }
    return out;
}

/* What does not vary in the training part, such as a category for unknown text that none had, must not count later. */
#define NEVER_COUNTS 1e30

static void standardise(problem *p, int inputs)
{
    p->mean = need((size_t)inputs, sizeof(double)), p->variance = need((size_t)inputs, sizeof(double));
    const float *x = cn_float32(p->train.x), *y = cn_float32(p->train.y);
    int64_t      n = p->train.n;
    for (int k = 0; x && k < inputs; k++) {
        for (int64_t i = 0; i < n; i++) p->mean[k] += x[i * inputs + k] / (double)n;
        for (int64_t i = 0; i < n; i++) {
            double e = x[i * inputs + k] - p->mean[k];
            p->variance[k] += e * e / (double)n;
        }
        if (!(p->variance[k] > 0)) p->variance[k] = NEVER_COUNTS;
    }
    p->target_mean = 0, p->target_scale = 1;
    if (!y) return;                                      /* classes */
    double square = 0;
    for (int64_t i = 0; i < n; i++) p->target_mean += y[i] / (double)n;
    for (int64_t i = 0; i < n; i++) square += (y[i] - p->target_mean) * (y[i] - p->target_mean) / (double)n;
    p->target_scale = square > 0 ? sqrt(square) : 1;
}

/* ---- The test table ---------------------------------------------------------------------------------------------- */
static cn_status fit_test(tables *t, const char *path)
{
    cn_ctx *c = t->p->ctx;
    for (int i = 0; i < t->n; i++) {
        const column *known = &t->at[i];
        column       *k = &t->test[i];
        if (k->numeric != known->numeric && k->missing < k->rows && (known->plan != LEFT_OUT || i == t->target))
            return cn_fail(c, CN_E_DTYPE,
                           print_to("%s: column %s holds %s, in %s it holds %s.", path, k->name,
                                    k->numeric ? "numbers" : "text", t->path, known->numeric ? "numbers" : "text"));
        if (k->numeric != known->numeric) {              /* all unknown: of either kind */
            k->numeric = known->numeric;
            if (k->numeric) k->v = need((size_t)k->rows, sizeof *k->v);
            else k->s = need((size_t)k->rows, sizeof *k->s);
            for (int64_t r = 0; r < k->rows; r++)
                if (k->numeric) k->v[r] = NAN;
                else k->s[r] = "";
        }
        if (i == t->target && t->classes) column_codes_as(k, known);
    }
    return CN_OK;
}

static cn_status load_test(tables *t, const char *path)
{
    cn_ctx   *c = t->p->ctx;
    cn_table *table = read(c, path);
    if (cn_error(table)) return cn_error(table);
    if (count_columns(table) != t->n)
        return cn_fail(
            c, CN_E_SHAPE,
            print_to("%s has %d columns, %s has %d: the same are needed.", path, count_columns(table), t->path, t->n));
    for (int i = 0; i < t->n; i++)
        if (strcmp(cn_table_name(table, i), t->at[i].name))
            return cn_fail(c, CN_E_NAME,
                           print_to("%s: column %d is called \"%s\", in %s it is \"%s\".", path, i,
                                    cn_table_name(table, i), t->path, t->at[i].name));
    cn_status failed = load_columns(t, table, &t->test, &t->test_rows);
    if (!failed) failed = fit_test(t, path);
    if (failed) return failed;
    int64_t *rows = need((size_t)t->test_rows, sizeof *rows), n = 0;
    const column *target = &t->test[t->target];
    for (int64_t i = 0; i < t->test_rows; i++)
        if (t->classes ? target->code[i] >= 0 : !isnan(target->v[i])) rows[n++] = i;
    if (n < t->test_rows)
        add_line(&t->p->said, "%s: %lld rows are left out: their %s is not known, or not one of the classes.", path,
                 (long long)(t->test_rows - n), target->name);
    if (!n) return cn_fail(c, CN_E_VALUE, print_to("%s: no row has a %s that can be used.", path, target->name));
    t->p->test = make_part(t, t->test, rows, n);
    drop(rows);
    return t->p->test.x ? CN_OK : cn_error(c);
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */
static cn_status find_target(tables *t, cn_table *table, const settings *s)
{
    t->target = s->target ? cn_table_column(table, s->target) : t->n - 1;
    if (t->target < 0) {
        cn_array *none = cn_columns(table, s->target);               /* its message names the nearest column */
        return cn_error(none);
    }
    if (!s->target)
        add_line(&t->p->said, "No --target was given: the last column, %s, is to be predicted.", t->at[t->target].name);
    const column *k = &t->at[t->target];
    t->row = need((size_t)t->rows, sizeof *t->row);
    for (int64_t i = 0; i < t->rows; i++)
        if (k->numeric ? !isnan(k->v[i]) : *k->s[i] != 0) t->row[t->known++] = i;
    if (t->known < t->rows)
        add_line(&t->p->said, "%lld rows without a value in \"%s\" are left out.", (long long)(t->rows - t->known),
                 k->name);
    if (t->known < LEAST_ROWS)
        return cn_fail(t->p->ctx, CN_E_VALUE,
                       print_to("%s: %lld rows with a value in \"%s\"; at least %d are needed to learn and to check.",
                                t->path, (long long)t->known, k->name, LEAST_ROWS));
    return CN_OK;
}

/* The targets as an array, for the advice: rows[i] of the column. */
static cn_array *targets_of(const tables *t, const int64_t *rows, int64_t n)
{
    const column *k = &t->at[t->target];
    double       *v = need((size_t)n, sizeof *v);
    const char  **s = need((size_t)n, sizeof *s);
    for (int64_t i = 0; i < n; i++)
        if (k->numeric) v[i] = k->v[rows[i]];
        else s[i] = k->s[rows[i]];
    cn_array *y = cn_array_from(t->p->ctx, { CN_ANY },
                                k->numeric ? CN_BUFFER(v, (size_t)n) : &(cn_values){ CN_STRING, (size_t)n, s },
                                .dtype = k->numeric ? CN_FLOAT64 : CN_STRING);
    drop(v), drop(s);
    return y;
}

static cn_task wanted_task(const settings *s)
{
    for (int i = CN_REGRESSION; s->task && i <= CN_MANY_CLASSES; i++)
        if (!strcmp(cn_task_name((cn_task)i), s->task)) return (cn_task)i;
    return (cn_task)0;
}

static cn_status plan(tables *t, const settings *s, int *inputs)
{
    problem  *p = t->p;
    cn_array *y = targets_of(t, t->row, t->known);
    cn_status failed = cn_advise(p->ctx, &p->advice, .inputs = 1, .y = y, .task = wanted_task(s));
    cn_free(y);
    if (failed) return failed;
    for (int i = 0; i < t->n; i++) column_study(&t->at[i]);
    if (p->advice.task != CN_REGRESSION) t->classes = t->at[t->target].code;
    t->crowded = t->n - 1 > CN_MAX_IO;
    if (t->crowded)
        add_line(&p->said, "There are more than %d columns: those of numbers are one input of the model, in order.",
                 CN_MAX_IO);
    for (int i = 0; i < t->n; i++) plan_column(t, i);
    say_categories(t);
    int text = 0;
    *inputs = 0;
    for (int i = 0; i < t->n; i++) *inputs += column_inputs(&t->at[i]), text += t->at[i].plan == AS_TEXT;
    if (text >= CN_MAX_IO)
        return cn_fail(p->ctx, CN_E_LIMIT, print_to("%s: %d columns of text to learn from, at most %d are possible.",
                                                    t->path, text, CN_MAX_IO - 1));
    if (*inputs) return CN_OK;
    return cn_fail(p->ctx, CN_E_VALUE,
                   print_to("%s: no column is left to predict %s from.", t->path, t->at[t->target].name));
}

static void name_inputs(tables *t, int inputs)
{
    const char **names = need((size_t)inputs, sizeof *names);
    int n = 0;
    for (int k = 0; k < t->n; k++)
        for (int i = 0; i < column_inputs(&t->at[k]); i++) names[n++] = column_input_name(&t->at[k], i);
    t->p->input_names = cn_array_from(t->p->ctx, {CN_ANY}, &(cn_values){ CN_STRING, (size_t)n, names });
    drop(names);
    const column *target = &t->at[t->target];
    if (t->classes)
        t->p->class_names =
            cn_array_from(t->p->ctx, { CN_ANY }, &(cn_values){ CN_STRING, (size_t)target->different, target->names });
}

static cn_status split(tables *t, const settings *s, int inputs)
{
    problem *p = t->p;
    int64_t *order = need((size_t)t->known, sizeof *order);
    int32_t *classes = NULL;
    if (t->classes) {
        classes = need((size_t)t->known, sizeof *classes);
        for (int64_t i = 0; i < t->known; i++) classes[i] = t->classes[t->row[i]];
    }
    int64_t nv = split_order(order, t->known, classes, t->at[t->target].different, s->validation_split,
                             (uint64_t)s->seed),
            n = t->known - nv;
    for (int64_t i = 0; i < t->known; i++) order[i] = t->row[order[i]];
    for (int k = 0; k < t->n; k++)
        if (t->at[k].plan == AS_NUMBER) study_numbers(t, &t->at[k], order + nv, n);
    p->features = features_model(p->ctx, t->at, t->n, t->crowded, &p->columns);
    p->validation = make_part(t, t->at, order, nv);
    p->train = make_part(t, t->at, order + nv, n);
    cn_status failed = p->validation.x && p->train.x ? CN_OK : cn_error(p->ctx);
    if (!failed) {
        standardise(p, inputs);
        cn_array *y = targets_of(t, order + nv, n);
        failed = cn_advise(p->ctx, &p->advice, .inputs = inputs, .y = y, .task = p->advice.task,
                           .classes = t->classes ? t->at[t->target].different : 0);
        cn_free(y);
    }
    drop(order), drop(classes);
    return failed;
}

cn_status load_table(problem *p, const settings *s)
{
    tables    t = { .p = p, .path = s->data };
    cn_table *table = read(p->ctx, s->data);
    int       inputs = 0;
    if (cn_error(table)) return cn_error(table);
    t.n = count_columns(table);
    cn_status failed = load_columns(&t, table, &t.at, &t.rows);
    if (!failed) failed = find_target(&t, table, s);
    if (!failed) failed = plan(&t, s, &inputs);
    if (!failed) failed = split(&t, s, inputs);
    if (!failed && s->test) failed = load_test(&t, s->test);
    if (!failed) {
        name_inputs(&t, inputs);
        const char *name = t.at[t.target].name;
        p->target = name[strspn(name, "0123456789")] ? name : print_to("column %s", name);
        failed = cn_error(p->ctx);
    }
    for (int i = 0; i < t.n; i++) {
        if (t.at) column_free(&t.at[i]);
        if (t.test) column_free(&t.test[i]);
    }
    drop(t.at), drop(t.test), drop(t.row);
    cn_free(table);
    return failed;
}
