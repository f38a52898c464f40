"""Implementations that are right but for a part that a test replaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unified_act_conformance.subject import Implement, Implementation, registered


@dataclass(frozen=True)
class Faulty:
    """An implementation with another value, another gradient, or both.

    Attributes:
        sound: The right one.
        other_value: ``value(x, *weights)``, or None.
        other_gradient: ``gradient(sound, cotangent, x, *weights)``: by x, or a tuple; or None.
    """

    sound: Implementation
    other_value: Callable[..., Any] | None
    other_gradient: Callable[..., Any] | None
    differentiable = True

    @property
    def function(self):
        return self.other_value or self.sound.function

    def value(self, inputs):
        return self.function(*inputs)

    def gradients(self, inputs, cotangent):
        if self.other_gradient is None:
            return self.sound.gradients(inputs, cotangent)
        found = self.other_gradient(self.sound, cotangent, *inputs)
        return found if isinstance(found, tuple) else (found,)

    def second_derivative(self, x, cotangent):
        return self.sound.second_derivative(x, cotangent)

    def hessian_product(self, inputs, cotangent, directions):
        return self.sound.hessian_product(inputs, cotangent, directions)


def faulty(value=None, gradient=None) -> Implement:
    """Returns what the suite can judge in place of what `get_activation` hands out."""
    return lambda case, numerics: Faulty(registered(case, numerics), value, gradient)
