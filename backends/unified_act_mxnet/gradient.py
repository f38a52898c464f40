"""Differentiation on MXNet: analytic derivatives for shared definitions, and `value_and_grad`.

A shared definition is a graph here, with the analytic derivative as its gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from unified_act.activation import Activation
from unified_act.assembly import assemble, elements, own_parameters, pullback_of
from unified_act.backend import check_cotangent, detached_error
from unified_act_mxnet import namespace, variant
from unified_act_mxnet._framework import BFLOAT16, forget_overflow, mx

__all__ = ["Graph", "shared_definition", "value_and_grad"]

Graph = Callable[..., Any]
"""Takes legacy symbols, one for each input, and returns the legacy symbol of the result."""


def shared_definition(
    activation: Activation,
    parameters: Mapping[str, float],
    dtype: str | None = None,
    *,
    with_gradient: bool = True,
) -> Graph:
    """Returns the function that builds the graph of the shared definition.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: That of the inputs; None, in a graph of the user's, means unknown: MXNet finds out
            when it binds the graph. An elementwise definition is then computed in float64 and cast
            to the type of the input, any other in that type itself.
        with_gradient: Whether the graph may be differentiated. The analytic derivative is computed
            with the value.
    """
    masked = [name in activation.masks for name in activation.inputs_for(parameters)]
    keywords = own_parameters(activation, parameters)
    derivative = None if activation.along_axis else activation.derivative
    one_shape = activation.one_shape or not activation.along_axis
    xp: Any = variant.NAMESPACE if one_shape else namespace
    spread = elements(activation, xp, parameters)

    def build(*inputs: Any) -> Any:
        forget_overflow()  # for definitions of the user's
        own_type = dtype is None and not activation.kind.elementwise
        widen, narrow = (_same, _same) if own_type else _casts(dtype, inputs[0])

        def cast_by(cast: Callable[[Any], Any]) -> list[Any]:
            return [x if mask else cast(x) for x, mask in zip(inputs, masked, strict=True)]

        wide = cast_by(widen)
        if derivative is None:
            return narrow(_whole(activation, xp, parameters, wide, with_gradient))
        terms = read = _terms(spread, wide)
        if dtype == "bfloat16":  # amp_cast is for the gradient: it loses the sign of zeros
            read, narrow = _terms(spread, cast_by(_cast("float32"))), _cast(BFLOAT16)
        # Blocked here: MXNet sends the gradient 0 of a blocked result on through the operations
        # before it, and 0 times an infinity in the unused branch of a `where` is NaN.
        constants = [mx.sym.BlockGrad(term).as_np_ndarray() for term in read]
        value = activation.forward(xp, *constants, **keywords).as_nd_ndarray()
        if dtype == "bfloat16":
            value = _rounded_to_bfloat16(value)
        if not with_gradient:
            return narrow(value)
        slopes = activation.kind.listed(derivative(xp, *constants, **keywords))
        slopes = [slope.as_nd_ndarray() for slope in slopes]
        if dtype is None:  # a cast to the type of the input lets no gradient through
            return _with_slopes(
                inputs if not own_type else terms, narrow(value), map(narrow, slopes)
            )
        return narrow(_with_slopes(terms, value, slopes))

    return build


def _whole(
    activation: Activation,
    xp: Any,
    parameters: Mapping[str, float],
    inputs: Sequence[Any],
    with_gradient: bool,
) -> Any:
    """The definition as MXNet differentiates it; a symmetric one has its own derivative."""
    whole = assemble(activation, xp, parameters)
    if not (activation.symmetric and with_gradient):
        return whole(*(x.as_np_ndarray() for x in inputs)).as_nd_ndarray()
    constants = [mx.sym.BlockGrad(x).as_np_ndarray() for x in inputs]
    pullback = pullback_of(activation, xp, parameters)
    assert pullback is not None  # noqa: S101
    value = whole(*constants).as_nd_ndarray()
    return _with_rows_gradient(inputs[0], value, lambda tangent: pullback(tangent, *constants)[0])


def _terms(spread: Callable[..., Iterable[Any]], inputs: Iterable[Any]) -> list[Any]:
    """What `spread` makes of the inputs, both as symbols of the older kind."""
    return [term.as_nd_ndarray() for term in spread(*(x.as_np_ndarray() for x in inputs))]


def _with_slopes(terms: Iterable[Any], value: Any, slopes: Iterable[Any]) -> Any:
    """`value` with the gradient `slopes` by `terms`, from operators alone, exact at infinities too.

    sign_ste is the sign with the gradient of the identity, so that the bracket is 0 and has the
    gradient of -slope·x. The sign of NaN is 0: the bracket is finite whatever x is.
    """
    result = mx.sym.BlockGrad(value)
    for x, slope in zip(terms, slopes, strict=True):
        sign = mx.sym.contrib.sign_ste(x * mx.sym.BlockGrad(slope))
        result = result - (mx.sym.BlockGrad(sign) - sign)
    return result


def _with_rows_gradient(x: Any, value: Any, carry: Callable[[Any], Any]) -> Any:
    """`value` with the derivative that `carry`, linear and symmetric, applies to a tangent.

    MXNet differentiates what `carry` does to a tangent that is 0 and has the gradient of x; that
    keeps the digits which its own derivative of a whole axis cancels.
    """
    sign = mx.sym.contrib.sign_ste(x)
    tangent = (sign - mx.sym.BlockGrad(sign)).as_np_ndarray()
    return mx.sym.BlockGrad(value) + carry(tangent).as_nd_ndarray()


def _same(x: Any) -> Any:
    return x


def _casts(dtype: str | None, like: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """The casts into the type to compute in, and back into that of the input."""
    if dtype == "float16":
        return _cast("float32"), _cast("float16")
    if dtype == "bfloat16":
        # Cast truncates to bfloat16, in the backward pass of the first one too; amp_cast rounds.
        return _amp_cast("float32"), _amp_cast(BFLOAT16)
    if dtype is None:
        return _cast("float64"), lambda y: _cast_like(y, like)
    return _same, _same


def _rounded_to_bfloat16(x: Any) -> Any:
    """The nearest number of bfloat16, in float32, without a gradient.

    amp_cast rounds, but makes -0 to 0 on processors without AVX-512.
    """
    rounded = _cast("float32")(_amp_cast(BFLOAT16)(x)).as_np_ndarray()
    zero = (x * 0.0).as_np_ndarray()  # MXNet's copysign takes -0 for positive
    return variant.where(rounded == 0.0, zero, rounded).as_nd_ndarray()


def _cast(dtype: Any) -> Callable[[Any], Any]:
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
    check_cotangent(cotangent, value, mx.nd.NDArray)
    if value.size == 0:  # nothing to differentiate, and MXNet fails at some of it
        return value.detach(), tuple(x.grad for x in given)
    try:
        value.backward(cotangent)
    except mx.MXNetError as error:
        if "computational graph" not in str(error):
            raise
        raise detached_error("MXNet") from error
    return value.detach(), tuple(x.grad for x in given)
