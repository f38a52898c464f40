"""Names whose framework cannot be asked, against formulas from its sources, written once more."""

import math

import numpy as np
import pytest
from scipy import special

import unified_act as ua
from tests.dialects.witnesses import WITNESSES
from unified_act.dialects import find_dialect
from unified_act.registry import ACTIVATIONS

X = np.linspace(-8.13, 12.17, 73)
ROWS = np.sin(np.arange(24.0) ** 2).reshape(4, 6)
SELU = (1.6732632423543772, 1.0507009873554805)


def _gelu(x):
    return x / 2 * (1 + special.erf(x / math.sqrt(2)))


def _gelu_tanh(x):
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _leaky(slope):
    return lambda x: np.maximum(x, 0) + slope * np.minimum(x, 0)


def _shrunk(x, keep):
    return np.where(np.abs(x) > 0.5, keep(x), 0)


def _sparsemax(rows):
    ordered = -np.sort(-rows, axis=-1)
    counts = np.arange(1, rows.shape[-1] + 1)
    sums = np.cumsum(ordered, axis=-1)
    support = np.sum(1 + counts * ordered > sums, axis=-1, keepdims=True)
    threshold = (np.take_along_axis(sums, support - 1, axis=-1) - 1) / support
    return np.maximum(rows - threshold, 0)


COMMON = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": _leaky(0.01),
    "prelu": lambda x, w: np.where(x > 0, x, w * x),
    "gelu": _gelu,
    "quick_gelu": lambda x: x * special.expit(1.702 * x),
    "silu": lambda x: x * special.expit(x),
    "swish": lambda x: x * special.expit(x),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "sigmoid": special.expit,
    "tanh": np.tanh,
}
FORMULAS = {
    "timm": COMMON
    | {
        "identity": lambda x: x,
        "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
        "celu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
        "selu": lambda x: SELU[1] * np.where(x > 0, x, SELU[0] * (np.exp(x) - 1)),
        "gelu_tanh": _gelu_tanh,
        "hard_swish": COMMON["hardswish"],
        "hard_mish": lambda x: x / 2 * np.clip(x + 2, 0, 2),
        "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
        "hardsigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
        "SquaredReLU": lambda x: np.maximum(x, 0) ** 2,
        "StarReLU": lambda x, scale, bias: scale * np.maximum(x, 0) ** 2 + bias,
    },
    "transformers": COMMON
    | {
        "linear": lambda x: x,
        "relu2": lambda x: np.maximum(x, 0) ** 2,
        "gelu_python": _gelu,
        "gelu_new": _gelu_tanh,
        "gelu_pytorch_tanh": _gelu_tanh,
        "gelu_python_tanh": _gelu_tanh,
        "gelu_accurate": _gelu_tanh,
        "gelu_fast": lambda x: x / 2 * (1 + np.tanh(x * 0.7978845608 * (1 + 0.044715 * x * x))),
        "gelu_10": lambda x: np.clip(_gelu(x), -10, 10),
        "sqrtsoftplus": lambda x: np.sqrt(np.log1p(np.exp(x))),
        "laplace": lambda x: 0.5 * (1 + special.erf((x - 0.707107) / (0.282095 * math.sqrt(2)))),
        "xielu": lambda x, p, n: np.where(
            x > 0, p * x * x + x / 2, n * (np.expm1(np.minimum(x, -1e-6)) - x) + x / 2
        ),
        "SnakeBeta": lambda x, a, b: x + np.sin(np.exp(a) * x) ** 2 / np.exp(b),
    },
    "tfa": {
        "gelu": _gelu_tanh,
        "gelu-False": _gelu,
        "hardshrink": lambda x: _shrunk(x, lambda x: x),
        "softshrink": lambda x: _shrunk(x, lambda x: x - np.sign(x) / 2),
        "tanhshrink": lambda x: x - np.tanh(x),
        "lisht": lambda x: x * np.tanh(x),
        "mish": COMMON["mish"],
        "rrelu": _leaky((1 / 8 + 1 / 3) / 2),
        "snake": lambda x, a: x + (1 - np.cos(2 * a * x)) / (2 * a),
        "sparsemax": _sparsemax,
        "TLU": np.maximum,
    },
    # AlexeyAB/darknet, src/activations.h
    "darknet": {
        "linear": lambda x: x,
        "relu": lambda x: x * (x > 0),
        "relu6": lambda x: np.minimum(np.maximum(x, 0), 6),
        "leaky": lambda x: np.where(x > 0, x, 0.1 * x),
        "relie": lambda x: np.where(x > 0, x, 0.01 * x),
        "hardtan": lambda x: np.clip(x, -1, 1),
        "elu": lambda x: (x >= 0) * x + (x < 0) * (np.exp(x) - 1),
        "selu": lambda x: (x >= 0) * 1.0507 * x + (x < 0) * 1.0507 * 1.6732 * (np.exp(x) - 1),
        "gelu": lambda x: 0.5 * x * (1 + np.tanh(0.797885 * x + 0.035677 * x**3)),
        "swish": lambda x: x / (1 + np.exp(-x)),
        "mish": lambda x: x * np.tanh(np.where(x > 20, x, np.log1p(np.exp(x)))),
        "hard_mish": lambda x: np.where(x > 0, x, np.where(x > -2, x * x / 2 + x, 0)),
        "logistic": lambda x: 1 / (1 + np.exp(-x)),
        "loggy": lambda x: 2 / (1 + np.exp(-x)) - 1,
        "tanh": lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1),
    },
    # BVLC/caffe, src/caffe/proto/caffe.proto and src/caffe/layers
    "caffe": {
        "ReLU": lambda x: np.maximum(x, 0),
        "ReLU-leaky_relu": lambda x: np.maximum(x, 0) + 0.7 * np.minimum(x, 0),
        "PReLU": COMMON["prelu"],
        "ELU": lambda x: np.maximum(x, 0) + np.exp(np.minimum(x, 0)) - 1,
        "Swish": COMMON["silu"],
        "Sigmoid": lambda x: 0.5 * np.tanh(0.5 * x) + 0.5,
        "TanH": np.tanh,
        "BNLL": lambda x: np.where(
            x > 0, x + np.log(1 + np.exp(-np.abs(x))), np.log(1 + np.exp(np.minimum(x, 0)))
        ),
        "Clip": lambda x: np.maximum(0.3, np.minimum(x, 0.7)),
        "Exp": np.exp,
        "Power": lambda x: x,
        "Softmax": lambda rows: special.softmax(rows, axis=1),
    },
    # coremltools, mil/ops/defs/iOS15/activation.py: "x * sigmoid(x)"
    "coreml": {"silu": COMMON["silu"]},
    "onnx": {
        "Affine": lambda x: 0.7 * x + 0.3,
        "ScaledTanh": lambda x: 0.7 * np.tanh(0.3 * x),
    },
}
ROUNDED = {("darknet", "gelu"): 5e-7}
"""The difference that a framework's rounded constants make."""

AGAINST = [
    (dialect, cell, name)
    for dialect in FORMULAS
    for cell in find_dialect(dialect).cells
    if cell.canonical is not None
    for name in cell.names
    if dialect not in WITNESSES or name in FORMULAS[dialect]
]


@pytest.mark.parametrize(
    ("dialect", "cell", "name"),
    [pytest.param(*case, id=f"{case[0]}-{case[2]}-{case[1].canonical}") for case in AGAINST],
)
def test_formula(dialect, cell, name):
    if cell.canonical not in ua.list_activations():
        pytest.skip(f"{cell.canonical} is not registered")
    given = dict(cell.when) | dict.fromkeys(cell.takes, 0.7) if cell.required else dict(cell.when)
    given |= {key: 0.3 for key in ("beta", "min") if key in given}
    function = ua.get_activation(name, dialect=dialect, backend="numpy", **given)
    variant = "-False" if given.get("approximate") is False else ""
    formulas = FORMULAS[dialect]
    formula = formulas.get(f"{name}-{cell.canonical}") or formulas.get(name + variant)
    assert formula, f"write what {dialect}'s {name} is, from its source, into FORMULAS"
    x = X if ACTIVATIONS.find(cell.canonical).kind != "axis" else ROWS
    learned = ACTIVATIONS.find(cell.canonical).weights
    weights = [np.array([value]) for value in (0.6, 0.3)][: len(learned)]
    np.testing.assert_allclose(
        function(x, *weights),
        formula(x, *weights),
        rtol=1e-8,
        atol=ROUNDED.get((dialect, name), 1e-8),
        err_msg=f"{function} is not what FORMULAS has for {dialect}'s {name}: correct one of them",
    )


@pytest.mark.parametrize("dialect", FORMULAS)
def test_no_formula_for_what_is_not_in_the_table(dialect):
    names = {name for d, _, name in AGAINST if d == dialect}
    extra = {key.partition("-")[0] for key in FORMULAS[dialect]} - names
    assert not extra, f"{extra}: no cell of {dialect} in dialects.toml has this name"
