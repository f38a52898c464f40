"""Products of which a factor vanishes, so that they keep their digits to the end.

exp(-740) is a subnormal number with one or two digits, and 740 · exp(-740) would have no more.
Where a factor is that small, its root is multiplied by twice, first and last: only the result is
rounded to a subnormal number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from unified_act.expression.graph import Node
from unified_act.expression.record import Expression
from unified_act.special import Crossover

__all__ = ["keeping_digits"]

_FAR: Crossover = 76.0
"""1 is nothing beside exp(_FAR / 2) in any dtype, and exp(-_FAR) is a normal number."""
_NOTHING_FROM: Crossover = 30.0
"""From here on the carriers are 0 in every dtype."""
_CARRIERS = ("times_gaussian", "times_erfc")
"""What multiplies by something that vanishes, and keeps the digits of the product."""


def _exp(v: Node) -> Node:
    far: Node = abs(v) > _FAR
    return far


def _sigmoid(v: Node) -> Node:
    far: Node = v < -_FAR
    return far


_VANISHING: dict[str, Callable[[Node], Node]] = {
    "exp": _exp,
    "sigmoid": _sigmoid,
    "sigmoid_derivative": _exp,
}
"""The operations whose value at v is the square of that at v/2, where these hold."""


def keeping_digits(expression: Expression) -> Expression:
    """Returns the same function, with such products rewritten.

    Args:
        expression: A function that acts element by element.
    """
    graph = expression.graph
    present = [output for output in expression.outputs if output is not None]
    made: dict[int, Node] = {}
    for node in graph.needed(present):
        made[node.index] = _made(node, made)
    found = tuple(None if each is None else made[each.index] for each in expression.outputs)
    return replace(expression, outputs=found)


def _made(node: Node, made: dict[int, Node]) -> Node:
    if _is_product(node) and _vanishes(node):
        return _product(node, made)
    if node.operation == "eq" and node.operands[1].value == 0.0 and _vanishes(node.operands[0]):
        return _nothing_left(node.operands[0], made)
    operands = [made[each.index] for each in node.operands]
    if all(a is b for a, b in zip(operands, node.operands, strict=True)):
        return node
    return node.graph.apply(node.operation, *operands, kind=node.kind, **node.attributes)


def _is_root(node: Node) -> bool:
    return node.operation in _VANISHING


def _is_product(node: Node) -> bool:
    return node.operation in ("mul", "neg") or _is_guarded(node)


def _is_guarded(node: Node) -> bool:
    """Whether it is a product that is 0 where one of its factors is, as derivatives have them."""
    return node.operation == "where" and node.operands[1].value == 0.0


def _vanishes(node: Node) -> bool:
    """Whether a factor of a product does so."""
    if _is_product(node):
        return any(_vanishes(each) for each in _parts(node))
    return _is_root(node) or node.operation in _CARRIERS


def _parts(node: Node) -> tuple[Node, ...]:
    return node.operands[2:] if _is_guarded(node) else node.operands


def _product(node: Node, made: dict[int, Node]) -> Node:
    factors: list[Node] = []
    guards: list[Node] = []
    sign = _collect(node, factors, guards)
    carrier = next((each for each in factors if each.operation in _CARRIERS), None)
    first, last, others = [], [], []
    for factor in factors:
        if _is_root(factor):
            root, again = _roots(factor, made)
            first.append(root)
            last.append(again)
        elif factor is not carrier:
            others.append(made[factor.index])
    graph = node.graph
    # A large number comes early, and a small one late: fewer products on the way are subnormal.
    number = math.prod(each.value for each in others if each.value is not None)
    others = [each for each in others if each.value is None]
    if number != 1.0:
        others.insert(0 if abs(number) > 1.0 else len(others), graph.number(number))
    if carrier is not None:
        factor, z = (made[each.index] for each in carrier.operands)
        carried = _times([*first, factor, *others])
        found = _times([graph.apply(carrier.operation, carried, z), *last])
        # What is carried may have overflowed where nothing is left of it.
        found = graph.apply("where", _is_nothing(carrier, z), 0.0, found)
    else:
        found = _times([*first, *others, *last])  # a 0 comes before what may have overflowed
    if sign < 0:
        found = -found
    for guard in guards:
        found = graph.apply("where", made[guard.index], 0.0, found)
    return found


def _nothing_left(node: Node, made: dict[int, Node]) -> Node:
    """Where what vanishes has come to 0: later than what a framework takes for 0 as it is small."""
    factors: list[Node] = []
    _collect(node, factors, [])
    gone = [
        _is_nothing(factor, made[factor.operands[1].index])
        if factor.operation in _CARRIERS
        else _roots(factor, made)[0] == 0.0
        for factor in factors
        if factor.operation in _CARRIERS or _is_root(factor)
    ]
    found = gone[0]
    for each in gone[1:]:
        found = found | each
    return found


def _is_nothing(carrier: Node, z: Node) -> Node:
    size = z if carrier.operation == "times_erfc" else abs(z)
    nothing: Node = size > _NOTHING_FROM
    return nothing


def _times(factors: list[Node]) -> Node:
    found = factors[0]
    for factor in factors[1:]:
        found = found * factor
    return found


def _collect(node: Node, factors: list[Node], guards: list[Node]) -> int:
    """Takes a product apart, down to what vanishes and what holds nothing that does."""
    if not _is_product(node) or not _vanishes(node):
        factors.append(node)
        return 1
    if _is_guarded(node):
        guards.append(node.operands[0])
    sign = -1 if node.operation == "neg" else 1
    for part in _parts(node):
        sign *= _collect(part, factors, guards)
    return sign


def _roots(factor: Node, made: dict[int, Node]) -> tuple[Node, Node]:
    """What is multiplied by first and last: the factor and 1, or its root twice."""
    graph, v = factor.graph, made[factor.operands[0].index]
    far = _VANISHING[factor.operation](v)
    root = graph.apply(factor.operation, graph.apply("where", far, v * 0.5, v))
    return root, graph.apply("where", far, root, 1.0)
