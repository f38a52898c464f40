"""The truth about an elementwise activation: the suite's own formulas, or its own definition.

For what a third party registers there is no independent formula. Its definition in ball arithmetic
then says what it means; its derivatives, which a definition's author may have got wrong, follow
from that. An explicit oracle is such a definition too, written in another way.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from flint import arb, ctx
from numpy.typing import NDArray

from unified_act import Activation, InvalidActivationError, Limits
from unified_act.errors import suggest
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.subject import Subject
from unified_act_conformance.truth import elementwise
from unified_act_conformance.truth.elementwise import (
    BEYOND_ALL_DOUBLES,
    ELEMENTWISE,
    FIRST_PRECISION,
    LAST_ORDER,
    OracleError,
    Reference,
    decide,
    reference_of,
    split,
)
from unified_act_conformance.truth.jets import COEFFICIENTS, Jet, jets, namespace, ties
from unified_act_conformance.truth.record import EVERYTHING
from unified_act_conformance.truth.records import record_of, value_range

__all__ = ["Catalogued", "Defined", "Oracle", "Truth", "truth_of", "try_oracle"]

Oracle = Callable[..., Any]
"""``oracle(xp, x, **parameters)``, written like a definition, with `jets.namespace` as xp."""

Doubles = NDArray[np.float64]

TRIAL = (-0.7, 0.7)
"""Where an oracle is tried out: on both sides of the branch that most functions have."""


class Truth(Protocol):
    """The exact function and its derivatives.

    Attributes:
        fast: Whether all numbers of a 16-bit type can be evaluated in a second.
        signs: Whether a value that is 0, or less than a double can hold, comes with its sign.
    """

    fast: bool
    signs: bool

    def __hash__(self) -> int:
        """By what it is, so that problems can be kept."""

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where the function or one of its first two derivatives is not continuous."""

    @property
    def crossings(self) -> tuple[float, ...]:
        """Zeros of its derivatives, as far as they are known."""

    def evaluate(self, order: int, x: Doubles, dtype: str = "float64") -> Reference:
        """The derivative of an order, to judge a float type by.

        NaN at an infinity means that the limit is not known.
        """

    def condition(self, order: int, x: Doubles, dtype: str = "float64") -> Doubles:
        """The magnitude of the next higher one, 0 at kinks and infinities."""

    def value_range(self, order: int) -> tuple[float, float]:
        """The closed range of the derivative of an order."""


@dataclass(frozen=True)
class Catalogued:
    """An activation that has a formula of the suite's.

    Attributes:
        subject: The activation and its parameters.
    """

    subject: Subject
    fast = True
    signs = True

    @property
    def kinks(self) -> tuple[float, ...]:
        """From the formula."""
        return elementwise.kinks(self.subject.activation, dict(self.subject.parameters))

    @property
    def crossings(self) -> tuple[float, ...]:
        """Found beforehand."""
        return record_of(self.subject.activation).crossings

    def evaluate(self, order: int, x: Doubles, dtype: str = "float64") -> Reference:
        """From the formula."""
        name, parameters = self.subject.activation, dict(self.subject.parameters)
        return elementwise.evaluate(name, order, x, parameters, dtype)

    def condition(self, order: int, x: Doubles, dtype: str = "float64") -> Doubles:
        """From the formula."""
        name, parameters = self.subject.activation, dict(self.subject.parameters)
        return elementwise.condition(name, order, x, parameters, dtype)

    def value_range(self, order: int) -> tuple[float, float]:
        """From the record."""
        name, parameters = self.subject.activation, dict(self.subject.parameters)
        return value_range(name, order, parameters)


@dataclass(frozen=True)
class Defined:
    """An activation as its definition, or an explicit oracle, has it.

    Attributes:
        activation: Its specification, for kinks and limits.
        parameters: All parameters.
        formula: What is evaluated.
    """

    activation: Activation
    parameters: tuple[tuple[str, float | int], ...]
    formula: Oracle
    fast = False
    signs = False

    @property
    def kinks(self) -> tuple[float, ...]:
        """Those that its author declares."""
        return tuple(kink.at for kink in self.activation.kinks(**dict(self.parameters)))

    @property
    def crossings(self) -> tuple[float, ...]:
        """None is known."""
        return ()

    def evaluate(self, order: int, x: Doubles, dtype: str = "float64") -> Reference:
        """By the Taylor series of the formula, at the declared kinks what is declared."""
        del dtype  # exact enough for each
        points = np.ascontiguousarray(x, dtype=np.float64)
        found = _orders(self, points.tobytes())[order].reshape(points.shape)
        if order != 1:
            return found
        high, low = found.high.copy(), found.low.copy()
        for kink in self.activation.kinks(**dict(self.parameters)):
            high[points == kink.at], low[points == kink.at] = kink.derivative, 0.0
        return Reference(high, low)

    def condition(self, order: int, x: Doubles, dtype: str = "float64") -> Doubles:
        """By the Taylor series too."""
        slope = np.abs(self.evaluate(order + 1, x, dtype).high)
        return np.where(np.isin(x, self.kinks) | ~np.isfinite(x), 0.0, slope)

    def value_range(self, order: int) -> tuple[float, float]:
        """Not known."""
        del order
        return EVERYTHING

    def at(self, point: arb, order: int, precision: int) -> arb:
        """Encloses a derivative.

        Args:
            point: Where.
            order: Which.
            precision: Bits of the arithmetic.
        """
        return self.at_once(point, precision)[order]

    def at_once(self, point: arb, precision: int) -> list[arb]:
        """Encloses the value and all derivatives.

        Where the formula compares a number with itself, its branches need not go on smoothly: abs
        has the slope 0 at 0. A derivative on which both sides agree is that of the function, up to
        the first one that jumps.

        Args:
            point: Where.
            precision: Bits of the arithmetic.
        """
        with ties() as found:
            here = self._series(point, precision)
        if not found:
            return here
        with ctx.workprec(2 * precision):
            reach = abs(point) + 1
            step = reach * arb(2) ** -precision
            left, right, further = (
                self._series(point + side * step, 2 * precision) for side in (-1, 1, 2)
            )
            for order in range(1, COEFFICIENTS):
                size, gap = abs(right[order]), abs(left[order] - right[order])
                doubt = gap + abs(further[order] - right[order])
                if doubt < size * arb(2) ** -elementwise.ENOUGH_BITS:
                    here[order] = left[order].union(right[order])
                bend = abs(right[order + 1]) * reach if order < LAST_ORDER else 0
                if not gap <= (size + bend) * arb(2) ** (8 - precision):
                    break
        return here

    def _series(self, point: arb, precision: int) -> list[arb]:
        with jets(precision) as jet_at:
            result = self.formula(namespace, jet_at(point), **dict(self.parameters))
            if not isinstance(result, Jet):
                raise TypeError(
                    f"{self.activation.name}: the definition returns {type(result).__name__}, "
                    "so it left the namespace xp on the way"
                )
            return [result.derivative(order) for order in range(COEFFICIENTS)]

    def limit(self, order: int, positive: bool) -> arb:
        """The limit at an infinity: the declared one, else what is seen far beyond all doubles."""
        if self.activation.limits is not None and order < 2:
            limits: Limits = self.activation.limits(**dict(self.parameters))
            return arb((limits.value, limits.derivative)[order][positive])
        sign = 1 if positive else -1
        return _limit_of(
            [self._decided_at(BEYOND_ALL_DOUBLES * (sign * factor), order) for factor in _FACTORS]
        )

    def _decided_at(self, point: arb, order: int) -> arb:
        return decide(lambda bits: self.at(point, order, bits), lambda: 1.0)


_FACTORS = tuple(arb(number) for number in (1, 1.75, 31, 530.5, 2**64))
_SAME, _NOTHING = arb(2) ** -50, arb(2) ** -2000


def _limit_of(seen: Sequence[arb]) -> arb:
    """What these values, farther and farther out, go to; NaN if they go up and down."""
    first, last = seen[0], seen[-1]
    if all(abs(value) < _NOTHING for value in seen):
        return first
    if all(abs(value - first) < abs(first) * _SAME for value in seen):
        return first
    grows = all(abs(after) > abs(before) and after * last > 0 for before, after in pairwise(seen))
    if not grows:
        return arb.nan()
    return first if abs(first) > BEYOND_ALL_DOUBLES else BEYOND_ALL_DOUBLES * last.sgn()


@lru_cache(maxsize=8)
def _orders(truth: Defined, data: bytes) -> tuple[Reference, ...]:
    """Evaluates all derivatives at once: the series holds them anyway."""
    points = np.frombuffer(data, dtype=np.float64)
    columns: list[list[arb]] = [[] for _ in range(COEFFICIENTS)]
    limits = {
        positive: [_limit(truth, order, positive) for order in range(COEFFICIENTS)]
        for positive in (False, True)
    }
    for value in points.tolist():
        if not math.isfinite(value):
            nan = [arb.nan()] * COEFFICIENTS
            row = nan if math.isnan(value) else limits[value > 0]
        else:
            point = arb(value)
            found = truth.at_once(point, FIRST_PRECISION)
            row = [_decided(truth, ball, point, order) for order, ball in enumerate(found)]
        for column, ball in zip(columns, row, strict=True):
            column.append(ball)
    return tuple(reference_of(*split(column)) for column in columns)


def _limit(truth: Defined, order: int, positive: bool) -> arb:
    try:
        return truth.limit(order, positive)
    except OracleError:
        return arb.nan()


def _decided(truth: Defined, ball: arb, point: arb, order: int) -> arb:
    if ball.rel_accuracy_bits() >= elementwise.ENOUGH_BITS:
        return ball
    try:
        return decide(lambda bits: truth.at(point, order, bits), lambda: 1.0)
    except OracleError as error:
        what = f"derivative of order {order}" if order else "value"
        raise OracleError(
            f"{truth.activation.name} has no exact {what} at x={float(point)}: it divides by 0 "
            "there, or takes a root or logarithm that does not exist. Give a domain without this "
            f"input, or define the function there with xp.where ({error})"
        ) from error


def truth_of(subject: Subject, given: Oracle | None = None) -> Truth | None:
    """Returns the truth about a subject; None unless it is elementwise.

    Args:
        subject: The activation and its parameters.
        given: An explicit oracle.

    Raises:
        unified_act.UnknownActivationError: No activation has that name.
    """
    activation = ACTIVATIONS.find(subject.activation)
    if not activation.kind.elementwise:
        return None
    if given is None and activation.name in ELEMENTWISE:
        return Catalogued(subject)
    parameters = activation.bind(dict(subject.parameters))
    return Defined(
        activation, tuple(parameters.items()), given or activation.oracle or activation.forward
    )


def try_oracle(name: str, oracle: Oracle, parameters: Mapping[str, float]) -> None:
    """Calls an oracle on two numbers.

    Args:
        name: How messages call it.
        oracle: The oracle.
        parameters: All its parameters.

    Raises:
        unified_act.InvalidActivationError: It cannot be evaluated. The message says what to write.
    """
    call = ", ".join(["xp", "x", *(f"{key}={value}" for key, value in parameters.items())])
    try:
        inspect.signature(oracle).bind(namespace, None, **parameters)
    except TypeError as error:
        raise InvalidActivationError(
            f"the oracle {name} is called as oracle({call}), which it does not take: {error}."
        ) from error
    except ValueError:
        pass  # nothing is known of its arguments
    offered = [each for each in dir(namespace) if not each.startswith("_")]
    has = f"+ - * /, whole powers, comparisons, and the functions of xp: {', '.join(offered)}"
    for point in TRIAL:
        try:
            with jets(FIRST_PRECISION) as jet_at:
                result = oracle(namespace, jet_at(arb(point)), **parameters)
        except Exception as error:  # whatever it does with what it does not expect
            if isinstance(error, AttributeError) and error.obj is namespace:
                text = f"uses xp.{error.name}, which xp lacks. {suggest(str(error.name), offered)}"
            else:
                text = (
                    "fails on the exact numbers that it is called with: "
                    f"{type(error).__name__}: {error}. It may use {has}."
                )
            raise InvalidActivationError(f"the oracle {name} {text}") from error
        if not isinstance(result, Jet):
            raise InvalidActivationError(
                f"the oracle {name} returns {type(result).__name__}, not a number that it has "
                f"computed from x. It may use {has}."
            )
