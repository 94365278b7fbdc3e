/* images.c: a grid of pictures with what they are and what they were taken for, the mistakes first. */
#include "report/svg.h"
#include <math.h>
#include <stdio.h>

enum { MOST = 400 };                                     /* pictures of one chart */
typedef struct pictures { const cn_array *x; int64_t n, height, width, channels; double scale; } pictures;

static bool look(cn_array *poison, const char *site, const cn_array *x, pictures *p)
{
    if (cn__bad(x))
        return x ? cn__inherit(poison, x) : cn__poison(poison, site, CN_E_VALUE, "chart_images: there are no pictures"),
               false;
    const int64_t *d = x->head.dim;
    *p = (pictures){ x, d[0], d[1], d[2], x->head.rank == 4 ? d[3] : 1, x->head.dtype == CN_UINT8 ? 1 : 255 };
    if (x->head.dtype != CN_STRING && (x->head.rank == 3 || x->head.rank == 4) &&
        (p->channels == 1 || p->channels == 3) && p->n > 0 && p->height > 0 && p->width > 0 && p->height <= 1024 &&
        p->width <= 1024)
        return true;
    char text[CN__SHAPE_TEXT];
    cn__poison(poison, site, CN_E_SHAPE,
               "chart_images: pictures are (n, height, width) or (n, height, width, 1 or 3), up to 1024 x "
               "1024, not %s",
               cn__shape_text(x->head.rank, d, text));
    return false;
}

static void picture(cn__text *t, const pictures *p, int64_t i, double x, double y, double size)
{
    size_t   numbers = (size_t)(p->height * p->width * p->channels);
    uint8_t *pixels = cn__alloc(t->ctx, numbers);
    t->nomem |= !pixels;
    for (size_t k = 0; pixels && k < numbers; k++) {
        double v = cn__load(p->x->head.dtype, p->x->data, (size_t)i * numbers + k) * p->scale;
        pixels[k] = (uint8_t)lround(isfinite(v) ? fmin(fmax(v, 0), 255) : 0);
    }
    double h = p->height >= p->width ? size : size * (double)p->height / (double)p->width;
    double w = p->width >= p->height ? size : size * (double)p->width / (double)p->height;
    if (pixels)
        cn__svg_image(t, pixels, p->height, p->width, p->channels, x + (size - w) / 2, y + (size - h) / 2, w, h, false);
    cn__free(t->ctx, pixels, numbers);
}

/* Which pictures are shown: half of the places for mistakes, evenly out of all of them, then right ones. */
static int choose(const cn__classes *labels, const cn__classes *said, int64_t n, int count, int64_t *chosen)
{
    int k = 0;
    for (int right = 0; right <= 1; right++) {
        int64_t all = 0, seen = 0, taken = 0;
        for (int64_t i = 0; i < n; i++) all += !said->at || (labels->at[i] == said->at[i]) == right;
        int64_t places = !said->at ? count : right ? count - k : CN__MIN((count * 3 + 4) / 5, all);
        for (int64_t i = 0; i < n && taken < places && k < count; i++) {
            if (said->at && (labels->at[i] == said->at[i]) != right) continue;
            if (seen++ * places / CN__MAX(all, 1) >= taken) chosen[k++] = i, taken++;
        }
        if (!said->at) break;
    }
    return k;
}

static void draw(cn__chart *c, const cn_chart_images_args *g, const pictures *p, const cn__classes *labels,
                 const cn__classes *said)
{
    int64_t chosen[MOST];
    char    is[CN__LABEL], was[CN__LABEL], fits[CN__LABEL];
    int count = choose(labels, said, p->n, (int)CN__MIN(g->count, p->n), chosen),
        columns = (int)(c->width / 88);
    double each = (c->width - 24) / columns, size = each - 12, line = labels->at ? 14 : 0,
           row = size + 10 + line * (said->at ? 2 : 1);
    for (int i = 0; i < count; i++) {
        double  x = 18 + each * (i % columns), y = CN__CHART_TOP + (i / columns) * row;
        int64_t k = chosen[i];
        bool    wrong = said->at && labels->at[k] != said->at[k];
        picture(&c->t, p, k, x, y, size);
        cn__svg(
            &c->t,
            "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"none\" stroke=\"%s\" stroke-width=\"%g\"/>\n", x,
            y, size, size, wrong ? CN__RED : "#c9d2db", wrong ? 2.0 : 1.0);
        if (labels->at)
            cn__svg_text(&c->t, x + size / 2, y + size + 13, 11, CN__MIDDLE, CN__INK,
                         cn__fitting(cn__class_label(g->class_names, labels->at[k], is), 11, each, fits));
        if (wrong) {
            snprintf(was, sizeof was, "said %.40s", cn__class_label(g->class_names, said->at[k], is));
            cn__svg_text(&c->t, x + size / 2, y + size + 26, 11, CN__MIDDLE, CN__RED, cn__fitting(was, 11, each, fits));
        }
    }
}

cn_array *(cn_chart_images)(cn_chart_images_args *args)
{
    CN__ARGS(cn_chart_images_args, g, args);
    CN_CHART_IMAGES_FIELDS(CN__PRESET)
    cn_ctx     *ctx = (cn_ctx_of)(g.x);
    cn__classes labels = { 0 }, said = { 0 };
    pictures    p = { 0 };
    cn__chart   c;
    int64_t count = cn__bad(g.x) ? 0 : CN__MIN(g.count, (cn_size_of)(g.x, 0)),
            columns = CN__MAX((int64_t)(g.width / 88), 1);
    double      lines = g.labels ? g.predicted ? 28 : 14 : 0, each = (g.width - 24) / (double)columns;
    double      height = CN__CHART_TOP + 8 + (double)((count + columns - 1) / columns) * (each - 2 + lines);
    if (!cn__chart_begin(&c, ctx, g.head.site,
                         g.title       ? g.title
                         : g.predicted ? "Pictures, the mistakes first"
                                       : "Pictures",
                         g.width, fmax(height, 80)))
        return cn__chart_end(&c);
    bool ok = look(c.array, g.head.site, g.x, &p) && cn__chart_between(&c, "count", (double)g.count, 1, MOST);
    if (ok && g.predicted && !g.labels)
        ok = cn__poison(c.array, g.head.site, CN_E_VALUE,
                        "chart_images: predictions without labels to compare them with") == NULL;
    if (ok && g.labels) ok = cn__classes_of(c.array, g.head.site, "labels", g.labels, &labels);
    if (ok && g.predicted) ok = cn__classes_of(c.array, g.head.site, "predictions", g.predicted, &said);
    if (ok && ((labels.at && labels.n != p.n) || (said.at && said.n != p.n)))
        cn__poison(c.array, g.head.site, CN_E_SHAPE, "chart_images: %lld pictures, %lld labels", (long long)p.n,
                   (long long)labels.n);
    else if (ok) draw(&c, &g, &p, &labels, &said);
    cn__classes_free(ctx, &labels), cn__classes_free(ctx, &said);
    return cn__chart_end(&c);
}
