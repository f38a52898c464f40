"""Whole arrays through kernels: which of their elements are the rows of a kernel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from unified_act.activation import Activation
from unified_act.kernels.instructions import ARRAY, CONSTANT
from unified_act.kernels.kernel import Kernel, fused, in_parts
from unified_act.kernels.threads import ALONE, Threads

__all__ = ["Plan", "plan_of"]


class Plan(NamedTuple):
    """How a kernel goes through whole arrays of some shape.

    Attributes:
        kernel: The kernel.
        places: Where each of its pointers begins: the number of an array, and how many bytes from
            the first of its elements.
        rows: The number of rows; if `strides` is empty, of elements without gaps. If `inner` is
            given, there are so many times `inner` rows, whose elements may lie apart.
        length: The number of elements of a row.
        strides: The number of bytes from one row to the next, for each pointer.
        turns: How often the kernel goes through so many rows.
        steps: The number of bytes from one turn to the next, for each pointer.
        inner: The number of elements from one element of a row to the next. There are no strides
            then.
    """

    kernel: Kernel
    places: Sequence[tuple[int, int]]
    rows: int
    length: int = 1
    strides: Sequence[int] = ()
    turns: int = 1
    steps: Sequence[int] = ()
    inner: int | None = None

    def run(self, addresses: Sequence[int], threads: Threads = ALONE) -> None:
        """Computes arrays that lie anywhere.

        Args:
            addresses: The addresses of the inputs, of the cotangent if the order is not 0, and of
                the results: the value, or the derivative by each input.
            threads: The threads.
        """
        pointers = [addresses[number] + offset for number, offset in self.places]
        if self.inner is not None:
            self.kernel.columns(
                *pointers, length=self.length, outer=self.rows, inner=self.inner, threads=threads
            )
            return
        if not self.strides:
            self.kernel(*pointers, count=self.rows, threads=threads)
            return
        for turn in range(self.turns):
            if turn:
                pointers = [at + step for at, step in zip(pointers, self.steps, strict=True)]
            self.kernel.rows(
                *pointers,
                length=self.length,
                count=self.rows,
                strides=self.strides,
                threads=threads,
            )


def plan_of(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    shape: Sequence[int],
    *,
    order: int = 0,
    weight_sizes: Sequence[int] = (),
) -> Plan | None:
    """Returns how a kernel computes an activation of whole arrays; None if there is none for that.

    All arrays are contiguous in C order. Weights have their own shape, and of a gated activation
    the value and the cotangent have that of the result. All others have the shape of `x`. A
    derivative by a weight is one for each element; the sums for each channel are up to the caller.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The type of the arrays.
        shape: The shape of `x`.
        order: As for `fused`.
        weight_sizes: The number of elements of each weight: 1, or one for each channel.
    """
    axis = int(parameters.get("axis", -1)) % max(len(shape), 1)
    outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    channels = shape[axis] if shape else 1
    spread = any(number > 1 for number in weight_sizes)
    ends = inner == 1  # the axis is the last one
    if activation.along_axis and not in_parts(activation):  # a kernel has the elements of a row
        parameters = {**parameters, "axis": -1}
    if spread and ends and len(set(weight_sizes)) > 1:
        return None
    in_turn = bool(parameters.get("interleaved")) and activation.kind == "gated" and ends
    kernel = fused(
        activation,
        parameters,
        dtype,
        order,
        weights=ARRAY if spread and ends else CONSTANT,
        in_turn=in_turn,
    )
    if kernel is None:
        return None
    if activation.kind == "gated" and not in_turn:
        plan = _of_gated(kernel, parameters, (outer, channels, inner))
    elif in_parts(activation):
        plan = _of_parts(kernel, channels * inner, outer, order)
    elif kernel.whole_rows and (not ends or channels <= kernel.short):
        plan = Plan(kernel, _one_each(kernel), outer, channels, inner=inner)
    elif kernel.whole_rows:
        strides = [channels * size for size in kernel.sizes]
        plan = Plan(kernel, _one_each(kernel), outer, channels, strides)
    elif spread:
        plan = _of_learned(kernel, outer, channels, inner, weight_sizes)
    else:
        number = math.prod(shape) // (2 if in_turn else 1)
        plan = Plan(kernel, _one_each(kernel), number)
    return plan


def _one_each(kernel: Kernel) -> list[tuple[int, int]]:
    """The places of pointers to the first element of each array."""
    return [(number, 0) for number in range(len(kernel.sizes))]


def _of_gated(kernel: Kernel, parameters: Mapping[str, Any], shape: tuple[int, int, int]) -> Plan:
    """Rows, each from a half of the axis in `x` and the other half.

    The value, or the cotangent, has no halves; the gradient, which comes after it, has.
    """
    outer, channels, inner = shape
    if parameters.get("interleaved"):  # pairs of rows, each as long as what lies behind the axis
        half, count = inner, outer * (channels // 2)
    else:
        half, count = channels // 2 * inner, outer
    row = half * kernel.sizes[0]
    halves = (row, 0) if parameters["gate_first"] else (0, row)  # where the value is, and the gate
    places = [*((0, at) for at in halves), (1, 0), *((2, at) for at in halves)]
    strides = [2 * row, 2 * row, row, 2 * row, 2 * row]
    number = len(kernel.sizes)  # of a value the last two are not there
    return Plan(kernel, places[:number], count, half, strides[:number])


def _of_parts(kernel: Kernel, row: int, count: int, order: int) -> Plan:
    """Rows from equal parts of the arrays; `x` has `row` elements in each."""
    names = [name.partition(".")[0] for name in kernel.inputs]
    of_x = names.count("x")
    length = row // of_x
    numbers = [names.count(name) for name in dict.fromkeys(names)]
    by_x = of_x if order else 0  # the last of the results
    numbers += [number for number in (kernel.results - by_x, by_x) if number]
    part = length * kernel.sizes[0]
    places = [(array, i * part) for array, number in enumerate(numbers) for i in range(number)]
    strides = [number * part for number in numbers for _ in range(number)]
    return Plan(kernel, places, count, length, strides)


def _of_learned(
    kernel: Kernel, outer: int, channels: int, inner: int, weight_sizes: Sequence[int]
) -> Plan:
    """Rows of one channel each, or of all channels where their axis is the last."""
    places, sizes = _one_each(kernel), kernel.sizes
    weights = range(1, 1 + len(weight_sizes))
    if inner == 1:
        strides = [0 if i in weights else channels * size for i, size in enumerate(sizes)]
        return Plan(kernel, places, outer, channels, strides)
    # A row is what a channel has of an element of `outer`. All rows of a channel are computed at
    # once, or those of all channels: the fewer calls the better.
    by_channel = channels < outer
    turns, count = (channels, outer) if by_channel else (outer, channels)
    rows = [inner * size for size in sizes]
    whole = [channels * row for row in rows]
    steps, strides = (rows, whole) if by_channel else (whole, rows)
    for index, number in zip(weights, weight_sizes, strict=True):
        own = sizes[index] if number > 1 else 0
        steps[index], strides[index] = (own, 0) if by_channel else (0, own)
    return Plan(kernel, places, count, inner, strides, turns, steps)
