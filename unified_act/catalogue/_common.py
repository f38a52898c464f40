"""Formulas that several activations share, in forms that neither overflow nor cancel."""

from __future__ import annotations

from math import inf
from typing import Any

POSITIVE = 5e-324
"""The smallest positive number: as a lower bound it means "greater than 0"."""

EXP_IS_ZERO = 800.0
"""exp(-x) is 0 from here on, in every dtype up to float64."""

INFINITY = inf


def zero(xp: Any, x: Any, **_parameters: float) -> Any:
    """The second derivative of what is made of straight pieces."""
    return xp.full_like(x, 0.0)


def at_least(xp: Any, x: Any, low: float) -> Any:
    """`x`, with everything below `low` raised to it; NaN stays."""
    return xp.where(x < low, low, x)


def within(xp: Any, x: Any, bound: float) -> Any:
    """`x` clipped to |x| ≤ bound, for a function that is constant beyond; NaN stays."""
    return xp.where(x < -bound, -bound, xp.where(x > bound, bound, x))


def sigmoid(xp: Any, x: Any) -> Any:
    """1/(1 + exp(-x)), accurate in both tails."""
    e = xp.exp(-xp.abs(x))
    return xp.where(x < 0.0, e, 1.0) / (e + 1.0)


def sigmoid_derivative(xp: Any, x: Any) -> Any:
    """The derivative of `sigmoid`, without the cancellation of s(1 - s)."""
    e = xp.exp(-xp.abs(x))
    return e / ((e + 1.0) * (e + 1.0))


def sigmoid_second_derivative(xp: Any, x: Any) -> Any:
    """The second derivative of `sigmoid`; 1 - exp(-|x|) is what cancels at 0."""
    size = xp.abs(x)
    e = xp.exp(-size)
    positive = e * -xp.expm1(-size) / ((e + 1.0) * (e + 1.0) * (e + 1.0))
    return xp.where(x > 0.0, -positive, positive)


# The three below are about x·sigmoid(z), z growing with x. Where sigmoid(z) is subnormal it has
# lost its last bits, and x would magnify what is left. So exp(z) enters as two factors exp(z/2),
# the second one last, and the product is rounded once.


def gated(xp: Any, x: Any, z: Any) -> Any:
    """x·sigmoid(z)."""
    root = xp.exp(xp.abs(z) * -0.5)
    return xp.where(z < 0.0, x * root * root, x) / (root * root + 1.0)


def gated_derivative(xp: Any, z: Any, w: Any) -> Any:
    """sigmoid(z) + w·sigmoid′(z): the derivative of `gated`, where w = x·z′."""
    root = xp.exp(xp.abs(z) * -0.5)
    e = root * root
    numerator = xp.where(z < 0.0, (w + 1.0 + e) * root * root, w * e + e + 1.0)
    return numerator / ((e + 1.0) * (e + 1.0))


def gated_second_derivative(xp: Any, z: Any, linear: Any, quadratic: Any) -> Any:
    """linear·sigmoid′(z) + quadratic·sigmoid″(z)/sign(-z), which is what `gated` comes to.

    With z′ and z″ the derivatives of z, linear is 2z′ + x·z″ and quadratic is |x|·z′².
    """
    size = xp.abs(z)
    root = xp.exp(size * -0.5)
    e = root * root
    bracket = linear + quadratic * xp.expm1(-size) / (e + 1.0)
    return bracket * root * root / ((e + 1.0) * (e + 1.0))
