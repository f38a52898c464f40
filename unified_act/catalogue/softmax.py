"""Activations that act along an axis."""

from __future__ import annotations

from typing import Any

from unified_act.activation import Activation, Parameter

__all__ = ["ACTIVATIONS"]


def _shifted(xp: Any, x: Any, axis: int) -> Any:
    """`x` less its maximum, so that exp cannot overflow; any constant gives the same result."""
    return x - xp.stop_gradient(xp.max(x, axis=axis))


def _softmax(xp: Any, x: Any, *, axis: int) -> Any:
    e = xp.exp(_shifted(xp, x, axis))
    return e / xp.sum(e, axis=axis)


def _softmax_derivative(xp: Any, cotangent: Any, x: Any, *, axis: int) -> tuple[Any]:
    # Any constant may be taken off the cotangent. The mean at the largest elements makes the
    # difference small for a clear winner before it is formed, not after.
    largest = _shifted(xp, x, axis) >= 0.0
    nothing = xp.full_like(x, 0.0)
    number = xp.sum(xp.where(largest, 1.0, nothing), axis=axis)
    cotangent = cotangent - xp.sum(xp.where(largest, cotangent, 0.0), axis=axis) / number
    y = _softmax(xp, x, axis=axis)
    return (y * (cotangent - xp.sum(cotangent * y, axis=axis)),)


def _log_softmax(xp: Any, x: Any, *, axis: int) -> Any:
    shifted = _shifted(xp, x, axis)
    # The largest elements count as e^0 - 1 = 0 here and are added as their number: a clear winner,
    # whose result is log1p of almost nothing, keeps its digits.
    largest = shifted >= 0.0
    rest = xp.sum(xp.where(largest, xp.expm1(shifted), xp.exp(shifted)), axis=axis)
    number = xp.sum(xp.where(largest, 1.0, xp.full_like(shifted, 0.0)), axis=axis)
    return shifted - xp.log1p(rest / number) - xp.log(number)


def _log_softmax_derivative(xp: Any, cotangent: Any, x: Any, *, axis: int) -> tuple[Any]:
    return (cotangent - _softmax(xp, x, axis=axis) * xp.sum(cotangent, axis=axis),)


_AXIS = Parameter("axis", -1, "axis along which the elements belong together")
_SOURCE = "Bridle 1990, Probabilistic interpretation of feedforward classification network outputs"

ACTIVATIONS = (
    Activation(
        name="softmax",
        kind="axis",
        forward=_softmax,
        derivative=_softmax_derivative,
        parameters=[_AXIS],
        formula=r"\frac{e^{x_i}}{\sum_j e^{x_j}}",
        summary="Positive numbers that add up to 1 along an axis.",
        source=_SOURCE,
    ),
    Activation(
        name="log_softmax",
        kind="axis",
        forward=_log_softmax,
        derivative=_log_softmax_derivative,
        parameters=[_AXIS],
        formula=r"x_i - \log \sum_j e^{x_j}",
        summary="Logarithm of softmax.",
        source=_SOURCE,
    ),
)
