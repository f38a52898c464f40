"""What is judged: by default what `unified_act` hands out, else whatever a caller puts there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import unified_act as ua
from unified_act.backend import Numerics
from unified_act_conformance.cases import Case
from unified_act_conformance.harness import Function, Harness, load_harness

__all__ = ["Implement", "Implementation", "function_of_users", "registered"]


class Implementation(Protocol):
    """One activation with its derivatives, on the arrays of one framework."""

    @property
    def function(self) -> Function:
        """The function itself, which compilers and forward mode are given."""

    @property
    def differentiable(self) -> bool:
        """Whether there is a gradient to ask for."""

    def value(self, inputs: Sequence[Any]) -> Any:
        """The value."""

    def gradients(self, inputs: Sequence[Any], cotangent: Any | None) -> tuple[Any, ...]:
        """The gradient by each input."""

    def second_derivative(self, x: Any, cotangent: Any) -> Any:
        """The gradient of an elementwise activation's gradient."""


Implement = Callable[[Case, Numerics], Implementation]
"""Returns what a case is about. The one place where a test can put something else."""


@dataclass(frozen=True)
class Differentiated:
    """A function that the framework differentiates.

    Attributes:
        function: The function.
        harness: The harness of its framework.
    """

    function: Function
    harness: Harness

    @property
    def differentiable(self) -> bool:
        """Whether the framework can, or the function is one that brings its derivative."""
        return self.harness.differentiates or isinstance(self.function, ua.ActivationFunction)

    def value(self, inputs: Sequence[Any]) -> Any:
        """The value."""
        return self.function(*inputs)

    def gradients(self, inputs: Sequence[Any], cotangent: Any | None) -> tuple[Any, ...]:
        """The gradient by each input, by `unified_act.value_and_grad`."""
        _, found = ua.value_and_grad(self.function, *inputs, cotangent=cotangent)
        return found if len(inputs) > 1 else (found,)

    def second_derivative(self, x: Any, cotangent: Any) -> Any:
        """The gradient of the gradient."""
        return self.harness.second_derivative(self.function, x, cotangent)


def registered(case: Case, numerics: Numerics) -> Implementation:
    """Returns what `get_activation` hands out for a case.

    Args:
        case: The case.
        numerics: The profile.
    """
    function = ua.get_activation(
        case.subject.activation,
        backend=case.backend,
        numerics=numerics,
        **dict(case.subject.parameters),
    )
    return Differentiated(function, load_harness(case.backend))


def function_of_users(function: Function) -> Implement:
    """Returns an `Implement` that judges a function of a user's, whatever the case.

    Args:
        function: Takes and returns arrays of the framework of the cases.
    """
    return lambda case, numerics: Differentiated(function, load_harness(case.backend))
