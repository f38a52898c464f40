"""JAX behind the interface of the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from unified_act.activation import Activation
from unified_act.backend import (
    DTYPES,
    Native,
    Numerics,
    check_further,
    dtype_test,
    input_error,
    kernel_for,
    seed_or_generator,
    shortcut,
    with_generator,
    with_keywords,
)
from unified_act.errors import InputTypeError
from unified_act.shapes import with_shape_check
from unified_act_jax import gradient
from unified_act_jax.native import NATIVE

__all__ = ["JaxBackend"]

_TYPES = {name: jnp.dtype(name) for name in DTYPES}


class JaxBackend:
    """The backend ``"jax"``. Setting ``jax_enable_x64``, for float64, is left to the user."""

    name = "jax"
    dtypes: Sequence[str] = DTYPES
    native: Mapping[str, Native] = NATIVE
    types: Sequence[type] = (jax.Array,)

    def accepts(self, array_type: type) -> bool:
        """Whether `array_type` is an array, or stands for one while a function is traced."""
        return issubclass(array_type, (jax.Array, jax.core.Tracer))

    def implement(
        self, activation: Activation, parameters: Mapping[str, float], numerics: Numerics
    ) -> Callable[..., jax.Array]:
        """Returns the function that computes `activation`, compiled once for each shape."""
        shared = gradient.shared_definition(activation, parameters)
        by_name = dict.fromkeys(DTYPES, _compiled(shared, activation, parameters))
        kernel = kernel_for(self.name, self.native, activation, numerics)
        arguments = None if kernel is None else kernel.arguments(parameters)
        if kernel is not None and arguments is not None:
            own = with_keywords(kernel.find(jax), arguments)
            check = with_shape_check if kernel.is_override else _compiled
            by_name |= dict.fromkeys(kernel.dtypes, check(own, activation, parameters))
        single = len(activation.inputs_for(parameters)) == 1
        checked = _checked(activation, {_TYPES[name]: by_name[name] for name in DTYPES}, single)
        if single:
            short = [name for name in DTYPES if by_name[name] is by_name["float32"]]
            # An array of NumPy has a dtype, but no aval; and to ask that is faster than to ask x.
            test = dtype_test(short).replace("x.dtype", "x.aval.dtype")
            return shortcut(
                test, "function(x)", checked, {"function": by_name["float32"], **_TYPES}
            )
        if activation.kind != "stochastic":
            return checked
        noise = lambda array: _has_type(array, *_TYPES.values())  # a key is an array as well
        return with_generator(activation.name, checked, self.uniform_like, noise)

    def uniform_like(self, x: jax.Array, generator: int | jax.Array) -> jax.Array:
        """Random numbers between 0 and 1 in the shape of `x`, by a seed or a key of JAX."""
        source = seed_or_generator(generator, jax.Array)
        key = source if isinstance(source, jax.Array) else jax.random.key(source)
        dtype = jnp.float32 if x.dtype.itemsize == 2 else x.dtype
        return jnp.maximum(jax.random.uniform(key, x.shape, dtype), 2.0**-25)

    def value_and_grad(
        self, function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Returns the value and the cotangent of each input."""
        for x in inputs:
            if not _has_type(x, *_TYPES.values(), bool):
                raise _wrong_input("value_and_grad", x)
        return gradient.value_and_grad(function, inputs, cotangent)


def _compiled(
    function: Callable[..., jax.Array], activation: Activation, parameters: Mapping[str, float]
) -> Callable[..., jax.Array]:
    """Returns `function`, compiled, with a dimension added where it is due and there is none.

    Shapes are checked once for each, when it is traced. Not compiled, jax.nn.relu and others would
    do part of their work in Python.
    """

    def of_rows(*inputs: jax.Array) -> jax.Array:
        if inputs[0].ndim:
            return function(*inputs)
        return function(*[x[None] for x in inputs])[0]

    keeps_shape = activation.along_axis and not activation.resizes
    checked = with_shape_check(of_rows if keeps_shape else function, activation, parameters)
    if checked is not function:
        checked.__name__ = activation.name  # which jaxprs and profiles show
    return jax.jit(checked)


def _checked(
    activation: Activation, by_dtype: Mapping[Any, Callable[..., jax.Array]], single: bool
) -> Callable[..., jax.Array]:
    """Returns a function that picks the implementation by dtype, which is also the type check."""

    def call(x: jax.Array, *further: Any) -> jax.Array:
        if not _has_type(x, *by_dtype):
            raise _wrong_input(activation.name, x)
        if not single:
            allowed = {"mask": (bool,), "weight": (x.dtype,), "noise": (x.dtype, jnp.float32)}
            check_further(activation, x, further, lambda role, a: _has_type(a, *allowed[role]))
        return by_dtype[x.dtype](x, *further)

    return call


def _has_type(x: Any, *dtypes: Any) -> bool:
    return isinstance(x, jax.Array) and any(x.dtype == dtype for dtype in dtypes)


def _wrong_input(name: str, x: Any) -> InputTypeError:
    if not isinstance(x, jax.Array):
        return input_error(name, "a jax.Array", x, "jnp.asarray(x, dtype=jnp.float32)")
    return InputTypeError(
        f"{name}: expected a floating-point array, got {x.dtype}. "
        "Cast it first, for example with x.astype(jnp.float32)."
    )
