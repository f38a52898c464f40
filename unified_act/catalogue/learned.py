"""Activations with weights that are learned: one, one for each channel, or of any shape."""

from __future__ import annotations

import math
from typing import Any

from unified_act.activation import Activation, Parameter
from unified_act.catalogue._common import (
    EXP_IS_ZERO,
    gated_derivative,
    relu,
    relu_derivative,
    within,
)
from unified_act.special import Crossover, is_wide, polynomial, sigmoid

__all__ = ["ACTIVATIONS"]

_QUARTER_TURN = math.pi / 4.0
_BEYOND_ANGLES: Crossover = 2.0**60
"""From here on, the next number of every dtype is many turns away, and a wave is lost in x."""


_ROOT_IS_ZERO: Crossover = 2.0 * EXP_IS_ZERO
"""exp(-z/2) is 0 from here on, in every dtype."""
_FAR: Crossover = -40.0
"""e^x is nothing beside 1 from here on, in every dtype."""


def _prelu(xp: Any, x: Any, weight: Any) -> Any:
    # The inner `where` keeps weight · inf out of the unused branch.
    return xp.where(x > 0.0, x, weight * xp.where(x > 0.0, 0.0, x))


def _prelu_derivative(xp: Any, x: Any, weight: Any) -> tuple[Any, Any]:
    return xp.where(x > 0.0, 1.0, weight), xp.where(x > 0.0, 0.0, x)


def _star_relu(xp: Any, x: Any, scale: Any, bias: Any) -> Any:
    positive = relu(xp, x)
    return scale * positive * positive + bias


def _star_relu_derivative(xp: Any, x: Any, scale: Any, bias: Any) -> tuple[Any, Any, Any]:
    positive = relu(xp, x)
    return scale * positive * 2.0, positive * positive, xp.full_like(x, 1.0)


def _tlu(xp: Any, x: Any, tau: Any) -> Any:
    return xp.where(x <= tau, tau, xp.where(x > tau, x, x + tau))  # NaN if either is


def _tlu_derivative(xp: Any, x: Any, tau: Any) -> tuple[Any, Any]:
    above = relu_derivative(xp, xp.where(x > tau, 1.0, xp.full_like(x, 0.0)))
    return above, 1.0 - above


def _wave(xp: Any, x: Any, frequency: Any) -> tuple[Any, Any]:
    """The input and its angle, both 0 where the angle says nothing any more."""
    angle = x * frequency
    told = xp.abs(angle) < _BEYOND_ANGLES
    return xp.where(told, x, 0.0), xp.where(told, angle, 0.0)


_SERIES_UP_TO: Crossover = 1.0
"""Up to here the series below say more than the functions that they stand for."""
_SINC = [(-1.0) ** k / math.factorial(2 * k + 1) for k in range(10)]
_EXCESS = [1.0 / math.factorial(k + 2) for k in range(18)]


def _sinc(xp: Any, z: Any) -> Any:
    """sin(z)/z, near 0 by its series, which can be differentiated there."""
    near = xp.abs(z) < _SERIES_UP_TO
    small, large = xp.where(near, z, 0.0), xp.where(near, 1.0, z)
    return xp.where(near, polynomial(small * small, _SINC), xp.sin(large) / large)


def _excess(xp: Any, x: Any) -> Any:
    """e^x - 1 - x for x ≤ 0, near 0 by its series: the difference would cancel."""
    near = x > -_SERIES_UP_TO
    small = xp.where(near, x, 0.0)
    return xp.where(near, small * small * polynomial(small, _EXCESS), xp.expm1(x) - x)


def _snake(xp: Any, x: Any, alpha: Any) -> Any:
    near, angle = _wave(xp, x, alpha)
    sine = xp.sin(angle)
    if is_wide(xp):
        return x + sine * sine * (1.0 / xp.where(xp.abs(alpha) > 0.0, alpha, 1.0))
    # sin²(αx)/α = x·sin(αx)·sin(αx)/(αx), which has a limit at α = 0.
    return x + near * sine * _sinc(xp, angle)


def _snake_derivative(xp: Any, x: Any, alpha: Any) -> tuple[Any, Any]:
    near, angle = _wave(xp, x, alpha)
    root = xp.sin(angle + _QUARTER_TURN)  # 1 + sin(2z) = 2 sin²(z + π/4), which does not cancel
    once = near * _sinc(xp, angle)
    return root * root * 2.0, near * (near * _sinc(xp, angle * 2.0)) * 2.0 - once * once


# sin²(z)/z twice differentiated, by its series, divided by z; in powers of z².
_BEND = [
    (-1.0) ** (j + 1) * 2.0 ** (2 * j + 3) * (2 * j + 3) * (2 * j + 2) / math.factorial(2 * j + 4)
    for j in range(14)
]


def _snake_second_derivative(xp: Any, x: Any, alpha: Any) -> tuple[tuple[Any, Any], ...]:
    close, angle = _wave(xp, x, alpha)
    turn = xp.sin(angle * 2.0 + 2.0 * _QUARTER_TURN) * 2.0  # 2 cos(2z)
    turn = xp.where(close == x, turn, 0.0)  # where no wave is told, x is all
    near = xp.abs(angle) < _SERIES_UP_TO
    small, large = xp.where(near, angle, 0.0), xp.where(near, 1.0, angle)
    sine = xp.sin(large) / large
    beyond = (turn - xp.sin(large * 2.0) / large * 2.0 + sine * sine * 2.0) / large
    bend = xp.where(near, small * polynomial(small * small, _BEND), beyond)
    mixed = close * turn
    return (turn * alpha, mixed), (mixed, close * (close * (close * bend)))


def _snake_beta(xp: Any, x: Any, alpha: Any, beta: Any) -> Any:
    sine = xp.sin(_wave(xp, x, xp.exp(alpha))[1])
    return x + sine * sine * xp.exp(-beta)


def _snake_beta_derivative(xp: Any, x: Any, alpha: Any, beta: Any) -> tuple[Any, Any, Any]:
    near, angle = _wave(xp, x, xp.exp(alpha))
    ratio = xp.exp(alpha - beta)
    sine, double, root = xp.sin(angle), xp.sin(angle * 2.0), xp.sin(angle + _QUARTER_TURN)
    # 1 + r·sin(2z) cancels where the sine is near -1 and r near 1. Elsewhere the other form does.
    flat = xp.where(double < -0.5, xp.abs(ratio - 1.0), 1.0) < 0.5
    slope = xp.where(flat, 1.0 - ratio + root * root * ratio * 2.0, 1.0 + double * ratio)
    return slope, near * double * ratio, -(sine * sine) * xp.exp(-beta)


def _snake_beta_second_derivative(
    xp: Any, x: Any, alpha: Any, beta: Any
) -> tuple[tuple[Any, Any, Any], ...]:
    frequency, ratio = xp.exp(alpha), xp.exp(alpha - beta)
    near, angle = _wave(xp, x, frequency)
    single, double = xp.sin(angle), xp.sin(angle * 2.0) * ratio
    turn = xp.sin(angle * 2.0 + 2.0 * _QUARTER_TURN) * 2.0 * ratio  # 2 r·cos(2z)
    turn = xp.where(near == x, turn, 0.0)  # where no wave is told, x is all
    mixed = double + angle * turn
    return (
        (turn * frequency, mixed, -double),
        (mixed, near * mixed, -near * double),
        (-double, -near * double, single * single * xp.exp(-beta)),
    )


def _xielu(xp: Any, x: Any, alpha_p: Any, alpha_n: Any, *, beta: float) -> Any:
    positive, negative = relu(xp, x), xp.where(x > 0.0, 0.0, x)
    right = positive * (alpha_p * positive + beta)
    near = xp.where(negative < _FAR, 0.0, negative)
    left = alpha_n * _excess(xp, near) + near * beta
    # Where one infinity would meet another, or a slope of 0.
    far = (beta - alpha_n) * xp.where(alpha_n == beta, 0.0, negative) - alpha_n
    return xp.where(x > 0.0, right, xp.where(negative < _FAR, far, left))


def _xielu_derivative(
    xp: Any, x: Any, alpha_p: Any, alpha_n: Any, *, beta: float
) -> tuple[Any, Any, Any]:
    positive, negative = relu(xp, x), xp.where(x > 0.0, 0.0, x)
    change = xp.expm1(negative)
    slope = xp.where(x > 0.0, alpha_p * positive * 2.0, alpha_n * change) + beta
    return slope, positive * positive, _excess(xp, negative)


def _xielu_second_derivative(
    xp: Any, x: Any, alpha_p: Any, alpha_n: Any, *, beta: float
) -> tuple[tuple[Any, Any, Any], ...]:
    del beta
    positive, negative = relu(xp, x), xp.where(x > 0.0, 0.0, x)
    bend = xp.where(x > 0.0, alpha_p * 2.0, alpha_n * xp.exp(negative))
    nothing = xp.full_like(x, 0.0)
    by_p, by_n = positive * 2.0, xp.expm1(negative)
    return (bend, by_p, by_n), (by_p, nothing, nothing), (by_n, nothing, nothing)


def _pelu_parts(xp: Any, x: Any, b: Any) -> tuple[Any, Any, Any]:
    """x/b, what is negative of it, and the root of its exponential."""
    share = x / b
    # Where the exponential is 0 its input is replaced by a finite one: -inf · 0 would be NaN.
    ended = xp.where(share < -_ROOT_IS_ZERO, -_ROOT_IS_ZERO, share)
    negative = xp.where(x > 0.0, 0.0, ended)
    return xp.where(x > 0.0, share, ended), negative, xp.exp(negative * 0.5)


def _pelu(xp: Any, x: Any, a: Any, b: Any) -> Any:
    _, negative, _ = _pelu_parts(xp, x, b)
    return xp.where(x > 0.0, a / b * xp.where(x > 0.0, x, 0.0), a * xp.expm1(negative))


def _pelu_derivative(xp: Any, x: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    share, negative, root = _pelu_parts(xp, x, b)
    slope = a / b * root
    by_a = xp.where(x > 0.0, share, xp.expm1(negative))
    return slope * root, by_a, -(slope * share * root)


def _pelu_second_derivative(xp: Any, x: Any, a: Any, b: Any) -> tuple[tuple[Any, Any, Any], ...]:
    share, negative, root = _pelu_parts(xp, x, b)
    mixed = root / b
    bend = a / b * mixed
    by_x_and_b, by_a_and_b = -(bend * (negative + 1.0) * root), -(mixed * share * root)
    by_b_twice = bend * share * (negative + 2.0) * root
    nothing = xp.full_like(share, 0.0)
    return (
        (xp.where(x > 0.0, 0.0, bend * root), mixed * root, by_x_and_b),
        (mixed * root, nothing, by_a_and_b),
        (by_x_and_b, by_a_and_b, by_b_twice),
    )


def _srelu(xp: Any, x: Any, t_left: Any, a_left: Any, t_right: Any, a_right: Any) -> Any:
    left, right = t_left + a_left * (x - t_left), t_right + a_right * (x - t_right)
    return xp.where(x >= t_right, right, xp.where(x <= t_left, left, x))


# Of silu_beta and softplus_beta z is βx. exp(-|z|) enters as two factors exp(-|z|/2), so that what
# magnifies it, an x or 1/β, can come between them. torch.compile of torch.func.grad differentiates
# the functions themselves: at z = 0 the branch of the negative numbers is taken everywhere.

_RATIO_IS_ONE: Crossover = 1e-18
"""Up to here log(1 + e) is e, in every dtype."""


_HUGE: Crossover = 2.0**400
"""Beyond float32, but not float64. Its product with the smallest number of float32 is huge too, and
exp(-z) for such a z is nothing beside its square."""


def _finite(xp: Any, x: Any) -> Any:
    """`x` of a wide type, with a huge number for an infinity."""
    # In a comparison with float32 the bound is infinite itself.
    return xp.where(x <= -_HUGE, -_HUGE, xp.where(x >= _HUGE, _HUGE, x))


def _steepened(xp: Any, x: Any, beta: Any) -> tuple[Any, Any, Any, Any]:
    """z, |z|, exp(-|z|/2), and an x that is finite where that is 0. A wide z may be infinite."""
    if is_wide(xp):
        near = _finite(xp, x)
        z = near * beta
        size = xp.abs(z)
        return z, size, xp.exp(size * -0.5), near
    finite = xp.where(xp.isinf(x), 0.0, x)
    z = within(xp, xp.where(beta == 0.0, finite, x) * beta, _ROOT_IS_ZERO)
    size = xp.where(z > 0.0, z, -z)
    sign = xp.where(x < 0.0, -1.0, xp.full_like(x, 1.0))
    return z, size, xp.exp(size * -0.5), xp.where(size == _ROOT_IS_ZERO, sign, x)


def _silu_beta(xp: Any, x: Any, beta: Any) -> Any:
    z, size, root, near = _steepened(xp, x, beta)
    if is_wide(xp):
        e = xp.exp(-size)
        return xp.where(z > 0.0, x, near * e) / (e + 1.0)
    return xp.where(z > 0.0, x, near * root * root) / (root * root + 1.0)


def _silu_beta_derivative(xp: Any, x: Any, beta: Any) -> tuple[Any, Any]:
    z, size, root, near = _steepened(xp, x, beta)
    if is_wide(xp):
        e = xp.exp(-size)
        by_x = gated_derivative(xp, z, _finite(xp, z))
        return by_x, near * near * e / ((e + 1.0) * (e + 1.0))
    share = near * root / (root * root + 1.0)
    return gated_derivative(xp, z, z), share * share


def _silu_beta_second_derivative(xp: Any, x: Any, beta: Any) -> tuple[tuple[Any, Any], ...]:
    z, size, root, near = _steepened(xp, x, beta)
    e = root * root
    decay = xp.expm1(-size) / (e + 1.0)  # σ″/σ′, but for the sign
    slope = root / ((e + 1.0) * (e + 1.0))
    bracket = 2.0 + size * decay  # (2σ′ + zσ″)/σ′
    mixed = near * root * bracket * slope
    near = xp.where(xp.isinf(near), 0.0, near)  # which the 0 of `decay` would meet
    third = near * root * xp.where(z > 0.0, decay, -decay) * near * (near * slope)
    return (beta * root * bracket * slope, mixed), (mixed, third)


def _tail(xp: Any, e: Any) -> Any:
    """log(1 + e)/e."""
    tiny = e < _RATIO_IS_ONE
    return xp.where(tiny, 1.0, xp.log1p(e) / xp.where(tiny, 1.0, e))


def _softplus_beta(xp: Any, x: Any, beta: Any) -> Any:
    z, size, root, _ = _steepened(xp, x, beta)
    if is_wide(xp):
        return xp.where(z > 0.0, x, 0.0) + xp.log1p(xp.exp(-size)) / beta
    return xp.where(z > 0.0, x, 0.0) + root / beta * root * _tail(xp, root * root)


def _softplus_beta_derivative(xp: Any, x: Any, beta: Any) -> tuple[Any, Any]:
    z, size, root, _ = _steepened(xp, x, beta)
    # By β it is (zσ(z) - log(1 + e^z))/β², where z cancels in both if it is positive.
    if is_wide(xp):
        e = xp.exp(-size)
        return sigmoid(xp, z), -(_finite(xp, size) * e / (e + 1.0) + xp.log1p(e)) / (beta * beta)
    e, share = root * root, root / beta
    return sigmoid(xp, z), -share * (size / (e + 1.0) + _tail(xp, e)) * share


def _softplus_beta_second_derivative(xp: Any, x: Any, beta: Any) -> tuple[tuple[Any, Any], ...]:
    _, size, root, near = _steepened(xp, x, beta)
    e, share = root * root, root / beta
    slope = root / ((e + 1.0) * (e + 1.0))
    mixed = near * root * slope
    ratio = size / (e + 1.0)
    bracket = ratio * ratio + (ratio + _tail(xp, e)) * 2.0
    return (beta * root * slope, mixed), (mixed, share * bracket / beta * share)


_AXIS = Parameter("axis", 1, "channel axis of x, for weights with one number for each channel")

ACTIVATIONS = (
    Activation(
        name="prelu",
        kind="learned",
        inputs=("x", "weight"),
        initial={"weight": 0.25},
        forward=_prelu,
        derivative=_prelu_derivative,
        parameters=[_AXIS],
        aliases=("parametric_relu",),
        formula=r"\begin{cases} x & x > 0 \\ w x & x \le 0 \end{cases}",
        summary="Leaky ReLU whose slope is learned: one weight, or one for each channel.",
        source="He, Zhang, Ren & Sun 2015, arXiv:1502.01852",
    ),
    Activation(
        name="star_relu",
        kind="learned",
        inputs=("x", "scale", "bias"),
        initial={"scale": 0.8944271909999159, "bias": -0.4472135954999579},
        forward=_star_relu,
        derivative=_star_relu_derivative,
        parameters=[_AXIS],
        formula=r"s \cdot \max(x, 0)^2 + b",
        summary="Squared ReLU with a learned scale and bias.",
        source="Yu et al. 2022, arXiv:2210.13452",
    ),
    Activation(
        name="tlu",
        kind="learned",
        inputs=("x", "tau"),
        initial={"tau": 0.0},
        forward=_tlu,
        derivative=_tlu_derivative,
        parameters=[_AXIS],
        aliases=("thresholded_linear_unit",),
        formula=r"\max(x, \tau)",
        summary="Thresholded linear unit: ReLU with a learned threshold.",
        source="Singh & Krishnan 2020, arXiv:1911.09737",
    ),
    Activation(
        name="snake",
        kind="learned",
        inputs=("x", "alpha"),
        initial={"alpha": 1.0},
        forward=_snake,
        derivative=_snake_derivative,
        second_derivative=_snake_second_derivative,
        parameters=[_AXIS],
        formula=r"x + \frac{\sin^2(\alpha x)}{\alpha}",
        summary="The input plus a squared sine with a learned frequency; for periodic signals.",
        source="Ziyin, Hartwig & Ueda 2020, arXiv:2006.08195",
    ),
    Activation(
        name="snake_beta",
        kind="learned",
        inputs=("x", "alpha", "beta"),
        initial={"alpha": 0.0, "beta": 0.0},
        forward=_snake_beta,
        derivative=_snake_beta_derivative,
        second_derivative=_snake_beta_second_derivative,
        parameters=[_AXIS],
        formula=r"x + e^{-\beta} \sin^2(e^{\alpha} x)",
        summary="Snake with separate weights for frequency and amplitude, both as logarithms.",
        source="Lee, Ping, Ginsburg, Catanzaro & Yoon 2023, arXiv:2206.04658",
    ),
    Activation(
        name="xielu",
        kind="learned",
        inputs=("x", "alpha_p", "alpha_n"),
        initial={"alpha_p": 0.8, "alpha_n": 0.8},
        forward=_xielu,
        derivative=_xielu_derivative,
        second_derivative=_xielu_second_derivative,
        parameters=[_AXIS, Parameter("beta", 0.5, "slope at 0")],
        formula=(
            r"\begin{cases} \alpha_p x^2 + \beta x & x > 0 \\ "
            r"\alpha_n (e^x - 1 - x) + \beta x & x \le 0 \end{cases}"
        ),
        summary="Integral of ELU: quadratic for positive inputs, curved for negative ones.",
        source="Huang & Schlag 2024, arXiv:2411.13010",
    ),
    Activation(
        name="silu_beta",
        kind="learned",
        inputs=("x", "beta"),
        initial={"beta": 1.0},
        forward=_silu_beta,
        derivative=_silu_beta_derivative,
        second_derivative=_silu_beta_second_derivative,
        parameters=[_AXIS],
        aliases=("swish_beta",),
        formula=r"x \cdot \sigma(\beta x)",
        summary="SiLU (swish) with a learned steepness; at steepness 0 it is x/2.",
        source="Ramachandran, Zoph & Le 2017, arXiv:1710.05941",
    ),
    Activation(
        name="softplus_beta",
        kind="learned",
        inputs=("x", "beta"),
        initial={"beta": 1.0},
        forward=_softplus_beta,
        derivative=_softplus_beta_derivative,
        second_derivative=_softplus_beta_second_derivative,
        parameters=[_AXIS],
        formula=r"\frac{1}{\beta} \log(1 + e^{\beta x})",
        summary="Softplus with a learned steepness; it has a pole at steepness 0.",
        source="Dugas, Bengio, Bélisle, Nadeau & Garcia 2001, Incorporating second-order "
        "functional knowledge for better option pricing",
    ),
    Activation(
        name="pelu",
        kind="learned",
        inputs=("x", "a", "b"),
        initial={"a": 1.0, "b": 1.0},
        forward=_pelu,
        derivative=_pelu_derivative,
        second_derivative=_pelu_second_derivative,
        parameters=[_AXIS],
        aliases=("parametric_elu",),
        formula=r"\begin{cases} \tfrac{a}{b} x & x > 0 \\ a (e^{x/b} - 1) & x \le 0 \end{cases}",
        summary="ELU with a learned saturation value and a learned width, both positive.",
        source="Trottier, Giguère & Chaib-draa 2016, arXiv:1605.09332",
    ),
    Activation(
        name="srelu",
        kind="learned",
        inputs=("x", "t_left", "a_left", "t_right", "a_right"),
        initial={"t_left": 0.0, "a_left": 0.2, "t_right": 1.0, "a_right": 1.0},
        forward=_srelu,
        parameters=[_AXIS],
        aliases=("s_shaped_relu",),
        formula=r"\begin{cases} t_r + a_r (x - t_r) & x \ge t_r \\ x & t_l < x < t_r \\ "
        r"t_l + a_l (x - t_l) & x \le t_l \end{cases}",
        summary="S-shaped ReLU: three straight pieces with learned corners and outer slopes.",
        source="Jin et al. 2016, arXiv:1512.07030",
    ),
)
