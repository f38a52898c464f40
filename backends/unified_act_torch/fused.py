"""Activations of tensors on a CPU, by kernels: one pass over memory.

Elementwise activations have tables for the types of 16 bits instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from unified_act.activation import Activation
from unified_act.kernels import ArrayKernels, Kernel, fused
from unified_act_torch import namespace
from unified_act_torch.guards import applied, are_on_hand
from unified_act_torch.threads import FEW, threads

__all__ = ["by_kernel", "pulled_by_operations"]

_NAMES = {torch.float32: "float32", torch.float64: "float64"}
_NARROW = {torch.float16: "float16", torch.bfloat16: "bfloat16"}
_OF_ALL = {**_NAMES, **_NARROW}
_Gradients = tuple[Tensor | None, ...]
_Pullback = Callable[..., _Gradients]


def by_kernel(
    activation: Activation,
    parameters: Mapping[str, Any],
    shared: Callable[..., Tensor],
    pullback: _Pullback,
) -> Callable[..., Tensor]:
    """Returns an activation that is computed by kernels, where there are some for the tensors.

    All other tensors, and whoever compiles, exports, records or transforms, get the shared
    definition.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        shared: The shared definition.
        pullback: ``pullback(cotangent, *inputs)``, by operations that can be differentiated.
    """
    computing = (_Elements if activation.kind.elementwise else _Whole)(activation, parameters)
    differentiable = _differentiable(computing, shared, pullback)

    def call(*inputs: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            return shared(*inputs)
        if not computing.serves(inputs) or not are_on_hand(*inputs):
            return shared(*inputs)
        if torch.is_grad_enabled():
            for x in inputs:
                if x.requires_grad:
                    return differentiable(*inputs)
        found = computing.value(inputs)
        return shared(*inputs) if found is None else found

    return call


class _Elements:
    """An elementwise activation by kernels."""

    def __init__(self, activation: Activation, parameters: Mapping[str, Any]) -> None:
        self._activation = activation
        self._parameters = parameters
        self._kernels: dict[tuple[torch.dtype, int], Kernel | None] = {}

    def _kernel(self, dtype: torch.dtype, order: int) -> Kernel | None:
        key = dtype, order
        if key not in self._kernels:
            name = _NAMES.get(dtype)
            made = name and fused(self._activation, self._parameters, name, order)
            self._kernels[key] = made or None
        return self._kernels[key]

    def serves(self, inputs: Sequence[Tensor]) -> bool:
        """Whether there is a kernel for tensors of this type."""
        return self._kernel(inputs[0].dtype, 0) is not None

    def value(self, inputs: Sequence[Tensor]) -> Tensor | None:
        """The value; None if there is no kernel."""
        return self._computed(0, *inputs)

    def pulled_back(self, cotangent: Tensor, inputs: Sequence[Tensor]) -> _Gradients | None:
        """The cotangent of the input; None if there is no kernel."""
        found = self._computed(1, *inputs, cotangent)
        return None if found is None else (found,)

    def pulled_back_twice(
        self, direction: Tensor, cotangent: Tensor, x: Tensor
    ) -> tuple[Tensor, Tensor] | None:
        """The cotangents of the cotangent and of the input, of what `pulled_back` computes."""
        by_x = self._computed(2, x, cotangent * direction)
        by_cotangent = self._computed(1, x, direction)
        return None if by_x is None or by_cotangent is None else (by_cotangent, by_x)

    def _computed(self, order: int, x: Tensor, *factors: Tensor) -> Tensor | None:
        """Computes tensors of one shape, in the order in which their elements lie in memory."""
        kernel = self._kernel(x.dtype, order)
        if kernel is None:
            return None
        result = torch.empty_like(x)
        if x.is_contiguous() or x.stride() == result.stride():  # without gaps
            pointers = [x.data_ptr()]
        elif factors:
            x = torch.empty_like(result).copy_(x)
            pointers = [x.data_ptr()]
        else:  # a kernel may write over what it reads
            pointers = [result.copy_(x).data_ptr()]
        for factor in factors:
            same = factor.stride() == result.stride()
            pointers.append((factor if same else result.copy_(factor)).data_ptr())
        count = x.numel()
        if count < FEW:
            kernel.flat(*pointers, result.data_ptr(), count)
        else:
            kernel(*pointers, result.data_ptr(), count=count, threads=threads())
        return result


class _Whole:
    """Any other activation by kernels."""

    def __init__(self, activation: Activation, parameters: Mapping[str, Any]) -> None:
        self._kernels = ArrayKernels(activation, parameters)
        self._masks = [name in activation.masks for name in activation.inputs_for(parameters)]
        self._served: dict[torch.dtype, bool] = {}

    def serves(self, inputs: Sequence[Tensor]) -> bool:
        """Whether there is a kernel for tensors of these types."""
        dtype = inputs[0].dtype
        served = self._served.get(dtype)
        if served is None:
            name = _OF_ALL.get(dtype)
            served = self._served[dtype] = name is not None and self._kernels.serves(name)
        if not served or len(inputs) == 1:
            return served
        for mask, x in zip(self._masks, inputs, strict=True):
            own = x.dtype
            if not (mask or own is dtype or (dtype in _NARROW and own is torch.float32)):
                return False
        return True

    def value(self, inputs: Sequence[Tensor]) -> Tensor | None:
        """The value; None if there is no kernel."""
        name, alike = self._alike(inputs)
        value: Tensor | None = self._kernels.value(_Memory, name, alike, threads=threads())
        dtype = inputs[0].dtype
        return value if value is None or value.dtype is dtype else value.to(dtype)

    def pulled_back(self, cotangent: Tensor, inputs: Sequence[Tensor]) -> _Gradients | None:
        """The cotangent of each input; None if there is no kernel."""
        name, (along, *alike) = self._alike((cotangent, *inputs))
        found = self._kernels.pulled_back(
            _Memory, name, alike, along, namespace.sum_to_weight, threads=threads()
        )
        if found is None:
            return None
        pairs = zip(found, inputs, strict=True)
        return tuple(by if by is None else by.to(x.dtype) for by, x in pairs)

    def pulled_back_twice(self, *_: Tensor) -> None:
        """There are no kernels for that."""

    def _alike(self, tensors: Sequence[Tensor]) -> tuple[str, Sequence[Tensor]]:
        """The tensors, all but masks of one type, and its name; noise may have come as float32."""
        first = tensors[0].dtype
        for x in tensors:
            if x.dtype is not first and x.dtype in _OF_ALL:
                return "float32", [x.float() if x.dtype in _NARROW else x for x in tensors]
        return _OF_ALL[first], tensors


class _Memory:
    """The memory of tensors."""

    address = staticmethod(Tensor.data_ptr)
    broadcast = staticmethod(Tensor.expand)
    whole = staticmethod(Tensor.contiguous)

    @staticmethod
    def empty(shape: Sequence[int], like: Tensor, *, wide: bool = False) -> Tensor:
        if wide:
            return like.new_empty(shape, dtype=torch.float32)
        if like.shape == shape:
            return torch.empty_like(like)
        return like.new_empty(*shape)  # one by one they cost half a microsecond less


def _differentiable(
    computing: _Elements | _Whole, shared: Callable[..., Tensor], pullback: _Pullback
) -> Callable[..., Tensor]:
    """Returns the value, which can be differentiated any number of times.

    Its first derivatives are by kernels, and the second of an elementwise activation; all further
    ones, and what is transformed, are by operations.
    """

    def pulled_back(cotangent: Tensor, inputs: Sequence[Tensor]) -> _Gradients:
        found = computing.pulled_back(cotangent, inputs)
        return pullback(cotangent, *inputs) if found is None else found

    class Slope(Function):
        @staticmethod
        def forward(ctx: Any, cotangent: Tensor, *inputs: Tensor) -> _Gradients:
            ctx.save_for_backward(cotangent, *inputs)
            return pulled_back(cotangent, inputs)

        @staticmethod
        def backward(ctx: Any, *directions: Tensor) -> _Gradients:
            saved = ctx.saved_tensors
            if not torch.is_grad_enabled() and are_on_hand(*saved, *_present(directions)):
                found = computing.pulled_back_twice(*directions, *saved)
                if found is not None:
                    return found
            return pulled_by_operations(pullback, directions, saved)

    class Value(Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Tensor) -> Tensor:
            ctx.save_for_backward(*inputs)
            found = computing.value(inputs)
            return shared(*inputs) if found is None else found

        @staticmethod
        def backward(ctx: Any, cotangent: Tensor) -> _Gradients:
            inputs = ctx.saved_tensors
            if not are_on_hand(cotangent, *inputs):
                return pullback(cotangent, *inputs)
            if torch.is_grad_enabled():  # this is differentiated in turn
                found: _Gradients = slope(cotangent, *inputs)
                return found
            return pulled_back(cotangent, inputs)

    slope: Callable[..., Any] = applied(Slope)
    return applied(Value)


def pulled_by_operations(
    function: Callable[..., _Gradients],
    cotangents: Sequence[Tensor | None],
    inputs: Sequence[Tensor],
) -> _Gradients:
    """Returns the cotangent of each input of a function, by its own operations; None for a mask.

    Args:
        function: Returns several results, of which some may be None.
        cotangents: The cotangent of each result.
        inputs: The inputs.
    """
    moving = [index for index, x in enumerate(inputs) if x.is_floating_point()]
    along: list[Tensor | None] = []

    def of_moving(*moved: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(moving, moved, strict=True))
        found = function(*(given.get(index, x) for index, x in enumerate(inputs)))
        pairs = [
            (c, result) for c, result in zip(cotangents, found, strict=True) if result is not None
        ]
        along[:] = [c for c, _ in pairs]
        return tuple(result for _, result in pairs)

    back = torch.func.vjp(of_moving, *(inputs[index] for index in moving))[1]
    found = dict(zip(moving, back(tuple(along)), strict=True))
    return tuple(found.get(index) for index in range(len(inputs)))


def _present(tensors: Sequence[Tensor | None]) -> list[Tensor]:
    return [x for x in tensors if x is not None]
