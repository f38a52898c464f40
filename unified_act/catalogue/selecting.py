"""Activations that pick among the elements along an axis, or keep them apart by their sign."""

from __future__ import annotations

from typing import Any

from unified_act.activation import Activation, Parameter
from unified_act.catalogue._common import is_number, relu
from unified_act.catalogue.softmax import AXES, LOWEST
from unified_act.special import is_wide

__all__ = ["ACTIVATIONS", "hardmax", "unless_nan"]


def unless_nan(xp: Any, x: Any, result: Any, axis: int) -> Any:
    """`result`, or NaN all along an axis that has one: not every maximum and sort keeps it."""
    nan = xp.sum(xp.where(is_number(x), 0.0, x), axis=axis)
    return result + xp.where(is_number(nan), 0.0, nan)


def _largest_off(xp: Any, x: Any, axis: int) -> Any:
    return x - xp.stop_gradient(xp.max(x, axis=axis))


def _shares(xp: Any, shifted: Any, axis: int) -> Any:
    """Whether an element gets a share in sparsemax, from `x` less its maximum."""
    ordered = -xp.sort(-xp.stop_gradient(shifted), axis=axis)
    # What is a whole 1 below the largest gets no share, however many there are.
    near = ordered > -1.0
    value, nothing = xp.where(near, ordered, 0.0), xp.full_like(ordered, 0.0)
    rank = xp.cumulative_sum(xp.full_like(ordered, 1.0), axis=axis)
    total = xp.cumulative_sum(value, axis=axis)
    inside = xp.where(near, rank * value + 1.0 - total, nothing) > 0.0
    number = xp.sum(xp.where(inside, 1.0, nothing), axis=axis)
    threshold = (xp.sum(xp.where(inside, value, 0.0), axis=axis) - 1.0) / number
    return shifted > threshold


def _sparsemax_of(xp: Any, shifted: Any, axis: int) -> Any:
    inside = _shares(xp, shifted, axis)
    # The same threshold again, as a function of x that can be differentiated.
    number = xp.sum(xp.where(inside, 1.0, xp.full_like(shifted, 0.0)), axis=axis)
    threshold = (xp.sum(xp.where(inside, shifted, 0.0), axis=axis) - 1.0) / number
    return unless_nan(xp, shifted, xp.where(inside, shifted - threshold, 0.0), axis)


def _sparsemax_pullback(xp: Any, cotangent: Any, shifted: Any, axis: int) -> Any:
    inside = _shares(xp, shifted, axis)
    number = xp.sum(xp.where(inside, 1.0, xp.full_like(shifted, 0.0)), axis=axis)
    mean = xp.sum(xp.where(inside, cotangent, 0.0), axis=axis) / number
    return xp.where(inside, cotangent - mean, 0.0)


def _sparsemax(xp: Any, x: Any, *, axis: int) -> Any:
    return _sparsemax_of(xp, _largest_off(xp, x, axis), axis)


def _sparsemax_derivative(xp: Any, cotangent: Any, x: Any, *, axis: int) -> tuple[Any]:
    return (_sparsemax_pullback(xp, cotangent, _largest_off(xp, x, axis), axis),)


def _largest_off_masked(xp: Any, x: Any, mask: Any, axis: int) -> Any:
    """`x` less the largest element that counts; what does not is too low for a share.

    Where nothing counts, all are 0: there is a threshold, and what comes of it is left out.
    """
    largest = xp.max(xp.where(mask, x, LOWEST), axis=axis)
    counted = xp.sum(xp.where(mask, 1.0, xp.full_like(x, 0.0)), axis=axis)
    largest = xp.stop_gradient(xp.where(counted == 0.0, 0.0, largest))
    low = xp.where(counted == 0.0, 0.0, xp.full_like(counted, -2.0))
    return xp.where(mask, x - largest, low)


def _masked_sparsemax(xp: Any, x: Any, mask: Any, *, axis: int) -> Any:
    return xp.where(mask, _sparsemax_of(xp, _largest_off_masked(xp, x, mask, axis), axis), 0.0)


def _masked_sparsemax_derivative(
    xp: Any, cotangent: Any, x: Any, mask: Any, *, axis: int
) -> tuple[Any, None]:
    shifted = _largest_off_masked(xp, x, mask, axis)
    pulled = _sparsemax_pullback(xp, xp.where(mask, cotangent, 0.0), shifted, axis)
    return xp.where(mask, pulled, 0.0), None


def hardmax(xp: Any, x: Any, *, axis: int) -> Any:
    """1 at the first of the largest elements, 0 elsewhere."""
    x = xp.stop_gradient(x)
    largest = xp.max(x, axis=axis)
    ones = xp.where(x == largest, 1.0, xp.full_like(x, 0.0))
    first = xp.where(xp.cumulative_sum(ones, axis=axis) == 1.0, ones, 0.0)
    if is_wide(xp):  # machine code, whose maximum keeps a NaN
        return xp.where(is_number(largest), first, largest)
    return unless_nan(xp, x, first, axis)


def _hardmax_derivative(xp: Any, cotangent: Any, x: Any, *, axis: int) -> tuple[Any]:
    return (xp.full_like(x, 0.0),)


def _crelu(xp: Any, x: Any, *, axis: int) -> Any:
    return xp.concat([relu(xp, x), relu(xp, -x)], axis=axis)


def _crelu_derivative(xp: Any, cotangent: Any, x: Any, *, axis: int) -> tuple[Any]:
    positive, negative = xp.split(cotangent, 2, axis=axis)
    return (xp.where(x > 0.0, positive, 0.0) - xp.where(x < 0.0, negative, 0.0),)


def _maxout(xp: Any, x: Any, *, groups: int, axis: int) -> Any:
    largest, *others = xp.split(x, groups, axis=axis)
    for other in others:
        # The first of equals stays; a NaN on either side wins.
        larger = xp.where(is_number(other), largest, other)
        largest = xp.where(other > largest, other, larger)
    return largest


def _maxout_derivative(xp: Any, cotangent: Any, x: Any, *, groups: int, axis: int) -> tuple[Any]:
    largest = _maxout(xp, x, groups=groups, axis=axis)
    left = cotangent
    parts = []
    for part in xp.split(x, groups, axis=axis):
        parts.append(xp.where(part == largest, left, 0.0))
        left = xp.where(part == largest, 0.0, left)
    return (xp.concat(parts, axis=axis),)


ACTIVATIONS = (
    Activation(
        name="sparsemax",
        kind="axis",
        symmetric=True,
        one_shape=True,
        forward=_sparsemax,
        derivative=_sparsemax_derivative,
        parameters=[AXES],
        formula=r"\operatorname{argmin}_{p \in \Delta} \lVert p - x \rVert^2",
        summary="Projection on the probability simplex: probabilities, many of them exactly 0.",
        source="Martins & Astudillo 2016, arXiv:1602.02068",
    ),
    Activation(
        name="masked_sparsemax",
        kind="axis",
        symmetric=True,
        inputs=("x", "mask"),
        masks=("mask",),
        forward=_masked_sparsemax,
        derivative=_masked_sparsemax_derivative,
        parameters=[AXES],
        formula=(
            r"\operatorname{argmin}_{p \in \Delta,\ p_i = 0\ (m_i = 0)} \lVert p - x \rVert^2"
        ),
        summary="Sparsemax over the elements where the mask is true; the others are 0.",
        source="Martins & Astudillo 2016, arXiv:1602.02068",
    ),
    Activation(
        name="hardmax",
        kind="axis",
        one_shape=True,
        forward=hardmax,
        derivative=_hardmax_derivative,
        parameters=[AXES],
        formula=r"[\, i = \min \operatorname{argmax}_j x_j \,]",
        summary="1 at the largest element (the first of several), 0 elsewhere; the gradient is 0.",
        source="ONNX operator Hardmax",
    ),
    Activation(
        name="crelu",
        kind="axis",
        resizes=True,
        resized=lambda length, *, axis: 2 * length,
        one_shape=True,
        forward=_crelu,
        derivative=_crelu_derivative,
        parameters=[Parameter("axis", -1, "axis along which both results are joined")],
        aliases=("concatenated_relu",),
        formula=r"[\max(x, 0), \max(-x, 0)]",
        summary="ReLU of the input, followed by ReLU of its negative.",
        source="Shang, Sohn, Almeida & Lee 2016, arXiv:1603.05201",
    ),
    Activation(
        name="maxout",
        kind="axis",
        resizes=True,
        resized=lambda length, *, groups, axis: length // groups,
        one_shape=True,
        forward=_maxout,
        derivative=_maxout_derivative,
        parameters=[
            Parameter("groups", None, "number of equal parts of the axis", low=1, integer=True),
            Parameter("axis", -1, "axis that is divided"),
        ],
        formula=r"\max_i x_{i n + j}",
        summary="Divides an axis into equal parts; the elementwise maximum of the parts.",
        source="Goodfellow, Warde-Farley, Mirza, Courville & Bengio 2013, arXiv:1302.4389",
    ),
)
