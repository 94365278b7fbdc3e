/* model.h: the model room's own contract: how layers stand together, how a model becomes graphs and plans, what a
   training keeps. The rooms below (nn, passes, exec, data) know nothing of models; nobody above sees this header but
   formats.

   tensor.c layer.c functional.c sequential.c     building: tensors, calls, models
   parts.c weights.c adapt.c summary.c plot.c     looking at what was built
   lower.c objective.c program.c                  model + mode + batch -> graph -> plan -> linked program, cached
   compile.c reader.c pass.c fit.c evaluate.c     acting: the data of a run, one pass over them, the verbs
   callbacks.c csv_logger.c progress.c results.c  what one sees of it
   watch.c fault.c
   snapshot.c checkpoints.c                       going on with it later
   runner.c graph_api.c extend.c                  runners, graphs of one's own, parts of one's own
   costs.c limits.c explain.c profile.c           what steps cost (costs.h) */
#ifndef CN__MODEL_H
#define CN__MODEL_H
#include "base/shaped.h"
#include "data/data.h"
#include "exec/exec.h"
#include "nn/nn.h"
#include "passes/passes.h"

/* Options of a verb: `a` is the caller's struct by value (CN__ARGS), what is zero becomes its preset, CN_ZERO becomes
   0. */
#define CN__FILL_PRESET(type, name, preset, help)  .name = preset,
#define CN__FILL_MEMBER(type, name, preset, help)                                                       \
    cn__option_fill(&a.name, &presets_.name, sizeof a.name, _Generic((a.name), double: true, default: false));
#define CN__FILL(T, FIELDS) do { T presets_ = { FIELDS(CN__FILL_PRESET) }; FIELDS(CN__FILL_MEMBER) } while (0)
void cn__option_fill(void *member, const void *preset, size_t size, bool real);

/* ---- Tensors and calls ------------------------------------------------------------------------------------------- */
typedef struct cn__symcall cn__symcall;
struct cn_tensor {
    cn__shaped   head;                                   /* dim[0] the batch, CN_ANY where it is not fixed */
    cn__symcall *from;                                   /* the call that it came out of */
    int          index;                                  /* which of its outputs */
    cn_tensor   *mask;                                   /* or NULL */
};
struct cn__symcall {  /* one call of a layer on tensors; an input is a call of its own */
    cn_layer   *layer;
    cn_tensor **in, **out;
    int         nin, nout;
    bool        inference;                               /* .training = CN_NO */
    uint32_t    number;                                  /* among the calls of its layer */
    cn__symcall *next;                                   /* the layer's next one */
    uint64_t    walk; int64_t depth;                     /* of the latest search through tensors (functional.c) */
};
typedef struct cn__layer_side {                          /* what the model room knows of a layer (cn_layer.calls) */
    cn__symcall *first, *last;
    uint32_t     calls, users;                           /* models that hold its weights */
    cn_layer    *next;                                   /* of all layers of the context */
    uint64_t     walk; int64_t depth, place;             /* of the latest search */
} cn__layer_side;
#define CN__WALKS "(searches through tensors)"           /* cn__unique(ctx, CN__WALKS) + 1: a number for the next one */
cn__layer_side *cn__side(const cn_layer *);              /* not NULL for a sound layer that was placed */
cn_tensor *cn__tensor_bad(cn_ctx *, const void *from);   /* carries from's error */
cn_tensor *cn__tensor_new(cn_ctx *, const cn__type *, cn__symcall *, int index);
void       cn__tensor_type(const cn_tensor *, cn__type *);        /* as graphs have it: strings are int64 */
cn_tensor *cn__tensor_masked(const cn_tensor *, cn_tensor *mask);        /* the same value, seen with another mask */
/* the mask that was given to a tensor, not one that came along; NULL */
static inline cn_tensor *cn__mask_given(const cn_tensor *t)
{
    return t->mask && t != t->from->out[t->index] ? t->mask : NULL;
}
void       cn__tensor_declared(const cn_tensor *, cn__type *);
/* n strings (const char *) as the int64 that stand for them in graphs; out may be the same place. */
void       cn__fingerprints(const void *strings, void *out, size_t n);
bool       cn__layer_enter(cn_layer *);  /* gives it its side, puts it on the context's list; false: out of memory */
cn__symcall *cn__symcall_new(cn_ctx *, cn_layer *, int nin, int nout);  /* NULL: out of memory, recorded */
cn_layer  *cn__layer_bare(cn_ctx *, const cn__class *, const char *name);  /* an input's or a model's own layer */
cn_tensor *cn__input_tensor(cn_ctx *, const cn__type *, const char *name);  /* from an InputLayer of its own */
extern const cn__class cn__class_input, cn__class_sequential, cn__class_functional;
static inline bool cn__is_input(const cn_layer *l) { return l->cls == &cn__class_input; }

/* Builds the layer for inputs like these if need be, finds its outputs' shapes, gives the first output; never NULL. */
cn_tensor *cn__layer_call(cn_layer *, cn_tensor *const *in, int nin, cn_tensor *mask, bool inference, const char *site);
cn_status  cn__layer_build(cn_layer *, cn_tensor *const *in, int nin, const char *site);
void       cn__layer_hold(cn_layer *);
void       cn__layer_release(cn_layer *);                /* the last one gives the weights' memory back */

/* ---- Models ------------------------------------------------------------------------------------------------------ */
typedef struct cn__step { cn__symcall *call; uint32_t *in, *out; } cn__step;  /* slots: places of tensors in a walk */
typedef struct cn__entry { cn__weight *weight; const char *path; bool trainable; } cn__entry;
typedef struct cn__training cn__training;
typedef struct cn__program cn__program;
typedef struct cn__gauge cn__gauge;

/* One number among the results, with what it was at the end of each epoch of the latest fit. */
typedef struct cn__result { const char *name; double value; uint64_t stamp; CN__VEC(double) history; } cn__result;

struct cn_watch {
    cn__obj    obj;
    cn_model  *model;
    char      *path;
    bool       gradient;
    cn_word    reduce;
    uint32_t   keep;                                     /* axes that are not reduced */
    int64_t    every;
    uint64_t   number;
    cn_array  *value;
    struct cn_watch *next;
};

struct cn_model {
    cn__obj   obj;
    cn__arena mem;
    cn_layer *layer;                                     /* what the model is as a layer: its name, whether it learns */
    bool      sequential, built;
    cn__type  input; bool has_input;                     /* of a sequential model */
    const char *input_name;                              /* of its InputLayer; NULL: the next free one */
    CN__VEC(cn_layer *)  layers;                         /* as in the summary */
    CN__VEC(cn_layer *)  held;                           /* layers whose weights it holds; popped ones too */
    CN__VEC(cn_tensor *) inputs, outputs, slots;
    CN__VEC(cn__step)    steps;                          /* in order */
    uint64_t  structure;                                 /* rises with every change */
    CN__VEC(cn__entry)   table; cn__arena table_mem; uint64_t table_of;  /* its weights, as of that structure */
    cn__var  *rng;                                       /* int64[2]: seed, step */

    cn__training *training;                              /* what cn_compile said; NULL: not yet */
    CN__VEC(cn__optimizer *) optimizers;                 /* of cn_minimize */
    CN__VEC(cn__result) results;
    CN__VEC(const char *) names;                         /* of all results so far */
    uint64_t  stamp;                                     /* of this epoch: results with another one are old */
    cn__exec  exec; bool exec_open;                      /* the model's own runner */
    CN__VEC(cn__program *) programs; uint64_t clock;
    cn_watch *watches; uint64_t watch_number;
    atomic_int stop;                                     /* cn_stop_training */
    bool      running;
    struct cn__course *course;                           /* of the fit that runs */
    char     *waiting; size_t nwaiting;                  /* of a snapshot: the course that the next fit goes on with */
    cn__text  text, json;                                /* of the latest summary, of the latest cn_to_json */
};
cn_model  *cn__model_new(cn_ctx *, const cn__class *, const char *name, const char *site);
bool       cn__model_add(cn_model *, cn__symcall *);     /* one more step; false: recorded */
/* a sequential one without a shape, from data */
cn_status  cn__model_build(cn_model *, const cn__source *, const char *site);
cn_status  cn__model_build_for(cn_model *, const cn__type *input, const char *site);
cn_model  *cn__sequential_append(cn_model *, cn_layer *, const char *site);
uint64_t   cn__model_structure(const cn_model *);        /* a number that changes when anything in it does */
cn_status  cn__model_check(const cn_model *, const char *site);                          /* its error; not built */
bool       cn__model_table(cn_model *);                  /* brings table up to date; false: recorded */
cn_status  cn__model_weights_ready(cn_model *, const char *site);  /* all there (not given back), all adapted */
bool       cn__model_rng(cn_model *);                    /* rng is there; false: recorded */
cn_layer  *cn__find_layer(const cn_model *, const char *path);                             /* NULL: none */
bool       cn__match(const char *pattern, const char *text);                             /* "conv*,batch*" */
/* the three nearest: "a", "b" */
const char *cn__nearest(cn__text *, const char *word, const char *const *names, size_t n);

/* Layers that were registered. Their options as a class of their own, whose struct a cn_custom_args has at .options;
   NULL: it has none, or is no such layer. cn__custom_new: as cn__layer_new, with presets in the options. */
const cn__class *cn__custom_options(const cn__class *);
cn_layer  *cn__custom_new(cn_ctx *, const char *site, const cn__class *, const cn_custom_args *);

/* ---- Lowering: layers and models as nodes ------------------------------------------------------------------------ */
typedef struct cn__flow { cn__val val, mask, logits; int logits_of; } cn__flow;          /* what stands at a tensor */
typedef struct cn__tap { const char *path; cn__val val; } cn__tap;  /* a value somebody wants to see */
typedef struct cn__lower {
    cn_ctx   *ctx;
    cn_graph *g;
    cn__mode  mode;
    bool      straight_through;
    cn__val   rng;
    cn__val   extra;                                     /* sum of the activity losses; 0: none */
    cn__tap  *taps; int ntaps;
    char      prefix[256];                               /* path of the model that is walked: "tower/" */
} cn__lower;
bool cn__lower_layer(cn__lower *, cn_layer *, bool training, uint32_t call, const cn__flow *in, int nin,
                     cn__flow *out, int nout);
/* all inputs, all outputs */
bool cn__lower_model(cn__lower *, const cn_model *, bool training, const cn__flow *in, cn__flow *out);
int  cn__layer_outputs(const cn_layer *);
bool cn__graph_random(const cn_graph *);                 /* some op draws numbers */
void cn__advance_rng(cn_graph *, cn__var *rng, cn__val now);                             /* step + 1, at commit */

/* ---- Programs: a model planned for one mode, batch and kind of data ---------------------------------------------- */
typedef struct cn__signature {
    cn__mode mode;
    int64_t  batch;
    bool     feeds, diagnose;                            /* data from feeds, not graph inputs; every value is a root */
    uint64_t structure, compiled, watches;
    int      nx, ny;                                     /* ny 0: no targets */
    cn__type x[CN_MAX_IO], y[CN_MAX_LIST], weight;       /* weight.rank 0: none */
} cn__signature;
/* a root: an output, a watched value, or any */
typedef struct cn__shown { cn__type type; cn_watch *watch; const char *origin, *op; } cn__shown;
struct cn__program {
    cn__signature sig;
    cn__plan   *plan;
    cn__linked *linked;
    uint64_t    used; uint32_t pins;
    cn__arena   mem;
    cn__shown  *roots; uint32_t nroots;
};
/* losses, metrics, the optimizer's step */
bool cn__objective(cn__lower *, cn_model *, const cn__signature *, const cn__flow *out, const cn__val *y, cn__val w,
                   cn__val *loss);
cn__val cn__data_value(cn_graph *, const cn__signature *, int feed, const cn__type *, const char *name);
cn__program *cn__program_get(cn_model *, const cn__signature *, const char *site);       /* NULL: recorded. Pinned */
void      cn__program_unpin(cn__program *);
/* all of them in the model's runner; false: recorded */
bool      cn__programs_link(cn_model *, cn__program *const *, int n);
void      cn__programs_drop(cn_model *);
cn__plan *cn__model_plan(cn_model *, const cn__signature *, const char *site, cn__arena *, cn__shown **roots,
                         uint32_t *nroots);
/* one more root */
bool      cn__show(cn_graph *, cn__arena *, cn__val, cn__shown **roots, uint32_t *nroots, cn_watch *);
bool      cn__model_exec(cn_model *);                    /* the model's own runner is open; false: recorded */
const cn__backend *cn__model_backend(cn_ctx *);          /* NULL: recorded */

/* ---- What was compiled ------------------------------------------------------------------------------------------- */
typedef struct cn__target {                              /* one output */
    const char *name;
    const char *loss_choice;                             /* a copy; NULL: none */
    cn__spec    loss; double weight;
    const char *metric[2][CN_MAX_LIST]; int metrics[2];  /* choices: [0] plain, [1] weighted */
    cn__type    y, p;                                    /* as read from the data, once ready */
    int         logits_of;
} cn__target;
enum { CN__GAUGE_LOSS = 1, CN__GAUGE_TARGET, CN__GAUGE_METRIC };
struct cn__gauge {                                       /* one number that a pass measures */
    uint8_t     kind;
    bool        weighted;
    int         target;
    const char *name;
    cn__metric  metric;
    cn__var    *sum[2];                                  /* of training, of evaluation: float64[sums] */
    int         sums, up;                                /* up: 1 more is better, -1 less is, 0 unknown */
};
struct cn__training {
    cn__arena     mem;
    uint64_t      number;                                /* of this compilation */
    cn__optimizer optimizer;
    int           targets;
    cn__target    target[CN_MAX_LIST];
    CN__VEC(cn__gauge)    gauges;
    CN__VEC(cn__weight *) weights;                       /* that learn */
    const struct cn__json *said;                         /* by the file it was read from (formats/config_compile.c) */
    bool          slots;                                 /* weights and the optimizer's variables are there */
    bool          ready;                                 /* and gauges, too */
};
/* checks targets; at the first data makes what waits for them */
cn_status cn__training_ready(cn_model *, const cn__source *, const char *site);
void      cn__training_free(cn_model *);
/* how a part is read */
cn_status cn__target_type(const cn_model *, int target, const cn__part *, const char *site, cn__type *out);
bool      cn__target_sparse(const cn__target *);
const char *cn__output_name(const cn_model *, int target);
/* "accuracy", "crossentropy" ... become a class at the first data; NULL: the word is none of these */
const char *cn__choice_by_targets(cn__family, const char *word);
/* NULL: recorded */
const char *cn__choice_copy(cn_ctx *, cn__arena *, const char *site, cn__family, const char *choice);

/* ---- The data of a run ------------------------------------------------------------------------------------------- */
typedef struct cn__reader {
    cn_model  *m;
    cn_dataset *ds;                                      /* referenced */
    const cn__source *s;
    const char *site;
    cn__mode   mode;
    int64_t    first, count, batch;  /* samples first .. first + count; CN_ANY: until the data end */
    bool       shuffle;
    uint64_t   seed;                                     /* of the shuffles */
    const cn_values *class_weight;
    uint32_t  *order; size_t norder;                     /* rows (direct) or samples, as this pass takes them */
    bool       weighted;
    cn__part   weight;                                   /* class weights times sample weights, or the source's own */
    float     *weights; size_t nweights;
    struct { int64_t *at; size_t n; } words[CN_MAX_IO];  /* strings in memory as graphs have them; NULL: none */
    cn__batch stage; char *staged; size_t staged_bytes;                             /* where fetched batches go */
    int64_t    at, staged_rows;                          /* samples of this pass that were used; lie in the buffers */
    bool       open;                                     /* the data set is being read */
    cn__signature sig;                                   /* of its programs, but for the rows of a batch */
} cn__reader;
/* the whole data set; change what should be otherwise, then: */
cn_status cn__reader_open(cn__reader *, cn_model *, cn_dataset *, cn__mode, int64_t batch, const char *site);
cn_status cn__reader_ready(cn__reader *);                /* shapes are checked, buffers made */
cn_status cn__reader_begin(cn__reader *, int64_t epoch); /* a new pass over the data: shuffles */
cn_status cn__reader_skip(cn__reader *, int64_t samples);  /* as if so many of the pass had been read */
/* not direct: the next batch to the buffers; rows, 0 at the end, < 0 a status */
int64_t   cn__reader_fetch(cn__reader *);
void      cn__reader_feeds(cn__reader *, cn__exec *, int64_t position);
int64_t   cn__reader_row(const cn__reader *, int64_t position);  /* its number in the data, for messages */
/* of the i-th from at on */
const char *cn__reader_sample(const cn__reader *, const cn__part *, const void *staged, int64_t i);
cn__program *cn__reader_program(cn__reader *, int64_t rows);                             /* pinned; NULL: recorded */
int64_t   cn__reader_steps(const cn__reader *);          /* of a whole pass; CN_ANY */
/* referenced */
cn_status cn__data_of(cn_model *, const void *x, const cn_array *y, const cn_array *weight, bool targets,
                      const char *site, cn_dataset **out);
void      cn__reader_stop(cn__reader *);
void      cn__reader_close(cn__reader *);

/* ---- Results, callbacks, progress -------------------------------------------------------------------------------- */
cn__result *cn__result_find(const cn_model *, const char *name);
/* found or made; NULL: out of memory, recorded */
cn__result *cn__result_make(cn_model *, const char *prefix, const char *name);
/* false: the same */
bool        cn__result_set(cn_model *, const char *prefix, const char *name, double value, bool history);
bool        cn__history_reserve(cn_model *, cn__result *, int64_t epochs);
double      cn__gauge_value(const cn__gauge *, bool eval, int64_t samples);
void        cn__history_clear(cn_model *);
/* sums -> results */
bool        cn__gauges_read(cn_model *, bool eval, int64_t samples, const char *prefix, bool history);
void        cn__gauges_reset(cn_model *, bool eval);

typedef struct cn__bar {                                 /* Keras's progress bar, or its line an epoch */
    cn_model *m;
    int64_t   verbose, target, epochs;                   /* target: steps, CN_ANY if not known */
    double    start, first, last;                        /* seconds; first: after the first step, 0: not yet */
    int       width;                                     /* of what stands on the terminal */
} cn__bar;
void cn__bar_open(cn__bar *, cn_model *, int64_t verbose, int64_t target, int64_t epochs);
void cn__bar_epoch(cn__bar *, int64_t epoch);            /* begins anew */
bool cn__bar_update(cn__bar *, int64_t current, bool final);  /* false: out of memory, recorded */
void cn__say(cn_model *, const char *format, ...) CN__PRINTF(2, 3);                    /* a line of progress */
const char *cn__repr(double, char text[32]);  /* the shortest text that reads back the same, as Python writes it */

typedef struct cn__callback cn__callback;
typedef enum cn__hook_kind {
    CN__ON_TRAIN_BEGIN, CN__ON_TRAIN_END, CN__ON_EPOCH_BEGIN, CN__ON_EPOCH_END, CN__ON_TRAIN_BATCH_BEGIN,
    CN__ON_TRAIN_BATCH_END, CN__ON_TEST_BATCH_END, CN__HOOKS
} cn__hook_kind;
typedef struct cn__callbacks {
    cn_model  *m;
    const char *site;
    cn__arena  mem;
    int        n;
    cn__callback *at[CN_MAX_LIST];
    bool       train_batches, test_batches;              /* somebody wants each of them */
} cn__callbacks;
/* close it after an error as well */
cn_status cn__callbacks_open(cn__callbacks *, cn_model *, const cn_callback *list, const char *site);
cn_status cn__callbacks_run(cn__callbacks *, cn__hook_kind, int64_t epoch, int64_t batch, int64_t step);
/* the loss is not finite: CN_OK when one says that this is no error */
cn_status cn__callbacks_invalid(cn__callbacks *, int64_t batch);
/* the fit ends early, on request, at a place where it can go on; the same status, or what failed in the meantime */
cn_status cn__callbacks_stopped(cn__callbacks *, cn_status);
void      cn__callbacks_close(cn__callbacks *);

/* How far a fit has come: all that a fit with the same arguments needs to go on from here. */
typedef enum cn__stage { CN__BEFORE_EPOCH, CN__IN_BATCHES, CN__IN_VALIDATION, CN__AFTER_EPOCH } cn__stage;
typedef struct cn__milestone {                               /* int64_t each: written as they stand */
    int64_t epoch, stage;
    int64_t batches, samples;                            /* done in this epoch */
    int64_t steps;                                       /* of former epochs */
    int64_t begun, start;                                /* the epoch the data were begun for; where this one's begin */
    int64_t ended, stopped;                              /* the data came to their end; cn_stop_training was called */
    int64_t seed;                                        /* of the shuffles */
    int64_t batch_size, count, steps_per_epoch, shuffle; /* by what it was counted */
} cn__milestone;
typedef struct cn__course { cn__milestone place; cn__callbacks *callbacks; } cn__course;

/* ---- One pass over data ------------------------------------------------------------------------------------------ */
/* an output of cn_predict as it grows */
typedef struct cn__collect { char *at; size_t bytes, cap; cn__type type; } cn__collect;
typedef struct cn__pass {
    cn_model   *m;
    cn__reader *reader;
    cn__mode    mode;
    int64_t     epoch, steps, before;                    /* steps: at most; 0: all. before: steps of former epochs */
    cn__callbacks *callbacks;
    cn__milestone  *place;                                   /* of a fit: where it goes on, kept up to date; NULL */
    cn__bar    *bar;
    cn__collect *collect;                                /* by output; NULL: none */
    int64_t     done, samples;                           /* what was done */
    bool        stopped, ended;                          /* on request; the data came to their end */
} cn__pass;
cn_status cn__pass_run(cn__pass *);
enum { CN__TAIL_GAUGES = 64 };                          /* more numbers than these are measured epoch by epoch */
cn_status cn__pass_epochs(cn__reader *, int64_t first, int64_t epochs);  /* whole epochs in one call of the run loop */

/* What a run says that ended badly at this step of the reader: rows of it from reader->at + position on. */
typedef struct cn__spot { int64_t position, rows, epoch, step; } cn__spot;
cn_status cn__fault(cn__reader *, const cn__program *, cn__spot);
cn_status cn__nonfinite(cn__reader *, const cn__program *, cn__spot);

/* Watches. */
uint64_t  cn__watches_key(const cn_model *);
cn_status cn__watches_take(cn_model *, const cn__program *, int64_t step);
bool      cn__watches_taps(cn_model *, cn__lower *, cn__arena *);  /* what the lowering shall note */
bool      cn__watches_show(cn_model *, cn__lower *, cn__mode, cn__val loss, cn__arena *, cn__shown **roots,
                           uint32_t *nroots);
void      cn__watches_drop(cn_model *);

/* A runner: exec and plan of its own, of a model or of a graph. */
struct cn_runner {
    cn__obj     obj;
    void       *of;                                      /* the model or graph: referenced */
    cn__exec    exec; bool open;
    cn__plan   *plan; cn__linked *linked;
    int         nin, nout;
    cn_array   *in[CN_MAX_IO], *out[CN_MAX_IO];
    struct { size_t n, bytes; } x, y;                    /* of the first input and output: for cn_predict_into */
    bool        strings[CN_MAX_IO];                      /* inputs of strings: cn_feed turns them into in's int64 */
    cn__error   error;
};

/* Graphs and nodes. A graph of the user's has a cn__graph_side as its owner, and owner_free; while layers are lowered
   into another one, its owner is the cn__lower. Nodes stay until cn_close, or go with a graph that is not the user's.
   */
struct cn_node { cn__shaped head; cn_graph *g; cn__val v; };
typedef struct cn__graph_side {
    cn__var  *rng;
    cn__val   now; bool advanced;                        /* the state's value; its step is raised at commit */
    CN__VEC(cn_model *) models;                          /* referenced */
    cn__text  text;
} cn__graph_side;
cn_node *cn__node(cn_graph *, cn__val);  /* 0: carries the graph's error, and a graph of the user's is sound again */
cn_node *cn__node_bad(cn_graph *, const void *from);
cn__val  cn__graph_rng(cn_graph *);                      /* the random state's value; 0: the graph has the error */
cn_status cn__training_optimizer(cn_model *);            /* weights collected, slots made, once */
cn_runner *cn__runner_new(cn_ctx *, void *of, bool team);
cn_runner *cn__runner_open(cn_runner *, cn__plan *, const cn__type *in, int nin, const cn__type *out, int nout,
                           const char *site);
#endif
