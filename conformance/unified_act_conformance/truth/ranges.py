"""The closed range of each activation and of its derivative, which no output may leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import copysign, inf, nextafter, pi, sqrt

from unified_act_conformance.truth.formulas.exponential import SELU_ALPHA, SELU_SCALE

Range = tuple[float, float]

EVERYTHING: Range = (-inf, inf)
UNIT: Range = (0.0, 1.0)

# The minimum of x sigmoid(x) is -W(1/e), and that of its derivative is at the root of
# (2 + x) = (x - 2) e^x; the others have no closed form. The tests find all of them again.
_SILU_MINIMUM = -0.2784645427610738
_SILU_SLOPE: Range = (-0.09983932012886691, 1.099839320128867)
_GELU_VALUE: Range = (-0.16997120747990366, inf)
_GELU_SLOPE: Range = (-0.12890414518515478, 1.1289041451851547)
_LISHT_STEEPEST = 1.1996786402577337


def value_range(name: str, order: int, parameters: Mapping[str, float] | None = None) -> Range:
    """Gives the smallest closed interval that holds all values.

    Args:
        name: The canonical name; softmax, log_softmax and prelu included.
        order: 0 for the function, 1 for its derivative; a higher one is not bounded here.
        parameters: Parameters that differ from the defaults.

    Returns:
        The bounds, infinite where there are none. A bound that is not a short binary fraction is
        rounded to double.
    """
    if order > 1 or name not in _RANGES:
        return EVERYTHING
    return _RANGES[name](**(parameters or {}))[order]


def _beyond(turning_point: float) -> float:
    """Moves a bound that is reached by turning round, not by levelling off, away from 0 by an ulp.

    Sound arithmetic overshoots there by its usual error, so the judge must see a bound that is not
    a short binary fraction, and give it room.
    """
    return nextafter(turning_point, copysign(inf, turning_point))


def _fixed(value: Range, slope: Range) -> Callable[..., tuple[Range, Range]]:
    return lambda **_: (value, slope)


def _leaky_relu(*, negative_slope: float = 0.01) -> tuple[Range, Range]:
    value = (-inf if negative_slope > 0 else 0.0, inf)
    return value, (min(negative_slope, 1.0), max(negative_slope, 1.0))


def _elu(*, alpha: float = 1.0) -> tuple[Range, Range]:
    return (min(-alpha, 0.0), inf), (min(0.0, alpha), max(1.0, alpha))


def _celu(*, alpha: float = 1.0) -> tuple[Range, Range]:
    return ((-alpha, inf), UNIT) if alpha > 0 else (EVERYTHING, (0.0, inf))


def _silu(*, beta: float = 1.0) -> tuple[Range, Range]:
    if beta == 0:
        return EVERYTHING, (0.5, 0.5)
    minimum = _SILU_MINIMUM / beta
    return ((minimum, inf) if beta > 0 else (-inf, minimum)), _SILU_SLOPE


def _hard_sigmoid(*, alpha: float = 1 / 6, beta: float = 0.5) -> tuple[Range, Range]:
    del beta  # it only moves the corners
    return UNIT, (min(0.0, alpha), max(0.0, alpha))


def _hard_tanh(*, min_value: float = -1.0, max_value: float = 1.0) -> tuple[Range, Range]:
    return (min_value, max_value), UNIT


def _softplus(*, beta: float = 1.0) -> tuple[Range, Range]:
    return ((0.0, inf) if beta > 0 else (-inf, 0.0)), UNIT


def _affine(*, alpha: float, beta: float) -> tuple[Range, Range]:
    return EVERYTHING if alpha else (beta, beta), (alpha, alpha)


def _clipped_relu(*, max_value: float) -> tuple[Range, Range]:
    return (0.0, max_value), UNIT


def _threshold(*, threshold: float = 1.0, value: float = 0.0) -> tuple[Range, Range]:
    return (min(threshold, value), inf), UNIT


def _clipped_gelu(*, min_value: float = -10.0, max_value: float = 10.0) -> tuple[Range, Range]:
    low, _ = _GELU_VALUE
    # Of a slope whose ends are cut off too this is more than what is left.
    return (min(max(low, min_value), max_value), max_value), _GELU_SLOPE


def _laplace(*, mu: float = sqrt(0.5), sigma: float = sqrt(0.25 / pi)) -> tuple[Range, Range]:
    del mu
    return UNIT, (0.0, _beyond(1.0 / (sigma * sqrt(2.0 * pi))))


def _scaled_tanh(*, alpha: float = 1.7159, beta: float = 2 / 3) -> tuple[Range, Range]:
    return (-alpha, alpha), (0.0, _beyond(alpha * beta))


_RANGES: Mapping[str, Callable[..., tuple[Range, Range]]] = {
    "identity": _fixed(EVERYTHING, (1.0, 1.0)),
    "relu": _fixed((0.0, inf), UNIT),
    "affine": _affine,
    "clipped_relu": _clipped_relu,
    "threshold": _threshold,
    "thresholded_relu": _threshold,
    "squared_relu": _fixed((0.0, inf), (0.0, inf)),
    "relu6": _fixed((0.0, 6.0), UNIT),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "selu": _fixed((-SELU_SCALE * SELU_ALPHA, inf), (0.0, SELU_SCALE * SELU_ALPHA)),
    "celu": _celu,
    "gelu": _fixed(_GELU_VALUE, _GELU_SLOPE),
    "clipped_gelu": _clipped_gelu,
    "laplace": _laplace,
    "gelu_tanh": _fixed((-0.17004075057125406, inf), (-0.12899306865877178, 1.1289930686587717)),
    "quick_gelu": _fixed((_SILU_MINIMUM / 1.702, inf), _SILU_SLOPE),
    "silu": _silu,
    "mish": _fixed((-0.30884341301725043, inf), (-0.11252612238946255, 1.088498161251728)),
    "hard_silu": _fixed((_beyond(-0.375), inf), (_beyond(-0.5), _beyond(1.5))),
    "hard_mish": _fixed((_beyond(-0.5), inf), (_beyond(-1.0), 1.0)),
    "lisht": _fixed((0.0, inf), (-_LISHT_STEEPEST, _LISHT_STEEPEST)),
    "sigmoid": _fixed(UNIT, (0.0, _beyond(0.25))),
    "hard_sigmoid": _hard_sigmoid,
    "hard_sigmoid_02": partial(_hard_sigmoid, alpha=0.2),
    "sparse_sigmoid": _fixed(UNIT, (0.0, 0.5)),
    "log_sigmoid": _fixed((-inf, 0.0), UNIT),
    "tanh": _fixed((-1.0, 1.0), (0.0, _beyond(1.0))),
    "scaled_tanh": _scaled_tanh,
    "hard_tanh": _hard_tanh,
    "softplus": _softplus,
    "sqrt_softplus": _fixed((0.0, inf), (0.0, 0.31908634316947576)),
    "squareplus": _fixed((0.0, inf), UNIT),
    "sparse_plus": _fixed((0.0, inf), UNIT),
    "exponential": _fixed((0.0, inf), (0.0, inf)),
    "soft_shrink": _fixed(EVERYTHING, UNIT),
    "hard_shrink": _fixed(EVERYTHING, UNIT),
    "shrink": _fixed(EVERYTHING, UNIT),
    "tanh_shrink": _fixed(EVERYTHING, UNIT),
    "softsign": _fixed((-1.0, 1.0), (0.0, _beyond(1.0))),
    "softmax": _fixed(UNIT, EVERYTHING),
    "log_softmax": _fixed((-inf, 0.0), EVERYTHING),
}
