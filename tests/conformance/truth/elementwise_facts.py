"""What the oracle has to give: other closed forms, in mpmath, limits and kinks.

A new elementwise activation needs an entry in `FORMULAS` and in `LIMITS`. If it has parameters with
defaults, it needs one in `OTHER_PARAMETERS`; if it has one without a default, in `REQUIRED`; if its
derivative jumps, in `KINKS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import mpmath

from unified_act.registry import ACTIVATIONS

Number = Any  # mpmath has no types
Parameters = Mapping[str, float]


class Facts(dict):
    """A table by activation that says where an entry that is missing belongs."""

    def __init__(self, entry, entries):
        super().__init__(entries)
        self.entry = entry

    def __missing__(self, name):
        raise LookupError(f"{name} needs {self.entry}")


def sigmoid(x: Number) -> Number:
    return (1 + mpmath.tanh(x / 2)) / 2 if x > -1 else mpmath.exp(x) / (1 + mpmath.exp(x))


def clip(x: Number, low: float, high: float) -> Number:
    return max(mpmath.mpf(low), min(mpmath.mpf(high), x))


def negative_part(x: Number, outer: float, rate: Number) -> Number:
    return x if x > 0 else outer * 2 * mpmath.exp(x * rate / 2) * mpmath.sinh(x * rate / 2)


def gelu_tanh(x: Number) -> Number:
    u = mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf(0.044715) * x**3)
    return x / (1 + mpmath.exp(-2 * u))


def tanh_shrink(x: Number) -> Number:
    """By the series of x cosh x - sinh x, whose terms have one sign, where |x| is small."""
    if abs(x) > 1:
        return x - mpmath.tanh(x)
    terms = (2 * k * x ** (2 * k + 1) / mpmath.factorial(2 * k + 1) for k in range(1, 200))
    return mpmath.fsum(terms) / mpmath.cosh(x)


def shrink(x: Number, threshold: float = 0.5, bias: float = 0.0) -> Number:
    return x - mpmath.sign(x) * bias if abs(x) > threshold else x * 0


def scaled_tanh(x: Number, alpha: float = 1.7159, beta: float = 2 / 3) -> Number:
    less_one = mpmath.expm1(2 * mpmath.mpf(beta) * x)
    return mpmath.mpf(alpha) * less_one / (less_one + 2)


def clipped_leaky_relu(
    x: Number, max_value: float, negative_slope: float = 0.01, threshold: float = 0.0
) -> Number:
    if x > threshold:
        return min(x, mpmath.mpf(max_value))
    return mpmath.mpf(negative_slope) * x - mpmath.mpf(negative_slope) * threshold


def telu(x: Number) -> Number:
    power = mpmath.expm1(2 * mpmath.exp(min(x, 20)))  # beyond, nothing is left of 1 - tanh
    return x * power / (power + 2)


def smish(x: Number) -> Number:
    return x * mpmath.tanh(mpmath.log1p(sigmoid(x)))


def silut(x: Number, threshold: float = 3.0) -> Number:
    share = 1 / (1 + mpmath.exp(-mpmath.mpf(threshold)))
    if x < threshold:
        return x / (1 + mpmath.exp(-x))
    power = mpmath.expm1(2 * share * (1 + threshold * (1 - share)) * (x - threshold))
    return power / (power + 2) + threshold * share


def laplace(
    x: Number, mu: float = math.sqrt(0.5), sigma: float = math.sqrt(0.25 / math.pi)
) -> Number:
    return mpmath.ncdf((x - mpmath.mpf(mu)) / mpmath.mpf(sigma))


FORMULAS: dict[str, Callable[..., Number]] = Facts(
    f"a second formula, for mpmath, in FORMULAS of {__file__}",
    {
        "identity": lambda x: x,
        "relu": lambda x: (x + abs(x)) / 2,
        "affine": lambda x, alpha, beta: (x + mpmath.mpf(beta) / alpha) * alpha,
        "clipped_relu": lambda x, max_value: clip(x, 0, max_value),
        "clipped_leaky_relu": clipped_leaky_relu,
        "threshold": lambda x, threshold, value: x if x > threshold else x * 0 + value,
        "thresholded_relu": lambda x, threshold=1.0: x if x > threshold else x * 0,
        "squared_relu": lambda x: x * (x + abs(x)) / 2,
        "soft_shrink": lambda x, threshold=0.5: x - clip(x, -threshold, threshold),
        "hard_shrink": lambda x, threshold=0.5: shrink(x, threshold),
        "shrink": shrink,
        "tanh_shrink": tanh_shrink,
        "relu6": lambda x: clip(x, 0, 6),
        "leaky_relu": lambda x, negative_slope=0.01: x if x > 0 else mpmath.mpf(negative_slope) * x,
        "elu": lambda x, alpha=1.0: negative_part(x, alpha, 1),
        "selu": lambda x, alpha=1.6732632423543772, scale=1.0507009873554805: (
            mpmath.mpf(scale) * negative_part(x, mpmath.mpf(alpha), 1)
        ),
        "celu": lambda x, alpha=1.0: negative_part(x, alpha, 1 / mpmath.mpf(alpha)),
        "exponential": lambda x: mpmath.power(2, x / mpmath.ln2),
        "clipped_gelu": lambda x, min_value=-10.0, max_value=10.0: clip(
            x * mpmath.ncdf(x), min_value, max_value
        ),
        "laplace": laplace,
        "gaussian": lambda x: 1 / mpmath.cosh(x * x) / (1 + mpmath.tanh(x * x)),
        "gelu": lambda x: x * mpmath.ncdf(x),
        "gelu_tanh": gelu_tanh,
        "quick_gelu": lambda x: x / (1 + mpmath.exp(-mpmath.mpf(1.702) * x)),
        "silu": lambda x, beta=1.0: x / (1 + mpmath.exp(-mpmath.mpf(beta) * x)),
        "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
        "telu": telu,
        "serf": lambda x: x * mpmath.erf(mpmath.log1p(mpmath.exp(x))),
        "smish": smish,
        "silut": silut,
        "sin": lambda x: 2 * mpmath.sin(x / 2) * mpmath.cos(x / 2),
        "gcu": lambda x: x - 2 * x * mpmath.sin(x / 2) ** 2,
        "hard_silu": lambda x: x * clip(x + 3, 0, 6) / 6,
        "hard_mish": lambda x: x * clip(x / 2 + 1, 0, 1),
        "lisht": lambda x: x - 2 * x / (mpmath.exp(2 * x) + 1),
        "sigmoid": sigmoid,
        "sparse_sigmoid": lambda x: (abs(x + 1) - abs(x - 1)) / 4 + mpmath.mpf(0.5),
        "hard_sigmoid": lambda x, alpha=1 / 6, beta=0.5: clip(mpmath.mpf(alpha) * x + beta, 0, 1),
        "hard_sigmoid_02": lambda x, alpha=0.2, beta=0.5: clip(mpmath.mpf(alpha) * x + beta, 0, 1),
        "log_sigmoid": lambda x: -mpmath.log1p(mpmath.exp(-x)),
        "tanh": lambda x: mpmath.expm1(2 * x) / (mpmath.expm1(2 * x) + 2),
        "scaled_tanh": scaled_tanh,
        "hard_tanh": lambda x, min_value=-1.0, max_value=1.0: clip(x, min_value, max_value),
        "softplus": lambda x, beta=1.0: mpmath.log1p(mpmath.exp(beta * x)) / beta,
        "sqrt_softplus": lambda x: mpmath.log1p(mpmath.exp(x)) ** mpmath.mpf(0.5),
        "squareplus": lambda x, b=4.0: (
            mpmath.sqrt(mpmath.mpf(b))
            * mpmath.exp(mpmath.asinh(x / mpmath.sqrt(mpmath.mpf(b))))
            / 2
        ),
        "sparse_plus": lambda x: x if x > 1 else ((x + 1 + abs(x + 1)) / 4) ** 2,
        "arctan": lambda x: mpmath.asin(x / mpmath.sqrt(1 + x * x)),
        "shifted_softplus": lambda x: x / 2 + mpmath.log(mpmath.cosh(x / 2)),
        "softsign": lambda x: mpmath.sign(x) / (1 + 1 / abs(x)) if x else x,
    },
)

OTHER_PARAMETERS: list[tuple[str, Parameters]] = [
    ("leaky_relu", {"negative_slope": 0.2}),
    ("leaky_relu", {"negative_slope": -0.5}),
    ("elu", {"alpha": 0.3}),
    ("celu", {"alpha": 2.0}),
    ("selu", {"alpha": 2.0, "scale": 3.0}),
    ("silut", {"threshold": 5.0}),
    ("clipped_leaky_relu", {"max_value": 2.5, "negative_slope": 0.0, "threshold": 0.5}),
    ("silu", {"beta": 1.5}),
    ("silu", {"beta": -1.0}),
    ("hard_sigmoid", {"alpha": 0.2, "beta": 0.4}),
    ("hard_tanh", {"min_value": -2.0, "max_value": 0.3}),
    ("softplus", {"beta": 3.0}),
    ("hard_sigmoid_02", {"alpha": 0.25, "beta": 0.4}),
    ("clipped_gelu", {"max_value": 3.0}),
    ("laplace", {"mu": -1.5, "sigma": 2.0}),
    ("scaled_tanh", {"alpha": 0.3, "beta": 2.0}),
    ("shrink", {"threshold": 1.25, "bias": 0.3}),
    ("soft_shrink", {"threshold": 1.25}),
    ("hard_shrink", {"threshold": 1.25}),
    ("squareplus", {"b": 0.3}),
    ("thresholded_relu", {"threshold": -1.5}),
]
"""What differs from the defaults, at least once for each activation that has some."""
REQUIRED: dict[str, Parameters] = Facts(
    f"values of its parameters without a default in REQUIRED of {__file__}",
    {
        "affine": {"alpha": -0.3, "beta": 0.1},
        "clipped_leaky_relu": {"max_value": 6.0, "negative_slope": 0.1, "threshold": 1.0},
        "clipped_relu": {"max_value": 2.5},
        "threshold": {"threshold": 1.5, "value": -20.0},
    },
)
"""What has no defaults."""


def required(name: str) -> Parameters:
    return REQUIRED[name] if ACTIVATIONS.find(name).required else {}


CASES: list[tuple[str, Parameters]] = [
    *((name, required(name)) for name in FORMULAS),
    *OTHER_PARAMETERS,
]

LIMITS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = Facts(
    f"the limits of f, f' and f'' at both infinities in LIMITS of {__file__}",
    {
        "identity": ((-math.inf, 1, 0), (math.inf, 1, 0)),
        "relu": ((0, 0, 0), (math.inf, 1, 0)),
        "affine": ((math.inf, -0.3, 0), (-math.inf, -0.3, 0)),
        "clipped_relu": ((0, 0, 0), (2.5, 0, 0)),
        "clipped_leaky_relu": ((-math.inf, 0.1, 0), (6, 0, 0)),
        "threshold": ((-20, 0, 0), (math.inf, 1, 0)),
        "thresholded_relu": ((0, 0, 0), (math.inf, 1, 0)),
        "squared_relu": ((0, 0, 0), (math.inf, math.inf, 2)),
        "soft_shrink": ((-math.inf, 1, 0), (math.inf, 1, 0)),
        "hard_shrink": ((-math.inf, 1, 0), (math.inf, 1, 0)),
        "shrink": ((-math.inf, 1, 0), (math.inf, 1, 0)),
        "tanh_shrink": ((-math.inf, 1, -0.0), (math.inf, 1, 0)),
        "exponential": ((0, 0, 0), (math.inf, math.inf, math.inf)),
        "relu6": ((0, 0, 0), (6, 0, 0)),
        "leaky_relu": ((-math.inf, 0.01, 0), (math.inf, 1, 0)),
        "elu": ((-1, 0, 0), (math.inf, 1, 0)),
        "selu": ((-1.7580993408473766, 0, 0), (math.inf, 1.0507009873554805, 0)),
        "celu": ((-1, 0, 0), (math.inf, 1, 0)),
        "clipped_gelu": ((-0.0, -0.0, -0.0), (10, 0, 0)),
        "gaussian": ((0, 0, 0), (0, -0.0, 0)),
        "laplace": ((0, 0, 0), (1, 0, -0.0)),
        "gelu": ((-0.0, -0.0, -0.0), (math.inf, 1, -0.0)),
        "gelu_tanh": ((-0.0, -0.0, -0.0), (math.inf, 1, -0.0)),
        "quick_gelu": ((-0.0, -0.0, -0.0), (math.inf, 1, -0.0)),
        "silu": ((-0.0, -0.0, -0.0), (math.inf, 1, -0.0)),
        "mish": ((-0.0, -0.0, -0.0), (math.inf, 1, -0.0)),
        **dict.fromkeys(("serf", "telu"), ((-0.0, -0.0, -0.0), (math.inf, 1, -0.0))),
        "smish": ((-0.0, -0.0, -0.0), (math.inf, 0.6, -0.0)),
        "silut": ((-0.0, -0.0, -0.0), (3.8577223804672998, 0, -0.0)),
        **dict.fromkeys(("gcu", "sin"), ((math.nan,) * 3, (math.nan,) * 3)),
        "hard_silu": ((0, 0, 0), (math.inf, 1, 0)),
        "hard_mish": ((0, 0, 0), (math.inf, 1, 0)),
        "lisht": ((math.inf, -1, -0.0), (math.inf, 1, -0.0)),
        "sigmoid": ((0, 0, 0), (1, 0, -0.0)),
        "hard_sigmoid": ((0, 0, 0), (1, 0, 0)),
        "hard_sigmoid_02": ((0, 0, 0), (1, 0, 0)),
        "sparse_sigmoid": ((0, 0, 0), (1, 0, 0)),
        "log_sigmoid": ((-math.inf, 1, -0.0), (-0.0, 0, -0.0)),
        "tanh": ((-1, 0, 0), (1, 0, -0.0)),
        "scaled_tanh": ((-1.7159, 0, 0), (1.7159, 0, -0.0)),
        "hard_tanh": ((-1, 0, 0), (1, 0, 0)),
        "softplus": ((0, 0, 0), (math.inf, 1, 0)),
        "sqrt_softplus": ((0, 0, 0), (math.inf, 0, -0.0)),
        "squareplus": ((0, 0, 0), (math.inf, 1, 0)),
        "sparse_plus": ((0, 0, 0), (math.inf, 1, 0)),
        "arctan": ((-math.pi / 2, 0, 0), (math.pi / 2, 0, -0.0)),
        "shifted_softplus": ((-math.log(2), 0, 0), (math.inf, 1, 0)),
        "softsign": ((-1, 0, 0), (1, 0, -0.0)),
    },
)
"""f, f' and f'' at both infinities."""

KINKS = [
    ("relu", {}, 0.0, 0.0),
    ("relu6", {}, 0.0, 0.0),
    ("relu6", {}, 6.0, 0.0),
    ("leaky_relu", {"negative_slope": 0.2}, 0.0, 0.2),
    ("elu", {"alpha": 0.5}, 0.0, 0.5),
    ("selu", {}, 0.0, 1.7580993408473766),
    ("selu", {"alpha": 2.0, "scale": 3.0}, 0.0, 6.0),
    ("celu", {"alpha": 2.0}, 0.0, 1.0),
    ("clipped_leaky_relu", {"max_value": 6.0, "threshold": 1.0}, 1.0, 0.01),
    ("clipped_leaky_relu", {"max_value": 6.0, "threshold": 1.0}, 6.0, 0.0),
    ("clipped_leaky_relu", {"max_value": 0.5, "threshold": 1.0}, 1.0, 0.01),
    ("silut", {"threshold": 0.0}, 0.0, 0.5),
    ("hard_silu", {}, -3.0, 0.0),
    ("hard_silu", {}, 3.0, 1.0),
    ("hard_sigmoid", {}, -3.0, 0.0),
    ("hard_sigmoid", {}, 3.0, 0.0),
    ("hard_sigmoid", {"alpha": 0.2}, 2.5, 0.0),
    ("hard_tanh", {}, -1.0, 0.0),
    ("hard_tanh", {}, 1.0, 0.0),
    ("clipped_relu", {"max_value": 2.5}, 0.0, 0.0),
    ("clipped_relu", {"max_value": 2.5}, 2.5, 0.0),
    ("threshold", {"threshold": 1.5, "value": -20.0}, 1.5, 0.0),
    ("thresholded_relu", {}, 1.0, 0.0),
    ("squared_relu", {}, 0.0, 0.0),
    ("soft_shrink", {}, 0.5, 0.0),
    ("hard_shrink", {}, -0.5, 0.0),
    ("shrink", {"threshold": 1.25}, -1.25, 0.0),
    ("clipped_gelu", {}, 10.0, 0.0),
    ("clipped_gelu", {"min_value": 9.0, "max_value": 12.0}, 9.0, 0.0),
    ("hard_mish", {}, -2.0, 0.0),
    ("hard_mish", {}, 0.0, 1.0),
    ("hard_sigmoid_02", {}, 2.5, 0.0),
    ("sparse_sigmoid", {}, -1.0, 0.0),
    ("sparse_sigmoid", {}, 1.0, 0.0),
    ("sparse_plus", {}, -1.0, 0.0),
    ("sparse_plus", {}, 1.0, 1.0),
    ("squareplus", {"b": 0.0}, 0.0, 0.0),
    ("softsign", {}, 0.0, 1.0),
]
"""Name, parameters, a kink, and the derivative that is taken there."""
