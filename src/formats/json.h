/* json.h: JSON text as a tree in an arena, and a tree as text. RFC 8259, and what Python's json module writes besides:
   bare NaN, Infinity and -Infinity. jansson parses; no other file sees it. */
#ifndef CN__JSON_H
#define CN__JSON_H
#include "base/base.h"

typedef enum cn__json_type {
    CN__JSON_NULL, CN__JSON_FALSE, CN__JSON_TRUE, CN__JSON_INT, CN__JSON_REAL, CN__JSON_STRING, CN__JSON_ARRAY,
    CN__JSON_OBJECT
} cn__json_type;
typedef struct cn__json {
    cn__json_type type;
    const char   *key;                                   /* in an object */
    const char   *text; size_t n;                        /* a string (UTF-8, ends in NUL) and its bytes; or children */
    int64_t       i;                                     /* INT */
    double        d;                                     /* INT, REAL */
    struct cn__json *first, *last, *next;                /* children in the order of the text; the next one beside */
} cn__json;

/* what names the text in messages: "model.keras: config.json". At most 64 MiB, 256 deep, 2 million values; a key twice
   in an object, a NUL in a string, bad UTF-8 and integers beyond 64 bits are refused. NULL: recorded (CN_E_FORMAT or
   CN_E_LIMIT with line, column and offset; CN_E_NOMEM). */
cn__json *cn__json_parse(cn__arena *, const char *site, const char *what, const char *text, size_t n);

/* Looking: NULL takes NULL and gives NULL. */
const cn__json *cn__json_get(const cn__json *object, const char *key);      /* NULL: not there, or not an object */
const cn__json *cn__json_at(const cn__json *array, size_t i);
const char     *cn__json_text(const cn__json *);                            /* NULL: not a string */
bool            cn__json_is(const cn__json *, cn__json_type);
static inline bool cn__json_some(const cn__json *j) { return j && j->type != CN__JSON_NULL; }    /* there, not null */

/* Building: in the arena, strings copied. Without memory NULL, which all of these take and pass on. */
cn__json *cn__json_new(cn__arena *, cn__json_type);
cn__json *cn__json_string(cn__arena *, const char *text);                   /* NULL: null */
cn__json *cn__json_int(cn__arena *, int64_t);
cn__json *cn__json_real(cn__arena *, double);                               /* printed with a point or an exponent */
cn__json *cn__json_bool(cn__arena *, bool);
cn__json *cn__json_copy(cn__arena *, const cn__json *);                     /* deep */
/* Both give the container; child NULL (no memory): NULL. */
cn__json *cn__json_set(cn__arena *, cn__json *object, const char *key, cn__json *child);
cn__json *cn__json_push(cn__json *array, cn__json *child);

/* As Python's json.dumps writes it: ", " and ": ", numbers as short as they can be read back exactly, NaN and Infinity
   bare, other than ASCII as \u; indent 0: in one line. */
void cn__json_print(cn__text *, const cn__json *, int indent);
void cn__json_print_begin(cn__text *, const cn__json *, size_t most);       /* the first bytes, for messages */
#endif
