/* text.c: arrays from and to text: a string for each line, CSV; and what the ending of a file to be written means. */
#include "base/file.h"
#include "data/table.h"
#include <strings.h>

cn_array *cn_array_from_text(cn_ctx *ctx, const char *path)
{
    cn_array *a = cn__array_blank(ctx);
    size_t    n;
    if (cn__bad(a)) return a;
    char *text = (char *)cn__read_file(ctx, NULL, path, true, 0, &n);
    if (!text) return cn__poison_recorded(a);
    a->text = text, a->text_size = n + 1;
    size_t bad = cn__utf8_valid(text, n);
    const char *nul = memchr(text, 0, n);
    if (nul) bad = CN__MIN(bad, (size_t)(nul - text));
    if (bad < n)
        return cn__poison(a, NULL, CN_E_FORMAT, "%s: offset %zu: the byte 0x%02x is no text in UTF-8", path, bad,
                          (unsigned char)text[bad]);
    char   *start = n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? text + 3 : text, *end = text + n;
    int64_t lines = end > start && end[-1] != '\n';
    for (const char *s = start; s < end; s++) lines += *s == '\n';
    if (!cn__array_shape(a, NULL, CN_STRING, 1, &lines, true)) return a;
    const char **out = a->data;
    for (int64_t i = 0; i < lines; i++) {
        char *stop = memchr(start, '\n', (size_t)(end - start));
        if (!stop) stop = end;
        *(stop > start && stop[-1] == '\r' ? stop - 1 : stop) = 0;
        out[i] = start;
        start = stop + 1;
    }
    a->writable = false;
    return a;
}

/* ---- CSV --------------------------------------------------------------------------------------------------------- */
/* A string as a cell. One that a spreadsheet would take for a formula gets a ' in front: opening a file must not run it
   (OWASP, "CSV injection"). */
static void add_string(cn__text *t, const char *s)
{
    bool formula = *s && strchr("=+-@\t\r", *s),
         quote = formula || strpbrk(s, ",\"\r\n") || *s == ' ' || (*s && s[strlen(s) - 1] == ' ');
    if (!quote) {
        cn__text_bytes(t, s, strlen(s));
        return;
    }
    cn__text_bytes(t, formula ? "\"'" : "\"", formula ? 2 : 1);
    for (const char *end; (end = strchr(s, '"')); s = end + 1) {
        cn__text_bytes(t, s, (size_t)(end - s));
        cn__text_bytes(t, "\"\"", 2);
    }
    cn__text_bytes(t, s, strlen(s));
    cn__text_bytes(t, "\"", 1);
}

static void add_cell(cn__text *t, const cn_array *a, size_t i)
{
    char text[CN__NUMBER_TEXT];
    if (a->head.dtype == CN_STRING) add_string(t, cn_string(a, (int64_t)i));
    else if (!cn__is_float(a->head.dtype)) cn__text_add(t, "%lld", (long long)cn__load_int(a->head.dtype, a->data, i));
    else cn__text_add(t, "%s", cn__number_text(cn__load(a->head.dtype, a->data, i), a->head.dtype != CN_FLOAT64, text));
}

static cn_status save_csv(const cn_array *a, const char *path)
{
    cn_ctx  *ctx = a->head.obj.ctx;
    cn__text t = { .ctx = ctx };
    if (a->head.rank > 2)
        return cn__fail(ctx, NULL, CN_E_SHAPE,
                        "array_save: a .csv has rows and columns, the array has %d axes; use .npy", a->head.rank);
    int64_t rows = a->head.rank ? a->head.dim[0] : 1, columns = a->head.rank == 2 ? a->head.dim[1] : 1;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) {
            add_cell(&t, a, (size_t)(r * columns + c));
            cn__text_bytes(&t, c + 1 < columns ? "," : "\n", 1);
        }
    cn_status status = t.nomem ? cn__nomem(ctx) : cn__write_file(ctx, NULL, path, cn__text_get(&t), t.n);
    cn__text_free(&t);
    return status;
}

cn_status cn_array_save(const cn_array *a, const char *path)
{
    static const struct { const char *ending; cn_status (*save)(const cn_array *, const char *path); } formats[] = {
        { ".npy", cn__save_npy }, { ".csv", save_csv }, { ".png", cn__save_png } };
    if (cn__bad(a)) return a ? cn__fail_with(a) : CN_E_NOMEM;
    size_t n = path ? strlen(path) : 0;
    for (size_t i = 0; i < CN__COUNT(formats); i++)
        if (n > 4 && !strcasecmp(path + n - 4, formats[i].ending)) return formats[i].save(a, path);
    return cn__fail(a->head.obj.ctx, NULL, CN_E_UNSUPPORTED, "array_save: \"%s\" ends in none of .npy, .csv, .png",
                    path ? path : "");
}
