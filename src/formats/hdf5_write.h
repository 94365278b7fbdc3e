/* hdf5_write.h: the tree of an HDF5 file to be, as hdf5_write.c builds it and hdf5_emit.c lays it out. */
#ifndef CN__HDF5_WRITE_H
#define CN__HDF5_WRITE_H
#include "formats/hdf5.h"

/* What a data set or an attribute holds. Strings of variable length lie in global heaps: the value knows the first of
   its n texts; those of fixed length (width bytes each, filled up with NUL) are data like numbers. */
typedef struct cn__h5_value {
    cn_dtype dtype;
    size_t   width;                                      /* bytes of each in the file */
    int      rank;
    int64_t  dim[CN_MAX_RANK];
    size_t   n, bytes;
    const void *data;                                    /* NULL: strings of variable length */
    size_t   text;
} cn__h5_value;

typedef struct cn__h5_attribute { const char *name; cn__h5_value value; } cn__h5_attribute;

struct cn__h5_node {
    const char *name;
    bool     group;
    CN__VEC(cn__h5_node *) links;                        /* of a group, by name */
    cn__h5_value value;                                  /* of a data set */
    CN__VEC(cn__h5_attribute) attributes;
    uint64_t header, heap, tree, data;                   /* addresses, learned by walking once */
    uint64_t name_at;                                    /* of the name, in the heap of the group above */
};

/* A string of variable length, and the global heap that it lies in, as its index-th. */
typedef struct cn__h5_text { const char *at; uint32_t size, index; size_t heap; } cn__h5_text;
typedef struct cn__h5_heap { size_t first, n; uint64_t size, used, address; } cn__h5_heap;

struct cn__h5_out {
    cn_ctx   *ctx;
    cn__arena mem;
    CN__VEC(cn__h5_node *) nodes;                        /* all, the root first, groups before what is in them */
    CN__VEC(cn__h5_text) texts;
    CN__VEC(cn__h5_heap) heaps;
    uint64_t  size;                                      /* of the file, learned by walking once */
    cn__error error;                                     /* the first one */
};

/* Records the first failure in out. */
void cn__h5_out_fail(cn__h5_out *, cn_status, const char *format, ...) CN__PRINTF(3, 4);

enum { CN__H5_HEAP_HEAD = 16, CN__H5_HEAP_ITEM = 16, CN__H5_HEAP_LEAST = 4096 };       /* bytes: spec, III.E */
static inline uint64_t cn__h5_round8(uint64_t n) { return (n + 7) & ~(uint64_t)7; }
#endif
