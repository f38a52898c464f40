"""Arrays in and out of each framework, bit for bit; the library itself has no need of it."""

from __future__ import annotations

import importlib
from typing import Any, Protocol

from unified_act_conformance.floats import FloatArray

__all__ = ["Harness", "load_harness"]


class Harness(Protocol):
    """The conversions of one framework."""

    def packages(self) -> list[str]:
        """The distributions whose versions say what was tested."""

    def to_native(self, values: FloatArray, dtype: str) -> Any:
        """The framework's array of the same values; `dtype` names the type of both."""

    def to_numpy(self, array: Any, dtype: str) -> FloatArray:
        """The reverse of `to_native`; raises `TypeError` if the array has another type."""


def load_harness(backend: str) -> Harness:
    """Returns the harness of a backend, importing its framework.

    Args:
        backend: The backend's name.
    """
    harness: Harness = importlib.import_module(f"{__name__}.{backend}").harness
    return harness


def check_dtype(found: str, wanted: str) -> None:
    """Raises `TypeError` unless an output has the type of the input."""
    if found != wanted:
        raise TypeError(f"the output is {found}, but the input {wanted}")
