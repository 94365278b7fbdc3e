/* ours.c: Cornu among its peers, through the public interface. usage: ours THREADS   (see turns.h) */
#include "../workloads.h"
#include "turns.h"

static cn_ctx         *ctx;
static cn_model       *model;
static cn_runner      *runner;
static const workload *work;
static cn_array       *x, *y;
static int64_t         outputs_of_one;
static int64_t         threads;

static cn_status save(const cn_array *a, const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.npy", folder, name);
    return cn_array_save(a, path);
}

/* What the others are to begin with. */
static cn_status save_all(const char *folder)
{
    cn_status failed = save(x, folder, "x");
    if (!failed && y) failed = save(y, folder, "y");
    for (int i = 0; !failed && cn_weight_path(model, i); i++) {
        char      name[16];
        cn_array *w = cn_get_weight(model, cn_weight_path(model, i));
        snprintf(name, sizeof name, "w%03d", i);
        failed = save(w, folder, name);
        cn_free(w);
    }
    return failed;
}

static const char *begin(const char *folder, const char *name)
{
    work = find_workload(name);
    if (!work) return "no such workload";
    cn_close(ctx);
    ctx = cn_open(.threads = threads);
    model = network(ctx, work);
    runner = NULL, y = NULL;
    if (work->batch) {
        x = inputs(ctx, work), y = targets(ctx, work);
        return prepare(model, work) || save_all(folder) ? cn_error_message(ctx) : NULL;
    }
    x = cn_array_from(ctx, {1, work->size[0]}, NULL);
    float *p = cn_mutable(x);
    for (int64_t i = 0; p && i < work->size[0]; i++) p[i] = (float)(i % 17) * 0.05f;
    runner = cn_prepare(model, .threads = threads);
    outputs_of_one = cn_size_of(cn_runner_output(runner, 0), 1);
    return cn_error(runner) || save_all(folder) ? cn_error_message(ctx) : NULL;
}

static int64_t predict(int64_t times)
{
    static float out[1024];
    for (int64_t i = 0; i < times; i++)
        if (cn_predict_into(runner, cn_float32(x), (size_t)work->size[0], out, (size_t)outputs_of_one)) return 0;
    return times;
}

static int64_t run(int64_t times)
{
    if (runner) return predict(times);
    if (cn_fit(model, x, y, .epochs = times, .batch_size = work->batch)) return 0;
    return times * (work->rows / work->batch);
}

static int64_t check(double *numbers, int64_t most)
{
    int64_t n = 0;
    if (runner) {
        const float *out = cn_float32(cn_runner_output(runner, 0));
        for (predict(1); n < outputs_of_one && n < most; n++) numbers[n] = (double)out[n];
        return n;
    }
    int64_t       rows = work->rows < 4 * work->batch ? work->rows : 4 * work->batch;
    const double *losses = NULL;
    if (!cn_fit(model, cn_slice(x, 0, 0, rows), cn_slice(y, 0, 0, rows), .epochs = 100 * work->batch / rows,
                .batch_size = work->batch, .shuffle = CN_NO))
        losses = cn_history(model, "loss", &n);
    for (int64_t i = 0; losses && i < n && i < most; i++) numbers[i] = losses[i];
    return n < most ? n : most;
}

int main(int argc, char **argv)
{
    static const participant self = { begin, check, run };
    char version[64];
    threads = argc > 1 ? atoi(argv[1]) : 1;
    snprintf(version, sizeof version, "Cornu %d.%d.%d", CN_VERSION_MAJOR, CN_VERSION_MINOR, CN_VERSION_PATCH);
    take_turns(version, &self);
    return cn_close(ctx);
}
