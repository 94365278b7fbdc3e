/* boundary.c: what a model of two inputs says everywhere: colours by class, the deeper the surer, a line where the
   answer changes; the samples on top. */
#include "report/svg.h"
#include <math.h>
#include <stdio.h>

enum { GRID = 160, MOST_POINTS = 1500 };

/* The model's answer on a grid over the axes: (GRID * GRID, outputs); rows from the top. */
static cn_array *answers(cn_model *m, const cn__axes *a)
{
    cn_ctx   *ctx = (cn_ctx_of)(m);
    int64_t   dim[2] = { GRID * GRID, 2 };
    cn_array *x = cn__array_new(ctx, NULL, CN_FLOAT32, 2, dim), *p = NULL;
    float    *at = cn_mutable(x);
    for (int k = 0; at && k < GRID * GRID; k++) {
        at[2 * k] = (float)(a->x0 + (a->x1 - a->x0) * (k % GRID + 0.5) / GRID);
        at[2 * k + 1] = (float)(a->y1 - (a->y1 - a->y0) * (k / GRID + 0.5) / GRID);
    }
    cn_status failed = cn_predict(m, x, &p, .batch_size = 4096);
    (cn_free)(x);
    return failed ? NULL : p;
}

/* The strongest class at a place and its lead over the next, 0 .. 1. */
static int strongest(const float *p, int outputs, double *lead)
{
    if (outputs == 1) {
        *lead = fabs(p[0] - 0.5) * 2;
        return p[0] > 0.5f;
    }
    int best = 0;
    for (int k = 1; k < outputs; k++) if (p[k] > p[best]) best = k;
    double next = -INFINITY;
    for (int k = 0; k < outputs; k++) if (k != best) next = fmax(next, p[k]);
    *lead = p[best] - next;
    return best;
}

static void paint(cn__text *t, const cn__axes *a, const float *p, int outputs)
{
    size_t   bytes = (size_t)GRID * GRID * 3;
    uint8_t *pixels = cn__alloc(t->ctx, bytes);
    t->nomem |= !pixels;
    for (int k = 0; pixels && k < GRID * GRID; k++) {
        double lead, rgb[3];
        cn__colour_rgb(cn__colour(strongest(p + (int64_t)k * outputs, outputs, &lead)), rgb);
        double depth = 0.12 + 0.38 * fmin(fmax(lead, 0), 1);
        for (int i = 0; i < 3; i++) pixels[3 * k + i] = (uint8_t)lround(255 + (rgb[i] - 255) * depth);
    }
    if (pixels) cn__svg_image(t, pixels, GRID, GRID, 3, a->left, a->top, a->width, a->height, true);
    cn__free(t->ctx, pixels, bytes);
}

/* Lines between grid points whose strongest class differs, by marching squares on "class k is ahead of all others". */
static double ahead(const float *p, int outputs, int k)
{
    if (outputs == 1) return k ? p[0] - 0.5 : 0.5 - p[0];
    double other = -INFINITY;
    for (int i = 0; i < outputs; i++) if (i != k) other = fmax(other, p[i]);
    return p[k] - other;
}

static void contour(cn__text *t, const cn__axes *a, const float *p, int outputs, int k)
{
    static const int corner[4][2] = { { 0, 0 }, { 1, 0 }, { 1, 1 }, { 0, 1 } };
    double step_x = a->width / GRID, step_y = a->height / GRID;
    cn__svg(t, "<path d=\"");
    for (int row = 0; row + 1 < GRID; row++)
        for (int col = 0; col + 1 < GRID; col++) {
            double v[4], x[4], y[4];
            int    n = 0;
            for (int i = 0; i < 4; i++)
                v[i] = ahead(p + (int64_t)((row + corner[i][1]) * GRID + col + corner[i][0]) * outputs, outputs, k);
            for (int i = 0; i < 4; i++) {
                int j = (i + 1) & 3;
                if ((v[i] > 0) == (v[j] > 0)) continue;
                double share = v[i] / (v[i] - v[j]);
                x[n] = a->left + (col + 0.5 + corner[i][0] + share * (corner[j][0] - corner[i][0])) * step_x;
                y[n++] = a->top + (row + 0.5 + corner[i][1] + share * (corner[j][1] - corner[i][1])) * step_y;
            }
            for (int i = 0; i + 1 < n; i += 2) cn__svg(t, "M%g %gL%g %g", x[i], y[i], x[i + 1], y[i + 1]);
        }
    cn__svg(t, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\"/>\n", CN__INK);
}

static void points(cn__text *t, const cn__axes *a, const cn_array *x, const cn__classes *classes)
{
    int64_t every = (classes->n + MOST_POINTS - 1) / MOST_POINTS;
    double  r = classes->n <= 60 ? 6 : classes->n <= 400 ? 4.5 : 3.2;
    for (int64_t i = 0; i < classes->n; i += CN__MAX(every, 1))
        cn__svg(t, "<circle cx=\"%g\" cy=\"%g\" r=\"%g\" fill=\"%s\" stroke=\"#ffffff\" stroke-width=\"1.2\"/>\n",
                cn__x(a, cn_at(x, i, 0)), cn__y(a, cn_at(x, i, 1)), r, cn__colour(classes->at[i]));
}

/* What the axes span: the samples and a margin. */
static void span(const cn_array *x, int column, double *lo, double *hi)
{
    *lo = INFINITY, *hi = -INFINITY;
    for (int64_t i = 0; i < x->head.dim[0]; i++) {
        double v = cn_at(x, i, column);
        if (isfinite(v)) *lo = fmin(*lo, v), *hi = fmax(*hi, v);
    }
    if (!(*lo <= *hi)) *lo = 0, *hi = 1;
    double margin = *hi > *lo ? (*hi - *lo) * 0.25 : 1;
    *lo -= margin, *hi += margin;
}

static cn_array *draw(cn__chart *c, const cn_chart_boundary_args *g, const cn__classes *classes)
{
    cn__axes a = { .left = 72, .top = 76, .width = c->width - 96, .height = c->height - 130, .x_label = g->x_label,
                   .y_label = g->y_label };
    char     labels[8][CN__LABEL];
    cn__legend_entry legend[8];
    span(g->x, 0, &a.x0, &a.x1), span(g->x, 1, &a.y0, &a.y1);
    cn_array    *p = answers(g->on, &a);
    const float *at = p ? cn_float32(p) : NULL;
    int outputs = at && p->head.rank == 2 ? (int)p->head.dim[1] : 0;
    if (!at)
        cn__poison(c->array, c->site, (cn_error)(c->t.ctx) ? (cn_error)(c->t.ctx) : CN_E_DTYPE, "chart_boundary: %s",
                   (cn_error_message)(c->t.ctx));
    else if (outputs < 1 || outputs > 64)
        cn__poison(c->array, c->site, CN_E_SHAPE,
                   "chart_boundary: the model gives no row of 1 to 64 numbers for a sample");
    else {
        int shown = (int)CN__MIN(CN__MAX(classes->classes, outputs == 1 ? 2 : outputs), 8);
        cn__axes_draw(&c->t, &a);
        paint(&c->t, &a, at, outputs);
        for (int k = 0; k < (outputs == 1 ? 1 : outputs); k++) contour(&c->t, &a, at, outputs, k);
        points(&c->t, &a, g->x, classes);
        for (int k = 0; k < shown; k++)
            legend[k] =
                (cn__legend_entry){ cn__class_label(g->class_names, k, labels[k]), cn__colour(k), CN__MARK_DOT };
        cn__legend(&c->t, a.left, 54, a.width, legend, shown);
    }
    (cn_free)(p);
    return cn__chart_end(c);
}

cn_array *(cn_chart_boundary)(cn_chart_boundary_args *args)
{
    CN__ARGS(cn_chart_boundary_args, g, args);
    CN_CHART_BOUNDARY_FIELDS(CN__PRESET)
    cn_ctx     *ctx = (cn_ctx_of)(g.on);
    cn__chart   c;
    cn__classes classes = { 0 };
    if (!cn__chart_begin(&c, ctx, g.head.site, g.title ? g.title : "Decision boundary", g.width,
                         g.height > 0 ? g.height : 560))
        return cn__chart_end(&c);
    if ((cn_error)(g.on)) cn__inherit(c.array, g.on);
    else if (g.x && cn__bad(g.x)) cn__inherit(c.array, g.x);
    else if (!g.x) cn__poison(c.array, g.head.site, CN_E_VALUE, "chart_boundary: there are no samples x");
    else if (g.x->head.rank != 2 || g.x->head.dim[1] != 2 || g.x->head.dtype == CN_STRING)
        cn__poison(c.array, g.head.site, CN_E_SHAPE, "chart_boundary: x has two numbers for each sample: (samples, 2)");
    else if (cn__classes_of(c.array, g.head.site, "targets", g.y, &classes) && classes.n != g.x->head.dim[0])
        cn__poison(c.array, g.head.site, CN_E_SHAPE, "chart_boundary: %lld targets for %lld samples",
                   (long long)classes.n, (long long)g.x->head.dim[0]);
    cn_array *chart = cn__bad(c.array) ? cn__chart_end(&c) : draw(&c, &g, &classes);
    cn__classes_free(ctx, &classes);
    return chart;
}
