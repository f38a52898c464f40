"""The specification of an activation as data: `Activation` and its parts."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from unified_act.activation.kinds import ELEMENTWISE, Kind, kind_named
from unified_act.errors import ParameterValueError, UnknownParameterError, suggest
from unified_act.literals import shown

__all__ = ["Activation", "Kink", "Limits", "Parameter"]

_LARGEST_INTEGER = 2**31 - 1
"""The largest axis, number of groups and the like that every framework takes."""
_OR_SEVERAL = ", or a tuple of different integers"


@dataclass(frozen=True)
class Parameter:
    """A number that shapes an activation.

    Attributes:
        name: The keyword that sets it.
        default: The value if the caller gives none. A `bool` default makes the parameter a flag,
            an `int` default an integer. With None the caller must give a value.
        doc: A phrase that tells what the parameter does.
        low: The smallest allowed value.
        high: The largest allowed value.
        integer: Whether the value must be an integer even if the default is not an `int`.
        learned_by: The activation that learns this parameter as a weight, if there is one.
        several: Whether a tuple or list of different integers is allowed too: several axes, whose
            elements are then computed together.
    """

    name: str
    default: float | int | None
    doc: str = ""
    low: float = -math.inf
    high: float = math.inf
    integer: bool = False
    learned_by: str = ""
    several: bool = False

    @property
    def trial(self) -> Any:
        """A value to try the activation with: the default, else 1 or the nearest allowed one."""
        if self.default is not None:
            return self.default
        return self.check(min(max(1, self.low), self.high))

    def check(self, value: Any) -> Any:
        """Returns `value` as a Python number, or several as a tuple, after checking it.

        Raises:
            ParameterValueError: `value` is not a number of the right type, or is out of range.
        """
        if _is_tensor(value):
            kind = f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"
            learns = f", or use {self.learned_by}, which learns it" if self.learned_by else ""
            raise ParameterValueError(
                f"{self.name} must be a number of Python or NumPy, got a {kind}, whose gradient "
                f"would be lost: pass float(…){learns}."
            )
        if isinstance(value, (tuple, list)) and self.several:
            return self._check_all(value)
        flag = type(value).__name__ in ("bool", "bool_")  # bool_ is NumPy's
        if isinstance(self.default, bool):
            if not flag:
                raise self._refused("True or False", value)
            return bool(value)
        integer = self.integer or isinstance(self.default, int)
        try:
            # float() would accept "0.2" and True, which are likely mistakes.
            if isinstance(value, (str, bytes)) or flag:
                raise TypeError
            number = operator.index(value) if integer else float(value)
        except OverflowError:  # an integer larger than every float
            number = math.inf
        except (TypeError, ValueError):
            wanted = "an integer" if integer else "a number"
            raise self._refused(wanted + _OR_SEVERAL * self.several, value) from None
        if integer and abs(number) > _LARGEST_INTEGER:
            raise self._refused(f"an integer from -{_LARGEST_INTEGER} to {_LARGEST_INTEGER}", value)
        if not (self.low <= number <= self.high) or not math.isfinite(number):
            raise self._refused(self.range, value)
        return number

    def _check_all(self, values: Sequence[Any]) -> Any:
        """Returns several integers as a tuple, and a single one by itself."""
        numbers = tuple(self.check(each) for each in values if not isinstance(each, (tuple, list)))
        if not numbers or len({*numbers}) != len(values):
            raise self._refused(f"an integer{_OR_SEVERAL}", values)
        return numbers if len(numbers) > 1 else numbers[0]

    def _refused(self, wanted: str, value: Any) -> ParameterValueError:
        return ParameterValueError(f"{self.name} must be {wanted}, got {shown(value)}.")

    @property
    def range(self) -> str:
        """A phrase for the allowed values."""
        if isinstance(self.default, bool):
            return "True or False"
        if self.low > 0 and self.low < 1e-30:
            return "finite and greater than 0"
        bounds = []
        if self.low > -math.inf:
            bounds.append(f"at least {self.low:g}")
        if self.high < math.inf:
            bounds.append(f"at most {self.high:g}")
        return "finite" + "".join(f" and {bound}" for bound in bounds)


def _is_tensor(value: Any) -> bool:
    """Whether it is an array of a framework that differentiates."""
    return hasattr(value, "shape") and type(value).__module__.partition(".")[0] != "numpy"


class Kink(NamedTuple):
    """A point where the derivative jumps, and the value of the derivative there.

    Attributes:
        at: The input at the kink.
        derivative: The derivative at this input, the same on every backend.
    """

    at: float
    derivative: float


class Limits(NamedTuple):
    """The limits of the function and its derivative at both ends of the real line.

    Attributes:
        value: The limits of f at minus and plus infinity.
        derivative: The limits of f′ at minus and plus infinity.
    """

    value: tuple[float, float]
    derivative: tuple[float, float]


class _ByName:
    """The field `kind`: it is set to a name, and reading it returns the `Kind` of this name."""

    def __get__(self, activation: Activation | None, owner: type) -> Kind:
        return ELEMENTWISE if activation is None else vars(activation)["kind"]

    def __set__(self, activation: Activation, name: str) -> None:
        vars(activation)["kind"] = kind_named(name)


def _never(**_parameters: float) -> bool:
    return False


def _no_kinks(**_parameters: float) -> tuple[Kink, ...]:
    return ()


@dataclass(frozen=True, eq=False)
class Activation:
    """The specification of one activation function, written once for every framework.

    Attributes:
        name: The canonical name, in lower case with underscores.
        forward: The function, written with the functions of the namespace `xp`. Its further
            arguments depend on the kind, see below.
        kind: How the activation treats its input: ``"elementwise"``, ``"axis"``, ``"gated"``,
            ``"learned"`` or ``"stochastic"``. Reading the attribute returns the `Kind` of this
            name, which is a string too.
        derivative: The derivative of `forward`. With None the framework differentiates `forward`.
        second_derivative: The derivative of `derivative`; for an elementwise activation
            ``second_derivative(xp, x, **parameters)`` returns f″(x). With None the framework
            differentiates `derivative`.
        parameters: The parameters, in order.
        aliases: Other names of the activation.
        inputs: The names of the array inputs.
        masks: The names of the inputs that are boolean. They have no derivative.
        initial: The initial value of each weight in a layer, by name. The user of a layer must
            give the initial value of a weight that is missing here.
        symmetric: For an activation along an axis: whether its Jacobian is symmetric, as that of
            softmax. `derivative` then serves for forward mode too.
        resizes: Whether the result has another length than the input. Always true if it is gated.
        resized: For an activation along an axis that resizes it: ``resized(length, **parameters)``
            returns the length of the axis in the result. With None only a call can tell.
        one_shape: For an activation along an axis: whether the condition and the arrays have the
            same shape in every ``xp.where`` that it calls. MXNet has a faster function for that.
        kinks: ``kinks(**parameters)`` returns the points where f′ jumps.
        limits: ``limits(**parameters)`` returns the limits at −∞ and +∞. Elementwise only.
        constraint: ``constraint(**parameters)`` returns None, or a phrase that tells why these
            values do not fit together.
        deterministic: ``deterministic(**parameters)`` tells whether a stochastic activation needs
            no random numbers with these parameters. Its only input is then `x`.
        formula: f in LaTeX.
        summary: One sentence that describes the activation.
        source: The paper that introduced the activation.
        oracle: ``oracle(xp, x, **parameters)``, the same function written in another way. The
            conformance suite uses it as the exact function; its `xp` is exact and has more
            functions. With None the suite evaluates `forward` exactly.
        overrides: For the name of a backend, a function ``f(x, **parameters)`` of its framework
            that replaces `forward` in the profile ``"fast"``. It may also be given as
            ``"module:function"``, which is imported on the first use. On MXNet it gets a `Symbol`.
        plugin: The distribution that provides the activation, with its version; empty for built-in
            activations and for those that a program registers itself.

    The arguments and results of `forward`, `derivative` and `second_derivative` depend on the kind:

    - elementwise: ``forward(xp, x, **parameters)``. The derivative takes the same arguments and
      returns f′(x).
    - learned: ``forward(xp, x, *weights, **parameters)``, where the weights broadcast against `x`.
      The derivative returns a tuple of the partial derivatives with respect to `x` and to each
      weight. The second derivative returns, for each of these, a tuple of its partial derivatives.
      The parameter ``axis`` is the axis of the channels. It is not passed to these functions.
    - gated: ``forward(xp, value, gate, **parameters)``, with the two halves of an axis. The
      derivative returns both partial derivatives, and the second derivative, for each of these,
      both of its partial derivatives. The parameters ``axis`` and ``gate_first`` are not passed
      to these functions, nor is ``interleaved``, a flag that it may have: whether the halves are
      the elements at even places and those at odd ones.
    - stochastic: ``forward(xp, x, noise, **parameters)``, with uniform noise between 0 and 1. The
      derivative returns both partial derivatives. An activation with a parameter ``axis`` acts
      along an axis, as described next.
    - axis: ``forward(xp, x, *others, **parameters)``. The derivative is the pullback:
      ``derivative(xp, cotangent, x, *others, **parameters)`` returns a tuple with the cotangent of
      each input, None for a mask. ``second_derivative(xp, direction, cotangent, x, *others,
      **parameters)`` is the pullback of the cotangent of `x`: it returns the cotangents of
      `cotangent` and of `x`. If the parameter ``axis`` has `Parameter.several`, a
      caller may give a tuple of axes. The arrays then come with these axes made one, the last, and
      the functions get ``axis=-1``.

    Two activations are equal only if they are the same object.
    """

    name: str
    forward: Callable[..., Any]
    kind: _ByName = _ByName()  # a descriptor, which dataclasses support
    derivative: Callable[..., Any] | None = None
    second_derivative: Callable[..., Any] | None = None
    parameters: Sequence[Parameter] = ()
    aliases: Sequence[str] = ()
    inputs: Sequence[str] = ("x",)
    masks: Sequence[str] = ()
    initial: Mapping[str, float] = field(default_factory=dict)
    symmetric: bool = False
    resizes: bool = False
    resized: Callable[..., int] | None = None
    one_shape: bool = False
    kinks: Callable[..., tuple[Kink, ...]] = _no_kinks
    limits: Callable[..., Limits] | None = None
    constraint: Callable[..., str | None] | None = None
    deterministic: Callable[..., bool] = _never
    formula: str = ""
    summary: str = ""
    source: str = ""
    oracle: Callable[..., Any] | None = None
    overrides: Mapping[str, Callable[..., Any] | str] = field(default_factory=dict)
    plugin: str = ""
    _by_name: Mapping[str, Parameter] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Freezes the sequences and indexes the parameters."""
        for attribute in ("parameters", "aliases", "inputs", "masks"):
            object.__setattr__(self, attribute, tuple(getattr(self, attribute)))
        for attribute in ("initial", "overrides"):
            object.__setattr__(self, attribute, MappingProxyType(dict(getattr(self, attribute))))
        object.__setattr__(self, "_by_name", {p.name: p for p in self.parameters})
        object.__setattr__(self, "resizes", self.resizes or self.kind.resizes)

    @property
    def required(self) -> tuple[str, ...]:
        """The parameters without a default."""
        return tuple(p.name for p in self.parameters if p.default is None)

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the given parameters with their values, checked, each as `Parameter.check` does.

        Raises:
            UnknownParameterError: The activation has no parameter with one of the names.
            ParameterValueError: A value is out of range.
        """
        for name in given:
            if name not in self._by_name:
                hint = suggest(name, self._by_name) if self._by_name else "It takes none."
                raise UnknownParameterError(f"{self.name} has no parameter {shown(name)}. {hint}")
        return {name: self._by_name[name].check(value) for name, value in given.items()}

    def bind(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Returns every parameter with its value: the given value, checked, or the default.

        Raises:
            UnknownParameterError: The activation has no parameter with one of the names.
            ParameterValueError: A value is out of range, or a parameter without a default is
                missing.
        """
        checked = self.check(given)
        bound: dict[str, Any] = {}
        for name, parameter in self._by_name.items():
            if name in checked:
                bound[name] = checked[name]
            elif parameter.default is not None:
                bound[name] = parameter.default
            else:
                call = ", ".join(f"{required}=…" for required in self.required)
                raise ParameterValueError(
                    f"{self.name} needs {name}, {parameter.doc}, which has no default: pass {call}."
                )
        problem = self.constraint(**bound) if self.constraint else None
        if problem:
            raise ParameterValueError(f"{self.name}: {problem}, got {bound}.")
        return bound

    def inputs_for(self, parameters: Mapping[str, float]) -> tuple[str, ...]:
        """The names of the array inputs for these parameters."""
        return tuple(self.inputs[:1] if self.deterministic(**parameters) else self.inputs)

    def has_parameter(self, name: str) -> bool:
        """Whether the activation has a parameter with this name."""
        return name in self._by_name

    @functools.cached_property
    def weights(self) -> tuple[str, ...]:
        """The names of the learned inputs, which a layer stores."""
        return tuple(self.differentiated[1:])

    def weight_text(self, name: str) -> str:
        """Returns the name of a weight, with its initial value in a layer if it is known."""
        known = name in self.initial
        return f"{name} (in a layer from {self.initial[name]:.6g})" if known else name

    @functools.cached_property
    def differentiated(self) -> tuple[str, ...]:
        """The names of the inputs that have a derivative: all but masks and noise."""
        return tuple(self.kind.differentiated(self.inputs))

    @functools.cached_property
    def noise(self) -> tuple[str, ...]:
        """The names of the inputs that are random numbers."""
        return tuple(name for name in self.inputs[1:] if self.kind.role(self, name) == "noise")

    @functools.cached_property
    def along_axis(self) -> bool:
        """Whether the elements along an axis act on each other."""
        return self.kind.along_axis(self)
