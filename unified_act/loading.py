"""Finding and loading backends: the one table of built-ins, and what follows from it."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from unified_act.errors import (
    BackendImportError,
    BackendNotInstalledError,
    InputTypeError,
    UnknownBackendError,
    suggest,
)
from unified_act.registry import normalize

if TYPE_CHECKING:
    from unified_act.backend import Backend

__all__ = [
    "BUILTIN_BACKENDS",
    "BackendEntry",
    "backend_of",
    "chosen_backend",
    "imported_backends",
    "list_backends",
    "load_backend",
    "use_backend",
]

ENVIRONMENT_VARIABLE = "UNIFIED_ACT_BACKEND"


@dataclass(frozen=True)
class BackendEntry:
    """Where a backend is found, without importing anything.

    Attributes:
        name: The name that selects it.
        package: The import package that holds it, with an attribute ``backend``.
        framework: The framework's top-level module, in which its array types are defined.
        install: The command that installs what it needs.
    """

    name: str
    package: str
    framework: str
    install: str


def _entry(name: str) -> BackendEntry:
    return BackendEntry(name, f"unified_act_{name}", name, f"pip install 'unified-act[{name}]'")


BUILTIN_BACKENDS = {name: _entry(name) for name in ("mxnet", "numpy", "tensorflow", "torch")}

_loaded: dict[str, Backend] = {}
_lock = threading.RLock()
_selected: ContextVar[str | None] = ContextVar("unified_act_backend", default=None)


def find_entry(name: str) -> BackendEntry:
    """Returns the entry of the backend called `name`, whatever its case.

    Raises:
        UnknownBackendError: There is none.
    """
    for entry in BUILTIN_BACKENDS.values():
        if normalize(entry.name) == normalize(name):
            return entry
    raise UnknownBackendError(f"unknown backend {name!r}. {suggest(name, BUILTIN_BACKENDS)}")


def load_backend(name: str) -> Backend:
    """Returns the backend called `name`, importing its framework on the first use.

    Raises:
        UnknownBackendError: There is no such backend.
        BackendNotInstalledError: Its framework is not installed.
        BackendImportError: The framework is installed, but raised on import.
    """
    entry = find_entry(name)
    backend = _loaded.get(entry.name)
    if backend is None:
        with _lock:
            backend = _loaded.get(entry.name) or _import_backend(entry)
            _loaded[entry.name] = backend
    return backend


def _import_backend(entry: BackendEntry) -> Backend:
    try:
        return cast("Backend", importlib.import_module(entry.package).backend)
    except ModuleNotFoundError as error:
        if error.name == entry.framework:
            raise BackendNotInstalledError(
                f"the backend {entry.name!r} needs {entry.framework}, which is not installed. "
                f"Install it with: {entry.install}"
            ) from error
        raise _broken(entry) from error
    except Exception as error:  # a framework may raise anything on import, MXNet AttributeError
        raise _broken(entry) from error


def _broken(entry: BackendEntry) -> BackendImportError:
    return BackendImportError(
        f"the backend {entry.name!r} could not be loaded: {entry.framework} is installed, but "
        "importing it failed with the error above. Repair that installation, or choose another "
        "backend."
    )


def list_backends(*, installed: bool = False) -> list[str]:
    """Returns the names of the backends, in alphabetical order, importing none of them.

    Args:
        installed: Only those whose framework is installed.

    Examples:
        >>> import unified_act as ua
        >>> ua.list_backends()
        ['mxnet', 'numpy', 'tensorflow', 'torch']
    """
    return [
        entry.name
        for entry in BUILTIN_BACKENDS.values()
        if not installed or _is_installed(entry.framework)
    ]


def _is_installed(framework: str) -> bool:
    if framework in sys.modules:  # may be a stub without a spec, or None, which blocks an import
        return sys.modules[framework] is not None
    return importlib.util.find_spec(framework) is not None


@contextlib.contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Makes `name` the default backend inside a ``with`` block, in this thread or task only.

    It decides for `get_activation` calls inside the block that name no backend; callables already
    handed out stay what they are.

    Args:
        name: A backend's name. It is loaded at once, so that a mistake shows here.

    Examples:
        >>> import unified_act as ua
        >>> with ua.use_backend("numpy"):
        ...     ua.get_activation("relu").backend
        'numpy'
    """
    token = _selected.set(load_backend(name).name)
    try:
        yield
    finally:
        _selected.reset(token)


def chosen_backend() -> str | None:
    """Returns the default backend: `use_backend`, else the environment variable, else None."""
    return _selected.get() or os.environ.get(ENVIRONMENT_VARIABLE) or None


def imported_backends() -> list[str]:
    """Returns the backends whose framework this process has already imported."""
    return [entry.name for entry in BUILTIN_BACKENDS.values() if entry.framework in sys.modules]


def backend_of(array: Any) -> Backend:
    """Returns the backend whose framework `array` belongs to.

    No framework is imported to find out: an array cannot exist before its framework does.

    Raises:
        InputTypeError: It belongs to none.
    """
    array_type = type(array)
    roots = {base.__module__.partition(".")[0] for base in array_type.__mro__}
    for entry in BUILTIN_BACKENDS.values():
        if entry.framework in roots and entry.framework in sys.modules:
            backend = load_backend(entry.name)
            if backend.accepts(array_type):
                return backend
    raise InputTypeError(
        f"no backend handles {array_type.__module__}.{array_type.__qualname__}. "
        f"Pass an array of one of: {', '.join(BUILTIN_BACKENDS)}; "
        "for plain numbers and lists, np.asarray(x, dtype=np.float32)."
    )
