/* scatter.c: numbers: predictions against targets, and how often which numbers occur. */
#include "report/svg.h"
#include <math.h>
#include <stdio.h>

enum { MOST_POINTS = 2000, BINS = 24 };

static double at(const cn_array *a, int64_t i)           /* the i-th of all numbers */
{
    return cn__load(a->head.dtype, a->data, (size_t)i);
}

static bool are_numbers(cn_array *poison, const char *site, const char *what, const cn_array *a)
{
    if (a && !cn__bad(a) && a->head.dtype != CN_STRING && cn__array_count(a) > 0) return true;
    if (a && cn__bad(a)) return cn__inherit(poison, a), false;
    return cn__poison(poison, site, CN_E_VALUE, "chart: %s are no numbers, or none at all", what), false;
}

/* ---- Histogram: bars in a frame ---------------------------------------------------------------------------------- */
typedef struct numbers { const cn_array *y, *p; int64_t n; } numbers;    /* y alone, or p - y */
static double value(const numbers *v, int64_t i) { return v->p ? at(v->p, i) - at(v->y, i) : at(v->y, i); }

static void histogram(cn__text *t, cn__axes *a, const numbers *v, bool middle)
{
    int64_t counts[2 * BINS] = { 0 }, most = 1;
    double  lo = INFINITY, hi = -INFINITY;
    for (int64_t i = 0; i < v->n; i++) {
        double x = value(v, i);
        if (isfinite(x)) lo = fmin(lo, x), hi = fmax(hi, x);
    }
    if (middle) hi = fmax(fabs(lo), fabs(hi)), lo = -hi; /* 0 in the middle */
    cn__round_out(&lo, &hi, 6);
    double step = cn__tick_step(hi - lo, BINS, false);
    int    bins = (int)fmin(ceil((hi - lo) / step - 1e-9), 2 * BINS);
    for (int64_t i = 0; i < v->n; i++) {
        double x = value(v, i);
        if (!isfinite(x)) continue;
        int bin = (int)fmin(fmax((x - lo) / step, 0), bins - 1);
        most = CN__MAX(most, ++counts[bin]);
    }
    a->x0 = lo, a->x1 = hi, a->y0 = 0, a->y1 = (double)most;
    cn__round_out(&a->y0, &a->y1, 4);
    cn__axes_draw(t, a);
    for (int i = 0; i < bins; i++)
        if (counts[i])
            cn__svg(t, "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"%s\"/>\n",
                    cn__x(a, lo + i * step) + 0.5, cn__y(a, (double)counts[i]), a->width * step / (hi - lo) - 1,
                    cn__y(a, 0) - cn__y(a, (double)counts[i]), CN__BLUE);
    if (middle)
        cn__svg(t, "<path d=\"M%g %gV%g\" stroke=\"%s\" stroke-width=\"1.4\" stroke-dasharray=\"5 4\"/>\n", cn__x(a, 0),
                a->top, a->top + a->height, CN__INK);
}

cn_array *(cn_chart_histogram)(cn_chart_histogram_args *args)
{
    CN__ARGS(cn_chart_histogram_args, g, args);
    CN_CHART_NUMBERS_FIELDS(CN__PRESET)
    cn__chart c;
    double    height = g.height > 0 ? g.height : 320;
    if (!cn__chart_begin(&c, (cn_ctx_of)(g.values), g.head.site, g.title ? g.title : "How often", g.width, height) ||
        !are_numbers(c.array, g.head.site, "the values", g.values)) return cn__chart_end(&c);
    cn__axes a = {
        .left = 72, .top = 56, .width = g.width - 96, .height = height - 112, .x_label = g.label, .y_label = "how often"
    };
    histogram(&c.t, &a, &(numbers){ g.values, NULL, cn__array_count(g.values) }, false);
    return cn__chart_end(&c);
}

/* ---- Predictions against targets --------------------------------------------------------------------------------- */
static void cloud(cn__text *t, cn__axes *a, const cn_array *y, const cn_array *p, int64_t n)
{
    double  lo = INFINITY, hi = -INFINITY;
    int64_t every = (n + MOST_POINTS - 1) / MOST_POINTS;
    for (int64_t i = 0; i < n; i++) {
        lo = fmin(lo, fmin(at(y, i), at(p, i))), hi = fmax(hi, fmax(at(y, i), at(p, i)));
    }
    cn__round_out(&lo, &hi, 6);
    a->x0 = a->y0 = lo, a->x1 = a->y1 = hi;
    cn__axes_draw(t, a);
    cn__svg(t,
            "<path d=\"M%g %gL%g %g\" stroke=\"%s\" stroke-width=\"1.4\" stroke-dasharray=\"5 4\"/>\n<g fill=\"%s\" "
            "fill-opacity=\"%s\">\n",
            cn__x(a, lo), cn__y(a, lo), cn__x(a, hi), cn__y(a, hi), CN__INK, CN__BLUE, n > 400 ? "0.35" : "0.6");
    for (int64_t i = 0; i < n; i += every)
        if (isfinite(at(p, i)))
            cn__svg(t, "<circle cx=\"%g\" cy=\"%g\" r=\"%g\"/>\n", cn__x(a, at(y, i)), cn__y(a, at(p, i)),
                    n > 400 ? 2.6 : 3.6);
    cn__svg(t, "</g>\n");
}

cn_array *(cn_chart_scatter)(cn_chart_scatter_args *args)
{
    CN__ARGS(cn_chart_scatter_args, g, args);
    CN_CHART_NUMBERS_FIELDS(CN__PRESET)
    cn__chart c;
    double    height = g.height > 0 ? g.height : 400, half = (g.width - 16) / 2;
    if (!cn__chart_begin(&c, (cn_ctx_of)(g.y), g.head.site, g.title ? g.title : "Predictions against targets", g.width,
                         height) ||
        !are_numbers(c.array, g.head.site, "targets", g.y) || !are_numbers(c.array, g.head.site, "predictions", g.p))
        return cn__chart_end(&c);
    int64_t n = cn__array_count(g.y);
    if (n != cn__array_count(g.p))
        return cn__poison(c.array, g.head.site, CN_E_SHAPE, "chart_scatter: %lld targets, %lld predictions",
                          (long long)n, (long long)cn__array_count(g.p)),
               cn__chart_end(&c);
    char     label[2][128];
    snprintf(label[0], sizeof label[0], "true %.80s", g.label ? g.label : "value");
    snprintf(label[1], sizeof label[1], "predicted %.80s", g.label ? g.label : "value");
    cn__axes a = { .left = 84,
                   .top = 76,
                   .width = half - 92,
                   .height = height - 76 - 54,
                   .x_label = label[0],
                   .y_label = label[1],
                   .title = "the nearer to the line, the better" };
    cn__axes b = { .left = half + 84,
                   .top = 76,
                   .width = half - 84,
                   .height = height - 76 - 54,
                   .x_label = "predicted less true",
                   .y_label = "how often",
                   .title = "errors" };
    cloud(&c.t, &a, g.y, g.p, n);
    histogram(&c.t, &b, &(numbers){ g.y, g.p, n }, true);
    return cn__chart_end(&c);
}
