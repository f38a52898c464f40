"""NumPy's own kernels: data. The conformance suite decides about `dtypes`."""

from __future__ import annotations

from unified_act.backend import Native

__all__ = ["NATIVE"]

NATIVE = {
    "exponential": Native(
        "exp",
        dtypes=(),
        why="it warns of every infinite result; without that it is the shared definition",
    ),
    "tanh": Native(
        "tanh",
        dtypes=("float32", "float64"),
        why="16-bit types are computed in float32",
    ),
}
