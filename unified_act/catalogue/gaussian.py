"""GELU, its approximations that other libraries call by the same name, and its clipped form."""

from __future__ import annotations

import math
from typing import Any

from unified_act.activation import Activation, Kink, Limits, Parameter
from unified_act.catalogue._common import (
    INFINITY,
    at_least,
    clipped,
    ends_in_order,
    gated,
    gated_derivative,
    gated_second_derivative,
    inside,
    within,
)
from unified_act.special import square_exp

__all__ = [
    "ACTIVATIONS",
    "CONSTANT_FROM",
    "DENSITY_AT_0",
    "QUICK_GELU_SLOPE",
    "SQRT_HALF",
    "TAIL_FROM",
    "gelu",
    "gelu_derivative",
    "gelu_second_derivative",
    "tail_ratio",
]

SQRT_HALF = math.sqrt(0.5)
DENSITY_AT_0 = 1.0 / math.sqrt(2.0 * math.pi)
TANH_SLOPE = 2.0 * math.sqrt(2.0 / math.pi)
TANH_CUBIC = 0.044715
QUICK_GELU_SLOPE = 1.702

CONSTANT_FROM = 40.0
"""Beyond, gelu and gelu_tanh are 0 or x to the last bit of float64."""
_QUICK_CONSTANT_FROM = 500.0
"""The same for quick_gelu."""
TAIL_FROM, _LEVELS = 13.0, 5
"""From where on `tail_ratio` is within half an eps of float64, with so many levels."""
_MINIMUM_AT = -0.7517915246935645
"""Where gelu stops falling."""


def gelu(xp: Any, x: Any) -> Any:
    """The input times the normal distribution function of it."""
    x = at_least(xp, x, -CONSTANT_FROM)  # -inf · 0 would be NaN
    # erfc keeps the negative tail, which 1 + erf loses from -5.6 on in float32.
    return xp.times_erfc(x * 0.5, x * -SQRT_HALF)


def gelu_derivative(xp: Any, x: Any) -> Any:
    """The derivative of `gelu`."""
    x = within(xp, x, CONSTANT_FROM)
    half = x * SQRT_HALF
    cdf = xp.erfc(-half) * 0.5
    # TensorFlow flushes subnormal numbers, and Φ(x) is one while x·φ(x), about x² times larger, is
    # none.
    steep = xp.where(cdf == 0.0, x + tail_ratio(x), x)
    return cdf + square_exp(xp, steep * DENSITY_AT_0, half)


def tail_ratio(x: Any) -> Any:
    """Φ(x)/φ(x) for x ≤ -`TAIL_FROM`, by Laplace's continued fraction, here contracted."""
    square = x * x
    denominator = square + (4.0 * _LEVELS - 3.0)
    for k in range(_LEVELS - 1, 0, -1):
        denominator = square + (4.0 * k - 3.0) - 2.0 * k * (2.0 * k - 1.0) / denominator
    return -x / denominator


def gelu_second_derivative(xp: Any, x: Any) -> Any:
    """The second derivative of `gelu`."""
    x = within(xp, x, CONSTANT_FROM)
    return square_exp(xp, (2.0 - x * x) * DENSITY_AT_0, x * SQRT_HALF)


def _clipped_gelu(xp: Any, x: Any, *, min_value: float, max_value: float) -> Any:
    return clipped(xp, gelu(xp, x), min_value, max_value)


def _clipped_gelu_derivative(xp: Any, x: Any, *, min_value: float, max_value: float) -> Any:
    slope = gelu_derivative(xp, x)
    return _where_not_clipped(xp, x, slope, min_value, max_value)


def _clipped_gelu_second_derivative(xp: Any, x: Any, *, min_value: float, max_value: float) -> Any:
    curvature = gelu_second_derivative(xp, x)
    return _where_not_clipped(xp, x, curvature, min_value, max_value)


def _where_not_clipped(xp: Any, x: Any, y: Any, low: float, high: float) -> Any:
    """`y`, and 0 where gelu(x), as rounded, has reached one of its bounds."""
    return inside(xp, gelu(xp, x), low, high, y)


def _clipped_gelu_kinks(*, min_value: float, max_value: float) -> tuple[Kink, ...]:
    low = [below for below, _ in _gelu_crosses(min_value)]
    high = [above for _, above in _gelu_crosses(max_value)]
    return tuple(Kink(at, 0.0) for at in sorted({*low, *high}))


def _clipped_gelu_limits(*, min_value: float, max_value: float) -> Limits:
    # gelu itself goes to -0 and to infinity.
    low = min_value if min_value >= 0.0 else max_value if max_value <= 0.0 else -0.0
    return Limits((low, max_value), (0.0, 0.0))


def _gelu_crosses(value: float) -> list[tuple[float, float]]:
    """Neighbours where gelu, which falls and then rises, is below a value and is not."""

    def value_at(x: float) -> float:
        return 0.5 * x * math.erfc(-x * SQRT_HALF)

    found = []
    for end in (-CONSTANT_FROM, abs(value) + CONSTANT_FROM):
        below, above = _MINIMUM_AT, end
        while value_at(below) < value <= value_at(above):
            middle = 0.5 * (below + above)
            if middle in (below, above):
                found.append((below, above))
                break
            below, above = (middle, above) if value_at(middle) < value else (below, middle)
    return found


def _tanh_argument(xp: Any, x: Any) -> tuple[Any, Any, Any]:
    """Twice the argument of the tanh, and its first two derivatives; ±40 is far enough."""
    x = within(xp, x, CONSTANT_FROM)  # the cube overflows otherwise
    square = x * x
    inner = x * TANH_SLOPE * (square * TANH_CUBIC + 1.0)
    slope = (square * (3.0 * TANH_CUBIC) + 1.0) * TANH_SLOPE
    return inner, slope, x * (6.0 * TANH_CUBIC * TANH_SLOPE)


def _gelu_tanh(xp: Any, x: Any) -> Any:
    # (1 + tanh u)/2 = sigmoid(2u), which does not cancel.
    return gated(xp, at_least(xp, x, -CONSTANT_FROM), _tanh_argument(xp, x)[0])


def _gelu_tanh_derivative(xp: Any, x: Any) -> Any:
    inner, slope, _ = _tanh_argument(xp, x)
    return gated_derivative(xp, inner, within(xp, x, CONSTANT_FROM) * slope)


def _gelu_tanh_second_derivative(xp: Any, x: Any) -> Any:
    inner, slope, curvature = _tanh_argument(xp, x)
    x = within(xp, x, CONSTANT_FROM)
    linear = slope * 2.0 + x * curvature
    return gated_second_derivative(xp, inner, linear, xp.abs(x) * slope * slope)


def _quick_gelu(xp: Any, x: Any) -> Any:
    x = at_least(xp, x, -_QUICK_CONSTANT_FROM)
    return gated(xp, x, x * QUICK_GELU_SLOPE)


def _quick_gelu_derivative(xp: Any, x: Any) -> Any:
    z = within(xp, x, _QUICK_CONSTANT_FROM) * QUICK_GELU_SLOPE
    return gated_derivative(xp, z, z)


def _quick_gelu_second_derivative(xp: Any, x: Any) -> Any:
    z = within(xp, x, _QUICK_CONSTANT_FROM) * QUICK_GELU_SLOPE
    size = xp.abs(z) * QUICK_GELU_SLOPE
    return gated_second_derivative(xp, z, 2.0 * QUICK_GELU_SLOPE, size)


def _limits() -> Limits:
    return Limits((-0.0, INFINITY), (0.0, 1.0))


_SOURCE = "Hendrycks & Gimpel 2016, arXiv:1606.08415"

ACTIVATIONS = (
    Activation(
        name="gelu",
        forward=gelu,
        derivative=gelu_derivative,
        second_derivative=gelu_second_derivative,
        aliases=("gelu_erf", "gelu_python"),
        limits=_limits,
        formula=r"\tfrac{x}{2} \operatorname{erfc}(-x / \sqrt{2})",
        summary="Gaussian error linear unit, exact.",
        source=_SOURCE,
    ),
    Activation(
        name="clipped_gelu",
        forward=_clipped_gelu,
        derivative=_clipped_gelu_derivative,
        second_derivative=_clipped_gelu_second_derivative,
        parameters=[
            Parameter("min_value", -10.0, "smallest value"),
            Parameter("max_value", 10.0, "largest value"),
        ],
        constraint=ends_in_order,
        aliases=("gelu_10",),
        kinks=_clipped_gelu_kinks,
        limits=_clipped_gelu_limits,
        formula=r"\min(\max(\tfrac{x}{2} \operatorname{erfc}(-x / \sqrt{2}), a), b)",
        summary="Exact GELU, clipped to an interval.",
        source="Wu et al. 2020, arXiv:2004.09602",
    ),
    Activation(
        name="gelu_tanh",
        forward=_gelu_tanh,
        derivative=_gelu_tanh_derivative,
        second_derivative=_gelu_tanh_second_derivative,
        aliases=(
            "gelu_new",
            "gelu_fast",
            "gelu_accurate",
            "gelu_pytorch_tanh",
            "gelu_python_tanh",
        ),
        limits=_limits,
        formula=r"\tfrac{x}{2} (1 + \tanh(\sqrt{2 / \pi} (x + 0.044715 x^3)))",
        summary="GELU, approximated with tanh; the error is at most 4.7e-4.",
        source=_SOURCE,
    ),
    Activation(
        name="quick_gelu",
        forward=_quick_gelu,
        derivative=_quick_gelu_derivative,
        second_derivative=_quick_gelu_second_derivative,
        limits=_limits,
        formula=r"x \cdot \sigma(1.702 x)",
        summary="GELU, approximated with a sigmoid; the error is at most 0.02.",
        source=_SOURCE,
    ),
)
