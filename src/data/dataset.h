/* dataset.h: what a data set is inside: a source (data.h) and one function that reads samples. Data sets made of
   another one call its function with other numbers, or change what it gave. */
#ifndef CN__DATASET_H
#define CN__DATASET_H
#include "data/data.h"

typedef struct cn__request {                             /* samples first .. first + count of an epoch */
    int64_t epoch, first, count;
    const uint32_t *index;                               /* their numbers, count of them; NULL: first, first + 1 ... */
} cn__request;

/* Gives how many samples it read: fewer than asked only at the end; < 0: a status, recorded on `on`. May run on the
   loading thread: it records on nothing else. */
typedef int64_t cn__read_fn(cn_dataset *, cn_ctx *on, const cn__request *, const cn__batch *into);

struct cn_dataset {
    cn__obj      obj;
    cn__source   source;
    cn__read_fn *read;
    cn_dataset  *parent;                                 /* what it was made of */
    cn_array    *names;                                  /* of the classes, or NULL */
    cn_array    *keep[CN_MAX_IO + CN_MAX_LIST + 1];      /* whose memory it reads */
    int          nkeep;
    uint32_t    *index;                                  /* a view's: the parent's number of sample i */
    int64_t      nindex, offset;                         /* without an index: i + offset */
    struct { int64_t epoch, n; const uint32_t *order; } now;     /* the epoch begun */

    cn_generate  generate;                               /* a generator's */
    cn_status  (*change)(const cn_rows *, void *user);   /* a map's */
    void        *change_user;
    int64_t      rate;                                   /* a series's: rows from step to step */
    int64_t      batches;                                /* a prefetch's: how many ahead */
    struct cn__ring *ring;                               /* its thread, while an epoch runs */
};

cn_dataset *cn__dataset_blank(cn_ctx *);
void        cn__dataset_keep(cn_dataset *, cn_array *);  /* references it */
/* A blank one on ds's context that carries ds's error, or has it as its parent with the same source, not direct. */
cn_dataset *cn__dataset_on(cn_dataset *ds);
cn__part    cn__part_of(const cn_array *);               /* its rows as samples; rank >= 1 */
cn__read_fn cn__read_direct;
/* Copies what lies in memory, from part p on; gives how many samples there were. */
int64_t     cn__read_rows(const cn__source *, const cn__request *, const cn__batch *into, int p);
/* A function of the user's gave this: the error it recorded on `on`, or one is recorded for it. */
cn_status   cn__user_failed(cn_ctx *on, int status, const char *what);
bool        cn__prefetches(const cn_dataset *);
cn_status   cn__prefetch_begin(cn_dataset *, cn_ctx *on, int64_t epoch, int64_t batch, const uint32_t *order,
                               int64_t n);
int64_t     cn__prefetch_fetch(cn_dataset *, cn_ctx *on, int64_t first, int64_t count, const cn__batch *into);
void        cn__prefetch_stop(cn_dataset *);

/* Buffers for so many samples of each part, in one block; NULL: no memory. The block goes with cn__free(ctx, block,
   *size). */
void *cn__batch_alloc(cn_ctx *, const cn__source *, int64_t samples, cn__batch *, size_t *size);
/* Copies n samples from place `at` of one batch to place `to_at` of another. */
void  cn__batch_copy(const cn__source *, const cn__batch *to, int64_t to_at, const cn__batch *from, int64_t at,
                     int64_t n);

/* The parts of a source in a row: inputs, targets, weight; and a batch's place for each. */
static inline int cn__parts(const cn__source *s) { return s->nx + s->ny + s->weighted; }
static inline const cn__part *cn__part_at(const cn__source *s, int i)
{
    return i < s->nx ? &s->x[i] : i < s->nx + s->ny ? &s->y[i - s->nx] : &s->weight;
}
static inline void *cn__place_at(const cn__source *s, const cn__batch *b, int i)
{
    return i < s->nx ? b->x[i] : i < s->nx + s->ny ? b->y[i - s->nx] : b->weight;
}

#endif
