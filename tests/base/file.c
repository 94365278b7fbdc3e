/* Files: whole or not at all; gzip with limits; each call failing once. */
#include "base/file.h"
#include "check.h"
#include "fail/alloc.h"
#include <sys/stat.h>
#include <zlib.h>

static char folder[] = "/tmp/cornu-file-XXXXXX";
static const char *our_folder;                              /* folder, once it is there */
static char *at(const char *name)
{
    static char path[4][128];
    static int  k;
    if (!our_folder) CHECK(our_folder = mkdtemp(folder));
    char *p = path[k++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static void put(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(bytes, 1, n, f) == n);
    if (f) fclose(f);
}

static size_t gzip(const void *bytes, size_t n, unsigned char *out, size_t cap)
{
    z_stream z;
    memset(&z, 0, sizeof z);
    z.next_in = (unsigned char *)(uintptr_t)bytes, z.avail_in = (unsigned)n;
    z.next_out = out, z.avail_out = (unsigned)cap;
    CHECK_INT(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    CHECK_INT(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t made = z.total_out;
    deflateEnd(&z);
    return made;
}

/* The fewer of its bits are kept, the closer it packs. */
static void noise(unsigned char *bytes, size_t n, int shift)
{
    uint32_t state = 9;
    for (size_t i = 0; i < n; i++) bytes[i] = (unsigned char)((state = state * 1664525u + 1013904223u) >> shift);
}

static int entries(void)                                 /* of the folder */
{
    char command[128];
    int  n = -1;
    snprintf(command, sizeof command, "ls -A %s | wc -l", folder);
    FILE *f = popen(command, "r");
    if (!f || fscanf(f, "%d", &n) != 1) n = -1;
    if (f) pclose(f);
    return n;
}

static void reads(const char *path, bool gunzip, size_t limit, cn_status status, const char *part)
{
    cn_ctx *c = cn_open();
    size_t n;
    CHECK(!cn__read_file(c, "t.c:5", path, gunzip, limit, &n));
    CHECK_INT(cn_error(c), status);
    CHECK_STR(cn_error_message(c), part);
    CHECK_STR(cn_error_message(c), "t.c:5: ");
    CHECK_INT(cn_close(c), 1);
}

TEST(whole_files)
{
    cn_ctx *c = cn_open();
    size_t sizes[] = { 0, 1, 65535, 65536, 65537, 300000 };
    static unsigned char bytes[300000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 131 >> 3);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        char *path = at("whole");
        size_t n;
        CHECK_INT(cn__write_file(c, NULL, path, bytes, sizes[k]), CN_OK);
        unsigned char *got = cn__read_file(c, NULL, path, true, sizes[k] + 1, &n);
        CHECK(got && n == sizes[k] && !memcmp(got, bytes, n) && !got[n]);
        cn__free(c, got, n + 1);
        if (!sizes[k]) continue;
        got = cn__read_file(c, NULL, path, true, sizes[k], &n);              /* the limit itself is within it */
        CHECK(got && n == sizes[k]);
        cn__free(c, got, n + 1);
        if (sizes[k] > 1) reads(path, true, sizes[k] - 1, CN_E_LIMIT, "whole: more than");
    }
    CHECK_INT(entries(), 1);                             /* nothing is left beside it */
    CHECK(cn__file_exists(c, at("whole")) && !cn__file_exists(c, at("none")) && !cn__file_exists(c, NULL));
    CHECK_INT(cn_close(c), 0);
}

TEST(no_such_file)
{
    reads(at("none"), true, 0, CN_E_IO, "none: cannot open: No such file");
    reads("", true, 0, CN_E_VALUE, "empty");
    reads(NULL, true, 0, CN_E_VALUE, "NULL");
    at("");
    reads(folder, true, 0, CN_E_IO, "cannot read: Is a directory");
    cn_ctx *c = cn_open();
    CHECK_INT(cn__write_file(c, NULL, at("no/such/folder"), "x", 1), CN_E_IO);
    CHECK_STR(cn_error_message(c), "no/such/folder: cannot create");
    CHECK_INT(cn__write_file(c, NULL, folder, "x", 1), CN_E_IO);
    CHECK_STR(cn_error_message(c), "Is a directory");
    CHECK_INT(cn_close(c), 1);
}

TEST(devices_are_not_replaced)
{
    cn_ctx *c = cn_open();
    struct stat s;
    char *pipe = at("pipe");
    CHECK_INT(mkfifo(pipe, 0600), 0);
    CHECK_INT(cn__write_file(c, NULL, pipe, "x", 1), CN_E_IO);
    CHECK(stat(pipe, &s) == 0 && S_ISFIFO(s.st_mode));
    unlink(pipe);
    CHECK_INT(cn_close(c), 1);
}

TEST(gzip_files)
{
    cn_ctx *c = cn_open();
    static unsigned char bytes[200000], packed[400000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * i >> 7);
    size_t m = gzip(bytes, 150000, packed, sizeof packed), n;
    size_t all = m + gzip(bytes + 150000, 50000, packed + m, sizeof packed - m);  /* two members: one after the other */
    put(at("two.gz"), packed, all);
    unsigned char *got = cn__read_file(c, NULL, at("two.gz"), true, sizeof bytes, &n);
    CHECK(got && n == sizeof bytes && !memcmp(got, bytes, n) && !got[n]);
    cn__free(c, got, n + 1);
    got = cn__read_file(c, NULL, at("two.gz"), false, 0, &n);                /* as it is */
    CHECK(got && n == all && !memcmp(got, packed, n));
    cn__free(c, got, n + 1);
    reads(at("two.gz"), true, sizeof bytes - 1, CN_E_LIMIT, "more than 199999 bytes when unpacked");

    put(at("short.gz"), packed, m - 1);
    reads(at("short.gz"), true, 0, CN_E_FORMAT, "cut short");
    put(at("head.gz"), packed, 5);
    reads(at("head.gz"), true, 0, CN_E_FORMAT, "cut short");
    memcpy(packed + m, "tail", 4);
    put(at("tail.gz"), packed, m + 4);
    reads(at("tail.gz"), true, 0, CN_E_FORMAT, "something other than gzip data");
    packed[m / 2] ^= 0x55;
    put(at("bad.gz"), packed, m);
    reads(at("bad.gz"), true, 0, CN_E_FORMAT, "bad.gz: the gzip data are damaged at about byte ");
    CHECK_INT(cn_close(c), 0);
}

/* What is longer than a piece is unpacked in the place where it stays: its last bytes say how much will come. */
TEST(long_gzip_files)
{
    static unsigned char bytes[300000], packed[700000];
    noise(bytes, sizeof bytes, 28);
    size_t m = gzip(bytes, sizeof bytes, packed, sizeof packed), n;
    size_t all = m + gzip(bytes, 1000, packed + m, sizeof packed - m);       /* the last member says 1000 */
    CHECK(m > 1 << 17);
    put(at("long.gz"), packed, m);
    cn_ctx *c = cn_open();
    int64_t before = cn_memory(c, true);
    unsigned char *got = cn__read_file(c, NULL, at("long.gz"), true, 0, &n);
    CHECK(got && n == sizeof bytes && !memcmp(got, bytes, n) && !got[n]);
    CHECK(cn_memory(c, true) - before < (int64_t)(m + n + (1 << 16)));       /* one copy, and zlib's window */
    cn__free(c, got, n + 1);
    put(at("longer.gz"), packed, all);
    got = cn__read_file(c, NULL, at("longer.gz"), true, 0, &n);
    CHECK(got && n == sizeof bytes + 1000 && !memcmp(got, bytes, sizeof bytes));
    CHECK(got && !memcmp(got + sizeof bytes, bytes, 1000));
    cn__free(c, got, n + 1);
    CHECK_INT(cn_close(c), 0);

    reads(at("long.gz"), true, sizeof bytes - 1, CN_E_LIMIT, "more than 299999 bytes when unpacked");
    put(at("long-short.gz"), packed, m - 5);
    reads(at("long-short.gz"), true, 0, CN_E_FORMAT, "cut short");
    for (int k = 0; k < 2; k++) {                        /* it says less, and much more, than there is */
        memcpy(packed + m - 4, k ? "\377\377\037" : "\1\0\0", 4);
        put(at("liar.gz"), packed, m);
        reads(at("liar.gz"), true, 0, CN_E_FORMAT, "liar.gz: the gzip data are damaged at about byte ");
    }
    packed[m / 2] ^= 0x55;
    put(at("long-bad.gz"), packed, m);
    reads(at("long-bad.gz"), true, 0, CN_E_FORMAT, "long-bad.gz: the gzip data are damaged at about byte ");
}

TEST(bomb)
{
    static unsigned char zeros[1 << 20], packed[1 << 16];
    size_t m = gzip(zeros, sizeof zeros, packed, sizeof packed);
    CHECK(m < 2000);
    put(at("bomb.gz"), packed, m);
    cn_ctx *c = cn_open(.memory_limit = 1 << 19);
    size_t n;
    CHECK(!cn__read_file(c, NULL, at("bomb.gz"), true, 0, &n));
    CHECK_INT(cn_error(c), CN_E_LIMIT);
    CHECK(cn_memory(c, true) <= 1 << 19);
    CHECK_INT(cn_close(c), 1);
}

TEST(streams)
{
    cn_ctx *c = cn_open();
    cn__out *out = cn__out_open(c, NULL, at("log.csv"), false);
    CHECK_INT(cn__out_write(out, "a\n", 2), CN_OK);
    CHECK_INT(cn__out_close(out), CN_OK);
    out = cn__out_open(c, NULL, at("log.csv"), true);
    CHECK_INT(cn__out_write(out, "b\n", 2), CN_OK);
    CHECK_INT(cn__out_close(out), CN_OK);
    size_t n;
    unsigned char *got = cn__read_file(c, NULL, at("log.csv"), true, 0, &n);
    CHECK(got && !strcmp((char *)got, "a\nb\n"));
    cn__free(c, got, n + 1);
    out = cn__out_open(c, NULL, at("log.csv"), false);
    CHECK_INT(cn__out_close(out), CN_OK);
    got = cn__read_file(c, NULL, at("log.csv"), true, 0, &n);
    CHECK(got && n == 0);
    cn__free(c, got, n + 1);
    CHECK_INT(cn__out_close(NULL), CN_OK);
    CHECK_INT(cn_error(c), CN_OK);
    CHECK(!cn__out_open(c, "s.c:3", at("no/folder"), true));
    CHECK_STR(cn_error_message(c), "s.c:3: ");
    CHECK_INT(cn_close(c), 1);
}

/* Whichever call fails, the old file or the new one is there, whole, and nothing else. */
TEST(every_file_call_fails_once)
{
    cn_ctx *plain = cn_open();
    for (long k = 1;; k++) {
        char *path = at("kept");
        CHECK_INT(cn__write_file(plain, NULL, path, "old", 3), CN_OK);
        int before = entries();
        fail_files f = { .at = k };
        cn_ctx *c = cn_open(.files = FAIL_FILES(&f));
        cn_status s = cn__write_file(c, NULL, path, "newer", 5);
        size_t n = 0;
        CHECK(!f.failed == !s);
        bool failed = f.failed;
        f.at = 0;
        unsigned char *got = cn__read_file(c, NULL, path, true, 0, &n);
        CHECK(got && (!strcmp((char *)got, "newer") || (s && !strcmp((char *)got, "old"))));
        cn__free(c, got, n + 1);
        CHECK_INT(entries(), before);
        CHECK_INT(f.open, 0);
        CHECK_INT(cn_close(c), failed);
        if (!failed) break;
    }
    for (long k = 1;; k++) {
        fail_files f = { .at = k };
        cn_ctx *c = cn_open(.files = FAIL_FILES(&f));
        cn__out *out = cn__out_open(c, NULL, at("stream"), false);
        bool good = out && !cn__out_write(out, "x", 1);
        good = !cn__out_close(out) && good;
        CHECK(good == !f.failed);
        CHECK_INT(f.open, 0);
        CHECK_INT(cn_close(c), f.failed);
        if (!f.failed) break;
    }
    CHECK_INT(cn_close(plain), 0);
}

static void each_fails(const char *path)
{
    for (long k = 1;; k++) {
        fail_alloc a = { .at = k };
        cn_ctx *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1);
        size_t n;
        if (c && !cn__bad(c)) {
            unsigned char *got = cn__read_file(c, NULL, path, true, 0, &n);
            CHECK(!got == (cn_error(c) == CN_E_NOMEM));
            cn__free(c, got, n + 1);
            cn_status s = cn__write_file(c, NULL, at("m"), "x", 1);
            CHECK(s == CN_OK || s == CN_E_NOMEM);
        }
        CHECK_INT(cn_close(c), a.failed != 0);
        CHECK_INT(a.blocks, 0);
        CHECK_INT(a.bytes, 0);
        if (!a.failed) break;
    }
}

TEST(every_allocation_fails_once)
{
    static unsigned char bytes[100000], packed[200000];
    put(at("m.gz"), packed, gzip(bytes, sizeof bytes, packed, sizeof packed));
    each_fails(strcpy((char[128]){ 0 }, at("m.gz")));
    noise(bytes, sizeof bytes, 24);
    put(at("l.gz"), packed, gzip(bytes, sizeof bytes, packed, sizeof packed));
    each_fails(strcpy((char[128]){ 0 }, at("l.gz")));
}

TEST(clean_up)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(our_folder && system(command) == 0);
}

CHECK_MAIN
