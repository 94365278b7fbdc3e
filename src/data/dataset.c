/* dataset.c: data sets: reading them, and those of arrays and tables. Generators and series: source.c. Those made of
   others: pipeline.c, prefetch.c. */
#include "data/dataset.h"
#include "data/table.h"

static void dataset_destroy(void *self)
{
    cn_dataset *ds = self;
    cn__prefetch_stop(ds);
    cn__free(ds->obj.ctx, ds->index, (size_t)ds->nindex * sizeof *ds->index);
    for (int i = 0; i < ds->nkeep; i++) cn__unref(ds->keep[i]);
    cn__unref(ds->names);
    cn__unref(ds->parent);
}

cn_dataset *cn__dataset_blank(cn_ctx *ctx)
{
    return ctx ? cn__new(ctx, CN__DATASET, sizeof(cn_dataset), dataset_destroy) : NULL;
}

void cn__dataset_keep(cn_dataset *ds, cn_array *a)
{
    cn__ref(ds->keep[ds->nkeep++] = a);
}

cn_dataset *cn__dataset_on(cn_dataset *parent)
{
    cn_dataset *ds = cn__dataset_blank((cn_ctx_of)(parent));
    if (cn__bad(ds)) return ds;
    if (cn__bad(parent)) return cn__inherit(ds, parent);
    ds->source = parent->source;
    cn__source *s = &ds->source;
    s->direct = false, s->order = NULL;
    for (int i = 0; i < s->nx; i++) s->x[i].base = NULL;
    for (int i = 0; i < s->ny; i++) s->y[i].base = NULL;
    s->weight.base = NULL;
    cn__ref(ds->parent = parent);
    cn__ref(ds->names = parent->names);
    return ds;
}

cn__part cn__part_of(const cn_array *a)
{
    size_t   row = cn__array_row(a);
    cn__part p = { .dtype = a->head.dtype, .rank = a->head.rank - 1, .row = row, .base = a->data, .pitch = row };
    for (int i = 0; i < p.rank; i++) p.dim[i] = a->head.dim[i + 1];
    return p;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */
const cn__source *cn__dataset_source(const cn_dataset *ds) { return &ds->source; }

int64_t cn__read_rows(const cn__source *s, const cn__request *r, const cn__batch *into, int p)
{
    int64_t n = CN__MAX(CN__MIN(r->count, s->samples - r->first), 0);
    for (; p < cn__parts(s); p++) {
        const cn__part *part = cn__part_at(s, p);
        char *to = cn__place_at(s, into, p);
        for (int64_t k = 0; k < n; k++, to += part->row) {
            int64_t i = r->index ? r->index[k] : r->first + k;
            memcpy(to, part->base + (size_t)(s->order ? s->order[i] : i) * part->pitch, part->row);
        }
    }
    return n;
}

int64_t cn__read_direct(cn_dataset *ds, cn_ctx *on, const cn__request *r, const cn__batch *into)
{
    (void)on;
    return cn__read_rows(&ds->source, r, into, 0);
}

cn_status cn__dataset_begin(cn_dataset *ds, cn_ctx *on, int64_t epoch, int64_t batch, const uint32_t *order, int64_t n)
{
    if (cn__bad(ds)) return cn__status_of(ds);
    if (order && (!ds->source.by_index || n > ds->source.samples))
        return cn__fail(on, NULL, CN_E_STATE,
                        "dataset: its samples come in their own order only; cn_cache keeps them in memory");
    ds->now.epoch = epoch, ds->now.order = order, ds->now.n = order ? n : ds->source.samples;
    return cn__prefetches(ds) ? cn__prefetch_begin(ds, on, epoch, batch, order, n) : CN_OK;
}

int64_t cn__dataset_fetch(cn_dataset *ds, cn_ctx *on, int64_t first, int64_t count, const cn__batch *into)
{
    if (cn__bad(ds)) return cn__status_of(ds);
    if (cn__prefetches(ds)) return cn__prefetch_fetch(ds, on, first, count, into);
    if (ds->now.n != CN_ANY) count = CN__MIN(count, ds->now.n - first);
    if (count <= 0) return 0;
    cn__request r = { ds->now.epoch, first, count, ds->now.order ? ds->now.order + first : NULL };
    return ds->read(ds, on, &r, into);
}

void cn__dataset_stop(cn_dataset *ds)
{
    if (!cn__bad(ds)) cn__prefetch_stop(ds);
}

void *cn__batch_alloc(cn_ctx *ctx, const cn__source *s, int64_t samples, cn__batch *b, size_t *size)
{
    size_t all = 0, part = 0;
    for (int i = 0; i < cn__parts(s); i++) {
        if (!cn__mul_size((size_t)samples, cn__part_at(s, i)->row, &part) ||
            !cn__add_size(all, (part + 63) / 64 * 64, &all))
            return NULL;
    }
    char *block = cn__alloc(ctx, *size = all), *at = block;
    if (!block) return NULL;
    *b = (cn__batch){ .weight = NULL };
    for (int i = 0; i < cn__parts(s); i++) {
        if (i < s->nx) b->x[i] = at;
        else if (i < s->nx + s->ny) b->y[i - s->nx] = at;
        else b->weight = (float *)(void *)at;
        at += ((size_t)samples * cn__part_at(s, i)->row + 63) / 64 * 64;
    }
    return block;
}

void cn__batch_copy(const cn__source *s, const cn__batch *to, int64_t to_at, const cn__batch *from, int64_t at,
                    int64_t n)
{
    for (int i = 0; i < cn__parts(s); i++) {
        size_t row = cn__part_at(s, i)->row;
        memcpy((char *)cn__place_at(s, to, i) + (size_t)to_at * row,
               (const char *)cn__place_at(s, from, i) + (size_t)at * row, (size_t)n * row);
    }
}

/* ---- Of arrays --------------------------------------------------------------------------------------------------- */
/* Adds one array's rows as a part; all parts have as many. */
static bool add_part(cn_dataset *ds, const char *site, const char *what, int i, cn_array *a, cn__part *part)
{
    cn__source *s = &ds->source;
    if (!a) return cn__poison(ds, site, CN_E_VALUE, "dataset: %s %d is NULL", what, i), false;
    if (cn__bad(a)) return cn__inherit(ds, a), false;
    if (a->head.rank < 1)
        return cn__poison(ds, site, CN_E_SHAPE, "dataset: %s %d is a scalar; its first axis must count the samples",
                          what, i),
               false;
    if (s->samples >= 0 && a->head.dim[0] != s->samples)
        return cn__poison(ds, site, CN_E_SHAPE, "dataset: %s %d has %lld samples, but the first input has %lld", what,
                          i, (long long)a->head.dim[0], (long long)s->samples),
               false;
    s->samples = a->head.dim[0];
    *part = cn__part_of(a);
    cn__dataset_keep(ds, a);
    return true;
}

static bool add_weight(cn_dataset *ds, const char *site, cn_array *a)
{
    char text[CN__SHAPE_TEXT];
    cn_array *weight = cn__bad(a) || a->head.dtype == CN_FLOAT32 ? a : cn_cast(a, CN_FLOAT32);
    if (!add_part(ds, site, "sample_weight", 0, weight, &ds->source.weight)) return false;
    if (weight != a) (cn_free)(weight);                  /* the data set keeps it */
    if (ds->source.weight.rank > 1)
        return cn__poison(ds, site, CN_E_SHAPE, "dataset: sample_weight is %s; (samples) or (samples, steps) expected",
                          cn__shape_text(a->head.rank, a->head.dim, text)), false;
    return ds->source.weighted = true;
}

cn_dataset *cn__dataset_of_arrays(cn_ctx *ctx, const char *site, cn_array *const *x, int nx, cn_array *const *y, int ny,
                                  cn_array *weight)
{
    cn_dataset *ds = cn__dataset_blank(ctx);
    if (cn__bad(ds)) return ds;
    cn__source *s = &ds->source;
    s->samples = CN_ANY, s->direct = s->by_index = true, ds->read = cn__read_direct;
    if (nx < 1) return cn__poison(ds, site, CN_E_VALUE, "dataset: needs an input: .x = { a }");
    if (ny > CN_MAX_LIST) return cn__poison(ds, site, CN_E_LIMIT, "dataset: %d targets; up to %d", ny, CN_MAX_LIST);
    for (s->nx = 0; s->nx < nx; s->nx++)
        if (!add_part(ds, site, "input", s->nx, x[s->nx], &s->x[s->nx])) return ds;
    for (s->ny = 0; s->ny < ny; s->ny++)
        if (!add_part(ds, site, "target", s->ny, y[s->ny], &s->y[s->ny])) return ds;
    if (weight) add_weight(ds, site, weight);
    return ds;
}

cn_dataset *(cn_dataset_from)(cn_dataset_from_args *args)
{
    CN__ARGS(cn_dataset_from_args, g, args);
    int nx = 0, ny = 0;
    while (nx < CN_MAX_IO && g.x[nx]) nx++;
    while (ny < CN_MAX_IO && g.y[ny]) ny++;
    return cn__dataset_of_arrays(g.on, g.head.site, g.x, nx, g.y, ny, g.sample_weight);
}

/* ---- Of a table: an input for each column ------------------------------------------------------------------------ */
/* A column as an array (rows, 1): numbers as float32, text as strings, or as classes if it is a target. */
static cn_array *column_of(cn_table *t, const char *site, const char *name, bool target)
{
    bool text = cn_table_dtype(t, cn_table_column(t, name)) == CN_STRING;
    cn_columns_args one = { .head = { .size = sizeof one, .site = site }, .on = t, .columns = { name } };
    cn_array *a = target && text ? cn_classes(t, name) : (cn_columns)(&one);
    if (cn__bad(a) || a->head.rank != 1) return a;
    a->head.rank = 2, a->head.dim[1] = 1;                /* made just now: nobody else has it */
    return a;
}

static bool add_column(cn_dataset *ds, cn_table *t, const char *site, int column, bool target, cn__part *part)
{
    const char *name = cn_table_name(t, column);
    cn_array *a = column_of(t, site, name, target);
    bool ok = add_part(ds, site, target ? "target" : "input", 0, a, part);
    part->name = name;
    (cn_free)(a);                                        /* the data set keeps it */
    return ok;
}

cn_dataset *(cn_dataset_from_table)(cn_dataset_from_table_args *args)
{
    CN__ARGS(cn_dataset_from_table_args, g, args);
    const char *site = g.head.site;
    cn_table   *t = g.on;
    cn_dataset *ds = cn__dataset_blank((cn_ctx_of)(t));
    if (cn__bad(ds)) return ds;
    if (cn__bad(t)) return cn__inherit(ds, t);
    cn__source *s = &ds->source;
    s->samples = CN_ANY, s->direct = s->by_index = true, ds->read = cn__read_direct;
    int target = g.target ? cn__table_find(ds, site, "dataset_from_table: .target", t, g.target) : -1;
    int weight = -1;
    if (g.sample_weight) weight = cn__table_find(ds, site, "dataset_from_table: .sample_weight", t, g.sample_weight);
    if (cn__bad(ds)) return ds;
    for (int c = 0; c < t->ncolumns; c++) {
        if (c == target || c == weight) continue;
        if (s->nx == CN_MAX_IO)
            return cn__poison(ds, site, CN_E_LIMIT,
                              "dataset_from_table: %d columns make more than %d inputs. Join them in one: "
                              "cn_dataset_from(c, .x = { cn_columns(t, \"*\", .except = { ... }) }, ...)",
                              t->ncolumns, CN_MAX_IO);
        if (!add_column(ds, t, site, c, false, &s->x[s->nx])) return ds;
        s->nx++;
    }
    if (!s->nx) return cn__poison(ds, site, CN_E_VALUE, "dataset_from_table: no column is left for an input");
    if (target >= 0) {
        if (!add_column(ds, t, site, target, true, &s->y[0])) return ds;
        s->ny = 1;
        if (!t->columns[target].numeric) {
            cn_array *names = cn_class_names(t, g.target);
            if (cn__bad(names)) return cn__inherit(ds, names);
            cn__ref(ds->names = names);
            (cn_free)(names);
        }
    }
    if (weight >= 0) {
        if (!add_column(ds, t, site, weight, false, &s->weight)) return ds;
        if (s->weight.dtype != CN_FLOAT32)
            return cn__poison(ds, site, CN_E_DTYPE, "dataset_from_table: the weights in \"%s\" are text",
                              g.sample_weight);
        s->weight.rank = 0;                              /* (rows, 1) is one weight a sample */
        s->weighted = true;
    }
    return ds;
}

/* ---- Looking ----------------------------------------------------------------------------------------------------- */
static bool sound(const cn_dataset *ds) { return cn__is(ds, CN__DATASET) && !cn__bad(ds); }

int64_t cn_samples(const cn_dataset *ds) { return sound(ds) ? ds->source.samples : 0; }

const char *cn_class_name(const cn_dataset *ds, int64_t label)
{
    return sound(ds) && ds->names && label >= 0 && label < ds->names->head.dim[0] ? cn_string(ds->names, label) : NULL;
}

/* All of a part as an array: where it lies if that is whole and in order, else gathered. */
static cn_array *whole(cn_dataset *ds, bool target, int i)
{
    cn_ctx   *ctx = (cn_ctx_of)(ds);
    cn_array *a = cn__array_blank(ctx);
    int64_t   dim[CN_MAX_RANK] = { 0 };
    if (cn__bad(a)) return a;
    if (cn__bad(ds)) return cn__inherit(a, ds);
    int n = target ? ds->source.ny : ds->source.nx;
    if (i < 0 || i >= n)
        return cn__poison(a, NULL, CN_E_VALUE, "%s: the data set has %d of them, there is no number %d",
                          target ? "targets" : "inputs", n, i);
    cn_dataset *cached = ds->source.direct ? NULL : cn_cache(ds);
    const cn_dataset *from = cached ? cached : ds;
    if (cn__bad(from)) return cn__inherit(a, from);
    const cn__part *p = target ? &from->source.y[i] : &from->source.x[i];
    if (p->rank >= CN_MAX_RANK) return cn__poison(a, NULL, CN_E_SHAPE, "inputs: a sample has %d axes already", p->rank);
    bool in_place = !from->source.order && p->pitch == p->row;
    dim[0] = from->source.samples;
    for (int k = 0; k < p->rank; k++) dim[k + 1] = p->dim[k];
    if (!cn__array_shape(a, NULL, p->dtype, p->rank + 1, dim, !in_place)) return a;
    if (in_place) memcpy(&a->data, &p->base, sizeof a->data), a->values.data = p->base;
    else
        for (int64_t r = 0; r < dim[0]; r++) {
            size_t row = (size_t)(from->source.order ? from->source.order[r] : r);
            memcpy((char *)a->data + (size_t)r * p->row, p->base + row * p->pitch, p->row);
        }
    if (p->dtype == CN_STRING) a->writable = false;
    cn__ref(a->keep = cached ? cached : ds);
    (cn_free)(cached);                                   /* the array keeps it */
    return a;
}

cn_array *cn_inputs(cn_dataset *ds, int i)  { return whole(ds, false, i); }
cn_array *cn_targets(cn_dataset *ds, int i) { return whole(ds, true, i); }
