"""The `Namespace` of PyTorch: the functions in which activations are written."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.special import erfcx

from unified_act import special
from unified_act.shapes import channel_shape, every_second, section_length, summed_axes
from unified_act_torch import calls

abs, cos, exp, expm1, floor = torch.abs, torch.cos, torch.exp, torch.expm1, torch.floor
log, log1p = torch.log, torch.log1p
full_like, sin, sqrt, tanh = torch.full_like, torch.sin, torch.sqrt, torch.tanh
erfc, pow, where = torch.erfc, torch.pow, torch.where
logical_and, logical_not, logical_or = torch.logical_and, torch.logical_not, torch.logical_or

_BLOCK = 256
"""Inductor adds so many terms one after another."""
_THIS = sys.modules[__name__]
_TAIL, _END = 5.0, 30.0
"""Where erfc begins to be small, and where it is 0 in every dtype."""


def times_erfc(factor: Tensor, x: Tensor) -> Tensor:
    """`factor` · erfc(x); PyTorch's erfc loses its digits where it is small."""
    # Some other devices are slow in float64, or have none.
    if x.dtype == torch.float32 and x.device.type == "cpu":
        wide: Tensor = factor * erfc(x.to(torch.float64))
        return wide.to(x.dtype)
    # By way of exp(x²)·erfc(x).
    tail = where(x > _TAIL, where(x > _END, _END, x), _TAIL)
    return where(x > _TAIL, special.square_exp(_THIS, factor * erfcx(tail), tail), factor * erfc(x))


def sum(x: Tensor, *, axis: int) -> Tensor:
    """Sum along `axis`, which is kept with length 1."""
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting() and x.ndim:
        return _sum_of_blocks(x, axis)
    return torch.sum(x, dim=axis, keepdim=True)


def _sum_of_blocks(x: Tensor, axis: int) -> Tensor:
    """The sum, for a compiler: PyTorch's kernel sums in blocks, what Inductor writes does not."""
    if calls.at_most(x.shape[axis], _BLOCK):
        return torch.sum(x, dim=axis, keepdim=True)
    rows = x.movedim(axis, -1)
    blocks = (rows.shape[-1] + (_BLOCK - 1)) // _BLOCK
    filled = torch.nn.functional.pad(rows, (0, blocks * _BLOCK - rows.shape[-1]))
    of_blocks = filled.reshape(*rows.shape[:-1], blocks, _BLOCK).sum(-1)
    return of_blocks.sum(-1, keepdim=True).movedim(-1, axis)


def max(x: Tensor, *, axis: int) -> Tensor:
    """Maximum along `axis`, which is kept with length 1."""
    if x.ndim and lengths(x)[axis] == 0:  # which PyTorch refuses
        return torch.sum(x, dim=axis, keepdim=True) - math.inf
    return torch.amax(x, dim=axis, keepdim=True)


def prod(x: Tensor, *, axis: int) -> Tensor:
    """Product along `axis`, which is kept with length 1."""
    return torch.prod(x, dim=axis, keepdim=True)


def cumulative_sum(x: Tensor, *, axis: int) -> Tensor:
    """Cumulative sum along `axis`."""
    return torch.cumsum(x, dim=axis)


def sort(x: Tensor, *, axis: int) -> Tensor:
    """The elements in increasing order along `axis`."""
    return torch.sort(x, dim=axis).values


def split(x: Tensor, sections: int, *, axis: int) -> list[Tensor]:
    """Splits `x` into equal parts along `axis`."""
    section_length(lengths(x), sections, axis)
    return list(torch.chunk(x, sections, dim=axis))


def concat(arrays: Sequence[Tensor], *, axis: int) -> Tensor:
    """Concatenates the arrays along `axis`."""
    return torch.cat(tuple(arrays), dim=axis)


def deinterleave(x: Tensor, *, axis: int) -> list[Tensor]:
    """The elements at even places along `axis`, and those at odd ones."""
    section_length(lengths(x), 2, axis)
    return [x[every_second(start, axis)] for start in (0, 1)]


def interleave(arrays: Sequence[Tensor], *, axis: int) -> Tensor:
    """The elements of both arrays in turn along `axis`."""
    first, second = (axis, axis + 1) if axis >= 0 else (axis - 1, axis)
    return torch.stack(tuple(arrays), dim=second).flatten(first, second)


def stop_gradient(x: Tensor) -> Tensor:
    """`x` as a constant: no derivative flows through it."""
    return x.detach()


def channel_weight(weight: Tensor, x: Tensor, *, axis: int) -> Tensor:
    """`weight` in a shape that broadcasts to `x`: a vector along `axis`."""
    if weight.ndim > 1:
        return weight
    if weight.numel() == 1:
        return weight.reshape(())
    return weight.reshape(channel_shape(weight.numel(), lengths(x), axis))


def whole_weight(weight: Tensor, x: Tensor) -> Tensor:
    """`weight`, which broadcasts to `x`, in the shape of `x`."""
    return weight + full_like(x, 0.0)


def sum_to_weight(x: Tensor, weight: Tensor, *, axis: int) -> Tensor:
    """The transpose of `channel_weight`: sums `x` over all axes along which `weight` is one."""
    if weight.numel() == 1:
        return sum(x.reshape(-1), axis=0).reshape(weight.shape)
    if weight.ndim > 1:
        over = summed_axes(weight.shape, x.ndim)
    else:
        over = [d for d in range(x.ndim) if d != axis % x.ndim]
    if not over:
        return x
    if torch.compiler.is_compiling():
        kept = [d for d in range(x.ndim) if d not in over]
        rows = x.permute(*kept, *over).reshape(weight.numel(), -1)
        return sum(rows, axis=1).reshape(weight.shape)
    return torch.sum(x, dim=over).reshape(weight.shape)


def lengths(x: Tensor) -> Sequence[int | None]:
    """The shape of `x`; where torch.jit records, which warns who asks for lengths, without them."""
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return [None] * x.ndim
    return x.shape


special.complete(sys.modules[__name__])
