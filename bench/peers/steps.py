"""The workloads of bench/steps.c on PyTorch (eager) and JAX (a jitted lax.scan over the batches): ns a step, minimum and median.

    python bench/peers/steps.py [PART-OF-A-NAME]

Peers come from PyPI (torch, jax); one that is not installed is left out, with a word. Same mathematics: gathered shuffled batches, loss,
gradients, update; float32. Each runs with its best number of threads of {1, all}.
"""
import os
import sys
import time

WORKLOADS = [
    ("xor 2-8-1 sgd b4", [2, 8, 1], 4, False, 400),
    ("2-8-8-1 sgd b32", [2, 8, 8, 1], 32, False, 400),
    ("784-128-10 sgd b32", [784, 128, 10], 32, False, 256),
    ("784-128-10 sgd b128", [784, 128, 10], 128, False, 128),
    ("784-128-10 adam b32", [784, 128, 10], 32, True, 256),
    ("784-128-10 adam b128", [784, 128, 10], 128, True, 128),
    ("784-512-512-10 sgd b128", [784, 512, 512, 10], 128, False, 64),
    ("784-512-512-10 adam b32", [784, 512, 512, 10], 32, True, 64),
    ("784-512-512-10 adam b128", [784, 512, 512, 10], 128, True, 64),
]
ROUNDS = 7


def report(name, peer, times):
    times.sort()
    print(f"{name:28s} {peer:22s} {times[0] * 1e9:12.0f} ns min {times[len(times) // 2] * 1e9:12.0f} ns median", flush=True)


def run_torch(name, sizes, batch, adam, steps):
    import torch
    from torch import nn

    torch.set_flush_denormal(True)
    xor = sizes[0] == 2
    parts = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        parts.append(nn.Linear(a, b))
        last = i == len(sizes) - 2
        if xor:
            parts.append(nn.Sigmoid() if last else nn.Tanh())
        elif not last:
            parts.append(nn.ReLU())
    net = nn.Sequential(*parts)
    loss = nn.MSELoss() if xor else nn.CrossEntropyLoss()
    rule = torch.optim.Adam(net.parameters(), fused=True) if adam else torch.optim.SGD(net.parameters(), lr=0.01)
    x = torch.rand(steps * batch, sizes[0])
    y = torch.rand(steps * batch, 1) if xor else torch.randint(0, 10, (steps * batch,))
    for threads in (1, os.cpu_count()):
        torch.set_num_threads(threads)
        times = []
        for r in range(ROUNDS + 1):
            order = torch.randperm(len(x))
            start = time.perf_counter()
            for s in range(steps):
                pick = order[s * batch : (s + 1) * batch]
                rule.zero_grad(set_to_none=True)
                loss(net(x[pick]), y[pick]).backward()
                rule.step()
            if r:
                times.append((time.perf_counter() - start) / steps)
        report(name, f"PyTorch, {threads} threads", times)


def run_jax(name, sizes, batch, adam, steps):
    import jax
    import jax.numpy as jnp

    xor = sizes[0] == 2
    keys = jax.random.split(jax.random.PRNGKey(0), len(sizes))
    weights = [(jax.random.normal(k, (a, b)) * 0.05, jnp.zeros(b)) for k, a, b in zip(keys, sizes, sizes[1:])]

    def loss(w, x, y):
        for i, (k, b) in enumerate(w):
            x = x @ k + b
            if i < len(w) - 1:
                x = jnp.tanh(x) if xor else jax.nn.relu(x)
        if xor:
            return jnp.mean((jax.nn.sigmoid(x) - y) ** 2)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1))

    def step(state, pick):
        w, m, v, t = state
        g = jax.grad(loss)(w, x[pick], y[pick])
        t = t + 1
        if not adam:
            return (jax.tree.map(lambda a, b: a - 0.01 * b, w, g), m, v, t), None
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        return (jax.tree.map(lambda a, b, c: a - rate * b / (jnp.sqrt(c) + 1e-7), w, m, v), m, v, t), None

    x = jax.random.uniform(keys[0], (steps * batch, sizes[0]))
    y = jax.random.uniform(keys[1], (steps * batch, 1)) if xor else jax.random.randint(keys[1], (steps * batch,), 0, 10)
    zeros = jax.tree.map(jnp.zeros_like, weights)
    epoch = jax.jit(lambda s, o: jax.lax.scan(step, s, o.reshape(steps, batch))[0])
    state = (weights, zeros, zeros, jnp.float32(0))
    times = []
    for r in range(ROUNDS + 1):
        order = jax.random.permutation(jax.random.PRNGKey(r), len(x))
        order.block_until_ready()
        start = time.perf_counter()
        state = jax.block_until_ready(epoch(state, order))
        if r:
            times.append((time.perf_counter() - start) / steps)
    report(name, "JAX, jitted scan", times)


for name, *rest in WORKLOADS:
    if len(sys.argv) > 1 and sys.argv[1] not in name:
        continue
    for run in (run_torch, run_jax):
        try:
            run(name, *rest)
        except ImportError as missing:
            print(f"{name}: {missing.name} is not installed")
