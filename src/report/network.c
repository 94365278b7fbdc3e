/* network.c: a network of Dense layers with its weights: layers as columns, units as circles, a line for each weight,
   as thick as it is large, blue for positive and red for negative ones. Of large layers the first units are drawn. */
#include "report/svg.h"
#include <math.h>
#include <stdio.h>

enum { MOST_LAYERS = 12 };

/* [0]: the inputs */
typedef struct column { cn_array *kernel, *bias; const char *name; int64_t units; int shown; } column;
typedef struct drawing { column at[MOST_LAYERS + 1]; int n; cn_array *bad; double left, right, top, bottom; } drawing;

/* The model's kernels of two axes that follow one another, with their biases; bad: one that could not be had. */
static void find_columns(cn_model *m, drawing *d)
{
    const char *path;
    for (int i = 0; (path = cn_weight_path(m, i)) && d->n <= MOST_LAYERS; i++) {
        const char *own = strrchr(path, '/');
        if (!own) continue;
        if (!strcmp(own, "/kernel")) {
            cn_array *w = cn_get_weight(m, path);
            if (cn__bad(w)) { d->bad = w; return; }
            bool follows = w->head.rank == 2 && (!d->n || d->at[d->n - 1].units == w->head.dim[0]);
            if (!follows) { (cn_free)(w); continue; }
            if (!d->n) d->at[d->n++] = (column){ .name = "inputs", .units = w->head.dim[0] };
            d->at[d->n++] = (column){ .kernel = w, .name = path, .units = w->head.dim[1] };
        }
        else if (!strcmp(own, "/bias") && d->n && d->at[d->n - 1].kernel && !d->at[d->n - 1].bias)
            d->at[d->n - 1].bias = cn_get_weight(m, path);
    }
}

static double column_x(const drawing *d, int i) { return d->left + (d->right - d->left) * i / (d->n - 1); }

static double unit_y(const drawing *d, int i, int k)
{
    int n = d->at[i].shown + (d->at[i].shown < d->at[i].units);          /* room for "... 120 more" */
    double step = fmin((d->bottom - d->top) / n, 64);
    return (d->top + d->bottom) / 2 + (k - (n - 1) / 2.0) * step;
}

static double largest(const drawing *d, int i)
{
    double most = 1e-9;
    for (int a = 0; a < d->at[i - 1].shown; a++)
        for (int b = 0; b < d->at[i].shown; b++) most = fmax(most, fabs(cn_at(d->at[i].kernel, a, b)));
    return most;
}

static void lines(cn__text *t, const drawing *d)
{
    for (int i = 1; i < d->n; i++) {
        double most = largest(d, i);
        for (int a = 0; a < d->at[i - 1].shown; a++)
            for (int b = 0; b < d->at[i].shown; b++) {
                double w = cn_at(d->at[i].kernel, a, b), share = fabs(w) / most, x = column_x(d, i - 1),
                       to = column_x(d, i);
                if (share < 0.02) continue;
                double bend = (to - x) * 0.4, y = unit_y(d, i - 1, a), end = unit_y(d, i, b);
                cn__svg(t,
                        "<path d=\"M%g %gC%g %g %g %g %g %g\" fill=\"none\" stroke=\"%s\" stroke-width=\"%g\" "
                        "stroke-opacity=\"%g\"/>\n",
                        x, y, x + bend, y, to - bend, end, to, end, w < 0 ? CN__RED : CN__BLUE, 0.4 + 4.6 * share,
                        0.25 + 0.6 * share);
            }
    }
}

static const char *unit_name(const drawing *d, int i, int k, const cn_chart_network_args *g, char label[CN__LABEL])
{
    const cn_array *names = i == 0 ? g->input_names : i == d->n - 1 ? g->class_names : NULL;
    if (i == d->n - 1 && d->at[i].units == 1) names = NULL;              /* one unit for two classes */
    if (names && k < (cn_size_of)(names, 0)) return cn__class_label(names, k, label);
    if (i) return NULL;
    snprintf(label, CN__LABEL, "x%d", k + 1);
    return label;
}

static void units(cn__text *t, const drawing *d, const cn_chart_network_args *g)
{
    char label[CN__LABEL], fits[CN__LABEL];
    for (int i = 0; i < d->n; i++) {
        const column *c = &d->at[i];
        double x = column_x(d, i), most = 1e-9;
        for (int k = 0; c->bias && k < c->shown; k++) most = fmax(most, fabs(cn_at(c->bias, k)));
        for (int k = 0; k < c->shown; k++) {
            double y = unit_y(d, i, k), bias = c->bias ? cn_at(c->bias, k) : 0;
            char   fill[8];
            cn__mix("#ffffff", bias < 0 ? CN__RED : CN__BLUE, 0.75 * fabs(bias) / most, fill);
            cn__svg(t, "<circle cx=\"%g\" cy=\"%g\" r=\"11\" fill=\"%s\" stroke=\"%s\" stroke-width=\"1.6\"/>\n", x, y,
                    i ? fill : "#f1f4f7", CN__INK);
            const char *name = unit_name(d, i, k, g, label);
            if (name)
                cn__svg_text(t, i ? x + 18 : x - 18, y + 4, 12, i ? CN__START : CN__END, CN__INK,
                             cn__fitting(name, 12, 110, fits));
        }
        if (c->shown < c->units) {
            snprintf(label, sizeof label, "\xe2\x8b\xae %lld more", (long long)(c->units - c->shown));
            cn__svg_text(t, x, unit_y(d, i, c->shown) + 4, 12, CN__MIDDLE, CN__GREY, label);
        }
        snprintf(label, sizeof label, "%.*s", (int)(i ? strcspn(c->name, "/") : strlen(c->name)), c->name);
        cn__svg_text(t, x, d->bottom + 30, 13, CN__MIDDLE, CN__INK, cn__fitting(label, 13, 120, fits));
        snprintf(label, sizeof label, "%lld", (long long)c->units);
        cn__svg_text(t, x, d->bottom + 47, 12, CN__MIDDLE, CN__GREY, label);
    }
}

cn_array *(cn_chart_network)(cn_chart_network_args *args)
{
    CN__ARGS(cn_chart_network_args, g, args);
    CN_CHART_NETWORK_FIELDS(CN__PRESET)
    cn_ctx   *ctx = (cn_ctx_of)(g.on);
    drawing   d = { .n = 0 };
    cn__chart c;
    int       most = 1, limit = (int)CN__MIN(CN__MAX(g.units, 1), 64);
    if (cn__is((cn__obj *)g.on, CN__MODEL) && !(cn_error)(g.on)) find_columns(g.on, &d);
    for (int i = 0; i < d.n; i++) {
        d.at[i].shown = (int)CN__MIN(d.at[i].units, limit);
        /* never "1 more" */
        if (d.at[i].shown + 1 == d.at[i].units && d.at[i].shown == limit && limit > 1) d.at[i].shown--;
        most = CN__MAX(most, d.at[i].shown + (d.at[i].shown < d.at[i].units));
    }
    double height = g.height > 0 ? g.height : fmax(fmin(most * 34.0, 460) + 150, 240);
    if (cn__chart_begin(&c, ctx, g.head.site, g.title ? g.title : "The network and its weights", g.width, height)) {
        if ((cn_error)(g.on)) cn__inherit(c.array, g.on);
        else if (d.bad) cn__inherit(c.array, d.bad);
        else if (!cn__chart_between(&c, "units", (double)g.units, 1, 64)) ;
        else if (!d.n)
            cn__poison(c.array, g.head.site, CN_E_SHAPE,
                       "chart_network: the model has no Dense layers that follow one "
                       "another, or is not built");
        else {
            d.left = 120, d.right = g.width - 120, d.top = 76, d.bottom = height - 62;
            cn__legend_entry legend[] = { { "positive weight", CN__BLUE, CN__MARK_LINE },
                                          { "negative weight", CN__RED, CN__MARK_LINE } };
            cn__legend(&c.t, 16, 52, g.width - 32, legend, 2);
            lines(&c.t, &d);
            units(&c.t, &d, &g);
        }
    }
    for (int i = 0; i < d.n; i++) (cn_free)(d.at[i].kernel), (cn_free)(d.at[i].bias);
    (cn_free)(d.bad);
    return cn__chart_end(&c);
}
