"""Elementwise activations in the 16-bit types on JAX, by table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

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
    entries = jnp.asarray(table.slopes(order) if order else table.values())
    index = jax.lax.bitcast_convert_type(x, jnp.uint16)
    found = entries.at[index].get(mode="promise_in_bounds")
    return found if order else jax.lax.bitcast_convert_type(found, x.dtype)
