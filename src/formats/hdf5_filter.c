/* hdf5_filter.c: the filters of chunks (IV.A.2.l): gzip, shuffle, fletcher32. Others are refused by their name; nothing
   is ever loaded to run them. */
#include "formats/hdf5_file.h"
#include "base/deflate.h"

#define FILTERS(X)                                                                                                     \
    X(GZIP, 1, "gzip") X(SHUFFLE, 2, "shuffle") X(FLETCHER32, 3, "fletcher32") X(SZIP, 4, "szip") \
    X(NBIT, 5, "nbit") X(SCALEOFFSET, 6, "scaleoffset")
enum {
#define FILTER(id, number, name) id = number,
    FILTERS(FILTER)
#undef FILTER
    OWN = 256                                            /* numbers of others' filters begin here; these have names */
};
enum { SUM = 4 };                                        /* bytes of a fletcher32 sum */

/* ---- What there is ----------------------------------------------------------------------------------------------- */
/* Ours; else what the file calls it. */
static const char *name_of(unsigned id, const char *theirs, uint64_t n, int *length)
{
    static const char *const names[] = {
#define FILTER(id, number, name) [number] = name,
        FILTERS(FILTER)
#undef FILTER
    };
    const char *name = id < CN__COUNT(names) && names[id] ? names[id] : n ? theirs : "unknown";
    *length = name == theirs ? (int)CN__MIN(n, 64) : 64;
    return name;
}

static bool read_one(cn__h5_in *in, unsigned version, cn__h5_filters *all)
{
    unsigned id = (unsigned)cn__h5_uint(in, 2);
    uint64_t n = version == 1 || id >= OWN ? cn__h5_uint(in, 2) : 0;
    cn__h5_skip(in, 2);                                  /* whether a chunk may do without it: its mask says */
    unsigned values = (unsigned)cn__h5_uint(in, 2);
    const char *name = (const char *)cn__h5_skip(in, version == 1 ? (n + 7) & ~(uint64_t)7 : n);
    cn__h5_in first = *in;
    cn__h5_skip(in, 4 * (uint64_t)(version == 1 ? values + values % 2 : values));
    if (!cn__h5_whole(in)) return false;
    if (id != GZIP && id != SHUFFLE && id != FLETCHER32) {
        int length;
        name = name_of(id, name, n, &length);
        return cn__h5_bad(in->f, CN_E_UNSUPPORTED, in->start,
                          "is packed by filter %u (%.*s); gzip, shuffle and fletcher32 can be read", id, length, name);
    }
    if (id == SHUFFLE && !values)
        return cn__h5_bad(in->f, CN_E_FORMAT, in->start, "is shuffled, but by elements of which size is not said");
    all->at[all->n].id = (uint16_t)id;
    all->at[all->n++].element = values ? (uint32_t)cn__h5_uint(&first, 4) : 0;
    return true;
}

bool cn__h5_filters_of(cn__h5_in *in, cn__h5_filters *all)
{
    unsigned version = (unsigned)cn__h5_uint(in, 1), n = (unsigned)cn__h5_uint(in, 1);
    cn__h5_skip(in, version == 1 ? 6 : 0);
    if (!cn__h5_whole(in)) return false;
    if (version < 1 || version > 2)
        return cn__h5_bad(in->f, CN_E_UNSUPPORTED, in->start, "has filters of version %u; 1 and 2 can be read",
                          version);
    if (n > CN__COUNT(all->at))
        return cn__h5_bad(in->f, CN_E_FORMAT, in->start, "has %u filters, of %zu at most", n, CN__COUNT(all->at));
    while (n--)
        if (!read_one(in, version, all)) return false;
    return true;
}

/* ---- Undoing them ------------------------------------------------------------------------------------------------ */
static bool inflate_chunk(cn__h5 *f, const unsigned char *from, uint64_t n, unsigned char *to, uint64_t size)
{
    const char *why;
    cn_status   status = cn__inflate_zlib(f->ctx, from, n, to, size, &why);
    if (status == CN_E_NOMEM) return cn__h5_nomem(f);
    return !status || cn__h5_bad(f, CN_E_FORMAT, NULL, "a chunk's gzip data of %llu bytes for %llu are damaged: %s",
                                 (unsigned long long)n, (unsigned long long)size, why);
}

/* All first bytes of the elements stand first, then all second ones ...; bytes that fill no element stand last. */
static void unshuffle(const unsigned char *from, uint64_t n, unsigned char *to, uint64_t element)
{
    uint64_t elements = n / element;
    for (uint64_t b = 0; b < element; b++)
        for (uint64_t i = 0; i < elements; i++) to[i * element + b] = *from++;
    memcpy(to + elements * element, from, n - elements * element);
}

/* Fletcher's sum over big-endian words of 16 bits; the last byte of an odd number is a word's first. */
static uint32_t fletcher32(const unsigned char *p, uint64_t n)
{
    enum { BLOCK = 720 };                                /* bytes after which the sums cannot have overflowed yet */
    uint32_t a = 0, b = 0;
    while (n) {
        for (uint64_t end = n > BLOCK ? n - BLOCK : 0; n > end; p += 2) {
            a += (uint32_t)p[0] << 8 | (n > 1 ? p[1] : 0u);
            b += a;
            n -= CN__MIN(n, 2);
        }
        a = (a & 0xffff) + (a >> 16), b = (b & 0xffff) + (b >> 16);
    }
    a = (a & 0xffff) + (a >> 16), b = (b & 0xffff) + (b >> 16);
    return b << 16 | a;
}

static bool check_sum(cn__h5 *f, const unsigned char *at, uint64_t *n)
{
    if (*n < SUM)
        return cn__h5_bad(f, CN_E_FORMAT, NULL, "a chunk of %llu bytes has no room for its sum",
                          (unsigned long long)*n);
    *n -= SUM;
    uint32_t found = (uint32_t)cn__h5_u64(at + *n, SUM), wanted = fletcher32(at, *n);
    return cn__h5_same_sum(found, wanted) ||
           cn__h5_bad(f, CN_E_FORMAT, NULL,
                      "a chunk is damaged: its fletcher32 sum is %08x, its bytes give %08x",
                      found, wanted);
}

/* The bytes before a filter was applied, on the way from `bytes`; 0: after gzip nobody knows. */
static uint64_t size_before(const cn__h5_filters *all, uint32_t mask, unsigned filter, uint64_t bytes)
{
    for (unsigned i = 0; i < filter; i++) {
        if (mask >> i & 1) continue;
        if (all->at[i].id == GZIP) return 0;
        if (all->at[i].id == FLETCHER32) bytes += SUM;
    }
    return bytes;
}

static bool may_unpack(cn__h5 *f, uint64_t n, uint64_t size)
{
    enum { MOST_RATIO = 1032, FEW = 1024 };              /* of deflate */
    if (!size) return cn__h5_bad(f, CN_E_UNSUPPORTED, NULL, "is packed by gzip twice");
    return size <= FEW || (size - FEW) / MOST_RATIO <= n ||
           cn__h5_bad(f, CN_E_LIMIT, NULL, "a chunk claims to unpack %llu bytes to %llu: no honest file does",
                      (unsigned long long)n, (unsigned long long)size);
}

static bool bad_size(cn__h5 *f, uint64_t n, uint64_t bytes)
{
    return cn__h5_bad(f, CN_E_FORMAT, NULL, "a chunk has %llu bytes, not %llu", (unsigned long long)n,
                      (unsigned long long)bytes);
}

/* The block of the two in which `at` does not lie. */
static unsigned char *other(cn__h5 *f, cn__h5_scratch *s, const unsigned char *at)
{
    unsigned i = s->at[0] && at == s->at[0];
    if (!s->at[i]) s->at[i] = cn__h5_borrow(f, s->size);
    return s->at[i];
}

/* One filter; *at and *n are before and after it. */
static bool undo(cn__h5 *f, const cn__h5_filters *all, uint32_t mask, unsigned i, const unsigned char **at, uint64_t *n,
                 uint64_t bytes, cn__h5_scratch *scratch)
{
    unsigned id = all->at[i].id, element = all->at[i].element;
    if (id == FLETCHER32) return check_sum(f, *at, n);
    if (id == SHUFFLE && (element < 2 || element > *n)) return true;         /* nothing to move */
    uint64_t size = id == GZIP ? size_before(all, mask, i, bytes) : *n;
    if (id == GZIP && !may_unpack(f, *n, size)) return false;
    if (size > scratch->size) return bad_size(f, size, bytes);
    unsigned char *to = other(f, scratch, *at);
    if (!to) return false;
    if (id == SHUFFLE) unshuffle(*at, *n, to, element);
    else if (!inflate_chunk(f, *at, *n, to, size)) return false;
    *at = to, *n = size;
    return true;
}

const unsigned char *cn__h5_unfilter(cn__h5 *f, const cn__h5_filters *all, uint32_t mask, const unsigned char *at,
                                     uint64_t n, uint64_t bytes, cn__h5_scratch *scratch)
{
    scratch->size = bytes + SUM * CN__COUNT(all->at);
    for (unsigned i = all->n; i-- > 0;)
        if (!(mask >> i & 1) && !undo(f, all, mask, i, &at, &n, bytes, scratch)) return NULL;
    if (n != bytes) bad_size(f, n, bytes);
    return n == bytes ? at : NULL;
}

void cn__h5_scratch_free(cn__h5 *f, cn__h5_scratch *s)
{
    for (int i = 0; i < 2; i++) cn__h5_return(f, s->at[i], s->size);
}
