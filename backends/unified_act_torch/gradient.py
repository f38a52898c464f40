"""Differentiation on PyTorch: analytic derivatives for shared definitions, and `value_and_grad`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from unified_act.activation import Activation
from unified_act.assembly import assemble, pullback_of, pushforward_of
from unified_act.backend import check_cotangent, detached_error
from unified_act.expression import pushforward_of_rows
from unified_act_torch import namespace
from unified_act_torch.fused import by_kernel, pulled_by_operations
from unified_act_torch.variant import FOR_INDUCTOR, FOR_ONNX

__all__ = ["by_operations", "shared_definition", "value_and_grad", "widen", "with_pullback"]


def widen(x: Any) -> Any:
    """Casts 16-bit arrays to float32, so that the result is rounded only once."""
    if x is None:  # the tangent of a mask
        return None
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def shared_definition(
    activation: Activation,
    parameters: Mapping[str, float],
    otherwise: Callable[..., Tensor] | None = None,
) -> Callable[..., Tensor]:
    """Returns the shared definition with its analytic first and second derivatives.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        otherwise: What serves the tensors that kernels do not; by default the definition does.
    """
    # Everything from here on closes over functions and numbers only, which Dynamo can trace.
    value = _rounded_once(assemble(activation, namespace, parameters))
    exported = _rounded_once(assemble(activation, FOR_ONNX, parameters))
    compiled = _rounded_once(assemble(activation, FOR_INDUCTOR, parameters))
    pullback = pullback_of(activation, namespace, parameters)
    twice = pullback_of(activation, namespace, parameters, with_pullback)

    if pullback is None or twice is None:
        return by_kernel(activation, parameters, otherwise or value, _by_operations_back(value))

    def pulled_back(cotangent: Tensor, *inputs: Tensor) -> tuple[Tensor | None, ...]:
        found = twice(widen(cotangent), *map(widen, inputs))
        return tuple(
            None if by is None else by.to(x.dtype) for by, x in zip(found, inputs, strict=True)
        )

    if otherwise is not None:
        return by_kernel(activation, parameters, otherwise, pulled_back)
    names = activation.inputs_for(parameters)
    # Not its `apply`: of a method Dynamo knows the code only, and would take what it has compiled
    # for one activation for any other.
    compiled_back = pullback_of(activation, FOR_INDUCTOR, parameters) or pullback
    traced = _with_signature(_function(compiled, compiled_back), names)
    if activation.kind.elementwise:
        pushforward: Callable[..., tuple[Tensor, ...]] = twice
    else:
        pushforward = pushforward_of(activation, namespace, parameters) or _of_rows(
            activation, parameters, value
        )
    eager = _applied(_with_forward_mode(_function(value, twice), pushforward))

    def call(*inputs: Tensor) -> Tensor:
        # Dynamo traces no Function in the gradient of another, and none with a forward-mode rule;
        # second derivatives it has not got anyway.
        if torch.compiler.is_compiling():
            if torch.onnx.is_in_onnx_export():
                return exported(*inputs)
            if not torch._dynamo.config.assume_static_by_default:  # noqa: SLF001
                # With dynamic=True the numbers of a module become symbols. Dynamo must meet each of
                # them outside of a Function first, or it fails at the second call in one graph. It
                # drops these results, which nothing uses.
                constants = [x.detach() for x in inputs]
                compiled_back(widen(compiled(*constants)), *map(widen, constants))
            return traced.apply(*inputs)  # type: ignore[no-untyped-call, no-any-return]
        # What torch.jit records is saved and exported, which a Function cannot be.
        if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            return exported(*inputs) if torch.onnx.is_in_onnx_export() else value(*inputs)
        return eager(*inputs)

    return by_kernel(activation, parameters, call, pulled_back)


def _rounded_once(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Returns `function`, with 16-bit arrays computed in float32."""

    def value(*inputs: Tensor) -> Tensor:
        return _no_input(function(*map(widen, inputs)).to(inputs[0].dtype), inputs)

    return value


def _no_input(result: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    """The result, which a Function returns: it must not be one of its inputs."""
    return result.clone() if any(result is x for x in inputs) else result


def with_pullback(
    function: Callable[..., Tensor], pullback: Callable[..., tuple[Tensor | None, ...]]
) -> Callable[..., Tensor]:
    """Returns `function` with this pullback in place of automatic differentiation."""

    def value(*inputs: Tensor) -> Tensor:
        return _no_input(function(*inputs), inputs)

    return _applied(_with_forward_mode(_function(value, pullback), by_operations(value)))


def _applied(function: type[Function]) -> Callable[..., Tensor]:
    apply: Callable[..., Tensor] = function.apply
    return apply


def _function(
    value: Callable[..., Tensor], pullback: Callable[..., tuple[Tensor | None, ...]]
) -> type[Function]:
    """Returns `value` with the gradient that `pullback` computes; only the inputs are saved."""

    class Shared(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*inputs: Tensor) -> Tensor:
            return value(*inputs)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            del output
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, cotangent: Tensor) -> Any:
            inputs = ctx.saved_tensors
            cotangents = pullback(widen(cotangent), *map(widen, inputs))
            return tuple(
                None if c is None else c.to(x.dtype)
                for c, x in zip(cotangents, inputs, strict=True)
            )

    return Shared


def _with_signature(function: type[Function], names: Sequence[str]) -> type[Function]:
    """Returns `function`, which says how many inputs it has.

    Dynamo counts the parameters of `forward`, to know whether the first of them is a context.
    """
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names]
    function.forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


def _with_forward_mode(
    function: type[Function], pushforward: Callable[..., tuple[Tensor, ...]]
) -> type[Function]:
    """Returns `function` with a rule for forward-mode differentiation added.

    `pushforward` takes tangents and inputs in turn; an elementwise pullback is one.
    """

    class SharedEager(function):  # type: ignore[valid-type, misc]
        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            del output
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
            inputs = ctx.saved_tensors
            (wide,) = pushforward(*map(widen, tangents), *map(widen, inputs))
            return wide.to(inputs[0].dtype)

    return SharedEager


def _of_rows(
    activation: Activation, parameters: Mapping[str, float], value: Callable[..., Tensor]
) -> Callable[..., tuple[Tensor, ...]]:
    """Returns the forward-mode derivative along an axis, by the graph, else by operations.

    Within PyTorch's `dual_level` its operations cannot be differentiated once more.
    """
    made = functools.cache(lambda: pushforward_of_rows(activation, parameters))

    def pushforward(*tangents_and_inputs: Any) -> tuple[Tensor, ...]:
        by_graph = made()
        if by_graph is None:
            return by_operations(value)(*tangents_and_inputs)
        half = len(tangents_and_inputs) // 2
        inputs = tangents_and_inputs[half:]
        tangents = [
            torch.zeros_like(x) if tangent is None else tangent
            for tangent, x in zip(tangents_and_inputs[:half], inputs, strict=True)
            if x.is_floating_point()
        ]
        return (by_graph(namespace, *tangents, *inputs),)

    return pushforward


def by_operations(value: Callable[..., Tensor]) -> Callable[..., tuple[Tensor, ...]]:
    """Returns the forward-mode derivative of `value`, by its own operations."""

    def pushforward(*tangents_and_inputs: Any) -> tuple[Tensor, ...]:
        half = len(tangents_and_inputs) // 2
        tangents, inputs = tangents_and_inputs[:half], tangents_and_inputs[half:]
        moving = [index for index, tangent in enumerate(tangents) if tangent is not None]

        def of_moving(*moved: Tensor) -> Tensor:
            given = dict(zip(moving, moved, strict=True))
            return value(*(given.get(index, x) for index, x in enumerate(inputs)))

        # A tangent is laid out like its input, which must not be one number expanded.
        at = tuple(inputs[index].contiguous() for index in moving)
        along = tuple(tangents[index] for index in moving)
        return (torch.func.jvp(of_moving, at, along)[1],)

    return pushforward


def _by_operations_back(value: Callable[..., Tensor]) -> Callable[..., tuple[Tensor | None, ...]]:
    """Returns the pullback of `value`, by its own operations."""
    return lambda cotangent, *inputs: pulled_by_operations(
        lambda *given: (value(*given),), (cotangent,), inputs
    )


def value_and_grad(
    function: Callable[..., Tensor], inputs: Sequence[Tensor], cotangent: Any
) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    """Returns the value and the cotangent of each input, by reverse-mode differentiation."""
    given = [x.detach().requires_grad_(x.is_floating_point()) for x in inputs]
    leaves = [x for x in given if x.requires_grad]
    with torch.enable_grad():
        value = function(*given)
    check_cotangent(cotangent, value, Tensor)
    if cotangent is None:
        cotangent = torch.ones_like(value)
    if not value.requires_grad:
        raise detached_error("PyTorch")
    found = iter(torch.autograd.grad(value, leaves, cotangent))
    return value.detach(), tuple(next(found) if x.requires_grad else None for x in given)
