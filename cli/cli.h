/* cli.h: the command `cornu`, what its files share. It is a user of the library: it sees cornu.h and nothing else. */
#ifndef CLI_H
#define CLI_H
#define CN_NO_SITE                           /* messages are for users of the command: no places in its source */
#include <cornu.h>
#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* ---- Options: one table for each verb makes getopt's list, the help and the errors (options.c) ------------------- */
typedef struct texts { const char *at[CN_MAX_IO]; int n; } texts;           /* of an option that may come again */
typedef struct settings {
    const char *data, *target, *test, *task, *activation, *optimizer, *report, *hidden_text;
    const char *model, *out, *output_dir, *weights, *classes, *loss, *svg, *dot;
    const char *sample_weight, *class_weight, *history_json, *save_weights;
    texts       x, y, metrics;
    int64_t     hidden[CN_ADVICE_LAYERS], epochs, batch_size, seed, threads, steps;
    double      learning_rate, validation_split, scale;
    bool        json, quiet, no_shuffle, training, prediction, mixed;
} settings;

typedef enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_TEXTS, OPTION_WHOLE, OPTION_NUMBER } option_kind;
typedef struct option_row {
    const char *name, *argument;                         /* "--target", "COLUMN" */
    option_kind kind;
    size_t      offset;                                  /* in settings */
    double      least, most;
    const char *help;
} option_row;

typedef struct verb {
    const char       *name, *arguments, *purpose, *examples;
    int               least, most;                       /* arguments by place */
    const option_row *options;                           /* ends at a row without a name */
    int             (*run)(const struct verb *, settings *);
    size_t            place[2];                          /* of the arguments in settings; none: data */
} verb;
#define VERBS(X) X(train) X(size) X(predict) X(evaluate) X(fit) X(show) X(explain) X(profile) X(convert) X(verify)   \
                 X(list) X(info)
#define VERB_DECLARED(name) extern const verb name##_verb;
VERBS(VERB_DECLARED)

int  parse_options(const verb *, int argc, char **argv, settings *);    /* 0: go on; else 1 + exit code */
void print_help(FILE *, const verb *);
int  usage_error(const verb *, const char *format, ...) __attribute__((format(printf, 2, 3)));
int  failure(cn_ctx *);                                  /* says the context's error; EXIT_FAILED */
int  end(cn_ctx *, cn_status failed);                    /* closes it, after the error if there is one; the exit code */

/* ---- Small things (util.c) --------------------------------------------------------------------------------------- */
void *need(size_t count, size_t size);                   /* zeroed memory, or the end of the program */
void  drop(void *memory);                                /* gives it back; NULL: nothing happens */
char *print_to(const char *format, ...) __attribute__((format(printf, 1, 2)));         /* a string that stays */
typedef struct lines { char *text; size_t n, cap; } lines;              /* text that grows */
void  add_line(lines *, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t random_below(uint64_t *state, uint64_t n);      /* splitmix64 */
const char *with_commas(int64_t n);                      /* 60,000; a string that stays */
const char *seconds_text(double seconds);                /* "13.6", "0.08" */
const char *number_text(double v);                       /* the shortest text that reads as this number again, stays */
void  print_json_number(FILE *, double);                 /* the same; null for what is none */
const char *nearest(const char *word, const char *const *names, int n);     /* the one that was meant, or NULL */
bool  exists(const char *path);
bool  ends(const char *text, const char *ending);

/* ---- Data (data.c, table.c) -------------------------------------------------------------------------------------- */
typedef struct part { cn_array *x, *y; int64_t n; } part;

typedef struct problem {
    cn_ctx     *ctx;
    part        train, validation, test;                 /* y: class numbers (n) int32, or numbers (n, 1) float32 */
    bool        pictures;                               /* x is uint8 (n, height, width ...): bytes to be made 0 .. 1 */
    cn_advice   advice;
    cn_array   *class_names, *input_names;               /* strings, or NULL */
    const char *target;                                  /* its name */
    const char *title, *source;
    cn_model   *features;                                /* makes x of a table's columns; NULL for pictures */
    int         columns;                                 /* its inputs */
    double     *mean, *variance;                         /* of the training part's inputs; NULL for pictures */
    double      target_mean, target_scale;               /* for numbers */
    lines       said;                                    /* what was done with the data and why: a line each */
} problem;
cn_status load_problem(problem *, const settings *);     /* fails: the context has the error */
cn_status load_table(problem *, const settings *);
bool      two_files(const char *data, char **first, char **second);         /* "IMAGES,LABELS" that are both there */
char     *installed(const char *name, const char *file); /* the path of a data set's file; NULL: it is not installed */
void      shuffle(int64_t *order, int64_t n, uint64_t seed);
/* Parts of all samples: those of validation in front. classes: the class of each, to keep their shares; NULL: none. */
int64_t   split_order(int64_t *order, int64_t n, const int32_t *classes, int64_t nclasses, double share, uint64_t seed);
#endif
