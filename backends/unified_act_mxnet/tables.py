"""Elementwise activations in the 16-bit types on MXNet, by table."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from unified_act.activation import Activation
from unified_act.kernels import table_of
from unified_act_mxnet._framework import BFLOAT16, DTYPE_OBJECTS, mx
from unified_act_mxnet.calls import in_order
from unified_act_mxnet.gradient import with_slopes
from unified_act_mxnet.guards import is_plain

__all__ = ["by_table"]

_own = threading.local()


def by_table(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    shared: Callable[..., Any],
) -> Callable[..., Any]:
    """Returns an elementwise activation that looks up its values and derivatives in a table.

    NumPy looks up what an array holds on a CPU, fifty times as fast as MXNet computes in 16 bits.
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
        if not is_plain(x) or (recorded and not table.orders):
            return shared(x)
        bits = np.ascontiguousarray(x.asnumpy()).view(np.uint16)
        value = _array(table.values()[bits], dtype)
        if not recorded:
            return value
        return _recorded(dtype)(x, value, mx.nd.from_numpy(table.slopes()[bits]))

    return call


def _array(bits: Any, dtype: str) -> Any:
    """Returns the array whose elements have these bits."""
    if dtype == "float16":
        return mx.nd.from_numpy(bits.view(np.float16))  # shares the memory
    return mx.nd.array(bits.view(BFLOAT16), dtype=BFLOAT16)


def _recorded(dtype: str) -> Callable[..., Any]:
    """Returns ``function(x, value, slope)``: the value, with this slope for its gradient.

    The slope is float32: the gradient is computed in that, and rounded once.
    """
    operators: dict[str, Callable[..., Any]] = vars(_own)  # one for each thread, see the backend
    if dtype not in operators:
        names = ("x", "value", "slope")
        x, value, slope = map(mx.sym.var, names)
        # As in the shared definition: each cast rounds, in the backward pass too, and keeps zeros.
        wide = mx.sym.amp_cast(x, dtype="float32")
        exact = mx.sym.Cast(value, dtype="float32")
        result = with_slopes([wide], exact, [slope])
        narrow = mx.sym.Cast(result, dtype=DTYPE_OBJECTS[dtype])
        operators[dtype] = in_order(names, narrow)
    return operators[dtype]
