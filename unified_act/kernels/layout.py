"""Whole arrays through kernels: which of their elements are the rows of a kernel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from unified_act.activation import Activation
from unified_act.kernels.instructions import ARRAY, CONSTANT
from unified_act.kernels.kernel import Job, Kernel, fused, in_parts
from unified_act.kernels.threads import ALONE, Threads

__all__ = ["Plan", "plan_of"]


class Plan(NamedTuple):
    """How a kernel goes through whole arrays of some shape.

    Attributes:
        job: What it does with them.
        places: Where each of its pointers begins: the number of an array, and how many bytes from
            the first of its elements. If there are none, each begins where an array does.
    """

    job: Job
    places: Sequence[tuple[int, int]] = ()

    def run(self, addresses: Sequence[int], threads: Threads = ALONE) -> None:
        """Computes arrays that lie anywhere.

        Args:
            addresses: The addresses of the inputs, of the cotangent if the order is not 0, and of
                the results: the value, or the derivative by each input.
            threads: The threads.
        """
        pointers = addresses
        if self.places:
            pointers = [addresses[number] + offset for number, offset in self.places]
        self.job.run(pointers, threads)


def plan_of(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    shape: Sequence[int],
    *,
    order: int = 0,
    weight_sizes: Sequence[int] = (),
) -> Plan | None:
    """Returns how a kernel computes an activation of whole arrays; None if there is none.

    All arrays are contiguous in C order. Weights have their own shape, and of a gated activation
    the value and the cotangent have that of the result. All others have the shape of `x`. A
    derivative by a weight is one for each element; the sums for each channel are up to the caller.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The type of the arrays.
        shape: The shape of `x`.
        order: As for `fused`.
        weight_sizes: The number of elements of each weight: 1, or one for each channel. They are
            all the same if the channels are along the last axis.
    """
    axis = int(parameters.get("axis", -1)) % max(len(shape), 1)
    outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    channels = shape[axis] if shape else 1
    spread = any(number > 1 for number in weight_sizes)
    ends = inner == 1  # the axis is the last one
    if activation.along_axis and not in_parts(activation):  # a kernel has the elements of a row
        parameters = {**parameters, "axis": -1}
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
        plan = Plan(kernel.columns(length=channels, outer=outer, inner=inner))
    elif kernel.whole_rows:
        strides = [channels * size for size in kernel.sizes]
        plan = Plan(kernel.rows(length=channels, count=outer, strides=strides))
    elif spread and not (ends and outer == 1):
        plan = _of_learned(kernel, outer, channels, inner, weight_sizes)
    else:
        number = math.prod(shape) // (2 if in_turn else 1)
        plan = Plan(kernel.elements(number))
    return plan


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
    return Plan(kernel.rows(length=half, count=count, strides=strides[:number]), places[:number])


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
    return Plan(kernel.rows(length=length, count=count, strides=strides), places)


def _of_learned(
    kernel: Kernel, outer: int, channels: int, inner: int, weight_sizes: Sequence[int]
) -> Plan:
    """Rows of one channel each, or of all channels where their axis is the last."""
    sizes = kernel.sizes
    weights = range(1, 1 + len(weight_sizes))
    if inner == 1:
        strides = [0 if i in weights else channels * size for i, size in enumerate(sizes)]
        return Plan(kernel.rows(length=channels, count=outer, strides=strides))
    # A row is what a channel has of an element of `outer`.
    strides = [inner * size for size in sizes]
    for index, number in zip(weights, weight_sizes, strict=True):
        strides[index] = sizes[index] if number > 1 else 0
    return Plan(kernel.rows(length=inner, count=outer * channels, strides=strides, period=channels))
