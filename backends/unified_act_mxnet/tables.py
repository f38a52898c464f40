"""Elementwise activations in the 16-bit types on MXNet, by table."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from unified_act.activation import Activation
from unified_act.kernels import Table, Threads, available_threads, gather, table_of
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

    Machine code, or NumPy, looks up what an array holds on a CPU, fifty times as fast as MXNet
    computes in 16 bits.
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
        place, size = address_of(x.handle), math.prod(x.shape)
        result = empty(x.shape, x)
        _look_up(table, 0, size, address_of(result.handle), place)
        if recorded:
            record([x], result, _pullback(table, _bits(place, size, x).copy()))
        return result

    return call


def _bits(address: int, size: int, owner: Any = None) -> Any:
    return view(address, (size,), np.uint16, owner)


def _pullback(table: Table, bits: Any) -> Callable[[int, Sequence[Target | None]], None]:
    def pull(cotangent: int, targets: Sequence[Target | None]) -> None:
        (target,) = targets
        if target is None:
            return
        if not target.add:
            _look_up(table, 1, bits.size, target.address, bits.ctypes.data, cotangent)
            return
        by_x, total = np.empty_like(bits), _bits(target.address, bits.size)
        _look_up(table, 1, bits.size, by_x.ctypes.data, bits.ctypes.data, cotangent)
        for part in _blocks(bits.size):
            total[part] = narrow(
                wide(total[part], table.dtype) + wide(by_x[part], table.dtype), table.dtype
            )

    return pull


def _look_up(table: Table, order: int, size: int, result: int, x: int, *cotangent: int) -> None:
    """Writes values, or derivatives times a cotangent, of which all arrays are addresses.

    Args:
        table: The table.
        order: 0 or 1.
        size: The number of elements.
        result: Where to write.
        x: The elements.
        *cotangent: With order 1, the cotangent.
    """
    entries = table.slopes() if order else table.values()
    by_machine_code = gather(table.dtype, order)
    if by_machine_code is not None:
        places = (entries.ctypes.data, x, *cotangent, result)
        by_machine_code(*places, count=size, threads=Threads(available_threads()))
        return
    found, index, *given = (_bits(place, size) for place in (result, x, *cotangent))
    for part in _blocks(size):
        entry = np.take(entries, index[part], mode="clip")
        for each in given:
            entry = narrow(entry * wide(each[part], table.dtype), table.dtype)
        found[part] = entry


def _blocks(size: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, size, _BLOCK))


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
