/* svg.h: what the charts are drawn with: text that becomes SVG, colours, axes with round ticks. Numbers are written
   with a point in any locale. */
#ifndef CN__SVG_H
#define CN__SVG_H
#include "data/data.h"
#include "cornu/report.h"

/* Okabe and Ito's colours (2008), which colour-blind people can tell apart; the rest is grey. */
#define CN__BLUE   "#0072b2"
#define CN__RED    "#d55e00"
#define CN__GREEN  "#009e73"
#define CN__INK    "#1f2933"
#define CN__GREY   "#5b6773"
#define CN__LIGHT  "#e3e8ed"
const char *cn__colour(int64_t i);                       /* of class i, from 0; they come again after eight */
void        cn__colour_rgb(const char *hex, double rgb[3]);             /* 0 .. 255 */
void        cn__mix(const char *from, const char *to, double share, char out[8]);   /* share 0: from, 1: to */

/* Adds to the text: %s is escaped, %g has up to two decimals and a point, %d is an int. No other conversions. */
void cn__svg(cn__text *, const char *format, ...) CN__PRINTF(2, 3);
void cn__svg_escape(cn__text *, const char *);
/* A picture of height x width x channels (1 or 3) bytes as a data: address, the scaled picture in a box. */
void cn__svg_image(cn__text *, const uint8_t *pixels, int64_t height, int64_t width, int64_t channels, double x,
                   double y, double w, double h, bool smooth);

typedef enum cn__anchor { CN__START, CN__MIDDLE, CN__END } cn__anchor;
void cn__svg_text(cn__text *, double x, double y, double size, cn__anchor, const char *colour, const char *text);
double cn__svg_text_width(double size, const char *text);        /* about */
/* The text, cut with an ellipsis to fit. */
#define CN__LABEL 64
const char *cn__fitting(const char *text, double size, double width, char out[CN__LABEL]);
/* A number for people: thousands apart, as many decimals as a step of this size needs. */
const char *cn__nice(double value, double step, char out[CN__LABEL]);
const char *cn__short_number(double value, char out[CN__LABEL]);        /* with four significant digits */

/* A chart: cn__chart_begin, cn__svg(&c.t, ...), return cn__chart_end(&c). */
typedef struct cn__chart { cn_array *array; const char *site; cn__text t; double width, height; } cn__chart;
bool      cn__chart_begin(cn__chart *, cn_ctx *, const char *site, const char *title, double width, double height);
bool      cn__chart_between(cn__chart *, const char *option, double value, double least, double most);
cn_array *cn__chart_end(cn__chart *);
enum { CN__CHART_TOP = 44 };                             /* below the title */

/* A frame with axes: where it is in the chart, what it shows. */
typedef struct cn__axes {
    double      left, top, width, height;
    double      x0, x1, y0, y1;
    const char *x_label, *y_label, *title;
    bool        whole_x;                                 /* ticks at whole numbers only */
} cn__axes;
double cn__x(const cn__axes *, double x);
double cn__y(const cn__axes *, double y);
double cn__tick_step(double range, int about, bool whole);
void   cn__round_out(double *lo, double *hi, int about);         /* to ticks */
void   cn__axes_draw(cn__text *, const cn__axes *);
typedef struct cn__legend_entry { const char *text, *colour; int mark; } cn__legend_entry;
enum { CN__MARK_LINE = 1, CN__MARK_DASHED, CN__MARK_DOT, CN__MARK_BOX };
void   cn__legend(cn__text *, double x, double y, double width, const cn__legend_entry *, int n);

/* Bars below each other, in groups of a scale each (spans.c): of each bar a part is shaded. */
typedef struct cn__span { const char *label, *text; double length, part; } cn__span;
typedef struct cn__spans { const char *title; const cn__span *at; size_t n; } cn__spans;
cn_array *cn__chart_spans(cn_ctx *, const char *site, const char *title, const char *length, const char *part,
                          const cn__spans *, int n);     /* length, part: what they are, for the legend */

/* Options: the table's presets where nothing was given. Tables of charts hold numbers and pointers only. */
#define CN__PRESET(type, name, preset, help)  if (g.name == 0) g.name = preset;

/* Targets and predictions as class numbers: classes as they are (n) or (n, 1), one probability (n, 1) above a half,
   the largest of a row (n, k). Numbers below 0 or above 2^20 are none: false, with array poisoned. */
typedef struct cn__classes { int64_t n, classes; int32_t *at; } cn__classes;
bool        cn__classes_of(cn_array *poison, const char *site, const char *what, const cn_array *, cn__classes *);
void        cn__classes_free(cn_ctx *, cn__classes *);
const char *cn__class_label(const cn_array *names, int64_t i, char out[CN__LABEL]);
#endif
