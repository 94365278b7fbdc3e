"""Writes config.json beside this file: real Keras's own objects of every class in our lists, with default options and
with others, one a line: {"family": ..., "default": ..., "object": keras.saving.serialize_keras_object(...)}.
Run with Keras 3.15.1 on TensorFlow, which lookups want."""
import json
import os

import keras
from keras import activations, constraints, initializers, layers, losses, metrics, optimizers, regularizers
from keras.optimizers import schedules
from keras.saving import serialize_keras_object
from keras.src.ops.numpy import Log1p, NanToNum

DEFAULT = {
    "layer": [
        ("Dense", lambda: layers.Dense(3)),
        ("EinsumDense", lambda: layers.EinsumDense("ab,bc->ac", output_shape=3)),
        ("Activation", lambda: layers.Activation("relu")),
        ("Reshape", lambda: layers.Reshape((2, 3))),
        ("Permute", lambda: layers.Permute((2, 1))),
        ("RepeatVector", lambda: layers.RepeatVector(3)),
        ("Dropout", lambda: layers.Dropout(0.5)),
        ("AlphaDropout", lambda: layers.AlphaDropout(0.5)),
        ("GaussianDropout", lambda: layers.GaussianDropout(0.5)),
        ("GaussianNoise", lambda: layers.GaussianNoise(0.5)),
        ("Rescaling", lambda: layers.Rescaling(2.0)),
        ("Dot", lambda: layers.Dot(axes=-1)),
        ("NanToNum", NanToNum),
        ("Log1p", Log1p),
        ("CategoryEncoding", lambda: layers.CategoryEncoding(num_tokens=3)),
    ] + [(n, getattr(layers, n)) for n in (
        "Identity ReLU LeakyReLU PReLU ELU Softmax UnitNormalization Flatten ActivityRegularization Normalization Add "
        "StringLookup IntegerLookup "
        "Subtract Multiply Average Maximum Minimum Concatenate").split()],
    "initializer": [(n, getattr(initializers, n)) for n in (
        "Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling GlorotUniform GlorotNormal "
        "HeUniform HeNormal LecunUniform LecunNormal Orthogonal Identity STFT").split()],
    "regularizer": [(n, getattr(regularizers, n)) for n in "L1 L2 L1L2 OrthogonalRegularizer".split()],
    "constraint": [(n, getattr(constraints, n)) for n in "MaxNorm MinMaxNorm NonNeg UnitNorm".split()],
    "loss": [(n, getattr(losses, n)) for n in (
        "MeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError Huber LogCosh "
        "BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy Hinge SquaredHinge CategoricalHinge "
        "Poisson KLDivergence CosineSimilarity").split()],
    "metric": [(n, getattr(metrics, n)) for n in (
        "Accuracy BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy TopKCategoricalAccuracy "
        "SparseTopKCategoricalAccuracy AUC Precision Recall TruePositives TrueNegatives FalsePositives FalseNegatives "
        "R2Score RootMeanSquaredError CosineSimilarity LogCoshError MeanSquaredError MeanAbsoluteError "
        "MeanAbsolutePercentageError MeanSquaredLogarithmicError BinaryCrossentropy CategoricalCrossentropy "
        "SparseCategoricalCrossentropy Hinge SquaredHinge CategoricalHinge Poisson KLDivergence").split()],
    "optimizer": [(n, getattr(optimizers, n)) for n in "SGD RMSprop Adam AdamW".split()],
    "schedule": [
        ("CosineDecay", lambda: schedules.CosineDecay(0.1, 100)),
        ("CosineDecayRestarts", lambda: schedules.CosineDecayRestarts(0.1, 100)),
        ("ExponentialDecay", lambda: schedules.ExponentialDecay(0.1, 100, 0.9)),
        ("InverseTimeDecay", lambda: schedules.InverseTimeDecay(0.1, 100, 0.9)),
        ("PiecewiseConstantDecay", lambda: schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])),
        ("PolynomialDecay", lambda: schedules.PolynomialDecay(0.1, 100)),
    ],
}

OTHERS = {
    "layer": [
        lambda: layers.Dense(5, "relu", kernel_regularizer="l2", use_bias=False, name="first", trainable=False,
                             kernel_initializer=initializers.HeNormal(seed=3),
                             kernel_constraint=constraints.MaxNorm(2, axis=[0, 1])),
        lambda: layers.Dense(5, layers.LeakyReLU(negative_slope=0.1), bias_initializer=initializers.Constant(0.5),
                             activity_regularizer=regularizers.L1L2(0.1, 0.2), bias_constraint="non_neg",
                             bias_regularizer=regularizers.OrthogonalRegularizer(0.5, mode="columns")),
        lambda: layers.Dense(1, activations.softmax, dtype="bfloat16",
                             kernel_initializer=initializers.VarianceScaling(2.0, "fan_avg", "uniform", seed=5)),
        lambda: layers.EinsumDense("...bc,cd->...bd", output_shape=(None, 64), bias_axes="d", activation="gelu",
                                   activity_regularizer="l1"),
        lambda: layers.Activation(layers.ReLU(max_value=6.0, threshold=0.5)),
        lambda: layers.Activation(activations.log_softmax),
        lambda: layers.ReLU(max_value=6, negative_slope=0.1, threshold=1),
        lambda: layers.LeakyReLU(negative_slope=0.05),
        lambda: layers.PReLU(shared_axes=[1, 2], alpha_initializer="ones", alpha_regularizer="l1"),
        lambda: layers.ELU(0.5),
        lambda: layers.Softmax(axis=[1, 2]),
        lambda: layers.UnitNormalization(axis=[1, -1]),
        lambda: layers.Reshape((-1, 4)),
        lambda: layers.Reshape(()),
        lambda: layers.Dropout(0.25, noise_shape=(None, 1, 3), seed=4, dtype="float64"),
        lambda: layers.AlphaDropout(0.25, noise_shape=(2, 1), seed=4),
        lambda: layers.GaussianDropout(0.25, seed=9),
        lambda: layers.GaussianNoise(0.25, seed=9),
        lambda: layers.ActivityRegularization(0.1, 0.2),
        lambda: layers.Rescaling(1 / 127.5, offset=-1),
        lambda: layers.Normalization(axis=None, mean=3.0, variance=2.0),
        lambda: layers.Normalization(axis=[1, 2]),
        lambda: layers.Normalization(mean=[3.0, 4.0], variance=[2.0, 0.1], invert=True),
        lambda: layers.Discretization(num_bins=4, output_mode="one_hot", epsilon=0.1),
        lambda: layers.Discretization(bin_boundaries=[-1, 0.5, 3]),
        lambda: layers.StringLookup(vocabulary=["a", "b\u00e9"], num_oov_indices=0, mask_token="", max_tokens=9),
        lambda: layers.StringLookup(vocabulary=["a", "b"], output_mode="tf_idf", idf_weights=[1.5, 2.0]),
        lambda: layers.StringLookup(max_tokens=9, output_mode="count", pad_to_max_tokens=True, oov_token="?"),
        lambda: layers.IntegerLookup(vocabulary=[7, -3, 2**40], mask_token=0, oov_token=-2, invert=True),
        lambda: NanToNum(nan=28.0),
        lambda: layers.CategoryEncoding(num_tokens=9, output_mode="count"),
        lambda: layers.Concatenate(axis=1, name="side_by_side"),
        lambda: layers.Dot(axes=(1, 2), normalize=True),
    ],
    "initializer": [
        lambda: initializers.Constant(-1.5), lambda: initializers.RandomNormal(1.0, 2.0, seed=7),
        lambda: initializers.RandomUniform(0.0, 1.0, seed=7), lambda: initializers.TruncatedNormal(0.0, 1e-7),
        lambda: initializers.VarianceScaling(0.1, "fan_out", "untruncated_normal"),
        lambda: initializers.GlorotUniform(seed=11), lambda: initializers.Orthogonal(2.0, seed=1),
        lambda: initializers.HeNormal(input_axes=[0], output_axes=[1, 2]),
        lambda: initializers.STFT("imag", None, None, True),
    ],
    "regularizer": [lambda: regularizers.L1(0.3), lambda: regularizers.L2(1e-5), lambda: regularizers.L1L2(0.1, 0.0)],
    "constraint": [
        lambda: constraints.MaxNorm(3.5, axis=[0, 1, 2]), lambda: constraints.MinMaxNorm(0.5, 2.0, 0.9, 1),
        lambda: constraints.UnitNorm(axis=-1),
    ],
    "loss": [
        lambda: losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1, axis=1),
        lambda: losses.CategoricalCrossentropy(label_smoothing=0.25),
        lambda: losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
        lambda: losses.SparseCategoricalCrossentropy(ignore_class=-1),
    ],
    "metric": [
        lambda: metrics.BinaryAccuracy(threshold=0.7, name="acc7"), lambda: metrics.TopKCategoricalAccuracy(k=3),
        lambda: metrics.AUC(thresholds=[0.3, 0.6], curve="PR"), lambda: metrics.AUC(50, from_logits=True),
        lambda: metrics.Precision(thresholds=0.3, class_id=0, top_k=2), lambda: metrics.Recall(top_k=2, name="r"),
        lambda: metrics.TruePositives(thresholds=0.25), lambda: metrics.R2Score(num_regressors=2),
        lambda: metrics.BinaryCrossentropy(label_smoothing=0.1, from_logits=True),
        lambda: metrics.CategoricalCrossentropy(axis=1),
        lambda: metrics.SparseCategoricalCrossentropy(ignore_class=3),
    ],
    "optimizer": [
        lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=1e-3, clipnorm=1.0),
        lambda: optimizers.RMSprop(0.1, rho=0.8, momentum=0.1, epsilon=1e-5, centered=True, clipvalue=0.5),
        lambda: optimizers.Adam(3e-4, beta_1=0.8, amsgrad=True, use_ema=True, ema_overwrite_frequency=3,
                                gradient_accumulation_steps=2, global_clipnorm=2.0, name="mine"),
        lambda: optimizers.Adam(schedules.CosineDecay(0.1, 100)),
        lambda: optimizers.AdamW(schedules.PiecewiseConstantDecay([5], [0.1, 0.01]), weight_decay=0.1),
    ],
    "schedule": [
        lambda: schedules.CosineDecay(0.1, 100, alpha=0.1, warmup_target=0.2, warmup_steps=5),
        lambda: schedules.CosineDecayRestarts(0.1, 10, 1.5, 0.9, 0.01),
        lambda: schedules.ExponentialDecay(0.1, 100, 0.9, staircase=True),
        lambda: schedules.PiecewiseConstantDecay([0.5, 20], [1, 2, 3]),
        lambda: schedules.PolynomialDecay(0.1, 100, 0.001, 2.0, True),
    ],
}


def written(make):
    keras.utils.clear_session()
    made = serialize_keras_object(make())
    made.pop("build_config", None)
    if "vocabulary_size" in made["config"]:
        made["config"]["vocabulary_size"] = None  # it follows from the vocabulary; null is read to the same effect
    return made


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "config.json")
    rows = []
    for family, made in DEFAULT.items():
        for name, make in made:
            rows.append({"family": family, "default": True, "object": written(make)})
            assert rows[-1]["object"]["class_name"] == name
    for family, made in OTHERS.items():
        for make in made:
            rows.append({"family": family, "default": False, "object": written(make)})
    with open(path, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
    print(len(rows), "objects of Keras", keras.__version__)


main()
