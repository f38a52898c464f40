"""Formulas that several activations share, in forms that neither overflow nor cancel."""

from __future__ import annotations

from math import inf, nan
from typing import Any

from unified_act.special import Crossover, is_wide, own

POSITIVE = 5e-324
"""The smallest positive number: as a lower bound it means "greater than 0"."""

EXP_IS_ZERO: Crossover = 800.0
"""exp(-x) is 0 from here on, in every dtype up to float64."""

_FAR: Crossover = 80.0
"""Up to here exp(-x) is a normal number, and exp(-x/2) is nothing beside 1 from here on, in every
dtype that is computed with."""

_STEEP: Crossover = 0.5
"""Up to here 1 - exp(-2x) cancels in tanh(x)."""

INFINITY = inf

NONE = nan
"""The limit of what goes up and down for ever."""


def zero(xp: Any, x: Any, **_parameters: float) -> Any:
    """The second derivative of what is made of straight pieces."""
    return xp.full_like(x, 0.0)


def is_number(x: Any) -> Any:
    """Whether it is no NaN."""
    return x == x  # noqa: PLR0124


def relu(xp: Any, x: Any) -> Any:
    """`x` where it is positive, else 0; a NaN fails the comparison and so passes through."""
    return xp.where(x <= 0.0, 0.0, x)


def relu_derivative(xp: Any, x: Any) -> Any:
    """1 where `x` is positive, else 0."""
    return xp.where(x > 0.0, 1.0, xp.full_like(x, 0.0))


def clipped(xp: Any, x: Any, low: float, high: float) -> Any:
    """`x` held between `low` and `high`."""
    return xp.where(x <= low, low, xp.where(x >= high, high, x))


def ends_in_order(*, min_value: float, max_value: float) -> str | None:
    """The constraint on the bounds of a clipped function."""
    return None if min_value < max_value else "min_value must be less than max_value"


def inside(xp: Any, x: Any, low: float, high: float, between: Any, above: float = 0.0) -> Any:
    """0 up to `low`, the array `between` up to `high`, `above` from there on."""
    return xp.where(x <= low, 0.0, xp.where(x >= high, above, between))


def at_least(xp: Any, x: Any, low: float) -> Any:
    """`x`, with everything below `low` raised to it; NaN stays."""
    return xp.where(x < low, low, x)


def within(xp: Any, x: Any, bound: float) -> Any:
    """`x` clipped to |x| ≤ bound, for a function that is constant beyond; NaN stays."""
    return xp.where(x < -bound, -bound, xp.where(x > bound, bound, x))


def sigmoid_second_derivative(xp: Any, x: Any, scale: float = 1.0) -> Any:
    """The second derivative of `sigmoid`, times `scale`; 1 - exp(-|x|) is what cancels at 0."""
    size = xp.abs(x)
    root = xp.exp(size * -0.5)
    opened = root * root + 1.0
    positive = root / (opened * opened * opened) * scale * -xp.expm1(-size) * root
    return xp.where(x > 0.0, -positive, positive)


def tanh(xp: Any, x: Any) -> Any:
    """Hyperbolic tangent; the frameworks' own are up to 7 ULP off."""
    quick = own(xp, "tanh")
    if quick is not None:
        return quick(x)
    if is_wide(xp):
        return xp.tanh(x)
    # Both forms are exact, and accurate on their side.
    size = xp.abs(x)
    e, decay = xp.exp(size * -2.0), xp.expm1(size * -2.0)
    size = xp.where(size > _STEEP, 1.0 - e * 2.0 / (e + 1.0), -decay / (decay + 2.0))
    return xp.where(x > 0.0, size, xp.where(x < 0.0, -size, x))


def tanh_derivative(xp: Any, x: Any) -> Any:
    """The derivative of `tanh`."""
    return sech_squared(xp, x)  # 1 - tanh² cancels


def tanh_second_derivative(xp: Any, x: Any, scale: float = 1.0) -> Any:
    """The second derivative of `tanh`, times `scale`."""
    return sigmoid_second_derivative(xp, x * 2.0, scale * 8.0)


# TensorFlow and JAX take a subnormal number for 0. Where a number above 1 makes a normal one of it,
# as in α·exp(x), the exponential enters as two factors, with that number between them.


def scaled_exp(xp: Any, x: Any, scale: float) -> Any:
    """scale·exp(x)."""
    if scale <= 1.0 or is_wide(xp):
        return xp.exp(x) * scale
    root = xp.exp(x * 0.5)
    return root * scale * root


def sech_squared(xp: Any, x: Any, scale: float = 1.0) -> Any:
    """scale/cosh²(x)."""
    root = xp.exp(-xp.abs(x))
    sech = root * 2.0 / (root * root + 1.0)
    return sech * sech if scale == 1.0 else sech * scale * sech


# The three below are about x·sigmoid(z), z growing with x. Where sigmoid(z) is subnormal it has
# lost its last bits, and x would magnify what is left. So exp(z) enters as two factors, the second
# one last, and the product is rounded once. The square of exp(z/2) has twice its error, which is
# too much for the value.


def split_exp(xp: Any, size: Any) -> tuple[Any, Any]:
    """exp(-size) as two factors, the second of which is 1 as long as it can be.

    The size may be any number from which on exp(-size) is finite.
    """
    quick = own(xp, "split_exp")
    if quick is not None:
        found: tuple[Any, Any] = quick(size)
        return found
    if is_wide(xp):
        return xp.exp(-size), 1.0
    far = size > _FAR
    half = size * -0.5
    return xp.exp(xp.where(far, half, -size)), xp.exp(xp.where(far, half, 0.0))


def exp_by_roots(xp: Any, size: Any) -> tuple[Any, Any, Any]:
    """exp(-size) as two factors, of which neither is subnormal too early, and by itself."""
    quick = own(xp, "exp_by_roots")
    if quick is not None:
        parts: tuple[Any, Any, Any] = quick(size)
        return parts
    if is_wide(xp):
        e = xp.exp(-size)
        return e, 1.0, e
    root = xp.exp(size * -0.5)
    return root, root, root * root


def gated(xp: Any, x: Any, z: Any) -> Any:
    """x·sigmoid(z)."""
    e, rest = split_exp(xp, xp.abs(z))
    return xp.where(z < 0.0, x * e * rest, x) / (e + 1.0)


def gated_derivative(xp: Any, z: Any, w: Any) -> Any:
    """sigmoid(z) + w·sigmoid′(z): the derivative of `gated`, where w = x·z′."""
    root, other, e = exp_by_roots(xp, xp.abs(z))
    numerator = xp.where(z < 0.0, (w + 1.0 + e) * root * other, w * e + e + 1.0)
    return numerator / ((e + 1.0) * (e + 1.0))


def gated_second_derivative(xp: Any, z: Any, linear: Any, quadratic: Any) -> Any:
    """linear·sigmoid′(z) + quadratic·sigmoid″(z)/sign(-z), which is what `gated` comes to.

    With z′ and z″ the derivatives of z, linear is 2z′ + x·z″ and quadratic is |x|·z′².
    """
    size = xp.abs(z)
    root, other, e = exp_by_roots(xp, size)
    bracket = linear + quadratic * xp.expm1(-size) / (e + 1.0)
    return bracket * root * other / ((e + 1.0) * (e + 1.0))
