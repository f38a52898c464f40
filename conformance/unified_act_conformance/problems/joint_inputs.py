"""Inputs of activations of several numbers, deterministic like all others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act import Activation
from unified_act_conformance import inputs
from unified_act_conformance.floats import FloatArray, FloatFormat, float_format, to_type, widen
from unified_act_conformance.problems.arrangement import joined, rank_for, sections_of, split_over
from unified_act_conformance.subject import Case
from unified_act_conformance.truth import RECORDS, record_of

__all__ = [
    "arrays_for",
    "corners_of",
    "direction",
    "further_inputs",
    "spread",
    "weight_values",
    "weights_of",
]

MARGIN = 2.0**12
"""How far from the subnormal numbers of its type a number stays, for products of it."""
STEEPEST = 2.0**5
"""How many times the input the derivatives of a learned activation can be, with these weights."""
LENGTHS, QUICK_LENGTHS = (1, 2, 3, 4, 10), (1, 4)
"""Of rows; a derivative costs their square."""
THIN = 4
"""Of how many numbers one is left in a quick run."""
COLUMN = 160
"""Numbers that a set of weights is tried on."""
SUMMED = 64
"""Terms in the sum that is the gradient of a weight."""

UNKNOWN = (0.25, 1.5, -0.5, 1.0, -2.0, 0.0)
"""Values of the weights of an activation whose record has none."""

VALUES = (0.0, -0.0, 1.0, -1.0, 0.3, -2.7, 1e-3, 100.0, -30.0, -7e-5)
GATES = (
    *(0.0, -0.0, 1e-3, -1e-3, 20.0, -20.0, 30.0, -17.3, -9.7),
    *(88.0, -88.0, 100.0, -104.0, 3e3, -3e3),
)


def spread(dtype: str, shape: Sequence[int], *, seed: int) -> FloatArray:
    """Gives numbers between -1 and 1, evenly spread.

    Args:
        dtype: The name of the float type.
        shape: The shape of the array.
        seed: Which of several such arrays.
    """
    values = 2.0 * inputs.evenly(math.prod(shape), start=7 * seed) - 1.0
    return to_type(values.reshape(shape), dtype)


def direction(dtype: str, shape: Sequence[int], index: int) -> FloatArray:
    """Gives what a second derivative is taken along. A third of the numbers do not move.

    So what the other inputs bring about is seen alone, however small it is.

    Args:
        dtype: The name of the float type.
        shape: The shape of the input.
        index: Which of the inputs it is.
    """
    moves = np.arange(math.prod(shape)).reshape(shape) % 3 != index % 3
    return to_type(widen(spread(dtype, shape, seed=2 + index)) * moves, dtype)


def arrays_for(
    case: Case, activation: Activation, parameters: Mapping[str, Any], quick: bool = False
) -> Iterator[tuple[FloatArray, ...]]:
    """Yields the inputs of the problems of a case.

    Args:
        case: The case.
        activation: Its activation, of any kind but elementwise.
        parameters: All its parameters.
        quick: Fewer of them.
    """
    if activation.along_axis:
        yield from _rows(case, activation, parameters, QUICK_LENGTHS if quick else LENGTHS)
    elif activation.resizes:
        yield _halves(case, parameters, THIN if quick else 1)
    elif activation.weights:
        yield from _with_weights(case, activation, parameters, THIN if quick else 1)
    else:
        x = _column(case, case.order)[:: THIN if quick else 1]
        noise = further_inputs(activation, parameters, case.dtype, x.shape)
        yield (x, *noise)


def further_inputs(
    activation: Activation, parameters: Mapping[str, Any], dtype: str, shape: Sequence[int]
) -> list[FloatArray]:
    """Gives what an activation takes after an `x` of some shape: single weights, mask or noise.

    Args:
        activation: The activation.
        parameters: All its parameters.
        dtype: The name of the float type.
        shape: The shape of `x`.
    """
    found: list[FloatArray] = []
    for index, name in enumerate(activation.inputs_for(parameters)[1:]):
        role = activation.kind.role(activation, name)
        if role == "mask":
            places = np.arange(math.prod(shape)).reshape(shape)
            found.append(places * 7 % 3 != 0)
        elif role == "noise":
            # Strictly between 0 and 1 in every type.
            uniform = (widen(spread(dtype, shape, seed=5)) + 1.0) / 2.0
            within = np.asarray(np.clip(uniform, 2.0**-7, 1.0 - 2.0**-7))
            found.append(to_type(within, dtype))
        else:
            found.append(to_type(np.array([0.25 + 0.5 * index]), dtype))
    return found


def weights_of(activation: Activation, dtype: str) -> list[FloatArray]:
    """Gives for each weight of a learned activation the values that it is tried with.

    Args:
        activation: The activation.
        dtype: The name of the float type.
    """
    largest = float_format(dtype).largest
    return [
        to_type(np.where(np.isinf(values), largest / 4, values), dtype)
        for values in map(np.array, _usual_weights(activation))
    ]


def weight_values(activation: Activation) -> list[tuple[float, ...]]:
    """Gives for each weight of a learned activation finite values, small and large ones too.

    Args:
        activation: The activation.
    """
    # Of a plugin nobody has said that it is accurate there.
    extreme = record_of(activation.name).extreme_weights if activation.name in RECORDS else ()
    return [
        (*(value for value in values if math.isfinite(value)), *extreme)
        for values in _usual_weights(activation)
    ]


def _usual_weights(activation: Activation) -> Sequence[Sequence[float]]:
    unknown = [np.roll(UNKNOWN, index).tolist() for index, _ in enumerate(activation.weights)]
    return record_of(activation.name).weights or unknown


def _is_ordinary(values: NDArray[np.float64], dtype: str) -> NDArray[np.bool_]:
    """Finite, and neither subnormal nor so close to it that a product is.

    How frameworks treat subnormal numbers is for elementwise activations to show; and the second
    derivative of rows of numbers that all but agree is a difference that no arithmetic can tell.
    """
    size, fmt = np.abs(values), float_format(dtype)
    return np.asarray(
        (size <= fmt.largest) & ((size == 0) | (size >= MARGIN * fmt.smallest_normal))
    )


def _column(case: Case, order: int) -> FloatArray:
    """Numbers of every magnitude, finite but for a NaN where values are judged."""
    column = inputs.sweep(case.dtype, kinks=(0.0,), count=COLUMN)
    values = widen(column)
    # A derivative that a cotangent makes small again must be finite itself.
    calm = np.abs(values) <= float_format(case.dtype).largest / (STEEPEST if order else 1.0)
    finite = column[_is_ordinary(values, case.dtype) & calm]
    few = finite[:: max(1, finite.size // COLUMN)]
    special = [0.0, -0.0, *([math.nan] if order == 0 else [])]
    dense = 6.0 * widen(spread(case.dtype, (COLUMN // 2,), seed=3))
    return np.concatenate([few, to_type(np.array([*special, *dense]), case.dtype)])


def _with_weights(
    case: Case, activation: Activation, parameters: Mapping[str, Any], step: int
) -> Iterator[tuple[FloatArray, ...]]:
    dtype = case.dtype
    sets = weights_of(activation, dtype)
    for weights in (sets, [values[:1] for values in sets]):
        count = weights[0].size
        if case.part == "x":
            column = _column(case, case.order)[::step]
            x = np.broadcast_to(column[:, np.newaxis], (column.size, count))
        else:
            x = to_type(3.0 * widen(spread(dtype, (SUMMED // step, count), seed=0)), dtype)
        yield (_in_channels(x, parameters), *weights)
    if case.part not in ("", "x"):
        # Each number with a channel of its own: in a sum the large ones would hide the others.
        column = _column(case, case.order)[:: 3 * THIN * step]
        largest = float_format(dtype).largest
        column = column[np.abs(widen(column)) <= math.sqrt(largest) / STEEPEST]
        x = np.repeat(column, sets[0].size)[np.newaxis]
        yield (_in_channels(x, parameters), *(np.tile(values, column.size) for values in sets))


def _in_channels(x: FloatArray, parameters: Mapping[str, Any]) -> FloatArray:
    """Columns as the channels of an array, in the middle or at the end: no wrong axis can pass."""
    count = x.shape[1]
    shape = (-1, count, 1) if parameters["axis"] == 1 else (-1, 1, count)
    return np.ascontiguousarray(x.reshape(shape))


def _halves(case: Case, parameters: Mapping[str, Any], step: int) -> tuple[FloatArray]:
    """Every value with every gate."""
    fmt = float_format(case.dtype)
    # The derivative by the gate is up to 1.13 times the value.
    last = fmt.largest if case.order == 0 else 0.5 * fmt.largest
    ends = (last, -last, 2.0**-6 * last)
    corners = corners_of(parameters)
    values = [*ends, *VALUES, *corners, *(12.0 * widen(spread(case.dtype, (8,), seed=4)))]
    gates = [
        *ends,
        *_shut(fmt),
        *GATES,
        *corners,
        *(20.0 * widen(spread(case.dtype, (48,), seed=5))),
    ]
    if case.order == 0:
        values, gates = [*values, math.nan], [*gates, math.nan]
    gates = gates[::step]
    value, gate = np.meshgrid(
        *(to_type(np.clip(each, -last, last), case.dtype) for each in (values, gates))
    )
    halves = [gate, value] if parameters["gate_first"] else [value, gate]
    return (joined(halves, parameters),)


def corners_of(parameters: Mapping[str, Any]) -> list[float]:
    """Gives the parameters that are not whole numbers or flags, of both signs, and what is beside.

    A function may bend where an input is as large as one of them.

    Args:
        parameters: All parameters.
    """
    numbers = [value for value in parameters.values() if isinstance(value, float)]
    beside = (1.0, 1.0 + 2.0**-7, 1.0 - 2.0**-7)
    return [sign * factor * value for value in numbers for factor in beside for sign in (1.0, -1.0)]


def _shut(fmt: FloatFormat) -> list[float]:
    """Gates so far off that exp(-|gate|), or exp(-gate²/2), is small beside the largest value."""
    reach = math.log(fmt.largest) - math.log(fmt.smallest_subnormal)
    sizes = [fraction * reach for fraction in (0.55, 0.7, 0.85, 0.9, 0.95, 0.98, 1.05)]
    sizes += [math.sqrt(2.0 * size) for size in sizes]
    return [*(-size for size in sizes), *sizes]


def _rows(
    case: Case, activation: Activation, parameters: Mapping[str, Any], lengths: Sequence[int]
) -> Iterator[tuple[FloatArray, ...]]:
    sections = sections_of(activation, parameters)
    for matrix in inputs.rows(case.dtype, lengths=[sections * length for length in lengths]):
        wide = widen(matrix)
        usable = _is_ordinary(wide, case.dtype).all(axis=1)
        if activation.noise:  # it is nothing beside the largest numbers
            usable &= np.abs(wide).max(axis=1) <= MARGIN
        if case.order == 0 and not activation.resizes:
            usable |= np.isnan(wide).any(axis=1)
        rows = matrix[usable]
        # Three dimensions, so that a wrong axis cannot pass.
        axis, spaced = parameters["axis"], rows[:, np.newaxis, :]
        if isinstance(axis, tuple):
            x = np.ascontiguousarray(split_over(spaced, axis, rank_for(axis) + 1))
        else:
            x = np.ascontiguousarray(np.moveaxis(spaced, -1, axis))
        further = further_inputs(activation, parameters, case.dtype, x.shape)
        yield (x, *further)
