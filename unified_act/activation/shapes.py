"""Checks of axes, lengths and shapes, with the errors that they raise."""

from __future__ import annotations

from collections.abc import Sequence

from unified_act.errors import ParameterValueError

__all__ = ["Shape", "axes_of", "channel_shape", "check_axis", "fits", "section_length"]

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
