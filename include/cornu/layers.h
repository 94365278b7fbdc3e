/* cornu/layers.h: the layers. Each is called as its comment shows, on a model, a tensor or a context (see model.h).
   Shapes with the batch, which is B; T is time, d the last axis. Weights are named as in Keras, in the order of its
   files. */
#ifndef CN_LAYERS_H
#define CN_LAYERS_H
#include "model.h"

#define CN_LAYER_FIELDS(F)      /* of every layer */                                                   \
    F(cn_text,        name,                 NULL,   "default: the class in snake case, _1, _2 ...")    \
    F(cn_flag,        trainable,            CN_YES, "CN_NO: frozen")                                   \
    F(cn_dtype,       dtype,                0,      "of its computation; default: the model's")        \
    F(cn_regularizer, activity_regularizer, {0},    "on its output")
#define CN_KERNEL_FIELDS(F)     /* of every layer with a kernel and a bias */                          \
    F(cn_act,         activation,           CN_LINEAR,         "of the output")                        \
    F(cn_flag,        use_bias,             CN_YES,            "add b")                                \
    F(cn_initializer, kernel_initializer,   CN_GLOROT_UNIFORM, "of W")                                 \
    F(cn_initializer, bias_initializer,     CN_ZEROS,          "of b")                                 \
    F(cn_regularizer, kernel_regularizer,   {0},               "on W")                                 \
    F(cn_regularizer, bias_regularizer,     {0},               "on b")                                 \
    F(cn_constraint,  kernel_constraint,    {0},               "on W, after each step")                \
    F(cn_constraint,  bias_constraint,      {0},               "on b, after each step")
#define CN_LAYER(name, required, FIELDS)                                                               \
    typedef struct name##_args {                                                                       \
        cn_head head; void *on; required CN_BY_NAME; CN_LAYER_FIELDS(CN_MEMBER) FIELDS(CN_MEMBER)      \
    } name##_args;                                                                                     \
    CN_API cn_layer *name(name##_args *args)    /* the tensor: cn_layer_output */

/* ---- Core -----------------------------------------------------------------------------------------------------------

   cn_dense(on, units)              (B, ..., d) -> (B, ..., units)           y = activation(x W + b)
                                    kernel (d, units), bias (units)
   cn_einsum_dense(on, "abc,cd->abd", {CN_ANY, 64})   any product of the input and a kernel: input,kernel->output, each
                                    letter an axis, the first one the batch, "..." axes that stay; the output's shape
                                    kernel, bias: the letters' sizes
   cn_activation(on, CN_RELU)       elementwise
   cn_identity(on)                  y = x */
#define CN_DENSE_REQUIRED(F)       F(int64_t, units, 0, "numbers that come out")
#define CN_EINSUM_REQUIRED(F)                                                                          \
    F(cn_text, equation,     NULL, "input,kernel->output")                                             \
    F(cn_dims, output_shape, {0},  "without the batch and without what ... stands for; CN_ANY: the input's")
#define CN_EINSUM_FIELDS(F)                                                                            \
    F(cn_act,         activation,           CN_LINEAR,         "of the output")                        \
    F(cn_text,        bias_axes,            NULL,              "letters of the output that b has; none: no b") \
    F(cn_initializer, kernel_initializer,   CN_GLOROT_UNIFORM, "of W; fans by the letters")            \
    F(cn_initializer, bias_initializer,     CN_ZEROS,          "of b")                                 \
    F(cn_regularizer, kernel_regularizer,   {0},               "on W")                                 \
    F(cn_regularizer, bias_regularizer,     {0},               "on b")                                 \
    F(cn_constraint,  kernel_constraint,    {0},               "on W, after each step")                \
    F(cn_constraint,  bias_constraint,      {0},               "on b, after each step")
#define CN_ACTIVATION_REQUIRED(F)  F(cn_act,  activation, {0}, "which")
CN_LAYER(cn_dense,        CN_DENSE_REQUIRED(CN_MEMBER),      CN_KERNEL_FIELDS);
CN_LAYER(cn_einsum_dense, CN_EINSUM_REQUIRED(CN_MEMBER),     CN_EINSUM_FIELDS);
CN_LAYER(cn_activation,   CN_ACTIVATION_REQUIRED(CN_MEMBER), CN_NO_FIELDS);
CN_LAYER(cn_identity,     , CN_NO_FIELDS);

/* ---- Activations with options of their own --------------------------------------------------------------------------

   cn_relu(on)                      max(0, x)
   cn_leaky_relu(on)                x, or 0.3 x where x < 0 (Maas et al. 2013)
   cn_prelu(on)                     x, or alpha x where x < 0, alpha learnt (He et al. 2015)
                                    alpha (the input's shape)
   cn_elu(on)                       x, or alpha (e^x - 1) where x < 0
   cn_softmax(on)                   e^x_i / sum e^x; what is masked gets 0 */
#define CN_RELU_FIELDS(F)                                                                              \
    F(double,  max_value,      0,    "cut off above; 0: not")                                          \
    F(double,  negative_slope, 0,    "below the threshold")                                            \
    F(double,  threshold,      0,    "where the slope begins: 0 up to there")
#define CN_LEAKY_RELU_FIELDS(F)  F(double,  negative_slope, 0.3,  "for x < 0")
#define CN_PRELU_FIELDS(F)                                                                             \
    F(cn_initializer, alpha_initializer, CN_ZEROS, "of alpha")                                         \
    F(cn_regularizer, alpha_regularizer, {0},      "on alpha")                                         \
    F(cn_constraint,  alpha_constraint,  {0},      "on alpha, after each step")                        \
    F(cn_dims,        shared_axes,       {0},      "along which one alpha serves for all: {1, 2} for pictures")
#define CN_ELU_FIELDS(F)         F(double,  alpha, 1.0,  "goes to -alpha for small x")
#define CN_SOFTMAX_FIELDS(F)     F(cn_dims, axis,  {-1}, "along which the sum is 1, or several")
CN_LAYER(cn_relu,       , CN_RELU_FIELDS);
CN_LAYER(cn_leaky_relu, , CN_LEAKY_RELU_FIELDS);
CN_LAYER(cn_prelu,      , CN_PRELU_FIELDS);
CN_LAYER(cn_elu,        , CN_ELU_FIELDS);
CN_LAYER(cn_softmax,    , CN_SOFTMAX_FIELDS);

/* ---- Normalization ----------------------------------------------------------------------------------------------------

   cn_unit_normalization(on)        x / |x| along axis: vectors of length 1 */
#define CN_UNIT_NORM_FIELDS(F)   F(cn_dims, axis,  {-1}, "along which the length is taken, or several")
CN_LAYER(cn_unit_normalization, , CN_UNIT_NORM_FIELDS);

/* ---- Shapes ---------------------------------------------------------------------------------------------------------

   cn_flatten(on)                   (B, ...) -> (B, product)
   cn_reshape(on, {7, 7, 64})       (B, ...) -> (B, 7, 7, 64); one size may be CN_ANY
   cn_permute(on, {2, 1})           (B, a, b) -> (B, b, a): axes are counted from 1, the batch stays in front
   cn_repeat_vector(on, n)          (B, d) -> (B, n, d) */
#define CN_RESHAPE_REQUIRED(F)        F(cn_dims, target_shape, {0}, "without the batch")
#define CN_PERMUTE_REQUIRED(F)        F(cn_dims, dims,         {0}, "the old axis in each place, from 1")
#define CN_REPEAT_VECTOR_REQUIRED(F)  F(int64_t, n,            0,   "times")
CN_LAYER(cn_flatten,       , CN_NO_FIELDS);
CN_LAYER(cn_reshape,       CN_RESHAPE_REQUIRED(CN_MEMBER),       CN_NO_FIELDS);
CN_LAYER(cn_permute,       CN_PERMUTE_REQUIRED(CN_MEMBER),       CN_NO_FIELDS);
CN_LAYER(cn_repeat_vector, CN_REPEAT_VECTOR_REQUIRED(CN_MEMBER), CN_NO_FIELDS);

/* ---- Regularization: noise in training only -------------------------------------------------------------------------

   cn_dropout(on, rate)             y = x m / (1 - rate), m = 0 with probability rate, else 1 (Srivastava et al. 2014)
   cn_alpha_dropout(on, rate)       keeps mean and variance of self-normalizing networks (Klambauer et al. 2017)
   cn_gaussian_dropout(on, rate)    y = x n, n normal with mean 1 and variance rate / (1 - rate)
   cn_gaussian_noise(on, stddev)    y = x + n
   cn_activity_regularization(on, .l2 = 1e-3)   y = x; adds to the loss, over the mean sample */
#define CN_RATE_REQUIRED(F)    F(double,  rate,   0,   "0 .. 1")
#define CN_STDDEV_REQUIRED(F)  F(double,  stddev, 0,   "0 .. 1")
#define CN_NOISE_FIELDS(F)     F(int64_t, seed,   0,   "0: from the context's and the layer's place")
#define CN_DROPOUT_FIELDS(F)   CN_NOISE_FIELDS(F)                                                      \
    F(cn_dims, noise_shape, {0}, "of m, with the batch; 1: the same along this axis; CN_ANY: the input's size")
#define CN_ACTIVITY_FIELDS(F)                                                                          \
    F(double,  l1,     0,   "times sum |x|")                                                           \
    F(double,  l2,     0,   "times sum x^2")
CN_LAYER(cn_dropout,          CN_RATE_REQUIRED(CN_MEMBER),   CN_DROPOUT_FIELDS);
CN_LAYER(cn_alpha_dropout,    CN_RATE_REQUIRED(CN_MEMBER),   CN_DROPOUT_FIELDS);
CN_LAYER(cn_gaussian_dropout, CN_RATE_REQUIRED(CN_MEMBER),   CN_NOISE_FIELDS);
CN_LAYER(cn_gaussian_noise,   CN_STDDEV_REQUIRED(CN_MEMBER), CN_NOISE_FIELDS);
CN_LAYER(cn_activity_regularization, , CN_ACTIVITY_FIELDS);

/* ---- Joining: tensors first, as many as there are, then options: cn_concatenate(a, b, c, .axis = 1) -----------------
   Sizes of 1 repeat as in NumPy; a tensor with fewer axes gets them behind the batch. */
#define CN_JOIN_FIELDS(F)         F(cn_text, name, NULL, "default: the class in snake case, _1, _2 ...")
#define CN_CONCATENATE_FIELDS(F)  CN_JOIN_FIELDS(F)  F(int64_t, axis, -1, "with the batch as axis 0")
#define CN_DOT_FIELDS(F)          CN_JOIN_FIELDS(F)                                                    \
    F(cn_size2, axes,      {-1}, "of the first and the second tensor")                                 \
    F(cn_flag,  normalize, CN_NO, "CN_YES: the cosine")
CN_DECLARE(cn_tensor *, cn_add,         cn_tensors on;, CN_JOIN_FIELDS);
CN_DECLARE(cn_tensor *, cn_subtract,    cn_tensors on;, CN_JOIN_FIELDS);
CN_DECLARE(cn_tensor *, cn_multiply,    cn_tensors on;, CN_JOIN_FIELDS);
CN_DECLARE(cn_tensor *, cn_average,     cn_tensors on;, CN_JOIN_FIELDS);
CN_DECLARE(cn_tensor *, cn_maximum,     cn_tensors on;, CN_JOIN_FIELDS);
CN_DECLARE(cn_tensor *, cn_minimum,     cn_tensors on;, CN_JOIN_FIELDS);
CN_DECLARE(cn_tensor *, cn_concatenate, cn_tensors on;, CN_CONCATENATE_FIELDS);
CN_DECLARE(cn_tensor *, cn_dot,         cn_tensors on;, CN_DOT_FIELDS);

/* ---- Operations of keras.ops on a tensor, as nodes of functional models ---------------------------------------------

   cn_nan_to_num(x, .nan = 28)      x, but 28 where it is not a number
   cn_log1p(x)                      ln (1 + x) */
#define CN_NAN_TO_NUM_FIELDS(F)   CN_JOIN_FIELDS(F)  F(double, nan, 0, "for NaN; infinities: the largest numbers")
CN_DECLARE(cn_tensor *, cn_nan_to_num, cn_tensors on;, CN_NAN_TO_NUM_FIELDS);
CN_DECLARE(cn_tensor *, cn_log1p,      cn_tensors on;, CN_JOIN_FIELDS);

/* ---- Preprocessing: inside the model, so that it is saved with it. See cn_adapt -------------------------------------

   cn_rescaling(on, 1.0 / 255)      y = scale x + offset
   cn_normalization(on)             y = (x - mean) / sqrt(variance), by cn_adapt
                                    mean (d), variance (d), count ()
   cn_discretization(on, .bin_boundaries = CN_NUMBERS(0, 1))      to the bin's number: how many boundaries are <= x
   cn_discretization(on, .num_bins = 10)                          bins of equal weight, by cn_adapt
   cn_string_lookup(on, .vocabulary = CN_STRINGS("cat", "dog"))   strings to their places in a vocabulary, given or
   cn_integer_lookup(on)            whole numbers likewise        learnt by cn_adapt: the most frequent first
   cn_category_encoding(on, 10)     numbers 0 .. 9 as vectors of 10

   Strings enter a model by cn_input(c, {1}, .dtype = CN_STRING) and end in a lookup. Places: the mask (with CN_INT),
   then num_oov_indices for what is not in the vocabulary, then the vocabulary. output_mode, K places or bins:
     CN_INT         the places, int64 (bins: int32)
     CN_ONE_HOT     (B, 1) -> (B, K), else (B, ...) -> (B, ..., K)
     CN_MULTI_HOT   (B, n) -> (B, K), 1 for what the sample has; CN_COUNT: how often; CN_TF_IDF: times idf_weights
   With these a lookup has its vocabulary before it is called: cn_adapt(layer, x) of a layer made on the context. */
#define CN_NO_AXIS  INT64_MAX
#define CN_RESCALING_REQUIRED(F)    F(double, scale,  1, "times")
#define CN_RESCALING_FIELDS(F)      F(double, offset, 0, "added")
#define CN_NORMALIZATION_FIELDS(F)                                                                     \
    F(cn_dims,           axis,     {-1},  "each place along it has its own mean; { CN_NO_AXIS }: one for all")      \
    F(const cn_values *, mean,     NULL,  "CN_NUMBERS(...), one for all or one for each place, instead of cn_adapt") \
    F(const cn_values *, variance, NULL,  "with it")                                                   \
    F(cn_flag,           invert,   CN_NO, "CN_YES: back again, y = mean + x sqrt(variance)")
#define CN_DISCRETIZATION_FIELDS(F)                                                                    \
    F(const cn_values *, bin_boundaries, NULL, "CN_NUMBERS(...), rising, instead of cn_adapt")         \
    F(int64_t,           num_bins,       0,    "to learn; 0: none")                                    \
    F(double,            epsilon,        0.01, "accuracy of the shares")                               \
    F(cn_word,           output_mode,    CN_INT, "or CN_ONE_HOT, CN_MULTI_HOT, CN_COUNT")
#define CN_NO_TOKEN  INT64_MAX
#define CN_LOOKUP_FIELDS(F)                                                                            \
    F(int64_t,           max_tokens,      0,    "places at most; 0: any number")                       \
    F(int64_t,           num_oov_indices, 1,    "places for unknown values; CN_AXIS0: none, they are an error")     \
    F(const cn_values *, vocabulary,      NULL, "instead of cn_adapt")                                 \
    F(const cn_values *, idf_weights,     NULL, "CN_NUMBERS(...) for CN_TF_IDF, with the vocabulary")  \
    F(cn_word,           output_mode,     CN_INT, "or CN_ONE_HOT, CN_MULTI_HOT, CN_COUNT, CN_TF_IDF")  \
    F(cn_flag,           pad_to_max_tokens, CN_NO, "CN_YES: K is max_tokens")
#define CN_STRING_LOOKUP_FIELDS(F)   CN_LOOKUP_FIELDS(F)                                               \
    F(cn_text,           mask_token,      NULL, "place 0, or left out of vectors; \"\" often")         \
    F(cn_text,           oov_token,       "[UNK]", "what stands for the unknown in the vocabulary")
#define CN_INTEGER_LOOKUP_FIELDS(F)  CN_LOOKUP_FIELDS(F)                                               \
    F(int64_t,           mask_token,      CN_NO_TOKEN, "place 0, or left out of vectors; CN_AXIS0: 0") \
    F(int64_t,           oov_token,       -1,   "what stands for the unknown in the vocabulary")       \
    F(cn_flag,           invert,          CN_NO, "CN_YES: places to values")
#define CN_CATEGORY_REQUIRED(F)      F(int64_t, num_tokens, 0, "K: numbers are 0 .. K - 1, others give zeros")
#define CN_CATEGORY_FIELDS(F)        F(cn_word, output_mode, CN_MULTI_HOT, "or CN_ONE_HOT, CN_COUNT")
CN_LAYER(cn_rescaling,     CN_RESCALING_REQUIRED(CN_MEMBER), CN_RESCALING_FIELDS);
CN_LAYER(cn_normalization, , CN_NORMALIZATION_FIELDS);
CN_LAYER(cn_discretization,    , CN_DISCRETIZATION_FIELDS);
CN_LAYER(cn_string_lookup,     , CN_STRING_LOOKUP_FIELDS);
CN_LAYER(cn_integer_lookup,    , CN_INTEGER_LOOKUP_FIELDS);
CN_LAYER(cn_category_encoding, CN_CATEGORY_REQUIRED(CN_MEMBER), CN_CATEGORY_FIELDS);
CN_API cn_array *cn_vocabulary(const cn_layer *);        /* of a lookup, place by place: strings, or int64 */

#if !defined __cplusplus && !defined CN_NO_MACROS
static inline cn_layer *cn_layer_itself(cn_layer *l) { return l; }
#define CN_BUILD(f, ...)                 _Generic((CN_FIRST(__VA_ARGS__)), cn_ctx *: cn_layer_itself, \
                                             cn_model *: cn_layer_itself,                             \
                                             cn_tensor *: cn_layer_output)(CN_CALL(f, __VA_ARGS__))
#define CN_JOIN(f, ...)                  (f)(&(f##_args){ .head = CN_HEAD(f##_args), .on[0] = __VA_ARGS__ })
#define cn_dense(...)                    CN_BUILD(cn_dense, __VA_ARGS__)
#define cn_einsum_dense(...)             CN_BUILD(cn_einsum_dense, __VA_ARGS__)
#define cn_activation(...)               CN_BUILD(cn_activation, __VA_ARGS__)
#define cn_identity(...)                 CN_BUILD(cn_identity, __VA_ARGS__)
#define cn_relu(...)                     CN_BUILD(cn_relu, __VA_ARGS__)
#define cn_leaky_relu(...)               CN_BUILD(cn_leaky_relu, __VA_ARGS__)
#define cn_prelu(...)                    CN_BUILD(cn_prelu, __VA_ARGS__)
#define cn_elu(...)                      CN_BUILD(cn_elu, __VA_ARGS__)
#define cn_softmax(...)                  CN_BUILD(cn_softmax, __VA_ARGS__)
#define cn_unit_normalization(...)       CN_BUILD(cn_unit_normalization, __VA_ARGS__)
#define cn_flatten(...)                  CN_BUILD(cn_flatten, __VA_ARGS__)
#define cn_reshape(...)                  CN_BUILD(cn_reshape, __VA_ARGS__)
#define cn_permute(...)                  CN_BUILD(cn_permute, __VA_ARGS__)
#define cn_repeat_vector(...)            CN_BUILD(cn_repeat_vector, __VA_ARGS__)
#define cn_dropout(...)                  CN_BUILD(cn_dropout, __VA_ARGS__)
#define cn_alpha_dropout(...)            CN_BUILD(cn_alpha_dropout, __VA_ARGS__)
#define cn_gaussian_dropout(...)         CN_BUILD(cn_gaussian_dropout, __VA_ARGS__)
#define cn_gaussian_noise(...)           CN_BUILD(cn_gaussian_noise, __VA_ARGS__)
#define cn_activity_regularization(...)  CN_BUILD(cn_activity_regularization, __VA_ARGS__)
#define cn_add(...)                      CN_JOIN(cn_add, __VA_ARGS__)
#define cn_subtract(...)                 CN_JOIN(cn_subtract, __VA_ARGS__)
#define cn_multiply(...)                 CN_JOIN(cn_multiply, __VA_ARGS__)
#define cn_average(...)                  CN_JOIN(cn_average, __VA_ARGS__)
#define cn_maximum(...)                  CN_JOIN(cn_maximum, __VA_ARGS__)
#define cn_minimum(...)                  CN_JOIN(cn_minimum, __VA_ARGS__)
#define cn_concatenate(...)              CN_JOIN(cn_concatenate, __VA_ARGS__)
#define cn_dot(...)                      CN_JOIN(cn_dot, __VA_ARGS__)
#define cn_nan_to_num(...)               CN_JOIN(cn_nan_to_num, __VA_ARGS__)
#define cn_log1p(...)                    CN_JOIN(cn_log1p, __VA_ARGS__)
#define cn_rescaling(...)                CN_BUILD(cn_rescaling, __VA_ARGS__)
#define cn_normalization(...)            CN_BUILD(cn_normalization, __VA_ARGS__)
#define cn_discretization(...)           CN_BUILD(cn_discretization, __VA_ARGS__)
#define cn_string_lookup(...)            CN_BUILD(cn_string_lookup, __VA_ARGS__)
#define cn_integer_lookup(...)           CN_BUILD(cn_integer_lookup, __VA_ARGS__)
#define cn_category_encoding(...)        CN_BUILD(cn_category_encoding, __VA_ARGS__)
#endif
#endif
