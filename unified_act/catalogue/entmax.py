"""Entmax: shares of 1 between softmax and sparsemax, of which many are exactly 0."""

from __future__ import annotations

from typing import Any

from unified_act.activation import Activation, Parameter
from unified_act.catalogue.selecting import unless_nan
from unified_act.catalogue.softmax import (
    AXES,
    centred,
    softmax,
    softmax_derivative,
    softmax_second_derivative,
)
from unified_act.special import repeated

__all__ = ["ACTIVATIONS"]


# --- alpha = 1.5, whose threshold a quadratic equation gives ---


def _threshold(xp: Any, z: Any, inside: Any, axis: int) -> Any:
    """The threshold above which the squares of those inside add up to 1."""
    number = xp.sum(xp.where(inside, 1.0, xp.full_like(z, 0.0)), axis=axis)
    mean = xp.sum(xp.where(inside, z, 0.0), axis=axis) / number
    off = xp.where(inside, z - mean, 0.0)
    left = 1.0 - xp.sum(off * off, axis=axis)
    return mean - xp.sqrt(xp.where(left > 0.0, left, 0.0) / number)


def _roots(xp: Any, x: Any, axis: int) -> tuple[Any, Any, Any]:
    """The roots of the shares, which elements have one, and half of `x` less its maximum."""
    z = (x - xp.stop_gradient(xp.max(x, axis=axis))) * 0.5
    ordered = -xp.sort(-xp.stop_gradient(z), axis=axis)
    near = ordered > -1.0  # the threshold is not below
    value = xp.where(near, ordered, 0.0)
    rank = xp.cumulative_sum(xp.full_like(ordered, 1.0), axis=axis)
    total = xp.cumulative_sum(value, axis=axis)
    squares = xp.cumulative_sum(value * value, axis=axis)
    # Whoever gets a share is less than 1 below the others, in the sum of the squares.
    below = rank * value * value - total * value * 2.0 + squares
    inside = xp.where(near, below, xp.full_like(ordered, 1.0)) < 1.0
    # Once more by the threshold: over a long row these sums are off by more than a share.
    inside = z > _threshold(xp, value, inside, axis)
    return xp.where(inside, z - _threshold(xp, z, inside, axis), 0.0), inside, z


def _entmax15(xp: Any, x: Any, *, axis: int) -> Any:
    root, _, z = _roots(xp, x, axis)
    square = root * root
    # The sum is 1 but for rounding, which equal shares then do not show.
    return unless_nan(xp, z, square / xp.sum(square, axis=axis), axis)


def _entmax15_derivative(xp: Any, cotangent: Any, x: Any, *, axis: int) -> tuple[Any]:
    root, _, _ = _roots(xp, x, axis)
    return (root * centred(xp, cotangent, root / xp.sum(root, axis=axis), axis),)


def _entmax15_second_derivative(
    xp: Any, direction: Any, cotangent: Any, x: Any, *, axis: int
) -> tuple[Any, Any]:
    root, inside, _ = _roots(xp, x, axis)
    weight = root / xp.sum(root, axis=axis)
    first = centred(xp, direction, weight, axis)
    product = xp.where(inside, first * centred(xp, cotangent, weight, axis) * 0.5, 0.0)
    return root * first, product - weight * xp.sum(product, axis=axis)


# --- Any alpha between softmax and sparsemax ---
#
# With k = 1 / (alpha - 1), d = x - max(x) and P the largest share, which u is the k-th root of,
# a share is P·(1 + d/(k·u))^k; it is 0 where the bracket is negative. The shares add up to 1 for
# one P. The k-th root of their sum is convex, so that Newton's method comes to log P from above, by
# its steps written for log P: these do not cancel where k is large.

_STEPS = 14
"""Of Newton's method; 12 were needed for the last bit of a double at 70,000 elements."""


def _powers(xp: Any, d: Any, top: Any, k: float) -> tuple[Any, Any, Any, Any]:
    """The shares in terms of the largest one, 1 + d/(k·u), its logarithm, and which there are."""
    reach = xp.exp(top * (1.0 / k)) * k
    inside = d > -reach
    ratio = xp.where(inside, d, 0.0) / reach  # d may be -infinity, whose derivative would be NaN
    logs = xp.log1p(ratio)
    return xp.where(inside, xp.exp(logs * k), 0.0), ratio + 1.0, logs, inside


def _step(xp: Any, d: Any, top: Any, k: float, axis: int) -> Any:
    """Log P after one more step."""
    power, bracket, _, _ = _powers(xp, d, top, k)
    total = xp.sum(power, axis=axis)
    slope = xp.sum(power / bracket, axis=axis)
    off = xp.expm1((xp.log(total) + top) * (-1.0 / k))
    return top + xp.log1p(off * total / slope) * k


def _shares(xp: Any, x: Any, k: float, axis: int) -> tuple[Any, Any, Any, Any]:
    """The shares, logarithms as of `_powers`, which there are, and log P."""
    d = x - xp.stop_gradient(xp.max(x, axis=axis))
    fixed = xp.stop_gradient(d)
    top = xp.stop_gradient(xp.max(fixed, axis=axis) * 0.0)
    top = repeated(xp, lambda top: _step(xp, fixed, top, k, axis), _STEPS, top)
    # The last step, from a constant, has the derivative of the solution.
    top = _step(xp, d, xp.stop_gradient(top), k, axis)
    power, _, logs, inside = _powers(xp, d, top, k)
    total = xp.sum(power, axis=axis)
    return unless_nan(xp, d, power / total, axis), logs, inside, -xp.log(total)


def _entmax(xp: Any, x: Any, *, alpha: float, axis: int) -> Any:
    if alpha == 1.0:
        return softmax(xp, x, axis=axis)
    return _shares(xp, x, 1.0 / (alpha - 1.0), axis)[0]


def _entmax_derivative(xp: Any, cotangent: Any, x: Any, *, alpha: float, axis: int) -> tuple[Any]:
    if alpha == 1.0:
        return softmax_derivative(xp, cotangent, x, axis=axis)
    k = 1.0 / (alpha - 1.0)
    _, logs, inside, top = _shares(xp, x, k, axis)
    part = xp.where(inside, xp.exp(logs * (k - 1.0)), 0.0)
    pulled = part * centred(xp, cotangent, part / xp.sum(part, axis=axis), axis)
    return (pulled * xp.exp(top * (2.0 - alpha)),)


def _entmax_second_derivative(
    xp: Any, direction: Any, cotangent: Any, x: Any, *, alpha: float, axis: int
) -> tuple[Any, Any]:
    if alpha == 1.0:
        return softmax_second_derivative(xp, direction, cotangent, x, axis=axis)
    k = 1.0 / (alpha - 1.0)
    _, logs, inside, top = _shares(xp, x, k, axis)
    part = xp.where(inside, xp.exp(logs * (k - 1.0)), 0.0)
    weight = part / xp.sum(part, axis=axis)
    first = centred(xp, direction, weight, axis)
    product = first * centred(xp, cotangent, weight, axis) * (2.0 - alpha)
    product = xp.where(inside, product * xp.exp(logs * (k - 2.0)), 0.0)
    product = product * xp.exp(top * (3.0 - 2.0 * alpha))
    by_cotangent = part * first * xp.exp(top * (2.0 - alpha))
    return by_cotangent, product - weight * xp.sum(product, axis=axis)


_SOURCE = "Peters, Niculae & Martins 2019, arXiv:1905.05702"

ACTIVATIONS = (
    Activation(
        name="entmax15",
        kind="axis",
        symmetric=True,
        one_shape=True,
        forward=_entmax15,
        derivative=_entmax15_derivative,
        second_derivative=_entmax15_second_derivative,
        parameters=[AXES],
        formula=(
            r"\left[\tfrac{x_i}{2} - \tau\right]_+^2,\ "
            r"\sum_j \left[\tfrac{x_j}{2} - \tau\right]_+^2 = 1"
        ),
        summary="Probabilities between those of softmax and sparsemax, many of them exactly 0.",
        source=_SOURCE,
    ),
    Activation(
        name="entmax",
        kind="axis",
        symmetric=True,
        one_shape=True,
        forward=_entmax,
        derivative=_entmax_derivative,
        second_derivative=_entmax_second_derivative,
        parameters=[
            Parameter("alpha", 1.5, "1 for softmax, 2 for sparsemax", low=1.0, high=2.0),
            AXES,
        ],
        aliases=("alpha_entmax", "entmax_bisect"),
        formula=(
            r"\left[(\alpha - 1) x_i - \tau\right]_+^{1/(\alpha - 1)},\ "
            r"\sum_j \left[(\alpha - 1) x_j - \tau\right]_+^{1/(\alpha - 1)} = 1"
        ),
        summary="Probabilities from softmax (alpha 1) to sparsemax (alpha 2), sparse from above 1.",
        source=_SOURCE,
    ),
)
