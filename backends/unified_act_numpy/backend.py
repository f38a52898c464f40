"""NumPy backend: the implementation of `FrameworkBackend`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from unified_act.backend import (
    DTYPES,
    LEAST_NOISE,
    FrameworkBackend,
    Native,
    Request,
    Words,
    dtype_test,
    shortcut,
    written_call,
)
from unified_act.errors import InputTypeError
from unified_act.inputs import advice
from unified_act.kernels import unavailable
from unified_act.layers import Layers
from unified_act_numpy import gradient, layers, tables
from unified_act_numpy.native import NATIVE, TABLED

__all__ = ["NumpyBackend"]

_LARGE = 2**14
"""From so many elements on machine code is quicker than functions of NumPy that it outruns."""


class NumpyBackend(FrameworkBackend):
    """The backend ``"numpy"``. If `ml_dtypes` is installed, it supports bfloat16 arrays."""

    name = "numpy"
    framework = np
    native: Mapping[str, Native] = NATIVE
    gradient = gradient
    tables = tables
    tabled = TABLED
    fused = ("float16", "bfloat16", "float32", "float64")
    layers: Layers = layers
    types: Sequence[type] = (np.ndarray, np.float16, np.float32, np.float64)
    arrays = (np.ndarray, np.generic)
    usual = (np.ndarray,)
    booleans = (np.dtype(np.bool_),)
    generators = np.random.Generator
    words = Words(
        "a NumPy array", "array", "np.asarray(x, dtype=np.float32)", "x.astype(np.float32)"
    )

    @property
    def dtype_objects(self) -> Mapping[str, np.dtype[Any]]:  # type: ignore[override]
        """The dtypes by name: bfloat16 among them if `ml_dtypes` is installed."""
        found = {name: np.dtype(name) for name in DTYPES if name != "bfloat16"}
        try:
            import ml_dtypes
        except ModuleNotFoundError:
            return found
        bfloat16 = getattr(ml_dtypes, "bfloat16", None)
        if not isinstance(bfloat16, type):  # of a mock-up in the place of ml_dtypes
            return found
        every = found | {"bfloat16": np.dtype(bfloat16)}
        return {name: every[name] for name in DTYPES}

    def no_machine_code(self) -> str:
        """Says why no machine code can be made here; empty if it can."""
        return unavailable()

    def accepts(self, array_type: type) -> bool:
        """Whether `array_type` is an array or scalar type, but not a subclass with other rules."""
        # np.matrix multiplies otherwise, a masked array's mask would be lost.
        rules = (np.matrix, np.ma.MaskedArray)
        return issubclass(array_type, self.arrays) and not issubclass(array_type, rules)

    def is_array(self, x: Any) -> bool:
        """Whether `x` is an array or a scalar, but not of a subclass with other rules."""
        return self.accepts(type(x))

    def _outrunning(
        self, request: Request, dtype: str, kernel: Callable[..., Any]
    ) -> Callable[..., Any]:
        """Returns machine code for large arrays: a call costs 4 µs more. The bits are the same."""
        large = super()._outrunning(request, dtype, kernel)
        return lambda x: large(x) if x.size >= _LARGE else kernel(x)

    def merged(self, array: Any, x: Any, axes: Sequence[int]) -> Any:
        """Returns an array, broadcast to `x`, with several of its axes as one, the last."""
        return gradient.merged(array, x, axes)

    def parted(self, rows: Any, x: Any, axes: Sequence[int]) -> Any:
        """Returns an array in the shape of `x`, of what `merged` made of one."""
        return gradient.parted(rows, x, axes)

    def short_way(self, request: Request, otherwise: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that calls a kernel of one array at once."""
        kernel, arguments = request.kernel, request.arguments
        if kernel is None or not kernel.dtypes or len(request.inputs) > 1:
            return otherwise
        admitted = {name: self.dtype_objects[name] for name in kernel.dtypes}
        scope = {"ndarray": np.ndarray, "function": kernel.find(np), **admitted}
        test = f"type(x) is ndarray and ({dtype_test(kernel.dtypes)})"
        return shortcut(test, written_call(arguments), otherwise, scope)

    def wrong_input(self, name: str, x: Any) -> InputTypeError:
        """Returns the error for a wrong input, such as a subclass of arrays or another float."""
        usual = isinstance(x, self.arrays) and np.issubdtype(x.dtype, np.floating)
        if not usual and not isinstance(x, np.ma.MaskedArray):
            return super().wrong_input(name, x)
        return InputTypeError(
            f"{name}: expected float16, bfloat16, float32 or float64 in a plain array, got "
            f"{type(x).__name__} of {x.dtype}. {advice(x, self.words.convert)}"
        )

    def draw(self, x: Any, source: int | np.random.Generator, dtype: Any) -> Any:
        """Returns uniform random numbers in the shape of `x`."""
        noise = np.random.default_rng(source).random(x.shape, dtype=dtype)
        return np.maximum(noise, dtype.type(LEAST_NOISE))
