"""Finds the source code of a definition, and the code that a call runs."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from unified_act import Activation
from unified_act.backend import DTYPES, Native, Numerics, Tabled, kernel_for
from unified_act.expression import PARTS, Derived
from unified_act.loading import find_entry, load_backend
from unified_act.serving import Offer, offer_of, serving

__all__ = [
    "code_of_call",
    "definitions",
    "framework_function",
    "native_table",
    "offer_in",
    "place_of",
]

DEFINED = ("definition", "derivative", "second derivative")
MISSING = "none: the framework differentiates the {}"
DERIVED = "derived from the {}"
_OURS = {
    "table": ("a table", "tables", "by_table"),
    "kernel": ("a fused kernel", "fused", "by_kernel"),
    "definition": ("the shared definition", "gradient", "shared_definition"),
}
"""What serves, in words; the module of the backend, and the function there that it goes through."""


def place_of(function: Callable[..., Any]) -> str:
    """Returns file, line and name of a function; of one that is not Python, its dotted name.

    The file is relative to the folder that holds the installed package.

    Args:
        function: The function.
    """
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    name = getattr(function, "__qualname__", repr(function))
    module = getattr(function, "__module__", None) or ""
    code = getattr(function, "__code__", None)
    if code is None:
        return f"{module}.{name}" if module else name
    path = Path(code.co_filename)
    package = getattr(sys.modules.get(module.partition(".")[0]), "__file__", None)
    if package is not None and path.is_relative_to(folder := Path(package).parent.parent):
        path = path.relative_to(folder)
    return f"{path}:{code.co_firstlineno} {name}"


def definitions(activation: Activation) -> dict[str, str]:
    """Returns where an activation and its derivatives are defined.

    Args:
        activation: The activation.
    """
    functions = (activation.forward, activation.derivative, activation.second_derivative)
    found: dict[str, str] = {}
    last = ""
    for what, part, function in zip(DEFINED, PARTS, functions, strict=True):
        written = function.activation if isinstance(function, Derived) else activation
        if function is not None and getattr(written, part):
            found[what] = place_of(function)
            last = what
        else:
            found[what] = (DERIVED if function else MISSING).format(last)
    return found


def code_of_call(
    activation: Activation,
    backend: str,
    dtype: str,
    parameters: Mapping[str, Any] | None,
    numerics: Numerics = "fast",
) -> str:
    """Returns the code that a call runs: a framework's function, or what our own goes through.

    Args:
        activation: The activation.
        backend: The name of the backend.
        dtype: The name of the float type.
        parameters: All parameters; None if they are not known.
        numerics: The profile.
    """
    loaded = load_backend(backend)
    served = {one.dtype: one for one in serving(offer_of(loaded), activation, parameters, numerics)}
    by, label = served[dtype].by, served[dtype].label
    if by == "framework":
        kernel = kernel_for(loaded.name, loaded.native, activation, numerics, parameters)
        if kernel is not None and kernel.is_override:
            return place_of(kernel.find(None))
        return f"{_home(backend).__name__}.{label}"
    words, module, function = _OURS[by]
    module = f"{find_entry(backend).package}.{module}"
    found = importlib.import_module(module) if importlib.util.find_spec(module) else None
    return f"{words}, through {place_of(getattr(found, function, type(loaded).implement))}"


def framework_function(backend: str, kernel: Native) -> Callable[..., Any]:
    """Returns the function that a row of a backend's table names.

    Args:
        backend: The name of the backend.
        kernel: The row.
    """
    return kernel.find(_home(backend))


def native_table(package: str) -> Mapping[str, Native]:
    """Returns the table of kernels of a backend, read without importing its framework.

    Args:
        package: The backend's package.

    Raises:
        ModuleNotFoundError: There is no such package, or it has no module `native`.
    """
    table: Mapping[str, Native] = _data(package).NATIVE
    return table


def offer_in(backend: str) -> Offer:
    """Returns what a backend offers. It is read without importing the framework, if it can be.

    Args:
        backend: The name of the backend.
    """
    package = find_entry(backend).package
    try:
        data = _data(package)
    except ModuleNotFoundError:  # a plugin may keep it elsewhere
        return offer_of(load_backend(backend))
    return Offer(
        backend,
        DTYPES,
        data.NATIVE,
        getattr(data, "TABLED", Tabled()),
        getattr(data, "DEVICES", None),
        getattr(data, "FUSED", ()),
        getattr(data, "FEW", 0),
    )


@functools.cache
def _data(package: str) -> ModuleType:
    """Returns the module `native` of a backend's package."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"no package {package}")
    path = Path(found.submodule_search_locations[0]) / "native.py"
    spec = importlib.util.spec_from_file_location(f"_{package}_native", path)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"{path} cannot be read")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _home(backend: str) -> Any:
    framework = importlib.import_module(find_entry(backend).framework)
    # MXNet keeps the operators on arrays in a module of their own.
    return getattr(framework, "nd", framework)
