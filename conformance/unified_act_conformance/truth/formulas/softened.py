"""What lies between ReLU and softplus."""

from __future__ import annotations

import math
from math import inf

from flint import arb

from unified_act_conformance.truth.formulas._common import logistic_derivatives, split
from unified_act_conformance.truth.formulas.piecewise import relu
from unified_act_conformance.truth.formulas.saturating import softplus_value
from unified_act_conformance.truth.record import UNIT, Formula, Function, Number, Record, fixed

_FAR = -2048.0
"""From here on `sqrt(log(1 + e^x))` is `e^(x/2)` but for a factor as close to 1 as this:"""
_ALMOST_ONE = arb(1, arb(2) ** -2000)


def _sqrt_first(x: Number) -> Number:
    return logistic_derivatives(x)[0] / (2 * softplus_value(x).sqrt())


def _sqrt_second(x: Number) -> Number:
    s, first, _, _ = logistic_derivatives(x)
    softplus = softplus_value(x)
    return (first - s * s / (2 * softplus)) / (2 * softplus.sqrt())


def _sqrt_third(x: Number) -> Number:
    s, first, second, _ = logistic_derivatives(x)
    softplus = softplus_value(x)
    bracket = second - 3 * s * first / (2 * softplus) + 3 * s**3 / (4 * softplus**2)
    return bracket / (2 * softplus.sqrt())


def sqrt_softplus() -> Formula:
    """`sqrt(log(1 + e^x))`; the derivative of the softplus is the sigmoid."""

    def joined(order: int, function: Function) -> Function:
        return split(_FAR, lambda x: _ALMOST_ONE * (x / 2).exp() / 2**order, function)

    return Formula(
        (
            joined(0, lambda x: softplus_value(x).sqrt()),
            joined(1, _sqrt_first),
            joined(2, _sqrt_second),
            joined(3, _sqrt_third),
        )
    )


def shifted_softplus() -> Formula:
    """`log((1 + e^x)/2)`."""

    def below(x: Number) -> Number:
        return (x.expm1() / 2).log1p()

    return Formula(
        (
            split(0.0, below, lambda x: x + below(-x)),
            lambda x: logistic_derivatives(x)[0],
            lambda x: logistic_derivatives(x)[1],
            lambda x: logistic_derivatives(x)[2],
        )
    )


def squareplus(*, b: float = 4.0) -> Formula:
    """`(x + sqrt(x^2 + b))/2`, below 0 by way of its product with `(sqrt(x^2 + b) - x)/2`."""
    if b == 0:
        return relu()
    width = arb(b)

    def root(x: Number) -> Number:
        return (x * x + width).sqrt()

    value = split(0.0, lambda x: width / (2 * (root(x) - x)), lambda x: (x + root(x)) / 2)
    return Formula(
        (
            value,
            lambda x: value(x) / root(x),
            lambda x: width / (2 * root(x) ** 3),
            lambda x: -3 * width * x / (2 * root(x) ** 5),
        )
    )


RECORDS = (
    Record(
        "sqrt_softplus",
        sqrt_softplus,
        ranges=fixed((0.0, inf), (0.0, 0.31908634316947576)),
        crossings=(0.9214225086553604, -1.3398599332402226, 2.7263831438512303),
        families=("softplus",),
    ),
    Record(
        "squareplus",
        squareplus,
        tier="elementary",  # one square root, which not every framework rounds correctly
        variants=({"b": 0.0}, {"b": 0.3}),
        ranges=fixed((0.0, inf), UNIT),
        families=("softplus",),
    ),
    Record(
        "shifted_softplus",
        shifted_softplus,
        ranges=fixed((-math.log(2), inf), UNIT),
        families=("softplus",),
    ),
)
