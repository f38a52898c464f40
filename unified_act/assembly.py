"""From what a specification says of single elements to functions of arrays and their gradients.

What that means for each kind of activation, `unified_act.activation.Kind` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from unified_act.activation import Activation
from unified_act.activation.kinds import WithPullback
from unified_act.backend import with_keywords

__all__ = ["assemble", "elements", "own_parameters", "pullback_of", "pushforward_of"]


def elements(
    activation: Activation, xp: Any, parameters: Mapping[str, Any]
) -> Callable[..., list[Any]]:
    """Returns ``elements(*inputs)``: the arrays, element by element, that `forward` is given.

    Args:
        activation: The activation.
        xp: The namespace.
        parameters: Every parameter with its value.
    """
    return activation.kind.elements(xp, parameters)


def own_parameters(activation: Activation, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parameters that `forward` and `derivative` are given."""
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
    """Returns a function of the specification, if there is one, with its parameters as constants.

    They are part of its code: torch.compile(dynamic=True) computes with the numbers that a closure
    holds as symbols, and rounds otherwise than Python.
    """
    if function is None:
        return None
    return with_keywords(function, own_parameters(activation, parameters), ["*inputs"])


def pullback_of(
    activation: Activation,
    xp: Any,
    parameters: Mapping[str, Any],
    with_pullback: WithPullback | None = None,
) -> Callable[..., tuple[Any, ...]] | None:
    """Returns ``pullback(cotangent, *inputs)``: the cotangent of each input, None for a mask.

    None where the activation has no analytic derivative. The function closes over plain functions
    and numbers only, which is what a tracing compiler can see through.

    Args:
        activation: The activation.
        xp: The namespace.
        parameters: Every parameter with its value.
        with_pullback: With it, second derivatives are analytic too, where they are known; without,
            each derivative is computed once.
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

    None where the derivative of single elements does not tell it.

    Args:
        activation: The activation.
        xp: The namespace.
        parameters: Every parameter with its value.
    """
    derivative = _with_own(activation.derivative, activation, parameters)
    if derivative is None:
        return None
    return activation.kind.pushforward(activation, xp, parameters, derivative)
