"""Differentiation on TensorFlow: analytic derivatives for shared definitions, `value_and_grad`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from unified_act.activation import Activation
from unified_act.assembly import assemble, pullback_of
from unified_act.backend import check_cotangent, detached_error
from unified_act_tensorflow import namespace
from unified_act_tensorflow.fused import by_kernel, pulled_by_operations
from unified_act_tensorflow.guards import custom_gradient
from unified_act_tensorflow.variant import FAST

__all__ = ["shared_definition", "value_and_grad", "widen", "with_pullback"]


def widen(x: Any) -> Any:
    """Casts 16-bit arrays to float32, so that the result is rounded only once."""
    return tf.cast(x, tf.float32) if x.dtype in (tf.float16, tf.bfloat16) else x


def shared_definition(
    activation: Activation,
    parameters: Mapping[str, float],
    otherwise: Callable[..., Any] | None = None,
    *,
    fast: bool = False,
) -> Callable[..., Any]:
    """Returns the shared definition with its analytic first and second derivatives.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        otherwise: What serves the tensors that kernels do not; by default the definition does.
        fast: Whether the value is made of functions that converters know.
    """
    function = assemble(activation, FAST if fast else namespace, parameters)
    pullback = pullback_of(activation, namespace, parameters, with_pullback)

    def value(*inputs: Any) -> Any:
        return tf.cast(function(*map(widen, inputs)), inputs[0].dtype)

    if pullback is None:
        return by_kernel(activation, parameters, otherwise or value, _by_tape(value))

    def pulled_back(cotangent: Any, *inputs: Any) -> list[Any]:
        cotangents = pullback(widen(cotangent), *map(widen, inputs))
        return [
            None if c is None else tf.cast(c, x.dtype)
            for c, x in zip(cotangents, inputs, strict=True)
        ]

    @custom_gradient
    def with_gradient(*inputs: Any) -> Any:
        return value(*inputs), lambda cotangent: pulled_back(cotangent, *inputs)

    def call(*inputs: Any) -> Any:
        # tf.custom_gradient would treat a variable as a captured one, not as an argument.
        return with_gradient(*map(tf.convert_to_tensor, inputs))

    return by_kernel(activation, parameters, otherwise or call, pulled_back)


def _by_tape(value: Callable[..., Any]) -> Callable[..., Sequence[Any]]:
    """Returns the pullback of `value`, by its own operations."""
    return lambda cotangent, *inputs: pulled_by_operations(
        lambda *given: [value(*given)], [cotangent], inputs
    )


def with_pullback(
    function: Callable[..., Any], pullback: Callable[..., tuple[Any, ...]]
) -> Callable[..., Any]:
    """Returns `function` with this pullback in place of automatic differentiation."""

    @custom_gradient
    def with_gradient(*inputs: Any) -> Any:
        return function(*inputs), lambda cotangent: pullback(cotangent, *inputs)

    return with_gradient


def value_and_grad(
    function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
) -> tuple[Any, tuple[Any, ...]]:
    """Returns the value and the cotangent of each input, by reverse-mode differentiation."""
    given = [tf.convert_to_tensor(x) for x in inputs]
    leaves = [x for x in given if x.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(leaves)
        value = function(*given)
    fits = tf.TensorShape.is_compatible_with
    check_cotangent(cotangent, value, (tf.Tensor, tf.Variable), fits)
    gradients = tape.gradient(value, leaves, output_gradients=cotangent)
    if any(gradient is None for gradient in gradients):
        raise detached_error("TensorFlow")
    found = iter(gradients)
    return value, tuple(next(found) if x.dtype.is_floating else None for x in given)
