"""Activations made of straight pieces: exact, and with kinks.

One rule decides every kink: the branch that is constant, saturated or "off" owns the corner.
"""

from __future__ import annotations

from typing import Any

from unified_act.activation import Activation, Kink, Limits, Parameter
from unified_act.catalogue._common import (
    INFINITY,
    POSITIVE,
    clipped,
    ends_in_order,
    inside,
    is_number,
    relu,
    relu_derivative,
    zero,
)

__all__ = ["ACTIVATIONS"]


def _identity(xp: Any, x: Any) -> Any:
    return x


def _identity_derivative(xp: Any, x: Any) -> Any:
    return xp.full_like(x, 1.0)


def _affine(xp: Any, x: Any, *, alpha: float, beta: float) -> Any:
    if alpha == 0.0:
        return xp.where(is_number(x), beta, x)  # 0 · inf would be NaN
    return x * alpha + beta


def _affine_derivative(xp: Any, x: Any, *, alpha: float, beta: float) -> Any:
    return xp.full_like(x, alpha)


def _affine_limits(*, alpha: float, beta: float) -> Limits:
    end = alpha * INFINITY if alpha else beta
    return Limits((-end if alpha else beta, end), (alpha, alpha))


def _relu6(xp: Any, x: Any) -> Any:
    return clipped(xp, x, 0.0, 6.0)


def _relu6_derivative(xp: Any, x: Any) -> Any:
    return inside(xp, x, 0.0, 6.0, xp.full_like(x, 1.0))


def _hard_tanh(xp: Any, x: Any, *, min_value: float, max_value: float) -> Any:
    return clipped(xp, x, min_value, max_value)


def _hard_tanh_derivative(xp: Any, x: Any, *, min_value: float, max_value: float) -> Any:
    return inside(xp, x, min_value, max_value, xp.full_like(x, 1.0))


def _leaky_relu(xp: Any, x: Any, *, negative_slope: float) -> Any:
    if negative_slope == 0.0:
        return relu(xp, x)  # 0 · inf would be NaN
    return xp.where(x > 0.0, x, x * negative_slope)


def _leaky_relu_derivative(xp: Any, x: Any, *, negative_slope: float) -> Any:
    return xp.where(x > 0.0, 1.0, xp.full_like(x, negative_slope))


def _hard_sigmoid_ends(alpha: float, beta: float) -> tuple[float, float]:
    return -beta / alpha, (1.0 - beta) / alpha


def _hard_sigmoid(xp: Any, x: Any, *, alpha: float, beta: float) -> Any:
    low, high = _hard_sigmoid_ends(alpha, beta)
    # alpha·(x - low) is exact where alpha·x + beta would cancel.
    ramp = xp.where(x >= high, 1.0, (x - low) * alpha)
    return xp.where(x <= low, 0.0, ramp)  # also where both ends are one number


def _hard_sigmoid_derivative(xp: Any, x: Any, *, alpha: float, beta: float) -> Any:
    return inside(xp, x, *_hard_sigmoid_ends(alpha, beta), xp.full_like(x, alpha))


def _hard_sigmoid_kinks(*, alpha: float, beta: float) -> tuple[Kink, ...]:
    return tuple(Kink(at, 0.0) for at in _hard_sigmoid_ends(alpha, beta))


def _hard_silu(xp: Any, x: Any) -> Any:
    inner = xp.where(x <= -3.0, 0.0, xp.where(x >= 3.0, 0.0, x))
    return xp.where(x <= -3.0, 0.0, xp.where(x >= 3.0, x, inner * (inner + 3.0) / 6.0))


def _hard_silu_derivative(xp: Any, x: Any) -> Any:
    return inside(xp, x, -3.0, 3.0, (x + 1.5) / 3.0, above=1.0)


def _hard_silu_second_derivative(xp: Any, x: Any) -> Any:
    return inside(xp, x, -3.0, 3.0, xp.full_like(x, 1.0 / 3.0))


def _hard_mish(xp: Any, x: Any) -> Any:
    inner = xp.where(x <= -2.0, 0.0, xp.where(x >= 0.0, 0.0, x))
    return xp.where(x >= 0.0, x, inner * (inner + 2.0) * 0.5)


def _hard_mish_derivative(xp: Any, x: Any) -> Any:
    return inside(xp, x, -2.0, 0.0, x + 1.0, above=1.0)


def _hard_mish_second_derivative(xp: Any, x: Any) -> Any:
    return inside(xp, x, -2.0, 0.0, xp.full_like(x, 1.0))


def _hard_sigmoid_parameters(alpha: float) -> tuple[Parameter, ...]:
    slope = Parameter("alpha", alpha, "slope", low=POSITIVE)
    return (slope, Parameter("beta", 0.5, "value at 0"))


def _sparse_sigmoid(xp: Any, x: Any) -> Any:
    return (clipped(xp, x, -1.0, 1.0) + 1.0) * 0.5


def _sparse_sigmoid_derivative(xp: Any, x: Any) -> Any:
    return inside(xp, x, -1.0, 1.0, xp.full_like(x, 0.5))


def _sparse_plus(xp: Any, x: Any) -> Any:
    ramp = _sparse_sigmoid(xp, x)
    return xp.where(x >= 1.0, x, ramp * ramp)


def _sparse_plus_derivative(xp: Any, x: Any) -> Any:
    return _sparse_sigmoid(xp, x)


def _sparse_plus_second_derivative(xp: Any, x: Any) -> Any:
    return _sparse_sigmoid_derivative(xp, x)


_SPARSEMAX = "Blondel, Martins & Niculae 2019, arXiv:1901.02324"

ACTIVATIONS = (
    Activation(
        name="identity",
        forward=_identity,
        derivative=_identity_derivative,
        second_derivative=zero,
        aliases=("linear", "none"),
        limits=lambda: Limits((-INFINITY, INFINITY), (1.0, 1.0)),
        formula="x",
        summary="The input itself.",
    ),
    Activation(
        name="affine",
        forward=_affine,
        derivative=_affine_derivative,
        second_derivative=zero,
        parameters=[
            Parameter("alpha", None, "slope"),
            Parameter("beta", None, "value at 0"),
        ],
        limits=_affine_limits,
        formula=r"\alpha x + \beta",
        summary="A straight line, αx + β.",
        source="Open Neural Network Exchange, activations of the operators RNN, GRU and LSTM",
    ),
    Activation(
        name="relu",
        forward=relu,
        derivative=relu_derivative,
        second_derivative=zero,
        kinks=lambda: (Kink(0.0, 0.0),),
        limits=lambda: Limits((0.0, INFINITY), (0.0, 1.0)),
        formula=r"\max(x, 0)",
        summary="Rectified linear unit.",
        source="Nair & Hinton 2010, Rectified linear units improve restricted Boltzmann machines",
    ),
    Activation(
        name="relu6",
        forward=_relu6,
        derivative=_relu6_derivative,
        second_derivative=zero,
        kinks=lambda: (Kink(0.0, 0.0), Kink(6.0, 0.0)),
        limits=lambda: Limits((0.0, 6.0), (0.0, 0.0)),
        formula=r"\min(\max(x, 0), 6)",
        summary="Rectified linear unit that saturates at 6.",
        source="Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10",
    ),
    Activation(
        name="leaky_relu",
        forward=_leaky_relu,
        derivative=_leaky_relu_derivative,
        second_derivative=zero,
        parameters=[Parameter("negative_slope", 0.01, "slope for x ≤ 0", learned_by="prelu")],
        kinks=lambda negative_slope: (Kink(0.0, negative_slope),),
        limits=lambda negative_slope: Limits(
            (-negative_slope * INFINITY if negative_slope else 0.0, INFINITY),
            (negative_slope, 1.0),
        ),
        formula=r"\begin{cases} x & x > 0 \\ s x & x \le 0 \end{cases}",
        summary="Rectified linear unit with a small slope for negative inputs.",
        source="Maas, Hannun & Ng 2013, Rectifier nonlinearities improve acoustic models",
    ),
    Activation(
        name="hard_tanh",
        forward=_hard_tanh,
        derivative=_hard_tanh_derivative,
        second_derivative=zero,
        parameters=[
            Parameter("min_value", -1.0, "smallest value"),
            Parameter("max_value", 1.0, "largest value"),
        ],
        aliases=("relu_n1_to_1",),
        constraint=ends_in_order,
        kinks=lambda min_value, max_value: (Kink(min_value, 0.0), Kink(max_value, 0.0)),
        limits=lambda min_value, max_value: Limits((min_value, max_value), (0.0, 0.0)),
        formula=r"\min(\max(x, a), b)",
        summary="The input, clipped to an interval.",
        source="Collobert 2004, Large scale machine learning",
    ),
    Activation(
        name="hard_sigmoid",
        forward=_hard_sigmoid,
        derivative=_hard_sigmoid_derivative,
        second_derivative=zero,
        parameters=_hard_sigmoid_parameters(1 / 6),
        aliases=("hsigmoid",),
        kinks=_hard_sigmoid_kinks,
        limits=lambda alpha, beta: Limits((0.0, 1.0), (0.0, 0.0)),
        formula=r"\min(\max(\alpha x + \beta, 0), 1)",
        summary="Piecewise linear sigmoid.",
        source="Courbariaux, Bengio & David 2015, arXiv:1511.00363",
    ),
    Activation(
        name="hard_sigmoid_02",
        forward=_hard_sigmoid,
        derivative=_hard_sigmoid_derivative,
        second_derivative=zero,
        parameters=_hard_sigmoid_parameters(0.2),
        kinks=_hard_sigmoid_kinks,
        limits=lambda alpha, beta: Limits((0.0, 1.0), (0.0, 0.0)),
        formula=r"\min(\max(\alpha x + \beta, 0), 1)",
        summary="The hard_sigmoid of Keras 2, MXNet and ONNX, with slope 0.2.",
        source="Courbariaux, Bengio & David 2015, arXiv:1511.00363",
    ),
    Activation(
        name="hard_silu",
        forward=_hard_silu,
        derivative=_hard_silu_derivative,
        second_derivative=_hard_silu_second_derivative,
        aliases=("hard_swish", "hswish"),
        kinks=lambda: (Kink(-3.0, 0.0), Kink(3.0, 1.0)),
        limits=lambda: Limits((0.0, INFINITY), (0.0, 1.0)),
        formula=r"x \cdot \min(\max(x + 3, 0), 6) / 6",
        summary="Piecewise quadratic SiLU.",
        source="Howard et al. 2019, arXiv:1905.02244",
    ),
    Activation(
        name="hard_mish",
        forward=_hard_mish,
        derivative=_hard_mish_derivative,
        second_derivative=_hard_mish_second_derivative,
        kinks=lambda: (Kink(-2.0, 0.0),),
        limits=lambda: Limits((0.0, INFINITY), (0.0, 1.0)),
        formula=r"\tfrac{x}{2} \cdot \min(\max(x + 2, 0), 2)",
        summary="Piecewise quadratic mish.",
        source="Misra 2020, H-Mish",
    ),
    Activation(
        name="sparse_sigmoid",
        forward=_sparse_sigmoid,
        derivative=_sparse_sigmoid_derivative,
        second_derivative=zero,
        kinks=lambda: (Kink(-1.0, 0.0), Kink(1.0, 0.0)),
        limits=lambda: Limits((0.0, 1.0), (0.0, 0.0)),
        formula=r"\min(\max(\tfrac{x + 1}{2}, 0), 1)",
        summary="Sparsemax of two numbers: a piecewise linear sigmoid.",
        source=_SPARSEMAX,
    ),
    Activation(
        name="sparse_plus",
        forward=_sparse_plus,
        derivative=_sparse_plus_derivative,
        second_derivative=_sparse_plus_second_derivative,
        limits=lambda: Limits((0.0, INFINITY), (0.0, 1.0)),
        formula=r"\begin{cases} x & x \ge 1 \\ \tfrac{(x + 1)^2}{4} & -1 < x < 1 \\"
        r" 0 & x \le -1 \end{cases}",
        summary="Integral of sparse_sigmoid: a smooth ReLU, exactly 0 below −1 and x above 1.",
        source=_SPARSEMAX,
    ),
)
