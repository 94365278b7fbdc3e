"""The workloads of workloads.def, for the peers and for bench/compare."""
import os
import re
from typing import NamedTuple

LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "workloads.def")
LINE = re.compile(r'^(WORKLOAD|PREDICTION)\("(.+?)", *\((.+?)\), *(.+)\)$', re.M)


class Workload(NamedTuple):
    name: str
    sizes: list
    squares: bool              # tanh, sigmoid, mean squared error; else relu, softmax, cross-entropy
    batch: int = 0             # 0: a prediction
    rows: int = 0
    adam: bool = False
    bfloat16: bool = False

    @property
    def trains(self):
        return self.batch > 0

    @property
    def steps(self):
        return self.rows // self.batch

    @property
    def checked(self):         # rows of the data of which the first 100 steps are compared, and the epochs over them
        rows = min(self.rows, 4 * self.batch)
        return rows, 100 * self.batch // rows

    @property
    def tolerance(self):       # of the first difference and of the mean one; README.md says why
        return (1.5e-2, 1.5e-2) if self.bfloat16 else (1e-5, 5e-3) if self.trains else (1e-4, 1e-4)


def workloads():
    found = []
    with open(LIST) as file:
        for kind, name, sizes, rest in LINE.findall(file.read()):
            sizes, rest = [int(s) for s in sizes.split(",")], rest.replace(" ", "").split(",")
            if kind == "PREDICTION":
                found.append(Workload(name, sizes, rest[0] == "squares"))
            else:
                batch, rows, _, task, rule, precision = rest
                found.append(Workload(name, sizes, task == "squares", int(batch), int(rows), rule == "adam",
                                      precision == "bfloat16"))
    return found
