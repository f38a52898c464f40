"""A graph as a Python function, which runs on any namespace and which compilers can trace."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from unified_act import special
from unified_act.backend import compiled_text
from unified_act.expression.graph import SIGNS, Node, array_behind
from unified_act.expression.namespace import HELPERS, OTHER_NAMES
from unified_act.expression.record import Expression

__all__ = ["function_of", "text_of_function"]

_SCOPE = {
    "inf": math.inf,
    "nan": math.nan,
    **{name: getattr(special, name) for name in HELPERS},
}


def function_of(expression: Expression, form: str = "single") -> Callable[..., Any]:
    """Returns ``function(xp, *inputs)``, which computes what was recorded.

    Args:
        expression: What was recorded.
        form: How the results come: the only one as it is (``"single"``), all in a tuple
            (``"tuple"``), or in a tuple of as many tuples as there are inputs (``"square"``).
    """
    scope = dict(_SCOPE)
    exec(compiled_text(text_of_function(expression, form), "exec"), scope)  # noqa: S102
    function: Callable[..., Any] = scope["function"]
    return function


def text_of_function(expression: Expression, form: str = "single") -> str:
    """Returns the Python text of such a function, which is called ``function``.

    Args:
        expression: As for `function_of`.
        form: As for `function_of`.
    """
    present = [output for output in expression.outputs if output is not None]
    writer = _Writer(expression.inputs)
    for node in expression.graph.needed(present):
        writer.write(node)
    results = ["None" if output is None else writer.array(output) for output in expression.outputs]
    if form == "square":
        length = len(expression.inputs)
        results = [_tuple(results[at : at + length]) for at in range(0, len(results), length)]
    result = results[0] if form == "single" else _tuple(results)
    arguments = ", ".join(["xp", *(node.attributes["name"] for node in expression.inputs)])
    return "\n".join([f"def function({arguments}):", *writer.lines, f"    return {result}", ""])


def _tuple(entries: Sequence[str]) -> str:
    return f"({', '.join(entries)},)"


class _Writer:
    """Writes one line for each operation.

    Attributes:
        lines: The lines.
    """

    def __init__(self, inputs: Sequence[Node]) -> None:
        self.lines: list[str] = []
        self._names: dict[int, str] = {}
        self._like = inputs[0].attributes["name"]

    def write(self, node: Node) -> None:
        """Writes the line of a node, if it needs one."""
        if node.operation == "input":
            self._names[node.index] = node.attributes["name"]
        elif node.operands:
            name = f"v{len(self.lines)}"
            self.lines.append(f"    {name} = {self._text(node)}")
            self._names[node.index] = name

    def array(self, node: Node) -> str:
        """Returns the name of an array. A constant has the shape of the first input."""
        if node.value is not None:
            return f"xp.full_like({self._like}, {node.value!r})"
        return self._names[node.index]

    def _operand(self, node: Node) -> str:
        return repr(node.value) if node.value is not None else self._names[node.index]

    def _text(self, node: Node) -> str:
        operation = node.operation
        if operation in SIGNS:
            a, b = map(self._operand, node.operands)
            return f"{a} {SIGNS[operation]} {b}"
        written = {
            "neg": self._neg,
            "where": self._where,
            "split": self._split,
            "concat": self._concat,
            "pow": self._pow,
        }.get(operation, self._call)
        return written(node)

    def _neg(self, node: Node) -> str:
        return f"-{self.array(node.operands[0])}"

    def _pow(self, node: Node) -> str:
        return f"xp.pow({', '.join(map(self._operand, node.operands))})"

    def _split(self, node: Node) -> str:
        part, sections = node.attributes["part"], node.attributes["sections"]
        whole, axis = self.array(node.operands[0]), node.attributes["axis"]
        return f"xp.split({whole}, {sections}, axis={axis})[{part}]"

    def _concat(self, node: Node) -> str:
        parts = ", ".join(map(self.array, node.operands))
        return f"xp.concat([{parts}], axis={node.attributes['axis']})"

    def _call(self, node: Node) -> str:
        operation, operands = node.operation, node.operands
        if operation == "times_erfc" and operands[0].value == 1.0:
            operation, operands = "erfc", operands[1:]
        arguments = [self.array(operand) for operand in operands]
        arguments += [f"{name}={value!r}" for name, value in node.attributes.items()]
        if operation in HELPERS:
            return f"{operation}(xp, {', '.join(arguments)})"
        return f"xp.{OTHER_NAMES.get(operation, operation)}({', '.join(arguments)})"

    def _where(self, node: Node) -> str:
        condition, a, b = node.operands
        chosen = [self._operand(each) for each in (a, b)]
        if a.value is not None and b.value is not None:
            shaped = array_behind(condition)
            like = self._like if shaped is None else self._names[shaped.index]
            chosen[1] = f"xp.full_like({like}, {b.value!r})"
        return f"xp.where({self._names[condition.index]}, {', '.join(chosen)})"
