/* table.h: what a table is inside: cells in rows, each a number or a string by its column. Strings lie in the file's
   own bytes, which the table keeps. */
#ifndef CN__TABLE_H
#define CN__TABLE_H
#include "data/data.h"

typedef union cn__cell { double number; const char *text; } cn__cell;

typedef struct cn__column {
    const char *name;
    bool        numeric;
    int64_t     missing, first_missing;                  /* cells not known; the row of the first */
    int64_t     first_text;                              /* the first row that made it a column of text */
} cn__column;

struct cn_table {
    cn__obj        obj;
    cn__arena      names;
    const char    *path;
    int64_t        rows;
    int            ncolumns;
    cn__column    *columns;
    cn__cell      *cells;                                /* rows x ncolumns, row-major */
    uint32_t      *lines;                                /* of each row in the file, counted from 1 */
    unsigned char *file;
    size_t         file_size, cells_size, lines_size;
};

static inline cn__cell cn__cell_of(const cn_table *t, int64_t row, int column)
{
    return t->cells[row * t->ncolumns + column];
}

/* The number of a column; -1: there is none, and h is poisoned. */
int cn__table_find(void *h, const char *site, const char *what, const cn_table *, const char *column);
/* The shortest text that reads as this number again, with a point in any locale. */
#define CN__NUMBER_TEXT 40
const char *cn__number_text(double value, bool single, char text[CN__NUMBER_TEXT]);

#endif
