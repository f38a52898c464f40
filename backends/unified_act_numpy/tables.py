"""Elementwise activations in the 16-bit types on NumPy, by table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act.activation import Activation
from unified_act.kernels import table_of
from unified_act_numpy.blocks import in_blocks

__all__ = ["by_table", "slope_times"]

Array = NDArray[Any]


def by_table(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    shared: Callable[[Array], Array],
) -> Callable[[Array], Array]:
    """Returns an elementwise activation that looks up its values in a table.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The 16-bit type.
        shared: The shared definition, which NumPy does not need here.
    """
    del shared
    table = table_of(activation, parameters, dtype)

    def value(x: Array) -> Array:
        return in_blocks(partial(_looked_up, table.values()), x)

    return value


def slope_times(
    activation: Activation, parameters: Mapping[str, Any], dtype: str
) -> Callable[[Array, Array], Array]:
    """Returns ``function(x, cotangent)``: the derivative times it, in float32 and rounded once.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The 16-bit type.
    """
    slopes = table_of(activation, parameters, dtype).slopes()

    def product(x: Array, cotangent: Array) -> Array:
        return (_looked_up(slopes, x) * cotangent.astype(np.float32)).astype(x.dtype)

    return product


def _looked_up(entries: Array, x: Array) -> Array:
    """The entries for `x`, in memory as it is; 16 bits of them are its type."""
    bits = x.view(np.uint16)
    if not x.ndim:
        found: Array = entries[bits]
        return found.view(x.dtype) if entries.itemsize == 2 else found
    result = np.empty_like(x, x.dtype if entries.itemsize == 2 else entries.dtype)
    np.take(entries, bits, out=result.view(entries.dtype), mode="clip")
    return result
