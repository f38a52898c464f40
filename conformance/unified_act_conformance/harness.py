"""The interface through which the suite uses a framework: arrays, compilers and derivatives."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import numpy as np

import unified_act as ua
from unified_act.backend import HOME, Numerics
from unified_act.literals import shown
from unified_act.loading import computing_backend, find_entry, load_backend
from unified_act_conformance.floats import FloatArray

__all__ = [
    "Function",
    "Harness",
    "NotOfferedError",
    "check_dtype",
    "device_in_use",
    "kind_in_use",
    "load_harness",
    "use_device",
]

Function = Callable[..., Any]
"""A function of the framework's arrays."""


@cache  # every case and check needs it, and each call would search and parse metadata again
def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


class NotOfferedError(NotImplementedError):
    """The framework does not offer this. The suite counts the check as unsupported."""


class Harness:
    """The interface of a framework for the suite. A backend derives a class from it.

    The suite reports a method that the class does not override as not supported.

    Attributes:
        modes: The compilers of the framework by name: functions that compile a function.
        flushing_modes: The names of the compilers that may replace subnormal numbers by 0.
        eager_modes: The names of those that compile nothing and run each operation by itself.
        light_modes: The names of compilers and contexts that take little longer than a call. They
            are tried with many shapes, axes and parameters.
        scalars: Whether an array may have no dimensions.
        differentiates: Whether the framework can differentiate any function. If not, only
            activations with a derivative have a gradient.
        repeated: Of which orders a call is repeated some hundred times.
        compiles_each_shape: Whether the framework compiles a function anew for every shape of its
            input, also in eager calls. Then ``--quick`` tries fewer shapes.
        traces_forward_mode: Whether the framework traces each operation before it differentiates in
            forward mode. Then ``--quick`` tries that with some activations.
        device: The device that arrays are put on.
    """

    modes: Mapping[str, Callable[[Function], Function]] = {}
    flushing_modes: Sequence[str] = ()
    eager_modes: Sequence[str] = ()
    light_modes: Sequence[str] = ()
    scalars = True
    differentiates = True
    repeated: Sequence[int] = (0, 1, 2)
    compiles_each_shape = False
    traces_forward_mode = False
    device = HOME

    def use_device(self, device: str) -> str:
        """Puts all arrays that the suite makes from now on on a device, and returns its name.

        Args:
            device: Its name: a kind, ``"cuda"``, or a kind with a number, ``"cuda:1"``.

        Returns:
            The name in which the kind is as the backend's data have it.

        Raises:
            unified_act.UnsupportedError: There is no such device here.
        """
        if device != HOME:
            raise ua.UnsupportedError(f"it computes on a CPU alone, not on {shown(device)}")
        return device

    def device_name(self) -> str:
        """Returns what the device in use is called, with its model if the framework tells it."""
        return self.device

    def tried_modes(self, numerics: Numerics) -> Sequence[str]:
        """Returns the names of the compilers and contexts that all activations are tried in.

        Args:
            numerics: The profile.
        """
        del numerics
        return tuple(self.modes)

    def context(self, mode: str) -> AbstractContextManager[Any]:
        """Returns the context of a mode that is not a compiler, such as ``"autocast"``."""
        del mode
        return nullcontext()

    def packages(self) -> list[str]:
        """The distributions whose versions are reported as tested."""
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
        """Returns an array of the framework with the same values, which are of type `dtype`."""
        raise NotImplementedError

    def native_input(self, values: FloatArray, dtype: str) -> Any:
        """Returns the same as `to_native`. A mask becomes boolean, whatever `dtype` is."""
        return self.to_native(values, "bool" if values.dtype == np.bool_ else dtype)

    def laid_out(self, values: FloatArray, dtype: str, layout: str) -> Any:
        """Returns the same as `to_native`, in another layout if the framework has layouts.

        Args:
            values: The values.
            dtype: The name of their type.
            layout: ``"contiguous"``; ``"transposed"``, with the first dimension innermost; or
                ``"strided"``, as every second element of a larger array.
        """
        del layout
        return self.to_native(values, dtype)

    def to_numpy(self, array: Any, dtype: str) -> FloatArray:
        """Returns the values of an array. Raises `TypeError` if its type is not `dtype`."""
        raise NotImplementedError

    def orders(self, activation: str, dtype: str, numerics: Numerics) -> Sequence[int]:
        """Returns the orders of the derivatives that the framework supports for an activation.

        Args:
            activation: The canonical name.
            dtype: The name of the float type.
            numerics: The profile.
        """
        del activation, dtype, numerics
        return (0, 1)

    def each(self, function: Function, arguments: Sequence[Sequence[Any]]) -> Sequence[Any]:
        """Returns what a function gives for each of several lists of arguments.

        A framework that compiles anew for every shape may compile all the calls as one program.

        Args:
            function: The function.
            arguments: The arguments of each call: arrays, lists of arrays, and None.
        """
        return [function(*given) for given in arguments]

    def second_derivative(self, function: Function, x: Any, cotangent: Any) -> Any:
        """Returns f″ times the cotangent for an elementwise function, by differentiating twice."""
        return self.hessian_product(function, (x,), None, (cotangent,))[0]

    def hessian_product(
        self,
        function: Function,
        inputs: Sequence[Any],
        cotangent: Any | None,
        directions: Sequence[Any],
    ) -> tuple[Any, ...]:
        """Returns the gradient of Σᵢ ⟨directionᵢ, gᵢ⟩, where gᵢ is the gradient of input i.

        Args:
            function: The function to differentiate.
            inputs: The inputs of the function.
            cotangent: The cotangent of the gradients gᵢ; None for ones.
            directions: One array for each input.
        """
        del function, inputs, cotangent, directions
        raise NotOfferedError("it has no second derivatives")

    def cotangent_gradient(
        self,
        function: Function,
        inputs: Sequence[Any],
        cotangent: Any,
        directions: Sequence[Any],
    ) -> Any:
        """Returns the gradient by the cotangent of Σᵢ ⟨directionᵢ, gᵢ⟩, see `hessian_product`."""
        del function, inputs, cotangent, directions
        raise NotOfferedError("its gradients cannot be differentiated by a cotangent")

    def jvp(self, function: Function, inputs: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Returns the derivative along the tangents, in forward mode."""
        del function, inputs, tangents
        raise NotOfferedError("it has no forward mode")

    def saved_elements(self, function: Function, x: Any) -> int:
        """Returns the number of array elements that a call keeps for its backward pass."""
        del function, x
        raise NotOfferedError("what it keeps for the backward pass cannot be counted")

    def layouts(self, values: FloatArray, dtype: str) -> Iterator[tuple[str, Any, FloatArray]]:
        """Yields arrays with unusual memory layouts: name, array, and values.

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
        unified_act.UnsupportedError: The backend has no harness.
    """
    backend = computing_backend(backend)
    load_backend(backend)
    module = f"{find_entry(backend).package}.conformance"
    try:
        harness: Harness = importlib.import_module(module).harness
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise ua.UnsupportedError(
            f"the suite cannot test the backend {backend!r}: it needs a module {module} with "
            "an attribute `harness`, see unified_act_conformance.harness.Harness."
        ) from error
    return harness


_in_use: dict[str, str] = {}


def use_device(backend: str, device: str) -> None:
    """Judges a backend on a device from now on, in this process.

    Args:
        backend: The name of the backend.
        device: The name of the device, as the framework writes it.

    Raises:
        unified_act.UnsupportedError: The backend has no such device here.
    """
    harness = load_harness(backend)
    try:
        found = harness.use_device(device)
    except ua.UnsupportedError as error:
        raise ua.UnsupportedError(
            f"{backend} cannot be judged on {shown(device)}: {error}. "
            "Name the backends to judge with --backend."
        ) from None
    harness.device = _in_use[backend] = found


def device_in_use(backend: str) -> str:
    """Returns the device that a backend is judged on, in this process."""
    return _in_use.get(backend, HOME)


def kind_in_use(backend: str) -> str:
    """Returns the kind of that device, without its number."""
    return device_in_use(backend).partition(":")[0]


def check_dtype(found: str, wanted: str) -> None:
    """Raises `TypeError` unless an output has the type of the input."""
    if found != wanted:
        raise TypeError(f"the output is {found}, but the input {wanted}")


def spaced(values: FloatArray) -> FloatArray:
    """Returns an array in which every second element along the last dimension is of `values`.

    Args:
        values: An array of at least one dimension.
    """
    pairs = np.stack([values, np.full_like(values, 77.0)], axis=-1)
    return np.asarray(pairs.reshape(*values.shape[:-1], 2 * values.shape[-1]))


def contiguous(array: Any) -> FloatArray:
    """Returns a contiguous copy of a NumPy array."""
    return np.array(array, order="C", copy=True)
