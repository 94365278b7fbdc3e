/* Zip archives written: read again, the same bytes each time, zip64 where it is needed, nothing lost when it fails.
   With CN_KEEP=FOLDER they stay there, for tests/oracle/h5_files.py. */
#include "base/zip.h"
#include "base/zip_write.h"
#include "data/data.h"
#include "data/files.h"
#include "fail/alloc.h"
#include <fcntl.h>
#include <sys/mman.h>

/* ---- Members ----------------------------------------------------------------------------------------------------- */
typedef struct text { const char *at; long calls, changes_at; } text;

static bool emit_text(void *user, cn__sink *sink, uint64_t *size)        /* in pieces of 5 bytes */
{
    text  *t = user;
    size_t n = strlen(t->at);
    *size = n;
    bool changed = ++t->calls == t->changes_at;
    for (size_t i = 0; i < n; i += 5)
        if (!sink->put(sink->user, changed ? "other" : t->at + i, CN__MIN(n - i, (size_t)5))) return false;
    return true;
}

static bool emit_nothing(void *user, cn__sink *sink, uint64_t *size) { return (void)user, (void)sink, *size = 0, true; }

#define MEMBERS(a, b)                                                                                                  \
    { { "config.json", emit_text, &(a) }, { "b/\xc3\xa9.txt", emit_text, &(b) }, { "empty", emit_nothing, NULL } }

static const char *path_of(const char *name)             /* one that stays, if it shall */
{
    static char path[512];
    if (!getenv("CN_KEEP")) return file_path(name);
    snprintf(path, sizeof path, "%s/%s", getenv("CN_KEEP"), name);
    return path;
}

TEST(written_and_read)
{
    cn_ctx *c = cn_open();
    text    a = { "{\"a\": 1} and more", 0, 0 }, b = { "x", 0, 0 };
    const cn__zip_entry entries[] = MEMBERS(a, b);
    const char *path = path_of("text.zip");
    size_t  n, again_n;
    CHECK_INT(cn__zip_save(c, NULL, path, entries, 3), CN_OK);
    CHECK_INT(a.calls, 2);
    unsigned char *at = cn__read_file(c, NULL, path, false, 0, &n);
    CHECK_INT(cn__zip_save(c, NULL, path, entries, 3), CN_OK);
    unsigned char *again = cn__read_file(c, NULL, path, false, 0, &again_n);
    CHECK(at && again && n == again_n && !memcmp(at, again, n));

    cn__zip z;
    CHECK_INT(cn__zip_open(&z, c, path, at, n), CN_OK);
    CHECK_INT(z.count, 3);
    const char *const wanted[] = { a.at, b.at, "" };
    for (size_t i = 0; i < z.count; i++) {
        const cn__zip_member *m = cn__zip_find(&z, entries[i].name);
        unsigned char        *bytes = m ? cn__zip_read(&z, m, 0) : NULL;
        CHECK(bytes && !m->deflated && !strcmp((char *)bytes, wanted[i]));
        if (bytes) cn__free(c, bytes, (size_t)m->size + 1);
    }
    CHECK(!memcmp(at + 4, "\x14\0\0\0\0\0\0\0\x21\0", 10));                  /* version 2.0, stored, 1980-01-01 */
    CHECK(at[30 + 11 + 17 + 6] == 0 && at[30 + 11 + 17 + 7] == 8);           /* of the second: its name is UTF-8 */
    cn__zip_close(&z);
    cn__free(c, at, n + 1), cn__free(c, again, again_n + 1);

    CHECK_INT(cn__zip_save(c, NULL, path_of("none.zip"), NULL, 0), CN_OK);
    at = cn__read_file(c, NULL, path_of("none.zip"), false, 0, &n);
    CHECK(at && n == 22 && !cn__zip_open(&z, c, "none.zip", at, n) && !z.count);
    cn__zip_close(&z);
    cn__free(c, at, n + 1);
    CHECK_INT(cn_close(c), 0);
}

TEST(as_many_members_as_can_be_read)
{
    enum { MOST = 10000 };
    static cn__zip_entry entries[MOST + 1];
    static char names[MOST + 1][12];
    for (int i = 0; i <= MOST; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        entries[i] = (cn__zip_entry){ names[i], emit_nothing, NULL };
    }
    cn_ctx *c = cn_open();
    for (size_t more = 0; more < 2; more++) {
        size_t  n;
        cn__zip z;
        CHECK_INT(cn__zip_save(c, NULL, file_path("many.zip"), entries, MOST + more), CN_OK);
        unsigned char *at = cn__read_file(c, NULL, file_path("many.zip"), false, 0, &n);
        CHECK_INT(cn__zip_open(&z, c, "many.zip", at, n), more ? CN_E_LIMIT : CN_OK);
        CHECK(more || (z.count == MOST && cn__zip_find(&z, "9999")));
        cn__zip_close(&z);
        cn__free(c, at, n + 1);
    }
    CHECK_INT(cn_close(c), 1);
}

/* ---- Zip64: more than 4 GiB of zeros, in a file that has holes where they are ------------------------------------ */
enum { BLOCK = 1 << 20, BLOCKS = 4096 };                 /* 4 GiB, and a few bytes */

static bool emit_zeros(void *user, cn__sink *sink, uint64_t *size)
{
    static const char zeros[BLOCK];
    *size = (uint64_t)BLOCK * BLOCKS + 3;
    for (int i = 0; i < BLOCKS; i++)
        if (!sink->put(sink->user, zeros, BLOCK)) return false;
    return (void)user, sink->put(sink->user, "end", 3);
}

static bool put_with_holes(void *user, const void *bytes, size_t n)
{
    int file = *(int *)user;
    return n == BLOCK ? lseek(file, BLOCK, SEEK_CUR) > 0 : write(file, bytes, n) == (ssize_t)n;
}

TEST(zip64)
{
    cn_ctx *c = cn_open();
    text    a = { "before", 0, 0 }, b = { "behind", 0, 0 };
    const cn__zip_entry entries[] = { { "a", emit_text, &a }, { "zeros", emit_zeros, NULL }, { "b", emit_text, &b } };
    int     file = open(path_of("zip64.zip"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0 && cn__zip_emit(c, NULL, "zip64.zip", entries, 3, &(cn__sink){ put_with_holes, &file }));
    size_t n = (size_t)lseek(file, 0, SEEK_END);
    void  *at = mmap(NULL, n, PROT_READ, MAP_SHARED, file, 0);
    CHECK(at != MAP_FAILED && n > UINT32_MAX);
    cn__zip z;
    CHECK_INT(cn__zip_open(&z, c, "zip64.zip", at, n), CN_OK);
    CHECK_STR(cn_error_message(c), "");
    const cn__zip_member *large = cn__zip_find(&z, "zeros"), *small = cn__zip_find(&z, "b");
    CHECK(large && large->size == (uint64_t)BLOCK * BLOCKS + 3 && large->packed == large->size);
    CHECK(large && !memcmp((char *)at + large->offset + large->size - 4, "\0end", 4));
    unsigned char *bytes = small ? cn__zip_read(&z, small, 0) : NULL;
    CHECK(bytes && small->offset > UINT32_MAX && !strcmp((char *)bytes, "behind"));
    if (bytes) cn__free(c, bytes, (size_t)small->size + 1);
    cn__zip_close(&z);
    munmap(at, n);
    close(file);
    CHECK_INT(cn_close(c), 0);
}

/* ---- NumPy's archives of arrays ---------------------------------------------------------------------------------- */
TEST(npz)
{
    static const float   f[] = { 1, 2.5f, -3, 4, 5, 6 };
    static const int64_t i[] = { INT64_MIN, 7 }, d23[] = { 2, 3 }, d2[] = { 2 }, d0[] = { 0, 4 };
    static const uint8_t b[] = { 1, 0 };
    cn__npz_item items[] = { { "w000", CN_FLOAT32, 2, d23, f }, { "w001", CN_INT64, 1, d2, i },
                             { "flags", CN_BOOL, 1, d2, b },    { "one", CN_FLOAT32, 0, NULL, f + 1 },
                             { "none", CN_FLOAT64, 2, d0, NULL } };
    cn_ctx     *c = cn_open();
    const char *path = path_of("arrays.npz");
    CHECK_INT(cn__npz_save(c, NULL, path, items, CN__COUNT(items)), CN_OK);
    for (size_t k = 0; k < CN__COUNT(items); k++) {
        cn_array *a = cn_array_from_npz(c, path, items[k].name);
        size_t    n = a ? (size_t)cn__array_count(a) * cn__dtype_size(items[k].dtype) : 0;
        CHECK_INT(cn_error(a), CN_OK);
        CHECK(cn_dtype_of(a) == items[k].dtype && cn_rank_of(a) == items[k].rank);
        for (int r = 0; r < items[k].rank; r++) CHECK_INT(cn_size_of(a, r), items[k].dim[r]);
        CHECK(!n || !memcmp(cn_data(a), items[k].data, n));
    }
    CHECK_INT(cn_close(c), 0);
    c = cn_open();
    items[1].dtype = CN_STRING;
    CHECK_INT(cn__npz_save(c, NULL, file_path("no.npz"), items, 2), CN_E_DTYPE);
    CHECK(access(file_path("no.npz"), F_OK));
    CHECK_INT(cn_close(c), 1);
}

/* ---- Failures: the old file stays -------------------------------------------------------------------------------- */
static int files_there(void)
{
    char command[128];
    int  n = -1;
    snprintf(command, sizeof command, "ls -A %s | wc -l", files_folder);
    FILE *f = popen(command, "r");
    if (!f || fscanf(f, "%d", &n) != 1) n = -1;
    if (f) pclose(f);
    return n;
}

static bool is_old(const char *path)
{
    size_t n;
    const unsigned char *bytes = file_bytes(path, &n);
    return n == 3 && !memcmp(bytes, "old", 3);
}

TEST(changed_meanwhile)
{
    for (long second = 1; second <= 2; second++) {       /* the first or the second time that it is emitted */
        cn_ctx *c = cn_open();
        text    a = { "01234", 0, 0 }, b = { "56789", 0, second };
        const cn__zip_entry entries[] = MEMBERS(a, b);
        const char *path = file_of("kept.zip", "old", 3);
        int         before = files_there();
        CHECK_INT(cn__zip_save(c, "s.c:1", path, entries, 3), CN_E_STATE);
        CHECK_FAILS(c, CN_E_STATE, "\xc3\xa9.txt\" changed while it was being written");
        CHECK_STR(cn_error_message(c), "s.c:1: ");
        CHECK(is_old(path) && files_there() == before);
        CHECK_INT(cn_close(c), 1);
    }
}

TEST(every_file_call_fails_once)
{
    for (long k = 1;; k++) {
        const char *path = file_of("kept.zip", "old", 3);
        int         before = files_there();
        fail_files  f = { .at = k };
        cn_ctx     *c = cn_open(.files = FAIL_FILES(&f));
        text        a = { "01234", 0, 0 }, b = { "56789", 0, 0 };
        const cn__zip_entry entries[] = MEMBERS(a, b);
        cn_status   s = cn__zip_save(c, NULL, path, entries, 3);
        CHECK(!s == !f.failed && (cn_status)cn_error(c) == s);
        size_t   n;
        cn__zip  z;
        unsigned char *at = (f.at = 0, cn__read_file(c, NULL, path, false, 0, &n));
        if (!is_old(path)) {
            CHECK_INT(cn__zip_open(&z, c, path, at, n), CN_OK);
            cn__zip_close(&z);
        } else CHECK(s);
        cn__free(c, at, n + 1);
        CHECK_INT(files_there(), before);
        CHECK_INT(f.open, 0);
        CHECK_INT(cn_close(c), f.failed);
        if (!f.failed || check_bad) break;
    }
}

TEST(every_allocation_fails_once)
{
    static const float   f[] = { 1, 2 };
    static const int64_t dim[] = { 2 };
    for (long k = 1;; k++) {
        const char *path = file_of("kept.npz", "old", 3);
        fail_alloc  a = { .at = k };
        cn_ctx     *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1);
        if (c && !cn__bad(c)) {
            cn__npz_item items[] = { { "x", CN_FLOAT32, 1, dim, f }, { "y", CN_FLOAT32, 1, dim, f } };
            cn_status    s = cn__npz_save(c, NULL, path, items, 2);
            CHECK_INT(s, a.failed ? CN_E_NOMEM : CN_OK);
            CHECK(is_old(path) == (s != CN_OK));
        }
        CHECK_INT(cn_close(c), a.failed != 0);
        CHECK_INT(a.blocks, 0);
        CHECK_INT(a.bytes, 0);
        if (!a.failed || check_bad) break;
    }
}

CHECK_MAIN
