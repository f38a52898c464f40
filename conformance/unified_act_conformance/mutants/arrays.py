"""Mutants that compute the right numbers and mishandle their arrays, or the chain rule."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

import unified_act as ua
from unified_act.errors import UnsupportedError
from unified_act_conformance.mutants.base import Mutant, on_numpy
from unified_act_conformance.subject import Implementation, Subject

__all__ = ["ARRAY_MUTANTS"]

Array = Any

SILU = Subject("silu")
GARBAGE = 12345.0
VECTOR = 16

silu = ua.get_activation("silu", backend="numpy")
_calls = itertools.count()


def _unwritten(where: Callable[[int], slice]) -> Callable[[Array], Array]:
    """A kernel that leaves part of the output as it found it."""

    def value(x: Array) -> Array:
        y = silu(x).reshape(-1).copy()
        y[where(y.size)] = GARBAGE
        return y.reshape(x.shape)

    return value


def _as_if_contiguous(x: Array) -> Array:
    """Reads memory in order, whatever the strides say."""
    return np.asarray(silu(x.ravel(order="K")).reshape(x.shape))


def _spreads_nan(x: Array) -> Array:
    """A NaN takes the rest of its vector with it."""
    y = silu(x).reshape(-1).copy()
    for start in range(0, y.size, VECTOR):
        if np.isnan(y[start : start + VECTOR]).any():
            y[start : start + VECTOR] = np.nan
    return y.reshape(x.shape)


def _shares_scale(x: Array) -> Array:
    """Eight neighbours are quantised together, as block formats do."""
    y = silu(x).reshape(-1).copy()
    for start in range(0, y.size, 8):
        block = y[start : start + 8]
        finite = np.abs(block[np.isfinite(block)])
        if finite.size and finite.max() > 0:
            step = np.exp2(np.floor(np.log2(finite.max())) - 10).astype(y.dtype)
            with np.errstate(all="ignore"):
                y[start : start + 8] = np.round(block / step) * step
    return y.reshape(x.shape)


def _random(x: Array) -> Array:
    """Atomics in another order every time: the last bit differs."""
    y = silu(x)
    return np.where(np.isfinite(y), y + (next(_calls) % 2) * np.spacing(y), y).astype(x.dtype)


def _writes_input(x: Array) -> Array:
    y = silu(x)
    if x.flags.writeable:
        x[...] = y
    return y


def _writes_cotangent(sound: Implementation, cotangent: Any, x: Array) -> Array:
    (found,) = sound.gradients([x], cotangent)
    if cotangent is not None and cotangent.flags.writeable:
        cotangent[...] = found
    return found


def _no_cotangent(sound: Implementation, cotangent: Any, x: Array) -> Array:
    del cotangent
    return sound.gradients([x], None)[0]


def _first_cotangent(sound: Implementation, cotangent: Any, x: Array) -> Array:
    """One cotangent for all, as if the gradient of a sum were all there is."""
    (found,) = sound.gradients([x], None)
    if cotangent is None or not cotangent.size:
        return found
    return np.asarray(found * cotangent.reshape(-1)[0])


def _absolute_cotangent(sound: Implementation, cotangent: Any, x: Array) -> Array:
    return sound.gradients([x], None if cotangent is None else np.abs(cotangent))[0]


def _no_nan_cotangent(sound: Implementation, cotangent: Any, x: Array) -> Array:
    return sound.gradients([x], None if cotangent is None else np.nan_to_num(cotangent))[0]


def _nan_cotangent_spreads(sound: Implementation, cotangent: Any, x: Array) -> Array:
    (found,) = sound.gradients([x], cotangent)
    poisoned = cotangent is not None and bool(np.isnan(cotangent).any())
    return np.full_like(found, np.nan) if poisoned else found


def _zero(sound: Implementation, cotangent: Any, x: Array) -> Array:
    del sound, cotangent
    return np.zeros_like(x)


def _refuses(sound: Implementation, cotangent: Any, x: Array) -> Array:
    del sound, cotangent, x
    raise UnsupportedError("the gradient was detached on the way")


def _value_again(sound: Implementation, cotangent: Any, x: Array) -> Array:
    del sound
    return silu(x) if cotangent is None else silu(x) * cotangent


def _drops_ones(x: Array) -> Array:
    return np.squeeze(silu(x))


def _no_scalars(x: Array) -> Array:
    return np.atleast_1d(silu(x))


def _not_empty(x: Array) -> Array:
    x.reshape(-1)[0]  # a kernel that peeks
    return silu(x)


ARRAY_MUTANTS: tuple[Mutant, ...] = (
    on_numpy("the last element is not written", SILU, _unwritten(lambda n: slice(n - 1, n))),
    on_numpy(
        "the tail after the last vector is not written",
        SILU,
        _unwritten(lambda n: slice(n - n % VECTOR, n)),
    ),
    on_numpy(
        "only short arrays: element 3 of 5 to 7",
        SILU,
        _unwritten(lambda n: slice(3, 4) if 5 <= n <= 7 else slice(0, 0)),
        seen_by="lengths",
    ),
    on_numpy("strides are ignored", SILU, _as_if_contiguous, seen_by="layouts"),
    on_numpy("a NaN spreads over its vector", SILU, _spreads_nan),
    on_numpy("neighbours share a scale", SILU, _shares_scale),
    on_numpy("not deterministic", SILU, _random, seen_by="deterministic"),
    on_numpy("writes into its input", SILU, _writes_input, seen_by="not mutated"),
    on_numpy("writes into the cotangent", SILU, gradient=_writes_cotangent, seen_by="not mutated"),
    on_numpy("the cotangent is ignored", SILU, gradient=_no_cotangent, seen_by="cotangents"),
    on_numpy("one cotangent for all", SILU, gradient=_first_cotangent, seen_by="cotangents"),
    on_numpy(
        "the cotangent loses its sign", SILU, gradient=_absolute_cotangent, seen_by="cotangents"
    ),
    on_numpy(
        "a NaN in the cotangent becomes 0", SILU, gradient=_no_nan_cotangent, seen_by="cotangents"
    ),
    on_numpy(
        "a NaN in the cotangent spreads",
        SILU,
        gradient=_nan_cotangent_spreads,
        seen_by="cotangents",
    ),
    on_numpy("the gradient is zero", SILU, gradient=_zero),
    on_numpy("there is no gradient", SILU, gradient=_refuses),
    on_numpy("the gradient is the value", SILU, gradient=_value_again),
    on_numpy("returns float64", SILU, lambda x: silu(x).astype(np.float64)),
    on_numpy("axes of length 1 are lost", SILU, _drops_ones, seen_by="layouts"),
    on_numpy("a scalar becomes a vector", SILU, _no_scalars, seen_by="layouts"),
    on_numpy("empty arrays fail", SILU, _not_empty, seen_by="layouts"),
    on_numpy("everything is NaN", SILU, lambda x: np.full_like(x, np.nan)),
    on_numpy("returns its input", SILU, lambda x: x),
)
