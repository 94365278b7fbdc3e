/* npy.c: NumPy's files: .npy (versions 1 to 3, either byte order, either axis order), and .npz, a zip archive of them.
   The head of a .npy is a Python dict; it is read by a small grammar of its own, never evaluated. Object arrays
   (pickle, which is code) are never read. Format: numpy.lib.format. */
#include "base/file.h"
#include "base/zip.h"
#include "base/zip_write.h"
#include "data/data.h"
#include <stdio.h>

enum { MAX_HEAD = 10000 };                               /* NumPy's own limit */

typedef struct reader {                                  /* of a head */
    cn_array   *a;                                       /* takes the errors */
    const char *path;
    const char *start, *at, *end;
    size_t      offset;                                  /* of start in the file */
} reader;

typedef struct npy_head {
    cn_dtype dtype;
    bool     big_endian, fortran;
    int      rank;
    int64_t  dim[CN_MAX_RANK];
} npy_head;

static bool wrong(reader *r, const char *expected)
{
    cn__poison(r->a, NULL, CN_E_FORMAT,
               "%s: offset %zu: the head is no {'descr': ..., 'fortran_order': ..., 'shape': ...}: expected %s",
               r->path, r->offset + (size_t)(r->at - r->start), expected);
    return false;
}

static void skip_blanks(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t')) r->at++;
}

static bool take(reader *r, char c)                      /* the character c, if it is next */
{
    skip_blanks(r);
    if (r->at == r->end || *r->at != c) return false;
    r->at++;
    return true;
}

static bool read_text(reader *r, char *text, size_t size)
{
    skip_blanks(r);
    char quote = r->at < r->end ? *r->at : 0;
    if (quote != '\'' && quote != '"') return wrong(r, "a string in quotes");
    r->at++;
    size_t n = 0;
    for (; r->at < r->end && *r->at != quote; r->at++) {
        if (*r->at == '\\' || n + 1 >= size) return wrong(r, "a short string without escapes");
        text[n++] = *r->at;
    }
    text[n] = 0;
    return take(r, quote) ? true : wrong(r, "the end of a string");
}

static bool read_descr(reader *r, npy_head *h)
{
    char text[32];
    skip_blanks(r);
    if (r->at < r->end && (*r->at == '[' || *r->at == '('))
        return cn__poison(r->a, NULL, CN_E_UNSUPPORTED,
                          "%s: is a structured array; save each field as an array of its own", r->path),
               false;
    if (!read_text(r, text, sizeof text)) return false;
    const char *kind = strchr("<>|=", text[0]) && text[0] ? text + 1 : text;
    h->big_endian = text[0] == '>';
    if (*kind == 'O')
        return cn__poison(r->a, NULL, CN_E_UNSUPPORTED,
                          "%s: is an array of Python objects (pickle), which is never read: it can run code. "
                          "Save numbers",
                          r->path),
               false;
    if (*kind && strchr("USVcmMag", *kind))
        return cn__poison(r->a, NULL, CN_E_UNSUPPORTED, "%s: dtype '%s': only bool, integers and floats can be read",
                          r->path, text),
               false;
    for (int d = 1; d < CN_STRING; d++) {
        const char *npy = cn__dtype_npy((cn_dtype)d);
        if (npy && !strcmp(npy + 1, kind)) return h->dtype = (cn_dtype)d, true;
    }
    return cn__poison(r->a, NULL, CN_E_DTYPE, "%s: there is no dtype '%s' here (b1, i1 to i8, u1 to u4, f2, f4, f8)",
                      r->path, text),
           false;
}

static bool read_bool(reader *r, npy_head *h)
{
    skip_blanks(r);
    size_t left = (size_t)(r->end - r->at);
    if (left >= 4 && !memcmp(r->at, "True", 4)) return h->fortran = true, r->at += 4, true;
    if (left >= 5 && !memcmp(r->at, "False", 5)) return r->at += 5, true;
    return wrong(r, "True or False");
}

static bool read_shape(reader *r, npy_head *h)
{
    bool comma = true;
    if (!take(r, '(')) return wrong(r, "a tuple of sizes");
    while (!take(r, ')')) {
        skip_blanks(r);
        if (!comma || r->at == r->end || *r->at < '0' || *r->at > '9') return wrong(r, "a size of digits");
        int64_t v = 0;
        for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++)
            if (!cn__mul_i64(v, 10, &v) || !cn__add_i64(v, *r->at - '0', &v))
                return cn__poison(r->a, NULL, CN_E_LIMIT, "%s: a size in the shape has more than 63 bits", r->path),
                       false;
        if (h->rank == CN_MAX_RANK)
            return cn__poison(r->a, NULL, CN_E_LIMIT, "%s: has more than %d dimensions", r->path, CN_MAX_RANK), false;
        h->dim[h->rank++] = v;
        comma = take(r, ',');
    }
    if (h->rank == 1 && !comma) return wrong(r, "a tuple: (3,) with a comma");
    return true;
}

static bool read_dict(reader *r, npy_head *h)
{
    static const struct { const char *name; bool (*read)(reader *, npy_head *); } keys[] = {
        { "descr", read_descr }, { "fortran_order", read_bool }, { "shape", read_shape } };
    unsigned seen = 0;
    char     text[32];
    bool     comma = true;
    if (!take(r, '{')) return wrong(r, "{");
    while (!take(r, '}')) {
        if (!comma || !read_text(r, text, sizeof text)) return cn__bad(r->a) ? false : wrong(r, ", or }");
        size_t k = 0;
        while (k < CN__COUNT(keys) && strcmp(text, keys[k].name)) k++;
        if (k == CN__COUNT(keys) || seen & 1u << k) return wrong(r, "each of the three keys once, and no other");
        seen |= 1u << k;
        if (!take(r, ':')) return wrong(r, ":");
        if (!keys[k].read(r, h)) return false;
        comma = take(r, ',');
    }
    skip_blanks(r);
    if (r->at != r->end) return wrong(r, "nothing more");
    return seen == 7 ? true : wrong(r, "all three keys");
}

/* Where the head ends, or 0 and a is poisoned. */
static size_t read_head(cn_array *a, const char *path, const unsigned char *p, size_t n, npy_head *h)
{
    if (n < 10 || memcmp(p, "\x93NUMPY", 6))
        return cn__poison(a, NULL, CN_E_FORMAT, "%s: is no .npy file: it does not begin with \\x93NUMPY", path), 0;
    if (p[6] < 1 || p[6] > 3 || p[7] != 0)
        return cn__poison(a, NULL, CN_E_UNSUPPORTED, "%s: is of .npy version %u.%u; 1.0 to 3.0 can be read", path, p[6],
                          p[7]),
               0;
    size_t start = p[6] == 1 ? 10 : 12;
    if (n < start) return cn__poison(a, NULL, CN_E_FORMAT, "%s: is cut short in its head", path), 0;
    size_t size = (size_t)p[8] | (size_t)p[9] << 8;
    if (p[6] > 1) size |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (size > MAX_HEAD)
        return cn__poison(a, NULL, CN_E_LIMIT, "%s: offset 8: a head of %zu bytes; up to %d are allowed", path, size,
                          MAX_HEAD),
               0;
    if (size > n - start)
        return cn__poison(a, NULL, CN_E_FORMAT, "%s: is cut short: a head of %zu bytes, %zu follow", path, size,
                          n - start),
               0;
    const char *text = (const char *)p + start;
    reader r = { a, path, text, text, text + size, start };
    return read_dict(&r, h) ? start + size : 0;
}

/* Numbers with the first axis running fastest, put into rows. */
static void from_fortran(const npy_head *h, const char *in, char *out, size_t n)
{
    size_t item = cn__dtype_size(h->dtype), stride[CN_MAX_RANK], from = 0, step = item;
    int64_t index[CN_MAX_RANK] = { 0 };
    for (int i = 0; i < h->rank; i++) stride[i] = step, step *= (size_t)h->dim[i];
    for (size_t k = 0; k < n; k++, out += item) {
        memcpy(out, in + from, item);
        for (int i = h->rank - 1; i >= 0; i--) {
            from += stride[i];
            if (++index[i] < h->dim[i]) break;
            from -= stride[i] * (size_t)h->dim[i];
            index[i] = 0;
        }
    }
}

cn_array *cn__npy_array(cn_array *a, const char *path, unsigned char *p, size_t n)
{
    cn_ctx  *ctx = a->head.obj.ctx;
    npy_head h = { .rank = 0 };
    char     text[CN__SHAPE_TEXT];
    int64_t  count = 0;
    size_t   bytes = 0, start = read_head(a, path, p, n, &h);
    if (start &&
        (!cn__shape_count(h.rank, h.dim, &count) || !cn__mul_size((size_t)count, cn__dtype_size(h.dtype), &bytes)))
        cn__poison(a, NULL, CN_E_LIMIT, "%s: the shape %s is too large", path, cn__shape_text(h.rank, h.dim, text));
    else if (start && bytes != n - start)
        cn__poison(a, NULL, CN_E_FORMAT, "%s: %s: the shape %s of %s has %zu bytes, %zu follow the head", path,
                   bytes > n - start ? "is cut short" : "has bytes left over", cn__shape_text(h.rank, h.dim, text),
                   cn__dtype_name(h.dtype), bytes, n - start);
    if (!cn__bad(a)) cn__array_shape(a, NULL, h.dtype, h.rank, h.dim, h.fortran && h.rank > 1);
    if (cn__bad(a)) {
        cn__free(ctx, p, n + 1);
        return a;
    }
    memmove(p, p + start, bytes);
    if (h.big_endian) cn__swap_bytes(p, cn__dtype_size(h.dtype), (size_t)count);
    if (h.dtype == CN_BOOL)
        for (size_t i = 0; i < bytes; i++) p[i] = p[i] != 0;
    if (h.fortran && h.rank > 1) {
        from_fortran(&h, (const char *)p, a->data, (size_t)count);
        cn__free(ctx, p, n + 1);
    } else cn__array_take(a, p, n + 1);
    return a;
}

cn_array *cn_array_from_npy(cn_ctx *ctx, const char *path)
{
    cn_array *a = cn__array_blank(ctx);
    size_t    n;
    if (cn__bad(a)) return a;
    unsigned char *p = cn__read_file(ctx, NULL, path, true, 0, &n);
    return p ? cn__npy_array(a, path, p, n) : cn__poison_recorded(a);
}

/* ---- npz --------------------------------------------------------------------------------------------------------- */
static bool is_npy(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && !strcmp(name + n - 4, ".npy");
}

static const cn__zip_member *choose(cn_array *a, const cn__zip *z, const char *name)
{
    const cn__zip_member *found = NULL;
    cn__text names = { .ctx = z->ctx };
    for (size_t i = 0; i < z->count; i++) {
        const char *member = z->members[i].name;
        if (!is_npy(member)) {
            cn__poison(a, NULL, CN_E_FORMAT, "%s: is no .npz file: its member \"%s\" is no .npy", z->path, member);
            break;
        }
        size_t n = strlen(member) - 4;
        if (name ? !strcmp(member, name) || (!strncmp(member, name, n) && !name[n]) : z->count == 1)
            found = &z->members[i];
        if (i < 20) cn__text_add(&names, "%s%.*s", i ? ", " : "", (int)CN__MIN(n, 64), member);
        else if (i == 20) cn__text_add(&names, " ...");
    }
    if (!found && !cn__bad(a))
        cn__poison(a, NULL, CN_E_NAME, "%s: %s%s. It holds: %s", z->path,
                   name ? "has no array " : "holds not one array; name the one you want", name ? name : "",
                   cn__text_get(&names));
    cn__text_free(&names);
    return cn__bad(a) ? NULL : found;
}

cn_array *cn_array_from_npz(cn_ctx *ctx, const char *path, const char *name)
{
    cn_array *a = cn__array_blank(ctx);
    cn__zip   z;
    size_t    n;
    if (cn__bad(a)) return a;
    unsigned char *p = cn__read_file(ctx, NULL, path, false, 0, &n), *member = NULL;
    if (!p) return cn__poison_recorded(a);
    if (cn__zip_open(&z, ctx, path, p, n)) {
        cn__free(ctx, p, n + 1);
        return cn__poison_recorded(a);
    }
    const cn__zip_member *m = choose(a, &z, name);
    size_t size = m ? (size_t)m->size : 0;
    if (m && !(member = cn__zip_read(&z, m, 0))) cn__poison_recorded(a);
    cn__zip_close(&z);
    cn__free(ctx, p, n + 1);
    return member ? cn__npy_array(a, path, member, size) : a;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */
enum { HEAD_SIZE = 10 + CN__SHAPE_TEXT + 128 };

/* The head; its size, so that the numbers begin at a multiple of 64. */
static size_t print_head(char head[HEAD_SIZE], const char *descr, int rank, const int64_t *dim)
{
    char   shape[CN__SHAPE_TEXT];
    int    n = snprintf(head + 10, HEAD_SIZE - 10, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr,
                        cn__shape_text(rank, dim, shape));
    size_t size = ((size_t)n + 10 + 1 + 63) / 64 * 64;
    memset(head + 10 + n, ' ', size - 10 - (size_t)n);
    head[size - 1] = '\n';
    memcpy(head, "\x93NUMPY\1\0", 8);
    head[8] = (char)((size - 10) & 0xff), head[9] = (char)((size - 10) >> 8);
    return size;
}

static const char *descr_of(cn_ctx *ctx, const char *site, const char *what, cn_dtype dtype)      /* NULL: recorded */
{
    const char *descr = cn__dtype_npy(dtype);
    if (!descr)
        cn__fail(ctx, site, CN_E_DTYPE, "%s: NumPy has no %s; cn_cast the array to float32 first", what,
                 cn__dtype_name(dtype));
    return descr;
}

cn_status cn__save_npy(const cn_array *a, const char *path)
{
    cn_ctx     *ctx = a->head.obj.ctx;
    char        head[HEAD_SIZE];
    const char *descr = descr_of(ctx, NULL, "array_save", a->head.dtype);
    cn__save   *file = descr ? cn__save_begin(ctx, NULL, path) : NULL;
    if (!file) return (cn_error)(ctx);
    cn__save_put(file, head, print_head(head, descr, a->head.rank, a->head.dim));
    cn__save_put(file, a->data, a->values.count * cn__dtype_size(a->head.dtype));
    return cn__save_end(file);
}

static bool emit_item(void *user, cn__sink *sink, uint64_t *size)
{
    const cn__npz_item *item = user;
    char    head[HEAD_SIZE];
    int64_t n = 1;
    for (int i = 0; i < item->rank; i++) n *= item->dim[i];
    size_t head_n = print_head(head, cn__dtype_npy(item->dtype), item->rank, item->dim);
    size_t bytes = (size_t)n * cn__dtype_size(item->dtype);
    *size = head_n + bytes;
    return sink->put(sink->user, head, head_n) && (!bytes || sink->put(sink->user, item->data, bytes));
}

cn_status cn__npz_save(cn_ctx *ctx, const char *site, const char *path, cn__npz_item *items, size_t n)
{
    cn__arena      mem = { .ctx = ctx };
    cn__zip_entry *entry = cn__arena_alloc(&mem, (n + 1) * sizeof *entry);
    cn_status      failed = entry ? CN_OK : cn__nomem(ctx);
    for (size_t i = 0; !failed && i < n; i++) {
        entry[i] = (cn__zip_entry){ cn__arena_printf(&mem, "%s.npy", items[i].name), emit_item, &items[i] };
        if (!entry[i].name) failed = cn__nomem(ctx);
        else if (!descr_of(ctx, site, path, items[i].dtype)) failed = CN_E_DTYPE;
    }
    if (!failed) failed = cn__zip_save(ctx, site, path, entry, n);
    cn__arena_free(&mem);
    return failed;
}
