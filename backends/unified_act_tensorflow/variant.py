"""The namespace of the profile ``fast``: without Erfc, which converters such as TFLite's lack."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from unified_act import special
from unified_act.catalogue import gaussian
from unified_act.special import Crossover
from unified_act_tensorflow import namespace

__all__ = ["FAST"]

_GELU_IS_ZERO: Crossover = -40.0

FAST = special.variant_of(namespace)


def _times_erfc(factor: Any, x: Any) -> Any:
    if x.dtype == tf.float64:
        return namespace.times_erfc(factor, x)
    product = _in_float32(factor, x)
    product.set_shape(x.shape)
    return product


@tf.function(  # type: ignore[untyped-decorator]
    input_signature=[tf.TensorSpec(None, tf.float32)] * 2, autograph=False
)
def _in_float32(factor: Any, x: Any) -> Any:
    # Sixty operations, which take much longer one by one.
    return special.times_erfc(FAST, factor, x)


def _gelu(x: Any) -> Any:
    if x.dtype == tf.float64:  # in which TensorFlow's own is only as accurate as in float32
        return gaussian.gelu(namespace, x)
    x = tf.where(x < _GELU_IS_ZERO, _GELU_IS_ZERO, x)  # -inf · 0 would be NaN
    return tf.nn.gelu(x, approximate=False)


FAST.times_erfc = _times_erfc
FAST.erfc = lambda x: _times_erfc(tf.ones_like(x), x)
FAST.own = {"gelu": _gelu}
