"""Exponentials and logarithms, in forms that neither overflow nor cancel."""

from __future__ import annotations

import math
from typing import Any

from unified_act.special.choosing import Crossover, isfinite, maximum, minimum, with_sign_of
from unified_act.special.namespaces import is_wide, own, polynomial

__all__ = [
    "GAUSSIAN_IS_ZERO",
    "acosh",
    "asinh",
    "atanh",
    "cosh",
    "exp2",
    "expm1",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "sigmoid",
    "sigmoid_derivative",
    "sinh",
    "softplus",
    "square_exp",
    "times_gaussian",
]

_LN2 = math.log(2.0)
GAUSSIAN_IS_ZERO: Crossover = 30.0
"""exp(-z²) is 0 from here on in every dtype."""
_FAR: Crossover = 60.0
"""From here on exp(-2x) is nothing beside 1, and exp(x) overflows in no dtype yet."""
_SUBNORMAL_FROM: Crossover = 64.0
"""exp(-z) may be subnormal from here on."""
_LARGE: Crossover = 2.0**28
"""From here on 1 is nothing beside x², in every dtype."""

_SMALL: Crossover = 0.5
_EXPM1 = tuple(1.0 / math.factorial(k + 2) for k in range(13))
"""(e^x - 1 - x)/x² for |x| ≤ ½, by its series: the next term is below 4e-17 of e^x - 1."""


def expm1(xp: Any, x: Any) -> Any:
    """Returns exp(x) - 1, accurate near 0."""
    near = xp.abs(x) < _SMALL
    small = xp.where(near, x, 0.0)
    series = small + small * small * polynomial(small, _EXPM1)
    series = xp.where(small == 0.0, small, series)  # which has the sign of x
    return xp.where(near, series, xp.exp(x) - 1.0)


def log1p(xp: Any, x: Any) -> Any:
    """Returns log(1 + x), accurate near 0."""
    total = x + 1.0
    lost = x - (total - 1.0)  # in the rounding of the sum, exactly; NaN where that is infinite
    correction = xp.where(xp.abs(lost) > 0.0, lost / total, 0.0)
    return xp.where(total == 1.0, x, xp.log(total) + correction)


def square_exp(xp: Any, factor: Any, z: Any) -> Any:
    """Returns factor·exp(-z²) for |z| ≤ 32, without the error of rounding z².

    The exponent is the square of z rounded to sixteenths, which is exact, and a small rest. The
    factor of the square is applied last. If it could be subnormal, it is applied as two factors,
    so that a subnormal result is rounded only once, at the end.
    """
    quick = own(xp, "square_exp")
    if quick is not None:
        return quick(factor, z)
    if is_wide(xp):
        return factor * xp.exp(-(z * z))
    cut = xp.floor(z * 16.0 + 0.5) * 0.0625
    square = cut * cut
    tiny = square > _SUBNORMAL_FROM
    power = xp.exp(xp.where(tiny, square * -0.5, -square))
    factor = factor + factor * xp.expm1((cut - z) * (cut + z))
    return factor * power * xp.where(tiny, power, 1.0)


def times_gaussian(xp: Any, factor: Any, z: Any) -> Any:
    """Returns factor·exp(-z²), for any z."""
    quick = own(xp, "times_gaussian")
    if quick is not None:
        return quick(factor, z)
    if is_wide(xp):
        return factor * xp.exp(-(z * z))
    end = GAUSSIAN_IS_ZERO
    return square_exp(xp, factor, xp.where(z > end, end, xp.where(z < -end, -end, z)))


def exp2(xp: Any, x: Any) -> Any:
    """2 to the power x."""
    return xp.pow(2.0, x)


def log2(xp: Any, x: Any) -> Any:
    """Logarithm to the base 2."""
    return xp.log(x) * (1.0 / _LN2)


def log10(xp: Any, x: Any) -> Any:
    """Logarithm to the base 10."""
    return xp.log(x) * (1.0 / math.log(10.0))


def logaddexp(xp: Any, a: Any, b: Any) -> Any:
    """log(exp(a) + exp(b))."""
    top, low = maximum(xp, a, b), minimum(xp, a, b)
    known = isfinite(xp, top)
    gap = xp.where(known, low - top, 0.0)
    return top + xp.where(known, xp.log1p(xp.exp(gap)), 0.0)


def sigmoid(xp: Any, x: Any) -> Any:
    """1/(1 + exp(-x)), accurate in both tails."""
    e = xp.exp(-xp.abs(x))
    return xp.where(x < 0.0, e, 1.0) / (e + 1.0)


def sigmoid_derivative(xp: Any, x: Any) -> Any:
    """The derivative of `sigmoid`, without the cancellation of s(1 - s)."""
    quick = own(xp, "sigmoid_derivative")
    if quick is not None:
        return quick(x)
    e = xp.exp(-xp.abs(x))
    return e / ((e + 1.0) * (e + 1.0))


def softplus(xp: Any, x: Any) -> Any:
    """log(1 + exp(x)), accurate in both tails."""
    return maximum(xp, x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


def sinh(xp: Any, x: Any) -> Any:
    """Hyperbolic sine."""
    size = xp.abs(x)
    far = size > _FAR
    e, root = xp.expm1(xp.where(far, 1.0, size)), xp.exp(size * 0.5)
    return with_sign_of(xp, x, xp.where(far, root * 0.5 * root, (e + e / (e + 1.0)) * 0.5))


def cosh(xp: Any, x: Any) -> Any:
    """Hyperbolic cosine."""
    root = xp.exp(xp.abs(x) * 0.5)
    return root * 0.5 * root + 0.5 / root / root


def asinh(xp: Any, x: Any) -> Any:
    """Inverse hyperbolic sine."""
    size = xp.abs(x)
    large = size > _LARGE
    near = xp.where(large, 1.0, size)
    square = near * near
    near = xp.log1p(near + square / (xp.sqrt(square + 1.0) + 1.0))
    return with_sign_of(xp, x, xp.where(large, xp.log(size) + _LN2, near))


def acosh(xp: Any, x: Any) -> Any:
    """Inverse hyperbolic cosine."""
    large = x > _LARGE
    above = xp.where(large, 1.0, x - 1.0)
    near = xp.log1p(above + xp.sqrt(above * (above + 2.0)))
    return xp.where(large, xp.log(x) + _LN2, near)


def atanh(xp: Any, x: Any) -> Any:
    """Inverse hyperbolic tangent."""
    size = xp.abs(x)
    return with_sign_of(xp, x, xp.log1p(size * 2.0 / (1.0 - size)) * 0.5)
