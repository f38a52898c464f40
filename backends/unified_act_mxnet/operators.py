"""Calls of MXNet's operators on one array, without the function that MXNet generates for each.

That function sorts out keywords that are not there. What it costs is won back for the look at the
dtype, which takes MXNet half a microsecond by the front door. MXNet 1.9.1 is the last release: its
inner functions will not change.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

from unified_act.shortcuts import shortcut
from unified_act_mxnet._framework import mx

__all__ = ["call_directly"]


def call_directly(
    operator: str, dtypes: Sequence[Any], otherwise: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """Returns a function that runs an operator on arrays of some types, else ``otherwise(x)``.

    Args:
        operator: The operator's name; it takes one array and nothing else.
        dtypes: The types, as MXNet spells them.
        otherwise: The long way, which takes everything and checks it.
    """
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
    }
    # MXNet answers 0 for success, and writes the type's number where it is told to.
    condition = (
        "type(x) is NDArray and not dtype_of(x.handle, byref(found := c_int())) "
        "and found.value in admitted"
    )
    call = "invoke(handle, (x,), (), (), None, False, False)"
    return shortcut(condition, call, otherwise, scope)
