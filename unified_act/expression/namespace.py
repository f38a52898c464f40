"""The namespace that records: a `unified_act.backend.Namespace` whose arrays are nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from unified_act.expression.graph import MASK, Graph, Node, RecordingError

__all__ = ["Recorder"]

_UNARY = (
    "abs",
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
_ALONG_AXIS = ("cumulative_sum", "max", "sort", "sum")


def _of_one(name: str) -> Callable[[Recorder, Any], Node]:
    return lambda self, x: self.graph.apply(name, x)


def _along_axis(name: str) -> Callable[..., Node]:
    return lambda self, x, *, axis: self.graph.apply(name, x, axis=axis)


class Recorder:
    """Records into a graph what a definition does with the arrays that it gets.

    Attributes:
        graph: The graph.
        wide: As for `Graph`.
        own: None: compositions are recorded operation by operation.
    """

    own = None

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.wide = graph.wide

    def where(self, condition: Any, a: Any, b: Any) -> Node:
        """Elements of `a` where `condition` is true, else of `b`."""
        if not isinstance(condition, Node) or condition.kind != MASK:
            raise RecordingError(f"the condition of xp.where is no comparison: {condition!r}")
        return self.graph.apply("where", condition, a, b)

    def full_like(self, x: Node, value: float) -> Node:
        """A constant: it needs no shape here."""
        del x
        return self.graph.number(value)

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


for _name in _UNARY:
    setattr(Recorder, _name, _of_one(_name))
for _name in _ALONG_AXIS:
    setattr(Recorder, _name, _along_axis(_name))
