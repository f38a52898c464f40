"""Elementwise activations in the 16-bit types on MXNet, by table."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from unified_act.activation import Activation
from unified_act.kernels import Table, table_of
from unified_act_mxnet._framework import mx
from unified_act_mxnet.guards import address_of, empty, is_plain, view
from unified_act_mxnet.recording import Target, record

__all__ = ["by_table", "narrow", "wide"]

_BLOCK = 2**16
"""So many elements at a time stay in the processor's cache."""


def by_table(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    shared: Callable[..., Any],
) -> Callable[..., Any]:
    """Returns an elementwise activation that looks up its values and derivatives in a table.

    NumPy looks up what an array holds on a CPU, fifty times as fast as MXNet computes in 16 bits.
    Symbols, and so hybridized blocks, get the shared definition.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The 16-bit type.
        shared: The shared definition.
    """
    table = table_of(activation, parameters, dtype)

    def call(x: Any) -> Any:
        recorded = mx.autograd.is_recording()
        if not is_plain(x) or (recorded and not table.orders):
            return shared(x)
        x.wait_to_read()
        bits = _bits(address_of(x.handle), math.prod(x.shape), x)
        result = empty(x.shape, x)
        _bits(address_of(result.handle), bits.size, result)[...] = table.at(bits)
        if recorded:
            record([x], result, _pullback(table, bits.copy()))
        return result

    return call


def _bits(address: int, size: int, owner: Any = None) -> Any:
    return view(address, (size,), np.uint16, owner)


def _pullback(table: Table, bits: Any) -> Callable[[int, Sequence[Target | None]], None]:
    def pull(cotangent: int, targets: Sequence[Target | None]) -> None:
        (target,) = targets
        if target is None:
            return
        slopes, given = table.slopes(), _bits(cotangent, bits.size)
        found = _bits(target.address, bits.size)
        for start in range(0, bits.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            product = np.take(slopes, bits[part], mode="clip") * wide(given[part], table.dtype)
            by_x = narrow(product, table.dtype)
            if target.add:
                total = wide(found[part], table.dtype) + wide(by_x, table.dtype)
                by_x = narrow(total, table.dtype)
            found[part] = by_x

    return pull


def wide(bits: Any, dtype: str) -> Any:
    """The numbers of a 16-bit type in float32."""
    if dtype == "float16":
        return np.take(_numbers_of_float16(), bits, mode="clip")
    return (bits.astype(np.uint32) << 16).view(np.float32)


@functools.cache
def _numbers_of_float16() -> Any:
    """All of them, in the order of their bits: to look them up takes NumPy less than a cast."""
    return np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)


def narrow(numbers: Any, dtype: str) -> Any:
    """The bits of the nearest numbers of a 16-bit type."""
    if dtype == "float16":
        return numbers.astype(np.float16).view(np.uint16)
    bits = numbers.view(np.uint32)
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
    return np.where(np.isnan(numbers), 0x7FC0, rounded).astype(np.uint16)
