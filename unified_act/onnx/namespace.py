"""The functions that activations are written with, in ONNX: a `unified_act.backend.Namespace`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import numpy_helper

from unified_act import special
from unified_act.onnx.graph import Array, Graph
from unified_act.shapes import channel_shape, section_length

__all__ = [
    "abs",
    "channel_weight",
    "concat",
    "cos",
    "cumulative_sum",
    "deinterleave",
    "erfc",
    "exp",
    "expm1",
    "floor",
    "full_like",
    "interleave",
    "log",
    "log1p",
    "logical_and",
    "logical_not",
    "logical_or",
    "max",
    "pow",
    "prod",
    "sin",
    "sort",
    "split",
    "sqrt",
    "stop_gradient",
    "sum",
    "sum_to_weight",
    "tanh",
    "times_erfc",
    "where",
    "whole_weight",
]


def where(condition: Array, a: Any, b: Any) -> Array:
    """Elements of `a` where `condition` holds, else of `b`."""
    return condition.graph.apply("Where", condition, a, b)


def full_like(x: Array, value: float) -> Array:
    """An array of the shape of `x`, filled with `value`."""
    filling = numpy_helper.from_array(x.graph.rounded(value).reshape(1))
    return x.graph.apply("ConstantOfShape", _shape(x), value=filling)


def abs(x: Array) -> Array:
    """Absolute value."""
    return x.graph.apply("Abs", x)


def exp(x: Array) -> Array:
    """E to the power x."""
    return x.graph.apply("Exp", x)


def expm1(x: Array) -> Array:
    """E to the power x, minus 1, which ONNX lacks."""
    return special.expm1(sys.modules[__name__], x)  # type: ignore[no-any-return]


def log(x: Array) -> Array:
    """Natural logarithm."""
    return x.graph.apply("Log", x)


def log1p(x: Array) -> Array:
    """Natural logarithm of 1 + x, which ONNX lacks."""
    return special.log1p(sys.modules[__name__], x)  # type: ignore[no-any-return]


def tanh(x: Array) -> Array:
    """Hyperbolic tangent."""
    return x.graph.apply("Tanh", x)


def erfc(x: Array) -> Array:
    """Complementary error function; ONNX has erf, whose complement loses the tail."""
    return times_erfc(full_like(x, 1.0), x)


def times_erfc(factor: Array, x: Array) -> Array:
    """`factor` · erfc(x)."""
    return special.times_erfc(sys.modules[__name__], factor, x)  # type: ignore[no-any-return]


def sqrt(x: Array) -> Array:
    """Square root."""
    return x.graph.apply("Sqrt", x)


def floor(x: Array) -> Array:
    """Largest integer not above x."""
    return x.graph.apply("Floor", x)


def sin(x: Array) -> Array:
    """Sine, of an angle in radians."""
    return x.graph.apply("Sin", x)


def cos(x: Array) -> Array:
    """Cosine, of an angle in radians."""
    return x.graph.apply("Cos", x)


def pow(a: Any, b: Any) -> Array:
    """`a` to the power `b`, one of which may be a number."""
    graph: Graph = (a if isinstance(a, Array) else b).graph
    return graph.apply("Pow", a, b)


def logical_and(a: Array, b: Array) -> Array:
    """Where both masks are true."""
    return a.graph.apply("And", a, b)


def logical_or(a: Array, b: Array) -> Array:
    """Where one of two masks is true, or both are."""
    return a.graph.apply("Or", a, b)


def logical_not(a: Array) -> Array:
    """Where a mask is false."""
    return a.graph.apply("Not", a)


def sum(x: Array, *, axis: int) -> Array:
    """Sum along `axis`, which stays with length 1."""
    return _reduced("ReduceSum", x, axis)


def max(x: Array, *, axis: int) -> Array:
    """Maximum along `axis`, which stays with length 1."""
    return _reduced("ReduceMax", x, axis)


def prod(x: Array, *, axis: int) -> Array:
    """Product along `axis`, which stays with length 1."""
    return _reduced("ReduceProd", x, axis)


def cumulative_sum(x: Array, *, axis: int) -> Array:
    """Sum of the elements up to each along `axis`."""
    return x.graph.apply("CumSum", x, x.graph.constant(np.array(axis, dtype=np.int64)))


def sort(x: Array, *, axis: int) -> Array:
    """The elements in increasing order along `axis`."""
    # There is no sort, but the k smallest elements come in order, and k may be all.
    return x.graph.outputs("TopK", 2, x, _length(x, axis), axis=axis, largest=0, sorted=1)[0]


def split(x: Array, sections: int, *, axis: int) -> list[Array]:
    """Equal parts of `x` along `axis`."""
    graph = x.graph
    known = [length if isinstance(length, int) else None for length in graph.shape]
    section_length(known, sections, axis)
    # Told only how many parts there are, opset 18 would make the last one shorter.
    part = graph.apply("Div", _length(x, axis), graph.integers(sections))
    parts = graph.apply("Concat", *[part] * sections, axis=0)
    return graph.outputs("Split", sections, x, parts, axis=axis)


def concat(arrays: Sequence[Array], *, axis: int) -> Array:
    """The arrays, one after the other along `axis`."""
    return arrays[0].graph.apply("Concat", *arrays, axis=axis)


def deinterleave(x: Array, *, axis: int) -> list[Array]:
    """The elements at even places along `axis`, and those at odd ones."""
    graph = x.graph
    known = [length if isinstance(length, int) else None for length in graph.shape]
    section_length(known, 2, axis)
    rank = len(known)
    axis %= rank
    before, after = _lengths(x, 0, axis), _lengths(x, axis + 1, rank)
    half = graph.apply("Div", _length(x, axis), graph.integers(2))
    shape = graph.apply("Concat", *before, half, graph.integers(2), *after, axis=0)
    # Before opset 14 a length of 0 means that of the input in the same place.
    empty = {"allowzero": 1} if graph.has_attribute("Reshape", "allowzero") else {}
    pairs = graph.apply("Reshape", x, shape, **empty)
    parts = graph.outputs("Split", 2, pairs, graph.integers(1, 1), axis=axis + 1)
    return [graph.apply("Squeeze", part, graph.integers(axis + 1)) for part in parts]


def interleave(arrays: Sequence[Array], *, axis: int) -> Array:
    """A part of gradients, which no value needs."""
    raise NotImplementedError


def stop_gradient(x: Array) -> Array:
    """`x`: these models have no gradient."""
    return x


def channel_weight(weight: Array, x: Array, *, axis: int) -> Array:
    """`weight` in a shape that broadcasts to `x`: a vector along `axis`."""
    if weight.name in weight.graph.broadcast:
        return weight
    # How many channels there are is known at run time only, hence the -1.
    shape = channel_shape(-1, [None] * len(x.graph.shape), axis)
    return x.graph.apply("Reshape", weight, x.graph.integers(*shape))


def sum_to_weight(x: Array, weight: Array, *, axis: int) -> Array:
    """The reverse of `channel_weight`, which no value needs."""
    raise NotImplementedError


def whole_weight(weight: Array, x: Array) -> Array:
    """A part of gradients, which no value needs."""
    raise NotImplementedError


def _shape(x: Array) -> Array:
    return x.graph.apply("Shape", x)


def _length(x: Array, axis: int) -> Array:
    return x.graph.apply("Gather", _shape(x), x.graph.integers(axis), axis=0)


def _lengths(x: Array, start: int, end: int) -> list[Array]:
    return [_length(x, axis) for axis in range(start, end)]


def _reduced(operator: str, x: Array, axis: int) -> Array:
    if x.graph.has_attribute(operator, "axes"):
        return x.graph.apply(operator, x, axes=[axis], keepdims=1)
    return x.graph.apply(operator, x, x.graph.integers(axis), keepdims=1)


special.complete(sys.modules[__name__])
