"""The implementation to judge: that of `unified_act`, or one that a caller passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np

import unified_act as ua
from unified_act import kernels
from unified_act.backend import HOME, Native, Numerics, Tabled, kernel_for
from unified_act.loading import load_backend
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.harness import (
    Function,
    Harness,
    NotOfferedError,
    device_in_use,
    kind_in_use,
    load_harness,
)
from unified_act_conformance.subject.cases import Case
from unified_act_conformance.subject.places import framework_function

__all__ = [
    "Implement",
    "Implementation",
    "function_of_users",
    "has_native_kernel",
    "is_outrun",
    "native_kernel",
    "registered",
    "shared_code",
]


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

    def value_and_gradients(
        self, inputs: Sequence[Any], cotangent: Any | None
    ) -> tuple[Any, tuple[Any, ...]]:
        """The value that is computed with the gradients, None if there is none; and these."""

    def second_derivative(self, x: Any, cotangent: Any) -> Any:
        """The gradient of an elementwise activation's gradient."""

    def hessian_product(
        self, inputs: Sequence[Any], cotangent: Any, directions: Sequence[Any]
    ) -> tuple[Any, ...]:
        """The derivative of the gradient along the directions, by each input."""


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
        """The gradient by each input."""
        return self.value_and_gradients(inputs, cotangent)[1]

    def value_and_gradients(
        self, inputs: Sequence[Any], cotangent: Any | None
    ) -> tuple[Any, tuple[Any, ...]]:
        """Both, by `unified_act.value_and_grad`."""
        value, found = ua.value_and_grad(self.function, *inputs, cotangent=cotangent)
        return value, found if isinstance(found, tuple) else (found,)

    def second_derivative(self, x: Any, cotangent: Any) -> Any:
        """The gradient of the gradient."""
        return self.harness.second_derivative(self.function, x, cotangent)

    def hessian_product(
        self, inputs: Sequence[Any], cotangent: Any, directions: Sequence[Any]
    ) -> tuple[Any, ...]:
        """By the harness; inputs without a direction, a mask or noise, are constant."""
        moving, constant = inputs[: len(directions)], inputs[len(directions) :]
        return self.harness.hessian_product(
            lambda *moved: self.function(*moved, *constant), moving, cotangent, directions
        )


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


def is_outrun(case: Case) -> bool:
    """Says whether in ``"fast"`` machine code takes the place of a kernel that would serve a case.

    It is what serves in ``"strict"``.

    Args:
        case: The case.
    """
    activation, backend = ACTIVATIONS.find(case.subject.activation), load_backend(case.backend)
    parameters = activation.bind(dict(case.subject.parameters))
    kernel = kernel_for(backend.name, backend.native, activation, "fast", parameters)
    outrun = getattr(backend, "outrun", None)
    if device_in_use(case.backend) != HOME:
        return False
    return kernel is not None and outrun is not None and case.dtype in outrun(kernel)


def shared_code(case: Case) -> Literal["table", "kernel", ""]:
    """Says which code of all backends computes a case in strict, for plain arrays.

    Args:
        case: The case, of order 0 or 1.

    Returns:
        ``"kernel"`` also where no kernel can be made of the activation; `kernels.unavailable` says
        where. An empty string if the framework's own operations compute it, as they do on other
        devices than a CPU.
    """
    backend, activation = load_backend(case.backend), ACTIVATIONS.find(case.subject.activation)
    tabled: Tabled = getattr(backend, "tabled", Tabled())
    if case.dtype in tabled.serving(activation, "strict", kind_in_use(case.backend)):
        return "table"
    fused = getattr(backend, "fused", ()) if device_in_use(case.backend) == HOME else ()
    return "kernel" if case.dtype in fused and not kernels.unavailable() else ""


def has_native_kernel(case: Case) -> bool:
    """Says whether the framework has a kernel of its own for a case, admitted or not.

    Args:
        case: The case.
    """
    return _kernel(case) is not None


def native_kernel(case: Case, numerics: Numerics) -> Implementation:
    """Returns the framework's own kernel for a case, whether or not we use it.

    Args:
        case: The case, one that has a kernel.
        numerics: The profile, which does not matter here.

    Raises:
        LookupError: There is no such kernel.
    """
    del numerics
    found = _kernel(case)
    if found is None:
        raise LookupError(f"{case.backend} has no kernel of its own for {case.subject}")
    kernel, arguments = found
    function = framework_function(case.backend, kernel)
    return Differentiated(partial(function, **arguments), load_harness(case.backend))


def _kernel(case: Case) -> tuple[Native, dict[str, Any]] | None:
    activation = ACTIVATIONS.find(case.subject.activation)
    kernel = kernel_for(case.backend, load_backend(case.backend).native, activation, "fast")
    if kernel is None:
        return None
    bound = activation.bind(dict(case.subject.parameters))
    arguments = kernel.arguments(bound)
    return None if arguments is None else (kernel, arguments)


@dataclass(frozen=True)
class _OfUsers(Differentiated):
    """A function of a user's. What NumPy warns of, the results show.

    Attributes:
        gradient: ``gradient(x, cotangent)``, which takes the place of the framework's derivative.
        dtype: The name of the float type that it is called with.
    """

    gradient: Function | None
    dtype: str

    @property
    def differentiable(self) -> bool:
        return self.gradient is not None or super().differentiable

    def value(self, inputs: Sequence[Any]) -> Any:
        with np.errstate(all="ignore"):
            return super().value(inputs)

    def value_and_gradients(
        self, inputs: Sequence[Any], cotangent: Any | None
    ) -> tuple[Any, tuple[Any, ...]]:
        if self.gradient is None:
            return super().value_and_gradients(inputs, cotangent)
        (x,) = inputs
        if cotangent is None:
            ones = np.ones_like(self.harness.to_numpy(x, self.dtype))
            cotangent = self.harness.to_native(ones, self.dtype)
        with np.errstate(all="ignore"):
            return None, (self.gradient(x, cotangent),)

    def second_derivative(self, x: Any, cotangent: Any) -> Any:
        if self.gradient is not None:
            raise NotOfferedError("the gradient that was given has no derivative")
        return super().second_derivative(x, cotangent)


def function_of_users(function: Function, gradient: Function | None = None) -> Implement:
    """Returns an `Implement` that judges a function of a user's, whatever the case.

    Args:
        function: Takes and returns arrays of the framework of the cases.
        gradient: ``gradient(x, cotangent)``, for an elementwise function that the framework cannot
            differentiate.
    """
    return lambda case, numerics: _OfUsers(
        function, load_harness(case.backend), gradient, case.dtype
    )
