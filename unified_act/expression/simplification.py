"""Simplifications that change no bit of a result: not of an infinity, a NaN or a −0.

Adding 0 is none: −0 + 0 is 0. Nor is multiplying by 0. What is computed from constants alone is
computed here, if the result is the same everywhere: by rounding the exact one.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unified_act.expression.graph import Graph, Node

__all__ = ["rounded", "simplify"]


def rounded(value: float, dtype: str) -> float:
    """Returns a number rounded to ``"float32"`` or ``"float64"``.

    The sum, product, quotient or root of numbers of float32, computed in float64, can be rounded
    again without an error: float64 has more than twice the digits and two more.
    """
    if dtype == "float64" or not math.isfinite(value):
        return value
    try:
        number: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return number


def simplify(graph: Graph, operation: str, operands: list[Node]) -> Node | None:
    """Returns a simpler node for the result of an operation, or None.

    Args:
        graph: Where constants are made.
        operation: The name of the operation.
        operands: Its operands.
    """
    numbers = [operand.value for operand in operands]
    if operation in _OF_NUMBERS and None not in numbers:
        result = _OF_NUMBERS[operation](*numbers)
        return graph.truth(result) if isinstance(result, bool) else graph.number(result)
    rule = _RULES.get(operation)
    return rule(graph, *operands) if rule else None


def _quotient(a: float, b: float) -> float:
    if b:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _root(x: float) -> float:
    return math.nan if x < 0 else math.sqrt(x)


def _floor(x: float) -> float:
    if not math.isfinite(x):
        return x
    return math.copysign(float(math.floor(x)), x)


_OF_NUMBERS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": _quotient,
    "neg": operator.neg,
    "abs": math.fabs,
    "sqrt": _root,
    "floor": _floor,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
}


def _is(node: Node, number: float) -> bool:
    """Whether a node is a constant, with the sign of its 0."""
    value = node.value
    if value is None or value != number:
        return False
    return math.copysign(1.0, value) == math.copysign(1.0, number)


def _add(graph: Graph, a: Node, b: Node) -> Node | None:
    return b if _is(a, -0.0) else a if _is(b, -0.0) else None


def _sub(graph: Graph, a: Node, b: Node) -> Node | None:
    if _is(b, 0.0):
        return a
    return graph.apply("neg", b) if _is(a, -0.0) else None


def _mul(graph: Graph, a: Node, b: Node) -> Node | None:
    for number, other in ((a, b), (b, a)):
        if _is(number, 1.0):
            return other
        if _is(number, -1.0):
            return graph.apply("neg", other)
    if a.operation == b.operation == "neg":
        return graph.apply("mul", a.operands[0], b.operands[0])
    for number, other in ((a, b), (b, a)):
        if number.value is not None and other.operation == "neg":
            return graph.apply("mul", other.operands[0], -number.value)
    return None


def _div(graph: Graph, a: Node, b: Node) -> Node | None:
    divisor = b.value
    if divisor is None or not math.isfinite(divisor) or abs(math.frexp(divisor)[0]) != 0.5:
        return None
    # The inverse of a power of two is exact, if it is a normal number.
    lowest = -125 if graph.dtype == "float32" else -1021
    inverse = 1.0 / divisor
    if not math.isfinite(inverse) or math.frexp(inverse)[1] < lowest:
        return None
    return graph.apply("mul", a, inverse)


def _neg(graph: Graph, x: Node) -> Node | None:
    return x.operands[0] if x.operation == "neg" else None


def _abs(graph: Graph, x: Node) -> Node | None:
    if x.operation == "abs":
        return x
    return graph.apply("abs", x.operands[0]) if x.operation == "neg" else None


def _where(graph: Graph, condition: Node, a: Node, b: Node) -> Node | None:
    if a is b:
        return a
    if condition.operation == "truth":
        return a if condition.attributes["value"] else b
    return None


def _and(graph: Graph, a: Node, b: Node) -> Node | None:
    for known, other in ((a, b), (b, a)):
        if known.operation == "truth":
            return other if known.attributes["value"] else known
    return a if a is b else None


def _or(graph: Graph, a: Node, b: Node) -> Node | None:
    for known, other in ((a, b), (b, a)):
        if known.operation == "truth":
            return known if known.attributes["value"] else other
    return a if a is b else None


def _not(graph: Graph, x: Node) -> Node | None:
    if x.operation == "truth":
        return graph.truth(not x.attributes["value"])
    return x.operands[0] if x.operation == "not" else None


_RULES: dict[str, Callable[..., Node | None]] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "neg": _neg,
    "abs": _abs,
    "where": _where,
    "and": _and,
    "or": _or,
    "not": _not,
}
