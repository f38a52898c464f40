"""Elementary functions for XLA: in few operations, of which it makes a single loop of vector code.

XLA never computes an expensive operation twice, such as an exponential or a quotient. If two
operations use its result, and it depends on the input in two ways, XLA writes it into an array: the
one for the result of everything, where there is room. What reads and writes that same array runs
element by element, 10 to 70 times slower. What comes out of `again` is cheap.

The other functions here are for float32. They take 2ⁿ from the bits of n, which the last bits of a
number hold after `_ROUNDER` is added to it.
"""

from __future__ import annotations

import math
import struct

import jax
import jax.numpy as jnp
from jax import Array, lax

from unified_act.special import Crossover, polynomial

__all__ = [
    "ERFC_SLOPE",
    "again",
    "exp_by_roots",
    "expm1",
    "log1p",
    "split_exp",
    "square_exp",
    "tanh",
    "times_erfc",
    "times_gate",
    "times_gelu",
    "times_gelu_slope",
    "times_slope",
]

_LN2_HIGH = 709.0 / 1024.0
"""The first 10 bits of ln(2), which times n is exact. The rest is positive too: -0 - 0 is -0."""
_LN2_LOW = math.log(2.0) - _LN2_HIGH
_ROUNDER = 1.5 * 2.0**23
"""Added to a number below 2²² it leaves the nearest integer in the last bits."""
(_ROUNDER_BITS,) = struct.unpack("<i", struct.pack("<f", _ROUNDER))
_BIAS, _MANTISSA = 127, 23
_HEAD = -(2**12)
"""A mask for the first 12 bits of a number, whose square is exact."""

_EXPM1 = (
    1.0,
    0.5000000013463886,
    0.1666650521114506,
    0.041666464944505696,
    0.00836915395971191,
    0.0013933647862928863,
)
"""expm1(r)/r for |r| ≤ 0.3466, interpolated at Chebyshev nodes: within 2.6e-8."""
_EXPM1_END = (-20.0, 89.0)
"""exp(x) - 1 is -1 below, and infinite above."""

_LOG = (
    0.33333331174,
    -0.24999993993,
    0.20000714765,
    -0.16668057665,
    0.14249322787,
    -0.12420140846,
    0.11676998740,
    -0.11514610310,
    0.070376836292,
)
"""(log(1 + f) - f + f²/2)/f³ between the square roots of ½ and 2, as Cephes has it."""
(_ROOT_HALF_BITS,) = struct.unpack("<i", struct.pack("<f", math.sqrt(0.5)))

_ERFCX_OVER = (
    1.0,
    1.2570618391036987,
    0.7511850595474243,
    0.2385629117488861,
    0.034756939858198166,
)
_ERFCX_UNDER = (
    1.0,
    2.385441541671753,
    2.4428563117980957,
    1.3619167804718018,
    0.42285969853401184,
    0.06160465627908707,
)
"""exp(z²)·erfc(z) is the quotient of the two within 2.1e-8, for z from 0 to `_SQUARE_END`. Found by
least squares, with weights that grew where the error was largest. Every coefficient is positive, so
that nothing cancels, and near 0 little is rounded."""
ERFC_SLOPE = -2.0 / math.sqrt(math.pi)
"""The derivative of erfc at 0."""
_SQUARE_END: Crossover = 13.2
"""exp(-z²) is 0 from here on beside the largest number."""
_EXP_END: Crossover = 176.0
"""So is exp(-x)."""
_FAR = -100
"""Where a power of 2 becomes two factors."""


@jax.custom_jvp
def again(x: Array) -> Array:
    """`x`, as an operation that XLA may compute twice, and does not look through.

    LLVM does, so that it costs nothing.
    """
    bits = lax.bitcast_convert_type(x, jnp.int32 if x.dtype == jnp.float32 else jnp.int64)
    flip = lax.full_like(bits, 1)
    return lax.bitcast_convert_type((bits ^ flip) ^ flip, x.dtype)


again.defjvp(lambda inputs, tangents: (again(*inputs), *tangents))


def _bits(x: Array) -> Array:
    return lax.bitcast_convert_type(x, jnp.int32)


def _power(n: Array) -> Array:
    """2ⁿ."""
    return lax.bitcast_convert_type((n + _BIAS) << _MANTISSA, jnp.float32)


def _exp_parts(x: Array, rest: Array | None = None) -> tuple[Array, Array]:
    """The whole n and exp(r) - 1, with x + rest = n ln(2) + r."""
    shifted = again(x * (1.0 / math.log(2.0)) + _ROUNDER)  # XLA would subtract nothing from it
    n = shifted - _ROUNDER
    r = x - n * _LN2_HIGH - n * _LN2_LOW
    r = r if rest is None else r + rest
    return _bits(shifted) - _ROUNDER_BITS, r * polynomial(r, _EXPM1)


@jax.custom_jvp
def expm1(x: Array) -> Array:
    """exp(x) - 1, within 2.1 ULP; XLA's own is up to 6 ULP off, and takes twice as long."""
    low, high = _EXPM1_END
    n, small = _exp_parts(jnp.where(x < low, low, jnp.where(x > high, high, x)))
    half = _power(n - 1)  # 2ⁿ may be infinite
    far = 2.0 * (half * small + (half - 0.5))
    return jnp.where(n == 0, small, far)  # which has the sign of a zero


expm1.defjvps(lambda tangent, _, x: tangent * again(lax.exp(x)))


@jax.custom_jvp
def log1p(x: Array) -> Array:
    """log(1 + x), within 1.3 ULP; XLA's own is up to 2.5 ULP off, and takes twice as long."""
    total = again(x + 1.0)  # 2ⁿ(1 + f), and what the sum has lost
    bits = _bits(total)
    n = (bits - _ROOT_HALF_BITS) >> _MANTISSA
    share = lax.bitcast_convert_type(bits - (n << _MANTISSA), jnp.float32)
    f = share - 1.0 + (x - (total - 1.0)) * _power(-jnp.minimum(n, _BIAS))
    whole = n.astype(jnp.float32)
    value = f + f * f * (f * polynomial(f, _LOG) - 0.5)
    value = value + whole * _LN2_LOW + whole * _LN2_HIGH
    # Of 0, infinity and NaN it is these themselves.
    end = jnp.where(x > -1.0, x, jnp.where(x == -1.0, -jnp.inf, jnp.nan))
    result: Array = jnp.where((x > -1.0) & (x < jnp.inf) & (x != 0.0), value, end)
    return result


log1p.defjvps(lambda tangent, _, x: tangent / (x + 1.0))


@jax.custom_jvp
def tanh(x: Array) -> Array:
    """Hyperbolic tangent, within 2.5 ULP; XLA's own is up to 5 ULP off."""
    decay = expm1(lax.abs(x) * -2.0)
    # One quotient, since XLA takes no branch.
    return again(jnp.where(x > 0.0, -decay, jnp.where(x < 0.0, decay, x)) / (decay + 2.0))


def _tanh_tangent(tangent: Array, _: Array, x: Array) -> Array:
    e = again(lax.exp(lax.abs(x) * -2.0))
    return tangent * again(e * 4.0 / ((e + 1.0) * (e + 1.0)))


tanh.defjvps(_tanh_tangent)


@jax.custom_jvp
def split_exp(size: Array) -> tuple[Array, Array]:
    """exp(-size) for size ≥ 0 as two factors, the second of which is 1 as long as it can be."""
    n, small = _exp_parts(-jnp.where(size > _EXP_END, _EXP_END, size))
    first = jnp.where(n < _FAR, n >> 1, n)
    return (small + 1.0) * _power(first), _power(n - first)


@split_exp.defjvp
def _split_exp_jvp(
    inputs: tuple[Array], tangents: tuple[Array]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    first, second = split_exp(*inputs)
    return (first, second), (-first * tangents[0], lax.full_like(second, 0.0))


def exp_by_roots(size: Array) -> tuple[Array, Array, Array]:
    """exp(-size) for size ≥ 0 as two factors, and by itself."""
    first, second = split_exp(size)
    return first, second, first * second


_GATE_END: Crossover = 1600.0
"""exp(-x) is 0 from here on beside the largest number."""


def times_gate(value: Array, gate: Array, z: Array) -> Array:
    """`value` · `gate` · sigmoid(z), for a `gate` that has the sign of z, with one quotient."""
    first, second, e = exp_by_roots(lax.abs(z))
    is_shut = z < 0.0
    shut = jnp.where(z < -_GATE_END, -1.0, jnp.where(is_shut, gate, 0.0))  # not infinity · 0
    share = jnp.where(is_shut, shut * first, gate) / (e + 1.0)
    return jnp.where(is_shut, value * second, value) * share


def times_slope(value: Array, z: Array, w: Array) -> Array:
    """`value` · (sigmoid(z) + w·sigmoid′(z)), with one quotient."""
    first, second, e = exp_by_roots(lax.abs(z))
    is_shut = z < 0.0
    numerator = jnp.where(is_shut, (w + 1.0 + e) * first, w * e + e + 1.0)
    return jnp.where(is_shut, value * second, value) * (numerator / ((e + 1.0) * (e + 1.0)))


@jax.custom_jvp
def square_exp(factor: Array, z: Array) -> Array:
    """`factor` · exp(-z²), without the error of rounding z²."""
    return _square_exp(factor, _bounded(z))


square_exp.defjvps(
    lambda tangent, _, factor, z: tangent * square_exp(lax.full_like(z, 1.0), z),
    lambda tangent, value, factor, z: tangent * (value * z * -2.0),
)


def _bounded(z: Array) -> Array:
    size = lax.abs(z)
    return jnp.where(size > _SQUARE_END, _SQUARE_END, size)


def _square_exp(factor: Array, size: Array, raised: Array | int = 0) -> Array:
    """`factor` · exp(-size²) · 2^`raised`."""
    head = lax.bitcast_convert_type(_bits(size) & _HEAD, jnp.float32)
    n, small = _exp_parts(-(head * head), (head - size) * (head + size))
    n = n + raised
    half = n >> 1
    return (factor + factor * small) * _power(half) * _power(n - half)


@jax.custom_jvp
def times_erfc(factor: Array, z: Array) -> Array:
    """`factor` · erfc(z), within 5 ULP, which is less than rounding z costs where it is so much."""
    size, negative = _bounded(z), z < 0.0
    quotient = again(polynomial(size, _ERFCX_OVER) / polynomial(size, _ERFCX_UNDER))
    upper = _square_exp(quotient * jnp.where(negative, 1.0, factor), size)
    return jnp.where(negative, factor * (2.0 - upper), upper)


times_erfc.defjvps(
    lambda tangent, _, factor, z: tangent * times_erfc(lax.full_like(z, 1.0), z),
    lambda tangent, _, factor, z: tangent * square_exp(factor * ERFC_SLOPE, z),
)


_GELU_END: Crossover = 18.95
"""From here on exp(-x²/2) is 0 beside the largest number."""
_ROOT_HALF = math.sqrt(0.5)
_DENSITY_AT_0 = 1.0 / math.sqrt(2.0 * math.pi)


def _gelu_parts(gate: Array) -> tuple[Array, Array, Array, Array]:
    """Whether the gate is open, |gate|/√2, half of exp(z²)·erfc(z) for that z, and a power of 2.

    By that power the factor of exp(-z²) is to be divided first: it could overflow, and so could the
    second power of `_square_exp` underflow.
    """
    size = lax.abs(gate) * _ROOT_HALF
    end = _GELU_END * _ROOT_HALF
    size = jnp.where(size > end, end, size)
    half = again(polynomial(size, _ERFCX_OVER) * 0.5 / polynomial(size, _ERFCX_UNDER))
    raised = jnp.where(size > 5.7, 8, jnp.where(size > 2.0, 3, 0))
    return gate > 0.0, size, half, raised.astype(jnp.int32)


def _times_square_exp(factor: Array, size: Array, raised: Array) -> Array:
    """`_square_exp` of a factor that may be infinite."""
    found = _square_exp(factor, size, raised)
    result: Array = jnp.where(lax.abs(factor) == jnp.inf, factor, found)
    return result


def times_gelu(value: Array, gate: Array) -> Array:
    """`value` · gelu(`gate`), also where gelu is subnormal and the value large."""
    is_open, size, half, raised = _gelu_parts(gate)
    near = jnp.where(gate < -_GELU_END, -_GELU_END, gate)
    # On the left gate·exp(z²)·erfc(z) is at most 1, so that its product with a value is finite.
    half = half * _power(-raised)
    shut = value * (jnp.where(is_open, 0.0, near) * half)
    found = _times_square_exp(jnp.where(is_open, half, shut), size, raised)
    return jnp.where(is_open, value * (near * (1.0 - found)), found)


def times_gelu_slope(value: Array, gate: Array) -> Array:
    """`value` · gelu′(`gate`)."""
    is_open, size, half, raised = _gelu_parts(gate)
    near = jnp.where(gate > _GELU_END, _GELU_END, gate)
    near = jnp.where(gate < -_GELU_END, -_GELU_END, near)
    part = (near * _DENSITY_AT_0 + jnp.where(is_open, -half, half)) * _power(-raised)
    found = _times_square_exp(jnp.where(is_open, part, value * part), size, raised)
    return jnp.where(is_open, value * (found + 1.0), found)
