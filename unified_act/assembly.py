"""From what a specification says of single elements to functions of arrays and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from unified_act.activation import Activation
from unified_act.backend import with_keywords

__all__ = [
    "NOT_PASSED_ON",
    "assemble",
    "elements",
    "own_parameters",
    "pullback_of",
    "pushforward_of",
]

_Function = Callable[..., Any]
WithPullback = Callable[[_Function, _Function], _Function]
"""Makes a framework take its second argument, ``pullback(cotangent, *inputs)``, for that of its
first, instead of differentiating the operations of it."""

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
    forward = _with_own(activation.forward, activation, parameters)
    if activation.along_axis:
        return lambda *inputs: forward(xp, *inputs)
    spread = elements(activation, xp, parameters)
    return lambda *inputs: forward(xp, *spread(*inputs))


def _with_own(
    function: _Function | None, activation: Activation, parameters: Mapping[str, Any]
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
    second = _with_own(activation.second_derivative, activation, parameters)
    if derivative is None:
        return None
    if activation.along_axis:
        return _of_rows(xp, derivative, second, with_pullback)
    if activation.kind == "elementwise":

        def plain_slope(x: Any) -> Any:
            return derivative(xp, x)

        slope: _Function = plain_slope
        if with_pullback is not None and second is not None:
            slope = with_pullback(plain_slope, lambda c, x: (c * second(xp, x),))
        return lambda cotangent, x: (cotangent * slope(x),)

    spread = elements(activation, xp, parameters)
    terms = len(activation.inputs) + (activation.kind == "gated")
    partials = _partials(xp, derivative, second, terms, with_pullback)

    def scaled(cotangent: Any, *inputs: Any) -> list[Any]:
        x, *others = spread(*inputs)
        if second is not None:  # what goes back to weights has the shape of x, and so have they
            others = [other + xp.full_like(x, 0.0) for other in others]
        return [cotangent * partial for partial in partials(x, *others)]

    if activation.kind == "gated":
        axis, step = parameters["axis"], -1 if parameters["gate_first"] else 1
        return lambda cotangent, x: (xp.concat(scaled(cotangent, x)[::step], axis=axis),)
    if activation.kind == "learned":
        return _to_weights(scaled, xp, parameters["axis"])
    return lambda cotangent, *inputs: tuple(scaled(cotangent, *inputs))


def _of_rows(
    xp: Any, derivative: _Function, second: _Function | None, with_pullback: WithPullback | None
) -> Callable[..., tuple[Any, ...]]:
    def plain(cotangent: Any, *inputs: Any) -> tuple[Any, ...]:
        found: tuple[Any, ...] = derivative(xp, cotangent, *inputs)
        return found

    if with_pullback is None or second is None:
        return plain

    def twice(direction: Any, cotangent: Any, x: Any, *others: Any) -> tuple[Any, ...]:
        by_both = second(xp, direction, cotangent, x, *others)
        return (*by_both, *(None for _ in others))

    by_x = with_pullback(lambda cotangent, *inputs: plain(cotangent, *inputs)[0], twice)
    return lambda cotangent, *inputs: (
        by_x(cotangent, *inputs),
        *(plain(cotangent, *inputs)[1:] if len(inputs) > 1 else ()),
    )


def _partials(
    xp: Any,
    derivative: _Function,
    second: _Function | None,
    count: int,
    with_pullback: WithPullback | None,
) -> Callable[..., Sequence[Any]]:
    """The partial derivatives of single elements, each with the derivatives of its own."""
    if with_pullback is None or second is None:
        return lambda *terms: derivative(xp, *terms)

    def nested(index: int) -> _Function:
        def plain(*terms: Any) -> Any:
            return derivative(xp, *terms)[index]

        def pullback(cotangent: Any, *terms: Any) -> tuple[Any, ...]:
            row = second(xp, *terms)[index]
            return tuple(cotangent * entry for entry in row)

        return with_pullback(plain, pullback)

    every = [nested(index) for index in range(count)]
    return lambda *terms: [partial(*terms) for partial in every]


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
    if activation.derivative is None or activation.along_axis or activation.kind == "elementwise":
        return None
    derivative = _with_own(activation.derivative, activation, parameters)
    spread = elements(activation, xp, parameters)

    def pushforward(*tangents_and_inputs: Any) -> tuple[Any, ...]:
        half = len(tangents_and_inputs) // 2
        tangents = spread(*tangents_and_inputs[:half])
        partials = derivative(xp, *spread(*tangents_and_inputs[half:]))
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
