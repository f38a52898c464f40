"""What PyTorch may do with a tensor, now: which of them have a memory that can be read."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

__all__ = [
    "applied",
    "are_on_hand",
    "differentiated",
    "followed",
    "has_memory",
    "have_lengths",
    "transformed",
]

_PLAIN = (Tensor, torch.nn.Parameter)
_tracing: Callable[[], object] = torch._C._get_tracing_state  # noqa: SLF001  # None if nobody does
_modes: Callable[[], int] = torch._C._len_torch_dispatch_stack  # noqa: SLF001
transformed: Callable[[], bool] = torch._C._are_functorch_transforms_active  # noqa: SLF001
"""Whether a transformation of torch.func, or vmap, is under way."""


def differentiated(x: Tensor) -> bool:
    """Whether there may be a derivative of what is made of a tensor."""
    return (x.requires_grad and torch.is_grad_enabled()) or followed()


def followed() -> bool:
    """Whether forward mode, or a transformation of torch.func, may follow a tensor."""
    level: int = forward_ad._current_level  # noqa: SLF001  # a dual tensor looks like any other
    return level >= 0 or transformed()


def has_memory(x: Tensor) -> bool:
    """Whether what is made of the bits of a tensor is right, now."""
    return (
        type(x) in _PLAIN
        and not x.is_meta
        and not x.is_nested
        and not x.is_neg()  # the imaginary part of a conjugate, whose bits are those of -x
        # What is recorded is used later, without the table: saved, or run again on a GPU.
        and _tracing() is None
        and not (x.is_cuda and torch.cuda.is_current_stream_capturing())
    )


def have_lengths(*tensors: object) -> bool:
    """Whether the shapes of all are numbers, and stay so when what is done is done again."""
    if _tracing() is not None:
        return False
    for x in tensors:  # noqa: SIM110  # it costs half of what all() does
        if type(x) not in _PLAIN:
            return False
    return True


def are_on_hand(*tensors: Tensor) -> bool:
    """Whether machine code can read all tensors, and nobody sees what PyTorch does with them."""
    if followed() or _modes() or _tracing() is not None:
        return False
    for x in tensors:
        if type(x) not in _PLAIN or not x.is_cpu or x.layout is not torch.strided:
            return False
        if x.is_neg() or x.is_nested:
            return False
        try:
            address = x.data_ptr()
        except RuntimeError:  # it has none: left over from a transformation that is over
            return False
        # Zeros may be stored nowhere, and a view of bytes may begin anywhere.
        if address % x.element_size() or (not address and x.numel()):
            return False
    return True


def applied(function: type[Function]) -> Callable[..., Tensor]:
    """Returns the `apply` of a Function, without its look at the signature."""
    full: Callable[..., Tensor] = function.apply
    plain: Callable[..., Tensor] = getattr(super(Function, function), "apply")  # noqa: B009
    return lambda *inputs: full(*inputs) if transformed() else plain(*inputs)
