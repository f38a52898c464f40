"""Activations with random numbers, which come from a seed or a generator that the caller gives."""

from __future__ import annotations

from typing import Any

from unified_act.activation import Activation, Parameter
from unified_act.catalogue._common import POSITIVE
from unified_act.catalogue.selecting import hardmax
from unified_act.catalogue.softmax import (
    AXIS,
    pulled_through_exp,
    shares_of_exp,
    twice_pulled_back,
)

__all__ = ["ACTIVATIONS"]


_NEXT_TO_0, _NEXT_TO_1 = 2.0**-126, 1.0 - 2.0**-24


def _rrelu_slope(xp: Any, noise: Any, lower: float, upper: float) -> Any:
    if noise is None:
        return 0.5 * (lower + upper)
    share = noise + xp.sqrt(noise * (1.0 - noise)) * 0.0  # NaN where noise is not from 0 to 1
    return share * (upper - lower) + lower


def _rrelu(
    xp: Any, x: Any, noise: Any = None, *, lower: float, upper: float, training: bool
) -> Any:
    negative = xp.where(x > 0.0, 0.0, x)
    return xp.where(x > 0.0, x, negative * _rrelu_slope(xp, noise, lower, upper))


def _rrelu_derivative(
    xp: Any, x: Any, noise: Any = None, *, lower: float, upper: float, training: bool
) -> tuple[Any, ...]:
    slope = _rrelu_slope(xp, noise, lower, upper)
    if noise is None:
        return (xp.where(x > 0.0, 1.0, xp.full_like(x, slope)),)
    by_noise = xp.where(x > 0.0, 0.0, x) * (upper - lower)
    return xp.where(x > 0.0, 1.0, slope), by_noise


def _rrelu_constraint(*, lower: float, upper: float, training: bool) -> str | None:
    return None if lower <= upper else "lower must not be greater than upper"


def _inside(xp: Any, noise: Any) -> Any:
    """Noise between 0 and 1: what has been rounded to an end is moved next to it."""
    return xp.where(noise == 1.0, _NEXT_TO_1, xp.where(noise == 0.0, _NEXT_TO_0, noise))


def _gumbel_logits(xp: Any, x: Any, noise: Any, tau: float, axis: int) -> Any:
    """Logits of which the largest is 0."""
    logits = x - xp.log(-xp.log(_inside(xp, noise)))
    # Others could overflow when they are divided by tau.
    return (logits - xp.stop_gradient(xp.max(logits, axis=axis))) / tau


def _gumbel_softmax(xp: Any, x: Any, noise: Any, *, tau: float, hard: bool, axis: int) -> Any:
    logits = _gumbel_logits(xp, x, noise, tau, axis)
    soft = shares_of_exp(xp, logits, axis)
    if not hard:
        return soft
    # The bracket is 0 and carries the gradient: "straight through" the choice.
    return hardmax(xp, logits, axis=axis) + (soft - xp.stop_gradient(soft))


def _gumbel_softmax_derivative(
    xp: Any, cotangent: Any, x: Any, noise: Any, *, tau: float, hard: bool, axis: int
) -> tuple[Any, Any]:
    logits = _gumbel_logits(xp, x, noise, tau, axis)
    by_x = pulled_through_exp(xp, cotangent, logits, axis) / tau
    inside = _inside(xp, noise)
    return by_x, by_x / (-xp.log(inside) * inside)


def _gumbel_softmax_second_derivative(
    xp: Any,
    direction: Any,
    cotangent: Any,
    x: Any,
    noise: Any,
    *,
    tau: float,
    hard: bool,
    axis: int,
) -> tuple[Any, Any]:
    logits = _gumbel_logits(xp, x, noise, tau, axis)
    found = twice_pulled_back(xp, direction, cotangent, shares_of_exp(xp, logits, axis), axis)
    return found[0] / tau, found[1] / (tau * tau)


ACTIVATIONS = (
    Activation(
        name="rrelu",
        kind="stochastic",
        inputs=("x", "noise"),
        forward=_rrelu,
        derivative=_rrelu_derivative,
        parameters=[
            Parameter("lower", 1 / 8, "smallest slope for x ≤ 0"),
            Parameter("upper", 1 / 3, "largest slope for x ≤ 0"),
            Parameter("training", False, "whether to draw slopes; otherwise their mean is used"),
        ],
        constraint=_rrelu_constraint,
        deterministic=lambda lower, upper, training: not training,
        aliases=("randomized_relu",),
        formula=r"\begin{cases} x & x > 0 \\ a x & x \le 0 \end{cases},\ a \sim U(l, u)",
        summary="Leaky ReLU; in training, the slope of each element is drawn at random.",
        source="Xu, Wang, Chen & Li 2015, arXiv:1505.00853",
    ),
    Activation(
        name="gumbel_softmax",
        kind="stochastic",
        symmetric=True,
        one_shape=True,
        inputs=("x", "noise"),
        forward=_gumbel_softmax,
        derivative=_gumbel_softmax_derivative,
        second_derivative=_gumbel_softmax_second_derivative,
        parameters=[
            Parameter("tau", 1.0, "temperature; the lower, the closer to one-hot", low=POSITIVE),
            Parameter(
                "hard", False, "whether the result is one-hot, with the gradient of the soft sample"
            ),
            AXIS,
        ],
        formula=(r"\operatorname{softmax}((x + g) / \tau),\ g = -\log(-\log u),\ u \sim U(0, 1)"),
        summary="A differentiable random sample from a categorical distribution.",
        source="Jang, Gu & Poole 2016, arXiv:1611.01144; Maddison, Mnih & Teh 2016, "
        "arXiv:1611.00712",
    ),
)
