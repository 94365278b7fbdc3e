"""Writes training.golden: ten training steps of three models by real Keras, for tests/model/golden.c.

    KERAS_BACKEND=jax python make_training.py

A file of lines: name, rank, sizes, numbers. The running mean of the loss after each step, the weights before and after (in the order
of Keras's model.weights), what the model predicts afterwards.
"""
import os
import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras
from keras import layers, losses, metrics, optimizers, regularizers

ROWS, BATCH = 80, 8
rng = np.random.default_rng(20)
out = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "training.golden"), "w")
out.write(f"# Keras {keras.__version__}, {keras.backend.backend()}\n")


def put(name, value):
    value = np.asarray(value, dtype=np.float32)
    numbers = " ".join(f"{v:.9g}" for v in value.ravel())
    out.write(f"{name} {value.ndim} {' '.join(map(str, value.shape))} {numbers}\n")


def draw(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def train(name, model, x, y):
    for w in model.trainable_variables:
        w.assign(draw(*w.shape) * 0.5)
    for i, w in enumerate(model.trainable_variables):
        put(f"{name}.before.{i}", w)
    for i, a in enumerate(x):
        put(f"{name}.x.{i}", a)
    for i, a in enumerate(y):
        put(f"{name}.y.{i}", a)
    running = []
    model.fit(x if len(x) > 1 else x[0], y if len(y) > 1 else y[0], batch_size=BATCH, shuffle=False, verbose=0,
              callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: running.append(logs["loss"]))])
    put(f"{name}.loss", running)
    for i, w in enumerate(model.trainable_variables):
        put(f"{name}.after.{i}", w)
    p = model.predict(x if len(x) > 1 else x[0], verbose=0)
    for i, a in enumerate(p if isinstance(p, list) else [p]):
        put(f"{name}.p.{i}", a)


classes = keras.Sequential([keras.Input((12,)), layers.Dense(16, activation="relu"), layers.Dense(8, activation="tanh"),
                            layers.Dense(3, activation="softmax")])
classes.compile(optimizers.SGD(0.1, momentum=0.9, nesterov=True), "sparse_categorical_crossentropy", metrics=["accuracy"])
train("classes", classes, [draw(ROWS, 12)], [rng.integers(0, 3, ROWS)])

numbers = keras.Sequential([keras.Input((5,)), layers.Dense(10, activation="elu", kernel_regularizer=regularizers.L2(1e-3)),
                            layers.Dense(1)])
numbers.compile(optimizers.Adam(0.01, clipnorm=1.0), "mean_squared_error", metrics=["mae"])
train("numbers", numbers, [draw(ROWS, 5)], [draw(ROWS, 1) * 3])

a, b = keras.Input((4,)), keras.Input((3,))
shared = layers.Dense(6, activation="gelu")
u, v = shared(a), shared(layers.Dense(4, activation="silu")(b))
joined = layers.Concatenate()([layers.Add()([u, v]), layers.Multiply()([u, v]), b])
yes = layers.Dense(1, activation="sigmoid", name="yes")(joined)
much = layers.Dense(2, name="much", bias_regularizer=regularizers.L1(1e-2))(joined)
both = keras.Model([a, b], [yes, much])
both.compile(optimizers.RMSprop(0.01, rho=0.8, momentum=0.5, centered=True, weight_decay=1e-3, global_clipnorm=2.0),
             [losses.BinaryCrossentropy(label_smoothing=0.1), losses.Huber(delta=0.7)], loss_weights=[1.0, 0.3])
train("both", both, [draw(ROWS, 4), draw(ROWS, 3)], [rng.integers(0, 2, (ROWS, 1)), draw(ROWS, 2) * 2])
out.close()
