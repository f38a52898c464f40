"""What an activation *is*: its specification, as data."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from unified_act.activation.kinds import ELEMENTWISE, Kind, kind_named
from unified_act.errors import ParameterValueError, UnknownParameterError, suggest
from unified_act.literals import literal

__all__ = ["Activation", "Kink", "Limits", "Parameter"]


@dataclass(frozen=True)
class Parameter:
    """A number that shapes an activation.

    Attributes:
        name: The keyword that sets it.
        default: Its value where the caller gives none. A `bool` or `int` default makes it a flag
            or an integer. None: the caller has to give it.
        doc: What it does, in a phrase.
        low: Smallest value allowed, inclusive.
        high: Largest value allowed, inclusive.
        integer: Whether it is an integer though its default does not say so.
        learned_by: The activation that learns it as a weight, if there is one.
    """

    name: str
    default: float | int | None
    doc: str = ""
    low: float = -math.inf
    high: float = math.inf
    integer: bool = False
    learned_by: str = ""

    def check(self, value: Any) -> float | int:
        """Returns `value` as the Python number that implementations use.

        Raises:
            ParameterValueError: `value` is no number of the right kind, or out of range.
        """
        if _is_tensor(value):
            kind = f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"
            learns = f", or use {self.learned_by}, which learns it" if self.learned_by else ""
            raise ParameterValueError(
                f"{self.name} must be a number of Python or NumPy, got a {kind}, whose gradient "
                f"would be lost: pass float(…){learns}."
            )
        flag = type(value).__name__ in ("bool", "bool_")  # bool_ is NumPy's
        if isinstance(self.default, bool):
            if not flag:
                raise self._refused("True or False", value)
            return bool(value)
        integer = self.integer or isinstance(self.default, int)
        try:
            # float("0.2") and float(True) would accept a likely mistake.
            if isinstance(value, (str, bytes)) or flag:
                raise TypeError
            number = operator.index(value) if integer else float(value)
        except OverflowError:  # an integer beyond all floats
            number = math.inf
        except (TypeError, ValueError):
            wanted = "an integer" if integer else "a number"
            raise self._refused(wanted, value) from None
        if not (self.low <= number <= self.high) or not math.isfinite(number):
            raise self._refused(self.range, value)
        return number

    def _refused(self, wanted: str, value: Any) -> ParameterValueError:
        return ParameterValueError(f"{self.name} must be {wanted}, got {literal(value)}.")

    @property
    def range(self) -> str:
        """The allowed values, in words."""
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
    """A point where the derivative jumps, and the value that it takes there.

    Attributes:
        at: Where the kink is.
        derivative: The derivative at that point, the same on every backend.
    """

    at: float
    derivative: float


class Limits(NamedTuple):
    """Where the function and its derivative go at both ends of the real line.

    Attributes:
        value: The limits of f at minus and plus infinity.
        derivative: The limits of f′ at minus and plus infinity.
    """

    value: tuple[float, float]
    derivative: tuple[float, float]


class _ByName:
    """The field `kind`: given by its name, read as the `Kind` of that name."""

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
        name: Canonical name, lower case with underscores.
        forward: The function, written with the functions of the namespace `xp`; what it takes
            after `xp` depends on the kind, see below.
        kind: How it treats its input: ``"elementwise"``, ``"axis"``, ``"gated"``, ``"learned"`` or
            ``"stochastic"``. Read, it is the `Kind` of that name, which is a string too.
        derivative: Its derivative. None: the framework differentiates `forward`.
        second_derivative: Elementwise: ``second_derivative(xp, x, **parameters)``, f″(x), the
            gradient of the gradient. None: the framework differentiates `derivative`.
        parameters: The numbers that shape it, in order.
        aliases: Other names it goes by.
        inputs: Names of its array inputs.
        masks: Those of them that are boolean, and so not differentiated.
        initial: Of a learned one, what a layer's weights begin with, by name. Of a weight that is
            missing here the user of a layer has to say it.
        symmetric: Whether the derivative along an axis does to a cotangent what it does to a
            tangent, as that of softmax, whose matrix of derivatives is symmetric.
        resizes: Whether the result is longer or shorter than the input; of a gated one it is.
        resized: ``resized(length, **parameters)``: the length of the axis in the result, for an
            activation along an axis that resizes it. None: only `forward` knows.
        one_shape: For an activation along an axis: whether the condition and the arrays have the
            same shape in every ``xp.where`` that it calls. MXNet has a faster function for that.
        kinks: ``kinks(**parameters)``: the points where f′ jumps.
        limits: ``limits(**parameters)``: the limits at both ends, elementwise kinds only.
        constraint: ``constraint(**parameters)``: what is wrong with the parameters together, or
            None.
        deterministic: ``deterministic(**parameters)``: whether a stochastic one needs no random
            numbers with these parameters; its only input is `x` then.
        formula: LaTeX of f.
        summary: One sentence for a reader.
        source: The paper that introduced it.
        oracle: ``oracle(xp, x, **parameters)``, the same function written another way, which the
            conformance suite takes for the truth; `xp` there has more functions, and is exact.
            None: the truth is `forward`, computed exactly.
        overrides: For the name of a backend a function of that framework, ``f(x, **parameters)``,
            in place of `forward` in the profile ``"fast"``; or where it is, ``"module:function"``,
            imported on the first use. On MXNet it is given a `Symbol`.
        plugin: The distribution that brings it, with its version; empty for our own, and for what
            a program registers itself.

    What `forward` takes and `derivative` returns, by kind:

    - elementwise: ``forward(xp, x, **parameters)``; the derivative f′(x).
    - learned: ``forward(xp, x, *weights, **parameters)``, the weights shaped to meet `x`; a tuple
      with the partial derivative by `x` and by each weight; for each of them, a tuple with its
      own. The parameter ``axis`` says which axis the channels of the weights belong to, and is
      not passed on.
    - gated: ``forward(xp, value, gate, **parameters)``, the two halves of an axis; both partial
      derivatives; for each of them, both of its own. The parameters ``axis`` and ``gate_first``
      are not passed on.
    - stochastic: ``forward(xp, x, noise, **parameters)``, the noise uniform between 0 and 1; both
      partial derivatives. With a parameter ``axis`` it acts along an axis, as the next.
    - axis: ``forward(xp, x, *others, **parameters)``; ``derivative(xp, cotangent, x, *others,
      **parameters)``, a tuple with the cotangent of each input, None for a mask;
      ``second_derivative(xp, direction, cotangent, x, *others, **parameters)``, what goes back
      through the first of these to `cotangent` and to `x`.

    Two activations are equal only if they are the same object.
    """

    name: str
    forward: Callable[..., Any]
    kind: _ByName = _ByName()  # a descriptor, of which dataclasses know
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

    def check(self, given: Mapping[str, Any]) -> dict[str, float | int]:
        """Returns the given parameters with their values as implementations use them.

        Raises:
            UnknownParameterError: A name in `given` is no parameter of this activation.
            ParameterValueError: A value is out of range.
        """
        for name in given:
            if name not in self._by_name:
                hint = suggest(name, self._by_name) if self._by_name else "It takes none."
                raise UnknownParameterError(f"{self.name} has no parameter {name!r}. {hint}")
        return {name: self._by_name[name].check(value) for name, value in given.items()}

    def bind(self, given: Mapping[str, Any]) -> dict[str, float | int]:
        """Returns every parameter with its value: the given one, checked, or the default.

        Raises:
            UnknownParameterError: A name in `given` is no parameter of this activation.
            ParameterValueError: A value is out of range, or one without a default is missing.
        """
        checked = self.check(given)
        bound: dict[str, float | int] = {}
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
        """The names of the array inputs that it takes with these parameters."""
        return tuple(self.inputs[:1] if self.deterministic(**parameters) else self.inputs)

    def has_parameter(self, name: str) -> bool:
        """Whether one of its parameters has this name."""
        return name in self._by_name

    @property
    def weights(self) -> tuple[str, ...]:
        """The inputs that are learned, and that a layer holds."""
        return tuple(self.differentiated[1:])

    def weight_text(self, name: str) -> str:
        """What a reader wants to know of a weight."""
        known = name in self.initial
        return f"{name} (in a layer from {self.initial[name]:.6g})" if known else name

    @property
    def differentiated(self) -> tuple[str, ...]:
        """The inputs by which it is differentiated: not by a mask or noise."""
        return tuple(self.kind.differentiated(self.inputs))

    @property
    def noise(self) -> tuple[str, ...]:
        """The inputs that are random numbers."""
        return tuple(name for name in self.inputs[1:] if self.kind.role(self, name) == "noise")

    @property
    def along_axis(self) -> bool:
        """Whether the elements along an axis act on each other."""
        return self.kind.along_axis(self)
