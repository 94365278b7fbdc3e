/* zip.c: reading zip archives, see zip.h. Every member of the central directory must be met again as a local header,
   and the members must fill the space before the directory without gap or overlap, in whatever order. */
#include "base/zip.h"
#include "base/deflate.h"
#include "base/zip_format.h"
#include <stdlib.h>
#include <string.h>

#define MOST_RATIO 1032                                  /* deflate cannot pack better: a 258-byte match takes 2 bits */
#define BIG        (256u << 20)                          /* above this a ratio of 100 is enough for every honest file */

static uint32_t get16(const unsigned char *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }
static uint32_t get32(const unsigned char *p) { return get16(p) | get16(p + 2) << 16; }
static uint64_t get64(const unsigned char *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }

#define BAD(z, status, ...) cn__fail((z)->ctx, NULL, (status), __VA_ARGS__)

/* What a header says of a member; the same fields stand in both headers. */
typedef struct head { uint32_t flags, method, crc; uint64_t packed, size; } head;

/* Those of the fields that are all ones stand in zip64's extra field instead, one after the other. */
static cn_status read_zip64(const cn__zip *z, const unsigned char *extra, size_t n, size_t at, uint64_t *const *field,
                            size_t fields)
{
    size_t wanted = 0;
    for (size_t i = 0; i < fields; i++) wanted += *field[i] == CN__ZIP_IN_64;
    for (size_t length; n >= 4; extra += 4 + length, n -= 4 + length) {
        length = get16(extra + 2);
        if (length > n - 4)
            return BAD(z, CN_E_FORMAT, "%s: offset %zu: an extra field is longer than its header", z->path, at);
        if (get16(extra) != CN__ZIP_EXTRA64 || !wanted) continue;
        if (length < 8 * wanted)
            return BAD(z, CN_E_FORMAT, "%s: offset %zu: the zip64 field is cut short", z->path, at);
        const unsigned char *p = extra + 4;
        for (size_t i = 0; i < fields; i++)
            if (*field[i] == CN__ZIP_IN_64) *field[i] = get64(p), p += 8;
        return CN_OK;
    }
    return CN_OK;
}

static cn_status check_name(const cn__zip *z, const char *name, size_t n, size_t offset)
{
    bool control = n == 0;
    for (size_t i = 0; i < n; i++) control |= (unsigned char)name[i] < 0x20 || name[i] == 0x7f;
    if (control || cn__utf8_valid(name, n) != n)
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: a member's name is empty, has control characters or is not UTF-8",
                   z->path, offset);
    bool leaves = name[0] == '/' || memchr(name, '\\', n) || (n > 1 && name[1] == ':');
    for (const char *part = name; part && !leaves; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        leaves = !strcmp(part, "..") || !strncmp(part, "../", 3);
    if (leaves)
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: the name \"%s\" leaves the archive's folder", z->path, offset,
                   name);
    return CN_OK;
}

static cn_status check_kind(const cn__zip *z, const char *name, const head *h, uint32_t made_by, uint32_t attributes)
{
    if (h->flags & (1u << 0 | 1u << 6 | 1u << 13))
        return BAD(z, CN_E_UNSUPPORTED, "%s: \"%s\" is encrypted", z->path, name);
    if (h->method != 0 && h->method != 8)
        return BAD(z, CN_E_UNSUPPORTED, "%s: \"%s\" is packed by method %u; stored (0) and deflated (8) can be read",
                   z->path, name, h->method);
    if (made_by >> 8 == 3 && (attributes >> 16 & 0170000u) == 0120000u)
        return BAD(z, CN_E_UNSUPPORTED, "%s: \"%s\" is a symbolic link; these are never followed", z->path, name);
    if (h->method == 0 && h->flags & 1u << 3)
        return BAD(z, CN_E_UNSUPPORTED, "%s: \"%s\" is stored with its size behind it only", z->path, name);
    if (h->size / MOST_RATIO > h->packed || (h->size > BIG && h->size / 100 > h->packed))
        return BAD(z, CN_E_LIMIT, "%s: \"%s\" claims to unpack %llu bytes to %llu: no honest file does", z->path, name,
                   (unsigned long long)h->packed, (unsigned long long)h->size);
    if (h->method == 0 && h->packed != h->size)
        return BAD(z, CN_E_FORMAT, "%s: \"%s\" is stored, but has %llu bytes packed and %llu unpacked", z->path, name,
                   (unsigned long long)h->packed, (unsigned long long)h->size);
    return CN_OK;
}

/* Bytes of the data descriptor behind the data at p (with or without mark, 32 or 64 bits), 0 if none fits. */
static size_t descriptor_size(const unsigned char *p, size_t n, const head *h)
{
    for (int form = 0; form < 4; form++) {
        size_t mark = form & 1 ? 4 : 0, wide = form & 2 ? 8 : 4, all = mark + 4 + 2 * wide;
        if (n < all || (mark && get32(p) != CN__ZIP_DESCRIPTOR) || get32(p + mark) != h->crc) continue;
        const unsigned char *sizes = p + mark + 4;
        uint64_t packed = wide == 8 ? get64(sizes) : get32(sizes),
                 size = wide == 8 ? get64(sizes + 8) : get32(sizes + 4);
        if (packed == h->packed && size == h->size) return all;
    }
    return 0;
}

/* The local header at *at must say what the directory said; *at moves behind the member. */
static cn_status read_local(const cn__zip *z, const char *name, const head *h, size_t directory, size_t *at,
                            uint64_t *data)
{
    const unsigned char *p = z->at + *at;
    size_t name_size = strlen(name);
    if (directory - *at < CN__ZIP_LOCAL_SIZE || get32(p) != CN__ZIP_LOCAL)
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: the member \"%s\" does not begin here, as its entry says", z->path,
                   *at, name);
    size_t name_n = get16(p + 26), extra_n = get16(p + 28), start = *at + CN__ZIP_LOCAL_SIZE + name_n + extra_n;
    if (start > directory)
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: the header runs into the directory", z->path, *at);
    head local = { get16(p + 6), get16(p + 8), get32(p + 14), get32(p + 18), get32(p + 22) };
    cn_status status = read_zip64(z, p + CN__ZIP_LOCAL_SIZE + name_n, extra_n, *at,
                                  (uint64_t *const[]){ &local.size, &local.packed }, 2);
    if (status) return status;
    if (name_n != name_size || memcmp(p + CN__ZIP_LOCAL_SIZE, name, name_n))
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: the member's own name is not \"%s\", as its entry says", z->path,
                   *at, name);
    bool later = h->flags & 1u << 3;                     /* checksum and sizes follow the data, and may be 0 before */
    bool same = local.crc == h->crc && local.packed == h->packed && local.size == h->size;
    if (later) same |= !local.crc && !local.packed && !local.size;
    if (local.flags != h->flags || local.method != h->method || !same)
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: header and directory disagree about \"%s\"", z->path, *at, name);
    if (h->packed > directory - start)
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: \"%s\" is cut short: %llu bytes declared, %zu there", z->path,
                   start, name, (unsigned long long)h->packed, directory - start);
    *data = start;
    *at = start + (size_t)h->packed;
    if (later) {
        size_t n = descriptor_size(z->at + *at, directory - *at, h);
        if (!n) return BAD(z, CN_E_FORMAT, "%s: offset %zu: no descriptor of \"%s\" is here", z->path, *at, name);
        *at += n;
    }
    return CN_OK;
}

/* ---- The directory ----------------------------------------------------------------------------------------------- */
typedef struct entry { head h; uint64_t offset; cn__zip_member *member; } entry;
typedef struct end { size_t at; uint64_t count, size, directory, disk, disks; } end;       /* at: of the directory */

/* The end record: the last 22 bytes, or before a comment that fills the rest. */
static cn_status find_end(const cn__zip *z, size_t *at)
{
    if (z->n < CN__ZIP_END_SIZE)
        return BAD(z, CN_E_FORMAT, "%s: is cut short: %zu bytes are no zip archive", z->path, z->n);
    for (size_t comment = 0; comment <= 0xffff && comment + CN__ZIP_END_SIZE <= z->n; comment++) {
        *at = z->n - CN__ZIP_END_SIZE - comment;
        if (get32(z->at + *at) != CN__ZIP_END) continue;
        if (get16(z->at + *at + 20) == comment) return CN_OK;
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: the archive's comment does not end with the file", z->path, *at);
    }
    return BAD(z, CN_E_FORMAT, "%s: is no zip archive, or is cut short: it has no end record", z->path);
}

/* zip64's end record, where its locator stands before the plain one: it says the same, or what has no room there. */
static cn_status read_end64(const cn__zip *z, end *e)
{
    if (e->at < CN__ZIP_END64_SIZE + CN__ZIP_LOCATOR_SIZE) return CN_OK;
    size_t at = e->at - CN__ZIP_LOCATOR_SIZE - CN__ZIP_END64_SIZE;
    const unsigned char *p = z->at + at, *locator = p + CN__ZIP_END64_SIZE;
    if (get32(locator) != CN__ZIP_LOCATOR) return CN_OK;
    if (get32(p) != CN__ZIP_END64 || get64(p + 4) != CN__ZIP_END64_SIZE - 12 || get64(locator + 8) != at)
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: no zip64 end record of %d bytes is here, before its locator",
                   z->path, at, CN__ZIP_END64_SIZE);
    const end wide = { at, get64(p + 32), get64(p + 40), get64(p + 48), get32(p + 16) | get32(p + 20), get64(p + 24) };
    if ((e->count != UINT16_MAX && e->count != wide.count) || (e->size != CN__ZIP_IN_64 && e->size != wide.size) ||
        (e->directory != CN__ZIP_IN_64 && e->directory != wide.directory))
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: the two end records disagree", z->path, at);
    if (get32(locator + 4) || get32(locator + 16) != 1)
        return BAD(z, CN_E_UNSUPPORTED, "%s: is one of several parts of an archive", z->path);
    *e = wide;
    return CN_OK;
}

static cn_status read_end(const cn__zip *z, end *e)
{
    size_t    at = 0;
    cn_status status = find_end(z, &at);
    if (status) return status;
    const unsigned char *p = z->at + at;
    *e = (end){ at, get16(p + 10), get32(p + 12), get32(p + 16), get16(p + 4) | get16(p + 6), get16(p + 8) };
    bool parts = e->disk || e->disks != e->count;
    if ((status = read_end64(z, e))) return status;
    if (parts || e->disk || e->disks != e->count)
        return BAD(z, CN_E_UNSUPPORTED, "%s: is one of several parts of an archive", z->path);
    if (e->directory > e->at || e->size != e->at - e->directory)
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: the directory (%llu bytes from %llu on) does not end here", z->path,
                   e->at, (unsigned long long)e->size, (unsigned long long)e->directory);
    if (e->count > CN__ZIP_MOST_MEMBERS)
        return BAD(z, CN_E_LIMIT, "%s: has %llu members; up to %d can be read", z->path, (unsigned long long)e->count,
                   CN__ZIP_MOST_MEMBERS);
    if (e->count > e->size / CN__ZIP_ENTRY_SIZE)
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: %llu members are declared, the directory has no room for them",
                   z->path, e->at, (unsigned long long)e->count);
    return CN_OK;
}

/* The entry at *at, which moves behind it. */
static cn_status read_entry(cn__zip *z, size_t directory_end, size_t *at, entry *e)
{
    const unsigned char *p = z->at + *at;
    if (directory_end - *at < CN__ZIP_ENTRY_SIZE || get32(p) != CN__ZIP_ENTRY)
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: an entry of the directory is missing", z->path, *at);
    size_t name_n = get16(p + 28), extra_n = get16(p + 30), comment_n = get16(p + 32);
    if (name_n + extra_n + comment_n > directory_end - *at - CN__ZIP_ENTRY_SIZE)
        return BAD(z, CN_E_FORMAT, "%s: offset %zu: an entry runs out of the directory", z->path, *at);
    char *name = cn__arena_alloc(&z->mem, name_n + 1);
    if (!name) return cn__nomem(z->ctx);
    memcpy(name, p + CN__ZIP_ENTRY_SIZE, name_n);
    e->h = (head){ get16(p + 8), get16(p + 10), get32(p + 16), get32(p + 20), get32(p + 24) };
    e->offset = get32(p + 42);
    cn_status status = read_zip64(z, p + CN__ZIP_ENTRY_SIZE + name_n, extra_n, *at,
                                  (uint64_t *const[]){ &e->h.size, &e->h.packed, &e->offset }, 3);
    if (!status) status = check_name(z, name, name_n, *at);
    if (!status) status = check_kind(z, name, &e->h, get16(p + 4), get32(p + 38));
    if (!status && get16(p + 34))
        status = BAD(z, CN_E_UNSUPPORTED, "%s: \"%s\" is in another part of the archive", z->path, name);
    *e->member = (cn__zip_member){ name, 0, e->h.packed, e->h.size, e->h.crc, e->h.method == 8 };
    *at += CN__ZIP_ENTRY_SIZE + name_n + extra_n + comment_n;
    return status;
}

static int by_offset(const void *a, const void *b)
{
    uint64_t x = ((const entry *)a)->offset, y = ((const entry *)b)->offset;
    return (x > y) - (x < y);
}

/* The members one after another, as they lie in the archive. */
static cn_status read_members(cn__zip *z, const end *e, entry *entries)
{
    size_t at = 0;
    qsort(entries, z->count, sizeof *entries, by_offset);
    for (size_t i = 0; i < z->count; i++) {
        cn__zip_member *m = entries[i].member;
        if (entries[i].offset != at)
            return BAD(z, CN_E_FORMAT, "%s: \"%s\" should begin at offset %zu, not %llu: members must follow each "
                       "other without gap or overlap", z->path, m->name, at, (unsigned long long)entries[i].offset);
        cn_status status = read_local(z, m->name, &entries[i].h, (size_t)e->directory, &at, &m->offset);
        if (status) return status;
    }
    if (at == e->directory) return CN_OK;
    return BAD(z, CN_E_FORMAT, "%s: offset %zu: bytes here belong to no member", z->path, at);
}

/* Two members of one name: which is meant would depend on the reader. */
static cn_status check_duplicates(cn__zip *z)
{
    size_t    slots = 16;
    while (slots < 2 * z->count) slots *= 2;
    uint32_t *slot = cn__arena_alloc(&z->mem, slots * sizeof *slot);
    if (!slot) return cn__nomem(z->ctx);
    for (size_t i = 0; i < z->count; i++) {
        const char *name = z->members[i].name;
        size_t s = cn__hash_bytes(name, strlen(name)) & (slots - 1);
        for (; slot[s]; s = (s + 1) & (slots - 1))
            if (!strcmp(z->members[slot[s] - 1].name, name))
                return BAD(z, CN_E_FORMAT, "%s: has two members \"%s\"", z->path, name);
        slot[s] = (uint32_t)i + 1;
    }
    return CN_OK;
}

static cn_status read_directory(cn__zip *z)
{
    end       e;
    cn_status status = read_end(z, &e);
    if (status) return status;
    size_t count = (size_t)e.count, at = (size_t)e.directory;
    entry *entries = cn__arena_alloc(&z->mem, count * sizeof *entries);
    z->members = cn__arena_alloc(&z->mem, count * sizeof *z->members);
    if (!entries || !z->members) return cn__nomem(z->ctx);
    for (; !status && z->count < count; z->count++) {
        entries[z->count].member = &z->members[z->count];
        status = read_entry(z, e.at, &at, &entries[z->count]);
    }
    if (!status && at != e.at)
        status = BAD(z, CN_E_FORMAT, "%s: offset %zu: bytes here belong to no member", z->path, at);
    if (!status) status = read_members(z, &e, entries);
    return status ? status : check_duplicates(z);
}

cn_status cn__zip_open(cn__zip *z, cn_ctx *ctx, const char *path, const void *at, size_t n)
{
    *z = (cn__zip){ .ctx = ctx, .path = path, .at = at, .n = n, .mem = { .ctx = ctx } };
    cn_status status = read_directory(z);
    if (status) cn__zip_close(z);
    return status;
}

void cn__zip_close(cn__zip *z)
{
    cn__arena_free(&z->mem);
    z->members = NULL, z->count = 0;
}

const cn__zip_member *cn__zip_find(const cn__zip *z, const char *name)
{
    for (size_t i = 0; i < z->count; i++)
        if (!strcmp(z->members[i].name, name)) return &z->members[i];
    return NULL;
}

unsigned char *cn__zip_read(const cn__zip *z, const cn__zip_member *m, size_t limit)
{
    if (!limit) limit = cn__memory_limit(z->ctx) / 2;
    if (m->size > limit) {
        BAD(z, CN_E_LIMIT,
            "%s: \"%s\" unpacks to %llu bytes, %zu are allowed. Open the context with a larger .memory_limit", z->path,
            m->name, (unsigned long long)m->size, limit);
        return NULL;
    }
    size_t         size = (size_t)m->size;
    unsigned char *out = cn__alloc(z->ctx, size + 1);
    const char    *why = NULL;
    cn_status      status = out ? CN_OK : CN_E_NOMEM;
    if (!status && m->deflated) status = cn__inflate_raw(z->ctx, z->at + m->offset, (size_t)m->packed, out, size, &why);
    else if (!status) memcpy(out, z->at + m->offset, size);
    if (!status && cn__crc32(0, out, size) != m->crc) status = CN_E_FORMAT, why = "its checksum is wrong";
    if (!status) {
        out[size] = 0;
        return out;
    }
    cn__free(z->ctx, out, size + 1);
    if (status == CN_E_NOMEM) cn__nomem(z->ctx);
    else BAD(z, status, "%s: offset %llu: \"%s\" is damaged: %s", z->path, (unsigned long long)m->offset, m->name, why);
    return NULL;
}
