/* zip.h: reading zip archives that lie in memory (.npz, .keras): members stored or deflated, everything checked first.

   Refused: archives whose two lists of members (central directory and local headers) disagree, members that overlap,
   bytes that belong to nothing, names that leave their folder, links, encryption, several disks. So two readers can
   never see two different archives in one file. Format: PKWARE APPNOTE.TXT 6.3; deflate: RFC 1951. */
#ifndef CN__ZIP_H
#define CN__ZIP_H
#include "base.h"

typedef struct cn__zip_member {
    const char *name;                              /* ends in NUL; UTF-8, relative, no "..": safe to show, not opened */
    uint64_t    offset, packed, size;                    /* of the data in the archive; bytes there; bytes unpacked */
    uint32_t    crc;
    bool        deflated;
} cn__zip_member;

typedef struct cn__zip {
    cn_ctx *ctx;
    const char *path;                                    /* for messages; the caller's */
    const unsigned char *at;                             /* the archive, the caller's */
    size_t  n;
    cn__arena mem;
    cn__zip_member *members;
    size_t  count;
} cn__zip;

/* Reads and checks the list of members. Records CN_E_FORMAT, CN_E_LIMIT, CN_E_UNSUPPORTED, CN_E_NOMEM with path and
   offset; after a failure as well the archive is closed. */
cn_status cn__zip_open(cn__zip *, cn_ctx *, const char *path, const void *at, size_t n);
void      cn__zip_close(cn__zip *);
const cn__zip_member *cn__zip_find(const cn__zip *, const char *name);       /* NULL: none */
/* Unpacks a member, at most limit bytes (0: half of the context's memory limit), and checks its CRC-32. The block has
   one NUL after its bytes and goes with cn__free(ctx, at, size + 1). NULL: recorded. */
unsigned char *cn__zip_read(const cn__zip *, const cn__zip_member *, size_t limit);

#endif
