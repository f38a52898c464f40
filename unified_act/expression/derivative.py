"""The derivative of a graph by one of its inputs, for what has no analytic one.

It is that of the operations, as a framework would differentiate them: that of `where` is that of
the branch that is taken, and abs has the slope 0 at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from unified_act.expression.graph import FLOAT, Node, RecordingError
from unified_act.expression.namespace import Recorder
from unified_act.special import square_exp

__all__ = ["derivatives"]

_TWO_OVER_SQRT_PI = 2.0 / math.sqrt(math.pi)
_ZERO_FROM = 30.0


def derivatives(outputs: Sequence[Node | None], by: Node) -> tuple[Node, ...]:
    """Returns the derivative of each output by one input, in the same graph.

    Args:
        outputs: The nodes to differentiate.
        by: The input.

    Raises:
        RecordingError: An operation along an axis is in the way.
    """
    present = [output for output in outputs if output is not None]
    graph = by.graph
    found: dict[int, Node | None] = {by.index: graph.number(1.0)}
    for node in graph.needed(present):
        if node.index not in found and node.kind == FLOAT:
            found[node.index] = _slope(node, [found.get(each.index) for each in node.operands])
    slopes = [found.get(output.index) for output in present]
    return tuple(graph.number(0.0) if slope is None else slope for slope in slopes)


def _slope(node: Node, slopes: list[Node | None]) -> Node | None:
    """The derivative of a node, from those of its operands; None stands for 0."""
    if all(slope is None for slope in slopes) or node.operation in _CONSTANT:
        return None
    if node.operation == "where":
        condition, *_ = node.operands
        a, b = (node.graph.number(0.0) if each is None else each for each in slopes[1:])
        return node.graph.apply("where", condition, a, b)
    rule = _RULES.get(node.operation)
    if rule is None:
        raise RecordingError(f"{node.operation} cannot be differentiated here")
    terms = [
        None if slope is None else partial(slope)
        for partial, slope in zip(rule(node, *node.operands), slopes, strict=True)
    ]
    present = [term for term in terms if term is not None]
    return present[0] if len(present) == 1 else present[0] + present[1]


_Partial = Callable[[Node], Node]
_CONSTANT = ("floor", "stop_gradient")


def _same(slope: Node) -> Node:
    return slope


def _negative(slope: Node) -> Node:
    return -slope


def _times(factor: Node) -> _Partial:
    return lambda slope: slope * factor


def _over(divisor: Node) -> _Partial:
    return lambda slope: slope / divisor


def _abs(node: Node, x: Node) -> list[_Partial]:
    sign = x.graph.apply("where", x > 0.0, 1.0, x.graph.apply("where", x < 0.0, -1.0, 0.0))
    return [_times(sign)]


def _div(node: Node, a: Node, b: Node) -> list[_Partial]:
    return [_over(b), lambda slope: -(slope * node / b)]


def _tanh(node: Node, x: Node) -> list[_Partial]:
    root = x.graph.apply("exp", -x.graph.apply("abs", x))
    sech = root * 2.0 / (root * root + 1.0)  # 1 - tanh² cancels
    return [_times(sech * sech)]


def _times_erfc(node: Node, factor: Node, x: Node) -> list[_Partial]:
    xp = Recorder(node.graph)

    def by_x(slope: Node) -> Node:
        found: Node = square_exp(xp, slope * factor * -_TWO_OVER_SQRT_PI, _within(xp, x))
        return found

    return [lambda slope: xp.times_erfc(slope, x), by_x]


def _within(xp: Recorder, x: Node) -> Node:
    """`x` up to ±30, beyond which exp(-x²) is 0."""
    return xp.where(x > _ZERO_FROM, _ZERO_FROM, xp.where(x < -_ZERO_FROM, -_ZERO_FROM, x))


_RULES: dict[str, Callable[..., list[_Partial]]] = {
    "neg": lambda node, x: [_negative],
    "add": lambda node, a, b: [_same, _same],
    "sub": lambda node, a, b: [_same, _negative],
    "mul": lambda node, a, b: [_times(b), _times(a)],
    "div": _div,
    "abs": _abs,
    "exp": lambda node, x: [_times(node)],
    "expm1": lambda node, x: [_times(x.graph.apply("exp", x))],
    "log": lambda node, x: [_over(x)],
    "log1p": lambda node, x: [_over(x + 1.0)],
    "sqrt": lambda node, x: [lambda slope: slope * 0.5 / node],
    "sin": lambda node, x: [_times(x.graph.apply("cos", x))],
    "cos": lambda node, x: [_times(-x.graph.apply("sin", x))],
    "tanh": _tanh,
    "times_erfc": _times_erfc,
}
