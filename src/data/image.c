/* image.c: pictures as arrays: PGM and PPM (binary) are read, PNG is written. Formats: netpbm's pgm(5), ppm(5); PNG,
   RFC 2083. */
#include "base/deflate.h"
#include "base/file.h"
#include "data/data.h"

enum { MAX_SIDE = 65535, MAX_PIXELS = 1 << 28 };

/* The next number of a PNM head: blanks and # comments before it; exactly one blank follows the last. -1: there is
   none. */
static int64_t next_number(const unsigned char *p, size_t n, size_t *at)
{
    int64_t v = 0;
    size_t  i = *at;
    for (; i < n && (p[i] == '#' || p[i] == ' ' || (p[i] >= '\t' && p[i] <= '\r')); i++)
        if (p[i] == '#') while (i + 1 < n && p[i + 1] != '\n') i++;
    size_t first = i;
    for (; i < n && p[i] >= '0' && p[i] <= '9' && v < 1000000000; i++) v = v * 10 + (p[i] - '0');
    *at = i;
    return i > first ? v : -1;
}

static bool read_head(cn_array *a, const char *path, const unsigned char *p, size_t n, int64_t *dim, size_t *start)
{
    if (n < 2 || p[0] != 'P' || (p[1] != '5' && p[1] != '6'))
        return cn__poison(a, NULL, CN_E_UNSUPPORTED,
                          "%s: is no PGM or PPM picture (P5, P6), the formats that can be read; PNG and JPEG come "
                          "with the image readers",
                          path),
               false;
    size_t at = 2;
    int64_t width = next_number(p, n, &at), height = next_number(p, n, &at), most = next_number(p, n, &at);
    if (width < 0 || height < 0 || most < 0 || at >= n)
        return cn__poison(a, NULL, CN_E_FORMAT, "%s: offset %zu: the head is cut short: width, height, largest value",
                          path, at),
               false;
    if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS)
        return cn__poison(a, NULL, CN_E_LIMIT, "%s: %lld x %lld pixels; a side has 1 to %d, all %d at most", path,
                          (long long)width, (long long)height, MAX_SIDE, MAX_PIXELS),
               false;
    if (most != 255)
        return cn__poison(a, NULL, CN_E_UNSUPPORTED, "%s: its largest value is %lld; pictures with 255 can be read",
                          path, (long long)most),
               false;
    dim[0] = height, dim[1] = width, dim[2] = p[1] == '5' ? 1 : 3;
    *start = at + 1;
    size_t bytes = (size_t)(height * width * dim[2]);
    if (n - *start != bytes)
        return cn__poison(a, NULL, CN_E_FORMAT, "%s: %s: %lld x %lld x %lld bytes expected, %zu follow the head", path,
                          n - *start < bytes ? "is cut short" : "has bytes left over", (long long)height,
                          (long long)width, (long long)dim[2], n - *start),
               false;
    return true;
}

cn_array *cn_array_from_image(cn_ctx *ctx, const char *path)
{
    cn_array *a = cn__array_blank(ctx);
    int64_t   dim[CN_MAX_RANK];
    size_t    n, start;
    if (cn__bad(a)) return a;
    unsigned char *p = cn__read_file(ctx, NULL, path, true, 0, &n);
    if (!p) return cn__poison_recorded(a);
    if (!read_head(a, path, p, n, dim, &start) || !cn__array_shape(a, NULL, CN_UINT8, 3, dim, false)) {
        cn__free(ctx, p, n + 1);
        return a;
    }
    memmove(p, p + start, n - start);
    cn__array_take(a, p, n + 1);
    return a;
}

/* ---- PNG --------------------------------------------------------------------------------------------------------- */
static void put32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static void add_chunk(cn__text *t, const char *type, const void *bytes, size_t n)
{
    unsigned char word[4];
    put32(word, (uint32_t)n);
    cn__text_bytes(t, (const char *)word, 4);
    cn__text_bytes(t, type, 4);
    if (n) cn__text_bytes(t, bytes, n);
    put32(word, cn__crc32(cn__crc32(0, type, 4), n ? bytes : "", n));       /* zlib begins anew when it is given NULL */
    cn__text_bytes(t, (const char *)word, 4);
}

/* Bytes of n lines, each behind a byte 0 that says: no filter. NULL: no memory. */
static unsigned char *png_lines(cn_ctx *ctx, const unsigned char *pixels, int64_t height, size_t row, size_t *n)
{
    *n = (row + 1) * (size_t)height;
    unsigned char *lines = cn__alloc(ctx, *n);
    for (int64_t y = 0; lines && y < height; y++) {
        unsigned char *line = lines + (size_t)y * (row + 1);
        line[0] = 0;
        memcpy(line + 1, pixels + (size_t)y * row, row);
    }
    return lines;
}

void cn__png(cn__text *t, const unsigned char *pixels, int64_t height, int64_t width, int64_t channels)
{
    size_t n, size = 0, cap = 0;
    unsigned char *lines = png_lines(t->ctx, pixels, height, (size_t)(width * channels), &n);
    void *packed = lines ? cn__deflate_zlib(t->ctx, lines, n, &size, &cap) : NULL;
    unsigned char head[13] = { 0, 0, 0, 0, 0, 0, 0, 0, 8, channels == 3 ? 2 : 0, 0, 0, 0 };  /* 8 bits; colour type */
    put32(head, (uint32_t)width), put32(head + 4, (uint32_t)height);
    cn__text_bytes(t, "\x89PNG\r\n\x1a\n", 8);
    add_chunk(t, "IHDR", head, sizeof head);
    add_chunk(t, "IDAT", packed, size);
    add_chunk(t, "IEND", NULL, 0);
    t->nomem |= !packed;
    cn__free(t->ctx, packed, cap);
    cn__free(t->ctx, lines, n);
}

cn_status cn__save_png(const cn_array *a, const char *path)
{
    cn_ctx  *ctx = a->head.obj.ctx;
    char     text[CN__SHAPE_TEXT];
    int64_t  height = (cn_size_of)(a, 0), width = (cn_size_of)(a, 1), channels = a->head.rank == 3 ? a->head.dim[2] : 1;
    if (a->head.dtype != CN_UINT8 || a->head.rank < 2 || a->head.rank > 3 || (channels != 1 && channels != 3))
        return cn__fail(ctx, NULL, CN_E_SHAPE,
                        "array_save: a .png takes (height, width), (height, width, 1) or (height, width, 3) "
                        "of uint8, not %s of %s",
                        cn__shape_text(a->head.rank, a->head.dim, text), cn__dtype_name(a->head.dtype));
    if (height < 1 || width < 1 || height > MAX_SIDE || width > MAX_SIDE || height * width > MAX_PIXELS)
        return cn__fail(ctx, NULL, CN_E_LIMIT,
                        "array_save: a picture of %lld x %lld pixels; a side has 1 to %d, all %d at most",
                        (long long)width, (long long)height, MAX_SIDE, MAX_PIXELS);

    cn__text t = { .ctx = ctx };
    cn__png(&t, a->data, height, width, channels);
    cn_status status = t.nomem ? cn__nomem(ctx) : cn__write_file(ctx, NULL, path, t.at, t.n);
    cn__text_free(&t);
    return status;
}
