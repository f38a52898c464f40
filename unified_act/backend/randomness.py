"""Random numbers for stochastic activations. They never come from a global generator."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeVar

from unified_act.errors import ParameterValueError
from unified_act.literals import literal

__all__ = ["seed_or_generator", "with_generator"]

_Generator = TypeVar("_Generator")


def with_generator(
    name: str,
    function: Callable[[Any, Any], Any],
    uniform_like: Callable[[Any, Any], Any],
    is_array: Callable[[Any], bool],
) -> Callable[..., Any]:
    """Returns ``call(x, generator)`` for a stochastic activation.

    Args:
        name: The activation's name.
        function: ``function(x, noise)``, with noise that is uniform between 0 and 1, both excluded.
        uniform_like: ``uniform_like(x, generator)`` draws such noise.
        is_array: Whether a value is an array of the framework.
    """

    def call(x: Any, generator: Any = None) -> Any:
        if generator is None:
            raise ParameterValueError(
                f"{name} draws random numbers: pass a seed, a generator of the framework, or an "
                "array of numbers between 0 and 1 as its second argument."
            )
        # If x is not an array, `function` raises the error about it.
        drawn = is_array(x) and not is_array(generator)
        return function(x, uniform_like(x, generator) if drawn else generator)

    return call


def seed_or_generator(given: Any, kind: type[_Generator]) -> int | _Generator:
    """Returns the source of random numbers: a seed as a Python integer, or a generator.

    Args:
        given: The seed or generator that a caller passed.
        kind: The type of the framework's random generators.

    Raises:
        ParameterValueError: `given` is neither a seed nor a generator.

    Examples:
        >>> import random
        >>> seed_or_generator(7, random.Random)
        7
    """
    if isinstance(given, kind):
        return given
    try:
        if isinstance(given, bool):
            raise TypeError
        return operator.index(given)
    except TypeError:
        raise ParameterValueError(
            f"random numbers come from a seed, which is an integer, from a {kind.__module__}."
            f"{kind.__qualname__}, or from an array of them: pass one of these, got "
            f"{literal(given)}."
        ) from None
