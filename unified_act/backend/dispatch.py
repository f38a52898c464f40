"""The base class of the backends, which turns an activation into a function.

`FrameworkBackend` chooses the implementation for each dtype, rejects wrong inputs and draws random
numbers. The backend of a framework derives from it. It adds the framework's array types, dtypes and
functions.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from unified_act.activation import Activation
from unified_act.backend.calls import with_keywords
from unified_act.backend.contract import (
    HOME,
    Devices,
    Native,
    Numerics,
    Reach,
    Tabled,
    beyond_dtype,
    check_further,
    input_error,
    kernel_for,
)
from unified_act.backend.randomness import seed_or_generator, with_generator
from unified_act.callables import bind
from unified_act.errors import InputTypeError, ParameterValueError, UnifiedActError
from unified_act.inputs import advice
from unified_act.loading import load_backend, roots_of
from unified_act.shapes import Shape, with_shape_check

__all__ = ["LEAST_NOISE", "FrameworkBackend", "Request", "Words"]

_Function = Callable[..., Any]
_UNKNOWN = ""
"""Stands for the kinds of devices about which nothing is known."""
LEAST_NOISE = 2.0**-25
"""Replaces a random number 0, whose logarithm is infinite. The next number is twice as large."""


class Words(NamedTuple):
    """Words and code for the error messages about a framework's arrays.

    Attributes:
        wanted: The input that a function takes, such as ``"a torch.Tensor"``.
        noun: ``"array"`` or ``"tensor"``.
        convert: The code that converts `x` to an array of the framework.
        cast: The code that casts an array of integers to floating-point numbers.
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
        kernel: The framework's kernel, if one is used.
        arguments: The keywords to call the kernel with.
        functions: The function that computes the activation for each dtype, by name; empty until
            they are made.
        fits: For each dtype what tells from the shape of an array whether its rows are short
            enough for the kernel; empty if the kernel serves rows of every length.
        at_home: The dtypes of the kernel that it serves on a CPU, and not on every other device.
        is_short: Tells of an array whether machine code is to compute it although the kernel
            serves it, see `Native.short`; None if it is never to.
    """

    activation: Activation
    parameters: Mapping[str, Any]
    numerics: Numerics = "fast"
    kernel: Native | None = None
    arguments: Mapping[str, Any] = MappingProxyType({})
    functions: Mapping[str, _Function] = MappingProxyType({})
    fits: Mapping[str, Callable[[Shape], bool]] = MappingProxyType({})
    at_home: Sequence[str] = ()
    is_short: Callable[[Any], bool] | None = None

    @property
    def inputs(self) -> Sequence[str]:
        """The names of the inputs."""
        return self.activation.inputs_for(self.parameters)


class FrameworkBackend:
    """The parts of a `Backend` that do not depend on the framework.

    A subclass sets the attributes, and overrides the methods that must differ for its framework.

    Attributes:
        name: The name that selects the backend.
        framework: The module in which the dotted paths of kernels are looked up.
        native: The framework's own kernels, by the canonical name of the activation.
        gradient: A module or an object with ``shared_definition(activation, parameters,
            otherwise=None)`` and ``value_and_grad(function, inputs, cotangent)``. The definition
            serves what machine code does not, or `otherwise` does.
        tables: A module or an object with ``by_table(activation, parameters, dtype, otherwise, *,
            in_memory=False)``, which returns the function that serves an elementwise activation by
            its table; `otherwise` serves what the table does not: with `in_memory` all but arrays
            in the memory of a CPU. None if the backend has no tables.
        tabled: Where tables serve.
        devices: On which kinds of devices the rows of `native` hold; None if all arrays are in the
            memory of a CPU.
        few: Arrays of fewer elements are computed by the framework's kernel even where machine code
            or a table outruns it.
        fused: The dtypes in which fused kernels compute the shared definition, if they can: 16-bit
            types in float32, unless a table serves them.
        types: The usual array types of the framework.
        dtype_objects: The framework's dtypes, by name.
        arrays: The types of arrays that have values. Types of symbols are not among them.
        usual: The array types for which no check but that of the dtype is needed. Subclasses of
            these types do not count.
        failures: The errors of the framework's functions for arrays that `unusual` explains.
        booleans: The dtypes that a mask may have.
        generators: The type of the framework's random generators.
        words: Words and code for the error messages about the framework's arrays.
        reads_subnormals: Whether the framework takes subnormal numbers as parameters.
    """

    name: str
    framework: Any
    native: Mapping[str, Native]
    gradient: Any
    tables: Any = None
    tabled: ClassVar[Tabled] = Tabled()
    devices: ClassVar[Devices | None] = None
    few: ClassVar[int] = 0
    fused: ClassVar[Sequence[str]] = ()
    types: Sequence[type]
    dtype_objects: ClassVar[Mapping[str, Any]]
    arrays: ClassVar[tuple[type, ...]]
    usual: ClassVar[tuple[type, ...]] = ()
    failures: ClassVar[tuple[type[Exception], ...]] = ()
    booleans: ClassVar[Sequence[Any]]
    generators: ClassVar[type]
    words: ClassVar[Words]
    reads_subnormals: ClassVar[bool] = True

    @property
    def dtypes(self) -> Sequence[str]:
        """The names of the dtypes that the framework supports."""
        return tuple(self.dtype_objects)

    def spellings(self, dtype: Any) -> Sequence[Any]:
        """Returns the objects that may be the `dtype` of an array, for one of `dtype_objects`."""
        return (dtype,)

    def dtype_text(self, x: Any) -> str:
        """Returns the dtype of an array as error messages write it."""
        return str(x.dtype)

    def accepts(self, array_type: type) -> bool:
        """Whether arrays of this type belong to the framework."""
        return issubclass(array_type, self.arrays)

    def is_array(self, x: Any) -> bool:
        """Whether `x` is an array of the framework that has values."""
        return isinstance(x, self.arrays)

    def is_noise(self, given: Any) -> bool:
        """Whether a second argument is an array of random numbers, not a seed or a generator."""
        return self.is_array(given)

    def dtypes_for(self, role: str, x: Any) -> Sequence[Any]:
        """Returns the dtypes that a ``"mask"``, a ``"weight"`` or ``"noise"`` for `x` may have."""
        if role == "mask":
            return self.booleans
        return (x.dtype,) if role == "weight" else (x.dtype, self.dtype_objects["float32"])

    def shape_of(self, x: Any) -> Shape | None:
        """Returns the shape of an array; unknown lengths, or the whole shape, may be None."""
        shape: Shape = x.shape
        return shape

    def at_most(self, length: int | None, longest: int) -> bool:
        """Whether a row is known to have no more elements than `longest`."""
        return length is not None and length <= longest

    def eager(self, function: _Function, shared: _Function) -> _Function:
        """Returns `function`; where a compiler traces it, `shared` if that is better."""
        del shared
        return function

    def fitted(self, function: _Function, request: Request) -> _Function:
        """Returns `function` with a check of shapes, adapted so that it takes all valid shapes."""
        return with_shape_check(
            function, request.activation, request.parameters, shape_of=self.shape_of
        )

    def shared(self, request: Request) -> Mapping[str, _Function]:
        """Returns the shared definition for each dtype, by the name of the dtype."""
        function = self.gradient.shared_definition(request.activation, request.parameters)
        return dict.fromkeys(self.dtypes, self.fitted(function, request))

    def own(self, request: Request, kernel: Native) -> _Function:
        """Returns the framework's kernel as a function of the inputs."""
        return self.fitted(with_keywords(kernel.find(self.framework), request.arguments), request)

    def short_way(self, request: Request, otherwise: _Function) -> _Function:
        """Returns a function that calls the kernel directly if it can, and else `otherwise`.

        Args:
            request: The requested activation.
            otherwise: The function that checks its inputs and handles all of them.
        """
        del request
        return otherwise

    def run(self, function: _Function, x: Any, *further: Any) -> Any:
        """Calls an implementation with arrays that have passed the checks."""
        return function(x, *further)

    def prepared(self, activation: Activation, x: Any, further: Sequence[Any]) -> Sequence[Any]:
        """Returns the inputs after `x`, cast if the framework casts automatically (autocast)."""
        del activation, x
        return further

    def symbolic(self, request: Request, x: Any, *further: Any) -> Any:
        """Returns the result for a symbolic input: a placeholder of an array in a graph.

        Raises:
            InputTypeError: The input is not a placeholder of this framework.
            UnsupportedError: The input is one of Keras, which runs on another framework.
        """
        if type(x).__name__ == "KerasTensor" and "keras" in roots_of(type(x)):
            keras: Any = load_backend("keras")
            function = bind(request.activation, self.name, request.numerics, request.parameters)
            return keras.symbolic(function, x, *further)
        raise self.wrong_input(request.activation.name, x)

    def wrong_input(self, name: str, x: Any) -> InputTypeError:
        """Returns the error for a wrong input.

        Args:
            name: The name of the function that was called.
            x: The input that it got.
        """
        words = self.words
        if not isinstance(x, self.arrays):
            return input_error(name, words.wanted, x, words.convert)
        return InputTypeError(
            f"{name}: expected a floating-point {words.noun}, got {self.dtype_text(x)}. "
            f"{self.cast_advice(x)}"
        )

    def cast_advice(self, x: Any) -> str:
        """Returns a sentence that says how to cast an array of the framework, without loss."""
        if "complex" in self.dtype_text(x):
            return advice(x, self.words.convert)
        return f"Cast it first, for example with {self.words.cast}."

    def unusual(self, x: Any) -> str:
        """Says why the framework's functions may fail on this array; empty if it is a usual one.

        Only asked when one of the errors in `failures` has occurred.
        """
        del x
        return ""

    def implement(
        self, activation: Activation, parameters: Mapping[str, float], numerics: Numerics
    ) -> _Function:
        """Returns the function that computes `activation`. `get_activation` wraps it."""
        if isinstance(parameters.get("axis"), tuple):
            return self._over_axes(Request(activation, parameters, numerics))
        request = Request(activation, parameters, numerics)
        functions = dict(self.shared(request))
        functions |= self._with_tables(request, functions)
        kernel = kernel_for(self.name, self.native, activation, numerics, parameters)
        if kernel is not None:
            arguments = kernel.arguments(parameters) or {}
            request = request._replace(kernel=kernel, arguments=arguments)
            if kernel.reach:
                request = request._replace(
                    fits=_row_tests(kernel, int(parameters["axis"]), self.at_most)
                )
            if kernel.short and not self.no_machine_code():
                request = request._replace(
                    is_short=self.test_of_short_rows(kernel, int(parameters["axis"]))
                )
            functions, kernel, at_home = self._chosen(request, kernel, functions)
            request = request._replace(kernel=kernel, at_home=at_home)
        for dtype in functions:
            problem = beyond_dtype(
                activation, parameters, dtype, reads_subnormals=self.reads_subnormals
            )
            if problem:
                functions[dtype] = _refusing(problem)
        request = request._replace(functions=functions)
        checked = self._checked(request)
        if activation.noise and len(request.inputs) > 1:
            return with_generator(activation.name, checked, self.uniform_like, self.is_noise)
        return self.short_way(request, checked)

    def _chosen(
        self, request: Request, kernel: Native, ours: Mapping[str, _Function]
    ) -> tuple[dict[str, _Function], Native | None, Sequence[str]]:
        """Chooses among the kernel and our own functions, for each dtype and kind of device.

        Args:
            request: The requested activation.
            kernel: The framework's kernel.
            ours: What serves where the kernel does not, by the name of the dtype.

        Returns:
            The function for each dtype; the kernel with the dtypes that it serves on a CPU, None
            if there are none; and those of them that it does not serve everywhere.
        """
        devices = self.devices
        admitted: dict[str, Sequence[str]] = {HOME: kernel.dtypes}
        if devices is not None and self.has_devices():
            kinds = (*devices.known(kernel), _UNKNOWN)
            admitted |= {kind: devices.admitted(kernel, kind) for kind in kinds}
        own = self._with_kernel(
            request,
            replace(kernel, dtypes=tuple(dict.fromkeys(itertools.chain(*admitted.values())))),
            ours,
        )
        outrun = self.outrun(kernel)
        chosen, here = dict(ours), []
        for dtype, function in own.items():
            by_kind = {
                kind: function if dtype in dtypes else ours[dtype]
                for kind, dtypes in admitted.items()
            }
            if dtype in outrun:
                by_kind[HOME] = self._outrunning(request, dtype, function)
            elsewhere = {each for kind, each in by_kind.items() if kind != HOME}
            # What outruns a kernel leaves other devices to it.
            if not elsewhere or elsewhere == {function if dtype in outrun else by_kind[HOME]}:
                chosen[dtype] = by_kind[HOME]
            else:
                here.append(dtype)
                chosen[dtype] = _by_device(self.device_of, by_kind)
        served = tuple(dtype for dtype in kernel.dtypes if dtype not in outrun)
        at_home = tuple(dtype for dtype in served if dtype in here)
        return chosen, replace(kernel, dtypes=served) if served else None, at_home

    def test_of_short_rows(self, kernel: Native, axis: int) -> Callable[[Any], bool] | None:
        """Returns a function that tells whether an array has short rows, see `Request`."""
        del kernel, axis
        return None

    def has_devices(self) -> bool:
        """Whether there may be arrays elsewhere than in the memory of a CPU."""
        return self.devices is not None

    def device_of(self, x: Any) -> str:
        """Returns the kind of device that an array is on."""
        del x
        return HOME

    def _over_axes(self, request: Request) -> _Function:
        """Returns a function that makes one axis of several, and computes along that."""
        activation, axes = request.activation, request.parameters["axis"]
        along_last = self.implement(
            activation, {**request.parameters, "axis": -1}, request.numerics
        )
        merged, parted = self.merged, self.parted

        def by_rows(x: Any, *further: Any) -> Any:
            return parted(along_last(*[merged(a, x, axes) for a in (x, *further)]), x, axes)

        checked = with_shape_check(by_rows, activation, request.parameters, shape_of=self.shape_of)

        def call(x: Any, *further: Any) -> Any:
            if not self.is_array(x):
                return self.symbolic(request, x, *further)
            if len(request.inputs) > 1:
                check_further(activation, x, further, lambda role, one: self._fits(role, one, x))
            try:
                return checked(x, *further)
            except self.failures as error:
                raise self._explained(error, activation.name, x) from error

        return call

    def merged(self, array: Any, x: Any, axes: Sequence[int]) -> Any:
        """Returns an array, broadcast to `x`, with several of its axes as one, the last.

        Args:
            array: The input `x`, or another that broadcasts to it.
            x: The input.
            axes: The axes of `x`, from either end, in any order.
        """
        raise NotImplementedError

    def parted(self, rows: Any, x: Any, axes: Sequence[int]) -> Any:
        """Returns an array in the shape of `x`, of what `merged` made of one: its inverse."""
        raise NotImplementedError

    def _with_tables(
        self, request: Request, shared: Mapping[str, _Function]
    ) -> Mapping[str, _Function]:
        """Returns the functions of the dtypes that a table serves."""
        activation, parameters = request.activation, request.parameters
        return {
            dtype: self.tables.by_table(activation, parameters, dtype, shared[dtype])
            for dtype in self.tabled.serving(activation, request.numerics)
            if dtype in shared
        }

    def _with_kernel(
        self, request: Request, kernel: Native, shared: Mapping[str, _Function]
    ) -> Mapping[str, _Function]:
        """Returns the functions of the dtypes that the kernel serves."""
        own, shape_of = self.own(request, kernel), self.shape_of
        if request.activation.weights:  # kernels take vectors
            return {dtype: self._for_vectors(own, shared[dtype]) for dtype in kernel.dtypes}
        if not request.fits:
            return dict.fromkeys(kernel.dtypes, own)
        if request.is_short is not None:
            own = self._with_short_rows(request, own, request.is_short)

        def by_length(fits: Callable[[Shape], bool], long: _Function) -> _Function:
            def call(x: Any) -> Any:
                shape = shape_of(x)
                return own(x) if shape is not None and fits(shape) else long(x)

            return call

        long = dict(shared)
        if kernel.beyond:
            beyond = self._machine_code(
                request, self.own(request, replace(kernel, function=kernel.beyond))
            )
            long |= {dtype: self.eager(beyond, shared[dtype]) for dtype in kernel.dtypes}
        return {dtype: by_length(request.fits[dtype], long[dtype]) for dtype in kernel.dtypes}

    def _with_short_rows(
        self, request: Request, kernel: _Function, is_short: Callable[[Any], bool]
    ) -> _Function:
        """Returns the kernel, with machine code for the short rows of large arrays."""
        machine_code = self._machine_code(request, kernel)
        return lambda x: machine_code(x) if is_short(x) else kernel(x)

    def _machine_code(self, request: Request, otherwise: _Function) -> _Function:
        """Returns machine code, with a function for what it does not serve."""
        ours = self.gradient.shared_definition(request.activation, request.parameters, otherwise)
        return self.fitted(ours, request)

    def _for_vectors(self, kernel: _Function, shared: _Function) -> _Function:
        """Returns a kernel, with the shared definition for weights of several dimensions."""
        shape_of = self.shape_of

        def call(x: Any, *weights: Any) -> Any:
            for weight in weights:
                shape = shape_of(weight)
                if shape is None or len(shape) > 1:
                    return shared(x, *weights)
            return kernel(x, *weights)

        return call

    def no_machine_code(self) -> str:
        """Says why no machine code can be made here; empty if it can."""
        return "the backend uses none"

    def outrun(self, kernel: Native) -> Sequence[str]:
        """Returns the dtypes in which machine code takes the place of the framework's kernel."""
        if not kernel.outrun or self.no_machine_code():
            return ()
        return [dtype for dtype in kernel.dtypes if dtype in kernel.outrun]

    def _outrunning(self, request: Request, dtype: str, kernel: _Function) -> _Function:
        """Returns machine code, which is quicker, with the kernel for what it does not serve."""
        activation, parameters = request.activation, request.parameters
        if activation.kind.elementwise and dtype in self.tabled.dtypes:
            function = self.tables.by_table(activation, parameters, dtype, kernel, in_memory=True)
        else:
            function = self.gradient.shared_definition(activation, parameters, kernel)
        return self.fitted(function, request)

    def _checked(self, request: Request) -> _Function:
        """Returns a function that looks up the implementation by dtype and rejects wrong inputs."""
        activation, usual, failures = request.activation, self.usual, self.failures
        by_dtype = {
            spelling: request.functions[name]
            for name, dtype in self.dtype_objects.items()
            for spelling in self.spellings(dtype)
        }
        several = len(request.inputs) > 1
        are_alike = _test_of_further(activation, usual)

        def other(x: Any, *further: Any) -> Any:
            if type(x) not in usual and not self.is_array(x):
                return self.symbolic(request, x, *further)
            if x.dtype not in by_dtype:
                raise self.wrong_input(activation.name, x)
            if several and not are_alike(x, further):
                further = tuple(self.prepared(activation, x, further))
                check_further(activation, x, further, lambda role, one: self._fits(role, one, x))
            try:
                return self.run(by_dtype[x.dtype], x, *further)
            except failures as error:
                raise self._explained(error, activation.name, x) from error

        def unary(x: Any) -> Any:
            if type(x) in usual:
                function = by_dtype.get(x.dtype)
                if function is not None:
                    try:
                        return function(x)
                    except failures as error:
                        raise self._explained(error, activation.name, x) from error
            return other(x)

        return other if several else unary

    def _fits(self, role: str, array: Any, x: Any) -> bool:
        return self.is_array(array) and array.dtype in self.dtypes_for(role, x)

    def _explained(self, error: Exception, name: str, x: Any) -> Exception:
        """Returns the error about an unusual array, or `error` itself for a usual one."""
        problem = "" if isinstance(error, UnifiedActError) else self.unusual(x)
        return InputTypeError(f"{name}: {problem}") if problem else error

    def uniform_like(self, x: Any, generator: Any) -> Any:
        """Returns random numbers between 0 and 1, both excluded, in the shape of `x`.

        They are float64 if `x` is, and else float32.

        Args:
            x: An array.
            generator: A seed, or a random generator of the framework.
        """
        source = seed_or_generator(generator, self.generators)
        wide = self.dtype_objects["float64"]
        return self.draw(x, source, wide if x.dtype == wide else self.dtype_objects["float32"])

    def draw(self, x: Any, source: Any, dtype: Any) -> Any:
        """Returns numbers between `LEAST_NOISE` and 1 in the shape of `x`.

        Args:
            x: An array.
            source: A seed, which is a Python integer, or a random generator.
            dtype: The dtype of the numbers.
        """
        raise NotImplementedError

    def value_and_grad(
        self, function: _Function, inputs: Sequence[Any], cotangent: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Returns the value and the cotangent of each input, None for a boolean input."""
        allowed = (*self.dtype_objects.values(), *self.booleans)
        for x in inputs:
            if not self.is_array(x) or x.dtype not in allowed:
                raise self.wrong_input("value_and_grad", x)
        found: tuple[Any, tuple[Any, ...]] = self.gradient.value_and_grad(
            function, inputs, cotangent
        )
        return found


def _row_tests(
    kernel: Native, axis: int, at_most: Callable[[int | None, int], bool]
) -> Mapping[str, Callable[[Shape], bool]]:
    """Returns for each dtype what tells whether a kernel serves rows of arrays with a shape."""

    def test_of(reach: Reach) -> Callable[[Shape], bool]:
        rows, columns = reach

        def fits(shape: Shape) -> bool:
            rank = len(shape)
            if not -rank <= axis < rank:  # one element, or an error of the kernel's check
                return True
            return at_most(shape[axis], rows if axis in (-1, rank - 1) else columns)

        return fits

    tests = {reach: test_of(reach) for reach in set(kernel.reach.values())}
    return {dtype: tests[reach] for dtype, reach in kernel.reach.items()}


def _test_of_further(
    activation: Activation, usual: Sequence[type]
) -> Callable[[Any, Sequence[Any]], bool]:
    """Returns a function that tells whether the inputs after `x` need no other check."""
    number = len(activation.inputs) - 1
    # Found out now: what finds it out once takes a lock, which Dynamo cannot follow.
    _, masks = activation.weights, activation.masks

    def are_alike(x: Any, further: Sequence[Any]) -> bool:
        if masks or len(further) != number:
            return False
        dtype = x.dtype
        for one in further:  # noqa: SIM110  # it costs half of what all() does
            if type(one) not in usual or one.dtype != dtype:
                return False
        return True

    return are_alike


def _by_device(device_of: Callable[[Any], str], by_kind: Mapping[str, _Function]) -> _Function:
    """Returns a function that calls the one for the kind of device that its input is on."""
    at_home, unknown = by_kind[HOME], by_kind[_UNKNOWN]
    known = {kind: function for kind, function in by_kind.items() if kind != _UNKNOWN}

    def call(x: Any, *further: Any) -> Any:
        device = device_of(x)
        if device == HOME:
            return at_home(x, *further)
        return known.get(device, unknown)(x, *further)

    return call


def _refusing(problem: str) -> _Function:
    """Returns a function that raises a `ParameterValueError`, whatever its inputs are."""

    def refuse(*_inputs: Any) -> Any:
        raise ParameterValueError(problem)

    return refuse
