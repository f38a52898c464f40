"""Checks of axes, lengths and shapes, with the errors that they raise."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unified_act.errors import ParameterValueError

__all__ = [
    "axes_of",
    "channel_shape",
    "channels_of",
    "check_axis",
    "fits",
    "folded",
    "section_length",
    "summed_axes",
    "weight_shape",
]

Shape = Sequence[int | None]
"""The lengths of the axes. None is a length that is known only when the graph runs."""


def fits(shape: Shape, x: Shape, *, broadcast: bool) -> bool:
    """Whether `shape` equals the shape of `x`, or with `broadcast` can be broadcast to it."""
    if not broadcast and len(shape) != len(x):
        return False
    return len(shape) <= len(x) and all(
        length is None or of_x is None or length == of_x or (broadcast and length == 1)
        for length, of_x in zip(shape, x[len(x) - len(shape) :], strict=True)
    )


def check_axis(shape: Sequence[int | str | None], axis: int, what: str = "") -> None:
    """Raises unless an input of this shape has the axis.

    Args:
        shape: The shape.
        axis: The axis.
        what: The end of the error message, which tells what the axis is for.

    Raises:
        ParameterValueError: The input has no such axis.
    """
    if not -len(shape) <= axis < len(shape):
        raise ParameterValueError(
            f"axis {axis} does not exist in an input of shape {tuple(shape)}; pass axis=…{what}"
        )


def axes_of(shape: Sequence[int | str | None], axes: Sequence[int]) -> list[int]:
    """Returns axes of an input in the order in which it has them, counted from 0.

    Args:
        shape: The shape of the input.
        axes: The axes, from either end.

    Raises:
        ParameterValueError: The input has no such axis, or two of them are the same.
    """
    for axis in axes:
        check_axis(shape, axis)
    rank = len(shape)
    places = [  # compared one by one, which compilers can follow
        place
        for place in range(rank)
        if any(axis == place or axis == place - rank for axis in axes)
    ]
    if len(places) < len(axes):
        raise ParameterValueError(
            f"axis {tuple(axes)} names an axis twice in an input of shape {tuple(shape)}; "
            "pass different ones."
        )
    return places


def channel_shape(channels: int, shape: Sequence[int | None], axis: int) -> list[int]:
    """Returns the shape that lets a weight per channel multiply an input along `axis`.

    Raises:
        ParameterValueError: The input has no such axis, or the length of the axis is not the
            number of channels.
    """
    check_axis(shape, axis, ", the axis that the channels of the weight belong to.")
    length = shape[axis]
    if length is not None and length != channels:  # torch.compile fails on `length not in (…)`
        raise ParameterValueError(
            f"the weight has {channels} channels, but axis {axis} of an input of shape "
            f"{tuple(shape)} has {length}; pass axis=…, the axis of the channels."
        )
    result = [1] * len(shape)
    result[axis] = channels
    return result


def weight_shape(weight: Shape, x: Shape, axis: int) -> list[int]:
    """Returns the shape in which a weight meets `x`, with as many dimensions as `x`.

    A weight of several dimensions is broadcast to `x`. A vector has one number for each channel.

    Args:
        weight: The shape of the weight.
        x: The shape of `x`.
        axis: The axis of the channels, for a vector.

    Raises:
        ParameterValueError: A vector does not have as many numbers as the axis, or there is no
            such axis.
    """
    if len(weight) > 1:
        return [1] * (len(x) - len(weight)) + list(weight)  # type: ignore[arg-type]
    if not weight or weight[0] == 1:
        return [1] * len(x)
    return channel_shape(weight[0], x, axis)  # type: ignore[arg-type]


def summed_axes(shape: Sequence[int], rank: int) -> list[int]:
    """Returns over which axes the derivative by a weight is summed.

    Args:
        shape: The shape of the weight; leading axes may be missing.
        rank: The number of dimensions of the input.
    """
    missing = rank - len(shape)
    return [axis for axis in range(rank) if axis < missing or shape[axis - missing] == 1]


def channels_of(x: Sequence[int], weights: Sequence[Sequence[int]]) -> tuple[int, int, int] | None:
    """Returns three dimensions for the elements of `x`, such that the second are its channels.

    Args:
        x: The shape of `x`.
        weights: The shapes of the weights, with as many dimensions as `x`.

    Returns:
        The shape; None if weights have other axes than one another, or axes that are apart.
    """
    several = {tuple(shape) for shape in weights if math.prod(shape) != 1}
    if not several:
        return (1, 1, math.prod(x))
    if len(several) > 1:
        return None
    (shape,) = several
    own = [axis for axis, length in enumerate(shape) if length != 1]
    first, end = own[0], own[-1] + 1
    if shape[first:end] != tuple(x[first:end]):
        return None
    return (math.prod(x[:first]), math.prod(x[first:end]), math.prod(x[end:]))


def folded(shapes: Sequence[Sequence[int]]) -> list[list[int]]:
    """Returns the shapes with as few axes as they broadcast to one another in the same way with.

    Args:
        shapes: Shapes with one number of dimensions; the first is that of the result.
    """
    groups: list[list[int]] = []  # of axes along which the same arrays have more than 1
    last: list[bool] | None = None
    for axis in range(len(shapes[0])):
        own = [shape[axis] != 1 for shape in shapes]
        if not groups or (any(own) and own != last and last is not None):
            groups.append([])
        groups[-1].append(axis)
        last = own if any(own) else last
    return [[math.prod(shape[axis] for axis in group) for group in groups] for shape in shapes]


def section_length(shape: Sequence[int | None], sections: int, axis: int) -> int | None:
    """Returns the length of each of `sections` equal parts of an axis; None if it is unknown.

    Raises:
        ParameterValueError: There is no such axis, or its length is not a multiple of `sections`.
    """
    check_axis(shape, axis)
    length = shape[axis]
    if length is None:
        return None
    if length % sections:
        raise ParameterValueError(
            f"axis {axis} of an input of shape {tuple(shape)} cannot be divided into {sections} "
            f"equal parts; pass axis=…, or an input with a multiple of {sections} elements there."
        )
    return length // sections
