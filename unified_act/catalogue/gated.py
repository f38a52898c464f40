"""Smooth activations of the form x times a gate that opens with x."""

from __future__ import annotations

from typing import Any

from unified_act.activation import Activation, Limits, Parameter
from unified_act.catalogue._common import (
    EXP_IS_ZERO,
    INFINITY,
    POSITIVE,
    at_least,
    sigmoid,
    sigmoid_derivative,
    within,
)

__all__ = ["ACTIVATIONS"]


def _silu(xp: Any, x: Any, *, beta: float) -> Any:
    z = x * beta
    # Where the gate is 0 its input is replaced by a finite one: -inf · 0 would be NaN.
    return xp.where(z < -EXP_IS_ZERO, -1.0, x) * sigmoid(xp, z)


def _silu_derivative(xp: Any, x: Any, *, beta: float) -> Any:
    z = within(xp, x * beta, EXP_IS_ZERO)
    return sigmoid(xp, z) + z * sigmoid_derivative(xp, z)


def _mish_gate(xp: Any, x: Any, e: Any) -> Any:
    """tanh(softplus(x)) as a quotient of sums of positive terms, with e = exp(-|x|)."""
    positive = x > 0.0
    numerator = xp.where(positive, e * 2.0 + 1.0, e * (e + 2.0))
    return numerator / (numerator + xp.where(positive, e * e * 2.0, 2.0))


def _mish(xp: Any, x: Any) -> Any:
    x = at_least(xp, x, -EXP_IS_ZERO)
    return x * _mish_gate(xp, x, xp.exp(-xp.abs(x)))


def _mish_derivative(xp: Any, x: Any) -> Any:
    x = within(xp, x, EXP_IS_ZERO)
    e = xp.exp(-xp.abs(x))
    positive = x > 0.0
    denominator = xp.where(positive, e * 2.0 * (e + 1.0) + 1.0, e * (e + 2.0) + 2.0)
    # The gate's derivative is 4 e (1 + e) / d² on both sides, with one more e on the right.
    slope = xp.where(positive, e, 1.0) * e * 4.0 * (e + 1.0) / (denominator * denominator)
    return _mish_gate(xp, x, e) + x * slope


ACTIVATIONS = (
    Activation(
        name="silu",
        forward=_silu,
        derivative=_silu_derivative,
        parameters=[Parameter("beta", 1.0, "steepness of the gate", low=POSITIVE)],
        aliases=("swish",),
        limits=lambda beta: Limits((-0.0, INFINITY), (0.0, 1.0)),
        formula=r"x \cdot \sigma(\beta x)",
        summary="Sigmoid linear unit, also called swish.",
        source="Elfwing, Uchibe & Doya 2017, arXiv:1702.03118; "
        "Ramachandran, Zoph & Le 2017, arXiv:1710.05941",
    ),
    Activation(
        name="mish",
        forward=_mish,
        derivative=_mish_derivative,
        limits=lambda: Limits((-0.0, INFINITY), (0.0, 1.0)),
        formula=r"x \cdot \tanh(\log(1 + e^x))",
        summary="The input times the tanh of its softplus.",
        source="Misra 2019, arXiv:1908.08681",
    ),
)
