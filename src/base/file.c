/* file.c: whole files in and out, by the context's table of functions. */
#include "base/file.h"
#include "base/deflate.h"
#include "base/philox.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#define ZLIB_CONST
#include <zlib.h>

/* ---- The system's ------------------------------------------------------------------------------------------------ */
static int system_open(const char *path, cn_file_mode mode, void *user)
{
    static const int flags[] = { [CN_FILE_READ] = O_RDONLY, [CN_FILE_NEW] = O_WRONLY | O_CREAT | O_EXCL,
                                 [CN_FILE_EMPTIED] = O_WRONLY | O_CREAT | O_TRUNC,
                                 [CN_FILE_APPEND] = O_WRONLY | O_CREAT | O_APPEND,
                                 [CN_FILE_FOLDER] = O_RDONLY | O_DIRECTORY };
    (void)user;
    int file = open(path, flags[mode] | O_CLOEXEC, 0666);
    return file < 0 ? -errno : file;
}

static int64_t system_read(int file, void *bytes, size_t n, void *user)
{
    (void)user;
    ssize_t r;
    do r = read(file, bytes, n);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

static int64_t system_write(int file, const void *bytes, size_t n, void *user)
{
    (void)user;
    ssize_t r;
    do r = write(file, bytes, n);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

static int system_sync(int file, void *user)
{
    (void)user;
    if (fsync(file) == 0 || errno == EINVAL || errno == EROFS) return 0;      /* pipes and the like have no disk */
    return -errno;
}

static int system_close(int file, void *user)
{
    (void)user;
    return close(file) < 0 ? -errno : 0;
}

static int system_rename(const char *from, const char *to, void *user)
{
    (void)user;
    struct stat there;                                   /* a device (/dev/null!) is not to be replaced by a file */
    if (stat(to, &there) == 0 && !S_ISREG(there.st_mode)) return S_ISDIR(there.st_mode) ? -EISDIR : -EINVAL;
    return rename(from, to) < 0 ? -errno : 0;
}

static int system_remove(const char *path, void *user)
{
    (void)user;
    return unlink(path) < 0 ? -errno : 0;
}

static int system_make_folder(const char *path, void *user)
{
    (void)user;
    return mkdir(path, 0777) < 0 ? -errno : 0;
}

static int64_t system_size(int file, void *user)
{
    (void)user;
    struct stat s;
    return fstat(file, &s) < 0 ? -errno : S_ISREG(s.st_mode) ? s.st_size : -EINVAL;
}

const cn_files cn__system_files = { system_open,   system_read,   system_write, system_sync,        system_close,
                                    system_rename, system_remove, NULL,         system_make_folder, system_size };

#define FILE_CALL(ctx, call, ...) cn__files(ctx)->call(__VA_ARGS__, cn__files(ctx)->user)

static cn_status io_error(cn_ctx *ctx, const char *site, const char *path, const char *doing, int64_t error)
{
    char text[128];
    const char *why = strerror_r((int)-error, text, sizeof text);            /* GNU's: gives the text */
    return cn__fail(ctx, site, error == -ENOMEM ? CN_E_NOMEM : CN_E_IO, "%s: cannot %s: %s", path, doing, why);
}

static bool no_path(cn_ctx *ctx, const char *site, const char *path)
{
    if (path && *path) return false;
    cn__fail(ctx, site, CN_E_VALUE, "the path of a file was expected, but it is %s", path ? "empty" : "NULL");
    return true;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */
#define PIECE   ((size_t)1 << 16)
#define AT_ONCE ((size_t)1 << 26)                        /* packed files up to here are read before they are unpacked */

typedef struct reader {
    cn_ctx *ctx;
    const char *site, *path;
    size_t  limit;                                       /* of what comes out */
    unsigned char *at;                                   /* what has come out */
    size_t  n, cap;
    size_t  expected, unpacked;              /* how long the file is, and what it unpacks to: 0 where it does not say */
    bool    packed;
    z_stream z;
    uint64_t offset;                                     /* of the next piece in the file */
    bool    between;                                    /* members: after one's end, before the next one's first byte */
} reader;

static bool within_limit(reader *r)
{
    if (r->n <= r->limit) return true;
    cn__fail(r->ctx, r->site, CN_E_LIMIT, "%s: more than %zu bytes%s. Raise .memory_limit of cn_open if this is meant.",
             r->path, r->limit, r->packed ? " when unpacked" : "");
    return false;
}

/* Room for at least one more byte, which may be the one too many, and a NUL. false: recorded. */
static bool grow(reader *r)
{
    if (!within_limit(r)) return false;
    if (r->n + 1 < r->cap) return true;
    size_t likely = r->packed ? r->unpacked : r->expected;
    size_t cap = CN__MIN(CN__MAX(r->cap * 2, r->cap ? PIECE : CN__MAX(likely + 1, PIECE)), r->limit + 2);
    unsigned char *at = cn__realloc(r->ctx, r->at, r->cap, cap);
    if (!at) {
        cn__nomem(r->ctx);
        return false;
    }
    r->at = at, r->cap = cap;
    return true;
}

static bool take_plain(reader *r, const unsigned char *bytes, size_t n)
{
    while (n) {
        if (!grow(r)) return false;
        size_t fits = CN__MIN(n, r->cap - r->n - 1);
        memcpy(r->at + r->n, bytes, fits);
        r->n += fits, bytes += fits, n -= fits;
    }
    return true;
}

static bool damaged(reader *r, const char *why)
{
    cn__fail(r->ctx, r->site, CN_E_FORMAT, "%s: the gzip data are damaged at about byte %" PRIu64 ": %s", r->path,
             r->offset - r->z.avail_in, why);
    return false;
}

static bool take_packed(reader *r, const unsigned char *bytes, size_t n)
{
    r->z.next_in = bytes, r->z.avail_in = (uInt)n;
    while (r->z.avail_in) {
        if (r->between) {                                /* gzip itself ignores what is not another member; we do not */
            if (*r->z.next_in != 0x1f) return damaged(r, "something other than gzip data follows their end");
            inflateReset(&r->z);
            r->between = false;
        }
        if (!grow(r)) return false;
        size_t fits = CN__MIN(r->cap - r->n - 1, (size_t)1 << 30);
        r->z.next_out = r->at + r->n, r->z.avail_out = (uInt)fits;
        int result = inflate(&r->z, Z_NO_FLUSH);
        r->n += fits - r->z.avail_out;
        if (result == Z_STREAM_END) r->between = true;
        else if (result == Z_MEM_ERROR) return cn__nomem(r->ctx), false;
        else if (result != Z_OK && result != Z_BUF_ERROR) return damaged(r, r->z.msg ? r->z.msg : "no gzip data");
    }
    return true;
}

/* Up to n bytes: fewer at the end alone. < 0: failed and recorded. They may come one by one, from a pipe. */
static int64_t fill(const reader *r, int file, unsigned char *to, size_t n)
{
    size_t have = 0;
    for (int64_t got = 1; have < n && got; have += (size_t)got) {
        got = FILE_CALL(r->ctx, read, file, to + have, n - have);
        if (got < 0) return io_error(r->ctx, r->site, r->path, "read", got), -1;
    }
    return (int64_t)have;
}

/* The rest of a packed file at once: its last four bytes say how much will come out (RFC 1952, 2.3.1), so that it comes
   out in the place where it stays. They are believed as far as data are that somebody wants. */
static bool take_whole(reader *r, int file, const unsigned char *piece, size_t n)
{
    const size_t   believed = 32;                        /* times the packed bytes; what is packed closer grows */
    size_t         size = r->expected;
    unsigned char *packed = cn__alloc(r->ctx, size);
    if (!packed) return cn__nomem(r->ctx), false;
    memcpy(packed, piece, n);
    int64_t got = fill(r, file, packed + n, size - n);
    bool    good = got >= 0;
    if (good) {
        n += (size_t)got, r->offset = n;
        const unsigned char *last = packed + n - 4;
        size_t out = (size_t)last[0] | (size_t)last[1] << 8 | (size_t)last[2] << 16 | (size_t)last[3] << 24;
        r->unpacked = out / believed <= n ? out : 0;
        good = take_packed(r, packed, n);
    }
    cn__free(r->ctx, packed, size);
    return good;
}

/* The first piece says whether it is packed. */
static bool take_pieces(reader *r, int file, bool gunzip)
{
    unsigned char piece[PIECE];
    for (bool first = true, end = false; !end; first = false) {
        int64_t n = fill(r, file, piece, sizeof piece);
        if (n < 0) return false;
        end = (size_t)n < sizeof piece;
        r->offset += (size_t)n;
        if (first && gunzip && n >= 2 && piece[0] == 0x1f && piece[1] == 0x8b) {
            cn__zlib_memory(&r->z, r->ctx);
            if (inflateInit2(&r->z, MAX_WBITS + 16) != Z_OK) return cn__nomem(r->ctx), false;
            r->packed = true;
            if (r->expected > (size_t)n && r->expected <= AT_ONCE) {
                if (!take_whole(r, file, piece, (size_t)n)) return false;
                continue;
            }
        }
        if (!(r->packed ? take_packed : take_plain)(r, piece, (size_t)n)) return false;
    }
    if (r->packed && !r->between) return damaged(r, "they are cut short");
    return within_limit(r);
}

unsigned char *cn__read_file(cn_ctx *ctx, const char *site, const char *path, bool gunzip, size_t limit, size_t *n)
{
    *n = 0;
    if (no_path(ctx, site, path)) return NULL;
    if (!limit) limit = cn__memory_limit(ctx) / 2;
    reader r = { .ctx = ctx, .site = site, .path = path, .limit = CN__MIN(limit, SIZE_MAX / 4) };
    int file = FILE_CALL(ctx, open, path, CN_FILE_READ);
    if (file < 0) {
        io_error(ctx, site, path, "open", file);
        return NULL;
    }
    int64_t size = cn__files(ctx)->size ? FILE_CALL(ctx, size, file) : -1;
    r.expected = size > 0 && (uint64_t)size < SIZE_MAX / 4 ? (size_t)size : 0;
    bool good = take_pieces(&r, file, gunzip);
    if (r.packed) inflateEnd(&r.z);
    FILE_CALL(ctx, close, file);
    bool exact = good && r.at && r.cap == r.n + 1;
    unsigned char *whole = exact ? r.at : good ? cn__realloc(ctx, r.at, r.cap, r.n + 1) : NULL;
    if (!whole) {
        if (good) cn__nomem(ctx);
        cn__free(ctx, r.at, r.cap);
        return NULL;
    }
    whole[r.n] = 0;
    *n = r.n;
    return whole;
}

bool cn__file_exists(cn_ctx *ctx, const char *path)
{
    int file = path && *path ? FILE_CALL(ctx, open, path, CN_FILE_READ) : -ENOENT;
    if (file < 0) return false;
    FILE_CALL(ctx, close, file);
    return true;
}

cn_status cn__file_look(cn_ctx *ctx, const char *site, const char *path, bool *there)
{
    int file = FILE_CALL(ctx, open, path, CN_FILE_READ);
    *there = file >= 0;
    if (*there) FILE_CALL(ctx, close, file);
    return *there || file == -ENOENT || file == -ENOTDIR ? CN_OK : io_error(ctx, site, path, "open", file);
}

cn_status cn__rename_file(cn_ctx *ctx, const char *site, const char *from, const char *to)
{
    int error = FILE_CALL(ctx, rename, from, to);
    return !error || error == -ENOENT ? CN_OK : io_error(ctx, site, from, "be renamed", error);
}

cn_status cn__remove_file(cn_ctx *ctx, const char *site, const char *path)
{
    int error = FILE_CALL(ctx, remove, path);
    return !error || error == -ENOENT ? CN_OK : io_error(ctx, site, path, "be removed", error);
}

/* From the first one on that is not there. */
cn_status cn__make_folder(cn_ctx *ctx, const char *site, const char *path, size_t n)
{
    cn__arena names = { .ctx = ctx };
    cn_status status = CN_OK;
    for (size_t i = 1; !status && i <= n; i++) {
        if (i < n && path[i] != '/') continue;
        const char *folder = cn__arena_printf(&names, "%.*s", (int)i, path);
        int file = folder ? FILE_CALL(ctx, open, folder, CN_FILE_FOLDER) : -ENOMEM;
        if (file >= 0) FILE_CALL(ctx, close, file);
        else if (file == -ENOENT) file = FILE_CALL(ctx, make_folder, folder);
        /* one that may not be looked at may still lead to another; made by somebody else just now: as well */
        if (file < 0 && file != -EACCES && file != -EEXIST)
            status = folder ? io_error(ctx, site, folder, "make this folder", file) : cn__nomem(ctx);
    }
    cn__arena_free(&names);
    return status;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */
static int64_t write_all(cn_ctx *ctx, int file, const void *bytes, size_t n)         /* 0, or -errno */
{
    for (const char *p = bytes; n;) {
        int64_t went = FILE_CALL(ctx, write, file, p, n);
        if (went <= 0) return went ? went : -EIO;
        p += went, n -= (size_t)went;
    }
    return 0;
}

/* So that the new name itself is on the disk. */
static int64_t sync_folder(cn_ctx *ctx, cn__arena *names, const char *path)
{
    const char *slash  = strrchr(path, '/');
    const char *folder = !slash          ? "."
                         : slash == path ? "/"
                                         : cn__arena_printf(names, "%.*s", (int)(slash - path), path);
    if (!folder) return -ENOMEM;
    int file = FILE_CALL(ctx, open, folder, CN_FILE_FOLDER);
    if (file == -EACCES) return 0;                       /* may be written to, but not looked at: nothing can be done */
    if (file < 0) return file;
    int synced = FILE_CALL(ctx, sync, file), closed = FILE_CALL(ctx, close, file);
    return synced ? synced : closed;
}

struct cn__save {
    cn_ctx *ctx;
    cn__arena mem;                                       /* holds this, too */
    const char *site, *path, *beside;
    int       file;
    cn_status failed;
    size_t    n;                                         /* bytes that wait in buffer */
    char      buffer[PIECE];
};

/* A name that nobody else has taken; one that is there was left by a process of this number that was killed. */
static int open_beside(cn__save *s)
{
    static atomic_uint count;
    int file = -EEXIST;
    for (int i = 0; file == -EEXIST && i < 1000; i++) {
        s->beside = cn__arena_printf(&s->mem, "%s.%ld-%u.new", s->path, (long)getpid(), atomic_fetch_add(&count, 1));
        file = s->beside ? FILE_CALL(s->ctx, open, s->beside, CN_FILE_NEW) : -ENOMEM;
    }
    return file;
}

/* beside NULL: any name. */
static cn__save *save_begin(cn_ctx *ctx, const char *site, const char *path, const char *beside)
{
    if (no_path(ctx, site, path)) return NULL;
    cn__arena mem = { .ctx = ctx };
    cn__save *s = cn__arena_alloc(&mem, sizeof *s);
    if (s) s->ctx = ctx, s->mem = mem, s->site = cn__arena_text(&s->mem, site), s->path = cn__arena_text(&s->mem, path);
    if (!s || (site && !s->site) || !s->path || (beside && !(s->beside = cn__arena_text(&s->mem, beside))))
        cn__nomem(ctx);
    else {
        s->file = beside ? FILE_CALL(ctx, open, beside, CN_FILE_EMPTIED) : open_beside(s);
        if (s->file >= 0) return s;
        io_error(ctx, site, path, "create a file beside it", s->file);
    }
    if (s) mem = s->mem;
    cn__arena_free(&mem);
    return NULL;
}

cn__save *cn__save_begin(cn_ctx *ctx, const char *site, const char *path) { return save_begin(ctx, site, path, NULL); }

static bool save_write(cn__save *s, const void *bytes, size_t n)
{
    int64_t error = s->failed ? 0 : write_all(s->ctx, s->file, bytes, n);
    if (error) s->failed = io_error(s->ctx, s->site, s->path, "write", error);
    return !s->failed;
}

bool cn__save_put(void *save, const void *bytes, size_t n)
{
    cn__save *s = save;
    if (n > sizeof s->buffer - s->n) {
        if (!save_write(s, s->buffer, s->n)) return false;
        s->n = 0;
    }
    if (n > sizeof s->buffer) return save_write(s, bytes, n);
    if (n) memcpy(s->buffer + s->n, bytes, n);
    s->n += n;
    return !s->failed;
}

static void save_free(cn__save *s)
{
    cn__arena mem = s->mem;
    cn__arena_free(&mem);
}

cn_status cn__save_end(cn__save *s)
{
    cn_ctx     *ctx = s->ctx;
    const char *doing = "write";
    save_write(s, s->buffer, s->n);
    int64_t error = s->failed ? 0 : FILE_CALL(ctx, sync, s->file);
    int     closed = FILE_CALL(ctx, close, s->file);
    if (!error && !s->failed) error = closed;
    if (!error && !s->failed) doing = "be replaced", error = FILE_CALL(ctx, rename, s->beside, s->path);
    if (error || s->failed) FILE_CALL(ctx, remove, s->beside);
    else doing = "flush its folder", error = sync_folder(ctx, &s->mem, s->path);
    cn_status status = s->failed ? s->failed : error ? io_error(ctx, s->site, s->path, doing, error) : CN_OK;
    save_free(s);
    return status;
}

void cn__save_abandon(cn__save *s)
{
    if (!s) return;
    FILE_CALL(s->ctx, close, s->file);
    FILE_CALL(s->ctx, remove, s->beside);
    save_free(s);
}

static cn_status write_whole(cn__save *s, cn_ctx *ctx, const void *bytes, size_t n)
{
    if (!s) return (cn_error)(ctx);
    cn__save_put(s, bytes, n);
    return cn__save_end(s);
}

cn_status cn__write_file(cn_ctx *ctx, const char *site, const char *path, const void *bytes, size_t n)
{
    return write_whole(save_begin(ctx, site, path, NULL), ctx, bytes, n);
}

cn_status cn__write_file_by(cn_ctx *ctx, const char *site, const char *path, const char *beside, const void *bytes,
                            size_t n)
{
    return write_whole(save_begin(ctx, site, path, beside), ctx, bytes, n);
}

/* ---- A stream ---------------------------------------------------------------------------------------------------- */
struct cn__out {
    cn_ctx *ctx;
    cn__arena mem;
    const char *site, *path;
    int     file;
};

cn__out *cn__out_open(cn_ctx *ctx, const char *site, const char *path, bool append)
{
    if (no_path(ctx, site, path)) return NULL;
    cn__arena mem = { .ctx = ctx };
    cn__out  *out = cn__arena_alloc(&mem, sizeof *out);
    if (out) *out = (cn__out){ .ctx = ctx, .site = cn__arena_text(&mem, site), .path = cn__arena_text(&mem, path) };
    if (!out || !out->path) {
        cn__nomem(ctx);
        cn__arena_free(&mem);
        return NULL;
    }
    out->file = FILE_CALL(ctx, open, path, append ? CN_FILE_APPEND : CN_FILE_EMPTIED);
    if (out->file < 0) {
        io_error(ctx, site, path, "open for writing", out->file);
        cn__arena_free(&mem);
        return NULL;
    }
    out->mem = mem;
    return out;
}

cn_status cn__out_write(cn__out *out, const void *bytes, size_t n)
{
    int64_t error = write_all(out->ctx, out->file, bytes, n);
    return error ? io_error(out->ctx, out->site, out->path, "write", error) : CN_OK;
}

cn_status cn__out_close(cn__out *out)
{
    if (!out) return CN_OK;
    int synced = FILE_CALL(out->ctx, sync, out->file), closed = FILE_CALL(out->ctx, close, out->file);
    int error  = synced ? synced : closed;
    cn_status status = error ? io_error(out->ctx, out->site, out->path, "flush", error) : CN_OK;
    cn__arena mem = out->mem;
    cn__arena_free(&mem);
    return status;
}
