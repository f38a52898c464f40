"""MXNet, imported once for the whole package; the other modules take `mx` from here."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np

from unified_act_mxnet._numpy_compat import import_mxnet

__all__ = ["BFLOAT16", "DTYPE_OBJECTS", "forget_overflow", "mx"]

mx = import_mxnet()

BFLOAT16 = np.dtype([("bfloat16", np.uint16)])
"""How MXNet spells the dtype."""

DTYPE_OBJECTS: Mapping[str, Any] = {
    "float16": np.float16,
    "bfloat16": BFLOAT16,
    "float32": np.float32,
    "float64": np.float64,
}
"""What an NDArray says that its dtype is, by name."""


def forget_overflow() -> None:
    """Sets C's errno to 0; of operators made after that, MXNet reads the number `inf`.

    Where errno is ERANGE, as any overflow before leaves it, MXNet takes `inf` for out of range.
    """
    library = ctypes.CDLL(None)
    for name in ("__errno_location", "__error"):  # glibc and musl; macOS
        if hasattr(library, name):
            location = getattr(library, name)
            location.restype = ctypes.POINTER(ctypes.c_int)
            location().contents.value = 0
