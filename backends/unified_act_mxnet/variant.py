"""The `namespace` for definitions that choose among arrays of one shape only."""

from __future__ import annotations

from typing import Any

from unified_act import special
from unified_act_mxnet import namespace
from unified_act_mxnet._framework import mx

__all__ = ["NAMESPACE", "where"]

NAMESPACE = special.variant_of(namespace)


def where(condition: Any, a: Any, b: Any) -> Any:
    """Elements of `a` where `condition` is true, else of `b`."""
    # MXNet's newer where, which broadcasts, takes ten times as long. This one knows no booleans.
    chosen = mx.sym.Cast(condition.as_nd_ndarray(), dtype="int32")
    arrays = (array.as_nd_ndarray() for array in namespace.as_arrays(a, b))
    return mx.sym.where(chosen, *arrays).as_np_ndarray()


NAMESPACE.where = where
