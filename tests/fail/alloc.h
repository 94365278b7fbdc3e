/* alloc.h: an allocator whose n-th call fails, and which counts what is not given back; likewise files whose n-th call
   fails. For tests that run a piece of work once for every n:

       for (long n = 1; ; n++) {
           fail_alloc a = { .at = n };
           cn_ctx *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1);
           ...                                           the work; an error, if a.failed
           cn_close(c);
           CHECK_INT(a.blocks, 0);
           if (!a.failed) break;                         all of it was done before the n-th call came
       } */
#ifndef FAIL_ALLOC_H
#define FAIL_ALLOC_H
#include <cornu/base.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fail_alloc {
    long at;                                             /* the call that fails, from 1; 0: none */
    bool for_good;                                       /* and all after it */
    long calls, failed, blocks;                          /* so far; still to be freed */
    size_t bytes;
} fail_alloc;
#define FAIL_ALLOCATOR(f) { fail_alloc_alloc, fail_alloc_free, (f) }

static inline void *fail_alloc_alloc(size_t size, void *user)
{
    fail_alloc *f = user;
    f->calls++;
    if (f->at && (f->calls == f->at || (f->for_good && f->calls > f->at))) return f->failed++, NULL;
    void *block = aligned_alloc(64, (size + 63) & ~(size_t)63);
    if (block) f->blocks++, f->bytes += size;
    return block;
}

static inline void fail_alloc_free(void *block, size_t size, void *user)
{
    fail_alloc *f = user;
    f->blocks--, f->bytes -= size;                       /* a wrong size shows as bytes that are left */
    free(block);
}

/* The same for files: with the system's behind it. */
typedef struct fail_files { long at, calls, failed, open; } fail_files;
#define FAIL_FILES(f) { .open = fail_files_open, .read = fail_files_read, .write = fail_files_write,     \
                        .sync = fail_files_sync, .close = fail_files_close, .rename = fail_files_rename, \
                        .remove = fail_files_remove, .make_folder = fail_files_make_folder, .user = (f) }

static inline bool fail_files_now(fail_files *f)
{
    return ++f->calls == f->at ? f->failed++, true : false;
}

static inline int fail_files_open(const char *path, cn_file_mode mode, void *user)
{
    fail_files *f = user;
    int flags = mode == CN_FILE_READ     ? O_RDONLY
                : mode == CN_FILE_FOLDER ? O_RDONLY | O_DIRECTORY
                                         : O_WRONLY | O_CREAT |
                    (mode == CN_FILE_NEW ? O_EXCL : mode == CN_FILE_EMPTIED ? O_TRUNC : O_APPEND);
    if (fail_files_now(f)) return -EIO;
    int file = open(path, flags, 0666);
    if (file < 0) return -errno;
    f->open++;
    return file;
}

static inline int64_t fail_files_read(int file, void *bytes, size_t n, void *user)
{
    ssize_t r = fail_files_now(user) ? -1 : read(file, bytes, n);
    return r < 0 ? -EIO : r;
}

static inline int64_t fail_files_write(int file, const void *bytes, size_t n, void *user)
{
    ssize_t r = fail_files_now(user) ? -1 : write(file, bytes, n);
    return r < 0 ? -ENOSPC : r;
}

static inline int fail_files_sync(int file, void *user) { return fail_files_now(user) || fsync(file) < 0 ? -EIO : 0; }

static inline int fail_files_close(int file, void *user)
{
    ((fail_files *)user)->open--;
    bool failed = fail_files_now(user);
    return close(file) < 0 || failed ? -EIO : 0;
}

static inline int fail_files_rename(const char *from, const char *to, void *user)
{
    return fail_files_now(user) ? -EACCES : rename(from, to) < 0 ? -errno : 0;
}

static inline int fail_files_remove(const char *path, void *user)
{
    return fail_files_now(user) ? -EACCES : unlink(path) < 0 ? -errno : 0;
}

static inline int fail_files_make_folder(const char *path, void *user)
{
    return fail_files_now(user) ? -EACCES : mkdir(path, 0777) < 0 ? -errno : 0;
}
#endif
