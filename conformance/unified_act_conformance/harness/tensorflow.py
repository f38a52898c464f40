"""The harness of TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from unified_act_conformance.floats import FloatArray
from unified_act_conformance.harness import check_dtype

__all__ = ["harness"]


class TensorflowHarness:
    """TensorFlow speaks all four types with NumPy."""

    def packages(self) -> list[str]:
        """The distributions whose versions say what was tested."""
        return ["tensorflow", "tensorflow-cpu"]

    def to_native(self, values: FloatArray, dtype: str) -> Any:
        """The tensor of the same values."""
        check_dtype(values.dtype.name, dtype)
        return tf.constant(values)

    def to_numpy(self, array: Any, dtype: str) -> FloatArray:
        """The NumPy array of the same values."""
        check_dtype(array.dtype.name, dtype)
        return np.asarray(array.numpy())


harness = TensorflowHarness()
