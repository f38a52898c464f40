"""The functions that activations are written with, for a graph that becomes an ONNX model.

ONNX has no expm1, log1p and erfc. PyTorch's exporters refuse them, or write what loses all digits;
here they consist of what ONNX has.
"""

from __future__ import annotations

from functools import partial

from unified_act import special
from unified_act_torch import namespace

__all__ = ["NAMESPACE"]

NAMESPACE = special.variant_of(namespace)
NAMESPACE.expm1 = partial(special.expm1, NAMESPACE)
NAMESPACE.log1p = partial(special.log1p, NAMESPACE)
