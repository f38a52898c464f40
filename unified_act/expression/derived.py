"""Functions of a specification made from its graph: what an author wrote, and what is derived."""

from __future__ import annotations

import decimal
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from unified_act.activation import Activation
from unified_act.expression import exact, strict_namespace
from unified_act.expression.code import function_of
from unified_act.expression.derivative import pushforward
from unified_act.expression.graph import FLOAT, RecordingError
from unified_act.expression.record import PARTS, Expression, record
from unified_act.expression.vanishing import keeping_digits
from unified_act.special import is_wide

__all__ = ["Derived", "completed", "limit_of", "pushforward_of_rows"]

_FAR = tuple(Decimal(x) for x in ("1e30", "2.7e33", "3.1e41", "1.9e46", "7.3e50", "1e55", "1e60"))
"""Where a function is looked at to tell its limit. A wave is seen to have none."""
_CLOSE = Decimal(10) ** -20
_KEPT = 256
"""So many functions are kept of each derivative: for the parameters that were used last."""


class Derived:
    """A function of a specification as its graph has it, for each set of parameters.

    Attributes:
        activation: The activation as its author wrote it.
        part: Which function it is, one of `unified_act.expression.PARTS`.
        __wrapped__: The author's function: this one, or the one that it is derived from.
    """

    def __init__(self, activation: Activation, part: str) -> None:
        self.activation, self.part = activation, part
        self.__wrapped__ = next(
            function
            for each in reversed(PARTS[: PARTS.index(part) + 1])
            if (function := getattr(activation, each)) is not None
        )
        self.__name__ = f"{part} of {activation.name}"
        self._made = lru_cache(maxsize=_KEPT)(self._make)

    def __call__(self, xp: Any, *arrays: Any, **parameters: Any) -> Any:
        """Computes the function on a namespace."""
        return self.with_parameters(parameters)(xp, *arrays)

    def with_parameters(self, parameters: Mapping[str, Any]) -> Callable[..., Any]:
        """Returns the function with its parameters as constants, as plain code.

        Args:
            parameters: Those that the functions of the specification take.
        """
        plain = {
            name: value if type(value) in (int, bool) else float(value)
            for name, value in parameters.items()
        }
        items = tuple(plain.items())
        return self._made(items, repr(items))  # the text tells 0.0 from -0.0

    def _make(self, items: tuple[tuple[str, Any], ...], text: str) -> Callable[..., Any]:
        del text  # a part of the key only
        activation = self.activation
        left_out = {
            name: -1 if name == "axis" else False
            for name in activation.kind.not_passed_on
            if activation.has_parameter(name)
        }
        found = record(activation, {**left_out, **dict(items)}, self.part)
        plain = self._function(found)
        if activation.derivative or activation.along_axis:
            return plain
        kept = keeping_digits(found)
        if str(kept) == str(found):
            return plain
        careful = self._function(kept)
        return lambda xp, *arrays: (plain if is_wide(xp) else careful)(xp, *arrays)

    def _function(self, found: Expression) -> Callable[..., Any]:
        """Returns what was recorded as a function, in the form of this part."""
        activation = self.activation
        if activation.kind.elementwise:
            return function_of(found if activation.derivative else _with_ends(found))
        if self.part == "forward":
            return function_of(found)
        one_list = self.part == "derivative" or activation.along_axis
        return function_of(found, "tuple" if one_list else "square")


def completed(activation: Activation) -> Activation:
    """Returns an activation whose functions are those of its graph, derived where there are none.

    What runs is then the same on every framework, though some lack operators. An elementwise
    activation without any derivative also gets its limits at the infinities, where the definition
    is NaN there, as x·sigmoid(x) is at -∞, or another number. What cannot be recorded stays as it
    is.

    Args:
        activation: The activation.
    """
    found: dict[str, Any] = {
        part: Derived(activation, part) for part in PARTS if _can_record(activation, part)
    }
    return replace(activation, **found)


def pushforward_of_rows(
    activation: Activation, parameters: Mapping[str, Any]
) -> Callable[..., Any] | None:
    """Returns ``pushforward(xp, *tangents, *inputs)``, the tangent of the result; None if none is.

    Args:
        activation: An activation along an axis.
        parameters: Every parameter with its value.
    """
    try:
        found = record(activation, parameters)
        graph, value = found.graph, found.outputs[0]
        assert value is not None  # noqa: S101  # a forward has it
        tangents = {
            node: graph.input(f"tangent_of_{node.attributes['name']}")
            for node in found.inputs
            if node.kind == FLOAT
        }
        result = pushforward([value], tangents)
    except RecordingError:
        return None
    return function_of(Expression(graph, (*tangents.values(), *found.inputs), result))


def _can_record(activation: Activation, part: str) -> bool:
    try:
        record(activation, {p.name: p.trial for p in activation.parameters}, part)
    except RecordingError:
        return False
    return True


def _with_ends(expression: Expression) -> Expression:
    """Adds the limits at the infinities, where the function is NaN there, or another number."""
    function = function_of(expression)
    (x,), (found,), graph = expression.inputs, expression.outputs, expression.graph
    assert found is not None  # noqa: S101  # there is always a value
    for sign in (1.0, -1.0):
        try:
            there = function(strict_namespace.namespace, strict_namespace.Row([sign * math.inf]))
        except strict_namespace.PortabilityError:
            return expression
        value, limit = there.values[0], limit_of(function, sign)
        # Where both arguments of `maximum` are infinite, its derivative is that of the wrong one.
        if math.isnan(limit) or math.isclose(value, limit, rel_tol=1e-9):
            continue
        # MXNet's graphs take -inf always, but not inf: hence -x, and x for an infinite limit.
        at_end = (-x if sign > 0 else x) == -math.inf
        end = limit if math.isfinite(limit) else x * (sign * math.copysign(1.0, limit))
        found = graph.apply("where", at_end, end, found)
    return replace(expression, outputs=(found,))


def limit_of(function: Callable[..., Any], sign: float) -> float:
    """Returns the limit of ``function(xp, x)`` at an infinity; NaN if none can be told.

    Args:
        function: A function of one number.
        sign: That of the infinity.
    """
    with decimal.localcontext(exact.CONTEXT):
        try:
            found = [
                function(exact.NAMESPACE, exact.Number(x.copy_sign(Decimal(sign)))).value
                for x in _FAR
            ]
        except (ArithmeticError, AttributeError, TypeError, ValueError):
            return math.nan
        if any(value.is_nan() for value in found):
            return math.nan
        last = found[-1]
        if all(abs(value) < _CLOSE for value in found):
            return math.copysign(0.0, last)
        if all(value == last or abs(value - last) <= _CLOSE * abs(last) for value in found):
            return float(last)
        grows = all(
            abs(after) > abs(before) and after.is_signed() == last.is_signed()
            for before, after in itertools.pairwise(found)
        )
        return math.copysign(math.inf, last) if grows and abs(last) > 1 else math.nan
