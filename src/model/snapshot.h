/* snapshot.h: all that a training is, as bytes, and back. */
#ifndef CN__SNAPSHOT_H
#define CN__SNAPSHOT_H
#include "model/model.h"

/* One function says what a thing consists of, for all three: measuring it, writing it, reading it back. What is read
   may be hostile: after the first number that cannot be, `bad` says so and nothing more is read. */
typedef struct cn__snap {
    cn_ctx *ctx;
    enum { CN__SNAP_MEASURE, CN__SNAP_WRITE, CN__SNAP_READ } mode;
    char   *at; size_t n, i;                             /* the part's bytes; where it stands (how long it is) */
    const char *bad;                                     /* what is wrong with it; NULL: nothing */
} cn__snap;
void        cn__snap_bytes(cn__snap *, void *bytes, size_t n);
const char *cn__snap_skip(cn__snap *, size_t n);         /* reading: where they lie, in the snapshot; NULL: too few */
int64_t     cn__snap_number(cn__snap *, int64_t);        /* gives it back, or the one that was read */
double      cn__snap_real(cn__snap *, double);
/* reading: a number of items, each of at least so many bytes: never more than there are */
size_t      cn__snap_count(cn__snap *, size_t n, size_t each);
const char *cn__snap_text(cn__snap *, const char *);     /* reading: within the snapshot; "" when bad */
void        cn__snap_bad(cn__snap *, const char *what);  /* the first one stays */

/* The model with its random state, optimizers and results; of a fit that runs its place and its callbacks as well. A
   block of *n bytes (cn__free); NULL: recorded. */
char     *cn__snapshot_make(cn_model *, const char *site, size_t *n);
/* Everything or nothing. What belongs to a fit waits for the next cn_fit, or for this one, if it only begins. what: for
   messages. */
cn_status cn__snapshot_read(cn_model *, const char *site, const char *what, const char *at, size_t n);
/* To the fit that begins; the snapshot that waits, if there is one, is used up: *resumed. */
cn_status cn__course_resume(cn_model *, cn__course *, const char *site, bool *resumed);
void      cn__course_drop(cn_model *);                   /* nothing waits any more */

/* What a callback remembers (callbacks.c). */
void      cn__callbacks_snap(cn__callbacks *, cn__snap *);
#endif
