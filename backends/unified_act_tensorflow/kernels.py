"""Compositions of TensorFlow's kernels for activations that it has no function for."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

__all__ = ["rrelu"]


def rrelu(x: Any, *, lower: float, upper: float) -> Any:
    """A leaky ReLU with the mean slope, as rrelu is outside of training."""
    return tf.nn.leaky_relu(x, alpha=0.5 * (lower + upper))
