/* hdf5_bad.c: damaged and hostile HDF5 files: the rows H01 ... H38 of the catalogue of bad inputs. Each is a good file
   of tests/golden/h5.zip with some bytes changed; it must be refused with the right status and a message that says
   where, within 2 x its size + 64 MiB of memory and a second. H20, H23 to H28, H30 and H31 by whole files: hdf5_read.c;
   H35 and H36: bad_models.c. */
#include "formats/hdf5_golden.h"
#include "formats/hdf5_walk.h"
#include <time.h>

typedef struct patch { size_t at; const char *bytes; size_t n; } patch;
#define PUT(at, bytes) { at, bytes, sizeof bytes - 1 }
typedef struct row { const char *id, *file; patch put[3]; cn_status status; const char *part; } row;

static const row rows[] = {
    /* the superblock */
    { "H01", "number", { PUT(0, "X") }, CN_E_FORMAT, "is not an HDF5 file" },
    { "H02", "number", { PUT(8, "\4") }, CN_E_UNSUPPORTED, "superblock of version 4; 0 to 3 can be read" },
    { "H03", "number", { PUT(13, "\3") }, CN_E_UNSUPPORTED, "(byte 13): has addresses of 3 and lengths of 8 bytes" },
    { "H03", "number_latest", { PUT(10, "\20") }, CN_E_UNSUPPORTED, "lengths of 16 bytes" },
    { "H04 end", "number", { PUT(0x28, "\x91") }, CN_E_FORMAT,
      "should have 4753 bytes and has 4752: it was cut short" },
    { "H04 longer", "number", { PUT(0x28, "\x8f") }, CN_E_FORMAT, "extended by something else" },
    { "H04 base", "number", { PUT(0x18, "\1") }, CN_E_FORMAT, "begins at byte 1 of itself" },
    { "H04 driver", "number", { PUT(0x30, "\0\0\0\0\0\0\0\0") }, CN_E_UNSUPPORTED, "names a file driver" },
    { "H04 open", "number_latest", { PUT(11, "\1") }, CN_E_FORMAT, "still being written" },
    { "H05", "number", { PUT(0x40, "\xff\xff\xff\xff\xff\xff\xff\xff") }, CN_E_FORMAT,
      "the object header lies at byte 184467" },
    { "H05", "number", { PUT(0x40, "\x90\x12") }, CN_E_FORMAT, "the object header lies at byte 4752" },
    { "H05", "number", { PUT(0x40, "\x00\x08") }, CN_E_FORMAT, "(byte 2048): no object header begins with byte 0x00" },
    { "H05", "number", { PUT(0x40, "\x20\x03") }, CN_E_FORMAT, "has a root that is not a group" },
    /* object headers */
    { "H06", "number", { PUT(0x332, "\xff\xff") }, CN_E_FORMAT, "a message of kind 1 has 65535 bytes" },
    { "H06 chunk", "number", { PUT(0x328, "\xff\xff\xff\x7f") }, CN_E_FORMAT,
      "a piece of the object header lies at byte 816 with 2147" },
    { "H06", "number_latest", { PUT(0xbc, "\xff") }, CN_E_FORMAT,
      "a message of kind 1 has 255 bytes, its object header 252" },
    { "H07", "number", { PUT(0x448, "\x40\x04"), PUT(0x450, "\x18") }, CN_E_FORMAT,
      "/g (byte 1088): the object header leads in a circle" },
    { "H07 end", "number", { PUT(0x449, "\xff") }, CN_E_FORMAT, "/g: a piece of the object header lies at byte 65520" },
    { "H08", "number", { PUT(0x1158, "\x30\x04") }, CN_E_FORMAT,
      "/g/x (byte 1072): is the group \"/g\" in which it lies" },
    { "H08 root", "number", { PUT(0x1158, "\x60\x00") }, CN_E_FORMAT, "is the group \"/\" in which it lies" },
    { "H09", "refused/deep", { PUT(0, "") }, CN_E_LIMIT, "lies 65 groups deep; at most 64 are read" },
    /* B-trees and heaps */
    { "H10 entries", "number", { PUT(0x8e, "\xff\x00") }, CN_E_FORMAT,
      "/ (byte 136): a B-tree's node has 255 entries, of 32 at most" },
    { "H10 level", "number", { PUT(0x8d, "\1") }, CN_E_FORMAT, "a B-tree's node does not begin with \"TREE\"" },
    { "H10 itself", "number", { PUT(0x8d, "\1"), PUT(0xa8, "\x88\x00") }, CN_E_FORMAT, "stands at level 1" },
    { "H10 type", "number", { PUT(0x8c, "\1") }, CN_E_FORMAT, "node of type 1" },
    { "H10 links", "number", { PUT(0x1006, "\x09") }, CN_E_FORMAT, "a symbol table's node has 9 links, of 8 at most" },
    { "H10 twice", "number", { PUT(0x1030, "\x08") }, CN_E_FORMAT, "has two links named \"g\"" },
    { "H10 root", "number", { PUT(0x78, "\xff\xff\xff\xff") }, CN_E_FORMAT, "a B-tree's node lies at byte 4294967295" },
    { "H11 name", "number", { PUT(0x1008, "\xff") }, CN_E_FORMAT, "a name begins at byte 255 of a heap of 88" },
    { "H11 no end", "number", { PUT(0x2b0, "\x09"), PUT(0x2d0, "gggggggg"), PUT(0x2b8, "\1\0") }, CN_E_FORMAT,
      "does not end in it" },
    { "H11 free", "number", { PUT(0x2b8, "\xff") }, CN_E_FORMAT, "has 88 bytes, but is free from byte 255 on" },
    { "H11 size", "number", { PUT(0x2b0, "\x00\xff") }, CN_E_FORMAT,
      "the bytes of a group's names lies at byte 712 with 65280" },
    { "H11 slash", "number", { PUT(0x2d0, "/") }, CN_E_FORMAT, "a link is named \"/\"" },
    { "H12", "text", { PUT(0x868, "\xff\xff") }, CN_E_FORMAT, "object 4 of a global heap has 65535 bytes" },
    { "H12 size", "text", { PUT(0x808, "\x00\x00\x01") }, CN_E_FORMAT,
      "/ (byte 2048): a global heap has 65536 bytes, the file 4128" },
    { "H12 small", "text", { PUT(0x808, "\x01\x00") }, CN_E_FORMAT, "a global heap has 1 bytes" },
    { "H12 twice", "text", { PUT(0x860, "\x03") }, CN_E_FORMAT, "object 3 of a global heap is there twice" },
    /* shapes */
    { "H13 rank", "number", { PUT(0x339, "\x21") }, CN_E_LIMIT,
      "/g/x (byte 824): has 33 dimensions; at most 8 are read" },
    { "H13 rank", "number", { PUT(0x339, "\x08") }, CN_E_FORMAT, "the data space is cut short after 40 bytes" },
    { "H13 product", "number", { PUT(0x347, "\x40") }, CN_E_LIMIT, "has more elements than 2^63 (dimension 1 is 4)" },
    { "H13 sign", "number", { PUT(0x347, "\xff") }, CN_E_LIMIT, "has more elements than 2^63 (dimension 0" },
    { "H13 limit", "number", { PUT(0x340, "\4") }, CN_E_FORMAT, "has 4 elements in dimension 0, and 3 at most" },
    { "H14", "number", { PUT(0x340, "\0\0\0\0\1"), PUT(0x350, "\0\0\0\0\1") }, CN_E_LIMIT,
      "/g/x: claims 17179869184 elements of 4 bytes in a file of 4752 bytes" },
    { "H14", "chunk", { PUT(0x340, "\0\0\0\2"), PUT(0x350, "\0\0\0\2") }, CN_E_LIMIT,
      "claims 134217728 elements of 4 bytes" },
    { "H15 end", "number", { PUT(0x39a, "\xff\xff") }, CN_E_FORMAT, "/g/x: the data lies at byte 65535 with 48 bytes" },
    { "H15 size", "number", { PUT(0x3a2, "\x31") }, CN_E_FORMAT, "has 49 bytes for 12 elements of 4" },
    { "H15 shape", "number", { PUT(0x348, "\3") }, CN_E_FORMAT, "has 48 bytes for 9 elements of 4" },
    /* chunks */
    { "H16", "chunk", { PUT(0x3e3, "\0") }, CN_E_FORMAT, "has chunks of 0 elements in dimension 0" },
    { "H17", "chunk", { PUT(0x5c0, "\4") }, CN_E_FORMAT, "/x: has a chunk 2 of 2 in dimension 0" },
    { "H17 between", "chunk", { PUT(0x5c0, "\1") }, CN_E_FORMAT, "a chunk that begins inside another one's place" },
    { "H17 twice", "chunk", { PUT(0x5c0, "\0") }, CN_E_FORMAT, "has chunk 0 twice" },
    { "H17 size", "chunk", { PUT(0x3e3, "\xff\xff\xff\xff\xff\xff\xff\xff") }, CN_E_LIMIT,
      "has chunks of more than 2^63 bytes" },
    { "H17 element", "chunk", { PUT(0x3eb, "\x08") }, CN_E_FORMAT, "has elements of 4 bytes, its chunks of 8" },
    { "H17 rank", "chunk", { PUT(0x3da, "\2") }, CN_E_FORMAT, "has 2 dimensions, its chunks 1" },
    { "H17 index", "chunk_latest", { PUT(0x123, "\6") }, CN_E_UNSUPPORTED, "a chunk index of the unknown kind 6" },
    { "H17 elements", "chunk_latest", { PUT(0x1c7, "\3") }, CN_E_FORMAT, "an array for 2 chunks has 3 elements" },
    { "H17 width", "chunk_latest", { PUT(0x1c5, "\x40") }, CN_E_FORMAT, "has elements of 64 bytes" },
    { "H18", "chunk", { PUT(0x5d8, "\xb1") }, CN_E_FORMAT, "/x (byte 4017): has two chunks that lie over each other" },
    { "H19", "chunk", { PUT(0x590, "\xff\xff") }, CN_E_FORMAT,
      "/x: a chunk lies at byte 4016 with 65535 bytes, but the file ends at 4100" },
    { "H19", "chunk_latest", { PUT(0x1f1, "\xff\xff") }, CN_E_FORMAT, "a chunk lies at byte 2048 with 65535 bytes" },
    { "H20", "chunk", { PUT(0x3a0, "\x7d") }, CN_E_UNSUPPORTED,
      "is packed by filter 125 (deflate); gzip, shuffle and" },
    { "H20 plugin", "chunk", { PUT(0x3a0, "\x00\x7d") }, CN_E_UNSUPPORTED, "is packed by filter 32000" },
    { "H21 more", "chunk", { PUT(0x3e7, "\2") }, CN_E_FORMAT, "it unpacks to more bytes than declared" },
    { "H21 fewer", "chunk", { PUT(0x3e7, "\x08") }, CN_E_FORMAT, "it unpacks to fewer bytes than declared" },
    { "H21 claims", "chunk", { PUT(0x3e9, "\1") }, CN_E_LIMIT, "a chunk claims to unpack 38 bytes to 524320" },
    { "H22 shuffle", "chunk", { PUT(0x3a0, "\2"), PUT(0x3b0, "\xff\xff\xff\xff") }, CN_E_FORMAT,
      "a chunk has 38 bytes, not 32" },                  /* elements of 4 GiB: nothing to move, and at once */
    { "H22", "chunk", { PUT(0xfb4, "\0") }, CN_E_FORMAT, "/x: a chunk is damaged: its fletcher32 sum is" },
    { "H22 short", "chunk", { PUT(0x590, "\3\0") }, CN_E_FORMAT, "a chunk of 3 bytes has no room for its sum" },
    { "H23", "chunk", { PUT(0x3a0, "\4") }, CN_E_UNSUPPORTED, "is packed by filter 4 (szip)" },
    { "H25 loop", "number", { PUT(0x2e0, "/y\0") }, CN_E_FORMAT, "\"y\" leads through more than 16 soft links" },
    /* types */
    { "H29 size", "number", { PUT(0x36c, "\0") }, CN_E_FORMAT, "/g/x (byte 872): holds elements of 0 bytes" },
    { "H29 bits", "number", { PUT(0x372, "\x40") }, CN_E_FORMAT, "numbers of 64 bits from bit 0 on in 4 bytes" },
    { "H29 offset", "number", { PUT(0x370, "\1") }, CN_E_FORMAT, "numbers of 32 bits from bit 1 on in 4 bytes" },
    { "H29 format", "number", { PUT(0x378, "\x7e") }, CN_E_UNSUPPORTED, "of another format than IEEE 754's" },
    { "H30", "text", { PUT(0x3d9, "\0") }, CN_E_UNSUPPORTED, "holds lists of variable length" },
    { "H32 heap", "text", { PUT(0x1804, "\xff\xff") }, CN_E_FORMAT, "/x: a global heap lies at byte 65535" },
    { "H32 object", "text", { PUT(0x180c, "\x09") }, CN_E_FORMAT, "object 9 of a global heap; there is none" },
    { "H32 zero", "text", { PUT(0x180c, "\0") }, CN_E_FORMAT, "object 0 of a global heap; there is none" },
    { "H32 length", "text", { PUT(0x1800, "\4") }, CN_E_FORMAT,
      "a string has 4 bytes, its object in the global heap 3" },
    { "H32 NUL", "text", { PUT(0x870, "o\0e") }, CN_E_FORMAT, "string 0 has a NUL inside" },
    /* attributes */
    { "H33 empty", "number", { PUT(0x712, "\0") }, CN_E_FORMAT,
      "/g (byte 1808): has an attribute whose name of 0 bytes" },
    { "H33 no end", "number", { PUT(0x719, "b") }, CN_E_FORMAT, "whose name of 2 bytes does not end in a NUL" },
    { "H33 long", "number", { PUT(0x713, "\xff") }, CN_E_FORMAT, "an attribute is cut short after 48 bytes" },
    { "H33 value", "number", { PUT(0x70a, "\x28") }, CN_E_FORMAT, "attribute \"a\" needs 4 bytes and has 0" },
    /* messages that do not matter */
    { "H34 time", "number", { PUT(0x3b0, "\x12") }, CN_OK, "" },
    { "H34 shared table", "number", { PUT(0x3b0, "\x0f") }, CN_OK, "" },
    { "H34 unknown", "number", { PUT(0x3b0, "\x30") }, CN_OK, "" },
    { "H34 must know", "number", { PUT(0x3b0, "\x30"), PUT(0x3b4, "\x80") }, CN_E_UNSUPPORTED,
      "the unknown kind 48 that must be known" },
    { "H34 fill", "number", { PUT(0x388, "\3"), PUT(0x389, "\x29\3") }, CN_E_FORMAT, "the fill value is cut short" },
    /* checksums */
    { "sum", "chunk_latest", { PUT(0xc2, "\5") }, CN_E_FORMAT,
      "/x (byte 179): the object header is damaged: its checksum is" },
    { "sum", "chunk_latest", { PUT(0x1f0, "\2") }, CN_E_FORMAT, "a block of chunks' addresses is damaged" },
};

/* ---- Checksums put right again, so that damage is seen behind them ----------------------------------------------- */
typedef struct sealed { size_t from, n; } sealed;

static uint32_t u32_of(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
uint32_t cn__h5_checksum(const void *bytes, size_t n);   /* of the reader */

/* What in a good file has its own checksum behind it: it begins with four letters. */
static size_t find_sealed(const unsigned char *at, size_t n, sealed *list, size_t most)
{
    static const char letters[][5] = { "\x89HDF", "OHDR", "OCHK", "FAHD", "FADB", "EAHD", "EAIB",
                                       "EASB",    "EADB", "BTHD", "BTLF", "BTIN", "FRHP", "FHIB" };
    size_t found = 0;
    for (size_t i = 0; i + 8 < n; i++) {
        bool begins = false;
        for (size_t k = 0; k < sizeof letters / sizeof *letters; k++) begins = begins || !memcmp(at + i, letters[k], 4);
        for (size_t k = 8; begins && i + k + 4 <= n && found < most; k++)
            if (cn__h5_checksum(at + i, k) == u32_of(at + i + k)) {
                list[found++] = (sealed){ i, k };
                break;
            }
    }
    return found;
}

static void seal(unsigned char *at, const sealed *list, size_t count, size_t patched)
{
    for (size_t i = 0; i < count; i++) {
        if (patched < list[i].from || patched >= list[i].from + list[i].n) continue;
        uint32_t sum = cn__h5_checksum(at + list[i].from, list[i].n);
        for (int k = 0; k < 4; k++) at[list[i].from + list[i].n + (size_t)k] = (unsigned char)(sum >> 8 * k);
    }
}

/* ---- The rows ---------------------------------------------------------------------------------------------------- */
TEST(each_row_is_refused_with_its_message)
{
    golden g = golden_open();
    for (const row *r = rows; r < rows + sizeof rows / sizeof *rows; r++) {
        char   name[64];
        size_t n;
        sealed list[16];
        snprintf(name, sizeof name, "%s%s.h5", strchr(r->file, '/') ? "" : "small_", r->file);
        unsigned char *bytes = golden_file(&g, name, &n);
        size_t count = find_sealed(bytes, n, list, 16);
        for (int k = 0; k < 3; k++) {
            if (r->put[k].n) memcpy(bytes + r->put[k].at, r->put[k].bytes, r->put[k].n);
            if (r->put[k].n && strcmp(r->id, "sum")) seal(bytes, list, count, r->put[k].at);
        }
        clock_t begun = clock();
        cn_ctx *c = cn_open(.threads = 1, .memory_limit = (int64_t)(2 * n) + (64 << 20));
        bool    ok = walk_file(c, "bad.h5", bytes, n, NULL);
        CHECK(clock() - begun < CLOCKS_PER_SEC);         /* of the processor's time */
        const char *said = cn_error_message(c);
        if (ok != !r->status || cn_error(c) != r->status ||
            (r->status && (!strstr(said, r->part) || !strstr(said, "bad.h5"))))
            CHECK_FAIL("%s: %d \"%s\", not %d \"%s\"", r->id, cn_error(c), said, r->status, r->part);
        cn_close(c);
        free(bytes);
    }
    golden_close(&g);
}

/* A damaged part does not keep the rest from being read, and is refused again when it is asked for again. */
TEST(the_rest_of_a_damaged_file_reads)
{
    golden g = golden_open();
    size_t n;
    cn__h5_data d;
    float  x[12];
    int32_t a;
    unsigned char *bytes = golden_file(&g, "small_number.h5", &n);
    bytes[0x36c] = 0;
    cn__h5 *f = cn__h5_open(g.ctx, NULL, "x.h5", bytes, n);
    const cn__h5_object *group = cn__h5_find(f, NULL, "g");
    CHECK(!cn__h5_data_of(f, cn__h5_find(f, group, "x"), &d) && cn__h5_failed(f));
    cn_clear_error(g.ctx);
    CHECK(!cn__h5_read(f, cn__h5_find(f, group, "x"), x, sizeof x) && cn_error(g.ctx) == CN_E_FORMAT);
    CHECK(cn__h5_attr_read(f, group, "a", &a, sizeof a) && a == 5);
    cn__h5_close(f);
    bytes[0x36c] = 4, bytes[0x719] = 'b';                /* the attribute of the group */
    f = cn__h5_open(g.ctx, NULL, "x.h5", bytes, n);
    group = cn__h5_find(f, NULL, "g");
    CHECK(!cn__h5_attr(f, group, "a", &d) && !cn__h5_attr(f, group, "a", &d));
    CHECK(cn__h5_read(f, cn__h5_find(f, group, "x"), x, sizeof x) && x[0] == -89);
    cn__h5_close(f);
    free(bytes);
    golden_close(&g);
}

/* ---- H38: every truncation, every single-byte change: never a crash, a leak or a silent failure ------------------ */
static void try_bytes(const char *what, size_t at, const unsigned char *bytes, size_t n)
{
    unsigned char *own = malloc(n ? n : 1);              /* so that a sanitizer sees its end */
    memcpy(own, bytes, n);
    cn_ctx *c = cn_open(.threads = 1, .memory_limit = (int64_t)(2 * n) + (64 << 20));
    bool    ok = walk_file(c, "x.h5", own, n, NULL);
    if (ok != !cn_error(c)) CHECK_FAIL("%s at %zu: %s", what, at, ok ? "an error, and read" : "not read, and no error");
    cn_close(c);
    free(own);
}

static const char *const small[] = {
    "small_number.h5", "small_number_latest.h5", "small_chunk.h5", "small_chunk_latest.h5", "small_text.h5"
};

TEST(truncations)
{
    golden g = golden_open();
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        size_t n;
        unsigned char *bytes = golden_file(&g, small[i], &n);
        for (size_t k = 0; k < n; k++) {
            try_bytes(small[i], k, bytes, k);
            unsigned char *end = bytes + (bytes[8] < 2 ? 0x28 : 0x1c), kept[8];      /* the length that it says */
            memcpy(kept, end, 8);
            for (int b = 0; b < 8; b++) end[b] = (unsigned char)(k >> 8 * b);
            if (bytes[8] < 2 && k > 0x60) try_bytes(small[i], k, bytes, k);
            memcpy(end, kept, 8);
        }
        free(bytes);
    }
    golden_close(&g);
}

TEST(changes_of_each_byte)
{
    static const unsigned char masks[] = { 0x01, 0x80, 0xff, 0x10 };
    golden g = golden_open();
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        size_t n;
        sealed list[16];
        unsigned char *bytes = golden_file(&g, small[i], &n), *own = malloc(n);
        size_t count = find_sealed(bytes, n, list, 16);
        for (size_t k = 0; k < n; k++) {
            for (size_t m = 0; m < sizeof masks; m++) {
                if (k && !bytes[k] && !bytes[k - 1] && k % 64) continue;     /* long zeros are much the same */
                memcpy(own, bytes, n);
                own[k] ^= masks[m];
                if (count) try_bytes(small[i], k, own, n);
                seal(own, list, count, k);
                try_bytes(small[i], k, own, n);
            }
        }
        free(bytes), free(own);
    }
    golden_close(&g);
}

/* ---- Memory fails ------------------------------------------------------------------------------------------------ */
TEST(out_of_memory_at_every_request)
{
    static const char *const files[] = { "small_number.h5", "small_chunk.h5", "small_text.h5",
                                         "small_chunk_latest.h5" };
    golden g = golden_open();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t n;
        bool   done = false;
        unsigned char *bytes = golden_file(&g, files[i], &n);
        for (size_t limit = 0; !done && limit < 4u << 20; limit += 256) {
            cn_ctx *c = cn_open(.threads = 1, .memory_limit = 64 << 20);
            size_t  before = cn__memory_bound(c, limit);
            done = walk_file(c, "x.h5", bytes, n, NULL);
            if (!done && cn_error(c) != CN_E_NOMEM && cn_error(c) != CN_E_LIMIT)
                CHECK_FAIL("%s with %zu bytes: %s", files[i], limit, cn_error_message(c));
            cn__memory_unbound(c, before);
            cn_close(c);
        }
        CHECK(done);
        free(bytes);
    }
    golden_close(&g);
}

CHECK_MAIN
