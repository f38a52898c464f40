"""The contract between the core and a framework: the interfaces that a backend implements."""

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
from unified_act.inputs import advice, kind_of

__all__ = [
    "DTYPES",
    "HOME",
    "Backend",
    "Devices",
    "ModelBackend",
    "Native",
    "Numerics",
    "Reach",
    "Tabled",
    "beyond_dtype",
    "check_cotangent",
    "check_further",
    "cotangent_error",
    "detached_error",
    "input_error",
    "kernel_for",
]

DTYPES = ("float16", "bfloat16", "float32", "float64")
"""The names of the dtypes that an activation accepts. A backend may lack some."""
HOME = "cpu"
"""The kind of device in whose memory machine code and NumPy can read."""
_WIDE = ("float32", "float64")
_OTHER = "other"
"""Every kind of device that a row of the table does not name."""


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
"""The profile: the fastest implementation that is accurate enough, or the most accurate one."""


class Reach(NamedTuple):
    """The number of elements of the longest rows that a kernel serves.

    Attributes:
        rows: Along the last axis.
        columns: Along any other axis.
    """

    rows: int
    columns: int


@dataclass(frozen=True)
class Native:
    """A framework's own function (kernel) for an activation: one row of a backend's table.

    Attributes:
        function: The dotted path of the function inside the framework. The override of a plugin is
            a function, or the path ``"module:function"`` of one.
        dtypes: The dtypes in which the kernel is used, because it is accurate enough there. This
            was judged on a CPU; `Devices` says what follows for other devices.
        elsewhere: The dtypes in which it is used on other kinds of devices, by the kind, where
            they are not what `Devices` has; under ``"other"`` those for every kind not named.
        everywhere: Whether `dtypes` holds on every device: the function only compares numbers and
            chooses among them, or belongs to a user.
        keywords: The keyword of the function for each parameter of the activation.
        constants: Keywords that are always passed, so that no default of the framework applies.
        only: The kernel is used only if these parameters have these values.
        unless: The kernel is not used if one of these parameters has this value.
        bends: The parameters at whose values the function bends. A kernel rounds its parameters to
            the dtype of the array. So a kernel serves a 16-bit dtype only if that dtype holds these
            values exactly.
        reach: The longest rows that the kernel serves, for each dtype; by default it serves all. A
            kernel adds up the terms of a row one after another, so that its error grows with the
            length.
        beyond: The path of the function that serves longer rows where there is no machine code,
            with the same keywords; by default it is the shared definition. The sums of both are in
            blocks or in pairs.
        only_at_16_bits: The kernel is used in a 16-bit dtype only if these parameters have these
            values.
        exact: Whether the kernel only passes numbers on. Then it serves in ``"strict"`` too.
        outrun: The dtypes in which machine code or a table of ours is quicker on a CPU. Each has
            its time as a part of the kernel's, for a million elements with their gradient. The
            kernel then serves what they do not, such as other devices, and small arrays on some
            backends, see `FrameworkBackend.few`.
        never_small: Of those dtypes the ones in which the kernel serves no small arrays either.
        recorded: Of those dtypes the ones in which the kernel serves what is recorded for a
            gradient, since it alone can be differentiated twice.
        short: For some dtypes a number of elements: large arrays whose rows along the last axis
            have fewer are computed by machine code on a CPU, which is quicker there.
        why: The reason why the kernel is not used in the other dtypes.
    """

    function: str | Callable[..., Any]
    dtypes: Sequence[str] = DTYPES
    keywords: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    constants: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    only: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    unless: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    bends: Sequence[str] = ()
    only_at_16_bits: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    reach: Mapping[str, Reach] = field(default_factory=lambda: MappingProxyType({}))
    beyond: str = ""
    exact: bool = False
    outrun: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    never_small: Sequence[str] = ()
    recorded: Sequence[str] = ()
    elsewhere: Mapping[str, Sequence[str]] = field(default_factory=lambda: MappingProxyType({}))
    everywhere: bool = False
    short: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    why: str = ""

    def find(self, framework: Any) -> Callable[..., Any]:
        """Returns the function itself, looked up in the framework's module."""
        if callable(self.function):
            return self.function
        module, colon, path = self.function.rpartition(":")
        place: Any = importlib.import_module(module) if colon else framework
        function: Callable[..., Any] = functools.reduce(getattr, path.split("."), place)
        return function

    @property
    def is_override(self) -> bool:
        """Whether the function belongs to a plugin and not to the framework."""
        return callable(self.function) or ":" in self.function

    @property
    def reaches(self) -> str:
        """The rows that the kernel is used for, for a reader; empty if these are all."""
        dtypes: dict[Reach, list[str]] = {}
        for dtype in self.dtypes:
            if dtype in self.reach:
                dtypes.setdefault(self.reach[dtype], []).append(dtype)
        told = []
        for reach, names in dtypes.items():
            where = f"in {' and '.join(names)} " if len(names) < len(self.dtypes) else ""
            others = "" if reach.columns == reach.rows else f", {reach.columns:,} along other axes"
            told.append(f"{where}of up to {reach.rows:,} elements{others}")
        return f"for rows {'; '.join(told)}; our own computes longer ones" if told else ""

    def outruns(self, few: int = 0) -> str:
        """Returns what outruns it, for a reader; empty if nothing does.

        Args:
            few: Arrays of fewer elements are left to it.
        """

        def where(dtypes: Sequence[str]) -> str:
            return "" if len(dtypes) == len(self.outrun) else f" in {', '.join(dtypes)}"

        told, left = [], []
        if self.outrun:
            shares = ", ".join(f"{share:g} in {dtype}" for dtype, share in self.outrun.items())
            told.append(f"machine code or a table takes less of its time on a CPU: {shares}")
            small = [dtype for dtype in self.outrun if dtype not in self.never_small]
            if few and small:
                left.append(f"arrays of fewer than {few:,} elements{where(small)}")
            if self.recorded:
                left.append(f"what is recorded for a gradient{where(self.recorded)}")
        if left:
            told.append(f"the framework's own still computes {', and '.join(left)}")
        if self.short:
            lengths = ", ".join(f"{length} in {dtype}" for dtype, length in self.short.items())
            told.append(f"machine code computes rows of fewer elements on a CPU than {lengths}")
        return "; ".join(told)

    @property
    def label(self) -> str:
        """The path of the function, for a reader."""
        if callable(self.function):
            return f"{self.function.__module__}:{self.function.__qualname__}"
        return self.function

    def arguments(self, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """Returns the keywords for a call with `parameters`; None if the kernel cannot be used."""
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
        elsewhere = {
            device: tuple(dtype for dtype in admitted if self._serves(dtype, parameters))
            for device, admitted in self.elsewhere.items()
        }
        found = replace(self, dtypes=dtypes, elsewhere=elsewhere)
        return found if dtypes or any(elsewhere.values()) else None

    def _serves(self, dtype: str, parameters: Mapping[str, Any]) -> bool:
        found = _FORMATS[dtype]
        if dtype in ("float16", "bfloat16") and any(
            parameters[name] != value for name, value in self.only_at_16_bits.items()
        ):
            return False
        numbers = [parameters[name] for name in self.keywords]
        return all(found.has(number) for number in numbers if isinstance(number, float)) and all(
            found.has_exactly(parameters[name]) for name in self.bends
        )


@dataclass(frozen=True)
class Devices:
    """The kinds of devices about which something is known: a part of a backend's data.

    A kind is named as the framework names it, without a number: ``"cpu"``, ``"cuda"``, ``"gpu"``.

    Attributes:
        judged: Where the conformance suite has judged the framework's kernels.
        read: Where nobody has, but where by the framework's public source its kernels compute
            16-bit types in float32, and the rows of the table say where they do not. With what was
            read.
    """

    judged: Sequence[str] = (HOME,)
    read: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def admitted(self, kernel: Native, device: str) -> Sequence[str]:
        """Returns the dtypes in which a kernel serves on a kind of device.

        On a device about which nothing is known it serves no 16-bit type, since it may compute in
        16 bits there.

        Args:
            kernel: A row of the table.
            device: The kind of device.
        """
        if device == HOME or kernel.everywhere or kernel.exact:
            return kernel.dtypes
        if device in kernel.elsewhere:
            return kernel.elsewhere[device]
        if device in self.judged or device in self.read:
            return kernel.dtypes
        admitted = kernel.elsewhere.get(_OTHER, kernel.dtypes)
        return tuple(dtype for dtype in admitted if dtype in _WIDE)

    def known(self, kernel: Native) -> Sequence[str]:
        """Returns the kinds of devices other than a CPU that data name, for a kernel."""
        named = (*self.judged, *self.read, *kernel.elsewhere)
        return tuple(device for device in dict.fromkeys(named) if device not in (HOME, _OTHER))

    def why(self, device: str) -> str:
        """Says what serves on a kind of device that nobody has judged; empty if it was judged."""
        if device in self.judged:
            return ""
        if device in self.read:
            return (
                f"nobody has judged the kernels on {device}: they serve where by their public "
                f"source they compute in float32 or wider ({self.read[device]})"
            )
        return (
            f"nobody has judged the kernels on {device}, nor read their source: they serve float32 "
            "and float64, and what only compares numbers"
        )


@dataclass(frozen=True)
class Tabled:
    """Where tables of all 65,536 results serve elementwise activations: a part of a backend's data.

    Attributes:
        dtypes: The 16-bit dtypes: always in `strict`, and in `fast` where no kernel serves.
        composed: The activations that in `fast` are quicker by the shared definition.
        compiled: Whether what a compiler makes uses tables too. Else it is made of the shared
            definition.
        uncompiled: The activations for which it does not, where `compiled` is true.
        in_memory: Whether tables serve only arrays in the memory of a CPU. The shared definition
            serves others.
    """

    dtypes: Sequence[str] = ()
    composed: Sequence[str] = ()
    compiled: bool = False
    uncompiled: Sequence[str] = ()
    in_memory: bool = False

    def label(self, activation: Activation) -> str:
        """Returns what serves, for a reader."""
        everywhere = self.compiled and activation.name not in self.uncompiled
        return "a table" if everywhere else "a table, compiled by the shared definition"

    def serving(
        self, activation: Activation, numerics: Numerics, device: str = HOME
    ) -> Sequence[str]:
        """Returns the dtypes in which a table serves an activation, unless a kernel does.

        Args:
            activation: The activation.
            numerics: The profile.
            device: The kind of device.
        """
        slower = numerics == "fast" and activation.name in self.composed
        elsewhere = self.in_memory and device != HOME
        return () if slower or elsewhere or not activation.kind.elementwise else self.dtypes


def kernel_for(
    backend: str,
    table: Mapping[str, Native],
    activation: Activation,
    numerics: Numerics,
    parameters: Mapping[str, Any] | None = None,
) -> Native | None:
    """Returns the kernel that replaces the shared definition of an activation, if there is one.

    Args:
        backend: The name of the backend.
        table: The kernels of the backend.
        activation: The activation.
        numerics: The profile.
        parameters: Every parameter with its value: only the dtypes that the kernel serves with
            them are in the result. By default parameters are not considered.
    """
    override = activation.overrides.get(backend)
    if override is None:
        kernel = table.get(activation.name)
    else:
        keywords = {p.name: p.name for p in activation.parameters}
        kernel = Native(override, keywords=keywords, everywhere=True)
    if numerics != "fast" and not (kernel is not None and kernel.exact):
        return None
    return kernel if kernel is None or parameters is None else kernel.serving(parameters)


def beyond_dtype(
    activation: Activation,
    parameters: Mapping[str, Any],
    dtype: str,
    *,
    reads_subnormals: bool = True,
) -> str:
    """Says which parameter is too large or too small for a dtype; empty if none is.

    16-bit types are computed in float32, so that its range counts for them.

    Args:
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The name of the dtype of the input.
        reads_subnormals: Whether the framework takes subnormal numbers as parameters.
    """
    wide = dtype == "float64"
    if wide and reads_subnormals:  # it has all numbers that a parameter can be
        return ""
    for name, number in parameters.items():
        if isinstance(number, float) and not _FORMATS["float64" if wide else "float32"].has(number):
            if wide:
                return (
                    f"{activation.name}: {name}={number!r} is a subnormal number, which the "
                    "framework does not read. Pass 0 or a number of at least 2.3e-308."
                )
            size = "large" if abs(number) > 1.0 else "small"
            return (
                f"{activation.name}: {name}={number!r} is too {size} for float32, in which {dtype} "
                "is computed. Cast the input to float64, or pass another number."
            )
    return ""


def input_error(name: str, wanted: str, x: Any, convert: str) -> InputTypeError:
    """Returns the error for an input that is not an array of the framework.

    Args:
        name: The name of the function that was called.
        wanted: The input that the function takes, in words.
        x: The input that it got.
        convert: The code that converts `x`.
    """
    return InputTypeError(f"{name}: expected {wanted}, got {kind_of(x)}. {advice(x, convert)}")


def cotangent_error(cotangent: Any, value: Any) -> InputTypeError:
    """Returns the error for a cotangent that does not match the output."""
    return InputTypeError(
        f"the cotangent must match the output, {_describe(value)}; got {_describe(cotangent)}. "
        "Pass an array of this shape and dtype."
    )


def check_cotangent(
    cotangent: Any,
    value: Any,
    arrays: Any,
    fits: Callable[[Any, Any], bool] = operator.eq,
) -> None:
    """Raises unless a cotangent is None or matches the output.

    Args:
        cotangent: The cotangent that a caller passed.
        value: The output, or anything with its shape and dtype.
        arrays: The type, or the types, of the framework's arrays.
        fits: ``fits(shape, wanted)``: whether the shape of the cotangent is accepted.

    Raises:
        InputTypeError: The cotangent does not match the output.
    """
    if cotangent is not None and (
        not isinstance(cotangent, arrays)
        or not fits(cotangent.shape, value.shape)
        or cotangent.dtype != value.dtype
    ):
        raise cotangent_error(cotangent, value)


def detached_error(framework: str) -> UnsupportedError:
    """Returns the error for an output that has no gradient.

    Args:
        framework: The name of the framework, as it writes it.
    """
    return UnsupportedError(
        f"the output does not depend on the input through {framework} operations: the gradient was "
        "detached on the way. Compute the output from the input with differentiable operations."
    )


def check_further(
    activation: Activation, x: Any, further: Sequence[Any], fits: Callable[[str, Any], bool]
) -> None:
    """Raises unless the inputs after `x` have the right number and the right dtypes.

    Args:
        activation: The activation.
        x: The input.
        further: The weights, mask or noise that were passed.
        fits: ``fits(role, array)``: whether an array is accepted in this role. A ``"mask"`` must
            be boolean, a ``"weight"`` must have the dtype of `x`, and ``"noise"`` the dtype of `x`
            or float32.

    Raises:
        InputTypeError: The number or a dtype is wrong.
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
    advice = f"Cast {which} to the dtype of the input first."
    if role == "mask":
        advice = "Make it an array of booleans, True where an element counts."
    return InputTypeError(
        f"{activation}: {which} is {_describe(array)}, but the input {_describe(x)}. {advice}"
    )


def _describe(array: Any) -> str:
    kind = kind_of(array)
    if not hasattr(array, "dtype") or not hasattr(array, "shape"):
        return kind
    return f"a {kind} of shape {tuple(array.shape)} and {array.dtype}"


class Backend(Protocol):
    """The interface of a backend, through which the core uses one framework."""

    @property
    def name(self) -> str:
        """The name that selects the backend."""

    @property
    def dtypes(self) -> Sequence[str]:
        """The names in `DTYPES` that the framework supports."""

    @property
    def native(self) -> Mapping[str, Native]:
        """The framework's own kernels, by the canonical name of the activation."""

    @property
    def types(self) -> Sequence[type]:
        """The usual array types of the framework."""

    def accepts(self, array_type: type) -> bool:
        """Whether arrays of this type belong to the framework."""

    def implement(
        self, activation: Activation, parameters: Mapping[str, float], numerics: Numerics
    ) -> Callable[..., Any]:
        """Returns the function that computes `activation`. `get_activation` wraps it.

        The result is cached and shared by all equal activation functions.
        """

    def uniform_like(self, x: Any, generator: Any) -> Any:
        """Returns random numbers between 0 and 1, both excluded, in the shape of `x`.

        Args:
            x: An array.
            generator: A seed, or a random generator of the framework.
        """

    def value_and_grad(
        self, function: Callable[..., Any], inputs: Sequence[Any], cotangent: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Returns the value and the cotangent of each input, None for a boolean input."""


class ModelBackend(Backend, Protocol):
    """The optional part of the interface, for frameworks in which models are built.

    A backend may implement either member alone.
    """

    @property
    def layers(self) -> Any:
        """A module or an object that has the functions of `unified_act.layers.Layers`.

        Where libraries make the modules of a framework, it has those of `LayersOfLibraries`.
        """

    def replace_activations(self, model: Any, request: Any) -> Any:
        """Replaces activations inside a model, for `unified_act.replace_activations`.

        Args:
            model: The model. It is changed in place, or a changed copy is in the report.
            request: What to replace with what, a `unified_act.replacement.Request`.

        Returns:
            A `unified_act.replacement.ReplacementReport`.
        """
