"""The `Namespace` of NumPy: the functions in which activations are written."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unified_act import special
from unified_act.shapes import every_second, section_length, summed_axes, weight_shape

Array = NDArray[Any]
abs, cos, exp, expm1, floor, log = np.abs, np.cos, np.exp, np.expm1, np.floor, np.log
full_like, log1p, sin, sqrt, tanh = np.full_like, np.log1p, np.sin, np.sqrt, np.tanh
logical_and, logical_not, logical_or = np.logical_and, np.logical_not, np.logical_or
pow = np.power


def where(condition: Any, a: Any, b: Any) -> Array:
    """Elements of `a` where `condition` is true, else of `b`."""
    # NumPy 1 turns a Python number into float64 here, and the result with it.
    if isinstance(a, float):
        a = b.dtype.type(a)
    elif isinstance(b, float):
        b = a.dtype.type(b)
    return np.where(condition, a, b)


def erfc(x: Array) -> Array:
    """Complementary error function, which NumPy itself lacks."""
    return times_erfc(np.ones_like(x), x)


def times_erfc(factor: Array, x: Array) -> Array:
    """`factor` · erfc(x)."""
    return special.times_erfc(sys.modules[__name__], factor, x)  # type: ignore[no-any-return]


def sum(x: Array, *, axis: int) -> Array:
    """Sum along `axis`, which is kept with length 1."""
    # NumPy sums in pairs, which loses no digits, only along what is contiguous.
    rows = np.ascontiguousarray(np.moveaxis(x, axis, -1))
    return np.moveaxis(np.sum(rows, axis=-1, keepdims=True), -1, axis)


def max(x: Array, *, axis: int) -> Array:
    """Maximum along `axis`, which is kept with length 1."""
    return np.max(x, axis=axis, keepdims=True, initial=-np.inf)  # type: ignore[no-any-return]


def prod(x: Array, *, axis: int) -> Array:
    """Product along `axis`, which is kept with length 1."""
    return np.prod(x, axis=axis, keepdims=True)  # type: ignore[no-any-return]


def cumulative_sum(x: Array, *, axis: int) -> Array:
    """Cumulative sum along `axis`."""
    return np.cumsum(x, axis=axis)


def sort(x: Array, *, axis: int) -> Array:
    """The elements in increasing order along `axis`."""
    return np.sort(x, axis=axis)


def split(x: Array, sections: int, *, axis: int) -> list[Array]:
    """Splits `x` into equal parts along `axis`."""
    section_length(x.shape, sections, axis)
    return np.split(x, sections, axis=axis)


def concat(arrays: Sequence[Array], *, axis: int) -> Array:
    """Concatenates the arrays along `axis`."""
    return np.concatenate(arrays, axis=axis)


def deinterleave(x: Array, *, axis: int) -> list[Array]:
    """The elements at even places along `axis`, and those at odd ones."""
    section_length(x.shape, 2, axis)
    return [x[every_second(start, axis)] for start in (0, 1)]


def interleave(arrays: Sequence[Array], *, axis: int) -> Array:
    """The elements of both arrays in turn along `axis`."""
    shape = list(arrays[0].shape)
    shape[axis] *= 2
    return np.stack(arrays, axis=axis % len(shape) + 1).reshape(shape)


def stop_gradient(x: Array) -> Array:
    """`x` as a constant: no derivative flows through it."""
    return x


def channel_weight(weight: Array, x: Array, *, axis: int) -> Array:
    """`weight` in a shape that broadcasts to `x`: a vector along `axis`."""
    return weight.reshape(weight_shape(weight.shape, x.shape, axis))


def whole_weight(weight: Array, x: Array) -> Array:
    """`weight`, which broadcasts to `x`, in the shape of `x`."""
    return np.broadcast_to(weight, x.shape)


def sum_to_weight(x: Array, weight: Array, *, axis: int) -> Array:
    """The transpose of `channel_weight`: sums `x` over all axes along which `weight` is one."""
    over = summed_axes(weight_shape(weight.shape, x.shape, axis), x.ndim)
    kept = [d for d in range(x.ndim) if d not in over]
    rows = np.ascontiguousarray(x.transpose(*kept, *over))  # see `sum`
    terms = math.prod(x.shape[d] for d in over)
    total: Array = np.sum(rows.reshape(weight.size, terms), axis=1)
    return total.reshape(weight.shape)


special.complete(sys.modules[__name__])
