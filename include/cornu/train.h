/* cornu/train.h: compile, fit, evaluate, predict; results; callbacks; watches. All of these act and return a status. */
#ifndef CN_TRAIN_H
#define CN_TRAIN_H
#include "layers.h"

/* ---- Compile --------------------------------------------------------------------------------------------------------

   cn_compile(m, .optimizer = CN_ADAM, .loss = CN_MSE, .metrics = { CN_METRIC_MAE })
   Several outputs, in their order or by name:
   cn_compile(m, .outputs = { cn_output(.loss = CN_MSE),
                              cn_output(.loss = CN_BINARY_CROSSENTROPY, .loss_weight = 0.2, .metrics = { CN_AUC }) }) */
typedef cn_metric cn_metrics[CN_MAX_LIST];
#define CN_OUTPUT_FIELDS(F)                                                                            \
    F(cn_loss,      loss,             {0},        "of this output")                                    \
    F(double,       loss_weight,      1,          "in the sum")                                        \
    F(cn_metrics,   metrics,          {{0}},      "of this output")                                    \
    F(cn_metrics,   weighted_metrics, {{0}},      "that count sample and class weights")               \
    F(cn_text,      name,             NULL,       "of the output; default: by its place")
CN_STRUCT(cn_output, , CN_OUTPUT_FIELDS);
typedef const cn_output_args *cn_outputs[CN_MAX_LIST];
#define CN_COMPILE_FIELDS(F)                                                                           \
    F(cn_optimizer, optimizer,        CN_RMSPROP, "how weights follow their gradients")                \
    F(cn_loss,      loss,             {0},        "of the one output")                                 \
    F(cn_metrics,   metrics,          {{0}},      "of the one output")                                 \
    F(cn_metrics,   weighted_metrics, {{0}},      "that count sample and class weights")               \
    F(cn_outputs,   outputs,          {0},        "one for each output, instead of loss and metrics")  \
    F(cn_word,      precision,        0,          "CN_MIXED_BFLOAT16: see below; default: as the layers say")
CN_DECLARE(CN_MUST_CHECK cn_status, cn_compile, cn_model *on;, CN_COMPILE_FIELDS);

/* .precision = CN_MIXED_BFLOAT16 gives every float32 layer Keras's policy mixed_bfloat16, as .dtype = CN_BFLOAT16 does for
   one: the operands of products are rounded to bfloat16, all sums, all other arithmetic, weights and results stay float32.
   (Keras also rounds what passes between layers.) The policy stays with the layers and goes into their file. */

/* ---- Fit, evaluate, predict -----------------------------------------------------------------------------------------

   cn_fit(m, x, y, .epochs = 5)          arrays           cn_fit(m, ds, .epochs = 5)          a data set
   cn_evaluate(m, x, y)                                   cn_evaluate(m, ds)                  then cn_result(m, "loss")
   cn_predict(m, x, &p)                                   cn_predict(m, ds, &p, &q)           new arrays; NULL on error
   x, y, sample weights: Keras's shapes. The last, smaller batch is used. Means over an epoch weigh samples, not
   batches. A sample of weight 0 counts for nothing, even where its target is not a number. A loss that is not finite
   ends cn_fit with CN_E_NUMERIC, which names the place where it arose, before anything is written. */
typedef cn_callback cn_callbacks[CN_MAX_LIST];
#define CN_FIT_FIELDS(F)                                                                               \
    F(int64_t,            epochs,           1,      "passes over the data")                            \
    F(int64_t,            batch_size,       32,     "samples to a step; the same total on any number of processes") \
    F(int64_t,            verbose,          0,      "1: a bar, 2: a line an epoch; to the log, else to stderr") \
    F(cn_callbacks,       callbacks,        {{0}},  "in this order")                                   \
    F(double,             validation_split, 0,      "the last share of the samples, before shuffling") \
    F(cn_dataset *,       validation_data,  NULL,   "a data set ...")                                  \
    F(const cn_array *,   validation_x,     NULL,   "... or arrays")                                   \
    F(const cn_array *,   validation_y,     NULL,   "with them")                                       \
    F(cn_flag,            shuffle,          CN_YES, "anew for each epoch")                             \
    F(const cn_values *,  class_weight,     NULL,   "CN_NUMBERS(1, 5): class 0 counts once, class 1 five times") \
    F(const cn_array *,   sample_weight,    NULL,   "(samples), or (samples, steps)")                  \
    F(int64_t,            initial_epoch,    0,      "to go on counting from")                          \
    F(int64_t,            steps_per_epoch,  0,      "0: all data")                                     \
    F(int64_t,            validation_steps, 0,      "0: all data")                                     \
    F(int64_t,            validation_freq,  1,      "every so many epochs")
#define CN_EVALUATE_FIELDS(F)                                                                          \
    F(int64_t,            batch_size,       32,     "samples at a time")                               \
    F(int64_t,            verbose,          0,      "as in cn_fit")                                    \
    F(const cn_array *,   sample_weight,    NULL,   "(samples), or (samples, steps)")                  \
    F(cn_callbacks,       callbacks,        {{0}},  "in this order")
#define CN_PREDICT_FIELDS(F)                                                                           \
    F(int64_t,            batch_size,       32,     "samples at a time")
#define CN_EXPLAIN_FIELDS(F)                                                                           \
    F(int64_t,            batch_size,       32,     "samples to a step")                               \
    F(cn_flag,            training,         0,      "CN_NO: of a prediction; default: of training where it is compiled")
#define CN_PROFILE_FIELDS(F)                                                                           \
    F(int64_t,            batch_size,       32,     "samples to a step")                               \
    F(int64_t,            steps,            50,     "under the clock; in those of training the model learns") \
    F(cn_flag,            training,         0,      "CN_NO: predictions; default: training where it is compiled") \
    F(cn_text,            svg,              NULL,   "a file for a chart: what layers and calls took, and would at best")
typedef cn_array **cn_array_outs[CN_MAX_LIST];
CN_DECLARE(CN_MUST_CHECK cn_status, cn_fit,      cn_model *on; const void *x; const cn_array *y;, CN_FIT_FIELDS);
CN_DECLARE(CN_MUST_CHECK cn_status, cn_evaluate, cn_model *on; const void *x; const cn_array *y;, CN_EVALUATE_FIELDS);
CN_DECLARE(CN_MUST_CHECK cn_status, cn_predict,  cn_model *on; const void *x; cn_array_outs y;, CN_PREDICT_FIELDS);
CN_API CN_MUST_CHECK cn_status cn_train_on_batch(cn_model *, const cn_array *x, const cn_array *y);   /* one step */
CN_API CN_MUST_CHECK cn_status cn_test_on_batch (cn_model *, const cn_array *x, const cn_array *y);   /* no step */

/* Where the time goes.

   cn_explain(m, .batch_size = 128)         what a step has to do, for data that need not be there
   cn_profile(m, x, y, .batch_size = 128)   what its calls took; cn_profile(m, x, NULL) for a prediction model

   Two strings: cn_string(a, 0) is a table for people, cn_string(a, 1) the same as JSON. For each call of a step: the
   layer it is for, the kernel that it got, how many tasks threads can share, how many operations and bytes it has to do
   (operations of composites by their decomposition), and how long this machine would need at best: multiply-adds in
   registers and memory of that size are measured in the same run, on all threads. cn_profile adds what it took, the
   rates, the share of that limit, and what stands between the calls. Also: which layers have no calls of their own,
   what was expanded for want of a kernel, and why. Operations count a multiply-add as two. */
CN_DECLARE(cn_array *, cn_explain, cn_model *on;, CN_EXPLAIN_FIELDS);
CN_DECLARE(cn_array *, cn_profile, cn_model *on; const void *x; const cn_array *y;, CN_PROFILE_FIELDS);

/* All that a training needs to go on to the same bits: weights, optimizer, random state, results. One taken within
   cn_fit (by a callback, the last in the list) holds the place in the data and what the callbacks remember, too: the next
   cn_fit with the same arguments goes on from there. cn_restore wants a model of the same shape, compiled in the same
   way; it takes everything or, with an error, leaves the weights as they are. */
CN_API cn_array *cn_snapshot(cn_model *);                                    /* bytes; yours */
CN_API CN_MUST_CHECK cn_status cn_restore(cn_model *, const cn_array *snapshot);

/* ---- Results: they stay with the model ------------------------------------------------------------------------------

   cn_result(m, "val_loss")     the latest: of the batch or epoch within a callback, of the last epoch after cn_fit, of
                                cn_evaluate. Names as in Keras: loss, the metrics', val_..., with several outputs
                                "price_loss"; if there is none NaN, and CN_E_NAME in the context
   cn_history(m, "loss", &n)    a number for each epoch of the latest cn_fit (of val_...: each that validated), until
                                the next one; NULL if there is none */
CN_API double        cn_result (const cn_model *, const char *name);
CN_API const char   *cn_result_name(const cn_model *, int i);                /* NULL after the last */
CN_API const double *cn_history(const cn_model *, const char *name, int64_t *epochs);

/* ---- Callbacks --------------------------------------------------------------------------------------------------- */
#define CN_MONITOR_FIELDS(F)                                                                           \
    F(cn_text, monitor,   "val_loss", "a result's name")                                               \
    F(cn_word, mode,      0,          "CN_MIN or CN_MAX; default: by the name")                        \
    F(double,  min_delta, 0,          "less is no improvement")
#define CN_EARLY_STOPPING_FIELDS(F)  CN_MONITOR_FIELDS(F)                                              \
    F(int64_t, patience,  0,          "epochs without improvement")                                    \
    F(int64_t, verbose,   0,          "1: say when it stops")                                          \
    F(double,  baseline,  0,          "to be beaten; 0: none")                                         \
    F(cn_flag, restore_best_weights, CN_NO, "those of the best epoch")                                 \
    F(int64_t, start_from_epoch,     0,     "warm up")
#define CN_CHECKPOINT_FIELDS(F)  CN_MONITOR_FIELDS(F)                                                  \
    F(cn_flag, save_best_only,    CN_NO,    "only when the result improved")                           \
    F(cn_flag, save_weights_only, CN_NO,    "the path must end in .weights.h5")                        \
    F(int64_t, save_freq,         0,        "every so many batches; 0: every epoch")                   \
    F(int64_t, verbose,           0,        "1: say what it saves")                                    \
    F(double,  initial_value_threshold, 0,  "to be beaten by the first; 0: none")
#define CN_PLATEAU_FIELDS(F)                                                                           \
    F(cn_text, monitor,   "val_loss", "a result's name")                                               \
    F(cn_word, mode,      0,          "CN_MIN or CN_MAX; default: by the name")                        \
    F(double,  min_delta, 1e-4,       "less is no improvement")                                        \
    F(double,  factor,    0.1,        "the learning rate is multiplied by")                            \
    F(int64_t, patience,  10,         "epochs without improvement")                                    \
    F(int64_t, verbose,   0,          "1: say when it changes")                                        \
    F(int64_t, cooldown,  0,          "epochs to wait after a change")                                 \
    F(double,  min_lr,    0,          "not below")
typedef double (*cn_lr_fn)(int64_t epoch, double learning_rate, void *user);                 /* the new one */
#define CN_SCHEDULER_REQUIRED(F)   F(cn_lr_fn, schedule, NULL, "called before each epoch")
#define CN_CSV_LOGGER_REQUIRED(F)  F(cn_text, filename, NULL, "of the file")
#define CN_CHECKPOINT_REQUIRED(F)  F(cn_text, filepath, NULL, "\"{epoch:02d}-{loss:.2f}.keras\"")
#define CN_BACKUP_REQUIRED(F)      F(cn_text, backup_dir, NULL, "on disk; written when stopped, too")
#define CN_SCHEDULER_FIELDS(F)                                                                         \
    F(void *,  user,      NULL,       "yours")                                                         \
    F(int64_t, verbose,   0,          "1: say what it sets")
#define CN_TERMINATE_FIELDS(F)                                                                         \
    F(cn_flag, raise_error, CN_YES,   "CN_NO: cn_fit ends with CN_OK")
#define CN_BACKUP_FIELDS(F)                                                                            \
    F(int64_t, save_freq,         0,      "every so many batches; 0: every epoch")                     \
    F(cn_flag, delete_checkpoint, CN_YES, "once the training is through")                              \
    F(cn_flag, double_checkpoint, CN_NO,  "keeps the one before, too, and takes it where the last cannot be read")
#define CN_CSV_LOGGER_FIELDS(F)                                                                        \
    F(cn_text, separator, ",",        "one character")                                                 \
    F(cn_flag, append,    CN_NO,      "to the file that is there")
/* Keras's own history is cn_history. A loss that is not finite ends cn_fit in any case; cn_terminate_on_nan says so in
   Keras's words and chooses the status.

   cn_model_checkpoint saves by cn_save, the format by the path's ending: .keras or .h5, with save_weights_only
   .weights.h5. In braces stand epoch, batch (with save_freq) or a result, in Python's format: {epoch:02d}, {loss:.2f}.

   cn_backup_and_restore keeps a snapshot in a file of the folder: a cn_fit that was killed and is called again with the
   same arguments goes on from the latest and ends in the same bits, history and other callbacks included. It is written
   when a callback returns CN_E_STOPPED, too. One that cannot be written ends cn_fit with CN_E_IO; the one before stays.
   A damaged one is CN_E_FORMAT. Hooks that were called before are not called again. */
CN_DECLARE(cn_callback, cn_early_stopping,          , CN_EARLY_STOPPING_FIELDS);
CN_DECLARE(cn_callback, cn_model_checkpoint,        CN_CHECKPOINT_REQUIRED(CN_MEMBER), CN_CHECKPOINT_FIELDS);
CN_DECLARE(cn_callback, cn_learning_rate_scheduler, CN_SCHEDULER_REQUIRED(CN_MEMBER), CN_SCHEDULER_FIELDS);
CN_DECLARE(cn_callback, cn_reduce_lr_on_plateau,    , CN_PLATEAU_FIELDS);
CN_DECLARE(cn_callback, cn_backup_and_restore,      CN_BACKUP_REQUIRED(CN_MEMBER), CN_BACKUP_FIELDS);
CN_DECLARE(cn_callback, cn_csv_logger,              CN_CSV_LOGGER_REQUIRED(CN_MEMBER), CN_CSV_LOGGER_FIELDS);
CN_DECLARE(cn_callback, cn_terminate_on_nan,        , CN_TERMINATE_FIELDS);

/* Your own: cn_lambda_callback(.on_epoch_end = f, .user = &mine). A function gets the event and user, and returns
   CN_OK, or another status to end the training with it (see cn_fail). All are called on cn_fit's thread. */
typedef struct cn_event {
    uint32_t  size;                          /* sizeof, as the library knows it */
    cn_ctx   *ctx;
    cn_model *model;                         /* cn_result(e->model, "loss") */
    int64_t   epoch, batch, step;            /* from 0; step counts batches over all epochs */
} cn_event;
typedef cn_status (*cn_hook)(const cn_event *, void *user);
#define CN_LAMBDA_FIELDS(F)                                                                            \
    F(cn_hook, on_train_begin,       NULL, "once")                                                     \
    F(cn_hook, on_train_end,         NULL, "once")                                                     \
    F(cn_hook, on_epoch_begin,       NULL, "each epoch")                                               \
    F(cn_hook, on_epoch_end,         NULL, "each epoch, after the validation")                         \
    F(cn_hook, on_train_batch_begin, NULL, "each step")                                                \
    F(cn_hook, on_train_batch_end,   NULL, "each step")                                                \
    F(cn_hook, on_test_batch_end,    NULL, "each step of an evaluation")                               \
    F(void *,  user,                 NULL, "yours")
CN_DECLARE(cn_callback, cn_lambda_callback, , CN_LAMBDA_FIELDS);

CN_API void      cn_stop_training(cn_model *);                             /* after this step, CN_OK; from any thread */
CN_API double    cn_learning_rate(const cn_model *);
CN_API CN_MUST_CHECK cn_status cn_set_learning_rate(cn_model *, double);

/* ---- Watches: any value inside, while it runs -----------------------------------------------------------------------

   cn_watch_on(m, "dense/output")                        (B, units), as the layer gives it
   cn_watch_on(m, "dense/output", .gradient = CN_YES)    d loss / d of it
   cn_watch_on(m, "dense/kernel", .gradient = CN_YES, .reduce = CN_NORM, .keep_axes = { 1 })
   A layer's "input", "output" and weights can be watched, of its first call if it is shared. Gradients are there in
   training only. A watch counts for every cn_fit, cn_evaluate, cn_predict and cn_train_on_batch that begins after it;
   plans are then made anew, with the value kept. It costs a copy every .every steps. */
#define CN_WATCH_FIELDS(F)                                                                             \
    F(cn_flag, gradient,  CN_NO, "of the loss by the value")                                           \
    F(cn_word, reduce,    0,     "CN_NORM, CN_MIN, CN_MAX, CN_AVE, CN_SUM; default: the whole value")  \
    F(cn_dims, keep_axes, {0},   "that are not reduced; the batch is CN_AXIS0")                        \
    F(int64_t, every,     1,     "steps")
CN_DECLARE(cn_watch *, cn_watch_on, cn_model *on; cn_text path;, CN_WATCH_FIELDS);
CN_API const cn_array *cn_watch_value(const cn_watch *);                  /* of the latest step; valid until the next */

#if !defined __cplusplus && !defined CN_NO_MACROS
#define cn_compile(...)               CN_CALL(cn_compile, __VA_ARGS__)
#define cn_output(...)                (&(cn_output_args){ .head = CN_HEAD(cn_output_args), __VA_ARGS__ })
#define CN_ON_DATA(f, ...)            (f)(CN_IS_DATA(CN_SECOND(__VA_ARGS__)) ? \
                                          &(f##_args){ .head = CN_HEAD(f##_args), __VA_ARGS__ } : NULL)
#define cn_fit(...)                   CN_ON_DATA(cn_fit, __VA_ARGS__)
#define cn_evaluate(...)              CN_ON_DATA(cn_evaluate, __VA_ARGS__)
#define cn_profile(...)               CN_ON_DATA(cn_profile, __VA_ARGS__)
#define cn_explain(...)               CN_CALL(cn_explain, __VA_ARGS__)
#define cn_predict(m, data, ...)      (cn_predict)(&(cn_predict_args){ .head = CN_HEAD(cn_predict_args), .on = (m), \
                                          .x = CN_IS_DATA(data) ? (data) : NULL, .y[0] = __VA_ARGS__ })
#define cn_early_stopping(...)        CN_CALL(cn_early_stopping, __VA_ARGS__)
#define cn_model_checkpoint(...)      CN_CALL(cn_model_checkpoint, __VA_ARGS__)
#define cn_reduce_lr_on_plateau(...)  CN_CALL(cn_reduce_lr_on_plateau, __VA_ARGS__)
#define cn_learning_rate_scheduler(...) CN_CALL(cn_learning_rate_scheduler, __VA_ARGS__)
#define cn_backup_and_restore(...)    CN_CALL(cn_backup_and_restore, __VA_ARGS__)
#define cn_csv_logger(...)            CN_CALL(cn_csv_logger, __VA_ARGS__)
#define cn_terminate_on_nan(...)      CN_CALL(cn_terminate_on_nan, __VA_ARGS__)
#define cn_lambda_callback(...)       CN_CALL(cn_lambda_callback, __VA_ARGS__)
#define cn_watch_on(...)              CN_CALL(cn_watch_on, __VA_ARGS__)
#endif
#endif
