"""The dimensions in which calls of an activation differ, and the settings that the suite tries."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

from allpairspy import AllPairs

import unified_act as ua
from unified_act import Activation, catalogue
from unified_act.activation import Parameter
from unified_act.backend import DTYPES
from unified_act_conformance.dimensions import words
from unified_act_conformance.problems import rank_for, weight_values
from unified_act_conformance.subject import ORDERS, Subject, two_dtypes

__all__ = [
    "CALLS",
    "THREADS",
    "Dimension",
    "Setting",
    "bound",
    "dimensions_of",
    "distinct",
    "lengthened",
    "settings_of",
]

Setting = Mapping[str, Any]
"""A value for each dimension, by its name."""

ORDINARY = 250
"""Elements of an ordinary array: more than there are different ones, and 83 in a row."""
BEYOND_A_BLOCK = 70_000
"""More elements than any block in which frameworks or we work."""
IN_A_SUM = 600_000
"""Terms in the sum that is the gradient of a weight."""
CALLS = 500
THREADS = 8
MOST_VALUES = 10
"""So many values of a dimension are tried where pairs are not: more than any parameter has."""
SINGLE = 3
"""So many settings in one thread come with one in several threads, where pairs are not tried."""
SMALL = 1_000
"""Elements of arrays, or of rows, that several threads work on."""
ROWS = (8, 1, 2, 33, 257, 4_096, 70_000)
HALVES = (4, 1, 35, 2_100)
CHANNELS = (0, 2, 5, 17, "full", "aligned", "apart", "mixed")
"""How many weights there are, one for each channel; 0: a single one. A name is that of a shape that
is broadcast."""
GROUPS = (2, 1, 3, 5)
BATCHES = (3, 70)
MANY = 700
"""Short rows in an array that is large enough for kernels and threads of its own."""
NUMBERS = (0.3, 1.69921875, 25.3, -0.7, -25.3, 1e-3, 1e3)
"""Values of parameters: on both sides of 1 and of 0. bfloat16 lacks a binary digit of the second,
and has none of the others."""
BEYOND = ((1.69921875, 25.3), (-25.3, -0.7))
"""The two ends of an interval that lies beside the ordinary one."""
PLACES = (
    *((3, 1), (1, 0), (1, -1), (2, 0), (2, 1), (2, -1), (2, -2), (3, 0), (3, -1), (3, -2)),
    *((4, 1), (4, -2), (4, 3), (4, -4), (5, 2), (5, -3), (5, 4), (5, -5)),
)
"""Numbers of dimensions, each with an axis."""
SEVERAL_AXES = (
    *((3, (1, 2)), (3, (-2, -1)), (2, (0, 1)), (3, (0, 2)), (4, (1, 2)), (4, (-1, 0))),
    *((4, (3, 1)), (5, (-3, -2)), (3, (0, 1, 2))),
)
"""The same with several axes at once."""
FEWER_PLACES = ((3, 1), (1, 0), (2, 0), (2, -1), (3, -2), (4, 2), (5, -4))


@dataclass(frozen=True)
class Dimension:
    """One of the ways in which calls of an activation differ.

    Attributes:
        name: Its key in a setting.
        values: What is tried, the ordinary value first.
        words: ``words(value)``: a phrase for a failure report, such as ``"at axis 1"``.
        between: Whether the values in between mean something too, so that the suite can look for
            the one from which on a result is wrong.
    """

    name: str
    values: Sequence[Any]
    words: Callable[[Any], str]
    between: bool = False


@lru_cache(maxsize=128)
def dimensions_of(
    activation: Activation, base: tuple[tuple[str, Any], ...], fixed: bool = False
) -> tuple[Dimension, ...]:
    """Returns the dimensions of an activation, from its specification.

    Args:
        activation: The activation.
        base: The parameters that differ from the defaults in an ordinary call.
        fixed: Whether the parameters cannot be varied.
    """
    return tuple(_dimensions(activation, activation.bind(dict(base)), fixed))


def _dimensions(
    activation: Activation, base: Mapping[str, Any], fixed: bool
) -> Iterator[Dimension]:
    yield Dimension("dtype", ("float32", *(d for d in DTYPES if d != "float32")), words.dtype)
    yield Dimension("order", ORDERS, words.order)
    if "axis" in base and not fixed:
        axis = base["axis"]
        own = (rank_for(axis if isinstance(axis, tuple) else (axis,)), axis)
        rest = PLACES if activation.along_axis else FEWER_PLACES
        if any(parameter.several for parameter in activation.parameters):
            rest = (*rest, *SEVERAL_AXES)
        yield Dimension("place", (own, *(place for place in rest if place != own)), words.place)
    else:
        axis = base.get("axis", -1)
        least = rank_for(axis if isinstance(axis, tuple) else (axis,))
        more = range(least + 1, 6) if "axis" in base else (0, 1, 3, 4, 5)
        yield Dimension("place", [(rank, axis) for rank in (least, *more)], words.rank)
    if activation.along_axis:
        yield Dimension("row", ROWS, words.row, between=True)
    elif activation.resizes:
        yield Dimension("row", HALVES, words.row, between=True)
        yield Dimension("elements", (ORDINARY, BEYOND_A_BLOCK), words.elements, between=True)
    elif activation.weights:
        yield Dimension("channels", CHANNELS, words.channels)
        elements = (ORDINARY, BEYOND_A_BLOCK, IN_A_SUM)
        yield Dimension("elements", elements, words.elements, between=True)
    else:
        yield Dimension("elements", (ORDINARY, BEYOND_A_BLOCK), words.elements, between=True)
    yield Dimension("batch", BATCHES, words.batch, between=True)
    yield Dimension("layout", ("contiguous", "transposed", "strided"), words.layout)
    if activation.masks:
        yield Dimension("mask", ("whole", "row", "column", "fewer"), words.mask)
    for parameter in activation.parameters:
        if parameter.name != "axis":
            own = base[parameter.name]
            yield Dimension(
                parameter.name,
                (own,)
                if fixed
                else _values_of(parameter, own, activation in catalogue.ACTIVATIONS),
                words.parameter(parameter.name),
                between=isinstance(own, float),
            )
    for index, weight in enumerate(activation.weights):
        values = range(len(weight_values(activation)[index]))
        yield Dimension(f"weight {weight}", values, words.weight(activation, index))
    yield Dimension("before", ("nothing", "the same", "another shape"), words.before)
    yield Dimension("threads", (1, THREADS), words.threads)


def _values_of(parameter: Parameter, base: float, with_zero: bool) -> Sequence[Any]:
    if isinstance(base, bool):
        return (base, not base)
    if isinstance(base, int):
        return (base, *(value for value in GROUPS if value != base and value >= parameter.low))
    numbers = [*NUMBERS, *([1.0 / base] if base and abs(base) != 1.0 else [])]
    further = [v for v in numbers if parameter.low <= v <= parameter.high and v != base]
    if with_zero and parameter.low <= 0.0 != base:  # of a plugin it may make no sense
        further.append(0.0)
    return (float(base), *further)


@lru_cache(maxsize=256)
def settings_of(
    activation: Activation,
    base: tuple[tuple[str, Any], ...],
    pairs: bool,
    fixed: bool = False,
    repeated: tuple[int, ...] = (),
    named: tuple[tuple[str, float], ...] = (),
) -> tuple[Setting, ...]:
    """Returns the settings to try: every value, or every pair of values, of all dimensions.

    Args:
        activation: The activation.
        base: The parameters that differ from the defaults in an ordinary call.
        pairs: Whether every pair of values of two dimensions is to occur, or every value.
        fixed: Whether the parameters cannot be varied.
        repeated: The orders that are tried again after many calls: values in all types, gradients
            in float32, and in another type where it has tables, second derivatives in float32
            where they have code of their own.
        named: Parameters that are to be tried together: those that a table of kernels names.
    """
    dimensions = dimensions_of(activation, base, fixed)
    names = [dimension.name for dimension in dimensions]
    table = [list(dimension.values) for dimension in dimensions]
    if pairs:
        rows = _with_threads(AllPairs(table[:-1]), table[-1])
    else:
        table = [list(_some(values, activation.name)) for values in table]
        # Several threads take several times as long.
        rows = _each_once([*table[:-1], [*[1] * (SINGLE - 1), *table[-1]]])
    ordinary = {dimension.name: dimension.values[0] for dimension in dimensions}
    found = [
        setting
        for row in rows
        for setting in _telling(dict(zip(names, row, strict=True)), ordinary)
    ]
    settings = [_made_possible(activation, setting, ordinary) for setting in found]
    if pairs:
        settings += _parameters_alone(activation, ordinary, dimensions)
        settings += _flags_together(activation, ordinary, dimensions)
        settings += _sizes_alone(ordinary, dimensions)
        if "row" in ordinary:
            many = {**ordinary, "batch": MANY}
            settings += [{**many, "order": o, "dtype": dtype} for o in (0, 1) for dtype in DTYPES]
        settings += [{**ordinary, "threads": THREADS, "dtype": dtype} for dtype in DTYPES]
    often = {**ordinary, "before": CALLS}
    two = two_dtypes(DTYPES, Subject(activation.name))
    elementwise = activation.kind.elementwise
    dtypes = (
        DTYPES,
        two if elementwise else ("float32",),
        ("float32",) if elementwise or activation.kind == "gated" else (),
    )
    settings += [
        {**often, "order": order, "dtype": dtype} for order in repeated for dtype in dtypes[order]
    ]
    there = {**ordinary, **dict(named)}
    if named and _is_possible(activation, there):
        settings += [{**there, "order": o, "dtype": dtype} for o in (0, 1) for dtype in DTYPES]
    return distinct(settings)


def distinct(settings: Iterable[Setting]) -> tuple[Setting, ...]:
    """Returns the settings, each once.

    Args:
        settings: The settings.
    """
    return tuple({repr(sorted(setting.items())): setting for setting in settings}.values())


def _with_threads(rows: Iterable[list[Any]], threads: Sequence[int]) -> Iterator[list[Any]]:
    """The rows, each with a number of threads, so that every value occurs with each number.

    Several threads take several times as long, so there are few of these rows.
    """
    alone, *several = threads
    met: set[tuple[int, str]] = set()
    for row in rows:
        values = {(place, repr(value)) for place, value in enumerate(row)}
        yield [*row, alone]
        if not values <= met:
            met |= values
            yield from ([*row, number] for number in several)


def _some(values: Sequence[Any], name: str) -> Sequence[Any]:
    """The ordinary value and some others: of many places, other ones for each activation."""
    ordinary, *others = values
    first = zlib.crc32(name.encode()) % max(len(others), 1)
    return [ordinary, *others[first:], *others[:first]][:MOST_VALUES]


def _each_once(table: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
    """Rows in which every value of every dimension occurs."""
    for row in range(max(map(len, table))):
        # Shifted after each round, so that two dimensions of one length do not go together.
        yield [values[(row + row // len(values)) % len(values)] for values in table]


def _telling(setting: Setting, ordinary: Setting) -> list[Setting]:
    """The setting; or several, where one value leaves another without a meaning, or makes it slow.

    A batch needs a second dimension, weights that are broadcast too, and several threads work on
    small arrays only.
    """
    sizes = {name: ordinary[name] for name in ("elements", "row") if name in setting}
    batch, place = {"batch": ordinary["batch"]}, {"place": ordinary["place"]}
    found: list[Setting] = [setting]
    if setting["batch"] != ordinary["batch"] and setting["place"][0] < 2:
        found = [{**setting, **batch}, {**setting, **place}]
    if isinstance(setting.get("channels"), str):
        single = {"channels": ordinary["channels"]}
        low = [each for each in found if each["place"][0] < 2]
        found = [each for each in found if each not in low]
        found += [{**each, **change} for each in low for change in (single, place)]
    if setting["threads"] == 1 or max(setting[name] for name in sizes) <= SMALL:
        return found
    return [{**each, **change} for each in found for change in ({"threads": 1}, sizes)]


def _parameters_alone(
    activation: Activation, ordinary: Setting, dimensions: Sequence[Dimension]
) -> Iterator[Setting]:
    """Value and gradient at every value of each parameter, all else being ordinary.

    Of parameters that tie each other, such as the ends of an interval, also at two values that are
    both above the ordinary ones, and both below.
    """
    names = {parameter.name for parameter in activation.parameters}
    values = {each.name: each.values for each in dimensions if each.name in names}
    changes = [{name: value} for name, several in values.items() for value in several]
    if activation.constraint is not None:
        changes += [
            dict(zip(two, ends, strict=True))
            for two in combinations(values, 2)
            if not any(isinstance(ordinary[name], bool) for name in two)
            for ends in BEYOND
        ]
    for change in changes:
        setting = {**ordinary, **change}
        if _is_possible(activation, setting):
            yield from ({**setting, "order": order} for order in (0, 1))


def _flags_together(
    activation: Activation, ordinary: Setting, dimensions: Sequence[Dimension]
) -> Iterator[Setting]:
    """Value and gradient with all flags the other way, at every place of the axis."""
    names = [parameter.name for parameter in activation.parameters]
    flags = {name: not ordinary[name] for name in names if isinstance(ordinary.get(name), bool)}
    places = next(each.values for each in dimensions if each.name == "place")
    for place in places if len(flags) > 1 else ():
        setting = {**ordinary, **flags, "place": place}
        if _is_possible(activation, setting):
            yield from ({**setting, "order": order} for order in (0, 1))


def _sizes_alone(ordinary: Setting, dimensions: Sequence[Dimension]) -> Iterator[Setting]:
    """Second derivatives of large arrays that are ordinary otherwise, which no kernel computes."""
    sizes = {"row": 257, "elements": BEYOND_A_BLOCK, "batch": BATCHES[-1]}
    for dimension in dimensions:
        size = sizes.get(dimension.name)
        if size in dimension.values:
            yield {**ordinary, dimension.name: size, "order": max(ORDERS)}


def _made_possible(activation: Activation, setting: Setting, ordinary: Setting) -> Setting:
    """The setting; where its parameters contradict each other, two in turn or ordinary ones."""
    if _is_possible(activation, setting):
        return setting
    names = [parameter.name for parameter in activation.parameters if parameter.name in setting]
    for first, second in combinations(names, 2):  # such as the ends of an interval
        swapped = {**setting, first: setting[second], second: setting[first]}
        if _is_possible(activation, swapped):
            return swapped
    for name in names:
        setting = {**setting, name: ordinary[name]}
        if _is_possible(activation, setting):
            return setting
    return ordinary


def _is_possible(activation: Activation, setting: Setting) -> bool:
    """Says whether the parameters of a setting fit together.

    Args:
        activation: The activation.
        setting: The setting.
    """
    try:
        bound(activation, setting)
    except ua.UnifiedActError:
        return False
    return True


def bound(activation: Activation, setting: Setting) -> dict[str, Any]:
    """Returns all parameters of a setting.

    Args:
        activation: The activation.
        setting: The setting.

    Raises:
        unified_act.ParameterValueError: They contradict each other.
    """
    given = {p.name: setting[p.name] for p in activation.parameters if p.name in setting}
    if activation.has_parameter("axis"):
        given["axis"] = setting["place"][1]
    return activation.bind(given)


def lengthened(shape: Sequence[int], elements: int) -> tuple[int, ...]:
    """Returns a shape with a longer last dimension, for at least so many elements.

    Args:
        shape: A shape of at least one dimension.
        elements: How many elements there have to be.
    """
    *first, last = shape
    return (*first, max(last, math.ceil(elements / max(math.prod(first), 1))))
