"""The namespace that records: a `unified_act.backend.Namespace` whose arrays are nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from unified_act import special
from unified_act.expression.graph import MASK, Graph, Node, RecordingError

__all__ = ["HELPERS", "OPAQUE", "OTHER_NAMES", "Recorder"]

_UNARY = (
    "abs",
    "cos",
    "exp",
    "expm1",
    "floor",
    "log",
    "log1p",
    "sin",
    "sqrt",
    "stop_gradient",
    "tanh",
)
OPAQUE = (
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cosh",
    "erf",
    "erfinv",
    "hypot",
    "logaddexp",
    "sigmoid",
    "sinh",
    "softplus",
    "tan",
)
"""What is derived from other functions, but is recorded as one: it has a derivative of its own."""
HELPERS = ("sigmoid_derivative", "times_gaussian")
"""The functions of `unified_act.special` that derivatives need. A namespace has them not."""
OTHER_NAMES = {"and": "logical_and", "or": "logical_or", "not": "logical_not"}
"""What a namespace calls an operation of the graph, where it has another name for it."""
_ALONG_AXIS = ("cumulative_sum", "max", "prod", "sort", "sum")


def _of_arrays(name: str) -> Callable[..., Node]:
    return lambda self, *arrays: self.graph.apply(name, *arrays)


def _along_axis(name: str) -> Callable[..., Node]:
    return lambda self, x, *, axis: self.graph.apply(name, x, axis=axis)


class Recorder:
    """Records into a graph what a definition does with the arrays that it gets.

    Attributes:
        graph: The graph.
        wide: As for `Graph`.
        own: The functions that are recorded as one operation, though no namespace has them.
    """

    own: Mapping[str, Callable[..., Node]] | None

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.wide = graph.wide
        self.own = {name: partial(graph.apply, name) for name in HELPERS}
        special.complete(self)

    def where(self, condition: Any, a: Any, b: Any) -> Node:
        """Elements of `a` where `condition` is true, else of `b`."""
        if not isinstance(condition, Node) or condition.kind != MASK:
            raise RecordingError(f"the condition of xp.where is no comparison: {condition!r}")
        return self.graph.apply("where", condition, a, b)

    def full_like(self, x: Node, value: float) -> Node:
        """A constant: it needs no shape here."""
        del x
        return self.graph.number(value)

    def logical_and(self, a: Node, b: Node) -> Node:
        """Where both masks are true."""
        both: Node = a & b
        return both

    def logical_or(self, a: Node, b: Node) -> Node:
        """Where one of two masks is true, or both are."""
        either: Node = a | b
        return either

    def logical_not(self, a: Node) -> Node:
        """Where a mask is false."""
        return ~a

    def pow(self, a: Any, b: Any) -> Node:
        """`a` to the power `b`."""
        power: Node = self.graph.lift(a) ** b
        return power

    def erfc(self, x: Node) -> Node:
        """Complementary error function."""
        return self.times_erfc(1.0, x)

    def times_erfc(self, factor: Any, x: Node) -> Node:
        """`factor` · erfc(x)."""
        return self.graph.apply("times_erfc", factor, x)

    def split(self, x: Node, sections: int, *, axis: int) -> list[Node]:
        """Equal parts of `x` along `axis`."""
        return [
            self.graph.apply("split", x, sections=sections, part=part, axis=axis)
            for part in range(sections)
        ]

    def concat(self, arrays: Sequence[Any], *, axis: int) -> Node:
        """The arrays, one after the other along `axis`."""
        return self.graph.apply("concat", *arrays, axis=axis)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RecordingError(f"xp has no {name!r}")


for _name in (*_UNARY, *OPAQUE):
    setattr(Recorder, _name, _of_arrays(_name))
for _name in _ALONG_AXIS:
    setattr(Recorder, _name, _along_axis(_name))
