"""What the suite needs of each framework and the library does not: arrays in and out, modes."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

import unified_act as ua
from unified_act.backend import Numerics
from unified_act.loading import find_entry, load_backend
from unified_act_conformance.floats import FloatArray

__all__ = ["Function", "Harness", "NotOfferedError", "check_dtype", "load_harness"]

Function = Callable[..., Any]
"""A function of the framework's arrays."""


@cache  # every case and check asks, and each answer would be searched for and parsed again
def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


class NotOfferedError(NotImplementedError):
    """Raised where a framework has no such power; a check is then unsupported, and counted so."""


class Harness:
    """The powers of one framework; what is not overridden is not offered, and is reported so.

    Attributes:
        modes: Ways to compile a function, by name: each takes one and returns another.
        flushing_modes: Those of them in which subnormal numbers may become 0.
        scalars: Whether an array may have no dimensions.
        differentiates: Whether any function has a gradient, not only what brings its own.
    """

    modes: Mapping[str, Callable[[Function], Function]] = {}
    flushing_modes: Sequence[str] = ()
    scalars = True
    differentiates = True

    def packages(self) -> list[str]:
        """The distributions whose versions say what was tested."""
        raise NotImplementedError

    def version(self) -> str:
        """The framework's version.

        Raises:
            LookupError: None of its distributions is installed.
        """
        for package in self.packages():
            version = _installed(package)
            if version is not None:
                return version
        raise LookupError(f"none of {self.packages()} is installed")

    def to_native(self, values: FloatArray, dtype: str) -> Any:
        """The framework's array of the same values; `dtype` names the type of both."""
        raise NotImplementedError

    def native_input(self, values: FloatArray, dtype: str) -> Any:
        """`to_native`, of a mask too, which is boolean whatever `dtype` is."""
        return self.to_native(values, "bool" if values.dtype == np.bool_ else dtype)

    def to_numpy(self, array: Any, dtype: str) -> FloatArray:
        """The reverse of `to_native`; raises `TypeError` if the array has another type."""
        raise NotImplementedError

    def orders(self, activation: str, dtype: str, numerics: Numerics) -> Sequence[int]:
        """The derivatives that the framework can give of an activation.

        Args:
            activation: The canonical name.
            dtype: The name of the float type.
            numerics: The profile.
        """
        del activation, dtype, numerics
        return (0, 1)

    def second_derivative(self, function: Function, x: Any, cotangent: Any) -> Any:
        """The gradient of the gradient: f″ times the cotangent, for an elementwise function."""
        return self.hessian_product(function, (x,), None, (cotangent,))[0]

    def hessian_product(
        self,
        function: Function,
        inputs: Sequence[Any],
        cotangent: Any | None,
        directions: Sequence[Any],
    ) -> tuple[Any, ...]:
        """The gradient of Σᵢ ⟨directionᵢ, gᵢ⟩, with gᵢ the gradient by input i.

        Args:
            function: What to differentiate.
            inputs: Its inputs.
            cotangent: What its gradients are taken with; None for ones.
            directions: One array for each input.
        """
        del function, inputs, cotangent, directions
        raise NotOfferedError("it has no second derivatives")

    def jvp(self, function: Function, inputs: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The derivative along the tangents, in forward mode."""
        del function, inputs, tangents
        raise NotOfferedError("it has no forward mode")

    def saved_elements(self, function: Function, x: Any) -> int:
        """How many array elements a call keeps for its backward pass."""
        del function, x
        raise NotOfferedError("what it keeps for the backward pass cannot be counted")

    def mutants(self) -> Sequence[Any]:
        """Wrong implementations, made of the framework, that the suite has to reject.

        Each is a `unified_act_conformance.mutants.base.Mutant`.
        """
        return ()

    def layouts(self, values: FloatArray, dtype: str) -> Iterator[tuple[str, Any, FloatArray]]:
        """Arrays laid out in memory in unusual ways: name, array, and its values.

        Args:
            values: 32 numbers.
            dtype: The name of their type.
        """
        for name, array in shapes(values):
            yield name, self.to_native(array, dtype), array


def shapes(values: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Yields contiguous arrays of unusual shapes, by name.

    Args:
        values: 32 numbers.
    """
    yield "no dimensions", values[5:6].reshape(())
    yield "one element", values[7:8]
    yield "empty", values[:0]
    yield "empty matrix", values[:0].reshape(3, 0)
    yield "five dimensions", values.reshape(2, 2, 2, 2, 2)
    yield "leading ones", values.reshape(1, 1, 4, 8)


def views(*, flip: bool) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Yields names and slicings that NumPy and PyTorch share, of a contiguous array of 32 numbers.

    Args:
        flip: Whether a step may be negative.
    """
    yield "every second", lambda a: a[::2]
    yield "offset by one", lambda a: a[1:]
    yield "matrix column", lambda a: a.reshape(8, 4)[:, 1]
    yield "transposed", lambda a: a.reshape(4, 8).T
    yield "part of a transposed matrix", lambda a: a.reshape(4, 8).T[1:-2, 1:]
    if flip:
        yield "negative step", lambda a: a[::-1]
        yield "negative steps both ways", lambda a: a.reshape(4, 8)[::-1, ::-2]


def load_harness(backend: str) -> Harness:
    """Returns the harness of a backend, importing its framework.

    It is the attribute ``harness`` of the module ``conformance`` in the backend's package.

    Args:
        backend: The backend's name.

    Raises:
        unified_act.UnsupportedError: The backend has none.
    """
    load_backend(backend)
    module = f"{find_entry(backend).package}.conformance"
    try:
        harness: Harness = importlib.import_module(module).harness
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise ua.UnsupportedError(
            f"the suite cannot drive the backend {backend!r}: it needs a module {module} with "
            "an attribute `harness`, see unified_act_conformance.harness.Harness."
        ) from error
    return harness


def check_dtype(found: str, wanted: str) -> None:
    """Raises `TypeError` unless an output has the type of the input."""
    if found != wanted:
        raise TypeError(f"the output is {found}, but the input {wanted}")


def contiguous(array: Any) -> FloatArray:
    """The values of a NumPy array, in order and without strides of their own."""
    return np.array(array, order="C", copy=True)
