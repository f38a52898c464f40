"""An ONNX graph that is written down as its values are asked for."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, defs, helper, numpy_helper

__all__ = ["ELEMENT_TYPES", "Array", "Graph"]

ELEMENT_TYPES: Mapping[str, int] = {
    "bool": TensorProto.BOOL,
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
}
"""What ONNX calls the types, by our names."""


class Graph:
    """The nodes and constants of a graph; equal ones are there once.

    Attributes:
        opset: The opset that operators are taken from.
        dtype: The name of the type that is computed in: that of Python numbers.
        shape: The shape of the input `x`, in which a string is a length known at run time.
        nodes: The nodes, in the order in which they are computed.
        constants: The constants.
        broadcast: The names of the weights that have several dimensions.
    """

    def __init__(self, opset: int, dtype: str, shape: Sequence[int | str]) -> None:
        self.opset = opset
        self.dtype = dtype
        self.shape = tuple(shape)
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.broadcast: set[str] = set()
        self._seen: dict[Any, list[str]] = {}
        self._numbers = itertools.count()

    def array(self, name: str) -> Array:
        """Returns the array of that name: an input."""
        return Array(self, name)

    def apply(self, operator: str, *operands: Any, **attributes: Any) -> Array:
        """Returns the first output of an operator.

        Args:
            operator: Its name.
            *operands: Arrays, or Python numbers.
            **attributes: Its attributes.
        """
        return self.outputs(operator, 1, *operands, **attributes)[0]

    def outputs(self, operator: str, count: int, *operands: Any, **attributes: Any) -> list[Array]:
        """Returns the outputs of an operator.

        Args:
            operator: Its name.
            count: How many outputs it has.
            *operands: Arrays, or Python numbers.
            **attributes: Its attributes. Those not given are written with the default that they
                have in this opset, so that no reader has to know it.
        """
        inputs = [x.name if isinstance(x, Array) else self.number(x).name for x in operands]
        attributes = _defaults(operator, self.opset) | attributes
        key = (operator, tuple(inputs), repr(attributes))
        if key not in self._seen:
            names = [f"_v{next(self._numbers)}" for _ in range(count)]
            self.nodes.append(helper.make_node(operator, inputs, names, **attributes))
            self._seen[key] = names
        return [Array(self, name) for name in self._seen[key]]

    def number(self, value: float) -> Array:
        """Returns a number as an array without dimensions, of the type that is computed in."""
        return self.constant(self.rounded(value))

    def rounded(self, value: float) -> np.ndarray[Any, Any]:
        """Returns a number in the type that is computed in, where it may be infinite."""
        with np.errstate(over="ignore"):
            return np.array(value, dtype=self.dtype)

    def integers(self, *values: int) -> Array:
        """Returns integers as a vector: axes, lengths or places."""
        return self.constant(np.array(values, dtype=np.int64))

    def constant(self, value: np.ndarray[Any, Any]) -> Array:
        """Returns a constant."""
        key = (str(value.dtype), value.shape, value.tobytes())
        if key not in self._seen:
            name = f"_c{len(self.constants)}"
            self.constants.append(numpy_helper.from_array(value, name))
            self._seen[key] = [name]
        return Array(self, self._seen[key][0])

    def has_attribute(self, operator: str, name: str) -> bool:
        """Whether an operator has an attribute in this opset; later ones made inputs of some."""
        return name in defs.get_schema(operator, self.opset).attributes

    def finish(self, result: Array, name: str) -> None:
        """Calls the result `name`, and drops what it does not need; nothing can be added then."""
        if not any(result.name in node.output for node in self.nodes):  # but is an input
            result = self.apply("Identity", result)
        needed = {result.name}
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
        self.nodes = [node for node in self.nodes if needed.intersection(node.output)]
        self.constants = [constant for constant in self.constants if constant.name in needed]
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [name if given == result.name else given for given in names]


@functools.cache
def _defaults(operator: str, opset: int) -> dict[str, Any]:
    attributes = defs.get_schema(operator, opset).attributes
    return {
        name: helper.get_attribute_value(attribute.default_value)
        for name, attribute in attributes.items()
        if attribute.default_value.name
    }


def _operator(name: str, *, swapped: bool = False) -> Callable[[Array, Any], Array]:
    def apply(self: Array, other: Any) -> Array:
        operands = (other, self) if swapped else (self, other)
        return self.graph.apply(name, *operands)

    return apply


class Array:
    """A value in a graph, with the operators that all frameworks have.

    Attributes:
        graph: The graph.
        name: What the value is called there.
    """

    __slots__ = ("graph", "name")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph = graph
        self.name = name

    def __neg__(self) -> Array:
        return self.graph.apply("Neg", self)

    def __abs__(self) -> Array:
        return self.graph.apply("Abs", self)

    def __invert__(self) -> Array:
        return self.graph.apply("Not", self)

    __add__ = _operator("Add")
    __radd__ = _operator("Add", swapped=True)
    __sub__ = _operator("Sub")
    __rsub__ = _operator("Sub", swapped=True)
    __mul__ = _operator("Mul")
    __rmul__ = _operator("Mul", swapped=True)
    __truediv__ = _operator("Div")
    __rtruediv__ = _operator("Div", swapped=True)
    __pow__ = _operator("Pow")
    __rpow__ = _operator("Pow", swapped=True)
    __and__ = _operator("And")
    __or__ = _operator("Or")
    __lt__ = _operator("Less")
    __le__ = _operator("LessOrEqual")
    __gt__ = _operator("Greater")
    __ge__ = _operator("GreaterOrEqual")
    __eq__ = _operator("Equal")  # type: ignore[assignment]

    def __ne__(self, other: object) -> Array:  # type: ignore[override]
        return self.graph.apply("Not", self == other)
