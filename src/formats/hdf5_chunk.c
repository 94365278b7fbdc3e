/* hdf5_chunk.c: chunked data: which index says where the chunks lie (IV.A.2.i; III.A, appendix C of the specification),
   and putting them into their places. The indices give each chunk's place, address, stored bytes and filter mask. */
#include "formats/hdf5_file.h"
#include <stdlib.h>

enum { TREE1, SINGLE, IMPLICIT, FIXED_ARRAY, EXTENSIBLE_ARRAY, TREE2, INDICES };

/* ---- The layout message ------------------------------------------------------------------------------------------ */
static bool dims_of(cn__h5_in *in, cn__h5_layout *l, unsigned rank, unsigned width)
{
    cn__h5_chunks *c = &l->chunks;
    if (in->over) return cn__h5_whole(in);
    if (rank != (unsigned)l->space.rank + 1 || rank < 2)
        return cn__h5_bad(in->f, CN_E_FORMAT, in->start, "has %d dimensions, its chunks %d", l->space.rank,
                          (int)rank - 1);
    c->bytes = l->type.size;
    for (unsigned k = 0; k < rank; k++) {
        uint64_t d = cn__h5_uint(in, width);
        if (in->over) return cn__h5_whole(in);
        if (!d) return cn__h5_bad(in->f, CN_E_FORMAT, in->start, "has chunks of 0 elements in dimension %u", k);
        if (k + 1 < rank) {
            c->dim[k] = d;
            if (!__builtin_mul_overflow(c->bytes, d, &c->bytes) && c->bytes <= INT64_MAX) continue;
            return cn__h5_bad(in->f, CN_E_LIMIT, in->start, "has chunks of more than 2^63 bytes");
        }
        if (d != l->type.size)
            return cn__h5_bad(in->f, CN_E_FORMAT, in->start, "has elements of %zu bytes, its chunks of %llu",
                              l->type.size, (unsigned long long)d);
    }
    return true;
}

bool cn__h5_layout_chunks(cn__h5_in *in, cn__h5_layout *l, unsigned version)
{
    enum { WHOLE_EDGES = 1 << 0, FILTERED = 1 << 1 };
    static const unsigned settings[INDICES] = { [FIXED_ARRAY] = 1, [EXTENSIBLE_ARRAY] = 5, [TREE2] = 6 };    /* bytes */
    cn__h5_chunks *c = &l->chunks;
    if (version == 3) {
        unsigned rank = (unsigned)cn__h5_uint(in, 1);
        c->address = cn__h5_address(in);
        return dims_of(in, l, rank, 4) && cn__h5_whole(in);
    }
    unsigned flags = (unsigned)cn__h5_uint(in, 1), rank = (unsigned)cn__h5_uint(in, 1),
             width = (unsigned)cn__h5_uint(in, 1);
    if (width < 1 || width > 8)
        return cn__h5_bad(in->f, CN_E_FORMAT, in->start, "has a chunk's shape in %u bytes", width);
    if (!dims_of(in, l, rank, width)) return false;
    c->whole_edges = flags & WHOLE_EDGES;
    c->index = (unsigned)cn__h5_uint(in, 1);
    if (c->index == TREE1 || c->index >= INDICES)
        return in->over ? cn__h5_whole(in)
                        : cn__h5_bad(in->f, CN_E_UNSUPPORTED, in->start, "has a chunk index of the unknown kind %u",
                                     c->index);
    c->stored = c->bytes;
    if (c->index == SINGLE && flags & FILTERED) c->stored = cn__h5_length(in), c->mask = (uint32_t)cn__h5_uint(in, 4);
    cn__h5_skip(in, settings[c->index]);                 /* the index says them itself */
    c->address = cn__h5_address(in);
    return cn__h5_whole(in);
}

/* ---- The chunks that an index names ------------------------------------------------------------------------------ */
typedef cn__h5_reading reading;

bool cn__h5_add_chunk(reading *r, const uint64_t *coord, uint64_t address, uint64_t n, uint32_t mask, bool in_order)
{
    cn__h5_chunk c = { .address = address, .n = n, .mask = mask };
    cn__h5_in    bytes;
    for (int k = 0; k < r->rank; k++) {
        if (coord[k] >= r->grid[k])
            return cn__h5_bad(r->f, CN_E_FORMAT, NULL, "has a chunk %llu of %llu in dimension %d",
                              (unsigned long long)coord[k], (unsigned long long)r->grid[k], k);
        c.place = c.place * r->grid[k] + coord[k];
    }
    if (in_order && r->found.n && c.place <= r->found.at[r->found.n - 1].place)
        return cn__h5_bad(r->f, CN_E_FORMAT, NULL, "has chunk %llu twice, or its chunks are not in order",
                          (unsigned long long)c.place);
    if (!cn__h5_at(r->f, address, n, "a chunk", &bytes)) return false;
    if (!cn__h5_room(r->f, 3 * sizeof c * (r->found.n + 1))) return false;   /* the list doubles as it grows */
    return cn__push(r->f->ctx, &r->found, c) || cn__h5_nomem(r->f);
}

static bool add_entry(void *user, const unsigned char *key, uint64_t child)
{
    reading *r = user;
    uint64_t coord[CN_MAX_RANK];
    uint64_t rest = cn__h5_u64(key + 8 + 8 * r->rank, 8);
    for (int k = 0; k < r->rank; k++) {
        uint64_t at = cn__h5_u64(key + 8 + 8 * k, 8);
        coord[k] = at / r->l->chunks.dim[k];
        rest |= at % r->l->chunks.dim[k];
    }
    if (rest) return cn__h5_bad(r->f, CN_E_FORMAT, key, "has a chunk that begins inside another one's place");
    return cn__h5_add_chunk(r, coord, child, cn__h5_u64(key, 4), (uint32_t)cn__h5_u64(key + 4, 4), true);
}

static bool add_record(void *user, cn__h5_in *record)
{
    reading *r = user;
    uint64_t coord[CN_MAX_RANK], n = r->l->chunks.bytes;
    uint32_t mask = 0;
    uint64_t all = cn__h5_rest(record), fixed = r->f->address_size + 8 * (uint64_t)r->rank + (r->filtered ? 4 : 0);
    uint64_t width = all > fixed ? all - fixed : 0;      /* of the stored bytes' number */
    if (all < fixed || (r->filtered ? width < 1 || width > 8 : width != 0))
        return record->over = true, cn__h5_whole(record);
    uint64_t address = cn__h5_address(record);
    if (r->filtered) n = cn__h5_uint(record, (unsigned)width), mask = (uint32_t)cn__h5_uint(record, 4);
    for (int k = 0; k < r->rank; k++) coord[k] = cn__h5_uint(record, 8);
    return cn__h5_whole(record) && cn__h5_add_chunk(r, coord, address, n, mask, true);
}

/* They follow each other, as many as there may ever be. */
static bool add_all(reading *r)
{
    const cn__h5_chunks *c = &r->l->chunks;
    uint64_t chunks = 1, all = 1, coord[CN_MAX_RANK] = { 0 };
    bool     fit = true;
    for (int k = 0; k < r->rank; k++) {
        chunks *= r->grid[k];                            /* not above the number of elements */
        fit = fit && r->most[k] && !__builtin_mul_overflow(all, r->most[k], &all);
    }
    if (!fit || all > r->f->n / c->bytes)
        return cn__h5_bad(r->f, CN_E_FORMAT, NULL, "should have more chunks of %llu bytes than the file's %zu can hold",
                          (unsigned long long)c->bytes, r->f->n);
    for (uint64_t i = 0; i < chunks; i++) {
        uint64_t number = 0, rest = i;
        for (int k = r->rank; k-- > 0; rest /= r->grid[k]) coord[k] = rest % r->grid[k];
        for (int k = 0; k < r->rank; k++) number = number * r->most[k] + coord[k];
        uint64_t offset = number * c->bytes;
        if (c->address > r->f->n) offset = 0;            /* refused there */
        if (!cn__h5_add_chunk(r, coord, c->address + offset, c->bytes, 0, false)) return false;
    }
    return true;
}

static bool add_single(reading *r)
{
    static const uint64_t first[CN_MAX_RANK] = { 0 };
    const cn__h5_chunks *c = &r->l->chunks;
    return cn__h5_add_chunk(r, first, c->address, c->stored, c->mask, false);
}

static bool add_tree1(reading *r)
{
    enum { CHUNK_TREE = 1 };
    return cn__h5_tree1(r->f, r->l->chunks.address, CHUNK_TREE, 8 + 8 * ((size_t)r->rank + 1), r->f->chunk_node,
                        add_entry, r);
}

static bool add_tree2(reading *r)
{
    enum { PLAIN_CHUNKS = 10, FILTERED_CHUNKS = 11 };
    return cn__h5_tree2(r->f, r->l->chunks.address, r->filtered ? FILTERED_CHUNKS : PLAIN_CHUNKS, add_record, r);
}

/* ---- Into their places ------------------------------------------------------------------------------------------- */
static int by_address(const void *a, const void *b)
{
    const cn__h5_chunk *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

/* Two chunks that share bytes are no chunks of this data set; in the order of the file they are read quickest. */
static bool sort_chunks(reading *r)
{
    cn__h5_chunk *c = r->found.at;
    if (r->found.n) qsort(c, r->found.n, sizeof *c, by_address);
    for (size_t i = 1; i < r->found.n; i++)
        if (c[i].address - c[i - 1].address < c[i - 1].n)
            return cn__h5_bad(r->f, CN_E_FORMAT, r->f->at + c[i].address, "has two chunks that lie over each other");
    return true;
}

/* The part of a chunk that lies inside: runs of elements that follow each other in both. */
static void place_chunk(const reading *r, const uint64_t *at, const uint64_t *n, const unsigned char *from,
                        unsigned char *to)
{
    const cn__h5_layout *l = r->l;
    uint64_t from_stride[CN_MAX_RANK], to_stride[CN_MAX_RANK], i[CN_MAX_RANK] = { 0 }, start = 0;
    uint64_t from_bytes = l->type.size, to_bytes = l->type.size;
    for (int k = r->rank; k-- > 0;) {
        from_stride[k] = from_bytes, to_stride[k] = to_bytes;
        from_bytes *= l->chunks.dim[k], to_bytes *= (uint64_t)l->space.dim[k];
        start += at[k] * to_stride[k];
    }
    int last = r->rank - 1;
    while (last > 0 && l->chunks.dim[last] == (uint64_t)l->space.dim[last]) last--;
    const uint64_t run = n[last] * to_stride[last];
    for (int k = 0; k >= 0;) {
        uint64_t from_at = 0, to_at = start;
        for (k = 0; k < last; k++) from_at += i[k] * from_stride[k], to_at += i[k] * to_stride[k];
        memcpy(to + to_at, from + from_at, run);
        for (k = last - 1; k >= 0 && ++i[k] == n[k]; k--) i[k] = 0;
    }
}

static bool read_chunk(reading *r, const cn__h5_chunk *c, unsigned char *to, cn__h5_scratch *scratch)
{
    const cn__h5_layout *l = r->l;
    uint64_t at[CN_MAX_RANK], n[CN_MAX_RANK], rest = c->place;
    bool     whole = true;
    for (int k = r->rank; k-- > 0; rest /= r->grid[k]) {
        at[k] = rest % r->grid[k] * l->chunks.dim[k];
        n[k] = CN__MIN(l->chunks.dim[k], (uint64_t)l->space.dim[k] - at[k]);
        whole = whole && n[k] == l->chunks.dim[k];
    }
    uint32_t mask = l->chunks.whole_edges && !whole ? UINT32_MAX : c->mask;
    const unsigned char *from = cn__h5_unfilter(r->f, &l->filters, mask, r->f->at + c->address, c->n, l->chunks.bytes,
                                                scratch);
    if (from) place_chunk(r, at, n, from, to);
    return from;
}

bool cn__h5_read_chunks(cn__h5 *f, const cn__h5_layout *l, unsigned char *to)
{
    static bool (*const find[INDICES])(reading *) = {
        [TREE1] = add_tree1, [SINGLE] = add_single, [IMPLICIT] = add_all, [FIXED_ARRAY] = cn__h5_fixed_array,
        [EXTENSIBLE_ARRAY] = cn__h5_extensible_array, [TREE2] = add_tree2
    };
    reading r = {
        .f = f, .l = l, .rank = l->space.rank, .filtered = l->filters.n, .walk = cn__h5_walk_of(f, "a chunk index")
    };
    cn__h5_scratch scratch = { .size = 0 };
    if (l->chunks.address == CN__H5_NOWHERE) return true;                    /* nothing was written yet */
    for (int k = 0; k < r.rank; k++) {
        uint64_t d = l->chunks.dim[k];
        r.grid[k] = ((uint64_t)l->space.dim[k] - 1) / d + 1;                 /* no dimension is 0: there are elements */
        r.most[k] = l->space.most[k] < 0 ? 0 : ((uint64_t)l->space.most[k] - 1) / d + 1;
    }
    bool ok = find[l->chunks.index](&r) && sort_chunks(&r);
    for (size_t i = 0; ok && i < r.found.n; i++) ok = read_chunk(&r, &r.found.at[i], to, &scratch);
    cn__h5_scratch_free(f, &scratch);
    cn__vec_free(f->ctx, &r.found);
    return ok;
}
