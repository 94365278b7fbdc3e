/* report.c: one HTML file about a training: what was learnt and why so, how it went, how well it does, how to make it
   again. Charts are inside as SVG; no fonts, scripts or files from elsewhere. */
#include "report/svg.h"
#include "base/file.h"
#include "cornu/train.h"
#include <math.h>
#include <stdio.h>

static const char style[] =
    "body{margin:0;background:#f4f6f8;color:#1f2933;font:16px/1.55 Helvetica,Arial,'Liberation Sans','DejaVu "
    "Sans',sans-serif}\n"
    "main{max-width:860px;margin:0 auto;padding:32px 20px 64px}\n"
    "header{margin-bottom:20px}h1{font-size:30px;line-height:1.2;margin:0 0 6px}\n"
    "header p{margin:0;color:#46525e;font-size:18px}\n"
    "section{background:#fff;border:1px solid #dde3e9;border-radius:10px;padding:20px 24px;margin:0 0 18px}\n"
    "h2{font-size:19px;margin:0 0 10px}\n"
    ".tiles{display:flex;flex-wrap:wrap;gap:14px;margin:0 0 18px}\n"
    ".tile{flex:1 1 150px;background:#fff;border:1px solid #dde3e9;border-radius:10px;padding:14px 18px}\n"
    ".tile b{display:block;font-size:27px;line-height:1.25;font-weight:600;color:#0072b2}.tile "
    "span{color:#46525e;font-size:14px}\n"
    "ul{margin:0;padding-left:20px}li{margin:3px 0}\n"
    "table{border-collapse:collapse;width:100%;font-size:15px}\n"
    "th,td{text-align:left;padding:6px 10px 6px 0;border-bottom:1px solid #e8ecf0;vertical-align:top}\n"
    "th{font-weight:600;color:#46525e}td.n,th.n{text-align:right;padding-right:6px;font-variant-numeric:tabular-nums}\n"
    "tr:last-child td{border-bottom:0}\n"
    "svg{display:block;max-width:100%;height:auto;margin:4px auto}\n"
    "pre{margin:0;overflow-x:auto;font:13px/1.35 'DejaVu Sans Mono',Menlo,Consolas,monospace}\n"
    ".note{color:#46525e;font-size:14px;margin:8px 0 0}\n"
    "@media print{body{background:#fff}section,.tile{break-inside:avoid}}\n";

typedef struct page {
    cn__text               t;
    cn_ctx                *ctx;
    const cn_report_args  *g;
    cn_array              *y, *p;                        /* predictions, and targets as they are compared */
    bool                   classes;
} page;

static void raw(page *w, const char *html) { cn__text_bytes(&w->t, html, strlen(html)); }

static void open_section(page *w, const char *title) { cn__svg(&w->t, "<section>\n<h2>%s</h2>\n", title); }
static void close_section(page *w) { raw(w, "</section>\n"); }

/* A chart, or nothing where it cannot be drawn: a report without one of its charts is one all the same. */
static void show(page *w, cn_array *chart)
{
    cn_status status = (cn_error)(chart);
    if (status == CN_E_NOMEM || status == CN_E_LIMIT) w->t.nomem = true;
    else if (status) cn_clear_error(w->ctx);
    else raw(w, cn_string(chart, 0));
    (cn_free)(chart);
}

/* ---- What is compared -------------------------------------------------------------------------------------------- */
static bool all_labels(const cn_array *y)                /* whole numbers from 0 up */
{
    int64_t n = cn__array_count(y);
    for (int64_t i = 0; i < n; i++) {
        double v = cn__load(y->head.dtype, y->data, (size_t)i);
        if (!(v >= 0) || v != floor(v)) return false;
    }
    return true;
}

static bool are_classes(const cn_array *y, const cn_array *p)
{
    int64_t width = p->head.rank == 2 ? p->head.dim[1] : 1, n = p->head.dim[0];
    if (!all_labels(y)) return false;
    if (width > 1) return cn__array_count(y) == n || (y->head.rank == 2 && y->head.dim[1] == width);
    for (int64_t i = 0; i < n; i++) {                    /* one number: probabilities of the second of two classes? */
        double said = cn__load(p->head.dtype, p->data, (size_t)i), is = cn__load(y->head.dtype, y->data, (size_t)i);
        if (!(said >= 0 && said <= 1) || is > 1) return false;
    }
    return true;
}

static cn_array *rescaled(const cn_array *a, double scale, double offset)
{
    cn_ctx   *ctx = a->head.obj.ctx;
    cn_array *b = cn__array_new(ctx, NULL, CN_FLOAT64, a->head.rank, a->head.dim);
    double   *v = cn_mutable(b);
    for (int64_t i = 0; v && i < cn__array_count(a); i++)
        v[i] = cn__load(a->head.dtype, a->data, (size_t)i) * scale + offset;
    return b;
}

/* ---- Sections ---------------------------------------------------------------------------------------------------- */
static void write_head(page *w)
{
    raw(w, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    cn__svg(&w->t, "<title>%s</title>\n<style>\n", w->g->title);
    raw(w, style);
    cn__svg(&w->t, "</style>\n</head>\n<body>\n<main>\n<header>\n<h1>%s</h1>\n", w->g->title);
    if (w->g->lead) cn__svg(&w->t, "<p>%s</p>\n", w->g->lead);
    raw(w, "</header>\n");
}

static void write_tile(page *w, const char *name, const char *value)
{
    cn__svg(&w->t, "<div class=\"tile\"><b>%s</b><span>%s</span></div>\n", value, name);
}

static cn_status write_results(page *w)
{
    char number[CN__LABEL];
    raw(w, "<div class=\"tiles\">\n");
    for (int i = 0; i < CN_MAX_IO && w->g->results[i].name; i++)
        write_tile(w, w->g->results[i].name, w->g->results[i].value);
    if (!w->g->results[0].name) {
        CN_ARGS(cn_evaluate, a);
        a.head.site = w->g->head.site, a.on = w->g->on, a.x = w->g->x, a.y = w->g->y, a.batch_size = 256;
        cn_status failed = (cn_evaluate)(&a);
        if (failed) return failed;
        for (int i = 0; cn_result_name(w->g->on, i); i++) {
            const char *name = cn_result_name(w->g->on, i);
            if (strncmp(name, "val_", 4)) write_tile(w, name, cn__short_number(cn_result(w->g->on, name), number));
        }
    }
    raw(w, "</div>\n");
    return CN_OK;
}

static void write_reasons(page *w)
{
    if (!w->g->reasons || !*w->g->reasons) return;
    open_section(w, "What was decided, and why");
    raw(w, "<ul>\n");
    for (const char *line = w->g->reasons; *line;) {
        size_t n = strcspn(line, "\n");
        raw(w, "<li>");
        for (size_t done = 0; done < n;) {               /* in parts, to be escaped */
            char   part[128];
            size_t k = CN__MIN(n - done, sizeof part - 1);
            memcpy(part, line + done, k), part[k] = 0;
            cn__svg_escape(&w->t, part);
            done += k;
        }
        raw(w, "</li>\n");
        line += n + (line[n] == '\n');
    }
    raw(w, "</ul>\n");
    close_section(w);
}

static void write_facts(page *w)
{
    if (!w->g->facts[0].name) return;
    open_section(w, "The data");
    raw(w, "<table>\n");
    for (int i = 0; i < CN_MAX_IO && w->g->facts[i].name; i++)
        cn__svg(&w->t, "<tr><th>%s</th><td>%s</td></tr>\n", w->g->facts[i].name, w->g->facts[i].value);
    raw(w, "</table>\n");
    close_section(w);
}

static void write_training(page *w)
{
    int64_t n = 0;
    if (!cn_history(w->g->on, "loss", &n)) { cn_clear_error(w->ctx); return; }   /* not trained here: nothing to show */
    open_section(w, "How it learnt");
    show(w, cn_chart_curves(w->g->on, .width = 800, .metrics = w->classes ? 2 : 1));
    close_section(w);
}

static void write_network(page *w)
{
    open_section(w, "The network");
    if (w->g->x->head.rank == 2)                         /* single pixels would tell nothing */
        show(w, cn_chart_network(w->g->on, .width = 800, .class_names = w->g->class_names,
                                 .input_names = w->g->input_names));
    cn__svg(&w->t, "<pre>%s</pre>\n", cn_summary(w->g->on));
    close_section(w);
}

static void write_class_table(page *w, const cn__classes *y, const cn__classes *p)
{
    char    label[CN__LABEL], text[CN__LABEL];
    int64_t classes = CN__MIN(CN__MAX(y->classes, p->classes), 100);
    raw(w, "<table>\n<tr><th>class</th><th class=\"n\">samples</th><th class=\"n\">found (recall)</th>"
           "<th class=\"n\">right when said (precision)</th></tr>\n");
    for (int64_t c = 0; c < classes; c++) {
        int64_t is = 0, said = 0, both = 0;
        for (int64_t i = 0; i < y->n; i++)
            is += y->at[i] == c, said += p->at[i] == c, both += y->at[i] == c && p->at[i] == c;
        cn__svg(&w->t, "<tr><td>%s</td><td class=\"n\">%s</td>", cn__class_label(w->g->class_names, c, label),
                cn__nice((double)is, 1, text));
        for (int k = 0; k < 2; k++) {
            int64_t of = k ? said : is;
            if (of) snprintf(text, sizeof text, "%.1f %%", 100.0 * (double)both / (double)of);
            cn__svg(&w->t, "<td class=\"n\">%s</td>", of ? text : "-");
        }
        raw(w, "</tr>\n");
    }
    raw(w, "</table>\n");
}

static void write_quality(page *w)
{
    open_section(w, "How well it does");
    if (w->g->measured_on) cn__svg(&w->t, "<p class=\"note\">Measured on %s.</p>\n", w->g->measured_on);
    if (w->classes) {
        cn_array   *bad = cn__array_blank(w->ctx);
        cn__classes y = { 0 }, p = { 0 };
        show(w, cn_chart_confusion(w->g->y, w->p, .class_names = w->g->class_names, .width = 800));
        if (!cn__bad(bad) && cn__classes_of(bad, NULL, "targets", w->g->y, &y) &&
            cn__classes_of(bad, NULL, "predictions", w->p, &p))
            write_class_table(w, &y, &p);
        cn__classes_free(w->ctx, &y), cn__classes_free(w->ctx, &p);
        (cn_free)(bad);
    }
    else show(w, cn_chart_scatter(w->y, w->p, .label = w->g->label, .width = 800));
    close_section(w);
}

static void write_pictures(page *w)
{
    const cn_array *x = w->g->x;
    int64_t channels = x->head.rank == 4 ? x->head.dim[3] : 1;
    if (x->head.rank < 3 || x->head.rank > 4 || (channels != 1 && channels != 3) || !w->classes || x->head.dim[1] < 8 ||
        x->head.dim[2] < 8)
        return;
    open_section(w, "Samples, mistakes first");
    show(w, cn_chart_images(x, .labels = w->g->y, .predicted = w->p, .class_names = w->g->class_names, .width = 800,
                            .count = 45, .title = "what it is; in red what the network said"));
    close_section(w);
}

static void write_foot(page *w)
{
    open_section(w, "How to make it again");
    if (w->g->command) cn__svg(&w->t, "<pre>%s</pre>\n", w->g->command);
    char version[64];
    snprintf(version, sizeof version, "Cornu %d.%d.%d", cn_version() / 1000000, cn_version() / 1000 % 1000,
             cn_version() % 1000);
    cn__svg(&w->t, "<p class=\"note\">%s. The same seed gives the same numbers, on any number of threads.</p>\n",
            version);
    close_section(w);
    raw(w, "</main>\n</body>\n</html>\n");
}

static cn_status predict(page *w)
{
    const cn_report_args *g = w->g;
    CN_ARGS(cn_predict, a);
    a.head.site = g->head.site, a.on = g->on, a.x = g->x, a.y[0] = &w->p, a.batch_size = 256;
    cn_status failed = (cn_predict)(&a);
    if (failed) return failed;
    if (cn_rank_of(w->p) < 1 || cn_size_of(w->p, 0) != cn_size_of(g->y, 0) || g->y->head.dtype == CN_STRING)
        return cn__fail(w->ctx, g->head.site, CN_E_SHAPE,
                        "report: %lld predictions, %lld targets; targets are numbers or class numbers",
                        (long long)cn_size_of(w->p, 0), (long long)cn_size_of(g->y, 0));
    w->classes = are_classes(g->y, w->p);
    if (!w->classes) {
        cn_array *said = rescaled(w->p, g->target_scale, g->target_offset);
        (cn_free)(w->p);
        w->p = said, w->y = rescaled(g->y, g->target_scale, g->target_offset);
    }
    return cn__bad(w->p) ? cn__fail_with(w->p) : w->y && cn__bad(w->y) ? cn__fail_with(w->y) : CN_OK;
}

cn_status (cn_report)(cn_report_args *args)
{
    CN__ARGS(cn_report_args, g, args);
    if ((cn_error)(g.on)) return cn__fail_with(g.on);
    cn_ctx *ctx = (cn_ctx_of)(g.on);
    if (!g.title) g.title = "What was learnt";
    if (g.target_scale == 0) g.target_scale = 1;
    if (!g.path || !*g.path) return cn__fail(ctx, g.head.site, CN_E_VALUE, "report: no path to write to");
    if (cn__bad(g.x) || cn__bad(g.y))
        return g.x && cn__bad(g.x)   ? cn__fail_with(g.x)
               : g.y && cn__bad(g.y) ? cn__fail_with(g.y)
                                     : cn__fail(ctx, g.head.site, CN_E_VALUE,
                                                "report: samples and targets are needed, to say how well it does");
    page w = { .t = { .ctx = ctx }, .ctx = ctx, .g = &g };
    cn_status status = predict(&w);
    if (!status) {
        write_head(&w);
        status = write_results(&w);
    }
    if (!status) {
        static void (*const parts[])(page *) = { write_reasons, write_quality, write_pictures, write_training,
                                                 write_network, write_facts,   write_foot };
        for (size_t i = 0; i < CN__COUNT(parts); i++) parts[i](&w);
        status = w.t.nomem ? cn__nomem(ctx) : cn__write_file(ctx, g.head.site, g.path, cn__text_get(&w.t), w.t.n);
    }
    (cn_free)(w.p), (cn_free)(w.y);
    cn__text_free(&w.t);
    return status;
}
