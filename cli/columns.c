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
    return k->plan == LEFT_OUT ? 0 : k->plan == AS_NUMBER ? 1 + k->tells_missing : 1 + (int)k->different;
}

const char *column_input_name(const column *k, int i)
{
    if (k->plan == AS_TEXT) return i ? print_to("%s=%s", k->name, k->names[i - 1]) : print_to("%s unknown", k->name);
    return i ? print_to("%s missing", k->name) : k->name;
}
