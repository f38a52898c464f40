"""Relatives of ReLU: clipped, squared, or off up to a threshold.

As everywhere, the branch that is constant or "off" owns the corner.
"""

from __future__ import annotations

from typing import Any

from unified_act.activation import Activation, Kink, Limits, Parameter
from unified_act.catalogue._common import INFINITY, POSITIVE, clipped, inside, relu, zero

__all__ = ["ACTIVATIONS"]


def _clipped_relu(xp: Any, x: Any, *, max_value: float) -> Any:
    return clipped(xp, x, 0.0, max_value)


def _clipped_relu_derivative(xp: Any, x: Any, *, max_value: float) -> Any:
    return inside(xp, x, 0.0, max_value, xp.full_like(x, 1.0))


def _clipped_leaky_relu(
    xp: Any, x: Any, *, max_value: float, negative_slope: float, threshold: float
) -> Any:
    rise = x - threshold  # decides too, so that a rounded threshold is the same one everywhere
    if negative_slope < 0.0:
        below = (threshold - x) * -negative_slope  # 0 at the threshold, and not -0
    else:
        below = rise * negative_slope if negative_slope else 0.0  # 0 · inf would be NaN
    return xp.where(rise <= 0.0, below, xp.where(x >= max_value, max_value, x))


def _clipped_leaky_relu_kinks(
    *, max_value: float, negative_slope: float, threshold: float
) -> tuple[Kink, ...]:
    corner = Kink(threshold, negative_slope)
    return (corner, Kink(max_value, 0.0)) if max_value > threshold else (corner,)


def _threshold(xp: Any, x: Any, *, threshold: float, value: float) -> Any:
    return xp.where(x <= threshold, value, x)


def _threshold_derivative(xp: Any, x: Any, *, threshold: float, value: float) -> Any:
    return xp.where(x > threshold, 1.0, xp.full_like(x, 0.0))


def _thresholded_relu(xp: Any, x: Any, *, threshold: float) -> Any:
    return _threshold(xp, x, threshold=threshold, value=0.0)


def _thresholded_relu_derivative(xp: Any, x: Any, *, threshold: float) -> Any:
    return _threshold_derivative(xp, x, threshold=threshold, value=0.0)


def _squared_relu(xp: Any, x: Any) -> Any:
    positive = relu(xp, x)
    return positive * positive


def _squared_relu_derivative(xp: Any, x: Any) -> Any:
    return relu(xp, x) * 2.0


def _squared_relu_second_derivative(xp: Any, x: Any) -> Any:
    return xp.where(x > 0.0, 2.0, xp.full_like(x, 0.0))


ACTIVATIONS = (
    Activation(
        name="clipped_relu",
        forward=_clipped_relu,
        derivative=_clipped_relu_derivative,
        second_derivative=zero,
        parameters=[Parameter("max_value", None, "value at which it saturates", low=POSITIVE)],
        kinks=lambda max_value: (Kink(0.0, 0.0), Kink(max_value, 0.0)),
        limits=lambda max_value: Limits((0.0, max_value), (0.0, 0.0)),
        formula=r"\min(\max(x, 0), c)",
        summary="Rectified linear unit that saturates at a given value.",
        source="Hannun et al. 2014, arXiv:1412.5567",
    ),
    Activation(
        name="clipped_leaky_relu",
        forward=_clipped_leaky_relu,
        parameters=[
            Parameter("max_value", None, "value at which it saturates; 1e30 is none", low=POSITIVE),
            Parameter("negative_slope", 0.01, "slope for inputs up to the threshold"),
            Parameter("threshold", 0.0, "largest input of the lower branch"),
        ],
        kinks=_clipped_leaky_relu_kinks,
        limits=lambda max_value, negative_slope, threshold: Limits(
            (-negative_slope * INFINITY if negative_slope else 0.0, max_value),
            (negative_slope, 0.0),
        ),
        formula=r"\begin{cases} \min(x, c) & x > \theta \\ "
        r"s (x - \theta) & x \le \theta \end{cases}",
        summary="Leaky ReLU with a threshold that saturates at a given value: the relu of Keras.",
        source="Chollet et al. 2015, Keras",
    ),
    Activation(
        name="threshold",
        forward=_threshold,
        derivative=_threshold_derivative,
        second_derivative=zero,
        parameters=[
            Parameter("threshold", None, "largest input with the constant result"),
            Parameter("value", None, "result for inputs up to the threshold"),
        ],
        kinks=lambda threshold, value: (Kink(threshold, 0.0),),
        limits=lambda threshold, value: Limits((value, INFINITY), (0.0, 1.0)),
        formula=r"\begin{cases} x & x > \theta \\ v & x \le \theta \end{cases}",
        summary="The input where it is above a threshold, a constant otherwise; may jump there.",
        source="Collobert, Kavukcuoglu & Farabet 2011, Torch7: a Matlab-like environment for "
        "machine learning",
    ),
    Activation(
        name="thresholded_relu",
        forward=_thresholded_relu,
        derivative=_thresholded_relu_derivative,
        second_derivative=zero,
        parameters=[Parameter("threshold", 1.0, "largest input for which the result is 0")],
        kinks=lambda threshold: (Kink(threshold, 0.0),),
        limits=lambda threshold: Limits((0.0, INFINITY), (0.0, 1.0)),
        formula=r"\begin{cases} x & x > \theta \\ 0 & x \le \theta \end{cases}",
        summary="The input where it is above a threshold, 0 otherwise.",
        source="Konda, Memisevic & Krueger 2014, arXiv:1402.3337",
    ),
    Activation(
        name="squared_relu",
        forward=_squared_relu,
        derivative=_squared_relu_derivative,
        second_derivative=_squared_relu_second_derivative,
        aliases=("relu2", "relu_sqr", "relu_squared", "sqrelu"),
        limits=lambda: Limits((0.0, INFINITY), (0.0, INFINITY)),
        formula=r"\max(x, 0)^2",
        summary="The square of ReLU.",
        source="So et al. 2021, arXiv:2109.08668",
    ),
)
