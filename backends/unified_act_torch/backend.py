"""PyTorch behind the interface of the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.fx import Proxy

from unified_act.activation import Activation
from unified_act.backend import (
    DTYPES,
    Native,
    Numerics,
    check_further,
    dtype_test,
    input_error,
    kernel_for,
    seed_or_generator,
    shortcut,
    with_generator,
    with_keywords,
)
from unified_act.callables import bind
from unified_act.errors import InputTypeError
from unified_act.layers import Layers, LayerSpec
from unified_act.shapes import with_shape_check
from unified_act_torch import gradient, layers
from unified_act_torch.eager import fastest_call
from unified_act_torch.namespace import lengths
from unified_act_torch.native import NATIVE

if TYPE_CHECKING:
    from unified_act.replacement import ReplacementReport, Sought

__all__ = ["TorchBackend"]

_CAST_BY_AUTOCAST = (torch.float16, torch.bfloat16, torch.float32)


class TorchBackend:
    """The backend ``"torch"``."""

    name = "torch"
    dtypes: Sequence[str] = DTYPES
    native: Mapping[str, Native] = NATIVE
    layers: Layers = layers
    types: Sequence[type] = (Tensor, torch.nn.Parameter)

    def accepts(self, array_type: type) -> bool:
        """Whether `array_type` is a tensor type, or what torch.fx traces with."""
        return issubclass(array_type, (Tensor, Proxy))

    def implement(
        self, activation: Activation, parameters: Mapping[str, float], numerics: Numerics
    ) -> Callable[..., Tensor]:
        """Returns the function that computes `activation`."""
        shared = gradient.shared_definition(activation, parameters)
        shared = with_shape_check(shared, activation, parameters, shape_of=lengths)
        by_dtype = {getattr(torch, dtype): shared for dtype in self.dtypes}
        inputs = len(activation.inputs_for(parameters))

        def as_node(*given: Any) -> Any:
            function = bind(activation, self.name, numerics, parameters)
            return given[0].tracer.create_proxy("call_function", function, given, {})

        kernel = kernel_for(self.name, self.native, activation, numerics)
        arguments = None if kernel is None else kernel.arguments(parameters)
        if kernel is None or arguments is None:
            return self._checked(activation, by_dtype, inputs, as_node)
        admitted = {dtype: getattr(torch, dtype) for dtype in kernel.dtypes}
        public = with_keywords(kernel.find(torch), arguments)
        public = with_shape_check(public, activation, parameters, shape_of=lengths)
        by_dtype |= dict.fromkeys(admitted.values(), public)
        checked = self._checked(activation, by_dtype, inputs, as_node)
        if not admitted or inputs > 2 or (inputs == 2 and kernel.is_override):
            return checked  # a user's function may take a mask or noise, of another type
        given = ["x", "weight"][:inputs]
        function, call = fastest_call(kernel, arguments, given)
        scope = {**admitted, "function": function}
        if inputs == 2 or activation.along_axis:  # of types or shapes that do not go together
            scope["refusals"] = (AttributeError, TypeError, IndexError, RuntimeError)
        return shortcut(dtype_test(kernel.dtypes), call, checked, scope, given)

    def _checked(
        self,
        activation: Activation,
        by_dtype: Mapping[torch.dtype, Callable[..., Tensor]],
        inputs: int,
        as_node: Callable[..., Any],
    ) -> Callable[..., Tensor]:
        checked = _by_dtype(activation, by_dtype, inputs, as_node)
        if activation.kind != "stochastic" or inputs == 1:
            return checked
        return with_generator(
            activation.name, checked, self.uniform_like, lambda a: isinstance(a, Tensor)
        )

    def uniform_like(self, x: Tensor, generator: int | torch.Generator) -> Tensor:
        """Random numbers between 0 and 1 in the shape of `x`, float32 for 16-bit types."""
        source = seed_or_generator(generator, torch.Generator)
        if not isinstance(source, torch.Generator):
            source = torch.Generator(x.device).manual_seed(source)
        dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
        noise = torch.rand(x.shape, generator=source, dtype=dtype, device=x.device)
        return noise.clamp_(min=2.0**-25)

    def replace_activations(self, model: Any, old: Sought, new: LayerSpec) -> ReplacementReport:
        """Replaces activations inside a module."""
        from unified_act_torch import replacement  # which reads the table of dialects

        return replacement.replace_activations(model, old, new)

    def value_and_grad(
        self, function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Returns the value and the cotangent of each input."""
        for x in inputs:
            if not isinstance(x, Tensor) or not (x.is_floating_point() or x.dtype == torch.bool):
                raise _wrong_input("value_and_grad", x)
        return gradient.value_and_grad(function, inputs, cotangent)


def _by_dtype(
    activation: Activation,
    by_dtype: Mapping[torch.dtype, Callable[..., Tensor]],
    inputs: int,
    as_node: Callable[..., Any],
) -> Callable[..., Tensor]:
    """Returns a function that picks the implementation by dtype, which is also the type check.

    What torch.fx traces with has no dtype; `as_node` puts the call into its graph.
    """
    name = activation.name

    def unary(x: Tensor) -> Tensor:
        try:
            function = by_dtype[x.dtype]
        except (KeyError, AttributeError):
            if isinstance(x, Proxy):
                return as_node(x)
            raise _wrong_input(name, x) from None
        return function(x)

    def with_more(x: Tensor, *further: Any) -> Tensor:
        try:
            function = by_dtype[x.dtype]
        except (KeyError, AttributeError):
            if isinstance(x, Proxy):
                return as_node(x, *further)
            raise _wrong_input(name, x) from None
        if activation.weights:
            further = _autocast(x, further)
        allowed = {"mask": (torch.bool,), "weight": (x.dtype,), "noise": (x.dtype, torch.float32)}
        check_further(
            activation,
            x,
            further,
            lambda role, array: isinstance(array, Tensor) and array.dtype in allowed[role],
        )
        return function(x, *further)

    return unary if inputs == 1 else with_more


def _autocast(x: Tensor, weights: tuple[Any, ...]) -> tuple[Any, ...]:
    """Returns the weights in the type of `x` where autocast is on, which leaves float64 alone."""
    same = all(getattr(weight, "dtype", None) is x.dtype for weight in weights)
    if same or x.dtype not in _CAST_BY_AUTOCAST:
        return weights
    device = x.device.type
    if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return weights
    return tuple(
        weight.to(x.dtype)
        if isinstance(weight, Tensor) and weight.dtype in _CAST_BY_AUTOCAST
        else weight
        for weight in weights
    )


def _wrong_input(name: str, x: Any) -> InputTypeError:
    if not isinstance(x, Tensor):
        return input_error(name, "a torch.Tensor", x, "torch.as_tensor(x, dtype=torch.float32)")
    return InputTypeError(
        f"{name}: expected a floating-point tensor, got {x.dtype}. "
        "Cast it first, for example with x.to(torch.float32)."
    )
