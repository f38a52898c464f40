"""The truth about activations of several numbers: values, gradients and second derivatives.

Each block of numbers that act on each other is evaluated by itself, along directions: a Taylor
series along a direction gives the derivatives along it, and a mixed one follows from those along
sums of directions. All in ball arithmetic, the precision raised until the results are certain.

What the suite has no definition of is evaluated by its own, or by an explicit oracle, written for
whole arrays: a block of numbers is then a row of jets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from typing import Any

from flint import arb, arb_series, ctx

from unified_act import Activation
from unified_act.assembly import own_parameters
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.truth import jets
from unified_act_conformance.truth.elementwise import (
    ENOUGH_BITS,
    FIRST_PRECISION,
    LAST_PRECISION,
    NEGLIGIBLE,
    OracleError,
)
from unified_act_conformance.truth.jets import COEFFICIENTS, Condition, Jet
from unified_act_conformance.truth.record import Definition, Jets, Parameters
from unified_act_conformance.truth.records import record_of

__all__ = ["Block", "along", "definition_of", "evaluate_block", "result_length"]

Numbers = Sequence[float]

LAST_OF_ALL = 2 * LAST_PRECISION
"""Second derivatives by several inputs, of which one is 1e300, need more than others."""
DOUBTLESS = arb(2) ** -64
"""The part of a value that its slack may be wrong by."""


@dataclass(frozen=True)
class Block:
    """What is asked about one block of numbers.

    Attributes:
        numbers: The numbers.
        half_ulps: Half an ulp of each.
        cotangent: Of each result, for the derivatives.
        half_ulps_cotangent: Half an ulp of each.
        direction: Of each number, for the second derivative.
        half_ulps_direction: Half an ulp of each.
    """

    numbers: Numbers
    half_ulps: Numbers
    cotangent: Numbers = ()
    half_ulps_cotangent: Numbers = ()
    direction: Numbers = ()
    half_ulps_direction: Numbers = ()


_Series = list[list[arb]]
"""For each result its derivatives along a direction, of orders 0 to 3."""


def evaluate_block(
    name: str, order: int, block: Block, parameters: Mapping[str, Any]
) -> tuple[list[arb], list[float]]:
    """Gives the results of a block, or the derivatives by its numbers.

    Args:
        name: The canonical name.
        order: 0 for the results; 1 for the gradient of their sum, weighted by the cotangent; 2 for
            the derivative of that gradient along the direction.
        block: The block.
        parameters: All parameters, and the ``mask`` if there is one.

    Returns:
        The enclosures, and for each, to a few bits, what half an ulp of change in everything given
        can do to it.

    Raises:
        OracleError: If a value cannot be decided.
    """
    definition = definition_of(name)
    precision = FIRST_PRECISION
    while precision <= LAST_OF_ALL:
        values, slacks = _at(definition, order, block, parameters, precision)
        decided = [_decided(value) for value in values]
        told = 2 * precision > LAST_PRECISION or all(map(_is_told, slacks, values))
        if None not in decided and told:
            return [value for value in decided if value is not None], [*map(_certain, slacks)]
        precision *= 2
    raise OracleError(f"{name}: undecided at {LAST_OF_ALL} bits: {block.numbers}")


def along(
    name: str, numbers: Numbers, direction: Numbers, parameters: Mapping[str, Any]
) -> list[arb]:
    """Gives the derivative of each result along a direction.

    Args:
        name: The canonical name.
        numbers: The numbers of a block.
        direction: How fast each changes.
        parameters: All parameters, and the ``mask`` if there is one.
    """
    with ctx.workprec(FIRST_PRECISION):
        return [
            result[1]
            for result in _series(definition_of(name).function, numbers, direction, parameters)
        ]


def _decided(value: arb) -> arb | None:
    """A value that is known well enough, or too small to matter; None if it is neither."""
    if value == 0 or value.rel_accuracy_bits() >= ENOUGH_BITS:
        return value
    return arb(0) if value.abs_upper() < NEGLIGIBLE else None


def _is_told(slack: arb, value: arb) -> bool:
    """Whether a slack is known to a few bits, or its doubt is nothing beside its value."""
    doubt = slack.rad()
    sure = doubt <= slack.mid() / 64 or doubt <= abs(value) * DOUBTLESS
    return bool(sure or slack.abs_upper() < NEGLIGIBLE or not slack.is_finite())


def _certain(slack: arb) -> float:
    """The least that a slack is."""
    return float(slack.abs_lower() if slack.is_finite() else slack)


def _series(
    function: Callable[..., Any],
    numbers: Numbers,
    direction: Sequence[float | arb],
    parameters: Mapping[str, Any],
) -> _Series:
    cap = ctx.cap
    try:
        ctx.cap = COEFFICIENTS
        given = [Jet(arb_series([x, d])) for x, d in zip(numbers, direction, strict=True)]
        results = function(given, parameters)
        return [[result.derivative(order) for order in range(COEFFICIENTS)] for result in results]
    finally:
        ctx.cap = cap


def _at(
    definition: Definition, order: int, block: Block, parameters: Mapping[str, Any], precision: int
) -> tuple[list[arb], list[arb]]:
    with ctx.workprec(precision):
        return _ORDERS[order](definition, block, parameters)


def _value(
    definition: Definition, block: Block, parameters: Mapping[str, Any]
) -> tuple[list[arb], list[arb]]:
    size = len(block.numbers)
    function = definition.value or definition.function
    ones = [_series(function, block.numbers, _unit(j, size), parameters) for j in range(size)]
    values = [result[0] for result in ones[0]]
    slacks = [arb(0)] * len(values)
    for one, half_ulp in zip(ones, block.half_ulps, strict=True):
        for k, result in enumerate(one):
            slacks[k] += _reach(result[1], half_ulp)
    return values, slacks


def _gradient(
    definition: Definition, block: Block, parameters: Mapping[str, Any]
) -> tuple[list[arb], list[arb]]:
    indices = range(len(block.numbers))
    ones = [_moved(definition, block, parameters, (i,)) for i in indices]
    values = [_weighted(one, block.cotangent, 1) for one in ones]
    slacks = [_size(one, block.half_ulps_cotangent, 1) for one in ones]
    for i, j in combinations_with_replacement(indices, 2):
        pair = _pair(definition, block, parameters, ones, i, j)
        curvature = _dot(_mixed(pair, ones[i], ones[j]), block.cotangent)
        slacks[i] += _reach(curvature, block.half_ulps[j])
        if i != j:
            slacks[j] += _reach(curvature, block.half_ulps[i])
    return values, slacks


def _second(
    definition: Definition, block: Block, parameters: Mapping[str, Any]
) -> tuple[list[arb], list[arb]]:
    size = len(block.numbers)
    ones = [_moved(definition, block, parameters, (i,)) for i in range(size)]
    # The same with the direction added, for third derivatives.
    straight = _moved(definition, block, parameters, (), bent=True)
    bent = [_moved(definition, block, parameters, (i,), bent=True) for i in range(size)]
    thirds, thirds_bent = (
        [_weighted(each, block.cotangent, 3) for each in series] for series in (ones, bent)
    )
    alone = _weighted(straight, block.cotangent, 3)
    values = [arb(0)] * size
    slacks = [arb(0)] * size
    by_result = [[arb(0)] * len(block.cotangent) for _ in range(size)]
    for i, j in combinations_with_replacement(range(size), 2):
        pair = _pair(definition, block, parameters, ones, i, j)
        mixed = _mixed(pair, ones[i], ones[j])
        total = _dot(mixed, block.cotangent)
        all_three = _moved(definition, block, parameters, (i, j), bent=True)
        third = _weighted(all_three, block.cotangent, 3) - _weighted(pair, block.cotangent, 3)
        third = (third - thirds_bent[i] - thirds_bent[j] + thirds[i] + thirds[j] + alone) / 6
        for a, b in {(i, j), (j, i)}:
            values[a] += total * block.direction[b]
            slacks[a] += _reach(total, block.half_ulps_direction[b])
            slacks[a] += _reach(third, block.half_ulps[b])
            for k, part in enumerate(mixed):
                by_result[a][k] += part * block.direction[b]
    for a, parts in enumerate(by_result):
        halves = zip(parts, block.half_ulps_cotangent, strict=True)
        slacks[a] += sum((_reach(part, half) for part, half in halves), arb(0))
    return values, slacks


_ORDERS = (_value, _gradient, _second)


def _unit(index: int, size: int) -> list[float]:
    return [float(place == index) for place in range(size)]


def _moved(
    definition: Definition,
    block: Block,
    parameters: Mapping[str, Any],
    indices: tuple[int, ...],
    bent: bool = False,
) -> _Series:
    """The series along the sum of some unit vectors, and of the block's direction."""
    size = len(block.numbers)
    # Added exactly: the derivatives along sums are subtracted from each other.
    direction = [arb(d) for d in block.direction] if bent else [arb(0)] * size
    for index in indices:
        direction[index] += 1
    return _series(definition.function, block.numbers, direction, parameters)


def _pair(
    definition: Definition,
    block: Block,
    parameters: Mapping[str, Any],
    ones: Sequence[_Series],
    i: int,
    j: int,
) -> _Series:
    """The series along the sum of two unit vectors, given those along each."""
    if i == j:
        return [[term * 2**order for order, term in enumerate(result)] for result in ones[i]]
    return _moved(definition, block, parameters, (i, j))


def _mixed(pair: _Series, first: _Series, second: _Series) -> list[arb]:
    """The mixed second derivative of each result, from the series along both and along each."""
    return [
        (along_both[2] - one[2] - other[2]) / 2
        for along_both, one, other in zip(pair, first, second, strict=True)
    ]


def _dot(parts: Sequence[arb], weights: Numbers) -> arb:
    return sum((part * weight for part, weight in zip(parts, weights, strict=True)), arb(0))


def _weighted(series: _Series, weights: Numbers, order: int) -> arb:
    return _dot([result[order] for result in series], weights)


def _size(series: _Series, weights: Numbers, order: int) -> arb:
    pairs = zip(series, weights, strict=True)
    return sum((_reach(result[order], weight) for result, weight in pairs), arb(0))


def _reach(derivative: arb, half_ulp: float) -> arb:
    """What half an ulp comes to; that of 0 is nothing, whatever the derivative."""
    return abs(derivative) * half_ulp if half_ulp else arb(0)


def definition_of(name: str) -> Definition:
    """Returns the suite's own definition of an activation, else the one it was registered with.

    Args:
        name: Its canonical name.
    """
    return record_of(name).definition or _registered(ACTIVATIONS.find(name))


def result_length(name: str, length: int, parameters: Parameters) -> int:
    """Returns how many results a row comes to.

    Args:
        name: The canonical name of an activation along an axis.
        length: How many elements the row has.
        parameters: All parameters.
    """
    activation = ACTIVATIONS.find(name)
    numeric = set(activation.inputs_for(parameters)) - set(activation.masks)
    one = Jet(arb_series([arb(1)]))
    own = {**parameters, "mask": [True] * length} if activation.masks else parameters
    return len(definition_of(name).function([one] * (length * len(numeric)), own))


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


def _number(jet: Jet) -> float:
    return float(jet.value)


class _RowNamespace:
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
        return _Row([max(x.items, key=_number)])

    def cumulative_sum(self, x: _Row, *, axis: int) -> _Row:
        del axis
        return _Row(sum(x.items[1:end], start=x.items[0]) for end in range(1, len(x.items) + 1))

    def sort(self, x: _Row, *, axis: int) -> _Row:
        del axis
        return _Row(sorted(x.items, key=_number))

    def split(self, x: _Row, sections: int, *, axis: int) -> list[_Row]:
        del axis
        length = len(x.items) // sections
        return [_Row(x.items[length * i :][:length]) for i in range(sections)]

    def concat(self, arrays: Sequence[_Row], *, axis: int) -> _Row:
        del axis
        return _Row(item for row in arrays for item in row.items)


_namespace = _RowNamespace()
