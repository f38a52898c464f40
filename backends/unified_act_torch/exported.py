"""The functions that activations are written with, for a graph that becomes an ONNX model.

ONNX has no expm1, log1p and erfc. PyTorch's exporters refuse them, or write what loses all digits;
here they consist of what ONNX has.
"""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import torch
from torch import Tensor

from unified_act import special
from unified_act_torch import namespace

__all__ = ["NAMESPACE"]

NAMESPACE = SimpleNamespace(**{name: getattr(namespace, name) for name in namespace.__all__})


def _erfc(x: Tensor) -> Tensor:
    result: Tensor = special.times_erfc(NAMESPACE, torch.ones_like(x), x)
    return result


NAMESPACE.erfc = _erfc
NAMESPACE.expm1 = partial(special.expm1, NAMESPACE)
NAMESPACE.log1p = partial(special.log1p, NAMESPACE)
NAMESPACE.times_erfc = partial(special.times_erfc, NAMESPACE)
