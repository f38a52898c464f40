"""What a backend must offer: the contract between the core and a framework."""

from __future__ import annotations

import functools
import importlib
import math
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

from unified_act.activation import Activation
from unified_act.errors import InputTypeError, UnsupportedError

__all__ = [
    "DTYPES",
    "Backend",
    "ModelBackend",
    "Namespace",
    "Native",
    "Numerics",
    "beyond_dtype",
    "check_cotangent",
    "check_further",
    "cotangent_error",
    "detached_error",
    "input_error",
    "kernel_for",
]

DTYPES = ("float16", "bfloat16", "float32", "float64")
"""The element types that an activation may have, by name; a backend may lack some."""


class _Format(NamedTuple):
    """How large, how small and how precise the numbers of a dtype are."""

    largest: float
    smallest: float
    digits: int

    def has(self, number: float) -> bool:
        """Whether the number is 0 or, rounded, a normal number of the dtype."""
        return number == 0.0 or self.smallest <= abs(number) <= self.largest

    def has_exactly(self, number: float) -> bool:
        """Whether it is such a number itself; of 32 bits and more any number counts as one."""
        return self.digits > 11 or math.ldexp(math.frexp(number)[0], self.digits).is_integer()


_FORMATS = {
    "float16": _Format(65504.0, 2.0**-14, 11),
    "bfloat16": _Format(3.3895313892515355e38, 2.0**-126, 8),
    "float32": _Format(3.4028234663852886e38, 2.0**-126, 24),
    "float64": _Format(sys.float_info.max, sys.float_info.min, 53),
}

Numerics = Literal["fast", "strict"]
"""Which implementation to hand out: the fastest admitted one, or the shared definition."""


class Namespace(Protocol):
    """The functions that an activation may use: array-API names, and what the standard lacks.

    Arrays also have ``+ - * /``, unary ``-`` and the comparisons, among themselves and with
    Python numbers. A Python number never changes the dtype. Results keep dtype and shape.

    Compose with `where`, never with a maximum, a clip or `abs` across a kink: frameworks disagree
    about the gradient at a tie. Both branches of a `where` are computed, so both must be safe.
    """

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        """Elements of `a` where `condition` holds, else of `b`; either may be a number."""

    def full_like(self, x: Any, value: float) -> Any:
        """An array of the shape, dtype and device of `x`, filled with `value`."""

    def abs(self, x: Any) -> Any:
        """Absolute value."""

    def exp(self, x: Any) -> Any:
        """E to the power x."""

    def expm1(self, x: Any) -> Any:
        """E to the power x, minus 1, accurate near 0."""

    def log(self, x: Any) -> Any:
        """Natural logarithm."""

    def log1p(self, x: Any) -> Any:
        """Natural logarithm of 1 + x, accurate near 0."""

    def tanh(self, x: Any) -> Any:
        """Hyperbolic tangent."""

    def erfc(self, x: Any) -> Any:
        """Complementary error function, accurate in its tail."""

    def times_erfc(self, factor: Any, x: Any) -> Any:
        """`factor` · erfc(x), rounded once where erfc(x) alone would be subnormal."""

    def sqrt(self, x: Any) -> Any:
        """Square root."""

    def floor(self, x: Any) -> Any:
        """Largest integer not above x."""

    def sin(self, x: Any) -> Any:
        """Sine, of an angle in radians."""

    def sum(self, x: Any, *, axis: int) -> Any:
        """Sum along `axis`, which stays with length 1."""

    def max(self, x: Any, *, axis: int) -> Any:
        """Maximum along `axis`, which stays with length 1."""

    def cumulative_sum(self, x: Any, *, axis: int) -> Any:
        """Sum of the elements up to each, itself included, along `axis`."""

    def sort(self, x: Any, *, axis: int) -> Any:
        """The elements in increasing order along `axis`."""

    def split(self, x: Any, sections: int, *, axis: int) -> list[Any]:
        """Equal parts of `x`, one after the other along `axis`."""

    def concat(self, arrays: Sequence[Any], *, axis: int) -> Any:
        """The arrays, one after the other along `axis`."""

    def stop_gradient(self, x: Any) -> Any:
        """`x` as a constant: no derivative flows through it."""

    def channel_weight(self, weight: Any, x: Any, *, axis: int) -> Any:
        """`weight`, of shape (), (1,) or (channels,), shaped to multiply along `axis` of `x`."""

    def sum_to_weight(self, x: Any, weight: Any, *, axis: int) -> Any:
        """The reverse of `channel_weight`: sums `x` over every axis but `axis`."""


@dataclass(frozen=True)
class Native:
    """A framework's own kernel for an activation: one row of a backend's table.

    Attributes:
        function: Dotted path of the function inside the framework; what a plugin overrides it with
            is a function, or the path ``"module:function"`` of one.
        dtypes: The dtypes in which it passes the fast gate, and so is used.
        keywords: Our parameter names to the function's keywords.
        constants: Keywords always passed, so that no default of the framework leaks through.
        only: Parameter values outside which the kernel cannot be used.
        unless: Parameter values with which it cannot be used.
        bends: The parameters at whose values the function bends. A kernel takes its parameters in
            the dtype of the array, so in 16 bits it bends elsewhere unless they are such numbers.
        why: Why the dtypes that are missing are missing.
    """

    function: str | Callable[..., Any]
    dtypes: Sequence[str] = DTYPES
    keywords: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    constants: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    only: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    unless: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    bends: Sequence[str] = ()
    why: str = ""

    def find(self, framework: Any) -> Callable[..., Any]:
        """Returns the function itself, out of the framework's module."""
        if callable(self.function):
            return self.function
        module, colon, path = self.function.rpartition(":")
        place: Any = importlib.import_module(module) if colon else framework
        function: Callable[..., Any] = functools.reduce(getattr, path.split("."), place)
        return function

    @property
    def is_override(self) -> bool:
        """Whether it is no function of the framework, but one of a plugin."""
        return callable(self.function) or ":" in self.function

    @property
    def label(self) -> str:
        """The path, in the form in which a reader finds the function."""
        if callable(self.function):
            return f"{self.function.__module__}:{self.function.__qualname__}"
        return self.function

    def arguments(self, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """Returns the keywords for a call with `parameters`; None where the kernel cannot serve."""
        if any(parameters[name] != value for name, value in self.only.items()):
            return None
        if any(parameters[name] == value for name, value in self.unless.items()):
            return None
        passed = {keyword: parameters[name] for name, keyword in self.keywords.items()}
        return passed | dict(self.constants)

    def serving(self, parameters: Mapping[str, Any]) -> Native | None:
        """Returns the row with the dtypes that it serves with `parameters`; None if there is none.

        In another dtype a parameter is infinite or 0, or the function would bend elsewhere.
        """
        if self.arguments(parameters) is None:
            return None
        dtypes = tuple(dtype for dtype in self.dtypes if self._serves(dtype, parameters))
        return replace(self, dtypes=dtypes) if dtypes else None

    def _serves(self, dtype: str, parameters: Mapping[str, Any]) -> bool:
        found = _FORMATS[dtype]
        numbers = [parameters[name] for name in self.keywords]
        return all(found.has(number) for number in numbers if isinstance(number, float)) and all(
            found.has_exactly(parameters[name]) for name in self.bends
        )


def kernel_for(
    backend: str, table: Mapping[str, Native], activation: Activation, numerics: Numerics
) -> Native | None:
    """Returns what is used of an activation in place of the shared definition, if anything.

    Args:
        backend: The name of the backend.
        table: Its kernels.
        activation: The activation.
        numerics: The profile.
    """
    if numerics != "fast":
        return None
    override = activation.overrides.get(backend)
    if override is None:
        return table.get(activation.name)
    return Native(override, keywords={p.name: p.name for p in activation.parameters})


def beyond_dtype(activation: Activation, parameters: Mapping[str, Any], dtype: str) -> str:
    """Says which parameter is too large or too small for a dtype; empty if none is.

    16-bit types are computed in float32, so that its range counts for them.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The name of the dtype of the input.
    """
    wide = "float64" if dtype == "float64" else "float32"
    for name, number in parameters.items():
        if isinstance(number, float) and not _FORMATS[wide].has(number):
            size = "large" if abs(number) > 1.0 else "small"
            return (
                f"{activation.name}: {name}={number!r} is too {size} for {wide}, in which {dtype} "
                "is computed. Cast the input to float64, or pass another number."
            )
    return ""


def input_error(name: str, wanted: str, x: Any, convert: str) -> InputTypeError:
    """Returns what to raise about an input that is no array of the framework.

    Args:
        name: What was called.
        wanted: What it takes.
        x: What it got.
        convert: The code that converts `x`.
    """
    return InputTypeError(f"{name}: expected {wanted}, got {_type(x)}. Convert it with {convert}.")


def cotangent_error(cotangent: Any, value: Any) -> InputTypeError:
    """Returns what to raise about a cotangent that is none for an output."""
    return InputTypeError(
        f"the cotangent must match the output, {_describe(value)}; got {_describe(cotangent)}."
    )


def check_cotangent(
    cotangent: Any,
    value: Any,
    arrays: Any,
    fits: Callable[[Any, Any], bool] = operator.eq,
) -> None:
    """Raises unless a cotangent is None, or matches an output.

    Args:
        cotangent: What a caller gave.
        value: The output, or what has its shape and dtype.
        arrays: The type of the framework's arrays, or several.
        fits: Whether the first of two shapes is as good as the second.

    Raises:
        InputTypeError: It does not match.
    """
    if cotangent is not None and (
        not isinstance(cotangent, arrays)
        or not fits(cotangent.shape, value.shape)
        or cotangent.dtype != value.dtype
    ):
        raise cotangent_error(cotangent, value)


def detached_error(framework: str) -> UnsupportedError:
    """Returns what to raise where an output has no gradient.

    Args:
        framework: What the framework calls itself.
    """
    return UnsupportedError(
        f"the output does not depend on the input through {framework} operations: the gradient was "
        "detached on the way."
    )


def check_further(
    activation: Activation, x: Any, further: Sequence[Any], fits: Callable[[str, Any], bool]
) -> None:
    """Raises unless the inputs after `x` are as many as they should be, and fit to it.

    Args:
        activation: The activation.
        x: The input.
        further: Its weights, mask or noise.
        fits: ``fits(role, array)``: whether an array of the framework can be that. A ``"mask"`` is
            boolean; a ``"weight"`` has the dtype of `x`, and ``"noise"`` too, or float32.

    Raises:
        InputTypeError: They don't.
    """
    names = activation.inputs[1:]
    if len(further) != len(names):
        raise InputTypeError(
            f"{activation.name} takes {', '.join(activation.inputs)}: {len(names) + 1} arrays, "
            f"got {len(further) + 1}."
        )
    for name, array in zip(names, further, strict=True):
        role = activation.kind.role(activation, name)
        if not fits(role, array):
            raise _further_error(activation.name, name, role, array, x)


def _further_error(activation: str, name: str, role: str, array: Any, x: Any) -> InputTypeError:
    which = f"the {role}" if name == role else f"the {role} {name!r}"
    advice = f"Cast {which} to the input's type first."
    if role == "mask":
        advice = "Make it an array of booleans, True where an element counts."
    return InputTypeError(
        f"{activation}: {which} is {_describe(array)}, but the input {_describe(x)}. {advice}"
    )


def _type(x: Any) -> str:
    package = type(x).__module__.partition(".")[0]
    return type(x).__name__ if package == "builtins" else f"{package}.{type(x).__name__}"


def _describe(array: Any) -> str:
    kind = _type(array)
    if not hasattr(array, "dtype") or not hasattr(array, "shape"):
        return kind
    return f"a {kind} of shape {tuple(array.shape)} and {array.dtype}"


class Backend(Protocol):
    """One framework, behind the interface that the core uses."""

    @property
    def name(self) -> str:
        """The name that selects it."""

    @property
    def dtypes(self) -> Sequence[str]:
        """The names of the dtypes that it has, of `DTYPES`."""

    @property
    def native(self) -> Mapping[str, Native]:
        """The framework's own kernels, by canonical name."""

    @property
    def types(self) -> Sequence[type]:
        """The array types that its callables are usually given."""

    def accepts(self, array_type: type) -> bool:
        """Whether arrays of this type belong to the framework."""

    def implement(
        self, activation: Activation, parameters: Mapping[str, float], numerics: Numerics
    ) -> Callable[..., Any]:
        """Returns the function that computes `activation`: the work behind `get_activation`.

        Equal callables share what this returns.
        """

    def uniform_like(self, x: Any, generator: Any) -> Any:
        """Random numbers between 0 and 1, ends excluded, in the shape of `x`.

        Args:
            x: An array.
            generator: A seed, or a generator of the framework.
        """

    def value_and_grad(
        self, function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Returns the value and the cotangent of each input, None for a boolean one."""


class ModelBackend(Backend, Protocol):
    """What a backend may offer in addition, if models are built with its framework.

    Both members are optional.
    """

    @property
    def layers(self) -> Any:
        """A module or an object with the functions of `unified_act.layers.Layers`."""

    def replace_activations(self, model: Any, old: Any, new: Any) -> Any:
        """Replaces activations inside a model: the work behind `replace_activations`.

        Args:
            model: The model, which is changed.
            old: Which activations, a `unified_act.replacement.Sought`.
            new: What to put in their place, a `unified_act.layers.LayerSpec`.

        Returns:
            A `unified_act.replacement.ReplacementReport`.
        """
