"""Activations of arrays on a CPU, by kernels: one pass over memory.

Elementwise activations have tables for the types of 16 bits instead. NumPy sees bfloat16 as
integers of 16 bits: kernels go by the name of the type.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from unified_act.activation import Activation
from unified_act.kernels import (
    ArrayKernels,
    NumpyMemory,
    Threads,
    available_threads,
    fused,
    sum_to_weight,
)
from unified_act_mxnet._framework import BFLOAT16, DTYPE_OBJECTS, mx
from unified_act_mxnet.guards import address_of, empty, is_plain, view
from unified_act_mxnet.recording import Target, record
from unified_act_mxnet.tables import narrow, wide

__all__ = ["by_kernel"]

_BITS = np.dtype(np.uint16)
_Pullback = Callable[[int, Sequence[Target | None]], None]


def by_kernel(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    shared: Callable[..., Any],
) -> Callable[..., Any]:
    """Returns an activation that is computed by kernels, where there are some for the arrays.

    Symbols, and so hybridized blocks, get the shared definition. A kernel runs at once: it waits
    until its inputs have been computed.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The type of the arrays.
        shared: The shared definition.
    """
    computing = (_Elements if activation.kind.elementwise else _Whole)(
        activation, parameters, dtype
    )

    def call(*inputs: Any) -> Any:
        recorded = mx.autograd.is_recording()
        if not computing.serves(inputs, recorded):
            return shared(*inputs)
        for x in inputs:
            x.wait_to_read()
        value = computing.value(inputs)
        if value is None:
            return shared(*inputs)
        if recorded:
            record(computing.moving(inputs), value, computing.pullback(inputs))
        return value

    return call


class _Elements:
    """An elementwise activation by kernels."""

    def __init__(self, activation: Activation, parameters: Mapping[str, Any], dtype: str) -> None:
        self._kernel = functools.cache(functools.partial(fused, activation, parameters, dtype))
        self._dtype = np.dtype(dtype)

    def serves(self, inputs: Sequence[Any], recorded: bool) -> bool:
        """Whether there are kernels for the array."""
        return self._kernel(int(recorded)) is not None and is_plain(inputs[0])

    def moving(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """The inputs that have gradients."""
        return inputs

    def value(self, inputs: Sequence[Any]) -> Any:
        """The value."""
        (x,) = inputs
        shape = x.shape
        result = empty(shape, x)
        self._computed(0, math.prod(shape), address_of(x.handle), address_of(result.handle))
        return result

    def _computed(self, order: int, count: int, *pointers: int) -> None:
        kernel = self._kernel(order)
        assert kernel is not None  # noqa: S101  # where it serves
        kernel(*pointers, count=count, threads=Threads(available_threads()))

    def pullback(self, inputs: Sequence[Any]) -> _Pullback:
        """The pullback, at what the array is now."""
        (x,) = inputs
        size = x.size
        saved = view(address_of(x.handle), (size,), self._dtype, x).copy()

        def pull(cotangent: int, targets: Sequence[Target | None]) -> None:
            (target,) = targets
            if target is None:
                return
            if not target.add:
                self._computed(1, size, saved.ctypes.data, cotangent, target.address)
                return
            found = np.empty_like(saved)
            self._computed(1, size, saved.ctypes.data, cotangent, found.ctypes.data)
            total = view(target.address, (size,), self._dtype)
            total += found

        return pull


class _Whole:
    """Any other activation by kernels."""

    def __init__(self, activation: Activation, parameters: Mapping[str, Any], dtype: str) -> None:
        self._activation, self._parameters = activation, parameters
        self._kernels = ArrayKernels(activation, parameters)
        self._name, self._dtype = dtype, np.dtype(DTYPE_OBJECTS[dtype])
        self._bits = _BITS if dtype == "bfloat16" else self._dtype
        self._masks = [name in activation.masks for name in activation.inputs_for(parameters)]
        self._has_kernel = functools.cache(functools.partial(self._kernels.serves, dtype))

    def serves(self, inputs: Sequence[Any], recorded: bool) -> bool:
        """Whether there are kernels for the arrays."""
        return (
            all(map(self._has_kernel, (0, 1) if recorded else (0,)))
            and all(map(is_plain, inputs))
            and all(x.dtype == self._dtype for x in self.moving(inputs))
            and len({x.context for x in inputs}) == 1
        )

    def moving(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """The inputs that have gradients: no masks."""
        return [x for x, mask in zip(inputs, self._masks, strict=True) if not mask]

    def value(self, inputs: Sequence[Any]) -> Any:
        """The value; None if there is no kernel."""
        memory = _Results(inputs[0])
        found = self._kernels.value(
            memory, self._name, self._views(inputs), threads=Threads(available_threads())
        )
        return None if found is None else memory.array_of(found)

    def pullback(self, inputs: Sequence[Any]) -> _Pullback:
        """The pullback, at what the arrays are now."""
        saved = [each.copy() for each in self._views(inputs)]
        of_value = self._shape_of_value(saved[0].shape)
        of_x = saved[0].shape, self._bits

        def pull(cotangent: int, targets: Sequence[Target | None]) -> None:
            first = targets[0]
            lent = None if first is None or first.add else view(first.address, *of_x)
            found = self._kernels.pulled_back(
                NumpyMemory() if lent is None else _Lending(lent),
                self._name,
                saved,
                view(cotangent, of_value, self._bits),
                sum_to_weight if self._bits is self._dtype else _sum_to_bits,
                threads=Threads(available_threads()),
            )
            assert found is not None  # noqa: S101  # where there is a kernel of the value
            for by, target in zip(self.moving(found), targets, strict=True):
                if target is None or by is lent:  # where it goes already
                    continue
                total = view(target.address, by.shape, self._bits)
                total[...] = self._added(total, by) if target.add else by

        return pull

    def _added(self, total: Any, by: Any) -> Any:
        if self._bits is self._dtype:
            return total + by
        return narrow(wide(total, "bfloat16") + wide(by, "bfloat16"), "bfloat16")

    def _shape_of_value(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if self._activation.kind != "gated":
            return shape
        axis = self._parameters["axis"] % len(shape)
        return (*shape[:axis], shape[axis] // 2, *shape[axis + 1 :])

    def _views(self, inputs: Sequence[Any]) -> list[Any]:
        """The memory of the inputs; older arrays have numbers for booleans."""
        return [
            self._numbers(x) if not mask else _truth(x)
            for x, mask in zip(inputs, self._masks, strict=True)
        ]

    def _numbers(self, x: Any) -> Any:
        return view(address_of(x.handle), x.shape, self._bits, x)


def _truth(mask: Any) -> Any:
    """What a mask says, as booleans. Of a number of bfloat16 all bits but the sign tell."""
    if mask.dtype == BFLOAT16:
        return view(address_of(mask.handle), mask.shape, _BITS, mask) & 0x7FFF != 0
    return view(address_of(mask.handle), mask.shape, mask.dtype, mask) != 0


class _Results(NumpyMemory):
    """The memory of new arrays of MXNet.

    Args:
        like: An array of their type, in their context.
    """

    def __init__(self, like: Any) -> None:
        self._like = like
        self._made: dict[int, Any] = {}

    def empty(self, shape: Sequence[int], like: Any, /, *, wide: bool = False) -> Any:
        """The memory of a new array."""
        del wide  # a value is none, and the gradients are in NumPy's memory
        array = empty(tuple(shape), self._like)
        address = address_of(array.handle)
        self._made[address] = array
        return view(address, tuple(shape), like.dtype, array)

    def array_of(self, found: Any) -> Any:
        """The array in whose memory a result is; a new one if it lies otherwise in memory."""
        array = self._made[found.ctypes.data]
        if found.flags.c_contiguous:
            return array if array.shape == found.shape else array.reshape(found.shape)
        result = empty(found.shape, self._like)
        np.copyto(view(address_of(result.handle), found.shape, found.dtype), found)
        return result


class _Lending(NumpyMemory):
    """NumPy's memory, but that the first new array of a shape is a given one.

    Args:
        array: The array: where the gradient by `x` goes, which is the first result.
    """

    def __init__(self, array: Any) -> None:
        self._array: Any = array

    def empty(self, shape: Sequence[int], like: Any, /, *, wide: bool = False) -> Any:
        """A new array."""
        array = self._array
        if array is None or wide or tuple(shape) != array.shape:
            return super().empty(shape, like, wide=wide)
        self._array = None
        return array


def _sum_to_bits(by: Any, weight: Any, *, axis: int) -> Any:
    """The sums for a weight in bfloat16, of what a kernel has left in float32."""
    return narrow(sum_to_weight(by, weight, axis=axis), "bfloat16")
