"""Random numbers for stochastic activations: explicit, never from a hidden stream."""

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
        function: ``function(x, noise)``, the noise uniform between 0 and 1, ends excluded.
        uniform_like: ``uniform_like(x, generator)`` draws such noise.
        is_array: Whether something is an array of the framework, and so noise already.
    """

    def call(x: Any, generator: Any = None) -> Any:
        if generator is None:
            raise ParameterValueError(
                f"{name} draws random numbers: pass a seed, a generator of the framework, or an "
                "array of numbers between 0 and 1 as its second argument."
            )
        # An input that is no array has no shape to draw for: `function` says so.
        drawn = is_array(x) and not is_array(generator)
        return function(x, uniform_like(x, generator) if drawn else generator)

    return call


def seed_or_generator(given: Any, kind: type[_Generator]) -> int | _Generator:
    """Returns what random numbers are to come from: a seed as a Python integer, or a generator.

    Args:
        given: What a caller gave.
        kind: The framework's type of generators.

    Raises:
        ParameterValueError: It is neither.

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
            f"{kind.__qualname__}, or are given as an array; got {literal(given)}."
        ) from None
