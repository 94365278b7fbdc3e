/* activations.c: what activations make of z, and their slopes, as cn_grad gives them. */
#include "report/svg.h"
#include "cornu/graph.h"
#include <math.h>

enum { POINTS = 241 };

/* Values and slopes on the points; false: the error is on the context. */
static bool sample(cn_ctx *ctx, cn_act act, double range, double *value, double *slope)
{
    cn_model  *m = cn_sequential(ctx, { 1 });
    cn_activation(m, act);
    cn_graph  *g = cn_graph_new(ctx);
    cn_node   *z = cn_graph_input(g, { POINTS, 1 }), *y = cn_graph_call(m, z);
    cn_runner *r = cn_prepare_graph(g, { y, (cn_grad)(y, z) });
    float     *in = cn_mutable(cn_runner_input(r, 0));
    for (int i = 0; in && i < POINTS; i++) in[i] = (float)((2.0 * i / (POINTS - 1) - 1) * range);
    bool ok = cn_run(r) == CN_OK;
    for (int i = 0; ok && i < POINTS; i++) {
        value[i] = cn_at(cn_runner_output(r, 0), i, 0);
        slope[i] = cn_at(cn_runner_output(r, 1), i, 0);
    }
    (cn_free)(r), (cn_free)(g), (cn_free)(m);
    return ok;
}

/* A line that lifts the pen where it leaves the frame or jumps, as a step does. */
static void curve(cn__text *t, const cn__axes *a, const double *v, const char *colour, const char *dashes)
{
    bool down = false;
    cn__svg(t, "<path d=\"");
    for (int i = 0; i < POINTS; i++) {
        bool inside = isfinite(v[i]) && v[i] >= a->y0 - 1e-6 && v[i] <= a->y1 + 1e-6;
        bool jump = i && fabs(v[i] - v[i - 1]) > 0.4;
        if (inside)
            cn__svg(t, down && !jump ? "L%g %g" : "M%g %g", cn__x(a, a->x0 + (a->x1 - a->x0) * i / (POINTS - 1)),
                    cn__y(a, v[i]));
        down = inside;
    }
    cn__svg(t, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"2.2\" stroke-dasharray=\"%s\"/>\n", colour, dashes);
}

/* The name a choice goes by: itself, or what its options name. */
static const char *name_of(cn_act act)
{
    const cn_head *options = (const cn_head *)(const void *)act.name;
    const char    *name = act.name, *own;
    if (*name == 0x1b) name = options->kind;             /* options that name themselves begin with this mark */
    own = strrchr(name, '>');
    return own ? own + 1 : name;
}

cn_array *(cn_chart_activations)(cn_chart_activations_args *args)
{
    CN__ARGS(cn_chart_activations_args, g, args);
    CN_CHART_ACTIVATIONS_FIELDS(CN__PRESET)
    static const cn__legend_entry legend[] = { { "value", CN__BLUE, CN__MARK_LINE },
                                               { "slope", CN__RED, CN__MARK_DASHED } };
    int       n = 0;
    cn__chart c;
    while (n < CN_MAX_IO && g.activations[n].name) n++;
    int    columns = CN__MAX(CN__MIN(n, (int)(g.width / 170)), 1), rows = (CN__MAX(n, 1) + columns - 1) / columns;
    double each_w = (g.width - 24) / columns,
           each_h = g.height > 0 ? (g.height - 76) / rows : fmin(each_w * 0.85 + 24, 340);
    if (!cn__chart_begin(&c, g.on, g.head.site, g.title ? g.title : "Activations and their slopes", g.width,
                         76 + rows * each_h))
        return cn__chart_end(&c);
    if (!n) cn__poison(c.array, g.head.site, CN_E_VALUE, "chart_activations: name at least one: { CN_RELU }");
    else cn__chart_between(&c, "range", g.range, 0.01, 1e6);
    cn__legend(&c.t, 24, 50, g.width, legend, 2);
    for (int i = 0; i < n && !cn__bad(c.array); i++) {
        double   value[POINTS], slope[POINTS];
        cn__axes a = { .left = 52 + each_w * (i % columns), .top = 90 + each_h * (i / columns), .width = each_w - 44,
                       .height = each_h - 58, .x0 = -g.range, .x1 = g.range, .title = name_of(g.activations[i]) };
        double lo = 0, hi = 0;
        if (!sample(g.on, g.activations[i], g.range, value, slope)) {
            cn__poison(c.array, g.head.site, (cn_error)(g.on), "%s", (cn_error_message)(g.on));
            break;
        }
        for (int k = 0; k < POINTS; k++)
            if (isfinite(value[k])) lo = fmin(lo, fmin(value[k], slope[k])), hi = fmax(hi, fmax(value[k], slope[k]));
        a.y0 = fmax(lo, -g.range), a.y1 = fmin(hi, g.range);
        cn__round_out(&a.y0, &a.y1, 4);
        cn__axes_draw(&c.t, &a);
        curve(&c.t, &a, slope, CN__RED, "6 4");
        curve(&c.t, &a, value, CN__BLUE, "none");
    }
    return cn__chart_end(&c);
}
