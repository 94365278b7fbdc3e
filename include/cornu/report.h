/* cornu/report.h: pictures and reports of what a model has learnt; advice on the size of a network; what there is.

   A chart is an array of one string, its SVG: no fonts, scripts or files from elsewhere, colours that colour-blind
   people can tell apart.
       cn_array *chart = cn_chart_curves(m);
       puts(cn_string(chart, 0));                       or cn_chart_save(chart, "curves.svg") */
#ifndef CN_REPORT_H
#define CN_REPORT_H
#include "extend.h"

/* ---- Charts ---------------------------------------------------------------------------------------------------------

   cn_chart_curves(m)              the latest cn_fit: loss and metrics by epoch, training and validation, the best epoch
   cn_chart_boundary(m, x, y)      a model of two inputs: what it says everywhere, the samples on top. y: classes
                                   (n), or a column of them (n, 1)
   cn_chart_confusion(y, p)        targets against predictions: counts and shares. y, p: classes (n), or a row of
                                   probabilities for each sample, (n, 1) for two classes
   cn_chart_scatter(y, p)          numbers: predictions against targets, and the errors as a histogram
   cn_chart_histogram(a)           how often which numbers occur
   cn_chart_network(m)             layers as columns, a line for each weight: as thick as it is large, colour by sign
   cn_chart_activations(c, { CN_RELU, CN_TANH })   each with its slope
   cn_chart_images(x)              pictures (n, height, width) or (n, height, width, 1 or 3), uint8 or 0 .. 1; with
                                   labels and predictions the wrong ones come first */
#define CN_CHART_FIELDS(F)                                                                              \
    F(cn_text, title,  NULL, "above it; default: the chart's own")                                       \
    F(double,  width,  720,  "in pixels")                                                                \
    F(double,  height, 0,    "in pixels; 0: as fits")
#define CN_CHART_CURVES_FIELDS(F)  CN_CHART_FIELDS(F)                                                    \
    F(int64_t, metrics, 2, "curves besides the loss, at most; 1 to 3")
#define CN_CHART_CLASSES_FIELDS(F)  CN_CHART_FIELDS(F)                                                   \
    F(const cn_array *, class_names, NULL, "strings, as from cn_class_names; default: numbers")
#define CN_CHART_BOUNDARY_FIELDS(F)  CN_CHART_CLASSES_FIELDS(F)                                          \
    F(cn_text, x_label, "x1", "below the first axis")                                                    \
    F(cn_text, y_label, "x2", "beside the second")
#define CN_CHART_NUMBERS_FIELDS(F)  CN_CHART_FIELDS(F)                                                   \
    F(cn_text, label, NULL, "what the numbers are, with their unit")
#define CN_CHART_NETWORK_FIELDS(F)  CN_CHART_CLASSES_FIELDS(F)                                           \
    F(const cn_array *, input_names, NULL, "strings")                                                    \
    F(int64_t, units, 12, "of a layer that are drawn, at most: the first ones; 1 to 64")
#define CN_CHART_ACTIVATIONS_FIELDS(F)  CN_CHART_FIELDS(F)                                               \
    F(double, range, 4, "from minus this to this")
#define CN_CHART_IMAGES_FIELDS(F)  CN_CHART_CLASSES_FIELDS(F)                                            \
    F(const cn_array *, labels,    NULL, "classes (n)")                                                  \
    F(const cn_array *, predicted, NULL, "classes (n), or a row of probabilities for each picture")      \
    F(int64_t, count, 40, "pictures, at most; 1 to 400")
typedef cn_act cn_acts[CN_MAX_IO];
CN_DECLARE(cn_array *, cn_chart_curves,      cn_model *on;, CN_CHART_CURVES_FIELDS);
CN_DECLARE(cn_array *, cn_chart_boundary,    cn_model *on; const cn_array *x; const cn_array *y;,
           CN_CHART_BOUNDARY_FIELDS);
CN_DECLARE(cn_array *, cn_chart_confusion,   const cn_array *y; const cn_array *p;, CN_CHART_CLASSES_FIELDS);
CN_DECLARE(cn_array *, cn_chart_scatter,     const cn_array *y; const cn_array *p;, CN_CHART_NUMBERS_FIELDS);
CN_DECLARE(cn_array *, cn_chart_histogram,   const cn_array *values;, CN_CHART_NUMBERS_FIELDS);
CN_DECLARE(cn_array *, cn_chart_network,     cn_model *on;, CN_CHART_NETWORK_FIELDS);
CN_DECLARE(cn_array *, cn_chart_activations, cn_ctx *on; cn_acts activations;, CN_CHART_ACTIVATIONS_FIELDS);
CN_DECLARE(cn_array *, cn_chart_images,      const cn_array *x;, CN_CHART_IMAGES_FIELDS);
CN_API CN_MUST_CHECK cn_status cn_chart_save(const cn_array *chart, const char *path);

/* ---- The report: one HTML file that needs nothing else --------------------------------------------------------------

   cn_report(m, "digits.html", x, y)    what was learnt, how it went, how well it does on x and y. For targets that are
                                        classes: confusion matrix and a table of the classes; for numbers: a scatter
                                        plot.
                                        Samples that are pictures are shown. */
typedef struct cn_fact { cn_text name, value; } cn_fact;
typedef cn_fact cn_facts[CN_MAX_IO];
#define CN_REPORT_FIELDS(F)                                                                             \
    F(cn_text,          title,       "What was learnt", "of the page")                                   \
    F(cn_text,          lead,        NULL,  "a few words below it: the task")                            \
    F(cn_text,          reasons,     NULL,  "a line for each decision")                                  \
    F(cn_facts,         results,     {{0}}, "{ \"test accuracy\", \"88.4 %\" } ...: shown large; default: on x, y") \
    F(cn_facts,         facts,       {{0}}, "about the data: a table")                                   \
    F(cn_text,          measured_on, NULL,  "what x and y are: \"10,000 test samples\"")                 \
    F(const cn_array *, class_names, NULL,  "strings")                                                   \
    F(const cn_array *, input_names, NULL,  "strings")                                                   \
    F(cn_text,          label,       NULL,  "what the targets are, with their unit")                     \
    F(double,           target_scale,  1,   "shown is scale * number + offset, ...")                     \
    F(double,           target_offset, 0,   "... where targets were standardised")                       \
    F(cn_text,          command,     NULL,  "that makes it again")
CN_DECLARE(CN_MUST_CHECK cn_status, cn_report, cn_model *on; cn_text path; const cn_array *x; const cn_array *y;,
           CN_REPORT_FIELDS);

/* ---- Sizing ---------------------------------------------------------------------------------------------------------

   Which of the three problems it is, how many inputs and outputs that takes, which activations, loss and metric, how
   large the hidden layers, and why:
       cn_advice a;
       cn_advise(c, &a, .x = x, .y = y)                     from the data: targets of one sample each
       cn_advise(c, &a, .inputs = 25, .classes = 3)         or from their sizes
   Targets are classes where they are strings, or whole numbers that count from 0 or 1 without a gap (few of them, or
   of an integer type); else numbers. Rows of 0 and 1 with a single 1 are classes as well. */
typedef enum cn_task { CN_REGRESSION = 1, CN_BINARY_CLASSES, CN_MANY_CLASSES } cn_task;
#define CN_ADVICE_LAYERS 4
typedef struct cn_advice {
    cn_task      task;
    int64_t      samples, inputs, outputs, classes;      /* classes: 0 for numbers; samples: 0 if not known */
    int64_t      hidden[CN_ADVICE_LAYERS];               /* ends at its first zero */
    cn_act       activation, output_activation;
    cn_loss      loss;
    cn_metric    metric;
    double       dropout, l2, learning_rate;             /* dropout behind each hidden layer, l2 on its kernel */
    int64_t      batch_size, epochs, patience;
    int64_t      parameters;
    char         why[1600];                              /* a line for each decision */
} cn_advice;
#define CN_ADVISE_FIELDS(F)                                                                             \
    F(const cn_array *, x,       NULL, "the inputs; or ...")                                             \
    F(const cn_array *, y,       NULL, "the targets; or ...")                                            \
    F(int64_t,          inputs,  0,    "... how many numbers one sample has")                            \
    F(int64_t,          classes, 0,    "... how many classes there are; 0 without y: numbers")           \
    F(int64_t,          samples, 0,    "... how many samples")                                           \
    F(int64_t,          outputs, 1,    "numbers to predict, for a regression")                           \
    F(cn_task,          task,    0,    "instead of finding out")
CN_DECLARE(CN_MUST_CHECK cn_status, cn_advise, cn_ctx *on; cn_advice *advice;, CN_ADVISE_FIELDS);
CN_API const char *cn_task_name(cn_task);                /* "regression", "binary", "multiclass" */
/* The layers of the advice, on a sequential model: hidden ones with dropout, then the output. */
CN_API CN_MUST_CHECK cn_status cn_add_advised(cn_model *, const cn_advice *);

/* ---- What there is --------------------------------------------------------------------------------------------------

   cn_catalog(c, "losses")     strings (rows, 4): name, option, default, meaning; the row of the thing itself has no
                               option, and its formula for meaning. Families: cn_catalog(c, NULL): name, "", count, ""
   cn_about(c)                 strings (rows, 2): version, processor, threads, backends ... */
CN_API cn_array *cn_catalog(cn_ctx *, const char *family);
CN_API cn_array *cn_about  (cn_ctx *);

#if !defined __cplusplus && !defined CN_NO_MACROS
#define cn_chart_curves(...)       CN_CALL(cn_chart_curves, __VA_ARGS__)
#define cn_chart_boundary(...)     CN_CALL(cn_chart_boundary, __VA_ARGS__)
#define cn_chart_confusion(...)    CN_CALL(cn_chart_confusion, __VA_ARGS__)
#define cn_chart_scatter(...)      CN_CALL(cn_chart_scatter, __VA_ARGS__)
#define cn_chart_histogram(...)    CN_CALL(cn_chart_histogram, __VA_ARGS__)
#define cn_chart_network(...)      CN_CALL(cn_chart_network, __VA_ARGS__)
#define cn_chart_activations(...)  CN_CALL(cn_chart_activations, __VA_ARGS__)
#define cn_chart_images(...)       CN_CALL(cn_chart_images, __VA_ARGS__)
#define cn_report(...)             CN_CALL(cn_report, __VA_ARGS__)
#define cn_advise(...)             CN_CALL(cn_advise, __VA_ARGS__)
#endif
#endif
