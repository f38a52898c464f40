"""Straight pieces, and the one parabola."""

from __future__ import annotations

from flint import arb

from unified_act_conformance.truth.formulas._common import (
    ONE,
    ZERO,
    Formula,
    band,
    constant,
    split,
    zero,
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


FORMULAS = (
    identity,
    relu,
    relu6,
    leaky_relu,
    hard_silu,
    hard_mish,
    hard_sigmoid,
    hard_sigmoid_02,
    hard_tanh,
    affine,
)
