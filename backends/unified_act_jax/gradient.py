"""Differentiation on JAX: analytic derivatives for shared definitions, and `value_and_grad`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from unified_act.activation import Activation
from unified_act.assembly import assemble, pullback_of
from unified_act.backend import check_cotangent
from unified_act.callables import ActivationFunction
from unified_act_jax import kernels, namespace, variant
from unified_act_jax.elementary import again
from unified_act_jax.reuse import reusing

__all__ = ["shared_definition", "value_and_grad", "widen"]

_Function = Callable[..., jax.Array]


def widen(x: jax.Array) -> jax.Array:
    """Casts 16-bit arrays to float32, so that the result is rounded only once."""
    # And never of a weak type, which Python's numbers promote.
    return x.astype(jnp.float32 if x.dtype.itemsize == 2 else x.dtype)


def shared_definition(
    activation: Activation, parameters: Mapping[str, float], *, fast: bool = False
) -> _Function:
    """Returns the shared definition with its analytic first and second derivatives.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        fast: Whether float32 may be computed with absolute errors of an eps.
    """
    chosen = kernels.in_fast(activation) if fast else activation
    quick = variant.FAST if activation.kind.elementwise else variant.JOINT
    single = _definition(chosen, quick if fast else variant.STRICT, parameters)
    double = _definition(activation, namespace, parameters)

    def function(*inputs: jax.Array) -> jax.Array:
        return (double if inputs[0].dtype == jnp.float64 else single)(*inputs)

    function.__name__ = activation.name  # which jaxprs and profiles show
    return function


def _definition(activation: Activation, xp: Any, parameters: Mapping[str, float]) -> _Function:
    function = reusing(assemble(activation, xp, parameters))

    def with_pullback(part: _Function, back: Callable[..., Any]) -> _Function:
        return _with_pullback(part if activation.along_axis else reusing(part), back)

    pullback = pullback_of(activation, xp, parameters, with_pullback)

    def value(*inputs: jax.Array) -> jax.Array:
        result: jax.Array = function(*map(widen, inputs))
        return result.astype(inputs[0].dtype)

    value.__name__ = activation.name
    if pullback is None:
        return value

    def narrow(cotangent: jax.Array, *inputs: jax.Array) -> tuple[jax.Array | None, ...]:
        given = [widen(x) for x in inputs]
        if not activation.along_axis:  # else both need the sum of a row
            # For what they share XLA would make an array.
            given = [x if x.dtype == bool else again(x) for x in given]
        wide = pullback(widen(cotangent), *given)
        pairs = zip(wide, inputs, strict=True)
        return tuple(None if c is None else c.astype(x.dtype) for c, x in pairs)

    return _with_pullback(value, narrow)


def _with_pullback(
    function: _Function, pullback: Callable[..., tuple[jax.Array | None, ...]]
) -> _Function:
    """Returns `function` with this pullback for its derivative, in both modes.

    A pullback is linear in the cotangent. JAX turns it round to carry tangents forward, and turns
    that back again to differentiate in reverse.
    """
    differentiable = jax.custom_jvp(function)

    @partial(differentiable.defjvp, symbolic_zeros=True)
    def rule(inputs: Sequence[Any], tangents: Sequence[Any]) -> tuple[jax.Array, jax.Array]:
        value = differentiable(*inputs)
        # What stands still, such as a mask, is left out: 0 times an infinite slope would be NaN.
        moving = [i for i, t in enumerate(tangents) if not isinstance(t, SymbolicZero)]

        def back(cotangent: jax.Array) -> list[jax.Array | None]:
            found = pullback(cotangent, *inputs)
            return [jnp.zeros_like(inputs[i]) if found[i] is None else found[i] for i in moving]

        (tangent,) = jax.linear_transpose(back, value)([tangents[i] for i in moving])
        return value, tangent

    return differentiable


def value_and_grad(
    function: Callable[..., Any], inputs: Sequence[jax.Array], cotangent: Any
) -> tuple[Any, tuple[Any, ...]]:
    """Returns the value and the cotangent of each input, by reverse-mode differentiation."""
    if cotangent is not None and not isinstance(cotangent, jax.Array):
        check_cotangent(cotangent, jax.eval_shape(function, *inputs), jax.Array)
    if isinstance(function, ActivationFunction):
        # Compiled for later calls, which there may not be of any other function.
        return _compiled(function.func, inputs, cotangent)  # type: ignore[no-any-return]
    return _value_and_grad(function, inputs, cotangent)


def _value_and_grad(
    function: Callable[..., Any], inputs: Sequence[jax.Array], cotangent: Any
) -> tuple[Any, tuple[Any, ...]]:
    value, pullback = jax.vjp(function, *inputs)
    check_cotangent(cotangent, value, jax.Array)
    if cotangent is None:
        cotangent = jnp.ones_like(value)
    found = zip(pullback(cotangent), inputs, strict=True)
    return value, tuple(None if x.dtype == bool else c for c, x in found)


_compiled = jax.jit(_value_and_grad, static_argnums=0)
