"""TensorFlow behind the interface of the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from unified_act.activation import Activation
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
from unified_act.callables import bind
from unified_act.errors import InputTypeError
from unified_act.layers import Layers, LayerSpec
from unified_act.shapes import with_shape_check
from unified_act_tensorflow import gradient, layers
from unified_act_tensorflow.eager import eager_first
from unified_act_tensorflow.native import NATIVE

__all__ = ["TensorflowBackend"]


_MOST_DIMENSIONS = 5
"""As many as oneDNN's softmax takes."""


class TensorflowBackend:
    """The backend ``"tensorflow"``."""

    name = "tensorflow"
    dtypes: Sequence[str] = DTYPES
    native: Mapping[str, Native] = NATIVE
    layers: Layers = layers
    types: Sequence[type] = (tf.Tensor, tf.__internal__.EagerTensor, tf.Variable)

    def accepts(self, array_type: type) -> bool:
        """Whether `array_type` is a tensor or a variable."""
        return issubclass(array_type, (tf.Tensor, tf.Variable))

    def implement(
        self, activation: Activation, parameters: Mapping[str, float], numerics: Numerics
    ) -> Callable[..., Any]:
        """Returns the function that computes `activation`."""
        shared = _of_any_shape(
            gradient.shared_definition(activation, parameters), activation, parameters
        )
        by_dtype = {tf.as_dtype(dtype): shared for dtype in self.dtypes}
        kernel = kernel_for(self.name, self.native, activation, numerics)
        arguments = None if kernel is None else kernel.arguments(parameters)
        inputs = len(activation.inputs_for(parameters))

        def as_node(*given: Any) -> Any:
            function = bind(activation, self.name, numerics, parameters)
            return layers.ActivationLayer(LayerSpec(function))(*given)

        if kernel is None or arguments is None:
            return self._checked(activation, by_dtype, inputs, as_node)
        function = with_keywords(kernel.find(tf), arguments)
        function = _of_any_shape(function, activation, parameters)
        by_dtype |= {tf.as_dtype(dtype): function for dtype in kernel.dtypes}
        checked = self._checked(activation, by_dtype, inputs, as_node)
        return checked if inputs > 1 else eager_first(kernel, arguments, checked)

    def _checked(
        self,
        activation: Activation,
        by_dtype: Mapping[tf.DType, Callable[..., Any]],
        inputs: int,
        as_node: Callable[..., Any],
    ) -> Callable[..., Any]:
        checked = _by_dtype(activation, by_dtype, inputs, as_node)
        if activation.kind != "stochastic" or inputs == 1:
            return checked
        return with_generator(
            activation.name, checked, self.uniform_like, lambda a: self.accepts(type(a))
        )

    def uniform_like(self, x: Any, generator: int | tf.random.Generator) -> Any:
        """Random numbers between 0 and 1 in the shape of `x`, float32 for 16-bit types."""
        dtype = tf.float64 if x.dtype == tf.float64 else tf.float32
        shape = tf.shape(x)
        source = seed_or_generator(generator, tf.random.Generator)
        if isinstance(source, tf.random.Generator):
            noise = source.uniform(shape, dtype=dtype)
        else:
            noise = tf.random.stateless_uniform(shape, seed=[source, 0], dtype=dtype)
        return tf.maximum(noise, tf.constant(2.0**-25, dtype))

    def value_and_grad(
        self, function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Returns the value and the cotangent of each input."""
        for x in inputs:
            if not self.accepts(type(x)) or not (x.dtype.is_floating or x.dtype.is_bool):
                raise _wrong_input("value_and_grad", x)
        return gradient.value_and_grad(function, inputs, cotangent)


def _of_any_shape(
    function: Callable[..., Any], activation: Activation, parameters: Mapping[str, Any]
) -> Callable[..., Any]:
    """Returns `function`, which checks shapes, and along an axis takes any number of dimensions.

    TensorFlow reduces no array without dimensions, and oneDNN's softmax takes 5 of them at most.
    """

    def folded(*inputs: Any) -> Any:
        x, *others = inputs
        if (
            x.shape.rank is None
            or 1 <= x.shape.rank <= _MOST_DIMENSIONS
            or (x.shape.rank and others)
        ):
            return function(*inputs)
        result = tf.reshape(
            function(*[_folded(a, parameters["axis"]) for a in inputs]), tf.shape(x)
        )
        result.set_shape(x.shape)
        return result

    keeps_shape = activation.along_axis and not activation.resizes
    return with_shape_check(
        folded if keeps_shape else function, activation, parameters, shape_of=_shape
    )


def _folded(x: Any, axis: int) -> Any:
    """`x` with what is before the axis in one dimension; or after it, if that is counted from 0."""
    shape = tf.shape(x)
    if axis < 0:
        before, after = tf.split(shape, [max(x.shape.rank + axis, 0), -1])
        return tf.reshape(x, tf.concat([[tf.reduce_prod(before)], after], 0))
    before, after = tf.split(shape, [min(axis + 1, x.shape.rank), -1])
    return tf.reshape(x, tf.concat([before, [tf.reduce_prod(after)]], 0))


def _shape(x: Any) -> list[int | None] | None:
    lengths: list[int | None] | None = None if x.shape.rank is None else x.shape.as_list()
    return lengths


def _by_dtype(
    activation: Activation,
    by_dtype: Mapping[tf.DType, Callable[..., Any]],
    inputs: int,
    as_node: Callable[..., Any],
) -> Callable[..., Any]:
    """Returns a function that picks the implementation by dtype, which is also the type check.

    What Keras builds a functional model with has no dtype of TensorFlow; `as_node` makes a layer
    of the call.
    """
    name = activation.name
    float32, in_float32 = tf.float32, by_dtype[tf.float32]

    def unary(x: Any) -> Any:
        try:
            dtype = x.dtype
            # Hashing a DType runs Python code; the usual one is spared that.
            function = in_float32 if dtype is float32 else by_dtype[dtype]
        except (KeyError, AttributeError, TypeError):
            if isinstance(x, keras.KerasTensor):
                return as_node(x)
            raise _wrong_input(name, x) from None
        return function(x)

    def with_more(x: Any, *further: Any) -> Any:
        try:
            function = by_dtype[x.dtype]
        except (KeyError, AttributeError, TypeError):
            if isinstance(x, keras.KerasTensor):
                return as_node(x, *further)
            raise _wrong_input(name, x) from None
        allowed = {"mask": (tf.bool,), "weight": (x.dtype,), "noise": (x.dtype, tf.float32)}
        check_further(
            activation,
            x,
            further,
            lambda role, array: (
                isinstance(array, (tf.Tensor, tf.Variable)) and array.dtype in allowed[role]
            ),
        )
        return function(x, *further)

    return unary if inputs == 1 else with_more


def _wrong_input(name: str, x: Any) -> InputTypeError:
    if not isinstance(x, (tf.Tensor, tf.Variable)):
        return input_error(name, "a tf.Tensor", x, "tf.convert_to_tensor(x, dtype=tf.float32)")
    return InputTypeError(
        f"{name}: expected a floating-point tensor, got {x.dtype.name}. "
        "Cast it first, for example with tf.cast(x, tf.float32)."
    )
