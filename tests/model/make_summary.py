"""Writes summary.golden: what Keras's model.summary() prints for the models of summary.c.

    COLUMNS=200 KERAS_BACKEND=jax python make_summary.py
"""
import os

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("COLUMNS", "200")
import keras
from keras import layers

out = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "summary.golden"), "w")


def put(name, model):
    lines = []
    model.summary(print_fn=lambda s, **k: lines.append(s))
    out.write(f"== {name}\n" + "\n".join(lines).rstrip("\n") + "\n")


m = keras.Sequential([keras.Input((28, 28)), layers.Rescaling(1 / 255), layers.Flatten(),
                      layers.Dense(128, activation="relu", name="a_rather_long_name_that_does_not_fit_on_one_line"),
                      layers.Dropout(0.2), layers.Dense(10)], name="digits")
put("chain", m)
m.layers[2].trainable = False
m.compile("adam", "mse")
m.fit(np.zeros((4, 28, 28)), np.zeros((4, 10)), verbose=0)
put("trained", m)

keras.backend.clear_session()
put("unbuilt", keras.Sequential([layers.Dense(3), layers.Flatten()], name="unbuilt"))

keras.backend.clear_session()
tower = keras.Sequential([keras.Input((8,)), layers.Dense(4, activation="relu")], name="tower")
a, b, c = keras.Input((8,)), keras.Input((8,)), keras.Input((3,))
x, y = tower(a), tower(b)
joined = layers.Concatenate()([x, y, layers.Dense(2)(c)])
put("siamese", keras.Model([a, b, c], [layers.Dense(1, name="out")(joined), layers.Subtract()([x, y])], name="siamese"))

keras.backend.clear_session()
i = keras.Input((5,))
put("functional", keras.Model(i, layers.Dense(3)(i), name="functional"))
out.close()
