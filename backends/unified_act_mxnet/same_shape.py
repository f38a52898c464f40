"""The `namespace` for definitions in which all arrays have one shape."""

from __future__ import annotations

import sys
from typing import Any

from unified_act import special
from unified_act_mxnet import namespace
from unified_act_mxnet._framework import mx
from unified_act_mxnet.namespace import full_like

__all__ = ["erfc", "times_erfc", "where"]


def __getattr__(name: str) -> Any:
    return getattr(namespace, name)


def where(condition: Any, a: Any, b: Any) -> Any:
    """Elements of `a` where `condition` holds, else of `b`."""
    # MXNet's newer where, which broadcasts, takes ten times as long. This one knows no booleans.
    if isinstance(a, float):
        a = full_like(b, a)
    elif isinstance(b, float):
        b = full_like(a, b)
    chosen = mx.sym.Cast(condition.as_nd_ndarray(), dtype="int32")
    return mx.sym.where(chosen, a.as_nd_ndarray(), b.as_nd_ndarray()).as_np_ndarray()


def erfc(x: Any) -> Any:
    """Complementary error function, which MXNet lacks."""
    return times_erfc(full_like(x, 1.0), x)


def times_erfc(factor: Any, x: Any) -> Any:
    """`factor` · erfc(x)."""
    return special.times_erfc(sys.modules[__name__], factor, x)
