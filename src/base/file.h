/* file.h: all files go through the context's table of functions, so that a test can make the n-th call fail. */
#ifndef CN__FILE_H
#define CN__FILE_H
#include "base.h"

/* Reads a whole file; gz (told by its first bytes, RFC 1952, any number of members) is unpacked when gunzip is set. At
   most limit bytes, counted after unpacking (0: half of the context's memory limit), so that a small file cannot fill
   the memory. The block has one NUL after its n bytes and goes with cn__free(ctx, at, n + 1). Fails (records CN_E_IO,
   CN_E_FORMAT, CN_E_LIMIT, CN_E_NOMEM with the path) and gives NULL. */
unsigned char *cn__read_file(cn_ctx *, const char *site, const char *path, bool gunzip, size_t limit, size_t *n);

/* Writes beside the target, flushes, renames, flushes the folder: the old file or the new one, never a part. */
cn_status cn__write_file(cn_ctx *, const char *site, const char *path, const void *bytes, size_t n);

/* A stream to append lines to (CSVLogger). */
typedef struct cn__out cn__out;
cn__out  *cn__out_open(cn_ctx *, const char *site, const char *path, bool append);      /* NULL: recorded */
cn_status cn__out_write(cn__out *, const void *bytes, size_t n);
cn_status cn__out_close(cn__out *);                      /* flushes; frees; NULL is fine */
bool      cn__file_exists(cn_ctx *, const char *path);  /* and can be read */

extern const cn_files cn__system_files;                  /* POSIX */
#endif
