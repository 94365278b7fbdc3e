/* resume.c: a training that was broken off and goes on ends in the same bits as one that was not: by snapshots, by
   backups, killed at any moment, with files that fail. CN_TEST_FULL=1 kills 200 times. */
#include "../fail/alloc.h"
#include "base/deflate.h"
#include "check.h"
#include <cornu.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { ROWS = 203, IN = 7, CLASSES = 4, BATCH = 16, EPOCHS = 6 };

/* ---- A training with everything in it that has a state ----------------------------------------------------------- */
typedef struct job {
    cn_ctx     *c;
    cn_model   *m;
    cn_array   *x, *y;
} job;

static void numbers(float *x, int32_t *y)
{
    uint32_t state = 7;
    for (int i = 0; i < ROWS; i++) {
        y[i] = i * i % CLASSES;
        for (int k = 0; k < IN; k++) {
            state = state * 1664525u + 1013904223u;
            x[i * IN + k] = (float)(state >> 8) * 0x1p-24f + (k % CLASSES == y[i] ? 0.3f : 0.0f);
        }
    }
}

static job begin_on(cn_ctx *c)
{
    static float   x[ROWS * IN];
    static int32_t y[ROWS];
    job j = { .c = c };
    numbers(x, y);
    j.x = cn_array_from(c, {ROWS, IN}, CN_BUFFER(x, ROWS * IN));
    j.y = cn_array_from(c, {ROWS}, CN_BUFFER(y, ROWS));
    j.m = cn_sequential(c, {IN});
    cn_dense(j.m, 19, .activation = CN_RELU);
    cn_gaussian_noise(j.m, 0.1);
    cn_dropout(j.m, 0.3);
    cn_dense(j.m, CLASSES, .activation = CN_SOFTMAX);
    CHECK(!cn_compile(j.m, .optimizer = cn_adam(.learning_rate = 0.01, .use_ema = CN_YES, .clipnorm = 1),
                      .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY, .metrics = { CN_ACCURACY }));
    return j;
}
static job begin(void) { return begin_on(cn_open(.seed = 5, .threads = 1)); }
static void end(job j) { CHECK_INT(cn_close(j.c), 0); }

/* One number for all that is left of a training: every bit of weights and histories. */
static uint64_t add(uint64_t h, const void *bytes, size_t n)
{
    for (const unsigned char *p = bytes; n--; p++) h = (h ^ *p) * 0x100000001b3u;
    return h;
}

static uint64_t sum_of(const cn_model *given)
{
    cn_model *m = (cn_model *)(uintptr_t)given;
    uint64_t  h = 0xcbf29ce484222325u;
    for (int i = 0; cn_weight_path(m, i); i++) {
        cn_array *a = cn_get_weight(m, cn_weight_path(m, i));
        const cn_values *v = cn_values_of(a);
        h = add(h, v->data, v->count * sizeof(float));
        cn_free(a);
    }
    for (int i = 0; cn_result_name(m, i); i++) {
        int64_t n = 0;
        const double *at = cn_history(m, cn_result_name(m, i), &n);
        double last = cn_result(m, cn_result_name(m, i));
        h = add(add(h, at, (size_t)n * sizeof *at), &last, sizeof last);
    }
    return h;
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */
static const char *folder(void)
{
    static char at[64] = "";
    if (*at) return at;
    snprintf(at, sizeof at, "/tmp/cornu-resume-XXXXXX");
    CHECK(mkdtemp(at));
    return at;
}

static const char *in_folder(const char *name)
{
    static char path[16][128];
    static int  k;
    char *p = path[k++ % 16];
    snprintf(p, sizeof path[0], "%s/%s", folder(), name);
    return p;
}

static bool there(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0;
}

static void clear(const char *dir)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    CHECK_INT(system(command), 0);
}

static bool same_files(const char *a, const char *b)
{
    FILE *f = fopen(a, "rb"), *g = fopen(b, "rb");
    int   c = f && g ? 0 : 1, d = 0;
    while (c == d && c != EOF) c = fgetc(f), d = fgetc(g);
    if (f) fclose(f);
    if (g) fclose(g);
    return c == d;
}

/* ---- Snapshots --------------------------------------------------------------------------------------------------- */
typedef struct taking { int64_t epoch, batch; bool at_batch, at_begin; cn_array *snapshot; } taking;

static cn_status take(const cn_event *e, void *user)
{
    taking *t = user;
    if (e->epoch == t->epoch && (!t->at_batch || e->batch == t->batch)) t->snapshot = cn_snapshot(e->model);
    return CN_OK;
}

#define ARGUMENTS  .epochs = EPOCHS, .batch_size = BATCH, .validation_split = 0.2
#define WATCHERS   cn_early_stopping(.monitor = "loss", .patience = 4, .restore_best_weights = CN_YES), \
                   cn_reduce_lr_on_plateau(.monitor = "val_loss", .patience = 0, .min_delta = 0.05)

/* The snapshot as an array of another context. */
static cn_array *moved(cn_ctx *c, const cn_array *snapshot)
{
    const cn_values *v = cn_values_of(snapshot);
    return cn_array_from(c, { (int64_t)v->count }, v, .dtype = CN_UINT8);
}

static uint64_t whole(void)
{
    static uint64_t sum;
    if (sum) return sum;
    job j = begin();
    CHECK(!cn_fit(j.m, j.x, j.y, ARGUMENTS, .callbacks = { WATCHERS, cn_csv_logger(in_folder("whole.csv")) }));
    sum = sum_of(j.m);
    const double *loss = cn_history(j.m, "loss", NULL);
    CHECK(loss && loss[EPOCHS - 1] < 0.9 * loss[0]);     /* it does learn */
    end(j);
    return sum;
}

static void taken(taking t, const char *what)
{
    job j = begin();
    CHECK(!cn_fit(j.m, j.x, j.y, ARGUMENTS,
                  .callbacks = { WATCHERS, cn_lambda_callback(.on_train_batch_end = t.at_batch ? take : NULL,
                                                              .on_epoch_begin = t.at_begin ? take : NULL,
                                                              .on_epoch_end = t.at_batch || t.at_begin ? NULL : take,
                                                              .user = &t) }));
    CHECK(sum_of(j.m) == whole());
    CHECK(!cn_error(t.snapshot));
    job k = begin_on(cn_open(.seed = 9, .threads = 2));  /* a model that knows nothing of all this, the seed neither */
    CHECK(!cn_restore(k.m, moved(k.c, t.snapshot)));
    CHECK(!cn_fit(k.m, k.x, k.y, ARGUMENTS, .callbacks = { WATCHERS }));
    if (sum_of(k.m) != whole()) CHECK_FAIL("other bits after %s, epoch %d, batch %d", what, (int)t.epoch, (int)t.batch);
    CHECK(!cn_restore(j.m, t.snapshot));                 /* and the one that had gone on since */
    CHECK(!cn_fit(j.m, j.x, j.y, ARGUMENTS, .callbacks = { WATCHERS }));
    CHECK(sum_of(j.m) == whole());
    end(k);
    end(j);
}

TEST(snapshots)
{
    taken((taking){ .epoch = 0, .batch = 0, .at_batch = true }, "the first batch");
    taken((taking){ .epoch = 2, .batch = 4, .at_batch = true }, "a batch");
    taken((taking){ .epoch = 2, .batch = 10, .at_batch = true }, "the last batch of an epoch");
    taken((taking){ .epoch = 0, .at_begin = true }, "the first beginning");
    taken((taking){ .epoch = 3, .at_begin = true }, "the beginning");
    taken((taking){ .epoch = 0 }, "an epoch");
    taken((taking){ .epoch = 3 }, "an epoch");
    taken((taking){ .epoch = EPOCHS - 1 }, "the last epoch");
}

/* What callbacks remember: the loss falls, which is no improvement for these. */
static cn_status fit_watched(job j, taking *t)
{
    return cn_fit(j.m, j.x, j.y, .epochs = 12, .batch_size = BATCH,
                  .callbacks = { cn_early_stopping(.monitor = "loss", .mode = CN_MAX, .patience = 7,
                                                   .restore_best_weights = CN_YES),
                                 cn_reduce_lr_on_plateau(.monitor = "loss", .mode = CN_MAX, .patience = 1,
                                                         .cooldown = 3, .factor = 0.5),
                                 cn_lambda_callback(.on_epoch_end = t ? take : NULL, .user = t) });
}

TEST(what_callbacks_remember)
{
    job      j = begin();
    int64_t  epochs = 0;
    CHECK(!fit_watched(j, NULL));
    uint64_t wanted = sum_of(j.m);
    CHECK(cn_history(j.m, "loss", &epochs) && epochs == 8);                  /* stopped early */
    end(j);
    for (int64_t epoch = 0; epoch < 8; epoch++) {
        taking t = { .epoch = epoch };
        j = begin();
        CHECK(!fit_watched(j, &t));
        CHECK(!cn_restore(j.m, t.snapshot));
        CHECK(!fit_watched(j, NULL));
        if (sum_of(j.m) != wanted) CHECK_FAIL("other bits after epoch %d", (int)epoch);
        end(j);
    }
}

/* cn_stop_training in the middle of an epoch, and a snapshot after it: nothing more is trained. */
static cn_status stop_softly(const cn_event *e, void *user)
{
    taking *t = user;
    if (e->epoch == t->epoch && e->batch == t->batch) cn_stop_training(e->model);
    return take(e, user);
}

TEST(stopped_softly)
{
    taking t = { .epoch = 2, .batch = 4, .at_batch = true };
    job    j = begin(), k = begin();
    CHECK(!cn_fit(j.m, j.x, j.y, ARGUMENTS,
                  .callbacks = { WATCHERS, cn_lambda_callback(.on_train_batch_end = stop_softly, .user = &t) }));
    CHECK(!cn_restore(k.m, moved(k.c, t.snapshot)));
    CHECK(!cn_fit(k.m, k.x, k.y, ARGUMENTS, .callbacks = { WATCHERS }));
    CHECK(sum_of(j.m) == sum_of(k.m));
    end(k);
    end(j);
}

/* ---- Streams: data that come in their own order, loaded ahead, part of them for each epoch ----------------------- */
static int64_t stream(const cn_rows *r, void *user)
{
    const int32_t *rows = user;
    int64_t n = 0;
    for (; n < r->count && r->first + n < *rows; n++) {
        int64_t i = r->first + n;
        for (int k = 0; k < IN; k++)
            ((float *)r->x[0])[n * IN + k] = sinf((float)(i * IN + k + 100 * r->epoch));
        ((int32_t *)r->y[0])[n] = (int32_t)(i % CLASSES);
    }
    return n;
}

static cn_dataset *stream_of(cn_ctx *c, int32_t *rows, int kind)
{
    cn_dataset *ds = cn_dataset_from_generator(c, { stream, rows }, .x = {{ .shape = {IN} }},
                                               .y = {{ .dtype = CN_INT32 }}, .samples = kind == 2 ? *rows : 0);
    return kind == 0 ? ds : cn_prefetch(ds, 2);
}

static void streamed(int kind, int64_t steps, taking t)
{
    int32_t  rows = 101;
    uint64_t sum[2];
    for (int again = 0; again < 2; again++) {
        job j = begin();
        cn_dataset *ds = stream_of(j.c, &rows, kind);
        if (again) CHECK(!cn_restore(j.m, moved(j.c, t.snapshot)));
        CHECK(!cn_fit(j.m, ds, .epochs = 5, .batch_size = BATCH, .steps_per_epoch = steps,
                      .callbacks = { cn_lambda_callback(.on_train_batch_end = again || !t.at_batch ? NULL : take,
                                                        .on_epoch_end = again || t.at_batch ? NULL : take,
                                                        .user = &t) }));
        sum[again] = sum_of(j.m);
        if (again) CHECK_INT(cn_close(j.c), 0);
    }
    if (sum[0] != sum[1])
        CHECK_FAIL("other bits: stream %d, %d steps, epoch %d, batch %d", kind, (int)steps, (int)t.epoch, (int)t.batch);
    CHECK_INT(cn_close(cn_ctx_of(t.snapshot)), 0);
}

TEST(streams)
{
    for (int kind = 0; kind < 3; kind++) {
        streamed(kind, 0, (taking){ .epoch = 1, .batch = 3, .at_batch = true });
        streamed(kind, 0, (taking){ .epoch = 1 });
        streamed(kind, 3, (taking){ .epoch = 1, .batch = 1, .at_batch = true });
        streamed(kind, 3, (taking){ .epoch = 0 });       /* the next one goes on in the middle of the data */
        streamed(kind, 3, (taking){ .epoch = 3 });
    }
}

/* ---- What does not fit ------------------------------------------------------------------------------------------- */
#define REFUSED(status, act, words)                                                                       \
    do {                                                                                                  \
        CHECK_INT(act, status);                                                                           \
        CHECK_STR(cn_error_message(j.c), words);                                                          \
        cn_clear_error(j.c);                                                                              \
    } while (0)

static cn_status restore_within(const cn_event *e, void *user)
{
    CHECK_INT(cn_restore(e->model, user), CN_E_STATE);
    cn_clear_error(e->ctx);
    return CN_OK;
}

TEST(what_does_not_fit)
{
    taking t = { .epoch = 1, .batch = 2, .at_batch = true };
    job j = begin();
    CHECK(!cn_fit(j.m, j.x, j.y, ARGUMENTS, .callbacks = { cn_reduce_lr_on_plateau(),
                  cn_lambda_callback(.on_train_batch_end = take, .user = &t) }));
    cn_array *s = t.snapshot;
    CHECK(!cn_restore(j.m, s));
    REFUSED(CN_E_STATE, cn_fit(j.m, j.x, j.y, .epochs = 3, .callbacks = { cn_reduce_lr_on_plateau() }),
            "had batch_size 16, this one has 32");
    CHECK(!cn_restore(j.m, s));
    REFUSED(CN_E_STATE,
            cn_fit(j.m, j.x, j.y, .epochs = 3, .batch_size = BATCH, .callbacks = { cn_reduce_lr_on_plateau() }),
            "had samples 162, this one has 203");
    CHECK(!cn_restore(j.m, s));
    REFUSED(CN_E_STATE, cn_fit(j.m, j.x, j.y, ARGUMENTS, .callbacks = { cn_early_stopping() }), "other callbacks");
    CHECK(!cn_fit(j.m, j.x, j.y, .epochs = 1));          /* a snapshot waits for one fit only */
    CHECK(!cn_fit(j.m, j.x, j.y, .epochs = 1,
                  .callbacks = { cn_lambda_callback(.on_epoch_end = restore_within, .user = s) }));
    cn_model *other = cn_sequential(j.c, {IN});
    cn_dense(other, 19, .activation = CN_RELU);
    cn_dense(other, CLASSES + 1, .activation = CN_SOFTMAX);
    REFUSED(CN_E_STATE, cn_restore(other, s), "optimizer Adam, model \"sequential_1\" has none: call cn_compile");
    CHECK(!cn_compile(other, .optimizer = CN_ADAM, .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY));
    REFUSED(CN_E_SHAPE, cn_restore(other, s), "variables, model \"sequential_1\" has");
    CHECK(!cn_compile(other, .optimizer = cn_adam(.use_ema = CN_YES), .loss = CN_SPARSE_CATEGORICAL_CROSSENTROPY));
    REFUSED(CN_E_SHAPE, cn_restore(other, s), "variable 2 is \"dense_1/kernel\", float32 (19, 4); the model's is");
    REFUSED(CN_E_DTYPE, cn_restore(j.m, j.x), "not one that cn_snapshot gave");
    REFUSED(CN_E_FORMAT, cn_restore(j.m, cn_array_from(j.c, {3}, NULL, .dtype = CN_UINT8)), "no snapshot");
    cn_model *unbuilt = cn_sequential(j.c);
    cn_dense(unbuilt, 1);
    CHECK_INT(cn_error(cn_snapshot(unbuilt)), CN_E_STATE);
    CHECK(cn_snapshot(NULL) == NULL);
    CHECK_INT(cn_restore(NULL, s), CN_E_NOMEM);
    cn_clear_error(j.c);
    end(j);
}

/* ---- Damaged ones ------------------------------------------------------------------------------------------------ */
enum { HEAD = 64 };                                      /* 16 bytes, then size, CRC-32 and 4 bytes for each part */

static void mend(unsigned char *at)                      /* the checksums */
{
    size_t from = HEAD;
    for (int i = 0; i < 3; i++) {
        uint64_t size;
        memcpy(&size, at + 16 + 16 * i, sizeof size);
        uint32_t crc = cn__crc32(0, at + from, (size_t)size);
        memcpy(at + 24 + 16 * i, &crc, sizeof crc);
        from += (size_t)size;
    }
}

TEST(damage)
{
    taking t = { .epoch = 1, .batch = 2, .at_batch = true };
    job j = begin();
    CHECK(!cn_fit(j.m, j.x, j.y, ARGUMENTS,
                  .callbacks = { WATCHERS, cn_lambda_callback(.on_train_batch_end = take, .user = &t) }));
    const cn_values *v = cn_values_of(t.snapshot);
    uint64_t  before = sum_of(j.m);
    for (size_t n = 0; n < v->count; n += n < 200 ? 1 : 97) {                /* cut short */
        cn_array *cut = cn_array_from(j.c, { (int64_t)(n ? n : 1) }, NULL, .dtype = CN_UINT8);
        memcpy(cn_mutable(cut), v->data, n);
        CHECK_INT(cn_restore(j.m, cut), CN_E_FORMAT);
        cn_free(cut);
    }
    for (size_t i = 0; i < v->count; i += i < 200 ? 1 : 61) {                /* a byte, as disks lose them */
        cn_array *hurt = cn_array_from(j.c, { (int64_t)v->count }, v, .dtype = CN_UINT8);
        ((unsigned char *)cn_mutable(hurt))[i] ^= 0x10;
        cn_status status = cn_restore(j.m, hurt);
        if (status != (i >= 8 && i < 16 ? CN_E_UNSUPPORTED : CN_E_FORMAT))          /* another version */
            CHECK_FAIL("byte %zu: status %d", i, (int)status);
        cn_free(hurt);
    }
    CHECK(sum_of(j.m) == before);
    uint32_t state = 1;
    for (int k = 0; k < 1500; k++) {                     /* bytes that somebody meant: any status, no harm */
        cn_array *hurt = cn_array_from(j.c, { (int64_t)v->count }, v, .dtype = CN_UINT8);
        unsigned char *at = cn_mutable(hurt);
        for (int i = 0; i < 1 + k % 3; i++) {
            state = state * 1664525u + 1013904223u;
            size_t from = k % 2 ? v->count - 2500 : HEAD;                    /* the course; anywhere */
            at[from + (state >> 7) % (v->count - from)] = (unsigned char)(state >> 24 & 1 ? 0xff : state >> 25);
        }
        mend(at);
        if (!cn_restore(j.m, hurt)) CHECK(cn_fit(j.m, j.x, j.y, ARGUMENTS, .callbacks = { WATCHERS }) <= 0);
        cn_free(hurt);
    }
    cn_close(j.c);
}

/* ---- BackupAndRestore -------------------------------------------------------------------------------------------- */
/* Trains with a backup every so many batches; on_batch may stop it. */
static cn_status fit_on(job j, const char *dir, int64_t save_freq, bool twice, cn_hook on_batch, void *user)
{
    return cn_fit(j.m, j.x, j.y, ARGUMENTS,
                  .callbacks = { cn_backup_and_restore(dir, .save_freq = save_freq,
                                                       .double_checkpoint = twice ? CN_YES : CN_NO),
                                 WATCHERS,
                                 cn_csv_logger(in_folder("history.csv"), .append = save_freq == 4 ? CN_YES : CN_NO),
                                 cn_lambda_callback(.on_train_batch_end = on_batch, .user = user) });
}

typedef struct halt { int64_t step; cn_status status; } halt;
static cn_status stop_at(const cn_event *e, void *user)
{
    halt *h = user;
    return e->step == h->step ? cn_fail(e->ctx, h->status, "that is enough") : CN_OK;
}

/* Broken off at that step, then called again: in the same process and in a new one. */
static void broken(int64_t step, cn_status how, int64_t save_freq, bool twice)
{
    for (int anew = how == CN_E_USER && step < save_freq; anew < 2; anew++) {
        const char *dir = in_folder("one/of/these");
        halt h = { step, how };
        job  j = begin();
        CHECK_INT(fit_on(j, dir, save_freq, twice, stop_at, &h), how);
        CHECK_STR(cn_error_message(j.c), "that is enough");
        cn_clear_error(j.c);
        if (anew) end(j), j = begin();
        CHECK(!fit_on(j, dir, save_freq, twice, NULL, NULL));
        if (sum_of(j.m) != whole() || !same_files(in_folder("history.csv"), in_folder("whole.csv")))
            CHECK_FAIL("other bits: step %d, status %d, every %d", (int)step, (int)how, (int)save_freq);
        clear(in_folder("history.csv"));
        CHECK(there(dir) && !there(in_folder("one/of/these/training.backup")));
        CHECK(!there(in_folder("one/of/these/training.backup.previous")));
        end(j);
    }
    clear(in_folder("one"));
}

TEST(backups)
{
    broken(30, CN_E_USER, 0, false);                     /* goes on with the epoch */
    broken(30, CN_E_USER, 4, false);
    broken(30, CN_E_USER, 4, true);
    broken(2, CN_E_USER, 5, true);                       /* nothing was written yet: a new process begins anew */
    broken(30, CN_E_STOPPED, 0, false);                  /* written then and there */
    broken(32, CN_E_STOPPED, 0, false);
    broken(0, CN_E_STOPPED, 1000, false);
}

/* Stopped by the first callback of the list: the others have done their part when it goes on. */
static cn_status stop_in_epoch(const cn_event *e, void *user)
{
    halt *h = user;
    return e->epoch == h->step ? cn_fail(e->ctx, CN_E_STOPPED, "that is enough") : CN_OK;
}

static cn_status fit_stopped(job j, int hook, halt *h)
{
    return cn_fit(j.m, j.x, j.y, ARGUMENTS,
                  .callbacks = { cn_backup_and_restore(in_folder("stopped")),
                                 cn_lambda_callback(.on_epoch_begin = hook == 0 ? stop_in_epoch : NULL,
                                                    .on_train_batch_begin = hook == 1 ? stop_in_epoch : NULL,
                                                    .on_test_batch_end = hook == 2 ? stop_in_epoch : NULL,
                                                    .on_epoch_end = hook == 3 ? stop_in_epoch : NULL, .user = h),
                                 WATCHERS, cn_csv_logger(in_folder("history.csv")) });
}

TEST(stopped_anywhere)
{
    for (int hook = 0; hook < 4; hook++) {
        halt h = { .step = 2 };
        job  j = begin();
        CHECK_INT(fit_stopped(j, hook, &h), CN_E_STOPPED);
        cn_clear_error(j.c);
        CHECK(there(in_folder("stopped/training.backup")));
        CHECK(!fit_stopped(j, -1, &h));
        if (sum_of(j.m) != whole() || !same_files(in_folder("history.csv"), in_folder("whole.csv")))
            CHECK_FAIL("other bits after hook %d", hook);
        end(j);
    }
}

TEST(backup_options)
{
    const char *dir = in_folder("kept");
    job j = begin();
    REFUSED(CN_E_VALUE, cn_fit(j.m, j.x, j.y, .callbacks = { cn_backup_and_restore(NULL) }), "there is no folder");
    REFUSED(CN_E_VALUE, cn_fit(j.m, j.x, j.y, .callbacks = { cn_backup_and_restore("x", .save_freq = -1) }),
            "save_freq is -1");
    CHECK(!cn_fit(j.m, j.x, j.y, .epochs = 2, .callbacks = { cn_backup_and_restore(dir, .delete_checkpoint = CN_NO) }));
    CHECK(there(in_folder("kept/training.backup")));
    int64_t n = 0;
    CHECK(!cn_fit(j.m, j.x, j.y, .epochs = 5, .callbacks = { cn_backup_and_restore(dir) }));
    cn_history(j.m, "loss", &n);
    CHECK_INT(n, 5);                                     /* went on after the second */
    job k = begin();                                     /* more epochs than were planned: the same as from the start */
    CHECK(!cn_fit(k.m, k.x, k.y, .epochs = 5, .callbacks = { cn_lambda_callback(.user = &n) }));
    CHECK(cn_result(j.m, "loss") == cn_result(k.m, "loss"));
    end(k);
    end(j);
}

/* A damaged backup is said so; with the one before, training goes on from there. */
static void hurt(const char *path)
{
    FILE *f = fopen(path, "r+b");
    CHECK(f && !fseek(f, 1000, SEEK_SET));
    int c = f ? fgetc(f) : 0;
    if (f) fseek(f, 1000, SEEK_SET), fputc(c ^ 1, f), fclose(f);
}

TEST(damaged_backups)
{
    for (int twice = 0; twice < 2; twice++) {
        const char *dir = in_folder("hurt");
        halt h = { 50, CN_E_USER };
        job  j = begin();
        CHECK_INT(fit_on(j, dir, 4, twice, stop_at, &h), CN_E_USER);
        cn_clear_error(j.c);
        hurt(in_folder("hurt/training.backup"));
        if (twice) {
            CHECK(!fit_on(j, dir, 4, true, NULL, NULL));
            CHECK(sum_of(j.m) == whole());
        } else REFUSED(CN_E_FORMAT, fit_on(j, dir, 4, false, NULL, NULL), "training.backup is damaged: the checksum");
        end(j);
        clear(dir);
    }
}

/* ---- Files that fail --------------------------------------------------------------------------------------------- */
static void nobody(cn_level level, const char *text, void *user) { (void)level, (void)text, (void)user; }

TEST(files_that_fail)
{
    for (int twice = 0; twice < 2; twice++)
        for (long n = 1;; n++) {
            fail_files f = { .at = n };
            job j = begin_on(cn_open(.seed = 5, .threads = 1, .files = FAIL_FILES(&f), .log = { nobody, NULL }));
            const char *dir = in_folder("failing");
            halt h = { 60, CN_E_USER };
            cn_status status = fit_on(j, dir, 25, twice, stop_at, &h);
            if (status != CN_E_USER && status != CN_E_IO)
                CHECK_FAIL("call %ld: status %d: %s", n, (int)status, cn_error_message(j.c));
            if (status == CN_E_IO) CHECK_STR(cn_error_message(j.c), ": cannot ");
            cn_close(j.c);
            CHECK_INT(f.open, 0);
            f.at = 0;                                    /* the disk is mended; the same program again */
            j = begin_on(cn_open(.seed = 5, .threads = 1));
            CHECK(!fit_on(j, dir, 25, twice, NULL, NULL));
            if (sum_of(j.m) != whole()) CHECK_FAIL("other bits after call %ld failed", n);
            end(j);
            clear(dir);
            if (!f.failed || check_bad > 10) break;
        }
}

/* The disk is full from some byte on: what was there before is whole and is gone on from. */
typedef struct small_disk { fail_files f; int64_t room; } small_disk;
static int64_t little(int file, const void *bytes, size_t n, void *user)
{
    small_disk *d = user;
    if (d->room <= 0) return -ENOSPC;
    ssize_t went = write(file, bytes, (int64_t)n < d->room ? n : (size_t)d->room);
    d->room -= went;
    return went;
}

TEST(a_full_disk)
{
    for (int64_t room = 5000; room < 90000; room += 17001) {
        small_disk d = { .room = room };
        const char *dir = in_folder("full");
        cn_files files = FAIL_FILES(&d.f);
        files.write = little;
        files.user = &d;
        job j = begin_on(cn_open(.seed = 5, .threads = 1, .files = files));
        CHECK_INT(fit_on(j, dir, 5, false, NULL, NULL), CN_E_IO);
        CHECK_STR(cn_error_message(j.c), "No space left on device");
        CHECK(!there(in_folder("full/training.backup.new")));
        CHECK(there(in_folder("full/training.backup")) == (room > 20000));
        cn_close(j.c);
        j = begin();
        CHECK(!fit_on(j, dir, 5, false, NULL, NULL));
        CHECK(sum_of(j.m) == whole());
        end(j);
        clear(dir);
    }
}

/* ---- Killed at any moment ---------------------------------------------------------------------------------------- */
static int child(int out)                                /* of a process of its own */
{
    job j = begin_on(cn_open(.seed = 5, .threads = 2));
    if (fit_on(j, in_folder("killed"), 3, false, NULL, NULL)) return fprintf(stderr, "%s\n", cn_error_message(j.c)), 1;
    uint64_t sum = sum_of(j.m);
    cn_close(j.c);
    return write(out, &sum, sizeof sum) == sizeof sum ? 0 : 1;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Lets it live so long (0: to its end). 1: it came to its end, 0: it was killed, -1: it failed. */
static int live(double seconds, uint64_t *sum)
{
    int p[2], status = 0;
    if (pipe(p)) return -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) close(p[0]), _exit(child(p[1]));
    close(p[1]);
    if (seconds > 0) {
        struct timespec t = { (time_t)seconds, (long)((seconds - floor(seconds)) * 1e9) };
        nanosleep(&t, NULL);
        kill(pid, SIGKILL);
    }
    waitpid(pid, &status, 0);
    bool told = read(p[0], sum, sizeof *sum) == sizeof *sum;
    close(p[0]);
    return told ? 1 : WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : -1;
}

TEST(killed_at_any_moment)
{
    const char *full = getenv("CN_TEST_FULL");
    int      most = full && *full && strcmp(full, "0") != 0 ? 200 : 20, kills = 0, ends = 0;
    uint64_t wanted = whole(), sum = 0;
    uint32_t state = (uint32_t)time(NULL);
    printf("seed %u\n", state);
    double   begun = now();
    CHECK_INT(live(0, &sum), 1);                         /* how long it takes when nobody kills it */
    double   takes = now() - begun;
    CHECK(sum == wanted);
    while (kills < most && !check_bad) {
        state = state * 1664525u + 1013904223u;
        int end = live(takes * 0.5 * ((state >> 8) + 1) * 0x1p-24, &sum);
        CHECK(end >= 0);
        kills += end == 0, ends += end == 1;
        if (end == 1 && (sum != wanted || !same_files(in_folder("history.csv"), in_folder("whole.csv"))))
            CHECK_FAIL("other bits after %d kills", kills);
    }
    CHECK_INT(live(0, &sum), 1);
    CHECK(sum == wanted);
    printf("%d kills, %d trainings came to their end\n", kills, ends + 1);
    clear(folder());
}

CHECK_MAIN
