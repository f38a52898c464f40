"""The exponential function, and activations that join it to a line."""

from __future__ import annotations

from typing import Any

from unified_act.activation import Activation, Kink, Limits, Parameter
from unified_act.catalogue._common import INFINITY, POSITIVE, scaled_exp
from unified_act.special import Crossover

__all__ = ["ACTIVATIONS"]

_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805
_EXPM1_IS_X: Crossover = 1e-18
"""exp(x) - 1 is x up to here, in every dtype up to float64."""


def _negative_part(xp: Any, x: Any) -> Any:
    return xp.where(x > 0.0, 0.0, x)


def _left(xp: Any, x: Any, value: Any) -> Any:
    """`value` for x ≤ 0, and 0 for positive x."""
    return xp.where(x > 0.0, 0.0, value)


def _exponential(xp: Any, x: Any) -> Any:
    return xp.exp(x)


def _elu(xp: Any, x: Any, *, alpha: float) -> Any:
    return xp.where(x > 0.0, x, xp.expm1(_negative_part(xp, x)) * alpha)


def _elu_derivative(xp: Any, x: Any, *, alpha: float) -> Any:
    return xp.where(x > 0.0, 1.0, scaled_exp(xp, _negative_part(xp, x), alpha))


def _elu_second_derivative(xp: Any, x: Any, *, alpha: float) -> Any:
    return _left(xp, x, scaled_exp(xp, _negative_part(xp, x), alpha))


def _selu(xp: Any, x: Any, *, alpha: float, scale: float) -> Any:
    negative = xp.expm1(_negative_part(xp, x)) * (scale * alpha)
    return xp.where(x > 0.0, x * scale, negative)


def _selu_derivative(xp: Any, x: Any, *, alpha: float, scale: float) -> Any:
    negative = scaled_exp(xp, _negative_part(xp, x), scale * alpha)
    return xp.where(x > 0.0, scale, negative)


def _selu_second_derivative(xp: Any, x: Any, *, alpha: float, scale: float) -> Any:
    return _left(xp, x, scaled_exp(xp, _negative_part(xp, x), scale * alpha))


def _celu(xp: Any, x: Any, *, alpha: float) -> Any:
    share = _negative_part(xp, x) / alpha  # which could be subnormal
    return xp.where(share > -_EXPM1_IS_X, x, xp.expm1(share) * alpha)


def _celu_derivative(xp: Any, x: Any, *, alpha: float) -> Any:
    return xp.where(x > 0.0, 1.0, xp.exp(_negative_part(xp, x) / alpha))


def _celu_second_derivative(xp: Any, x: Any, *, alpha: float) -> Any:
    return _left(xp, x, scaled_exp(xp, _negative_part(xp, x) / alpha, 1.0 / alpha))


ACTIVATIONS = (
    Activation(
        name="exponential",
        forward=_exponential,
        derivative=_exponential,
        second_derivative=_exponential,
        aliases=("exp",),
        limits=lambda: Limits((0.0, INFINITY), (0.0, INFINITY)),
        formula="e^x",
        summary="The exponential function.",
    ),
    Activation(
        name="elu",
        forward=_elu,
        derivative=_elu_derivative,
        second_derivative=_elu_second_derivative,
        parameters=[Parameter("alpha", 1.0, "saturation value for x → −∞ is −alpha", low=POSITIVE)],
        kinks=lambda alpha: (Kink(0.0, alpha),),
        limits=lambda alpha: Limits((-alpha, INFINITY), (0.0, 1.0)),
        formula=r"\begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}",
        summary="Exponential linear unit.",
        source="Clevert, Unterthiner & Hochreiter 2016, arXiv:1511.07289",
    ),
    Activation(
        name="selu",
        forward=_selu,
        derivative=_selu_derivative,
        second_derivative=_selu_second_derivative,
        parameters=[
            Parameter("alpha", _SELU_ALPHA, "saturation value, before it is scaled", low=POSITIVE),
            Parameter("scale", _SELU_SCALE, "slope for x > 0; ONNX's gamma", low=POSITIVE),
        ],
        kinks=lambda alpha, scale: (Kink(0.0, scale * alpha),),
        limits=lambda alpha, scale: Limits((-scale * alpha, INFINITY), (0.0, scale)),
        formula=r"\lambda \begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}",
        summary="Scaled ELU, by default with the constants that keep activations normalised.",
        source="Klambauer, Unterthiner, Mayr & Hochreiter 2017, arXiv:1706.02515",
    ),
    Activation(
        name="celu",
        forward=_celu,
        derivative=_celu_derivative,
        second_derivative=_celu_second_derivative,
        parameters=[Parameter("alpha", 1.0, "saturation value for x → −∞ is −alpha", low=POSITIVE)],
        kinks=lambda alpha: (Kink(0.0, 1.0),),
        limits=lambda alpha: Limits((-alpha, INFINITY), (0.0, 1.0)),
        formula=r"\begin{cases} x & x > 0 \\ \alpha (e^{x / \alpha} - 1) & x \le 0 \end{cases}",
        summary="ELU, made continuously differentiable for every alpha.",
        source="Barron 2017, arXiv:1704.07483",
    ),
)
