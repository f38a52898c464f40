"""Differentiation on TensorFlow: analytic derivatives for shared definitions, `value_and_grad`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from unified_act.activation import Activation
from unified_act.assembly import assemble, pullback_of
from unified_act.backend import cotangent_error
from unified_act.errors import UnsupportedError
from unified_act_tensorflow import namespace

__all__ = ["shared_definition", "value_and_grad"]


def _widen(x: Any) -> Any:
    """16-bit arrays in float32: they are computed there and rounded once."""
    return tf.cast(x, tf.float32) if x.dtype in (tf.float16, tf.bfloat16) else x


def shared_definition(
    activation: Activation, parameters: Mapping[str, float]
) -> Callable[..., Any]:
    """Returns the shared definition, differentiated analytically, twice, where that is known."""
    function = assemble(activation, namespace, parameters)
    pullback = pullback_of(activation, namespace, parameters, _with_derivative)

    def value(*inputs: Any) -> Any:
        return tf.cast(function(*map(_widen, inputs)), inputs[0].dtype)

    if pullback is None:
        return value

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def with_gradient(*inputs: Any) -> Any:
        def backward(cotangent: Any) -> Any:
            cotangents = pullback(_widen(cotangent), *map(_widen, inputs))
            return [
                None if c is None else tf.cast(c, x.dtype)
                for c, x in zip(cotangents, inputs, strict=True)
            ]

        return value(*inputs), backward

    def call(*inputs: Any) -> Any:
        # custom_gradient would treat a variable as a captured one, not as an argument.
        return with_gradient(*map(tf.convert_to_tensor, inputs))

    return call


def _with_derivative(
    function: Callable[[Any], Any], derivative: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """Returns `function`, elementwise, with this derivative instead of its operations' own."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def with_gradient(x: Any) -> Any:
        return function(x), lambda cotangent: cotangent * derivative(x)

    result: Callable[[Any], Any] = with_gradient
    return result


def value_and_grad(
    function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
) -> tuple[Any, tuple[Any, ...]]:
    """Returns the value and the cotangent of each input, by reverse-mode differentiation."""
    given = [tf.convert_to_tensor(x) for x in inputs]
    leaves = [x for x in given if x.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(leaves)
        value = function(*given)
    if cotangent is not None and (
        not isinstance(cotangent, (tf.Tensor, tf.Variable))
        or not cotangent.shape.is_compatible_with(value.shape)
        or cotangent.dtype != value.dtype
    ):
        raise cotangent_error(cotangent, value)
    gradients = tape.gradient(value, leaves, output_gradients=cotangent)
    if any(gradient is None for gradient in gradients):
        raise UnsupportedError(
            "the output does not depend on the input through TensorFlow operations: the gradient "
            "was detached on the way."
        )
    found = iter(gradients)
    return value, tuple(next(found) if x.dtype.is_floating else None for x in given)
