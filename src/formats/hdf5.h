/* hdf5.h: the part of HDF5 that Keras's files use, read and written. Format: "HDF5 File Format Specification Version
   3.0" (The HDF Group); section numbers in hdf5_*.c are of that text.

   Read: what h5py writes with its defaults (superblock 0, symbol-table groups, compact, contiguous and chunked data,
   gzip, shuffle, fletcher32, integers, floats, enumerated booleans, strings of fixed and of variable length,
   attributes, hard and soft links), and libver='latest' (superblocks 2 and 3, compact and dense links and attributes,
   the chunk indices of layout version 4). All else is refused by its name: external files, virtual data sets,
   references, compounds, other filters. Nothing outside the given bytes is ever opened. */
#ifndef CN__HDF5_H
#define CN__HDF5_H
#include "base/file.h"

/* ---- Reading: a file that lies in memory, the caller's until cn__h5_close ---------------------------------------- */
typedef struct cn__h5 cn__h5;
typedef struct cn__h5_object cn__h5_object;              /* a group or a data set; belongs to the file */
typedef struct cn__h5_link { const char *name; uint64_t order; bool soft; } cn__h5_link;

/* What a data set or an attribute holds. dtype CN_STRING: strings of either kind; CN_BOOL: h5py's enumerated booleans;
   floats of 2, 4, 8 bytes (and bfloat16 as ml_dtypes writes it), integers of 1 to 8 (unsigned ones of 8 as CN_INT64,
   values above 2^63 - 1 are refused). rank 0: one value. empty: no value at all (h5py.Empty; n is 0). */
typedef struct cn__h5_data { cn_dtype dtype; int rank; int64_t dim[CN_MAX_RANK]; int64_t n; bool empty; } cn__h5_data;

bool   cn__h5_is(const void *bytes, size_t n);           /* begins as HDF5 */
/* name: of the file, for messages. NULL: recorded (CN_E_FORMAT, CN_E_UNSUPPORTED, CN_E_LIMIT with name and offset). */
cn__h5 *cn__h5_open(cn_ctx *, const char *site, const char *name, const void *bytes, size_t n);
void    cn__h5_close(cn__h5 *);

const cn__h5_object *cn__h5_root(cn__h5 *);
/* path: "model_weights/dense/kernel:0", from a group (or the root: NULL); soft links are followed, at most 16. NULL
   with nothing recorded: it is not there; NULL with the context's error: the file is damaged there (cn__h5_failed). */
const cn__h5_object *cn__h5_find(cn__h5 *, const cn__h5_object *group, const char *path);
bool    cn__h5_failed(const cn__h5 *);                   /* an error was recorded since it was opened */
bool    cn__h5_is_group(const cn__h5_object *);
const char *cn__h5_path(const cn__h5_object *);          /* "/layers/dense/vars", for messages */
/* The links of a group by name; *n of them. NULL: none, or damaged. Who walks a whole file leaves the soft ones alone:
   they may lead upwards, in circles. */
const cn__h5_link *cn__h5_links(cn__h5 *, const cn__h5_object *group, size_t *n);

bool cn__h5_data_of(cn__h5 *, const cn__h5_object *, cn__h5_data *);         /* of a data set; false: recorded */
/* All of it, n values of its dtype, row-major, in this machine's order. Strings: see below. false: recorded. */
bool cn__h5_read(cn__h5 *, const cn__h5_object *, void *to, size_t bytes);
/* Where it lies as it stands (contiguous, no filter, this machine's order, an address that its type may have), without
   a copy; NULL: use cn__h5_read. */
const void *cn__h5_in_place(cn__h5 *, const cn__h5_object *);
/* n strings (each ends in NUL) and an empty one behind them, in the arena. NULL: recorded. */
const char **cn__h5_read_strings(cn__h5 *, const cn__h5_object *, cn__arena *);

bool cn__h5_attr(cn__h5 *, const cn__h5_object *, const char *name, cn__h5_data *);   /* false: not there, or damaged */
bool cn__h5_attr_read(cn__h5 *, const cn__h5_object *, const char *name, void *to, size_t bytes);
const char **cn__h5_attr_strings(cn__h5 *, const cn__h5_object *, const char *name, cn__arena *);
const char *const *cn__h5_attr_names(cn__h5 *, const cn__h5_object *, size_t *n);

/* ---- Writing: as h5py with its defaults does (superblock 0, symbol tables, contiguous data) -------------------------

   The tree is built first; names and attributes are copied, the numbers of data sets are borrowed until it is emitted.
   Emitting is repeatable and gives the same bytes each time: once to count and to checksum, once to write. */
typedef struct cn__h5_out cn__h5_out;
typedef struct cn__h5_node cn__h5_node;                  /* of the tree; NULL: it failed; taken and passed on by all */

cn__h5_out  *cn__h5_new(cn_ctx *);                       /* NULL: no memory, recorded */
cn_ctx      *cn__h5_ctx(const cn__h5_out *);
cn__h5_node *cn__h5_new_root(cn__h5_out *);
cn__h5_node *cn__h5_group(cn__h5_out *, cn__h5_node *parent, const char *path);        /* made where missing: "a/b" */
cn__h5_node *cn__h5_dataset(cn__h5_out *, cn__h5_node *parent, const char *name, cn_dtype, int rank, const int64_t *dim,
                            const void *data);    /* CN_STRING: const char *const *, strings of variable length */
void cn__h5_set(cn__h5_out *, cn__h5_node *, const char *name, cn_dtype, int rank, const int64_t *dim, const void *);
void cn__h5_set_text(cn__h5_out *, cn__h5_node *, const char *name, const char *text);     /* one, variable length */
/* A list of strings of fixed length, as Keras 2 and 3 write weight_names (NumPy's S type). In pieces name0, name1 ...
   where an attribute would be above 64,512 bytes, as Keras does (HDF5_OBJECT_HEADER_LIMIT). */
void cn__h5_set_names(cn__h5_out *, cn__h5_node *, const char *name, const char *const *names, size_t n);
bool      cn__h5_emit(cn__h5_out *, cn__sink *, uint64_t *size);    /* sink NULL: size only. false: recorded, or stop */
void      cn__h5_drop(cn__h5_out *);
#endif
