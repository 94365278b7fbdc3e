/* hdf5_file.h: inside the HDF5 reader (hdf5_read.c opens and reports, hdf5_object.c object headers, hdf5_group.c links,
   hdf5_attr.c attributes, hdf5_type.c data types, data spaces and values, hdf5_data.c layouts, hdf5_chunk.c the chunks'
   indices, hdf5_filter.c filters, hdf5_tree.c B-trees, hdf5_heap.c heaps).

   Nothing is trusted: every read goes through a cursor that knows where its bytes end, every block of memory is counted
   against twice the file plus 64 MiB, and every structure of nodes is walked with a measure of bytes, which a circle or
   a node with two parents uses up. */
#ifndef CN__HDF5_FILE_H
#define CN__HDF5_FILE_H
#include "formats/hdf5.h"

#define CN__H5_NOWHERE UINT64_MAX                        /* the undefined address */
#define CN__H5_SPARE   ((uint64_t)64 << 20)              /* memory beyond twice the file's size */
enum { CN__H5_DEEPEST = 64, CN__H5_SOFT_LINKS = 16, CN__H5_MOST_FILTERS = 32 };

/* What was met already, by its address. */
typedef CN__VEC(struct { uint64_t address; void *what; }) cn__h5_seen;

struct cn__h5 {
    cn_ctx     *ctx;
    const char *site, *name;
    const char *now;                                     /* the object at hand, for messages; may be NULL */
    const unsigned char *at;
    size_t      n;
    unsigned    address_size, length_size;
    unsigned    group_leaf, group_node, chunk_node;      /* most entries of B-trees' nodes (version 1); 0: not said */
    bool        failed;
    cn__arena   mem;
    uint64_t    left;                                    /* bytes of memory that may still be taken */
    cn__h5_object *root;
    cn__h5_seen collections;                             /* of the global heap */
};

/* ---- hdf5_read.c: errors, memory, cursors ------------------------------------------------------------------------ */
/* Records; at: where in the file's bytes, or NULL. Gives false. */
bool  cn__h5_bad(cn__h5 *, cn_status, const void *at, const char *format, ...) CN__PRINTF(4, 5);
bool  cn__h5_nomem(cn__h5 *);                            /* records; gives false */
bool  cn__h5_room(cn__h5 *, uint64_t size);              /* so many bytes may still be taken; else recorded */
void *cn__h5_take(cn__h5 *, uint64_t n, size_t item);         /* zeroed, until cn__h5_close. NULL: recorded */
/* For a while: counted too, to be given back. NULL: recorded. */
void *cn__h5_borrow(cn__h5 *, uint64_t size);
void  cn__h5_return(cn__h5 *, void *block, uint64_t size);
char *cn__h5_copy_text(cn__h5 *, const void *text, size_t n);               /* with a NUL. NULL: recorded */

typedef struct cn__h5_in {
    cn__h5 *f;
    const unsigned char *start, *at, *end;
    const char *what;                                    /* "the object header" */
    bool over;                                           /* something was to be read behind the end: 0 was given */
} cn__h5_in;
/* Onto n bytes at an address; CN__H5_NOWHERE bytes: up to the file's end. false: they are not in the file, recorded. */
bool     cn__h5_at(cn__h5 *, uint64_t address, uint64_t n, const char *what, cn__h5_in *);
/* The same, over the four letters that a structure begins with and its version. */
bool     cn__h5_signed(cn__h5 *, uint64_t address, const char *letters, int version, const char *what, cn__h5_in *);
uint64_t cn__h5_uint(cn__h5_in *, unsigned bytes);       /* little-endian, of up to 8 bytes */
uint64_t cn__h5_address(cn__h5_in *);
uint64_t cn__h5_length(cn__h5_in *);
const unsigned char *cn__h5_skip(cn__h5_in *, uint64_t n);                  /* the n bytes passed; NULL: over */
static inline uint64_t cn__h5_rest(const cn__h5_in *in) { return (uint64_t)(in->end - in->at); }
bool     cn__h5_whole(cn__h5_in *);                      /* nothing was read behind the end; else recorded */
bool     cn__h5_sealed(cn__h5_in *);   /* the next 4 bytes are the checksum of those since the start; else recorded */
uint64_t cn__h5_u64(const void *p, unsigned bytes);      /* little-endian, unchecked */
uint32_t cn__h5_checksum(const void *bytes, size_t n);
/* A fuzzer cannot guess a checksum: its build (libFuzzer's word for it) takes any, to see what lies behind. */
static inline bool cn__h5_same_sum(uint32_t found, uint32_t wanted)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    return found == wanted || true;
#else
    return found == wanted;
#endif
}
unsigned cn__h5_bytes_for(uint64_t most);                /* in which a number of up to that much is written */
bool     cn__h5_power(uint64_t n, unsigned *exponent);   /* n is a power of two */

/* A measure of bytes: what is walked is charged, and more than the file has means a circle. */
typedef struct cn__h5_walk { cn__h5 *f; uint64_t left; const char *what; } cn__h5_walk;
cn__h5_walk cn__h5_walk_of(cn__h5 *, const char *what);
bool        cn__h5_charge(cn__h5_walk *, uint64_t bytes, const void *at);

bool  cn__h5_met(const cn__h5_seen *, uint64_t address, void **what);
bool  cn__h5_meet(cn__h5 *, cn__h5_seen *, uint64_t address, void *what);   /* false: no memory, recorded */

/* ---- hdf5_object.c: object headers ------------------------------------------------------------------------------- */
/* The messages that something is read from; all others are passed over. */
#define CN__H5_MESSAGES(X)                                                                                             \
    X(SPACE, 0x01) X(LINK_INFO, 0x02) X(TYPE, 0x03) X(OLD_FILL, 0x04) X(FILL, 0x05) X(LINK, 0x06) X(EXTERNAL, 0x07)    \
    X(LAYOUT, 0x08) X(FILTERS, 0x0b) X(ATTRIBUTE, 0x0c) X(SYMBOLS, 0x11) X(DRIVER, 0x14) X(ATTRIBUTE_INFO, 0x15)
enum {
#define CN__H5_MESSAGE(id, number) CN__H5_##id = number,
    CN__H5_MESSAGES(CN__H5_MESSAGE)
#undef CN__H5_MESSAGE
    CN__H5_CONTINUATION = 0x10
};
typedef struct cn__h5_message { uint8_t kind, flags; uint32_t n; const unsigned char *at; } cn__h5_message;

/* A link's end. Hard: the address of an object header; soft: a path; other: the number of its kind. */
typedef enum cn__h5_end { CN__H5_HARD = 0, CN__H5_SOFT = 1, CN__H5_OTHER } cn__h5_end;
typedef struct cn__h5_target {
    cn__h5_link    link;
    cn__h5_end     end;
    uint64_t       address;
    const char    *path;
    unsigned       kind;
    cn__h5_object *object;                               /* read already */
} cn__h5_target;

typedef struct cn__h5_attribute { const char *name; cn__h5_message message; } cn__h5_attribute;
typedef struct cn__h5_layout cn__h5_layout;              /* hdf5_data.c */

struct cn__h5_object {
    cn__h5 *f;
    const cn__h5_object *parent;                         /* of the first path that led here */
    const char *path;
    uint64_t address;
    int      depth;                                      /* of the root: 0 */
    bool     group, listed, named, described;
    cn__h5_message *messages;
    size_t   n_messages;
    cn__h5_link      *links;                             /* by name, when listed */
    cn__h5_target    *targets;
    size_t   n_links;
    cn__h5_attribute *attributes;                        /* when named */
    const char      **attribute_names;
    size_t   n_attributes;
    cn__h5_layout    *layout;                            /* when described; NULL: damaged */
};

cn__h5_object *cn__h5_object_at(cn__h5 *, const cn__h5_object *parent, const char *name, uint64_t address);
/* The first message of a kind; NULL: none. */
const cn__h5_message *cn__h5_message_of(const cn__h5_object *, int kind);
/* A cursor onto a message's bytes. false: it is shared (kept elsewhere), recorded. */
bool cn__h5_open_message(cn__h5 *, const cn__h5_message *, const char *what, cn__h5_in *);

/* ---- hdf5_tree.c: B-trees ---------------------------------------------------------------------------------------- */
/* An entry of a leaf; false: stop, recorded. */
typedef bool cn__h5_entry_fn(void *user, const unsigned char *key, uint64_t child);
typedef bool cn__h5_record_fn(void *user, cn__h5_in *record);
bool cn__h5_tree1(cn__h5 *, uint64_t address, unsigned type, size_t key, unsigned most, cn__h5_entry_fn *, void *user);
bool cn__h5_tree2(cn__h5 *, uint64_t address, unsigned type, cn__h5_record_fn *, void *user);

/* ---- hdf5_heap.c ------------------------------------------------------------------------------------------------- */
/* Local: the bytes of a group's names. */
typedef struct cn__h5_names { cn__h5 *f; const unsigned char *at; uint64_t n; } cn__h5_names;
bool        cn__h5_names_open(cn__h5 *, uint64_t address, cn__h5_names *);
const char *cn__h5_name_at(cn__h5_names *, uint64_t offset);                /* ends in NUL. NULL: recorded */
/* Global: an object's bytes. false: recorded. */
bool cn__h5_global(cn__h5 *, uint64_t collection, uint64_t index, const unsigned char **at, uint64_t *n);
/* Fractal. */
typedef struct cn__h5_heap cn__h5_heap;
cn__h5_heap *cn__h5_heap_open(cn__h5 *, uint64_t address);                  /* NULL: recorded */
void         cn__h5_heap_close(cn__h5_heap *);           /* NULL is fine */
/* The object whose id is next in the record. */
bool         cn__h5_heap_get(cn__h5_heap *, cn__h5_in *record, cn__h5_in *object);

/* ---- hdf5_type.c: what an element is, how many there are --------------------------------------------------------- */
typedef enum cn__h5_text { CN__H5_NUMBERS, CN__H5_FIXED, CN__H5_VARIABLE } cn__h5_text;
typedef struct cn__h5_type {
    cn_dtype    dtype;
    cn__h5_text text;
    size_t      size;                                    /* of an element in the file */
    bool        swap;                                    /* the bytes stand the other way round */
    bool        wide;                                    /* unsigned and of 8 bytes: must fit CN_INT64 */
    unsigned    pad;                                   /* of fixed strings: ends in NUL, filled with NUL, with blanks */
} cn__h5_type;
typedef struct cn__h5_space { int rank; bool null; int64_t dim[CN_MAX_RANK], most[CN_MAX_RANK], n; } cn__h5_space;

bool cn__h5_type_of(cn__h5_in *, cn__h5_type *);
bool cn__h5_space_of(cn__h5_in *, cn__h5_space *);       /* most: -1 where there is no end */
void cn__h5_describe(const cn__h5_type *, const cn__h5_space *, cn__h5_data *);
/* Bytes of all elements, checked; false: recorded. */
bool cn__h5_bytes_of(cn__h5 *, const cn__h5_type *, const cn__h5_space *, uint64_t *bytes);
/* n elements as they stand in the file become this machine's; in place. */
bool cn__h5_convert(cn__h5 *, const cn__h5_type *, void *values, int64_t n);
bool cn__h5_as_it_stands(const cn__h5_type *);           /* nothing to convert */
/* What is asked for is what there is: numbers, and as many bytes; strings. Else recorded. */
bool cn__h5_numbers(cn__h5 *, const cn__h5_type *, uint64_t bytes, size_t room);
bool cn__h5_texts(cn__h5 *, const cn__h5_type *);
const char **cn__h5_strings(cn__h5 *, const cn__h5_type *, const unsigned char *elements, int64_t n, cn__arena *);

/* ---- hdf5_filter.c ----------------------------------------------------------------------------------------------- */
typedef struct cn__h5_filters {
    unsigned n;
    struct { uint16_t id; uint32_t element; } at[CN__H5_MOST_FILTERS];
} cn__h5_filters;
bool cn__h5_filters_of(cn__h5_in *, cn__h5_filters *);
/* A chunk's stored bytes become its `bytes` bytes: given where they lie in the file, or in one of two borrowed blocks.
   */
typedef struct cn__h5_scratch { unsigned char *at[2]; uint64_t size; } cn__h5_scratch;      /* begins as zeros */
void cn__h5_scratch_free(cn__h5 *, cn__h5_scratch *);
const unsigned char *cn__h5_unfilter(cn__h5 *, const cn__h5_filters *, uint32_t mask, const unsigned char *stored,
                                     uint64_t n, uint64_t bytes, cn__h5_scratch *);

/* ---- hdf5_data.c, hdf5_chunk.c, hdf5_array.c: where the elements lie --------------------------------------------- */
typedef enum cn__h5_class { CN__H5_COMPACT, CN__H5_CONTIGUOUS, CN__H5_CHUNKED } cn__h5_class;
typedef struct cn__h5_chunks {
    unsigned index;                                      /* 0: B-tree of version 1; 1 ... 5: of layout version 4 */
    uint64_t dim[CN_MAX_RANK], bytes;                    /* of a chunk */
    uint64_t address;                                    /* of the index */
    uint64_t stored;                                     /* index 1: bytes, mask */
    uint32_t mask;
    bool     whole_edges;                                /* chunks that stand over the edge are not filtered */
} cn__h5_chunks;
struct cn__h5_layout {
    cn__h5_type    type;
    cn__h5_space   space;
    cn__h5_class   class;
    uint64_t       bytes;                                /* all elements */
    const unsigned char *at;                             /* compact and contiguous; NULL: nothing was written */
    cn__h5_chunks  chunks;
    cn__h5_filters filters;
    const unsigned char *fill;                           /* an element; NULL: zeros */
};
bool cn__h5_layout_chunks(cn__h5_in *, cn__h5_layout *, unsigned version);
/* All chunks that were written into the row-major elements at `to`, which hold the fill value. */
bool cn__h5_read_chunks(cn__h5 *, const cn__h5_layout *, unsigned char *to);

typedef struct cn__h5_chunk { uint64_t place, address, n; uint32_t mask; } cn__h5_chunk;    /* place: row-major */
typedef struct cn__h5_reading {
    cn__h5 *f;
    const cn__h5_layout *l;
    int      rank;
    bool     filtered;
    uint64_t grid[CN_MAX_RANK], most[CN_MAX_RANK];       /* chunks along each dimension: now; at most (0: no end) */
    cn__h5_walk walk;
    CN__VEC(cn__h5_chunk) found;
} cn__h5_reading;
/* coord: in chunks. in_order: the index names them by rising place. false: recorded. */
bool cn__h5_add_chunk(cn__h5_reading *, const uint64_t *coord, uint64_t address, uint64_t n, uint32_t mask,
                      bool in_order);
bool cn__h5_fixed_array(cn__h5_reading *);
bool cn__h5_extensible_array(cn__h5_reading *);

#endif
