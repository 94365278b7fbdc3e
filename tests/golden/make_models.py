"""Models that real Keras made, as its to_json writes them: tests/golden/models/NAME.json.

Run with Keras 3.15 (KERAS_BACKEND=jax python make_models.py); the files are committed, the tests need no Python. Only
layers that Cornu has; names are reset for each model, so that a second run writes the same bytes.
"""
import json
import os
import pathlib

import keras
from keras import layers, losses, metrics, optimizers, regularizers

FOLDER = pathlib.Path(__file__).parent / "models"
MODELS = {}


def model(f):
    MODELS[f.__name__] = f
    return f


@model
def sequential():
    return keras.Sequential([keras.Input((4,), batch_size=8), layers.Dense(3, activation="relu"), layers.Dropout(0.2, seed=7),
                             layers.Dense(2, activation="softmax")])


@model
def sequential_unbuilt():
    return keras.Sequential([layers.Dense(3), layers.LeakyReLU(negative_slope=0.2), layers.Dense(1, use_bias=False)])


@model
def sequential_shapes():
    return keras.Sequential([keras.Input((None, 6), name="series"), layers.Activation("tanh"), layers.Softmax(),
                             layers.UnitNormalization(), layers.GaussianNoise(0.1), layers.GaussianDropout(0.1),
                             layers.AlphaDropout(0.1), layers.ActivityRegularization(l1=0.5), layers.Permute((2, 1)),
                             layers.Identity(), layers.ELU()], name="shapes")


@model
def functional_two():
    a, b = keras.Input((3,), name="left"), keras.Input((5,), name="right")
    x = layers.Concatenate(name="both")([layers.Dense(4, name="d1")(a), layers.Dense(4, name="d2")(b)])
    y = layers.Dense(1, name="price", kernel_regularizer=regularizers.L2(0.01))(x)
    z = layers.Dense(2, activation="sigmoid", name="kind", activity_regularizer=regularizers.L1(0.5))(x)
    return keras.Model([a, b], [y, z], name="two")


@model
def shared():
    """Layers that are called again at another depth: A(B(A(B(x)))), and one on two inputs."""
    x, w = keras.Input((4,)), keras.Input((4,))
    a, b = layers.Dense(4, name="a"), layers.Dense(4, name="b")
    y = a(b(a(b(x))))
    return keras.Model([x, w], layers.Subtract()([y, a(w)]))


@model
def cut():
    """Of a graph that is larger than the model: node numbers count what the model keeps."""
    x = keras.Input((4,), name="x")
    d, e = layers.Dense(4, name="d"), layers.Dense(4, name="e")
    d(x)
    y = e(d(e(x)))
    e(y)
    return keras.Model(x, e(d(y)))


@model
def middle():
    """Ends at a tensor from the middle as well."""
    x = keras.Input((4,))
    h = layers.Dense(3, name="hidden")(x)
    whole = keras.Model(x, layers.Dense(2, name="end")(h))
    return keras.Model(x, [whole.output, h])


@model
def nested():
    """Towers called twice, one with two outputs, one built from its first call."""
    x, w = keras.Input((4,), name="x"), keras.Input((4,), name="w")
    i = keras.Input((4,))
    h = layers.Dense(3)(i)
    tower = keras.Model(i, [layers.Dense(2, name="low")(h), layers.Dense(2, name="high")(h)], name="tower")
    chain = keras.Sequential([layers.Dense(2), layers.ReLU()], name="chain")
    given = keras.Sequential([keras.Input((2,)), layers.Dense(2, name="last")], name="given")
    low, high = tower(x)
    low2, high2 = tower(w)
    return keras.Model([x, w], [given(chain(layers.Add()([low, high2]))), chain(given(high)), tower(w)[0]], name="outer")


@model
def deep():
    i = keras.Input((4,))
    one = keras.Model(i, layers.Dense(4)(i), name="one")
    two = keras.Sequential([keras.Input((4,)), one, layers.Dense(4)], name="two")
    j = keras.Input((4,))
    three = keras.Model(j, layers.Average()([two(j), j]), name="three")
    k = keras.Input((4,))
    return keras.Model(k, three(k), name="four")


@model
def inputs_of_model():
    """A model of several inputs that is called; it gives one of its inputs on."""
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    inner = keras.Model([a, b], [layers.Multiply()([a, b]), b], name="inner")
    x, y = keras.Input((3,), name="x"), keras.Input((3,), name="y")
    p, q = inner([x, y])
    return keras.Model([x, y], layers.Maximum()([p, q, x]))


@model
def residual():
    x = keras.Input((6,))
    y = x
    for _ in range(3):
        h = layers.Dense(6, kernel_initializer=keras.initializers.HeNormal(seed=3))(y)
        y = layers.Add()([y, layers.ReLU()(h)])
    return keras.Model(x, layers.Dot(axes=1)([y, x]), name="residual")


@model
def kinds():
    """dtypes and what learns; an input that leads nowhere."""
    x, unused = keras.Input((4,), dtype="float64"), keras.Input((2, 2), dtype="int32", batch_size=3, name="unused")
    y = layers.Dense(3, dtype="float64", trainable=False)(x)
    z = layers.Dense(2, dtype="mixed_bfloat16")(y)
    m = keras.Model([x, unused], z)
    m.layers[2].trainable = False
    return m


@model
def inference():
    x = keras.Input((4,))
    tower = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dropout(0.5)], name="tower")
    return keras.Model(x, layers.Dropout(0.1)(tower(x, training=False)))


@model
def masked():
    x, m = keras.Input((3, 4), name="x"), keras.Input((3, 4), dtype="bool", name="m")
    return keras.Model([x, m], layers.Softmax()(layers.Dense(4)(x), mask=m))


@model
def dictionary():
    x = {"b": keras.Input((2,), name="b"), "a": keras.Input((3,), name="a")}
    y = layers.Concatenate()([x["b"], x["a"]])
    return keras.Model(x, {"z": layers.Dense(1, name="z")(y), "y": layers.Dense(1, name="y")(y)})


def two():
    x = keras.Input((4,))
    return keras.Model(x, [layers.Dense(1, name="price")(x), layers.Dense(3, name="kind", activation="softmax")(x)])


def one():
    return keras.Sequential([keras.Input((4,)), layers.Dense(1)])


@model
def compiled_words():
    m = one()
    m.compile("rmsprop", "mse", metrics=["mae", "acc"], weighted_metrics=["mse"])
    return m


@model
def compiled_plain():
    m = one()
    m.compile(optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=2.0), "binary_crossentropy")
    return m


@model
def compiled_objects():
    m = one()
    rate = optimizers.schedules.CosineDecay(0.1, 1000, alpha=0.01)
    m.compile(optimizers.AdamW(rate, weight_decay=0.01, use_ema=True),
              losses.BinaryCrossentropy(from_logits=False, label_smoothing=0.1),
              metrics=[metrics.BinaryAccuracy(threshold=0.7), metrics.AUC(num_thresholds=50, name="area"), "accuracy"])
    return m


@model
def compiled_named():
    m = two()
    m.compile("adam", {"kind": "categorical_crossentropy", "price": "mse"}, loss_weights={"price": 0.5, "kind": 2.0},
              metrics={"kind": ["accuracy", metrics.TopKCategoricalAccuracy(k=2)]}, weighted_metrics={"price": "mae"})
    return m


@model
def compiled_lists():
    m = two()
    m.compile(optimizers.Adam(optimizers.schedules.PiecewiseConstantDecay([10, 20], [0.1, 0.01, 0.001])),
              ["mse", losses.CategoricalCrossentropy()], loss_weights=[1.0, 0.25], metrics=[["mae"], ["accuracy", "ce"]])
    return m


@model
def compiled_part():
    """One output without a loss."""
    m = two()
    m.compile(optimizers.RMSprop(0.01, centered=True), {"price": losses.MeanAbsoluteError(), "kind": None},
              metrics=[None, ["accuracy"]])
    return m


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, make in MODELS.items():
        keras.utils.clear_session()
        text = json.dumps(json.loads(make().to_json()), separators=(",", ":"))
        (FOLDER / f"{name}.json").write_text(text.replace('},{"module":"keras', '},\n{"module":"keras') + "\n")
    print(f"{len(MODELS)} models, Keras {keras.__version__}, {os.environ.get('KERAS_BACKEND', 'tensorflow')}")


if __name__ == "__main__":
    main()
