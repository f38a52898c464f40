"""Axes and lengths: which shapes go together, and the errors about those that do not."""

from __future__ import annotations

from collections.abc import Sequence

from unified_act.errors import ParameterValueError

__all__ = ["Shape", "channel_shape", "check_axis", "fits", "section_length"]

Shape = Sequence[int | None]
"""Lengths; None where a framework learns one only when a graph runs."""


def fits(shape: Shape, x: Shape, *, broadcast: bool) -> bool:
    """Whether it is the shape of `x`, or with `broadcast` becomes it."""
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
        what: What it is the axis of, for the reader.

    Raises:
        ParameterValueError: It has not.
    """
    if not -len(shape) <= axis < len(shape):
        raise ParameterValueError(
            f"axis {axis} does not exist in an input of shape {tuple(shape)}; pass axis=…{what}"
        )


def channel_shape(channels: int, shape: Sequence[int | None], axis: int) -> list[int]:
    """Returns the shape in which a weight per channel multiplies along `axis` of an input.

    Raises:
        ParameterValueError: The input has no such axis, or another number of channels there.
    """
    check_axis(shape, axis, ", the axis that the channels of the weight belong to.")
    length = shape[axis]
    if length is not None and length != channels:  # torch.compile cannot look for it in a tuple
        raise ParameterValueError(
            f"the weight has {channels} channels, but axis {axis} of an input of shape "
            f"{tuple(shape)} has {length}; pass axis=…, the axis that they belong to."
        )
    result = [1] * len(shape)
    result[axis] = channels
    return result


def section_length(shape: Sequence[int | None], sections: int, axis: int) -> int | None:
    """Returns how long each of `sections` equal parts of an axis is; None where it is not known.

    Raises:
        ParameterValueError: There is no such axis, or it cannot be divided so.
    """
    check_axis(shape, axis)
    length = shape[axis]
    if length is None:
        return None
    if length % sections:
        raise ParameterValueError(
            f"axis {axis} of an input of shape {tuple(shape)} cannot be divided into {sections} "
            "equal parts; pass axis=…, or an input whose axis can."
        )
    return length // sections
