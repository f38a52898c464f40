"""TensorFlow behind the interface of the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from unified_act.activation import Activation
from unified_act.backend import DTYPES, Native, Numerics, weight_error
from unified_act.errors import InputTypeError
from unified_act.shortcuts import with_keywords
from unified_act_tensorflow import gradient
from unified_act_tensorflow.eager import eager_first
from unified_act_tensorflow.native import NATIVE

__all__ = ["TensorflowBackend"]


class TensorflowBackend:
    """The backend ``"tensorflow"``."""

    name = "tensorflow"
    dtypes: Sequence[str] = DTYPES
    native: Mapping[str, Native] = NATIVE
    types: Sequence[type] = (tf.Tensor, tf.__internal__.EagerTensor, tf.Variable)

    def accepts(self, array_type: type) -> bool:
        """Whether `array_type` is a tensor or a variable."""
        return issubclass(array_type, (tf.Tensor, tf.Variable))

    def implement(
        self, activation: Activation, parameters: Mapping[str, float], numerics: Numerics
    ) -> Callable[..., Any]:
        """Returns the function that computes `activation`."""
        shared = gradient.shared_definition(activation, parameters)
        by_dtype = {tf.as_dtype(dtype): shared for dtype in self.dtypes}
        kernel = self.native.get(activation.name) if numerics == "fast" else None
        arguments = None if kernel is None else kernel.arguments(parameters)
        if kernel is None or arguments is None:
            return _by_dtype(activation.name, by_dtype, len(activation.inputs))
        function = with_keywords(kernel.find(tf), arguments)
        by_dtype |= {tf.as_dtype(dtype): function for dtype in kernel.dtypes}
        checked = _by_dtype(activation.name, by_dtype, len(activation.inputs))
        return eager_first(kernel, arguments, checked)

    def value_and_grad(
        self, function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Returns the value and the cotangent of each input."""
        for x in inputs:
            if not self.accepts(type(x)) or not x.dtype.is_floating:
                raise _wrong_input("value_and_grad", x)
        return gradient.value_and_grad(function, inputs, cotangent)


def _by_dtype(
    name: str, by_dtype: Mapping[tf.DType, Callable[..., Any]], inputs: int
) -> Callable[..., Any]:
    """Returns a function that picks the implementation by dtype, which is also the type check."""
    float32, in_float32 = tf.float32, by_dtype[tf.float32]

    def unary(x: Any) -> Any:
        try:
            dtype = x.dtype
            # Hashing a DType runs Python code; the usual one is spared that.
            function = in_float32 if dtype is float32 else by_dtype[dtype]
        except (KeyError, AttributeError, TypeError):
            raise _wrong_input(name, x) from None
        return function(x)

    def with_weights(x: Any, *weights: Any) -> Any:
        try:
            function = by_dtype[x.dtype]
        except (KeyError, AttributeError, TypeError):
            raise _wrong_input(name, x) from None
        for weight in weights:
            if not isinstance(weight, (tf.Tensor, tf.Variable)) or weight.dtype != x.dtype:
                raise weight_error(name, weight, x)
        return function(x, *weights)

    return unary if inputs == 1 else with_weights


def _wrong_input(name: str, x: Any) -> InputTypeError:
    if not isinstance(x, (tf.Tensor, tf.Variable)):
        return InputTypeError(f"{name}: expected a tf.Tensor, got {type(x).__name__}.")
    return InputTypeError(
        f"{name}: expected a floating-point tensor, got {x.dtype.name}. "
        "Cast it first, for example with tf.cast(x, tf.float32)."
    )
