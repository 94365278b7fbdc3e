/* svg.c: text that becomes SVG: numbers, escaping, colours, pictures; the beginning and the end of a chart. */
#include "report/svg.h"
#include "base/file.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Colours ----------------------------------------------------------------------------------------------------- */
static const char *const colours[] = { CN__BLUE,  CN__RED,   CN__GREEN, "#cc79a7",
                                       "#e69f00", "#56b4e9", "#8c6d1f", "#444444" };

const char *cn__colour(int64_t i) { return colours[i % (int64_t)CN__COUNT(colours)]; }

void cn__colour_rgb(const char *hex, double rgb[3])
{
    long v = strtol(hex + 1, NULL, 16);
    rgb[0] = (double)(v >> 16 & 255), rgb[1] = (double)(v >> 8 & 255), rgb[2] = (double)(v & 255);
}

void cn__mix(const char *from, const char *to, double share, char out[8])
{
    double a[3], b[3];
    cn__colour_rgb(from, a), cn__colour_rgb(to, b);
    share = fmin(fmax(share, 0), 1);
    unsigned c[3];
    for (int i = 0; i < 3; i++) c[i] = (unsigned)lround(a[i] + (b[i] - a[i]) * share) & 255u;
    snprintf(out, 8, "#%02x%02x%02x", c[0], c[1], c[2]);
}

/* ---- Text -------------------------------------------------------------------------------------------------------- */
void cn__svg_escape(cn__text *t, const char *s)
{
    for (; *s; s++) {
        unsigned char byte = (unsigned char)*s;
        if (*s == '<') cn__text_add(t, "&lt;");
        else if (*s == '>') cn__text_add(t, "&gt;");
        else if (*s == '&') cn__text_add(t, "&amp;");
        else if (*s == '"') cn__text_add(t, "&quot;");
        else if (byte >= ' ' || *s == '\n' || *s == '\t') cn__text_bytes(t, s, 1);   /* XML takes no other controls */
    }
}

/* Up to `decimals` of them, no zeros at the end, a point. */
static int fixed(double v, int decimals, char out[CN__LABEL])
{
    static const double power[] = { 1, 10, 100, 1e3, 1e4, 1e5, 1e6 };
    if (!isfinite(v) || fabs(v) > 1e12) v = 0;           /* nothing such is drawn */
    decimals = decimals < 0 ? 0 : decimals > 6 ? 6 : decimals;
    long long scaled = llround(fabs(v) * power[decimals]);
    long long whole = scaled / (long long)power[decimals], part = scaled % (long long)power[decimals];
    int n = snprintf(out, CN__LABEL, "%s%lld", v < 0 && scaled ? "-" : "", whole);
    if (!part) return n;
    n += snprintf(out + n, (size_t)(CN__LABEL - n), ".%0*lld", decimals, part);
    while (out[n - 1] == '0') out[--n] = 0;
    return n;
}

void cn__svg(cn__text *t, const char *format, ...)
{
    char number[CN__LABEL];
    va_list args;
    va_start(args, format);
    for (const char *p; (p = strchr(format, '%')); format = p + 2) {
        cn__text_bytes(t, format, (size_t)(p - format));
        if (p[1] == 's') cn__svg_escape(t, va_arg(args, const char *));
        else if (p[1] == 'd') cn__text_add(t, "%d", va_arg(args, int));
        else if (p[1] == 'g') fixed(va_arg(args, double), 2, number), cn__text_bytes(t, number, strlen(number));
        else cn__text_bytes(t, "%", 1);                  /* %% */
    }
    va_end(args);
    cn__text_bytes(t, format, strlen(format));
}

void cn__svg_text(cn__text *t, double x, double y, double size, cn__anchor anchor, const char *colour, const char *text)
{
    static const char *const anchors[] = { "start", "middle", "end" };
    cn__svg(t, "<text x=\"%g\" y=\"%g\" font-size=\"%g\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n", x, y, size,
            anchors[anchor], colour, text);
}

static int characters(const char *s)                     /* code points, not bytes */
{
    int n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

double cn__svg_text_width(double size, const char *text) { return 0.56 * size * characters(text); }

const char *cn__fitting(const char *text, double size, double width, char out[CN__LABEL])
{
    int fits = (int)fmax(width / (0.56 * size), 2), all = characters(text);
    size_t n = 0;
    int    k = 0;
    if (all <= fits && strlen(text) < CN__LABEL) return strcpy(out, text);
    for (; text[n] && n < CN__LABEL - 8; n++) {
        k += ((unsigned char)text[n] & 0xc0) != 0x80;
        if (k >= fits) break;
    }
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80) n--;            /* no part of a character */
    memcpy(out, text, n);
    memcpy(out + n, "\xe2\x80\xa6", 4);
    return out;
}

const char *cn__nice(double v, double step, char out[CN__LABEL])
{
    char plain[CN__LABEL];
    if (!isfinite(v)) return strcpy(out, "-");
    if ((fabs(v) >= 1e9 || fabs(v) < 1e-6) && v != 0) {
        int exponent = (int)floor(log10(fabs(v)) + 1e-9);
        fixed(v / pow(10, exponent), 2, plain);
        snprintf(out, CN__LABEL, "%.40se%d", plain, exponent);
        return out;
    }
    int n = fixed(v, step >= 1 || step <= 0 ? 0 : (int)ceil(-log10(step) - 1e-9), plain);
    int whole = (int)strcspn(plain, "."), minus = plain[0] == '-', k = 0;
    for (int i = 0; i < n; i++) {                        /* thousands apart from five digits on */
        if (i > minus && i < whole && (whole - i) % 3 == 0 && whole - minus > 4) out[k++] = ',';
        out[k++] = plain[i];
    }
    out[k] = 0;
    return out;
}

const char *cn__short_number(double v, char out[CN__LABEL])
{
    double size = fabs(v);
    return cn__nice(v, size >= 1000 || size == 0 ? 1 : pow(10, floor(log10(size)) - 3), out);
}

/* ---- Pictures ---------------------------------------------------------------------------------------------------- */
static void base64(cn__text *t, const unsigned char *p, size_t n)        /* RFC 4648 */
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
        char four[4] = { digits[v >> 18], digits[v >> 12 & 63], i + 1 < n ? digits[v >> 6 & 63] : '=',
                         i + 2 < n ? digits[v & 63] : '=' };
        cn__text_bytes(t, four, 4);
    }
}

void cn__svg_image(cn__text *t, const uint8_t *pixels, int64_t height, int64_t width, int64_t channels, double x,
                   double y, double w, double h, bool smooth)
{
    cn__text png = { .ctx = t->ctx };
    cn__png(&png, pixels, height, width, channels);
    if (!png.nomem) {
        cn__svg(t, "<image x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" preserveAspectRatio=\"none\" ", x, y, w, h);
        cn__svg(t, smooth ? "href=\"data:image/png;base64,"
                          : "style=\"image-rendering:pixelated\" href=\"data:image/png;base64,");
        base64(t, (const unsigned char *)png.at, png.n);
        cn__svg(t, "\"/>\n");
    }
    t->nomem |= png.nomem;
    cn__text_free(&png);
}

/* ---- The chart --------------------------------------------------------------------------------------------------- */
bool cn__chart_begin(cn__chart *c, cn_ctx *ctx, const char *site, const char *title, double width, double height)
{
    *c = (cn__chart){
        .array = cn__array_blank(ctx), .site = site, .t = { .ctx = ctx }, .width = width, .height = height
    };
    if (cn__bad(c->array)) return false;
    if (!(width >= 160 && width <= 8192) || !(height >= 80 && height <= 8192))
        return cn__poison(c->array, site, CN_E_VALUE, "chart: %g x %g pixels; width 160 to 8192, height 80 to 8192",
                          width, height),
               false;
    cn__svg(&c->t,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" width=\"%g\" height=\"%g\" role=\"img\" "
            "font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif\">\n<title>%s</title>\n"
            "<rect width=\"%g\" height=\"%g\" fill=\"#ffffff\"/>\n",
            width, height, width, height, title, width, height);
    cn__svg(&c->t, "<text x=\"16\" y=\"26\" font-size=\"16\" font-weight=\"600\" fill=\"%s\">%s</text>\n", CN__INK,
            title);
    return true;
}

/* Whether an option is within its limits; the chart says so where it is not. */
bool cn__chart_between(cn__chart *c, const char *option, double value, double least, double most)
{
    if (value >= least && value <= most) return true;
    cn__poison(c->array, c->site, CN_E_VALUE, "chart: %s is %g, it must be from %g to %g", option, value, least, most);
    return false;
}

cn_array *cn__chart_end(cn__chart *c)
{
    int64_t     one[1] = { 1 };
    const char *text;
    if (!cn__bad(c->array)) {
        cn__svg(&c->t, "</svg>\n");
        text = cn__text_get(&c->t);
        if (c->t.nomem) cn__poison(c->array, c->site, CN_E_NOMEM, "chart: out of memory");
        else cn__array_strings(c->array, c->site, 1, one, &text);
    }
    cn__text_free(&c->t);
    return c->array;
}

cn_status cn_chart_save(const cn_array *chart, const char *path)
{
    if (cn__bad(chart)) return chart ? cn__fail_with(chart) : CN_E_NOMEM;
    cn_ctx     *ctx = chart->head.obj.ctx;
    const char *svg = cn_string(chart, 0);
    if (strncmp(svg, "<svg", 4))
        return cn__fail(ctx, NULL, CN_E_VALUE, "chart_save: the array is no chart (cn_chart_...)");
    if (!path || !*path) return cn__fail(ctx, NULL, CN_E_VALUE, "chart_save: no path to write to");
    return cn__write_file(ctx, NULL, path, svg, strlen(svg));
}
