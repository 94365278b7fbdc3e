/* columns.c: one column: its cells, what differs among them, and the inputs that it becomes. */
#include "columns.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

cn_status column_load(cn_table *t, int place, column *k)
{
    char        number[24];
    const char *name = cn_table_name(t, place);
    *k = (column){ .name = print_to("%s", name),
                   .numeric = cn_table_dtype(t, place) == CN_FLOAT64,
                   .rows = cn_table_rows(t),
                   .missing = cn_table_missing(t, place) };
    /* a name twice */
    if (cn_table_column(t, name) != place) snprintf(number, sizeof number, "%d", place), name = number;
    cn_array *a = k->numeric ? cn_columns(t, name, .dtype = CN_FLOAT64) : cn_columns(t, name);
    if (cn_error(a)) return cn_error(a);
    if (k->numeric) k->v = need((size_t)k->rows, sizeof *k->v);
    else k->s = need((size_t)k->rows, sizeof *k->s);
    for (int64_t i = 0; i < k->rows; i++)
        if (k->numeric) k->v[i] = cn_at(a, i, 0);
        else k->s[i] = print_to("%s", cn_string(a, i));
    cn_free(a);
    return CN_OK;
}

/* ---- What differs ------------------------------------------------------------------------------------------------ */
typedef struct cell { double v; const char *s; int64_t row; } cell;

static int by_cell(const void *a, const void *b)
{
    const cell *x = a, *y = b;
    int order = x->s ? strcmp(x->s, y->s) : (x->v > y->v) - (x->v < y->v);
    return order ? order : (x->row > y->row) - (x->row < y->row);
}

static bool known(const column *k, int64_t i) { return k->numeric ? !isnan(k->v[i]) : *k->s[i] != 0; }

void column_study(column *k)
{
    cell   *cells = need((size_t)k->rows, sizeof *cells);
    int64_t n = 0;
    k->code = need((size_t)k->rows, sizeof *k->code);
    k->names = need((size_t)k->rows, sizeof *k->names);
    for (int64_t i = 0; i < k->rows; i++)
        if (known(k, i)) cells[n++] = (cell){ k->numeric ? k->v[i] : 0, k->numeric ? NULL : k->s[i], i };
        else k->code[i] = -1;
    qsort(cells, (size_t)n, sizeof *cells, by_cell);
    for (int64_t i = 0; i < n; i++) {
        bool new = !i || (k->numeric ? cells[i].v != cells[i - 1].v : strcmp(cells[i].s, cells[i - 1].s) != 0);
        if (new) k->names[k->different++] = k->numeric ? number_text(cells[i].v) : cells[i].s;
        k->code[cells[i].row] = (int32_t)(k->different - 1);
    }
    drop(cells);
}

void column_codes_as(column *k, const column *like)
{
    k->code = need((size_t)k->rows, sizeof *k->code);
    for (int64_t i = 0; i < k->rows; i++) {
        k->code[i] = -1;
        if (!known(k, i)) continue;
        const char *name = k->numeric ? number_text(k->v[i]) : k->s[i];
        for (int64_t j = 0; j < like->different; j++)
            if (!strcmp(like->names[j], name)) k->code[i] = (int32_t)j;
    }
}

void column_free(column *k)
{
    drop(k->v), drop(k->s), drop(k->code), drop(k->names);
}

/* ---- Inputs ------------------------------------------------------------------------------------------------------ */
int column_inputs(const column *k)
{
    switch (k->plan) {
    case LEFT_OUT:      return 0;
    case AS_NUMBER:     return 1 + k->tells_missing;
    case AS_TWO:        return 1 + k->tells_missing;
    case AS_CATEGORIES: return (int)k->different + k->tells_missing;
    }
    return 0;
}

void column_write(const column *plan, const column *cells, int64_t row, float *out)
{
    if (plan->plan == LEFT_OUT) return;
    int n = column_inputs(plan);
    for (int i = 0; i < n; i++) out[i] = 0;
    bool there = known(cells, row);
    if (plan->tells_missing) out[n - 1] = !there;
    if (plan->plan == AS_NUMBER) {
        double v = there ? cells->v[row] : plan->middle;
        out[0] = (float)(plan->logarithm ? log1p(fmax(v, 0)) : v);
    } else if (plan->plan == AS_TWO) out[0] = cells->code[row] < 0 ? 0.5f : (float)cells->code[row];
    else if (cells->code[row] >= 0) out[cells->code[row]] = 1;
}

const char *column_input_name(const column *k, int i)
{
    if (k->tells_missing && i == column_inputs(k) - 1) return print_to("%s missing", k->name);
    if (k->plan == AS_NUMBER) return k->name;
    return print_to("%s=%s", k->name, k->names[k->plan == AS_TWO ? 1 : i]);
}
