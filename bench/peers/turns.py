"""A peer in Python that bench/compare calls upon in turn with others; turns.h says what is asked and answered."""
import os
import sys
import time

import numpy

from workloads import workloads


class Declined(Exception):
    """The peer does not do this workload."""


class Material:
    """What all begin with: the workload, its data, and its weights as [(kernel, bias), ...]."""

    def __init__(self, folder, name):
        self.work = next(w for w in workloads() if w.name == name)
        array = lambda what: numpy.load(os.path.join(folder, what + ".npy"))
        self.x, self.y = array("x"), array("y") if self.work.trains else None
        self.weights = [(array(f"w{2 * i:03d}"), array(f"w{2 * i + 1:03d}")) for i in range(len(self.work.sizes) - 1)]


def least(run, seconds):
    """The least time that run() took, again and again for so long; run gives how many steps it did."""
    start, times = time.perf_counter(), []
    while not times or time.perf_counter() < start + seconds:
        began = time.perf_counter()
        steps = run()
        times.append((time.perf_counter() - began) / steps)
    return min(times)


def take_turns(version, job_of):
    """job_of(material): with check(), the losses of 100 steps or a prediction, and turn(seconds), seconds a step."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)                                        # what libraries print does not answer
    print(version, file=answers)
    job = None
    for line in sys.stdin:
        verb, _, rest = line.strip().partition(" ")
        try:
            if verb == "prepare":
                job = None                               # the old one's memory first
                job = job_of(Material(*rest.split(" ", 1)))
                answer = "ready"
            elif verb == "check":
                answer = "numbers " + " ".join(f"{float(v):.9g}" for v in job.check())
            else:
                answer = f"took {job.turn(float(rest)):.9g}"
        except Exception as reason:
            answer = f"declined {type(reason).__name__}: {reason}".splitlines()[0]
        print(answer, file=answers)
