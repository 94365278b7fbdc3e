/* evaluate.c: cornu evaluate: how well a model does on data whose answers are known. */
#include "model_data.h"
#include <string.h>

/* As it was compiled when it was saved, or by --loss and --metric. */
static cn_status compile(model_facts *f, const settings *s)
{
    if (!s->loss && f->compiled) return CN_OK;
    if (!s->loss)
        return cn_fail(f->ctx, CN_E_STATE, print_to("%s was not compiled when it was saved; say what to measure: "
                                                    "--loss NAME [--metric NAME].", s->model));
    CN_ARGS(cn_compile, g);
    g.on = f->m, g.loss = (cn_loss){ f->loss = s->loss };
    for (int i = 0; i < s->metrics.n && i < CN_MAX_LIST; i++) g.metrics[i] = (cn_metric){ s->metrics.at[i] };
    return (cn_compile)(&g);
}

static void tell(const model_facts *f, const samples *d, const settings *s)
{
    const char *name;
    if (!s->json && !s->quiet) printf("%s samples\n", with_commas(d->n));
    for (int i = 0; (name = cn_result_name(f->m, i)); i++) {
        double v = cn_result(f->m, name);
        if (!s->json) printf("%-22s %.6g\n", name, v);
        else printf("%s\"%s\": ", i ? ", " : "{", name), print_json_number(stdout, v);
    }
    if (s->json) puts("}");
}

static int run(const verb *v, settings *s)
{
    model_facts f;
    samples     d;
    if (s->data ? s->x.n || s->y.n : !s->x.n || !s->y.n)
        return usage_error(v, "DATA, or --x with --y, is what to evaluate on");
    if (s->metrics.n && !s->loss) return usage_error(v, "--metric goes with --loss");
    if (!s->data && (s->target || s->classes || s->scale > 0))
        return usage_error(v, "--x gives arrays, %s is for DATA",
                           s->target ? "--target" : s->classes ? "--classes" : "--scale");
    cn_ctx   *c = cn_open(.threads = s->threads, .log = { cn_log_stderr, NULL }, .log_level = CN_LOG_WARNING);
    cn_status failed = load_model(&f, c, s, s->loss ? CN_NO : CN_YES);
    if (!failed) failed = compile(&f, s);
    if (!failed) failed = read_pairs(&d, &f, s);
    cn_dataset *data = failed ? NULL : dataset_of(&d, c, NULL);
    if (!failed) failed = cn_evaluate(f.m, data, .batch_size = batch_of(&f, s, 256));
    if (!failed) tell(&f, &d, s);
    return end(c, failed);
}

static const option_row options[] = {
    { "--target", "COLUMN", OPTION_TEXT, offsetof(settings, target), 0, 0,
      "of a table: the answers; a name, or a number from 0; default: the last" },
    { "--x", "X.npy", OPTION_TEXTS, offsetof(settings, x), 0, 0, "an array instead of DATA; again for more inputs" },
    { "--y", "Y.npy", OPTION_TEXTS, offsetof(settings, y), 0, 0, "its targets; again for more outputs" },
    CLASSES_OPTION,
    { "--loss", "NAME", OPTION_TEXT, offsetof(settings, loss), 0, 0, "instead of how the model was compiled" },
    { "--metric", "NAME", OPTION_TEXTS, offsetof(settings, metrics), 0, 0, "with --loss; again for more" },
    SCALE_OPTION,
    BATCH_OPTION,
    WEIGHTS_OPTION,
    THREADS_OPTION,
    { "--json", NULL, OPTION_FLAG, offsetof(settings, json), 0, 0, "as one JSON object" },
    { "--quiet", NULL, OPTION_FLAG, offsetof(settings, quiet), 0, 0, "says nothing about the data" },
    { 0 }
};
const verb evaluate_verb = {
    "evaluate",
    "MODEL DATA",
    "Measures a model from a file on data whose answers are known: its loss and its metrics.\n"
    "DATA: a CSV file, two IDX files IMAGES,LABELS, a folder with a folder of PGM or PPM pictures for each class,\n"
    "or the name of an installed data set (its test part).",
    "  cornu evaluate iris.keras iris.csv --target species\n"
    "  cornu evaluate digits.keras t10k-images-idx3-ubyte.gz,t10k-labels-idx1-ubyte.gz --json\n"
    "  cornu evaluate two.keras --x a.npy --x b.npy --y c.npy\n",
    1,
    2,
    options,
    run,
    { offsetof(settings, model), offsetof(settings, data) }
};
