/* source.c: data sets that no array holds: windows of a series, functions of the user's. */
#include "data/dataset.h"
#include <math.h>

/* ---- Windows of a series --------------------------------------------------------------------------------------------
   Without left-out rows a window is a piece of the series as it lies: windows overlap and nothing is copied. */
static int64_t read_windows(cn_dataset *ds, cn_ctx *on, const cn__request *r, const cn__batch *into)
{
    const cn_array *series = ds->keep[0];
    const cn__part *x = &ds->source.x[0];
    size_t  step = cn__array_row(series);
    char   *to = into->x[0];
    int64_t n = cn__read_rows(&ds->source, r, into, 1);
    for (int64_t k = 0; k < n; k++) {
        int64_t i = r->index ? r->index[k] : r->first + k;
        const char *from = (const char *)series->data + (size_t)i * x->pitch;
        for (int64_t t = 0; t < x->dim[0]; t++, to += step) memcpy(to, from + (size_t)(t * ds->rate) * step, step);
    }
    (void)on;
    return n;
}

cn_dataset *(cn_timeseries_dataset_from_array)(cn_timeseries_dataset_from_array_args *args)
{
    CN__ARGS(cn_timeseries_dataset_from_array_args, g, args);
    const char *site = g.head.site;
    cn_dataset *ds = cn__dataset_blank((cn_ctx_of)(g.data));
    int64_t length = g.sequence_length, stride = g.sequence_stride ? g.sequence_stride : 1;
    int64_t rate = g.sampling_rate ? g.sampling_rate : 1;
    if (cn__bad(ds)) return ds;
    const cn_array *all[] = { g.data, g.targets, g.sample_weight };
    for (size_t i = 0; i < CN__COUNT(all); i++) {
        if (all[i] && cn__bad(all[i])) return cn__inherit(ds, all[i]);
        if (all[i] && all[i]->head.rank < 1)
            return cn__poison(ds, site, CN_E_SHAPE,
                              "timeseries: data, targets and weights have rows; this one is a scalar");
    }
    if (length < 1 || stride < 1 || rate < 1)
        return cn__poison(ds, site, CN_E_VALUE,
                          "timeseries: sequence_length %lld, sequence_stride %lld, sampling_rate %lld; all must "
                          "be 1 or more",
                          (long long)length, (long long)stride, (long long)rate);
    if (g.data->head.rank == CN_MAX_RANK)
        return cn__poison(ds, site, CN_E_SHAPE, "timeseries: a series of %d axes has no room for one more",
                          CN_MAX_RANK);
    int64_t rows = g.data->head.dim[0], span, starts;
    if (!cn__mul_i64(length - 1, rate, &span) || span >= rows)
        return cn__poison(ds, site, CN_E_SHAPE,
                          "timeseries: a window of %lld steps, one in %lld rows, does not fit %lld rows",
                          (long long)length, (long long)rate, (long long)rows);
    starts = rows - span;
    if (g.targets) starts = CN__MIN(starts, g.targets->head.dim[0]);
    if (starts < 1) return cn__poison(ds, site, CN_E_SHAPE, "timeseries: there are no targets");

    cn__source *s = &ds->source;
    s->samples = (starts - 1) / stride + 1;
    s->nx = 1, s->by_index = true, s->direct = rate == 1;
    s->x[0] = cn__part_of(g.data);
    for (int i = s->x[0].rank++; i > 0; i--) s->x[0].dim[i] = s->x[0].dim[i - 1];
    s->x[0].dim[0] = length;
    s->x[0].pitch = s->x[0].row * (size_t)stride;
    s->x[0].row *= (size_t)length;
    if (!s->direct) s->x[0].base = NULL;
    cn__dataset_keep(ds, g.data);
    if (g.targets) {
        s->ny = 1;
        s->y[0] = cn__part_of(g.targets);
        s->y[0].pitch *= (size_t)stride;
        cn__dataset_keep(ds, g.targets);
    }
    if (g.sample_weight) {
        cn_array *w = g.sample_weight->head.dtype == CN_FLOAT32 ? g.sample_weight
                                                                : cn_cast(g.sample_weight, CN_FLOAT32);
        if (cn__bad(w)) return cn__inherit(ds, w);
        s->weight = cn__part_of(w), s->weighted = true;
        cn__dataset_keep(ds, w);
        if (w != g.sample_weight) (cn_free)(w);
        if (w->head.dim[0] < s->samples || s->weight.rank > 1)
            return cn__poison(ds, site, CN_E_SHAPE, "timeseries: %lld weights for %lld windows",
                              (long long)w->head.dim[0], (long long)s->samples);
    }
    ds->rate = rate;
    ds->read = s->direct ? cn__read_direct : read_windows;
    return ds;
}

/* ---- Generators -------------------------------------------------------------------------------------------------- */
cn_status cn__user_failed(cn_ctx *on, int status, const char *what)
{
    if (status < 0 && (cn_error)(on) == (cn_status)status) return (cn_status)status;   /* it has said why, by cn_fail */
    return cn__fail(on, NULL, status < 0 && status >= CN_E_USER ? (cn_status)status : CN_E_USER,
                    "%s: the function given failed with %d", what, status);
}

/* Calls the user's function until count samples from number `first` on are there or it gives no more. */
static int64_t fill(cn_dataset *ds, cn_ctx *on, int64_t epoch, int64_t first, int64_t count, const cn__batch *into,
                    int64_t at)
{
    const cn__source *s = &ds->source;
    int64_t done = 0;
    while (done < count) {
        cn_rows r = { .size = sizeof r, .epoch = epoch, .first = first + done, .count = count - done, .ctx = on };
        for (int i = 0; i < s->nx; i++) r.x[i] = (char *)into->x[i] + (size_t)(at + done) * s->x[i].row;
        for (int i = 0; i < s->ny; i++) r.y[i] = (char *)into->y[i] + (size_t)(at + done) * s->y[i].row;
        r.sample_weight = into->weight + at + done;
        for (int64_t k = 0; k < r.count; k++) r.sample_weight[k] = 1;
        int64_t n = ds->generate.fill(&r, ds->generate.user);
        if (n > r.count)
            return cn__fail(on, NULL, CN_E_USER, "generator: says it wrote %lld samples, %lld were asked for",
                            (long long)n, (long long)r.count);
        if (n < 0) return cn__user_failed(on, (int)CN__MAX(n, INT32_MIN), "generator");
        if (n == 0) break;
        done += n;
    }
    return done;
}

static int64_t read_generator(cn_dataset *ds, cn_ctx *on, const cn__request *r, const cn__batch *into)
{
    int64_t most = ds->source.samples, count = r->count, done = 0;
    if (!r->index) {
        if (most != CN_ANY) count = CN__MIN(count, most - r->first);
        return count > 0 ? fill(ds, on, r->epoch, r->first, count, into, 0) : 0;
    }
    while (done < count) {                               /* numbers that follow each other are one call */
        int64_t run = 1;
        while (done + run < count && r->index[done + run] == r->index[done + run - 1] + 1) run++;
        int64_t n = fill(ds, on, r->epoch, r->index[done], run, into, done);
        if (n < 0) return n;
        if (n < run)
            return cn__fail(on, NULL, CN_E_USER, "generator: gave nothing for sample %lld of %lld",
                            (long long)(r->index[done] + n), (long long)most);
        done += run;
    }
    return done;
}

/* The list's specs as parts: it ends at the first that says nothing. */
static int read_specs(cn_dataset *ds, const char *site, const char *what, const cn_spec *spec, cn__part *part)
{
    char text[CN__SHAPE_TEXT];
    int  n = 0;
    for (; n < CN_MAX_LIST && (spec[n].shape[0] || spec[n].dtype || spec[n].name); n++) {
        cn__part *p = &part[n];
        int64_t count;
        size_t  row;
        *p = (cn__part){ .dtype = spec[n].dtype ? spec[n].dtype : CN_FLOAT32 };
        p->rank = cn__dims_rank(spec[n].shape, p->dim);
        size_t item = p->dtype == CN_STRING ? 0 : cn__dtype_size(p->dtype);
        if (!item)
            return cn__poison(ds, site, CN_E_UNSUPPORTED, "generator: %s %d: samples are of numbers, not %s", what, n,
                              cn__dtype_name(p->dtype)),
                   -1;
        if (p->rank >= CN_MAX_RANK || !cn__shape_count(p->rank, p->dim, &count) ||
            !cn__mul_size((size_t)count, item, &row))
            return cn__poison(ds, site, CN_E_SHAPE,
                              "generator: %s %d: the shape %s of a sample must be known, and have up to %d axes", what,
                              n, cn__shape_text(p->rank, p->dim, text), CN_MAX_RANK - 1),
                   -1;
        p->row = p->pitch = row;
        if (spec[n].name && !(p->name = cn__arena_text(cn__ctx_arena(ds->obj.ctx), spec[n].name)))
            return cn__poison(ds, site, CN_E_NOMEM, "generator: out of memory"), -1;
    }
    return n;
}

cn_dataset *(cn_dataset_from_generator)(cn_dataset_from_generator_args *args)
{
    CN__ARGS(cn_dataset_from_generator_args, g, args);
    const char *site = g.head.site;
    cn_dataset *ds = cn__dataset_blank(g.on);
    if (cn__bad(ds)) return ds;
    cn__source *s = &ds->source;
    if (!g.generate.fill) return cn__poison(ds, site, CN_E_VALUE, "generator: the function is NULL");
    if (g.samples < 0 || (g.by_index == CN_YES && (g.samples == 0 || g.samples > UINT32_MAX)))
        return cn__poison(ds, site, CN_E_VALUE, "generator: .samples is %lld; .by_index needs their number, below 2^32",
                          (long long)g.samples);
    if ((s->nx = read_specs(ds, site, "input", g.x, s->x)) < 0 ||
        (s->ny = read_specs(ds, site, "target", g.y, s->y)) < 0) {
        s->nx = s->ny = 0;
        return ds;
    }
    if (!s->nx) return cn__poison(ds, site, CN_E_VALUE, "generator: needs an input: .x = {{ .shape = {24} }}");
    s->samples = g.samples ? g.samples : CN_ANY;
    s->by_index = g.by_index == CN_YES;
    s->weighted = true;
    s->weight = (cn__part){ .dtype = CN_FLOAT32, .row = sizeof(float), .pitch = sizeof(float) };
    ds->generate = g.generate;
    ds->read = read_generator;
    return ds;
}

/* ---- What comes with later readers ------------------------------------------------------------------------------- */
static cn_dataset *not_yet(cn_ctx *ctx, const char *site, const char *what)
{
    return cn__poison(cn__dataset_blank(ctx), site, CN_E_UNSUPPORTED, "%s", what);
}

cn_dataset *(cn_text_dataset_from_directory)(cn_text_dataset_from_directory_args *args)
{
    CN__ARGS(cn_text_dataset_from_directory_args, g, args);
    return not_yet(g.on, g.head.site,
                   "text_dataset_from_directory: folders of texts come with the text layers; cn_array_from_text "
                   "and cn_read_csv read texts from one file");
}

cn_dataset *(cn_image_dataset_from_directory)(cn_image_dataset_from_directory_args *args)
{
    CN__ARGS(cn_image_dataset_from_directory_args, g, args);
    return not_yet(g.on, g.head.site, "image_dataset_from_directory: folders of images come with the image readers; "
                                      "cn_array_from_idx and cn_array_from_npy read images from one file");
}

cn_dataset *(cn_skipgrams)(cn_skipgrams_args *args)
{
    CN__ARGS(cn_skipgrams_args, g, args);
    return not_yet((cn_ctx_of)(g.on), g.head.site, "skipgrams: pairs of words come with the text layers");
}
