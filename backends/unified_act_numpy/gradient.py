"""Differentiation on NumPy, by analytic derivatives: NumPy has no automatic differentiation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act.activation import Activation
from unified_act.assembly import assemble, pullback_of
from unified_act.backend import check_cotangent
from unified_act.callables import ActivationFunction
from unified_act.errors import UnsupportedError
from unified_act.registry import ACTIVATIONS
from unified_act_numpy import namespace

__all__ = ["shared_definition", "value_and_grad"]

Array = NDArray[Any]

_BLOCK = 65_536
"""So many elements at a time: what lies between two operations stays in the processor's cache. Of a
million elements gelu takes half the time."""


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


def _in_blocks(function: Callable[..., Array], *arrays: Array) -> Array:
    """Applies a function of single elements to arrays of one shape, large ones block by block.

    The result has the type of the first array, and the layout that NumPy's functions give it.
    """
    like = arrays[0]
    if like.size <= _BLOCK or any(type(array) is not np.ndarray for array in arrays):
        return function(*arrays)
    # NumPy's iterator goes through memory in order, whatever the axes are, copies what is not
    # contiguous into its buffer, and lays out the result as NumPy's functions do.
    operands: Any = [*arrays, None]
    read_all_write_last: Any = [["readonly"]] * len(arrays) + [["writeonly", "allocate"]]
    blocks = np.nditer(
        operands,
        flags=["buffered", "external_loop", "growinner"],
        op_flags=read_all_write_last,
        op_dtypes=[*(array.dtype for array in arrays), like.dtype],
        buffersize=_BLOCK,
    )
    with blocks:
        for *parts, filled in blocks:
            for start in range(0, filled.size, _BLOCK):
                block = slice(start, start + _BLOCK)
                filled[block] = function(*(part[block] for part in parts))
        result: Array = blocks.operands[-1]
    return result


def shared_definition(
    activation: Activation, parameters: Mapping[str, float]
) -> Callable[..., Array]:
    """Returns the shared definition, which is silent about overflow and the like."""
    function = assemble(activation, namespace, parameters)

    def value(*inputs: Array) -> Array:
        with np.errstate(all="ignore"):
            return _narrow(function(*map(_widen, inputs)), inputs[0])

    return partial(_in_blocks, value) if activation.kind.elementwise else value


def value_and_grad(
    function: Callable[..., Array], inputs: Sequence[Array], cotangent: Any
) -> tuple[Array, tuple[Array | None, ...]]:
    """Returns the value and the cotangent of each input, by the analytic derivative."""
    if not isinstance(function, ActivationFunction):
        raise UnsupportedError(
            "NumPy cannot differentiate an arbitrary function: pass one from get_activation."
        )
    activation = ACTIVATIONS.find(function.name)
    pullback = pullback_of(activation, namespace, function.parameters)
    if pullback is None:
        raise UnsupportedError(
            f"NumPy needs the derivative of {activation.name}: register it with derivative=…"
        )
    value = function(*inputs)
    check_cotangent(cotangent, value, (np.ndarray, np.generic))
    if cotangent is None:
        cotangent = np.ones_like(value)

    def pulled_to_elements(x: Array, cotangent: Array) -> Array:
        return _narrow(pullback(_widen(cotangent), _widen(x))[0], x)

    with np.errstate(all="ignore"):
        if activation.kind.elementwise:
            return value, (_in_blocks(pulled_to_elements, *inputs, cotangent),)
        cotangents = pullback(_widen(cotangent), *map(_widen, inputs))
        return value, tuple(
            None if c is None else _narrow(c, x) for c, x in zip(cotangents, inputs, strict=True)
        )
