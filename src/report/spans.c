/* spans.c: lengths as bars below each other, in groups; of each bar a part is shaded: what would do at best. */
#include "report/svg.h"
#include <math.h>
#include <stdio.h>

enum { ROW = 20, HEAD = 40, LEFT = 260, RIGHT = 130, WIDTH = 840, MOST = 60 };

/* Longer lists end in "and so many more". */
static size_t shown(const cn__spans *g) { return g->n > MOST ? MOST : g->n; }

static double longest(const cn__spans *g)
{
    double most = 0;
    for (size_t k = 0; k < g->n; k++) most = fmax(most, g->at[k].length);
    return most > 0 ? most : 1;
}

static void draw_span(cn__text *t, const cn__span *s, double y, double scale)
{
    char   label[CN__LABEL];
    double length = s->length * scale;
    cn__svg_text(t, LEFT - 8, y + 14, 12, CN__END, CN__INK, cn__fitting(s->label, 12, LEFT - 20, label));
    cn__svg(t, "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"#56b4e9\"/>\n", (double)LEFT, y + 3,
            fmax(length, 0.5), (double)ROW - 6);
    if (s->part > 0)
        cn__svg(t, "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"%s\"/>\n", (double)LEFT, y + 3,
                fmax(s->part * scale, 0.5), (double)ROW - 6, CN__BLUE);
    cn__svg_text(t, LEFT + length + 8, y + 14, 12, CN__START, CN__GREY, s->text);
}

static double draw_group(cn__text *t, const cn__spans *g, double y)
{
    char   rest[CN__LABEL], number[CN__LABEL];
    double scale = (WIDTH - LEFT - RIGHT) / longest(g);
    cn__svg(t, "<text x=\"16\" y=\"%g\" font-size=\"13\" font-weight=\"600\" fill=\"%s\">%s</text>\n", y + 29, CN__INK,
            g->title);
    y += HEAD;
    for (size_t k = 0; k < shown(g); k++, y += ROW) draw_span(t, &g->at[k], y, scale);
    if (g->n == shown(g)) return y;
    snprintf(rest, sizeof rest, "and %.20s more", cn__nice((double)(g->n - shown(g)), 1, number));
    cn__svg_text(t, LEFT, y + 14, 12, CN__START, CN__GREY, rest);
    return y + ROW;
}

cn_array *cn__chart_spans(cn_ctx *ctx, const char *site, const char *title, const char *length, const char *part,
                          const cn__spans *groups, int n)
{
    cn__chart c;
    double    y = CN__CHART_TOP + 6, height = y + 16;
    for (int i = 0; i < n; i++) height += HEAD + ROW * (double)(shown(&groups[i]) + (groups[i].n > MOST));
    if (!cn__chart_begin(&c, ctx, site, title, WIDTH, height)) return cn__chart_end(&c);
    cn__legend_entry legend[] = { { length, "#56b4e9", CN__MARK_BOX }, { part, CN__BLUE, CN__MARK_BOX } };
    cn__legend(&c.t, LEFT, CN__CHART_TOP, WIDTH - LEFT, legend, 2);
    for (int i = 0; i < n; i++) y = draw_group(&c.t, &groups[i], y);
    return cn__chart_end(&c);
}
