"""NumPy behind the interface of the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    written_call,
)
from unified_act.errors import InputTypeError
from unified_act.layers import Layers
from unified_act.shapes import with_shape_check
from unified_act_numpy import gradient, layers
from unified_act_numpy.native import NATIVE

__all__ = ["NumpyBackend"]

Array = NDArray[Any]
_CONVERT = "np.asarray(x, dtype=np.float32)"


class NumpyBackend:
    """The backend ``"numpy"``. bfloat16 arrays are those of `ml_dtypes`, if that is installed."""

    name = "numpy"
    native: Mapping[str, Native] = NATIVE
    layers: Layers = layers
    types: Sequence[type] = (np.ndarray, np.float16, np.float32, np.float64)

    @property
    def dtypes(self) -> Sequence[str]:
        """The names of the dtypes: bfloat16 among them if `ml_dtypes` is installed."""
        return tuple(name for name in DTYPES if name in _dtypes())

    def accepts(self, array_type: type) -> bool:
        """Whether `array_type` is an array or a scalar type, and no subclass with own rules."""
        # np.matrix multiplies otherwise, a masked array's mask would be lost.
        rules = (np.matrix, np.ma.MaskedArray)
        return issubclass(array_type, (np.ndarray, np.generic)) and not issubclass(
            array_type, rules
        )

    def implement(
        self, activation: Activation, parameters: Mapping[str, float], numerics: Numerics
    ) -> Callable[..., Array]:
        """Returns the function that computes `activation`."""
        dtypes = _dtypes()
        shared = gradient.shared_definition(activation, parameters)
        shared = with_shape_check(shared, activation, parameters)
        by_dtype = dict.fromkeys(dtypes.values(), shared)
        inputs = len(activation.inputs_for(parameters))
        kernel = kernel_for(self.name, self.native, activation, numerics)
        arguments = None if kernel is None else kernel.arguments(parameters)
        if kernel is None or arguments is None:
            return self._checked(activation, by_dtype, inputs)
        function, admitted = kernel.find(np), {name: dtypes[name] for name in kernel.dtypes}
        public = with_shape_check(with_keywords(function, arguments), activation, parameters)
        by_dtype |= dict.fromkeys(admitted.values(), public)
        checked = self._checked(activation, by_dtype, inputs)
        if inputs > 1 or not admitted:
            return checked
        scope = {"ndarray": np.ndarray, "function": function, **admitted}
        test = f"type(x) is ndarray and ({dtype_test(kernel.dtypes)})"
        return shortcut(test, written_call(arguments), checked, scope)

    def _checked(
        self,
        activation: Activation,
        by_dtype: Mapping[np.dtype[Any], Callable[..., Array]],
        inputs: int,
    ) -> Callable[..., Array]:
        checked = _by_dtype(activation, by_dtype, self.accepts, inputs)
        if activation.kind != "stochastic" or inputs == 1:
            return checked
        return with_generator(
            activation.name, checked, self.uniform_like, lambda a: self.accepts(type(a))
        )

    def uniform_like(self, x: Array, generator: int | np.random.Generator) -> Array:
        """Random numbers between 0 and 1 in the shape of `x`, float32 for 16-bit types."""
        dtype = np.float64 if x.dtype == np.float64 else np.float32
        source = np.random.default_rng(seed_or_generator(generator, np.random.Generator))
        noise = source.random(x.shape, dtype=dtype)
        return np.maximum(noise, dtype(2.0**-25))

    def value_and_grad(
        self, function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Returns the value and the cotangent of each input."""
        dtypes = _dtypes().values()
        for x in inputs:
            if not self.accepts(type(x)) or (x.dtype not in dtypes and x.dtype != np.bool_):
                raise _wrong_input("value_and_grad", x)
        return gradient.value_and_grad(function, inputs, cotangent)


def _dtypes() -> dict[str, np.dtype[Any]]:
    """The dtypes by name."""
    found: dict[str, np.dtype[Any]] = {
        name: np.dtype(name) for name in ("float16", "float32", "float64")
    }
    try:
        import ml_dtypes
    except ModuleNotFoundError:
        return found
    return found | {"bfloat16": np.dtype(ml_dtypes.bfloat16)}


def _by_dtype(
    activation: Activation,
    by_dtype: Mapping[np.dtype[Any], Callable[..., Array]],
    accepts: Callable[[type], bool],
    inputs: int,
) -> Callable[..., Array]:
    """Returns a function that picks the implementation by dtype, which is also the type check."""
    name = activation.name

    def implementation_for(x: Any) -> Callable[..., Array]:
        """Finds it for the less usual types, or says what is wrong."""
        if accepts(type(x)) and x.dtype in by_dtype:
            return by_dtype[x.dtype]
        raise _wrong_input(name, x)

    def unary(x: Array) -> Array:
        if type(x) is np.ndarray and x.dtype in by_dtype:
            return by_dtype[x.dtype](x)
        return implementation_for(x)(x)

    def with_more(x: Array, *further: Any) -> Array:
        function = implementation_for(x)
        allowed = {"mask": (np.bool_,), "weight": (x.dtype,), "noise": (x.dtype, np.float32)}
        check_further(
            activation,
            x,
            further,
            lambda role, array: accepts(type(array)) and array.dtype in allowed[role],
        )
        return function(x, *further)

    return unary if inputs == 1 else with_more


def _wrong_input(name: str, x: Any) -> InputTypeError:
    if not isinstance(x, (np.ndarray, np.generic)):
        return input_error(name, "a NumPy array", x, _CONVERT)
    if not np.issubdtype(x.dtype, np.floating):
        return InputTypeError(
            f"{name}: expected a floating-point array, got {x.dtype}. "
            "Cast it first, for example with x.astype(np.float32)."
        )
    return InputTypeError(
        f"{name}: expected float16, bfloat16, float32 or float64 in a plain array, got "
        f"{type(x).__name__} of {x.dtype}. Convert it with {_CONVERT}."
    )
