/* cornu/base.h: how every call looks, errors, the context. */
#ifndef CN_BASE_H
#define CN_BASE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CN_VERSION_MAJOR 0                   /* within a major version nothing goes away and structs grow at their ends only */
#define CN_VERSION_MINOR 1
#define CN_VERSION_PATCH 0
#define CN_VERSION       (CN_VERSION_MAJOR * 1000000 + CN_VERSION_MINOR * 1000 + CN_VERSION_PATCH)

#if defined CN_STATIC
#  define CN_EXPORT
#elif defined _WIN32
#  define CN_EXPORT __declspec(dllimport)
#elif defined __GNUC__
#  define CN_EXPORT __attribute__((visibility("default")))
#else
#  define CN_EXPORT
#endif
#if defined __GNUC__
#  define CN_MUST_CHECK __attribute__((warn_unused_result))
#else
#  define CN_MUST_CHECK
#endif
#if defined __cplusplus
#  define CN_API       extern "C" CN_EXPORT
#  define CN_FAMILY(T) T                     /* CN_RELU is cn_act{ "relu" } in C++ ...               */
#else
#  define CN_API       extern CN_EXPORT
#  define CN_FAMILY(T) (T)                   /* ... and the compound literal (cn_act){ "relu" } in C */
#endif

/* ---- How every call with options looks --------------------------------------------------------------------------------

   cn_dense(x, 64, .activation = CN_RELU) is a macro. It fills a struct cn_dense_args, in C's own words: what must be
   said comes first and by place, and is taken as it stands; all else comes by name. The plain function has the same
   name and takes the struct. C++ and other languages call it, and so does C where options are put together by and by:

       CN_ARGS(cn_fit, a);
       a.on = m, a.x = x, a.y = y;
       if (quick) a.epochs = 1;
       if ((cn_fit)(&a)) ...                    the parentheses keep the macro out; C++ needs none

   - Zero means the default, in every option; where zero itself is wanted and is not the default, write CN_ZERO.
   - A list in braces ends at its first zero: .inputs = { a, b }, {28, 28}; an axis 0 in a list is CN_AXIS0. A size that
     says less than it could repeats its last number: {3} is 3 x 3.
   - Numbers are double and int64_t: 1e-3 needs no suffix, and a file gets the very number that was written.
   - Everything passed is borrowed for the call; strings are copied.
   - The tables CN_..._FIELDS are the one description of the options: type, name, default, meaning. The struct, the
     defaults, the JSON of .keras files, the checks of types and `cornu list` come from them. */

#define CN_MAX_IO    64                      /* tensors, arrays or nodes that one list in braces holds */
#define CN_MAX_LIST  16                      /* outputs, metrics or callbacks */
#define CN_MAX_RANK  8                       /* dimensions */

typedef struct cn_head {                     /* first in every args struct; CN_HEAD(type) fills it */
    uint8_t     mark, version[3];            /* the library's; the version of the header that the caller was compiled with */
    uint32_t    size;                        /* sizeof the struct as the caller knows it: newer fields read as zero */
    const char *site;                        /* "train.c:14", for messages; may be NULL */
    const char *kind;                        /* the library's */
} cn_head;

#define CN_STR2(x)  #x
#define CN_STR(x)   CN_STR2(x)
#if defined CN_NO_SITE                       /* no file names in the binary */
#  define CN_SITE   NULL
#else
#  define CN_SITE   __FILE__ ":" CN_STR(__LINE__)
#endif
#define CN_HEAD(T)  { 0, { CN_VERSION_MAJOR, CN_VERSION_MINOR, CN_VERSION_PATCH }, (uint32_t)sizeof(T), CN_SITE, NULL }
#if defined __cplusplus
#  define CN_ARGS(f, a)  f##_args a{}; a.head = CN_HEAD(f##_args)
#else
#  define CN_ARGS(f, a)  f##_args a = { .head = CN_HEAD(f##_args) }
#endif
#define CN_CALL(f, ...)  (f)(&(f##_args){ .head = CN_HEAD(f##_args), __VA_ARGS__ })    /* C only */

struct cn_name_the_option;                   /* never defined: an option without its .name = does not compile */
#define CN_BY_NAME  struct cn_name_the_option *by_name_only_

#define CN_MEMBER(type, name, preset, help)  type name;
#define CN_STRUCT(name, required, FIELDS)                                                                  \
    typedef struct name##_args { cn_head head; required CN_BY_NAME; FIELDS(CN_MEMBER) } name##_args
#define CN_DECLARE(result, name, required, FIELDS)                                                         \
    CN_STRUCT(name, required, FIELDS);                                                                     \
    CN_API result name(name##_args *args)                          /* of args only the head is written to */

#define CN_FIRST2(a, ...)      a
#define CN_FIRST(...)          CN_FIRST2(__VA_ARGS__, 0)
#define CN_SECOND2(a, b, ...)  b
#define CN_SECOND(...)         CN_SECOND2(__VA_ARGS__, 0, 0)

typedef const char *cn_text;                 /* UTF-8, ends in NUL */
typedef int64_t     cn_dims[CN_MAX_RANK];    /* a shape without the batch; ends at 0; CN_ANY: known only with the data */
typedef int64_t     cn_size2[2];             /* height, width; {3} is {3, 3} */
typedef enum cn_flag { CN_YES = 1, CN_NO } cn_flag;
#define CN_ANY    (-1)
#define CN_AXIS0  INT64_MIN
#define CN_ZERO   2.2250738585072014e-308    /* the smallest normal double, read as exactly 0 */

/* ---- Open sets are names, closed sets are enums -----------------------------------------------------------------------

   An activation, loss, metric, optimizer ... may be Keras's, may carry options, may be your own. It is written

       .activation = CN_RELU                          checked by the compiler
       .optimizer  = cn_adam(.learning_rate = 1e-4)   with options
       .loss       = { "acme>pinball" }               by its name in the file; every Keras string is one: { "mse" }

   Each family is a type of its own: a loss in the place of an optimizer does not compile. All three end in one look-up by
   name. What has options lives, as a compound literal does, until the block ends in which it was written: choose between
   two with ?:, not with if and braces. */

#define CN_FAMILIES(F)       F(act) F(initializer) F(regularizer) F(constraint) F(loss) F(metric) F(optimizer) F(schedule) \
                             F(callback)
#define CN_FAMILY_TYPE(f)    typedef struct cn_##f { const char *name; } cn_##f;
CN_FAMILIES(CN_FAMILY_TYPE)

typedef enum cn_dtype {
    CN_FLOAT32 = 1, CN_FLOAT64, CN_FLOAT16, CN_BFLOAT16, CN_INT8, CN_UINT8, CN_INT16, CN_UINT16, CN_INT32, CN_UINT32, CN_INT64,
    CN_BOOL, CN_STRING
} cn_dtype;

#define CN_WORD_MAP(X)  /* the fixed words of Keras's options; each option says which it takes */              \
    X(VALID, "valid") X(SAME, "same") X(CAUSAL, "causal") X(PRE, "pre") X(POST, "post")                        \
    X(CONCAT, "concat") X(SUM, "sum") X(MUL, "mul") X(AVE, "ave") X(DOT, "dot") X(NONE, "none")                \
    X(INT, "int") X(ONE_HOT, "one_hot") X(MULTI_HOT, "multi_hot") X(COUNT, "count") X(TF_IDF, "tf_idf")        \
    X(BINARY, "binary") X(CATEGORICAL, "categorical") X(NEAREST, "nearest") X(BILINEAR, "bilinear")            \
    X(CONSTANT, "constant") X(REFLECT, "reflect") X(WRAP, "wrap") X(RGB, "rgb") X(GRAYSCALE, "grayscale")      \
    X(LOWER, "lower") X(STRIP_PUNCTUATION, "strip_punctuation")                                                \
    X(LOWER_AND_STRIP_PUNCTUATION, "lower_and_strip_punctuation")                                              \
    X(WHITESPACE, "whitespace") X(CHARACTER, "character") X(TRAINING, "training") X(VALIDATION, "validation")  \
    X(MIN, "min") X(MAX, "max") X(HORIZONTAL, "horizontal") X(VERTICAL, "vertical") X(SINE, "sine")            \
    X(LEARNED, "learned") X(MIXED_BFLOAT16, "mixed_bfloat16") X(NORM, "norm")
typedef enum cn_word {
    CN_WORD_DEFAULT = 0,
#define CN_WORD_ENTRY(name, text) CN_##name,
    CN_WORD_MAP(CN_WORD_ENTRY)
#undef CN_WORD_ENTRY
    CN_WORD_COUNT
} cn_word;

/* Numbers or strings of yours, with their type and count: CN_NUMBERS(0.5, 2), CN_STRINGS("a", "b"), CN_BUFFER(p, n) for n
   numbers at float *p (or double *, int32_t *, uint8_t * ...). */
typedef struct cn_values { cn_dtype dtype; size_t count; const void *data; } cn_values;
#define CN_LITERAL(dtype, T, ...)  (&(cn_values){ dtype, sizeof((const T[]){ __VA_ARGS__ }) / sizeof(T), \
                                                  (const T[]){ __VA_ARGS__ } })
#define CN_NUMBERS(...)            CN_LITERAL(CN_FLOAT64, double, __VA_ARGS__)
#define CN_STRINGS(...)            CN_LITERAL(CN_STRING, cn_text, __VA_ARGS__)
#define CN_BUFFER(p, n)            (&(cn_values){ CN_DTYPE_OF(*(p)), (n), (p) })
#define CN_DTYPE_OF(v)  _Generic((v), float: CN_FLOAT32, double: CN_FLOAT64, int8_t: CN_INT8, uint8_t: CN_UINT8,      \
    int16_t: CN_INT16, uint16_t: CN_UINT16, int32_t: CN_INT32, uint32_t: CN_UINT32, int64_t: CN_INT64, cn_text: CN_STRING)

/* ---- Handles ----------------------------------------------------------------------------------------------------------

   Everything made is made on a context, and cn_close frees what is left of it. cn_free gives a model, array, table, data
   set, graph, runner, state or watch back earlier; what others were made of stays as long as they need it. Layers, tensors
   and nodes are not freed by hand: they are small and stay until cn_close; weights go with the last model that has them. */

typedef struct cn_ctx     cn_ctx;            /* settings, error record, threads, allocator; one thread's            */
typedef struct cn_array   cn_array;          /* numbers or strings in a shape                                       */
typedef struct cn_table   cn_table;          /* named columns, as in a CSV file                                     */
typedef struct cn_dataset cn_dataset;        /* samples: inputs, targets, weights                                   */
typedef struct cn_tensor  cn_tensor;         /* what flows between layers: a shape and a type, no numbers yet       */
typedef struct cn_layer   cn_layer;
typedef struct cn_model   cn_model;
typedef struct cn_runner  cn_runner;         /* all that one thread needs to run a model or a graph                 */
typedef struct cn_state   cn_state;          /* what recurrent layers remember of one stream                        */
typedef struct cn_watch   cn_watch;          /* a window on a value inside a model                                  */
typedef struct cn_graph   cn_graph;          /* the storey below: operations on values of known shape               */
typedef struct cn_node    cn_node;

CN_API void    cn_free  (void *handle);      /* any of the above but the context; NULL: nothing happens */
CN_API cn_ctx *cn_ctx_of(const void *handle);

/* ---- Errors -----------------------------------------------------------------------------------------------------------

   What builds (cn_dense, cn_array_from, cn_load ...) gives a handle, and never NULL while there is a context: an error
   sticks to the handle and passes to all that is built of it. What acts (cn_fit, cn_save ...) gives a status: its own, or
   the first error of what it was given; its handles stay usable. So build freely and look at the status of what acts.
   The context records the error of whatever last failed to act, or else the first that failed to build, until
   cn_clear_error; what does not hang on it goes on working. Nothing in the library prints, exits or aborts. Every function
   takes NULL and handles that carry an error. */

#define CN_STATUS_MAP(X)                                                   \
    X(OK,              0, "ok")                                             \
    X(E_NOMEM,        -1, "out of memory")                                  \
    X(E_VALUE,        -2, "bad argument")                                   \
    X(E_NAME,         -3, "nothing has this name")                          \
    X(E_SHAPE,        -4, "shapes do not fit")                              \
    X(E_DTYPE,        -5, "element types do not fit")                       \
    X(E_STATE,        -6, "call made too early or too late")                \
    X(E_IO,           -7, "file could not be read or written")              \
    X(E_FORMAT,       -8, "file is not in the expected format")             \
    X(E_LIMIT,        -9, "over a limit set by the caller")                 \
    X(E_NUMERIC,     -10, "a value became infinite or not a number")        \
    X(E_UNSUPPORTED, -11, "no backend of this build can do it")             \
    X(E_STOPPED,     -12, "stopped on request")                             \
    X(E_USER,        -13, "a function of the caller's failed")
typedef enum cn_status {
#define CN_STATUS_ENTRY(name, number, text) CN_##name = number,
    CN_STATUS_MAP(CN_STATUS_ENTRY)
#undef CN_STATUS_ENTRY
    CN_STATUS_END = 1
} cn_status;

/* Of a context: the error on record. Of any other handle: the one it carries. cn_error(NULL) is CN_E_NOMEM: cn_open failed.
   The message says where, what happened, what was expected and how to mend it:
     train.c:14: conv2d "conv2d_1": kernel 5x5 does not fit input 3x3x8 with padding "valid".
     Use .padding = CN_SAME or a smaller kernel.
   It lives until the next call on that handle. */
CN_API cn_status   cn_error        (const void *handle);
CN_API const char *cn_error_message(const void *handle);
CN_API void        cn_clear_error  (cn_ctx *);
CN_API const char *cn_status_text  (cn_status);

/* For functions of yours that the library calls: return cn_fail(c, CN_E_VALUE, "row 7 is empty"); */
CN_API cn_status   cn_fail(cn_ctx *, cn_status, const char *message);

/* ---- The context ------------------------------------------------------------------------------------------------------

   cn_open()       A context, or NULL if there was no memory for it; everything takes that NULL.
   cn_close(c)     Frees the context and all that was made on it. Returns 0, or 1 if it had an error: main can end with it.

   One thread uses a context at a time; several contexts never meet. Arrays may be read from any context and thread. */

typedef enum cn_level { CN_LOG_ERROR = 1, CN_LOG_WARNING, CN_LOG_PROGRESS, CN_LOG_INFO, CN_LOG_DEBUG } cn_level;
typedef struct cn_logger    { void (*log)(cn_level, const char *text, void *user); void *user; } cn_logger;
typedef struct cn_allocator {                /* blocks aligned to 64 bytes; never called twice at a time, nor within cn_run */
    void *(*alloc)(size_t size, void *user);
    void  (*free)(void *block, size_t size, void *user);
    void  *user;
} cn_allocator;
typedef enum cn_file_mode {
    CN_FILE_READ = 1,                        /* from its beginning                                                   */
    CN_FILE_NEW,                             /* written; fails if it is there                                        */
    CN_FILE_EMPTIED,                         /* written; what is there goes                                          */
    CN_FILE_APPEND,                          /* written behind what is there                                         */
    CN_FILE_FOLDER                           /* a folder, to be synced                                               */
} cn_file_mode;
typedef struct cn_files {                    /* how files are reached; what is NULL is the system's. Failures are -errno (-ENOENT) */
    int     (*open)  (const char *path, cn_file_mode mode, void *user);      /* a number of yours, 0 or above        */
    int64_t (*read)  (int file, void *bytes, size_t n, void *user);          /* how many came; 0: the end            */
    int64_t (*write) (int file, const void *bytes, size_t n, void *user);    /* how many went                        */
    int     (*sync)  (int file, void *user);                                 /* when it returns it is on the disk    */
    int     (*close) (int file, void *user);
    int     (*rename)(const char *from, const char *to, void *user);         /* takes the place of a file that is there */
    int     (*remove)(const char *path, void *user);
    void     *user;
    int     (*make_folder)(const char *path, void *user);                    /* -EEXIST: it is there                 */
    int64_t (*size)  (int file, void *user);                                 /* bytes; below 0 or NULL: not known    */
} cn_files;
typedef struct cn_comm      cn_comm;

#define CN_OPEN_FIELDS(F)                                                                                              \
    F(int64_t,         threads,       0,           "0: one for each processor that the process may use; 1: the caller's only") \
    F(int64_t,         seed,          1,           "same seed, same numbers, on any number of threads; CN_ANY: a new one")     \
    F(cn_logger,       log,           {0},         "{ function, user }: who hears messages and progress; none: nobody")        \
    F(cn_level,        log_level,     CN_LOG_INFO, "up to which level")                                                        \
    F(cn_allocator,    allocator,     {0},         "{ alloc, free, user }; none: malloc")                                      \
    F(int64_t,         memory_limit,  0,           "bytes, above which calls fail with CN_E_LIMIT; 0: half of the memory")     \
    F(const cn_comm *, comm,          NULL,        "several processes as one, see cn_mpi")                                     \
    F(cn_text,         backend,       "cpu",       "which ones, best first, such as \"cuda,cpu\"; \"ref\": the reference")        \
    F(cn_files,        files,         {0},         "{ open, read ... }: how files are reached; none: the system's")
CN_DECLARE(cn_ctx *, cn_open, , CN_OPEN_FIELDS);
CN_API int      cn_close  (cn_ctx *);
CN_API void     cn_log_stderr(cn_level, const char *text, void *user);     /* a ready one: .log = { cn_log_stderr, NULL };
                                                                              progress brings its own line ends, all else is a line */
CN_API int64_t  cn_memory (const cn_ctx *, bool peak);                     /* bytes in use now, or at most so far */
CN_API int      cn_version(void);                                          /* CN_VERSION of the library that runs */

/* Several processes, the same program: mpirun -n 4 ./train, cn_open(.comm = cn_mpi(NULL)). Each process takes its share of
   each batch; gradients are added up in a fixed order; progress, checkpoints and files come from rank 0 only; an error of
   one is an error of all. comm: an MPI_Comm *, or NULL for all processes. Without MPI in the build: CN_E_UNSUPPORTED. */
CN_API const cn_comm *cn_mpi(void *comm);
CN_API int      cn_rank (const cn_ctx *);                                  /* 0 when alone */
CN_API int      cn_ranks(const cn_ctx *);                                  /* 1 when alone */

#if !defined __cplusplus && !defined CN_NO_MACROS
#define CN_IS_HANDLE(h)      _Generic((h), cn_ctx *: 1, const cn_ctx *: 1, cn_array *: 1, const cn_array *: 1,             \
    cn_table *: 1, cn_dataset *: 1, const cn_dataset *: 1, cn_tensor *: 1, cn_layer *: 1, cn_model *: 1, const cn_model *: 1, \
    cn_runner *: 1, const cn_runner *: 1, cn_state *: 1, cn_watch *: 1, cn_graph *: 1, cn_node *: 1)
#define CN_HANDLE(h)         (CN_IS_HANDLE(h) ? (h) : NULL)
#define cn_open(...)         CN_CALL(cn_open, __VA_ARGS__)
#define cn_free(h)           (cn_free)(CN_HANDLE(h))
#define cn_ctx_of(h)         (cn_ctx_of)(CN_HANDLE(h))
#define cn_error(h)          (cn_error)(CN_HANDLE(h))
#define cn_error_message(h)  (cn_error_message)(CN_HANDLE(h))
#endif
#endif
