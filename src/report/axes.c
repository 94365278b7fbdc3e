/* axes.c: a frame with round ticks, a legend. Steps are 1, 2 or 5 times a power of ten (Heckbert, "Nice numbers for
   graph labels", Graphics Gems 1990). */
#include "report/svg.h"
#include <math.h>

double cn__x(const cn__axes *a, double x) { return a->left + (x - a->x0) / (a->x1 - a->x0) * a->width; }
double cn__y(const cn__axes *a, double y) { return a->top + a->height - (y - a->y0) / (a->y1 - a->y0) * a->height; }

double cn__tick_step(double range, int about, bool whole)
{
    double rough = range / about, power = pow(10, floor(log10(rough))), share = rough / power;
    double step = power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
    return whole ? fmax(step, 1) : step;
}

void cn__round_out(double *lo, double *hi, int about)
{
    if (!isfinite(*lo) || !isfinite(*hi)) *lo = 0, *hi = 1;
    if (!(*hi > *lo)) {                                  /* all alike: room on both sides */
        double pad = *lo != 0 ? fabs(*lo) * 0.1 : 1;
        *lo -= pad, *hi += pad;
    }
    double step = cn__tick_step(*hi - *lo, about, false);
    *lo = floor(*lo / step + 1e-9) * step;
    *hi = ceil(*hi / step - 1e-9) * step;
}

static void ticks(cn__text *t, const cn__axes *a, bool vertical)
{
    double lo = vertical ? a->y0 : a->x0, hi = vertical ? a->y1 : a->x1, length = vertical ? a->height : a->width;
    double step = cn__tick_step(hi - lo, (int)fmax(length / (vertical ? 48 : 76), 3), !vertical && a->whole_x);
    char   label[CN__LABEL];
    for (double k = ceil(lo / step - 1e-9); k * step <= hi + step * 1e-9; k++) {
        double v = k * step, at = vertical ? cn__y(a, v) : cn__x(a, v);
        cn__nice(fabs(v) < step * 1e-6 ? 0 : v, step, label);
        if (vertical) {
            cn__svg(t, "<path d=\"M%g %gH%g\" stroke=\"%s\"/>\n", a->left, at, a->left + a->width, CN__LIGHT);
            cn__svg_text(t, a->left - 8, at + 4, 12, CN__END, CN__GREY, label);
        } else {
            cn__svg(t, "<path d=\"M%g %gV%g\" stroke=\"%s\"/>\n", at, a->top, a->top + a->height, CN__LIGHT);
            cn__svg_text(t, at, a->top + a->height + 18, 12, CN__MIDDLE, CN__GREY, label);
        }
    }
}

void cn__axes_draw(cn__text *t, const cn__axes *a)
{
    double bottom = a->top + a->height, middle = a->left + a->width / 2;
    char   fits[CN__LABEL];
    ticks(t, a, false), ticks(t, a, true);
    cn__svg(t, "<path d=\"M%g %gV%gH%g\" fill=\"none\" stroke=\"#9aa5b1\"/>\n", a->left, a->top, bottom,
            a->left + a->width);
    if (a->title)
        cn__svg_text(t, a->left, a->top - 10, 13, CN__START, CN__INK, cn__fitting(a->title, 13, a->width, fits));
    if (a->x_label)
        cn__svg_text(t, middle, bottom + 38, 13, CN__MIDDLE, CN__GREY, cn__fitting(a->x_label, 13, a->width, fits));
    if (a->y_label)
        cn__svg(t,
                "<text transform=\"translate(%g %g) rotate(-90)\" font-size=\"13\" text-anchor=\"middle\" "
                "fill=\"%s\">%s</text>\n",
                a->left - 52, a->top + a->height / 2, CN__GREY, cn__fitting(a->y_label, 13, a->height, fits));
}

void cn__legend(cn__text *t, double x, double y, double width, const cn__legend_entry *e, int n)
{
    double from = x;
    char   fits[CN__LABEL];
    for (int i = 0; i < n; i++) {
        const char *text = cn__fitting(e[i].text, 12, width / 2, fits);
        double      wide = 30 + cn__svg_text_width(12, text) + 14;
        if (x > from && x + wide > from + width) x = from, y += 18;
        if (e[i].mark == CN__MARK_DOT)
            cn__svg(t, "<circle cx=\"%g\" cy=\"%g\" r=\"5\" fill=\"%s\" stroke=\"#ffffff\"/>\n", x + 12, y - 4,
                    e[i].colour);
        else if (e[i].mark == CN__MARK_BOX)
            cn__svg(t, "<rect x=\"%g\" y=\"%g\" width=\"14\" height=\"12\" rx=\"2\" fill=\"%s\"/>\n", x + 6, y - 10,
                    e[i].colour);
        else
            cn__svg(t, "<path d=\"M%g %gh22\" stroke=\"%s\" stroke-width=\"2.5\"/>\n", x, y - 4, e[i].colour);
        if (e[i].mark == CN__MARK_DASHED)                /* gaps over the line */
            cn__svg(t, "<path d=\"M%g %gh4m4 0h3\" stroke=\"#ffffff\" stroke-width=\"3\"/>\n", x + 6, y - 4);
        cn__svg_text(t, x + 28, y, 12, CN__START, CN__INK, text);
        x += wide;
    }
}
