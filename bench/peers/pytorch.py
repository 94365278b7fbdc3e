"""PyTorch. usage: pytorch.py THREADS eager|compiled

Denormals are flushed, the rule is the fused one, indices are shuffled once an epoch. Compiled: the network with its
loss by torch.compile. bfloat16: autocast.
"""
import sys

import numpy
import torch
from torch import nn

from turns import Declined, least, take_turns

THREADS, COMPILED = int(sys.argv[1]), sys.argv[2] == "compiled"
RATE, BETAS, EPSILON = 1e-3, (0.9, 0.999), 1e-7          # Keras's
AT_ONCE = 32                                             # steps that are timed together


class Job:
    def __init__(self, material):
        w = self.work = material.work
        if not w.trains:
            raise Declined("training is measured")
        self.x, self.y = torch.from_numpy(material.x), torch.from_numpy(material.y)
        if not w.squares:
            self.y = self.y.long().flatten()
        self.net = network(w, material.weights)
        self.criterion = nn.MSELoss() if w.squares else nn.CrossEntropyLoss()
        self.parameters = list(self.net.parameters())
        self.rule = (torch.optim.Adam(self.parameters, lr=RATE, betas=BETAS, eps=EPSILON, fused=True) if w.adam
                     else torch.optim.SGD(self.parameters, lr=0.01))
        self.shuffled = self.batches()
        self.forward = torch.compile(self.outcome) if COMPILED else self.outcome

    def outcome(self, x, y):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.work.bfloat16):
            scores = self.net(x)
            loss = self.criterion(scores, y)
        return loss, (scores.argmax(1) == y).sum() if self.work.adam else None

    def step(self, pick):
        self.rule.zero_grad(set_to_none=True)
        loss, hits = self.forward(self.x[pick], self.y[pick])
        loss.backward()
        self.rule.step()
        return loss.detach(), hits

    def batches(self):
        while True:
            yield from torch.randperm(self.work.rows).split(self.work.batch)

    def some(self):
        loss, hits = torch.zeros(()), torch.zeros((), dtype=torch.long)
        for _ in range(AT_ONCE):
            one, right = self.step(next(self.shuffled))
            if self.work.adam:                           # as fit reports it
                loss += one
                hits += right
        return AT_ONCE

    def check(self):
        rows, epochs = self.work.checked
        batches, losses = torch.arange(rows).split(self.work.batch), []
        for step in range(epochs * len(batches)):
            if self.work.adam:
                self.rule.param_groups[0].update(as_keras(step + 1))
            losses.append(self.step(batches[step % len(batches)])[0].item())
        if self.work.adam:
            self.rule.param_groups[0].update(lr=RATE, eps=EPSILON)
        return torch.tensor(losses).reshape(epochs, -1).mean(1).tolist()

    def turn(self, seconds):
        return least(self.some, seconds)


def as_keras(t):
    """Adam's step t: Keras adds its epsilon before it corrects the bias, and computes the correction in float32."""
    exact = [1 - beta**t for beta in BETAS]
    rounded = [1 - numpy.float32(beta) ** numpy.float32(t) for beta in BETAS]
    rate = RATE * float(rounded[1]) ** 0.5 / float(rounded[0]) * exact[0] / exact[1] ** 0.5
    return {"lr": rate, "eps": EPSILON / exact[1] ** 0.5}


def network(w, weights):
    parts = []
    for i, (kernel, bias) in enumerate(weights):
        layer, last = nn.Linear(*kernel.shape), i == len(weights) - 1
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(kernel.T))
            layer.bias.copy_(torch.from_numpy(bias))
        parts.append(layer)
        if w.squares:
            parts.append(nn.Sigmoid() if last else nn.Tanh())
        elif not last:
            parts.append(nn.ReLU())
    return nn.Sequential(*parts)


torch.set_flush_denormal(True)
torch.set_num_threads(THREADS)
take_turns(f"PyTorch {torch.__version__}", Job)
