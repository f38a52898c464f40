"""Formulas that several activations share, in forms that neither overflow nor cancel."""

from __future__ import annotations

from math import inf
from typing import Any

POSITIVE = 5e-324
"""The smallest positive number: as a lower bound it means "greater than 0"."""

EXP_IS_ZERO = 800.0
"""exp(-x) is 0 from here on, in every dtype up to float64."""

INFINITY = inf


def sigmoid(xp: Any, x: Any) -> Any:
    """1/(1 + exp(-x)), accurate in both tails."""
    e = xp.exp(-xp.abs(x))
    return xp.where(x < 0.0, e, 1.0) / (1.0 + e)


def sigmoid_derivative(xp: Any, x: Any) -> Any:
    """The derivative of `sigmoid`, without the cancellation of s(1 - s)."""
    e = xp.exp(-xp.abs(x))
    return e / ((1.0 + e) * (1.0 + e))


def at_least(xp: Any, x: Any, low: float) -> Any:
    """`x`, with everything below `low` raised to it; NaN stays."""
    return xp.where(x < low, low, x)


def within(xp: Any, x: Any, bound: float) -> Any:
    """`x` clipped to |x| ≤ bound, for a function that is constant beyond; NaN stays."""
    return xp.where(x < -bound, -bound, xp.where(x > bound, bound, x))
