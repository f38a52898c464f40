"""Registers activations, from a program itself or from the module that a plugin announces."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import reduce
from typing import Any, TypeVar

from unified_act.activation import Activation, Parameter
from unified_act.errors import InvalidActivationError, NameConflictError, PluginError
from unified_act.literals import shown
from unified_act.names import normalize
from unified_act.registry import plugins
from unified_act.registry.plugins import Announcement
from unified_act.registry.registry import ACTIVATIONS

__all__ = ["load_plugin", "register_activation"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_TAKEN = ("backend", "dialect", "name", "numerics", "plugin")
"""The keywords of `get_activation` and of configurations, which no parameter may have."""


def register_activation(
    name: str,
    *,
    parameters: Mapping[str, float | int] | Sequence[Parameter] = (),
    derivative: Callable[..., Any] | None = None,
    aliases: Iterable[str] = (),
    **facts: Any,
) -> Callable[[_Function], _Function]:
    """Registers the decorated function as an activation, for every backend at once.

    The function is first tried out on plain Python numbers. It may use only what every framework
    offers, and its derivatives and kinks must belong to it. At tiny and huge numbers it must come
    to a number where there is one. An `AccuracyWarning` says where it loses digits.

    First and second derivatives that are not given are derived from the function. NumPy then
    differentiates it too, and all backends have tables and kernels for it.

    Args:
        name: The canonical name.
        parameters: Defaults by name, or `Parameter` objects with a range and a text.
        derivative: ``derivative(xp, x, **parameters)``, which returns f′(x). By default it is
            derived.
        aliases: Other names. The aliases of a plugin are known only after it is loaded.
        **facts: Further fields of `Activation`, such as kinks, limits, formula, summary, source,
            oracle, overrides and kind. `Activation` describes them, and the arguments of the
            functions for every kind.

    Returns:
        A decorator that registers a function ``forward(xp, x, *, <parameters>)`` and returns it
        unchanged. `xp` is the framework's `Namespace`.

    Raises:
        NameConflictError: A name is taken already, or cannot be used as a name.
        InvalidActivationError: The parameters of the function differ from the declared ones, its
            kind needs other parameters, it cannot run on every framework, or a derivative does not
            belong to it. This error is a `TypeError` too.

    Examples:
        >>> import numpy as np
        >>> import unified_act as ua
        >>> @ua.register_activation("bent_identity", parameters={"a": 1.0})
        ... def bent_identity(xp, x, *, a):
        ...     return (xp.hypot(x, a) - a) / 2 + x
        >>> bent_identity = ua.get_activation("bent_identity", backend="numpy", a=2.0)
        >>> ua.value_and_grad(bent_identity, np.array([0.0, 1.5]))
        (array([0.  , 1.75]), array([1. , 1.3]))
    """
    if not isinstance(name, str):
        raise InvalidActivationError(
            "register_activation takes a name first, as in @register_activation('own'); got "
            f"{shown(name)}."
        )
    aliases, parameters = _aliases(name, aliases), _parameters(name, parameters)
    taken = sorted({parameter.name for parameter in parameters}.intersection(_TAKEN))
    if taken:
        raise NameConflictError(
            f"activation {shown(name)}: {', '.join(taken)} cannot be the name of a parameter, "
            "because get_activation has an argument of this name. Choose another name."
        )

    def register(forward: _Function) -> _Function:
        from unified_act.expression import completed
        from unified_act.registry.validation import validate

        if not callable(forward):
            raise InvalidActivationError(
                f"activation {shown(name)}: {shown(forward)} is not a function."
            )
        loading = _loading.get()
        try:
            activation = Activation(
                name=name,
                forward=forward,
                derivative=derivative,
                parameters=parameters,
                aliases=aliases,
                plugin=loading.announcement.origin if loading else "",
                **facts,
            )
        except TypeError as error:
            raise InvalidActivationError(f"activation {shown(name)}: {error}") from error
        validate(activation)
        activation = completed(activation)
        if loading is None:
            _refuse_names_of_others(activation, getattr(forward, "__module__", None) or "")
            ACTIVATIONS.add(activation)
        else:
            loading.found.append(activation)
        return forward

    return register


def _refuse_names_of_others(activation: Activation, module: str) -> None:
    """Raises if a plugin announces a name, unless the plugin's own module registers it."""
    root = module.partition(".")[0]
    for _, announcement in _announced_as(activation):
        if announcement.module.partition(".")[0] != root:
            raise NameConflictError(
                f"cannot register {activation.name!r}: {announcement.origin} announces "
                f"{announcement.name!r}. Choose another name."
            )


def _announced_as(activation: Activation) -> Iterator[tuple[str, Announcement]]:
    """Yields the announcements of the names of an activation, each with its name."""
    announced = plugins.announced(plugins.ACTIVATIONS)
    for name in (activation.name, *activation.aliases):
        for announcement in announced.get(normalize(name), ()):
            yield name, announcement


class _Loading:
    """A module of a plugin, while it is imported.

    Attributes:
        announcement: The announcement of the module.
        found: The activations that the module has registered so far.
    """

    def __init__(self, announcement: Announcement) -> None:
        self.announcement = announcement
        self.found: list[Activation] = []


_loading: ContextVar[_Loading | None] = ContextVar("unified_act_loading", default=None)
# The modules that any thread is importing, until one thread has registered their activations.
_pending: dict[str, _Loading] = {}
_failed: dict[str, Exception | SystemExit] = {}
_lock = threading.Lock()  # never held during an import, which takes other locks


def load_plugin(announcement: Announcement) -> None:
    """Imports the module that a plugin announces and registers its activations, once.

    The activations are registered only after the whole import has succeeded. If it fails, none of
    them is registered, and the import is not tried again.

    Raises:
        PluginError: The module cannot be imported, registers something that is not an activation,
            or does not register the announced activation.
    """
    module = announcement.module
    if module not in _failed:
        try:
            _import_and_register(announcement)
        except (Exception, SystemExit) as error:  # importing a plugin may raise anything
            _failed[module] = error
    if module in _failed:
        cause = _failed[module]
        raise _plugin_error(announcement, f"{type(cause).__name__}: {cause}") from cause
    if announcement.attribute:
        try:
            reduce(getattr, announcement.attribute.split("."), sys.modules[module])
        except AttributeError as error:
            raise _plugin_error(announcement, str(error)) from error
    if announcement.name not in [activation.name for activation in ACTIVATIONS]:
        raise _plugin_error(
            announcement,
            f"{module} registers no activation of that name. Register it, or give the entry point "
            "the name of the registered activation",
        )


def _import_and_register(announcement: Announcement) -> None:
    module, outer = announcement.module, _loading.get()
    if outer is not None and outer.announcement.module == module:
        raise RuntimeError("it asks for its own activation while it is being imported")
    with _lock:
        loading = _pending.setdefault(module, _Loading(announcement))
    with _as_plugin(loading):
        importlib.import_module(module)
    with _lock:
        if _pending.get(module) is loading:  # no other thread has done it already
            del _pending[module]
            _refuse_names_of_other_plugins(loading)
            ACTIVATIONS.add(*loading.found)


@contextmanager
def _as_plugin(loading: _Loading) -> Iterator[None]:
    token = _loading.set(loading)
    try:
        yield
    finally:
        _loading.reset(token)


def _refuse_names_of_other_plugins(loading: _Loading) -> None:
    for activation in loading.found:
        for name, other in _announced_as(activation):
            if other.distribution != loading.announcement.distribution:
                raise NameConflictError(
                    f"{name!r} is provided by {activation.plugin} and {other.origin}: "
                    "uninstall one of them."
                )


def _plugin_error(announcement: Announcement, problem: str) -> PluginError:
    return PluginError(
        f"the activation {announcement.name!r} of {announcement.origin} could not be loaded from "
        f"{announcement.module}: {problem.rstrip('.')}."
    )


def _aliases(name: str, given: Any) -> tuple[str, ...]:
    """Returns the aliases of an activation. Raises unless they are names."""
    several = isinstance(given, Iterable) and not isinstance(given, str)
    listed = tuple(given) if several else (None,)
    if not all(isinstance(one, str) for one in listed):
        raise InvalidActivationError(
            f"activation {shown(name)}: aliases are a list of names, got {shown(given)}."
        )
    return listed


def _parameters(name: str, given: Any) -> tuple[Parameter, ...]:
    """Returns the parameters of an activation. Raises unless they are such."""
    if isinstance(given, Mapping):
        given = [Parameter(key, default) for key, default in given.items()]
    listed = tuple(given) if isinstance(given, Iterable) else (given,)
    for one in listed:
        if not isinstance(one, Parameter) or not isinstance(one.name, str):
            raise InvalidActivationError(
                f"activation {shown(name)}: parameters are a mapping from names to defaults, or a "
                f"list of Parameter, got {shown(given)}."
            )
    return listed
