"""Checks the shapes of the arrays that are passed to an activation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from unified_act.activation import Activation
from unified_act.activation.shapes import (
    Shape,
    axes_of,
    channel_shape,
    channels_of,
    check_axis,
    folded,
    section_length,
    summed_axes,
    weight_shape,
)

__all__ = [
    "Shape",
    "axes_of",
    "channel_shape",
    "channels_of",
    "check_axis",
    "every_second",
    "folded",
    "section_length",
    "summed_axes",
    "weight_shape",
    "with_shape_check",
]


def every_second(start: int, axis: int) -> tuple[Any, ...]:
    """Returns the index of the elements at even or odd places along an axis.

    Args:
        start: 0 or 1.
        axis: The axis, of an array of any number of dimensions.
    """
    part, whole = slice(start, None, 2), slice(None)
    return (*[whole] * axis, part) if axis >= 0 else (..., part, *[whole] * (-axis - 1))


def with_shape_check(
    function: Callable[..., Any],
    activation: Activation,
    parameters: Mapping[str, Any],
    *,
    shape_of: Callable[[Any], Shape | None] = attrgetter("shape"),
) -> Callable[..., Any]:
    """Returns `function` with a check that raises if the shapes of its inputs do not fit.

    An activation along an axis treats an array without dimensions as an array of one element,
    unless its result has another length than its input.

    Args:
        function: The function that computes the activation from arrays.
        activation: The activation.
        parameters: Every parameter with its value.
        shape_of: Returns the shape of an array, or None if even its number of dimensions is
            unknown.
    """
    check = activation.kind.shape_check(activation, parameters)
    if check is None:
        return function

    def checked(*inputs: Any) -> Any:
        shapes = [shape_of(x) for x in inputs]
        if None not in shapes:
            check(*shapes)
        return function(*inputs)

    return checked
