/* columns.h: the columns of a table on their way to the network's inputs. */
#ifndef CLI_COLUMNS_H
#define CLI_COLUMNS_H
#include "cli.h"

typedef enum column_plan { LEFT_OUT, AS_NUMBER, AS_TEXT } column_plan;

typedef struct column {
    const char  *name;
    bool         numeric;
    int64_t      rows, missing;
    double      *v;                                      /* numbers; NaN: not known */
    const char **s;                                      /* text; "": not known */
    /* What column_study finds out: */
    int32_t     *code;                                   /* each cell's place among names; -1: not known */
    const char **names;                                  /* what differs, in order */
    int64_t      different;
    /* What is done with it: */
    column_plan  plan;
    double       middle;                              /* in place of unknown numbers: the median of the training part */
    bool         tells_missing, logarithm;               /* a further input says "not known"; ln(1 + v) instead of v */
    const char  *input;                                  /* what the model calls it */
} column;

cn_status column_load(cn_table *, int place, column *);  /* of all rows */
void      column_study(column *);                        /* code, names, different */
void      column_free(column *);
/* The codes of another table's column among this one's names: -1 where not known or not among them. */
void      column_codes_as(column *, const column *known);
int       column_inputs(const column *);                 /* how many numbers it becomes */
const char *column_input_name(const column *, int i);    /* of the i-th of them; stays */

/* features.c: columns to those numbers, as a model. crowded: the columns of numbers are one input. */
cn_model *features_model(cn_ctx *, column *, int n, bool crowded, int *inputs);          /* an error sticks to it */
cn_array *features_of(cn_model *, const column *plan, const column *cells, int n, bool crowded, const int64_t *rows,
                      int64_t count);                    /* NULL: the context has the error */
#endif
