"""Activations that turn the elements along an axis into shares of 1, and logarithms of such."""

from __future__ import annotations

from typing import Any

from unified_act.activation import Activation, Parameter

__all__ = [
    "ACTIVATIONS",
    "AXES",
    "AXIS",
    "LOWEST",
    "centred",
    "pulled_through_exp",
    "shares_of_exp",
    "softmax",
    "softmax_derivative",
    "softmax_second_derivative",
    "twice_pulled_back",
]


def _shifted(xp: Any, x: Any, axis: int) -> Any:
    """`x` less its maximum, so that exp cannot overflow; any constant gives the same result."""
    return x - xp.stop_gradient(xp.max(x, axis=axis))


def shares_of_exp(xp: Any, x: Any, axis: int) -> Any:
    """e^x as shares of their sum, where no element is above 0."""
    e = xp.exp(x)
    return e / xp.sum(e, axis=axis)


def softmax(xp: Any, x: Any, *, axis: int) -> Any:
    """e^x as shares of their sum."""
    return shares_of_exp(xp, _shifted(xp, x, axis), axis)


def softmax_derivative(xp: Any, cotangent: Any, x: Any, *, axis: int) -> tuple[Any]:
    """The pullback of `softmax`."""
    return (pulled_through_exp(xp, cotangent, _shifted(xp, x, axis), axis),)


def softmax_second_derivative(
    xp: Any, direction: Any, cotangent: Any, x: Any, *, axis: int
) -> tuple[Any, Any]:
    """What goes back through `softmax_derivative`."""
    return twice_pulled_back(xp, direction, cotangent, softmax(xp, x, axis=axis), axis)


def twice_pulled_back(
    xp: Any, direction: Any, cotangent: Any, y: Any, axis: int
) -> tuple[Any, Any]:
    """What goes back through `pulled_through_exp`, for shares `y`."""
    # The derivative of a mean weighted by y is a covariance.
    first = centred(xp, direction, y, axis)
    second = centred(xp, cotangent, y, axis)
    product = first * second
    return y * first, y * (product - xp.sum(product * y, axis=axis))


def centred(xp: Any, v: Any, y: Any, axis: int) -> Any:
    """`v` less its mean, weighted by `y`, which adds up to 1."""
    # Any constant may be taken off first. The value of a clear winner makes the difference small
    # before it is formed, not after. Other rows have none: MXNet computes this backwards, where a
    # small share would lose its digits to the sum of all others.
    v = v - xp.sum(xp.where(y > 0.5, v, 0.0), axis=axis)
    return v - xp.sum(v * y, axis=axis)


def pulled_through_exp(xp: Any, cotangent: Any, x: Any, axis: int, mask: Any = None) -> Any:
    """What goes back through `shares_of_exp`; where a mask is false, the cotangent must be 0."""
    e = xp.exp(x) if mask is None else xp.where(mask, xp.exp(x), 0.0)
    total = xp.sum(e, axis=axis)
    # As in `centred`. A clear winner has e^0 in a sum below 2: so it is known before its share is.
    winner = xp.sum(xp.where(x >= 0.0, cotangent, 0.0), axis=axis)
    v = cotangent - xp.where(total < 2.0, winner, 0.0)
    y = e / (total if mask is None else xp.where(total == 0.0, 1.0, total))
    return y * (v - xp.sum(v * y, axis=axis))


def _softmin(xp: Any, x: Any, *, axis: int) -> Any:
    return softmax(xp, -x, axis=axis)


def _softmin_derivative(xp: Any, cotangent: Any, x: Any, *, axis: int) -> tuple[Any]:
    return (-softmax_derivative(xp, cotangent, -x, axis=axis)[0],)


def _softmin_second_derivative(
    xp: Any, direction: Any, cotangent: Any, x: Any, *, axis: int
) -> tuple[Any, Any]:
    by_cotangent, by_x = softmax_second_derivative(xp, direction, cotangent, -x, axis=axis)
    return -by_cotangent, by_x


LOWEST = -float("inf")


def _counted_less_largest(xp: Any, x: Any, mask: Any, axis: int) -> Any:
    """What counts, less the largest of it, which makes NaN of -inf where nothing else counts."""
    largest = xp.stop_gradient(xp.max(xp.where(mask, x, LOWEST), axis=axis))
    return xp.where(mask, x - largest, 0.0)


def _masked_softmax(xp: Any, x: Any, mask: Any, *, axis: int) -> Any:
    e = xp.where(mask, xp.exp(_counted_less_largest(xp, x, mask, axis)), 0.0)
    total = xp.sum(e, axis=axis)
    total = xp.where(total == 0.0, 1.0, total)  # of a row that counts nothing
    return xp.where(mask, e / total, 0.0)


def _masked_softmax_derivative(
    xp: Any, cotangent: Any, x: Any, mask: Any, *, axis: int
) -> tuple[Any, None]:
    counted = _counted_less_largest(xp, x, mask, axis)
    pulled = pulled_through_exp(xp, xp.where(mask, cotangent, 0.0), counted, axis, mask)
    return xp.where(mask, pulled, 0.0), None


def _masked_softmax_second_derivative(
    xp: Any, direction: Any, cotangent: Any, x: Any, mask: Any, *, axis: int
) -> tuple[Any, Any]:
    y = _masked_softmax(xp, x, mask, axis=axis)
    direction, cotangent = (xp.where(mask, v, 0.0) for v in (direction, cotangent))
    found = twice_pulled_back(xp, direction, cotangent, y, axis)
    return xp.where(mask, found[0], 0.0), xp.where(mask, found[1], 0.0)


def _log_softmax(xp: Any, x: Any, *, axis: int) -> Any:
    shifted = _shifted(xp, x, axis)
    # The largest elements count as e^0 - 1 = 0 here and are added as their number: a clear winner,
    # whose result is log1p of almost nothing, keeps its digits.
    largest = xp.where(shifted >= 0.0, 1.0, xp.full_like(shifted, 0.0))
    rest = xp.sum(xp.exp(shifted) - largest, axis=axis)
    number = xp.sum(largest, axis=axis)
    return shifted - xp.log1p(rest / number) - xp.log(number)


def _log_softmax_derivative(xp: Any, cotangent: Any, x: Any, *, axis: int) -> tuple[Any]:
    return (cotangent - softmax(xp, x, axis=axis) * xp.sum(cotangent, axis=axis),)


def _log_softmax_second_derivative(
    xp: Any, direction: Any, cotangent: Any, x: Any, *, axis: int
) -> tuple[Any, Any]:
    y = softmax(xp, x, axis=axis)
    found = centred(xp, direction, y, axis)
    return found, -(y * found) * xp.sum(cotangent, axis=axis)


def _masked_log_softmax(xp: Any, x: Any, mask: Any, *, axis: int) -> Any:
    shifted = _counted_less_largest(xp, x, mask, axis)
    # As in log_softmax; of a row that counts nothing, nothing is divided by 0.
    largest = xp.where(shifted >= 0.0, 1.0, xp.full_like(x, 0.0))
    rest = xp.where(mask, xp.exp(shifted) - largest, 0.0)
    number = xp.sum(xp.where(mask, largest, 0.0), axis=axis)
    number = xp.where(number == 0.0, 1.0, number)
    total = xp.log1p(xp.sum(rest, axis=axis) / number)
    return xp.where(mask, shifted - total - xp.log(number), LOWEST)


def _masked_log_softmax_derivative(
    xp: Any, cotangent: Any, x: Any, mask: Any, *, axis: int
) -> tuple[Any, None]:
    y = _masked_softmax(xp, x, mask, axis=axis)
    cotangent = xp.where(mask, cotangent, 0.0)
    return xp.where(mask, cotangent - y * xp.sum(cotangent, axis=axis), 0.0), None


def _masked_log_softmax_second_derivative(
    xp: Any, direction: Any, cotangent: Any, x: Any, mask: Any, *, axis: int
) -> tuple[Any, Any]:
    y = _masked_softmax(xp, x, mask, axis=axis)
    direction, cotangent = (xp.where(mask, v, 0.0) for v in (direction, cotangent))
    found = xp.where(mask, centred(xp, direction, y, axis), 0.0)
    return found, -(y * found) * xp.sum(cotangent, axis=axis)


# softmax_one is softmax of the row and one more number, 0, whose share is left out.


def _with_spare(xp: Any, x: Any, axis: int) -> tuple[Any, Any]:
    """The shares of the elements, and that of the number 0."""
    largest = xp.max(x, axis=axis)
    largest = xp.stop_gradient(xp.where(largest > 0.0, largest, 0.0))
    e, spare = xp.exp(x - largest), xp.exp(-largest)
    total = spare + xp.sum(e, axis=axis)
    return e / total, spare / total


def _softmax_one(xp: Any, x: Any, *, axis: int) -> Any:
    return _with_spare(xp, x, axis)[0]


def _centred_with_spare(xp: Any, v: Any, y: Any, spare: Any, axis: int) -> tuple[Any, Any]:
    """`v` less its weighted mean, and what becomes of the 0 that goes with the spare share."""
    winner = xp.sum(xp.where(y > 0.5, v, 0.0), axis=axis)  # taken off first, as in centred
    v = v - winner
    mean = xp.sum(v * y, axis=axis) - winner * spare
    return v - mean, -winner - mean


def _softmax_one_derivative(xp: Any, cotangent: Any, x: Any, *, axis: int) -> tuple[Any]:
    y, spare = _with_spare(xp, x, axis)
    return (y * _centred_with_spare(xp, cotangent, y, spare, axis)[0],)


def _softmax_one_second_derivative(
    xp: Any, direction: Any, cotangent: Any, x: Any, *, axis: int
) -> tuple[Any, Any]:
    y, spare = _with_spare(xp, x, axis)
    first, first_spare = _centred_with_spare(xp, direction, y, spare, axis)
    second, second_spare = _centred_with_spare(xp, cotangent, y, spare, axis)
    product = first * second - first_spare * second_spare  # then 0 goes with the spare share
    return y * first, y * _centred_with_spare(xp, product, y, spare, axis)[0]


AXIS = Parameter("axis", -1, "axis along which the function is computed")
AXES = Parameter(
    "axis", -1, "axis along which the function is computed, or a tuple of axes", several=True
)
_SOURCE = "Bridle 1990, Probabilistic interpretation of feedforward classification network outputs"
_CHANNELS = Parameter("axis", -3, "axis of the channels, the third from the end")
_FORMULA = r"\frac{e^{x_i}}{\sum_j e^{x_j}}"

ACTIVATIONS = (
    Activation(
        name="softmax",
        kind="axis",
        symmetric=True,
        one_shape=True,
        forward=softmax,
        derivative=softmax_derivative,
        second_derivative=softmax_second_derivative,
        parameters=[AXES],
        formula=_FORMULA,
        summary="Exponentials of the elements, scaled so that they add up to 1 along an axis.",
        source=_SOURCE,
    ),
    Activation(
        name="softmax2d",
        kind="axis",
        symmetric=True,
        one_shape=True,
        forward=softmax,
        derivative=softmax_derivative,
        second_derivative=softmax_second_derivative,
        parameters=[_CHANNELS],
        formula=_FORMULA,
        summary="Softmax over the channels at each position of an image.",
        source=_SOURCE,
    ),
    Activation(
        name="softmin",
        kind="axis",
        symmetric=True,
        one_shape=True,
        forward=_softmin,
        derivative=_softmin_derivative,
        second_derivative=_softmin_second_derivative,
        parameters=[AXES],
        formula=r"\frac{e^{-x_i}}{\sum_j e^{-x_j}}",
        summary="Softmax of the negated input: the smallest element gets the largest result.",
        source=_SOURCE,
    ),
    Activation(
        name="masked_softmax",
        kind="axis",
        symmetric=True,
        inputs=("x", "mask"),
        masks=("mask",),
        forward=_masked_softmax,
        derivative=_masked_softmax_derivative,
        second_derivative=_masked_softmax_second_derivative,
        parameters=[AXES],
        formula=r"\frac{m_i e^{x_i}}{\sum_j m_j e^{x_j}}",
        summary="Softmax over the elements where the mask is true; the others are 0.",
        source=_SOURCE,
    ),
    Activation(
        name="log_softmax",
        kind="axis",
        one_shape=True,
        forward=_log_softmax,
        derivative=_log_softmax_derivative,
        second_derivative=_log_softmax_second_derivative,
        parameters=[AXES],
        formula=r"x_i - \log \sum_j e^{x_j}",
        summary="Logarithm of softmax.",
        source=_SOURCE,
    ),
    Activation(
        name="masked_log_softmax",
        kind="axis",
        inputs=("x", "mask"),
        masks=("mask",),
        forward=_masked_log_softmax,
        derivative=_masked_log_softmax_derivative,
        second_derivative=_masked_log_softmax_second_derivative,
        parameters=[AXES],
        formula=(
            r"\begin{cases} x_i - \log \sum_j m_j e^{x_j} & m_i = 1 "
            r"\\ -\infty & m_i = 0 \end{cases}"
        ),
        summary="Logarithm of masked_softmax: minus infinity where the mask is false.",
        source=_SOURCE,
    ),
    Activation(
        name="softmax_one",
        kind="axis",
        symmetric=True,
        one_shape=True,
        forward=_softmax_one,
        derivative=_softmax_one_derivative,
        second_derivative=_softmax_one_second_derivative,
        parameters=[AXES],
        aliases=("softmax1", "quiet_softmax"),
        formula=r"\frac{e^{x_i}}{1 + \sum_j e^{x_j}}",
        summary="Softmax with 1 added to the sum, so that all results can be small at once.",
        source="Miller 2023, Attention Is Off By One",
    ),
)
