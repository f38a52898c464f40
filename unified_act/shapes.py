"""Which shapes the arrays that an activation is given may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from unified_act.activation import Activation
from unified_act.errors import InputTypeError, ParameterValueError

__all__ = ["channel_shape", "check_axis", "section_length", "with_shape_check"]

Shape = Sequence[int | None]
"""Lengths; None where a framework learns one only when a graph runs."""


def with_shape_check(
    function: Callable[..., Any],
    activation: Activation,
    parameters: Mapping[str, Any],
    *,
    shape_of: Callable[[Any], Shape | None] = attrgetter("shape"),
) -> Callable[..., Any]:
    """Returns `function`, which raises about arrays whose shapes do not go together.

    Along an axis, an array without dimensions counts as one of a single element, unless the result
    has another length.

    Args:
        function: What computes the activation; it takes arrays.
        activation: The activation.
        parameters: Every parameter with its value.
        shape_of: The shape of an array; None where not even the number of dimensions is known.
    """
    check = _shape_check(activation, parameters)
    if check is None:
        return function

    def checked(*inputs: Any) -> Any:
        shapes = [shape_of(x) for x in inputs]
        if None not in shapes:
            check(*shapes)
        return function(*inputs)

    return checked


def _shape_check(
    activation: Activation, parameters: Mapping[str, Any]
) -> Callable[..., None] | None:
    """Returns ``check(*shapes)``, which raises unless arrays of these shapes go together.

    None where there is nothing to check: an elementwise activation takes every shape.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
    """
    if activation.kind == "gated" or (activation.resizes and "groups" in parameters):
        axis, sections = parameters["axis"], parameters.get("groups", 2)

        def check_sections(x: Shape) -> None:
            section_length(x, sections, axis)

        return check_sections
    if activation.kind == "learned":
        return _check_of_weights(activation.name, activation.weights, parameters["axis"])
    if activation.kind == "elementwise":
        return None
    return _check_of_whole(activation, parameters)


def _check_of_weights(name: str, names: Sequence[str], axis: int) -> Callable[..., None]:
    def check(x: Shape, *weights: Shape) -> None:
        for which, weight in zip(names, weights, strict=True):
            if len(weight) > 1:
                raise InputTypeError(
                    f"{name}: {which} has the shape {tuple(weight)}; a weight is one number, or a "
                    "vector with one for each channel."
                )
            if weight and weight[0] is not None and weight[0] != 1:
                channel_shape(weight[0], x, axis)

    return check


def _check_of_whole(activation: Activation, parameters: Mapping[str, Any]) -> Callable[..., None]:
    """Of one along an axis, or with noise."""
    name, axis = activation.name, parameters.get("axis")
    names = activation.inputs_for(parameters)[1:]
    stochastic, row_of_one = activation.kind == "stochastic", not activation.resizes
    checked = [stochastic or which in activation.masks for which in names]
    wanted = "the shape of the input"
    if not stochastic:
        wanted += ", or one that is broadcast to it"

    def check(x: Shape, *others: Shape) -> None:
        if axis is not None:
            check_axis(x or (1,) if row_of_one else x, axis)
        for which, shape, counts in zip(names, others, checked, strict=True):
            if counts and not _fits(shape, x, broadcast=not stochastic):
                raise InputTypeError(
                    f"{name}: {which} has the shape {tuple(shape)}, the input {tuple(x)}; give it "
                    f"{wanted}."
                )

    return check


def _fits(shape: Shape, x: Shape, *, broadcast: bool) -> bool:
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
