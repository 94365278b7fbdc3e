/* golden.c: every layer in models that real Keras made (tests/golden/make_keras.py): read, run, written, read again. */
#include "check.h"
#include "base/file.h"
#include "base/zip.h"
#include "data/data.h"
#include "nn/nn.h"
#include <cornu.h>
#include <unistd.h>

enum { MOST = 8 };

static cn__zip open_golden(cn_ctx *c, unsigned char **bytes, size_t *n)
{
    cn__zip z = { 0 };
    *bytes = cn__read_file(c, NULL, CN_SOURCE_DIR "/tests/golden/keras_layers.zip", false, 0, n);
    if (*bytes) (void)cn__zip_open(&z, c, "keras_layers.zip", *bytes, *n);
    return z;
}

/* One string a line, as (n, 1). */
static cn_array *strings(cn_ctx *c, const cn__zip *z, const cn__zip_member *m)
{
    unsigned char *bytes = cn__zip_read(z, m, 0);
    const char    *word[64];
    size_t         n = 0;
    for (char *at = (char *)bytes; at && n < CN__COUNT(word); at = at ? at + 1 : NULL) {
        word[n++] = at;
        if ((at = strchr(at, '\n'))) *at = 0;
    }
    cn_array *a = cn_array_from(c, {(int64_t)n, 1}, &(cn_values){ CN_STRING, n, word }, .dtype = CN_STRING);
    if (bytes) cn__free(c, bytes, (size_t)m->size + 1);
    return a;
}

/* The arrays NAME.x0.npy, NAME.x1.npy ... of a case. Value: how many. */
static int arrays(cn_ctx *c, const cn__zip *z, const char *name, char which, cn_array **out)
{
    int n = 0;
    for (char member[160]; n < MOST; n++) {
        snprintf(member, sizeof member, "%s.%c%d.npy", name, which, n);
        const cn__zip_member *m = cn__zip_find(z, member);
        unsigned char *bytes = m ? cn__zip_read(z, m, 0) : NULL;
        if (!m) {
            snprintf(member, sizeof member, "%s.%c%d.txt", name, which, n);
            if (!(m = cn__zip_find(z, member))) break;
            out[n] = strings(c, z, m);
            continue;
        }
        if (!bytes) break;
        out[n] = cn__npy_array(cn__array_blank(c), member, bytes, (size_t)m->size);
    }
    return n;
}

static double worst(const cn_array *got, const cn_array *wanted)
{
    double most = 0;
    int64_t n = cn__array_count(wanted);
    if (got->head.rank != wanted->head.rank || cn__array_count(got) != n) return INFINITY;
    for (int64_t i = 0; i < n; i++) {
        double g = cn__load(got->head.dtype, got->data, (size_t)i);
        double w = cn__load(wanted->head.dtype, wanted->data, (size_t)i);
        double e = fabs(g - w) / fmax(1, fabs(w));
        if (!(e <= most)) most = e;
    }
    return most;
}

static bool predict(cn_model *m, cn_array **x, int nx, cn_array **y, int ny)
{
    CN_ARGS(cn_dataset_from, d);
    CN_ARGS(cn_predict, a);
    d.on = cn_ctx_of(m);
    for (int i = 0; i < nx; i++) d.x[i] = x[i];
    cn_dataset *data = (cn_dataset_from)(&d);
    a.on = m, a.x = data;
    for (int i = 0; i < ny; i++) a.y[i] = &y[i];
    bool done = (cn_predict)(&a) == CN_OK;
    cn_free(data);
    return done;
}

static bool same_bits(const cn_array *a, const cn_array *b)
{
    return a->values.count == b->values.count &&
           !memcmp(a->data, b->data, a->values.count * cn__dtype_size(a->head.dtype));
}

/* Saved and loaded, it is the same model: its structure as text, and its outputs' bits. */
static void round_trip(cn_ctx *c, const char *name, cn_model *m, cn_array **x, int nx, cn_array **y, int ny)
{
    static const char *const endings[] = { ".keras", ".h5" };
    size_t forms = x[0]->head.dtype == CN_FLOAT32 ? CN__COUNT(endings) : 1;  /* .h5 has no place for vocabularies */
    for (size_t k = 0; k < forms; k++) {
        char path[256];
        snprintf(path, sizeof path, "golden-%ld-%s%s", (long)getpid(), name, endings[k]);
        cn_array *again[MOST] = { NULL };
        if (cn_save(m, path)) {
            CHECK_FAIL("%s: %s", path, cn_error_message(c));
            continue;
        }
        cn_model *copy = cn_load(c, path);
        remove(path);
        if (!predict(copy, x, nx, again, ny)) CHECK_FAIL("%s: %s", path, cn_error_message(c));
        else {
            char *before = strdup(cn_to_json(m));
            if (strcmp(before, cn_to_json(copy)))
                CHECK_FAIL("%s: its structure changed:\n%s\n%s", path, before, cn_to_json(copy));
            for (int i = 0; i < ny; i++)
                if (!same_bits(y[i], again[i])) CHECK_FAIL("%s: output %d changed", path, i);
            free(before);
        }
        cn_free(copy);
        cn_clear_error(c);
    }
}

static void run_case(cn_ctx *c, const cn__zip *z, const cn__zip_member *file)
{
    char      name[128];
    cn_array *x[MOST] = { NULL }, *y[MOST] = { NULL }, *p[MOST] = { NULL };
    snprintf(name, sizeof name, "%.*s", (int)(strlen(file->name) - 6), file->name);
    unsigned char *bytes = cn__zip_read(z, file, 0);
    if (!bytes) {
        CHECK_FAIL("%s: %s", name, cn_error_message(c));
        return;
    }
    cn_model *m = cn_load(c, name, .bytes = CN_BUFFER(bytes, file->size));
    int nx = arrays(c, z, name, 'x', x), ny = arrays(c, z, name, 'y', y);
    if (cn_error(m) || !nx || !ny) CHECK_FAIL("%s: %s", name, cn_error(m) ? cn_error_message(m) : "no arrays");
    else if (!predict(m, x, nx, p, ny)) CHECK_FAIL("%s: %s", name, cn_error_message(c));
    else {
        for (int i = 0; i < ny; i++)
            if (!(worst(p[i], y[i]) <= 2e-6)) CHECK_FAIL("%s: output %d is off by %g", name, i, worst(p[i], y[i]));
        round_trip(c, name, m, x, nx, p, ny);
    }
    cn_clear_error(c);
    cn_free(m);
    for (int i = 0; i < MOST; i++) cn_free(x[i]), cn_free(y[i]), cn_free(p[i]);
    cn__free(c, bytes, (size_t)file->size + 1);
}

TEST(models_of_keras)
{
    cn_ctx *c = cn_open();
    unsigned char *bytes;
    size_t  n, models = 0;
    cn__zip z = open_golden(c, &bytes, &n);
    for (size_t i = 0; i < z.count; i++) {
        size_t k = strlen(z.members[i].name);
        if (k < 6 || strcmp(z.members[i].name + k - 6, ".keras")) continue;
        run_case(c, &z, &z.members[i]);
        models++;
    }
    CHECK(models > 100);
    cn__zip_close(&z);
    cn__free(c, bytes, n + 1);
    cn_close(c);
}

/* A layer that is added to the list needs models of its own. */
TEST(every_layer_has_models)
{
    cn_ctx *c = cn_open();
    unsigned char *bytes;
    size_t  n;
    cn__zip z = open_golden(c, &bytes, &n);
    const cn__class *layer;
    for (int i = 0; (layer = cn__class_at(CN__FAM_LAYER, i)); i++) {
        char member[160];
        snprintf(member, sizeof member, "%s_1.keras", layer->name);
        if (!cn__zip_find(&z, member)) CHECK_FAIL("%s has not two models in keras_layers.zip", layer->name);
    }
    cn__zip_close(&z);
    cn__free(c, bytes, n + 1);
    cn_close(c);
}

CHECK_MAIN
