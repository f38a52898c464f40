"""What a definition may ask of a namespace, and a polynomial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["is_wide", "own", "polynomial", "repeated"]


def is_wide(xp: Any) -> bool:
    """Whether a namespace computes in a type much wider than that of the arrays.

    So do the kernels for float32, which compute in float64: nothing of float32 is subnormal there,
    and no error has to be kept small.
    """
    return getattr(xp, "wide", False) is True


def own(xp: Any, name: str) -> Any:
    """Returns a function of the namespace itself for a composition of this name, or None.

    It takes what the composition takes after `xp`.
    """
    found = getattr(xp, "own", None)
    return None if found is None else found.get(name)


def polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """Returns the polynomial with these coefficients, lowest first, by Horner's rule."""
    result = x * coefficients[-1] + coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        result = result * x + coefficient
    return result


def repeated(xp: Any, function: Callable[[Any], Any], times: int, x: Any) -> Any:
    """Returns what comes of `x` when `function` is applied to it several times.

    A namespace that would trace every one of so many operations has a shorter way.
    """
    quick = own(xp, "repeated")
    if quick is not None:
        return quick(function, times, x)
    for _ in range(times):
        x = function(x)
    return x
