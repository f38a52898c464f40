"""Smooth activations of the form x times a gate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from unified_act.activation import Activation, Limits, Parameter
from unified_act.catalogue._common import (
    EXP_IS_ZERO,
    INFINITY,
    POSITIVE,
    at_least,
    gated,
    gated_derivative,
    gated_second_derivative,
    sech_squared,
    split_exp,
    tanh,
    tanh_second_derivative,
    within,
)
from unified_act.special import Crossover, times_gaussian

__all__ = ["ACTIVATIONS", "silu", "silu_derivative"]


def silu(xp: Any, x: Any, *, beta: float) -> Any:
    """x·sigmoid(βx)."""
    z = x * beta
    # Where the gate is 0 its input is replaced by a finite one: -inf · 0 would be NaN.
    return gated(xp, xp.where(z < -EXP_IS_ZERO, -1.0, x), z)


def silu_derivative(xp: Any, x: Any, *, beta: float) -> Any:
    """The derivative of `silu`."""
    z = within(xp, x * beta, EXP_IS_ZERO)
    return gated_derivative(xp, z, z)


def _silu_second_derivative(xp: Any, x: Any, *, beta: float) -> Any:
    z = within(xp, x * beta, EXP_IS_ZERO)
    return gated_second_derivative(xp, z, 2.0 * beta, xp.abs(z) * beta)


# mish is x·g with g = tanh(softplus(x)), a quotient of sums of positive terms n/d. Below, e is
# exp(-|x|), and as in `gated` it enters as two factors where x is negative.


def _mish_parts(xp: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """Whether x is positive, exp(-|x|/2), its square e, and d."""
    root = xp.exp(xp.abs(x) * -0.5)
    e = root * root
    positive = x > 0.0
    return positive, root, e, xp.where(positive, e * (e + 1.0) * 2.0 + 1.0, e * (e + 2.0) + 2.0)


def _mish(xp: Any, x: Any) -> Any:
    x = at_least(xp, x, -EXP_IS_ZERO)
    e, rest = split_exp(xp, xp.abs(x))
    right = x * (e * 2.0 + 1.0) / (e * (e + 1.0) * 2.0 + 1.0)
    return xp.where(x > 0.0, right, x * (e + 2.0) / (e * (e + 2.0) + 2.0) * e * rest)


def _mish_derivative(xp: Any, x: Any) -> Any:
    x = within(xp, x, EXP_IS_ZERO)
    positive, root, e, denominator = _mish_parts(xp, x)
    # g + x·g′ with g′ = 4 e (e + 1)/d² on the left, and one more e on the right.
    slope = x * (e + 1.0) * 4.0
    left = ((e + 2.0) * denominator + slope) * root * root
    right = (e * 2.0 + 1.0) * denominator + slope * e * e
    return xp.where(positive, right, left) / (denominator * denominator)


def _mish_second_derivative(xp: Any, x: Any) -> Any:
    x = within(xp, x, EXP_IS_ZERO)
    positive, root, e, denominator = _mish_parts(xp, x)
    # 2g′ + x·g″ with g″ = 4 e q/d³ on the left, and one more e on the right.
    left = ((e * -2.0 - 3.0) * e + 2.0) * e + 2.0
    right = ((e * 2.0 + 2.0) * e - 3.0) * e - 2.0
    bracket = (e + 1.0) * denominator * 2.0 + x * xp.where(positive, right, left)
    once = bracket * 4.0 * root * root
    cube = denominator * denominator * denominator
    return xp.where(positive, once * e, once) / cube


def _lisht(xp: Any, x: Any) -> Any:
    return x * tanh(xp, x)


def _lisht_derivative(xp: Any, x: Any) -> Any:
    bounded = within(xp, x, EXP_IS_ZERO)  # infinity · 0 would be NaN
    e = xp.exp(xp.abs(bounded) * -2.0)
    return tanh(xp, x) + bounded * e * 4.0 / ((e + 1.0) * (e + 1.0))


def _lisht_second_derivative(xp: Any, x: Any) -> Any:
    # 2 (1 - x tanh x) tanh′, where 1 - x tanh x grows and must not magnify a rounded tanh′.
    x = within(xp, x, EXP_IS_ZERO)
    root = xp.exp(-xp.abs(x))
    e = root * root
    return (1.0 - x * tanh(xp, x)) * 8.0 / ((e + 1.0) * (e + 1.0)) * root * root


# telu, serf and smish are x·g too, and g is about e^x far on the left, where it is made of two
# factors; what is left of it there is its ratio to e^x.

_TANH_EXP_IS_ONE: Crossover = 7.0
"""tanh(e^x) is 1 from here on, and its slope is 0, in every dtype."""
_RATIO_IS_ONE: Crossover = 1e-18
"""tanh(z)/z and log(1 + z)/z are 1 up to here, in every dtype."""
_TWO_OVER_SQRT_PI = 2.0 / math.sqrt(math.pi)


def _ratio(xp: Any, value: Any, e: Any, at_0: float) -> Any:
    """value/e, and its limit where e is next to nothing."""
    tiny = e < _RATIO_IS_ONE
    return xp.where(tiny, at_0, value / xp.where(tiny, 1.0, e))


def _telu(xp: Any, x: Any) -> Any:
    x = at_least(xp, x, -EXP_IS_ZERO)
    e, rest = split_exp(xp, -xp.where(x > _TANH_EXP_IS_ONE, _TANH_EXP_IS_ONE, x))
    return x * tanh(xp, e) * rest


def _telu_parts(xp: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """The root of u = e^x, u, tanh(u) and 1/cosh(u)."""
    root = xp.exp(xp.where(x > _TANH_EXP_IS_ONE, _TANH_EXP_IS_ONE, x) * 0.5)
    u = root * root
    decay = xp.exp(-u)
    return root, u, tanh(xp, u), decay * 2.0 / (decay * decay + 1.0)


def _telu_derivative(xp: Any, x: Any) -> Any:
    x = within(xp, x, EXP_IS_ZERO)
    root, u, step, sech = _telu_parts(xp, x)
    left = (_ratio(xp, step, u, 1.0) + x * sech * sech) * root * root
    return xp.where(x < 0.0, left, step + x * sech * u * sech)


def _telu_second_derivative(xp: Any, x: Any) -> Any:
    x = within(xp, x, EXP_IS_ZERO)
    root, u, step, sech = _telu_parts(xp, x)
    return (2.0 + x * (1.0 - u * step * 2.0)) * root * sech * (root * sech)


def _serf(xp: Any, x: Any) -> Any:
    x = at_least(xp, x, -EXP_IS_ZERO)
    e, rest = split_exp(xp, xp.abs(x))
    value = x * xp.erf(xp.where(x > 0.0, x, 0.0) + xp.log1p(e))
    return xp.where(x > 0.0, value, value * rest)


def _serf_parts(xp: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """exp(-|x|/2), its square e, 1/(1 + e), and the softplus."""
    root = xp.exp(xp.abs(x) * -0.5)
    e = root * root
    return root, e, 1.0 / (e + 1.0), xp.where(x > 0.0, x, 0.0) + xp.log1p(e)


def _serf_derivative(xp: Any, x: Any) -> Any:
    x = within(xp, x, EXP_IS_ZERO)
    root, e, share, softplus = _serf_parts(xp, x)
    step = xp.erf(softplus)
    bell = times_gaussian(xp, x * share * _TWO_OVER_SQRT_PI, softplus)
    left = (_ratio(xp, step, e, _TWO_OVER_SQRT_PI) + bell) * root * root
    return xp.where(x > 0.0, step + bell, left)


def _serf_second_derivative(xp: Any, x: Any) -> Any:
    x = within(xp, x, EXP_IS_ZERO)
    root, e, share, softplus = _serf_parts(xp, x)
    rise, rest = xp.where(x > 0.0, share, e * share), xp.where(x > 0.0, e * share, share)
    bracket = 2.0 + x * (rest - softplus * rise * 2.0)
    bell = times_gaussian(xp, bracket * share * _TWO_OVER_SQRT_PI, softplus)
    return xp.where(x > 0.0, bell, bell * root * root)


# With e = exp(-|x|), the gate of smish is e (3e + 2)/d on the left and (2e + 3)/d on the right.


def _smish(xp: Any, x: Any) -> Any:
    x = at_least(xp, x, -EXP_IS_ZERO)
    e, rest = split_exp(xp, xp.abs(x))
    right = (e * 2.0 + 3.0) / ((e * 2.0 + 6.0) * e + 5.0)
    left = x * (e * 3.0 + 2.0) / ((e * 5.0 + 6.0) * e + 2.0) * e * rest
    return xp.where(x > 0.0, x * right, left)


def _smish_parts(xp: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """Whether x is positive, exp(-|x|/2), its square e, and d."""
    root = xp.exp(xp.abs(x) * -0.5)
    e = root * root
    positive = x > 0.0
    left, right = (e * 5.0 + 6.0) * e + 2.0, (e * 2.0 + 6.0) * e + 5.0
    return positive, root, e, xp.where(positive, right, left)


def _smish_derivative(xp: Any, x: Any) -> Any:
    x = within(xp, x, EXP_IS_ZERO)
    positive, root, e, denominator = _smish_parts(xp, x)
    slope = x * (e + 1.0) * 4.0  # times e (2e + 1)/d² on the left, e (e + 2)/d² on the right
    left = ((e * 3.0 + 2.0) * denominator + slope * (e * 2.0 + 1.0)) * root * root
    right = (e * 2.0 + 3.0) * denominator + slope * (e + 2.0) * e
    return xp.where(positive, right, left) / (denominator * denominator)


def _smish_second_derivative(xp: Any, x: Any) -> Any:
    x = within(xp, x, EXP_IS_ZERO)
    positive, root, e, denominator = _smish_parts(xp, x)
    slope = (e + 1.0) * xp.where(positive, e + 2.0, e * 2.0 + 1.0)
    left = (((e * -10.0 - 18.0) * e - 3.0) * e + 6.0) * e + 2.0
    right = (((e * 2.0 + 6.0) * e - 3.0) * e - 18.0) * e - 10.0
    bracket = slope * denominator * 2.0 + x * xp.where(positive, right, left)
    return bracket * 4.0 * root / (denominator * denominator * denominator) * root


def _silut_parts(threshold: float) -> tuple[float, float]:
    """The slope and the value of silu at the threshold."""
    e = math.exp(-threshold)
    share = 1.0 / (1.0 + e)
    return share + threshold * share * (e * share), threshold * share


def _silut_joined(
    xp: Any, x: Any, threshold: float, below: Callable[..., Any], above: Callable[..., Any]
) -> Any:
    """``below(xp, x, beta=1.0)`` up to the threshold, ``above(distance, slope, value)`` from it."""
    far = x >= threshold
    distance = xp.where(far, x, threshold) - threshold
    left = below(xp, xp.where(far, 0.0, x), beta=1.0)
    return xp.where(far, above(distance, *_silut_parts(threshold)), left)


def _silut(xp: Any, x: Any, *, threshold: float) -> Any:
    return _silut_joined(xp, x, threshold, silu, lambda d, slope, at: tanh(xp, d * slope) + at)


def _silut_derivative(xp: Any, x: Any, *, threshold: float) -> Any:
    def above(distance: Any, slope: float, _: float) -> Any:
        return sech_squared(xp, distance * slope, slope)

    return _silut_joined(xp, x, threshold, silu_derivative, above)


def _silut_second_derivative(xp: Any, x: Any, *, threshold: float) -> Any:
    def above(distance: Any, slope: float, _: float) -> Any:
        return tanh_second_derivative(xp, distance * slope, slope * slope)

    return _silut_joined(xp, x, threshold, _silu_second_derivative, above)


ACTIVATIONS = (
    Activation(
        name="silu",
        forward=silu,
        derivative=silu_derivative,
        second_derivative=_silu_second_derivative,
        parameters=[
            Parameter("beta", 1.0, "steepness of the gate", low=POSITIVE, learned_by="silu_beta")
        ],
        aliases=("swish",),
        limits=lambda beta: Limits((-0.0, INFINITY), (0.0, 1.0)),
        formula=r"x \cdot \sigma(\beta x)",
        summary="Sigmoid linear unit, also called swish.",
        source="Elfwing, Uchibe & Doya 2017, arXiv:1702.03118; "
        "Ramachandran, Zoph & Le 2017, arXiv:1710.05941",
    ),
    Activation(
        name="mish",
        forward=_mish,
        derivative=_mish_derivative,
        second_derivative=_mish_second_derivative,
        limits=lambda: Limits((-0.0, INFINITY), (0.0, 1.0)),
        formula=r"x \cdot \tanh(\log(1 + e^x))",
        summary="The input times the tanh of its softplus.",
        source="Misra 2019, arXiv:1908.08681",
    ),
    Activation(
        name="lisht",
        forward=_lisht,
        derivative=_lisht_derivative,
        second_derivative=_lisht_second_derivative,
        limits=lambda: Limits((INFINITY, INFINITY), (-1.0, 1.0)),
        formula=r"x \cdot \tanh x",
        summary="The input times its hyperbolic tangent; never negative.",
        source="Roy, Manna, Dubey & Chaudhuri 2019, arXiv:1901.05894",
    ),
    Activation(
        name="telu",
        forward=_telu,
        derivative=_telu_derivative,
        second_derivative=_telu_second_derivative,
        limits=lambda: Limits((-0.0, INFINITY), (0.0, 1.0)),
        formula=r"x \cdot \tanh(e^x)",
        summary="The input times the hyperbolic tangent of its exponential.",
        source="Fernandez & Mali 2024, arXiv:2412.20269",
    ),
    Activation(
        name="serf",
        forward=_serf,
        derivative=_serf_derivative,
        second_derivative=_serf_second_derivative,
        limits=lambda: Limits((-0.0, INFINITY), (0.0, 1.0)),
        formula=r"x \cdot \operatorname{erf}(\log(1 + e^x))",
        summary="The input times the error function of its softplus.",
        source="Nag & Bhattacharyya 2021, arXiv:2108.09598",
    ),
    Activation(
        name="smish",
        forward=_smish,
        derivative=_smish_derivative,
        second_derivative=_smish_second_derivative,
        limits=lambda: Limits((-0.0, INFINITY), (0.0, 0.6)),
        formula=r"x \cdot \tanh(\log(1 + \sigma(x)))",
        summary="Mish with the sigmoid in the place of the exponential.",
        source="Wang, Ren & Wang 2022, Smish: a novel activation function for deep learning "
        "methods",
    ),
    Activation(
        name="silut",
        forward=_silut,
        derivative=_silut_derivative,
        second_derivative=_silut_second_derivative,
        parameters=[Parameter("threshold", 3.0, "input from which on it saturates", low=0.0)],
        aliases=("custom_silu",),
        limits=lambda threshold: Limits((-0.0, _silut_parts(threshold)[1] + 1.0), (0.0, 0.0)),
        formula=r"\begin{cases} \tanh(\operatorname{silu}'(\theta) (x - \theta)) "
        r"+ \operatorname{silu}(\theta) & x \ge \theta \\ \operatorname{silu}(x) & x < \theta "
        r"\end{cases}",
        summary="SiLU up to a threshold, continued by a hyperbolic tangent.",
        source="Zeng et al. 2025, DeePMD-kit v3",
    ),
)
