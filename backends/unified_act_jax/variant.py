"""The namespaces of float32: for the profile ``strict``, and for ``fast``."""

from __future__ import annotations

import math
from types import SimpleNamespace

import jax
from jax import Array, lax

from unified_act.catalogue.gaussian import TANH_CUBIC, TANH_SLOPE
from unified_act.special import polynomial, variant_of
from unified_act_jax import elementary, namespace
from unified_act_jax.elementary import ERFC_SLOPE, again

__all__ = ["FAST", "JOINT", "STRICT"]

STRICT = variant_of(namespace)
STRICT.expm1 = elementary.expm1
STRICT.log1p = elementary.log1p
STRICT.tanh = elementary.tanh
STRICT.times_erfc = elementary.times_erfc
STRICT.erfc = lambda x: elementary.times_erfc(lax.full_like(x, 1.0), x)
STRICT.own = {
    **namespace.own,
    "exp_by_roots": elementary.exp_by_roots,
    "split_exp": elementary.split_exp,
    "square_exp": elementary.square_exp,
    "tanh": elementary.tanh,
    "times_gate": elementary.times_gate,
    "times_gelu": elementary.times_gelu,
    "times_gelu_slope": elementary.times_gelu_slope,
    "times_slope": elementary.times_slope,
}

_ROOT = (
    1.0,
    0.14104697108268738,
    0.08953294157981873,
    0.024485116824507713,
    0.0035525159910321236,
    0.0010293619707226753,
    0.0005451643955893815,
    -0.00011839273065561429,
    3.836460746242665e-05,
)
"""For z ≥ 0 the inverse of the eighth power is erfc(z) within 6.4e-8. Found by least squares."""


def _erf(x: Array) -> Array:
    erf = again(lax.erf(x))  # which goes beyond 1
    where = namespace.where
    return where(erf > 1.0, 1.0, where(erf < -1.0, -1.0, erf))


def _erfc(x: Array) -> Array:
    return 1.0 - _erf(x)


@jax.custom_jvp
def _times_erfc(factor: Array, x: Array) -> Array:
    """`factor` · erfc(x), for factors that grow with x: the errors of XLA's erf would grow too."""
    root = polynomial(lax.abs(x), _ROOT)
    square = root * root
    fourth = square * square
    upper = again(1.0 / (fourth * fourth))
    return factor * namespace.where(x < 0.0, 2.0 - upper, upper)


_times_erfc.defjvps(
    lambda tangent, _, factor, x: tangent * _erfc(x),
    lambda tangent, _, factor, x: tangent * elementary.square_exp(factor * ERFC_SLOPE, x),
)

_GELU_ENDS, _GELU_LEAST = -40.0, -0.16997120747990369
"""Where gelu is 0, and its smallest value."""


def _gelu(x: Array) -> Array:
    where = namespace.where
    x = where(x < _GELU_ENDS, _GELU_ENDS, x)  # -inf · 0 would be NaN
    value = _times_erfc(x * 0.5, x * -math.sqrt(0.5))
    return where(value < _GELU_LEAST, _GELU_LEAST, value)


def _gelu_argument(x: Array) -> Array:
    return (x * x * TANH_CUBIC + 1.0) * x * TANH_SLOPE


FAST = SimpleNamespace(**vars(STRICT))
"""For functions of one number: an error below one eps does not count in ``fast``."""
FAST.wide = True
FAST.tanh = namespace.tanh
FAST.erf = _erf
FAST.erfc = _erfc
FAST.times_erfc = _times_erfc
FAST.own = {
    **namespace.own,
    "gelu": _gelu,
    "split_exp": elementary.split_exp,
    "tanh_shrink": lambda x: x - namespace.tanh(x),
}

JOINT = SimpleNamespace(**vars(STRICT))
"""For functions of several numbers in ``fast``: another number may magnify any error."""
JOINT.own = {**STRICT.own, "gelu_argument": _gelu_argument}
