"""Computes a graph operation by operation, so that every intermediate result can be looked at."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from unified_act import special
from unified_act.expression.graph import Node, array_behind
from unified_act.expression.namespace import HELPERS, OTHER_NAMES
from unified_act.expression.record import Expression

__all__ = ["interpret"]

_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": operator.neg,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
}


def interpret(expression: Expression, xp: Any, inputs: Mapping[str, Any]) -> dict[int, Any]:
    """Returns the value of every node that the results need, by its index.

    Args:
        expression: What was recorded.
        xp: The namespace that computes.
        inputs: An array for each input, by its name.

    Examples:
        >>> import numpy as np
        >>> from unified_act.expression import record_function
        >>> from unified_act.loading import numpy_namespace
        >>> found = record_function(lambda xp, x: xp.exp(-x) + 1.0, {})
        >>> values = interpret(found, numpy_namespace(), {"x": np.array([0.0, 1.0])})
        >>> values[found.outputs[0].index].round(3)
        array([2.   , 1.368])
    """
    computed = _Computation(xp, next(iter(inputs.values())))
    for node in expression.graph.needed([out for out in expression.outputs if out is not None]):
        if node.operation == "input":
            computed.values[node.index] = inputs[node.attributes["name"]]
        elif node.value is not None:
            computed.values[node.index] = node.value
        else:
            computed.values[node.index] = computed.result(node)
    return computed.values


class _Computation:
    """The values of nodes, one after another.

    Attributes:
        values: By the index of the node, an array, or a number for a constant.
    """

    def __init__(self, xp: Any, like: Any) -> None:
        self.values: dict[int, Any] = {}
        self._xp, self._like = xp, like

    def result(self, node: Node) -> Any:
        """Returns the value of an operation, whose operands are known."""
        operation, attributes = node.operation, node.attributes
        constant = all(operand.value is not None for operand in node.operands)
        if operation in _OPERATORS and not constant:
            return _OPERATORS[operation](*(self.values[each.index] for each in node.operands))
        if operation == "where":
            return self._where(*node.operands)
        operands = [self._array(operand) for operand in node.operands]
        if operation == "split":
            sections, axis = attributes["sections"], attributes["axis"]
            return self._xp.split(*operands, sections, axis=axis)[attributes["part"]]
        if operation == "concat":
            return self._xp.concat(operands, axis=attributes["axis"])
        if operation in HELPERS:
            return getattr(special, operation)(self._xp, *operands)
        return getattr(self._xp, OTHER_NAMES.get(operation, operation))(*operands, **attributes)

    def _array(self, node: Node) -> Any:
        value = self.values[node.index]
        return value if node.value is None else self._xp.full_like(self._like, value)

    def _where(self, condition: Node, a: Node, b: Node) -> Any:
        chosen, other = self.values[a.index], self.values[b.index]
        if a.value is not None and b.value is not None:
            shaped = array_behind(condition)
            like = self._like if shaped is None else self.values[shaped.index]
            other = self._xp.full_like(like, other)
        return self._xp.where(self.values[condition.index], chosen, other)
