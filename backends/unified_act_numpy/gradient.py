"""Differentiation on NumPy, by analytic derivatives: NumPy has no automatic differentiation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act.activation import Activation
from unified_act.assembly import assemble, pullback_of
from unified_act.backend import check_cotangent
from unified_act.callables import ActivationFunction, bind
from unified_act.errors import UnsupportedError
from unified_act.registry import ACTIVATIONS
from unified_act.shapes import axes_of
from unified_act_numpy import namespace, tables
from unified_act_numpy.blocks import in_blocks
from unified_act_numpy.fused import by_kernel, pulled_back

__all__ = ["merged", "parted", "shared_definition", "value_and_grad"]

Array = NDArray[Any]


def _widen(x: Array) -> Array:
    """Casts 16-bit arrays to float32, so that the result is rounded only once.

    Also, NumPy 1 promotes an array without dimensions when it meets a Python number.
    """
    wide: Array = x.astype(np.float32) if x.dtype.itemsize == 2 else x
    return wide if wide.ndim else wide.reshape(1)


def _narrow(result: Array, like: Array) -> Array:
    """In the type and shape of `like`; without dimensions a scalar, as from NumPy's functions."""
    narrow = result.astype(like.dtype, copy=False)
    return narrow if like.ndim else narrow.reshape(())[()]


def shared_definition(
    activation: Activation,
    parameters: Mapping[str, float],
    otherwise: Callable[..., Array] | None = None,
) -> Callable[..., Array]:
    """Returns the shared definition, which is silent about overflow and the like.

    Kernels compute it where there are some: in one pass over memory, and more accurately.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        otherwise: What serves the arrays that kernels do not; by default the definition does.
    """
    function = assemble(activation, namespace, parameters)

    def value(*inputs: Array) -> Array:
        with np.errstate(all="ignore"):
            return _narrow(function(*map(_widen, inputs)), inputs[0])

    composed = partial(in_blocks, value) if activation.kind.elementwise else value
    return by_kernel(activation, parameters, otherwise or composed)


def value_and_grad(
    function: Callable[..., Array], inputs: Sequence[Array], cotangent: Any
) -> tuple[Array, tuple[Array | None, ...]]:
    """Returns the value and the cotangent of each input, by the analytic derivative."""
    if not isinstance(function, ActivationFunction):
        raise UnsupportedError(
            "NumPy cannot differentiate an arbitrary function: pass one from get_activation."
        )
    activation = ACTIVATIONS.find(function.name)
    axes = function.parameters.get("axis")
    if isinstance(axes, tuple):
        return _value_and_grad_over_axes(activation, function, inputs, cotangent, axes)
    pullback = pullback_of(activation, namespace, function.parameters)
    if pullback is None:
        raise UnsupportedError(
            f"NumPy needs the derivative of {activation.name}: register it with derivative=…"
        )
    value = function(*inputs)
    check_cotangent(cotangent, value, (np.ndarray, np.generic))
    if cotangent is None:
        cotangent = np.ones_like(value)

    if activation.kind.elementwise and value.dtype.itemsize == 2:
        by_table = tables.slope_times(activation, function.parameters, value.dtype.name)
        return value, (by_table(inputs[0], cotangent),)

    def pulled_to_elements(x: Array, cotangent: Array) -> Array:
        return _narrow(pullback(_widen(cotangent), _widen(x))[0], x)

    with np.errstate(all="ignore"):
        by_kernels = pulled_back(activation, function.parameters, inputs, cotangent)
        if by_kernels is not None:
            return value, by_kernels
        if activation.kind.elementwise:
            return value, (in_blocks(pulled_to_elements, *inputs, cotangent),)
        cotangents = pullback(_widen(cotangent), *map(_widen, inputs))
        return value, tuple(
            None if c is None else _narrow(c, x) for c, x in zip(cotangents, inputs, strict=True)
        )


def _value_and_grad_over_axes(
    activation: Activation,
    function: ActivationFunction,
    inputs: Sequence[Array],
    cotangent: Any,
    axes: Sequence[int],
) -> tuple[Array, tuple[Array | None, ...]]:
    """Returns the value and the gradient along several axes, which are made one."""
    x, value = inputs[0], function(*inputs)
    check_cotangent(cotangent, value, (np.ndarray, np.generic))
    own = {**function.parameters, "axis": -1}
    along_last = bind(activation, "numpy", function.numerics, own)
    rows = [merged(array, x, axes) for array in inputs]
    along = None if cotangent is None else merged(cotangent, x, axes)
    _, found = value_and_grad(along_last, rows, along)
    return value, tuple(None if by is None else parted(by, x, axes) for by in found)


def merged(array: Array, x: Array, axes: Sequence[int]) -> Array:
    """Returns an array, broadcast to `x`, with several of its axes as one, the last."""
    moved = np.moveaxis(np.broadcast_to(array, x.shape), axes_of(x.shape, axes), _last(axes))
    kept = moved.shape[: -len(axes)]
    return moved.reshape(*kept, math.prod(moved.shape[len(kept) :]))


def parted(rows: Array, x: Array, axes: Sequence[int]) -> Array:
    """Returns an array in the shape of `x`, of what `merged` made of one."""
    places = axes_of(x.shape, axes)
    shape = np.moveaxis(x, places, _last(axes)).shape
    return np.moveaxis(rows.reshape(shape), _last(axes), places)


def _last(axes: Sequence[int]) -> list[int]:
    return list(range(-len(axes), 0))
