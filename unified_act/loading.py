"""Finds and loads backends: the built-in ones, and those of other distributions."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from unified_act.errors import (
    BackendImportError,
    BackendNotInstalledError,
    InputTypeError,
    UnknownBackendError,
    suggest,
)
from unified_act.inputs import advice
from unified_act.literals import shown
from unified_act.names import normalize
from unified_act.registry import BACKENDS, Announcement, announced, announcement_of

if TYPE_CHECKING:
    from unified_act.backend import Backend

__all__ = [
    "BUILTIN_BACKENDS",
    "KERAS",
    "BackendEntry",
    "backend_entries",
    "backend_of",
    "chosen_backend",
    "computing_backend",
    "find_entry",
    "imported_backends",
    "list_backends",
    "load_backend",
    "loaded_backends",
    "numpy_namespace",
    "plugin_backends",
    "register_with_keras",
    "roots_of",
    "use_backend",
]

ENVIRONMENT_VARIABLE = "UNIFIED_ACT_BACKEND"


class BackendEntry(NamedTuple):
    """The place of a backend, known without importing anything.

    Attributes:
        name: The name that selects the backend.
        package: The import package that contains it.
        attribute: The attribute of the package that is the backend.
        framework: The top-level module of the framework, which defines its array types.
        distribution: The distribution that provides the backend.
    """

    name: str
    package: str
    attribute: str
    framework: str
    distribution: str

    @property
    def install(self) -> str:
        """The command that installs the framework for this backend."""
        if self.name in BUILTIN_BACKENDS or self.name in _extras(self.distribution):
            return f"pip install '{self.distribution}[{self.name}]'"
        return f"pip install {self.framework}"


def _extras(distribution: str) -> list[str]:
    from importlib.metadata import metadata

    return metadata(distribution).get_all("Provides-Extra", [])


def _built_in(name: str) -> BackendEntry:
    return BackendEntry(name, f"unified_act_{name}", "backend", name, "unified-act")


BUILTIN_BACKENDS = {name: _built_in(name) for name in ("mxnet", "numpy", "tensorflow", "torch")}

ALSO = {
    "gluon": "mxnet",
    "jnp": "jax",
    "mx": "mxnet",
    "np": "numpy",
    "pytorch": "torch",
    "tf": "tensorflow",
    "tf.keras": "tensorflow",
    "tfkeras": "tensorflow",
}
"""Other names of backends, normalized. TensorFlow's Keras runs on TensorFlow."""

KERAS = _built_in("keras")
"""It computes nothing itself: the backend of the framework that Keras runs on does. So it is not
in the lists of backends."""

_loaded: dict[str, Backend] = {}
_lock = threading.RLock()
_selected: ContextVar[str | None] = ContextVar("unified_act_backend", default=None)


def find_entry(name: str) -> BackendEntry:
    """Returns the entry of the backend called `name`, in any spelling, such as "tf" or "PyTorch".

    Raises:
        UnknownBackendError: There is no such backend.
    """
    if not isinstance(name, str):
        raise UnknownBackendError(
            f"a backend is named by a string, such as 'torch', got {shown(name)}."
        )
    key = normalize(name)
    if key in BUILTIN_BACKENDS:
        return BUILTIN_BACKENDS[key]
    announcement = announcement_of(BACKENDS, name)  # before ALSO: a plugin may have such a name
    if announcement is not None:
        return _announced(announcement)
    if key == KERAS.name:
        return KERAS
    if key in ALSO:
        return find_entry(ALSO[key])
    raise UnknownBackendError(f"unknown backend {shown(name)}. {suggest(name, list_backends())}")


def _announced(announcement: Announcement) -> BackendEntry:
    """Returns the entry of a backend from a plugin. Its name is the name of its framework."""
    return BackendEntry(
        name=announcement.name,
        package=announcement.module,
        attribute=announcement.attribute or "backend",
        framework=announcement.name,
        distribution=announcement.distribution,
    )


def plugin_backends() -> list[BackendEntry]:
    """Returns the entries of other distributions, but for names that are taken or ambiguous."""
    return [
        _announced(candidates[0])
        for key, candidates in announced(BACKENDS).items()
        if len(candidates) == 1 and key not in BUILTIN_BACKENDS
    ]


def backend_entries() -> list[BackendEntry]:
    """Returns the entries of all backends, in alphabetical order of their names."""
    return sorted((*BUILTIN_BACKENDS.values(), *plugin_backends()))


def load_backend(name: str) -> Backend:
    """Returns the backend called `name`, importing its framework on the first use.

    Raises:
        UnknownBackendError: There is no such backend.
        BackendNotInstalledError: Its framework is not installed.
        BackendImportError: The framework is installed, but importing it failed.
    """
    entry = find_entry(name)
    backend = _loaded.get(entry.name)
    if backend is None:
        with _lock:
            backend = _loaded.get(entry.name) or _import_backend(entry)
            _loaded[entry.name] = backend
    return backend


def computing_backend(name: str) -> str:
    """Returns the name of a backend; for ``"keras"``, of that which Keras's framework has.

    Raises:
        UnifiedActError: There is no such backend, or Keras cannot be loaded.
    """
    entry = find_entry(name)
    if entry is not KERAS:
        return entry.name
    return str(cast(Any, load_backend(entry.name)).computes_with)


def register_with_keras() -> None:
    """Makes layers and functions known to Keras, if it is imported, so that it loads models.

    It imports no framework. If Keras is broken, or just being imported, nothing happens: whoever
    asks for it by its name gets the error.
    """
    if _is_imported(KERAS.framework):
        with contextlib.suppress(Exception):
            importlib.import_module(KERAS.package)


def numpy_namespace() -> Any:
    """Returns the namespace of NumPy, on which a definition is composed of NumPy's functions."""
    return importlib.import_module(f"{find_entry('numpy').package}.namespace")


def _import_backend(entry: BackendEntry) -> Backend:
    try:
        found = getattr(importlib.import_module(entry.package), entry.attribute)
    except ModuleNotFoundError as error:
        if error.name == entry.framework:
            raise BackendNotInstalledError(
                f"the backend {entry.name!r} needs {entry.framework}, which is not installed. "
                f"Install it with: {entry.install}"
            ) from error
        raise _broken(entry) from error
    # Importing a framework may raise anything (MXNet: AttributeError), and a plugin may exit.
    except (Exception, SystemExit) as error:
        raise _broken(entry) from error
    from unified_act.backend import Backend  # every backend has already imported this

    wanted = sorted(name for name in vars(Backend) if not name.startswith("_"))
    missing = [name for name in wanted if not hasattr(found, name)]
    mocked = not missing and not all(isinstance(kind, type) for kind in found.types)
    if missing or mocked or found.name != entry.name:
        problem = f"it lacks {', '.join(missing)}" if missing else f"its name is {found.name!r}"
        problem = "its types are no types" if mocked else problem
        raise BackendImportError(
            f"{entry.package}:{entry.attribute}, the backend {entry.name!r} of "
            f"{entry.distribution}, is not a backend: {problem}. "
            "Its author must implement unified_act.backend.Backend."
        )
    return cast(Backend, found)


def _broken(entry: BackendEntry) -> BackendImportError:
    if entry is KERAS:
        problem = "importing Keras or the framework that it runs on"
        repair = "that installation, set KERAS_BACKEND to a framework that is installed"
    elif entry.name in BUILTIN_BACKENDS:
        problem, repair = f"{entry.framework} is installed, but importing it", "that installation"
    else:
        problem, repair = f"importing {entry.package}", f"{entry.distribution}, which brings it"
    return BackendImportError(
        f"the backend {entry.name!r} could not be loaded: {problem} failed with the error above. "
        f"Repair {repair}, or choose another backend."
    )


def list_backends(*, installed: bool = False) -> list[str]:
    """Returns the names of the backends in alphabetical order. No framework is imported.

    Args:
        installed: Whether to return only the backends whose framework is installed.

    Examples:
        >>> import unified_act as ua
        >>> ua.list_backends()
        ['jax', 'mxnet', 'numpy', 'tensorflow', 'torch']
    """
    return [
        entry.name for entry in backend_entries() if not installed or _is_installed(entry.framework)
    ]


def _is_installed(framework: str) -> bool:
    if framework in sys.modules:  # its entry may be a stub without a spec, or None to block imports
        return sys.modules[framework] is not None
    return importlib.util.find_spec(framework) is not None


@contextlib.contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Makes `name` the default backend inside a ``with`` block, in this thread or task only.

    Calls of `get_activation` and `get_layer` inside the block use this backend unless they name
    another. Functions from earlier calls do not change.

    Args:
        name: The name of a backend. It is loaded at once, so that a mistake is reported here.

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
    """Returns the default backend of `use_backend`, else of the environment variable, else None."""
    return _selected.get() or os.environ.get(ENVIRONMENT_VARIABLE) or None


def imported_backends(*, plugins: bool = False) -> list[str]:
    """Returns the backends whose framework this process has already imported.

    Keras comes first, since its models may also be modules of the framework that it runs on.

    Args:
        plugins: Whether to look for plugins, which takes time. Otherwise a backend of a plugin is
            included only once it is loaded.
    """
    entries = [KERAS, *BUILTIN_BACKENDS.values(), *(plugin_backends() if plugins else ())]
    imported = [entry.name for entry in entries if _is_imported(entry.framework)]
    return list(dict.fromkeys((*imported, *_loaded)))


def _is_imported(framework: str) -> bool:
    """Whether a framework is imported. None blocks its import, and a mock has no spec."""
    module = sys.modules.get(framework)
    return isinstance(module, ModuleType) and module.__spec__ is not None


def loaded_backends(*, plugins: bool = False) -> Iterator[Backend]:
    """Yields the backends of `imported_backends`, loaded.

    One that cannot be loaded is left out: the framework is a mock-up, broken, or just being
    imported. Whoever asks for it by its name, or by an array of it, gets the error.
    """
    for name in imported_backends(plugins=plugins):
        with contextlib.suppress(BackendImportError, BackendNotInstalledError):
            yield load_backend(name)


def roots_of(kind: type) -> set[str]:
    """Returns the top-level modules that define a type and its base classes."""
    return {base.__module__.partition(".")[0] for base in kind.__mro__}


def backend_of(array: Any) -> Backend:
    """Returns the backend whose framework `array` belongs to.

    This imports no framework: whoever has an array has already imported its framework.

    Raises:
        InputTypeError: The input belongs to no backend.
    """
    array_type = type(array)
    roots = roots_of(array_type)
    for entries in (BUILTIN_BACKENDS.values, plugin_backends, lambda: [KERAS]):
        for entry in entries():
            if entry.framework in roots and entry.framework in sys.modules:
                backend = load_backend(entry.name)
                if backend.accepts(array_type):
                    return backend
    raise InputTypeError(
        f"no backend handles {array_type.__module__}.{array_type.__qualname__}. "
        f"Pass an array of one of: {', '.join(list_backends())}. "
        f"{advice(array, 'np.asarray(x, dtype=np.float32)')}"
    )
