"""Sigmoids, and the softplus whose slope is one."""

from __future__ import annotations

import math
from math import inf

from flint import arb

from unified_act_conformance.truth.formulas._common import logistic, logistic_derivatives, split
from unified_act_conformance.truth.record import (
    UNIT,
    Formula,
    Function,
    Range,
    Record,
    beyond,
    fixed,
)

_softsign = split(
    1.0, lambda x: x / (1 + abs(x)), lambda x: x.sgn() * (1 - 1 / (1 + abs(x))), by=abs
)


def softsign() -> Formula:
    """`x / (1 + |x|)`; the second derivative jumps at 0 and is taken to be 0 there."""
    return Formula(
        (
            _softsign,
            lambda x: 1 / (1 + abs(x)) ** 2,
            lambda x: -2 * x.sgn() / (1 + abs(x)) ** 3,
            lambda x: 6 / (1 + abs(x)) ** 4,
        ),
        kinks=(0.0,),
    )


def sigmoid() -> Formula:
    """`1 / (1 + e^-x)`."""
    return Formula(
        (
            lambda x: logistic(x)[0],
            lambda x: logistic_derivatives(x)[1],
            lambda x: logistic_derivatives(x)[2],
            lambda x: logistic_derivatives(x)[3],
        )
    )


softplus_value = split(0.0, lambda x: x.exp().log1p(), lambda x: x + (-x).exp().log1p())
"""`log(1 + e^x)`."""


def softplus(*, beta: float = 1.0) -> Formula:
    """`log(1 + e^(beta x)) / beta`, with no threshold."""
    rate = arb(beta)
    return Formula(
        (
            lambda x: softplus_value(rate * x) / rate,
            lambda x: logistic(rate * x)[0],
            lambda x: rate * logistic_derivatives(rate * x)[1],
            lambda x: rate * rate * logistic_derivatives(rate * x)[2],
        )
    )


def log_sigmoid() -> Formula:
    """`-softplus(-x)`."""
    return Formula(
        (
            lambda x: -softplus_value(-x),
            lambda x: logistic(x)[1],
            lambda x: -logistic_derivatives(x)[1],
            lambda x: -logistic_derivatives(x)[2],
        )
    )


def tanh() -> Formula:
    """`tanh x`, whose derivatives are those of `2 sigmoid(2 x)`."""
    return Formula(
        (
            lambda x: x.tanh(),
            lambda x: 4 * logistic_derivatives(2 * x)[1],
            lambda x: 8 * logistic_derivatives(2 * x)[2],
            lambda x: 16 * logistic_derivatives(2 * x)[3],
        )
    )


def scaled_tanh(*, alpha: float = 1.7159, beta: float = 2 / 3) -> Formula:
    """`alpha tanh(beta x)`."""
    rate = arb(beta)

    def scaled(order: int, function: Function) -> Function:
        factor = alpha * rate**order
        return lambda x: factor * function(rate * x)

    first, second, third, fourth = tanh().derivatives
    return Formula((scaled(0, first), scaled(1, second), scaled(2, third), scaled(3, fourth)))


def arctan() -> Formula:
    """The inverse tangent."""
    return Formula(
        (
            lambda x: x.atan(),
            lambda x: 1 / (1 + x * x),
            lambda x: -2 * x / (1 + x * x) ** 2,
            lambda x: (6 * x * x - 2) / (1 + x * x) ** 3,
        )
    )


def _softplus_ranges(*, beta: float = 1.0) -> tuple[Range, Range]:
    return ((0.0, inf) if beta > 0 else (-inf, 0.0)), UNIT


def _scaled_tanh_ranges(*, alpha: float = 1.7159, beta: float = 2 / 3) -> tuple[Range, Range]:
    return (-alpha, alpha), (0.0, beyond(alpha * beta))


RECORDS: tuple[Record, ...] = (
    Record(
        "sigmoid",
        sigmoid,
        tier="elementary",
        ranges=fixed(UNIT, (0.0, beyond(0.25))),
        families=("sigmoid",),
    ),
    Record("log_sigmoid", log_sigmoid, ranges=fixed((-inf, 0.0), UNIT), families=("softplus",)),
    Record(
        "tanh",
        tanh,
        tier="elementary_tanh",
        ranges=fixed((-1.0, 1.0), (0.0, beyond(1.0))),
        families=("sigmoid",),
    ),
    Record(
        "scaled_tanh",
        scaled_tanh,
        variants=({"alpha": 0.7, "beta": 1.3},),
        ranges=_scaled_tanh_ranges,
        crossings=(-0.9877184226936125, 0.9877184226936125),
        families=("sigmoid",),
    ),
    Record(
        "softplus",
        softplus,
        tier="elementary",
        variants=({"beta": 4.7},),
        ranges=_softplus_ranges,
        families=("softplus",),
        family_parameters=({}, {"beta": 5.0}),
    ),
    Record(
        "softsign",
        softsign,
        tier="rational",
        ranges=fixed((-1.0, 1.0), (0.0, beyond(1.0))),
        families=("sigmoid",),
    ),
    Record(
        "arctan",
        arctan,
        tier="elementary",
        ranges=fixed((-math.pi / 2, math.pi / 2), (0.0, beyond(1.0))),
        crossings=(-0.5773502691896257, 0.5773502691896257),
        families=("sigmoid",),
    ),
)
