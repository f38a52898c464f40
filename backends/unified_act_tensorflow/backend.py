"""TensorFlow backend: the implementation of `FrameworkBackend`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import tensorflow as tf

from unified_act.backend import DTYPES, HOME, LEAST_NOISE, FrameworkBackend, Native, Request, Words
from unified_act.kernels import unavailable
from unified_act.loading import load_backend
from unified_act.shapes import axes_of
from unified_act_tensorflow import calls, gradient, tables
from unified_act_tensorflow.native import DEVICES, FUSED, NATIVE, TABLED

if TYPE_CHECKING:
    from unified_act.activation import Activation
    from unified_act.backend import ModelBackend, Numerics
    from unified_act.layers import Layers

__all__ = ["TensorflowBackend"]

_MOST_DIMENSIONS = 5
"""As many as oneDNN's softmax takes."""


class TensorflowBackend(FrameworkBackend):
    """The backend ``"tensorflow"``."""

    name = "tensorflow"
    framework = tf
    native: Mapping[str, Native] = NATIVE
    gradient = gradient
    tables = tables
    tabled = TABLED
    devices = DEVICES
    fused = FUSED
    types: Sequence[type] = (
        tf.Tensor,
        tf.__internal__.EagerTensor,
        tf.__internal__.SymbolicTensor,  # of a graph
        tf.Variable,
    )
    dtype_objects: ClassVar[Mapping[str, Any]] = {name: tf.as_dtype(name) for name in DTYPES}
    arrays = (tf.Tensor, tf.Variable)
    usual = (tf.__internal__.EagerTensor,)
    booleans = (tf.bool,)
    generators = tf.random.Generator
    words = Words(
        "a tf.Tensor",
        "tensor",
        "tf.convert_to_tensor(x, dtype=tf.float32)",
        "tf.cast(x, tf.float32)",
    )

    @property
    def layers(self) -> Layers:
        """Keras's."""
        found: Layers = cast("ModelBackend", load_backend("keras")).layers
        return found

    def dtype_text(self, x: Any) -> str:
        """Returns the dtype of a tensor as error messages write it."""
        return str(x.dtype.name)

    def cast_advice(self, x: Any) -> str:
        """Returns a sentence that says how to cast a tensor, without loss."""
        if x.dtype.is_quantized:
            return "Make it one with tf.quantization.dequantize(x, min_range, max_range)."
        if x.dtype == tf.string:
            return "Make it one with tf.strings.to_number(x)."
        return super().cast_advice(x)

    def shape_of(self, x: Any) -> list[int | None] | None:
        """Returns the shape of a tensor; unknown lengths, or the whole shape, may be None."""
        lengths: list[int | None] | None = None if x.shape.rank is None else x.shape.as_list()
        return lengths

    def has_devices(self) -> bool:
        """Whether TensorFlow sees another device than a CPU here."""
        return bool(accelerators())

    def device_of(self, x: Any) -> str:
        """Returns the kind of device of a tensor; in a graph, where TensorFlow would put it."""
        placed = tf.DeviceSpec.from_string(x.device).device_type if x.device else None
        return (placed or next(iter(accelerators()), HOME)).lower()

    def implement(
        self, activation: Activation, parameters: Mapping[str, float], numerics: Numerics
    ) -> Callable[..., Any]:
        """Returns the function that computes `activation`, which AutoGraph leaves as it is."""
        return calls.unconverted(super().implement(activation, parameters, numerics))

    def fitted(self, function: Callable[..., Any], request: Request) -> Callable[..., Any]:
        """Returns `function`, which checks shapes, and along an axis takes any of them.

        TensorFlow reduces no array without dimensions, and oneDNN's softmax takes 5 of them at
        most.
        """

        def folded(*inputs: Any) -> Any:
            rank = inputs[0].shape.rank
            if rank is None or 1 <= rank <= _MOST_DIMENSIONS or (rank and len(inputs) > 1):
                return function(*inputs)
            axis, x = request.parameters["axis"], inputs[0]
            result = tf.reshape(function(*[_folded(a, axis) for a in inputs]), tf.shape(x))
            result.set_shape(x.shape)
            return result

        keeps_shape = request.activation.along_axis and not request.activation.resizes
        return super().fitted(folded if keeps_shape else function, request)

    def no_machine_code(self) -> str:
        """Says why no machine code can be made here; empty if it can."""
        return unavailable()

    def short_way(self, request: Request, otherwise: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that runs a kernel at once on eager tensors."""
        return calls.short_way(request, otherwise)

    def shared(self, request: Request) -> Mapping[str, Callable[..., Any]]:
        """Returns the shared definition for each dtype, by the name of the dtype."""
        fast = request.numerics == "fast"
        function = gradient.shared_definition(request.activation, request.parameters, fast=fast)
        return dict.fromkeys(self.dtypes, self.fitted(function, request))

    def merged(self, array: Any, x: Any, axes: Sequence[int]) -> Any:
        """Returns a tensor, broadcast to `x`, with several of its axes as one, the last."""
        whole = array if array is x else tf.broadcast_to(array, tf.shape(x))
        moved = tf.transpose(whole, _axes_last(x, axes))
        kept = tf.shape(moved)[: -len(axes)]
        length = tf.reduce_prod(tf.shape(moved)[-len(axes) :], keepdims=True)
        return tf.reshape(moved, tf.concat([kept, length], 0))

    def parted(self, rows: Any, x: Any, axes: Sequence[int]) -> Any:
        """Returns a tensor in the shape of `x`, of what `merged` made of one."""
        order = _axes_last(x, axes)
        moved = tf.reshape(rows, tf.gather(tf.shape(x), order))
        result = tf.transpose(moved, tf.math.invert_permutation(order))
        result.set_shape(x.shape)
        return result

    def draw(self, x: Any, source: int | tf.random.Generator, dtype: tf.DType) -> Any:
        """Returns uniform random numbers in the shape of `x`."""
        shape = tf.shape(x)
        if isinstance(source, tf.random.Generator):
            noise = source.uniform(shape, dtype=dtype)
        else:
            noise = tf.random.stateless_uniform(shape, seed=[source, 0], dtype=dtype)
        return tf.maximum(noise, tf.constant(LEAST_NOISE, dtype))


def accelerators() -> list[str]:
    """Returns the types of the devices here that are not a CPU, as TensorFlow writes them."""
    return [
        device.device_type
        for device in tf.config.list_physical_devices()
        if device.device_type != "CPU"
    ]


def _folded(x: Any, axis: int) -> Any:
    """`x` with what is before the axis in one dimension; or after it, if that is counted from 0."""
    shape = tf.shape(x)
    if axis < 0:
        before, after = tf.split(shape, [max(x.shape.rank + axis, 0), -1])
        return tf.reshape(x, tf.concat([[tf.reduce_prod(before)], after], 0))
    before, after = tf.split(shape, [min(axis + 1, x.shape.rank), -1])
    return tf.reshape(x, tf.concat([before, [tf.reduce_prod(after)]], 0))


def _axes_last(x: Any, axes: Sequence[int]) -> Any:
    """The axes of `x` in an order in which these are the last."""
    if x.shape.rank is not None:
        places = axes_of(x.shape.as_list(), axes)
        return [axis for axis in range(x.shape.rank) if axis not in places] + places
    rank = tf.rank(x)
    counted = tf.math.floormod(tf.constant(axes), rank)
    moved = tf.reduce_any(tf.range(rank)[:, tf.newaxis] == counted[tf.newaxis], axis=1)
    return tf.argsort(tf.cast(moved, tf.int32), stable=True)
