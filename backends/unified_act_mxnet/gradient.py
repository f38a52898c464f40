"""Differentiation on MXNet: `value_and_grad`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from unified_act.backend import cotangent_error
from unified_act.errors import UnsupportedError
from unified_act_mxnet._framework import mx

__all__ = ["value_and_grad"]


def value_and_grad(
    function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
) -> tuple[Any, tuple[Any, ...]]:
    """Returns the value and the cotangent of each input, by MXNet's autograd."""
    given = [x.detach().copy() for x in inputs]
    leaves = [x for x in given if x.dtype != np.bool_]
    for leaf in leaves:
        leaf.attach_grad()
    with mx.autograd.record():
        value = function(*given)
    if cotangent is not None and (
        not isinstance(cotangent, mx.nd.NDArray)
        or cotangent.shape != value.shape
        or cotangent.dtype != value.dtype
    ):
        raise cotangent_error(cotangent, value)
    if value.size == 0:  # nothing to differentiate, and MXNet fails at some of it
        return value.detach(), tuple(x.grad for x in given)
    try:
        value.backward(cotangent)
    except mx.MXNetError as error:
        if "computational graph" not in str(error):
            raise
        raise UnsupportedError(
            "the output does not depend on the input through MXNet operations: the gradient was "
            "detached on the way."
        ) from error
    return value.detach(), tuple(x.grad for x in given)
