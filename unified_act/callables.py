"""`get_activation`, and the class of the functions that it returns."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from unified_act.activation import Activation
from unified_act.errors import (
    ParameterValueError,
    UnifiedActError,
    UnknownActivationError,
    UnsupportedError,
)
from unified_act.literals import shown
from unified_act.loading import (
    backend_of,
    chosen_backend,
    find_entry,
    load_backend,
    loaded_backends,
    register_with_keras,
)
from unified_act.registry import ACTIVATIONS
from unified_act.request import settle, understand

if TYPE_CHECKING:
    from unified_act.backend import Backend, Numerics

__all__ = ["ActivationFunction", "bind", "from_config", "get_activation"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


class ActivationFunction(functools.partial):  # type: ignore[type-arg]
    """An activation with fixed parameters, for one backend or for the backend of each input.

    Call it with an array of the framework. An elementwise activation returns an array of the same
    shape, dtype and device. Two of these functions are equal if name, backend, numerics and
    parameters are equal. They can be hashed, pickled and copied, but not changed.

    Attributes:
        name: The canonical name of the activation.
        backend: The name of the backend; None if each call chooses it by the type of its input.
        parameters: Every parameter with its value, read-only.
        numerics: ``"fast"`` or ``"strict"``.
        plugin: The name of the distribution that provides the activation; empty if `unified_act`
            or the program itself provides it.

    The class derives from `functools.partial` because this is the only kind of callable object
    that `torch.compile` and `torch.export` trace through, and that CPython calls without a frame.
    """

    __slots__ = ("__name__", "backend", "name", "numerics", "parameters", "plugin")

    name: str
    backend: str | None
    parameters: Mapping[str, Any]
    numerics: Numerics
    plugin: str

    def to_config(self) -> dict[str, Any]:
        """Returns the function as plain data for JSON or YAML, which `from_config` reads.

        The backend is included if it is fixed, numerics if it is ``"strict"``, and the plugin if
        one provides the activation.

        Examples:
            >>> import unified_act as ua
            >>> ua.get_activation("elu", backend="numpy").to_config()
            {'name': 'elu', 'backend': 'numpy', 'alpha': 1.0}
        """
        config: dict[str, Any] = {"name": self.name}
        if self.backend is not None:
            config["backend"] = self.backend
        if self.numerics != "fast":
            config["numerics"] = self.numerics
        if self.plugin:
            config["plugin"] = self.plugin
        for key, value in self.parameters.items():
            config[key] = list(value) if isinstance(value, tuple) else value
        return config

    def get_config(self) -> dict[str, Any]:
        """Returns what `to_config` does, for Keras when it saves a model.

        Keras then asks for the name under which it will find the class, if it has been told one.
        """
        register_with_keras()
        return self.to_config()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ActivationFunction:
        """Returns the function that `to_config` described, as `unified_act.from_config` does."""
        return from_config(config)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Returns how pydantic validates and serialises a field of this type."""
        import importlib

        core_schema = importlib.import_module("pydantic_core.core_schema")
        to_config = core_schema.plain_serializer_function_ser_schema(cls.to_config)
        return core_schema.no_info_plain_validator_function(_validated, serialization=to_config)

    @classmethod
    def __get_pydantic_json_schema__(cls, source: Any, handler: Any) -> Any:
        """Returns the JSON schema of a field of this type, for pydantic."""
        from unified_act.schema import json_schema

        schema = json_schema()
        del schema["$schema"]  # it is a part of another one
        return schema

    def __eq__(self, other: object) -> bool:
        # Compare the texts: they distinguish 0.0 from -0.0.
        return isinstance(other, ActivationFunction) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        arguments = [repr(self.name)]
        if self.backend is not None:
            arguments.append(f"backend={self.backend!r}")
        if self.numerics != "fast":
            arguments.append(f"numerics={self.numerics!r}")
        arguments += [f"{key}={value!r}" for key, value in self.parameters.items()]
        return f"get_activation({', '.join(arguments)})"

    def __reduce__(self) -> tuple[Any, ...]:
        what = (self.name, self.backend, self.numerics, dict(self.parameters), self.plugin)
        return (_rebuild, what)

    def __copy__(self) -> ActivationFunction:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ActivationFunction:
        return self

    def __prepare_scriptable__(self) -> NoReturn:
        """Raises: this is where ``torch.jit.script`` asks for what it is to compile."""
        raise UnsupportedError(
            f"torch.jit.script cannot compile {self!r}, whose code is made for its parameters. "
            "Trace it with torch.jit.trace(function, example), and script the model around the "
            "trace."
        )

    def __setattr__(self, attribute: str, value: Any) -> NoReturn:
        raise AttributeError(f"{self!r} is frozen; call get_activation for another one.")

    def __delattr__(self, attribute: str) -> NoReturn:
        raise AttributeError(f"{self!r} is frozen; call get_activation for another one.")


@overload
def get_activation(
    name: str | Mapping[str, Any] | None,
    *,
    backend: str | None = None,
    numerics: Numerics = "fast",
    dialect: str | None = None,
    **parameters: Any,
) -> ActivationFunction: ...


@overload  # without dialect: **parameters of one type could otherwise pass as a wrong dialect
def get_activation(
    name: str | Mapping[str, Any] | None,
    *,
    backend: str | None = None,
    numerics: Numerics = "fast",
    **parameters: Any,
) -> ActivationFunction: ...


@overload
def get_activation(
    name: _Function,
    *,
    backend: str | None = None,
    numerics: Numerics = "fast",
    dialect: str | None = None,
    **parameters: Any,
) -> _Function: ...


def get_activation(
    name: str | Mapping[str, Any] | Callable[..., Any] | None,
    *,
    backend: str | None = None,
    numerics: Numerics = "fast",
    dialect: str | None = None,
    **parameters: Any,
) -> Callable[..., Any]:
    """Returns an activation function with the same values and gradients on every backend.

    Args:
        name: The activation. A name may be written in any case, with or without ``_``, ``-`` and
            spaces. Parameters may be part of it, as in ``"elu(alpha=0.5)"`` or in a mapping
            ``{"name": "elu", "alpha": 0.5}``. So may backend, numerics and dialect; a keyword that
            contradicts them is an error. What only `get_layer` takes, such as channels, is left
            aside. It may be written as in a framework, and then means the same as there:
            ``"torch.nn.LeakyReLU(0.1)"``, the ``class_name`` and ``config`` of Keras, the ``type``
            of mmcv. None gives the identity. A callable is returned unchanged, so that a library
            can pass on whatever its user configures.
        backend: ``"torch"`` or another of `list_backends`, or a usual name of one, such as
            ``"pytorch"``, ``"tf"`` or ``"np"``. With ``"keras"`` it is the function of the
            framework that Keras runs on, and takes Keras's symbolic tensors too. By default it is
            the backend of `use_backend`, else of the environment variable ``UNIFIED_ACT_BACKEND``,
            else each call uses the framework of its input.
        numerics: With ``"fast"`` the framework's own kernel is used where it is accurate enough.
            Elsewhere, and with ``"strict"`` always, it is the shared definition, or in 16-bit
            types a table of its correctly rounded results. `describe` says what serves where.
        dialect: The framework whose name, parameters and defaults to use: one of `list_dialects`,
            or for an ONNX opset ``"onnx:11"``. `describe` shows how they differ from those of
            `unified_act`, which are used by default.
        **parameters: The parameters of the activation. A parameter that is not given has the
            default that `describe` shows, on every backend.

    Returns:
        An `ActivationFunction`, unless `name` is another callable. It takes a float16, bfloat16,
        float32 or float64 array. An elementwise activation takes any shape and returns an array of
        the same shape, dtype and device. Weights, a mask or noise are further arguments. With
        ``backend="numpy"`` the function takes an array ``out`` too, into which it writes.

    Raises:
        UnknownActivationError: No activation has this name.
        UnknownParameterError: The activation has no such parameter.
        ParameterValueError: The value of a parameter is out of range, a parameter without a
            default is missing, or a callable is given together with parameters or with a backend
            or numerics other than its own.
        UnknownBackendError, BackendNotInstalledError, BackendImportError: The backend does not
            exist, is not installed, or fails on import.
        UnknownDialectError: There is no such dialect.
        UnsupportedError: No activation of `unified_act` has the meaning of the name there.

    Examples:
        >>> import numpy as np
        >>> import unified_act as ua
        >>> leaky = ua.get_activation("LeakyReLU", negative_slope=0.2)
        >>> leaky(np.array([-1.0, 2.0]))
        array([-0.2,  2. ])
        >>> ua.get_activation("elu(alpha=0.5)", backend="numpy")
        get_activation('elu', backend='numpy', alpha=0.5)
        >>> ua.get_activation("gelu", dialect="jax")
        get_activation('gelu_tanh')
        >>> ua.get_activation("LeakyReLU", dialect="keras_layers")
        get_activation('leaky_relu', negative_slope=0.3)
    """
    if callable(name) and not isinstance(name, type):
        _check_numerics(numerics)
        return _as_it_is(name, backend, numerics, parameters)
    described, own = settle(name, backend=backend, numerics=numerics, dialect=dialect)
    _check_numerics(own["numerics"])
    asked = understand(described, own["dialect"], parameters)
    chosen = chosen_backend() if own["backend"] is None else own["backend"]
    return bind(asked.activation, chosen, own["numerics"], asked.bind())


def _check_numerics(given: Any) -> None:
    if not isinstance(given, str) or given not in ("fast", "strict"):
        raise ParameterValueError(f"numerics must be 'fast' or 'strict', got {shown(given)}.")


def _validated(given: Any) -> ActivationFunction:
    """Returns the function for a value that pydantic validates. It tells a ValueError as one."""
    if given is None:
        raise ValueError("an activation is expected, got None: write 'identity' for none.")
    try:
        found = get_activation(given)
    except UnifiedActError as error:
        raise ValueError(str(error)) from error
    if not isinstance(found, ActivationFunction):
        raise ValueError(f"a name, a mapping or a function of unified_act, got {shown(given)}.")
    return found


def _as_it_is(
    function: Callable[..., Any],
    backend: str | None,
    numerics: Numerics,
    parameters: Mapping[str, Any],
) -> Callable[..., Any]:
    """Returns `function`. Raises if the other arguments ask for something else."""
    if parameters:
        raise ParameterValueError(
            f"{', '.join(parameters)} given with the callable {shown(function)}, which is returned "
            "as it is: pass the name of an activation instead, or bind them with functools.partial."
        )
    if isinstance(function, ActivationFunction):
        other = backend is not None and function.backend not in (None, find_entry(backend).name)
        if other or (numerics == "strict" and function.numerics != "strict"):
            raise ParameterValueError(
                f"{function!r} is returned as it is, which is not what backend={backend!r} and "
                f"numerics={numerics!r} ask for: pass the name {function.name!r} instead."
            )
    return function


def from_config(config: Mapping[str, Any]) -> ActivationFunction:
    """Returns the activation function that `ActivationFunction.to_config` described.

    Args:
        config: A mapping with a ``"name"``, as `get_activation` takes it. It may also have
            ``"plugin"``, the distribution that provides the activation.

    Raises:
        UnknownActivationError: `config` is not a mapping, or has no name.
        UnifiedActError: Any error of `get_activation`.

    Examples:
        >>> import json
        >>> import unified_act as ua
        >>> text = json.dumps(ua.get_activation("elu", alpha=0.5).to_config())
        >>> text
        '{"name": "elu", "alpha": 0.5}'
        >>> ua.from_config(json.loads(text))
        get_activation('elu', alpha=0.5)
    """
    if not isinstance(config, Mapping):
        raise UnknownActivationError(
            f"a configuration is a mapping with a 'name', got {type(config).__name__}."
        )
    return get_activation(config)


def bind(
    activation: Activation,
    backend: str | None,
    numerics: Numerics,
    parameters: Mapping[str, float | int],
) -> ActivationFunction:
    """Returns the callable for `activation` with complete `parameters`."""
    if backend is None:
        implementation = _by_input_type(activation, numerics, parameters)
    else:
        loaded = load_backend(backend)
        implementation = _implementation(loaded, activation, parameters, numerics)
        backend = loaded.name
    _name(implementation, activation.name)
    function = ActivationFunction(implementation)
    for attribute, value in (
        ("name", activation.name),
        ("__name__", activation.name),  # Keras and others use it to name layers
        ("backend", backend),
        ("numerics", numerics),
        ("plugin", activation.plugin.partition(" ")[0]),
        ("parameters", MappingProxyType(dict(parameters))),
    ):
        object.__setattr__(function, attribute, value)
    return function


def _name(implementation: Callable[..., Any], name: str) -> None:
    """Names a closure after its activation, for Python's errors about wrong arguments."""
    if isinstance(implementation, FunctionType) and "<locals>" in implementation.__qualname__:
        implementation.__qualname__ = name


def _implementation(
    backend: Backend,
    activation: Activation,
    parameters: Mapping[str, float | int],
    numerics: Numerics,
) -> Callable[..., Any]:
    """Returns the backend's function for `activation`. Equal requests get the same object.

    Compilers then find the code that they have compiled before. torch.compile recompiles a block
    of a model for each different function in it, and gives up after eight.
    """
    items = tuple(parameters.items())
    # The text distinguishes 0.0 from -0.0. A method can be hashed even if its backend cannot.
    return _implemented(backend.implement, activation, items, repr(items), numerics)


@functools.lru_cache(maxsize=4096)
def _implemented(
    implement: Callable[..., Callable[..., Any]],
    activation: Activation,
    items: tuple[tuple[str, float | int], ...],
    text: str,
    numerics: Numerics,
) -> Callable[..., Any]:
    del text  # a part of the key only
    return implement(activation, dict(items), numerics)


def _by_input_type(
    activation: Activation, numerics: Numerics, parameters: Mapping[str, float | int]
) -> Callable[..., Any]:
    by_type: dict[type, Callable[..., Any]] = {}
    # Fill the table for all imported frameworks now: a tracing compiler cannot add a type later.
    for backend in loaded_backends():
        implementation = _implementation(backend, activation, parameters, numerics)
        by_type.update(dict.fromkeys(backend.types, implementation))

    def implementation_for(x: Any) -> Callable[..., Any]:
        implementation = _implementation(backend_of(x), activation, parameters, numerics)
        by_type[type(x)] = implementation
        return implementation

    def unary(x: Any) -> Any:
        try:
            implementation = by_type[type(x)]
        except KeyError:
            implementation = implementation_for(x)
        return implementation(x)

    def with_weights(x: Any, *weights: Any) -> Any:
        return (by_type.get(type(x)) or implementation_for(x))(x, *weights)

    return unary if len(activation.inputs) == 1 else with_weights


def _rebuild(
    name: str,
    backend: str | None,
    numerics: Numerics,
    parameters: Mapping[str, Any],
    plugin: str = "",
) -> ActivationFunction:
    activation = ACTIVATIONS.find(name, plugin)
    return bind(activation, backend, numerics, activation.bind(parameters))
