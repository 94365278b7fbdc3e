/* hdf5_tree.c: walks B-trees of both versions (III.A) in the order of their keys. */
#include "formats/hdf5_file.h"

/* ---- Version 1 --------------------------------------------------------------------------------------------------- */
typedef struct tree1 {
    cn__h5_walk walk;
    unsigned type, most;                                 /* entries of a node; 0: not known */
    size_t   key;                                        /* bytes */
    cn__h5_entry_fn *entry;
    void    *user;
} tree1;

enum { ANY_LEVEL = -1, MOST_LEVELS = 64 };

static bool walk_node(tree1 *t, uint64_t address, int level)
{
    cn__h5   *f = t->walk.f;
    cn__h5_in in;
    if (!cn__h5_at(f, address, CN__H5_NOWHERE, "a B-tree's node", &in)) return false;
    const unsigned char *letters = cn__h5_skip(&in, 4);
    unsigned type = (unsigned)cn__h5_uint(&in, 1), found = (unsigned)cn__h5_uint(&in, 1),
             n = (unsigned)cn__h5_uint(&in, 2);
    cn__h5_skip(&in, 2 * f->address_size);               /* the nodes beside */
    if (!cn__h5_whole(&in)) return false;
    if (memcmp(letters, "TREE", 4))
        return cn__h5_bad(f, CN_E_FORMAT, letters, "a B-tree's node does not begin with \"TREE\"");
    if (type != t->type || found > MOST_LEVELS || (level != ANY_LEVEL && found != (unsigned)level))
        return cn__h5_bad(f, CN_E_FORMAT, letters,
                          "a B-tree's node of type %u stands at level %u; type %u was expected, and level %d",
                          type, found, t->type, level == ANY_LEVEL ? MOST_LEVELS : level);
    if (t->most && n > t->most)
        return cn__h5_bad(f, CN_E_FORMAT, letters, "a B-tree's node has %u entries, of %u at most", n, t->most);
    cn__h5_in entries = in;
    uint64_t  bytes = n * (uint64_t)(t->key + f->address_size) + t->key;
    cn__h5_skip(&in, bytes);
    if (!cn__h5_whole(&in) || !cn__h5_charge(&t->walk, (uint64_t)(in.at - in.start), letters)) return false;
    for (unsigned i = 0; i < n; i++) {
        const unsigned char *key = cn__h5_skip(&entries, t->key);
        uint64_t child = cn__h5_address(&entries);
        if (!(found ? walk_node(t, child, (int)found - 1) : t->entry(t->user, key, child))) return false;
    }
    return true;
}

bool cn__h5_tree1(cn__h5 *f, uint64_t address, unsigned type, size_t key, unsigned most, cn__h5_entry_fn *entry,
                  void *user)
{
    tree1 t = { cn__h5_walk_of(f, "a B-tree"), type, most, key, entry, user };
    return walk_node(&t, address, ANY_LEVEL);
}

/* ---- Version 2: records stand in inner nodes too ----------------------------------------------------------------- */
enum { MOST_DEPTH = 16, AROUND = 10 };                   /* AROUND: letters, version, type, checksum */

typedef struct tree2 {
    cn__h5_walk walk;
    unsigned type;
    uint64_t record;                                     /* bytes */
    uint64_t most[MOST_DEPTH + 1];                       /* records of a node at a height; of leaves: most[0] */
    unsigned count_size, below_size[MOST_DEPTH + 1];     /* bytes of the number of records in a child; and below it */
    cn__h5_record_fn *each;
    void    *user;
} tree2;

/* How many records fit in a node of each height, and how wide the counts of them are. */
static bool lay_out(tree2 *t, uint64_t node, unsigned depth)
{
    uint64_t below = t->most[0] = node > AROUND && t->record ? (node - AROUND) / t->record : 0;
    t->count_size = cn__h5_bytes_for(below);
    for (unsigned h = 1; h <= depth; h++) {
        uint64_t pointer = t->walk.f->address_size + t->count_size + t->below_size[h - 1];
        t->most[h] = node > AROUND + pointer ? (node - AROUND - pointer) / (t->record + pointer) : 0;
        if (__builtin_mul_overflow(below, t->most[h] + 1, &below) || __builtin_add_overflow(below, t->most[h], &below))
            below = UINT64_MAX;
        t->below_size[h] = cn__h5_bytes_for(below);
    }
    for (unsigned h = 0; h <= depth; h++)
        if (!t->most[h]) return false;
    return true;
}

static bool walk_records(tree2 *t, uint64_t address, uint64_t n, unsigned height)
{
    cn__h5   *f = t->walk.f;
    cn__h5_in in, records, children, record;
    if (!cn__h5_signed(f, address, height ? "BTIN" : "BTLF", 0, "a B-tree's node", &in)) return false;
    unsigned type = (unsigned)cn__h5_uint(&in, 1);
    if (type != t->type || n > t->most[height])
        return cn__h5_bad(f, CN_E_FORMAT, in.start,
                          "a B-tree's node has type %u and %llu records; type %u and at most %llu were expected",
                          type, (unsigned long long)n, t->type, (unsigned long long)t->most[height]);
    records = in;
    cn__h5_skip(&in, n * t->record);                     /* most[height] of them fit in a node: no overflow */
    children = in;
    const unsigned below = height ? t->below_size[height - 1] : 0;
    if (height) cn__h5_skip(&in, (n + 1) * (f->address_size + t->count_size + below));
    if (!cn__h5_sealed(&in) || !cn__h5_charge(&t->walk, (uint64_t)(in.at - in.start), in.start)) return false;
    for (uint64_t i = 0; i <= n; i++) {
        if (height) {
            uint64_t child = cn__h5_address(&children), count = cn__h5_uint(&children, t->count_size);
            cn__h5_skip(&children, below);
            if (!walk_records(t, child, count, height - 1)) return false;
        }
        if (i == n) break;
        record = records;
        record.start = cn__h5_skip(&records, t->record), record.end = records.at, record.what = "a B-tree's record";
        if (!t->each(t->user, &record) || !cn__h5_whole(&record)) return false;
    }
    return true;
}

bool cn__h5_tree2(cn__h5 *f, uint64_t address, unsigned type, cn__h5_record_fn *each, void *user)
{
    tree2     t = { .walk = cn__h5_walk_of(f, "a B-tree"), .type = type, .each = each, .user = user };
    cn__h5_in in;
    if (!cn__h5_signed(f, address, "BTHD", 0, "a B-tree", &in)) return false;
    unsigned found = (unsigned)cn__h5_uint(&in, 1);
    uint64_t node = cn__h5_uint(&in, 4);
    t.record = cn__h5_uint(&in, 2);
    unsigned depth = (unsigned)cn__h5_uint(&in, 2);
    cn__h5_skip(&in, 2);                                 /* when nodes are split and merged */
    uint64_t root = cn__h5_address(&in), n = cn__h5_uint(&in, 2);
    cn__h5_length(&in);                                  /* of records in all */
    if (!cn__h5_sealed(&in)) return false;
    if (found != type)
        return cn__h5_bad(f, CN_E_FORMAT, in.start, "a B-tree has type %u; %u was expected", found, type);
    if (depth > MOST_DEPTH || !lay_out(&t, node, depth))
        return cn__h5_bad(f, CN_E_FORMAT, in.start,
                          "a B-tree is %u deep and has nodes of %llu bytes for records of %llu", depth,
                          (unsigned long long)node, (unsigned long long)t.record);
    return root == CN__H5_NOWHERE || walk_records(&t, root, n, depth);
}
