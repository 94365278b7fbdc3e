/* hdf5_heap.c: the three heaps: local (a group's names: III.D), global (strings of variable length: III.E), fractal
   (links and attributes where there are many: III.G). */
#include "formats/hdf5_file.h"
#include <stdlib.h>

/* ---- Local ------------------------------------------------------------------------------------------------------- */
enum { END_OF_FREE = 1 };                                /* instead of the offset of a free block */

bool cn__h5_names_open(cn__h5 *f, uint64_t address, cn__h5_names *names)
{
    cn__h5_in in, bytes;
    if (!cn__h5_signed(f, address, "HEAP", 0, "a group's heap of names", &in)) return false;
    cn__h5_skip(&in, 3);
    uint64_t n = cn__h5_length(&in), unused = cn__h5_length(&in), at = cn__h5_address(&in);
    if (!cn__h5_whole(&in)) return false;
    if (unused != END_OF_FREE && unused != UINT64_MAX && unused > n - CN__MIN(n, 2 * (uint64_t)f->length_size))
        return cn__h5_bad(f, CN_E_FORMAT, in.start, "a heap of names has %llu bytes, but is free from byte %llu on",
                          (unsigned long long)n, (unsigned long long)unused);
    if (!cn__h5_at(f, at, n, "the bytes of a group's names", &bytes)) return false;
    *names = (cn__h5_names){ f, bytes.at, n };
    return true;
}

const char *cn__h5_name_at(cn__h5_names *names, uint64_t offset)
{
    const char *name = (const char *)names->at + CN__MIN(offset, names->n);
    if (offset < names->n && memchr(name, 0, (size_t)(names->n - offset))) return name;
    cn__h5_bad(names->f, CN_E_FORMAT, names->at, "a name begins at byte %llu of a heap of %llu and does not end in it",
               (unsigned long long)offset, (unsigned long long)names->n);
    return NULL;
}

/* ---- Global: collections, each read once into a table by the objects' numbers ------------------------------------ */
typedef struct item { const unsigned char *at; uint64_t n; } item;
typedef struct collection { uint32_t count; item *items; } collection;

enum { ITEM = 8 };                                      /* bytes of number, users and reserved ones before its length */

/* Calls for each object; the first pass finds the highest number. */
static bool scan_collection(cn__h5_in in, collection *c)
{
    cn__h5 *f = in.f;
    while (cn__h5_rest(&in) >= ITEM + f->length_size) {
        const unsigned char *at = in.at;
        unsigned index = (unsigned)cn__h5_uint(&in, 2);
        cn__h5_skip(&in, ITEM - 2);
        uint64_t n = cn__h5_length(&in);
        if (!index) break;                               /* what is free */
        const unsigned char *bytes = cn__h5_skip(&in, n);
        if (!bytes)
            return cn__h5_bad(f, CN_E_FORMAT, at,
                              "object %u of a global heap has %llu bytes, %llu are left of the heap", index,
                              (unsigned long long)n, (unsigned long long)cn__h5_rest(&in));
        cn__h5_skip(&in, CN__MIN(-n & 7, cn__h5_rest(&in)));
        if (!c->items) c->count = CN__MAX(c->count, index + 1);
        else if (c->items[index].at)
            return cn__h5_bad(f, CN_E_FORMAT, at, "object %u of a global heap is there twice", index);
        else c->items[index] = (item){ bytes, n };
    }
    return true;
}

static collection *read_collection(cn__h5 *f, uint64_t address)
{
    cn__h5_in in;
    if (!cn__h5_signed(f, address, "GCOL", 1, "a global heap", &in)) return NULL;
    cn__h5_skip(&in, 3);
    uint64_t n = cn__h5_length(&in), head = (uint64_t)(in.at - in.start);
    if (!cn__h5_whole(&in)) return NULL;
    if (n < head || n > cn__h5_rest(&in) + head) {
        cn__h5_bad(f, CN_E_FORMAT, in.start, "a global heap has %llu bytes, the file %llu from there on",
                   (unsigned long long)n, (unsigned long long)(cn__h5_rest(&in) + head));
        return NULL;
    }
    in.end = in.start + n;
    collection *c = cn__h5_take(f, 1, sizeof *c);
    if (!c || !scan_collection(in, c)) return NULL;
    c->items = cn__h5_take(f, c->count, sizeof *c->items);
    return c->items && scan_collection(in, c) ? c : NULL;
}

bool cn__h5_global(cn__h5 *f, uint64_t address, uint64_t index, const unsigned char **at, uint64_t *n)
{
    void *met = NULL;
    if (!cn__h5_met(&f->collections, address, &met)) {
        met = read_collection(f, address);
        if (!met || !cn__h5_meet(f, &f->collections, address, met)) return false;
    }
    const collection *c = met;
    if (!index || index >= c->count || !c->items[index].at)
        return cn__h5_bad(f, CN_E_FORMAT, f->at + address,
                          "a string is said to be object %llu of a global heap; there is none",
                          (unsigned long long)index);
    *at = c->items[index].at, *n = c->items[index].n;
    return true;
}

/* ---- Fractal: blocks of doubling size in rows of a table --------------------------------------------------------- */
typedef struct huge { uint64_t id, at, n; } huge;

struct cn__h5_heap {
    cn__h5  *f;
    uint64_t address, root, huge_tree;
    unsigned id_size, offset_size, length_size, huge_size;                   /* bytes in an object's id */
    unsigned width, first_log, direct_rows, root_rows;
    uint64_t first;                                      /* bytes of a block of the first row */
    bool     sealed;                                     /* direct blocks have checksums */
    bool     huge_read;
    huge    *huges;                                      /* by id */
    size_t   n_huges, cap_huges;
    cn__h5_seen checked;                                 /* blocks whose checksum was found right */
    cn__h5_walk walk;                                    /* over these */
};

/* What the header says is consistent, and few enough bytes that nothing below can overflow. */
static bool table_of(cn__h5_heap *h, cn__h5_in *in, uint64_t largest_object)
{
    h->width = (unsigned)cn__h5_uint(in, 2);
    h->first = cn__h5_length(in);
    uint64_t direct = cn__h5_length(in);
    unsigned bits = (unsigned)cn__h5_uint(in, 2), direct_log, width_log;
    cn__h5_skip(in, 2);                                  /* rows that the root begins with */
    h->root = cn__h5_address(in);
    h->root_rows = (unsigned)cn__h5_uint(in, 2);
    if (!cn__h5_whole(in)) return false;
    if (!cn__h5_power(h->first, &h->first_log) || !cn__h5_power(direct, &direct_log) || direct < h->first ||
        !cn__h5_power(h->width, &width_log) || bits > 63 || direct_log > 31 || direct_log > bits ||
        h->first_log + width_log > bits || h->root_rows > bits - h->first_log - width_log + 1 ||
        direct_log - h->first_log + 2 <= width_log)
        return cn__h5_bad(h->f, CN_E_FORMAT, in->start,
                          "a fractal heap is %u bits wide, with %u rows of %u blocks of %llu to %llu bytes",
                          bits, h->root_rows, h->width, (unsigned long long)h->first, (unsigned long long)direct);
    h->direct_rows = direct_log - h->first_log + 2;
    h->offset_size = (bits + 7) / 8;
    h->length_size = CN__MIN((direct_log + 7) / 8, cn__h5_bytes_for(largest_object));
    return true;
}

cn__h5_heap *cn__h5_heap_open(cn__h5 *f, uint64_t address)
{
    cn__h5_in    in;
    cn__h5_heap *h = cn__h5_take(f, 1, sizeof *h);
    if (!h || !cn__h5_signed(f, address, "FRHP", 0, "a fractal heap", &in)) return NULL;
    h->f = f, h->address = address, h->walk = cn__h5_walk_of(f, "a fractal heap");
    h->id_size = (unsigned)cn__h5_uint(&in, 2);
    unsigned filters = (unsigned)cn__h5_uint(&in, 2), flags = (unsigned)cn__h5_uint(&in, 1);
    uint64_t largest = cn__h5_uint(&in, 4);
    h->sealed = flags & 1 << 1;
    cn__h5_length(&in);                                  /* the next huge object's id */
    h->huge_tree = cn__h5_address(&in);
    h->huge_size = h->id_size ? CN__MIN(8, h->id_size - 1) : 0;
    cn__h5_skip(&in, 9 * (uint64_t)f->length_size + f->address_size);        /* free space, counts and sizes */
    if (!table_of(h, &in, largest)) return NULL;
    if (filters) {
        cn__h5_bad(f, CN_E_UNSUPPORTED, in.start, "a fractal heap is filtered; such links and attributes are not read");
        return NULL;
    }
    return cn__h5_sealed(&in) ? h : NULL;
}

void cn__h5_heap_close(cn__h5_heap *h)
{
    if (h) cn__vec_free(h->f->ctx, &h->checked);
}

/* The rest of what a block begins with: whose it is, and where it lies in the heap. */
static bool check_block(cn__h5_heap *h, cn__h5_in *in, uint64_t offset)
{
    uint64_t owner = cn__h5_address(in), found = cn__h5_uint(in, h->offset_size);
    if (!cn__h5_whole(in)) return false;
    return (owner == h->address && found == offset) ||
           cn__h5_bad(h->f, CN_E_FORMAT, in->start,
                      "a block of the fractal heap at byte %llu says that it is that of byte "
                      "%llu, and stands for offset %llu, not %llu",
                      (unsigned long long)h->address, (unsigned long long)owner, (unsigned long long)found,
                      (unsigned long long)offset);
}

/* The checksum of a direct block stands in it and counts as zeros. */
static bool check_sum(cn__h5_heap *h, cn__h5_in *block)
{
    size_t   before = (size_t)(block->at - block->start), size = (size_t)(block->end - block->start);
    uint32_t found = (uint32_t)cn__h5_uint(block, 4);
    unsigned char *copy = cn__h5_whole(block) ? cn__h5_borrow(h->f, size) : NULL;
    if (!copy) return false;
    memcpy(copy, block->start, size);
    memset(copy + before, 0, 4);
    bool right = cn__h5_same_sum(found, cn__h5_checksum(copy, size));
    cn__h5_return(h->f, copy, size);
    return right ||
           cn__h5_bad(h->f, CN_E_FORMAT, block->start, "a block of a fractal heap is damaged: its checksum is wrong");
}

/* Once for each block: sound, and no longer than what the file has left for such blocks. */
static bool check_once(cn__h5_heap *h, cn__h5_in *block, uint64_t address, bool table)
{
    if (cn__h5_met(&h->checked, address, NULL))
        return cn__h5_skip(block, table || h->sealed ? 4 : 0), cn__h5_whole(block);
    return (table ? cn__h5_sealed(block) : !h->sealed || check_sum(h, block)) &&
           cn__h5_charge(&h->walk, (uint64_t)((table ? block->at : block->end) - block->start), block->start) &&
           cn__h5_meet(h->f, &h->checked, address, NULL);
}

/* n bytes at an offset which is `from` behind the beginning of a direct block. */
static bool get_direct(cn__h5_heap *h, uint64_t address, uint64_t size, uint64_t offset, uint64_t from, uint64_t n,
                       cn__h5_in *object)
{
    cn__h5_in in;
    if (!cn__h5_signed(h->f, address, "FHDB", 0, "a block of a fractal heap", &in)) return false;
    if (size > (uint64_t)(in.end - in.start)) return in.over = true, cn__h5_whole(&in);
    in.end = in.start + size;
    if (!check_block(h, &in, offset) || !check_once(h, &in, address, false)) return false;
    if (from < (uint64_t)(in.at - in.start) || from > size || n > size - from)
        return cn__h5_bad(h->f, CN_E_FORMAT, in.start,
                          "an object of a fractal heap has %llu bytes at byte %llu of a block of %llu",
                          (unsigned long long)n, (unsigned long long)from, (unsigned long long)size);
    in.at = in.start + from, in.end = in.at + n, in.start = in.at, in.what = "an object of a fractal heap";
    *object = in;
    return true;
}

static uint64_t row_block(const cn__h5_heap *h, unsigned row) { return row ? h->first << (row - 1) : h->first; }

/* Down the tables of blocks, to the direct one in which an offset lies. */
static bool get_managed(cn__h5_heap *h, uint64_t offset, uint64_t n, cn__h5_in *object)
{
    uint64_t address = h->root, base = 0, size = h->first;
    unsigned rows = h->root_rows;
    while (rows) {
        cn__h5_in in;
        if (!cn__h5_signed(h->f, address, "FHIB", 0, "a table of a fractal heap", &in) || !check_block(h, &in, base))
            return false;
        uint64_t in_table = offset - base, first_row = h->width * h->first;
        unsigned row = in_table < first_row ? 0 : 64 - (unsigned)__builtin_clzll(in_table / first_row);
        if (row >= rows)
            return cn__h5_bad(h->f, CN_E_FORMAT, in.start,
                              "an object of a fractal heap lies at offset %llu, behind its %u rows",
                              (unsigned long long)offset, rows);
        size = row_block(h, row);
        uint64_t row_start = row ? first_row << (row - 1) : 0, column = (in_table - row_start) / size;
        cn__h5_in entry = in;
        cn__h5_skip(&in, (uint64_t)rows * h->width * h->f->address_size);
        if (!check_once(h, &in, address, true)) return false;
        cn__h5_skip(&entry, (row * (uint64_t)h->width + column) * h->f->address_size);
        address = cn__h5_address(&entry);
        base += row_start + column * size;
        rows = row < h->direct_rows ? 0 : row - (unsigned)__builtin_ctz(h->width);       /* > 0: see table_of */
    }
    return get_direct(h, address, size, base, offset - base, n, object);
}

/* ---- Huge objects lie in the file by themselves; a B-tree knows where -------------------------------------------- */
static bool add_huge(void *user, cn__h5_in *record)
{
    cn__h5_heap *h = user;
    huge one = { .at = cn__h5_address(record), .n = cn__h5_length(record) };
    one.id = cn__h5_length(record);
    if (h->n_huges && one.id <= h->huges[h->n_huges - 1].id)
        return cn__h5_bad(h->f, CN_E_FORMAT, record->start, "a fractal heap's large objects are not in order");
    if (h->n_huges == h->cap_huges) {
        size_t cap = h->cap_huges ? 2 * h->cap_huges : 16;
        huge  *more = cn__h5_take(h->f, cap, sizeof *more);
        if (!more) return false;
        if (h->n_huges) memcpy(more, h->huges, h->n_huges * sizeof *more);
        h->huges = more, h->cap_huges = cap;
    }
    h->huges[h->n_huges++] = one;
    return true;
}

static int by_id(const void *a, const void *b)
{
    const huge *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static bool get_huge(cn__h5_heap *h, cn__h5_in *id, cn__h5_in *object)
{
    enum { HUGE_BY_ID = 1 };                             /* the tree's type */
    cn__h5 *f = h->f;
    huge    wanted = { .id = 0 };
    const huge *found = &wanted;
    if (h->id_size > f->address_size + f->length_size) { /* the id itself says where */
        wanted.at = cn__h5_address(id), wanted.n = cn__h5_length(id);
    } else {
        wanted.id = cn__h5_uint(id, h->huge_size);
        if (!h->huge_read && !cn__h5_tree2(f, h->huge_tree, HUGE_BY_ID, add_huge, h)) return false;
        h->huge_read = true;
        found = h->n_huges ? bsearch(&wanted, h->huges, h->n_huges, sizeof wanted, by_id) : NULL;
    }
    if (!cn__h5_whole(id)) return false;
    if (!found)
        return cn__h5_bad(f, CN_E_FORMAT, id->start, "a fractal heap has no large object %llu",
                          (unsigned long long)wanted.id);
    return cn__h5_at(f, found->at, found->n, "a large object of a fractal heap", object);
}

bool cn__h5_heap_get(cn__h5_heap *h, cn__h5_in *record, cn__h5_in *object)
{
    enum { MANAGED, HUGE, TINY };
    cn__h5_in id = *record;
    const unsigned char *bytes = cn__h5_skip(record, h->id_size);
    if (!bytes || !h->id_size) return record->over = true, cn__h5_whole(record);
    id.start = bytes, id.end = record->at, id.what = "the id of an object of a fractal heap";
    unsigned first = (unsigned)cn__h5_uint(&id, 1), kind = first >> 4 & 3;
    if (kind == MANAGED && first >> 6 == 0) {
        uint64_t offset = cn__h5_uint(&id, h->offset_size), n = cn__h5_uint(&id, h->length_size);
        return cn__h5_whole(&id) && get_managed(h, offset, n, object);
    }
    if (kind == HUGE && first >> 6 == 0) return get_huge(h, &id, object);
    if (kind != TINY || first >> 6)
        return cn__h5_bad(h->f, CN_E_FORMAT, bytes, "an object of a fractal heap has an id that begins with 0x%02x",
                          first);
    uint64_t n = first & 15;
    if (h->id_size > 18) n = n << 8 | cn__h5_uint(&id, 1);
    *object = id;
    object->end = cn__h5_skip(&id, n + 1) ? id.at : id.end;
    object->start = object->at;
    return cn__h5_whole(&id);
}
