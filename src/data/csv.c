/* csv.c: reading tables (RFC 4180 and what is found in the wild: BOM, lone CR, blank lines, blanks round cells). The
   file is parsed where it lies: a cell's end becomes a NUL, a cell is a pointer into the file. So a table costs the
   file and 8 bytes a cell, whatever is in it, and their number is known before anything is allocated. */
#include "base/file.h"
#include "data/table.h"
#include <math.h>
#include <strings.h>

enum { MAX_COLUMNS = 65536, MAX_CELL = 1 << 16, MAX_RECORD = 16 << 20 };

typedef struct parser {
    cn_table   *t;                                       /* takes the errors */
    const char *site, *path, *missing;
    char       *at, *end, *record;                       /* where reading stands; *end is NUL; where the record began */
    char        separator;
    bool        quotes, drop_missing;
    uint32_t    line, record_line;                       /* counted from 1 */
} parser;

typedef enum ending { AFTER_CELL, AFTER_RECORD, FAILED } ending;

static void table_destroy(void *self)
{
    cn_table *t = self;
    cn_ctx   *ctx = t->obj.ctx;
    cn__free(ctx, t->cells, t->cells_size);
    cn__free(ctx, t->lines, t->lines_size);
    cn__free(ctx, t->file, t->file_size);
    cn__arena_free(&t->names);
}

#define BAD(p, status, ...) cn__poison((p)->t, (p)->site, (status), __VA_ARGS__)

/* ---- Cells ------------------------------------------------------------------------------------------------------- */
/* Ends the cell whose text ends at `stop`: what is next, is a separator, a line's end or the end of the file. */
static ending end_cell(parser *p, char *stop)
{
    char c = *p->at;
    if (p->at == p->end) return *stop = 0, AFTER_RECORD;
    p->at++;
    *stop = 0;
    if (c == p->separator) return AFTER_CELL;
    if (c == '\r' && *p->at == '\n') p->at++;
    p->line++;
    return AFTER_RECORD;
}

static bool at_end(const parser *p)
{
    return p->at == p->end || *p->at == p->separator || *p->at == '\n' || *p->at == '\r';
}

static ending check_nul(const parser *p, size_t cell)
{
    if (p->at < p->end && !*p->at)
        return BAD(p, CN_E_FORMAT, "%s: line %u: a NUL byte; this is no text", p->path, p->line), FAILED;
    if (cell > MAX_CELL)
        return BAD(p, CN_E_LIMIT, "%s: line %u: a cell of more than %d bytes", p->path, p->line, MAX_CELL), FAILED;
    return AFTER_CELL;
}

static ending read_quoted(parser *p, char **text)
{
    uint32_t opened = p->line;
    char    *out = *text = ++p->at;                      /* doubled quotes are made one in place */
    for (;; p->at++) {
        if (p->at == p->end || out - *text > MAX_CELL)
            return BAD(p, p->at == p->end ? CN_E_FORMAT : CN_E_LIMIT,
                       "%s: line %u: the quote opened here is not closed%s. A quote in a cell is written twice",
                       p->path, opened, p->at == p->end ? "" : " within 65536 bytes"),
                   FAILED;
        if (!*p->at) return check_nul(p, 0);
        if (*p->at == '"' && *++p->at != '"') break;
        if (*p->at == '\n' || (*p->at == '\r' && p->at[1] != '\n')) p->line++;
        *out++ = *p->at;
    }
    while (*p->at == ' ' && p->separator != ' ') p->at++;
    if (!at_end(p))
        return BAD(p, CN_E_FORMAT,
                   "%s: line %u: text follows a closing quote. Write quotes within a cell twice, or read with "
                   ".quotes = CN_NO",
                   p->path, p->line),
               FAILED;
    return end_cell(p, out);
}

static ending read_cell(parser *p, char **text)
{
    bool trim = p->separator != ' ';
    while (trim && *p->at == ' ') p->at++;
    if (p->quotes && *p->at == '"') return read_quoted(p, text);
    char *start = *text = p->at;
    while (!at_end(p) && *p->at) p->at++;
    if (check_nul(p, (size_t)(p->at - start)) == FAILED) return FAILED;
    char *stop = p->at;
    while (trim && stop > start && stop[-1] == ' ') stop--;
    return end_cell(p, stop);
}

/* Moves behind blank lines; false: that was the end of the file. */
static bool next_record(parser *p)
{
    for (;; p->at++) {
        char *blank = p->at;
        while (*blank == ' ' && p->separator != ' ') blank++;
        if (blank == p->end) return false;
        if (*blank != '\n' && *blank != '\r') break;
        p->at = blank;
        if (*blank == '\r' && blank[1] == '\n') p->at++;
        p->line++;
    }
    p->record = p->at, p->record_line = p->line;
    return true;
}

/* ---- What a cell means ------------------------------------------------------------------------------------------- */
static bool is_missing(const parser *p, const char *text)
{
    if (!*text || !strcmp(text, p->missing)) return true;
    return (*text == 'N' || *text == 'n') && (!strcmp(text, "NA") || !strcasecmp(text, "nan"));
}

/* [+-] digits [. digits] [e [+-] digits], or an infinity, which is refused later, where it can be named. */
static bool looks_like_number(const char *s)
{
    s += *s == '+' || *s == '-';
    if (!strcasecmp(s, "inf") || !strcasecmp(s, "infinity")) return true;
    size_t whole = strspn(s, "0123456789"), part = 0;
    s += whole;
    if (*s == '.') s++, s += part = strspn(s, "0123456789");
    if (!whole && !part) return false;
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '+' || *s == '-';
        size_t digits = strspn(s, "0123456789");
        if (!digits) return false;
        s += digits;
    }
    return !*s;
}

/* The value of what looks like a number. Up to 15 digits and small powers of ten are exact in doubles, and so is one
   product or quotient of them to the last bit (Clinger, "How to read floating point numbers accurately", PLDI 1990);
   others go the long way. */
static double value_of(const char *text)
{
    static const double tens[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
    const char *s = text;
    int64_t whole = 0;
    int     digits = 0, point = 0;
    s += *s == '+' || *s == '-';
    for (; *s >= '0' && *s <= '9'; s++, digits++)
        if (digits < 15) whole = whole * 10 + (*s - '0');
    if (*s == '.')
        for (s++; *s >= '0' && *s <= '9'; s++, digits++, point++)
            if (digits < 15) whole = whole * 10 + (*s - '0');
    double v;
    if (!*s && digits <= 15) return v = (double)whole / tens[point], *text == '-' ? -v : v;
    return cn__parse_double(text, &v) ? v : INFINITY;
}

/* ---- The table --------------------------------------------------------------------------------------------------- */
/* A record of as many cells as there is room for; how many it has, -1: failed. */
static int read_record(parser *p, cn__cell *cells, int room)
{
    int    n = 0;
    ending e;
    do {
        char *text;
        e = read_cell(p, &text);
        if (e == FAILED) return -1;
        if (p->at - p->record > MAX_RECORD)
            return BAD(p, CN_E_LIMIT, "%s: line %u: more than %d bytes", p->path, p->record_line, MAX_RECORD), -1;
        if (n < room) cells[n].text = text;
        n++;
    } while (e == AFTER_CELL);
    return n;
}

/* The first record says how many columns there are; its cells stay where they are found. */
static cn__cell *read_first(parser *p, int *n)
{
    int   most = 1;
    cn_ctx *ctx = p->t->obj.ctx;
    if (!next_record(p)) return BAD(p, CN_E_FORMAT, "%s: is empty", p->path), NULL;
    for (char *s = p->at; s < p->end && *s != '\n' && *s != '\r' && most <= MAX_COLUMNS; s++)
        most += *s == p->separator;
    cn__cell *cells = most > MAX_COLUMNS ? NULL : cn__alloc(ctx, (size_t)MAX_COLUMNS * sizeof *cells);
    if (most > MAX_COLUMNS) BAD(p, CN_E_LIMIT, "%s: line %u: more than %d columns", p->path, p->line, MAX_COLUMNS);
    else if (!cells) BAD(p, CN_E_NOMEM, "%s: no memory for the first line", p->path);
    else if ((*n = read_record(p, cells, MAX_COLUMNS)) >= 0 && *n <= MAX_COLUMNS) return cells;
    else if (*n > MAX_COLUMNS) BAD(p, CN_E_LIMIT, "%s: line %u: more than %d columns", p->path, p->line, MAX_COLUMNS);
    cn__free(ctx, cells, (size_t)MAX_COLUMNS * sizeof *cells);
    return NULL;
}

static bool allocate(parser *p)                       /* by the number of separators and lines that are still to come */
{
    cn_table *t = p->t;
    size_t    cells = 2 * (size_t)t->ncolumns;           /* the first record, and a last one without a line's end */
    for (const char *s = p->at; s < p->end; s++) cells += *s == p->separator || *s == '\n' || *s == '\r';
    size_t rows = cells / (size_t)t->ncolumns;
    t->cells_size = rows * (size_t)t->ncolumns * sizeof *t->cells, t->lines_size = rows * sizeof *t->lines;
    t->cells = cn__alloc(t->obj.ctx, t->cells_size);
    t->lines = cn__alloc(t->obj.ctx, t->lines_size);
    if (t->cells && t->lines) return true;
    BAD(p, CN_E_NOMEM, "%s: no memory for %zu rows of %d cells", p->path, rows, t->ncolumns);
    return false;
}

/* The row whose cells have been put behind the others counts, unless it is to be dropped. */
static void add_row(parser *p)
{
    cn_table *t = p->t;
    const cn__cell *row = t->cells + t->rows * t->ncolumns;
    for (int c = 0; p->drop_missing && c < t->ncolumns; c++)
        if (is_missing(p, row[c].text)) return;
    t->lines[t->rows++] = p->record_line;
}

static bool read_rows(parser *p)
{
    cn_table *t = p->t;
    while (next_record(p)) {
        int n = read_record(p, t->cells + t->rows * t->ncolumns, t->ncolumns);
        if (n < 0) return false;
        if (n != t->ncolumns)
            return BAD(p, CN_E_FORMAT, "%s: line %u: %d cells, but the first line has %d", p->path, p->record_line, n,
                       t->ncolumns), false;
        add_row(p);
    }
    if (t->rows) return true;
    BAD(p, CN_E_FORMAT, "%s: has %s", p->path,
        p->drop_missing ? "no row without a missing cell" : "a header, but no row");
    return false;
}

static bool name_columns(parser *p, const cn__cell *first, bool header, const cn_text *names)
{
    cn_table *t = p->t;
    int given = 0;
    while (given < CN_MAX_IO && names[given]) given++;
    if (given && header)
        return BAD(p, CN_E_VALUE, "%s: .names are for files without a header: add .header = CN_NO", p->path), false;
    if (given && given != t->ncolumns)
        return BAD(p, CN_E_SHAPE, "%s: %d .names for %d columns", p->path, given, t->ncolumns), false;
    t->columns = cn__arena_alloc(&t->names, (size_t)t->ncolumns * sizeof *t->columns);
    size_t slots = 16;
    while (slots < 2 * (size_t)t->ncolumns) slots *= 2;
    uint32_t *slot = cn__arena_alloc(&t->names, slots * sizeof *slot);    /* number + 1 of the name that hashes there */
    for (int c = 0; t->columns && slot && c < t->ncolumns; c++) {
        bool named = given || (header && *first[c].text);
        const char *name = !named ? cn__arena_printf(&t->names, "%d", c)
                                  : cn__arena_text(&t->names, given ? names[c] : first[c].text);
        if (!name) slot = NULL;
        t->columns[c] = (cn__column){ .name = name, .numeric = true };
        size_t s = name ? cn__hash_bytes(name, strlen(name)) & (slots - 1) : 0;
        for (; slot && slot[s]; s = (s + 1) & (slots - 1))
            if (!strcmp(t->columns[slot[s] - 1].name, name))
                return BAD(p, CN_E_FORMAT, "%s: columns %u and %d are both named \"%s\"", p->path, slot[s] - 1, c,
                           name),
                       false;
        if (slot) slot[s] = (uint32_t)c + 1;
    }
    return t->columns && slot ? true : (BAD(p, CN_E_NOMEM, "%s: no memory for %d names", p->path, t->ncolumns), false);
}

/* Which columns are of numbers; then their cells become numbers. */
static bool infer_types(parser *p)
{
    cn_table *t = p->t;
    cn__cell *cell = t->cells;
    for (int64_t r = 0; r < t->rows; r++)
        for (int c = 0; c < t->ncolumns; c++, cell++) {
            cn__column *k = &t->columns[c];
            if (is_missing(p, cell->text)) {
                if (!k->missing++) k->first_missing = r;
                cell->text = "";
            } else if (k->numeric && !looks_like_number(cell->text)) k->numeric = false, k->first_text = r;
        }
    cell = t->cells;
    for (int64_t r = 0; r < t->rows; r++)
        for (int c = 0; c < t->ncolumns; c++, cell++) {
            if (!t->columns[c].numeric) continue;
            double v = *cell->text ? value_of(cell->text) : NAN;
            if (isinf(v))
                return BAD(p, CN_E_FORMAT, "%s: line %u, column \"%s\": %s is beyond the largest number", p->path,
                           t->lines[r], t->columns[c].name, cell->text),
                       false;
            cell->number = v;
        }
    return true;
}

/* Only UTF-8 is read: anything else would be garbled silently. */
static bool check_encoding(parser *p)
{
    size_t n = (size_t)(p->end - p->at);
    if (n >= 2 && (!memcmp(p->at, "\xff\xfe", 2) || !memcmp(p->at, "\xfe\xff", 2)))
        return BAD(p, CN_E_UNSUPPORTED, "%s: is in UTF-16; save it as UTF-8", p->path), false;
    if (n >= 3 && !memcmp(p->at, "\xef\xbb\xbf", 3)) p->at += 3, n -= 3;
    size_t bad = cn__utf8_valid(p->at, n);
    if (bad == n) return true;
    uint32_t line = 1;
    for (size_t i = 0; i < bad; i++) line += p->at[i] == '\n' || (p->at[i] == '\r' && p->at[i + 1] != '\n');
    BAD(p, CN_E_UNSUPPORTED, "%s: line %u: the byte 0x%02x is not UTF-8; save the file as UTF-8", p->path, line,
        (unsigned char)p->at[bad]);
    return false;
}

static bool read_table(parser *p, cn_read_csv_args *g)
{
    cn_table *t = p->t;
    cn_ctx   *ctx = t->obj.ctx;
    if (!check_encoding(p)) return false;
    cn__cell *first = read_first(p, &t->ncolumns);
    if (!first) return false;
    bool header = g->header != CN_NO;
    for (int c = 0; g->guess_header == CN_YES && header && c < t->ncolumns; c++)
        header = !looks_like_number(first[c].text);
    bool ok = name_columns(p, first, header, g->names) && allocate(p);
    if (ok && !header) {
        memcpy(t->cells, first, (size_t)t->ncolumns * sizeof *first);
        add_row(p);
    }
    cn__free(ctx, first, (size_t)MAX_COLUMNS * sizeof *first);
    return ok && read_rows(p) && infer_types(p);
}

cn_table *(cn_read_csv)(cn_read_csv_args *args)
{
    CN__ARGS(cn_read_csv_args, g, args);
    if (!g.on) return NULL;
    cn_table *t = cn__new(g.on, CN__TABLE, sizeof *t, table_destroy);
    if (cn__bad(t)) return t;
    t->names.ctx = g.on;
    const char *separator = g.separator ? g.separator : ",";
    parser p = { .t = t, .site = g.head.site, .path = g.path, .missing = g.missing ? g.missing : "?", .line = 1,
                 .separator = separator[0], .drop_missing = g.drop_missing == CN_YES };
    p.quotes = g.quotes ? g.quotes == CN_YES : p.separator != '\t';
    if (!separator[0] || separator[1] || strchr("\"\r\n", separator[0]))
        return cn__poison(t, p.site, CN_E_VALUE,
                          "read_csv: the separator \"%s\" is not one character such as \",\" \";\" \"\\t\"", separator);
    size_t n;
    t->file = cn__read_file(g.on, p.site, g.path, true, 0, &n);
    if (!t->file) return cn__poison_recorded(t);
    t->file_size = n + 1;
    p.at = (char *)t->file, p.end = p.at + n;
    if (!(t->path = cn__arena_text(&t->names, g.path)))
        return cn__poison(t, p.site, CN_E_NOMEM, "read_csv: out of memory");
    if (!read_table(&p, &g)) t->rows = 0;
    return t;
}
