"""Keras loading the file that `bench/load FILE.keras` left: ms, minimum of 7.

    KERAS_BACKEND=jax python bench/peers/load.py FILE.keras
"""
import sys
import time

import keras

times = []
for _ in range(8):
    start = time.perf_counter()
    model = keras.models.load_model(sys.argv[1])
    for w in model.weights:
        w.value.block_until_ready() if hasattr(w.value, "block_until_ready") else w.numpy()
    times.append(time.perf_counter() - start)
keras_on = f"Keras {keras.__version__} on {keras.backend.backend()}"
print(f"load 100 MB .keras           {min(times[1:]) * 1e3:8.1f} ms ({keras_on})")
