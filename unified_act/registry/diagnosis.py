"""Finds where a definition or a derivative is wrong, NaN or inexact, and what to write instead.

The graph of each function is computed in float64 and exactly, operation by operation, at ordinary,
tiny and huge numbers. The first operation whose result is bad, though what it gets is good, is the
culprit: its line is named, with the usual way to write it.
"""

from __future__ import annotations

import decimal
import linecache
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache, partial
from itertools import product
from typing import Any, NamedTuple

from unified_act.activation import Activation
from unified_act.expression import (
    FLOAT,
    PARTS,
    Expression,
    Node,
    RecordingError,
    exact,
    interpret,
    record,
    strict_namespace,
)

__all__ = ["Finding", "findings"]

_SIZES = (1e-30, 1e-8, 1e-3, 0.37, 1.3, 4.1, 11.7, 23.0, 41.0, 97.0, 1000.0, 1e9, 1e160)
_POINTS = (0.0, *_SIZES, *(-size for size in _SIZES))
_OTHERS = (0.7, -1.9)
"""The other inputs of an activation, such as weights, have about these values."""
_APART = 1.07
"""Each is so much larger than the one before: between equal ones, differences would vanish."""
_MANY = 3
"""Of more weights than these, no more than one has the second value at a time."""
_USUAL = 1000.0
"""Up to here NaN is an error. Numbers beyond are rare, and a warning is enough."""
_INEXACT = 1e-6
"""So much of a result may be lost in float64."""
_UNSEEN = Decimal("1e-12")
"""So much two results may differ: a definition may leave out what is nothing in float64."""
_LEAST, _LARGEST = Decimal("1e-290"), Decimal(repr(sys.float_info.max))
_DIGITS, _MORE_DIGITS = 60, 1000
"""So many digits are computed with, and three more for each power of 10 that a number is away."""
_STEP, _CHANGE = 1e-5, Decimal("1e-4")
"""So far from 0 a function is looked at to tell what it is there, and so much it may change."""


class Finding(NamedTuple):
    """What is bad.

    Attributes:
        part: The function of the specification.
        problem: What is wrong at which input, and what to write instead.
        place: The line of code; empty if it is not known.
        fatal: Whether the activation cannot be used so.
    """

    part: str
    problem: str
    place: str
    fatal: bool


def findings(activation: Activation, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    """Yields what cannot be used, and what loses digits: at most one finding for each function.

    Args:
        activation: An activation that does not act along an axis.
        parameters: Every parameter with its value.
    """
    for part in PARTS:
        try:
            expression = record(activation, parameters, part, places=True)
            derived = part != "forward" and getattr(activation, part) is not None
            truth = _truth(activation, parameters, part) if derived else expression
        except RecordingError:
            return
        finding = _first(expression, truth, part, getattr(activation, part) is None)
        finding = finding or (_overflowing(expression) if part == "forward" else None)
        if finding is not None:
            yield finding


def _overflowing(expression: Expression) -> Finding | None:
    """What comes to the right number by way of an infinity."""
    for node in expression.operations:
        if not _is(node, "div") or not _one_plus(node.operands[1], "exp"):
            continue
        if _overflows(expression, node.operands[1]):  # as exp(-abs(x)) does not
            problem = f"xp.exp overflows on the way. Write {_instead(node)}"
            return Finding("forward", problem, _with_text(node.place), False)
    return None


def _overflows(expression: Expression, node: Node) -> bool:
    names = [each.attributes["name"] for each in expression.inputs]
    points = ({**dict.fromkeys(names, _OTHERS[0]), names[0]: x} for x in (_USUAL, -_USUAL))
    return any(math.isinf(_Computed(expression, at, _DIGITS).plain(node)) for at in points)


def _truth(activation: Activation, parameters: Mapping[str, Any], part: str) -> Expression:
    """The function as it follows from the definition."""
    alone = replace(activation, derivative=None, second_derivative=None)
    return record(alone, parameters, part)


def _first(expression: Expression, truth: Expression, part: str, derived: bool) -> Finding | None:
    names = [node.attributes["name"] for node in expression.inputs]
    inexact = None
    for point in _points(len(names)):
        look = cache(partial(_Look, expression, truth, dict(zip(names, point, strict=True))))
        for index, output in enumerate(expression.outputs):
            if output is None or truth.outputs[index] is None:
                continue
            for digits in (_DIGITS, _MORE_DIGITS):  # what is found is found again, or was no fault
                with decimal.localcontext(decimal.Context(**exact.LIMITS, prec=digits)):
                    finding = look(digits).finding(index, part, derived)
                if finding is None:
                    break
            if finding is not None and finding.fatal:
                return finding
            inexact = inexact or finding
    return inexact


def _points(inputs: int) -> Iterator[tuple[float, ...]]:
    sizes = [[value * _APART**place for value in _OTHERS] for place in range(inputs - 1)]
    for others in product((0, 1), repeat=inputs - 1):
        if inputs - 1 <= _MANY or sum(others) <= 1:
            weights = [sizes[place][which] for place, which in enumerate(others)]
            yield from ((x, *weights) for x in _POINTS)


class _Look:
    """The results of a function at one point."""

    def __init__(
        self, expression: Expression, truth: Expression, inputs: Mapping[str, float], digits: int
    ) -> None:
        self.inputs, self.digits = inputs, digits
        self.truth, self.outputs = truth, expression.outputs
        self.found = _Computed(expression, inputs, digits)
        self.right = self.found if truth is expression else _Computed(truth, inputs, digits)

    def finding(self, index: int, part: str, derived: bool) -> Finding | None:
        """Returns what is bad about one of the results, or None."""
        output, goal = self.outputs[index], self.truth.outputs[index]
        assert output is not None  # noqa: S101  # such are not looked at
        assert goal is not None  # noqa: S101
        wanted, found = self.right.exact(goal), self.found
        at = ", ".join(f"{name}={value:g}" for name, value in self.inputs.items())
        smallest = min(map(abs, self.inputs.values()))
        if smallest == 0.0:
            wanted = self._beside(goal) if part == "derivative" else Decimal("NaN")
        if not wanted.is_finite() or abs(wanted) > _LARGEST:
            return None
        own, got = found.exact(output), found.plain(output)
        # Beside 0 a definition may be a shorter one, whose derivative is not that of the whole.
        if not 0.0 < smallest < _STEP and _differ(own, wanted, _UNSEEN if smallest else _CHANGE):
            problem = f"at {at} it is {_text(own)}, but should be {_text(wanted)}"
            if smallest == 0.0:
                problem += (
                    ": at a tie the slope of abs, sign, minimum, maximum and clip is that of a "
                    "constant. Write it with xp.where(x > 0.0, …) or with functions that need no "
                    "tie, such as xp.sigmoid or xp.softplus, or give its derivative"
                )
            return Finding(part, problem, found.place_of(output), True)
        problem = f"at {at} it is {_word(got)}, but should be {_text(wanted)}"
        if not math.isfinite(got):
            usual = max(map(abs, self.inputs.values())) <= _USUAL and part != "second_derivative"
            culprit = found.culprit(output, found.is_broken)
            return _finding(part, problem, culprit, derived, fatal=usual)
        inexact = _loses(got, wanted) and smallest > 0.0 and part != "second_derivative"
        if self.right is not found:
            inexact = inexact and smallest >= _STEP
        if part != "forward":  # small ones are added to a much larger one, in what is trained
            inexact = inexact and abs(Decimal(got) - wanted) > _UNSEEN
        if inexact and not self._is_sensitive(goal, got, wanted):
            culprit = found.culprit(output, found.is_inexact)
            return _finding(part, f"{problem}: digits are lost", culprit, derived, fatal=False)
        return None

    def _is_sensitive(self, goal: Node, got: float, wanted: Decimal) -> bool:
        """Whether a rounding of the inputs changes the result by as much."""
        moved = {name: math.nextafter(value, math.inf) for name, value in self.inputs.items()}
        there = _Computed(self.truth, moved, self.digits).exact(goal)
        return abs(Decimal(got) - wanted) < 64 * abs(there - wanted)

    def _beside(self, goal: Node) -> Decimal:
        """The value on both sides of 0; NaN if they differ."""
        sides = []
        for step in (_STEP, -_STEP):
            inputs = {name: value or step for name, value in self.inputs.items()}
            sides.append(_Computed(self.truth, inputs, self.digits).exact(goal))
        if any(not side.is_finite() for side in sides):
            return Decimal("NaN")
        above, below = sides
        return Decimal("NaN") if _differ(above, below, _CHANGE) else above


def _finding(
    part: str, problem: str, culprit: Node | None, derived: bool, *, fatal: bool
) -> Finding:
    if culprit is None:
        return Finding(part, problem, "", fatal)
    form = _instead(culprit)
    if form:
        problem += f". Write {form}"
    if derived and part != "forward":
        problem = f"as it follows from this line, {problem}"
    return Finding(part, problem, _with_text(culprit.place), fatal)


def _with_text(place: str) -> str:
    """A place with the line itself."""
    path, _, line = place.rpartition(":")
    text = linecache.getline(path, int(line)).strip() if line.isdigit() else ""
    return f"{place}, `{text}`" if text else place


def _word(number: float) -> str:
    return "NaN" if math.isnan(number) else f"{number:g}"


def _text(number: Decimal) -> str:
    return f"{number:.6g}"


def _differ(a: Decimal, b: Decimal, least: Decimal) -> bool:
    if a.is_nan():
        return False
    return abs(a - b) > Decimal("1e-9") * (abs(a) + abs(b)) + least


def _loses(got: float, wanted: Decimal) -> bool:
    if abs(wanted) < _LEAST:
        return abs(Decimal(got)) > 2 * _LEAST
    return abs(Decimal(got) - wanted) > Decimal(_INEXACT) * abs(wanted)


class _Computed:
    """An expression at one point, in float64 and exactly."""

    def __init__(self, expression: Expression, inputs: Mapping[str, float], digits: int) -> None:
        self._expression = expression
        rows = {name: strict_namespace.Row([value]) for name, value in inputs.items()}
        numbers = {name: exact.Number(Decimal(value)) for name, value in inputs.items()}
        self._plain = interpret(expression, strict_namespace.namespace, rows)
        far = max(abs(math.log10(abs(value))) if value else 0.0 for value in inputs.values())
        context = decimal.Context(**exact.LIMITS, prec=digits + 3 * math.ceil(far))
        with decimal.localcontext(context):
            self._exact = interpret(expression, exact.NAMESPACE, numbers)

    def plain(self, node: Node) -> float:
        """The value in float64."""
        value = self._plain[node.index]
        number: float = value.values[0] if hasattr(value, "values") else value
        return number

    def exact(self, node: Node) -> Decimal:
        """The exact value."""
        value = self._exact[node.index]
        return value.value if isinstance(value, exact.Number) else Decimal(value)

    def is_broken(self, node: Node) -> bool:
        """Whether float64 has no number where there is one."""
        wanted = self.exact(node)
        there_is = wanted.is_finite() and abs(wanted) < _LARGEST
        return not math.isfinite(self.plain(node)) and there_is

    def is_inexact(self, node: Node) -> bool:
        """Whether float64 has lost digits."""
        got, wanted = self.plain(node), self.exact(node)
        if not math.isfinite(got) or not wanted.is_finite():
            return False
        return _loses(got, wanted)

    def culprit(self, output: Node, is_bad: Callable[[Node], bool]) -> Node | None:
        """The first bad operation on the way to an output, in the branches that are taken."""
        taken: dict[int, Node] = {}
        waiting = [output]
        while waiting:
            node = waiting.pop()
            if node.index in taken or node.kind != FLOAT:
                continue
            taken[node.index] = node
            waiting.extend(self._used(node))
        for index in sorted(taken):
            node = taken[index]
            if node.operands and is_bad(node) and node.operation != "where":
                return node
        return None

    def place_of(self, output: Node) -> str:
        """Where an output, or the last operation with a known place before it, is written."""
        for node in reversed(self._expression.graph.needed([output])):
            if node.place:
                return _with_text(node.place)
        return ""

    def _used(self, node: Node) -> Sequence[Node]:
        if node.operation != "where":
            return node.operands
        condition, a, b = node.operands
        return (a,) if bool(self._exact[condition.index]) else (b,)


def _instead(node: Node) -> str:
    """The usual way to write what an operation, or one that it depends on, comes to."""
    for each in (node, *node.operands):
        for matches, form in _FORMS:
            if matches(each):
                return form
    return ""


def _is(node: Node, *operations: str) -> bool:
    return node.operation in operations


def _one_plus(node: Node, *operations: str) -> bool:
    """Whether it is 1 plus or minus one of these operations, which may be negated."""
    if not _is(node, "add", "sub"):
        return False
    one, other = sorted(node.operands, key=lambda operand: operand.value is None)
    other = other.operands[0] if _is(other, "neg") else other
    return one.value is not None and abs(one.value) == 1.0 and _is(other, *operations)


_FORMS: tuple[tuple[Callable[[Node], bool], str], ...] = (
    (
        lambda node: _is(node, "div") and _is_square_of_sum(node.operands[1]),
        "s * xp.sigmoid(-x) with s = xp.sigmoid(x) for xp.exp(-x) / (1 + xp.exp(-x)) ** 2",
    ),
    (
        lambda node: _is(node, "div") and _one_plus(node.operands[1], "exp"),
        "xp.sigmoid(x) for 1 / (1 + xp.exp(-x)), as in x * xp.sigmoid(x)",
    ),
    (
        lambda node: _is(node, "log") and _one_plus(node.operands[0], "exp"),
        "xp.softplus(x) for xp.log(1 + xp.exp(x))",
    ),
    (
        lambda node: _is(node, "log1p") and _is(node.operands[0], "exp"),
        "xp.softplus(x) for xp.log1p(xp.exp(x))",
    ),
    (
        lambda node: _is(node, "log") and _is(node.operands[0], "sigmoid"),
        "-xp.softplus(-x) for xp.log(xp.sigmoid(x))",
    ),
    (
        lambda node: _is(node, "log") and _is(node.operands[0], "add", "sub"),
        "xp.log1p(z) for xp.log(1 + z)",
    ),
    (
        lambda node: _is(node, "sub") and _one_plus(node, "exp"),
        "xp.expm1(x) for xp.exp(x) - 1",
    ),
    (
        lambda node: _one_plus(node, "erf"),
        "xp.erfc(-x) for 1 + xp.erf(x), and xp.erfc(x) for 1 - xp.erf(x)",
    ),
    (
        lambda node: _one_plus(node, "times_erfc"),
        "xp.erf(x) for 1 - xp.erfc(x)",
    ),
    (
        lambda node: _one_plus(node, "sigmoid"),
        "xp.sigmoid(-x) for 1 - xp.sigmoid(x)",
    ),
    (
        lambda node: _one_plus(node, "tanh"),
        "2 * xp.sigmoid(2 * x) for 1 + xp.tanh(x)",
    ),
    (
        lambda node: _one_plus(node, "mul") and _squares_a_tanh(node),
        "4 * s * xp.sigmoid(-2 * x) with s = xp.sigmoid(2 * x) for 1 - xp.tanh(x) ** 2",
    ),
    (
        lambda node: _is(node, "div") and _is(node.operands[0], "sub") and _of_exp(node),
        "xp.tanh(x) for a quotient of sums of xp.exp(x) and xp.exp(-x)",
    ),
)


def _is_square_of_sum(node: Node) -> bool:
    if not _is(node, "mul"):
        return False
    a, b = node.operands
    return a is b and _one_plus(a, "exp")


def _squares_a_tanh(node: Node) -> bool:
    products = [operand for operand in node.operands if _is(operand, "mul")]
    return any(a is b and _is(a, "tanh") for a, b in (each.operands for each in products))


def _of_exp(node: Node) -> bool:
    return any(_is(term, "exp") for term in node.operands[0].operands)
