"""Formulas for XLA in the place of those of the catalogue, for the profile ``fast`` in float32.

An error of less than one eps does not count there, so that some take fewer operations.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from unified_act.activation import Activation
from unified_act.catalogue.gaussian import CONSTANT_FROM, tanh_argument
from unified_act.special import Crossover
from unified_act_jax.elementary import again, exp_by_roots

__all__ = ["in_fast"]

_TANH_EXP_IS_ONE: Crossover = 7.0
_LOWEST = float(np.finfo(np.float32).min)


def _telu_derivative(xp: Any, x: Array) -> Any:
    near = xp.where(x < -100.0, -100.0, xp.where(x > 100.0, 100.0, x))
    u = xp.exp(xp.where(x > _TANH_EXP_IS_ONE, _TANH_EXP_IS_ONE, x))
    decay = xp.exp(u * -2.0)
    inverse = again(1.0 / (decay + 1.0))
    return ((1.0 - decay) + near * u * decay * 4.0 * inverse) * inverse


def _gelu_tanh(xp: Any, x: Array) -> Any:
    near = xp.where(x < -CONSTANT_FROM, -CONSTANT_FROM, x)  # -infinity · 0 would be NaN
    return near / (xp.exp(-tanh_argument(xp, x)[0]) + 1.0)


def _shifted_softplus(xp: Any, x: Array) -> Any:
    size = xp.abs(x)
    # log((1 + e)/2), which has its sign, and is 0 at 0.
    return xp.where(x > 0.0, x, 0.0) + xp.log((xp.exp(-size) + 1.0) * 0.5)


def _hard_silu(xp: Any, x: Array) -> Any:
    return xp.where(x <= -3.0, 0.0, x * (jnp.minimum(x + 3.0, 6.0) * (1.0 / 6.0)))


def _hard_mish(xp: Any, x: Array) -> Any:
    return xp.where(x <= -2.0, 0.0, x * (jnp.minimum(x + 2.0, 2.0) * 0.5))


_GATE_IS_SHUT: Crossover = 1600.0
"""exp(-z) is 0 from here on, whatever it is multiplied by."""


def _steepened(x: Array, beta: Array) -> Any:
    return jnp.where(beta == 0.0, 0.0, x * beta)  # not 0 · infinity


def _silu_beta(xp: Any, x: Array, beta: Array) -> Any:
    z = _steepened(x, beta)
    first, second, e = exp_by_roots(xp.abs(z))
    near = xp.where(z < -_GATE_IS_SHUT, -1.0, x)  # not infinity · 0
    return xp.where(z < 0.0, near * first * second, x) / (e + 1.0)


def _silu_beta_derivative(xp: Any, x: Array, beta: Array) -> tuple[Array, Array]:
    z = xp.clip(_steepened(x, beta), -_GATE_IS_SHUT, _GATE_IS_SHUT)
    first, second, e = exp_by_roots(xp.abs(z))
    numerator = xp.where(z < 0.0, (z + 1.0 + e) * first * second, z * e + e + 1.0)
    near = xp.where(xp.abs(z) == _GATE_IS_SHUT, 1.0, x)
    opened = (e + 1.0) * (e + 1.0)
    # Both have a quotient of their own: for one that they share XLA would make an array.
    return numerator / opened, near * first * (near * second / opened)


@jax.custom_jvp
def _bell(x: Array) -> Array:
    return lax.exp(-(x * x))


# Of the value itself, which costs no other exponential.
_bell.defjvps(
    lambda tangent, value, x: tangent * (jnp.where(lax.abs(x) > 30.0, 0.0, x) * -2.0 * value)
)


def _gaussian(xp: Any, x: Array) -> Any:
    del xp
    return _bell(x)


def _maxout(xp: Any, x: Array, *, groups: int, axis: int) -> Any:
    return functools.reduce(lax.max, xp.split(x, groups, axis=axis))


def _masked_log_softmax(xp: Any, x: Array, mask: Array, *, axis: int) -> Any:
    # Of what does not count all is finite. Any look at the maxima of rows afterwards would make
    # XLA compute them by one element at a time.
    counted = xp.where(mask, x, _LOWEST)
    shifted = counted - xp.stop_gradient(xp.max(counted, axis=axis))
    total = xp.sum(xp.where(mask, xp.exp(shifted), 0.0), axis=axis)
    return xp.where(mask, shifted - xp.log(total), -math.inf)


_PARTS: Mapping[str, Mapping[str, Callable[..., Any] | None]] = {
    "gaussian": {"forward": _gaussian, "derivative": None},
    "gelu_tanh": {"forward": _gelu_tanh},
    "hard_mish": {"forward": _hard_mish},
    "hard_silu": {"forward": _hard_silu},
    "masked_log_softmax": {"forward": _masked_log_softmax},
    "maxout": {"forward": _maxout},
    "shifted_softplus": {"forward": _shifted_softplus},
    "silu_beta": {"forward": _silu_beta, "derivative": _silu_beta_derivative},
    "telu": {"derivative": _telu_derivative},
}


def in_fast(activation: Activation) -> Activation:
    """Returns an activation with its formulas for the profile ``fast``."""
    parts: Any = _PARTS.get(activation.name, {})
    return replace(activation, **parts)
