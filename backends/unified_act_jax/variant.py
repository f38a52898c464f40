"""The namespaces of float32: for the profile ``strict``, and for ``fast``."""

from __future__ import annotations

from types import SimpleNamespace

from jax import Array, lax

from unified_act.special import variant_of
from unified_act_jax import elementary, namespace
from unified_act_jax.elementary import again

__all__ = ["FAST", "STRICT"]

STRICT = variant_of(namespace)
STRICT.expm1 = elementary.expm1
STRICT.tanh = elementary.tanh
STRICT.times_erfc = elementary.times_erfc
STRICT.erfc = lambda x: elementary.times_erfc(lax.full_like(x, 1.0), x)
STRICT.own = {
    "split_exp": elementary.split_exp,
    "square_exp": elementary.square_exp,
    "tanh": elementary.tanh,
}


def _erfc(x: Array) -> Array:
    # XLA's erf goes beyond 1.
    return 1.0 - lax.clamp(-1.0, again(lax.erf(x)), 1.0)


FAST = SimpleNamespace(**vars(STRICT))
"""For functions of one number: an error below one eps does not count in ``fast``."""
FAST.wide = True
FAST.tanh = namespace.tanh
FAST.erfc = _erfc
FAST.times_erfc = lambda factor, x: factor * _erfc(x)
FAST.own = {"split_exp": elementary.split_exp}
