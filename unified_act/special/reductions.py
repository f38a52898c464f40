"""Functions along an axis, made of sums and maxima."""

from __future__ import annotations

from typing import Any

__all__ = ["mean", "smallest", "var"]


def smallest(xp: Any, x: Any, *, axis: int) -> Any:
    """Minimum along `axis`, which is kept with length 1."""
    return -xp.max(-x, axis=axis)


def mean(xp: Any, x: Any, *, axis: int) -> Any:
    """Mean along `axis`, which is kept with length 1."""
    return xp.sum(x, axis=axis) / _length(xp, x, axis)


def var(xp: Any, x: Any, *, axis: int, correction: float = 0.0) -> Any:
    """Variance along `axis`, which is kept with length 1."""
    rest = x - mean(xp, x, axis=axis)
    return xp.sum(rest * rest, axis=axis) / (_length(xp, x, axis) - correction)


def _length(xp: Any, x: Any, axis: int) -> Any:
    """How many elements there are, as an array: some graphs know it only when they run."""
    return xp.sum(xp.full_like(x, 1.0), axis=axis)
