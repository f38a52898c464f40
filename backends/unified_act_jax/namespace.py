"""The `Namespace` of JAX: the functions in which activations are written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from unified_act import special
from unified_act.shapes import every_second, section_length, summed_axes, weight_shape
from unified_act_jax.elementary import again


def _again(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda x: again(function(x))


exp, expm1, log = map(_again, (lax.exp, lax.expm1, lax.log))
sqrt, tanh = _again(lax.sqrt), _again(lax.tanh)
abs, cos, floor, full_like, sin = lax.abs, lax.cos, lax.floor, lax.full_like, lax.sin
logical_and, logical_not, logical_or = jnp.logical_and, jnp.logical_not, jnp.logical_or
pow = jnp.power
concat, cumulative_sum, sort, where = jnp.concatenate, jnp.cumsum, jnp.sort, jnp.where
max, sum = partial(jnp.max, keepdims=True, initial=-jnp.inf), partial(jnp.sum, keepdims=True)
prod = partial(jnp.prod, keepdims=True)
stop_gradient = lax.stop_gradient


def _repeated(function: Callable[[Array], Array], times: int, x: Array) -> Array:
    step = jax.jit(function)  # traced once; a loop would take half as long again to run
    for _ in range(times):
        x = step(x)
    return x


own = {"repeated": _repeated}


@jax.custom_jvp
def log1p(x: Array) -> Array:
    """log(1 + x); XLA's own is up to 128 ULP off in float64, from -0.415 to -0.29."""
    value = again(lax.log1p(x))
    if x.dtype != jnp.float64:
        return value
    near: Array = special.log1p(sys.modules[__name__], x)
    result: Array = where((x > -0.5) & (x < -0.25), near, value)
    return result


log1p.defjvps(lambda tangent, _, x: tangent / (x + 1.0))


def erfc(x: Array) -> Array:
    """Complementary error function; JAX's own is up to 6 ULP off."""
    return times_erfc(full_like(x, 1.0), x)


def times_erfc(factor: Array, x: Array) -> Array:
    """`factor` · erfc(x)."""
    return special.times_erfc(sys.modules[__name__], factor, x)  # type: ignore[no-any-return]


def split(x: Array, sections: int, *, axis: int) -> list[Array]:
    """Splits `x` into equal parts along `axis`."""
    section_length(x.shape, sections, axis)
    return jnp.split(x, sections, axis=axis)


def deinterleave(x: Array, *, axis: int) -> list[Array]:
    """The elements at even places along `axis`, and those at odd ones."""
    section_length(x.shape, 2, axis)
    return [x[every_second(start, axis)] for start in (0, 1)]


def interleave(arrays: Sequence[Array], *, axis: int) -> Array:
    """The elements of both arrays in turn along `axis`."""
    shape = list(arrays[0].shape)
    shape[axis] *= 2
    return jnp.stack(arrays, axis=axis % len(shape) + 1).reshape(shape)


def channel_weight(weight: Array, x: Array, *, axis: int) -> Array:
    """`weight` in a shape that broadcasts to `x`: a vector along `axis`."""
    return weight.reshape(weight_shape(weight.shape, x.shape, axis))


def whole_weight(weight: Array, x: Array) -> Array:
    """`weight`, which broadcasts to `x`, in the shape of `x`."""
    return jnp.broadcast_to(weight, x.shape)


def sum_to_weight(x: Array, weight: Array, *, axis: int) -> Array:
    """The transpose of `channel_weight`: sums `x` over all axes along which `weight` is one."""
    over = summed_axes(weight_shape(weight.shape, x.shape, axis), x.ndim)
    return jnp.sum(x, axis=tuple(over)).reshape(weight.shape)


special.complete(sys.modules[__name__])
