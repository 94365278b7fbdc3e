/* explain.c: cornu explain and cornu profile: what a step of a model has to do, and where its time goes. */
#include "model_data.h"

/* 0, or the exit code. */
static int check_mode(const verb *v, const settings *s)
{
    return s->training && s->prediction ? usage_error(v, "--training and --prediction exclude each other") : 0;
}

static cn_flag mode_of(const settings *s) { return s->training ? CN_YES : s->prediction ? CN_NO : 0; }

static cn_status tell(cn_array *a, const settings *s)
{
    if (!cn_error(a)) fputs(cn_string(a, s->json), stdout);
    return cn_error(a);
}

/* ---- explain ----------------------------------------------------------------------------------------------------- */
static int run_explain(const verb *v, settings *s)
{
    cn_model *m;
    int wrong = check_mode(v, s);
    if (wrong) return wrong;
    cn_ctx   *c = cn_open(.threads = s->threads, .log = { cn_log_stderr, NULL }, .log_level = CN_LOG_WARNING);
    cn_status failed = open_model(&m, c, s, CN_YES);
    if (!failed)
        failed = tell(cn_explain(m, .batch_size = s->batch_size ? s->batch_size : 32, .training = mode_of(s)), s);
    return end(c, failed);
}

#define MODE_OPTIONS                                                                                                  \
    { "--training", NULL, OPTION_FLAG, offsetof(settings, training), 0, 0, "of training; default where compiled" },   \
    { "--prediction", NULL, OPTION_FLAG, offsetof(settings, prediction), 0, 0, "a prediction" }
static const option_row explain_options[] = {
    MODE_OPTIONS,
    BATCH_OPTION,
    THREADS_OPTION,
    { "--json", NULL, OPTION_FLAG, offsetof(settings, json), 0, 0, "as one JSON object" },
    { 0 }
};
const verb explain_verb = {
    "explain",
    "MODEL",
    "Shows what a step of a model has to do: which kernel each part got, operations, bytes, time at best.\n"
    "The time at best is that of this machine's multiply-adds and memory, measured in the same run.",
    "  cornu explain m.keras\n"
    "  cornu explain m.keras --batch-size 128 --training\n"
    "  cornu explain m.keras --prediction --batch-size 1 --json\n",
    1,
    1,
    explain_options,
    run_explain,
    { offsetof(settings, model) }
};

/* ---- profile ----------------------------------------------------------------------------------------------------- */
static cn_status measure(model_facts *f, const settings *s)
{
    samples   d;
    bool      trains = s->training || (f->compiled && !s->prediction);
    cn_status failed = CN_OK;
    if (trains && !f->compiled)
        failed = cn_fail(f->ctx, CN_E_STATE, print_to("%s was not compiled when it was saved, there is no training to "
                                                      "look at.", s->model));
    if (!failed) failed = trains ? read_pairs(&d, f, s) : read_inputs(&d, f, s);
    if (failed) return failed;
    cn_dataset *data = dataset_of(&d, f->ctx, NULL);
    return tell(cn_profile(f->m, data, .batch_size = batch_of(f, s, 32), .steps = s->steps ? s->steps : 50,
                           .training = trains ? CN_YES : CN_NO, .svg = s->svg), s);
}

static int run_profile(const verb *v, settings *s)
{
    model_facts f;
    int wrong = check_mode(v, s);
    if (wrong) return wrong;
    if (s->data ? s->x.n || s->y.n : !s->x.n)
        return usage_error(v, "DATA, or --x with --y, is what the steps are made of");
    if (s->y.n && s->prediction) return usage_error(v, "a prediction takes no --y");
    if (s->svg && !ends(s->svg, ".svg")) return usage_error(v, "--svg %s: the name has to end in .svg", s->svg);
    cn_ctx   *c = cn_open(.threads = s->threads, .log = { cn_log_stderr, NULL }, .log_level = CN_LOG_WARNING);
    cn_status failed = load_model(&f, c, s, CN_YES);
    if (!failed) failed = measure(&f, s);
    return end(c, failed);
}

static const option_row profile_options[] = {
    { "--target", "COLUMN", OPTION_TEXT, offsetof(settings, target), 0, 0,
      "of a table: the answers; a name, or a number from 0; default: the last" },
    { "--x", "X.npy", OPTION_TEXTS, offsetof(settings, x), 0, 0, "an array instead of DATA; again for more inputs" },
    { "--y", "Y.npy", OPTION_TEXTS, offsetof(settings, y), 0, 0, "its targets; again for more outputs" },
    CLASSES_OPTION,
    SCALE_OPTION,
    MODE_OPTIONS,
    { "--steps", "N", OPTION_WHOLE, offsetof(settings, steps), 1, 1e6, "under the clock; default 50" },
    BATCH_OPTION,
    WEIGHTS_OPTION,
    THREADS_OPTION,
    { "--svg", "FILE.svg", OPTION_TEXT, offsetof(settings, svg), 0, 0, "draws what layers and calls took" },
    { "--json", NULL, OPTION_FLAG, offsetof(settings, json), 0, 0, "as one JSON object" },
    { "--quiet", NULL, OPTION_FLAG, offsetof(settings, quiet), 0, 0, "says nothing about the data" },
    { 0 }
};
const verb profile_verb = {
    "profile",
    "MODEL DATA",
    "Measures where the time of a step goes, call by call and layer by layer, and what share of the limit it is.\n"
    "The model learns in the steps of training, the file stays as it is. DATA: as for `cornu evaluate`; for a\n"
    "prediction as for `cornu predict`.",
    "  cornu profile iris.keras iris.csv --target species\n"
    "  cornu profile digits.keras mnist --batch-size 128 --svg digits.svg\n"
    "  cornu profile m.keras --x x.npy --y y.npy --steps 200 --json\n",
    1,
    2,
    profile_options,
    run_profile,
    { offsetof(settings, model), offsetof(settings, data) }
};
