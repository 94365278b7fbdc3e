"""Writes keras_layers.zip: for each layer of layers.def several models by real Keras, all weights random, sizes odd, with
inputs and outputs. Members: NAME.keras, NAME.x0.npy ..., NAME.y0.npy ...; strings as NAME.x0.txt, one a line.
usage: KERAS_BACKEND=tensorflow python make_keras.py (in tests/golden; strings need TensorFlow)"""

import io
import os
import tempfile
import zipfile

import keras
import numpy as np
import tensorflow as tf
from keras import constraints, initializers, layers as L, regularizers

rng = np.random.default_rng(4)
out = zipfile.ZipFile("keras_layers.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9)
count = {}


def add(name, data):
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    out.writestr(info, data)


def npy(a):
    f = io.BytesIO()
    np.save(f, a)
    return f.getvalue()


def shuffle_weights(model):
    for w in model.weights:
        if "seed_generator" in w.path or w.path.endswith("count"):
            continue
        values = rng.normal(size=w.shape).astype("float32")
        if w.path.endswith("variance"):
            values = np.abs(values) + 0.1
        w.assign(values)


def case(name, model, *x):
    """The model on x, as a file, with all of its weights random."""
    k = count[name] = count.get(name, -1) + 1
    shuffle_weights(model)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.keras")
        model.save(path)
        add(f"{name}_{k}.keras", open(path, "rb").read())
        model = keras.models.load_model(path)            # Normalization takes its new mean and variance when it is loaded
    given = [tf.constant(a) for a in x]
    y = model(given if len(x) > 1 else given[0])
    for i, a in enumerate(x):
        if a.dtype.kind == "U":
            add(f"{name}_{k}.x{i}.txt", "\n".join(a.ravel()))
        else:
            add(f"{name}_{k}.x{i}.npy", npy(a))
    for i, a in enumerate(y if isinstance(y, list) else [y]):
        add(f"{name}_{k}.y{i}.npy", npy(np.asarray(a)))


def batch(*shape):
    return rng.normal(size=(5,) + shape).astype("float32")


def layer(cls, *configs, shapes=((7,),)):
    """Each configuration alone in a functional model, on each shape; a tuple of tuples: a layer of several inputs."""
    name = cls.__name__
    for config in configs or ({},):
        for shape in shapes:
            several = isinstance(shape[0], tuple)
            x = [batch(*s) for s in (shape if several else (shape,))]
            inputs = [keras.Input(a.shape[1:]) for a in x]
            made = cls(**config)
            y = made(inputs if several else inputs[0])
            case(name, keras.Model(inputs if several else inputs[0], y), *x)


layer(L.Dense, dict(units=3), dict(units=5, activation="tanh", use_bias=False),
      dict(units=4, activation="softmax", kernel_initializer=initializers.RandomNormal(stddev=0.3, seed=3),
           kernel_regularizer=regularizers.L1L2(0.1, 0.2), bias_constraint=constraints.MaxNorm(1.5), name="last"),
      shapes=((7,), (3, 5), (2, 3, 4)))
layer(L.EinsumDense, dict(equation="ab,bc->ac", output_shape=3, bias_axes="c"),
      dict(equation="ab,bcd->adc", output_shape=(3, 2), bias_axes="dc", activation="gelu"))
layer(L.EinsumDense, dict(equation="...x,xy->...y", output_shape=5), dict(equation="abc,cde->abde",
      output_shape=(None, 3, 2), bias_axes="de"), shapes=((3, 5),))
for act in ("relu", "leaky_relu", "hard_silu", "mish", "softplus", "log_softmax", "squareplus", "glu", "sparsemax"):
    layer(L.Activation, dict(activation=act), shapes=((6,), (3, 4)))
layer(L.Identity, dict(), dict(name="same"))
layer(L.ReLU, dict(), dict(max_value=1.2), dict(max_value=2.0, negative_slope=0.1, threshold=0.3), shapes=((7,), (3, 2)))
layer(L.LeakyReLU, dict(), dict(negative_slope=0.05))
layer(L.PReLU, dict(), dict(shared_axes=[1]), shapes=((4, 3),))
layer(L.PReLU, dict(alpha_initializer="ones"))
layer(L.ELU, dict(), dict(alpha=0.4))
layer(L.Softmax, dict(), dict(axis=1), dict(axis=[1, 2]), shapes=((4, 3),))
layer(L.UnitNormalization, dict(), dict(axis=1), shapes=((4, 3),))
layer(L.Flatten, dict(), shapes=((7,), (3, 5), (2, 3, 4)))
layer(L.Reshape, dict(target_shape=(5, 3)), dict(target_shape=(-1, 1)), dict(target_shape=(15,)), shapes=((3, 5),))
layer(L.Permute, dict(dims=(2, 1)), shapes=((3, 5),))
layer(L.Permute, dict(dims=(3, 1, 2)), shapes=((2, 3, 4),))
layer(L.RepeatVector, dict(n=3), dict(n=1))
layer(L.Dropout, dict(rate=0.3), dict(rate=0.5, noise_shape=(None, 1), seed=7), dict(rate=0.0))
layer(L.AlphaDropout, dict(rate=0.3), dict(rate=0.2, seed=1))
layer(L.GaussianDropout, dict(rate=0.3), dict(rate=0.2, seed=1))
layer(L.GaussianNoise, dict(stddev=0.3), dict(stddev=0.2, seed=1))
layer(L.ActivityRegularization, dict(), dict(l1=0.1, l2=0.2))
layer(L.Rescaling, dict(scale=0.25), dict(scale=2.0, offset=-1.5), shapes=((7,), (3, 5)))
layer(L.Normalization, dict(), dict(axis=None), dict(axis=1), dict(axis=(1, 2)), dict(invert=True), shapes=((3, 5),))
layer(L.Normalization, dict(mean=[1.0, 2.0, 3.0], variance=[4.0, 5.0, 6.0]), dict(mean=1.5, variance=2.5, axis=None),
      shapes=((3,),))
pairs = (((7,), (7,)), ((3, 5), (3, 5)), ((3, 5), (1, 5)), ((4,), (4,), (4,)))
for cls in (L.Add, L.Multiply, L.Average, L.Maximum, L.Minimum):
    layer(cls, shapes=pairs)
layer(L.Subtract, shapes=pairs[:3])
layer(L.Concatenate, dict(), shapes=(((7,), (2,)), ((3, 5), (3, 2), (3, 1))))
layer(L.Concatenate, dict(axis=1), shapes=(((2, 5), (3, 5)),))
layer(L.Dot, dict(axes=1), dict(axes=-1, normalize=True), shapes=(((7,), (7,)),))
layer(L.Dot, dict(axes=(2, 1)), dict(axes=(2, 1), normalize=True), shapes=(((3, 5), (5, 4)),))



# ---- Preprocessing: what was given, and what was learnt from data ----------------------------------------------------
def lookup(cls, x, data, *configs):
    for config in configs:
        made = cls(**config)
        if "vocabulary" not in config:
            made.adapt(data)
        i = keras.Input(x.shape[1:], dtype="string" if x.dtype.kind == "U" else "int64")
        case(cls.__name__, keras.Model(i, made(i)), x)


words = np.array([["red"], ["green"], ["blau"], [""], ["blue"]])
lookup(L.StringLookup, words, np.array([["red"], ["blue"], ["red"], ["green"], ["blue"], ["red"]]),
       dict(), dict(output_mode="one_hot"), dict(max_tokens=3, output_mode="multi_hot"), dict(mask_token="", num_oov_indices=1),
       dict(vocabulary=["green", "red"], output_mode="count"), dict(output_mode="tf_idf"),
       dict(max_tokens=7, pad_to_max_tokens=True, output_mode="one_hot"), dict(vocabulary=["blue"], num_oov_indices=3))
counts = np.array([[3], [5], [9], [0], [-7]], dtype="int64")
lookup(L.IntegerLookup, counts, np.array([[5], [3], [5], [7], [-7]], dtype="int64"),
       dict(), dict(output_mode="one_hot"), dict(vocabulary=[9, 3], num_oov_indices=2), dict(mask_token=0))
for config in (dict(num_tokens=6), dict(num_tokens=6, output_mode="one_hot"), dict(num_tokens=8, output_mode="count")):
    i = keras.Input((1,) if config.get("output_mode") == "one_hot" else (3,), dtype="int64")
    case("CategoryEncoding", keras.Model(i, L.CategoryEncoding(**config)(i)),
         np.arange(5 * i.shape[1], dtype="int64").reshape(5, -1) % 6)
for config in (dict(bin_boundaries=[-0.5, 0.0, 0.7]), dict(num_bins=4), dict(num_bins=3, output_mode="one_hot")):
    made = L.Discretization(**config)
    if "num_bins" in config:
        made.adapt(rng.normal(size=(200, 1)).astype("float32"))
    i = keras.Input((1,))
    case("Discretization", keras.Model(i, made(i)), batch(1))
for name, f in (("Log1p", keras.ops.log1p), ("NanToNum", keras.ops.nan_to_num)):
    for shape in ((7,), (3, 5)):
        i = keras.Input(shape)
        x = np.abs(batch(*shape))
        if name == "NanToNum":
            x[1] = np.nan
        case(name, keras.Model(i, f(i)), x)

# ---- Models: everything that can stand in a file ---------------------------------------------------------------------
m = keras.Sequential([L.Dense(8, activation="relu"), L.Dropout(0.5), L.Dense(3, activation="softmax")], name="late")
m.build((None, 6))
case("Sequential", m, batch(6))
case("Sequential", keras.Sequential([keras.Input((4, 3), batch_size=5), L.Flatten(), L.Dense(2)]), batch(4, 3))

a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
shared = L.Dense(3, activation="relu", name="shared")
tower = keras.Sequential([keras.Input((3,)), L.Dense(5), L.Dense(5, activation="tanh")], name="tower")
p, q = tower(shared(a)), tower(shared(b))
both = L.Concatenate()([p, q])
case("Functional", keras.Model([a, b], [L.Dense(2, name="left")(both), L.Dense(1, name="right")(L.Subtract()([p, q]))]),
     batch(4), batch(4))
i = keras.Input((5,))
inner = keras.Model(i, [L.Dense(4)(i), L.Dense(3)(i)], name="two")
x = keras.Input((5,))
u, v = inner(x)
w, _ = inner(L.Dense(5)(x))
case("Functional", keras.Model(x, L.Concatenate()([u, v, w]), name="nested"), batch(5))
x = keras.Input((6,))
y = x
for _ in range(3):
    y = L.Add()([y, L.Dense(6, activation="relu")(L.Rescaling(0.5)(y))])
case("Functional", keras.Model(x, [y, x]), batch(6))
outer = keras.Sequential([keras.Input((5,)), inner.layers[1], L.Dense(2)], name="borrowed")
case("Functional", outer, batch(5))

out.close()
print(len(count), "classes,", sum(v + 1 for v in count.values()), "models,", os.path.getsize("keras_layers.zip"), "bytes")
