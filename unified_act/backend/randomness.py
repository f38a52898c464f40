"""Random numbers for stochastic activations. They never come from a global generator."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeVar

from unified_act.errors import ParameterValueError
from unified_act.literals import shown

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
        ParameterValueError: `given` is neither a seed nor a generator, or the seed is out of range.

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
        seed = operator.index(given)
    except TypeError:
        raise ParameterValueError(
            f"random numbers come from a seed, which is an integer, from a {kind.__module__}."
            f"{kind.__qualname__}, or from an array of them: pass one of these, got "
            f"{shown(given)}."
        ) from None
    if not 0 <= seed < 2**63:  # what every framework takes
        raise ParameterValueError(f"a seed is an integer from 0 to 2**63 - 1, got {shown(seed)}.")
    return seed
