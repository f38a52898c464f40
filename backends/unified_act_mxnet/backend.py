"""MXNet behind the interface of the core."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from unified_act.activation import Activation, Kind
from unified_act.backend import (
    DTYPES,
    Native,
    Numerics,
    check_further,
    input_error,
    kernel_for,
    seed_or_generator,
    with_generator,
    with_keywords,
)
from unified_act.errors import InputTypeError, UnsupportedError
from unified_act.layers import Layers
from unified_act.shapes import with_shape_check
from unified_act_mxnet import gradient, layers
from unified_act_mxnet._framework import BFLOAT16, mx
from unified_act_mxnet.graph import Graph, shared_graph
from unified_act_mxnet.native import NATIVE
from unified_act_mxnet.operators import call_directly

__all__ = ["MxnetBackend"]

NDArray = mx.nd.NDArray
Symbol = mx.sym.Symbol
NumpySymbol = type(mx.sym.var("x").as_np_ndarray())
_TYPES: dict[str, Any] = {
    "float16": np.float16,
    "bfloat16": BFLOAT16,
    "float32": np.float32,
    "float64": np.float64,
}
_MOST_DIMENSIONS = 5
"""As many as the operators that broadcast take."""
_IN_A_GRAPH = ("float16", "float32", "float64")
"""The dtypes that a user's graph may turn out to have, so that a kernel there must do for all."""


class MxnetBackend:
    """The backend ``"mxnet"``: takes `NDArray`, `mx.np.ndarray` and `Symbol`."""

    name = "mxnet"
    dtypes: Sequence[str] = DTYPES
    native: Mapping[str, Native] = NATIVE
    layers: Layers = layers
    types: Sequence[type] = (NDArray, mx.np.ndarray, Symbol, NumpySymbol)

    def accepts(self, array_type: type) -> bool:
        """Whether `array_type` is an array or a symbol."""
        return issubclass(array_type, (NDArray, Symbol))

    def implement(
        self, activation: Activation, parameters: Mapping[str, float], numerics: Numerics
    ) -> Callable[..., Any]:
        """Returns the function that computes `activation`."""
        names = activation.inputs_for(parameters)
        implementations: dict[str, Callable[..., Any]] = {
            dtype: _compiled(
                shared_graph(activation, parameters, dtype),
                activation,
                parameters,
                shared_graph(activation, parameters, dtype, with_gradient=False),
            )
            for dtype in self.dtypes
        }
        in_graph = shared_graph(activation, parameters, None)
        kernel = kernel_for(self.name, self.native, activation, numerics)
        arguments = None if kernel is None else kernel.arguments(parameters)
        if kernel is not None and arguments is not None:
            graph = with_keywords(kernel.find(mx.sym), arguments)
            compiled = _compiled(graph, activation, parameters)
            implementations |= dict.fromkeys(kernel.dtypes, compiled)
            if set(kernel.dtypes).issuperset(_IN_A_GRAPH):
                in_graph = graph
        # An NDArray's dtype is a scalar type, that of an mx.np.ndarray an instance of np.dtype.
        by_dtype = {_TYPES[dtype]: f for dtype, f in implementations.items()}
        by_dtype |= {np.dtype(key): f for key, f in by_dtype.items()}
        checked = _by_dtype(activation, by_dtype, in_graph, len(names))
        if activation.kind == "stochastic" and len(names) > 1:
            return with_generator(
                activation.name, checked, self.uniform_like, lambda a: self.accepts(type(a))
            )
        if kernel is None or kernel.is_override or arguments is None:
            return checked
        return call_directly(
            kernel.label,
            arguments,
            [_TYPES[dtype] for dtype in kernel.dtypes],
            checked,
            axis=int(parameters["axis"]) if activation.along_axis else -1,
        )

    def uniform_like(self, x: Any, generator: int | np.random.Generator) -> Any:
        """Random numbers between 0 and 1 in the shape of `x`, float32 for 16-bit types.

        NumPy draws them: MXNet has one stream of random numbers for everybody, and no generators.
        """
        if isinstance(x, Symbol):
            raise UnsupportedError(
                "a Symbol has no shape to draw random numbers for: pass a Symbol of noise."
            )
        dtype = np.float64 if x.dtype == np.float64 else np.float32
        source = np.random.default_rng(seed_or_generator(generator, np.random.Generator))
        noise = source.random(x.shape, dtype=dtype)
        array = mx.np.array if isinstance(x, mx.np.ndarray) else mx.nd.array
        return array(np.maximum(noise, dtype(2.0**-25)), dtype=dtype, ctx=x.context)

    def value_and_grad(
        self, function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Returns the value and the cotangent of each input."""
        for x in inputs:
            if isinstance(x, Symbol):
                raise UnsupportedError(
                    "value_and_grad needs arrays: a Symbol has no value until it is bound."
                )
            if not isinstance(x, NDArray) or x.dtype not in (*_TYPES.values(), np.bool_):
                raise _wrong_input("value_and_grad", x)
        return gradient.value_and_grad(function, inputs, cotangent)


def _compiled(
    graph: Graph,
    activation: Activation,
    parameters: Mapping[str, Any],
    value_graph: Graph | None = None,
) -> Callable[..., Any]:
    """Returns a function of arrays that runs a graph as one operator, built on the first call.

    That is `graph` where MXNet records for a gradient, elsewhere `value_graph`, if there is one.
    """
    names = activation.inputs_for(parameters)
    built: dict[Graph, Callable[..., Any]] = {}
    axis = int(parameters.get("axis", 0))

    def call(*inputs: Any) -> Any:
        shape = inputs[0].shape
        # Arrays without elements, which there are then, crash reductions, casts and splits.
        if mx.util.is_np_shape() and 0 in shape:
            return of_nothing(*inputs) if activation.resizes else inputs[0].copy()
        reshaped = _workable(shape, axis, activation.kind)
        if reshaped == shape:
            return run(*inputs)
        # With memory of its own, which an array without dimensions needs.
        given = [x.reshape(reshaped).copy() if x.shape == shape else x for x in inputs]
        result = run(*given)
        return result.reshape(with_length(shape, result.shape[axis]))

    def of_nothing(x: Any, *others: Any) -> Any:
        """In the shape that the result would have."""
        length = 0
        if x.shape[axis]:
            filled = mx.nd.ones([n or 1 for n in x.shape], dtype=x.dtype, ctx=x.context)
            with mx.autograd.pause():
                length = run(filled, *others).shape[axis]
        return x.reshape(with_length(x.shape, length))

    def with_length(shape: tuple[int, ...], length: int) -> tuple[int, ...]:
        if not activation.resizes:
            return shape
        return (*shape[:axis], length, *shape[axis:][1:])

    def run(*inputs: Any) -> Any:
        chosen = graph if value_graph is None or mx.autograd.is_recording() else value_graph
        if chosen not in built:
            variables = [mx.sym.var(name) for name in names]
            built[chosen] = _in_order(names, chosen(*variables))
        return built[chosen](*inputs)

    return with_shape_check(call, activation, parameters)


def _workable(shape: tuple[int, ...], axis: int, kind: Kind) -> tuple[int, ...]:
    """A shape for the same elements that MXNet can compute with, in which `axis` is the same one.

    Several operators need a dimension, and channels one of their own where the weight is a single
    one; and what broadcasts takes 5 at most.
    """
    missing = (max(axis + 1, -axis) if kind == "learned" else 1) - len(shape)
    if missing > 0:
        return (1,) * missing + shape
    if len(shape) <= _MOST_DIMENSIONS or kind == "elementwise":
        return shape
    if axis < 0:
        return (math.prod(shape[:axis]), *shape[axis:])
    return (*shape[: axis + 1], math.prod(shape[axis + 1 :]))


def _in_order(names: Sequence[str], symbol: Any) -> Callable[..., Any]:
    """Returns the operator of `symbol`, to be called with the arrays of these names."""
    operator = mx.nd.CachedOp(symbol, ())
    order = [names.index(name) for name in symbol.list_arguments()]  # as they occur in the graph
    if order == list(range(len(names))):
        called: Callable[..., Any] = operator
        return called
    return lambda *inputs: operator(*(inputs[index] for index in order))


def _by_dtype(
    activation: Activation,
    by_dtype: Mapping[Any, Callable[..., Any]],
    in_graph: Graph,
    inputs: int,
) -> Callable[..., Any]:
    """Returns a function that picks the implementation by dtype, which is also the type check."""
    name = activation.name

    def unary(x: Any) -> Any:
        if type(x) is not NDArray:
            return other(x)
        try:
            function = by_dtype[x.dtype]
        except KeyError:
            raise _wrong_input(name, x) from None
        return function(x)

    def other(x: Any, *further: Any) -> Any:
        """Symbols, arrays of the NumPy kind, weights, and whatever is wrong."""
        arrays = (x, *further)
        if isinstance(x, Symbol):
            if not all(isinstance(a, Symbol) for a in arrays):
                raise InputTypeError(f"{name}: what goes with a Symbol must be a Symbol.")
            result = in_graph(*(_legacy(a) for a in arrays))
            return result.as_np_ndarray() if isinstance(x, NumpySymbol) else result
        if not isinstance(x, NDArray) or x.dtype not in by_dtype:
            raise _wrong_input(name, x)
        # Its older arrays know no booleans: comparing them gives numbers of the same type.
        allowed = {
            "mask": (np.bool_, x.dtype),
            "weight": (x.dtype,),
            "noise": (x.dtype, np.float32),
        }
        if inputs > 1:
            check_further(
                activation,
                x,
                further,
                lambda role, array: isinstance(array, NDArray) and array.dtype in allowed[role],
            )
        result = by_dtype[x.dtype](*(_legacy(a) for a in arrays))
        return result.as_np_ndarray() if isinstance(x, mx.np.ndarray) else result

    return unary if inputs == 1 else other


def _legacy(x: Any) -> Any:
    """`x` as an array or symbol of the older kind, sharing memory and gradient."""
    return x.as_nd_ndarray()


def _wrong_input(name: str, x: Any) -> InputTypeError:
    if not isinstance(x, (NDArray, Symbol)):
        wanted = "an mx.nd.NDArray, mx.np.ndarray or Symbol"
        return input_error(name, wanted, x, "mx.nd.array(x, dtype='float32')")
    return InputTypeError(
        f"{name}: expected a floating-point array, got {np.dtype(x.dtype)}. "
        "Cast it first, for example with x.astype('float32')."
    )
