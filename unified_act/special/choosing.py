"""Functions that choose: the larger of two numbers, a sign, whether a number is finite.

Where two branches meet, the derivative is that of the constant one.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

__all__ = [
    "Crossover",
    "clip",
    "copysign",
    "is_number",
    "isfinite",
    "isinf",
    "isnan",
    "logical_xor",
    "maximum",
    "minimum",
    "sign",
    "signbit",
    "with_sign_of",
]

Crossover: TypeAlias = float
"""Where one formula takes over from another. Both are right around it, and any number near it would
do as well."""


def is_number(x: Any) -> bool:
    """Whether it is a number of Python, and no array."""
    return isinstance(x, (int, float))


def maximum(xp: Any, a: Any, b: Any) -> Any:
    """The larger one; NaN if either is NaN."""
    if is_number(a):
        a, b = b, a
    if is_number(b):
        return xp.where(a <= b, float(b), a)
    return xp.where(a <= b, b, xp.where(a > b, a, a + b))


def minimum(xp: Any, a: Any, b: Any) -> Any:
    """The smaller one; NaN if either is NaN."""
    if is_number(a):
        a, b = b, a
    if is_number(b):
        return xp.where(a >= b, float(b), a)
    return xp.where(a >= b, b, xp.where(a < b, a, a + b))


def clip(xp: Any, x: Any, min: Any = None, max: Any = None) -> Any:  # noqa: A002
    """`x` held between two numbers or arrays."""
    if min is not None:
        x = maximum(xp, x, min)
    return x if max is None else minimum(xp, x, max)


def sign(xp: Any, x: Any) -> Any:
    """1, -1, or 0 with the sign of x; NaN for NaN. Its derivative is 0."""
    return xp.where(x > 0.0, 1.0, xp.where(x < 0.0, -1.0, x * 0.0))


def isnan(xp: Any, x: Any) -> Any:
    """Whether it is NaN."""
    del xp
    return x != x  # noqa: PLR0124


def isinf(xp: Any, x: Any) -> Any:
    """Whether it is infinite."""
    # MXNet's graphs take -inf always, but not inf where something has overflowed before.
    return -xp.abs(x) == -math.inf


def isfinite(xp: Any, x: Any) -> Any:
    """Whether it is neither infinite nor NaN."""
    return -xp.abs(x) > -math.inf


def signbit(xp: Any, x: Any) -> Any:
    """Whether it is negative, or -0; no sign of a NaN is told."""
    return xp.logical_or(x < 0.0, xp.logical_and(x == 0.0, 1.0 / x < 0.0))


def copysign(xp: Any, x: Any, sign_of: Any) -> Any:
    """The absolute value of `x` with the sign of `sign_of`."""
    size = xp.abs(x)
    if is_number(sign_of):
        return size if math.copysign(1.0, sign_of) > 0.0 else -size
    return xp.where(signbit(xp, sign_of), -size, size)


def logical_xor(xp: Any, a: Any, b: Any) -> Any:
    """Whether exactly one of two masks is true."""
    return xp.logical_and(xp.logical_or(a, b), xp.logical_not(xp.logical_and(a, b)))


def with_sign_of(xp: Any, x: Any, size: Any) -> Any:
    """An odd function: `size`, which it is for positive x, with the sign of x; x itself at ±0."""
    return xp.where(x > 0.0, size, xp.where(x < 0.0, -size, x))
