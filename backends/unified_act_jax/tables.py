"""Elementwise activations in the 16-bit types on JAX, by table."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from unified_act.activation import Activation
from unified_act.assembly import derivatives_of
from unified_act.kernels import Table, table_of
from unified_act_jax import namespace
from unified_act_jax.gradient import widen

__all__ = ["by_table"]

_Function = Callable[..., jax.Array]


def by_table(
    activation: Activation, parameters: Mapping[str, Any], dtype: str, shared: _Function
) -> _Function:
    """Returns an elementwise activation that looks up its values and derivatives in a table.

    The table is a constant of what is compiled.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The 16-bit type.
        shared: The shared definition.
    """
    table = table_of(activation, parameters, dtype)

    def value(x: jax.Array) -> jax.Array:
        return _entry(table, 0, x)

    value.__name__ = activation.name  # which jaxprs and profiles show
    differentiable = jax.custom_jvp(value)
    slope = _slope(table)

    @differentiable.defjvp
    def rule(inputs: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
        (x,), (tangent,) = inputs, tangents
        if slope is None:  # JAX differentiates the definition
            return differentiable(x), jax.jvp(shared, inputs, tangents)[1]
        return differentiable(x), (slope(x) * widen(tangent)).astype(x.dtype)

    return jax.jit(differentiable)


def _slope(table: Table) -> _Function | None:
    """Returns the derivative, in float32; its own derivative is in the table too."""
    derivative, second = derivatives_of(table.activation, namespace, table.parameters)
    if derivative is None:
        return None

    if second is None:
        return _with_operations(lambda x: _entry(table, 1, x), derivative)
    curvature = _with_operations(lambda x: _entry(table, 2, x), second)

    @jax.custom_jvp
    def slope(x: jax.Array) -> jax.Array:
        return _entry(table, 1, x)

    @slope.defjvp
    def rule(inputs: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
        return slope(*inputs), curvature(*inputs) * widen(*tangents)

    return slope


def _with_operations(function: _Function, definition: _Function) -> _Function:
    """Returns `function`, which is differentiated as its definition in float32 is."""
    differentiable = jax.custom_jvp(function)

    @differentiable.defjvp
    def rule(inputs: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
        wide = jax.jvp(definition, (widen(*inputs),), (widen(*tangents),))
        return differentiable(*inputs), wide[1]

    return differentiable


def _entry(table: Table, order: int, x: jax.Array) -> jax.Array:
    """The entries of a table at `x`: values in its type, derivatives in float32."""
    bits = jax.lax.bitcast_convert_type(x, jnp.uint16)
    entries = table.slopes(order) if order else table.values()
    pieces = _pieces(entries, table.dtype)
    if pieces is None:
        found = jnp.asarray(entries).at[bits].get(mode="promise_in_bounds")
    else:
        found = _chosen(pieces, bits, entries.dtype)
    return found if order else jax.lax.bitcast_convert_type(found, x.dtype)


# A function that only chooses among its input and a few numbers, as relu and the slopes of many do,
# is quicker by comparisons than by a table. They compare the bits: XLA takes subnormal numbers for
# 0.

_BITS = np.arange(1 << 16, dtype=np.uint16)
_INFINITY = {"float16": 0x7C00, "bfloat16": 0x7F80}
"""The bits of infinity; those of a NaN are larger, but for the sign."""
_MOST_PIECES = 5


class _Piece(NamedTuple):
    """A part of the number line.

    Attributes:
        end: The first place beyond it; `_place` says which number has which.
        entry: The entry of the table that all of it has; None if each number is its own.
    """

    end: int
    entry: Any


def _place(signed: Any) -> Any:
    """The place of a 16-bit number, whose bits are given as an integer, among all: from -NaN on."""
    return signed ^ ((signed >> 15) & 0x7FFF)


@functools.cache
def _in_order() -> NDArray[np.intp]:
    """The bits of all numbers, in the order of their places."""
    return np.argsort(_place(_BITS.view(np.int16)))


def _pieces(entries: NDArray[Any], dtype: str) -> list[_Piece] | None:
    """Returns the pieces, in increasing order, of which a table is made; None if they are many."""
    order = _in_order()
    given, entries = _BITS[order], entries[order]
    found = entries.view(f"u{entries.itemsize}")  # of floats, which tell no NaN from another
    no_number = (given & 0x7FFF) > _INFINITY[dtype]
    own = given == found
    if entries.dtype == np.uint16:  # a NaN of another kind is one as well
        own |= no_number & ((found & 0x7FFF) > _INFINITY[dtype])
    pieces: list[_Piece] = []
    start = 0
    while start < len(given):
        if len(pieces) == _MOST_PIECES:
            return None
        alike, kept = _run(found[start:] == found[start]), _run(own[start:])
        start += max(alike, kept)
        entry = None if kept >= alike else entries[start - 1]
        pieces.append(_Piece(start - len(given) // 2, entry))
    return pieces


def _run(holds: NDArray[np.bool_]) -> int:
    """How many are true before the first that is not."""
    return len(holds) if holds.all() else int(holds.argmin())


def _chosen(pieces: Sequence[_Piece], bits: jax.Array, dtype: Any) -> jax.Array:
    """The entries of a table that is made of pieces."""
    place = _place(jax.lax.bitcast_convert_type(bits, jnp.int16))
    parts = [
        bits if piece.entry is None else jnp.full_like(bits, piece.entry, dtype) for piece in pieces
    ]
    found = parts[-1]
    for piece, part in zip(pieces[-2::-1], parts[-2::-1], strict=True):
        found = jnp.where(place < piece.end, part, found)
    return found
