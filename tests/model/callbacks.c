/* callbacks.c: what callbacks do and say, and the progress lines, against Keras's own words. */
#include "falling.h"

static double weight(setting s) { return cn_at(cn_get_weight(s.m, "d/kernel"), 0, 0); }
static int64_t epochs(setting s, const char *name)
{
    int64_t n = 0;
    cn_history(s.m, name, &n);
    return n;
}

TEST(early_stopping)
{
    setting s = begin(0.5);                              /* losses 1, 0.5, 0, 0, 0.5?: |w| before each step */
    CHECK(!cn_fit(s.m, s.x, s.y, .epochs = 50,
                  .callbacks = { cn_early_stopping(.monitor = "loss", .patience = 2, .verbose = 1,
                                                   .restore_best_weights = CN_YES) }));
    int64_t n = epochs(s, "loss");
    CHECK(n >= 4 && n < 50);
    char words[64];
    snprintf(words, sizeof words, "Epoch %d: early stopping\n", (int)n);
    CHECK_STR(heard, words);
    CHECK_STR(heard, "Restoring model weights from the end of the best epoch: 3.\n");
    CHECK_NEAR(weight(s), 0, 0.51);
    CHECK_INT(cn_close(s.c), 0);
}

TEST(early_stopping_modes)
{
    setting s = begin(0.01);
    CHECK(!cn_fit(s.m, s.x, s.y, .epochs = 9, .callbacks = { cn_early_stopping(.monitor = "loss", .mode = CN_MAX) }));
    CHECK_INT(epochs(s, "loss"), 2);                     /* it falls: no improvement */
    CHECK(!cn_fit(s.m, s.x, s.y, .epochs = 9, .callbacks = { cn_early_stopping(.monitor = "loss", .min_delta = 1) }));
    CHECK_INT(epochs(s, "loss"), 2);
    CHECK(!cn_fit(s.m, s.x, s.y, .epochs = 9,
                  .callbacks = { cn_early_stopping(.monitor = "loss", .min_delta = 1, .start_from_epoch = 4) }));
    CHECK_INT(epochs(s, "loss"), 6);
    CHECK(!cn_fit(s.m, s.x, s.y, .epochs = 9,
                  .callbacks = { cn_early_stopping(.monitor = "loss", .baseline = 0.1, .patience = 3) }));
    CHECK_INT(epochs(s, "loss"),
              9); /* improving, but never below the baseline: Keras looks at it only where nothing improves */
    *heard = 0;
    CHECK(!cn_fit(s.m, s.x, s.y, .epochs = 2, .callbacks = { cn_early_stopping(.mode = CN_MIN) }));
    CHECK_STR(
        heard,
        "Early stopping conditioned on metric `val_loss` which is not available. Available metrics are: loss,mse\n");
    CHECK_INT(cn_fit(s.m, s.x, s.y, .callbacks = { cn_early_stopping(.monitor = "whatever") }), CN_E_VALUE);
    CHECK_STR(cn_error_message(s.c), "EarlyStopping callback received monitor=whatever");
    cn_close(s.c);
}

static double halve(int64_t epoch, double rate, void *user)
{
    CHECK_INT(epoch, (*(int64_t *)user)++);
    return rate / 2;
}

TEST(learning_rate_scheduler)
{
    setting s = begin(0.5);
    int64_t at = 0;
    CHECK(!cn_fit(s.m, s.x, s.y, .epochs = 3,
                  .callbacks = { cn_learning_rate_scheduler(halve, .user = &at, .verbose = 1) }));
    CHECK(!strcmp(heard, "Epoch 1: LearningRateScheduler setting learning rate to 0.25.\nEpoch 2: "
                         "LearningRateScheduler setting learning rate to 0.125.\n"
                         "Epoch 3: LearningRateScheduler setting learning rate to 0.0625.\n"));
    int64_t n = 0;
    const double *rate = cn_history(s.m, "learning_rate", &n);
    CHECK(n == 3 && rate[0] == 0.25 && rate[2] == 0.0625);
    CHECK_NEAR(weight(s), 1 - 0.25 - 0.125 - 0.0625, 1e-6);
    CHECK_NEAR(cn_learning_rate(s.m), 0.0625, 0);
    CHECK(!cn_compile(s.m, .optimizer = cn_sgd(.schedule = cn_exponential_decay(0.5, 10, 0.5)), .loss = CN_MAE));
    CHECK_NEAR(cn_learning_rate(s.m), 0.5, 1e-7);
    CHECK_INT(cn_set_learning_rate(s.m, 1), CN_E_STATE);
    cn_close(s.c);
}

TEST(reduce_lr_on_plateau)
{
    setting s = begin(1e-9);                             /* nothing moves */
    CHECK(!cn_set_learning_rate(s.m, 1e-3));
    CHECK(!cn_fit(s.m, s.x, s.y, .epochs = 5,
                  .callbacks = { cn_reduce_lr_on_plateau(.monitor = "mse", .min_delta = 1, .patience = 2, .cooldown = 1,
                                                         .min_lr = 2e-5, .verbose = 1) }));
    CHECK_STR(heard,
              "Epoch 3: ReduceLROnPlateau reducing learning rate to 0.00010000000474974513.\n"); /* Keras's float32 */
    CHECK_STR(heard, "Epoch 5: ReduceLROnPlateau reducing learning rate to 2e-05.\n");
    int64_t n = 0;
    const double *rate = cn_history(s.m, "learning_rate", &n);
    CHECK_INT(n, 5);
    CHECK_NEAR(rate[2], 1e-3, 1e-9);
    CHECK_NEAR(rate[3], 1e-4, 1e-9);
    CHECK_INT(cn_close(s.c), 0);
}

TEST(terminate_on_nan)
{
    setting s = begin(0.5);
    cn_array *bad = cn_array_from(s.c, { 6, 1 }, CN_NUMBERS(1, 1, 1, 1, INFINITY, 1)),
             *y = cn_array_from(s.c, { 6, 1 }, NULL);
    CHECK(!cn_fit(s.m, bad, y, .batch_size = 2, .shuffle = CN_NO, .epochs = 5,
                  .callbacks = { cn_terminate_on_nan(.raise_error = CN_NO) }));
    CHECK(!strcmp(heard, "Batch 2: Invalid loss, terminating training\n"));
    CHECK_INT(epochs(s, "loss"), 1);
    CHECK_NEAR(weight(s), 0, 1e-6);                      /* two steps */
    CHECK_INT(cn_fit(s.m, bad, y, .batch_size = 2, .shuffle = CN_NO, .callbacks = { cn_terminate_on_nan() }),
              CN_E_NUMERIC);
    CHECK_STR(cn_error_message(s.c), "x has inf in row 4");
    cn_close(s.c);
}

static bool file_is(const char *path, const char *words)
{
    static char text[4096];
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    if (strcmp(text, words)) CHECK_FAIL("the file is\n%s", text);
    return true;
}

TEST(csv_logger)
{
    setting s = begin(0.25);
    CHECK(!cn_fit(s.m, s.x, s.y, .epochs = 2, .callbacks = { cn_csv_logger("log_test.csv") }));
    CHECK(file_is("log_test.csv", "epoch,loss,mse,val_loss,val_mse\r\n0,1.0,1.0,NA,NA\r\n1,0.75,0.5625,NA,NA\r\n"));
    CHECK(!cn_fit(s.m, s.x, s.y, .epochs = 4, .initial_epoch = 3,
                  .callbacks = { cn_csv_logger("log_test.csv", .append = CN_YES) }));
    CHECK(file_is("log_test.csv",
                  "epoch,loss,mse,val_loss,val_mse\r\n0,1.0,1.0,NA,NA\r\n1,0.75,0.5625,NA,NA\r\n3,0.5,0.25,NA,NA\r\n"));
    CHECK(!cn_fit(s.m, s.x, s.y, .epochs = 2, .validation_x = s.x, .validation_y = s.y, .validation_freq = 1,
                  .callbacks = { cn_csv_logger("log_test.csv", .separator = ";") }));
    CHECK(file_is("log_test.csv", "epoch;loss;mse;val_loss;val_mse\r\n0;0.25;0.0625;0.0;0.0\r\n1;0.0;0.0;0.0;0.0\r\n"));
    CHECK_INT(cn_fit(s.m, s.x, s.y, .callbacks = { cn_csv_logger("no/such/folder/log.csv") }), CN_E_IO);
    CHECK_STR(cn_error_message(s.c), "no/such/folder");
    remove("log_test.csv");
    cn_close(s.c);
}

/* ---- Functions of the user's ------------------------------------------------------------------------------------- */
static char order[256];
#define NOTE(name, letter) static cn_status name(const cn_event *e, void *user) \
    { (void)e; CHECK(user == order); size_t n = strlen(order); order[n] = letter, order[n + 1] = 0; return CN_OK; }
NOTE(train_begin, 'B')
NOTE(train_end, 'E') NOTE(epoch_begin, 'b') NOTE(epoch_end, 'e') NOTE(batch_begin, '(') NOTE(batch_end, ')')
    NOTE(test_end, 't')

        static cn_status refuse(const cn_event *e, void *user)
{
    (void)user;
    return e->epoch == 1 ? cn_fail(e->ctx, CN_E_USER, "enough of it") : CN_OK;
}
static cn_status refuse_silently(const cn_event *e, void *user)
{
    return (void)user, e->batch == 1 ? CN_E_STOPPED : CN_OK;
}

TEST(lambda_callback)
{
    setting s = begin(0.1);
    *order = 0;
    CHECK(
        !cn_fit(s.m, s.x, s.y, .epochs = 2, .batch_size = 1, .validation_split = 0.5,
                .callbacks = { cn_lambda_callback(.on_train_begin = train_begin, .on_train_end = train_end,
                                                  .on_epoch_begin = epoch_begin, .on_epoch_end = epoch_end,
                                                  .on_train_batch_begin = batch_begin, .on_train_batch_end = batch_end,
                                                  .on_test_batch_end = test_end, .user = order) }));
    CHECK(!strcmp(order, "Bb()teb()teE"));
    CHECK_INT(cn_fit(s.m, s.x, s.y, .epochs = 5, .callbacks = { cn_lambda_callback(.on_epoch_end = refuse) }),
              CN_E_USER);
    CHECK(!strcmp(cn_error_message(s.c), "enough of it"));
    CHECK_INT(epochs(s, "loss"), 2);
    CHECK_INT(cn_fit(s.m, s.x, s.y, .batch_size = 1,
                     .callbacks = { cn_lambda_callback(.on_train_batch_end = refuse_silently) }),
              CN_E_STOPPED);
    CHECK_STR(cn_error_message(s.c), "a callback ended the training in epoch 1, batch 2");
    cn_close(s.c);
}

/* ---- Progress ---------------------------------------------------------------------------------------------------- */
/* The texts without their times, which are digits before s, ms or us. */
static const char *without_times(const char *text)
{
    static char out[1 << 12];
    size_t n = 0;
    for (const char *p = text; *p && n + 2 < sizeof out; p++) {
        size_t digits = strspn(p, "0123456789");
        const char *unit = p + digits;
        bool start = p == text || p[-1] == ' ';
        if (start && digits &&
            (!strncmp(unit, "s ", 2) || !strncmp(unit, "s/", 2) || !strncmp(unit, "ms/", 3) ||
             !strncmp(unit, "us/", 3))) {
            out[n++] = '#';
            p = unit + strcspn(unit, " /") - 1;
        } else out[n++] = *p;
    }
    out[n] = 0;
    return out;
}

TEST(progress_lines)
{
    setting s = begin(0.25);
    CHECK(!cn_fit(s.m, s.x, s.y, .epochs = 2, .batch_size = 1, .verbose = 2, .validation_x = s.x, .validation_y = s.y));
    const char *want =
        "Epoch 1/2\n2/2 - # - #/step - loss: 0.8750 - mse: 0.7812 - val_loss: 0.5000 - val_mse: 0.2500\n"
        "Epoch 2/2\n2/2 - # - #/step - loss: 0.3750 - mse: 0.1562 - val_loss: 0.0000e+00 - val_mse: 0.0000e+00\n";
    if (strcmp(without_times(heard), want)) CHECK_FAIL("heard\n%s", without_times(heard));
    *heard = 0;
    CHECK(!cn_set_weight(s.m, "d/kernel", CN_NUMBERS(1)));
    CHECK(!cn_fit(s.m, s.x, s.y, .verbose = 1));
    want = "1/1 ━━━━━━━━━━━━━━━━━━━━ # #/step - loss: 1.0000 - mse: 1.0000\n";
    if (strcmp(without_times(heard), want)) CHECK_FAIL("heard\n%s", without_times(heard));
    *heard = 0;
    CHECK(!cn_evaluate(s.m, s.x, s.y, .verbose = 1));
    want = "1/1 ━━━━━━━━━━━━━━━━━━━━ # #/step - loss: 0.7500 - mse: 0.5625\n";
    if (strcmp(without_times(heard), want)) CHECK_FAIL("heard\n%s", without_times(heard));
    CHECK_INT(cn_close(s.c), 0);
}

CHECK_MAIN
