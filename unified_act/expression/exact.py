"""A definition at single numbers, to 160 decimal digits.

A float64 result may lie so close to the middle between two numbers of a 16-bit type that its
rounding decides on which side: gelu of the smallest numbers x is x/2 and a trace more. At these few
inputs a table asks this namespace, where parameters are exact too.
"""

from __future__ import annotations

import decimal
import functools
import math
import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from unified_act import special

__all__ = ["CONTEXT", "LIMITS", "NAMESPACE", "Number", "at"]

LIMITS: Mapping[str, Any] = {"Emin": decimal.MIN_EMIN, "Emax": decimal.MAX_EMAX, "traps": []}
"""What contexts have in common: there are infinities and NaN, and no errors."""
CONTEXT = decimal.Context(**LIMITS, prec=160)
_DOUBT = Decimal(10) ** -140
"""What is closer to a float64 number, relative to it, is that number."""
_FAR = 40
"""erfc is far below every float64 number from here on."""


class Number:
    """A number with the operators of arrays.

    Attributes:
        value: The number.
        constant: Whether it is made of parameters alone. Such a number is compared as float32.
    """

    __slots__ = ("constant", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Decimal, constant: bool = False) -> None:
        self.value, self.constant = value, constant

    def __float__(self) -> float:
        return float(self.value)

    def __neg__(self) -> Number:
        return Number(-self.value, self.constant)

    def __abs__(self) -> Number:
        return Number(abs(self.value), self.constant)

    def __pow__(self, other: Any) -> Number:
        exponent = _of(other)
        return Number(_power(self.value, exponent.value), self.constant and exponent.constant)

    def __rpow__(self, other: Any) -> Number:
        return _of(other) ** self


class Truth:
    """The result of a comparison.

    Attributes:
        holds: Whether it is true.
    """

    __slots__ = ("holds",)

    def __init__(self, holds: bool) -> None:
        self.holds = holds

    def __bool__(self) -> bool:
        return self.holds

    def __and__(self, other: Truth) -> Truth:
        return Truth(self.holds and other.holds)

    def __or__(self, other: Truth) -> Truth:
        return Truth(self.holds or other.holds)

    def __invert__(self) -> Truth:
        return Truth(not self.holds)


def _of(number: Any) -> Number:
    if isinstance(number, Number):
        return number
    if type(number) in (int, float):
        return Number(Decimal(number), constant=True)
    raise TypeError(f"no number: {number!r}")


def _combine(name: str, function: Callable[[Decimal, Decimal], Decimal]) -> None:
    """Gives `Number` an arithmetic operator, with a number on either side."""

    def forwards(self: Number, other: Any) -> Number:
        other = _of(other)
        return Number(function(self.value, other.value), self.constant and other.constant)

    setattr(Number, f"__{name}__", forwards)
    setattr(Number, f"__r{name}__", lambda self, other: forwards(_of(other), self))


def _compare(name: str, function: Callable[[Decimal, Decimal], bool]) -> None:
    """Gives `Number` a comparison, for which constants are rounded to float32."""

    def compare(self: Number, other: Any) -> Truth:
        pair = (self, _of(other))
        if pair[0].constant and pair[1].constant:
            return Truth(function(self.value, pair[1].value))
        numbers = (_in_float32(one.value) if one.constant else one.value for one in pair)
        return Truth(function(*numbers))

    setattr(Number, f"__{name}__", compare)


@functools.lru_cache(maxsize=1024)  # a definition compares with few constants
def _in_float32(value: Decimal) -> Decimal:
    import numpy as np

    with np.errstate(over="ignore"):
        return Decimal(float(np.float32(float(value))))


for _name, _function in (
    ("add", operator.add),
    ("sub", operator.sub),
    ("mul", operator.mul),
    ("truediv", operator.truediv),
):
    _combine(_name, _function)
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    _compare(_name, getattr(operator, _name))


def at(
    function: Callable[..., Any], x: float, parameters: Mapping[str, Any], nearby: float
) -> float:
    """Returns a function of a definition at `x`, rounded to float64, to odd.

    Args:
        function: ``function(xp, x, **parameters)``.
        x: The input.
        parameters: The parameters of the function.
        nearby: What float64 arithmetic found.
    """
    given = {
        name: Number(Decimal(value), constant=True) if type(value) is float else value
        for name, value in parameters.items()
    }
    with decimal.localcontext(CONTEXT):
        exact = _of(function(NAMESPACE, Number(Decimal(x)), **given)).value
        if not exact.is_finite():
            return nearby
        nearest = float(exact)
        rest = exact - Decimal(nearest)
        if abs(rest) <= abs(exact) * _DOUBT:
            return nearest
        is_odd = math.frexp(nearest)[0] * 2.0**53 % 2.0 == 1.0
        return nearest if is_odd else math.nextafter(nearest, math.copysign(math.inf, rest))


def _elementwise(function: Callable[[Decimal], Decimal]) -> Callable[[Any], Number]:
    return lambda x: Number(function(_of(x).value), _of(x).constant)


def _more_precise(digits: int) -> Any:
    precision = decimal.getcontext().prec + digits
    return decimal.localcontext(decimal.Context(**LIMITS, prec=precision))


def _series(first: Decimal, ratio: Callable[[int], Decimal]) -> Decimal:
    """The sum of first, first · ratio(1), first · ratio(1) · ratio(2), and so on."""
    total, term, k = first, first, 1
    while term and term.adjusted() > total.adjusted() - decimal.getcontext().prec - 3:
        term = term * ratio(k)
        total += term
        k += 1
    return total


def _expm1(x: Decimal) -> Decimal:
    if x.is_finite() and abs(x) < 1:
        return _series(x, lambda k: x / (k + 1))
    return x.exp() - 1


def _log1p(x: Decimal) -> Decimal:
    # The sum is exact: it takes as many digits more as the exponent of x asks for.
    digits = max(0, -x.adjusted()) if x.is_finite() and x else 0
    with _more_precise(min(digits, 1000)):
        return (1 + x).ln()


def _tanh(x: Decimal) -> Decimal:
    decay = _expm1(-2 * abs(x))
    return (-decay / (decay + 2)).copy_sign(x)


def _pi(digits: int) -> Decimal:
    """π, with so many digits more than the precision."""
    return _pi_to(decimal.getcontext().prec + digits)


@functools.cache
def _pi_to(precision: int) -> Decimal:
    """π, as Machin's formula gives it."""

    def inverse_tangent(n: int) -> Decimal:
        total, term, k = Decimal(0), Decimal(1) / n, 0
        while term.adjusted() > -precision - 3:
            total += (-term if k % 2 else term) / (2 * k + 1)
            term, k = term / (n * n), k + 1
        return total

    with decimal.localcontext(decimal.Context(**LIMITS, prec=precision + 5)):
        return 16 * inverse_tangent(5) - 4 * inverse_tangent(239)


def _erfc(x: Decimal) -> Decimal:
    if not abs(x) <= _FAR:  # or NaN
        return x if x.is_nan() else Decimal(0 if x > 0 else 2)
    square = x * x
    with _more_precise(int(square) + 10):  # what the terms of the series, and then 1 - erf, cancel
        erf = _erf_series(x) * 2 / _pi(int(square) + 10).sqrt()
        return 1 - erf


def _odd_series(x: Decimal, ratio: Callable[[int], Decimal]) -> Decimal:
    """The sum of x·r₁⋯rₖ/(2k + 1), where rₖ is ratio(k)."""
    total, power, k = x, x, 1
    while power and power.adjusted() > total.adjusted() - decimal.getcontext().prec - 3:
        power *= ratio(k)
        total += power / (2 * k + 1)
        k += 1
    return total


def _erf_series(x: Decimal) -> Decimal:
    """The sum x - x³/(1!·3) + x⁵/(2!·5) - … of the error function."""
    square = x * x
    return _odd_series(x, lambda k: -square / k)


def _sin(x: Decimal) -> Decimal:
    if not x.is_finite():
        return Decimal("NaN")
    digits = max(0, x.adjusted()) + 20
    with _more_precise(digits):
        turn = 2 * _pi(digits)
        angle = x - turn * (x / turn).to_integral_value()
        square = angle * angle
        return _series(angle, lambda k: -square / (2 * k * (2 * k + 1)))


def _cos(x: Decimal) -> Decimal:
    if not x.is_finite():
        return Decimal("NaN")
    with _more_precise(max(0, x.adjusted()) + 20):
        return _sin(x + _pi(max(0, x.adjusted()) + 20) / 2)


def _power(a: Decimal, b: Decimal) -> Decimal:
    if b == 0 or a == 1:
        return Decimal(1)
    whole = b.is_finite() and b == b.to_integral_value()
    if a.is_nan() or b.is_nan() or (a < 0 and not whole):
        return Decimal("NaN")
    found: Decimal = Decimal.exp(b * abs(a).ln())
    return -found if a.is_signed() and whole and b % 2 != 0 else found


def _atan(x: Decimal) -> Decimal:
    if x.is_infinite():
        return (_pi(0) / 2).copy_sign(x)
    if x.is_nan() or not x:
        return x
    halvings = 6
    for _ in range(halvings):
        x = x / (1 + (1 + x * x).sqrt())
    square = x * x
    angle: Decimal = _odd_series(x, lambda _: -square) * 2**halvings
    return angle


def _erf(x: Decimal) -> Decimal:
    if x.is_nan() or abs(x) > 1:
        return 1 - _erfc(x)
    return _erf_series(x) * 2 / _pi(10).sqrt()


def _erfinv(x: Decimal) -> Decimal:
    """By Newton's steps from what float64 finds."""
    if x.is_nan() or abs(x) >= 1:
        return Decimal("Infinity").copy_sign(x) if abs(x) == 1 else Decimal("NaN")
    if not x:
        return x
    half_root_of_pi = _pi(10).sqrt() / 2
    found = Decimal(max(float(abs(x)), 1e-300)) * half_root_of_pi
    if abs(x) > Decimal("0.5"):
        tail = (1 - abs(x)) / 2
        found = (-tail.ln()).sqrt()
    for _ in range(60):
        miss = (1 - abs(x)) - _erfc(found) if found > 1 else _erf(found) - abs(x)
        step = miss * half_root_of_pi * (found * found).exp()
        found -= step
        if abs(step) < abs(found) * _DOUBT:
            break
    return found.copy_sign(x)


def _asinh(x: Decimal) -> Decimal:
    size = abs(x)
    return _log1p(size + size * size / (1 + (1 + size * size).sqrt())).copy_sign(x)


def _acosh(x: Decimal) -> Decimal:
    above = x - 1
    return _log1p(above + (above * (above + 2)).sqrt()) if above >= 0 else Decimal("NaN")


NAMESPACE = SimpleNamespace(
    where=lambda condition, a, b: Number(_of(a if condition else b).value),
    full_like=lambda x, value: Number(_of(value).value),
    stop_gradient=lambda x: x,
    abs=abs,
    exp=_elementwise(Decimal.exp),
    expm1=_elementwise(_expm1),
    log=_elementwise(Decimal.ln),
    log1p=_elementwise(_log1p),
    log2=_elementwise(lambda x: x.ln() / Decimal(2).ln()),
    log10=_elementwise(Decimal.log10),
    tanh=_elementwise(_tanh),
    erfc=_elementwise(_erfc),
    times_erfc=lambda factor, x: factor * Number(_erfc(x.value)),
    sqrt=_elementwise(Decimal.sqrt),
    floor=_elementwise(lambda x: x.to_integral_value(decimal.ROUND_FLOOR)),
    sin=_elementwise(_sin),
    cos=_elementwise(_cos),
    pow=lambda a, b: _of(a) ** _of(b),
    atan=_elementwise(_atan),
    erf=_elementwise(_erf),
    erfinv=_elementwise(_erfinv),
    asinh=_elementwise(_asinh),
    acosh=_elementwise(_acosh),
    logical_and=operator.and_,
    logical_or=operator.or_,
    logical_not=operator.invert,
    own={"times_gaussian": lambda factor, x: factor * Number(Decimal.exp(-x.value * x.value))},
)
"""The functions that an elementwise definition may use."""
special.complete(NAMESPACE)
