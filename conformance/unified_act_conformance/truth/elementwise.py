"""The truth: activations and their derivatives to about 100 bits, certified by ball arithmetic.

Every value comes as an enclosure; the precision is doubled until the enclosure is narrow enough, so
what is returned is a bound, not a hope. Values are kept as double-doubles (`Reference`), which is
exact enough to judge any of the four float types. Only among float64 subnormals is the second half
lost: there the reference is the correctly rounded double. For the narrower types most values come
from `fast`, which proves of each that the verdict is the same.

Conventions: NaN gives NaN; an infinity gives the limit; the constant, saturated or "off" branch
owns a corner; a magnitude below 2^-1200 is a zero with the sign of the tail.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from flint import arb, ctx
from numpy.typing import ArrayLike, NDArray

from unified_act_conformance.truth import fast
from unified_act_conformance.truth.balls import Balls
from unified_act_conformance.truth.cache import keep
from unified_act_conformance.truth.record import Formula, Function
from unified_act_conformance.truth.records import RECORDS, formula_of

ELEMENTWISE: tuple[str, ...] = tuple(name for name, found in RECORDS.items() if found.formula)
"""The activations that `evaluate` knows."""

LAST_ORDER = 3
FIRST_PRECISION = 160
LAST_PRECISION = FIRST_PRECISION * 16
ENOUGH_BITS = 100
NEGLIGIBLE = arb(2) ** -1200
# Large enough that every activation here has reached its limit to within NEGLIGIBLE or overflowed,
# whatever its parameters: those are doubles, at least 2^-1074 and at most 2^1024.
BEYOND_ALL_DOUBLES = arb(2) ** 5000


class OracleError(ArithmeticError):
    """Raised when a value cannot be decided even at the highest precision."""


@dataclass(frozen=True)
class Reference:
    """Exact values as unevaluated sums `high + low`.

    Attributes:
        high: The values rounded to double; infinite where they overflow it.
        low: What that rounding left over.
    """

    high: NDArray[np.float64]
    low: NDArray[np.float64]

    def reshape(self, shape: tuple[int, ...]) -> Reference:
        """Gives the same values in another shape.

        Args:
            shape: The new shape.

        Returns:
            A reference that shares memory with this one.
        """
        return Reference(self.high.reshape(shape), self.low.reshape(shape))


def evaluate(
    name: str,
    order: int,
    x: NDArray[np.float64],
    parameters: Mapping[str, float] | None = None,
    dtype: str = "float64",
) -> Reference:
    """Gives a derivative of an elementwise activation.

    Args:
        name: The canonical name, one of `ELEMENTWISE`.
        order: 0 for the function, 1 to 3 for its derivatives.
        x: The inputs; any float type that float64 holds exactly, cast to float64.
        parameters: Parameters that differ from the defaults, used exactly.
        dtype: The float type that the values are to judge. For a narrower one than float64 they
            round to it as the exact ones do, and are known to a millionth of its spacing; the
            third derivative, which is only ever a condition, to a millionth of its size.

    Returns:
        The values, in the shape of `x`, read-only. The last few results are cached.

    Raises:
        OracleError: If a value cannot be decided.
    """
    points = np.ascontiguousarray(x, dtype=np.float64)
    given = tuple(sorted((parameters or {}).items()))
    return _evaluate(name, order, points.tobytes(), given, dtype).reshape(points.shape)


def condition(
    name: str,
    order: int,
    x: NDArray[np.float64],
    parameters: Mapping[str, float] | None = None,
    dtype: str = "float64",
) -> NDArray[np.float64]:
    """Says how strongly an elementwise activation amplifies a change of its input.

    Args:
        name: The canonical name.
        order: The order that is judged.
        x: The inputs.
        parameters: Parameters that differ from the defaults.
        dtype: The float type that is judged.

    Returns:
        |f^(order+1)(x)|, 0 at kinks and at inputs that are not finite.
    """
    points = np.asarray(x, dtype=np.float64)
    slope = np.abs(evaluate(name, order + 1, points, parameters, dtype).high)
    at_kink = np.isin(points, _formula(name, tuple(sorted((parameters or {}).items()))).kinks)
    return np.where(at_kink | ~np.isfinite(points), 0.0, slope)


def kinks(name: str, parameters: Mapping[str, float] | None = None) -> tuple[float, ...]:
    """Names the inputs where an activation or one of its first two derivatives is not continuous.

    Args:
        name: The canonical name.
        parameters: Parameters that differ from the defaults.

    Returns:
        The inputs, in increasing order.
    """
    return _formula(name, tuple(sorted((parameters or {}).items()))).kinks


def decide(function_at: Callable[[int], arb], tail_sign: Callable[[], float]) -> arb:
    """Raises the precision until a value is decided.

    Args:
        function_at: Gives the value's enclosure at a precision in bits.
        tail_sign: Gives the sign of a value too small to have one; called only if needed.

    Returns:
        An enclosure with at least `ENOUGH_BITS` good bits, or a negligible number with its sign.

    Raises:
        OracleError: If `LAST_PRECISION` is not enough.
    """
    precision = FIRST_PRECISION
    while precision <= LAST_PRECISION:
        with ctx.workprec(precision):
            ball = function_at(precision)
            if ball.rel_accuracy_bits() >= ENOUGH_BITS:
                return ball
            if ball.abs_upper() < NEGLIGIBLE:
                sign = 1.0 if ball > 0 else -1.0 if ball < 0 else tail_sign()
                return sign * NEGLIGIBLE
        precision *= 2
    raise OracleError(f"undecided at {LAST_PRECISION} bits: {ball}")


def split(balls: Sequence[arb]) -> tuple[list[float], list[float]]:
    """Writes decided enclosures as double-doubles.

    Args:
        balls: The enclosures.

    Returns:
        The high and the low parts.
    """
    highs = [float(ball) for ball in balls]
    with ctx.workprec(FIRST_PRECISION):
        return highs, [_left_over(ball, high) for ball, high in zip(balls, highs, strict=True)]


def _left_over(ball: arb, high: float) -> float:
    """The low part; 0 where the enclosure cannot tell it from 0, so that a tie stays a tie."""
    rest = ball - high
    if rest.contains(0):
        return 0.0
    low = float(rest)
    if abs(low) < fast.NOISE * abs(high) and fast.changes_spacing(high):
        return 0.0
    return low


def reference_of(highs: ArrayLike, lows: ArrayLike) -> Reference:
    """Makes a read-only reference.

    Args:
        highs: The high parts.
        lows: The low parts; ignored where the high part is not finite.

    Returns:
        The reference.
    """
    high = np.array(highs, dtype=np.float64)
    low = np.where(np.isfinite(high), np.array(lows, dtype=np.float64), 0.0)
    high.setflags(write=False)
    low.setflags(write=False)
    return Reference(high, low)


class _Derivative:
    """One derivative of one activation, at whatever precision a point needs."""

    def __init__(self, name: str, order: int, parameters: Mapping[str, float]) -> None:
        self._name, self._order, self._parameters = name, order, parameters
        self._functions: dict[int, Function] = {}
        self._tail_signs: dict[bool, float] = {}

    def at(self, precision: int) -> Function:
        """Gives the function whose constants have this many bits."""
        if precision not in self._functions:
            with ctx.workprec(precision):
                formula: Formula = formula_of(self._name)(**self._parameters)
            self._functions[precision] = formula.derivatives[self._order]
        return self._functions[precision]

    def at_each(self, points: NDArray[np.float64]) -> list[arb]:
        """Gives the decided value at each of some points, finite or infinite."""
        function = self.at(FIRST_PRECISION)
        balls = []
        with ctx.workprec(FIRST_PRECISION):
            for value in points.tolist():
                if math.isfinite(value):
                    x = arb(value)
                elif self._endless():
                    balls.append(arb.nan())
                    continue
                else:
                    x = int(math.copysign(1, value)) * BEYOND_ALL_DOUBLES
                ball = function(x)
                balls.append(ball if ball.rel_accuracy_bits() >= ENOUGH_BITS else self._decide(x))
        return balls

    def _endless(self) -> bool:
        return _formula(self._name, tuple(sorted(self._parameters.items()))).endless

    def sign_at(self, point: float) -> float:
        """Gives the sign of the decided value at a finite point."""
        return float(self._decide(arb(point)).sgn())

    def _decide(self, x: arb) -> arb:
        return decide(lambda bits: self.at(bits)(x), lambda: self._tail_sign(x))

    def _tail_sign(self, x: arb) -> float:
        """Gives the sign on the nearest point towards 0 where it can be told; tails keep theirs."""
        side, precision = bool(x > 0), FIRST_PRECISION
        while side not in self._tail_signs:
            x = x / 2 ** (16 if abs(x) < 2**64 else 64)
            if abs(x) < NEGLIGIBLE and precision == LAST_PRECISION:
                raise OracleError(f"the sign of a value near 0 is undecided at {precision} bits")
            with ctx.workprec(precision):
                value = self.at(precision)(x)
            if value > 0 or value <= 0:  # neither holds of a ball around 0
                self._tail_signs[side] = -1.0 if value < 0 else 1.0
            precision = min(2 * precision, LAST_PRECISION)
        return self._tail_signs[side]


@lru_cache(maxsize=256)
def _formula(name: str, parameters: tuple[tuple[str, float], ...]) -> Formula:
    with ctx.workprec(FIRST_PRECISION):
        formula: Formula = formula_of(name)(**dict(parameters))
    return formula


@lru_cache(maxsize=16)
def _evaluate(
    name: str,
    order: int,
    data: bytes,
    parameters: tuple[tuple[str, float], ...],
    dtype: str,
) -> Reference:
    return reference_of(*_parts(name, order, data, parameters, dtype))


def evaluate_once(
    name: str,
    order: int,
    x: NDArray[np.float64],
    parameters: Mapping[str, float],
    dtype: str,
) -> Reference:
    """Gives what `evaluate` gives, for inputs that nobody asks for again: nothing is kept.

    Args:
        name: The canonical name.
        order: The order.
        x: The inputs, in one dimension.
        parameters: Parameters that differ from the defaults.
        dtype: The float type that the values are to judge.
    """
    return reference_of(
        *_computed(name, order, x.tobytes(), tuple(sorted(parameters.items())), dtype)
    )


def enclose(
    name: str,
    order: int,
    x: NDArray[np.float64],
    parameters: Mapping[str, float],
    radius: float = 0.0,
) -> Balls:
    """Encloses a derivative of an elementwise activation in double precision.

    Args:
        name: The canonical name.
        order: The order.
        x: The inputs, in one dimension; finite.
        parameters: Parameters that differ from the defaults.
        radius: Encloses what it is at all numbers that are so near to an input.

    Returns:
        A ball for each input. What double precision cannot tell is infinitely wide, or NaN.
    """
    mid, rad = np.empty(x.size), np.empty(x.size)
    with ctx.workprec(FIRST_PRECISION), np.errstate(all="ignore"):
        function = _Derivative(name, order, parameters).at(FIRST_PRECISION)
        for start in range(0, x.size, fast.CHUNK):
            part = x[start : start + fast.CHUNK]
            balls = Balls.of(function(Balls(part, radius))).resized(part.size)
            mid[start : start + fast.CHUNK], rad[start : start + fast.CHUNK] = balls.mid, balls.rad
    return Balls(mid, rad)


def _computed(
    name: str,
    order: int,
    data: bytes,
    parameters: tuple[tuple[str, float], ...],
    dtype: str,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    points = np.frombuffer(data, dtype=np.float64)
    derivative = _Derivative(name, order, dict(parameters))
    high, low = np.full(points.size, np.nan), np.zeros(points.size)
    exactly = ~np.isnan(points)
    if dtype != "float64" and points.size >= fast.FEWEST:
        finite = np.flatnonzero(np.isfinite(points))
        with ctx.workprec(FIRST_PRECISION):
            high[finite], low[finite], settled = fast.settle(
                derivative.at(FIRST_PRECISION),
                points[finite],
                dtype,
                derivative.sign_at,
                only_condition=order == LAST_ORDER,
            )
        exactly[finite[settled]] = False
    balls = derivative.at_each(points[exactly])
    high[exactly], low[exactly] = split(balls)
    if order == 0:
        # Ball arithmetic has one zero; what maps 0 to 0 keeps the sign.
        high = np.where((points == 0) & (high == 0), points, high)
    return high, low


_parts = keep(_computed)
