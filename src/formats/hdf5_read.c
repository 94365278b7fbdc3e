/* hdf5_read.c: opens an HDF5 file (superblocks of versions 0 to 3: II.A), and what all of the reader stands on: errors
   with file, object and offset, counted memory, cursors that know their end, checksums. */
#include "formats/hdf5_file.h"
#include <stdio.h>

static const unsigned char signature[8] = { 0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n' };

/* ---- Errors ------------------------------------------------------------------------------------------------------ */
bool cn__h5_bad(cn__h5 *f, cn_status status, const void *at, const char *format, ...)
{
    char    text[512], where[48] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (at) snprintf(where, sizeof where, " (byte %zu)", (size_t)((const unsigned char *)at - f->at));
    cn__fail(f->ctx, f->site, status, "%s%s%s%s: %s", f->name, f->now ? ": " : "", f->now ? f->now : "", where, text);
    f->failed = true;
    return false;
}

bool cn__h5_nomem(cn__h5 *f)
{
    cn__nomem(f->ctx);
    f->failed = true;
    return false;
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */
bool cn__h5_room(cn__h5 *f, uint64_t size)
{
    return size <= f->left ||
           cn__h5_bad(f, CN_E_LIMIT, NULL, "needs more memory than twice the file's %zu bytes and 64 MiB", f->n);
}

void *cn__h5_take(cn__h5 *f, uint64_t n, size_t item)
{
    uint64_t size = 0;
    if (__builtin_mul_overflow(n, (uint64_t)item, &size)) size = UINT64_MAX;
    if (!cn__h5_room(f, size)) return NULL;
    void *at = cn__arena_alloc(&f->mem, size);
    if (at) f->left -= size;
    else cn__h5_nomem(f);
    return at;
}

void *cn__h5_borrow(cn__h5 *f, uint64_t size)
{
    if (!cn__h5_room(f, size)) return NULL;
    void *at = cn__alloc(f->ctx, size);
    if (at) f->left -= size;
    else cn__h5_nomem(f);
    return at;
}

void cn__h5_return(cn__h5 *f, void *block, uint64_t size)
{
    if (!block) return;
    cn__free(f->ctx, block, size);
    f->left += size;
}

char *cn__h5_copy_text(cn__h5 *f, const void *text, size_t n)
{
    char *copy = cn__h5_take(f, (uint64_t)n + 1, 1);
    return copy ? memcpy(copy, text, n) : NULL;
}

/* ---- Cursors ----------------------------------------------------------------------------------------------------- */
bool cn__h5_at(cn__h5 *f, uint64_t address, uint64_t n, const char *what, cn__h5_in *in)
{
    uint64_t rest = address <= f->n ? f->n - address : 0;
    if (n == CN__H5_NOWHERE && address < f->n) n = rest;
    if (n > rest || address > f->n)
        return cn__h5_bad(f, CN_E_FORMAT, NULL, "%s lies at byte %llu with %llu bytes, but the file ends at %zu", what,
                          (unsigned long long)address, (unsigned long long)n, f->n);
    const unsigned char *at = f->at + address;
    *in = (cn__h5_in){ .f = f, .start = at, .at = at, .end = at + n, .what = what };
    return true;
}

bool cn__h5_signed(cn__h5 *f, uint64_t address, const char *letters, int version, const char *what, cn__h5_in *in)
{
    if (!cn__h5_at(f, address, CN__H5_NOWHERE, what, in)) return false;
    const unsigned char *found = cn__h5_skip(in, 4);
    int found_version = (int)cn__h5_uint(in, 1);
    if (!cn__h5_whole(in)) return false;
    if (memcmp(found, letters, 4))
        return cn__h5_bad(f, CN_E_FORMAT, found, "%s does not begin with \"%s\"", what, letters);
    if (found_version != version)
        return cn__h5_bad(f, CN_E_UNSUPPORTED, found, "%s has version %d; %d can be read", what, found_version,
                          version);
    return true;
}

uint64_t cn__h5_u64(const void *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = bytes; i-- > 0;) v = v << 8 | ((const unsigned char *)p)[i];
    return v;
}

const unsigned char *cn__h5_skip(cn__h5_in *in, uint64_t n)
{
    if (in->over || n > cn__h5_rest(in)) return in->over = true, NULL;
    const unsigned char *at = in->at;
    in->at += n;
    return at;
}

uint64_t cn__h5_uint(cn__h5_in *in, unsigned bytes)
{
    const unsigned char *at = cn__h5_skip(in, bytes);
    return at ? cn__h5_u64(at, bytes) : 0;
}

uint64_t cn__h5_address(cn__h5_in *in)
{
    uint64_t v = cn__h5_uint(in, in->f->address_size);
    return in->f->address_size == 4 && v == UINT32_MAX ? CN__H5_NOWHERE : v;
}

uint64_t cn__h5_length(cn__h5_in *in)
{
    uint64_t v = cn__h5_uint(in, in->f->length_size);
    return in->f->length_size == 4 && v == UINT32_MAX ? UINT64_MAX : v;
}

bool cn__h5_whole(cn__h5_in *in)
{
    return !in->over || cn__h5_bad(in->f, CN_E_FORMAT, in->start, "%s is cut short after %zu bytes", in->what,
                                   (size_t)(in->end - in->start));
}

unsigned cn__h5_bytes_for(uint64_t most) { return most ? (63 - (unsigned)__builtin_clzll(most)) / 8 + 1 : 1; }

bool cn__h5_power(uint64_t n, unsigned *exponent)
{
    if (!n || n & (n - 1)) return false;
    *exponent = (unsigned)__builtin_ctzll(n);
    return true;
}

/* ---- Checksums: Bob Jenkins's lookup3, hashlittle (http://burtleburtle.net/bob/c/lookup3.c; public domain) ------- */
static uint32_t turn(uint32_t x, unsigned by) { return x << by | x >> (32 - by); }

uint32_t cn__h5_checksum(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    static const unsigned mix[6] = { 4, 6, 8, 16, 19, 4 }, last[7] = { 14, 11, 25, 16, 4, 14, 24 };
    uint32_t v[3];
    v[0] = v[1] = v[2] = 0xdeadbeefu + (uint32_t)n;
    for (; n > 12; n -= 12, p += 12) {
        for (int i = 0; i < 3; i++) v[i] += (uint32_t)cn__h5_u64(p + 4 * i, 4);
        for (unsigned i = 0; i < 6; i++) {               /* a, b, c take turns */
            uint32_t *a = &v[i % 3], *b = &v[(i + 1) % 3], *c = &v[(i + 2) % 3];
            *a = (*a - *c) ^ turn(*c, mix[i]);
            *c += *b;
        }
    }
    if (!n) return v[2];
    unsigned char rest[12] = { 0 };
    memcpy(rest, p, n);
    for (int i = 0; i < 3; i++) v[i] += (uint32_t)cn__h5_u64(rest + 4 * i, 4);
    for (unsigned i = 0; i < 7; i++) {                   /* c, a, b take turns, each by the one before */
        uint32_t *x = &v[(i + 2) % 3], *before = &v[(i + 1) % 3];
        *x = (*x ^ *before) - turn(*before, last[i]);
    }
    return v[2];
}

bool cn__h5_sealed(cn__h5_in *in)
{
    size_t   n = (size_t)(in->at - in->start);
    uint32_t found = (uint32_t)cn__h5_uint(in, 4);
    if (!cn__h5_whole(in)) return false;
    uint32_t wanted = cn__h5_checksum(in->start, n);
    return cn__h5_same_sum(found, wanted) || cn__h5_bad(in->f, CN_E_FORMAT, in->start,
                                                        "%s is damaged: its checksum is %08x, its %zu bytes give %08x",
                                                        in->what, found, n, wanted);
}

/* ---- Walks ------------------------------------------------------------------------------------------------------- */
cn__h5_walk cn__h5_walk_of(cn__h5 *f, const char *what) { return (cn__h5_walk){ f, f->n, what }; }

bool cn__h5_charge(cn__h5_walk *w, uint64_t bytes, const void *at)
{
    if (bytes > w->left)
        return cn__h5_bad(w->f, CN_E_FORMAT, at, "%s leads in a circle, or has parts that lie over each other",
                          w->what);
    w->left -= bytes;
    return true;
}

/* The place of the first address that is not below this one. */
static size_t place_of(const cn__h5_seen *seen, uint64_t address)
{
    size_t low = 0, high = seen->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (seen->at[middle].address < address) low = middle + 1;
        else high = middle;
    }
    return low;
}

bool cn__h5_met(const cn__h5_seen *seen, uint64_t address, void **what)
{
    size_t i = place_of(seen, address);
    if (i == seen->n || seen->at[i].address != address) return false;
    if (what) *what = seen->at[i].what;
    return true;
}

bool cn__h5_meet(cn__h5 *f, cn__h5_seen *seen, uint64_t address, void *what)
{
    size_t i = place_of(seen, address);
    if (!cn__vec_room(f->ctx, (void **)&seen->at, &seen->cap, seen->n, sizeof *seen->at)) return cn__h5_nomem(f);
    memmove(seen->at + i + 1, seen->at + i, (seen->n++ - i) * sizeof *seen->at);
    seen->at[i].address = address, seen->at[i].what = what;
    return true;
}

/* ---- The superblock ---------------------------------------------------------------------------------------------- */
bool cn__h5_is(const void *bytes, size_t n)
{
    return n >= sizeof signature && !memcmp(bytes, signature, sizeof signature);
}

/* A file may begin with bytes of another kind, 512, 1024, 2048 ... of them. Two readers might see two files there. */
static bool find_signature(cn__h5 *f)
{
    if (cn__h5_is(f->at, f->n)) return true;
    for (size_t skip = 512; skip < f->n; skip *= 2)
        if (cn__h5_is(f->at + skip, f->n - skip))
            return cn__h5_bad(f, CN_E_UNSUPPORTED, f->at + skip,
                              "is HDF5 behind a user block of %zu bytes: not read; `h5unjam` takes it off", skip);
    return cn__h5_bad(f, CN_E_FORMAT, NULL, "is not an HDF5 file: it does not begin with \"\\x89HDF\\r\\n\\x1a\\n\"");
}

static bool read_sizes(cn__h5_in *in)
{
    cn__h5 *f = in->f;
    f->address_size = (unsigned)cn__h5_uint(in, 1), f->length_size = (unsigned)cn__h5_uint(in, 1);
    if (!cn__h5_whole(in)) return false;
    if ((f->address_size == 4 || f->address_size == 8) && (f->length_size == 4 || f->length_size == 8)) return true;
    return cn__h5_bad(f, CN_E_UNSUPPORTED, in->at - 2,
                      "has addresses of %u and lengths of %u bytes; 4 and 8 can be read", f->address_size,
                      f->length_size);
}

/* Versions 0 and 1; *root: the root's object header. */
static bool read_old(cn__h5_in *in, int version, uint64_t *base, uint64_t *end, uint64_t *root)
{
    cn__h5 *f = in->f;
    cn__h5_skip(in, 4);                                  /* versions of other parts, reserved */
    if (!read_sizes(in)) return false;
    cn__h5_skip(in, 1);
    f->group_leaf = 2 * (unsigned)cn__h5_uint(in, 2), f->group_node = 2 * (unsigned)cn__h5_uint(in, 2);
    f->chunk_node = 2 * 32;                              /* as the HDF Group's library writes where it is not said */
    cn__h5_skip(in, 4);
    if (version == 1) f->chunk_node = 2 * (unsigned)cn__h5_uint(in, 2), cn__h5_skip(in, 2);
    *base = cn__h5_address(in);
    cn__h5_address(in);                                  /* of the free space: not needed */
    *end = cn__h5_address(in);
    if (cn__h5_address(in) != CN__H5_NOWHERE && cn__h5_whole(in))
        return cn__h5_bad(f, CN_E_UNSUPPORTED, in->at, "names a file driver: it is one of several files");
    cn__h5_address(in);                                  /* of the root's name: it has none */
    *root = cn__h5_address(in);
    return cn__h5_whole(in);
}

/* Versions 2 and 3. */
static bool read_new(cn__h5_in *in, int version, uint64_t *base, uint64_t *end, uint64_t *root)
{
    if (!read_sizes(in)) return false;
    unsigned flags = (unsigned)cn__h5_uint(in, 1);
    *base = cn__h5_address(in);
    uint64_t more = cn__h5_address(in);
    *end = cn__h5_address(in), *root = cn__h5_address(in);
    if (!cn__h5_sealed(in)) return false;
    if (version == 3 && flags & 1)
        return cn__h5_bad(in->f, CN_E_FORMAT, NULL, "is still being written, or its writer was stopped halfway");
    if (more == CN__H5_NOWHERE) return true;
    cn__h5_object *o = cn__h5_object_at(in->f, NULL, "superblock", more);
    if (o && cn__h5_message_of(o, CN__H5_DRIVER))
        return cn__h5_bad(in->f, CN_E_UNSUPPORTED, NULL, "names a file driver: it is one of several files");
    return o;
}

static bool read_superblock(cn__h5 *f)
{
    cn__h5_in in;
    uint64_t  base, end, root;
    if (!find_signature(f) || !cn__h5_at(f, 0, f->n, "the superblock", &in)) return false;
    cn__h5_skip(&in, sizeof signature);
    int version = (int)cn__h5_uint(&in, 1);
    if (version > 3)
        return cn__h5_bad(f, CN_E_UNSUPPORTED, in.at - 1, "has a superblock of version %d; 0 to 3 can be read",
                          version);
    if (!(version < 2 ? read_old : read_new)(&in, version, &base, &end, &root)) return false;
    if (base)
        return cn__h5_bad(f, CN_E_FORMAT, NULL, "says that it begins at byte %llu of itself", (unsigned long long)base);
    if (end != f->n)
        return cn__h5_bad(f, CN_E_FORMAT, NULL, "should have %llu bytes and has %zu: it was %s",
                          (unsigned long long)end, f->n, end > f->n ? "cut short" : "extended by something else");
    f->root = cn__h5_object_at(f, NULL, "", root);
    if (!f->root) return false;
    return f->root->group || cn__h5_bad(f, CN_E_FORMAT, f->at + root, "has a root that is not a group");
}

cn__h5 *cn__h5_open(cn_ctx *ctx, const char *site, const char *name, const void *bytes, size_t n)
{
    cn__h5 *f = cn__alloc0(ctx, sizeof *f);
    if (!f) return cn__nomem(ctx), NULL;
    *f = (cn__h5){ .ctx = ctx, .site = site, .name = name, .at = bytes, .n = n, .mem = { .ctx = ctx } };
    f->left = 2 * (uint64_t)n + CN__H5_SPARE;
    if (read_superblock(f)) return f;
    cn__h5_close(f);
    return NULL;
}

void cn__h5_close(cn__h5 *f)
{
    if (!f) return;
    cn__vec_free(f->ctx, &f->collections);
    cn__arena_free(&f->mem);
    cn__free(f->ctx, f, sizeof *f);
}

bool cn__h5_failed(const cn__h5 *f)                { return f->failed; }
const cn__h5_object *cn__h5_root(cn__h5 *f)        { return f->root; }
bool cn__h5_is_group(const cn__h5_object *o)       { return o->group; }
const char *cn__h5_path(const cn__h5_object *o)    { return o->path; }
