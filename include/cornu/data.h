/* cornu/data.h: tables and data sets. A data set is a row of samples (inputs, targets, weight); batches are the business of
   what acts: cn_fit(m, ds, .batch_size = 64). What a data set is made of stays as long as the data set. */
#ifndef CN_DATA_H
#define CN_DATA_H
#include "array.h"

/* ---- Tables: named columns, each of numbers or of strings -------------------------------------------------------------

   cn_read_csv(c, "auto-mpg.csv")     RFC 4180, gz; errors name line and column. A column whose cells all are numbers (with a
                                      point, in any locale) is one of numbers. Without a header the columns are "0", "1" ...
                                      or .names. UTF-8, a BOM or none, any line ends; blank lines are left out, and so are
                                      spaces round a cell that is not in quotes. */
typedef cn_text cn_names[CN_MAX_IO];
#define CN_READ_CSV_FIELDS(F)                                                                           \
    F(cn_text,  separator,    ",",    "one character; \"\\t\" for TSV")                                  \
    F(cn_flag,  header,       CN_YES, "the first line has the names")                                   \
    F(cn_text,  missing,      "?",    "a cell that means: not known; so do an empty one, NA and NaN")   \
    F(cn_flag,  drop_missing, CN_NO,  "leave out rows with a cell that is not known; else NaN or \"\"") \
    F(cn_names, names,        {0},    "the columns' names, if the file has none")                       \
    F(cn_flag,  guess_header, CN_NO,  "there is a header if no cell of the first line is a number")     \
    F(cn_flag,  quotes,       CN_YES, "cells may be in quotes; default CN_NO for TSV, which has none")
CN_DECLARE(cn_table *, cn_read_csv, cn_ctx *on; cn_text path;, CN_READ_CSV_FIELDS);

/* Columns go by their names, or by their numbers ("0", "1" ...) where no name is like that. */
CN_API int64_t     cn_table_rows   (const cn_table *);
CN_API const char *cn_table_name   (const cn_table *, int column);           /* NULL after the last                        */
CN_API int         cn_table_column (const cn_table *, const char *column);   /* its number; -1 if there is none            */
CN_API cn_dtype    cn_table_dtype  (const cn_table *, int column);           /* CN_FLOAT64 for numbers, or CN_STRING       */
CN_API int64_t     cn_table_missing(const cn_table *, int column);           /* how many cells are not known               */

/* cn_columns(t, "horsepower", "weight")             (rows, 2) float32, (rows, 1) for one; a column of text: (rows) strings
   cn_columns(t, "*", .except = { "mpg", "name" })   "*": all
   cn_classes(t, "species")                          (rows) int32: each cell's place among the different ones, in order (of
                                                     the alphabet, numbers by size); CN_E_VALUE if one is not known
   cn_class_names(t, "species")                      (classes) strings: the different ones, in that order
   cn_classes_as(t, "species", names)                places among these names; CN_E_VALUE if a cell is none of them: for test
                                                     data, whose classes are those of the training data */
#define CN_COLUMNS_FIELDS(F)                                                    \
    F(cn_dtype, dtype,  CN_FLOAT32, "of the array")                             \
    F(cn_names, except, {0},        "all but these")
CN_DECLARE(cn_array *, cn_columns, cn_table *on; cn_names columns;, CN_COLUMNS_FIELDS);
CN_API cn_array *cn_classes    (cn_table *, const char *column);
CN_API cn_array *cn_class_names(cn_table *, const char *column);
CN_API cn_array *cn_classes_as (cn_table *, const char *column, const cn_array *names);

/* ---- Data sets --------------------------------------------------------------------------------------------------------

   cn_dataset_from(c, .x = { a, b }, .y = { t })          arrays of one length, in the order of the model's inputs and outputs
   cn_dataset_from_table(t, .target = "income")           an input of a model gets the column of its name; text targets
                                                          become classes, as by cn_classes */
typedef cn_array *cn_arrays[CN_MAX_IO];
#define CN_DATASET_FROM_FIELDS(F)                                               \
    F(cn_arrays,  x,             {0},  "inputs")                                \
    F(cn_arrays,  y,             {0},  "targets")                               \
    F(cn_array *, sample_weight, NULL, "(samples), or (samples, steps)")
#define CN_DATASET_FROM_TABLE_FIELDS(F)                                         \
    F(cn_text, target,        NULL, "the column to be predicted")               \
    F(cn_text, sample_weight, NULL, "the column with the weights")
CN_DECLARE(cn_dataset *, cn_dataset_from,       cn_ctx *on;,   CN_DATASET_FROM_FIELDS);
CN_DECLARE(cn_dataset *, cn_dataset_from_table, cn_table *on;, CN_DATASET_FROM_TABLE_FIELDS);

/* Folders: a sub-folder for each class, in the order of names. x: (height, width, channels) uint8, or a string; y: int32.
   cn_image_dataset_from_directory(c, "pets", {96, 96}, .validation_split = 0.2, .subset = CN_TRAINING) */
#define CN_FOLDER_FIELDS(F)                                                                           \
    F(cn_word, label_mode,       CN_INT, "CN_INT, CN_BINARY, CN_CATEGORICAL, CN_NONE")                 \
    F(double,  validation_split, 0,      "share kept for validation, the same with the same seed")    \
    F(cn_word, subset,           0,      "CN_TRAINING or CN_VALIDATION, with a split")                 \
    F(int64_t, seed,             0,      "of the split; 0: the context's")
#define CN_IMAGE_FOLDER_FIELDS(F)  CN_FOLDER_FIELDS(F)                                                \
    F(cn_word, color_mode,       CN_RGB, "or CN_GRAYSCALE")                                           \
    F(cn_word, interpolation,    CN_BILINEAR, "or CN_NEAREST")
CN_DECLARE(cn_dataset *, cn_text_dataset_from_directory,  cn_ctx *on; cn_text directory;, CN_FOLDER_FIELDS);
CN_DECLARE(cn_dataset *, cn_image_dataset_from_directory, cn_ctx *on; cn_text directory; cn_size2 image_size;,
           CN_IMAGE_FOLDER_FIELDS);

/* Windows of a series, as in Keras: sample i is data[i*stride .. ], sequence_length steps, one in sampling_rate rows; its
   target is targets[i*stride]. To look h steps ahead: targets = cn_slice(series, 0, sequence_length - 1 + h, CN_ANY). */
#define CN_TIMESERIES_FIELDS(F)                                                                       \
    F(int64_t,    sequence_stride, 1,    "rows from one window to the next")                          \
    F(int64_t,    sampling_rate,   1,    "rows from one step to the next")                            \
    F(cn_array *, sample_weight,   NULL, "(windows)")
CN_DECLARE(cn_dataset *, cn_timeseries_dataset_from_array, cn_array *data; cn_array *targets; int64_t sequence_length;,
           CN_TIMESERIES_FIELDS);

/* Pairs for word2vec from integers (lines, words), 0 being no word: x = word (1), contexts (1 + negative_samples); y = 1, 0,
   0 ... Negatives are drawn with probability ~ frequency^0.75 (Mikolov et al. 2013, arXiv:1310.4546, section 2.2). */
#define CN_SKIPGRAMS_FIELDS(F)                                                                        \
    F(int64_t, window_size,      4,    "words to each side")                                          \
    F(int64_t, negative_samples, 1,    "for each true pair")                                          \
    F(double,  sampling,         1e-3, "the more frequent a word above this, the more often it is left out")
CN_DECLARE(cn_dataset *, cn_skipgrams, cn_array *on; int64_t vocabulary_size;, CN_SKIPGRAMS_FIELDS);

/* A function of yours: cn_dataset_from_generator(c, { fill, &mine }, .x = {{ .shape = {24} }}, .y = {{ .shape = {1} }})
   It writes at most r->count samples, beginning with number r->first of the epoch, and returns how many; 0: the epoch is
   over; cn_fail(...): an error. r->first is 0 when an epoch begins. One call at a time, not always on cn_fit's thread. */
typedef struct cn_rows {
    uint32_t size;                                        /* sizeof, as the library knows it */
    int64_t  epoch, first, count;
    void    *x[CN_MAX_IO], *y[CN_MAX_LIST];               /* row-major, of the dtypes asked for */
    float   *sample_weight;                               /* a generator's: all 1 before the call; a map's: NULL if there is none */
    cn_ctx  *ctx;                                         /* for cn_fail */
} cn_rows;
typedef struct cn_generate { int64_t (*fill)(const cn_rows *r, void *user); void *user; } cn_generate;
typedef struct cn_spec { cn_dims shape; cn_dtype dtype; cn_text name; } cn_spec;         /* of one sample; default: float32 */
typedef cn_spec cn_specs[CN_MAX_LIST];
#define CN_GENERATOR_FIELDS(F)                                                                        \
    F(cn_specs, x,        {{ .shape = {0} }}, "the inputs")                                           \
    F(cn_specs, y,        {{ .shape = {0} }}, "the targets")                                          \
    F(int64_t,  samples,  0,       "in an epoch; 0: until fill returns 0")                            \
    F(cn_flag,  by_index, CN_NO,   "fill can begin anywhere: samples are shuffled and split; needs .samples")
CN_DECLARE(cn_dataset *, cn_dataset_from_generator, cn_ctx *on; cn_generate generate;, CN_GENERATOR_FIELDS);

/* Made of another one. cn_map changes batches in place, in the loading thread. cn_take gives `samples` from `first` on (CN_ANY:
   the rest); of data in memory it costs nothing. cn_shuffle needs samples that can be had in any order: arrays, a generator
   with .by_index, or what cn_cache has read, all of it at once, into memory. cn_prefetch prepares batches ahead on a thread,
   which does the work of all that the data set is made of; memory needs none. */
CN_API cn_dataset *cn_map     (cn_dataset *, cn_status (*change)(const cn_rows *, void *user), void *user);
CN_API cn_dataset *cn_take    (cn_dataset *, int64_t first, int64_t samples);
CN_API cn_dataset *cn_shuffle (cn_dataset *, int64_t seed);                  /* once; cn_fit shuffles each epoch by itself */
CN_API cn_dataset *cn_cache   (cn_dataset *);
CN_API cn_dataset *cn_prefetch(cn_dataset *, int64_t batches);
CN_API int64_t     cn_samples (const cn_dataset *);                          /* CN_ANY if not known                        */
CN_API cn_array   *cn_inputs  (cn_dataset *, int i);                         /* all of the i-th input as an array          */
CN_API cn_array   *cn_targets (cn_dataset *, int i);
CN_API const char *cn_class_name(const cn_dataset *, int64_t label);         /* NULL after the last                        */

/* cn_split_dataset(ds, 0.8, &train, &test, .shuffle = CN_YES): left_size as in Keras, a share or a number of samples. */
#define CN_SPLIT_FIELDS(F)                                                      \
    F(cn_flag, shuffle, CN_NO, "before the split")                              \
    F(int64_t, seed,    0,     "0: the context's")
CN_DECLARE(CN_MUST_CHECK cn_status, cn_split_dataset,
           cn_dataset *on; double left_size; cn_dataset **left; cn_dataset **right;, CN_SPLIT_FIELDS);

#if !defined __cplusplus && !defined CN_NO_MACROS
#define cn_read_csv(...)                       CN_CALL(cn_read_csv, __VA_ARGS__)
#define cn_columns(t, ...)                     (cn_columns)(&(cn_columns_args){ .head = CN_HEAD(cn_columns_args), \
                                                   .on = (t), .columns[0] = __VA_ARGS__ })
#define cn_dataset_from(...)                   CN_CALL(cn_dataset_from, __VA_ARGS__)
#define cn_dataset_from_table(...)             CN_CALL(cn_dataset_from_table, __VA_ARGS__)
#define cn_text_dataset_from_directory(...)    CN_CALL(cn_text_dataset_from_directory, __VA_ARGS__)
#define cn_image_dataset_from_directory(...)   CN_CALL(cn_image_dataset_from_directory, __VA_ARGS__)
#define cn_timeseries_dataset_from_array(...)  CN_CALL(cn_timeseries_dataset_from_array, __VA_ARGS__)
#define cn_skipgrams(...)                      CN_CALL(cn_skipgrams, __VA_ARGS__)
#define cn_dataset_from_generator(...)         CN_CALL(cn_dataset_from_generator, __VA_ARGS__)
#define cn_split_dataset(...)                  CN_CALL(cn_split_dataset, __VA_ARGS__)
#endif
#endif
