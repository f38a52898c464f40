"""The Laplace activation: a normal distribution function with a mean and a width."""

from __future__ import annotations

import math
from typing import Any

from unified_act.activation import Activation, Limits, Parameter
from unified_act.catalogue._common import within
from unified_act.special import square_exp

__all__ = ["ACTIVATIONS"]

# f(x) = ½ erfc(z) with z = c - k x, k = 1/(σ √2) and c = μ k. Rounded to the type, z would be up to
# half an ULP of c off, which exp(-z²) magnifies to 12 ULP at x = 0. So c is a number of 20 bits,
# exact in every type, and a rest; z is the sum of a rounded number and what its rounding lost.
# Near μ, z is k (μ - x): that difference is exact, and kx - c would lose it where c is large.

_CONSTANT_FROM = 30.0
"""exp(-z²) is 0 from here on in every dtype."""
_NEAR = 0.25
"""So far from μ, in units of x, that x less μ is exact, and rounded as x itself may be."""
_ALL_NEAR = _CONSTANT_FROM * (1.0 + _NEAR) / _NEAR
"""Where c is as large as this, whatever is not near μ is constant."""
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
    per_width = sum(_in_widths(1.0, sigma))
    middle = _head(mu, 20)
    difference = middle - x
    near = xp.abs(difference) <= xp.abs(x) * _NEAR
    at_near = within(xp, (difference + (mu - middle)) * per_width, _CONSTANT_FROM)

    centre, centre_rest = _in_widths(mu, sigma)
    if abs(centre) >= _ALL_NEAR:
        end = xp.where(x < middle, _CONSTANT_FROM, xp.where(x > middle, -_CONSTANT_FROM, x))
        return xp.where(near, at_near, end), xp.full_like(x, 0.0)
    head = _head(centre, 20)
    rest = centre - head + centre_rest
    t = x * per_width
    low, high = head - _CONSTANT_FROM, head + _CONSTANT_FROM
    t = rest - xp.where(t < low, low, xp.where(t > high, high, t))
    z = t + head
    added = z - head  # all that follows is exact: what the sum lost
    lost = (head - (z - added)) + (t - added)
    return xp.where(near, at_near, z), xp.where(near, 0.0, lost)


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
