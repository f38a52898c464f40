"""Imports MXNet 1.9.1 under a NumPy that is newer than it.

MXNet's last release reads names that NumPy has removed since: ``numpy.bool`` from 1.24 on, about
twenty more from 2.0 on. Putting them back into ``numpy`` would change it for everybody else in the
process (SciPy and scikit-learn, which MXNet imports, tell NumPy's version by such names), so they
are shown to MXNet alone.
"""

from __future__ import annotations

import importlib
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any, NoReturn

import numpy as np

_import_lock = threading.RLock()


def import_mxnet() -> ModuleType:
    """Imports MXNet, supplying the names that it misses in NumPy.

    The namespace of ``numpy`` is left as it was, but for the submodules of NumPy (``numpy.testing``
    and others) that MXNet and its dependencies import. An MXNet that is imported already is
    returned as it is.

    Returns:
        The module ``mxnet``.

    Raises:
        ModuleNotFoundError: MXNet is not installed.
        Exception: Whatever else MXNet's own import raises.
    """
    with _import_lock:
        if "mxnet" in sys.modules:
            return importlib.import_module("mxnet")  # waits, should another thread be importing it
        removed = _removed_names()
        # It and its dependencies warn; under `-W error` a warning would end the import.
        with warnings.catch_warnings(), _shown_to_mxnet(removed):
            warnings.simplefilter("ignore")
            mxnet = importlib.import_module("mxnet")
        _rebind_numpy(_NumPyForMXNet(removed))
        return mxnet


def _removed_names() -> dict[str, Any]:
    """Returns the names that MXNet reads and this NumPy lacks, with their old meaning."""
    replacements: dict[str, Any] = {
        "bool": bool,
        "int": int,
        "Inf": np.inf,
        "NAN": np.nan,
        "NaN": np.nan,
        "NINF": -np.inf,
        "NZERO": -0.0,
        "PINF": np.inf,
        "PZERO": 0.0,
        "alltrue": np.all,
        "compat": SimpleNamespace(basestring=str),
        "in1d": _in1d,
        "msort": _msort,
        "product": np.prod,
        "round_": np.round,
        "sometrue": np.any,
        # NumPy < 2 lacks the new name, but has the old one.
        "trapz": getattr(np, "trapezoid", None),
    }
    replacements |= {name: _gone(name) for name in ("mirr", "npv", "pmt", "ppmt", "pv", "rate")}
    # vars, not hasattr: asking NumPy for numpy.bool warns.
    return {name: value for name, value in replacements.items() if name not in vars(np)}


def _in1d(ar1: Any, ar2: Any, **options: Any) -> Any:
    return np.isin(np.ravel(ar1), ar2, **options)


def _msort(a: Any) -> Any:
    return np.sort(a, axis=0)


def _gone(name: str) -> Callable[..., NoReturn]:
    def function(*_: object, **__: object) -> NoReturn:
        raise RuntimeError(
            f"numpy.{name} was removed from NumPy; use {name} of the package numpy-financial"
        )

    function.__name__ = function.__qualname__ = name
    return function


@contextmanager
def _shown_to_mxnet(names: Mapping[str, Any]) -> Iterator[None]:
    """Makes ``numpy.<name>`` work for code in MXNet's modules, and for no other code."""
    namespace = vars(np)
    original = namespace["__getattr__"]

    def lookup(name: str) -> Any:
        if name in names:
            reader = sys._getframe(1).f_globals.get("__name__")
            if isinstance(reader, str) and _is_mxnet(reader):
                return names[name]
        return original(name)

    namespace["__getattr__"] = lookup
    try:
        yield
    finally:
        namespace["__getattr__"] = original


class _NumPyForMXNet(ModuleType):
    """``numpy`` with the removed names, which some of MXNet's functions read at each call."""

    def __init__(self, removed: Mapping[str, Any]) -> None:
        super().__init__("numpy", np.__doc__)
        vars(self).update(removed)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def __dir__(self) -> list[str]:
        return sorted({*dir(np), *vars(self)})


def _rebind_numpy(replacement: ModuleType) -> None:
    """Replaces ``numpy`` by ``replacement`` among the globals of MXNet's modules."""
    for module_name, module in list(sys.modules.items()):
        if _is_mxnet(module_name) and isinstance(module, ModuleType):
            for name, value in list(vars(module).items()):
                if value is np:
                    setattr(module, name, replacement)


def _is_mxnet(module_name: str) -> bool:
    return module_name == "mxnet" or module_name.startswith("mxnet.")
