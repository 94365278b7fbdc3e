/* nn.h: Keras's words as graphs: layers, activations, initializers, regularizers, constraints, losses, metrics,
   optimizers, schedules. Knows the graph's builders, never a plan or a backend. Options are described once, in the
   public CN_..._FIELDS tables: from them come the structs, the presets, the checks, later JSON, and what `cornu list`
   prints. */
#ifndef CN__NN_H
#define CN__NN_H
#include "graph/build.h"
#include "cornu/layers.h"
#include "cornu/train.h"
#include "cornu/extend.h"

/* ---- Classes: one row for each configurable thing ---------------------------------------------------------------- */
typedef enum cn__family {
    CN__FAM_LAYER = 1,
    CN__FAM_ACT,
    CN__FAM_INITIALIZER,
    CN__FAM_REGULARIZER,
    CN__FAM_CONSTRAINT,
    CN__FAM_LOSS,
    CN__FAM_METRIC,
    CN__FAM_OPTIMIZER,
    CN__FAM_SCHEDULE,
    CN__FAM_CALLBACK,
    CN__FAMILIES
} cn__family;

/* The types that stand in the tables. options.h makes descriptors, presets and class rows of a table. */
typedef enum cn__otype {
    CN__O_double = 1,
    CN__O_int64_t,
    CN__O_cn_flag,
    CN__O_cn_word,
    CN__O_cn_text,
    CN__O_cn_dtype,
    CN__O_cn_dims,
    CN__O_cn_size2,
    CN__O_choice,
    /* cn_act, cn_initializer ...: family says which */ CN__O_values,
    CN__O_other /* handles, functions: kept as they are */
} cn__otype;
typedef struct cn__option {
    const char *name;                                    /* as Keras spells it */
    uint8_t     type, family;                            /* cn__otype; of a choice */
    bool        required;                                /* comes by place, has no preset */
    uint32_t    offset, size;                            /* in the args struct */
    const char *preset;                                  /* its text in the table, for lists: "CN_RELU", "0.01" */
    const char *help;
} cn__option;
typedef struct cn__class {
    const char *name;  /* Keras's class name: "Dense", "LeakyReLU", "MeanSquaredError" */
    const char *snake; /* "dense", "leaky_re_lu", "mean_squared_error": default names, look-up */
    const char *module;                                  /* "keras.layers" ...; NULL: not in Keras */
    const char *aliases;                                 /* further names, separated by spaces: "mse MSE" */
    const char *formula;                                 /* one line, for `cornu list` */
    uint8_t     family;
    size_t      size;                                    /* of the args struct; 0: no options */
    const cn__option *option;
    int         options;
    void      (*presets)(void *args);                    /* fills a struct of size with the presets */
    cn_status (*finish)(cn_ctx *, const char *site,
                        void *args); /* what a table cannot say: cross-field checks, ranges; may be NULL */
    const void *ops;                                     /* cn__layer_ops, cn__loss_ops ... by family */
    const void *user;                                    /* of a registered class: what its ops want */
} cn__class;
const cn__class *
cn__class_find(cn_ctx *, cn__family,
               const char *name); /* by name, snake or alias; the context's own (registered) ones too; NULL: none */
const cn__class *cn__class_at(cn__family, int i); /* built-in ones in the order of their list; NULL after the last */
bool cn__class_register(cn_ctx *, const cn__class *); /* copied; name as "acme>Squash"; false: recorded */
const cn__option *cn__option_find(const cn__class *, const char *name);    /* NULL: none */
cn_status cn__class_unknown(cn_ctx *, const char *site, cn__family,
                            const char *name); /* CN_E_NAME with the nearest names */

/* A choice resolved: its class, and its options with presets filled in, CN_ZERO read as 0, strings and nested choices
   copied into the arena. choice is the pointer inside a cn_act, cn_loss ...: a name, or options that name themselves
   (their cn_head.mark is CN__MARK). */
#define CN__MARK 0x1b
static inline bool cn__choice_is_name(const char *choice) { return (unsigned char)*choice >= ' '; }
typedef struct cn__spec { const cn__class *cls; void *args; } cn__spec;
bool cn__spec_make(cn_ctx *, cn__arena *, const char *site, cn__family, const char *choice,
                   cn__spec *out); /* choice NULL: cls NULL, true. false: recorded */
/* The same for args structs as such (layers, callbacks): copies given (head.size bytes) into the arena, resolved. NULL:
 * recorded. */
void *cn__args_resolve(cn_ctx *, cn__arena *, const char *site, const cn__class *, const void *given);
/* "dense "dense_1": ", for messages: args may be NULL. */
const char *cn__who(const cn__class *, const void *args, char *buffer, size_t size);
/* Lists in args: their length (up to the first 0), and their items with CN_AXIS0 read as 0. */
int     cn__dims_count(const int64_t *dims);
int64_t cn__dims_at(const int64_t *dims, int i);
/* A list of axes, negative ones counted from rank, as a bit mask. false: one is out of range. */
bool    cn__axes_mask(const int64_t *dims, int rank, uint32_t *mask);

/* ---- Layers ------------------------------------------------------------------------------------------------------ */
typedef struct cn__weight {
    cn__var    *var;                                     /* NULL until built */
    const char *name;                                    /* "kernel" */
    cn__spec    initializer, regularizer, constraint;
    bool        trainable;                               /* of the weight; layer->trainable comes on top */
    uint64_t stream; /* of its random numbers: by the layer's number and the weight's name */
} cn__weight;

typedef struct cn__layer_ops cn__layer_ops;
struct cn_layer {
    cn__obj     obj;                                     /* small */
    const cn__class *cls;
    const cn__layer_ops *ops;
    void       *args;                                    /* resolved */
    const char *name;
    bool        trainable, built, on_its_own;
    bool        bf16;                                    /* its products take bfloat16 operands (mixed_bfloat16) */
    cn_dtype    dtype;                                   /* of its computation: CN_FLOAT32 by default */
    cn__spec    activity_regularizer;
    cn__type    in_type[CN_MAX_IO]; int nin;             /* as built: dim[0] is the batch (-1), unknown sizes -1 */
    CN__VEC(cn__weight *) weights;                       /* in Keras's order */
    CN__VEC(cn_layer *)   inner;                         /* wrappers; a model's layers stand in the model */
    void       *state;                                   /* the class's own */
    uint32_t    number;                                  /* unique on the context: random streams, seeds */
    uint32_t    revision;                                /* rises when its call would build other nodes: it adapted */
    struct cn_model *model;                              /* the model that this layer is, or NULL */
    void       *calls;                                   /* the model room's record of symbolic calls */
};

typedef enum cn__mode { CN__TRAIN = 1, CN__EVAL, CN__PREDICT } cn__mode;
/* What a layer's call sees: the graph, its inputs as values with all sizes known, its weights. Pure: it may be called
 * any number of times. */
typedef struct cn__lowering {
    cn_ctx   *ctx;
    cn_graph *g;
    cn_layer *layer;
    const char *prefix;                                  /* of its path: "tower/" */
    cn__mode  mode;
    bool      training;                                  /* of this call */
    bool      straight_through;                          /* step functions pass gradients (perceptron rule) */
    const cn__val *in, *mask; int nin;
    cn__val  *out; int nout;                             /* set out[0] ...; nout as the layer says (default 1) */
    cn__val  *out_mask;
    cn__val   rng;                                       /* the random state's value */
    cn__val logits;
    int logits_of; /* set by a layer whose output is sigmoid or softmax of logits, for the loss: CN__LOGITS_... */
    uint32_t  call;                                      /* which call of the layer this is, in this model */
    void     *model_side;                                /* the model room's */
    void    (*add_loss)(struct cn__lowering *, cn__val scalar);      /* activity regularization ... */
} cn__lowering;
enum { CN__LOGITS_SIGMOID = 1, CN__LOGITS_SOFTMAX = 2 };
/* What a layer learns from data outside its weights, as Keras's files have it: a key of its config, a variable of its
   group in model.weights.h5, or a text of one value a line in assets/. */
typedef enum cn__state_kind { CN__STATE_CONFIG = 1, CN__STATE_WEIGHT, CN__STATE_ASSET } cn__state_kind;
typedef struct cn__layer_state { cn__state_kind kind; const char *name; cn_values values; } cn__layer_state;
typedef enum cn__adapt_phase {
    CN__ADAPT_BEGIN,
    CN__ADAPT_ROWS,
    CN__ADAPT_END,
    CN__ADAPT_DROP                                       /* something failed: as if nothing had been seen */
} cn__adapt_phase;
struct cn__layer_ops {
    cn_status (*build)(cn_layer *,
                       const char *site); /* in_type is set; declares weights with cn__layer_weight; NULL: none */
    bool      (*call)(cn__lowering *);                   /* false: the graph has the error */
    int       (*outputs)(const cn_layer *);              /* NULL: 1 */
    bool        supports_masking;                        /* the first input's mask goes on */
    bool        strings;                                 /* it takes strings (in graphs: fingerprints), no numbers */
    cn_dtype    adapt_dtype;                             /* of the rows that adapt sees; 0: float32 */
    cn_status (*adapt)(cn_layer *, const char *site, const void *rows, int64_t n, int64_t width,
                       cn__adapt_phase);                 /* NULL: nothing to adapt */
    bool      (*adapts)(const cn_layer *);               /* false: what it would learn was given; NULL: always true */
    bool      (*adapted)(const cn_layer *);              /* NULL: always */
    bool      (*vocabulary)(const cn_layer *, cn_values *);                            /* false: recorded; NULL: none */
    /* The i-th piece of state; false: no more. Values live as long as the context. set: one piece, of a built layer. */
    bool      (*state)(const cn_layer *, int i, cn__layer_state *);
    cn_status (*set_state)(cn_layer *, const char *site, const char *name, const cn_values *);
};
cn__weight *cn__layer_weight(cn_layer *, const char *site, const char *name, int rank, const int64_t *dim,
                             cn__spec initializer, cn__spec regularizer, cn__spec constraint,
                             bool trainable); /* NULL: recorded */
cn__weight *cn__layer_weight_of(cn_layer *, cn_dtype, const char *site, const char *name, int rank, const int64_t *dim,
                                cn__spec initializer, cn__spec regularizer, cn__spec constraint,
                                bool trainable);         /* the same, of another element type */
/* bfloat16 is Keras's policy mixed_bfloat16 with float32 between the layers: the operands of products are rounded to
   bfloat16, sums, all other arithmetic and weights are float32. */
void     cn__layer_computes(cn_layer *, cn_dtype);
cn_dtype cn__layer_policy(const cn_layer *);             /* as it was given */
cn__val  cn__weight_val(cn__lowering *, int i);          /* of the layer's i-th weight in this graph */
uint32_t cn__stream(const cn__lowering *, uint32_t which);           /* a stream id for a random op */
cn_status cn__weight_initialize(cn__weight *,
                                uint64_t seed); /* writes var->master by its initializer; fans by Keras's rules */
cn_layer *cn__layer_new(cn_ctx *, const char *site, const cn__class *,
                        const void *given_args); /* resolved, named, not placed; carries an error if it failed */
/* Places a layer where args->on says: on a sequential model, a tensor, a context. Defined by the model room. */
cn_layer *cn__layer_place(cn_layer *, void *on, const char *site);
cn_tensor *cn__layer_join(cn_layer *, cn_tensor *const *tensors,
                          const char *site); /* joining layers; list ends at NULL; model room */

/* ---- What the others do to values -------------------------------------------------------------------------------- */

/* What cn__class.ops points to, by family. Registered classes have the same: spec->cls->user is theirs. */
struct cn__draw;
typedef struct cn__act_ops         { cn__val (*apply)(cn_graph *, const cn__spec *, cn__val z); } cn__act_ops;
typedef struct cn__initializer_ops {
    bool (*fill)(cn_ctx *, const struct cn__draw *);
} cn__initializer_ops; /* false: recorded */
typedef struct cn__regularizer_ops { cn__val (*penalty)(cn_graph *, const cn__spec *, cn__val w); } cn__regularizer_ops;
typedef struct cn__constraint_ops  { cn__val (*project)(cn_graph *, const cn__spec *, cn__val w); } cn__constraint_ops;
typedef struct cn__loss_ops {
    cn__val (*values)(cn_graph *, const cn__spec *, cn__val y, cn__val p); /* for each sample or step */
    cn__val (*from_logits)(cn_graph *, const cn__spec *, cn__val y,
                           cn__val z); /* the same of the values before `logits`; NULL: none */
    int logits;                        /* CN__LOGITS_... that from_logits undoes */
    bool sparse;                       /* y are class numbers: p has an axis more */
    bool any_shape;                    /* y and p need not be alike (registered ones) */
} cn__loss_ops;
struct cn__metric;
typedef struct cn__metric_ops {
    cn__val (*values)(cn_graph *, const struct cn__metric *, cn__val y,
                      cn__val p); /* averaged by weight; or, where it is NULL, all of: */
    int     (*count)(const struct cn__metric *);                                            /* how many sums */
    cn__val (*sums)(cn_graph *, const struct cn__metric *, cn__val y, cn__val p, cn__val weight);  /* float64[count] */
    double  (*result)(const struct cn__metric *, const double *sums);
    const char *name; /* in results; NULL: the class's snake */
    enum {
        CN__ANY_SHAPE,
        CN__ALIKE,
        CN__NUMBERS
    } shape; /* of y beside p: the same, or class numbers of p's last axis */
} cn__metric_ops;
cn__val cn__activate(cn__lowering *, const cn__spec *, cn__val z); /* sets logits where it applies */
bool cn__activation_code(const cn__spec *, cn__actcode *);         /* can a product apply it itself? */
cn__val cn__regularize(cn_graph *, const cn__spec *, cn__val w);                             /* a scalar */
cn__val cn__constrain(cn_graph *, const cn__spec *, cn__val w);
/* Asks an initializer for n = product of dim numbers. Fans by Keras's compute_fans. */
typedef struct cn__draw {
    const cn__spec *spec;
    const char *site;
    int rank;
    const int64_t *dim;
    int64_t n;
    uint64_t seed, stream;
    float *out;
} cn__draw;
cn_status cn__initialize(cn_ctx *, const cn__spec *, int rank, const int64_t *dim, uint64_t seed, uint64_t stream,
                         float *out);

/* Losses: from targets and predictions to one number for each sample (or step): (B, ...) -> (B) or (B, T). logits: the
   values before the sigmoid or softmax that gave p, or 0. The model room weighs, masks and averages. */
cn__val cn__loss(cn_graph *, const cn__spec *, cn__val y, cn__val p, cn__val logits, int logits_of);
bool cn__loss_make(cn_ctx *, cn__arena *, const char *site, const char *choice, const cn__type *y, const cn__type *p,
                   cn__spec *out); /* cn__spec_make, and "crossentropy" becomes the right one */
bool cn__loss_check(cn_ctx *, const char *site, const cn__spec *, const cn__type *y, const cn__type *p,
                    int logits_of); /* shapes fit? softmax of one unit? recorded */
/* Where a target counts, in the shape of the loss's values (bool); 0: everywhere. Keras averages over these alone
 * (ignore_class). y as it came. */
cn__val cn__loss_valid(cn_graph *, const cn__spec *, cn__val y, cn__val p);
cn__val cn__normalize(cn_graph *, cn__val x, uint32_t axes);         /* x / |x|, as keras.ops.normalize */
void    cn__same_rank(cn_graph *, cn__val *y, cn__val *p);           /* Keras's squeeze_or_expand_to_same_rank */
bool cn__shapes_fit(bool numbers, int64_t axis, const cn__type *y,
                    const cn__type *p); /* but for the batch; numbers: of p's classes along axis */
const char *cn__crossentropy_for(const cn__type *y,
                                 const cn__type *p); /* "binary", "categorical" or "sparse_categorical" */

/* Metrics: sums over the epoch in double, and a result from them. */
typedef struct cn__metric {
    cn__spec spec;
    const char *name;
    int sums;
    cn__type p;
} cn__metric; /* p: of the predictions */
bool cn__metric_make(cn_ctx *, cn__arena *, const char *site, const char *choice, const cn__spec *loss,
                     const cn__type *y, const cn__type *p, cn__metric *out); /* "accuracy" becomes the right one */
cn__val cn__metric_sums(cn_graph *, const cn__metric *, cn__val y, cn__val p,
                        cn__val weight /* (B) or 0 */); /* float64[sums], to be accumulated */
bool    cn__metric_is_mean(const cn__metric *);          /* of values for each sample or step: masks count for it */
double  cn__metric_result(const cn__metric *, const double *sums);

/* The optimizer with its variables. */
typedef struct cn__optimizer {
    cn_ctx  *ctx;
    cn__arena mem;
    cn__spec spec;
    cn__spec schedule;                                   /* cls NULL: a fixed learning rate */
    cn__var *iteration, *learning_rate;                  /* int64; float32, NULL with a schedule */
    CN__VEC(cn__var *) vars;                             /* all of them, in Keras's order, the two above first */
    struct cn__slots *slots; int nslots;                 /* each weight's own */
} cn__optimizer;
bool cn__optimizer_make(cn__optimizer *, cn_ctx *, const char *site, const char *choice);   /* false: recorded */
bool cn__optimizer_build(cn__optimizer *, cn__weight *const *weights, int n); /* slots for these trainable weights */
bool cn__optimizer_apply(cn__optimizer *, cn_graph *, cn__weight *const *weights, const cn__val *grads,
                         int n); /* clipping, decay, schedule, update, constraints: assigns */
bool cn__optimizer_finalize(cn__optimizer *, cn__weight *const *weights,
                            int n); /* at the end of a fit: with use_ema the weights become their averages */
bool cn__optimizer_straight_through(const cn__optimizer *);                          /* the perceptron rule */
cn__val cn__schedule_val(cn_graph *, const cn__spec *, cn__val iteration);           /* float32 */
double cn__schedule_at(const cn__spec *, int64_t step);  /* the same formula on the host */
void cn__optimizer_free(cn__optimizer *);
#endif
