/* hdf5_attr.c: attributes (IV.A.2.m), among an object's messages or in a fractal heap (IV.A.2.v). Their names are
   listed at the first question; type, shape and values are read at each. */
#include "formats/hdf5_file.h"
#include <stdlib.h>

typedef struct head { unsigned version; uint64_t name, type, space; } head;  /* bytes of the three */

/* Up to the name, which ends in a NUL. */
static bool read_head(cn__h5_in *in, head *h, const char **name)
{
    enum { SHARED_TYPE = 1 << 0, SHARED_SPACE = 1 << 1 };
    h->version = (unsigned)cn__h5_uint(in, 1);
    unsigned flags = (unsigned)cn__h5_uint(in, 1);
    h->name = cn__h5_uint(in, 2), h->type = cn__h5_uint(in, 2), h->space = cn__h5_uint(in, 2);
    if (h->version == 3) cn__h5_skip(in, 1);             /* the name's characters: ASCII or UTF-8 */
    if (!cn__h5_whole(in)) return false;
    if (h->version < 1 || h->version > 3)
        return cn__h5_bad(in->f, CN_E_UNSUPPORTED, in->start, "has an attribute of version %u; 1 to 3 can be read",
                          h->version);
    *name = (const char *)cn__h5_skip(in, h->version == 1 ? (h->name + 7) & ~(uint64_t)7 : h->name);
    if (!cn__h5_whole(in)) return false;
    if (!h->name || (*name)[h->name - 1] || strlen(*name) != h->name - 1)
        return cn__h5_bad(in->f, CN_E_FORMAT, in->start,
                          "has an attribute whose name of %llu bytes does not end in a NUL",
                          (unsigned long long)h->name);
    return h->version == 1 || !(flags & (SHARED_TYPE | SHARED_SPACE)) ||
           cn__h5_bad(in->f, CN_E_UNSUPPORTED, in->start,
                      "attribute \"%s\" has a committed type or a shared data space", *name);
}

/* ---- The list ---------------------------------------------------------------------------------------------------- */
typedef struct listing { cn__h5 *f; cn__h5_heap *heap; CN__VEC(cn__h5_attribute) found; } listing;

static bool add(listing *l, const cn__h5_message *m)
{
    cn__h5_in in;
    head      h;
    cn__h5_attribute a = { .message = *m };
    if (!cn__h5_open_message(l->f, m, "an attribute", &in) || !read_head(&in, &h, &a.name)) return false;
    if (!cn__h5_room(l->f, 3 * sizeof a * (l->found.n + 1))) return false;   /* the list doubles as it grows */
    return cn__push(l->f->ctx, &l->found, a) || cn__h5_nomem(l->f);
}

static bool add_record(void *user, cn__h5_in *record)
{
    listing  *l = user;
    cn__h5_in in;
    if (!cn__h5_heap_get(l->heap, record, &in)) return false;
    uint64_t n = cn__h5_rest(&in);
    if (n > UINT32_MAX)
        return cn__h5_bad(l->f, CN_E_LIMIT, in.at, "has an attribute of %llu bytes", (unsigned long long)n);
    cn__h5_message m = { CN__H5_ATTRIBUTE, (uint8_t)cn__h5_uint(record, 1), (uint32_t)n, in.at };
    return add(l, &m);
}

static bool list_dense(listing *l, const cn__h5_message *info)
{
    enum { ATTRIBUTE_NAMES = 8, NUMBERED = 1 << 0 };
    cn__h5_in in;
    if (!cn__h5_open_message(l->f, info, "the attribute info", &in)) return false;
    unsigned version = (unsigned)cn__h5_uint(&in, 1), flags = (unsigned)cn__h5_uint(&in, 1);
    cn__h5_skip(&in, flags & NUMBERED ? 2 : 0);          /* the highest number given so far */
    uint64_t heap = cn__h5_address(&in), tree = cn__h5_address(&in);
    if (!cn__h5_whole(&in)) return false;
    if (version)
        return cn__h5_bad(l->f, CN_E_UNSUPPORTED, in.start, "the attribute info has version %u, not 0", version);
    if (heap == CN__H5_NOWHERE) return true;
    l->heap = cn__h5_heap_open(l->f, heap);
    bool ok = l->heap && cn__h5_tree2(l->f, tree, ATTRIBUTE_NAMES, add_record, l);
    cn__h5_heap_close(l->heap);
    return ok;
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static bool keep(listing *l, cn__h5_object *o)
{
    size_t n = l->found.n;
    o->attributes = cn__h5_take(l->f, n, sizeof *o->attributes);
    const char **names = o->attributes ? cn__h5_take(l->f, n, sizeof *names) : NULL;
    if (!names) return false;
    for (size_t i = 0; i < n; i++) o->attributes[i] = l->found.at[i];
    if (n) qsort(o->attributes, n, sizeof *o->attributes, by_name);          /* the name is the first member */
    for (size_t i = 0; i < n; i++) {
        names[i] = o->attributes[i].name;
        if (i && !strcmp(names[i - 1], names[i]))
            return cn__h5_bad(l->f, CN_E_FORMAT, l->f->at + o->address, "has two attributes named \"%s\"", names[i]);
    }
    o->attribute_names = names, o->n_attributes = n;
    return true;
}

static bool list(cn__h5_object *o)
{
    cn__h5 *f = o->f;
    if (o->named)
        return o->attribute_names || cn__h5_bad(f, CN_E_FORMAT, NULL, "has attributes that could not be read");
    listing l = { .f = f };
    const cn__h5_message *info = cn__h5_message_of(o, CN__H5_ATTRIBUTE_INFO);
    o->named = true;
    bool ok = true;
    for (size_t i = 0; ok && i < o->n_messages; i++)
        if (o->messages[i].kind == CN__H5_ATTRIBUTE) ok = add(&l, &o->messages[i]);
    ok = ok && (!info || list_dense(&l, info)) && keep(&l, o);
    cn__vec_free(f->ctx, &l.found);
    return ok;
}

const char *const *cn__h5_attr_names(cn__h5 *f, const cn__h5_object *object, size_t *n)
{
    cn__h5_object *o = (cn__h5_object *)object;
    f->now = o->path;
    bool ok = list(o);
    f->now = NULL;
    *n = ok ? o->n_attributes : 0;
    return *n ? o->attribute_names : NULL;
}

/* ---- One of them ------------------------------------------------------------------------------------------------- */
typedef struct value {
    cn__h5_type  type;
    cn__h5_space space;
    uint64_t     bytes;
    const unsigned char *at;
} value;

/* The next n bytes, filled up to a multiple of 8 in version 1, for what is described in them. */
static bool part(cn__h5_in *in, const head *h, uint64_t n, cn__h5_in *piece)
{
    *piece = *in;
    piece->start = in->at;
    cn__h5_skip(in, h->version == 1 ? (n + 7) & ~(uint64_t)7 : n);
    if (!cn__h5_whole(in)) return false;
    piece->end = piece->start + n;
    return true;
}

static bool read_value(cn__h5 *f, const cn__h5_attribute *a, value *v)
{
    cn__h5_in   in, piece;
    head        h;
    const char *name;
    if (!cn__h5_open_message(f, &a->message, "an attribute", &in) || !read_head(&in, &h, &name)) return false;
    if (!part(&in, &h, h.type, &piece) || !cn__h5_type_of(&piece, &v->type)) return false;
    if (!part(&in, &h, h.space, &piece) || !cn__h5_space_of(&piece, &v->space)) return false;
    if (!cn__h5_bytes_of(f, &v->type, &v->space, &v->bytes)) return false;
    v->at = in.at;
    return v->bytes <= cn__h5_rest(&in) ||
           cn__h5_bad(f, CN_E_FORMAT, in.at, "attribute \"%s\" needs %llu bytes and has %llu", name,
                      (unsigned long long)v->bytes, (unsigned long long)cn__h5_rest(&in));
}

/* Whether it is there and sound; where it must be, its absence is recorded. On success f->now is the object's path. */
static bool open(cn__h5 *f, const cn__h5_object *object, const char *name, bool must, value *v)
{
    cn__h5_object   *o = (cn__h5_object *)object;
    cn__h5_attribute wanted = { .name = name }, *a = NULL;
    f->now = o->path;
    bool ok = list(o);
    if (ok && o->n_attributes) a = bsearch(&wanted, o->attributes, o->n_attributes, sizeof wanted, by_name);
    if (ok && !a && must) cn__h5_bad(f, CN_E_NAME, NULL, "has no attribute \"%s\"", name);
    ok = a && read_value(f, a, v);
    if (!ok) f->now = NULL;
    return ok;
}

bool cn__h5_attr(cn__h5 *f, const cn__h5_object *o, const char *name, cn__h5_data *d)
{
    value v;
    if (!open(f, o, name, false, &v)) return false;
    cn__h5_describe(&v.type, &v.space, d);
    f->now = NULL;
    return true;
}

bool cn__h5_attr_read(cn__h5 *f, const cn__h5_object *o, const char *name, void *to, size_t bytes)
{
    value v;
    if (!open(f, o, name, true, &v)) return false;
    bool ok = cn__h5_numbers(f, &v.type, v.bytes, bytes);
    if (ok && v.bytes) memcpy(to, v.at, v.bytes);
    ok = ok && cn__h5_convert(f, &v.type, to, v.space.n);
    f->now = NULL;
    return ok;
}

const char **cn__h5_attr_strings(cn__h5 *f, const cn__h5_object *o, const char *name, cn__arena *mem)
{
    value v;
    if (!open(f, o, name, true, &v)) return NULL;
    const char **list_of = cn__h5_texts(f, &v.type) ? cn__h5_strings(f, &v.type, v.at, v.space.n, mem) : NULL;
    f->now = NULL;
    return list_of;
}
