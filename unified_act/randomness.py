"""Random numbers for stochastic activations: explicit, never from a hidden stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unified_act.errors import ParameterValueError

__all__ = ["with_generator"]


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
        noise = generator if is_array(generator) else uniform_like(x, generator)
        return function(x, noise)

    return call
