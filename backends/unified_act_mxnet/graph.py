"""Shared definitions as MXNet graphs, with the analytic derivative as their gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from unified_act.activation import Activation
from unified_act_mxnet import namespace
from unified_act_mxnet._framework import BFLOAT16, mx

__all__ = ["Graph", "shared_graph"]

Graph = Callable[..., Any]
"""Takes legacy symbols, one for each input, and returns the legacy symbol of the result."""


def shared_graph(
    activation: Activation, parameters: Mapping[str, float], dtype: str | None
) -> Graph:
    """Returns the function that builds the shared definition for inputs of `dtype`.

    `dtype` None, in a graph of the user's, means unknown: MXNet finds out when it binds the
    graph. An elementwise definition is then computed in float64 and cast to the type of the
    input, any other in that type itself.
    """
    keywords = dict(parameters)
    derivative = activation.derivative if activation.kind == "elementwise" else None

    def forward(*inputs: Any) -> Any:
        as_np = [x.as_np_ndarray() for x in inputs]
        return activation.forward(namespace, *as_np, **keywords).as_nd_ndarray()

    def build(*inputs: Any) -> Any:
        if derivative is None and dtype is None:
            return forward(*inputs)  # MXNet differentiates this, which a cast to x's type prevents
        widen, narrow = _casts(dtype, inputs[0])
        wide = [widen(x) for x in inputs]
        if derivative is None:
            return narrow(forward(*wide))
        # Blocked here: MXNet sends the gradient 0 of a blocked result on through the operations
        # before it, and 0 times an infinity in the unused branch of a `where` is NaN.
        constant = mx.sym.BlockGrad(wide[0])
        value = forward(constant)
        slope = derivative(namespace, constant.as_np_ndarray(), **keywords).as_nd_ndarray()
        if dtype is None:
            return _with_gradient(inputs[0], narrow(value), narrow(slope))
        return narrow(_with_gradient(wide[0], value, slope))

    return build


def _with_gradient(x: Any, value: Any, slope: Any) -> Any:
    """`value` with the gradient `slope`, from operators alone, exact at infinities too.

    sign_ste is the sign with the gradient of the identity, so that the bracket is 0 and has the
    gradient of -slope·x. The sign of NaN is 0: the bracket is finite whatever x is.
    """
    sign = mx.sym.contrib.sign_ste(x * mx.sym.BlockGrad(slope))
    return mx.sym.BlockGrad(value) - (mx.sym.BlockGrad(sign) - sign)


def _casts(dtype: str | None, like: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """The casts into the type to compute in, and back into that of the input."""
    if dtype == "float16":
        return _cast("float32"), _cast("float16")
    if dtype == "bfloat16":
        # Cast truncates to bfloat16, in the backward pass of the first one too; amp_cast rounds.
        return _amp_cast("float32"), _amp_cast(BFLOAT16)
    if dtype is None:
        return _cast("float64"), lambda y: _cast_like(y, like)
    return lambda x: x, lambda y: y


def _cast(dtype: str) -> Callable[[Any], Any]:
    return lambda x: mx.sym.Cast(x, dtype=dtype)


def _amp_cast(dtype: Any) -> Callable[[Any], Any]:
    return lambda x: mx.sym.amp_cast(x, dtype=dtype)


def _cast_like(y: Any, x: Any) -> Any:
    """`y` in the type of `x`, which is known only when the graph is bound; no gradient.

    MXNet has no such operator, but inserting into an array converts to the array's type.
    """

    def as_row(a: Any) -> Any:
        return mx.sym.reshape(mx.sym.BlockGrad(a), shape=(1, -1)).as_np_ndarray()

    both = mx.sym.numpy._internal.insert_scalar(as_row(x), as_row(y), int_ind=0, axis=0)
    first = mx.sym.slice_axis(both.as_nd_ndarray(), axis=0, begin=0, end=1)
    return mx.sym.BlockGrad(mx.sym.reshape_like(first, x))
