/* cornu/extend.h: layers, losses and metrics of your own. They build nodes (graph.h) and never loop over data, so
   gradients, fusion and every backend work for them as for the built-in ones, which are made in the same way.
   Register once for each context, before building; then use them by name: .loss = { "acme>pinball" }. A name is your
   package, > and the thing's own name. */
#ifndef CN_EXTEND_H
#define CN_EXTEND_H
#include "graph.h"

/* ---- Options of your own --------------------------------------------------------------------------------------------

   One table, as in layers.h, makes the struct, the defaults, the checks and the JSON in the file:

       #define SCALE_OPTIONS(F)  F(double, start, 1.0, "the factors at the beginning")
       CN_OPTIONS(scale, SCALE_OPTIONS);              gives the type scale_options and the table scale_table
       cn_custom(x, "acme>Scale", .options = CN_SET(scale, .start = 2))

   Types: double, int64_t, cn_flag, cn_word, cn_text (whose preset is 0: none). */
typedef enum cn_kind { CN_KIND_double = 1, CN_KIND_int64_t, CN_KIND_cn_flag, CN_KIND_cn_word, CN_KIND_cn_text } cn_kind;
typedef struct cn_field { const char *name; cn_kind kind; double preset; const char *help; } cn_field;
typedef struct cn_table_of_options { size_t size; const cn_field *fields; int count; } cn_table_of_options;
#define CN_FIELD(type, name, preset, help)  { #name, CN_KIND_##type, (double)(preset), help },
#define CN_OPTIONS(name, FIELDS)                                                                               \
    typedef struct name##_options { cn_head head; FIELDS(CN_MEMBER) } name##_options;                          \
    static const cn_field name##_fields[] = { FIELDS(CN_FIELD) };                                              \
    static const cn_table_of_options name##_table = { sizeof(name##_options), name##_fields,                   \
                                                      (int)(sizeof name##_fields / sizeof *name##_fields) }
#define CN_SET(name, ...)  (&(name##_options){ .head = CN_HEAD(name##_options), __VA_ARGS__ }.head)      /* C only */

/* ---- A layer --------------------------------------------------------------------------------------------------------

   cn_register_layer(c, "acme>Scale", .build = scale_build, .call = scale_call)
   build   once, when the inputs' shapes are known: declares weights with cn_add_weight.
   call    for each graph: from the inputs' nodes to the output's; with several outputs sets out[1] ... as well.
   The output's shape is found by calling call with two batch sizes. */
typedef struct cn_build {
    uint32_t          size;                  /* sizeof, as the library knows it */
    cn_ctx           *ctx;
    cn_layer         *layer;
    const void       *options;               /* your struct, defaults filled in */
    cn_tensor *const *in;                    /* cn_size_of(b->in[0], -1) */
    int               inputs;
} cn_build;
typedef struct cn_layer_call {
    uint32_t          size;
    cn_graph         *graph;
    const void       *options;
    cn_node   *const *in, *const *mask;      /* mask[i]: NULL if input i has none */
    cn_node   *const *weight;                /* in the order of cn_add_weight */
    cn_node         **out;
    int               inputs;
    bool              training;
} cn_layer_call;
typedef cn_status (*cn_build_fn)(const cn_build *);
typedef cn_node  *(*cn_call_fn)(const cn_layer_call *);
#define CN_REGISTER_LAYER_FIELDS(F)                                                    \
    F(cn_call_fn,  call,             NULL,  "required")                                \
    F(cn_build_fn, build,            NULL,  "none: no weights")                        \
    F(int64_t,     outputs,          1,     "how many")                                \
    F(const cn_table_of_options *, options, NULL, "&scale_table; none: no options")    \
    F(cn_flag,     supports_masking, CN_NO, "the first input's mask goes on to the output")
CN_DECLARE(CN_MUST_CHECK cn_status, cn_register_layer, cn_ctx *on; cn_text name;, CN_REGISTER_LAYER_FIELDS);

#define CN_ADD_WEIGHT_FIELDS(F)                                                        \
    F(cn_initializer, initializer, CN_GLOROT_UNIFORM, "of its numbers")                \
    F(cn_regularizer, regularizer, {0},               "on it")                         \
    F(cn_constraint,  constraint,  {0},               "on it, after each step")        \
    F(cn_flag,        trainable,   CN_YES,            "CN_NO: a statistic")
CN_DECLARE(CN_MUST_CHECK cn_status, cn_add_weight, cn_layer *on; cn_text name; cn_dims shape;, CN_ADD_WEIGHT_FIELDS);

/* cn_custom(on, "acme>Scale", .options = CN_SET(scale, .start = 2)) */
#define CN_CUSTOM_FIELDS(F)                                                            \
    F(const cn_head *, options, NULL, "CN_SET(...); zeros are defaults")               \
    F(cn_tensors,      more,    {0},  "further inputs, behind the tensor it is called on")
#define CN_CUSTOM_REQUIRED(F)  F(cn_text, type, NULL, "as it was registered")
CN_LAYER(cn_custom, CN_CUSTOM_REQUIRED(CN_MEMBER), CN_CUSTOM_FIELDS);

/* ---- Losses, metrics, activations -----------------------------------------------------------------------------------

   cn_register_loss(c, "acme>pinball", f, .user = &q)    from targets and predictions to one number for each sample or
                                                         step, (B, ...) -> (B) or (B, T). The library weighs, masks and
                                                         averages. In results it is called "pinball".
   cn_register_metric(c, "acme>covered", f)              the same, averaged over the epoch. With .sums and .result a
                                                         metric with a memory, such as precision: f's last axis holds
                                                         that many numbers, their weighed sums go to result.
   cn_register_activation(c, "acme>swish2", f)           from node to node
   user is not saved with a model; what it points to must live as long as the context. */
typedef cn_node *(*cn_pair_fn)(cn_node *y_true, cn_node *y_pred, void *user);
typedef cn_node *(*cn_node_fn)(cn_node *z, void *user);
typedef double   (*cn_result_fn)(const double *sums, void *user);
#define CN_REGISTER_FIELDS(F)         F(void *, user, NULL, "yours")
#define CN_REGISTER_METRIC_FIELDS(F)  F(void *, user, NULL, "yours")                   \
    F(int64_t,      sums,   0,    "numbers to add up; 0: the mean")                    \
    F(cn_result_fn, result, NULL, "with sums: the metric from them")
CN_DECLARE(CN_MUST_CHECK cn_status, cn_register_loss, cn_ctx *on; cn_text name; cn_pair_fn f;, CN_REGISTER_FIELDS);
CN_DECLARE(CN_MUST_CHECK cn_status, cn_register_metric, cn_ctx *on; cn_text name; cn_pair_fn f;,
           CN_REGISTER_METRIC_FIELDS);
CN_DECLARE(CN_MUST_CHECK cn_status, cn_register_activation, cn_ctx *on; cn_text name; cn_node_fn f;,
           CN_REGISTER_FIELDS);

#if !defined __cplusplus && !defined CN_NO_MACROS
#define cn_register_layer(...)       CN_CALL(cn_register_layer, __VA_ARGS__)
#define cn_register_loss(...)        CN_CALL(cn_register_loss, __VA_ARGS__)
#define cn_register_metric(...)      CN_CALL(cn_register_metric, __VA_ARGS__)
#define cn_register_activation(...)  CN_CALL(cn_register_activation, __VA_ARGS__)
#define cn_add_weight(...)           CN_CALL(cn_add_weight, __VA_ARGS__)
#define cn_custom(...)               CN_BUILD(cn_custom, __VA_ARGS__)
#endif
#endif
