"""The kinds of activations. A kind determines inputs, derivatives and shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from unified_act.activation.shapes import Shape, axes_of, channel_shape, fits, section_length
from unified_act.errors import InputTypeError, InvalidActivationError
from unified_act.literals import shown

__all__ = ["ELEMENTWISE", "KINDS", "Kind", "WithPullback", "kind_named"]

_Function = Callable[..., Any]
_Pullback = Callable[..., tuple[Any, ...]]
_Parameters = Mapping[str, Any]
_Check = Callable[..., None]
WithPullback = Callable[[_Function, _Function], _Function]
"""``with_pullback(function, pullback)`` returns `function` with a custom gradient: the framework
calls ``pullback(cotangent, *inputs)`` instead of differentiating the operations of `function`."""


class Specified(Protocol):
    """The fields of an `unified_act.Activation` that its kind reads."""

    @property
    def name(self) -> str:
        """The canonical name."""

    @property
    def inputs(self) -> Sequence[str]:
        """The names of the array inputs."""

    @property
    def masks(self) -> Sequence[str]:
        """The inputs that are boolean."""

    @property
    def weights(self) -> tuple[str, ...]:
        """The inputs that are learned."""

    @property
    def resizes(self) -> bool:
        """Whether the result has another length than the input."""

    @property
    def resized(self) -> Callable[..., int] | None:
        """The length of the result, given that of the input."""

    def inputs_for(self, parameters: Mapping[str, float]) -> tuple[str, ...]:
        """The inputs that are taken with these parameters."""

    def has_parameter(self, name: str) -> bool:
        """Whether there is a parameter of this name."""


class Kind(str):
    """How an activation treats its input: a string, the name of the kind, with methods.

    The methods of this base class fit an activation that computes each element of its result from
    the elements of its inputs at the same place. `Activation` describes the kinds for authors.

    Attributes:
        elementwise: Whether the activation is a function of one number, with no other input.
        resizes: Whether the result always has another length than the input.
        needs: The parameters that every activation of the kind must declare.
        not_passed_on: The parameters that are not passed to `forward` and the derivatives, because
            they only determine which elements belong together.
        least_inputs: The smallest number of inputs.
    """

    __slots__ = ()

    elementwise: ClassVar[bool] = False
    resizes: ClassVar[bool] = False
    needs: ClassVar[Sequence[str]] = ()
    not_passed_on: ClassVar[Sequence[str]] = ()
    least_inputs: ClassVar[int] = 1

    def along_axis(self, activation: Specified) -> bool:
        """Whether the elements along an axis act on each other."""
        return False

    def role(self, activation: Specified, name: str) -> str:
        """Whether an input after the first is a ``"weight"``, a ``"mask"`` or ``"noise"``."""
        return "mask" if name in activation.masks else "weight"

    def differentiated(self, inputs: Sequence[str]) -> Sequence[str]:
        """The inputs that have a derivative."""
        return inputs[:1]

    def terms(self, inputs: Sequence[str]) -> Sequence[str]:
        """The names of the arrays that are passed to `forward` for these inputs."""
        return inputs

    def arguments(self, activation: Specified, part: str) -> Sequence[str]:
        """The arguments that a function of the specification takes before its parameters.

        Args:
            activation: The activation.
            part: ``"forward"``, ``"derivative"``, ``"second_derivative"`` or ``"oracle"``.
        """
        leading = {"derivative": ["cotangent"], "second_derivative": ["direction", "cotangent"]}
        carried = leading.get(part, []) if self.along_axis(activation) else []
        return ("xp", *carried, *self.terms(activation.inputs))

    def elements(self, xp: Any, parameters: _Parameters) -> Callable[..., list[Any]]:
        """Returns ``elements(*inputs)``, which makes the arguments of `forward` from the inputs."""
        return lambda *inputs: list(inputs)

    @staticmethod
    def listed(found: Any) -> Sequence[Any]:
        """Returns the result of `derivative`, or a row of the second derivative, as a sequence."""
        several: Sequence[Any] = found
        return several

    def pullback(
        self,
        activation: Specified,
        xp: Any,
        parameters: _Parameters,
        derivative: _Function,
        second: _Function | None,
        with_pullback: WithPullback | None,
    ) -> _Pullback:
        """Returns ``pullback(cotangent, *inputs)``, for `unified_act.assembly.pullback_of`.

        Args:
            activation: The activation.
            xp: The namespace.
            parameters: Every parameter with its value.
            derivative: The derivative of the specification, with its parameters bound.
            second: The second derivative of the specification, with its parameters bound.
            with_pullback: Makes functions with a custom gradient. It is needed only for analytic
                second derivatives.
        """
        # Compilers trace the functions below, so they are plain closures without `self`.
        spread, listed = self.elements(xp, parameters), self.listed

        def partials(*terms: Any) -> Sequence[Any]:
            return listed(derivative(xp, *terms))

        def nested(index: int, with_pullback: WithPullback, second: _Function) -> _Function:
            def back(cotangent: Any, *terms: Any) -> tuple[Any, ...]:
                row = listed(listed(second(xp, *terms))[index])
                return tuple(cotangent * entry for entry in row)

            return with_pullback(lambda *terms: partials(*terms)[index], back)

        of_terms: Callable[..., Sequence[Any]] = partials
        if with_pullback is not None and second is not None:
            count = len(self.terms(activation.inputs))
            every = [nested(index, with_pullback, second) for index in range(count)]
            of_terms = lambda *terms: [partial(*terms) for partial in every]

        def scaled(cotangent: Any, *inputs: Any) -> list[Any]:
            x, *others = spread(*inputs)
            if second is not None:  # give weights the shape of x, which their gradients have
                others = [xp.whole_weight(other, x) for other in others]
            return [cotangent * partial for partial in of_terms(x, *others)]

        return self._to_inputs(scaled, xp, parameters)

    def _to_inputs(self, scaled: _Function, xp: Any, parameters: _Parameters) -> _Pullback:
        """Returns the pullback to the inputs, from the pullback to the arguments of `forward`."""
        return lambda cotangent, *inputs: tuple(scaled(cotangent, *inputs))

    def pushforward(
        self, activation: Specified, xp: Any, parameters: _Parameters, derivative: _Function
    ) -> _Pullback | None:
        """Returns ``pushforward(*tangents, *inputs)``, as `assembly.pushforward_of` does."""
        if self.elementwise or self.along_axis(activation):
            return None
        spread = self.elements(xp, parameters)

        def pushforward(*tangents_and_inputs: Any) -> tuple[Any, ...]:
            half = len(tangents_and_inputs) // 2
            tangents = spread(*tangents_and_inputs[:half])
            partials = derivative(xp, *spread(*tangents_and_inputs[half:]))
            products = [p * t for p, t in zip(partials, tangents, strict=True)]
            return (sum(products[1:], start=products[0]),)

        return pushforward

    def sections(self, activation: Specified, parameters: _Parameters) -> int:
        """The number of equal parts into which the axis is divided: the parameter ``groups``."""
        return int(parameters.get("groups", 1)) if activation.resizes else 1

    def result_length(
        self, activation: Specified, parameters: _Parameters, length: int
    ) -> int | None:
        """The length of the axis in the result; None if only a call of `forward` can tell.

        Args:
            activation: The activation.
            parameters: Every parameter with its value.
            length: The length of the axis in `x`.
        """
        if not activation.resizes:
            return length
        return None if activation.resized is None else activation.resized(length, **parameters)

    def shape_check(self, activation: Specified, parameters: _Parameters) -> _Check | None:
        """Returns ``check(*shapes)``, which raises if inputs of these shapes do not fit together.

        Returns None if there is nothing to check.
        """
        name, axis = activation.name, parameters.get("axis")
        sections, row_of_one = self.sections(activation, parameters), not activation.resizes
        others = activation.inputs_for(parameters)[1:]
        roles = [self.role(activation, other) for other in others]
        wanted = {
            "noise": "the shape of the input",
            "mask": "the shape of the input, or one that can be broadcast to it",
        }

        def check(x: Shape, *shapes: Shape) -> None:
            if isinstance(axis, tuple):
                axes_of(x, axis)
            elif axis is not None:
                section_length(x or (1,) if row_of_one else x, sections, axis)
            for which, role, shape in zip(others, roles, shapes, strict=True):
                if role in wanted and not fits(shape, x, broadcast=role == "mask"):
                    raise InputTypeError(
                        f"{name}: {which} has the shape {tuple(shape)}, the input {tuple(x)}; "
                        f"pass {which} with {wanted[role]}."
                    )

        return check


class Elementwise(Kind):
    """Each element is computed alone. Inputs may have any shape."""

    __slots__ = ()

    elementwise = True

    @staticmethod
    def listed(found: Any) -> Sequence[Any]:
        """Returns the only derivative in a tuple."""
        return (found,)

    def shape_check(self, activation: Specified, parameters: _Parameters) -> None:
        """Returns None: every shape is allowed."""


class Axis(Kind):
    """The elements along an axis are computed together, as in softmax."""

    __slots__ = ()

    needs: ClassVar[Sequence[str]] = ("axis",)

    def along_axis(self, activation: Specified) -> bool:
        """Always true for this kind."""
        return True

    def pullback(
        self,
        activation: Specified,
        xp: Any,
        parameters: _Parameters,
        derivative: _Function,
        second: _Function | None,
        with_pullback: WithPullback | None,
    ) -> _Pullback:
        """Returns the derivative of the specification, which is the pullback already."""
        if not self.along_axis(activation):
            return super().pullback(activation, xp, parameters, derivative, second, with_pullback)

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


class Gated(Kind):
    """One half of an axis is multiplied by a function of the other half, as in GLU.

    The flag ``gate_first`` says which half is which. An activation may also have the flag
    ``interleaved``: the halves are then the elements at even places and those at odd ones.
    """

    __slots__ = ()

    resizes = True
    needs: ClassVar[Sequence[str]] = ("axis", "gate_first")
    not_passed_on: ClassVar[Sequence[str]] = ("axis", "gate_first", "interleaved")

    def role(self, activation: Specified, name: str) -> str:
        """Whether an argument of `forward` is the ``"gate"``."""
        return name if name == "gate" else super().role(activation, name)

    def terms(self, inputs: Sequence[str]) -> Sequence[str]:
        """The two halves of the axis."""
        return ("value", "gate")

    def elements(self, xp: Any, parameters: _Parameters) -> Callable[..., list[Any]]:
        """Returns a function that splits `x` into the value and the gate."""
        axis, step = parameters["axis"], -1 if parameters["gate_first"] else 1
        if parameters.get("interleaved"):
            return lambda x: xp.deinterleave(x, axis=axis)[::step]
        return lambda x: xp.split(x, 2, axis=axis)[::step]

    def _to_inputs(self, scaled: _Function, xp: Any, parameters: _Parameters) -> _Pullback:
        axis, step = parameters["axis"], -1 if parameters["gate_first"] else 1
        join = xp.interleave if parameters.get("interleaved") else xp.concat
        return lambda cotangent, x: (join(scaled(cotangent, x)[::step], axis=axis),)

    def sections(self, activation: Specified, parameters: _Parameters) -> int:
        """Always two for this kind."""
        return 2

    def result_length(self, activation: Specified, parameters: _Parameters, length: int) -> int:
        """Half of the length."""
        return length // 2


class Learned(Kind):
    """Each element is computed with learned weights, such as those of its channel, as in PReLU."""

    __slots__ = ()

    needs = not_passed_on = ("axis",)
    least_inputs = 2

    def differentiated(self, inputs: Sequence[str]) -> Sequence[str]:
        """All inputs, the weights included."""
        return inputs

    def elements(self, xp: Any, parameters: _Parameters) -> Callable[..., list[Any]]:
        """Returns a function that reshapes the weights so that they broadcast against `x`."""
        axis = parameters["axis"]
        return lambda x, *weights: [x, *(xp.channel_weight(w, x, axis=axis) for w in weights)]

    def _to_inputs(self, scaled: _Function, xp: Any, parameters: _Parameters) -> _Pullback:
        """Sums over the elements that share a number of a weight to get its gradient."""
        axis = parameters["axis"]

        def pullback(cotangent: Any, x: Any, *weights: Any) -> tuple[Any, ...]:
            by_x, *by_weights = scaled(cotangent, x, *weights)
            pairs = zip(by_weights, weights, strict=True)
            return (by_x, *(xp.sum_to_weight(each, weight, axis=axis) for each, weight in pairs))

        return pullback

    def shape_check(self, activation: Specified, parameters: _Parameters) -> _Check | None:
        """Checks that a weight is one number, a vector for the channels, or can be broadcast."""
        name, names, axis = activation.name, activation.weights, parameters["axis"]

        def check(x: Shape, *weights: Shape) -> None:
            for which, weight in zip(names, weights, strict=True):
                if len(weight) > 1:
                    if not fits(weight, x, broadcast=True):
                        raise InputTypeError(
                            f"{name}: {which} has the shape {tuple(weight)}, which cannot be "
                            f"broadcast to that of the input, {tuple(x)}; pass one number, a "
                            "vector with one number for each channel, or an array that can."
                        )
                elif weight and weight[0] is not None and weight[0] != 1:
                    channel_shape(weight[0], x, axis)

        return check


class Stochastic(Axis):
    """Each element is computed with random noise; with a parameter ``axis``, a whole axis is."""

    __slots__ = ()

    needs = ()
    least_inputs = 2

    def along_axis(self, activation: Specified) -> bool:
        """Whether the activation has the parameter ``axis``."""
        return activation.has_parameter("axis")

    def role(self, activation: Specified, name: str) -> str:
        """Every input after `x` is noise."""
        return "noise"


ELEMENTWISE = Elementwise("elementwise")
KINDS: tuple[Kind, ...] = (
    ELEMENTWISE,
    Axis("axis"),
    Gated("gated"),
    Learned("learned"),
    Stochastic("stochastic"),
)


def kind_named(name: str) -> Kind:
    """Returns the kind of this name.

    Raises:
        InvalidActivationError: There is no such kind.
    """
    for kind in KINDS:
        if kind == name:
            return kind
    raise InvalidActivationError(f"unknown kind {shown(name)}: use one of {', '.join(KINDS)}.")
