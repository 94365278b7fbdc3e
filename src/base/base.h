/* base.h: what every room stands on: errors that stick, memory, handles, text, files. No deep learning in here.

   Naming: cn_ is public, cn__ is private and crosses files, static functions have no prefix. */
#ifndef CN__BASE_H
#define CN__BASE_H
#include "cornu/base.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#define CN__PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define CN__COUNT(array)      (sizeof(array) / sizeof *(array))
#define CN__MIN(a, b)         ((a) < (b) ? (a) : (b))
#define CN__MAX(a, b)         ((a) > (b) ? (a) : (b))

/* ---- Checked arithmetic: false on overflow ----------------------------------------------------------------------- */
static inline bool cn__mul_size(size_t a, size_t b, size_t *r) { return !__builtin_mul_overflow(a, b, r); }
static inline bool cn__add_size(size_t a, size_t b, size_t *r) { return !__builtin_add_overflow(a, b, r); }
static inline bool cn__mul_i64(int64_t a, int64_t b, int64_t *r) { return !__builtin_mul_overflow(a, b, r); }
static inline bool cn__add_i64(int64_t a, int64_t b, int64_t *r) { return !__builtin_add_overflow(a, b, r); }

/* ---- Handles --------------------------------------------------------------------------------------------------------

   cn__obj is the first member of every handle, the context included. A handle lives until its user's reference (one,
   given back by cn_free or cn_close) and those of what was made of it (cn__ref) are gone; then destroy(self) releases
   what it holds (not the block itself). Small symbolic handles (layer, tensor, node) are never freed by the user: made
   by cn__new_small they stay until cn_close, and cn__ref and cn__unref leave them alone. What they hold goes by
   cn__ctx_at_close. A handle made on a context that carries an error (cn_open could not do what it was asked) carries
   that error. */
typedef enum cn__kind {
    CN__CTX = 1, CN__ARRAY, CN__TABLE, CN__DATASET, CN__TENSOR, CN__LAYER, CN__MODEL, CN__RUNNER, CN__STATE, CN__WATCH,
    CN__GRAPH, CN__NODE, CN__KINDS
} cn__kind;

#define CN__MAGIC      0x436f726eu                       /* "Corn" */
#define CN__ERROR_TEXT 1024

typedef struct cn__error { cn_status status; char text[CN__ERROR_TEXT]; } cn__error;

typedef struct cn__obj {
    uint32_t magic;
    uint16_t kind;
    bool     user;                                       /* the user's reference is still held */
    bool     small;                                      /* lives in an arena: no block of its own */
    uint32_t refs;                                       /* all references */
    size_t   size;
    cn_ctx  *ctx;
    struct cn__obj *prev, *next;                         /* in the context's list; NULL for small ones */
    const cn__error *err;                                /* sticks; NULL: sound */
    void   (*destroy)(void *self);
} cn__obj;

/* A zeroed handle of size bytes on ctx with one (the user's) reference. Never NULL while there is a context: without
   memory the context's spare poisoned handle of that kind, of which only the cn__obj may be touched: look at cn__bad
   first. */
void *cn__new(cn_ctx *, cn__kind, size_t size, void (*destroy)(void *self));
/* The same for a small handle, in memory of the context that lives until cn_close. */
void *cn__new_small(cn_ctx *, cn__kind, size_t size);
void  cn__ref(void *handle);                             /* NULL is fine */
void  cn__unref(void *handle);
bool  cn__bad(const void *handle);                       /* NULL, or it carries an error */
cn_status cn__status_of(const void *handle);             /* CN_OK; NULL: CN_E_NOMEM */
bool  cn__is(const void *handle, cn__kind);              /* not NULL and of this kind */

/* ---- Errors ---------------------------------------------------------------------------------------------------------

   What builds: return cn__poison(h, site, CN_E_SHAPE, "dense \"%s\": ...", name): the first error stays on the handle,
   and on the context's record if that is empty. cn__inherit(h, from) passes from's error on, if it has one; both give
   h. What acts: return cn__fail(ctx, site, status, ...): recorded by the context, the last one wins; returns status.
   cn__fail_with(h): acts on a handle that carries an error: records it and returns its status. site may be NULL. */
void     *cn__poison(void *handle, const char *site, cn_status, const char *format, ...) CN__PRINTF(4, 5);
void     *cn__inherit(void *handle, const void *from);
cn_status cn__fail(cn_ctx *, const char *site, cn_status, const char *format, ...) CN__PRINTF(4, 5);
cn_status cn__fail_with(const void *handle);
cn_status cn__nomem(cn_ctx *);                          /* records why cn__alloc gave NULL: CN_E_NOMEM, or CN_E_LIMIT */
/* for records elsewhere */
void      cn__error_set(cn__error *, const char *site, cn_status, const char *format, va_list);
void      cn__error_print(cn__error *, const char *site, cn_status, const char *format, ...) CN__PRINTF(4, 5);

/* ---- Memory: blocks aligned to 64 bytes, from the context's allocator, counted against its limit. NULL: out of memory
   (or over the limit); nothing is recorded, say so with cn__nomem. Safe from any thread of the library. ------------ */
void *cn__alloc(cn_ctx *, size_t size);                  /* contents undefined; size 0 gives a block as well */
void *cn__alloc0(cn_ctx *, size_t size);
void *cn__realloc(cn_ctx *, void *block, size_t old_size, size_t size);     /* NULL: the old block stays */
void  cn__free(cn_ctx *, void *block, size_t size);      /* NULL is fine */

/* An arena that grows; everything goes at once. cn__arena_alloc gives zeroed memory aligned to 16 bytes, or NULL. */
typedef struct cn__arena { cn_ctx *ctx; struct cn__arena_block *block; } cn__arena;
void *cn__arena_alloc(cn__arena *, size_t size);
char *cn__arena_text(cn__arena *, const char *text);                        /* a copy; NULL for NULL */
char *cn__arena_printf(cn__arena *, const char *format, ...) CN__PRINTF(2, 3);
void  cn__arena_free(cn__arena *);
cn__arena *cn__ctx_arena(cn_ctx *);                      /* until cn_close: for what is never freed by hand */

/* A growing list: struct { CN__VEC(int) v; }  if (!cn__push(ctx, &v, 7)) ...;  v.at[i], v.n */
#define CN__VEC(T)            struct { T *at; size_t n, cap; }
#define cn__push(ctx, v, ...) (cn__vec_room((ctx), (void **)&(v)->at, &(v)->cap, (v)->n, sizeof *(v)->at) \
                               ? ((v)->at[(v)->n++] = (__VA_ARGS__), true) : false)
#define cn__vec_free(ctx, v) \
    (cn__free((ctx), (v)->at, (v)->cap * sizeof *(v)->at), (v)->at = NULL, (v)->n = (v)->cap = 0)
bool cn__vec_room(cn_ctx *, void **at, size_t *cap, size_t n, size_t item);  /* room for one more */

/* ---- Text: a string that grows. After out of memory it swallows everything and says so. -------------------------- */
typedef struct cn__text { cn_ctx *ctx; char *at; size_t n, cap; bool nomem; } cn__text;
void        cn__text_add(cn__text *, const char *format, ...) CN__PRINTF(2, 3);
void        cn__text_bytes(cn__text *, const char *bytes, size_t n);
const char *cn__text_get(const cn__text *);              /* "" when empty */
void        cn__text_clear(cn__text *);                  /* keeps the memory */
void        cn__text_free(cn__text *);
bool        cn__parse_double(const char *text, double *value);   /* all of it, independent of the locale */
bool        cn__parse_int(const char *text, int64_t *value);
/* n when all of it is, else the offset of the first bad byte */
size_t      cn__utf8_valid(const char *bytes, size_t n);
size_t      cn__edit_distance(const char *a, const char *b);     /* for "did you mean" */

/* ---- Log --------------------------------------------------------------------------------------------------------- */
void cn__log(cn_ctx *, cn_level, const char *format, ...) CN__PRINTF(3, 4);
bool cn__log_silent(const cn_ctx *);                     /* no logger was given */

/* ---- Settings of the context ------------------------------------------------------------------------------------- */
uint64_t        cn__seed(const cn_ctx *);
int             cn__threads(const cn_ctx *);             /* resolved: at least 1 */
struct cn__team *cn__ctx_team(cn_ctx *);                 /* started at its first use; NULL: no memory or no thread */
const char     *cn__backend_names(const cn_ctx *);       /* "cpu" */
size_t          cn__memory_limit(const cn_ctx *);
size_t          cn__memory_bound(cn_ctx *, size_t more); /* for a while: that much more at most. Value: for unbound */
void            cn__memory_unbound(cn_ctx *, size_t limit);
const cn_files *cn__files(const cn_ctx *);               /* whole: the system's functions where none were given */
int64_t         cn__unique(cn_ctx *, const char *snake); /* how often this name was asked for before: 0, 1 ... */
void          **cn__ctx_slot(cn_ctx *, int slot);  /* a pointer that a room keeps on the context (custom classes ...) */
/* f is called by cn_close, the last first, when the user's references are gone but memory, arena and team still stand.
   false: no memory for it. */
bool            cn__ctx_at_close(cn_ctx *, void (*f)(cn_ctx *, void *), void *);
enum { CN__SLOT_NN, CN__SLOT_MODEL, CN__SLOT_DATA, CN__SLOT_EXEC, CN__SLOTS };

/* ---- Options ----------------------------------------------------------------------------------------------------- */
/* The caller's args, whole: what a caller compiled with an older header does not have reads as zero. */
#define CN__ARGS(T, name, given)                                                                        \
    T name = { .head = { .size = 0 } };                                                                 \
    if (given) memcpy(&name, (given), CN__MIN((size_t)(given)->head.size, sizeof name))

/* Mixes a number into a hash (splitmix64's finaliser). */
static inline uint64_t cn__hash(uint64_t h, uint64_t x)
{
    h ^= x + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}
uint64_t cn__hash_bytes(const void *bytes, size_t n);
/* FarmHash64: what a string is inside a graph; its values are fixed for good, Keras's lookups use them too. */
uint64_t cn__fingerprint(const void *bytes, size_t n);

#endif
