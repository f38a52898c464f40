"""The `Namespace` of MXNet: the functions in which activations are written.

They take symbols of the NumPy kind, whose operators broadcast and whose numbers are doubles.
Arrays never get here: a definition becomes a graph once, and the graph is called with arrays.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from unified_act import special
from unified_act_mxnet._framework import mx

_np = mx.sym.np
_BROADCAST = "__broadcast__"
"""The attribute that marks a weight of several dimensions."""
abs, exp, expm1, floor, log, log1p = _np.abs, _np.exp, _np.expm1, _np.floor, _np.log, _np.log1p
cos, pow, sin, sqrt, tanh = _np.cos, _np.power, _np.sin, _np.sqrt, _np.tanh
logical_and, logical_not = _np.multiply, _np.logical_not


def where(condition: Any, a: Any, b: Any) -> Any:
    """Elements of `a` where `condition` is true, else of `b`."""
    return _np.where(condition, *as_arrays(a, b))


def logical_or(a: Any, b: Any) -> Any:
    """Where one of two masks is true, or both are."""
    return logical_not(logical_and(logical_not(a), logical_not(b)))


def full_like(x: Any, value: float) -> Any:
    """An array like `x`, filled with `value`."""
    return _np.full_like(x, value)


def erfc(x: Any) -> Any:
    """Complementary error function, which MXNet lacks."""
    return times_erfc(full_like(x, 1.0), x)


def times_erfc(factor: Any, x: Any) -> Any:
    """`factor` · erfc(x)."""
    return special.times_erfc(sys.modules[__name__], factor, x)


def sum(x: Any, *, axis: int) -> Any:
    """Sum along `axis`, which is kept with length 1."""
    return _np.sum(x, axis=axis, keepdims=True)


def max(x: Any, *, axis: int) -> Any:
    """Maximum along `axis`, which is kept with length 1."""
    return _np.max(x, axis=axis, keepdims=True)


def prod(x: Any, *, axis: int) -> Any:
    """Product along `axis`, which is kept with length 1."""
    return _np.prod(x, axis=axis, keepdims=True)


def cumulative_sum(x: Any, *, axis: int) -> Any:
    """Cumulative sum along `axis`."""
    # Counted from the end, an axis is not known to cumsum.
    moved = mx.sym.swapaxes(x.as_nd_ndarray(), dim1=axis, dim2=0).as_np_ndarray()
    total = _np.cumsum(moved, axis=0).as_nd_ndarray()
    return mx.sym.swapaxes(total, dim1=axis, dim2=0).as_np_ndarray()


def sort(x: Any, *, axis: int) -> Any:
    """The elements in increasing order along `axis`."""
    return mx.sym.sort(x.as_nd_ndarray(), axis=axis).as_np_ndarray()


def split(x: Any, sections: int, *, axis: int) -> list[Any]:
    """Splits `x` into equal parts along `axis`."""
    parts = mx.sym.split(x.as_nd_ndarray(), num_outputs=sections, axis=axis)
    return [parts[i].as_np_ndarray() for i in range(sections)]


def concat(arrays: Sequence[Any], *, axis: int) -> Any:
    """Concatenates the arrays along `axis`."""
    return _np.concatenate(list(arrays), axis=axis)


def deinterleave(x: Any, *, axis: int) -> list[Any]:
    """The elements at even places along `axis`, and those at odd ones."""
    # A symbol does not know its rank, hence the way by the first axis.
    first = mx.sym.swapaxes(x.as_nd_ndarray(), dim1=axis, dim2=0)
    pairs = mx.sym.reshape(first, shape=(-4, -1, 2, -2))
    parts = mx.sym.split(pairs, num_outputs=2, axis=1, squeeze_axis=True)
    return [mx.sym.swapaxes(parts[i], dim1=axis, dim2=0).as_np_ndarray() for i in range(2)]


def interleave(arrays: Sequence[Any], *, axis: int) -> Any:
    """The elements of both arrays in turn along `axis`."""
    first = [mx.sym.swapaxes(x.as_nd_ndarray(), dim1=axis, dim2=0) for x in arrays]
    whole = mx.sym.reshape(mx.sym.stack(*first, axis=1), shape=(-3, -2))
    return mx.sym.swapaxes(whole, dim1=axis, dim2=0).as_np_ndarray()


def stop_gradient(x: Any) -> Any:
    """`x` as a constant: no derivative flows through it."""
    return mx.sym.BlockGrad(x.as_nd_ndarray()).as_np_ndarray()


def channel_weight(weight: Any, x: Any, *, axis: int) -> Any:
    """`weight`, repeated to the shape of `x`.

    A symbol knows neither shape nor rank. A weight that is marked is broadcast as it is. Of any
    other the channels are moved to the end, all other axes
    merged into one, the weight broadcast over it, and everything moved back.
    """
    if any(_BROADCAST in attributes for attributes in weight.attr_dict().values()):
        return _np.zeros_like(x) + weight
    moved = mx.sym.swapaxes(x.as_nd_ndarray(), dim1=axis, dim2=-1)
    rows = mx.sym.reshape(moved, shape=(-1, 0), reverse=True)
    row = mx.sym.reshape(weight.as_nd_ndarray(), shape=(1, -1))
    repeated = mx.sym.broadcast_add(mx.sym.zeros_like(rows), row)
    repeated = mx.sym.reshape_like(repeated, moved)
    return mx.sym.swapaxes(repeated, dim1=axis, dim2=-1).as_np_ndarray()


def variable(name: str, *, broadcast: bool = False) -> Any:
    """A variable of the older kind, for an input.

    Args:
        name: Its name.
        broadcast: Whether it is a weight of several dimensions.
    """
    return mx.sym.var(name, attr={_BROADCAST: "True"} if broadcast else None)


def marked(weight: Any) -> Any:
    """The symbol itself, which is now known as a weight of several dimensions."""
    weight._set_attr(**{_BROADCAST: "True"})  # noqa: SLF001
    return weight


def is_broadcast(weight: Any) -> bool:
    """Whether a symbol is marked, or MXNet can tell that it has several dimensions."""
    older = weight.as_nd_ndarray()
    if older.attr(_BROADCAST):
        return True
    try:
        _, shapes, _ = older.infer_shape_partial()
    except mx.MXNetError:  # about what does not fit together, which it says again when it is bound
        return False
    return bool(shapes and shapes[0]) and len(shapes[0]) > 1


def whole_weight(weight: Any, x: Any) -> Any:
    """Never called, as `sum_to_weight`."""
    raise NotImplementedError


def sum_to_weight(x: Any, weight: Any, *, axis: int) -> Any:
    """The reverse of `channel_weight`, which here is left to MXNet's own differentiation."""
    raise NotImplementedError


def as_arrays(a: Any, b: Any) -> tuple[Any, Any]:
    """`a` and `b`, one of which may be a number, both as arrays, for a choice between them.

    With a number on either side MXNet 1.9.1 sends the gradient to the other side's elements.
    """
    if isinstance(a, float):
        return full_like(b, a), b
    if isinstance(b, float):
        return a, full_like(a, b)
    return a, b


special.complete(sys.modules[__name__])
