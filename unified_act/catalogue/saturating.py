"""Smooth monotone activations that level off: sigmoid, tanh and their relatives."""

from __future__ import annotations

import math
from typing import Any

from unified_act.activation import Activation, Limits, Parameter
from unified_act.catalogue._common import (
    INFINITY,
    POSITIVE,
    sech_squared,
    sigmoid_second_derivative,
    tanh,
    tanh_derivative,
    tanh_second_derivative,
    within,
)
from unified_act.special import Crossover, is_wide, sigmoid, sigmoid_derivative

__all__ = ["ACTIVATIONS"]

_TANH_IS_X: Crossover = 1e-9
"""tanh(x) is x up to here, in every dtype up to float64."""
_TANGENT_IS_LARGE: Crossover = 1e18
"""1 is nothing beside its square, in every dtype."""
_SOFTSIGN_IS_ONE: Crossover = 1e18
"""x / (1 + x) rounds to 1 from here on, in every dtype up to float64."""


def _scaled_tanh(xp: Any, x: Any, *, alpha: float, beta: float) -> Any:
    z = x * beta
    value = tanh(xp, z) * alpha
    if is_wide(xp):
        return value
    # z could be subnormal.
    return xp.where(xp.abs(z) >= _TANH_IS_X, value, x * (alpha * beta))


def _scaled_tanh_derivative(xp: Any, x: Any, *, alpha: float, beta: float) -> Any:
    return sech_squared(xp, x * beta, alpha * beta)


def _scaled_tanh_second_derivative(xp: Any, x: Any, *, alpha: float, beta: float) -> Any:
    return tanh_second_derivative(xp, x * beta, alpha * beta * beta)


def _log_sigmoid(xp: Any, x: Any) -> Any:
    # Negated at the end, so that the far tail is -0.
    return -(xp.log1p(xp.exp(-xp.abs(x))) - xp.where(x < 0.0, x, 0.0))


def _log_sigmoid_derivative(xp: Any, x: Any) -> Any:
    return sigmoid(xp, -x)


def _log_sigmoid_second_derivative(xp: Any, x: Any) -> Any:
    return -sigmoid_derivative(xp, x)


def _softsign(xp: Any, x: Any) -> Any:
    x = within(xp, x, _SOFTSIGN_IS_ONE)  # inf / inf would be NaN
    return x / (xp.abs(x) + 1.0)


def _softsign_derivative(xp: Any, x: Any) -> Any:
    inverse = 1.0 / (xp.abs(x) + 1.0)
    return inverse * inverse  # the square of 1 + |x| could overflow


def _softsign_second_derivative(xp: Any, x: Any) -> Any:
    inverse = 1.0 / (xp.abs(x) + 1.0)
    sign = xp.where(x > 0.0, -2.0, xp.where(x < 0.0, 2.0, xp.full_like(x, 0.0)))
    return sign * inverse * inverse * inverse


def _arctan(xp: Any, x: Any) -> Any:
    return xp.atan(x)


def _arctan_derivative(xp: Any, x: Any) -> Any:
    return _cosine(xp, x) * _cosine(xp, x)  # the square of x could overflow


def _arctan_second_derivative(xp: Any, x: Any) -> Any:
    near, cosine = within(xp, x, _TANGENT_IS_LARGE), _cosine(xp, x)
    return near / xp.sqrt(near * near + 1.0) * -2.0 * cosine * cosine * cosine


def _cosine(xp: Any, x: Any) -> Any:
    """That of arctan(x), 1/√(1 + x²)."""
    near = within(xp, x, _TANGENT_IS_LARGE)
    far = 1.0 / xp.where(xp.abs(x) > _TANGENT_IS_LARGE, xp.abs(x), 1.0)
    return xp.where(xp.abs(x) > _TANGENT_IS_LARGE, far, 1.0 / xp.sqrt(near * near + 1.0))


ACTIVATIONS = (
    Activation(
        name="sigmoid",
        forward=sigmoid,
        derivative=sigmoid_derivative,
        second_derivative=sigmoid_second_derivative,
        aliases=("logistic", "expit"),
        limits=lambda: Limits((0.0, 1.0), (0.0, 0.0)),
        formula=r"\frac{1}{1 + e^{-x}}",
        summary="Logistic sigmoid.",
        source="Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating "
        "errors",
    ),
    Activation(
        name="tanh",
        forward=tanh,
        derivative=tanh_derivative,
        second_derivative=tanh_second_derivative,
        limits=lambda: Limits((-1.0, 1.0), (0.0, 0.0)),
        formula=r"\tanh x",
        summary="Hyperbolic tangent.",
        source="LeCun, Bottou, Orr & Müller 1998, Efficient BackProp",
    ),
    Activation(
        name="scaled_tanh",
        forward=_scaled_tanh,
        derivative=_scaled_tanh_derivative,
        second_derivative=_scaled_tanh_second_derivative,
        parameters=[
            Parameter("alpha", 1.7159, "limit at +∞", low=POSITIVE),
            Parameter("beta", 2.0 / 3.0, "steepness", low=POSITIVE),
        ],
        limits=lambda alpha, beta: Limits((-alpha, alpha), (0.0, 0.0)),
        formula=r"\alpha \tanh(\beta x)",
        summary="Hyperbolic tangent, scaled so that by default f(1) ≈ 1.",
        source="LeCun, Bottou, Orr & Müller 1998, Efficient BackProp",
    ),
    Activation(
        name="log_sigmoid",
        forward=_log_sigmoid,
        derivative=_log_sigmoid_derivative,
        second_derivative=_log_sigmoid_second_derivative,
        aliases=("log_expit",),
        limits=lambda: Limits((-INFINITY, -0.0), (1.0, 0.0)),
        formula=r"-\log(1 + e^{-x})",
        summary="Logarithm of the sigmoid.",
    ),
    Activation(
        name="softsign",
        forward=_softsign,
        derivative=_softsign_derivative,
        second_derivative=_softsign_second_derivative,
        limits=lambda: Limits((-1.0, 1.0), (0.0, 0.0)),
        formula=r"\frac{x}{1 + |x|}",
        summary="Sigmoid with polynomial tails.",
        source="Turian, Bergstra & Bengio 2009, Quadratic features and deep architectures for "
        "chunking",
    ),
    Activation(
        name="arctan",
        forward=_arctan,
        derivative=_arctan_derivative,
        second_derivative=_arctan_second_derivative,
        aliases=("atan",),
        limits=lambda: Limits((-math.pi / 2.0, math.pi / 2.0), (0.0, 0.0)),
        formula=r"\arctan x",
        summary="Inverse tangent: a sigmoid with slowly fading slopes.",
        source="Kamruzzaman & Aziz 2002, A note on activation function in multilayer feedforward "
        "learning",
    ),
)
