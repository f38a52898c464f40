"""Numbers that MXNet reads as they are: it gets them as text, and rounds what it reads wrongly.

It takes the digits before the point, those after it and the exponent one after another, and rounds
each time: -0.11653645833333333 becomes the double next to it. But a number can be written in many
ways, and MXNet reads one of them exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from typing import Any

import numpy as np

from unified_act.errors import UnsupportedError
from unified_act_mxnet.namespace import is_broadcast, variable

__all__ = ["exact_text", "exactly", "with_exact_numbers"]

_TYPES: dict[str, Any] = {
    "scalar": np.float64,
    "fill_value": np.float64,
    "slope": np.float32,
    "alpha": np.float32,
    "beta": np.float32,
}
"""The attributes of operators that are such numbers, and the type in which MXNet reads each."""
_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?")
_DIGITS = 19
"""So many digits after the point are read."""
_SHIFTS = (*range(_DIGITS), *range(-1, -6, -1))
"""Where the point may be, counted from the one behind the first digit."""


def with_exact_numbers(symbol: Any) -> Any:
    """Returns the symbol, whose operators now have the very numbers that they were given."""
    for node in symbol.get_internals():
        attributes = node.list_attr()
        for name in _TYPES.keys() & attributes.keys():
            text = exact_text(name, attributes[name])
            if text != attributes[name]:
                node._set_attr(**{name: text})  # noqa: SLF001
    return symbol


def exactly(graph: Callable[..., Any], *inputs: Any) -> Any:
    """Returns ``graph(*inputs)`` with exact numbers, and leaves the symbols `inputs` alone.

    Weights after the first input are broadcast if they are known to have several dimensions.
    """
    names = [f"input{i}" for i in range(len(inputs))]
    variables = [
        variable(name, broadcast=index > 0 and is_broadcast(x))
        for index, (name, x) in enumerate(zip(names, inputs, strict=True))
    ]
    symbol = with_exact_numbers(graph(*variables))
    if symbol.name in names:  # an input itself, which cannot be replaced in the graph
        return inputs[names.index(symbol.name)]
    used = set(symbol.list_arguments())
    return symbol(**{name: x for name, x in zip(names, inputs, strict=True) if name in used})


def exact_text(name: str, number: Any) -> str:
    """Returns the text that MXNet reads as the nearest number of an attribute's type.

    Args:
        name: The attribute's name.
        number: A number or its text; of another attribute anything.

    Raises:
        UnsupportedError: None is found, as for one in 8,000 of the numbers below 1e-303.
    """
    text = str(number)
    if name not in _TYPES or not _NUMBER.fullmatch(text):
        return text
    with np.errstate(all="ignore"):
        wanted = _TYPES[name](text)
        if wanted == 0.0 or not np.isfinite(wanted):
            return text
        for other in chain([text], _written(wanted)):
            if _read(other, type(wanted)) == wanted:
                return other
    raise UnsupportedError(f"MXNet cannot read the number {text}: pass one a little beside it.")


def _written(number: Any) -> Iterator[str]:
    """Ways to write about a number, with the point in many places."""
    float_type = type(number)
    most = int(np.log10(np.finfo(float_type).max))
    first = int(f"{number:e}".partition("e")[2])
    for shift in _SHIFTS:
        exponent = first - shift
        if abs(exponent) <= most:
            scale = Fraction(float(_scale(exponent, float_type)))
            wide = Fraction(float(number)) * (scale if exponent < 0 else 1 / scale)
            near = float_type(wide)
            for end in (near, *np.nextafter(near, float_type([-np.inf, np.inf]))):
                # With the largest exponents, MXNet refuses what it takes for beyond the range.
                if abs(exponent) < most or (exponent < 0 and abs(end) > 2.3):
                    yield f"{Decimal(float(end)):.{_DIGITS}f}e{exponent}"


def _read(text: str, float_type: Any) -> Any:
    """What MXNet makes of a text: see ParseFloat in its include/dmlc/strtonum.h."""
    match = _NUMBER.fullmatch(text)
    assert match is not None  # noqa: S101
    sign, whole, fraction, exponent = match.groups(default="")
    value = float_type(int(whole))
    if digits := fraction[:_DIGITS]:
        value += float_type(float(int(digits)) / 10.0 ** len(digits))
    power = int(exponent or 0)
    scale = _scale(power, float_type)
    value = value / scale if power < 0 else value * scale
    return -value if sign else value


def _scale(exponent: int, float_type: Any) -> Any:
    """The power of ten by which MXNet multiplies, or divides."""
    eights, ones = divmod(abs(exponent), 8)
    scale = float_type(1.0)
    for factor in (1e8,) * eights + (10.0,) * ones:
        scale *= float_type(factor)
    return scale
