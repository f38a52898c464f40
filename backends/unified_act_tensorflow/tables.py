"""Elementwise activations in the 16-bit types on TensorFlow, by table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from unified_act.activation import Activation
from unified_act.assembly import pullback_of
from unified_act.kernels import Table, table_of
from unified_act_tensorflow import namespace
from unified_act_tensorflow.gradient import widen, with_pullback
from unified_act_tensorflow.guards import at_hand, has_tangent, recorded

__all__ = ["by_table"]


def by_table(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    otherwise: Callable[..., Any],
    *,
    in_memory: bool = False,
) -> Callable[..., Any]:
    """Returns an elementwise activation that looks up its values and derivatives in a table.

    NumPy looks up what an eager tensor holds on a CPU: its memory is shared, and TensorFlow's own
    `gather` takes five times as long. A graph gets `otherwise`. It is compiled, saved and run
    elsewhere.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The 16-bit type.
        otherwise: The shared definition, or a function of TensorFlow.
        in_memory: Whether `otherwise` serves all but eager tensors on a CPU, as it does anyway.
    """
    del in_memory
    table = table_of(activation, parameters, dtype)
    # Without a derivative of its own, the definition is differentiated by TensorFlow.
    differentiable = _differentiable(table) if table.orders else otherwise

    def call(x: Any) -> Any:
        if isinstance(x, tf.Variable):
            x = tf.convert_to_tensor(x)  # which a tape sees
        if not at_hand(x):
            return otherwise(x)
        if not recorded():
            return tf.constant(table.at(x.numpy()))
        return otherwise(x) if has_tangent(x) else differentiable(x)

    return call


def _differentiable(table: Table) -> Callable[..., Any]:
    """Returns the values, which can be differentiated any number of times."""
    pullback = pullback_of(table.activation, namespace, table.parameters, with_pullback)
    assert pullback is not None  # noqa: S101

    def composed(x: Any, cotangent: Any) -> Any:
        return tf.cast(pullback(widen(cotangent), widen(x))[0], x.dtype)

    def product(order: int, x: Any, *factors: Any) -> Any:
        return tf.constant(table.times(order, x.numpy(), *(factor.numpy() for factor in factors)))

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def slope(x: Any, cotangent: Any) -> Any:
        def backward(direction: Any) -> Any:
            if table.orders > 1 and at_hand(direction) and not recorded():
                return product(2, x, cotangent, direction), product(1, x, direction)
            with tf.GradientTape() as tape:
                tape.watch([x, cotangent])
                value = composed(x, cotangent)
            return tape.gradient(value, [x, cotangent], direction)

        return product(1, x, cotangent), backward

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def value(x: Any) -> Any:
        def backward(cotangent: Any) -> Any:
            if not at_hand(x, cotangent):
                return composed(x, cotangent)
            if not recorded():
                return product(1, x, cotangent)
            return (composed if has_tangent(x, cotangent) else slope)(x, cotangent)

        return tf.constant(table.at(x.numpy())), backward

    result: Callable[..., Any] = value
    return result
