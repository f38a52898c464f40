"""Tangents, the inverse functions of angles, and the length of a vector."""

from __future__ import annotations

import math
from typing import Any

from unified_act.special.choosing import Crossover, is_number, signbit, with_sign_of
from unified_act.special.namespaces import polynomial

__all__ = ["acos", "asin", "atan", "atan2", "hypot", "tan"]

# atan(w) = w + w³ · A(w²) for |w| ≤ tan(π/8), from the Chebyshev interpolant of (atan(w) - w)/w³ in
# w² on [0, 0.1716], cut below 1e-17. tests/test_special.py derives it again.
_EIGHTH: Crossover = math.sqrt(2.0) - 1.0
_ATAN = (
    -0.3333333333333333,
    0.1999999999999981,
    -0.14285714285661094,
    0.11111111105269593,
    -0.09090908758775827,
    0.07692296517303976,
    -0.06666427278780239,
    0.05878954854801641,
    -0.05230633784275726,
    0.04552367231875368,
    -0.03458942456554059,
    0.016305609739836996,
)


def atan(xp: Any, x: Any) -> Any:
    """Inverse tangent."""
    size = xp.abs(x)
    beyond = size > 1.0
    ratio = xp.where(beyond, 1.0 / xp.where(beyond, size, 1.0), size)
    steep = ratio > _EIGHTH
    w = xp.where(steep, (ratio - 1.0) / (ratio + 1.0), ratio)
    square = w * w
    angle = w + w * square * polynomial(square, _ATAN)
    angle = xp.where(steep, angle + math.pi / 4.0, angle)
    return with_sign_of(xp, x, xp.where(beyond, math.pi / 2.0 - angle, angle))


def asin(xp: Any, x: Any) -> Any:
    """Inverse sine."""
    return xp.atan(x / (xp.sqrt((1.0 - x) * (x + 1.0)) + 1.0)) * 2.0


def acos(xp: Any, x: Any) -> Any:
    """Inverse cosine."""
    return xp.atan(xp.sqrt((1.0 - x) / (x + 1.0))) * 2.0


def atan2(xp: Any, y: Any, x: Any) -> Any:
    """The angle of the point (x, y), from -π to π."""
    y, x = _both_arrays(xp, y, x)
    height, width = xp.abs(y), xp.abs(x)
    large, small = xp.maximum(height, width), xp.minimum(height, width)
    angle = xp.atan(_share(xp, small, large))
    angle = xp.where(height > width, math.pi / 2.0 - angle, angle)
    angle = xp.where(signbit(xp, x), math.pi - angle, angle)
    return xp.where(signbit(xp, y), -angle, angle)


def hypot(xp: Any, a: Any, b: Any) -> Any:
    """The root of a² + b², which does not overflow on the way."""
    a, b = _both_arrays(xp, a, b)
    large = xp.maximum(xp.abs(a), xp.abs(b))
    share = _share(xp, xp.minimum(xp.abs(a), xp.abs(b)), large)
    return large * xp.sqrt(share * share + 1.0)


def tan(xp: Any, x: Any) -> Any:
    """Tangent, of an angle in radians."""
    return xp.sin(x) / xp.cos(x)


def _both_arrays(xp: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Two arrays, where one may be a number."""
    if is_number(a):
        return xp.full_like(b, float(a)), b
    return a, xp.full_like(a, float(b)) if is_number(b) else b


def _share(xp: Any, small: Any, large: Any) -> Any:
    """small/large; 0 if both are 0, and 1 if both are infinite."""
    quotient = small / xp.where(large == 0.0, 1.0, large)
    return xp.where(-small == -math.inf, 1.0, quotient)
