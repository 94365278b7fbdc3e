/* zip_write.c: writing zip archives, see zip_write.h. Sizes and checksums stand before the members, so each member is
   emitted twice. Sizes and offsets from 4 GiB - 1 on go into zip64's fields, and only those. */
#include "base/zip_write.h"
#include "base/deflate.h"
#include "base/zip_format.h"

enum { VERSION = 20, VERSION_64 = 45, DATE = 1 << 5 | 1 /* 1980-01-01, the first there is */, UTF8 = 1 << 11 };
enum { UNIX = 3 << 8, MODE = 0100644 };

typedef struct member { uint64_t size, offset; uint32_t crc; } member;

/* What goes through is measured. */
typedef struct tally { cn__sink *to; uint64_t size; uint32_t crc; } tally;

static bool count(void *user, const void *bytes, size_t n)
{
    tally *t = user;
    t->size += n, t->crc = cn__crc32(t->crc, bytes, n);
    return !t->to || t->to->put(t->to->user, bytes, n);
}

typedef struct writer {
    cn_ctx     *ctx;
    const char *site, *path;
    cn__sink   *to;
    uint64_t    at;
} writer;

/* A record that is put together: the largest one, without its name. */
typedef struct record { unsigned char at[CN__ZIP_END64_SIZE + 32]; size_t n; } record;

static void add(record *r, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) r->at[r->n++] = (unsigned char)(value >> 8 * i);
}

static uint64_t in32(uint64_t value) { return CN__MIN(value, CN__ZIP_IN_64); }

static bool put(writer *w, const void *bytes, size_t n)
{
    w->at += n;
    return w->to->put(w->to->user, bytes, n);
}

/* What both headers of a member say: versions, flags, method, date, checksum, sizes, length of name and extra field. */
static void add_member(record *r, const char *name, const member *m, size_t extra, bool wide)
{
    size_t n = strlen(name), ascii = 0;
    while (ascii < n && (unsigned char)name[ascii] < 0x80) ascii++;
    add(r, wide ? VERSION_64 : VERSION, 2), add(r, ascii < n ? UTF8 : 0, 2), add(r, 0, 2);
    add(r, 0, 2), add(r, DATE, 2);
    add(r, m->crc, 4), add(r, in32(m->size), 4), add(r, in32(m->size), 4);
    add(r, n, 2), add(r, extra, 2);
}

static bool put_member(writer *w, const cn__zip_entry *e, member *m)
{
    tally    look = { .to = NULL }, write = { .to = w->to };
    uint64_t size;
    if (!e->emit(e->user, &(cn__sink){ count, &look }, &size)) return false;
    *m = (member){ look.size, w->at, look.crc };
    bool   wide = m->size >= CN__ZIP_IN_64;
    record r = { .n = 0 }, extra = { .n = 0 };
    if (wide) add(&extra, CN__ZIP_EXTRA64, 2), add(&extra, 16, 2), add(&extra, m->size, 8), add(&extra, m->size, 8);
    add(&r, CN__ZIP_LOCAL, 4);
    add_member(&r, e->name, m, extra.n, wide);
    if (!put(w, r.at, r.n) || !put(w, e->name, strlen(e->name)) || !put(w, extra.at, extra.n)) return false;
    if (!e->emit(e->user, &(cn__sink){ count, &write }, &size)) return false;
    w->at += write.size;
    if (write.size == look.size && write.crc == look.crc) return true;
    cn__fail(w->ctx, w->site, CN_E_STATE, "%s: \"%s\" changed while it was being written. Nothing may train the model "
             "meanwhile.", w->path, e->name);
    return false;
}

static bool put_entry(writer *w, const char *name, const member *m)
{
    record r = { .n = 0 }, extra = { .n = 0 };
    bool   wide = m->size >= CN__ZIP_IN_64, far = m->offset >= CN__ZIP_IN_64;
    if (wide || far) add(&extra, CN__ZIP_EXTRA64, 2), add(&extra, wide * 16u + far * 8u, 2);
    if (wide) add(&extra, m->size, 8), add(&extra, m->size, 8);
    if (far) add(&extra, m->offset, 8);
    add(&r, CN__ZIP_ENTRY, 4), add(&r, UNIX | (wide || far ? VERSION_64 : VERSION), 2);
    add_member(&r, name, m, extra.n, wide || far);
    add(&r, 0, 2), add(&r, 0, 2), add(&r, 0, 2);         /* comment, disk, is it text */
    add(&r, (uint32_t)MODE << 16, 4), add(&r, in32(m->offset), 4);
    return put(w, r.at, r.n) && put(w, name, strlen(name)) && put(w, extra.at, extra.n);
}

static bool put_end(writer *w, uint64_t directory, size_t n)
{
    record   r = { .n = 0 };
    uint64_t size = w->at - directory, here = w->at;
    if (n >= UINT16_MAX || size >= CN__ZIP_IN_64 || directory >= CN__ZIP_IN_64) {
        add(&r, CN__ZIP_END64, 4), add(&r, CN__ZIP_END64_SIZE - 12, 8);
        add(&r, UNIX | VERSION_64, 2), add(&r, VERSION_64, 2);
        add(&r, 0, 4), add(&r, 0, 4), add(&r, n, 8), add(&r, n, 8), add(&r, size, 8), add(&r, directory, 8);
        add(&r, CN__ZIP_LOCATOR, 4), add(&r, 0, 4), add(&r, here, 8), add(&r, 1, 4);
        if (!put(w, r.at, r.n)) return false;
        r.n = 0;
    }
    n = CN__MIN(n, UINT16_MAX);
    add(&r, CN__ZIP_END, 4), add(&r, 0, 2), add(&r, 0, 2), add(&r, n, 2), add(&r, n, 2);      /* one disk */
    add(&r, in32(size), 4), add(&r, in32(directory), 4), add(&r, 0, 2);
    return put(w, r.at, r.n);
}

bool cn__zip_emit(cn_ctx *ctx, const char *site, const char *path, const cn__zip_entry *entries, size_t n, cn__sink *to)
{
    writer  w = { ctx, site, path, to, 0 };
    member *m = cn__alloc(ctx, n * sizeof *m);
    bool    good = m != NULL;
    if (!m) cn__nomem(ctx);
    for (size_t i = 0; good && i < n; i++) good = put_member(&w, &entries[i], &m[i]);
    uint64_t directory = w.at;
    for (size_t i = 0; good && i < n; i++) good = put_entry(&w, entries[i].name, &m[i]);
    good = good && put_end(&w, directory, n);
    cn__free(ctx, m, n * sizeof *m);
    return good;
}

cn_status cn__zip_save(cn_ctx *ctx, const char *site, const char *path, const cn__zip_entry *entries, size_t n)
{
    cn__save *file = cn__save_begin(ctx, site, path);
    if (!file) return (cn_error)(ctx);
    if (cn__zip_emit(ctx, site, path, entries, n, &(cn__sink){ cn__save_put, file })) return cn__save_end(file);
    cn__save_abandon(file);
    return (cn_error)(ctx);
}
