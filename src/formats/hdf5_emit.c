/* hdf5_emit.c: lays the tree of hdf5_write.c out as an HDF5 file and writes it, the way HDF5 itself does by default:
   superblock 0, groups as symbol tables (object header, local heap, symbol nodes, B-tree), contiguous data. The file is
   walked twice: first nothing is put and every structure learns its address, then it is written. Section numbers are of
   the "HDF5 File Format Specification Version 3.0". */
#include "formats/hdf5_write.h"
#include "base/dtype.h"

enum { LEAF_K = 4, TREE_K = 16 };                        /* HDF5's defaults: half of a node's entries */
enum { PER_LEAF = 2 * LEAF_K, PER_NODE = 2 * TREE_K };
enum { LEAF_SIZE = 8 + 40 * PER_LEAF, NODE_SIZE = 24 + 8 * (PER_NODE + 1) + 8 * PER_NODE };
enum { HEADER_SIZE = 16, SUPERBLOCK_SIZE = 96, MOST_MESSAGE = 0xfff8 };
enum { DATASPACE = 0x01, DATATYPE = 0x03, FILL = 0x05, LAYOUT = 0x08, ATTRIBUTE = 0x0c, SYMBOL_TABLE = 0x11 };
#define NOWHERE UINT64_MAX

typedef struct emitter {
    cn__h5_out *out;
    cn__sink   *sink;                                    /* NULL: only the addresses */
    uint64_t    at;
    bool        stop;
} emitter;

static void put(emitter *e, const void *bytes, size_t n)
{
    e->at += n;
    if (e->sink && n && !e->stop) e->stop = !e->sink->put(e->sink->user, bytes, n);
}

static void put_int(emitter *e, uint64_t value, size_t n)               /* little-endian */
{
    unsigned char bytes[8];
    for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)(value >> 8 * i);
    put(e, bytes, n);
}

static void put_zeros(emitter *e, uint64_t n)
{
    static const unsigned char zeros[512];
    for (; n > sizeof zeros; n -= sizeof zeros) put(e, zeros, sizeof zeros);
    put(e, zeros, (size_t)n);
}

static void align(emitter *e) { put_zeros(e, cn__h5_round8(e->at) - e->at); }

/* ---- Messages of object headers (IV.A.2) ---------------------------------------------------------------------------

   Each is written by a function of one thing; its size is that of a walk that puts nothing. */
typedef void message_fn(emitter *, const void *);

static uint64_t measure(message_fn *f, const void *of)
{
    emitter e = { .at = 0 };
    f(&e, of);
    return e.at;
}

static void put_dataspace(emitter *e, const void *value)                 /* IV.A.2.b, version 1 */
{
    const cn__h5_value *v = value;
    put_int(e, 1, 1), put_int(e, (uint64_t)v->rank, 1), put_int(e, v->rank > 0, 1), put_zeros(e, 5);
    for (int most = 0; most < 2; most++)                 /* the sizes, and the largest that they may become: the same */
        for (int i = 0; i < v->rank; i++) put_int(e, (uint64_t)v->dim[i], 8);
}

static void put_type_head(emitter *e, unsigned class, unsigned bits, size_t size)      /* version 1 */
{
    put_int(e, 0x10 | class, 1), put_int(e, bits, 3), put_int(e, size, 4);
}

static void put_integer(emitter *e, size_t size, bool negative)
{
    put_type_head(e, 0, negative ? 8 : 0, size);
    put_int(e, 0, 2), put_int(e, 8 * size, 2);           /* the first bit, and how many */
}

static void put_float(emitter *e, size_t size)           /* IEEE 754 */
{
    unsigned fraction = size == 2 ? 10 : size == 4 ? 23 : 52, all = 8 * (unsigned)size, exponent = all - 1 - fraction;
    put_type_head(e, 1, 0x20 | (all - 1) << 8, size);    /* the fraction's first bit is implied, the sign is the last */
    put_int(e, 0, 2), put_int(e, all, 2);
    put_int(e, fraction, 1), put_int(e, exponent, 1), put_int(e, 0, 1), put_int(e, fraction, 1);
    put_int(e, (1u << (exponent - 1)) - 1, 4);
}

static void put_datatype(emitter *e, const void *value)                  /* IV.A.2.d */
{
    const cn__h5_value *v = value;
    cn__dtype_class class = cn__dtype_class_of(v->dtype);
    if (v->dtype == CN_STRING && v->data) put_type_head(e, 3, 1, v->width);             /* filled up with NUL, ASCII */
    else if (v->dtype == CN_STRING) {
        put_type_head(e, 9, 0x101, v->width);            /* a string of variable length, UTF-8 ... */
        put_integer(e, 1, false);                        /* ... of bytes */
    } else if (v->dtype == CN_BFLOAT16) put_type_head(e, 5, 0, v->width);               /* opaque, without a tag */
    else if (v->dtype == CN_BOOL) {
        put_type_head(e, 8, 2, v->width);                /* an enumeration of two */
        put_integer(e, 1, true);
        put(e, "FALSE\0\0\0TRUE\0\0\0\0\0\1", 18);
    } else if (class == CN__CLASS_F) put_float(e, v->width);
    else put_integer(e, v->width, class == CN__CLASS_I);
}

static void put_fill(emitter *e, const void *value)      /* IV.A.2.f, version 2: space late, the default value */
{
    const cn__h5_value *v = value;
    bool texts = v->dtype == CN_STRING && !v->data;
    put_int(e, 2, 1), put_int(e, 2, 1), put_int(e, texts ? 0 : 2, 1), put_int(e, 1, 1), put_int(e, 0, 4);
}

static void put_layout(emitter *e, const void *node)     /* IV.A.2.i, version 3: contiguous */
{
    const cn__h5_node *d = node;
    put_int(e, 3, 1), put_int(e, 1, 1);
    put_int(e, d->value.bytes ? d->data : NOWHERE, 8), put_int(e, d->value.bytes, 8);
}

static void put_value(emitter *e, const cn__h5_value *v)
{
    if (v->dtype != CN_STRING || v->data) put(e, v->data, v->bytes);
    else if (!e->out) put_zeros(e, v->bytes);            /* to be measured only */
    else
        for (size_t i = 0; i < v->n; i++) {
            const cn__h5_text *t = &e->out->texts.at[v->text + i];
            put_int(e, t->size, 4), put_int(e, e->out->heaps.at[t->heap].address, 8), put_int(e, t->index, 4);
        }
}

static void put_attribute(emitter *e, const void *attribute)             /* IV.A.2.m, version 1 */
{
    const cn__h5_attribute *a = attribute;
    size_t name = strlen(a->name) + 1;
    put_int(e, 1, 2), put_int(e, name, 2);
    put_int(e, measure(put_datatype, &a->value), 2), put_int(e, measure(put_dataspace, &a->value), 2);
    put(e, a->name, name), align(e);
    put_datatype(e, &a->value), align(e);
    put_dataspace(e, &a->value), align(e);
    put_value(e, &a->value);
}

static void put_table(emitter *e, const void *node)      /* IV.A.2.r */
{
    const cn__h5_node *g = node;
    put_int(e, g->tree, 8), put_int(e, g->heap, 8);
}

static void put_message(emitter *e, unsigned type, bool constant, message_fn *f, const void *of)
{
    uint64_t size = cn__h5_round8(measure(f, of));
    if (size > MOST_MESSAGE && e->out) {
        cn__h5_out_fail(e->out, CN_E_LIMIT, "attribute \"%s\" takes %llu bytes; one of HDF5 has at most %d",
                        ((const cn__h5_attribute *)of)->name, (unsigned long long)size, MOST_MESSAGE);
        e->stop = true;
        return;
    }
    put_int(e, type, 2), put_int(e, size, 2), put_int(e, constant, 1), put_zeros(e, 3);
    f(e, of), align(e);
}

static void put_messages(emitter *e, const void *node)
{
    const cn__h5_node *n = node;
    if (n->group) put_message(e, SYMBOL_TABLE, false, put_table, n);
    else {
        put_message(e, DATASPACE, false, put_dataspace, &n->value);
        put_message(e, DATATYPE, true, put_datatype, &n->value);
        put_message(e, FILL, true, put_fill, &n->value);
        put_message(e, LAYOUT, false, put_layout, n);
    }
    for (size_t i = 0; i < n->attributes.n; i++)
        put_message(e, ATTRIBUTE, false, put_attribute, &n->attributes.at[i]);
}

static void put_header(emitter *e, cn__h5_node *n)       /* IV.A.1.a, version 1, in one piece */
{
    n->header = e->at;
    put_int(e, 1, 2), put_int(e, (n->group ? 1 : 4) + n->attributes.n, 2);
    put_int(e, 1, 4);                                    /* links to it */
    put_int(e, measure(put_messages, n), 4), put_zeros(e, 4);
    put_messages(e, n);
}

/* ---- Groups ------------------------------------------------------------------------------------------------------ */
static void put_local_heap(emitter *e, cn__h5_node *g)   /* III.D: the names, the empty one first */
{
    uint64_t size = 8;
    for (size_t i = 0; i < g->links.n; i++) {
        g->links.at[i]->name_at = size;
        size += cn__h5_round8(strlen(g->links.at[i]->name) + 1);
    }
    g->heap = e->at;
    put(e, "HEAP\0\0\0", 8), put_int(e, size, 8);
    put_int(e, 1, 8);                                    /* no free space */
    put_int(e, e->at + 8, 8);                            /* they follow */
    put_zeros(e, 8);
    for (size_t i = 0; i < g->links.n; i++) put(e, g->links.at[i]->name, strlen(g->links.at[i]->name) + 1), align(e);
}

static void put_entry(emitter *e, const cn__h5_node *n)  /* III.C */
{
    put_int(e, n->name_at, 8), put_int(e, n->header, 8);
    put_int(e, n->group, 4), put_zeros(e, 4);            /* of groups their tree and heap are here again */
    put_int(e, n->group ? n->tree : 0, 8), put_int(e, n->group ? n->heap : 0, 8);
}

static void put_leaves(emitter *e, const cn__h5_node *g) /* III.B: symbol nodes, all full but the last */
{
    for (size_t i = 0; i < g->links.n; i += PER_LEAF) {
        uint64_t end = e->at + LEAF_SIZE;
        size_t   n = CN__MIN(g->links.n - i, (size_t)PER_LEAF);
        put(e, "SNOD\1", 6), put_int(e, n, 2);
        for (size_t k = 0; k < n; k++) put_entry(e, g->links.at[i + k]);
        put_zeros(e, end - e->at);
    }
}

/* One level of the tree (III.A.1): count children of child_size bytes from `first` on, under each of which are `span`
   links. The key before a child is the last name of the one before, that after it its own last name. */
static void put_level(emitter *e, const cn__h5_node *g, unsigned level, uint64_t first, size_t child_size, size_t count,
                      size_t span)
{
    uint64_t start = e->at;
    size_t   nodes = CN__MAX((count + PER_NODE - 1) / PER_NODE, (size_t)1);
    for (size_t k = 0; k < nodes; k++) {
        uint64_t here = start + k * NODE_SIZE;
        size_t   from = k * PER_NODE, n = CN__MIN(count - from, (size_t)PER_NODE);
        put(e, "TREE", 5), put_int(e, level, 1), put_int(e, n, 2);
        put_int(e, k ? here - NODE_SIZE : NOWHERE, 8), put_int(e, k + 1 < nodes ? here + NODE_SIZE : NOWHERE, 8);
        for (size_t i = from; i <= from + n; i++) {
            size_t before = CN__MIN(i * span, g->links.n);
            put_int(e, before ? g->links.at[before - 1]->name_at : 0, 8);
            if (i < from + n) put_int(e, first + i * child_size, 8);
        }
        put_zeros(e, here + NODE_SIZE - e->at);
    }
}

static void put_group(emitter *e, cn__h5_node *g)
{
    put_local_heap(e, g);
    uint64_t first = e->at;
    size_t   count = (g->links.n + PER_LEAF - 1) / PER_LEAF, child_size = LEAF_SIZE, span = PER_LEAF;
    put_leaves(e, g);
    for (unsigned level = 0;; level++) {
        uint64_t start = e->at;
        put_level(e, g, level, first, child_size, count, span);
        g->tree = start;
        if (count <= PER_NODE) return;
        count = (count + PER_NODE - 1) / PER_NODE, first = start, child_size = NODE_SIZE, span *= PER_NODE;
    }
}

/* ---- The file ---------------------------------------------------------------------------------------------------- */
static void put_superblock(emitter *e)                   /* II.A, version 0 */
{
    const cn__h5_node *root = e->out->nodes.at[0];
    put(e, "\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08", 16);
    put_int(e, LEAF_K, 2), put_int(e, TREE_K, 2), put_int(e, 0, 4);
    put_int(e, 0, 8), put_int(e, NOWHERE, 8), put_int(e, e->out->size, 8), put_int(e, NOWHERE, 8);
    put_entry(e, root);
}

static void put_heap(emitter *e, cn__h5_heap *h)         /* III.E: a global heap collection */
{
    h->address = e->at;
    put(e, "GCOL\1\0\0", 8), put_int(e, h->size, 8);
    for (size_t i = 0; i < h->n; i++) {
        const cn__h5_text *t = &e->out->texts.at[h->first + i];
        put_int(e, t->index, 8), put_int(e, t->size, 8);
        put(e, t->at, t->size), align(e);
    }
    uint64_t left = h->size - h->used;                   /* the free space is object 0 */
    if (left >= CN__H5_HEAP_ITEM) put_int(e, 0, 8), put_int(e, left, 8), left -= CN__H5_HEAP_ITEM;
    put_zeros(e, left);
}

static void put_file(emitter *e)
{
    put_superblock(e);
    for (size_t i = 0; i < e->out->nodes.n && !e->stop; i++) {
        cn__h5_node *n = e->out->nodes.at[i];
        put_header(e, n);
        if (n->group) put_group(e, n);
        else n->data = e->at, put_value(e, &n->value), align(e);
    }
    for (size_t i = 0; i < e->out->heaps.n && !e->stop; i++) put_heap(e, &e->out->heaps.at[i]);
}

bool cn__h5_emit(cn__h5_out *out, cn__sink *sink, uint64_t *size)
{
    emitter look = { .out = out }, write = { .out = out, .sink = sink };
    if (cn__h5_new_root(out) && !out->error.status) put_file(&look);
    if (out->error.status) return cn__fail(out->ctx, NULL, out->error.status, "%s", out->error.text), false;
    out->size = look.at;
    if (size) *size = out->size;
    if (sink) put_file(&write);
    return !write.stop;
}
