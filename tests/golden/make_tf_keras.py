"""Writes tf_keras.zip: models that tf.keras 2.15 compiled and trained for two epochs, as .keras and as .h5 (each optimizer's
state; "old" are the optimizers of before 2.11), and beside them NAME.w0.npy ...: the weights two epochs later.
usage: python make_tf_keras.py (in tests/golden; needs tensorflow-cpu==2.15.1)"""

import io
import os
import tempfile
import zipfile

import numpy as np
import tensorflow as tf

keras = tf.keras
now, old, schedules = keras.optimizers, keras.optimizers.legacy, keras.optimizers.schedules
ROWS = 32
x = np.array([[(7 * i + 3 * k) % 23 / 11 - 1 for k in range(4)] for i in range(ROWS)], "float32")
y = np.array([i * 7 % 3 for i in range(ROWS)], "int32")

OPTIMIZERS = {
    "sgd": now.SGD(0.05),
    "sgd_momentum": now.SGD(0.05, momentum=0.9, nesterov=True),
    "sgd_schedule": now.SGD(schedules.ExponentialDecay(0.05, 5, 0.8)),
    "rmsprop": now.RMSprop(0.01, momentum=0.3, centered=True),
    "adam": now.Adam(0.01, amsgrad=True, clipnorm=0.5),
    "adam_average": now.Adam(0.01, use_ema=True, ema_overwrite_frequency=3),
    "adamw": now.AdamW(0.01, weight_decay=0.1),
    "old_sgd": old.SGD(0.05, momentum=0.9, decay=0.01),
    "old_rmsprop": old.RMSprop(0.01, momentum=0.3, centered=True),
    "old_adam": old.Adam(0.01, amsgrad=True),
}


def fit(model):
    model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)


out = zipfile.ZipFile("tf_keras.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9)


def add(name, data):
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    out.writestr(info, data)


for name, optimizer in OPTIMIZERS.items():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Dense(5, activation="tanh", input_shape=(4,), name="first"),
                              keras.layers.LeakyReLU(alpha=0.1), keras.layers.Dense(3, activation="softmax", name="last")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit(model)
    with tempfile.TemporaryDirectory() as folder:
        endings = (".h5",) if name.startswith("old") else (".keras", ".h5")          # a .keras has no place for the old ones
        for ending in endings:
            path = os.path.join(folder, "m" + ending)
            model.save(path)
            add(name + ending, open(path, "rb").read())
    fit(model)
    for i, w in enumerate(model.get_weights()):
        f = io.BytesIO()
        np.save(f, w)
        add(f"{name}.w{i}.npy", f.getvalue())
