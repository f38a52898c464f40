"""The exponential function and the exponential linear units."""

from __future__ import annotations

from math import inf

from flint import arb

from unified_act_conformance.truth.formulas._common import ONE, constant, split, zero
from unified_act_conformance.truth.record import EVERYTHING, UNIT, Formula, Range, Record, fixed

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def _exponential_linear(outer: arb, rate: arb, scale: arb) -> Formula:
    """`scale x` above 0, else `outer expm1(rate x)`."""
    first, second, third = (outer * rate**order for order in (1, 2, 3))
    return Formula(
        (
            split(0.0, lambda x: outer * (rate * x).expm1(), lambda x: scale * x),
            split(0.0, lambda x: first * (rate * x).exp(), constant(scale)),
            split(0.0, lambda x: second * (rate * x).exp(), zero),
            split(0.0, lambda x: third * (rate * x).exp(), zero),
        ),
        kinks=(0.0,),
    )


def elu(*, alpha: float = 1.0) -> Formula:
    """`x` above 0, else `alpha (e^x - 1)`."""
    return _exponential_linear(arb(alpha), ONE, ONE)


def selu(*, alpha: float = SELU_ALPHA, scale: float = SELU_SCALE) -> Formula:
    """`scale elu(x)`; by default with the two constants of the paper rounded to double."""
    factor = arb(scale)
    return _exponential_linear(factor * alpha, ONE, factor)


def celu(*, alpha: float = 1.0) -> Formula:
    """`x` above 0, else `alpha (e^(x/alpha) - 1)`."""
    return _exponential_linear(arb(alpha), 1 / arb(alpha), ONE)


def exponential() -> Formula:
    """`e^x`; from 2048 on, where it is beyond all doubles, one of the numbers that are."""
    power = split(2048.0, lambda x: x.exp(), constant(arb(2) ** 5000))
    return Formula((power, power, power, power))


def _elu_ranges(*, alpha: float = 1.0) -> tuple[Range, Range]:
    return (min(-alpha, 0.0), inf), (min(0.0, alpha), max(1.0, alpha))


def _selu_ranges(*, alpha: float = SELU_ALPHA, scale: float = SELU_SCALE) -> tuple[Range, Range]:
    return (-scale * alpha, inf), (0.0, max(scale * alpha, scale))


def _celu_ranges(*, alpha: float = 1.0) -> tuple[Range, Range]:
    return ((-alpha, inf), UNIT) if alpha > 0 else (EVERYTHING, (0.0, inf))


RECORDS = (
    Record("exponential", exponential, tier="elementary", ranges=fixed((0.0, inf), (0.0, inf))),
    Record(
        "elu",
        elu,
        tier="elementary",
        variants=({"alpha": 0.25}, {"alpha": 0.3}),
        ranges=_elu_ranges,
        families=("elu",),
        family_parameters=({}, {"alpha": 0.25}, {"alpha": 0.5}),
    ),
    Record(
        "selu",
        selu,
        tier="elementary",
        variants=({"alpha": 2.0, "scale": 3.0}, {"alpha": 0.3, "scale": 0.7}),
        ranges=_selu_ranges,
        families=("elu",),
    ),
    Record(
        "celu",
        celu,
        tier="elementary",
        variants=({"alpha": 0.3},),
        ranges=_celu_ranges,
        families=("elu",),
        family_parameters=({}, {"alpha": 0.25}, {"alpha": 0.5}),
    ),
)
