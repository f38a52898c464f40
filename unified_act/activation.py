"""What an activation *is*: its specification, as data."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from unified_act.errors import ParameterValueError, UnknownParameterError, suggest

__all__ = ["Activation", "Kind", "Kink", "Limits", "Parameter"]

Kind = Literal["elementwise", "axis", "learned"]
"""How an activation treats its input: each element alone, a whole axis, or with learned weights."""

_Function = Callable[[Any], Any]
WithDerivative = Callable[[_Function, _Function], _Function]


@dataclass(frozen=True)
class Parameter:
    """A number that shapes an activation.

    Attributes:
        name: The keyword that sets it.
        default: Its value where the caller gives none. An `int` default makes it an integer.
            None: a float that the caller has to give.
        doc: What it does, in a phrase.
        low: Smallest value allowed, inclusive.
        high: Largest value allowed, inclusive.
    """

    name: str
    default: float | int | None
    doc: str = ""
    low: float = -math.inf
    high: float = math.inf

    def check(self, value: Any) -> float | int:
        """Returns `value` as the Python number that implementations use.

        Raises:
            ParameterValueError: `value` is no number of the right kind, or out of range.
        """
        integer = isinstance(self.default, int)
        try:
            # float("0.2") and float(True) would accept a likely mistake; bool_ is NumPy's.
            if isinstance(value, (str, bytes)) or type(value).__name__ in ("bool", "bool_"):
                raise TypeError
            number = operator.index(value) if integer else float(value)
        except OverflowError:  # an integer beyond all floats
            number = math.inf
        except (TypeError, ValueError):
            wanted = "an integer" if integer else "a number"
            raise ParameterValueError(f"{self.name} must be {wanted}, got {value!r}.") from None
        if not (self.low <= number <= self.high) or not math.isfinite(number):
            raise ParameterValueError(f"{self.name} must be {self.range}, got {value!r}.")
        return number

    @property
    def range(self) -> str:
        """The allowed values, in words."""
        if self.low > 0 and self.low < 1e-30:
            return "finite and greater than 0"
        bounds = []
        if self.low > -math.inf:
            bounds.append(f"at least {self.low:g}")
        if self.high < math.inf:
            bounds.append(f"at most {self.high:g}")
        return "finite" + "".join(f" and {bound}" for bound in bounds)


@dataclass(frozen=True)
class Kink:
    """A point where the derivative jumps, and the value that it takes there.

    Attributes:
        at: Where the kink is.
        derivative: The derivative at that point, the same on every backend.
    """

    at: float
    derivative: float


@dataclass(frozen=True)
class Limits:
    """Where the function and its derivative go at both ends of the real line.

    Attributes:
        value: The limits of f at minus and plus infinity.
        derivative: The limits of f′ at minus and plus infinity.
    """

    value: tuple[float, float]
    derivative: tuple[float, float]


def _no_kinks(**_parameters: float) -> tuple[Kink, ...]:
    return ()


@dataclass(frozen=True, eq=False)
class Activation:
    """The specification of one activation function, written once for every framework.

    Attributes:
        name: Canonical name, lower case with underscores.
        forward: ``forward(xp, x, **parameters)``: the function, written with the functions of the
            namespace `xp`. A learned activation takes its weights after `x`.
        kind: How it treats its input.
        derivative: Elementwise: ``derivative(xp, x, **parameters)``, f′(x). Other kinds:
            ``derivative(xp, cotangent, x, *weights, **parameters)``, a tuple with the cotangent
            of each input. `None`: the framework differentiates `forward`.
        second_derivative: Elementwise: ``second_derivative(xp, x, **parameters)``, f″(x), the
            gradient of the gradient. `None`: the framework differentiates `derivative`.
        parameters: The numbers that shape it, in order.
        aliases: Other names it goes by.
        inputs: Names of its array inputs.
        kinks: ``kinks(**parameters)``: the points where f′ jumps.
        limits: ``limits(**parameters)``: the limits at both ends, elementwise kinds only.
        constraint: ``constraint(**parameters)``: what is wrong with the parameters together, or
            None.
        formula: LaTeX of f.
        summary: One sentence for a reader.
        source: The paper that introduced it.

    Two activations are equal only if they are the same object.
    """

    name: str
    forward: Callable[..., Any]
    kind: Kind = "elementwise"
    derivative: Callable[..., Any] | None = None
    second_derivative: Callable[..., Any] | None = None
    parameters: Sequence[Parameter] = ()
    aliases: Sequence[str] = ()
    inputs: Sequence[str] = ("x",)
    kinks: Callable[..., tuple[Kink, ...]] = _no_kinks
    limits: Callable[..., Limits] | None = None
    constraint: Callable[..., str | None] | None = None
    formula: str = ""
    summary: str = ""
    source: str = ""
    _by_name: Mapping[str, Parameter] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Freezes the sequences and indexes the parameters."""
        for attribute in ("parameters", "aliases", "inputs"):
            object.__setattr__(self, attribute, tuple(getattr(self, attribute)))
        object.__setattr__(self, "_by_name", {p.name: p for p in self.parameters})

    @property
    def required(self) -> tuple[str, ...]:
        """The parameters without a default."""
        return tuple(p.name for p in self.parameters if p.default is None)

    def bind(self, given: Mapping[str, Any]) -> dict[str, float | int]:
        """Returns every parameter with its value: the given one, checked, or the default.

        Raises:
            UnknownParameterError: A name in `given` is no parameter of this activation.
            ParameterValueError: A value is out of range, or one without a default is missing.
        """
        for name in given:
            if name not in self._by_name:
                hint = suggest(name, self._by_name) if self._by_name else "It takes none."
                raise UnknownParameterError(f"{self.name} has no parameter {name!r}. {hint}")
        bound: dict[str, float | int] = {}
        for name, parameter in self._by_name.items():
            if name in given:
                bound[name] = parameter.check(given[name])
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

    def pullback(
        self,
        xp: Any,
        parameters: Mapping[str, float],
        with_derivative: WithDerivative = lambda function, _: function,
    ) -> Callable[..., tuple[Any, ...]] | None:
        """Returns ``pullback(cotangent, *inputs)``: the cotangent of each input.

        None where the activation has no analytic derivative. The function closes over plain
        functions and numbers only, which is what a tracing compiler can see through.

        Args:
            xp: The namespace.
            parameters: Every parameter with its value.
            with_derivative: Makes a framework take its second argument for the derivative of its
                first, so that second derivatives are analytic too.
        """
        derivative, second = self.derivative, self.second_derivative
        if derivative is None:
            return None
        keywords = dict(parameters)
        if self.kind != "elementwise":
            return lambda cotangent, *inputs: derivative(xp, cotangent, *inputs, **keywords)

        def plain_slope(x: Any) -> Any:
            return derivative(xp, x, **keywords)

        if second is None:
            slope: _Function = plain_slope
        else:
            slope = with_derivative(plain_slope, lambda x: second(xp, x, **keywords))
        return lambda cotangent, x: (cotangent * slope(x),)
