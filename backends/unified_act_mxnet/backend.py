"""MXNet backend: the implementation of `FrameworkBackend`."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from unified_act.activation import Activation
from unified_act.backend import (
    HOME,
    LEAST_NOISE,
    FrameworkBackend,
    Native,
    Request,
    Words,
    beyond_dtype,
    with_keywords,
)
from unified_act.callables import bind
from unified_act.errors import InputTypeError, ParameterValueError, UnsupportedError
from unified_act.kernels import unavailable
from unified_act.layers import Layers
from unified_act.shapes import axes_of, folded, weight_shape, with_shape_check
from unified_act_mxnet import calls, fused, gradient, layers, namespace, tables
from unified_act_mxnet._framework import DTYPE_OBJECTS, mx
from unified_act_mxnet.gradient import Graph
from unified_act_mxnet.guards import is_plain
from unified_act_mxnet.namespace import variable
from unified_act_mxnet.native import DEVICES, FEW, FUSED, NATIVE, TABLED
from unified_act_mxnet.numbers import exactly

__all__ = ["MxnetBackend"]

NDArray = mx.nd.NDArray
Symbol = mx.sym.Symbol
NumpySymbol = type(mx.sym.var("x").as_np_ndarray())
_MOST_DIMENSIONS = 5
"""As many as the operators that broadcast take."""
_IN_A_GRAPH = ("float16", "float32", "float64")
"""The dtypes that a user's graph may turn out to have, so that a kernel there must do for all."""


class MxnetBackend(FrameworkBackend):
    """The backend ``"mxnet"``: takes `NDArray`, `mx.np.ndarray` and `Symbol`."""

    name = "mxnet"
    framework = mx.sym
    native: Mapping[str, Native] = NATIVE
    gradient = gradient
    tables = tables
    tabled = TABLED
    devices = DEVICES
    few = FEW
    fused = FUSED
    layers: Layers = layers
    types: Sequence[type] = (NDArray, mx.np.ndarray, Symbol, NumpySymbol)
    dtype_objects = DTYPE_OBJECTS
    arrays = (NDArray,)
    usual = (NDArray,)
    booleans = (np.bool_,)
    generators = np.random.Generator
    reads_subnormals = False
    words = Words(
        "an mx.nd.NDArray, mx.np.ndarray or Symbol",
        "array",
        "mx.nd.array(x, dtype='float32')",
        "x.astype('float32')",
    )

    def spellings(self, dtype: Any) -> Sequence[Any]:
        """The dtype of an NDArray is a scalar type, that of an mx.np.ndarray an `np.dtype`."""
        return (dtype, np.dtype(dtype))

    def dtype_text(self, x: Any) -> str:
        """Returns the dtype of an array as error messages write it."""
        return str(np.dtype(x.dtype))

    def accepts(self, array_type: type) -> bool:
        """Whether `array_type` is an array or a symbol."""
        return issubclass(array_type, (NDArray, Symbol))

    def is_noise(self, given: Any) -> bool:
        """Whether it is an array, or a symbol of one."""
        return self.accepts(type(given))

    def dtypes_for(self, role: str, x: Any) -> Sequence[Any]:
        """Its older arrays know no booleans: comparing them gives numbers of the same type."""
        found = super().dtypes_for(role, x)
        return (*found, x.dtype) if role == "mask" else found

    def has_devices(self) -> bool:
        """Whether this MXNet has been built for GPUs."""
        return bool(mx.runtime.Features().is_enabled("CUDA"))

    def device_of(self, x: Any) -> str:
        """Returns the kind of device of an array."""
        device: str = x.context.device_type
        return HOME if device.startswith(HOME) else device  # there are cpu_pinned and cpu_shared

    def fitted(
        self, function: Graph, request: Request, value_graph: Graph | None = None
    ) -> Callable[..., Any]:
        """Returns a function of arrays that runs a graph, and checks shapes first.

        Args:
            function: The graph.
            request: What is asked for.
            value_graph: What runs in its place where MXNet does not record for a gradient.
        """
        return super().fitted(_compiled(function, request, value_graph), request)

    def shared(self, request: Request) -> Mapping[str, Callable[..., Any]]:
        """Returns the shared definition for each dtype, by name."""
        graph = partial(gradient.shared_definition, request.activation, request.parameters)
        composed = {
            dtype: self.fitted(graph(dtype), request, graph(dtype, with_gradient=False))
            for dtype in self.dtypes
        }
        by_table = self.tabled.dtypes if request.activation.kind.elementwise else ()
        return composed | {
            dtype: self._with_kernels(request, dtype, composed[dtype])
            for dtype in self.fused
            if dtype not in by_table
        }

    def _with_kernels(
        self, request: Request, dtype: str, composed: Callable[..., Any]
    ) -> Callable[..., Any]:
        activation, parameters = request.activation, request.parameters
        function = fused.by_kernel(activation, parameters, dtype, composed)
        return with_shape_check(function, activation, parameters, shape_of=self.shape_of)

    def _with_kernel(
        self, request: Request, kernel: Native, shared: Mapping[str, Callable[..., Any]]
    ) -> Mapping[str, Callable[..., Any]]:
        """Returns the functions of the dtypes that the operator serves, large arrays if quick."""
        functions = super()._with_kernel(request, kernel, shared)

        def chosen(dtype: str, operator: Callable[..., Any]) -> Callable[..., Any]:
            if dtype not in kernel.outrun:
                return operator
            few = 1 if dtype in kernel.never_small else FEW
            needs_code = dtype not in self.tabled.dtypes
            once = dtype not in kernel.recorded
            return _by_size(operator, shared[dtype], few, needs_code=needs_code, once=once)

        return {dtype: chosen(dtype, operator) for dtype, operator in functions.items()}

    def short_way(self, request: Request, otherwise: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that runs an operator at once."""
        return calls.short_way(request, otherwise)

    def run(self, function: Callable[..., Any], x: Any, *further: Any) -> Any:
        """Calls an implementation with arrays of the older kind, and returns one like `x`."""
        result = function(*map(_legacy, (x, *further)))
        return result.as_np_ndarray() if isinstance(x, mx.np.ndarray) else result

    def symbolic(self, request: Request, x: Any, *further: Any) -> Any:
        """Returns the symbol of the result."""
        if not isinstance(x, Symbol):
            return super().symbolic(request, x, *further)
        axes = request.parameters.get("axis")
        if isinstance(axes, tuple):
            return self._symbol_over_axes(request, x, further, axes)
        if not all(isinstance(each, Symbol) for each in further):
            name = request.activation.name
            raise InputTypeError(
                f"{name}: x is a Symbol, so pass a Symbol for every other input too."
            )
        problem = beyond_dtype(
            request.activation, request.parameters, "float64", reads_subnormals=False
        )
        if problem:
            raise ParameterValueError(problem)
        kernel = request.kernel
        if kernel is not None and set(kernel.dtypes).issuperset(_IN_A_GRAPH):
            graph = with_keywords(kernel.find(mx.sym), request.arguments)
        else:
            graph = gradient.shared_definition(request.activation, request.parameters)
        result = exactly(graph, *map(_legacy, (x, *further)))
        return result.as_np_ndarray() if isinstance(x, NumpySymbol) else result

    def merged(self, array: Any, x: Any, axes: Sequence[int]) -> Any:
        """Returns an array, broadcast to `x`, with several of its axes as one, the last."""
        if not x.size:  # whose shape MXNet cannot write; it stays as it is
            return array
        legacy = _legacy(array)
        if array is not x:  # a mask, and not every operator takes booleans
            whole = (1,) * (x.ndim - array.ndim) + array.shape
            legacy = legacy.astype("float32").reshape(whole).broadcast_to(x.shape)
        moved = _with_axes_last(legacy, axes_of(x.shape, axes))
        rows = _with_last_merged(moved, len(axes))
        rows = rows if array is x else rows.astype("bool")
        return rows.as_np_ndarray() if isinstance(array, mx.np.ndarray) else rows

    def parted(self, rows: Any, x: Any, axes: Sequence[int]) -> Any:
        """Returns an array in the shape of `x`, of what `merged` made of one."""
        if not x.size:
            return rows
        places = axes_of(x.shape, axes)
        shape = list(x.shape)
        for place, end in _swaps(places):
            shape[place], shape[end] = shape[end], shape[place]
        result = _with_axes_last(mx.nd.reshape(_legacy(rows), shape=shape), places, back=True)
        return result.as_np_ndarray() if isinstance(x, mx.np.ndarray) else result

    def _symbol_over_axes(
        self, request: Request, x: Any, further: Sequence[Any], axes: Sequence[int]
    ) -> Any:
        """Returns the symbol of the result along several axes, of a symbol without a shape."""
        activation, numerics = request.activation, request.numerics
        if min(axes) < 0 <= max(axes):
            raise UnsupportedError(
                f"{activation.name}: a Symbol does not tell how many axes it has: count all of "
                f"axis={tuple(axes)} from the same end."
            )
        if not all(isinstance(each, Symbol) for each in further):
            raise InputTypeError(
                f"{activation.name}: x is a Symbol, so pass a Symbol for every other input too."
            )
        ones = mx.sym.np.ones_like(_numpy_kind(x))
        whole = [namespace.where(_numpy_kind(mask), ones, ones * 0.0) for mask in further]
        moved, *masks = [_with_axes_last(_legacy(each), axes) for each in (x, *whole)]
        rows = [_with_last_merged(each, len(axes)) for each in (moved, *masks)]
        along_last = bind(activation, self.name, numerics, {**request.parameters, "axis": -1})
        result = _with_axes_last(mx.sym.reshape_like(along_last(*rows), moved), axes, back=True)
        return result.as_np_ndarray() if isinstance(x, NumpySymbol) else result

    def uniform_like(self, x: Any, generator: int | np.random.Generator) -> Any:
        """Random numbers between 0 and 1 in the shape of `x`, float32 for 16-bit types."""
        if isinstance(x, Symbol):
            raise UnsupportedError(
                "a Symbol has no shape to draw random numbers for: pass a Symbol of noise."
            )
        return super().uniform_like(x, generator)

    def draw(self, x: Any, source: int | np.random.Generator, dtype: Any) -> Any:
        """Returns uniform random numbers in the shape of `x`.

        NumPy draws them: MXNet has one stream of random numbers for everybody, and no generators.
        """
        noise = np.random.default_rng(source).random(x.shape, dtype=dtype)
        array = mx.np.array if isinstance(x, mx.np.ndarray) else mx.nd.array
        return array(np.maximum(noise, dtype(LEAST_NOISE)), dtype=dtype, ctx=x.context)

    def value_and_grad(
        self, function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Returns the value and the cotangent of each input."""
        if any(isinstance(x, Symbol) for x in inputs):
            raise UnsupportedError(
                "value_and_grad needs arrays, and a Symbol has no value: bind it, or pass arrays."
            )
        return super().value_and_grad(function, inputs, cotangent)


def _by_size(
    operator: Callable[..., Any],
    ours: Callable[..., Any],
    few: int,
    *,
    needs_code: bool,
    once: bool,
) -> Callable[..., Any]:
    """Returns a function that leaves small arrays to an operator, and large ones to a quicker one.

    Args:
        operator: MXNet's own.
        ours: By a table or a kernel.
        few: The smallest number of elements that are left to it.
        needs_code: Whether it is a kernel, which needs a compiler.
        once: Whether the operator cannot be differentiated twice, as ours cannot.
    """

    def call(x: Any) -> Any:
        if (
            math.prod(x.shape) < few
            or not is_plain(x)
            or (needs_code and unavailable())
            or (not once and mx.autograd.is_recording())
        ):
            return operator(x)
        return ours(x)

    return call


def _compiled(graph: Graph, request: Request, value_graph: Graph | None) -> Callable[..., Any]:
    """Returns a function of arrays that runs a graph as one operator, built on the first call."""
    activation, names = request.activation, request.inputs
    # One operator for each thread: MXNet's CachedOp writes down the shapes of the call it is in.
    own = threading.local()
    axis = int(request.parameters.get("axis", 0))

    def call(*inputs: Any) -> Any:
        shape = inputs[0].shape
        # Arrays without elements, which there are then, crash reductions, casts and splits.
        if mx.util.is_np_shape() and 0 in shape:
            return of_nothing(*inputs) if activation.resizes else inputs[0].copy()
        if activation.weights and _are_broadcast(inputs[1:]):
            return run(*_folded(inputs, axis), broadcast=True).reshape(shape)
        reshaped = _workable(shape, axis, activation)
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

    with_length = partial(_with_length, axis) if activation.resizes else lambda shape, _: shape

    def run(*inputs: Any, broadcast: bool = False) -> Any:
        chosen = graph if value_graph is None or mx.autograd.is_recording() else value_graph
        built: dict[Any, Callable[..., Any]] = vars(own)
        key = chosen, broadcast
        if key not in built:
            variables = [variable(name, broadcast=broadcast and name != "x") for name in names]
            built[key] = calls.in_order(names, chosen(*variables))
        return built[key](*inputs)

    return call


def _with_length(axis: int, shape: tuple[int, ...], length: int) -> tuple[int, ...]:
    return (*shape[:axis], length, *shape[axis:][1:])


def _are_broadcast(weights: Sequence[Any]) -> bool:
    return any(len(weight.shape) > 1 for weight in weights)


def _folded(inputs: Sequence[Any], axis: int) -> list[Any]:
    """The input and its weights, in shapes that broadcast in the same way with few dimensions."""
    shape = inputs[0].shape
    shapes = folded([shape, *(weight_shape(weight.shape, shape, axis) for weight in inputs[1:])])
    if len(shapes[0]) > _MOST_DIMENSIONS:
        raise UnsupportedError(
            f"weights of these shapes divide the input into {len(shapes[0])} dimensions, and MXNet "
            f"broadcasts along {_MOST_DIMENSIONS} at most: pass weights of the shape of the input."
        )
    return [array.reshape(own) for array, own in zip(inputs, shapes, strict=True)]


def _workable(shape: tuple[int, ...], axis: int, activation: Activation) -> tuple[int, ...]:
    """A shape for the same elements that MXNet can compute with, in which `axis` is the same one.

    Several operators need a dimension, and channels one of their own where the weight is a single
    one; and what broadcasts takes 5 at most.
    """
    missing = (max(axis + 1, -axis) if activation.weights else 1) - len(shape)
    if missing > 0:
        return (1,) * missing + shape
    if len(shape) <= _MOST_DIMENSIONS or activation.kind.elementwise:
        return shape
    if axis < 0:
        return (math.prod(shape[:axis]), *shape[axis:])
    return (*shape[: axis + 1], math.prod(shape[axis + 1 :]))


def _swaps(axes: Sequence[int]) -> list[tuple[int, int]]:
    """Which axes to swap, one after the other, so that these, counted from one end, are last."""
    return [(axis, -1 - place) for place, axis in enumerate(sorted(axes, reverse=True))]


def _with_axes_last(x: Any, axes: Sequence[int], *, back: bool = False) -> Any:
    """An array or symbol with these axes swapped to the end; or back again.

    MXNet's transpose writes beyond the memory of a bfloat16 array.
    """
    swapaxes = (mx.sym if isinstance(x, Symbol) else mx.nd).swapaxes
    for axis, end in _swaps(axes)[::-1] if back else _swaps(axes):
        x = swapaxes(x, dim1=axis, dim2=end)
    return x


def _with_last_merged(x: Any, count: int) -> Any:
    """An array or symbol with its last axes, so many, as one."""
    reshape = (mx.sym if isinstance(x, Symbol) else mx.nd).reshape
    for _ in range(count - 1):
        x = reshape(x, shape=(-2, -3), reverse=True)
    return x


def _numpy_kind(x: Any) -> Any:
    return x.as_np_ndarray()


def _legacy(x: Any) -> Any:
    """`x` as an array or symbol of the older kind, sharing memory and gradient."""
    return x.as_nd_ndarray()
