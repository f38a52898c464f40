"""Which arrays of MXNet have a memory that can be read, and where it is."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from unified_act_mxnet._framework import mx

__all__ = ["address_of", "empty", "is_plain", "view"]

_LIBRARY = mx.base._LIB  # noqa: SLF001
_check = mx.base.check_call


def is_plain(x: Any) -> bool:
    """Whether an array is dense and in the memory of a CPU, and has elements."""
    if type(x) is not mx.nd.NDArray or x.context.device_type != "cpu":
        return False
    shape = x.shape
    # Elsewhere than in NumPy's semantics, no dimensions mean an unknown shape.
    return 0 not in shape if shape else bool(mx.util.is_np_shape())


def address_of(handle: Any) -> int:
    """The address of the first element; it waits for nothing."""
    found = ctypes.c_void_p()
    _check(_LIBRARY.MXNDArrayGetData(handle, ctypes.byref(found)))
    return found.value or 0


class _Lent:
    """Memory that NumPy may use as long as it has this object, which keeps the owner."""

    def __init__(self, address: int, shape: tuple[int, ...], dtype: Any, owner: Any) -> None:
        self.owner = owner
        self.__array_interface__ = {
            "version": 3,
            "data": (address, False),
            "shape": shape,
            "typestr": np.dtype(dtype).str,
        }


def view(address: int, shape: tuple[int, ...], dtype: Any, owner: Any = None) -> Any:
    """NumPy's view of memory.

    Args:
        address: Where it begins.
        shape: The shape of the view.
        dtype: Its type.
        owner: What must live as long as the view.
    """
    return np.asarray(_Lent(address, shape, dtype, owner))


def empty(shape: tuple[int, ...], like: Any) -> Any:
    """A new array whose memory nothing waits for, and nothing has been written to."""
    handle = mx.nd.ndarray._new_alloc_handle(shape, like.context, False, like.dtype)  # noqa: SLF001
    return mx.nd.NDArray(handle)
