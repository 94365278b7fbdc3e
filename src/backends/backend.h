/* backend.h: what a backend is: a table of functions, some of them optional. Reached through backends.def only.

   A plan is a flat list of calls {fn, args, nrep, ntask} without addresses: each argument block is bytes with
   relocations; linking copies the blocks and writes absolute pointers into them. prepare() of a backend turns one
   instruction into one or more calls through the functions below; kernels then see nothing but their argument block.
   Rules of a kernel: it cannot fail, allocate or block, it does not ask how many threads there are; ntask and the
   borders of tasks depend on shapes only, each element has one writer, sums across tasks are partials (cn__prep_temp)
   added by a second call in a fixed order. Data-dependent errors set bits of the fault word. */
#ifndef CN__BACKEND_H
#define CN__BACKEND_H
#include "graph/graph.h"
#include "base/team.h"

typedef struct cn__prep cn__prep;                        /* what prepare() writes to (exec/prep.c) */

/* A new call: gives its zeroed argument block, to be filled with sizes and coefficients now, with pointers by
   cn__prep_ptr. kernel: its name, for explain. NULL: out of memory, recorded; pass it on. The block may move at the
   next call: fill it first. */
void *cn__prep_call(cn__prep *, cn__fn fn, const char *kernel, size_t args_size, uint32_t nrep, uint32_t ntask);
/* The pointer at field (inside the block just made) will point to the value's storage. Absent values and outputs
   nobody wants stay NULL. */
void  cn__prep_ptr(cn__prep *, void *field, cn__val);
void  cn__prep_var(cn__prep *, void *field, cn__var *);              /* to the variable's master */
void  cn__prep_mirror(cn__prep *, void *field, cn__var *, int slot); /* to mirror[slot] */
/* scratch in the arena; the same id: the same block, within one instruction */
void  cn__prep_temp(cn__prep *, void *field, size_t bytes, int id);
void  cn__prep_feed(cn__prep *, void *field, int feed);              /* to the cn__feed */
void  cn__prep_fault(cn__prep *, void *field);                       /* to the runner's atomic_uint fault word */
void  cn__prep_lane(cn__prep *, size_t bytes);                       /* scratch that each lane shall have at least */
void *cn__prep_keep(cn__prep *, size_t bytes);                       /* zeroed, as long as the plan; NULL: no memory */
bool  cn__prep_in_place(const cn__prep *, cn__val);                  /* this output lies in what it replaces */
void  cn__prep_name(cn__prep *, const char *detail);                 /* for explain: "13x2 tiles, 16 tasks" */
bool  cn__prep_wanted(const cn__prep *, cn__val);                    /* someone reads it */
cn__layout cn__prep_layout(const cn__prep *, cn__val);               /* of its storage */
/* How many mirrors of var an update that is in place has to write, with the master: 0 .. n - 1. */
int   cn__prep_mirrors(const cn__prep *, const cn__var *);
cn_status cn__prep_fail(cn__prep *, cn_status, const char *format, ...) CN__PRINTF(3, 4);

/* Rows of a data set in memory, read by BATCH: row i of the step = row order[cursor + i] (order NULL: cursor + i). */
typedef struct cn__feed {
    const void     *base;
    size_t          row_bytes;
    uint32_t        dtype;                               /* of what is there: converted while it is gathered */
    const uint32_t *order;
    uint64_t        cursor, rows;                        /* the run loop advances the cursor */
} cn__feed;

/* What a tile program (FUSED, PRODUCT; graph/attrs.h) may consist of. Registers hold float32; comparisons, IS_NAN,
   IS_FINITE and NOT make 1 and 0, which WHERE, NOT and CAST read. */
#define CN__TILE_OPS(F) \
    F(NEG) F(ABS) F(SIGN) F(EXP) F(EXPM1) F(LOG) F(LOG1P) F(SQRT) F(RSQRT) F(SQUARE) F(RECIPROCAL) F(SIN) F(COS)    \
    F(TANH) F(SIGMOID) F(SOFTPLUS) F(ERF) F(RELU) F(FLOOR) F(CEIL) F(ROUND) F(NOT) F(IS_FINITE) F(IS_NAN) F(CAST)   \
    F(ADD) F(SUB) F(MUL) F(DIV) F(POW) F(MIN) F(MAX) F(MOD) F(EQ) F(NE) F(LT) F(LE) F(GT) F(GE) F(WHERE)

typedef struct cn__backend {
    const char *name;
    /* NULL: there is a kernel for it; else why not, a static string ("rank above 2"). legalise then expands a
       composite. */
    const char *(*supports)(const cn_graph *, const cn__inst *);
    /* false: cn__prep_fail was called, or no memory. An update comes here as well, where it is not done in place: its
       results then lie elsewhere than its operands (cn__prep_in_place). */
    bool        (*prepare)(cn__prep *, const cn_graph *, const cn__inst *);
    /* Optional. Updates in place of one op with equal attributes, as one multi-tensor call; NULL: one call each. */
    bool        (*prepare_updates)(cn__prep *, const cn_graph *, const cn__inst *const *inst, int n);
    /* Optional. The layout in which operand k of this instruction is wanted (pack inserts PACK nodes); NULL: always
       CN__ROWS. */
    cn__layout  (*wants)(const cn_graph *, const cn__inst *, int k);
    /* It runs FUSED and PRODUCT over all of CN__TILE_OPS, to the same bits as the ops one by one. The product's own
       register, where it is stored, is output 0. */
    bool        fuses;
    /* Packs master (row-major K x N, float32) into at: for mirrors. NULL if it has no layouts. */
    void        (*pack)(cn__layout, const cn__type *, const void *master, void *at);
    size_t      (*pack_bytes)(cn__layout, const cn__type *);
    /* Optional. The layout in which this update would best find its variables and their gradient, both alike, where
       nobody else wants them in rows: then they stay in it (exec/reside.c). CN__ROWS: as they are. unpack: the way back
       from such a layout. */
    cn__layout  (*resides)(const cn_graph *, const cn__inst *update);
    void        (*unpack)(cn__layout, const cn__type *, const void *at, void *master);
    /* Optional: what one thread of the machine reaches at best, measured in about a millisecond each. Operations a
       second of products of float32, or of bfloat16; bytes a second, read and written, in memory of this size. NULL:
       not known. */
    double      (*operations)(cn_dtype);
    double      (*bytes)(void *at, size_t bytes);
} cn__backend;

/* What any backend can fall back on (common.c): a primitive by its reference kernel in one task; BATCH. */
bool cn__prepare_ref(cn__prep *, const cn_graph *, const cn__inst *);
bool cn__prepare_batch(cn__prep *, const cn_graph *, const cn__inst *);

const cn__backend *cn__backend_find(const char *name);   /* NULL: not built in (exec/dispatch.c) */
const cn__backend *cn__backend_at(int i);                /* NULL after the last */
#endif
