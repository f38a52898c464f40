"""Special functions for namespaces whose framework lacks them, written with the others."""

from __future__ import annotations

from typing import Any

__all__ = ["erfc", "square_exp"]

# erfc(z) = exp(-z²) · P(y) / (z + K) for z ≥ 0, with y = (z - K)/(z + K) in [-1, 1): the map of
# Schonfelder (Math. Comp. 32, 1978). P is the Chebyshev interpolant of exp(z²)·erfc(z)·(z + K) at
# 64 nodes, cut where its terms fall below 1e-17 and written in powers of y, lowest first.
# tests/test_special.py derives it again in arbitrary precision.
_K = 3.75
_P = (
    1.0919229095627891,
    -0.9587415766529095,
    0.7363189252217519,
    -0.49047029120768826,
    0.27906204903376985,
    -0.13195540117824336,
    0.04911877861562649,
    -0.012535880044978472,
    0.0009863380753772988,
    0.0007948231282476748,
    -0.0003486468273683688,
    1.0593866720442495e-05,
    3.7471623130868323e-05,
    -8.903626741494092e-06,
    -3.2893126402990426e-06,
    1.6555849395671034e-06,
    2.798315511910299e-07,
    -2.6337499689781583e-07,
    -2.715090020221644e-08,
    4.020787517274437e-08,
    3.589240106113812e-09,
    -5.3688143097197365e-09,
    -5.401573518701675e-10,
    4.404675605367727e-10,
    5.170765779203723e-11,
)
_ZERO_FROM = 30.0
"""exp(-z²) is 0 from here on in every dtype."""


def square_exp(xp: Any, z: Any) -> Any:
    """Returns exp(-z²) for |z| ≤ 32, free of the error that rounding z² would bring.

    The square of z cut to sixteenths is exact, and the rest of the exponent is small.
    """
    cut = xp.floor(z * 16.0) * 0.0625
    return xp.exp(-cut * cut) * xp.exp((cut - z) * (cut + z))


def erfc(xp: Any, z: Any) -> Any:
    """Returns the complementary error function, within 4 eps of relative error everywhere."""
    size = xp.abs(z)
    size = xp.where(size > _ZERO_FROM, _ZERO_FROM, size)
    y = (size - _K) / (size + _K)
    polynomial = y * _P[-1] + _P[-2]
    for coefficient in _P[-3::-1]:
        polynomial = polynomial * y + coefficient
    upper = square_exp(xp, size) * polynomial / (size + _K)
    return xp.where(z < 0.0, 2.0 - upper, upper)
