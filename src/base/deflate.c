/* deflate.c: zlib on blocks in memory. zlib counts in 32 bits: longer blocks go through it in pieces. */
#include "base/deflate.h"
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#define PIECE (1u << 30)

/* zlib's memory comes from the context. Its free does not say the size, so each block begins with it. */
enum { BEFORE = 64 };                                    /* keeps the alignment of cn__alloc */

static voidpf zlib_alloc(voidpf ctx, uInt items, uInt size)
{
    size_t bytes = (size_t)items * size + BEFORE;
    char  *block = cn__alloc(ctx, bytes);
    if (!block) return NULL;
    memcpy(block, &bytes, sizeof bytes);
    return block + BEFORE;
}

static void zlib_free(voidpf ctx, voidpf at)
{
    char  *block = (char *)at - BEFORE;
    size_t bytes;
    memcpy(&bytes, block, sizeof bytes);
    cn__free(ctx, block, bytes);
}

void cn__zlib_memory(struct z_stream_s *z, cn_ctx *ctx)
{
    z->zalloc = zlib_alloc, z->zfree = zlib_free, z->opaque = ctx;
}

/* Moves the next piece of what is left into avail. */
static void refill(uInt *avail, size_t *left)
{
    if (*avail) return;
    *avail = (uInt)CN__MIN(*left, PIECE);
    *left -= *avail;
}

static cn_status unpack(cn_ctx *ctx, int window, const void *packed, size_t packed_size, void *out, size_t size,
                        const char **why)
{
    unsigned char spare;                                 /* where a byte too many shows itself */
    z_stream z = { .next_in = packed, .next_out = out };
    size_t   left_in = packed_size, left_out = size;
    bool     over = false;
    cn__zlib_memory(&z, ctx);
    int      r = inflateInit2(&z, window);
    *why = NULL;
    if (r != Z_OK) return CN_E_NOMEM;
    do {
        refill(&z.avail_in, &left_in);
        refill(&z.avail_out, &left_out);
        if (!z.avail_out) z.next_out = &spare, z.avail_out = 1, over = true;
        r = inflate(&z, Z_NO_FLUSH);
    } while (r == Z_OK && !(over && !z.avail_out) && (z.avail_in || left_in || !z.avail_out));
    bool full = over ? z.avail_out == 1 : !z.avail_out && !left_out;
    if (over && !z.avail_out) *why = "it unpacks to more bytes than declared";
    else if (r == Z_DATA_ERROR) *why = z.msg ? z.msg : "the packed data are damaged";
    else if (r == Z_STREAM_END && !full) *why = "it unpacks to fewer bytes than declared";
    else if (r == Z_STREAM_END && (z.avail_in || left_in)) *why = "bytes are left over behind its packed data";
    else if (r != Z_STREAM_END && r != Z_MEM_ERROR) *why = "the packed data are cut short";
    inflateEnd(&z);
    return *why ? CN_E_FORMAT : r == Z_MEM_ERROR ? CN_E_NOMEM : CN_OK;
}

cn_status cn__inflate_raw(cn_ctx *ctx, const void *packed, size_t packed_size, void *out, size_t size, const char **why)
{
    return unpack(ctx, -MAX_WBITS, packed, packed_size, out, size, why);
}

cn_status cn__inflate_zlib(cn_ctx *ctx, const void *packed, size_t packed_size, void *out, size_t size,
                           const char **why)
{
    return unpack(ctx, MAX_WBITS, packed, packed_size, out, size, why);
}

void *cn__deflate_zlib(cn_ctx *ctx, const void *bytes, size_t n, size_t *packed_size, size_t *packed_cap)
{
    z_stream z = { .next_in = bytes };
    size_t   left_in = n, left_out = *packed_cap = n + n / 1000 + 1024;      /* above deflateBound for any n */
    void    *out = cn__alloc(ctx, *packed_cap);
    cn__zlib_memory(&z, ctx);
    int      r = out ? deflateInit(&z, Z_DEFAULT_COMPRESSION) : Z_MEM_ERROR;
    if (r == Z_OK) {
        z.next_out = out;
        do {
            refill(&z.avail_in, &left_in);
            refill(&z.avail_out, &left_out);
            r = deflate(&z, left_in ? Z_NO_FLUSH : Z_FINISH);
        } while (r == Z_OK);
        *packed_size = *packed_cap - left_out - z.avail_out;
        deflateEnd(&z);
    }
    if (r == Z_STREAM_END) return out;
    cn__free(ctx, out, *packed_cap);
    return NULL;
}

uint32_t cn__crc32(uint32_t crc, const void *bytes, size_t n)
{
    return (uint32_t)crc32_z(crc, bytes, n);
}
