/* hdf5_object.c: object headers of both versions (IV.A): the messages of a group or a data set, continuations followed.
   */
#include "formats/hdf5_file.h"

enum { SHARED = 1 << 1, MUST_KNOW = 1 << 7 };            /* flags of a message */
enum { LAST_KIND = 0x17 };                               /* of the messages that this version of the format has */
enum { MOST_MESSAGES = 1 << 16 };                        /* they are counted in 16 bits */

typedef struct header {
    cn__h5        *f;
    cn__h5_walk    walk;
    unsigned       version, order;                       /* order: bytes of a message's number, 0 or 2 (version 2) */
    CN__VEC(cn__h5_message) found;
} header;

static bool wanted(unsigned kind)
{
    static const bool table[LAST_KIND + 1] = {
#define CN__H5_MESSAGE(id, number) [number] = true,
        CN__H5_MESSAGES(CN__H5_MESSAGE)
#undef CN__H5_MESSAGE
        [CN__H5_CONTINUATION] = true
    };
    return kind <= LAST_KIND && table[kind];
}

/* The messages of one piece of the header, without what begins and seals it. */
static bool read_messages(header *h, cn__h5_in in)
{
    const unsigned kind_size = h->version == 1 ? 2 : 1, before = h->version == 1 ? 8 : 4 + h->order;
    while (cn__h5_rest(&in) >= before) {
        const unsigned char *at = in.at;
        unsigned kind = (unsigned)cn__h5_uint(&in, kind_size);
        uint32_t n = (uint32_t)cn__h5_uint(&in, 2);
        uint8_t  flags = (uint8_t)cn__h5_uint(&in, 1);
        cn__h5_skip(&in, before - kind_size - 3);
        const unsigned char *bytes = cn__h5_skip(&in, n);
        if (!bytes)
            return cn__h5_bad(h->f, CN_E_FORMAT, at, "a message of kind %u has %u bytes, its object header %zu more",
                              kind, n, (size_t)cn__h5_rest(&in));
        if (kind > LAST_KIND && flags & MUST_KNOW)
            return cn__h5_bad(h->f, CN_E_UNSUPPORTED, at, "holds a message of the unknown kind %u that must be known",
                              kind);
        if (!wanted(kind)) continue;
        if (h->found.n == MOST_MESSAGES)
            return cn__h5_bad(h->f, CN_E_LIMIT, at, "has more than %d messages in its object header", MOST_MESSAGES);
        if (!cn__push(h->f->ctx, &h->found, (cn__h5_message){ (uint8_t)kind, flags, n, bytes }))
            return cn__h5_nomem(h->f);
    }
    return true;
}

/* A piece of n bytes; those of version 2 begin with letters and end with a checksum. */
static bool read_piece(header *h, uint64_t address, uint64_t n)
{
    cn__h5_in in;
    if (!cn__h5_at(h->f, address, n, "a piece of the object header", &in) || !cn__h5_charge(&h->walk, n + 1, in.at))
        return false;
    if (h->version == 1) return read_messages(h, in);
    const unsigned char *letters = cn__h5_skip(&in, 4);
    if (!letters || memcmp(letters, "OCHK", 4) || cn__h5_rest(&in) < 4)
        return cn__h5_bad(h->f, CN_E_FORMAT, in.start, "a piece of the object header does not begin with \"OCHK\"");
    cn__h5_in messages = in;
    in.at = messages.end = in.end - 4;
    return cn__h5_sealed(&in) && read_messages(h, messages);
}

static bool read_old(header *h, cn__h5_in *in)
{
    cn__h5_skip(in, 7);                                  /* reserved, number of messages, number of links */
    uint64_t n = cn__h5_uint(in, 4);
    cn__h5_skip(in, 4);                                  /* up to a multiple of 8 */
    return cn__h5_whole(in) && read_piece(h, (uint64_t)(in->at - h->f->at), n);
}

static bool read_new(header *h, cn__h5_in *in)
{
    cn__h5_skip(in, 1);                                  /* the version: cn__h5_signed saw it */
    unsigned flags = (unsigned)cn__h5_uint(in, 1);
    h->order = flags & 1 << 2 ? 2 : 0;
    cn__h5_skip(in, (flags & 1 << 5 ? 16 : 0) + (flags & 1 << 4 ? 4 : 0));   /* times; limits of compact attributes */
    uint64_t n = cn__h5_uint(in, 1u << (flags & 3));
    cn__h5_in messages = *in;
    if (!cn__h5_skip(in, n)) return cn__h5_whole(in);
    messages.end = in->at;
    return cn__h5_sealed(in) && cn__h5_charge(&h->walk, (uint64_t)(in->at - in->start), in->start) &&
           read_messages(h, messages);
}

/* Continuations stand among the messages; reading one adds to these. */
static bool read_header(header *h, uint64_t address)
{
    cn__h5_in in, next;
    if (!cn__h5_at(h->f, address, CN__H5_NOWHERE, "the object header", &in)) return false;
    h->version = in.at[0];
    if (h->version == 'O') {
        h->version = 2;
        if (!cn__h5_signed(h->f, address, "OHDR", 2, "the object header", &in)) return false;
        in.at = in.start + 4;
    } else if (h->version != 1) {
        return cn__h5_bad(h->f, CN_E_FORMAT, in.at, "no object header begins with byte 0x%02x", h->version);
    } else {
        cn__h5_skip(&in, 1);
    }
    if (!(h->version == 1 ? read_old : read_new)(h, &in)) return false;
    for (size_t i = 0; i < h->found.n; i++) {
        if (h->found.at[i].kind != CN__H5_CONTINUATION) continue;
        if (!cn__h5_open_message(h->f, &h->found.at[i], "the continuation of an object header", &next)) return false;
        uint64_t at = cn__h5_address(&next), n = cn__h5_length(&next);
        if (!cn__h5_whole(&next) || !read_piece(h, at, n)) return false;
    }
    return true;
}

/* ---- Objects ----------------------------------------------------------------------------------------------------- */
static const char *path_of(cn__h5 *f, const cn__h5_object *parent, const char *name)
{
    if (!parent) return *name ? name : "/";
    size_t before = parent->parent ? strlen(parent->path) : 0, n = strlen(name);
    char  *path = cn__h5_take(f, (uint64_t)before + n + 2, 1);
    if (!path) return NULL;
    memcpy(path, parent->path, before);
    path[before] = '/';
    memcpy(path + before + 1, name, n);
    return path;
}

/* No group lies in itself, and not too many in each other. */
static bool check_place(cn__h5_object *o)
{
    const char *now = o->f->now;
    o->f->now = o->path;
    bool ok = !o->group || o->depth <= CN__H5_DEEPEST ||
              cn__h5_bad(o->f, CN_E_LIMIT, NULL, "lies %d groups deep; at most %d are read", o->depth, CN__H5_DEEPEST);
    for (const cn__h5_object *p = o->parent; ok && p; p = p->parent)
        if (p->address == o->address)
            ok = cn__h5_bad(o->f, CN_E_FORMAT, o->f->at + o->address, "is the group \"%s\" in which it lies", p->path);
    o->f->now = now;
    return ok;
}

cn__h5_object *cn__h5_object_at(cn__h5 *f, const cn__h5_object *parent, const char *name, uint64_t address)
{
    const char    *now = f->now;
    cn__h5_object *o = cn__h5_take(f, 1, sizeof *o);
    const char    *path = o ? path_of(f, parent, name) : NULL;
    if (!path) return NULL;
    *o = (cn__h5_object){
        .f = f, .parent = parent, .path = path, .address = address, .depth = parent ? parent->depth + 1 : 0
    };
    header h = { .f = f, .walk = cn__h5_walk_of(f, "the object header") };
    f->now = path;
    bool ok = read_header(&h, address);
    if (ok) o->messages = cn__h5_take(f, h.found.n, sizeof *o->messages);
    if (ok && o->messages && h.found.n) memcpy(o->messages, h.found.at, h.found.n * sizeof *o->messages);
    o->n_messages = h.found.n;
    cn__vec_free(f->ctx, &h.found);
    f->now = now;
    if (!ok || !o->messages) return NULL;
    o->group = cn__h5_message_of(o, CN__H5_SYMBOLS) || cn__h5_message_of(o, CN__H5_LINK_INFO);
    return check_place(o) ? o : NULL;
}

const cn__h5_message *cn__h5_message_of(const cn__h5_object *o, int kind)
{
    for (size_t i = 0; i < o->n_messages; i++)
        if (o->messages[i].kind == kind) return &o->messages[i];
    return NULL;
}

bool cn__h5_open_message(cn__h5 *f, const cn__h5_message *m, const char *what, cn__h5_in *in)
{
    if (m->flags & SHARED)
        return cn__h5_bad(f, CN_E_UNSUPPORTED, m->at,
                          "%s is shared with other objects (a committed type, or shared messages): not read", what);
    *in = (cn__h5_in){ .f = f, .start = m->at, .at = m->at, .end = m->at + m->n, .what = what };
    return true;
}
