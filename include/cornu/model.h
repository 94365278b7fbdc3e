/* cornu/model.h: tensors, layers and models; names and weights; files. */
#ifndef CN_MODEL_H
#define CN_MODEL_H
#include "choices.h"
#include "data.h"

/* ---- Building -------------------------------------------------------------------------------------------------------

   A chain of layers:                                   Anything else, as Keras's functional models:

     cn_model *m = cn_sequential(c, {28, 28});            cn_tensor *in = cn_input(c, {28, 28});
     cn_flatten(m);                                       cn_tensor *x  = cn_flatten(in);
     cn_dense(m, 128, .activation = CN_RELU);             x = cn_dense(x, 128, .activation = CN_RELU);
     cn_dense(m, 10, .activation = CN_SOFTMAX);           x = cn_dense(x, 10, .activation = CN_SOFTMAX);
                                                          cn_model *m = cn_functional({in}, {x});

   The first argument of a layer says where it goes:
     a sequential model   appended; the value is the layer
     a tensor             called on it; the value is the tensor that comes out
     a context            on its own; the value is the layer, to be called by and by, more than once if its weights are
                          to be shared
   A model is a layer too: cn_call(tower, x). Models made of the same tensors and layers share their weights.

   Shapes leave out the batch. CN_ANY stands for a size that the data decide, such as the length of a text. */

#define CN_INPUT_FIELDS(F)                                                                         \
    F(cn_text,  name,       NULL,       "default: input_layer, input_layer_1 ...")                 \
    F(cn_dtype, dtype,      CN_FLOAT32, "numbers of other types are taken and converted")          \
    F(int64_t,  batch_size, 0,          "fixed; 0: any")
#define CN_SEQUENTIAL_FIELDS(F)                                                                    \
    F(cn_text,  name,       NULL,       "of the model; default: sequential, sequential_1 ...")     \
    F(cn_dtype, dtype,      CN_FLOAT32, "of the input; numbers of other types are converted")      \
    F(int64_t,  batch_size, 0,          "fixed; 0: any")
CN_DECLARE(cn_tensor *, cn_input,      cn_ctx *on; cn_dims shape;, CN_INPUT_FIELDS);
CN_DECLARE(cn_model *,  cn_sequential, cn_ctx *on; cn_dims input_shape;, CN_SEQUENTIAL_FIELDS);  /* none: the data's */

typedef cn_tensor  *cn_tensors[CN_MAX_IO];
typedef cn_tensor **cn_tensor_outs[CN_MAX_LIST];
#define CN_FUNCTIONAL_FIELDS(F)  F(cn_text, name, NULL, "default: functional, functional_1 ...")
CN_DECLARE(cn_model *, cn_functional, cn_tensors inputs; cn_tensors outputs;, CN_FUNCTIONAL_FIELDS);

/* cn_call(layer, x)      a layer, or a model, on tensors; called twice, it is shared. The value is the first output.
   cn_call(encoder, x, .outputs = { &y, &h, &s }) */
#define CN_CALL_FIELDS(F)                                                                                     \
    F(cn_tensor_outs, outputs,  {0},  "where to put the outputs, the first one among them")                   \
    F(cn_tensor *,    mask,     NULL, "instead of the input's own: (batch, steps)")                           \
    F(cn_flag,        training, 0,    "CN_NO: as in prediction even while the model is trained")
CN_DECLARE(cn_tensor *, cn_call, void *layer; cn_tensors inputs;, CN_CALL_FIELDS);

/* A tensor carries its mask along (see .mask above): (batch, steps), CN_BOOL; NULL: all steps count. */
CN_API cn_tensor  *cn_mask(cn_tensor *);

/* ---- What a model consists of ---------------------------------------------------------------------------------------

   Paths. A layer is "dense_1", in a nested model "tower/dense_1"; a weight "dense_1/kernel"; a value to watch
   "dense_1/output". In patterns * stands for any characters, / too; a comma separates alternatives: "conv*,batch*". */
CN_API cn_layer   *cn_get_layer   (cn_model *, const char *path);           /* none: CN_E_NAME, with the nearest ones */
CN_API cn_layer   *cn_layer_at    (cn_model *, int i);                    /* as in cn_summary; negative: from the end */
CN_API const char *cn_layer_name  (const cn_layer *);
CN_API cn_tensor  *cn_layer_output(cn_layer *);                              /* of its latest call */
CN_API cn_tensor  *cn_model_input (cn_model *, int i);
CN_API cn_tensor  *cn_model_output(cn_model *, int i);
CN_API cn_model   *cn_clone_model (cn_model *);                         /* with weights of its own, newly initialized */
CN_API CN_MUST_CHECK cn_status cn_pop(cn_model *);                    /* takes off the last layer of a sequential one */
CN_API CN_MUST_CHECK cn_status cn_set_trainable(cn_model *, const char *pattern, cn_flag);  /* before cn_compile */
CN_API CN_MUST_CHECK cn_status cn_plot_model(cn_model *, const char *path);  /* .svg or .dot */
CN_API const char *cn_summary     (cn_model *);                 /* Keras's table; until the next: puts(cn_summary(m)) */
CN_API const char *cn_to_json     (cn_model *);                        /* Keras's config: a file format as well; NULL */

/* ---- Weights ----------------------------------------------------------------------------------------------------- */
CN_API int64_t     cn_count_params(const cn_model *);
CN_API const char *cn_weight_path (const cn_model *, int i);                 /* NULL after the last */
CN_API cn_array   *cn_get_weight  (cn_model *, const char *path);            /* a copy */
CN_API CN_MUST_CHECK cn_status cn_set_weight(cn_model *, const char *path, const cn_values *); /* CN_NUMBERS(...) ... */

/* Layers that learn from data without gradients (Normalization) see all of x once, in order. cn_adapt(m, x): those of a
   model; x an array or a data set. cn_adapt(layer, x): a layer on its own. Until then cn_fit says CN_E_STATE. */
CN_API CN_MUST_CHECK cn_status cn_adapt(void *model_or_layer, const void *x);
CN_API cn_array   *cn_apply(cn_layer *, const cn_array *x);                  /* a layer on an array, at once */

/* ---- Files ----------------------------------------------------------------------------------------------------------

   cn_save(m, "m.keras")      Keras's own file: structure, weights, compile options, optimizer. Written beside its
                              target, flushed, renamed: the old file is there or the new one. The ending decides: .keras;
                              .weights.h5 or .npz, weights only; .h5, all in one as Keras 2 had it; .json, structure
                              only
   cn_load(c, "m.keras")      a file tells itself, whatever its name: .keras, .h5 of Keras 1, 2 and 3, JSON. Nothing in
                              a file is ever executed
   cn_load_weights(m, "base.weights.h5", .by_name = CN_YES, .skip_mismatch = CN_YES) */
#define CN_LOAD_FIELDS(F)                                                                          \
    F(cn_flag,           compile,      CN_YES, "as it was compiled when saved")                    \
    F(int64_t,           memory_limit, 0,      "bytes that loading may take; 0: the context's")    \
    F(const cn_values *, bytes,        NULL,   "the file itself, CN_BUFFER(p, n); path then only names it")
#define CN_LOAD_WEIGHTS_FIELDS(F)                                                                  \
    F(cn_flag, by_name,       CN_NO, "match layers by name, not by place")                         \
    F(cn_flag, skip_mismatch, CN_NO, "leave layers alone that are missing or whose shapes differ")
CN_DECLARE(cn_model *, cn_load, cn_ctx *on; cn_text path;, CN_LOAD_FIELDS);
CN_DECLARE(CN_MUST_CHECK cn_status, cn_load_weights, cn_model *on; cn_text path;, CN_LOAD_WEIGHTS_FIELDS);
CN_API CN_MUST_CHECK cn_status cn_save(cn_model *, const char *path);
/* Reads all of a model's file and says what is in it: a string of some lines. The last one is "loads", or "does not load:
   ..."; layers whose classes are not there are all named, with the shapes of their weights. */
CN_API cn_array *cn_verify(cn_ctx *, const char *path);

#if !defined __cplusplus && !defined CN_NO_MACROS
#define cn_input(...)         CN_CALL(cn_input, __VA_ARGS__)
#define cn_sequential(...)    CN_CALL(cn_sequential, __VA_ARGS__)
#define cn_functional(...)    CN_CALL(cn_functional, __VA_ARGS__)
#define cn_load(...)          CN_CALL(cn_load, __VA_ARGS__)
#define cn_load_weights(...)  CN_CALL(cn_load_weights, __VA_ARGS__)
#define CN_IS_DATA(x)         _Generic((x), cn_array *: 1, const cn_array *: 1, cn_dataset *: 1)
#define CN_IS_LAYER(l)        _Generic((l), cn_layer *: 1, cn_model *: 1)
#define cn_call(l, ...)       (cn_call)(&(cn_call_args){ .head = CN_HEAD(cn_call_args), \
                                  .layer = CN_IS_LAYER(l) ? (l) : NULL, .inputs[0] = __VA_ARGS__ })
#define cn_adapt(l, x)        (cn_adapt)(CN_IS_LAYER(l) ? (l) : NULL, CN_IS_DATA(x) ? (x) : NULL)
#endif
#endif
