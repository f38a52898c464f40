"""How a backend turns an activation into a function: the part that all frameworks share.

`FrameworkBackend` picks the implementation for each dtype, refuses wrong inputs, and draws random
numbers. A backend derives from it, and says what the framework's arrays and dtypes are and how the
framework computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from unified_act.activation import Activation
from unified_act.backend.calls import with_keywords
from unified_act.backend.contract import (
    Native,
    Numerics,
    beyond_dtype,
    check_further,
    input_error,
    kernel_for,
)
from unified_act.backend.randomness import seed_or_generator, with_generator
from unified_act.errors import InputTypeError, ParameterValueError
from unified_act.shapes import Shape, with_shape_check

__all__ = ["LEAST_NOISE", "FrameworkBackend", "Request", "Words"]

_Function = Callable[..., Any]
LEAST_NOISE = 2.0**-25
"""Replaces a random number 0, whose logarithm is infinite; half of the smallest other number."""


class Words(NamedTuple):
    """The words for a framework's arrays in error messages, and the code that these suggest.

    Attributes:
        wanted: What a function takes, such as ``"a torch.Tensor"``.
        noun: ``"array"`` or ``"tensor"``.
        convert: The code that converts `x` to one.
        cast: The code that casts one of integers.
    """

    wanted: str
    noun: str
    convert: str
    cast: str


class Request(NamedTuple):
    """An activation that a backend is asked to implement.

    Attributes:
        activation: The activation.
        parameters: Every parameter with its value.
        numerics: The profile.
        kernel: The framework's kernel that serves it, if one does.
        arguments: The keywords of the kernel's call.
        functions: The functions that compute it, by the name of the dtype; empty until they are
            made.
    """

    activation: Activation
    parameters: Mapping[str, Any]
    numerics: Numerics = "fast"
    kernel: Native | None = None
    arguments: Mapping[str, Any] = MappingProxyType({})
    functions: Mapping[str, _Function] = MappingProxyType({})

    @property
    def inputs(self) -> Sequence[str]:
        """The names of the inputs."""
        return self.activation.inputs_for(self.parameters)


class FrameworkBackend:
    """The parts of a `Backend` that do not depend on the framework.

    A subclass sets the attributes and overrides the methods that its framework needs otherwise.

    Attributes:
        name: The name that selects it.
        framework: Where kernels are found by their dotted paths.
        native: The framework's own kernels, by canonical name.
        gradient: Has ``shared_definition(activation, parameters)`` and ``value_and_grad(function,
            inputs, cotangent)``, as the module `gradient` of a backend.
        types: The array types that its callables are usually given.
        dtype_objects: The framework's dtypes, by name.
        arrays: The types of arrays that have values, without those of symbols.
        usual: Of these, the exact types for which a look at the dtype is check enough.
        booleans: The dtypes that a mask may have.
        generators: The type of the framework's random generators.
        words: The words for its arrays in messages.
    """

    name: str
    framework: Any
    native: Mapping[str, Native]
    gradient: Any
    types: Sequence[type]
    dtype_objects: ClassVar[Mapping[str, Any]]
    arrays: ClassVar[tuple[type, ...]]
    usual: ClassVar[tuple[type, ...]] = ()
    booleans: ClassVar[Sequence[Any]]
    generators: ClassVar[type]
    words: ClassVar[Words]

    @property
    def dtypes(self) -> Sequence[str]:
        """The names of the dtypes that it has."""
        return tuple(self.dtype_objects)

    def spellings(self, dtype: Any) -> Sequence[Any]:
        """The objects that an array may have as its dtype, for one of `dtype_objects`."""
        return (dtype,)

    def dtype_text(self, x: Any) -> str:
        """How a message writes the dtype of an array."""
        return str(x.dtype)

    def accepts(self, array_type: type) -> bool:
        """Whether arrays of this type belong to the framework."""
        return issubclass(array_type, self.arrays)

    def is_array(self, x: Any) -> bool:
        """Whether it is an array that can be computed with."""
        return isinstance(x, self.arrays)

    def is_noise(self, given: Any) -> bool:
        """Whether it is an array of random numbers, and not a seed or a generator."""
        return self.is_array(given)

    def dtypes_for(self, role: str, x: Any) -> Sequence[Any]:
        """The dtypes that a ``"mask"``, a ``"weight"`` or ``"noise"`` may have beside `x`."""
        if role == "mask":
            return self.booleans
        return (x.dtype,) if role == "weight" else (x.dtype, self.dtype_objects["float32"])

    def shape_of(self, x: Any) -> Shape | None:
        """The shape of an array, as far as it is known."""
        shape: Shape = x.shape
        return shape

    def fitted(self, function: _Function, request: Request) -> _Function:
        """Returns `function` with a check of shapes, and made to take every shape that is right."""
        return with_shape_check(
            function, request.activation, request.parameters, shape_of=self.shape_of
        )

    def shared(self, request: Request) -> Mapping[str, _Function]:
        """Returns the shared definition for each dtype, by name."""
        function = self.gradient.shared_definition(request.activation, request.parameters)
        return dict.fromkeys(self.dtypes, self.fitted(function, request))

    def own(self, request: Request, kernel: Native) -> _Function:
        """Returns the framework's kernel as a function of the inputs."""
        return self.fitted(with_keywords(kernel.find(self.framework), request.arguments), request)

    def short_way(self, request: Request, otherwise: _Function) -> _Function:
        """Returns a function that calls the kernel directly where it can, else ``otherwise``.

        Args:
            request: What is asked for.
            otherwise: The function that takes everything and checks it.
        """
        del request
        return otherwise

    def run(self, function: _Function, x: Any, *further: Any) -> Any:
        """Calls an implementation with arrays that have been checked."""
        return function(x, *further)

    def prepared(self, activation: Activation, x: Any, further: Sequence[Any]) -> Sequence[Any]:
        """Returns the inputs after `x`, cast where the framework casts on its own."""
        del activation, x
        return further

    def symbolic(self, request: Request, x: Any, *further: Any) -> Any:
        """Returns the result for an input that stands for an array while a graph is made.

        Raises:
            InputTypeError: It stands for none.
        """
        del further
        raise self.wrong_input(request.activation.name, x)

    def wrong_input(self, name: str, x: Any) -> InputTypeError:
        """Returns what to raise about an input.

        Args:
            name: What was called.
            x: What it got.
        """
        words = self.words
        if not isinstance(x, self.arrays):
            return input_error(name, words.wanted, x, words.convert)
        return InputTypeError(
            f"{name}: expected a floating-point {words.noun}, got {self.dtype_text(x)}. "
            f"Cast it first, for example with {words.cast}."
        )

    def implement(
        self, activation: Activation, parameters: Mapping[str, float], numerics: Numerics
    ) -> _Function:
        """Returns the function that computes `activation`: the work behind `get_activation`."""
        request = Request(activation, parameters, numerics)
        functions = dict(self.shared(request))
        row = kernel_for(self.name, self.native, activation, numerics)
        kernel = None if row is None else row.serving(parameters)
        if kernel is not None:
            arguments = kernel.arguments(parameters) or {}
            request = request._replace(kernel=kernel, arguments=arguments)
            functions |= dict.fromkeys(kernel.dtypes, self.own(request, kernel))
        for dtype in functions:
            problem = beyond_dtype(activation, parameters, dtype)
            if problem:
                functions[dtype] = _refusing(problem)
        request = request._replace(functions=functions)
        checked = self._checked(request)
        if activation.noise and len(request.inputs) > 1:
            return with_generator(activation.name, checked, self.uniform_like, self.is_noise)
        return self.short_way(request, checked)

    def _checked(self, request: Request) -> _Function:
        """Returns a function that picks the implementation by dtype, which is also the check."""
        activation, usual = request.activation, self.usual
        by_dtype = {
            spelling: request.functions[name]
            for name, dtype in self.dtype_objects.items()
            for spelling in self.spellings(dtype)
        }
        several = len(request.inputs) > 1

        def other(x: Any, *further: Any) -> Any:
            if not self.is_array(x):
                return self.symbolic(request, x, *further)
            if x.dtype not in by_dtype:
                raise self.wrong_input(activation.name, x)
            if several:
                further = tuple(self.prepared(activation, x, further))
                check_further(activation, x, further, lambda role, array: fits(role, array, x))
            return self.run(by_dtype[x.dtype], x, *further)

        def fits(role: str, array: Any, x: Any) -> bool:
            return self.is_array(array) and array.dtype in self.dtypes_for(role, x)

        def unary(x: Any) -> Any:
            if type(x) in usual:
                function = by_dtype.get(x.dtype)
                if function is not None:
                    return function(x)
            return other(x)

        return other if several else unary

    def uniform_like(self, x: Any, generator: Any) -> Any:
        """Random numbers between 0 and 1, ends excluded, in the shape of `x`.

        They are float32 for 16-bit types.

        Args:
            x: An array.
            generator: A seed, or a generator of the framework.
        """
        source = seed_or_generator(generator, self.generators)
        wide = self.dtype_objects["float64"]
        return self.draw(x, source, wide if x.dtype == wide else self.dtype_objects["float32"])

    def draw(self, x: Any, source: Any, dtype: Any) -> Any:
        """Returns numbers between `LEAST_NOISE` and 1 in the shape of `x`.

        Args:
            x: An array.
            source: A seed, which is an integer of Python, or a generator.
            dtype: The dtype to draw them in.
        """
        raise NotImplementedError

    def value_and_grad(
        self, function: _Function, inputs: Sequence[Any], cotangent: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Returns the value and the cotangent of each input, None for a boolean one."""
        allowed = (*self.dtype_objects.values(), *self.booleans)
        for x in inputs:
            if not self.is_array(x) or x.dtype not in allowed:
                raise self.wrong_input("value_and_grad", x)
        found: tuple[Any, tuple[Any, ...]] = self.gradient.value_and_grad(
            function, inputs, cotangent
        )
        return found


def _refusing(problem: str) -> _Function:
    """Returns a function that raises a `ParameterValueError`, whatever its inputs are."""

    def refuse(*_inputs: Any) -> Any:
        raise ParameterValueError(problem)

    return refuse
