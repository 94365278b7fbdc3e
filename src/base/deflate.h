/* deflate.h: zlib on blocks in memory, its own memory taken from the context's allocator. */
#ifndef CN__DEFLATE_H
#define CN__DEFLATE_H
#include "base.h"

/* Unpacks raw deflate data (RFC 1951) that give exactly `size` bytes and are used up by it. Nothing is recorded: on
   failure *why says what was wrong with the data, for the caller's message (CN_E_FORMAT), or the status is CN_E_NOMEM.
   */
cn_status cn__inflate_raw(cn_ctx *, const void *packed, size_t packed_size, void *out, size_t size, const char **why);
/* The same for a zlib stream (RFC 1950), whose checksum is looked at. */
cn_status cn__inflate_zlib(cn_ctx *, const void *packed, size_t packed_size, void *out, size_t size, const char **why);

/* Packs n bytes as a zlib stream (RFC 1950). A block of *packed_cap bytes, of which *packed_size are used; NULL: no
   memory. */
void *cn__deflate_zlib(cn_ctx *, const void *bytes, size_t n, size_t *packed_size, size_t *packed_cap);

/* For other uses of zlib: its memory shall come from the context. */
struct z_stream_s;
void cn__zlib_memory(struct z_stream_s *, cn_ctx *);

uint32_t cn__crc32(uint32_t crc, const void *bytes, size_t n);              /* of zip and PNG; begins with 0 */

#endif
