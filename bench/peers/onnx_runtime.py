"""ONNX Runtime: one prediction, input and output bound before. usage: onnx_runtime.py THREADS"""
import sys

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from turns import Declined, least, take_turns

AT_ONCE = 200


def model_of(material):
    w, nodes, constants, value = material.work, [], [], "x"
    for i, pair in enumerate(material.weights):
        constants += [numpy_helper.from_array(array, f"{what}{i}") for what, array in zip("kb", pair)]
        last = i == len(material.weights) - 1
        act = ("Sigmoid" if last else "Tanh") if w.squares else "Softmax" if last else "Relu"
        nodes += [helper.make_node("Gemm", [value, f"k{i}", f"b{i}"], [f"sum{i}"]),
                  helper.make_node(act, [f"sum{i}"], [f"act{i}"])]
        value = f"act{i}"
    type_of = lambda name, size: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
    graph = helper.make_graph(nodes, "dense", [type_of("x", w.sizes[0])], [type_of(value, w.sizes[-1])], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    return made.SerializeToString()


class Job:
    def __init__(self, material):
        if material.work.trains:
            raise Declined("predictions are measured")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = int(sys.argv[1]), 1
        self.session = onnxruntime.InferenceSession(model_of(material), options, ["CPUExecutionProvider"])
        self.x, self.out = material.x, numpy.zeros((1, material.work.sizes[-1]), numpy.float32)
        self.bound = self.session.io_binding()
        for bind, name, array in ((self.bound.bind_input, self.session.get_inputs()[0].name, self.x),
                                  (self.bound.bind_output, self.session.get_outputs()[0].name, self.out)):
            bind(name, "cpu", 0, numpy.float32, array.shape, array.ctypes.data)

    def check(self):
        self.session.run_with_iobinding(self.bound)
        return self.out[0]

    def turn(self, seconds):
        run, bound = self.session._sess.run_with_iobinding, self.bound._iobinding    # without Python's wrapper

        def some():
            for _ in range(AT_ONCE):
                run(bound, None)
            return AT_ONCE

        return least(some, seconds)


take_turns(f"ONNX Runtime {onnxruntime.__version__}", Job)
