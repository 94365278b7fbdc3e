"""Opens the models that models.c made in real Keras: the same summary, the same predictions, the same optimizer state; goes
on training as models.c did and compares the weights; saves them for models.c to open.
usage: KERAS_BACKEND=jax python open.py FOLDER"""

import io
import os
import sys
import zipfile

import h5py
import keras
import numpy as np

folder = sys.argv[1]
failed = passed = 0


def check(name, what, good, detail=""):
    global failed, passed
    passed += bool(good)
    failed += not good
    if not good:
        print(f"FAILED {name}: {what} {detail}")


def arrays(name, letter):
    found = []
    while os.path.exists(path := f"{folder}/{name}.{letter}{len(found)}.npy"):
        found.append(np.load(path))
    return found


def one(a):
    return a if len(a) != 1 else a[0]


def distance(a, b):
    return max(float(np.max(np.abs(np.asarray(u, "float64") - v))) for u, v in zip(a, b, strict=True))


def summary(model):
    text = io.StringIO()
    model.summary(print_fn=lambda line, **_: print(line, file=text))
    return text.getvalue().strip()


def optimizer_state(path):
    f = h5py.File(io.BytesIO(zipfile.ZipFile(path).read("model.weights.h5")))["optimizer/vars"]
    return [np.asarray(f[str(i)]) for i in range(len(f))]


def run(name):
    x, y, p = (arrays(name, letter) for letter in "xyp")
    for ending in (".keras", ".h5"):
        m = keras.models.load_model(f"{folder}/{name}{ending}")
        got = m.predict(one(x), verbose=0)
        check(name + ending, "predictions", distance(got if len(p) > 1 else [got], p) <= 1e-5)
    m = keras.models.load_model(f"{folder}/{name}.keras")
    wanted = open(f"{folder}/{name}.txt").read().strip()
    check(name, "summary", summary(m) == wanted, f"\n{summary(m)}\n{wanted}")
    state = optimizer_state(f"{folder}/{name}.keras")
    check(name, "optimizer", len(state) == len(m.optimizer.variables) and
          all(np.array_equal(np.asarray(v), s) for v, s in zip(m.optimizer.variables, state)),
          [v.path for v in m.optimizer.variables])
    other = keras.models.clone_model(m)
    other.load_weights(f"{folder}/{name}.weights.h5")
    check(name, ".weights.h5", all(np.array_equal(a, b) for a, b in zip(m.get_weights(), other.get_weights())))

    m.fit(one(x), one(y), epochs=2, batch_size=8, shuffle=False, verbose=0)
    after = np.load(f"{folder}/{name}.after.npz")
    check(name, "names of .npz", sorted(after.files) == [f"w{i:03d}" for i in range(len(m.weights))])
    off = distance(m.get_weights(), [after[k] for k in sorted(after.files)])
    check(name, "training goes on", off <= 1e-4, off)
    m.save(f"{folder}/{name}.back.keras")
    got = m.predict(one(x), verbose=0)
    for i, a in enumerate(got if isinstance(got, list) else [got]):
        np.save(f"{folder}/{name}.back.p{i}.npy", a)


for file in sorted(os.listdir(folder)):
    if file.endswith(".txt"):
        try:
            run(file[:-4])
        except Exception as e:
            check(file[:-4], type(e).__name__, False, e)
print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
