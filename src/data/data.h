/* data.h: arrays and data sets as the rest of the library sees them.

   A data set is anything that can fetch samples. What lies in memory also says where, so that the trainer's op BATCH
   reads rows in place and nothing is copied twice. Wrappers (take, shuffle, split) of data in memory are data in memory
   as well: the same rows, by an order. */
#ifndef CN__DATA_H
#define CN__DATA_H
#include "base/dtype.h"
#include "base/shaped.h"
#include "cornu/array.h"
#include "cornu/data.h"

/* For builders: carries on what a function that records (cn__read_file, cn__fail) has recorded last. */
static inline void *cn__poison_recorded(void *handle)
{
    cn_ctx *ctx = (cn_ctx_of)(handle);
    cn_status status = (cn_error)(ctx);
    return cn__poison(handle, NULL, status ? status : CN_E_NOMEM, "%s", (cn_error_message)(ctx));
}

/* ---- Arrays ------------------------------------------------------------------------------------------------------ */
struct cn_array {
    cn__shaped head;
    void      *data;                                     /* row-major; CN_STRING: const char *[] */
    void      *block;                                 /* what goes with the array; NULL: borrowed, or of what keep is */
    size_t     block_size;
    char      *text;                                     /* the strings' own bytes, if they are the array's */
    size_t     text_size;
    void      *keep;                                     /* the handle whose memory this is a view of */
    bool       writable;                                 /* cn_mutable gives data; set for memory of its own */
    cn_values  values;                                   /* for cn_values_of */
};

/* All functions that make one: a poisoned handle where it cannot be done, NULL only without a context.
   Without memory yet, to be filled or poisoned by what reads it. */
cn_array *cn__array_blank(cn_ctx *);
/* Gives a blank one its shape, and memory (zeroed) if wanted; poisons it (shape too large, no memory): false. */
bool      cn__array_shape(cn_array *, const char *site, cn_dtype, int rank, const int64_t *dim, bool memory);
/* Gives one that has its shape the block (of cn__alloc's), which begins with its numbers. */
void      cn__array_take(cn_array *, void *block, size_t block_size);
/* Zeroed memory of its own. */
cn_array *cn__array_new(cn_ctx *, const char *site, cn_dtype, int rank, const int64_t *dim);
/* A view of memory of handle keep (referenced while the view lives); keep NULL: memory of the caller's. */
cn_array *cn__array_view(cn_ctx *, const char *site, cn_dtype, int rank, const int64_t *dim, const void *data,
                         void *keep);
/* Numbers in the shape: the product; false if it does not fit an int64_t. */
bool      cn__shape_count(int rank, const int64_t *dim, int64_t *count);
/* Gives a blank one its shape and copies of the strings; NULL among them is "", NULL for all: "" everywhere. */
bool      cn__array_strings(cn_array *, const char *site, int rank, const int64_t *dim, const char *const *strings);
/* Turns the bytes of each of n numbers round: big-endian to little-endian and back. */
void      cn__swap_bytes(void *numbers, size_t size, size_t n);
cn_status cn__save_npy(const cn_array *, const char *path);              /* of a sound one */
/* Writes arrays as numpy.savez does: stored, each under its name. */
typedef struct cn__npz_item {
    const char *name;
    cn_dtype    dtype;
    int         rank;
    const int64_t *dim;
    const void *data;
} cn__npz_item;
cn_status cn__npz_save(cn_ctx *, const char *site, const char *path, cn__npz_item *, size_t n);
/* Fills a blank one from the n bytes of a .npy file, block, which is n + 1 bytes of cn__alloc's and goes with it. */
cn_array *cn__npy_array(cn_array *, const char *path, unsigned char *block, size_t n);
cn_status cn__save_png(const cn_array *, const char *path);
/* Adds a PNG of height x width x channels (1 or 3) bytes to the text; t->nomem: no memory. */
void      cn__png(cn__text *t, const unsigned char *pixels, int64_t height, int64_t width, int64_t channels);
/* Rank of a list in braces (ends at 0) and its sizes with CN_AXIS0 put back to 0. */
int       cn__dims_rank(const cn_dims, int64_t *dim);
/* "(4, 2)", "(4,)" as Keras writes shapes, CN_ANY as "None"; gives text. */
#define CN__SHAPE_TEXT 200
const char *cn__shape_text(int rank, const int64_t *dim, char text[CN__SHAPE_TEXT]);
static inline int64_t cn__array_count(const cn_array *a)                /* of a sound one */
{
    int64_t n = 1;
    for (int i = 0; i < a->head.rank; i++) n *= a->head.dim[i];
    return n;
}
/* Bytes of the i-th of the first axis: rows lie one after another. */
static inline size_t cn__array_row(const cn_array *a)
{
    size_t n = cn__dtype_size(a->head.dtype);
    for (int i = 1; i < a->head.rank; i++) n *= (size_t)a->head.dim[i];
    return n;
}

/* ---- Data sets as the trainer reads them ----------------------------------------------------------------------------

   const cn__source *s = cn__dataset_source(ds);       what there is; fixed as long as ds lives
   if (s->direct)                                      sample i: p->base + (s->order ? s->order[i] : i) * p->pitch
   else {                                              fetch batches into buffers
       status = cn__dataset_begin(ds, on, epoch, batch, order, n);
       n = cn__dataset_fetch(ds, on, first, count, into);          first = 0, then on by what came; 0: the epoch is over
       cn__dataset_stop(ds);                           at the end, and when leaving early
   }
   (Direct ones can be fetched from as well.) */
typedef struct cn__part {                                /* one input, one target, or the weights */
    cn_dtype    dtype;
    int         rank;                                    /* of one sample: without the batch axis */
    int64_t     dim[CN_MAX_RANK];
    size_t      row;                                     /* bytes of one sample */
    const char *name;                                    /* the column's or the spec's; NULL */
    const char *base;                                    /* the samples in memory; NULL: only by fetching */
    size_t      pitch;                              /* bytes from one to the next: row, less for windows that overlap */
} cn__part;

typedef struct cn__source {
    int64_t  samples;                                    /* CN_ANY: until fetch gives 0 */
    bool     direct;                                     /* every part has a base */
    bool     by_index;                                   /* samples can be had in any order (direct ones always) */
    bool     weighted;
    int      nx, ny;
    cn__part x[CN_MAX_IO], y[CN_MAX_LIST], weight;       /* weight: float32, rank 0, or 1 for a weight for each step */
    const uint32_t *order;                               /* direct: the row of sample i; NULL: i */
} cn__source;

/* Where a batch goes: a buffer of count * row bytes for each part (weight: if weighted). */
typedef struct cn__batch { void *x[CN_MAX_IO], *y[CN_MAX_LIST]; float *weight; } cn__batch;

const cn__source *cn__dataset_source(const cn_dataset *);                /* of a sound one */
/* An epoch is about to be read in batches of so many samples, in this order (numbers of samples, n of them, the
   caller's until the epoch is over or stopped; NULL: as they come; needs by_index). Starts the loading thread where
   there is one. */
cn_status cn__dataset_begin(cn_dataset *, cn_ctx *on, int64_t epoch, int64_t batch, const uint32_t *order, int64_t n);
/* The next samples: from position first of the epoch begun. Gives how many: fewer than count only at the end; < 0: the
   status recorded on `on`. One reader at a time; count may be smaller than the batch announced, never larger. */
int64_t   cn__dataset_fetch(cn_dataset *, cn_ctx *on, int64_t first, int64_t count, const cn__batch *into);
void      cn__dataset_stop(cn_dataset *);

/* Arrays given to fit by hand; weight may be NULL; poisoned where lengths differ. The arrays are referenced. */
cn_dataset *cn__dataset_of_arrays(cn_ctx *, const char *site, cn_array *const *x, int nx, cn_array *const *y, int ny,
                                  cn_array *weight);

#endif
