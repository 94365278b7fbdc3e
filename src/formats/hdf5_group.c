/* hdf5_group.c: the links of a group, in the three forms that there are, and paths through them. Symbol tables (III.A,
   III.C), links among the group's messages (IV.A.2.g), links in a fractal heap with a B-tree of their names (III.G). */
#include "formats/hdf5_file.h"
#include <stdlib.h>

typedef struct listing {
    cn__h5       *f;
    cn__h5_object *group;
    cn__h5_names  names;                                 /* of a symbol table */
    cn__h5_heap  *heap;                                  /* of dense links */
    cn__h5_walk   walk;
    CN__VEC(cn__h5_target) found;
} listing;

static bool add(listing *l, const cn__h5_target *t, const void *at)
{
    if (!*t->link.name || strchr(t->link.name, '/'))
        return cn__h5_bad(l->f, CN_E_FORMAT, at, "a link is named \"%s\"", t->link.name);
    if (!cn__h5_room(l->f, 3 * sizeof *t * (l->found.n + 1))) return false;  /* the list doubles as it grows */
    return cn__push(l->f->ctx, &l->found, *t) || cn__h5_nomem(l->f);
}

/* ---- Symbol tables ----------------------------------------------------------------------------------------------- */
enum { NO_CACHE, GROUP_CACHE, LINK_CACHE };              /* what an entry carries besides */

static bool add_entry(listing *l, cn__h5_in *in)
{
    cn__h5_target t = { .link.order = l->found.n };
    const unsigned char *start = in->at;
    uint64_t name = cn__h5_address(in);
    t.address = cn__h5_address(in);
    uint64_t cache = cn__h5_uint(in, 4);
    cn__h5_skip(in, 4);
    const unsigned char *more = cn__h5_skip(in, 16);
    t.link.name = cn__h5_name_at(&l->names, name);
    if (!t.link.name) return false;
    if (cache > LINK_CACHE)
        return cn__h5_bad(l->f, CN_E_FORMAT, start, "link \"%s\" is of the unknown kind %llu", t.link.name,
                          (unsigned long long)cache);
    if (cache == LINK_CACHE) {
        t.end = CN__H5_SOFT, t.link.soft = true;
        t.path = cn__h5_name_at(&l->names, cn__h5_u64(more, 4));
        if (!t.path) return false;
    }
    return add(l, &t, start);
}

static bool add_node(void *user, const unsigned char *key, uint64_t child)
{
    listing  *l = user;
    cn__h5_in in;
    (void)key;
    if (!cn__h5_signed(l->f, child, "SNOD", 1, "a symbol table's node", &in)) return false;
    cn__h5_skip(&in, 1);
    unsigned n = (unsigned)cn__h5_uint(&in, 2);
    if (l->f->group_leaf && n > l->f->group_leaf)
        return cn__h5_bad(l->f, CN_E_FORMAT, in.start, "a symbol table's node has %u links, of %u at most", n,
                          l->f->group_leaf);
    cn__h5_in entries = in;
    cn__h5_skip(&in, n * (2 * (uint64_t)l->f->address_size + 24));
    if (!cn__h5_whole(&in) || !cn__h5_charge(&l->walk, (uint64_t)(in.at - in.start), in.start)) return false;
    for (unsigned i = 0; i < n; i++)
        if (!add_entry(l, &entries)) return false;
    return true;
}

static bool list_symbols(listing *l, const cn__h5_message *m)
{
    enum { GROUP_TREE = 0 };
    cn__h5_in in;
    if (!cn__h5_open_message(l->f, m, "the symbol table", &in)) return false;
    uint64_t tree = cn__h5_address(&in), heap = cn__h5_address(&in);
    return cn__h5_whole(&in) && cn__h5_names_open(l->f, heap, &l->names) &&
           cn__h5_tree1(l->f, tree, GROUP_TREE, l->f->length_size, l->f->group_node, add_node, l);
}

/* ---- Link messages ----------------------------------------------------------------------------------------------- */
static bool add_link(listing *l, cn__h5_in *in)
{
    cn__h5_target t = { .link.order = l->found.n };
    unsigned version = (unsigned)cn__h5_uint(in, 1), flags = (unsigned)cn__h5_uint(in, 1);
    if (version != 1 && !in->over)
        return cn__h5_bad(l->f, CN_E_UNSUPPORTED, in->start, "a link has version %u, not 1", version);
    t.kind = flags & 1 << 3 ? (unsigned)cn__h5_uint(in, 1) : CN__H5_HARD;
    t.end = t.kind < CN__H5_OTHER ? (cn__h5_end)t.kind : CN__H5_OTHER;
    t.link.soft = t.end == CN__H5_SOFT;
    if (flags & 1 << 2) t.link.order = cn__h5_uint(in, 8);
    cn__h5_skip(in, flags & 1 << 4 ? 1 : 0);             /* the name's characters: ASCII or UTF-8 */
    uint64_t n = cn__h5_uint(in, 1u << (flags & 3));
    const unsigned char *name = cn__h5_skip(in, n), *value = NULL;
    uint64_t value_n = 0;
    if (t.end == CN__H5_HARD) t.address = cn__h5_address(in);
    else value_n = cn__h5_uint(in, 2), value = cn__h5_skip(in, value_n);
    if (!cn__h5_whole(in)) return false;
    if (memchr(name, 0, n) || (t.end == CN__H5_SOFT && memchr(value, 0, value_n)))
        return cn__h5_bad(l->f, CN_E_FORMAT, in->start, "a link's name or path has a NUL in it");
    t.link.name = cn__h5_copy_text(l->f, name, n);
    if (t.end == CN__H5_SOFT) t.path = cn__h5_copy_text(l->f, value, value_n);
    return t.link.name && (t.end != CN__H5_SOFT || t.path) && add(l, &t, in->start);
}

static bool add_record(void *user, cn__h5_in *record)
{
    listing  *l = user;
    cn__h5_in link;
    cn__h5_skip(record, 4);                              /* the name's hash */
    return cn__h5_heap_get(l->heap, record, &link) && add_link(l, &link);
}

static bool list_messages(listing *l, const cn__h5_message *info)
{
    enum { LINK_NAMES = 5 };
    cn__h5_in in;
    if (!cn__h5_open_message(l->f, info, "the link info", &in)) return false;
    unsigned version = (unsigned)cn__h5_uint(&in, 1), flags = (unsigned)cn__h5_uint(&in, 1);
    if (version && !in.over)
        return cn__h5_bad(l->f, CN_E_UNSUPPORTED, in.start, "the link info has version %u, not 0", version);
    cn__h5_skip(&in, flags & 1 ? 8 : 0);                 /* the highest number given so far */
    uint64_t heap = cn__h5_address(&in), tree = cn__h5_address(&in);
    if (!cn__h5_whole(&in)) return false;
    for (size_t i = 0; i < l->group->n_messages; i++)
        if (l->group->messages[i].kind == CN__H5_LINK &&
            !(cn__h5_open_message(l->f, &l->group->messages[i], "a link", &in) && add_link(l, &in))) return false;
    if (heap == CN__H5_NOWHERE) return true;
    l->heap = cn__h5_heap_open(l->f, heap);
    bool ok = l->heap && cn__h5_tree2(l->f, tree, LINK_NAMES, add_record, l);
    cn__h5_heap_close(l->heap);
    return ok;
}

/* ---- The list, by name ------------------------------------------------------------------------------------------- */
static int by_name(const void *a, const void *b)
{
    return strcmp(((const cn__h5_target *)a)->link.name, ((const cn__h5_target *)b)->link.name);
}

static bool keep(listing *l)
{
    cn__h5_object *o = l->group;
    size_t n = l->found.n;
    if (n) qsort(l->found.at, n, sizeof *l->found.at, by_name);
    for (size_t i = 1; i < n; i++)
        if (!strcmp(l->found.at[i - 1].link.name, l->found.at[i].link.name))
            return cn__h5_bad(l->f, CN_E_FORMAT, l->f->at + o->address, "has two links named \"%s\"",
                              l->found.at[i].link.name);
    o->targets = cn__h5_take(l->f, n, sizeof *o->targets);
    o->links = o->targets ? cn__h5_take(l->f, n, sizeof *o->links) : NULL;
    if (!o->links) return false;
    for (size_t i = 0; i < n; i++) o->targets[i] = l->found.at[i], o->links[i] = l->found.at[i].link;
    o->n_links = n;
    return true;
}

/* Once for each group; a damaged one has no links, each time it is asked. */
static bool list(cn__h5_object *o)
{
    if (o->listed) return o->links || cn__h5_bad(o->f, CN_E_FORMAT, NULL, "has links that could not be read");
    const cn__h5_message *symbols = cn__h5_message_of(o, CN__H5_SYMBOLS),
                         *info = cn__h5_message_of(o, CN__H5_LINK_INFO);
    listing l = { .f = o->f, .group = o, .walk = cn__h5_walk_of(o->f, "a symbol table") };
    o->listed = true;
    bool ok = (symbols ? list_symbols(&l, symbols) : list_messages(&l, info)) && keep(&l);
    cn__vec_free(o->f->ctx, &l.found);
    return ok;
}

const cn__h5_link *cn__h5_links(cn__h5 *f, const cn__h5_object *group, size_t *n)
{
    cn__h5_object *o = (cn__h5_object *)group;
    *n = 0;
    if (!o || !o->group) return NULL;
    f->now = o->path;
    bool ok = list(o);
    f->now = NULL;
    if (!ok || !o->n_links) return NULL;
    *n = o->n_links;
    return o->links;
}

/* ---- Paths ------------------------------------------------------------------------------------------------------- */
static cn__h5_object *find(cn__h5 *f, cn__h5_object *group, const char *path, int *soft);

static cn__h5_target *target_of(cn__h5_object *o, const char *name, size_t n)
{
    size_t low = 0, high = o->n_links;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *there = o->links[middle].name;
        int order = strncmp(there, name, n);
        if (!order && !there[n]) return &o->targets[middle];
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

static cn__h5_object *follow(cn__h5_object *group, cn__h5_target *t, int *soft)
{
    cn__h5 *f = group->f;
    if (t->end == CN__H5_HARD) {
        if (!t->object) t->object = cn__h5_object_at(f, group, t->link.name, t->address);
        return t->object;
    }
    enum { EXTERNAL = 64 };
    if (t->end == CN__H5_OTHER) {
        if (t->kind == EXTERNAL)
            cn__h5_bad(f, CN_E_UNSUPPORTED, NULL, "\"%s\" is an external link; other files are never opened",
                       t->link.name);
        else
            cn__h5_bad(f, CN_E_UNSUPPORTED, NULL, "\"%s\" is a link of a user's own kind (%u)", t->link.name, t->kind);
        return NULL;
    }
    if (++*soft > CN__H5_SOFT_LINKS) {
        cn__h5_bad(f, CN_E_FORMAT, NULL, "\"%s\" leads through more than %d soft links", t->link.name,
                   CN__H5_SOFT_LINKS);
        return NULL;
    }
    return find(f, group, t->path, soft);
}

/* As deep as soft links lie in each other. */
static cn__h5_object *find(cn__h5 *f, cn__h5_object *group, const char *path, int *soft)
{
    cn__h5_object *o = *path == '/' ? f->root : group;
    while (o && *(path += strspn(path, "/"))) {
        size_t n = strcspn(path, "/");
        f->now = o->path;
        if (n != 1 || *path != '.') {
            if (!o->group || !list(o)) return NULL;
            cn__h5_target *t = target_of(o, path, n);
            o = t ? follow(o, t, soft) : NULL;
        }
        path += n;
    }
    return o;
}

const cn__h5_object *cn__h5_find(cn__h5 *f, const cn__h5_object *group, const char *path)
{
    int soft = 0;
    cn__h5_object *o = find(f, group ? (cn__h5_object *)group : f->root, path, &soft);
    f->now = NULL;
    return o;
}
