"""A graph as text: one line for each operation, in the order in which they are computed."""

from __future__ import annotations

from collections.abc import Sequence

from unified_act.expression.graph import INTEGER, SIGNS, Node

__all__ = ["text_of"]

_SIGNS = {**SIGNS, "and": "&", "or": "|"}
_PREFIXES = {"neg": "-", "not": "~"}
_CONSTANTS = ("number", "truth", "integer")


def text_of(outputs: Sequence[Node | None]) -> str:
    """Returns the computation of these outputs as text.

    The text tells everything: two graphs with the same text compute the same. Numbers have all
    their digits.

    Args:
        outputs: The results; None is one that does not exist.
    """
    present = [output for output in outputs if output is not None]
    names: dict[int, str] = {}
    lines = []
    for node in present[0].graph.needed(present) if present else ():
        if node.operation in _CONSTANTS:
            names[node.index] = repr(node.attributes["value"])
            continue
        if node.operation == "input":
            names[node.index] = node.attributes["name"]
            kind = "" if node.kind == "float" else f" ({node.kind})"
            lines.append(f"{names[node.index]} = input{kind}")
            continue
        names[node.index] = f"v{len(lines)}"
        lines.append(f"{names[node.index]} = {_operation(node, names)}")
    results = ["None" if output is None else names[output.index] for output in outputs]
    return "\n".join([*lines, f"return {', '.join(results)}"])


def _operation(node: Node, names: dict[int, str]) -> str:
    operands = [names[operand.index] for operand in node.operands]
    sign = _SIGNS.get(node.operation)
    if sign and node.kind != INTEGER:
        return f"{operands[0]} {sign} {operands[1]}"
    if node.operation in _PREFIXES:
        return f"{_PREFIXES[node.operation]}{operands[0]}"
    keywords = [f"{name}={value!r}" for name, value in sorted(node.attributes.items())]
    return f"{node.operation}({', '.join(operands + keywords)})"
