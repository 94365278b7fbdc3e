"""Writes old_keras_N.zip: models that Keras N (1.2.2 and 2.2.4, on Theano) compiled and trained for two epochs, as .h5, and
beside them NAME.w0.npy ...: the weights two epochs later. The names of the layers are not in the order of the alphabet, for Keras 1
sorts the optimizer's state by them.
usage: KERAS_BACKEND=theano python make_old_keras.py (in tests/golden; needs keras, Theano==1.0.5, numpy==1.23.5, h5py)"""

import collections
import collections.abc
import inspect
import io
import os
import tempfile
import zipfile

os.environ["THEANO_FLAGS"] = "device=cpu,floatX=float32,cxx=,optimizer=fast_compile,blas.ldflags="
for name in ("Iterable", "Mapping", "Callable"):         # what Python has moved since
    setattr(collections, name, getattr(collections.abc, name))
if not hasattr(inspect, "getargspec"):
    ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")
    inspect.getargspec = lambda f: ArgSpec(*inspect.getfullargspec(f)[:4])

import numpy as np
import theano.ifelse
import keras
from keras.layers import Dense
from keras.layers.advanced_activations import LeakyReLU
from keras.models import Sequential
from keras.optimizers import SGD, Adam, RMSprop

ROWS = 32
major = keras.__version__[0]
x = np.array([[(7 * i + 3 * k) % 23 / 11 - 1 for k in range(4)] for i in range(ROWS)], "float32")
y = np.array([[i * 7 % 3] for i in range(ROWS)], "int32")
OPTIMIZERS = {"sgd": SGD(0.05, momentum=0.9, nesterov=True, decay=0.01), "plain": SGD(0.05), "adam": Adam(0.01),
              "rmsprop": RMSprop(0.01, epsilon=1e-12)}   # before Keras 2.11 epsilon stood outside of the root


def fit(model):
    model.fit(x, y, batch_size=8, shuffle=False, verbose=0, **{"nb_epoch" if major == "1" else "epochs": 2})


out = zipfile.ZipFile("old_keras_%s.zip" % major, "w", zipfile.ZIP_DEFLATED, compresslevel=9)


def add(name, data):
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    out.writestr(info, data)


for name, optimizer in OPTIMIZERS.items():
    np.random.seed(1)
    model = Sequential([Dense(5, activation="tanh", input_dim=4, name="top"), LeakyReLU(0.1, name="middle"),
                        Dense(3, activation="softmax", name="end")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    fit(model)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.h5")
        model.save(path)
        with open(path, "rb") as f:
            add(name + ".h5", f.read())
    fit(model)
    for i, w in enumerate(model.get_weights()):
        f = io.BytesIO()
        np.save(f, w)
        add("%s.w%d.npy" % (name, i), f.getvalue())

out.close()
