"""GELU and its approximations: three functions that other libraries call by one name."""

from __future__ import annotations

import math
from typing import Any

from unified_act.activation import Activation, Limits
from unified_act.catalogue._common import INFINITY, at_least, sigmoid, sigmoid_derivative, within
from unified_act.special import square_exp

__all__ = ["ACTIVATIONS", "QUICK_GELU_SLOPE"]

SQRT_HALF = math.sqrt(0.5)
DENSITY_AT_0 = 1.0 / math.sqrt(2.0 * math.pi)
TANH_SLOPE = 2.0 * math.sqrt(2.0 / math.pi)
TANH_CUBIC = 0.044715
QUICK_GELU_SLOPE = 1.702

_CONSTANT_FROM = 40.0
"""Beyond, gelu and gelu_tanh are 0 or x to the last bit of float64."""
_QUICK_CONSTANT_FROM = 500.0
"""The same for quick_gelu."""


def _gelu(xp: Any, x: Any) -> Any:
    x = at_least(xp, x, -_CONSTANT_FROM)  # -inf · 0 would be NaN
    # erfc keeps the negative tail, which 1 + erf loses from -5.6 on in float32.
    return x * 0.5 * xp.erfc(x * -SQRT_HALF)


def _gelu_derivative(xp: Any, x: Any) -> Any:
    x = within(xp, x, _CONSTANT_FROM)
    half = x * SQRT_HALF
    density = square_exp(xp, half) * DENSITY_AT_0
    return xp.erfc(-half) * 0.5 + x * density


def _gelu_tanh(xp: Any, x: Any) -> Any:
    x = at_least(xp, x, -_CONSTANT_FROM)
    small = within(xp, x, _CONSTANT_FROM)  # the cube overflows otherwise
    # (1 + tanh u)/2 = sigmoid(2u), which does not cancel.
    return x * sigmoid(xp, small * TANH_SLOPE * (small * small * TANH_CUBIC + 1.0))


def _gelu_tanh_derivative(xp: Any, x: Any) -> Any:
    x = within(xp, x, _CONSTANT_FROM)
    square = x * x
    inner = x * TANH_SLOPE * (square * TANH_CUBIC + 1.0)
    slope = (square * (3.0 * TANH_CUBIC) + 1.0) * TANH_SLOPE
    return sigmoid(xp, inner) + x * sigmoid_derivative(xp, inner) * slope


def _quick_gelu(xp: Any, x: Any) -> Any:
    x = at_least(xp, x, -_QUICK_CONSTANT_FROM)
    return x * sigmoid(xp, x * QUICK_GELU_SLOPE)


def _quick_gelu_derivative(xp: Any, x: Any) -> Any:
    z = within(xp, x, _QUICK_CONSTANT_FROM) * QUICK_GELU_SLOPE
    return sigmoid(xp, z) + z * sigmoid_derivative(xp, z)


def _limits() -> Limits:
    return Limits((-0.0, INFINITY), (0.0, 1.0))


_SOURCE = "Hendrycks & Gimpel 2016, arXiv:1606.08415"

ACTIVATIONS = (
    Activation(
        name="gelu",
        forward=_gelu,
        derivative=_gelu_derivative,
        aliases=("gelu_erf", "gelu_python"),
        limits=_limits,
        formula=r"\tfrac{x}{2} \operatorname{erfc}(-x / \sqrt{2})",
        summary="Gaussian error linear unit, exact.",
        source=_SOURCE,
    ),
    Activation(
        name="gelu_tanh",
        forward=_gelu_tanh,
        derivative=_gelu_tanh_derivative,
        aliases=(
            "gelu_new",
            "gelu_fast",
            "gelu_accurate",
            "gelu_pytorch_tanh",
            "gelu_python_tanh",
        ),
        limits=_limits,
        formula=r"\tfrac{x}{2} (1 + \tanh(\sqrt{2 / \pi} (x + 0.044715 x^3)))",
        summary="GELU approximated with tanh, up to 4.7e-4 away from it.",
        source=_SOURCE,
    ),
    Activation(
        name="quick_gelu",
        forward=_quick_gelu,
        derivative=_quick_gelu_derivative,
        limits=_limits,
        formula=r"x \cdot \sigma(1.702 x)",
        summary="GELU approximated with a sigmoid, up to 0.02 away from it.",
        source=_SOURCE,
    ),
)
