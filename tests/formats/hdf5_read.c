/* hdf5_read.c: what the HDF5 reader reads is what h5py reads, in every form that h5py writes with its defaults and with
   libver='latest'; and the calls of hdf5.h one by one. */
#include "formats/hdf5_golden.h"
#include "formats/hdf5_walk.h"

/* The first line in which two texts differ. */
static void check_lines(const char *name, const char *got, const char *wanted)
{
    while (*got || *wanted) {
        size_t g = strcspn(got, "\n"), w = strcspn(wanted, "\n");
        if (g != w || memcmp(got, wanted, g)) {
            CHECK_FAIL("%s: read   \"%.*s\"\n    h5py read \"%.*s\"", name, (int)g, got, (int)w, wanted);
            return;
        }
        got += g + (got[g] == '\n'), wanted += w + (wanted[w] == '\n');
    }
}

TEST(every_form_reads_as_h5py_reads_it)
{
    golden g = golden_open();
    int    files = 0;
    for (size_t i = 0; i < g.zip.count; i++) {
        char   text[128];
        size_t n, text_n;
        const char *name = g.zip.members[i].name, *dot = strrchr(name, '.');
        if (!dot || strcmp(dot, ".h5") || strchr(name, '/')) continue;
        snprintf(text, sizeof text, "%.*s.txt", (int)(dot - name), name);
        unsigned char *bytes = golden_file(&g, name, &n), *wanted = golden_file(&g, text, &text_n);
        cn__text got = { .ctx = g.ctx };
        bool ok = walk_file(g.ctx, name, bytes, n, &got);
        if (!ok) CHECK_FAIL("%s", cn_error_message(g.ctx));
        if (ok) check_lines(name, cn__text_get(&got), (const char *)wanted);
        cn__text_free(&got);
        free(bytes), free(wanted);
        files++;
    }
    CHECK(files >= 24);
    golden_close(&g);
}

TEST(what_is_not_read_is_refused_by_its_name)
{
    static const struct { const char *file, *part; } rows[] = {
        { "external_link", "\"x\" is an external link; other files are never opened" },
        { "external", "/x: keeps its data in other files; these are never opened" },
        { "virtual", "is a virtual data set; other files are never opened" },
        { "committed", "the data type is shared with other objects (a committed type" },
        { "compound", "/x (byte 856): holds compounds; integers and floats" },
        { "reference", "holds references;" },
        { "region", "holds references;" },
        { "enumeration", "holds enumerations that are not h5py's booleans" },
        { "list", "holds lists of variable length" },
        { "opaque", "holds opaque data" },
        { "array", "holds arrays as elements" },
        { "complex", "holds compounds" },                /* as h5py writes them */
        { "scaleoffset", "is packed by filter 6 (scaleoffset); gzip, shuffle and fletcher32 can be read" },
        { "lzf", "is packed by filter 32000 (lzf)" },
        { "nbit", "is packed by filter 5 (nbit)" },
        { "user_block", "is HDF5 behind a user block of 512 bytes" },
    };
    golden g = golden_open();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char   name[64];
        size_t n;
        snprintf(name, sizeof name, "refused/%s.h5", rows[i].file);
        unsigned char *bytes = golden_file(&g, name, &n);
        cn__h5     *f = cn__h5_open(g.ctx, NULL, name, bytes, n);
        cn__h5_data d;
        const cn__h5_object *x = f ? cn__h5_find(f, NULL, "x") : NULL;
        CHECK(!x || !cn__h5_data_of(f, x, &d));
        CHECK_FAILS(g.ctx, CN_E_UNSUPPORTED, rows[i].part);
        CHECK_STR(cn_error_message(g.ctx), name);
        cn__h5_close(f);
        cn_clear_error(g.ctx);
        free(bytes);
    }
    golden_close(&g);
}

TEST(finds_paths)
{
    golden g = golden_open();
    size_t n;
    unsigned char *bytes = golden_file(&g, "groups_default.h5", &n);
    cn__h5 *f = cn__h5_open(g.ctx, "a.c:1", "groups.h5", bytes, n);
    const cn__h5_object *a = cn__h5_find(f, NULL, "a"), *deep = cn__h5_find(f, NULL, "/a/b/c/d/deep");
    CHECK(a && deep && cn__h5_is_group(a) && !cn__h5_is_group(deep));
    CHECK_STR(cn__h5_path(deep), "/a/b/c/d/deep");
    CHECK_STR(cn__h5_path(cn__h5_root(f)), "/");
    CHECK(cn__h5_find(f, a, "b//c/./d/deep/") == deep);
    CHECK(cn__h5_find(f, a, "soft_relative/deep") == deep);
    CHECK(cn__h5_find(f, a, "/soft_soft") == deep);
    CHECK(cn__h5_find(f, a, "") == a);
    CHECK(cn__h5_find(f, NULL, "/") == cn__h5_root(f));
    CHECK(cn__h5_find(f, NULL, "hard_group/c/d/deep"));
    CHECK(!cn__h5_find(f, NULL, "soft_nothing") && !cn__h5_find(f, deep, "x") && !cn__h5_find(f, NULL, "a/b/x"));
    CHECK(!cn__h5_find(f, NULL, "a/b/c/d/deep/deeper") && !cn__h5_find(f, NULL, "aa"));
    CHECK(!cn__h5_failed(f));
    CHECK(!cn__h5_links(f, cn__h5_find(f, NULL, "empty"), &n) && !n && !cn__h5_failed(f));
    const cn__h5_link *links = cn__h5_links(f, cn__h5_find(f, NULL, "many"), &n);
    CHECK_INT(n, 90);
    for (size_t i = 1; i < n; i++) CHECK(strcmp(links[i - 1].name, links[i].name) < 0);
    links = cn__h5_links(f, NULL, &n);
    CHECK(!links && !n);
    links = cn__h5_links(f, cn__h5_root(f), &n);
    for (size_t i = 0; i < n; i++) CHECK_INT(links[i].soft, !strncmp(links[i].name, "soft", 4));
    links = cn__h5_links(f, cn__h5_find(f, NULL, "many_ordered"), &n);       /* layer_(7 i mod 90) is the i-th */
    CHECK_INT(n, 90);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(links[i].name, "layer_7")) CHECK_INT(links[i].order, 1);
        else if (!strcmp(links[i].name, "layer_14")) CHECK_INT(links[i].order, 2);
    CHECK(!cn__h5_failed(f));
    cn__h5_close(f);
    free(bytes);
    golden_close(&g);
}

TEST(calls_that_do_not_fit_say_so)
{
    golden g = golden_open();
    size_t n;
    unsigned char *bytes = golden_file(&g, "types_default.h5", &n);
    cn__h5     *f = cn__h5_open(g.ctx, NULL, "types.h5", bytes, n);
    cn__arena   mem = { .ctx = g.ctx };
    cn__h5_data d;
    double      values[15];
    const cn__h5_object *types = cn__h5_find(f, NULL, "types"), *f4 = cn__h5_find(f, types, "f4");
    CHECK(cn__h5_data_of(f, f4, &d) && d.dtype == CN_FLOAT32 && d.rank == 2 && d.dim[1] == 5 && d.n == 15 && !d.empty);
    CHECK(!cn__h5_attr(f, f4, "nothing", &d) && !cn__h5_failed(f));
    CHECK(!cn__h5_attr_names(f, f4, &n) && !n);
    CHECK(!cn__h5_read(f, f4, values, 7));
    CHECK_FAILS(g.ctx, CN_E_VALUE, "types.h5: /types/f4: has 60 bytes of numbers, not 7");
    CHECK(!cn__h5_read_strings(f, f4, &mem));
    CHECK_FAILS(g.ctx, CN_E_DTYPE, "/types/f4: holds numbers (float32), not strings");
    CHECK(!cn__h5_data_of(f, types, &d));
    CHECK_FAILS(g.ctx, CN_E_FORMAT, "/types: is a group, not a data set");
    CHECK(!cn__h5_attr_read(f, types, "nothing", values, 8));
    CHECK_FAILS(g.ctx, CN_E_NAME, "/types: has no attribute \"nothing\"");
    CHECK(!cn__h5_attr_strings(f, types, "f4", &mem));
    CHECK_FAILS(g.ctx, CN_E_DTYPE, "holds numbers (float32), not strings");
    CHECK(cn__h5_failed(f));
    cn__h5_close(f);
    cn__h5_close(NULL);
    free(bytes);
    bytes = golden_file(&g, "strings_default.h5", &n);
    f = cn__h5_open(g.ctx, NULL, "strings.h5", bytes, n);
    CHECK(!cn__h5_read(f, cn__h5_find(f, NULL, "strings/variable"), values, 8));
    CHECK_FAILS(g.ctx, CN_E_DTYPE, "holds strings, not numbers");
    const char **none = cn__h5_attr_strings(f, cn__h5_find(f, NULL, "strings"), "none", &mem);
    CHECK(none && !strcmp(none[0], ""));                 /* behind the last one there is always an empty one */
    cn__arena_free(&mem);
    cn__h5_close(f);
    free(bytes);
    golden_close(&g);
}

/* Only where the bytes are this machine's numbers at an address that they may have. */
TEST(numbers_in_place)
{
    golden g = golden_open();
    size_t n;
    unsigned char *bytes = golden_file(&g, "small_number.h5", &n);
    for (int wrong = 0; wrong < 3; wrong++) {
        if (wrong == 2) memmove(bytes + 1, bytes, n);
        if (wrong == 1) bytes[0x369] ^= 1;               /* big-endian now */
        cn__h5 *f = cn__h5_open(g.ctx, NULL, "small.h5", bytes + wrong / 2, n);
        const cn__h5_object *x = cn__h5_find(f, NULL, "g/x");
        if (wrong) CHECK(x && !cn__h5_in_place(f, x));
        else CHECK(cn__h5_in_place(f, x) == bytes + 0x800);
        CHECK(!cn__h5_failed(f));
        if (wrong == 1) bytes[0x369] ^= 1;
        cn__h5_close(f);
    }
    free(bytes);
    golden_close(&g);
}

TEST(unsigned_numbers_of_64_bits)
{
    golden g = golden_open();
    size_t n;
    unsigned char *bytes = golden_file(&g, "types_default.h5", &n);
    cn__h5 *f = cn__h5_open(g.ctx, NULL, "types.h5", bytes, n);
    const cn__h5_object *u8 = cn__h5_find(f, NULL, "types/u8");
    int64_t values[15], second;
    CHECK(cn__h5_read(f, u8, values, sizeof values));
    second = values[1];
    for (size_t i = 0; i + sizeof values <= n; i++)      /* in the data set and in the attribute */
        if (!memcmp(bytes + i, values, sizeof values)) bytes[i + 15] = 0x80;
    CHECK(!cn__h5_read(f, u8, values, sizeof values));
    CHECK_FAILS(g.ctx, CN_E_LIMIT, "value 1 is 92233720368547");
    CHECK(second < 251);
    cn__h5_close(f);
    free(bytes);
    golden_close(&g);
}

/* ---- Keras's own files ------------------------------------------------------------------------------------------- */
static void check_reads(cn_ctx *c, const char *path, size_t least)
{
    size_t n;
    unsigned char *bytes = cn__read_file(c, NULL, path, false, 0, &n);
    cn__text text = { .ctx = c };
    CHECK(bytes);
    if (bytes && !strcmp(path + strlen(path) - 6, ".keras")) {
        cn__zip zip;
        CHECK(!cn__zip_open(&zip, c, path, bytes, n));
        const cn__zip_member *m = cn__zip_find(&zip, "model.weights.h5");
        unsigned char *weights = m ? cn__zip_read(&zip, m, 0) : NULL;
        if (!weights || !walk_file(c, path, weights, m->size, &text)) CHECK_FAIL("%s", cn_error_message(c));
        if (weights) cn__free(c, weights, m->size + 1);
        cn__zip_close(&zip);
    } else if (bytes && !walk_file(c, path, bytes, n, &text)) {
        CHECK_FAIL("%s", cn_error_message(c));
    }
    size_t weights = 0;
    for (const char *at = cn__text_get(&text); (at = strstr(at, "float32 [")); at++) weights++;
    if (weights < least) CHECK_FAIL("%s: %zu weights of float32, not %zu", path, weights, least);
    cn__text_free(&text);
    if (bytes) cn__free(c, bytes, n + 1);
}

TEST(the_files_that_keras_wrote)
{
    static const struct { const char *file; size_t least; } files[] = {
        { "keras-h5/circuit-lstm.h5", 11 }, { "keras-h5/hls-1layer.h5", 4 }, { "keras-h5/hls-3layer-bn.h5", 8 },
        { "keras-h5/hls-3layer-weights.h5", 8 }, { "keras-h5/hls-3layer.h5", 8 }, { "keras-h5/hls-conv1d-small.h5", 4 },
        { "keras-h5/hls-conv2d.h5", 4 }, { "keras-h5/tdt-dense.h5", 4 }, { "keras-h5/tdt-simplernn.h5", 3 },
        { "keras/mnist-cnn-bn.keras", 8 }, { "keras/mnist-mlp-128.keras", 4 }, { "keras/mnist-softmax.keras", 2 },
        { "keras/temp-cnn1d.keras", 8 }, { "keras/temp-gru.keras", 7 },
    };
    const char *data = shared_data();
    char path[512];
    if (!data) SKIP("the shared data are not there");
    cn_ctx *c = cn_open(.threads = 1);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/models/%s", data, files[i].file);
        check_reads(c, path, files[i].least);
    }
    cn_close(c);
}

CHECK_MAIN
