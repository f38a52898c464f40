"""A function that is not registered: what it is judged by, as what, and how it is called."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import unified_act as ua
from unified_act.backend import Numerics
from unified_act.loading import computing_backend
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.checks import CheckResult, run_checks
from unified_act_conformance.harness import Function, load_harness
from unified_act_conformance.identify import backend_of_callable
from unified_act_conformance.judge import Domain, Result, run
from unified_act_conformance.subject import (
    ORDERS,
    Case,
    Check,
    Implement,
    Subject,
    function_of_users,
    subject_of,
)
from unified_act_conformance.truth import Oracle, try_oracle, unrecorded

__all__ = ["JudgedFunction", "judged_function"]

PROMISED = ("forward mode", "double backward", "saved tensors", "seeds", "refused")
"""Checks of what `unified_act` promises of its own functions, and nobody of others."""


@dataclass(frozen=True)
class JudgedFunction:
    """A function with all that it takes to judge it.

    Attributes:
        subject: What reports call it.
        backend: Its framework.
        implement: Returns what is called.
        oracle: What it is judged by; None for the suite's own formula of an activation.
        has_gradient: Whether its gradient is a function that was given with it.
        domain: The interval of inputs that are judged; None for all numbers.
        dtypes: The float types that it has weights of or casts to, if it is a layer.
    """

    subject: Subject
    backend: str
    implement: Implement
    oracle: Oracle | None
    has_gradient: bool
    domain: Domain | None
    dtypes: tuple[str, ...]

    @property
    def note(self) -> str:
        """What a reader of the results should know."""
        notes = [unrecorded(self.subject.activation)]
        if not (self.has_gradient or load_harness(self.backend).differentiates):
            notes.append(
                f"{self.backend} cannot differentiate a function, so only the values of "
                f"{self.subject} are judged: give its gradient too"
            )
        return "\n".join(filter(None, notes))

    def suited(self, checks: Sequence[Check]) -> list[Check]:
        """Returns those checks that can be asked of any function.

        Args:
            checks: What `list_checks` found.
        """
        return [
            check
            for check in checks
            if check.name not in PROMISED
            # A compiler differentiates the function itself.
            and not (self.has_gradient and check.name.startswith("mode "))
            and check.name.removeprefix("mode ") not in load_harness(check.backend).eager_modes
        ]

    def run(
        self,
        cases: Sequence[Case],
        checks: Sequence[Check],
        *,
        numerics: Numerics,
        quick: bool,
        orders: Sequence[int] = ORDERS,
    ) -> Iterator[Result | CheckResult]:
        """Yields the result of each case and each check.

        Args:
            cases: The cases.
            checks: The checks.
            numerics: The profile.
            quick: Fewer inputs for float32 and float64.
            orders: The derivatives that the checks ask about.
        """
        how: Any = {"implement": self.implement, "oracle": self.oracle, "domain": self.domain}
        yield from run(cases, numerics=numerics, quick=quick, **how)
        yield from run_checks(checks, numerics=numerics, quick=quick, orders=orders, **how)


@contextmanager
def judged_function(
    function: Function,
    oracle: str | Oracle | None,
    *,
    backend: str | None = None,
    gradient: Function | None = None,
    kinks: Sequence[float] = (),
    domain: Domain | None = None,
    parameters: Mapping[str, Any],
    name: str = "",
    options: Sequence[str] = (),
) -> Iterator[JudgedFunction]:
    """Yields what judges a function; inside the block it has a specification under its name.

    Args:
        function: The function.
        oracle: The exact function, or the name of an activation.
        backend: The framework of the function; None if its module shows it.
        gradient: ``gradient(x, cotangent, **parameters)``.
        kinks: Where derivatives are not judged.
        domain: The interval of inputs that are judged; None for all numbers.
        parameters: What function, gradient and oracle are called with besides their arrays.
        name: What reports call it; the default is its module and name.
        options: The options with which the command judges it.

    Raises:
        ValueError: The arguments contradict each other, or something is missing.
        unified_act.UnifiedActError: There is no such activation, parameter or backend, or the
            oracle cannot be evaluated.
    """
    name = name or _name_of(function)
    if isinstance(function, type) or not callable(function):
        raise ValueError(f"{function!r} is not a function: pass a function, or an instance")
    found = backend or backend_of_callable(function)
    if found is None:
        raise ua.UnknownBackendError(
            f"the module of {name} does not show its framework. Give its backend, one of "
            f"{', '.join(ua.list_backends())}."
        )
    called, differentiated = function, gradient
    if parameters:
        called = partial(function, **parameters)
        differentiated = gradient and partial(gradient, **parameters)
    with ExitStack() as stack:
        if oracle is None:
            raise ValueError(
                f"nothing says what {name} should compute. Give an oracle: the name of an "
                "activation, such as 'silu', or a function oracle(xp, x, **parameters) of exact "
                "numbers, which may be the plain formula, such as x / (1.0 + xp.exp(-x))"
            )
        if isinstance(oracle, (str, ua.ActivationFunction)):
            subject = _as_activation(oracle, parameters, gradient, kinks)
            subject = replace(subject, label=f"{name} as {subject}")
            exact = None
        else:
            try_oracle(_name_of(oracle), oracle, parameters)
            exact = _within(domain, oracle)
            activation = _specification(name, exact, gradient, kinks, parameters)
            stack.enter_context(ACTIVATIONS.lending(activation))
            subject = Subject(name, tuple(activation.bind(parameters).items()))
        yield JudgedFunction(
            replace(subject, options=tuple(options)),
            computing_backend(found),
            function_of_users(called, differentiated),
            exact,
            gradient is not None,
            domain,
            _dtypes_of(function),
        )


def _as_activation(
    oracle: str | ua.ActivationFunction,
    parameters: Mapping[str, Any],
    gradient: Function | None,
    kinks: Sequence[float],
) -> Subject:
    if isinstance(oracle, ua.ActivationFunction):
        subject = subject_of(oracle.name, {**oracle.parameters, **parameters})
    else:
        subject = subject_of(oracle, parameters)
    if kinks:
        raise ValueError(f"{subject} has its own kinks: give kinks with an oracle of your own only")
    if gradient and not ACTIVATIONS.find(subject.activation).kind.elementwise:
        raise ValueError(f"{subject} is not elementwise: a gradient of your own cannot be judged")
    return subject


def _specification(
    name: str,
    oracle: Oracle,
    gradient: Function | None,
    kinks: Sequence[float],
    parameters: Mapping[str, Any],
) -> ua.Activation:
    # A derivative of NaN is one that is not specified.
    bends = tuple(ua.Kink(float(at), math.nan) for at in kinks)
    return ua.Activation(
        name=name,
        forward=oracle,
        oracle=oracle,
        derivative=gradient,  # the harness of NumPy asks whether there is one
        parameters=[ua.Parameter(key, None) for key in parameters],
        kinks=lambda **_: bends,
    )


def _dtypes_of(function: Any) -> tuple[str, ...]:
    """The type that a Keras layer casts to, or those of a PyTorch module's weights."""
    if cast_to := getattr(function, "compute_dtype", ""):
        return (cast_to,)
    weights = getattr(function, "parameters", None)
    found = weights() if callable(weights) else ()
    return tuple({str(weight.dtype).removeprefix("torch."): None for weight in found})


def _within(domain: Domain | None, oracle: Oracle) -> Oracle:
    """Returns the oracle where inputs are judged; further out it need not be defined.

    It is equal to no other, so that no problem is used again that was posed with other kinks.
    """
    low, high = domain or (-math.inf, math.inf)

    def exact(xp: Any, x: Any, **parameters: Any) -> Any:
        outside = x.value < low or x.value > high
        return xp.full_like(x, 0.0) if outside else oracle(xp, x, **parameters)

    return exact


def _name_of(function: Any) -> str:
    """The module and the name of a callable, of an instance those of its class."""
    if isinstance(function, ua.ActivationFunction):
        return f"unified_act:{function.name}"
    while isinstance(function, partial):
        function = function.func
    named = function if hasattr(function, "__name__") else type(function)
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type):  # a method of a class, as `apply` of PyTorch's Function
        place, name = owner.__module__, f"{owner.__qualname__}.{function.__name__}"
    else:
        place = getattr(named, "__module__", None) or type(named).__module__
        name = getattr(named, "__qualname__", named.__name__)  # NumPy's have the latter alone
    return f"{place}:{name.rpartition('<locals>.')[2]}"
