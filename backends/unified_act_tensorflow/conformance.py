"""The harness of TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from unified_act.backend import Numerics
from unified_act.errors import UnsupportedError
from unified_act_conformance.floats import FloatArray
from unified_act_conformance.harness import Function, Harness, check_dtype, contiguous

__all__ = ["harness"]


def _second_pass(
    function: Function,
    inputs: Sequence[Any],
    cotangent: Any | None,
    directions: Sequence[Any],
    by: Any,
) -> Any:
    """The gradients of the gradients by the inputs, along the directions."""
    zero = tf.UnconnectedGradients.ZERO
    with tf.GradientTape() as outer:
        outer.watch(by)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            value = function(*inputs)
        gradients = inner.gradient(
            value, inputs, output_gradients=cotangent, unconnected_gradients=zero
        )
    # A gradient that is constant, such as the identity's, knows nothing of the input.
    return outer.gradient(gradients, by, output_gradients=directions, unconnected_gradients=zero)


class TensorflowHarness(Harness):
    """TensorFlow speaks all four types with NumPy. Its arrays have no strides."""

    modes: Mapping[str, Callable[[Function], Function]] = {
        "function": tf.function,
        "jit": partial(tf.function, jit_compile=True),
    }
    flushing_modes = ("jit",)
    traces_forward_mode = True
    repeated = (0,)  # a derivative takes a millisecond
    _place: str | None = None
    _placed: Any = None

    def packages(self) -> list[str]:
        """The distributions whose versions are reported as tested."""
        return ["tensorflow", "tensorflow-cpu"]

    def use_device(self, device: str) -> str:
        """Places arrays, and what is computed of them, on a device, in this thread."""
        listed = [each.name.removeprefix("/device:") for each in tf.config.list_logical_devices()]
        wanted = device.upper().replace("CUDA", "GPU")
        wanted = wanted if ":" in wanted else f"{wanted}:0"
        if wanted not in listed:
            raise UnsupportedError(f"TensorFlow has {', '.join(listed)} here")
        if self._placed is not None:
            self._placed.__exit__(None, None, None)
        self._place, self._placed = wanted, tf.device(wanted)
        self._placed.__enter__()
        return device.lower().replace("cuda", "gpu")

    def to_native(self, values: FloatArray, dtype: str) -> Any:
        """Returns a tensor with the same values."""
        check_dtype(values.dtype.name, dtype)
        if self._place is None:
            return tf.constant(values)
        with tf.device(self._place):  # threads of the suite have no place of their own
            return tf.constant(values)

    def to_numpy(self, array: Any, dtype: str) -> FloatArray:
        """Returns a NumPy array with the same values."""
        check_dtype(array.dtype.name, dtype)
        return np.asarray(array.numpy())

    def orders(self, activation: str, dtype: str, numerics: Numerics) -> Sequence[int]:
        """Returns all orders: every activation has a second derivative here."""
        del activation, dtype, numerics
        return (0, 1, 2)

    def hessian_product(
        self,
        function: Function,
        inputs: Sequence[Any],
        cotangent: Any | None,
        directions: Sequence[Any],
    ) -> tuple[Any, ...]:
        """By nested tapes."""
        return tuple(_second_pass(function, inputs, cotangent, directions, inputs))

    def cotangent_gradient(
        self,
        function: Function,
        inputs: Sequence[Any],
        cotangent: Any,
        directions: Sequence[Any],
    ) -> Any:
        """By nested tapes."""
        return _second_pass(function, inputs, cotangent, directions, cotangent)

    def jvp(self, function: Function, inputs: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """By `tf.autodiff.ForwardAccumulator`."""
        with tf.autodiff.ForwardAccumulator(list(inputs), list(tangents)) as accumulator:
            value = function(*inputs)
        return accumulator.jvp(value, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    def layouts(self, values: FloatArray, dtype: str) -> Iterator[tuple[str, Any, FloatArray]]:
        """Shapes, and what indexing and transposing give."""
        yield from super().layouts(values, dtype)
        tensor = self.to_native(values, dtype)
        yield "every second", tensor[::2], contiguous(values[::2])
        yield "negative step", tensor[::-1], contiguous(values[::-1])
        matrix = values.reshape(4, 8)
        yield "transposed", tf.transpose(tf.reshape(tensor, (4, 8))), contiguous(matrix.T)
        yield (
            "broadcast",
            tf.broadcast_to(tf.reshape(tensor, (4, 1, 8)), (4, 3, 8)),
            contiguous(np.broadcast_to(values.reshape(4, 1, 8), (4, 3, 8))),
        )


harness = TensorflowHarness()
