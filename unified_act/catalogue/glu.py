"""Gated linear units: one half of an axis, times what an activation makes of the other half."""

from __future__ import annotations

from typing import Any

from unified_act.activation import Activation, Parameter
from unified_act.catalogue import gated, gaussian
from unified_act.catalogue._common import (
    EXP_IS_ZERO,
    at_least,
    gated_second_derivative,
    relu,
    relu_derivative,
    sigmoid,
    sigmoid_derivative,
    within,
)
from unified_act.catalogue._common import gated as times_sigmoid
from unified_act.special import square_exp

__all__ = ["ACTIVATIONS"]

_Hessian = tuple[tuple[Any, Any], tuple[Any, Any]]
"""The partial derivatives of those by value and by gate."""

# Where the gate is almost shut its factor is subnormal and has lost its last bits, which a large
# value would magnify. So it enters as two factors, the second one last, as in `_common.gated`.


def _glu_derivative(xp: Any, value: Any, gate: Any) -> tuple[Any, Any]:
    root = xp.exp(xp.abs(gate) * -0.5)
    opened = root * root + 1.0
    return sigmoid(xp, gate), value * root * root / (opened * opened)


def _glu_second_derivative(xp: Any, value: Any, gate: Any) -> _Hessian:
    slope = sigmoid_derivative(xp, gate)
    nothing = xp.full_like(value, 0.0)
    bend = gated_second_derivative(xp, gate, nothing, value)
    return (nothing, slope), (slope, xp.where(gate > 0.0, bend, -bend))


def _reglu(xp: Any, value: Any, gate: Any) -> Any:
    return value * relu(xp, gate)


def _reglu_derivative(xp: Any, value: Any, gate: Any) -> tuple[Any, Any]:
    return relu(xp, gate), value * relu_derivative(xp, gate)


def _geglu(xp: Any, value: Any, gate: Any) -> Any:
    gate = at_least(xp, gate, -gaussian.CONSTANT_FROM)
    return xp.times_erfc(value * (gate * 0.5), gate * -gaussian.SQRT_HALF)


def _geglu_derivative(xp: Any, value: Any, gate: Any) -> tuple[Any, Any]:
    clipped = within(xp, gate, gaussian.CONSTANT_FROM)
    half = clipped * gaussian.SQRT_HALF
    opened = xp.times_erfc(value * 0.5, -half)
    # Where the gate is not nearly shut it is 0 because the value is.
    cdf = xp.where(clipped < -12.0, opened, 1.0)
    steep = gaussian.with_tail(xp, clipped, cdf) * gaussian.DENSITY_AT_0
    return gaussian.gelu(xp, gate), opened + square_exp(xp, value * steep, half)


def _geglu_second_derivative(xp: Any, value: Any, gate: Any) -> _Hessian:
    clipped = within(xp, gate, gaussian.CONSTANT_FROM)
    half = clipped * gaussian.SQRT_HALF
    bend = square_exp(xp, value * ((2.0 - clipped * clipped) * gaussian.DENSITY_AT_0), half)
    slope = gaussian.gelu_derivative(xp, gate)
    return (xp.full_like(value, 0.0), slope), (slope, bend)


def _swiglu(xp: Any, value: Any, gate: Any) -> Any:
    root = xp.exp(xp.abs(gate) * -0.5)
    opened = root * root + 1.0
    # Not infinite: the root is 0 there, and their product would be NaN.
    shut = at_least(xp, xp.where(gate < 0.0, gate, 0.0), -2.0 * EXP_IS_ZERO)
    return xp.where(gate < 0.0, (value * root) * (shut * root) / opened, value * (gate / opened))


def _swiglu_derivative(xp: Any, value: Any, gate: Any) -> tuple[Any, Any]:
    z = within(xp, gate, EXP_IS_ZERO)
    root = xp.exp(xp.abs(z) * -0.5)
    e = root * root
    opened = (e + 1.0) * (e + 1.0)
    shut = (value * root) * (z + 1.0 + e) * root / opened
    by_gate = xp.where(z < 0.0, shut, value * ((z * e + e + 1.0) / opened))
    return gated.silu(xp, gate, beta=1.0), by_gate


def _swiglu_second_derivative(xp: Any, value: Any, gate: Any) -> _Hessian:
    slope = gated.silu_derivative(xp, gate, beta=1.0)
    z = within(xp, gate, EXP_IS_ZERO)
    bend = gated_second_derivative(xp, z, value * 2.0, value * xp.abs(z))
    return (xp.full_like(value, 0.0), slope), (slope, bend)


_AXIS = Parameter("axis", -1, "axis whose halves are value and gate")
_SHAZEER = "Shazeer 2020, arXiv:2002.05202"


def _gate_first(default: bool) -> Parameter:
    return Parameter("gate_first", default, "whether the first half is the gate, not the value")


ACTIVATIONS = (
    Activation(
        name="glu",
        kind="gated",
        resizes=True,
        forward=times_sigmoid,
        derivative=_glu_derivative,
        second_derivative=_glu_second_derivative,
        parameters=[_AXIS, _gate_first(False)],
        formula=r"a \cdot \sigma(b)",
        summary="Gated linear unit: the first half of an axis times the sigmoid of the second.",
        source="Dauphin, Fan, Auli & Grangier 2017, arXiv:1612.08083",
    ),
    Activation(
        name="reglu",
        kind="gated",
        resizes=True,
        forward=_reglu,
        derivative=_reglu_derivative,
        parameters=[_AXIS, _gate_first(False)],
        formula=r"a \cdot \max(b, 0)",
        summary="Gated linear unit with ReLU for a gate.",
        source=_SHAZEER,
    ),
    Activation(
        name="geglu",
        kind="gated",
        resizes=True,
        forward=_geglu,
        derivative=_geglu_derivative,
        second_derivative=_geglu_second_derivative,
        parameters=[_AXIS, _gate_first(False)],
        formula=r"a \cdot \operatorname{gelu}(b)",
        summary="Gated linear unit with the exact GELU for a gate.",
        source=_SHAZEER,
    ),
    Activation(
        name="swiglu",
        kind="gated",
        resizes=True,
        forward=_swiglu,
        derivative=_swiglu_derivative,
        second_derivative=_swiglu_second_derivative,
        parameters=[_AXIS, _gate_first(True)],
        formula=r"\operatorname{silu}(a) \cdot b",
        summary="Gated linear unit with SiLU for a gate, which is the first half.",
        source=_SHAZEER,
    ),
)
