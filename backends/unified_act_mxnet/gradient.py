"""Differentiation on MXNet: `value_and_grad`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from unified_act.errors import InputTypeError, UnsupportedError
from unified_act_mxnet._framework import mx

__all__ = ["value_and_grad"]


def value_and_grad(
    function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
) -> tuple[Any, tuple[Any, ...]]:
    """Returns the value and the cotangent of each input, by MXNet's autograd."""
    leaves = [x.detach().copy() for x in inputs]
    for leaf in leaves:
        leaf.attach_grad()
    with mx.autograd.record():
        value = function(*leaves)
    if cotangent is not None and (cotangent.shape != value.shape or cotangent.dtype != value.dtype):
        raise InputTypeError(
            f"the cotangent must match the output: {value.shape} {value.dtype}, "
            f"got {cotangent.shape} {cotangent.dtype}."
        )
    try:
        value.backward(cotangent)
    except mx.MXNetError as error:
        if "computational graph" not in str(error):
            raise
        raise UnsupportedError(
            "the output does not depend on the input through MXNet operations: the gradient was "
            "detached on the way."
        ) from error
    return value.detach(), tuple(leaf.grad for leaf in leaves)
