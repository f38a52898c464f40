"""Compositions of PyTorch's kernels, where it has no kernel for an activation or a worse one."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["log_sigmoid", "log_softmax", "long_softmin", "rrelu", "softmax", "softmin"]


def rrelu(x: Tensor, *, lower: float, upper: float) -> Tensor:
    """A leaky ReLU with the mean slope, as rrelu is outside of training."""
    return torch.nn.functional.leaky_relu(x, 0.5 * (lower + upper))


def log_sigmoid(x: Tensor) -> Tensor:
    """log(1/(1 + exp(-x))), which saves one tensor for backward."""
    return -torch.nn.functional.softplus(-x, beta=1.0, threshold=20.0)


# PyTorch's kernels for the next two add up a row term by term; its sum goes in blocks.


def softmax(x: Tensor, *, dim: int) -> Tensor:
    """Softmax of long rows."""
    e = _shifted(x, dim).exp()
    return (e / e.sum(dim, keepdim=True)).to(x.dtype)


def softmin(x: Tensor, *, dim: int) -> Tensor:
    """Softmax of the negated input, of short rows."""
    return torch.softmax(-x, dim)


def long_softmin(x: Tensor, *, dim: int) -> Tensor:
    """Softmin of long rows."""
    return softmax(-x, dim=dim)


def log_softmax(x: Tensor, *, dim: int) -> Tensor:
    """The logarithm of softmax, of long rows."""
    shifted = _shifted(x, dim)
    return (shifted - shifted.exp().sum(dim, keepdim=True).log()).to(x.dtype)


def _shifted(x: Tensor, dim: int) -> Tensor:
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    return wide - wide.amax(dim, keepdim=True).detach()
