"""`x` times a smooth step."""

from __future__ import annotations

from collections.abc import Callable

from flint import arb

from unified_act_conformance.truth.formulas._common import (
    Formula,
    Function,
    Number,
    logistic,
    logistic_derivatives,
    split,
)
from unified_act_conformance.truth.formulas.saturating import tanh

Gate = Callable[[Number], tuple[Number, Number, Number, Number]]
"""Gives g, g', g'', g'''."""


def gated(gate: Gate) -> Formula:
    """`x g(x)`, by Leibniz.

    Args:
        gate: The step.
    """

    def derivative(order: int) -> Function:
        def evaluate(x: Number) -> Number:
            terms = gate(x)
            return x * terms[order] + order * terms[order - 1] if order else x * terms[0]

        return evaluate

    return Formula((derivative(0), derivative(1), derivative(2), derivative(3)))


def silu(*, beta: float = 1.0) -> Formula:
    """`x sigmoid(beta x)`."""
    rate = arb(beta)

    def gate(x: Number) -> tuple[Number, Number, Number, Number]:
        s, first, second, third = logistic_derivatives(rate * x)
        return s, rate * first, rate**2 * second, rate**3 * third

    return gated(gate)


def _mish_below(x: Number) -> tuple[Number, Number]:
    power = x.exp()
    denominator = 2 + power * (2 + power)
    return power * (2 + power) / denominator, 2 * (1 + power) / denominator


def _mish_above(x: Number) -> tuple[Number, Number]:
    power = (-x).exp()
    denominator = 1 + 2 * power * (1 + power)
    return (1 + 2 * power) / denominator, 2 * power * (1 + power) / denominator


_mish_parts = split(0.0, _mish_below, _mish_above)
"""The tanh and the 1/cosh of `softplus x`, rational in `e^-|x|`, so that neither overflows."""


def mish() -> Formula:
    """`x tanh(softplus x)`."""

    def gate(x: Number) -> tuple[Number, Number, Number, Number]:
        step, root = _mish_parts(x)
        slope = root * root
        s, _, first, difference = logistic(x)
        return (
            step,
            slope * s,
            slope * (first - 2 * step * s * s),
            slope * ((6 * step * step - 2) * s**3 - 6 * step * s * first + first * difference),
        )

    return gated(gate)


def lisht() -> Formula:
    """`x tanh x`."""
    t, first, second, third = tanh().derivatives
    return gated(lambda x: (t(x), first(x), second(x), third(x)))


FORMULAS = (silu, mish, lisht)
