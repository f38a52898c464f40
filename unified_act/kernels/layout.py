"""Whole arrays through kernels: which of their elements are the rows of a kernel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from unified_act.activation import Activation
from unified_act.kernels.instructions import ARRAY, CONSTANT
from unified_act.kernels.kernel import Kernel, fused, in_parts
from unified_act.kernels.threads import ALONE, Threads

__all__ = ["computed"]


def computed(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    shape: Sequence[int],
    inputs: Sequence[int],
    results: Sequence[int],
    *,
    order: int = 0,
    with_value: bool = False,
    weight_sizes: Sequence[int] = (),
    threads: Threads = ALONE,
) -> bool:
    """Computes an activation of whole arrays, if there is a kernel for that.

    All arrays are contiguous in C order. Weights have their own shape, and of a gated activation
    the value and the cotangent have that of the result. All others have the shape of `x`.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The type of the arrays.
        shape: The shape of `x`.
        inputs: The addresses of the inputs, and of the cotangent if the order is not 0.
        results: Where to write the value, if it is wanted, and the derivative by each input: by a
            weight, for each element; the sums for each channel are up to the caller.
        order: As for `fused`.
        with_value: As for `fused`.
        weight_sizes: The number of elements of each weight: 1, or one for each channel.
        threads: The threads.

    Returns:
        Whether there is a kernel. If not, nothing has been written. There is none along an axis
        that is not the last.
    """
    axis = int(parameters.get("axis", -1)) % max(len(shape), 1)
    outer, inner = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    channels = shape[axis] if shape else 1
    spread = any(number > 1 for number in weight_sizes)
    ends = inner == 1  # the axis is the last one
    rows = activation.along_axis and not in_parts(activation)
    if (rows and not ends) or (spread and ends and len(set(weight_sizes)) > 1):
        return False
    weights = ARRAY if spread and ends else CONSTANT
    interleaved = bool(parameters.get("interleaved")) and activation.kind == "gated"
    kernel = fused(
        activation,
        parameters,
        dtype,
        order,
        with_value=with_value,
        weights=weights,
        in_turn=interleaved and ends,
    )
    if kernel is None:
        return False
    call = _Call(kernel, tuple(inputs), tuple(results), threads)
    if interleaved and ends:
        kernel(*inputs, *results, count=outer * (channels // 2), threads=threads)
    elif activation.kind == "gated":
        # Interleaved halves are pairs of rows, each as long as what lies behind the axis.
        half, count = (
            (inner, outer * (channels // 2)) if interleaved else (channels // 2 * inner, outer)
        )
        call.gated(half, count, bool(parameters["gate_first"]))
    elif in_parts(activation):
        call.in_parts(channels * inner, outer)
    elif rows:
        call.along_axis(channels, outer)
    elif spread:
        call.learned(outer, channels, inner, weight_sizes)
    else:
        kernel(*inputs, *results, count=math.prod(shape), threads=threads)
    return True


class _Call(NamedTuple):
    """A kernel and the addresses of its arrays."""

    kernel: Kernel
    inputs: tuple[int, ...]
    results: tuple[int, ...]
    threads: Threads

    def along_axis(self, length: int, count: int) -> None:
        """Computes rows that lie one after another."""
        strides = [length * size for size in self.kernel.sizes]
        self._rows([*self.inputs, *self.results], strides, length, count)

    def gated(self, half: int, count: int, gate_first: bool) -> None:
        """Computes rows, each from a half of the axis in `x` and the other half."""
        row = half * self.kernel.sizes[0]
        halves = (row, 0) if gate_first else (0, row)  # where the value is, and the gate
        x, *cotangent = self.inputs
        value = self.results[:-1] if cotangent else self.results
        slopes = self.results[len(value) :]
        pointers = [*(x + half for half in halves), *cotangent, *value]
        pointers += [slope + half for slope in slopes for half in halves]
        strides = [2 * row] * 2 + [row] * (len(cotangent) + len(value)) + [2 * row] * 2
        self._rows(pointers, strides[: len(pointers)], half, count)

    def in_parts(self, row: int, count: int) -> None:
        """Computes rows from equal parts of the arrays; `x` has `row` elements in each."""
        names = [name.partition(".")[0] for name in self.kernel.inputs]
        of_x = names.count("x")
        length = row // of_x
        numbers = [names.count(name) for name in dict.fromkeys(names)]
        left = self.kernel.results
        for _ in self.results[1:]:  # the value is first, and the last is by x
            numbers.append(left - of_x)
            left = of_x
        numbers.append(left)
        part = length * self.kernel.sizes[0]
        pointers, strides = [], []
        for array, number in zip((*self.inputs, *self.results), numbers, strict=True):
            pointers += [array + index * part for index in range(number)]
            strides += [number * part] * number
        self._rows(pointers, strides, length, count)

    def learned(self, outer: int, channels: int, inner: int, weight_sizes: Sequence[int]) -> None:
        """Computes rows of one channel each, or of all channels where their axis is the last."""
        pointers, sizes = [*self.inputs, *self.results], self.kernel.sizes
        weights = range(1, 1 + len(weight_sizes))
        if inner == 1:
            strides = [0 if i in weights else channels * size for i, size in enumerate(sizes)]
            self._rows(pointers, strides, channels, outer)
            return
        # A row is what a channel has of an element of `outer`. All rows of a channel are computed
        # at once, or those of all channels: the fewer calls the better.
        by_channel = channels < outer
        turns, count = (channels, outer) if by_channel else (outer, channels)
        rows = [inner * size for size in sizes]
        whole = [channels * row for row in rows]
        steps, strides = (rows, whole) if by_channel else (whole, rows)
        for index, number in zip(weights, weight_sizes, strict=True):
            own = sizes[index] if number > 1 else 0
            steps[index], strides[index] = (own, 0) if by_channel else (0, own)
        for turn in range(turns):
            moved = [pointer + turn * step for pointer, step in zip(pointers, steps, strict=True)]
            self._rows(moved, strides, inner, count)

    def _rows(
        self, pointers: Sequence[int], strides: Sequence[int], length: int, count: int
    ) -> None:
        self.kernel.rows(
            *pointers, length=length, count=count, strides=strides, threads=self.threads
        )
