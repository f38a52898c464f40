"""Calls of MXNet's operators on one array, without the function that MXNet generates for each.

That function sorts keywords and writes their values as strings in every call. What it costs is won
back for the look at the dtype, which takes MXNet half a microsecond by the front door. MXNet 1.9.1
is the last release: its inner functions will not change.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from unified_act.backend import Request, shortcut
from unified_act_mxnet._framework import DTYPE_OBJECTS, mx
from unified_act_mxnet.native import FEW
from unified_act_mxnet.numbers import exact_text, with_exact_numbers

__all__ = ["in_order", "short_way"]

_NEED_ELEMENTS = frozenset({"Activation"})
"""Operators whose gradient fails on an array without elements, and only there."""


def short_way(request: Request, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that runs an operator on arrays of admitted types, else ``otherwise(x)``.

    Args:
        request: What is asked for; the operator takes one array.
        otherwise: The long way, which takes everything and checks it.
    """
    kernel, arguments = request.kernel, request.arguments
    if kernel is None or kernel.is_override or kernel.label in _NEED_ELEMENTS:
        return otherwise
    short = [dtype for dtype in kernel.dtypes if dtype not in request.at_home]
    axis = int(request.parameters["axis"]) if request.activation.along_axis else -1
    library, handle = mx.base._LIB, ctypes.c_void_p()
    mx.base.check_call(library.NNGetOpHandle(mx.base.c_str(kernel.label), ctypes.byref(handle)))
    scope = {
        "NDArray": mx.nd.NDArray,
        "admitted": _numbers(dtype for dtype in short if dtype not in kernel.outrun),
        "if_small": _numbers(
            dtype for dtype in short if dtype in kernel.outrun and dtype not in kernel.never_small
        ),
        "byref": ctypes.byref,
        "c_int": ctypes.c_int,
        "dtype_of": library.MXNDArrayGetDType,
        "few": FEW,
        "handle": handle.value,
        "invoke": mx.nd._internal._imperative_invoke,
        "keywords": tuple(arguments),
        "lengths": ctypes.POINTER(ctypes.c_int),
        "prod": math.prod,
        "shape_of": library.MXNDArrayGetShapeEx,
        "values": tuple(exact_text(name, value) for name, value in arguments.items()),
    }
    # MXNet answers 0 for success, and writes the type's number where it is told to.
    condition = (
        "type(x) is NDArray and not dtype_of(x.handle, byref(found := c_int())) "
        "and (found.value in admitted or found.value in if_small and prod(x.shape) < few)"
    )
    if arguments:
        # Those with keywords refuse an array without dimensions, and complain of an axis that is
        # not there when their result is read.
        condition += (
            " and not shape_of(x.handle, byref(count := c_int()), byref(lengths())) "
            f"and -count.value <= {axis} < count.value"
        )
    if request.fits:
        condition += " and fits[found.value](x.shape)"
        scope["fits"] = {_number(dtype): test for dtype, test in request.fits.items()}
    call = "invoke(handle, (x,), keywords, values, None, False, False)"
    return shortcut(condition, call, otherwise, scope)


def _numbers(dtypes: Iterable[str]) -> frozenset[int]:
    """MXNet's numbers for types."""
    return frozenset(map(_number, dtypes))


def _number(dtype: str) -> int:
    """MXNet's number for a type."""
    number: int = mx.nd.ndarray._DTYPE_NP_TO_MX[DTYPE_OBJECTS[dtype]]
    return number


def in_order(names: Sequence[str], symbol: Any) -> Callable[..., Any]:
    """Returns the operator of `symbol`, to be called with the arrays of these names."""
    operator = mx.nd.CachedOp(with_exact_numbers(symbol), ())
    order = [names.index(name) for name in symbol.list_arguments()]  # as they occur in the graph
    if order == list(range(len(names))):
        called: Callable[..., Any] = operator
        return called
    return lambda *inputs: operator(*(inputs[index] for index in order))
