"""Smooth activations between ReLU and softplus."""

from __future__ import annotations

import math
from typing import Any

from unified_act.activation import Activation, Kink, Limits, Parameter
from unified_act.catalogue._common import (
    EXP_IS_ZERO,
    INFINITY,
    POSITIVE,
    relu,
    relu_derivative,
    sech_squared,
    split_exp,
    zero,
)
from unified_act.special import Crossover, sigmoid, sigmoid_derivative

__all__ = ["ACTIVATIONS"]


def _softplus(xp: Any, x: Any, *, beta: float) -> Any:
    positive, size = xp.where(x > 0.0, x, 0.0), xp.abs(x * beta)
    if beta >= 1.0:
        return positive + xp.log1p(xp.exp(-size)) / beta
    e, rest = split_exp(xp, size)  # log(1 + e) is e where there is a rest
    return positive + xp.log1p(e) / beta * rest


def _softplus_derivative(xp: Any, x: Any, *, beta: float) -> Any:
    return sigmoid(xp, x * beta)


def _softplus_second_derivative(xp: Any, x: Any, *, beta: float) -> Any:
    return sech_squared(xp, x * (0.5 * beta), 0.25 * beta)


_HALF_OF_X: Crossover = 1e-18
"""shifted_softplus(x) is x/2 up to here, in every dtype up to float64."""
_NEAR: Crossover = 1.0
"""Up to here log(1 + exp(-x)) and log(2) cancel."""


def _shifted_softplus(xp: Any, x: Any) -> Any:
    size = xp.abs(x)
    near = size < _NEAR
    # Near 0 it is log(1 + (e - 1)/2), since log(1 + e) and log(2) would cancel.
    log = xp.log1p(xp.where(near, xp.expm1(-size) * 0.5, xp.exp(-size)))
    tail = xp.where(near, log, log - math.log(2.0))
    value = xp.where(x > 0.0, x + tail, tail)
    half = xp.where(size < _HALF_OF_X, x * 0.5, 0.0)
    # There the tail could be subnormal. The square says where x/2 itself would be a tie.
    return xp.where(size < _HALF_OF_X, half * (half * 0.5 + 1.0), value)


# sqrt_softplus is sqrt(e·h) with e = exp(x) and h = log1p(e)/e on the left. There exp(x/2) is a
# number long after exp(x) has become 0, and h is 1.

_RATIO_IS_ONE: Crossover = 1e-18


def _sqrt_softplus_parts(xp: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """exp(-|x|/2), its square e, log(1 + e)/e, and the softplus for positive x."""
    root = xp.exp(xp.abs(x) * -0.5)
    e = root * root
    tail = xp.log1p(e)
    tiny = e < _RATIO_IS_ONE
    ratio = xp.where(tiny, 1.0, tail / xp.where(tiny, 1.0, e))
    return root, e, ratio, xp.where(x > 0.0, x, 0.0) + tail


def _sqrt_softplus(xp: Any, x: Any) -> Any:
    root, _, ratio, softplus = _sqrt_softplus_parts(xp, x)
    left = root * xp.sqrt(ratio)
    return xp.where(x > 0.0, xp.sqrt(softplus), left)


def _sqrt_softplus_derivative(xp: Any, x: Any) -> Any:
    # sigmoid(x) / (2 f), where a factor exp(x/2) cancels on the left.
    root, e, ratio, softplus = _sqrt_softplus_parts(xp, x)
    positive = x > 0.0
    half = xp.where(positive, 0.5, root * 0.5)
    return half / ((e + 1.0) * xp.sqrt(xp.where(positive, softplus, ratio)))


def _sqrt_softplus_second_derivative(xp: Any, x: Any) -> Any:
    # (sigmoid′ - sigmoid²/(2 softplus)) / (2 f), over a common denominator.
    root, e, ratio, softplus = _sqrt_softplus_parts(xp, x)
    positive = x > 0.0
    once = xp.where(positive, softplus, ratio)
    finite = xp.where(once > EXP_IS_ZERO, EXP_IS_ZERO, once)  # infinity · 0 would be NaN
    # This cancels at 0.92: there the square of a rounded root is not good enough.
    numerator = xp.where(positive, finite * xp.exp(-xp.abs(x)), finite) * 2.0 - 1.0
    # The power 3/2 of softplus could overflow.
    bracket = numerator / ((e + 1.0) * (e + 1.0) * 4.0) / once / xp.sqrt(once)
    return xp.where(positive, bracket, bracket * root)


def _squareplus_parts(xp: Any, x: Any, b: float) -> tuple[Any, Any, Any]:
    """Whether sqrt(x² + b) is |x| to the last bit, that root, and f."""
    limit = 1e9 * math.sqrt(b)
    size = xp.abs(x)
    large = size > limit
    bounded = xp.where(large, limit, size)  # whose square does not overflow
    root = xp.where(large, size, xp.sqrt(bounded * bounded + b))
    half = root * 0.5  # the sum of x and the root could overflow
    # Far on the left x + root cancels; its product with root - x is b.
    left = 0.25 * b / (size * 0.5 + half)
    return large, root, xp.where(x > -0.5 * math.sqrt(b), x * 0.5 + half, left)


def _squareplus(xp: Any, x: Any, *, b: float) -> Any:
    return relu(xp, x) if b == 0.0 else _squareplus_parts(xp, x, b)[2]


def _squareplus_derivative(xp: Any, x: Any, *, b: float) -> Any:
    if b == 0.0:
        return relu_derivative(xp, x)
    large, root, value = _squareplus_parts(xp, x, b)
    # Infinity divided by infinity would be NaN.
    return xp.where(large, xp.where(x > 0.0, 1.0, value / root), value / root)


def _squareplus_second_derivative(xp: Any, x: Any, *, b: float) -> Any:
    if b == 0.0:
        return zero(xp, x)
    _, root, _ = _squareplus_parts(xp, x, b)
    return 0.5 * b / root / root / root  # the cube could overflow


def _squareplus_constraint(*, b: float) -> str | None:
    if 0.0 < b < _LEAST_B:
        return f"b must be 0 or at least {_LEAST_B:g}: its root is lost in narrower types"
    return None


_LEAST_B, _LARGEST_B = 1e-30, 1e18

ACTIVATIONS = (
    Activation(
        name="softplus",
        forward=_softplus,
        derivative=_softplus_derivative,
        second_derivative=_softplus_second_derivative,
        parameters=[
            Parameter(
                "beta",
                1.0,
                "steepness; the larger, the closer to relu",
                low=POSITIVE,
                learned_by="softplus_beta",
            )
        ],
        aliases=("softrelu",),
        limits=lambda beta: Limits((0.0, INFINITY), (0.0, 1.0)),
        formula=r"\frac{1}{\beta} \log(1 + e^{\beta x})",
        summary="Smooth ReLU; exact for large inputs too, where some frameworks return x.",
        source="Dugas, Bengio, Bélisle, Nadeau & Garcia 2001, Incorporating second-order "
        "functional knowledge for better option pricing",
    ),
    Activation(
        name="shifted_softplus",
        forward=_shifted_softplus,
        derivative=sigmoid,
        second_derivative=sigmoid_derivative,
        aliases=("ssp",),
        limits=lambda: Limits((-math.log(2.0), INFINITY), (0.0, 1.0)),
        formula=r"\log(\tfrac{1}{2} + \tfrac{1}{2} e^x)",
        summary="Softplus, lowered so that it is 0 at 0.",
        source="Schütt et al. 2017, arXiv:1706.08566",
    ),
    Activation(
        name="sqrt_softplus",
        forward=_sqrt_softplus,
        derivative=_sqrt_softplus_derivative,
        second_derivative=_sqrt_softplus_second_derivative,
        limits=lambda: Limits((0.0, INFINITY), (0.0, 0.0)),
        formula=r"\sqrt{\log(1 + e^x)}",
        summary="Square root of softplus.",
        source="DeepSeek-AI, router of DeepSeek-V4",
    ),
    Activation(
        name="squareplus",
        forward=_squareplus,
        derivative=_squareplus_derivative,
        second_derivative=_squareplus_second_derivative,
        parameters=[
            Parameter("b", 4.0, "width of the bend; 0 gives relu", low=0.0, high=_LARGEST_B)
        ],
        constraint=_squareplus_constraint,
        kinks=lambda b: () if b else (Kink(0.0, 0.0),),
        limits=lambda b: Limits((0.0, INFINITY), (0.0, 1.0)),
        formula=r"\tfrac{1}{2} (x + \sqrt{x^2 + b})",
        summary="A smooth ReLU without transcendental functions.",
        source="Barron 2021, arXiv:2112.11687",
    ),
)
