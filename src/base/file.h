/* file.h: all files go through the context's table of functions, so that a test can make the n-th call fail. */
#ifndef CN__FILE_H
#define CN__FILE_H
#include "base.h"

/* Reads a whole file; gz (told by its first bytes, RFC 1952, any number of members) is unpacked when gunzip is set. At
   most limit bytes, counted after unpacking (0: half of the context's memory limit), so that a small file cannot fill
   the memory. The block has one NUL after its n bytes and goes with cn__free(ctx, at, n + 1). Fails (records CN_E_IO,
   CN_E_FORMAT, CN_E_LIMIT, CN_E_NOMEM with the path) and gives NULL. */
unsigned char *cn__read_file(cn_ctx *, const char *site, const char *path, bool gunzip, size_t limit, size_t *n);

/* Takes bytes, in order. false: stop (what stands behind it has recorded why). */
typedef struct cn__sink { bool (*put)(void *user, const void *bytes, size_t n); void *user; } cn__sink;

/* A file that replaces another as a whole: what is put goes into a file beside the target, which cn__save_end flushes
   and renames before it flushes the folder. So the old file is there or the new one, never a part; after a failure (the
   first one sticks), and after cn__save_abandon, the old one stays and nothing is left beside it. */
typedef struct cn__save cn__save;
cn__save *cn__save_begin(cn_ctx *, const char *site, const char *path);     /* NULL: recorded */
bool      cn__save_put(void *save, const void *bytes, size_t n);            /* for a sink. false: recorded */
cn_status cn__save_end(cn__save *);                      /* frees */
void      cn__save_abandon(cn__save *);                  /* frees; NULL is fine */
cn_status cn__write_file(cn_ctx *, const char *site, const char *path, const void *bytes, size_t n);    /* whole */
/* The same by way of a file of this name, so that one which a killed process left is used and not piled upon. */
cn_status cn__write_file_by(cn_ctx *, const char *site, const char *path, const char *beside, const void *bytes,
                            size_t n);

/* A stream to append lines to (CSVLogger). */
typedef struct cn__out cn__out;
cn__out  *cn__out_open(cn_ctx *, const char *site, const char *path, bool append);      /* NULL: recorded */
cn_status cn__out_write(cn__out *, const void *bytes, size_t n);
cn_status cn__out_close(cn__out *);                      /* flushes; frees; NULL is fine */
bool      cn__file_exists(cn_ctx *, const char *path);  /* and can be read */
cn_status cn__file_look(cn_ctx *, const char *site, const char *path, bool *there);    /* not there is no error */
/* Where there is none nothing happens. */
cn_status cn__rename_file(cn_ctx *, const char *site, const char *from, const char *to);
cn_status cn__remove_file(cn_ctx *, const char *site, const char *path);
/* The first n characters of the path, with all folders above it; those that are there stay. */
cn_status cn__make_folder(cn_ctx *, const char *site, const char *path, size_t n);

extern const cn_files cn__system_files;                  /* POSIX */
#endif
