/* model_data.h: a model from a file, what it takes and gives, and data in the shapes that it wants. */
#ifndef CLI_MODEL_DATA_H
#define CLI_MODEL_DATA_H
#include "cli.h"

/* ---- The model (model_facts.c) ----------------------------------------------------------------------------------- */
typedef enum meaning { A_NUMBER, A_CHANCE, CHANCES } meaning;                /* a sigmoid's; a softmax's */
typedef struct model_facts {
    cn_ctx     *ctx;
    cn_model   *m;
    int         inputs, outputs;
    const char *input[CN_MAX_IO], *output[CN_MAX_LIST];                      /* their names */
    meaning     means[CN_MAX_LIST];
    const char *loss;                                    /* of the one output; NULL: not compiled, or several */
    bool        compiled, scales;                        /* its first layer brings inputs to scale */
} model_facts;
cn_status open_model(cn_model **, cn_ctx *, const settings *, cn_flag compile);         /* MODEL, --weights */
/* Compiled, or where that is not possible as it is, which is said. */
cn_status open_model_or_bare(cn_model **, cn_ctx *, const settings *);
cn_status load_model(model_facts *, cn_ctx *, const settings *, cn_flag compile);       /* and studies it */
bool      is_vector(const model_facts *, int output);    /* one or more numbers for each sample, no more axes */
int64_t   width_of(cn_tensor *);                         /* how many numbers a sample has; CN_ANY: the data decide */

/* ---- Data (model_data.c; rows of tables: model_table.c) ---------------------------------------------------------- */
typedef struct samples {
    cn_array    *x[CN_MAX_IO], *y[CN_MAX_LIST];
    int64_t      n;
    const char **files;                                  /* of pictures in files; NULL: none */
    cn_array    *class_names;                            /* strings; NULL: not known */
} samples;
cn_status read_inputs(samples *, const model_facts *, const settings *);     /* --input, or DATA */
cn_status read_pairs(samples *, const model_facts *, const settings *);      /* --x and --y, or DATA: with targets */
cn_status read_rows(samples *, const model_facts *, const settings *);       /* of DATA, a table */
cn_status read_row_pairs(samples *, const model_facts *, const settings *);
/* The numbers of a in their type, as n samples of the model's input: the count has to agree. NULL: recorded. */
cn_array *shaped(const model_facts *, int input, cn_array *a, int64_t n, const char *what);
cn_array *as_targets(const model_facts *, cn_array *classes);                /* of the one output */
int64_t   classes_of(const model_facts *);
cn_dataset *dataset_of(const samples *, cn_ctx *, cn_array *sample_weight);
cn_array *given_classes(cn_ctx *, const settings *);     /* of --classes, or NULL */
bool      can_be_saved(const char *path, bool weights);  /* its ending is a format's (weights: that of weights alone) */
int64_t   batch_of(const model_facts *, const settings *, int64_t preset);

#define BATCH_OPTION                                                                                          \
    { "--batch-size", "N", OPTION_WHOLE, offsetof(settings, batch_size), 1, 1e9, "samples at a time" }
#define WEIGHTS_OPTION                                                                                        \
    { "--weights", "FILE", OPTION_TEXT, offsetof(settings, weights), 0, 0, "takes the weights from there" }
#define CLASSES_OPTION                                                                                        \
    { "--classes", "A,B,C", OPTION_TEXT, offsetof(settings, classes), 0, 0, "their names, in the model's order" }
#define SCALE_OPTION                                                                                          \
    { "--scale", "X", OPTION_NUMBER, offsetof(settings, scale), 1e-9, 1e9,                                    \
      "factor for the bytes of pictures; default: 1 where the model scales them, else 1/255" }
#define THREADS_OPTION                                                                                        \
    { "--threads", "N", OPTION_WHOLE, offsetof(settings, threads), 1, 1024, "default: one for each processor" }
#endif
