"""JAX: an epoch, or several short ones, as one jitted lax.scan over the batches. usage: jax_scan.py THREADS

bfloat16: the products' operands are rounded, their sums are float32.
"""
import os
import sys

if int(sys.argv[1]) == 1:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})              # XLA makes a thread for each processor
import jax
import jax.numpy as jnp
import numpy

from turns import Declined, least, take_turns

AT_LEAST = 1024                                          # steps to a scan


class Job:
    def __init__(self, material):
        w = self.work = material.work
        if not w.trains:
            raise Declined("training is measured")
        self.x, self.y = jnp.asarray(material.x), jnp.asarray(material.y)
        if not w.squares:
            self.y = self.y.flatten()
        weights = [(jnp.asarray(k), jnp.asarray(b)) for k, b in material.weights]
        zeros = lambda: jax.tree.map(jnp.zeros_like, weights)
        self.state = (weights, zeros(), zeros(), jnp.float32(0))
        self.scan = jax.jit(lambda state, order: jax.lax.scan(self.step, state, order), donate_argnums=0)
        self.random = numpy.random.default_rng(0)
        self.epochs = numpy.tile(numpy.arange(w.rows), (max(1, AT_LEAST // w.steps), 1))

    def product(self, x, kernel):
        if self.work.bfloat16:
            x, kernel = x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16)
        return jnp.matmul(x, kernel, preferred_element_type=jnp.float32)

    def loss(self, weights, x, y):
        for i, (kernel, bias) in enumerate(weights):
            x = self.product(x, kernel) + bias
            if i < len(weights) - 1:
                x = jnp.tanh(x) if self.work.squares else jax.nn.relu(x)
        if self.work.squares:
            return jnp.mean((jax.nn.sigmoid(x) - y) ** 2), 0
        hits = jnp.sum(jnp.argmax(x, 1) == y) if self.work.adam else 0
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1)), hits

    def step(self, state, pick):
        w, m, v, t = state
        (loss, hits), g = jax.value_and_grad(self.loss, has_aux=True)(w, self.x[pick], self.y[pick])
        t = t + 1
        if not self.work.adam:
            return (jax.tree.map(lambda a, b: a - 0.01 * b, w, g), m, v, t), (loss, hits)
        m = jax.tree.map(lambda a, b: a + (b - a) * (1 - 0.9), m, g)
        v = jax.tree.map(lambda a, b: a + (b * b - a) * (1 - 0.999), v, g)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        w = jax.tree.map(lambda a, b, c: a - rate * b / (jnp.sqrt(c) + 1e-7), w, m, v)
        return (w, m, v, t), (loss, hits)

    def run(self, order):
        self.state, (losses, _) = jax.block_until_ready(self.scan(self.state, order.reshape(-1, self.work.batch)))
        return losses

    def some(self):
        return len(self.run(self.random.permuted(self.epochs, axis=1)))  # NumPy's shuffle is faster than XLA's

    def check(self):
        rows, epochs = self.work.checked
        return [self.run(numpy.arange(rows)).mean() for _ in range(epochs)]

    def turn(self, seconds):
        return least(self.some, seconds)


take_turns(f"JAX {jax.__version__}", Job)
