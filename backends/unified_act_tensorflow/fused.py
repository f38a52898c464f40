"""Activations of eager tensors on a CPU, by kernels: one pass over memory.

Tensors of 16 bits are computed in float32, and rounded once; elementwise activations have tables
for them instead. NumPy sees those of bfloat16 as integers: kernels go by the name of the type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from unified_act.activation import Activation
from unified_act.kernels import (
    ArrayKernels,
    NumpyMemory,
    Threads,
    available_threads,
    sum_to_weight,
)
from unified_act_tensorflow.guards import at_hand, has_tangent, recorded

__all__ = ["by_kernel", "pulled_by_operations"]

_ALIGNED = 64
"""TensorFlow's own functions fail on memory that begins elsewhere."""
_NAMES = {
    tf.float16: "float16",
    tf.bfloat16: "bfloat16",
    tf.float32: "float32",
    tf.float64: "float64",
}
"""The types that there are kernels for."""
_Pullback = Callable[..., Sequence[Any]]


def by_kernel(
    activation: Activation,
    parameters: Mapping[str, Any],
    shared: Callable[..., Any],
    pullback: _Pullback,
) -> Callable[..., Any]:
    """Returns an activation that is computed by kernels, where there are some for the tensors.

    A graph gets the shared definition. It is compiled, saved and run elsewhere.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        shared: The shared definition.
        pullback: ``pullback(cotangent, *inputs)``, by operations that can be differentiated.
    """
    computing = _Computing(activation, parameters)
    differentiable = _differentiable(computing, shared, pullback)

    def call(*inputs: Any) -> Any:
        # A tape sees what is made of a variable.
        inputs = tuple(tf.convert_to_tensor(x) if isinstance(x, tf.Variable) else x for x in inputs)
        if not at_hand(*inputs) or not computing.serves(inputs):
            return shared(*inputs)
        if recorded():
            return shared(*inputs) if has_tangent(*inputs) else differentiable(*inputs)
        found = computing.value(inputs)
        return shared(*inputs) if found is None else found

    return call


class _Memory(NumpyMemory):
    """The memory of what becomes tensors."""

    def empty(self, shape: Sequence[int], like: Any, /, *, wide: bool = False) -> Any:
        """A new array that TensorFlow can use as it is."""
        dtype = np.dtype(np.float32) if wide else like.dtype
        size = int(np.prod(shape)) * dtype.itemsize
        room = np.empty(size + _ALIGNED, np.uint8)
        start = -room.ctypes.data % _ALIGNED
        return room[start : start + size].view(dtype).reshape(shape)


_MEMORY = _Memory()


class _Computing:
    """An activation by kernels."""

    def __init__(self, activation: Activation, parameters: Mapping[str, Any]) -> None:
        self._kernels = ArrayKernels(activation, parameters)
        self._masks = [name in activation.masks for name in activation.inputs_for(parameters)]
        self._served: dict[tf.DType, bool] = {}

    def serves(self, inputs: Sequence[Any]) -> bool:
        """Whether there is a kernel for tensors of these types."""
        dtype = inputs[0].dtype
        if dtype not in self._served:
            name = _NAMES.get(dtype)
            self._served[dtype] = name is not None and self._kernels.serves(name)
        return self._served[dtype] and all(
            mask or x.dtype == dtype for mask, x in zip(self._masks, inputs, strict=True)
        )

    def value(self, inputs: Sequence[Any]) -> Any:
        """The value; None if there is no kernel."""
        dtype = inputs[0].dtype
        views = [_view(x) for x in inputs]
        found = self._kernels.value(_MEMORY, _NAMES[dtype], views, threads=_threads())
        return None if found is None else _tensor(found, dtype)

    def pulled_back(self, cotangent: Any, inputs: Sequence[Any]) -> Sequence[Any] | None:
        """The cotangent of each input; None if there is no kernel."""
        found = self._kernels.pulled_back(
            _MEMORY,
            _NAMES[inputs[0].dtype],
            [_view(x) for x in inputs],
            _view(cotangent),
            _summed,
            threads=_threads(),
        )
        if found is None:
            return None
        return [
            _tensor(by, x.dtype) if isinstance(by, np.ndarray) else _cast(by, x.dtype)
            for by, x in zip(found, inputs, strict=True)
        ]


def _differentiable(
    computing: _Computing, shared: Callable[..., Any], pullback: _Pullback
) -> Callable[..., Any]:
    """Returns the value, which can be differentiated any number of times.

    Its first derivatives are by kernels, and all further ones by operations.
    """

    def first(cotangent: Any, inputs: Sequence[Any]) -> Sequence[Any]:
        found = computing.pulled_back(cotangent, inputs)
        return pullback(cotangent, *inputs) if found is None else found

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def slope(*terms: Any) -> Any:
        found = _present(first(terms[0], terms[1:]))

        def backward(*directions: Any) -> Any:
            return pulled_by_operations(pullback, directions, terms)

        return found, backward

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def value(*inputs: Any) -> Any:
        def backward(cotangent: Any) -> Any:
            if not at_hand(cotangent, *inputs):
                return pullback(cotangent, *inputs)
            if not recorded():
                return first(cotangent, inputs)
            if has_tangent(cotangent, *inputs):
                return pullback(cotangent, *inputs)
            by = iter(slope(cotangent, *inputs))
            return [next(by) if x.dtype.is_floating else None for x in inputs]

        found = computing.value(inputs)
        return shared(*inputs) if found is None else found, backward

    result: Callable[..., Any] = value
    return result


def pulled_by_operations(
    function: Callable[..., Sequence[Any]], cotangents: Sequence[Any], inputs: Sequence[Any]
) -> Sequence[Any]:
    """Returns the cotangent of each input of a function, by its own operations; None for a mask.

    Args:
        function: Returns several results, of which some may be None.
        cotangents: The cotangent of each result that is not.
        inputs: The inputs.
    """
    moving = [x for x in inputs if x.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(moving)
        results = _present(function(*inputs))
    by = iter(tape.gradient(results, moving, list(cotangents)))
    return [next(by) if x.dtype.is_floating else None for x in inputs]


def _present(found: Sequence[Any]) -> list[Any]:
    return [each for each in found if each is not None]


def _view(x: Any) -> Any:
    """The memory of an eager tensor as an array; of bfloat16 a copy, as integers."""
    if x.dtype == tf.bfloat16:  # whose memory Python does not know
        return np.asarray(x.numpy()).view(np.uint16)
    return np.asarray(memoryview(x))


def _tensor(array: Any, dtype: tf.DType) -> Any:
    """A tensor in the memory of an array; what lies otherwise in memory is copied."""
    if not array.size or not array.flags.c_contiguous:
        found = tf.constant(array)
    else:
        found = tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    return tf.bitcast(found, dtype) if found.dtype != dtype else found


def _summed(by: Any, weight: Any, *, axis: int) -> Any:
    """The derivative by a weight, as a tensor; of 16 bits as float32."""
    return tf.constant(sum_to_weight(by, weight, axis=axis))


def _cast(tensor: Any, dtype: tf.DType) -> Any:
    """A tensor of a type, if it is one."""
    return None if tensor is None else tf.cast(tensor, dtype)


def _threads() -> Threads:
    return Threads(tf.config.threading.get_intra_op_parallelism_threads() or available_threads())
