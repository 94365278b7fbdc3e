/* table.c: columns of a table as arrays: numbers, strings, classes. Reading tables from files: csv.c. */
#include "data/table.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool sound(const cn_table *t) { return cn__is(t, CN__TABLE) && !cn__bad(t); }

static const cn__column *column_at(const cn_table *t, int column)
{
    return sound(t) && column >= 0 && column < t->ncolumns ? &t->columns[column] : NULL;
}

int64_t cn_table_rows(const cn_table *t) { return sound(t) ? t->rows : 0; }

const char *cn_table_name(const cn_table *t, int column)
{
    const cn__column *k = column_at(t, column);
    return k ? k->name : NULL;
}

int cn_table_column(const cn_table *t, const char *column)
{
    int64_t number;
    if (!sound(t) || !column) return -1;
    for (int c = 0; c < t->ncolumns; c++)
        if (!strcmp(t->columns[c].name, column)) return c;
    if (*column < '0' || *column > '9' || !cn__parse_int(column, &number) || number >= t->ncolumns) return -1;
    return (int)number;
}

cn_dtype cn_table_dtype(const cn_table *t, int column)
{
    const cn__column *k = column_at(t, column);
    return !k ? (cn_dtype)0 : k->numeric ? CN_FLOAT64 : CN_STRING;
}

int64_t cn_table_missing(const cn_table *t, int column)
{
    const cn__column *k = column_at(t, column);
    return k ? k->missing : 0;
}

int cn__table_find(void *h, const char *site, const char *what, const cn_table *t, const char *column)
{
    int c = cn_table_column(t, column), near = 0;
    size_t least = SIZE_MAX;
    if (c >= 0) return c;
    for (int k = 0; column && k < t->ncolumns; k++) {
        size_t d = cn__edit_distance(column, t->columns[k].name);
        if (d < least) least = d, near = k;
    }
    cn__poison(h, site, CN_E_NAME, "%s: %s has no column \"%s\". Did you mean \"%s\"?", what, t->path,
               column ? column : "(null)", t->columns[near].name);
    return -1;
}

/* ---- Numbers and strings ----------------------------------------------------------------------------------------- */
const char *cn__number_text(double value, bool single, char text[CN__NUMBER_TEXT])
{
    int digits = single ? 6 : 15, most = single ? 9 : 17;
    for (; digits <= most; digits++) {                   /* strtod and printf agree on the locale, whatever it is */
        snprintf(text, CN__NUMBER_TEXT, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (single ? (float)back == (float)value : back == value) break;
    }
    char *out = text;                            /* the locale's point, which may have several bytes, becomes a point */
    for (const char *in = text; *in;) {
        size_t other = strcspn(in, "0123456789+-einfa");
        if (other) *out++ = '.', in += other;
        else *out++ = *in++;
    }
    *out = 0;
    return text;
}

static cn_array *strings_of(cn_array *a, const char *site, cn_table *t, int column)
{
    int64_t dim[1] = { t->rows };
    if (!cn__array_shape(a, site, CN_STRING, 1, dim, true)) return a;
    const char **out = a->data;
    for (int64_t r = 0; r < t->rows; r++) out[r] = cn__cell_of(t, r, column).text;
    a->writable = false;
    cn__ref(a->keep = t);                                /* the strings are the table's */
    return a;
}

/* Which columns are meant: the list, or all but .except; how many, -1: poisons a. */
static int choose(cn_array *a, const cn_columns_args *g, int *chosen)
{
    const cn_table *t = g->on;
    bool all = g->columns[0] && !strcmp(g->columns[0], "*");
    int  n = 0, except[CN_MAX_IO], nexcept = 0;
    if (!g->columns[0] || (all && g->columns[1]))
        return cn__poison(a, g->head.site, CN_E_VALUE, "columns: name columns, or \"*\" alone for all"), -1;
    for (; nexcept < CN_MAX_IO && g->except[nexcept]; nexcept++)
        if ((except[nexcept] = cn__table_find(a, g->head.site, "columns: .except", t, g->except[nexcept])) < 0)
            return -1;
    for (int c = 0; all && c < t->ncolumns; c++) {
        bool out = false;
        for (int e = 0; e < nexcept; e++) out |= except[e] == c;
        if (!out) chosen[n++] = c;
    }
    for (; !all && n < CN_MAX_IO && g->columns[n]; n++)
        if ((chosen[n] = cn__table_find(a, g->head.site, "columns", t, g->columns[n])) < 0) return -1;
    if (!all && nexcept) return cn__poison(a, g->head.site, CN_E_VALUE, "columns: .except goes with \"*\""), -1;
    return n ? n : (cn__poison(a, g->head.site, CN_E_VALUE, "columns: .except leaves no column"), -1);
}

/* The numbers of the columns, each checked against the type: nothing becomes infinite, or another number, on the way.
   */
static cn_array *numbers_of(cn_array *a, const char *site, cn_table *t, const int *columns, int n, cn_dtype dtype)
{
    int64_t dim[2] = { t->rows, n };
    double  least, most;
    bool    whole = cn__dtype_range(dtype, &least, &most);
    for (int k = 0; k < n; k++) {
        const cn__column *c = &t->columns[columns[k]];
        if (!c->numeric)
            return cn__poison(a, site, CN_E_DTYPE, "columns: \"%s\" holds text: %s, line %u: \"%s\"%s", c->name,
                              t->path, t->lines[c->first_text], cn__cell_of(t, c->first_text, columns[k]).text,
                              n > 1 ? ". Leave it out, or make classes of it by cn_classes" : "");
    }
    if (!cn__array_shape(a, site, dtype, 2, dim, true)) return a;
    for (int64_t r = 0; r < t->rows; r++)
        for (int k = 0; k < n; k++) {
            double v = cn__cell_of(t, r, columns[k]).number;
            size_t at = (size_t)(r * n + k);
            cn__store(dtype, a->data, at, v);
            if (whole ? v >= least && v <= most && v == trunc(v) : isnan(v) || isfinite(cn__load(dtype, a->data, at)))
                continue;
            return cn__poison(a, site, CN_E_VALUE, "columns: %s, line %u, column \"%s\": %s does not fit %s", t->path,
                              t->lines[r], t->columns[columns[k]].name,
                              isnan(v) ? "a missing value" : cn__number_text(v, false, (char[CN__NUMBER_TEXT]){ 0 }),
                              cn__dtype_name(dtype));
        }
    return a;
}

cn_array *(cn_columns)(cn_columns_args *args)
{
    CN__ARGS(cn_columns_args, g, args);
    cn_table *t = g.on;
    cn_ctx   *ctx = (cn_ctx_of)(t);
    cn_array *a = cn__array_blank(ctx);
    cn_dtype  dtype = g.dtype ? g.dtype : CN_FLOAT32;
    if (cn__bad(a)) return a;
    if (cn__bad(t)) return cn__inherit(a, t);
    size_t most = (size_t)CN__MAX(t->ncolumns, CN_MAX_IO) * sizeof(int);
    int   *columns = cn__alloc(ctx, most);
    if (!columns) return cn__poison(a, g.head.site, CN_E_NOMEM, "columns: out of memory");
    int n = choose(a, &g, columns);
    if (n == 1 && !t->columns[columns[0]].numeric && (!g.dtype || g.dtype == CN_STRING))
        strings_of(a, g.head.site, t, columns[0]);
    else if (n > 0 && dtype == CN_STRING)
        cn__poison(a, g.head.site, CN_E_DTYPE, "columns: strings are had from one column of text at a time");
    else if (n > 0) numbers_of(a, g.head.site, t, columns, n, dtype);
    cn__free(ctx, columns, most);
    return a;
}

/* ---- Classes ----------------------------------------------------------------------------------------------------- */
typedef struct class { const char *name; double number; int32_t code; } class;
typedef struct classes {                                 /* the different cells of a column */
    cn_ctx   *ctx;
    cn__arena names;
    CN__VEC(class) list;
    int32_t  *slots;                                     /* place in list + 1 by the hash of the name; 0: free */
    size_t    nslots;
} classes;

static void classes_free(classes *s)
{
    cn__vec_free(s->ctx, &s->list);
    cn__free(s->ctx, s->slots, s->nslots * sizeof *s->slots);
    cn__arena_free(&s->names);
}

static int32_t *slot_of(const classes *s, const char *name)
{
    size_t at = cn__hash_bytes(name, strlen(name)) & (s->nslots - 1);
    while (s->slots[at] && strcmp(s->list.at[s->slots[at] - 1].name, name)) at = (at + 1) & (s->nslots - 1);
    return &s->slots[at];
}

static bool grow(classes *s)                             /* so that at most half of the slots are taken */
{
    size_t   nslots = CN__MAX(64, 4 * s->list.n);
    while (nslots & (nslots - 1)) nslots += nslots & (~nslots + 1);
    int32_t *slots = cn__alloc0(s->ctx, nslots * sizeof *slots);
    if (!slots) return false;
    cn__free(s->ctx, s->slots, s->nslots * sizeof *slots);
    s->slots = slots, s->nslots = nslots;
    for (size_t i = 0; i < s->list.n; i++) *slot_of(s, s->list.at[i].name) = (int32_t)i + 1;
    return true;
}

/* The place of a name in the list, where it is put if it is new; -1: no memory. */
static int32_t add_class(classes *s, const char *name, double number)
{
    if (2 * s->list.n >= s->nslots && !grow(s)) return -1;
    int32_t *slot = slot_of(s, name);
    if (*slot) return *slot - 1;
    char *copy = cn__arena_text(&s->names, name);
    if (!copy || s->list.n >= INT32_MAX || !cn__push(s->ctx, &s->list, (class){ copy, number, 0 })) return -1;
    return (*slot = (int32_t)s->list.n) - 1;
}

static const char *cell_name(const cn_table *t, int64_t row, int column, char text[CN__NUMBER_TEXT])
{
    cn__cell cell = cn__cell_of(t, row, column);
    return t->columns[column].numeric ? cn__number_text(cell.number, false, text) : cell.text;
}

static bool before(const class *a, const class *b, bool numeric)
{
    return numeric ? a->number < b->number : strcmp(a->name, b->name) < 0;
}

/* Numbers the classes in their order (Shell's sort, in place: classes may be as many as rows). */
static bool number_classes(classes *s, bool numeric)
{
    size_t n = s->list.n, bytes = n * sizeof(int32_t);
    int32_t *order = cn__alloc(s->ctx, bytes);
    if (!order) return false;
    for (size_t i = 0; i < n; i++) order[i] = (int32_t)i;
    for (size_t gap = n / 2; gap; gap /= 2)
        for (size_t i = gap; i < n; i++) {
            int32_t moving = order[i];
            size_t  k = i;
            for (; k >= gap && before(&s->list.at[moving], &s->list.at[order[k - gap]], numeric); k -= gap)
                order[k] = order[k - gap];
            order[k] = moving;
        }
    for (size_t i = 0; i < n; i++) s->list.at[order[i]].code = (int32_t)i;
    cn__free(s->ctx, order, bytes);
    return true;
}

/* Collects the classes of a column, known ones only if names are given, and writes each row's code; codes NULL: wants
   the names alone. a takes the errors. */
static bool classify(cn_array *a, const char *what, cn_table *t, int c, const cn_array *names, classes *s,
                     int32_t *codes)
{
    char text[CN__NUMBER_TEXT];
    const cn__column *k = &t->columns[c];
    if (k->missing)
        return cn__poison(a, NULL, CN_E_VALUE,
                          "%s: %s, line %u: \"%s\" is not known (and %lld more); read the table with "
                          ".drop_missing = CN_YES",
                          what, t->path, t->lines[k->first_missing], k->name, (long long)k->missing - 1),
               false;
    for (int64_t i = 0; names && i < cn_size_of(names, 0); i++) {
        size_t  had = s->list.n;
        int32_t at = add_class(s, cn_string(names, i), 0);
        if (at < 0) goto nomem;
        if (s->list.n > had) s->list.at[at].code = (int32_t)i;
    }
    size_t known = s->list.n;
    for (int64_t r = 0; r < t->rows; r++) {
        const char *name = cell_name(t, r, c, text);
        int32_t at = add_class(s, name, k->numeric ? cn__cell_of(t, r, c).number : 0);
        if (at < 0) goto nomem;
        if (names && (size_t)at >= known)
            return cn__poison(a, NULL, CN_E_VALUE, "%s: %s, line %u: \"%s\" is none of the %zu classes of \"%s\"", what,
                              t->path, t->lines[r], name, known, k->name),
                   false;
        if (codes) codes[r] = at;
    }
    if (!names && !number_classes(s, k->numeric)) goto nomem;
    for (int64_t r = 0; codes && r < t->rows; r++) codes[r] = s->list.at[codes[r]].code;
    return true;
nomem:
    cn__poison(a, NULL, CN_E_NOMEM, "%s: no memory for the classes of \"%s\"", what, k->name);
    return false;
}

static cn_array *begin(cn_table *t, const char *what, const char *column, int *c)
{
    cn_array *a = cn__array_blank((cn_ctx_of)(t));
    if (cn__bad(a)) return a;
    if (cn__bad(t)) return cn__inherit(a, t);
    *c = cn__table_find(a, NULL, what, t, column);
    return a;
}

static cn_array *codes_of(cn_table *t, const char *what, const char *column, const cn_array *names)
{
    int c = 0;
    cn_array *a = begin(t, what, column, &c);
    if (cn__bad(a)) return a;
    classes s = { .ctx = t->obj.ctx, .names = { .ctx = t->obj.ctx } };
    if (cn__array_shape(a, NULL, CN_INT32, 1, &t->rows, true)) classify(a, what, t, c, names, &s, a->data);
    classes_free(&s);
    return a;
}

cn_array *cn_classes(cn_table *t, const char *column) { return codes_of(t, "classes", column, NULL); }

cn_array *cn_classes_as(cn_table *t, const char *column, const cn_array *names)
{
    if (!cn__bad(names) && cn_dtype_of(names) == CN_STRING && cn_rank_of(names) == 1)
        return codes_of(t, "classes_as", column, names);
    cn_array *a = cn__array_blank((cn_ctx_of)(t));
    if (cn__bad(a)) return a;
    if (names && cn__bad(names)) return cn__inherit(a, names);
    return cn__poison(a, NULL, CN_E_DTYPE, "classes_as: the names are strings, as from cn_class_names");
}

cn_array *cn_class_names(cn_table *t, const char *column)
{
    int c = 0;
    cn_array *a = begin(t, "class_names", column, &c);
    if (cn__bad(a)) return a;
    cn_ctx     *ctx = t->obj.ctx;
    classes     s = { .ctx = ctx, .names = { .ctx = ctx } };
    if (classify(a, "class_names", t, c, NULL, &s, NULL)) {
        size_t       bytes = s.list.n * sizeof(char *);
        const char **sorted = cn__alloc(ctx, bytes);
        for (size_t i = 0; sorted && i < s.list.n; i++) sorted[s.list.at[i].code] = s.list.at[i].name;
        int64_t dim[1] = { (int64_t)s.list.n };
        if (sorted) cn__array_strings(a, NULL, 1, dim, sorted);
        else cn__poison(a, NULL, CN_E_NOMEM, "class_names: out of memory");
        cn__free(ctx, sorted, bytes);
    }
    classes_free(&s);
    return a;
}
