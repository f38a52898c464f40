"""Shrinkages."""

from __future__ import annotations

from flint import arb

from unified_act_conformance.truth.formulas._common import ONE, constant, split, zero
from unified_act_conformance.truth.formulas.saturating import tanh
from unified_act_conformance.truth.record import (
    EVERYTHING,
    UNIT,
    Formula,
    Function,
    Number,
    Record,
    fixed,
)


def _dead_zone(threshold: float, outside: Function) -> Function:
    """0 where `|x| <= threshold`."""
    return split(threshold, zero, outside, by=abs)


def shrink(*, threshold: float = 0.5, bias: float = 0.0) -> Formula:
    """`x - bias` above `threshold`, `x + bias` below `-threshold`, else 0."""
    step = arb(bias)
    return Formula(
        (
            _dead_zone(threshold, lambda x: x - step * x.sgn()),
            _dead_zone(threshold, constant(ONE)),
            zero,
            zero,
        ),
        kinks=tuple(sorted({-threshold, threshold})),
    )


def soft_shrink(*, threshold: float = 0.5) -> Formula:
    """`x` moved towards 0 by `threshold`, and not beyond."""
    return shrink(threshold=threshold, bias=threshold)


def hard_shrink(*, threshold: float = 0.5) -> Formula:
    """`x` where `|x| > threshold`, else 0."""
    return shrink(threshold=threshold)


_TERMS = 24


def _near(x: Number) -> Number:
    """`x - tanh x` for `|x| <= 1`, which would cancel.

    It is `(x cosh x - sinh x)/cosh x`, whose numerator is the sum of `2k x^(2k+1)/(2k+1)!`. The
    ratio of two terms is below 1/10 for such x, so that the rest is less than its first term:
    together they are that term times something from 1 to 2.
    """
    square = x * x
    total = arb(1.5, 0.5)
    for k in range(_TERMS, 1, -1):
        total = total * square / (2 * (k - 1) * (2 * k + 1)) + 1
    return 2 * x * square * total / (3 * (x.exp() + (-x).exp()))


def tanh_shrink() -> Formula:
    """`x - tanh x`, whose derivative is the square of the tanh."""
    _, _, second, third = tanh().derivatives
    return Formula(
        (
            split(1.0, _near, lambda x: x - x.tanh(), by=abs),
            lambda x: x.tanh() ** 2,
            lambda x: -second(x),
            lambda x: -third(x),
        )
    )


RECORDS = (
    Record(
        "soft_shrink",
        soft_shrink,
        tier="exact",
        variants=({"threshold": 1.25},),
        ranges=fixed(EVERYTHING, UNIT),
        families=("shrink",),
    ),
    Record(
        "hard_shrink",
        hard_shrink,
        tier="exact",
        variants=({"threshold": 1.25},),
        ranges=fixed(EVERYTHING, UNIT),
        families=("shrink",),
    ),
    Record(
        "shrink",
        shrink,
        tier="exact",
        variants=({"threshold": 1.25, "bias": 0.75},),
        ranges=fixed(EVERYTHING, UNIT),
        families=("shrink",),
    ),
    Record(
        "tanh_shrink",
        tanh_shrink,
        ranges=fixed(EVERYTHING, UNIT),
        crossings=(-0.6584789484624084, 0.6584789484624084),
        families=("shrink",),
    ),
)
