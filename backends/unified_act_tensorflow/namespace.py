"""The `Namespace` of TensorFlow: the functions in which activations are written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from unified_act import special
from unified_act.errors import UnsupportedError
from unified_act.shapes import section_length, summed_axes, weight_shape

_BLOCK = 512
"""The sum of so many terms is within a few eps."""

abs, cos, exp, floor, sin = tf.abs, tf.cos, tf.exp, tf.floor, tf.sin
sqrt, tanh = tf.sqrt, tf.tanh
logical_and, logical_not, logical_or = tf.logical_and, tf.logical_not, tf.logical_or
expm1, log = tf.math.expm1, tf.math.log


def where(condition: Any, a: Any, b: Any) -> Any:
    """Elements of `a` where `condition` is true, else of `b`."""
    # A Python number would become float32 whatever the other side is.
    if isinstance(a, float):
        a = tf.constant(a, b.dtype)
    elif isinstance(b, float):
        b = tf.constant(b, a.dtype)
    return tf.where(condition, a, b)


def log1p(x: Any) -> Any:
    """log(1 + x); XLA's own is up to 128 ULP off in float64, from -0.415 to -0.29."""
    value = tf.math.log1p(x)
    if x.dtype != tf.float64 or tf.executing_eagerly():  # a graph may be compiled by XLA
        return value
    there = (x > -0.5) & (x < -0.25)
    # Elsewhere the derivative may be infinite: 0 times that would be NaN.
    near = special.log1p(sys.modules[__name__], where(there, x, -0.25))
    return where(there, near, value)


def pow(a: Any, b: Any) -> Any:
    """`a` to the power `b`, one of which may be a number."""
    if isinstance(a, (int, float)):
        a = tf.constant(a, b.dtype)
    return tf.pow(a, b)


def full_like(x: Any, value: float) -> Any:
    """An array like `x`, filled with `value`."""
    return tf.zeros_like(x) + tf.constant(value, x.dtype)


def erfc(x: Any) -> Any:
    """Complementary error function."""
    return times_erfc(tf.ones_like(x), x)


def times_erfc(factor: Any, x: Any) -> Any:
    """`factor` · erfc(x)."""
    if x.dtype == tf.float64:
        product = _times_erfc_in_float64(factor, x)
        product.set_shape(x.shape)
        return product
    # TensorFlow's erfc is up to 9 ULP off (60 in float32's tail), of float64 too little to matter.
    product = tf.cast(factor, tf.float64) * tf.math.erfc(tf.cast(x, tf.float64))
    return tf.cast(product, x.dtype)


@tf.function(  # type: ignore[untyped-decorator]
    input_signature=[tf.TensorSpec(None, tf.float64)] * 2,
    autograph=False,  # which would rewrite code that has nothing to rewrite
)
def _times_erfc_in_float64(factor: Any, x: Any) -> Any:
    # A hundred operations, which take eight times as long one by one.
    return special.times_erfc(sys.modules[__name__], factor, x)


def sum(x: Any, *, axis: int) -> Any:
    """Sum along `axis`, which is kept with length 1."""
    # TensorFlow adds in several places at once, which loses few digits, only along the last axis.
    rank = x.shape.rank
    if rank is None:
        return tf.reduce_sum(x, axis=axis, keepdims=True)
    to_last = [d for d in range(rank) if d != axis % rank] + [axis % rank]
    rows = x if axis % rank == rank - 1 else tf.transpose(x, to_last)
    return tf.expand_dims(_sum_of_rows(rows), axis % rank)


def _sum_of_rows(x: Any) -> Any:
    """Sum along the last axis; of long rows it is the sum of the sums of blocks."""
    length = x.shape[-1]
    if length is None or length > _BLOCK:
        shape = tf.shape(x)
        blocks = (shape[-1] + (_BLOCK - 1)) // _BLOCK
        missing = blocks * _BLOCK - shape[-1]
        filled = tf.pad(x, [[0, 0]] * (x.shape.rank - 1) + [[0, missing]])
        inner = tf.reshape(filled, tf.concat([shape[:-1], [blocks, _BLOCK]], 0))
        result = tf.reduce_sum(tf.reduce_sum(inner, axis=-1), axis=-1)
        result.set_shape(x.shape[:-1])
        return result
    return tf.reduce_sum(x, axis=-1)


def max(x: Any, *, axis: int) -> Any:
    """Maximum along `axis`, which is kept with length 1."""
    return tf.reduce_max(x, axis=axis, keepdims=True)


def prod(x: Any, *, axis: int) -> Any:
    """Product along `axis`, which is kept with length 1."""
    return tf.reduce_prod(x, axis=axis, keepdims=True)


def cumulative_sum(x: Any, *, axis: int) -> Any:
    """Cumulative sum along `axis`."""
    return tf.cumsum(x, axis=axis)


def sort(x: Any, *, axis: int) -> Any:
    """The elements in increasing order along `axis`."""
    return tf.sort(x, axis=axis)


def split(x: Any, sections: int, *, axis: int) -> list[Any]:
    """Splits `x` into equal parts along `axis`."""
    if x.shape.rank is not None:
        section_length(x.shape.as_list(), sections, axis)
    parts: list[Any] = tf.split(x, sections, axis=axis)
    return parts


def concat(arrays: Sequence[Any], *, axis: int) -> Any:
    """Concatenates the arrays along `axis`."""
    return tf.concat(arrays, axis=axis)


def deinterleave(x: Any, *, axis: int) -> list[Any]:
    """The elements at even places along `axis`, and those at odd ones."""
    if x.shape.rank is not None:
        section_length(x.shape.as_list(), 2, axis)
    before, length, after = _around(x, axis)
    # Reshaped and not sliced: what is odd raises, where that is known only when it runs.
    pairs = tf.reshape(x, tf.concat([before, [length // 2, 2], after], 0))
    parts: list[Any] = tf.unstack(pairs, 2, axis=axis + 1 if axis >= 0 else axis)
    for part in parts:
        part.set_shape(_with_length(x, axis, lambda length: length // 2))
    return parts


def interleave(arrays: Sequence[Any], *, axis: int) -> Any:
    """The elements of both arrays in turn along `axis`."""
    pairs = tf.stack(arrays, axis=axis + 1 if axis >= 0 else axis)
    before, length, after = _around(arrays[0], axis)
    result = tf.reshape(pairs, tf.concat([before, [2 * length], after], 0))
    result.set_shape(_with_length(arrays[0], axis, lambda length: 2 * length))
    return result


def _around(x: Any, axis: int) -> tuple[Any, Any, Any]:
    """The lengths before an axis, its own, and those after it, of an array of any rank."""
    shape = tf.shape(x)
    place = axis if axis >= 0 else tf.size(shape) + axis
    return shape[:place], shape[place], shape[place + 1 :]


def _with_length(x: Any, axis: int, changed: Callable[[int], int]) -> list[int | None] | None:
    """What is known of the shape of `x` with another length along an axis."""
    if x.shape.rank is None:
        return None
    shape: list[int | None] = x.shape.as_list()
    length = shape[axis]
    shape[axis] = None if length is None else changed(length)
    return shape


def stop_gradient(x: Any) -> Any:
    """`x` as a constant: no derivative flows through it."""
    return tf.stop_gradient(x)


def channel_weight(weight: Any, x: Any, *, axis: int) -> Any:
    """`weight` in a shape that broadcasts to `x`: a vector along `axis`."""
    rank = weight.shape.rank
    if rank is not None and rank > 1:
        return weight
    if weight.shape.num_elements() == 1:
        return tf.reshape(weight, [])
    return tf.reshape(weight, _meeting(weight, x, axis))


def sum_to_weight(x: Any, weight: Any, *, axis: int) -> Any:
    """The transpose of `channel_weight`: sums `x` over all axes along which `weight` is one."""
    if weight.shape.num_elements() == 1:
        return tf.reshape(_sum_of_rows(tf.reshape(x, [-1])), weight.shape)
    shape = _meeting(weight, x, axis)
    if isinstance(shape, list):
        over: Any = summed_axes(shape, len(shape))
        kept: Any = [d for d in range(len(shape)) if d not in over]
        order: Any = [*kept, *over]
    else:
        over, kept = (tf.reshape(tf.where(each), [-1]) for each in (shape == 1, shape != 1))
        order = tf.concat([kept, over], 0)
    lengths = tf.shape(x)
    table = [tf.reduce_prod(tf.gather(lengths, tf.cast(axes, tf.int32))) for axes in (kept, over)]
    rows = tf.reshape(tf.transpose(x, order), table)
    return tf.reshape(_sum_of_rows(rows), tf.shape(weight))


def whole_weight(weight: Any, x: Any) -> Any:
    """`weight`, which broadcasts to `x`, in the shape of `x`; TensorFlow would sum term by term."""
    if weight.shape.rank is None:  # it is no weight, and has that shape already
        return weight
    if weight.shape.rank == x.shape.rank and not {1, None}.intersection(weight.shape):
        return weight + tf.zeros_like(x)  # nor is this one

    def summed(cotangent: Any) -> Any:
        return sum_to_weight(cotangent, weight, axis=0)

    return tf.custom_gradient(lambda w: (w + tf.zeros_like(x), summed))(weight)


def _meeting(weight: Any, x: Any, axis: int) -> Any:
    """The shape in which a weight meets `x`: a list, or a tensor where lengths are not known."""
    rank = _rank(x)
    lengths = [None] if weight.shape.rank is None else weight.shape.as_list()
    if None not in lengths:
        return weight_shape(lengths, x.shape.as_list(), axis)
    own = tf.shape(weight)
    padded = tf.concat([tf.ones([tf.maximum(rank - tf.size(own), 0)], tf.int32), own], 0)
    along = tf.one_hot(axis % rank, rank, on_value=tf.size(weight), off_value=1)
    shape = tf.where(tf.size(own) > 1, padded, along)
    shape.set_shape([rank])
    return shape


def _rank(x: Any) -> int:
    rank: int | None = x.shape.rank
    if rank is None:
        raise UnsupportedError(
            "a weight per channel needs an input of known rank: give the tf.function an "
            "input_signature with None for each dimension."
        )
    return rank


special.complete(sys.modules[__name__])
