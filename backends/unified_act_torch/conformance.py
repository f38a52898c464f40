"""The harness of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import ml_dtypes
import numpy as np
import torch

from unified_act.backend import Numerics
from unified_act.errors import UnsupportedError
from unified_act_conformance.floats import FloatArray
from unified_act_conformance.harness import (
    Function,
    Harness,
    NotOfferedError,
    check_dtype,
    contiguous,
    spaced,
    views,
)

__all__ = ["harness"]


def _compiled(function: Function, backend: str) -> Function:
    # All partial functions share one cache of few entries, which dozens of activations overflow.
    torch.compiler.reset()
    compiled: Function = torch.compile(function, fullgraph=True, backend=backend)
    return compiled


def _batched(function: Function) -> Function:
    """The function by `torch.vmap`, over one batch. No kernel of ours can run there."""

    def batched(*inputs: Any) -> Any:
        return torch.vmap(function)(*(x.unsqueeze(0) for x in inputs)).squeeze(0)

    return batched


def _second_pass(
    gradients: Sequence[Any], by: Sequence[Any], directions: Sequence[Any]
) -> tuple[Any, ...]:
    """The gradients of recorded gradients, along the directions."""
    # A gradient that is constant, such as the identity's, knows nothing of the input.
    varying = [
        (gradient, direction)
        for gradient, direction in zip(gradients, directions, strict=True)
        if gradient.requires_grad
    ]
    if not varying:
        return tuple(map(torch.zeros_like, by))
    try:
        return torch.autograd.grad(
            [gradient for gradient, _ in varying],
            by,
            [direction for _, direction in varying],
            materialize_grads=True,
            allow_unused=True,
        )
    except RuntimeError as error:
        if "is not implemented" not in str(error):
            raise
        raise NotOfferedError(str(error)) from error


class TorchHarness(Harness):
    """PyTorch has no bridge to NumPy for bfloat16, so its bits pass as int16."""

    modes: Mapping[str, Callable[[Function], Function]] = {
        "compile": partial(_compiled, backend="aot_eager"),
        "inductor": partial(_compiled, backend="inductor"),
        "vmap": _batched,
    }
    eager_modes = ("vmap",)
    light_modes = ("vmap", "autocast")

    def tried_modes(self, numerics: Numerics) -> Sequence[str]:
        """All but the slow compiler; autocast decides the type of PyTorch's own prelu."""
        return ("compile", "vmap", *(("autocast",) if numerics == "strict" else ()))

    def use_device(self, device: str) -> str:
        """Raises unless PyTorch has this device here, and tensors on it have values."""
        try:
            here = torch.ones(1, device=device).sum().item() == 1.0
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            here, why = False, str(error).partition("\n")[0].rstrip(".")
        else:
            why = "its tensors have no values"
        if not here:
            raise UnsupportedError(f"PyTorch has no such device here ({why})")
        return device

    def device_name(self) -> str:
        """The device, and the model of a GPU."""
        if self.device.startswith("cuda"):
            return f"{self.device} ({torch.cuda.get_device_name(self.device)})"
        return self.device

    def context(self, mode: str) -> AbstractContextManager[Any]:
        """Autocast to bfloat16, which our functions of float32 tensors ignore."""
        if mode == "autocast":
            return torch.autocast(self.device.partition(":")[0], dtype=torch.bfloat16)
        return super().context(mode)

    def packages(self) -> list[str]:
        """The distributions whose versions are reported as tested."""
        return ["torch"]

    def to_native(self, values: FloatArray, dtype: str) -> Any:
        """Returns a tensor with the same values."""
        if dtype == "bfloat16":
            tensor = torch.from_numpy(values.view(np.int16).copy()).view(torch.bfloat16)
        else:
            tensor = torch.from_numpy(values.copy())
        return tensor.to(self.device)  # which is the same tensor on a CPU

    def laid_out(self, values: FloatArray, dtype: str, layout: str) -> Any:
        """A view of a tensor that lies otherwise in memory."""
        if layout == "transposed":
            tensor = self.to_native(contiguous(values.T), dtype)
            return tensor.permute(tuple(reversed(range(values.ndim))))
        if layout == "strided" and values.ndim:
            return self.to_native(spaced(values), dtype)[..., ::2]
        return self.to_native(values, dtype)

    def to_numpy(self, array: Any, dtype: str) -> FloatArray:
        """Returns a NumPy array with the same values."""
        check_dtype(str(array.dtype).removeprefix("torch."), dtype)
        array = array.detach().contiguous()
        if dtype == "bfloat16":
            bits: FloatArray = array.view(torch.int16).numpy(force=True)
            return bits.view(ml_dtypes.bfloat16)
        return np.asarray(array.numpy(force=True))  # also zeros that are stored nowhere

    def orders(self, activation: str, dtype: str, numerics: Numerics) -> Sequence[int]:
        """Returns all orders: every activation has a second derivative here."""
        del activation, dtype, numerics
        return (0, 1, 2)

    def hessian_product(
        self,
        function: Function,
        inputs: Sequence[Any],
        cotangent: Any | None,
        directions: Sequence[Any],
    ) -> tuple[Any, ...]:
        """By two backward passes, where a kernel has them: that of hard_sigmoid has one."""
        leaves = [x.detach().requires_grad_() for x in inputs]
        with torch.enable_grad():
            value = function(*leaves)
            if cotangent is None:
                cotangent = torch.ones_like(value)
            gradients = torch.autograd.grad(value, leaves, cotangent, create_graph=True)
        return _second_pass(gradients, leaves, directions)

    def cotangent_gradient(
        self,
        function: Function,
        inputs: Sequence[Any],
        cotangent: Any,
        directions: Sequence[Any],
    ) -> Any:
        """By two backward passes, where a kernel has them."""
        leaves = [x.detach().requires_grad_() for x in inputs]
        cotangent = cotangent.detach().requires_grad_()
        with torch.enable_grad():
            gradients = torch.autograd.grad(function(*leaves), leaves, cotangent, create_graph=True)
        return _second_pass(gradients, [cotangent], directions)[0]

    def jvp(self, function: Function, inputs: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """By `torch.func.jvp`."""
        return torch.func.jvp(function, tuple(inputs), tuple(tangents))[1]

    def saved_elements(self, function: Function, x: Any) -> int:
        """Counted by hooks on the tensors that are saved; one saved twice counts once."""
        kept: dict[int, int] = {}

        def pack(saved: Any) -> Any:
            kept[saved.untyped_storage().data_ptr()] = saved.numel()
            return saved

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved):
            # The result must live until all is counted, or storage would be used again.
            value = function(x.detach().requires_grad_())
        del value
        return sum(kept.values())

    def layouts(self, values: FloatArray, dtype: str) -> Iterator[tuple[str, Any, FloatArray]]:
        """Shapes and views, and broadcasting; PyTorch has no negative steps."""
        yield from super().layouts(values, dtype)
        tensor = self.to_native(values, dtype)
        for name, view in views(flip=False):
            yield name, view(tensor), contiguous(view(values))
        yield (
            "broadcast",
            tensor.reshape(4, 1, 8).expand(4, 3, 8),
            contiguous(np.broadcast_to(values.reshape(4, 1, 8), (4, 3, 8))),
        )
        permuted = values.reshape(2, 4, 2, 2).transpose(0, 3, 1, 2)
        yield (
            "channels last",
            tensor.reshape(2, 4, 2, 2).permute(0, 3, 1, 2),
            contiguous(permuted),
        )


harness = TorchHarness()
