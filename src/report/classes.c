/* classes.c: targets and predictions, in whatever form they come, as class numbers. */
#include "report/svg.h"
#include <math.h>
#include <stdio.h>

enum { MOST_CLASSES = 1 << 20 };

static double number_at(const cn_array *a, int64_t row, int64_t column)
{
    int64_t index[2] = { row, column };
    return (cn_at)(a, a->head.rank > 1 ? 2 : 1, index);
}

/* The place of a row's largest number; NaN if one of them is: then none is. */
static double largest(const cn_array *a, int64_t row, int64_t width)
{
    int64_t best = 0;
    for (int64_t k = 0; k < width; k++) {
        double v = number_at(a, row, k);
        if (isnan(v)) return NAN;
        if (v > number_at(a, row, best)) best = k;
    }
    return (double)best;
}

bool cn__classes_of(cn_array *poison, const char *site, const char *what, const cn_array *a, cn__classes *c)
{
    cn_ctx *ctx = poison->head.obj.ctx;
    *c = (cn__classes){ 0 };
    if (cn__bad(a)) {
        if (a) cn__inherit(poison, a);
        else cn__poison(poison, site, CN_E_VALUE, "chart: there are no %s", what);
        return false;
    }
    if (a->head.dtype == CN_STRING || a->head.rank < 1 || a->head.rank > 2)
        return cn__poison(poison, site, CN_E_SHAPE,
                          "chart: %s are (samples) or (samples, classes) numbers; cn_classes makes "
                          "them of strings",
                          what),
               false;
    int64_t width = a->head.rank > 1 ? a->head.dim[1] : 1;
    bool    shares = width == 1 && a->head.rank == 2 && cn__is_float(a->head.dtype);  /* one probability: two classes */
    if (width < 1) return cn__poison(poison, site, CN_E_SHAPE, "chart: %s have no columns", what), false;
    c->n = a->head.dim[0], c->classes = width > 1 ? width : shares ? 2 : 1;
    c->at = cn__alloc(ctx, (size_t)c->n * sizeof *c->at);
    if (!c->at) return cn__poison(poison, site, CN_E_NOMEM, "chart: no memory for %s", what), false;
    for (int64_t i = 0; i < c->n; i++) {
        double v = width > 1 ? largest(a, i, width) : number_at(a, i, 0);
        if (shares && v >= 0 && v <= 1) v = v > 0.5;
        if (!(v >= 0 && v < MOST_CLASSES) || v != floor(v))
            return cn__poison(poison, site, CN_E_VALUE, "chart: %s %lld is %g, not a class (0, 1 ...)", what,
                              (long long)i, v),
                   cn__classes_free(ctx, c), false;
        c->at[i] = (int32_t)v;
        c->classes = CN__MAX(c->classes, (int64_t)v + 1);
    }
    return true;
}

void cn__classes_free(cn_ctx *ctx, cn__classes *c)
{
    cn__free(ctx, c->at, (size_t)c->n * sizeof *c->at);
    *c = (cn__classes){ 0 };
}

const char *cn__class_label(const cn_array *names, int64_t i, char out[CN__LABEL])
{
    const char *name = names && i < (cn_size_of)(names, 0) ? cn_string(names, i) : "";
    if (*name) snprintf(out, CN__LABEL, "%.48s", name);
    else snprintf(out, CN__LABEL, "%lld", (long long)i);
    return out;
}
