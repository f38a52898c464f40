"""The functions behind sparsemax: they reach 0, and their ends, at finite inputs."""

from __future__ import annotations

from typing import Any

from unified_act.activation import Activation, Kink, Limits
from unified_act.catalogue._common import INFINITY, clipped, inside, zero

__all__ = ["ACTIVATIONS"]


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


_SOURCE = "Blondel, Martins & Niculae 2019, arXiv:1901.02324"

ACTIVATIONS = (
    Activation(
        name="sparse_sigmoid",
        forward=_sparse_sigmoid,
        derivative=_sparse_sigmoid_derivative,
        second_derivative=zero,
        kinks=lambda: (Kink(-1.0, 0.0), Kink(1.0, 0.0)),
        limits=lambda: Limits((0.0, 1.0), (0.0, 0.0)),
        formula=r"\min(\max(\tfrac{x + 1}{2}, 0), 1)",
        summary="Sparsemax of two numbers: a piecewise linear sigmoid.",
        source=_SOURCE,
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
        source=_SOURCE,
    ),
)
