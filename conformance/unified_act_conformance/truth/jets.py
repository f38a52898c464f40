"""Definitions in ball arithmetic: a `Namespace` over a number with its first three derivatives.

A definition `forward(xp, x, **parameters)` that is called with these gives the exact function and
its exact derivatives, however many digits the formula cancels: a certified enclosure says how many
are left, and the caller raises the precision. One number at a time, so the functions of whole axes
are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flint import arb, arb_series, ctx

from unified_act.special import complete

__all__ = ["Condition", "Jet", "jets", "namespace", "ties"]

LARGEST_POWER = 64
"""Up to here whole powers are products."""
COEFFICIENTS = 4
"""f, f′, f″/2 and f‴/6."""


class Condition:
    """The result of a comparison: true, false, or undecided at this precision."""

    def __init__(self, value: bool | None) -> None:
        self.value = value

    def __and__(self, other: Condition) -> Condition:
        if self.value is False or other.value is False:
            return Condition(False)
        return Condition(None if self.value is None or other.value is None else True)

    def __or__(self, other: Condition) -> Condition:
        return ~(~self & ~other)

    def __bool__(self) -> bool:
        raise TypeError(
            "a comparison is neither true nor false for an if, and, or, not, max or min of Python: "
            "write xp.where(x > 0.0, a, b), and & | ~ between comparisons"
        )

    def __invert__(self) -> Condition:
        return Condition(None if self.value is None else not self.value)


class Jet:
    """A number that knows how it changes with x: the first terms of a Taylor series."""

    def __init__(self, series: arb_series) -> None:
        self.series = series

    @property
    def value(self) -> arb:
        """The number itself."""
        return self.series[0]

    def derivative(self, order: int) -> arb:
        """A derivative by x.

        Args:
            order: 0 to 3.
        """
        return self.series[order] * (1, 1, 2, 6)[order]

    def __add__(self, other: Any) -> Jet:
        return Jet(self.series + _series(other))

    def __sub__(self, other: Any) -> Jet:
        return Jet(self.series - _series(other))

    def __rsub__(self, other: Any) -> Jet:
        return Jet(_series(other) - self.series)

    def __mul__(self, other: Any) -> Jet:
        return Jet(self.series * _series(other))

    def __truediv__(self, other: Any) -> Jet:
        return Jet(_quotient(self.series, _series(other)))

    def __rtruediv__(self, other: Any) -> Jet:
        return Jet(_quotient(_series(other), self.series))

    def __neg__(self) -> Jet:
        return Jet(-self.series)

    def __abs__(self) -> Jet:
        return namespace.abs(self)

    def __pow__(self, exponent: Any) -> Jet:
        return namespace.pow(self, exponent)

    def __rpow__(self, base: Any) -> Jet:
        return namespace.pow(base, self)

    __radd__ = __add__
    __rmul__ = __mul__

    def __lt__(self, other: Any) -> Condition:
        return _compare(self, other, lambda a, b: a < b)

    def __le__(self, other: Any) -> Condition:
        return _compare(self, other, lambda a, b: a <= b)

    def __gt__(self, other: Any) -> Condition:
        return _compare(self, other, lambda a, b: a > b)

    def __ge__(self, other: Any) -> Condition:
        return _compare(self, other, lambda a, b: a >= b)

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return (self <= other) & (self >= other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        return ~(self == other)

    __hash__ = None  # type: ignore[assignment]


@contextmanager
def jets(precision: int) -> Iterator[Callable[[arb], Jet]]:
    """Yields the function that makes the jet of x at a point, to compute with inside the block.

    Args:
        precision: Bits of the arithmetic.
    """
    cap = ctx.cap
    try:
        ctx.cap = COEFFICIENTS
        with ctx.workprec(precision):
            yield lambda point: Jet(arb_series([point, 1]))
    finally:
        ctx.cap = cap


_watching: list[list[arb]] = []


@contextmanager
def ties() -> Iterator[list[arb]]:
    """Yields a list of the numbers that turn out to be compared with themselves in the block."""
    found: list[arb] = []
    _watching.append(found)
    try:
        yield found
    finally:
        _watching.remove(found)


def _series(number: Any) -> arb_series:
    return number.series if isinstance(number, Jet) else arb_series([arb(number)])


def _undecided() -> Jet:
    return Jet(arb_series([arb.nan()] * COEFFICIENTS))


def _quotient(numerator: arb_series, denominator: arb_series) -> arb_series:
    if denominator[0].is_nan() or denominator[0].contains(0):
        return _undecided().series  # in a branch that is not taken, or at too low a precision
    return numerator / denominator


def _compare(left: Jet, right: Any, holds: Callable[[arb, arb], bool]) -> Condition:
    a, b = left.value, _series(right)[0]
    if a == b:
        for found in _watching:
            found.append(a)
    if a.is_nan() or b.is_nan():
        return Condition(None)
    if holds(a, b):
        return Condition(True)
    # A comparison of balls is false also where it cannot be told.
    opposite = holds(b, a) or (a.is_exact() and b.is_exact()) or a < b or a > b
    return Condition(False if opposite else None)


def _with_value(series: arb_series, value: arb) -> Jet:
    """A series whose first term another formula knows better."""
    return Jet(arb_series([value, *(series[order] for order in range(1, COEFFICIENTS))]))


def _zero_up_to(power: float) -> Jet:
    """A power of 0: the derivatives below that order are 0, and there are no others."""
    known = [arb(0) if order < power else arb.nan() for order in range(COEFFICIENTS)]
    return Jet(arb_series(known))


def _integral(x: Jet, value: arb, slope: arb_series) -> Jet:
    """The jet of a function of `x` with this value, whose derivative by `x` is `slope`."""
    change = slope * x.series.derivative()
    coefficients = [change[order - 1] / order for order in range(1, COEFFICIENTS)]
    return Jet(arb_series([value, *coefficients]))


class _Namespace:
    """The functions of `unified_act.backend.Namespace` that act on one number, and some more."""

    def where(self, condition: Condition | bool, a: Any, b: Any) -> Jet:
        """One of both; neither while the condition is undecided."""
        decided = condition if isinstance(condition, bool) else condition.value
        if decided is None:
            return _undecided()
        return Jet(_series(a if decided else b))

    def full_like(self, x: Jet, value: float) -> Jet:
        """A constant."""
        del x
        return Jet(_series(value))

    def abs(self, x: Jet) -> Jet:
        """Absolute value; its derivative at 0 is 0, as frameworks have it."""
        at_zero = self.where(x == 0.0, self.full_like(x, 0.0), x)
        return self.where(x < 0.0, -at_zero, at_zero)

    def logical_and(self, a: Condition, b: Condition) -> Condition:
        """Whether both hold."""
        return a & b

    def logical_or(self, a: Condition, b: Condition) -> Condition:
        """Whether one holds, or both do."""
        return a | b

    def logical_not(self, a: Condition) -> Condition:
        """Whether it does not hold."""
        return ~a

    def pow(self, a: Any, b: Any) -> Jet:
        """`a` to the power `b`; undecided for a negative `a`, unless `b` is a whole number."""
        if isinstance(b, (int, float)) and float(b).is_integer() and abs(b) <= LARGEST_POWER:
            result = Jet(_series(1.0))
            for _ in range(abs(int(b))):
                result = result * a
            return result if b >= 0 else 1.0 / result
        base = Jet(_series(a))
        if base.value == 0 and isinstance(b, (int, float)) and b > 0:
            return _zero_up_to(b)
        return self.exp(self.log(base) * b) if base.value > 0 else _undecided()

    def exp(self, x: Jet) -> Jet:
        """E to the power x."""
        return Jet(x.series.exp())

    def expm1(self, x: Jet) -> Jet:
        """E to the power x, minus 1."""
        return _with_value(x.series.exp(), x.value.expm1())

    def log(self, x: Jet) -> Jet:
        """Natural logarithm; undecided where there is none."""
        return Jet(x.series.log()) if x.value > 0 else _undecided()

    def log1p(self, x: Jet) -> Jet:
        """Natural logarithm of 1 + x."""
        if not x.value > -1:
            return _undecided()
        return _with_value((x.series + 1).log(), x.value.log1p())

    def tanh(self, x: Jet) -> Jet:
        """Hyperbolic tangent."""
        sign = -1 if x.value < 0 else 1
        power = (x.series * (-2 * sign)).exp()
        return _with_value(_quotient(_series(2.0 * sign), power + 1), x.value.tanh())

    def sigmoid(self, x: Jet) -> Jet:
        """1 / (1 + exp(-x))."""
        power = (-x.series).exp() if x.value > 0 else x.series.exp()
        return Jet(_quotient(_series(1.0) if x.value > 0 else power, power + 1))

    def softplus(self, x: Jet) -> Jet:
        """log(1 + exp(x))."""
        if x.value > 0:
            return x + self.log1p(self.exp(-x))
        return self.log1p(self.exp(x))

    def logaddexp(self, a: Any, b: Any) -> Jet:
        """log(exp(a) + exp(b))."""
        first, second = Jet(_series(a)), Jet(_series(b))
        return second + self.softplus(first - second)

    def log2(self, x: Jet) -> Jet:
        """Logarithm to the base 2."""
        return Jet(self.log(x).series / arb(2).log())

    def log10(self, x: Jet) -> Jet:
        """Logarithm to the base 10."""
        return Jet(self.log(x).series / arb(10).log())

    def sinh(self, x: Jet) -> Jet:
        """Hyperbolic sine."""
        return _with_value((x.series.exp() - (-x.series).exp()) / 2, x.value.sinh())

    def cosh(self, x: Jet) -> Jet:
        """Hyperbolic cosine."""
        return Jet((x.series.exp() + (-x.series).exp()) / 2)

    def asinh(self, x: Jet) -> Jet:
        """Inverse hyperbolic sine."""
        return _integral(x, x.value.asinh(), (x.series * x.series + 1).rsqrt())

    def acosh(self, x: Jet) -> Jet:
        """Inverse hyperbolic cosine; undecided up to 1."""
        if not x.value > 1:
            return _undecided()
        return _integral(x, x.value.acosh(), (x.series * x.series - 1).rsqrt())

    def atanh(self, x: Jet) -> Jet:
        """Inverse hyperbolic tangent; undecided from ±1 on."""
        if not abs(x.value) < 1:
            return _undecided()
        return _integral(x, x.value.atanh(), _quotient(_series(1.0), 1 - x.series * x.series))

    def erfinv(self, x: Jet) -> Jet:
        """Inverse error function; undecided from ±1 on."""
        if not abs(x.value) < 1:
            return _undecided()
        found = arb_series([x.value.erfinv()])
        for _ in range(COEFFICIENTS):  # each round makes one more coefficient right
            slope = (found * found).exp() * arb.pi().sqrt() / 2
            found = _integral(x, x.value.erfinv(), slope).series
        return Jet(found)

    def hypot(self, a: Any, b: Any) -> Jet:
        """Root of a² + b²."""
        first, second = Jet(_series(a)), Jet(_series(b))
        return self.sqrt(first * first + second * second)

    def erf(self, x: Jet) -> Jet:
        """Error function."""
        return Jet(x.series.erf())

    def erfc(self, x: Jet) -> Jet:
        """Complementary error function."""
        return Jet(x.series.erfc())

    def times_erfc(self, factor: Any, x: Jet) -> Jet:
        """Factor · erfc(x)."""
        return self.erfc(x).__mul__(factor)

    def sqrt(self, x: Jet) -> Jet:
        """Square root; undecided where there is none. At 0 it has no derivative."""
        if x.value == 0:
            return _zero_up_to(0.5)
        return Jet(x.series.sqrt()) if x.value > 0 else _undecided()

    def floor(self, x: Jet) -> Jet:
        """Largest integer not above x."""
        return Jet(_series(x.value.floor()))

    def sin(self, x: Jet) -> Jet:
        """Sine."""
        return Jet(x.series.sin())

    def cos(self, x: Jet) -> Jet:
        """Cosine."""
        return Jet(x.series.cos())

    def tan(self, x: Jet) -> Jet:
        """Tangent."""
        return Jet(_quotient(x.series.sin(), x.series.cos()))

    def atan(self, x: Jet) -> Jet:
        """Arc tangent."""
        return Jet(x.series.atan())

    def asin(self, x: Jet) -> Jet:
        """Arc sine; undecided from ±1 on."""
        return Jet(x.series.asin()) if abs(x.value) < 1 else _undecided()

    def acos(self, x: Jet) -> Jet:
        """Arc cosine; undecided from ±1 on."""
        return Jet(x.series.acos()) if abs(x.value) < 1 else _undecided()

    def atan2(self, y: Any, x: Any) -> Jet:
        """Angle of the point (x, y)."""
        height, width = Jet(_series(y)), Jet(_series(x))
        if width.value > 0:
            return self.atan(height / width)
        if height.value > 0:
            return Jet(_series(arb.pi() / 2)) - self.atan(width / height)
        if height.value < 0:
            return Jet(_series(arb.pi() / -2)) - self.atan(width / height)
        return _undecided()

    def stop_gradient(self, x: Jet) -> Jet:
        """A constant of the same value."""
        return Jet(_series(x.value))

    def __init__(self) -> None:
        complete(self)

    pi = property(lambda self: Jet(_series(arb.pi())))
    """The circle's constant, to whatever precision is in force."""


namespace = _Namespace()
"""What a definition is called with as `xp`."""
