"""The truth about an elementwise activation: the suite's own formulas, or its own definition.

For what a third party registers there is no independent formula. Its definition in ball arithmetic
then says what it means; its derivatives, which a definition's author may have got wrong, follow
from that. An explicit oracle is such a definition too, written in another way.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from flint import arb
from numpy.typing import NDArray

from unified_act import Activation, Limits
from unified_act.registry import ACTIVATIONS
from unified_act_conformance import inputs
from unified_act_conformance.subject import Subject
from unified_act_conformance.truth import elementwise, ranges
from unified_act_conformance.truth.elementwise import (
    BEYOND_ALL_DOUBLES,
    ELEMENTWISE,
    FIRST_PRECISION,
    OracleError,
    Reference,
    decide,
    reference_of,
    split,
)
from unified_act_conformance.truth.jets import COEFFICIENTS, Jet, jets, namespace

__all__ = ["Catalogued", "Defined", "Oracle", "Truth", "truth_of"]

Oracle = Callable[..., Any]
"""``oracle(xp, x, **parameters)``, written like a definition, with `oracle_jet.namespace` as xp."""

Doubles = NDArray[np.float64]


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
    """An activation that `formulas` knows.

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
        return inputs.CROSSINGS.get(self.subject.activation, ())

    def evaluate(self, order: int, x: Doubles, dtype: str = "float64") -> Reference:
        """From the formula."""
        name, parameters = self.subject.activation, dict(self.subject.parameters)
        return elementwise.evaluate(name, order, x, parameters, dtype)

    def condition(self, order: int, x: Doubles, dtype: str = "float64") -> Doubles:
        """From the formula."""
        name, parameters = self.subject.activation, dict(self.subject.parameters)
        return elementwise.condition(name, order, x, parameters, dtype)

    def value_range(self, order: int) -> tuple[float, float]:
        """From the table."""
        name, parameters = self.subject.activation, dict(self.subject.parameters)
        return ranges.value_range(name, order, parameters)


@dataclass(frozen=True)
class Defined:
    """An activation as its definition, or an explicit elementwise, has it.

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
        return ranges.EVERYTHING

    def at(self, point: arb, order: int, precision: int) -> arb:
        """Encloses a derivative.

        Args:
            point: Where.
            order: Which.
            precision: Bits of the arithmetic.
        """
        with jets(precision) as jet_at:
            result = self.formula(namespace, jet_at(point), **dict(self.parameters))
            if not isinstance(result, Jet):
                raise TypeError(
                    f"{self.activation.name}: the definition returns {type(result).__name__}, "
                    "so it left the namespace xp on the way"
                )
            return result.derivative(order)

    def limit(self, order: int, positive: bool) -> arb:
        """The limit at an infinity: the declared one, else the value far beyond all doubles."""
        if self.activation.limits is not None and order < 2:
            limits: Limits = self.activation.limits(**dict(self.parameters))
            return arb((limits.value, limits.derivative)[order][positive])
        point = BEYOND_ALL_DOUBLES if positive else -BEYOND_ALL_DOUBLES
        return decide(lambda bits: self.at(point, order, bits), lambda: 1.0)


@lru_cache(maxsize=8)
def _orders(truth: Defined, data: bytes) -> tuple[Reference, ...]:
    """Evaluates all derivatives at once: the series holds them anyway."""
    points = np.frombuffer(data, dtype=np.float64)
    columns: list[list[arb]] = [[] for _ in range(COEFFICIENTS)]
    limits = {
        positive: [_limit(truth, order, positive) for order in range(COEFFICIENTS)]
        for positive in (False, True)
    }
    with jets(FIRST_PRECISION) as jet_at:
        parameters = dict(truth.parameters)
        for value in points.tolist():
            if not math.isfinite(value):
                nan = [arb.nan()] * COEFFICIENTS
                row = nan if math.isnan(value) else limits[value > 0]
            else:
                point = arb(value)
                jet = truth.formula(namespace, jet_at(point), **parameters)
                row = [_decided(truth, jet, point, order) for order in range(COEFFICIENTS)]
            for column, ball in zip(columns, row, strict=True):
                column.append(ball)
    return tuple(reference_of(*split(column)) for column in columns)


def _limit(truth: Defined, order: int, positive: bool) -> arb:
    try:
        return truth.limit(order, positive)
    except OracleError:
        return arb.nan()


def _decided(truth: Defined, jet: Any, point: arb, order: int) -> arb:
    ball = jet.derivative(order) if isinstance(jet, Jet) else arb.nan()
    if ball.rel_accuracy_bits() >= elementwise.ENOUGH_BITS:
        return ball
    return decide(lambda bits: truth.at(point, order, bits), lambda: 1.0)


def truth_of(subject: Subject, given: Oracle | None = None) -> Truth | None:
    """Returns the truth about a subject; None unless it is elementwise.

    Args:
        subject: The activation and its parameters.
        given: An explicit elementwise.

    Raises:
        unified_act.UnknownActivationError: No activation has that name.
    """
    activation = ACTIVATIONS.find(subject.activation)
    if activation.kind != "elementwise":
        return None
    if given is None and activation.name in ELEMENTWISE:
        return Catalogued(subject)
    parameters = activation.bind(dict(subject.parameters))
    return Defined(
        activation, tuple(parameters.items()), given or activation.oracle or activation.forward
    )
