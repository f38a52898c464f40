"""Ball arithmetic in double precision over whole arrays, about ten times faster than `arb`.

A ball is a midpoint and a radius that bounds how far the exact number may be from it. Each
operation adds a bound of its own rounding to what it was given, so that a radius is a proof and no
estimate, on two conditions: IEEE arithmetic, and elementary functions that are as good as is
claimed below, which the tests measure. What cannot be bounded has a radius that is infinite or NaN.

The operators and methods are those of `arb`, so that a formula runs on either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

__all__ = ["ERF_ULPS", "LIBRARY_ULPS", "Balls"]

Doubles = NDArray[np.float64]
Mask = NDArray[np.bool_]

LIBRARY_ULPS = 4
"""How wrong NumPy's and the C library's functions may be, in units in the last place."""
ERF_ULPS = 10
"""The same of erf and erfc."""

ROUNDING = 2.0**-53
"""The relative error of an operation that IEEE 754 defines."""
# Radii are computed with a handful of roundings each, and with library functions.
OUTWARD = 1 + 2.0**-45
# Covers the absolute error of a few results among subnormals, where there is no relative one.
TINY = 2.0**-1066


class Balls:
    """An array of real numbers, each known to lie in `[mid - rad, mid + rad]`.

    Args:
        mid: The midpoints; or one number, for a constant.
        rad: The radii; or one, for all.
    """

    __slots__ = ("mid", "rad")
    __array_ufunc__ = None  # an array on the left leaves the operation to this class

    def __init__(self, mid: Doubles | float, rad: Doubles | float = 0.0) -> None:
        self.mid: Any = mid
        self.rad: Any = rad

    @classmethod
    def of(cls, number: Balls | arb | float) -> Balls:
        """Makes a constant of a number.

        Args:
            number: An `arb`, whatever its precision, or a number that a double holds exactly.
        """
        if isinstance(number, Balls):
            return number
        if not isinstance(number, arb):
            return cls(float(number))
        mid = float(number)
        rest = (number - mid).abs_upper()
        return cls(mid, 0.0 if rest == 0 else float(rest) * OUTWARD + TINY)

    def ends(self) -> tuple[Doubles, Doubles]:
        """The lower and the upper end, rounded outward unless the radius is 0."""
        with np.errstate(invalid="ignore"):  # infinity less infinity
            lower, upper = self.mid - self.rad, self.mid + self.rad
        if not np.any(self.rad):
            return lower, upper
        outer = np.nextafter(lower, -np.inf), np.nextafter(upper, np.inf)
        exact = self.rad == 0
        return np.where(exact, lower, outer[0]), np.where(exact, upper, outer[1])

    def resized(self, size: int) -> Balls:
        """The same as arrays, with a constant repeated.

        Args:
            size: How many balls there are.
        """
        return Balls(np.broadcast_to(self.mid, size), np.broadcast_to(self.rad, size))

    def _at(self, chosen: Mask) -> Balls:
        rad = self.rad if np.ndim(self.rad) == 0 else self.rad[chosen]
        return Balls(self.mid[chosen], rad)

    def split(
        self,
        compared: Balls,
        corner: float,
        at_or_below: Callable[[Balls], Any],
        above: Callable[[Balls], Any],
    ) -> Any:
        """Joins two branches, each evaluated where it holds; a ball across the corner is unknown.

        Args:
            compared: What is compared with the corner, one ball for each of these.
            corner: Where the branches meet.
            at_or_below: The one up to the corner.
            above: The one beyond it.
        """
        lower, upper = compared.ends()
        below, beyond = upper <= corner, lower > corner
        if below.all():
            return at_or_below(self)
        if beyond.all():
            return above(self)
        parts = [(below, at_or_below(self._at(below))), (beyond, above(self._at(beyond)))]
        if not isinstance(parts[0][1], tuple):
            return _joined(parts, below.size)
        columns = zip(*(results for _, results in parts), strict=True)
        return tuple(
            _joined(list(zip((below, beyond), column, strict=True)), below.size)
            for column in columns
        )

    def __neg__(self) -> Balls:
        return Balls(-self.mid, self.rad)

    def __abs__(self) -> Balls:
        return Balls(abs(self.mid), self.rad)

    def __add__(self, other: Balls | arb | float) -> Balls:
        other = Balls.of(other)
        mid = self.mid + other.mid
        return Balls(mid, (self.rad + other.rad + ROUNDING * abs(mid)) * OUTWARD)

    __radd__ = __add__

    def __sub__(self, other: Balls | arb | float) -> Balls:
        return self + -Balls.of(other)

    def __rsub__(self, other: arb | float) -> Balls:
        return -self + other

    def __mul__(self, other: Balls | arb | float) -> Balls:
        other = Balls.of(other)
        if np.ndim(other.mid) == 0 and other.rad == 0 and abs(other.mid) in (0.0, 1.0):
            return Balls(self.mid * other.mid + 0.0, self.rad * abs(other.mid))  # one zero
        mid = self.mid * other.mid
        rad = (abs(self.mid) + self.rad) * other.rad + abs(other.mid) * self.rad
        return Balls(mid, (rad + ROUNDING * abs(mid)) * OUTWARD + TINY)

    __rmul__ = __mul__

    def __truediv__(self, other: Balls | arb | float) -> Balls:
        return _quotient(self, Balls.of(other))

    def __rtruediv__(self, other: arb | float) -> Balls:
        return _quotient(Balls.of(other), self)

    def __pow__(self, exponent: int) -> Balls:
        if exponent != int(exponent) or exponent < 1:
            raise ValueError(f"only powers with positive integer exponents, not {exponent!r}")
        power = self
        for _ in range(int(exponent) - 1):
            power = power * self
        return power

    def sgn(self) -> Balls:
        """The sign, 0 of an exact 0."""
        unknown = (abs(self.mid) <= self.rad) & (self.rad > 0)
        return Balls(np.where(unknown, 0.0, np.sign(self.mid)), np.where(unknown, 1.0, 0.0))

    def sqrt(self) -> Balls:
        """The square root, unknown for a ball that reaches below 0."""
        mid = np.sqrt(self.mid)
        change = np.where(self.rad < self.mid, self.rad / mid, np.inf)
        return Balls(mid, (change + ROUNDING * mid) * OUTWARD)

    def exp(self) -> Balls:
        """The exponential."""
        mid = np.exp(self.mid)
        return _from_library(mid, self._change_of_exp(mid))

    def expm1(self) -> Balls:
        """The exponential less 1."""
        mid = np.expm1(self.mid)
        return _from_library(mid, self._change_of_exp(np.exp(self.mid)))

    def log(self) -> Balls:
        """The natural logarithm, unknown for a ball that reaches 0."""
        return _from_library(np.log(self.mid), _ratio(self.rad, self.mid - self.rad))

    def log1p(self) -> Balls:
        """The natural logarithm of 1 more, unknown for a ball that reaches -1."""
        above = (1 + self.mid) * (1 - 2 * ROUNDING)
        return _from_library(np.log1p(self.mid), _ratio(self.rad, above - self.rad))

    def tanh(self) -> Balls:
        """The hyperbolic tangent."""
        # Its slope is at most 4 e^-2|x|, and so much is all that is left to change.
        tail = np.exp(-2 * self._nearest())
        change = np.minimum(self.rad * np.minimum(1.0, 4 * tail), 2 * tail)
        return _from_library(np.tanh(self.mid), change)

    def erf(self) -> Balls:
        """The error function."""
        return _from_library(_each(math.erf, self.mid), self._change_of_erf(), ERF_ULPS)

    def erfc(self) -> Balls:
        """The complementary error function."""
        return _from_library(_each(math.erfc, self.mid), self._change_of_erf(), ERF_ULPS)

    def sin(self) -> Balls:
        """The sine."""
        return _from_library(np.sin(self.mid), np.minimum(self.rad, 2.0))

    def cos(self) -> Balls:
        """The cosine."""
        return _from_library(np.cos(self.mid), np.minimum(self.rad, 2.0))

    def atan(self) -> Balls:
        """The inverse tangent."""
        nearest = self._nearest()
        return _from_library(np.arctan(self.mid), self.rad / (1 + nearest * nearest))

    def _nearest(self) -> Doubles:
        """A lower bound of the magnitude."""
        nearest: Doubles = np.maximum((abs(self.mid) - self.rad) * (1 - 2 * ROUNDING), 0.0)
        return nearest

    def _change_of_exp(self, power: Doubles) -> Doubles:
        """How far the exponential is from that of the midpoint, where both may be beyond range."""
        change: Doubles = power * np.expm1(self.rad)
        wide = self.rad > 0.5
        if np.any(wide):
            change = np.where(wide, np.exp(self.ends()[1]), change)
        return change

    def _change_of_erf(self) -> Doubles:
        # The slope is 2/sqrt(pi) e^-x^2, and beyond x there is at most e^-x^2 left to change.
        nearest = self._nearest()
        tail = np.exp(-nearest * nearest * (1 - 4 * ROUNDING))
        change: Doubles = np.minimum(1.1284 * self.rad, 2.0) * tail
        return change


def _joined(parts: Sequence[tuple[Mask, Any]], size: int) -> Balls:
    mid, rad = np.full(size, np.nan), np.full(size, np.inf)
    for mask, result in parts:
        ball = Balls.of(result)
        mid[mask], rad[mask] = ball.mid, ball.rad
    return Balls(mid, rad)


def _quotient(over: Balls, under: Balls) -> Balls:
    mid = over.mid / under.mid
    change = _ratio(over.rad + abs(mid) * under.rad + TINY, abs(under.mid) - under.rad)
    return Balls(mid, (change + ROUNDING * abs(mid)) * OUTWARD + TINY)


def _ratio(over: Doubles, under: Doubles) -> Doubles:
    """A quotient of bounds, infinite where the lower one is not positive."""
    quotient: Doubles = np.where(under > 0, over / under, np.inf)
    return quotient


def _from_library(mid: Doubles, change: Doubles, ulps: int = LIBRARY_ULPS) -> Balls:
    return Balls(mid, (change + ulps * 2.0**-52 * abs(mid)) * OUTWARD + TINY)


def _each(function: Callable[[float], float], values: Doubles) -> Doubles:
    """Applies a function that NumPy lacks."""
    return np.array(list(map(function, values.tolist())), dtype=np.float64)
