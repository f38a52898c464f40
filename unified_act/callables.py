"""The callables that `get_activation` hands out."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from unified_act.activation import Activation
from unified_act.loading import backend_of, imported_backends, load_backend
from unified_act.registry import ACTIVATIONS

if TYPE_CHECKING:
    from unified_act.backend import Backend, Numerics

__all__ = ["ActivationFunction", "bind"]


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
        from unified_act.api import from_config

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
