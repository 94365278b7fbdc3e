/* cornu/choices.h: activations, initializers, regularizers, constraints, losses, metrics, optimizers, schedules.
   Names and defaults are Keras's. A constant CN_X stands for "x with its defaults"; cn_x(...) takes options. Where
   Keras has a name twice, the function carries its family: cn_act_elu, cn_loss_huber, cn_metric_auc, cn_init_constant. */
#ifndef CN_CHOICES_H
#define CN_CHOICES_H
#include "base.h"
#define CN_NO_FIELDS(F)

/* ---- Activations ------------------------------------------------------------------------------------------------- */
#define CN_LINEAR          CN_FAMILY(cn_act){ "linear" }          /* z */
#define CN_RELU            CN_FAMILY(cn_act){ "relu" }            /* max(0, z) */
#define CN_RELU6           CN_FAMILY(cn_act){ "relu6" }           /* min(max(0, z), 6) */
#define CN_LEAKY_RELU      CN_FAMILY(cn_act){ "leaky_relu" }      /* max(0.2 z, z) */
#define CN_ELU             CN_FAMILY(cn_act){ "elu" }             /* z for z > 0, else e^z - 1; Clevert et al. 2016 */
#define CN_CELU            CN_FAMILY(cn_act){ "celu" }            /* the same with alpha within: Barron 2017 */
#define CN_SELU            CN_FAMILY(cn_act){ "selu" }            /* 1.0507 (z, else 1.6733 (e^z - 1)); Klambauer */
#define CN_GELU            CN_FAMILY(cn_act){ "gelu" }            /* z Phi(z), Hendrycks and Gimpel 2016 */
#define CN_SILU            CN_FAMILY(cn_act){ "silu" }            /* z sigmoid(z); also "swish" */
#define CN_MISH            CN_FAMILY(cn_act){ "mish" }            /* z tanh(softplus z), Misra 2019 */
#define CN_SIGMOID         CN_FAMILY(cn_act){ "sigmoid" }         /* 1 / (1 + e^-z) */
#define CN_HARD_SIGMOID    CN_FAMILY(cn_act){ "hard_sigmoid" }    /* min(max(0, z + 3), 6) / 6 */
#define CN_HARD_SILU       CN_FAMILY(cn_act){ "hard_silu" }       /* z hard_sigmoid(z); also "hard_swish" */
#define CN_LOG_SIGMOID     CN_FAMILY(cn_act){ "log_sigmoid" }     /* -ln (1 + e^-z) */
#define CN_SPARSE_SIGMOID  CN_FAMILY(cn_act){ "sparse_sigmoid" }  /* min(max(0, (z + 1) / 2), 1) */
#define CN_TANH            CN_FAMILY(cn_act){ "tanh" }
#define CN_HARD_TANH       CN_FAMILY(cn_act){ "hard_tanh" }       /* min(max(-1, z), 1) */
#define CN_TANH_SHRINK     CN_FAMILY(cn_act){ "tanh_shrink" }     /* z - tanh z */
#define CN_SOFT_SHRINK     CN_FAMILY(cn_act){ "soft_shrink" }     /* z, by 0.5 nearer to 0 */
#define CN_HARD_SHRINK     CN_FAMILY(cn_act){ "hard_shrink" }     /* z where |z| > 0.5, else 0 */
#define CN_SOFTPLUS        CN_FAMILY(cn_act){ "softplus" }        /* ln (1 + e^z) */
#define CN_SOFTSIGN        CN_FAMILY(cn_act){ "softsign" }        /* z / (1 + |z|) */
#define CN_SQUAREPLUS      CN_FAMILY(cn_act){ "squareplus" }      /* (z + sqrt(z^2 + 4)) / 2 */
#define CN_SPARSE_PLUS     CN_FAMILY(cn_act){ "sparse_plus" }     /* 0 up to -1, (z + 1)^2 / 4 up to 1, then z */
#define CN_EXPONENTIAL     CN_FAMILY(cn_act){ "exponential" }     /* e^z */
#define CN_SOFTMAX         CN_FAMILY(cn_act){ "softmax" }         /* e^z_i / sum e^z over the last axis */
#define CN_LOG_SOFTMAX     CN_FAMILY(cn_act){ "log_softmax" }     /* its logarithm */
#define CN_SPARSEMAX       CN_FAMILY(cn_act){ "sparsemax" }       /* max(0, z - tau), Martins 2016, tau as in Keras */
#define CN_GLU             CN_FAMILY(cn_act){ "glu" }             /* first half times sigmoid of the second */
#define CN_STEP            CN_FAMILY(cn_act){ "cornu>step" }      /* 1 for z >= 0, else 0; gradient 0, but see
                                                                     CN_PERCEPTRON. Not in Keras */
#define CN_ACT_RELU_FIELDS(F)                                                                  \
    F(double,  negative_slope, 0,     "below the threshold")                                   \
    F(double,  max_value,      0,     "cut off above; 0: not")                                 \
    F(double,  threshold,      0,     "where the slope begins: 0 up to there")
#define CN_ACT_SLOPE_FIELDS(F)      F(double,  negative_slope, 0.2,   "for z < 0")
#define CN_ACT_ALPHA_FIELDS(F)      F(double,  alpha,          1.0,   "goes to -alpha for small z")
#define CN_ACT_GELU_FIELDS(F)       F(cn_flag, approximate,    CN_NO, "by tanh instead of erf")
#define CN_ACT_AXIS_FIELDS(F)       F(int64_t, axis,           -1,    "along which")
#define CN_ACT_SHRINK_FIELDS(F)     F(double,  threshold,      0.5,   "0 between minus this and this")
#define CN_ACT_SQUAREPLUS_FIELDS(F) F(double,  b,              4,     "smoothness")
#define CN_ACT_THRESHOLD_REQUIRED(F)                                                           \
    F(double,  threshold,      0,     "z above it stays")                                      \
    F(double,  default_value,  0,     "what z becomes otherwise")
CN_DECLARE(cn_act, cn_act_relu,        , CN_ACT_RELU_FIELDS);
CN_DECLARE(cn_act, cn_act_leaky_relu,  , CN_ACT_SLOPE_FIELDS);
CN_DECLARE(cn_act, cn_act_elu,         , CN_ACT_ALPHA_FIELDS);
CN_DECLARE(cn_act, cn_act_celu,        , CN_ACT_ALPHA_FIELDS);
CN_DECLARE(cn_act, cn_act_gelu,        , CN_ACT_GELU_FIELDS);
CN_DECLARE(cn_act, cn_act_glu,         , CN_ACT_AXIS_FIELDS);
CN_DECLARE(cn_act, cn_act_softmax,     , CN_ACT_AXIS_FIELDS);
CN_DECLARE(cn_act, cn_act_log_softmax, , CN_ACT_AXIS_FIELDS);
CN_DECLARE(cn_act, cn_act_sparsemax,   , CN_ACT_AXIS_FIELDS);
CN_DECLARE(cn_act, cn_act_hard_shrink, , CN_ACT_SHRINK_FIELDS);
CN_DECLARE(cn_act, cn_act_soft_shrink, , CN_ACT_SHRINK_FIELDS);
CN_DECLARE(cn_act, cn_act_squareplus,  , CN_ACT_SQUAREPLUS_FIELDS);
CN_DECLARE(cn_act, cn_act_threshold,   CN_ACT_THRESHOLD_REQUIRED(CN_MEMBER), CN_NO_FIELDS);

/* ---- Initializers --------------------------------------------------------------------------------------------------
   fan_in, fan_out: numbers that go into and come out of one unit; for a kernel (d, units) they are d and units, for
   others the last two axes times all before them. */
#define CN_ZEROS             CN_FAMILY(cn_initializer){ "zeros" }
#define CN_ONES              CN_FAMILY(cn_initializer){ "ones" }
#define CN_GLOROT_UNIFORM    CN_FAMILY(cn_initializer){ "glorot_uniform" }  /* +-sqrt(6 / (fan_in + fan_out)), Glorot */
#define CN_GLOROT_NORMAL     CN_FAMILY(cn_initializer){ "glorot_normal" }    /* stddev sqrt(2 / (fan_in + fan_out)) */
#define CN_HE_UNIFORM        CN_FAMILY(cn_initializer){ "he_uniform" }       /* +-sqrt(6 / fan_in) */
#define CN_HE_NORMAL         CN_FAMILY(cn_initializer){ "he_normal" }  /* stddev sqrt(2 / fan_in), He et al. 2015 */
#define CN_LECUN_UNIFORM     CN_FAMILY(cn_initializer){ "lecun_uniform" }    /* +-sqrt(3 / fan_in), LeCun et al. 1998 */
#define CN_LECUN_NORMAL      CN_FAMILY(cn_initializer){ "lecun_normal" }     /* stddev sqrt(1 / fan_in) */
#define CN_RANDOM_UNIFORM    CN_FAMILY(cn_initializer){ "random_uniform" }   /* -0.05 .. 0.05 */
#define CN_RANDOM_NORMAL     CN_FAMILY(cn_initializer){ "random_normal" }    /* stddev 0.05 */
#define CN_TRUNCATED_NORMAL  CN_FAMILY(cn_initializer){ "truncated_normal" } /* the same, within two stddev */
#define CN_ORTHOGONAL        CN_FAMILY(cn_initializer){ "orthogonal" }  /* Q of a random matrix, Saxe et al. 2014 */
#define CN_INIT_IDENTITY     CN_FAMILY(cn_initializer){ "identity" }         /* 1 on the diagonal of a matrix */

#define CN_INIT_SEED_FIELDS(F)                                                                 \
    F(int64_t, seed,         0,     "0: from the context's, the layer's place and the weight's name")
#define CN_INIT_RANDOM_FIELDS(F)                                                               \
    F(double,  mean,         0,     "of the distribution")                                     \
    F(double,  stddev,       0.05,  "of the distribution")                                     \
    CN_INIT_SEED_FIELDS(F)
#define CN_INIT_UNIFORM_FIELDS(F)                                                              \
    F(double,  minval,       -0.05, "from here ...")                                           \
    F(double,  maxval,       0.05,  "... to here")                                             \
    CN_INIT_SEED_FIELDS(F)
#define CN_INIT_FAN_FIELDS(F)  CN_INIT_SEED_FIELDS(F)                                          \
    F(cn_dims, input_axes,   {0},   "whose sizes make fan_in; default: see above")             \
    F(cn_dims, output_axes,  {0},   "whose sizes make fan_out")
#define CN_INIT_SCALING_FIELDS(F)                                                              \
    F(double,  scale,        1.0,      "the variance is scale / fan")                          \
    F(cn_text, mode,         "fan_in", "or \"fan_out\", \"fan_avg\": which fan")               \
    F(cn_text, distribution, "truncated_normal", "or \"untruncated_normal\", \"uniform\"")     \
    CN_INIT_FAN_FIELDS(F)
#define CN_INIT_CONSTANT_FIELDS(F)    F(double, value, 0,   "everywhere")
#define CN_INIT_IDENTITY_FIELDS(F)    F(double, gain,  1.0, "on the diagonal")
#define CN_INIT_ORTHOGONAL_FIELDS(F)  F(double, gain,  1.0, "times the orthogonal matrix")  CN_INIT_SEED_FIELDS(F)
#define CN_INIT_STFT_FIELDS(F)                                                                 \
    F(cn_text, side,         "real",    "or \"imag\": cosines or sines")                       \
    F(cn_text, window,       "hann",    "or \"hamming\", \"blackman\", \"bartlett\", \"boxcar\", \"none\"") \
    F(cn_text, scaling,      "density", "or \"spectrum\", \"none\"")                           \
    F(cn_flag, periodic,     CN_NO,     "the window is that of a period, not symmetric")
CN_DECLARE(cn_initializer, cn_init_random_normal,    , CN_INIT_RANDOM_FIELDS);
CN_DECLARE(cn_initializer, cn_init_truncated_normal, , CN_INIT_RANDOM_FIELDS);
CN_DECLARE(cn_initializer, cn_init_random_uniform,   , CN_INIT_UNIFORM_FIELDS);
CN_DECLARE(cn_initializer, cn_init_variance_scaling, , CN_INIT_SCALING_FIELDS);
CN_DECLARE(cn_initializer, cn_init_glorot_uniform,   , CN_INIT_FAN_FIELDS);
CN_DECLARE(cn_initializer, cn_init_glorot_normal,    , CN_INIT_FAN_FIELDS);
CN_DECLARE(cn_initializer, cn_init_he_uniform,       , CN_INIT_FAN_FIELDS);
CN_DECLARE(cn_initializer, cn_init_he_normal,        , CN_INIT_FAN_FIELDS);
CN_DECLARE(cn_initializer, cn_init_lecun_uniform,    , CN_INIT_FAN_FIELDS);
CN_DECLARE(cn_initializer, cn_init_lecun_normal,     , CN_INIT_FAN_FIELDS);
CN_DECLARE(cn_initializer, cn_init_constant,         , CN_INIT_CONSTANT_FIELDS);
CN_DECLARE(cn_initializer, cn_init_identity,         , CN_INIT_IDENTITY_FIELDS);
CN_DECLARE(cn_initializer, cn_init_orthogonal,       , CN_INIT_ORTHOGONAL_FIELDS);
CN_DECLARE(cn_initializer, cn_init_stft,             , CN_INIT_STFT_FIELDS);

/* ---- Regularizers and constraints: cn_l2(1e-4) adds 1e-4 sum w^2 to the loss; a constraint acts after each step -----
   The norm of a constraint is taken over its axis, or axes: the first, the default, gives each unit of a Dense layer a
   norm of its own. */
#define CN_L1_REQUIRED(F)      F(double, l1, 0.01, "times sum |w|")
#define CN_L2_REQUIRED(F)      F(double, l2, 0.01, "times sum w^2")
#define CN_L1_L2_REQUIRED(F)   F(double, l1, 0,    "times sum |w|")  F(double, l2, 0, "times sum w^2")
#define CN_ORTHOGONAL_REGULARIZER_FIELDS(F)                                                    \
    F(double,  factor,    0.01,   "times the mean |cosine| of two rows")                       \
    F(cn_text, mode,      "rows", "or \"columns\"")
CN_DECLARE(cn_regularizer, cn_l1,    CN_L1_REQUIRED(CN_MEMBER),    CN_NO_FIELDS);
CN_DECLARE(cn_regularizer, cn_l2,    CN_L2_REQUIRED(CN_MEMBER),    CN_NO_FIELDS);
CN_DECLARE(cn_regularizer, cn_l1_l2, CN_L1_L2_REQUIRED(CN_MEMBER), CN_NO_FIELDS);
CN_DECLARE(cn_regularizer, cn_orthogonal_regularizer, , CN_ORTHOGONAL_REGULARIZER_FIELDS);

#define CN_MAX_NORM_REQUIRED(F)    F(double, max_value, 2, "of the norm")
#define CN_MAX_NORM_FIELDS(F)      F(cn_dims, axis, {CN_AXIS0}, "over which the norm is taken")
#define CN_MIN_MAX_NORM_FIELDS(F)                                                              \
    F(double,  min_value, 0,   "of the norm")                                                  \
    F(double,  max_value, 1.0, "of the norm")                                                  \
    F(double,  rate,      1.0, "share of the way to go there in each step")                    \
    CN_MAX_NORM_FIELDS(F)
CN_DECLARE(cn_constraint, cn_max_norm,     CN_MAX_NORM_REQUIRED(CN_MEMBER), CN_MAX_NORM_FIELDS);
CN_DECLARE(cn_constraint, cn_min_max_norm, , CN_MIN_MAX_NORM_FIELDS);
CN_DECLARE(cn_constraint, cn_unit_norm,    , CN_MAX_NORM_FIELDS);
#define CN_NON_NEG    CN_FAMILY(cn_constraint){ "non_neg" }                      /* max(0, w)  */
#define CN_UNIT_NORM  CN_FAMILY(cn_constraint){ "unit_norm" }                    /* w / |w|    */

/* ---- Losses: y the target, p the prediction; the mean over samples (and steps) that no mask leaves out --------------
   e = y - p; logarithms and quotients are kept from 0 by 1e-7, as in Keras. Where p comes from a sigmoid or softmax of
   the model's last layer, the cross-entropies use the values before it: the same numbers, without the rounding near 0
   and 1. */
#define CN_MSE                              CN_FAMILY(cn_loss){ "mse" }                             /* e^2 */
#define CN_MAE                              CN_FAMILY(cn_loss){ "mae" }                             /* |e| */
#define CN_MAPE                             CN_FAMILY(cn_loss){ "mape" }                            /* 100 |e / y| */
#define CN_MSLE                             CN_FAMILY(cn_loss){ "msle" }  /* (ln (1+y) - ln (1+p))^2 */
#define CN_HUBER                            CN_FAMILY(cn_loss){ "huber" }  /* e^2/2 up to 1, then |e|-1/2 */
#define CN_LOG_COSH                         CN_FAMILY(cn_loss){ "log_cosh" }                        /* ln cosh e */
#define CN_BINARY_CROSSENTROPY              CN_FAMILY(cn_loss){ "binary_crossentropy" }  /* -y ln p - (1-y) ln(1-p) */
#define CN_CATEGORICAL_CROSSENTROPY         CN_FAMILY(cn_loss){ "categorical_crossentropy" }  /* -sum y_k ln p_k */
#define CN_SPARSE_CATEGORICAL_CROSSENTROPY  CN_FAMILY(cn_loss){ "sparse_categorical_crossentropy" } /* -ln p_y */
#define CN_HINGE                            CN_FAMILY(cn_loss){ "hinge" }  /* max(0, 1 - y p); 0/1 is -1/1 */
#define CN_SQUARED_HINGE                    CN_FAMILY(cn_loss){ "squared_hinge" }                   /* its square */
#define CN_CATEGORICAL_HINGE                CN_FAMILY(cn_loss){ "categorical_hinge" } /* max(0, 1 + max (1-y) p - yp) */
#define CN_POISSON                          CN_FAMILY(cn_loss){ "poisson" }                         /* p - y ln p */
#define CN_KL_DIVERGENCE                    CN_FAMILY(cn_loss){ "kl_divergence" }  /* sum y ln (y / p) */
#define CN_COSINE_SIMILARITY                CN_FAMILY(cn_loss){ "cosine_similarity" }  /* -y p / (|y| |p|) */

#define CN_NO_CLASS  INT64_MAX
#define CN_LOSS_HUBER_FIELDS(F)   F(double,  delta, 1.0, "squared below, linear above")
#define CN_LOSS_COSINE_FIELDS(F)  F(int64_t, axis,  -1,  "along which the vectors lie")
#define CN_LOSS_CROSSENTROPY_FIELDS(F)                                                        \
    F(cn_flag, from_logits,     CN_NO, "p is z before the sigmoid or softmax")                \
    F(double,  label_smoothing, 0,     "0..1: moves the targets that far to the even spread") \
    F(int64_t, axis,            -1,    "of the mean, or of the classes")
#define CN_LOSS_SPARSE_CROSSENTROPY_FIELDS(F)                                                 \
    F(cn_flag, from_logits,     CN_NO, "p is z before the softmax")                           \
    F(int64_t, ignore_class,    CN_NO_CLASS, "a target that counts for nothing; CN_AXIS0 for class 0") \
    F(int64_t, axis,            -1,    "of the classes")
CN_DECLARE(cn_loss, cn_loss_huber,                           , CN_LOSS_HUBER_FIELDS);
CN_DECLARE(cn_loss, cn_loss_cosine_similarity,               , CN_LOSS_COSINE_FIELDS);
CN_DECLARE(cn_loss, cn_loss_binary_crossentropy,             , CN_LOSS_CROSSENTROPY_FIELDS);
CN_DECLARE(cn_loss, cn_loss_categorical_crossentropy,        , CN_LOSS_CROSSENTROPY_FIELDS);
CN_DECLARE(cn_loss, cn_loss_sparse_categorical_crossentropy, , CN_LOSS_SPARSE_CROSSENTROPY_FIELDS);

/* ---- Metrics: the name of every loss is that of a metric too: { "huber" } -------------------------------------------
   TP, FP, TN, FN: positive and negative predictions, true and false, counted at p > thresholds. */
#define CN_ACCURACY         CN_FAMILY(cn_metric){ "accuracy" }  /* binary, categorical or sparse: as targets say */
#define CN_AUC              CN_FAMILY(cn_metric){ "auc" }           /* area under the curve of TP over FP */
#define CN_PRECISION        CN_FAMILY(cn_metric){ "precision" }     /* TP / (TP + FP) */
#define CN_RECALL           CN_FAMILY(cn_metric){ "recall" }        /* TP / (TP + FN) */
#define CN_METRIC_MAE       CN_FAMILY(cn_metric){ "mae" }
#define CN_METRIC_MSE       CN_FAMILY(cn_metric){ "mse" }
#define CN_RMSE             CN_FAMILY(cn_metric){ "root_mean_squared_error" }
#define CN_R2_SCORE         CN_FAMILY(cn_metric){ "r2_score" }      /* 1 - sum e^2 / sum (y - mean y)^2 */
#define CN_TRUE_POSITIVES   CN_FAMILY(cn_metric){ "true_positives" }
#define CN_TRUE_NEGATIVES   CN_FAMILY(cn_metric){ "true_negatives" }
#define CN_FALSE_POSITIVES  CN_FAMILY(cn_metric){ "false_positives" }
#define CN_FALSE_NEGATIVES  CN_FAMILY(cn_metric){ "false_negatives" }

#define CN_METRIC_FIELDS(F)    F(cn_text, name, NULL, "in results and history; default: the metric's")
#define CN_METRIC_AUC_FIELDS(F)                                \
    F(int64_t, num_thresholds, 200,   "points of the curve")   \
    F(cn_text, curve,          "ROC", "or \"PR\", \"PRGAIN\"") \
    F(cn_flag, from_logits,    CN_NO, "p is before the sigmoid") \
    CN_METRIC_FIELDS(F)                                        \
    F(cn_text, summation_method, "interpolation", "or \"majoring\", \"minoring\"") \
    F(const cn_values *, thresholds, NULL, "CN_NUMBERS(...) between 0 and 1 instead of even ones")
#define CN_METRIC_COUNT_FIELDS(F)                              \
    F(double,  thresholds,     0.5,   "p above it is positive")  CN_METRIC_FIELDS(F)
#define CN_METRIC_PRECISION_FIELDS(F)                          \
    F(double,  thresholds,     -1,    "p above it is positive; default: 0.5, with top_k none") \
    F(int64_t, top_k,          0,     "only the k largest of the last axis are positive; 0: all may be") \
    F(int64_t, class_id,       CN_NO_CLASS, "of this class alone; CN_AXIS0 for class 0") \
    CN_METRIC_FIELDS(F)
#define CN_METRIC_BINARY_ACCURACY_FIELDS(F)  CN_METRIC_FIELDS(F) \
    F(double,  threshold,      0.5,   "p above it is 1")
#define CN_METRIC_TOP_K_FIELDS(F)            CN_METRIC_FIELDS(F) \
    F(int64_t, k,              5,     "right if the target is among the k largest")
#define CN_METRIC_SPARSE_TOP_K_FIELDS(F)     CN_METRIC_TOP_K_FIELDS(F) \
    F(cn_flag, from_sorted_ids, CN_NO, "p are class numbers, the likeliest first")
#define CN_METRIC_R2_FIELDS(F)               CN_METRIC_FIELDS(F) \
    F(cn_text, class_aggregation, "uniform_average", "or \"variance_weighted_average\"") \
    F(int64_t, num_regressors, 0,     "for the adjusted score; 0: the plain one")
#define CN_METRIC_CROSSENTROPY_FIELDS(F)         CN_METRIC_FIELDS(F)  CN_LOSS_CROSSENTROPY_FIELDS(F)
#define CN_METRIC_SPARSE_CROSSENTROPY_FIELDS(F)  CN_METRIC_FIELDS(F)  CN_LOSS_SPARSE_CROSSENTROPY_FIELDS(F)
#define CN_METRIC_COSINE_FIELDS(F)               CN_METRIC_FIELDS(F)  CN_LOSS_COSINE_FIELDS(F)
CN_DECLARE(cn_metric, cn_metric_accuracy,                          , CN_METRIC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_binary_accuracy,                   , CN_METRIC_BINARY_ACCURACY_FIELDS);
CN_DECLARE(cn_metric, cn_metric_categorical_accuracy,              , CN_METRIC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_sparse_categorical_accuracy,       , CN_METRIC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_top_k_categorical_accuracy,        , CN_METRIC_TOP_K_FIELDS);
CN_DECLARE(cn_metric, cn_metric_sparse_top_k_categorical_accuracy, , CN_METRIC_SPARSE_TOP_K_FIELDS);
CN_DECLARE(cn_metric, cn_metric_auc,                               , CN_METRIC_AUC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_precision,                         , CN_METRIC_PRECISION_FIELDS);
CN_DECLARE(cn_metric, cn_metric_recall,                            , CN_METRIC_PRECISION_FIELDS);
CN_DECLARE(cn_metric, cn_metric_true_positives,                    , CN_METRIC_COUNT_FIELDS);
CN_DECLARE(cn_metric, cn_metric_true_negatives,                    , CN_METRIC_COUNT_FIELDS);
CN_DECLARE(cn_metric, cn_metric_false_positives,                   , CN_METRIC_COUNT_FIELDS);
CN_DECLARE(cn_metric, cn_metric_false_negatives,                   , CN_METRIC_COUNT_FIELDS);
CN_DECLARE(cn_metric, cn_metric_r2_score,                          , CN_METRIC_R2_FIELDS);
CN_DECLARE(cn_metric, cn_metric_root_mean_squared_error,           , CN_METRIC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_cosine_similarity,                 , CN_METRIC_COSINE_FIELDS);
CN_DECLARE(cn_metric, cn_metric_log_cosh_error,                    , CN_METRIC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_mean_squared_error,                , CN_METRIC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_mean_absolute_error,               , CN_METRIC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_mean_absolute_percentage_error,    , CN_METRIC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_mean_squared_logarithmic_error,    , CN_METRIC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_binary_crossentropy,               , CN_METRIC_CROSSENTROPY_FIELDS);
CN_DECLARE(cn_metric, cn_metric_categorical_crossentropy,          , CN_METRIC_CROSSENTROPY_FIELDS);
CN_DECLARE(cn_metric, cn_metric_sparse_categorical_crossentropy,   , CN_METRIC_SPARSE_CROSSENTROPY_FIELDS);
CN_DECLARE(cn_metric, cn_metric_hinge,                             , CN_METRIC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_squared_hinge,                     , CN_METRIC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_categorical_hinge,                 , CN_METRIC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_poisson,                           , CN_METRIC_FIELDS);
CN_DECLARE(cn_metric, cn_metric_kl_divergence,                     , CN_METRIC_FIELDS);

/* ---- Optimizers -----------------------------------------------------------------------------------------------------
   g the gradient, w the weight, a the learning rate, t the step. All take CN_OPTIMIZER_FIELDS.

   CN_PERCEPTRON is Rosenblatt's rule (1962): w += a (y - p) x. It is SGD whose gradients pass through CN_STEP as if the
   step were not there; with .loss = CN_MAE and .batch_size = 1 that is the rule itself, because y - p is -1, 0 or 1. A
   larger batch makes the mean of its samples' corrections. */
#define CN_SGD         CN_FAMILY(cn_optimizer){ "sgd" }
#define CN_RMSPROP     CN_FAMILY(cn_optimizer){ "rmsprop" }
#define CN_ADAM        CN_FAMILY(cn_optimizer){ "adam" }
#define CN_ADAMW       CN_FAMILY(cn_optimizer){ "adamw" }
#define CN_PERCEPTRON  CN_FAMILY(cn_optimizer){ "cornu>perceptron" }

#define CN_OPTIMIZER_FIELDS(F, rate, decay)                                                                    \
    F(double,      learning_rate,    rate,  "a")                                                                \
    F(cn_schedule, schedule,         {0},   "instead of a fixed learning rate")                                 \
    F(double,      weight_decay,     decay, "w shrinks by a*weight_decay each step")                            \
    F(double,      clipnorm,         0,     "each weight's gradient is scaled down to this norm; 0: not")       \
    F(double,      clipvalue,        0,     "each number of a gradient is cut to +-this; 0: not")               \
    F(double,      global_clipnorm,  0,     "all gradients together are scaled down to this norm; 0: not")      \
    F(cn_flag,     use_ema,          CN_NO, "keep a moving average of the weights; they become it when cn_fit ends") \
    F(double,      ema_momentum,     0.99,  "of that average")                                                  \
    F(int64_t,     ema_overwrite_frequency, 0, "weights are set to their averages every so many steps; 0: not") \
    F(int64_t,     gradient_accumulation_steps, 1, "batches whose gradients make one step")                     \
    F(cn_text,     name,             NULL,  "in the file")
#define CN_SGD_FIELDS(F)  CN_OPTIMIZER_FIELDS(F, 0.01, 0)                                      \
    F(double,      momentum,         0,     "v = momentum v - a g; w += v")                    \
    F(cn_flag,     nesterov,         CN_NO, "w += momentum v - a g")
#define CN_ADAM_OWN_FIELDS(F)                                                                  \
    F(double,      beta_1,           0.9,   "m = b1 m + (1-b1) g")                             \
    F(double,      beta_2,           0.999, "v = b2 v + (1-b2) g^2")                           \
    F(double,      epsilon,          1e-7,  "w -= a sqrt(1-b2^t)/(1-b1^t) m / (sqrt v + eps), see below") \
    F(cn_flag,     amsgrad,          CN_NO, "v never shrinks")
#define CN_ADAM_FIELDS(F)   CN_OPTIMIZER_FIELDS(F, 1e-3, 0)      CN_ADAM_OWN_FIELDS(F)
#define CN_ADAMW_FIELDS(F)  CN_OPTIMIZER_FIELDS(F, 1e-3, 0.004)  CN_ADAM_OWN_FIELDS(F)
#define CN_RMSPROP_FIELDS(F)  CN_OPTIMIZER_FIELDS(F, 1e-3, 0)                                  \
    F(double,      rho,              0.9,   "v = rho v + (1-rho) g^2; w -= a g / sqrt(v + eps)") \
    F(double,      momentum,         0,     "of the step")                                     \
    F(double,      epsilon,          1e-7,  "against division by zero")                        \
    F(cn_flag,     centered,         CN_NO, "v less the square of the mean g")
#define CN_PERCEPTRON_FIELDS(F)  CN_OPTIMIZER_FIELDS(F, 1, 0)
CN_DECLARE(cn_optimizer, cn_sgd,        , CN_SGD_FIELDS);
CN_DECLARE(cn_optimizer, cn_rmsprop,    , CN_RMSPROP_FIELDS);
CN_DECLARE(cn_optimizer, cn_adam,       , CN_ADAM_FIELDS);    /* Kingma and Ba 2014; epsilon is their "epsilon hat" */
CN_DECLARE(cn_optimizer, cn_adamw,      , CN_ADAMW_FIELDS);   /* Loshchilov and Hutter 2019 */
CN_DECLARE(cn_optimizer, cn_perceptron, , CN_PERCEPTRON_FIELDS);

/* ---- Schedules: a0 the initial_learning_rate, s = step / decay_steps --------------------------------------------- */
#define CN_DECAY_REQUIRED(F)                                                                   \
    F(double,  initial_learning_rate, 0, "at the first step")                                  \
    F(int64_t, decay_steps,           0, "length of the decay")
#define CN_RATE_DECAY_REQUIRED(F)  CN_DECAY_REQUIRED(F)                                        \
    F(double,  decay_rate,            0, "in decay_steps")
#define CN_RESTARTS_REQUIRED(F)                                                                \
    F(double,  initial_learning_rate, 0, "at the first step")                                  \
    F(int64_t, first_decay_steps,     0, "length of the first period")
#define CN_PIECEWISE_REQUIRED(F)                                                               \
    F(const cn_values *, boundaries, NULL, "CN_NUMBERS(...): the last steps of all values but the last") \
    F(const cn_values *, values,     NULL, "CN_NUMBERS(...), one more")
#define CN_COSINE_DECAY_FIELDS(F)                                                              \
    F(double,  alpha,         0, "at the end, as a share of the beginning")                    \
    F(double,  warmup_target, 0, "first rise to this ...")                                     \
    F(int64_t, warmup_steps,  0, "... in this many steps")
#define CN_RESTARTS_FIELDS(F)                                                                  \
    F(double,  t_mul,  2.0,   "each period is so many times as long as the one before")        \
    F(double,  m_mul,  1.0,   "and starts at so many times its learning rate")                 \
    F(double,  alpha,  0,     "at the end of a period, as a share of the beginning")
#define CN_POLYNOMIAL_DECAY_FIELDS(F)                                                          \
    F(double,  end_learning_rate, 1e-4, "at the end")                                          \
    F(double,  power,  1.0,   "1: a straight line")                                            \
    F(cn_flag, cycle,  CN_NO, "begin again, each time from lower, after decay_steps")
#define CN_EXPONENTIAL_DECAY_FIELDS(F)  F(cn_flag, staircase, CN_NO, "in whole steps")

/* cn_cosine_decay(a0, decay_steps)                   a0 (1 + cos pi s) / 2
   cn_cosine_decay_restarts(a0, first_decay_steps)    again and again, Loshchilov and Hutter 2017
   cn_exponential_decay(a0, decay_steps, rate)        a0 rate^s
   cn_inverse_time_decay(a0, decay_steps, rate)       a0 / (1 + rate s)
   cn_polynomial_decay(a0, decay_steps)               end + (a0 - end) (1 - s)^power
   cn_piecewise_constant_decay(CN_NUMBERS(1000, 5000), CN_NUMBERS(0.1, 0.05, 0.01)) */
CN_DECLARE(cn_schedule, cn_cosine_decay,          CN_DECAY_REQUIRED(CN_MEMBER),      CN_COSINE_DECAY_FIELDS);
CN_DECLARE(cn_schedule, cn_cosine_decay_restarts, CN_RESTARTS_REQUIRED(CN_MEMBER),   CN_RESTARTS_FIELDS);
CN_DECLARE(cn_schedule, cn_exponential_decay,     CN_RATE_DECAY_REQUIRED(CN_MEMBER), CN_EXPONENTIAL_DECAY_FIELDS);
CN_DECLARE(cn_schedule, cn_inverse_time_decay,    CN_RATE_DECAY_REQUIRED(CN_MEMBER), CN_EXPONENTIAL_DECAY_FIELDS);
CN_DECLARE(cn_schedule, cn_polynomial_decay,      CN_DECAY_REQUIRED(CN_MEMBER),      CN_POLYNOMIAL_DECAY_FIELDS);
CN_DECLARE(cn_schedule, cn_piecewise_constant_decay, CN_PIECEWISE_REQUIRED(CN_MEMBER), CN_NO_FIELDS);

#if !defined __cplusplus && !defined CN_NO_MACROS
#define cn_act_relu(...)                               CN_CALL(cn_act_relu, __VA_ARGS__)
#define cn_act_leaky_relu(...)                         CN_CALL(cn_act_leaky_relu, __VA_ARGS__)
#define cn_act_elu(...)                                CN_CALL(cn_act_elu, __VA_ARGS__)
#define cn_act_celu(...)                               CN_CALL(cn_act_celu, __VA_ARGS__)
#define cn_act_gelu(...)                               CN_CALL(cn_act_gelu, __VA_ARGS__)
#define cn_act_glu(...)                                CN_CALL(cn_act_glu, __VA_ARGS__)
#define cn_act_softmax(...)                            CN_CALL(cn_act_softmax, __VA_ARGS__)
#define cn_act_log_softmax(...)                        CN_CALL(cn_act_log_softmax, __VA_ARGS__)
#define cn_act_sparsemax(...)                          CN_CALL(cn_act_sparsemax, __VA_ARGS__)
#define cn_act_hard_shrink(...)                        CN_CALL(cn_act_hard_shrink, __VA_ARGS__)
#define cn_act_soft_shrink(...)                        CN_CALL(cn_act_soft_shrink, __VA_ARGS__)
#define cn_act_squareplus(...)                         CN_CALL(cn_act_squareplus, __VA_ARGS__)
#define cn_act_threshold(...)                          CN_CALL(cn_act_threshold, __VA_ARGS__)
#define cn_init_random_normal(...)                     CN_CALL(cn_init_random_normal, __VA_ARGS__)
#define cn_init_truncated_normal(...)                  CN_CALL(cn_init_truncated_normal, __VA_ARGS__)
#define cn_init_random_uniform(...)                    CN_CALL(cn_init_random_uniform, __VA_ARGS__)
#define cn_init_variance_scaling(...)                  CN_CALL(cn_init_variance_scaling, __VA_ARGS__)
#define cn_init_glorot_uniform(...)                    CN_CALL(cn_init_glorot_uniform, __VA_ARGS__)
#define cn_init_glorot_normal(...)                     CN_CALL(cn_init_glorot_normal, __VA_ARGS__)
#define cn_init_he_uniform(...)                        CN_CALL(cn_init_he_uniform, __VA_ARGS__)
#define cn_init_he_normal(...)                         CN_CALL(cn_init_he_normal, __VA_ARGS__)
#define cn_init_lecun_uniform(...)                     CN_CALL(cn_init_lecun_uniform, __VA_ARGS__)
#define cn_init_lecun_normal(...)                      CN_CALL(cn_init_lecun_normal, __VA_ARGS__)
#define cn_init_constant(...)                          CN_CALL(cn_init_constant, __VA_ARGS__)
#define cn_init_identity(...)                          CN_CALL(cn_init_identity, __VA_ARGS__)
#define cn_init_orthogonal(...)                        CN_CALL(cn_init_orthogonal, __VA_ARGS__)
#define cn_init_stft(...)                              CN_CALL(cn_init_stft, __VA_ARGS__)
#define cn_l1(...)                                     CN_CALL(cn_l1, __VA_ARGS__)
#define cn_l2(...)                                     CN_CALL(cn_l2, __VA_ARGS__)
#define cn_l1_l2(...)                                  CN_CALL(cn_l1_l2, __VA_ARGS__)
#define cn_orthogonal_regularizer(...)                 CN_CALL(cn_orthogonal_regularizer, __VA_ARGS__)
#define cn_max_norm(...)                               CN_CALL(cn_max_norm, __VA_ARGS__)
#define cn_min_max_norm(...)                           CN_CALL(cn_min_max_norm, __VA_ARGS__)
#define cn_unit_norm(...)                              CN_CALL(cn_unit_norm, __VA_ARGS__)
#define cn_loss_huber(...)                             CN_CALL(cn_loss_huber, __VA_ARGS__)
#define cn_loss_cosine_similarity(...)                 CN_CALL(cn_loss_cosine_similarity, __VA_ARGS__)
#define cn_loss_binary_crossentropy(...)               CN_CALL(cn_loss_binary_crossentropy, __VA_ARGS__)
#define cn_loss_categorical_crossentropy(...)          CN_CALL(cn_loss_categorical_crossentropy, __VA_ARGS__)
#define cn_loss_sparse_categorical_crossentropy(...)   CN_CALL(cn_loss_sparse_categorical_crossentropy, __VA_ARGS__)
#define cn_metric_accuracy(...)                        CN_CALL(cn_metric_accuracy, __VA_ARGS__)
#define cn_metric_binary_accuracy(...)                 CN_CALL(cn_metric_binary_accuracy, __VA_ARGS__)
#define cn_metric_categorical_accuracy(...)            CN_CALL(cn_metric_categorical_accuracy, __VA_ARGS__)
#define cn_metric_sparse_categorical_accuracy(...)     CN_CALL(cn_metric_sparse_categorical_accuracy, __VA_ARGS__)
#define cn_metric_top_k_categorical_accuracy(...)      CN_CALL(cn_metric_top_k_categorical_accuracy, __VA_ARGS__)
#define cn_metric_sparse_top_k_categorical_accuracy(...) \
    CN_CALL(cn_metric_sparse_top_k_categorical_accuracy, __VA_ARGS__)
#define cn_metric_auc(...)                             CN_CALL(cn_metric_auc, __VA_ARGS__)
#define cn_metric_precision(...)                       CN_CALL(cn_metric_precision, __VA_ARGS__)
#define cn_metric_recall(...)                          CN_CALL(cn_metric_recall, __VA_ARGS__)
#define cn_metric_true_positives(...)                  CN_CALL(cn_metric_true_positives, __VA_ARGS__)
#define cn_metric_true_negatives(...)                  CN_CALL(cn_metric_true_negatives, __VA_ARGS__)
#define cn_metric_false_positives(...)                 CN_CALL(cn_metric_false_positives, __VA_ARGS__)
#define cn_metric_false_negatives(...)                 CN_CALL(cn_metric_false_negatives, __VA_ARGS__)
#define cn_metric_r2_score(...)                        CN_CALL(cn_metric_r2_score, __VA_ARGS__)
#define cn_metric_root_mean_squared_error(...)         CN_CALL(cn_metric_root_mean_squared_error, __VA_ARGS__)
#define cn_metric_cosine_similarity(...)               CN_CALL(cn_metric_cosine_similarity, __VA_ARGS__)
#define cn_metric_log_cosh_error(...)                  CN_CALL(cn_metric_log_cosh_error, __VA_ARGS__)
#define cn_metric_mean_squared_error(...)              CN_CALL(cn_metric_mean_squared_error, __VA_ARGS__)
#define cn_metric_mean_absolute_error(...)             CN_CALL(cn_metric_mean_absolute_error, __VA_ARGS__)
#define cn_metric_mean_absolute_percentage_error(...)  CN_CALL(cn_metric_mean_absolute_percentage_error, __VA_ARGS__)
#define cn_metric_mean_squared_logarithmic_error(...)  CN_CALL(cn_metric_mean_squared_logarithmic_error, __VA_ARGS__)
#define cn_metric_binary_crossentropy(...)             CN_CALL(cn_metric_binary_crossentropy, __VA_ARGS__)
#define cn_metric_categorical_crossentropy(...)        CN_CALL(cn_metric_categorical_crossentropy, __VA_ARGS__)
#define cn_metric_sparse_categorical_crossentropy(...) CN_CALL(cn_metric_sparse_categorical_crossentropy, __VA_ARGS__)
#define cn_metric_hinge(...)                           CN_CALL(cn_metric_hinge, __VA_ARGS__)
#define cn_metric_squared_hinge(...)                   CN_CALL(cn_metric_squared_hinge, __VA_ARGS__)
#define cn_metric_categorical_hinge(...)               CN_CALL(cn_metric_categorical_hinge, __VA_ARGS__)
#define cn_metric_poisson(...)                         CN_CALL(cn_metric_poisson, __VA_ARGS__)
#define cn_metric_kl_divergence(...)                   CN_CALL(cn_metric_kl_divergence, __VA_ARGS__)
#define cn_sgd(...)                                    CN_CALL(cn_sgd, __VA_ARGS__)
#define cn_rmsprop(...)                                CN_CALL(cn_rmsprop, __VA_ARGS__)
#define cn_adam(...)                                   CN_CALL(cn_adam, __VA_ARGS__)
#define cn_adamw(...)                                  CN_CALL(cn_adamw, __VA_ARGS__)
#define cn_perceptron(...)                             CN_CALL(cn_perceptron, __VA_ARGS__)
#define cn_cosine_decay(...)                           CN_CALL(cn_cosine_decay, __VA_ARGS__)
#define cn_cosine_decay_restarts(...)                  CN_CALL(cn_cosine_decay_restarts, __VA_ARGS__)
#define cn_exponential_decay(...)                      CN_CALL(cn_exponential_decay, __VA_ARGS__)
#define cn_inverse_time_decay(...)                     CN_CALL(cn_inverse_time_decay, __VA_ARGS__)
#define cn_polynomial_decay(...)                       CN_CALL(cn_polynomial_decay, __VA_ARGS__)
#define cn_piecewise_constant_decay(...)               CN_CALL(cn_piecewise_constant_decay, __VA_ARGS__)
#endif
#endif
