/* zip_write.h: writing zip archives of stored members (.keras, .npz). No date and nothing of the machine goes in: the
   same members give the same bytes. */
#ifndef CN__ZIP_WRITE_H
#define CN__ZIP_WRITE_H
#include "base/file.h"

typedef struct cn__zip_entry {
    const char *name;
    /* Gives the member's bytes to the sink and says how many they are. It is called twice, for size and checksum and to
       write, and must give the same each time. false: recorded, or the sink said stop. */
    bool (*emit)(void *user, cn__sink *, uint64_t *size);
    void *user;
} cn__zip_entry;

/* path: for messages. false: recorded, or stop. */
bool      cn__zip_emit(cn_ctx *, const char *site, const char *path, const cn__zip_entry *, size_t n, cn__sink *);
/* Into a file, as a whole or not at all (cn__save). */
cn_status cn__zip_save(cn_ctx *, const char *site, const char *path, const cn__zip_entry *, size_t n);
#endif
