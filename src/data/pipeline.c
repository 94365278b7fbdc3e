/* pipeline.c: data sets made of others: map, take, shuffle, cache, split. A prefetching one stays outermost: what is
   made of it is made of the one below, and prefetches again, so that the loading thread does all the work and sees the
   order to come. */
#include "base/philox.h"
#include "data/dataset.h"
#include <math.h>

enum { SHUFFLE_STREAM = 0x5368 };                        /* keeps these draws apart from those of layers */

/* ---- Views: the same samples by other numbers -------------------------------------------------------------------- */
/* Reads and throws away, for what can only be read from its beginning. */
static int64_t skip(cn_dataset *from, cn_ctx *on, int64_t epoch, int64_t samples)
{
    cn__batch buffer;
    size_t    size;
    int64_t   done = 0, n = 1, chunk = CN__MIN(samples, 256);
    cn_ctx   *ctx = from->obj.ctx;
    void     *block = cn__batch_alloc(ctx, &from->source, chunk, &buffer, &size);
    if (!block) return cn__nomem(on);
    for (; done < samples && n > 0; done += CN__MAX(n, 0)) {
        cn__request r = { epoch, done, CN__MIN(chunk, samples - done), NULL };
        n = from->read(from, on, &r, &buffer);
    }
    cn__free(ctx, block, size);
    return n < 0 ? n : done;
}

static int64_t read_view(cn_dataset *ds, cn_ctx *on, const cn__request *r, const cn__batch *into)
{
    cn_dataset *from = ds->parent;
    int64_t n = r->count;
    if (ds->source.samples != CN_ANY) n = CN__MIN(n, ds->source.samples - r->first);
    if (n <= 0) return 0;
    cn__request q = { r->epoch, r->first + ds->offset, n, NULL };
    if (!from->source.by_index) {
        int64_t skipped = r->first == 0 && ds->offset ? skip(from, on, r->epoch, ds->offset) : 0;
        return skipped < 0 ? skipped : from->read(from, on, &q, into);
    }
    if (!ds->index && !r->index) return from->read(from, on, &q, into);
    cn_ctx   *ctx = ds->obj.ctx;
    size_t    bytes = (size_t)n * sizeof(uint32_t);
    uint32_t *index = cn__alloc(ctx, bytes);
    if (!index) return cn__nomem(on);
    for (int64_t k = 0; k < n; k++) {
        int64_t i = r->index ? r->index[k] : r->first + k;
        index[k] = ds->index ? ds->index[i] : (uint32_t)(i + ds->offset);
    }
    q.first = r->first, q.index = index;
    n = from->read(from, on, &q, into);
    cn__free(ctx, index, bytes);
    return n;
}

/* Of data in memory: the same memory by an order. index, if given, is the view's own by now. */
static void look_through(cn_dataset *ds, const cn_dataset *from)
{
    cn__source *s = &ds->source;
    int64_t n = s->samples;
    *s = from->source;
    s->samples = n;
    if (ds->index && s->order)
        for (int64_t i = 0; i < n; i++) ds->index[i] = s->order[ds->index[i]];
    if (ds->index) s->order = ds->index;
    else if (s->order) s->order += ds->offset;
    else
        for (int p = 0; p < cn__parts(s); p++) {
            cn__part *part = p < s->nx ? &s->x[p] : p < s->nx + s->ny ? &s->y[p - s->nx] : &s->weight;
            part->base += (size_t)ds->offset * part->pitch;
        }
    ds->read = cn__read_direct;
}

static bool prefetching(const cn_dataset *ds) { return cn__is(ds, CN__DATASET) && !cn__bad(ds) && cn__prefetches(ds); }

/* What to build on: below the prefetch, if there is one. */
static cn_dataset *below(cn_dataset *ds) { return prefetching(ds) ? ds->parent : ds; }

/* made was built on below(of): prefetches again where `of` did. */
static cn_dataset *again(cn_dataset *made, const cn_dataset *of)
{
    if (!prefetching(of)) return made;
    cn_dataset *ds = cn_prefetch(made, of->batches);
    (cn_free)(made);                                     /* ds keeps it */
    return ds;
}

/* samples from `first` on (CN_ANY: the rest), by an index of the parent's numbers (NULL: as they come). */
static cn_dataset *view(cn_dataset *parent, const char *what, int64_t first, int64_t samples, const uint32_t *index)
{
    cn_dataset *ds = cn__dataset_on(parent);
    if (cn__bad(ds)) return ds;
    int64_t all = parent->source.samples;
    if (all != CN_ANY && samples == CN_ANY && first >= 0 && first <= all) samples = all - first;
    if (first < 0 || samples < CN_ANY || (all != CN_ANY && (first > all || samples > all - first)))
        return cn__poison(ds, NULL, CN_E_VALUE,
                          "%s: %lld samples from %lld on are outside the data set, which has %lld", what,
                          (long long)samples, (long long)first, (long long)all);
    ds->source.samples = samples, ds->offset = first;
    if (index) {
        ds->index = cn__alloc(ds->obj.ctx, (size_t)samples * sizeof *index);
        if (!ds->index)
            return cn__poison(ds, NULL, CN_E_NOMEM, "%s: no memory for %lld numbers", what, (long long)samples);
        ds->nindex = samples;
        memcpy(ds->index, index + first, (size_t)samples * sizeof *index);
    }
    ds->read = read_view;
    if (parent->source.direct) look_through(ds, parent);
    return ds;
}

cn_dataset *cn_take(cn_dataset *ds, int64_t first, int64_t samples)
{
    return again(view(below(ds), "take", first, samples, NULL), ds);
}

/* The numbers 0 .. n-1 of a data set, shuffled; NULL: h is poisoned (or the status recorded, without h). */
static uint32_t *shuffled(const cn_dataset *ds, const char *site, int64_t seed)
{
    cn_ctx *ctx = ds->obj.ctx;
    int64_t n = ds->source.samples;
    if (!ds->source.by_index)
        return cn__fail(ctx, site, CN_E_STATE,
                        "shuffle: the samples come in their own order only; cn_cache(ds) keeps them in memory, "
                        "a generator with .by_index and .samples begins anywhere"),
               NULL;
    if (n > UINT32_MAX)
        return cn__fail(ctx, site, CN_E_LIMIT, "shuffle: %lld samples; up to 2^32 - 1", (long long)n), NULL;
    uint32_t *order = cn__alloc(ctx, (size_t)n * sizeof *order);
    if (!order) return cn__nomem(ctx), NULL;
    cn__permute(seed ? (uint64_t)seed : cn__seed(ctx), SHUFFLE_STREAM, 0, order, (uint32_t)n);
    return order;
}

cn_dataset *cn_shuffle(cn_dataset *given, int64_t seed)
{
    cn_dataset *parent = below(given);
    if (!cn__is(parent, CN__DATASET) || cn__bad(parent)) return cn__dataset_on(parent);
    uint32_t *order = shuffled(parent, NULL, seed);
    if (!order) return cn__poison_recorded(cn__dataset_blank(parent->obj.ctx));
    cn_dataset *ds = view(parent, "shuffle", 0, CN_ANY, order);
    cn__free(parent->obj.ctx, order, (size_t)parent->source.samples * sizeof *order);
    return again(ds, given);
}

cn_status (cn_split_dataset)(cn_split_dataset_args *args)
{
    CN__ARGS(cn_split_dataset_args, g, args);
    const char *site = g.head.site;
    cn_ctx     *ctx = (cn_ctx_of)(g.on);
    cn_dataset *from = below(g.on);
    if (g.left) *g.left = NULL;
    if (g.right) *g.right = NULL;
    if (cn__bad(from)) return g.on ? cn__fail_with(from) : CN_E_NOMEM;
    if (!g.left || !g.right)
        return cn__fail(ctx, site, CN_E_VALUE, "split_dataset: needs two places for its results: &left, &right");
    if (!from->source.by_index)
        return cn__fail(ctx, site, CN_E_STATE,
                        "split_dataset: the samples come in their own order only; cn_cache(ds) keeps them in "
                        "memory");
    int64_t n = from->source.samples;
    double  size = g.left_size, left = size < 1 ? nearbyint(size * (double)n) : size;   /* ties to even: Keras */
    if (!(size > 0) || left != trunc(left) || left < 1 || left >= (double)n)
        return cn__fail(ctx, site, CN_E_VALUE,
                        "split_dataset: left_size %g of %lld samples leaves one side empty. Give a share between "
                        "0 and 1, or a number of samples",
                        size, (long long)n);
    uint32_t *order = NULL;
    if (g.shuffle == CN_YES && !(order = shuffled(from, site, g.seed))) return (cn_error)(ctx);
    cn_dataset *l = again(view(from, "split_dataset", 0, (int64_t)left, order), g.on);
    cn_dataset *r = again(view(from, "split_dataset", (int64_t)left, CN_ANY, order), g.on);
    if (order) cn__free(ctx, order, (size_t)n * sizeof *order);
    if (cn__bad(l) || cn__bad(r)) {
        cn_status status = cn__fail_with(cn__bad(l) ? l : r);
        (cn_free)(l);
        (cn_free)(r);
        return status;
    }
    *g.left = l, *g.right = r;
    return CN_OK;
}

/* ---- Map --------------------------------------------------------------------------------------------------------- */
static int64_t read_map(cn_dataset *ds, cn_ctx *on, const cn__request *q, const cn__batch *into)
{
    const cn__source *s = &ds->source;
    int64_t n = ds->parent->read(ds->parent, on, q, into);
    if (n <= 0) return n;
    cn_rows r = {
        .size = sizeof r, .epoch = q->epoch, .first = q->first, .count = n, .sample_weight = into->weight, .ctx = on
    };
    for (int i = 0; i < s->nx; i++) r.x[i] = into->x[i];
    for (int i = 0; i < s->ny; i++) r.y[i] = into->y[i];
    cn_status status = ds->change(&r, ds->change_user);
    return status ? cn__user_failed(on, status, "map") : n;
}

cn_dataset *cn_map(cn_dataset *given, cn_status (*change)(const cn_rows *, void *user), void *user)
{
    cn_dataset *ds = cn__dataset_on(below(given));
    if (cn__bad(ds)) return ds;
    if (!change) return cn__poison(ds, NULL, CN_E_VALUE, "map: the function is NULL");
    ds->change = change, ds->change_user = user;
    ds->read = read_map;
    return again(ds, given);
}

/* ---- Cache ------------------------------------------------------------------------------------------------------- */
typedef struct store { cn_array *part[CN_MAX_IO + CN_MAX_LIST + 1]; int64_t room; } store;

/* Arrays with room for so many samples, with the n samples that are there. */
static bool make_room(cn_dataset *ds, store *st, int64_t n, int64_t room)
{
    const cn__source *s = &ds->source;
    for (int p = 0; p < cn__parts(s); p++) {
        const cn__part *part = cn__part_at(s, p);
        int64_t dim[CN_MAX_RANK] = { room };
        for (int i = 0; i < part->rank; i++) dim[i + 1] = part->dim[i];
        cn_array *a = cn__array_new(ds->obj.ctx, NULL, part->dtype, part->rank + 1, dim);
        if (cn__bad(a)) {
            cn__inherit(ds, a);
            (cn_free)(a);
            return false;
        }
        if (st->part[p]) memcpy(a->data, st->part[p]->data, (size_t)n * part->row);
        (cn_free)(st->part[p]);
        st->part[p] = a;
    }
    st->room = room;
    return true;
}

/* Reads all samples of the parent; how many, -1: ds is poisoned. */
static int64_t read_all(cn_dataset *ds, store *st)
{
    cn_dataset *from = ds->parent;
    cn_ctx     *ctx = ds->obj.ctx;
    int64_t     all = from->source.samples, n = 0, got = 1;
    if (!make_room(ds, st, 0, all == CN_ANY ? 256 : all)) return -1;
    if (cn__dataset_begin(from, ctx, 0, 256, NULL, 0)) return cn__poison_recorded(ds), -1;
    while (got > 0 && n != all) {
        if (n == st->room && !make_room(ds, st, n, 2 * n)) break;
        cn__batch into = { .weight = NULL };
        for (int p = 0; p < cn__parts(&ds->source); p++) {
            const cn__part *part = cn__part_at(&ds->source, p);
            char *at = (char *)st->part[p]->data + (size_t)n * part->row;
            if (p < ds->source.nx) into.x[p] = at;
            else if (p < ds->source.nx + ds->source.ny) into.y[p - ds->source.nx] = at;
            else into.weight = (float *)(void *)at;
        }
        got = cn__dataset_fetch(from, ctx, n, CN__MIN(256, st->room - n), &into);
        if (got > 0) n += got;
    }
    cn__dataset_stop(from);
    if (got < 0) cn__poison_recorded(ds);
    return cn__bad(ds) ? -1 : n;
}

cn_dataset *cn_cache(cn_dataset *from)
{
    if (cn__is(from, CN__DATASET) && !cn__bad(from) && from->source.direct) return view(from, "cache", 0, CN_ANY, NULL);
    cn_dataset *ds = cn__dataset_on(from);
    store       st = { .room = 0 };
    if (cn__bad(ds)) return ds;
    cn__source *s = &ds->source;
    int64_t     n = read_all(ds, &st);
    for (int p = 0; p < cn__parts(s); p++) {
        cn__part *part = p < s->nx ? &s->x[p] : p < s->nx + s->ny ? &s->y[p - s->nx] : &s->weight;
        if (n >= 0) part->base = st.part[p]->data, part->pitch = part->row;
        if (n >= 0) cn__dataset_keep(ds, st.part[p]);
        (cn_free)(st.part[p]);
    }
    if (n < 0) return ds;
    s->samples = n, s->direct = s->by_index = true;
    ds->read = cn__read_direct;
    return ds;
}
