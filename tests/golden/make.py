#!/usr/bin/env python3
"""Writes the figures of real Keras that tests/nn compares with: pip install keras jax scipy

A file is a list of cases. A case begins with "case FAMILY CLASS key=value ...", where the options are those of the
table in the header; then come named arrays, "name dtype rank dims... : numbers", and "end". All numbers are float32's.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
import jax
import jax.numpy as jnp
import keras
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(2026)


class File:
    def __init__(self, name):
        self.lines = [f"# Keras {keras.__version__}, written by make.py"]
        self.path = os.path.join(HERE, name + ".golden")

    def case(self, family, cls, options=None, **arrays):
        words = [f"{k}={self.option(v)}" for k, v in (options or {}).items()]
        self.lines.append(" ".join(["case", family, cls] + words))
        for name, value in arrays.items():
            self.array(name, value)
        self.lines.append("end")

    @staticmethod
    def option(v):
        if isinstance(v, (list, tuple)):
            return "[" + ",".join(repr(x) for x in v) + "]"
        if isinstance(v, bool):
            return "yes" if v else "no"
        return str(v)

    def array(self, name, value):
        a = np.asarray(value)
        if a.dtype.kind in "iu":
            dtype, text = "int", [str(int(x)) for x in a.ravel()]
        elif a.dtype.kind == "U":
            dtype, text = "text", [str(x) for x in a.ravel()]
        else:
            dtype, text = "float", ["%.9g" % float(x) for x in a.ravel()]
        self.lines.append(" ".join([name, dtype, str(a.ndim)] + [str(d) for d in a.shape] + [":"] + text))

    def close(self):
        with open(self.path, "w") as f:
            f.write("\n".join(self.lines) + "\n")
        print(os.path.basename(self.path), os.path.getsize(self.path))


def f32(a):
    return np.asarray(a, dtype="float32")


def normal(*shape, scale=1.0):
    return f32(rng.normal(size=shape) * scale)


def uniform(*shape, low=0.05, high=0.95):
    return f32(rng.uniform(low, high, size=shape))


def simplex(*shape):
    a = rng.uniform(0.1, 1.0, size=shape)
    return f32(a / a.sum(-1, keepdims=True))


def one_hot(labels, n):
    return f32(np.eye(n)[labels])


# ---- activations ---------------------------------------------------------------------------------------------------
def activations():
    f = File("activations")
    x = f32([[-30, -6.3, -3.1, -2.2, -1.3, -0.7, -0.51, -0.2], [0, 0.11, 0.49, 0.8, 1.4, 2.9, 6.2, 40]])
    plain = (
        "linear relu relu6 leaky_relu elu celu selu gelu silu mish sigmoid hard_sigmoid hard_silu log_sigmoid "
        "sparse_sigmoid tanh "
        "hard_tanh tanh_shrink soft_shrink hard_shrink softplus softsign squareplus sparse_plus exponential"
    ).split()
    cases = [(n, {}, x[:, :7] if n == "exponential" else x) for n in plain]
    cases += [
        ("relu", o, x)
        for o in (
            dict(negative_slope=0.1),
            dict(max_value=5.0),
            dict(threshold=0.6),
            dict(negative_slope=0.2, max_value=3.0, threshold=0.5),
            dict(max_value=6.0, negative_slope=0.1),
        )
    ]
    cases += [
        ("leaky_relu", dict(negative_slope=0.05), x),
        ("elu", dict(alpha=0.5), x),
        ("celu", dict(alpha=2.0), x),
        ("gelu", dict(approximate=True), x),
        ("hard_shrink", dict(threshold=1.0), x),
        ("soft_shrink", dict(threshold=1.0), x),
        ("squareplus", dict(b=1.0), x),
        ("threshold", dict(threshold=0.3, default_value=-1.5), x),
    ]
    z = normal(3, 4, 6, scale=2)
    for n in ("softmax", "log_softmax", "sparsemax", "glu"):
        cases += [(n, {}, z), (n, dict(axis=1), z)]
    for name, options, x0 in cases:
        fn = lambda v: getattr(keras.activations, name)(v, **options)
        y = np.asarray(fn(jnp.asarray(x0)))
        c = normal(*y.shape)
        ties = x0 == 0  # slopes at a corner are a matter of taste
        dx = np.asarray(jax.grad(lambda v: jnp.sum(fn(v) * c))(jnp.asarray(x0)))
        f.case("activation", name, options, x=x0, y=y, c=c, dx=np.where(ties, 0, dx), smooth=f32(~ties))
    f.close()


# ---- losses --------------------------------------------------------------------------------------------------------
def losses():
    f = File("losses")
    K = keras.losses
    y2, p2 = normal(5, 3), normal(5, 3)
    y3, p3 = normal(2, 4, 3), normal(2, 4, 3)
    cases = []
    errors = "MeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError"
    for n in errors.split() + ["Huber", "LogCosh", "CosineSimilarity"]:
        cases += [(n, {}, y2, p2), (n, {}, y3, p3), (n, {}, normal(6), normal(6, 1)), (n, {}, normal(6, 1), normal(6))]
    zero = f32([[0, 0, 0], [1, 0, -1], [0, 0, 0]])
    cases += [
        ("MeanAbsolutePercentageError", {}, zero, f32([[0, 1e-8, 1], [2, 0, 1], [0, 0, 0]])),
        ("CosineSimilarity", {}, zero, f32([[1, 2, 3], [0, 0, 0], [0, 0, 0]])),
        ("CosineSimilarity", dict(axis=1), y3, p3),
        ("Huber", dict(delta=0.5), y2, p2),
        ("Huber", dict(delta=2.0), y2, p2),
        ("LogCosh", {}, zero, f32([[100, -100, 0], [1, 2, 3], [0, 0, 0]])),
        ("MeanSquaredLogarithmicError", {}, np.abs(y2), np.abs(p2)),
    ]
    signs, bits = f32(rng.choice([-1, 1], size=(5, 3))), f32(rng.integers(0, 2, size=(5, 3)))
    for n in ("Hinge", "SquaredHinge"):
        cases += [(n, {}, signs, p2), (n, {}, bits, p2)]
    labels = rng.integers(0, 3, size=5)
    cases += [
        ("CategoricalHinge", {}, one_hot(labels, 3), p2),
        ("Poisson", {}, f32(rng.poisson(2.0, size=(5, 3))), uniform(5, 3, high=4)),
        ("Poisson", {}, f32([[0, 1, 2]]), f32([[0, 0, 1]])),
        ("KLDivergence", {}, simplex(5, 3), simplex(5, 3)),
        ("KLDivergence", {}, f32([[0, 1, 0]]), f32([[0, 0.5, 0.5]])),
    ]
    edge_p, edge_y = f32([[0, 1, 0, 1, 0.5]]), f32([[0, 1, 1, 0, 1]])
    for o in ({}, dict(label_smoothing=0.2)):
        cases += [
            ("BinaryCrossentropy", o, bits, uniform(5, 3)),
            ("BinaryCrossentropy", o, edge_y, edge_p),
            ("BinaryCrossentropy", o, f32(bits[:, 0]), uniform(5, 1)),
            ("BinaryCrossentropy", dict(from_logits=True, **o), bits, normal(5, 3, scale=4)),
            ("BinaryCrossentropy", dict(from_logits=True, **o), edge_y, f32([[-200, 200, -100, 100, 0]])),
            ("CategoricalCrossentropy", o, one_hot(labels, 3), simplex(5, 3)),
            ("CategoricalCrossentropy", o, one_hot(labels, 3), uniform(5, 3)),
            ("CategoricalCrossentropy", o, one_hot([0, 1], 3), f32([[0, 0.5, 0.5], [0, 1, 0]])),
            (
                "CategoricalCrossentropy",
                dict(from_logits=True, **o),
                one_hot(rng.integers(0, 3, size=(2, 4)), 3),
                normal(2, 4, 3, scale=4),
            ),
            (
                "CategoricalCrossentropy",
                dict(from_logits=True, **o),
                one_hot([0, 1], 3),
                f32([[-300, 300, 0], [0, 500, 1]]),
            ),
        ]
    cases += [
        ("BinaryCrossentropy", dict(axis=1), f32(rng.integers(0, 2, size=(2, 4, 3))), uniform(2, 4, 3)),
        ("CategoricalCrossentropy", dict(axis=1), f32(np.swapaxes(simplex(2, 3, 4), 1, 2)), uniform(2, 4, 3)),
    ]
    many = rng.integers(0, 4, size=(3, 5))
    for o in ({}, dict(ignore_class=1), dict(ignore_class=-1)):
        cases += [
            ("SparseCategoricalCrossentropy", o, f32(many), simplex(3, 5, 4)),
            ("SparseCategoricalCrossentropy", o, f32(many[:, :1]), simplex(3, 4)),
            ("SparseCategoricalCrossentropy", dict(from_logits=True, **o), f32(many[:, 0]), normal(3, 4, scale=5)),
            (
                "SparseCategoricalCrossentropy",
                dict(from_logits=True, **o),
                f32(many[:, :, None]),
                normal(3, 5, 4, scale=5),
            ),
        ]
    cases += [("SparseCategoricalCrossentropy", {}, f32([0, 1]), f32([[0, 1, 0], [0.2, 0.3, 0.5]]))]
    for name, options, y, p in cases:
        fn = lambda v: getattr(K, name)(reduction=None, **options).call(jnp.asarray(y), v)
        out = np.asarray(fn(jnp.asarray(p)))
        c = normal(*out.shape)
        dp = np.asarray(jax.grad(lambda v: jnp.sum(fn(v) * c))(jnp.asarray(p)))
        smooth = np.isfinite(dp)  # slopes at a corner are a matter of taste
        if name.startswith("MeanAbsolute") and y.shape == p.shape:
            smooth &= y != p
        f.case("loss", name, options, y=y, p=p, out=out, c=c, dp=np.where(smooth, dp, 0), smooth=f32(smooth))
    f.close()


# ---- metrics -------------------------------------------------------------------------------------------------------
def metrics():
    f = File("metrics")
    K = keras.metrics
    bits, probs = (lambda *s: f32(rng.integers(0, 2, size=s))), (lambda *s: uniform(*s, low=0, high=1))
    classes = lambda n, k: one_hot(rng.integers(0, k, size=n), k)
    numbers = lambda n, k: f32(rng.integers(0, k, size=n))
    both = lambda: (normal(6, 3), normal(6, 3))
    cases = [
        ("Accuracy", {}, lambda: (numbers((6, 2), 3), numbers((6, 2), 3))),
        ("BinaryAccuracy", {}, lambda: (bits(6, 2), probs(6, 2))),
        ("BinaryAccuracy", dict(threshold=0.3), lambda: (bits(6), probs(6, 1))),
        ("CategoricalAccuracy", {}, lambda: (classes(6, 4), simplex(6, 4))),
        ("SparseCategoricalAccuracy", {}, lambda: (numbers(6, 4), simplex(6, 4))),
        ("SparseCategoricalAccuracy", {}, lambda: (numbers((6, 1), 4), simplex(6, 4))),
        ("TopKCategoricalAccuracy", dict(k=2), lambda: (classes(6, 5), simplex(6, 5))),
        ("TopKCategoricalAccuracy", {}, lambda: (classes(6, 7), simplex(6, 7))),
        ("SparseTopKCategoricalAccuracy", dict(k=2), lambda: (numbers(6, 5), simplex(6, 5))),
        ("SparseTopKCategoricalAccuracy", dict(k=2, from_sorted_ids=True), lambda: (numbers(6, 5), numbers((6, 4), 5))),
        ("R2Score", {}, both),
        ("R2Score", dict(class_aggregation="variance_weighted_average"), both),
        ("R2Score", dict(num_regressors=2), both),
        ("RootMeanSquaredError", {}, both),
        ("CosineSimilarity", {}, both),
        ("LogCoshError", {}, both),
        ("MeanSquaredError", {}, both),
        ("MeanAbsoluteError", {}, both),
        ("MeanAbsolutePercentageError", {}, both),
        ("MeanSquaredLogarithmicError", {}, both),
        ("BinaryCrossentropy", {}, lambda: (bits(6, 2), probs(6, 2))),
        ("BinaryCrossentropy", dict(from_logits=True, label_smoothing=0.1), lambda: (bits(6, 2), normal(6, 2))),
        ("CategoricalCrossentropy", dict(label_smoothing=0.1), lambda: (classes(6, 4), simplex(6, 4))),
        ("SparseCategoricalCrossentropy", {}, lambda: (numbers(6, 4), simplex(6, 4))),
        ("Hinge", {}, lambda: (bits(6, 2), normal(6, 2))),
        ("SquaredHinge", {}, lambda: (bits(6, 2), normal(6, 2))),
        ("CategoricalHinge", {}, lambda: (classes(6, 4), normal(6, 4))),
        ("Poisson", {}, lambda: (numbers((6, 2), 4), probs(6, 2))),
        ("KLDivergence", {}, lambda: (simplex(6, 3), simplex(6, 3))),
    ]
    binary = lambda: (bits(40, 1), probs(40, 1))
    for n in "Precision Recall TruePositives TrueNegatives FalsePositives FalseNegatives".split():
        cases += [(n, {}, binary), (n, dict(thresholds=0.7), lambda: (bits(6, 3), probs(6, 3)))]
    for n in ("Precision", "Recall"):
        cases += [
            (n, dict(top_k=2), lambda: (classes(8, 5), simplex(8, 5))),
            (n, dict(class_id=1), lambda: (bits(8, 3), probs(8, 3))),
            (n, dict(top_k=2, class_id=2, thresholds=0.2), lambda: (classes(8, 4), simplex(8, 4))),
        ]
    for curve in ("ROC", "PR", "PRGAIN"):
        for method in ("interpolation", "majoring", "minoring"):
            cases += [("AUC", dict(curve=curve, summation_method=method), binary)]
    cases += [
        ("AUC", dict(num_thresholds=3), binary),
        ("AUC", dict(thresholds=[0.8, 0.1, 0.5]), binary),
        ("AUC", dict(thresholds=[0.25, 0.5, 0.75]), binary),
        ("AUC", dict(from_logits=True), lambda: (bits(20, 2), normal(20, 2))),
    ]
    for name, options, data in cases:
        for weighted in (False, True):
            m = getattr(K, name)(**options)
            arrays = {}
            for step in range(2):
                y, p = data()
                w = f32(rng.choice([0, 0.5, 1, 2], size=len(y))) if weighted else None
                m.update_state(y, p, sample_weight=w)
                arrays |= {f"y{step}": y, f"p{step}": p} | ({f"w{step}": w} if weighted else {})
            f.case("metric", name, options, **arrays, result=f32(m.result()))
    f.close()


# ---- optimizers ----------------------------------------------------------------------------------------------------
def optimizers():
    f = File("optimizers")
    O = keras.optimizers
    cases = [
        ("SGD", {}),
        ("SGD", dict(learning_rate=0.1, momentum=0.9)),
        ("SGD", dict(learning_rate=0.1, momentum=0.9, nesterov=True)),
        ("SGD", dict(learning_rate=0.1, weight_decay=0.05)),
        ("SGD", dict(learning_rate=0.1, clipnorm=0.5)),
        ("SGD", dict(learning_rate=0.1, clipvalue=0.3)),
        ("SGD", dict(learning_rate=0.1, global_clipnorm=0.7)),
        ("RMSprop", {}),
        ("RMSprop", dict(learning_rate=0.05, rho=0.8, momentum=0.5)),
        ("RMSprop", dict(learning_rate=0.05, centered=True, momentum=0.5, epsilon=1e-3)),
        ("RMSprop", dict(centered=True)),
        ("Adam", {}),
        ("Adam", dict(learning_rate=0.1, beta_1=0.8, beta_2=0.9, epsilon=1e-4)),
        ("Adam", dict(learning_rate=0.1, amsgrad=True)),
        ("Adam", dict(learning_rate=0.1, weight_decay=0.01)),
        ("AdamW", {}),
        ("AdamW", dict(learning_rate=0.1, weight_decay=0.1, amsgrad=True)),
        ("SGD", dict(learning_rate=0.1, use_ema=True, ema_momentum=0.8)),
        ("Adam", dict(learning_rate=0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=2)),
        ("SGD", dict(learning_rate=0.1, momentum=0.9, gradient_accumulation_steps=2)),
        ("Adam", dict(learning_rate=0.1, gradient_accumulation_steps=3, clipnorm=0.5)),
        (
            "Adam",
            dict(
                learning_rate=0.1,
                gradient_accumulation_steps=2,
                use_ema=True,
                ema_momentum=0.5,
                ema_overwrite_frequency=2,
            ),
        ),
    ]
    for name, options in cases + [
        ("SGD", dict(learning_rate=0.5, constraint="MaxNorm")),
        ("Adam", dict(learning_rate=0.1, schedule="exponential")),
    ]:
        own = dict(options)
        constraint, schedule = own.pop("constraint", None), own.pop("schedule", None)
        if schedule:
            own["learning_rate"] = O.schedules.ExponentialDecay(0.1, 2, 0.5)
        w = keras.Variable(normal(3, 2), name="kernel")
        b = keras.Variable(normal(2), name="bias")
        if constraint:
            w.constraint = keras.constraints.MaxNorm(1.0)
        opt = getattr(O, name)(**own)
        opt.build([w, b])
        arrays = dict(w=np.asarray(w), b=np.asarray(b))
        for step in range(5):
            gw, gb = normal(3, 2), normal(2)
            opt.apply([jnp.asarray(gw), jnp.asarray(gb)], [w, b])
            arrays |= {f"gw{step}": gw, f"gb{step}": gb, f"w{step}": np.asarray(w), f"b{step}": np.asarray(b)}
        slots = [v for v in opt.variables]
        arrays["names"] = np.array([v.path.split("/")[-1] for v in slots])
        arrays["values"] = np.concatenate([f32(v).ravel() for v in slots])
        f.case("optimizer", name, options, **arrays)
    f.close()


# ---- schedules -----------------------------------------------------------------------------------------------------
def schedules():
    f = File("schedules")
    S = keras.optimizers.schedules
    a = dict(initial_learning_rate=0.1)
    cases = [
        ("CosineDecay", a | dict(decay_steps=10)),
        ("CosineDecay", a | dict(decay_steps=10, alpha=0.2)),
        ("CosineDecay", dict(initial_learning_rate=0.0, decay_steps=10, warmup_target=0.5, warmup_steps=4)),
        ("CosineDecay", a | dict(decay_steps=7, warmup_target=0.5, warmup_steps=5, alpha=0.1)),
        ("CosineDecayRestarts", a | dict(first_decay_steps=3)),
        ("CosineDecayRestarts", a | dict(first_decay_steps=4, t_mul=1.0, m_mul=0.5, alpha=0.1)),
        ("CosineDecayRestarts", a | dict(first_decay_steps=3, t_mul=1.5, m_mul=0.8)),
        ("ExponentialDecay", a | dict(decay_steps=5, decay_rate=0.5)),
        ("ExponentialDecay", a | dict(decay_steps=5, decay_rate=0.5, staircase=True)),
        ("InverseTimeDecay", a | dict(decay_steps=5, decay_rate=0.5)),
        ("InverseTimeDecay", a | dict(decay_steps=5, decay_rate=0.5, staircase=True)),
        ("PiecewiseConstantDecay", dict(boundaries=[3, 8], values=[1.0, 0.5, 0.1])),
        ("PolynomialDecay", a | dict(decay_steps=6)),
        ("PolynomialDecay", a | dict(decay_steps=6, power=2.0, cycle=True)),
        ("PolynomialDecay", a | dict(decay_steps=6, power=0.5, end_learning_rate=0.01)),
    ]
    steps = np.arange(25)
    for name, options in cases:
        s = getattr(S, name)(**options)
        f.case("schedule", name, options, steps=steps, rates=f32([s(int(i)) for i in steps]))
    f.close()


# ---- initializers, regularizers, constraints -----------------------------------------------------------------------
def weights():
    f = File("weights")
    I = keras.initializers
    for name, options, shape in [
        ("Zeros", {}, (2, 3)),
        ("Ones", {}, (2, 3)),
        ("Constant", dict(value=0.25), (2, 3)),
        ("Identity", {}, (3, 4)),
        ("Identity", dict(gain=2.0), (4, 3)),
        ("STFT", {}, (8, 1, 5)),
        ("STFT", dict(side="imag", window="hamming", scaling="spectrum", periodic=True), (6, 1, 5)),
        ("STFT", dict(window="blackman", periodic=True), (7, 1, 4)),
        ("STFT", dict(window="bartlett"), (7, 1, 4)),
        ("STFT", dict(window="boxcar"), (4, 1, 3)),
    ]:
        f.case("initializer", name, options, out=np.asarray(getattr(I, name)(**options)(shape)))
    for name, options, shape in [
        ("RandomNormal", {}, (200, 100)),
        ("RandomNormal", dict(mean=1.0, stddev=0.5), (200, 100)),
        ("TruncatedNormal", {}, (200, 100)),
        ("TruncatedNormal", dict(mean=-1.0, stddev=2.0), (200, 100)),
        ("RandomUniform", {}, (200, 100)),
        ("RandomUniform", dict(minval=0.0, maxval=3.0), (200, 100)),
        ("GlorotUniform", {}, (300, 100)),
        ("GlorotNormal", {}, (300, 100)),
        ("HeUniform", {}, (300, 100)),
        ("HeNormal", {}, (300, 100)),
        ("LecunUniform", {}, (300, 100)),
        ("LecunNormal", {}, (300, 100)),
        ("GlorotUniform", {}, (3, 3, 40, 60)),
        ("HeNormal", {}, (20000,)),
        ("GlorotUniform", dict(input_axes=[0], output_axes=[1, 2]), (40, 20, 30)),
        ("VarianceScaling", {}, (300, 100)),
        ("VarianceScaling", dict(scale=3.0, mode="fan_out", distribution="uniform"), (300, 100)),
        ("VarianceScaling", dict(scale=0.5, mode="fan_avg", distribution="untruncated_normal"), (300, 100)),
    ]:
        a = np.asarray(getattr(I, name)(seed=1, **options)(shape), dtype="float64")
        f.case("sample", name, options, shape=np.array(shape), mean=a.mean(), std=a.std(), low=a.min(), high=a.max())
    for options, shape in [({}, (6, 4)), (dict(gain=2.0), (3, 5)), ({}, (2, 3, 4))]:
        q = np.asarray(I.Orthogonal(seed=1, **options)(shape)).reshape(-1, shape[-1])
        f.case(
            "orthogonal",
            "Orthogonal",
            options,
            shape=np.array(shape),
            gram=q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T,
        )
    w = normal(4, 3)
    R = keras.regularizers
    for name, options in [
        ("L1", dict(l1=0.3)),
        ("L2", dict(l2=0.3)),
        ("L1L2", dict(l1=0.1, l2=0.2)),
        ("L1L2", dict(l1=0.1, l2=0.0)),
        ("OrthogonalRegularizer", {}),
        ("OrthogonalRegularizer", dict(factor=0.5, mode="columns")),
    ]:
        fn = getattr(R, name)(**options)
        f.case(
            "regularizer",
            name,
            options,
            w=w,
            out=f32(fn(jnp.asarray(w))),
            dw=np.asarray(jax.grad(lambda v: fn(v))(jnp.asarray(w))),
        )
    C = keras.constraints
    w = f32(np.vstack([normal(3, 4, scale=2), np.zeros((1, 4))]))
    for name, options in [
        ("MaxNorm", dict(max_value=1.5)),
        ("MaxNorm", dict(max_value=1.5, axis=[1])),
        ("MaxNorm", dict(max_value=2.0, axis=[0, 1])),
        ("MinMaxNorm", {}),
        ("MinMaxNorm", dict(min_value=1.0, max_value=2.0, rate=0.5, axis=[1])),
        ("NonNeg", {}),
        ("UnitNorm", {}),
        ("UnitNorm", dict(axis=[1])),
    ]:
        f.case("constraint", name, options, w=w, out=np.asarray(getattr(C, name)(**options)(w)))
    f.close()


# ---- layers --------------------------------------------------------------------------------------------------------
def layers():
    f = File("layers")
    L = keras.layers
    x2, x3, x4 = normal(4, 6), normal(2, 5, 6), normal(2, 3, 4, 6)
    cases = [
        ("Dense", dict(units=3), [x2]),
        ("Dense", dict(units=3, activation="relu", use_bias=False), [x2]),
        ("Dense", dict(units=2, activation="sigmoid"), [x3]),
        ("Dense", dict(units=4, activation="softmax"), [x4]),
        ("Dense", dict(units=1, activation="tanh"), [x2]),
        ("Dense", dict(units=3, activation="gelu"), [x2]),
        ("EinsumDense", dict(equation="ab,bc->ac", output_shape=[3], bias_axes="c"), [x2]),
        ("EinsumDense", dict(equation="abc,cd->abd", output_shape=[5, 2], activation="relu"), [x3]),
        ("EinsumDense", dict(equation="...x,xy->...y", output_shape=[3], bias_axes="y"), [x4]),
        ("EinsumDense", dict(equation="abc,cde->abde", output_shape=[5, 2, 3], bias_axes="de"), [x3]),
        ("EinsumDense", dict(equation="abc,bcd->abd", output_shape=[5, 4], bias_axes="bd"), [x3]),
        ("EinsumDense", dict(equation="ab...,bc->ac...", output_shape=[2], bias_axes="c"), [x3]),
        ("Activation", dict(activation="elu"), [x2]),
        ("Identity", {}, [x2]),
        ("ReLU", {}, [x2]),
        ("ReLU", dict(max_value=1.0, negative_slope=0.1, threshold=0.2), [x2]),
        ("LeakyReLU", {}, [x2]),
        ("LeakyReLU", dict(negative_slope=0.01), [x2]),
        ("PReLU", {}, [x2]),
        ("PReLU", dict(shared_axes=[1]), [x3]),
        ("ELU", {}, [x2]),
        ("ELU", dict(alpha=0.5), [x2]),
        ("Softmax", {}, [x3]),
        ("UnitNormalization", {}, [x3]),
        ("UnitNormalization", dict(axis=[1]), [x3]),
        ("Softmax", dict(axis=[1]), [x3]),
        ("Softmax", dict(axis=[1, 2]), [x3]),
        ("Flatten", {}, [x4]),
        ("Flatten", {}, [x2]),
        ("Flatten", {}, [normal(3)]),
        ("Reshape", dict(target_shape=[3, 2]), [x2]),
        ("Reshape", dict(target_shape=[-1, 10]), [x3]),
        ("Permute", dict(dims=[2, 1]), [x3]),
        ("Permute", dict(dims=[3, 1, 2]), [x4]),
        ("RepeatVector", dict(n=3), [x2]),
        ("Rescaling", dict(scale=0.5, offset=-1.0), [x2]),
        ("Normalization", {}, [x2]),
        ("Normalization", dict(axis=[1]), [x3]),
        ("Normalization", dict(axis=[1, -1]), [x3]),
        ("Normalization", dict(invert=True), [x2]),
        ("Normalization", dict(mean=[1.5], variance=[4.0]), [x2]),
        ("Normalization", dict(mean=[1.0, 2, 3, 4, 5, 6], variance=[1.0, 4, 9, 16, 25, 36]), [x3]),
        ("Dropout", dict(rate=0.4), [x2]),
        ("AlphaDropout", dict(rate=0.4), [x2]),
        ("GaussianDropout", dict(rate=0.4), [x2]),
        ("GaussianNoise", dict(stddev=0.4), [x2]),
        ("ActivityRegularization", dict(l1=0.1, l2=0.2), [x2]),
    ]
    three = [normal(4, 6), normal(4, 6), normal(4, 6)]
    for n in "Add Multiply Average Maximum Minimum".split():
        cases += [(n, {}, three), (n, {}, [x3, normal(2, 5, 1), normal(2, 6)])]
    cases += [
        ("Subtract", {}, three[:2]),
        ("Concatenate", {}, three),
        ("Concatenate", dict(axis=1), [x3, normal(2, 2, 6)]),
        ("Dot", dict(axes=[1, 1]), three[:2]),
        ("Dot", dict(axes=[-1, -1]), [x3, normal(2, 4, 6)]),
        ("Dot", dict(axes=[2, 1], normalize=True), [x3, normal(2, 6, 3)]),
        ("Dot", dict(axes=[1, 1]), [x3, normal(2, 5)]),
        ("Dot", dict(axes=[2, 1]), [x4, normal(2, 4, 3)]),
    ]
    for name, options, inputs in cases:
        own = dict(options)
        if name == "Normalization":
            own = {
                k: (v[0] if len(v) == 1 else v) if k in ("mean", "variance") else tuple(v) if k == "axis" else v
                for k, v in own.items()
            }
        if name == "Softmax" and "axis" in own:
            own["axis"] = own["axis"][0] if len(own["axis"]) == 1 else tuple(own["axis"])
        if name in ("EinsumDense", "Reshape", "Permute"):
            own = {k: tuple(v) if isinstance(v, list) else v for k, v in own.items()}
        layer = getattr(L, name)(**own)
        arg = lambda xs: xs if len(xs) > 1 else xs[0]
        layer.build([v.shape for v in inputs] if len(inputs) > 1 else inputs[0].shape)
        arrays = {f"x{i}": v for i, v in enumerate(inputs)}
        for i, v in enumerate(layer.weights):
            if v.path.endswith("count"):
                arrays["w%d" % i] = np.asarray(v)
                continue
            v.assign(
                uniform(*v.shape, low=0.3, high=2.0) if v.path.endswith("variance") else normal(*v.shape, scale=0.5)
            )
            arrays["w%d" % i] = np.asarray(v)
        if name == "Normalization":
            layer.finalize_state()
        y = np.asarray(layer(arg([jnp.asarray(v) for v in inputs])))
        c = normal(*y.shape)
        trainable = [v.value for v in layer.trainable_variables]
        frozen = [v.value for v in layer.non_trainable_variables]
        fn = lambda t, xs: jnp.sum(layer.stateless_call(t, frozen, arg(xs))[0] * c)
        dt, dx = jax.grad(fn, argnums=(0, 1))(trainable, [jnp.asarray(v) for v in inputs])
        arrays |= (
            dict(y=y, c=c)
            | {f"dx{i}": np.asarray(v) for i, v in enumerate(dx)}
            | {f"dw{i}": np.asarray(v) for i, v in enumerate(dt)}
        )
        f.case("layer", name, options, **arrays)
    data = normal(50, 3, 4, scale=2) + 1
    for options in ({}, dict(axis=[1]), dict(axis=[1, 2])):
        n = L.Normalization(**{k: tuple(v) for k, v in options.items()})
        n.adapt(data)
        f.case(
            "adapt",
            "Normalization",
            options,
            x=data,
            mean=np.asarray(n.adapt_mean),
            variance=np.asarray(n.adapt_variance),
        )
    f.close()


if __name__ == "__main__":
    activations(), losses(), metrics(), optimizers(), schedules(), weights(), layers()
