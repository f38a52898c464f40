"""Kernels without the layer of Python that PyTorch has in front of some of them.

Those functions look for other types of arrays and for in-place variants, and then run an operation,
which is found here by itself. What this uses is in part not public: where a version lacks it, the
public function is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from unified_act.backend import (
    Native,
    Request,
    dtype_test,
    positional_call,
    shortcut,
    written_call,
)
from unified_act_torch.guards import have_lengths

__all__ = ["at_most", "checked_once", "fastest_call", "short_way", "test_of_short_rows"]

_MOST_SHAPES = 256
"""For so many shapes it is kept that they have passed a check."""
_LARGE = 5_000
"""For fewer elements PyTorch's own operation is quicker, whatever the rows are."""
_ORDER: Mapping[str, Sequence[str]] = {
    "celu": ("alpha",),
    "elu": ("alpha",),
    "hardshrink": ("lambd",),
    "hardsigmoid": (),
    "hardswish": (),
    "hardtanh": ("min_val", "max_val"),
    "leaky_relu": ("negative_slope",),
    "log_softmax": ("dim",),
    "mish": (),
    "relu6": (),
    "silu": (),
    "softmax": ("dim",),
    "softplus": ("beta", "threshold"),
    "softshrink": ("lambd",),
    "threshold": ("threshold", "value"),
}
"""The arguments, in order, of the operations that have the name of their public function: by
position they are passed faster than by keyword, for softmax by 0.18 µs."""


def _defaults(name: str) -> Mapping[str, Any]:
    """What an operation of the installed version takes for arguments that are not passed.

    To pass a text costs 0.08 µs, and two numbers 0.1.
    """
    find = getattr(torch._C, "_jit_get_schemas_for_operator", lambda name: ())
    return {
        argument.name: argument.default_value
        for schema in find(f"aten::{name}")[:1]
        for argument in schema.arguments
        if argument.has_default_value()
    }


def short_way(request: Request, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that runs a kernel on tensors of admitted types, else ``otherwise``.

    Args:
        request: What is asked for.
        otherwise: The long way, which takes everything and checks it.
    """
    kernel, inputs = request.kernel, ["x", "weight"][: len(request.inputs)]
    if kernel is None or not kernel.dtypes or len(request.inputs) > 2:
        return otherwise
    if len(inputs) == 2 and kernel.is_override:
        return otherwise  # a user's function may take a mask or noise, of another type
    anywhere = [dtype for dtype in kernel.dtypes if dtype not in request.at_home]
    tests = [f"({dtype_test(anywhere)})"] if anywhere else []
    tests += [f"({dtype_test(request.at_home)}) and x.is_cpu"] if request.at_home else []
    condition = " or ".join(tests)
    if request.fits:
        condition = f"({condition}) and fits[dtype](x.shape)"
    if request.is_short is not None:
        condition = f"{condition} and not is_short(x)"
    if len(inputs) == 2:  # kernels take one number, or a vector; a compiler cannot follow a refusal
        condition = f"({condition}) and weight.ndim < 2"
    function, call = fastest_call(kernel, request.arguments, inputs)
    scope = {
        "function": function,
        "fits": {getattr(torch, dtype): test for dtype, test in request.fits.items()},
        "is_short": request.is_short,
        **{dtype: getattr(torch, dtype) for dtype in kernel.dtypes},
        # Also for what does not go together, and for sparse tensors: the long way explains it.
        "refusals": (AttributeError, TypeError, IndexError, RuntimeError),
    }
    return shortcut(condition, call, otherwise, scope, inputs)


def checked_once(function: Callable[..., Any], checked: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that runs without a check on shapes that have passed one.

    Args:
        function: The function without a check.
        checked: The function with one.
    """
    passed: set[Any] = set()

    def call(*inputs: Any) -> Any:
        # Of what is compiled or recorded, lengths may be unknown.
        if torch.compiler.is_compiling() or not have_lengths(*inputs):
            return checked(*inputs)
        shapes = tuple([x.shape for x in inputs])
        if shapes in passed:
            return function(*inputs)
        result = checked(*inputs)
        if len(passed) >= _MOST_SHAPES:
            passed.clear()
        passed.add(shapes)
        return result

    return call


def at_most(length: int | None, longest: int) -> bool:
    """Whether a row is known to have no more elements than `longest`.

    A graph that is compiled, exported or recorded for rows of any length must do for all of them.
    """
    if length is None or torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return False
    if torch.compiler.is_compiling():
        from torch.fx.experimental.symbolic_shapes import statically_known_true  # which is slow

        return bool(statically_known_true(length <= longest))
    return length <= longest


def test_of_short_rows(kernel: Native, axis: int) -> Callable[[Tensor], bool]:
    """Returns a function that tells whether an array is large, and its rows are short.

    Args:
        kernel: The row of the table, which has the lengths.
        axis: The axis of the rows.
    """
    lengths = {getattr(torch, dtype): length for dtype, length in kernel.short.items()}

    def is_short(x: Tensor) -> bool:
        if torch.compiler.is_compiling() or x.numel() < _LARGE:
            return False
        return axis in (-1, x.ndim - 1) and x.shape[-1] < lengths.get(x.dtype, 0)

    return is_short


def fastest_call(
    kernel: Native, arguments: Mapping[str, Any], inputs: Sequence[str] = ("x",)
) -> tuple[Callable[..., Any], str]:
    """Returns what runs a kernel, and the text of its call, in which it is called ``function``.

    Args:
        kernel: The row of the table.
        arguments: The keywords of the kernel's call.
        inputs: What the call is given before them.
    """
    _, _, name = kernel.label.rpartition(".")
    operation = getattr(torch._C._nn, name, None) or getattr(torch, name, None)
    public = kernel.find(torch)
    if kernel.is_override or operation is None or (name not in _ORDER and public is not operation):
        return public, written_call(arguments, inputs)
    defaults = _defaults(name)
    if name not in _ORDER:
        given = {
            keyword: value for keyword, value in arguments.items() if defaults.get(keyword) != value
        }
        return public, written_call(given, inputs)
    values = [arguments[keyword] for keyword in _ORDER[name]]
    for keyword in reversed(_ORDER[name]):
        if defaults.get(keyword) != arguments[keyword]:
            break
        values.pop()
    return operation, positional_call(values, inputs)
