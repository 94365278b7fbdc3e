/* cli.h: the command `cornu`, what its files share. It is a user of the library: it sees cornu.h and nothing else. */
#ifndef CLI_H
#define CLI_H
#define CN_NO_SITE                           /* messages are for users of the command: no places in its source */
#include <cornu.h>
#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* ---- Options: one table for each verb makes getopt's list, the help and the errors (options.c) ------------------- */
typedef struct settings {
    const char *data, *target, *test, *task, *activation, *optimizer, *report, *hidden_text;
    int64_t     hidden[CN_ADVICE_LAYERS], epochs, batch_size, seed, threads;
    double      learning_rate, validation_split;
    bool        json, quiet;
} settings;

typedef enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_WHOLE, OPTION_NUMBER } option_kind;
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
} verb;
extern const verb train_verb, size_verb, list_verb, info_verb;

int  parse_options(const verb *, int argc, char **argv, settings *);    /* 0: go on; else 1 + exit code */
void print_help(FILE *, const verb *);
int  usage_error(const verb *, const char *format, ...) __attribute__((format(printf, 2, 3)));
int  failure(cn_ctx *);                                  /* says the context's error; EXIT_FAILED */

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
    double     *mean, *variance;                         /* of the training part's inputs; NULL for pictures */
    double      target_mean, target_scale;               /* for numbers */
    lines       said;                                    /* what was done with the data and why: a line each */
} problem;
cn_status load_problem(problem *, const settings *);     /* fails: the context has the error */
cn_status load_table(problem *, const settings *);
void      shuffle(int64_t *order, int64_t n, uint64_t seed);
/* Parts of all samples: those of validation in front. classes: the class of each, to keep their shares; NULL: none. */
int64_t   split_order(int64_t *order, int64_t n, const int32_t *classes, int64_t nclasses, double share, uint64_t seed);
#endif
