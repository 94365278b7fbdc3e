/* graph.h: the graph: operations on values whose shapes and dtypes are all known.

   Arrays and indices, append only. A pass walks an old graph and re-emits through the same builder (cn__emit), which
   interns (equal instructions are one), folds small constants and, at cn__graph_compact, drops what no root reaches. A
   graph carries its own sticky error: after the first failure every emit gives 0, so builders need no checks; look at
   the graph's error at the end. */
#ifndef CN__GRAPH_H
#define CN__GRAPH_H
#include "base/base.h"
#include "base/dtype.h"
#include "cornu/graph.h"
#include "graph/attrs.h"

typedef uint32_t cn__val;                                /* 0: absent (an optional operand, no gradient) or failed */

typedef struct cn__type { uint8_t dtype; uint8_t rank; int64_t dim[CN_MAX_RANK]; } cn__type;

typedef enum cn__op {
    CN__OP_NONE = 0,
#define CN_OP(id, ...) CN__OP_##id,
#include "graph/ops.def"
#undef CN_OP
    CN__OPS
} cn__op;

enum {                                                   /* flags of an op */
    /* out[i] depends on in[..][i] (broadcast) only: may be fused */
    CN__F_ELEMENTWISE = 1,
    CN__F_COMPOSITE   = 2,                               /* has a decomposition, which is its specification */
    CN__F_RANDOM      = 4,                               /* reads the random state */
    /* output k replaces the variable that input k reads, in place, at commit */
    CN__F_UPDATE      = 8,
    CN__F_STATE       = 16,                              /* updates a variable in place within compute; says so */
    CN__F_COMMUTES    = 32,
    CN__F_NO_FOLD     = 64,                              /* is never folded nor merged (BATCH) */
    CN__F_LAYOUT      = 128                              /* identity on the mathematics (PACK) */
};

/* ---- Variables: everything that survives a step; one table per model, a checkpoint is a dump of it --------------- */
typedef enum cn__role { CN__WEIGHT = 1, CN__STAT, CN__SLOT, CN__METRIC, CN__COUNTER, CN__STATEVAR, CN__RNG } cn__role;
typedef enum cn__scope { CN__SCOPE_MODEL = 1, CN__SCOPE_RUNNER } cn__scope;
typedef enum cn__layout {                                /* physical layouts; ROWS is canonical */
    CN__ROWS = 0,
    CN__PANEL,                                           /* of B (K,N): [N/32][K][32], zero padded: feeds the product */
    /* of B' : W (K,N) read as its transpose (N,K): [K/32][N][32] */
    CN__PANEL_T,
    /* the same two in bfloat16, rows of the panel in pairs: [N/32][(K+1)/2][32][2], zero padded */
    CN__PANEL_BF16,
    CN__PANEL_BF16_T,
    CN__LAYOUTS
} cn__layout;

typedef struct cn__mirror {
    uint8_t layout;
    void   *at;
    size_t  bytes;
    _Atomic uint64_t version;
    void  (*unpack)(cn__layout, const cn__type *, const void *at, void *master);
} cn__mirror;
typedef struct cn__var {
    cn_ctx     *ctx;
    const char *path;                                    /* "dense_1/kernel"; in the owner's arena */
    cn__type    type;
    uint8_t     role, scope;
    bool        trainable;
    uint32_t    index;                                   /* in its owner's table */
    void       *master;                                  /* row-major; bytes = cn__type_bytes: see cn__var_master */
    /* raised whenever master changes outside an update that writes the mirrors */
    uint64_t    version;
    cn__mirror  mirror[4];                               /* packed copies, shared by all plans */
    int         mirrors;
    /* the slot + 1 of a mirror that is newer than the master, which settle() then writes from it; 0: none */
    _Atomic uint8_t ahead;
    void      (*settle)(struct cn__var *);
} cn__var;
/* zeros; NULL: no memory */
cn__var *cn__var_new(cn_ctx *, cn__arena *names, const char *path, const cn__type *, cn__role, cn__scope,
                     bool trainable);
void     cn__var_free(cn__var *);                        /* master and mirrors; NULL is fine */
/* The master, current: for all who read or write it outside a run, where a step may leave it behind (exec/reside.c). */
static inline void *cn__var_master(cn__var *v)
{
    if (v->ahead) v->settle(v);
    return v->master;
}
void     cn__var_touch(cn__var *);                       /* master was written from outside: mirrors are stale */

/* ---- The graph --------------------------------------------------------------------------------------------------- */
typedef enum cn__vkind { CN__V_ABSENT, CN__V_INPUT, CN__V_CONST, CN__V_VAR, CN__V_INST } cn__vkind;
typedef struct cn__value {
    cn__type type;
    uint8_t  kind;
    uint8_t  out;                                        /* which output of its instruction */
    /* INPUT: its number; CONST: in consts; VAR: in vars; INST: in insts */
    uint32_t ref;
} cn__value;
typedef struct cn__inst {
    uint16_t op, nin, nout;
    uint32_t in;                                         /* first operand, in edges (operands may be 0) */
    cn__val  out;                                        /* first output; the others follow */
    /* in origins: layer path and role, inherited by grad and passes */
    uint32_t origin;
    /* the op's attr struct, in the graph's memory; NULL if it has none */
    const void *attr;
    size_t   attr_size;                                  /* may exceed sizeof the struct (FUSED's program) */
} cn__inst;
typedef struct cn__const { const void *data; } cn__const;           /* row-major, in the graph's memory */
/* at commit var becomes val (guard: i32/bool scalar, 0 writes nothing; absent: always) */
typedef struct cn__assign { cn__var *var; cn__val val; cn__val guard; } cn__assign;

/* The lists grow in the graph's arena by doubling and the former copies stay until the graph goes: a pointer to a
   type, to operands or to an instruction stays good while rules and layers go on emitting. They are appended to by the
   functions below only. */
struct cn_graph {
    cn__obj   obj;
    cn__arena mem;
    CN__VEC(cn__inst)     insts;                         /* in topological order; [0] unused */
    CN__VEC(cn__value)    values;                        /* [0] the absent one */
    CN__VEC(cn__val)      edges;
    CN__VEC(cn__const)    consts;
    CN__VEC(cn__var *)    vars;
    CN__VEC(cn__val)      inputs;
    CN__VEC(const char *) names;                         /* of the inputs; NULL: none */
    CN__VEC(const char *) origins;                       /* [0] "" */
    CN__VEC(cn__val)      roots;                         /* outputs to be computed, in order */
    CN__VEC(cn__assign)   assigns;                       /* writes to variables, at commit, in order */
    CN__VEC(cn__val)      checks;                        /* f32/f64 scalars that must be finite before commit */
    /* interning: open addressing over values (first outputs, constants, variables) */
    uint32_t *table; size_t table_size, table_used;
    uint32_t  origin;                                    /* given to what is emitted now */
    bool      bf16;                                      /* products emitted now take bfloat16 operands */
    uint32_t  next_stream;                               /* for random ops without an id of their own */
    cn__error error;                                     /* sticks; status CN_OK: sound */
    /* what the model room hangs on a public graph */
    void     *owner; void (*owner_free)(struct cn_graph *, void *owner);
};

cn_graph *cn__graph_new(cn_ctx *);                       /* a handle like others; cn__unref gives it back */
bool      cn__graph_ok(const cn_graph *);                /* not NULL and no error */
/* Records the first error: "matmul: 3x4 by 5x6 ..."; the graph's current origin is put in front. Always gives 0. */
cn__val   cn__graph_fail(cn_graph *, cn_status, const char *format, ...) CN__PRINTF(3, 4);
cn_status cn__graph_status(const cn_graph *, const char *site);   /* passes the graph's error to its context's record */

cn__val   cn__input(cn_graph *, const cn__type *, const char *name);
cn__val   cn__constant(cn_graph *, const cn__type *, const void *data);      /* copied */
cn__val   cn__scalar(cn_graph *, cn_dtype, double value);                    /* rank 0 */
/* reads it; the same value each time, or what cn__assign_var gave it last */
cn__val   cn__variable(cn_graph *, cn__var *);
/* from now on cn__variable gives val (SSA); committed at the end of the step */
void      cn__assign_var(cn_graph *, cn__var *, cn__val, cn__val guard);
void      cn__root(cn_graph *, cn__val);
void      cn__check_finite(cn_graph *, cn__val scalar);
/* sets the current origin; gives the former, for cn__origin_set */
uint32_t  cn__origin(cn_graph *, const char *format, ...) CN__PRINTF(2, 3);
void      cn__origin_set(cn_graph *, uint32_t);
/* Do float32 products emitted from now on round their operands to bfloat16? Gives the former answer. */
bool      cn__bf16_set(cn_graph *, bool);

/* Emits an instruction: shape rule, identities that change no bits (graph/simplify.c), folding, interning. Operands
   of ops that commute are sorted. out: nout values, or NULL; gives the first output. nout is the op's number of
   outputs, or any where its entry says 0; with out NULL it may be 0. An absent mandatory operand is an error, sticky;
   trailing absent ones are dropped. */
cn__val cn__emit(cn_graph *, cn__op, const void *attr, size_t attr_size, int nin, const cn__val *in, int nout,
                 cn__val *out);

static inline const cn__value *cn__value_of(const cn_graph *g, cn__val v) { return &g->values.at[v]; }
static inline const cn__type  *cn__type_of(const cn_graph *g, cn__val v)  { return &g->values.at[v].type; }
/* i's operands; of an instruction without any, NULL (a graph's first one has no edges to point into). */
static inline const cn__val *cn__in(const cn_graph *g, const cn__inst *i)
{
    return i->nin ? g->edges.at + i->in : NULL;
}
const cn__inst *cn__inst_of(const cn_graph *, cn__val);  /* NULL unless an instruction's output */
const void     *cn__const_of(const cn_graph *, cn__val); /* its data; NULL unless a constant */
bool            cn__is_scalar_const(const cn_graph *, cn__val, double *value);   /* all elements equal */
int64_t cn__type_count(const cn__type *);
size_t  cn__type_bytes(const cn__type *);
bool    cn__type_equal(const cn__type *, const cn__type *);
/* How an operand of this type lies in the rows x cols of a chain's result (its last axis are the columns); 0: in
   another way. */
uint8_t cn__tile_class_of(const cn__type *, const cn__type *out);
const char *cn__type_text(const cn__type *, char *buffer, size_t size);      /* "float32[128,784]" */

/* A pass's frame: copies inputs, variables, consts lazily; map[old value] = new value. cn__rewrite_begin gives a new
   graph on the same context. */
typedef struct cn__rewrite { const cn_graph *from; cn_graph *to; cn__val *map; } cn__rewrite;
bool    cn__rewrite_begin(cn__rewrite *, const cn_graph *from);
cn__val cn__rewrite_val(cn__rewrite *, cn__val old);     /* the new value; copies leaves at first use */
/* emits the same instruction on mapped operands and maps its outputs */
bool    cn__rewrite_inst(cn__rewrite *, const cn__inst *old);
/* maps roots, assigns, checks; drops what none of them reaches; frees map. NULL: failed, recorded on from's context */
cn_graph *cn__rewrite_end(cn__rewrite *);
void      cn__rewrite_drop(cn__rewrite *);               /* gives up: frees the new graph and the map */
/* drops what no root, assign or check reaches; renumbers all values: false: no memory */
bool      cn__graph_compact(cn_graph *);
/* Emits in `to` what is needed of `from` for the values want[0..n), input k of `from` being in[k]; out: their values
   in `to` (0 stays 0). */
bool      cn__inline(cn_graph *to, const cn_graph *from, const cn__val *in, int n, const cn__val *want, cn__val *out);

/* ---- The ops' registry (src/ops/registry.c, made of ops.def) ----------------------------------------------------- */
/* in[i] NULL: absent. false: cn__graph_fail was called */
typedef bool    cn__shape_fn(cn_graph *, const cn__inst *, const cn__type *const *in, cn__type *out);
typedef bool    cn__grad_fn (cn_graph *, const cn__inst *, const cn__val *dy /* per output, 0: none */,
                             const bool *want /* per input */, cn__val *dx);
/* emits primitives or other composites */
typedef bool    cn__decomp_fn(cn_graph *, const cn__inst *, const cn__val *in, cn__val *out);
/* row-major; at NULL: absent, or an output nobody wants */
typedef struct cn__tensor_view { void *at; cn__type type; } cn__tensor_view;
typedef struct cn__ref_call {
    const void *attr;
    int nin, nout;
    const cn__tensor_view *in;
    cn__tensor_view *out;
    atomic_uint *fault;
} cn__ref_call;
/* the specification, in every dtype that makes sense; needs no memory of its own */
typedef void    cn__ref_fn  (const cn__ref_call *);
typedef struct cn__op_info {
    const char *name;                                    /* "matmul" */
    size_t   attr_size;
    uint8_t  min_in, max_in, nout;                       /* max_in 255: any number; nout 0: variable */
    uint16_t flags;
    cn__shape_fn  *shape;
    cn__grad_fn   *grad;                                 /* NULL: none (not differentiable), or cn__grad_auto */
    cn__decomp_fn *decomp;
    cn__ref_fn    *ref;
    const char *formula;                                 /* for the printed reference: "y = a b" */
} cn__op_info;
extern const cn__op_info cn__ops[CN__OPS];
cn__grad_fn cn__grad_auto;                               /* expands the decomposition and differentiates that */
/* The decomposition of every X_GRAD: expands the decomposition of op on stand-ins for its nin operands,
   differentiates it, and emits the result on in and dy (one for each of op's outputs, 0: none). dx[k] is filled where
   want[k]; always of in[k]'s type, zeros where nothing depends on it. */
bool cn__adjoint(cn_graph *, cn__op, const void *attr, size_t attr_size, int nin, const cn__val *in, int nout,
                 const cn__val *dy, const bool *want, cn__val *dx);
bool cn__decompose(cn_graph *, const cn__inst *, const cn__val *in, cn__val *out);   /* emits the decomposition on in */

/* ---- Verifier and printer ---------------------------------------------------------------------------------------- */
/* structure, shapes, dtypes; after each pass in debug builds */
bool cn__verify(const cn_graph *, cn__error *why);
typedef enum cn__print_form { CN__PRINT_TEXT = 1, CN__PRINT_DOT, CN__PRINT_JSON } cn__print_form;
void cn__print(const cn_graph *, cn__print_form, cn__text *);    /* stable; used in tests */

/* Data-dependent errors that a kernel reports by setting a bit of its fault word (it clamps and goes on). */
enum { CN__FAULT_INDEX = 1, CN__FAULT_LABEL = 2, CN__FAULT_UNKNOWN = 4 };
#endif
