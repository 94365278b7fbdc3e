/* old_keras.c: models of Keras 1.2, 2.2 and tf.keras 2.15 (tests/golden/make_old_keras.py, make_tf_keras.py) go on
   training where they stopped, with the state of their optimizers, whichever layout it has: the same weights as Keras
   has two epochs later. */
#include "check.h"
#include "base/file.h"
#include "base/zip.h"
#include "data/data.h"
#include <cornu.h>

enum { ROWS = 32, WEIGHTS = 4 };

static cn_status go_on(cn_model *m)
{
    cn_ctx *c = cn_ctx_of(m);
    float   x[ROWS * 4];
    int32_t y[ROWS];
    for (int i = 0; i < ROWS; i++) {
        y[i] = i * 7 % 3;
        for (int k = 0; k < 4; k++) x[4 * i + k] = (float)((7 * i + 3 * k) % 23 / 11.0 - 1);
    }
    return cn_fit(m, cn_array_from(c, {ROWS, 4}, CN_BUFFER(x, ROWS * 4)), cn_array_from(c, {ROWS}, CN_BUFFER(y, ROWS)),
                  .epochs = 2, .batch_size = 8, .shuffle = CN_NO);
}

/* How far the model's weights are from NAME.w0.npy ... */
static double distance(cn_model *m, const cn__zip *z, const char *name)
{
    double most = 0;
    for (int i = 0; i < WEIGHTS; i++) {
        char member[96];
        snprintf(member, sizeof member, "%s.w%d.npy", name, i);
        const cn__zip_member *found = cn__zip_find(z, member);
        cn_ctx         *c = cn_ctx_of(m);
        const cn_array *is = cn_get_weight(m, cn_weight_path(m, i));
        const cn_array *wanted = found ? cn__npy_array(cn__array_blank(c), member, cn__zip_read(z, found, 0),
                                                       (size_t)found->size) : NULL;
        const float *a = is ? cn_data(is) : NULL, *b = wanted ? cn_data(wanted) : NULL;
        if (!a || !b || cn_values_of(is)->count != cn_values_of(wanted)->count) return INFINITY;
        for (size_t k = 0; k < cn_values_of(is)->count; k++) most = fmax(most, fabs((double)(a[k] - b[k])));
    }
    return most;
}

static void run_case(const cn__zip *z, const cn__zip_member *file, size_t ending)
{
    cn_ctx *c = z->ctx;
    char    name[64];
    snprintf(name, sizeof name, "%.*s", (int)ending, file->name);
    unsigned char *bytes = cn__zip_read(z, file, 0);
    cn_model *m = cn_load(c, file->name, .bytes = CN_BUFFER(bytes, file->size));
    double    off = INFINITY;
    if (go_on(m)) CHECK_FAIL("%s: %s", file->name, cn_error_message(c));
    else if (!((off = distance(m, z, name)) <= 1e-6)) CHECK_FAIL("%s: its weights are off by %g", file->name, off);
    cn_clear_error(c);
    cn_free(m);
    if (bytes) cn__free(c, bytes, (size_t)file->size + 1);
}

static void run_all(const char *archive, int wanted)
{
    cn_ctx *c = cn_open(.threads = 1);
    char    path[512];
    size_t  n;
    int     models = 0;
    cn__zip z;
    snprintf(path, sizeof path, CN_SOURCE_DIR "/tests/golden/%s", archive);
    unsigned char *bytes = cn__read_file(c, NULL, path, false, 0, &n);
    CHECK(bytes && !cn__zip_open(&z, c, archive, bytes, n));
    for (size_t i = 0; i < z.count; i++) {
        const char *dot = strchr(z.members[i].name, '.');
        if (!dot || (strcmp(dot, ".keras") && strcmp(dot, ".h5"))) continue;
        run_case(&z, &z.members[i], (size_t)(dot - z.members[i].name));
        models++;
    }
    CHECK_INT(models, wanted);
    cn__zip_close(&z);
    cn__free(c, bytes, n + 1);
    cn_close(c);
}

static void note(cn_level level, const char *text, void *user) { (void)level, snprintf(user, 512, "%s", text); }

/* The state of one optimizer is none of another: that is said, and the model is as good. */
TEST(a_state_that_does_not_fit)
{
    static const char was[] = "\"class_name\": \"SGD\"", is[] = "\"class_name\":\"Adam\"";
    char    said[512] = "";
    cn_ctx *c = cn_open(.threads = 1, .log = { note, said }, .log_level = CN_LOG_WARNING);
    size_t  n;
    cn__zip z;
    unsigned char *all = cn__read_file(c, NULL, CN_SOURCE_DIR "/tests/golden/old_keras_2.zip", false, 0, &n);
    CHECK(all && !cn__zip_open(&z, c, "old_keras_2.zip", all, n));
    const cn__zip_member *file = cn__zip_find(&z, "plain.h5");
    unsigned char *bytes = cn__zip_read(&z, file, 0), *at = memmem(bytes, (size_t)file->size, was, sizeof was - 1);
    CHECK(at && memcpy(at, is, sizeof is - 1));
    CHECK(!go_on(cn_load(c, "plain.h5", .bytes = CN_BUFFER(bytes, file->size))));
    CHECK_STR(said, "the optimizer's state does not fit Adam, which begins anew: ");
    CHECK_STR(said, "plain.h5: it has 5 variables.");
    cn__free(c, bytes, (size_t)file->size + 1);
    cn__zip_close(&z);
    cn__free(c, all, n + 1);
    cn_close(c);
}

TEST(keras_1)  { run_all("old_keras_1.zip", 4); }
TEST(keras_2)  { run_all("old_keras_2.zip", 4); }
TEST(tf_keras) { run_all("tf_keras.zip", 17); }

CHECK_MAIN
