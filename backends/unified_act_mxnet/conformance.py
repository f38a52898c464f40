"""The harness of MXNet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from unified_act.backend import Numerics
from unified_act.errors import UnsupportedError
from unified_act_conformance.floats import FloatArray
from unified_act_conformance.harness import Function, Harness, check_dtype, contiguous, shapes
from unified_act_mxnet._framework import BFLOAT16, mx
from unified_act_mxnet.native import NATIVE

__all__ = ["harness"]

TWICE_DIFFERENTIABLE = ("relu", "sigmoid", "tanh")
"""The operators for which MXNet 1.9.1 has a second derivative; a graph has none."""


def _hybridized(function: Function) -> Function:
    class Block(mx.gluon.HybridBlock):  # type: ignore[misc, name-defined]
        def hybrid_forward(self, F: Any, x: Any, *weights: Any) -> Any:  # noqa: N803
            del F
            return function(x, *weights)

    block = Block()
    block.hybridize()
    called: Function = block
    return called


class MxnetHarness(Harness):
    """MXNet's bfloat16 is a structured type in NumPy, so its bits pass as uint16."""

    modes: Mapping[str, Callable[[Function], Function]] = {"hybridize": _hybridized}
    scalars = False
    _context: Any = None

    def packages(self) -> list[str]:
        """The distributions whose versions are reported as tested."""
        return ["mxnet", "numpy"]

    def use_device(self, device: str) -> str:
        """Makes arrays in the context of a device."""
        kind, _, number = device.replace("cuda", "gpu").partition(":")
        found = {"cpu": mx.cpu, "gpu": mx.gpu}.get(kind)
        here = mx.context.num_gpus() if kind == "gpu" else 1
        if found is None or (not number.isdigit() and number) or int(number or 0) >= here:
            raise UnsupportedError(f"MXNet has cpu and {mx.context.num_gpus()} GPUs here")
        self._context = found(int(number or 0))
        return device.replace("cuda", "gpu")

    def to_native(self, values: FloatArray, dtype: str) -> Any:
        """Returns an NDArray with the same values."""
        if dtype == "bfloat16":
            bits = values.view(np.uint16).view(BFLOAT16)
            return mx.nd.array(bits, dtype=BFLOAT16, ctx=self._context)
        return mx.nd.array(values, dtype=dtype, ctx=self._context)

    def to_numpy(self, array: Any, dtype: str) -> FloatArray:
        """Returns a NumPy array with the same values."""
        found = "bfloat16" if array.dtype == BFLOAT16 else np.dtype(array.dtype).name
        check_dtype(found, dtype)
        values = array.asnumpy()
        if dtype == "bfloat16":
            return np.ascontiguousarray(values).view(np.uint16).view(ml_dtypes.bfloat16)
        return np.asarray(values)

    def orders(self, activation: str, dtype: str, numerics: Numerics) -> Sequence[int]:
        """Two derivatives of a few operators of its own, one of the rest."""
        if numerics == "strict" or activation not in TWICE_DIFFERENTIABLE:
            return (0, 1)
        row = NATIVE[activation]
        by_table = dtype in row.outrun and dtype not in row.recorded
        return (0, 1, 2) if dtype in row.dtypes and not by_table else (0, 1)

    def hessian_product(
        self,
        function: Function,
        inputs: Sequence[Any],
        cotangent: Any | None,
        directions: Sequence[Any],
    ) -> tuple[Any, ...]:
        """By a backward pass through a recorded one."""
        leaves = [x.detach().copy() for x in inputs]
        for leaf in leaves:
            leaf.attach_grad()
        with mx.autograd.record():
            value = function(*leaves)
            gradients = mx.autograd.grad(
                value, leaves, head_grads=cotangent, create_graph=True, retain_graph=True
            )
        mx.autograd.backward(list(gradients), list(directions))
        return tuple(leaf.grad for leaf in leaves)

    def layouts(self, values: FloatArray, dtype: str) -> Iterator[tuple[str, Any, FloatArray]]:
        """Shapes, and what slicing and transposing give; empty ones are not known to an NDArray."""
        for name, array in shapes(values):
            if array.size and array.ndim:
                yield name, self.to_native(array, dtype), array
        array = self.to_native(values, dtype)
        yield "offset by one", array[1:], contiguous(values[1:])
        if dtype != "bfloat16":  # which neither operator knows
            matrix = values.reshape(4, 8)
            yield "every second", array[::2], contiguous(values[::2])
            yield "transposed", array.reshape((4, 8)).T, contiguous(matrix.T)


harness = MxnetHarness()
