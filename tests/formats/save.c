/* save.c: models saved and loaded: what comes back, what is refused, and that nothing is ever lost. */
#include "data/files.h"
#include "fail/alloc.h"
#include <sys/stat.h>

static cn_model *small(cn_ctx *c)
{
    cn_model *m = cn_sequential(c, {3}, .name = "small");
    cn_dense(m, 5, .activation = CN_TANH);
    cn_dropout(m, 0.25);
    cn_dense(m, 2);
    return m;
}

static cn_model *trained(cn_ctx *c)
{
    cn_model *m = small(c);
    float     x[24], y[16];
    for (int i = 0; i < 24; i++) x[i] = (float)(i * 7 % 11) / 11;
    for (int i = 0; i < 16; i++) y[i] = (float)(i * 5 % 7) / 7;
    if (cn_compile(m, .optimizer = cn_adam(.learning_rate = 0.02), .loss = CN_MSE, .metrics = { CN_METRIC_MAE }) ||
        cn_fit(m, cn_array_from(c, {8, 3}, CN_BUFFER(x, 24)), cn_array_from(c, {8, 2}, CN_BUFFER(y, 16)), .epochs = 2,
               .batch_size = 4)) return m;
    return m;
}

static size_t slurp(const char *path, unsigned char *to, size_t most)
{
    FILE  *f = fopen(path, "rb");
    size_t n = f ? fread(to, 1, most, f) : 0;
    if (f) fclose(f);
    return n;
}

static bool same_weights(cn_model *a, cn_model *b)
{
    const char *path;
    bool same = cn_count_params(a) == cn_count_params(b);
    for (int i = 0; same && (path = cn_weight_path(a, i)); i++) {
        cn_array *x = cn_get_weight(a, path), *y = cn_get_weight(b, cn_weight_path(b, i));
        const cn_values *u = cn_values_of(x), *v = cn_values_of(y);
        same = u && v && u->count == v->count && !memcmp(u->data, v->data, u->count * 4);
        cn_free(x), cn_free(y);
    }
    return same;
}

/* ---- What comes back --------------------------------------------------------------------------------------------- */
static void goes_on(const char *ending)                  /* trained on, both end in the same bits */
{
    cn_ctx     *c = cn_open(.seed = 5, .threads = 1);
    cn_model   *m = trained(c);
    const char *path = file_path(ending);
    CHECK_INT(cn_save(m, path), CN_OK);
    cn_model *copy = cn_load(c, path);
    if (cn_error(copy)) CHECK_FAIL("%s", cn_error_message(copy));
    CHECK(same_weights(m, copy));
    cn_array *x = cn_array_from(c, {4, 3}, CN_NUMBERS(0,1,2, 3,4,5, 6,7,8, 9,8,7));
    cn_array *y = cn_array_from(c, {4, 2}, CN_NUMBERS(1,0, 0,1, 1,1, 0,0));
    for (int i = 0; i < 5; i++) {
        CHECK_INT(cn_train_on_batch(m, x, y), CN_OK);
        CHECK_INT(cn_train_on_batch(copy, x, y), CN_OK);
    }
    if (strstr(ending, ".keras")) CHECK(same_weights(m, copy));          /* the random state is in the file as well */
    CHECK_NEAR(cn_learning_rate(copy), 0.02, 1e-9);
    if (cn_error(c)) CHECK_FAIL("%s", cn_error_message(c));
    cn_close(c);
}
TEST(keras) { goes_on("a.keras"); }
TEST(hdf5) { goes_on("a.h5"); }

TEST(weights_alone)
{
    static const char *const endings[] = { "w.weights.h5", "w.npz", "w.keras", "w.h5" };
    cn_ctx *c = cn_open(.seed = 2);
    for (size_t k = 0; k < 4; k++) {
        cn_model *m = small(c), *other = small(c);
        CHECK_INT(cn_save(m, file_path(endings[k])), CN_OK);
        CHECK(!same_weights(m, other));
        CHECK_INT(cn_load_weights(other, file_path(endings[k])), CN_OK);
        CHECK(same_weights(m, other));
    }
    if (cn_error(c)) CHECK_FAIL("%s", cn_error_message(c));
    cn_close(c);
}

TEST(by_name_and_what_fits)
{
    cn_ctx   *c = cn_open(.seed = 2);
    cn_model *m = cn_sequential(c, {3}), *other = cn_sequential(c, {3});
    cn_dense(m, 4, .name = "first"), cn_dense(m, 2, .name = "last");
    cn_dense(other, 4, .name = "first"), cn_dense(other, 6, .name = "new"), cn_dense(other, 5, .name = "last");
    for (int k = 0; k < 2; k++) {
        const char *path = file_path(k ? "n.h5" : "n.weights.h5");
        CHECK_INT(cn_save(m, path), CN_OK);
        CHECK_INT(cn_load_weights(other, path), CN_E_SHAPE);
        CHECK_INT(cn_load_weights(other, path, .by_name = CN_YES), CN_E_SHAPE);
        CHECK_STR(cn_error_message(c), "last");
        CHECK_INT(cn_load_weights(other, path, .by_name = CN_YES, .skip_mismatch = CN_YES), CN_OK);
        cn_array *a = cn_get_weight(m, "first/kernel"), *b = cn_get_weight(other, "first/kernel");
        CHECK(!memcmp(cn_data(a), cn_data(b), 12 * sizeof(float)));
        cn_clear_error(c);
    }
    cn_close(c);
}

TEST(structure_alone)
{
    cn_ctx   *c = cn_open();
    cn_model *m = small(c);
    CHECK_INT(cn_save(m, file_path("s.json")), CN_OK);
    cn_model *copy = cn_load(c, file_path("s.json"));
    char *text = strdup(cn_to_json(m));
    CHECK_STR(cn_to_json(copy), text);
    CHECK_INT(cn_count_params(copy), 32);
    free(text);
    cn_close(c);
}

/* ---- What is refused --------------------------------------------------------------------------------------------- */
TEST(refused)
{
    cn_ctx   *c = cn_open();
    cn_model *m = small(c);
    CHECK_INT(cn_save(m, file_path("m.pt")), CN_E_VALUE);
    CHECK_STR(cn_error_message(c), "names no format");
    CHECK_INT(cn_save(m, ""), CN_E_VALUE);
    CHECK_INT(cn_save(m, "/nowhere/at/all.keras"), CN_E_IO);
    CHECK_INT(cn_save(cn_sequential(c), file_path("e.keras")), CN_E_STATE);
    CHECK_INT(cn_error(cn_load(c, file_path("absent.keras"))), CN_E_IO);
    CHECK_INT(cn_error(cn_load(c, NULL)), CN_E_VALUE);
    CHECK_INT(cn_error(cn_load(c, file_of_text("empty.keras", ""))), CN_E_FORMAT);
    CHECK_INT(cn_error(cn_load(c, file_of_text("text.keras", "hello"))), CN_E_FORMAT);
    CHECK_STR(cn_error_message(c), "neither");
    CHECK_INT(cn_save(m, file_path("w.weights.h5")), CN_OK);
    CHECK_INT(cn_error(cn_load(c, file_path("w.weights.h5"))), CN_E_FORMAT);
    CHECK_STR(cn_error_message(c), "cn_load_weights");
    CHECK_INT(cn_save(m, file_path("w.npz")), CN_OK);
    CHECK_INT(cn_error(cn_load(c, file_path("w.npz"))), CN_E_FORMAT);
    CHECK_STR(cn_error_message(c), "w.npz holds weights, no model. Build the model, then cn_load_weights");
    CHECK_INT(cn_load_weights(m, file_of_text("text.h5", "hello")), CN_E_FORMAT);
    cn_close(c);
}

/* Any byte turned, any length: loaded or refused, never worse (under the sanitizers). */
TEST(damaged)
{
    static unsigned char bytes[1 << 17], copy[1 << 17];
    cn_ctx *c = cn_open(.threads = 1);
    CHECK_INT(cn_save(trained(c), file_path("d.keras")), CN_OK);
    size_t n = slurp(file_path("d.keras"), bytes, sizeof bytes), loaded = 0;
    CHECK(n > 1000);
    for (size_t i = 0; i < n; i += 1 + n / 700) {
        memcpy(copy, bytes, n);
        copy[i] ^= (unsigned char)(1u << i % 8);
        cn_model *m = cn_load(c, "damaged.keras", .bytes = CN_BUFFER(copy, n));
        loaded += !cn_error(m);
        cn_free(m), cn_clear_error(c);
        CHECK(cn_error(m = cn_load(c, "cut.keras", .bytes = CN_BUFFER(bytes, i))) != CN_OK);
        cn_free(m), cn_clear_error(c);
    }
    CHECK(loaded < 70);                                  /* members have checksums */
    cn_close(c);
}

/* ---- Nothing is lost --------------------------------------------------------------------------------------------- */
static bool loads(const char *name, const char *path)
{
    cn_ctx   *c = cn_open(.threads = 1);
    cn_status status = strstr(name, "weights") ? cn_load_weights(small(c), path) : cn_error(cn_load(c, path));
    cn_close(c);
    return status == CN_OK;
}

static void each_call_failing(const char *name)
{
    cn_ctx *c = cn_open(.seed = 1, .threads = 1);
    char    path[256];
    snprintf(path, sizeof path, "%s", file_path(name));
    CHECK_INT(cn_save(small(c), path), CN_OK);
    cn_close(c);
    static unsigned char before[1 << 17], now[1 << 17];
    size_t n = slurp(path, before, sizeof before);
    for (long at = 1;; at++) {
        fail_files f = { .at = at };
        c = cn_open(.seed = 2, .threads = 1, .files = FAIL_FILES(&f));
        cn_status status = cn_save(small(c), path);
        cn_close(c);
        CHECK_INT(f.open, 0);
        size_t k = slurp(path, now, sizeof now);
        bool   old = k == n && !memcmp(before, now, n);
        if (!old && !loads(name, path))
            CHECK_FAIL("%s: call %ld failed, and the file is neither old nor new", name, at);
        if (!f.failed) {
            CHECK(!status && !old);
            break;
        }
    }
    CHECK(loads(name, path));
}
TEST(failing_writes_of_keras) { each_call_failing("f.keras"); }
TEST(failing_writes_of_hdf5) { each_call_failing("f.h5"); }
TEST(failing_writes_of_weights) { each_call_failing("f.weights.h5"); }

/* A real full disk, where a small file system can be mounted. */
TEST(full_disk)
{
    char folder[256], command[1024], path[300];
    snprintf(folder, sizeof folder, "%s", file_path("full"));
    snprintf(command, sizeof command, "mkdir '%s' && mount -t tmpfs -o size=96k tmpfs '%s' 2> /dev/null", folder,
             folder);
    if (system(command)) SKIP("no small file system can be mounted here");
    cn_ctx   *c = cn_open();
    cn_model *large = cn_sequential(c, {300}), *m = small(c);
    cn_dense(large, 100);
    snprintf(path, sizeof path, "%s/m.keras", folder);
    CHECK_INT(cn_save(m, path), CN_OK);
    CHECK_INT(cn_save(large, path), CN_E_IO);
    CHECK_STR(cn_error_message(c), "m.keras");
    cn_model *again = cn_load(c, path);
    CHECK(same_weights(m, again));
    cn_close(c);
    snprintf(command, sizeof command, "umount '%s'", folder);
    CHECK_INT(system(command), 0);
}

TEST(out_of_memory)
{
    char path[256];
    snprintf(path, sizeof path, "%s", file_path("m.keras"));
    for (long n = 1;; n++) {
        fail_alloc a = { .at = n };
        cn_ctx    *c = cn_open(.allocator = FAIL_ALLOCATOR(&a), .threads = 1);
        cn_model  *m = trained(c);
        cn_status  saved = cn_save(m, path);
        cn_model  *copy = cn_load(c, path);
        if (!a.failed) CHECK(!saved && !cn_error(copy));
        else CHECK(cn_error(c) || (!saved && !cn_error(copy)));
        cn_close(c);
        CHECK_INT(a.blocks, 0);
        CHECK_INT((long long)a.bytes, 0);
        if (!a.failed) break;
    }
}

CHECK_MAIN
