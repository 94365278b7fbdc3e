/* confusion.c: which classes are taken for which: counts and shares of each true class. */
#include "report/svg.h"
#include <math.h>
#include <stdio.h>

enum { MOST = 30, CELLS_WITH_NUMBERS = 16 };

static void cell(cn__text *t, double x, double y, double size, int64_t count, int64_t row_sum, bool right, bool numbers)
{
    double share = row_sum ? (double)count / (double)row_sum : 0;
    char   fill[8], text[CN__LABEL];
    cn__mix("#f7f9fb", right ? CN__BLUE : CN__RED, count ? 0.06 + 0.94 * sqrt(share) : 0, fill);
    cn__svg(t, "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"%s\"/>\n", x + 1, y + 1, size - 2, size - 2,
            fill);
    if (!numbers || !count) return;
    const char *ink = sqrt(share) > 0.55 ? "#ffffff" : CN__INK;
    double big = fmin(size * 0.28, 16);
    cn__svg_text(t, x + size / 2, y + size / 2 + (size > 44 ? 0 : big * 0.35), big, CN__MIDDLE, ink,
                 cn__nice((double)count, 1, text));
    if (size <= 44) return;
    snprintf(text, sizeof text, share < 0.0995 ? "%d.%d %%" : "%d %%",
             share < 0.0995 ? (int)lround(share * 1000) / 10 : (int)lround(share * 100),
             (int)lround(share * 1000) % 10);
    cn__svg_text(t, x + size / 2, y + size / 2 + big, 11, CN__MIDDLE, ink, text);
}

static void draw(cn__chart *c, const int64_t *counts, int k, const cn_array *names, double size, double left,
                 double top)
{
    char   label[CN__LABEL], fits[CN__LABEL];
    double font = fmin(13, size * 0.5);
    bool   level = true;                                 /* all names fit below their columns */
    for (int i = 0; i < k; i++) level &= cn__svg_text_width(font, cn__class_label(names, i, label)) < size - 4;
    for (int row = 0; row < k; row++) {
        int64_t sum = 0;
        for (int col = 0; col < k; col++) sum += counts[row * k + col];
        for (int col = 0; col < k; col++)
            cell(&c->t, left + col * size, top + row * size, size, counts[row * k + col], sum, row == col,
                 k <= CELLS_WITH_NUMBERS);
        cn__class_label(names, row, label);
        cn__svg_text(&c->t, left - 8, top + (row + 0.5) * size + font * 0.35, font, CN__END, CN__INK,
                     cn__fitting(label, font, left - 46, fits));
        double x = left + (row + 0.5) * size, y = top + k * size + 16;
        if (level) cn__svg_text(&c->t, x, y, font, CN__MIDDLE, CN__INK, label);
        else
            cn__svg(&c->t,
                    "<text transform=\"translate(%g %g) rotate(-40)\" font-size=\"%g\" text-anchor=\"end\" "
                    "fill=\"%s\">%s</text>\n",
                    x + 4, y, font, CN__INK, cn__fitting(label, font, 90, fits));
    }
    cn__svg(&c->t,
            "<text transform=\"translate(22 %g) rotate(-90)\" font-size=\"13\" text-anchor=\"middle\" fill=\"%s\">true "
            "class</text>\n",
            top + k * size / 2, CN__GREY);
    cn__svg_text(&c->t, left + k * size / 2, c->height - 14, 13, CN__MIDDLE, CN__GREY, "predicted class");
}

static double longest(const cn_array *names, int k)
{
    char   label[CN__LABEL];
    double most = 0;
    for (int i = 0; i < k; i++) most = fmax(most, cn__svg_text_width(13, cn__class_label(names, i, label)));
    return most;
}

static cn_array *chart_of(const cn_chart_confusion_args *g, cn_ctx *ctx, const cn__classes *y, const cn__classes *p)
{
    int       k = (int)CN__MIN(CN__MAX(CN__MAX(y->classes, p->classes), 2), MOST);
    size_t    bytes = (size_t)(k * k) * sizeof(int64_t);
    int64_t  *counts = cn__alloc0(ctx, bytes);
    double    name = longest(g->class_names, k), left = fmin(fmax(80, name + 50), g->width * 0.3);
    double    size = fmin((g->width - left - 24) / k, g->height > 0 ? (g->height - CN__CHART_TOP - 130) / k : 84);
    double    below = name < size - 4 ? 52 : 56 + fmin(name * 0.64, 60);
    cn__chart c;
    cn__chart_begin(&c, ctx, g->head.site, g->title ? g->title : "Confusion matrix", g->width,
                    CN__CHART_TOP + 8 + k * size + below);
    for (int64_t i = 0; counts && i < y->n; i++)
        if (y->at[i] < k && p->at[i] < k) counts[y->at[i] * k + p->at[i]]++;
    if (!cn__bad(c.array)) {
        if (counts) draw(&c, counts, k, g->class_names, size, left, CN__CHART_TOP + 8);
        else cn__poison(c.array, g->head.site, CN_E_NOMEM, "chart_confusion: out of memory");
    }
    cn__free(ctx, counts, bytes);
    return cn__chart_end(&c);
}

cn_array *(cn_chart_confusion)(cn_chart_confusion_args *args)
{
    CN__ARGS(cn_chart_confusion_args, g, args);
    CN_CHART_CLASSES_FIELDS(CN__PRESET)
    cn_ctx     *ctx = (cn_ctx_of)(g.y);
    cn_array   *bad = cn__array_blank(ctx);              /* takes the errors; given back where there are any */
    cn__classes y = { 0 }, p = { 0 };
    if (!cn__bad(bad) && cn__classes_of(bad, g.head.site, "targets", g.y, &y) &&
        cn__classes_of(bad, g.head.site, "predictions", g.p, &p) && y.n != p.n)
        cn__poison(bad, g.head.site, CN_E_SHAPE, "chart_confusion: %lld targets, %lld predictions", (long long)y.n,
                   (long long)p.n);
    cn_array *chart = bad;
    if (!cn__bad(bad)) {
        (cn_free)(bad);
        chart = chart_of(&g, ctx, &y, &p);
    }
    cn__classes_free(ctx, &y), cn__classes_free(ctx, &p);
    return chart;
}
