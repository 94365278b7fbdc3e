/* HDF5 files as we write them: their structure, that the reader finds all of it again, what cannot be written, and that
   emitting is repeatable. With CN_KEEP=FOLDER the files stay there, for tests/oracle/h5_files.py. */
#include "formats/hdf5.h"
#include "base/dtype.h"
#include "data/files.h"
#include "fail/alloc.h"

/* ---- A file in memory -------------------------------------------------------------------------------------------- */
typedef struct bytes { unsigned char *at; size_t n, cap; long stop_at, calls; } bytes;

static bool take(void *user, const void *more, size_t n)
{
    bytes *b = user;
    if (++b->calls == b->stop_at) return false;
    if (b->n + n > b->cap && !(b->at = realloc(b->at, b->cap = 2 * b->cap + n))) exit(1);
    memcpy(b->at + b->n, more, n);
    b->n += n;
    return true;
}

static void keep(const char *name, const bytes *b)
{
    const char *folder = getenv("CN_KEEP");
    char path[512];
    if (!folder) return;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(b->at, 1, b->n, f) == b->n && !fclose(f));
}

static bytes emit(cn__h5_out *out)
{
    bytes    b = { NULL, 0, 0, 0, 0 };
    cn__sink sink = { take, &b };
    uint64_t size = 0;
    if (!cn__h5_emit(out, &sink, &size)) CHECK_FAIL("%s", cn_error_message(cn__h5_ctx(out)));
    CHECK_INT(size, b.n);
    return b;
}

static uint64_t le(const unsigned char *p, int n) { return n ? *p | le(p + 1, n - 1) << 8 : 0; }

static cn_ctx *form_ctx;

/* ---- Every form -------------------------------------------------------------------------------------------------- */
static const char *const words[] = { "h\xc3\xa9llo", "", "a word longer than eight bytes" };
static const double   f64[] = { -1.5, 1e300, 0 };
static const float    f32[] = { 0, 1, -2.5f, 3, 1e-42f, 5 };
static const uint16_t half[] = { 0x3c00, 0xc000, 0x7bff }, brain[] = { 0x3f80, 0xc000, 0x7f7f };
static const int8_t   i8[] = { -128, 0, 127 };
static const uint8_t  u8[] = { 0, 128, 255 }, flags[] = { 1, 0, 1 };
static const int16_t  i16[] = { INT16_MIN, 0, INT16_MAX };
static const uint16_t u16[] = { 0, 1, UINT16_MAX };
static const int32_t  i32[] = { INT32_MIN, 0, INT32_MAX };
static const uint32_t u32[] = { 0, 1, UINT32_MAX };
static const int64_t  i64[] = { INT64_MIN, 0, INT64_MAX };

static const struct form { const char *name; cn_dtype dtype; int rank; int64_t dim[3]; const void *data; } forms[] = {
    { "f64", CN_FLOAT64, 1, { 3 }, f64 },          { "f32", CN_FLOAT32, 2, { 2, 3 }, f32 },
    { "f16", CN_FLOAT16, 1, { 3 }, half },         { "bf16", CN_BFLOAT16, 1, { 3 }, brain },
    { "i8", CN_INT8, 1, { 3 }, i8 },               { "u8", CN_UINT8, 2, { 3, 1 }, u8 },
    { "i16", CN_INT16, 1, { 3 }, i16 },            { "u16", CN_UINT16, 1, { 3 }, u16 },
    { "i32", CN_INT32, 1, { 3 }, i32 },            { "u32", CN_UINT32, 3, { 1, 3, 1 }, u32 },
    { "i64", CN_INT64, 1, { 3 }, i64 },            { "bool", CN_BOOL, 1, { 3 }, flags },
    { "scalar", CN_FLOAT64, 0, { 0 }, f64 },       { "empty", CN_FLOAT32, 2, { 0, 3 }, NULL },
    { "words", CN_STRING, 1, { 3 }, words },       { "word", CN_STRING, 0, { 0 }, words },
    { "no words", CN_STRING, 1, { 0 }, NULL },     { "one word", CN_STRING, 2, { 1, 1 }, words },
};

static void build_forms(cn__h5_out *out)
{
    cn__h5_node *root = cn__h5_new_root(out), *sets = cn__h5_group(out, root, "data/sets");
    cn__h5_node *with = cn__h5_group(out, root, "attributes");
    for (size_t i = 0; i < CN__COUNT(forms); i++) {
        const struct form *f = &forms[i];
        cn__h5_dataset(out, sets, f->name, f->dtype, f->rank, f->dim, f->data);
        if (f->dtype != CN_BFLOAT16) cn__h5_set(out, with, f->name, f->dtype, f->rank, f->dim, f->data);
    }
    cn__h5_set_text(out, root, "text", "replaced below");
    cn__h5_set_text(out, root, "text", words[0]);
    cn__h5_set_names(out, root, "names", words, 3);
    cn__h5_set_names(out, root, "no names", NULL, 0);
    cn__h5_dataset(out, root, "data//./deep/er/kernel:0", CN_FLOAT32, 1, (int64_t[]){ 6 }, f32);
}

/* Of a data set, or of an attribute of o. */
static void check_form(cn__h5 *f, const cn__h5_object *o, const char *attribute, const struct form *form)
{
    cn__arena   mem = { .ctx = form_ctx };
    cn__h5_data d;
    char        got[64];
    int         before = check_bad;
    if (!(attribute ? cn__h5_attr(f, o, attribute, &d) : cn__h5_data_of(f, o, &d))) {
        CHECK_FAIL("%s of %s cannot be read", form->name, cn__h5_path(o));
        return;
    }
    int64_t n = 1;
    for (int i = 0; i < form->rank; i++) n *= form->dim[i];
    CHECK_INT(d.rank, form->rank);
    CHECK(!d.empty && !memcmp(d.dim, form->dim, (size_t)d.rank * 8));
    CHECK_INT(d.dtype, form->dtype);
    CHECK_INT(d.n, n);
    size_t size = (size_t)n * cn__dtype_size(form->dtype);
    if (form->dtype == CN_STRING) {
        const char **text = attribute ? cn__h5_attr_strings(f, o, attribute, &mem) : cn__h5_read_strings(f, o, &mem);
        CHECK(text);
        for (int64_t i = 0; text && i < n; i++) CHECK(!strcmp(text[i], ((const char *const *)form->data)[i]));
    } else {
        CHECK(attribute ? cn__h5_attr_read(f, o, attribute, got, size) : cn__h5_read(f, o, got, size));
        CHECK(!memcmp(got, size ? form->data : "", size));
        const void *there = attribute ? NULL : cn__h5_in_place(f, o);
        if (there) CHECK(!memcmp(there, form->data, size));
    }
    if (check_bad != before) printf("form %s of %s: %s\n", form->name, cn__h5_path(o), cn_error_message(form_ctx));
    cn__arena_free(&mem);
}

TEST(every_form)
{
    cn_ctx     *c = form_ctx = cn_open();
    cn__h5_out *out = cn__h5_new(c);
    build_forms(out);
    bytes b = emit(out);
    keep("forms.h5", &b);
    CHECK(!memcmp(b.at, "\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\4\0\x10\0\0\0\0\0", 24));      /* superblock 0 */
    CHECK(le(b.at + 24, 8) == 0 && le(b.at + 40, 8) == b.n && b.n % 8 == 0);                 /* base, end */
    CHECK_INT(le(b.at + 64, 8), 96);                     /* the root's header follows */

    cn__h5 *f = cn__h5_open(c, NULL, "forms.h5", b.at, b.n);
    const cn__h5_object *with = f ? cn__h5_find(f, NULL, "attributes") : NULL;
    CHECK(f && with && cn__h5_is_group(with));
    for (size_t i = 0; with && i < CN__COUNT(forms); i++) {
        char path[64];
        snprintf(path, sizeof path, "/data/sets/%s", forms[i].name);
        const cn__h5_object *o = cn__h5_find(f, NULL, path);
        CHECK(o && !cn__h5_is_group(o));
        if (forms[i].dtype == CN_BFLOAT16) continue;     /* below */
        if (o) check_form(f, o, NULL, &forms[i]);
        check_form(f, with, forms[i].name, &forms[i]);
    }
    const struct form more[] = { { "text", CN_STRING, 0, { 0 }, words }, { "names", CN_STRING, 1, { 3 }, words },
                                 { "no names", CN_FLOAT64, 1, { 0 }, NULL } };
    size_t n = 0;
    for (size_t i = 0; f && i < CN__COUNT(more); i++) check_form(f, cn__h5_root(f), more[i].name, &more[i]);
    if (f) CHECK(cn__h5_attr_names(f, cn__h5_root(f), &n) && n == 3);        /* set twice is there once */
    CHECK(f && cn__h5_find(f, NULL, "data/deep/er/kernel:0"));
    CHECK(f && cn__h5_links(f, cn__h5_find(f, NULL, "data"), &n) && n == 2);
    CHECK_INT(cn_error(c), CN_OK);
    cn__h5_close(f);

    bytes    again = emit(out);                          /* the same, each time */
    uint64_t size = 0;
    CHECK(cn__h5_emit(out, NULL, &size) && size == b.n && again.n == b.n && !memcmp(again.at, b.at, b.n));
    cn__h5_drop(out);
    cn__h5_drop(NULL);
    free(b.at), free(again.at);
    CHECK_INT(cn_close(c), 0);
}

TEST(bfloat16)                                           /* as Keras has it: two opaque bytes, and an attribute */
{
    cn_ctx     *c = form_ctx = cn_open();
    cn__arena   mem = { .ctx = c };
    cn__h5_out *out = cn__h5_new(c);
    const struct form form = { "bf16", CN_BFLOAT16, 1, { 3 }, brain };
    cn__h5_dataset(out, cn__h5_new_root(out), "bf16", CN_BFLOAT16, 1, form.dim, brain);
    bytes   b = emit(out);
    cn__h5 *f = cn__h5_open(c, NULL, "bf16.h5", b.at, b.n);
    const cn__h5_object *o = f ? cn__h5_find(f, NULL, "bf16") : NULL;
    const char **dtype = o ? cn__h5_attr_strings(f, o, "dtype", &mem) : NULL;
    CHECK(dtype && !strcmp(*dtype, "bfloat16"));
    CHECK(memmem(b.at, b.n, "\x15\0\0\0\2\0\0\0", 8));
    if (o) check_form(f, o, NULL, &form);
    cn__h5_close(f);
    cn__h5_drop(out);
    cn__arena_free(&mem);
    free(b.at);
    CHECK_INT(cn_close(c), 0);
}

TEST(nothing)                                            /* not even a root */
{
    cn_ctx     *c = cn_open();
    cn__h5_out *out = cn__h5_new(c);
    bytes       b = emit(out);
    keep("nothing.h5", &b);
    cn__h5 *f = cn__h5_open(c, NULL, "nothing.h5", b.at, b.n);
    size_t  n = 1;
    CHECK(f && cn__h5_is_group(cn__h5_root(f)));
    if (f) cn__h5_links(f, cn__h5_root(f), &n);
    CHECK(!n && f && !cn__h5_failed(f) && !cn__h5_find(f, NULL, "x"));
    cn__h5_close(f);
    cn__h5_drop(out);
    free(b.at);
    CHECK_INT(cn_close(c), 0);
}

/* ---- Groups of many links: a symbol node holds 8, a node of the tree 32 of what is below it ---------------------- */
TEST(many_links)
{
    static const int counts[] = { 0, 1, 7, 8, 9, 255, 256, 257, 700, 8191, 8192, 8193, 8500 };
    cn_ctx      *c = cn_open();
    cn__h5_out  *out = cn__h5_new(c);
    cn__h5_node *root = cn__h5_new_root(out);
    char         name[40];
    for (size_t k = 0; k < CN__COUNT(counts); k++) {
        snprintf(name, sizeof name, "of %d", counts[k]);
        cn__h5_node *group = cn__h5_group(out, root, name);
        for (int i = 0; i < counts[k]; i++) {            /* not in order, and one name begins another */
            int number = (int)((i * 7919LL + 5) % counts[k]);
            snprintf(name, sizeof name, "%d", number);
            cn__h5_dataset(out, group, name, CN_UINT8, 0, NULL, &u8[number % 3]);
        }
    }
    bytes   b = emit(out);
    keep("many.h5", &b);
    cn__h5 *f = cn__h5_open(c, NULL, "many.h5", b.at, b.n);
    for (size_t k = 0; f && k < CN__COUNT(counts); k++) {
        snprintf(name, sizeof name, "of %d", counts[k]);
        const cn__h5_object *group = cn__h5_find(f, NULL, name);
        size_t n = 0;
        const cn__h5_link *links = group ? cn__h5_links(f, group, &n) : NULL;
        CHECK_INT(n, counts[k]);
        for (size_t i = 0; links && i < n; i++) CHECK(!i || strcmp(links[i - 1].name, links[i].name) < 0);
        for (int i = 0; group && i < counts[k]; i += counts[k] > 1000 ? 61 : 1) {
            uint8_t got = 1;
            snprintf(name, sizeof name, "%d", i);
            const cn__h5_object *o = cn__h5_find(f, group, name);
            CHECK(o && cn__h5_read(f, o, &got, 1) && got == u8[i % 3]);
        }
    }
    CHECK_INT(cn_error(c), CN_OK);
    cn__h5_close(f);
    cn__h5_drop(out);
    free(b.at);
    CHECK_INT(cn_close(c), 0);
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */
enum { MOST = 7000, WIDTH = 24 };
static char        name_of[MOST][WIDTH + 1];
static const char *name_at[MOST];

static void set_many(cn__h5_out *out, size_t n)          /* of 24 bytes each */
{
    for (size_t i = 0; i < n; i++) {
        snprintf(name_of[i], sizeof name_of[i], "a/name/of/24/bytes/%05u", (unsigned)i % 100000);
        name_at[i] = name_of[i];
    }
    cn__h5_set_names(out, cn__h5_new_root(out), "w", name_at, n);
}

TEST(names_in_pieces)                                    /* 2688 names of 24 bytes are 64512, one attribute's limit */
{
    static const struct { size_t n, pieces, first, last; } cases[] = {
        { 1, 1, 1, 1 }, { 2688, 1, 2688, 2688 }, { 2689, 2, 1345, 1344 }, { 5376, 2, 2688, 2688 },
        { 7000, 3, 2334, 2333 } };
    for (size_t k = 0; k < CN__COUNT(cases); k++) {
        cn_ctx     *c = cn_open();
        cn__arena   mem = { .ctx = c };
        cn__h5_out *out = cn__h5_new(c);
        set_many(out, cases[k].n);
        bytes  b = emit(out);
        size_t n = 0, at = 0, last = 0;
        keep("names.h5", &b);
        cn__h5 *f = cn__h5_open(c, NULL, "names.h5", b.at, b.n);
        const cn__h5_object *root = f ? cn__h5_root(f) : NULL;
        if (root) cn__h5_attr_names(f, root, &n);
        CHECK_INT(n, cases[k].pieces);
        for (size_t piece = 0; root && piece < n; piece++) {
            char        name[24] = "w";
            cn__h5_data d;
            if (n > 1) snprintf(name, sizeof name, "w%zu", piece);
            const char **text = cn__h5_attr(f, root, name, &d) ? cn__h5_attr_strings(f, root, name, &mem) : NULL;
            CHECK(text && d.rank == 1);
            if (!text) break;
            if (!piece) CHECK_INT(d.n, cases[k].first);
            last = (size_t)d.n;
            for (size_t i = 0; i < last; i++) CHECK(!strcmp(text[i], name_of[at + i]));
            at += last;
        }
        CHECK_INT(at, cases[k].n);
        CHECK_INT(last, cases[k].last);
        cn__h5_close(f);
        cn__h5_drop(out);
        cn__arena_free(&mem);
        free(b.at);
        CHECK_INT(cn_close(c), 0);
    }
}

/* Texts fill heaps of 4096 bytes; a longer one has a heap of its own. */
TEST(long_texts)
{
    static const size_t sizes[] = { 4047, 4048, 4064, 4065, 0, 100, 1000000, 7, 65536 };
    cn_ctx      *c = cn_open();
    cn__arena    mem = { .ctx = c };
    cn__h5_out  *out = cn__h5_new(c);
    cn__h5_node *root = cn__h5_new_root(out);
    char        *text = malloc(1000001), name[8];
    if (!text) exit(1);
    for (size_t i = 0; i < CN__COUNT(sizes); i++) {
        memset(text, 'a' + (int)i, sizes[i]);
        text[sizes[i]] = 0;
        snprintf(name, sizeof name, "%zu", i);
        cn__h5_set_text(out, root, name, text);
    }
    bytes   b = emit(out);
    keep("texts.h5", &b);
    cn__h5 *f = cn__h5_open(c, NULL, "texts.h5", b.at, b.n);
    for (size_t i = 0; f && i < CN__COUNT(sizes); i++) {
        snprintf(name, sizeof name, "%zu", i);
        const char **got = cn__h5_attr_strings(f, cn__h5_root(f), name, &mem);
        CHECK(got && strlen(*got) == sizes[i] && strspn(*got, (char[]){ (char)('a' + (int)i), 0 }) == sizes[i]);
    }
    CHECK_INT(cn_error(c), CN_OK);
    cn__h5_close(f);
    cn__h5_drop(out);
    cn__arena_free(&mem);
    free(b.at), free(text);
    CHECK_INT(cn_close(c), 0);
}

/* ---- What cannot be written: told when it is emitted, and not a byte is ------------------------------------------ */
static void same_name(cn__h5_out *out)
{
    cn__h5_dataset(out, cn__h5_new_root(out), "kernel", CN_UINT8, 0, NULL, u8);
    CHECK(!cn__h5_dataset(out, cn__h5_new_root(out), "kernel", CN_UINT8, 0, NULL, u8));
}
static void group_of_same_name(cn__h5_out *out)
{
    cn__h5_group(out, cn__h5_new_root(out), "kernel");
    CHECK(!cn__h5_dataset(out, cn__h5_new_root(out), "kernel", CN_UINT8, 0, NULL, u8));
}
static void no_name(cn__h5_out *out) { CHECK(!cn__h5_dataset(out, cn__h5_new_root(out), "a/", CN_UINT8, 0, NULL, u8)); }
static void within_a_data_set(cn__h5_out *out)
{
    cn__h5_dataset(out, cn__h5_new_root(out), "kernel", CN_UINT8, 0, NULL, u8);
    cn__h5_node *none = cn__h5_group(out, cn__h5_new_root(out), "kernel/below");
    CHECK(!none && !cn__h5_group(out, none, "more") && !cn__h5_dataset(out, none, "x", CN_UINT8, 0, NULL, u8));
    cn__h5_set_text(out, none, "x", "y");
    cn__h5_set_names(out, none, "x", words, 3);
}
static void long_name(cn__h5_out *out)
{
    static char name[64514];
    memset(name, 'n', 64513);
    cn__h5_set_names(out, cn__h5_new_root(out), "w", (const char *[]){ name }, 1);
}
static void large_attribute(cn__h5_out *out)
{
    static const double many[8192];
    cn__h5_set(out, cn__h5_new_root(out), "lut", CN_FLOAT64, 1, (int64_t[]){ 8192 }, many);
}
static void bad_shape(cn__h5_out *out)
{
    CHECK(!cn__h5_dataset(out, cn__h5_new_root(out), "x", CN_UINT8, 2, (int64_t[]){ 2, -1 }, u8));
}
static void huge_shape(cn__h5_out *out)
{
    CHECK(!cn__h5_dataset(out, cn__h5_new_root(out), "x", CN_FLOAT64, 2, (int64_t[]){ INT64_MAX, 3 }, u8));
}
static void no_dtype(cn__h5_out *out) { CHECK(!cn__h5_dataset(out, cn__h5_new_root(out), "x", 0, 0, NULL, u8)); }

TEST(what_cannot_be_written)
{
    const struct { void (*build)(cn__h5_out *); cn_status status; const char *part; } bad[] = {
        { same_name, CN_E_NAME, "are named \"kernel\"" },    { group_of_same_name, CN_E_NAME, "are named \"kernel\"" },
        { no_name, CN_E_NAME, "\"a/\"" },                    { within_a_data_set, CN_E_NAME, "\"kernel\" is a data" },
        { long_name, CN_E_LIMIT, "a name has 64513 bytes" }, { large_attribute, CN_E_LIMIT, "\"lut\" takes 65600" },
        { bad_shape, CN_E_VALUE, "\"x\"" },                  { huge_shape, CN_E_VALUE, "\"x\"" },
        { no_dtype, CN_E_VALUE, "\"x\"" },
    };
    for (size_t i = 0; i < CN__COUNT(bad); i++) {
        cn_ctx     *c = cn_open();
        cn__h5_out *out = cn__h5_new(c);
        bytes       b = { NULL, 0, 0, 0, 0 };
        bad[i].build(out);
        for (int twice = 0; twice < 2; twice++) {
            cn_clear_error(c);
            CHECK(!cn__h5_emit(out, &(cn__sink){ take, &b }, NULL));
            CHECK_FAILS(c, bad[i].status, bad[i].part);
        }
        CHECK_INT(b.calls, 0);
        cn__h5_drop(out);
        CHECK_INT(cn_close(c), 1);
    }
}

TEST(sink_says_stop)                                     /* at any point: nothing is put after it */
{
    cn_ctx     *c = cn_open();
    cn__h5_out *out = cn__h5_new(c);
    build_forms(out);
    for (long k = 1;; k++) {
        bytes b = { .stop_at = k };
        bool  good = cn__h5_emit(out, &(cn__sink){ take, &b }, NULL);
        CHECK(good ? b.calls < k : b.calls == k);
        free(b.at);
        if (good || check_bad) break;
    }
    CHECK_INT(cn_error(c), CN_OK);                       /* whoever said stop records why */
    cn__h5_drop(out);
    CHECK_INT(cn_close(c), 0);
}

TEST(every_allocation_fails_once)
{
    for (long k = 1;; k++) {
        fail_alloc a = { .at = k };
        cn_ctx *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1);
        if (c && !cn__bad(c)) {
            cn__h5_out *out = cn__h5_new(c);
            if (out) {
                build_forms(out);
                set_many(out, 3000);
            }
            bytes b = { NULL, 0, 0, 0, 0 };
            bool  good = out && cn__h5_emit(out, &(cn__sink){ take, &b }, NULL);
            CHECK(good == !a.failed);
            CHECK_INT(cn_error(c), good ? CN_OK : CN_E_NOMEM);
            cn__h5_drop(out);
            free(b.at);
        }
        CHECK_INT(cn_close(c), a.failed != 0);
        CHECK_INT(a.blocks, 0);
        CHECK_INT(a.bytes, 0);
        if (!a.failed || check_bad) break;
    }
}

CHECK_MAIN
