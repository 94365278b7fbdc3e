/* predict.c: cornu predict: what a model says of rows, pictures or arrays: as a table, or as arrays. */
#include "model_data.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct prediction {
    model_facts f;
    samples     d;
    cn_array   *p[CN_MAX_LIST], *classes;                /* what came out; the names of classes, or NULL */
    FILE       *to;
} prediction;

static cn_status predict(prediction *p, const settings *s)
{
    CN_ARGS(cn_predict, g);
    g.on = p->f.m, g.x = dataset_of(&p->d, p->f.ctx, NULL), g.batch_size = batch_of(&p->f, s, 256);
    for (int i = 0; i < p->f.outputs; i++) g.y[i] = &p->p[i];
    return (cn_predict)(&g);
}

/* ---- As a table -------------------------------------------------------------------------------------------------- */
static void write_cell(FILE *to, const char *text)       /* RFC 4180 */
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, to);
        return;
    }
    putc('"', to);
    for (; *text; text++) {
        if (*text == '"') putc('"', to);
        putc(*text, to);
    }
    putc('"', to);
}

/* The shortest text that reads as the same number of single precision. */
static void write_number(FILE *to, double v)
{
    char text[40];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtof(text, NULL) == (float)v) break;
    }
    fputs(text, to);
}

/* A class and how sure the model is of it: of two classes by one number, of many by the largest of them. */
static bool tells_classes(const prediction *p, int i)
{
    int64_t width = cn_size_of(p->p[i], 1);
    return p->f.means[i] == CHANCES ? width > 1 : p->f.means[i] == A_CHANCE && width == 1;
}

static void write_head(const prediction *p)
{
    const char *between = "";
    if (p->d.files) fputs("file", p->to), between = ",";
    for (int i = 0; i < p->f.outputs; i++) {
        const char *before = p->f.outputs > 1 ? print_to("%s_", p->f.output[i]) : "";
        int64_t     width = cn_size_of(p->p[i], 1);
        if (tells_classes(p, i)) {
            fputs(between, p->to), write_cell(p->to, print_to("%sclass", before));
            putc(',', p->to), write_cell(p->to, print_to("%sprobability", before));
        } else
            for (int64_t k = 0; k < width; k++) {
                fputs(k ? "," : between, p->to);
                write_cell(p->to, width > 1 ? print_to("%sprediction_%lld", before, (long long)k)
                                            : print_to("%sprediction", before));
            }
        between = ",";
    }
    putc('\n', p->to);
}

static void write_class(const prediction *p, const cn_array *a, int64_t row)
{
    bool    two = cn_size_of(a, 1) == 1;
    double  first = cn_at(a, row, 0);
    int64_t class = two ? first > 0.5 : cn_argmax(a, row);
    if (class >= 0 && class < cn_size_of(p->classes, 0)) write_cell(p->to, cn_string(p->classes, class));
    else fprintf(p->to, "%lld", (long long)class);
    putc(',', p->to);
    write_number(p->to, two ? (class ? first : 1 - first) : cn_at(a, row, class));
}

static void write_row(const prediction *p, int64_t row)
{
    const char *between = "";
    if (p->d.files) write_cell(p->to, p->d.files[row]), between = ",";
    for (int i = 0; i < p->f.outputs; i++, between = ",") {
        fputs(between, p->to);
        if (tells_classes(p, i)) write_class(p, p->p[i], row);
        else
            for (int64_t k = 0; k < cn_size_of(p->p[i], 1); k++) {
                if (k) putc(',', p->to);
                write_number(p->to, cn_at(p->p[i], row, k));
            }
    }
    putc('\n', p->to);
}

/* Names are for the classes of one output, and there are as many. */
static cn_status check_classes(prediction *p, const settings *s)
{
    int64_t wanted = cn_size_of(p->p[0], 1) > 1 ? cn_size_of(p->p[0], 1) : 2;
    if (!s->classes) return CN_OK;
    if (p->f.outputs > 1 || !tells_classes(p, 0))
        return cn_fail(p->f.ctx, CN_E_VALUE, "--classes: the model does not tell classes apart, with one output.");
    p->classes = given_classes(p->f.ctx, s);
    if (cn_size_of(p->classes, 0) == wanted) return cn_error(p->classes);
    return cn_fail(p->f.ctx, CN_E_VALUE, print_to("--classes: %lld names for %lld classes.",
                                                  (long long)cn_size_of(p->classes, 0), (long long)wanted));
}

static cn_status write_table(prediction *p, const settings *s)
{
    cn_ctx *c = p->f.ctx;
    for (int i = 0; i < p->f.outputs; i++)
        if (cn_rank_of(p->p[i]) != 2)
            return cn_fail(c, CN_E_SHAPE, print_to("output %s has %d axes, no rows of numbers; --output-dir DIR writes "
                                                   "it as an array.", p->f.output[i], cn_rank_of(p->p[i])));
    cn_status failed = check_classes(p, s);
    if (failed) return failed;
    p->to = s->out ? fopen(s->out, "w") : stdout;
    if (!p->to) return cn_fail(c, CN_E_IO, print_to("%s: %s.", s->out, strerror(errno)));
    write_head(p);
    for (int64_t row = 0; row < cn_size_of(p->p[0], 0); row++) write_row(p, row);
    bool bad = fflush(p->to) || ferror(p->to);
    if (s->out) bad |= fclose(p->to) != 0;
    return bad ? cn_fail(c, CN_E_IO, print_to("%s: could not be written whole.", s->out ? s->out : "standard output"))
               : CN_OK;
}

/* ---- As arrays --------------------------------------------------------------------------------------------------- */
static cn_status write_arrays(const prediction *p, const char *folder)
{
    if (mkdir(folder, 0777) && errno != EEXIST)
        return cn_fail(p->f.ctx, CN_E_IO, print_to("%s: %s.", folder, strerror(errno)));
    for (int i = 0; i < p->f.outputs; i++) {
        cn_status failed = cn_array_save(p->p[i], print_to("%s/y%d.npy", folder, i));
        if (failed) return failed;
    }
    return CN_OK;
}

/* ---- The verb ---------------------------------------------------------------------------------------------------- */
static int run(const verb *v, settings *s)
{
    prediction p = { .to = NULL };
    if (!s->data == !s->x.n)
        return usage_error(v, s->data ? "DATA or --input, not both" : "DATA or --input is missing");
    if (s->output_dir && (s->out || s->classes))
        return usage_error(v, "--output-dir writes arrays, %s is for a table", s->out ? "--out" : "--classes");
    if (s->x.n && (s->target || s->scale > 0))
        return usage_error(v, "--input gives arrays, %s is for DATA", s->target ? "--target" : "--scale");
    cn_ctx   *c = cn_open(.threads = s->threads, .log = { cn_log_stderr, NULL }, .log_level = CN_LOG_WARNING);
    cn_status failed = load_model(&p.f, c, s, CN_NO);
    if (!failed) failed = read_inputs(&p.d, &p.f, s);
    if (!failed) failed = predict(&p, s);
    if (!failed) failed = s->output_dir ? write_arrays(&p, s->output_dir) : write_table(&p, s);
    return end(c, failed);
}

static const option_row options[] = {
    { "--out", "FILE.csv", OPTION_TEXT, offsetof(settings, out), 0, 0, "default: standard output" },
    { "--input", "X.npy", OPTION_TEXTS, offsetof(settings, x), 0, 0,
      "an array instead of DATA; again for more inputs" },
    { "--output-dir", "DIR", OPTION_TEXT, offsetof(settings, output_dir), 0, 0,
      "writes what comes out as it is: y0.npy, y1.npy ..." },
    { "--target", "COLUMN", OPTION_TEXT, offsetof(settings, target), 0, 0, "of a table: not an input, left out" },
    CLASSES_OPTION,
    SCALE_OPTION,
    BATCH_OPTION,
    WEIGHTS_OPTION,
    THREADS_OPTION,
    { "--quiet", NULL, OPTION_FLAG, offsetof(settings, quiet), 0, 0, "says nothing about the data" },
    { 0 }
};
const verb predict_verb = {
    "predict",
    "MODEL DATA",
    "Predicts with a model from a file: a line for each row of a table, each picture, each sample of an array.\n"
    "DATA: a CSV file (columns go to the inputs of their names, or all of them in their order to the one input),\n"
    "an IDX file, a PGM or PPM picture, a folder of such, or a .npy file.\n"
    "Where the model tells classes apart, a line is the class and its probability; else it is the numbers.",
    "  cornu predict iris.keras new.csv\n"
    "  cornu predict iris.keras iris.csv --target species --classes setosa,versicolor,virginica --out said.csv\n"
    "  cornu predict digits.keras scans/\n"
    "  cornu predict two.keras --input a.npy --input b.npy --output-dir out\n",
    1,
    2,
    options,
    run,
    { offsetof(settings, model), offsetof(settings, data) }
};
