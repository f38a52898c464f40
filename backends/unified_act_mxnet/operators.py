"""Calls of MXNet's operators on one array, without the function that MXNet generates for each.

That function sorts keywords and writes their values as strings in every call. What it costs is won
back for the look at the dtype, which takes MXNet half a microsecond by the front door. MXNet 1.9.1
is the last release: its inner functions will not change.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from unified_act.backend import shortcut
from unified_act_mxnet._framework import mx

__all__ = ["call_directly"]

_NEED_ELEMENTS = frozenset({"Activation"})
"""Operators whose gradient fails on an array without elements, and only there."""


def call_directly(
    operator: str,
    arguments: Mapping[str, Any],
    dtypes: Sequence[Any],
    otherwise: Callable[[Any], Any],
    *,
    axis: int,
) -> Callable[[Any], Any]:
    """Returns a function that runs an operator on arrays of some types, else ``otherwise(x)``.

    Args:
        operator: The operator's name; it takes one array.
        arguments: Its keywords and their values.
        dtypes: The types, as MXNet spells them.
        otherwise: The long way, which takes everything and checks it.
        axis: What must be an axis of the array.
    """
    if operator in _NEED_ELEMENTS:
        return otherwise
    library, handle = mx.base._LIB, ctypes.c_void_p()
    mx.base.check_call(library.NNGetOpHandle(mx.base.c_str(operator), ctypes.byref(handle)))
    scope = {
        "NDArray": mx.nd.NDArray,
        "admitted": frozenset(mx.nd.ndarray._DTYPE_NP_TO_MX[dtype] for dtype in dtypes),
        "byref": ctypes.byref,
        "c_int": ctypes.c_int,
        "dtype_of": library.MXNDArrayGetDType,
        "handle": handle.value,
        "invoke": mx.nd._internal._imperative_invoke,
        "keywords": tuple(arguments),
        "lengths": ctypes.POINTER(ctypes.c_int),
        "shape_of": library.MXNDArrayGetShapeEx,
        "values": tuple(map(str, arguments.values())),
    }
    # MXNet answers 0 for success, and writes the type's number where it is told to.
    condition = (
        "type(x) is NDArray and not dtype_of(x.handle, byref(found := c_int())) "
        "and found.value in admitted"
    )
    if arguments:
        # Those with keywords refuse an array without dimensions, and complain of an axis that is
        # not there when their result is read.
        condition += (
            " and not shape_of(x.handle, byref(count := c_int()), byref(lengths())) "
            f"and -count.value <= {axis} < count.value"
        )
    call = "invoke(handle, (x,), keywords, values, None, False, False)"
    return shortcut(condition, call, otherwise, scope)
