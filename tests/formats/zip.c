/* Zip archives read: the forms that others write, zip64, and rows Z of the catalogue of bad inputs. */
#include "base/zip.h"
#include "data/files.h"
#include <time.h>

/* ---- Archives put together by hand ------------------------------------------------------------------------------- */
typedef struct archive {
    unsigned char at[8192];
    size_t n, count, local[64], data[64], entry[64], end64, end;         /* where its parts begin; end64 0: none */
} archive;

typedef struct part {
    const char *name, *bytes;
    bool     deflate, later;                             /* later: sizes behind the data */
    unsigned wide;                                       /* 1: zip64's field in the local header, 2: in the entry */
} part;

static void add(archive *a, uint64_t value, int n)
{
    for (int i = 0; i < n; i++) a->at[a->n++] = (unsigned char)(value >> 8 * i);
}

static void add_bytes(archive *a, const void *bytes, size_t n)
{
    memcpy(a->at + a->n, bytes, n);
    a->n += n;
}

static size_t packed_of(const part *p, unsigned char *out, size_t most)
{
    z_stream z;
    if (!p->deflate) return memcpy(out, p->bytes, strlen(p->bytes)), strlen(p->bytes);
    memset(&z, 0, sizeof z);
    z.next_in = (unsigned char *)(uintptr_t)p->bytes, z.avail_in = (unsigned)strlen(p->bytes);
    z.next_out = out, z.avail_out = (unsigned)most;
    CHECK(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK && deflate(&z, Z_FINISH) == Z_STREAM_END);
    size_t n = z.total_out;
    deflateEnd(&z);
    return n;
}

static void add_head(archive *a, const part *p, size_t packed, bool local)
{
    size_t size = strlen(p->bytes), name = strlen(p->name);
    bool   wide = p->wide & (local ? 1 : 2), hidden = local && p->later;
    add(a, wide ? 45 : 20, 2), add(a, p->later ? 8 : 0, 2), add(a, p->deflate ? 8 : 0, 2), add(a, 0, 4);
    add(a, hidden ? 0 : crc32(0, (const unsigned char *)p->bytes, (unsigned)size), 4);
    add(a, wide ? UINT32_MAX : hidden ? 0 : packed, 4), add(a, wide ? UINT32_MAX : hidden ? 0 : size, 4);
    add(a, name, 2), add(a, wide ? 20 : 0, 2);
    if (!local) add(a, 0, 6), add(a, 0100644u << 16, 4), add(a, a->local[a->count], 4);
    add_bytes(a, p->name, name);
    if (wide) add(a, 1, 2), add(a, 16, 2), add(a, hidden ? 0 : size, 8), add(a, hidden ? 0 : packed, 8);
}

static void add_end(archive *a, size_t directory, bool wide)
{
    size_t size = a->n - directory;
    if (wide) {
        a->end64 = a->n;
        add(a, 0x06064b50, 4), add(a, 44, 8), add(a, 45, 2), add(a, 45, 2), add(a, 0, 8);
        add(a, a->count, 8), add(a, a->count, 8), add(a, size, 8), add(a, directory, 8);
        add(a, 0x07064b50, 4), add(a, 0, 4), add(a, a->end64, 8), add(a, 1, 4);
    }
    a->end = a->n;
    add(a, 0x06054b50, 4), add(a, 0, 4);
    add(a, wide ? 0xffff : a->count, 2), add(a, wide ? 0xffff : a->count, 2);
    add(a, wide ? UINT32_MAX : size, 4), add(a, wide ? UINT32_MAX : directory, 4), add(a, 0, 2);
}

static archive archive_of(const part *p, size_t n, bool wide)
{
    archive a = { .n = 0 };
    size_t  packed[64], directory;
    for (size_t i = 0; i < n; i++) {
        unsigned char bytes[2048];
        packed[i] = packed_of(&p[i], bytes, sizeof bytes);
        a.local[i] = a.n;
        add(&a, 0x04034b50, 4), add_head(&a, &p[i], packed[i], true);
        a.data[i] = a.n;
        add_bytes(&a, bytes, packed[i]);
        if (p[i].later) {
            size_t size = strlen(p[i].bytes);
            add(&a, 0x08074b50, 4), add(&a, crc32(0, (const unsigned char *)p[i].bytes, (unsigned)size), 4);
            add(&a, packed[i], p[i].wide ? 8 : 4), add(&a, size, p[i].wide ? 8 : 4);
        }
    }
    directory = a.n;
    for (; a.count < n; a.count++) {
        a.entry[a.count] = a.n;
        add(&a, 0x02014b50, 4), add(&a, 3 << 8 | 20, 2), add_head(&a, &p[a.count], packed[a.count], false);
    }
    add_end(&a, directory, wide);
    return a;
}

static void patch(archive *a, size_t at, uint64_t value, int n)
{
    size_t was = a->n;
    a->n = at, add(a, value, n), a->n = was;
}

/* Opens it and reads all its members; the first status that is not CN_OK. */
static cn_status read_all(cn_ctx *c, const void *at, size_t n)
{
    cn__zip   z;
    void     *copy = malloc(n ? n : 1);                  /* so that a byte behind it is noticed */
    cn_status status = (memcpy(copy, at, n), cn__zip_open(&z, c, "a.zip", copy, n));
    for (size_t i = 0; !status && i < z.count; i++) {
        unsigned char *bytes = cn__zip_read(&z, &z.members[i], 0);
        if (bytes) cn__free(c, bytes, (size_t)z.members[i].size + 1);
        else status = cn_error(c);
    }
    cn__zip_close(&z);
    free(copy);
    return status;
}

#define TEXT "to be or not to be to be or not to be"
static const part two[] = { { "config.json", TEXT, false, false, 0 }, { "a/b.txt", TEXT, true, false, 0 } };

/* ---- What is read ------------------------------------------------------------------------------------------------ */
static void reads(archive a, const part *p)
{
    cn_ctx *c = cn_open();
    cn__zip z;
    CHECK_INT(cn__zip_open(&z, c, "a.zip", a.at, a.n), CN_OK);
    CHECK_INT(z.count, a.count);
    for (size_t i = 0; i < z.count; i++) {
        const cn__zip_member *m = cn__zip_find(&z, p[i].name);
        unsigned char        *bytes = m ? cn__zip_read(&z, m, 0) : NULL;
        CHECK(m && m->offset == a.data[i]);
        CHECK(bytes && m->size == strlen(p[i].bytes) && !strcmp((char *)bytes, p[i].bytes));
        if (bytes) cn__free(c, bytes, (size_t)m->size + 1);
    }
    CHECK_STR(cn_error_message(c), "");
    cn__zip_close(&z);
    CHECK_INT(cn_close(c), 0);
}

TEST(forms)                                              /* as Python's zipfile, NumPy and others write them */
{
    for (unsigned form = 0; form < 32; form++) {
        part p[3] = { two[0], two[1], { "empty", "", false, false, 0 } };
        for (int i = 0; i < 3; i++) p[i].wide = form & 3;
        p[1].later = form >> 2 & 1, p[0].deflate = form >> 3 & 1;
        reads(archive_of(p, 3, form >> 4), p);
        if (check_bad) printf("form %u\n", form);
    }
    archive none = archive_of(NULL, 0, false), plain = archive_of(two, 2, false);
    reads(none, NULL);
    add_bytes(&plain, "a comment", 9), patch(&plain, plain.end + 20, 9, 2);
    reads(plain, two);
}

TEST(directory_in_another_order)
{
    archive a = archive_of(two, 2, false);
    const part turned[] = { two[1], two[0] };
    unsigned char first[256];
    size_t n = a.entry[1] - a.entry[0], m = a.end - a.entry[1];
    memcpy(first, a.at + a.entry[0], n);
    memmove(a.at + a.entry[0], a.at + a.entry[1], m);
    memcpy(a.at + a.entry[0] + m, first, n);
    a.data[2] = a.data[0], a.data[0] = a.data[1], a.data[1] = a.data[2];
    reads(a, turned);
}

TEST(descriptors)                                        /* with or without mark */
{
    part    p = { "x", TEXT, true, true, 0 };
    archive a = archive_of(&p, 1, false);
    size_t  mark = a.entry[0] - 16;
    memmove(a.at + mark, a.at + mark + 4, a.n - mark - 4);
    a.n -= 4, a.entry[0] -= 4, a.end -= 4;
    patch(&a, a.end + 16, a.entry[0], 4);
    reads(a, &p);
}

/* ---- Rows Z ------------------------------------------------------------------------------------------------------ */
static void z01(archive *a) { a->n = 0; }
static void z02(archive *a) { a->n -= 22; }
static void z03_offset(archive *a) { patch(a, a->end + 16, (uint32_t)a->n + 1, 4); }
static void z03_size(archive *a) { patch(a, a->end + 12, (uint32_t)a->n, 4); }
static void z04_fewer(archive *a) { patch(a, a->end + 8, 1, 2), patch(a, a->end + 10, 1, 2); }
static void z04_more(archive *a) { patch(a, a->end + 8, 3, 2), patch(a, a->end + 10, 3, 2); }
static void z04_mark(archive *a) { a->at[a->entry[1]] = 0; }
static void z05(archive *a) { a->at[a->local[0] + 30] = 'k'; }
static void z06_crc(archive *a) { a->at[a->local[0] + 14] ^= 1; }
static void z06_size(archive *a) { a->at[a->local[1] + 22] ^= 1; }
static void z06_method(archive *a) { a->at[a->local[1] + 8] = 0; }
static void z06_flags(archive *a) { a->at[a->local[1] + 7] = 8; }
static void z07(archive *a) { a->at[a->data[0]] ^= 1; }
static void z08(archive *a) { patch(a, a->entry[1] + 42, 0, 4); }
static void z10(archive *a)                              /* 281 TB */
{
    part p = { "x", TEXT, true, false, 3 };
    *a = archive_of(&p, 1, false);
    patch(a, a->local[0] + 35, (uint64_t)1 << 48, 8), patch(a, a->entry[0] + 51, (uint64_t)1 << 48, 8);
}
static void z11(archive *a)                              /* 5 GiB, stored */
{
    part p = { "x", TEXT, false, false, 3 };
    *a = archive_of(&p, 1, false);
    patch(a, a->local[0] + 35, (uint64_t)5 << 30, 8), patch(a, a->entry[0] + 51, (uint64_t)5 << 30, 8);
}
static void z11_whole(archive *a)                        /* and packed to as many */
{
    z11(a);
    patch(a, a->local[0] + 43, (uint64_t)5 << 30, 8), patch(a, a->entry[0] + 59, (uint64_t)5 << 30, 8);
}
static void sizes(archive *a, uint64_t size)
{
    patch(a, a->local[1] + 22, size, 4), patch(a, a->entry[1] + 24, size, 4);
}
static void z12(archive *a) { sizes(a, sizeof TEXT - 2); }
static void z13(archive *a) { sizes(a, sizeof TEXT); }
static void named(archive *a, const char *name)
{
    part p[2] = { two[0], { name, TEXT, false, false, 0 } };
    *a = archive_of(p, 2, false);
}
static void z14(archive *a) { named(a, "../x"); }
static void z14_within(archive *a) { named(a, "a/../../x"); }
static void z14_end(archive *a) { named(a, "a/.."); }
static void z15(archive *a) { named(a, "/etc/x"); }
static void z16(archive *a) { named(a, "..\\x"); }
static void z16_drive(archive *a) { named(a, "C:x"); }
static void z16_unc(archive *a) { named(a, "\\\\host\\x"); }
static void z17(archive *a) { patch(a, a->entry[0] + 38, 0120777u << 16, 4); }
static void z18(archive *a) { named(a, "config.json"); }
static void z19(archive *a) { named(a, "a\1"); }
static void z19_utf8(archive *a) { named(a, "a\xc3("); }
static void z19_none(archive *a) { named(a, ""); }
static void z19_nul(archive *a) { a->at[a->local[1] + 31] = a->at[a->entry[1] + 47] = 0; }
static void flag(archive *a, unsigned bit)
{
    patch(a, a->local[0] + 6, 1u << bit, 2), patch(a, a->entry[0] + 8, 1u << bit, 2);
}
static void z20(archive *a) { flag(a, 0); }
static void z20_strong(archive *a) { flag(a, 6); }
static void z20_directory(archive *a) { flag(a, 13); }
static void z21(archive *a) { a->at[a->local[0] + 8] = a->at[a->entry[0] + 10] = 12; }
static void z22(archive *a)
{
    z11(a);
    patch(a, a->local[0] + 35, UINT64_MAX, 8), patch(a, a->entry[0] + 51, UINT64_MAX, 8);
}
static void z22_both(archive *a)
{
    z22(a);
    patch(a, a->local[0] + 43, UINT64_MAX, 8), patch(a, a->entry[0] + 59, UINT64_MAX, 8);
}
static void z22_cut(archive *a)                          /* the offset is said to be in the field, too */
{
    z11(a);
    patch(a, a->entry[0] + 42, UINT32_MAX, 4);
}
static void z22_extra(archive *a) { z11(a), patch(a, a->entry[0] + 49, 17, 2); }
static void z23(archive *a) { patch(a, a->end + 8, 10001, 2), patch(a, a->end + 10, 10001, 2); }
static void z25_before(archive *a)
{
    memmove(a->at + 1, a->at, a->n++);
    patch(a, a->end + 1 + 16, a->entry[0] + 1, 4);
    for (int i = 0; i < 2; i++) patch(a, a->entry[i] + 1 + 42, a->local[i] + 1, 4);
}
static void z25_shifted(archive *a) { memmove(a->at + 1, a->at, a->n++); }               /* offsets left as they were */
static void z25_after(archive *a) { add(a, 'x', 1); }
static void z25_between(archive *a)
{
    memmove(a->at + a->entry[0] + 1, a->at + a->entry[0], a->n - a->entry[0]);
    a->n++;
    patch(a, a->end + 1 + 16, a->entry[0] + 1, 4);
}
static void z26(archive *a) { patch(a, a->end + 4, 1, 2); }
static void z26_directory(archive *a) { patch(a, a->end + 6, 1, 2); }
static void z26_count(archive *a) { patch(a, a->end + 8, 1, 2); }
static void z26_member(archive *a) { patch(a, a->entry[0] + 34, 1, 2); }
static void z27(archive *a)
{
    part p = { "x", TEXT, false, true, 0 };
    *a = archive_of(&p, 1, false);
}
static void later(archive *a, size_t at)                 /* the descriptor is wrong */
{
    part p = { "x", TEXT, true, true, 0 };
    *a = archive_of(&p, 1, false);
    a->at[a->entry[0] - 16 + at] ^= 1;
}
static void later_crc(archive *a) { later(a, 4); }
static void later_size(archive *a) { later(a, 12); }
static void later_local(archive *a) { later(a, 0), a->at[a->entry[0] - 16] ^= 1, patch(a, a->local[0] + 18, 99, 4); }
static void wide(archive *a, size_t at, uint64_t value, int n)
{
    *a = archive_of(two, 2, true);
    patch(a, a->end64 + at, value, n);
}
static void wide_count(archive *a) { wide(a, 32, 3, 8), patch(a, a->end64 + 24, 3, 8); }
static void wide_offset(archive *a) { wide(a, 48, UINT64_MAX, 8); }
static void wide_size(archive *a) { wide(a, 40, (uint64_t)1 << 40, 8); }
static void wide_locator(archive *a) { wide(a, 64, 0, 8); }
static void wide_mark(archive *a) { wide(a, 0, 0, 4); }
static void wide_length(archive *a) { wide(a, 4, 45, 8); }
static void wide_disks(archive *a) { wide(a, 72, 2, 4); }
static void wide_disk(archive *a) { wide(a, 16, 1, 4); }
static void wide_two_counts(archive *a) { wide(a, 24, 1, 8); }
static void wide_other(archive *a)
{
    *a = archive_of(two, 2, true);
    patch(a, a->end + 8, 1, 2), patch(a, a->end + 10, 1, 2);
}

static const struct row { const char *id; void (*make)(archive *); cn_status status; const char *part; } rows[] = {
    { "Z01", z01, CN_E_FORMAT, "a.zip: is cut short: 0 bytes" },
    { "Z02", z02, CN_E_FORMAT, "no end record" },
    { "Z03", z03_offset, CN_E_FORMAT, "does not end here" },
    { "Z03", z03_size, CN_E_FORMAT, "does not end here" },
    { "Z04", z04_fewer, CN_E_FORMAT, "belong to no member" },
    { "Z04", z04_more, CN_E_FORMAT, "no room for them" },
    { "Z04", z04_mark, CN_E_FORMAT, "entry of the directory is missing" },
    { "Z05", z05, CN_E_FORMAT, "own name is not \"config.json\"" },
    { "Z06", z06_crc, CN_E_FORMAT, "disagree about" },
    { "Z06", z06_size, CN_E_FORMAT, "disagree about" },
    { "Z06", z06_method, CN_E_FORMAT, "disagree about" },
    { "Z06", z06_flags, CN_E_FORMAT, "disagree about" },
    { "Z07", z07, CN_E_FORMAT, "\"config.json\" is damaged: its checksum" },
    { "Z08", z08, CN_E_FORMAT, "gap or overlap" },
    { "Z10", z10, CN_E_LIMIT, "no honest file does" },
    { "Z11", z11, CN_E_LIMIT, "no honest file does" },
    { "Z11", z11_whole, CN_E_FORMAT, "5368709120 bytes declared" },
    { "Z12", z12, CN_E_FORMAT, "more bytes than declared" },
    { "Z13", z13, CN_E_FORMAT, "fewer bytes than declared" },
    { "Z14", z14, CN_E_FORMAT, "leaves the archive's folder" },
    { "Z14", z14_within, CN_E_FORMAT, "leaves the" },
    { "Z14", z14_end, CN_E_FORMAT, "leaves the" },
    { "Z15", z15, CN_E_FORMAT, "leaves the" },
    { "Z16", z16, CN_E_FORMAT, "leaves the" },
    { "Z16", z16_drive, CN_E_FORMAT, "leaves the" },
    { "Z16", z16_unc, CN_E_FORMAT, "leaves the" },
    { "Z17", z17, CN_E_UNSUPPORTED, "symbolic link" },
    { "Z18", z18, CN_E_FORMAT, "two members \"config.json\"" },
    { "Z19", z19, CN_E_FORMAT, "control characters" },
    { "Z19", z19_utf8, CN_E_FORMAT, "not UTF-8" },
    { "Z19", z19_none, CN_E_FORMAT, "is empty" },
    { "Z19", z19_nul, CN_E_FORMAT, "control characters" },
    { "Z20", z20, CN_E_UNSUPPORTED, "encrypted" },
    { "Z20", z20_strong, CN_E_UNSUPPORTED, "encrypted" },
    { "Z20", z20_directory, CN_E_UNSUPPORTED, "encrypted" },
    { "Z21", z21, CN_E_UNSUPPORTED, "method 12" },
    { "Z22", z22, CN_E_LIMIT, "to 18446744073709551615" },
    { "Z22", z22_both, CN_E_FORMAT, "18446744073709551615 bytes declared" },
    { "Z22", z22_cut, CN_E_FORMAT, "zip64 field is cut" },
    { "Z22", z22_extra, CN_E_FORMAT, "longer than its header" },
    { "Z23", z23, CN_E_LIMIT, "has 10001 members" },
    { "Z25", z25_before, CN_E_FORMAT, "should begin at offset 0" },
    { "Z25", z25_shifted, CN_E_FORMAT, "does not end here" },
    { "Z25", z25_after, CN_E_FORMAT, "comment does not end" },
    { "Z25", z25_between, CN_E_FORMAT, "belong to no member" },
    { "Z26", z26, CN_E_UNSUPPORTED, "several parts" },
    { "Z26", z26_directory, CN_E_UNSUPPORTED, "several parts" },
    { "Z26", z26_count, CN_E_UNSUPPORTED, "several parts" },
    { "Z26", z26_member, CN_E_UNSUPPORTED, "another part" },
    { "Z27", z27, CN_E_UNSUPPORTED, "stored with its size behind it" },
    { "descriptor", later_crc, CN_E_FORMAT, "no descriptor" },
    { "descriptor", later_size, CN_E_FORMAT, "no descriptor" },
    { "descriptor", later_local, CN_E_FORMAT, "disagree about" },
    { "zip64", wide_count, CN_E_FORMAT, "has no room for them" },
    { "zip64", wide_offset, CN_E_FORMAT, "does not end here" },
    { "zip64", wide_size, CN_E_FORMAT, "does not end here" },
    { "zip64", wide_locator, CN_E_FORMAT, "no zip64 end record" },
    { "zip64", wide_mark, CN_E_FORMAT, "no zip64 end record" },
    { "zip64", wide_length, CN_E_FORMAT, "no zip64 end record" },
    { "zip64", wide_disks, CN_E_UNSUPPORTED, "several parts" },
    { "zip64", wide_disk, CN_E_UNSUPPORTED, "several parts" },
    { "zip64", wide_two_counts, CN_E_UNSUPPORTED, "several parts" },
    { "zip64", wide_other, CN_E_FORMAT, "disagree" },
};

TEST(bad_archives)
{
    for (size_t i = 0; i < CN__COUNT(rows); i++) {
        int     before = check_bad;
        cn_ctx *c = cn_open();
        archive a = archive_of(two, 2, false);
        rows[i].make(&a);
        clock_t begun = clock();
        CHECK_INT(read_all(c, a.at, a.n), rows[i].status);
        CHECK_FAILS(c, rows[i].status, rows[i].part);
        CHECK(clock() - begun < CLOCKS_PER_SEC);         /* of the processor's time */
        CHECK_STR(cn_error_message(c), "a.zip: ");
        CHECK(cn_memory(c, true) < 1 << 20);
        CHECK_INT(cn_close(c), 1);
        if (check_bad != before) printf("row %s: %s\n", rows[i].id, rows[i].part);
    }
}

/* Z09: each member's data are a stored block that quotes the next member's header, and so on up to a kernel that all of
   them unpack. */
TEST(bomb)
{
    enum { MEMBERS = 26, HEAD = 31 };
    static unsigned char zeros[1 << 20], kernel[4096];
    part     p = { "x", (const char *)memset(zeros, 'a', sizeof zeros - 1), true, false, 0 };
    size_t   packed = packed_of(&p, kernel, sizeof kernel), size = sizeof zeros - 1;
    archive  a = { .count = MEMBERS };
    for (size_t i = 0; i < MEMBERS; i++) {
        size_t rest = MEMBERS - 1 - i;
        a.local[i] = a.n;
        add(&a, 0x04034b50, 4), add(&a, 20, 2), add(&a, 0, 2), add(&a, 8, 2), add(&a, 0, 8);
        add(&a, packed + rest * (HEAD + 5), 4), add(&a, size + rest * HEAD, 4), add(&a, 1, 4), add(&a, 'a' + i, 1);
        if (rest) add(&a, 0, 1), add(&a, HEAD, 2), add(&a, (uint16_t)~HEAD, 2);
    }
    add_bytes(&a, kernel, packed);
    size_t directory = a.n;
    for (size_t i = 0; i < MEMBERS; i++) {
        size_t rest = MEMBERS - 1 - i;
        add(&a, 0x02014b50, 4), add(&a, 20, 2), add(&a, 20, 2), add(&a, 0, 2), add(&a, 8, 2), add(&a, 0, 8);
        add(&a, packed + rest * (HEAD + 5), 4), add(&a, size + rest * HEAD, 4), add(&a, 1, 2);
        add(&a, 0, 8), add(&a, 0, 4);
        add(&a, a.local[i], 4), add(&a, 'a' + i, 1);
    }
    add_end(&a, directory, false);
    cn_ctx *c = cn_open();
    CHECK_INT(read_all(c, a.at, a.n), CN_E_FORMAT);
    CHECK_FAILS(c, CN_E_FORMAT, "\"b\" should begin at offset");
    CHECK(cn_memory(c, true) < 1 << 20);
    CHECK_INT(cn_close(c), 1);
}

/* ---- Z28, Z29: damaged deflate data, bit by bit ------------------------------------------------------------------ */
typedef struct bits { unsigned char at[64]; size_t n; } bits;

static void put_bits(bits *b, unsigned value, int n)     /* the lowest first */
{
    for (int i = 0; i < n; i++, b->n++) b->at[b->n / 8] |= (unsigned char)((value >> i & 1) << b->n % 8);
}

static bits code_lengths(const unsigned *length, int n)  /* a dynamic block that gets as far as these */
{
    bits b = { { 0 }, 0 };
    put_bits(&b, 1, 1), put_bits(&b, 2, 2), put_bits(&b, 0, 5), put_bits(&b, 0, 5), put_bits(&b, (unsigned)n - 4, 4);
    for (int i = 0; i < n; i++) put_bits(&b, length[i], 3);
    put_bits(&b, 0, 32);
    return b;
}

TEST(bad_deflate)
{
    const unsigned over[19] = { 1, 1, 1, 1 }, incomplete[19] = { 2, 2 };
    bits type3 = { { 7, 0, 0, 0 }, 32 }, lengths = { { 1, 5, 0, 0, 0, 'h', 'e', 'l', 'l', 'o' }, 80 };
    bits far_back = { { 0 }, 0 }, far_later = { { 0 }, 0 };
    put_bits(&far_back, 1, 1), put_bits(&far_back, 1, 2);                    /* fixed codes: a match of 3 ... */
    put_bits(&far_back, 0x40, 7), put_bits(&far_back, 0, 5), put_bits(&far_back, 0, 7);  /* ... 1 back, at the start */
    put_bits(&far_later, 1, 1), put_bits(&far_later, 1, 2);
    for (int i = 0; i < 8; i++) put_bits(&far_later, 0x0c, 8);               /* eight zeros, then 9 back */
    put_bits(&far_later, 0x40, 7), put_bits(&far_later, 0x0c, 5), put_bits(&far_later, 0, 9);
    const struct { const char *id; bits b; const char *part; } bad[] = {
        { "Z28 type 3", type3, "invalid block type" },       { "Z28 LEN", lengths, "invalid stored block lengths" },
        { "Z28 over", code_lengths(over, 19), "invalid code lengths set" },
        { "Z28 incomplete", code_lengths(incomplete, 19), "invalid code lengths set" },
        { "Z29 at once", far_back, "too far back" },         { "Z29 later", far_later, "too far back" },
    };
    for (size_t i = 0; i < CN__COUNT(bad); i++) {
        cn_ctx *c = cn_open();
        part    p = { "x", "0123456789abcdefghijklmnopqrstuvwxyz", false, false, 0 };
        archive a = archive_of(&p, 1, false);
        size_t  n = (bad[i].b.n + 7) / 8, all = strlen(p.bytes);
        patch(&a, a.local[0] + 8, 8, 2), patch(&a, a.entry[0] + 10, 8, 2);   /* it says that it is deflated */
        memcpy(a.at + a.data[0], bad[i].b.at, CN__MIN(n, all));
        CHECK_INT(read_all(c, a.at, a.n), CN_E_FORMAT);
        CHECK_STR(cn_error_message(c), bad[i].part);
        CHECK_STR(cn_error_message(c), "\"x\" is damaged");
        if (check_bad) printf("row %s\n", bad[i].id);
        CHECK_INT(cn_close(c), 1);
    }
}

TEST(model_without_a_member)                             /* Z24 */
{
    static const part all[] = {
        { "metadata.json", "{\"keras_version\": \"3.15.1\"}", false, false, 0 },
        { "config.json", "{\"module\": \"keras\", \"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", "
          "\"layers\": [{\"module\": \"keras.layers\", \"class_name\": \"InputLayer\", \"config\": "
          "{\"batch_shape\": [null, 2], \"dtype\": \"float32\", \"name\": \"i\"}}, {\"module\": \"keras.layers\", "
          "\"class_name\": \"Dense\", \"config\": {\"name\": \"d\", \"units\": 1}}]}}", true, false, 0 },
        { "model.weights.h5", "x", false, false, 0 },
    };
    for (size_t without = 0; without < 3; without++) {
        part   some[2] = { all[without == 0], all[without == 2 ? 1 : 2] };
        char   wanted[64];
        cn_ctx *c = cn_open();
        archive a = archive_of(some, 2, false);
        snprintf(wanted, sizeof wanted, "z24.keras: this zip has no member \"%s\"", all[without].name);
        cn_model *m = cn_load(c, "z24.keras", .bytes = CN_BUFFER(a.at, a.n));
        CHECK_FAILS(m, CN_E_FORMAT, wanted);
        CHECK_INT(cn_close(c), 1);
    }
}

TEST(every_truncation_and_change)                        /* Z30 */
{
    const part p[] = { two[0], { "b", TEXT, true, true, 0 }, { "c", TEXT, false, false, 3 } };
    cn_ctx *c = cn_open();
    archive good = archive_of(p, 3, true), bad = good;
    CHECK_INT(read_all(c, good.at, good.n), CN_OK);
    for (size_t n = 0; n < good.n; n++) CHECK_INT(read_all(c, good.at, n), CN_E_FORMAT);
    for (size_t i = 0; i < good.n; i++) {
        for (int to = 0; to < 256; to += i % 2 ? 5 : 3) {
            bad.at[i] = (unsigned char)to;
            cn_status s = read_all(c, bad.at, bad.n);
            CHECK(s == CN_OK || s == CN_E_FORMAT || s == CN_E_LIMIT || s == CN_E_UNSUPPORTED);
        }
        bad.at[i] = good.at[i];
    }
    CHECK(cn_memory(c, true) < 1 << 20);
    cn_close(c);
}

CHECK_MAIN
