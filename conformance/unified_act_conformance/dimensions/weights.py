"""Weights of a learned activation: their shapes, and the sums that are their gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, ctx
from numpy.typing import NDArray

from unified_act import Activation
from unified_act_conformance.dimensions.answer import Answer
from unified_act_conformance.floats import FloatArray, to_type
from unified_act_conformance.problems import Problem, weight_values
from unified_act_conformance.truth import EVERYTHING, FIRST_PRECISION, reference_of, split

__all__ = ["Placed", "by_weight", "channels_of", "placed_weights"]

Array = NDArray[Any]
Codes = NDArray[np.int64]

ALONG_AXIS = 4
"""The length of the axis, where weights are broadcast."""
DIFFERENT = 5
"""So many numbers a weight that is broadcast consists of."""
LARGEST = 1_000
"""So many elements it has at most: each has an exact sum of its own."""


@dataclass(frozen=True)
class Placed:
    """A weight, of few different numbers.

    Attributes:
        values: The different numbers.
        codes: For each element of the weight, which of them it is.
        places: For each element of the input, to which element of the weight it belongs.
        sets: For each set of numbers of all weights that occurs, which of the numbers it has.
    """

    values: FloatArray
    codes: Codes
    places: Codes
    sets: Codes

    def array(self, values: FloatArray) -> FloatArray:
        """The array of the weight's shape with these different numbers."""
        return np.asarray(values[self.codes])

    def of_sets(self, values: FloatArray) -> FloatArray:
        """For each set the number that it has."""
        return np.asarray(values[self.sets])


def channels_of(setting: Mapping[str, Any]) -> int | None:
    """Returns the length of the axis; None if the input has no dimensions."""
    channels = setting["channels"]
    if not setting["place"][0]:
        return None
    return ALONG_AXIS if isinstance(channels, str) else channels or 3


def placed_weights(
    activation: Activation,
    setting: Mapping[str, Any],
    starts: Sequence[int],
    shape: tuple[int, ...],
    dtype: str,
) -> tuple[list[Placed], Codes]:
    """Returns the weights, and for each element of the input which set of numbers it meets.

    Args:
        activation: The activation.
        setting: Its channels, and the axis.
        starts: For each weight, with which of its values it begins.
        shape: The shape of the input.
        dtype: The type.
    """
    axis = setting["place"][1]
    found, together = [], np.zeros(shape, np.int64)
    for index, values in enumerate(weight_values(activation)):
        own = _shape(setting["channels"], index, len(starts), shape, axis)
        size = math.prod(own)
        count = size if isinstance(setting["channels"], int) else min(size, DIFFERENT)
        codes = (np.arange(size) % count).reshape(own)
        places = _meeting(np.arange(size).reshape(own), shape, axis)
        numbers = np.resize(np.roll(values, -starts[index]), count)
        found.append((to_type(numbers, dtype), codes, places))
        together = together * count + codes.reshape(-1)[places]
    _, first, inverse = np.unique(together, return_index=True, return_inverse=True)
    placed = [
        Placed(numbers, codes, places, codes.reshape(-1)[places.reshape(-1)[first]])
        for numbers, codes, places in found
    ]
    return placed, np.asarray(inverse.reshape(shape))


def _shape(
    channels: int | str, index: int, count: int, shape: tuple[int, ...], axis: int
) -> tuple[int, ...]:
    """The shape of a weight."""
    if isinstance(channels, int):
        return (max(channels, 1),)
    own = [1] * len(shape)
    if channels == "aligned":
        own[axis] = shape[axis]
        dropped = next(d for d, length in enumerate(own) if length > 1)
        return tuple(own[min(dropped, len(own) - 2) :])
    if channels == "mixed" and count > 1 and index == 0:
        return (shape[axis],)
    if channels == "apart":
        own[::2] = shape[::2]
    elif channels == "mixed" and count == 1:
        own[:2] = shape[:2]
    else:
        own[1:] = shape[1:]
        if len(own) > 2:  # the batch is not in it
            own = own[1:]
    if math.prod(own) > LARGEST:
        own[own.index(max(own))] = 1
    return tuple(own)


def _meeting(array: Codes, shape: tuple[int, ...], axis: int) -> Codes:
    if array.ndim < 2 and array.size > 1:
        along = [1] * len(shape)
        along[axis] = array.size
        array = array.reshape(along)
    return np.broadcast_to(array if array.size > 1 else array.reshape(()), shape)


def by_weight(part: str, problem: Problem, codes: Codes, weight: Placed) -> Answer:
    """Returns the gradient by a weight: sums over all that it acts on, which are few different.

    Args:
        part: The weight.
        problem: The different elements.
        codes: For each element of the input, which of them it is.
        weight: The weight.
    """
    number, size = problem.slack.size, weight.codes.size
    belongs = weight.places.reshape(-1) * number + codes.reshape(-1)
    table = np.bincount(belongs, minlength=size * number).reshape(size, number)
    counts, first, inverse = np.unique(table, axis=0, return_index=True, return_inverse=True)
    high, low = problem.reference.high.tolist(), problem.reference.low.tolist()
    sums, slacks, judged = [], [], []
    with ctx.workprec(FIRST_PRECISION):
        for row in counts:
            own = np.flatnonzero(row)
            terms = [(arb(high[i]) + arb(low[i])) * int(row[i]) for i in own]
            sums.append(sum(terms, arb(0)))
            slacks.append(float(problem.slack[own] @ row[own]))
            judged.append(bool(problem.judged[own].all()))
        highs, lows = split(sums)
    summed = Problem(
        inputs=(),
        cotangent=None,
        reference=reference_of(highs, lows),
        slack=np.array(slacks),
        about=weight.array(weight.values).reshape(-1)[first],
        judged=np.array(judged),
        value_range=EVERYTHING,
        length=max(1, codes.size // size),
        signed=np.zeros(len(counts), dtype=np.bool_),
    )
    return Answer(part, np.asarray(inverse.reshape(weight.codes.shape)), summed)
