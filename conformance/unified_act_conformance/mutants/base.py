"""The class of mutants: implementations with one known fault, which the suite must reject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import unified_act as ua
from unified_act.backend import Numerics
from unified_act_conformance.floats import FloatArray
from unified_act_conformance.harness import Function
from unified_act_conformance.subject import Case, Implement, Implementation, Subject, registered

__all__ = ["Faulty", "Mutant", "activation", "on_numpy"]

Value = Callable[..., Any]
"""``value(x, *weights)``."""
Gradient = Callable[..., Any]
"""``gradient(sound, cotangent, x, *weights)``: by x, or a tuple; `sound` is the right one."""


@dataclass(frozen=True)
class Mutant:
    """One fault, and where it is put.

    Attributes:
        fault: What is wrong, in a phrase.
        subject: The activation that it claims to be.
        implement: The implementation.
        seen_by: What has to notice: "order 0" to "order 2", or the name of a check.
        dtype: The type in which it is run.
        numerics: The profile in which it is run: strict where the floor of fast would hide it.
        backend: The framework that it is written for.
    """

    fault: str
    subject: Subject
    implement: Implement
    seen_by: str = "order 0"
    dtype: str = "float32"
    numerics: Numerics = "fast"
    backend: str = "numpy"


@dataclass(frozen=True)
class Faulty:
    """An implementation with a part replaced.

    Attributes:
        sound: The right one.
        replaced_value: What computes the value instead, or None.
        replaced_gradient: What computes the gradient instead, or None.
    """

    sound: Implementation
    replaced_value: Value | None
    replaced_gradient: Gradient | None
    differentiable = True

    @property
    def function(self) -> Function:
        """The value as a function."""
        return self.replaced_value or self.sound.function

    def value(self, inputs: Sequence[Any]) -> Any:
        """The value."""
        return self.function(*inputs)

    def gradients(self, inputs: Sequence[Any], cotangent: Any | None) -> tuple[Any, ...]:
        """The gradient by each input."""
        if self.replaced_gradient is None:
            return self.sound.gradients(inputs, cotangent)
        found = self.replaced_gradient(self.sound, cotangent, *inputs)
        return found if isinstance(found, tuple) else (found,)

    def second_derivative(self, x: Any, cotangent: Any) -> Any:
        """The gradient of the gradient."""
        return self.sound.second_derivative(x, cotangent)

    def hessian_product(
        self, inputs: Sequence[Any], cotangent: Any, directions: Sequence[Any]
    ) -> tuple[Any, ...]:
        """The derivative of the gradient."""
        return self.sound.hessian_product(inputs, cotangent, directions)


def activation(name: str, **parameters: Any) -> Any:
    """Returns what `unified_act` hands out on NumPy.

    Args:
        name: The activation.
        **parameters: Its parameters.
    """
    return ua.get_activation({"name": name, **parameters}, backend="numpy")


def on_numpy(
    fault: str,
    subject: Subject,
    value: Callable[..., FloatArray] | None = None,
    gradient: Callable[..., Any] | None = None,
    *,
    seen_by: str = "",
    dtype: str = "float32",
    numerics: Numerics = "fast",
) -> Mutant:
    """Returns a mutant that is made of NumPy functions.

    Args:
        fault: What is wrong.
        subject: The activation that it claims to be.
        value: ``value(x, *weights)`` in place of the right one.
        gradient: ``gradient(sound, cotangent, x, *weights)`` in place of the right one.
        seen_by: What has to notice, if not the judge of the replaced value or gradient.
        dtype: The type in which it is run.
        numerics: The profile in which it is run.
    """
    implement = partial(_implement, value, gradient)
    seen_by = seen_by or ("order 1" if value is None else "order 0")
    return Mutant(fault, subject, implement, seen_by, dtype, numerics)


def _implement(
    value: Value | None, gradient: Gradient | None, case: Case, numerics: Numerics
) -> Implementation:
    return Faulty(registered(case, numerics), value, gradient)
