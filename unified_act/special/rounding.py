"""Functions that round. Their derivatives are 0."""

from __future__ import annotations

from typing import Any

__all__ = ["ceil", "floor_divide", "nearest", "remainder", "trunc"]


def ceil(xp: Any, x: Any) -> Any:
    """The smallest integer not below x."""
    return -xp.floor(-x)


def trunc(xp: Any, x: Any) -> Any:
    """The integer next to x on the side of 0."""
    return xp.where(x < 0.0, ceil(xp, x), xp.floor(x))


def nearest(xp: Any, x: Any) -> Any:
    """The nearest integer; of two the even one."""
    below = xp.floor(x)
    rest = x - below
    odd = below - xp.floor(below * 0.5) * 2.0
    up = xp.logical_or(rest > 0.5, xp.logical_and(rest == 0.5, odd > 0.5))
    found = xp.where(up, below + 1.0, below)
    return xp.where(found == 0.0, x * 0.0, found)


def floor_divide(xp: Any, a: Any, b: Any) -> Any:
    """The largest integer not above a/b."""
    return xp.floor(a / b)


def remainder(xp: Any, a: Any, b: Any) -> Any:
    """What is left of `a` beyond the largest multiple of `b` below it, with the sign of `b`."""
    return a - xp.floor(a / b) * b
