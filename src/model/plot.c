/* plot.c: a model as a picture: Graphviz's text (.dot) or an SVG drawn here. The drawing has a row for each distance
   from the inputs; within a row, boxes stand where what they come from stands on average (Sugiyama et al. 1981, the
   barycentre rule). */
#include "base/file.h"
#include "model/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOX_W = 210, BOX_H = 48, GAP_X = 36, GAP_Y = 40, MARGIN = 24 };
typedef struct box {
    const cn_layer *layer;
    const cn_tensor *out;
    int level;
    double x, y;
} box; /* an input or a step */
typedef struct drawing { const cn_model *m; box *box; size_t n; } drawing;

static size_t maker(const drawing *d, uint32_t slot)     /* which box gives this value */
{
    const cn_model *m = d->m;
    if (slot < m->inputs.n) return slot;
    for (size_t i = 0; i < m->steps.n; i++)
        for (int k = 0; k < m->steps.at[i].call->nout; k++)
            if (m->steps.at[i].out[k] == slot) return m->inputs.n + i;
    return 0;
}

static void text_of(const box *b, char *name, char *shape, size_t size)
{
    const char *own = strrchr(b->layer->cls->name, '>');
    snprintf(name, size, "%s (%s)", b->layer->name, own ? own + 1 : b->layer->cls->name);
    char sizes[CN__SHAPE_TEXT];
    snprintf(shape, size, "%s %s", cn__shape_text(b->out->head.rank, b->out->head.dim, sizes),
             cn__dtype_name(b->out->head.dtype));
}

static void escaped(cn__text *t, const char *s, bool xml)
{
    for (; *s; s++) {
        if (xml && *s == '<') cn__text_add(t, "&lt;");
        else if (xml && *s == '>') cn__text_add(t, "&gt;");
        else if (xml && *s == '&') cn__text_add(t, "&amp;");
        else if (!xml && (*s == '"' || *s == '\\')) cn__text_add(t, "\\%c", *s);
        else cn__text_bytes(t, s, 1);
    }
}

/* ---- Graphviz ---------------------------------------------------------------------------------------------------- */
static void write_dot(const drawing *d, cn__text *t)
{
    char name[512], shape[512];
    cn__text_add(t, "digraph \"");
    escaped(t, d->m->layer->name, false);
    cn__text_add(t, "\" {\n  node [shape=box, style=\"rounded,filled\", fillcolor=\"#eef3fb\", color=\"#4a6fa5\", "
                    "fontname=\"Helvetica\"];\n");
    for (size_t i = 0; i < d->n; i++) {
        text_of(&d->box[i], name, shape, sizeof name);
        cn__text_add(t, "  n%zu [label=\"", i);
        escaped(t, name, false);
        cn__text_add(t, "\\n");
        escaped(t, shape, false);
        cn__text_add(t, "\"];\n");
    }
    for (size_t i = 0; i < d->m->steps.n; i++)
        for (int k = 0; k < d->m->steps.at[i].call->nin; k++)
            cn__text_add(t, "  n%zu -> n%zu;\n", maker(d, d->m->steps.at[i].in[k]), d->m->inputs.n + i);
    cn__text_add(t, "}\n");
}

/* ---- SVG --------------------------------------------------------------------------------------------------------- */
static int levels(drawing *d)
{
    int most = 0;
    for (size_t i = 0; i < d->m->steps.n; i++) {
        box *b = &d->box[d->m->inputs.n + i];
        for (int k = 0; k < d->m->steps.at[i].call->nin; k++)
            b->level = CN__MAX(b->level, d->box[maker(d, d->m->steps.at[i].in[k])].level + 1);
        most = CN__MAX(most, b->level);
    }
    return most + 1;
}

static double wish(const drawing *d, size_t i)           /* the mean of what it comes from */
{
    if (i < d->m->inputs.n) return (double)i;
    const cn__step *s = &d->m->steps.at[i - d->m->inputs.n];
    double sum = 0;
    for (int k = 0; k < s->call->nin; k++) sum += d->box[maker(d, s->in[k])].x;
    return s->call->nin ? sum / s->call->nin : 0;
}

typedef struct seat { double wish; size_t box; } seat;
static int by_wish(const void *a, const void *b)
{
    const seat *x = a, *y = b;
    return x->wish < y->wish ? -1 : x->wish > y->wish ? 1 : x->box < y->box ? -1 : 1;
}

/* Rows from the top: boxes in the order of their wishes, the row centred. */
static int arrange(drawing *d, seat *seats, int rows)
{
    int widest = 0, count = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int level = 0; level < rows; level++) {
            count = 0;
            for (size_t i = 0; i < d->n; i++)
                if (d->box[i].level == level) seats[count++] = (seat){ wish(d, i), i };
            widest = CN__MAX(widest, count);
            if (!pass) continue;
            qsort(seats, (size_t)count, sizeof *seats, by_wish);
            double left = MARGIN + (widest - count) * (BOX_W + GAP_X) / 2.0;
            for (int k = 0; k < count; k++) {
                d->box[seats[k].box].x = left + k * (BOX_W + GAP_X);
                d->box[seats[k].box].y = MARGIN + level * (BOX_H + GAP_Y);
            }
        }
    return widest;
}

static void draw_edges(const drawing *d, cn__text *t)
{
    for (size_t i = 0; i < d->m->steps.n; i++)
        for (int k = 0; k < d->m->steps.at[i].call->nin; k++) {
            const box *a = &d->box[maker(d, d->m->steps.at[i].in[k])], *b = &d->box[d->m->inputs.n + i];
            double x1 = a->x + BOX_W / 2.0, y1 = a->y + BOX_H, x2 = b->x + BOX_W / 2.0, y2 = b->y - 6,
                   bend = (y2 - y1) / 2;
            cn__text_add(t,
                         "<path d=\"M%.1f %.1f C%.1f %.1f %.1f %.1f %.1f %.1f\" fill=\"none\" stroke=\"#7a8797\" "
                         "stroke-width=\"1.5\" marker-end=\"url(#tip)\"/>\n",
                         x1, y1, x1, y1 + bend, x2, y2 - bend, x2, y2);
        }
}

static void write_svg(drawing *d, seat *seats, cn__text *t)
{
    char name[512], shape[512];
    int rows = levels(d), widest = arrange(d, seats, rows);
    int width = 2 * MARGIN + widest * (BOX_W + GAP_X) - GAP_X, height = 2 * MARGIN + rows * (BOX_H + GAP_Y) - GAP_Y;
    cn__text_add(t,
                 "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                 "font-family=\"Helvetica, Arial, sans-serif\">\n"
                 "<title>",
                 width, height, width, height);
    escaped(t, d->m->layer->name, true);
    cn__text_add(t,
                 "</title>\n<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"4\" refY=\"4\" markerWidth=\"6\" "
                 "markerHeight=\"6\" orient=\"auto\">"
                 "<path d=\"M0 0 L8 4 L0 8 z\" fill=\"#7a8797\"/></marker></defs>\n<rect width=\"%d\" height=\"%d\" "
                 "fill=\"#ffffff\"/>\n",
                 width, height);
    draw_edges(d, t);
    for (size_t i = 0; i < d->n; i++) {
        const box *b = &d->box[i];
        text_of(b, name, shape, sizeof name);
        cn__text_add(
            t,
            "<g><rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" rx=\"8\" fill=\"%s\" stroke=\"#4a6fa5\" "
            "stroke-width=\"1.2\"/>\n"
            "<text x=\"%.1f\" y=\"%.1f\" font-size=\"13\" font-weight=\"600\" text-anchor=\"middle\" fill=\"#1d2b3a\">",
            b->x, b->y, BOX_W, BOX_H,
            i < d->m->inputs.n ? "#fdf3e3"
            : b->layer->model  ? "#e8f5ec"
                               : "#eef3fb",
            b->x + BOX_W / 2.0, b->y + 20);
        escaped(t, name, true);
        cn__text_add(t,
                     "</text>\n<text x=\"%.1f\" y=\"%.1f\" font-size=\"11\" text-anchor=\"middle\" fill=\"#51606f\">",
                     b->x + BOX_W / 2.0, b->y + 37);
        escaped(t, shape, true);
        cn__text_add(t, "</text></g>\n");
    }
    cn__text_add(t, "</svg>\n");
}

cn_status cn_plot_model(cn_model *m, const char *path)
{
    if (cn__bad(m)) return cn__fail_with(m);
    cn_ctx *ctx = m->obj.ctx;
    const char *dot = path ? strrchr(path, '.') : NULL;
    bool svg = dot && !strcmp(dot, ".svg");
    if (!dot || (!svg && strcmp(dot, ".dot")))
        return cn__fail(ctx, NULL, CN_E_VALUE, "cn_plot_model: \"%s\" ends neither in .svg nor in .dot.",
                        path ? path : "(null)");
    if (!m->built)
        return cn__fail(ctx, NULL, CN_E_STATE,
                        "cn_plot_model: the shape of model \"%s\" is not known yet. Use cn_sequential(c, {28, 28}).",
                        m->layer->name);
    drawing d = { .m = m, .n = m->inputs.n + m->steps.n };
    size_t  bytes = d.n * sizeof *d.box, seat_bytes = d.n * sizeof(seat);
    cn__text t = { .ctx = ctx };
    seat *seats = cn__alloc0(ctx, seat_bytes);
    d.box = cn__alloc0(ctx, bytes);
    cn_status status = d.box && seats ? CN_OK : cn__nomem(ctx);
    for (size_t i = 0; !status && i < d.n; i++) {
        const cn_tensor *out = i < m->inputs.n ? m->inputs.at[i] : m->steps.at[i - m->inputs.n].call->out[0];
        d.box[i] = (box){ .layer = out->from->layer, .out = out };
    }
    if (!status) {
        if (svg) write_svg(&d, seats, &t); else write_dot(&d, &t);
        status = t.nomem ? cn__nomem(ctx) : cn__write_file(ctx, NULL, path, cn__text_get(&t), t.n);
    }
    cn__text_free(&t);
    cn__free(ctx, seats, seat_bytes);
    cn__free(ctx, d.box, bytes);
    return status;
}
