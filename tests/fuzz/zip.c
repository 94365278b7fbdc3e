/* zip.c: any bytes as a zip archive: it is refused, or its members are where it says and each one unpacks to its size
   and checksum, or is refused. What is read is written again, stored, and gives the same members. */
#include "base/zip.h"
#include "base/zip_write.h"
#include "fuzz/fuzz.h"
#include <stdlib.h>

typedef struct member { const unsigned char *at; size_t n; } member;
typedef struct bytes { unsigned char *at; size_t n, cap; } bytes;

static bool take(void *user, const void *more, size_t n)
{
    bytes *b = user;
    if (n > b->cap - b->n && !(b->at = realloc(b->at, b->cap = 2 * (b->cap + n)))) abort();
    if (n) memcpy(b->at + b->n, more, n);
    b->n += n;
    return true;
}

static bool emit(void *user, cn__sink *sink, uint64_t *size)
{
    const member *m = user;
    return *size = m->n, sink->put(sink->user, m->at, m->n);
}

/* The members that can be unpacked, within 1 MiB each, written and read. */
static void write_again(cn_ctx *c, const cn__zip *z)
{
    cn__zip_entry *entry = calloc(z->count + 1, sizeof *entry);
    member        *m = calloc(z->count + 1, sizeof *m);
    size_t  n = 0;
    bytes   b = { NULL, 0, 0 };
    cn__zip copy;
    if (!entry || !m) abort();
    for (size_t i = 0; i < z->count; i++) {
        m[n].at = cn__zip_read(z, &z->members[i], 1 << 20), m[n].n = (size_t)z->members[i].size;
        if (m[n].at) entry[n] = (cn__zip_entry){ z->members[i].name, emit, &m[n] }, n++;
    }
    if (!cn__zip_emit(c, NULL, "copy", entry, n, &(cn__sink){ take, &b })) abort();
    if (cn__zip_open(&copy, c, "copy", b.at, b.n) || copy.count != n) abort();
    for (size_t i = 0; i < n; i++) {
        const cn__zip_member *found = cn__zip_find(&copy, entry[i].name);
        if (!found || found->size != m[i].n || memcmp(b.at + found->offset, m[i].at, m[i].n)) abort();
        cn__free(c, (void *)(uintptr_t)m[i].at, m[i].n + 1);
    }
    cn__zip_close(&copy);
    free(b.at), free(m), free(entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t n)
{
    cn_ctx *c = cn_open(.threads = 1, .memory_limit = 64 << 20);
    cn__zip z;
    if (!cn__zip_open(&z, c, "fuzz.zip", at, n)) {
        uint64_t all = 0;
        for (size_t i = 0; i < z.count; i++) {
            if (z.members[i].offset > n || z.members[i].packed > n - z.members[i].offset) abort();
            all += z.members[i].packed;
        }
        if (all > n) abort();                            /* they do not overlap */
        write_again(c, &z);
        cn__zip_close(&z);
    }
    cn_close(c);
    return 0;
}
