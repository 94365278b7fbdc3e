"""The job of bench/mnist in Keras: MNIST from its .gz files, 784-128-10, Adam, batches of 128, 5 epochs, evaluated,
saved. Each run is a process of its own, measured from outside; inside it says what its parts took.

    KERAS_BACKEND=jax python bench/peers/mnist_keras.py FOLDER [RUNS]
"""
import gzip
import os
import resource
import statistics
import subprocess
import sys
import time

SAVED = "bench-mnist-peer.keras"


def job(folder):
    parts, last = {}, [time.perf_counter()]

    def part_ends(name):
        now = time.perf_counter()
        parts[name], last[0] = now - last[0], now

    import numpy as np
    import keras
    part_ends("import")

    def read(name, head):
        with gzip.open(os.path.join(folder, name + "-ubyte.gz")) as file:
            return np.frombuffer(file.read(), np.uint8, offset=head)

    x, y = read("train-images-idx3", 16).reshape(-1, 28, 28), read("train-labels-idx1", 8)
    tx, ty = read("t10k-images-idx3", 16).reshape(-1, 28, 28), read("t10k-labels-idx1", 8)
    part_ends("read")
    model = keras.Sequential([
        keras.Input((28, 28)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(),
        keras.layers.Dense(128, "relu"), keras.layers.Dense(10, "softmax")])
    part_ends("build")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    part_ends("compile")
    model.fit(x, y, epochs=5, batch_size=128, verbose=0)
    part_ends("fit")
    accuracy = model.evaluate(tx, ty, batch_size=128, verbose=0)[1]
    part_ends("evaluate")
    model.save(SAVED)
    part_ends("save")
    print(f"Keras {keras.__version__} on {keras.backend.backend()}:",
          *(f"{name} {took:.2f} s," for name, took in parts.items()), f"accuracy {accuracy:.4f}")


def main():
    if sys.argv[1] == "job":
        return job(sys.argv[2])
    took = []
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 3):
        start = time.perf_counter()
        said = subprocess.run([sys.executable, __file__, "job", sys.argv[1]], check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        took.append(time.perf_counter() - start)
        print(said, end="")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"the whole process {min(took):.2f} s min {statistics.median(took):.2f} s median, work on all processors "
          f"{(used.ru_utime + used.ru_stime) / len(took):.2f} s mean, memory at most {used.ru_maxrss / 1024:.0f} MB")
    os.remove(SAVED)


main()
