"""The functions that activations are written with, for graphs that PyTorch does not run itself.

`FOR_ONNX` is for a graph that becomes an ONNX model. ONNX has no expm1, log1p and erfc. PyTorch's
exporters refuse them, or write what loses all digits; here they consist of what ONNX has.

`FOR_INDUCTOR` is for a graph that Inductor compiles. It has the functions of `elementary`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unified_act import special
from unified_act.catalogue.gaussian import gelu
from unified_act_torch import elementary, namespace

__all__ = ["FOR_INDUCTOR", "FOR_ONNX"]

FOR_ONNX = special.variant_of(namespace)
FOR_ONNX.expm1 = partial(special.expm1, FOR_ONNX)
FOR_ONNX.log1p = partial(special.log1p, FOR_ONNX)

_Function = Callable[..., Tensor]


def _in_double(function: _Function, otherwise: _Function) -> _Function:
    """Returns `function`, for the tensors that are computed in float64."""

    def chosen(*inputs: Tensor) -> Tensor:
        return function(*inputs) if elementary.in_double(inputs[-1]) else otherwise(*inputs)

    return chosen


def _composed(function: _Function) -> _Function:
    return lambda *inputs: function(namespace, *inputs)  # Dynamo traces no partial here


def _for_inductor() -> Any:
    made = special.variant_of(namespace)
    made.times_erfc = _in_double(elementary.times_erfc, namespace.times_erfc)
    made.erfc = lambda x: made.times_erfc(torch.ones_like(x), x)
    made.own = {
        "gelu": _in_double(elementary.gelu, _composed(gelu)),
        "square_exp": _in_double(elementary.square_exp, _composed(special.square_exp)),
        "times_gaussian": _in_double(elementary.square_exp, _composed(special.times_gaussian)),
    }
    return made


FOR_INDUCTOR = _for_inductor()
