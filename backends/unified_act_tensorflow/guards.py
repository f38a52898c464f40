"""What TensorFlow may do with a tensor, now: which of them have a memory that can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

__all__ = ["at_hand", "custom_gradient", "has_tangent", "recorded"]

_EagerTensor = tf.__internal__.EagerTensor


def at_hand(*arrays: Any) -> bool:
    """Whether all have values now, in the memory of this process."""
    return tf.executing_eagerly() and all(
        isinstance(array, _EagerTensor) and array.device.endswith("CPU:0") for array in arrays
    )


def recorded() -> bool:
    """Whether a tape, or an accumulator of forward mode, may record what is done."""
    return not _no_tape()


def has_tangent(*arrays: Any) -> bool:
    """Whether an accumulator of forward mode, which needs operations, follows one of them."""
    return bool(_pack_tangents(arrays).tangents)


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `tf.custom_gradient`, but forward mode obeys it too.

    An accumulator of forward mode ignores the gradient of a value whose operations it has followed.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def obeyed(*inputs: Any) -> Any:
        value, backward = function(*inputs)
        if tf.executing_eagerly() and recorded() and has_tangent(*inputs):
            value = tf.nest.map_structure(tf.stop_gradient, value)
        return value, backward

    result: Callable[..., Any] = obeyed
    return result


try:  # neither is public
    from tensorflow.python.eager.forwardprop_util import pack_tangents as _pack_tangents
    from tensorflow.python.pywrap_tfe import TFE_Py_TapeSetIsEmpty as _no_tape
except ImportError:

    def recorded() -> bool:
        """Whether a tape may record what is done: here it cannot be found out."""
        return True

    def has_tangent(*arrays: Any) -> bool:
        """Whether forward mode may follow one of them: here it cannot be found out."""
        del arrays
        return True
