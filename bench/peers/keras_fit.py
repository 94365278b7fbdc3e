"""Keras: Model.fit on TensorFlow or on JAX. An epoch is timed from its beginning to its end: what fit does once is out.
usage: keras_fit.py THREADS tensorflow|jax compiled|plain

bfloat16: the policy mixed_bfloat16. Several steps are one execution, which helps TensorFlow and does not hurt JAX.
"""
import os
import sys
import time

THREADS, BACKEND, COMPILED = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "compiled"
os.environ["KERAS_BACKEND"] = BACKEND
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
if BACKEND == "jax" and THREADS == 1:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})              # XLA makes a thread for each processor
import keras
from keras import layers

from turns import Declined, take_turns

AT_ONCE = 32


class Clock(keras.callbacks.Callback):
    """Ends the training when its time is over."""

    def __init__(self, seconds):
        super().__init__()
        self.end, self.times = time.perf_counter() + seconds, []

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        now = time.perf_counter()
        self.times.append(now - self.began)
        self.model.stop_training = now > self.end and len(self.times) > 1


class Job:
    def __init__(self, material):
        w = self.work = material.work
        if not w.trains:
            raise Declined("training is measured")
        keras.backend.clear_session()
        keras.config.set_dtype_policy("mixed_bfloat16" if w.bfloat16 else "float32")
        self.x, self.y = material.x, material.y
        inside, last = ("tanh", "sigmoid") if w.squares else ("relu", "softmax")
        self.net = keras.Sequential([keras.Input((w.sizes[0],))])
        for units in w.sizes[1:-1]:
            self.net.add(layers.Dense(units, activation=inside))
        self.net.add(layers.Dense(w.sizes[-1], activation=last, dtype="float32"))
        self.net.set_weights([array for pair in material.weights for array in pair])
        self.net.compile(optimizer="adam" if w.adam else "sgd",
                         loss="mse" if w.squares else "sparse_categorical_crossentropy",
                         metrics=["accuracy"] if w.adam else [], steps_per_execution=AT_ONCE,
                         jit_compile=COMPILED)

    def check(self):
        rows, epochs = self.work.checked
        return self.net.fit(self.x[:rows], self.y[:rows], batch_size=self.work.batch, epochs=epochs, shuffle=False,
                            verbose=0).history["loss"]

    def turn(self, seconds):
        clock = Clock(seconds)
        self.net.fit(self.x, self.y, batch_size=self.work.batch, epochs=10**9, verbose=0, callbacks=[clock])
        return min(clock.times) / self.work.steps


if BACKEND == "tensorflow":
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(THREADS)
    version = f"TensorFlow {tensorflow.__version__}"
else:
    import jax

    version = f"JAX {jax.__version__}"
take_turns(f"Keras {keras.__version__} on {version}", Job)
