"""Mutants that need a framework: of second derivatives, compilers, forward mode and memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

import unified_act as ua
from unified_act_conformance.mutants.base import Mutant
from unified_act_conformance.subject import Subject, function_of_users

__all__ = ["TORCH_MUTANTS"]

Unary = Callable[[Tensor], Tensor]

TANH, SILU, GELU = Subject("tanh"), Subject("silu"), Subject("gelu")

gelu: Unary = ua.get_activation("gelu", backend="torch", numerics="strict")
gelu_tanh: Unary = ua.get_activation("gelu_tanh", backend="torch", numerics="strict")
silu: Unary = ua.get_activation("silu", backend="torch", numerics="strict")


class _Slope(torch.autograd.Function):
    """The derivative of tanh, with twice the second derivative."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        e = torch.exp(torch.abs(x) * -2.0)
        return e * 4.0 / ((1.0 + e) * (1.0 + e))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        del output
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return cotangent * -4.0 * torch.tanh(x) * _Slope.forward(x)


def _tanh(slope: Unary, tangent_factor: float = 1.0) -> Unary:
    """Returns tanh with this derivative in backward mode, and a multiple of it in forward mode."""

    class Tanh(torch.autograd.Function):
        @staticmethod
        def forward(x: Tensor) -> Tensor:
            return torch.tanh(x)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            del output
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, cotangent: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            return cotangent * slope(x)

        @staticmethod
        def jvp(ctx: Any, tangent: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            return tangent * slope(x) * tangent_factor

    apply: Unary = Tanh.apply
    return apply


class _SoftmaxOnce(torch.autograd.Function):
    """Softmax whose gradient is a constant to the next differentiation."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        shares = torch.softmax(x, -1)
        ctx.save_for_backward(shares)
        return shares

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Tensor:
        (shares,) = ctx.saved_tensors
        cotangent = cotangent.detach()
        mean = (cotangent * shares).sum(-1, keepdim=True)
        return cast("Tensor", shares.detach() * (cotangent - mean).detach())


_softmax_once: Unary = _SoftmaxOnce.apply


def _compiled_otherwise(x: Tensor) -> Tensor:
    return gelu_tanh(x) if torch.compiler.is_compiling() else gelu(x)


def _graph_break(x: Tensor) -> Tensor:
    if float(x.detach().reshape(-1)[:1].sum()) == 1234.5:
        return x
    return gelu(x)


def _keeps_more(x: Tensor) -> Tensor:
    """The right numbers, but the product keeps one of its factors too."""
    return silu(x) * torch.ones_like(x)


def _mutant(
    fault: str,
    subject: Subject,
    function: Unary,
    seen_by: str,
    dtype: str = "float32",
) -> Mutant:
    return Mutant(fault, subject, function_of_users(function), seen_by, dtype, "strict", "torch")


TORCH_MUTANTS: tuple[Mutant, ...] = (
    _mutant(
        "the second derivative is zero",
        TANH,
        _tanh(lambda x: _Slope.forward(x.detach())),
        "order 2",
    ),
    _mutant("the second derivative is doubled", TANH, _tanh(_Slope.apply), "order 2"),
    _mutant("the second derivative is zero", Subject("softmax"), _softmax_once, "order 2"),
    _mutant("forward mode is doubled", TANH, _tanh(_Slope.forward, 2.0), "forward mode"),
    _mutant(
        "part of the gradient is detached", SILU, lambda x: x * torch.sigmoid(x.detach()), "order 1"
    ),
    _mutant(
        "a NumPy round trip", GELU, lambda x: torch.from_numpy(gelu(x).detach().numpy()), "order 1"
    ),
    _mutant(
        "in place",
        Subject("relu"),
        lambda x: x.relu_() if not x.requires_grad else x.relu(),
        "not mutated",
    ),
    _mutant("compiled, it is gelu_tanh", GELU, _compiled_otherwise, "mode compile"),
    _mutant("cannot be compiled in one graph", GELU, _graph_break, "mode compile"),
    _mutant("keeps another array", SILU, _keeps_more, "saved tensors"),
    _mutant(
        "float16 comes back as float32",
        SILU,
        lambda x: torch.sigmoid(x.float()) * x.float(),
        "order 0",
        "float16",
    ),
)
