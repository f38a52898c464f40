"""Which shapes the arrays that an activation is given may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from unified_act.activation import Activation
from unified_act.activation.shapes import Shape, channel_shape, check_axis, section_length

__all__ = ["Shape", "channel_shape", "check_axis", "section_length", "with_shape_check"]


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
    check = activation.kind.shape_check(activation, parameters)
    if check is None:
        return function

    def checked(*inputs: Any) -> Any:
        shapes = [shape_of(x) for x in inputs]
        if None not in shapes:
            check(*shapes)
        return function(*inputs)

    return checked
