/* fit.c: cornu fit: goes on with the training of a compiled model from a file. */
#include "json.h"
#include "model_data.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_CLASSES = 1 << 20 };

/* {"0": 1.5, "2": 3}: a factor for each class; those that are not named keep 1. Value: 0, or the exit code. */
static int read_class_weight(const verb *v, const char *text, cn_values *to)
{
    const char *end = json_end(text), *key, *value;
    double     *factor = NULL;
    size_t      n = 0;
    if (!end || end[strspn(end, " \t\r\n")] || !json_key(text, 0))
        return usage_error(v, "--class-weight: an object of classes and factors is expected, such as "
                              "'{\"0\": 1, \"1\": 2.5}'");
    for (int i = 0; (key = json_key(text, i)) && (value = json_item(text, i)); i++) {
        char  *key_end, *value_end;
        long   class = strtol(key, &key_end, 10);
        double w = strtod(value, &value_end);
        if (key_end == key || *key_end || class < 0 || class >= MOST_CLASSES)
            return usage_error(v, "--class-weight: \"%s\" is no number of a class", key);
        if (value_end != json_end(value) || !isfinite(w) || w < 0)
            return usage_error(v, "--class-weight: the factor of class %ld is not a number of 0 or more", class);
        if ((size_t)class >= n) {
            double *more = need((size_t)class + 1, sizeof *more);
            for (size_t k = 0; k <= (size_t)class; k++) more[k] = k < n ? factor[k] : 1;
            drop(factor);
            factor = more, n = (size_t)class + 1;
        }
        factor[class] = w > 0 ? w : CN_ZERO;
    }
    *to = (cn_values){ CN_FLOAT64, n, factor };
    return 0;
}

/* Before hours of training: can what comes of it be kept? */
static int check_targets(const verb *v, const settings *s)
{
    if (s->out && !can_be_saved(s->out, false))
        return usage_error(v, "--out %s: its ending names no format; .keras is Keras's own", s->out);
    if (s->save_weights && !can_be_saved(s->save_weights, true))
        return usage_error(v, "--save-weights %s: weights are written to .npz or .weights.h5", s->save_weights);
    const char *const files[] = { s->out, s->save_weights, s->history_json };
    for (int i = 0; i < 3; i++) {
        const char *slash = files[i] ? strrchr(files[i], '/') : NULL;
        const char *folder = slash ? print_to("%.*s", (int)(slash - files[i]) + 1, files[i]) : ".";
        if (files[i] && access(folder, W_OK)) {
            fprintf(stderr, "cornu: %s: its folder %s: %s\n", files[i], folder, strerror(errno));
            return EXIT_FAILED;
        }
    }
    return 0;
}

/* {"loss": [0.5, 0.4], ...}: a number for each epoch, as Keras's history.history. */
static cn_status write_history(cn_ctx *c, cn_model *m, const char *path)
{
    FILE       *f = fopen(path, "w");
    const char *name, *before = "{";
    if (!f) return cn_fail(c, CN_E_IO, print_to("%s: %s.", path, strerror(errno)));
    for (int i = 0; (name = cn_result_name(m, i)); i++) {
        int64_t n;
        const double *value = cn_history(m, name, &n);
        if (!value) continue;
        fprintf(f, "%s\"%s\": [", before, name), before = ", ";
        for (int64_t k = 0; k < n; k++) fputs(k ? ", " : "", f), print_json_number(f, value[k]);
        putc(']', f);
    }
    fprintf(f, "%s}\n", *before == '{' ? "{" : "");
    bool bad = ferror(f) != 0;
    return fclose(f) || bad ? cn_fail(c, CN_E_IO, print_to("%s: could not be written whole.", path)) : CN_OK;
}

static cn_status save(const model_facts *f, const settings *s)
{
    cn_status failed = s->history_json ? write_history(f->ctx, f->m, s->history_json) : CN_OK;
    if (!failed && s->save_weights) failed = cn_save(f->m, s->save_weights);
    if (!failed && s->out) failed = cn_save(f->m, s->out);
    return failed;
}

static cn_status train(const model_facts *f, const settings *s, const cn_values *class_weight)
{
    samples   d;
    cn_array *weight = s->sample_weight ? cn_array_from_npy(f->ctx, s->sample_weight) : NULL;
    if (weight && cn_error(weight)) return cn_error(weight);
    if (!f->compiled)
        return cn_fail(f->ctx, CN_E_STATE, print_to("%s was not compiled when it was saved, there is no training to go "
                                                    "on with.", s->model));
    cn_status failed = read_pairs(&d, f, s);
    if (failed) return failed;
    cn_dataset *data = dataset_of(&d, f->ctx, weight);
    return cn_fit(f->m, data, .epochs = s->epochs ? s->epochs : 1, .batch_size = batch_of(f, s, 32),
                  .shuffle = s->no_shuffle ? CN_NO : CN_YES, .class_weight = class_weight->count ? class_weight : NULL,
                  .verbose = s->quiet ? 0 : 2);
}

static int run(const verb *v, settings *s)
{
    model_facts f;
    cn_values   class_weight = { 0 };
    if (!s->x.n || !s->y.n) return usage_error(v, "%s is missing", s->x.n ? "--y" : "--x");
    int wrong = s->class_weight ? read_class_weight(v, s->class_weight, &class_weight) : 0;
    if (!wrong) wrong = check_targets(v, s);
    if (wrong) return wrong;
    cn_ctx   *c = cn_open(.seed = s->seed ? s->seed : INT64_MAX, .threads = s->threads, .log = { cn_log_stderr, NULL },
                          .log_level = s->quiet ? CN_LOG_WARNING : CN_LOG_PROGRESS);
    cn_status failed = load_model(&f, c, s, CN_YES);
    if (!failed) failed = train(&f, s, &class_weight);
    if (!failed) failed = save(&f, s);
    if (!failed && !s->out && !s->save_weights && !s->quiet)
        fprintf(stderr, "Nothing of what was learnt is kept; --out MODEL saves it.\n");
    return end(c, failed);
}

static const option_row options[] = {
    { "--x", "X.npy", OPTION_TEXTS, offsetof(settings, x), 0, 0, "inputs; again for more inputs, in their order" },
    { "--y", "Y.npy", OPTION_TEXTS, offsetof(settings, y), 0, 0, "targets; again for more outputs" },
    { "--epochs", "N", OPTION_WHOLE, offsetof(settings, epochs), 1, 1e9, "passes over the data; default 1" },
    { "--batch-size", "N", OPTION_WHOLE, offsetof(settings, batch_size), 1, 1e9, "samples to a step; default 32" },
    { "--no-shuffle", NULL, OPTION_FLAG, offsetof(settings, no_shuffle), 0, 0, "samples in their order" },
    { "--sample-weight", "W.npy", OPTION_TEXT, offsetof(settings, sample_weight), 0, 0, "how much each sample counts" },
    { "--class-weight", "JSON", OPTION_TEXT, offsetof(settings, class_weight), 0, 0,
      "how much each class counts: '{\"0\": 1, \"1\": 2.5}'" },
    { "--out", "MODEL", OPTION_TEXT, offsetof(settings, out), 0, 0, "saves what was learnt" },
    { "--save-weights", "FILE.npz", OPTION_TEXT, offsetof(settings, save_weights), 0, 0,
      "the weights alone: w000, w001 ... in Keras's order" },
    { "--history-json", "FILE", OPTION_TEXT, offsetof(settings, history_json), 0, 0,
      "loss and metrics, a number for each epoch" },
    WEIGHTS_OPTION,
    { "--seed", "N", OPTION_WHOLE, offsetof(settings, seed), 0, 9007199254740992.0,
      "the same seed gives the same numbers; default 1" },
    THREADS_OPTION,
    { "--quiet", NULL, OPTION_FLAG, offsetof(settings, quiet), 0, 0, "no progress" },
    { 0 }
};
const verb fit_verb = {
    "fit",
    "MODEL",
    "Goes on with the training of a model from a file, on arrays.\n"
    "Weights, optimizer and random streams are as they were when the compiled model was saved.",
    "  cornu fit m.keras --x x.npy --y y.npy --epochs 5 --out m.keras\n"
    "  cornu fit m.keras --x a.npy --x b.npy --y c.npy --no-shuffle --history-json h.json --save-weights w.npz\n",
    1,
    1,
    options,
    run,
    { offsetof(settings, model) }
};
