/* train.c: cornu train: works out the problem, sizes a network, trains it, says how well it does. */
#include "training.h"
#include "model_data.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- Options that need more than their table --------------------------------------------------------------------- */
static int parse_hidden(const verb *v, settings *s)      /* "128,64"; "0": none */
{
    const char *p = s->hidden_text;
    for (int n = 0; p && *p; n++) {
        char *end;
        errno = 0;
        long units = strtol(p, &end, 10);
        if (n == CN_ADVICE_LAYERS) return usage_error(v, "--hidden: %d layers at most", CN_ADVICE_LAYERS);
        if (end == p || (*end && *end != ',') || errno || units < 0 || units > 1 << 20 || (!units && (n || *end)) ||
            (*end == ',' && !end[1]))
            return usage_error(
                v, "--hidden: \"%s\" is not a list of layer sizes such as 128,64 (0 alone: no hidden layer)",
                s->hidden_text);
        s->hidden[n] = units;
        p = *end ? end + 1 : end;
    }
    return 0;
}

/* One of a family's names, so that a misspelling is wrong usage and not a failed training. */
static int check_name(const verb *v, cn_ctx *c, const char *option, const char *family, const char *name)
{
    cn_array *a = cn_catalog(c, family);
    bool      found = !name;
    for (int64_t i = 0; name && i < cn_size_of(a, 0); i++)
        found |=
            !*cn_string(a, 4 * i + 1) && (!strcmp(cn_string(a, 4 * i), name) ||
                                          strstr(print_to(" %s ", cn_string(a, 4 * i + 2)), print_to(" %s ", name)));
    cn_free(a);
    return found ? 0
                 : usage_error(v, "%s: there is no \"%s\"; `cornu list %s` shows what there is", option, name, family);
}

static int check_task(const verb *v, const char *task)
{
    for (int i = CN_REGRESSION; i <= CN_MANY_CLASSES; i++)
        if (!task || !strcmp(cn_task_name((cn_task)i), task)) return 0;
    return usage_error(v, "--task: \"%s\" is none of regression, binary, multiclass", task);
}

/* ---- The network ------------------------------------------------------------------------------------------------- */
static void take_hidden(cn_advice *a, const settings *s)
{
    int64_t in = a->inputs;
    size_t  end = strlen(a->why);
    memcpy(a->hidden, s->hidden, sizeof a->hidden);
    a->parameters = 0;
    for (int i = 0; i < CN_ADVICE_LAYERS && a->hidden[i]; i++)
        a->parameters += (in + 1) * a->hidden[i], in = a->hidden[i];
    a->parameters += (in + 1) * a->outputs;
    while (end > 1 && a->why[end - 2] != '\n') end--;    /* the last line of the advice is on the hidden layers */
    snprintf(a->why + end - 1, sizeof a->why - end + 1, "Hidden layers as you asked: %s.\n", s->hidden_text);
}

static void take_settings(cn_advice *a, const settings *s)
{
    if (s->hidden_text) take_hidden(a, s);
    if (s->activation) a->activation = (cn_act){ s->activation };
    if (s->epochs) a->epochs = s->epochs;
    if (s->batch_size) a->batch_size = s->batch_size;
    if (s->learning_rate > 0) a->learning_rate = s->learning_rate;
}

/* Standardised inputs, the advised layers, and for numbers the way back to the target's own units: so the loss, the
   metrics and what is predicted all are in these, and the penalty on the weights is scaled along with the loss. */
static cn_status build(training *t)
{
    problem  *p = &t->p;
    cn_advice a = p->advice;
    size_t    d = (size_t)a.inputs;
    if (p->pictures) {
        CN_ARGS(cn_sequential, g);
        g.on = p->ctx;
        for (int k = 1; k < cn_rank_of(p->train.x); k++) g.input_shape[k - 1] = cn_size_of(p->train.x, k);
        t->m = (cn_sequential)(&g);
        cn_rescaling(t->m, 1.0 / 255);
        if (cn_rank_of(p->train.x) > 2) cn_flatten(t->m);
    } else {
        t->m = cn_sequential(p->ctx, {a.inputs}, .name = "network");
        cn_normalization(t->m, .mean = CN_BUFFER(p->mean, d), .variance = CN_BUFFER(p->variance, d));
    }
    a.l2 *= p->target_scale * p->target_scale;
    cn_status failed = cn_add_advised(t->m, &a);
    if (!failed && is_regression(t)) cn_rescaling(t->m, p->target_scale, .offset = p->target_mean);
    return failed ? failed : cn_error(t->m);
}

/* The network behind what makes its inputs of a table's columns: a model that takes raw rows. */
static cn_model *whole(const training *t)
{
    CN_ARGS(cn_functional, g);
    if (!t->p.features) return t->m;
    for (int i = 0; i < t->p.columns; i++) g.inputs[i] = cn_model_input(t->p.features, i);
    g.outputs[0] = cn_call(t->m, cn_model_output(t->p.features, 0));
    return (cn_functional)(&g);
}

static cn_status compile(const training *t, cn_model *m)
{
    cn_optimizer optimizer = { t->s->optimizer ? t->s->optimizer : "adam" };
    cn_status failed = is_regression(t) ? cn_compile(m, .optimizer = optimizer, .loss = t->p.advice.loss,
                                                     .metrics = { CN_METRIC_MAE, CN_METRIC_MSE },
                                                     .precision = t->s->mixed ? CN_MIXED_BFLOAT16 : 0)
                                        : cn_compile(m, .optimizer = optimizer, .loss = t->p.advice.loss,
                                                     .metrics = { t->p.advice.metric },
                                                     .precision = t->s->mixed ? CN_MIXED_BFLOAT16 : 0);
    if (failed || (t->s->optimizer && !(t->s->learning_rate > 0))) return failed;    /* a chosen optimizer's own rate */
    return cn_set_learning_rate(m, t->p.advice.learning_rate);
}

static cn_status tell(const cn_event *e, void *user)
{
    training *t = user;
    double    at = now();
    t->epochs = e->epoch + 1;
    if (t->s->quiet || at - t->told < (isatty(2) ? 0.2 : 2)) return CN_OK;
    t->told = at;
    fprintf(stderr, "%sepoch %lld of at most %lld: loss %.4g, validation %.4g%s", isatty(2) ? "\r" : "",
            (long long)t->epochs, (long long)t->p.advice.epochs, cn_result(e->model, "loss"),
            cn_result(e->model, "val_loss"), isatty(2) ? "   " : "\n");
    return CN_OK;
}

/* As it is now it can be trained on, in the steps that the training ended with. */
static cn_status save(const training *t)
{
    cn_model *m = whole(t);
    cn_status failed = cn_error(m);
    if (!failed && m != t->m) failed = compile(t, m);
    if (!failed && m != t->m) failed = cn_set_learning_rate(m, cn_learning_rate(t->m));
    if (!failed) failed = cn_save(m, t->s->out);
    if (m != t->m) cn_free(m);
    return failed;
}

static cn_status train(training *t)
{
    const cn_advice *a = &t->p.advice;
    double           start = now();
    t->told = start;
    cn_status failed =
        cn_fit(t->m, t->p.train.x, t->p.train.y, .epochs = a->epochs, .batch_size = a->batch_size,
               .validation_x = t->p.validation.x, .validation_y = t->p.validation.y,
               .callbacks = { cn_early_stopping(.patience = a->patience, .restore_best_weights = CN_YES),
                              cn_reduce_lr_on_plateau(.patience = (a->patience + 1) / 3, .factor = 0.4, .min_lr = 1e-6),
                              cn_lambda_callback(.on_epoch_end = tell, .user = t) });
    t->seconds = now() - start;
    if (!t->s->quiet && isatty(2)) fprintf(stderr, "\r%70s\r", "");
    if (failed) return failed;
    int64_t n = 0;
    const double *loss = cn_history(t->m, "val_loss", &n);
    for (int64_t i = 1; i < n; i++)
        if (loss[i] < loss[t->best]) t->best = i;
    return CN_OK;
}

static cn_status measure(training *t, const part *p, scores *to)
{
    if (!p->x) return CN_OK;
    cn_status failed = cn_evaluate(t->m, p->x, p->y, .batch_size = 256);
    if (failed) return failed;
    to->there = true, to->loss = cn_result(t->m, "loss");
    if (is_regression(t)) to->mae = cn_result(t->m, "mae"), to->rmse = sqrt(cn_result(t->m, "mse"));
    else to->accuracy = cn_result(t->m, "accuracy");
    return CN_OK;
}

/* ---- The verb ---------------------------------------------------------------------------------------------------- */
static int run(const verb *v, settings *s)
{
    int wrong = parse_hidden(v, s);
    if (s->out && !can_be_saved(s->out, false))          /* rather now than after hours */
        return usage_error(v, "--out %s: its ending names no format; .keras is Keras's own", s->out);
    if (!wrong) wrong = check_task(v, s->task);
    if (wrong) return wrong;
    training t = { .s = s,
                   .p = { .ctx = cn_open(.seed = s->seed ? s->seed : INT64_MAX, .threads = s->threads,
                                         .log = { cn_log_stderr, NULL }, .log_level = CN_LOG_WARNING) } };
    cn_ctx *c = t.p.ctx;
    if (!wrong) wrong = check_name(v, c, "--activation", "activations", s->activation);
    if (!wrong) wrong = check_name(v, c, "--optimizer", "optimizers", s->optimizer);
    if (wrong) return (void)cn_close(c), wrong;
    cn_status failed = load_problem(&t.p, s);
    if (!failed) {
        take_settings(&t.p.advice, s);
        if (!s->quiet) print_plan(&t), fflush(stdout);
        failed = build(&t);
    }
    if (!failed) failed = compile(&t, t.m);
    if (!failed) failed = train(&t);
    if (!failed) failed = measure(&t, &t.p.train, &t.train);
    if (!failed) failed = measure(&t, &t.p.validation, &t.validation);
    if (!failed) failed = measure(&t, &t.p.test, &t.test);
    if (!failed && s->out) failed = save(&t);
    if (!failed && s->report) failed = write_report(&t);
    if (failed) return failure(c), (void)cn_close(c), EXIT_FAILED;
    if (!s->quiet)
        printf("%lld epochs in %s seconds, the best was epoch %lld\n", (long long)t.epochs, seconds_text(t.seconds),
               (long long)t.best + 1);
    if (!s->quiet || !s->json) print_results(&t);
    if (s->json) print_json(&t);
    return cn_close(c) ? EXIT_FAILED : EXIT_DONE;
}

static const option_row options[] = {
    { "--target", "COLUMN", OPTION_TEXT, offsetof(settings, target), 0, 0,
      "what is to be predicted: a name, or a number from 0; default: the last" },
    { "--test", "DATA", OPTION_TEXT, offsetof(settings, test), 0, 0, "more data, to measure the trained network with" },
    { "--task", "TASK", OPTION_TEXT, offsetof(settings, task), 0, 0,
      "regression, binary or multiclass; default: as the data say" },
    { "--hidden", "SIZES", OPTION_TEXT, offsetof(settings, hidden_text), 0, 0,
      "hidden layers, such as 128,64; 0: none; default: by the data" },
    { "--activation", "NAME", OPTION_TEXT, offsetof(settings, activation), 0, 0,
      "of the hidden layers; default: relu" },
    { "--epochs", "N", OPTION_WHOLE, offsetof(settings, epochs), 1, 1e9,
      "at most; it stops earlier when nothing improves" },
    { "--batch-size", "N", OPTION_WHOLE, offsetof(settings, batch_size), 1, 1e9,
      "samples to a step; default: by the data" },
    { "--optimizer", "NAME", OPTION_TEXT, offsetof(settings, optimizer), 0, 0, "default: adam" },
    { "--learning-rate", "X", OPTION_NUMBER, offsetof(settings, learning_rate), 1e-12, 1e6,
      "default: by the data; of a chosen optimizer: its own" },
    { "--mixed-bfloat16", NULL, OPTION_FLAG, offsetof(settings, mixed), 0, 0,
      "products of bfloat16 operands: faster where the processor has them; sums and weights stay float32" },
    { "--validation-split", "X", OPTION_NUMBER, offsetof(settings, validation_split), 0.01, 0.9,
      "share held out to check; default 0.2" },
    { "--seed", "N", OPTION_WHOLE, offsetof(settings, seed), 0, 9007199254740992.0,
      "the same seed gives the same numbers; default 1" },
    { "--threads", "N", OPTION_WHOLE, offsetof(settings, threads), 1, 1024, "default: one for each processor" },
    { "--report", "FILE.html", OPTION_TEXT, offsetof(settings, report), 0, 0,
      "writes what was learnt, with charts, as one page" },
    { "--out", "MODEL.keras", OPTION_TEXT, offsetof(settings, out), 0, 0,
      "saves the model; it takes rows as they are: one input for each column, called like it" },
    { "--json", NULL, OPTION_FLAG, offsetof(settings, json), 0, 0, "the last line is the result as one JSON object" },
    { "--quiet", NULL, OPTION_FLAG, offsetof(settings, quiet), 0, 0, "the result alone" },
    { 0 }
};
const verb train_verb = {
    "train", "DATA",
    "Trains a network on data: a CSV file, two IDX files IMAGES,LABELS, or the name of an installed data set.\n"
    "Finds out what kind of problem it is, sizes the network and says why, holds out a part to check, reports.",
    "  cornu train iris.csv --target species --out iris.keras\n"
    "  cornu train houses.csv --target price --hidden 64,32 --report houses.html\n"
    "  cornu train train-images-idx3-ubyte.gz,train-labels-idx1-ubyte.gz --epochs 10\n"
    "  cornu train fashion-mnist --report clothes.html\n", 1, 1, options, run, { 0 } };
