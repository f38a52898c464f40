"""Kernels without the layer of Python that PyTorch has in front of some of them.

Those functions look for other types of arrays and for in-place variants, and then run an operation,
which is found here by itself. What this uses is not public: where a version lacks it, the public
function is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from unified_act.backend import Native
from unified_act.shortcuts import positional_call, written_call

__all__ = ["fastest_call"]

_OPERATIONS: Mapping[str, Sequence[str]] = {
    "elu": ("alpha",),
    "hardsigmoid": (),
    "hardswish": (),
    "hardtanh": ("min_val", "max_val"),
    "leaky_relu": ("negative_slope",),
    "mish": (),
    "relu6": (),
    "silu": (),
}
"""Functions of torch.nn.functional that run the operation of their name, and its arguments in
order: by position they are passed faster than by keyword."""
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {"gelu": {"approximate": "none"}}
"""Arguments that an operation's schema has as its own: to pass the text costs 0.08 µs."""


def fastest_call(kernel: Native, arguments: Mapping[str, Any]) -> tuple[Callable[..., Any], str]:
    """Returns what runs a kernel, and the text of its call, in which it is called ``function``.

    Args:
        kernel: The row of the table.
        arguments: The keywords of the kernel's call.
    """
    _, _, name = kernel.label.rpartition("nn.functional.")
    operation = getattr(torch._C._nn, name, None)
    if name not in _OPERATIONS or operation is None or kernel.is_override:
        own = _DEFAULTS.get(name, {})
        given = {
            keyword: value for keyword, value in arguments.items() if own.get(keyword) != value
        }
        return kernel.find(torch), written_call(given)
    return operation, positional_call([arguments[keyword] for keyword in _OPERATIONS[name]])
