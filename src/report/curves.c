/* curves.c: learning curves: a frame for the loss and for each metric, training and validation by epoch. */
#include "report/svg.h"
#include "cornu/report.h"
#include <math.h>
#include <stdio.h>

typedef struct curve { const char *name; const double *train, *validation; int64_t n, nv; } curve;

static bool higher_is_better(const char *name)
{
    static const char *const words[] = { "accuracy", "auc", "precision", "recall", "r2", "true_" };
    for (size_t i = 0; i < CN__COUNT(words); i++)
        if (strstr(name, words[i])) return true;
    return false;
}

static curve find_curve(cn_model *m, const char *name)
{
    char  val[256];
    curve c = { .name = name };
    cn_ctx *ctx = (cn_ctx_of)(m);
    bool  had = (cn_error)(ctx) != 0;
    c.train = cn_history(m, name, &c.n);
    snprintf(val, sizeof val, "val_%s", name);
    c.validation = cn_history(m, val, &c.nv);
    if (!had) cn_clear_error(ctx);                       /* that there was no validation is no error */
    return c;
}

static int64_t best_of(const double *v, int64_t n, bool higher)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (higher ? v[i] > v[best] : v[i] < v[best]) best = i;
    return best;
}

/* At most ~400 points are drawn, each the mean of its stretch: long trainings stay readable and small. */
static void draw_line(cn__text *t, const cn__axes *a, const double *v, int64_t n, int64_t every, const char *colour,
                      bool dashed)
{
    int64_t stretch = (n + 399) / 400;
    bool    down = false;
    cn__svg(t, "<path d=\"");
    for (int64_t i = 0; i < n; i += stretch) {
        double  sum = 0;
        int64_t k = 0;
        for (; k < stretch && i + k < n; k++) sum += v[i + k];
        double y = fmin(fmax(sum / (double)k, a->y0), a->y1);
        if (!isfinite(y)) { down = false; continue; }
        cn__svg(t, down ? "L%g %g" : "M%g %g", cn__x(a, ((double)i + (double)(k - 1) / 2 + 1) * (double)every),
                cn__y(a, y));
        down = true;
    }
    cn__svg(t,
            "\" fill=\"none\" stroke=\"%s\" stroke-width=\"2.2\" stroke-linejoin=\"round\" stroke-dasharray=\"%s\"/>\n",
            colour, dashed ? "7 4" : "none");
    if (n == 1) cn__svg(t, "<circle cx=\"%g\" cy=\"%g\" r=\"4\" fill=\"%s\"/>\n", cn__x(a, 1), cn__y(a, v[0]), colour);
}

static void extend(const double *v, int64_t n, double *lo, double *hi)
{
    for (int64_t i = 0; i < n; i++)
        if (isfinite(v[i])) *lo = fmin(*lo, v[i]), *hi = fmax(*hi, v[i]);
}

/* The range that matters: a first epoch far above all others is cut off. */
static void range_of(const curve *c, double *lo, double *hi)
{
    *lo = INFINITY, *hi = -INFINITY;
    extend(c->train, c->n, lo, hi), extend(c->validation, c->nv, lo, hi);
    double low = INFINITY, high = -INFINITY;
    extend(c->train + 1, c->n - 1, &low, &high);
    if (c->nv) extend(c->validation + 1, c->nv - 1, &low, &high);
    if (c->n > 8 && high > low && *hi - low > 3 * (high - low)) *hi = high + (high - low) * 0.15;
    if (*lo >= 0 && *lo < 0.4 * *hi) *lo = 0;
    cn__round_out(lo, hi, 5);
}

/* The best epoch is circled; which one, and how good, stands below the frame, where no curve runs through it. */
typedef struct best { const double *of; int64_t n, every, at; } best;

static best find_best(const curve *c, int64_t every)
{
    best b = { c->nv ? c->validation : c->train, c->nv ? c->nv : c->n, every, 0 };
    b.at = best_of(b.of, b.n, higher_is_better(c->name));
    return b;
}

static void draw_best(cn__text *t, const cn__axes *a, const best *b)
{
    cn__svg(t, "<circle cx=\"%g\" cy=\"%g\" r=\"5\" fill=\"#ffffff\" stroke=\"%s\" stroke-width=\"2.2\"/>\n",
            cn__x(a, (double)((b->at + 1) * b->every)), cn__y(a, fmin(fmax(b->of[b->at], a->y0), a->y1)), CN__INK);
}

static void draw_curve(cn__text *t, const curve *c, cn__axes *a)
{
    int64_t every = c->nv ? CN__MAX(c->n / c->nv, 1) : 1;
    best    b = find_best(c, every);
    char    title[128], below[CN__LABEL * 2] = "epoch", number[CN__LABEL];
    snprintf(title, sizeof title, "%.100s", c->name);
    for (char *p = title; *p; p++) if (*p == '_') *p = ' ';
    if (c->n > 1)
        snprintf(below, sizeof below, "epoch (best: %s in %lld)", cn__short_number(b.of[b.at], number),
                 (long long)((b.at + 1) * every));
    range_of(c, &a->y0, &a->y1);
    a->x0 = c->n > 1 ? 1 : 0, a->x1 = c->n > 1 ? (double)c->n : 2;
    a->title = title, a->x_label = below, a->whole_x = true;
    cn__axes_draw(t, a);
    draw_line(t, a, c->train, c->n, 1, CN__BLUE, false);
    if (c->nv) draw_line(t, a, c->validation, c->nv, every, CN__RED, true);
    if (c->n > 1) draw_best(t, a, &b);
}

cn_array *(cn_chart_curves)(cn_chart_curves_args *args)
{
    CN__ARGS(cn_chart_curves_args, g, args);
    CN_CHART_CURVES_FIELDS(CN__PRESET)
    cn_model *m = g.on;
    cn_ctx   *ctx = (cn_ctx_of)(m);
    cn__chart c;
    curve     curves[4];
    int       n = 0;
    double    height = g.height > 0 ? g.height : 340;
    if (!cn__chart_begin(&c, ctx, g.head.site, g.title ? g.title : "Learning curves", g.width, height))
        return cn__chart_end(&c);
    if ((cn_error)(m)) return cn__inherit(c.array, m), cn__chart_end(&c);
    if (!cn__chart_between(&c, "metrics", (double)g.metrics, 1, 3)) return cn__chart_end(&c);
    for (int i = 0; n <= g.metrics && cn_result_name(m, i); i++) {
        const char *name = cn_result_name(m, i);
        if (!strncmp(name, "val_", 4) || !strcmp(name, "learning_rate")) continue;
        curves[n] = find_curve(m, name);
        if (curves[n].n > 0) n++;
    }
    if (!n)
        return cn__poison(c.array, g.head.site, CN_E_STATE,
                          "chart_curves: the model has no history; call cn_fit first"),
               cn__chart_end(&c);
    for (int i = 0; i < n; i++) {
        double   each = (g.width - 16) / n;
        cn__axes a = { .left = 60 + each * i, .top = 84, .width = each - 72, .height = height - 84 - 50 };
        draw_curve(&c.t, &curves[i], &a);
    }
    cn__legend_entry legend[] = { { "training", CN__BLUE, CN__MARK_LINE }, { "validation", CN__RED, CN__MARK_DASHED } };
    cn__legend(&c.t, 60, 50, g.width - 80, legend, curves[0].nv ? 2 : 1);
    return cn__chart_end(&c);
}
