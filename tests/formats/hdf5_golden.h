/* hdf5_golden.h: the files of tests/golden/h5.zip, which tests/golden/make_h5.py made. */
#ifndef HDF5_GOLDEN_H
#define HDF5_GOLDEN_H
#include "data/files.h"
#include "base/file.h"
#include "base/zip.h"

typedef struct golden { cn_ctx *ctx; unsigned char *bytes; size_t n; cn__zip zip; } golden;

static golden golden_open(void)
{
    golden g = { .ctx = cn_open(.threads = 1) };
    g.bytes = cn__read_file(g.ctx, NULL, CN_SOURCE_DIR "/tests/golden/h5.zip", false, 0, &g.n);
    if (!g.bytes || cn__zip_open(&g.zip, g.ctx, "h5.zip", g.bytes, g.n)) {
        printf("%s\n", cn_error_message(g.ctx));
        exit(1);
    }
    return g;
}

/* A file of its own, with a NUL behind it; free(). NULL: there is none. */
static unsigned char *golden_file(golden *g, const char *name, size_t *n)
{
    const cn__zip_member *m = cn__zip_find(&g->zip, name);
    unsigned char *at = m ? cn__zip_read(&g->zip, m, 0) : NULL, *own = at ? malloc(m->size + 1) : NULL;
    if (own) memcpy(own, at, *n = m->size), own[*n] = 0;
    if (at) cn__free(g->ctx, at, m->size + 1);
    return own;
}

static void golden_close(golden *g)
{
    cn__zip_close(&g->zip);
    cn__free(g->ctx, g->bytes, g->n + 1);
    cn_close(g->ctx);
}
#endif
