"""Writes real.golden: what real Keras says of the shared model files (data/models/keras-h5) for inputs that both sides make:
x[i] = ((7 i) mod 23) / 11 - 1, two samples. A line a model: its file, then the outputs.
usage: KERAS_BACKEND=jax python make_real.py FOLDER-OF-MODELS (in tests/golden)"""

import sys

import keras
import numpy as np

with open("real.golden", "w") as out:
    for name in ("keras-h5/hls-1layer.h5", "keras-h5/hls-3layer.h5", "keras-h5/tdt-dense.h5", "keras/mnist-mlp-128.keras"):
        m = keras.models.load_model(f"{sys.argv[1]}/{name}", compile=False)
        shape = m.input_shape[1:]
        n = 2 * int(np.prod(shape))
        x = ((7 * np.arange(n)) % 23 / 11 - 1).astype("float32").reshape((2,) + shape)
        y = m.predict(x, verbose=0).ravel()
        print(name, *(f"{v:.9g}" for v in y), file=out)
