/* cornu/run.h: prediction in real time, in many threads.

   cn_prepare does all that costs time: it plans for the shapes given, allocates, warms up. From then on cn_run and
   cn_predict_into allocate nothing, lock nothing, call no system, and take the same time each time.
   Two exceptions: the first run after a training packs the new weights, under a lock; with .threads above 1 the helpers
   go to sleep when nothing comes for a while, and waking them takes a lock and a call of the system.
   A model may have any number of runners; each belongs to one thread at a time, none of them waits for another. Make
   and free runners on the context's thread, run them on any. A model that learns has that time for itself: no runner of
   it, or of one that shares its weights, may run in another thread meanwhile. The next run sees the new weights.
   A runner has an error of its own, cn_error(r), for its thread; the context sees it too. */
#ifndef CN_RUN_H
#define CN_RUN_H
#include "train.h"

typedef cn_dims cn_shapes[CN_MAX_IO];
#define CN_PREPARE_FIELDS(F)                                                                           \
    F(cn_shapes, shapes,   {{0}}, "of each input, with the batch: {{1, 64, 1}}; default: one sample")  \
    F(int64_t,   threads,  1,     "more: the context's team helps; then one runner at a time, not in real time")
CN_DECLARE(cn_runner *, cn_prepare, cn_model *on;, CN_PREPARE_FIELDS);

/* cn_predict_into(r, in, 64, out, 64): copies in, runs, copies out; counts in numbers, which must be those of the
   shapes; out may be in. With several inputs or outputs, or to spare the copies: write to the inputs, cn_run, read the
   outputs. These arrays are the runner's, stay where they are, and have the types of the model's inputs and outputs:
       float *in = cn_mutable(cn_runner_input(r, 0));  const float *out = cn_float32(cn_runner_output(r, 0)); */
CN_API CN_MUST_CHECK cn_status cn_predict_into(cn_runner *, const void *x, size_t x_count, void *y, size_t y_count);
CN_API CN_MUST_CHECK cn_status cn_run(cn_runner *);
CN_API cn_array       *cn_runner_input (cn_runner *, int i);
CN_API const cn_array *cn_runner_output(const cn_runner *, int i);

/* cn_feed: an array to input i. cn_pass: an output to an input; both may be the same runner's. cn_feed_from: samples to
   all inputs, then targets to those that follow, from number first on; gives how many there were, less than a batch at
   the end. */
CN_API CN_MUST_CHECK cn_status cn_feed(cn_runner *, int i, const cn_array *);
CN_API CN_MUST_CHECK cn_status cn_pass(cn_runner *to, int input, cn_runner *from, int output);
CN_API int64_t                 cn_feed_from(cn_runner *, cn_dataset *, int64_t first);

#if !defined __cplusplus && !defined CN_NO_MACROS
#define cn_prepare(...)  CN_CALL(cn_prepare, __VA_ARGS__)
#endif
#endif
