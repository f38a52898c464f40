"""A model as a graph of operations, whatever framework it is of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

__all__ = ["Constant", "Graph", "Node", "Role"]

Role = Literal["pointwise", "axis", "reduce", "shape", "linear", "other"]
"""What an operation does to its inputs.

``"pointwise"``: each output follows from the elements at its place. ``"axis"``: one operation that
is an activation as a whole, such as a softmax, or attention with the softmax in it. ``"reduce"``:
a sum or maximum along axes. ``"shape"``: elements move, and none changes. ``"linear"``: a
multiplication with weights. ``"other"``: anything else.
"""


@dataclass(frozen=True)
class Constant:
    """An input of an operation that is the same in every call.

    Attributes:
        value: Its number, if it is one number, or many that are equal; None if it has several.
        first: Its first number, if `value` is None and that is known.
        learned: Whether it is a weight.
        shape: Its shape.
    """

    value: float | int | bool | None
    first: float | None = None
    learned: bool = False
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of a model.

    Attributes:
        op: What it is called, in small letters, as in ``"softmax"``.
        role: What it does.
        inputs: Names of values, and constants.
        outputs: Names of values.
        key: With the inputs, what makes two operations the same function.
        place: Where in the model.
        line: The line of the user's source, if it is known.
        axis: Along which axis it goes, counted from the end, if it is one.
        ruled: Whether it is inside a function with a derivative of its own, which is not seen.
        payload: The framework's own operation.
    """

    op: str
    role: Role
    inputs: tuple[str | Constant, ...]
    outputs: tuple[str, ...]
    key: Hashable = ""
    place: str = ""
    line: str = ""
    axis: int | None = None
    ruled: bool = False
    payload: Any = None

    @property
    def values(self) -> list[str]:
        """Its inputs that are no constants."""
        return [given for given in self.inputs if isinstance(given, str)]

    @property
    def output(self) -> str:
        """Its first output."""
        return self.outputs[0]


@dataclass
class Graph(ABC):
    """The operations of a model, each after those whose results it takes.

    A reader for each framework derives a class that can run parts of the graph.

    Attributes:
        title: What the model is called.
        backend: Where parts of it are run.
        framework: What it was made with.
        nodes: The operations. Those that take constants alone are left out, and those that nothing
            follows from.
        results: What the model returns, and what the bodies of loops and branches do.
        floats: The values that are of a float type; what is not known may be one.
        ranks: How many dimensions each value has.
        dtypes: The float types of the values, by how many values have them.
        notes: What the reader has to say.
    """

    title: str
    backend: str
    framework: str
    nodes: list[Node]
    results: set[str]
    floats: Mapping[str, bool] = field(default_factory=dict)
    ranks: Mapping[str, int] = field(default_factory=dict)
    dtypes: Sequence[str] = ()
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Leaves out what nothing follows from, such as a derivative that was traced too."""
        needed, kept = set(self.results), []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                needed.update(node.values)
                kept.append(node)
        self.nodes = kept[::-1]

    @abstractmethod
    def function(self, nodes: Sequence[Node], source: str, result: str) -> Callable[[Any], Any]:
        """Returns a part of the model as a function of one array of any shape.

        Args:
            nodes: The operations of the part, pointwise ones and reductions.
            source: The value that the function takes.
            result: The value that it returns.
        """

    @abstractmethod
    def alone(self, node: Node) -> Callable[[Any], Any]:
        """Returns an operation with the role ``"axis"`` as a function of one array.

        Args:
            node: The operation. Attention stands for the softmax in it.
        """

    @cached_property
    def users(self) -> dict[str, list[Node]]:
        """The operations that take each value."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for value in dict.fromkeys(node.values):
                found.setdefault(value, []).append(node)
        return found

    @cached_property
    def producers(self) -> dict[str, Node]:
        """The operation that makes each value."""
        return {output: node for node in self.nodes for output in node.outputs}

    @cached_property
    def order(self) -> dict[str, int]:
        """When each value is made."""
        return {output: i for i, node in enumerate(self.nodes) for output in node.outputs}
