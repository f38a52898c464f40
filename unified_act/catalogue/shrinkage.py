"""Shrinkages: they hold small inputs at 0 and let large ones through.

The dead zone owns its corners, where the hard ones jump.
"""

from __future__ import annotations

from typing import Any

from unified_act.activation import Activation, Kink, Limits, Parameter
from unified_act.catalogue._common import (
    INFINITY,
    tanh,
    tanh_second_derivative,
    within,
    zero,
)
from unified_act.special import own, polynomial

__all__ = ["ACTIVATIONS"]

# x - tanh(x) = x³ · P(x²) / Q(x²) for |x| ≤ 1, from the continued fraction
# tanh(x) = x/(1 + x²/(3 + x²/(5 + …))) with the last term 17: 0.8 units of 2^-53 off at 1, and less
# further in. Every coefficient is positive, so nothing cancels.
_P = (11486475.0, 810810.0, 12870.0, 44.0)
_Q = (34459425.0, 16216200.0, 945945.0, 13860.0, 45.0)


def _shrink(xp: Any, x: Any, *, threshold: float, bias: float) -> Any:
    # A NaN fails both comparisons, and NaN + bias is NaN.
    outside = xp.where(x > 0.0, x - bias, x + bias)
    return xp.where(xp.abs(x) <= threshold, 0.0, outside)


def _shrink_derivative(xp: Any, x: Any, *, threshold: float, bias: float = 0.0) -> Any:
    return xp.where(xp.abs(x) <= threshold, 0.0, xp.full_like(x, 1.0))


def _soft_shrink(xp: Any, x: Any, *, threshold: float) -> Any:
    return _shrink(xp, x, threshold=threshold, bias=threshold)


def _hard_shrink(xp: Any, x: Any, *, threshold: float) -> Any:
    return xp.where(xp.abs(x) <= threshold, 0.0, x)


def _kinks(*, threshold: float, bias: float = 0.0) -> tuple[Kink, ...]:
    return tuple(Kink(at, 0.0) for at in sorted({-threshold, threshold}))


def _limits(*, threshold: float, bias: float = 0.0) -> Limits:
    return Limits((-INFINITY, INFINITY), (1.0, 1.0))


def _tanh_shrink(xp: Any, x: Any) -> Any:
    quick = own(xp, "tanh_shrink")
    if quick is not None:
        return quick(x)
    inner = within(xp, x, 1.0)
    square = inner * inner
    # Farther out: (|x| - 1) + (1 - tanh |x|), neither is negative, and 1 - tanh is 2e/(1 + e).
    size = xp.abs(x)
    e = xp.exp(size * -2.0)
    near = size <= 1.0
    over = xp.where(near, inner * square * polynomial(square, _P), e * 2.0)
    quotient = over / xp.where(near, polynomial(square, _Q), e + 1.0)
    far = (size - 1.0) + quotient
    return xp.where(near, quotient, xp.where(x < 0.0, -far, far))


def _tanh_shrink_derivative(xp: Any, x: Any) -> Any:
    t = tanh(xp, x)
    return t * t


def _tanh_shrink_second_derivative(xp: Any, x: Any) -> Any:
    return -tanh_second_derivative(xp, x)


_THRESHOLD = Parameter("threshold", 0.5, "largest |x| for which the result is 0", low=0.0)
_DONOHO = "Donoho & Johnstone 1994, Ideal spatial adaptation by wavelet shrinkage"

ACTIVATIONS = (
    Activation(
        name="soft_shrink",
        forward=_soft_shrink,
        derivative=_shrink_derivative,
        second_derivative=zero,
        parameters=[_THRESHOLD],
        kinks=_kinks,
        limits=_limits,
        formula=r"\operatorname{sign}(x) \max(|x| - \lambda, 0)",
        summary="Moves the input towards 0 by a threshold, but not past 0.",
        source=f"{_DONOHO}; Donoho 1995, De-noising by soft-thresholding",
    ),
    Activation(
        name="hard_shrink",
        forward=_hard_shrink,
        derivative=_shrink_derivative,
        second_derivative=zero,
        parameters=[_THRESHOLD],
        kinks=_kinks,
        limits=_limits,
        formula=r"\begin{cases} x & |x| > \lambda \\ 0 & |x| \le \lambda \end{cases}",
        summary="The input where its magnitude exceeds a threshold, 0 otherwise; jumps there.",
        source=_DONOHO,
    ),
    Activation(
        name="shrink",
        forward=_shrink,
        derivative=_shrink_derivative,
        second_derivative=zero,
        parameters=[
            _THRESHOLD,
            Parameter("bias", 0.0, "distance by which other inputs move towards 0"),
        ],
        kinks=_kinks,
        limits=_limits,
        formula=r"\begin{cases} x - b & x > \lambda \\ x + b & x < -\lambda \\"
        r" 0 & |x| \le \lambda \end{cases}",
        summary="Shrinkage with a separate bias: 0 for hard_shrink, the threshold for soft_shrink.",
        source="Open Neural Network Exchange, operator Shrink",
    ),
    Activation(
        name="tanh_shrink",
        forward=_tanh_shrink,
        derivative=_tanh_shrink_derivative,
        second_derivative=_tanh_shrink_second_derivative,
        limits=lambda: Limits((-INFINITY, INFINITY), (1.0, 1.0)),
        formula=r"x - \tanh x",
        summary="The input minus its hyperbolic tangent.",
        source="Collobert, Kavukcuoglu & Farabet 2011, Torch7: a Matlab-like environment for "
        "machine learning",
    ),
)
