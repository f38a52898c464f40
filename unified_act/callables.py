"""`get_activation`, and the callables that it hands out."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from unified_act.activation import Activation
from unified_act.errors import ParameterValueError, UnknownActivationError
from unified_act.loading import (
    backend_of,
    chosen_backend,
    find_entry,
    imported_backends,
    load_backend,
)
from unified_act.parsing import parse
from unified_act.registry import ACTIVATIONS

if TYPE_CHECKING:
    from unified_act.backend import Backend, Numerics

__all__ = ["ActivationFunction", "bind", "from_config", "get_activation"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


class ActivationFunction(functools.partial):  # type: ignore[type-arg]
    """An activation bound to its parameters and, unless the input decides, to a backend.

    Call it with an array of the backend's framework; the result has the same shape, dtype and
    device. Compares, hashes, pickles and copies by what it is. Frozen.

    Attributes:
        name: Canonical name of the activation.
        backend: Name of the backend; None: each call chooses by the type of its input.
        parameters: Every parameter with its value, read-only.
        numerics: ``"fast"`` or ``"strict"``.
        plugin: The name of the distribution that brings the activation; empty for our own.

    It is a `functools.partial` because that is the one kind of callable object that
    `torch.compile` and `torch.export` trace through, and that CPython calls without a frame.
    """

    __slots__ = ("__name__", "backend", "name", "numerics", "parameters", "plugin")

    name: str
    backend: str | None
    parameters: Mapping[str, float | int]
    numerics: Numerics
    plugin: str

    def to_config(self) -> dict[str, Any]:
        """Returns what it is as plain data for JSON or YAML; `from_config` reads it.

        Backend, numerics and plugin are in it only where there is something to say.

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
        return {**config, **self.parameters}

    get_config = to_config
    """What Keras asks for when it saves a model."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ActivationFunction:
        """Returns what `to_config` wrote down: `unified_act.from_config`."""
        return from_config(config)

    def __eq__(self, other: object) -> bool:
        # By what is written, which tells 0.0 from -0.0.
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

    def __setattr__(self, attribute: str, value: Any) -> NoReturn:
        raise AttributeError(f"{self!r} is frozen; call get_activation for another one.")

    def __delattr__(self, attribute: str) -> NoReturn:
        raise AttributeError(f"{self!r} is frozen.")


@overload
def get_activation(
    name: str | Mapping[str, Any] | None,
    *,
    backend: str | None = None,
    numerics: Numerics = "fast",
    dialect: str | None = None,
    **parameters: Any,
) -> ActivationFunction: ...


@overload  # for **parameters of one type, which could be a dialect of a wrong one
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
    """Returns an activation function that means the same on every backend.

    Args:
        name: The activation: a name in any case, with or without ``_``, ``-`` and spaces; with
            parameters as in ``"elu(alpha=0.5)"``; or a mapping ``{"name": "elu", "alpha": 0.5}``.
            None is the identity, and a callable is returned as it is, so that what a user
            configures can be passed on unseen.
        backend: ``"numpy"``, ``"torch"``, ``"tensorflow"`` or ``"mxnet"``. Default: what
            `use_backend` says, else the environment variable ``UNIFIED_ACT_BACKEND``, else the
            framework of each input.
        numerics: ``"fast"``: the framework's own kernel where it is accurate enough, else the
            shared definition. ``"strict"``: always the shared definition.
        dialect: Whose name and parameters these are: one of `list_dialects`, ``"onnx:11"`` for
            an opset. They mean what they mean there, with the defaults there; `describe` says
            what differs. Default: our own.
        **parameters: The activation's parameters; those not given have the default that
            `describe` shows, on every backend.

    Returns:
        A callable. It takes a float16, bfloat16, float32 or float64 array of any shape and
        returns one of the same shape, dtype and device; a learned activation takes its weights
        as further arguments. An `ActivationFunction`, unless `name` is another callable.

    Raises:
        UnknownActivationError: No activation has that name.
        UnknownParameterError: The activation has no such parameter.
        ParameterValueError: A parameter's value is out of range, or a callable is given with
            parameters, or with another backend or numerics than its own.
        UnknownBackendError, BackendNotInstalledError, BackendImportError: About the backend.
        UnknownDialectError: There is no such dialect.
        UnsupportedError: What the name means in the dialect cannot be expressed.

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
    if numerics not in ("fast", "strict"):
        raise ParameterValueError(f"numerics must be 'fast' or 'strict', got {numerics!r}.")
    if callable(name) and not isinstance(name, type):
        return _as_it_is(name, backend, numerics, parameters)
    if name is None:
        name, dialect = "identity", None
    plain_name, configured = parse(name)  # type: ignore[arg-type]  # a type is refused there
    repeated = configured.keys() & parameters.keys()
    if repeated:
        raise ParameterValueError(f"given twice: {', '.join(sorted(repeated))}.")
    plugin = configured.pop("plugin", "")
    given = configured | parameters
    if dialect is None:
        activation = ACTIVATIONS.find(plain_name, plugin)
        bound = activation.bind(given)
    else:
        from unified_act.dialects import resolve  # a fifth of the time of `import unified_act`

        meaning = resolve(plain_name, given, dialect)
        activation = ACTIVATIONS.find(meaning.canonical)
        bound = meaning.bind(activation)
    chosen = chosen_backend() if backend is None else backend
    return bind(activation, chosen, numerics, bound)


def _as_it_is(
    function: Callable[..., Any],
    backend: str | None,
    numerics: Numerics,
    parameters: Mapping[str, Any],
) -> Callable[..., Any]:
    """Returns `function`, unless something else was asked of it that it would not be."""
    if parameters:
        raise ParameterValueError(
            f"{', '.join(parameters)} given with the callable {function!r}, which is returned as "
            "it is: give its name instead, or bind them with functools.partial."
        )
    if isinstance(function, ActivationFunction):
        other = backend is not None and function.backend not in (None, find_entry(backend).name)
        if other or (numerics == "strict" and function.numerics != "strict"):
            raise ParameterValueError(
                f"{function!r} is returned as it is, which is not what backend={backend!r} and "
                f"numerics={numerics!r} ask for: give its name instead."
            )
    return function


def from_config(config: Mapping[str, Any]) -> ActivationFunction:
    """Returns the activation function that `ActivationFunction.to_config` wrote down.

    Args:
        config: A mapping with a ``"name"`` and, each where wanted, ``"backend"``,
            ``"numerics"``, ``"dialect"`` and parameters: what `get_activation` takes, as data; and
            ``"plugin"``, the distribution that brings the activation.

    Raises:
        UnknownActivationError: It is no mapping, or has no name.
        UnifiedActError: Whatever `get_activation` raises.

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
    own = ("backend", "numerics", "dialect")
    options = {key: value for key, value in config.items() if key in own}
    what = {key: value for key, value in config.items() if key not in own}
    return get_activation(what, **options)


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
        ("__name__", activation.name),  # Keras and others name things after it
        ("backend", backend),
        ("numerics", numerics),
        ("plugin", activation.plugin.partition(" ")[0]),
        ("parameters", MappingProxyType(dict(parameters))),
    ):
        object.__setattr__(function, attribute, value)
    return function


def _name(implementation: Callable[..., Any], name: str) -> None:
    """Gives a closure the name that Python says where it is called with wrong arguments."""
    if isinstance(implementation, FunctionType) and "<locals>" in implementation.__qualname__:
        implementation.__qualname__ = name


def _implementation(
    backend: Backend,
    activation: Activation,
    parameters: Mapping[str, float | int],
    numerics: Numerics,
) -> Callable[..., Any]:
    """Returns what a backend computes `activation` with; what is equal is one object.

    So compilers find what they have compiled before: torch.compile, which compiles a block of a
    model once for all its copies, gives up after eight different functions in it.
    """
    items = tuple(parameters.items())
    # The text tells 0.0 from -0.0. A method has a hash where its backend has none.
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
    # Filled now for what is imported: a tracing compiler then finds its type in the table.
    for name in imported_backends():
        backend = load_backend(name)
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
