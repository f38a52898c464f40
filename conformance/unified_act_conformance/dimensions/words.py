"""How a failure report names a value of a dimension."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unified_act import Activation
from unified_act_conformance.problems import weight_values
from unified_act_conformance.subject import ORDER_NAMES

COUNT_WORDS = {"the same": "in the second call", "another shape": "after a call with another shape"}
SHAPE_WORDS = {
    "full": "with weights of the input's shape but for the batch",
    "aligned": "with weights for the channels in a shape that is broadcast",
    "apart": "with weights along every second dimension",
    "mixed": "with weights of different shapes",
}
MASK_WORDS = {
    "row": "with a mask that is one row",
    "column": "with a mask of length 1 along the axis",
    "fewer": "with a mask of fewer dimensions",
}


def dtype(value: str) -> str:
    """In a float type."""
    return f"in {value}"


def order(value: int) -> str:
    """In a derivative."""
    return f"in the {ORDER_NAMES[value]}"


def place(value: tuple[int, int | tuple[int, ...]]) -> str:
    """In arrays of so many dimensions, along an axis or several."""
    if isinstance(value[1], tuple):
        return f"at the axes {value[1]} of {value[0]} dimensions"
    return f"at axis {value[1]} of {value[0]} dimensions"


def rank(value: tuple[int, int]) -> str:
    """In arrays of so many dimensions."""
    return f"in arrays of {value[0]} dimension{'' if value[0] == 1 else 's'}"


def row(value: int) -> str:
    """In rows of so many elements."""
    return f"with {value} in a row"


def elements(value: int) -> str:
    """In arrays of so many elements."""
    return f"in arrays of {value} elements"


def batch(value: int) -> str:
    """In batches of so many rows."""
    return f"in batches of {value}"


def channels(value: int | str) -> str:
    """With one weight, one for each channel, or weights that are broadcast."""
    if isinstance(value, str):
        return SHAPE_WORDS[value]
    return f"with weights for {value} channels" if value else "with a single weight"


def layout(value: str) -> str:
    """In arrays that lie otherwise in memory."""
    return f"in {value} arrays"


def mask(value: str) -> str:
    """With a mask that is broadcast."""
    return MASK_WORDS.get(value, "with a mask of the input's shape")


def parameter(name: str) -> Callable[[Any], str]:
    """With a value of a parameter.

    Args:
        name: The parameter.
    """
    return lambda value: f"with {name}={value}"


def weight(activation: Activation, index: int) -> Callable[[Any], str]:
    """With a value of a weight.

    Args:
        activation: The activation.
        index: Which of its weights.
    """
    name, values = activation.weights[index], weight_values(activation)[index]
    return lambda value: f"with a {name} of {values[value]:g}"


def before(value: Any) -> str:
    """After other calls."""
    return COUNT_WORDS.get(value, f"in call {value}" if isinstance(value, int) else "at first")


def threads(value: int) -> str:
    """In several threads."""
    return f"in {value} threads at once"


def mode(value: str) -> str:
    """Compiled, or in another mode of the framework."""
    return f"in the mode {value}"
