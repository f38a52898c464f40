"""PyTorch backend: the implementation of `FrameworkBackend`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from torch.fx import Proxy

from unified_act.activation import Activation
from unified_act.backend import DTYPES, HOME, LEAST_NOISE, FrameworkBackend, Native, Request, Words
from unified_act.callables import bind
from unified_act.kernels import unavailable
from unified_act.layers import Layers
from unified_act.shapes import axes_of
from unified_act_torch import calls, gradient, layers, tables
from unified_act_torch.namespace import lengths
from unified_act_torch.native import DEVICES, FUSED, NATIVE, TABLED

if TYPE_CHECKING:
    from unified_act.replacement import ReplacementReport
    from unified_act.replacement import Request as Replacements

__all__ = ["TorchBackend"]

_CAST_BY_AUTOCAST = (torch.float16, torch.bfloat16, torch.float32)


class TorchBackend(FrameworkBackend):
    """The backend ``"torch"``."""

    name = "torch"
    framework = torch
    native: Mapping[str, Native] = NATIVE
    gradient = gradient
    tables = tables
    tabled = TABLED
    devices = DEVICES
    fused = FUSED
    layers: Layers = layers
    types: Sequence[type] = (Tensor, torch.nn.Parameter)
    dtype_objects: ClassVar[Mapping[str, Any]] = {name: getattr(torch, name) for name in DTYPES}
    arrays = (Tensor,)
    usual = (Tensor, torch.nn.Parameter)
    failures = (AttributeError, RuntimeError, TypeError, ValueError)
    booleans = (torch.bool,)
    generators = torch.Generator
    words = Words(
        "a torch.Tensor", "tensor", "torch.as_tensor(x, dtype=torch.float32)", "x.to(torch.float32)"
    )

    def no_machine_code(self) -> str:
        """Says why no machine code can be made here; empty if it can."""
        return unavailable()

    def accepts(self, array_type: type) -> bool:
        """Whether `array_type` is a tensor type, or what torch.fx traces with."""
        return issubclass(array_type, (Tensor, Proxy))

    def shape_of(self, x: Tensor) -> Sequence[int | None]:
        """Returns the shape of a tensor; unknown lengths, or the whole shape, may be None."""
        return lengths(x)

    def fitted(self, function: Callable[..., Any], request: Request) -> Callable[..., Any]:
        """Returns a function with a check of the shapes, once for each."""
        checked = super().fitted(function, request)
        return function if checked is function else calls.checked_once(function, checked)

    def device_of(self, x: Tensor) -> str:
        """Returns the kind of device of a tensor; one without memory counts as on a CPU."""
        return HOME if x.is_cpu or x.is_meta else x.device.type

    def at_most(self, length: int | None, longest: int) -> bool:
        """Whether a row is known to have no more elements than `longest`."""
        return calls.at_most(length, longest)

    def test_of_short_rows(self, kernel: Native, axis: int) -> Callable[[Any], bool] | None:
        """Returns a function that tells whether a tensor has short rows."""
        return calls.test_of_short_rows(kernel, axis)

    def cast_advice(self, x: Tensor) -> str:
        """Returns a sentence that says how to cast a tensor, without loss."""
        if x.is_quantized:
            return "Make it one with x.dequantize()."
        return super().cast_advice(x)

    def unusual(self, x: Any) -> str:
        """Says why PyTorch's functions may fail on this tensor; empty if it is a usual one."""
        if not isinstance(x, Tensor):
            return ""
        if type(x).__name__ == "MaskedTensor":
            return (
                "expected a tensor without a mask, got a MaskedTensor. "
                "Keep the mask with masked_tensor(f(x.get_data()), x.get_mask())."
            )
        if x.is_nested:
            return (
                "PyTorch cannot compute this on a nested tensor. "
                "Call it on each part with [f(part) for part in x.unbind()]."
            )
        if x.layout is not torch.strided:
            return (
                f"PyTorch cannot compute this on a tensor of the layout {x.layout}. "
                "Make it dense with x.to_dense()."
            )
        return ""

    def eager(self, function: Callable[..., Any], shared: Callable[..., Any]) -> Callable[..., Any]:
        """Returns `function`; for a compiler, `shared`, whose gradient's sums are in blocks too."""

        def call(x: Tensor) -> Any:
            return shared(x) if torch.compiler.is_compiling() else function(x)

        return call

    def short_way(self, request: Request, otherwise: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that runs a kernel at once."""
        return calls.short_way(request, otherwise)

    def merged(self, array: Tensor, x: Tensor, axes: Sequence[int]) -> Tensor:
        """Returns a tensor, broadcast to `x`, with several of its axes as one, the last."""
        ends, places = _last(axes), axes_of(lengths(x), axes)
        return array.expand_as(x).movedim(places, ends).flatten(-len(axes))

    def parted(self, rows: Tensor, x: Tensor, axes: Sequence[int]) -> Tensor:
        """Returns a tensor in the shape of `x`, of what `merged` made of one."""
        ends, places = _last(axes), axes_of(lengths(x), axes)
        return rows.reshape(x.movedim(places, ends).shape).movedim(ends, places)

    def prepared(self, activation: Activation, x: Tensor, further: Sequence[Any]) -> Sequence[Any]:
        """Returns weights in the type of `x` where autocast is on, which leaves float64 alone."""
        same = all(getattr(weight, "dtype", None) is x.dtype for weight in further)
        if same or not activation.weights or x.dtype not in _CAST_BY_AUTOCAST:
            return further
        device = x.device.type
        if not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
            return further
        return tuple(
            weight.to(x.dtype)
            if isinstance(weight, Tensor) and weight.dtype in _CAST_BY_AUTOCAST
            else weight
            for weight in further
        )

    def symbolic(self, request: Request, x: Any, *further: Any) -> Any:
        """Returns a node of the graph that torch.fx traces."""
        if not isinstance(x, Proxy):
            return super().symbolic(request, x, *further)
        function = bind(request.activation, self.name, request.numerics, request.parameters)
        return x.tracer.create_proxy("call_function", function, (x, *further), {})

    def draw(self, x: Tensor, source: int | torch.Generator, dtype: torch.dtype) -> Tensor:
        """Returns uniform random numbers in the shape of `x`."""
        if not isinstance(source, torch.Generator):
            source = torch.Generator(x.device).manual_seed(source)
        noise = torch.rand(x.shape, generator=source, dtype=dtype, device=x.device)
        return noise.clamp_(min=LEAST_NOISE)

    def replace_activations(self, model: Any, request: Replacements) -> ReplacementReport:
        """Replaces activations inside a module."""
        from unified_act_torch import replacement  # which reads the table of dialects

        return replacement.replace_activations(model, request)


def _last(axes: Sequence[int]) -> list[int]:
    return list(range(-len(axes), 0))
