"""Gated linear units: one half of an axis, times what an activation makes of the other half."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unified_act.activation import Activation, Parameter
from unified_act.catalogue import gaussian, self_gated
from unified_act.catalogue._common import (
    EXP_IS_ZERO,
    at_least,
    exp_by_roots,
    gated_second_derivative,
    relu,
    relu_derivative,
    sigmoid,
    sigmoid_derivative,
    within,
)
from unified_act.catalogue._common import gated as times_sigmoid
from unified_act.special import is_wide, square_exp

__all__ = ["ACTIVATIONS"]

_Hessian = tuple[tuple[Any, Any], tuple[Any, Any]]
"""The partial derivatives of those by value and by gate."""

# Where the gate is almost shut its factor is subnormal and has lost its last bits, which a large
# value would magnify. So the factor enters as two, the second one last, as in `_common.gated`. And
# the value meets one of them before it meets what is greater than 1, or the largest would overflow.

_EXP_IS_ZERO = 2.0 * EXP_IS_ZERO
"""exp(-x) is 0 from here on beside the largest value of every dtype."""
_CLOSED = 55.0
"""So is exp(-x²/2)."""


def _glu_derivative(xp: Any, value: Any, gate: Any) -> tuple[Any, Any]:
    root, other, e = exp_by_roots(xp, xp.abs(gate))
    return sigmoid(xp, gate), value * root * other / ((e + 1.0) * (e + 1.0))


def _glu_second_derivative(xp: Any, value: Any, gate: Any) -> _Hessian:
    slope = sigmoid_derivative(xp, gate)
    nothing = xp.full_like(value, 0.0)
    bend = gated_second_derivative(xp, gate, nothing, value)
    return (nothing, slope), (slope, xp.where(gate > 0.0, bend, -bend))


def _reglu(xp: Any, value: Any, gate: Any) -> Any:
    return value * relu(xp, gate)


def _reglu_derivative(xp: Any, value: Any, gate: Any) -> tuple[Any, Any]:
    return relu(xp, gate), value * relu_derivative(xp, gate)


def _by_gate(
    xp: Any,
    value: Any,
    gate: Any,
    function: Callable[[Any, Any], Any],
    ratio: Callable[[Any], Any],
) -> Any:
    """value·function(gate), where function is ratio·density far to the left: as two factors."""
    if is_wide(xp):
        return value * function(xp, gate)
    shut = gate < -gaussian.TAIL_FROM
    # The branch that is not used is finite, for compilers that differentiate it.
    far = xp.where(shut, at_least(xp, gate, -_CLOSED), -gaussian.TAIL_FROM)
    root = far * 0.5
    # The 8 comes later because `square_exp` may begin with a factor 6.
    tail = square_exp(xp, value * (gaussian.DENSITY_AT_0 / 8.0), root)
    tail = square_exp(xp, tail * (ratio(far) * 8.0), root)
    return xp.where(shut, tail, value * function(xp, gate))


def _geglu(xp: Any, value: Any, gate: Any) -> Any:
    return _by_gate(xp, value, gate, gaussian.gelu, lambda x: x * gaussian.tail_ratio(x))


def _geglu_derivative(xp: Any, value: Any, gate: Any) -> tuple[Any, Any]:
    slope = gaussian.gelu_derivative
    by_gate = _by_gate(xp, value, gate, slope, lambda x: x + gaussian.tail_ratio(x))
    return gaussian.gelu(xp, gate), by_gate


def _geglu_second_derivative(xp: Any, value: Any, gate: Any) -> _Hessian:
    even, bend = -xp.abs(gate), gaussian.gelu_second_derivative
    by_gate = _by_gate(xp, value, even, bend, lambda x: 2.0 - x * x)
    slope = gaussian.gelu_derivative(xp, gate)
    return (xp.full_like(value, 0.0), slope), (slope, by_gate)


def _swiglu(xp: Any, value: Any, gate: Any) -> Any:
    if is_wide(xp):
        return value * self_gated.silu(xp, gate, beta=1.0)
    root = xp.exp(xp.abs(gate) * -0.5)
    opened = root * root + 1.0
    # Not infinite: the root is 0 there, and their product would be NaN.
    shut = at_least(xp, xp.where(gate < 0.0, gate, 0.0), -_EXP_IS_ZERO)
    return xp.where(gate < 0.0, (value * root) * (shut * root) / opened, value * (gate / opened))


def _swiglu_derivative(xp: Any, value: Any, gate: Any) -> tuple[Any, Any]:
    if is_wide(xp):
        slope = self_gated.silu_derivative(xp, gate, beta=1.0)
        return self_gated.silu(xp, gate, beta=1.0), value * slope
    z = within(xp, gate, _EXP_IS_ZERO)
    root = xp.exp(xp.abs(z) * -0.5)
    e = root * root
    opened = (e + 1.0) * (e + 1.0)
    shut = (value * root) * ((z + 1.0 + e) / opened) * root
    by_gate = xp.where(z < 0.0, shut, value * ((z * e + e + 1.0) / opened))
    return self_gated.silu(xp, gate, beta=1.0), by_gate


def _swiglu_second_derivative(xp: Any, value: Any, gate: Any) -> _Hessian:
    slope = self_gated.silu_derivative(xp, gate, beta=1.0)
    z = within(xp, gate, _EXP_IS_ZERO)
    size = xp.abs(z)
    root = xp.exp(size * -0.5)
    opened = root * root + 1.0
    bracket = (2.0 + size * (xp.expm1(-size) / opened)) / (opened * opened)
    bend = (value * root) * bracket * root
    return (xp.full_like(value, 0.0), slope), (slope, bend)


_AXIS = Parameter("axis", -1, "axis that is split into value and gate")
_SHAZEER = "Shazeer 2020, arXiv:2002.05202"


def _gate_first(default: bool) -> Parameter:
    return Parameter("gate_first", default, "whether the first half is the gate")


ACTIVATIONS = (
    Activation(
        name="glu",
        kind="gated",
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
        forward=_reglu,
        derivative=_reglu_derivative,
        parameters=[_AXIS, _gate_first(False)],
        formula=r"a \cdot \max(b, 0)",
        summary="Gated linear unit with ReLU in place of the sigmoid.",
        source=_SHAZEER,
    ),
    Activation(
        name="geglu",
        kind="gated",
        forward=_geglu,
        derivative=_geglu_derivative,
        second_derivative=_geglu_second_derivative,
        parameters=[_AXIS, _gate_first(False)],
        formula=r"a \cdot \operatorname{gelu}(b)",
        summary="Gated linear unit with the exact GELU in place of the sigmoid.",
        source=_SHAZEER,
    ),
    Activation(
        name="swiglu",
        kind="gated",
        forward=_swiglu,
        derivative=_swiglu_derivative,
        second_derivative=_swiglu_second_derivative,
        parameters=[_AXIS, _gate_first(True)],
        formula=r"\operatorname{silu}(a) \cdot b",
        summary="Gated linear unit with SiLU in place of the sigmoid; the first half is the gate.",
        source=_SHAZEER,
    ),
)
