/* context.h: the context, whole. Seen by the files of src/base alone; the rest goes through base.h. */
#ifndef CN__CONTEXT_H
#define CN__CONTEXT_H
#include "base.h"
#include <pthread.h>

typedef struct cn__memory {
    cn_allocator    by;
    pthread_mutex_t lock;                                /* the allocator is never called twice at a time */
    size_t          now, peak, limit;
    cn_status       refusal;                             /* why the last request failed, and how large it was */
    size_t          refused;
} cn__memory;

/* An error that handles carry: shared by all that inherited it. */
typedef struct cn__shared_error {
    cn__error error;                                     /* first: cn__obj.err points to it */
    size_t    refs;
    struct cn__shared_error *prev, *next;
} cn__shared_error;

typedef struct cn__closer { void (*f)(cn_ctx *, void *); void *with; struct cn__closer *next; } cn__closer;
typedef struct cn__count { const char *name; int64_t n; } cn__count;

struct cn_ctx {
    cn__obj         obj;                                 /* err: cn_open could not do what it was asked */
    cn__memory      memory;
    pthread_mutex_t lock;                                /* of handles' list and references, of errors and the record */
    cn__obj        *handles;                             /* the newest first */
    cn__obj         spare[CN__KINDS];                    /* given out where there is no memory for a handle */
    bool            closing;
    cn__error       record, no_memory;                   /* no_memory: carried by the spares */
    cn__shared_error *errors;
    cn_logger       log;
    cn_level        log_level;
    uint64_t        seed;
    int             threads;
    cn_files        files;
    const char     *backend;
    cn__arena       arena;
    CN__VEC(cn__count) unique;
    void           *slot[CN__SLOTS];
    cn__closer     *closers;
    struct cn__team *team;
};

/* memory.c. The first block is that of the context itself. */
cn_ctx *cn__memory_open(const cn_allocator *, size_t limit);
void    cn__memory_close(cn_ctx *);
void    cn__memory_why(cn_ctx *, cn__error *);           /* says why the last request failed */

/* handle.c */
void    cn__handles_open(cn_ctx *);
void    cn__handles_release(cn_ctx *);                   /* gives back the user's references */
void    cn__handles_destroy(cn_ctx *);                   /* what is left, whoever refers to it */

/* error.c */
void    cn__record(cn_ctx *, const cn__error *, bool acted);
void    cn__error_ref(cn_ctx *, const cn__error *);
void    cn__error_unref(cn_ctx *, const cn__error *);
void    cn__errors_free(cn_ctx *);

#endif
