/* hdf5_walk.h: reads all that an HDF5 file holds and says it as text, in the words of tests/golden/make_h5.py. */
#ifndef HDF5_WALK_H
#define HDF5_WALK_H
#include "base/dtype.h"
#include "formats/hdf5.h"
#include <inttypes.h>

typedef struct walk {
    cn_ctx *ctx;
    cn__h5 *file;
    cn__text *out;                                       /* NULL: only read */
    size_t  left;                                        /* objects that are still visited: links may lead anywhere */
} walk;

static uint64_t walk_hash(uint64_t h, const void *bytes, size_t n)           /* FNV-1a */
{
    for (size_t i = 0; i < n; i++) h = (h ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    return h;
}

static void walk_head(walk *w, const cn__h5_data *d, uint64_t hash)
{
    if (!w->out) return;
    cn__text_add(w->out, "%s", cn__dtype_name(d->dtype));
    if (d->empty) {
        cn__text_add(w->out, " empty\n");
        return;
    }
    for (int k = 0; k < d->rank; k++) cn__text_add(w->out, "%s%lld", k ? " " : " [", (long long)d->dim[k]);
    cn__text_add(w->out, "%s %016" PRIx64, d->rank ? "]" : " []", hash);
}

/* attribute NULL: of a data set */
static bool walk_strings(walk *w, const cn__h5_object *o, const char *attribute, const cn__h5_data *d)
{
    cn__arena    mem = { .ctx = w->ctx };
    uint64_t     hash = 0xcbf29ce484222325u;
    const char **s = attribute ? cn__h5_attr_strings(w->file, o, attribute, &mem)
                               : cn__h5_read_strings(w->file, o, &mem);
    for (int64_t i = 0; s && i < d->n; i++) hash = walk_hash(hash, s[i], strlen(s[i]) + 1);
    if (s) walk_head(w, d, hash);
    if (s && w->out && !d->empty) {
        for (int64_t i = 0; i < d->n && i < 4; i++) {
            int n = 0;                                   /* bytes of the first 30 characters */
            for (int left = 30; s[i][n]; n++)
                if ((s[i][n] & 0xc0) != 0x80 && !left--) break;
            cn__text_add(w->out, " \"%.*s\"", n, s[i]);
        }
        cn__text_add(w->out, "\n");
    }
    cn__arena_free(&mem);
    return s;
}

static bool walk_numbers(walk *w, const cn__h5_object *o, const char *attribute, const cn__h5_data *d)
{
    size_t size = (size_t)d->n * cn__dtype_size(d->dtype);
    void  *at = cn__alloc(w->ctx, size);
    bool ok = at && (attribute ? cn__h5_attr_read(w->file, o, attribute, at, size) : cn__h5_read(w->file, o, at, size));
    if (!at) cn__nomem(w->ctx);
    if (ok) walk_head(w, d, walk_hash(0xcbf29ce484222325u, at, size));
    const void *there = ok && !attribute ? cn__h5_in_place(w->file, o) : NULL;
    if (there && memcmp(there, at, size)) ok = false;
    if (ok && w->out && !d->empty) {
        for (int64_t i = 0; i < d->n && i < 4; i++) cn__text_add(w->out, " %.9g", cn__load(d->dtype, at, (size_t)i));
        cn__text_add(w->out, "\n");
    }
    cn__free(w->ctx, at, size);
    return ok;
}

static bool walk_values(walk *w, const cn__h5_object *o, const char *attribute, const cn__h5_data *d)
{
    return d->dtype == CN_STRING ? walk_strings(w, o, attribute, d) : walk_numbers(w, o, attribute, d);
}

/* false: an error was recorded, the walk stops there */
static bool walk_object(walk *w, const cn__h5_object *o, const char *path)
{
    size_t      n;
    cn__h5_data d;
    if (!w->left || strlen(path) > 4000) return true;    /* a soft link may lead upwards */
    w->left--;
    const char *const *names = cn__h5_attr_names(w->file, o, &n);
    for (size_t i = 0; i < n; i++) {
        if (!cn__h5_attr(w->file, o, names[i], &d)) return false;
        if (w->out) cn__text_add(w->out, "%s @%s ", *path ? path : "/", names[i]);
        if (!walk_values(w, o, names[i], &d)) return false;
    }
    if (cn__h5_failed(w->file)) return false;
    if (!cn__h5_is_group(o)) {
        if (!cn__h5_data_of(w->file, o, &d)) return false;
        if (w->out) cn__text_add(w->out, "%s ", path);
        return walk_values(w, o, NULL, &d);
    }
    const cn__h5_link *links = cn__h5_links(w->file, o, &n);
    for (size_t i = 0; i < n; i++) {
        cn__arena mem = { .ctx = w->ctx };
        const cn__h5_object *child = cn__h5_find(w->file, o, links[i].name);
        const char *below = cn__arena_printf(&mem, "%s/%s", path, links[i].name);
        if (!below) cn__nomem(w->ctx);
        bool ok = below && (child ? walk_object(w, child, below) : !cn__h5_failed(w->file));
        if (!child && ok && w->out) cn__text_add(w->out, "%s nothing\n", below);
        cn__arena_free(&mem);
        if (!ok) return false;
    }
    return !cn__h5_failed(w->file);
}

/* Opens and reads all; false: an error was recorded. */
static bool walk_file(cn_ctx *ctx, const char *name, const void *bytes, size_t n, cn__text *out)
{
    walk w = { .ctx = ctx, .out = out, .left = 20000 };
    w.file = cn__h5_open(ctx, NULL, name, bytes, n);
    bool ok = w.file && walk_object(&w, cn__h5_root(w.file), "");
    cn__h5_close(w.file);
    return ok;
}
#endif
