"""The normal distribution function: GELU, its approximations and clipped form, and Laplace."""

from __future__ import annotations

import math
from typing import Any

from unified_act.activation import Activation, Kink, Limits, Parameter
from unified_act.catalogue._common import (
    INFINITY,
    at_least,
    clipped,
    ends_in_order,
    gated,
    gated_derivative,
    gated_second_derivative,
    inside,
    within,
)
from unified_act.special import Crossover, is_wide, own, square_exp, times_gaussian

__all__ = [
    "ACTIVATIONS",
    "CONSTANT_FROM",
    "DENSITY_AT_0",
    "QUICK_GELU_SLOPE",
    "SQRT_HALF",
    "TAIL_FROM",
    "gelu",
    "gelu_derivative",
    "gelu_second_derivative",
    "gelu_tanh",
    "gelu_tanh_derivative",
    "tail_ratio",
    "tanh_argument",
]

SQRT_HALF = math.sqrt(0.5)
DENSITY_AT_0 = 1.0 / math.sqrt(2.0 * math.pi)
TANH_SLOPE = 2.0 * math.sqrt(2.0 / math.pi)
TANH_CUBIC = 0.044715
_TANH_SLOPE_HEAD = 3268.0 / 2048.0
"""The first 12 bits of the slope."""
QUICK_GELU_SLOPE = 1.702

CONSTANT_FROM: Crossover = 40.0
"""Beyond, gelu and gelu_tanh are 0 or x to the last bit of float64."""
_QUICK_CONSTANT_FROM: Crossover = 500.0
"""The same for quick_gelu."""
_LEVELS = 5
"""The levels of the continued fraction in `tail_ratio`."""
TAIL_FROM: Crossover = 13.0
"""From here on `tail_ratio` is within half an eps of float64, with so many levels."""
_MINIMUM_AT = -0.7517915246935645
"""Where gelu stops falling."""


def gelu(xp: Any, x: Any) -> Any:
    """The input times the normal distribution function of it."""
    quick = own(xp, "gelu")
    if quick is not None:
        return quick(x)
    x = at_least(xp, x, -CONSTANT_FROM)  # -inf · 0 would be NaN
    # erfc keeps the negative tail, which 1 + erf loses from -5.6 on in float32.
    return xp.times_erfc(x * 0.5, x * -SQRT_HALF)


def gelu_derivative(xp: Any, x: Any) -> Any:
    """The derivative of `gelu`."""
    x = within(xp, x, CONSTANT_FROM)
    half = x * SQRT_HALF
    cdf = xp.erfc(-half) * 0.5
    # TensorFlow flushes subnormal numbers, and Φ(x) is one while x·φ(x), about x² times larger, is
    # none.
    steep = x if is_wide(xp) else xp.where(cdf == 0.0, x + tail_ratio(x), x)
    return cdf + square_exp(xp, steep * DENSITY_AT_0, half)


def tail_ratio(x: Any) -> Any:
    """Φ(x)/φ(x) for x ≤ -`TAIL_FROM`, by Laplace's continued fraction, here contracted."""
    square = x * x
    denominator = square + (4.0 * _LEVELS - 3.0)
    for k in range(_LEVELS - 1, 0, -1):
        denominator = square + (4.0 * k - 3.0) - 2.0 * k * (2.0 * k - 1.0) / denominator
    return -x / denominator


def gelu_second_derivative(xp: Any, x: Any) -> Any:
    """The second derivative of `gelu`."""
    x = within(xp, x, CONSTANT_FROM)
    return square_exp(xp, (2.0 - x * x) * DENSITY_AT_0, x * SQRT_HALF)


def _gaussian(xp: Any, x: Any) -> Any:
    return times_gaussian(xp, xp.full_like(x, 1.0), x)


def _clipped_gelu(xp: Any, x: Any, *, min_value: float, max_value: float) -> Any:
    return clipped(xp, gelu(xp, x), min_value, max_value)


def _clipped_gelu_derivative(xp: Any, x: Any, *, min_value: float, max_value: float) -> Any:
    slope = gelu_derivative(xp, x)
    return _where_not_clipped(xp, x, slope, min_value, max_value)


def _clipped_gelu_second_derivative(xp: Any, x: Any, *, min_value: float, max_value: float) -> Any:
    curvature = gelu_second_derivative(xp, x)
    return _where_not_clipped(xp, x, curvature, min_value, max_value)


def _where_not_clipped(xp: Any, x: Any, y: Any, low: float, high: float) -> Any:
    """`y`, and 0 where gelu(x), as rounded, has reached one of its bounds."""
    return inside(xp, gelu(xp, x), low, high, y)


def _clipped_gelu_kinks(*, min_value: float, max_value: float) -> tuple[Kink, ...]:
    low = [below for below, _ in _gelu_crosses(min_value)]
    high = [above for _, above in _gelu_crosses(max_value)]
    return tuple(Kink(at, 0.0) for at in sorted({*low, *high}))


def _clipped_gelu_limits(*, min_value: float, max_value: float) -> Limits:
    # gelu itself goes to -0 and to infinity.
    low = min_value if min_value >= 0.0 else max_value if max_value <= 0.0 else -0.0
    return Limits((low, max_value), (0.0, 0.0))


def _gelu_crosses(value: float) -> list[tuple[float, float]]:
    """Neighbours where gelu, which falls and then rises, is below a value and is not."""

    def value_at(x: float) -> float:
        return 0.5 * x * math.erfc(-x * SQRT_HALF)

    found = []
    for end in (-CONSTANT_FROM, abs(value) + CONSTANT_FROM):
        below, above = _MINIMUM_AT, end
        while value_at(below) < value <= value_at(above):
            middle = 0.5 * (below + above)
            if middle in (below, above):
                found.append((below, above))
                break
            below, above = (middle, above) if value_at(middle) < value else (below, middle)
    return found


def tanh_argument(xp: Any, x: Any) -> tuple[Any, Any, Any]:
    """Twice the argument of the tanh, and its first two derivatives; ±40 is far enough."""
    x = within(xp, x, CONSTANT_FROM)  # the cube overflows otherwise
    square = x * x
    slope = (square * (3.0 * TANH_CUBIC) + 1.0) * TANH_SLOPE
    curvature = x * (6.0 * TANH_CUBIC * TANH_SLOPE)
    quick = own(xp, "gelu_argument")
    if quick is not None:
        return quick(x), slope, curvature
    if is_wide(xp):
        return (square * TANH_CUBIC + 1.0) * x * TANH_SLOPE, slope, curvature
    # The exponential magnifies an error of this. The product with the head of the slope is exact.
    cut = xp.floor(x * 16.0 + 0.5) * 0.0625
    rest = cut * (TANH_SLOPE - _TANH_SLOPE_HEAD) + (x - cut) * TANH_SLOPE
    inner = cut * _TANH_SLOPE_HEAD + (rest + x * square * (TANH_CUBIC * TANH_SLOPE))
    return inner, slope, curvature


def gelu_tanh(xp: Any, x: Any) -> Any:
    """The approximation of `gelu` by tanh."""
    # (1 + tanh u)/2 = sigmoid(2u), which does not cancel.
    return gated(xp, at_least(xp, x, -CONSTANT_FROM), tanh_argument(xp, x)[0])


def gelu_tanh_derivative(xp: Any, x: Any) -> Any:
    """The derivative of `gelu_tanh`."""
    inner, slope, _ = tanh_argument(xp, x)
    return gated_derivative(xp, inner, within(xp, x, CONSTANT_FROM) * slope)


def gelu_tanh_second_derivative(xp: Any, x: Any) -> Any:
    inner, slope, curvature = tanh_argument(xp, x)
    x = within(xp, x, CONSTANT_FROM)
    linear = slope * 2.0 + x * curvature
    return gated_second_derivative(xp, inner, linear, xp.abs(x) * slope * slope)


def _quick_gelu(xp: Any, x: Any) -> Any:
    x = at_least(xp, x, -_QUICK_CONSTANT_FROM)
    return gated(xp, x, x * QUICK_GELU_SLOPE)


def _quick_gelu_derivative(xp: Any, x: Any) -> Any:
    z = within(xp, x, _QUICK_CONSTANT_FROM) * QUICK_GELU_SLOPE
    return gated_derivative(xp, z, z)


def _quick_gelu_second_derivative(xp: Any, x: Any) -> Any:
    z = within(xp, x, _QUICK_CONSTANT_FROM) * QUICK_GELU_SLOPE
    size = xp.abs(z) * QUICK_GELU_SLOPE
    return gated_second_derivative(xp, z, 2.0 * QUICK_GELU_SLOPE, size)


def _limits() -> Limits:
    return Limits((-0.0, INFINITY), (0.0, 1.0))


_SOURCE = "Hendrycks & Gimpel 2016, arXiv:1606.08415"

# f(x) = ½ erfc(z) with z = c - k x, k = 1/(σ √2) and c = μ k. Rounded to the type, z would be up to
# half an ULP of c off, which exp(-z²) magnifies to 12 ULP at x = 0. So c is a number of 20 bits,
# exact in every type, and a rest; z is the sum of a rounded number and what its rounding lost.
# Near μ, z is k (μ - x): that difference is exact, and kx - c would lose it where c is large.

_LAPLACE_END: Crossover = 30.0
"""exp(-z²) is 0 from here on in every dtype."""
_LAPLACE_NEAR: Crossover = 0.25
"""So far from μ, in units of x, that x less μ is exact, and rounded as x itself may be."""
_LAPLACE_NARROW = _LAPLACE_END * (1.0 + _LAPLACE_NEAR) / _LAPLACE_NEAR
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
    """z, rounded, and what to add to it; None if that does not matter."""
    per_width = sum(_in_widths(1.0, sigma))
    middle = _head(mu, 20)
    difference = middle - x
    at_near = within(xp, (difference + (mu - middle)) * per_width, _LAPLACE_END)
    if is_wide(xp):
        return at_near, None
    near = xp.abs(difference) <= xp.abs(x) * _LAPLACE_NEAR

    centre, centre_rest = _in_widths(mu, sigma)
    if abs(centre) >= _LAPLACE_NARROW:
        end = xp.where(x < middle, _LAPLACE_END, xp.where(x > middle, -_LAPLACE_END, x))
        return xp.where(near, at_near, end), xp.full_like(x, 0.0)
    head = _head(centre, 20)
    rest = centre - head + centre_rest
    t = x * per_width
    low, high = head - _LAPLACE_END, head + _LAPLACE_END
    t = rest - xp.where(t < low, low, xp.where(t > high, high, t))
    z = t + head
    added = z - head  # all that follows is exact: what the sum lost
    lost = (head - (z - added)) + (t - added)
    return xp.where(near, at_near, z), xp.where(near, 0.0, lost)


def _laplace(xp: Any, x: Any, *, mu: float, sigma: float) -> Any:
    z, lost = _argument(xp, x, mu, sigma)
    value = xp.times_erfc(xp.full_like(z, 0.5), z)
    return value if lost is None else value - square_exp(xp, lost * _INVERSE_SQRT_PI, z)


def _laplace_derivative(xp: Any, x: Any, *, mu: float, sigma: float) -> Any:
    z, lost = _argument(xp, x, mu, sigma)
    steepness = _INVERSE_SQRT_PI / (sigma * math.sqrt(2.0))
    if lost is None:
        return square_exp(xp, xp.full_like(z, steepness), z)
    return square_exp(xp, (1.0 - z * lost * 2.0) * steepness, z)


def _laplace_second_derivative(xp: Any, x: Any, *, mu: float, sigma: float) -> Any:
    z, lost = _argument(xp, x, mu, sigma)
    linear = z if lost is None else z + lost * (1.0 - z * z * 2.0)
    return square_exp(xp, linear * (_INVERSE_SQRT_PI / sigma**2), z)


ACTIVATIONS = (
    Activation(
        name="gelu",
        forward=gelu,
        derivative=gelu_derivative,
        second_derivative=gelu_second_derivative,
        aliases=("gelu_erf", "gelu_python"),
        limits=_limits,
        formula=r"\tfrac{x}{2} \operatorname{erfc}(-x / \sqrt{2})",
        summary="Gaussian error linear unit, exact.",
        source=_SOURCE,
    ),
    Activation(
        name="clipped_gelu",
        forward=_clipped_gelu,
        derivative=_clipped_gelu_derivative,
        second_derivative=_clipped_gelu_second_derivative,
        parameters=[
            Parameter("min_value", -10.0, "smallest value"),
            Parameter("max_value", 10.0, "largest value"),
        ],
        constraint=ends_in_order,
        aliases=("gelu_10",),
        kinks=_clipped_gelu_kinks,
        limits=_clipped_gelu_limits,
        formula=r"\min(\max(\tfrac{x}{2} \operatorname{erfc}(-x / \sqrt{2}), a), b)",
        summary="Exact GELU, clipped to an interval.",
        source="Wu et al. 2020, arXiv:2004.09602",
    ),
    Activation(
        name="gelu_tanh",
        forward=gelu_tanh,
        derivative=gelu_tanh_derivative,
        second_derivative=gelu_tanh_second_derivative,
        aliases=(
            "gelu_approx",
            "gelu_new",
            "gelu_fast",
            "gelu_accurate",
            "gelu_pytorch_tanh",
            "gelu_python_tanh",
        ),
        limits=_limits,
        formula=r"\tfrac{x}{2} (1 + \tanh(\sqrt{2 / \pi} (x + 0.044715 x^3)))",
        summary="GELU, approximated with tanh; the error is at most 4.7e-4.",
        source=_SOURCE,
    ),
    Activation(
        name="quick_gelu",
        forward=_quick_gelu,
        derivative=_quick_gelu_derivative,
        second_derivative=_quick_gelu_second_derivative,
        aliases=("gelu_quick",),
        limits=_limits,
        formula=r"x \cdot \sigma(1.702 x)",
        summary="GELU, approximated with a sigmoid; the error is at most 0.02.",
        source=_SOURCE,
    ),
    Activation(
        name="gaussian",
        forward=_gaussian,
        limits=lambda: Limits((0.0, 0.0), (0.0, -0.0)),
        formula="e^{-x^2}",
        summary="The bell curve, with the value 1 at 0.",
        source="Hartman, Keeler & Kowalski 1990, Layered neural networks with Gaussian hidden "
        "units as universal approximations",
    ),
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
