"""Relatives of ReLU."""

from __future__ import annotations

from math import inf

from flint import arb

from unified_act_conformance.truth.formulas._common import constant, split, zero
from unified_act_conformance.truth.formulas.piecewise import hard_tanh
from unified_act_conformance.truth.record import UNIT, Formula, Function, Range, Record, fixed


def clipped_relu(*, max_value: float) -> Formula:
    """`x` held between 0 and `max_value`."""
    return hard_tanh(min_value=0.0, max_value=max_value)


def threshold(*, threshold: float, value: float) -> Formula:
    """`x` above `threshold`, else `value`."""
    return Formula(
        (
            split(threshold, constant(value), lambda x: x),
            split(threshold, zero, constant(1)),
            zero,
            zero,
        ),
        kinks=(threshold,),
    )


_threshold = threshold


def clipped_leaky_relu(
    *, max_value: float, negative_slope: float = 0.01, threshold: float = 0.0
) -> Formula:
    """Up to `threshold` `negative_slope (x - threshold)`, beyond it the least of x and `max_value`.

    `max_value` is above all of the lower branch, but may be below the threshold.
    """
    slope = arb(negative_slope)

    def lowest(value: Function, saturated: Function) -> Function:
        return split(-max_value, saturated, value, by=lambda x: -x)

    return Formula(
        (
            split(
                threshold,
                lambda x: slope * (x - threshold),
                lowest(lambda x: x, constant(max_value)),
            ),
            split(threshold, constant(slope), lowest(constant(1), zero)),
            zero,
            zero,
        ),
        kinks=(threshold, max_value) if max_value > threshold else (threshold,),
    )


def thresholded_relu(*, threshold: float = 1.0) -> Formula:
    """`x` above `threshold`, else 0."""
    return _threshold(threshold=threshold, value=0.0)


def squared_relu() -> Formula:
    """`x^2` above 0, else 0."""
    return Formula(
        (
            split(0.0, zero, lambda x: x * x),
            split(0.0, zero, lambda x: 2 * x),
            split(0.0, zero, constant(arb(2))),
            zero,
        ),
        kinks=(0.0,),
    )


def _clipped_relu_ranges(*, max_value: float) -> tuple[Range, Range]:
    return (0.0, max_value), UNIT


def _clipped_leaky_relu_ranges(
    *, max_value: float, negative_slope: float = 0.01, threshold: float = 0.0
) -> tuple[Range, Range]:
    low, high = min(0.0, threshold), max_value
    if negative_slope > 0:
        low = -inf
    elif negative_slope < 0:
        high = inf
    return (low, high), (min(0.0, negative_slope), max(1.0, negative_slope))


def _threshold_ranges(*, threshold: float = 1.0, value: float = 0.0) -> tuple[Range, Range]:
    return (min(threshold, value), inf), UNIT


RECORDS = (
    Record(
        "clipped_relu",
        clipped_relu,
        tier="exact",
        variants=({"max_value": 20.0}, {"max_value": 0.75}),
        ranges=_clipped_relu_ranges,
        families=("clipped",),
        family_parameters=({"max_value": 20.0},),
    ),
    Record(
        "threshold",
        threshold,
        tier="exact",
        variants=({"threshold": 0.0, "value": 0.0}, {"threshold": 1.5, "value": -20.0}),
        ranges=_threshold_ranges,
        families=("clipped",),
        family_parameters=({"threshold": 0.0, "value": 0.0},),
    ),
    Record(
        "thresholded_relu",
        thresholded_relu,
        tier="exact",
        variants=({"threshold": 0.25},),
        ranges=_threshold_ranges,
        families=("clipped",),
    ),
    Record(
        "squared_relu",
        squared_relu,
        tier="exact",
        ranges=fixed((0.0, inf), (0.0, inf)),
        families=("clipped",),
    ),
    Record(
        "clipped_leaky_relu",
        clipped_leaky_relu,
        tier="rational",
        variants=(
            {"max_value": 6.0, "negative_slope": 0.1, "threshold": 1.0},
            {"max_value": 0.75},
            {"max_value": 2.5, "negative_slope": 0.0, "threshold": 0.5},
        ),
        ranges=_clipped_leaky_relu_ranges,
        families=("clipped", "leaky_relu"),
        family_parameters=({"max_value": 6.0, "negative_slope": 0.1, "threshold": 1.0},),
    ),
)
