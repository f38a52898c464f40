"""`x` times a smooth step."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import inf

from flint import arb

from unified_act_conformance.truth.formulas._common import logistic, logistic_derivatives, split
from unified_act_conformance.truth.formulas.saturating import softplus_value, tanh
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


_FAR = 64.0
_ALMOST_ONE = arb(1, arb(2) ** -2000)
"""What tanh(e^x) is from there on; the signs of its derivatives alternate."""


def _telu_gate(x: Number) -> tuple[Number, Number, Number, Number]:
    u = x.exp()
    power = (-2 * u).exp()
    step, slope = u.tanh(), 4 * power / (1 + power) ** 2
    turn = u * step
    first = u * slope
    bend = (1 - 2 * turn) ** 2 - 2 * turn - 2 * u * first
    return step, first, first * (1 - 2 * turn), first * bend


def _telu_gate_far(x: Number) -> tuple[Number, Number, Number, Number]:
    rest = (-x).exp() * arb(2) ** -2000
    return _ALMOST_ONE + 0 * x, rest, -rest, rest


def telu() -> Formula:
    """`x tanh(e^x)`."""
    return gated(split(_FAR, _telu_gate, _telu_gate_far))


def serf() -> Formula:
    """`x erf(softplus x)`."""

    def gate(x: Number) -> tuple[Number, Number, Number, Number]:
        plus = softplus_value(x)
        bell = 2 * (-plus * plus).exp() / arb.pi().sqrt()
        s, first, second, _ = logistic_derivatives(x)
        return (
            plus.erf(),
            bell * s,
            bell * (first - 2 * plus * s * s),
            bell * (second - 6 * plus * s * first + (4 * plus * plus - 2) * s**3),
        )

    return gated(gate)


def smish() -> Formula:
    """`x h(s)` with `s` the sigmoid and `h = tanh(log(1 + s))`, a quotient of polynomials."""

    def gate(x: Number) -> tuple[Number, Number, Number, Number]:
        s, s1, s2, s3 = logistic_derivatives(x)
        v = 1 + s
        q = v * v + 1
        h1, h2, h3 = 4 * v / q**2, (4 - 12 * v * v) / q**3, 48 * v * s * (s + 2) / q**4
        return (
            s * (s + 2) / q,
            h1 * s1,
            h2 * s1**2 + h1 * s2,
            h3 * s1**3 + 3 * h2 * s1 * s2 + h1 * s3,
        )

    return gated(gate)


def silut(*, threshold: float = 3.0) -> Formula:
    """`silu` below `threshold`; from there on a tanh, with the same value and slope there."""
    below, wave = silu().derivatives, tanh().derivatives
    value, slope = (below[order](arb(threshold)) for order in (0, 1))

    def joined(order: int) -> Function:
        def above(x: Number) -> Number:
            risen = wave[order](slope * (x - threshold))
            return slope**order * risen if order else risen + value

        return split(-threshold, above, below[order], by=lambda x: -x)

    return Formula((joined(0), joined(1), joined(2), joined(3)), kinks=(threshold,))


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


def _silut_ranges(*, threshold: float = 3.0) -> tuple[Range, Range]:
    """From the slope's maximum on; before, it would be the slope at the threshold."""
    share = 1 / (1 + math.exp(-threshold))
    return (SILU_MINIMUM, threshold * share + 1), SILU_SLOPE


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
    Record(
        "telu",
        telu,
        ranges=fixed((-0.35328577784821125, inf), (-0.13157003618971583, 1.061975308717916)),
        crossings=(
            *(-1.078860058464624, -2.06597189615675, 0.6965639603951724),
            *(-3.041692627482425, -0.19251612053390474, 0.9887839978890719),
        ),
        families=("gated",),
    ),
    Record(
        "serf",
        serf,
        ranges=fixed((-0.3484374587596064, inf), (-0.1269685890579054, 1.086125444150997)),
        crossings=(
            *(-1.193059968928188, -2.2564974802739743, 1.0960460404526293),
            *(-3.26735560445475, -0.1405517765262486, 1.54456217081687),
        ),
        families=("gated",),
    ),
    Record(
        "smish",
        smish,
        ranges=fixed((-0.24999366366012948, inf), (-0.08915320523502031, 0.6368842228812263)),
        crossings=(
            *(-1.3945193019245041, -2.551100287410252, 2.2154214540088013),
            *(-3.593183920220515, -0.4196886808942039, 3.232868821068568),
        ),
        families=("gated",),
    ),
    Record(
        "silut",
        silut,
        variants=({"threshold": 5.0}, {"threshold": 30.0}),
        ranges=_silut_ranges,
        crossings=(
            *(-1.2784645427610737, -2.3993572805154675, 2.3993572805154675),
            *(-3.435840993535111, 3.6051617164407874),
        ),
        families=("gated",),
    ),
)
