"""The graph of a computation: nodes with operators, each of them there once."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from unified_act.errors import UnsupportedError
from unified_act.expression import simplification

__all__ = [
    "FLOAT",
    "INTEGER",
    "MASK",
    "SIGNS",
    "Graph",
    "Node",
    "RecordingError",
    "array_behind",
]

FLOAT, MASK, INTEGER = "float", "mask", "integer"
"""The kinds of values. Integers are as wide as the floats; only kernels use them."""

SIGNS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
}
"""The operations that Python writes between their operands, on every framework."""
LARGEST_POWER = 16
"""Up to here whole powers are products."""
_COMMUTATIVE = {"add", "mul"}
_COMPARISONS = {"lt", "le", "gt", "ge", "eq", "ne"}


class RecordingError(UnsupportedError):
    """A definition does something that cannot be recorded."""


class Graph:
    """Nodes in the order in which they are computed. Equal ones are the same node.

    Attributes:
        dtype: The type that is computed in, ``"float32"`` or ``"float64"``. Constants are rounded
            to it, and so is what is computed from constants alone.
        wide: Whether that type is so much wider than the arrays that no number of theirs is
            subnormal in it, and that its rounding errors are nothing beside theirs.
            `unified_act.special.is_wide` then lets definitions leave out what they do for the sake
            of narrow types.
        nodes: All nodes.
        place: Returns the line of code that an operation comes from, for `Node.place`; None: no
            places are noted.
    """

    def __init__(self, dtype: str = "float64", *, wide: bool = False) -> None:
        self.dtype = dtype
        self.wide = wide
        self.place: Callable[[], str] | None = None
        self.nodes: list[Node] = []
        self._known: dict[Any, Node] = {}

    def input(self, name: str, kind: str = FLOAT) -> Node:
        """Returns the input of that name."""
        return self._node("input", (), kind, {"name": name})

    def number(self, value: float) -> Node:
        """Returns a constant, rounded to the type that is computed in."""
        rounded = simplification.rounded(float(value), self.dtype)
        return self._node("number", (), FLOAT, {"value": rounded})

    def truth(self, value: bool) -> Node:
        """Returns a mask that is the same everywhere."""
        return self._node("truth", (), MASK, {"value": value})

    def integer(self, value: int) -> Node:
        """Returns a constant integer."""
        return self._node("integer", (), INTEGER, {"value": value})

    def apply(self, operation: str, *operands: Any, kind: str = FLOAT, **attributes: Any) -> Node:
        """Returns the result of an operation, in its simplest form.

        Args:
            operation: The name of the operation.
            *operands: Nodes, or Python numbers.
            kind: The kind of the result.
            **attributes: What else the operation needs to know, such as an axis.

        Raises:
            RecordingError: An operand is neither a node of this graph nor a Python number.
        """
        nodes = [
            operand if type(operand) is Node and operand.graph is self else self.lift(operand)
            for operand in operands
        ]
        if self.wide and operation in _COMPARISONS:
            nodes = [self._as_in_arrays(node) for node in nodes]
        if not attributes:
            simple = simplification.simplify(self, operation, nodes)
            if simple is not None:
                return simple
        return self._node(operation, tuple(nodes), kind, attributes)

    def _as_in_arrays(self, node: Node) -> Node:
        """A constant as float32 has it: a function bends where float32 arithmetic lets it bend."""
        value = node.value
        return node if value is None else self.number(simplification.rounded(value, "float32"))

    def lift(self, value: Any) -> Node:
        """Returns a node as it is, and a Python number as a constant."""
        if isinstance(value, Node):
            if value.graph is not self:
                raise RecordingError("values of two recordings cannot be combined")
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self.number(value)
        raise RecordingError(
            f"a value meets {value!r} of type {type(value).__name__}, "
            "which is neither an array nor a Python number"
        )

    def needed(self, outputs: Iterable[Node]) -> list[Node]:
        """Returns the nodes that the outputs are computed from, in order."""
        found: set[int] = set()
        waiting = list(outputs)
        while waiting:
            node = waiting.pop()
            if node.index not in found:
                found.add(node.index)
                waiting.extend(node.operands)
        return [self.nodes[index] for index in sorted(found)]

    def _node(
        self, operation: str, operands: tuple[Node, ...], kind: str, attributes: dict[str, Any]
    ) -> Node:
        key: tuple[Any, ...]
        if operation == "number":  # 0.0 == -0.0, and a NaN is not equal to itself
            key = (operation, struct.pack("<d", attributes["value"]))
        else:
            indices = [operand.index for operand in operands]
            if operation in _COMMUTATIVE:
                indices.sort()
            key = (operation, kind, *indices)
            if attributes:
                key += tuple(sorted(attributes.items()))
        node = self._known.get(key)
        if node is None:
            place = self.place() if self.place else ""
            node = Node(self, len(self.nodes), operation, operands, kind, attributes, place)
            self.nodes.append(node)
            self._known[key] = node
        return node


def _binary(operation: str, kind: str = FLOAT, *, swapped: bool = False) -> Any:
    def apply(self: Node, other: Any) -> Node:
        operands = (other, self) if swapped else (self, other)
        return self.graph.apply(operation, *operands, kind=kind)

    return apply


def _joined(operation: str) -> Any:
    def apply(self: Node, other: Any) -> Node:
        if not isinstance(other, Node) or self.kind != MASK or other.kind != MASK:
            raise RecordingError(f"& and | join comparisons, and not {self!r} with {other!r}")
        return self.graph.apply(operation, self, other, kind=MASK)

    return apply


def _product(x: Node, number: int) -> Node:
    """The product of so many `x`, by squares."""
    if number < 2:
        return x if number else x.graph.number(1.0)
    half = _product(x, number // 2)
    square: Node = half * half
    return x.graph.apply("mul", square, x) if number % 2 else square


def _refusing(reason: str) -> Any:
    def refuse(*_arguments: Any, **_keywords: Any) -> NoReturn:
        raise RecordingError(reason)

    return refuse


class Node:
    """A value in a graph, with the operators that arrays have on every framework.

    Attributes:
        graph: The graph.
        index: Its place in the graph.
        operation: The name of the operation that computes it.
        operands: What it is computed from.
        kind: `FLOAT`, `MASK` or `INTEGER`.
        attributes: What else the operation needs to know.
        place: The line of code that it comes from; empty if that was not noted.
    """

    __slots__ = ("attributes", "graph", "index", "kind", "operands", "operation", "place")
    __hash__ = object.__hash__
    __array_ufunc__ = None  # a NumPy scalar leaves the operator to the node, which refuses it

    def __init__(
        self,
        graph: Graph,
        index: int,
        operation: str,
        operands: tuple[Node, ...],
        kind: str,
        attributes: Mapping[str, Any],
        place: str = "",
    ) -> None:
        self.graph = graph
        self.index = index
        self.operation = operation
        self.operands = operands
        self.kind = kind
        self.attributes = attributes
        self.place = place

    @property
    def value(self) -> float | None:
        """The number, if it is a constant."""
        return self.attributes["value"] if self.operation == "number" else None

    def __repr__(self) -> str:
        return f"<{self.kind} {self.index}: {self.operation}>"

    __add__, __radd__ = _binary("add"), _binary("add", swapped=True)
    __sub__, __rsub__ = _binary("sub"), _binary("sub", swapped=True)
    __mul__, __rmul__ = _binary("mul"), _binary("mul", swapped=True)
    __truediv__, __rtruediv__ = _binary("div"), _binary("div", swapped=True)
    __lt__, __le__ = _binary("lt", MASK), _binary("le", MASK)
    __gt__, __ge__ = _binary("gt", MASK), _binary("ge", MASK)
    __eq__, __ne__ = _binary("eq", MASK), _binary("ne", MASK)

    __and__, __or__ = _joined("and"), _joined("or")

    def __neg__(self) -> Node:
        return self.graph.apply("neg", self)

    def __abs__(self) -> Node:
        return self.graph.apply("abs", self)

    def __invert__(self) -> Node:
        return self.graph.apply("not", self, kind=MASK)

    def __pow__(self, exponent: Any) -> Node:
        number = exponent.value if isinstance(exponent, Node) else exponent
        if isinstance(number, (int, float)):
            if number == 0.5:
                return self.graph.apply("sqrt", self)
            if float(number).is_integer() and abs(number) <= LARGEST_POWER:
                product = _product(self, abs(int(number)))
                return product if number >= 0 else 1.0 / product
        return self.graph.apply("pow", self, exponent)

    def __rpow__(self, base: Any) -> Node:
        found: Node = self.graph.lift(base) ** self
        return found

    __bool__ = __float__ = __int__ = __index__ = __len__ = _refusing(
        "an array was used as a single number or truth value: decide with xp.where(condition, a, b)"
    )
    __array__ = __getitem__ = __iter__ = _refusing(
        "an array was passed to NumPy or indexed: use the functions of xp and Python numbers"
    )


def array_behind(mask: Node) -> Node | None:
    """Returns an array that a mask is made from, whose shape it has; None for a constant mask."""
    for operand in mask.operands:
        if operand.kind == FLOAT and operand.value is None:
            return operand
    found = (array_behind(operand) for operand in mask.operands if operand.kind == MASK)
    return next((array for array in found if array is not None), None)
