"""Derivatives of a graph, for what has no analytic ones.

They are those of the operations, written so that they neither cancel nor overflow where the
operation itself does not. That of `where` is that of the branch that is taken, and abs has the
slope 0 at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from unified_act.expression.graph import FLOAT, Graph, Node, RecordingError
from unified_act.expression.namespace import Recorder

__all__ = ["derivatives", "pullback", "pushforward"]

_TWO_OVER_SQRT_PI = 2.0 / math.sqrt(math.pi)
_CONSTANT = ("floor", "stop_gradient")
_REDUCTIONS = ("sum", "max", "prod")

_Partial = Callable[[Node], Node]


def derivatives(outputs: Sequence[Node | None], by: Node) -> tuple[Node, ...]:
    """Returns the derivative of each output by one input, element by element, in the same graph.

    Args:
        outputs: The nodes to differentiate.
        by: The input.

    Raises:
        RecordingError: An operation along an axis is in the way.
    """
    present = [output for output in outputs if output is not None]
    return _forward(present, {by.index: by.graph.number(1.0)}, _slope)


def pushforward(outputs: Sequence[Node], slopes: Mapping[Node, Node]) -> tuple[Node, ...]:
    """Returns the tangent of each output, with operations along an axis, in the same graph.

    Args:
        outputs: The results.
        slopes: The tangent of each input that moves.

    Raises:
        RecordingError: An operation has no derivative here.
    """
    return _forward(outputs, {node.index: slope for node, slope in slopes.items()}, _slope_of_rows)


def _forward(
    outputs: Sequence[Node], known: Mapping[int, Node], slope_of: Callable[..., Node | None]
) -> tuple[Node, ...]:
    """The slopes of the outputs, from those of inputs, by a rule for each node."""
    found: dict[int, Node | None] = dict(known)
    graph = outputs[0].graph if outputs else None
    for node in graph.needed(outputs) if graph else ():
        if node.index not in found and node.kind == FLOAT:
            with _at_the_place_of(node):
                slope = slope_of(node, [found.get(each.index) for each in node.operands])
            found[node.index] = None if slope is not None and slope.value == 0.0 else slope
    slopes = [(output, found.get(output.index)) for output in outputs]
    return tuple(output.graph.number(0.0) if slope is None else slope for output, slope in slopes)


def pullback(
    outputs: Sequence[Node], cotangents: Sequence[Node], inputs: Sequence[Node]
) -> tuple[Node, ...]:
    """Returns the cotangent of each input, with operations along an axis, in the same graph.

    Args:
        outputs: The results.
        cotangents: That of each result.
        inputs: The inputs.

    Raises:
        RecordingError: An operation has no derivative here.
    """
    graph = inputs[0].graph
    order = graph.needed(outputs)
    full = _full(order)
    terms: dict[int, list[Node]] = {}
    for output, cotangent in zip(outputs, cotangents, strict=True):
        terms.setdefault(output.index, []).append(cotangent)
    split: dict[tuple[int, int], dict[int, Node]] = {}
    for node in reversed(order):
        _complete_split(node, split, terms)
        if node.index not in terms or not node.operands or node.operation in _CONSTANT:
            continue
        cotangent = _total(terms[node.index])
        if node.operation == "split":
            sections, part = node.attributes["sections"], node.attributes["part"]
            split.setdefault((node.operands[0].index, sections), {})[part] = cotangent
            split[node.operands[0].index, sections][-1] = node
            continue
        with _at_the_place_of(node):
            for operand, by in zip(node.operands, _transposed(node, cotangent), strict=True):
                if by is None or operand.kind != FLOAT or operand.value is not None:
                    continue
                if by.value == 0.0:
                    continue
                if full[node.index] and not full[operand.index]:
                    by = graph.apply("sum", by, axis=_axis_of(order))  # noqa: PLW2901
                terms.setdefault(operand.index, []).append(by)
    zero = graph.number(0.0)
    return tuple(_total(terms[each.index]) if each.index in terms else zero for each in inputs)


@contextmanager
def _at_the_place_of(node: Node) -> Any:
    graph = node.graph
    before, graph.place = graph.place, (lambda: node.place) if node.place else None
    try:
        yield
    finally:
        graph.place = before


def _slope(node: Node, slopes: list[Node | None]) -> Node | None:
    """The derivative of a node, from those of its operands; None stands for 0."""
    if all(slope is None for slope in slopes) or node.operation in _CONSTANT:
        return None
    if node.operation == "where":
        condition, *_ = node.operands
        a, b = (node.graph.number(0.0) if each is None else each for each in slopes[1:])
        return node.graph.apply("where", condition, a, b)
    present = [
        partial(slope)
        for partial, slope in zip(_partials(node), slopes, strict=True)
        if slope is not None
    ]
    return _total(present)


def _slope_of_rows(node: Node, slopes: list[Node | None]) -> Node | None:
    """As `_slope`, also of operations along an axis."""
    moving = [slope for slope in slopes if slope is not None]
    if not moving:
        return None
    apply, attributes = node.graph.apply, node.attributes
    if node.operation in ("sum", "cumulative_sum", "split"):
        return apply(node.operation, *moving, **attributes)
    if node.operation == "concat":
        parts = [
            operand * 0.0 if slope is None else slope
            for operand, slope in zip(node.operands, slopes, strict=True)
        ]
        return apply("concat", *parts, **attributes)
    if node.operation in ("max", "prod"):  # the transpose of a sum of products
        (products,) = _ALONG_AXIS[node.operation](node, moving[0])
        return apply("sum", products, **attributes)
    return _slope(node, slopes)


def _transposed(node: Node, cotangent: Node) -> Iterable[Node | None]:
    """What each operand gets of the cotangent of a node."""
    apply = node.graph.apply
    if node.operation == "where":
        condition = node.operands[0]
        return (
            None,
            apply("where", condition, cotangent, 0.0),
            apply("where", condition, 0.0, cotangent),
        )
    rule = _ALONG_AXIS.get(node.operation)
    if rule is not None:
        return rule(node, cotangent)
    return [partial(cotangent) for partial in _partials(node)]


def _partials(node: Node) -> Sequence[_Partial]:
    rule = _RULES.get(node.operation)
    if rule is None:
        raise RecordingError(f"{node.operation} cannot be differentiated here")
    return rule(node, *node.operands)


def _total(terms: Sequence[Node]) -> Node:
    return sum(terms[1:], start=terms[0])


def _full(order: Sequence[Node]) -> Mapping[int, bool]:
    """Whether a node has as many elements as the inputs, and not one for each row."""
    found: dict[int, bool] = {}
    for node in order:
        found[node.index] = node.operation == "input" or (
            node.operation not in _REDUCTIONS and any(found[each.index] for each in node.operands)
        )
    return found


def _axis_of(order: Sequence[Node]) -> int:
    """The axis that the operations are along."""
    axes = {node.attributes["axis"] for node in order if "axis" in node.attributes}
    if len(axes) != 1:
        raise RecordingError(f"operations along several axes {sorted(axes)} have no derivative")
    axis: int = axes.pop()
    return axis


def _complete_split(
    node: Node, split: dict[tuple[int, int], dict[int, Node]], terms: dict[int, list[Node]]
) -> None:
    """Puts the cotangents of the parts of a node together, once all of them are known."""
    for key in [key for key in split if key[0] == node.index]:
        parts = split.pop(key)
        example = parts.pop(-1)
        known = next(iter(parts.values()))
        every = [parts.get(part, known * 0.0) for part in range(key[1])]
        whole = node.graph.apply("concat", *every, axis=example.attributes["axis"])
        terms.setdefault(node.index, []).append(whole)


def _same(slope: Node) -> Node:
    return slope


def _negative(slope: Node) -> Node:
    return -slope


def _times(factor: Node | float) -> _Partial:
    return lambda slope: slope * factor


def _over(divisor: Node) -> _Partial:
    return lambda slope: slope / divisor


def _fading(factor: Node) -> _Partial:
    """Times a factor which fades to 0 where the slope may have overflowed."""

    def times(slope: Node) -> Node:
        product = slope.graph.apply("mul", slope, factor)
        if slope.value is not None:
            return product
        return slope.graph.apply("where", factor == 0.0, 0.0, product)

    return times


def _of(graph: Graph) -> Recorder:
    return Recorder(graph)


def _abs(node: Node, x: Node) -> list[_Partial]:
    sign = x.graph.apply("where", x > 0.0, 1.0, x.graph.apply("where", x < 0.0, -1.0, 0.0))
    return [_times(sign)]


def _mul(node: Node, a: Node, b: Node) -> list[_Partial]:
    return [_times(b), _times(a)]


def _div(node: Node, a: Node, b: Node) -> list[_Partial]:
    def by_divisor(slope: Node) -> Node:
        change = -node.graph.apply("div", slope * node, b)
        if slope.value is not None:
            return change
        # A divisor may have overflowed, and its slope with it.
        return node.graph.apply("where", node == 0.0, 0.0, change)

    return [_over(b), by_divisor]


def _pow(node: Node, a: Node, b: Node) -> list[_Partial]:
    by_a = _times(b * a ** (b - 1.0))
    if b.value is not None:
        return [by_a, _same]  # nothing asks for the second
    log = b.graph.number(math.log(a.value)) if a.value else b.graph.apply("log", a)
    return [by_a, _fading(node * log)]


def _tanh(node: Node, x: Node) -> list[_Partial]:
    sech_squared = x.graph.apply("sigmoid_derivative", x * 2.0) * 4.0  # 1 - tanh² cancels
    return [_fading(sech_squared)]


def _sigmoid_derivative(node: Node, x: Node) -> list[_Partial]:
    return [_fading(-(node * x.graph.apply("tanh", x * 0.5)))]


def _times_gaussian(node: Node, factor: Node, x: Node) -> list[_Partial]:
    apply = node.graph.apply
    return [lambda slope: apply("times_gaussian", slope, x), _fading(node * x * -2.0)]


def _times_erfc(node: Node, factor: Node, x: Node) -> list[_Partial]:
    apply = node.graph.apply
    return [
        lambda slope: apply("times_erfc", slope, x),
        lambda slope: apply("times_gaussian", slope * factor * -_TWO_OVER_SQRT_PI, x),
    ]


def _erf(node: Node, x: Node) -> list[_Partial]:
    return [_fading(x.graph.apply("times_gaussian", _TWO_OVER_SQRT_PI, x))]


def _erfinv(node: Node, x: Node) -> list[_Partial]:
    return [_over(x.graph.apply("times_gaussian", _TWO_OVER_SQRT_PI, node))]


def _logaddexp(node: Node, a: Node, b: Node) -> list[_Partial]:
    apply = node.graph.apply
    return [_times(apply("sigmoid", a - b)), _times(apply("sigmoid", b - a))]


def _hypot(node: Node, a: Node, b: Node) -> list[_Partial]:
    apply = node.graph.apply
    length = apply("where", node == 0.0, 1.0, node)
    return [_times(a / length), _times(b / length)]


def _atan2(node: Node, y: Node, x: Node) -> list[_Partial]:
    length = node.graph.apply("hypot", y, x)
    return [_times(x / length / length), _times(-y / length / length)]


def _root_of_difference(x: Node) -> Node:
    """√(1 - x²)."""
    root: Node = ((1.0 - x) * (x + 1.0)) ** 0.5
    return root


_RULES: dict[str, Callable[..., Sequence[_Partial]]] = {
    "neg": lambda node, x: [_negative],
    "add": lambda node, a, b: [_same, _same],
    "sub": lambda node, a, b: [_same, _negative],
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    "abs": _abs,
    "exp": lambda node, x: [_fading(node)],
    "expm1": lambda node, x: [_fading(x.graph.apply("exp", x))],
    "log": lambda node, x: [_over(x)],
    "log1p": lambda node, x: [_over(x + 1.0)],
    "sqrt": lambda node, x: [lambda slope: slope * 0.5 / node],
    "sin": lambda node, x: [_times(x.graph.apply("cos", x))],
    "cos": lambda node, x: [_times(-x.graph.apply("sin", x))],
    "tan": lambda node, x: [_times(node * node + 1.0)],
    "asin": lambda node, x: [_over(_root_of_difference(x))],
    "acos": lambda node, x: [lambda slope: -(slope / _root_of_difference(x))],
    "atan": lambda node, x: [_over(x * x + 1.0)],
    "atan2": _atan2,
    "hypot": _hypot,
    "sinh": lambda node, x: [_times(x.graph.apply("cosh", x))],
    "cosh": lambda node, x: [_times(x.graph.apply("sinh", x))],
    "tanh": _tanh,
    "asinh": lambda node, x: [_over(x.graph.apply("hypot", x, 1.0))],
    "acosh": lambda node, x: [_over((x - 1.0) ** 0.5 * (x + 1.0) ** 0.5)],
    "atanh": lambda node, x: [_over((1.0 - x) * (x + 1.0))],
    "sigmoid": lambda node, x: [_fading(x.graph.apply("sigmoid_derivative", x))],
    "sigmoid_derivative": _sigmoid_derivative,
    "softplus": lambda node, x: [_fading(x.graph.apply("sigmoid", x))],
    "logaddexp": _logaddexp,
    "erf": _erf,
    "erfinv": _erfinv,
    "times_erfc": _times_erfc,
    "times_gaussian": _times_gaussian,
}
"""For an operation, what makes of the slope of each operand its part of the result's slope."""


def _of_sum(node: Node, cotangent: Node) -> list[Node]:
    return [cotangent]


def _of_max(node: Node, cotangent: Node) -> list[Node]:
    """Of several equal ones the first gets it."""
    apply, axis = node.graph.apply, node.attributes["axis"]
    largest = node.operands[0] == node
    place = apply("cumulative_sum", apply("where", largest, 1.0, 0.0), axis=axis)
    return [apply("where", largest & (place == 1.0), cotangent, 0.0)]


def _of_prod(node: Node, cotangent: Node) -> list[Node]:
    """The product of all others, which needs care where there is a 0."""
    apply, axis, x = node.graph.apply, node.attributes["axis"], node.operands[0]
    zero = x == 0.0
    filled = apply("where", zero, 1.0, x)
    number = apply("sum", apply("where", zero, 1.0, 0.0), axis=axis)
    left = apply("prod", filled, axis=axis) / filled
    zeros_besides = number - apply("where", zero, 1.0, 0.0)
    return [apply("where", zeros_besides == 0.0, cotangent * left, 0.0)]


def _of_cumulative_sum(node: Node, cotangent: Node) -> list[Node]:
    apply, axis = node.graph.apply, node.attributes["axis"]
    before = apply("cumulative_sum", cotangent, axis=axis)
    return [apply("sum", cotangent, axis=axis) - before + cotangent]


def _of_concat(node: Node, cotangent: Node) -> list[Node]:
    return _of(node.graph).split(cotangent, len(node.operands), axis=node.attributes["axis"])


_ALONG_AXIS: dict[str, Callable[[Node, Node], Sequence[Node]]] = {
    "sum": _of_sum,
    "max": _of_max,
    "prod": _of_prod,
    "cumulative_sum": _of_cumulative_sum,
    "concat": _of_concat,
}
