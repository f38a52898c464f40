"""Relatives of ReLU."""

from __future__ import annotations

from flint import arb

from unified_act_conformance.truth.formulas._common import Formula, constant, split, zero
from unified_act_conformance.truth.formulas.piecewise import hard_tanh


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


FORMULAS = (clipped_relu, threshold, thresholded_relu, squared_relu)
