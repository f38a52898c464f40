"""Activations on NumPy, by kernels: one pass over memory.

Elementwise activations have tables for the types of 16 bits instead.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act.activation import Activation
from unified_act.backend import DTYPES
from unified_act.kernels import ArrayKernels, Kernel, NumpyMemory, fused, sum_to_weight
from unified_act_numpy.blocks import in_blocks
from unified_act_numpy.calls import Code, address_of

__all__ = ["by_kernel", "pulled_back"]

Array = NDArray[Any]
_Function = Callable[..., Array]


class _Memory(NumpyMemory):
    """The memory of arrays, without the questions to NumPy that take longest."""

    address = staticmethod(address_of)

    def whole(self, array: Array, /) -> Array:
        """The array, or a copy if it is not contiguous or its elements begin anywhere."""
        plain = type(array) is np.ndarray  # a number has no memory that can be read
        return array if plain and _is_whole(array) else super().whole(array)


_MEMORY = _Memory()
_BOOL = np.dtype(bool)
_MOST = 256
"""For so many activations what was found is kept."""
_kept: dict[tuple[Activation, str], ArrayKernels] = {}
_NAMES = {np.dtype(name): name for name in ("float32", "float64")}


def by_kernel(
    activation: Activation, parameters: Mapping[str, Any], shared: _Function
) -> _Function:
    """Returns an activation that is computed by a kernel, where there is one for the arrays.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        shared: The shared definition, for all other arrays.
    """
    if activation.kind.elementwise:
        return _Elements(activation, parameters, shared)
    arrays = _kernels_of(activation, parameters)

    def value(*inputs: Array) -> Array:
        alike = _alike(inputs)
        if not _are_plain(activation, alike):
            return shared(*inputs)
        name = _name_of(alike[0].dtype)
        found = arrays.value(_MEMORY, name, alike)
        return shared(*inputs) if found is None else _result(found, inputs[0])

    return value


def pulled_back(
    activation: Activation,
    parameters: Mapping[str, Any],
    inputs: Sequence[Array],
    cotangent: Array,
) -> tuple[Array | None, ...] | None:
    """Returns the cotangent of each input by a kernel; None if there is none for the arrays.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        inputs: The inputs.
        cotangent: The cotangent of the value.
    """
    *alike, along = _alike((*inputs, cotangent))
    if not _are_plain(activation, (*alike, along)):
        return None
    if activation.kind.elementwise:
        kernel = fused(activation, parameters, alike[0].dtype.name, 1)
        if kernel is None:
            return None
        return (_in_memory_order(kernel, alike[0], along),)
    found = _kernels_of(activation, parameters).pulled_back(
        _MEMORY, _name_of(alike[0].dtype), alike, along, sum_to_weight
    )
    if found is None:
        return None
    pairs = zip(found, inputs, strict=True)
    return tuple(by if by is None else _result(by, x) for by, x in pairs)


def _kernels_of(activation: Activation, parameters: Mapping[str, Any]) -> ArrayKernels:
    """The kernels of an activation, with what they have found out for the shapes of arrays."""
    key = activation, repr(parameters)  # repr tells 0.0 from -0.0
    found = _kept.get(key)
    if found is None:
        if len(_kept) >= _MOST:
            _kept.clear()
        found = _kept[key] = ArrayKernels(activation, parameters)
    return found


def _alike(arrays: Sequence[Array]) -> list[Array]:
    """The arrays, all but masks of one type: noise may have come as float32."""
    first = arrays[0].dtype
    for array in arrays:
        dtype = array.dtype
        if dtype is not first and dtype not in (_BOOL, first):
            break
    else:
        return list(arrays)
    return [array.astype(np.float32) if array.dtype.itemsize == 2 else array for array in arrays]


def _result(array: Array, like: Array) -> Array:
    """The array, rounded to the type of `like`; without dimensions a scalar, as NumPy has it."""
    if array.dtype != like.dtype:
        with np.errstate(all="ignore"):
            array = array.astype(like.dtype)
    return array if array.ndim else array[()]


class _Elements:
    """An elementwise activation by kernels."""

    def __init__(
        self, activation: Activation, parameters: Mapping[str, Any], shared: _Function
    ) -> None:
        self._activation, self._parameters, self._shared = activation, parameters, shared
        self._kernels: dict[Any, Kernel | None] = {}

    def __call__(self, x: Array) -> Array:
        """Returns the value, by the shared definition where there is no kernel."""
        kernel = self._kernel(x.dtype)
        if kernel is None or _has_rules(x):
            return self._shared(x)
        return _in_memory_order(kernel, x)

    def code(self, dtype: np.dtype[Any]) -> Code | None:
        """Returns the machine code of the kernel for a type."""
        kernel = self._kernel(dtype)
        return None if kernel is None else kernel.flat

    def _kernel(self, dtype: np.dtype[Any]) -> Kernel | None:
        if dtype not in self._kernels:
            name = _NAMES.get(dtype)
            made = fused(self._activation, self._parameters, name) if name else None
            self._kernels[dtype] = made
        return self._kernels[dtype]


def _in_memory_order(kernel: Kernel, *arrays: Array) -> Array:
    """Computes arrays of one shape, in the order in which their elements lie in memory."""
    first = arrays[0]
    if first.ndim and not all(_is_whole(array) for array in arrays):
        if len(arrays) == 1 and first.flags.f_contiguous and first.flags.aligned:
            result = np.empty_like(first)
            kernel.flat(address_of(first), address_of(result), first.size)
            return result
        return in_blocks(lambda *parts: _contiguous(kernel, *parts), *arrays)
    return _contiguous(kernel, *arrays)


def _contiguous(kernel: Kernel, *arrays: Array) -> Array:
    whole = [np.asarray(array, order="C") for array in arrays]
    whole = [array if array.flags.aligned else array.copy() for array in whole]
    result = np.empty_like(whole[0])
    kernel.flat(*map(address_of, (*whole, result)), result.size)
    return _result(result, result)


@functools.cache
def _name_of(dtype: np.dtype[Any]) -> str:
    """The name of a dtype, which NumPy writes anew each time."""
    return dtype.name


def _is_whole(array: Array) -> bool:
    return bool(array.flags.c_contiguous and array.flags.aligned)


def _has_rules(array: Array) -> bool:
    """Whether it is of a subclass of arrays, which may compute otherwise."""
    return type(array) is not np.ndarray and not isinstance(array, np.generic)


def _are_plain(activation: Activation, arrays: Sequence[Array]) -> bool:
    """Whether all are arrays or numbers of one type that has kernels; and masks, which are not."""
    dtype = arrays[0].dtype
    if _name_of(dtype) not in DTYPES:
        return False
    for array in arrays:
        own = array.dtype
        if own is not dtype and own != dtype and not (activation.masks and own == _BOOL):
            return False
        if _has_rules(array):
            return False
    return True
