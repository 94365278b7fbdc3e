/* Arrays from and to files: IDX, NPY, NPZ, pictures, texts; rows I, N and Z of the catalogue of bad inputs. */
#include "files.h"
#include "base/zip.h"

typedef struct blob { unsigned char at[4096]; size_t n; } blob;

static void add(blob *b, const void *bytes, size_t n)
{
    memcpy(b->at + b->n, bytes, n);
    b->n += n;
}
static void add_le(blob *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) b->at[b->n++] = (unsigned char)(v >> 8 * i);
}

/* ---- IDX --------------------------------------------------------------------------------------------------------- */
static blob idx(int code, int rank, const uint32_t *dim, const void *data, size_t n)
{
    blob b = { { 0, 0, (unsigned char)code, (unsigned char)rank }, 4 };
    for (int i = 0; i < rank; i++)
        for (int k = 3; k >= 0; k--) b.at[b.n++] = (unsigned char)(dim[i] >> 8 * k);
    add(&b, data, n);
    return b;
}

TEST(idx_types)
{
    cn_ctx *c = cn_open();
    blob b = idx(0x08, 2, (uint32_t[]){ 2, 3 }, "\1\2\3\4\5\377", 6);
    cn_array *a = cn_array_from_idx(c, file_of("a.idx", b.at, b.n));
    CHECK_INT(cn_dtype_of(a), CN_UINT8);
    CHECK_INT(cn_size_of(a, 0), 2);
    CHECK_NEAR(cn_at(a, 1, 2), 255, 0);
    CHECK_NEAR(cn_at(cn_array_from_idx(c, file_gz("a.idx.gz", b.at, b.n)), 0, 1), 2, 0);
    b = idx(0x0C, 1, (uint32_t[]){ 2 }, "\xff\xff\xff\xfe\0\1\0\0", 8);
    a = cn_array_from_idx(c, file_of("a.idx", b.at, b.n));
    CHECK_INT(cn_int32(a)[0], -2);
    CHECK_INT(cn_int32(a)[1], 65536);
    b = idx(0x0E, 2, (uint32_t[]){ 1, 1 }, "\x3f\xf8\0\0\0\0\0\0", 8);
    CHECK_NEAR(cn_at(cn_array_from_idx(c, file_of("a.idx", b.at, b.n)), 0, 0), 1.5, 0);
    b = idx(0x08, 3, (uint32_t[]){ 0, 28, 28 }, "", 0);
    CHECK_INT(cn_size_of(cn_array_from_idx(c, file_of("a.idx", b.at, b.n)), 2), 28);
    CHECK_INT(cn_close(c), 0);
}

TEST(idx_bad)
{
    const uint32_t two[] = { 2 }, huge[] = { 0xffffffffu, 28, 28 }, all[] = { ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u };
    blob nine = idx(8, 8, all, "", 0);
    nine.at[3] = 9;
    const struct { const char *id; blob b; cn_status status; const char *part; } bad[] = {
        { "I01", { { 'P', 'K', 8, 1, 0, 0, 0, 0 }, 8 }, CN_E_FORMAT, "is no IDX file: it begins with 50 4b" },
        { "I02", idx(0x0A, 1, two, "ab", 2),            CN_E_FORMAT, "offset 2: unknown IDX type code 0x0a" },
        { "I03", idx(0x08, 0, two, "ab", 2),            CN_E_FORMAT, "0 dimensions" },
        { "I03", nine,                                  CN_E_FORMAT, "9 dimensions" },
        { "I04", idx(0x0E, 8, all, "", 0),              CN_E_LIMIT,  "is too large" },
        { "I05", idx(0x08, 1, two, "a", 1),             CN_E_FORMAT, "(2,) of uint8 has 2 bytes, 1 follow" },
        { "I05", idx(0x08, 3, huge, "", 0),             CN_E_FORMAT, "is cut short" },
        { "I05", { { 0, 0, 8 }, 3 },                    CN_E_FORMAT, "is cut short: 3 bytes" },
        { "I05", { { 0, 0, 8, 2, 0, 0, 0, 1 }, 8 },     CN_E_FORMAT, "its head alone has 12" },
        { "I05", { { 0 }, 0 },                          CN_E_FORMAT, "cut short" },
        { "I06", idx(0x08, 1, two, "abc", 3),           CN_E_FORMAT, "has bytes left over" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cn_ctx *c = cn_open();
        CHECK_FAILS(cn_array_from_idx(c, file_of("bad.idx", bad[i].b.at, bad[i].b.n)), bad[i].status, bad[i].part);
        if (check_bad) printf("row %s\n", bad[i].id);
        CHECK_INT(cn_close(c), 1);
    }
    cn_ctx *c = cn_open();
    CHECK_FAILS(cn_array_from_idx(c, "/no/such.idx"), CN_E_IO, "/no/such.idx");
    CHECK_INT(cn_close(c), 1);
}

TEST(idx_bomb)                                  /* I09: 128 MiB of zeros in 128 KiB of gzip, where 32 MiB are allowed */
{
    size_t n = (128u << 20) + 8;
    unsigned char *zeros = calloc(n, 1);
    if (!zeros) exit(1);
    memcpy(zeros, "\0\0\10\1\10\0\0\0", 8);
    const char *path = file_gz("bomb.gz", zeros, n);
    free(zeros);
    cn_ctx *c = cn_open(.memory_limit = 64 << 20);
    CHECK_FAILS(cn_array_from_idx(c, path), CN_E_LIMIT, ".memory_limit");
    CHECK(cn_memory(c, true) <= 64 << 20);
    CHECK_INT(cn_close(c), 1);
}

/* ---- NPY --------------------------------------------------------------------------------------------------------- */
static blob npy_of(int version, const char *dict, const void *data, size_t n)
{
    blob b = { { 0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)version, 0 }, 8 };
    add_le(&b, strlen(dict) + 1, version == 1 ? 2 : 4);
    add(&b, dict, strlen(dict));
    add(&b, "\n", 1);
    add(&b, data, n);
    return b;
}

static cn_array *npy(cn_ctx *c, blob b) { return cn_array_from_npy(c, file_of("a.npy", b.at, b.n)); }

#define DICT(descr, order, shape) "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }"

TEST(npy_forms)
{
    cn_ctx  *c = cn_open();
    float    f[6] = { 1, 2, 3, 4, 5, 6 };
    cn_array *a = npy(c, npy_of(1, DICT("<f4", "False", "(2, 3)"), f, sizeof f));
    CHECK_NEAR(cn_at(a, 1, 0), 4, 0);
    CHECK_INT((uintptr_t)cn_data(a) % 64, 0);
    a = npy(c, npy_of(2, "{\"shape\":(2,3,),\"fortran_order\":True,\"descr\":\"<f4\"}  ", f, sizeof f));     /* N12 */
    CHECK_NEAR(cn_at(a, 0, 1), 3, 0);
    CHECK_NEAR(cn_at(a, 1, 2), 6, 0);
    a = npy(c, npy_of(3, DICT(">i2", "False", "(2,)"), "\1\0\xff\xfe", 4));
    CHECK_NEAR(cn_at(a, 0), 256, 0);
    CHECK_NEAR(cn_at(a, 1), -2, 0);
    a = npy(c, npy_of(1, DICT("<f8", "False", "()"), &(double){ 0.1 }, 8));
    CHECK_INT(cn_rank_of(a), 0);
    CHECK_NEAR(cn_at(a, 0), 0.1, 0);
    a = npy(c, npy_of(1, DICT("|b1", "False", "(3,)"), "\0\1\7", 3));
    CHECK_INT(cn_dtype_of(a), CN_BOOL);
    CHECK_INT(((const uint8_t *)cn_data(a))[2], 1);
    a = npy(c, npy_of(1, DICT("<f2", "False", "(1,)"), "\0\x3e", 2));
    CHECK_NEAR(cn_at(a, 0), 1.5, 0);
    CHECK_INT(cn_error(npy(c, npy_of(1, DICT("<i8", "True", "(0, 3)"), "", 0))), CN_OK);
    CHECK_INT(cn_close(c), 0);
}

TEST(npy_bad)
{
    const double d = 1;
    blob magic = npy_of(1, DICT("<f8", "False", "(1,)"), &d, 8), version = magic, head = magic,
         large = npy_of(2, "{}", &d, 8);
    char deep[2200] = "{'descr': '<f8', 'fortran_order': False, 'shape': ";
    magic.at[0] = 'X', version.at[6] = 9, version.at[7] = 9, head.at[8] = 0xff, head.at[9] = 1;
    memset(large.at + 8, 0xff, 4);
    memset(deep + strlen(deep), '(', 2000);
    const struct { const char *id; blob b; cn_status status; const char *part; } bad[] = {
        { "N01", magic, CN_E_FORMAT, "is no .npy file" },
        { "N02", version, CN_E_UNSUPPORTED, "version 9.9" },
        { "N03", head, CN_E_FORMAT, "is cut short: a head of 511 bytes" },
        { "N04", large, CN_E_LIMIT, "a head of 4294967295 bytes" },
        { "N05", npy_of(1, "__import__('os')", &d, 8), CN_E_FORMAT, "offset 10: the head is no" },
        { "N05", npy_of(1, "{'descr': '<f8', 'shape': (1,)}", &d, 8), CN_E_FORMAT, "all three keys" },
        { "N05", npy_of(1, "{'descr': '<f8', 'descr': '<f8', 'shape': (1,)}", &d, 8), CN_E_FORMAT, "once" },
        { "N05", npy_of(1, "{'descr': '<f8', 'x': 1, 'shape': (1,)}", &d, 8), CN_E_FORMAT, "no other" },
        { "N05", npy_of(1, DICT("<f8", "0", "(1,)"), &d, 8), CN_E_FORMAT, "True or False" },
        { "N05", npy_of(1, DICT("<f8", "False", "(1,)") "x", &d, 8), CN_E_FORMAT, "nothing more" },
        { "N05", npy_of(1, DICT("<f8", "False", "(1)"), &d, 8), CN_E_FORMAT, "with a comma" },
        { "N05", npy_of(1, "{'descr': '<f8", &d, 8), CN_E_FORMAT, "a string" },
        { "N06", npy_of(1, DICT("|O", "False", "(1,)"), &d, 8), CN_E_UNSUPPORTED, "pickle" },
        { "N07", npy_of(1, DICT("<f8", "False", "(65536, 65536)"), &d, 8), CN_E_FORMAT, "is cut short" },
        { "N08", npy_of(1, DICT("<f8", "False", "(4294967296, 4294967296)"), &d, 8), CN_E_LIMIT, "too large" },
        { "N08", npy_of(1, DICT("<f8", "False", "(99999999999999999999,)"), &d, 8), CN_E_LIMIT, "63 bits" },
        { "N08", npy_of(1, DICT("<f8", "False", "(-1,)"), &d, 8), CN_E_FORMAT, "a size of digits" },
        { "N08", npy_of(1, DICT("<f8", "False", "(1.5,)"), &d, 8), CN_E_FORMAT, "a size of digits" },
        { "N08", npy_of(1, DICT("<f8", "False", "(1,1,1,1,1,1,1,1,1)"), &d, 8), CN_E_LIMIT, "more than 8 dimensions" },
        { "N09", npy_of(1, DICT("<f3", "False", "(1,)"), &d, 8), CN_E_DTYPE, "'<f3'" },
        { "N09", npy_of(1, DICT("<f0", "False", "(1,)"), &d, 8), CN_E_DTYPE, "'<f0'" },
        { "N09", npy_of(1, DICT("", "False", "(1,)"), &d, 8), CN_E_DTYPE, "''" },
        { "N10", npy_of(1, "{'descr': [('a', '<f8')], 'shape': (1,)}", &d, 8), CN_E_UNSUPPORTED, "structured" },
        { "N10", npy_of(1, DICT("<U3", "False", "(1,)"), &d, 8), CN_E_UNSUPPORTED, "'<U3'" },
        { "N11", npy_of(1, DICT("<f8", "False", "(2,)"), &d, 8), CN_E_FORMAT, "of float64 has 16 bytes, 8 follow" },
        { "N11", npy_of(1, DICT("<f4", "False", "(1,)"), &d, 8), CN_E_FORMAT, "has bytes left over" },
        { "N13", npy_of(1, deep, &d, 8), CN_E_FORMAT, "a size of digits" },
        { "N03", { { 0x93, 'N', 'U', 'M', 'P', 'Y', 2, 0, 1, 0 }, 10 }, CN_E_FORMAT, "cut short" },
        { "N01", { { 0 }, 0 }, CN_E_FORMAT, "is no .npy file" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cn_ctx *c = cn_open(.memory_limit = 64 << 20);
        CHECK_FAILS(npy(c, bad[i].b), bad[i].status, bad[i].part);
        if (check_bad) printf("row %s\n", bad[i].id);
        CHECK_INT(cn_close(c), 1);
    }
}

TEST(npy_damaged)                                        /* any truncation, any byte changed: an array or an error */
{
    const float f[2] = { 1, 2 };
    const blob good = npy_of(1, DICT("<f4", "False", "(2,)"), f, sizeof f);
    int wrong = 0;
    for (size_t n = 0; n <= good.n; n++)
        for (int change = 0; change < 3; change++) {
            blob b = good;
            if (change && n < good.n) b.at[n] ^= change == 1 ? 1 : 0x80;
            else if (!change) b.n = n;
            cn_ctx   *c = cn_open();
            cn_array *a = npy(c, b);
            wrong += cn_error(a) ? cn_data(a) || !*cn_error_message(a) : !cn_data(a);
            wrong += (cn_error(a) != CN_OK) != (cn_close(c) != 0);
        }
    CHECK_INT(wrong, 0);
}

/* ---- NPZ, zip ---------------------------------------------------------------------------------------------------- */
typedef struct member {
    const char *name;
    blob        data;
    bool        deflate, later;                          /* later: crc and sizes behind the data */
} member;

static size_t deflated(const blob *b, unsigned char *out, size_t cap)
{
    z_stream z = {
        .next_in = (Bytef *)(uintptr_t)b->at, .avail_in = (uInt)b->n, .next_out = out, .avail_out = (uInt)cap
    };
    if (deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK || deflate(&z, Z_FINISH) != Z_STREAM_END)
        exit(1);
    deflateEnd(&z);
    return cap - z.avail_out;
}

static void add_head(blob *zip, const member *m, size_t packed, bool local)
{
    uint32_t crc = (uint32_t)crc32(0, m->data.at, (uInt)m->data.n);
    bool     hide = m->later && local;
    add_le(zip, m->later ? 8 : 0, 2);
    add_le(zip, m->deflate ? 8 : 0, 2);
    add_le(zip, 0, 4);
    add_le(zip, hide ? 0 : crc, 4);
    add_le(zip, hide ? 0 : packed, 4);
    add_le(zip, hide ? 0 : m->data.n, 4);
    add_le(zip, strlen(m->name), 2);
    add_le(zip, 0, 2);
}

static blob zip_of(const member *m, int n)
{
    blob   zip = { { 0 }, 0 };
    size_t packed[8], at[8], directory;
    for (int i = 0; i < n; i++) {
        unsigned char small[4096];
        packed[i] = m[i].deflate ? deflated(&m[i].data, small, sizeof small) : m[i].data.n;
        at[i] = zip.n;
        add(&zip, "PK\3\4\24\0", 6);
        add_head(&zip, &m[i], packed[i], true);
        add(&zip, m[i].name, strlen(m[i].name));
        add(&zip, m[i].deflate ? small : m[i].data.at, packed[i]);
        if (m[i].later) {
            add(&zip, "PK\7\10", 4);
            add_le(&zip, crc32(0, m[i].data.at, (uInt)m[i].data.n), 4);
            add_le(&zip, packed[i], 4);
            add_le(&zip, m[i].data.n, 4);
        }
    }
    directory = zip.n;
    for (int i = 0; i < n; i++) {
        add(&zip, "PK\1\2\24\3\24\0", 8);
        add_head(&zip, &m[i], packed[i], false);
        add_le(&zip, 0, 2 + 2 + 2);
        add_le(&zip, 0100644u << 16, 4);
        add_le(&zip, at[i], 4);
        add(&zip, m[i].name, strlen(m[i].name));
    }
    size_t end = zip.n;
    add(&zip, "PK\5\6\0\0\0\0", 8);
    add_le(&zip, (uint64_t)n, 2);
    add_le(&zip, (uint64_t)n, 2);
    add_le(&zip, end - directory, 4);
    add_le(&zip, directory, 4);
    add_le(&zip, 0, 2);
    return zip;
}

static cn_array *npz(cn_ctx *c, blob b, const char *name)
{
    return cn_array_from_npz(c, file_of("a.npz", b.at, b.n), name);
}

static member numbers(const char *name, float first, bool deflate)
{
    float f[2] = { first, first + 1 };
    return (member){ name, npy_of(1, DICT("<f4", "False", "(2,)"), f, sizeof f), deflate, false };
}

TEST(npz_members)
{
    cn_ctx *c = cn_open();
    member  m[3] = { numbers("x.npy", 1, false), numbers("y.npy", 5, true), numbers("z.npy", 9, true) };
    m[2].later = true;
    blob all = zip_of(m, 3), one = zip_of(m, 1);
    CHECK_NEAR(cn_at(npz(c, all, "x"), 1), 2, 0);
    CHECK_NEAR(cn_at(npz(c, all, "y"), 0), 5, 0);
    CHECK_NEAR(cn_at(npz(c, all, "z.npy"), 1), 10, 0);
    CHECK_NEAR(cn_at(npz(c, one, NULL), 0), 1, 0);
    CHECK_STR(cn_error_message(c), "");
    CHECK_INT(cn_close(c), 0);
    c = cn_open();
    CHECK_FAILS(npz(c, all, NULL), CN_E_NAME, "name the one you want. It holds: x, y, z");
    CHECK_FAILS(npz(c, all, "w"), CN_E_NAME, "has no array w");
    CHECK_INT(cn_close(c), 1);
}

static blob changed(blob b, size_t at, const char *bytes, size_t n)
{
    memcpy(b.at + at, bytes, n);
    return b;
}

TEST(npz_bad)
{
    member m[2] = { numbers("x.npy", 1, false), numbers("y.npy", 5, true) }, bad_name = m[0], twice[2] = { m[0], m[0] };
    blob   good = zip_of(m, 2), stored = zip_of(m, 1), packed = zip_of(m + 1, 1);
    size_t entry = 30 + 5 + m[0].data.n, entry2 = good.n - 22 - 2 * 51, end = good.n - 22;
    blob   before = { "x", 1 }, after = good;
    add(&before, good.at, good.n);
    add(&after, "x", 1);
    member stored_later = m[0];
    stored_later.later = true;
    const char *names[] = { "../x.npy", "/x.npy", "a\\x.npy", "C:x.npy", "a/../../x.npy", "x\1.npy", "x\xff.npy", "" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {              /* Z14, Z15, Z16, Z19 */
        cn_ctx *c = cn_open();
        bad_name.name = names[i];
        CHECK_FAILS(npz(c, zip_of(&bad_name, 1), "x"), CN_E_FORMAT,
                    i < 5 ? "leaves the archive's folder" : "control characters");
        CHECK_INT(cn_close(c), 1);
    }
    bad_name.name = "x.txt";
    const struct { const char *id; blob b; cn_status status; const char *part; } bad[] = {
        { "Z01", { { 0 }, 0 }, CN_E_FORMAT, "cut short" },
        { "Z02", m[0].data, CN_E_FORMAT, "no end record" },
        { "Z03", changed(good, end + 16, "\xff\xff\xff\x7f", 4), CN_E_FORMAT, "does not end here" },
        { "Z03", changed(good, end + 12, "\1", 1), CN_E_FORMAT, "does not end here" },
        { "Z04", changed(good, end + 8, "\1\0\1\0", 4), CN_E_FORMAT, "belong to no member" },
        { "Z04", changed(good, end + 8, "\3\0\3\0", 4), CN_E_FORMAT, "no room" },
        { "Z05", changed(stored, 30, "y", 1), CN_E_FORMAT, "own name is not" },
        { "Z06", changed(stored, 14, "\0\0\0\0", 4), CN_E_FORMAT, "disagree" },
        { "Z07", changed(stored, entry - 1, "\1", 1), CN_E_FORMAT, "checksum is wrong" },
        { "Z08", changed(good, entry2 + 51 + 42, "\0\0\0\0", 4), CN_E_FORMAT, "without gap or overlap" },
        { "Z11", changed(packed, packed.n - 22 - 51 + 24, "\xff\xff\xff\x7f", 4), CN_E_LIMIT, "no honest file does" },
        { "Z12", changed(changed(packed, packed.n - 49, "\x20\0", 2), 22, "\x20\0", 2), CN_E_FORMAT, "more bytes" },
        { "Z13", changed(changed(packed, packed.n - 49, "\xff\0", 2), 22, "\xff\0", 2), CN_E_FORMAT, "fewer bytes" },
        { "Z17", changed(stored, stored.n - 22 - 51 + 38, "\0\0\xff\xa1", 4), CN_E_UNSUPPORTED, "symbolic link" },
        { "Z18", zip_of(twice, 2), CN_E_FORMAT, "two members \"x.npy\"" },
        { "Z20", changed(stored, stored.n - 22 - 51 + 8, "\1", 1), CN_E_UNSUPPORTED, "encrypted" },
        { "Z21", changed(stored, stored.n - 22 - 51 + 10, "\14", 1), CN_E_UNSUPPORTED, "method 12" },
        { "Z25", before, CN_E_FORMAT, "" },
        { "Z25", after, CN_E_FORMAT, "comment does not end with the file" },
        { "Z26", changed(stored, stored.n - 22 + 4, "\1", 1), CN_E_UNSUPPORTED, "several parts" },
        { "Z27", zip_of(&stored_later, 1), CN_E_UNSUPPORTED, "stored with its size behind it" },
        { "Z28", changed(packed, 35, "\7", 1), CN_E_FORMAT, "damaged" },
        { "N14", zip_of(&bad_name, 1), CN_E_FORMAT, "its member \"x.txt\" is no .npy" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cn_ctx *c = cn_open();
        CHECK_FAILS(npz(c, bad[i].b, i == 10 || i == 11 || i == 12 || i == 21 ? "y" : "x"), bad[i].status, bad[i].part);
        if (check_bad) printf("row %s\n", bad[i].id);
        CHECK_INT(cn_close(c), 1);
    }
}

TEST(npz_damaged)                                        /* Z30 */
{
    member m[2] = { numbers("x.npy", 1, false), numbers("y.npy", 5, true) };
    blob   good = zip_of(m, 2);
    int    wrong = 0, read = 0;
    for (size_t n = 0; n < good.n; n++)
        for (int change = 0; change < 4; change++) {
            blob b = good;
            if (change) b.at[n] ^= (unsigned char)(change == 1 ? 1 : change == 2 ? 0x80 : 0xff);
            else b.n = n;
            cn_ctx   *c = cn_open(.memory_limit = 64 << 20);
            cn_array *a = npz(c, b, n % 2 ? "x" : "y");
            read += !cn_error(a);
            wrong += cn_error(a) ? !*cn_error_message(a) : !cn_data(a);
            wrong += (cn_error(a) != CN_OK) != (cn_close(c) != 0);
        }
    CHECK_INT(wrong, 0);
    CHECK(read > 0 && read < (int)good.n * 3 / 2);       /* times and the other member's data may differ, no more */
}

TEST(npz_zip64)                              /* Z22: a size of 2^64 - 1 in the extra field; what NumPy writes is read */
{
    cn_ctx *c = cn_open();
    member  m = numbers("x.npy", 1, false);
    blob    plain = zip_of(&m, 1), zip = { { 0 }, 0 };
    size_t  n = m.data.n;
    for (int huge = 0; huge < 2; huge++) {
        zip.n = 0;
        add(&zip, plain.at, 18);
        add_le(&zip, 0xffffffffffffffffu, 8);
        add_le(&zip, 5, 2), add_le(&zip, 20, 2);
        add(&zip, "x.npy", 5);
        add_le(&zip, 1, 2), add_le(&zip, 16, 2), add_le(&zip, huge ? ~0ull : n, 8), add_le(&zip, huge ? ~0ull : n, 8);
        add(&zip, m.data.at, n);
        size_t directory = zip.n;
        add(&zip, plain.at + 35 + n, 51 + 22);
        zip.at[zip.n - 6] = (unsigned char)directory, zip.at[zip.n - 5] = (unsigned char)(directory >> 8);
        cn_array *a = npz(c, zip, "x");
        if (huge) CHECK_FAILS(a, CN_E_FORMAT, "disagree");
        else CHECK_NEAR(cn_at(a, 1), 2, 0);
    }
    CHECK_INT(cn_close(c), 1);
}

TEST(zip_many)                                           /* Z23 */
{
    cn_ctx *c = cn_open();
    unsigned char end[22] = "PK\5\6\0\0\0\0\x11\x27\x11\x27\0\0\0\0\0\0\0\0\0";
    CHECK_FAILS(cn_array_from_npz(c, file_of("many.npz", end, 22), "x"), CN_E_LIMIT, "10001 members");
    CHECK_INT(cn_close(c), 1);
}

/* ---- Pictures, texts, writing ------------------------------------------------------------------------------------ */
TEST(pictures)
{
    cn_ctx   *c = cn_open();
    cn_array *a = cn_array_from_image(c, file_of_text("a.pgm", "P5 # a comment\n2 3\n#x\n255\nabcdef"));
    CHECK_INT(cn_size_of(a, 0), 3);
    CHECK_INT(cn_size_of(a, 1), 2);
    CHECK_INT(cn_size_of(a, 2), 1);
    CHECK_NEAR(cn_at(a, 2, 1, 0), 'f', 0);
    a = cn_array_from_image(c, file_of_text("a.ppm", "P6\n1 2\n255\nabcdef"));
    CHECK_NEAR(cn_at(a, 1, 0, 2), 'f', 0);
    CHECK_INT(cn_close(c), 0);
    c = cn_open();
    CHECK_FAILS(cn_array_from_image(c, file_of_text("b", "\x89PNG\r\n")), CN_E_UNSUPPORTED,
                "PNG and JPEG come with the image readers");
    CHECK_FAILS(cn_array_from_image(c, file_of_text("b", "P5 2 2 255\nabc")), CN_E_FORMAT,
                "is cut short: 2 x 2 x 1 bytes");
    CHECK_FAILS(cn_array_from_image(c, file_of_text("b", "P5 2 2 255\nabcde")), CN_E_FORMAT, "left over");
    CHECK_FAILS(cn_array_from_image(c, file_of_text("b", "P5 1 2 255")), CN_E_FORMAT, "cut short");
    CHECK_FAILS(cn_array_from_image(c, file_of_text("b", "P5 0 2 255\nx")), CN_E_LIMIT, "0 x 2 pixels");
    CHECK_FAILS(cn_array_from_image(c, file_of_text("b", "P5 100000 100000 255\nx")), CN_E_LIMIT, "100000 x 100000");
    CHECK_FAILS(cn_array_from_image(c, file_of_text("b", "P5 99999999999999999999 1 255\nx")), CN_E_LIMIT, "pixels");
    CHECK_FAILS(cn_array_from_image(c, file_of_text("b", "P5 1 1 65535\nxx")), CN_E_UNSUPPORTED,
                "largest value is 65535");
    CHECK_FAILS(cn_array_from_image(c, file_of_text("b", "P5 1")), CN_E_FORMAT, "the head is cut short");
    CHECK_INT(cn_close(c), 1);
}

TEST(texts)
{
    cn_ctx   *c = cn_open();
    cn_array *a = cn_array_from_text(c, file_of_text("a.txt", "\xef\xbb\xbfone\r\n\ntwo, \xc3\xa9"));
    CHECK_INT(cn_size_of(a, 0), 3);
    CHECK(!strcmp(cn_string(a, 0), "one") && !strcmp(cn_string(a, 1), "") && !strcmp(cn_string(a, 2), "two, \xc3\xa9"));
    CHECK_INT(cn_size_of(cn_array_from_text(c, file_of_text("a.txt", "one\n")), 0), 1);
    CHECK_INT(cn_size_of(cn_array_from_text(c, file_of_text("a.txt", "")), 0), 0);
    CHECK_INT(cn_close(c), 0);
    c = cn_open();
    CHECK_FAILS(cn_array_from_text(c, file_of("b.txt", "a\0b", 3)), CN_E_FORMAT, "offset 1: the byte 0x00");
    CHECK_FAILS(cn_array_from_text(c, file_of("b.txt", "ab\xff", 3)), CN_E_FORMAT, "offset 2: the byte 0xff");
    CHECK_INT(cn_close(c), 1);
}

TEST(npy_round_trip)
{
    cn_ctx   *c = cn_open();
    cn_array *a = cn_array_from(c, {2, 3}, CN_NUMBERS(0, 1, 2, 3, 4, 5));
    for (int d = 1; d < CN_STRING; d++) {
        cn_array *b = cn_cast(a, (cn_dtype)d);
        if (d == CN_BFLOAT16) continue;
        CHECK_INT(cn_array_save(b, file_path("r.npy")), CN_OK);
        cn_array *back = cn_array_from_npy(c, file_path("r.npy"));
        CHECK_INT(cn_dtype_of(back), d);
        CHECK_NEAR(cn_at(back, 1, 2), cn_at(b, 1, 2), 0);
    }
    CHECK_INT(cn_array_save(cn_array_from(c, {0}, CN_NUMBERS(3)), file_path("s.npy")), CN_OK);
    CHECK_INT(cn_rank_of(cn_array_from_npy(c, file_path("s.npy"))), 0);
    CHECK_INT(cn_close(c), 0);
    c = cn_open();
    a = cn_array_from(c, {2}, CN_STRINGS("a", "b"));
    CHECK_INT(cn_array_save(a, file_path("s.npy")), CN_E_DTYPE);
    CHECK_STR(cn_error_message(c), "NumPy has no string");
    CHECK_INT(cn_array_save(a, file_path("s.jpg")), CN_E_UNSUPPORTED);
    CHECK_STR(cn_error_message(c), "ends in none of .npy, .csv, .png");
    CHECK_INT(cn_array_save(a, file_path("s.png")), CN_E_SHAPE);
    CHECK_INT(cn_array_save(a, "/no/such/folder/s.csv"), CN_E_IO);
    CHECK_INT(cn_array_save(cn_array_from(c, {1, 1, 1}, NULL), file_path("s.csv")), CN_E_SHAPE);
    CHECK_INT(cn_error(a), CN_OK);                       /* a failed act leaves its handles usable */
    CHECK_INT(cn_array_save(cn_array_from(c, {9}, CN_NUMBERS(1)), file_path("s.csv")), CN_E_SHAPE);
    CHECK_INT(cn_close(c), 1);
}

TEST(csv_written)
{
    cn_ctx   *c = cn_open();
    cn_array *a = cn_array_from(c, {2, 2}, CN_NUMBERS(0.1, -3, 1e-30, 16777217));
    size_t    n;
    CHECK_INT(cn_array_save(a, file_path("a.csv")), CN_OK);
    unsigned char *bytes = file_bytes(file_path("a.csv"), &n);
    bytes[n] = 0;
    CHECK(!strcmp((char *)bytes, "0.1,-3\n1e-30,16777216\n"));
    cn_array *s = cn_array_from(c, {7}, CN_STRINGS("plain", "a,b", "say \"hi\"", "=1+1", "@x", "-5", "two\nlines"));
    CHECK_INT(cn_array_save(s, file_path("s.csv")), CN_OK);                  /* C15 */
    bytes = file_bytes(file_path("s.csv"), &n);
    bytes[n] = 0;
    CHECK(!strcmp((char *)bytes, "plain\n\"a,b\"\n\"say \"\"hi\"\"\"\n\"'=1+1\"\n\"'@x\"\n\"'-5\"\n\"two\nlines\"\n"));
    CHECK_INT(cn_close(c), 0);
}

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

TEST(png_written)
{
    cn_ctx   *c = cn_open();
    cn_array *a = cn_array_from(c, {2, 2, 3}, CN_NUMBERS(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), .dtype = CN_UINT8);
    size_t    n;
    CHECK_INT(cn_array_save(a, file_path("a.png")), CN_OK);
    const unsigned char *p = file_bytes(file_path("a.png"), &n);
    CHECK(n > 60 && !memcmp(p, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\2\0\0\0\2\10\2\0\0\0", 29));
    unsigned char out[64];
    uLongf size = sizeof out;
    uint32_t packed = be32(p + 33);
    CHECK(packed < n && uncompress(out, &size, p + 41, packed) == Z_OK);
    CHECK(size == 14 && !memcmp(out, "\0\1\2\3\4\5\6\0\7\10\11\12\13\14", 14));
    CHECK_INT(be32(p + 41 + packed), crc32(0, p + 37, packed + 4));
    CHECK(!memcmp(p + n - 8, "IEND", 4));
    CHECK_INT(cn_array_save(cn_array_from(c, {3, 1}, NULL, .dtype = CN_UINT8), file_path("b.png")), CN_OK);
    CHECK_INT(cn_close(c), 0);
}

/* ---- The n-th call of the file system fails: an error each time, and the old file is whole ----------------------- */
static int calls_left;

static int64_t failing_read(int file, void *bytes, size_t n, void *user)
{
    (void)user;
    return calls_left-- > 0 ? (int64_t)read(file, bytes, n < 7 ? n : 7) : -5;                 /* in small bites */
}
static int64_t failing_write(int file, const void *bytes, size_t n, void *user)
{
    (void)user;
    return calls_left-- > 0 ? (int64_t)write(file, bytes, n < 50 ? n : 50) : -28;             /* no space left */
}

TEST(files_fail)
{
    blob b = idx(0x08, 2, (uint32_t[]){ 2, 3 }, "\1\2\3\4\5\6", 6);
    bool done = false;
    file_of_text("old.npy", "old");
    for (int n = 0; n < 100 && !done; n++) {
        cn_ctx *c = cn_open(.files = { .read = failing_read, .write = failing_write });
        calls_left = n;
        cn_array *a = cn_array_from_idx(c, file_of("f.idx", b.at, b.n));
        if (!cn_error(a)) {
            cn_status status = cn_array_save(a, file_path("old.npy"));
            done = !status;
            CHECK_INT(status, done ? CN_OK : CN_E_IO);
            size_t bytes;
            CHECK_INT(file_bytes(file_path("old.npy"), &bytes)[0], done ? 0x93 : 'o');
        } else CHECK_FAILS(a, CN_E_IO, "f.idx");
        CHECK_INT(cn_close(c), done ? 0 : 1);
    }
    CHECK(done);
}

CHECK_MAIN
