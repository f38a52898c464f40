"""`x` times a smooth step."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from flint import arb

from unified_act_conformance.truth.formulas._common import logistic, logistic_derivatives, split
from unified_act_conformance.truth.formulas.saturating import tanh
from unified_act_conformance.truth.record import (
    EVERYTHING,
    Formula,
    Function,
    Number,
    Range,
    Record,
    fixed,
)

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


# The minimum of x sigmoid(x) is -W(1/e), and that of its derivative is at the root of
# (2 + x) = (x - 2) e^x; the others have no closed form. The tests find all of them again.
SILU_MINIMUM = -0.2784645427610738
SILU_SLOPE: Range = (-0.09983932012886691, 1.099839320128867)
SILU_CROSSINGS = (
    *(-1.2784645427610737, -2.3993572805154675, 2.3993572805154675),
    *(-3.435840993535111, 3.435840993535111),
)
_LISHT_STEEPEST = 1.1996786402577337


def _silu_ranges(*, beta: float = 1.0) -> tuple[Range, Range]:
    if beta == 0:
        return EVERYTHING, (0.5, 0.5)
    minimum = SILU_MINIMUM / beta
    return ((minimum, inf) if beta > 0 else (-inf, minimum)), SILU_SLOPE


RECORDS = (
    Record(
        "silu",
        silu,
        variants=({"beta": 1.702},),
        ranges=_silu_ranges,
        crossings=SILU_CROSSINGS,
        families=("gated",),
        family_parameters=({}, {"beta": 1.702}),
    ),
    Record(
        "mish",
        mish,
        ranges=fixed((-0.30884341301725043, inf), (-0.11252612238946255, 1.088498161251728)),
        crossings=(
            *(-1.1924312145154952, -2.256376396360793, 1.4905711794854284),
            *(-3.2673378465204044, -0.08793443131491421, 2.114842563020877),
        ),
        families=("gated",),
    ),
    Record(
        "lisht",
        lisht,
        ranges=fixed((0.0, inf), (-_LISHT_STEEPEST, _LISHT_STEEPEST)),
        crossings=(
            *(-1.1996786402577337, 1.1996786402577337),
            *(-1.7179204967675554, 1.7179204967675554),
        ),
        families=("gated",),
    ),
)
