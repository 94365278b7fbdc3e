/* cornu/graph.h: the storey below. A graph is made of nodes; each has a known shape, batch included. Nodes follow
   NumPy: shapes broadcast, negative axes count from the end. Errors stick to nodes as to tensors. */
#ifndef CN_GRAPH_H
#define CN_GRAPH_H
#include "run.h"

typedef cn_node  *cn_nodes[CN_MAX_IO];
typedef cn_node **cn_node_outs[CN_MAX_LIST];

CN_API cn_graph *cn_graph_new(cn_ctx *);

/* What comes from outside: inputs (given for each run, in the order of these calls), constants, a model's weights. */
#define CN_GRAPH_INPUT_FIELDS(F)                                       \
    F(cn_dtype, dtype, CN_FLOAT32, "of its numbers")                   \
    F(cn_text,  name,  NULL,       "for messages and cn_print_graph")
CN_DECLARE(cn_node *, cn_graph_input,    cn_graph *on; cn_dims shape;, CN_GRAPH_INPUT_FIELDS);
CN_DECLARE(cn_node *, cn_graph_constant, cn_graph *on; cn_dims shape; const cn_values *values;, CN_NO_FIELDS);
CN_API cn_node  *cn_graph_weight(cn_graph *, cn_model *, const char *path);

/* A whole model, called on nodes: cn_graph_call(generator, z). It needs no cn_compile. */
#define CN_GRAPH_CALL_FIELDS(F)                                                                        \
    F(cn_flag,      training, CN_YES, "dropout drops, batch normalization learns")                     \
    F(cn_node_outs, outputs,  {0},    "where to put the outputs, the first one among them")
CN_DECLARE(cn_node *, cn_graph_call, cn_model *model; cn_nodes inputs;, CN_GRAPH_CALL_FIELDS);

/* ---- Operations -----------------------------------------------------------------------------------------------------

   cn_op_x is keras.ops.x. Operands of different types meet in the wider one: bool, integers, floats. */
#define CN_UNARY_OPS(F)     /* element by element */                                                   \
    F(negative) F(abs) F(sign) F(exp) F(expm1) F(log) F(log1p) F(sqrt) F(rsqrt) F(square) F(reciprocal) F(sin) F(cos) \
    F(tanh) F(sigmoid) F(softplus) F(erf) F(relu) F(floor) F(ceil) F(round) F(logical_not) F(isfinite) F(isnan)       \
    F(stop_gradient)
#define CN_BINARY_OPS(F)    /* the same of two; comparisons give 1 or 0, gradient 0; matmul: leading axes broadcast */ \
    F(add) F(subtract) F(multiply) F(divide) F(power) F(minimum) F(maximum) F(mod) F(equal) F(not_equal) F(less)      \
    F(less_equal) F(greater) F(greater_equal) F(logical_and) F(logical_or) F(logical_xor) F(matmul)
#define CN_REDUCE_OPS(F)    /* cn_op_sum(x, .axes = {1}, .keepdims = CN_YES) */                        \
    F(sum) F(mean) F(prod) F(max) F(min) F(any) F(all) F(logsumexp)
#define CN_UNARY_DECL(name)   CN_API cn_node *cn_op_##name(cn_node *x);
#define CN_BINARY_DECL(name)  CN_API cn_node *cn_op_##name(cn_node *a, cn_node *b);
CN_UNARY_OPS(CN_UNARY_DECL)
CN_BINARY_OPS(CN_BINARY_DECL)

#define CN_REDUCE_FIELDS(F)                                                                            \
    F(cn_dims, axes,     {0},   "default: all; axis 0 is CN_AXIS0")                                    \
    F(cn_flag, keepdims, CN_NO, "keep them as axes of size 1")
#define CN_REDUCE_DECL(name)  CN_DECLARE(cn_node *, cn_op_##name, cn_node *on;, CN_REDUCE_FIELDS);
CN_REDUCE_OPS(CN_REDUCE_DECL)

CN_API cn_node *cn_op_affine     (cn_node *x, double scale, double offset);  /* scale x + offset */
CN_API cn_node *cn_op_where      (cn_node *condition, cn_node *a, cn_node *b);
CN_API cn_node *cn_op_clip       (cn_node *x, double x_min, double x_max);
CN_API cn_node *cn_op_cast       (cn_node *x, cn_dtype);
CN_API cn_node *cn_op_softmax    (cn_node *x, int axis);
CN_API cn_node *cn_op_log_softmax(cn_node *x, int axis);
CN_API cn_node *cn_op_argmax     (cn_node *x, int axis);                     /* int32, the first of equals */
CN_API cn_node *cn_op_argmin     (cn_node *x, int axis);
CN_API cn_node *cn_op_cumsum     (cn_node *x, int axis);
CN_API cn_node *cn_op_sort       (cn_node *x, int axis);
CN_API cn_node *cn_op_top_k      (cn_node *x, int64_t k, cn_node **indices); /* of the last axis; indices may be NULL */
CN_API cn_node *cn_op_one_hot    (cn_node *x, int64_t num_classes);          /* float32, a new last axis */
CN_API cn_node *cn_op_take       (cn_node *x, cn_node *indices, int axis);
CN_API cn_node *cn_op_take_along_axis(cn_node *x, cn_node *indices, int axis);
CN_API cn_node *cn_op_expand_dims(cn_node *x, int axis);
CN_API cn_node *cn_op_squeeze    (cn_node *x, int axis);
CN_API cn_node *cn_op_flip       (cn_node *x, int axis);
CN_API cn_node *cn_op_slice      (cn_node *x, int axis, int64_t first, int64_t count);   /* as cn_slice */
#define CN_CONCATENATE_OP_FIELDS(F)  F(int64_t, axis, -1, "axis 0 is CN_AXIS0")  /* cn_op_concatenate({a, b}) */
CN_DECLARE(cn_node *, cn_op_concatenate, cn_nodes on;, CN_CONCATENATE_OP_FIELDS);
CN_API cn_node *cn_op_einsum     (const char *subscripts, cn_node *a, cn_node *b);           /* b may be NULL */
CN_API cn_node *cn_op_reshape     (cn_node *x, int rank, const int64_t *newshape);     /* cn_op_reshape(x, 4, CN_ANY) */
CN_API cn_node *cn_op_broadcast_to(cn_node *x, int rank, const int64_t *shape);
CN_API cn_node *cn_op_transpose   (cn_node *x, int rank, const int64_t *axes);            /* cn_op_transpose(x, 1, 0) */
CN_API cn_node *cn_op_tile        (cn_node *x, int rank, const int64_t *repeats);
CN_API cn_node *cn_op_random_normal (cn_graph *, int rank, const int64_t *shape);  /* anew in each run */
CN_API cn_node *cn_op_random_uniform(cn_graph *, int rank, const int64_t *shape);    /* 0 .. 1 */

/* cn_grad(y, x): the nodes of d (sum of y) / d x, in x's shape. They are nodes like others: cn_grad of them works. */
CN_API cn_node *cn_grad(cn_node *y, cn_node *x);

/* cn_minimize(loss, m): appends the gradients of loss by m's trainable weights and the optimizer's step. The
   optimizer's own variables belong to the model, as after cn_compile. Value: the loss. */
#define CN_MINIMIZE_FIELDS(F)  F(cn_optimizer, optimizer, {0}, "as in cn_compile; default: that of cn_compile")
CN_DECLARE(cn_node *, cn_minimize, cn_node *loss; cn_model *model;, CN_MINIMIZE_FIELDS);

/* cn_prepare_graph(g, {a, b}): a runner whose outputs are a and b; see run.h. One cn_run is one step. */
#define CN_PREPARE_GRAPH_FIELDS(F)  F(int64_t, threads, 0, "0: the context's; 1: none but the caller's")
CN_DECLARE(cn_runner *, cn_prepare_graph, cn_graph *on; cn_nodes outputs;, CN_PREPARE_GRAPH_FIELDS);
CN_API const char *cn_print_graph(cn_graph *);                                       /* as text; until the next call */

#if !defined __cplusplus && !defined CN_NO_MACROS
#define cn_graph_input(...)           CN_CALL(cn_graph_input, __VA_ARGS__)
#define cn_graph_constant(...)        CN_CALL(cn_graph_constant, __VA_ARGS__)
#define cn_graph_call(m, ...)         (cn_graph_call)(&(cn_graph_call_args){ .head = CN_HEAD(cn_graph_call_args), \
                                          .model = (m), .inputs[0] = __VA_ARGS__ })
#define cn_op_random_normal(g, ...)   (cn_op_random_normal)((g), CN_INDEX(__VA_ARGS__))
#define cn_op_random_uniform(g, ...)  (cn_op_random_uniform)((g), CN_INDEX(__VA_ARGS__))
#define cn_op_reshape(x, ...)         (cn_op_reshape)((x), CN_INDEX(__VA_ARGS__))
#define cn_op_broadcast_to(x, ...)    (cn_op_broadcast_to)((x), CN_INDEX(__VA_ARGS__))
#define cn_op_transpose(x, ...)       (cn_op_transpose)((x), CN_INDEX(__VA_ARGS__))
#define cn_op_concatenate(...)        CN_CALL(cn_op_concatenate, __VA_ARGS__)
#define cn_op_tile(x, ...)            (cn_op_tile)((x), CN_INDEX(__VA_ARGS__))
#define cn_op_sum(...)                 CN_CALL(cn_op_sum, __VA_ARGS__)
#define cn_op_mean(...)                CN_CALL(cn_op_mean, __VA_ARGS__)
#define cn_op_prod(...)                CN_CALL(cn_op_prod, __VA_ARGS__)
#define cn_op_max(...)                 CN_CALL(cn_op_max, __VA_ARGS__)
#define cn_op_min(...)                 CN_CALL(cn_op_min, __VA_ARGS__)
#define cn_op_any(...)                 CN_CALL(cn_op_any, __VA_ARGS__)
#define cn_op_all(...)                 CN_CALL(cn_op_all, __VA_ARGS__)
#define cn_op_logsumexp(...)           CN_CALL(cn_op_logsumexp, __VA_ARGS__)
#define cn_minimize(...)              CN_CALL(cn_minimize, __VA_ARGS__)
#define cn_prepare_graph(...)         CN_CALL(cn_prepare_graph, __VA_ARGS__)
#endif
#endif
