"""Elementwise activations in float16 on MXNet, by table."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from unified_act.activation import Activation
from unified_act.kernels import table_of
from unified_act_mxnet._framework import mx
from unified_act_mxnet.calls import in_order
from unified_act_mxnet.gradient import with_slopes

__all__ = ["by_table"]

_own = threading.local()


def by_table(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    shared: Callable[..., Any],
) -> Callable[..., Any]:
    """Returns an elementwise activation that looks up its values and derivatives in a table.

    NumPy looks up what an array holds on a CPU, fifty times as fast as MXNet computes in float16.
    Symbols, and so hybridized blocks, get the shared definition.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The 16-bit type.
        shared: The shared definition.
    """
    table = table_of(activation, parameters, dtype)

    def call(x: Any) -> Any:
        recorded = mx.autograd.is_recording()
        if not _is_plain(x) or (recorded and not table.orders):
            return shared(x)
        numbers = x.asnumpy()
        value = mx.nd.from_numpy(table.at(numbers))
        if not recorded:
            return value
        slope = mx.nd.from_numpy(table.slopes()[numbers.view("uint16")])
        return _recorded()(x, value, slope)

    return call


def _is_plain(x: Any) -> bool:
    """Whether an array is dense and on a CPU, and has both dimensions and elements."""
    shape = x.shape
    return type(x) is mx.nd.NDArray and bool(shape) and 0 not in shape and x.context == mx.cpu()


def _recorded() -> Callable[..., Any]:
    """Returns ``function(x, value, slope)``: the value, with this slope for its gradient.

    The slope is float32: the gradient is computed in that, and rounded once.
    """
    if not hasattr(_own, "operator"):  # one for each thread, see the backend
        x, value, slope = map(mx.sym.var, ("x", "value", "slope"))
        wide, exact = (mx.sym.Cast(each, dtype="float32") for each in (x, value))
        result = mx.sym.Cast(with_slopes([wide], exact, [slope]), dtype="float16")
        _own.operator = in_order(("x", "value", "slope"), result)
    operator: Callable[..., Any] = _own.operator
    return operator
