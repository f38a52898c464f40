"""Gated linear units: one half of an axis, times what an activation makes of the other half."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unified_act.activation import Activation, Parameter
from unified_act.catalogue import gaussian, self_gated
from unified_act.catalogue._common import (
    EXP_IS_ZERO,
    POSITIVE,
    at_least,
    clipped,
    exp_by_roots,
    gated_derivative,
    gated_second_derivative,
    relu,
    relu_derivative,
    within,
)
from unified_act.catalogue._common import gated as times_sigmoid
from unified_act.special import Crossover, is_wide, own, sigmoid, sigmoid_derivative, square_exp

__all__ = ["ACTIVATIONS"]

_Hessian = tuple[tuple[Any, Any], tuple[Any, Any]]
"""The partial derivatives of those by value and by gate."""

# Where the gate is almost shut its factor is subnormal and has lost its last bits, which a large
# value would magnify. So the factor enters as two, the second one last, as in `_common.gated`. And
# the value meets one of them before it meets what is greater than 1, or the largest would overflow.

_EXP_IS_ZERO: Crossover = 2.0 * EXP_IS_ZERO
"""exp(-x) is 0 from here on beside the largest value of every dtype."""
_CLOSED: Crossover = 55.0
"""So is exp(-x²/2)."""
_QUICK = gaussian.QUICK_GELU_SLOPE


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
    quick = own(xp, "times_gelu")
    if quick is not None:
        return quick(value, gate)
    return _by_gate(xp, value, gate, gaussian.gelu, lambda x: x * gaussian.tail_ratio(x))


def _geglu_derivative(xp: Any, value: Any, gate: Any) -> tuple[Any, Any]:
    slope, quick = gaussian.gelu_derivative, own(xp, "times_gelu_slope")
    if quick is not None:
        return gaussian.gelu(xp, gate), quick(value, gate)
    by_gate = _by_gate(xp, value, gate, slope, lambda x: x + gaussian.tail_ratio(x))
    return gaussian.gelu(xp, gate), by_gate


def _geglu_second_derivative(xp: Any, value: Any, gate: Any) -> _Hessian:
    even, bend = -xp.abs(gate), gaussian.gelu_second_derivative
    by_gate = _by_gate(xp, value, even, bend, lambda x: 2.0 - x * x)
    slope = gaussian.gelu_derivative(xp, gate)
    return (xp.full_like(value, 0.0), slope), (slope, by_gate)


# The three below are about value·gate·sigmoid(z), z growing with the gate.


def _times_gate(xp: Any, value: Any, gate: Any, z: Any) -> Any:
    """value·gate·sigmoid(z)."""
    if is_wide(xp):
        return value * times_sigmoid(xp, xp.where(z < -EXP_IS_ZERO, -1.0, gate), z)
    quick = own(xp, "times_gate")
    if quick is not None:
        return quick(value, gate, z)
    root = xp.exp(xp.abs(z) * -0.5)
    opened = root * root + 1.0
    # Not infinite: the root is 0 there, and their product would be NaN.
    shut = xp.where(z < -_EXP_IS_ZERO, -1.0, xp.where(z < 0.0, gate, 0.0))
    return xp.where(z < 0.0, (value * root) * (shut * root) / opened, value * (gate / opened))


def _times_slope(xp: Any, value: Any, z: Any, w: Any) -> Any:
    """value·(sigmoid(z) + w·sigmoid′(z)): the derivative by the gate, where w = gate·z′."""
    if is_wide(xp):
        return value * gated_derivative(xp, z, w)
    quick = own(xp, "times_slope")
    if quick is not None:
        return quick(value, z, w)
    root = xp.exp(xp.abs(z) * -0.5)
    e = root * root
    opened = (e + 1.0) * (e + 1.0)
    shut = (value * root) * ((w + 1.0 + e) / opened) * root
    return xp.where(z < 0.0, shut, value * ((w * e + e + 1.0) / opened))


def _times_bend(xp: Any, value: Any, z: Any, linear: Any, quadratic: Any) -> Any:
    """The second derivative by the gate: value times what `gated_second_derivative` is."""
    size = xp.abs(z)
    root = xp.exp(size * -0.5)
    opened = root * root + 1.0
    bracket = (linear + quadratic * (xp.expm1(-size) / opened)) / (opened * opened)
    return (value * root) * bracket * root


def _scaled(gate: Any, alpha: float) -> Any:
    return gate if alpha == 1.0 else gate * alpha


def _by_silu(xp: Any, value: Any, gate: Any, alpha: float = 1.0) -> Any:
    """value·gate·sigmoid(alpha·gate)."""
    return _times_gate(xp, value, gate, _scaled(gate, alpha))


def _by_silu_derivative(xp: Any, value: Any, gate: Any, alpha: float = 1.0) -> tuple[Any, Any]:
    scaled = _scaled(gate, alpha)
    w = within(xp, scaled, _EXP_IS_ZERO)
    # One exponential does for both, where it is that of the same number.
    by_gate = _times_slope(xp, value, scaled if is_wide(xp) else w, w)
    return self_gated.silu(xp, gate, beta=alpha), by_gate


def _by_silu_second_derivative(xp: Any, value: Any, gate: Any, alpha: float = 1.0) -> _Hessian:
    slope = self_gated.silu_derivative(xp, gate, beta=alpha)
    z = within(xp, _scaled(gate, alpha), _EXP_IS_ZERO)
    bend = _times_bend(xp, value, z, 2.0 * alpha, _scaled(xp.abs(z), alpha))
    return (xp.full_like(value, 0.0), slope), (slope, bend)


def _quick_geglu(xp: Any, value: Any, gate: Any) -> Any:
    return _by_silu(xp, value, gate, alpha=_QUICK)


def _quick_geglu_derivative(xp: Any, value: Any, gate: Any) -> tuple[Any, Any]:
    return _by_silu_derivative(xp, value, gate, alpha=_QUICK)


def _quick_geglu_second_derivative(xp: Any, value: Any, gate: Any) -> _Hessian:
    return _by_silu_second_derivative(xp, value, gate, alpha=_QUICK)


def _geglu_tanh(xp: Any, value: Any, gate: Any) -> Any:
    return _times_gate(xp, value, gate, gaussian.tanh_argument(xp, gate)[0])


def _geglu_tanh_derivative(xp: Any, value: Any, gate: Any) -> tuple[Any, Any]:
    z, slope, _ = gaussian.tanh_argument(xp, gate)
    by_gate = _times_slope(xp, value, z, within(xp, gate, gaussian.CONSTANT_FROM) * slope)
    return gaussian.gelu_tanh(xp, gate), by_gate


def _geglu_tanh_second_derivative(xp: Any, value: Any, gate: Any) -> _Hessian:
    z, steep, curvature = gaussian.tanh_argument(xp, gate)
    near = within(xp, gate, gaussian.CONSTANT_FROM)
    linear = steep * 2.0 + near * curvature
    bend = _times_bend(xp, value, z, linear, xp.abs(near) * steep * steep)
    slope = gaussian.gelu_tanh_derivative(xp, gate)
    return (xp.full_like(value, 0.0), slope), (slope, bend)


def _within_limit(xp: Any, value: Any, gate: Any, limit: float, offset: float) -> tuple[Any, Any]:
    """The value within both limits, with the offset, and the gate below the upper one."""
    held = clipped(xp, value, -limit, limit)
    raised = held if offset == 0.0 else held + offset
    return raised, xp.where(gate >= limit, limit, gate)


def _clamped_swiglu(
    xp: Any, value: Any, gate: Any, *, alpha: float, limit: float, offset: float
) -> Any:
    held, below = _within_limit(xp, value, gate, limit, offset)
    return _by_silu(xp, held, below, alpha=alpha)


def _clamped_swiglu_derivative(
    xp: Any, value: Any, gate: Any, *, alpha: float, limit: float, offset: float
) -> tuple[Any, Any]:
    held, below = _within_limit(xp, value, gate, limit, offset)
    by_value, by_gate = _by_silu_derivative(xp, held, below, alpha=alpha)
    by_value = xp.where(xp.abs(value) >= limit, 0.0, by_value)
    return by_value, xp.where(gate >= limit, 0.0, by_gate)


def _clamped_swiglu_second_derivative(
    xp: Any, value: Any, gate: Any, *, alpha: float, limit: float, offset: float
) -> _Hessian:
    held, below = _within_limit(xp, value, gate, limit, offset)
    (nothing, slope), (_, bend) = _by_silu_second_derivative(xp, held, below, alpha=alpha)
    slope = xp.where(gate >= limit, 0.0, slope)
    slope = xp.where(xp.abs(value) >= limit, 0.0, slope)
    return (nothing, slope), (slope, xp.where(gate >= limit, 0.0, bend))


def _bilinear(xp: Any, value: Any, gate: Any) -> Any:
    del xp
    return value * gate


def _bilinear_derivative(xp: Any, value: Any, gate: Any) -> tuple[Any, Any]:
    del xp
    return gate, value


def _bilinear_second_derivative(xp: Any, value: Any, gate: Any) -> _Hessian:
    del gate
    nothing, one = xp.full_like(value, 0.0), xp.full_like(value, 1.0)
    return (nothing, one), (one, nothing)


_SHAZEER = "Shazeer 2020, arXiv:2002.05202"
_GELU = "Hendrycks & Gimpel 2016, arXiv:1606.08415"


def _halves(gate_first: bool) -> list[Parameter]:
    return [
        Parameter("axis", -1, "axis that is split into value and gate"),
        Parameter(
            "gate_first",
            gate_first,
            "whether the first half is the gate; if interleaved, the elements at even places",
        ),
        Parameter(
            "interleaved",
            False,
            "whether the halves are the elements at even places, 0, 2, …, and those at odd ones",
        ),
    ]


ACTIVATIONS = (
    Activation(
        name="glu",
        kind="gated",
        forward=times_sigmoid,
        derivative=_glu_derivative,
        second_derivative=_glu_second_derivative,
        parameters=_halves(gate_first=False),
        formula=r"a \cdot \sigma(b)",
        summary="Gated linear unit: the first half of an axis times the sigmoid of the second.",
        source="Dauphin, Fan, Auli & Grangier 2017, arXiv:1612.08083",
    ),
    Activation(
        name="reglu",
        kind="gated",
        forward=_reglu,
        derivative=_reglu_derivative,
        parameters=_halves(gate_first=False),
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
        parameters=_halves(gate_first=False),
        formula=r"a \cdot \operatorname{gelu}(b)",
        summary="Gated linear unit with the exact GELU in place of the sigmoid.",
        source=_SHAZEER,
    ),
    Activation(
        name="swiglu",
        kind="gated",
        forward=_by_silu,
        derivative=_by_silu_derivative,
        second_derivative=_by_silu_second_derivative,
        parameters=_halves(gate_first=True),
        formula=r"\operatorname{silu}(a) \cdot b",
        summary="Gated linear unit with SiLU in place of the sigmoid; the first half is the gate.",
        source=_SHAZEER,
    ),
    Activation(
        name="bilinear",
        kind="gated",
        forward=_bilinear,
        derivative=_bilinear_derivative,
        second_derivative=_bilinear_second_derivative,
        parameters=_halves(gate_first=False),
        formula=r"a \cdot b",
        summary="Gated linear unit without a sigmoid: the product of both halves of an axis.",
        source=f"Mnih & Hinton 2007; {_SHAZEER}",
    ),
    Activation(
        name="geglu_tanh",
        kind="gated",
        forward=_geglu_tanh,
        derivative=_geglu_tanh_derivative,
        second_derivative=_geglu_tanh_second_derivative,
        parameters=_halves(gate_first=False),
        formula=r"a \cdot \operatorname{gelu\_tanh}(b)",
        summary="GEGLU with the approximation of GELU by tanh.",
        source=f"{_SHAZEER}; {_GELU}",
    ),
    Activation(
        name="quick_geglu",
        kind="gated",
        forward=_quick_geglu,
        derivative=_quick_geglu_derivative,
        second_derivative=_quick_geglu_second_derivative,
        parameters=_halves(gate_first=False),
        formula=r"a \cdot b \cdot \sigma(1.702\,b)",
        summary="GEGLU with the approximation of GELU by a sigmoid.",
        source=f"{_SHAZEER}; {_GELU}",
    ),
    Activation(
        name="clamped_swiglu",
        kind="gated",
        forward=_clamped_swiglu,
        derivative=_clamped_swiglu_derivative,
        second_derivative=_clamped_swiglu_second_derivative,
        parameters=[
            *_halves(gate_first=True),
            Parameter("alpha", 1.702, "steepness of the gate", low=POSITIVE),
            Parameter(
                "limit",
                7.0,
                "bound of the gate from above and of the value on both sides; 1e30 is none",
                low=POSITIVE,
            ),
            Parameter("offset", 1.0, "what is added to the value"),
        ],
        formula=r"g\,\sigma(\alpha g) \cdot (\operatorname{clip}(b, -\lambda, \lambda) + o), "
        r"\quad g = \min(a, \lambda)",
        summary="SwiGLU of gpt-oss: both halves clamped, the value with an offset.",
        source="OpenAI 2025, arXiv:2508.10925",
    ),
)
