"""Elementwise activations in the 16-bit types on PyTorch, by table."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import Tensor
from torch.autograd import Function

from unified_act.activation import Activation
from unified_act.assembly import pullback_of
from unified_act.kernels import NARROW, Gather, Table, gather, table_of
from unified_act_torch import namespace
from unified_act_torch.gradient import by_operations, widen, with_pullback
from unified_act_torch.guards import (
    applied,
    are_on_hand,
    differentiated,
    followed,
    has_memory,
    transformed,
)
from unified_act_torch.native import TABLED
from unified_act_torch.threads import FEW, threads

__all__ = ["by_table"]

_BLOCK = 2**20
"""So many elements at a time on a CPU, since an index takes twice the memory of its element."""
_NAMES = {getattr(torch, name): name for name in NARROW}
_FEW = 2**12
"""So few elements take longer to be made a row than to be looked up one by one."""


def by_table(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    otherwise: Callable[[Tensor], Tensor],
    *,
    in_memory: bool = False,
) -> Callable[[Tensor], Tensor]:
    """Returns an elementwise activation that looks up its values and derivatives in a table.

    To a compiler a look-up is one operator. It gets `otherwise` if that is quicker. So does what is
    exported, which must not need a table, and what has no memory of its own.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The 16-bit type.
        otherwise: The shared definition, or a function of PyTorch.
        in_memory: Whether `otherwise` serves all but tensors in the memory of a CPU.
    """
    table = table_of(activation, parameters, dtype)
    # Without a derivative of its own, the definition is differentiated by PyTorch.
    differentiable = _differentiable(table) if table.orders else otherwise

    key = _key(table)
    composed = in_memory or table.orders == 0 or activation.name in TABLED.uncompiled

    def call(x: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            if composed or not x.is_cpu or torch.compiler.is_exporting() or followed():
                return otherwise(x)
            return _value_operator(x, key)  # type: ignore[no-any-return]
        if are_on_hand(x):
            if x.requires_grad and torch.is_grad_enabled():
                return differentiable(x)
            look_up = gather(dtype)
            if look_up is not None:
                return _gathered(look_up, _entries(table, 0, x.device), x)
        elif in_memory or not has_memory(x):
            return otherwise(x)
        return differentiable(x) if differentiated(x) else _values(table, x)

    return call


def _differentiable(table: Table) -> Callable[[Tensor], Tensor]:
    """Returns the values, which can be differentiated any number of times."""
    slope = _slope(table)

    class Value(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Tensor) -> Tensor:
            return _values(table, x)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
            del output
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, cotangent: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            again = torch.is_grad_enabled()  # whether this is differentiated in turn
            return slope(x, cotangent) if again else _product(table, 1, x, cotangent)

        @staticmethod
        def jvp(ctx: Any, tangent: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors
            return slope(x, tangent)

    return applied(Value)


def _slope(table: Table) -> Callable[[Tensor, Tensor], Tensor]:
    """Returns the derivative times a cotangent. Its own derivative is in the table too.

    All further ones are by operations.
    """
    pullback = pullback_of(table.activation, namespace, table.parameters, with_pullback)
    assert pullback is not None  # noqa: S101

    def composed(x: Tensor, cotangent: Tensor) -> Tensor:
        product: Tensor = pullback(widen(cotangent), widen(x))[0]
        return product.to(x.dtype)

    pushforward = by_operations(composed)

    class Slope(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Tensor, cotangent: Tensor) -> Tensor:
            return _product(table, 1, x, cotangent)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            del output
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx: Any, direction: Tensor) -> Any:
            x, cotangent = ctx.saved_tensors
            if torch.is_grad_enabled() or table.orders < 2:
                return torch.func.vjp(composed, x, cotangent)[1](direction)
            by_x = _product(table, 2, x, cotangent, direction) if ctx.needs_input_grad[0] else None
            return by_x, _product(table, 1, x, direction)

        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
            return pushforward(*tangents, *ctx.saved_tensors)[0]

    return applied(Slope)


def _values(table: Table, x: Tensor) -> Tensor:
    """The values at `x`."""
    return _look_up(_entries(table, 0, x.device), x)


def _product(table: Table, order: int, x: Tensor, *factors: Tensor) -> Tensor:
    """A derivative at `x` times other tensors like it, in float32 and rounded once."""
    return _look_up(_entries(table, order, x.device), x, *factors)


_THIS_PROCESS = uuid.uuid4().hex
"""PyTorch keeps compiled code on disk, where another process must not find it by this key."""
_by_key: WeakValueDictionary[str, Table] = WeakValueDictionary()


def _key(table: Table) -> str:
    """Returns what the operators below know a table by."""
    key = f"{_THIS_PROCESS}:{id(table)}"
    _by_key[key] = table
    return key


@torch.library.custom_op("unified_act::value", mutates_args=())
def _value_operator(x: Tensor, key: str) -> Tensor:
    return _values(_by_key[key], x.resolve_neg())


@torch.library.custom_op("unified_act::slope", mutates_args=())
def _slope_operator(x: Tensor, cotangent: Tensor, key: str) -> Tensor:
    return _product(_by_key[key], 1, x.resolve_neg(), cotangent)


@_value_operator.register_fake
@_slope_operator.register_fake
def _like(x: Tensor, *_others: Any) -> Tensor:
    return torch.empty_like(x)


def _save(ctx: Any, inputs: tuple[Tensor, str], output: Tensor) -> None:
    del output
    x, ctx.key = inputs
    ctx.save_for_backward(x)


def _backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None]:
    return _slope_operator(*ctx.saved_tensors, cotangent, ctx.key), None


_value_operator.register_autograd(_backward, setup_context=_save)


def _entries(table: Table, order: int, device: torch.device) -> Tensor:
    """The values of a table, or its derivative of an order, on a device."""

    def make() -> Tensor:
        array = table.slopes(order) if order else table.values()
        entries = torch.from_numpy(array.copy())  # PyTorch takes no memory that is read-only
        return (entries if order else entries.view(getattr(torch, table.dtype))).to(device)

    found: Tensor = table.kept(("torch", order, device), make)
    return found


def _look_up(entries: Tensor, x: Tensor, *factors: Tensor) -> Tensor:
    """The entries at `x`, times factors like it, in the type of `x`.

    The result lies in memory as that of PyTorch's own functions does.
    """
    inside = transformed()
    look_up = None if inside or not x.is_cpu else gather(_NAMES[x.dtype], len(factors))
    if look_up is not None and are_on_hand(x, *factors):
        return _gathered(look_up, entries, x, *factors)
    if inside or x.is_contiguous():
        if x.is_cpu and x.numel() <= _FEW and not inside:
            # Takes any shape, and counts from the end what is negative.
            found = torch.take(entries, x.view(torch.int16).long())
            return _times(found, factors).to(x.dtype) if factors else found
        rows = [each.reshape(-1) for each in (_bits(x), *factors)]
        return _in_blocks(entries, x.dtype, *rows).view(x.shape)
    like = torch.empty_like(x)
    rows = [_in_memory(each, like) for each in (_bits(x), *factors)]
    return _in_blocks(entries, x.dtype, *rows).as_strided(like.shape, like.stride())


def _gathered(look_up: Gather, entries: Tensor, x: Tensor, *factors: Tensor) -> Tensor:
    """The same by machine code."""
    result, rows = torch.empty_like(x), (x, *factors)
    if not all(row.is_contiguous() for row in rows):
        rows = tuple(_in_memory(row, result) for row in rows)
    count = x.numel()
    pointers = [each.data_ptr() for each in (entries, *rows, result)]
    if count < FEW:
        look_up.flat(*pointers, count)
    else:
        look_up(*pointers, count=count, threads=threads())
    return result


def _bits(x: Tensor) -> Tensor:
    return x.view(torch.uint16 if x.is_cpu else torch.int16)  # all that some devices know


def _in_memory(x: Tensor, like: Tensor) -> Tensor:
    """The elements of `x` in the order in which those of `like`, which has no gaps, are stored."""
    if x.stride() != like.stride():
        x = torch.empty_like(like, dtype=x.dtype).copy_(x)
    return x.as_strided((x.numel(),), (1,), x.storage_offset())


def _in_blocks(entries: Tensor, dtype: torch.dtype, bits: Tensor, *factors: Tensor) -> Tensor:
    if not bits.is_cpu or bits.numel() <= _BLOCK or transformed():
        index = bits.int() if bits.is_cpu else bits.int() & 0xFFFF
        return _times(torch.index_select(entries, 0, index), factors).to(dtype)
    result = torch.empty(bits.shape, dtype=dtype, device=bits.device)
    split = (torch.split(row, _BLOCK) for row in (result, bits, *factors))
    for filled, part, *further in zip(*split, strict=True):
        filled.copy_(_times(torch.index_select(entries, 0, part.int()), further))
    return result


def _times(result: Tensor, factors: Iterable[Tensor]) -> Tensor:
    """A new tensor of float32, times the factors."""
    for factor in factors:
        result = result * factor if transformed() else result.mul_(factor)
    return result
