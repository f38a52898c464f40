"""The truth about activations of several numbers that the suite has no definition of.

It is their own, or an explicit oracle, written for whole arrays and evaluated in ball arithmetic:
a block of numbers is a row of jets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from flint import arb, arb_series

from unified_act import Activation
from unified_act.assembly import own_parameters
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.truth import jets
from unified_act_conformance.truth.definitions import DEFINITIONS, Definition, Jets, Parameters
from unified_act_conformance.truth.jets import Condition, Jet

__all__ = ["definition_of"]


def definition_of(name: str) -> Definition:
    """Returns the suite's own definition of an activation, else the one it was registered with.

    Args:
        name: Its canonical name.
    """
    return DEFINITIONS.get(name) or _registered(ACTIVATIONS.find(name))


@cache
def _registered(activation: Activation) -> Definition:
    function = activation.oracle or activation.forward

    def of_elements(numbers: Jets, parameters: Parameters) -> Sequence[Jet]:
        own = own_parameters(activation, _without_mask(parameters))
        return [function(jets.namespace, *numbers, **own)]

    def along_axis(numbers: Jets, parameters: Parameters) -> Sequence[Jet]:
        plain = _without_mask(parameters)
        names = activation.inputs_for(plain)
        numeric = [name for name in names if name not in activation.masks]
        length = len(numbers) // len(numeric)
        rows = {name: _Row(numbers[i * length :][:length]) for i, name in enumerate(numeric)}
        rows |= {name: _Row(map(Condition, parameters["mask"])) for name in activation.masks}
        own = {**own_parameters(activation, plain), "axis": -1}
        result: _Row = function(_namespace, *(rows[name] for name in names), **own)
        return result.items

    evaluate = along_axis if activation.along_axis else of_elements

    def settled(numbers: Sequence[float], parameters: Parameters, order: int) -> bool:
        """The second derivative is not where a comparison meets two equal numbers."""
        if order < 2:
            return True
        with jets.ties() as found:
            evaluate([Jet(arb_series([arb(number)])) for number in numbers], parameters)
        return not found

    return Definition(evaluate, settled)


def _without_mask(parameters: Parameters) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name != "mask"}


class _Row:
    """Jets, or conditions, that act on each other one by one; a single one acts on all."""

    def __init__(self, items: Any) -> None:
        self.items = list(items)


def _zipped(function: Callable[..., Any], *operands: Any) -> _Row:
    rows = [operand.items if isinstance(operand, _Row) else [operand] for operand in operands]
    size = max(map(len, rows))
    return _Row(
        function(*items)
        for items in zip(*(row * size if len(row) == 1 else row for row in rows), strict=True)
    )


def _operator(name: str) -> Callable[..., _Row]:
    def method(*operands: Any) -> _Row:
        return _zipped(lambda x, *others: getattr(x, name)(*others), *operands)

    return method


for _name in (
    *("__neg__", "__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__"),
    *("__truediv__", "__rtruediv__", "__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"),
):
    setattr(_Row, _name, _operator(_name))


def _value(jet: Jet) -> float:
    return float(jet.value)


class _Namespace:
    """The functions of `unified_act.backend.Namespace`, on rows."""

    def __getattr__(self, name: str) -> Callable[..., _Row]:
        function = getattr(jets.namespace, name)
        return lambda *operands: _zipped(function, *operands)

    def full_like(self, x: _Row, value: float) -> _Row:
        return _zipped(lambda item: jets.namespace.full_like(item, value), x)

    def sum(self, x: _Row, *, axis: int) -> _Row:
        del axis
        return _Row([sum(x.items[1:], start=x.items[0])])

    def max(self, x: _Row, *, axis: int) -> _Row:
        del axis
        return _Row([max(x.items, key=_value)])

    def cumulative_sum(self, x: _Row, *, axis: int) -> _Row:
        del axis
        return _Row(sum(x.items[1:end], start=x.items[0]) for end in range(1, len(x.items) + 1))

    def sort(self, x: _Row, *, axis: int) -> _Row:
        del axis
        return _Row(sorted(x.items, key=_value))

    def split(self, x: _Row, sections: int, *, axis: int) -> list[_Row]:
        del axis
        length = len(x.items) // sections
        return [_Row(x.items[length * i :][:length]) for i in range(sections)]

    def concat(self, arrays: Sequence[_Row], *, axis: int) -> _Row:
        del axis
        return _Row(item for row in arrays for item in row.items)


_namespace = _Namespace()
