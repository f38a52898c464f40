"""From what a specification says of single elements to functions of arrays and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from unified_act.activation import Activation

__all__ = ["assemble", "elements", "own_parameters", "pullback_of", "pushforward_of"]

_Function = Callable[[Any], Any]
WithDerivative = Callable[[_Function, _Function], _Function]

NOT_PASSED_ON = {"learned": ("axis",), "gated": ("axis", "gate_first")}
"""The parameters that say where the elements are, and not what is done with them."""


def elements(
    activation: Activation, xp: Any, parameters: Mapping[str, Any]
) -> Callable[..., list[Any]]:
    """Returns ``elements(*inputs)``: the arrays, element by element, that `forward` is given.

    Args:
        activation: Any but one that acts along an axis.
        xp: The namespace.
        parameters: Every parameter with its value.
    """
    if activation.kind == "learned":
        axis = parameters["axis"]
        return lambda x, *weights: [
            x,
            *(xp.channel_weight(weight, x, axis=axis) for weight in weights),
        ]
    if activation.kind == "gated":
        axis, step = parameters["axis"], -1 if parameters["gate_first"] else 1
        return lambda x: xp.split(x, 2, axis=axis)[::step]
    return lambda *inputs: list(inputs)


def own_parameters(activation: Activation, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the parameters that `forward` and `derivative` are given."""
    left_out = NOT_PASSED_ON.get(activation.kind, ())
    return {name: value for name, value in parameters.items() if name not in left_out}


def assemble(activation: Activation, xp: Any, parameters: Mapping[str, Any]) -> Callable[..., Any]:
    """Returns the activation as a function of its inputs.

    Args:
        activation: The activation.
        xp: The namespace.
        parameters: Every parameter with its value.
    """
    forward, keywords = activation.forward, own_parameters(activation, parameters)
    if activation.along_axis:
        return lambda *inputs: forward(xp, *inputs, **keywords)
    spread = elements(activation, xp, parameters)
    return lambda *inputs: forward(xp, *spread(*inputs), **keywords)


def pullback_of(
    activation: Activation,
    xp: Any,
    parameters: Mapping[str, Any],
    with_derivative: WithDerivative = lambda function, _: function,
) -> Callable[..., tuple[Any, ...]] | None:
    """Returns ``pullback(cotangent, *inputs)``: the cotangent of each input, None for a mask.

    None where the activation has no analytic derivative. The function closes over plain functions
    and numbers only, which is what a tracing compiler can see through.

    Args:
        activation: The activation.
        xp: The namespace.
        parameters: Every parameter with its value.
        with_derivative: Makes a framework take its second argument for the derivative of its
            first, so that second derivatives are analytic too.
    """
    derivative, second = activation.derivative, activation.second_derivative
    if derivative is None:
        return None
    keywords = own_parameters(activation, parameters)
    if activation.along_axis:
        return lambda cotangent, *inputs: derivative(xp, cotangent, *inputs, **keywords)
    if activation.kind == "elementwise":

        def plain_slope(x: Any) -> Any:
            return derivative(xp, x, **keywords)

        slope: _Function = plain_slope
        if second is not None:
            slope = with_derivative(plain_slope, lambda x: second(xp, x, **keywords))
        return lambda cotangent, x: (cotangent * slope(x),)

    spread = elements(activation, xp, parameters)

    def scaled(cotangent: Any, *inputs: Any) -> list[Any]:
        partials = derivative(xp, *spread(*inputs), **keywords)
        return [cotangent * partial for partial in partials]

    if activation.kind == "gated":
        axis, step = parameters["axis"], -1 if parameters["gate_first"] else 1
        return lambda cotangent, x: (xp.concat(scaled(cotangent, x)[::step], axis=axis),)
    if activation.kind == "learned":
        return _to_weights(scaled, xp, parameters["axis"])
    return lambda cotangent, *inputs: tuple(scaled(cotangent, *inputs))


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
    derivative = activation.derivative
    if derivative is None or activation.along_axis or activation.kind == "elementwise":
        return None
    keywords = own_parameters(activation, parameters)
    spread = elements(activation, xp, parameters)

    def pushforward(*tangents_and_inputs: Any) -> tuple[Any, ...]:
        half = len(tangents_and_inputs) // 2
        tangents = spread(*tangents_and_inputs[:half])
        partials = derivative(xp, *spread(*tangents_and_inputs[half:]), **keywords)
        products = [p * t for p, t in zip(partials, tangents, strict=True)]
        return (sum(products[1:], start=products[0]),)

    return pushforward


def _to_weights(
    scaled: Callable[..., list[Any]], xp: Any, axis: int
) -> Callable[..., tuple[Any, ...]]:
    """Sums what each element has to say about a weight."""

    def pullback(cotangent: Any, x: Any, *weights: Any) -> tuple[Any, ...]:
        by_x, *by_weights = scaled(cotangent, x, *weights)
        sums = (
            xp.sum_to_weight(each, weight, axis=axis)
            for each, weight in zip(by_weights, weights, strict=True)
        )
        return (by_x, *sums)

    return pullback
