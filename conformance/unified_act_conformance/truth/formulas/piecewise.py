"""Straight pieces, and the one parabola."""

from __future__ import annotations

from functools import partial
from math import inf

from flint import arb

from unified_act_conformance.truth.formulas._common import ONE, ZERO, band, constant, split, zero
from unified_act_conformance.truth.record import (
    EVERYTHING,
    UNIT,
    Formula,
    Range,
    Record,
    beyond,
    fixed,
)


def identity() -> Formula:
    """`x`."""
    return Formula((lambda x: x, constant(1), zero, zero))


def relu() -> Formula:
    """`x` above 0, else 0."""
    return leaky_relu(negative_slope=0.0)


def leaky_relu(*, negative_slope: float = 0.01) -> Formula:
    """`x` above 0, else `negative_slope x`."""
    slope = arb(negative_slope)
    return Formula(
        (
            split(0.0, lambda x: slope * x, lambda x: x),
            split(0.0, constant(slope), constant(1)),
            zero,
            zero,
        ),
        kinks=(0.0,),
    )


def relu6() -> Formula:
    """`x` held between 0 and 6."""
    return hard_tanh(min_value=0.0, max_value=6.0)


def hard_tanh(*, min_value: float = -1.0, max_value: float = 1.0) -> Formula:
    """`x` held between `min_value` and `max_value`."""
    low, high = min_value, max_value
    return Formula(
        (
            band(low, high, constant(low), lambda x: x, constant(high)),
            band(low, high, zero, constant(1), zero),
            zero,
            zero,
        ),
        kinks=(low, high),
    )


def hard_sigmoid(*, alpha: float = 1 / 6, beta: float = 0.5) -> Formula:
    """`alpha x + beta` held between 0 and 1.

    The corners are the doubles nearest to -beta/alpha and (1-beta)/alpha: alpha stands for 1/6, not
    for the double below it, and the reader of a table expects the corner at 3.
    """
    slope, offset = arb(alpha), arb(beta)
    if alpha == 0:
        value = constant(max(0.0, min(1.0, beta)))
        return Formula((value, zero, zero, zero))
    at_zero, at_one = -beta / alpha, (1 - beta) / alpha
    low, high = min(at_zero, at_one), max(at_zero, at_one)
    below, above = (ZERO, ONE) if alpha > 0 else (ONE, ZERO)
    return Formula(
        (
            band(low, high, constant(below), lambda x: slope * x + offset, constant(above)),
            band(low, high, zero, constant(slope), zero),
            zero,
            zero,
        ),
        kinks=(low, high),
    )


def hard_silu() -> Formula:
    """`x relu6(x + 3) / 6`."""
    return Formula(
        (
            band(-3.0, 3.0, zero, lambda x: x * (x + 3) / 6, lambda x: x),
            band(-3.0, 3.0, zero, lambda x: (2 * x + 3) / 6, constant(1)),
            band(-3.0, 3.0, zero, constant(ONE / 3), zero),
            zero,
        ),
        kinks=(-3.0, 3.0),
    )


def hard_sigmoid_02(*, alpha: float = 0.2, beta: float = 0.5) -> Formula:
    """`hard_sigmoid` with another default."""
    return hard_sigmoid(alpha=alpha, beta=beta)


def hard_mish() -> Formula:
    """`x/2` times `x + 2` held between 0 and 2."""
    return Formula(
        (
            band(-2.0, 0.0, zero, lambda x: x * (x + 2) / 2, lambda x: x),
            band(-2.0, 0.0, zero, lambda x: x + 1, constant(1)),
            band(-2.0, 0.0, zero, constant(1), zero),
            zero,
        ),
        kinks=(-2.0, 0.0),
    )


def affine(*, alpha: float, beta: float) -> Formula:
    """`alpha x + beta`."""
    slope, offset = arb(alpha), arb(beta)
    return Formula((lambda x: slope * x + offset, constant(slope), zero, zero))


def _leaky_relu_ranges(*, negative_slope: float = 0.01) -> tuple[Range, Range]:
    value = (-inf if negative_slope > 0 else 0.0, inf)
    return value, (min(negative_slope, 1.0), max(negative_slope, 1.0))


def _hard_sigmoid_ranges(*, alpha: float = 1 / 6, beta: float = 0.5) -> tuple[Range, Range]:
    del beta  # it only moves the corners
    return UNIT, (min(0.0, alpha), max(0.0, alpha))


def _hard_tanh_ranges(*, min_value: float = -1.0, max_value: float = 1.0) -> tuple[Range, Range]:
    return (min_value, max_value), UNIT


def _affine_ranges(*, alpha: float, beta: float) -> tuple[Range, Range]:
    return EVERYTHING if alpha else (beta, beta), (alpha, alpha)


_HALF = arb(0.5)


def sparse_sigmoid() -> Formula:
    """`(x + 1)/2` held between 0 and 1."""
    return Formula(
        (
            band(-1.0, 1.0, zero, lambda x: (x + 1) / 2, constant(ONE)),
            band(-1.0, 1.0, zero, constant(_HALF), zero),
            zero,
            zero,
        ),
        kinks=(-1.0, 1.0),
    )


def sparse_plus() -> Formula:
    """`(x + 1)^2/4` between -1 and 1, 0 below, `x` above."""
    return Formula(
        (
            band(-1.0, 1.0, zero, lambda x: (x + 1) ** 2 / 4, lambda x: x),
            band(-1.0, 1.0, zero, lambda x: (x + 1) / 2, constant(ONE)),
            band(-1.0, 1.0, zero, constant(_HALF), zero),
            zero,
        ),
        kinks=(-1.0, 1.0),
    )


RECORDS = (
    Record(
        "identity",
        identity,
        tier="exact",
        ranges=fixed(EVERYTHING, (1.0, 1.0)),
        families=("clipped", "shrink", "leaky_relu"),
    ),
    Record(
        "relu",
        relu,
        tier="exact",
        ranges=fixed((0.0, inf), UNIT),
        families=("gated", "clipped", "elu", "leaky_relu", "softplus"),
    ),
    Record("relu6", relu6, tier="exact", ranges=fixed((0.0, 6.0), UNIT), families=("clipped",)),
    Record(
        "leaky_relu",
        leaky_relu,
        tier="scaled",
        variants=tuple({"negative_slope": slope} for slope in (0.3, -0.5, 0.0)),
        ranges=_leaky_relu_ranges,
        families=("leaky_relu",),
        family_parameters=(*({"negative_slope": slope} for slope in (0.3, 0.25, 0.2, -0.5)), {}),
    ),
    Record(
        "hard_silu",
        hard_silu,
        tier="rational",
        ranges=fixed((beyond(-0.375), inf), (beyond(-0.5), beyond(1.5))),
        families=("gated",),
    ),
    Record(
        "hard_mish",
        hard_mish,
        tier="rational",
        ranges=fixed((beyond(-0.5), inf), (beyond(-1.0), 1.0)),
        families=("gated",),
    ),
    Record(
        "hard_sigmoid",
        hard_sigmoid,
        tier="rational",
        variants=({"alpha": 0.2},),
        ranges=_hard_sigmoid_ranges,
        families=("sigmoid",),
        family_parameters=({}, {"alpha": 0.2}),
    ),
    Record(
        "hard_sigmoid_02",
        hard_sigmoid_02,
        tier="rational",
        variants=({"alpha": 0.25, "beta": 0.25},),
        ranges=partial(_hard_sigmoid_ranges, alpha=0.2),
        families=("sigmoid",),
    ),
    Record(
        "hard_tanh",
        hard_tanh,
        tier="exact",
        variants=({"min_value": -2.0, "max_value": 0.5},),
        ranges=_hard_tanh_ranges,
        families=("sigmoid", "clipped"),
    ),
    Record(
        "affine",
        affine,
        tier="rational",
        variants=({"alpha": 2.0, "beta": -0.75}, {"alpha": -0.3, "beta": 0.1}),
        ranges=_affine_ranges,
    ),
    Record(
        "sparse_sigmoid",
        sparse_sigmoid,
        tier="exact",
        ranges=fixed(UNIT, (0.0, 0.5)),
        families=("sigmoid",),
    ),
    Record(
        "sparse_plus",
        sparse_plus,
        tier="rational",
        ranges=fixed((0.0, inf), UNIT),
        families=("softplus",),
    ),
)
