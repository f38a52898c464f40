"""NumPy backend: the implementation of `FrameworkBackend`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from unified_act.activation import Activation
from unified_act.backend import (
    DTYPES,
    LEAST_NOISE,
    FrameworkBackend,
    Native,
    Numerics,
    Request,
    Words,
)
from unified_act.errors import InputTypeError
from unified_act.inputs import advice
from unified_act.kernels import unavailable
from unified_act.layers import Layers
from unified_act_numpy import calls, gradient, layers, tables
from unified_act_numpy.native import FUSED, NATIVE, TABLED

__all__ = ["NumpyBackend"]


_RULES = (
    *("__array_ufunc__", "__array_function__", "__neg__", "__abs__"),
    *(f"__{name}__" for name in ("lt", "le", "gt", "ge", "eq", "ne", "and", "or", "invert")),
    *(f"__{r}{name}__" for r in ("", "r") for name in ("add", "sub", "mul", "truediv", "pow")),
)
"""What a subclass may define in its own way."""


class NumpyBackend(FrameworkBackend):
    """The backend ``"numpy"``. If `ml_dtypes` is installed, it supports bfloat16 arrays."""

    name = "numpy"
    framework = np
    native: Mapping[str, Native] = NATIVE
    gradient = gradient
    tables = tables
    tabled = TABLED
    fused = FUSED
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

    def implement(
        self, activation: Activation, parameters: Mapping[str, float], numerics: Numerics
    ) -> Callable[..., Any]:
        """Returns the function that computes `activation`, with ``out=`` as NumPy's have it."""
        function = super().implement(activation, parameters, numerics)
        several = len(activation.inputs_for(parameters)) > 1
        if several or isinstance(parameters.get("axis"), tuple):
            return calls.with_out(activation.name, function, several=several)
        return function  # of `short_way`

    def run(self, function: Callable[..., Any], x: Any, *further: Any) -> Any:
        """Calls an implementation; the result is of the subclass of `x`, if it has one."""
        return _like(x, function(_plain(x), *map(_plain, further)))

    def value_and_grad(
        self, function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Returns the value and the cotangent of each input, of the subclass that it has."""
        plain = [_plain(x) for x in inputs]
        value, found = super().value_and_grad(function, plain, _plain(cotangent))
        gradients = zip(inputs, found, strict=True)
        return _like(inputs[0], value), tuple(
            by if by is None else _like(x, by) for x, by in gradients
        )

    def merged(self, array: Any, x: Any, axes: Sequence[int]) -> Any:
        """Returns an array, broadcast to `x`, with several of its axes as one, the last."""
        return gradient.merged(array, x, axes)

    def parted(self, rows: Any, x: Any, axes: Sequence[int]) -> Any:
        """Returns an array in the shape of `x`, of what `merged` made of one."""
        return gradient.parted(rows, x, axes)

    def short_way(self, request: Request, otherwise: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that computes one array at once, or writes into another."""
        if len(request.inputs) > 1:
            return otherwise
        return calls.short_way(request, otherwise, self.dtype_objects)

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


@lru_cache(maxsize=256)
def _follows_rules(kind: type) -> bool:
    """Whether arrays of a subclass compute as plain ones do: no operation is its own."""
    return all(getattr(kind, name, None) is getattr(np.ndarray, name) for name in _RULES)


def _is_named(x: Any) -> bool:
    """Whether it is an array of such a subclass, as a memory map is."""
    kind: Any = type(x)
    return kind is not np.ndarray and isinstance(x, np.ndarray) and _follows_rules(kind)


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if _is_named(x) else x


def _like(x: Any, result: Any) -> Any:
    """What a ufunc would return for `x`, of what was computed of the plain array."""
    return x.__array_wrap__(np.asarray(result)) if _is_named(x) else result
