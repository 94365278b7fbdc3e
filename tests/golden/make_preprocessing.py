#!/usr/bin/env python3
"""Writes preprocessing.golden, which tests/nn/preprocessing.c compares with: pip install keras jax tensorflow-cpu

The form is that of make.py. A string is percent-encoded, "%" alone is the empty one. Of a case, `data` is what the layer
is adapted to, `words` what it has learnt, x and y what it then makes of what. (keras.layers.StringLookup needs
TensorFlow with every backend.)
"""

import os
import urllib.parse

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
import keras
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(2026)
lines = [f"# Keras {keras.__version__}, written by make_preprocessing.py"]


def array(name, value):
    a = np.asarray(value)
    if a.dtype.kind in "OSU":
        kind, text = "text", [urllib.parse.quote(str(x), safe="") or "%" for x in a.ravel()]
    elif a.dtype.kind in "iu":
        kind, text = "int", [str(int(x)) for x in a.ravel()]
    else:
        kind, text = "float", ["%.9g" % float(x) for x in a.ravel()]
    lines.append(" ".join([name, kind, str(a.ndim)] + [str(d) for d in a.shape] + [":"] + text))


def option(v):
    return "yes" if v is True else "no" if v is False else str(v)


def case(cls, options, x, data=None):
    lists = {k: v for k, v in options.items() if isinstance(v, list)}
    words = [f"{k}={option(v)}" for k, v in options.items() if k not in lists]
    lines.append(" ".join(["case", "preprocessing", cls] + words))
    operation = {"NanToNum": keras.ops.nan_to_num, "Log1p": keras.ops.log1p}.get(cls)
    layer = (lambda v: operation(v, **options)) if operation else getattr(keras.layers, cls)(**options)
    if data is not None:
        layer.adapt(data)
        array("data", data)
        array("words", layer.get_vocabulary() if "Lookup" in cls else layer.bin_boundaries)
    for name, v in lists.items():
        array(name, v)
    array("x", x)
    array("y", np.asarray(layer(x)))
    lines.append("end")


MODES = ("int", "one_hot", "multi_hot", "count")
PETS = ["cat", "dog", "a long name with spaces and 100 % more", "Łódź", "x" * 70, "kiwi"]
strings = np.array(
    [["dog", "cat", ""], ["owl", "Łódź", "dog"], ["x" * 70, "x" * 71, "kiwi"], ["", "", "cat"], ["DOG", PETS[2], "é"]],
    dtype=object,
)
one = strings[:, :1]
integers = np.array([[12, 1138, 42], [42, 1000, 36], [0, -7, 12], [1 << 40, -(1 << 40), 36]], dtype="int64")
INTS = [36, 1138, 42, 12, 1 << 40]


def learnt_strings(rows, columns):
    words = np.array(["b", "a", "", "[UNK]", "ab", "B", "é", "c c", "zz", "y"], dtype=object)
    return words[np.minimum(rng.geometric(0.25, size=(rows, columns)) - 1, 9)]


def lookups():
    for mode in MODES:
        case("StringLookup", dict(vocabulary=PETS, output_mode=mode), strings)
        case("StringLookup", dict(vocabulary=PETS, output_mode=mode, mask_token=""), strings)
        case("StringLookup", dict(vocabulary=PETS, output_mode=mode, num_oov_indices=5), strings)
        case("IntegerLookup", dict(vocabulary=INTS, output_mode=mode), integers)
        case("IntegerLookup", dict(vocabulary=INTS, output_mode=mode, mask_token=0, num_oov_indices=3), integers)
    case("StringLookup", dict(vocabulary=PETS, num_oov_indices=7, mask_token=""), strings)
    case("StringLookup", dict(vocabulary=PETS, num_oov_indices=0), np.array([["cat"], ["kiwi"]], dtype=object))
    case("StringLookup", dict(vocabulary=PETS, num_oov_indices=0, mask_token=""), np.array([["", "kiwi"]], dtype=object))
    case("StringLookup", dict(vocabulary=["", "[UNK]", "dog"], mask_token=""), strings)
    case("StringLookup", dict(vocabulary=["[UNK]", "[UNK]", "dog", "cat"], num_oov_indices=2, output_mode="count"), strings)
    case("StringLookup", dict(vocabulary=["dog", "[UNK]"], oov_token="owl"), strings)
    case("StringLookup", dict(vocabulary=PETS, max_tokens=9, output_mode="multi_hot", pad_to_max_tokens=True), strings)
    case("StringLookup", dict(vocabulary=["dog"], output_mode="one_hot"), one)
    case("StringLookup", dict(vocabulary=PETS), strings[0])
    case("StringLookup", dict(vocabulary=PETS, output_mode="one_hot"), strings[0])
    idf = [0.5, 1.5, 0.25, 3.0, 2.0, 0.75]
    case("StringLookup", dict(vocabulary=PETS, output_mode="tf_idf", idf_weights=idf), strings)
    case("StringLookup", dict(vocabulary=PETS, output_mode="tf_idf", idf_weights=idf, max_tokens=9,
                              pad_to_max_tokens=True, num_oov_indices=2), strings)
    case("StringLookup", dict(vocabulary=["[UNK]"] + PETS, output_mode="tf_idf", idf_weights=[9.0] + idf), strings)
    case("IntegerLookup", dict(vocabulary=INTS, output_mode="tf_idf", idf_weights=idf[:5]), integers)
    case("IntegerLookup", dict(vocabulary=INTS, num_oov_indices=0), np.array([[36], [12]]))
    case("IntegerLookup", dict(vocabulary=[-1, 5, 7]), np.array([[5, 7, 8], [-1, 0, 5]]))
    case("IntegerLookup", dict(vocabulary=INTS[:4] + [9], invert=True), np.array([[0, 1, 2], [5, 6, -3]]))
    case("IntegerLookup", dict(vocabulary=INTS[:4] + [9], invert=True, mask_token=0, num_oov_indices=2, oov_token=-9),
         np.array([[0, 1, 2], [3, 7, 8]]))
    case("IntegerLookup", dict(vocabulary=INTS), np.array([[12.0, 42.75], [-36.5, 36.0]], dtype="float32"))


def learnt():
    for n, width in ((40, 1), (25, 3)):
        data, x = learnt_strings(n, width), learnt_strings(6, width)
        case("StringLookup", {}, x, data)
        case("StringLookup", dict(mask_token="", max_tokens=5), x, data)
        case("StringLookup", dict(output_mode="multi_hot", num_oov_indices=2), x, data)
        case("StringLookup", dict(output_mode="tf_idf"), x, data)
        case("StringLookup", dict(output_mode="tf_idf", max_tokens=15, pad_to_max_tokens=True), x, data)
        whole = rng.integers(-4, 5, size=(n, width)) * 3
        case("IntegerLookup", {}, rng.integers(-15, 16, size=(5, width)), whole)
        case("IntegerLookup", dict(mask_token=0, oov_token=3, output_mode="count"), rng.integers(-15, 16, (5, width)), whole)
        case("IntegerLookup", dict(max_tokens=4, output_mode="one_hot"), rng.integers(-15, 16, (5, width)), whole)
    case("StringLookup", {}, np.array(["b", "q"], dtype=object), learnt_strings(30, 1)[:, 0])


def encodings():
    for mode in MODES[1:]:
        case("CategoryEncoding", dict(num_tokens=4, output_mode=mode), np.array([[0, 3, 3], [1, 4, -1]]))
        case("CategoryEncoding", dict(num_tokens=4, output_mode=mode), np.array([[2], [0], [3]]))
        case("CategoryEncoding", dict(num_tokens=3, output_mode=mode), rng.integers(0, 3, size=(2, 3, 3)))
        case("CategoryEncoding", dict(num_tokens=3, output_mode=mode), np.array([[1.0, 2.0], [0.0, 1.25]], "float32"))
    case("CategoryEncoding", dict(num_tokens=4), np.array([[0, 3], [1, 2]]))
    case("CategoryEncoding", dict(num_tokens=3, output_mode="one_hot"), np.array([2, 0, 7]))


def bins():
    x = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0], [-0.0, 2.0, 1e30, np.nan]], "float32")
    for mode in MODES:
        case("Discretization", dict(bin_boundaries=[0.0, 1.0, 2.0], output_mode=mode), x)
        case("Discretization", dict(bin_boundaries=[0.1, 0.1, 3.3], output_mode=mode), x[:, 1:2])
    case("Discretization", dict(bin_boundaries=[0.5]), x[0])
    for n, options in (
        (8, dict(num_bins=4)),
        (8, dict(num_bins=4, epsilon=0.5)),
        (1000, dict(num_bins=10)),
        (1234, dict(num_bins=7, epsilon=0.03)),
        (2000, dict(num_bins=20, epsilon=0.001, output_mode="one_hot")),
        (3, dict(num_bins=5)),
        (100, dict(num_bins=1)),
    ):
        data = np.round(rng.normal(size=(n, 1)) * 3, 3 if n < 2000 else 1).astype("float32")
        case("Discretization", options, x[:2, :1], data)
    case("Discretization", dict(num_bins=6), x, rng.exponential(size=(50, 4)).astype("float32"))


def operations():
    x = np.array([[1.5, np.nan], [-0.0, 3e38], [np.inf, -np.inf]], "float32")
    case("NanToNum", {}, x)
    case("NanToNum", dict(nan=-2.5), x)
    case("Log1p", {}, np.array([[0.0, 1.0], [1e6, -0.5], [np.nan, np.inf]], "float32"))


lookups()
learnt()
encodings()
bins()
operations()
with open(os.path.join(HERE, "preprocessing.golden"), "w") as f:
    f.write("\n".join(lines) + "\n")
print(len([line for line in lines if line.startswith("case")]), "cases")
