"""Computes a graph operation by operation, so that every intermediate result can be looked at."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from unified_act import special
from unified_act.expression.graph import Node, array_behind
from unified_act.expression.namespace import HELPERS
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
_NAMES = {"and": "logical_and", "or": "logical_or", "not": "logical_not"}


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
    like = next(iter(inputs.values()))
    values: dict[int, Any] = {}
    for node in expression.graph.needed([out for out in expression.outputs if out is not None]):
        values[node.index] = _value(node, xp, inputs, like, values)
    return values


def _value(
    node: Node, xp: Any, inputs: Mapping[str, Any], like: Any, values: Mapping[int, Any]
) -> Any:
    operation, attributes = node.operation, node.attributes
    if operation == "input":
        return inputs[attributes["name"]]
    if node.value is not None:
        return node.value
    operands = [values[operand.index] for operand in node.operands]
    if operation in _OPERATORS and any(operand.value is None for operand in node.operands):
        return _OPERATORS[operation](*operands)
    if operation == "where":
        return _chosen(node, xp, operands, like, values)
    operands = [
        xp.full_like(like, value) if operand.value is not None else value
        for operand, value in zip(node.operands, operands, strict=True)
    ]
    if operation == "split":
        parts = xp.split(*operands, attributes["sections"], axis=attributes["axis"])
        return parts[attributes["part"]]
    if operation == "concat":
        return xp.concat(operands, axis=attributes["axis"])
    if operation in HELPERS:
        return getattr(special, operation)(xp, *operands)
    return getattr(xp, _NAMES.get(operation, operation))(*operands, **attributes)


def _chosen(
    node: Node, xp: Any, operands: list[Any], like: Any, values: Mapping[int, Any]
) -> Any:
    condition, a, b = operands
    if all(choice.value is not None for choice in node.operands[1:]):
        shaped = array_behind(node.operands[0])
        b = xp.full_like(like if shaped is None else values[shaped.index], b)
    return xp.where(condition, a, b)
