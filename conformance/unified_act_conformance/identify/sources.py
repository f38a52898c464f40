"""Finds the function for a word on the command line: an activation or any callable."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import unified_act as ua
from unified_act.errors import suggest
from unified_act.literals import shown
from unified_act.loading import ALSO as ALSO_BACKENDS
from unified_act.loading import BUILTIN_BACKENDS, KERAS, computing_backend, load_backend
from unified_act.names import normalize
from unified_act.registry import ACTIVATIONS
from unified_act.request import settle
from unified_act_conformance.identify.probe import backend_of_callable

__all__ = ["Source", "load_callable", "source_of"]

DEFAULT_BACKEND = "numpy"


@dataclass(frozen=True)
class Source:
    """A function with a name and a framework.

    Attributes:
        text: How it was written.
        function: The function.
        backend: Its framework.
        note: How the text was understood, if it can be misread.
    """

    text: str
    function: Callable[..., Any]
    backend: str
    note: str = ""

    @property
    def kinks(self) -> tuple[ua.Kink, ...] | None:
        """Where the specification has kinks; None for what is none of ours."""
        if not isinstance(self.function, ua.ActivationFunction):
            return None
        return ACTIVATIONS.find(self.function.name).kinks(**self.function.parameters)


def source_of(text: str, backend: str | None = None) -> Source:
    """Returns the function that a text stands for.

    Args:
        text: ``"gelu"``, ``"elu(alpha=0.5)"``, a mapping as JSON, ``"gelu@torch"`` for a backend,
            ``"gelu@keras2"`` for what that framework means by the name, or
            ``"torch.nn.functional:gelu"``. A word that is both is written ``"gelu@backend:jax"`` or
            ``"gelu@dialect:jax"``.
        backend: The framework of a callable whose module does not tell it.

    Raises:
        unified_act.UnifiedActError: There is no such thing.
    """
    if text.lstrip().startswith("{"):
        return _ours(text, text, backend)
    if ":" in text.partition("(")[0].partition("@")[0]:
        function = load_callable(text)
        found = backend or backend_of_callable(function)
        if found is None:
            raise ua.UnknownBackendError(
                f"{text}: the module does not show its framework. Name it with --backend, one of "
                f"{', '.join(ua.list_backends())}."
            )
        return Source(text, function, load_backend(computing_backend(found)).name)
    name, at, place = text.rpartition("@")
    if not at:
        return _ours(text, text, backend)
    role, colon, word = place.partition(":")
    if not colon or role not in ("backend", "dialect"):
        built_in = normalize(place) in {*BUILTIN_BACKENDS, *ALSO_BACKENDS, KERAS.name}
        role, word = "backend" if built_in else "dialect", place
    if role == "backend":
        return _ours(text, name, word)
    source = _ours(text, name, backend, dialect=word)
    if normalize(place) not in map(normalize, ua.list_backends()):
        return source
    note = (
        f"{text} is what {place} means by the name, computed with {source.backend}. "
        f"To compute {name} with {place}, write {name}@backend:{place}."
    )
    return replace(source, note=note)


def _ours(text: str, name: str, backend: str | None, dialect: str | None = None) -> Source:
    described, own = settle(name, backend=backend, numerics="fast", dialect=dialect)
    function = ua.get_activation(
        described,
        backend=computing_backend(own["backend"] or DEFAULT_BACKEND),
        numerics=own["numerics"],
        dialect=own["dialect"],
    )
    return Source(text, function, str(function.backend))


def load_callable(path: str) -> Callable[..., Any]:
    """Returns what ``"module:attribute"`` names; a class is called, without arguments.

    Args:
        path: Where to find it; modules in the current folder are found too.

    Raises:
        unified_act.UnknownActivationError: There is no such module or attribute.
        unified_act.InputTypeError: It is no callable, or a class that needs arguments, or the
            module raises an error.
    """
    module_name, _, attribute = path.partition(":")
    module = _import(module_name)
    try:
        found = reduce(getattr, attribute.split("."), module)
    except AttributeError as error:
        raise ua.UnknownActivationError(
            f"{module_name} has no {shown(attribute)}. {suggest(attribute, _public(module))}"
        ) from error
    if isinstance(found, type):
        try:
            found = found()
        except TypeError as error:
            raise ua.InputTypeError(
                f"{path} is a class that cannot be instantiated without arguments: {error}. Put an "
                "instance into a module of your own and name that instance."
            ) from error
    if not callable(found):
        raise ua.InputTypeError(
            f"{path} is not callable, but {type(found).__name__}: name a function."
        )
    result: Callable[..., Any] = found
    return result


def _import(name: str) -> Any:
    root = name.partition(".")[0]
    if root in ua.list_backends():
        load_backend(root)  # MXNet can be imported only after that; and the errors are clear
    if not all(part.isidentifier() for part in name.split(".")):
        raise ua.UnknownActivationError(
            f"{shown(name)} is not the name of a module. Write module:attribute, as in "
            "torch.nn.functional:gelu."
        )
    sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except Exception as error:  # whatever a module of a user's raises
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            raise ua.UnknownActivationError(
                f"there is no module {shown(error.name)}. Write module:attribute, as in "
                "torch.nn.functional:gelu."
            ) from error
        raise ua.InputTypeError(f"the module {shown(name)} could not be imported.") from error
    finally:
        sys.path.remove("")


def _public(module: Any) -> list[str]:
    names: Mapping[str, Any] = vars(module)
    return [name for name in names if not name.startswith("_")]
