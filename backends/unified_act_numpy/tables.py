"""Elementwise activations in the 16-bit types on NumPy, by table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act.activation import Activation
from unified_act.kernels import Table, gather, table_of
from unified_act_numpy.blocks import in_blocks
from unified_act_numpy.calls import Code, address_of

__all__ = ["by_table", "slope_times"]

Array = NDArray[Any]


def by_table(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    otherwise: Callable[[Array], Array],
    *,
    in_memory: bool = False,
) -> Callable[[Array], Array]:
    """Returns an elementwise activation that looks up its values in a table.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The 16-bit type.
        otherwise: What NumPy does not need here.
        in_memory: As all arrays of NumPy are.
    """
    del otherwise, in_memory
    return _Looked(table_of(activation, parameters, dtype))


class _Looked:
    """The values of a table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __call__(self, x: Array) -> Array:
        """Returns the values at any array."""
        at = self._table.at
        return in_blocks(at, x) if x.ndim else at(np.asarray(x))[()]

    def code(self, dtype: np.dtype[Any]) -> Code | None:
        """Returns what looks up elements by machine code; None if there is none."""
        look_up, values = gather(dtype.name), self._table.values
        if look_up is None:
            return None
        flat = look_up.flat

        def code(x: int, result: int, number: int) -> None:
            entries = values()
            flat(address_of(entries), x, result, number)

        return code


def slope_times(
    activation: Activation, parameters: Mapping[str, Any], dtype: str
) -> Callable[[Array, Array], Array]:
    """Returns ``function(x, cotangent)``: the derivative times it, in float32 and rounded once.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The 16-bit type.
    """
    table = table_of(activation, parameters, dtype)

    def product(x: Array, cotangent: Array) -> Array:
        x, cotangent = np.asarray(x), np.asarray(cotangent)
        found = in_blocks(lambda *parts: table.times(1, *parts), x, cotangent)
        return found if x.ndim else found[()]

    return product
