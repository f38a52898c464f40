"""Cuts the parts out of a graph that may be activations: functions of one array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from unified_act_conformance.audit.graph import Constant, Graph, Node

__all__ = ["Part", "axis_parts", "gate", "pointwise_parts"]

SUMS = {"sum", "reduce_sum", "reducesum"}
LARGEST = {"max", "amax", "reduce_max", "reducemax"}
"""The reductions of a softmax that is written out."""
EXPONENTIALS = {"exp", "exp2"}
ELEMENTARY = {
    *("pow", "integer_pow", "square", "sqrt", "rsqrt", "reciprocal", "abs", "log", "log1p", "log2"),
    *("cos", "floor", "ceil", "round", "sign", "neg", "remainder", "fmod", "mod", "isnan"),
    *("isinf", "is_finite", "not", "logical_not", "nan_to_num", "max", "min", "maximum", "minimum"),
    *("clamp", "clamp_min", "clamp_max", "clip", "add", "sub", "mul", "div", "exp", "expm1"),
    *("rsub", "where", "select_n", "stop_gradient", "convert_element_type", "cast", "copy"),
    *("eq", "ne", "lt", "le", "gt", "ge", "equal", "less", "greater", "true_divide"),
}
"""What people compute with; what is of these alone may be anything, such as a norm."""
STATISTICS = {"pow", "integer_pow", "square", "sqrt", "rsqrt", "reciprocal", "abs", "log", "cos"}
"""Alone these are parts of norms, losses or positions, and never activations."""


@dataclass(frozen=True)
class Part:
    """A part of a graph that is a function of one array.

    Attributes:
        graph: The graph.
        source: The value that it takes.
        result: The value that it returns.
        nodes: The operations in between.
    """

    graph: Graph
    source: str
    result: str
    nodes: tuple[Node, ...]

    @cached_property
    def key(self) -> tuple[object, ...]:
        """The same for parts that compute the same function."""
        names = {self.source: 0}
        steps: list[object] = []
        for node in self.nodes:
            given = [names[i] if isinstance(i, str) else (i.value, i.first) for i in node.inputs]
            steps.append((node.op, node.axis, node.key, tuple(given)))
            for output in node.outputs:
                names[output] = len(names)
        return (self.graph.backend, *steps, names[self.result])

    @property
    def last(self) -> Node:
        """The operation that makes the result."""
        return self.nodes[-1]

    @property
    def telling(self) -> Node:
        """The last operation that does more than add a number or multiply with one."""
        for node in reversed(self.nodes):
            if node.op not in ("add", "sub", "mul", "div", "cast", "neg") or len(node.values) > 1:
                return node
        return self.last

    @property
    def operations(self) -> list[str]:
        """The names of the operations, in order, once each."""
        return list(dict.fromkeys(node.op for node in self.nodes))

    @property
    def constants(self) -> list[Constant]:
        """What the operations take besides values."""
        return [i for node in self.nodes for i in node.inputs if isinstance(i, Constant)]

    @property
    def plain(self) -> bool:
        """Whether it is but one elementary function, with sums and products around it."""
        return sum(node.op in STATISTICS for node in self.nodes) == 1 and all(
            node.op in STATISTICS | {"add", "sub", "mul", "div", "neg", "true_divide", "cast"}
            and len(node.values) == 1
            for node in self.nodes
        )

    @property
    def elementary(self) -> bool:
        """Whether it is made of nothing that is an activation by itself."""
        return all(node.op in ELEMENTARY for node in self.nodes)

    def cuts(self) -> list[str]:
        """Returns the values that all of the result is computed from, the source first."""
        last = {self.source: 0}  # when each value is used for the last time
        for i, node in enumerate(self.nodes, 1):
            for value in node.values:
                last[value] = i
        found, reach = [self.source], last[self.source]
        for i, node in enumerate(self.nodes, 1):
            if i == reach:  # nothing that was made before is used later
                found.append(node.output)
            reach = max(reach, last.get(node.output, i))
        return found if found[-1] == self.result else [*found, self.result]

    def between(self, source: str, result: str) -> Part:
        """Returns the part of this one from one value to another.

        Args:
            source: One of `cuts`.
            result: A later one.
        """
        return _cone(self.graph, source, result)


def _cone(graph: Graph, source: str, result: str) -> Part:
    """Everything that the result is computed from, back to the source."""
    nodes: dict[int, Node] = {}
    waiting = [result]
    while waiting:
        value = waiting.pop()
        if value == source:
            continue
        order = graph.order[value]
        if order not in nodes:
            nodes[order] = graph.nodes[order]
            waiting += graph.nodes[order].values
    return Part(graph, source, result, tuple(node for _, node in sorted(nodes.items())))


def _acts_on_single_elements(node: Node) -> bool:
    """Whether all that it takes besides values is numbers; of a prelu, its weight too."""
    return node.role == "pointwise" and all(
        given.value is not None or (node.op == "prelu" and given.first is not None)
        for given in node.inputs
        if isinstance(given, Constant)
    )


def statistics(graph: Graph) -> set[str]:
    """Returns the values that are computed from sums and maxima alone, as a variance is."""
    found: set[str] = set()
    for node in graph.nodes:
        after = node.role in ("pointwise", "shape") and node.values
        if node.role == "reduce" or (after and all(value in found for value in node.values)):
            found.update(node.outputs)
    return found


def pointwise_parts(graph: Graph) -> Iterator[list[Part]]:
    """Yields the largest parts that act on single elements, those of one source together.

    A part ends where its result is used by anything else, so that one source may have several.

    Args:
        graph: The model.
    """
    source: dict[str, str] = {}
    regions: dict[str, list[Node]] = {}
    skipped = statistics(graph)
    for node in graph.nodes:
        before = {source.get(value, value) for value in node.values}
        if node.op == "prelu" and _acts_on_single_elements(node):
            # With its first weight alone it would be another function of what is around it.
            yield [Part(graph, node.values[0], node.output, (node,))]
        elif _acts_on_single_elements(node) and len(before) == 1:
            (origin,) = before
            source[node.output] = origin
            regions.setdefault(origin, []).append(node)
    for origin, nodes in regions.items():
        if not graph.floats.get(origin, True):
            continue
        inside = {node.output for node in nodes}
        parts = []
        for node in nodes:
            users = graph.users.get(node.output, [])
            inner = users and all(user.output in inside for user in users)
            ends = node.output in graph.results or not inner
            if ends and graph.floats.get(node.output, True):
                part = _cone(graph, origin, node.output)
                if not (origin in skipped and part.elementary):
                    parts.append(part)
        if parts:
            yield parts


def axis_parts(graph: Graph) -> Iterator[list[Part]]:
    """Yields parts with sums of exponentials, which may be a softmax that is written out.

    Of each, several are yielded that begin at different values, the largest first.

    Args:
        graph: The model.
    """
    origin: dict[str, str] = {}
    summed: set[str] = set()  # what a sum of exponentials is in
    exponential: set[str] = set()
    for node in graph.nodes:
        before = {origin.get(value, value) for value in node.values}
        passes = (
            _acts_on_single_elements(node)
            or (node.role == "reduce" and node.op in SUMS | LARGEST and node.axis is not None)
            or (node.role == "shape" and all(_reduced(graph, value) for value in node.values))
        )
        if not passes or len(before) != 1:
            continue
        origin[node.output] = next(iter(before))
        scaled = len(node.values) == 1 and node.values[0] in exponential and node.op not in SUMS
        if node.op in EXPONENTIALS or scaled:
            exponential.add(node.output)
        inside = any(value in summed for value in node.values)
        if inside or (node.op in SUMS and node.values[0] in exponential):
            summed.add(node.output)
        joins = len({*node.values}) > 1 and any(not _reduced(graph, v) for v in node.values)
        if inside and joins and node.role == "pointwise":
            whole = _cone(graph, origin[node.output], node.output)
            yield [whole.between(cut, node.output) for cut in whole.cuts()[:-1]]


def _reduced(graph: Graph, value: str) -> bool:
    """Whether a value is a sum or a maximum, or computed from these alone."""
    node = graph.producers.get(value)
    while node is not None:
        if node.role == "reduce":
            return True
        if node.role not in ("shape", "pointwise") or len(node.values) != 1:
            return False
        node = graph.producers.get(node.values[0])
    return False


def gate(graph: Graph, value: str) -> bool:
    """Returns whether an activation gates another half, or the other of two layers, of its input.

    Args:
        graph: The model.
        value: The result of the activation.
    """
    mine = _origin(graph, value, through_activation=True)
    for node in graph.users.get(value, []):
        if node.op in ("mul", "multiply") and len(node.values) == 2:
            (other,) = [v for v in node.values if v != value] or [value]
            theirs = _origin(graph, other, through_activation=False)
            if mine is not None and mine == theirs and other != value:
                return True
    return False


def _origin(graph: Graph, value: str, *, through_activation: bool) -> tuple[str, str] | None:
    """What a layer took whose result a value is, but for numbers of its own; or what was split."""
    node = graph.producers.get(value)
    begun = through_activation
    while node is not None and node.values:
        if node.role == "linear":
            return "layer", node.values[0]
        if len(node.outputs) > 1 or node.op in ("slice", "split", "strided_slice"):
            return "split", node.values[0]
        if node.role == "pointwise":
            if len({*node.values}) > 1 and not begun:
                return None
            if not begun and node.op not in ("add", "mul", "clamp", "clip", "cast"):
                return None
        elif node.role != "shape":
            return None
        node = graph.producers.get(node.values[0])
    return None


def in_order(graph: Graph, parts: Sequence[Part]) -> list[Part]:
    """Returns parts in the order in which the model computes their results."""
    return sorted(parts, key=lambda part: graph.order[part.result])
