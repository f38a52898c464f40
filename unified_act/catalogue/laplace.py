"""The Laplace activation: a normal distribution function with a mean and a width."""

from __future__ import annotations

import math
from typing import Any

from unified_act.activation import Activation, Limits, Parameter
from unified_act.special import square_exp

__all__ = ["ACTIVATIONS"]

# f(x) = ½ erfc(z) with z = c - k x, k = 1/(σ √2) and c = μ k. Rounded to the type, z would be up to
# half an ULP of c off, which exp(-z²) magnifies to 12 ULP at x = 0. So c is a number of 20 bits,
# exact in every type, and a rest; z is the sum of a rounded number and what its rounding lost.

_CONSTANT_FROM = 30.0
"""exp(-z²) is 0 from here on in every dtype."""
_INVERSE_SQRT_PI = 1.0 / math.sqrt(math.pi)


def _head(number: float, bits: int) -> float:
    """The first `bits` bits of a number, as Veltkamp takes them."""
    scaled = number * (2.0 ** (53 - bits) + 1.0)
    return scaled - (scaled - number)


def _product(a: float, b: float) -> tuple[float, float]:
    """a·b rounded, and what the rounding lost, as Dekker gets it."""
    product = a * b
    a1, b1 = _head(a, 26), _head(b, 26)
    a2, b2 = a - a1, b - b1
    return product, a1 * b1 - product + a1 * b2 + a2 * b1 + a2 * b2


def _in_widths(number: float, sigma: float) -> tuple[float, float]:
    """number/(σ √2), and what to add to it."""
    # No constants of the module: torch.compile(dynamic=True) makes symbols of those.
    width, width_rest = _product(sigma, math.sqrt(2.0))
    width_rest += sigma * -9.667293313452913e-17  # √2 less its float
    quotient = number / width
    back, back_rest = _product(quotient, width)
    return quotient, (number - back - back_rest - quotient * width_rest) / width


def _argument(xp: Any, x: Any, mu: float, sigma: float) -> tuple[Any, Any]:
    """z, rounded, and what to add to it."""
    centre, centre_rest = _in_widths(mu, sigma)
    head = _head(centre, 20)
    rest = centre - head + centre_rest
    t = x * sum(_in_widths(1.0, sigma))
    low, high = head - _CONSTANT_FROM, head + _CONSTANT_FROM
    t = rest - xp.where(t < low, low, xp.where(t > high, high, t))
    z = t + head
    added = z - head  # all that follows is exact: what the sum lost
    return z, (head - (z - added)) + (t - added)


def _laplace(xp: Any, x: Any, *, mu: float, sigma: float) -> Any:
    z, lost = _argument(xp, x, mu, sigma)
    correction = square_exp(xp, lost * _INVERSE_SQRT_PI, z)
    return xp.times_erfc(xp.full_like(z, 0.5), z) - correction


def _laplace_derivative(xp: Any, x: Any, *, mu: float, sigma: float) -> Any:
    z, lost = _argument(xp, x, mu, sigma)
    return square_exp(xp, (1.0 - z * lost * 2.0) * (_INVERSE_SQRT_PI / (sigma * math.sqrt(2.0))), z)


def _laplace_second_derivative(xp: Any, x: Any, *, mu: float, sigma: float) -> Any:
    z, lost = _argument(xp, x, mu, sigma)
    return square_exp(xp, (z + lost * (1.0 - z * z * 2.0)) * (_INVERSE_SQRT_PI / sigma**2), z)


ACTIVATIONS = (
    Activation(
        name="laplace",
        forward=_laplace,
        derivative=_laplace_derivative,
        second_derivative=_laplace_second_derivative,
        parameters=[
            Parameter("mu", math.sqrt(0.5), "input at which the value is ½", low=-1e15, high=1e15),
            Parameter(
                "sigma", math.sqrt(0.25 / math.pi), "width of the rise", low=1e-15, high=1e15
            ),
        ],
        limits=lambda mu, sigma: Limits((0.0, 1.0), (0.0, 0.0)),
        formula=r"\tfrac{1}{2} \left(1 + \operatorname{erf} \frac{x - \mu}{\sigma \sqrt{2}}\right)",
        summary="Distribution function of a normal distribution; approximates squared ReLU near 0.",
        source="Ma et al. 2022, arXiv:2209.10655",
    ),
)
