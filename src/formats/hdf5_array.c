/* hdf5_array.c: the two arrays in which layout version 4 keeps the addresses of chunks: fixed (all dimensions have an
   end: VII.C of the specification) and extensible (one has none: VII.D). Elements lie in blocks, long blocks in pages
   with a checksum each. */
#include "formats/hdf5_file.h"

typedef struct array {
    cn__h5_reading *r;
    cn__h5  *f;
    uint64_t address;                                    /* of its header: all its blocks repeat it */
    unsigned entry;                                      /* bytes of an element */
    uint64_t page;                                       /* elements of a page */
    unsigned offset_size;                                /* extensible: bytes of a block's place */
    int      order[CN_MAX_RANK];                         /* the dimensions, the slowest first */
} array;

static uint64_t pages_of(const array *a, uint64_t n) { return n > a->page ? (n - 1) / a->page + 1 : 0; }
static bool bit_of(const unsigned char *bits, uint64_t i) { return bits[i / 8] & 0x80 >> i % 8; }

/* ---- Elements ---------------------------------------------------------------------------------------------------- */
static bool add_element(array *a, cn__h5_in *in, uint64_t number)
{
    cn__h5_reading *r = a->r;
    uint64_t coord[CN_MAX_RANK], rest = number, n = r->l->chunks.bytes, address = cn__h5_address(in);
    uint32_t mask = 0;
    if (r->filtered) n = cn__h5_uint(in, a->entry - a->f->address_size - 4), mask = (uint32_t)cn__h5_uint(in, 4);
    if (address == CN__H5_NOWHERE) return true;
    for (int i = r->rank; i-- > 1;) {
        int k = a->order[i];
        coord[k] = rest % r->most[k];
        rest /= r->most[k];
    }
    coord[a->order[0]] = rest;
    return cn__h5_add_chunk(r, coord, address, n, mask, false);
}

/* n elements and their checksum, which covers what came before them too. */
static bool add_elements(array *a, cn__h5_in *in, uint64_t first, uint64_t n)
{
    cn__h5_in elements = *in;
    if (n > cn__h5_rest(in) / a->entry) return in->over = true, cn__h5_whole(in);
    cn__h5_skip(in, n * a->entry);
    if (!cn__h5_sealed(in)) return false;
    for (uint64_t i = 0; i < n; i++)
        if (!add_element(a, &elements, first + i)) return false;
    return true;
}

/* The n elements that follow the cursor in pages, of which `bits` says whether they were ever written. */
static bool add_pages(array *a, cn__h5_in *in, const unsigned char *bits, uint64_t first_bit, uint64_t first,
                      uint64_t n)
{
    for (uint64_t page = 0; n; page++) {
        uint64_t  count = CN__MIN(n, a->page);
        cn__h5_in one = *in;
        one.start = one.at, one.what = "a page of chunks' addresses";
        if (!cn__h5_skip(in, count * a->entry + 4)) return cn__h5_whole(in);
        if (!cn__h5_charge(&a->r->walk, count * a->entry + 4, one.at)) return false;
        if (bit_of(bits, first_bit + page) && !add_elements(a, &one, first, count)) return false;
        first += count, n -= count;
    }
    return true;
}

/* What every block begins with; some say after it, in `place` bytes, where in the array they stand. */
static bool open_block(array *a, uint64_t address, const char *letters, unsigned place, cn__h5_in *in)
{
    if (!cn__h5_signed(a->f, address, letters, 0, "a block of chunks' addresses", in)) return false;
    unsigned filtered = (unsigned)cn__h5_uint(in, 1);
    uint64_t owner = cn__h5_address(in);
    cn__h5_skip(in, place);
    if (!cn__h5_whole(in)) return false;
    return (filtered == a->r->filtered && owner == a->address) ||
           cn__h5_bad(a->f, CN_E_FORMAT, in->start, "a block of chunks' addresses belongs to another index");
}

static bool open_array(cn__h5_reading *r, const char *letters, array *a, cn__h5_in *in)
{
    *a = (array){ .r = r, .f = r->f, .address = r->l->chunks.address };
    if (!cn__h5_signed(r->f, a->address, letters, 0, "an array of chunks", in)) return false;
    unsigned filtered = (unsigned)cn__h5_uint(in, 1), least = r->f->address_size + (r->filtered ? 4 + 1 : 0);
    a->entry = (unsigned)cn__h5_uint(in, 1);
    if (!cn__h5_whole(in)) return false;
    return (filtered == r->filtered && a->entry >= least && a->entry <= least + (r->filtered ? 7 : 0)) ||
           cn__h5_bad(r->f, CN_E_FORMAT, in->start, "an array of chunks of kind %u has elements of %u bytes", filtered,
                      a->entry);
}

/* ---- Fixed: one block -------------------------------------------------------------------------------------------- */
bool cn__h5_fixed_array(cn__h5_reading *r)
{
    array     a;
    cn__h5_in in;
    uint64_t  all = 1;
    if (!open_array(r, "FAHD", &a, &in)) return false;
    unsigned page_log = (unsigned)cn__h5_uint(&in, 1);
    uint64_t n = cn__h5_length(&in), block = cn__h5_address(&in);
    if (!cn__h5_sealed(&in)) return false;
    bool fit = page_log < 32;
    for (int k = 0; k < r->rank; k++) {
        fit = fit && r->most[k] && !__builtin_mul_overflow(all, r->most[k], &all);
        a.order[k] = k;
    }
    if (!fit || n != all)
        return cn__h5_bad(r->f, CN_E_FORMAT, in.start, "an array for %llu chunks has %llu elements",
                          (unsigned long long)all, (unsigned long long)n);
    a.page = (uint64_t)1 << page_log;
    if (block == CN__H5_NOWHERE) return true;
    if (!open_block(&a, block, "FADB", 0, &in)) return false;
    uint64_t pages = pages_of(&a, n);
    if (!pages) return add_elements(&a, &in, 0, n);
    const unsigned char *bits = cn__h5_skip(&in, (pages + 7) / 8);
    return bits ? cn__h5_sealed(&in) && add_pages(&a, &in, bits, 0, 0, n) : cn__h5_whole(&in);
}

/* ---- Extensible: blocks that grow; the first ones named by an index block, the rest by super blocks -------------- */
typedef struct growth { unsigned blocks, in_index; uint64_t first, least, pointers; } growth;

static bool read_growth(array *a, cn__h5_in *in, growth *g, uint64_t *index)
{
    unsigned bits = (unsigned)cn__h5_uint(in, 1), least_log, pointers_log;
    g->first = cn__h5_uint(in, 1), g->least = cn__h5_uint(in, 1), g->pointers = cn__h5_uint(in, 1);
    unsigned page_log = (unsigned)cn__h5_uint(in, 1);
    cn__h5_skip(in, 6 * (uint64_t)a->f->length_size);    /* what has been made so far */
    *index = cn__h5_address(in);
    if (!cn__h5_sealed(in)) return false;
    if (bits > 63 || page_log > 31 || !cn__h5_power(g->least, &least_log) ||
        !cn__h5_power(g->pointers, &pointers_log) || least_log > bits || 2 * pointers_log > 1 + bits - least_log)
        return cn__h5_bad(a->f, CN_E_FORMAT, in->start,
                          "an array of chunks grows to 2^%u elements by blocks of %llu, %llu each", bits,
                          (unsigned long long)g->least, (unsigned long long)g->pointers);
    a->page = (uint64_t)1 << page_log;
    a->offset_size = (bits + 7) / 8;
    g->blocks = 1 + bits - least_log, g->in_index = 2 * pointers_log;
    return true;
}

/* Dimensions in the order of counting: the one without an end first. */
static bool read_order(array *a)
{
    int endless = 0;
    for (int k = 0, next = 1; k < a->r->rank; k++) {
        if (a->r->most[k]) {
            if (next < a->r->rank) a->order[next++] = k;
        } else {
            endless++, a->order[0] = k;
        }
    }
    return endless == 1 ||
           cn__h5_bad(a->f, CN_E_FORMAT, NULL, "has %d dimensions without an end; its index is for one", endless);
}

static bool add_block(array *a, uint64_t address, uint64_t first, uint64_t n, const unsigned char *bits,
                      uint64_t first_bit)
{
    cn__h5_in in;
    if (address == CN__H5_NOWHERE) return true;
    if (!open_block(a, address, "EADB", a->offset_size, &in) || !cn__h5_charge(&a->r->walk, n, in.start)) return false;
    if (!pages_of(a, n)) return add_elements(a, &in, first, n);
    if (bits) return cn__h5_sealed(&in) && add_pages(a, &in, bits, first_bit, first, n);
    return cn__h5_bad(a->f, CN_E_FORMAT, in.start, "an index block names a block of %llu elements in pages",
                      (unsigned long long)n);
}

static bool add_super(array *a, uint64_t address, uint64_t first, uint64_t blocks, uint64_t n)
{
    cn__h5_in in;
    if (address == CN__H5_NOWHERE) return true;
    if (!open_block(a, address, "EASB", a->offset_size, &in)) return false;
    uint64_t pages = pages_of(a, n);
    if (blocks > in.f->n || pages > in.f->n) return in.over = true, cn__h5_whole(&in);
    const unsigned char *bits = cn__h5_skip(&in, blocks * ((pages + 7) / 8));
    cn__h5_in addresses = in;
    cn__h5_skip(&in, blocks * a->f->address_size);
    if (!cn__h5_sealed(&in) || !cn__h5_charge(&a->r->walk, (uint64_t)(in.at - in.start), in.start)) return false;
    for (uint64_t i = 0; i < blocks; i++)
        if (!add_block(a, cn__h5_address(&addresses), first + i * n, n, bits, i * pages)) return false;
    return true;
}

bool cn__h5_extensible_array(cn__h5_reading *r)
{
    array     a;
    growth    g = { 0 };
    cn__h5_in in, start;
    uint64_t  index;
    if (!open_array(r, "EAHD", &a, &in) || !read_growth(&a, &in, &g, &index) || !read_order(&a)) return false;
    if (index == CN__H5_NOWHERE) return true;
    if (!open_block(&a, index, "EAIB", 0, &in)) return false;
    start = in;
    cn__h5_skip(&in, g.first * a.entry);
    cn__h5_in addresses = in;
    cn__h5_skip(&in, (2 * (g.pointers - 1) + g.blocks - g.in_index) * r->f->address_size);
    if (!cn__h5_sealed(&in)) return false;
    for (uint64_t i = 0; i < g.first; i++)
        if (!add_element(&a, &start, i)) return false;
    uint64_t first = g.first;
    for (unsigned u = 0; u < g.blocks; u++) {            /* group u: 2^(u/2) blocks of least * 2^((u+1)/2) elements */
        uint64_t blocks = (uint64_t)1 << u / 2, n = g.least << (u + 1) / 2;
        for (uint64_t i = 0; u < g.in_index && i < blocks; i++)
            if (!add_block(&a, cn__h5_address(&addresses), first + i * n, n, NULL, 0)) return false;
        if (u >= g.in_index && !add_super(&a, cn__h5_address(&addresses), first, blocks, n)) return false;
        first += blocks * n;
    }
    return true;
}
