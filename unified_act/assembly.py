"""Makes functions of arrays and their gradients from the specification of an activation.

The steps that depend on the kind of activation are methods of `unified_act.activation.Kind`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from unified_act.activation import Activation
from unified_act.activation.kinds import WithPullback
from unified_act.backend import with_keywords

__all__ = [
    "assemble",
    "derivatives_of",
    "elements",
    "own_parameters",
    "pullback_of",
    "pushforward_of",
]


def elements(
    activation: Activation, xp: Any, parameters: Mapping[str, Any]
) -> Callable[..., list[Any]]:
    """Returns ``elements(*inputs)``, which makes the arguments of `forward` from the inputs.

    Args:
        activation: The activation.
        xp: The namespace.
        parameters: Every parameter with its value.
    """
    return activation.kind.elements(xp, parameters)


def own_parameters(activation: Activation, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parameters that are passed to `forward` and `derivative`."""
    left_out = activation.kind.not_passed_on
    return {name: value for name, value in parameters.items() if name not in left_out}


def assemble(activation: Activation, xp: Any, parameters: Mapping[str, Any]) -> Callable[..., Any]:
    """Returns the activation as a function of its inputs.

    Args:
        activation: The activation.
        xp: The namespace.
        parameters: Every parameter with its value.
    """
    forward = _with_own(activation.forward, activation, parameters)
    spread = elements(activation, xp, parameters)
    return lambda *inputs: forward(xp, *spread(*inputs))


def _with_own(
    function: Callable[..., Any] | None, activation: Activation, parameters: Mapping[str, Any]
) -> Any:
    """Returns a function of the specification with its parameters as constants, or None.

    The constants are part of the code. With torch.compile(dynamic=True) the numbers in a closure
    become symbols, which are rounded differently than in Python.
    """
    if function is None:
        return None
    own = own_parameters(activation, parameters)
    with_parameters = getattr(function, "with_parameters", None)
    if with_parameters is not None:  # it is made anew for each set of parameters
        return with_parameters(own)
    return with_keywords(function, own, ["*inputs"])


def derivatives_of(
    activation: Activation, xp: Any, parameters: Mapping[str, Any]
) -> tuple[Callable[..., Any] | None, Callable[..., Any] | None]:
    """Returns both derivatives of an elementwise activation, as functions of its input.

    One that the activation does not define is None.

    Args:
        activation: The activation.
        xp: The namespace.
        parameters: Every parameter with its value.
    """

    def with_namespace(function: Callable[..., Any] | None) -> Callable[..., Any] | None:
        own = _with_own(function, activation, parameters)
        return None if own is None else lambda x: own(xp, x)

    return with_namespace(activation.derivative), with_namespace(activation.second_derivative)


def pullback_of(
    activation: Activation,
    xp: Any,
    parameters: Mapping[str, Any],
    with_pullback: WithPullback | None = None,
) -> Callable[..., tuple[Any, ...]] | None:
    """Returns ``pullback(cotangent, *inputs)``: the cotangent of each input, None for a mask.

    Returns None if the activation has no analytic derivative. The closure contains only plain
    functions and numbers, which tracing compilers can follow.

    Args:
        activation: The activation.
        xp: The namespace.
        parameters: Every parameter with its value.
        with_pullback: Makes functions with a custom gradient. If it is given, second derivatives
            are analytic too, where the activation has them.
    """
    derivative = _with_own(activation.derivative, activation, parameters)
    if derivative is None:
        return None
    second = _with_own(activation.second_derivative, activation, parameters)
    return activation.kind.pullback(activation, xp, parameters, derivative, second, with_pullback)


def pushforward_of(
    activation: Activation, xp: Any, parameters: Mapping[str, Any]
) -> Callable[..., tuple[Any, ...]] | None:
    """Returns ``pushforward(*tangents, *inputs)``: a tuple with the tangent of the result.

    Returns None if it cannot be computed from the derivative of the specification.

    Args:
        activation: The activation.
        xp: The namespace.
        parameters: Every parameter with its value.
    """
    derivative = _with_own(activation.derivative, activation, parameters)
    if derivative is None:
        return None
    return activation.kind.pushforward(activation, xp, parameters, derivative)
