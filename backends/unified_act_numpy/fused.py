"""Activations of float32 and float64 arrays on NumPy, by kernels: one pass over memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act.activation import Activation
from unified_act.kernels import Kernel, computed, fused
from unified_act_numpy import namespace
from unified_act_numpy.blocks import in_blocks

__all__ = ["by_kernel", "pulled_back"]

Array = NDArray[Any]
_Function = Callable[..., Array]

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
        return _elementwise(activation, parameters, shared)

    def value(*inputs: Array) -> Array:
        if not _are_plain(activation, inputs):
            return shared(*inputs)
        found = _computed(activation, parameters, inputs, None)
        return shared(*inputs) if found is None else found[0]

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
    if not _are_plain(activation, (*inputs, cotangent)):
        return None
    if activation.kind.elementwise:
        kernel = fused(activation, parameters, _NAMES[inputs[0].dtype], 1)
        if kernel is None:
            return None
        return (_in_memory_order(kernel, inputs[0], cotangent),)
    found = _computed(activation, parameters, inputs, cotangent)
    if found is None:
        return None
    if activation.weights:
        by_x, *by_weights = found
        pairs = zip(by_weights, inputs[1:], strict=True)
        axis = parameters["axis"]
        return (by_x, *(namespace.sum_to_weight(by, weight, axis=axis) for by, weight in pairs))
    rest = iter(found)
    masks = (name in activation.masks for name in activation.inputs_for(parameters))
    return tuple(None if mask else next(rest) for mask in masks)


def _elementwise(
    activation: Activation, parameters: Mapping[str, Any], shared: _Function
) -> _Function:
    kernels: dict[Any, Kernel | None] = {}

    def value(x: Array) -> Array:
        dtype = x.dtype
        if dtype not in kernels:
            name = _NAMES.get(dtype)
            kernels[dtype] = fused(activation, parameters, name) if name else None
        kernel = kernels[dtype]
        if kernel is None or _has_rules(x):
            return shared(x)
        return _in_memory_order(kernel, x)

    return value


def _in_memory_order(kernel: Kernel, *arrays: Array) -> Array:
    """Computes arrays of one shape, in the order in which their elements lie in memory."""
    first = arrays[0]
    if first.ndim and not all(_is_whole(array) for array in arrays):
        if len(arrays) == 1 and first.flags.f_contiguous and first.flags.aligned:
            result = np.empty_like(first)
            kernel.flat(first.ctypes.data, result.ctypes.data, first.size)
            return result
        return in_blocks(lambda *parts: _contiguous(kernel, *parts), *arrays)
    return _contiguous(kernel, *arrays)


def _contiguous(kernel: Kernel, *arrays: Array) -> Array:
    whole = [np.asarray(array, order="C") for array in arrays]
    whole = [array if array.flags.aligned else array.copy() for array in whole]
    result = np.empty_like(whole[0])
    kernel.flat(*(array.ctypes.data for array in (*whole, result)), result.size)
    return result if result.ndim else result[()]


def _is_whole(array: Array) -> bool:
    return bool(array.flags.c_contiguous and array.flags.aligned)


def _has_rules(array: Array) -> bool:
    """Whether it is of a subclass of arrays, which may compute otherwise."""
    return type(array) is not np.ndarray and not isinstance(array, np.generic)


def _are_plain(activation: Activation, arrays: Sequence[Array]) -> bool:
    """Whether all are arrays or numbers of one type that has kernels; and masks, which are not."""
    dtype = arrays[0].dtype
    if dtype not in _NAMES or any(map(_has_rules, arrays)):
        return False
    dtypes = {array.dtype for array in arrays}
    return dtypes == {dtype} or (bool(activation.masks) and dtypes == {dtype, np.dtype(bool)})


def _computed(
    activation: Activation,
    parameters: Mapping[str, Any],
    inputs: Sequence[Array],
    cotangent: Array | None,
) -> list[Array] | None:
    """The value, or the derivative by each input but masks: by a weight, for each element."""
    x, *others = inputs
    weights = others if activation.weights else []
    if not weights:
        others = [o if o.shape == x.shape else np.broadcast_to(o, x.shape) for o in others]
    terms = [x, *others, *([] if cotangent is None else [cotangent])]
    axis = -1
    if activation.along_axis and parameters["axis"] not in (-1, x.ndim - 1):  # made the last one
        axis, parameters = parameters["axis"], {**parameters, "axis": -1}
        order = 0 if cotangent is None else 1
        if fused(activation, parameters, _NAMES[x.dtype], order) is None:
            return None  # before anything is copied
        terms = [np.moveaxis(term, axis, -1) if term.ndim else term for term in terms]
    terms = [term if _is_whole(term) else np.require(term, None, ["C", "A"]) for term in terms]
    shape = list(terms[0].shape)
    if activation.kind == "gated" and cotangent is None:
        shape[parameters["axis"]] //= 2
    number = 1 if cotangent is None else 1 + len(others) - len(activation.masks)
    results = [np.empty(shape, x.dtype) for _ in range(number)]
    served = computed(
        activation,
        parameters,
        _NAMES[x.dtype],
        terms[0].shape,
        [term.ctypes.data for term in terms],
        [result.ctypes.data for result in results],
        order=0 if cotangent is None else 1,
        weight_sizes=[weight.size for weight in weights],
    )
    if not served:
        return None
    if axis != -1:
        results = [np.moveaxis(result, -1, axis) for result in results]
    return [result if result.ndim else result[()] for result in results]
