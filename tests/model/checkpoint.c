/* checkpoint.c: ModelCheckpoint: when it saves, under which name, in which words. Keras's own gave the words. */
#include "falling.h"
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/cornu-checkpoint-XXXXXX";
static const char *at(const char *name)
{
    static char path[8][256];
    static int  k;
    if (!k) CHECK(mkdtemp(folder));
    char *p = path[k++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static bool there(const char *name)                      /* and takes it away */
{
    return remove(at(name)) == 0;
}

/* Two steps an epoch. */
#define FIT(...)  cn_fit(s.m, s.x, s.y, .batch_size = 1, .epochs = 3, .callbacks = { __VA_ARGS__ })
#define REFUSED(status, act, words)                                                                       \
    do {                                                                                                  \
        CHECK_INT(act, status);                                                                           \
        CHECK_STR(cn_error_message(s.c), words);                                                          \
        cn_clear_error(s.c);                                                                              \
    } while (0)

TEST(every_epoch)
{
    setting s = begin(0.25);                             /* losses 0.875, 0.375, 0 */
    CHECK(!FIT(cn_model_checkpoint(at("new/{epoch:02d}-{loss:.2f}.keras"), .verbose = 1)));
    CHECK(there("new/01-0.88.keras") && there("new/02-0.38.keras") && there("new/03-0.00.keras") && there("new"));
    CHECK_STR(heard, "Epoch 1: saving model to ");
    CHECK_STR(heard, "01-0.88.keras\n");
    CHECK_STR(heard, "Epoch 3: finished saving model to ");
    CHECK_INT(cn_close(s.c), 0);
}

TEST(what_is_saved_loads)
{
    setting s = begin(0.25);
    CHECK(!FIT(cn_model_checkpoint(at("w{epoch}.weights.h5"), .save_weights_only = CN_YES),
               cn_model_checkpoint(at("m{epoch}.h5"))));
    double w = cn_at(cn_get_weight(s.m, "d/kernel"), 0, 0);
    CHECK(!cn_load_weights(s.m, at("w1.weights.h5")));
    CHECK_NEAR(cn_at(cn_get_weight(s.m, "d/kernel"), 0, 0), 0.5, 1e-6);
    CHECK(!cn_load_weights(s.m, at("w3.weights.h5")));
    CHECK_NEAR(cn_at(cn_get_weight(s.m, "d/kernel"), 0, 0), w, 0);
    CHECK(there("w1.weights.h5") && there("w2.weights.h5") && there("w3.weights.h5"));
    CHECK(there("m1.h5") && there("m2.h5") && there("m3.h5"));
    CHECK_INT(cn_close(s.c), 0);
}

TEST(the_best)
{
    setting s = begin(0.5);                              /* losses 0.75, 0, 0 */
    CHECK(!FIT(cn_model_checkpoint(at("best-{epoch}.keras"), .monitor = "loss", .save_best_only = CN_YES,
                                   .verbose = 1)));
    CHECK(there("best-1.keras") && there("best-2.keras") && !there("best-3.keras"));
    CHECK_STR(heard, "Epoch 1: loss improved from None to 0.75000, saving model to ");
    CHECK_STR(heard, "Epoch 2: loss improved from 0.75000 to ");
    CHECK_STR(heard, "Epoch 3: loss did not improve from 0.00000");
    CHECK_INT(cn_close(s.c), 0);
}

TEST(thresholds_and_modes)
{
    setting s = begin(0.25);
    CHECK(!FIT(cn_model_checkpoint(at("t{epoch}.keras"), .monitor = "loss", .save_best_only = CN_YES,
                                   .initial_value_threshold = 0.3)));
    CHECK(!there("t1.keras") && !there("t2.keras") && there("t3.keras"));
    s = (cn_close(s.c), begin(0.25));
    CHECK(!FIT(cn_model_checkpoint(at("t{epoch}.keras"), .monitor = "loss", .save_best_only = CN_YES, .mode = CN_MAX)));
    CHECK(there("t1.keras") && !there("t2.keras") && !there("t3.keras"));
    s = (cn_close(s.c), begin(0.25));
    CHECK(!FIT(cn_model_checkpoint(at("t{epoch}.keras"), .save_best_only = CN_YES)));      /* val_loss: there is none */
    CHECK(there("t1.keras") && there("t2.keras") && there("t3.keras"));
    CHECK_STR(heard, "Can save best model only with val_loss available.");
    CHECK_INT(cn_close(s.c), 0);
}

TEST(every_so_many_batches)
{
    setting s = begin(0.1);                              /* six batches: counted over epochs */
    CHECK(!FIT(cn_model_checkpoint(at("b{epoch}-{batch:03d}-{loss:.1e}.keras"), .save_freq = 4)));
    CHECK(there("b2-002-7.5e-01.keras"));
    CHECK_INT(rmdir(folder), 0);                         /* nothing else was saved */
    CHECK_INT(mkdir(folder, 0700), 0);
    CHECK_INT(cn_close(s.c), 0);
}

TEST(names)
{
    setting s = begin(0.25);
    const char *all = at("{{{epoch:4d}}}-{loss}-{loss:08.3f}-{loss:.1}-{loss:7.2g}.keras");
    CHECK(!cn_fit(s.m, s.x, s.y, .callbacks = { cn_model_checkpoint(all) }));
    CHECK(there("{   1}-1.0-0001.000-1-      1.keras"));
    REFUSED(CN_E_VALUE, FIT(cn_model_checkpoint(NULL)), "path");
    REFUSED(CN_E_VALUE, FIT(cn_model_checkpoint("m.onnx")), "must end in .keras, this is \"m.onnx\"");
    REFUSED(CN_E_VALUE, FIT(cn_model_checkpoint("m.keras", .save_weights_only = CN_YES)), "must end in .weights.h5");
    REFUSED(CN_E_VALUE, FIT(cn_model_checkpoint("m.keras", .save_freq = -2)), "save_freq is -2");
    static const char *const wrong[] = { "{", "}", "{}", "{epoch", "{epoch:}}", "{epoch:2x}", "{loss:.f}",
                                         "{epoch:.2d}", "{loss:>8}", "{a{b}}", "{loss!r}x{" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s.keras", wrong[i]);
        REFUSED(CN_E_VALUE, FIT(cn_model_checkpoint(path)), "braces that are not like {epoch:02d}");
    }
    REFUSED(CN_E_VALUE, FIT(cn_model_checkpoint("{loss:3d}.keras")), "d for a number with a fraction: loss");
    REFUSED(CN_E_VALUE, FIT(cn_model_checkpoint("{loss:8}.keras")), "no e, f or g behind the width of loss");
    REFUSED(CN_E_NAME, FIT(cn_model_checkpoint("{los}.keras")), "result that is not there: los");
    REFUSED(CN_E_NAME, FIT(cn_model_checkpoint("{batch}.keras")), "result that is not there: batch");
    CHECK_INT(FIT(cn_model_checkpoint("/proc/none/m.keras")), CN_E_IO);
    cn_clear_error(s.c);
    CHECK_INT(cn_close(s.c), 0);
    CHECK_INT(rmdir(folder), 0);
}

CHECK_MAIN
