"""Differentiation on PyTorch: analytic derivatives for shared definitions, and `value_and_grad`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from unified_act.activation import Activation
from unified_act.errors import InputTypeError, UnsupportedError
from unified_act_torch import namespace

__all__ = ["shared_definition", "value_and_grad"]


def _widen(x: Tensor) -> Tensor:
    """16-bit arrays in float32: they are computed there and rounded once."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def shared_definition(
    activation: Activation, parameters: Mapping[str, float]
) -> Callable[..., Tensor]:
    """Returns the shared definition, differentiated analytically where that is known.

    Second derivatives follow by differentiating the derivative's own operations.
    """
    # Everything below closes over functions and numbers only, which Dynamo can trace.
    forward, keywords = activation.forward, dict(parameters)
    pullback = activation.pullback(namespace, parameters)
    derivative = activation.derivative

    def value(*inputs: Tensor) -> Tensor:
        wide = [_widen(x) for x in inputs]
        result: Tensor = forward(namespace, *wide, **keywords)
        return result.to(inputs[0].dtype)

    if pullback is None or derivative is None:
        return value

    class Shared(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*inputs: Tensor) -> Tensor:
            return value(*inputs)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, cotangent: Tensor) -> Any:
            inputs = ctx.saved_tensors
            wide = [_widen(x) for x in inputs]
            cotangents = pullback(_widen(cotangent), *wide)
            return tuple(c.to(x.dtype) for c, x in zip(cotangents, inputs, strict=True))

    if activation.kind != "elementwise":
        return Shared.apply

    class SharedEager(Shared):
        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def jvp(ctx: Any, tangent: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            wide = _widen(tangent) * derivative(namespace, _widen(x), **keywords)
            return wide.to(x.dtype)

    def apply(x: Tensor) -> Tensor:
        # Dynamo traces no Function with a forward-mode rule, so it gets the one without.
        if torch.compiler.is_compiling():
            return Shared.apply(x)
        return SharedEager.apply(x)

    return apply


def value_and_grad(
    function: Callable[..., Tensor], inputs: Sequence[Tensor], cotangent: Tensor | None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Returns the value and the cotangent of each input, by reverse-mode differentiation."""
    leaves = [x.detach().requires_grad_() for x in inputs]
    with torch.enable_grad():
        value = function(*leaves)
    if cotangent is None:
        cotangent = torch.ones_like(value)
    elif cotangent.shape != value.shape or cotangent.dtype != value.dtype:
        raise InputTypeError(
            f"the cotangent must match the output: {tuple(value.shape)} {value.dtype}, "
            f"got {tuple(cotangent.shape)} {cotangent.dtype}."
        )
    if not value.requires_grad:
        raise UnsupportedError(
            "the output does not depend on the input through PyTorch operations: the gradient "
            "was detached on the way."
        )
    return value.detach(), torch.autograd.grad(value, leaves, cotangent)
